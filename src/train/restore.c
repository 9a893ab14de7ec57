/* Reading checkpoints: to go on with a run, to evaluate. Everything is checked by name and shape. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/json.h"
#include "s4d/base/log.h"
#include "s4d/ckpt/safetensors.h"
#include "train/session.h"
#include "train/settings.h"

static const int64_t STEPS_MAX = INT64_C(1) << 53;
enum { CONFIG_BYTES_MAX = 1 << 20 };

bool s4d_restore_same_shape(int rank, const int64_t *dim, const s4d_param *p)
{
    return rank == p->rank && memcmp(dim, p->dim, (size_t)rank * sizeof *dim) == 0;
}

s4d_status s4d_restore_wrong_shape(const char *path, const s4d_restored *r, const s4d_param *p, s4d_err *err)
{
    char got[128], want[128];
    s4d_tensor a = s4d_tensor_of(S4D_F32, NULL, r->rank < S4D_MAX_RANK ? r->rank : S4D_MAX_RANK, r->dim);
    s4d_tensor b = s4d_tensor_of(S4D_F32, NULL, p->rank, p->dim);
    s4d_tensor_shape_text(&a, got);
    s4d_tensor_shape_text(&b, want);
    return s4d_err_set(err, S4D_FAILED, "%s: %s is %s, but this model needs %s; use the \"model\" settings it was made with",
                       path, r->name, got, want);
}

s4d_status s4d_restore_room(const s4d_engine *e, float **value, s4d_err *err)
{
    int64_t most = 1;
    for (int i = 0; i < e->params->count; ++i)
        if (e->params->item[i].count > most) most = e->params->item[i].count;
    *value = s4d_mem_alloc((size_t)most, sizeof **value);
    return *value ? S4D_OK : s4d_err_memory(err, (size_t)most * sizeof **value, "a tensor of the checkpoint");
}

static s4d_status missing(const char *path, const char *name, s4d_err *err)
{
    if (strncmp(name, "fc_norm.", 8) == 0)
        return s4d_err_set(err, S4D_FAILED, "%s: has no %s, so it can only be what fine-tuning begins with (--init)", path, name);
    return s4d_err_set(err, S4D_FAILED, "%s: %s is missing; this is no checkpoint of such a model", path, name);
}

/* Every parameter of the model into one block, from PREFIX + name. */
static s4d_status load_block(const s4d_engine *e, const char *path, const s4d_safetensors *file, const char *prefix,
                             s4d_tensor block, s4d_err *err)
{
    float *value = NULL;
    s4d_status status = s4d_restore_room(e, &value, err);
    for (int i = 0; i < e->params->count && status == S4D_OK; ++i) {
        const s4d_param *p = &e->params->item[i];
        char name[S4D_PARAM_NAME_MAX + 4];
        snprintf(name, sizeof name, "%s%s", prefix, p->name);
        const s4d_safetensors_info *info = s4d_safetensors_find(file, name);
        if (!info)
            status = missing(path, name, err);
        else if (!s4d_restore_same_shape(info->rank, info->dim, p))
            status = s4d_restore_wrong_shape(path, &(s4d_restored){info->name, info->rank, info->dim}, p, err);
        else
            status = s4d_safetensors_read_floats(file, info, value, (size_t)p->count, err);
        if (status == S4D_OK) s4d_backend_upload_floats(e->be, s4d_params_view(e->params, block, i), value);
    }
    s4d_mem_free(value);
    return status;
}

/* Files of other programs do not say how they were made. */
static s4d_status check_settings(const s4d_engine *e, const s4d_safetensors *file, const char *path, bool evaluation,
                                 s4d_err *err)
{
    const char *format = s4d_safetensors_metadata(file, "format"), *config = s4d_safetensors_metadata(file, "config");
    bool ours = format && strcmp(format, "s4d") == 0 && config;
    return ours ? s4d_settings_same_model(config, e->o->resolved, evaluation, path, err) : S4D_OK;
}

s4d_status s4d_checkpoint_load(s4d_engine *e, const char *path, s4d_err *err)
{
    s4d_safetensors *file = NULL;
    s4d_status status = s4d_safetensors_open(path, &file, err);
    const char *start_only = status == S4D_OK ? s4d_safetensors_metadata(file, "s4d.start_only") : NULL;
    if (start_only)
        status = s4d_err_set(err, S4D_FAILED, "%s: can only be what fine-tuning begins with (--init): %s", path, start_only);
    if (status == S4D_OK) status = check_settings(e, file, path, true, err);
    if (status == S4D_OK) status = load_block(e, path, file, "", e->params->w, err);
    if (status == S4D_OK) s4d_params_refresh(e->params, e->be);
    s4d_safetensors_close(&file);
    return status;
}

/* ---- going on ---- */

static s4d_status read_number(const char *path, const s4d_safetensors *file, const char *key, int64_t most, int64_t *out,
                              s4d_err *err)
{
    const char *text = s4d_safetensors_metadata(file, key);
    char *end = NULL;
    errno = 0;
    if (text) *out = strtoll(text, &end, 10);
    if (!text || end == text || *end || errno || *out < 0 || *out > most)
        return s4d_err_set(err, S4D_FAILED, "%s: the metadata has no whole number \"%s\" up to %lld; it is damaged: remove this "
                                            "checkpoint", path, key, (long long)most);
    return S4D_OK;
}

/* The same lists: others would make other batches from here on. */
static s4d_status check_prints(const s4d_session *s, const char *path, const s4d_safetensors *file, s4d_err *err)
{
    static const char *const key[2] = {"s4d.data.image", "s4d.data.video"};
    for (int i = 0; i < 2; ++i) {
        const char *before = s4d_safetensors_metadata(file, key[i]);
        if (before && s->print[i][0] && strcmp(before, s->print[i]) != 0)
            return s4d_err_set(err, S4D_USAGE, "data.%s.train: the list has changed since %s was written; bring it back, or begin "
                                               "another run", s4d_modality_name((s4d_modality)i), path);
    }
    return S4D_OK;
}

/* Not in checkpoints of older versions. */
static s4d_status load_past(s4d_session *s, const char *path, const s4d_safetensors *file, s4d_err *err)
{
    int64_t dropped = 0;
    s4d_status status = S4D_OK;
    s->log_lines = -1;
    if (s4d_safetensors_metadata(file, "s4d.dropped_in_a_row"))
        status = read_number(path, file, "s4d.dropped_in_a_row", INT32_MAX, &dropped, err);
    if (status == S4D_OK && s4d_safetensors_metadata(file, "s4d.log_lines"))
        status = read_number(path, file, "s4d.log_lines", STEPS_MAX, &s->log_lines, err);
    s->dropped_in_a_row = (int)dropped;
    return status;
}

/* What was the best so far, where the run selects. */
static s4d_status load_best(s4d_session *s, const char *path, const s4d_safetensors *file, s4d_err *err)
{
    const char *text = s4d_safetensors_metadata(file, "s4d.best");
    char *end = NULL;
    int64_t epoch = 0;
    if (!text) return S4D_OK;
    double best = strtod(text, &end);
    if (end == text || *end || !(best >= 0 && best <= 1))
        return s4d_err_set(err, S4D_FAILED, "%s: the metadata's \"s4d.best\" is not a share; it is damaged: remove this checkpoint",
                           path);
    s4d_status status = read_number(path, file, "s4d.best_step", STEPS_MAX, &s->best_at.step, err);
    if (status == S4D_OK) status = read_number(path, file, "s4d.best_epoch", INT32_MAX, &epoch, err);
    s->best_at.epoch = (int)epoch;
    s->best = best;
    return status;
}

/* The device goes on as it was tuned, so that its sums round alike. */
static void load_tuning(const s4d_session *s, const char *path, const s4d_safetensors *file)
{
    const char *text = s4d_safetensors_metadata(file, "s4d.tuning");
    if (text && !s4d_backend_tune(s->engine.be, text))
        s4d_log(S4D_LOG_WARN, "%s was written on another device, with another of its libraries or another number of threads: the run "
                              "goes on, but not with the bits it would have had there", path);
}

/* named: the step that the checkpoint's folder bears, -1: none. */
static s4d_status load_state(s4d_session *s, const char *path, int64_t named, s4d_err *err)
{
    s4d_safetensors *file = NULL;
    int64_t epoch = 0;
    const s4d_engine *e = &s->engine;
    s4d_status status = s4d_safetensors_open(path, &file, err);
    if (status == S4D_OK) status = load_block(e, path, file, "m/", e->params->m, err);
    if (status == S4D_OK) status = load_block(e, path, file, "v/", e->params->v, err);
    if (status == S4D_OK) status = read_number(path, file, "s4d.step", STEPS_MAX, &s->at.step, err);
    if (status == S4D_OK) status = read_number(path, file, "s4d.epoch", INT32_MAX, &epoch, err);
    if (status == S4D_OK) status = read_number(path, file, "s4d.batch", STEPS_MAX, &s->at.batch, err);
    s->at.epoch = (int)epoch;
    if (status == S4D_OK) status = load_past(s, path, file, err);
    if (status == S4D_OK) status = check_prints(s, path, file, err);
    if (status == S4D_OK) status = load_best(s, path, file, err);
    if (status == S4D_OK) load_tuning(s, path, file);
    s->averaged_before = status == S4D_OK && s4d_safetensors_metadata(file, "s4d.average");
    if (status == S4D_OK && named >= 0 && s->at.step != named)
        status = s4d_err_set(err, S4D_FAILED, "%s: is of step %lld, not of the step its folder is named after; remove this "
                                              "checkpoint", path, (long long)s->at.step);
    if (status == S4D_OK && epoch + (s->at.batch > 0) > s->o->train.epochs)
        status = s4d_err_set(err, S4D_USAGE, "train.epochs: %d, but the checkpoint of %s stands in epoch %lld; raise it, or use s4d eval on that "
                                             "checkpoint", s->o->train.epochs, s->o->output, (long long)epoch + (s->at.batch > 0));
    if (status == S4D_OK) {
        const s4d_safetensors_info *info = s4d_safetensors_find(file, "updates");
        size_t bytes = (size_t)e->params->count * sizeof *s->optim.step;
        if (!info || strcmp(info->type, "I64") != 0 || info->bytes != bytes)
            status = s4d_err_set(err, S4D_FAILED, "%s: \"updates\" is missing or of another size; this is no state of "
                                                  "such a model", path);
        else
            status = s4d_safetensors_read(file, info, s->optim.step, err);
    }
    s4d_safetensors_close(&file);
    return status;
}

/* The config of the run that goes on against this one, before anything is written. */
static s4d_status check_run(const s4d_session *s, const char *run, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_bytes text = {0};
    s4d_str before = {0};
    s4d_status status = s4d_path_join(path, run, "config.resolved.json", err);
    if (status != S4D_OK || !s4d_path_exists(path)) return status; /* nothing was begun */
    status = s4d_file_read(path, CONFIG_BYTES_MAX, &text, err);
    if (status == S4D_OK) s4d_str_add_bytes(&before, text.data, text.size);
    if (before.failed) status = s4d_err_memory(err, text.size, "the run's config");
    if (status == S4D_OK) status = s4d_settings_may_resume(before.text ? before.text : "", s->o->resolved, run, err);
    s4d_str_release(&before);
    s4d_bytes_release(&text);
    return status;
}

/* A file of the checkpoint must be of the same step as its state, and its weights numbers. */
static s4d_status check_file(s4d_session *s, const char *path, s4d_tensor block, s4d_err *err)
{
    s4d_str step = {0};
    s4d_tensor flag = S4D_TENSOR(S4D_I32, NULL, 1);
    int32_t finite = 0;
    s4d_status status = s4d_checkpoint_text(path, "s4d.step", &step, err);
    if (status == S4D_OK && (!step.text || strtoll(step.text, NULL, 10) != s->at.step))
        status = s4d_err_set(err, S4D_FAILED, "%s: is of another step than the state beside it; remove this checkpoint", path);
    s4d_str_release(&step);
    if (status == S4D_OK) status = s4d_backend_alloc(s->engine.be, sizeof finite, &flag.data, err);
    if (status != S4D_OK) return status;
    s4d_all_finite(s->engine.be, &(s4d_all_finite_args){.x = block, .flag = flag});
    s4d_backend_download(s->engine.be, &finite, flag.data, sizeof finite);
    s4d_backend_free(s->engine.be, flag.data);
    return finite ? S4D_OK : s4d_err_set(err, S4D_FAILED, "%s: holds weights that are not finite; remove this checkpoint", path);
}

/* The average goes on where the checkpoint has one, and else begins at its weights. */
static s4d_status load_average(s4d_session *s, const char *folder, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_safetensors *file = NULL;
    if (!s->engine.average.data) return S4D_OK;
    s4d_status status = s4d_path_join(path, folder, "average.safetensors", err);
    if (status == S4D_OK && !s->averaged_before) {
        s4d_engine_begin_average(&s->engine);
        return S4D_OK;
    }
    if (status == S4D_OK) status = s4d_safetensors_open(path, &file, err);
    if (status == S4D_OK) status = load_block(&s->engine, path, file, "", s->engine.average, err);
    if (status == S4D_OK) status = check_file(s, path, s->engine.average, err);
    s4d_safetensors_close(&file);
    return status;
}

static s4d_status load_folder(s4d_session *s, const char *folder, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    const char *name = s4d_path_name(folder);
    int64_t named = strncmp(name, "step-", 5) == 0 ? strtoll(name + 5, NULL, 10) : -1;
    s->best = -1;
    s4d_status status = s4d_path_join(path, folder, "state.safetensors", err);
    if (status == S4D_OK) status = load_state(s, path, named, err);
    if (status == S4D_OK) status = s4d_path_join(path, folder, "model.safetensors", err);
    if (status == S4D_OK) status = s4d_checkpoint_load(&s->engine, path, err);
    if (status == S4D_OK) status = check_file(s, path, s->engine.params->w, err);
    if (status == S4D_OK) status = load_average(s, folder, err);
    return status;
}

/* From the newest back to the first that is whole. */
static s4d_status load_newest(s4d_session *s, const char *run, const s4d_strlist *list, s4d_err *err)
{
    char folder[S4D_PATH_MAX], path[S4D_PATH_MAX];
    s4d_err first = {0};
    s4d_status status = s4d_path_join(folder, run, "checkpoints", err);
    for (size_t i = list->count; i > 0 && status == S4D_OK; --i) {
        s4d_err why = {0};
        status = s4d_path_join(path, folder, list->item[i - 1], err);
        if (status != S4D_OK) break;
        status = load_folder(s, path, &why);
        if (status == S4D_OK) return S4D_OK;
        if (i == list->count) first = why;
        if (status != S4D_FAILED || i == 1) return s4d_err_set(err, first.status, "%s", first.text);
        s4d_log(S4D_LOG_WARN, "%s; going back to the checkpoint before", why.text);
        status = S4D_OK;
    }
    return status;
}

/* A run that goes on from elsewhere, or from an earlier checkpoint, must not meet later ones of another past here. */
static s4d_status check_place(const s4d_session *s, const char *run, const char *one, s4d_err *err)
{
    s4d_strlist list = {0};
    s4d_status status = s4d_checkpoint_list(s->o->output, &list, err);
    char *here = realpath(s->o->output, NULL); /* realpath's own */
    const char *newest = list.count ? list.item[list.count - 1] : NULL;
    bool same = here && strcmp(here, run) == 0;
    if (status == S4D_OK && newest && !(same && (!one || strcmp(one, newest) == 0)))
        status = s4d_err_set(err, S4D_USAGE, "%s: holds checkpoints of its own up to %s, which a run from %s would be mixed up with; "
                                             "give another --output", s->o->output, newest, s->o->resume_from);
    free(here);
    s4d_strlist_release(&list);
    return status;
}

static s4d_status resume_from(s4d_session *s, const char *from, s4d_err *err)
{
    char path[S4D_PATH_MAX], above[S4D_PATH_MAX];
    s4d_strlist list = {0};
    s4d_status status = s4d_path_join(path, from, "state.safetensors", err);
    bool one = status == S4D_OK && s4d_path_exists(path); /* a checkpoint itself: its run stands two folders above */
    if (one) s4d_path_dir(above, from);
    if (one)
        s4d_path_dir(s->resumed, above);
    else
        snprintf(s->resumed, sizeof s->resumed, "%s", from);
    if (status == S4D_OK && s->o->resume_from[0]) status = check_place(s, s->resumed, one ? s4d_path_name(from) : NULL, err);
    if (status == S4D_OK) status = check_run(s, s->resumed, err);
    if (status == S4D_OK && !one) status = s4d_checkpoint_list(from, &list, err);
    if (status == S4D_OK && !one && list.count == 0 && s->o->resume_from[0])
        status = s4d_err_set(err, S4D_FAILED, "%s: is neither a checkpoint nor a run folder that holds one; name another", from);
    if (status == S4D_OK && one) status = load_folder(s, from, err);
    if (status == S4D_OK && list.count) status = load_newest(s, from, &list, err);
    if (status == S4D_OK && (one || list.count)) s->saved = s->at.step;
    s4d_strlist_release(&list);
    return status;
}

s4d_status s4d_checkpoint_resume(s4d_session *s, s4d_err *err)
{
    const char *name = s->o->resume_from[0] ? s->o->resume_from : s->o->output;
    char *from = realpath(name, NULL); /* realpath's own */
    s4d_status status = S4D_OK;
    if (from && strlen(from) < S4D_PATH_MAX)
        status = resume_from(s, from, err);
    else if (s->o->resume_from[0])
        status = s4d_err_set(err, S4D_FAILED, "%s: is neither a checkpoint nor a run folder that holds one; name another", name);
    free(from);
    if (status != S4D_OK) return status;
    if (s->saved < 0)
        s4d_log(S4D_LOG_INFO, "%s holds no checkpoint; beginning anew", s->o->output);
    else
        s4d_log(S4D_LOG_INFO, "going on after step %lld", (long long)s->at.step);
    return S4D_OK;
}

/* ---- metadata ---- */

s4d_status s4d_checkpoint_text(const char *path, const char *key, s4d_str *out, s4d_err *err)
{
    s4d_safetensors *file = NULL;
    s4d_status status = s4d_safetensors_open(path, &file, err);
    const char *text = status == S4D_OK ? s4d_safetensors_metadata(file, key) : NULL;
    if (text) s4d_str_add(out, text);
    s4d_safetensors_close(&file);
    return out->failed ? s4d_err_memory(err, out->size, "a model's metadata") : status;
}
