/* RandAugment's strings: what they say, and the sentence for each that says nothing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static void assert_policy(const char *text, s4d_augment_policy want)
{
    s4d_augment_policy got = parsed(text);
    assert_int_equal(got.steps, want.steps);
    assert_true(got.prob == want.prob);
    assert_true(got.magnitude == want.magnitude);
    assert_true(got.magnitude_std == want.magnitude_std);
    assert_true(got.magnitude_max == want.magnitude_max);
    assert_int_equal(got.increasing, want.increasing);
    assert_int_equal(got.weighted, want.weighted);
}

/* In the struct's order: steps, prob, magnitude, its deviation and bound, increasing, weighted. */
static void test_strings(void **state)
{
    (void)state;
    assert_policy("rand", (s4d_augment_policy){2, 0.5, 10, 0, 10, false, false});
    assert_policy("rand-m7-n4-mstd0.5-inc1", (s4d_augment_policy){4, 0.5, 7, 0.5, 10, true, false});
    assert_policy("rand-inc1-mstd0.5-n4-m7", (s4d_augment_policy){4, 0.5, 7, 0.5, 10, true, false});
    assert_policy("rand-m9-n2-mstd0.5-inc1", (s4d_augment_policy){2, 0.5, 9, 0.5, 10, true, false});
    assert_policy("rand-mstd1-w0", (s4d_augment_policy){2, 0.5, 10, 1, 10, false, true});
    assert_policy("rand-m15-mmax20-p0.75", (s4d_augment_policy){2, 0.75, 15, 0, 20, false, false});
    assert_policy("rand-m0-n16-p1-inc0", (s4d_augment_policy){16, 1, 0, 0, 10, false, false});
    assert_policy("rand-n13-w0-p0", (s4d_augment_policy){13, 0, 10, 0, 10, false, true});
    assert_policy("rand-mstd100", (s4d_augment_policy){2, 0.5, 10, 100, 10, false, false});
    assert_policy("rand-mstd100.5", (s4d_augment_policy){2, 0.5, 10, INFINITY, 10, false, false});
    assert_policy("rand-m07-mstd5.", (s4d_augment_policy){2, 0.5, 7, 5, 10, false, false});
}

static void test_sentences(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"", "\"\": a RandAugment string begins with \"rand\" and goes on as in "
             "\"rand-m7-n4-mstd0.5-inc1\""},
        {"augmix-m3", "\"augmix-m3\": a RandAugment string begins with \"rand\" and goes on as in "
                      "\"rand-m7-n4-mstd0.5-inc1\""},
        {"m7-n4", "\"m7-n4\": a RandAugment string begins with \"rand\" and goes on as in "
                  "\"rand-m7-n4-mstd0.5-inc1\""},
        {"rand-", "\"rand-\": a section is empty; take out the \"-\" before it"},
        {"rand--m7", "\"rand--m7\": a section is empty; take out the \"-\" before it"},
        {"rand-m7-msdt0.5",
         "\"rand-m7-msdt0.5\": there is no section \"msdt\"; did you mean \"mstd\"?"},
        {"rand-incr1", "\"rand-incr1\": there is no section \"incr\"; did you mean \"inc\"?"},
        {"rand-M7",
         "\"rand-M7\": there is no section \"M\"; the sections are m, n, mstd, mmax, inc, "
         "p and w"},
        {"rand-7",
         "\"rand-7\": there is no section \"\"; the sections are m, n, mstd, mmax, inc, p "
         "and w"},
        {"rand-mstd.5", "\"rand-mstd.5\": there is no section \"mstd.\"; did you mean \"mstd\"?"},
        {"rand-m", "\"rand-m\": section \"m\": expected \"m\" and a whole number 0..100"},
        {"rand-m7.5", "\"rand-m7.5\": section \"m7.5\": expected \"m\" and a whole number 0..100"},
        {"rand-m101", "\"rand-m101\": section \"m101\": expected \"m\" and a whole number 0..100"},
        {"rand-n0", "\"rand-n0\": section \"n0\": expected \"n\" and a whole number 1..16"},
        {"rand-n17", "\"rand-n17\": section \"n17\": expected \"n\" and a whole number 1..16"},
        {"rand-n0x2", "\"rand-n0x2\": section \"n0x2\": expected \"n\" and a whole number 1..16"},
        {"rand-mstd0.5.1",
         "\"rand-mstd0.5.1\": section \"mstd0.5.1\": expected \"mstd\" and a number "
         "that is not negative"},
        {"rand-mstd1e3",
         "\"rand-mstd1e3\": section \"mstd1e3\": expected \"mstd\" and a number that "
         "is not negative"},
        {"rand-mmax0", "\"rand-mmax0\": section \"mmax0\": expected \"mmax\" and a whole number "
                       "1..100"},
        {"rand-inc2", "\"rand-inc2\": section \"inc2\": expected \"inc\" and 0 or 1"},
        {"rand-inc", "\"rand-inc\": section \"inc\": expected \"inc\" and 0 or 1"},
        {"rand-p1.5", "\"rand-p1.5\": section \"p1.5\": expected \"p\" and a number 0..1"},
        {"rand-w1", "\"rand-w1\": section \"w1\": expected \"w\" and 0, the only set of weights"},
        {"rand-m7-n2-m7", "\"rand-m7-n2-m7\": section \"m\" is given twice; keep one"},
        {"rand-n14-w0",
         "\"rand-n14-w0\": w0 draws each of its 13 operations at most once; set n to 1..13"},
        {"rand-m7\033[2J\n",
         "\"rand-m7\\x1B[2J\\x0A\": section \"m7\\x1B[2J\\x0A\": expected \"m\" and a whole number "
         "0..100"},
        {"rand-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7-m7",
         "a RandAugment string of 64 characters cannot be right; write one such as "
         "\"rand-m7-n4-mstd0.5-inc1\""},
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        s4d_augment_policy policy = {.steps = -1};
        s4d_err err = {0};
        assert_int_equal(s4d_augment_parse(wrong[k][0], &policy, &err), S4D_USAGE);
        assert_string_equal(err.text, wrong[k][1]);
        assert_int_equal(policy.steps, -1);
    }
}

/* The longest text that is read, and digits beyond any number. */
static void test_long_strings(void **state)
{
    (void)state;
    char text[64] = "rand-mstd0.";
    memset(text + strlen(text), '1', 63 - strlen(text));
    s4d_augment_policy policy = parsed(text);
    assert_true(policy.magnitude_std > 0.11 && policy.magnitude_std < 0.112);
    memset(text + 9, '9', 63 - 9);
    assert_true(isinf(parsed(text).magnitude_std));
    memcpy(text, "rand-n999", 9);
    assert_int_equal(s4d_augment_parse(text, &policy, NULL), S4D_USAGE);
}

static void test_names(void **state)
{
    (void)state;
    s4d_augment_op op;
    for (int i = 0; i < S4D_AUGMENT_OPS; i++) {
        assert_true(s4d_augment_op_find(s4d_augment_op_name((s4d_augment_op)i), &op));
        assert_int_equal(op, i);
    }
    assert_true(s4d_augment_op_find("translate_x_rel", &op));
    assert_int_equal(op, S4D_AUGMENT_TRANSLATE_X);
    assert_false(s4d_augment_op_find("cutout", &op));
    assert_false(s4d_augment_op_find("", &op));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_long_strings),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
