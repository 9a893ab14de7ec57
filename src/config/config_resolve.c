/* The table written out: as the config in use, and as a JSON Schema. */
#include <string.h>

#include "config/fields.h"
#include "s4d/base/mem.h"
#include "s4d/config/config.h"

/* How many leading components two dotted paths share, the last component of `path` left out. */
static int shared_groups(const char *path, const char *before)
{
    int shared = 0;
    for (size_t i = 0; before && path[i] && path[i] == before[i]; ++i)
        if (path[i] == '.') ++shared;
    return shared;
}

static int groups(const char *path)
{
    int n = 0;
    for (; *path; ++path) n += *path == '.';
    return n;
}

/* Closes and opens objects until the writer stands where `path` belongs, then writes its last component as key. open and
 * close are called for each group. */
typedef struct walker {
    s4d_json_writer *w;
    const char *before;
    void (*open)(s4d_json_writer *w), (*close)(s4d_json_writer *w);
} walker;

static void leave(walker *k, int levels)
{
    for (int i = 0; i < levels; ++i) k->close(k->w);
}

static void step_to(walker *k, const char *path)
{
    int shared = shared_groups(path, k->before);
    if (k->before) leave(k, groups(k->before) - shared);
    const char *part = path;
    for (int i = 0; i < shared; ++i) part = strchr(part, '.') + 1;
    for (const char *dot; (dot = strchr(part, '.')); part = dot + 1) {
        char key[64];
        size_t n = (size_t)(dot - part) < sizeof key - 1 ? (size_t)(dot - part) : sizeof key - 1;
        memcpy(key, part, n);
        key[n] = '\0';
        s4d_json_put_key(k->w, key);
        k->open(k->w);
    }
    s4d_json_put_key(k->w, part);
    k->before = path;
}

static void open_object(s4d_json_writer *w)
{
    s4d_json_open(w, '{');
}

static void close_object(s4d_json_writer *w)
{
    s4d_json_close(w, '}');
}

bool s4d_field_is_absent(const s4d_field *f, const s4d_run_opts *o)
{
    const s4d_set_opts *set = strncmp(f->path, "data.image.", 11) == 0   ? &o->data.image
                              : strncmp(f->path, "data.video.", 11) == 0 ? &o->data.video
                                                                         : NULL;
    return set && !set->train[0] && !set->val[0] && !set->test[0];
}

char *s4d_config_resolve(const s4d_run_opts *o)
{
    s4d_json_writer w = {.indent = 2};
    walker k = {.w = &w, .open = open_object, .close = close_object};
    open_object(&w);
    for (size_t i = 0; i < s4d_field_count; ++i) {
        if (s4d_field_is_absent(&s4d_fields[i], o)) continue;
        step_to(&k, s4d_fields[i].path);
        s4d_field_write(&s4d_fields[i], o, &w);
    }
    leave(&k, groups(k.before));
    close_object(&w);
    s4d_str_add(&w.out, "\n");
    char *text = w.out.failed ? NULL : s4d_mem_strdup(w.out.text);
    s4d_str_release(&w.out);
    return text;
}

/* ---- schema ---- */

static void open_schema(s4d_json_writer *w)
{
    s4d_json_open(w, '{');
    s4d_json_put_key(w, "type");
    s4d_json_put_string(w, "object");
    s4d_json_put_key(w, "additionalProperties");
    s4d_json_put_bool(w, false);
    s4d_json_put_key(w, "properties");
    s4d_json_open(w, '{');
}

static void close_schema(s4d_json_writer *w)
{
    s4d_json_close(w, '}');
    s4d_json_close(w, '}');
}

static void put_type(s4d_json_writer *w, const char *type)
{
    s4d_json_put_key(w, "type");
    s4d_json_put_string(w, type);
}

static void put_range(s4d_json_writer *w, const s4d_field *f)
{
    s4d_json_put_key(w, "minimum");
    s4d_json_put_number(w, f->low);
    s4d_json_put_key(w, "maximum");
    s4d_json_put_number(w, f->high);
}

static void put_items(s4d_json_writer *w, const s4d_field *f, const char *type)
{
    put_type(w, "array");
    s4d_json_put_key(w, "items");
    s4d_json_open(w, '{');
    put_type(w, type);
    if (f->kind != S4D_FIELD_CLASSES) put_range(w, f);
    s4d_json_close(w, '}');
    if (f->kind != S4D_FIELD_PAIR) return;
    s4d_json_put_key(w, "minItems");
    s4d_json_put_integer(w, 2);
    s4d_json_put_key(w, "maxItems");
    s4d_json_put_integer(w, 2);
}

static void put_shape(s4d_json_writer *w, const s4d_field *f)
{
    char choice[32];
    switch (f->kind) {
    case S4D_FIELD_INT:
    case S4D_FIELD_INT64:
        put_type(w, "integer");
        put_range(w, f);
        break;
    case S4D_FIELD_NUMBER:
        put_type(w, "number");
        put_range(w, f);
        break;
    case S4D_FIELD_BOOL: put_type(w, "boolean"); break;
    case S4D_FIELD_STRING:
        put_type(w, "string");
        s4d_json_put_key(w, "maxLength");
        s4d_json_put_integer(w, (int64_t)f->size - 1);
        break;
    case S4D_FIELD_CHOICE:
        s4d_json_put_key(w, "enum");
        s4d_json_open(w, '[');
        for (int i = 0; s4d_field_choice(f, i, choice); ++i) s4d_json_put_string(w, choice);
        s4d_json_close(w, ']');
        break;
    case S4D_FIELD_PAIR: put_items(w, f, "number"); break;
    case S4D_FIELD_LAYERS: put_items(w, f, "integer"); break;
    case S4D_FIELD_CLASSES:
        s4d_json_put_key(w, "anyOf");
        s4d_json_open(w, '[');
        s4d_json_open(w, '{');
        put_type(w, "string");
        s4d_json_close(w, '}');
        s4d_json_open(w, '{');
        put_items(w, f, "string");
        s4d_json_close(w, '}');
        s4d_json_close(w, ']');
        break;
    }
}

static void put_defaults(s4d_str *text, const s4d_field *f)
{
    for (int i = 0; i < 2 && f->defaults[0]; ++i) {
        bool same = strcmp(f->defaults[0], f->defaults[1]) == 0;
        if (i == 1 && same) break;
        const char *value = f->defaults[i];
        s4d_str_printf(text, "; default%s %s%s", same ? "" : i ? " in fine-tuning" : " in pre-training",
                       value[0] == '=' ? "model.img_size * " : "", value + (value[0] == '='));
    }
}

void s4d_config_schema(s4d_str *out)
{
    s4d_json_writer w = {.indent = 2};
    walker k = {.w = &w, .open = open_schema, .close = close_schema};
    s4d_json_open(&w, '{');
    s4d_json_put_key(&w, "$schema");
    s4d_json_put_string(&w, "https://json-schema.org/draft/2020-12/schema");
    s4d_json_put_key(&w, "title");
    s4d_json_put_string(&w, "s4d config");
    put_type(&w, "object");
    s4d_json_put_key(&w, "required");
    s4d_json_open(&w, '[');
    s4d_json_put_string(&w, "stage");
    s4d_json_close(&w, ']');
    s4d_json_put_key(&w, "additionalProperties");
    s4d_json_put_bool(&w, false);
    s4d_json_put_key(&w, "properties");
    s4d_json_open(&w, '{');
    for (size_t i = 0; i < s4d_field_count; ++i) {
        const s4d_field *f = &s4d_fields[i];
        s4d_str text = {0};
        step_to(&k, f->path);
        s4d_json_open(&w, '{');
        put_shape(&w, f);
        s4d_str_add(&text, f->help);
        put_defaults(&text, f);
        s4d_json_put_key(&w, "description");
        s4d_json_put_string(&w, text.failed ? "" : text.text);
        w.out.failed = w.out.failed || text.failed;
        s4d_str_release(&text);
        s4d_json_close(&w, '}');
    }
    leave(&k, groups(k.before));
    s4d_json_close(&w, '}');
    s4d_json_close(&w, '}');
    s4d_str_add(&w.out, "\n");
    if (!w.out.failed) s4d_str_add_bytes(out, w.out.text, w.out.size);
    else out->failed = true;
    s4d_str_release(&w.out);
}
