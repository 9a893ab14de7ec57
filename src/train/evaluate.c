/* Evaluation of one set: every view through the model, softmax per view, mean over views (METHOD.md section 7). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/log.h"
#include "s4d/base/thread.h"
#include "train/session.h"

/* What is gathered view by view. */
typedef struct tally {
    double *prob;    /* [samples,C] in the order of the set's classes */
    bool *seen;      /* [samples] */
    int views;       /* of a sample */
    int map[S4D_MAX_CLASSES]; /* the set's class -> the model's output */
    double *logits;  /* [largest batch, outputs] */
} tally;

s4d_status s4d_evaluate_map(const s4d_manifest *m, const s4d_head_classes *head, const char *set, int map[S4D_MAX_CLASSES],
                            s4d_err *err)
{
    for (int c = 0; c < m->class_count; ++c) {
        map[c] = s4d_labels_find(head->name, head->count, m->classes[c]);
        if (map[c] < 0)
            return s4d_err_set(err, S4D_USAGE, "data.%s.classes: the model has no class \"%s\"; evaluate on the classes "
                                               "it was trained with", set, m->classes[c]);
    }
    if (m->class_count != head->count)
        return s4d_err_set(err, S4D_USAGE, "data.%s.classes: %d classes, but the model tells %d apart; name them all", set,
                           m->class_count, head->count);
    return S4D_OK;
}

/* A prediction that is no number is no prediction. */
static s4d_status check_finite(const tally *t, const s4d_manifest *m, const s4d_batch *batch, int classes, s4d_err *err)
{
    for (int i = 0; i < batch->count * classes; ++i)
        if (!isfinite(t->logits[i]))
            return s4d_err_set(err, S4D_DIVERGED, "%s: the model's output for it is not finite; its weights are ruined: use an "
                                                  "earlier checkpoint, or train again with a lower train.lr",
                               m->sample[batch->sample[i / classes]].id);
    return S4D_OK;
}

static void add_batch(tally *t, const s4d_batch *batch, int classes)
{
    for (int i = 0; i < batch->count; ++i) {
        double view[S4D_MAX_CLASSES], *prob = t->prob + (size_t)batch->sample[i] * (size_t)classes;
        s4d_metrics_mean_views(t->logits + (size_t)i * (size_t)classes, 1, classes, view);
        for (int c = 0; c < classes; ++c) prob[c] += view[t->map[c]] / t->views;
        t->seen[batch->sample[i]] = true;
    }
}

static s4d_status predict_all(s4d_engine *e, const s4d_loader_opts *opts, int classes, tally *t, s4d_err *err)
{
    s4d_loader *loader = NULL;
    s4d_status status = s4d_loader_create(opts, &loader, err);
    if (status == S4D_OK) status = s4d_loader_start(loader, 0, 0, err);
    while (status == S4D_OK) {
        const s4d_batch *batch = NULL;
        status = s4d_loader_next(loader, &batch, err);
        if (status != S4D_OK || !batch) break;
        if (!batch->count) continue;
        status = s4d_engine_predict(e, batch, t->logits, err);
        if (status == S4D_OK) status = check_finite(t, opts->set->manifest, batch, classes, err);
        if (status == S4D_OK) add_batch(t, batch, classes);
        s4d_status stop = s4d_interrupt_status();
        if (status == S4D_OK && stop != S4D_OK) status = s4d_err_set(err, stop, "interrupted during evaluation");
    }
    s4d_loader_destroy(&loader);
    return status;
}

static void add_class(s4d_str *out, const char *name)
{
    s4d_str_add(out, ",");
    s4d_str_csv_cell(out, name);
}

static s4d_status write_predictions(const char *folder, const s4d_manifest *m, const tally *t, s4d_err *err)
{
    s4d_str out = {0};
    char path[S4D_PATH_MAX];
    s4d_str_add(&out, "id,label,pred");
    for (int c = 0; c < m->class_count; ++c) add_class(&out, m->classes[c]);
    s4d_str_add(&out, "\n");
    for (size_t i = 0; i < m->count; ++i) {
        if (!t->seen[i]) continue;
        const double *prob = t->prob + i * (size_t)m->class_count;
        s4d_str_csv_path(&out, m->sample[i].id);
        add_class(&out, m->classes[m->sample[i].label]);
        add_class(&out, m->classes[s4d_metrics_argmax(prob, m->class_count)]);
        for (int c = 0; c < m->class_count; ++c) s4d_str_printf(&out, ",%.6g", prob[c]);
        s4d_str_add(&out, "\n");
    }
    s4d_status status = out.failed ? s4d_err_memory(err, out.size, "pred.csv") : S4D_OK;
    if (status == S4D_OK) status = s4d_path_join(path, folder, "pred.csv", err);
    if (status == S4D_OK) status = s4d_file_write(path, out.text, out.size, err);
    s4d_str_release(&out);
    return status;
}

/* Metrics over the samples that could be read. */
static s4d_status compute(const s4d_manifest *m, const tally *t, s4d_result *result, s4d_err *err)
{
    size_t C = (size_t)m->class_count;
    double *prob = s4d_mem_alloc(m->count * C, sizeof *prob);
    int32_t *label = s4d_mem_alloc(m->count, sizeof *label);
    s4d_status status = S4D_OK;
    int64_t n = 0;
    if (!prob || !label) {
        status = s4d_err_memory(err, m->count * C * sizeof *prob, "the predictions");
        goto done;
    }
    for (size_t i = 0; i < m->count; ++i) {
        if (!t->seen[i]) continue;
        memcpy(prob + (size_t)n * C, t->prob + i * C, C * sizeof *prob);
        label[n++] = m->sample[i].label;
    }
    s4d_metrics_compute(prob, label, n, m->class_count, &result->metrics);
    result->missing = (int64_t)m->count - n;
    if (n == 0)
        status = s4d_err_set(err, S4D_FAILED, "%s: not one sample of the %s list could be read; check data.%s.root",
                             result->set->name, result->split, s4d_modality_name(result->modality));
done:
    s4d_mem_free(prob);
    s4d_mem_free(label);
    return status;
}

static s4d_status write_results(const s4d_engine *e, const s4d_manifest *m, const tally *t, s4d_result *result,
                                s4d_err *err)
{
    char folder[S4D_PATH_MAX], name[128];
    snprintf(name, sizeof name, "%s%s", result->set->name, result->place);
    s4d_status status = s4d_path_join(folder, e->o->output, name, err);
    if (status == S4D_OK) status = s4d_dir_make(folder, err);
    if (status == S4D_OK) status = s4d_result_write(folder, result, err);
    if (status == S4D_OK) status = write_predictions(folder, m, t, err);
    return status;
}

s4d_status s4d_evaluate_set(s4d_engine *engine, s4d_modality modality, const s4d_manifest *manifest,
                            const s4d_head_classes *head, s4d_result *result, s4d_err *err)
{
    const s4d_run_opts *o = engine->o;
    const char *name = s4d_modality_name(modality);
    size_t n = manifest->count, C = (size_t)manifest->class_count;
    tally t = {.views = result->drawn ? 1 : s4d_eval_views(&o->eval, modality)};
    s4d_loader_set set = {.modality = modality, .manifest = manifest, .opts = s4d_run_set(o, modality)};
    s4d_loader_opts loader = {.mode = S4D_LOAD_TEST, .set = &set, .sets = 1, .data = &o->data,
                              .img_size = o->model.img_size, .patch_size = o->model.patch_size,
                              .num_frames = o->model.num_frames, .tubelet_size = o->model.tubelet_size,
                              .test_batch = o->eval.batch, .test_segments = o->eval.segments,
                              .test_crops = o->eval.crops, .keep_aspect = o->eval.keep_aspect, .by_view = s4d_eval_by_view(o),
                              .test_draw = result->drawn, .seed = (uint64_t)o->seed};
    if (result->drawn) loader.test_segments = loader.test_crops = 1;
    result->set = set.opts;
    result->modality = modality;
    result->classes = (const char(*)[S4D_CLASS_NAME_MAX])manifest->classes;
    result->views = &o->eval;
    result->device = s4d_backend_description(engine->be);
    s4d_status status = s4d_evaluate_map(manifest, head, name, t.map, err);
    if (status != S4D_OK) return status;
    t.prob = s4d_mem_alloc(n * C, sizeof *t.prob);
    t.seen = s4d_mem_alloc(n, sizeof *t.seen);
    t.logits = s4d_mem_alloc((size_t)o->eval.batch * (size_t)s4d_eval_views_together(o, modality) * C, sizeof *t.logits);
    if (!t.prob || !t.seen || !t.logits)
        status = s4d_err_memory(err, n * C * sizeof *t.prob, "the predictions");
    if (status == S4D_OK) status = predict_all(engine, &loader, (int)C, &t, err);
    if (status == S4D_OK) status = compute(manifest, &t, result, err);
    if (status == S4D_OK && result->place) status = write_results(engine, manifest, &t, result, err);
    if (status == S4D_OK && result->missing)
        s4d_log(S4D_LOG_WARN, "%s: %lld of %zu %s samples could not be read and do not count", result->set->name,
                (long long)result->missing, n, strcmp(result->split, "val") == 0 ? "validation" : result->split);
    s4d_mem_free(t.prob);
    s4d_mem_free(t.seen);
    s4d_mem_free(t.logits);
    return status;
}
