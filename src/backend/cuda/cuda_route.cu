/* Noisy top-k routing of tokens to experts, in double, so that the choices are ref's. Bound by the bytes of [M,E]: forward
 * 16 E + 8 K a token with noise, 8 E + 8 K without; backward 20 E + 12 K, 8 E + 12 K. */
#include "backend/cuda/experts.cuh"

enum { TOKENS = 64, THREADS = 256 };

static __device__ inline double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

typedef struct routing {
    int64_t M, E, K;
    const float *logits, *noise_logits, *noise; /* the noise may be NULL */
    float *noisy, *gate;
    int32_t *index;
} routing;

/* The K largest, falling; of equals the lower index comes first. */
static __device__ void choose(const float *noisy, int64_t E, int64_t K, int32_t *index)
{
    uint64_t taken = 0;
    for (int64_t k = 0; k < K; ++k) {
        int best = -1;
        float most = 0;
        for (int e = 0; e < E; ++e) {
            float own = noisy[e];
            if ((taken >> e & 1) || !(best < 0 || own > most)) continue;
            best = e;
            most = own;
        }
        taken |= (uint64_t)1 << best;
        index[k] = best;
    }
}

/* softmax over the chosen, whose first is the largest. */
static __device__ void gates(const float *noisy, const int32_t *index, int64_t K, float *gate)
{
    double max = (double)noisy[index[0]], sum = 0;
    for (int64_t k = 0; k < K; ++k) sum += exp((double)noisy[index[k]] - max);
    for (int64_t k = 0; k < K; ++k) gate[k] = (float)(exp((double)noisy[index[k]] - max) / sum);
}

/* A block has TOKENS tokens: first all threads make their values, then one for each token chooses. */
static __global__ void route_kernel(routing r)
{
    int64_t first = (int64_t)blockIdx.x * TOKENS, end = first + TOKENS < r.M ? first + TOKENS : r.M;
    for (int64_t i = first * r.E + threadIdx.x; i < end * r.E; i += THREADS) {
        double jitter = r.noise ? softplus((double)r.noise_logits[i]) * (double)r.noise[i] : 0;
        r.noisy[i] = (float)((double)r.logits[i] + jitter);
    }
    __syncthreads();
    int64_t m = first + threadIdx.x;
    if (m >= end) return;
    choose(r.noisy + m * r.E, r.E, r.K, r.index + m * r.K);
    gates(r.noisy + m * r.E, r.index + m * r.K, r.K, r.gate + m * r.K);
}

extern "C" CUDA_OP(route_fwd)
{
    int64_t M = s4d_rows(&args->logits), E = s4d_width(&args->logits), K = s4d_width(&args->gate);
    routing r = {M, E, K, (const float *)args->logits.data, (const float *)args->noise_logits.data,
                 (const float *)args->noise.data, (float *)args->noisy.data, (float *)args->gate.data,
                 (int32_t *)args->index.data};
    s4d_launch(be, route_kernel, s4d_dim(s4d_blocks(M, TOKENS)), s4d_dim(THREADS), 0, r);
}

typedef struct routing_bwd {
    int64_t M, E, K;
    const float *gate, *dgate, *dnoisy, *noise_logits, *noise; /* dnoisy and the noise may be NULL */
    const int32_t *index;
    float *dlogits, *dnoise_logits;
} routing_bwd;

/* A thread has an expert of a token. */
static __global__ void route_bwd_kernel(routing_bwd r)
{
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= r.M * r.E) return;
    int64_t m = i / r.E, e = i - m * r.E;
    double mean = 0, grad = r.dnoisy ? (double)r.dnoisy[i] : 0;
    int64_t chosen = -1;
    for (int64_t k = m * r.K; k < (m + 1) * r.K; ++k) {
        mean += (double)r.gate[k] * (double)r.dgate[k];
        if (r.index[k] == e) chosen = k;
    }
    if (chosen >= 0) grad += (double)r.gate[chosen] * ((double)r.dgate[chosen] - mean);
    r.dlogits[i] = (float)grad;
    if (r.noise) r.dnoise_logits[i] = (float)(grad * (double)r.noise[i] / (1 + exp(-(double)r.noise_logits[i])));
}

extern "C" CUDA_OP(route_bwd)
{
    int64_t M = s4d_rows(&args->dlogits), E = s4d_width(&args->dlogits), K = s4d_width(&args->gate);
    routing_bwd r = {M, E, K, (const float *)args->gate.data, (const float *)args->dgate.data,
                     (const float *)args->dnoisy.data, (const float *)args->noise_logits.data,
                     (const float *)args->noise.data, (const int32_t *)args->index.data, (float *)args->dlogits.data,
                     (float *)args->dnoise_logits.data};
    s4d_launch(be, route_bwd_kernel, s4d_dim(s4d_blocks(M * E, THREADS)), s4d_dim(THREADS), 0, r);
}
