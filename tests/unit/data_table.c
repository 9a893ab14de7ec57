/* Manifests as tables: columns in any order, what is refused, round trips, and which rows a run takes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/file.h"
#include "s4d/data/manifest.h"
#include "s4d/data/table.h"

static char folder[64], path[S4D_PATH_MAX];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/s4d-table-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/list", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return s4d_dir_remove(folder, NULL) == S4D_OK ? 0 : -1;
}

static void put(const char *text)
{
    assert_int_equal(s4d_file_write(path, text, strlen(text), NULL), S4D_OK);
}

static s4d_table table_of(const char *text)
{
    s4d_table t;
    s4d_err err = {0};
    put(text);
    if (s4d_table_read(path, &t, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return t;
}

static void refused(const char *text, const char *want)
{
    s4d_table t;
    s4d_err err = {0};
    char sentence[S4D_PATH_MAX + 1024];
    put(text);
    assert_int_equal(s4d_table_read(path, &t, &err), S4D_FAILED);
    snprintf(sentence, sizeof sentence, "%s: %s", path, want);
    assert_string_equal(err.text, sentence);
    assert_true(t.count == 0 && t.row == NULL);
}

static void columns_in_any_order(void **state)
{
    (void)state;
    s4d_table t = table_of("label , path,fold,end,split,subject,start,content\n"
                           "fear,\" a,b.mp4 \",3,2.5,train,s7,0.25,0123456789abcdef0123456789ABCDEF\n"
                           ",c.mp4,,,,,,\n");
    assert_int_equal(t.count, 2);
    assert_string_equal(t.row[0].path, " a,b.mp4 ");
    assert_string_equal(t.row[0].label, "fear");
    assert_string_equal(t.row[0].split, "train");
    assert_string_equal(t.row[0].subject, "s7");
    assert_int_equal(t.row[0].fold, 3);
    assert_true(t.row[0].start == 0.25 && t.row[0].end == 2.5);
    assert_int_equal(t.row[0].line, 2);
    assert_string_equal(t.row[0].content, "0123456789abcdef0123456789ABCDEF");
    assert_string_equal(t.row[1].content, "");
    assert_string_equal(t.row[1].label, "");
    assert_int_equal(t.row[1].fold, 0);
    assert_true(t.row[1].start == 0 && isinf(t.row[1].end));
    for (int c = 0; c < S4D_COLUMNS; c++) {
        assert_true(t.has[c]);
    }
    s4d_table_release(&t);
}

static void written_tables_come_back(void **state)
{
    (void)state;
    s4d_table t = table_of("path,label,fold,start,end\n\"say \"\"hi\"\", \",fear,1,0.1,7\nb,anger,,,\n");
    s4d_err err = {0};
    assert_int_equal(s4d_table_write(path, &t, &err), S4D_OK);
    s4d_table again;
    assert_int_equal(s4d_table_read(path, &again, &err), S4D_OK);
    assert_int_equal(again.count, t.count);
    assert_memory_equal(again.has, t.has, sizeof t.has);
    for (size_t i = 0; i < t.count; i++) {
        assert_string_equal(again.row[i].path, t.row[i].path);
        assert_string_equal(again.row[i].label, t.row[i].label);
        assert_int_equal(again.row[i].fold, t.row[i].fold);
        assert_true(again.row[i].start == t.row[i].start && again.row[i].end == t.row[i].end);
    }
    assert_string_equal(again.row[0].path, "say \"hi\", ");
    s4d_table_release(&t);
    s4d_table_release(&again);
}

static void times_are_written_as_they_were(void **state)
{
    (void)state;
    static const char text[] = "path,start,end\na,1000000.123456,1000000.12345678\nb,0.1,0.30000000000000004\nc,,7.25\n"
                               "d,0.000123456789012345,4503599627370495.5\n";
    s4d_table t = table_of(text);
    s4d_bytes written = {0};
    assert_int_equal(s4d_table_write(path, &t, NULL), S4D_OK);
    assert_int_equal(s4d_file_read(path, 0, &written, NULL), S4D_OK);
    assert_int_equal(written.size, strlen(text));
    assert_memory_equal(written.data, text, written.size);
    s4d_bytes_release(&written);
    s4d_table_release(&t);
}

static void faults_are_told(void **state)
{
    (void)state;
    static const char all[] = "a manifest's columns are path, label, split, fold, subject, start, end and content";
    char text[256];
    snprintf(text, sizeof text, "line 1: \"lable\" is no column; did you mean label? %s", all);
    refused("path,lable\n", text);
    refused("path,label,path\n", "line 1: the column \"path\" stands there twice; keep one");
    snprintf(text, sizeof text, "line 1: the column \"path\" is missing from the header; %s", all);
    refused("label,split\n", text);
    refused("", "the list is empty; a manifest begins with a header such as path,label");
    refused("path,fold\na,0\nb,x\nc,1001\nd,2\n",
            "line 2: fold \"0\" is not a whole number from 1 to 1000 (and 2 more faulty lines); correct the manifest");
    refused("path,split\na,dev\n", "line 2: split \"dev\" is none of train, test and val; correct the manifest");
    refused("path,start,end\na,2,1\nb,-1,\n",
            "line 2: start 2 is not before end 1 (and 1 more faulty line); correct the manifest");
    refused("path,start\na,nan\n", "line 2: start \"nan\" is not a number of seconds; correct the manifest");
    static const char *const no_time[] = {"inf", "0x10", "0x1p3", "INFINITY", "nan(1)", "1e", "1e999", "1,", "-", "1-2"};
    for (size_t i = 0; i < sizeof no_time / sizeof *no_time; i++) {
        char list[64];
        snprintf(list, sizeof list, "path,end\na,\"%s\"\n", no_time[i]);
        snprintf(text, sizeof text, "line 2: end \"%s\" is not a number of seconds; correct the manifest", no_time[i]);
        refused(list, text);
    }
    refused("path,label\na\n", "line 2: 1 columns where the header has 2; correct the manifest");
    refused("path,label\n,fear\n", "line 2: the path is empty; correct the manifest");
}

static s4d_set_opts set_of(int fold)
{
    s4d_set_opts o = {.format = S4D_LIST_MANIFEST, .class_count = 2, .fold = fold, .train = "list", .test = "list"};
    snprintf(o.root, sizeof o.root, "%s", folder);
    strcpy(o.classes[0], "anger");
    strcpy(o.classes[1], "fear");
    return o;
}

/* The ids that a role takes, in one word, or the sentence. */
static const char *taken(const s4d_set_opts *o, s4d_list_role role)
{
    static char word[1024];
    s4d_manifest m;
    s4d_err err = {0};
    word[0] = '\0';
    if (s4d_manifest_read(o, role, S4D_BAD_SKIP, &m, &err) != S4D_OK) {
        snprintf(word, sizeof word, "%s", err.text);
        return word;
    }
    for (size_t i = 0; i < m.count; i++) {
        strcat(word, m.sample[i].id);
    }
    s4d_manifest_release(&m);
    return word;
}

static void runs_take_their_rows(void **state)
{
    (void)state;
    put("path,label,split\na,fear,train\nb,Angry,test\nc,fear,val\nd,fear,\n");
    s4d_set_opts o = set_of(0);
    assert_string_equal(taken(&o, S4D_LIST_TRAIN), "ad");
    assert_string_equal(taken(&o, S4D_LIST_TEST), "bd");
    put("path,label,fold\na,fear,1\nb,anger,2\nc,fear,2\nd,anger,3\n");
    o = set_of(2);
    assert_string_equal(taken(&o, S4D_LIST_TRAIN), "ad");
    assert_string_equal(taken(&o, S4D_LIST_TEST), "bc");
    o = set_of(4);
    assert_non_null(strstr(taken(&o, S4D_LIST_TEST), "no line of the manifest is for testing in this fold"));
    o = set_of(0);
    assert_non_null(strstr(taken(&o, S4D_LIST_TRAIN), "has folds"));
    o.class_count = 0; /* pre-training takes them all */
    assert_string_equal(taken(&o, S4D_LIST_TRAIN), "abcd");
    put("path,label\na,fear\n");
    o = set_of(1);
    assert_non_null(strstr(taken(&o, S4D_LIST_TRAIN), "no column \"fold\""));
    put("path\na\n");
    o = set_of(0);
    assert_non_null(strstr(taken(&o, S4D_LIST_TRAIN), "no column \"label\""));
}

static void parts_have_names_of_their_own(void **state)
{
    (void)state;
    put("path,label,start,end,subject\na,fear,0.5,2,x\na,fear,2,,x\na,fear,,1.25,\nb,fear,,,\n");
    s4d_set_opts o = set_of(0);
    assert_string_equal(taken(&o, S4D_LIST_TRAIN), "a@0.5-2a@2-a@0-1.25b");
}

static void lists_of_a_fold(void **state)
{
    (void)state;
    put("name,label\na,0\n");
    s4d_set_opts o = set_of(3);
    o.format = S4D_LIST_CSV;
    strcpy(o.train, "li{fold}st");
    assert_non_null(strstr(taken(&o, S4D_LIST_TRAIN), "/li3st"));
    o.fold = 0;
    assert_non_null(strstr(taken(&o, S4D_LIST_TRAIN), "li{fold}st: stands for a fold's list"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_in_any_order), cmocka_unit_test(written_tables_come_back),
        cmocka_unit_test(times_are_written_as_they_were),
        cmocka_unit_test(faults_are_told),      cmocka_unit_test(runs_take_their_rows),
        cmocka_unit_test(lists_of_a_fold),   cmocka_unit_test(parts_have_names_of_their_own),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
