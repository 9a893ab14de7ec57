/* The drawn set: same seed, same bytes; people kept apart; lists as promised; every file can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/data/clip.h"
#include "s4d/data/manifest.h"
#include "s4d/synth/synth.h"

static char folder[] = "/tmp/s4d-synth-XXXXXX";

static s4d_synth_opts small(const char *output)
{
    return (s4d_synth_opts){.output = output, .seed = 9, .size = 32, .classes = 7, .train_images = 21, .test_images = 14,
                            .train_clips = 21, .test_clips = 14, .unlabelled_images = 6, .unlabelled_clips = 3, .folds = 2,
                            .frame_folders = !s4d_video_library()};
}

static const char *path_of(const char *name)
{
    static char path[2][S4D_PATH_MAX];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[0], "%s/%s", folder, name);
    return path[turn];
}

static void make(const s4d_synth_opts *o)
{
    s4d_err err = {0};
    if (s4d_synth_make(o, &err) != S4D_OK) fail_msg("%s", err.text);
}

static void same_file(const char *a, const char *b)
{
    s4d_bytes x = {0}, y = {0};
    s4d_err err = {0};
    if (s4d_file_read(path_of(a), 0, &x, &err) != S4D_OK || s4d_file_read(path_of(b), 0, &y, &err) != S4D_OK)
        fail_msg("%s", err.text);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    s4d_bytes_release(&x);
    s4d_bytes_release(&y);
}

static void test_same_seed_same_bytes(void **state)
{
    (void)state;
    s4d_synth_opts o = small(path_of("a"));
    make(&o);
    o.output = path_of("b");
    make(&o);
    static const char *const file[] = {"subjects.csv", "images/train.txt", "clips/train_set_1.csv", "clips/test_set_2.csv"};
    char a[64], b[64];
    for (int i = 0; i < 4; ++i) {
        snprintf(a, sizeof a, "a/%s", file[i]);
        snprintf(b, sizeof b, "b/%s", file[i]);
        same_file(a, b);
    }
    if (s4d_video_library()) same_file("a/clips/00001.mp4", "b/clips/00001.mp4");
    o.output = path_of("c");
    o.seed = 10;
    make(&o);
    s4d_bytes x = {0}, y = {0};
    assert_int_equal(s4d_file_read(path_of("a/subjects.csv"), 0, &x, NULL), S4D_OK);
    assert_int_equal(s4d_file_read(path_of("c/subjects.csv"), 0, &y, NULL), S4D_OK);
    assert_true(x.size != y.size || memcmp(x.data, y.data, x.size) != 0);
    s4d_bytes_release(&x);
    s4d_bytes_release(&y);
}

/* The person in a file, from subjects.csv ("path,subject" lines). */
static void subject_of(const char *subjects, const char *path, char out[32])
{
    char key[S4D_PATH_MAX];
    snprintf(key, sizeof key, "\n%s", path);
    const char *line = strstr(subjects, key);
    if (!line) fail_msg("%s is not in subjects.csv", path);
    const char *comma = strchr(line + 1, ',');
    assert_non_null(comma);
    snprintf(out, 32, "%.*s", (int)strcspn(comma + 1, ",\n"), comma + 1);
}

static s4d_manifest read_list(s4d_list_format format, const char *list, const char *table, const char *suffix)
{
    s4d_set_opts o = {.format = format};
    s4d_manifest m;
    s4d_err err = {0};
    const char *const *names;
    snprintf(o.root, sizeof o.root, "%s", path_of("a"));
    snprintf(o.suffix, sizeof o.suffix, "%s", suffix);
    o.class_count = s4d_labels_table(table, &names);
    for (int i = 0; i < o.class_count; ++i) snprintf(o.classes[i], sizeof o.classes[i], "%s", names[i]);
    snprintf(o.test, sizeof o.test, "%s", list);
    if (s4d_manifest_read(&o, S4D_LIST_TEST, S4D_BAD_FAIL, &m, &err) != S4D_OK) fail_msg("%s", err.text);
    return m;
}

static void assert_apart(const s4d_manifest *train, const s4d_manifest *test, const char *suffix)
{
    s4d_bytes subjects = {0};
    assert_int_equal(s4d_file_read(path_of("a/subjects.csv"), 0, &subjects, NULL), S4D_OK);
    for (size_t i = 0; i < train->count; ++i)
        for (size_t j = 0; j < test->count; ++j) {
            char one[32], two[32], a[S4D_PATH_MAX], b[S4D_PATH_MAX];
            snprintf(a, sizeof a, "%s%s", train->sample[i].id, suffix);
            snprintf(b, sizeof b, "%s%s", test->sample[j].id, suffix);
            subject_of((const char *)subjects.data, a, one);
            subject_of((const char *)subjects.data, b, two);
            assert_string_not_equal(one, two);
        }
    s4d_bytes_release(&subjects);
}

static void test_lists_and_people(void **state)
{
    (void)state;
    const char *suffix = s4d_video_library() ? ".mp4" : "";
    s4d_manifest stills[2] = {read_list(S4D_LIST_TEXT, "images/train.txt", "affectnet7", ""),
                              read_list(S4D_LIST_TEXT, "images/test.txt", "affectnet7", "")};
    s4d_manifest clips[2] = {read_list(S4D_LIST_CSV, "clips/train_set_1.csv", "dfew", suffix),
                             read_list(S4D_LIST_CSV, "clips/test_set_1.csv", "dfew", suffix)};
    assert_true(stills[0].count == 21 && stills[1].count == 14 && clips[0].count == 21 && clips[1].count == 14);
    bool seen[7] = {0};
    for (size_t i = 0; i < clips[1].count; ++i) seen[clips[1].sample[i].label] = true;
    for (int c = 0; c < 7; ++c) assert_true(seen[c]);
    assert_apart(&stills[0], &stills[1], "");
    assert_apart(&clips[0], &clips[1], suffix);
    for (size_t i = 0; i < stills[0].count; ++i) {
        s4d_image image = {0};
        assert_int_equal(s4d_image_read(stills[0].sample[i].path, &image, NULL), S4D_OK);
        assert_true(image.height == 32 && image.width == 32);
        s4d_image_release(&image);
    }
    for (size_t i = 0; i < clips[1].count; ++i) {
        s4d_clip *clip = NULL;
        assert_int_equal(s4d_clip_open(&(s4d_clip_source){.path = clips[1].sample[i].path, .order = S4D_ORDER_NATURAL}, &clip, NULL), S4D_OK);
        assert_true(s4d_clip_frames(clip) >= 12 && s4d_clip_frames(clip) <= 60);
        s4d_clip_close(&clip);
    }
    for (int i = 0; i < 2; ++i) {
        s4d_manifest_release(&stills[i]);
        s4d_manifest_release(&clips[i]);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    s4d_synth_opts o = small(path_of("a"));
    s4d_err err = {0};
    assert_int_equal(s4d_synth_make(&o, &err), S4D_FAILED); /* there already */
    assert_non_null(strstr(err.text, "/a"));
    o = small(path_of("d"));
    o.classes = 8;
    assert_int_equal(s4d_synth_make(&o, &err), S4D_USAGE);
    o = small(path_of("d"));
    o.size = 8;
    assert_int_equal(s4d_synth_make(&o, &err), S4D_USAGE);
    assert_false(s4d_path_exists(path_of("d")));
}

static void test_eleven_classes(void **state)
{
    (void)state;
    s4d_synth_opts o = small(path_of("mafw"));
    o.classes = 11;
    o.train_clips = o.test_clips = 22;
    make(&o);
    s4d_bytes list = {0};
    assert_int_equal(s4d_file_read(path_of("mafw/clips/train_set_1.csv"), 0, &list, NULL), S4D_OK);
    assert_non_null(strstr((const char *)list.data, ",10\n"));
    s4d_bytes_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_lists_and_people),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_eleven_classes),
    };
    if (!mkdtemp(folder)) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return s4d_dir_remove(folder, NULL) == S4D_OK ? failed : 1;
}
