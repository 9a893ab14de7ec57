/* Drawing: the rasteriser's areas, muscles that follow the strength, people who stay themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/data/manifest.h"
#include "synth/plan.h"

static void fill_black(s4d_canvas *c)
{
    memset(c->rgb, 0, sizeof *c->rgb * 3 * (size_t)c->size * (size_t)c->size);
}

static double sum_red(const s4d_canvas *c)
{
    double sum = 0;
    for (int i = 0; i < c->size * c->size; i++)
        sum += c->rgb[3 * i];
    return sum;
}

static const s4d_paint white = {{1, 1, 1}, 1, NULL};

static void covers_exactly_the_area_of_an_outline(void **state)
{
    (void)state;
    s4d_canvas c;
    assert_int_equal(s4d_canvas_init(&c, 32, NULL), S4D_OK);
    s4d_outline box = {{{3.25f, 4.5f}, {10.75f, 4.5f}, {10.75f, 9.25f}, {3.25f, 9.25f}}, 4};
    s4d_canvas_fill(&c, &box, &white);
    assert_true(fabs(sum_red(&c) - 7.5 * 4.75) < 1e-3);
    assert_true(fabsf(c.rgb[3 * (4 * 32 + 3)] - 0.75f * 0.5f) <
                1e-5f); /* a corner pixel: 3/4 wide, 1/2 high */

    fill_black(&c);
    s4d_outline triangle = {{{2, 2}, {20, 7}, {9, 29}}, 3};
    s4d_canvas_fill(&c, &triangle, &white);
    assert_true(fabs(sum_red(&c) - 0.5 * fabs(18.0 * 27 - 7.0 * 5)) < 1e-2);

    fill_black(&c);
    s4d_outline round;
    s4d_outline_ellipse(&round, (s4d_point){16, 16}, 12, 6, 0.6f);
    s4d_canvas_fill(&c, &round, &white);
    assert_true(fabs(sum_red(&c) - 3.14159 * 72) < 2);
    s4d_canvas_release(&c);
}

static void draws_inside_the_clip_only(void **state)
{
    (void)state;
    s4d_canvas c;
    assert_int_equal(s4d_canvas_init(&c, 32, NULL), S4D_OK);
    s4d_outline left = {{{0, 0}, {16, 0}, {16, 32}, {0, 32}}, 4},
                all = {{{0, 0}, {32, 0}, {32, 32}, {0, 32}}, 4};
    s4d_canvas_clip(&c, &left);
    s4d_canvas_fill(&c, &all, &white);
    s4d_canvas_blob(&c, (s4d_point){24, 16}, (float[3]){7, 7, 0}, &white);
    s4d_canvas_unclip(&c);
    assert_true(fabs(sum_red(&c) - 512) < 1e-2);
    s4d_canvas_fill(&c, &all, &white);
    assert_true(fabs(sum_red(&c) - 1024) < 1e-2);
    s4d_canvas_release(&c);
}

/* Outlines far outside and on the border: the part inside is right, and nothing is written
 * elsewhere. */
static void cuts_outlines_at_the_border(void **state)
{
    (void)state;
    s4d_canvas c;
    assert_int_equal(s4d_canvas_init(&c, 32, NULL), S4D_OK);
    s4d_outline across = {{{-1000, 8}, {1000, 8}, {1000, 12}, {-1000, 12}}, 4};
    s4d_canvas_fill(&c, &across, &white);
    assert_true(fabs(sum_red(&c) - 32 * 4) < 1e-2);
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 1, 0);
    for (int i = 0; i < 300; i++) {
        s4d_point line[4];
        for (int k = 0; k < 4; k++) {
            line[k] = (s4d_point){(float)s4d_rng_range(&rng, -60, 90),
                                  (float)s4d_rng_range(&rng, -60, 90)};
        }
        s4d_outline o;
        s4d_outline_stroke(&o, line, 4, (s4d_brush){1, 9, 0});
        s4d_canvas_fill(&c, &o, &white);
        s4d_outline_smooth(&o, line, 4, 5);
        s4d_canvas_fill(&c, &o, &white);
        s4d_canvas_clip(&c, &o);
        s4d_canvas_blob(&c, line[0], (float[3]){40, 3, 1}, &white);
        s4d_canvas_unclip(&c);
    }
    for (int i = 0; i < 32 * 34; i++)
        assert_true(c.edge[i] == 0);
    for (int i = 0; i < 32 * 32 * 3; i++)
        assert_true(c.rgb[i] >= 0 && c.rgb[i] <= 1.0001f);
    s4d_canvas_release(&c);
}

static void blur_keeps_a_flat_picture(void **state)
{
    (void)state;
    s4d_canvas c;
    assert_int_equal(s4d_canvas_init(&c, 32, NULL), S4D_OK);
    for (int i = 0; i < 32 * 32 * 3; i++)
        c.rgb[i] = 0.25f;
    c.rgb[3 * (16 * 32 + 16)] = 1.25f;
    s4d_canvas_blur(&c, 1.5f);
    assert_true(fabsf(c.rgb[0] - 0.25f) < 1e-5f);
    assert_true(fabs(sum_red(&c) - (1024 * 0.25 + 1)) < 1e-2);
    assert_true(c.rgb[3 * (16 * 32 + 16)] < 0.4f);
    s4d_canvas_release(&c);
}

static void pulls_grow_with_strength(void **state)
{
    (void)state;
    for (uint32_t subject = 0; subject < 20; subject++) {
        s4d_identity id;
        s4d_identity_draw(3, subject, &id);
        for (int e = 0; e < S4D_EMOTIONS; e++) {
            s4d_rng rng = s4d_rng_make(3, S4D_RNG_TEST, subject, (uint32_t)e);
            s4d_pull drawn, last, now;
            s4d_expression_draw((s4d_emotion)e, subject % 2, &rng, &drawn);
            s4d_expression_at(&id, &drawn, 0, &last);
            assert_memory_equal(&last, &id.rest, sizeof last);
            for (int step = 1; step <= 10; step++) {
                double more = 0;
                s4d_expression_at(&id, &drawn, 0.1f * (float)step, &now);
                for (int side = 0; side < 2; side++) {
                    for (int m = 0; m < S4D_MUSCLES; m++) {
                        assert_true(now.side[side][m] >= last.side[side][m] &&
                                    now.side[side][m] <= 1.2f);
                        more += now.side[side][m] - last.side[side][m];
                    }
                }
                assert_true(e == S4D_NEUTRAL || more > 0);
                last = now;
            }
        }
    }
}

/* In half of the clips only the course in time tells surprise from fear: their mixtures are one. */
static void surprise_and_fear_can_look_alike(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        s4d_rng one = s4d_rng_make(2, S4D_RNG_TEST, 4, i), two = one, three = one;
        s4d_pull surprise, fear, open_fear;
        s4d_expression_draw(S4D_SURPRISE, true, &one, &surprise);
        s4d_expression_draw(S4D_FEAR, true, &two, &fear);
        s4d_expression_draw(S4D_FEAR, false, &three, &open_fear);
        assert_memory_equal(&surprise, &fear, sizeof fear);
        assert_memory_not_equal(&fear, &open_fear, sizeof fear);
    }
}

/* Most people lean at rest, so that a neutral picture alone can seem an expression. */
static void many_faces_lean_at_rest(void **state)
{
    (void)state;
    int leaning = 0;
    for (uint32_t subject = 0; subject < 200; subject++) {
        s4d_identity id;
        float most = 0;
        s4d_identity_draw(5, subject, &id);
        for (int m = 0; m < S4D_MUSCLES; m++) {
            most = fmaxf(most, s4d_pull_mean(&id.rest, (s4d_muscle)m));
        }
        assert_true(most < 0.5f && s4d_pull_mean(&id.rest, S4D_JAW_DROP) == 0);
        leaning += most > 0.12f;
    }
    assert_true(leaning > 100 && leaning < 190);
}

/* The leading muscles of an emotion (see expression.c) stand above those of a neutral face. */
static void emotions_use_their_muscles(void **state)
{
    (void)state;
    const struct {
        s4d_emotion emotion;
        s4d_muscle lead;
    } known[] = {{S4D_HAPPINESS, S4D_CORNER_UP},  {S4D_SADNESS, S4D_CORNER_DOWN},
                 {S4D_ANGER, S4D_BROW_DOWN},      {S4D_SURPRISE, S4D_BROW_OUTER_UP},
                 {S4D_DISGUST, S4D_NOSE_WRINKLE}, {S4D_FEAR, S4D_LIP_STRETCH}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        double lead = 0, neutral = 0;
        s4d_rng rng = s4d_rng_make(9, S4D_RNG_TEST, 2, (uint32_t)i);
        for (int k = 0; k < 200; k++) {
            s4d_pull p;
            s4d_expression_draw(known[i].emotion, false, &rng, &p);
            lead += s4d_pull_mean(&p, known[i].lead) / 200;
            s4d_expression_draw(S4D_NEUTRAL, false, &rng, &p);
            neutral += s4d_pull_mean(&p, known[i].lead) / 200;
        }
        assert_true(lead > 0.6 && neutral < 0.1);
    }
    s4d_pull p;
    s4d_rng rng = s4d_rng_make(9, S4D_RNG_TEST, 3, 0);
    s4d_expression_draw(S4D_CONTEMPT, false, &rng, &p);
    assert_true(fabsf(p.side[0][S4D_CORNER_UP] - p.side[1][S4D_CORNER_UP]) > 0.3f);
}

static void paint_neutral(s4d_canvas *c, const s4d_identity *id, const s4d_pull *pull,
                          s4d_image *out)
{
    s4d_scene scene = {
        .light = {0, -0.3f, 0.954f}, .ambient = 0.6f, .contrast = 1, .cast = {1, 1, 1}};
    s4d_face face = {.id = id, .pull = *pull, .pose = {.scale = 0.53f, .x = 0.5f, .y = 0.44f}};
    s4d_rng rng = s4d_rng_make(0, S4D_RNG_TEST, 0, 0);
    s4d_scene_paint(c, &scene, &face, &rng, out);
}

/* Mean change of a byte in rows from..to of two pictures. */
static double change(const s4d_image *a, const s4d_image *b, int from, int to)
{
    double sum = 0;
    for (int i = from * a->width * 3; i < to * a->width * 3; i++)
        sum += abs(a->rgb[i] - b->rgb[i]);
    return sum / ((to - from) * a->width * 3);
}

static void muscles_move_their_part_of_the_picture(void **state)
{
    (void)state;
    s4d_canvas c;
    s4d_image rest = {0}, moved = {0};
    s4d_identity id;
    s4d_identity_draw(1, 4, &id);
    id.rest = (s4d_pull){0};
    assert_int_equal(s4d_canvas_init(&c, 64, NULL), S4D_OK);
    assert_int_equal(s4d_image_size(&rest, 64, 64, NULL), S4D_OK);
    assert_int_equal(s4d_image_size(&moved, 64, 64, NULL), S4D_OK);
    paint_neutral(&c, &id, &id.rest, &rest);
    for (int m = 0; m < S4D_MUSCLES; m++) {
        s4d_pull one = {0};
        one.side[0][m] = one.side[1][m] = 1;
        paint_neutral(&c, &id, &one, &moved);
        bool above = m <= S4D_LID_TIGHT || m == S4D_NOSE_WRINKLE || m == S4D_EYE_CLOSE;
        double upper = change(&rest, &moved, 0, 36), lower = change(&rest, &moved, 36, 64);
        assert_true(above ? upper > 0.3 : lower > 0.3);
        assert_true(m == S4D_NOSE_WRINKLE || m == S4D_CHEEK_UP ||
                    (above ? upper > lower : lower > upper));
    }
    s4d_canvas_release(&c);
    s4d_image_release(&rest);
    s4d_image_release(&moved);
}

static void a_number_is_one_person(void **state)
{
    (void)state;
    s4d_identity a, b;
    s4d_identity_draw(7, 12, &a);
    s4d_identity_draw(7, 12, &b);
    assert_memory_equal(&a, &b, sizeof a);
    s4d_identity_draw(7, 13, &b);
    assert_true(a.skin.r != b.skin.r && a.mouth_y != b.mouth_y);
    s4d_identity_draw(8, 12, &b);
    assert_true(a.skin.r != b.skin.r && a.mouth_y != b.mouth_y);
}

static void classes_stand_in_the_order_of_the_known_sets(void **state)
{
    (void)state;
    const struct {
        const char *table;
        int classes;
        bool clips;
    } known[] = {
        {"dfew", 7, true}, {"mafw", 11, true}, {"affectnet7", 7, false}, {"affectnet8", 11, false}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        s4d_synth_opts o = {.classes = known[i].classes};
        const char *const *names;
        const s4d_emotion *order;
        int n = s4d_labels_table(known[i].table, &names);
        assert_int_equal(s4d_classes_of(&o, known[i].clips, &order), n);
        for (int k = 0; k < n; k++) {
            char canonical[S4D_CLASS_NAME_MAX];
            s4d_labels_canonical(names[k], canonical);
            assert_string_equal(s4d_emotion_name(order[k]), canonical);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covers_exactly_the_area_of_an_outline),
        cmocka_unit_test(draws_inside_the_clip_only),
        cmocka_unit_test(cuts_outlines_at_the_border),
        cmocka_unit_test(blur_keeps_a_flat_picture),
        cmocka_unit_test(pulls_grow_with_strength),
        cmocka_unit_test(emotions_use_their_muscles),
        cmocka_unit_test(surprise_and_fear_can_look_alike),
        cmocka_unit_test(many_faces_lean_at_rest),
        cmocka_unit_test(muscles_move_their_part_of_the_picture),
        cmocka_unit_test(a_number_is_one_person),
        cmocka_unit_test(classes_stand_in_the_order_of_the_known_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
