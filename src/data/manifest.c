/* Reading and checking a set's list of samples. */
#include "s4d/data/manifest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/list.h"
#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"

enum { LIST_SIZE_MAX = 1 << 30, FAULTS_NAMED = 20 };

/* The faulty lines: the first in words, some more as warnings, all counted. */
typedef struct faults {
    long count;
    char text[640];
    const char *remedy;
} faults;

typedef struct parse {
    const char *path; /* of the list */
    const s4d_set_opts *opts;
    s4d_bad_sample on_bad;
    s4d_manifest *manifest;
    faults faults;
    s4d_str built; /* a path in the making */
} parse;

static const char CORRECT_LIST[] = "correct the list";

__attribute__((format(printf, 4, 5))) static void add_fault(parse *p, long line, const char *remedy,
                                                            const char *format, ...)
{
    char text[sizeof p->faults.text];
    int n = snprintf(text, sizeof text, "line %ld: ", line);
    va_list args;
    va_start(args, format);
    vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    va_end(args);
    if (p->faults.count == 0) {
        memcpy(p->faults.text, text, sizeof text);
        p->faults.remedy = remedy;
    } else if (p->faults.count < FAULTS_NAMED) {
        s4d_log(S4D_LOG_WARN, "%s: %s", p->path, text);
    }
    p->faults.count++;
}

/* Without spaces at either end, cut to the length of `out`; false where it was cut. */
static bool trim(const char *text, char *out, size_t room)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) {
        n--;
    }
    bool fits = n < room;
    n = fits ? n : room - 1;
    memcpy(out, text, n);
    out[n] = '\0';
    return fits;
}

static bool whole_number(const char *text, long *out)
{
    char trimmed[32], *end;
    if (!trim(text, trimmed, sizeof trimmed) || trimmed[0] == '\0') {
        return false;
    }
    errno = 0;
    *out = strtol(trimmed, &end, 10);
    return *end == '\0' && errno == 0 && trimmed[0] != '+';
}

static bool numbered_label(parse *p, const s4d_record *record, int32_t *label)
{
    long first = p->opts->first_label, number;
    if (!whole_number(record->field[1], &number)) {
        add_fault(p, record->line, CORRECT_LIST, "label \"%.60s\" is not a whole number",
                  record->field[1]);
        return false;
    }
    if (number < first || number - first >= p->opts->class_count) {
        add_fault(p, record->line, "correct the list, or the settings classes and first_label",
                  "label %ld is not in %ld..%ld", number, first, first + p->opts->class_count - 1);
        return false;
    }
    *label = (int32_t)(number - first);
    return true;
}

static bool named_label(parse *p, const s4d_record *record, int32_t *label)
{
    char name[S4D_CLASS_NAME_MAX];
    bool fits = trim(record->field[1], name, sizeof name);
    *label = fits ? s4d_labels_find(p->opts->classes, p->opts->class_count, name) : -1;
    if (*label < 0) {
        s4d_str known = {0};
        for (int i = 0; i < p->opts->class_count; i++) {
            s4d_str_printf(&known, "%s%s", i ? ", " : "", p->opts->classes[i]);
        }
        add_fault(p, record->line, "correct the list, or the setting classes",
                  "\"%.60s\" is none of the classes %.400s", name, known.text ? known.text : "");
        s4d_str_release(&known);
    }
    return *label >= 0;
}

/* The id with zeros before a number and the suffix behind; an extension that both have is not
 * doubled, so that "train_00001.jpg" and "_aligned.jpg" make "train_00001_aligned.jpg", and stays
 * as it is written, ".MP4" too. */
static void build_name(const s4d_set_opts *o, const char *id, s4d_str *out)
{
    size_t n = strlen(id);
    s4d_str_clear(out);
    if (n > 0 && strspn(id, "0123456789") == n) {
        for (size_t i = n; o->zero_pad > 0 && i < (size_t)o->zero_pad; i++) {
            s4d_str_add(out, "0");
        }
    }
    const char *extension = strrchr(o->suffix, '.');
    size_t both = extension && s4d_str_ends_nocase(id, extension) ? strlen(extension) : 0;
    s4d_str_add_bytes(out, id, n - both);
    s4d_str_add_bytes(out, o->suffix, strlen(o->suffix) - both);
    s4d_str_add(out, id + n - both);
}

static bool build_path(parse *p, const s4d_record *record, char path[S4D_PATH_MAX])
{
    s4d_err long_path = {0};
    if (record->field[0][0] == '\0') {
        add_fault(p, record->line, CORRECT_LIST, "the path is empty");
        return false;
    }
    build_name(p->opts, record->field[0], &p->built);
    if (p->built.failed) {
        return false;
    }
    if (s4d_path_join(path, p->opts->root, p->built.text, &long_path) != S4D_OK) {
        add_fault(p, record->line, CORRECT_LIST, "the path %.60s... is longer than %d bytes",
                  p->built.text, S4D_PATH_MAX - 1);
        return false;
    }
    if (p->on_bad == S4D_BAD_FAIL && !s4d_path_exists(path)) {
        add_fault(p, record->line,
                  "correct the list, or the settings root, zero_pad and suffix, or set "
                  "on_bad_sample to \"skip\"",
                  "%.400s does not exist", path);
        return false;
    }
    return true;
}

static s4d_status append(parse *p, const char *id, const char *path, int32_t label, s4d_err *err)
{
    s4d_manifest *m = p->manifest;
    if (m->count == m->room) {
        size_t room = m->room ? 2 * m->room : 256;
        if (!s4d_mem_grow(&m->sample, m->room, room, sizeof *m->sample)) {
            return s4d_err_memory(err, room * sizeof *m->sample, "a list of samples");
        }
        m->room = room;
    }
    s4d_sample *s = &m->sample[m->count++];
    s->label = label;
    s->id = s4d_mem_strdup(id);
    s->path = s4d_mem_strdup(path);
    return s->id && s->path ? S4D_OK
                            : s4d_err_memory(err, strlen(id) + strlen(path), "a list of samples");
}

static s4d_status take_record(parse *p, const s4d_record *record, s4d_err *err)
{
    int columns = p->opts->format == S4D_LIST_PATHS ? 1 : 2;
    int32_t label = -1;
    bool good = false;
    char path[S4D_PATH_MAX];
    if (record->fault) {
        add_fault(p, record->line, CORRECT_LIST, "%s", record->fault);
    } else if (record->columns != columns && p->opts->format == S4D_LIST_TEXT) {
        add_fault(p, record->line, CORRECT_LIST, "no label follows the path \"%.200s\"",
                  record->field[0]);
    } else if (record->columns != columns) {
        add_fault(p, record->line, CORRECT_LIST, "%d columns where 2 are expected",
                  record->columns);
    } else if (columns == 1 || p->opts->class_count == 0) {
        good = true;
    } else if (p->opts->format == S4D_LIST_MANIFEST) {
        good = named_label(p, record, &label);
    } else {
        good = numbered_label(p, record, &label);
    }
    if (!good || !build_path(p, record, path)) {
        return p->built.failed ? s4d_err_memory(err, S4D_PATH_MAX, "a path") : S4D_OK;
    }
    return append(p, record->field[0], path, label, err);
}

/* The first record of the two kinds that have a header. */
static s4d_status check_header(const parse *p, const s4d_record *r, s4d_err *err)
{
    char name[2][16];
    long number;
    bool fits =
        trim(r->field[0], name[0], sizeof name[0]) && trim(r->field[1], name[1], sizeof name[1]);
    bool two = !r->fault && r->columns == 2;
    if (p->opts->format == S4D_LIST_MANIFEST &&
        !(two && fits && strcmp(name[0], "path") == 0 && strcmp(name[1], "label") == 0)) {
        return s4d_err_set(err, S4D_FAILED,
                           "line %ld: the header must be \"path,label\", but begins \"%.60s\"; "
                           "write that header, or set the format the list has",
                           r->line, r->field[0]);
    }
    if (!two || whole_number(r->field[1], &number)) {
        return s4d_err_set(err, S4D_FAILED,
                           "line %ld: a header of two columns, such as \"path,label\", must stand "
                           "here, not \"%.60s\" with %d columns; write one, or set the format the "
                           "list has",
                           r->line, r->field[0], r->columns);
    }
    return S4D_OK;
}

static s4d_status take_records(parse *p, s4d_list_reader *reader, s4d_err *err)
{
    s4d_record record;
    bool header = reader->comma;
    s4d_status status = S4D_OK;
    while (status == S4D_OK && s4d_list_next(reader, &record)) {
        status = header ? check_header(p, &record, err) : take_record(p, &record, err);
        header = false;
    }
    if (status == S4D_OK && s4d_list_failed(reader)) {
        status = s4d_err_memory(err, S4D_PATH_MAX, "a line");
    }
    if (status == S4D_OK && p->faults.count == 1) {
        status = s4d_err_set(err, S4D_FAILED, "%s; %s", p->faults.text, p->faults.remedy);
    } else if (status == S4D_OK && p->faults.count > 1) {
        status = s4d_err_set(err, S4D_FAILED, "%s (and %ld more faulty line%s); %s", p->faults.text,
                             p->faults.count - 1, p->faults.count > 2 ? "s" : "", p->faults.remedy);
    } else if (status == S4D_OK && p->manifest->count == 0) {
        status =
            s4d_err_set(err, S4D_FAILED,
                        "the list is empty; add samples, or leave the list out of the settings");
    }
    return status;
}

static s4d_status copy_classes(const s4d_set_opts *opts, s4d_manifest *m, s4d_err *err)
{
    S4D_BUG_IF(opts->class_count < 0 || opts->class_count > S4D_MAX_CLASSES);
    for (int i = 0; i < opts->class_count; i++) {
        int same = s4d_labels_find(m->classes, i, opts->classes[i]);
        if (same >= 0) {
            return s4d_err_set(err, S4D_USAGE,
                               "classes: \"%s\" and \"%s\" are one class; name each once",
                               opts->classes[same], opts->classes[i]);
        }
        s4d_labels_canonical(opts->classes[i], m->classes[i]);
    }
    m->class_count = opts->class_count;
    return S4D_OK;
}

s4d_status s4d_manifest_read(const s4d_set_opts *opts, const char *list, s4d_bad_sample on_bad,
                             s4d_manifest *out, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_bytes text = {0};
    s4d_list_reader reader = {0};
    parse p = {.path = path, .opts = opts, .on_bad = on_bad, .manifest = out};
    *out = (s4d_manifest){0};
    s4d_status status = copy_classes(opts, out, err);
    if (status == S4D_OK) {
        status = s4d_path_join(path, opts->root, list, err);
    }
    if (status == S4D_OK) {
        status = s4d_file_read(path, LIST_SIZE_MAX, &text, err);
    }
    if (status != S4D_OK) {
        goto done;
    }
    if (memchr(text.data, '\0', text.size)) {
        status = s4d_err_set(err, S4D_FAILED, "the list is not plain text; save it as UTF-8");
    } else if (memchr(text.data, '\r', text.size) && !memchr(text.data, '\n', text.size)) {
        status = s4d_err_set(err, S4D_FAILED,
                             "the lines end in a carriage return alone; save the list with line feeds");
    } else {
        s4d_list_init(&reader, (const char *)text.data, text.size, opts->format);
        status = take_records(&p, &reader, err);
    }
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", path);
    }
done:
    if (status != S4D_OK) {
        s4d_manifest_release(out);
    }
    s4d_str_release(&p.built);
    s4d_list_release(&reader);
    s4d_bytes_release(&text);
    return status;
}

void s4d_manifest_release(s4d_manifest *m)
{
    for (size_t i = 0; i < m->count; i++) {
        s4d_mem_free(m->sample[i].id);
        s4d_mem_free(m->sample[i].path);
    }
    s4d_mem_free(m->sample);
    *m = (s4d_manifest){0};
}
