/* Shape rules of the losses, the optimiser and the operations on whole blocks. */
#include "backend/validate_private.h"

void s4d_validate_mae_loss_fwd(const s4d_backend *be, const s4d_mae_loss_fwd_args *args)
{
    int64_t R = s4d_rows(&args->x), Q = s4d_width(&args->x);
    S4D_BUG_IF(R < 1 || Q < 1);
    ROWS(x, ACT, R, Q);
    ROWS(target, REAL, R, Q);
    SHAPE(value, S4D_F64, 1);
}

void s4d_validate_mae_loss_bwd(const s4d_backend *be, const s4d_mae_loss_bwd_args *args)
{
    int64_t R = s4d_rows(&args->x), Q = s4d_width(&args->x);
    S4D_BUG_IF(R < 1 || Q < 1);
    ROWS(x, ACT, R, Q);
    ROWS(target, REAL, R, Q);
    ROWS(dx, ACT, R, Q);
    APART(dx, x);
    APART(dx, target);
}

void s4d_validate_cross_entropy_fwd(const s4d_backend *be, const s4d_cross_entropy_fwd_args *args)
{
    int64_t B = s4d_rows(&args->logits), C = s4d_width(&args->logits);
    S4D_BUG_IF(B < 1 || C < 1);
    ROWS(logits, REAL, B, C);
    ROWS(target, REAL, B, C);
    if (GIVEN(weight)) {
        SHAPE(weight, REAL, C);
    }
    if (GIVEN(adjust)) {
        SHAPE(adjust, REAL, C);
    }
    ROWS(prob, REAL, B, C);
    SHAPE(value, S4D_F64, 1);
    APART(prob, logits);
    APART(prob, target);
}

void s4d_validate_cross_entropy_bwd(const s4d_backend *be, const s4d_cross_entropy_bwd_args *args)
{
    int64_t B = s4d_rows(&args->prob), C = s4d_width(&args->prob);
    S4D_BUG_IF(B < 1 || C < 1);
    ROWS(prob, REAL, B, C);
    ROWS(target, REAL, B, C);
    if (GIVEN(weight)) {
        SHAPE(weight, REAL, C);
    }
    ROWS(dlogits, REAL, B, C);
    APART(dlogits, prob);
    APART(dlogits, target);
}

void s4d_validate_adamw(const s4d_backend *be, const s4d_adamw_args *args)
{
    int64_t P = s4d_tensor_count(&args->w);
    SHAPE(w, REAL, P);
    SHAPE(g, REAL, P);
    SHAPE(m, REAL, P);
    SHAPE(v, REAL, P);
    if (GIVEN(low)) {
        SHAPE(low, ACT, P);
    }
    if (GIVEN(factor)) {
        SHAPE(factor, S4D_F64, 1);
    }
    if (GIVEN(go)) {
        SHAPE(go, S4D_I32, 1);
    }
    APART(low, w);
    APART(low, g);
    APART(w, g);
    APART(w, m);
    APART(w, v);
    APART(m, g);
    APART(m, v);
    APART(v, g);
    S4D_BUG_IF(
        !(args->beta1 >= 0.0 && args->beta1 < 1.0 && args->beta2 >= 0.0 && args->beta2 < 1.0));
    S4D_BUG_IF(args->segments < 0);
    for (int i = 0; !be->planning && i < args->segments; i++) {
        const s4d_adamw_segment *s = &args->segment[i];
        S4D_BUG_IF(s->offset < 0 || s->count < 0 || s->offset > P || s->count > P - s->offset ||
                   s->step < 1);
    }
}

void s4d_validate_square_norm(const s4d_backend *be, const s4d_square_norm_args *args)
{
    ROWS(x, REAL, s4d_tensor_count(&args->x));
    SHAPE(value, S4D_F64, 1);
    APART(value, x);
}

void s4d_validate_clip_norm(const s4d_backend *be, const s4d_clip_norm_args *args)
{
    S4D_BUG_IF(!(args->clip >= 0.0));
    SHAPE(square, S4D_F64, 1);
    if (GIVEN(loss)) {
        SHAPE(loss, S4D_F64, s4d_tensor_count(&args->loss));
    }
    SHAPE(norm, S4D_F64, 1);
    SHAPE(factor, S4D_F64, 1);
    SHAPE(go, S4D_I32, 1);
    APART(norm, square);
    APART(factor, norm);
    APART(factor, square);
}

void s4d_validate_scale(const s4d_backend *be, const s4d_scale_args *args)
{
    ROWS(x, REAL, s4d_tensor_count(&args->x));
}

void s4d_validate_lerp(const s4d_backend *be, const s4d_lerp_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    ROWS(x, REAL, n);
    ROWS(y, REAL, n);
    if (GIVEN(go)) {
        SHAPE(go, S4D_I32, 1);
    }
    APART(x, y);
}

void s4d_validate_zero(const s4d_backend *be, const s4d_zero_args *args)
{
    ROWS(x, args->x.dtype, s4d_tensor_count(&args->x));
}

void s4d_validate_add(const s4d_backend *be, const s4d_add_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    int type = args->x.dtype == S4D_F64 ? (int)S4D_F64 : REAL;
    ROWS(x, type, n);
    ROWS(y, type, n);
    APART(y, x);
}

void s4d_validate_all_finite(const s4d_backend *be, const s4d_all_finite_args *args)
{
    ROWS(x, REAL, s4d_tensor_count(&args->x));
    SHAPE(flag, S4D_I32, 1);
    APART(flag, x);
}

void s4d_validate_random(const s4d_backend *be, const s4d_random_args *args)
{
    S4D_BUG_IF(args->kind != S4D_UNIFORM && args->kind != S4D_NORMAL);
    ROWS(y, REAL, s4d_tensor_count(&args->y));
}

void s4d_validate_cast(const s4d_backend *be, const s4d_cast_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    ROWS(x, args->x.dtype, n);
    ROWS(y, args->y.dtype, n);
    APART(y, x);
}
