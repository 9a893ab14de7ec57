/* Dividing a manifest whose files are partly equal: their bytes stay on one side. */
#include "dataset_check_fixture.h"

#include <math.h>

#include "s4d/base/log.h"
#include "s4d/dataset/split.h"

enum { FILES = 120, CLASSES = 4 };

/* Pictures of which every third one has the content of the one before, and folders of frames of which two are equal. */
static void put_set(s4d_table *t)
{
    for (int i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "set/%03d.png", i);
        put_png(name, 4, 4, i % 3 == 2 ? i - 1 : i);
        s4d_row row = {.path = name, .label = i % CLASSES ? i % CLASSES == 1 ? "fear" : "anger" : "sadness", .end = INFINITY, .line = i + 2};
        assert_int_equal(s4d_table_add(t, &row, NULL), S4D_OK);
    }
    static const char *const clip[] = {"clip/a", "clip/b", "clip/c", "./clip/a"};
    for (int i = 0; i < 4; i++) {
        char name[32];
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof name, "%s/%d.png", clip[i], k);
            put_png(name, 5, 5, k == i % 3 / 2 ? 1 : 2);
        }
        s4d_row row = {.path = clip[i], .label = "fear", .end = INFINITY, .line = FILES + 2 + i};
        assert_int_equal(s4d_table_add(t, &row, NULL), S4D_OK);
    }
    t->has[S4D_COLUMN_LABEL] = true;
}

static s4d_split_result divide(s4d_table *t, s4d_split_opts o)
{
    s4d_split_result r;
    s4d_err err = {0};
    o.manifest = "m.csv";
    if (s4d_split_table(t, &o, &r, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return r;
}

static bool same_side(const s4d_table *t, size_t a, size_t b)
{
    return t->row[a].fold == t->row[b].fold && strcmp(t->row[a].split, t->row[b].split) == 0;
}

static void equal_contents_stay_together(void **state)
{
    (void)state;
    s4d_table t = {0};
    put_set(&t);
    for (uint64_t seed = 1; seed < 6; seed++) {
        for (int folds = 0; folds < 6; folds += 5) {
            s4d_split_opts o = {.folds = folds, .test_share = folds ? 0 : 0.3, .seed = seed, .replace = true, .root = folder, .threads = 2};
            s4d_split_result r = divide(&t, o);
            assert_int_equal(r.contents, FILES / 3 + 1);
            assert_int_equal(r.equal, 2 * (FILES / 3) + 3); /* clip/a stands there twice, as ./clip/a too */
            assert_int_equal(r.files, FILES + 4);
            assert_int_equal(r.unread, 0);
            for (size_t i = 2; i < FILES; i += 3) {
                assert_true(same_side(&t, i, i - 1));
            }
            assert_true(same_side(&t, FILES, FILES + 1));
            assert_true(same_side(&t, FILES, FILES + 3));
        }
    }
    s4d_table_release(&t);
}

/* The classes are spread as evenly as files in pairs allow. */
static void shares_are_kept(void **state)
{
    (void)state;
    s4d_table t = {0};
    s4d_class_list classes;
    int32_t class_of[FILES + 4];
    put_set(&t);
    divide(&t, (s4d_split_opts){.folds = 5, .seed = 3, .root = folder, .threads = 1});
    assert_int_equal(s4d_class_list_make(&t, &classes, class_of, NULL), S4D_OK);
    for (int c = 0; c < classes.count; c++) {
        int n[5] = {0}, least = FILES, most = 0;
        for (size_t i = 0; i < t.count; i++) {
            n[t.row[i].fold - 1] += class_of[i] == c;
        }
        for (int k = 0; k < 5; k++) {
            least = n[k] < least ? n[k] : least;
            most = n[k] > most ? n[k] : most;
        }
        assert_in_range(most - least, 0, 2);
    }
    s4d_table_release(&t);
}

static void what_is_not_there_is_counted(void **state)
{
    (void)state;
    s4d_table t = {0};
    put_set(&t);
    t.row[0].path = "none.png";
    s4d_split_result r = divide(&t, (s4d_split_opts){.folds = 2, .root = folder});
    assert_int_equal(r.unread, 1);
    r = divide(&t, (s4d_split_opts){.folds = 2, .replace = true}); /* switched off */
    assert_int_equal(r.files, 0);
    assert_int_equal(r.contents, 0);
    assert_int_equal(r.groups, FILES + 3);
    s4d_table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_contents_stay_together),
        cmocka_unit_test(shares_are_kept),
        cmocka_unit_test(what_is_not_there_is_counted),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
