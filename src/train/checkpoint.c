/* Checkpoints: the model under its published names, and beside it what is needed to go on. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/json.h"
#include "s4d/ckpt/safetensors.h"
#include "train/session.h"

enum { META_MAX = 20 };

/* Name-value pairs of a file's metadata, with the texts made for them. */
typedef struct metadata {
    s4d_safetensors_pair pair[META_MAX];
    int count;
    char normalisation[128];
    char step[24], epoch[24], batch[24], best[32], best_step[24], best_epoch[24], dropped[24], lines[24];
    s4d_json_writer classes[2];
    s4d_str tuning;
} metadata;

static void add(metadata *m, const char *key, const char *value)
{
    S4D_BUG_IF(m->count == META_MAX);
    m->pair[m->count++] = (s4d_safetensors_pair){.key = key, .value = value};
}

static void add_classes(metadata *m, const s4d_engine *e, int modality)
{
    static const char *const key[2] = {"classes.image", "classes.video"};
    const s4d_set_opts *set = s4d_run_set(e->o, (s4d_modality)modality);
    s4d_json_writer *w = &m->classes[modality];
    s4d_json_open(w, '[');
    for (int c = 0; c < e->classes[modality]; ++c) s4d_json_put_string(w, set->classes[c]);
    s4d_json_close(w, ']');
    if (!w->out.failed) add(m, key[modality], w->out.text);
}

static void describe(metadata *m, const s4d_engine *e, const s4d_position *at)
{
    snprintf(m->normalisation, sizeof m->normalisation, "{\"mean\": [%g, %g, %g], \"std\": [%g, %g, %g]}",
             (double)s4d_pixel_mean[0], (double)s4d_pixel_mean[1], (double)s4d_pixel_mean[2], (double)s4d_pixel_std[0],
             (double)s4d_pixel_std[1], (double)s4d_pixel_std[2]);
    snprintf(m->step, sizeof m->step, "%lld", (long long)at->step);
    snprintf(m->epoch, sizeof m->epoch, "%d", at->epoch);
    snprintf(m->batch, sizeof m->batch, "%lld", (long long)at->batch);
    add(m, "format", "s4d");
    add(m, "s4d.version", S4D_VERSION);
    add(m, "s4d.stage", e->o->stage == S4D_PRETRAIN ? "pretrain" : "finetune");
    add(m, "s4d.step", m->step);
    add(m, "s4d.epoch", m->epoch);
    add(m, "s4d.batch", m->batch);
    add(m, "s4d.normalisation", m->normalisation);
    add(m, "config", e->o->resolved);
    for (int i = 0; i < 2; ++i)
        if (e->classes[i]) add_classes(m, e, i);
}

static void metadata_release(metadata *m)
{
    for (int i = 0; i < 2; ++i) s4d_str_release(&m->classes[i].out);
    s4d_str_release(&m->tuning);
}

/* ---- writing ---- */

/* Host copies of whole blocks of parameters, one entry for each tensor. */
typedef struct snapshot {
    float *value[2];
    char (*name)[S4D_PARAM_NAME_MAX + 4];
    s4d_safetensors_entry *entry;
    int entries;
} snapshot;

static void snapshot_release(snapshot *s)
{
    s4d_mem_free(s->value[0]);
    s4d_mem_free(s->value[1]);
    s4d_mem_free(s->name);
    s4d_mem_free(s->entry);
}

/* block[i] under prefix[i] + the parameter's name; one more entry is left free at the end. */
static s4d_status take_snapshot(const s4d_engine *e, const s4d_tensor *block, const char *const *prefix, int blocks,
                                snapshot *out, s4d_err *err)
{
    const s4d_params *p = e->params;
    size_t n = (size_t)(p->count * blocks) + 1;
    *out = (snapshot){0};
    out->name = s4d_mem_alloc(n, sizeof *out->name);
    out->entry = s4d_mem_alloc(n, sizeof *out->entry);
    for (int b = 0; b < blocks; ++b) {
        out->value[b] = s4d_mem_alloc((size_t)p->total, sizeof(float));
        if (out->value[b]) s4d_backend_download_floats(e->be, out->value[b], block[b]);
    }
    if (!out->name || !out->entry || !out->value[0] || (blocks > 1 && !out->value[1]))
        return s4d_err_memory(err, (size_t)(p->total * blocks) * sizeof(float), "the checkpoint");
    for (int b = 0; b < blocks; ++b)
        for (int i = 0; i < p->count; ++i) {
            const s4d_param *item = &p->item[i];
            char *name = out->name[out->entries];
            snprintf(name, sizeof *out->name, "%s%s", prefix[b], item->name);
            out->entry[out->entries++] = (s4d_safetensors_entry){
                .name = name, .tensor = s4d_tensor_of(S4D_F32, out->value[b] + item->offset, item->rank, item->dim)};
        }
    return s4d_backend_check(e->be, err);
}

/* Weights that are no numbers never take the place of good ones. */
static s4d_status check_finite(const snapshot *s, s4d_err *err)
{
    for (int i = 0; i < s->entries; ++i) {
        const s4d_tensor *t = &s->entry[i].tensor;
        const float *value = t->data;
        for (int64_t k = 0; t->dtype == S4D_F32 && k < s4d_tensor_count(t); ++k)
            if (!isfinite(value[k]))
                return s4d_err_set(err, S4D_DIVERGED, "%s is not finite, so nothing is written; lower train.lr or set "
                                                      "train.clip_grad", s->entry[i].name);
    }
    return S4D_OK;
}

static s4d_status write_file(const char *path, const snapshot *s, const metadata *m, s4d_err *err)
{
    s4d_status status = check_finite(s, err);
    if (status != S4D_OK) return status;
    return s4d_safetensors_write(path, &(s4d_safetensors_contents){.entry = s->entry,
                                                                   .count = (size_t)s->entries,
                                                                   .metadata = m->pair,
                                                                   .metadata_count = (size_t)m->count}, err);
}

static void add_prints(metadata *m, const s4d_session *s)
{
    if (s->print[S4D_IMAGE][0]) add(m, "s4d.data.image", s->print[S4D_IMAGE]);
    if (s->print[S4D_VIDEO][0]) add(m, "s4d.data.video", s->print[S4D_VIDEO]);
}

static void add_best(metadata *m, const s4d_session *s)
{
    if (s->best < 0) return;
    snprintf(m->best, sizeof m->best, "%.17g", s->best);
    snprintf(m->best_step, sizeof m->best_step, "%lld", (long long)s->best_at.step);
    snprintf(m->best_epoch, sizeof m->best_epoch, "%d", s->best_at.epoch);
    add(m, "s4d.best", m->best);
    add(m, "s4d.best_step", m->best_step);
    add(m, "s4d.best_epoch", m->best_epoch);
}

/* What the run has come to beside its weights: updates left out in a row, lines of its log. */
static void add_past(metadata *m, const s4d_session *s)
{
    snprintf(m->dropped, sizeof m->dropped, "%d", s->dropped_in_a_row);
    snprintf(m->lines, sizeof m->lines, "%lld", (long long)s4d_appender_lines(s->log));
    add(m, "s4d.dropped_in_a_row", m->dropped);
    add(m, "s4d.log_lines", m->lines);
}

s4d_status s4d_checkpoint_write_model(const s4d_engine *e, const s4d_model_about *about, const char *path, s4d_err *err)
{
    metadata m = {0};
    snapshot s;
    describe(&m, e, about->at);
    if (about->selection) add(&m, "s4d.selection", about->selection);
    if (about->leakage) add(&m, "s4d.lists", about->leakage);
    if (about->averaged) add(&m, "s4d.averaged", "true");
    s4d_status status = take_snapshot(e, about->averaged ? &e->average : &e->params->w, (const char *const[]){""}, 1, &s, err);
    if (status == S4D_OK) status = write_file(path, &s, &m, err);
    snapshot_release(&s);
    metadata_release(&m);
    return status;
}

static s4d_status write_state(const s4d_session *session, const char *path, s4d_err *err)
{
    const s4d_engine *e = &session->engine;
    metadata m = {0};
    snapshot s;
    describe(&m, e, &session->at);
    add_prints(&m, session);
    add_past(&m, session);
    add_best(&m, session);
    if (e->average.data) add(&m, "s4d.average", "true");
    s4d_tensor block[2] = {e->params->m, e->params->v};
    s4d_status status = take_snapshot(e, block, (const char *const[]){"m/", "v/"}, 2, &s, err);
    if (status == S4D_OK) status = s4d_backend_tuning(e->be, &m.tuning, err);
    if (m.tuning.text) add(&m, "s4d.tuning", m.tuning.text);
    if (status == S4D_OK) {
        s.entry[s.entries++] = (s4d_safetensors_entry){
            .name = "updates", .tensor = S4D_TENSOR(S4D_I64, session->optim.step, e->params->count)};
        status = write_file(path, &s, &m, err);
    }
    snapshot_release(&s);
    metadata_release(&m);
    return status;
}

static s4d_status folder_path(const s4d_session *s, char out[S4D_PATH_MAX], const char *name, s4d_err *err)
{
    char folder[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(folder, s->o->output, "checkpoints", err);
    return status == S4D_OK ? s4d_path_join(out, folder, name, err) : status;
}

static s4d_status fill_folder(const s4d_session *s, const char *folder, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_status status = s4d_dir_remove(folder, err);
    if (status == S4D_OK) status = s4d_dir_make(folder, err);
    if (status == S4D_OK) status = s4d_path_join(path, folder, "model.safetensors", err);
    if (status == S4D_OK) status = s4d_checkpoint_write_model(&s->engine, &(s4d_model_about){.at = &s->at, .leakage = s->leakage.text}, path, err);
    if (status == S4D_OK && s->engine.average.data) {
        status = s4d_path_join(path, folder, "average.safetensors", err);
        if (status == S4D_OK)
            status = s4d_checkpoint_write_model(
                &s->engine, &(s4d_model_about){.at = &s->at, .leakage = s->leakage.text, .averaged = true}, path, err);
    }
    if (status == S4D_OK) status = s4d_path_join(path, folder, "state.safetensors", err);
    if (status == S4D_OK) status = write_state(s, path, err);
    if (status != S4D_OK) s4d_dir_remove(folder, NULL);
    return status;
}

/* What else a user keeps beside them is left alone. */
static bool is_checkpoint(const char *name)
{
    static const char mark[] = "step-", digits[] = "0123456789";
    size_t n = strncmp(name, mark, sizeof mark - 1) == 0 ? strspn(name + sizeof mark - 1, digits) : 0;
    return n > 0 && name[sizeof mark - 1 + n] == '\0';
}

s4d_status s4d_checkpoint_list(const char *run, s4d_strlist *out, s4d_err *err)
{
    char folder[S4D_PATH_MAX];
    s4d_strlist all = {0};
    *out = (s4d_strlist){0};
    s4d_status status = s4d_path_join(folder, run, "checkpoints", err);
    if (status == S4D_OK && s4d_path_exists(folder)) status = s4d_dir_list(folder, &all, err);
    for (size_t i = 0; i < all.count && status == S4D_OK; ++i)
        if (is_checkpoint(all.item[i]) && !s4d_strlist_add(out, all.item[i]))
            status = s4d_err_memory(err, 64, "the list of checkpoints");
    s4d_strlist_release(&all);
    return status;
}

s4d_status s4d_checkpoint_clear(const char *run, s4d_err *err)
{
    char folder[S4D_PATH_MAX], path[S4D_PATH_MAX];
    s4d_strlist list = {0};
    s4d_status status = s4d_checkpoint_list(run, &list, err);
    if (status == S4D_OK) status = s4d_path_join(folder, run, "checkpoints", err);
    for (size_t i = 0; i < list.count && status == S4D_OK; ++i) {
        status = s4d_path_join(path, folder, list.item[i], err);
        if (status == S4D_OK) status = s4d_dir_remove(path, err);
    }
    s4d_strlist_release(&list);
    if (status == S4D_OK) status = s4d_dir_sweep(folder, "damaged-step-", err);
    return status == S4D_OK ? s4d_dir_sweep(folder, ".tmp-", err) : status;
}

/* The oldest go first, but not the one just written. */
static s4d_status remove_old(const s4d_session *s, const char *newest, s4d_err *err)
{
    char old[S4D_PATH_MAX];
    s4d_strlist list = {0};
    s4d_status status = s4d_checkpoint_list(s->o->output, &list, err);
    size_t keep = (size_t)s->o->train.keep_checkpoints, left = list.count;
    for (size_t i = 0; i < list.count && left > keep && status == S4D_OK; ++i) {
        if (strcmp(list.item[i], newest) == 0) continue;
        status = folder_path(s, old, list.item[i], err);
        if (status == S4D_OK) status = s4d_dir_remove(old, err);
        --left;
    }
    s4d_strlist_release(&list);
    return status;
}

/* What a run that was cut off while it wrote has left. */
static s4d_status remove_unfinished(const s4d_session *s, s4d_err *err)
{
    char folder[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(folder, s->o->output, "checkpoints", err);
    return status == S4D_OK ? s4d_dir_sweep(folder, ".tmp-", err) : status;
}

s4d_status s4d_checkpoint_save(s4d_session *s, s4d_err *err)
{
    char name[40], hidden[40], folder[S4D_PATH_MAX], temporary[S4D_PATH_MAX];
    snprintf(name, sizeof name, "step-%08lld", (long long)s->at.step);
    snprintf(hidden, sizeof hidden, ".tmp-%08lld", (long long)s->at.step);
    s4d_status status = folder_path(s, folder, name, err);
    if (status == S4D_OK) status = folder_path(s, temporary, hidden, err);
    if (status == S4D_OK) status = remove_unfinished(s, err);
    if (status == S4D_OK && !s4d_path_exists(folder)) {
        status = s4d_appender_sync(s->log, err);
        if (status == S4D_OK) status = fill_folder(s, temporary, err);
        if (status == S4D_OK) status = s4d_dir_rename(temporary, folder, err);
    }
    if (status == S4D_OK) s->saved = s->at.step;
    return status == S4D_OK ? remove_old(s, name, err) : status;
}

s4d_status s4d_checkpoint_set_aside(const s4d_session *s, s4d_err *err)
{
    char from[S4D_PATH_MAX], to[S4D_PATH_MAX], name[64];
    s4d_strlist list = {0};
    s4d_status status = s4d_checkpoint_list(s->o->output, &list, err);
    for (size_t i = 0; i < list.count && status == S4D_OK; ++i) {
        if (strtoll(list.item[i] + strlen("step-"), NULL, 10) <= s->saved) continue;
        snprintf(name, sizeof name, "damaged-%.40s", list.item[i]);
        status = folder_path(s, from, list.item[i], err);
        if (status == S4D_OK) status = folder_path(s, to, name, err);
        if (status == S4D_OK) status = s4d_dir_remove(to, err);
        if (status == S4D_OK) status = s4d_dir_rename(from, to, err);
    }
    s4d_strlist_release(&list);
    return status;
}
