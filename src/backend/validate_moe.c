/* Shape rules of routing and experts. */
#include "backend/validate_private.h"

enum { MAX_EXPERTS = 64 };

void s4d_validate_route_fwd(const s4d_backend *be, const s4d_route_fwd_args *args)
{
    int64_t M = s4d_rows(&args->logits), E = s4d_width(&args->logits), K = s4d_width(&args->gate);
    S4D_BUG_IF(K < 1 || K > E || E > MAX_EXPERTS);
    ROWS(logits, REAL, M, E);
    S4D_BUG_IF(GIVEN(noise) != GIVEN(noise_logits));
    if (GIVEN(noise)) {
        ROWS(noise_logits, REAL, M, E);
        ROWS(noise, REAL, M, E);
    }
    ROWS(noisy, REAL, M, E);
    ROWS(index, S4D_I32, M, K);
    ROWS(gate, REAL, M, K);
    APART(noisy, logits);
    APART(noisy, noise_logits);
    APART(noisy, noise);
    APART(gate, logits);
    APART(gate, noisy);
    APART(index, noisy);
}

void s4d_validate_route_bwd(const s4d_backend *be, const s4d_route_bwd_args *args)
{
    int64_t M = s4d_rows(&args->dlogits), E = s4d_width(&args->dlogits), K = s4d_width(&args->gate);
    S4D_BUG_IF(K < 1 || K > E || E > MAX_EXPERTS);
    ROWS(gate, REAL, M, K);
    ROWS(index, S4D_I32, M, K);
    ROWS(dgate, REAL, M, K);
    if (GIVEN(dnoisy)) {
        ROWS(dnoisy, REAL, M, E);
    }
    S4D_BUG_IF(GIVEN(noise) != GIVEN(noise_logits) || GIVEN(noise) != GIVEN(dnoise_logits));
    if (GIVEN(noise)) {
        ROWS(noise_logits, REAL, M, E);
        ROWS(noise, REAL, M, E);
        ROWS(dnoise_logits, REAL, M, E);
    }
    ROWS(dlogits, REAL, M, E);
    APART(dlogits, gate);
    APART(dlogits, dgate);
    APART(dlogits, dnoisy);
    APART(dlogits, noise);
    APART(dlogits, noise_logits);
    APART(dlogits, dnoise_logits);
    APART(dnoise_logits, dnoisy);
    APART(dnoise_logits, noise);
    APART(dnoise_logits, noise_logits);
}

void s4d_validate_moe_plan(const s4d_backend *be, const s4d_moe_plan_args *args)
{
    int64_t M = s4d_rows(&args->index), K = s4d_width(&args->index), E = s4d_width(&args->load);
    S4D_BUG_IF(K < 1 || K > E || E > MAX_EXPERTS || args->capacity < -1);
    S4D_BUG_IF(M > INT32_MAX / K);
    S4D_BUG_IF(args->stride != 0 && (args->capacity < 0 || args->stride < args->capacity || args->stride > INT32_MAX / E));
    ROWS(index, S4D_I32, M, K);
    SHAPE(offset, S4D_I32, E + 1);
    ROWS(slot, S4D_I32, M, K);
    ROWS(token, S4D_I32, args->stride ? E * args->stride : M * K);
    SHAPE(load, S4D_I32, E);
    SHAPE(dropped, S4D_I32, 1);
    APART(slot, index);
    APART(token, index);
    APART(slot, token);
}

/* Which rows are an expert's. */
#define GROUPS(R, E)                                                                               \
    do {                                                                                           \
        S4D_BUG_IF(args->stride < 0 || (args->stride > 0) == GIVEN(offset));                       \
        if (args->stride) {                                                                        \
            S4D_BUG_IF((R) != (E) * args->stride);                                                 \
        } else {                                                                                   \
            SHAPE(offset, S4D_I32, (E) + 1);                                                       \
        }                                                                                          \
    } while (0)

void s4d_validate_grouped_linear_fwd(const s4d_backend *be, const s4d_grouped_linear_fwd_args *args)
{
    int64_t R = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->y),
            E = args->w.dim[0];
    ROWS(x, ACT, R, K);
    SHAPE(w, ACT, E, N, K);
    SHAPE(b, ACT, E, N);
    GROUPS(R, E);
    ROWS(y, ACT, R, N);
    APART(y, x);
    APART(y, w);
    APART(y, b);
}

void s4d_validate_grouped_linear_bwd(const s4d_backend *be, const s4d_grouped_linear_bwd_args *args)
{
    int64_t R = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->dy),
            E = args->w.dim[0];
    ROWS(x, ACT, R, K);
    SHAPE(w, ACT, E, N, K);
    ROWS(dy, ACT, R, N);
    GROUPS(R, E);
    if (GIVEN(dx)) {
        ROWS(dx, ACT, R, K);
    }
    SHAPE(dw, REAL, E, N, K);
    SHAPE(db, REAL, E, N);
    APART(dx, x);
    APART(dx, w);
    APART(dx, dy);
    APART(dw, x);
    APART(dw, w);
    APART(dw, dy);
    APART(dw, db);
}

void s4d_validate_moe_dispatch_fwd(const s4d_backend *be, const s4d_moe_dispatch_fwd_args *args)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x), R = s4d_tensor_count(&args->token);
    ROWS(x, ACT, M, D);
    ROWS(token, S4D_I32, R);
    ROWS(y, ACT, R, D);
    APART(y, x);
    APART(y, token);
}

void s4d_validate_moe_dispatch_bwd(const s4d_backend *be, const s4d_moe_dispatch_bwd_args *args)
{
    int64_t M = s4d_rows(&args->dx), D = s4d_width(&args->dx), K = s4d_width(&args->slot);
    ROWS(dy, ACT, s4d_rows(&args->dy), D);
    ROWS(slot, S4D_I32, M, K);
    ROWS(dx, ACT, M, D);
    APART(dx, dy);
    APART(dx, slot);
}

void s4d_validate_moe_combine_fwd(const s4d_backend *be, const s4d_moe_combine_fwd_args *args)
{
    int64_t M = s4d_rows(&args->y), D = s4d_width(&args->y), K = s4d_width(&args->gate);
    ROWS(x, ACT, s4d_rows(&args->x), D);
    ROWS(gate, REAL, M, K);
    ROWS(slot, S4D_I32, M, K);
    ROWS(y, ACT, M, D);
    APART(y, x);
    APART(y, gate);
    APART(y, slot);
}

void s4d_validate_moe_combine_bwd(const s4d_backend *be, const s4d_moe_combine_bwd_args *args)
{
    int64_t R = s4d_rows(&args->x), M = s4d_rows(&args->dy), D = s4d_width(&args->dy),
            K = s4d_width(&args->gate);
    ROWS(x, ACT, R, D);
    ROWS(gate, REAL, M, K);
    ROWS(slot, S4D_I32, M, K);
    ROWS(token, S4D_I32, R);
    ROWS(dy, ACT, M, D);
    ROWS(dx, ACT, R, D);
    ROWS(dgate, REAL, M, K);
    APART(dx, x);
    APART(dx, dy);
    APART(dx, gate);
    APART(dgate, gate);
    APART(dgate, dy);
    APART(dgate, dx);
}

void s4d_validate_balance_loss_fwd(const s4d_backend *be, const s4d_balance_loss_fwd_args *args)
{
    int64_t B = args->noisy.dim[0], N = args->noisy.dim[1], E = args->noisy.dim[2],
            K = args->index.dim[2];
    S4D_BUG_IF(args->kind != S4D_BALANCE_LOGITS && args->kind != S4D_BALANCE_SOFTMAX);
    S4D_BUG_IF(B < 1 || N < 1 || E > MAX_EXPERTS || K > E);
    SHAPE(noisy, REAL, B, N, E);
    SHAPE(index, S4D_I32, B, N, K);
    SHAPE(f, REAL, B, E);
    SHAPE(value, S4D_F64, 1);
    APART(f, noisy);
    APART(f, index);
}

void s4d_validate_balance_loss_bwd(const s4d_backend *be, const s4d_balance_loss_bwd_args *args)
{
    int64_t B = args->noisy.dim[0], N = args->noisy.dim[1], E = args->noisy.dim[2];
    S4D_BUG_IF(args->kind != S4D_BALANCE_LOGITS && args->kind != S4D_BALANCE_SOFTMAX);
    S4D_BUG_IF(B < 1 || N < 1 || E > MAX_EXPERTS);
    SHAPE(noisy, REAL, B, N, E);
    SHAPE(f, REAL, B, E);
    SHAPE(dnoisy, REAL, B, N, E);
    APART(dnoisy, noisy);
    APART(dnoisy, f);
}
