/* Which epoch's model a run keeps: the last, or the best on a share held out of training, or on the test list. */
#include <stdio.h>
#include <string.h>

#include "s4d/base/rng.h"
#include "train/session.h"

s4d_modality s4d_select_modality(const s4d_session *s)
{
    return s->train[S4D_VIDEO].count ? S4D_VIDEO : S4D_IMAGE;
}

/* Marks round(share * n_c) samples of each class, at least one where there are two, drawn from the seed. */
static s4d_status mark_held(const s4d_manifest *m, double share, uint64_t seed, bool *held, s4d_err *err)
{
    size_t *place = s4d_mem_alloc(m->count, sizeof *place);
    s4d_rng rng = s4d_rng_make(seed, S4D_RNG_HOLD_OUT, 0, 0);
    if (!place) return s4d_err_memory(err, m->count * sizeof *place, "the held-out samples");
    for (int c = 0; c < m->class_count; ++c) {
        size_t n = 0;
        for (size_t i = 0; i < m->count; ++i)
            if (m->sample[i].label == c) place[n++] = i;
        size_t wanted = (size_t)(share * (double)n + 0.5);
        if (wanted == 0 && n > 1) wanted = 1;
        for (size_t i = 0; i < wanted && i + 1 < n; ++i) {
            size_t other = i + s4d_rng_below(&rng, (uint32_t)(n - i)), kept = place[i];
            place[i] = place[other];
            place[other] = kept;
            held[place[i]] = true;
        }
    }
    s4d_mem_free(place);
    return S4D_OK;
}

s4d_status s4d_select_hold_out(s4d_manifest *train, double share, uint64_t seed, s4d_manifest *out, s4d_err *err)
{
    bool *held = s4d_mem_alloc(train->count, sizeof *held);
    s4d_sample *sample = s4d_mem_alloc(train->count, sizeof *sample);
    s4d_status status = held && sample ? mark_held(train, share, seed, held, err)
                                       : s4d_err_memory(err, train->count * sizeof *sample, "the held-out samples");
    if (status == S4D_OK) {
        size_t kept = 0;
        *out = *train;
        out->sample = sample;
        out->room = train->count;
        out->count = 0;
        for (size_t i = 0; i < train->count; ++i) {
            if (held[i])
                sample[out->count++] = train->sample[i];
            else
                train->sample[kept++] = train->sample[i];
        }
        train->count = kept;
        sample = NULL;
    }
    s4d_mem_free(held);
    s4d_mem_free(sample);
    return status;
}

void s4d_select_text(const s4d_session *s, char text[S4D_SELECTION_TEXT])
{
    const s4d_train_opts *t = &s->o->train;
    const char *by = t->select_by == S4D_BY_WAR ? "WAR" : "UAR", *set = s4d_run_set(s->o, s4d_select_modality(s))->name;
    if (t->select == S4D_SELECT_LAST)
        snprintf(text, S4D_SELECTION_TEXT, "last epoch");
    else if (t->select == S4D_SELECT_HELD_OUT)
        snprintf(text, S4D_SELECTION_TEXT, "epoch %d, best %s on %g%% of %.63s's training list held out of training",
                 s->best_at.epoch, by, 100 * t->held_out, set);
    else
        snprintf(text, S4D_SELECTION_TEXT, "epoch %d, best %s on %.63s's test list itself", s->best_at.epoch, by, set);
}

s4d_status s4d_select_consider(s4d_session *s, const s4d_metrics *m, s4d_err *err)
{
    char path[S4D_PATH_MAX], text[S4D_SELECTION_TEXT];
    double value = s->o->train.select_by == S4D_BY_WAR ? m->war : m->uar;
    if (value <= s->best) return S4D_OK;
    s4d_status status = s4d_path_join(path, s->o->output, S4D_BEST_NAME, err);
    if (status != S4D_OK) return status;
    s->best = value;
    s->best_at = s->at;
    s4d_select_text(s, text);
    return s4d_checkpoint_write_model(&s->engine, &(s4d_model_about){.at = &s->at, .selection = text, .averaged = s->o->train.ema_eval}, path, err);
}

s4d_status s4d_select_take(s4d_session *s, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    if (s->o->train.select == S4D_SELECT_LAST) return S4D_OK;
    s4d_status status = s4d_path_join(path, s->o->output, S4D_BEST_NAME, err);
    if (status == S4D_OK) status = s4d_checkpoint_load(&s->engine, path, err);
    if (status == S4D_OK) s->at = s->best_at;
    return status;
}
