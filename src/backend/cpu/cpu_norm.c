/* LayerNorm: two passes over a row for mean and variance; weight gradients summed in one piece a thread. */
#include <math.h>

#include "backend/cpu/cpu_private.h"

CPU_OP(layer_norm_fwd)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    const float *x = args->x.data, *w = args->w.data, *b = args->b.data;
    float *y = args->y.data, *mean = args->mean.data, *rstd = args->rstd.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * D))
    for (int64_t m = 0; m < M; ++m) {
        const float *row = x + m * D;
        double sum = 0, square = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < D; ++i) sum += (double)row[i];
        double mu = sum / (double)D;
#pragma omp simd reduction(+ : square)
        for (int64_t i = 0; i < D; ++i) square += ((double)row[i] - mu) * ((double)row[i] - mu);
        double r = 1 / sqrt(square / (double)D + args->eps);
        mean[m] = (float)mu;
        rstd[m] = (float)r;
        float *out = y + m * D;
#pragma omp simd
        for (int64_t i = 0; i < D; ++i) out[i] = (float)(((double)row[i] - mu) * r * (double)w[i] + (double)b[i]);
    }
}

/* One row's dx, with dw and db gathered in this thread's sums. */
static void row_bwd(const s4d_layer_norm_bwd_args *args, int64_t m, int64_t D, double *dw, double *db)
{
    const float *x = (const float *)args->x.data + m * D, *dy = (const float *)args->dy.data + m * D, *w = args->w.data;
    double mu = (double)((const float *)args->mean.data)[m], r = (double)((const float *)args->rstd.data)[m];
    double sum = 0, with_x = 0;
#pragma omp simd reduction(+ : sum, with_x)
    for (int64_t i = 0; i < D; ++i) {
        double normed = ((double)x[i] - mu) * r, g = (double)dy[i] * (double)w[i];
        sum += g;
        with_x += g * normed;
        dw[i] += (double)dy[i] * normed;
        db[i] += (double)dy[i];
    }
    sum /= (double)D;
    with_x /= (double)D;
    float *dx = (float *)args->dx.data + m * D;
    if (args->add_dx) {
#pragma omp simd
        for (int64_t i = 0; i < D; ++i)
            dx[i] += (float)(((double)dy[i] * (double)w[i] - sum - ((double)x[i] - mu) * r * with_x) * r);
    } else {
#pragma omp simd
        for (int64_t i = 0; i < D; ++i)
            dx[i] = (float)(((double)dy[i] * (double)w[i] - sum - ((double)x[i] - mu) * r * with_x) * r);
    }
}

CPU_OP(layer_norm_bwd)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    int pieces = be->threads;
    double *partial = s4d_backend_scratch(be, (size_t)pieces * 2 * (size_t)D * sizeof *partial);
    if (!partial) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * D))
    for (int i = 0; i < pieces; ++i) {
        s4d_piece piece = s4d_piece_of(M, i, pieces);
        double *mine = partial + (int64_t)i * 2 * D;
        for (int64_t j = 0; j < 2 * D; ++j) mine[j] = 0;
        for (int64_t m = piece.first; m < piece.end; ++m) row_bwd(args, m, D, mine, mine + D);
    }
    float *dw = args->dw.data, *db = args->db.data;
    for (int64_t j = 0; j < D; ++j) {
        double w = 0, b = 0;
        for (int i = 0; i < pieces; ++i) {
            w += partial[(int64_t)i * 2 * D + j];
            b += partial[(int64_t)i * 2 * D + D + j];
        }
        dw[j] += (float)w;
        db[j] += (float)b;
    }
}
