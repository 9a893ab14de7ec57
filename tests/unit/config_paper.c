/* The configs of the paper hold the published settings (METHOD.md sections 3 to 7). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "s4d/config/config.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) <= 1e-12 * fabs(b))
#define PAIR(p, low, high)                                                                         \
    do {                                                                                           \
        NEAR((p)[0], low);                                                                         \
        NEAR((p)[1], high);                                                                        \
    } while (0)

static s4d_config load(const char *name)
{
    char path[S4D_PATH_MAX];
    s4d_config c;
    s4d_err err = {0};
    snprintf(path, sizeof path, "%s/../configs/paper/%s.json", S4D_TESTS_DIR, name);
    if (s4d_config_load(path, NULL, 0, NULL, &c, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return c;
}

static void check_model(const s4d_model_opts *m)
{
    assert_true(m->img_size == 160 && m->patch_size == 16 && m->num_frames == 16 && m->tubelet_size == 2 && m->mlp_ratio == 4);
    assert_true(m->encoder.dim == 768 && m->encoder.depth == 12 && m->encoder.heads == 12);
}

static void pretraining(void **state)
{
    (void)state;
    s4d_config c = load("pretrain_voxceleb2_affectnet");
    const s4d_run_opts *o = &c.run;
    const s4d_set_opts *image = &o->data.image, *video = &o->data.video;
    check_model(&o->model);
    assert_true(o->model.decoder.dim == 384 && o->model.decoder.depth == 4 && o->model.decoder.heads == 6);
    assert_true(o->model.moae.layer_count == 0);
    NEAR(o->data.mask.image_ratio, 0.9);
    NEAR(o->data.mask.video_ratio, 0.95);
    assert_int_equal(o->data.mask.video_kind, S4D_MASK_RANDOM);
    assert_int_equal(o->data.frame_order, S4D_ORDER_LEXICOGRAPHIC);
    assert_int_equal(image->augment.crop, S4D_CROP_RESIZED_BICUBIC);
    assert_true(!image->exif_orientation && !video->exif_orientation);
    PAIR(image->augment.area, 0.2, 1.0);
    PAIR(image->augment.ratio, 0.75, 4.0 / 3);
    NEAR(image->augment.flip, 0.5);
    assert_string_equal(image->augment.randaugment, "");
    assert_string_equal(video->source_crop, "0,32,160,160");
    assert_true(video->sampling_rate == 4 && video->repeat == 4 && video->augment.short_side == 192);
    assert_int_equal(video->augment.crop, S4D_CROP_RESIZED);
    PAIR(video->augment.area, 0.08, 1.0);
    NEAR(video->rate, 0.25);
    assert_true(image->batch == 192 && video->batch == 192 && image->rate == 1 && o->train.accumulate == 2);
    NEAR(o->train.lr, 1.2e-3);
    NEAR(o->train.warmup_fraction, 0.05);
    NEAR(o->train.warmup_start_lr, 1e-6);
    NEAR(o->train.weight_decay, 0.05);
    assert_true(o->train.beta1 == 0.9 && o->train.beta2 == 0.95 && o->train.eps == 1e-8 && o->train.layer_decay == 1);
    assert_true(o->train.epochs == 100 && o->train.clip_grad == 0);
    s4d_config_release(&c);
}

static void check_image(const s4d_set_opts *s)
{
    const s4d_augment_opts *a = &s->augment;
    assert_true(s->class_count == 7 && s->balanced && s->batch == 32 && s->rate == 0.5 && s->exif_orientation);
    assert_string_equal(s->classes[0], "neutral");
    assert_true(a->resize == 192 && a->crop == S4D_CROP_RANDOM && a->flip == 0.5 && a->erase_prob == 0.25);
    assert_string_equal(a->randaugment, "rand-m9-n2-mstd0.5-inc1");
    assert_int_equal(a->interpolation, S4D_AUGMENT_EITHER);
    PAIR(a->erase_area, 0.02, 0.33);
    PAIR(a->erase_aspect, 0.3, 3.3);
    assert_true(a->erase_attempts == 10 && a->erase_fill == S4D_ERASE_BLACK);
}

static void check_video(const s4d_set_opts *s, int classes, int stride, int fold)
{
    const s4d_augment_opts *a = &s->augment;
    assert_true(s->class_count == classes && !s->balanced && s->batch == 16 && s->rate == 1 && s->repeat == 1);
    assert_true(s->sampling_rate == stride && s->fold == fold && !s->exif_orientation);
    assert_true(a->resize == 160 && a->crop == S4D_CROP_RESIZED && a->flip == 0.5 && a->erase_prob == 0.25);
    assert_string_equal(a->randaugment, "rand-m7-n4-mstd0.5-inc1");
    assert_int_equal(a->interpolation, S4D_AUGMENT_BICUBIC);
    PAIR(a->area, 0.08, 1.0);
    PAIR(a->ratio, 0.75, 4.0 / 3);
    PAIR(a->erase_area, 0.02, 1.0 / 3);
    PAIR(a->erase_aspect, 0.3, 1 / 0.3);
    assert_true(a->erase_attempts == 100 && a->erase_fill == S4D_ERASE_NOISE);
}

static void check_training(const s4d_run_opts *o)
{
    const s4d_train_opts *t = &o->train;
    const s4d_moae_opts *m = &o->model.moae;
    check_model(&o->model);
    assert_true(m->layer_count == 6 && m->layers[0] == 6 && m->layers[5] == 11 && m->experts == 8 && m->top_k == 2);
    assert_true(m->reduction == 4 && m->capacity_factor == 1 && m->balance_coef == 1e-3 && m->balance_loss == S4D_BALANCE_LOGITS);
    assert_true(m->eval_noise && m->eval_capacity && o->data.frame_order == S4D_ORDER_LEXICOGRAPHIC);
    NEAR(t->lr, 4e-5);
    NEAR(t->min_lr, 1.25e-7);
    assert_true(t->epochs == 100 && t->warmup_epochs == 5 && t->layer_decay == 0.75 && t->weight_decay == 0.05);
    assert_true(t->beta1 == 0.9 && t->beta2 == 0.999 && t->eps == 1e-8 && t->accumulate == 2 && t->clip_grad == 0);
    assert_true(t->select == S4D_SELECT_TEST && t->select_by == S4D_BY_WAR && t->select_draw && t->class_weights == S4D_WEIGHTS_NONE);
    assert_true(o->data.mixing.mixup == 0.8 && o->data.mixing.cutmix == 1 && o->data.mixing.switch_prob == 0.5);
    assert_true(o->data.mixing.smoothing == 0.1 && o->eval.segments == 2 && o->eval.crops == 2 && o->eval.batch == 24);
}

static void finetuning(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int classes, stride, fold;
    } set[] = {{"finetune_dfew", 7, 4, 1}, {"finetune_ferv39k", 7, 1, 0}, {"finetune_mafw", 11, 4, 1}};
    for (int i = 0; i < 3; i++) {
        s4d_config c = load(set[i].name);
        check_training(&c.run);
        check_image(&c.run.data.image);
        check_video(&c.run.data.video, set[i].classes, set[i].stride, set[i].fold);
        assert_string_equal(c.run.init, "runs/pretrain_voxceleb2_affectnet/model.safetensors");
        s4d_config_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pretraining), cmocka_unit_test(finetuning)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
