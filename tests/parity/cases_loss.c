/* Losses. */
#include <math.h>

#include "parity.h"

static const struct {
    int R, Q;
    double size;
} squares[] = {{1, 1, 1}, {3, 7, 1}, {16, 384, 1}, {5, 33, 1e8}, {5, 33, 1e-8}, {130, 17, 1}};
enum { SQUARES = sizeof squares / sizeof squares[0] };

CASES(mae_loss_fwd)
{
    for (int i = 0; i < SQUARES; i++) {
        int R = squares[i].R, Q = squares[i].Q;
        s4d_mae_loss_fwd_args a = {.x = NORMAL(squares[i].size, R, Q),
                                   .target = NORMAL(squares[i].size, R, Q),
                                   .value = WIDE(1)};
        check(s, &a, "R=%d Q=%d size %g", R, Q, squares[i].size);
    }
}

/* All terms are positive. */
BOUND(mae_loss_fwd)
{
    *(double *)mag->value.data = *(const double *)out->value.data;
}

CASES(mae_loss_bwd)
{
    for (int i = 0; i < SQUARES; i++) {
        int R = squares[i].R, Q = squares[i].Q;
        s4d_mae_loss_bwd_args a = {.x = NORMAL(squares[i].size, R, Q),
                                   .target = NORMAL(squares[i].size, R, Q),
                                   .scale = i & 1 ? 0.37 : 1,
                                   .dx = NOISE(R, Q)};
        check(s, &a, "R=%d Q=%d size %g", R, Q, squares[i].size);
    }
}

/* One difference of what was given: exact but for its own rounding. */
BOUND(mae_loss_bwd)
{
    for (int64_t i = 0; i < s4d_tensor_count(&in->x); i++) {
        ((double *)mag->dx.data)[i] = fabs(((const double *)out->dx.data)[i]);
    }
}

/* ---- cross-entropy ---- */

static const struct {
    int B, C;
    double size;
} classes[] = {{1, 1, 1},    {1, 7, 1},   {3, 2, 1},   {16, 11, 2},  {5, 33, 1},
               {4, 7, 1e-6}, {4, 7, 100}, {3, 9, 1e5}, {33, 1000, 3}};
enum { CLASSES = sizeof classes / sizeof classes[0] };

/* Smoothed targets, each row summing to 1. */
static s4d_tensor targets(suite *s, int64_t B, int64_t C)
{
    s4d_tensor t = NORMAL(1, B, C);
    for (int64_t i = 0; i < B * C; i++) {
        int64_t own = i / C % C, other = (own + 1) % C;
        ((float *)t.data)[i] =
            (float)(0.1 / (double)C + (i % C == own ? 0.6 : 0) + (i % C == other ? 0.3 : 0));
    }
    return t;
}

static s4d_tensor class_weights(suite *s, int64_t C)
{
    s4d_tensor t = NORMAL(1, C);
    for (int64_t c = 0; c < C; c++) {
        ((float *)t.data)[c] = fabsf(((float *)t.data)[c]);
    }
    return t;
}

CASES(cross_entropy_fwd)
{
    for (int i = 0; i < 4 * CLASSES; i++) {
        int B = classes[i / 4].B, C = classes[i / 4].C;
        s4d_cross_entropy_fwd_args a = {.logits = NORMAL(classes[i / 4].size, B, C),
                                        .target = targets(s, B, C),
                                        .prob = NOISE(B, C),
                                        .value = WIDE(1)};
        if (i & 1) {
            a.weight = class_weights(s, C);
        }
        if (i & 2) {
            a.adjust = NORMAL(1, C);
        }
        check(s, &a, "B=%d C=%d size %g%s%s", B, C, classes[i / 4].size, i & 1 ? " weight" : "",
              i & 2 ? " adjust" : "");
    }
    /* Logits that overflow exp, all far below zero, or one far above the rest. */
    s4d_cross_entropy_fwd_args a = {.logits = NORMAL(1, 3, 5),
                                    .target = targets(s, 3, 5),
                                    .prob = NOISE(3, 5),
                                    .value = WIDE(1)};
    for (int c = 0; c < 5; c++) {
        ((float *)a.logits.data)[c] += 1000;
        ((float *)a.logits.data)[5 + c] -= 1e6f;
    }
    ((float *)a.logits.data)[12] = 500;
    check(s, &a, "far off");
}

/* log softmax = (z - max) - log(sum); z is rounded where it was adjusted. */
static double sample_magnitude(const s4d_cross_entropy_fwd_args *in,
                               const s4d_cross_entropy_fwd_args *mag, int64_t b)
{
    int64_t C = in->logits.dim[1];
    const double *logits = (const double *)in->logits.data + b * C, *adjust = in->adjust.data,
                 *weight = in->weight.data;
    const double *target = (const double *)in->target.data + b * C;
    double *prob = (double *)mag->prob.data + b * C, largest = -HUGE_VAL, sum = 0, mean = 0,
           value = 0;
    for (int64_t c = 0; c < C; c++) {
        largest = fmax(largest, logits[c] + (s4d_tensor_given(&in->adjust) ? adjust[c] : 0));
    }
    for (int pass = 0; pass < 3; pass++) {
        for (int64_t c = 0; c < C; c++) {
            double z = logits[c] + (s4d_tensor_given(&in->adjust) ? adjust[c] : 0);
            double size =
                largest - z + (s4d_tensor_given(&in->adjust) ? fabs(z) + fabs(largest) : 0);
            double p = exp(z - largest);
            if (pass == 0) {
                sum += p;
            } else if (pass == 1) {
                mean += p / sum * size;
            } else {
                prob[c] = p / sum * (size + mean + 2);
                value += (s4d_tensor_given(&in->weight) ? weight[c] : 1) * target[c] *
                         (size + mean + log(sum) + 1);
            }
        }
    }
    return value;
}

BOUND(cross_entropy_fwd)
{
    int64_t B = in->logits.dim[0];
    double sum = 0;
    for (int64_t b = 0; b < B; b++) {
        sum += sample_magnitude(in, mag, b);
    }
    *(double *)mag->value.data = sum / (double)B;
}

CASES(cross_entropy_bwd)
{
    for (int i = 0; i < 2 * CLASSES; i++) {
        int B = classes[i / 2].B, C = classes[i / 2].C;
        s4d_cross_entropy_bwd_args a = {.prob = targets(s, B, C),
                                        .target = targets(s, B, C),
                                        .scale = i & 2 ? 0.25 : 1,
                                        .dlogits = NOISE(B, C)};
        for (int64_t j = 0; j < (int64_t)B * C; j++) {
            ((float *)a.prob.data)[j] *= (float)s4d_rng_uniform(&s->rng);
        }
        if (i & 1) {
            a.weight = class_weights(s, C);
        }
        check(s, &a, "B=%d C=%d%s", B, C, i & 1 ? " weight" : "");
    }
}

BOUND(cross_entropy_bwd)
{
    int64_t B = in->prob.dim[0], C = in->prob.dim[1];
    const double *prob = in->prob.data, *target = in->target.data, *weight = in->weight.data;
    for (int64_t b = 0; b < B; b++) {
        double all = 0;
        for (int64_t c = 0; c < C; c++) {
            all += (s4d_tensor_given(&in->weight) ? weight[c] : 1) * target[b * C + c];
        }
        for (int64_t c = 0; c < C; c++) {
            double own = (s4d_tensor_given(&in->weight) ? weight[c] : 1) * target[b * C + c];
            ((double *)mag->dlogits.data)[b * C + c] =
                in->scale / (double)B * (prob[b * C + c] * all + own);
        }
    }
}
