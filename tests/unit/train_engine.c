/* A step on the device: no allocation once warm, the same bits again, and the arena as large as planned. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend_private.h"
#include "s4d/base/rng.h"
#include "s4d/data/draw.h"
#include "train/engine.h"

enum { B = 3, SIDE = 16, FRAMES = 4, TOKENS = 8 };

/* A batch made by hand: noise for pictures, whole frames, fixed masks and labels. */
typedef struct fixture {
    s4d_run_opts o;
    s4d_engine e;
    s4d_optim optim;
    s4d_batch batch;
    uint8_t pixels[B * FRAMES * SIDE * SIDE * 3];
    s4d_recipe recipe[B];
    int32_t visible[B * 2], masked[B * 6];
    float target[B * 2];
} fixture;

static void make_batch(fixture *f)
{
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 0, 0);
    for (size_t i = 0; i < sizeof f->pixels; ++i) f->pixels[i] = (uint8_t)s4d_rng_below(&rng, 256);
    for (int b = 0; b < B; ++b) {
        s4d_plain_recipe(SIDE, &f->recipe[b]);
        f->recipe[b].offset = (int64_t)b * FRAMES * SIDE * SIDE * 3;
        for (int i = 0; i < 2; ++i) f->visible[b * 2 + i] = i * 4;
        for (int i = 0, n = 0; i < TOKENS; ++i)
            if (i % 4) f->masked[b * 6 + n++] = i;
        f->target[b * 2 + b % 2] = 1;
    }
    f->batch = (s4d_batch){.modality = S4D_VIDEO, .count = B, .frames = FRAMES, .pixels = f->pixels,
                           .pixel_bytes = sizeof f->pixels, .recipe = f->recipe, .target = f->target, .classes = 2,
                           .visible = f->visible, .masked = f->masked, .visible_count = 2, .masked_count = 6};
}

/* NULL: there is no such device here. */
static fixture *open_fixture_as(s4d_stage stage, const char *device, s4d_precision precision, bool graphs)
{
    fixture *f = calloc(1, sizeof *f);
    s4d_err err = {0};
    assert_non_null(f);
    f->o = (s4d_run_opts){.stage = stage, .threads = 2, .seed = 4};
    strcpy(f->o.device, device);
    f->o.precision = precision;
    f->o.cuda.deterministic = true;
    f->o.cuda.graphs = graphs;
    f->o.model = (s4d_model_opts){.img_size = SIDE, .patch_size = 8, .num_frames = FRAMES, .tubelet_size = 2,
                                  .encoder = {24, 2, 3}, .decoder = {16, 1, 2}, .mlp_ratio = 2, .drop_path = 0.2,
                                  .moae = {.layers = {1}, .layer_count = 1, .experts = 3, .top_k = 2, .reduction = 2,
                                           .capacity_factor = 1, .balance_coef = 0.01}};
    f->o.train = (s4d_train_opts){.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .layer_decay = 1};
    f->o.data.mask = (s4d_mask_opts){.image_ratio = 0.75, .video_ratio = 0.75};
    make_batch(f);
    s4d_engine_load load = {.train = {[S4D_VIDEO] = B}, .predict = {[S4D_VIDEO] = stage == S4D_FINETUNE ? B : 0}};
    s4d_status status = s4d_engine_create(&f->o, (int[]){0, stage == S4D_FINETUNE ? 2 : 0}, &f->e, &err);
    if (status == S4D_FAILED && strcmp(device, "cuda") == 0) {
        free(f);
        return NULL;
    }
    if (status != S4D_OK ||
        s4d_engine_alloc(&f->e, &load, &err) != S4D_OK ||
        s4d_params_init(f->e.params, f->e.be, 4, &err) != S4D_OK ||
        s4d_optim_create(&f->optim, stage, &f->o.train, f->e.params, 2, &err) != S4D_OK)
        fail_msg("%s", err.text);
    return f;
}

static fixture *open_fixture(s4d_stage stage, const char *device)
{
    return open_fixture_as(stage, device, S4D_FLOAT32, true);
}

static void close_fixture(fixture *f)
{
    s4d_optim_release(&f->optim);
    s4d_engine_release(&f->e);
    free(f);
}

/* One batch and its update in the given slot; at rate 0 the weights stay. */
static double step(fixture *f, int slot, double rate, double *norm)
{
    s4d_step_result r;
    s4d_err err = {0};
    if (s4d_engine_train(&f->e, &f->batch, &(s4d_engine_turn){.slot = slot, .scale = 1}, &err) != S4D_OK ||
        s4d_engine_update(&f->e, &f->optim, &(s4d_engine_step){.slot = slot, .batches = 1, .rate = rate, .modality = S4D_VIDEO},
                          &err) != S4D_OK)
        fail_msg("%s", err.text);
    s4d_engine_result(&f->e, slot, &r);
    assert_true(s4d_engine_updated(&f->e, slot, norm) == (isfinite(r.loss) && isfinite(*norm)));
    return r.loss;
}

static void check(s4d_stage stage, const char *device)
{
    fixture *f = open_fixture(stage, device);
    if (!f) skip();
    double norm[2], first = step(f, 0, 0, &norm[0]);
    for (int i = 1; i < 6; ++i) step(f, i & 1, 0, &norm[1]); /* a device may record its first steps */
    uint64_t calls = s4d_mem_calls();
    assert_true(step(f, 0, 0, &norm[1]) == first && norm[0] == norm[1]);
    assert_int_equal(s4d_mem_calls(), calls);
    assert_true(first > 0 && norm[0] > 0);
    assert_true(f->e.arena.peak <= f->e.arena.size);
    close_fixture(f);
}

static void test_a_warm_step_allocates_nothing_and_repeats(void **state)
{
    (void)state;
    check(S4D_PRETRAIN, "cpu");
    check(S4D_FINETUNE, "cpu");
    check(S4D_FINETUNE, "ref");
}

static void test_the_same_on_cuda(void **state)
{
    (void)state;
    check(S4D_PRETRAIN, "cuda");
    check(S4D_FINETUNE, "cuda");
}

/* Twelve updates whose pictures, masks and noise differ: with graphs the bits of those without, and graphs are what ran. */
static void train_on_cuda(s4d_stage stage, s4d_precision precision, bool graphs, float **weights, int64_t *total)
{
    fixture *f = open_fixture_as(stage, "cuda", precision, graphs);
    double norm;
    if (!f) skip();
    for (int i = 0; i < 12; ++i) {
        f->batch.index = i;
        f->pixels[i * 7] ^= 0x55;
        f->recipe[i % B].flip ^= 1;
        for (int v = 0; v < 2; ++v) f->visible[v] = v * 4 + i % 4;
        for (int m = 0, n = 0; m < TOKENS; ++m)
            if (m % 4 != i % 4) f->masked[n++] = m;
        step(f, i & 1, 0.01, &norm);
    }
    assert_true(graphs ? f->e.be->replays >= 16 : f->e.be->replays == 0);
    *total = f->e.params->total;
    *weights = calloc((size_t)*total, sizeof **weights);
    assert_non_null(*weights);
    s4d_backend_download_floats(f->e.be, *weights, f->e.params->w);
    close_fixture(f);
}

static void test_recorded_steps_are_the_same_steps(void **state)
{
    (void)state;
    for (int i = 0; i < 4; ++i) {
        float *weights[2];
        int64_t total;
        for (int graphs = 0; graphs < 2; ++graphs)
            train_on_cuda(i & 1 ? S4D_FINETUNE : S4D_PRETRAIN, i & 2 ? S4D_BFLOAT16 : S4D_FLOAT32, graphs, &weights[graphs], &total);
        assert_memory_equal(weights[0], weights[1], (size_t)total * sizeof(float));
        free(weights[0]);
        free(weights[1]);
    }
}

/* bf16 follows float32, and both follow the cpu. */
static void test_precisions_agree(void **state)
{
    (void)state;
    for (int stage = 0; stage < 2; ++stage) {
        double loss[3], norm;
        for (int i = 0; i < 3; ++i) {
            fixture *f = open_fixture_as((s4d_stage)stage, i ? "cuda" : "cpu", i == 2 ? S4D_BFLOAT16 : S4D_FLOAT32, true);
            if (!f) skip();
            for (int n = 0; n < 8; ++n) {
                f->batch.index = n;
                loss[i] = step(f, n & 1, 0.001, &norm);
            }
            close_fixture(f);
        }
        assert_true(fabs(loss[1] / loss[0] - 1) < 1e-4);
        assert_true(fabs(loss[2] / loss[0] - 1) < 0.02);
    }
}

static void test_predictions_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    fixture *f = open_fixture(S4D_FINETUNE, "cpu");
    double all[B * 2], one[2];
    s4d_err err = {0};
    assert_int_equal(s4d_engine_predict(&f->e, &f->batch, all, &err), S4D_OK);
    for (int b = 0; b < B; ++b) {
        s4d_batch alone = f->batch;
        alone.count = 1;
        alone.recipe = &f->recipe[b];
        assert_int_equal(s4d_engine_predict(&f->e, &alone, one, &err), S4D_OK);
        for (int c = 0; c < 2; ++c) assert_true(one[c] - all[b * 2 + c] < 1e-5 && all[b * 2 + c] - one[c] < 1e-5);
    }
    close_fixture(f);
}

static void test_clipping(void **state)
{
    (void)state;
    fixture *f = open_fixture(S4D_FINETUNE, "cpu");
    double norm, clipped, factor;
    step(f, 0, 0, &norm);
    f->o.train.clip_grad = norm / 2;
    step(f, 1, 0, &clipped);
    assert_true(clipped == norm); /* what is told is the norm before clipping */
    s4d_backend_download(f->e.be, &factor, f->e.factor.data, sizeof factor);
    assert_true(factor > 0.499 && factor < 0.501);
    close_fixture(f);
}

/* What is not finite moves neither weights nor moments, and is counted back. */
static void test_an_update_that_is_not_finite(void **state)
{
    (void)state;
    fixture *f = open_fixture(S4D_FINETUNE, "cpu");
    double norm, loss = step(f, 0, 0.1, &norm);
    int64_t steps = f->optim.step[0];
    f->target[0] = NAN;
    double ruined = step(f, 1, 0.1, &norm);
    assert_true(isnan(ruined) && isnan(norm));
    assert_int_equal(f->optim.step[0], steps + 1);
    s4d_optim_undo(&f->optim, f->e.params);
    assert_int_equal(f->optim.step[0], steps);
    f->target[0] = 1;
    double after = step(f, 0, 0.1, &norm);
    assert_true(isfinite(after) && isfinite(norm) && after != loss);
    close_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_warm_step_allocates_nothing_and_repeats),
        cmocka_unit_test(test_the_same_on_cuda),
        cmocka_unit_test(test_recorded_steps_are_the_same_steps),
        cmocka_unit_test(test_precisions_agree),
        cmocka_unit_test(test_predictions_do_not_depend_on_the_batch),
        cmocka_unit_test(test_clipping),
        cmocka_unit_test(test_an_update_that_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
