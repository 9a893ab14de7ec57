/* A config file to settings: parse, apply --set, refuse what is unknown, read every field or its default. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/fields.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/config/config.h"

enum { PATH_TEXT = 256, FIELDS_MAX = 256, GROUPS_MAX = 32, CONFIG_BYTES_MAX = 1 << 20 };

/* Where values come from. */
typedef struct source {
    const char *file;
    const char *const *set; /* "KEY=VALUE", applied in order */
    int sets;
} source;

/* What a sentence about the value at `path` begins with: "--set" where one wrote that value or a group around it. */
static const char *origin_of(const source *from, const char *path)
{
    for (int i = 0; i < from->sets; ++i) {
        size_t n = strcspn(from->set[i], "=");
        if (strncmp(from->set[i], path, n) == 0 && (path[n] == '\0' || path[n] == '.')) return "--set";
    }
    return from->file;
}

/* ---- unknown keys ---- */

typedef enum path_kind { PATH_UNKNOWN, PATH_FIELD, PATH_GROUP } path_kind;

static path_kind kind_of(const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < s4d_field_count; ++i) {
        const char *field = s4d_fields[i].path;
        if (strncmp(field, path, n) == 0 && (field[n] == '\0' || field[n] == '.'))
            return field[n] ? PATH_GROUP : PATH_FIELD;
    }
    return PATH_UNKNOWN;
}

/* The group that ends at the field's n-th dot (from 1) into text; false: it has fewer. */
static bool group_of(const char *field, int n, char text[PATH_TEXT])
{
    size_t size = 0;
    for (; n > 0 && field[size]; ++size)
        if (field[size] == '.' && --n == 0) break;
    if (n > 0) return false;
    snprintf(text, PATH_TEXT, "%.*s", (int)size, field);
    return true;
}

/* The field or group most like `path`, NULL where none is near. Groups go to `room`, each once, but not those around path. */
static const char *nearest_key(const char *path, char room[GROUPS_MAX][PATH_TEXT])
{
    const char *known[FIELDS_MAX + GROUPS_MAX];
    size_t n = 0, groups = 0;
    S4D_BUG_IF(s4d_field_count > FIELDS_MAX);
    for (size_t i = 0; i < s4d_field_count; ++i) {
        known[n++] = s4d_fields[i].path;
        for (int level = 1; groups < GROUPS_MAX && group_of(s4d_fields[i].path, level, room[groups]); ++level) {
            size_t size = strlen(room[groups]);
            bool again = i > 0 && strncmp(s4d_fields[i - 1].path, room[groups], size) == 0 && s4d_fields[i - 1].path[size] == '.';
            bool around = strncmp(path, room[groups], size) == 0 && path[size] == '.';
            if (!again && !around) known[n++] = room[groups++];
        }
    }
    return s4d_str_nearest(path, known, n);
}

static s4d_status unknown_key(const char *origin, const char *path, s4d_err *err)
{
    char room[GROUPS_MAX][PATH_TEXT];
    const char *near = nearest_key(path, room);
    if (near) return s4d_err_set(err, S4D_USAGE, "%s: %s: unknown key; did you mean %s?", origin, path, near);
    return s4d_err_set(err, S4D_USAGE, "%s: %s: unknown key; remove it (\"s4d schema\" lists all)", origin, path);
}

static s4d_status check_keys(const s4d_json *object, const source *from, const char *prefix, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < s4d_json_count(object) && status == S4D_OK; ++i) {
        const s4d_json *node = s4d_json_at(object, i);
        const char *key = s4d_json_key(node), *origin;
        char path[PATH_TEXT];
        if (snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", key) >= (int)sizeof path)
            return s4d_err_set(err, S4D_USAGE, "%s: %.60s...: unknown key; remove it", from->file, path);
        origin = origin_of(from, path);
        path_kind kind = kind_of(path);
        if (kind != PATH_UNKNOWN && strchr(key, '.'))
            status = s4d_err_set(err, S4D_USAGE, "%s: \"%s\": a dot does not reach into a group; write each group as an object",
                                 origin, key);
        else if (kind == PATH_UNKNOWN)
            status = unknown_key(origin, path, err);
        else if (s4d_json_kind_of(node) == S4D_JSON_NULL)
            status = s4d_err_set(err, S4D_USAGE, "%s: %s: null is no value; remove the key to get the default", origin, path);
        else if (kind == PATH_GROUP && s4d_json_kind_of(node) != S4D_JSON_OBJECT)
            status = s4d_err_set(err, S4D_USAGE, "%s: %s: expected an object, got %s", origin, path,
                                 s4d_json_kind_name(s4d_json_kind_of(node)));
        else if (kind == PATH_GROUP)
            status = check_keys(node, from, path, err);
    }
    return status;
}

/* ---- values ---- */

static const s4d_json *find(const s4d_json *root, const char *path)
{
    char key[64];
    while (root && *path) {
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        root = s4d_json_find(root, key);
        path += n + (path[n] == '.');
    }
    return root;
}

/* Defaults are our own text, so only memory can be wanting. */
static s4d_status read_default(const s4d_field *f, s4d_run_opts *o, s4d_err *err)
{
    const char *text = f->defaults[o->stage];
    s4d_json *doc = NULL;
    char number[32];
    if (text[0] == '=') {
        snprintf(number, sizeof number, "%.0f", round(strtod(text + 1, NULL) * o->model.img_size));
        text = number;
    }
    s4d_status status = s4d_json_parse(text, strlen(text), "default", &doc, err);
    if (status == S4D_OK) status = s4d_field_read(f, doc, "default", o, err);
    S4D_BUG_IF(status == S4D_USAGE);
    s4d_json_destroy(&doc);
    return status;
}

static s4d_status read_fields(const s4d_json *root, const source *from, s4d_run_opts *o, s4d_err *err)
{
    s4d_status status = S4D_OK;
    o->data.image.sampling_rate = o->data.image.repeat = 1; /* a picture is one frame and is read once */
    for (size_t i = 0; i < s4d_field_count && status == S4D_OK; ++i) {
        const s4d_field *f = &s4d_fields[i];
        const s4d_json *node = find(root, f->path);
        if (node)
            status = s4d_field_read(f, node, origin_of(from, f->path), o, err);
        else if (f->defaults[0])
            status = read_default(f, o, err);
        else
            status = s4d_err_set(err, S4D_USAGE, "%s: %s: this key must be given; set it to \"pretrain\" or \"finetune\"",
                                 from->file, f->path);
    }
    return status;
}

/* "{fold}" in a model's path stands for data.video.fold. */
static s4d_status put_fold(const s4d_run_opts *o, const source *from, const char *key, char path[S4D_PATH_MAX], s4d_err *err)
{
    static const char mark[] = "{fold}";
    const char *at = strstr(path, mark);
    char whole[S4D_PATH_MAX + 16];
    if (!at) return S4D_OK;
    if (o->data.video.fold == 0)
        return s4d_err_set(err, S4D_USAGE, "%s: %s: \"%s\" stands for a fold's; set data.video.fold or give --folds",
                           origin_of(from, key), key, path);
    snprintf(whole, sizeof whole, "%.*s%d%s", (int)(at - path), path, o->data.video.fold, at + strlen(mark));
    if (strlen(whole) >= S4D_PATH_MAX)
        return s4d_err_set(err, S4D_USAGE, "%s: %s: longer than %d bytes", origin_of(from, key), key, S4D_PATH_MAX - 1);
    snprintf(path, S4D_PATH_MAX, "%s", whole);
    return S4D_OK;
}

/* Rates given for another total batch become the rates in use, so that the resolved config shows them. */
static s4d_status settle_rates(s4d_run_opts *o, const source *from, s4d_err *err)
{
    s4d_train_opts *t = &o->train;
    const s4d_set_opts *leading = s4d_run_set(o, o->data.video.train[0] ? S4D_VIDEO : S4D_IMAGE);
    double total = (double)leading->batch * t->accumulate;
    s4d_train_scale_rates(t, total);
    const char *path[2] = {"train.lr", "train.min_lr"};
    double rate[2] = {t->lr, t->min_lr};
    for (int i = 0; i < 2; ++i)
        if (rate[i] > S4D_RATE_MAX)
            return s4d_err_set(err, S4D_USAGE, "%s: %s: scaled to a total batch of %g it is %g, above %g; lower it",
                               origin_of(from, path[i]), path[i], total, rate[i], S4D_RATE_MAX);
    return S4D_OK;
}

/* ---- the whole ---- */

static s4d_status read_file(const char *path, s4d_json **root, s4d_err *err)
{
    s4d_bytes text = {0};
    s4d_status status;
    if (!path) return s4d_json_parse("{}", 2, "config", root, err);
    if (!s4d_path_exists(path))
        return s4d_err_set(err, S4D_USAGE, "%s: there is no such config; check the path after --config", path);
    status = s4d_file_read(path, CONFIG_BYTES_MAX, &text, err);
    if (status != S4D_OK && err) err->status = S4D_USAGE; /* an unreadable config is a usage error too */
    if (status != S4D_OK) return S4D_USAGE;
    status = s4d_json_parse((const char *)text.data, text.size, path, root, err);
    if (status == S4D_OK && s4d_json_kind_of(*root) != S4D_JSON_OBJECT)
        status = s4d_err_set(err, S4D_USAGE, "%s: expected an object, got %s; a config begins with {", path,
                             s4d_json_kind_name(s4d_json_kind_of(*root)));
    s4d_bytes_release(&text);
    return status;
}

/* Text settings take any value as it stands: --set output=2024 names a folder, though 2024 alone is a number in JSON. */
static bool takes_text(const char *path)
{
    for (size_t i = 0; i < s4d_field_count; ++i)
        if (strcmp(s4d_fields[i].path, path) == 0) return s4d_fields[i].kind == S4D_FIELD_STRING;
    return false;
}

static s4d_status apply(s4d_json *root, const char *assignment, s4d_err *err)
{
    const char *equals = strchr(assignment, '=');
    char path[PATH_TEXT];
    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof path)
        return s4d_err_set(err, S4D_USAGE, "--set %s: expected KEY=VALUE, such as train.lr=1e-4", assignment);
    snprintf(path, sizeof path, "%.*s", (int)(equals - assignment), assignment);
    if (kind_of(path) == PATH_UNKNOWN) return unknown_key("--set", path, err);
    s4d_json_writer text = {0};
    const char *value = equals + 1;
    if (takes_text(path) && *value != '"') {
        s4d_json_put_string(&text, value);
        value = text.out.failed ? NULL : text.out.text;
    }
    s4d_status status = value ? s4d_json_set(root, path, value, err) : s4d_err_memory(err, strlen(assignment), "--set");
    if (status == S4D_USAGE) s4d_err_prefix(err, "--set %s", assignment);
    s4d_str_release(&text.out);
    return status;
}

/* The resolved config names the device that was taken, so that it gives the same bits again. */
static void choose_device(s4d_run_opts *run)
{
    s4d_err why = {0};
    const char *device = s4d_backend_choose(run->device, &why);
    if (device == run->device) return;
    snprintf(run->device_why, sizeof run->device_why, "%.255s", why.text);
    snprintf(run->device, sizeof run->device, "%s", device);
}

s4d_status s4d_config_load(const char *path, const char *const *set, int sets, const char *output, s4d_config *out,
                           s4d_err *err)
{
    const source from = {path ? path : "--set", set, sets};
    char together[S4D_PATH_MAX + 16]; /* where settings that do not fit together come from */
    s4d_json *root = NULL;
    *out = (s4d_config){0};
    s4d_status status = read_file(path, &root, err);
    for (int i = 0; i < sets && status == S4D_OK; ++i) status = apply(root, set[i], err);
    if (status == S4D_OK) status = check_keys(root, &from, "", err);
    if (status == S4D_OK) status = read_fields(root, &from, &out->run, err);
    if (status == S4D_OK && output) {
        if (strlen(output) >= sizeof out->run.output)
            status = s4d_err_set(err, S4D_USAGE, "--output: the path is longer than %d bytes", S4D_PATH_MAX - 1);
        else
            snprintf(out->run.output, sizeof out->run.output, "%s", output);
    }
    choose_device(&out->run);
    if (status == S4D_OK) status = put_fold(&out->run, &from, "checkpoint", out->run.checkpoint, err);
    if (status == S4D_OK) status = put_fold(&out->run, &from, "init", out->run.init, err);
    snprintf(together, sizeof together, "%.*s%s", S4D_PATH_MAX - 1, path ? path : "the defaults", sets ? " with --set" : "");
    if (status == S4D_OK) status = s4d_config_check(&out->run, together, err);
    if (status == S4D_OK) {
        status = settle_rates(&out->run, &from, err);
    }
    if (status == S4D_OK) {
        out->run.resolved = out->resolved = s4d_config_resolve(&out->run);
        if (!out->resolved) status = s4d_err_memory(err, CONFIG_BYTES_MAX, "the resolved config");
    }
    s4d_json_destroy(&root);
    return status;
}

void s4d_config_release(s4d_config *config)
{
    s4d_mem_free(config->resolved);
    *config = (s4d_config){0};
}
