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
    int64_t batches = o->train.accumulate > 0 ? o->train.accumulate : 1;
    out->losses = S4D_TENSOR(S4D_F64, NULL, 2 * batches); /* its shape is needed for planning */
    s4d_backend_opts device = {.device = o->device, .threads = o->threads, .override = o->op, .precision = o->precision,
                               .attention = o->cuda.attention, .any_order = !o->cuda.deterministic, .no_graphs = !o->cuda.graphs};
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
        s4d_tensor *own[] = {&e->losses, &e->square, &e->norm, &e->factor, &e->go};
        for (size_t i = 0; i < sizeof own / sizeof *own; ++i) s4d_backend_free(e->be, own[i]->data);
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

/* Normalised, mixed pictures [B,3,T,S,S]; frames: the batch's pixel block on the device. */
static s4d_tensor feed(s4d_engine *e, const s4d_batch *batch, void *frames)
{
    int64_t S = e->o->model.img_size;
    s4d_tensor pixels = take(e, s4d_backend_real(e->be), 5, (int64_t[]){batch->count, 3, batch->frames, S, S});
    s4d_pixels_args args = {.frames = S4D_TENSOR(S4D_U8, frames, (int64_t)batch->pixel_bytes),
                            .recipe = batch->recipe,
                            .y = pixels};
    memcpy(args.mean, s4d_pixel_mean, sizeof args.mean);
    memcpy(args.std, s4d_pixel_std, sizeof args.std);
    s4d_pixels(e->be, &args);
    if (batch->mix.mode != S4D_MIX_NONE) s4d_mix(e->be, &(s4d_mix_args){.draw = batch->mix, .x = pixels});
    return pixels;
}

static s4d_status send_frames(s4d_engine *e, const s4d_batch *batch, int slot, void **frames, s4d_err *err)
{
    *frames = NULL;
    if (s4d_backend_planning(e->be)) return S4D_OK;
    return s4d_backend_send(e->be, slot, batch->pixels, batch->pixel_bytes, frames, err);
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

/* Where a turn's results lie in its slot. */
enum { AT_LOSS = 0, AT_BALANCE = 8, AT_NORM = 16, AT_GO = 24, AT_DROPPED = 32, AT_LOAD = AT_DROPPED + 4 * S4D_MAX_LAYERS };

static int losses_each(const s4d_engine *e)
{
    return e->mae ? 1 : 2;
}

/* Kept until the update, which must know whether it is finite, and copied to the turn's slot. */
static void keep_loss(s4d_engine *e, const s4d_engine_turn *turn, int which, s4d_tensor loss)
{
    s4d_tensor own = s4d_tensor_rows(e->losses, (int64_t)turn->place * losses_each(e) + which, 1);
    s4d_cast(e->be, &(s4d_cast_args){.x = loss, .y = own});
    s4d_backend_fetch(e->be, turn->slot, which ? AT_BALANCE : AT_LOSS, loss.data, sizeof(double));
}

static void step_mae(s4d_engine *e, const s4d_batch *batch, const s4d_engine_turn *turn, void *frames)
{
    s4d_mae_input in = {.pixels = feed(e, batch, frames)};
    s4d_mae_output result;
    memcpy(in.mean, s4d_pixel_mean, sizeof in.mean);
    memcpy(in.std, s4d_pixel_std, sizeof in.std);
    in.visible = upload_indices(e, batch->visible, batch->count, batch->visible_count);
    in.masked = upload_indices(e, batch->masked, batch->count, batch->masked_count);
    in.keep = draw_keep(e, batch, turn->epoch);
    s4d_mae_forward(e->mae, &e->arena, &in, true, &result);
    s4d_mae_backward(e->mae, &e->arena, turn->scale);
    keep_loss(e, turn, 0, result.loss);
}

static s4d_tensor class_row(s4d_engine *e, bool given, const float *value, int classes)
{
    if (!given) return (s4d_tensor){0};
    s4d_tensor row = upload_floats(e, value, 1, classes);
    return S4D_RESHAPE(row, classes);
}

static void step_classifier(s4d_engine *e, const s4d_batch *batch, const s4d_engine_turn *turn, void *frames)
{
    s4d_classifier_input in = {.modality = batch->modality, .training = true, .pixels = feed(e, batch, frames)};
    s4d_classifier_output result;
    const s4d_imbalance *im = &e->imbalance[batch->modality];
    in.target = upload_floats(e, batch->target, batch->count, batch->classes);
    in.weight = class_row(e, im->weighted, im->weight, batch->classes);
    in.adjust = class_row(e, im->adjusted, im->adjust, batch->classes);
    in.keep = draw_keep(e, batch, turn->epoch);
    in.noise_key = s4d_rng_key((uint64_t)e->o->seed, S4D_RNG_ROUTER, turn->epoch, (uint32_t)batch->index);
    s4d_classifier_forward(e->classifier, &e->arena, &in, true, &result);
    s4d_classifier_backward(e->classifier, &e->arena, turn->scale);
    keep_loss(e, turn, 0, result.loss);
    keep_loss(e, turn, 1, result.balance);
    if (!result.layers) return;
    s4d_backend_fetch(e->be, turn->slot, AT_DROPPED, result.dropped.data, s4d_tensor_bytes(&result.dropped));
    s4d_backend_fetch(e->be, turn->slot, AT_LOAD, result.load.data, s4d_tensor_bytes(&result.load));
}

/* What makes two steps the same operations on the same tensors. */
static uint64_t train_key(const s4d_batch *batch, const s4d_engine_turn *turn)
{
    bool mixed = batch->mix.mode != S4D_MIX_NONE;
    uint64_t what = (uint64_t)batch->modality | (uint64_t)turn->slot << 1 | (uint64_t)mixed << 2 | (uint64_t)turn->place << 3;
    return what << 32 | (uint32_t)batch->count;
}

s4d_status s4d_engine_train(s4d_engine *e, const s4d_batch *batch, const s4d_engine_turn *turn, s4d_err *err)
{
    void *frames;
    s4d_arena_reset(&e->arena, 0);
    s4d_status status = send_frames(e, batch, turn->slot, &frames, err);
    if (status != S4D_OK) return status;
    s4d_backend_graph_begin(e->be, train_key(batch, turn));
    if (e->mae)
        step_mae(e, batch, turn, frames);
    else
        step_classifier(e, batch, turn, frames);
    s4d_backend_graph_end(e->be);
    return s4d_backend_check(e->be, err);
}

void s4d_engine_result(s4d_engine *e, int slot, s4d_step_result *out)
{
    const char *there = s4d_backend_fetched(e->be, slot);
    int layers = e->classifier ? e->o->model.moae.layer_count : 0, experts = e->o->model.moae.experts;
    *out = (s4d_step_result){0};
    memcpy(&out->loss, there + AT_LOSS, sizeof out->loss);
    if (e->classifier) memcpy(&out->balance, there + AT_BALANCE, sizeof out->balance);
    for (int i = 0; i < layers; ++i) {
        int32_t load[64], dropped;
        memcpy(&dropped, there + AT_DROPPED + i * 4, sizeof dropped);
        memcpy(load, there + AT_LOAD + i * experts * 4, (size_t)experts * sizeof *load);
        for (int k = 0; k < experts; ++k) out->load[k] += load[k];
        out->dropped += dropped;
    }
}

s4d_status s4d_engine_update(s4d_engine *e, s4d_optim *optim, const s4d_engine_step *step, s4d_err *err)
{
    const s4d_params *p = e->params;
    uint64_t what = (uint64_t)step->slot | (uint64_t)step->modality << 1;
    s4d_backend_graph_begin(e->be, 1ull << 63 | what << 32 | (uint32_t)step->batches); /* no batch's key has that bit */
    s4d_square_norm(e->be, &(s4d_square_norm_args){.x = p->g, .value = e->square});
    s4d_clip_norm(e->be, &(s4d_clip_norm_args){.clip = e->o->train.clip_grad,
                                               .square = e->square,
                                               .loss = s4d_tensor_rows(e->losses, 0, (int64_t)step->batches * losses_each(e)),
                                               .norm = e->norm,
                                               .factor = e->factor,
                                               .go = e->go});
    s4d_optim_step(optim, e->be, e->params, &(s4d_optim_update){.rate = step->rate, .modality = step->modality,
                                                                .factor = e->factor, .go = e->go});
    if (e->average.data)
        s4d_lerp(e->be, &(s4d_lerp_args){.t = 1 - e->o->train.ema, .x = e->average, .y = p->w, .go = e->go});
    s4d_engine_zero_grad(e);
    s4d_backend_fetch(e->be, step->slot, AT_NORM, e->norm.data, sizeof(double));
    s4d_backend_fetch(e->be, step->slot, AT_GO, e->go.data, sizeof(int32_t));
    s4d_backend_graph_end(e->be);
    return s4d_backend_check(e->be, err);
}

bool s4d_engine_updated(s4d_engine *e, int slot, double *norm)
{
    const char *there = s4d_backend_fetched(e->be, slot);
    int32_t go;
    memcpy(norm, there + AT_NORM, sizeof *norm);
    memcpy(&go, there + AT_GO, sizeof go);
    return go != 0;
}

s4d_status s4d_engine_predict(s4d_engine *e, const s4d_batch *batch, double *logits, s4d_err *err)
{
    void *frames;
    s4d_arena_reset(&e->arena, 0);
    e->predict_slot ^= 1;
    s4d_status status = send_frames(e, batch, e->predict_slot, &frames, err);
    if (status != S4D_OK) return status;
    s4d_classifier_input in = {.modality = batch->modality, .pixels = feed(e, batch, frames)};
    s4d_classifier_output result;
    in.noise_key = s4d_rng_key((uint64_t)e->o->seed, S4D_RNG_ROUTER, UINT32_MAX, (uint32_t)batch->index);
    s4d_classifier_forward(e->classifier, &e->arena, &in, false, &result);
    if (s4d_backend_planning(e->be)) return S4D_OK;
    int64_t n = s4d_tensor_count(&result.logits);
    s4d_backend_download_floats(e->be, e->host, result.logits);
    for (int64_t i = 0; i < n; ++i) logits[i] = e->host[i];
    return s4d_backend_check(e->be, err);
}

void s4d_engine_zero_grad(s4d_engine *e)
{
    s4d_zero(e->be, &(s4d_zero_args){.x = e->params->g});
}

void s4d_engine_scale_grad(s4d_engine *e, double factor)
{
    s4d_scale(e->be, &(s4d_scale_args){.factor = factor, .x = e->params->g});
}

void s4d_engine_begin_average(s4d_engine *e)
{
    if (e->average.data) s4d_lerp(e->be, &(s4d_lerp_args){.t = 1, .x = e->average, .y = e->params->w});
}

void s4d_engine_swap_average(s4d_engine *e)
{
    void *weights = e->params->w.data;
    e->params->w.data = e->average.data;
    e->average.data = weights;
    s4d_params_refresh(e->params, e->be);
}
