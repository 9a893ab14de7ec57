/* Linear layers and the bias of packed qkv. */
#include "backend/ref/ref_private.h"

REF_OP(linear_fwd)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->y);
    const real *x = args->x.data, *w = args->w.data, *b = args->b.data;
    real *y = args->y.data;
    for (int64_t m = 0; m < M; m++) {
        for (int64_t n = 0; n < N; n++) {
            double bias = s4d_tensor_given(&args->b) ? (double)b[n] : 0;
            y[m * N + n] = (real)(dot(x + m * K, w + n * K, K) + bias);
        }
    }
}

static void linear_dx(const s4d_linear_bwd_args *args, int64_t M, int64_t K, int64_t N)
{
    const real *w = args->w.data, *dy = args->dy.data;
    real *dx = args->dx.data;
    for (int64_t m = 0; m < M; m++) {
        for (int64_t k = 0; k < K; k++) {
            double sum = args->add_dx ? (double)dx[m * K + k] : 0;
            for (int64_t n = 0; n < N; n++) {
                sum += (double)dy[m * N + n] * (double)w[n * K + k];
            }
            dx[m * K + k] = (real)sum;
        }
    }
}

static void linear_dw(const s4d_linear_bwd_args *args, int64_t M, int64_t K, int64_t N)
{
    const real *x = args->x.data, *dy = args->dy.data;
    real *dw = args->dw.data;
    for (int64_t n = 0; n < N; n++) {
        for (int64_t k = 0; k < K; k++) {
            double sum = (double)dw[n * K + k];
            for (int64_t m = 0; m < M; m++) {
                sum += (double)dy[m * N + n] * (double)x[m * K + k];
            }
            dw[n * K + k] = (real)sum;
        }
    }
}

REF_OP(linear_bwd)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->dy);
    if (s4d_tensor_given(&args->dx)) {
        linear_dx(args, M, K, N);
    }
    if (s4d_tensor_given(&args->dw)) {
        linear_dw(args, M, K, N);
    }
    if (s4d_tensor_given(&args->db)) {
        ref_add_columns(args->dy.data, M, N, N, args->db.data);
    }
}

REF_OP(qkv_fwd)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    const real *x = args->x.data, *w = args->w.data, *q_bias = args->q_bias.data, *v_bias = args->v_bias.data;
    real *y = args->y.data;
    for (int64_t m = 0; m < M; m++) {
        for (int64_t n = 0; n < 3 * D; n++) {
            double bias = n < D ? (double)q_bias[n] : n < 2 * D ? 0 : (double)v_bias[n - 2 * D];
            y[m * 3 * D + n] = (real)(dot(x + m * D, w + n * D, D) + bias);
        }
    }
}

REF_OP(qkv_bias_bwd)
{
    int64_t M = s4d_rows(&args->dy), D = s4d_width(&args->dq_bias);
    const real *dy = args->dy.data;
    ref_add_columns(dy, M, 3 * D, D, args->dq_bias.data);
    ref_add_columns(dy + 2 * D, M, 3 * D, D, args->dv_bias.data);
}
