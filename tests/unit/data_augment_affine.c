/* RandAugment's operators that move pixels: directions, edges and values between pixels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/data/augment.h"

enum { FILL = 7 };
static const uint8_t fill[3] = {FILL, FILL + 1, FILL + 2};

static const s4d_augment_op mover[] = {S4D_AUGMENT_ROTATE, S4D_AUGMENT_SHEAR_X, S4D_AUGMENT_SHEAR_Y,
                                       S4D_AUGMENT_TRANSLATE_X, S4D_AUGMENT_TRANSLATE_Y};
enum { MOVERS = 5 };

static void move(s4d_image *image, s4d_augment_op op, double argument, s4d_filter filter)
{
    s4d_augment_plan plan = {.count = 1,
                             .step = {{.op = op, .argument = argument, .resample = filter}}};
    s4d_image spare = {0};
    assert_int_equal(s4d_augment_apply(&plan, fill, image, &spare, NULL), S4D_OK);
    s4d_image_release(&spare);
}

/* Channels are gray, gray + 1, gray + 2, so that exchanged channels show. */
static s4d_image picture(int height, int width, const uint8_t *gray)
{
    s4d_image image = {0};
    assert_int_equal(s4d_image_size(&image, height, width, NULL), S4D_OK);
    for (int i = 0; i < height * width * 3; i++) {
        image.rgb[i] = (uint8_t)(gray[i / 3] + i % 3);
    }
    return image;
}

static void assert_gray(const s4d_image *image, const uint8_t *gray)
{
    for (int i = 0; i < image->height * image->width * 3; i++) {
        if (image->rgb[i] != gray[i / 3] + i % 3) {
            fail_msg("value %d: got %d, expected %d", i, image->rgb[i], gray[i / 3] + i % 3);
        }
    }
}

typedef struct move_case {
    s4d_augment_op op;
    double argument;
    int filters; /* 1: bilinear, 2: bicubic, 3: both alike */
    int height, width;
    uint8_t in[16], want[16];
} move_case;

static void check(const move_case *c)
{
    for (int filter = S4D_BILINEAR; filter <= S4D_BICUBIC; filter++) {
        if (c->filters & (1 << filter)) {
            s4d_image image = picture(c->height, c->width, c->in);
            move(&image, c->op, c->argument, (s4d_filter)filter);
            assert_gray(&image, c->want);
            s4d_image_release(&image);
        }
    }
}

/* By whole pixels: positive to the left and upwards; what comes from outside is the fill colour. */
static void test_translations_by_whole_pixels(void **state)
{
    (void)state;
    static const move_case cases[] = {
        {S4D_AUGMENT_TRANSLATE_X, 0.25, 3, 1, 4, {10, 20, 40, 80}, {20, 40, 80, FILL}},
        {S4D_AUGMENT_TRANSLATE_X, -0.5, 3, 1, 4, {10, 20, 40, 80}, {FILL, FILL, 10, 20}},
        {S4D_AUGMENT_TRANSLATE_Y, 0.25, 3, 4, 1, {10, 20, 40, 80}, {20, 40, 80, FILL}},
        {S4D_AUGMENT_TRANSLATE_Y, -0.5, 3, 4, 1, {10, 20, 40, 80}, {FILL, FILL, 10, 20}},
        {S4D_AUGMENT_TRANSLATE_X, 1.0, 3, 1, 2, {10, 20}, {FILL, FILL}},
        {S4D_AUGMENT_TRANSLATE_Y, -4.5, 3, 2, 1, {10, 20}, {FILL, FILL}},
        {S4D_AUGMENT_TRANSLATE_X, 0.0, 3, 2, 2, {10, 20, 40, 80}, {10, 20, 40, 80}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        check(&cases[k]);
    }
}

/* By half a pixel. Cubic weights are -1/8 5/8 5/8 -1/8, with the edge repeated. The last point is
 * at the width exactly, which is outside; to the right the first is at 0, inside. */
static void test_translations_by_half_a_pixel(void **state)
{
    (void)state;
    static const move_case cases[] = {
        {S4D_AUGMENT_TRANSLATE_X, 0.125, 1, 1, 4, {10, 20, 40, 81}, {15, 30, 60, FILL}},
        {S4D_AUGMENT_TRANSLATE_Y, 0.125, 1, 4, 1, {10, 20, 40, 81}, {15, 30, 60, FILL}},
        {S4D_AUGMENT_TRANSLATE_X, -0.125, 1, 1, 4, {10, 20, 40, 81}, {10, 15, 30, 60}},
        /* 12.5 of 10 10 20 40; 26.125 of 10 20 40 81; 63 of 20 40 81 81 */
        {S4D_AUGMENT_TRANSLATE_X, 0.125, 2, 1, 4, {10, 20, 40, 81}, {12, 26, 63, FILL}},
        {S4D_AUGMENT_TRANSLATE_Y, 0.125, 2, 4, 1, {10, 20, 40, 81}, {12, 26, 63, FILL}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        check(&cases[k]);
    }
}

/* At a quarter of the way the last tap counts -3/64 and the first -9/64: beside a step of 253 that
 * goes beyond black and white, where it is clamped. */
static void test_bicubic_overshoot(void **state)
{
    (void)state;
    static const uint8_t gray[] = {40, 40, 40, 240, 240, 240, 240, 240};
    static const uint8_t black[] = {0, 0, 0, 253, 253, 253, 253, 253};
    const double share = -0.75 / 8;
    s4d_image image = picture(1, 8, gray);
    move(&image, S4D_AUGMENT_TRANSLATE_X, share, S4D_BICUBIC);
    assert_int_equal(image.rgb[2 * 3], 30);  /* 40 - 9.375 */
    assert_int_equal(image.rgb[4 * 3], 255); /* 240 + 28.125 */
    s4d_image_release(&image);
    image = picture(1, 8, black);
    move(&image, S4D_AUGMENT_TRANSLATE_X, share, S4D_BICUBIC);
    assert_memory_equal(image.rgb + 3, ((uint8_t[]){0, 1, 2, 0, 0, 0}), 6);
    assert_memory_equal(image.rgb + 4 * 3, ((uint8_t[]){255, 255, 255}), 3);
    s4d_image_release(&image);
}

/* About the origin: row y is read (y + 1/2) times the argument further right, column x likewise
 * further down. */
static void test_shears(void **state)
{
    (void)state;
    static const move_case cases[] = {
        {S4D_AUGMENT_SHEAR_X, 2.0, 3, 2, 4,
         {10, 20, 30, 40, 50, 60, 70, 80}, {20, 30, 40, FILL, 80, FILL, FILL, FILL}},
        {S4D_AUGMENT_SHEAR_X, -2.0, 3, 2, 4,
         {10, 20, 30, 40, 50, 60, 70, 80}, {FILL, 10, 20, 30, FILL, FILL, FILL, 50}},
        {S4D_AUGMENT_SHEAR_Y, 2.0, 3, 4, 2,
         {10, 50, 20, 60, 30, 70, 40, 80}, {20, 80, 30, FILL, 40, FILL, FILL, FILL}},
        {S4D_AUGMENT_SHEAR_X, 0.0, 3, 2, 2, {10, 20, 30, 40}, {10, 20, 30, 40}},
        /* a quarter of a pixel in row 0, three quarters in row 1, whose last point is outside */
        {S4D_AUGMENT_SHEAR_X, 0.5, 1, 2, 2, {10, 50, 100, 200}, {20, 50, 175, FILL}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        check(&cases[k]);
    }
}

/* Counter-clockwise; half turns of any shape and quarter turns of squares move whole pixels. */
static void test_quarter_turns(void **state)
{
    (void)state;
    static const move_case cases[] = {
        {S4D_AUGMENT_ROTATE, 0, 3, 2, 3, {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}},
        {S4D_AUGMENT_ROTATE, 360, 3, 2, 3, {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}},
        {S4D_AUGMENT_ROTATE, -1e-20, 3, 2, 3, {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}},
        {S4D_AUGMENT_ROTATE, -1e-20, 3, 2, 2, {1, 2, 3, 4}, {1, 2, 3, 4}},
        {S4D_AUGMENT_ROTATE, 180, 3, 2, 3, {1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1}},
        {S4D_AUGMENT_ROTATE, -540, 3, 2, 3, {1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1}},
        {S4D_AUGMENT_ROTATE, 90, 3, 2, 2, {1, 2, 3, 4}, {2, 4, 1, 3}},
        {S4D_AUGMENT_ROTATE, -270, 3, 3, 3,
         {1, 2, 3, 4, 5, 6, 7, 8, 9}, {3, 6, 9, 2, 5, 8, 1, 4, 7}},
        {S4D_AUGMENT_ROTATE, -90, 3, 2, 2, {1, 2, 3, 4}, {3, 1, 4, 2}},
        {S4D_AUGMENT_ROTATE, 270, 3, 3, 3,
         {1, 2, 3, 4, 5, 6, 7, 8, 9}, {7, 4, 1, 8, 5, 2, 9, 6, 3}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        check(&cases[k]);
    }
}

/* A slow ramp, so that positions a hair apart differ by no more than a level. */
static s4d_image ramp(int height, int width)
{
    uint8_t gray[64 * 64];
    for (int i = 0; i < height * width; i++) {
        gray[i] = (uint8_t)(40 + 2 * (i % width) + 3 * (i / width));
    }
    return picture(height, width, gray);
}

/* The turns that move whole pixels and the matrix of an angle beside them agree. */
static void test_rotation_beside_quarter_turns(void **state)
{
    (void)state;
    for (int filter = S4D_BILINEAR; filter <= S4D_BICUBIC; filter++) {
        for (int degrees = -270; degrees <= 360; degrees += 90) {
            s4d_image whole = ramp(24, 24), beside = ramp(24, 24);
            move(&whole, S4D_AUGMENT_ROTATE, degrees, (s4d_filter)filter);
            move(&beside, S4D_AUGMENT_ROTATE, degrees + 1e-4, (s4d_filter)filter);
            for (int i = 0; i < 24 * 24 * 3; i++) {
                int x = i / 3 % 24, y = i / 3 / 24;
                if (x > 0 && y > 0 && x < 23 && y < 23) {
                    assert_in_range(beside.rgb[i] + 1 - whole.rgb[i], 0, 2);
                }
            }
            s4d_image_release(&whole);
            s4d_image_release(&beside);
        }
    }
}

/* By 45 degrees a 4x4 square loses just its corners, 2.12 from the middle. */
static void test_rotation_fills_the_corners(void **state)
{
    (void)state;
    static const move_case square = {
        S4D_AUGMENT_ROTATE, 45, 3, 4, 4,
        {90, 90, 90, 90, 90, 90, 90, 90, 90, 90, 90, 90, 90, 90, 90, 90},
        {FILL, 90, 90, FILL, 90, 90, 90, 90, 90, 90, 90, 90, FILL, 90, 90, FILL}};
    /* a quarter turn of what is not square goes about the middle and keeps the size */
    static const move_case flat = {
        S4D_AUGMENT_ROTATE, 90, 3, 2, 4,
        {10, 20, 30, 40, 50, 60, 70, 80},
        {FILL, 30, 70, FILL, FILL, 20, 60, FILL}};
    check(&square);
    check(&flat);
}

/* With the fill colour equal to a flat picture nothing shows; a picture of one pixel stays. */
static void test_flat_and_single_pixels(void **state)
{
    (void)state;
    static const int shape[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}, {5, 3}};
    static const double argument[] = {-21.0, -0.45, -0.1, 0.0, 0.3, 0.4499, 1e9};
    for (int filter = S4D_BILINEAR; filter <= S4D_BICUBIC; filter++) {
        for (size_t k = 0; k < sizeof shape / sizeof *shape * MOVERS; k++) {
            const int *size = shape[k / MOVERS];
            uint8_t gray[15];
            memset(gray, FILL, sizeof gray);
            for (size_t a = 0; a < sizeof argument / sizeof *argument; a++) {
                s4d_image image = picture(size[0], size[1], gray);
                move(&image, mover[k % MOVERS], argument[a], (s4d_filter)filter);
                assert_gray(&image, gray);
                s4d_image_release(&image);
            }
        }
        for (int k = 0; k < MOVERS; k++) {
            s4d_image image = picture(1, 1, (const uint8_t[]){200});
            move(&image, mover[k], 0.45, (s4d_filter)filter);
            assert_gray(&image, (const uint8_t[]){200});
            s4d_image_release(&image);
        }
    }
}

/* A linear ramp is reproduced by either filter at every place, but for the cut to bytes. */
static void test_ramps_stay_ramps(void **state)
{
    (void)state;
    for (int filter = S4D_BILINEAR; filter <= S4D_BICUBIC; filter++) {
        s4d_image image = ramp(30, 40);
        const int before = image.rgb[(12 * 40 + 17) * 3];
        move(&image, S4D_AUGMENT_TRANSLATE_X, 2.5 / 40, (s4d_filter)filter);
        int moved = image.rgb[(12 * 40 + 17) * 3];
        assert_in_range(moved, before + 4, before + 5); /* 2 levels a pixel */
        move(&image, S4D_AUGMENT_SHEAR_Y, 0.25, (s4d_filter)filter);
        int sheared = image.rgb[(12 * 40 + 17) * 3]; /* 17.5/4 rows further down, 3 levels each */
        assert_in_range(sheared, moved + 12, moved + 13);
        s4d_image_release(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_translations_by_whole_pixels),
        cmocka_unit_test(test_translations_by_half_a_pixel),
        cmocka_unit_test(test_bicubic_overshoot),
        cmocka_unit_test(test_shears),
        cmocka_unit_test(test_quarter_turns),
        cmocka_unit_test(test_rotation_beside_quarter_turns),
        cmocka_unit_test(test_rotation_fills_the_corners),
        cmocka_unit_test(test_flat_and_single_pixels),
        cmocka_unit_test(test_ramps_stay_ramps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
