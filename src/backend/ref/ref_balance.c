/* The balance loss of one layer: E^2 * mean over samples b and experts e of f[b,e] * p[b,e]. */
#include <math.h>

#include "backend/ref/ref_private.h"

/* The router's value for each expert: the noisy logit itself, or the softmax over all of them. */
static void router_values(s4d_balance kind, const real *noisy, int64_t E, double *value)
{
    double max = (double)noisy[0], sum = 0;
    for (int64_t e = 0; e < E; e++) {
        max = (double)noisy[e] > max ? (double)noisy[e] : max;
    }
    for (int64_t e = 0; e < E; e++) {
        value[e] = kind == S4D_BALANCE_LOGITS ? (double)noisy[e] : exp((double)noisy[e] - max);
        sum += value[e];
    }
    for (int64_t e = 0; kind == S4D_BALANCE_SOFTMAX && e < E; e++) {
        value[e] /= sum;
    }
}

/* f[e] = share of the sample's N tokens whose K choices hold e. */
static void shares(const int32_t *index, int64_t N, int64_t K, int64_t E, real *f)
{
    for (int64_t e = 0; e < E; e++) {
        int64_t held = 0;
        for (int64_t i = 0; i < N * K; i++) {
            held += index[i] == e;
        }
        f[e] = (real)((double)held / (double)N);
    }
}

REF_OP(balance_loss_fwd)
{
    int64_t B = args->noisy.dim[0], N = args->noisy.dim[1], E = args->noisy.dim[2],
            K = args->index.dim[2];
    double *value = s4d_backend_scratch(be, (size_t)E * sizeof *value);
    if (!value) {
        return;
    }
    double sum = 0; /* over b, n, e of f[b,e] * value[b,n,e] */
    for (int64_t b = 0; b < B; b++) {
        real *f = (real *)args->f.data + b * E;
        shares((const int32_t *)args->index.data + b * N * K, N, K, E, f);
        for (int64_t n = 0; n < N; n++) {
            router_values(args->kind, (const real *)args->noisy.data + (b * N + n) * E, E, value);
            for (int64_t e = 0; e < E; e++) {
                sum += (double)f[e] * value[e];
            }
        }
    }
    *(double *)args->value.data += (double)E * sum / (double)(B * N);
}

REF_OP(balance_loss_bwd)
{
    int64_t B = args->noisy.dim[0], N = args->noisy.dim[1], E = args->noisy.dim[2];
    double *value = s4d_backend_scratch(be, (size_t)E * sizeof *value);
    double factor = args->scale * (double)E / (double)(B * N);
    for (int64_t row = 0; value && row < B * N; row++) {
        const real *f = (const real *)args->f.data + row / N * E;
        real *dnoisy = (real *)args->dnoisy.data + row * E;
        double mean = 0; /* over the softmax, of f */
        router_values(args->kind, (const real *)args->noisy.data + row * E, E, value);
        for (int64_t e = 0; e < E; e++) {
            mean += value[e] * (double)f[e];
        }
        for (int64_t e = 0; e < E; e++) {
            double grad =
                args->kind == S4D_BALANCE_LOGITS ? (double)f[e] : value[e] * ((double)f[e] - mean);
            dnoisy[e] = (real)(factor * grad);
        }
    }
}
