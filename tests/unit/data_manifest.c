/* Lists: every format of METHOD.md section 8, and a sentence for every way a line can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/data/manifest.h"

static char folder[] = "/tmp/s4d-manifest-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[S4D_PATH_MAX], parent[S4D_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    s4d_path_dir(parent, path);
    assert_int_equal(s4d_dir_make(parent, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(path, text, strlen(text), NULL), S4D_OK);
}

static s4d_set_opts set_of(s4d_list_format format, int classes)
{
    static const char *const name[] = {"happiness", "sadness", "neutral"};
    s4d_set_opts o = {.format = format, .class_count = classes};
    snprintf(o.root, sizeof o.root, "%s", folder);
    strcpy(o.train, "list");
    for (int i = 0; i < classes; ++i) strcpy(o.classes[i], name[i]);
    return o;
}

static void accepted(const s4d_set_opts *o, const char *text, size_t count, const int *label, s4d_manifest *m)
{
    s4d_err err = {0};
    put("list", text);
    if (s4d_manifest_read(o, S4D_LIST_TRAIN, S4D_BAD_FAIL, m, &err) != S4D_OK) fail_msg("%s", err.text);
    assert_int_equal(m->count, count);
    for (size_t i = 0; i < count && label; ++i) assert_int_equal(m->sample[i].label, label[i]);
}

static void refused(const s4d_set_opts *o, const char *text, const char *words)
{
    s4d_manifest m;
    s4d_err err = {0};
    put("list", text);
    assert_int_equal(s4d_manifest_read(o, S4D_LIST_TRAIN, S4D_BAD_FAIL, &m, &err), S4D_FAILED);
    if (!strstr(err.text, words) || !strstr(err.text, "/list")) fail_msg("expected \"%s\": %s", words, err.text);
}

static void test_manifest_of_names(void **state)
{
    (void)state;
    s4d_manifest m;
    s4d_set_opts o = set_of(S4D_LIST_MANIFEST, 3);
    accepted(&o, "path,label\na.png,Happy\nsub/b.png,sad\n\"a.png\",neutral\n", 3, (int[]){0, 1, 2}, &m);
    assert_string_equal(m.sample[1].id, "sub/b.png");
    s4d_manifest_release(&m);
    accepted(&o, "\xef\xbb\xbfpath,label\r\na.png,HAPPINESS\r\n", 1, (int[]){0}, &m);
    s4d_manifest_release(&m);
    refused(&o, "a.png,happy\n", "line 1");
    refused(&o, "path,label\na.png,joyous\n", "joyous");
    refused(&o, "path,label\na.png\n", "line 2");
    refused(&o, "path,label\n", "empty");
    refused(&o, "path,label\n\"a.png,happy\n", "line 2");
}

static void test_csv_with_numbers(void **state)
{
    (void)state;
    s4d_manifest m;
    s4d_set_opts o = set_of(S4D_LIST_CSV, 3);
    o.zero_pad = 5;
    strcpy(o.suffix, ".png");
    accepted(&o, "video_name,label\n7,2\n00007,0\n", 2, (int[]){2, 0}, &m);
    assert_non_null(strstr(m.sample[0].path, "/00007.png"));
    s4d_manifest_release(&m);
    refused(&o, "video_name,label\n7,3\n", "label 3 is not in 0..2");
    refused(&o, "video_name,label\n7,-1\n", "line 2");
    refused(&o, "video_name,label\n7,1.5\n", "line 2");
    refused(&o, "video_name,label\n8,1\n", "line 2");
    o.first_label = 1;
    accepted(&o, "video_name,label\n7,3\n", 1, (int[]){2}, &m);
    s4d_manifest_release(&m);
    refused(&o, "video_name,label\n7,0\n", "label 0 is not in 1..3");
}

static void test_text_and_paths(void **state)
{
    (void)state;
    s4d_manifest m;
    s4d_set_opts o = set_of(S4D_LIST_TEXT, 3);
    accepted(&o, "a.png 1\nwith space.png 2\n", 2, (int[]){1, 2}, &m);
    assert_string_equal(m.sample[1].id, "with space.png");
    s4d_manifest_release(&m);
    refused(&o, "a.png\n", "line 1");
    refused(&o, "a.png 1\nb.png 9\nnone.png 1\n", "and 1 more");
    o = set_of(S4D_LIST_PATHS, 0);
    accepted(&o, "a.png\nwith space.png\n", 2, (int[]){-1, -1}, &m);
    s4d_manifest_release(&m);
}

static void test_absent_files_wait_where_skipping_is_asked_for(void **state)
{
    (void)state;
    s4d_manifest m;
    s4d_err err = {0};
    s4d_set_opts o = set_of(S4D_LIST_TEXT, 3);
    refused(&o, "a.png 1\nnone.png 1\n", "line 2");
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_SKIP, &m, &err), S4D_OK);
    assert_int_equal(m.count, 2);
    s4d_manifest_release(&m);
}

static void test_class_names(void **state)
{
    (void)state;
    char name[S4D_CLASS_NAME_MAX];
    const char *const *table;
    s4d_labels_canonical("Angry", name);
    assert_string_equal(name, "anger");
    s4d_labels_canonical("MyOwnClass", name);
    assert_string_equal(name, "myownclass");
    assert_int_equal(s4d_labels_table("mafw", &table), 11);
    assert_string_equal(table[1], "anxiety");
    assert_int_equal(s4d_labels_table("dfew", &table), 7);
    assert_string_equal(table[6], "fear");
    assert_int_equal(s4d_labels_table("nothing", &table), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_of_names), cmocka_unit_test(test_csv_with_numbers),
        cmocka_unit_test(test_text_and_paths),    cmocka_unit_test(test_absent_files_wait_where_skipping_is_asked_for),
        cmocka_unit_test(test_class_names),
    };
    if (!mkdtemp(folder)) return 1;
    put("a.png", "x");
    put("b.png", "x");
    put("sub/b.png", "x");
    put("00007.png", "x");
    put("with space.png", "x");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return s4d_dir_remove(folder, NULL) == S4D_OK ? failed : 1;
}
