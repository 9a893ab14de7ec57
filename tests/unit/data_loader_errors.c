/* Settings that cannot work, samples that cannot be read, threads and memory that are not there. */
#include "data_loader_fixture.h"

#include <unistd.h>

#include "s4d/base/fault.h"
#include "s4d/data/draw.h"

static void refused(fixture *f, const char *sentence)
{
    s4d_loader *loader = (s4d_loader *)f;
    s4d_err err = {0};
    assert_int_equal(s4d_loader_create(&f->opts, &loader, &err), S4D_USAGE);
    assert_null(loader);
    assert_string_equal(err.text, sentence);
}

static void a_repeat_must_divide_the_batch(void **state)
{
    fixture *f = *state;
    f->data.video.repeat = 4;
    refused(f, "data.video.repeat: 4 does not divide data.video.batch 6; make the batch a multiple "
               "of the repeat");
    f->data.video.repeat = 0;
    refused(f, "data.video.repeat: 0 does not divide data.video.batch 6; make the batch a multiple "
               "of the repeat");
    f->data.video.batch = 0;
    refused(f, "data.video.batch: 0 is outside 1..1048576");
}

static void a_set_must_fill_a_batch(void **state)
{
    fixture *f = *state;
    f->data.image.batch = 13;
    s4d_loader *loader = create(f); /* pre-training takes what there is */
    s4d_loader_destroy(&loader);
    f->opts.mode = S4D_LOAD_FINETUNE;
    refused(f,
            "data.image.train: 12 pictures are fewer than one batch of 13; lower data.image.batch");
    f->data.image.batch = 4;
    f->data.video.batch = 14;
    refused(f, "data.video.train: 6 clips are fewer than one batch of 7 (the batch divided by the "
               "repeat); lower data.video.batch");
    f->data.video.batch = 6;
    f->opts.accumulate = 4;
    refused(f, "data.image.train: 12 pictures are fewer than one update of 16; lower data.image.batch or train.accumulate");
    f->opts.accumulate = 3;
    f->data.video.batch = 4;
    f->data.image.rate = 0.9;
    refused(f, "data.image.rate: 0.9 of 1 updates is not one whole update; raise the rate");
}

static void a_share_must_be_a_batch(void **state)
{
    fixture *f = *state;
    f->data.image.rate = 0.3;
    refused(f, "data.image.rate: 0.3 of 3 batches is not one whole batch; raise the rate");
    f->data.image.rate = 0.0;
    refused(f, "data.image.rate: 0 of 3 batches is not one whole batch; raise the rate");
    f->data.image.rate = 1e9;
    refused(f, "data.image.rate: an epoch of 24000000012 samples is too long; lower the rate");
}

static void labels_must_be_there(void **state)
{
    fixture *f = *state;
    f->pictures.sample[7].label = -1;
    s4d_loader *loader = create(f); /* pre-training needs none */
    s4d_loader_destroy(&loader);
    f->data.image.balanced = true;
    refused(f, "data.image.train: \"picture7\" has no label, which a balanced draw needs; use a "
               "labelled list");
    f->data.image.balanced = false;
    f->opts.mode = S4D_LOAD_FINETUNE;
    refused(f, "data.image.train: \"picture7\" has no label, which fine-tuning needs; use a "
               "labelled list");
}

static void augmentation_must_fit_together(void **state)
{
    fixture *f = *state;
    s4d_augment_opts *a = &f->data.image.augment, good = *a;
    a->area[0] = 0.5;
    a->area[1] = 0.2;
    refused(f, "data.image.augment.area: [0.5, 0.2] is not a range; give two positive numbers, the "
               "smaller first");
    *a = good;
    a->ratio[0] = 0.0;
    refused(f, "data.image.augment.ratio: [0, 1.33333] is not a range; give two positive numbers, "
               "the smaller first");
    *a = good;
    a->erase_aspect[0] = 4.0;
    refused(f, "data.image.augment.erase_aspect: [4, 3.33333] is not a range; give two positive "
               "numbers, the smaller first");
    *a = good;
    a->erase_area[0] = -1.0;
    refused(f, "data.image.augment.erase_area: [-1, 0.3] is not a range; give two positive "
               "numbers, the smaller first");
    *a = good;
    a->crop = S4D_CROP_RANDOM;
    a->resize = 15;
    refused(f, "data.image.augment.resize: 15 is too small for a random crop of model.img_size 16; "
               "make it at least as large");
    *a = good;
    a->crop = S4D_CROP_RESIZED_BICUBIC;
    a->short_side = 20;
    refused(f, "data.image.augment.short_side: 20 comes after the bicubic crop and would not be "
               "used; set it to 0 or choose another crop");
    *a = good;
    a->resize = 20000;
    refused(f, "data.image.augment: resize 20000 and short_side 0 must be 0 or a side of at most "
               "16384 pixels");
}

static void source_crops_are_four_numbers(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {"0,4,20",   "0,4,20,24,1", "a",
                                      "0,4,0,24", "-1,4,20,24",  "0,4,20,24 "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char sentence[256];
        strcpy(f->data.video.source_crop, bad[i]);
        snprintf(sentence, sizeof sentence,
                 "data.video.source_crop: \"%s\" is not \"top,left,height,width\" in pixels, such "
                 "as \"0,32,160,160\"",
                 bad[i]);
        refused(f, sentence);
    }
}

static void masks_must_leave_something(void **state)
{
    fixture *f = *state;
    f->data.mask.video_ratio = 0.1;
    refused(f, "data.mask.video_ratio: 0.1 of 8 tokens leaves none to see or none to restore; "
               "choose a share between 0 and 1");
    f->data.mask.image_ratio = 1.0;
    refused(f, "data.mask.image_ratio: 1 of 4 tokens leaves none to see or none to restore; choose "
               "a share between 0 and 1");
    f->opts.patch_size = 5;
    refused(f, "model.patch_size 5 must divide model.img_size 16, and model.tubelet_size 2 must "
               "divide model.num_frames 4");
}

static void workers_and_views_have_bounds(void **state)
{
    fixture *f = *state;
    f->data.workers = -1;
    refused(f, "data.workers: -1 is outside 0..1024");
    f->data.workers = 0;
    f->data.video.sampling_rate = 0;
    refused(f, "data.video.sampling_rate 0 and model.num_frames 4 must be at least 1");
    f->data.video.sampling_rate = 2;
    one_set(f, S4D_VIDEO, S4D_LOAD_TEST);
    f->opts.test_crops = 0;
    refused(f, "eval.batch 4, eval.segments 1 and eval.crops 0 must be at least 1");
    f->opts.test_crops = f->opts.test_segments = 1 << 30;
    refused(f, "eval.batch 4 x eval.segments 1073741824 x eval.crops 1073741824 are more than "
               "1048576 views in a batch; lower one of them");
}

static void an_epoch_cannot_begin_outside_itself(void **state)
{
    fixture *f = *state;
    s4d_loader *loader = create(f);
    s4d_err err = {0};
    assert_int_equal(s4d_loader_start(loader, 0, 6, &err), S4D_FAILED);
    assert_string_equal(err.text,
                        "an epoch has 5 batches, so it cannot go on at batch 6; the lists or the "
                        "batch sizes have changed since: start anew, or bring them back");
    assert_int_equal(s4d_loader_start(loader, 0, -1, &err), S4D_FAILED);
    assert_null(next(loader)); /* nothing was started */
    s4d_loader_destroy(&loader);
}

/* ---- samples that cannot be read ---- */

static void spoil(const char *path)
{
    s4d_err err = {0};
    assert_int_equal(s4d_file_write(path, "no picture", 10, &err), S4D_OK);
}

static void the_first_bad_sample_fails_its_batch(void **state)
{
    fixture *f = *state;
    static const int workers[] = {0, 3};
    spoil(f->pictures.sample[6].path);
    spoil(f->pictures.sample[7].path);
    one_set(f, S4D_IMAGE, S4D_LOAD_TEST);
    for (size_t i = 0; i < 2; i++) {
        f->data.workers = workers[i];
        s4d_loader *loader = create(f);
        start(loader, 0, 0);
        assert_int_equal(next(loader)->count, 4);
        for (int again = 0; again < 2; again++) {
            const s4d_batch *batch = (const s4d_batch *)f;
            s4d_err err = {0};
            assert_int_equal(s4d_loader_next(loader, &batch, &err), S4D_FAILED);
            assert_null(batch);
            assert_int_equal(err.status, S4D_FAILED);
            assert_non_null(strstr(err.text, f->pictures.sample[6].path));
        }
        start(loader, 0, 2); /* the loader goes on elsewhere */
        assert_int_equal(next(loader)->sample[0], 8);
        assert_null(next(loader));
        assert_int_equal(s4d_loader_skipped(loader), 0);
        assert_string_equal(s4d_loader_skipped_text(loader), "");
        s4d_loader_destroy(&loader);
    }
}

static void skipped_test_samples_are_absent(void **state)
{
    fixture *f = *state;
    f->data.on_bad_sample = S4D_BAD_SKIP;
    for (int i = 4; i < 9; i++) {
        assert_int_equal(unlink(f->pictures.sample[i].path), 0);
    }
    one_set(f, S4D_IMAGE, S4D_LOAD_TEST);
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    assert_int_equal(next(loader)->skipped, 0);
    const s4d_batch *batch = next(loader);
    assert_int_equal(batch->count, 0);
    assert_int_equal(batch->skipped, 4);
    assert_int_equal(batch->pixel_bytes, 0);
    batch = next(loader);
    assert_int_equal(batch->count, 3);
    assert_int_equal(batch->skipped, 1);
    assert_int_equal(batch->sample[0], 9);
    assert_int_equal(batch->recipe[0].offset, 0);
    assert_null(next(loader));
    assert_int_equal(s4d_loader_skipped(loader), 5);
    const char *text = s4d_loader_skipped_text(loader);
    for (int i = 0; i < PICTURES; i++) {
        assert_true((strstr(text, f->pictures.sample[i].path) != NULL) == (i >= 4 && i < 9));
    }
    s4d_loader_destroy(&loader);
}

/* Counted every time, named once; what is left is mixed among itself. */
static void skipped_training_samples_leave_the_rest(void **state)
{
    fixture *f = *state;
    f->data.on_bad_sample = S4D_BAD_SKIP;
    spoil(f->pictures.sample[5].path);
    f->data.image.repeat = 2;
    one_set(f, S4D_IMAGE, S4D_LOAD_FINETUNE);
    s4d_loader *loader = create(f);
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        int samples = 0, skipped = 0;
        start(loader, epoch, 0);
        for (const s4d_batch *b = next(loader); b; b = next(loader)) {
            float target[4 * CLASSES];
            assert_int_equal(b->count, b->skipped == 1 ? 2 : 4);
            s4d_mix_targets(&b->mix, 0.1, b->label, b->count, CLASSES, target);
            assert_memory_equal(b->target, target, (size_t)b->count * CLASSES * sizeof *target);
            for (int i = 0; i < b->count; i++) {
                assert_int_not_equal(b->sample[i], 5);
                assert_int_equal(b->pixels[b->recipe[i].offset], b->sample[i]);
            }
            samples += b->count;
            skipped += b->skipped;
        }
        assert_int_equal(samples, 22);
        assert_int_equal(skipped, 1);
    }
    assert_int_equal(s4d_loader_skipped(loader), 3);
    assert_null(strchr(s4d_loader_skipped_text(loader), '\n'));
    s4d_loader_destroy(&loader);
}

static void eight_sentences_are_kept(void **state)
{
    fixture *f = *state;
    f->data.on_bad_sample = S4D_BAD_SKIP;
    for (int i = 0; i < 10; i++) {
        spoil(f->pictures.sample[i].path);
    }
    one_set(f, S4D_IMAGE, S4D_LOAD_TEST);
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    while (next(loader)) {
    }
    int lines = 1;
    for (const char *c = s4d_loader_skipped_text(loader); *c; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, 8);
    assert_int_equal(s4d_loader_skipped(loader), 10);
    s4d_loader_destroy(&loader);
}

static void expect_error(fixture *f, const char *part)
{
    s4d_loader *loader = create(f);
    const s4d_batch *batch;
    s4d_err err = {0};
    start(loader, 0, 0);
    assert_int_equal(s4d_loader_next(loader, &batch, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, part));
    s4d_loader_destroy(&loader);
}

static void pictures_that_do_not_fit_are_named(void **state)
{
    fixture *f = *state;
    one_set(f, S4D_IMAGE, S4D_LOAD_FINETUNE);
    strcpy(f->data.image.source_crop, "5,0,20,20");
    expect_error(f,
                 ".png: data.image.source_crop \"5,0,20,20\" does not lie inside the picture, "
                 "which is 24 high and 20 wide; set it to a box of the set's pictures, or to \"\"");
    f->data.image.source_crop[0] = '\0';
    f->data.image.augment.crop = S4D_CROP_RANDOM;
    f->opts.img_size = 21;
    expect_error(f, ".png: a picture of 24 x 20 is too small for a random crop of 21; set "
                    "data.image.augment.resize or data.image.augment.short_side");

    one_set(f, S4D_VIDEO, S4D_LOAD_FINETUNE);
    f->opts.img_size = SIDE;
    for (int i = 0; i < CLIPS; i++) {
        for (int odd = 1; odd < clip_frames(i); odd += 2) {
            char path[S4D_PATH_MAX];
            snprintf(path, sizeof path, "%s/%03d.png", f->clips.sample[i].path, odd);
            write_picture(path, 9, 9, 0);
        }
    }
    f->data.video.sampling_rate = 1; /* neighbours are taken */
    expect_error(f, "; make all frames of a clip the same size");
}

/* ---- threads and memory ---- */

#ifdef S4D_TEST_HOOKS
static void a_thread_that_does_not_start_is_an_error(void **state)
{
    fixture *f = *state;
    f->data.workers = 4;
    for (long n = 1; n <= 4; n++) {
        s4d_loader *loader;
        s4d_err err = {0};
        char begin[64];
        snprintf(begin, sizeof begin, "data.workers: thread %ld of 4: cannot start a thread", n);
        s4d_fault_set(S4D_FAULT_THREAD, n);
        assert_int_equal(s4d_loader_create(&f->opts, &loader, &err), S4D_FAILED);
        s4d_fault_set(S4D_FAULT_THREAD, 0);
        assert_null(loader);
        assert_memory_equal(err.text, begin, strlen(begin));
    }
}

static s4d_status run_epoch(fixture *f, s4d_err *err)
{
    s4d_loader *loader;
    const s4d_batch *batch = NULL;
    s4d_status status = s4d_loader_create(&f->opts, &loader, err);
    if (status == S4D_OK) {
        status = s4d_loader_start(loader, 0, 0, err);
    }
    do {
        status = status == S4D_OK ? s4d_loader_next(loader, &batch, err) : status;
    } while (status == S4D_OK && batch);
    s4d_loader_destroy(&loader);
    return status;
}

/* Every allocation of two batches fails in turn; how many there are is returned. */
static long sweep_once(fixture *f)
{
    long failed = 0;
    s4d_status status;
    do {
        s4d_err err = {0};
        s4d_fault_set(S4D_FAULT_ALLOC, failed + 1);
        status = run_epoch(f, &err);
        s4d_fault_set(S4D_FAULT_ALLOC, 0);
        if (status != S4D_OK) {
            assert_int_equal(status, S4D_FAILED);
            assert_non_null(strstr(err.text, "memory"));
            failed++;
        }
    } while (status != S4D_OK);
    assert_true(failed > 20);
    return failed;
}

/* Where bad samples are left out, a lack of memory is none. */
static void sweep(fixture *f)
{
    f->data.on_bad_sample = S4D_BAD_FAIL;
    long stopped = sweep_once(f);
    f->data.on_bad_sample = S4D_BAD_SKIP;
    assert_int_equal(sweep_once(f), stopped);
}

static void no_memory_is_an_error_everywhere(void **state)
{
    fixture *f = *state;
    f->data.image.batch = 2;
    f->data.image.rate = 0.2;
    f->data.image.balanced = true;
    f->data.image.augment.crop = S4D_CROP_RESIZED_BICUBIC;
    f->data.video.batch = 2;
    f->data.video.rate = 0.2;
    f->data.video.augment.resize = 20;
    sweep(f);
    f->opts.mode = S4D_LOAD_FINETUNE;
    sweep(f);
    one_set(f, S4D_VIDEO, S4D_LOAD_TEST);
    f->clips.count = 2;
    f->opts.test_crops = 2;
    sweep(f);
    f->clips.count = CLIPS;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_repeat_must_divide_the_batch),
        FIXTURE_TEST(a_set_must_fill_a_batch),
        FIXTURE_TEST(a_share_must_be_a_batch),
        FIXTURE_TEST(labels_must_be_there),
        FIXTURE_TEST(augmentation_must_fit_together),
        FIXTURE_TEST(source_crops_are_four_numbers),
        FIXTURE_TEST(masks_must_leave_something),
        FIXTURE_TEST(workers_and_views_have_bounds),
        FIXTURE_TEST(an_epoch_cannot_begin_outside_itself),
        FIXTURE_TEST(the_first_bad_sample_fails_its_batch),
        FIXTURE_TEST(skipped_test_samples_are_absent),
        FIXTURE_TEST(skipped_training_samples_leave_the_rest),
        FIXTURE_TEST(eight_sentences_are_kept),
        FIXTURE_TEST(pictures_that_do_not_fit_are_named),
#ifdef S4D_TEST_HOOKS
        FIXTURE_TEST(a_thread_that_does_not_start_is_an_error),
        FIXTURE_TEST(no_memory_is_an_error_everywhere),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
