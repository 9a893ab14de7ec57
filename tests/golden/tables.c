/* Exact tables: clip indices, learning rates, metrics. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/data/clip.h"
#include "s4d/train/metrics.h"
#include "s4d/train/optim.h"

static s4d_json *open_json(golden *g, const char *name)
{
    char path[S4D_PATH_MAX];
    s4d_bytes text = {0};
    s4d_json *doc = NULL;
    s4d_err err = {0};
    snprintf(path, sizeof path, "%s/%s", g->dir, name);
    if (!s4d_path_exists(path)) {
        golden_skip(g, name, "not in this folder");
        return NULL;
    }
    if (s4d_file_read(path, 0, &text, &err) != S4D_OK ||
        s4d_json_parse((const char *)text.data, text.size, path, &doc, &err) != S4D_OK)
        golden_die("%s", err.text);
    s4d_bytes_release(&text);
    return doc;
}

static const s4d_json *member(const s4d_json *node, const char *key)
{
    const s4d_json *found = s4d_json_find(node, key);
    if (!found) golden_die("\"%s\" is missing", key);
    return found;
}

static double number(const s4d_json *node, const char *key)
{
    return s4d_json_number(member(node, key));
}

static int whole(const s4d_json *node, const char *key)
{
    return (int)number(node, key);
}

static int wrong_indices(const int *got, const s4d_json *want)
{
    int wrong = 0;
    for (size_t i = 0; i < s4d_json_count(want); ++i) wrong += got[i] != (int)s4d_json_number(s4d_json_at(want, i));
    return wrong;
}

enum { CLIP_MAX = 256 };

/* One golden clip: the number that fixes it, and the wrong ones of its frames. */
static int wrong_frames(const s4d_json *c, const char *fixed_by, void (*compute)(int, int, int, int, int *))
{
    int index[CLIP_MAX], clip = whole(c, "clip");
    const s4d_json *fixed = member(c, fixed_by), *want = member(c, "index");
    if (clip > CLIP_MAX || s4d_json_count(want) != (size_t)clip) golden_die("sampling: a clip of odd length");
    compute(whole(c, "frames"), whole(c, "rate"), clip,
            s4d_json_kind_of(fixed) == S4D_JSON_NUMBER ? (int)s4d_json_number(fixed) : 0, index);
    return wrong_indices(index, want);
}

static void check_clips(golden *g, const s4d_json *doc, const char *part, const char *fixed_by,
                        void (*compute)(int, int, int, int, int *))
{
    char line[64];
    int wrong = 0;
    const s4d_json *list = member(doc, part);
    for (size_t i = 0; i < s4d_json_count(list); ++i) wrong += wrong_frames(s4d_json_at(list, i), fixed_by, compute);
    if (!s4d_json_count(list)) golden_die("%s: holds no clip", part);
    snprintf(line, sizeof line, "%s (%zu clips)", part, s4d_json_count(list));
    golden_line(g, line, wrong, 0);
}

void golden_sampling(golden *g)
{
    g->part = "sampling";
    s4d_json *doc = open_json(g, "images/sampling.json");
    if (!doc) return;
    check_clips(g, doc, "train_clip", "end", s4d_clip_train_index);
    check_clips(g, doc, "pretrain_clip", "start", s4d_clip_stride_index);
    int index[CLIP_MAX], wrong = 0;
    const s4d_json *test = member(doc, "test_clip");
    for (size_t i = 0; i < s4d_json_count(test); ++i) {
        const s4d_json *c = s4d_json_at(test, i), *views = member(c, "index");
        int clip = whole(c, "clip"), segments = whole(c, "segments");
        if (clip > CLIP_MAX || s4d_json_count(views) != (size_t)segments) golden_die("test_clip: views are missing");
        for (int v = 0; v < segments; ++v) {
            s4d_clip_test_index(whole(c, "frames"), whole(c, "rate"), clip, segments, v, index);
            wrong += wrong_indices(index, s4d_json_at(views, (size_t)v));
        }
    }
    char line[64];
    snprintf(line, sizeof line, "test_clip (%zu clips)", s4d_json_count(test));
    golden_line(g, line, wrong, 0);
    s4d_json_destroy(&doc);
}

static void check_rates(golden *g, const char *name, const s4d_schedule *schedule, const s4d_json *want)
{
    int wrong = s4d_json_count(want) == (size_t)schedule->steps ? 0 : 1;
    for (size_t i = 0; i < s4d_json_count(want); ++i)
        wrong += s4d_schedule_rate(schedule, (int64_t)i) != s4d_json_number(s4d_json_at(want, i));
    golden_line(g, name, wrong, 0);
}

void golden_schedules(golden *g)
{
    g->part = "schedule";
    s4d_json *doc = open_json(g, "images/sampling.json");
    if (!doc) return;
    const s4d_json *both = member(doc, "schedule"), *p = member(both, "pretrain"), *f = member(both, "finetune");
    s4d_schedule pretrain = {.stage = S4D_PRETRAIN, .steps = whole(p, "steps"), .start = number(p, "start"),
                             .warmup_fraction = number(p, "warmup_fraction"), .peak = number(p, "peak")};
    check_rates(g, "pretrain (rates that differ)", &pretrain, member(p, "lr"));
    int per_epoch = whole(f, "steps_per_epoch");
    s4d_schedule finetune = {.stage = S4D_FINETUNE, .steps = (int64_t)per_epoch * whole(f, "epochs"),
                             .warmup_steps = (int64_t)per_epoch * whole(f, "warmup_epochs"),
                             .peak = number(f, "peak"), .min = number(f, "min")};
    check_rates(g, "finetune (rates that differ)", &finetune, member(f, "lr"));
    s4d_json_destroy(&doc);
}

/* Predictions from the stored logits; prob [samples,C]. */
static double *mean_views(const s4d_json *doc, size_t n, int views, int C)
{
    const s4d_json *logits = member(doc, "logits");
    double *z = s4d_mem_alloc((size_t)(views * C), sizeof *z), *prob = s4d_mem_alloc(n * (size_t)C, sizeof *prob);
    if (!z || !prob) golden_die("no memory");
    for (size_t i = 0; i < n; ++i) {
        for (int v = 0; v < views; ++v)
            for (int c = 0; c < C; ++c)
                z[v * C + c] = s4d_json_number(
                    s4d_json_at(s4d_json_at(s4d_json_at(logits, i), (size_t)v), (size_t)c));
        s4d_metrics_mean_views(z, views, C, prob + i * (size_t)C);
    }
    s4d_mem_free(z);
    return prob;
}

void golden_metrics(golden *g)
{
    g->part = "metrics";
    s4d_json *doc = open_json(g, "images/metrics.json");
    if (!doc) return;
    int C = whole(doc, "classes"), views = whole(doc, "views"), wrong = 0;
    const s4d_json *labels = member(doc, "labels"), *predictions = member(doc, "predictions");
    size_t n = s4d_json_count(labels);
    int32_t *label = s4d_mem_alloc(n, sizeof *label);
    double *prob = mean_views(doc, n, views, C), recall = 0;
    if (!label || C > S4D_MAX_CLASSES) golden_die("metrics: cannot be held");
    for (size_t i = 0; i < n; ++i) {
        label[i] = (int32_t)s4d_json_number(s4d_json_at(labels, i));
        wrong += s4d_metrics_argmax(prob + i * (size_t)C, C) != (int)s4d_json_number(s4d_json_at(predictions, i));
    }
    golden_line(g, "predictions", wrong, 0);
    s4d_metrics m;
    s4d_metrics_compute(prob, label, (int64_t)n, C, &m);
    wrong = 0;
    for (int t = 0; t < C; ++t) {
        recall = fmax(recall, fabs(m.recall[t] - s4d_json_number(s4d_json_at(member(doc, "recall"), (size_t)t))));
        for (int c = 0; c < C; ++c)
            wrong += (double)m.confusion[t][c] !=
                     s4d_json_number(s4d_json_at(s4d_json_at(member(doc, "confusion"), (size_t)t), (size_t)c));
    }
    golden_line(g, "confusion", wrong, 0);
    golden_line(g, "recall", recall, 1e-15);
    golden_line(g, "uar", fabs(m.uar - number(doc, "uar")), 1e-15);
    golden_line(g, "war", fabs(m.war - number(doc, "war")), 0);
    golden_line(g, "macro_f1", fabs(m.macro_f1 - number(doc, "macro_f1")), 1e-12);
    golden_line(g, "weighted_f1", fabs(m.weighted_f1 - number(doc, "weighted_f1")), 1e-12);
    golden_line(g, "micro_f1", fabs(m.micro_f1 - number(doc, "micro_f1")), 0);
    golden_line(g, "top5", fabs(m.top5 - number(doc, "top5")), 0);
    s4d_mem_free(label);
    s4d_mem_free(prob);
    s4d_json_destroy(&doc);
}
