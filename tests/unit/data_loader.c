/* What is in a batch of training: the right frames, the published order of steps, labels, targets, masks. */
#include "data_loader_fixture.h"

#include "s4d/data/clip.h"
#include "s4d/data/draw.h"

static void assert_raw(const uint8_t *frame, int height, int width, int mark)
{
    for (int i = 0; i < height * width; i++) {
        assert_int_equal(frame[i * 3], mark);
        assert_int_equal(frame[i * 3 + 1], i / width);
        assert_int_equal(frame[i * 3 + 2], i % width);
    }
}

static void assert_mask(const s4d_batch *batch, int sample, int tokens)
{
    const int32_t *visible = batch->visible + sample * batch->visible_count;
    const int32_t *masked = batch->masked + sample * batch->masked_count;
    int v = 0, m = 0;
    for (int i = 0; i < tokens; i++) {
        if (v < batch->visible_count && visible[v] == i) {
            v++;
        } else {
            assert_true(m < batch->masked_count && masked[m] == i);
            m++;
        }
    }
}

static void pretraining_gives_every_sample_once(void **state)
{
    fixture *f = *state;
    s4d_loader *loader = create(f);
    int pictures[PICTURES] = {0}, clips[CLIPS] = {0}, batches = 0;
    assert_int_equal(s4d_loader_batches(loader), 5);
    start(loader, 0, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        bool video = b->modality == S4D_VIDEO;
        assert_int_equal(b->index, batches++);
        assert_int_equal(b->count, video ? 6 : 4);
        assert_int_equal(b->frames, video ? FRAMES : 1);
        assert_int_equal(b->classes, CLASSES);
        assert_int_equal(b->skipped, 0);
        assert_null(b->target);
        assert_int_equal(b->mix.mode, S4D_MIX_NONE);
        assert_int_equal(b->visible_count, 2);
        assert_int_equal(b->masked_count, video ? 6 : 2);
        assert_true(b->decode_ms > 0.0);
        for (int i = 0; i < b->count; i++) {
            (video ? clips : pictures)[b->sample[i]]++;
            assert_int_equal(b->view[i], 0);
            assert_int_equal(b->label[i], (int)b->sample[i] % CLASSES);
            assert_mask(b, i, video ? 8 : 4);
        }
    }
    assert_int_equal(batches, 5);
    for (int i = 0; i < PICTURES; i++) {
        assert_int_equal(pictures[i], 1);
    }
    for (int i = 0; i < CLIPS; i++) {
        assert_int_equal(clips[i], 2);
    }
    s4d_loader_destroy(&loader);
    assert_null(loader);
}

/* Sample `place` of the epoch draws, in this order, from its stream: clip (first repeat), recipe,
 * mask. */
static void a_clip_is_decoded_once_for_its_repeats(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_PRETRAIN);
    s4d_loader *loader = create(f);
    start(loader, 3, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        assert_int_equal(b->pixel_bytes, 3 * FRAMES * FRAME_BYTES_MAX);
        for (int i = 0; i < b->count; i++) {
            uint32_t place = (uint32_t)b->index * 6 + (uint32_t)i;
            s4d_rng rng = sample_stream(f, 3, place),
                    first = sample_stream(f, 3, place - place % 2);
            int clip = (int)b->sample[i], index[FRAMES];
            s4d_clip_draw_stride_index(clip_frames(clip), 2, FRAMES, i % 2 == 0 ? &rng : &first, index);
            for (int t = 0; t < FRAMES; t++) {
                assert_raw(frame_of(b, i, t), CLIP_HEIGHT, CLIP_WIDTH, frame_mark(clip, index[t]));
            }
            s4d_recipe expected;
            s4d_draw_recipe(&f->data.video.augment, CLIP_HEIGHT, CLIP_WIDTH, SIDE, &rng, &expected);
            expected.offset = i / 2 * FRAMES * FRAME_BYTES_MAX;
            assert_memory_equal(&b->recipe[i], &expected, sizeof expected);
            int32_t visible[2], masked[6];
            s4d_draw_mask(0.75, S4D_MASK_RANDOM, 8, 4, &rng, visible, masked);
            assert_memory_equal(b->visible + 2 * i, visible, sizeof visible);
            assert_memory_equal(b->masked + 6 * i, masked, sizeof masked);
        }
    }
    s4d_loader_destroy(&loader);
}

/* 6 clips twice each, 4 clips to an update of two batches: the second update has 2 clips, in one batch. */
static void pre_training_keeps_what_is_left(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_PRETRAIN);
    f->data.video.batch = 4;
    f->opts.accumulate = 2;
    s4d_loader *loader = create(f);
    int count[CLIPS] = {0};
    assert_int_equal(s4d_loader_batches(loader), 3);
    assert_int_equal(s4d_loader_updates(loader), 2);
    start(loader, 0, 0);
    for (int n = 0; n < 3; n++) {
        const s4d_batch *b = next(loader);
        assert_int_equal(b->count, 4);
        assert_int_equal(b->ends_update, n > 0);
        assert_int_equal(b->update_samples, n < 2 ? 8 : 4);
        for (int i = 0; i < b->count; i++) {
            count[b->sample[i]]++;
        }
    }
    assert_null(next(loader));
    for (int i = 0; i < CLIPS; i++) {
        assert_int_equal(count[i], 2);
    }
    f->data.video.batch = 8;
    f->opts.accumulate = 1;
    s4d_loader_destroy(&loader);
    loader = create(f);
    start(loader, 0, 0);
    assert_int_equal(next(loader)->count, 8);
    assert_int_equal(next(loader)->count, 4);
    assert_null(next(loader));
    s4d_loader_destroy(&loader);
}

static void tubes_are_drawn_when_asked(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_PRETRAIN);
    f->data.mask.video_kind = S4D_MASK_TUBE;
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    const s4d_batch *b = next(loader);
    assert_int_equal(b->visible_count, 2);
    for (int i = 0; i < b->count; i++) {
        assert_int_equal(b->visible[2 * i + 1], b->visible[2 * i] + 4);
    }
    s4d_loader_destroy(&loader);
}

static void bicubic_crops_are_made_of_bytes(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_IMAGE, S4D_LOAD_PRETRAIN);
    f->data.image.augment.crop = S4D_CROP_RESIZED_BICUBIC;
    f->data.image.repeat = 2;
    strcpy(f->data.image.source_crop, "3,2,20,17");
    s4d_loader *loader = create(f);
    start(loader, 1, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        for (int i = 0; i < b->count; i++) {
            const s4d_augment_opts *a = &f->data.image.augment;
            s4d_rng rng = sample_stream(f, 1, (uint32_t)b->index * 4 + (uint32_t)i);
            int box[4];
            s4d_draw_resized_crop(20, 17, a->area, a->ratio, &rng, box);
            box[0] += 3;
            box[1] += 2;
            expect_resized(f->pictures.sample[b->sample[i]].path, box, S4D_BICUBIC,
                           frame_of(b, i, 0));
            s4d_recipe expected;
            s4d_draw_recipe(a, SIDE, SIDE, SIDE, &rng, &expected);
            expected.offset = i * SIDE * SIDE * 3;
            assert_memory_equal(&b->recipe[i], &expected, sizeof expected);
            assert_int_equal(expected.box_height, SIDE);
        }
    }
    s4d_loader_destroy(&loader);
}

/* Clips of fewer than 16 frames at rate 4 end in repeats of their last frame. */
static void repeated_frames_stand_at_every_place(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_FINETUNE);
    f->data.video.augment.crop = S4D_CROP_RESIZED_BICUBIC;
    f->data.video.sampling_rate = 4;
    s4d_loader *loader = create(f);
    int repeats = 0;
    start(loader, 0, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        for (int i = 0; i < b->count; i++) {
            int clip = (int)b->sample[i], index[FRAMES];
            s4d_rng rng = sample_stream(f, 0, (uint32_t)(b->index * 6 + i - i % 2));
            s4d_clip_draw_index(clip_frames(clip), 4, FRAMES, &rng, index);
            for (int t = 0; t < FRAMES; t++) {
                assert_int_equal(frame_of(b, i, t)[0], frame_mark(clip, index[t]));
                if (t > 0 && index[t] == index[t - 1]) {
                    repeats++;
                    assert_memory_equal(frame_of(b, i, t), frame_of(b, i, t - 1), SIDE * SIDE * 3);
                }
            }
        }
    }
    assert_true(repeats > 0);
    s4d_loader_destroy(&loader);
}

static void random_crops_cut_the_resized_picture(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_IMAGE, S4D_LOAD_FINETUNE);
    f->data.image.augment.crop = S4D_CROP_RANDOM;
    f->data.image.augment.resize = 18;
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        for (int i = 0; i < b->count; i++) {
            const s4d_recipe *r = &b->recipe[i];
            s4d_image in = {0}, out = {0};
            s4d_err err = {0};
            assert_int_equal(r->height, 18);
            assert_int_equal(r->width, 18);
            assert_int_equal(r->box_height, SIDE);
            assert_int_equal(r->box_width, SIDE);
            assert_true(r->top >= 0 && r->top <= 2 && r->left >= 0 && r->left <= 2);
            assert_int_equal(s4d_image_read(f->pictures.sample[b->sample[i]].path, &in, &err),
                             S4D_OK);
            assert_int_equal(s4d_image_resize(&in, NULL, S4D_BILINEAR, 18, 18, &out, &err), S4D_OK);
            assert_memory_equal(frame_of(b, i, 0), out.rgb, 18 * 18 * 3);
            s4d_image_release(&in);
            s4d_image_release(&out);
        }
    }
    s4d_loader_destroy(&loader);
}

static void without_a_crop_frames_come_in_full(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_IMAGE, S4D_LOAD_FINETUNE);
    f->data.image.augment.crop = S4D_CROP_NONE;
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    const s4d_batch *b = next(loader);
    for (int i = 0; i < b->count; i++) {
        assert_int_equal(b->recipe[i].box_height, SIDE);
        expect_resized(f->pictures.sample[b->sample[i]].path, NULL, S4D_BILINEAR,
                       frame_of(b, i, 0));
    }
    s4d_loader_destroy(&loader);
    f->data.image.augment.short_side = 32; /* then the device brings it to size */
    loader = create(f);
    start(loader, 0, 0);
    b = next(loader);
    assert_int_equal(b->recipe[0].height, PICTURE_HEIGHT);
    assert_int_equal(b->recipe[0].mid_height, 32 * PICTURE_HEIGHT / PICTURE_WIDTH);
    assert_int_equal(b->recipe[0].mid_width, 32);
    assert_int_equal(b->recipe[0].box_height, 32 * PICTURE_HEIGHT / PICTURE_WIDTH);
    s4d_loader_destroy(&loader);
}

static void the_source_crop_comes_first(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_VIDEO, S4D_LOAD_PRETRAIN);
    strcpy(f->data.video.source_crop, "0,4,20,24");
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    const s4d_batch *b = next(loader);
    for (int i = 0; i < b->count; i++) {
        const uint8_t *frame = frame_of(b, i, 1);
        assert_int_equal(b->recipe[i].height, 20);
        assert_int_equal(b->recipe[i].width, 24);
        for (int k = 0; k < 20 * 24; k++) {
            assert_int_equal(frame[k * 3], frame[0]);
            assert_int_equal(frame[k * 3 + 1], k / 24);
            assert_int_equal(frame[k * 3 + 2], k % 24 + 4);
        }
    }
    s4d_loader_destroy(&loader);
}

static void finetuning_mixes_by_the_batch(void **state)
{
    fixture *f = *state;
    f->opts.mode = S4D_LOAD_FINETUNE;
    s4d_loader *loader = create(f);
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
        start(loader, epoch, 0);
        for (const s4d_batch *b = next(loader); b; b = next(loader)) {
            s4d_rng rng = s4d_rng_make(f->opts.seed, S4D_RNG_MIX, epoch, (uint32_t)b->index);
            s4d_mix_draw mix;
            float target[6 * CLASSES];
            s4d_draw_mix(&f->data.mixing, SIDE, &rng, &mix);
            assert_memory_equal(&b->mix, &mix, sizeof mix);
            s4d_mix_targets(&mix, 0.1, b->label, b->count, CLASSES, target);
            assert_memory_equal(b->target, target, (size_t)b->count * CLASSES * sizeof *target);
            assert_null(b->visible);
            assert_null(b->masked);
        }
    }
    s4d_loader_destroy(&loader);
}

static void balanced_sets_draw_rare_classes_as_often(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_IMAGE, S4D_LOAD_FINETUNE);
    for (int i = 0; i < PICTURES; i++) {
        f->pictures.sample[i].label = i == 3 ? 0 : 2;
    }
    f->data.image.balanced = true;
    f->data.image.rate = 50.0;
    s4d_loader *loader = create(f);
    int rare = 0, all = 0;
    start(loader, 0, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        for (int i = 0; i < b->count; i++, all++) {
            assert_int_equal(b->label[i], b->sample[i] == 3 ? 0 : 2);
            rare += b->sample[i] == 3;
        }
    }
    assert_int_equal(all, 600);
    assert_true(abs(rare - 300) < 4 * 13); /* four standard deviations */
    s4d_loader_destroy(&loader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(pretraining_gives_every_sample_once),
        FIXTURE_TEST(a_clip_is_decoded_once_for_its_repeats),
        FIXTURE_TEST(pre_training_keeps_what_is_left),
        FIXTURE_TEST(tubes_are_drawn_when_asked),
        FIXTURE_TEST(bicubic_crops_are_made_of_bytes),
        FIXTURE_TEST(repeated_frames_stand_at_every_place),
        FIXTURE_TEST(random_crops_cut_the_resized_picture),
        FIXTURE_TEST(without_a_crop_frames_come_in_full),
        FIXTURE_TEST(the_source_crop_comes_first),
        FIXTURE_TEST(finetuning_mixes_by_the_batch),
        FIXTURE_TEST(balanced_sets_draw_rare_classes_as_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
