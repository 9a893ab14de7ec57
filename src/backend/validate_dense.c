/* Shape rules of the products, rows, norms, attention and what stands between them. */
#include "backend/validate_private.h"

void s4d_validate_linear_fwd(const s4d_backend *be, const s4d_linear_fwd_args *args)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->y);
    ROWS(x, ACT, M, K);
    SHAPE(w, ACT, N, K);
    if (GIVEN(b)) {
        SHAPE(b, args->y.dtype, N);
    }
    ROWS(y, ACT_OR_REAL, M, N);
    APART(y, x);
    APART(y, w);
    APART(y, b);
}

void s4d_validate_linear_bwd(const s4d_backend *be, const s4d_linear_bwd_args *args)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->dy);
    ROWS(x, ACT, M, K);
    SHAPE(w, ACT, N, K);
    ROWS(dy, ACT_OR_REAL, M, N);
    if (GIVEN(dx)) {
        ROWS(dx, ACT, M, K);
    }
    if (GIVEN(dw)) {
        SHAPE(dw, REAL, N, K);
    }
    if (GIVEN(db)) {
        SHAPE(db, REAL, N);
    }
    APART(dx, x);
    APART(dx, w);
    APART(dx, dy);
    APART(dw, x);
    APART(dw, w);
    APART(dw, dy);
    APART(db, dy);
    APART(dx, dw);
    APART(db, dw);
}

void s4d_validate_qkv_fwd(const s4d_backend *be, const s4d_qkv_fwd_args *args)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    ROWS(x, ACT, M, D);
    SHAPE(w, ACT, 3 * D, D);
    SHAPE(q_bias, REAL, D);
    SHAPE(v_bias, REAL, D);
    ROWS(y, ACT, M, 3 * D);
    APART(y, x);
    APART(y, w);
    APART(y, q_bias);
    APART(y, v_bias);
}

void s4d_validate_qkv_bias_bwd(const s4d_backend *be, const s4d_qkv_bias_bwd_args *args)
{
    int64_t D = s4d_width(&args->dq_bias);
    ROWS(dy, ACT, s4d_rows(&args->dy), 3 * D);
    SHAPE(dq_bias, REAL, D);
    SHAPE(dv_bias, REAL, D);
    APART(dq_bias, dy);
    APART(dv_bias, dy);
    APART(dq_bias, dv_bias);
}

void s4d_validate_add_rows(const s4d_backend *be, const s4d_add_rows_args *args)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2], N = args->table.dim[0];
    SHAPE(x, ACT, B, V, D);
    SHAPE(table, REAL, N, D);
    S4D_BUG_IF(N < V);
    if (GIVEN(index)) {
        SHAPE(index, S4D_I32, B, V);
    }
    SHAPE(y, ACT, B, V, D);
    APART_OR_SAME(y, x);
    APART(y, table);
    APART(y, index);
}

void s4d_validate_gather_rows(const s4d_backend *be, const s4d_gather_rows_args *args)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2], V = args->y.dim[1];
    SHAPE(x, ACT, B, N, D);
    SHAPE(index, S4D_I32, B, V);
    SHAPE(y, ACT, B, V, D);
    APART(y, x);
    APART(y, index);
}

void s4d_validate_scatter_rows(const s4d_backend *be, const s4d_scatter_rows_args *args)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2], N = args->y.dim[1];
    SHAPE(x, ACT, B, V, D);
    SHAPE(index, S4D_I32, B, V);
    SHAPE(y, ACT, B, N, D);
    S4D_BUG_IF(V > N);
    APART(y, x);
    APART(y, index);
}

void s4d_validate_token_fill_fwd(const s4d_backend *be, const s4d_token_fill_fwd_args *args)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2], M = args->masked.dim[1];
    SHAPE(x, ACT, B, V, D);
    SHAPE(token, REAL, D);
    SHAPE(visible, S4D_I32, B, V);
    SHAPE(masked, S4D_I32, B, M);
    SHAPE(y, ACT, B, V + M, D);
    APART(y, x);
    APART(y, token);
    APART(y, visible);
    APART(y, masked);
}

void s4d_validate_token_fill_bwd(const s4d_backend *be, const s4d_token_fill_bwd_args *args)
{
    int64_t B = args->dx.dim[0], V = args->dx.dim[1], D = args->dx.dim[2], M = args->masked.dim[1];
    SHAPE(dy, ACT, B, V + M, D);
    SHAPE(visible, S4D_I32, B, V);
    SHAPE(masked, S4D_I32, B, M);
    SHAPE(dx, ACT, B, V, D);
    SHAPE(dtoken, REAL, D);
    APART(dx, dy);
    APART(dtoken, dy);
    APART(dx, dtoken);
}

void s4d_validate_layer_norm_fwd(const s4d_backend *be, const s4d_layer_norm_fwd_args *args)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    S4D_BUG_IF(D < 1 || !(args->eps >= 0.0));
    ROWS(x, ACT, M, D);
    SHAPE(w, REAL, D);
    SHAPE(b, REAL, D);
    ROWS(mean, REAL, M);
    ROWS(rstd, REAL, M);
    ROWS(y, ACT, M, D);
    APART(y, x);
    APART(y, w);
    APART(y, b);
    APART(y, mean);
    APART(y, rstd);
    APART(mean, rstd);
}

void s4d_validate_layer_norm_bwd(const s4d_backend *be, const s4d_layer_norm_bwd_args *args)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    S4D_BUG_IF(D < 1);
    ROWS(x, ACT, M, D);
    SHAPE(w, REAL, D);
    ROWS(mean, REAL, M);
    ROWS(rstd, REAL, M);
    ROWS(dy, ACT, M, D);
    ROWS(dx, ACT, M, D);
    SHAPE(dw, REAL, D);
    SHAPE(db, REAL, D);
    APART(dx, x);
    APART(dx, dy);
    APART(dx, w);
    APART(dw, w);
    APART(dw, db);
}

void s4d_validate_attention_fwd(const s4d_backend *be, const s4d_attention_fwd_args *args)
{
    int64_t B = args->qkv.dim[0], N = args->qkv.dim[1], H = args->qkv.dim[3], d = args->qkv.dim[4];
    SHAPE(qkv, ACT, B, N, 3, H, d);
    SHAPE(stats, REAL, B, H, N);
    SHAPE(y, ACT, B, N, H, d);
    APART(y, qkv);
    APART(stats, qkv);
    APART(y, stats);
}

void s4d_validate_attention_bwd(const s4d_backend *be, const s4d_attention_bwd_args *args)
{
    int64_t B = args->qkv.dim[0], N = args->qkv.dim[1], H = args->qkv.dim[3], d = args->qkv.dim[4];
    SHAPE(qkv, ACT, B, N, 3, H, d);
    SHAPE(stats, REAL, B, H, N);
    SHAPE(y, ACT, B, N, H, d);
    SHAPE(dy, ACT, B, N, H, d);
    SHAPE(dqkv, ACT, B, N, 3, H, d);
    APART(dqkv, qkv);
    APART(dqkv, stats);
    APART(dqkv, y);
    APART(dqkv, dy);
}

void s4d_validate_gelu_fwd(const s4d_backend *be, const s4d_gelu_fwd_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    ROWS(x, ACT, n);
    ROWS(y, ACT, n);
    APART(y, x);
}

void s4d_validate_gelu_bwd(const s4d_backend *be, const s4d_gelu_bwd_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    ROWS(x, ACT, n);
    ROWS(dy, ACT, n);
    ROWS(dx, ACT, n);
    if (GIVEN(db)) {
        SHAPE(db, REAL, s4d_width(&args->x));
        S4D_BUG_IF(s4d_width(&args->dx) != s4d_width(&args->x));
    }
    APART(dx, x);
    APART_OR_SAME(dx, dy);
    APART(db, dx);
    APART(db, x);
}

void s4d_validate_residual_fwd(const s4d_backend *be, const s4d_residual_fwd_args *args)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2];
    SHAPE(x, ACT, B, N, D);
    SHAPE(r, ACT, B, N, D);
    if (GIVEN(keep)) {
        SHAPE(keep, REAL, B);
    }
    SHAPE(y, ACT, B, N, D);
    APART_OR_SAME(y, x);
    APART(y, r);
    APART(y, keep);
}

void s4d_validate_residual_bwd(const s4d_backend *be, const s4d_residual_bwd_args *args)
{
    int64_t B = args->dy.dim[0], N = args->dy.dim[1], D = args->dy.dim[2];
    SHAPE(dy, ACT, B, N, D);
    if (GIVEN(keep)) {
        SHAPE(keep, REAL, B);
    }
    SHAPE(dr, ACT, B, N, D);
    APART_OR_SAME(dr, dy);
    APART(dr, keep);
}

void s4d_validate_residual_norm_fwd(const s4d_backend *be, const s4d_residual_norm_fwd_args *args)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2];
    S4D_BUG_IF(D < 1 || !(args->eps >= 0.0));
    SHAPE(x, ACT, B, N, D);
    SHAPE(r, ACT, B, N, D);
    if (GIVEN(keep)) {
        SHAPE(keep, REAL, B);
    }
    SHAPE(y, ACT, B, N, D);
    SHAPE(w, REAL, D);
    SHAPE(b, REAL, D);
    ROWS(mean, REAL, B * N);
    ROWS(rstd, REAL, B * N);
    SHAPE(normed, ACT, B, N, D);
    APART_OR_SAME(y, x);
    APART(y, r);
    APART(y, normed);
    APART(normed, x);
    APART(normed, r);
    APART(mean, rstd);
}

void s4d_validate_mean_pool_fwd(const s4d_backend *be, const s4d_mean_pool_fwd_args *args)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2];
    S4D_BUG_IF(N < 1);
    SHAPE(x, ACT, B, N, D);
    SHAPE(y, ACT, B, D);
    APART(y, x);
}

void s4d_validate_mean_pool_bwd(const s4d_backend *be, const s4d_mean_pool_bwd_args *args)
{
    int64_t B = args->dx.dim[0], N = args->dx.dim[1], D = args->dx.dim[2];
    S4D_BUG_IF(N < 1);
    SHAPE(dy, ACT, B, D);
    SHAPE(dx, ACT, B, N, D);
    APART(dx, dy);
}
