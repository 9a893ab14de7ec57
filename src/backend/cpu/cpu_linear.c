/* Linear layers, and the q/v bias of packed qkv. */
#include "backend/cpu/cpu_private.h"

void s4d_cpu_add_columns(s4d_backend *be, const float *x, int64_t m, int64_t n, int64_t stride, float *sum)
{
    int pieces = be->threads;
    double *partial = s4d_backend_scratch(be, (size_t)pieces * (size_t)n * sizeof *partial);
    if (!partial) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, m * n))
    for (int i = 0; i < pieces; ++i) {
        s4d_piece piece = s4d_piece_of(m, i, pieces);
        double *mine = partial + (int64_t)i * n;
        for (int64_t j = 0; j < n; ++j) mine[j] = 0;
        for (int64_t r = piece.first; r < piece.end; ++r) {
            const float *row = x + r * stride;
#pragma omp simd
            for (int64_t j = 0; j < n; ++j) mine[j] += (double)row[j];
        }
    }
    for (int64_t j = 0; j < n; ++j) {
        double total = 0;
        for (int i = 0; i < pieces; ++i) total += partial[(int64_t)i * n + j];
        sum[j] += (float)total;
    }
}

CPU_OP(linear_fwd)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = args->w.dim[0];
    float *y = args->y.data;
    const float *b = args->b.data;
    if (b) {
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * N))
        for (int64_t m = 0; m < M; ++m)
#pragma omp simd
            for (int64_t n = 0; n < N; ++n) y[m * N + n] = b[n];
    }
    s4d_cpu_gemm(be, &(s4d_gemm){.tb = true, .m = M, .n = N, .k = K, .alpha = 1, .beta = b ? 1.0f : 0.0f,
                                 .a = args->x.data, .lda = K, .b = args->w.data, .ldb = K, .c = y, .ldc = N});
}

CPU_OP(linear_bwd)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = args->w.dim[0];
    const float *dy = args->dy.data;
    if (s4d_tensor_given(&args->dx))
        s4d_cpu_gemm(be, &(s4d_gemm){.m = M, .n = K, .k = N, .alpha = 1, .beta = args->add_dx ? 1.0f : 0.0f, .a = dy,
                                     .lda = N, .b = args->w.data, .ldb = K, .c = args->dx.data, .ldc = K});
    if (s4d_tensor_given(&args->dw))
        s4d_cpu_gemm(be, &(s4d_gemm){.ta = true, .m = N, .n = K, .k = M, .alpha = 1, .beta = 1, .a = dy, .lda = N,
                                     .b = args->x.data, .ldb = K, .c = args->dw.data, .ldc = K});
    if (s4d_tensor_given(&args->db)) s4d_cpu_add_columns(be, dy, M, N, N, args->db.data);
}

CPU_OP(qkv_fwd)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    const float *q = args->q_bias.data, *v = args->v_bias.data;
    float *qkv = args->y.data;
    s4d_cpu_linear_fwd(be, &(s4d_linear_fwd_args){.x = args->x, .w = args->w, .y = args->y});
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * D))
    for (int64_t m = 0; m < M; ++m) {
        float *row = qkv + m * 3 * D;
#pragma omp simd
        for (int64_t i = 0; i < D; ++i) {
            row[i] += q[i];
            row[2 * D + i] += v[i];
        }
    }
}

CPU_OP(qkv_bias_bwd)
{
    int64_t M = s4d_rows(&args->dy), D = s4d_tensor_count(&args->dq_bias);
    const float *dqkv = args->dy.data;
    s4d_cpu_add_columns(be, dqkv, M, D, 3 * D, args->dq_bias.data);
    s4d_cpu_add_columns(be, dqkv + 2 * D, M, D, 3 * D, args->dv_bias.data);
}
