/* CutMix and Mixup: the published system's targets and boxes, the choice between the two, and their
 * draws. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/base/json.h"
#include "s4d/data/draw.h"

/* ---- golden/images/mix.safetensors: 8 bytes of header size, a JSON header, the tensors ---- */

typedef struct golden {
    s4d_bytes file;
    s4d_json *header;
    const unsigned char *tensors;
} golden;

static golden mix;

static int open_golden(void **state)
{
    (void)state;
    s4d_err err = {0};
    uint64_t size;
    if (s4d_file_read(S4D_TESTS_DIR "/golden/images/mix.safetensors", 0, &mix.file, &err) !=
        S4D_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    memcpy(&size, mix.file.data, sizeof size);
    if (size > mix.file.size - sizeof size ||
        s4d_json_parse((char *)mix.file.data + 8, size, "mix.safetensors", &mix.header, &err) !=
            S4D_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    mix.tensors = mix.file.data + 8 + size;
    return 0;
}

static int close_golden(void **state)
{
    (void)state;
    s4d_json_destroy(&mix.header);
    s4d_bytes_release(&mix.file);
    return 0;
}

/* Copies a tensor of exactly `bytes` bytes. */
static void golden_tensor(const char *name, void *out, size_t bytes)
{
    const s4d_json *entry = s4d_json_find(mix.header, name);
    assert_non_null(entry);
    const s4d_json *offsets = s4d_json_find(entry, "data_offsets");
    size_t begin = (size_t)s4d_json_number(s4d_json_at(offsets, 0));
    size_t end = (size_t)s4d_json_number(s4d_json_at(offsets, 1));
    assert_int_equal(end - begin, bytes);
    memcpy(out, mix.tensors + begin, bytes);
}

static void published_targets_of_mixup(void **state)
{
    (void)state;
    int32_t label[4];
    float expected[28], target[28];
    s4d_mix_draw draw = {.mode = S4D_MIX_MIXUP};
    golden_tensor("input/labels", label, sizeof label);
    golden_tensor("mixup/lam", &draw.lam, sizeof draw.lam);
    golden_tensor("mixup/targets", expected, sizeof expected);
    s4d_mix_targets(&draw, 0.1, label, 4, 7, target);
    assert_memory_equal(target, expected, sizeof target);
}

static void published_box_and_targets_of_cutmix(void **state)
{
    (void)state;
    int32_t label[4], centre[2], box[4];
    double lam_drawn, lam_used;
    float expected[28], target[28];
    s4d_mix_draw draw;
    golden_tensor("input/labels", label, sizeof label);
    golden_tensor("cutmix/lam_drawn", &lam_drawn, sizeof lam_drawn);
    golden_tensor("cutmix/centre_yx", centre, sizeof centre);
    golden_tensor("cutmix/box_yl_yh_xl_xh", box, sizeof box);
    golden_tensor("cutmix/lam_used", &lam_used, sizeof lam_used);
    golden_tensor("cutmix/targets", expected, sizeof expected);
    s4d_cutmix_box(lam_drawn, centre[0], centre[1], 20, 20, &draw);
    assert_int_equal(draw.mode, S4D_MIX_CUTMIX);
    assert_int_equal(draw.yl, box[0]);
    assert_int_equal(draw.yh, box[1]);
    assert_int_equal(draw.xl, box[2]);
    assert_int_equal(draw.xh, box[3]);
    assert_true(draw.lam == lam_used);
    s4d_mix_targets(&draw, 0.1, label, 4, 7, target);
    assert_memory_equal(target, expected, sizeof target);
}

static void boxes_are_clipped_and_odd_sizes_shrink(void **state)
{
    (void)state;
    s4d_mix_draw draw;
    s4d_cutmix_box(0.0, 0, 159, 160, 160, &draw); /* side 160, three quarters of it outside */
    assert_int_equal(draw.yl, 0);
    assert_int_equal(draw.yh, 80);
    assert_int_equal(draw.xl, 79);
    assert_int_equal(draw.xh, 160);
    assert_true(draw.lam == 1.0 - 80.0 * 81.0 / 25600.0);
    s4d_cutmix_box(1.0 - 0.25 * 0.25, 10, 10, 20, 20, &draw); /* side 5: halves of 2 */
    assert_int_equal(draw.yl, 8);
    assert_int_equal(draw.yh, 12);
    assert_true(draw.lam == 1.0 - 16.0 / 400.0);
    s4d_cutmix_box(1.0 - 0.295 * 0.295, 10, 10, 20, 20, &draw); /* side 5.9, which is 5 too */
    assert_true(draw.yl == 8 && draw.yh == 12 && draw.xl == 8 && draw.xh == 12);
    s4d_cutmix_box(1.0, 7, 7, 20, 20, &draw); /* empty */
    assert_int_equal(draw.yl, draw.yh);
    assert_true(draw.lam == 1.0);
}

static void targets_without_mixing_are_the_labels(void **state)
{
    (void)state;
    static const int32_t label[3] = {2, 0, 1};
    s4d_mix_draw none = {.mode = S4D_MIX_NONE, .lam = 1.0};
    float target[9];
    s4d_mix_targets(&none, 0.0, label, 3, 3, target);
    for (int i = 0; i < 3; i++) {
        for (int c = 0; c < 3; c++) {
            assert_true(target[i * 3 + c] == (c == label[i] ? 1.0f : 0.0f));
        }
    }
    s4d_mix_targets(&none, 0.3, label, 3, 3, target);
    assert_true(target[0] == (float)(0.3 / 3.0));
    assert_true(target[2] == (float)(1.0 - 0.3 + 0.3 / 3.0));
}

/* An odd count: the middle one meets itself. */
static void partners_are_counted_from_the_end(void **state)
{
    (void)state;
    static const int32_t label[3] = {0, 1, 2};
    s4d_mix_draw draw = {.mode = S4D_MIX_MIXUP, .lam = 0.75};
    float target[9];
    s4d_mix_targets(&draw, 0.0, label, 3, 3, target);
    static const float expected[9] = {0.75f, 0.0f, 0.25f, 0.0f, 1.0f, 0.0f, 0.25f, 0.0f, 0.75f};
    assert_memory_equal(target, expected, sizeof target);
}

static void the_kinds_that_are_on_are_drawn(void **state)
{
    (void)state;
    enum { N = 4000 };
    static const struct {
        s4d_mixing_opts o;
        int expected[3]; /* none, mixup, cutmix */
    } cases[] = {
        {{.mixup = 0.0, .cutmix = 0.0, .switch_prob = 0.5}, {N, 0, 0}},
        {{.mixup = 0.8, .cutmix = 0.0, .switch_prob = 1.0}, {0, N, 0}},
        {{.mixup = 0.0, .cutmix = 1.0, .switch_prob = 0.0}, {0, 0, N}},
        {{.mixup = 0.8, .cutmix = 1.0, .switch_prob = 1.0}, {0, 0, N}},
        {{.mixup = 0.8, .cutmix = 1.0, .switch_prob = 0.0}, {0, N, 0}},
        {{.mixup = 0.8, .cutmix = 1.0, .switch_prob = 0.25}, {0, 3 * N / 4, N / 4}},
    };
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 3, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int seen[3] = {0};
        for (int n = 0; n < N; n++) {
            s4d_mix_draw draw;
            s4d_draw_mix(&cases[i].o, 160, &rng, &draw);
            seen[draw.mode]++;
            assert_true(draw.mode != S4D_MIX_NONE || draw.lam == 1.0);
        }
        for (int mode = 0; mode < 3; mode++) {
            int slack = i == 5 && mode > 0 ? 4 * 27 : 0; /* four standard deviations */
            assert_true(abs(seen[mode] - cases[i].expected[mode]) <= slack);
        }
    }
}

static void mixup_follows_its_beta(void **state)
{
    (void)state;
    enum { N = 20000 };
    s4d_mixing_opts o = {.mixup = 0.8};
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 3, 1);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < N; i++) {
        s4d_mix_draw draw;
        s4d_draw_mix(&o, 160, &rng, &draw);
        assert_true(draw.lam >= 0.0 && draw.lam <= 1.0);
        sum += draw.lam;
        squares += (draw.lam - 0.5) * (draw.lam - 0.5);
    }
    double variance = 1.0 / (4.0 * (2.0 * 0.8 + 1.0));
    assert_true(fabs(sum / N - 0.5) < 4.0 * sqrt(variance / N));
    assert_true(fabs(squares / N - variance) < 0.003);
}

/* The share of a SIDE x SIDE picture that the box covers on average, when lam and the centre are
 * uniform: half the box's side is h with the chance that 2h <= SIDE * sqrt(1 - lam) < 2h + 2. */
static double mean_cutmix_area(int side)
{
    double mean = 0.0;
    for (int h = 0; 2 * h < side; h++) {
        double chance = ((2.0 * h + 2.0) * (2.0 * h + 2.0) - 4.0 * h * h) / ((double)side * side);
        double length = 0.0;
        for (int c = 0; c < side; c++) {
            length += (c + h < side ? c + h : side) - (c > h ? c - h : 0);
        }
        length /= (double)side * side;
        mean += chance * length * length;
    }
    return mean;
}

static void cutmix_boxes_agree_with_their_share(void **state)
{
    (void)state;
    enum { N = 20000, SIDE = 160 };
    s4d_mixing_opts o = {.cutmix = 1.0};
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 3, 2);
    int upper = 0, left = 0;
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < N; i++) {
        s4d_mix_draw draw;
        s4d_draw_mix(&o, SIDE, &rng, &draw);
        assert_true(0 <= draw.yl && draw.yl <= draw.yh && draw.yh <= SIDE);
        assert_true(0 <= draw.xl && draw.xl <= draw.xh && draw.xh <= SIDE);
        double area = (double)(draw.yh - draw.yl) * (draw.xh - draw.xl) / (SIDE * SIDE);
        assert_true(fabs(draw.lam - (1.0 - area)) < 1e-15);
        upper += draw.yl + draw.yh < SIDE;
        left += draw.xl + draw.xh < SIDE;
        sum += area;
        squares += area * area;
    }
    double deviation = sqrt((squares / N - sum / N * (sum / N)) / N);
    assert_true(fabs(sum / N - mean_cutmix_area(SIDE)) < 4.0 * deviation);
    /* Centres 0..79 of 160 are above, or left of, the middle; four standard deviations. */
    assert_true(abs(upper - N / 2) < 4 * 71);
    assert_true(abs(left - N / 2) < 4 * 71);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_targets_of_mixup),
        cmocka_unit_test(published_box_and_targets_of_cutmix),
        cmocka_unit_test(boxes_are_clipped_and_odd_sizes_shrink),
        cmocka_unit_test(targets_without_mixing_are_the_labels),
        cmocka_unit_test(partners_are_counted_from_the_end),
        cmocka_unit_test(the_kinds_that_are_on_are_drawn),
        cmocka_unit_test(mixup_follows_its_beta),
        cmocka_unit_test(cutmix_boxes_agree_with_their_share),
    };
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
