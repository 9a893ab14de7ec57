/* The router: ref's formulas, tokens shared among threads; and keyed random numbers for its noise. */
#include <math.h>
#include <string.h>

#include "backend/cpu/cpu_private.h"
#include "s4d/base/rng.h"

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* The k largest of a row in falling order, ties to the lower index, and the softmax over them. */
static void choose(const float *row, int64_t E, int64_t K, int32_t *index, float *gate)
{
    uint64_t taken = 0;
    double sum = 0, value[64];
    for (int64_t k = 0; k < K; ++k) {
        int64_t best = -1;
        for (int64_t e = 0; e < E; ++e)
            if (!(taken >> e & 1) && (best < 0 || row[e] > row[best])) best = e;
        taken |= (uint64_t)1 << best;
        index[k] = (int32_t)best;
        value[k] = exp((double)row[best] - (double)row[index[0]]);
        sum += value[k];
    }
    for (int64_t k = 0; k < K; ++k) gate[k] = (float)(value[k] / sum);
}

CPU_OP(route_fwd)
{
    int64_t M = s4d_rows(&args->logits), E = s4d_width(&args->logits), K = s4d_width(&args->index);
    const float *logits = args->logits.data, *scale = args->noise_logits.data, *noise = args->noise.data;
    float *noisy = args->noisy.data, *gate = args->gate.data;
    int32_t *index = args->index.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * E * 64))
    for (int64_t m = 0; m < M; ++m) {
        for (int64_t i = m * E; i < (m + 1) * E; ++i)
            noisy[i] = noise ? (float)((double)logits[i] + softplus((double)scale[i]) * (double)noise[i]) : logits[i];
        choose(noisy + m * E, E, K, index + m * K, gate + m * K);
    }
}

CPU_OP(route_bwd)
{
    int64_t M = s4d_rows(&args->gate), K = s4d_width(&args->gate), E = s4d_width(&args->dlogits);
    const float *gate = args->gate.data, *dgate = args->dgate.data, *dnoisy = args->dnoisy.data,
                *scale = args->noise_logits.data, *noise = args->noise.data;
    const int32_t *index = args->index.data;
    float *dlogits = args->dlogits.data, *dscale = args->dnoise_logits.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * E * 32))
    for (int64_t m = 0; m < M; ++m) {
        double d[64], shared = 0;
        for (int64_t e = 0; e < E; ++e) d[e] = dnoisy ? (double)dnoisy[m * E + e] : 0;
        for (int64_t k = m * K; k < (m + 1) * K; ++k) shared += (double)gate[k] * (double)dgate[k];
        for (int64_t k = m * K; k < (m + 1) * K; ++k) d[index[k]] += (double)gate[k] * ((double)dgate[k] - shared);
        for (int64_t e = 0; e < E; ++e) {
            int64_t i = m * E + e;
            dlogits[i] = (float)d[e];
            if (noise) dscale[i] = (float)(d[e] * (double)noise[i] / (1 + exp(-(double)scale[i])));
        }
    }
}

static float uniform(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

/* Both normals of a pair of words (s4d/base/rng.h). */
static void normals(const uint32_t word[2], float out[2])
{
    double r = sqrt(-2 * log(((double)word[0] + 0.5) * 0x1p-32));
    double angle = 6.283185307179586477 * (((double)word[1] + 0.5) * 0x1p-32);
    out[0] = (float)(r * cos(angle));
    out[1] = (float)(r * sin(angle));
}

CPU_OP(random)
{
    int64_t n = s4d_tensor_count(&args->y);
    uint64_t first = args->first, group0 = first / 4, groups = (first + (uint64_t)n + 3) / 4 - group0;
    const uint32_t key[2] = {(uint32_t)args->key, (uint32_t)(args->key >> 32)};
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, n * 64))
    for (uint64_t i = 0; i < groups; ++i) {
        uint64_t group = group0 + i;
        const uint32_t counter[4] = {(uint32_t)group, (uint32_t)(group >> 32), 0, 0};
        uint32_t word[4];
        float value[4];
        s4d_philox(counter, key, word);
        if (args->kind == S4D_NORMAL) {
            normals(word, value);
            normals(word + 2, value + 2);
        } else {
            for (int k = 0; k < 4; ++k) value[k] = uniform(word[k]);
        }
        for (uint64_t k = 0; k < 4; ++k) {
            uint64_t at = group * 4 + k;
            if (at >= first && at < first + (uint64_t)n) y[at - first] = value[k];
        }
    }
}
