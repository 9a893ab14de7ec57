/* Steps and predictions on a device: uploads, the model's passes, downloads. */
#include "train/engine.h"

#include <math.h>
#include <string.h>

#include "s4d/base/rng.h"
#include "s4d/base/thread.h"
#include "s4d/data/draw.h"

const float s4d_pixel_mean[3] = {0.485f, 0.456f, 0.406f};
const float s4d_pixel_std[3] = {0.229f, 0.224f, 0.225f};

s4d_status s4d_engine_create(const s4d_run_opts *o, const int classes[2], s4d_engine *out, s4d_err *err)
{
    *out = (s4d_engine){.o = o, .classes = {classes[0], classes[1]}};
    s4d_backend_opts device = {.device = o->device, .threads = o->threads, .override = o->op};
    s4d_status status = s4d_backend_create(&device, &out->be, err);
    if (status == S4D_OK && o->stage == S4D_PRETRAIN) {
        status = s4d_mae_create(out->be, &o->model, &out->mae, err);
        if (status == S4D_OK) out->params = s4d_mae_params(out->mae);
    } else if (status == S4D_OK) {
        status = s4d_classifier_create(out->be, &o->model, classes, &out->classifier, err);
        if (status == S4D_OK) out->params = s4d_classifier_params(out->classifier);
    }
    if (status != S4D_OK) s4d_engine_release(out);
    return status;
}

void s4d_engine_release(s4d_engine *e)
{
    if (e->be) {
        s4d_backend_free(e->be, e->arena.base);
        s4d_backend_free(e->be, e->frames);
        s4d_backend_free(e->be, e->norm.data);
        s4d_backend_free(e->be, e->average.data);
    }
    s4d_mem_free(e->host);
    s4d_mae_destroy(&e->mae);
    s4d_classifier_destroy(&e->classifier);
    s4d_backend_destroy(&e->be);
    memset(e, 0, sizeof *e);
}

/* ---- one batch onto the device ---- */

static s4d_tensor take(s4d_engine *e, s4d_dtype dtype, int rank, const int64_t *dim)
{
    s4d_tensor t = s4d_tensor_of(dtype, NULL, rank, dim);
    t.data = s4d_arena_take(&e->arena, s4d_tensor_bytes(&t));
    return t;
}

static s4d_tensor upload_indices(s4d_engine *e, const int32_t *index, int64_t B, int64_t V)
{
    s4d_tensor t = take(e, S4D_I32, 2, (int64_t[]){B, V});
    if (!s4d_backend_planning(e->be)) s4d_backend_upload(e->be, t.data, index, s4d_tensor_bytes(&t));
    return t;
}

static s4d_tensor upload_floats(s4d_engine *e, const float *value, int64_t rows, int64_t columns)
{
    s4d_tensor t = take(e, s4d_backend_real(e->be), 2, (int64_t[]){rows, columns});
    if (!s4d_backend_planning(e->be)) s4d_backend_upload_floats(e->be, t, value);
    return t;
}

static s4d_status upload_frames(s4d_engine *e, const s4d_batch *batch, s4d_err *err)
{
    if (s4d_backend_planning(e->be)) return S4D_OK;
    if (batch->pixel_bytes > e->frames_size) {
        s4d_backend_free(e->be, e->frames);
        e->frames = NULL;
        e->frames_size = 0;
        s4d_status status = s4d_backend_alloc(e->be, batch->pixel_bytes, &e->frames, err);
        if (status != S4D_OK) return status;
        e->frames_size = batch->pixel_bytes;
    }
    s4d_backend_upload(e->be, e->frames, batch->pixels, batch->pixel_bytes);
    return S4D_OK;
}

/* Normalised, mixed pictures [B,3,T,S,S]. */
static s4d_status feed(s4d_engine *e, const s4d_batch *batch, s4d_tensor *pixels, s4d_err *err)
{
    int64_t S = e->o->model.img_size;
    s4d_status status = upload_frames(e, batch, err);
    if (status != S4D_OK) return status;
    *pixels = take(e, s4d_backend_real(e->be), 5, (int64_t[]){batch->count, 3, batch->frames, S, S});
    s4d_pixels_args args = {.frames = S4D_TENSOR(S4D_U8, e->frames, (int64_t)batch->pixel_bytes),
                            .recipe = batch->recipe,
                            .y = *pixels};
    memcpy(args.mean, s4d_pixel_mean, sizeof args.mean);
    memcpy(args.std, s4d_pixel_std, sizeof args.std);
    s4d_pixels(e->be, &args);
    if (batch->mix.mode != S4D_MIX_NONE) s4d_mix(e->be, &(s4d_mix_args){.draw = batch->mix, .x = *pixels});
    return S4D_OK;
}

/* Drop path: [branches,B] of 0 or 1/(1-p), p rising linearly with depth from 0 (METHOD.md section 3). */
static s4d_tensor draw_keep(s4d_engine *e, const s4d_batch *batch, uint32_t epoch)
{
    const s4d_model_opts *m = &e->o->model;
    if (m->drop_path <= 0) return (s4d_tensor){0};
    int towers[2] = {m->encoder.depth, e->mae ? m->decoder.depth : 0}, row = 0;
    s4d_rng rng = s4d_rng_make((uint64_t)e->o->seed, S4D_RNG_DROP_PATH, epoch, (uint32_t)batch->index);
    for (int t = 0; t < 2; ++t)
        for (int i = 0; i < 2 * towers[t]; ++i, ++row) {
            if (s4d_backend_planning(e->be)) continue;
            double p = towers[t] > 1 ? m->drop_path * (i / 2) / (towers[t] - 1) : 0;
            for (int b = 0; b < batch->count; ++b)
                e->host[row * batch->count + b] = s4d_rng_uniform(&rng) < p ? 0 : (float)(1 / (1 - p));
        }
    return upload_floats(e, e->host, row, batch->count);
}

/* ---- steps ---- */

static double download_scalar(s4d_engine *e, s4d_tensor t)
{
    double value = 0;
    if (!s4d_backend_planning(e->be)) s4d_backend_download(e->be, &value, t.data, sizeof value);
    return value;
}

static s4d_status step_mae(s4d_engine *e, const s4d_batch *batch, uint32_t epoch, double scale, s4d_step_result *out,
                           s4d_err *err)
{
    s4d_mae_input in = {0};
    s4d_mae_output result;
    s4d_status status = feed(e, batch, &in.pixels, err);
    if (status != S4D_OK) return status;
    memcpy(in.mean, s4d_pixel_mean, sizeof in.mean);
    memcpy(in.std, s4d_pixel_std, sizeof in.std);
    in.visible = upload_indices(e, batch->visible, batch->count, batch->visible_count);
    in.masked = upload_indices(e, batch->masked, batch->count, batch->masked_count);
    in.keep = draw_keep(e, batch, epoch);
    s4d_mae_forward(e->mae, &e->arena, &in, true, &result);
    s4d_mae_backward(e->mae, &e->arena, scale);
    out->loss = download_scalar(e, result.loss);
    return S4D_OK;
}

static void download_routing(s4d_engine *e, const s4d_classifier_output *result, s4d_step_result *out)
{
    if (s4d_backend_planning(e->be)) return;
    int experts = e->o->model.moae.experts;
    for (int i = 0; i < result->layers; ++i) {
        int32_t load[64], dropped;
        s4d_backend_download(e->be, load, result->routing[i].load.data, (size_t)experts * sizeof *load);
        s4d_backend_download(e->be, &dropped, result->routing[i].dropped.data, sizeof dropped);
        for (int k = 0; k < experts; ++k) out->load[k] += load[k];
        out->dropped += dropped;
    }
}

static s4d_status step_classifier(s4d_engine *e, const s4d_batch *batch, uint32_t epoch, double scale,
                                  s4d_step_result *out, s4d_err *err)
{
    s4d_classifier_input in = {.modality = batch->modality, .training = true};
    s4d_classifier_output result;
    s4d_status status = feed(e, batch, &in.pixels, err);
    if (status != S4D_OK) return status;
    in.target = upload_floats(e, batch->target, batch->count, batch->classes);
    s4d_tensor class_row[2] = {0};
    const s4d_imbalance *im = &e->imbalance[batch->modality];
    if (im->weighted) class_row[0] = upload_floats(e, im->weight, 1, batch->classes);
    if (im->adjusted) class_row[1] = upload_floats(e, im->adjust, 1, batch->classes);
    for (int i = 0; i < 2; ++i)
        if (s4d_tensor_given(&class_row[i])) class_row[i] = S4D_TENSOR(class_row[i].dtype, class_row[i].data, batch->classes);
    in.weight = class_row[0];
    in.adjust = class_row[1];
    in.keep = draw_keep(e, batch, epoch);
    in.noise_key = s4d_rng_key((uint64_t)e->o->seed, S4D_RNG_ROUTER, epoch, (uint32_t)batch->index);
    s4d_classifier_forward(e->classifier, &e->arena, &in, true, &result);
    s4d_classifier_backward(e->classifier, &e->arena, scale);
    out->loss = download_scalar(e, result.loss);
    out->balance = download_scalar(e, result.balance);
    download_routing(e, &result, out);
    return S4D_OK;
}

s4d_status s4d_engine_train(s4d_engine *e, const s4d_batch *batch, uint32_t epoch, double scale, s4d_step_result *out,
                            s4d_err *err)
{
    *out = (s4d_step_result){0};
    s4d_arena_reset(&e->arena, 0);
    s4d_status status = e->mae ? step_mae(e, batch, epoch, scale, out, err)
                               : step_classifier(e, batch, epoch, scale, out, err);
    return status == S4D_OK ? s4d_backend_check(e->be, err) : status;
}

s4d_status s4d_engine_predict(s4d_engine *e, const s4d_batch *batch, double *logits, s4d_err *err)
{
    s4d_arena_reset(&e->arena, 0);
    s4d_classifier_input in = {.modality = batch->modality};
    s4d_classifier_output result;
    s4d_status status = feed(e, batch, &in.pixels, err);
    if (status != S4D_OK) return status;
    in.noise_key = s4d_rng_key((uint64_t)e->o->seed, S4D_RNG_ROUTER, UINT32_MAX, (uint32_t)batch->index);
    s4d_classifier_forward(e->classifier, &e->arena, &in, false, &result);
    if (s4d_backend_planning(e->be)) return S4D_OK;
    int64_t n = s4d_tensor_count(&result.logits);
    s4d_backend_download_floats(e->be, e->host, result.logits);
    for (int64_t i = 0; i < n; ++i) logits[i] = e->host[i];
    return s4d_backend_check(e->be, err);
}

s4d_status s4d_engine_grad_norm(s4d_engine *e, double clip, double *norm, s4d_err *err)
{
    s4d_square_norm(e->be, &(s4d_square_norm_args){.x = e->params->g, .value = e->norm});
    *norm = sqrt(download_scalar(e, e->norm));
    if (clip > 0 && *norm > clip)
        s4d_scale(e->be, &(s4d_scale_args){.factor = clip / (*norm + 1e-6), .x = e->params->g});
    return s4d_backend_check(e->be, err);
}

void s4d_engine_zero_grad(s4d_engine *e)
{
    s4d_zero(e->be, &(s4d_zero_args){.x = e->params->g});
}

void s4d_engine_average(s4d_engine *e, bool from_now)
{
    if (e->average.data)
        s4d_lerp(e->be, &(s4d_lerp_args){.t = from_now ? 1 : 1 - e->o->train.ema, .x = e->average, .y = e->params->w});
}

void s4d_engine_swap_average(s4d_engine *e)
{
    void *weights = e->params->w.data;
    e->params->w.data = e->average.data;
    e->average.data = weights;
}

/* ---- memory ---- */

/* A batch of the right shape without contents, for planning. */
static s4d_batch shape_batch(const s4d_engine *e, s4d_modality modality, int count)
{
    const s4d_model_opts *m = &e->o->model;
    const s4d_mask_opts *mask = &e->o->data.mask;
    int per_frame = (m->img_size / m->patch_size) * (m->img_size / m->patch_size);
    bool video = modality == S4D_VIDEO;
    s4d_batch b = {.modality = modality, .count = count, .frames = video ? m->num_frames : 1, .pixel_bytes = 1};
    b.classes = e->classes[modality];
    if (e->mae)
        s4d_mask_counts(video ? mask->video_ratio : mask->image_ratio, video ? mask->video_kind : S4D_MASK_RANDOM,
                        video ? m->num_frames / m->tubelet_size * per_frame : per_frame, per_frame, &b.visible_count,
                        &b.masked_count);
    return b;
}

static size_t host_floats(const s4d_engine *e, const s4d_engine_load *load)
{
    const s4d_model_opts *m = &e->o->model;
    size_t most = 1;
    for (int i = 0; i < 2; ++i) {
        size_t branches = 2 * (size_t)(m->encoder.depth + m->decoder.depth);
        size_t train = branches * (size_t)load->train[i], predict = (size_t)e->classes[i] * (size_t)load->predict[i];
        if (train > most) most = train;
        if (predict > most) most = predict;
    }
    return most;
}

size_t s4d_engine_step_bytes(s4d_engine *e, const s4d_engine_load *load)
{
    s4d_arena real = e->arena;
    e->arena = (s4d_arena){0};
    s4d_backend_set_planning(e->be, true);
    for (int i = 0; i < 2; ++i) {
        s4d_step_result result;
        if (load->train[i]) {
            s4d_batch b = shape_batch(e, (s4d_modality)i, load->train[i]);
            s4d_engine_train(e, &b, 0, 1, &result, NULL);
        }
        if (load->predict[i]) {
            s4d_batch b = shape_batch(e, (s4d_modality)i, load->predict[i]);
            s4d_engine_predict(e, &b, NULL, NULL);
        }
    }
    s4d_backend_set_planning(e->be, false);
    size_t peak = e->arena.peak;
    e->arena = real;
    return peak;
}

static const double GIB = 1024.0 * 1024.0 * 1024.0;

s4d_status s4d_engine_alloc(s4d_engine *e, const s4d_engine_load *load, s4d_err *err)
{
    bool train = load->train[0] || load->train[1];
    size_t step = s4d_engine_step_bytes(e, load);
    void *block = NULL;
    /* The system promises more than it has and ends the process later, so this is asked beforehand. */
    bool averaged = train && e->o->train.ema > 0;
    double weights = (double)e->params->total * (train ? 4 + averaged : 1) * sizeof(float), all = weights + (double)step;
    if (all > s4d_memory_bytes())
        return s4d_err_set(err, S4D_FAILED, "not enough memory: %.1f GiB for weights and %.1f GiB for a batch, but the machine "
                                            "has %.1f GiB; lower data.image.batch, data.video.batch, eval.batch or the model",
                           weights / GIB, (double)step / GIB, s4d_memory_bytes() / GIB);
    e->host_count = host_floats(e, load);
    e->host = s4d_mem_alloc(e->host_count, sizeof *e->host);
    if (!e->host) return s4d_err_memory(err, e->host_count * sizeof *e->host, "host scratch");
    s4d_status status = s4d_params_alloc(e->params, e->be, train, err);
    if (status == S4D_OK && averaged) {
        e->average = e->params->w;
        e->average.data = NULL;
        status = s4d_backend_alloc(e->be, s4d_tensor_bytes(&e->average), &e->average.data, err);
        if (status == S4D_OK) s4d_zero(e->be, &(s4d_zero_args){.x = e->average});
    }
    if (status == S4D_OK) status = s4d_backend_alloc(e->be, step, &block, err);
    if (status != S4D_OK) return status;
    e->arena = (s4d_arena){.base = block, .size = step};
    e->norm = S4D_TENSOR(S4D_F64, NULL, 1);
    return s4d_backend_alloc(e->be, sizeof(double), &e->norm.data, err);
}
