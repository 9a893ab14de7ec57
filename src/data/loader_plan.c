/* The loader's settings: what cannot work is refused in words; the rest fixes the sizes. */
#include <stdio.h>

#include "data/loader_private.h"
#include "s4d/base/err.h"
#include "s4d/base/mem.h"

enum { BATCH_SAMPLES_MAX = 1 << 20, WORKERS_MAX = 1024 };

static bool training(const s4d_loader_opts *o)
{
    return o->mode != S4D_LOAD_TEST;
}

static int accumulated(const s4d_loader_opts *o)
{
    return o->accumulate > 0 ? o->accumulate : 1;
}

/* Pre-training goes through every sample (METHOD.md section 4), fine-tuning through whole updates (section 5). */
static bool keeps_last(const s4d_loader_opts *o)
{
    return o->mode == S4D_LOAD_PRETRAIN;
}

static const char *noun(const s4d_loader_kind *kind)
{
    return kind->modality == S4D_IMAGE ? "pictures" : "clips";
}

/* ---- the steps of making one kind, in order ---- */

static s4d_status read_source_crop(s4d_loader_kind *kind, s4d_err *err)
{
    const char *text = kind->opts->source_crop;
    int *box = kind->source_box, used = 0;
    if (text[0] == '\0') {
        return S4D_OK;
    }
    int fields = sscanf(text, "%5d,%5d,%5d,%5d%n", &box[0], &box[1], &box[2], &box[3], &used);
    if (fields != 4 || text[used] != '\0' || box[0] < 0 || box[1] < 0 || box[2] < 1 || box[3] < 1) {
        return s4d_err_set(err, S4D_USAGE,
                           "%s.source_crop: \"%s\" is not \"top,left,height,width\" in pixels, "
                           "such as \"0,32,160,160\"",
                           kind->key, text);
    }
    kind->source_cut = true;
    return S4D_OK;
}

static s4d_status check_range(const s4d_loader_kind *kind, const char *name, const double range[2],
                              s4d_err *err)
{
    if (!(range[0] > 0.0 && range[0] <= range[1])) {
        return s4d_err_set(
            err, S4D_USAGE,
            "%s.augment.%s: [%g, %g] is not a range; give two positive numbers, the smaller first",
            kind->key, name, range[0], range[1]);
    }
    return S4D_OK;
}

static s4d_status check_ranges(const s4d_loader_kind *kind, s4d_err *err)
{
    const s4d_augment_opts *a = &kind->opts->augment;
    s4d_status status = S4D_OK;
    if (a->crop == S4D_CROP_RESIZED || a->crop == S4D_CROP_RESIZED_BICUBIC) {
        status = check_range(kind, "area", a->area, err);
        status = status == S4D_OK ? check_range(kind, "ratio", a->ratio, err) : status;
    }
    if (status == S4D_OK && a->erase_fill != S4D_ERASE_NONE && a->erase_prob > 0.0) {
        status = check_range(kind, "erase_area", a->erase_area, err);
        status =
            status == S4D_OK ? check_range(kind, "erase_aspect", a->erase_aspect, err) : status;
    }
    return status;
}

static s4d_status read_policy(const s4d_loader_opts *o, s4d_loader_kind *kind, s4d_err *err)
{
    const s4d_augment_opts *a = &kind->opts->augment;
    kind->augmented = training(o) && a->randaugment[0] != '\0';
    if (!kind->augmented) {
        return S4D_OK;
    }
    s4d_status status = s4d_augment_parse(a->randaugment, &kind->policy, err);
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s.augment.randaugment", kind->key);
    } else if (a->short_side > 0) {
        status = s4d_err_set(err, S4D_USAGE,
                             "%s.augment.short_side: %d comes after randaugment, which works on stored frames; set resize "
                             "instead, or randaugment to \"\"",
                             kind->key, a->short_side);
    }
    return status;
}

static s4d_status check_augment(const s4d_loader_opts *o, const s4d_loader_kind *kind, s4d_err *err)
{
    const s4d_augment_opts *a = &kind->opts->augment;
    if (a->resize < 0 || a->short_side < 0 || a->resize > S4D_IMAGE_SIDE_MAX ||
        a->short_side > S4D_IMAGE_SIDE_MAX) {
        return s4d_err_set(
            err, S4D_USAGE,
            "%s.augment: resize %d and short_side %d must be 0 or a side of at most %d pixels",
            kind->key, a->resize, a->short_side, S4D_IMAGE_SIDE_MAX);
    }
    if (a->crop == S4D_CROP_RESIZED_BICUBIC && a->short_side > 0) {
        return s4d_err_set(err, S4D_USAGE,
                           "%s.augment.short_side: %d comes after the bicubic crop and would not "
                           "be used; set it to 0 or choose another crop",
                           kind->key, a->short_side);
    }
    /* 0: as large as the file's picture */
    int side = a->short_side > 0 ? a->short_side : a->resize;
    if (a->crop == S4D_CROP_RANDOM && side > 0 && side < o->img_size) {
        return s4d_err_set(err, S4D_USAGE,
                           "%s.augment.%s: %d is too small for a random crop of model.img_size %d; "
                           "make it at least as large",
                           kind->key, a->short_side > 0 ? "short_side" : "resize", side,
                           o->img_size);
    }
    return check_ranges(kind, err);
}

static s4d_status size_training(const s4d_loader_opts *o, s4d_loader_kind *kind, s4d_err *err)
{
    const s4d_set_opts *set = kind->opts;
    if (set->batch < 1 || set->batch > BATCH_SAMPLES_MAX) {
        return s4d_err_set(err, S4D_USAGE, "%s.batch: %d is outside 1..%d", kind->key, set->batch,
                           BATCH_SAMPLES_MAX);
    }
    if (set->repeat < 1 || set->batch % set->repeat != 0) {
        return s4d_err_set(
            err, S4D_USAGE,
            "%s.repeat: %d does not divide %s.batch %d; make the batch a multiple of the repeat",
            kind->key, set->repeat, kind->key, set->batch);
    }
    kind->samples = set->repeat;
    kind->decodes = set->batch / set->repeat;
    kind->segments = kind->crops = 1;
    int64_t whole = (int64_t)kind->decodes * accumulated(o);
    if (!keeps_last(o) && (int64_t)kind->manifest->count < whole) {
        return s4d_err_set(err, S4D_USAGE,
                           "%s.train: %zu %s are fewer than one %s of %lld%s; lower %s.batch%s",
                           kind->key, kind->manifest->count, noun(kind), accumulated(o) > 1 ? "update" : "batch", (long long)whole,
                           set->repeat > 1 ? " (the batch divided by the repeat)" : "", kind->key,
                           accumulated(o) > 1 ? " or train.accumulate" : "");
    }
    return check_augment(o, kind, err);
}

static s4d_status size_test(const s4d_loader_opts *o, s4d_loader_kind *kind, s4d_err *err)
{
    bool video = kind->modality == S4D_VIDEO;
    int64_t segments = video ? o->test_segments : 1, crops = video ? o->test_crops : 1;
    if (o->test_batch < 1 || segments < 1 || crops < 1) {
        return s4d_err_set(err, S4D_USAGE,
                           "eval.batch %d, eval.segments %d and eval.crops %d must be at least 1",
                           o->test_batch, o->test_segments, o->test_crops);
    }
    if (segments * crops > BATCH_SAMPLES_MAX ||
        segments * crops * o->test_batch > BATCH_SAMPLES_MAX) {
        return s4d_err_set(err, S4D_USAGE,
                           "eval.batch %d x eval.segments %d x eval.crops %d are more than %d "
                           "views in a batch; lower one of them",
                           o->test_batch, o->test_segments, o->test_crops, BATCH_SAMPLES_MAX);
    }
    if (o->by_view && (uint64_t)(segments * crops) * kind->manifest->count > UINT32_MAX) {
        return s4d_err_set(err, S4D_USAGE, "%s.test: %zu %s in %lld views are too many; lower eval.segments or eval.crops", kind->key,
                           kind->manifest->count, noun(kind), (long long)(segments * crops));
    }
    kind->segments = (int)segments;
    kind->crops = (int)crops;
    kind->samples = o->by_view ? 1 : (int)(segments * crops);
    kind->decodes = o->test_batch;
    kind->keep_aspect = video && o->keep_aspect;
    return S4D_OK;
}

/* Training by labels needs one on every line. */
static s4d_status check_labels(const s4d_loader_opts *o, s4d_loader_kind *kind, s4d_err *err)
{
    bool needed =
        o->mode == S4D_LOAD_FINETUNE || (o->mode == S4D_LOAD_PRETRAIN && kind->opts->balanced);
    for (size_t i = 0; needed && i < kind->manifest->count; i++) {
        const s4d_sample *sample = &kind->manifest->sample[i];
        S4D_BUG_IF(sample->label >= kind->classes);
        if (sample->label < 0) {
            return s4d_err_set(err, S4D_USAGE,
                               "%s.train: \"%s\" has no label, which %s needs; use a labelled list",
                               kind->key, sample->id,
                               o->mode == S4D_LOAD_FINETUNE ? "fine-tuning" : "a balanced draw");
        }
    }
    if (!training(o) || !kind->opts->balanced) {
        return S4D_OK;
    }
    kind->label = s4d_mem_alloc(kind->manifest->count, sizeof *kind->label);
    if (!kind->label) {
        return s4d_err_memory(err, 4ull * kind->manifest->count, "the labels of a set");
    }
    for (size_t i = 0; i < kind->manifest->count; i++) {
        kind->label[i] = kind->manifest->sample[i].label;
    }
    return S4D_OK;
}

static s4d_status size_masks(const s4d_loader_opts *o, s4d_loader_kind *kind, s4d_err *err)
{
    bool video = kind->modality == S4D_VIDEO;
    if (o->mode != S4D_LOAD_PRETRAIN) {
        return S4D_OK;
    }
    if (o->patch_size < 1 || o->img_size % o->patch_size != 0 || o->tubelet_size < 1 ||
        (video && o->num_frames % o->tubelet_size != 0)) {
        return s4d_err_set(err, S4D_USAGE,
                           "model.patch_size %d must divide model.img_size %d, and "
                           "model.tubelet_size %d must divide model.num_frames %d",
                           o->patch_size, o->img_size, o->tubelet_size, o->num_frames);
    }
    int64_t grid = o->img_size / o->patch_size;
    int64_t tokens = grid * grid * (video ? o->num_frames / o->tubelet_size : 1);
    if (tokens > INT32_MAX) {
        return s4d_err_set(err, S4D_USAGE,
                           "model.patch_size: %d gives %lld tokens a sample, which is too many",
                           o->patch_size, (long long)tokens);
    }
    const char *name = video ? "video_ratio" : "image_ratio";
    double ratio = video ? o->data->mask.video_ratio : o->data->mask.image_ratio;
    kind->per_frame = (int)(grid * grid);
    kind->tokens = (int)tokens;
    kind->mask_ratio = ratio;
    kind->mask_kind = video ? o->data->mask.video_kind : S4D_MASK_RANDOM;
    if (ratio > 0.0 && ratio < 1.0) {
        s4d_mask_counts(ratio, kind->mask_kind, kind->tokens, kind->per_frame, &kind->visible,
                        &kind->masked);
    }
    if (kind->visible < 1 || kind->masked < 1) {
        return s4d_err_set(err, S4D_USAGE,
                           "data.mask.%s: %g of %d tokens leaves none to see or none to restore; "
                           "choose a share between 0 and 1",
                           name, ratio, kind->tokens);
    }
    return S4D_OK;
}

static s4d_status make_kind(const s4d_loader_opts *o, const s4d_loader_set *set,
                            s4d_loader_kind *kind, s4d_err *err)
{
    bool video = set->modality == S4D_VIDEO;
    *kind = (s4d_loader_kind){.modality = set->modality,
                              .manifest = set->manifest,
                              .opts = set->opts,
                              .key = video ? "data.video" : "data.image",
                              .frames = video ? o->num_frames : 1,
                              .upright = set->opts->exif_orientation,
                              .classes = set->manifest->class_count};
    S4D_BUG_IF(set->manifest->count > UINT32_MAX);
    if (video && (set->opts->sampling_rate < 1 || o->num_frames < 1)) {
        return s4d_err_set(err, S4D_USAGE,
                           "data.video.sampling_rate %d and model.num_frames %d must be at least 1",
                           set->opts->sampling_rate, o->num_frames);
    }
    s4d_status status = read_source_crop(kind, err);
    if (status == S4D_OK) {
        status = read_policy(o, kind, err);
    }
    if (status == S4D_OK) {
        status = training(o) ? size_training(o, kind, err) : size_test(o, kind, err);
    }
    if (status == S4D_OK) {
        status = check_labels(o, kind, err);
    }
    if (status == S4D_OK) {
        status = size_masks(o, kind, err);
    }
    return status;
}

/* ---- the plan ---- */

/* A share of the set that rounds down to no update is refused. */
static s4d_status plan_draw(const s4d_loader_opts *o, s4d_loader_plan *plan, int k, s4d_err *err)
{
    const s4d_loader_kind *kind = &plan->kind[k];
    plan->draw[k] = (s4d_draw_set){.count = (uint32_t)kind->manifest->count,
                                   .label = kind->label,
                                   .classes = kind->classes,
                                   .balanced = kind->opts->balanced,
                                   .per_batch = kind->decodes,
                                   .accumulate = accumulated(o),
                                   .keep_last = keeps_last(o),
                                   .rate = 1.0};
    int64_t all = s4d_epoch_share_of(&plan->draw[k]).updates;
    plan->draw[k].rate = kind->opts->rate;
    s4d_epoch_share share = kind->opts->rate > 0.0 ? s4d_epoch_share_of(&plan->draw[k]) : (s4d_epoch_share){0};
    if (share.updates < 1) {
        return s4d_err_set(err, S4D_USAGE, "%s.rate: %g of %lld %s is not one whole %s; raise the rate", kind->key, kind->opts->rate,
                           (long long)all, accumulated(o) > 1 ? "updates" : "batches", accumulated(o) > 1 ? "update" : "batch");
    }
    plan->batches += share.batches;
    plan->updates += share.updates;
    plan->stride = plan->stride > kind->samples ? plan->stride : kind->samples;
    return S4D_OK;
}

/* Every sample of an epoch has a 32-bit place, which its random numbers come from. */
static s4d_status check_length(const s4d_loader_plan *plan, s4d_err *err)
{
    double places = 0.0;
    for (int k = 0; k < plan->kinds; k++) {
        places += (double)s4d_epoch_share_of(&plan->draw[k]).items * plan->stride;
    }
    if (places > UINT32_MAX) {
        return s4d_err_set(err, S4D_USAGE,
                           "%s.rate: an epoch of %.0f samples is too long; lower the rate",
                           plan->kind[0].key, places);
    }
    return S4D_OK;
}

/* What is decoded in a test: entries of the list, or views of them. */
static uint32_t test_items(const s4d_loader_plan *plan)
{
    const s4d_loader_kind *kind = &plan->kind[0];
    return (uint32_t)kind->manifest->count * (uint32_t)(plan->by_view ? kind->segments * kind->crops : 1);
}

static s4d_status plan_epochs(const s4d_loader_opts *o, s4d_loader_plan *plan, s4d_err *err)
{
    if (plan->mode == S4D_LOAD_TEST) {
        int64_t decodes = plan->kind[0].decodes;
        plan->batches = ((int64_t)test_items(plan) + decodes - 1) / decodes;
        return S4D_OK;
    }
    for (int k = 0; k < plan->kinds; k++) {
        s4d_status status = plan_draw(o, plan, k, err);
        if (status != S4D_OK) {
            return status;
        }
    }
    return check_length(plan, err);
}

s4d_status s4d_loader_plan_make(const s4d_loader_opts *opts, s4d_loader_plan *plan, s4d_err *err)
{
    S4D_BUG_IF(opts->sets < 1 || opts->sets > (training(opts) ? 2 : 1) || opts->img_size < 1);
    *plan = (s4d_loader_plan){.mode = opts->mode,
                              .kinds = opts->sets,
                              .img_size = opts->img_size,
                              .seed = opts->seed,
                              .workers = opts->data->workers,
                              .on_bad = opts->data->on_bad_sample,
                              .frame_order = opts->data->frame_order,
                              .by_view = opts->by_view,
                              .drawn = opts->mode != S4D_LOAD_TEST || opts->test_draw,
                              .mixing = opts->data->mixing,
                              .stride = 1};
    if (plan->workers < 0 || plan->workers > WORKERS_MAX) {
        return s4d_err_set(err, S4D_USAGE, "data.workers: %d is outside 0..%d", plan->workers,
                           WORKERS_MAX);
    }
    s4d_status status = S4D_OK;
    for (int k = 0; k < opts->sets && status == S4D_OK; k++) {
        status = make_kind(opts, &opts->set[k], &plan->kind[k], err);
    }
    if (status == S4D_OK) {
        status = plan_epochs(opts, plan, err);
    }
    if (status != S4D_OK) {
        s4d_loader_plan_release(plan);
    }
    return status;
}

void s4d_loader_plan_release(s4d_loader_plan *plan)
{
    for (int k = 0; k < plan->kinds; k++) {
        s4d_mem_free(plan->kind[k].label);
        plan->kind[k].label = NULL;
    }
}

s4d_status s4d_loader_plan_epoch(const s4d_loader_plan *plan, uint32_t epoch, s4d_epoch *out,
                                 s4d_err *err)
{
    if (plan->mode == S4D_LOAD_TEST) {
        return s4d_epoch_sequential(test_items(plan), plan->kind[0].decodes, out, err);
    }
    return s4d_epoch_draw(plan->draw, plan->kinds, plan->seed, epoch, out, err);
}
