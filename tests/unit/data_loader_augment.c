/* RandAugment in the loader: where it stands among the steps, one plan for a clip, another for each repeat. */
#include "data_loader_fixture.h"

#include "s4d/data/augment.h"
#include "s4d/data/clip.h"
#include "s4d/data/draw.h"

static const uint8_t gray[3] = {128, 128, 128};
static const char policy_text[] = "rand-m9-n3-mstd0.5-inc1-p1";

static s4d_augment_policy policy(void)
{
    s4d_augment_policy p;
    assert_int_equal(s4d_augment_parse(policy_text, &p, NULL), S4D_OK);
    return p;
}

static s4d_image picture(const char *path)
{
    s4d_image image = {0};
    assert_int_equal(s4d_image_read(path, &image, NULL), S4D_OK);
    return image;
}

static void expect(const s4d_augment_plan *plan, s4d_image *image, const uint8_t *stored)
{
    s4d_image spare = {0};
    assert_int_equal(s4d_augment_apply(plan, gray, image, &spare, NULL), S4D_OK);
    assert_memory_equal(stored, image->rgb, (size_t)image->height * (size_t)image->width * 3);
    s4d_image_release(&spare);
}

/* Clips: frames in full, the plan on each, then the device's recipe of the rest. */
static void clips_have_one_plan_for_all_frames(void **state)
{
    fixture *f = *state;
    s4d_augment_policy p = policy();
    one_set(f, S4D_VIDEO, S4D_LOAD_FINETUNE);
    strcpy(f->data.video.augment.randaugment, policy_text);
    f->data.video.augment.interpolation = S4D_AUGMENT_EITHER;
    s4d_loader *loader = create(f);
    start(loader, 2, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        for (int i = 0; i < b->count; i++) {
            uint32_t place = (uint32_t)b->index * 6 + (uint32_t)i;
            s4d_rng rng = s4d_rng_make(f->opts.seed, S4D_RNG_SAMPLE, 2, place),
                    first = s4d_rng_make(f->opts.seed, S4D_RNG_SAMPLE, 2, place - place % 2);
            int clip = (int)b->sample[i], index[FRAMES];
            s4d_clip_draw_index(clip_frames(clip), 2, FRAMES, i % 2 == 0 ? &rng : &first, index);
            s4d_augment_plan plan;
            s4d_augment_draw(&p, S4D_AUGMENT_EITHER, &rng, &plan);
            for (int t = 0; t < FRAMES; t++) {
                char path[S4D_PATH_MAX];
                snprintf(path, sizeof path, "%s/%03d.png", f->clips.sample[clip].path, index[t]);
                s4d_image image = picture(path);
                expect(&plan, &image, b->pixels + b->recipe[i].offset + t * FRAME_BYTES_MAX);
                s4d_image_release(&image);
            }
            s4d_recipe rest;
            s4d_draw_recipe(&f->data.video.augment, CLIP_HEIGHT, CLIP_WIDTH, SIDE, &rng, &rest);
            rest.offset = (int64_t)i * FRAMES * FRAME_BYTES_MAX;
            assert_memory_equal(&b->recipe[i], &rest, sizeof rest);
        }
    }
    s4d_loader_destroy(&loader);
}

/* Pictures of the static pipeline: resized, cut, flipped, then the plan, all on bytes; erasing is left to the device. */
static void pictures_are_cut_and_flipped_before(void **state)
{
    fixture *f = *state;
    s4d_augment_policy p = policy();
    int flips = 0;
    one_set(f, S4D_IMAGE, S4D_LOAD_FINETUNE);
    s4d_augment_opts *a = &f->data.image.augment;
    strcpy(a->randaugment, policy_text);
    a->crop = S4D_CROP_RANDOM;
    a->resize = 20;
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        for (int i = 0; i < b->count; i++) {
            s4d_rng rng = s4d_rng_make(f->opts.seed, S4D_RNG_SAMPLE, 0, (uint32_t)b->index * 4 + (uint32_t)i);
            s4d_image file = picture(f->pictures.sample[b->sample[i]].path), resized = {0}, cut = {0};
            assert_int_equal(s4d_image_resize(&file, NULL, S4D_BILINEAR, 20, 20, &resized, NULL), S4D_OK);
            int top = (int)s4d_rng_below(&rng, 20 - SIDE + 1), left = (int)s4d_rng_below(&rng, 20 - SIDE + 1);
            bool flip = s4d_rng_uniform(&rng) < 0.5;
            flips += flip;
            assert_int_equal(s4d_image_size(&cut, SIDE, SIDE, NULL), S4D_OK);
            for (int y = 0; y < SIDE; y++) {
                for (int x = 0; x < SIDE; x++) {
                    int from = left + (flip ? SIDE - 1 - x : x);
                    memcpy(cut.rgb + 3 * (y * SIDE + x), resized.rgb + 3 * ((top + y) * 20 + from), 3);
                }
            }
            s4d_augment_plan plan;
            s4d_augment_draw(&p, S4D_AUGMENT_BICUBIC, &rng, &plan);
            expect(&plan, &cut, b->pixels + b->recipe[i].offset);
            const s4d_recipe *r = &b->recipe[i];
            assert_true(!r->flip && r->height == SIDE && r->width == SIDE && r->box_height == SIDE && r->top == 0);
            s4d_image_release(&file);
            s4d_image_release(&resized);
            s4d_image_release(&cut);
        }
    }
    assert_in_range(flips, 1, PICTURES - 1);
    s4d_loader_destroy(&loader);
}

static void testing_leaves_pictures_alone(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_IMAGE, S4D_LOAD_TEST);
    s4d_loader *plain = create(f);
    strcpy(f->data.image.augment.randaugment, policy_text);
    s4d_loader *named = create(f);
    start(plain, 0, 0);
    start(named, 0, 0);
    const s4d_batch *a = next(plain), *b = next(named);
    assert_int_equal(a->pixel_bytes, b->pixel_bytes);
    assert_memory_equal(a->pixels, b->pixels, a->pixel_bytes);
    s4d_loader_destroy(&plain);
    s4d_loader_destroy(&named);
}

static void refused(fixture *f, const char *words)
{
    s4d_loader *loader;
    s4d_err err = {0};
    assert_int_equal(s4d_loader_create(&f->opts, &loader, &err), S4D_USAGE);
    if (!strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
}

static void what_cannot_work_is_refused(void **state)
{
    fixture *f = *state;
    strcpy(f->data.video.augment.randaugment, "rand-m7-nope");
    refused(f, "data.video.augment.randaugment");
    strcpy(f->data.video.augment.randaugment, policy_text);
    f->data.video.augment.short_side = 20;
    refused(f, "data.video.augment.short_side: 20 comes after randaugment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(clips_have_one_plan_for_all_frames),
        FIXTURE_TEST(pictures_are_cut_and_flipped_before),
        FIXTURE_TEST(testing_leaves_pictures_alone),
        FIXTURE_TEST(what_cannot_work_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
