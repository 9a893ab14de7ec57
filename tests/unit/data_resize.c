/* Resizing beyond the golden pictures: flat pictures, extreme shapes, one axis at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/data/image.h"

static s4d_image noise(int height, int width, uint32_t seed)
{
    s4d_image image = {0};
    assert_int_equal(s4d_image_size(&image, height, width, NULL), S4D_OK);
    for (int i = 0; i < height * width * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        image.rgb[i] = (uint8_t)(seed >> 24);
    }
    return image;
}

static s4d_image resized(const s4d_image *in, s4d_filter filter, int height, int width)
{
    s4d_image out = {0};
    s4d_err err = {0};
    if (s4d_image_resize(in, NULL, filter, height, width, &out, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(out.height == height && out.width == width);
    return out;
}

static void assert_same(const s4d_image *a, const s4d_image *b)
{
    assert_true(a->height == b->height && a->width == b->width);
    assert_memory_equal(a->rgb, b->rgb, (size_t)(a->height * a->width * 3));
}

/* Weights sum to 2^22 but for rounding, so a flat picture stays flat, to the brightest. */
static void test_flat_pictures_stay_flat(void **state)
{
    (void)state;
    static const int level[] = {0, 1, 128, 255};
    for (int k = 0; k < 4; k++) {
        for (int filter = S4D_BILINEAR; filter <= S4D_BICUBIC; filter++) {
            s4d_image in = noise(37, 53, 1);
            memset(in.rgb, level[k], 37 * 53 * 3);
            s4d_image out = resized(&in, (s4d_filter)filter, 61, 19);
            for (int i = 0; i < 61 * 19 * 3; i++) {
                assert_int_equal(out.rgb[i], level[k]);
            }
            s4d_image_release(&in);
            s4d_image_release(&out);
        }
    }
}

static void test_extreme_shapes(void **state)
{
    (void)state;
    static const int shape[][4] = {{1, 1, 33, 47},
                                   {33, 47, 1, 1},
                                   {1, 997, 16, 16},
                                   {S4D_IMAGE_SIDE_MAX, 1, 1, 3},
                                   {1, S4D_IMAGE_SIDE_MAX, 3, 1},
                                   {1, 1, 1, S4D_IMAGE_SIDE_MAX}};
    for (size_t k = 0; k < sizeof shape / sizeof shape[0]; k++) {
        s4d_image in = noise(shape[k][0], shape[k][1], 2);
        s4d_image out = resized(&in, S4D_BICUBIC, shape[k][2], shape[k][3]);
        if (shape[k][0] == 1 && shape[k][1] == 1) {
            for (int i = 0; i < out.height * out.width; i++) {
                assert_memory_equal(out.rgb + 3 * i, in.rgb, 3);
            }
        }
        s4d_image_release(&in);
        s4d_image_release(&out);
    }
}

/* Rows first, rounded to bytes, then columns: the two passes one after the other are the same. */
static void test_the_two_passes_follow_each_other(void **state)
{
    (void)state;
    for (int filter = S4D_BILINEAR; filter <= S4D_BICUBIC; filter++) {
        s4d_image in = noise(45, 70, 3);
        s4d_image both = resized(&in, (s4d_filter)filter, 80, 33);
        s4d_image rows = resized(&in, (s4d_filter)filter, 45, 33);
        s4d_image after = resized(&rows, (s4d_filter)filter, 80, 33);
        assert_same(&both, &after);
        s4d_image_release(&in);
        s4d_image_release(&both);
        s4d_image_release(&rows);
        s4d_image_release(&after);
    }
}

static s4d_image turned(const s4d_image *in)
{
    s4d_image out = {0};
    assert_int_equal(s4d_image_size(&out, in->width, in->height, NULL), S4D_OK);
    for (int y = 0; y < in->height; y++) {
        for (int x = 0; x < in->width; x++) {
            memcpy(out.rgb + (x * in->height + y) * 3, in->rgb + (y * in->width + x) * 3, 3);
        }
    }
    return out;
}

/* The passes are two pieces of code for one formula: along rows of the picture, along columns of
 * the turned one. */
static void test_rows_and_columns_agree(void **state)
{
    (void)state;
    static const int width[] = {1, 7, 31, 32, 33, 64, 131};
    for (size_t k = 0; k < sizeof width / sizeof width[0]; k++) {
        s4d_image in = noise(67, 90, 4), in_turned = turned(&in);
        s4d_image out = resized(&in, S4D_BICUBIC, 67, width[k]);
        s4d_image out_turned = resized(&in_turned, S4D_BICUBIC, width[k], 67);
        s4d_image back = turned(&out_turned);
        assert_same(&out, &back);
        s4d_image_release(&in);
        s4d_image_release(&in_turned);
        s4d_image_release(&out);
        s4d_image_release(&out_turned);
        s4d_image_release(&back);
    }
}

static void test_room_is_kept(void **state)
{
    (void)state;
    s4d_image in = noise(20, 20, 5), out = noise(40, 40, 6);
    const uint8_t *block = out.rgb;
    assert_int_equal(s4d_image_resize(&in, NULL, S4D_BILINEAR, 10, 10, &out, NULL), S4D_OK);
    assert_ptr_equal(out.rgb, block);
    s4d_image_release(&in);
    s4d_image_release(&out);
}

static void test_sizes_that_cannot_be(void **state)
{
    (void)state;
    s4d_image in = noise(4, 4, 7), out = {0};
    s4d_err err = {0};
    assert_int_equal(s4d_image_resize(&in, NULL, S4D_BILINEAR, 0, 4, &out, &err), S4D_FAILED);
    assert_int_equal(
        s4d_image_resize(&in, NULL, S4D_BILINEAR, 4, S4D_IMAGE_SIDE_MAX + 1, &out, &err),
        S4D_FAILED);
    assert_non_null(strstr(err.text, "1..16384"));
    s4d_image_release(&in);
    s4d_image_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flat_pictures_stay_flat),
        cmocka_unit_test(test_extreme_shapes),
        cmocka_unit_test(test_the_two_passes_follow_each_other),
        cmocka_unit_test(test_rows_and_columns_agree),
        cmocka_unit_test(test_room_is_kept),
        cmocka_unit_test(test_sizes_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
