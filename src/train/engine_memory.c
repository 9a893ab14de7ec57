/* The memory of an engine: how much a step takes, and having it before the first one. */
#include <math.h>
#include <stdio.h>

#include "train/engine.h"
#include "train/work.h"

/* A batch of the right shape without contents, for planning. */
static s4d_batch shape_batch(const s4d_engine *e, s4d_modality modality, int count)
{
    int tokens, frames = modality == S4D_VIDEO ? e->o->model.num_frames : 1;
    s4d_batch b = {.modality = modality, .count = count, .frames = frames, .pixel_bytes = 1, .classes = e->classes[modality]};
    s4d_step_tokens(e->o, modality, &tokens, &b.visible_count);
    b.masked_count = tokens - b.visible_count;
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

/* What an update takes beside its blocks. Where the table of segments finds no memory, the device finds out later. */
static void plan_update(s4d_engine *e)
{
    const s4d_params *p = e->params;
    s4d_tensor block = S4D_TENSOR(s4d_backend_real(e->be), NULL, p->total), value = S4D_TENSOR(S4D_F64, NULL, 1);
    s4d_adamw_segment *segment = s4d_mem_alloc((size_t)p->count, sizeof *segment);
    for (int i = 0; segment && i < p->count; ++i)
        segment[i] = (s4d_adamw_segment){.offset = p->item[i].offset, .count = p->item[i].count, .step = 1};
    s4d_square_norm(e->be, &(s4d_square_norm_args){.x = block, .value = value});
    s4d_adamw(e->be, &(s4d_adamw_args){.w = block, .g = block, .m = block, .v = block, .segment = segment,
                                       .segments = segment ? p->count : 0, .beta1 = 0.9, .beta2 = 0.9, .eps = 1e-8});
    s4d_mem_free(segment);
}

size_t s4d_engine_step_bytes(s4d_engine *e, const s4d_engine_load *load)
{
    s4d_arena real = e->arena;
    e->arena = (s4d_arena){0};
    s4d_backend_set_planning(e->be, true);
    for (int i = 0; i < 2; ++i) {
        if (load->train[i]) {
            s4d_batch b = shape_batch(e, (s4d_modality)i, load->train[i]);
            s4d_engine_train(e, &b, &(s4d_engine_turn){.scale = 1}, NULL);
            plan_update(e);
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

static const double MIB = 1024.0 * 1024.0, GIB = 1024.0 * 1024.0 * 1024.0;

/* What the backend takes beside a step's arena: on devices that work behind our back two batches of frames, which may be stored
 * half as large again as they are used. */
static double bytes_beside(const s4d_engine *e, const s4d_engine_load *load)
{
    const s4d_model_opts *m = &e->o->model;
    double frames = 0, frame = 3.0 * m->img_size * m->img_size;
    for (int i = 0; i < 2 && s4d_backend_lateness(e->be) > 0; ++i) {
        double largest = load->train[i] > load->predict[i] ? load->train[i] : load->predict[i];
        frames = fmax(frames, 1.5 * largest * frame * (i == S4D_VIDEO ? m->num_frames : 1));
    }
    return S4D_SLOTS * frames;
}

/* What can be given to weights and a step: of a card's memory a little is left for libraries and recorded steps, which
 * take up to 64 KiB a kernel with some drivers. */
static double memory_there(s4d_engine *e)
{
    double there = s4d_backend_memory(e->be);
    return s4d_backend_lateness(e->be) > 0 ? there - fmin(there / 32, 1024.0 * 1024 * 1024) : there;
}

/* The largest batch of one kind: places 0 and 1 train on images and videos, 2 and 3 predict. */
static int *batch_at(s4d_engine_load *load, int place)
{
    return place < 2 ? &load->train[place] : &load->predict[place - 2];
}

static double bytes_alone(s4d_engine *e, int place, int count)
{
    s4d_engine_load one = {0};
    *batch_at(&one, place) = count;
    return count ? (double)s4d_engine_step_bytes(e, &one) + bytes_beside(e, &one) : 0;
}

enum { AMOUNT = 32 };

static const char *amount(double bytes, char text[AMOUNT])
{
    snprintf(text, AMOUNT, bytes < GIB ? "%.1f MiB" : "%.1f GiB", bytes < GIB ? bytes / MIB : bytes / GIB);
    return text;
}

/* Says what does not fit and what would: `weights` and `step` bytes are asked for, `there` bytes are there. */
static s4d_status too_large(s4d_engine *e, const s4d_engine_load *load, const double bytes[3], s4d_err *err)
{
    static const char *const name[4] = {"data.image.batch", "data.video.batch", "eval.batch", "eval.batch"};
    double weights = bytes[0], step = bytes[1], there = bytes[2];
    s4d_engine_load asked = *load;
    int worst = 0;
    for (int i = 1; i < 4; ++i)
        if (bytes_alone(e, i, *batch_at(&asked, i)) > bytes_alone(e, worst, *batch_at(&asked, worst))) worst = i;
    int views = worst < 2 ? 1 : s4d_eval_views_together(e->o, (s4d_modality)(worst - 2)), count = *batch_at(&asked, worst) / views;
    int fits = weights < there ? (int)(count * (there - weights) / step) : 0;
    while (fits > 0 && weights + bytes_alone(e, worst, fits * views) > there) fits -= 1 + fits / 16;
    char remedy[160];
    if (fits > 0)
        snprintf(remedy, sizeof remedy, "set %s to %d, which fits (it is %d)", name[worst], fits, count);
    else
        snprintf(remedy, sizeof remedy, "not even one sample of %s fits; use a smaller model", name[worst]);
    char text[3][AMOUNT];
    return s4d_err_set(err, S4D_FAILED, "not enough memory on %s: %s for weights and optimiser and %s for a batch, but %s are there; %s",
                       s4d_backend_name(e->be), amount(weights, text[0]), amount(step, text[1]), amount(there, text[2]), remedy);
}

static s4d_status alloc_tensor(s4d_engine *e, s4d_tensor *t, s4d_tensor shape, s4d_err *err)
{
    *t = shape;
    return s4d_backend_alloc(e->be, s4d_tensor_bytes(t), &t->data, err);
}

static s4d_status alloc_update(s4d_engine *e, s4d_err *err)
{
    s4d_tensor one = S4D_TENSOR(S4D_F64, NULL, 1);
    s4d_status status = alloc_tensor(e, &e->losses, e->losses, err);
    if (status == S4D_OK) status = alloc_tensor(e, &e->square, one, err);
    if (status == S4D_OK) status = alloc_tensor(e, &e->norm, one, err);
    if (status == S4D_OK) status = alloc_tensor(e, &e->factor, one, err);
    if (status == S4D_OK) status = alloc_tensor(e, &e->go, S4D_TENSOR(S4D_I32, NULL, 1), err);
    if (status == S4D_OK && e->o->train.ema > 0) {
        status = alloc_tensor(e, &e->average, e->params->w, err);
        if (status == S4D_OK) s4d_zero(e->be, &(s4d_zero_args){.x = e->average});
    }
    return status;
}

s4d_status s4d_engine_alloc(s4d_engine *e, const s4d_engine_load *load, s4d_err *err)
{
    bool train = load->train[0] || load->train[1];
    size_t step = s4d_engine_step_bytes(e, load);
    void *block = NULL;
    /* A system promises more than it has and ends the process later, so this is asked beforehand. */
    double average = train && e->o->train.ema > 0 ? (double)e->params->total * (double)sizeof(float) : 0;
    double bytes[3] = {(double)s4d_params_bytes(e->params, train) + average, (double)step + bytes_beside(e, load), memory_there(e)};
    if (bytes[0] + bytes[1] > bytes[2]) return too_large(e, load, bytes, err);
    e->host_count = host_floats(e, load);
    e->host = s4d_mem_alloc(e->host_count, sizeof *e->host);
    if (!e->host) return s4d_err_memory(err, e->host_count * sizeof *e->host, "host scratch");
    s4d_status status = s4d_params_alloc(e->params, e->be, train, err);
    if (status == S4D_OK && train) status = alloc_update(e, err);
    if (status == S4D_OK) status = s4d_backend_alloc(e->be, step, &block, err);
    if (status == S4D_OK) e->arena = (s4d_arena){.base = block, .size = step};
    return status;
}
