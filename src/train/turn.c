/* Steps: batches summed into an update, each a turn of the device, and a log line once it is known what they came to. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/log.h"
#include "s4d/base/thread.h"
#include "train/session.h"

static s4d_status diverged(const s4d_session *s, const s4d_turn *t, const char *what, s4d_err *err)
{
    char names[600] = "";
    size_t used = 0;
    const s4d_manifest *m = &s->train[t->batch.modality];
    for (int i = 0; i < t->batch.count && used + 80 < sizeof names; ++i)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.60s", i ? ", " : "", m->sample[t->batch.sample[i]].id);
    char way_on[80] = "begin anew, as no checkpoint was written yet";
    if (s->saved >= 0) snprintf(way_on, sizeof way_on, "go on from step %lld with --resume", (long long)s->saved);
    return s4d_err_set(err, S4D_DIVERGED, "step %lld: the %s is not finite (%s batch %lld of epoch %d: %s); lower train.lr or "
                                          "set train.clip_grad, and %s", (long long)t->at.step + 1, what,
                       s4d_modality_name(t->batch.modality), (long long)t->batch.index + 1, t->at.epoch + 1, names, way_on);
}

/* By the rule: the end of the run, or the group so far is dropped, told with its samples, and the next one begun. */
static s4d_status not_finite(s4d_session *s, const s4d_turn *t, const char *what, s4d_err *err)
{
    enum { MOST_IN_A_ROW = 20 };
    bool stop = s->o->train.not_finite == S4D_NOT_FINITE_STOP || s->dropped_in_a_row >= MOST_IN_A_ROW;
    const s4d_manifest *m = &s->train[t->batch.modality];
    s4d_status status = s4d_runlog_not_finite(s->log, what, &t->batch, m, t->at.epoch + 1, t->at.step, err);
    if (stop || status != S4D_OK) return stop ? diverged(s, t, what, err) : status;
    s->dropped_in_a_row++;
    s4d_log(S4D_LOG_WARN, "step %lld: the %s is not finite; the update is left out, and the samples are in metrics.jsonl",
            (long long)t->at.step + 1, what);
    s4d_engine_zero_grad(&s->engine);
    s->group.dropped = true;
    s->settled = (s4d_step_result){0};
    return S4D_OK;
}

/* ---- reading what a turn came to ---- */

static s4d_status settle_batch(s4d_session *s, const s4d_turn *t, int slot, s4d_err *err)
{
    s4d_step_result r;
    s4d_engine_result(&s->engine, slot, &r);
    s4d_status status = s4d_backend_check(s->engine.be, err);
    if (status != S4D_OK) return status;
    if (!isfinite(r.loss) || !isfinite(r.balance)) return not_finite(s, t, "loss", err);
    s->settled.loss = s->settled.loss * t->rescale + r.loss * t->scale;
    s->settled.balance = s->settled.balance * t->rescale + r.balance * t->scale;
    for (int i = 0; i < s->o->model.moae.experts; ++i) s->settled.load[i] += r.load[i];
    s->settled.dropped += r.dropped;
    s->sums.loss[t->batch.modality] += r.loss;
    s->sums.batches[t->batch.modality]++;
    return S4D_OK;
}

static s4d_status log_step(s4d_session *s, const s4d_turn *t, double norm, s4d_err *err)
{
    if (t->at.step % s->o->train.log_every) return S4D_OK;
    bool moae = s->engine.classifier && s->o->model.moae.layer_count > 0;
    const s4d_group *g = &t->group;
    s4d_step_line line = {.step = t->at.step + 1, .epoch = t->at.epoch + 1, .modality = s4d_modality_name(t->batch.modality), .lr = t->rate,
                          .grad_norm = norm, .result = &s->settled, .experts = moae ? s->o->model.moae.experts : 0,
                          .data_ms = g->data_ms, .compute_ms = g->compute_ms, .samples = g->samples, .skipped = g->skipped};
    return s4d_runlog_step(s->log, &line, err);
}

static s4d_status settle_update(s4d_session *s, const s4d_turn *t, int slot, s4d_err *err)
{
    double norm;
    bool done = s4d_engine_updated(&s->engine, slot, &norm);
    s4d_status status = s4d_backend_check(s->engine.be, err);
    if (status != S4D_OK) return status;
    if (!done) {
        s4d_optim_undo(&s->optim, s->engine.params);
        s->at = t->at;
        return not_finite(s, t, "gradient", err);
    }
    s->dropped_in_a_row = 0;
    s->settled.loss *= t->rescale_after;
    s->settled.balance *= t->rescale_after;
    status = log_step(s, t, norm, err);
    s->settled = (s4d_step_result){0};
    return status;
}

static s4d_status settle(s4d_session *s, int slot, s4d_err *err)
{
    s4d_turn *t = &s->turn[slot];
    if (!t->waits) return S4D_OK;
    t->waits = false;
    s4d_status status = settle_batch(s, t, slot, err);
    return status == S4D_OK && t->updated ? settle_update(s, t, slot, err) : status;
}

s4d_status s4d_turn_settle_all(s4d_session *s, s4d_err *err)
{
    s4d_status status = settle(s, s->slot, err); /* the older one */
    return status == S4D_OK ? settle(s, s->slot ^ 1, err) : status;
}

/* Whether results are read a turn later. Leaving out updates needs them at once. */
static bool is_late(const s4d_session *s)
{
    return s->o->train.not_finite == S4D_NOT_FINITE_STOP && s4d_backend_lateness(s->engine.be) > 0;
}

/* ---- issuing ---- */

static s4d_status begin_turn(s4d_session *s, const s4d_batch *batch, s4d_turn *t, s4d_err *err)
{
    if (batch->count > t->room) {
        s4d_mem_free(t->sample);
        t->room = 0;
        t->sample = s4d_mem_alloc((size_t)batch->count, sizeof *t->sample);
        if (!t->sample) return s4d_err_memory(err, (size_t)batch->count * sizeof *t->sample, "the samples of a batch");
        t->room = batch->count;
    }
    memcpy(t->sample, batch->sample, (size_t)batch->count * sizeof *t->sample);
    t->batch = (s4d_batch){.index = batch->index, .modality = batch->modality, .count = batch->count, .sample = t->sample};
    t->at = s->at;
    t->waits = true;
    t->updated = false;
    return S4D_OK;
}

/* What was added so far counts for more where fewer samples make the update than were expected; the factor. */
static double rescale(s4d_session *s)
{
    s4d_group *g = &s->group;
    double factor = g->computed ? (double)g->scaled_by / (double)g->expected : 1;
    if (factor != 1) s4d_engine_scale_grad(&s->engine, factor);
    g->scaled_by = g->expected;
    return factor;
}

static s4d_status issue_batch(s4d_session *s, const s4d_batch *batch, s4d_err *err)
{
    s4d_group *g = &s->group;
    int slot = s->slot;
    s4d_turn *t = &s->turn[slot];
    s4d_status status = begin_turn(s, batch, t, err);
    if (status != S4D_OK) return status;
    s->slot ^= 1;
    t->rescale = rescale(s);
    t->scale = (double)batch->count / (double)g->expected;
    s4d_engine_turn turn = {.slot = slot, .place = g->computed, .epoch = (uint32_t)s->at.epoch, .scale = t->scale};
    status = s4d_engine_train(&s->engine, batch, &turn, err);
    if (status != S4D_OK) return status;
    if (!is_late(s)) {
        t->waits = false;
        status = settle_batch(s, t, slot, err);
        if (status != S4D_OK || g->dropped) return status;
    }
    g->computed++;
    g->samples += batch->count;
    return S4D_OK;
}

static s4d_status issue_update(s4d_session *s, const s4d_batch *batch, s4d_err *err)
{
    int slot = s->slot ^ 1; /* of the last turn */
    s4d_turn *t = &s->turn[slot];
    t->rate = s4d_schedule_rate(&s->schedule, s->at.step);
    t->at = s->at;
    t->rescale_after = rescale(s);
    s4d_engine_step step = {.slot = slot, .batches = s->group.computed, .rate = t->rate, .modality = batch->modality};
    s4d_status status = s4d_engine_update(&s->engine, &s->optim, &step, err);
    if (status != S4D_OK) return status;
    s->at.step++;
    s->at.batch = batch->index + 1;
    t->updated = true;
    return S4D_OK;
}

static s4d_status end_group(s4d_session *s, const s4d_batch *batch, s4d_err *err)
{
    s4d_group *g = &s->group;
    int slot = s->slot ^ 1;
    s4d_status status = S4D_OK;
    double begin = s4d_clock_ms();
    bool updates = g->samples && !g->dropped;
    if (updates) status = issue_update(s, batch, err);
    g->compute_ms += s4d_clock_ms() - begin;
    if (updates) s->turn[slot].group = *g;
    if (updates && status == S4D_OK && !is_late(s)) status = settle_update(s, &s->turn[slot], slot, err);
    if (g->dropped) s->at.batch = batch->index + 1; /* a run that goes on does not try it again */
    s->sums.samples += g->samples;
    s->sums.data_ms += g->data_ms;
    s->sums.compute_ms += g->compute_ms;
    *g = (s4d_group){0};
    return status;
}

s4d_status s4d_turn_take(s4d_session *s, const s4d_batch *batch, s4d_err *err)
{
    s4d_group *g = &s->group;
    s4d_status status = S4D_OK;
    double begin = s4d_clock_ms();
    if (!g->begun) g->expected = batch->update_samples;
    g->begun = true;
    g->skipped += batch->skipped;
    g->expected -= (int64_t)batch->skipped * s4d_run_set(s->o, batch->modality)->repeat;
    s->sums.skipped[batch->modality] += batch->skipped;
    bool counts = batch->count && !g->dropped;
    if (counts) status = issue_batch(s, batch, err);
    /* A full queue: here the device is waited for. */
    if (status == S4D_OK && counts) status = settle(s, s->slot, err);
    g->compute_ms += s4d_clock_ms() - begin;
    return status == S4D_OK && batch->ends_update ? end_group(s, batch, err) : status;
}
