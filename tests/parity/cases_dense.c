/* Products, biases, GELU, residuals. */
#include <math.h>

#include "parity.h"

static const struct {
    int M, K, N;
} product[] = {
    {1, 1, 1},   {1, 7, 5},    {3, 1, 2},      {5, 3, 1},      {2, 16, 8},
    {17, 33, 9}, {31, 64, 65}, {100, 48, 144}, {257, 130, 67}, {64, 1000, 10},
};
enum { PRODUCTS = sizeof product / sizeof product[0] };

CASES(linear_fwd)
{
    for (int i = 0; i < PRODUCTS; i++) {
        int M = product[i].M, K = product[i].K, N = product[i].N;
        for (int bias = 0; bias < 2; bias++) {
            s4d_linear_fwd_args a = {
                .x = NORMAL(1, M, K), .w = NORMAL(0.3, N, K), .y = NOISE(M, N)};
            if (bias) {
                a.b = NORMAL(1, N);
            }
            check(s, &a, "M=%d K=%d N=%d%s", M, K, N, bias ? " bias" : "");
        }
    }
    check(
        s,
        &(s4d_linear_fwd_args){
            .x = NORMAL(1, 2, 3, 5), .w = NORMAL(1, 4, 5), .b = NORMAL(1, 4), .y = NOISE(2, 3, 4)},
        "[B,N,K]");
    check(s,
          &(s4d_linear_fwd_args){.x = NORMAL(1e12, 9, 30),
                                 .w = NORMAL(1e10, 7, 30),
                                 .b = NORMAL(1e20, 7),
                                 .y = NOISE(9, 7)},
          "large");
    check(s,
          &(s4d_linear_fwd_args){
              .x = NORMAL(1e-12, 9, 30), .w = NORMAL(1e-10, 7, 30), .y = NOISE(9, 7)},
          "small");
}
BOUND_BY_ABSOLUTE_VALUES(linear_fwd)

CASES(linear_bwd)
{
    for (int i = 0; i < PRODUCTS; i++) {
        int M = product[i].M, K = product[i].K, N = product[i].N;
        for (int given = 1; given < 8; given++) {
            if (i > 5 && given != 7) {
                continue;
            }
            s4d_linear_bwd_args a = {.x = NORMAL(1, M, K),
                                     .w = NORMAL(0.3, N, K),
                                     .dy = NORMAL(1, M, N),
                                     .add_dx = (i + given) % 2};
            if (given & 1) {
                a.dx = NOISE(M, K);
            }
            if (given & 2) {
                a.dw = NOISE(N, K);
            }
            if (given & 4) {
                a.db = NOISE(N);
            }
            check(s, &a, "M=%d K=%d N=%d given %d add_dx %d", M, K, N, given, a.add_dx);
        }
    }
    for (int add = 0; add < 2; add++) {
        check(s,
              &(s4d_linear_bwd_args){.x = NORMAL(1e9, 2, 3, 5),
                                     .w = NORMAL(1e-9, 4, 5),
                                     .dy = NORMAL(1e7, 2, 3, 4),
                                     .dx = NOISE(2, 3, 5),
                                     .dw = NOISE(4, 5),
                                     .db = NOISE(4),
                                     .add_dx = add},
              "[B,N,K], large and small");
    }
}
BOUND_BY_ABSOLUTE_VALUES(linear_bwd)

static const struct {
    int M, D;
} bias_case[] = {{1, 1}, {3, 5}, {2, 16}, {33, 48}, {130, 31}, {1, 200}};

CASES(qv_bias_fwd)
{
    for (size_t i = 0; i < sizeof bias_case / sizeof bias_case[0]; i++) {
        int M = bias_case[i].M, D = bias_case[i].D;
        check(s,
              &(s4d_qv_bias_fwd_args){
                  .q_bias = NORMAL(1, D), .v_bias = NORMAL(1, D), .qkv = NORMAL(1, M, 3 * D)},
              "M=%d D=%d", M, D);
    }
}

/* The key is not touched. */
BOUND(qv_bias_fwd)
{
    s4d_qv_bias_fwd(s->exact, mag);
    int64_t D = in->q_bias.dim[0], n = s4d_tensor_count(&in->qkv);
    for (int64_t i = 0; i < n; i++) {
        if (i / D % 3 == 1) {
            ((double *)mag->qkv.data)[i] = 0;
        }
    }
}

CASES(qv_bias_bwd)
{
    for (size_t i = 0; i < sizeof bias_case / sizeof bias_case[0]; i++) {
        int M = bias_case[i].M, D = bias_case[i].D;
        check(s,
              &(s4d_qv_bias_bwd_args){
                  .dqkv = NORMAL(1, M, 3 * D), .dq_bias = NOISE(D), .dv_bias = NOISE(D)},
              "M=%d D=%d", M, D);
    }
}
BOUND_BY_ABSOLUTE_VALUES(qv_bias_bwd)

/* ---- GELU ---- */

/* Random values of a scale, then a sweep over where the function bends. */
static s4d_tensor gelu_input(suite *s, double scale, int64_t n)
{
    s4d_tensor x = NORMAL(scale, n);
    for (int64_t i = 0; scale == 0 && i < n; i++) {
        ((float *)x.data)[i] = (float)(-12 + 24.0 * (double)i / (double)n);
    }
    return x;
}

static const struct {
    double scale;
    int n;
} gelu_case[] = {{1, 1}, {1, 7}, {2, 33}, {0, 2000}, {1e-5, 19}, {1e-20, 16}, {30, 65}, {1e15, 40}};
enum { GELU_CASES = sizeof gelu_case / sizeof gelu_case[0] };

CASES(gelu_fwd)
{
    for (int i = 0; i < GELU_CASES; i++) {
        s4d_gelu_fwd_args a = {.x = gelu_input(s, gelu_case[i].scale, gelu_case[i].n),
                               .y = NOISE(gelu_case[i].n)};
        check(s, &a, "n=%d scale %g", gelu_case[i].n, gelu_case[i].scale);
    }
}

/* x * (1 + erf) / 2 */
BOUND(gelu_fwd)
{
    const double *x = in->x.data;
    for (int64_t i = 0; i < s4d_tensor_count(&in->x); i++) {
        ((double *)mag->y.data)[i] = fabs(x[i]) * 0.5 * (1 + fabs(erf(x[i] * sqrt(0.5))));
    }
}

CASES(gelu_bwd)
{
    for (int i = 0; i < GELU_CASES; i++) {
        for (int in_place = 0; in_place < 2; in_place++) {
            int n = gelu_case[i].n;
            s4d_gelu_bwd_args a = {
                .x = gelu_input(s, gelu_case[i].scale, n), .dy = NORMAL(1, n), .dx = NOISE(n)};
            if (in_place) {
                a.dx = a.dy;
            }
            check(s, &a, "n=%d scale %g%s", n, gelu_case[i].scale, in_place ? " in place" : "");
        }
    }
}

/* dy * ((1 + erf) / 2 + x * exp(-x^2/2) / sqrt(2 pi)); the exponent is rounded as well. */
BOUND(gelu_bwd)
{
    const double *x = in->x.data, *dy = in->dy.data;
    for (int64_t i = 0; i < s4d_tensor_count(&in->x); i++) {
        double half_square = 0.5 * x[i] * x[i];
        double slope = fabs(x[i]) * exp(-half_square) * 0.3989422804014327 * (1 + half_square);
        ((double *)mag->dx.data)[i] =
            fabs(dy[i]) * (0.5 * (1 + fabs(erf(x[i] * sqrt(0.5)))) + slope);
    }
}

/* ---- residual ---- */

static const struct {
    int B, N, D;
} residual_case[] = {{1, 1, 1}, {2, 3, 5}, {3, 1, 17}, {4, 10, 48}, {5, 33, 31}};
enum { RESIDUAL_CASES = sizeof residual_case / sizeof residual_case[0] };

/* Drop path: kept samples are scaled up, dropped ones are 0. */
static s4d_tensor keep_of(suite *s, int64_t B)
{
    s4d_tensor keep = NORMAL(1, B);
    for (int64_t b = 0; b < B; b++) {
        ((float *)keep.data)[b] = b % 2 ? 0 : 1 / 0.9f;
    }
    return keep;
}

CASES(residual_fwd)
{
    for (int i = 0; i < RESIDUAL_CASES * 4; i++) {
        int B = residual_case[i / 4].B, N = residual_case[i / 4].N, D = residual_case[i / 4].D;
        s4d_residual_fwd_args a = {
            .x = NORMAL(1, B, N, D), .r = NORMAL(1, B, N, D), .y = NOISE(B, N, D)};
        if (i & 1) {
            a.keep = keep_of(s, B);
        }
        if (i & 2) {
            a.y = a.x;
        }
        check(s, &a, "B=%d N=%d D=%d%s%s", B, N, D, i & 1 ? " keep" : "", i & 2 ? " in place" : "");
    }
}
BOUND_BY_ABSOLUTE_VALUES(residual_fwd)

CASES(residual_bwd)
{
    for (int i = 0; i < RESIDUAL_CASES * 4; i++) {
        int B = residual_case[i / 4].B, N = residual_case[i / 4].N, D = residual_case[i / 4].D;
        s4d_residual_bwd_args a = {.dy = NORMAL(1, B, N, D), .dr = NOISE(B, N, D)};
        if (i & 1) {
            a.keep = keep_of(s, B);
        }
        if (i & 2) {
            a.dr = a.dy;
        }
        check(s, &a, "B=%d N=%d D=%d%s%s", B, N, D, i & 1 ? " keep" : "", i & 2 ? " in place" : "");
    }
}
BOUND_BY_ABSOLUTE_VALUES(residual_bwd)
