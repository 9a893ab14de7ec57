/* The training loop of both stages: epochs, checkpoints, evaluation, what is kept. A step is in turn.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/log.h"
#include "s4d/base/thread.h"
#include "train/session.h"

static void report_epoch(const s4d_session *s, const s4d_epoch_sums *sums)
{
    char losses[96] = "";
    size_t used = 0;
    for (int i = 0; i < 2; ++i)
        if (sums->batches[i])
            used += (size_t)snprintf(losses + used, sizeof losses - used, ", %s loss %.4f", s4d_modality_name((s4d_modality)i),
                                     sums->loss[i] / (double)sums->batches[i]);
    double ms = fmax(sums->data_ms + sums->compute_ms, 1e-3);
    s4d_log(S4D_LOG_INFO, "epoch %d of %d%s, %.1f samples/s, waiting for data %.0f%% of the time", s->at.epoch,
            s->o->train.epochs, losses, (double)sums->samples * 1000 / ms, 100 * sums->data_ms / ms);
    int64_t skipped = sums->skipped[0] + sums->skipped[1];
    if (skipped) s4d_log(S4D_LOG_WARN, "%lld samples were skipped in this epoch", (long long)skipped);
}

/* Skipping is for single files: a set of which nothing could be read ends the run. */
static s4d_status check_read(const s4d_session *s, const s4d_epoch_sums *sums, s4d_err *err)
{
    for (int i = 0; i < 2; ++i)
        if (sums->skipped[i] && !sums->batches[i])
            return s4d_err_set(err, S4D_FAILED, "data.%s: not one sample of the list %s could be read; check data.%s.root",
                               s4d_modality_name((s4d_modality)i), s4d_run_set(s->o, (s4d_modality)i)->train,
                               s4d_modality_name((s4d_modality)i));
    return S4D_OK;
}

/* One pass; ends early with the signal's status. */
static s4d_status run_epoch(s4d_session *s, s4d_err *err)
{
    s4d_status status = s4d_loader_start(s->loader, (uint32_t)s->at.epoch, s->at.batch, err);
    int every = s->o->train.checkpoint_every;
    s->group = (s4d_group){0};
    s->sums = (s4d_epoch_sums){0};
    s->settled = (s4d_step_result){0};
    while (status == S4D_OK) {
        const s4d_batch *batch = NULL;
        int64_t before = s->at.step;
        double begin = s4d_clock_ms();
        if ((status = s4d_interrupt_status()) != S4D_OK) break; /* an update half way is made again on --resume */
        status = s4d_loader_next(s->loader, &batch, err);
        s->group.data_ms += s4d_clock_ms() - begin;
        if (status != S4D_OK || !batch) break;
        status = s4d_turn_take(s, batch, err);
        bool due = every && s->at.step > before && s->at.step % every == 0;
        if (status == S4D_OK && due) status = s4d_turn_settle_all(s, err);
        if (status == S4D_OK && due) status = s4d_checkpoint_save(s, err);
    }
    bool cut = status == S4D_INTERRUPTED || status == S4D_TERMINATED;
    s4d_status last = status == S4D_OK || cut ? s4d_turn_settle_all(s, err) : status;
    return last == S4D_OK ? status : last;
}

static s4d_status evaluate_one(s4d_session *s, s4d_modality modality, const s4d_manifest *manifest, s4d_result *result,
                               s4d_err *err)
{
    s4d_head_classes head = {.count = s->train[modality].class_count};
    memcpy(head.name, s->train[modality].classes, sizeof head.name);
    result->trained = s->o->resolved;
    bool averaged = s->o->train.ema_eval && !s->finishing;
    result->drawn = s->o->train.select != S4D_SELECT_LAST && s->o->train.select_draw && !result->place;
    if (averaged) s4d_engine_swap_average(&s->engine);
    s4d_status status = s4d_evaluate_set(&s->engine, modality, manifest, &head, result, err);
    if (averaged) s4d_engine_swap_average(&s->engine);
    if (status != S4D_OK) return status;
    s4d_log(S4D_LOG_INFO, "%s on %s: UAR %.2f, WAR %.2f", s4d_split_words(result->split), result->set->name,
            100 * result->metrics.uar, 100 * result->metrics.war);
    /* Lines stand in the order of steps, so that a resumed run knows which are its own; at the end that is the last one. */
    return s4d_runlog_result(s->log, result, s->at.epoch, s->finishing ? s->saved : s->at.step, err);
}

/* After an epoch: one list, by which the epoch may be chosen. */
static s4d_status evaluate_epoch(s4d_session *s, s4d_modality modality, const s4d_manifest *list, const char *split,
                                 s4d_select chosen_by, s4d_err *err)
{
    s4d_result result = {.checkpoint = "of this epoch", .split = split};
    s4d_status status = evaluate_one(s, modality, list, &result, err);
    bool chooses = s->o->train.select == chosen_by && modality == s4d_select_modality(s);
    return status == S4D_OK && chooses ? s4d_select_consider(s, &result.metrics, err) : status;
}

/* After an epoch; the tests of the model that is kept come at the end of the run. */
static s4d_status evaluate_if_due(s4d_session *s, s4d_err *err)
{
    const s4d_train_opts *t = &s->o->train;
    bool selecting = t->select != S4D_SELECT_LAST && s->o->stage == S4D_FINETUNE, last = s->at.epoch == t->epochs;
    int every = t->eval_every ? t->eval_every : selecting ? 1 : 0;
    bool due = s->at.epoch > 0 && ((every && s->at.epoch % every == 0) || (last && selecting));
    if (!due || (last && !selecting)) return S4D_OK;
    if (t->select == S4D_SELECT_HELD_OUT)
        return evaluate_epoch(s, s4d_select_modality(s), &s->held, "held_out", S4D_SELECT_HELD_OUT, err);
    s4d_status status = S4D_OK;
    for (int i = 0; i < 2 && status == S4D_OK; ++i) {
        bool by_test = t->select == S4D_SELECT_TEST || !s->val[i].count;
        const s4d_manifest *list = by_test ? &s->test[i] : &s->val[i];
        if (list->count)
            status = evaluate_epoch(s, (s4d_modality)i, list, by_test ? "test" : "val", by_test ? S4D_SELECT_TEST : S4D_SELECT_VAL, err);
    }
    return status;
}

/* The results of a run: of the epoch that is kept, or of the last one beside it. */
static s4d_status evaluate_model(s4d_session *s, bool kept, s4d_err *err)
{
    char selection[S4D_SELECTION_TEXT] = "last epoch", checkpoint[64] = "model.safetensors";
    s4d_status status = S4D_OK;
    if (kept) s4d_select_text(s, selection);
    if (!kept)
        snprintf(checkpoint, sizeof checkpoint, "checkpoints/step-%08lld/%s.safetensors", (long long)s->saved,
                 s->o->train.ema_eval ? "average" : "model");
    for (int i = 0; i < 2 && status == S4D_OK; ++i) {
        s4d_result tested = {.checkpoint = checkpoint, .selection = selection, .split = "test", .place = kept ? "" : S4D_PLACE_LAST,
                               .leakage = s->leak[i][1].text};
        s4d_result judged = {.checkpoint = checkpoint, .selection = selection, .split = "val", .place = S4D_PLACE_VAL,
                               .leakage = s->leak[i][0].text};
        if (s->test[i].count) status = evaluate_one(s, (s4d_modality)i, &s->test[i], &tested, err);
        if (status == S4D_OK && kept && s->val[i].count) status = evaluate_one(s, (s4d_modality)i, &s->val[i], &judged, err);
    }
    return status;
}

static s4d_status write_kept(const s4d_session *s, const char *name, bool averaged, s4d_err *err)
{
    char path[S4D_PATH_MAX], selection[S4D_SELECTION_TEXT];
    if (averaged)
        snprintf(selection, sizeof selection, "average of the weights at the last epoch");
    else
        s4d_select_text(s, selection);
    s4d_status status = s4d_path_join(path, s->o->output, name, err);
    s4d_model_about about = {.at = &s->at, .selection = selection, .leakage = s->leakage.text, .averaged = averaged};
    return status == S4D_OK ? s4d_checkpoint_write_model(&s->engine, &about, path, err) : status;
}

/* The last epoch's tests where another one is kept, then the model that is kept, its tests, its file; beside it the average, where
 * that is not what is kept. */
static s4d_status finish(s4d_session *s, s4d_err *err)
{
    const s4d_train_opts *t = &s->o->train;
    s4d_status status = S4D_OK;
    if (t->ema > 0 && !t->ema_eval) status = write_kept(s, "model_ema.safetensors", true, err);
    s->finishing = true;
    if (t->ema_eval) s4d_engine_swap_average(&s->engine);
    if (status == S4D_OK && t->select != S4D_SELECT_LAST) status = evaluate_model(s, false, err);
    if (status == S4D_OK && s->o->stage == S4D_FINETUNE) status = s4d_select_take(s, err);
    if (status == S4D_OK) status = evaluate_model(s, true, err);
    return status == S4D_OK ? write_kept(s, "model.safetensors", false, err) : status;
}

/* A checkpoint comes before its evaluation, so a run cut in between evaluates first when it goes on. */
static s4d_status run_epochs(s4d_session *s, s4d_err *err)
{
    s4d_status status = s->at.batch == 0 ? evaluate_if_due(s, err) : S4D_OK;
    while (s->at.epoch < s->o->train.epochs && status == S4D_OK) {
        bool whole = s->at.batch == 0;
        status = run_epoch(s, err);
        if (status == S4D_OK && whole) status = check_read(s, &s->sums, err);
        if (status != S4D_OK) break;
        s->at.epoch++;
        s->at.batch = 0;
        report_epoch(s, &s->sums);
        status = s4d_checkpoint_save(s, err);
        if (status == S4D_OK) status = evaluate_if_due(s, err);
    }
    return status;
}

/* After a signal the run can go on from here. After a divergence it goes on from the last whole epoch. */
static s4d_status leave_checkpoint(s4d_session *s, s4d_status status, s4d_err *err)
{
    s4d_err second = {0};
    if (s4d_checkpoint_save(s, &second) != S4D_OK)
        return s4d_err_set(err, status, "interrupted at step %lld, and no checkpoint could be written: %s",
                           (long long)s->at.step, second.text);
    return s4d_err_set(err, status, "interrupted at step %lld; the same command with --resume (without --overwrite) goes on from here",
                       (long long)s->at.step);
}

/* Takes from metrics.jsonl what the checkpoint has not seen; sets log_lost. */
static s4d_status cut_log(s4d_session *s, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    int64_t found;
    char *here = realpath(s->o->output, NULL); /* realpath's own */
    int64_t seen = s->saved >= 0 && here && strcmp(here, s->resumed) == 0 ? s->log_lines : 0; /* else the log begins here */
    free(here);
    s4d_status status = s4d_path_join(path, s->o->output, "metrics.jsonl", err);
    if (status == S4D_OK && seen < 0)
        s4d_log(S4D_LOG_WARN, "%s: the checkpoint of step %lld is of an older version and does not say how many lines it has seen, so all "
                              "are kept", path, (long long)s->at.step);
    if (status == S4D_OK && seen >= 0) status = s4d_runlog_cut(path, seen, &found, err);
    if (status != S4D_OK || seen < 0) return status;
    s->log_lost = seen - found;
    if (s->log_lost > 0)
        s4d_log(S4D_LOG_WARN, "%s: only %lld of the %lld lines that the checkpoint of step %lld has seen are there; the run goes on, "
                              "and its log says so", path, (long long)found, (long long)seen, (long long)s->at.step);
    return S4D_OK;
}

s4d_status s4d_session_run(s4d_session *s, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_status status = s->o->resume ? s4d_checkpoint_resume(s, err) : S4D_OK;
    if (status == S4D_OK && s->saved < 0 && s->o->init[0]) status = s4d_checkpoint_init(&s->engine, err);
    if (status == S4D_OK) status = s4d_folder_create(s->o, &s->lock, err);
    if (status == S4D_OK && s->o->resume) status = cut_log(s, err);
    if (status == S4D_OK && s->saved >= 0) status = s4d_checkpoint_set_aside(s, err);
    if (status == S4D_OK && s->saved >= 0) status = s4d_select_recall(s, err);
    if (status == S4D_OK) status = s4d_path_join(path, s->o->output, "metrics.jsonl", err);
    if (status == S4D_OK) status = s4d_appender_create(path, &s->log, err);
    if (status == S4D_OK && s->log_lost) status = s4d_runlog_lost(s->log, s->log_lost, s->at.step, err);
    if (status != S4D_OK) return status;
    s4d_log(S4D_LOG_INFO, "%s: %lld parameters, %lld steps, on %s",
            s->o->stage == S4D_PRETRAIN ? "pre-training" : "fine-tuning",
            (long long)s4d_params_elements(s->engine.params), (long long)s->schedule.steps,
            s4d_backend_description(s->engine.be));
    if (s->o->device_why[0]) s4d_log(S4D_LOG_INFO, "not on cuda: %s", s->o->device_why);
    if (s->saved < 0) s4d_engine_begin_average(&s->engine);
    status = run_epochs(s, err);
    if (status == S4D_INTERRUPTED || status == S4D_TERMINATED) return leave_checkpoint(s, status, err);
    if (status == S4D_OK) status = finish(s, err);
    if (status == S4D_INTERRUPTED || status == S4D_TERMINATED)
        return s4d_err_set(err, status, "interrupted in the last evaluation; the same command with --resume (without --overwrite) "
                                        "makes it again");
    return status;
}
