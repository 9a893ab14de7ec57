/* RandAugment's plans: how they are drawn. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "s4d/data/augment.h"

static s4d_augment_policy parsed(const char *text)
{
    s4d_augment_policy policy;
    s4d_err err = {0};
    if (s4d_augment_parse(text, &policy, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return policy;
}

static s4d_augment_plan drawn(const s4d_augment_policy *policy, s4d_augment_interpolation with,
                              uint32_t sample)
{
    s4d_augment_plan plan;
    s4d_rng rng = s4d_rng_make(5, S4D_RNG_TEST, 0, sample);
    s4d_augment_draw(policy, with, &rng, &plan);
    return plan;
}

static bool same_plan(const s4d_augment_plan *a, const s4d_augment_plan *b)
{
    bool same = a->count == b->count;
    for (int k = 0; same && k < a->count; k++) {
        same = a->step[k].op == b->step[k].op && a->step[k].argument == b->step[k].argument &&
               a->step[k].resample == b->step[k].resample;
    }
    return same;
}

static bool is_enhancer(s4d_augment_op op)
{
    return op >= S4D_AUGMENT_COLOR && op <= S4D_AUGMENT_SHARPNESS;
}

/* n draws of chance p, within five standard deviations. */
static void assert_share(double got, double n, double p)
{
    double slack = 5.0 * sqrt(n * p * (1.0 - p));
    if (fabs(got - n * p) > slack) {
        fail_msg("%g of %g, expected %g +- %g", got, n, n * p, slack);
    }
}

static void test_the_draw_repeats(void **state)
{
    (void)state;
    s4d_augment_policy policy = parsed("rand-m7-n4-mstd0.5-inc1-p1");
    for (uint32_t i = 0; i < 200; i++) {
        s4d_augment_plan a = drawn(&policy, S4D_AUGMENT_EITHER, i);
        s4d_augment_plan b = drawn(&policy, S4D_AUGMENT_EITHER, i);
        s4d_augment_plan other = drawn(&policy, S4D_AUGMENT_EITHER, i + 1);
        assert_true(same_plan(&a, &b));
        assert_false(same_plan(&a, &other));
    }
}

/* Without a deviation the arguments are those of METHOD.md section 6 at m itself. */
typedef struct fixed {
    const char *text;
    double rotate, posterize, solarize, add, enhancer_up, enhancer_down, shear, translate;
} fixed;

static double expected_argument(const fixed *f, s4d_augment_op op, double got)
{
    switch (op) {
    case S4D_AUGMENT_ROTATE:
        return copysign(f->rotate, got);
    case S4D_AUGMENT_POSTERIZE:
        return f->posterize;
    case S4D_AUGMENT_SOLARIZE:
        return f->solarize;
    case S4D_AUGMENT_SOLARIZE_ADD:
        return f->add;
    case S4D_AUGMENT_SHEAR_X:
    case S4D_AUGMENT_SHEAR_Y:
        return copysign(f->shear, got);
    case S4D_AUGMENT_TRANSLATE_X:
    case S4D_AUGMENT_TRANSLATE_Y:
        return copysign(f->translate, got);
    default:
        return !is_enhancer(op) ? 0.0 : got > 1.0 ? f->enhancer_up : f->enhancer_down;
    }
}

static void test_arguments_at_fixed_magnitudes(void **state)
{
    (void)state;
    static const fixed cases[] = {
        {"rand-m7-n15-p1-inc1", 21, 2, 77, 77, 1.63, 0.37, 0.21, 0.315},
        {"rand-m7-n15-p1", 21, 2, 179, 77, 1.36, 1.36, 0.21, 0.315},
        {"rand-m10-n15-p1-inc1", 30, 0, 0, 110, 1.9, 0.1, 0.3, 0.45},
        {"rand-m0-n15-p1-inc1", 0, 4, 256, 0, 1, 1, 0, 0},
        {"rand-m0-n15-p1", 0, 0, 0, 0, 0.1, 0.1, 0, 0},
        {"rand-m30-n15-p1-inc1", 30, 0, 0, 110, 1.9, 0.1, 0.3, 0.45}, /* clipped to 10 */
        {"rand-m8-mmax5-n15-p1-inc1", 15, 2, 128, 55, 1.45, 0.55, 0.15, 0.225},
        {"rand-m20-mmax30-n15-p1-inc1", 60, -4, -256, 220, 2.8, 0.1, 0.6, 0.9},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        s4d_augment_policy policy = parsed(cases[k].text);
        bool seen[S4D_AUGMENT_OPS] = {false};
        for (uint32_t i = 0; i < 40; i++) {
            s4d_augment_plan plan = drawn(&policy, S4D_AUGMENT_BICUBIC, i);
            assert_int_equal(plan.count, 15);
            for (int j = 0; j < plan.count; j++) {
                s4d_augment_op op = plan.step[j].op;
                double got = plan.step[j].argument, want = expected_argument(&cases[k], op, got);
                seen[op] = true;
                if (fabs(got - want) > 1e-15 * fabs(want)) {
                    fail_msg("%s: %s by %.17g, expected %.17g", cases[k].text,
                             s4d_augment_op_name(op), got, want);
                }
            }
        }
        for (int op = 0; op < S4D_AUGMENT_OPS; op++) {
            assert_true(seen[op]);
        }
    }
}

enum { DRAWS = 20000 };

/* Each operation as likely, repeats included; each applied with chance 1/2; signs are fair coins.
 */
static void test_operations_chances_and_signs(void **state)
{
    (void)state;
    s4d_augment_policy policy = parsed("rand-m7-n4-mstd0.5-inc1");
    double count[S4D_AUGMENT_OPS] = {0}, positive[S4D_AUGMENT_OPS] = {0}, applied = 0, pairs = 0;
    double repeats = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        s4d_augment_plan plan = drawn(&policy, S4D_AUGMENT_BICUBIC, i);
        applied += plan.count;
        for (int k = 0; k < plan.count; k++) {
            const s4d_augment_step *step = &plan.step[k];
            count[step->op]++;
            positive[step->op] += is_enhancer(step->op) ? step->argument > 1 : step->argument > 0;
            pairs += k > 0;
            repeats += k > 0 && step->op == step[-1].op;
            assert_int_equal(step->resample,
                             s4d_augment_op_moves(step->op) ? S4D_BICUBIC : S4D_BILINEAR);
        }
    }
    assert_share(applied, 4.0 * DRAWS, 0.5);
    assert_share(repeats, pairs, 1.0 / 15);
    for (int op = 0; op < S4D_AUGMENT_OPS; op++) {
        assert_share(count[op], applied, 1.0 / 15);
        if (s4d_augment_op_moves((s4d_augment_op)op) || is_enhancer((s4d_augment_op)op)) {
            assert_share(positive[op], count[op], 0.5);
        }
    }
}

/* The magnitudes of `text`, read from the rotations: their number, mean, deviation and range. */
typedef struct spread {
    double n, mean, deviation, low, high;
} spread;

static spread magnitudes(const char *text)
{
    s4d_augment_policy policy = parsed(text);
    spread s = {.low = INFINITY, .high = -INFINITY};
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        s4d_augment_plan plan = drawn(&policy, S4D_AUGMENT_BICUBIC, i);
        for (int k = 0; k < plan.count; k++) {
            if (plan.step[k].op == S4D_AUGMENT_ROTATE) {
                double m = fabs(plan.step[k].argument) / 3.0;
                s.n++;
                sum += m;
                squares += m * m;
                s.low = fmin(s.low, m);
                s.high = fmax(s.high, m);
            }
        }
    }
    s.mean = sum / s.n;
    s.deviation = sqrt(squares / s.n - s.mean * s.mean);
    return s;
}

static void test_magnitudes(void **state)
{
    (void)state;
    spread s = magnitudes("rand-m7-n8-mstd0.5-p1");
    assert_true(fabs(s.mean - 7.0) < 5 * 0.5 / sqrt(s.n));
    assert_true(fabs(s.deviation - 0.5) < 5 * 0.5 / sqrt(2 * s.n));
    s = magnitudes("rand-m9-n8-mstd3-p1"); /* clipped at both ends */
    assert_true(fabs(s.low) < 1e-12 && fabs(s.high - 10.0) < 1e-12);
    s = magnitudes("rand-m9-n8-mstd3-mmax12-p1");
    assert_true(fabs(s.high - 12.0) < 1e-12);
    s = magnitudes("rand-m6-n8-mstd101-p1"); /* uniform in 0..6 */
    assert_true(fabs(s.mean - 3.0) < 5 * 6 / sqrt(12 * s.n));
    assert_true(s.low >= 0 && s.low < 0.01 && s.high <= 6 && s.high > 5.99);
    assert_true(fabs(s.deviation - 6 / sqrt(12)) < 0.05);
}

/* Under w0 operations come by timm's weights, each at most once, two of them never. */
static void test_weights(void **state)
{
    (void)state;
    static const double weight[S4D_AUGMENT_OPS] = {
        0.025, 0.005, 0, 0.3, 0, 0.005, 0.005, 0.025, 0.005, 0.005, 0.025, 0.2, 0.2, 0.1, 0.1};
    s4d_augment_policy policy = parsed("rand-n13-w0-p1");
    double first[S4D_AUGMENT_OPS] = {0}, both = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        s4d_augment_plan plan = drawn(&policy, S4D_AUGMENT_BICUBIC, i);
        unsigned seen = 0;
        assert_int_equal(plan.count, 13);
        for (int k = 0; k < plan.count; k++) {
            assert_false(seen & (1u << plan.step[k].op));
            seen |= 1u << plan.step[k].op;
        }
        assert_false(seen & (1u << S4D_AUGMENT_INVERT | 1u << S4D_AUGMENT_POSTERIZE));
        first[plan.step[0].op]++;
        both += plan.step[0].op == S4D_AUGMENT_ROTATE && plan.step[1].op == S4D_AUGMENT_SHEAR_X;
    }
    for (int op = 0; op < S4D_AUGMENT_OPS; op++) {
        assert_share(first[op], DRAWS, weight[op]);
    }
    assert_share(both, DRAWS, 0.3 * 0.2 / 0.7);
}

static void test_interpolations(void **state)
{
    (void)state;
    s4d_augment_policy policy = parsed("rand-m9-n2-mstd0.5-inc1-p1");
    double moves = 0, bicubic = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        s4d_augment_plan either = drawn(&policy, S4D_AUGMENT_EITHER, i);
        s4d_augment_plan linear = drawn(&policy, S4D_AUGMENT_BILINEAR, i);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(linear.step[k].resample, S4D_BILINEAR);
            moves += s4d_augment_op_moves(either.step[k].op);
            bicubic += either.step[k].resample == S4D_BICUBIC;
        }
    }
    assert_share(bicubic, moves, 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_draw_repeats),
        cmocka_unit_test(test_arguments_at_fixed_magnitudes),
        cmocka_unit_test(test_operations_chances_and_signs),
        cmocka_unit_test(test_magnitudes),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_interpolations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
