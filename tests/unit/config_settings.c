/* Every setting that the schema lists can be set by --set, shows in the resolved config, and is refused beyond its range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/base/json.h"
#include "s4d/config/config.h"
#include "s4d/data/manifest.h"

enum { TEXT = 256, CANDIDATES = 12 };

static char path[2][32] = {"/tmp/s4d-config-XXXXXX", "/tmp/s4d-config-XXXXXX"}; /* by stage */

static const char *const base[2] = {
    "{\"stage\": \"pretrain\", \"train\": {\"ema\": 0.5}, \"data\": {\"image\": {\"train\": \"i\", \"format\": \"text\", \"classes\": \"rafdb\"},"
    " \"video\": {\"train\": \"v\", \"format\": \"csv\", \"classes\": \"dfew\"}}}",
    "{\"stage\": \"finetune\", \"train\": {\"ema\": 0.5}, \"data\": {\"image\": {\"train\": \"i\", \"classes\": \"affectnet7\"},"
    " \"video\": {\"train\": \"v\", \"classes\": \"dfew\"}}}"};

/* The node's text in one line. */
static void text_of(const s4d_json *node, char text[TEXT])
{
    s4d_json_writer w = {0};
    s4d_json_put_node(&w, node);
    assert_false(w.out.failed);
    snprintf(text, TEXT, "%s", w.out.text);
    s4d_str_release(&w.out);
}

/* The value at a dotted path of the resolved config; false: the config is refused. */
static bool resolved(int stage, const char *set, const char *dotted, char text[TEXT], s4d_err *err)
{
    s4d_config c;
    s4d_json *doc = NULL;
    s4d_status status = s4d_config_load(path[stage], &set, set ? 1 : 0, NULL, &c, err);
    if (status == S4D_OK) {
        assert_int_equal(s4d_json_parse(c.resolved, strlen(c.resolved), "resolved", &doc, NULL), S4D_OK);
        const s4d_json *node = doc;
        char key[64];
        for (const char *p = dotted; *p; p += strcspn(p, "."), p += *p == '.') {
            snprintf(key, sizeof key, "%.*s", (int)strcspn(p, "."), p);
            node = s4d_json_find(node, key);
            if (!node) fail_msg("%s is not in the resolved config", dotted);
        }
        text_of(node, text);
        s4d_json_destroy(&doc);
    } else {
        assert_int_equal(status, S4D_USAGE);
    }
    s4d_config_release(&c);
    return status == S4D_OK;
}

/* Values the schema allows; numbers around the present one, as many settings must divide another. */
static int candidates(const s4d_json *schema, const char *now, char value[CANDIDATES][TEXT])
{
    const s4d_json *type = s4d_json_find(schema, "type"), *list = s4d_json_find(schema, "enum");
    int n = 0;
    for (size_t i = 0; list && i < s4d_json_count(list); ++i) text_of(s4d_json_at(list, i), value[n++]);
    if (s4d_json_find(schema, "anyOf")) snprintf(value[n++], TEXT, "[\"awe\", \"grief\", \"calm\"]");
    if (!type) return n;
    const char *name = s4d_json_string(type);
    if (strcmp(name, "boolean") == 0) {
        snprintf(value[n++], TEXT, "true");
        snprintf(value[n++], TEXT, "false");
    } else if (strcmp(name, "string") == 0) {
        snprintf(value[n++], TEXT, "\"a name\"");
    } else if (strcmp(name, "array") == 0) {
        snprintf(value[n++], TEXT, s4d_json_find(schema, "minItems") ? "[0.375, 0.625]" : "[2, 5]");
    } else {
        double least = s4d_json_number(s4d_json_find(schema, "minimum"));
        double most = s4d_json_number(s4d_json_find(schema, "maximum")), present = strtod(now, NULL);
        snprintf(value[n++], TEXT, "%.17g", 2 * present < most ? 2 * present : present / 2);
        snprintf(value[n++], TEXT, "%.17g", least);
        snprintf(value[n++], TEXT, "%.17g", most);
    }
    return n;
}

static bool same(const char *a, const char *b)
{
    char *end_a, *end_b;
    double x = strtod(a, &end_a), y = strtod(b, &end_b);
    return strcmp(a, b) == 0 || (end_a != a && end_b != b && !*end_a && !*end_b && x == y);
}

/* One of the candidates is taken in one of the stages and is what the resolved config then shows. */
static void check_settable(const s4d_json *schema, const char *dotted)
{
    bool taken = false;
    s4d_err err = {0};
    for (int stage = 0; stage < 2 && !taken; ++stage) {
        char now[TEXT], then[TEXT], value[CANDIDATES][TEXT], set[2 * TEXT];
        assert_true(resolved(stage, NULL, dotted, now, &err));
        int n = candidates(schema, now, value);
        for (int i = 0; i < n && !taken; ++i) {
            if (same(value[i], now)) continue;
            snprintf(set, sizeof set, "%.200s=%.255s", dotted, value[i]);
            if (!resolved(stage, set, dotted, then, &err)) continue;
            if (!same(value[i], then)) fail_msg("--set %s: the resolved config shows %s", set, then);
            taken = true;
        }
    }
    if (!taken) fail_msg("%s cannot be set; the last reason: %s", dotted, err.text);
}

/* Just beyond either end of the range. */
static void check_range(const s4d_json *schema, const char *dotted)
{
    const s4d_json *least = s4d_json_find(schema, "minimum"), *most = s4d_json_find(schema, "maximum");
    if (!least) return;
    double low = s4d_json_number(least), high = s4d_json_number(most);
    double beyond[2] = {low - (low > 0 && low < 1 ? low / 2 : 1), high + (high < 1 ? (1 - high) / 2 + high : 1)};
    for (int i = 0; i < 2; ++i) {
        char set[TEXT], unused[TEXT], begin[TEXT];
        s4d_err err = {0};
        snprintf(set, sizeof set, "%.200s=%.17g", dotted, beyond[i]);
        if (resolved(S4D_FINETUNE, set, dotted, unused, &err)) fail_msg("--set %s is taken", set);
        snprintf(begin, sizeof begin, "--set: %.200s: expected a ", dotted);
        if (strncmp(err.text, begin, strlen(begin)) != 0) fail_msg("--set %s: %s", set, err.text);
    }
}

static int check_group(const s4d_json *properties, const char *prefix)
{
    int leaves = 0;
    for (size_t i = 0; i < s4d_json_count(properties); ++i) {
        const s4d_json *schema = s4d_json_at(properties, i), *inner = s4d_json_find(schema, "properties");
        char dotted[TEXT];
        snprintf(dotted, sizeof dotted, "%s%s%s", prefix, *prefix ? "." : "", s4d_json_key(schema));
        if (inner) {
            leaves += check_group(inner, dotted);
            continue;
        }
        leaves++;
        check_range(schema, dotted);
        if (!s4d_str_ends(dotted, "lr_scale_batch")) check_settable(schema, dotted); /* see test_rates_are_settled */
    }
    return leaves;
}

static void test_every_setting(void **state)
{
    (void)state;
    s4d_str text = {0};
    s4d_json *doc = NULL;
    s4d_config_schema(&text);
    assert_false(text.failed);
    assert_int_equal(s4d_json_parse(text.text, text.size, "schema", &doc, NULL), S4D_OK);
    assert_true(check_group(s4d_json_find(doc, "properties"), "") > 100);
    s4d_json_destroy(&doc);
    s4d_str_release(&text);
}

/* Rates given for another batch: the resolved config shows the rate in use, and reads back as the same. */
static void test_rates_are_settled(void **state)
{
    (void)state;
    const char *const set[] = {"train.lr=1e-5",      "train.lr_scale_batch=8",       "train.min_lr=1e-6",
                               "data.video.batch=4", "train.min_lr_scale_batch=256", "train.accumulate=6"};
    s4d_config c;
    s4d_err err = {0};
    if (s4d_config_load(path[S4D_FINETUNE], set, 6, NULL, &c, &err) != S4D_OK) fail_msg("%s", err.text);
    assert_true(c.run.train.lr == 1e-5 * 24 / 8 && c.run.train.min_lr == 1e-6 * 24 / 256);
    assert_true(c.run.train.lr_scale_batch == 0 && c.run.train.min_lr_scale_batch == 0);
    assert_non_null(strstr(c.resolved, "\"lr_scale_batch\": 0"));
    s4d_config_release(&c);
}

/* Without clips in training the pictures' batch counts. */
static void test_rates_of_pictures_alone(void **state)
{
    (void)state;
    const char *const set[] = {"train.lr=1e-3", "train.lr_scale_batch=512", "data.video.train=", "data.image.batch=64"};
    s4d_config c;
    s4d_err err = {0};
    if (s4d_config_load(path[S4D_PRETRAIN], set, 4, NULL, &c, &err) != S4D_OK) fail_msg("%s", err.text);
    assert_true(c.run.train.lr == 1e-3 * 64 / 512);
    s4d_config_release(&c);
}

/* Text settings take what would be a number, a boolean or null in JSON. */
static void test_text_stands_as_it_is(void **state)
{
    (void)state;
    const char *const set[] = {"output=2024", "init=null", "data.image.suffix=true", "data.video.root=\"a b\"",
                               "data.image.root=a\\b"};
    s4d_config c;
    s4d_err err = {0};
    if (s4d_config_load(path[S4D_FINETUNE], set, 5, NULL, &c, &err) != S4D_OK) fail_msg("%s", err.text);
    assert_string_equal(c.run.output, "2024");
    assert_string_equal(c.run.init, "null");
    assert_string_equal(c.run.data.image.suffix, "true");
    assert_string_equal(c.run.data.video.root, "a b");
    assert_string_equal(c.run.data.image.root, "a\\b");
    s4d_config_release(&c);
}

/* The tables that the help of `classes` names are those that exist. */
static void test_class_tables(void **state)
{
    (void)state;
    static const char *const tables[] = {"afew",     "affectnet7", "affectnet8",      "caer",    "caers",         "ckextended",
                                         "ckplus",   "cremad",     "dfew",            "enterface", "fer2013",     "ferplus",
                                         "ferv39k",  "ferv39k_maedfer", "mafw",       "mafw_dferclip", "mafw_maedfer",
                                         "oulucasia", "rafdb",     "rafdb_compound",  "ravdess", "sfew"};
    s4d_str schema = {0}, joined = {0};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; ++i) s4d_str_printf(&joined, "%s%s", i ? ", " : "", tables[i]);
    s4d_config_schema(&schema);
    assert_string_equal(joined.text, s4d_labels_known());
    assert_non_null(strstr(schema.text, joined.text));
    s4d_str_release(&joined);
    s4d_str_release(&schema);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; ++i) {
        char set[64];
        const char *one = set, *const *names = NULL;
        s4d_config c;
        s4d_err err = {0};
        snprintf(set, sizeof set, "data.video.classes=%s", tables[i]);
        if (s4d_config_load(path[S4D_FINETUNE], &one, 1, NULL, &c, &err) != S4D_OK) fail_msg("%s", err.text);
        int n = s4d_labels_table(tables[i], &names);
        assert_int_equal(c.run.data.video.class_count, n);
        for (int k = 0; k < n; ++k) {
            char canonical[S4D_CLASS_NAME_MAX];
            s4d_labels_canonical(names[k], canonical);
            assert_string_equal(c.run.data.video.classes[k], canonical);
        }
        s4d_config_release(&c);
    }
}

/* Each allocation fails once: a sentence about memory and a clean end, never half a config. */
static void test_memory_runs_out(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    const char *const set[] = {"output=2024", "data.video.classes=mafw"};
    s4d_config c;
    s4d_status status = S4D_FAILED;
    long n = 0;
    while (status != S4D_OK) {
        s4d_err err = {0};
        s4d_fault_set(S4D_FAULT_ALLOC, ++n);
        status = s4d_config_load(path[S4D_FINETUNE], set, 2, NULL, &c, &err);
        s4d_fault_set(S4D_FAULT_ALLOC, 0);
        if (status != S4D_OK && !strstr(err.text, "memory")) fail_msg("allocation %ld: %s", n, err.text);
        if (status != S4D_OK) assert_null(c.resolved);
    }
    assert_true(n > 100);
    s4d_config_release(&c);
    s4d_str whole = {0}, text = {.failed = true};
    s4d_config_schema(&whole);
    for (n = 1; text.failed; ++n) {
        s4d_str_release(&text);
        s4d_fault_set(S4D_FAULT_ALLOC, n);
        s4d_config_schema(&text);
        s4d_fault_set(S4D_FAULT_ALLOC, 0);
    }
    assert_string_equal(text.text, whole.text);
    s4d_str_release(&text);
    s4d_str_release(&whole);
#else
    skip(); /* failures on demand are not in this build */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_setting),           cmocka_unit_test(test_rates_are_settled),
        cmocka_unit_test(test_rates_of_pictures_alone), cmocka_unit_test(test_text_stands_as_it_is),
        cmocka_unit_test(test_class_tables),            cmocka_unit_test(test_memory_runs_out),
    };
    for (int i = 0; i < 2; ++i) {
        int fd = mkstemp(path[i]);
        if (fd < 0) return 1;
        close(fd);
        s4d_err err = {0};
        if (s4d_file_write(path[i], base[i], strlen(base[i]), &err) != S4D_OK) return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int i = 0; i < 2; ++i) unlink(path[i]);
    return failed;
}
