/* The parts of the indexer that know no set: cutting foreign lists, forms of names, what names of lists say, the map. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/clip_name.h"
#include "dataset/index_job.h"

/* Every record as "line:field|field;", or with its fault. The text is on the heap, so that a step outside is seen. */
static const char *cut(const char *text, size_t size, index_cut how)
{
    static char out[1024];
    index_reader reader;
    index_record record;
    s4d_bytes bytes = {.data = malloc(size + 1), .size = size};
    out[0] = '\0';
    assert_non_null(bytes.data);
    memcpy(bytes.data, text, size);
    bytes.data[size] = '\0';
    index_reader_init(&reader, &bytes, how);
    while (index_reader_next(&reader, &record)) {
        char *at = out + strlen(out);
        at += sprintf(at, "%ld:", record.line);
        for (int i = 0; i < record.columns && i < INDEX_FIELDS; i++) {
            at += sprintf(at, "%s%s", i ? "|" : "", record.field[i]);
        }
        sprintf(at, "%s%s;", record.fault ? " FAULT " : "", record.fault ? record.fault : "");
    }
    free(bytes.data);
    return out;
}

static void check_cut(const char *text, index_cut how, const char *want)
{
    assert_string_equal(cut(text, strlen(text), how), want);
}

static void lists_are_cut(void **state)
{
    (void)state;
    check_cut("", INDEX_CUT_LAST, "");
    check_cut(" \n\r\n\t", INDEX_CUT_LAST, "");
    check_cut("\xEF\xBB\xBFpath,label\r\na , 1\r\n\r\nb,2", INDEX_CUT_LAST, "1:path|label;2:a|1;4:b|2;");
    check_cut("a 1\rb 2\r", INDEX_CUT_LAST, "1:a|1;2:b|2;");
    check_cut("\n my  clip.mp4 \t 3 \nb\n", INDEX_CUT_LAST, "2:my  clip.mp4|3;3:b;");
    check_cut("\"a, \"\"b\"\"\",1\n\"x\ny\" ,2\nlast,3", INDEX_CUT_LAST, "1:a, \"b\"|1;2:x\ny|2;4:last|3;");
    check_cut("a,,\n,\n", INDEX_CUT_LAST, "1:a||;2:|;");
    check_cut("a,\"b", INDEX_CUT_LAST, "1:a|b FAULT a quote is not closed before the end of the file;");
    check_cut("\"", INDEX_CUT_FIRST, "1:\";");
    check_cut(",\"", INDEX_CUT_LAST, "1:| FAULT a quote is not closed before the end of the file;");
    check_cut("a,\"b\"c,d\ne,f,g\n", INDEX_CUT_LAST, "1:a|b|d FAULT text follows the quote that ends a field;2:e|f|g;");
    check_cut("1.mp4 anger a man, angry\n2.mp4 fear\n3.mp4\n", INDEX_CUT_FIRST, "1:1.mp4|anger|a man, angry;2:2.mp4|fear;3:3.mp4;");
    check_cut("video_name,labels\n1,2\n", INDEX_CUT_FIRST, "1:video_name|labels;2:1|2;");
    check_cut("a,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\nb,1\n", INDEX_CUT_LAST,
              "1:a|1|2|3|4|5|6|7|8|9|10|11|12|13|14|15;2:b|1;");
}

/* Every beginning and every damaged byte of a list ends well; sanitizers watch. */
static void damaged_lists_end_well(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF\"a\"\"b\" , 1\r\n\xB2\xBB,\"x\ny\",\r\n \t\nlast one 3\n";
    char copy[sizeof text];
    for (size_t n = 0; n < sizeof text; n++) {
        cut(text, n, INDEX_CUT_LAST);
        cut(text, n, INDEX_CUT_FIRST);
        for (int c = 0; c < 4 && n + 1 < sizeof text; c++) {
            memcpy(copy, text, sizeof text);
            copy[n] = "\",\n\r"[c];
            cut(copy, sizeof text - 1, INDEX_CUT_LAST);
            cut(copy, sizeof text - 1, INDEX_CUT_FIRST);
        }
    }
}

static void numbers(void **state)
{
    (void)state;
    long n = 7;
    assert_true(index_number("0", &n) && n == 0);
    assert_true(index_number("-1", &n) && n == -1);
    assert_true(index_number("0012", &n) && n == 12);
    static const char *const others[] = {"", " 1", "1 ", "+1", "1.0", "-", "x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(index_number(others[i], &n));
    }
}

static void names_are_brought_to_one_form(void **state)
{
    (void)state;
    static const char *const pair[][2] = {
        {"a/b/00012.MP4", "a/b/12"}, {"12", "12"},          {"a/0", "a/0"},       {"000", "0"},
        {"0a", "0a"},                {"x.jpg", "x"},        {"v1.2", "v1.2"},     {"a.b/c", "a.b/c"},
        {"train_00001_aligned.jpg", "train_00001"},         {"_aligned", "_aligned"}, {"01_aligned.jpg", "1"},
        {"010.jpg", "10"}};
    s4d_str key = {0};
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        assert_true(index_key(pair[i][0], true, &key));
        assert_string_equal(key.text, pair[i][1]);
        assert_true(index_key(pair[i][0], false, &key));
        assert_string_equal(key.text, s4d_path_name(pair[i][1]));
    }
    s4d_str_release(&key);
}

static void paths_have_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *path, *want;
        bool up;
    } c[] = {{"a/b.mp4", "a/b.mp4", false}, {"./a//b.mp4", "a/b.mp4", false}, {"a/./b/", "a/b", false},
             {"a/../b", "b", true},         {"a/b/../../c", "c", true},       {"../a", "../a", false},
             {"../../a", "../../a", false}, {"../a/../b", "../b", true},      {"a/../../b", "../b", true},
             {"/a/../b", "/b", true},       {"/../b", "/b", true},            {"/a/b/..", "/a", true},
             {"a/..", "", true},            {"..a/b..", "..a/b..", false},    {"a../../b", "b", true},
             {"/a/..", "/", true},          {"", "", false},                  {"..", "..", false}};
    char name[S4D_PATH_MAX];
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        bool up;
        assert_int_equal(clip_name(name, c[i].path, &up, NULL), S4D_OK);
        assert_string_equal(name, c[i].want);
        assert_int_equal(up, c[i].up);
    }
}

static void names_of_lists(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        index_role role;
        int fold;
    } list[] = {{"train_set_1.csv", INDEX_TRAIN, 1},
                {"EmoLabel_DataSplit/test(single-labeled)/set_5.csv", INDEX_TEST, 5},
                {"Train & Test Set/single/no_caption/set_3/train.txt", INDEX_TRAIN, 3},
                {"single/split02/val.csv", INDEX_VAL, 2},
                {"fold-10/Testing.csv", INDEX_TEST, 10},
                {"a/training.csv", INDEX_TRAIN, 0},
                {"test/train.csv", INDEX_TRAIN, 0},
                {"train_test.csv", INDEX_ANY, 0},
                {"constraint.csv", INDEX_ANY, 0},
                {"my set/2 train.csv", INDEX_TRAIN, 0},
                {"dfew.csv", INDEX_ANY, 0},
                {"train.d/list", INDEX_TRAIN, 0}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        index_role role;
        int fold;
        index_read_name(list[i].path, &role, &fold);
        if (role != list[i].role || fold != list[i].fold) {
            fail_msg("%s: role %d, fold %d", list[i].path, role, fold);
        }
    }
}

static void the_map_keeps_all(void **state)
{
    (void)state;
    index_map map = {0};
    char key[32];
    assert_int_equal(index_map_get(&map, "0"), -1);
    for (long i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "%ld", i);
        assert_true(index_map_put(&map, key, i));
        assert_true(index_map_put(&map, key, i + 1));
    }
    for (long i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "%ld", i);
        assert_int_equal(index_map_get(&map, key), i + 1);
    }
    assert_int_equal(index_map_get(&map, "5000"), -1);
    assert_int_equal(map.count, 5000);
    index_map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_cut),  cmocka_unit_test(damaged_lists_end_well),
        cmocka_unit_test(numbers),        cmocka_unit_test(names_are_brought_to_one_form),
        cmocka_unit_test(names_of_lists),
        cmocka_unit_test(paths_have_one_spelling), cmocka_unit_test(the_map_keeps_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
