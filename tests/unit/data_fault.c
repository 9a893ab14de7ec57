/* The n-th allocation, read or write fails, n = 1, 2, ...: a sentence each time, no crash, no leak
 * (the sanitizers look), no half-written file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/data/clip.h"
#include "s4d/data/manifest.h"

#ifdef S4D_TEST_HOOKS

static char folder[] = "/tmp/s4d-datafault-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[S4D_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *fixture(const char *name)
{
    static char path[S4D_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", S4D_TESTS_DIR, name);
    return path;
}

/* Until `work`, which frees all it made, is through without a failure; at least `failures` come
 * before. */
static void sweep(s4d_fault kind, int failures, s4d_status (*work)(s4d_err *err))
{
    for (long n = 1;; n++) {
        s4d_err err = {0};
        s4d_fault_set(kind, n);
        s4d_status status = work(&err);
        s4d_fault_set(kind, 0);
        if (status == S4D_OK) {
            assert_in_range(n - 1, failures, 100000);
            return;
        }
        assert_int_equal(status, S4D_FAILED);
        assert_true(strlen(err.text) > 10);
        assert_false(s4d_path_exists(in_folder("made")));
        assert_false(s4d_path_exists(in_folder("made.tmp")));
    }
}

static s4d_status read_picture(const char *name, s4d_err *err)
{
    s4d_image image = {0};
    s4d_status status = s4d_image_read(fixture(name), &image, err);
    s4d_image_release(&image);
    return status;
}

static s4d_status read_png(s4d_err *err)
{
    return read_picture("golden/images/decode/rgb.png", err);
}

static s4d_status read_jpeg(s4d_err *err)
{
    return read_picture("golden/images/decode/prog.jpg", err);
}

static s4d_status read_inks(s4d_err *err)
{
    return read_picture("data/cmyk.jpg", err);
}

static s4d_status read_bmp(s4d_err *err)
{
    return read_picture("golden/images/decode/rgb.bmp", err);
}

static s4d_status write_pictures(s4d_err *err)
{
    s4d_image image = {0};
    s4d_status status = s4d_image_size(&image, 40, 30, err);
    if (status == S4D_OK) {
        status = s4d_image_write_png(in_folder("made"), &image, err);
    }
    if (status == S4D_OK) {
        remove(in_folder("made"));
        status = s4d_image_write_jpeg(in_folder("made"), &image, 90, err);
    }
    s4d_image_release(&image);
    if (status == S4D_OK) {
        remove(in_folder("made"));
    }
    return status;
}

static s4d_status resize(s4d_err *err)
{
    s4d_image in = {0}, out = {0};
    s4d_status status = s4d_image_size(&in, 20, 30, err);
    if (status == S4D_OK) {
        status = s4d_image_resize(&in, NULL, S4D_BICUBIC, 9, 9, &out, err);
    }
    s4d_image_release(&in);
    s4d_image_release(&out);
    return status;
}

static s4d_status read_clip(const char *path, s4d_err *err)
{
    static const int index[3] = {0, 2, 2};
    s4d_clip *clip = NULL;
    s4d_image frame[3] = {0};
    s4d_status status = s4d_clip_open(&(s4d_clip_source){.path = path, .order = S4D_ORDER_LEXICOGRAPHIC}, &clip, err);
    if (status == S4D_OK) {
        status = s4d_clip_read(clip, index, 3, frame, err);
    } else {
        assert_null(clip);
    }
    for (int i = 0; i < 3; i++) {
        s4d_image_release(&frame[i]);
    }
    s4d_clip_close(&clip);
    return status;
}

static s4d_status read_folder(s4d_err *err)
{
    return read_clip(in_folder("frames"), err);
}

static s4d_status read_mp4(s4d_err *err)
{
    return read_clip(fixture("data/bframes.mp4"), err);
}

static s4d_status read_webm(s4d_err *err)
{
    return read_clip(fixture("data/plain.webm"), err);
}

static s4d_status write_video(s4d_err *err)
{
    s4d_video_writer *w = NULL;
    s4d_image image = {0};
    s4d_status status = s4d_image_size(&image, 16, 16, err);
    if (status == S4D_OK) {
        status = s4d_video_writer_create(in_folder("made"), 16, 16, 5, &w, err);
    }
    for (int t = 0; status == S4D_OK && t < 3; t++) {
        status = s4d_video_writer_add(w, &image, err);
    }
    s4d_status closed = s4d_video_writer_close(&w, status == S4D_OK ? err : NULL);
    s4d_image_release(&image);
    status = status == S4D_OK ? closed : status;
    if (status == S4D_OK) {
        remove(in_folder("made"));
    }
    return status;
}

static s4d_status read_list(s4d_err *err)
{
    s4d_manifest m;
    s4d_set_opts o = {.format = S4D_LIST_CSV, .class_count = 2, .classes = {"fear", "anger"}};
    snprintf(o.root, sizeof o.root, "%s", folder);
    strcpy(o.train, "list");
    s4d_status status = s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_SKIP, &m, err);
    s4d_manifest_release(&m);
    return status;
}

static void test_pictures(void **state)
{
    (void)state;
    sweep(S4D_FAULT_ALLOC, 2, read_png);
    sweep(S4D_FAULT_ALLOC, 2, read_jpeg);
    sweep(S4D_FAULT_ALLOC, 3, read_inks);
    sweep(S4D_FAULT_READ, 1, read_png);
    sweep(S4D_FAULT_ALLOC, 3, write_pictures);
    sweep(S4D_FAULT_WRITE, 2, write_pictures);
    sweep(S4D_FAULT_FSYNC, 2, write_pictures);
    sweep(S4D_FAULT_RENAME, 2, write_pictures);
    sweep(S4D_FAULT_ALLOC, 3, resize);
    sweep(S4D_FAULT_ALLOC, 2, read_bmp);
    sweep(S4D_FAULT_READ, 1, read_bmp);
}

static void test_clips(void **state)
{
    (void)state;
    s4d_image image = {0};
    assert_int_equal(s4d_dir_make(in_folder("frames"), NULL), S4D_OK);
    assert_int_equal(s4d_image_size(&image, 8, 8, NULL), S4D_OK);
    assert_int_equal(s4d_image_write_png(in_folder("frames/1.png"), &image, NULL), S4D_OK);
    assert_int_equal(s4d_image_write_png(in_folder("frames/2.png"), &image, NULL), S4D_OK);
    assert_int_equal(s4d_image_write_png(in_folder("frames/10.png"), &image, NULL), S4D_OK);
    s4d_image_release(&image);
    sweep(S4D_FAULT_ALLOC, 8, read_folder);
    sweep(S4D_FAULT_READ, 2, read_folder);
    if (s4d_video_library()) {
        sweep(S4D_FAULT_ALLOC, 5, read_mp4);
        sweep(S4D_FAULT_READ, 4, read_mp4);
        sweep(S4D_FAULT_READ, 6, read_webm);
        sweep(S4D_FAULT_ALLOC, 3, write_video);
        sweep(S4D_FAULT_WRITE, 1, write_video);
        sweep(S4D_FAULT_RENAME, 1, write_video);
    }
}

static void test_lists(void **state)
{
    (void)state;
    static const char list[] = "path,id\na.png,0\n\"b,b.png\",1\nc.png,1\n";
    assert_int_equal(s4d_file_write(in_folder("list"), list, sizeof list - 1, NULL), S4D_OK);
    sweep(S4D_FAULT_ALLOC, 5, read_list); /* rows, the text, a path, samples, their texts */
    sweep(S4D_FAULT_READ, 1, read_list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_clips),
        cmocka_unit_test(test_lists),
    };
    if (!mkdtemp(folder)) {
        return 1;
    }
    s4d_log_set_level(S4D_LOG_SILENT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return s4d_dir_remove(folder, NULL) == S4D_OK ? failed : 1;
}

#else

int main(void)
{
    puts("skipped: built without S4D_TEST_HOOKS");
    return 77;
}

#endif
