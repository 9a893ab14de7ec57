/* RandAugment's plans applied: the same to every frame, in the frame's own memory, and quickly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "s4d/base/fault.h"
#include "s4d/base/mem.h"
#include "s4d/data/augment.h"

static const uint8_t fill[3] = {128, 128, 128};

static s4d_augment_plan drawn(const char *text, uint32_t sample)
{
    s4d_augment_policy policy;
    s4d_augment_plan plan;
    s4d_err err = {0};
    if (s4d_augment_parse(text, &policy, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    s4d_rng rng = s4d_rng_make(5, S4D_RNG_TEST, 0, sample);
    s4d_augment_draw(&policy, S4D_AUGMENT_EITHER, &rng, &plan);
    return plan;
}

static s4d_image noise(int height, int width, uint32_t seed)
{
    s4d_image image = {0};
    assert_int_equal(s4d_image_size(&image, height, width, NULL), S4D_OK);
    for (int i = 0; i < height * width * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        image.rgb[i] = (uint8_t)(seed >> 24);
    }
    return image;
}

static void apply(const s4d_augment_plan *plan, s4d_image *image, s4d_image *spare)
{
    assert_int_equal(s4d_augment_apply(plan, fill, image, spare, NULL), S4D_OK);
}

/* Two equal frames come out equal, in their own memory, however the spare looked before. */
static void test_frames_of_a_clip(void **state)
{
    (void)state;
    static const char policy[] = "rand-m7-n4-mstd0.5-inc1";
    s4d_image spare = {0};
    int changed = 0;
    for (uint32_t i = 0; i < 300; i++) {
        s4d_augment_plan plan = drawn(policy, i);
        s4d_image before = noise(19, 23, i), a = noise(19, 23, i), b = noise(19, 23, i);
        uint8_t *block = a.rgb;
        apply(&plan, &a, &spare);
        if (spare.rgb) {
            memset(spare.rgb, 0xA5, 19 * 23 * 3);
        }
        apply(&plan, &b, &spare);
        assert_memory_equal(a.rgb, b.rgb, 19 * 23 * 3);
        assert_ptr_equal(a.rgb, block);
        changed += memcmp(a.rgb, before.rgb, 19 * 23 * 3) != 0;
        s4d_image_release(&before);
        s4d_image_release(&a);
        s4d_image_release(&b);
    }
    assert_in_range(changed, 200, 300);
    s4d_image_release(&spare);
}

/* A plan is its steps, one after the other. */
static void test_steps_follow_each_other(void **state)
{
    (void)state;
    static const char policy[] = "rand-m9-n6-mstd0.5-inc1-p1";
    s4d_image spare = {0};
    for (uint32_t i = 0; i < 50; i++) {
        s4d_augment_plan plan = drawn(policy, i);
        s4d_image a = noise(17, 31, i), b = noise(17, 31, i);
        apply(&plan, &a, &spare);
        for (int k = 0; k < plan.count; k++) {
            s4d_augment_plan one = {.count = 1, .step = {plan.step[k]}};
            apply(&one, &b, &spare);
        }
        assert_memory_equal(a.rgb, b.rgb, 17 * 31 * 3);
        s4d_image_release(&a);
        s4d_image_release(&b);
    }
    s4d_image_release(&spare);
}

/* Nothing is allocated when the spare has room, nor where it is not needed. */
static void test_memory(void **state)
{
    (void)state;
    static const char policy[] = "rand-m9-n16-mstd0.5-inc1-p1";
    s4d_image image = noise(30, 30, 1), spare = noise(40, 40, 2), none = {0};
    uint64_t calls = s4d_mem_calls();
    for (uint32_t i = 0; i < 20; i++) {
        s4d_augment_plan plan = drawn(policy, i);
        apply(&plan, &image, &spare);
    }
    s4d_augment_plan tables = {.count = 2,
                               .step = {{.op = S4D_AUGMENT_INVERT}, {.op = S4D_AUGMENT_EQUALIZE}}};
    s4d_augment_plan empty = {0};
    apply(&tables, &image, &none);
    apply(&empty, &image, &none);
    assert_null(none.rgb);
    assert_int_equal(s4d_mem_calls(), calls);
    s4d_image_release(&image);
    s4d_image_release(&spare);
}

static void test_no_memory(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    s4d_augment_plan plan = {
        .count = 2,
        .step = {{.op = S4D_AUGMENT_INVERT}, {.op = S4D_AUGMENT_ROTATE, .argument = 20}}};
    s4d_image image = noise(8, 8, 3), before = noise(8, 8, 3), spare = {0};
    s4d_err err = {0};
    s4d_fault_set(S4D_FAULT_ALLOC, 1);
    assert_int_equal(s4d_augment_apply(&plan, fill, &image, &spare, &err), S4D_FAILED);
    assert_true(err.text[0]);
    assert_memory_equal(image.rgb, before.rgb, 8 * 8 * 3);
    assert_int_equal(s4d_augment_apply(&plan, fill, &image, &spare, &err), S4D_OK);
    s4d_image_release(&image);
    s4d_image_release(&before);
    s4d_image_release(&spare);
#else
    skip();
#endif
}

static double thread_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* 16 frames of 160 x 160 through each operation: far below what decoding them takes. */
static void test_speed(void **state)
{
    (void)state;
    static const double argument[S4D_AUGMENT_OPS] = {
        0, 0, 0, 21, 2, 77, 77, 0.37, 0.37, 0.37, 0.37, 0.21, 0.21, 0.315, 0.315};
    s4d_image image = noise(160, 160, 4), spare = {0};
    double total = 0;
    for (int op = 0; op < S4D_AUGMENT_OPS; op++) {
        s4d_augment_plan plan = {.count = 1,
                                 .step = {{(s4d_augment_op)op, argument[op], S4D_BICUBIC}}};
        double began = thread_ms();
        for (int frame = 0; frame < 16; frame++) {
            apply(&plan, &image, &spare);
        }
        double ms = thread_ms() - began;
        print_message("%-16s %6.2f ms\n", s4d_augment_op_name((s4d_augment_op)op), ms);
        total += ms;
    }
    print_message("on average %.2f ms\n", total / S4D_AUGMENT_OPS);
    assert_true(total / S4D_AUGMENT_OPS < 100.0);
    s4d_image_release(&image);
    s4d_image_release(&spare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_a_clip),
        cmocka_unit_test(test_steps_follow_each_other),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
