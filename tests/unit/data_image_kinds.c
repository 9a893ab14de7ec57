/* Rare kinds of pictures, made here byte by byte, and silence about broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/data/image.h"

static char folder[] = "/tmp/s4d-kinds-XXXXXX";
static char path[S4D_PATH_MAX];

/* ---- a PNG writer for what the library's own does not write ---- */

typedef struct png_kind {
    int height, width, depth, colour, interlaced;
} png_kind;

enum { GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4 };

static void put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

static uint32_t crc_of(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        }
    }
    return ~crc;
}

static void put_chunk(s4d_str *png, const char *name, const uint8_t *data, size_t n)
{
    uint8_t head[8], tail[4];
    s4d_str body = {0};
    put_u32(head, (uint32_t)n);
    memcpy(head + 4, name, 4);
    s4d_str_add_bytes(&body, name, 4);
    s4d_str_add_bytes(&body, data, n);
    put_u32(tail, crc_of((const uint8_t *)body.text, body.size));
    s4d_str_add_bytes(png, head, 8);
    s4d_str_add_bytes(png, data, n);
    s4d_str_add_bytes(png, tail, 4);
    s4d_str_release(&body);
}

/* zlib's frame around one stored block. */
static void put_pixels(s4d_str *png, const uint8_t *data, size_t n)
{
    uint32_t a = 1, b = 0;
    uint8_t head[7] = {0x78, 1, 1, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
    uint8_t sum[4];
    s4d_str z = {0};
    for (size_t i = 0; i < n; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    put_u32(sum, b << 16 | a);
    s4d_str_add_bytes(&z, head, sizeof head);
    s4d_str_add_bytes(&z, data, n);
    s4d_str_add_bytes(&z, sum, sizeof sum);
    put_chunk(png, "IDAT", (const uint8_t *)z.text, z.size);
    s4d_str_release(&z);
}

/* `extra` (chunks such as PLTE) may be NULL; `rows` are filter bytes and samples as they stand in
 * the file. */
static s4d_str make_png(png_kind kind, const s4d_str *extra, const uint8_t *rows, size_t n)
{
    s4d_str png = {0};
    uint8_t header[13] = {0};
    s4d_str_add_bytes(&png, "\x89PNG\r\n\x1a\n", 8);
    put_u32(header, (uint32_t)kind.width);
    put_u32(header + 4, (uint32_t)kind.height);
    header[8] = (uint8_t)kind.depth;
    header[9] = (uint8_t)kind.colour;
    header[12] = (uint8_t)kind.interlaced;
    put_chunk(&png, "IHDR", header, sizeof header);
    if (extra) {
        s4d_str_add_bytes(&png, extra->text, extra->size);
    }
    put_pixels(&png, rows, n);
    put_chunk(&png, "IEND", NULL, 0);
    return png;
}

static s4d_status read_bytes(const void *bytes, size_t n, s4d_image *out, s4d_err *err)
{
    snprintf(path, sizeof path, "%s/picture", folder);
    assert_int_equal(s4d_file_write(path, bytes, n, err), S4D_OK);
    return s4d_image_read(path, out, err);
}

static void assert_png(s4d_str png, const uint8_t *rgb, int height, int width)
{
    s4d_image image = {0};
    s4d_err err = {0};
    if (read_bytes(png.text, png.size, &image, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(image.height == height && image.width == width);
    assert_memory_equal(image.rgb, rgb, (size_t)(height * width * 3));
    s4d_image_release(&image);
    s4d_str_release(&png);
}

static void test_gray_below_eight_bits(void **state)
{
    (void)state;
    static const uint8_t one[] = {0, 0xA0}, two[] = {0, 0x1B}, four[] = {0, 0x0F, 0x70};
    static const uint8_t rgb1[] = {255, 255, 255, 0, 0, 0, 255, 255, 255};
    static const uint8_t rgb2[] = {0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255};
    static const uint8_t rgb4[] = {0, 0, 0, 255, 255, 255, 119, 119, 119};
    assert_png(make_png((png_kind){1, 3, 1, GRAY, 0}, NULL, one, sizeof one), rgb1, 1, 3);
    assert_png(make_png((png_kind){1, 4, 2, GRAY, 0}, NULL, two, sizeof two), rgb2, 1, 4);
    assert_png(make_png((png_kind){1, 3, 4, GRAY, 0}, NULL, four, sizeof four), rgb4, 1, 3);
}

static void test_palette_with_transparency_keeps_its_colours(void **state)
{
    (void)state;
    static const uint8_t colour[] = {10, 20, 30, 40, 50, 60, 70, 80, 90};
    static const uint8_t alpha[] = {0, 128}, rows[] = {0, 0x18};
    static const uint8_t rgb[] = {10, 20, 30, 40, 50, 60, 70, 80, 90};
    s4d_str extra = {0};
    put_chunk(&extra, "PLTE", colour, sizeof colour);
    put_chunk(&extra, "tRNS", alpha, sizeof alpha);
    assert_png(make_png((png_kind){1, 3, 2, PALETTE, 0}, &extra, rows, sizeof rows), rgb, 1, 3);
    s4d_str_release(&extra);
}

static void test_named_transparent_colours_stay(void **state)
{
    (void)state;
    static const uint8_t key_rgb[] = {0, 1, 0, 2, 0, 3}, key_gray[] = {0, 1};
    static const uint8_t rows[] = {0, 1, 2, 3, 4, 5, 6}, rgb[] = {1, 2, 3, 4, 5, 6};
    static const uint8_t bits[] = {0, 0x40}, two_grays[] = {0, 0, 0, 255, 255, 255};
    s4d_str extra = {0};
    put_chunk(&extra, "tRNS", key_rgb, sizeof key_rgb);
    assert_png(make_png((png_kind){1, 2, 8, RGB, 0}, &extra, rows, sizeof rows), rgb, 1, 2);
    s4d_str_clear(&extra);
    put_chunk(&extra, "tRNS", key_gray, sizeof key_gray);
    assert_png(make_png((png_kind){1, 2, 1, GRAY, 0}, &extra, bits, sizeof bits), two_grays, 1, 2);
    s4d_str_release(&extra);
}

static void test_sixteen_bits_keep_the_high_byte(void **state)
{
    (void)state;
    static const uint8_t rows[] = {0, 0x12, 0xFF, 0x80, 0x00, 0xFF, 0x7F};
    static const uint8_t rgb[] = {0x12, 0x80, 0xFF};
    static const uint8_t veiled[] = {0, 0x12, 0xFF, 0x00, 0x00};
    static const uint8_t gray[] = {0x12, 0x12, 0x12};
    assert_png(make_png((png_kind){1, 1, 16, RGB, 0}, NULL, rows, sizeof rows), rgb, 1, 1);
    assert_png(make_png((png_kind){1, 1, 16, GRAY_ALPHA, 0}, NULL, veiled, sizeof veiled), gray, 1,
               1);
}

static void test_interlaced(void **state)
{
    (void)state;
    enum { H = 9, W = 11 };
    static const int start[7][2] = {{0, 0}, {0, 4}, {4, 0}, {0, 2}, {2, 0}, {0, 1}, {1, 0}};
    static const int step[7][2] = {{8, 8}, {8, 8}, {8, 4}, {4, 4}, {4, 2}, {2, 2}, {2, 1}};
    uint8_t rows[2 * H * W], rgb[H * W * 3];
    size_t n = 0;
    for (int pass = 0; pass < 7; pass++) {
        for (int y = start[pass][0]; y < H; y += step[pass][0]) {
            rows[n++] = 0;
            for (int x = start[pass][1]; x < W; x += step[pass][1]) {
                rows[n++] = (uint8_t)(y * W + x);
            }
        }
    }
    for (int i = 0; i < H * W; i++) {
        memset(rgb + 3 * i, i, 3);
    }
    assert_png(make_png((png_kind){H, W, 8, GRAY, 1}, NULL, rows, n), rgb, H, W);
}

static void refused(const void *bytes, size_t n, const char *words)
{
    s4d_image image = {0};
    s4d_err err = {0};
    assert_int_equal(read_bytes(bytes, n, &image, &err), S4D_FAILED);
    if (!strstr(err.text, words) || !strstr(err.text, path)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
    s4d_image_release(&image);
}

static void test_png_faults(void **state)
{
    (void)state;
    static const uint8_t rows[] = {0, 1, 2, 3, 4, 5, 6};
    s4d_str png = make_png((png_kind){1, 2, 8, RGB, 0}, NULL, rows, sizeof rows);
    for (size_t n = 8; n < png.size; n++) { /* the end mark counts too */
        refused(png.text, n, "ends early");
    }
    png.text[50] ^= 1;
    refused(png.text, png.size, "damaged");
    s4d_str_release(&png);
    png = make_png((png_kind){3, 2, 8, RGB, 0}, NULL, rows, sizeof rows);
    refused(png.text, png.size, "damaged"); /* one row where three are promised */
    s4d_str_release(&png);
    png = make_png((png_kind){1, S4D_IMAGE_SIDE_MAX + 1, 8, RGB, 0}, NULL, rows, sizeof rows);
    refused(png.text, png.size, "each side must be 1..16384");
    s4d_str_release(&png);
}

static void read_file(const char *name, s4d_bytes *out)
{
    char from[S4D_PATH_MAX];
    s4d_err err = {0};
    snprintf(from, sizeof from, "%s/%s", S4D_TESTS_DIR, name);
    if (s4d_file_read(from, 0, out, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
}

/* Both halves are flat: (200,100,50) with no black, and (255,128,0) under half black. */
static void test_four_inks(void **state)
{
    (void)state;
    static const char *const name[] = {"data/cmyk.jpg", "data/ycck.jpg"};
    static const uint8_t left[3] = {200, 100, 50}, right[3] = {128, 64, 0};
    for (int k = 0; k < 2; k++) {
        s4d_bytes file = {0};
        s4d_image image = {0};
        s4d_err err = {0};
        read_file(name[k], &file);
        assert_int_equal(read_bytes(file.data, file.size, &image, &err), S4D_OK);
        assert_true(image.height == 8 && image.width == 16);
        for (int i = 0; i < 8 * 16 * 3; i++) {
            int want = (i / 3 % 16 < 8 ? left : right)[i % 3];
            assert_in_range(image.rgb[i] + 2, want, want + 4);
        }
        for (size_t n = 4; n < file.size; n++) {
            refused(file.data, n, "JPEG");
        }
        s4d_image_release(&image);
        s4d_bytes_release(&file);
    }
}

static void test_exif_rotation_is_ignored(void **state)
{
    (void)state;
    static const uint8_t exif[] = {0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,    'M', 'M',
                                   0,    42,   0, 0,  0,   8,   0,   1,   1, 0x12, 0,   3,
                                   0,    0,    0, 1,  0,   6,   0,   0,   0, 0,    0,   0};
    s4d_bytes file = {0};
    s4d_image plain = {0}, turned = {0};
    s4d_err err = {0};
    s4d_str with = {0};
    read_file("golden/images/decode/q90_420.jpg", &file);
    s4d_str_add_bytes(&with, file.data, 2);
    s4d_str_add_bytes(&with, exif, sizeof exif);
    s4d_str_add_bytes(&with, file.data + 2, file.size - 2);
    assert_int_equal(read_bytes(file.data, file.size, &plain, &err), S4D_OK);
    assert_int_equal(read_bytes(with.text, with.size, &turned, &err), S4D_OK);
    assert_true(turned.height == 90 && turned.width == 110);
    assert_memory_equal(plain.rgb, turned.rgb, 90 * 110 * 3);
    s4d_image_release(&plain);
    s4d_image_release(&turned);
    s4d_str_release(&with);
    s4d_bytes_release(&file);
}

static void test_jpeg_comes_back_near(void **state)
{
    (void)state;
    s4d_image image = {0}, again = {0};
    s4d_err err = {0};
    snprintf(path, sizeof path, "%s/odd.jpg", folder);
    assert_int_equal(s4d_image_size(&image, 13, 17, &err), S4D_OK);
    for (int i = 0; i < 13 * 17; i++) {
        memset(image.rgb + 3 * i, 40 + i / 17 * 8 + i % 17 * 4, 3);
    }
    assert_int_equal(s4d_image_write_jpeg(path, &image, 95, &err), S4D_OK);
    assert_int_equal(s4d_image_read(path, &again, &err), S4D_OK);
    assert_true(again.height == 13 && again.width == 17);
    for (int i = 0; i < 13 * 17 * 3; i++) {
        assert_in_range(again.rgb[i] + 6, image.rgb[i], image.rgb[i] + 12);
    }
    s4d_image_release(&image);
    s4d_image_release(&again);
}

static void test_cut_bmp(void **state)
{
    (void)state;
    s4d_bytes file = {0};
    read_file("golden/images/decode/rgb.bmp", &file);
    for (size_t n = 2; n < file.size; n += n < file.size - 300 ? 997 : 1) {
        refused(file.data, n, "the BMP file is damaged (it ends early)");
    }
    s4d_bytes_release(&file);
}

static void test_libraries_print_nothing(void **state)
{
    (void)state;
    static const char *const name[] = {"golden/images/decode/rgb.png",
                                       "golden/images/decode/prog.jpg",
                                       "golden/images/decode/rgb.bmp"};
    char log[S4D_PATH_MAX];
    s4d_bytes said = {0};
    snprintf(log, sizeof log, "%s/log", folder);
    int kept = dup(STDERR_FILENO);
    assert_non_null(freopen(log, "w", stderr));
    for (int k = 0; k < 3; k++) {
        s4d_bytes file = {0};
        s4d_image image = {0};
        read_file(name[k], &file);
        for (size_t i = 20; i < file.size; i += 501) {
            file.data[i] ^= 0xFF;
            read_bytes(file.data, file.size, &image, NULL);
        }
        s4d_image_release(&image);
        s4d_bytes_release(&file);
    }
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(s4d_file_read(log, 0, &said, NULL), S4D_OK);
    assert_int_equal(said.size, 0);
    s4d_bytes_release(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gray_below_eight_bits),
        cmocka_unit_test(test_palette_with_transparency_keeps_its_colours),
        cmocka_unit_test(test_named_transparent_colours_stay),
        cmocka_unit_test(test_sixteen_bits_keep_the_high_byte),
        cmocka_unit_test(test_interlaced),
        cmocka_unit_test(test_png_faults),
        cmocka_unit_test(test_four_inks),
        cmocka_unit_test(test_exif_rotation_is_ignored),
        cmocka_unit_test(test_jpeg_comes_back_near),
        cmocka_unit_test(test_cut_bmp),
        cmocka_unit_test(test_libraries_print_nothing),
    };
    if (!mkdtemp(folder)) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return s4d_dir_remove(folder, NULL) == S4D_OK ? failed : 1;
}
