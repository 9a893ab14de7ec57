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

/* Where activations are not real, some of the tensors may be either. */
static int kinds_of_either(const suite *s)
{
    return s->narrow ? 2 : 1;
}

CASES(linear_fwd)
{
    for (int i = 0; i < PRODUCTS * kinds_of_either(s); i++) {
        int M = product[i % PRODUCTS].M, K = product[i % PRODUCTS].K, N = product[i % PRODUCTS].N;
        for (int bias = 0; bias < 2; bias++) {
            s4d_linear_fwd_args a = {
                .x = NORMAL(1, M, K), .w = NORMAL(0.3, N, K), .y = NOISE(M, N)};
            if (bias) {
                a.b = NORMAL(1, N);
            }
            s->either_real = i >= PRODUCTS;
            check(s, &a, "M=%d K=%d N=%d%s%s", M, K, N, bias ? " bias" : "", i >= PRODUCTS ? " real y" : "");
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

BOUND(linear_fwd)
{
    s4d_linear_fwd(s->exact, mag);
    enlarge(mag->y, 1 + s->product);
}

CASES(linear_bwd)
{
    for (int i = 0; i < PRODUCTS * kinds_of_either(s); i++) {
        int M = product[i % PRODUCTS].M, K = product[i % PRODUCTS].K, N = product[i % PRODUCTS].N;
        for (int given = 1; given < 8; given++) {
            if (i % PRODUCTS > 5 && given != 7) {
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
            s->either_real = i >= PRODUCTS;
            check(s, &a, "M=%d K=%d N=%d given %d add_dx %d%s", M, K, N, given, a.add_dx,
                  i >= PRODUCTS ? " real dy" : "");
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

/* A real dy meets its factors rounded to their type. */
BOUND(linear_bwd)
{
    s4d_linear_bwd(s->exact, mag);
    double rounded = s->either_real ? s->rounded : 0;
    enlarge(mag->dx, 1 + s->product + rounded);
    enlarge(mag->dw, 1 + s->product + rounded);
    enlarge(mag->db, 1 + rounded);
}

static const struct {
    int M, D;
} bias_case[] = {{1, 1}, {3, 5}, {2, 16}, {33, 48}, {130, 31}, {1, 200}};

CASES(qkv_fwd)
{
    for (size_t i = 0; i < sizeof bias_case / sizeof bias_case[0]; i++) {
        int M = bias_case[i].M, D = bias_case[i].D;
        check(s,
              &(s4d_qkv_fwd_args){.x = NORMAL(1, M, D),
                                  .w = NORMAL(0.3, 3 * D, D),
                                  .q_bias = NORMAL(1, D),
                                  .v_bias = NORMAL(1, D),
                                  .y = NOISE(M, 3 * D)},
              "M=%d D=%d", M, D);
    }
    check(s,
          &(s4d_qkv_fwd_args){.x = NORMAL(1, 2, 3, 5),
                              .w = NORMAL(1, 15, 5),
                              .q_bias = NORMAL(1e3, 5),
                              .v_bias = NORMAL(1e-3, 5),
                              .y = NOISE(2, 3, 15)},
          "[B,N,D], large and small biases");
}

/* A bias may join the product in the type of y. */
BOUND(qkv_fwd)
{
    s4d_qkv_fwd(s->exact, mag);
    enlarge(mag->y, 1 + s->product);
    int64_t D = in->q_bias.dim[0], n = s4d_tensor_count(&mag->y);
    for (int64_t i = 0; i < n; i++) {
        const double *bias[3] = {mag->q_bias.data, NULL, mag->v_bias.data}, *own = bias[i / D % 3];
        ((double *)mag->y.data)[i] += own ? s->rounded * own[i % D] : 0;
    }
}

CASES(qkv_bias_bwd)
{
    for (size_t i = 0; i < sizeof bias_case / sizeof bias_case[0]; i++) {
        int M = bias_case[i].M, D = bias_case[i].D;
        check(s,
              &(s4d_qkv_bias_bwd_args){
                  .dy = NORMAL(1, M, 3 * D), .dq_bias = NOISE(D), .dv_bias = NOISE(D)},
              "M=%d D=%d", M, D);
    }
    check(s,
          &(s4d_qkv_bias_bwd_args){
              .dy = NORMAL(1, 4, 3, 21), .dq_bias = NOISE(7), .dv_bias = NOISE(7)},
          "[B,N,3D]");
}
BOUND_BY_ABSOLUTE_VALUES(qkv_bias_bwd)

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

static const struct {
    int M, N;
    double dy; /* its size */
} gelu_bias[] = {{1, 1, 1}, {3, 7, 1e-4}, {33, 16, 1}, {130, 65, 1}, {257, 3, 1e-4}};
enum { GELU_BIASES = sizeof gelu_bias / sizeof gelu_bias[0] };

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
    for (int i = 0; i < 2 * GELU_BIASES; i++) {
        int M = gelu_bias[i / 2].M, N = gelu_bias[i / 2].N;
        s4d_gelu_bwd_args a = {.x = NORMAL(1, M, N),
                               .dy = NORMAL(gelu_bias[i / 2].dy, M, N),
                               .dx = NOISE(M, N),
                               .db = NOISE(N)};
        if (i & 1) {
            a.dx = a.dy;
        }
        check(s, &a, "M=%d N=%d db%s", M, N, i & 1 ? " in place" : "");
    }
    check(s,
          &(s4d_gelu_bwd_args){
              .x = NORMAL(1, 2, 3, 5), .dy = NORMAL(1, 2, 3, 5), .dx = NOISE(2, 3, 5), .db = NOISE(5)},
          "[B,N,D] db");
}

/* dy * ((1 + erf) / 2 + x * exp(-x^2/2) / sqrt(2 pi)); the exponent is rounded as well. db adds up dx as it is computed
 * or as it is stored. */
BOUND(gelu_bwd)
{
    const double *x = in->x.data, *dy = in->dy.data;
    double *dx = mag->dx.data, *db = mag->db.data;
    int64_t N = in->x.dim[in->x.rank - 1];
    for (int64_t i = 0; i < s4d_tensor_count(&in->x); i++) {
        double half_square = 0.5 * x[i] * x[i];
        double slope = fabs(x[i]) * exp(-half_square) * 0.3989422804014327 * (1 + half_square);
        dx[i] = fabs(dy[i]) * (0.5 * (1 + fabs(erf(x[i] * sqrt(0.5)))) + slope);
        if (db) {
            db[i % N] += dx[i] + s->rounded * fabs(((const double *)out->dx.data)[i]);
        }
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
