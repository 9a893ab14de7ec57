/* Crops, flips and erasures: bounds, fallbacks, and the distributions the method asks for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/data/draw.h"

static const double RATIO[2] = {0.75, 4.0 / 3.0};

static s4d_rng stream(uint32_t n)
{
    return s4d_rng_make(1, S4D_RNG_TEST, 0, n);
}

/* Largest distance between the share of values below x and x itself, for values in 0..1 counted in
 * 100 bins. */
static double distance_from_uniform(const int bin[100], int n)
{
    double worst = 0.0;
    int below = 0;
    for (int i = 0; i < 100; i++) {
        below += bin[i];
        worst = fmax(worst, fabs((double)below / n - (i + 1) / 100.0));
    }
    return worst;
}

static void count_in_bins(int bin[100], double x)
{
    int i = (int)(x * 100.0);
    bin[i < 0 ? 0 : i > 99 ? 99 : i]++;
}

static void assert_inside(const int box[4], int height, int width)
{
    assert_true(box[0] >= 0 && box[1] >= 0 && box[2] >= 1 && box[3] >= 1);
    assert_true(box[0] + box[2] <= height && box[1] + box[3] <= width);
}

static void crops_lie_inside(void **state)
{
    (void)state;
    static const int sides[] = {1, 2, 3, 7, 160, 224, 16384};
    const double area[2] = {0.08, 1.0};
    s4d_rng rng = stream(0);
    for (size_t h = 0; h < sizeof sides / sizeof *sides; h++) {
        for (size_t w = 0; w < sizeof sides / sizeof *sides; w++) {
            for (int i = 0; i < 200; i++) {
                int box[4];
                s4d_draw_resized_crop(sides[h], sides[w], area, RATIO, &rng, box);
                assert_inside(box, sides[h], sides[w]);
            }
        }
    }
}

/* With areas this small no attempt is refused, so area, log ratio and place are uniform. Bound: the
 * 0.999 quantile of the Kolmogorov-Smirnov statistic, 1.95 / sqrt(n), and a bit for the rounding to
 * pixels. */
static void crops_are_uniform_in_area_log_ratio_and_place(void **state)
{
    (void)state;
    enum { N = 20000, SIDE = 4000 };
    const double area[2] = {0.2, 0.5};
    int by_area[100] = {0}, by_ratio[100] = {0}, by_top[100] = {0}, by_left[100] = {0};
    s4d_rng rng = stream(1);
    for (int i = 0; i < N; i++) {
        int box[4];
        s4d_draw_resized_crop(SIDE, SIDE, area, RATIO, &rng, box);
        double share = (double)box[2] * box[3] / ((double)SIDE * SIDE);
        double shape = log((double)box[3] / box[2]);
        count_in_bins(by_area, (share - 0.2) / 0.3);
        count_in_bins(by_ratio, (shape - log(RATIO[0])) / (log(RATIO[1]) - log(RATIO[0])));
        count_in_bins(by_top, box[0] / (SIDE - box[2] + 1.0));
        count_in_bins(by_left, box[1] / (SIDE - box[3] + 1.0));
    }
    double bound = 1.95 / sqrt(N) + 0.001;
    assert_true(distance_from_uniform(by_area, N) < bound);
    assert_true(distance_from_uniform(by_ratio, N) < bound);
    assert_true(distance_from_uniform(by_top, N) < bound);
    assert_true(distance_from_uniform(by_left, N) < bound);
}

/* A crop's ratio is width to height, an erased box's aspect height to width. */
static void ratios_have_a_direction(void **state)
{
    (void)state;
    const double area[2] = {0.1, 0.2}, ratio[2] = {1.5, 3.0};
    s4d_augment_opts o = {.erase_prob = 1.0,
                          .erase_area = {0.1, 0.2},
                          .erase_aspect = {1.5, 3.0},
                          .erase_attempts = 10,
                          .erase_fill = S4D_ERASE_BLACK};
    s4d_rng rng = stream(11);
    for (int i = 0; i < 1000; i++) {
        int box[4];
        s4d_draw_resized_crop(400, 400, area, ratio, &rng, box);
        assert_true(box[3] > box[2] * 1.45 && box[3] < box[2] * 3.1);
        assert_true(s4d_draw_erase(&o, 400, &rng, box));
        assert_true(box[2] > box[3] * 1.45 && box[2] < box[3] * 3.1);
    }
}

static void hopeless_crops_take_the_centre(void **state)
{
    (void)state;
    const double area[2] = {0.9, 1.0}, too_large[2] = {4.0, 4.0};
    s4d_rng rng = stream(2);
    int box[4];
    s4d_draw_resized_crop(10, 1000, area, RATIO, &rng, box);
    assert_memory_equal(box, ((int[4]){0, 493, 10, 13}), sizeof box);
    s4d_draw_resized_crop(1000, 10, area, RATIO, &rng, box);
    assert_memory_equal(box, ((int[4]){493, 0, 13, 10}), sizeof box);
    s4d_draw_resized_crop(11, 10, too_large, RATIO, &rng, box);
    assert_memory_equal(box, ((int[4]){0, 0, 11, 10}), sizeof box);
}

static s4d_augment_opts published(void)
{
    return (s4d_augment_opts){.crop = S4D_CROP_RESIZED,
                              .area = {0.08, 1.0},
                              .ratio = {0.75, 4.0 / 3.0},
                              .flip = 0.5,
                              .erase_prob = 0.25,
                              .erase_area = {0.02, 1.0 / 3.0},
                              .erase_aspect = {0.3, 1.0 / 0.3},
                              .erase_attempts = 100,
                              .erase_fill = S4D_ERASE_NOISE};
}

static void erasing_keeps_its_share_and_its_bounds(void **state)
{
    (void)state;
    enum { N = 20000, SIDE = 160 };
    s4d_augment_opts o = published();
    s4d_rng rng = stream(3);
    int erased = 0;
    for (int i = 0; i < N; i++) {
        int box[4];
        if (s4d_draw_erase(&o, SIDE, &rng, box)) {
            erased++;
            assert_inside(box, SIDE, SIDE);
            assert_true(box[2] < SIDE && box[3] < SIDE);
            double share = (double)box[2] * box[3] / (SIDE * SIDE);
            assert_true(share > 0.019 && share < 0.338);
            double aspect = (double)box[2] / box[3];
            assert_true(aspect > 0.28 && aspect < 3.55);
        }
    }
    /* Four standard deviations of a count of 20000 at 0.25. */
    assert_true(abs(erased - N / 4) < 4 * 62);
}

static void erasing_can_be_off_or_fail(void **state)
{
    (void)state;
    s4d_augment_opts o = published();
    s4d_rng rng = stream(4);
    int box[4];
    o.erase_prob = 1.0;
    assert_true(s4d_draw_erase(&o, 160, &rng, box));
    o.erase_area[0] = o.erase_area[1] = 1.0; /* no box is smaller than the picture both ways */
    assert_false(s4d_draw_erase(&o, 160, &rng, box));
    o = published();
    o.erase_prob = 1.0;
    o.erase_fill = S4D_ERASE_NONE;
    assert_false(s4d_draw_erase(&o, 160, &rng, box));
    o.erase_fill = S4D_ERASE_BLACK;
    o.erase_prob = 0.0;
    for (int i = 0; i < 1000; i++) {
        assert_false(s4d_draw_erase(&o, 160, &rng, box));
    }
}

static void short_side_keeps_the_shape(void **state)
{
    (void)state;
    static const int size[][4] = {
        {224, 224, 192, 192}, {240, 320, 192, 256},     {321, 240, 256, 192},
        {100, 199, 192, 382}, {1, 16384, 192, 3145728},
    };
    s4d_augment_opts o = published();
    o.short_side = 192;
    s4d_rng rng = stream(5);
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        s4d_recipe r;
        s4d_draw_recipe(&o, size[i][0], size[i][1], 160, &rng, &r);
        assert_int_equal(r.offset, 0);
        assert_int_equal(r.height, size[i][0]);
        assert_int_equal(r.width, size[i][1]);
        assert_int_equal(r.mid_height, size[i][2]);
        assert_int_equal(r.mid_width, size[i][3]);
        assert_inside((int[4]){r.top, r.left, r.box_height, r.box_width}, r.mid_height,
                      r.mid_width);
    }
}

static void random_crop_reaches_every_place(void **state)
{
    (void)state;
    s4d_augment_opts o = published();
    o.crop = S4D_CROP_RANDOM;
    s4d_rng rng = stream(6);
    int seen[4][3] = {{0}};
    for (int i = 0; i < 12000; i++) {
        s4d_recipe r;
        s4d_draw_recipe(&o, 163, 162, 160, &rng, &r);
        assert_int_equal(r.mid_height, 163);
        assert_int_equal(r.mid_width, 162);
        assert_int_equal(r.box_height, 160);
        assert_int_equal(r.box_width, 160);
        seen[r.top][r.left]++;
    }
    double chi_square = 0.0;
    for (int i = 0; i < 12; i++) {
        double off = seen[i / 3][i % 3] - 1000.0;
        chi_square += off * off / 1000.0;
    }
    assert_true(chi_square < 31.3); /* 0.999 quantile, 11 degrees of freedom */
}

static void whole_frames_stay_whole(void **state)
{
    (void)state;
    static const s4d_crop whole[] = {S4D_CROP_NONE, S4D_CROP_RESIZED_BICUBIC};
    s4d_augment_opts o = published();
    s4d_rng rng = stream(7);
    for (size_t i = 0; i < 2; i++) {
        s4d_recipe r;
        o.crop = whole[i];
        s4d_draw_recipe(&o, 120, 100, 160, &rng, &r);
        assert_int_equal(r.top, 0);
        assert_int_equal(r.left, 0);
        assert_int_equal(r.box_height, 120);
        assert_int_equal(r.box_width, 100);
    }
}

static void recipes_flip_and_erase_as_often_as_asked(void **state)
{
    (void)state;
    enum { N = 10000 };
    s4d_augment_opts o = published();
    s4d_rng rng = stream(8);
    int flips = 0, both = 0, erased = 0, repeated_keys = 0;
    uint64_t last_key = 0;
    for (int i = 0; i < N; i++) {
        s4d_recipe r;
        s4d_draw_recipe(&o, 200, 180, 160, &rng, &r);
        assert_true(r.flip == 0 || r.flip == 1);
        flips += r.flip;
        if (r.erase == S4D_ERASE_NOISE) {
            erased++;
            both += r.flip;
            repeated_keys += r.noise_key == last_key;
            last_key = r.noise_key;
            assert_inside((int[4]){r.erase_top, r.erase_left, r.erase_height, r.erase_width}, 160,
                          160);
        } else {
            assert_int_equal(r.erase, S4D_ERASE_NONE);
        }
    }
    assert_true(abs(flips - N / 2) < 4 * 50);
    assert_true(abs(erased - N / 4) < 4 * 44);
    assert_true(abs(both - N / 8) < 4 * 34);
    assert_int_equal(repeated_keys, 0);

    o.flip = 1.0;
    o.erase_prob = 1.0;
    o.erase_fill = S4D_ERASE_BLACK;
    s4d_recipe r;
    s4d_draw_recipe(&o, 200, 180, 160, &rng, &r);
    assert_int_equal(r.flip, 1);
    assert_int_equal(r.erase, S4D_ERASE_BLACK);
}

static void a_recipe_depends_on_its_stream_alone(void **state)
{
    (void)state;
    s4d_augment_opts o = published();
    s4d_rng a = stream(9), b = stream(9), c = stream(10);
    s4d_recipe first, second, other;
    memset(&first, 0xAA, sizeof first);
    memset(&second, 0x55, sizeof second);
    s4d_draw_recipe(&o, 200, 180, 160, &a, &first);
    s4d_draw_recipe(&o, 200, 180, 160, &b, &second);
    s4d_draw_recipe(&o, 200, 180, 160, &c, &other);
    assert_memory_equal(&first, &second, sizeof first);
    assert_memory_not_equal(&first, &other, sizeof first);
}

static void the_plain_recipe_changes_nothing(void **state)
{
    (void)state;
    s4d_recipe r;
    memset(&r, 0xAA, sizeof r);
    s4d_plain_recipe(160, &r);
    s4d_recipe expected = {.height = 160,
                           .width = 160,
                           .mid_height = 160,
                           .mid_width = 160,
                           .box_height = 160,
                           .box_width = 160,
                           .erase = S4D_ERASE_NONE};
    assert_memory_equal(&r, &expected, sizeof r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_lie_inside),
        cmocka_unit_test(crops_are_uniform_in_area_log_ratio_and_place),
        cmocka_unit_test(ratios_have_a_direction),
        cmocka_unit_test(hopeless_crops_take_the_centre),
        cmocka_unit_test(erasing_keeps_its_share_and_its_bounds),
        cmocka_unit_test(erasing_can_be_off_or_fail),
        cmocka_unit_test(short_side_keeps_the_shape),
        cmocka_unit_test(random_crop_reaches_every_place),
        cmocka_unit_test(whole_frames_stay_whole),
        cmocka_unit_test(recipes_flip_and_erase_as_often_as_asked),
        cmocka_unit_test(a_recipe_depends_on_its_stream_alone),
        cmocka_unit_test(the_plain_recipe_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
