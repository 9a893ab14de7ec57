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

static s4d_tensor double_of(suite *s, double value)
{
    s4d_tensor t = WIDE(1);
    *(double *)t.data = value;
    return t;
}

static s4d_tensor int_of(suite *s, int value)
{
    s4d_tensor t = INTS(1, 1);
    *(int32_t *)t.data = value;
    return t;
}

static s4d_adamw_args adam_args(suite *s, const adam_case *c, int64_t n)
{
    return (s4d_adamw_args){.w = NORMAL(c->w, n),
                            .g = NORMAL(c->g, n),
                            .m = NORMAL(c->m, n),
                            .v = squares_of(s, c->v, n),
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .eps = 1e-8};
}

/* Two segments with their own rates, out of order, and a gap that stays as it is. */
CASES(adamw)
{
    static const double factor[] = {0.37, 0, 1, 1e-4};
    for (size_t i = 0; i < 8 * (sizeof adams / sizeof adams[0]); i++) {
        const adam_case *c = &adams[i / 8];
        const s4d_adamw_segment segment[] = {
            {.offset = 40, .count = 61, .lr = 1e-3, .decay = 0.05, .step = c->step},
            {.offset = 0, .count = 37, .lr = 0.3, .decay = 0, .step = c->step + 2}};
        s4d_adamw_args a = adam_args(s, c, 101);
        a.segment = segment;
        a.segments = 2;
        a.beta2 = i / 8 & 1 ? 0.95 : 0.999;
        if (i & 1) {
            a.low = NOISE(101);
        }
        if (i & 2) {
            a.factor = double_of(s, factor[i / 4 % 4]);
        }
        if (i & 4) {
            a.go = int_of(s, (int)(i / 8 & 1));
        }
        check(s, &a, "%s%s%s%s", c->text, i & 1 ? " low" : "", i & 2 ? " factor" : "",
              !(i & 4)    ? ""
              : i / 8 & 1 ? " go"
                          : " not go");
    }
    const s4d_adamw_segment whole = {.count = 70001, .lr = 1e-3, .decay = 0.05, .step = 3};
    s4d_adamw_args many = adam_args(s, &adams[1], whole.count);
    many.segment = &whole;
    many.segments = 1;
    many.low = NOISE(whole.count);
    many.factor = double_of(s, 0.37);
    many.go = int_of(s, 1);
    check(s, &many, "many, low factor go");
    s4d_adamw_args none = adam_args(s, &adams[1], 5);
    none.low = NOISE(5);
    check(s, &none, "no segment");
}

/* A gradient that is rounded behind its factor brings that into its square twice. */
BOUND(adamw)
{
    int64_t P = in->w.dim[0];
    double *w = mag->w.data, *m = mag->m.data, *v = mag->v.data, *low = mag->low.data;
    const double *g = mag->g.data;
    bool scaled = s4d_tensor_given(&in->factor),
         goes = !s4d_tensor_given(&in->go) || *(const int32_t *)in->go.data;
    double factor = scaled ? fabs(*(const double *)in->factor.data) : 1;
    bool *touched = make_block(s, (size_t)P, sizeof *touched);
    for (int k = 0; k < in->segments && goes; k++) {
        const s4d_adamw_segment *seg = &in->segment[k];
        double bias1 = 1 - pow(in->beta1, (double)seg->step),
               bias2 = 1 - pow(in->beta2, (double)seg->step);
        for (int64_t i = seg->offset; i < seg->offset + seg->count; i++) {
            double grad = factor * g[i];
            touched[i] = true;
            m[i] = in->beta1 * m[i] + (1 - in->beta1) * grad;
            v[i] = in->beta2 * v[i] + (scaled ? 2 : 1) * (1 - in->beta2) * grad * grad;
            double root = sqrt(((const double *)out->v.data)[i] / bias2) + in->eps;
            w[i] = w[i] * (1 + seg->lr * seg->decay) + 2 * seg->lr * m[i] / bias1 / root;
        }
    }
    for (int64_t i = 0; i < P; i++) {
        if (!touched[i]) {
            w[i] = m[i] = v[i] = 0;
        }
        if (low) {
            low[i] = w[i];
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

CASES(clip_norm)
{
    static const struct {
        double clip, square;
        double loss[3]; /* 0 ends them */
        const char *text;
    } c[] = {
        {1, 4, {0}, "above"},
        {1, 0.25, {0}, "below"},
        {1, 1, {0}, "just at it"},
        {0, 1e10, {0}, "no clipping"},
        {0.02, 9, {1.5, -2, 1e300}, "finite losses"},
        {5, 1e-300, {1}, "tiny norm"},
        {5, 0, {1}, "no gradient"},
        {1, INFINITY, {0}, "infinite norm"},
        {1, NAN, {0}, "norm is NaN"},
        {0, INFINITY, {2}, "no clipping, infinite norm"},
        {0, NAN, {2}, "no clipping, norm is NaN"},
        {INFINITY, 7, {2}, "infinite clip"},
        {1, 4, {NAN}, "a loss is NaN"},
        {1, 0.5, {1, INFINITY}, "a loss is infinite"},
        {0, 4, {1, 2, -INFINITY}, "a loss is minus infinite"},
        {3, 1e300, {4}, "large norm"},
    };
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        int losses = 0;
        while (losses < 3 && c[i].loss[losses] != 0) {
            losses++;
        }
        s4d_clip_norm_args a = {.clip = c[i].clip,
                                .square = double_of(s, c[i].square),
                                .norm = WIDE(1),
                                .factor = WIDE(1),
                                .go = INT_NOISE(1)};
        if (losses) {
            a.loss = WIDE(losses);
            memcpy(a.loss.data, c[i].loss, (size_t)losses * sizeof(double));
        }
        check(s, &a, "%s", c[i].text);
    }
    /* More losses than any block of threads has, the last one not finite. */
    for (int finite = 0; finite < 2; finite++) {
        s4d_clip_norm_args a = {.clip = 1,
                                .square = double_of(s, 2),
                                .loss = WIDE(1500),
                                .norm = WIDE(1),
                                .factor = WIDE(1),
                                .go = INT_NOISE(1)};
        if (!finite) {
            ((double *)a.loss.data)[1499] = NAN;
        }
        check(s, &a, "many losses%s", finite ? "" : ", the last is NaN");
    }
}

/* Double throughout; what is not clipped has factor 1. */
BOUND(clip_norm)
{
    double factor = *(const double *)out->factor.data;
    *(double *)mag->norm.data = 0x1p-29 * *(const double *)out->norm.data;
    *(double *)mag->factor.data = factor == 1 ? 0 : 0x1p-29 * factor;
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
    for (int i = 0; i < 3 * SIZES; i++) {
        int n = sizes[i / 3];
        s4d_lerp_args a = {.t = t[i / 3 % 5], .x = NORMAL(1, n), .y = NORMAL(1, n)};
        if (i % 3) {
            a.go = int_of(s, i % 3 - 1);
        }
        check(s, &a, "n=%d t=%g%s", n, a.t, i % 3 == 0 ? "" : i % 3 == 1 ? " not go" : " go");
    }
}

BOUND(lerp)
{
    double *x = mag->x.data;
    bool goes = !s4d_tensor_given(&in->go) || *(const int32_t *)in->go.data;
    for (int64_t i = 0; i < s4d_tensor_count(&in->x); i++) {
        double y = ((double *)mag->y.data)[i];
        x[i] = goes ? x[i] + fabs(in->t) * (x[i] + y) : 0;
    }
}

CASES(add)
{
    for (int i = 0; i < SIZES; i++) {
        check(s, &(s4d_add_args){.x = NORMAL(1, sizes[i]), .y = NORMAL(1, sizes[i])}, "n=%d",
              sizes[i]);
        check(s, &(s4d_add_args){.x = WIDE(sizes[i]), .y = WIDE(sizes[i])}, "F64 n=%d", sizes[i]);
    }
    check(s, &(s4d_add_args){.x = NORMAL(1, 2, 3, 5), .y = NORMAL(1e6, 2, 3, 5)}, "[2,3,5]");
}

/* In double one sum has one right result. */
BOUND(add)
{
    s4d_add(s->exact, mag);
    if (((const s4d_add_args *)s->args)->x.dtype == S4D_F64) {
        enlarge(mag->y, 0);
    }
}

CASES(zero)
{
    for (int i = 0; i < SIZES; i++) {
        check(s, &(s4d_zero_args){.x = NORMAL(1, sizes[i])}, "F32 n=%d", sizes[i]);
        check(s, &(s4d_zero_args){.x = INT_NOISE(sizes[i])}, "I32 n=%d", sizes[i]);
        check(s, &(s4d_zero_args){.x = HALF(sizes[i])}, "BF16 n=%d", sizes[i]);
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

static void cast_cases_bf16(suite *s)
{
    for (int i = 0; i < SIZES; i++) {
        int n = sizes[i];
        check(s, &(s4d_cast_args){.x = NORMAL(1, n), .y = HALF(n)}, "F32 to BF16 n=%d", n);
        check(s, &(s4d_cast_args){.x = WIDE(n), .y = HALF(n)}, "F64 to BF16 n=%d", n);
        check(s, &(s4d_cast_args){.x = HALF(n), .y = NOISE(n)}, "BF16 to F32 n=%d", n);
        check(s, &(s4d_cast_args){.x = HALF(n), .y = WIDE(n)}, "BF16 to F64 n=%d", n);
        check(s, &(s4d_cast_args){.x = HALF(n), .y = HALF(n)}, "BF16 to BF16 n=%d", n);
    }
    const float half[] = {1 + 0x1p-8f, 1 + 0x3p-8f, -1 - 0x1p-8f, 1e-40f, 3.4e38f, -0.0f, NAN, -INFINITY};
    s4d_cast_args a = {.x = NOISE(8), .y = HALF(8)};
    memcpy(a.x.data, half, sizeof half);
    check(s, &a, "F32 to BF16, halves to even and odd ones");
    const double twice[] = {1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-40, -1 - 0x3p-8 + 0x1p-40, 1e300, -0.0, NAN};
    a = (s4d_cast_args){.x = WIDE(6), .y = HALF(6)};
    memcpy(a.x.data, twice, sizeof twice);
    check(s, &a, "F64 to BF16, rounded once");
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
    if (s->casts_bf16) {
        cast_cases_bf16(s);
    }
}
BOUND_EQUAL(cast)
