/* What is in a batch of a test: every view of every sample, in order. */
#include "data_loader_fixture.h"

#include "s4d/data/clip.h"
#include "s4d/data/draw.h"

static void images_come_in_order(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_IMAGE, S4D_LOAD_TEST);
    f->opts.test_batch = 5;
    f->opts.test_segments = f->opts.test_crops = 3; /* of videos only */
    s4d_loader *loader = create(f);
    int seen = 0;
    assert_int_equal(s4d_loader_batches(loader), 3);
    start(loader, 0, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        s4d_recipe plain;
        s4d_plain_recipe(SIDE, &plain);
        assert_int_equal(b->count, b->index == 2 ? 2 : 5);
        assert_null(b->target);
        for (int i = 0; i < b->count; i++, seen++) {
            assert_int_equal(b->sample[i], seen);
            assert_int_equal(b->view[i], 0);
            assert_int_equal(b->label[i], seen % CLASSES);
            plain.offset = i * SIDE * SIDE * 3;
            assert_memory_equal(&b->recipe[i], &plain, sizeof plain);
            expect_resized(f->pictures.sample[seen].path, NULL, S4D_BILINEAR, frame_of(b, i, 0));
        }
    }
    assert_int_equal(seen, PICTURES);
    s4d_loader_destroy(&loader);
}

/* 24 x 28 becomes 16 x 18, so three cuts begin at columns 0, 1 and 2. */
static void frames_that_keep_their_aspect_are_cut(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_TEST);
    f->opts.keep_aspect = true;
    f->opts.test_segments = 2;
    f->opts.test_crops = 3;
    s4d_loader *loader = create(f);
    int seen = 0;
    start(loader, 0, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        assert_int_equal(b->count, b->index == 0 ? 24 : 12);
        assert_int_equal(b->pixel_bytes, (size_t)b->count / 3 * FRAMES * 16 * 18 * 3);
        for (int i = 0; i < b->count; i++, seen++) {
            const s4d_recipe *r = &b->recipe[i];
            int clip = seen / 6, view = seen % 6, index[FRAMES];
            assert_int_equal(b->sample[i], clip);
            assert_int_equal(b->view[i], view);
            assert_int_equal(r->height, 16);
            assert_int_equal(r->width, 18);
            assert_int_equal(r->mid_width, 18);
            assert_int_equal(r->top, 0);
            assert_int_equal(r->left, view % 3);
            assert_int_equal(r->box_height, SIDE);
            assert_int_equal(r->box_width, SIDE);
            s4d_clip_test_index(clip_frames(clip), 2, FRAMES, 2, view / 3, index);
            for (int t = 0; t < FRAMES; t++) {
                assert_int_equal(frame_of(b, i, t)[0], frame_mark(clip, index[t]));
            }
        }
    }
    assert_int_equal(seen, 6 * CLIPS);
    s4d_loader_destroy(&loader);
}

static void frames_are_squashed(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_TEST);
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    const s4d_batch *b = next(loader);
    int index[FRAMES];
    s4d_clip_test_index(clip_frames(2), 2, FRAMES, 1, 0, index);
    for (int t = 0; t < FRAMES; t++) {
        char path[S4D_PATH_MAX];
        snprintf(path, sizeof path, "%s/%03d.png", f->clips.sample[2].path, index[t]);
        expect_resized(path, NULL, S4D_BILINEAR, frame_of(b, 2, t));
    }
    s4d_loader_destroy(&loader);
}

static void a_single_cut_lies_in_the_middle(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_TEST);
    f->opts.keep_aspect = true;
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    const s4d_recipe *r = &next(loader)->recipe[1];
    assert_true(r->top == 0 && r->left == 1 && r->height == 16 && r->width == 18 && r->box_width == SIDE);
    s4d_loader_destroy(&loader);
}

/* Squashed frames have the same two crops, as published. */
static void crops_of_squashed_frames_are_the_same(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_TEST);
    f->opts.test_segments = f->opts.test_crops = 2;
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    const s4d_batch *b = next(loader);
    assert_int_equal(b->count, 16);
    for (int i = 0; i < b->count; i += 2) {
        int clip = i / 4, index[FRAMES];
        s4d_clip_test_index(clip_frames(clip), 2, FRAMES, 2, i % 4 / 2, index);
        assert_memory_equal(&b->recipe[i], &b->recipe[i + 1], sizeof b->recipe[i]);
        assert_true(b->recipe[i].width == SIDE && b->recipe[i].left == 0 && b->view[i] == i % 4);
        for (int t = 0; t < FRAMES; t++) {
            char path[S4D_PATH_MAX];
            snprintf(path, sizeof path, "%s/%03d.png", f->clips.sample[clip].path, index[t]);
            expect_resized(path, NULL, S4D_BILINEAR, frame_of(b, i, t));
        }
    }
    s4d_loader_destroy(&loader);
}

/* Every clip's first view, then its second, ...; a batch may hold two clips' different views. The views are the same as when they
 * come together. */
static void views_come_one_after_another(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_TEST);
    f->opts.keep_aspect = true;
    f->opts.test_segments = 2;
    f->opts.test_crops = 3;
    f->opts.by_view = true;
    f->opts.test_batch = 4;
    s4d_loader *loader = create(f);
    assert_int_equal(s4d_loader_batches(loader), 9);
    int seen = 0;
    start(loader, 0, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        assert_int_equal(b->count, 4);
        for (int i = 0; i < b->count; i++, seen++) {
            int clip = seen % CLIPS, view = seen / CLIPS, index[FRAMES];
            assert_int_equal(b->sample[i], clip);
            assert_int_equal(b->view[i], view);
            assert_int_equal(b->label[i], f->clips.sample[clip].label);
            assert_int_equal(b->recipe[i].left, view % 3);
            s4d_clip_test_index(clip_frames(clip), 2, FRAMES, 2, view / 3, index);
            for (int t = 0; t < FRAMES; t++) {
                assert_int_equal(frame_of(b, i, t)[0], frame_mark(clip, index[t]));
            }
        }
    }
    assert_int_equal(seen, 6 * CLIPS);
    s4d_loader_destroy(&loader);
}

/* Validation: one clip a video, drawn by the sample, the same in every epoch and for any number of threads. */
static void validation_draws_one_clip_a_video(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_TEST);
    f->opts.test_draw = true;
    f->opts.test_batch = CLIPS;
    s4d_loader *loader = create(f);
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        start(loader, 0, 0);
        const s4d_batch *b = next(loader);
        assert_int_equal(b->count, CLIPS);
        for (int i = 0; i < CLIPS; i++) {
            s4d_rng rng = sample_stream(f, 0, (uint32_t)i);
            int index[FRAMES];
            s4d_clip_draw_index(clip_frames(i), 2, FRAMES, &rng, index);
            for (int t = 0; t < FRAMES; t++) {
                char path[S4D_PATH_MAX];
                snprintf(path, sizeof path, "%s/%03d.png", f->clips.sample[i].path, index[t]);
                expect_resized(path, NULL, S4D_BILINEAR, frame_of(b, i, t));
            }
        }
    }
    s4d_loader_destroy(&loader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(images_come_in_order),
        FIXTURE_TEST(frames_that_keep_their_aspect_are_cut),
        FIXTURE_TEST(a_single_cut_lies_in_the_middle),
        FIXTURE_TEST(frames_are_squashed),
        FIXTURE_TEST(crops_of_squashed_frames_are_the_same),
        FIXTURE_TEST(views_come_one_after_another),
        FIXTURE_TEST(validation_draws_one_clip_a_video),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
