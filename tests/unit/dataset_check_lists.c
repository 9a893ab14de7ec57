/* The check of lists as other programs write them: paths that are spelled otherwise, a wrong root, numbers and synonyms for
 * classes, and many parts of one file. */
#include "dataset_check_fixture.h"

#include <time.h>

static s4d_check_report report_of(const char *manifest)
{
    s4d_check_report r;
    s4d_err err = {0};
    put_text("m.csv", manifest);
    s4d_check_opts o = {.manifest = in_folder("m.csv"), .decode = 0, .threads = 2};
    if (s4d_check_run(&o, &r, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return r;
}

/* The only finding. */
static void finds(const char *manifest, s4d_check_kind kind, long row, const char *want)
{
    s4d_check_report r = report_of(manifest);
    char text[S4D_PATH_MAX + 400];
    const char *at = strstr(want, "ROOT");
    assert_int_equal(r.findings, 1);
    assert_int_equal(r.finding[0].kind, kind);
    assert_int_equal(r.finding[0].row, row);
    snprintf(text, sizeof text, "%.*s%s%s", at ? (int)(at - want) : (int)strlen(want), want, at ? folder : "", at ? at + 4 : "");
    assert_string_equal(r.finding[0].text, text);
    s4d_check_release(&r);
}

static void paths_in_another_spelling(void **state)
{
    (void)state;
    put_png("img/a.png", 6, 8, 1);
    put_png("img/b.png", 6, 8, 2);
    finds("path\nimg/a.png\nimg\\b.png\n", S4D_CHECK_MISSING, 1,
          "line 3: img\\b.png: there is no such file or folder; with slashes it is there: img/b.png");
    finds("path\nimg/a.png\nimg/c.png\n", S4D_CHECK_MISSING, 1, "line 3: img/c.png: there is no such file or folder");
}

/* One sentence for the whole list. */
static void a_wrong_root(void **state)
{
    (void)state;
    put_png("sub/img/a.png", 6, 8, 1);
    finds("path,start\nimg/x.png,\nimg/x.png,1\nimg/y.png,\n", S4D_CHECK_MISSING, 0,
          "none of the 2 files is below ROOT (first: line 2, img/x.png); name the folder that the paths are below with --root");
    finds("path\nD:\\data\\sub\\img\\a.png\nD:\\data\\sub\\img\\b.png\n", S4D_CHECK_MISSING, 0,
          "none of the 2 files is below ROOT (first: line 2, D:\\data\\sub\\img\\a.png); with slashes and without \"D:/data/\" in "
          "front it is there: sub/img/a.png");
    s4d_check_report r = report_of("path\nnone.png\n");
    assert_false(r.nothing_there); /* a single one is missing as any other */
    s4d_check_release(&r);
    r = report_of("path\nnone.png\nneither.png\n");
    assert_true(r.nothing_there);
    assert_int_equal(s4d_check_faults(&r), 1);
    s4d_check_release(&r);
}

static void numbers_for_classes(void **state)
{
    (void)state;
    put_png("n/a.png", 6, 8, 1);
    put_png("n/b.png", 6, 8, 2);
    put_png("n/c.png", 6, 8, 3);
    static const char *const label[] = {"0", "03", "2.0", "-1", "1.5", "1e3"};
    for (size_t i = 0; i < sizeof label / sizeof *label; i++) {
        char manifest[200], want[300];
        snprintf(manifest, sizeof manifest, "path,label\nn/a.png,fear\nn/b.png,%s\nn/c.png,%s\n", label[i], label[i]);
        snprintf(want, sizeof want,
                 "line 3: the label \"%s\" is a number, as in 2 of 3 lines; a manifest holds names of classes, so write them with "
                 "\"s4d data index csv --classes TABLE\"", label[i]);
        finds(manifest, S4D_CHECK_NUMBER, 1, want);
    }
    finds("path,label\nn/a.png,fear\nn/b.png,Fearful\nn/c.png,FEAR\n", S4D_CHECK_SPELLING, 0,
          "lines 2 and 3: \"fear\" and \"Fearful\" are one class, fear");
    s4d_check_report r = report_of("path,label\nn/a.png,fear\nn/b.png,Fearful\n");
    assert_int_equal(s4d_check_faults(&r), 0);
    s4d_check_release(&r);
}

/* Rows of one file, in turn of two splits; start and end grow with the row, or are the same for all. */
typedef struct parts {
    const char *split[2];
    bool starts, ends;
} parts;

/* Processor seconds of the check of n rows. */
static double seconds_of(const parts *p, int n)
{
    s4d_str text = {0};
    s4d_str_add(&text, "path,split,start,end\n");
    for (int i = 0; i < n; i++) {
        s4d_str_printf(&text, "v.mp4,%s,%d,%d\n", p->split[i % 2], p->starts ? i : 0, p->ends ? i + 1 : 1000000);
    }
    clock_t begin = clock();
    s4d_check_report r = report_of(text.text);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    s4d_check_release(&r);
    s4d_str_release(&text);
    return seconds;
}

static void many_parts_of_one_file(void **state)
{
    (void)state;
    put_text("v.mp4", "x");
    for (int i = 0; i < 8; i++) {
        parts p = {.split = {"train", i & 1 ? "test" : "train"}, .starts = i & 2, .ends = i & 4};
        double once = seconds_of(&p, 5000), eight = seconds_of(&p, 40000);
        if (eight > 24 * once + 0.5) {
            fail_msg("parts %d: %.3f s, then %.3f s", i, once, eight);
        }
    }
}

/* The row that reaches farthest counts, whichever split it is of. */
static void a_long_part_meets_a_late_one(void **state)
{
    (void)state;
    put_text("w.mp4", "x");
    s4d_check_report r = report_of("path,split,start,end\nw.mp4,train,0,100\nw.mp4,train,1,2\nw.mp4,val,3,4\nw.mp4,test,50,60\n"
                                   "w.mp4,test,100,101\n");
    assert_int_equal(r.count[S4D_CHECK_OVERLAP], 2);
    assert_string_equal(r.finding[0].text, "lines 2 and 4: w.mp4 is in train and in val");
    assert_string_equal(r.finding[1].text, "lines 2 and 5: w.mp4 is in train and in test");
    s4d_check_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_in_another_spelling), cmocka_unit_test(a_wrong_root),
        cmocka_unit_test(numbers_for_classes),       cmocka_unit_test(many_parts_of_one_file),
        cmocka_unit_test(a_long_part_meets_a_late_one),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
