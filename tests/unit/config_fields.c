/* The table of settings: every default is in range and in place, and what is written out reads back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/base/json.h"
#include "s4d/config/config.h"

static char path[] = "/tmp/s4d-config-XXXXXX";

static void load(const char *text, const char *const *set, int sets, s4d_config *out)
{
    s4d_err err = {0};
    if (s4d_file_write(path, text, strlen(text), &err) != S4D_OK) fail_msg("%s", err.text);
    if (s4d_config_load(path, set, sets, NULL, out, &err) != S4D_OK) fail_msg("%s", err.text);
}

static const char pretrain[] =
    "{\"stage\": \"pretrain\", \"data\": {\"image\": {\"train\": \"i\"}, \"video\": {\"train\": \"v\"}}}";
static const char finetune[] =
    "{\"stage\": \"finetune\", \"data\": {\"image\": {\"train\": \"i\", \"classes\": \"affectnet7\"},"
    " \"video\": {\"train\": \"v\", \"classes\": \"dfew\"}}}";

static void test_published_pretraining(void **state)
{
    (void)state;
    s4d_config c;
    load(pretrain, NULL, 0, &c);
    const s4d_run_opts *r = &c.run;
    assert_true(r->stage == S4D_PRETRAIN && r->model.encoder.dim == 768 && r->model.decoder.heads == 6);
    assert_true(r->train.beta2 == 0.95 && r->train.lr == 1.6e-3 * 32 / 512 && r->train.warmup_start_lr == 1e-6);
    assert_true(r->data.mask.image_ratio == 0.9 && r->data.mask.video_ratio == 0.95);
    assert_true(r->data.image.augment.crop == S4D_CROP_RESIZED_BICUBIC && r->data.image.augment.area[0] == 0.2);
    assert_true(r->data.video.augment.short_side == 192 && r->data.video.repeat == 4 && r->data.video.rate == 0.25);
    assert_int_equal(r->model.moae.layer_count, 0);
    assert_true(r->data.image.augment.erase_prob == 0);
    s4d_config_release(&c);
}

static void test_published_finetuning(void **state)
{
    (void)state;
    s4d_config c;
    load(finetune, NULL, 0, &c);
    const s4d_run_opts *r = &c.run;
    assert_true(r->data.image.augment.resize == 192 && r->data.video.augment.resize == 160);
    assert_true(r->data.image.batch == 2 * r->data.video.batch && r->data.image.rate == 0.5 && r->data.image.balanced);
    assert_true(r->train.beta2 == 0.999 && r->train.layer_decay == 0.75 && r->train.warmup_epochs == 5);
    assert_int_equal(r->model.moae.layer_count, 6);
    assert_int_equal(r->model.moae.layers[5], 11);
    assert_true(r->model.moae.balance_loss == S4D_BALANCE_SOFTMAX && !r->model.moae.eval_noise);
    assert_true(r->data.image.augment.erase_fill == S4D_ERASE_BLACK && r->data.video.augment.erase_fill == S4D_ERASE_NOISE);
    assert_string_equal(r->data.video.classes[0], "happiness");
    assert_int_equal(r->data.video.class_count, 7);
    assert_true(r->eval.segments == 2 && r->data.mixing.smoothing == 0.1);
    s4d_config_release(&c);
}

static void test_resolved_reads_back(void **state)
{
    (void)state;
    const char *const text[] = {pretrain, finetune};
    for (int i = 0; i < 2; ++i) {
        s4d_config first, second;
        load(text[i], NULL, 0, &first);
        load(first.resolved, NULL, 0, &second);
        assert_string_equal(first.resolved, second.resolved);
        s4d_config_release(&first);
        s4d_config_release(&second);
    }
}

static void test_overrides_win_in_order(void **state)
{
    (void)state;
    const char *const set[] = {"train.lr=0.5", "train.lr=0.25", "data.video.suffix=.mp4", "model.moae.layers=[3]", "seed=7"};
    s4d_config c;
    load(finetune, set, 5, &c);
    assert_true(c.run.train.lr == 0.25 && c.run.seed == 7);
    assert_string_equal(c.run.data.video.suffix, ".mp4");
    assert_true(c.run.model.moae.layer_count == 1 && c.run.model.moae.layers[0] == 3);
    s4d_config_release(&c);
}

static void test_an_absent_set_stays_absent(void **state)
{
    (void)state;
    s4d_config c;
    load("{\"stage\": \"pretrain\", \"data\": {\"video\": {\"train\": \"v\"}}}", NULL, 0, &c);
    assert_null(strstr(c.resolved, "\"image\": {"));
    s4d_config_release(&c);
}

static void test_schema_is_json(void **state)
{
    (void)state;
    s4d_str text = {0};
    s4d_json *doc = NULL;
    s4d_config_schema(&text);
    assert_int_equal(s4d_json_parse(text.text, text.size, "schema", &doc, NULL), S4D_OK);
    assert_non_null(s4d_json_find(s4d_json_find(doc, "properties"), "train"));
    s4d_json_destroy(&doc);
    s4d_str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_pretraining),   cmocka_unit_test(test_published_finetuning),
        cmocka_unit_test(test_resolved_reads_back),     cmocka_unit_test(test_overrides_win_in_order),
        cmocka_unit_test(test_an_absent_set_stays_absent), cmocka_unit_test(test_schema_is_json),
    };
    int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
