/* The parts of the indexer that know no set: forms of names, what names of lists say, the map. */
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
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"

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

/* Names that differ in their folders alone, and one without a folder: each is found by all parts of its path. */
static void places_are_found_in_linear_time(void **state)
{
    (void)state;
    enum { N = 200000 };
    s4d_index out = {0};
    s4d_err err = {0};
    const s4d_index_opts o = {.set = "affectnet7", .root = "/nowhere", .first_label = -1};
    const index_layout layout = {.media = INDEX_PICTURE};
    index_job job = {.opts = &o, .layout = &layout, .out = &out};
    job.tree.unit = s4d_mem_alloc(N, sizeof *job.tree.unit);
    job.sample = s4d_mem_alloc(N, sizeof *job.sample);
    assert_true(job.tree.unit && job.sample);
    double begin = s4d_clock_ms();
    for (size_t i = 0; i < N; i++) {
        char path[64];
        snprintf(path, sizeof path, i ? "d%06zu/x/1.jpg" : "y.jpg", i);
        job.tree.unit[i] = (index_unit){.path = (char *)s4d_texts_add(&job.tree.paths, path), .kind = INDEX_PICTURE};
        job.sample[i] = (index_sample){.name = job.tree.unit[i].path, .list = -1, .unit = -1};
    }
    job.tree.count = job.samples = N;
    assert_int_equal(index_find_media(&job, &err), S4D_OK);
    for (size_t i = 0; i < N; i++) {
        assert_string_equal(job.sample[i].path, job.sample[i].name);
    }
    assert_true(s4d_clock_ms() - begin < 60e3); /* less than a second; every name with every file were 2e10 comparisons */
    index_release_job(&job);
    s4d_index_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_brought_to_one_form),
        cmocka_unit_test(names_of_lists),
        cmocka_unit_test(paths_have_one_spelling),
        cmocka_unit_test(places_are_found_in_linear_time),
        cmocka_unit_test(the_map_keeps_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
