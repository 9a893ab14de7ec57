/* Moving rows: positions, gathering, scattering, the mask token, residuals, the mean over tokens. */
#include <string.h>

#include "backend/cpu/cpu_private.h"

static size_t row_bytes(int64_t D)
{
    return (size_t)D * sizeof(float);
}

CPU_OP(add_rows)
{
    int64_t V = args->x.dim[1], D = s4d_width(&args->x), M = s4d_rows(&args->x);
    const float *x = args->x.data, *table = args->table.data;
    const int32_t *index = args->index.data;
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * D))
    for (int64_t m = 0; m < M; ++m) {
        const float *row = table + (index ? index[m] : m % V) * D;
#pragma omp simd
        for (int64_t i = 0; i < D; ++i) y[m * D + i] = x[m * D + i] + row[i];
    }
}

CPU_OP(gather_rows)
{
    int64_t N = args->x.dim[1], D = s4d_width(&args->x), V = args->index.dim[1], M = s4d_rows(&args->y);
    const float *x = args->x.data;
    const int32_t *index = args->index.data;
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * D))
    for (int64_t m = 0; m < M; ++m) memcpy(y + m * D, x + (m / V * N + index[m]) * D, row_bytes(D));
}

CPU_OP(scatter_rows)
{
    int64_t B = args->y.dim[0], N = args->y.dim[1], D = s4d_width(&args->y), V = args->index.dim[1];
    const float *x = args->x.data;
    const int32_t *index = args->index.data;
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, B * N * D))
    for (int64_t b = 0; b < B; ++b) {
        memset(y + b * N * D, 0, row_bytes(N * D));
        for (int64_t i = 0; i < V; ++i) memcpy(y + (b * N + index[b * V + i]) * D, x + (b * V + i) * D, row_bytes(D));
    }
}

CPU_OP(token_fill_fwd)
{
    int64_t B = args->y.dim[0], N = args->y.dim[1], D = s4d_width(&args->y), V = args->visible.dim[1], K = args->masked.dim[1];
    const float *x = args->x.data, *token = args->token.data;
    const int32_t *visible = args->visible.data, *masked = args->masked.data;
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, B * N * D))
    for (int64_t b = 0; b < B; ++b) {
        for (int64_t i = 0; i < V; ++i) memcpy(y + (b * N + visible[b * V + i]) * D, x + (b * V + i) * D, row_bytes(D));
        for (int64_t i = 0; i < K; ++i) memcpy(y + (b * N + masked[b * K + i]) * D, token, row_bytes(D));
    }
}

CPU_OP(token_fill_bwd)
{
    int64_t B = args->dy.dim[0], N = args->dy.dim[1], D = s4d_width(&args->dy), V = args->visible.dim[1],
            K = args->masked.dim[1];
    const float *dy = args->dy.data;
    const int32_t *visible = args->visible.data, *masked = args->masked.data;
    float *dx = args->dx.data, *dtoken = args->dtoken.data;
    double *partial = s4d_backend_scratch(be, (size_t)B * (size_t)D * sizeof *partial);
    if (!partial) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, B * N * D))
    for (int64_t b = 0; b < B; ++b) {
        double *mine = partial + b * D;
        for (int64_t j = 0; j < D; ++j) mine[j] = 0;
        for (int64_t i = 0; i < V; ++i) memcpy(dx + (b * V + i) * D, dy + (b * N + visible[b * V + i]) * D, row_bytes(D));
        for (int64_t i = 0; i < K; ++i) {
            const float *row = dy + (b * N + masked[b * K + i]) * D;
#pragma omp simd
            for (int64_t j = 0; j < D; ++j) mine[j] += (double)row[j];
        }
    }
    for (int64_t j = 0; j < D; ++j) {
        double sum = 0;
        for (int64_t b = 0; b < B; ++b) sum += partial[b * D + j];
        dtoken[j] += (float)sum;
    }
}

CPU_OP(residual_fwd)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x), N = args->x.dim[1];
    const float *x = args->x.data, *r = args->r.data, *keep = args->keep.data;
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * D))
    for (int64_t m = 0; m < M; ++m) {
        float k = keep ? keep[m / N] : 1;
#pragma omp simd
        for (int64_t i = m * D; i < (m + 1) * D; ++i) y[i] = x[i] + k * r[i];
    }
}

CPU_OP(residual_bwd)
{
    int64_t M = s4d_rows(&args->dy), D = s4d_width(&args->dy), N = args->dy.dim[1];
    const float *dy = args->dy.data, *keep = args->keep.data;
    float *dr = args->dr.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * D))
    for (int64_t m = 0; m < M; ++m) {
        float k = keep ? keep[m / N] : 1;
#pragma omp simd
        for (int64_t i = m * D; i < (m + 1) * D; ++i) dr[i] = k * dy[i];
    }
}

CPU_OP(residual_norm_fwd)
{
    s4d_cpu_residual_fwd(be, &(s4d_residual_fwd_args){.x = args->x, .r = args->r, .keep = args->keep, .y = args->y});
    s4d_cpu_layer_norm_fwd(be, &(s4d_layer_norm_fwd_args){.x = args->y, .w = args->w, .b = args->b, .eps = args->eps,
                                                          .mean = args->mean, .rstd = args->rstd, .y = args->normed});
}

CPU_OP(mean_pool_fwd)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = s4d_width(&args->x);
    const float *x = args->x.data;
    float *y = args->y.data;
    double *sums = s4d_backend_scratch(be, (size_t)B * (size_t)D * sizeof *sums);
    if (!sums) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, B * N * D))
    for (int64_t b = 0; b < B; ++b) {
        double *sum = sums + b * D;
        for (int64_t i = 0; i < D; ++i) sum[i] = 0;
        for (int64_t n = 0; n < N; ++n) {
            const float *row = x + (b * N + n) * D;
#pragma omp simd
            for (int64_t i = 0; i < D; ++i) sum[i] += (double)row[i];
        }
        for (int64_t i = 0; i < D; ++i) y[b * D + i] = (float)(sum[i] / (double)N);
    }
}

CPU_OP(mean_pool_bwd)
{
    int64_t M = s4d_rows(&args->dx), N = args->dx.dim[1], D = s4d_width(&args->dx);
    const float *dy = args->dy.data;
    float *dx = args->dx.data, share = (float)N;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * D))
    for (int64_t m = 0; m < M; ++m) {
        const float *row = dy + m / N * D;
#pragma omp simd
        for (int64_t i = 0; i < D; ++i) dx[m * D + i] = row[i] / share;
    }
}
