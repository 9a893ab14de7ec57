/* Opening a training run: everything is read and checked before the first file is created. */
#include "s4d/train/run.h"
#include "train/leakage.h"
#include "train/session.h"

#include <stdio.h>
#include <string.h>

#include "s4d/base/log.h"

static s4d_status read_set(s4d_session *s, int i, s4d_err *err)
{
    const s4d_set_opts *set = s4d_run_set(s->o, (s4d_modality)i);
    s4d_bad_sample rule = s->o->data.on_bad_sample;
    bool tested = s->o->stage == S4D_FINETUNE;
    s4d_status status = S4D_OK;
    if (set->train[0]) status = s4d_manifest_read(set, S4D_LIST_TRAIN, rule, &s->train[i], err);
    if (status == S4D_OK && set->train[0])
        snprintf(s->print[i], sizeof s->print[i], "%016llx", (unsigned long long)s4d_manifest_fingerprint(&s->train[i]));
    if (status == S4D_OK && set->test[0] && tested) status = s4d_manifest_read(set, S4D_LIST_TEST, rule, &s->test[i], err);
    if (status == S4D_OK && set->train[0]) status = s4d_manifest_read(set, S4D_LIST_VAL, rule, &s->val[i], err);
    if (status == S4D_OK && s->val[i].count)
        s4d_log(S4D_LOG_INFO, "%s: %zu validation samples%s", set->name, s->val[i].count,
                tested ? "" : ", which pre-training leaves out");
    if (!tested) s4d_manifest_release(&s->val[i]);
    return status;
}

/* What is evaluated must not be trained on. */
static s4d_status compare_lists(s4d_session *s, s4d_err *err)
{
    s4d_status status = S4D_OK;
    s4d_str_add(&s->leakage, "[");
    for (int i = 0; i < 2 && status == S4D_OK; ++i) {
        s4d_leakage found[2];
        const s4d_manifest *list[2] = {&s->val[i], &s->test[i]};
        if (!s->train[i].count) continue;
        status = s4d_leakage_find(s->o, (s4d_modality)i, &s->train[i], list[0], list[1], found, err);
        for (int k = 0; k < 2 && status == S4D_OK; ++k) {
            s4d_leakage_json(&found[k], list[k], &s->leak[i][k]);
            if (s->leak[i][k].text) s4d_str_printf(&s->leakage, "%s%s", s->leakage.size > 1 ? ", " : "", s->leak[i][k].text);
        }
    }
    s4d_str_add(&s->leakage, "]");
    return status == S4D_OK && s->leakage.failed ? s4d_err_memory(err, s->leakage.size, "what lists share") : status;
}

static s4d_status read_lists(s4d_session *s, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (int i = 0; i < 2 && status == S4D_OK; ++i) status = read_set(s, i, err);
    if (status == S4D_OK && s->o->stage == S4D_FINETUNE) status = compare_lists(s, err);
    if (status == S4D_OK && !s->train[0].count && !s->train[1].count)
        status = s4d_err_set(err, S4D_USAGE, "data.image.train, data.video.train: training needs at least one list");
    if (status == S4D_OK && s->o->stage == S4D_FINETUNE && s->o->train.select == S4D_SELECT_HELD_OUT)
        status = s4d_select_hold_out(&s->train[s4d_select_modality(s)], s->o->train.held_out, (uint64_t)s->o->seed, &s->held, err);
    if (status == S4D_OK && s->o->train.select == S4D_SELECT_VAL && !s->val[s4d_select_modality(s)].count) {
        const char *name = s4d_modality_name(s4d_select_modality(s));
        status = s4d_err_set(err, S4D_USAGE, "train.select: val, but the %s set has no validation list; name one in data.%s.val, or "
                                             "give rows of its manifest the split val", name, name);
    }
    return status;
}

static s4d_engine_load training_load(const s4d_session *s)
{
    s4d_engine_load load = {0};
    for (int i = 0; i < 2; ++i) {
        if (s->train[i].count) load.train[i] = s4d_run_set(s->o, (s4d_modality)i)->batch;
        if (s->test[i].count || s->val[i].count || (s->held.count && i == (int)s4d_select_modality(s))) load.predict[i] = s->o->eval.batch * s4d_eval_views_together(s->o, (s4d_modality)i);
    }
    return load;
}

static void count_classes(const s4d_manifest *m, int64_t count[S4D_MAX_CLASSES])
{
    memset(count, 0, S4D_MAX_CLASSES * sizeof *count);
    for (size_t i = 0; i < m->count; ++i)
        if (m->sample[i].label >= 0) ++count[m->sample[i].label];
}

static s4d_status open_engine(s4d_session *s, s4d_err *err)
{
    int classes[2] = {0};
    for (int i = 0; i < 2 && s->o->stage == S4D_FINETUNE; ++i) {
        if (s->train[i].count) classes[i] = s->train[i].class_count;
        if (s->train[i].count && !classes[i])
            return s4d_err_set(err, S4D_USAGE, "data.%s.classes: fine-tuning needs the class names; list them in index order",
                               s4d_modality_name((s4d_modality)i));
        if (s->test[i].count && !s->train[i].count) s4d_manifest_release(&s->test[i]); /* no head to test */
    }
    s4d_engine_load load = training_load(s);
    s4d_status status = s4d_engine_create(s->o, classes, &s->engine, err);
    for (int i = 0; i < 2 && status == S4D_OK; ++i) {
        int64_t count[S4D_MAX_CLASSES];
        count_classes(&s->train[i], count);
        if (classes[i]) s4d_imbalance_make(&s->o->train, count, classes[i], &s->engine.imbalance[i]);
    }
    if (status == S4D_OK) status = s4d_engine_alloc(&s->engine, &load, err);
    if (status == S4D_OK) status = s4d_params_init(s->engine.params, s->engine.be, (uint64_t)s->o->seed, err);
    return status;
}

static s4d_status open_loader(s4d_session *s, s4d_err *err)
{
    const s4d_model_opts *m = &s->o->model;
    s4d_loader_opts opts = {.mode = s->o->stage == S4D_PRETRAIN ? S4D_LOAD_PRETRAIN : S4D_LOAD_FINETUNE,
                            .set = s->set, .data = &s->o->data, .img_size = m->img_size, .patch_size = m->patch_size,
                            .num_frames = m->num_frames, .tubelet_size = m->tubelet_size, .seed = (uint64_t)s->o->seed,
                            .accumulate = s->o->train.accumulate};
    for (int i = 0; i < 2; ++i)
        if (s->train[i].count)
            s->set[opts.sets++] = (s4d_loader_set){.modality = (s4d_modality)i, .manifest = &s->train[i],
                                                   .opts = s4d_run_set(s->o, (s4d_modality)i)};
    return s4d_loader_create(&opts, &s->loader, err);
}

static s4d_status open_optimiser(s4d_session *s, s4d_err *err)
{
    const s4d_train_opts *t = &s->o->train;
    const s4d_set_opts *leading = s4d_run_set(s->o, s->train[S4D_VIDEO].count ? S4D_VIDEO : S4D_IMAGE);
    s4d_schedule_make(s->o->stage, t, leading->batch * t->accumulate, s4d_loader_updates(s->loader), &s->schedule);
    return s4d_optim_create(&s->optim, s->o->stage, t, s->engine.params, s->o->model.encoder.depth, err);
}

s4d_status s4d_finetune_check(const s4d_run_opts *o, s4d_err *err)
{
    s4d_session s = {.o = o};
    s4d_status status = s4d_folder_take(o, true, &s.lock, err);
    if (status == S4D_OK) status = read_lists(&s, err);
    s4d_session_close(&s);
    return status;
}

s4d_status s4d_session_open(s4d_session *s, const s4d_run_opts *o, s4d_err *err)
{
    memset(s, 0, sizeof *s);
    s->o = o;
    s->saved = -1;
    s->best = -1;
    s4d_status status = s4d_folder_take(o, true, &s->lock, err);
    if (status == S4D_OK) status = read_lists(s, err);
    if (status == S4D_OK) status = open_loader(s, err);
    if (status == S4D_OK) status = open_engine(s, err);
    if (status == S4D_OK) status = open_optimiser(s, err);
    if (status != S4D_OK) s4d_session_close(s);
    return status;
}

void s4d_session_close(s4d_session *s)
{
    s4d_loader_destroy(&s->loader);
    s4d_appender_destroy(&s->log);
    s4d_lock_release(&s->lock);
    for (int i = 0; i < S4D_SLOTS; ++i) s4d_mem_free(s->turn[i].sample);
    s4d_optim_release(&s->optim);
    s4d_engine_release(&s->engine);
    s4d_str_release(&s->leakage);
    for (int i = 0; i < 2; ++i) {
        for (int k = 0; k < 2; ++k) s4d_str_release(&s->leak[i][k]);
        s4d_manifest_release(&s->train[i]);
        s4d_manifest_release(&s->val[i]);
        s4d_manifest_release(&s->test[i]);
    }
    s->held.store = NULL; /* that of the list it was taken from */
    s4d_manifest_release(&s->held);
}
