/* Lines of metrics.jsonl and the metrics.json of an evaluation: strict JSON, fractions, class names. */
#include "train/runlog.h"

#include <math.h>
#include <string.h>

#include "s4d/base/json.h"

static void put(s4d_json_writer *w, const char *key, double value)
{
    s4d_json_put_key(w, key);
    s4d_json_put_number(w, value);
}

static void put_integer(s4d_json_writer *w, const char *key, int64_t value)
{
    s4d_json_put_key(w, key);
    s4d_json_put_integer(w, value);
}

static void put_bool(s4d_json_writer *w, const char *key, bool value)
{
    s4d_json_put_key(w, key);
    s4d_json_put_bool(w, value);
}

static void put_text(s4d_json_writer *w, const char *key, const char *value)
{
    s4d_json_put_key(w, key);
    s4d_json_put_string(w, value);
}

/* Three digits behind the point are plenty for a time. */
static double rounded(double x)
{
    return round(x * 1000) / 1000;
}

static s4d_status append(s4d_appender *log, s4d_json_writer *w, s4d_err *err)
{
    s4d_status status = w->out.failed ? s4d_err_memory(err, w->out.size, "a log line")
                                      : s4d_appender_line(log, w->out.text, err);
    s4d_str_release(&w->out);
    return status;
}

s4d_status s4d_runlog_step(s4d_appender *log, const s4d_step_line *line, s4d_err *err)
{
    s4d_json_writer w = {0};
    s4d_json_open(&w, '{');
    put_integer(&w, "step", line->step);
    put_integer(&w, "epoch", line->epoch);
    put_text(&w, "modality", line->modality);
    put(&w, "loss", line->result->loss);
    put(&w, "lr", line->lr);
    put(&w, "grad_norm", line->grad_norm);
    if (line->experts) {
        put(&w, "balance", line->result->balance);
        s4d_json_put_key(&w, "expert_load");
        s4d_json_open(&w, '[');
        for (int i = 0; i < line->experts; ++i) s4d_json_put_integer(&w, line->result->load[i]);
        s4d_json_close(&w, ']');
        put_integer(&w, "dropped", line->result->dropped);
    }
    if (line->skipped) put_integer(&w, "skipped", line->skipped);
    put(&w, "data_ms", rounded(line->data_ms));
    put(&w, "compute_ms", rounded(line->compute_ms));
    put(&w, "samples_per_s", rounded((double)line->samples * 1000 / fmax(line->data_ms + line->compute_ms, 1e-3)));
    s4d_json_close(&w, '}');
    return append(log, &w, err);
}

s4d_status s4d_runlog_not_finite(s4d_appender *log, const char *what, const s4d_batch *batch, const s4d_manifest *manifest,
                                 int epoch, int64_t step, s4d_err *err)
{
    s4d_json_writer w = {0};
    s4d_json_open(&w, '{');
    put_text(&w, "event", "not_finite");
    put_integer(&w, "step", step + 1);
    put_integer(&w, "epoch", epoch);
    put_text(&w, "what", what);
    put_text(&w, "modality", s4d_modality_name(batch->modality));
    put_integer(&w, "batch", batch->index + 1);
    s4d_json_put_key(&w, "samples");
    s4d_json_open(&w, '[');
    for (int i = 0; i < batch->count; ++i) s4d_json_put_string(&w, manifest->sample[batch->sample[i]].id);
    s4d_json_close(&w, ']');
    s4d_json_close(&w, '}');
    return append(log, &w, err);
}

const char *s4d_split_words(const char *split)
{
    return strcmp(split, "val") == 0 ? "validation" : strcmp(split, "held_out") == 0 ? "held-out samples" : "test";
}

s4d_status s4d_runlog_cut(const char *path, int64_t lines, int64_t *found, s4d_err *err)
{
    s4d_bytes all = {0};
    size_t end = 0;
    *found = 0;
    s4d_status status = s4d_path_exists(path) ? s4d_file_read(path, 0, &all, err) : S4D_OK;
    for (; status == S4D_OK && *found < lines; ++*found) {
        const unsigned char *feed = all.data ? memchr(all.data + end, '\n', all.size - end) : NULL;
        if (!feed) break;
        end = (size_t)(feed - all.data) + 1;
    }
    if (status == S4D_OK && end < all.size) status = s4d_file_write(path, all.data, end, err);
    s4d_bytes_release(&all);
    return status;
}

s4d_status s4d_runlog_lost(s4d_appender *log, int64_t lines, int64_t step, s4d_err *err)
{
    s4d_json_writer w = {0};
    s4d_json_open(&w, '{');
    put_text(&w, "event", "lines_lost");
    put_integer(&w, "step", step);
    put_integer(&w, "lines", lines);
    s4d_json_close(&w, '}');
    return append(log, &w, err);
}

s4d_status s4d_runlog_result(s4d_appender *log, const s4d_result *r, int epoch, int64_t step, s4d_err *err)
{
    s4d_json_writer w = {0};
    s4d_json_open(&w, '{');
    put_text(&w, "event", "evaluation");
    put_integer(&w, "step", step);
    put_integer(&w, "epoch", epoch);
    put_text(&w, "set", r->set->name);
    put_text(&w, "modality", s4d_modality_name(r->modality));
    put_text(&w, "split", r->split);
    put(&w, "uar", r->metrics.uar);
    put(&w, "war", r->metrics.war);
    put_integer(&w, "samples", r->metrics.samples);
    put_integer(&w, "missing", r->missing);
    s4d_json_close(&w, '}');
    return append(log, &w, err);
}

static void put_classes(s4d_json_writer *w, const s4d_result *r)
{
    const s4d_metrics *m = &r->metrics;
    s4d_json_put_key(w, "classes");
    s4d_json_open(w, '[');
    for (int c = 0; c < m->classes; ++c) s4d_json_put_string(w, r->classes[c]);
    s4d_json_close(w, ']');
    s4d_json_put_key(w, "recall");
    s4d_json_open(w, '{');
    for (int c = 0; c < m->classes; ++c)
        if (m->support[c]) put(w, r->classes[c], m->recall[c]);
    s4d_json_close(w, '}');
    s4d_json_put_key(w, "support");
    s4d_json_open(w, '{');
    for (int c = 0; c < m->classes; ++c) put_integer(w, r->classes[c], m->support[c]);
    s4d_json_close(w, '}');
    s4d_json_put_key(w, "absent_classes"); /* left out of the means */
    s4d_json_open(w, '[');
    for (int c = 0; c < m->classes; ++c)
        if (!m->support[c]) s4d_json_put_string(w, r->classes[c]);
    s4d_json_close(w, ']');
    s4d_json_put_key(w, "confusion"); /* rows are truth */
    s4d_json_open(w, '[');
    for (int t = 0; t < m->classes; ++t) {
        s4d_json_open(w, '[');
        for (int c = 0; c < m->classes; ++c) s4d_json_put_integer(w, m->confusion[t][c]);
        s4d_json_close(w, ']');
    }
    s4d_json_close(w, ']');
}

static const s4d_json *member(const s4d_json *node, const char *a, const char *b)
{
    node = node ? s4d_json_find(node, a) : NULL;
    return node && b ? s4d_json_find(node, b) : node;
}

/* What training did about classes of unequal size, by the config that the model was trained with. */
static void put_imbalance(s4d_json_writer *w, const s4d_result *r)
{
    s4d_json *doc = NULL;
    if (!r->trained || s4d_json_parse(r->trained, strlen(r->trained), "config", &doc, NULL) != S4D_OK) return;
    const s4d_json *item[3] = {member(member(doc, "data", s4d_modality_name(r->modality)), "balanced", NULL),
                               member(doc, "train", "class_weights"), member(doc, "train", "logit_adjustment")};
    static const char *const key[3] = {"balanced", "class_weights", "logit_adjustment"};
    s4d_json_put_key(w, "imbalance");
    s4d_json_open(w, '{');
    for (int i = 0; i < 3; ++i) {
        if (!item[i]) continue;
        s4d_json_put_key(w, key[i]);
        s4d_json_put_node(w, item[i]);
    }
    s4d_json_close(w, '}');
    s4d_json_destroy(&doc);
}

static void put_leakage(s4d_json_writer *w, const s4d_result *r)
{
    s4d_json *doc = NULL;
    if (!r->leakage || s4d_json_parse(r->leakage, strlen(r->leakage), "lists", &doc, NULL) != S4D_OK) return;
    s4d_json_put_key(w, "lists");
    s4d_json_put_node(w, doc);
    s4d_json_destroy(&doc);
}

s4d_status s4d_result_write(const char *folder, const s4d_result *r, s4d_err *err)
{
    s4d_json_writer w = {.indent = 2};
    const s4d_metrics *m = &r->metrics;
    s4d_json_open(&w, '{');
    put_text(&w, "set", r->set->name);
    put_text(&w, "modality", s4d_modality_name(r->modality));
    put_text(&w, "split", r->split);
    put_text(&w, "checkpoint", r->checkpoint);
    put_text(&w, "device", r->device);
    if (r->selection) put_text(&w, "selection", r->selection);
    bool views = r->modality == S4D_VIDEO && !r->drawn;
    put_integer(&w, "segments", views ? r->views->segments : 1);
    put_integer(&w, "crops", views ? r->views->crops : 1);
    if (views) put_bool(&w, "keep_aspect", r->views->keep_aspect);
    put_leakage(&w, r);
    put_imbalance(&w, r);
    put_integer(&w, "samples", m->samples);
    put_integer(&w, "missing", r->missing);
    put(&w, "uar", m->uar);
    put(&w, "war", m->war);
    put(&w, "macro_f1", m->macro_f1);
    put(&w, "weighted_f1", m->weighted_f1);
    put(&w, "micro_f1", m->micro_f1);
    put(&w, "top5", m->top5);
    put_classes(&w, r);
    s4d_json_close(&w, '}');
    s4d_str_add(&w.out, "\n");
    char path[S4D_PATH_MAX];
    s4d_status status = w.out.failed ? s4d_err_memory(err, w.out.size, "metrics.json") : S4D_OK;
    if (status == S4D_OK) status = s4d_path_join(path, folder, "metrics.json", err);
    if (status == S4D_OK) status = s4d_file_write(path, w.out.text, w.out.size, err);
    s4d_str_release(&w.out);
    return status;
}
