/* One evaluation: metrics.json, held against the predictions it was computed from. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/results.h"
#include "s4d/base/mem.h"

/* Both files print a share so that it reads back the same; sums may differ in their last bits. */
static const double SHARE_TOLERANCE = 1e-9;
enum { CLASSES_MAX = 64 }; /* of a config too; what is compared class by class takes the cube of it */

s4d_shares s4d_shares_of(const int64_t *support, const int64_t *hit, size_t classes)
{
    s4d_shares out = {0, 0};
    int64_t samples = 0, hits = 0, present = 0;
    for (size_t c = 0; c < classes; ++c) {
        if (!support[c]) continue;
        ++present;
        samples += support[c];
        hits += hit[c];
        out.uar += (double)hit[c] / (double)support[c];
    }
    S4D_BUG_IF(samples == 0);
    out.uar /= (double)present;
    out.war = (double)hits / (double)samples;
    return out;
}

void s4d_outcome_release(s4d_outcome *o)
{
    s4d_mem_free(o->set);
    s4d_mem_free(o->protocol);
    s4d_strlist_release(&o->classes);
    s4d_mem_free(o->label);
    s4d_mem_free(o->pred);
    s4d_mem_free(o->support);
    s4d_mem_free(o->hit);
    s4d_mem_free(o->resampled);
    *o = (s4d_outcome){0};
}

static s4d_status read_classes(s4d_doc *d, s4d_outcome *o, s4d_err *err)
{
    const s4d_json *list = s4d_doc_node(d, "classes", S4D_JSON_ARRAY);
    for (const s4d_json *e = list ? s4d_json_at(list, 0) : NULL; e; e = s4d_json_next(e)) {
        const char *name = s4d_json_kind_of(e) == S4D_JSON_STRING ? s4d_json_string(e) : "";
        if (o->classes.count == CLASSES_MAX)
            return s4d_err_set(err, S4D_FAILED, "%s: classes: more than %d are named; evaluate again", d->path, CLASSES_MAX);
        if (!*name || s4d_strlist_find(&o->classes, name) >= 0)
            return s4d_err_set(err, S4D_FAILED, "%s: classes: expected class names, each once; evaluate again", d->path);
        if (!s4d_strlist_add(&o->classes, name)) return s4d_err_memory(err, strlen(name), "class names");
    }
    if (d->status == S4D_OK && !o->classes.count)
        return s4d_err_set(err, S4D_FAILED, "%s: classes: not one is named; evaluate again", d->path);
    return d->status;
}

const char *s4d_outcome_split(const s4d_outcome *o)
{
    return o->val ? "validation" : "test";
}

static s4d_status read_metrics(s4d_doc *d, const char *place, s4d_outcome *o, s4d_err *err)
{
    char expected[128];
    const char *name = s4d_doc_text(d, "set"), *modality = s4d_doc_text(d, "modality"), *split = s4d_doc_text(d, "split");
    o->missing = s4d_doc_count(d, "missing");
    o->shares = (s4d_shares){s4d_doc_number(d, "uar"), s4d_doc_number(d, "war")};
    if (d->status != S4D_OK) return d->status;
    o->val = strcmp(split, "val") == 0;
    o->last = s4d_str_ends(place, ".last");
    if (!o->val && strcmp(split, "test") != 0)
        return s4d_err_set(err, S4D_FAILED, "%s: split: expected \"test\" or \"val\", got \"%.60s\"; evaluate again", d->path, split);
    snprintf(expected, sizeof expected, "%.100s%s", name, o->val ? ".val" : o->last ? ".last" : "");
    if (strcmp(expected, place) != 0)
        return s4d_err_set(err, S4D_FAILED, "%s: these are %s results of set \"%.60s\"; give the folder the name %s back", d->path,
                           s4d_outcome_split(o), name, expected);
    o->image = strcmp(modality, "image") == 0;
    if (!o->image && strcmp(modality, "video") != 0)
        return s4d_err_set(err, S4D_FAILED, "%s: modality: expected \"image\" or \"video\", got \"%.60s\"; evaluate again",
                           d->path, modality);
    o->set = s4d_mem_strdup(name);
    return o->set ? read_classes(d, o, err) : s4d_err_memory(err, strlen(name) + 1, "a set's name");
}

static s4d_status count(s4d_outcome *o, s4d_err *err)
{
    o->support = s4d_mem_alloc(o->classes.count, sizeof *o->support);
    o->hit = s4d_mem_alloc(o->classes.count, sizeof *o->hit);
    if (!o->support || !o->hit) return s4d_err_memory(err, o->classes.count * sizeof *o->hit, "recalls");
    for (size_t i = 0; i < o->samples; ++i) {
        ++o->support[o->label[i]];
        o->hit[o->label[i]] += o->label[i] == o->pred[i];
    }
    return S4D_OK;
}

static s4d_status disagree(const char *folder, const char *key, double there, double here, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "%s/pred.csv: its predictions give %s %.10g, but metrics.json says %.10g; the two are "
                                        "not of one evaluation: evaluate again", folder, key, here, there);
}

/* The number in row t and column c of the confusion, -1 where there is none. */
static double confusion_at(const s4d_json *rows, size_t t, size_t c)
{
    const s4d_json *row = s4d_json_at(rows, t), *node = row ? s4d_json_at(row, c) : NULL;
    return node && s4d_json_kind_of(node) == S4D_JSON_NUMBER ? s4d_json_number(node) : -1;
}

/* counted: [C,C], rows are truth. */
static s4d_status compare_confusion(s4d_doc *d, const char *folder, const s4d_outcome *o, const int64_t *counted, s4d_err *err)
{
    size_t classes = o->classes.count;
    const s4d_json *rows = s4d_doc_node(d, "confusion", S4D_JSON_ARRAY);
    if (!rows) return d->status;
    bool square = s4d_json_count(rows) == classes;
    for (size_t t = 0; t < classes && square; ++t) square = s4d_json_count(s4d_json_at(rows, t)) == classes;
    if (!square)
        return s4d_err_set(err, S4D_FAILED, "%s: confusion: expected %zu rows of %zu numbers, one for each class; evaluate again",
                           d->path, classes, classes);
    for (size_t i = 0; i < classes * classes; ++i) {
        double there = confusion_at(rows, i / classes, i % classes);
        if (there == (double)counted[i]) continue;
        char key[160];
        snprintf(key, sizeof key, "confusion of %.60s with %.60s", o->classes.item[i / classes], o->classes.item[i % classes]);
        return disagree(folder, key, there, (double)counted[i], err);
    }
    return S4D_OK;
}

static s4d_status compare_recall(s4d_doc *d, const char *folder, const s4d_outcome *o, s4d_err *err)
{
    const s4d_json *recall = s4d_doc_node(d, "recall", S4D_JSON_OBJECT);
    for (size_t c = 0; recall && c < o->classes.count; ++c) {
        if (!o->support[c]) continue;
        const s4d_json *node = s4d_json_find(recall, o->classes.item[c]);
        double there = node && s4d_json_kind_of(node) == S4D_JSON_NUMBER ? s4d_json_number(node) : -1;
        double here = (double)o->hit[c] / (double)o->support[c];
        if (fabs(here - there) <= SHARE_TOLERANCE) continue;
        char key[96];
        snprintf(key, sizeof key, "recall of %.60s", o->classes.item[c]);
        return disagree(folder, key, there, here, err);
    }
    return d->status;
}

/* F1: its mean over the classes in truth or predictions, and weighted by support. Micro F1 is WAR, as a sample has one label. */
static s4d_status compare_f1(s4d_doc *d, const char *folder, const s4d_outcome *o, const int64_t *counted, s4d_err *err)
{
    static const char *const key[3] = {"macro_f1", "weighted_f1", "micro_f1"};
    size_t classes = o->classes.count, judged = 0;
    double here[3] = {0, 0, o->shares.war};
    for (size_t c = 0; c < classes; ++c) {
        int64_t predicted = 0;
        for (size_t t = 0; t < classes; ++t) predicted += counted[t * classes + c];
        judged += o->support[c] || predicted;
        if (!o->support[c]) continue;
        double f1 = 2.0 * (double)o->hit[c] / (double)(o->support[c] + predicted);
        here[0] += f1;
        here[1] += f1 * (double)o->support[c] / (double)o->samples;
    }
    here[0] /= (double)judged;
    for (int i = 0; i < 3; ++i) {
        double there = s4d_doc_number(d, key[i]);
        if (d->status != S4D_OK) return d->status;
        if (!(fabs(here[i] - there) <= SHARE_TOLERANCE)) return disagree(folder, key[i], there, here[i], err);
    }
    return S4D_OK;
}

static s4d_status compare_by_class(s4d_doc *d, const char *folder, const s4d_outcome *o, s4d_err *err)
{
    size_t classes = o->classes.count;
    int64_t *counted = s4d_mem_alloc(classes * classes, sizeof *counted);
    if (!counted) return s4d_err_memory(err, classes * classes * sizeof *counted, "a confusion");
    for (size_t i = 0; i < o->samples; ++i) ++counted[(size_t)o->label[i] * classes + (size_t)o->pred[i]];
    s4d_status status = compare_confusion(d, folder, o, counted, err);
    if (status == S4D_OK) status = compare_recall(d, folder, o, err);
    if (status == S4D_OK) status = compare_f1(d, folder, o, counted, err);
    s4d_mem_free(counted);
    return status;
}

/* Everything that is shown is computed from pred.csv; metrics.json must say the same. */
static s4d_status compare(s4d_doc *d, const char *folder, s4d_outcome *o, s4d_err *err)
{
    s4d_shares here = s4d_shares_of(o->support, o->hit, o->classes.count);
    int64_t samples = s4d_doc_count(d, "samples");
    const s4d_json *support = s4d_doc_node(d, "support", S4D_JSON_OBJECT);
    if (d->status != S4D_OK) return d->status;
    if (samples != (int64_t)o->samples) return disagree(folder, "samples", (double)samples, (double)o->samples, err);
    for (size_t c = 0; c < o->classes.count; ++c) {
        const s4d_json *node = s4d_json_find(support, o->classes.item[c]);
        double there = node && s4d_json_kind_of(node) == S4D_JSON_NUMBER ? s4d_json_number(node) : -1;
        if (there == (double)o->support[c]) continue;
        char key[96];
        snprintf(key, sizeof key, "samples of %.60s", o->classes.item[c]);
        return disagree(folder, key, there, (double)o->support[c], err);
    }
    if (!(fabs(here.war - o->shares.war) <= SHARE_TOLERANCE)) return disagree(folder, "war", o->shares.war, here.war, err);
    if (!(fabs(here.uar - o->shares.uar) <= SHARE_TOLERANCE)) return disagree(folder, "uar", o->shares.uar, here.uar, err);
    o->shares = here;
    return compare_by_class(d, folder, o, err);
}

s4d_status s4d_outcome_read(const char *folder, const char *place, s4d_outcome *out, s4d_doc *metrics, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_outcome o = {0};
    *metrics = (s4d_doc){0};
    s4d_status status = s4d_path_join(path, folder, place, err);
    if (status == S4D_OK) status = s4d_doc_open(metrics, path, "metrics.json", err);
    if (status == S4D_OK) status = read_metrics(metrics, place, &o, err);
    if (status == S4D_OK) status = s4d_pred_read(path, &o, err);
    if (status == S4D_OK) status = count(&o, err);
    if (status == S4D_OK) status = compare(metrics, path, &o, err);
    if (status != S4D_OK) s4d_outcome_release(&o);
    *out = o;
    return status;
}
