/* Masks: exact counts, rising order, and all subsets as likely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/data/draw.h"

enum { TOKENS_MAX = 800 };

static void assert_counts(double ratio, s4d_mask_kind kind, int tokens, int per_frame,
                          int expected_masked)
{
    int visible, masked;
    s4d_mask_counts(ratio, kind, tokens, per_frame, &visible, &masked);
    assert_int_equal(masked, expected_masked);
    assert_int_equal(visible, tokens - expected_masked);
}

static void counts_are_exact(void **state)
{
    (void)state;
    assert_counts(0.90, S4D_MASK_RANDOM, 100, 100, 90);
    assert_counts(0.95, S4D_MASK_RANDOM, 800, 100, 760);
    assert_counts(0.95, S4D_MASK_TUBE, 800, 100, 760);
    assert_counts(0.75, S4D_MASK_RANDOM, 196, 196, 147);
    assert_counts(0.90, S4D_MASK_RANDOM, 1568, 196, 1411);
    assert_counts(0.90, S4D_MASK_TUBE, 1568, 196, 1408); /* 8 times floor(176.4) */
    assert_counts(0.0, S4D_MASK_RANDOM, 100, 100, 0);
    assert_counts(1.0, S4D_MASK_TUBE, 800, 100, 800);
}

/* Every token is in exactly one of the two rising lists, and nothing is written behind them. */
static void assert_partition(double ratio, s4d_mask_kind kind, int tokens, int per_frame,
                             s4d_rng *rng)
{
    int32_t visible[TOKENS_MAX + 1], masked[TOKENS_MAX + 1];
    int seen, hidden, v = 0, m = 0;
    s4d_mask_counts(ratio, kind, tokens, per_frame, &seen, &hidden);
    visible[seen] = masked[hidden] = -7;
    s4d_draw_mask(ratio, kind, tokens, per_frame, rng, visible, masked);
    assert_int_equal(visible[seen], -7);
    assert_int_equal(masked[hidden], -7);
    for (int i = 0; i < tokens; i++) {
        if (v < seen && visible[v] == i) {
            v++;
        } else {
            assert_true(m < hidden);
            assert_int_equal(masked[m], i);
            m++;
        }
    }
    assert_int_equal(v, seen);
    assert_int_equal(m, hidden);
}

static void lists_part_the_tokens(void **state)
{
    (void)state;
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 1, 0);
    for (int i = 0; i < 200; i++) {
        assert_partition(0.95, S4D_MASK_RANDOM, 800, 100, &rng);
        assert_partition(0.95, S4D_MASK_TUBE, 800, 100, &rng);
        assert_partition(0.90, S4D_MASK_RANDOM, 100, 100, &rng);
        assert_partition(0.5, S4D_MASK_TUBE, 21, 7, &rng);
        assert_partition(0.0, S4D_MASK_RANDOM, 3, 3, &rng);
        assert_partition(1.0, S4D_MASK_TUBE, 6, 3, &rng);
    }
}

static void tubes_are_the_same_at_all_times(void **state)
{
    (void)state;
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 1, 1);
    int32_t visible[80], masked[800];
    s4d_draw_mask(0.9, S4D_MASK_TUBE, 800, 100, &rng, visible, masked);
    for (int t = 1; t < 8; t++) {
        for (int i = 0; i < 10; i++) {
            assert_int_equal(visible[t * 10 + i], visible[i] + t * 100);
        }
        for (int i = 0; i < 90; i++) {
            assert_int_equal(masked[t * 90 + i], masked[i] + t * 100);
        }
    }
}

/* 2 of 6 tokens: 15 subsets. */
static void all_subsets_are_as_likely(void **state)
{
    (void)state;
    enum { N = 15000 };
    int seen[6][6] = {{0}};
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 1, 2);
    for (int i = 0; i < N; i++) {
        int32_t visible[4], masked[2];
        s4d_draw_mask(0.34, S4D_MASK_RANDOM, 6, 6, &rng, visible, masked);
        seen[masked[0]][masked[1]]++;
    }
    double chi_square = 0.0;
    for (int a = 0; a < 6; a++) {
        for (int b = a + 1; b < 6; b++) {
            double off = seen[a][b] - N / 15.0;
            chi_square += off * off / (N / 15.0);
        }
    }
    assert_true(chi_square < 36.1); /* 0.999 quantile, 14 degrees of freedom */
}

static void a_mask_depends_on_its_stream_alone(void **state)
{
    (void)state;
    int32_t visible[3][40], masked[3][760];
    for (uint32_t i = 0; i < 3; i++) {
        s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 2, i / 2);
        s4d_draw_mask(0.95, S4D_MASK_RANDOM, 800, 100, &rng, visible[i], masked[i]);
    }
    assert_memory_equal(visible[0], visible[1], sizeof visible[0]);
    assert_memory_not_equal(visible[0], visible[2], sizeof visible[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_exact),
        cmocka_unit_test(lists_part_the_tokens),
        cmocka_unit_test(tubes_are_the_same_at_all_times),
        cmocka_unit_test(all_subsets_are_as_likely),
        cmocka_unit_test(a_mask_depends_on_its_stream_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
