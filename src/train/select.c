/* Which epoch's model a run keeps: the last, or the best on a share held out of training, on the validation list or the test list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/log.h"
#include "s4d/base/rng.h"
#include "train/session.h"

s4d_modality s4d_select_modality(const s4d_session *s)
{
    return s->train[S4D_VIDEO].count ? S4D_VIDEO : S4D_IMAGE;
}

/* Samples that must not be parted: of one person, or of one file. */
typedef struct member {
    const char *key;
    size_t place;
    uint32_t order; /* of its group */
} member;

static int by_key(const void *a, const void *b)
{
    const member *x = a, *y = b;
    int key = strcmp(x->key, y->key);
    return key ? key : (x->place > y->place) - (x->place < y->place);
}

static int by_order(const void *a, const void *b)
{
    const member *x = a, *y = b;
    int key = x->order != y->order ? (x->order > y->order) - (x->order < y->order) : strcmp(x->key, y->key);
    return key ? key : (x->place > y->place) - (x->place < y->place);
}

/* Groups in an order drawn from the seed; *member [count]. */
static void draw_groups(const s4d_manifest *m, uint64_t seed, member *list)
{
    s4d_rng rng = s4d_rng_make(seed, S4D_RNG_HOLD_OUT, 0, 0);
    for (size_t i = 0; i < m->count; ++i)
        list[i] = (member){.key = m->sample[i].subject ? m->sample[i].subject : m->sample[i].path, .place = i};
    qsort(list, m->count, sizeof *list, by_key);
    for (size_t i = 0; i < m->count; ++i)
        list[i].order = i > 0 && strcmp(list[i].key, list[i - 1].key) == 0 ? list[i - 1].order : s4d_rng_u32(&rng);
    qsort(list, m->count, sizeof *list, by_order);
}

/* Whole groups, as long as a class of theirs has fewer than round(share * n_c) and none would be left without a sample. */
static void mark_groups(const s4d_manifest *m, double share, const member *list, bool *held)
{
    int64_t all[S4D_MAX_CLASSES] = {0}, taken[S4D_MAX_CLASSES] = {0};
    for (size_t i = 0; i < m->count; ++i) ++all[m->sample[i].label];
    for (size_t first = 0, end; first < m->count; first = end) {
        int64_t of_group[S4D_MAX_CLASSES] = {0};
        bool wanted = false, leaves = true;
        for (end = first; end < m->count && strcmp(list[end].key, list[first].key) == 0; ++end)
            ++of_group[m->sample[list[end].place].label];
        for (int c = 0; c < m->class_count; ++c) {
            int64_t goal = (int64_t)(share * (double)all[c] + 0.5);
            if (goal == 0 && all[c] > 1) goal = 1;
            if (!of_group[c]) continue;
            wanted = wanted || taken[c] < goal;
            leaves = leaves && taken[c] + of_group[c] < all[c];
        }
        for (size_t i = first; i < end && wanted && leaves; ++i) {
            held[list[i].place] = true;
            ++taken[m->sample[list[i].place].label];
        }
    }
}

s4d_status s4d_select_hold_out(s4d_manifest *train, double share, uint64_t seed, s4d_manifest *out, s4d_err *err)
{
    bool *held = s4d_mem_alloc(train->count, sizeof *held);
    s4d_sample *sample = s4d_mem_alloc(train->count, sizeof *sample);
    member *list = s4d_mem_alloc(train->count, sizeof *list);
    s4d_status status = held && sample && list ? S4D_OK : s4d_err_memory(err, train->count * sizeof *sample, "the held-out samples");
    if (status == S4D_OK) {
        draw_groups(train, seed, list);
        mark_groups(train, share, list, held);
        size_t kept = 0;
        *out = *train;
        out->texts = (s4d_texts){0}; /* they stay the training list's */
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
    s4d_mem_free(list);
    if (status == S4D_OK && out->count == 0)
        status = s4d_err_set(err, S4D_USAGE, "train.held_out: no class of the training list has two samples (of different people or "
                                             "files) to hold one out of; set train.select to last");
    return status;
}

void s4d_select_text(const s4d_session *s, char text[S4D_SELECTION_TEXT])
{
    const s4d_train_opts *t = &s->o->train;
    const char *by = t->select_by == S4D_BY_WAR ? "WAR" : "UAR", *set = s4d_run_set(s->o, s4d_select_modality(s))->name;
    const char *clip = t->select_draw ? " of one drawn clip a video" : "";
    if (t->select == S4D_SELECT_LAST)
        snprintf(text, S4D_SELECTION_TEXT, "last epoch");
    else if (t->select == S4D_SELECT_VAL)
        snprintf(text, S4D_SELECTION_TEXT, "epoch %d, best %s%s on %.63s's validation list", s->best_at.epoch, by, clip, set);
    else if (t->select == S4D_SELECT_HELD_OUT)
        snprintf(text, S4D_SELECTION_TEXT, "epoch %d, best %s%s on %g%% of %.63s's training list held out of training",
                 s->best_at.epoch, by, clip, 100 * t->held_out, set);
    else
        snprintf(text, S4D_SELECTION_TEXT, "epoch %d, best %s%s on %.63s's test list itself", s->best_at.epoch, by, clip, set);
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
    return s4d_checkpoint_write_model(&s->engine, &(s4d_model_about){.at = &s->at, .selection = text, .leakage = s->leakage.text, .averaged = s->o->train.ema_eval}, path, err);
}

/* Whether the file holds the weights of best_at. */
static bool is_best(const s4d_session *s, const char *path)
{
    s4d_str step = {0};
    s4d_err ignored = {0};
    bool same = s4d_path_exists(path) && s4d_checkpoint_text(path, "s4d.step", &step, &ignored) == S4D_OK && step.text &&
                strtoll(step.text, NULL, 10) == s->best_at.step;
    s4d_str_release(&step);
    return same;
}

s4d_status s4d_select_recall(s4d_session *s, s4d_err *err)
{
    char here[S4D_PATH_MAX], there[S4D_PATH_MAX];
    s4d_bytes file = {0};
    if (s->best < 0) return S4D_OK;
    s4d_status status = s4d_path_join(here, s->o->output, S4D_BEST_NAME, err);
    if (status == S4D_OK) status = s4d_path_join(there, s->resumed, S4D_BEST_NAME, err);
    if (status != S4D_OK || is_best(s, here)) return status;
    if (is_best(s, there)) {
        status = s4d_file_read(there, 0, &file, err);
        if (status == S4D_OK) status = s4d_file_write(here, (const char *)file.data, file.size, err);
        s4d_bytes_release(&file);
        return status;
    }
    s4d_log(S4D_LOG_WARN, "%s is not of step %lld, the best so far; the best epoch is looked for anew from here on", here,
            (long long)s->best_at.step);
    s->best = -1;
    return S4D_OK;
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
