/* Decoded frames as RGB images: every pixel of every width, and all eight ways a file can ask to be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef S4D_WITH_VIDEO

#include <libavutil/display.h>
#include <libavutil/pixdesc.h>

#include "data/stream_ffmpeg.h"
#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/base/rng.h"
#include "s4d/data/clip.h"

/* A stream that holds nothing but a frame, of random bytes. */
static void make_stream(s4d_stream *s, enum AVPixelFormat format, int height, int width)
{
    static const AVInputFormat input = {.name = "none"};
    static AVFormatContext about = {.iformat = &input};
    s4d_rng rng = s4d_rng_make(7, S4D_RNG_TEST, (uint32_t)width, (uint32_t)height);
    static AVStream video;
    static AVCodecParameters parameters;
    video.codecpar = &parameters;
    *s = (s4d_stream){.format = &about, .video = &video, .frame = av_frame_alloc()};
    assert_non_null(s->frame);
    s->frame->format = format;
    s->frame->height = height;
    s->frame->width = width;
    assert_true(av_frame_get_buffer(s->frame, 0) >= 0);
    for (int b = 0; b < AV_NUM_DATA_POINTERS && s->frame->buf[b]; b++) {
        for (size_t i = 0; i < (size_t)s->frame->buf[b]->size; i++) {
            s->frame->buf[b]->data[i] = (uint8_t)s4d_rng_u32(&rng);
        }
    }
}

static void drop_stream(s4d_stream *s)
{
    av_frame_free(&s->frame);
    sws_freeContext(s->scale);
    s4d_mem_free(s->rows);
}

/* The same conversion into rows that have far more room than any code of libswscale fills, set to `level` before it. */
static uint8_t *convert(const AVFrame *f, int level, size_t stride)
{
    uint8_t *rgb = s4d_mem_alloc((size_t)f->height + 1, stride);
    assert_non_null(rgb);
    memset(rgb, level, ((size_t)f->height + 1) * stride);
    struct SwsContext *scale = sws_getContext(f->width, f->height, f->format, f->width, f->height, AV_PIX_FMT_RGB24,
                                              SWS_BICUBIC, NULL, NULL, NULL);
    assert_non_null(scale);
    uint8_t *to[4] = {rgb};
    const int strides[4] = {(int)stride};
    assert_int_equal(sws_scale(scale, (const uint8_t *const *)f->data, f->linesize, 0, f->height, to, strides), f->height);
    sws_freeContext(scale);
    return rgb;
}

static void check_conversion(enum AVPixelFormat format, int height, int width)
{
    s4d_stream s;
    s4d_image image = {0};
    make_stream(&s, format, height, width);
    size_t stride = ((size_t)width + 191) / 64 * 64 * 3, row = (size_t)width * 3;
    uint8_t *dark = convert(s.frame, 0, stride), *bright = convert(s.frame, 255, stride);
    for (int turn = 0; turn < 2; turn++) { /* again, over rows that hold something else */
        if (turn == 1) {
            memset(s.rows, 0x77, s.room);
        }
        assert_int_equal(s4d_stream_rgb(&s, &image, NULL), S4D_OK);
        assert_true(image.height == height && image.width == width);
        for (int y = 0; y < height; y++) {
            const uint8_t *want = dark + (size_t)y * stride;
            assert_memory_equal(want, bright + (size_t)y * stride, row);
            if (memcmp(image.rgb + (size_t)y * row, want, row) != 0) {
                fail_msg("%s, %d wide, %d high: row %d differs", av_get_pix_fmt_name(format), width, height, y);
            }
        }
    }
    s4d_mem_free(dark);
    s4d_mem_free(bright);
    s4d_image_release(&image);
    drop_stream(&s);
}

static void test_every_width_of_every_format(void **state)
{
    (void)state;
    static const enum AVPixelFormat format[] = {
        AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P,     AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUV440P,
        AV_PIX_FMT_YUV411P, AV_PIX_FMT_YUV410P,      AV_PIX_FMT_YUVA420P, AV_PIX_FMT_NV12,   AV_PIX_FMT_YUYV422,
        AV_PIX_FMT_GRAY8,   AV_PIX_FMT_YUV420P10LE,  AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV444P10LE, AV_PIX_FMT_YUV420P12LE,
        AV_PIX_FMT_P010LE,  AV_PIX_FMT_GBRP,         AV_PIX_FMT_GBRP10LE, AV_PIX_FMT_RGB24,  AV_PIX_FMT_BGR24,
        AV_PIX_FMT_BGRA,    AV_PIX_FMT_BGR0,         AV_PIX_FMT_RGB565LE, AV_PIX_FMT_RGB555LE, AV_PIX_FMT_PAL8,
        AV_PIX_FMT_MONOBLACK};
    for (size_t f = 0; f < sizeof format / sizeof format[0]; f++) {
        for (int width = 2; width <= 130; width++) {
            check_conversion(format[f], 7 + width % 3, width);
        }
    }
    static const int wide[] = {306, 322, 340, 354, 596, 598, 642, 850, 852, 854, 1366};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        check_conversion(AV_PIX_FMT_YUV420P, 6, wide[i]);
    }
}

/* ---- display matrices ---- */

/* The first two columns of ISO 14496-12's matrix, and where the pixel shown at (y, x) stands in the stored 24 x 32 frame. */
static const struct {
    const char *name;
    int32_t a, b, c, d;
    bool swaps, from_right, from_below;
} shown[8] = {{"as it is", 1, 0, 0, 1, false, false, false},       {"mirrored", -1, 0, 0, 1, false, true, false},
              {"upside down", -1, 0, 0, -1, false, true, true},    {"mirrored downwards", 1, 0, 0, -1, false, false, true},
              {"transposed", 0, 1, 1, 0, true, false, false},      {"clockwise", 0, 1, -1, 0, true, false, true},
              {"transverse", 0, -1, -1, 0, true, true, true},      {"counter-clockwise", 0, -1, 1, 0, true, true, false}};

static void check_shown(int i, const s4d_image *stored, const s4d_image *image)
{
    assert_int_equal(image->height, shown[i].swaps ? stored->width : stored->height);
    assert_int_equal(image->width, shown[i].swaps ? stored->height : stored->width);
    for (int y = 0; y < image->height; y++) {
        for (int x = 0; x < image->width; x++) {
            int from_y = shown[i].swaps ? x : y, from_x = shown[i].swaps ? y : x;
            from_y = shown[i].from_below ? stored->height - 1 - from_y : from_y;
            from_x = shown[i].from_right ? stored->width - 1 - from_x : from_x;
            if (memcmp(image->rgb + 3 * (y * image->width + x), stored->rgb + 3 * (from_y * stored->width + from_x), 3) != 0) {
                fail_msg("%s: row %d, column %d", shown[i].name, y, x);
            }
        }
    }
}

static void put_be(uint8_t *to, int32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)((uint32_t)value >> (24 - 8 * i));
    }
}

static void write_plain(const char *path)
{
    s4d_video_writer *w = NULL;
    s4d_image image = {0};
    s4d_rng rng = s4d_rng_make(3, S4D_RNG_TEST, 0, 0);
    assert_int_equal(s4d_video_writer_create(path, 24, 32, 25, &w, NULL), S4D_OK);
    assert_int_equal(s4d_image_size(&image, 24, 32, NULL), S4D_OK);
    for (int i = 0; i < 24 * 32 * 3; i++) {
        image.rgb[i] = (uint8_t)s4d_rng_u32(&rng);
    }
    assert_int_equal(s4d_video_writer_add(w, &image, NULL), S4D_OK);
    assert_int_equal(s4d_video_writer_close(&w, NULL), S4D_OK);
    s4d_image_release(&image);
}

static void read_first(const char *path, s4d_image *image)
{
    s4d_clip *clip = NULL;
    s4d_err err = {0};
    if (s4d_clip_open(&(s4d_clip_source){.path = path}, &clip, &err) != S4D_OK ||
        s4d_clip_read(clip, (int[]){0}, 1, image, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    s4d_clip_close(&clip);
}

/* The matrix in the header of a file's one track: of any scale, since phones write others than 1. */
static void test_the_eight_matrices_of_a_file(void **state)
{
    (void)state;
    static char folder[] = "/tmp/s4d-rgb-XXXXXX";
    char path[S4D_PATH_MAX];
    s4d_bytes file = {0};
    s4d_image stored = {0}, image = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.mp4", folder);
    write_plain(path);
    read_first(path, &stored);
    assert_int_equal(s4d_file_read(path, 0, &file, NULL), S4D_OK);
    uint8_t *track = memmem(file.data, file.size, "tkhd", 4);
    assert_non_null(track);
    for (int i = 0; i < 16; i++) {
        int32_t unit = i < 8 ? 1 << 16 : 3 << 15;
        uint8_t *matrix = track + 44;
        put_be(matrix, shown[i % 8].a * unit);
        put_be(matrix + 4, shown[i % 8].b * unit);
        put_be(matrix + 12, shown[i % 8].c * unit);
        put_be(matrix + 16, shown[i % 8].d * unit);
        assert_int_equal(s4d_file_write(path, file.data, file.size, NULL), S4D_OK);
        read_first(path, &image);
        check_shown(i % 8, &stored, &image);
    }
    s4d_bytes_release(&file);
    s4d_image_release(&stored);
    s4d_image_release(&image);
    assert_int_equal(s4d_dir_remove(folder, NULL), S4D_OK);
}

/* As H.264's display orientation gives it. A slant that is no multiple of a right angle changes nothing. */
static void test_the_matrix_of_a_frame(void **state)
{
    (void)state;
    s4d_stream s;
    s4d_image stored = {0}, image = {0};
    make_stream(&s, AV_PIX_FMT_YUV420P, 24, 32);
    assert_int_equal(s4d_stream_rgb(&s, &stored, NULL), S4D_OK);
    AVFrameSideData *side = av_frame_new_side_data(s.frame, AV_FRAME_DATA_DISPLAYMATRIX, 9 * sizeof(int32_t));
    assert_non_null(side);
    int32_t *m = (int32_t *)side->data;
    for (int i = 0; i < 8; i++) {
        memcpy(m, (int32_t[9]){shown[i].a * 65536, shown[i].b * 65536, 0, shown[i].c * 65536, shown[i].d * 65536, 0, 0, 0, 1 << 30},
               9 * sizeof *m);
        assert_int_equal(s4d_stream_rgb(&s, &image, NULL), S4D_OK);
        check_shown(i, &stored, &image);
    }
    static const double slant[] = {30, 45, -88, 91.2, 179, -1};
    for (size_t i = 0; i < sizeof slant / sizeof slant[0]; i++) {
        av_display_rotation_set(m, slant[i]);
        assert_int_equal(s4d_stream_rgb(&s, &image, NULL), S4D_OK);
        check_shown(0, &stored, &image);
    }
    memset(m, 0, 9 * sizeof *m);
    assert_int_equal(s4d_stream_rgb(&s, &image, NULL), S4D_OK);
    check_shown(0, &stored, &image);
    s4d_image_release(&stored);
    s4d_image_release(&image);
    drop_stream(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_width_of_every_format),
        cmocka_unit_test(test_the_eight_matrices_of_a_file),
        cmocka_unit_test(test_the_matrix_of_a_frame),
    };
    s4d_log_set_level(S4D_LOG_SILENT);
    av_log_set_level(AV_LOG_QUIET);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    puts("this build has no video support");
    return 77;
}

#endif
