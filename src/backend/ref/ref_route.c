/* Noisy top-k routing of tokens to experts. */
#include <math.h>

#include "backend/ref/ref_private.h"

static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* The K largest, falling; of equals the lower index comes first. */
static void choose(const real *noisy, int64_t E, int64_t K, int32_t *index)
{
    for (int64_t k = 0; k < K; k++) {
        int64_t best = -1;
        for (int64_t e = 0; e < E; e++) {
            bool taken = false;
            for (int64_t j = 0; j < k; j++) {
                taken = taken || index[j] == e;
            }
            if (!taken && (best < 0 || noisy[e] > noisy[best])) {
                best = e;
            }
        }
        index[k] = (int32_t)best;
    }
}

/* softmax over the chosen, whose first is the largest. */
static void gates(const real *noisy, const int32_t *index, int64_t K, real *gate)
{
    double max = (double)noisy[index[0]], sum = 0;
    for (int64_t k = 0; k < K; k++) {
        sum += exp((double)noisy[index[k]] - max);
    }
    for (int64_t k = 0; k < K; k++) {
        gate[k] = (real)(exp((double)noisy[index[k]] - max) / sum);
    }
}

REF_OP(route_fwd)
{
    int64_t M = s4d_rows(&args->logits), E = s4d_width(&args->logits), K = s4d_width(&args->gate);
    const real *logits = args->logits.data, *noise_logits = args->noise_logits.data,
               *noise = args->noise.data;
    real *noisy = args->noisy.data, *gate = args->gate.data;
    int32_t *index = args->index.data;
    for (int64_t i = 0; i < M * E; i++) {
        double jitter = s4d_tensor_given(&args->noise)
                            ? softplus((double)noise_logits[i]) * (double)noise[i]
                            : 0;
        noisy[i] = (real)((double)logits[i] + jitter);
    }
    for (int64_t m = 0; m < M; m++) {
        choose(noisy + m * E, E, K, index + m * K);
        gates(noisy + m * E, index + m * K, K, gate + m * K);
    }
}

REF_OP(route_bwd)
{
    int64_t M = s4d_rows(&args->dlogits), E = s4d_width(&args->dlogits), K = s4d_width(&args->gate);
    const real *noise_logits = args->noise_logits.data, *noise = args->noise.data,
               *dnoisy = args->dnoisy.data;
    const int32_t *index = args->index.data;
    real *dlogits = args->dlogits.data, *dnoise_logits = args->dnoise_logits.data;
    for (int64_t m = 0; m < M; m++) {
        const real *gate = (const real *)args->gate.data + m * K,
                   *dgate = (const real *)args->dgate.data + m * K;
        double mean = dot(gate, dgate, K);
        for (int64_t e = 0; e < E; e++) {
            double grad = s4d_tensor_given(&args->dnoisy) ? (double)dnoisy[m * E + e] : 0;
            for (int64_t k = 0; k < K; k++) {
                if (index[m * K + k] == e) {
                    grad += (double)gate[k] * ((double)dgate[k] - mean);
                }
            }
            int64_t i = m * E + e;
            dlogits[i] = (real)grad;
            if (s4d_tensor_given(&args->noise)) {
                dnoise_logits[i] =
                    (real)(grad * (double)noise[i] * sigmoid((double)noise_logits[i]));
            }
        }
    }
}
