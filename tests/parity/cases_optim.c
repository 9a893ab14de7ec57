/* The optimiser and the operations on whole blocks. */
#include <math.h>
#include <string.h>

#include "parity.h"

static const int sizes[] = {1, 2, 7, 16, 33, 1000, 4099};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* ---- AdamW ---- */

typedef struct adam_case {
    const char *text;
    double w, g, m, v; /* sizes; v is made of squares */
    int64_t step;
} adam_case;

static const adam_case adams[] = {
    {"first step", 1, 1, 0, 0, 1},         {"later", 1, 1, 1, 1, 1000},
    {"from zero weights", 0, 1, 0, 0, 1},  {"small gradients", 0, 1e-10, 1e-10, 1e-10, 5},
    {"tiny gradients", 0, 1e-18, 0, 0, 2}, {"large gradients", 1, 1e6, 1e6, 1e6, 3},
    {"no gradient", 1, 0, 1, 1, 20},       {"nothing", 1, 0, 0, 0, 1},
};

static s4d_tensor squares_of(suite *s, double size, int64_t n)
{
    s4d_tensor t = NORMAL(size, n);
    for (int64_t i = 0; i < n; i++) {
        ((float *)t.data)[i] *= ((float *)t.data)[i];
    }
    return t;
}

/* Two segments with their own rates, out of order, and a gap that stays as it is. */
CASES(adamw)
{
    for (size_t i = 0; i < sizeof adams / sizeof adams[0]; i++) {
        const adam_case *c = &adams[i];
        const s4d_adamw_segment segment[] = {
            {.offset = 40, .count = 61, .lr = 1e-3, .decay = 0.05, .step = c->step},
            {.offset = 0, .count = 37, .lr = 0.3, .decay = 0, .step = c->step + 2}};
        s4d_adamw_args a = {.w = NORMAL(c->w, 101),
                            .g = NORMAL(c->g, 101),
                            .m = NORMAL(c->m, 101),
                            .v = squares_of(s, c->v, 101),
                            .segment = segment,
                            .segments = 2,
                            .beta1 = 0.9,
                            .beta2 = i & 1 ? 0.95 : 0.999,
                            .eps = 1e-8};
        check(s, &a, "%s", c->text);
    }
    s4d_adamw_args none = {.w = NORMAL(1, 5),
                           .g = NORMAL(1, 5),
                           .m = NORMAL(1, 5),
                           .v = squares_of(s, 1, 5),
                           .beta1 = 0.9,
                           .beta2 = 0.999,
                           .eps = 1e-8};
    check(s, &none, "no segment");
}

BOUND(adamw)
{
    int64_t P = in->w.dim[0];
    double *w = mag->w.data, *m = mag->m.data, *v = mag->v.data;
    const double *g = mag->g.data;
    bool *touched = make_block(s, (size_t)P, sizeof *touched);
    for (int k = 0; k < in->segments; k++) {
        const s4d_adamw_segment *seg = &in->segment[k];
        double bias1 = 1 - pow(in->beta1, (double)seg->step),
               bias2 = 1 - pow(in->beta2, (double)seg->step);
        for (int64_t i = seg->offset; i < seg->offset + seg->count; i++) {
            touched[i] = true;
            m[i] = in->beta1 * m[i] + (1 - in->beta1) * g[i];
            v[i] = in->beta2 * v[i] + (1 - in->beta2) * g[i] * g[i];
            double root = sqrt(((const double *)out->v.data)[i] / bias2) + in->eps;
            w[i] = w[i] * (1 + seg->lr * seg->decay) + 2 * seg->lr * m[i] / bias1 / root;
        }
    }
    for (int64_t i = 0; i < P; i++) {
        if (!touched[i]) {
            w[i] = m[i] = v[i] = 0;
        }
    }
}

/* ---- sums and scalings ---- */

CASES(square_norm)
{
    for (int i = 0; i < SIZES; i++) {
        check(s, &(s4d_square_norm_args){.x = NORMAL(1, sizes[i]), .value = WIDE(1)}, "n=%d",
              sizes[i]);
        check(s, &(s4d_square_norm_args){.x = NORMAL(1e30, sizes[i]), .value = WIDE(1)},
              "n=%d large", sizes[i]);
        check(s, &(s4d_square_norm_args){.x = NORMAL(1e-30, sizes[i]), .value = WIDE(1)},
              "n=%d small", sizes[i]);
    }
}

/* Summed in double: 2^-29 of a float's rounding; 16 for the length of the sum. */
BOUND(square_norm)
{
    *(double *)mag->value.data = 16 * 0x1p-29 * *(const double *)out->value.data;
}

CASES(scale)
{
    static const double factor[] = {0.1, -3, 0, 1e-30, 1, 1 / 3.0};
    for (int i = 0; i < SIZES; i++) {
        double f = factor[i % 6];
        check(s, &(s4d_scale_args){.factor = f, .x = NORMAL(1, sizes[i])}, "n=%d factor %g",
              sizes[i], f);
    }
}

BOUND(scale)
{
    for (int64_t i = 0; i < s4d_tensor_count(&in->x); i++) {
        ((double *)mag->x.data)[i] *= fabs(in->factor);
    }
}

CASES(lerp)
{
    static const double t[] = {0.001, 0.5, 1, 0, 1e-6};
    for (int i = 0; i < SIZES; i++) {
        check(s,
              &(s4d_lerp_args){.t = t[i % 5], .x = NORMAL(1, sizes[i]), .y = NORMAL(1, sizes[i])},
              "n=%d t=%g", sizes[i], t[i % 5]);
    }
}

BOUND(lerp)
{
    for (int64_t i = 0; i < s4d_tensor_count(&in->x); i++) {
        double *x = mag->x.data, y = ((double *)mag->y.data)[i];
        x[i] += fabs(in->t) * (x[i] + y);
    }
}

CASES(add)
{
    for (int i = 0; i < SIZES; i++) {
        check(s, &(s4d_add_args){.x = NORMAL(1, sizes[i]), .y = NORMAL(1, sizes[i])}, "n=%d",
              sizes[i]);
    }
    check(s, &(s4d_add_args){.x = NORMAL(1, 2, 3, 5), .y = NORMAL(1e6, 2, 3, 5)}, "[2,3,5]");
}
BOUND_BY_ABSOLUTE_VALUES(add)

CASES(zero)
{
    for (int i = 0; i < SIZES; i++) {
        check(s, &(s4d_zero_args){.x = NORMAL(1, sizes[i])}, "F32 n=%d", sizes[i]);
        check(s, &(s4d_zero_args){.x = INT_NOISE(sizes[i])}, "I32 n=%d", sizes[i]);
        check(s, &(s4d_zero_args){.x = make_bytes(s, sizes[i])}, "U8 n=%d", sizes[i]);
    }
    check(s, &(s4d_zero_args){.x = WIDE(3)}, "F64");
}
BOUND_EQUAL(zero)

/* One value that is not finite, at every kind of place. */
CASES(all_finite)
{
    const float odd[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (int i = 0; i < SIZES; i++) {
        check(s, &(s4d_all_finite_args){.x = NORMAL(1e37, sizes[i]), .flag = INT_NOISE(1)}, "n=%d",
              sizes[i]);
        for (int k = 0; k < 4; k++) {
            s4d_all_finite_args a = {.x = NORMAL(1, sizes[i]), .flag = INT_NOISE(1)};
            int64_t at = k == 0   ? 0
                         : k == 1 ? sizes[i] - 1
                                  : (int64_t)s4d_rng_below(&s->rng, (uint32_t)sizes[i]);
            ((float *)a.x.data)[at] = odd[k];
            check(s, &a, "n=%d %g at %lld", sizes[i], (double)odd[k], (long long)at);
        }
    }
}
BOUND_EQUAL(all_finite)

/* ---- random and cast ---- */

CASES(random)
{
    static const uint64_t key[] = {0, 1, 0xFEDCBA9876543210u, 42},
                          first[] = {0, 1, 2, 3, 5, 0xFFFFFFFFu, 0x3FFFFFFFEu};
    for (int i = 0; i < 2 * SIZES; i++) {
        s4d_random_args a = {.kind = i & 1 ? S4D_NORMAL : S4D_UNIFORM,
                             .key = key[i % 4],
                             .first = first[i / 2],
                             .y = NOISE(sizes[i / 2])};
        check(s, &a, "%s n=%d first %llu", i & 1 ? "normal" : "uniform", sizes[i / 2],
              (unsigned long long)a.first);
    }
}

/* Normals: the radius and the angle are rounded; uniforms are equal. */
BOUND(random)
{
    double *m = mag->y.data;
    for (int64_t i = 0; in->kind == S4D_NORMAL && i < s4d_tensor_count(&in->y); i++) {
        uint64_t pair = (in->first + (uint64_t)i) / 2 * 2;
        m[i] =
            8 * hypot(s4d_rng_fill_normal(in->key, pair), s4d_rng_fill_normal(in->key, pair + 1));
    }
}

CASES(cast)
{
    for (int i = 0; i < SIZES; i++) {
        int n = sizes[i];
        check(s, &(s4d_cast_args){.x = WIDE(n), .y = NOISE(n)}, "F64 to F32 n=%d", n);
        check(s, &(s4d_cast_args){.x = NORMAL(1, n), .y = WIDE(n)}, "F32 to F64 n=%d", n);
        check(s, &(s4d_cast_args){.x = NORMAL(1, n), .y = NOISE(n)}, "F32 to F32 n=%d", n);
    }
    s4d_cast_args a = {.x = WIDE(6), .y = NOISE(6)};
    const double half[] = {1 + 0x1p-24, 1 + 0x3p-24, -1 - 0x1p-24, 1e-45, 1e300, -0.0};
    memcpy(a.x.data, half, sizeof half);
    check(s, &a, "F64 to F32, halves to even");
}
BOUND_EQUAL(cast)
