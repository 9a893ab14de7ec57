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

#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/data/list.h"
#include "s4d/data/manifest.h"

static char folder[] = "/tmp/s4d-list-XXXXXX";

/* Every record as "LINE/COLUMNS:first|second" with "!" where its form is faulty, joined by ";". The text is on the heap, so that
 * a step outside is seen. */
static void assert_bytes(s4d_list_cut cut, const char *text, size_t size, const char *want)
{
    s4d_list list;
    s4d_record r;
    s4d_err err = {0};
    s4d_str got = {0};
    s4d_bytes bytes = {.data = s4d_mem_alloc(size + 1, 1), .size = size};
    assert_non_null(bytes.data);
    memcpy(bytes.data, text, size);
    if (s4d_list_take(&bytes, &list, &err) != S4D_OK) {
        assert_string_equal(err.text, want);
        return;
    }
    s4d_list_begin(&list, cut);
    while (s4d_list_next(&list, &r)) {
        s4d_str_printf(&got, "%s%ld/%d:%s|%s%s", got.size ? ";" : "", r.line, r.columns, r.field[0], r.field[1], r.fault ? "!" : "");
    }
    assert_string_equal(got.text ? got.text : "", want);
    s4d_str_release(&got);
    s4d_list_release(&list);
}

static void assert_records(s4d_list_cut cut, const char *text, const char *want)
{
    assert_bytes(cut, text, strlen(text), want);
}

static void test_comma_separated(void **state)
{
    (void)state;
    assert_records(S4D_CUT_FIELDS, "", "");
    assert_records(S4D_CUT_FIELDS, "\n\r\n  \n", "");
    assert_records(S4D_CUT_FIELDS, "a,b", "1/2:a|b");
    assert_records(S4D_CUT_FIELDS, "a,b\r\nc,d\r\n", "1/2:a|b;2/2:c|d");
    assert_records(S4D_CUT_FIELDS, "a,b\n\nc,d\n", "1/2:a|b;3/2:c|d");
    assert_records(S4D_CUT_FIELDS, "a,\n,b\n,\n", "1/2:a|;2/2:|b;3/2:|");
    assert_records(S4D_CUT_FIELDS, "a\na,b,c,d\n", "1/1:a|;2/4:a|b");
    assert_records(S4D_CUT_FIELDS, " a b ,\tc \n\" a \",b\n", "1/2:a b|c;2/2: a |b");
    assert_records(S4D_CUT_FIELDS,
                   "\xEF\xBB\xBF"
                   "a,b\n",
                   "1/2:a|b");
}

static void test_quotes(void **state)
{
    (void)state;
    assert_records(S4D_CUT_FIELDS, "\"a,x\",\"b\"\n", "1/2:a,x|b");
    assert_records(S4D_CUT_FIELDS, "\"say \"\"hi\"\"\",b\n", "1/2:say \"hi\"|b");
    assert_records(S4D_CUT_FIELDS, "\"two\nlines\",b\nc,d\n", "1/2:two\nlines|b;3/2:c|d");
    assert_records(S4D_CUT_FIELDS, "\"\",\"\"", "1/2:|");
    assert_records(S4D_CUT_FIELDS, "a,\"open\nc,d\n", "1/2:a|open\nc,d\n!");
    assert_records(S4D_CUT_FIELDS, "\"a\"x,b\nc,d\n", "1/2:a|b!;2/2:c|d");
    assert_records(S4D_CUT_FIELDS, "a\"b,c\n", "1/2:a\"b|c"); /* as other readers take it */
    assert_records(S4D_CUT_FIELDS, "a, \"b,c\" \n", "1/2:a|b,c");
    assert_records(S4D_CUT_FIELDS, "\"", "1/1:|!");
}

static void test_plain_lines(void **state)
{
    (void)state;
    assert_records(S4D_CUT_LAST, "a b 1\r\nc  2 \nd\n", "1/2:a b|1;2/2:c|2;3/1:d|");
    assert_records(S4D_CUT_LAST, " 1\n", "1/1:1|");
    assert_records(S4D_CUT_LAST, " a b\t1 \n\tc\t \t2\n", "1/2:a b|1;2/2:c|2");
    assert_records(S4D_CUT_NONE, "a b,\"c\r\n\nd", "1/1:a b,\"c|;3/1:d|");
}

/* The dialects of spreadsheets and data frames: what the first line tells. */
static void test_dialects(void **state)
{
    (void)state;
    assert_records(S4D_CUT_FIELDS, "path;label\na,b.png;happy\n", "1/2:path|label;2/2:a,b.png|happy");
    assert_records(S4D_CUT_FIELDS, "path\tlabel\n a b \t c\n\td\n", "1/2:path|label;2/2:a b|c;3/2:|d");
    assert_records(S4D_CUT_FIELDS, "Path | Label\na|c\n", "1/2:Path|Label;2/2:a|c");
    assert_records(S4D_CUT_FIELDS, "sep=;\r\npath;label\r\na;b\r\n", "2/2:path|label;3/2:a|b");
    assert_records(S4D_CUT_FIELDS, "\"sep=|\"\npath|x\n", "2/2:path|x");
    assert_records(S4D_CUT_FIELDS, "SEP=\t\nx,y\tz\n", "2/2:x,y|z");
    assert_records(S4D_CUT_FIELDS, "sep=\na,b\n", "1/1:sep=|;2/2:a|b");
    assert_records(S4D_CUT_FIELDS, "\"sep=", "1/1:sep=|!");
    assert_records(S4D_CUT_FIELDS, "a;b\n", "1/2:a|b");
    assert_records(S4D_CUT_FIELDS, "'path','label'\n'it''s, a.png','happy'\n", "1/2:path|label;2/2:it's, a.png|happy");
    assert_records(S4D_CUT_FIELDS, "path,label\n'a' , 'b'\n", "1/2:path|label;2/2:a|b");
    assert_records(S4D_CUT_FIELDS, "path,label\n'a',b\n", "1/2:path|label;2/2:'a'|b");
    assert_records(S4D_CUT_FIELDS, "a,b\rc,d\r", "1/2:a|b;2/2:c|d");
    assert_records(S4D_CUT_FIELDS, "a,b\r\r\nc,d\r\r\n", "1/2:a|b;2/2:c|d");
    assert_records(S4D_CUT_FIELDS, "a,b\n\x1A", "1/2:a|b");
    assert_records(S4D_CUT_LAST, "path,label\n1 2,3\n", "1/2:path|label;2/2:1 2|3");
    assert_records(S4D_CUT_LAST, "a.jpg,3\nb.jpg, 4\n", "1/2:a.jpg|3;2/2:b.jpg|4");
    assert_records(S4D_CUT_LAST, "a.jpg, 3\n", "1/2:a.jpg|3");
    assert_records(S4D_CUT_LAST, "x, 1.jpg 3\n", "1/2:x, 1.jpg|3");
    assert_records(S4D_CUT_LAST, "Crime/Angry/1,Angry\n", "1/2:Crime/Angry/1|Angry");
    assert_records(S4D_CUT_LAST, "a;b.jpg happy\n", "1/2:a;b.jpg|happy");
    assert_records(S4D_CUT_FIRST, "1.mp4 anger a man, angry\n2.mp4 fear\n3.mp4\n", "1/3:1.mp4|anger;2/2:2.mp4|fear;3/1:3.mp4|");
    assert_records(S4D_CUT_FIRST, "video_name,labels\n1,2\n", "1/2:video_name|labels;2/2:1|2");
    assert_records(S4D_CUT_FIRST, "\"", "1/1:\"|");
}

/* No-break and zero-width spaces, marks of direction and byte-order marks around fields. */
static void test_unseen(void **state)
{
    (void)state;
    assert_records(S4D_CUT_FIELDS, "path,label\n\xC2\xA0" "a b\xE2\x80\x8B,happy\xC2\xA0\xC2\xA0\n\xE2\x80\xAA" "c, \xEF\xBB\xBF" "d\n",
                   "1/2:path|label;2/2:a b|happy;3/2:c|d");
    assert_records(S4D_CUT_FIELDS, "a,\"b\xC2\xA0\"\xE3\x80\x80\n", "1/2:a|b\xC2\xA0");
    assert_records(S4D_CUT_LAST, "\xE2\x80\x8B" "a.jpg\xC2\xA0" "1\xC2\xA0\n\xC2\xA0\n", "1/2:a.jpg|1");
    assert_records(S4D_CUT_NONE, "\xC2\xA0" "a b\xE2\x80\x8F\n", "1/1:a b|");
}

static void test_encodings(void **state)
{
    (void)state;
    static const char no_text[] = "the list is not plain text; save it as UTF-8";
    static const char little[] = "\xFF\xFE" "a\0,\0\xE9\0\n\0", big[] = "\xFE\xFF" "\0a\0,\x9A\xD8\0\n", pair[] = "a\0,\0\x3D\xD8\x00\xDE\n\0";
    assert_bytes(S4D_CUT_FIELDS, little, sizeof little - 1, "1/2:a|\xC3\xA9");
    assert_bytes(S4D_CUT_FIELDS, little + 2, sizeof little - 3, "1/2:a|\xC3\xA9"); /* without its mark */
    assert_bytes(S4D_CUT_FIELDS, big, sizeof big - 1, "1/2:a|\xE9\xAB\x98");
    assert_bytes(S4D_CUT_FIELDS, pair, sizeof pair - 1, "1/2:a|\xF0\x9F\x98\x80");
    assert_bytes(S4D_CUT_FIELDS, "\xFF\xFE\x3D\xD8" "a\0", 6, no_text);
    assert_bytes(S4D_CUT_FIELDS, "\xFF\xFE\0\0a\0\0\0", 8, no_text);
    assert_bytes(S4D_CUT_FIELDS, "a,b\0", 4, no_text);
    assert_bytes(S4D_CUT_FIELDS, "PK\x03\x04 and more", 12,
                 "the file is a zip archive or an Excel workbook, not a text; unpack it, or save the sheet as \"CSV UTF-8\"");
    assert_bytes(S4D_CUT_FIELDS, "<!doctype HTML>", 15, "the file is a web page, not a list; download the file itself");
}

/* Every beginning and every damaged byte of a list ends well; sanitizers watch. */
static void test_damaged_lists_end_well(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF\"a\"\"b\" , 1\r\n\xB2\xBB,\"x\ny\",\r\n \xC2\xA0\t\nsep=;\nlast one 3\xE2\x80\x8B\n";
    for (size_t n = 0; n < sizeof text; n++) {
        for (int k = 0; k < 6; k++) {
            for (int cut = S4D_CUT_LAST; cut <= S4D_CUT_NONE; cut++) {
                size_t size = k < 5 ? sizeof text - 1 : n;
                s4d_bytes bytes = {.data = s4d_mem_alloc(size + 1, 1), .size = size};
                s4d_list list;
                s4d_record r;
                memcpy(bytes.data, text, size);
                if (k < 5 && n < size) {
                    bytes.data[n] = (unsigned char)"\",\n\r'"[k];
                }
                if (s4d_list_take(&bytes, &list, NULL) == S4D_OK) {
                    s4d_list_begin(&list, (s4d_list_cut)cut);
                    while (s4d_list_next(&list, &r)) {
                    }
                }
                s4d_list_release(&list);
            }
        }
    }
}

/* Names of columns in use, and what each is taken for. */
static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header, *want; /* "path label" as places, or the sentence */
        bool two;
    } c[] = {
        {"path,label", "0 1", false},
        {"label,path", "1 0", false},
        {"video_name,labels", "0 1", false},
        {"Image Name;EMOTION", "0 1", false},
        {"subDirectory_filePath,face_x,expression,valence", "0 2", false},
        {",path,label", "1 2", false},
        {"Unnamed: 0,file,class", "1 2", false},
        {"path,id", "0 1", false},
        {"id,label", "0 1", false},
        {"emotion,clip42", "1 0", false},
        {"name,path,label,class", "1 2", false},
        {"path,confidence", "0 -1", false},
        {"path,confidence", "0 1", true},
        {"order,annotation", "0 1", true},
        {"file,name,label", "line 1: the columns \"file\" and \"name\" may both be the path; name the one that is \"path\"", false},
        {"path,emotion,class", "line 1: the columns \"emotion\" and \"class\" may both be the label; name the one that is \"label\"", false},
        {"a/b.png,3", "line 1: a header such as \"path,label\" must stand here, not \"a/b.png\" with 2 columns; write one, or set the "
                      "format the list has", true},
        {"00017,3", "line 1: a header such as \"path,label\" must stand here, not \"00017\" with 2 columns; write one, or set the "
                    "format the list has", true},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        s4d_bytes bytes = {.data = (unsigned char *)s4d_mem_strdup(c[i].header), .size = strlen(c[i].header)};
        s4d_list list;
        s4d_record r;
        s4d_heads heads;
        s4d_err err = {0};
        char got[sizeof err.text];
        assert_int_equal(s4d_list_take(&bytes, &list, NULL), S4D_OK);
        s4d_list_begin(&list, S4D_CUT_FIELDS);
        assert_true(s4d_list_next(&list, &r));
        if (s4d_heads_read(&r, c[i].two, &heads, &err) == S4D_OK) {
            snprintf(got, sizeof got, "%d %d", heads.at[S4D_COLUMN_PATH], heads.at[S4D_COLUMN_LABEL]);
        } else {
            snprintf(got, sizeof got, "%s", err.text);
        }
        assert_string_equal(got, c[i].want);
        s4d_list_release(&list);
    }
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
                    "line 2: no label follows the path, in the line with \"a.jpg\" (and 1 more faulty line); correct "
                    "the list");
    assert_sentence(
        &o, "a.jpg 99999999999999999999\n",
        "line 1: label \"99999999999999999999\" is not a whole number; correct the list");
    assert_sentence(&o, "a.jpg rage\n", "line 1: label \"rage\" is not a whole number and no class; correct the list");
    assert_sentence(&o, "a.jpg 1\na.jpg 0 1\n",
                    "line 2: 3 columns or more, where a path and a label are expected, in the line with \"a.jpg 0\"; correct the list");
    assert_sentence(&o, "1 a.jpg\n",
                    "line 1: the label stands in front, where the path is expected, in the line with \"1\"; correct the list");
    assert_sentence(&o, "\n\n",
                    "the list is empty; add samples, or leave the list out of the settings");
    o = set_of(S4D_LIST_MANIFEST);
    assert_sentence(&o, "path,label\na.jpg,fear\na.jpg,rage\n",
                    "line 3: \"rage\" is none of the classes Happy, fear; correct the list, or the "
                    "setting classes");
    assert_sentence(&o, "path,label\na.jpg,0\na.jpg,03\na.jpg,2.0\n",
                    "line 2: label \"0\" is a number, but a manifest holds names of classes (and 2 more faulty lines); write names, "
                    "as \"s4d data index csv --classes TABLE\" does");
    assert_sentence(&o, "path,label\nfear,a.jpg\nfear,b/c\n",
                    "line 2: \"a.jpg\" stands under label and \"fear\" under path; the two are swapped, so name them the other way "
                    "round");
    assert_sentence(&o, "age,label,split\n",
                    "line 1: the column \"path\" is missing from the header; a manifest's columns are path, label, "
                    "split, fold, subject, start, end and content");
    o = set_of(S4D_LIST_CSV);
    assert_sentence(&o, "a.jpg,1\n",
                    "line 1: a header such as \"path,label\" must stand here, not \"a.jpg\" with 2 columns; write one, or set the "
                    "format the list has");
    assert_sentence(&o, "path,id\n,1\n", "line 2: the path is empty; correct the manifest");
    assert_sentence(&o, "path,id\na.jpg,1,2\n",
                    "line 2: 3 columns where the header has 2; a field that holds the separator stands in quotes; correct the "
                    "manifest");
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
    put("list", "a.jpg\0 1", 8);
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
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_unseen),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_damaged_lists_end_well),
        cmocka_unit_test(test_headers),
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
