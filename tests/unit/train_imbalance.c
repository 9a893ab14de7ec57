/* Class weights average to 1 over the samples; adjustments are log shares. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>

#include "train/engine.h"

static void weights(void **state)
{
    (void)state;
    static const int64_t count[4] = {6, 3, 0, 1};
    s4d_imbalance im;
    s4d_imbalance_make(&(s4d_train_opts){.class_weights = S4D_WEIGHTS_INVERSE}, count, 4, &im);
    assert_true(im.weighted && !im.adjusted);
    for (int c = 0; c < 4; c++) { /* n_c w_c is the same for all that occur, and sums to n */
        assert_true(fabs((double)(im.weight[c] * (float)count[c]) - (count[c] ? 10.0 / 3 : 0)) < 1e-5);
    }
    s4d_imbalance_make(&(s4d_train_opts){.class_weights = S4D_WEIGHTS_SQRT_INVERSE}, count, 4, &im);
    double sum = 0;
    for (int c = 0; c < 4; c++) {
        sum += (double)im.weight[c] * (double)count[c];
    }
    assert_true(fabs(sum - 10) < 1e-5);
    assert_true(fabs((double)(im.weight[3] / im.weight[0]) - sqrt(6)) < 1e-5);
    s4d_imbalance_make(&(s4d_train_opts){0}, count, 4, &im);
    assert_true(!im.weighted && !im.adjusted);
}

static void adjustments(void **state)
{
    (void)state;
    static const int64_t count[3] = {15, 5, 0};
    s4d_imbalance im;
    s4d_imbalance_make(&(s4d_train_opts){.logit_adjustment = 2}, count, 3, &im);
    assert_true(im.adjusted && !im.weighted);
    assert_true(fabs((double)im.adjust[0] - 2 * log(0.75)) < 1e-6);
    assert_true(fabs((double)im.adjust[1] - 2 * log(0.25)) < 1e-6);
    assert_true(fabs((double)im.adjust[2] - 2 * log(0.025)) < 1e-5); /* half a sample */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(weights), cmocka_unit_test(adjustments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
