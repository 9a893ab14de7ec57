/* Orientations in JPEG and PNG files: found, applied as exif_transpose does, and any bytes survived. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "data/image_private.h"

/* A JPEG's first segments: APP0, then APP1 with a TIFF directory of two entries. */
static size_t jpeg_with(int orientation, bool big, uint8_t *out)
{
    static const uint8_t little[] = {0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xE1, 0, 42, 'E', 'x', 'i', 'f', 0, 0,
                                     'I', 'I', 42, 0, 8, 0, 0, 0, 2, 0,
                                     0x0F, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0,
                                     0x12, 1, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0xFF, 0xDA, 0, 2};
    static const uint8_t motorola[] = {0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xE1, 0, 42, 'E', 'x', 'i', 'f', 0, 0,
                                       'M', 'M', 0, 42, 0, 0, 0, 8, 0, 2,
                                       1, 0x0F, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0,
                                       1, 0x12, 0, 3, 0, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0xFF, 0xDA, 0, 2};
    memcpy(out, big ? motorola : little, sizeof little);
    out[big ? 49 : 48] = (uint8_t)orientation;
    return sizeof little;
}

static void found_in_jpeg(void **state)
{
    (void)state;
    uint8_t file[64];
    for (int o = 0; o <= 10; o++) {
        for (int big = 0; big < 2; big++) {
            size_t n = jpeg_with(o, big, file);
            assert_int_equal(s4d_exif_orientation(file, n), o >= 1 && o <= 8 ? o : 1);
        }
    }
}

static void found_in_png(void **state)
{
    (void)state;
    static const uint8_t file[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0, 2, 't', 'E', 'X', 't', 1, 2, 0, 0, 0, 0,
                                   0, 0, 0, 26, 'e', 'X', 'I', 'f', 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
                                   1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
    assert_int_equal(s4d_exif_orientation(file, sizeof file), 6);
    for (size_t n = 0; n < 50; n++) {
        assert_int_equal(s4d_exif_orientation(file, n), 1);
    }
}

/* Every cut and every changed byte: an answer, and nothing outside is read (under the address sanitizer). */
static void any_bytes(void **state)
{
    (void)state;
    uint8_t file[64];
    size_t n = jpeg_with(6, false, file);
    for (size_t cut = 0; cut <= n; cut++) {
        uint8_t *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact, file, cut);
        uint8_t *tight = realloc(exact, cut ? cut : 1);
        assert_non_null(tight);
        assert_in_range(s4d_exif_orientation(tight, cut), 1, 8);
        for (size_t i = 0; i < cut; i++) {
            for (int value = 0; value < 256; value += 51) {
                uint8_t kept = tight[i];
                tight[i] = (uint8_t)value;
                assert_in_range(s4d_exif_orientation(tight, cut), 1, 8);
                tight[i] = kept;
            }
        }
        free(tight);
    }
}

/* A picture of 2 rows and 3 columns, numbered 0..5, as each orientation shows it. */
static void applied(void **state)
{
    (void)state;
    static const struct {
        int height, width, pixel[6];
    } want[9] = {{0},
                 {2, 3, {0, 1, 2, 3, 4, 5}}, {2, 3, {2, 1, 0, 5, 4, 3}}, {2, 3, {5, 4, 3, 2, 1, 0}}, {2, 3, {3, 4, 5, 0, 1, 2}},
                 {3, 2, {0, 3, 1, 4, 2, 5}}, {3, 2, {3, 0, 4, 1, 5, 2}}, {3, 2, {5, 2, 4, 1, 3, 0}}, {3, 2, {2, 5, 1, 4, 0, 3}}};
    for (int o = 1; o <= 8; o++) {
        s4d_image image = {0};
        assert_int_equal(s4d_image_size(&image, 2, 3, NULL), S4D_OK);
        for (int i = 0; i < 6; i++) {
            memset(image.rgb + 3 * i, i, 3);
        }
        assert_int_equal(s4d_exif_apply(o, &image, NULL), S4D_OK);
        assert_true(image.height == want[o].height && image.width == want[o].width);
        for (int i = 0; i < 6; i++) {
            assert_int_equal(image.rgb[3 * i], want[o].pixel[i]);
            assert_int_equal(image.rgb[3 * i + 2], want[o].pixel[i]);
        }
        s4d_image_release(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_in_jpeg), cmocka_unit_test(found_in_png),
        cmocka_unit_test(any_bytes),     cmocka_unit_test(applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
