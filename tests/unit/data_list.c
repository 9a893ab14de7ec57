/* Lists: records by RFC 4180, and what the manifest makes of them beyond the formats' plain cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/list.h"
#include "s4d/base/file.h"
#include "s4d/data/manifest.h"

static char folder[] = "/tmp/s4d-list-XXXXXX";

/* Every record as "LINE/COLUMNS:first|second" with "!" where its form is faulty, joined by ";". */
static void assert_records(s4d_list_format format, const char *text, const char *want)
{
    s4d_list_reader reader;
    s4d_record r;
    s4d_str got = {0};
    s4d_list_init(&reader, text, strlen(text), format);
    while (s4d_list_next(&reader, &r)) {
        s4d_str_printf(&got, "%s%ld/%d:%s|%s%s", got.size ? ";" : "", r.line, r.columns, r.field[0],
                       r.field[1], r.fault ? "!" : "");
    }
    assert_false(s4d_list_failed(&reader));
    assert_string_equal(got.text ? got.text : "", want);
    s4d_str_release(&got);
    s4d_list_release(&reader);
}

static void test_comma_separated(void **state)
{
    (void)state;
    assert_records(S4D_LIST_CSV, "", "");
    assert_records(S4D_LIST_CSV, "\n\r\n  \n", "");
    assert_records(S4D_LIST_CSV, "a,b", "1/2:a|b");
    assert_records(S4D_LIST_CSV, "a,b\r\nc,d\r\n", "1/2:a|b;2/2:c|d");
    assert_records(S4D_LIST_CSV, "a,b\n\nc,d\n", "1/2:a|b;3/2:c|d");
    assert_records(S4D_LIST_CSV, "a,\n,b\n,\n", "1/2:a|;2/2:|b;3/2:|");
    assert_records(S4D_LIST_CSV, "a\na,b,c,d\n", "1/1:a|;2/4:a|b");
    assert_records(S4D_LIST_CSV, " a b ,\tc \n\" a \",b\n", "1/2:a b|c;2/2: a |b");
    assert_records(S4D_LIST_CSV,
                   "\xEF\xBB\xBF"
                   "a,b\n",
                   "1/2:a|b");
}

static void test_quotes(void **state)
{
    (void)state;
    assert_records(S4D_LIST_CSV, "\"a,x\",\"b\"\n", "1/2:a,x|b");
    assert_records(S4D_LIST_CSV, "\"say \"\"hi\"\"\",b\n", "1/2:say \"hi\"|b");
    assert_records(S4D_LIST_CSV, "\"two\nlines\",b\nc,d\n", "1/2:two\nlines|b;3/2:c|d");
    assert_records(S4D_LIST_CSV, "\"\",\"\"", "1/2:|");
    assert_records(S4D_LIST_CSV, "a,\"open\nc,d\n", "1/2:a|open\nc,d\n!");
    assert_records(S4D_LIST_CSV, "\"a\"x,b\nc,d\n", "1/2:ax|b!;2/2:c|d");
    assert_records(S4D_LIST_CSV, "a\"b,c\n", "1/2:a\"b|c!");
    assert_records(S4D_LIST_CSV, "\"", "1/1:|!");
}

static void test_plain_lines(void **state)
{
    (void)state;
    assert_records(S4D_LIST_TEXT, "a b 1\r\nc  2 \nd\n", "1/2:a b|1;2/2:c|2;3/1:d|");
    assert_records(S4D_LIST_TEXT, " 1\n", "1/1:1|");
    assert_records(S4D_LIST_TEXT, " a b\t1 \n\tc\t \t2\n", "1/2:a b|1;2/2:c|2");
    assert_records(S4D_LIST_PATHS, "a b,\"c\r\n\nd", "1/1:a b,\"c|;3/1:d|");
}

/* ---- the manifest ---- */

static void put(const char *name, const char *text, size_t n)
{
    char path[S4D_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(s4d_file_write(path, text, n, NULL), S4D_OK);
}

static s4d_set_opts set_of(s4d_list_format format)
{
    s4d_set_opts o = {.format = format, .class_count = 2};
    snprintf(o.root, sizeof o.root, "%s", folder);
    strcpy(o.train, "list");
    strcpy(o.classes[0], "Happy");
    strcpy(o.classes[1], "fear");
    return o;
}

static void assert_sentence(const s4d_set_opts *o, const char *text, const char *want)
{
    s4d_manifest m;
    s4d_err err = {0};
    char sentence[2048];
    put("list", text, strlen(text));
    assert_int_equal(s4d_manifest_read(o, S4D_LIST_TRAIN, S4D_BAD_FAIL, &m, &err), S4D_FAILED);
    snprintf(sentence, sizeof sentence, "%s/list: %s", folder, want);
    assert_string_equal(err.text, sentence);
    assert_true(m.count == 0 && m.sample == NULL);
}

static void test_sentences(void **state)
{
    (void)state;
    s4d_set_opts o = set_of(S4D_LIST_TEXT);
    assert_sentence(&o, "a.jpg 0\na.jpg 9\na.jpg\na.jpg x\na.jpg 1\nnone.jpg 1\n",
                    "line 2: label 9 is not in 0..1 (and 3 more faulty lines); correct the list, "
                    "or the settings classes and first_label");
    assert_sentence(&o, "a.jpg 0\na.jpg\n a.jpg\n",
                    "line 2: no label follows the path \"a.jpg\" (and 1 more faulty line); correct "
                    "the list");
    assert_sentence(
        &o, "a.jpg 99999999999999999999\n",
        "line 1: label \"99999999999999999999\" is not a whole number; correct the list");
    assert_sentence(&o, "a.jpg 0\ra.jpg 1\r",
                    "the lines end in a carriage return alone; save the list with line feeds");
    assert_sentence(&o, "\n\n",
                    "the list is empty; add samples, or leave the list out of the settings");
    o = set_of(S4D_LIST_MANIFEST);
    assert_sentence(&o, "path,label\na.jpg,fear\na.jpg,rage\n",
                    "line 3: \"rage\" is none of the classes Happy, fear; correct the list, or the "
                    "setting classes");
    assert_sentence(&o, "name,label\n",
                    "line 1: \"name\" is no column; a manifest's columns are path, label, split, fold, subject, start "
                    "and end");
    o = set_of(S4D_LIST_CSV);
    assert_sentence(&o, "a.jpg,1\n",
                    "line 1: a header of two columns, such as \"path,label\", must stand here, not "
                    "\"a.jpg\" with 2 columns; write one, or set the format the list has");
    assert_sentence(&o, "path,id\n,1\n", "line 2: the path is empty; correct the list");
    assert_sentence(&o, "path,id\na.jpg,1,2\n",
                    "line 2: 3 columns where 2 are expected; correct the list");
}

static void test_zeros_and_suffix(void **state)
{
    (void)state;
    static const struct {
        const char *id, *suffix, *path;
        int zeros;
    } sample[] = {
        {"7", ".mp4", "007.mp4", 3},   {"1234", ".mp4", "1234.mp4", 3},
        {"a7", ".mp4", "a7.mp4", 3},   {"7", "", "7", 0},
        {"7.mp4", ".mp4", "7.mp4", 3}, {"train_1.jpg", "_aligned.jpg", "train_1_aligned.jpg", 0},
        {"x.JPG", ".jpg", "x.JPG", 0}, {"x.png", ".jpg", "x.png.jpg", 0}};
    for (size_t i = 0; i < sizeof sample / sizeof sample[0]; i++) {
        s4d_set_opts o = set_of(S4D_LIST_TEXT);
        s4d_manifest m;
        char line[64], path[S4D_PATH_MAX];
        o.zero_pad = sample[i].zeros;
        strcpy(o.suffix, sample[i].suffix);
        snprintf(line, sizeof line, "%s 1\n", sample[i].id);
        snprintf(path, sizeof path, "%s/%s", folder, sample[i].path);
        put("list", line, strlen(line));
        assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_SKIP, &m, NULL), S4D_OK);
        assert_string_equal(m.sample[0].id, sample[i].id);
        assert_string_equal(m.sample[0].path, path);
        s4d_manifest_release(&m);
    }
}

static void test_classes_are_told_by_one_spelling(void **state)
{
    (void)state;
    s4d_set_opts o = set_of(S4D_LIST_TEXT);
    s4d_manifest m;
    s4d_err err = {0};
    put("list", "a.jpg 0\n", 8);
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_FAIL, &m, &err), S4D_OK);
    assert_int_equal(m.class_count, 2);
    assert_string_equal(m.classes[0], "happiness");
    s4d_manifest_release(&m);
    strcpy(o.classes[1], "Happiness");
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_FAIL, &m, &err), S4D_USAGE);
    assert_non_null(strstr(err.text, "one class"));
}

static void test_labels_without_classes_are_not_read(void **state)
{
    (void)state;
    s4d_set_opts o = set_of(S4D_LIST_CSV);
    s4d_manifest m;
    o.class_count = 0;
    put("list", "path,id\na.jpg,17\n", 17);
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_FAIL, &m, NULL), S4D_OK);
    assert_int_equal(m.sample[0].label, -1);
    s4d_manifest_release(&m);
}

static void test_what_is_no_list(void **state)
{
    (void)state;
    s4d_set_opts o = set_of(S4D_LIST_TEXT);
    s4d_manifest m;
    s4d_err err = {0};
    put("list",
        "\xFF\xFE"
        "a\0 \0"
        "1\0",
        8); /* UTF-16 */
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_FAIL, &m, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "not plain text"));
    strcpy(o.train, "absent");
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_SKIP, &m, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "absent"));
}

static void test_long_paths(void **state)
{
    (void)state;
    s4d_set_opts o = set_of(S4D_LIST_PATHS);
    s4d_manifest m;
    s4d_err err = {0};
    char line[S4D_PATH_MAX];
    memset(line, 'p', sizeof line);
    put("list", line, sizeof line);
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_SKIP, &m, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "line 1: the path ppp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comma_separated),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_plain_lines),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_zeros_and_suffix),
        cmocka_unit_test(test_classes_are_told_by_one_spelling),
        cmocka_unit_test(test_labels_without_classes_are_not_read),
        cmocka_unit_test(test_what_is_no_list),
        cmocka_unit_test(test_long_paths),
    };
    if (!mkdtemp(folder)) {
        return 1;
    }
    put("a.jpg", "x", 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return s4d_dir_remove(folder, NULL) == S4D_OK ? failed : 1;
}
