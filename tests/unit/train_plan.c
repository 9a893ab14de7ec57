/* The plan of the published runs, against the figures of METHOD.md sections 4, 5 and 8 and the known costs of a step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "s4d/train/run.h"

static s4d_run_opts published(s4d_stage stage)
{
    s4d_run_opts o = {.stage = stage, .device = "cpu", .threads = 1};
    o.model = (s4d_model_opts){.img_size = 160, .patch_size = 16, .num_frames = 16, .tubelet_size = 2,
                               .encoder = {768, 12, 12}, .decoder = {384, 4, 6}, .mlp_ratio = 4,
                               .moae = {.layers = {6, 7, 8, 9, 10, 11}, .layer_count = 6, .experts = 8, .top_k = 2,
                                        .reduction = 4, .capacity_factor = 1.0, .balance_coef = 1e-3}};
    o.data.mask = (s4d_mask_opts){.image_ratio = 0.9, .video_ratio = 0.95};
    strcpy(o.data.image.train, "list");
    strcpy(o.data.video.train, "list");
    o.data.image.batch = o.data.video.batch = 1;
    o.data.image.class_count = o.data.video.class_count = 7;
    return o;
}

static void assert_near(double got, double want, double share)
{
    if (fabs(got - want) > share * want) fail_msg("got %g, expected %g", got, want);
}

static void test_pretraining(void **state)
{
    (void)state;
    s4d_run_opts o = published(S4D_PRETRAIN);
    s4d_run_plan plan;
    s4d_err err = {0};
    if (s4d_run_plan_make(&o, &plan, &err) != S4D_OK) fail_msg("%s", err.text);
    assert_int_equal(plan.parameters, 94210944);
    assert_int_equal(plan.tokens_video, 800);
    assert_int_equal(plan.visible_video, 40);
    assert_int_equal(plan.tokens_image, 100);
    assert_int_equal(plan.visible_image, 10);
    assert_near(plan.gflop_video, 69.3, 0.01);
    assert_near(plan.gflop_image, 9.92, 0.01);
    assert_true(plan.weight_bytes >= (size_t)plan.parameters * 16);
}

static void test_finetuning(void **state)
{
    (void)state;
    s4d_run_opts o = published(S4D_FINETUNE);
    s4d_run_plan plan, twice;
    s4d_err err = {0};
    if (s4d_run_plan_make(&o, &plan, &err) != S4D_OK) fail_msg("%s", err.text);
    assert_int_equal(plan.parameters, 100513646);
    assert_near(plan.gflop_video / 6, 83.6, 0.01); /* multiply-adds of a forward pass */
    assert_near(plan.gflop_image / 6, 9.2, 0.01);
    assert_near(plan.gflop_video, 499.6, 0.01);
    assert_near(plan.gflop_image, 54.7, 0.01);
    o.data.video.batch = 2;
    if (s4d_run_plan_make(&o, &twice, &err) != S4D_OK) fail_msg("%s", err.text);
    assert_near((double)twice.step_bytes_video, 2.0 * (double)plan.step_bytes_video, 0.02);
}

static void test_one_modality(void **state)
{
    (void)state;
    s4d_run_opts o = published(S4D_FINETUNE);
    s4d_run_plan plan;
    s4d_err err = {0};
    memset(&o.data.image, 0, sizeof o.data.image);
    if (s4d_run_plan_make(&o, &plan, &err) != S4D_OK) fail_msg("%s", err.text);
    assert_int_equal(plan.parameters, 100513646 - 7 * 768 - 7);
    assert_int_equal(plan.step_bytes_image, 0);
    assert_true(plan.step_bytes_video > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pretraining),
        cmocka_unit_test(test_finetuning),
        cmocka_unit_test(test_one_modality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
