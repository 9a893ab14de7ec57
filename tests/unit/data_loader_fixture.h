/* Pictures and frame folders that tell what they are: the red value of a pixel is its picture's or
 * frame's number, green its row, blue its column. 12 pictures of 24 x 20, 6 clips of 24 x 28 with
 * 5, 8, 11, ... frames. */
#ifndef S4D_TESTS_DATA_LOADER_FIXTURE_H
#define S4D_TESTS_DATA_LOADER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/data/image.h"
#include "s4d/data/loader.h"

enum {
    PICTURES = 12,
    PICTURE_HEIGHT = 24,
    PICTURE_WIDTH = 20,
    CLIPS = 6,
    CLIP_HEIGHT = 24,
    CLIP_WIDTH = 28,
    CLASSES = 3,
    SIDE = 16,  /* img_size */
    FRAMES = 4, /* of a sample */
    FRAME_BYTES_MAX = CLIP_HEIGHT * CLIP_WIDTH * 3
};

static inline int clip_frames(int clip)
{
    return 5 + 3 * clip;
}

/* Red of a clip's frame. */
static inline int frame_mark(int clip, int frame)
{
    return 100 + 25 * clip + frame;
}

typedef struct fixture {
    char dir[64];
    s4d_manifest pictures, clips;
    s4d_data_opts data;
    s4d_loader_set set[2];
    s4d_loader_opts opts; /* pre-training of both sets; tests change what they are about */
} fixture;

static inline void write_picture(const char *path, int height, int width, int mark)
{
    s4d_image image = {0};
    s4d_err err = {0};
    assert_int_equal(s4d_image_size(&image, height, width, &err), S4D_OK);
    for (int i = 0; i < height * width; i++) {
        image.rgb[i * 3] = (uint8_t)mark;
        image.rgb[i * 3 + 1] = (uint8_t)(i / width);
        image.rgb[i * 3 + 2] = (uint8_t)(i % width);
    }
    assert_int_equal(s4d_image_write_png(path, &image, &err), S4D_OK);
    s4d_image_release(&image);
}

static inline void add_sample(s4d_manifest *m, const char *dir, const char *kind, int i)
{
    char path[S4D_PATH_MAX], id[32];
    snprintf(id, sizeof id, "%s%d", kind, i);
    snprintf(path, sizeof path, "%s/%s%s", dir, id, strcmp(kind, "picture") == 0 ? ".png" : "");
    m->sample[m->count++] =
        (s4d_sample){.id = s4d_texts_add(&m->texts, id), .path = s4d_texts_add(&m->texts, path), .label = i % CLASSES};
}

static inline void write_clip(const char *folder, int clip)
{
    s4d_err err = {0};
    assert_int_equal(s4d_dir_make(folder, &err), S4D_OK);
    for (int f = 0; f < clip_frames(clip); f++) {
        char path[S4D_PATH_MAX + 16];
        snprintf(path, sizeof path, "%s/%03d.png", folder, f);
        write_picture(path, CLIP_HEIGHT, CLIP_WIDTH, frame_mark(clip, f));
    }
}

static inline void write_samples(fixture *f)
{
    f->pictures = (s4d_manifest){.sample = s4d_mem_alloc(PICTURES, sizeof(s4d_sample)),
                                 .class_count = CLASSES};
    f->clips =
        (s4d_manifest){.sample = s4d_mem_alloc(CLIPS, sizeof(s4d_sample)), .class_count = CLASSES};
    for (int i = 0; i < PICTURES; i++) {
        add_sample(&f->pictures, f->dir, "picture", i);
        write_picture(f->pictures.sample[i].path, PICTURE_HEIGHT, PICTURE_WIDTH, i);
    }
    for (int i = 0; i < CLIPS; i++) {
        add_sample(&f->clips, f->dir, "clip", i);
        write_clip(f->clips.sample[i].path, i);
    }
}

static inline s4d_set_opts set_opts(const char *name, int batch, int repeat, double rate)
{
    s4d_set_opts o = {.sampling_rate = 2, .batch = batch, .repeat = repeat, .rate = rate};
    snprintf(o.name, sizeof o.name, "%s", name);
    o.class_count = CLASSES;
    o.augment = (s4d_augment_opts){.crop = S4D_CROP_RESIZED,
                                   .area = {0.2, 1.0},
                                   .ratio = {0.75, 4.0 / 3.0},
                                   .flip = 0.5,
                                   .erase_prob = 0.5,
                                   .erase_area = {0.05, 0.3},
                                   .erase_aspect = {0.3, 1.0 / 0.3},
                                   .erase_attempts = 10,
                                   .erase_fill = S4D_ERASE_NOISE};
    return o;
}

/* Batches of an epoch: 3 of 4 pictures, 2 of 3 clips times 2. */
static inline int fixture_open(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    s4d_log_set_level(S4D_LOG_SILENT);
    strcpy(f->dir, "/tmp/s4d-loader-XXXXXX");
    if (!mkdtemp(f->dir)) {
        free(f);
        return -1;
    }
    write_samples(f);
    f->data = (s4d_data_opts){
        .image = set_opts("pictures", 4, 1, 1.0),
        .video = set_opts("clips", 6, 2, 1.0),
        .frame_order = S4D_ORDER_NATURAL,
        .mixing = {.mixup = 0.8, .cutmix = 1.0, .switch_prob = 0.5, .smoothing = 0.1},
        .mask = {.image_ratio = 0.5, .video_ratio = 0.75, .video_kind = S4D_MASK_RANDOM}};
    f->set[0] =
        (s4d_loader_set){.modality = S4D_IMAGE, .manifest = &f->pictures, .opts = &f->data.image};
    f->set[1] =
        (s4d_loader_set){.modality = S4D_VIDEO, .manifest = &f->clips, .opts = &f->data.video};
    f->opts = (s4d_loader_opts){.mode = S4D_LOAD_PRETRAIN,
                                .set = f->set,
                                .sets = 2,
                                .data = &f->data,
                                .img_size = SIDE,
                                .patch_size = 8,
                                .num_frames = FRAMES,
                                .tubelet_size = 2,
                                .test_batch = 4,
                                .test_segments = 1,
                                .test_crops = 1,
                                .seed = 11};
    *state = f;
    return 0;
}

static inline void release_list(s4d_manifest *m)
{
    s4d_texts_release(&m->texts);
    s4d_mem_free(m->sample);
}

static inline int fixture_close(void **state)
{
    fixture *f = *state;
    s4d_err err = {0};
    int failed = s4d_dir_remove(f->dir, &err) != S4D_OK;
    release_list(&f->pictures);
    release_list(&f->clips);
    free(f);
    return failed;
}

/* Only the pictures, or only the clips. */
static inline void one_set(fixture *f, s4d_modality modality, s4d_loader_mode mode)
{
    f->opts.set = &f->set[modality == S4D_VIDEO];
    f->opts.sets = 1;
    f->opts.mode = mode;
}

static inline s4d_loader *create(fixture *f)
{
    s4d_loader *loader;
    s4d_err err = {0};
    s4d_status status = s4d_loader_create(&f->opts, &loader, &err);
    if (status != S4D_OK) {
        print_error("%s\n", err.text);
    }
    assert_int_equal(status, S4D_OK);
    return loader;
}

static inline void start(s4d_loader *loader, uint32_t epoch, int64_t from)
{
    s4d_err err = {0};
    assert_int_equal(s4d_loader_start(loader, epoch, from, &err), S4D_OK);
}

/* NULL after the last. */
static inline const s4d_batch *next(s4d_loader *loader)
{
    const s4d_batch *batch;
    s4d_err err = {0};
    s4d_status status = s4d_loader_next(loader, &batch, &err);
    if (status != S4D_OK) {
        print_error("%s\n", err.text);
    }
    assert_int_equal(status, S4D_OK);
    return batch;
}

static inline const uint8_t *frame_of(const s4d_batch *batch, int sample, int frame)
{
    const s4d_recipe *r = &batch->recipe[sample];
    size_t bytes = (size_t)r->height * (size_t)r->width * 3;
    size_t begin = (size_t)r->offset + (size_t)frame * bytes;
    assert_true(r->offset >= 0 && begin + bytes <= batch->pixel_bytes);
    return batch->pixels + begin;
}

/* A file's picture, brought through the same public resize. */
static inline void expect_resized(const char *path, const int box[4], s4d_filter filter,
                           const uint8_t *stored)
{
    s4d_image in = {0}, out = {0};
    s4d_err err = {0};
    assert_int_equal(s4d_image_read(path, &in, &err), S4D_OK);
    assert_int_equal(s4d_image_resize(&in, box, filter, SIDE, SIDE, &out, &err), S4D_OK);
    assert_memory_equal(stored, out.rgb, SIDE * SIDE * 3);
    s4d_image_release(&in);
    s4d_image_release(&out);
}

static inline s4d_rng sample_stream(const fixture *f, uint32_t epoch, uint32_t place)
{
    return s4d_rng_make(f->opts.seed, S4D_RNG_SAMPLE, epoch, place);
}

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

#endif
