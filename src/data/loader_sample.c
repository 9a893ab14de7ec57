/* One list entry into its batch samples: frames are decoded and brought to the size they are stored
 * in, then each sample draws its recipe and its mask. */
#include <stdlib.h>
#include <string.h>

#include "data/image_private.h"
#include "data/loader_private.h"
#include "s4d/base/err.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"

/* What goes from step to step. */
typedef struct task {
    const s4d_loader_plan *plan;
    const s4d_loader_kind *kind;
    const s4d_loader_job *job;
    s4d_loader_scratch *scratch;
    s4d_loader_item *item;
    s4d_err *err; /* the item's */
    const char *path;
    int segment, segments; /* the first temporal view, and how many */
    s4d_rng rng;   /* of the first sample; the clip is drawn from it too */
    int region[4]; /* {top,left,height,width}: what counts of every prepared frame */
} task;

static bool training(const task *t)
{
    return t->plan->mode != S4D_LOAD_TEST;
}

static size_t frame_bytes(int height, int width)
{
    return (size_t)height * (size_t)width * 3;
}

/* A failure that is not the file's fault. */
static s4d_status fatal(const task *t, s4d_status status)
{
    t->item->fatal = status != S4D_OK;
    return status;
}

/* Room for `count` frames of the region's or another size; what was in the block is lost. */
static s4d_status make_room(const task *t, size_t count, size_t bytes_each)
{
    s4d_loader_item *item = t->item;
    size_t bytes;
    if (__builtin_mul_overflow(count, bytes_each, &bytes)) {
        bytes = SIZE_MAX;
    }
    if (bytes > item->room) {
        s4d_mem_free(item->pixels);
        item->room = 0;
        item->pixels = s4d_mem_alloc(bytes, 1);
        if (!item->pixels) {
            return fatal(t, s4d_err_memory(t->err, bytes, "the frames of a sample"));
        }
        item->room = bytes;
    }
    item->bytes = bytes;
    s4d_mem_poison(item->pixels, bytes);
    return S4D_OK;
}

/* ---- decoding ---- */

static int compare_int(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* index[0..n-1] into the rising list of what to decode and each one's place in it. */
static void list_unique(s4d_loader_scratch *scratch, int n)
{
    memcpy(scratch->unique, scratch->index, (size_t)n * sizeof *scratch->unique);
    qsort(scratch->unique, (size_t)n, sizeof *scratch->unique, compare_int);
    int kept = 1;
    for (int i = 1; i < n; i++) {
        if (scratch->unique[i] != scratch->unique[kept - 1]) {
            scratch->unique[kept++] = scratch->unique[i];
        }
    }
    scratch->uniques = kept;
    for (int i = 0; i < n; i++) {
        const int *found =
            bsearch(&scratch->index[i], scratch->unique, (size_t)kept, sizeof *found, compare_int);
        scratch->at[i] = (int)(found - scratch->unique);
    }
}

static s4d_status decode_clip(task *t)
{
    const s4d_loader_kind *kind = t->kind;
    s4d_loader_scratch *scratch = t->scratch;
    s4d_clip *clip = NULL;
    const s4d_sample *sample = &kind->manifest->sample[t->job->entry];
    s4d_clip_source source = {.path = t->path,
                              .store = kind->manifest->store,
                              .order = t->plan->frame_order,
                              .upright = kind->upright,
                              .start = sample->start,
                              .end = sample->end};
    s4d_status status = s4d_clip_open(&source, &clip, t->err);
    if (status != S4D_OK) {
        return status;
    }
    int frames = s4d_clip_frames(clip), rate = kind->opts->sampling_rate;
    if (t->plan->mode == S4D_LOAD_PRETRAIN) {
        s4d_clip_draw_stride_index(frames, rate, kind->frames, &t->rng, scratch->index);
    } else if (t->plan->drawn) {
        s4d_clip_draw_index(frames, rate, kind->frames, &t->rng, scratch->index);
    } else {
        for (int s = 0; s < t->segments; s++) {
            s4d_clip_test_index(frames, rate, kind->frames, kind->segments, t->segment + s,
                                scratch->index + (size_t)s * (size_t)kind->frames);
        }
    }
    list_unique(scratch, t->segments * kind->frames);
    status = s4d_clip_read(clip, scratch->unique, scratch->uniques, scratch->frame, t->err);
    s4d_clip_close(&clip);
    return status;
}

static s4d_status decode(task *t)
{
    if (t->kind->modality == S4D_VIDEO) {
        return decode_clip(t);
    }
    t->scratch->index[0] = 0;
    list_unique(t->scratch, 1);
    s4d_image_source source = {.path = t->path, .store = t->kind->manifest->store, .upright = t->kind->upright};
    return s4d_image_read_from(&source, &t->scratch->frame[0], t->err);
}

/* ---- to the stored size ---- */

/* Pillow's bilinear resize of the region, which becomes the whole frame; a size that is right
 * already is left alone. */
static s4d_status resize(const task *t, s4d_image *frame, int region[4], int height, int width)
{
    if (region[2] == height && region[3] == width) {
        return S4D_OK;
    }
    s4d_image *spare = &t->scratch->spare;
    s4d_status status = s4d_image_resize(frame, region, S4D_BILINEAR, height, width, spare, t->err);
    if (status != S4D_OK) {
        return fatal(t, status);
    }
    s4d_image resized = *spare;
    *spare = *frame;
    *frame = resized;
    memcpy(region, (int[4]){0, 0, height, width}, 4 * sizeof *region);
    return S4D_OK;
}

/* The frame's part that counts; a source crop beyond the picture is an error of the sample. */
static s4d_status source_region(const task *t, const s4d_image *frame, int region[4])
{
    const s4d_loader_kind *kind = t->kind;
    memcpy(region, (int[4]){0, 0, frame->height, frame->width}, 4 * sizeof *region);
    if (!kind->source_cut) {
        return S4D_OK;
    }
    const int *box = kind->source_box;
    if (box[0] + box[2] > frame->height || box[1] + box[3] > frame->width) {
        return s4d_err_set(t->err, S4D_FAILED,
                           "%s: %s.source_crop \"%s\" does not lie inside the picture, which is %d "
                           "high and %d wide; set it to a box of the set's pictures, or to \"\"",
                           t->path, kind->key, kind->opts->source_crop, frame->height,
                           frame->width);
    }
    memcpy(region, box, 4 * sizeof *region);
    return S4D_OK;
}

/* The short side is brought to S; cuts of that side lie along the long one. */
static s4d_status resize_short_side(const task *t, s4d_image *frame, int region[4])
{
    int64_t side = t->plan->img_size, height = region[2], width = region[3];
    int64_t to_height = height <= width ? side : side * height / width;
    int64_t to_width = width <= height ? side : side * width / height;
    if (to_height > S4D_IMAGE_SIDE_MAX || to_width > S4D_IMAGE_SIDE_MAX) {
        return s4d_err_set(
            t->err, S4D_FAILED,
            "%s: frames of %d x %d are too long to keep their aspect; set eval.keep_aspect to false", t->path,
            region[2], region[3]);
    }
    return resize(t, frame, region, (int)to_height, (int)to_width);
}

static s4d_status prepare_frame(const task *t, s4d_image *frame, int region[4])
{
    const s4d_augment_opts *a = &t->kind->opts->augment;
    int side = t->plan->img_size;
    s4d_status status = source_region(t, frame, region);
    if (status != S4D_OK) {
        return status;
    }
    if (!training(t)) {
        return t->kind->keep_aspect ? resize_short_side(t, frame, region)
                                    : resize(t, frame, region, side, side);
    }
    if (a->resize > 0) {
        status = resize(t, frame, region, a->resize, a->resize);
    }
    if (status == S4D_OK && a->crop == S4D_CROP_NONE && a->short_side == 0) {
        status = resize(t, frame, region, side, side);
    }
    return status;
}

static s4d_status check_sizes(const task *t, int i, const int region[4])
{
    if (memcmp(region, t->region, sizeof t->region) != 0) {
        return s4d_err_set(t->err, S4D_FAILED,
                           "%s: frame %d is %d x %d, but the first one is %d x %d; make all frames "
                           "of a clip the same size",
                           t->path, t->scratch->unique[i], region[2], region[3], t->region[2],
                           t->region[3]);
    }
    const s4d_augment_opts *a = &t->kind->opts->augment;
    int smaller = region[2] < region[3] ? region[2] : region[3];
    if (training(t) && a->crop == S4D_CROP_RANDOM && a->short_side == 0 &&
        smaller < t->plan->img_size) {
        return s4d_err_set(t->err, S4D_FAILED,
                           "%s: a picture of %d x %d is too small for a random crop of %d; set "
                           "%s.augment.resize or %s.augment.short_side",
                           t->path, region[2], region[3], t->plan->img_size, t->kind->key,
                           t->kind->key);
    }
    return S4D_OK;
}

/* Brings every decoded frame to the stored size, once. */
static s4d_status prepare(task *t)
{
    s4d_status status = S4D_OK;
    for (int i = 0; i < t->scratch->uniques && status == S4D_OK; i++) {
        int region[4];
        status = prepare_frame(t, &t->scratch->frame[i], region);
        if (i == 0) {
            memcpy(t->region, region, sizeof t->region);
        }
        if (status == S4D_OK) {
            status = check_sizes(t, i, region);
        }
    }
    return status;
}

/* ---- into the item's block ---- */

static void copy_region(const s4d_image *frame, const int region[4], uint8_t *to)
{
    size_t row = (size_t)region[3] * 3;
    for (int y = 0; y < region[2]; y++) {
        size_t from = ((size_t)(region[0] + y) * (size_t)frame->width + (size_t)region[1]) * 3;
        memcpy(to + (size_t)y * row, frame->rgb + from, row);
    }
}

/* The frames of all segments, one behind the other. */
static s4d_status store_frames(const task *t)
{
    const s4d_loader_scratch *scratch = t->scratch;
    size_t count = (size_t)t->segments * (size_t)t->kind->frames;
    size_t bytes = frame_bytes(t->region[2], t->region[3]);
    s4d_status status = make_room(t, count, bytes);
    for (size_t i = 0; status == S4D_OK && i < count; i++) {
        copy_region(&scratch->frame[scratch->at[i]], t->region, t->item->pixels + i * bytes);
    }
    return status;
}

/* What a sample with frames of its own draws of them. */
typedef struct own_frames {
    int height, width; /* of its frames */
    int box[4];        /* what becomes of the decoded frame, within the region */
    bool flip;
    s4d_augment_plan plan;
} own_frames;

static own_frames draw_own(const task *t, s4d_rng *rng)
{
    const s4d_augment_opts *a = &t->kind->opts->augment;
    int side = t->plan->img_size;
    own_frames own = {.height = side, .width = side};
    if (a->crop == S4D_CROP_RESIZED_BICUBIC) {
        s4d_draw_resized_crop(t->region[2], t->region[3], a->area, a->ratio, rng, own.box);
    } else if (a->crop == S4D_CROP_RANDOM) {
        own.box[2] = own.box[3] = side;
        own.box[0] = (int)s4d_rng_below(rng, (uint32_t)(t->region[2] - side) + 1);
        own.box[1] = (int)s4d_rng_below(rng, (uint32_t)(t->region[3] - side) + 1);
        own.flip = s4d_rng_uniform(rng) < a->flip;
    } else {
        own.height = own.box[2] = t->region[2];
        own.width = own.box[3] = t->region[3];
    }
    own.box[0] += t->region[0];
    own.box[1] += t->region[1];
    if (t->kind->augmented) {
        s4d_augment_draw(&t->kind->policy, a->interpolation, rng, &own.plan);
    }
    return own;
}

/* Frame `frame` as the sample has it, into scratch->work. */
static s4d_status make_own(const task *t, const own_frames *own, const s4d_image *frame)
{
    static const uint8_t gray[3] = {128, 128, 128};
    s4d_image *work = &t->scratch->work;
    bool bicubic = t->kind->opts->augment.crop == S4D_CROP_RESIZED_BICUBIC;
    s4d_status status = bicubic ? s4d_image_resize(frame, own->box, S4D_BICUBIC, own->height, own->width, work, t->err)
                                : s4d_image_size(work, own->height, own->width, t->err);
    if (status == S4D_OK && !bicubic) {
        copy_region(frame, own->box, work->rgb);
    }
    if (status == S4D_OK && own->flip) {
        s4d_image_mirror(work);
    }
    return status == S4D_OK ? s4d_augment_apply(&own->plan, gray, work, &t->scratch->spare, t->err) : status;
}

static s4d_status store_own(const task *t, const own_frames *own, uint8_t *to)
{
    const s4d_loader_scratch *scratch = t->scratch;
    size_t bytes = frame_bytes(own->height, own->width);
    for (int i = 0; i < t->kind->frames; i++, to += bytes) {
        if (i > 0 && scratch->at[i] == scratch->at[i - 1]) {
            memcpy(to, to - bytes, bytes);
            continue;
        }
        s4d_status status = make_own(t, own, &scratch->frame[scratch->at[i]]);
        if (status != S4D_OK) {
            return fatal(t, status);
        }
        memcpy(to, scratch->work.rgb, bytes);
    }
    return S4D_OK;
}

static void draw_mask(const task *t, int r, s4d_rng *rng)
{
    const s4d_loader_kind *kind = t->kind;
    if (kind->tokens > 0) {
        s4d_draw_mask(kind->mask_ratio, kind->mask_kind, kind->tokens, kind->per_frame, rng,
                      t->item->visible + (size_t)r * (size_t)kind->visible,
                      t->item->masked + (size_t)r * (size_t)kind->masked);
    }
}

/* The recipe of a sample with frames of its own: what was not done on bytes. */
static void draw_own_recipe(const task *t, const own_frames *own, s4d_rng *rng, s4d_recipe *recipe)
{
    s4d_augment_opts rest = t->kind->opts->augment;
    if (rest.crop == S4D_CROP_RANDOM) {
        rest.crop = S4D_CROP_NONE;
        rest.flip = 0;
    }
    s4d_draw_recipe(&rest, own->height, own->width, t->plan->img_size, rng, recipe);
}

/* Each sample has a stream of its own, by its place in the epoch: crop, flip, RandAugment, erase, mask. Those whose bytes
 * are changed have frames of their own, the others share them. */
static s4d_status make_training_samples(task *t)
{
    const s4d_augment_opts *a = &t->kind->opts->augment;
    int side = t->plan->img_size, samples = t->kind->samples;
    bool own_bytes = a->crop == S4D_CROP_RESIZED_BICUBIC || t->kind->augmented;
    bool square = a->crop == S4D_CROP_RESIZED_BICUBIC || a->crop == S4D_CROP_RANDOM;
    size_t bytes = (size_t)t->kind->frames * (square ? frame_bytes(side, side) : frame_bytes(t->region[2], t->region[3]));
    s4d_status status = own_bytes ? make_room(t, (size_t)samples, bytes) : store_frames(t);
    for (int r = 0; r < samples && status == S4D_OK; r++) {
        s4d_rng other =
            s4d_rng_make(t->plan->seed, S4D_RNG_SAMPLE, t->job->epoch, t->job->place + (uint32_t)r);
        s4d_rng *rng = r == 0 ? &t->rng : &other;
        s4d_recipe *recipe = &t->item->recipe[r];
        if (own_bytes) {
            own_frames own = draw_own(t, rng);
            status = store_own(t, &own, t->item->pixels + (size_t)r * bytes);
            draw_own_recipe(t, &own, rng, recipe);
            recipe->offset = (int64_t)((size_t)r * bytes);
        } else {
            s4d_draw_recipe(a, t->region[2], t->region[3], side, rng, recipe);
        }
        draw_mask(t, r, rng);
    }
    return status;
}

/* View segment * crops + crop: the segment's frames, of which a crop is a place along the long side. */
static s4d_status make_test_samples(const task *t)
{
    int side = t->plan->img_size, crops = t->kind->crops;
    int height = t->region[2], width = t->region[3];
    size_t segment_bytes = (size_t)t->kind->frames * frame_bytes(height, width);
    int spare = (height > width ? height : width) - side;
    double step = crops > 1 ? (double)spare / (crops - 1) : 0.0, first = crops > 1 ? 0.0 : spare / 2;
    s4d_status status = store_frames(t);
    for (int v = 0; v < t->kind->samples && status == S4D_OK; v++) {
        s4d_recipe *recipe = &t->item->recipe[v];
        int view = t->job->view + v, start = (int)(first + (view % crops) * step);
        s4d_plain_recipe(side, recipe);
        recipe->offset = (int64_t)((size_t)(view / crops - t->segment) * segment_bytes);
        recipe->height = recipe->mid_height = height;
        recipe->width = recipe->mid_width = width;
        recipe->top = height > width ? start : 0;
        recipe->left = height > width ? 0 : start;
    }
    return status;
}

void s4d_loader_fill(const s4d_loader_plan *plan, const s4d_loader_job *job,
                     s4d_loader_scratch *scratch, s4d_loader_item *item)
{
    double began = s4d_clock_ms();
    const s4d_loader_kind *kind = &plan->kind[job->kind];
    task t = {.plan = plan,
              .kind = kind,
              .job = job,
              .scratch = scratch,
              .item = item,
              .err = &item->err,
              .path = kind->manifest->sample[job->entry].path,
              .segment = job->view / kind->crops,
              .segments = plan->by_view ? 1 : kind->segments,
              .rng = s4d_rng_make(plan->seed, S4D_RNG_SAMPLE, job->epoch, job->place)};
    item->entry = job->entry;
    item->view = job->view;
    item->bytes = 0;
    item->fatal = false;
    item->status = decode(&t);
    if (item->status == S4D_OK) {
        item->status = prepare(&t);
    }
    if (item->status == S4D_OK) {
        item->status = training(&t) ? make_training_samples(&t) : make_test_samples(&t);
    }
    item->fatal = item->fatal || (item->status != S4D_OK && item->err.memory);
    item->ms = s4d_clock_ms() - began;
}
