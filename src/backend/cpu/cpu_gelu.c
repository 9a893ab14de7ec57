/* Exact GELU, x * Phi(x), and its derivative Phi(x) + x * phi(x). */
#include "backend/cpu/cpu_math.h"
#include "backend/cpu/cpu_private.h"

static inline float magnitude(float x)
{
    return x < 0 ? -x : x;
}

CPU_OP(gelu_fwd)
{
    int64_t n = s4d_tensor_count(&args->x);
    const float *x = args->x.data;
    float *y = args->y.data;
#pragma omp parallel for simd schedule(static) num_threads(s4d_threads_for(be, n * 4))
    for (int64_t i = 0; i < n; ++i) {
        float tail = normal_tail_at(magnitude(x[i])).below;
        y[i] = x[i] > 0 ? x[i] - x[i] * tail : x[i] * tail;
    }
}

CPU_OP(gelu_bwd)
{
    int64_t n = s4d_tensor_count(&args->x);
    const float *x = args->x.data, *dy = args->dy.data;
    float *dx = args->dx.data;
#pragma omp parallel for simd schedule(static) num_threads(s4d_threads_for(be, n * 4))
    for (int64_t i = 0; i < n; ++i) {
        normal_tail t = normal_tail_at(magnitude(x[i]));
        float below = x[i] > 0 ? 1 - t.below : t.below;
        dx[i] = dy[i] * (below + x[i] * t.density);
    }
    if (s4d_tensor_given(&args->db)) {
        int64_t N = s4d_width(&args->x);
        s4d_cpu_add_columns(be, dx, n / N, N, N, args->db.data);
    }
}
