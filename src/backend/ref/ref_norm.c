/* LayerNorm over the last dimension. */
#include <math.h>

#include "backend/ref/ref_private.h"

REF_OP(layer_norm_fwd)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    const real *w = args->w.data, *b = args->b.data;
    for (int64_t m = 0; m < M; m++) {
        const real *x = (const real *)args->x.data + m * D;
        real *y = (real *)args->y.data + m * D;
        double sum = 0, square = 0;
        for (int64_t d = 0; d < D; d++) {
            sum += (double)x[d];
        }
        double mean = sum / (double)D;
        for (int64_t d = 0; d < D; d++) {
            square += ((double)x[d] - mean) * ((double)x[d] - mean);
        }
        double rstd = 1 / sqrt(square / (double)D + args->eps);
        for (int64_t d = 0; d < D; d++) {
            y[d] = (real)(((double)x[d] - mean) * rstd * (double)w[d] + (double)b[d]);
        }
        ((real *)args->mean.data)[m] = (real)mean;
        ((real *)args->rstd.data)[m] = (real)rstd;
    }
}

/* dx = rstd * (g - mean(g) - xhat * mean(g * xhat)) with g = dy * w and xhat = (x - mean) * rstd.
 */
static void norm_dx(const s4d_layer_norm_bwd_args *args, int64_t m, int64_t D)
{
    const real *x = (const real *)args->x.data + m * D, *dy = (const real *)args->dy.data + m * D,
               *w = args->w.data;
    real *dx = (real *)args->dx.data + m * D;
    double mean = (double)((const real *)args->mean.data)[m],
           rstd = (double)((const real *)args->rstd.data)[m];
    double sum_g = 0, sum_gx = 0;
    for (int64_t d = 0; d < D; d++) {
        double g = (double)dy[d] * (double)w[d];
        sum_g += g;
        sum_gx += g * ((double)x[d] - mean) * rstd;
    }
    for (int64_t d = 0; d < D; d++) {
        double g = (double)dy[d] * (double)w[d], xhat = ((double)x[d] - mean) * rstd;
        double grad = rstd * (g - sum_g / (double)D - xhat * sum_gx / (double)D);
        dx[d] = (real)(args->add_dx ? (double)dx[d] + grad : grad);
    }
}

REF_OP(layer_norm_bwd)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    const real *x = args->x.data, *dy = args->dy.data, *mean = args->mean.data,
               *rstd = args->rstd.data;
    real *dw = args->dw.data, *db = args->db.data;
    for (int64_t d = 0; d < D; d++) {
        double sum_w = (double)dw[d], sum_b = (double)db[d];
        for (int64_t m = 0; m < M; m++) {
            double xhat = ((double)x[m * D + d] - (double)mean[m]) * (double)rstd[m];
            sum_w += (double)dy[m * D + d] * xhat;
            sum_b += (double)dy[m * D + d];
        }
        dw[d] = (real)sum_w;
        db[d] = (real)sum_b;
    }
    for (int64_t m = 0; m < M; m++) {
        norm_dx(args, m, D);
    }
}
