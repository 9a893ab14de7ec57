/* Import: what is known of the model beside its numbers, and nothing that is not. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ckpt/import_private.h"
#include "s4d/base/mem.h"

static const char *const class_key[2] = {"classes.image", "classes.video"};
static const char own_metadata[] = "its own metadata";

static bool is_ours(const s4d_import *im)
{
    const char *format = s4d_ckpt_note_find(im->file, "format");
    return s4d_ckpt_kind_of(im->file) == S4D_CKPT_SAFETENSORS && format &&
           strcmp(format, "s4d") == 0;
}

/* Other configs may stand beside a file of weights: ours says its stage, timm's the architecture.
 */
static bool is_config_of(const s4d_import *im, const s4d_json *doc)
{
    const s4d_json *stage = s4d_json_find(doc, "stage"),
                   *architecture = s4d_json_find(doc, "architecture");
    return im->names.kind == S4D_NAMES_MAE ? architecture != NULL : stage == NULL;
}

static s4d_status parse_config(const s4d_import *im, const char *text, const char *origin,
                               s4d_json **doc, s4d_err *err)
{
    s4d_status status = text ? s4d_json_parse(text, strlen(text), origin, doc, err) : S4D_OK;
    if (status == S4D_OK && text && s4d_json_kind_of(*doc) != S4D_JSON_OBJECT) {
        status = s4d_err_set(err, S4D_FAILED, "%s is not a JSON object; restore it", origin);
    }
    if (status) {
        s4d_err_prefix(err, "%s", s4d_ckpt_path(im->file));
        status = S4D_FAILED;
    }
    if (status && err) {
        err->status = status;
    }
    return status;
}

s4d_status s4d_import_config(const s4d_import *im, s4d_import_origin which, s4d_json **doc,
                             const char **origin, s4d_err *err)
{
    s4d_bytes beside = {0};
    s4d_status status = S4D_OK;
    *doc = NULL;
    if (which == S4D_ORIGIN_BESIDE) {
        *origin = "config.json beside it";
        bool theirs = im->names.kind == S4D_NAMES_TRANSFORMERS || im->names.kind == S4D_NAMES_MAE;
        status = theirs ? s4d_ckpt_read_beside(im->file, "config.json", &beside, err) : S4D_OK;
        if (status == S4D_OK) {
            status = parse_config(im, (const char *)beside.data, *origin, doc, err);
        }
        s4d_bytes_release(&beside);
        if (status == S4D_OK && *doc && !is_config_of(im, *doc)) {
            s4d_json_destroy(doc);
        }
        return status;
    }
    *origin = which == S4D_ORIGIN_GIVEN ? im->opts->config_name : own_metadata;
    return parse_config(im,
                        which == S4D_ORIGIN_GIVEN ? im->opts->config
                        : is_ours(im)             ? s4d_ckpt_note_find(im->file, "config")
                                                  : NULL,
                        *origin, doc, err);
}

static s4d_status put(s4d_import *im, const char *key, const char *value, s4d_err *err)
{
    if (s4d_import_metadata(im, key)) {
        return S4D_OK; /* what came first stands */
    }
    S4D_BUG_IF(im->metas == S4D_IMPORT_META_MAX);
    s4d_safetensors_pair pair = {.key = s4d_mem_strdup(key), .value = s4d_mem_strdup(value)};
    im->meta[im->metas++] = pair;
    return pair.key && pair.value ? S4D_OK : s4d_err_memory(err, strlen(value) + 1, "metadata");
}

/* A file of ours keeps what it says of itself. */
static s4d_status keep_ours(s4d_import *im, s4d_err *err)
{
    static const char *const kept[] = {"s4d.version",  "s4d.stage",         "s4d.step",
                                       "s4d.epoch",    "s4d.batch",         "s4d.selection",
                                       "config",       "classes.image",     "classes.video",
                                       "s4d.averaged", "s4d.normalisation", "s4d.imported_from"};
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < sizeof kept / sizeof *kept && status == S4D_OK && is_ours(im); i++) {
        const char *value = s4d_ckpt_note_find(im->file, kept[i]);
        bool told_better = im->opts->config && !im->config_whole &&
                           s4d_geometry_whole(&im->geometry, false) &&
                           strcmp(kept[i], "config") == 0;
        value = told_better ? NULL : value;
        status = value ? put(im, kept[i], value, err) : S4D_OK;
    }
    return status;
}

/* ---- class names ---- */

/* Whether a JSON list holds these names, in order; letters' case is of no meaning in names. */
static bool same_names(const char *text, const char *const *name, int64_t n)
{
    s4d_json *doc = NULL;
    bool same = s4d_json_parse(text, strlen(text), "", &doc, NULL) == S4D_OK &&
                s4d_json_kind_of(doc) == S4D_JSON_ARRAY && (int64_t)s4d_json_count(doc) == n;
    const s4d_json *item = same ? s4d_json_at(doc, 0) : NULL;
    for (int64_t i = 0; i < n && same; i++) {
        same = s4d_json_kind_of(item) == S4D_JSON_STRING &&
               strcasecmp(s4d_json_string(item), name[i]) == 0;
        item = s4d_json_next(item);
    }
    s4d_json_destroy(&doc);
    return same;
}

/* A JSON list of n strings as metadata, or S4D_FAILED where the head has another number of rows. */
static s4d_status put_classes(s4d_import *im, int modality, const char *const *name, int64_t n,
                              const char *origin, s4d_err *err)
{
    s4d_json_writer w = {0};
    const char *before = s4d_import_metadata(im, class_key[modality]);
    if (n != im->classes[modality]) {
        return s4d_err_set(
            err, S4D_FAILED,
            "%s: its head has %lld classes, but %s names %lld; give the config it was made with",
            s4d_ckpt_path(im->file), (long long)im->classes[modality], origin, (long long)n);
    }
    if (before && origin != own_metadata && !same_names(before, name, n)) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: %s is %.200s in %s, but %s names other classes or another order; "
                           "give the config it was made with",
                           s4d_ckpt_path(im->file), class_key[modality], before,
                           is_ours(im) ? own_metadata : im->opts->config_name, origin);
    }
    s4d_json_open(&w, '[');
    for (int64_t i = 0; i < n; i++) {
        s4d_json_put_string(&w, name[i]);
    }
    s4d_json_close(&w, ']');
    s4d_status status = w.out.failed ? s4d_err_memory(err, w.out.size, "class names")
                                     : put(im, class_key[modality], w.out.text, err);
    s4d_str_release(&w.out);
    return status;
}

/* data.image.classes, data.video.classes of a resolved config. */
static s4d_status classes_of_config(s4d_import *im, const s4d_json *doc, const char *origin,
                                    s4d_err *err)
{
    static const char *const set[2] = {"image", "video"};
    s4d_status status = S4D_OK;
    const s4d_json *data = s4d_json_find(doc, "data");
    for (int m = 0; m < 2 && status == S4D_OK && data && s4d_json_kind_of(data) == S4D_JSON_OBJECT;
         m++) {
        const s4d_json *node = s4d_json_find(data, set[m]);
        const s4d_json *list = node && s4d_json_kind_of(node) == S4D_JSON_OBJECT
                                   ? s4d_json_find(node, "classes")
                                   : NULL;
        size_t n = list && s4d_json_kind_of(list) == S4D_JSON_ARRAY ? s4d_json_count(list) : 0;
        if (!n || !im->classes[m]) {
            continue;
        }
        const char **name = s4d_mem_alloc(n, sizeof *name);
        if (!name) {
            return s4d_err_memory(err, n * sizeof *name, "class names");
        }
        bool good = true;
        size_t i = 0;
        for (const s4d_json *item = s4d_json_at(list, 0); item && good;
             item = s4d_json_next(item)) {
            good = s4d_json_kind_of(item) == S4D_JSON_STRING;
            name[i++] = good ? s4d_json_string(item) : "";
        }
        status = good ? put_classes(im, m, name, (int64_t)n, origin, err) : S4D_OK;
        s4d_mem_free(name);
    }
    return status;
}

/* id2label of transformers, unless its names are the numbers again ("LABEL_0"). */
static s4d_status classes_of_transformers(s4d_import *im, const s4d_json *doc, const char *origin,
                                          s4d_err *err)
{
    const s4d_json *labels = s4d_json_find(doc, "id2label");
    int modality = im->names.images ? 0 : 1;
    int64_t n = im->classes[modality];
    if (!n || !labels || s4d_json_kind_of(labels) != S4D_JSON_OBJECT) {
        return S4D_OK;
    }
    const char **name = s4d_mem_alloc((size_t)n, sizeof *name);
    if (!name) {
        return s4d_err_memory(err, (size_t)n * sizeof *name, "class names");
    }
    bool all = (int64_t)s4d_json_count(labels) == n;
    for (int64_t i = 0; i < n && all; i++) {
        char key[24];
        snprintf(key, sizeof key, "%lld", (long long)i);
        const s4d_json *node = s4d_json_find(labels, key);
        all = node && s4d_json_kind_of(node) == S4D_JSON_STRING &&
              strncmp(s4d_json_string(node), "LABEL_", 6) != 0;
        name[i] = all ? s4d_json_string(node) : "";
    }
    s4d_status status = all ? put_classes(im, modality, name, n, origin, err) : S4D_OK;
    s4d_mem_free(name);
    return status;
}

/* ---- all ---- */

static s4d_status put_geometry(s4d_import *im, s4d_err *err)
{
    s4d_json_writer w = {0};
    if (!s4d_geometry_whole(&im->geometry, false)) {
        return S4D_OK; /* asked for on use */
    }
    s4d_geometry_write(&im->geometry, &w);
    s4d_status status = w.out.failed ? s4d_err_memory(err, w.out.size, "metadata")
                                     : put(im, "config", w.out.text, err);
    s4d_str_release(&w.out);
    return status;
}

s4d_status s4d_import_describe(s4d_import *im, s4d_err *err)
{
    /* later ones must name the same classes */
    static const s4d_import_origin order[] = {S4D_ORIGIN_OWN, S4D_ORIGIN_GIVEN, S4D_ORIGIN_BESIDE};
    s4d_status status = put(im, "format", "s4d", err);
    if (status == S4D_OK) {
        status = keep_ours(im, err);
    }
    if (status == S4D_OK) {
        status = put(im, "s4d.stage",
                     im->names.layout == S4D_LAYOUT_FINETUNE ? "finetune" : "pretrain", err);
    }
    if (status == S4D_OK && im->names.kind != S4D_NAMES_S4D) {
        status = put(im, "s4d.imported_from", s4d_names_of(im->names.kind), err);
    }
    if (status == S4D_OK && im->start_only) {
        status = put(im, "s4d.start_only", im->start_only, err);
    }
    if (status == S4D_OK) {
        status = put_geometry(im, err);
    }
    for (int i = 0; i < S4D_ORIGINS && status == S4D_OK; i++) {
        s4d_json *doc = NULL;
        const char *origin;
        status = s4d_import_config(im, order[i], &doc, &origin, err);
        if (status == S4D_OK && doc) {
            status = order[i] == S4D_ORIGIN_BESIDE ? classes_of_transformers(im, doc, origin, err)
                                                   : classes_of_config(im, doc, origin, err);
        }
        s4d_json_destroy(&doc);
    }
    return status;
}
