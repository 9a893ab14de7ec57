/* RandAugment's operators that leave pixels where they are, on pictures small enough for paper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/data/augment.h"

static const uint8_t fill[3] = {128, 128, 128};

static void apply(s4d_image *image, s4d_augment_op op, double argument)
{
    s4d_augment_plan plan = {.count = 1, .step = {{.op = op, .argument = argument}}};
    s4d_image spare = {0};
    assert_int_equal(s4d_augment_apply(&plan, fill, image, &spare, NULL), S4D_OK);
    s4d_image_release(&spare);
}

static s4d_image picture(int height, int width, const uint8_t *rgb)
{
    s4d_image image = {0};
    assert_int_equal(s4d_image_size(&image, height, width, NULL), S4D_OK);
    memcpy(image.rgb, rgb, (size_t)(height * width * 3));
    return image;
}

/* gray [height,width], the same in all channels. */
static s4d_image gray_picture(int height, int width, const uint8_t *gray)
{
    s4d_image image = {0};
    assert_int_equal(s4d_image_size(&image, height, width, NULL), S4D_OK);
    for (int i = 0; i < height * width * 3; i++) {
        image.rgb[i] = gray[i / 3];
    }
    return image;
}

static void assert_gray(const s4d_image *image, const uint8_t *gray)
{
    for (int i = 0; i < image->height * image->width * 3; i++) {
        if (image->rgb[i] != gray[i / 3]) {
            fail_msg("value %d: got %d, expected %d", i, image->rgb[i], gray[i / 3]);
        }
    }
}

/* One operator on a row of gray pixels. */
static void check_row(s4d_augment_op op, double argument, int n, const uint8_t *in,
                      const uint8_t *want)
{
    s4d_image image = gray_picture(1, n, in);
    apply(&image, op, argument);
    assert_gray(&image, want);
    s4d_image_release(&image);
}

/* A row of all 256 values through an operator, against a function of the value. */
static void check_all_values(s4d_augment_op op, double argument,
                             int (*want)(int x, double argument))
{
    uint8_t in[256], out[256];
    for (int i = 0; i < 256; i++) {
        in[i] = (uint8_t)i;
        out[i] = (uint8_t)want(i, argument);
    }
    check_row(op, argument, 256, in, out);
}

static int inverted(int x, double argument)
{
    (void)argument;
    return 255 - x;
}

/* By division, where the operator masks bits. */
static int posterized(int x, double bits)
{
    int size = 256;
    for (int i = 0; i < (int)bits; i++) {
        size /= 2;
    }
    return x / size * size;
}

static int solarized(int x, double threshold)
{
    return x >= threshold ? 255 - x : x;
}

static int brightened_half(int x, double argument)
{
    (void)argument;
    return x >= 128 ? x : x + 110;
}

static int same(int x, double argument)
{
    (void)argument;
    return x;
}

static int black(int x, double argument)
{
    (void)argument;
    (void)x;
    return 0;
}

static void test_tables(void **state)
{
    (void)state;
    check_all_values(S4D_AUGMENT_INVERT, 0, inverted);
    for (int bits = 0; bits <= 8; bits++) {
        check_all_values(S4D_AUGMENT_POSTERIZE, bits, posterized);
    }
    static const int threshold[] = {0, 1, 77, 128, 255, 256};
    for (size_t k = 0; k < sizeof threshold / sizeof *threshold; k++) {
        check_all_values(S4D_AUGMENT_SOLARIZE, threshold[k], solarized);
    }
    check_all_values(S4D_AUGMENT_SOLARIZE_ADD, 0, same);
    check_all_values(S4D_AUGMENT_SOLARIZE_ADD, 110, brightened_half);
}

/* Magnitudes above 10 lead beyond the usual ranges. */
static void test_arguments_beyond_the_range(void **state)
{
    (void)state;
    static const uint8_t in[] = {0, 100, 127, 128}, bright[] = {200, 255, 255, 128};
    check_all_values(S4D_AUGMENT_POSTERIZE, -3, black);
    check_all_values(S4D_AUGMENT_POSTERIZE, 1e9, same);
    check_all_values(S4D_AUGMENT_SOLARIZE, -1e9, inverted);
    check_all_values(S4D_AUGMENT_SOLARIZE, 1e9, same);
    check_row(S4D_AUGMENT_SOLARIZE_ADD, 200, 4, in, bright);
}

/* 10..30 is stretched by 12.75: 20 comes to 127.5, which is cut. */
static void test_autocontrast(void **state)
{
    (void)state;
    static const uint8_t in[] = {10, 50, 0, 20, 50, 9, 30, 50, 255};
    static const uint8_t want[] = {0, 50, 0, 127, 50, 9, 255, 50, 255};
    s4d_image image = picture(3, 1, in);
    apply(&image, S4D_AUGMENT_AUTOCONTRAST, 0);
    assert_memory_equal(image.rgb, want, sizeof want);
    s4d_image_release(&image);
}

/* 510 of 0, 510 of 100, 1020 of 200: step (2040 - 1020) / 255 = 4, from 4 / 2 = 2 on; so 2/4, 512/4
 * and 1022/4. */
static void test_equalize(void **state)
{
    (void)state;
    uint8_t in[2040], want[2040];
    for (int i = 0; i < 2040; i++) {
        in[i] = i < 1020 ? 200 : i < 1530 ? 0 : 100;
        want[i] = i < 1020 ? 255 : i < 1530 ? 0 : 128;
    }
    s4d_image image = gray_picture(40, 51, in);
    apply(&image, S4D_AUGMENT_EQUALIZE, 0);
    assert_gray(&image, want);
    s4d_image_release(&image);
}

/* The counts before the brightest make n grow past 255 steps: n/4 would be 256. */
static void test_equalize_does_not_overflow(void **state)
{
    (void)state;
    uint8_t in[1024];
    memset(in, 7, sizeof in);
    in[1023] = 9; /* step 1023/255 = 4; values above 7 come to (2 + 1023) / 4 = 256 */
    s4d_image image = gray_picture(32, 32, in);
    apply(&image, S4D_AUGMENT_EQUALIZE, 0);
    assert_int_equal(image.rgb[0], 0);
    assert_int_equal(image.rgb[1023 * 3], 255);
    s4d_image_release(&image);
}

/* Fewer than 255 pixels below the brightest: no step. */
static void test_equalize_leaves_small_pictures(void **state)
{
    (void)state;
    uint8_t in[256];
    for (int i = 0; i < 256; i++) {
        in[i] = i < 254 ? 3 : 90;
    }
    check_row(S4D_AUGMENT_EQUALIZE, 0, 256, in, in);
}

static void test_color(void **state)
{
    (void)state;
    static const uint8_t in[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 10, 10};
    static const uint8_t gray[] = {76, 150, 29, 255, 10};
    static const uint8_t half[] = {165, 38,  38,  75,  202, 75, 14, 14,
                                   142, 255, 255, 255, 10,  10, 10};
    static const uint8_t more[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 10, 10};
    s4d_image image = picture(1, 5, in);
    apply(&image, S4D_AUGMENT_COLOR, 0.0);
    assert_gray(&image, gray);
    memcpy(image.rgb, in, sizeof in);
    apply(&image, S4D_AUGMENT_COLOR, 0.5);
    assert_memory_equal(image.rgb, half, sizeof half);
    memcpy(image.rgb, in, sizeof in);
    apply(&image, S4D_AUGMENT_COLOR, 1.9);
    assert_memory_equal(image.rgb, more, sizeof more);
    s4d_image_release(&image);
}

static void test_brightness(void **state)
{
    (void)state;
    static const uint8_t in[] = {0, 3, 100, 200, 255};
    check_row(S4D_AUGMENT_BRIGHTNESS, 0.0, 5, in, (uint8_t[]){0, 0, 0, 0, 0});
    check_row(S4D_AUGMENT_BRIGHTNESS, 0.5, 5, in, (uint8_t[]){0, 1, 50, 100, 127});
    check_row(S4D_AUGMENT_BRIGHTNESS, 1.63, 5, in, (uint8_t[]){0, 4, 163, 255, 255});
}

/* The mean of 0 and 101 is 50.5, which is rounded up to 51. */
static void test_contrast(void **state)
{
    (void)state;
    static const uint8_t in[] = {0, 101};
    check_row(S4D_AUGMENT_CONTRAST, 0.0, 2, in, (uint8_t[]){51, 51});
    check_row(S4D_AUGMENT_CONTRAST, 0.5, 2, in, (uint8_t[]){25, 76});
    check_row(S4D_AUGMENT_CONTRAST, 2.0, 2, in, (uint8_t[]){0, 151});
}

/* 3x3 with 130 in the middle: its blurred value is 5*130/13 = 50. */
static void test_sharpness(void **state)
{
    (void)state;
    static const struct {
        double factor;
        uint8_t middle;
    } want[] = {{0.0, 50}, {0.5, 90}, {1.5, 170}, {1.9, 202}, {3.0, 255}};
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        uint8_t gray[9] = {0, 0, 0, 0, 130};
        s4d_image image = gray_picture(3, 3, gray);
        apply(&image, S4D_AUGMENT_SHARPNESS, want[k].factor);
        gray[4] = want[k].middle;
        assert_gray(&image, gray);
        s4d_image_release(&image);
    }
}

/* The blurred value is rounded, 6/13 down and 7/13 up; the border keeps its own values. */
static void test_sharpness_rounds_and_leaves_the_border(void **state)
{
    (void)state;
    for (uint8_t corner = 6; corner <= 7; corner++) {
        uint8_t gray[12] = {corner, 0, 0, 200, 0, 0, 0, 0, 90, 0, 0, 0}; /* 3 rows of 4 */
        s4d_image image = gray_picture(3, 4, gray);
        apply(&image, S4D_AUGMENT_SHARPNESS, 0.0);
        gray[5] = (uint8_t)((corner + 90 + 6) / 13); /* 96/13 = 7.38, 97/13 = 7.46 */
        gray[6] = 15;                                /* 200/13 = 15.38 */
        assert_gray(&image, gray);
        s4d_image_release(&image);
    }
    for (uint8_t corner = 6; corner <= 7; corner++) {
        uint8_t gray[9] = {corner};
        s4d_image image = gray_picture(3, 3, gray);
        apply(&image, S4D_AUGMENT_SHARPNESS, 0.0);
        gray[4] = corner == 7;
        assert_gray(&image, gray);
        s4d_image_release(&image);
    }
}

/* A factor of 1 gives the picture itself; so does every factor where nothing can be blurred. */
static void test_what_changes_nothing(void **state)
{
    (void)state;
    uint8_t in[6 * 7 * 3];
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)(i * 89 + 13);
    }
    for (int op = S4D_AUGMENT_COLOR; op <= S4D_AUGMENT_SHARPNESS; op++) {
        s4d_image image = picture(6, 7, in);
        apply(&image, (s4d_augment_op)op, 1.0);
        assert_memory_equal(image.rgb, in, sizeof in);
        s4d_image_release(&image);
    }
    static const int shape[][2] = {{1, 1}, {1, 42}, {2, 21}, {42, 1}, {21, 2}};
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++) {
        s4d_image image = picture(shape[k][0], shape[k][1], in);
        apply(&image, S4D_AUGMENT_SHARPNESS, 0.1);
        assert_memory_equal(image.rgb, in, (size_t)(shape[k][0] * shape[k][1] * 3));
        s4d_image_release(&image);
    }
}

static void test_flat_pictures(void **state)
{
    (void)state;
    static const uint8_t level[] = {0, 1, 128, 254, 255};
    static const s4d_augment_op op[] = {S4D_AUGMENT_AUTOCONTRAST, S4D_AUGMENT_EQUALIZE,
                                        S4D_AUGMENT_COLOR, S4D_AUGMENT_CONTRAST,
                                        S4D_AUGMENT_SHARPNESS};
    for (size_t k = 0; k < sizeof level; k++) {
        uint8_t gray[600];
        memset(gray, level[k], sizeof gray);
        for (size_t i = 0; i < sizeof op / sizeof *op; i++) {
            s4d_image image = gray_picture(20, 30, gray);
            apply(&image, op[i], 1.9);
            assert_gray(&image, gray);
            s4d_image_release(&image);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_arguments_beyond_the_range),
        cmocka_unit_test(test_autocontrast),
        cmocka_unit_test(test_equalize),
        cmocka_unit_test(test_equalize_does_not_overflow),
        cmocka_unit_test(test_equalize_leaves_small_pictures),
        cmocka_unit_test(test_color),
        cmocka_unit_test(test_brightness),
        cmocka_unit_test(test_contrast),
        cmocka_unit_test(test_sharpness),
        cmocka_unit_test(test_sharpness_rounds_and_leaves_the_border),
        cmocka_unit_test(test_what_changes_nothing),
        cmocka_unit_test(test_flat_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
