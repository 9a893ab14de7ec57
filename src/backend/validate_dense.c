/* Shape rules of the products, rows, norms, attention and what stands between them. */
#include "backend/validate_private.h"

void s4d_validate_linear_fwd(const s4d_backend *be, const s4d_linear_fwd_args *args)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->y);
    ROWS(x, REAL, M, K);
    SHAPE(w, REAL, N, K);
    if (GIVEN(b)) {
        SHAPE(b, REAL, N);
    }
    ROWS(y, REAL, M, N);
    APART(y, x);
    APART(y, w);
    APART(y, b);
}

void s4d_validate_linear_bwd(const s4d_backend *be, const s4d_linear_bwd_args *args)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->dy);
    ROWS(x, REAL, M, K);
    SHAPE(w, REAL, N, K);
    ROWS(dy, REAL, M, N);
    if (GIVEN(dx)) {
        ROWS(dx, REAL, M, K);
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

void s4d_validate_qv_bias_fwd(const s4d_backend *be, const s4d_qv_bias_fwd_args *args)
{
    int64_t D = s4d_width(&args->q_bias);
    SHAPE(q_bias, REAL, D);
    SHAPE(v_bias, REAL, D);
    ROWS(qkv, REAL, s4d_rows(&args->qkv), 3 * D);
    APART(qkv, q_bias);
    APART(qkv, v_bias);
}

void s4d_validate_qv_bias_bwd(const s4d_backend *be, const s4d_qv_bias_bwd_args *args)
{
    int64_t D = s4d_width(&args->dq_bias);
    ROWS(dqkv, REAL, s4d_rows(&args->dqkv), 3 * D);
    SHAPE(dq_bias, REAL, D);
    SHAPE(dv_bias, REAL, D);
    APART(dq_bias, dqkv);
    APART(dv_bias, dqkv);
    APART(dq_bias, dv_bias);
}

void s4d_validate_add_rows(const s4d_backend *be, const s4d_add_rows_args *args)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2], N = args->table.dim[0];
    SHAPE(x, REAL, B, V, D);
    SHAPE(table, REAL, N, D);
    S4D_BUG_IF(N < V);
    if (GIVEN(index)) {
        SHAPE(index, S4D_I32, B, V);
    }
    SHAPE(y, REAL, B, V, D);
    APART_OR_SAME(y, x);
    APART(y, table);
    APART(y, index);
}

void s4d_validate_gather_rows(const s4d_backend *be, const s4d_gather_rows_args *args)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2], V = args->y.dim[1];
    SHAPE(x, REAL, B, N, D);
    SHAPE(index, S4D_I32, B, V);
    SHAPE(y, REAL, B, V, D);
    APART(y, x);
    APART(y, index);
}

void s4d_validate_scatter_rows(const s4d_backend *be, const s4d_scatter_rows_args *args)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2], N = args->y.dim[1];
    SHAPE(x, REAL, B, V, D);
    SHAPE(index, S4D_I32, B, V);
    SHAPE(y, REAL, B, N, D);
    S4D_BUG_IF(V > N);
    APART(y, x);
    APART(y, index);
}

void s4d_validate_token_fill_fwd(const s4d_backend *be, const s4d_token_fill_fwd_args *args)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2], M = args->masked.dim[1];
    SHAPE(x, REAL, B, V, D);
    SHAPE(token, REAL, D);
    SHAPE(visible, S4D_I32, B, V);
    SHAPE(masked, S4D_I32, B, M);
    SHAPE(y, REAL, B, V + M, D);
    APART(y, x);
    APART(y, token);
    APART(y, visible);
    APART(y, masked);
}

void s4d_validate_token_fill_bwd(const s4d_backend *be, const s4d_token_fill_bwd_args *args)
{
    int64_t B = args->dx.dim[0], V = args->dx.dim[1], D = args->dx.dim[2], M = args->masked.dim[1];
    SHAPE(dy, REAL, B, V + M, D);
    SHAPE(visible, S4D_I32, B, V);
    SHAPE(masked, S4D_I32, B, M);
    SHAPE(dx, REAL, B, V, D);
    SHAPE(dtoken, REAL, D);
    APART(dx, dy);
    APART(dtoken, dy);
    APART(dx, dtoken);
}

void s4d_validate_layer_norm_fwd(const s4d_backend *be, const s4d_layer_norm_fwd_args *args)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    S4D_BUG_IF(D < 1 || !(args->eps >= 0.0));
    ROWS(x, REAL, M, D);
    SHAPE(w, REAL, D);
    SHAPE(b, REAL, D);
    ROWS(mean, REAL, M);
    ROWS(rstd, REAL, M);
    ROWS(y, REAL, M, D);
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
    ROWS(x, REAL, M, D);
    SHAPE(w, REAL, D);
    ROWS(mean, REAL, M);
    ROWS(rstd, REAL, M);
    ROWS(dy, REAL, M, D);
    ROWS(dx, REAL, M, D);
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
    SHAPE(qkv, REAL, B, N, 3, H, d);
    SHAPE(stats, REAL, B, H, N);
    SHAPE(y, REAL, B, N, H, d);
    APART(y, qkv);
    APART(stats, qkv);
    APART(y, stats);
}

void s4d_validate_attention_bwd(const s4d_backend *be, const s4d_attention_bwd_args *args)
{
    int64_t B = args->qkv.dim[0], N = args->qkv.dim[1], H = args->qkv.dim[3], d = args->qkv.dim[4];
    SHAPE(qkv, REAL, B, N, 3, H, d);
    SHAPE(stats, REAL, B, H, N);
    SHAPE(y, REAL, B, N, H, d);
    SHAPE(dy, REAL, B, N, H, d);
    SHAPE(dqkv, REAL, B, N, 3, H, d);
    APART(dqkv, qkv);
    APART(dqkv, stats);
    APART(dqkv, y);
    APART(dqkv, dy);
}

void s4d_validate_gelu_fwd(const s4d_backend *be, const s4d_gelu_fwd_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    ROWS(x, REAL, n);
    ROWS(y, REAL, n);
    APART(y, x);
}

void s4d_validate_gelu_bwd(const s4d_backend *be, const s4d_gelu_bwd_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    ROWS(x, REAL, n);
    ROWS(dy, REAL, n);
    ROWS(dx, REAL, n);
    APART(dx, x);
    APART_OR_SAME(dx, dy);
}

void s4d_validate_residual_fwd(const s4d_backend *be, const s4d_residual_fwd_args *args)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2];
    SHAPE(x, REAL, B, N, D);
    SHAPE(r, REAL, B, N, D);
    if (GIVEN(keep)) {
        SHAPE(keep, REAL, B);
    }
    SHAPE(y, REAL, B, N, D);
    APART_OR_SAME(y, x);
    APART(y, r);
    APART(y, keep);
}

void s4d_validate_residual_bwd(const s4d_backend *be, const s4d_residual_bwd_args *args)
{
    int64_t B = args->dy.dim[0], N = args->dy.dim[1], D = args->dy.dim[2];
    SHAPE(dy, REAL, B, N, D);
    if (GIVEN(keep)) {
        SHAPE(keep, REAL, B);
    }
    SHAPE(dr, REAL, B, N, D);
    APART_OR_SAME(dr, dy);
    APART(dr, keep);
}

void s4d_validate_mean_pool_fwd(const s4d_backend *be, const s4d_mean_pool_fwd_args *args)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2];
    S4D_BUG_IF(N < 1);
    SHAPE(x, REAL, B, N, D);
    SHAPE(y, REAL, B, D);
    APART(y, x);
}

void s4d_validate_mean_pool_bwd(const s4d_backend *be, const s4d_mean_pool_bwd_args *args)
{
    int64_t B = args->dx.dim[0], N = args->dx.dim[1], D = args->dx.dim[2];
    S4D_BUG_IF(N < 1);
    SHAPE(dy, REAL, B, D);
    SHAPE(dx, REAL, B, N, D);
    APART(dx, dy);
}
