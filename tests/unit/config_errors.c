/* Configs that are wrong in one way each, and the one sentence that says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/config/config.h"

static char path[] = "/tmp/s4d-config-XXXXXX";

static const char pretrain[] =
    "{\"stage\": \"pretrain\", \"data\": {\"image\": {\"train\": \"i\"}, \"video\": {\"train\": \"v\", \"test\": \"t\"}}}";
static const char finetune[] =
    "{\"stage\": \"finetune\", \"data\": {\"image\": {\"train\": \"i\", \"classes\": \"affectnet7\"},"
    " \"video\": {\"train\": \"v\", \"test\": \"t\", \"classes\": \"dfew\"}}}";

/* Whole texts; FILE stands for the file's name. */
static const struct {
    const char *text, *sentence;
} texts[] = {
    {"", "FILE: line 1: expected a value, but there is only empty text"},
    {"[]", "FILE: expected an object, got an array; a config begins with {"},
    {"null", "FILE: expected an object, got null; a config begins with {"},
    {"{\"stage\": \"pretrain\"} x", "FILE: line 1: expected the end of the text, got 'x'"},
    {"{\"stage\": \"pretrain\", \"stage\": \"pretrain\"}", "FILE: stage is given twice; remove one of the two"},
    {"{\"train\": {\"lr\": 1, \"lr\": 2}}", "FILE: train.lr is given twice; remove one of the two"},
    {"{}", "FILE: stage: this key must be given; set it to \"pretrain\" or \"finetune\""},
    {"{\"stage\": null}", "FILE: stage: null is no value; remove the key to get the default"},
    {"{\"stage\": \"pretrain\"}",
     "FILE: data: names no list; set data.image.train or data.video.train (or test, for evaluation)"},
    {"{\"dat\": {}}", "FILE: dat: unknown key; did you mean data?"},
    {"{\"data\": {\"vidoe\": {}}}", "FILE: data.vidoe: unknown key; did you mean data.video?"},
    {"{\"data\": {\"video\": {\"batchs\": 1}}}", "FILE: data.video.batchs: unknown key; did you mean data.video.batch?"},
    {"{\"data\": {\"video\": {\"nothing\": 1}}}",
     "FILE: data.video.nothing: unknown key; remove it (\"s4d schema\" lists all)"},
    {"{\"Stage\": \"pretrain\"}", "FILE: Stage: unknown key; did you mean stage?"},
    {"{\"train.lr\": 1}", "FILE: \"train.lr\": a dot does not reach into a group; write each group as an object"},
    {"{\"model\": {\"encoder.dim\": 1}}", "FILE: \"encoder.dim\": a dot does not reach into a group; write each group as an object"},
    {"{\"data.image\": {}}", "FILE: \"data.image\": a dot does not reach into a group; write each group as an object"},
    {"{\"model\": [1]}", "FILE: model: expected an object, got an array"},
    {"{\"stage\": \"pretrain\", \"model\": {\"img_size\": 4096, \"patch_size\": 4, \"num_frames\": 2},"
     " \"data\": {\"image\": {\"train\": \"i\", \"batch\": 4096}}}",
     "FILE: data.image.batch: 4096 is more than the 2047 samples that 32-bit token numbers reach; lower it and raise "
     "train.accumulate"},
    {"{\"stage\": \"finetune\", \"train\": {\"lr\": \"1e-4\"}}",
     "FILE: train.lr: expected a number from 0 to 1000, got \"1e-4\""},
};

/* One assignment on top of a good config. */
static const struct {
    const char *base, *set, *sentence;
} assignments[] = {
    {finetune, "train.lr", "--set train.lr: expected KEY=VALUE, such as train.lr=1e-4"},
    {finetune, "=1", "--set =1: expected KEY=VALUE, such as train.lr=1e-4"},
    {finetune, "modl.encoder.dim=1", "--set: modl.encoder.dim: unknown key; did you mean model.encoder.dim?"},
    {finetune, "train.lr.x=1", "--set: train.lr.x: unknown key; did you mean train.lr?"},
    {finetune, "train=3", "--set: train: expected an object, got a number"},
    {finetune, "train.lr=null", "--set: train.lr: null is no value; remove the key to get the default"},
    {finetune, "train={\"lr\": true}", "--set: train.lr: expected a number from 0 to 1000, got a boolean"},
    {finetune, "train.lr=-1", "--set: train.lr: expected a number from 0 to 1000, got -1"},
    {finetune, "train.epochs=1.5", "--set: train.epochs: expected a whole number from 1 to 1000000, got 1.5"},
    {finetune, "seed=9007199254740992",
     "--set: seed: expected a whole number from 0 to 9007199254740991, got 9.0072e+15"},
    {finetune, "model.moae.eval_noise=1", "--set: model.moae.eval_noise: expected true or false, got 1"},
    {finetune, "data.frame_order=text", "--set: data.frame_order: expected one of \"natural\", \"lexicographic\", got \"text\""},
    {finetune, "data.video.augment.area=0.5",
     "--set: data.video.augment.area: expected an array of two numbers, the smaller first, got 0.5"},
    {finetune, "data.video.augment.area=[0.5, 0.25]",
     "--set: data.video.augment.area: 0.5 is above 0.25; put the smaller number first"},
    {finetune, "model.moae.layers=[6, 6]",
     "--set: model.moae.layers: 6 comes after 6; list each block once, in rising order"},
    {finetune, "model.moae.layers=[12]",
     "FILE: model.moae.layers: there is no block 12 in an encoder of depth 12; the last is 11"},
    {finetune, "model.moae.top_k=9", "FILE: model.moae.top_k: 9 is more than the 8 experts; lower it"},
    {finetune, "model.moae.reduction=5", "FILE: model.moae.reduction: 5 does not divide model.encoder.dim 768; choose a divisor"},
    {finetune, "model.img_size=100", "FILE: model.patch_size: 16 does not divide model.img_size 100; choose a divisor"},
    {finetune, "model.num_frames=15", "FILE: model.tubelet_size: 2 does not divide model.num_frames 15; choose a divisor"},
    {finetune, "model.encoder.heads=7", "FILE: model.encoder.heads: 7 does not divide model.encoder.dim 768; choose a divisor"},
    {pretrain, "model.decoder.heads=7", "FILE: model.decoder.heads: 7 does not divide model.decoder.dim 384; choose a divisor"},
    {pretrain, "model={\"img_size\": 4096, \"patch_size\": 1, \"num_frames\": 1024, \"tubelet_size\": 1}",
     "FILE: model.patch_size: a clip has 17179869184 tokens, more than 1048576; choose larger patches or tubelets, or smaller "
     "frames"},
    {finetune, "data.image.classes=[\"angry\", \"anger\"]",
     "--set: data.image.classes: \"anger\" stands there twice (synonyms are one class); name each class once"},
    {finetune, "data.image.classes=[\"anger\"]",
     "FILE: data.image.classes: fine-tuning and evaluation need two classes or more; list their names in index order"},
    {finetune, "data.image.classes=[\"anger\", 3]", "--set: data.image.classes: expected a class name, got 3"},
    {finetune, "data.image.classes=[\"a,b\", \"c\"]",
     "--set: data.image.classes: \"a,b\" cannot be a class name; use 1 to 47 bytes without comma or quote"},
    {finetune, "data.video.format=paths", "FILE: data.video.format: \"paths\" has no labels; use manifest, csv or text"},
    {finetune, "data.video.name=image",
     "FILE: data.video.name: \"image\" is the image set's name too; results need two folders"},
    {finetune, "data.video.repeat=5", "FILE: data.video.repeat: 5 does not divide data.video.batch 16; choose a divisor"},
    {finetune, "eval={\"batch\": 65536, \"segments\": 64, \"crops\": 16}",
     "FILE: eval.batch: 65536 samples of 1024 views are more than the 1342177 that 32-bit token numbers reach; lower it"},
    {finetune, "train.epochs=5", "FILE: train.warmup_epochs: 5 is not below train.epochs 5; lower it"},
    {pretrain, "data.image.balanced=true",
     "FILE: data.image.balanced: drawing classes equally needs data.image.classes; list them, or set it to false"},
    {pretrain, "data.image={\"train\": \"i\", \"balanced\": true, \"classes\": \"dfew\"}",
     "FILE: data.image.balanced: lists of format \"paths\" have no labels to balance; set it to false"},
    {pretrain, "model.moae.layers=[6]", "FILE: model.moae.layers: pre-training has no experts; remove the key"},
    {pretrain, "data.mask.image_ratio=0.001",
     "FILE: data.mask.image_ratio: 0.001 masks 0 of 100 tokens; some must be masked and some seen"},
    {pretrain, "data.mask={\"video_ratio\": 0.005, \"video_kind\": \"tube\"}",
     "FILE: data.mask.video_ratio: 0.005 masks 0 of 800 tokens; some must be masked and some seen"},
};

static void put(const char *text)
{
    s4d_err err = {0};
    if (s4d_file_write(path, text, strlen(text), &err) != S4D_OK) fail_msg("%s", err.text);
}

/* The sentence with FILE replaced by the file's name, and by --set's share where settings do not fit together. */
static void expect(const char *sentence, const char *const *set, int sets)
{
    s4d_config c;
    s4d_err err = {0};
    char expected[1024];
    bool file = strncmp(sentence, "FILE", 4) == 0;
    snprintf(expected, sizeof expected, "%s%s%s", file ? path : "", file && sets ? " with --set" : "", sentence + (file ? 4 : 0));
    if (s4d_config_load(path, set, sets, NULL, &c, &err) != S4D_USAGE) fail_msg("not refused: %s", sentence);
    assert_int_equal(err.status, S4D_USAGE);
    assert_string_equal(err.text, expected);
    assert_null(c.resolved);
    s4d_config_release(&c);
}

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) {
        put(texts[i].text);
        expect(texts[i].sentence, NULL, 0);
    }
}

static void test_assignments(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof assignments / sizeof *assignments; ++i) {
        put(assignments[i].base);
        expect(assignments[i].sentence, &assignments[i].set, 1);
    }
}

/* The last assignment counts, and one that is overwritten is not blamed. */
static void test_the_last_assignment_counts(void **state)
{
    (void)state;
    const char *const set[] = {"train.lr=no", "train.lr=0.5"};
    s4d_config c;
    s4d_err err = {0};
    put(finetune);
    assert_int_equal(s4d_config_load(path, set, 2, NULL, &c, &err), S4D_OK);
    assert_true(c.run.train.lr == 0.5);
    s4d_config_release(&c);
}

static void test_missing_files(void **state)
{
    (void)state;
    s4d_config c;
    s4d_err err = {0};
    assert_int_equal(s4d_config_load("/none/a.json", NULL, 0, NULL, &c, &err), S4D_USAGE);
    assert_string_equal(err.text, "/none/a.json: there is no such config; check the path after --config");
    assert_int_equal(s4d_config_load("/tmp", NULL, 0, NULL, &c, &err), S4D_USAGE);
    assert_int_equal(err.status, S4D_USAGE);
    assert_string_equal(err.text, "/tmp: is a folder; name a file");
}

static void test_a_long_output(void **state)
{
    (void)state;
    s4d_config c;
    s4d_err err = {0};
    char output[S4D_PATH_MAX + 1];
    memset(output, 'a', sizeof output);
    output[S4D_PATH_MAX] = '\0';
    put(finetune);
    assert_int_equal(s4d_config_load(path, NULL, 0, output, &c, &err), S4D_USAGE);
    assert_string_equal(err.text, "--output: the path is longer than 1023 bytes");
    output[S4D_PATH_MAX - 1] = '\0';
    assert_int_equal(s4d_config_load(path, NULL, 0, output, &c, &err), S4D_OK);
    assert_string_equal(c.run.output, output);
    s4d_config_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),         cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_the_last_assignment_counts), cmocka_unit_test(test_missing_files),
        cmocka_unit_test(test_a_long_output),
    };
    int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
