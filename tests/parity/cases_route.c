/* Routing, the plan of the dispatch buffer, and the balance loss. */
#include <math.h>

#include "parity.h"

static const struct {
    int M, E, K;
    double size; /* of the logits; 0: all equal, so that the lower index wins */
} routes[] = {{1, 1, 1, 1},   {1, 5, 2, 1}, {7, 8, 2, 1},    {33, 5, 5, 1},   {20, 64, 8, 1},
              {130, 8, 1, 3}, {9, 8, 2, 0}, {15, 6, 3, 100}, {12, 7, 2, 1e4}, {16, 16, 4, 0.1}};
enum { ROUTES = sizeof routes / sizeof routes[0] };

CASES(route_fwd)
{
    for (int i = 0; i < 2 * ROUTES; i++) {
        int M = routes[i / 2].M, E = routes[i / 2].E, K = routes[i / 2].K;
        s4d_route_fwd_args a = {.logits = NORMAL(routes[i / 2].size, M, E),
                                .noisy = NOISE(M, E),
                                .index = INT_NOISE(M, K),
                                .gate = NOISE(M, K)};
        if (i & 1) {
            a.noise_logits = NORMAL(i / 2 == 5 ? 40 : 2, M, E);
            a.noise = NORMAL(1, M, E);
        }
        check(s, &a, "M=%d E=%d K=%d size %g%s", M, E, K, routes[i / 2].size,
              i & 1 ? " noise" : "");
    }
    /* Equal pairs among others: the lower index first, at every place. */
    s4d_route_fwd_args a = {.logits = NORMAL(1, 50, 6),
                            .noisy = NOISE(50, 6),
                            .index = INT_NOISE(50, 4),
                            .gate = NOISE(50, 4)};
    for (int m = 0; m < 50; m++) {
        float *x = (float *)a.logits.data + m * 6;
        x[(m + 3) % 6] = x[m % 6];
        x[(m + 4) % 6] = x[(m + 1) % 6];
    }
    check(s, &a, "ties");
}

/* Noisy logits are sums; a gate is a softmax, off by their roundings and by those of the distances
 * to the largest. */
BOUND(route_fwd)
{
    int64_t M = tensor_rows(&in->logits), E = in->logits.dim[in->logits.rank - 1],
            K = in->gate.dim[in->gate.rank - 1];
    bool with_noise = s4d_tensor_given(&in->noise);
    const double *logits = in->logits.data, *noise = in->noise.data,
                 *spread = in->noise_logits.data;
    const double *noisy = out->noisy.data, *gate = out->gate.data;
    double *size = mag->noisy.data;
    for (int64_t i = 0; with_noise && i < M * E; i++) {
        double softplus = fmax(spread[i], 0) + log1p(exp(-fabs(spread[i])));
        size[i] = fabs(logits[i]) + 2 * softplus * fabs(noise[i]);
    }
    for (int64_t m = 0; m < M; m++) {
        const int32_t *index = (const int32_t *)out->index.data + m * K;
        double mean = 0;
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t k = 0; k < K; k++) {
                double own = size[m * E + index[k]] +
                             fabs(noisy[m * E + index[k]] - noisy[m * E + index[0]]);
                if (pass == 0) {
                    mean += gate[m * K + k] * own;
                } else {
                    ((double *)mag->gate.data)[m * K + k] = gate[m * K + k] * (own + mean + 2);
                }
            }
        }
    }
}

CASES(route_bwd)
{
    for (int i = 0; i < 4 * ROUTES; i++) {
        int M = routes[i / 4].M, E = routes[i / 4].E, K = routes[i / 4].K;
        s4d_route_bwd_args a = {.gate = NORMAL(1, M, K),
                                .index = make_choices(s, E, M, K),
                                .dgate = NORMAL(1, M, K),
                                .dlogits = NOISE(M, E)};
        for (int64_t j = 0; j < (int64_t)M * K; j++) {
            ((float *)a.gate.data)[j] = fabsf(((float *)a.gate.data)[j]) / (float)K;
        }
        if (i & 1) {
            a.noise_logits = NORMAL(i / 4 == 5 ? 40 : 2, M, E);
            a.noise = NORMAL(1, M, E);
            a.dnoise_logits = NOISE(M, E);
        }
        if (i & 2) {
            a.dnoisy = NORMAL(1, M, E);
        }
        check(s, &a, "M=%d E=%d K=%d%s%s", M, E, K, i & 1 ? " noise" : "", i & 2 ? " dnoisy" : "");
    }
}

/* dnoisy + gate * (dgate - sum gate dgate); behind the noise, times noise * sigmoid. */
BOUND(route_bwd)
{
    int64_t M = tensor_rows(&in->gate), E = in->dlogits.dim[in->dlogits.rank - 1],
            K = in->gate.dim[in->gate.rank - 1];
    const double *gate = mag->gate.data, *dgate = mag->dgate.data, *dnoisy = mag->dnoisy.data,
                 *noise = mag->noise.data;
    double *size = mag->dlogits.data;
    for (int64_t m = 0; m < M; m++) {
        double mean = 0;
        for (int64_t k = 0; k < K; k++) {
            mean += gate[m * K + k] * dgate[m * K + k];
        }
        for (int64_t k = 0; k < K; k++) {
            int64_t e = ((const int32_t *)in->index.data)[m * K + k];
            size[m * E + e] = gate[m * K + k] * (dgate[m * K + k] + mean);
        }
    }
    for (int64_t i = 0; i < M * E; i++) {
        size[i] += s4d_tensor_given(&in->dnoisy) && size[i] > 0 ? dnoisy[i] : 0;
        if (s4d_tensor_given(&in->noise)) {
            double through = s4d_tensor_given(&in->dnoisy) ? fmax(size[i], dnoisy[i]) : size[i];
            double sigmoid = 1 / (1 + exp(-((const double *)in->noise_logits.data)[i]));
            ((double *)mag->dnoise_logits.data)[i] = through * noise[i] * sigmoid;
        }
    }
}

/* ---- plan ---- */

static s4d_moe_plan_args plan_args(suite *s, s4d_tensor index, int E, int capacity, int stride)
{
    int64_t M = index.dim[0], K = index.dim[1];
    return (s4d_moe_plan_args){.index = index,
                               .capacity = capacity,
                               .stride = stride,
                               .offset = INT_NOISE(E + 1),
                               .slot = INT_NOISE(M, K),
                               .token = INT_NOISE(stride ? (int64_t)E * stride : M * K),
                               .load = INT_NOISE(E),
                               .dropped = INT_NOISE(1)};
}

CASES(moe_plan)
{
    static const struct {
        int M, E, K, capacity, stride;
    } plan[] = {{1, 1, 1, -1, 0},    {1, 8, 2, -1, 0},    {7, 5, 2, -1, 0},  {7, 5, 2, 1, 0},
                {100, 8, 2, 25, 0},  {7, 5, 2, 0, 0},     {64, 5, 2, 3, 0},  {33, 64, 3, 2, 0},
                {20, 4, 4, -1, 0},   {20, 4, 4, 7, 0},    {300, 8, 2, 75, 0}, {1, 1, 1, 1, 1},
                {7, 5, 2, 2, 3},     {100, 8, 2, 25, 25}, {7, 5, 2, 0, 2},   {64, 5, 2, 64, 70},
                {33, 64, 3, 2, 8},   {300, 8, 2, 75, 80}, {20, 4, 4, 1, 1},
                {3000, 8, 2, -1, 0}, {3000, 8, 2, 700, 0}, {3000, 8, 2, 700, 750}};
    for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++) {
        int M = plan[i].M, E = plan[i].E, K = plan[i].K;
        s4d_moe_plan_args a = plan_args(s, make_choices(s, E, M, K), E, plan[i].capacity, plan[i].stride);
        check(s, &a, "M=%d E=%d K=%d capacity %d stride %d", M, E, K, plan[i].capacity, plan[i].stride);
    }
    /* All tokens choose one expert; the others are empty. */
    for (int i = 0; i < 8; i++) {
        int capacity = 3 * (i / 2) - 1, stride = i & 1 && capacity >= 0 ? 10 : 0;
        s4d_moe_plan_args a = plan_args(s, INTS(1, 9, 1), 4, capacity, stride);
        for (int m = 0; m < 9; m++) {
            ((int32_t *)a.index.data)[m] = 2;
        }
        check(s, &a, "one expert of 4, capacity %d stride %d", capacity, stride);
    }
}
BOUND_EQUAL(moe_plan)

/* ---- balance loss ---- */

static const struct {
    int B, N, E, K;
    double size;
} balance[] = {{1, 1, 1, 1, 1},  {2, 5, 4, 2, 1},   {3, 33, 8, 2, 1}, {1, 100, 5, 1, 10},
               {4, 7, 64, 3, 1}, {2, 9, 6, 2, 1e4}, {2, 9, 6, 6, 0}};
enum { BALANCES = sizeof balance / sizeof balance[0] };

CASES(balance_loss_fwd)
{
    for (int i = 0; i < 2 * BALANCES; i++) {
        int B = balance[i / 2].B, N = balance[i / 2].N, E = balance[i / 2].E, K = balance[i / 2].K;
        s4d_balance_loss_fwd_args a = {.kind = i & 1 ? S4D_BALANCE_SOFTMAX : S4D_BALANCE_LOGITS,
                                       .noisy = NORMAL(balance[i / 2].size, B, N, E),
                                       .index = make_choices(s, E, (int64_t)B * N, K),
                                       .f = NOISE(B, E),
                                       .value = WIDE(1)};
        a.index = S4D_RESHAPE(a.index, B, N, K);
        check(s, &a, "%s B=%d N=%d E=%d K=%d", i & 1 ? "softmax" : "logits", B, N, E, K);
    }
}

/* The softmax over one row into p, and the magnitude of each of its values into size. */
static void softmax_row(const double *z, int64_t E, double *p, double *size)
{
    double largest = z[0], sum = 0, mean = 0;
    for (int64_t e = 0; e < E; e++) {
        largest = fmax(largest, z[e]);
    }
    for (int64_t e = 0; e < E; e++) {
        p[e] = exp(z[e] - largest);
        sum += p[e];
    }
    for (int64_t e = 0; e < E; e++) {
        p[e] /= sum;
        mean += p[e] * (largest - z[e]);
    }
    for (int64_t e = 0; e < E; e++) {
        size[e] = p[e] * (largest - z[e] + mean + 2);
    }
}

BOUND(balance_loss_fwd)
{
    int64_t B = in->noisy.dim[0], N = in->noisy.dim[1], E = in->noisy.dim[2];
    double p[64], size[64], sum = 0;
    for (int64_t i = 0; i < B * N; i++) {
        const double *z = (const double *)in->noisy.data + i * E,
                     *f = (const double *)out->f.data + i / N * E;
        softmax_row(z, E, p, size);
        for (int64_t e = 0; e < E; e++) {
            sum += f[e] * (in->kind == S4D_BALANCE_LOGITS ? fabs(z[e]) : size[e]);
        }
    }
    *(double *)mag->value.data += sum * (double)E / (double)(B * N);
    for (int64_t i = 0; i < B * E; i++) {
        ((double *)mag->f.data)[i] = ((const double *)out->f.data)[i];
    }
}

CASES(balance_loss_bwd)
{
    for (int i = 0; i < 2 * BALANCES; i++) {
        int B = balance[i / 2].B, N = balance[i / 2].N, E = balance[i / 2].E;
        s4d_balance_loss_bwd_args a = {.kind = i & 1 ? S4D_BALANCE_SOFTMAX : S4D_BALANCE_LOGITS,
                                       .scale = i & 2 ? 1e-3 : 1,
                                       .noisy = NORMAL(balance[i / 2].size, B, N, E),
                                       .f = NORMAL(1, B, E),
                                       .dnoisy = NOISE(B, N, E)};
        check(s, &a, "%s B=%d N=%d E=%d", i & 1 ? "softmax" : "logits", B, N, E);
    }
}

BOUND(balance_loss_bwd)
{
    int64_t B = in->noisy.dim[0], N = in->noisy.dim[1], E = in->noisy.dim[2];
    double p[64], size[64], factor = in->scale * (double)E / (double)(B * N);
    for (int64_t i = 0; i < B * N; i++) {
        const double *f = (const double *)mag->f.data + i / N * E;
        double *m = (double *)mag->dnoisy.data + i * E, mean = 0, exact_mean = 0;
        softmax_row((const double *)in->noisy.data + i * E, E, p, size);
        for (int64_t e = 0; e < E; e++) {
            mean += size[e] * f[e];
            exact_mean += p[e] * f[e];
        }
        for (int64_t e = 0; e < E; e++) {
            double softmax = size[e] * (f[e] + exact_mean) + p[e] * mean;
            m[e] = factor * (in->kind == S4D_BALANCE_LOGITS ? f[e] : softmax);
        }
    }
}
