/* Two resolved configs compared as JSON, setting by setting. */
#include "train/settings.h"

#include <stdio.h>
#include <string.h>

#include "s4d/base/json.h"
#include "s4d/base/log.h"

enum { PATH_TEXT = 256, VALUE_TEXT = 64 };

/* Told of every setting whose values differ; "absent" stands for none. */
typedef struct visitor {
    s4d_status (*differs)(const struct visitor *self, const char *path, const char *before, const char *now, s4d_err *err);
    const char *name; /* the file or folder that `before` comes from */
    bool evaluation;
} visitor;

static s4d_status compare(const visitor *v, const char *path, const s4d_json *before, const s4d_json *now, s4d_err *err);

static s4d_status compare_objects(const visitor *v, const char *path, const s4d_json *before, const s4d_json *now, s4d_err *err)
{
    const s4d_json *side[2] = {before, now};
    s4d_status status = S4D_OK;
    for (int i = 0; i < 2; ++i)
        for (size_t k = 0; k < s4d_json_count(side[i]) && status == S4D_OK; ++k) {
            char below[PATH_TEXT];
            const char *key = s4d_json_key(s4d_json_at(side[i], k));
            if (i == 1 && s4d_json_find(before, key)) continue;
            snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key);
            status = compare(v, below, s4d_json_find(before, key), s4d_json_find(now, key), err);
        }
    return status;
}

static bool is_object(const s4d_json *node)
{
    return node && s4d_json_kind_of(node) == S4D_JSON_OBJECT;
}

static s4d_status compare(const visitor *v, const char *path, const s4d_json *before, const s4d_json *now, s4d_err *err)
{
    if (is_object(before) && is_object(now)) return compare_objects(v, path, before, now, err);
    const s4d_json *side[2] = {before, now};
    s4d_json_writer text[2] = {0};
    char shown[2][VALUE_TEXT];
    s4d_status status = S4D_OK;
    for (int i = 0; i < 2; ++i) {
        if (side[i]) s4d_json_put_node(&text[i], side[i]);
        if (text[i].out.failed) status = s4d_err_memory(err, VALUE_TEXT, "a setting");
        const char *value = text[i].out.text ? text[i].out.text : "absent";
        bool fits = strlen(value) < VALUE_TEXT && !is_object(side[i]);
        snprintf(shown[i], VALUE_TEXT, "%s", fits ? value : is_object(side[i]) ? "there" : "another list");
    }
    bool same = text[0].out.text && text[1].out.text && strcmp(text[0].out.text, text[1].out.text) == 0;
    if (status == S4D_OK && !same) status = v->differs(v, path, shown[0], shown[1], err);
    for (int i = 0; i < 2; ++i) s4d_str_release(&text[i].out);
    return status;
}

static s4d_status visit(const visitor *v, const char *before, const char *now, s4d_err *err)
{
    s4d_json *doc[2] = {NULL, NULL};
    s4d_status status = s4d_json_parse(before, strlen(before), v->name, &doc[0], err);
    if (status != S4D_OK) status = s4d_err_set(err, S4D_FAILED, "%s; its settings are damaged", err ? err->text : "");
    if (status == S4D_OK) status = s4d_json_parse(now, strlen(now), "config", &doc[1], err);
    if (status == S4D_OK) status = compare(v, "", doc[0], doc[1], err);
    s4d_json_destroy(&doc[0]);
    s4d_json_destroy(&doc[1]);
    return status;
}

/* Whether path is one of the keys or lies below one of them. */
static bool among(const char *path, const char *const *key, size_t n)
{
    for (size_t i = 0; i < n; ++i) {
        size_t size = strlen(key[i]);
        if (strncmp(path, key[i], size) == 0 && (path[size] == '\0' || path[size] == '.')) return true;
    }
    return false;
}
#define AMONG(path, list) among(path, list, sizeof list / sizeof *list)

static s4d_status model_differs(const visitor *v, const char *path, const char *before, const char *now, s4d_err *err)
{
    static const char *const encoder[] = {"model.encoder.depth", "model.encoder.heads"};
    static const char *const whole[] = {"model.img_size", "model.patch_size", "model.num_frames", "model.tubelet_size",
                                        "model.moae.layers", "model.moae.top_k"};
    static const char *const folds[] = {"data.image.fold", "data.video.fold"};
    bool both = strcmp(before, "0") != 0 && strcmp(now, "0") != 0 && strcmp(before, "absent") != 0 && strcmp(now, "absent") != 0;
    if (v->evaluation && AMONG(path, folds) && both)
        return s4d_err_set(err, S4D_USAGE, "%s: is %s here, but %s was trained with fold %s left out, so it knows what would be "
                                           "tested; take the model of this fold", path, now, v->name, before);
    if (!AMONG(path, encoder) && !(v->evaluation && AMONG(path, whole))) return S4D_OK;
    if (strcmp(before, "absent") == 0) return S4D_OK; /* imported weights do not say all */
    return s4d_err_set(err, S4D_USAGE, "%s: is %s here, but %s was made with %s; use the \"model\" settings it was made with",
                       path, now, v->name, before);
}

s4d_status s4d_settings_same_model(const char *before, const char *now, bool evaluation, const char *path, s4d_err *err)
{
    const visitor v = {.differs = model_differs, .name = path, .evaluation = evaluation};
    return visit(&v, before, now, err);
}

static s4d_status run_differs(const visitor *v, const char *path, const char *before, const char *now, s4d_err *err)
{
    static const char *const free_to_change[] = {"output", "init", "init_key", "init_strip", "device", "op", "threads", "cuda.graphs", "data.workers", "train.log_every"};
    static const char *const fixed[] = {
        "stage", "seed", "model", "train.accumulate", "data.image.classes", "data.video.classes", "data.image.batch",
        "data.video.batch", "data.image.rate", "data.video.rate", "data.image.repeat", "data.video.repeat",
        "data.image.name", "data.video.name", "train.select", "train.select_by",
        "train.select_draw", "train.held_out"};
    if (AMONG(path, free_to_change)) return S4D_OK;
    if (strcmp(path, "checkpoint") == 0)
        return s4d_err_set(err, S4D_USAGE, "%s: holds an evaluation, with which no run goes on; give another --output", v->name);
    bool set = strcmp(path, "data.image") == 0 || strcmp(path, "data.video") == 0;
    if (AMONG(path, fixed) || set)
        return s4d_err_set(err, S4D_USAGE, "%s: is %s now, but %s was begun with %s; a resumed run keeps it: set it back, or "
                                           "begin another run with another --output", path, now, v->name, before);
    s4d_log(S4D_LOG_INFO, "%s: was %s, is %s from here on", path, before, now);
    return S4D_OK;
}

s4d_status s4d_settings_may_resume(const char *before, const char *now, const char *folder, s4d_err *err)
{
    const visitor v = {.differs = run_differs, .name = folder};
    return visit(&v, before, now, err);
}
