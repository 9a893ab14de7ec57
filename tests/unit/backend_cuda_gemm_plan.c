/* The choices of ways to compute products: found by shape, written and read as text. No card is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cuda/gemm_plan.h"

static const char TITLE[] = "NVIDIA H200 (sm_90), cuBLASLt 13.1.0";

static s4d_cuda_product product(int64_t m)
{
    return (s4d_cuda_product){.tb = true, .m = m, .n = 768, .k = 3072, .alpha = 1, .a = (void *)512, .b = (void *)1024,
                              .c = (void *)4096, .lda = 3072, .ldb = 3072, .ldc = 768, .type = S4D_BF16, .c_type = S4D_F32};
}

static void what_matters_is_in_the_key(void **state)
{
    (void)state;
    s4d_cuda_product p = product(8);
    s4d_cuda_plan_key key = s4d_cuda_plan_key_of(&p), other;
    assert_int_equal(key.align_a, 16);
    assert_int_equal(key.batch, 1);
    p.a = (void *)4096; /* another matrix */
    p.alpha = 2;
    p.stride_a = 99;    /* of one matrix only */
    p.batch = 1;
    other = s4d_cuda_plan_key_of(&p);
    assert_memory_equal(&key, &other, sizeof key);
    p.a = NULL; /* planning */
    other = s4d_cuda_plan_key_of(&p);
    assert_memory_equal(&key, &other, sizeof key);
    p.a = (void *)514;
    assert_int_equal(s4d_cuda_plan_key_of(&p).align_a, 2);
    p = product(8);
    p.beta = 1;
    assert_int_equal(s4d_cuda_plan_key_of(&p).adds, 1);
    p = product(8);
    p.has_bias = true;
    assert_int_equal(s4d_cuda_plan_key_of(&p).align_bias, 16);
    p.bias = (void *)8;
    assert_int_equal(s4d_cuda_plan_key_of(&p).bias, 1);
    assert_int_equal(s4d_cuda_plan_key_of(&p).align_bias, 8);
    p = product(8);
    p.batch = 3;
    p.stride_c = 1 << 20;
    assert_int_equal(s4d_cuda_plan_key_of(&p).stride_c, 1 << 20);
}

static void count_end(void *owner, s4d_cuda_plan *plan)
{
    (void)plan;
    ++*(int *)owner;
}

static void plans_are_found_by_key(void **state)
{
    (void)state;
    s4d_cuda_plans plans = {0};
    s4d_cuda_plan *found[1000];
    for (int i = 0; i < 1000; i++) {
        s4d_cuda_product p = product(i + 1);
        s4d_cuda_plan_key key = s4d_cuda_plan_key_of(&p);
        found[i] = s4d_cuda_plans_find(&plans, &key);
        assert_non_null(found[i]);
        assert_false(found[i]->asked);
        assert_memory_equal(&found[i]->key, &key, sizeof key);
    }
    assert_int_equal(plans.count, 1000);
    for (int i = 0; i < 1000; i++) {
        s4d_cuda_product p = product(i + 1);
        s4d_cuda_plan_key key = s4d_cuda_plan_key_of(&p);
        assert_ptr_equal(s4d_cuda_plans_find(&plans, &key), found[i]);
    }
    assert_int_equal(plans.count, 1000);
    int ended = 0;
    found[10]->settled = true;
    found[900]->planned = true;
    s4d_cuda_plans_drop(&plans, false, count_end, &ended);
    assert_int_equal(ended, 998);
    assert_int_equal(plans.count, 2);
    for (int i = 0; i < 1000; i++) {
        s4d_cuda_product p = product(i + 1);
        s4d_cuda_plan_key key = s4d_cuda_plan_key_of(&p);
        s4d_cuda_plan *again = s4d_cuda_plans_find(&plans, &key);
        assert_non_null(again);
        if (i == 10 || i == 900) assert_ptr_equal(again, found[i]);
    }
    s4d_cuda_plans_drop(&plans, true, count_end, &ended);
    assert_int_equal(ended, 1998);
    assert_int_equal(plans.count, 0);
}

/* Three plans: one settled, one that is not, one without a way. */
static void fill(s4d_cuda_plans *plans)
{
    for (int i = 0; i < 3; i++) {
        s4d_cuda_product p = product(100 + i);
        p.a = (void *)(uintptr_t)(512 + 2 * i);
        p.lda = -i; /* numbers may be negative */
        s4d_cuda_plan_key key = s4d_cuda_plan_key_of(&p);
        s4d_cuda_plan *plan = s4d_cuda_plans_find(plans, &key);
        assert_non_null(plan);
        plan->asked = true;
        plan->settled = i != 1;
        plan->candidates = i != 2 ? 2 : 0;
        for (uint64_t j = 0; j < S4D_CUDA_CHOICE_WORDS; j++) plan->candidate[0].algo[j] = 0xfedcba9876543210u + j;
        plan->candidate[0].workspace = 4096;
    }
}

static char *written(const s4d_cuda_plans *plans)
{
    static s4d_str text;
    s4d_str_clear(&text);
    s4d_cuda_plans_write(plans, TITLE, &text);
    assert_false(text.failed);
    return text.text;
}

static void text_comes_back(void **state)
{
    (void)state;
    s4d_cuda_plans first = {0}, second = {0};
    fill(&first);
    char *text = strdup(written(&first));
    assert_int_equal(strncmp(text, TITLE, strlen(TITLE)), 0);
    assert_true(s4d_cuda_plans_read(&second, TITLE, text));
    assert_int_equal(second.count, 1);
    s4d_cuda_plan *plan = second.item[0];
    assert_memory_equal(&plan->key, &first.item[0]->key, sizeof plan->key);
    assert_memory_equal(&plan->candidate[0], &first.item[0]->candidate[0], sizeof plan->candidate[0]);
    assert_true(plan->asked && plan->settled && plan->foreign);
    assert_int_equal(plan->candidates, 1);
    assert_string_equal(written(&second), text);
    assert_true(s4d_cuda_plans_read(&second, TITLE, text)); /* again: nothing is doubled */
    assert_int_equal(second.count, 1);
    free(text);
    s4d_cuda_plans_drop(&first, true, NULL, NULL);
    s4d_cuda_plans_drop(&second, true, NULL, NULL);
}

static void refused(const char *text)
{
    s4d_cuda_plans plans = {0};
    assert_false(s4d_cuda_plans_read(&plans, TITLE, text));
    assert_int_equal(plans.count, 0);
    s4d_cuda_plans_drop(&plans, true, NULL, NULL);
}

static void other_text_is_refused(void **state)
{
    (void)state;
    s4d_cuda_plans plans = {0};
    fill(&plans);
    char *text = strdup(written(&plans));
    refused("");
    refused("NVIDIA H100 (sm_90), cuBLASLt 13.1.0\n");
    refused(TITLE); /* no end of line */
    for (size_t n = strlen(text) - 1; n > strlen(TITLE) + 1; n--) { /* cut anywhere */
        char *cut = strndup(text, n);
        refused(cut);
        free(cut);
    }
    char *worse = malloc(2 * strlen(text));
    strcat(strcpy(worse, text), "1 2 three\n"); /* the first line is right and not taken either */
    refused(worse);
    free(worse);
    char *digit = strstr(text, "fedc");
    assert_non_null(digit);
    *digit = 'F';
    refused(text);
    free(text);
    s4d_cuda_plans none = {0};
    char empty[sizeof TITLE + 1];
    strcat(strcpy(empty, TITLE), "\n");
    assert_true(s4d_cuda_plans_read(&none, TITLE, empty));
    s4d_cuda_plans_drop(&none, true, NULL, NULL);
    s4d_cuda_plans_drop(&plans, true, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matters_is_in_the_key),
        cmocka_unit_test(plans_are_found_by_key),
        cmocka_unit_test(text_comes_back),
        cmocka_unit_test(other_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
