/* The masked-autoencoder loss, its gradient and its targets. */
#include <math.h>
#include <string.h>

#include "backend/cpu/cpu_private.h"

CPU_OP(mae_loss_fwd)
{
    int64_t R = s4d_rows(&args->x), Q = s4d_width(&args->x);
    const float *x = args->x.data, *target = args->target.data;
    double *partial = s4d_backend_scratch(be, (size_t)R * sizeof *partial), total = 0;
    if (!partial) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, R * Q))
    for (int64_t r = 0; r < R; ++r) {
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = r * Q; i < (r + 1) * Q; ++i) {
            double d = (double)x[i] - (double)target[i];
            sum += d * d;
        }
        partial[r] = sum;
    }
    for (int64_t r = 0; r < R; ++r) total += partial[r];
    total /= (double)(R * Q);
    memcpy(args->value.data, &total, sizeof total);
}

CPU_OP(mae_loss_bwd)
{
    int64_t n = s4d_tensor_count(&args->x);
    const float *x = args->x.data, *target = args->target.data;
    float *dx = args->dx.data, factor = (float)(2 * args->scale / (double)n);
#pragma omp parallel for simd schedule(static) num_threads(s4d_threads_for(be, n))
    for (int64_t i = 0; i < n; ++i) dx[i] = factor * (x[i] - target[i]);
}

/* Where a token's pixels stand in x [B,3,T,S,S]. */
typedef struct token_place {
    const float *x; /* channel 0, frame 0, top left */
    int64_t frame, channel, row; /* strides; frame 0 for images, whose one picture is repeated */
    int t, P;
} token_place;

/* Calls the body for every pixel of channel c: `level` is back in [0,1], `at` its place in the token. */
#define EACH_PIXEL(body)                                                                           \
    for (int f = 0; f < k->t; ++f)                                                                 \
        for (int r = 0; r < k->P; ++r)                                                             \
            for (int i = 0; i < k->P; ++i) {                                                       \
                double level = (double)k->x[c * k->channel + f * k->frame + r * k->row + i] * std + mean; \
                int64_t at = ((int64_t)(f * k->P + r) * k->P + i) * 3 + c;                         \
                body;                                                                              \
            }

static void token_target(const s4d_mae_target_args *args, const token_place *k, float *y)
{
    int64_t n = (int64_t)k->t * k->P * k->P;
    for (int c = 0; c < 3; ++c) {
        double std = (double)args->std[c], mean = (double)args->mean[c], sum = 0, square = 0;
        EACH_PIXEL((void)at; sum += level)
        double mu = sum / (double)n;
        EACH_PIXEL((void)at; square += (level - mu) * (level - mu))
        double inverse = 1 / sqrt(square / (double)(n - 1) + 1e-6);
        EACH_PIXEL(y[at] = (float)((level - mu) * inverse))
    }
}

CPU_OP(mae_target)
{
    int64_t T = args->x.dim[2], S = args->x.dim[3], V = args->y.dim[1], Q = args->y.dim[2], M = s4d_rows(&args->y);
    int64_t G = S / args->patch;
    const float *x = args->x.data;
    const int32_t *index = args->index.data;
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * Q * 8))
    for (int64_t m = 0; m < M; ++m) {
        int64_t b = m / V, token = index ? index[m] : m % V, time = token / (G * G), row = token / G % G, column = token % G;
        token_place k = {.frame = T == 1 ? 0 : S * S, .channel = T * S * S, .row = S, .t = args->tubelet, .P = args->patch};
        k.x = x + b * 3 * k.channel + time * args->tubelet * k.frame + row * args->patch * S + column * args->patch;
        token_target(args, &k, y + m * Q);
    }
}
