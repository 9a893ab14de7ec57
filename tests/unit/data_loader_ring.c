/* The ring and its threads: the same epoch whatever their number, starts and stops at any moment,
 * no reading too far ahead, no allocation once the buffers have grown. */
#include "data_loader_fixture.h"

#include <unistd.h>

#include "s4d/base/rng.h"
#include "s4d/data/clip.h"

/* ---- one number for all that a batch says ---- */

static void mix_in(uint64_t *hash, const void *bytes, size_t size)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < size; i++) {
        *hash = (*hash ^ b[i]) * 0x100000001B3u; /* FNV-1a */
    }
}

/* All but the time it took. */
static uint64_t hash_of(const s4d_batch *b)
{
    uint64_t hash = 0xCBF29CE484222325u;
    size_t n = (size_t)b->count;
    mix_in(&hash, &b->modality, sizeof b->modality);
    mix_in(&hash, &b->index, sizeof b->index);
    mix_in(&hash, &b->count, sizeof b->count);
    mix_in(&hash, &b->frames, sizeof b->frames);
    mix_in(&hash, b->pixels, b->pixel_bytes);
    mix_in(&hash, b->recipe, n * sizeof *b->recipe);
    mix_in(&hash, b->sample, n * sizeof *b->sample);
    mix_in(&hash, b->view, n * sizeof *b->view);
    mix_in(&hash, b->label, n * sizeof *b->label);
    mix_in(&hash, b->target, b->target ? n * (size_t)b->classes * sizeof *b->target : 0);
    mix_in(&hash, &b->mix, sizeof b->mix);
    mix_in(&hash, b->visible, b->visible ? n * (size_t)b->visible_count * sizeof *b->visible : 0);
    mix_in(&hash, b->masked, b->masked ? n * (size_t)b->masked_count * sizeof *b->masked : 0);
    mix_in(&hash, &b->skipped, sizeof b->skipped);
    return hash;
}

enum { BATCHES_MAX = 64 };

static int hash_epoch(s4d_loader *loader, uint32_t epoch, int64_t from, uint64_t hash[BATCHES_MAX])
{
    int n = 0;
    start(loader, epoch, from);
    for (const s4d_batch *b = next(loader); b; b = next(loader)) {
        assert_true(n < BATCHES_MAX);
        hash[n++] = hash_of(b);
    }
    assert_null(next(loader)); /* and it stays ended */
    return n;
}

/* ---- the same epoch ---- */

static void compare_workers(fixture *f)
{
    static const int workers[] = {0, 1, 2, 5};
    uint64_t expected[3][BATCHES_MAX], hash[BATCHES_MAX];
    int count[3] = {0};
    for (size_t w = 0; w < sizeof workers / sizeof *workers; w++) {
        f->data.workers = workers[w];
        s4d_loader *loader = create(f);
        for (uint32_t epoch = 0; epoch < 3; epoch++) {
            int n = hash_epoch(loader, epoch, 0, w == 0 ? expected[epoch] : hash);
            assert_int_equal(n, s4d_loader_batches(loader));
            if (w == 0) {
                count[epoch] = n;
            } else {
                assert_int_equal(n, count[epoch]);
                assert_memory_equal(hash, expected[epoch], (size_t)n * sizeof *hash);
            }
        }
        s4d_loader_destroy(&loader);
    }
    bool training = f->opts.mode != S4D_LOAD_TEST;
    assert_true((memcmp(expected[0], expected[1], (size_t)count[0] * sizeof **expected) != 0) ==
                training);
}

static void workers_never_change_an_epoch(void **state)
{
    fixture *f = *state;
    f->data.image.batch = 2;
    f->data.image.rate = 1.5;
    f->data.image.balanced = true;
    compare_workers(f);
    f->opts.mode = S4D_LOAD_FINETUNE;
    f->data.on_bad_sample = S4D_BAD_SKIP;
    assert_int_equal(unlink(f->pictures.sample[3].path), 0);
    compare_workers(f);
    strcpy(f->data.image.augment.randaugment, "rand-m7-n4-mstd0.5-inc1");
    strcpy(f->data.video.augment.randaugment, "rand-m7-n4-mstd0.5-inc1");
    compare_workers(f);
    one_set(f, S4D_VIDEO, S4D_LOAD_TEST);
    f->opts.test_batch = 1;
    f->opts.test_segments = f->opts.test_crops = 2;
    compare_workers(f);
}

/* A clip as a video file of 40 x 48 with 20 frames that grow lighter. */
static s4d_status write_video(const char *path, s4d_err *err)
{
    s4d_image frame = {0};
    s4d_video_writer *writer = NULL;
    s4d_status status = s4d_image_size(&frame, 40, 48, err);
    if (status == S4D_OK) {
        status = s4d_video_writer_create(path, 40, 48, 25, &writer, err);
    }
    for (int f = 0; f < 20 && status == S4D_OK; f++) {
        memset(frame.rgb, 10 * f, 40 * 48 * 3);
        status = s4d_video_writer_add(writer, &frame, err);
    }
    if (writer) {
        s4d_status closed = s4d_video_writer_close(&writer, err);
        status = status == S4D_OK ? closed : status;
    }
    s4d_image_release(&frame);
    return status;
}

static void video_files_are_the_same_from_every_thread(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < CLIPS; i++) {
        char path[S4D_PATH_MAX];
        s4d_err err = {0};
        snprintf(path, sizeof path, "%s/clip%d.mp4", f->dir, i);
        if (write_video(path, &err) != S4D_OK) {
            assert_non_null(strstr(err.text, "no video support"));
            skip();
        }
        f->clips.sample[i].path = s4d_texts_add(&f->clips.texts, path);
    }
    one_set(f, S4D_VIDEO, S4D_LOAD_PRETRAIN);
    compare_workers(f);
}

static void another_seed_is_another_epoch(void **state)
{
    fixture *f = *state;
    uint64_t a[BATCHES_MAX], b[BATCHES_MAX];
    s4d_loader *loader = create(f);
    int n = hash_epoch(loader, 0, 0, a);
    s4d_loader_destroy(&loader);
    f->opts.seed++;
    loader = create(f);
    assert_int_equal(hash_epoch(loader, 0, 0, b), n);
    assert_memory_not_equal(a, b, (size_t)n * sizeof *a);
    s4d_loader_destroy(&loader);
}

static void an_epoch_goes_on_where_it_was_cut(void **state)
{
    fixture *f = *state;
    static const int workers[] = {0, 2};
    f->data.image.batch = 2;
    f->opts.mode = S4D_LOAD_FINETUNE;
    for (size_t w = 0; w < 2; w++) {
        uint64_t whole[BATCHES_MAX], tail[BATCHES_MAX];
        f->data.workers = workers[w];
        s4d_loader *loader = create(f);
        int n = hash_epoch(loader, 5, 0, whole);
        assert_int_equal(n, 8);
        for (int from = 0; from <= n; from++) {
            start(loader, 6, from / 2); /* left in the middle */
            next(loader);
            assert_int_equal(hash_epoch(loader, 5, from, tail), n - from);
            assert_memory_equal(tail, whole + from, (size_t)(n - from) * sizeof *tail);
        }
        s4d_loader_destroy(&loader);
    }
}

/* ---- any moment ---- */

static void nothing_comes_before_the_first_start(void **state)
{
    fixture *f = *state;
    f->data.workers = 2;
    s4d_loader *loader = create(f);
    assert_null(next(loader));
    s4d_loader_destroy(&loader);
    s4d_loader_destroy(&loader);
}

static void it_starts_and_stops_at_any_moment(void **state)
{
    fixture *f = *state;
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 0, 0);
    for (int round = 0; round < 40; round++) {
        f->data.workers = 1 + round % 4;
        s4d_loader *loader = create(f);
        for (uint32_t starts = s4d_rng_below(&rng, 4); starts > 0; starts--) {
            start(loader, starts, s4d_rng_below(&rng, 6));
            usleep(s4d_rng_below(&rng, 600));
            for (uint32_t taken = s4d_rng_below(&rng, 4); taken > 0; taken--) {
                next(loader);
            }
        }
        usleep(s4d_rng_below(&rng, 600));
        s4d_loader_destroy(&loader);
    }
}

/* Pictures so large that threads are in the middle of them when the next epoch begins; no two
 * epochs alike, so that what is left from an earlier one shows. */
static void a_start_waits_for_what_is_under_way(void **state)
{
    fixture *f = *state;
    uint64_t expected[BATCHES_MAX], hash[BATCHES_MAX];
    for (int i = 0; i < PICTURES; i++) {
        write_picture(f->pictures.sample[i].path, 250, 250, i);
    }
    one_set(f, S4D_IMAGE, S4D_LOAD_FINETUNE);
    s4d_loader *alone = create(f);
    f->data.workers = 3;
    s4d_loader *threaded = create(f);
    for (uint32_t round = 0; round < 12; round++) {
        int n = hash_epoch(alone, round, 0, expected);
        start(threaded, 100 + round, 0);
        usleep(500 * (round % 4));
        assert_int_equal(hash_epoch(threaded, round, 0, hash), n);
        assert_memory_equal(hash, expected, (size_t)n * sizeof *hash);
    }
    s4d_loader_destroy(&threaded);
    s4d_loader_destroy(&alone);
}

/* Two threads and batches of 2 make a ring of 3 batches. The pictures of the others appear only
 * after the threads have had time to run into their absence. */
static void threads_stay_within_the_ring(void **state)
{
    fixture *f = *state;
    s4d_err err = {0};
    one_set(f, S4D_IMAGE, S4D_LOAD_TEST);
    f->opts.test_batch = 2;
    f->data.workers = 2;
    for (int i = 6; i < PICTURES; i++) {
        assert_int_equal(unlink(f->pictures.sample[i].path), 0);
    }
    s4d_loader *loader = create(f);
    start(loader, 0, 0);
    usleep(60000);
    for (int i = 6; i < PICTURES; i++) {
        write_picture(f->pictures.sample[i].path, PICTURE_HEIGHT, PICTURE_WIDTH, i);
    }
    int batches = 0;
    const s4d_batch *batch;
    do {
        assert_int_equal(s4d_loader_next(loader, &batch, &err), S4D_OK);
        batches += batch != NULL;
    } while (batch);
    assert_int_equal(batches, 6);
    s4d_loader_destroy(&loader);
}

/* Reading and resizing a file allocate by themselves; the loader adds nothing once it has seen each
 * size. */
static void buffers_are_kept(void **state)
{
    fixture *f = *state;
    s4d_err err = {0};
    s4d_image in = {0}, out = {0};
    const char *path = f->pictures.sample[0].path;
    uint64_t file = 0;
    for (int i = 0; i < 2; i++) { /* the second time the pictures have their room */
        file = s4d_mem_calls();
        assert_int_equal(s4d_image_read(path, &in, &err), S4D_OK);
        assert_int_equal(
            s4d_image_resize(&in, (int[4]){0, 0, 10, 10}, S4D_BICUBIC, SIDE, SIDE, &out, &err),
            S4D_OK);
        file = s4d_mem_calls() - file;
    }
    s4d_image_release(&in);
    s4d_image_release(&out);

    f->data.image.augment.crop = S4D_CROP_RESIZED_BICUBIC;
    one_set(f, S4D_IMAGE, S4D_LOAD_FINETUNE);
    s4d_loader *loader = create(f);
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
        start(loader, epoch, 0);
        uint64_t before = s4d_mem_calls();
        while (next(loader)) {
        }
        assert_true(epoch == 0 || s4d_mem_calls() - before == PICTURES * file);
    }
    s4d_loader_destroy(&loader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(workers_never_change_an_epoch),
        FIXTURE_TEST(video_files_are_the_same_from_every_thread),
        FIXTURE_TEST(another_seed_is_another_epoch),
        FIXTURE_TEST(an_epoch_goes_on_where_it_was_cut),
        FIXTURE_TEST(nothing_comes_before_the_first_start),
        FIXTURE_TEST(it_starts_and_stops_at_any_moment),
        FIXTURE_TEST(a_start_waits_for_what_is_under_way),
        FIXTURE_TEST(threads_stay_within_the_ring),
        FIXTURE_TEST(buffers_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
