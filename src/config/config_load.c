/* A config file to settings: parse, apply --set, refuse what is unknown, read every field or its default. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/fields.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/config/config.h"

enum { PATH_TEXT = 256, CONFIG_BYTES_MAX = 1 << 20 };

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

static s4d_status unknown_key(const char *origin, const char *path, s4d_err *err)
{
    const char *known[256];
    size_t n = s4d_field_count < 256 ? s4d_field_count : 256;
    for (size_t i = 0; i < n; ++i) known[i] = s4d_fields[i].path;
    const char *near = s4d_str_nearest(path, known, n);
    if (near) return s4d_err_set(err, S4D_USAGE, "%s: %s: unknown key; did you mean %s?", origin, path, near);
    return s4d_err_set(err, S4D_USAGE, "%s: %s: unknown key; remove it (\"s4d schema\" lists all)", origin, path);
}

static s4d_status check_keys(const s4d_json *object, const char *origin, const char *prefix, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < s4d_json_count(object) && status == S4D_OK; ++i) {
        const s4d_json *node = s4d_json_at(object, i);
        char path[PATH_TEXT];
        if (snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", s4d_json_key(node)) >= (int)sizeof path)
            return s4d_err_set(err, S4D_USAGE, "%s: %.60s...: unknown key; remove it", origin, path);
        path_kind kind = kind_of(path);
        if (kind == PATH_UNKNOWN)
            status = unknown_key(origin, path, err);
        else if (s4d_json_kind_of(node) == S4D_JSON_NULL)
            status = s4d_err_set(err, S4D_USAGE, "%s: %s: null is no value; remove the key to get the default", origin, path);
        else if (kind == PATH_GROUP && s4d_json_kind_of(node) != S4D_JSON_OBJECT)
            status = s4d_err_set(err, S4D_USAGE, "%s: %s: expected an object, got %s", origin, path,
                                 s4d_json_kind_name(s4d_json_kind_of(node)));
        else if (kind == PATH_GROUP)
            status = check_keys(node, origin, path, err);
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

/* Defaults are our own text, so a fault in one is a bug. */
static void read_default(const s4d_field *f, s4d_run_opts *o)
{
    const char *text = f->defaults[o->stage];
    s4d_json *doc = NULL;
    char number[32];
    if (text[0] == '=') {
        snprintf(number, sizeof number, "%.0f", round(strtod(text + 1, NULL) * o->model.img_size));
        text = number;
    }
    S4D_BUG_IF(s4d_json_parse(text, strlen(text), "default", &doc, NULL) != S4D_OK);
    S4D_BUG_IF(s4d_field_read(f, doc, "default", o, NULL) != S4D_OK);
    s4d_json_destroy(&doc);
}

static s4d_status read_fields(const s4d_json *root, const char *origin, s4d_run_opts *o, s4d_err *err)
{
    s4d_status status = S4D_OK;
    o->data.image.sampling_rate = o->data.image.repeat = 1; /* a picture is one frame and is read once */
    for (size_t i = 0; i < s4d_field_count && status == S4D_OK; ++i) {
        const s4d_field *f = &s4d_fields[i];
        const s4d_json *node = find(root, f->path);
        if (node)
            status = s4d_field_read(f, node, origin, o, err);
        else if (f->defaults[0])
            read_default(f, o);
        else
            status = s4d_err_set(err, S4D_USAGE, "%s: %s: this key must be given; set it to \"pretrain\" or \"finetune\"",
                                 origin, f->path);
    }
    return status;
}

/* ---- the whole ---- */

static s4d_status read_file(const char *path, s4d_json **root, s4d_err *err)
{
    s4d_bytes text = {0};
    s4d_status status;
    if (!s4d_path_exists(path))
        return s4d_err_set(err, S4D_USAGE, "%s: there is no such config; check the path after --config", path);
    status = s4d_file_read(path, CONFIG_BYTES_MAX, &text, err);
    if (status == S4D_OK) status = s4d_json_parse((const char *)text.data, text.size, path, root, err);
    if (status == S4D_OK && s4d_json_kind_of(*root) != S4D_JSON_OBJECT)
        status = s4d_err_set(err, S4D_USAGE, "%s: expected an object, got %s; a config begins with {", path,
                             s4d_json_kind_name(s4d_json_kind_of(*root)));
    s4d_bytes_release(&text);
    if (status != S4D_OK) {
        s4d_json_destroy(root);
        if (err) err->status = S4D_USAGE; /* an unreadable config is a usage error too */
        return S4D_USAGE;
    }
    return S4D_OK;
}

static s4d_status apply(s4d_json *root, const char *assignment, s4d_err *err)
{
    const char *equals = strchr(assignment, '=');
    char path[PATH_TEXT];
    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof path)
        return s4d_err_set(err, S4D_USAGE, "--set %s: expected KEY=VALUE, such as train.lr=1e-4", assignment);
    snprintf(path, sizeof path, "%.*s", (int)(equals - assignment), assignment);
    if (kind_of(path) == PATH_UNKNOWN) return unknown_key("--set", path, err);
    s4d_status status = s4d_json_set(root, path, equals + 1, err);
    if (status != S4D_OK) s4d_err_prefix(err, "--set %s", assignment);
    return status;
}

s4d_status s4d_config_load(const char *path, const char *const *set, int sets, const char *output, s4d_config *out,
                           s4d_err *err)
{
    s4d_json *root = NULL;
    *out = (s4d_config){0};
    s4d_status status = read_file(path, &root, err);
    for (int i = 0; i < sets && status == S4D_OK; ++i) status = apply(root, set[i], err);
    if (status == S4D_OK) status = check_keys(root, path, "", err);
    if (status == S4D_OK) status = read_fields(root, path, &out->run, err);
    if (status == S4D_OK && output) {
        if (strlen(output) >= sizeof out->run.output)
            status = s4d_err_set(err, S4D_USAGE, "--output: the path is longer than %d bytes", S4D_PATH_MAX - 1);
        else
            snprintf(out->run.output, sizeof out->run.output, "%s", output);
    }
    if (status == S4D_OK) status = s4d_config_check(&out->run, path, err);
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
