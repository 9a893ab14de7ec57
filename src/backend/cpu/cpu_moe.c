/* Experts: grouped products and the traffic to and from the dispatch buffer. */
#include <string.h>

#include "backend/cpu/cpu_private.h"

/* Rows of group e. */
static s4d_piece group(const s4d_tensor *offset, int64_t stride, int64_t e)
{
    const int32_t *o = offset->data;
    return stride ? (s4d_piece){e * stride, (e + 1) * stride} : (s4d_piece){o[e], o[e + 1]};
}

CPU_OP(grouped_linear_fwd)
{
    int64_t E = args->w.dim[0], N = args->w.dim[1], K = args->w.dim[2];
    const float *x = args->x.data, *w = args->w.data, *b = args->b.data;
    float *y = args->y.data;
    for (int64_t e = 0; e < E; ++e) {
        s4d_piece own = group(&args->offset, args->stride, e);
        int64_t first = own.first, n = own.end - first;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, n * N))
        for (int64_t r = first; r < first + n; ++r) memcpy(y + r * N, b + e * N, (size_t)N * sizeof *y);
        s4d_cpu_gemm(be, &(s4d_gemm){.tb = true, .m = n, .n = N, .k = K, .alpha = 1, .beta = 1, .a = x + first * K,
                                     .lda = K, .b = w + e * N * K, .ldb = K, .c = y + first * N, .ldc = N});
    }
}

CPU_OP(grouped_linear_bwd)
{
    int64_t E = args->w.dim[0], N = args->w.dim[1], K = args->w.dim[2];
    const float *x = args->x.data, *w = args->w.data, *dy = args->dy.data;
    float *dx = args->dx.data, *dw = args->dw.data, *db = args->db.data;
    for (int64_t e = 0; e < E; ++e) {
        s4d_piece own = group(&args->offset, args->stride, e);
        int64_t first = own.first, n = own.end - first;
        if (n == 0) continue;
        if (dx)
            s4d_cpu_gemm(be, &(s4d_gemm){.m = n, .n = K, .k = N, .alpha = 1, .a = dy + first * N, .lda = N,
                                         .b = w + e * N * K, .ldb = K, .c = dx + first * K, .ldc = K});
        s4d_cpu_gemm(be, &(s4d_gemm){.ta = true, .m = N, .n = K, .k = n, .alpha = 1, .beta = 1, .a = dy + first * N,
                                     .lda = N, .b = x + first * K, .ldb = K, .c = dw + e * N * K, .ldc = K});
        s4d_cpu_add_columns(be, dy + first * N, n, N, N, db + e * N);
    }
}

CPU_OP(moe_dispatch_fwd)
{
    int64_t D = s4d_width(&args->x), R = s4d_tensor_count(&args->token);
    const float *x = args->x.data;
    const int32_t *token = args->token.data;
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, R * D))
    for (int64_t r = 0; r < R; ++r) {
        if (token[r] < 0)
            memset(y + r * D, 0, (size_t)D * sizeof *y);
        else
            memcpy(y + r * D, x + token[r] * D, (size_t)D * sizeof *y);
    }
}

CPU_OP(moe_dispatch_bwd)
{
    int64_t M = args->slot.dim[0], K = args->slot.dim[1], D = s4d_width(&args->dx);
    const float *dy = args->dy.data;
    const int32_t *slot = args->slot.data;
    float *dx = args->dx.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * K * D))
    for (int64_t m = 0; m < M; ++m)
        for (int64_t k = 0; k < K; ++k) {
            if (slot[m * K + k] < 0) continue;
            const float *row = dy + (int64_t)slot[m * K + k] * D;
#pragma omp simd
            for (int64_t i = 0; i < D; ++i) dx[m * D + i] += row[i];
        }
}

CPU_OP(moe_combine_fwd)
{
    int64_t M = args->slot.dim[0], K = args->slot.dim[1], D = s4d_width(&args->y);
    const float *x = args->x.data, *gate = args->gate.data;
    const int32_t *slot = args->slot.data;
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * K * D))
    for (int64_t m = 0; m < M; ++m) {
        if (!args->add_y) memset(y + m * D, 0, (size_t)D * sizeof *y);
        for (int64_t k = 0; k < K; ++k) {
            if (slot[m * K + k] < 0) continue;
            const float *row = x + (int64_t)slot[m * K + k] * D;
            float g = gate[m * K + k];
#pragma omp simd
            for (int64_t i = 0; i < D; ++i) y[m * D + i] += g * row[i];
        }
    }
}

CPU_OP(moe_combine_bwd)
{
    int64_t M = args->slot.dim[0], K = args->slot.dim[1], D = s4d_width(&args->dy);
    const float *x = args->x.data, *gate = args->gate.data, *dy = args->dy.data;
    const int32_t *slot = args->slot.data;
    float *dx = args->dx.data, *dgate = args->dgate.data;
    int64_t R = s4d_tensor_count(&args->token);
    const int32_t *token = args->token.data;
    for (int64_t r = 0; r < R; ++r)
        if (token[r] < 0) memset(dx + r * D, 0, (size_t)D * sizeof *dx);
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * K * D))
    for (int64_t m = 0; m < M; ++m)
        for (int64_t k = 0; k < K; ++k) {
            double sum = 0;
            if (slot[m * K + k] >= 0) {
                int64_t r = (int64_t)slot[m * K + k] * D;
                float g = gate[m * K + k];
#pragma omp simd reduction(+ : sum)
                for (int64_t i = 0; i < D; ++i) {
                    dx[r + i] = g * dy[m * D + i];
                    sum += (double)x[r + i] * (double)dy[m * D + i];
                }
            }
            dgate[m * K + k] = (float)sum;
        }
}
