/* Training steps on made-up frames, timed. */
#include "s4d/train/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/thread.h"
#include "s4d/data/draw.h"
#include "train/engine.h"
#include "train/work.h"

enum { WARM_UP = 5, MOST_STEPS = 100000 };

/* A batch of noise with everything a step needs; made once, since drawing is not what is timed. */
typedef struct made_up {
    s4d_batch batch;
    uint8_t *pixels;
    s4d_recipe *recipe;
    float *target;
    int32_t *label, *visible, *masked;
} made_up;

static void release(made_up *m)
{
    void *own[] = {m->pixels, m->recipe, m->target, m->label, m->visible, m->masked};
    for (size_t i = 0; i < sizeof own / sizeof *own; ++i) s4d_mem_free(own[i]);
}

static void draw_masks(made_up *m, const s4d_run_opts *o, s4d_rng *rng)
{
    const s4d_mask_opts *mask = &o->data.mask;
    bool video = m->batch.modality == S4D_VIDEO;
    int side = o->model.img_size / o->model.patch_size, tokens = m->batch.visible_count + m->batch.masked_count;
    for (int b = 0; b < m->batch.count; ++b)
        s4d_draw_mask(video ? mask->video_ratio : mask->image_ratio, video ? mask->video_kind : S4D_MASK_RANDOM, tokens,
                      side * side, rng, m->visible + b * m->batch.visible_count, m->masked + b * m->batch.masked_count);
    m->batch.visible = m->visible;
    m->batch.masked = m->masked;
}

static void draw_labels(made_up *m, const s4d_run_opts *o, s4d_rng *rng)
{
    for (int b = 0; b < m->batch.count; ++b) m->label[b] = (int32_t)s4d_rng_below(rng, (uint32_t)m->batch.classes);
    s4d_draw_mix(&o->data.mixing, o->model.img_size, rng, &m->batch.mix);
    s4d_mix_targets(&m->batch.mix, o->data.mixing.smoothing, m->label, m->batch.count, m->batch.classes, m->target);
    m->batch.label = m->label;
    m->batch.target = m->target;
}

static s4d_status make(const s4d_run_opts *o, s4d_modality modality, int classes, made_up *m, s4d_err *err)
{
    const s4d_model_opts *model = &o->model;
    const s4d_set_opts *set = s4d_run_set(o, modality);
    int S = model->img_size, T = modality == S4D_VIDEO ? model->num_frames : 1, tokens, visible;
    s4d_step_tokens(o, modality, &tokens, &visible);
    size_t frames = (size_t)T * (size_t)S * (size_t)S * 3, B = (size_t)set->batch;
    *m = (made_up){.batch = {.modality = modality, .count = set->batch, .frames = T, .classes = classes, .pixel_bytes = B * frames}};
    m->pixels = s4d_mem_alloc(B, frames);
    m->recipe = s4d_mem_alloc(B, sizeof *m->recipe);
    m->target = s4d_mem_alloc(B * (size_t)(classes + 1), sizeof *m->target);
    m->label = s4d_mem_alloc(B, sizeof *m->label);
    m->visible = s4d_mem_alloc(B * (size_t)tokens, sizeof *m->visible);
    m->masked = s4d_mem_alloc(B * (size_t)tokens, sizeof *m->masked);
    if (!m->pixels || !m->recipe || !m->target || !m->label || !m->visible || !m->masked)
        return s4d_err_memory(err, B * frames, "a made-up batch");
    s4d_rng rng = s4d_rng_make((uint64_t)o->seed, S4D_RNG_TEST, 0, 0);
    for (size_t i = 0; i + 4 <= B * frames; i += 4) {
        uint32_t word = s4d_rng_u32(&rng);
        memcpy(m->pixels + i, &word, sizeof word);
    }
    for (size_t b = 0; b < B; ++b) {
        s4d_draw_recipe(&set->augment, S, S, S, &rng, &m->recipe[b]);
        m->recipe[b].offset = (int64_t)(b * frames);
    }
    m->batch.pixels = m->pixels;
    m->batch.recipe = m->recipe;
    if (o->stage == S4D_PRETRAIN) {
        m->batch.visible_count = visible;
        m->batch.masked_count = tokens - visible;
        draw_masks(m, o, &rng);
    } else {
        draw_labels(m, o, &rng);
    }
    return S4D_OK;
}

/* ---- timing ---- */

typedef struct timing {
    s4d_engine engine;
    s4d_optim optim;
    double *ms;
    int64_t steps;
} timing;

/* Issues step n and waits for the one before, as the training loop does. */
static s4d_status one_step(timing *t, const s4d_batch *batch, int64_t n, double *loss, s4d_err *err)
{
    s4d_step_result r;
    s4d_batch own = *batch;
    int slot = (int)(n & 1);
    own.index = n;
    s4d_engine_step step = {.slot = slot, .batches = 1, .rate = 1e-5, .modality = batch->modality};
    s4d_status status = s4d_engine_train(&t->engine, &own, &(s4d_engine_turn){.slot = slot, .scale = 1}, err);
    if (status == S4D_OK) status = s4d_engine_update(&t->engine, &t->optim, &step, err);
    if (status != S4D_OK || n == 0) return status;
    s4d_engine_result(&t->engine, slot ^ 1, &r);
    *loss = r.loss;
    if (!isfinite(r.loss))
        return s4d_err_set(err, S4D_DIVERGED, "the loss of step %lld on made-up frames is not finite; do not trust this device here",
                           (long long)n);
    return s4d_backend_check(t->engine.be, err);
}

static s4d_status run(timing *t, const s4d_batch *batch, double seconds, s4d_bench_result *out, s4d_err *err)
{
    double begin = 0, last = 0;
    s4d_status status = S4D_OK;
    for (int64_t n = 0; status == S4D_OK && t->steps < MOST_STEPS; ++n) {
        status = one_step(t, batch, n, &out->last_loss, err);
        if (status == S4D_OK) status = s4d_interrupt_status();
        double now = s4d_clock_ms();
        if (n == 1) out->first_loss = out->last_loss;
        if (n == WARM_UP) begin = now;
        if (n > WARM_UP) t->ms[t->steps++] = now - last;
        if (n > WARM_UP && now - begin >= 1e3 * seconds) break;
        last = now;
    }
    return status;
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static s4d_status open_engine(const s4d_run_opts *o, s4d_modality modality, const int classes[2], timing *t, s4d_err *err)
{
    s4d_engine_load load = {0};
    load.train[modality] = s4d_run_set(o, modality)->batch;
    t->ms = s4d_mem_alloc(MOST_STEPS, sizeof *t->ms);
    if (!t->ms) return s4d_err_memory(err, MOST_STEPS * sizeof *t->ms, "the times of steps");
    s4d_status status = s4d_engine_create(o, classes, &t->engine, err);
    if (status == S4D_OK) status = s4d_engine_alloc(&t->engine, &load, err);
    if (status == S4D_OK) status = s4d_params_init(t->engine.params, t->engine.be, (uint64_t)o->seed, err);
    if (status == S4D_OK)
        status = s4d_optim_create(&t->optim, o->stage, &o->train, t->engine.params, o->model.encoder.depth, err);
    return status;
}

s4d_status s4d_bench_step(const s4d_run_opts *o, s4d_modality modality, double seconds, s4d_bench_result *out, s4d_err *err)
{
    const s4d_set_opts *set = s4d_run_set(o, modality);
    int classes[2] = {0};
    timing t = {0};
    made_up m = {0};
    *out = (s4d_bench_result){0};
    if (o->stage == S4D_FINETUNE) classes[modality] = set->class_count ? set->class_count : 7;
    s4d_status status = open_engine(o, modality, classes, &t, err);
    if (status == S4D_OK) status = make(o, modality, classes[modality], &m, err);
    if (status == S4D_OK) status = run(&t, &m.batch, seconds, out, err);
    if (status == S4D_OK) {
        qsort(t.ms, (size_t)t.steps, sizeof *t.ms, rising);
        out->steps = t.steps;
        out->ms = t.ms[t.steps / 2];
        out->ms_min = t.ms[0];
        out->ms_max = t.ms[t.steps - 1];
        out->samples_per_s = 1e3 * set->batch / out->ms;
        out->gflop = s4d_step_gflop(o, modality, classes[modality]);
        out->device_gib = ((double)s4d_params_bytes(t.engine.params, true) + (double)t.engine.arena.size) / (1024.0 * 1024 * 1024);
        snprintf(out->device, sizeof out->device, "%s", s4d_backend_description(t.engine.be));
    }
    s4d_optim_release(&t.optim);
    s4d_engine_release(&t.engine);
    s4d_mem_free(t.ms);
    release(&m);
    return status;
}
