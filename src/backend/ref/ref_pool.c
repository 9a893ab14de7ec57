/* Mean over the tokens. */
#include "backend/ref/ref_private.h"

REF_OP(mean_pool_fwd)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2];
    const real *x = args->x.data;
    real *y = args->y.data;
    for (int64_t b = 0; b < B; b++) {
        for (int64_t d = 0; d < D; d++) {
            double sum = 0;
            for (int64_t n = 0; n < N; n++) {
                sum += (double)x[(b * N + n) * D + d];
            }
            y[b * D + d] = (real)(sum / (double)N);
        }
    }
}

REF_OP(mean_pool_bwd)
{
    int64_t B = args->dx.dim[0], N = args->dx.dim[1], D = args->dx.dim[2];
    const real *dy = args->dy.data;
    real *dx = args->dx.data;
    for (int64_t i = 0; i < B * N * D; i++) {
        dx[i] = (real)((double)dy[i / (N * D) * D + i % D] / (double)N);
    }
}
