/* The balance loss of one layer, in double: E^2 * mean over samples b and experts e of f[b,e] * p[b,e]. A block has a
 * sample. Bound by the bytes of [B,N,E]: forward 4 E + 4 K a token, backward 8 E with the softmax and 4 E without; the
 * softmax asks for E exponentials a token forward and 2 E backward. */
#include "backend/cuda/experts.cuh"

enum { WARPS = 16, THREADS = 32 * WARPS, ROW_THREADS = 128 };

typedef struct balance {
    int64_t B, N, E, K, softmax;
    const float *noisy;
    const int32_t *index;
    float *f;
    double *part; /* [B]: sum over n, e of f[b,e] * the router's value */
} balance;

/* f[e] = share of the sample's N tokens whose K choices hold e. */
static __device__ void shares(const int32_t *index, int64_t N, int64_t K, int64_t E, float *f)
{
    __shared__ int32_t count[WARPS][MOST_EXPERTS];
    int64_t span = (N * K + WARPS - 1) / WARPS, first = own_warp() * span, end = first + span < N * K ? first + span : N * K;
    for (int e = own_lane(); e < MOST_EXPERTS; e += 32) count[own_warp()][e] = 0;
    __syncwarp();
    count_choices(index, first, end, count[own_warp()]);
    __syncthreads();
    int e = (int)threadIdx.x;
    if (e < E) {
        int64_t held = 0;
        for (int w = 0; w < WARPS; ++w) held += count[w][e];
        f[e] = (float)((double)held / (double)N);
    }
    __syncthreads();
}

static __device__ inline float largest(const float *noisy, int64_t E)
{
    float max = noisy[0];
    for (int64_t e = 1; e < E; ++e) max = noisy[e] > max ? noisy[e] : max;
    return max;
}

/* Sums over e of f[e] * value[e] and of value[e]: the noisy logit, or, for softmax, its exponential. */
typedef struct sums {
    double weighted, plain;
} sums;

static __device__ inline double value_of(float noisy, float max, bool softmax)
{
    return softmax ? exp((double)noisy - (double)max) : (double)noisy;
}

static __device__ sums row_sums(const float *noisy, const float *f, int64_t E, float max, bool softmax)
{
    sums s = {0, 0};
    for (int64_t e = 0; e < E; ++e) {
        double value = value_of(noisy[e], max, softmax);
        s.weighted += (double)f[e] * value;
        s.plain += value;
    }
    return s;
}

static __global__ void sample_kernel(balance g)
{
    __shared__ double part[32];
    int64_t b = blockIdx.x;
    float *f = g.f + b * g.E;
    shares(g.index + b * g.N * g.K, g.N, g.K, g.E, f);
    double sum = 0;
    for (int64_t n = threadIdx.x; n < g.N; n += THREADS) {
        const float *noisy = g.noisy + (b * g.N + n) * g.E;
        float max = g.softmax ? largest(noisy, g.E) : 0;
        sums s = row_sums(noisy, f, g.E, max, g.softmax);
        sum += g.softmax ? s.weighted / s.plain : s.weighted;
    }
    sum = block_sum(sum, part);
    if (threadIdx.x == 0) g.part[b] = sum;
}

static __global__ void total_kernel(int64_t B, const double *sample, double factor, double *value)
{
    __shared__ double part[32];
    double sum = 0;
    for (int64_t b = threadIdx.x; b < B; b += THREADS) sum += sample[b];
    sum = block_sum(sum, part);
    if (threadIdx.x == 0) *value += factor * sum;
}

extern "C" CUDA_OP(balance_loss_fwd)
{
    int64_t B = args->noisy.dim[0], N = args->noisy.dim[1], E = args->noisy.dim[2], K = args->index.dim[2];
    balance g = {B, N, E, K, args->kind == S4D_BALANCE_SOFTMAX, (const float *)args->noisy.data,
                 (const int32_t *)args->index.data, (float *)args->f.data,
                 (double *)s4d_cuda_scratch(be, (size_t)B * sizeof(double))};
    double factor = (double)E / (double)(B * N);
    s4d_launch(be, sample_kernel, s4d_dim(B), s4d_dim(THREADS), 0, g);
    s4d_launch(be, total_kernel, s4d_dim(1), s4d_dim(THREADS), 0, B, g.part, factor, (double *)args->value.data);
}

typedef struct balance_bwd {
    int64_t M, N, E, softmax; /* M = B*N */
    double factor;
    const float *noisy, *f;
    float *dnoisy;
} balance_bwd;

/* A thread has a token. */
static __global__ void row_kernel(balance_bwd g)
{
    int64_t m = (int64_t)blockIdx.x * ROW_THREADS + threadIdx.x;
    if (m >= g.M) return;
    const float *noisy = g.noisy + m * g.E, *f = g.f + m / g.N * g.E;
    float *dnoisy = g.dnoisy + m * g.E;
    if (!g.softmax) {
        for (int64_t e = 0; e < g.E; ++e) dnoisy[e] = (float)(g.factor * (double)f[e]);
        return;
    }
    float max = largest(noisy, g.E);
    sums s = row_sums(noisy, f, g.E, max, true);
    double mean = s.weighted / s.plain; /* over the softmax, of f */
    for (int64_t e = 0; e < g.E; ++e)
        dnoisy[e] = (float)(g.factor * (value_of(noisy[e], max, true) / s.plain) * ((double)f[e] - mean));
}

extern "C" CUDA_OP(balance_loss_bwd)
{
    int64_t B = args->noisy.dim[0], N = args->noisy.dim[1], E = args->noisy.dim[2];
    balance_bwd g = {B * N, N, E, args->kind == S4D_BALANCE_SOFTMAX, args->scale * (double)E / (double)(B * N),
                     (const float *)args->noisy.data, (const float *)args->f.data, (float *)args->dnoisy.data};
    s4d_launch(be, row_kernel, s4d_dim(s4d_blocks(B * N, ROW_THREADS)), s4d_dim(ROW_THREADS), 0, g);
}
