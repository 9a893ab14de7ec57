/* The held-out share: of each class, by the seed, and nothing lost between the two lists. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "train/session.h"

enum { SAMPLES = 47 };

static const int count[4] = {30, 12, 4, 1};

static s4d_manifest list(void)
{
    s4d_manifest m = {.sample = s4d_mem_alloc(SAMPLES, sizeof(s4d_sample)), .class_count = 4};
    for (int c = 0; c < 4; c++) {
        for (int i = 0; i < count[c]; i++) {
            char id[16];
            snprintf(id, sizeof id, "%d-%d", c, i);
            m.sample[m.count++] = (s4d_sample){.id = s4d_texts_add(&m.texts, id), .path = s4d_texts_add(&m.texts, id), .label = c};
        }
    }
    assert_int_equal(m.count, SAMPLES);
    return m;
}

static void of_class(const s4d_manifest *m, int n[4])
{
    memset(n, 0, 4 * sizeof *n);
    for (size_t i = 0; i < m->count; i++) {
        n[m->sample[i].label]++;
    }
}

static bool holds(const s4d_manifest *m, const char *id)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->sample[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static void a_share_of_each_class(void **state)
{
    (void)state;
    s4d_manifest train = list(), whole = list(), held = {0};
    assert_int_equal(s4d_select_hold_out(&train, 0.1, 5, &held, NULL), S4D_OK);
    int n[4], left[4];
    of_class(&held, n);
    of_class(&train, left);
    assert_true(n[0] == 3 && n[1] == 1 && n[2] == 1 && n[3] == 0); /* the one sample of a class is trained on */
    for (int c = 0; c < 4; c++) {
        assert_int_equal(n[c] + left[c], count[c]);
    }
    for (size_t i = 0; i < whole.count; i++) {
        assert_true(holds(&train, whole.sample[i].id) != holds(&held, whole.sample[i].id));
    }
    assert_int_equal(held.class_count, 4);
    s4d_manifest_release(&train);
    s4d_manifest_release(&whole);
    s4d_manifest_release(&held);
}

static void drawn_by_the_seed(void **state)
{
    (void)state;
    s4d_manifest train[3] = {list(), list(), list()}, held[3] = {{0}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s4d_select_hold_out(&train[i], 0.4, i == 2 ? 8 : 7, &held[i], NULL), S4D_OK);
    }
    int differ = 0;
    for (size_t i = 0; i < held[0].count; i++) {
        assert_string_equal(held[0].sample[i].id, held[1].sample[i].id);
        differ += !holds(&held[2], held[0].sample[i].id);
    }
    assert_true(differ > 0);
    for (int i = 0; i < 3; i++) {
        s4d_manifest_release(&train[i]);
        s4d_manifest_release(&held[i]);
    }
}

/* Parts of a file, and files of a person, stand on one side. */
static void groups_stay_together(void **state)
{
    (void)state;
    s4d_manifest train = {.sample = s4d_mem_alloc(40, sizeof(s4d_sample)), .class_count = 2}, held = {0};
    for (int i = 0; i < 40; i++) {
        char id[16], path[16], subject[16];
        snprintf(id, sizeof id, "s%d", i);
        snprintf(path, sizeof path, "f%d", i / 2);
        snprintf(subject, sizeof subject, "p%d", i / 4);
        train.sample[train.count++] = (s4d_sample){.id = s4d_texts_add(&train.texts, id),
                                                   .path = s4d_texts_add(&train.texts, path),
                                                   .subject = i < 20 ? s4d_texts_add(&train.texts, subject) : NULL,
                                                   .label = i % 2};
    }
    assert_int_equal(s4d_select_hold_out(&train, 0.25, 3, &held, NULL), S4D_OK);
    assert_in_range(held.count, 4, 14);
    for (size_t i = 0; i < held.count; i++) {
        for (size_t k = 0; k < train.count; k++) {
            const s4d_sample *a = &held.sample[i], *b = &train.sample[k];
            assert_string_not_equal(a->path, b->path);
            assert_false(a->subject && b->subject && strcmp(a->subject, b->subject) == 0);
        }
    }
    s4d_manifest_release(&train);
    s4d_manifest_release(&held);
}

static void nothing_to_hold_out(void **state)
{
    (void)state;
    s4d_manifest train = {.sample = s4d_mem_alloc(2, sizeof(s4d_sample)), .class_count = 2}, held = {0};
    s4d_err err = {0};
    for (int i = 0; i < 2; i++) {
        train.sample[train.count++] = (s4d_sample){.id = s4d_texts_add(&train.texts, "a"), .path = s4d_texts_add(&train.texts, i ? "x" : "y"), .label = i};
    }
    assert_int_equal(s4d_select_hold_out(&train, 0.5, 3, &held, &err), S4D_USAGE);
    assert_non_null(strstr(err.text, "train.held_out"));
    s4d_manifest_release(&train);
    s4d_manifest_release(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_share_of_each_class), cmocka_unit_test(drawn_by_the_seed),
                                       cmocka_unit_test(groups_stay_together), cmocka_unit_test(nothing_to_hold_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
