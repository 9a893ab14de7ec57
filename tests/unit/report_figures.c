/* Shares, deviations and bootstrap intervals against what theory says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "report/summary.h"
#include "s4d/base/mem.h"

/* n samples of class 0, of which `right` are predicted as such and the others as class 1. */
static s4d_outcome outcome(size_t n, size_t right, int64_t fold)
{
    s4d_outcome o = {.fold = fold, .samples = n};
    o.label = s4d_mem_alloc(n, sizeof *o.label);
    o.pred = s4d_mem_alloc(n, sizeof *o.pred);
    for (size_t i = right; i < n; ++i) o.pred[i] = 1;
    assert_true(s4d_strlist_add(&o.classes, "anger") && s4d_strlist_add(&o.classes, "fear"));
    return o;
}

static void test_shares(void **state)
{
    (void)state;
    const int64_t support[] = {4, 0, 10}, hit[] = {1, 0, 10};
    s4d_shares s = s4d_shares_of(support, hit, 3);
    assert_true(fabs(s.uar - 0.625) < 1e-12); /* the class without samples is left out */
    assert_true(fabs(s.war - 11.0 / 14) < 1e-12);
}

static void test_deviation_is_that_of_a_sample(void **state)
{
    (void)state;
    const double x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    s4d_value v = s4d_value_of(x, 8);
    assert_true(v.mean == 5 && v.n == 8);
    assert_true(fabs(v.deviation - sqrt(32.0 / 7)) < 1e-12);
    assert_true(s4d_value_of(x, 1).deviation == 0);
    assert_true(s4d_value_of(x, 0).n == 0);
}

/* The share of n draws of probability p is binomial: mean p, variance p(1-p)/n. */
static void test_interval_is_that_of_a_binomial(void **state)
{
    (void)state;
    s4d_outcome o = outcome(400, 120, 0);
    s4d_interval i[2];
    assert_int_equal(s4d_resample(&o, NULL), S4D_OK);
    assert_int_equal(s4d_intervals_of(&o, 1, i, NULL), S4D_OK);
    double half = 1.96 * sqrt(0.3 * 0.7 / 400), mean = 0, square = 0;
    assert_true(fabs(i[1].low - (0.3 - half)) < 0.005 && fabs(i[1].high - (0.3 + half)) < 0.005);
    assert_memory_equal(&i[0], &i[1], sizeof i[0]); /* one class: UAR is WAR */
    for (int r = 0; r < S4D_RESAMPLES; ++r) mean += o.resampled[r].war / S4D_RESAMPLES;
    for (int r = 0; r < S4D_RESAMPLES; ++r) square += pow(o.resampled[r].war - mean, 2) / S4D_RESAMPLES;
    assert_true(fabs(mean - 0.3) < 0.003);
    assert_true(fabs(sqrt(square) * 1.96 / half - 1) < 0.06);
    s4d_outcome_release(&o);
}

static void test_nothing_varies_where_all_is_right(void **state)
{
    (void)state;
    s4d_outcome o = outcome(7, 7, 0);
    s4d_interval i[2];
    assert_int_equal(s4d_resample(&o, NULL), S4D_OK);
    assert_int_equal(s4d_intervals_of(&o, 1, i, NULL), S4D_OK);
    assert_true(i[0].low == 1 && i[0].high == 1 && i[1].low == 1 && i[1].high == 1);
    s4d_outcome_release(&o);
}

/* Draws depend on the fold alone; folds are independent, so the interval of their mean shrinks by the root of their number. */
static void test_folds(void **state)
{
    (void)state;
    s4d_outcome o[4], again = outcome(300, 150, 2);
    s4d_interval one[2], mean[2];
    for (int k = 0; k < 4; ++k) {
        o[k] = outcome(300, 150, k + 1);
        assert_int_equal(s4d_resample(&o[k], NULL), S4D_OK);
    }
    assert_int_equal(s4d_resample(&again, NULL), S4D_OK);
    assert_memory_equal(again.resampled, o[1].resampled, S4D_RESAMPLES * sizeof *again.resampled);
    assert_memory_not_equal(o[0].resampled, o[1].resampled, S4D_RESAMPLES * sizeof *again.resampled);
    assert_int_equal(s4d_intervals_of(o, 1, one, NULL), S4D_OK);
    assert_int_equal(s4d_intervals_of(o, 4, mean, NULL), S4D_OK);
    assert_true(fabs((one[1].high - one[1].low) / (mean[1].high - mean[1].low) - 2) < 0.15);
    for (int k = 0; k < 4; ++k) s4d_outcome_release(&o[k]);
    s4d_outcome_release(&again);
}

static void test_published_go_by_set_modality_and_classes(void **state)
{
    (void)state;
    s4d_outcome o = {.set = (char *)"DFEW"};
    static const char *const name[] = {"a", "b", "c", "d", "e", "f", "g"};
    for (int c = 0; c < 7; ++c) {
        assert_null(s4d_published_find(&o));
        assert_true(s4d_strlist_add(&o.classes, name[c]));
    }
    const s4d_published *p = s4d_published_find(&o);
    assert_non_null(p);
    assert_true(p->uar[0] == 66.80 && p->war[0] == 76.68 && p->uar[1] == 63.60 && p->war[1] == 74.60);
    o.image = true;
    assert_null(s4d_published_find(&o));
    o.image = false;
    o.set = (char *)"dfew2";
    assert_null(s4d_published_find(&o));
    s4d_strlist_release(&o.classes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_deviation_is_that_of_a_sample),
        cmocka_unit_test(test_interval_is_that_of_a_binomial),
        cmocka_unit_test(test_nothing_varies_where_all_is_right),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_published_go_by_set_modality_and_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
