/* `eval`: a checkpoint on the test lists, or the validation lists, one folder of results for each set. */
#include <stdio.h>
#include <string.h>

#include "s4d/base/json.h"
#include "s4d/base/log.h"
#include "s4d/train/run.h"
#include "train/session.h"
#include "train/settings.h"

static s4d_status read_tests(const s4d_run_opts *o, const s4d_head_classes head[2], s4d_manifest test[2], s4d_err *err)
{
    bool val = o->eval.split == S4D_EVAL_VAL;
    const char *split = val ? "val" : "test";
    s4d_status status = S4D_OK;
    for (int i = 0; i < 2 && status == S4D_OK; ++i) {
        const s4d_set_opts *set = s4d_run_set(o, (s4d_modality)i);
        const char *name = s4d_modality_name((s4d_modality)i);
        if (val || set->test[0])
            status = s4d_manifest_read(set, val ? S4D_LIST_VAL : S4D_LIST_TEST, o->data.on_bad_sample, &test[i], err);
        if (status != S4D_OK || !test[i].count) continue;
        if (!set->class_count)
            return s4d_err_set(err, S4D_USAGE, "data.%s.classes: evaluation needs the class names; list them in index order", name);
        if (!head[i].count)
            return s4d_err_set(err, S4D_USAGE, "data.%s.%s: %s has no head for that modality; remove the set or "
                                               "evaluate another model", name, split, o->checkpoint);
        int map[S4D_MAX_CLASSES];
        status = s4d_evaluate_map(&test[i], &head[i], name, map, err);
    }
    if (status == S4D_OK && !test[0].count && !test[1].count)
        status = s4d_err_set(err, S4D_USAGE, "data.image.%s, data.video.%s: evaluation needs at least one %s list", split, split,
                             val ? "validation" : "test");
    return status;
}

static s4d_status open_model(const s4d_run_opts *o, const s4d_head_classes head[2], const s4d_manifest test[2],
                             s4d_engine *e, s4d_err *err)
{
    int classes[2] = {head[0].count, head[1].count};
    s4d_engine_load load = {0};
    for (int i = 0; i < 2; ++i)
        if (test[i].count) load.predict[i] = o->eval.batch * s4d_eval_views_together(o, (s4d_modality)i);
    s4d_status status = s4d_engine_create(o, classes, e, err);
    if (status == S4D_OK) status = s4d_engine_alloc(e, &load, err);
    if (status == S4D_OK) status = s4d_checkpoint_load(e, o->checkpoint, err);
    return status;
}

static void keep_result(const s4d_result *r, s4d_set_result *out)
{
    *out = (s4d_set_result){.modality = r->modality, .split = r->split, .missing = r->missing, .metrics = r->metrics};
    memcpy(out->set, r->set->name, sizeof out->set);
    memcpy(out->classes, r->classes, (size_t)r->metrics.classes * sizeof *out->classes);
}

/* What the model's file says of this very list; nothing is added where it was another one in training. */
static void find_leakage(const char *lists, const s4d_manifest *m, s4d_str *out)
{
    char print[24];
    s4d_json *doc = NULL;
    snprintf(print, sizeof print, "%016llx", (unsigned long long)s4d_manifest_fingerprint(m));
    if (!lists || s4d_json_parse(lists, strlen(lists), "lists", &doc, NULL) != S4D_OK) return;
    for (const s4d_json *l = s4d_json_kind_of(doc) == S4D_JSON_ARRAY ? s4d_json_at(doc, 0) : NULL; l; l = s4d_json_next(l)) {
        const s4d_json *list = s4d_json_kind_of(l) == S4D_JSON_OBJECT ? s4d_json_find(l, "list") : NULL;
        s4d_json_writer w = {0};
        if (!list || s4d_json_kind_of(list) != S4D_JSON_STRING || strcmp(s4d_json_string(list), print) != 0) continue;
        s4d_json_put_node(&w, l);
        s4d_str_add(out, w.out.text ? w.out.text : "");
        s4d_str_release(&w.out);
        break;
    }
    s4d_json_destroy(&doc);
}

static s4d_status evaluate_sets(s4d_engine *e, const s4d_head_classes head[2], const s4d_manifest test[2],
                                s4d_set_result out[2], int *outs, s4d_err *err)
{
    s4d_appender *log = NULL;
    s4d_log(S4D_LOG_INFO, "evaluation: %lld parameters, on %s", (long long)s4d_params_elements(e->params),
            s4d_backend_description(e->be));
    s4d_str trained = {0}, selection = {0}, lists = {0};
    char path[S4D_PATH_MAX];
    s4d_status status = s4d_checkpoint_text(e->o->checkpoint, "config", &trained, err);
    if (status == S4D_OK) status = s4d_checkpoint_text(e->o->checkpoint, "s4d.selection", &selection, err);
    if (status == S4D_OK) status = s4d_checkpoint_text(e->o->checkpoint, "s4d.lists", &lists, err);
    if (status == S4D_OK) status = s4d_path_join(path, e->o->output, "metrics.jsonl", err);
    if (status == S4D_OK) status = s4d_appender_create(path, &log, err);
    for (int i = 0; i < 2 && status == S4D_OK; ++i) {
        if (!test[i].count) continue;
        bool val = e->o->eval.split == S4D_EVAL_VAL;
        s4d_str leakage = {0};
        find_leakage(lists.text, &test[i], &leakage);
        s4d_result result = {.checkpoint = e->o->checkpoint, .trained = trained.text, .selection = selection.text,
                             .leakage = leakage.text, .split = val ? "val" : "test", .place = val ? S4D_PLACE_VAL : ""};
        status = s4d_evaluate_set(e, (s4d_modality)i, &test[i], &head[i], &result, err);
        s4d_str_release(&leakage);
        if (status == S4D_OK) status = s4d_runlog_result(log, &result, 0, 0, err);
        if (status == S4D_OK) keep_result(&result, &out[(*outs)++]);
    }
    s4d_appender_destroy(&log);
    s4d_str_release(&trained);
    s4d_str_release(&selection);
    s4d_str_release(&lists);
    return status;
}

/* What the shapes of weights do not show, and the fold. */
static s4d_status check_settings(const s4d_run_opts *o, s4d_err *err)
{
    s4d_str format = {0}, config = {0};
    s4d_status status = s4d_checkpoint_text(o->checkpoint, "format", &format, err);
    if (status == S4D_OK) status = s4d_checkpoint_text(o->checkpoint, "config", &config, err);
    if (status == S4D_OK && format.text && strcmp(format.text, "s4d") == 0 && config.text)
        status = s4d_settings_same_model(config.text, o->resolved, true, o->checkpoint, err);
    s4d_str_release(&format);
    s4d_str_release(&config);
    return status;
}

/* All that is known before a folder is made. */
static s4d_status prepare(const s4d_run_opts *o, s4d_lock **lock, s4d_head_classes head[2], s4d_manifest test[2], s4d_err *err)
{
    s4d_status status = S4D_OK;
    if (!o->checkpoint[0])
        status = s4d_err_set(err, S4D_USAGE, "checkpoint: no model is named; set \"checkpoint\" or give --checkpoint FILE");
    if (status == S4D_OK) status = s4d_folder_take(o, false, lock, err);
    if (status == S4D_OK) status = s4d_checkpoint_heads(o->checkpoint, head, err);
    if (status == S4D_OK) status = check_settings(o, err);
    if (status == S4D_OK) status = read_tests(o, head, test, err);
    return status;
}

s4d_status s4d_evaluate_check(const s4d_run_opts *o, s4d_err *err)
{
    s4d_head_classes head[2];
    s4d_manifest test[2] = {0};
    s4d_lock *lock = NULL;
    s4d_status status = prepare(o, &lock, head, test, err);
    s4d_lock_release(&lock);
    for (int i = 0; i < 2; ++i) s4d_manifest_release(&test[i]);
    return status;
}

s4d_status s4d_evaluate(const s4d_run_opts *o, s4d_set_result result[2], int *results, s4d_err *err)
{
    s4d_head_classes head[2];
    s4d_manifest test[2] = {0};
    s4d_engine e = {0};
    s4d_lock *lock = NULL;
    *results = 0;
    s4d_status status = prepare(o, &lock, head, test, err);
    if (status == S4D_OK) status = open_model(o, head, test, &e, err);
    if (status == S4D_OK) status = s4d_folder_create(o, &lock, err);
    if (status == S4D_OK) status = evaluate_sets(&e, head, test, result, results, err);
    s4d_engine_release(&e);
    s4d_lock_release(&lock);
    for (int i = 0; i < 2; ++i) s4d_manifest_release(&test[i]);
    return status;
}
