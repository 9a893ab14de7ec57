/* Clips: folders in either order, video files of several kinds, files that are cut or no video, and
 * the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/data/clip.h"

static char folder[] = "/tmp/s4d-clip-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][S4D_PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], S4D_PATH_MAX, "%s/%s", folder, name);
    return path[turn];
}

static const char *fixture(const char *name)
{
    static char path[S4D_PATH_MAX];
    snprintf(path, sizeof path, "%s/data/%s", S4D_TESTS_DIR, name);
    return path;
}

static void need_video(void)
{
    if (!s4d_video_library()) {
        skip();
    }
}

static s4d_clip *opened(const char *path, s4d_frame_order order)
{
    s4d_clip *clip = NULL;
    s4d_err err = {0};
    if (s4d_clip_open(&(s4d_clip_source){.path = path, .order = order}, &clip, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return clip;
}

static void refused(const char *path, const char *words)
{
    s4d_clip *clip = NULL;
    s4d_err err = {0};
    assert_int_equal(s4d_clip_open(&(s4d_clip_source){.path = path, .order = S4D_ORDER_NATURAL}, &clip, &err), S4D_FAILED);
    assert_null(clip);
    if (strncmp(err.text, path, strlen(path)) != 0 || !strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
}

static void fill(s4d_image *image, int height, int width, int level)
{
    assert_int_equal(s4d_image_size(image, height, width, NULL), S4D_OK);
    memset(image->rgb, level, (size_t)(height * width * 3));
}

static int mean(const s4d_image *image)
{
    long sum = 0, n = (long)image->height * image->width * 3;
    for (long i = 0; i < n; i++) {
        sum += image->rgb[i];
    }
    return (int)((sum + n / 2) / n);
}

static void read_frames(s4d_clip *clip, const int *index, int n, s4d_image *frame)
{
    s4d_err err = {0};
    if (s4d_clip_read(clip, index, n, frame, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
}

static void test_folder_orders(void **state)
{
    (void)state;
    static const char *const name[] = {"1.png", "2.png", "10.PNG", ".0.png", "notes.txt"};
    static const int all[] = {0, 1, 1, 2}, natural[] = {1, 2, 2, 3}, letters[] = {1, 3, 3, 2};
    s4d_image image = {0}, frame[4] = {0};
    assert_int_equal(s4d_dir_make(in_folder("frames"), NULL), S4D_OK);
    for (int i = 0; i < 5; i++) {
        char file[64];
        snprintf(file, sizeof file, "frames/%s", name[i]);
        fill(&image, 4, 6, i + 1);
        assert_int_equal(s4d_image_write_png(in_folder(file), &image, NULL), S4D_OK);
    }
    for (int order = 0; order < 2; order++) {
        s4d_clip *clip =
            opened(in_folder("frames"), order ? S4D_ORDER_LEXICOGRAPHIC : S4D_ORDER_NATURAL);
        assert_int_equal(s4d_clip_frames(clip), 3);
        read_frames(clip, all, 4, frame);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(mean(&frame[i]), (order ? letters : natural)[i]);
        }
        s4d_clip_close(&clip);
        assert_null(clip);
    }
    for (int i = 0; i < 4; i++) {
        s4d_image_release(&frame[i]);
    }
    s4d_image_release(&image);
}

static void test_folders_and_paths_that_hold_nothing(void **state)
{
    (void)state;
    assert_int_equal(s4d_dir_make(in_folder("empty"), NULL), S4D_OK);
    assert_int_equal(s4d_file_write(in_folder("empty/readme.txt"), "x", 1, NULL), S4D_OK);
    refused(in_folder("empty"), "no picture");
    refused(in_folder("nowhere"), "no such file");
}

static void test_a_bad_picture_is_named(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_image frame = {0};
    assert_int_equal(s4d_dir_make(in_folder("bad"), NULL), S4D_OK);
    assert_int_equal(s4d_file_write(in_folder("bad/7.png"), "", 0, NULL), S4D_OK);
    s4d_clip *clip = opened(in_folder("bad"), S4D_ORDER_NATURAL);
    assert_int_equal(s4d_clip_read(clip, (int[]){0}, 1, &frame, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "bad/7.png: the file is empty"));
    s4d_clip_close(&clip);
    s4d_image_release(&frame);
}

static void test_files_that_are_no_video(void **state)
{
    (void)state;
    s4d_image image = {0};
    assert_int_equal(s4d_file_write(in_folder("zero.mp4"), "", 0, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(in_folder("text.mp4"), "no video at all", 15, NULL), S4D_OK);
    fill(&image, 8, 8, 9);
    assert_int_equal(s4d_image_write_png(in_folder("still.png"), &image, NULL), S4D_OK);
    s4d_image_release(&image);
    if (!s4d_video_library()) {
        refused(in_folder("text.mp4"), "no video support");
        return;
    }
    refused(in_folder("zero.mp4"), "empty");
    refused(in_folder("text.mp4"), "no video");
    refused(in_folder("still.png"), "this is a picture");
    refused(fixture("sound.avi"), "it has sound and no video");
    /* Lists of other files are not followed. */
    static const char list[] = "ffconcat version 1.0\nfile still.png\n";
    assert_int_equal(s4d_file_write(in_folder("list.mp4"), list, sizeof list - 1, NULL), S4D_OK);
    refused(in_folder("list.mp4"), "");
}

/* The fixtures' frame i is flat: luma 40 + 10 i in the range 16..235. */
static void assert_level(const s4d_image *frame, int i)
{
    int want = (40 + 10 * i - 16) * 255 / 219;
    assert_true(frame->height == 32 && frame->width == 48);
    assert_in_range(mean(frame) + 3, want, want + 6);
}

static void check_fixture(const char *name, int frames, int first)
{
    enum { MOST = 20 };
    int index[MOST];
    s4d_image frame[MOST] = {0}, again[2] = {0};
    s4d_clip *clip = opened(fixture(name), S4D_ORDER_NATURAL);
    assert_int_equal(s4d_clip_frames(clip), frames);
    for (int i = 0; i < frames; i++) {
        index[i] = i;
    }
    read_frames(clip, index, frames, frame);
    for (int i = 0; i < frames; i++) {
        assert_level(&frame[i], first + i);
        s4d_image_release(&again[0]);
        read_frames(clip, &i, 1, again); /* going back, and again forward */
        assert_memory_equal(again[0].rgb, frame[i].rgb, 32 * 48 * 3);
    }
    read_frames(clip, (int[]){3, 3}, 2, again);
    assert_memory_equal(again[0].rgb, frame[3].rgb, 32 * 48 * 3);
    assert_memory_equal(again[1].rgb, frame[3].rgb, 32 * 48 * 3);
    for (int i = 0; i < frames; i++) {
        s4d_image_release(&frame[i]);
    }
    s4d_image_release(&again[0]);
    s4d_image_release(&again[1]);
    s4d_clip_close(&clip);
}

/* Any frame after any other, forward and back, is the one that reading in order gives. */
static void check_jumps(const char *path)
{
    enum { MOST = 60 };
    s4d_image frame[MOST] = {0}, got = {0};
    s4d_clip *clip = opened(path, S4D_ORDER_NATURAL);
    int n = s4d_clip_frames(clip);
    assert_in_range(n, 2, MOST);
    for (int i = 0; i < n; i++) {
        read_frames(clip, &i, 1, &frame[i]);
    }
    size_t bytes = (size_t)frame[0].height * (size_t)frame[0].width * 3;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j += 1 + i % 3) {
            read_frames(clip, &i, 1, &got);
            assert_memory_equal(got.rgb, frame[i].rgb, bytes);
            read_frames(clip, &j, 1, &got);
            assert_memory_equal(got.rgb, frame[j].rgb, bytes);
        }
    }
    s4d_clip_close(&clip);
    for (int first = 0; first < n; first++) { /* the first read of all, and a rising walk from there */
        clip = opened(path, S4D_ORDER_NATURAL);
        for (int i = first; i < n; i += 1 + first % 4) {
            read_frames(clip, &i, 1, &got);
            assert_memory_equal(got.rgb, frame[i].rgb, bytes);
        }
        s4d_clip_close(&clip);
    }
    for (int i = 0; i < n; i++) {
        s4d_image_release(&frame[i]);
    }
    s4d_image_release(&got);
}

static void test_kinds_of_video(void **state)
{
    (void)state;
    need_video();
    check_fixture("bframes.mp4", 20, 0);
    check_fixture("bframes.avi", 20, 0);
    check_fixture("plain.webm", 20, 0);
    check_fixture("edited.mp4", 13, 7); /* its edit list hides the first seven */
    check_fixture("tenbit.mkv", 20, 0);  /* yuv420p10le */
    check_fixture("streams.mkv", 20, 0); /* sound, a smaller video and this one */
    check_fixture("uneven.mp4", 20, 0);  /* 40 ms, then 160 ms between frames */
    check_fixture("live.mkv", 20, 0);    /* neither duration nor count nor index */
    static const char *const name[] = {"bframes.mp4", "bframes.avi", "plain.webm", "edited.mp4", "tenbit.mkv",
                                       "streams.mkv", "uneven.mp4",  "live.mkv",   "odd.mkv",    "opengop.mp4", "refresh.mp4",
                                       "closed.mkv"};
    for (int i = 0; i < 12; i++) {
        check_jumps(fixture(name[i]));
    }
}

static void test_odd_sizes(void **state)
{
    (void)state;
    need_video();
    s4d_image frame = {0};
    s4d_clip *clip = opened(fixture("odd.mkv"), S4D_ORDER_NATURAL);
    assert_int_equal(s4d_clip_frames(clip), 20);
    read_frames(clip, (int[]){4}, 1, &frame);
    assert_true(frame.height == 33 && frame.width == 49);
    int want = (40 + 10 * 4 - 16) * 255 / 219;
    for (int i = 0; i < 33 * 49 * 3; i++) {
        assert_in_range(frame.rgb[i] + 3, want, want + 6);
    }
    s4d_clip_close(&clip);
    s4d_image_release(&frame);
}

/* Opens and reads everything; the sentence, if one comes, names the file. */
static bool readable(const char *path)
{
    s4d_clip *clip = NULL;
    s4d_image frame = {0};
    s4d_err err = {0};
    s4d_status status = s4d_clip_open(&(s4d_clip_source){.path = path, .order = S4D_ORDER_NATURAL}, &clip, &err);
    for (int i = 0; status == S4D_OK && i < s4d_clip_frames(clip); i++) {
        status = s4d_clip_read(clip, &i, 1, &frame, &err);
    }
    if (status != S4D_OK) {
        assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    }
    s4d_clip_close(&clip);
    s4d_image_release(&frame);
    return status == S4D_OK;
}

static void test_cut_videos(void **state)
{
    (void)state;
    need_video();
    static const char *const name[] = {"bframes.mp4", "plain.webm"};
    for (int k = 0; k < 2; k++) {
        s4d_bytes file = {0};
        assert_int_equal(s4d_file_read(fixture(name[k]), 0, &file, NULL), S4D_OK);
        for (size_t n = 0; n < file.size; n += n + 20 < file.size ? 13 : 1) {
            assert_int_equal(s4d_file_write(in_folder("cut"), file.data, n, NULL), S4D_OK);
            if (readable(in_folder("cut"))) {
                fail_msg("%s cut to %zu of %zu bytes was read without complaint", name[k], n,
                         file.size);
            }
        }
        s4d_bytes_release(&file);
    }
}

static void test_a_cut_says_how_far_it_can_be_read(void **state)
{
    (void)state;
    need_video();
    s4d_bytes file = {0};
    assert_int_equal(s4d_file_read(fixture("bframes.mp4"), 0, &file, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(in_folder("cut"), file.data, file.size - 1, NULL), S4D_OK);
    refused(in_folder("cut"), "19 of 20 frames can be read");
    s4d_bytes_release(&file);
}

/* Its index may be missing, since that costs no frame. */
static void test_cut_avi(void **state)
{
    (void)state;
    need_video();
    s4d_bytes file = {0};
    assert_int_equal(s4d_file_read(fixture("bframes.avi"), 0, &file, NULL), S4D_OK);
    for (size_t n = 100; n < file.size; n += 61) {
        assert_int_equal(s4d_file_write(in_folder("cut"), file.data, n, NULL), S4D_OK);
        s4d_clip *clip = NULL;
        if (s4d_clip_open(&(s4d_clip_source){.path = in_folder("cut"), .order = S4D_ORDER_NATURAL}, &clip, NULL) == S4D_OK) {
            assert_int_equal(s4d_clip_frames(clip), 20);
        }
        s4d_clip_close(&clip);
    }
    s4d_bytes_release(&file);
}

static void test_flipped_bytes_never_crash(void **state)
{
    (void)state;
    need_video();
    static const char *const name[] = {"bframes.mp4", "bframes.avi", "plain.webm"};
    for (int k = 0; k < 3; k++) {
        s4d_bytes file = {0};
        assert_int_equal(s4d_file_read(fixture(name[k]), 0, &file, NULL), S4D_OK);
        for (size_t i = 0; i < file.size; i += 7 + file.size / 100) {
            file.data[i] ^= 0x5A;
            assert_int_equal(s4d_file_write(in_folder("flip"), file.data, file.size, NULL), S4D_OK);
            readable(in_folder("flip"));
            file.data[i] ^= 0x5A;
        }
        s4d_bytes_release(&file);
    }
}

/* ---- the writer ---- */

static s4d_status write_video(const char *path, int height, int width, int frames, s4d_err *err)
{
    s4d_video_writer *w = NULL;
    s4d_image image = {0};
    s4d_status status = s4d_video_writer_create(path, height, width, 25, &w, err);
    for (int t = 0; status == S4D_OK && t < frames; t++) {
        fill(&image, height, width, 20 + 10 * t);
        for (int i = 0; i < height * width; i++) {
            image.rgb[3 * i] = (uint8_t)(60 + 10 * t + i % width);
        }
        status = s4d_video_writer_add(w, &image, err);
    }
    s4d_image_release(&image);
    s4d_status closed = s4d_video_writer_close(&w, status == S4D_OK ? err : NULL);
    assert_null(w);
    return status == S4D_OK ? closed : status;
}

static void check_written(int height, int width)
{
    enum { FRAMES = 15 };
    s4d_bytes file[2] = {0};
    s4d_image frame = {0};
    s4d_err err = {0};
    for (int k = 0; k < 2; k++) {
        const char *path = in_folder(k ? "again.mp4" : "once.mp4");
        if (write_video(path, height, width, FRAMES, &err) != S4D_OK) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(s4d_file_read(path, 0, &file[k], &err), S4D_OK);
    }
    assert_int_equal(file[0].size, file[1].size);
    assert_memory_equal(file[0].data, file[1].data, file[0].size);
    s4d_clip *clip = opened(in_folder("once.mp4"), S4D_ORDER_NATURAL);
    assert_int_equal(s4d_clip_frames(clip), FRAMES);
    for (int t = 0; t < FRAMES; t++) {
        read_frames(clip, &t, 1, &frame);
        assert_true(frame.height == height && frame.width == width);
        int sum = 0;
        for (int i = 0; i < height * width; i++) {
            sum += abs(frame.rgb[3 * i] - (60 + 10 * t + i % width));
            sum += abs(frame.rgb[3 * i + 1] - (20 + 10 * t)) +
                   abs(frame.rgb[3 * i + 2] - (20 + 10 * t));
        }
        assert_in_range(sum, 0, 3 * height * width * 4); /* four levels on average */
    }
    s4d_clip_close(&clip);
    s4d_image_release(&frame);
    s4d_bytes_release(&file[0]);
    s4d_bytes_release(&file[1]);
}

static void test_written_videos_come_back(void **state)
{
    (void)state;
    need_video();
    check_written(32, 48);
    check_written(11, 15);
    s4d_err err = {0};
    assert_int_equal(write_video(in_folder("dot.mp4"), 1, 1, 2, &err), S4D_OK);
    assert_true(readable(in_folder("dot.mp4")));
}

static void test_a_pipe_is_no_video(void **state)
{
    (void)state;
    need_video();
    assert_int_equal(mkfifo(in_folder("pipe.mp4"), 0600), 0);
    refused(in_folder("pipe.mp4"), "not a regular file"); /* and does not wait */
}

static void test_jumps_between_key_frames(void **state)
{
    (void)state;
    need_video();
    s4d_err err = {0};
    if (write_video(in_folder("long.mp4"), 24, 32, 40, &err) != S4D_OK) { /* four groups of pictures */
        fail_msg("%s", err.text);
    }
    check_jumps(in_folder("long.mp4"));
}

static void test_seconds_that_count(void **state)
{
    (void)state;
    need_video();
    static const struct {
        double start, end;
        int first, frames; /* 0: refused */
    } cut[] = {{0, 0, 0, 40},      {0.2, 0.4, 5, 5}, {0.19, 0.41, 5, 6}, {0, 0.04, 0, 1},
               {1.56, 100, 39, 1}, {1.57, 0, 0, 0},  {0.21, 0.23, 0, 0}, {0.6, 0, 15, 25}};
    s4d_err err = {0};
    s4d_image frame = {0}, want = {0};
    assert_int_equal(write_video(in_folder("long.mp4"), 24, 32, 40, &err), S4D_OK); /* 25 a second */
    s4d_clip *whole = opened(in_folder("long.mp4"), S4D_ORDER_NATURAL);
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        s4d_clip *clip;
        s4d_clip_source source = {.path = in_folder("long.mp4"), .start = cut[i].start, .end = cut[i].end};
        s4d_status status = s4d_clip_open(&source, &clip, &err);
        assert_int_equal(status, cut[i].frames ? S4D_OK : S4D_FAILED);
        if (status != S4D_OK) {
            assert_non_null(strstr(err.text, "its last is shown at 1.560 s"));
            continue;
        }
        assert_int_equal(s4d_clip_frames(clip), cut[i].frames);
        int last = cut[i].frames - 1, same = cut[i].first + last;
        read_frames(clip, &last, 1, &frame);
        read_frames(whole, &same, 1, &want);
        assert_memory_equal(frame.rgb, want.rgb, 24 * 32 * 3);
        s4d_clip_close(&clip);
    }
    s4d_clip_close(&whole);
    s4d_image_release(&frame);
    s4d_image_release(&want);
    s4d_clip *uneven;
    s4d_clip_source source = {.path = fixture("uneven.mp4"), .start = 0.4, .end = 1.0};
    assert_int_equal(s4d_clip_open(&source, &uneven, &err), S4D_OK);
    assert_int_equal(s4d_clip_frames(uneven), 4); /* shown at 0.4, 0.56, 0.72 and 0.88 s */
    for (int i = 0; i < 4; i++) {
        read_frames(uneven, &i, 1, &frame);
        assert_level(&frame, 10 + i);
    }
    s4d_clip_close(&uneven);
    s4d_image_release(&frame);
    s4d_image_release(&want);
    assert_int_equal(s4d_dir_make(in_folder("still"), NULL), S4D_OK);
    s4d_clip *none;
    assert_int_equal(s4d_clip_open(&(s4d_clip_source){.path = in_folder("still"), .start = 1}, &none, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "a folder of frames"));
}

static void test_a_failed_writer_leaves_no_file(void **state)
{
    (void)state;
    s4d_err err = {0};
    if (!s4d_video_library()) {
        assert_int_equal(write_video(in_folder("x.mp4"), 16, 16, 1, &err), S4D_FAILED);
        assert_non_null(strstr(err.text, "no video support"));
        return;
    }
    assert_int_equal(write_video(in_folder("none.mp4"), 16, 16, 0, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "no frame"));
    assert_false(s4d_path_exists(in_folder("none.mp4")));
    assert_int_equal(write_video(in_folder("no/folder.mp4"), 16, 16, 2, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "no/folder.mp4"));
    assert_int_equal(write_video(in_folder("big.mp4"), 16, 9000, 1, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "9000"));
    assert_false(s4d_path_exists(in_folder("big.mp4")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder_orders),
        cmocka_unit_test(test_folders_and_paths_that_hold_nothing),
        cmocka_unit_test(test_a_bad_picture_is_named),
        cmocka_unit_test(test_files_that_are_no_video),
        cmocka_unit_test(test_kinds_of_video),
        cmocka_unit_test(test_cut_videos),
        cmocka_unit_test(test_a_cut_says_how_far_it_can_be_read),
        cmocka_unit_test(test_cut_avi),
        cmocka_unit_test(test_flipped_bytes_never_crash),
        cmocka_unit_test(test_written_videos_come_back),
        cmocka_unit_test(test_odd_sizes),
        cmocka_unit_test(test_jumps_between_key_frames),
        cmocka_unit_test(test_seconds_that_count),
        cmocka_unit_test(test_a_pipe_is_no_video),
        cmocka_unit_test(test_a_failed_writer_leaves_no_file),
    };
    if (!mkdtemp(folder)) {
        return 1;
    }
    s4d_log_set_level(S4D_LOG_SILENT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return s4d_dir_remove(folder, NULL) == S4D_OK ? failed : 1;
}
