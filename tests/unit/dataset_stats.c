/* Counting a manifest: classes in one spelling, groups in order, subjects, imbalance, and what cannot be counted. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "s4d/dataset/stats.h"

static void add(s4d_table *t, const char *path, const char *label, const char *split, int fold, const char *subject)
{
    s4d_row row = {.path = (char *)path,
                   .label = (char *)label,
                   .split = (char *)split,
                   .subject = (char *)subject,
                   .fold = fold,
                   .end = INFINITY,
                   .line = (long)t->count + 2};
    assert_int_equal(s4d_table_add(t, &row, NULL), S4D_OK);
}

static s4d_table mixed(void)
{
    s4d_table t = {0};
    add(&t, "a", "Happy", "test", 0, "p");
    add(&t, "b", "fear", "train", 2, "q");
    add(&t, "c", "happiness", "train", 1, "p");
    add(&t, "d", "", "train", 1, "p");
    add(&t, "e", "Angry", "", 0, "");
    add(&t, "a", "HAPPY", "train", 1, "r");
    return t;
}

static void counts(void **state)
{
    (void)state;
    s4d_table t = mixed();
    s4d_stats s;
    assert_int_equal(s4d_stats_make(&t, &s, NULL), S4D_OK);
    assert_int_equal(s.samples, 6);
    assert_int_equal(s.labelled, 5);
    assert_int_equal(s.paths, 5);
    assert_int_equal(s.subjects, 3);
    assert_int_equal(s.with_subject, 5);
    assert_int_equal(s.classes.count, 3);
    assert_string_equal(s.classes.name[0], "anger");
    assert_string_equal(s.classes.name[1], "fear");
    assert_string_equal(s.classes.name[2], "happiness");
    assert_int_equal(s.per_class[2], 3);
    assert_true(s.imbalance == 3.0);
    static const struct {
        const char *split;
        int fold;
        size_t samples, labelled, subjects;
    } want[] = {{"train", 1, 3, 2, 2}, {"train", 2, 1, 1, 1}, {"test", 0, 1, 1, 1}, {"", 0, 1, 1, 0}};
    assert_int_equal(s.groups, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(s.group[i].split, want[i].split);
        assert_int_equal(s.group[i].fold, want[i].fold);
        assert_int_equal(s.group[i].samples, want[i].samples);
        assert_int_equal(s.group[i].labelled, want[i].labelled);
        assert_int_equal(s.group[i].subjects, want[i].subjects);
    }
    assert_int_equal(s.group[0].per_class[2], 2);
    assert_int_equal(s.group[1].per_class[1], 1);
    s4d_stats_release(&s);
    s4d_table_release(&t);
}

static void json_reads_back(void **state)
{
    (void)state;
    s4d_table t = mixed();
    s4d_stats s;
    s4d_json_writer w = {0};
    s4d_json *doc;
    s4d_err err = {0};
    assert_int_equal(s4d_stats_make(&t, &s, NULL), S4D_OK);
    s4d_stats_put_json(&s, &w);
    assert_false(w.out.failed);
    assert_int_equal(s4d_json_parse(w.out.text, w.out.size, "stats", &doc, &err), S4D_OK);
    assert_true(s4d_json_number(s4d_json_find(doc, "imbalance")) == 3.0);
    assert_true(s4d_json_number(s4d_json_find(s4d_json_find(doc, "classes"), "happiness")) == 3.0);
    const s4d_json *group = s4d_json_at(s4d_json_find(doc, "groups"), 1);
    assert_string_equal(s4d_json_string(s4d_json_find(group, "split")), "train");
    assert_true(s4d_json_number(s4d_json_find(group, "fold")) == 2.0);
    assert_true(s4d_json_number(s4d_json_find(s4d_json_find(group, "classes"), "fear")) == 1.0);
    s4d_json_destroy(&doc);
    s4d_str_release(&w.out);
    s4d_stats_release(&s);
    s4d_table_release(&t);
}

static void without_labels(void **state)
{
    (void)state;
    s4d_table t = {0};
    s4d_stats s;
    add(&t, "a", "", "", 0, "");
    assert_int_equal(s4d_stats_make(&t, &s, NULL), S4D_OK);
    assert_int_equal(s.classes.count, 0);
    assert_true(s.imbalance == 0);
    assert_int_equal(s.groups, 1);
    s4d_stats_release(&s);
    s4d_table_release(&t);
    assert_int_equal(s4d_stats_make(&t, &s, NULL), S4D_OK); /* no row at all */
    assert_int_equal(s.groups, 0);
    s4d_stats_release(&s);
}

static void what_is_no_class(void **state)
{
    (void)state;
    s4d_table t = {0};
    s4d_stats s;
    s4d_err err = {0};
    char name[64];
    for (int i = 0; i < S4D_MAX_CLASSES; i++) {
        snprintf(name, sizeof name, "clip %d", i);
        add(&t, "a", name, "", 0, "");
    }
    assert_int_equal(s4d_stats_make(&t, &s, &err), S4D_OK);
    s4d_stats_release(&s);
    add(&t, "a", "one more", "", 0, "");
    assert_int_equal(s4d_stats_make(&t, &s, &err), S4D_FAILED);
    assert_string_equal(
        err.text, "line 66: \"one more\" would be class number 65, but a set has at most 64; the column label holds "
                  "names of classes, not of samples");
    s4d_table_release(&t);
    memset(name, 'x', S4D_CLASS_NAME_MAX);
    name[S4D_CLASS_NAME_MAX] = '\0';
    add(&t, "a", name, "", 0, "");
    assert_int_equal(s4d_stats_make(&t, &s, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "is longer than the 47 bytes of a class name"));
    s4d_table_release(&t);
}

static void names_of_groups(void **state)
{
    (void)state;
    char name[32];
    s4d_group_name("", 0, name);
    assert_string_equal(name, "neither");
    s4d_group_name("val", 0, name);
    assert_string_equal(name, "val");
    s4d_group_name("", 1000, name);
    assert_string_equal(name, "fold 1000");
    s4d_group_name("test", 3, name);
    assert_string_equal(name, "test, fold 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),           cmocka_unit_test(json_reads_back), cmocka_unit_test(without_labels),
        cmocka_unit_test(what_is_no_class), cmocka_unit_test(names_of_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
