/* Run folders as they should be, broken in every way, and while memory and files fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/report/table.h"

static char root[64];

static const char CONFIG[] =
    "{\"checkpoint\":\"\",\"model\":{\"img_size\":32,\"num_frames\":4,\"moae\":{\"layers\":[1],\"eval_noise\":false,"
    "\"eval_capacity\":false}},\"data\":{\"frame_order\":\"natural\",\"video\":{\"sampling_rate\":2,\"fold\":0}}}";
static const char METRICS[] =
    "{\"set\":\"clips\",\"modality\":\"video\",\"split\":\"test\",\"checkpoint\":\"last\",\"selection\":\"last epoch\","
    "\"segments\":2,\"crops\":1,\"samples\":3,\"missing\":0,\"uar\":0.75,\"war\":0.6666666666666666,"
    "\"classes\":[\"anger\",\"fear\"],\"support\":{\"anger\":2,\"fear\":1},"
    "\"macro_f1\":0.6666666666666666,\"weighted_f1\":0.6666666666666666,\"micro_f1\":0.6666666666666666,"
    "\"recall\":{\"anger\":0.5,\"fear\":1},\"confusion\":[[1,1],[0,1]]}";
static const char PRED[] = "id,label,pred,anger,fear\na,anger,anger,1,0\nb,anger,fear,0,1\nc,fear,fear,0,1\n";

static void put(const char *name, const char *text)
{
    char path[S4D_PATH_MAX], folder[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(path, root, name, NULL), S4D_OK);
    s4d_path_dir(folder, path);
    assert_int_equal(s4d_dir_make(folder, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(path, text, strlen(text), NULL), S4D_OK);
}

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/s4d-report-XXXXXX");
    if (!mkdtemp(root)) return -1;
    put("config.resolved.json", CONFIG);
    put("clips/metrics.json", METRICS);
    put("clips/pred.csv", PRED);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    return s4d_dir_remove(root, NULL) == S4D_OK ? 0 : -1;
}

static s4d_status table(s4d_report_format format, s4d_str *out, s4d_err *err)
{
    const char *run = root;
    s4d_report_opts o = {.run = &run, .runs = 1, .format = format, .against_paper = true};
    return s4d_report_table(&o, out, err);
}

static void assert_table(const char *part)
{
    s4d_str out = {0};
    s4d_err err = {0};
    assert_int_equal(table(S4D_REPORT_MARKDOWN, &out, &err), S4D_OK);
    assert_non_null(strstr(out.text, part));
    s4d_str_release(&out);
}

/* The sentence names the file below the run and says what is wrong; nothing was added. */
static void assert_refused(const char *file, const char *part)
{
    s4d_str out = {0};
    s4d_err err = {0};
    assert_int_equal(table(S4D_REPORT_MARKDOWN, &out, &err), S4D_FAILED);
    assert_int_equal(err.status, S4D_FAILED);
    assert_int_equal(out.size, 0);
    assert_memory_equal(err.text, root, strlen(root));
    assert_non_null(strstr(err.text, file));
    if (!strstr(err.text, part)) fail_msg("\"%s\" is not in \"%s\"", part, err.text);
}

static void test_good(void **state)
{
    (void)state;
    assert_table("| - | 75.00 | 66.67 |");
    assert_table("| 50.00 (2) | 100.00 (1) |");
    assert_table("2 segments x 1 crop = 2 views a clip");
}

static void test_pred_reads_what_csv_allows(void **state)
{
    (void)state;
    put("clips/pred.csv", "id,label,pred,anger,fear\r\n\"a, \"\"b\"\"\nc\",\"anger\",anger,1,0\r\n"
                          "b,anger,\"fear\",0,\"1\"\r\nc,fear,fear,0,1");
    assert_table("| - | 75.00 | 66.67 |");
}

static void test_pred_broken(void **state)
{
    (void)state;
    static const char *const kase[][2] = {
        {"", "expected 5 fields"},
        {"id,label,pred,anger,fear\n", "not one prediction"},
        {"id,label,pred,fear,anger\n", "column 4 is \"fear\", but that class is \"anger\""},
        {"id,truth,pred,anger,fear\n", "line 1: expected the columns id,label,pred"},
        {"id,label,pred,anger\n", "line 1: expected 5 fields"},
        {"id,label,pred,anger,fear,joy\n", "line 1: expected 5 fields"},
        {"id,label,pred,anger,fear\na,anger,anger,1\n", "line 2: expected 5 fields"},
        {"id,label,pred,anger,fear\n\"a\n\",anger,anger,1,0\nb,anger,joy,1,0\n", "line 4: \"joy\" is not a class"},
        {"id,label,pred,anger,fear\na,,anger,1,0\n", "line 2: \"\" is not a class"},
        {"id,label,pred,anger,fear\n\"a,anger,anger,1,0\n", "line 2: a quoted field does not end"},
        {"id,label,pred,anger,fear\n\"a\"b,anger,anger,1,0\n", "line 2: text stands behind a closing quote"},
        {"id,label,pred,anger,fear\na,anger,anger,1,0\n\nb,anger,anger,1,0\n", "line 3: expected 5 fields"},
    };
    for (size_t i = 0; i < sizeof kase / sizeof *kase; ++i) {
        put("clips/pred.csv", kase[i][0]);
        assert_refused("clips/pred.csv: ", kase[i][1]);
    }
}

static void test_pred_disagrees(void **state)
{
    (void)state;
    put("clips/pred.csv", "id,label,pred,anger,fear\na,anger,anger,1,0\nb,anger,anger,0,1\nc,fear,fear,0,1\n");
    assert_refused("clips/pred.csv: ", "give war 1, but metrics.json says 0.6666666667");
    put("clips/pred.csv", "id,label,pred,anger,fear\na,anger,anger,1,0\nc,fear,fear,0,1\n");
    assert_refused("clips/pred.csv: ", "give samples 2, but metrics.json says 3");
    put("clips/pred.csv", "id,label,pred,anger,fear\na,anger,anger,1,0\nb,fear,fear,0,1\nc,fear,anger,0,1\n");
    assert_refused("clips/pred.csv: ", "give samples of anger 1, but metrics.json says 2");
}

/* METRICS with a part replaced. */
static void put_metrics(const char *part, const char *by)
{
    char text[2 * sizeof METRICS];
    const char *at = strstr(METRICS, part);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - METRICS), METRICS, by, at + strlen(part));
    put("clips/metrics.json", text);
}

static void test_metrics_broken(void **state)
{
    (void)state;
    static const char *const kase[][3] = {
        {"\"set\":\"clips\"", "\"set\":\"stills\"", "results of set \"stills\""},
        {"\"video\"", "\"audio\"", "modality: expected \"image\" or \"video\", got \"audio\""},
        {"\"samples\":3", "\"samples\":4", "give samples 3, but metrics.json says 4"},
        {"\"samples\":3", "\"samples\":-1", "samples: expected a whole number from 0 to 2147483647, got -1"},
        {"\"segments\":2", "\"segments\":1.5", "segments: expected a whole number"},
        {"\"uar\":0.75,", "", "uar: expected a number, got nothing"},
        {"\"uar\":0.75", "\"uar\":0.76", "give uar 0.75, but metrics.json says 0.76"},
        {"\"anger\",\"fear\"", "\"anger\",\"anger\"", "classes: expected class names, each once"},
        {"\"anger\",\"fear\"", "\"anger\",3", "classes: expected class names, each once"},
        {"\"anger\",\"fear\"", "", "classes: not one is named"},
        {"\"last epoch\"", "7", "selection: expected a string, got a number"},
        {"[0,1]]}", "[0,1]]}}", "expected the end of the text"},
        {"[[1,1],", "[[2,0],", "give confusion of anger with anger 1, but metrics.json says 2"},
        {"[0,1]]", "[1,0]]", "give confusion of fear with anger 0, but metrics.json says 1"},
        {"[0,1]]", "[0,\"1\"]]", "give confusion of fear with fear 1, but metrics.json says -1"},
        {"[0,1]]", "[0,1,0]]", "confusion: expected 2 rows of 2 numbers, one for each class"},
        {",[0,1]]", "]", "confusion: expected 2 rows of 2 numbers, one for each class"},
        {",\"confusion\":[[1,1],[0,1]]", "", "confusion: expected an array, got nothing"},
        {"\"anger\":0.5", "\"anger\":0.51", "give recall of anger 0.5, but metrics.json says 0.51"},
        {"{\"anger\":0.5,\"fear\":1}", "{\"anger\":0.5}", "give recall of fear 1, but metrics.json says -1"},
        {"\"macro_f1\":0.6666666666666666", "\"macro_f1\":0.66666666", "metrics.json says 0.66666666;"},
        {"\"weighted_f1\":0.6", "\"weighted_f1\":0.7", "give weighted_f1 0.6666666667, but metrics.json says 0.7"},
        {"\"micro_f1\":0.6", "\"micro_f1\":0.7", "give micro_f1 0.6666666667, but metrics.json says 0.7"},
    };
    for (size_t i = 0; i < sizeof kase / sizeof *kase; ++i) {
        put_metrics(kase[i][0], kase[i][1]);
        assert_refused("clips/", kase[i][2]);
    }
}

static void test_selection_is_said(void **state)
{
    (void)state;
    assert_table("Model: last epoch; no result chose it.");
    put_metrics("last epoch", "epoch 12, best UAR on clips's test list itself");
    assert_table("Model: the epoch with best UAR on clips's test list itself; THE TEST LIST SHOWN HERE CHOSE IT");
    put_metrics("last epoch", "epoch 12, best WAR on other's test list itself");
    assert_table("the test list of another set chose it.");
    put_metrics("last epoch", "epoch 3, best UAR on 10% of test's training list held out of training");
    assert_table("Model: the epoch with best UAR on 10% of test's training list held out of training; no test list chose it.");
    put_metrics("last epoch", "a coin");
    assert_table("Model: a coin; this version does not know");
    put_metrics("\"selection\":\"last epoch\",", "");
    assert_table("Model: which epoch it is of, and what chose that, is not recorded.");
}

static void test_imbalance_is_said(void **state)
{
    (void)state;
    assert_table("Class imbalance: what training did about it is not recorded.");
    put_metrics("\"segments\"", "\"imbalance\":{\"balanced\":false,\"class_weights\":\"none\",\"logit_adjustment\":0},"
                                "\"segments\"");
    assert_table("training drew samples as the list has them, with nothing done about it.");
    put_metrics("\"segments\"", "\"imbalance\":{\"balanced\":true},\"segments\"");
    assert_table("training drew each class equally often, with replacement.");
    put_metrics("\"segments\"", "\"imbalance\":{\"balanced\":false,\"class_weights\":\"inverse\",\"logit_adjustment\":0.5},"
                                "\"segments\"");
    assert_table("weighted classes in the loss by their size (inverse), adjusted logits in the loss by 0.5 times");
}

static void test_config_broken(void **state)
{
    (void)state;
    put("config.resolved.json", "{}");
    assert_refused("config.resolved.json: ", "model.img_size: expected a number, got nothing");
    put("config.resolved.json", "[1]");
    assert_refused("config.resolved.json: ", "expected an object, got an array");
}

#ifdef S4D_TEST_HOOKS
/* Every allocation and every read fails once: an error, no text, no leak; at last all goes well. */
static void test_failures(void **state)
{
    (void)state;
    put("clips/pred.csv", PRED);
    static const s4d_fault kind[] = {S4D_FAULT_ALLOC, S4D_FAULT_READ};
    for (int k = 0; k < 2; ++k)
        for (int format = S4D_REPORT_MARKDOWN; format <= S4D_REPORT_LATEX; ++format) {
            int failures = 0;
            s4d_status status = S4D_FAILED;
            for (long n = 1; status != S4D_OK; ++n) {
                s4d_str out = {0};
                s4d_err err = {0};
                s4d_fault_set(kind[k], n);
                status = table((s4d_report_format)format, &out, &err);
                s4d_fault_set(kind[k], 0);
                if (status != S4D_OK) {
                    ++failures;
                    assert_true(err.text[0] && out.size == 0);
                }
                s4d_str_release(&out);
            }
            assert_true(failures >= (k == 0 ? 20 : 3));
        }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
        T(test_good),
        T(test_pred_reads_what_csv_allows),
        T(test_pred_broken),
        T(test_pred_disagrees),
        T(test_metrics_broken),
        T(test_selection_is_said),
        T(test_imbalance_is_said),
        T(test_config_broken),
#ifdef S4D_TEST_HOOKS
        T(test_failures),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
