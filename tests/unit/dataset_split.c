/* Dividing a manifest: balance, people kept whole, the same result from the same rows, and what is impossible. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/base/rng.h"
#include "s4d/dataset/split.h"
#include "s4d/dataset/stats.h"

static const char *const LABELS[] = {"anger", "fear", "happiness", ""};

/* n rows of classes in unequal shares, some without a label, and of people in unequal shares where people > 0. */
static s4d_table table_of(int n, int people)
{
    s4d_table t = {.has = {true, true}};
    s4d_rng rng = s4d_rng_make(4, S4D_RNG_TEST, 0, 0);
    for (int i = 0; i < n; i++) {
        char path[32], subject[32] = "";
        double u = s4d_rng_uniform(&rng);
        snprintf(path, sizeof path, "clip_%04d", i);
        if (people > 0) {
            snprintf(subject, sizeof subject, "person %d", (int)(u * u * people));
        }
        uint32_t label = s4d_rng_below(&rng, 10);
        s4d_row row = {.path = path,
                       .label = (char *)LABELS[label < 5   ? 0
                                               : label < 8 ? 1
                                               : label < 9 ? 2
                                                           : 3],
                       .subject = subject,
                       .end = INFINITY,
                       .line = i + 2};
        assert_int_equal(s4d_table_add(&t, &row, NULL), S4D_OK);
    }
    return t;
}

static s4d_split_result divide(s4d_table *t, const s4d_split_opts *o)
{
    s4d_split_result result;
    s4d_err err = {0};
    if (s4d_split_table(t, o, &result, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return result;
}

static void refused(s4d_table *t, const s4d_split_opts *o, const char *want)
{
    s4d_split_result result;
    s4d_err err = {0};
    assert_int_equal(s4d_split_table(t, o, &result, &err), S4D_FAILED);
    assert_string_equal(err.text, want);
}

static void folds_are_balanced(void **state)
{
    (void)state;
    for (int folds = 2; folds <= 10; folds += 4) {
        s4d_table t = table_of(503, 0);
        s4d_split_opts o = {.folds = folds, .seed = 7};
        s4d_split_result result = divide(&t, &o);
        s4d_stats s;
        assert_false(result.by_subject);
        assert_int_equal(result.groups, 503);
        assert_true(t.has[S4D_COLUMN_FOLD] && !t.has[S4D_COLUMN_SPLIT]);
        assert_int_equal(s4d_stats_make(&t, &s, NULL), S4D_OK);
        assert_int_equal(s.groups, folds);
        for (int c = 0; c <= s.classes.count; c++) {
            size_t least = SIZE_MAX, most = 0;
            for (size_t g = 0; g < s.groups; g++) {
                size_t n = c < s.classes.count ? s.group[g].per_class[c] : s.group[g].samples;
                least = n < least ? n : least;
                most = n > most ? n : most;
            }
            assert_in_range(most - least, 0, 1);
            assert_true(least > 0);
        }
        s4d_stats_release(&s);
        s4d_table_release(&t);
    }
}

static void a_share_is_met(void **state)
{
    (void)state;
    s4d_table t = table_of(503, 0);
    s4d_split_opts o = {.test_share = 0.2, .seed = 7};
    s4d_stats s;
    divide(&t, &o);
    assert_int_equal(s4d_stats_make(&t, &s, NULL), S4D_OK);
    assert_int_equal(s.groups, 2);
    assert_string_equal(s.group[1].split, "test");
    for (int c = 0; c < s.classes.count; c++) {
        assert_true(fabs((double)s.group[1].per_class[c] - 0.2 * (double)s.per_class[c]) < 1);
    }
    assert_true(fabs((double)s.group[1].samples - 0.2 * 503) <= 1);
    s4d_stats_release(&s);
    s4d_table_release(&t);
}

static void people_are_kept_whole(void **state)
{
    (void)state;
    s4d_table t = table_of(900, 60);
    for (int share = 0; share < 2; share++) {
        s4d_split_opts o = {.folds = share ? 0 : 5, .test_share = share ? 0.25 : 0, .seed = 3, .replace = true};
        s4d_split_result result = divide(&t, &o);
        assert_true(result.by_subject);
        assert_in_range(result.groups, 40, 60);
        for (size_t i = 0; i < t.count; i++) {
            for (size_t k = 0; k < i; k++) {
                if (strcmp(t.row[i].subject, t.row[k].subject) == 0) {
                    assert_int_equal(t.row[i].fold, t.row[k].fold);
                    assert_string_equal(t.row[i].split, t.row[k].split);
                }
            }
        }
        s4d_stats s;
        assert_int_equal(s4d_stats_make(&t, &s, NULL), S4D_OK);
        assert_int_equal(s.groups, share ? 2 : 5);
        for (size_t g = 0; g < s.groups; g++) {
            double wanted = share ? (g == 0 ? 0.75 : 0.25) : 0.2;
            assert_true(fabs((double)s.group[g].samples / 900 - wanted) < 0.03);
            for (int c = 0; c < s.classes.count; c++) {
                assert_true(fabs((double)s.group[g].per_class[c] / (double)s.per_class[c] - wanted) < 0.06);
            }
        }
        s4d_stats_release(&s);
    }
    s4d_table_release(&t);
}

static void rows_in_another_order(void **state)
{
    (void)state;
    for (int people = 0; people <= 30; people += 30) {
        s4d_table t = table_of(200, people), same = table_of(200, people), turned = {0}, other = table_of(200, people);
        s4d_split_opts o = {.folds = 4, .seed = 11}, seed = {.folds = 4, .seed = 12};
        for (size_t i = t.count; i-- > 0;) {
            s4d_row row = t.row[i];
            row.line = (long)(t.count - i) + 1;
            assert_int_equal(s4d_table_add(&turned, &row, NULL), S4D_OK);
        }
        divide(&t, &o);
        divide(&same, &o);
        divide(&turned, &o);
        divide(&other, &seed);
        int different = 0;
        for (size_t i = 0; i < t.count; i++) {
            assert_int_equal(t.row[i].fold, same.row[i].fold);
            assert_int_equal(t.row[i].fold, turned.row[t.count - 1 - i].fold);
            different += t.row[i].fold != other.row[i].fold;
        }
        assert_in_range(different, 50, 200);
        s4d_table_release(&t);
        s4d_table_release(&same);
        s4d_table_release(&turned);
        s4d_table_release(&other);
    }
}

static void one_path_stays_together(void **state)
{
    (void)state;
    s4d_table t = {0};
    for (int i = 0; i < 40; i++) {
        char path[32], subject[32];
        snprintf(path, sizeof path, "video_%d", i / 4);
        snprintf(subject, sizeof subject, "s%d", i);
        s4d_row row = {.path = path, .label = "fear", .subject = subject, .start = i, .end = i + 1, .line = i + 2};
        assert_int_equal(s4d_table_add(&t, &row, NULL), S4D_OK);
    }
    for (int by = S4D_SPLIT_AUTO; by <= S4D_SPLIT_SAMPLE; by++) {
        s4d_split_opts o = {.folds = 5, .by = (s4d_split_by)by, .replace = true};
        s4d_split_result result = divide(&t, &o);
        assert_int_equal(result.groups, 10);
        assert_int_equal(result.by_subject, by != S4D_SPLIT_SAMPLE);
        for (size_t i = 0; i < t.count; i++) {
            assert_int_equal(t.row[i].fold, t.row[i - i % 4].fold);
        }
    }
    s4d_table_release(&t);
}

static void spellings_of_one_path_stay_together(void **state)
{
    (void)state;
    static const char *const spelling[] = {"a/%d.mp4", "./a/%d.mp4", "a//%d.mp4", "b/../a/./%d.mp4"};
    s4d_table t = {0};
    for (int i = 0; i < 80; i++) {
        char path[32];
        snprintf(path, sizeof path, spelling[i / 20], i % 20);
        s4d_row row = {.path = path, .label = "fear", .end = INFINITY, .line = i + 2};
        assert_int_equal(s4d_table_add(&t, &row, NULL), S4D_OK);
    }
    s4d_split_opts o = {.folds = 5};
    assert_int_equal(divide(&t, &o).groups, 20);
    for (size_t i = 20; i < t.count; i++) {
        assert_int_equal(t.row[i].fold, t.row[i % 20].fold);
    }
    assert_string_equal(t.row[20].path, "./a/0.mp4"); /* the rest of a row stays as it was */
    s4d_table_release(&t);
}

static void every_side_gets_something(void **state)
{
    (void)state;
    s4d_table t = {0};
    for (int i = 0; i < 20; i++) {
        char path[32];
        snprintf(path, sizeof path, "clip_%d", i);
        s4d_row row = {.path = path, .label = "fear", .subject = i < 10 ? "a" : "b", .end = INFINITY, .line = i + 2};
        assert_int_equal(s4d_table_add(&t, &row, NULL), S4D_OK);
    }
    s4d_split_opts o = {.test_share = 0.1};
    divide(&t, &o);
    assert_string_not_equal(t.row[0].split, t.row[10].split);
    s4d_table_release(&t);
}

/* Rows of (label, subject), each a file of its own. */
static s4d_table table_from(const char *const (*row)[2], int n)
{
    s4d_table t = {0};
    for (int i = 0; i < n; i++) {
        char path[32];
        snprintf(path, sizeof path, "clip_%d", i);
        s4d_row r = {.path = path, .label = (char *)row[i][0], .subject = (char *)row[i][1], .end = INFINITY, .line = i + 2};
        assert_int_equal(s4d_table_add(&t, &r, NULL), S4D_OK);
    }
    return t;
}

static int rows_in(const s4d_table *t, const char *label, const char *split)
{
    int n = 0;
    for (size_t i = 0; i < t->count; i++) {
        n += strcmp(t->row[i].label, label) == 0 && strcmp(t->row[i].split, split) == 0;
    }
    return n;
}

/* A class's only sample is trained on, whatever the seed and the share; classes with more are on both sides. */
static void the_only_sample_is_trained_on(void **state)
{
    (void)state;
    static const char *const row[][2] = {{"anger", ""}, {"disgust", ""}, {"fear", ""}, {"fear", ""},
                                         {"joy", ""},   {"joy", ""},     {"joy", ""},  {"sad", ""}};
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (int share = 1; share < 10; share++) {
            s4d_table t = table_from(row, 8);
            s4d_split_opts o = {.test_share = share / 10.0, .seed = seed};
            divide(&t, &o);
            assert_int_equal(rows_in(&t, "anger", "train") + rows_in(&t, "disgust", "train") + rows_in(&t, "sad", "train"), 3);
            assert_true(rows_in(&t, "fear", "train") == 1 && rows_in(&t, "fear", "test") == 1);
            assert_true(rows_in(&t, "joy", "train") > 0 && rows_in(&t, "joy", "test") > 0);
            s4d_table_release(&t);
        }
    }
    s4d_table t = table_from(row, 2);
    s4d_split_opts o = {.test_share = 0.5};
    refused(&t, &o, "each of the 2 files is the only one of some class, and must be trained on, so that nothing is left for "
                    "testing; give more samples of the classes");
    s4d_table_release(&t);
}

/* The same of people: d alone shows disgust; fear is shown by two, one of whom is a large group. */
static void the_only_person_of_a_class_is_trained_on(void **state)
{
    (void)state;
    static const char *const row[][2] = {{"disgust", "d"}, {"fear", "e"}, {"joy", "e"},  {"joy", "e"}, {"joy", "e"},
                                         {"fear", "f"},    {"joy", "g"},  {"joy", "h"}, {"joy", "h"}, {"joy", "d"}};
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (int share = 1; share < 10; share++) {
            s4d_table t = table_from(row, 10);
            s4d_split_opts o = {.test_share = share / 10.0, .seed = seed};
            assert_true(divide(&t, &o).by_subject);
            assert_int_equal(rows_in(&t, "disgust", "train"), 1);
            assert_true(rows_in(&t, "fear", "train") == 1 && rows_in(&t, "fear", "test") == 1);
            assert_true(rows_in(&t, "joy", "train") > 0 && rows_in(&t, "joy", "test") > 0);
            assert_string_equal(t.row[1].split, t.row[4].split);
            s4d_table_release(&t);
        }
    }
    s4d_table t = table_from((const char *const[][2]){{"disgust", "d"}, {"fear", "f"}, {"fear", "f"}}, 3);
    s4d_split_opts o = {.test_share = 0.5};
    refused(&t, &o, "each of the 2 people is the only one of some class, and must be trained on, so that nothing is left for "
                    "testing; give more samples of the classes, or divide by sample");
    s4d_table_release(&t);
}

static void what_is_impossible(void **state)
{
    (void)state;
    s4d_table t = {0};
    s4d_split_opts o = {.folds = 3};
    refused(&t, &o, "the manifest has 0 samples; there is nothing to divide");
    for (int i = 0; i < 6; i++) {
        char path[32];
        snprintf(path, sizeof path, "clip_%d", i);
        s4d_row row = {.path = path,
                       .label = i < 4 ? "fear" : "anger",
                       .subject = i < 3 ? "a" : "b",
                       .end = INFINITY,
                       .line = i + 2};
        assert_int_equal(s4d_table_add(&t, &row, NULL), S4D_OK);
    }
    refused(&t, &o, "3 folds are more than the 2 people of the manifest; give at most as many");
    o.by = S4D_SPLIT_SAMPLE;
    refused(&t, &o,
            "3 folds are too many: the class \"anger\" has only 2 files, and every fold needs one; give fewer folds");
    o.folds = 7;
    refused(&t, &o, "7 folds are more than the 6 files of the manifest; give at most as many");
    o = (s4d_split_opts){.folds = 2};
    refused(&t, &o,
            "2 folds are too many: the class \"anger\" has only 1 person, and every fold needs one; give more samples "
            "of it");
    o = (s4d_split_opts){.test_share = 0.01, .by = S4D_SPLIT_SAMPLE};
    refused(&t, &o,
            "a test share of 0.01 leaves one side empty: the manifest has 6 samples of 6 files; choose another share");
    t.row[4].fold = 1;
    o.test_share = 0.5;
    refused(&t, &o,
            "line 6: the manifest is divided already (column fold); keep that, or let a new division replace it");
    o.replace = true;
    divide(&t, &o);
    for (size_t i = 0; i < t.count; i++) {
        assert_int_equal(t.row[i].fold, 0);
        t.row[i].subject = "";
    }
    o.by = S4D_SPLIT_SUBJECT;
    refused(&t, &o, "the manifest names no subject; add a column \"subject\", or divide by sample");
    s4d_table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_are_balanced),      cmocka_unit_test(a_share_is_met),
        cmocka_unit_test(people_are_kept_whole),   cmocka_unit_test(rows_in_another_order),
        cmocka_unit_test(one_path_stays_together), cmocka_unit_test(every_side_gets_something),
        cmocka_unit_test(the_only_sample_is_trained_on),
        cmocka_unit_test(the_only_person_of_a_class_is_trained_on),
        cmocka_unit_test(spellings_of_one_path_stay_together),
        cmocka_unit_test(what_is_impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
