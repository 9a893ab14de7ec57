/* Known sets: manifests of their sizes pass, one sample less is told; a set is guessed only for a note. */
#include "dataset_check_fixture.h"

static s4d_check_report report_of(const s4d_str *manifest, const char *name, const char *set)
{
    s4d_check_report r;
    s4d_err err = {0};
    s4d_check_opts o = {.manifest = in_folder(name), .set = set};
    assert_false(manifest->failed);
    put_text(name, manifest->text);
    if (s4d_check_run(&o, &r, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return r;
}

/* n rows that need no file: what is missing is a finding of another kind. */
static void add(s4d_str *text, int n, const char *label, const char *split, int fold)
{
    for (int i = 0; i < n; i++) {
        s4d_str_printf(text, "%zu.mp4,%s,%s,", text->size, label, split);
        s4d_str_printf(text, fold > 0 ? "%d\n" : "\n", fold);
    }
}

static void begin(s4d_str *text)
{
    s4d_str_clear(text);
    s4d_str_add(text, "path,label,split,fold\n");
}

static void dfew(s4d_str *text, int happy)
{
    static const char *const label[] = {"sad", "neutral", "angry", "surprise", "disgust", "fear"};
    static const int count[] = {379, 534, 435, 294, 29, 181};
    begin(text);
    add(text, happy, "happy", "", 1);
    for (int i = 0; i < 6; i++) {
        add(text, count[i], label[i], "", 1);
    }
    for (int fold = 2; fold <= 5; fold++) {
        add(text, 2339, "happy", "", fold);
    }
}

static void dfew_is_known(void **state)
{
    (void)state;
    s4d_str text = {0};
    dfew(&text, 489);
    s4d_check_report r = report_of(&text, "list.csv", "dfew");
    assert_int_equal(r.sizes, 13);
    assert_int_equal(r.count[S4D_CHECK_SIZE], 0);
    assert_int_equal(r.stats.samples, 11697);
    s4d_check_release(&r);
    dfew(&text, 488);
    r = report_of(&text, "list.csv", "dfew");
    assert_int_equal(r.count[S4D_CHECK_SIZE], 3);
    const s4d_check_finding *last = &r.finding[r.findings - 1];
    assert_string_equal(last->text, "fold 1: dfew has 2341 samples, the manifest 2340");
    s4d_check_release(&r);
    r = report_of(&text, "my_DFEW_list.csv", NULL);
    assert_string_equal(r.set, "dfew");
    assert_true(r.set_guessed);
    assert_int_equal(r.count[S4D_CHECK_SIZE], 0);
    assert_int_equal(r.count[S4D_CHECK_SIZE_GUESSED], 3);
    s4d_check_release(&r);
    r = report_of(&text, "list.csv", NULL);
    assert_null(r.set);
    s4d_check_release(&r);
    s4d_str_release(&text);
}

static void ferv39k_is_known(void **state)
{
    (void)state;
    static const char *const label[] = {"Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise"};
    static const int count[] = {1487, 467, 431, 1473, 1958, 1393, 638};
    s4d_str text = {0};
    begin(&text);
    for (int i = 0; i < 7; i++) {
        add(&text, count[i], label[i], "test", 0);
    }
    add(&text, 31087, "Happy", "train", 0);
    add(&text, 1, "bored", "train", 0);
    s4d_check_report r = report_of(&text, "list.csv", "ferv39k");
    assert_int_equal(r.sizes, 9);
    assert_int_equal(r.count[S4D_CHECK_SIZE], 0);
    assert_int_equal(r.count[S4D_CHECK_CLASS], 1);
    assert_non_null(strstr(r.finding[r.findings - 1].text, "has the label \"bored\", which is no class of ferv39k"));
    s4d_check_release(&r);
    s4d_str_release(&text);
}

static void mafw_is_known_by_its_classes(void **state)
{
    (void)state;
    static const char *const label[] = {"anger",     "anxiety",      "contempt", "disappointment", "disgust", "fear",
                                        "happiness", "helplessness", "neutral",  "sadness",        "surprise"};
    s4d_str text = {0};
    begin(&text);
    for (int i = 0; i < 11; i++) {
        add(&text, i == 0 ? 1829 : 1, label[i], "", 1);
        add(&text, i == 0 ? 7323 : 1, label[i], "", 2);
    }
    s4d_check_report r = report_of(&text, "list.csv", NULL);
    assert_string_equal(r.set, "mafw");
    assert_int_equal(r.sizes, 2);
    assert_int_equal(r.count[S4D_CHECK_SIZE_GUESSED], 0);
    s4d_check_release(&r);
    s4d_str_release(&text);
    assert_true(s4d_check_knows("mafw") && !s4d_check_knows("MAFW") && !s4d_check_knows("rafdb"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dfew_is_known),
        cmocka_unit_test(ferv39k_is_known),
        cmocka_unit_test(mafw_is_known_by_its_classes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
