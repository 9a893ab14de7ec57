/* Softmax of rows of scores, and its gradient. A warp has a row; sums are double, so that long rows lose nothing. */
#include "backend/cuda/attention.h"
#include "backend/cuda/kernel.cuh"

enum { WARPS = 8 };

static __device__ inline int64_t own_row(void)
{
    return (int64_t)blockIdx.x * WARPS + threadIdx.x / 32;
}

static __device__ inline float warp_max(float x)
{
    for (int lane = 16; lane > 0; lane /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, lane));
    return x;
}

template <class T>
static __global__ void softmax_kernel(int64_t rows, int64_t N, int64_t ld, const float *s, T *p, float *stats)
{
    int64_t row = own_row();
    if (row >= rows) return; /* a whole warp */
    int lane = threadIdx.x % 32;
    s += row * ld;
    p += row * ld;
    float top = -INFINITY;
    double sum = 0;
    for (int64_t j = lane; j < N; j += 32) top = fmaxf(top, s[j]);
    top = warp_max(top);
    for (int64_t j = lane; j < N; j += 32) sum += (double)expf(s[j] - top);
    sum = warp_sum(sum);
    float inverse = (float)(1 / sum);
    for (int64_t j = lane; j < N; j += 32) p[j] = from_float<T>(expf(s[j] - top) * inverse);
    if (lane == 0) stats[row] = (float)((double)top + log(sum));
}

template <class T> struct gradient {
    const float *s, *dp, *stats;
    const T *y, *dy;
    T *p, *ds;
};

template <class T> static __global__ void gradient_kernel(int64_t rows, s4d_cuda_heads u, gradient<T> g)
{
    int64_t row = own_row();
    if (row >= rows) return;
    int lane = threadIdx.x % 32;
    int64_t token = row % u.N, head = row / u.N % u.G, sample = row / u.N / u.G;
    int64_t at = sample * u.sample + token * u.token + head * u.d;
    double own = 0;
    for (int64_t c = lane; c < u.d; c += 32) own += (double)to_float(g.dy[at + c]) * (double)to_float(g.y[at + c]);
    float mean = (float)warp_sum(own), log_sum = g.stats[row];
    for (int64_t j = row * u.ld + lane; j < row * u.ld + u.N; j += 32) {
        float p = expf(g.s[j] - log_sum), ds = p * (g.dp[j] - mean);
        g.p[j] = from_float<T>(p);
        g.ds[j] = from_float<T>(ds);
    }
}

template <class T>
static void softmax_rows(s4d_backend *be, const s4d_cuda_heads *u, const float *s, void *p, float *stats)
{
    int64_t rows = u->C * u->G * u->N;
    s4d_launch(be, softmax_kernel<T>, s4d_dim(s4d_blocks(rows, WARPS)), s4d_dim(32 * WARPS), 0, rows, u->N, u->ld, s, (T *)p,
               stats);
}

template <class T>
static void gradient_rows(s4d_backend *be, const s4d_cuda_heads *u, const s4d_cuda_score_gradient *g)
{
    int64_t rows = u->C * u->G * u->N;
    gradient<T> typed = {g->s, g->dp, g->stats, (const T *)g->y, (const T *)g->dy, (T *)g->p, (T *)g->ds};
    s4d_launch(be, gradient_kernel<T>, s4d_dim(s4d_blocks(rows, WARPS)), s4d_dim(32 * WARPS), 0, rows, *u, typed);
}

extern "C" void s4d_cuda_softmax_rows(s4d_backend *be, const s4d_cuda_heads *u, s4d_dtype type, const float *s, void *p,
                                      float *stats)
{
    S4D_BY_TYPE(type, T, softmax_rows<T>(be, u, s, p, stats));
}

extern "C" void s4d_cuda_score_gradient_rows(s4d_backend *be, const s4d_cuda_heads *u, const s4d_cuda_score_gradient *g)
{
    S4D_BY_TYPE(g->type, T, gradient_rows<T>(be, u, g));
}
