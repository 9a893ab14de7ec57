/* Metrics: what the golden set does not hold, namely absent classes, ties and no samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "s4d/train/metrics.h"

static void test_absent_class_is_left_out_of_the_mean(void **state)
{
    (void)state;
    const double prob[] = {.8, .1, .1, .2, .7, .1, .6, .3, .1, .1, .8, .1};
    const int32_t label[] = {0, 1, 0, 1};
    s4d_metrics m;
    s4d_metrics_compute(prob, label, 4, 3, &m);
    assert_int_equal(m.support[2], 0);
    assert_true(m.uar == 1 && m.war == 1 && m.macro_f1 == 1);
}

static void test_a_prediction_of_an_absent_class_costs(void **state)
{
    (void)state;
    const double prob[] = {.8, .1, .1, .2, .1, .7};
    const int32_t label[] = {0, 0};
    s4d_metrics m;
    s4d_metrics_compute(prob, label, 2, 3, &m);
    assert_true(m.uar == 0.5 && m.war == 0.5);
    assert_int_equal(m.confusion[0][2], 1);
    assert_true(m.macro_f1 == 2.0 / 3 / 2 && m.weighted_f1 == 2.0 / 3); /* scikit-learn: of classes 0 and 2; 1 is in neither */
}

static void test_ties_go_to_the_lower_index(void **state)
{
    (void)state;
    const double prob[] = {.25, .25, .25, .25};
    assert_int_equal(s4d_metrics_argmax(prob, 4), 0);
    const double many[] = {.125, .125, .125, .125, .125, .125, .125, .125, .125, .125, .125, .125, .125, .125, .125, .125};
    const int32_t label[] = {4, 5};
    s4d_metrics m;
    s4d_metrics_compute(many, label, 2, 8, &m);
    assert_true(m.top5 == 0.5); /* label 4 is the fifth of equals, label 5 the sixth */
}

static void test_no_samples(void **state)
{
    (void)state;
    s4d_metrics m;
    s4d_metrics_compute(NULL, NULL, 0, 3, &m);
    assert_true(m.uar == 0 && m.war == 0 && m.macro_f1 == 0 && m.top5 == 0);
}

static void test_views_are_averaged_after_the_softmax(void **state)
{
    (void)state;
    /* The mean of the logits would choose class 0. */
    const double logits[] = {10, 0, 0, 0, 1.5, 0, 0, 1.5, 0, 0, 1.5, 0};
    double prob[3];
    s4d_metrics_mean_views(logits, 4, 3, prob);
    assert_int_equal(s4d_metrics_argmax(prob, 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_class_is_left_out_of_the_mean),
        cmocka_unit_test(test_a_prediction_of_an_absent_class_costs),
        cmocka_unit_test(test_ties_go_to_the_lower_index),
        cmocka_unit_test(test_no_samples),
        cmocka_unit_test(test_views_are_averaged_after_the_softmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
