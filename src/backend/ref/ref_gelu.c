/* Exact GELU, x * Phi(x). */
#include <math.h>

#include "backend/ref/ref_private.h"

static const double sqrt_half = 0.70710678118654752440,
                    inverse_sqrt_two_pi = 0.39894228040143267794;

static double normal_cdf(double x)
{
    return 0.5 * erfc(-x * sqrt_half);
}

REF_OP(gelu_fwd)
{
    int64_t n = s4d_tensor_count(&args->x);
    const real *x = args->x.data;
    real *y = args->y.data;
    for (int64_t i = 0; i < n; i++) {
        y[i] = (real)((double)x[i] * normal_cdf((double)x[i]));
    }
}

REF_OP(gelu_bwd)
{
    int64_t n = s4d_tensor_count(&args->x);
    const real *x = args->x.data, *dy = args->dy.data;
    real *dx = args->dx.data;
    for (int64_t i = 0; i < n; i++) {
        double v = (double)x[i];
        double density = inverse_sqrt_two_pi * exp(-0.5 * v * v);
        dx[i] = (real)((double)dy[i] * (normal_cdf(v) + v * density));
    }
    if (s4d_tensor_given(&args->db)) {
        int64_t N = s4d_width(&args->x);
        ref_add_columns(dx, n / N, N, N, args->db.data);
    }
}
