/* The plan of a set: counts of classes, people kept apart, and what a larger set keeps of a smaller
 * one; a clip's course. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "synth/plan.h"

static const s4d_synth_opts OPTS = {.output = "unused",
                                    .seed = 4,
                                    .size = 32,
                                    .classes = 7,
                                    .train_images = 300,
                                    .test_images = 70,
                                    .train_clips = 320,
                                    .test_clips = 100,
                                    .unlabelled_images = 40,
                                    .unlabelled_clips = 20,
                                    .folds = 3};

static void quotas_sum_and_leave_no_class_out(void **state)
{
    (void)state;
    const float share[7] = {0.47f, 0.26f, 0.09f, 0.05f, 0.05f, 0.04f, 0.04f};
    int count[7];
    for (int total = 0; total < 400; total++) {
        int sum = 0, least = total / 7 < 5 ? total / 7 : 5;
        s4d_plan_quota(total, share, 7, count);
        for (int i = 0; i < 7; i++) {
            assert_true(count[i] >= least);
            sum += count[i];
        }
        assert_int_equal(sum, total);
    }
    assert_true(count[0] > count[1] && count[1] > count[2] && count[2] > count[3]);
}

static void count_classes(const s4d_plan *p, uint32_t group, bool clips, int count[11])
{
    memset(count, 0, 11 * sizeof *count);
    for (size_t i = 0; i < p->count; i++) {
        if (p->item[i].group == group && p->item[i].clip == clips)
            count[s4d_class_index(p->opts, &p->item[i])]++;
    }
}

static void counts_are_those_asked_for(void **state)
{
    (void)state;
    s4d_plan p;
    int count[11], of_group[16] = {0};
    assert_int_equal(s4d_plan_make(&OPTS, &p, NULL), S4D_OK);
    assert_int_equal(p.count, 300 + 70 + 320 + 100 + 40 + 20);
    for (size_t i = 0; i < p.count; i++)
        of_group[p.item[i].group]++;
    assert_int_equal(of_group[S4D_GROUP_TRAIN_STILLS], 300);
    assert_int_equal(of_group[S4D_GROUP_TEST_STILLS], 70);
    assert_int_equal(of_group[S4D_GROUP_UNLABELLED], 60);
    assert_int_equal(of_group[S4D_GROUP_TRAIN_CLIPS], 320 - 2 * 100);
    for (int k = 0; k < 3; k++)
        assert_int_equal(of_group[S4D_GROUP_FOLD + k], 100);

    count_classes(&p, S4D_GROUP_TEST_STILLS, false, count); /* AffectNet's test list is even */
    for (int i = 0; i < 7; i++)
        assert_int_equal(count[i], 10);
    count_classes(&p, S4D_GROUP_FOLD + 1, true,
                  count); /* DFEW: neutral most, disgust and fear rare */
    for (int i = 0; i < 7; i++)
        assert_true(count[i] >= 5 && count[i] <= count[2]);
    assert_true(count[5] == 5 && count[6] < count[4]);
    count_classes(&p, S4D_GROUP_TRAIN_STILLS, false,
                  count); /* AffectNet: happiness most, then neutral */
    for (int i = 2; i < 7; i++)
        assert_true(count[1] > count[0] && count[0] > count[i] && count[i] >= 5);
    s4d_plan_release(&p);
}

static void nobody_is_in_two_groups(void **state)
{
    (void)state;
    s4d_plan p;
    assert_int_equal(s4d_plan_make(&OPTS, &p, NULL), S4D_OK);
    size_t people = 0;
    for (size_t i = 0; i < p.count; i++) {
        bool first = true;
        for (size_t k = 0; k < p.count; k++) {
            if (p.item[i].subject == p.item[k].subject) {
                assert_int_equal(p.item[i].group, p.item[k].group);
                first = first && k >= i;
            }
        }
        people += first;
    }
    assert_true(people > p.count / 16 && people < p.count / 3);
    s4d_plan_release(&p);
}

static void numbers_run_without_a_gap_and_say_nothing(void **state)
{
    (void)state;
    s4d_plan p;
    assert_int_equal(s4d_plan_make(&OPTS, &p, NULL), S4D_OK);
    uint32_t expected = 1;
    int changes = 0;
    for (size_t i = 0; i < p.count; i++) {
        bool labelled_clip = p.item[i].clip && p.item[i].group >= S4D_GROUP_TRAIN_CLIPS;
        expected = i > 0 && p.item[i].number == 1 ? 1 : expected;
        assert_int_equal(p.item[i].number, expected++);
        changes += labelled_clip && i > 0 && p.item[i].emotion != p.item[i - 1].emotion;
    }
    assert_true(changes > 250); /* of 420; sorted by class there would be at most 7 in each group */
    s4d_plan_release(&p);
}

/* An item is who it is by group, kind, class and ordinal: more items of any kind leave it alone. */
static void a_larger_set_holds_the_smaller_one(void **state)
{
    (void)state;
    s4d_synth_opts more = OPTS;
    more.train_images = 900;
    more.train_clips = 1000;
    more.unlabelled_clips = 100;
    s4d_plan small, large;
    assert_int_equal(s4d_plan_make(&OPTS, &small, NULL), S4D_OK);
    assert_int_equal(s4d_plan_make(&more, &large, NULL), S4D_OK);
    for (size_t i = 0; i < small.count; i++) {
        const s4d_item *a = &small.item[i];
        bool found = false;
        for (size_t k = 0; k < large.count && !found; k++) {
            const s4d_item *b = &large.item[k];
            if (a->group == b->group && a->clip == b->clip && a->emotion == b->emotion &&
                a->ordinal == b->ordinal) {
                s4d_rng ra = s4d_item_rng(&small, a), rb = s4d_item_rng(&large, b);
                assert_int_equal(a->subject, b->subject);
                assert_int_equal(a->png, b->png);
                assert_int_equal(s4d_rng_u32(&ra), s4d_rng_u32(&rb));
                found = true;
            }
        }
        assert_true(found);
    }
    s4d_plan_release(&small);
    s4d_plan_release(&large);
}

static void streams_of_items_differ(void **state)
{
    (void)state;
    s4d_plan p;
    assert_int_equal(s4d_plan_make(&OPTS, &p, NULL), S4D_OK);
    uint32_t first[1024];
    assert_true(p.count <= 1024);
    for (size_t i = 0; i < p.count; i++) {
        s4d_rng rng = s4d_item_rng(&p, &p.item[i]);
        first[i] = s4d_rng_u32(&rng) ^ s4d_rng_u32(&rng) << 1;
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(first[i], first[k]);
    }
    s4d_plan_release(&p);
}

static void clips_begin_at_rest_and_reach_their_apex(void **state)
{
    (void)state;
    s4d_rng rng = s4d_rng_make(6, S4D_RNG_TEST, 0, 0);
    int at_rest = 0, shortest = 1000, longest = 0;
    for (int i = 0; i < 400; i++) {
        s4d_course c;
        s4d_course_draw((s4d_emotion)(i % S4D_EMOTIONS), &rng, &c);
        float most = 0;
        assert_true(c.frames >= S4D_FRAMES_MIN && c.frames <= S4D_FRAMES_MAX);
        for (int t = 0; t < c.frames; t++) {
            float level = s4d_course_level(&c, (float)t);
            assert_true(level >= 0 && level <= 1);
            most = level > most ? level : most;
        }
        assert_true(most > 0.95f);
        at_rest += s4d_course_level(&c, 0) == 0;
        shortest = c.frames < shortest ? c.frames : shortest;
        longest = c.frames > longest ? c.frames : longest;
    }
    assert_true(at_rest > 300 && at_rest < 380); /* the rest was cut after the onset */
    assert_true(shortest == S4D_FRAMES_MIN && longest > 55);
}

/* Frames from a tenth to nine tenths of the first apex. */
static float onset(const s4d_course *c)
{
    return 0.6f * c->pulse[0].rise;
}

static void surprise_comes_faster_than_fear_and_does_not_tremble(void **state)
{
    (void)state;
    s4d_rng rng = s4d_rng_make(6, S4D_RNG_TEST, 1, 0);
    float slowest = 0, fastest = 100;
    for (int i = 0; i < 100; i++) {
        s4d_course surprise, fear;
        s4d_course_draw(S4D_SURPRISE, &rng, &surprise);
        s4d_course_draw(S4D_FEAR, &rng, &fear);
        slowest = onset(&surprise) > slowest ? onset(&surprise) : slowest;
        fastest = fear.frames > 20 && onset(&fear) < fastest ? onset(&fear) : fastest;
        assert_true(surprise.tremble == 0 && fear.tremble > 0);
    }
    assert_true(slowest < fastest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_sum_and_leave_no_class_out),
        cmocka_unit_test(counts_are_those_asked_for),
        cmocka_unit_test(nobody_is_in_two_groups),
        cmocka_unit_test(numbers_run_without_a_gap_and_say_nothing),
        cmocka_unit_test(a_larger_set_holds_the_smaller_one),
        cmocka_unit_test(streams_of_items_differ),
        cmocka_unit_test(clips_begin_at_rest_and_reach_their_apex),
        cmocka_unit_test(surprise_comes_faster_than_fear_and_does_not_tremble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
