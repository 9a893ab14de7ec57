/* One setting from JSON to its place, and back. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/fields.h"
#include "s4d/data/manifest.h"

bool s4d_field_choice(const s4d_field *f, int i, char text[32])
{
    const char *p = f->choices;
    for (; i > 0 && p; --i) {
        p = strchr(p, '|');
        if (p) ++p;
    }
    if (!p) return false;
    snprintf(text, 32, "%.*s", (int)strcspn(p, "|"), p);
    return true;
}

static s4d_status wrong(const s4d_field *f, const char *origin, const s4d_json *node, const char *expected, s4d_err *err)
{
    char got[80];
    s4d_json_kind kind = s4d_json_kind_of(node);
    if (kind == S4D_JSON_STRING) snprintf(got, sizeof got, "\"%.60s\"", s4d_json_string(node));
    else if (kind == S4D_JSON_NUMBER) snprintf(got, sizeof got, "%g", s4d_json_number(node));
    else snprintf(got, sizeof got, "%s", s4d_json_kind_name(kind));
    return s4d_err_set(err, S4D_USAGE, "%s: %s: expected %s, got %s", origin, f->path, expected, got);
}

/* A finite number in range; whole: without a fraction. */
static s4d_status read_number(const s4d_field *f, const s4d_json *node, bool whole, const char *origin, double *out,
                              s4d_err *err)
{
    char expected[96];
    int64_t integer;
    snprintf(expected, sizeof expected, "a %snumber from %.16g to %.16g", whole ? "whole " : "", f->low, f->high);
    if (s4d_json_kind_of(node) != S4D_JSON_NUMBER) return wrong(f, origin, node, expected, err);
    *out = s4d_json_number(node);
    if ((whole && !s4d_json_integer(node, &integer)) || !(*out >= f->low && *out <= f->high))
        return wrong(f, origin, node, expected, err);
    return S4D_OK;
}

static s4d_status read_string(const s4d_field *f, const s4d_json *node, const char *origin, char *out, s4d_err *err)
{
    if (s4d_json_kind_of(node) != S4D_JSON_STRING) return wrong(f, origin, node, "a string", err);
    const char *text = s4d_json_string(node);
    if (strlen(text) >= f->size)
        return s4d_err_set(err, S4D_USAGE, "%s: %s: longer than %zu bytes; shorten it", origin, f->path, f->size - 1);
    snprintf(out, f->size, "%s", text);
    return S4D_OK;
}

static s4d_status read_choice(const s4d_field *f, const s4d_json *node, const char *origin, int *out, s4d_err *err)
{
    char choice[32], all[200] = "one of";
    for (int i = 0; s4d_field_choice(f, i, choice); ++i) {
        if (s4d_json_kind_of(node) == S4D_JSON_STRING && strcmp(s4d_json_string(node), choice) == 0) {
            *out = i;
            return S4D_OK;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s \"%s\"", i ? "," : "", choice);
    }
    return wrong(f, origin, node, all, err);
}

static s4d_status read_pair(const s4d_field *f, const s4d_json *node, const char *origin, double out[2], s4d_err *err)
{
    if (s4d_json_kind_of(node) != S4D_JSON_ARRAY)
        return wrong(f, origin, node, "an array of two numbers, the smaller first", err);
    if (s4d_json_count(node) != 2)
        return s4d_err_set(err, S4D_USAGE, "%s: %s: expected two numbers, the smaller first, got %zu", origin, f->path,
                           s4d_json_count(node));
    for (size_t i = 0; i < 2; ++i) {
        s4d_status status = read_number(f, s4d_json_at(node, i), false, origin, &out[i], err);
        if (status != S4D_OK) return status;
    }
    if (out[0] > out[1])
        return s4d_err_set(err, S4D_USAGE, "%s: %s: %g is above %g; put the smaller number first", origin, f->path, out[0],
                           out[1]);
    return S4D_OK;
}

static s4d_status read_layers(const s4d_field *f, const s4d_json *node, const char *origin, s4d_moae_opts *out,
                              s4d_err *err)
{
    if (s4d_json_kind_of(node) != S4D_JSON_ARRAY || s4d_json_count(node) > S4D_MAX_LAYERS)
        return wrong(f, origin, node, "an array of block numbers", err);
    out->layer_count = 0;
    for (size_t i = 0; i < s4d_json_count(node); ++i) {
        double value;
        s4d_status status = read_number(f, s4d_json_at(node, i), true, origin, &value, err);
        if (status != S4D_OK) return status;
        if (i > 0 && (int)value <= out->layers[i - 1])
            return s4d_err_set(err, S4D_USAGE, "%s: %s: %d comes after %d; list each block once, in rising order", origin,
                               f->path, (int)value, out->layers[i - 1]);
        out->layers[out->layer_count++] = (int)value;
    }
    return S4D_OK;
}

static s4d_status add_class(const s4d_field *f, const char *name, const char *origin, s4d_set_opts *set, s4d_err *err)
{
    char canonical[S4D_CLASS_NAME_MAX];
    if (set->class_count == S4D_MAX_CLASSES)
        return s4d_err_set(err, S4D_USAGE, "%s: %s: more than %d classes; s4d holds no more", origin, f->path, S4D_MAX_CLASSES);
    if (!name[0] || strlen(name) >= S4D_CLASS_NAME_MAX || strpbrk(name, ",\"\r\n"))
        return s4d_err_set(err, S4D_USAGE, "%s: %s: \"%.60s\" cannot be a class name; use 1 to %d bytes without comma or quote",
                           origin, f->path, name, S4D_CLASS_NAME_MAX - 1);
    s4d_labels_canonical(name, canonical);
    if (s4d_labels_find((const char(*)[S4D_CLASS_NAME_MAX])set->classes, set->class_count, canonical) >= 0)
        return s4d_err_set(err, S4D_USAGE, "%s: %s: \"%s\" stands there twice (synonyms are one class); name each class once",
                           origin, f->path, name);
    memcpy(set->classes[set->class_count++], canonical, sizeof canonical);
    return S4D_OK;
}

static s4d_status read_classes(const s4d_field *f, const s4d_json *node, const char *origin, s4d_set_opts *set,
                               s4d_err *err)
{
    const char *const *names = NULL;
    s4d_status status = S4D_OK;
    set->class_count = 0;
    if (s4d_json_kind_of(node) == S4D_JSON_STRING) {
        int n = s4d_labels_table(s4d_json_string(node), &names);
        if (!n) {
            char expected[400];
            snprintf(expected, sizeof expected, "class names, or one of %s", s4d_labels_known());
            return wrong(f, origin, node, expected, err);
        }
        for (int i = 0; i < n && status == S4D_OK; ++i) status = add_class(f, names[i], origin, set, err);
        return status;
    }
    if (s4d_json_kind_of(node) != S4D_JSON_ARRAY) return wrong(f, origin, node, "an array of class names", err);
    for (size_t i = 0; i < s4d_json_count(node) && status == S4D_OK; ++i) {
        const s4d_json *item = s4d_json_at(node, i);
        if (s4d_json_kind_of(item) != S4D_JSON_STRING) return wrong(f, origin, item, "a class name", err);
        status = add_class(f, s4d_json_string(item), origin, set, err);
    }
    return status;
}

s4d_status s4d_field_read(const s4d_field *f, const s4d_json *node, const char *origin, s4d_run_opts *o, s4d_err *err)
{
    void *to = (char *)o + f->offset;
    double value = 0;
    s4d_status status = S4D_OK;
    switch (f->kind) {
    case S4D_FIELD_INT:
        status = read_number(f, node, true, origin, &value, err);
        if (status == S4D_OK) *(int *)to = (int)value;
        return status;
    case S4D_FIELD_INT64:
        status = read_number(f, node, true, origin, &value, err);
        if (status == S4D_OK) *(int64_t *)to = (int64_t)value;
        return status;
    case S4D_FIELD_NUMBER:
        status = read_number(f, node, false, origin, &value, err);
        if (status == S4D_OK) *(double *)to = value;
        return status;
    case S4D_FIELD_BOOL:
        if (s4d_json_kind_of(node) != S4D_JSON_BOOL) return wrong(f, origin, node, "true or false", err);
        *(bool *)to = s4d_json_bool(node);
        return S4D_OK;
    case S4D_FIELD_STRING: return read_string(f, node, origin, to, err);
    case S4D_FIELD_CHOICE: return read_choice(f, node, origin, to, err);
    case S4D_FIELD_PAIR: return read_pair(f, node, origin, to, err);
    case S4D_FIELD_LAYERS: return read_layers(f, node, origin, to, err);
    case S4D_FIELD_CLASSES: return read_classes(f, node, origin, to, err);
    }
    return status;
}

static void write_list(const s4d_field *f, const void *from, s4d_json_writer *w)
{
    const double *pair = from;
    const s4d_moae_opts *moae = from;
    const s4d_set_opts *set = from;
    s4d_json_open(w, '[');
    if (f->kind == S4D_FIELD_PAIR)
        for (int i = 0; i < 2; ++i) s4d_json_put_number(w, pair[i]);
    else if (f->kind == S4D_FIELD_LAYERS)
        for (int i = 0; i < moae->layer_count; ++i) s4d_json_put_integer(w, moae->layers[i]);
    else
        for (int i = 0; i < set->class_count; ++i) s4d_json_put_string(w, set->classes[i]);
    s4d_json_close(w, ']');
}

void s4d_field_write(const s4d_field *f, const s4d_run_opts *o, s4d_json_writer *w)
{
    const void *from = (const char *)o + f->offset;
    char choice[32] = "";
    switch (f->kind) {
    case S4D_FIELD_INT: s4d_json_put_integer(w, *(const int *)from); break;
    case S4D_FIELD_INT64: s4d_json_put_integer(w, *(const int64_t *)from); break;
    case S4D_FIELD_NUMBER: s4d_json_put_number(w, *(const double *)from); break;
    case S4D_FIELD_BOOL: s4d_json_put_bool(w, *(const bool *)from); break;
    case S4D_FIELD_STRING: s4d_json_put_string(w, from); break;
    case S4D_FIELD_CHOICE:
        s4d_field_choice(f, *(const int *)from, choice);
        s4d_json_put_string(w, choice);
        break;
    case S4D_FIELD_PAIR:
    case S4D_FIELD_LAYERS:
    case S4D_FIELD_CLASSES: write_list(f, from, w); break;
    }
}
