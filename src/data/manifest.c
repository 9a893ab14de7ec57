/* Reading and checking a set's list of samples. */
#include "s4d/data/manifest.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/list.h"
#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/data/pack.h"
#include "s4d/data/table.h"

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
    s4d_list_role role;
    s4d_bad_sample on_bad;
    bool finds; /* rows of split val in a manifest that is not named for them: only those that say so, and there may be none */
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

static bool numbered_label(parse *p, long line, const char *text, int32_t *label)
{
    long first = p->opts->first_label, number;
    if (!whole_number(text, &number)) {
        add_fault(p, line, CORRECT_LIST, "label \"%.60s\" is not a whole number", text);
        return false;
    }
    if (number < first || number - first >= p->opts->class_count) {
        add_fault(p, line, "correct the list, or the settings classes and first_label",
                  "label %ld is not in %ld..%ld", number, first, first + p->opts->class_count - 1);
        return false;
    }
    *label = (int32_t)(number - first);
    return true;
}

static bool named_label(parse *p, long line, const char *name, int32_t *label)
{
    *label = s4d_labels_find(p->opts->classes, p->opts->class_count, name);
    if (*label < 0) {
        s4d_str known = {0};
        for (int i = 0; i < p->opts->class_count; i++) {
            s4d_str_printf(&known, "%s%s", i ? ", " : "", p->opts->classes[i]);
        }
        add_fault(p, line, "correct the list, or the setting classes",
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

static bool build_path(parse *p, long line, const char *id, char path[S4D_PATH_MAX])
{
    s4d_err long_path = {0};
    if (id[0] == '\0') {
        add_fault(p, line, CORRECT_LIST, "the path is empty");
        return false;
    }
    build_name(p->opts, id, &p->built);
    if (p->built.failed) {
        return false;
    }
    if (s4d_path_join(path, p->opts->root, p->built.text, &long_path) != S4D_OK) {
        add_fault(p, line, CORRECT_LIST, "the path %.60s... is longer than %d bytes",
                  p->built.text, S4D_PATH_MAX - 1);
        return false;
    }
    if (p->on_bad == S4D_BAD_FAIL && s4d_store_look(p->manifest->store, path, NULL) == S4D_STORE_NOTHING) {
        add_fault(p, line,
                  "correct the list, or the settings root, zero_pad and suffix, or set "
                  "on_bad_sample to \"skip\"",
                  p->manifest->store ? "%.400s is not in the pack" : "%.400s does not exist", path);
        return false;
    }
    return true;
}

static s4d_status append(parse *p, const s4d_sample *sample, s4d_err *err)
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
    *s = *sample;
    s->id = s4d_mem_strdup(sample->id);
    s->path = s4d_mem_strdup(sample->path);
    s->subject = sample->subject ? s4d_mem_strdup(sample->subject) : NULL;
    return s->id && s->path && (s->subject || !sample->subject) ? S4D_OK
                            : s4d_err_memory(err, strlen(sample->id) + strlen(sample->path), "a list of samples");
}

static s4d_status no_room_for_path(const parse *p, s4d_err *err)
{
    return p->built.failed ? s4d_err_memory(err, S4D_PATH_MAX, "a path") : S4D_OK;
}

/* ---- lists ---- */

static s4d_status take_record(parse *p, const s4d_record *record, s4d_err *err)
{
    int columns = p->opts->format == S4D_LIST_PATHS ? 1 : 2;
    bool good = false;
    char path[S4D_PATH_MAX], *id = (char *)record->field[0];
    s4d_sample sample = {.id = id, .path = path, .label = -1, .end = INFINITY};
    if (record->fault) {
        add_fault(p, record->line, CORRECT_LIST, "%s", record->fault);
    } else if (record->columns != columns && p->opts->format == S4D_LIST_TEXT) {
        add_fault(p, record->line, CORRECT_LIST, "no label follows the path \"%.200s\"", id);
    } else if (record->columns != columns) {
        add_fault(p, record->line, CORRECT_LIST, "%d columns where 2 are expected",
                  record->columns);
    } else if (columns == 1 || p->opts->class_count == 0) {
        good = true;
    } else {
        good = numbered_label(p, record->line, record->field[1], &sample.label);
    }
    if (!good || !build_path(p, record->line, id, path)) {
        return no_room_for_path(p, err);
    }
    return append(p, &sample, err);
}

/* The first record of a csv with two columns. */
static s4d_status check_header(const s4d_record *r, s4d_err *err)
{
    long number;
    if (r->fault || r->columns != 2 || whole_number(r->field[1], &number)) {
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
        status = header ? check_header(&record, err) : take_record(p, &record, err);
        header = false;
    }
    if (status == S4D_OK && s4d_list_failed(reader)) {
        status = s4d_err_memory(err, S4D_PATH_MAX, "a line");
    }
    return status;
}

static s4d_status read_list(parse *p, s4d_err *err)
{
    s4d_bytes text = {0};
    s4d_list_reader reader = {0};
    s4d_status status = s4d_file_read(p->path, LIST_SIZE_MAX, &text, err);
    if (status != S4D_OK) {
        return status;
    }
    status = s4d_list_text(&text, err);
    if (status == S4D_OK) {
        s4d_list_init(&reader, (const char *)text.data, text.size, p->opts->format);
        status = take_records(p, &reader, err);
    }
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", p->path);
    }
    s4d_list_release(&reader);
    s4d_bytes_release(&text);
    return status;
}

/* ---- manifests ---- */

/* Whether a row belongs to what is asked for. */
static bool chosen(const parse *p, const s4d_row *row)
{
    static const char *const split[] = {[S4D_LIST_TRAIN] = "train", [S4D_LIST_VAL] = "val", [S4D_LIST_TEST] = "test"};
    bool tested = p->role != S4D_LIST_TRAIN;
    if (row->split[0] ? strcmp(row->split, split[p->role]) != 0 : p->finds) {
        return false;
    }
    return row->fold == 0 || p->opts->fold == 0 || (row->fold == p->opts->fold) == tested;
}

static s4d_status check_columns(const parse *p, const s4d_table *t, s4d_err *err)
{
    if (p->opts->class_count > 0 && !t->has[S4D_COLUMN_LABEL]) {
        return s4d_err_set(err, S4D_FAILED, "%s: line 1: the header has no column \"label\"; add it", p->path);
    }
    if (t->has[S4D_COLUMN_FOLD] && p->opts->class_count > 0 && p->opts->fold == 0) {
        return s4d_err_set(err, S4D_USAGE,
                           "%s: the manifest has folds; set the set's fold to the one to test on", p->path);
    }
    if (p->opts->fold > 0 && !t->has[S4D_COLUMN_FOLD]) {
        return s4d_err_set(err, S4D_USAGE, "%s: the manifest has no column \"fold\", but the set's fold is %d; set it to 0",
                           p->path, p->opts->fold);
    }
    return S4D_OK;
}

static s4d_status take_row(parse *p, const s4d_row *row, s4d_err *err)
{
    char path[S4D_PATH_MAX], id[S4D_PATH_MAX + 64];
    s4d_sample sample = {.id = id, .path = path, .label = -1, .start = row->start, .end = row->end};
    sample.subject = row->subject[0] ? row->subject : NULL;
    snprintf(id, sizeof id, "%.*s", S4D_PATH_MAX - 1, row->path);
    if (row->start > 0 || isfinite(row->end)) {
        size_t n = strlen(id);
        snprintf(id + n, sizeof id - n, isfinite(row->end) ? "@%.9g-%.9g" : "@%.9g-", row->start, row->end);
    }
    bool good = p->opts->class_count == 0 || named_label(p, row->line, row->label, &sample.label);
    if (!good || !build_path(p, row->line, row->path, path)) {
        return no_room_for_path(p, err);
    }
    return append(p, &sample, err);
}

static s4d_status read_manifest(parse *p, s4d_err *err)
{
    s4d_table table;
    s4d_status status = s4d_table_read(p->path, &table, err);
    if (status == S4D_OK) {
        status = check_columns(p, &table, err);
    }
    for (size_t i = 0; i < table.count && status == S4D_OK; i++) {
        if (chosen(p, &table.row[i])) {
            status = take_row(p, &table.row[i], err);
        }
    }
    if (status == S4D_OK && table.count > 0 && p->manifest->count == 0 && p->faults.count == 0 && !p->finds) {
        static const char *const use[] = {[S4D_LIST_TRAIN] = "training", [S4D_LIST_VAL] = "validation", [S4D_LIST_TEST] = "testing"};
        status = s4d_err_set(err, S4D_FAILED, "%s: no line of the manifest is for %s%s; correct split and fold", p->path,
                             use[p->role], p->opts->fold > 0 ? " in this fold" : "");
    }
    s4d_table_release(&table);
    return status;
}

/* ---- either ---- */

static s4d_status tell_faults(const parse *p, s4d_err *err)
{
    const faults *f = &p->faults;
    if (f->count == 1) {
        return s4d_err_set(err, S4D_FAILED, "%s: %s; %s", p->path, f->text, f->remedy);
    }
    if (f->count > 1) {
        return s4d_err_set(err, S4D_FAILED, "%s: %s (and %ld more faulty line%s); %s", p->path, f->text, f->count - 1,
                           f->count > 2 ? "s" : "", f->remedy);
    }
    if (p->manifest->count == 0 && !p->finds) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: the list is empty; add samples, or leave the list out of the settings", p->path);
    }
    return S4D_OK;
}

/* The list's place, with the number of the fold where "{fold}" stands. */
static s4d_status list_path(const s4d_set_opts *o, const char *list, char path[S4D_PATH_MAX], s4d_err *err)
{
    static const char mark[] = "{fold}";
    const char *at = strstr(list, mark);
    char name[S4D_PATH_MAX + 16];
    if (at && o->fold == 0) {
        return s4d_err_set(err, S4D_USAGE, "%s: stands for a fold's list; set the set's fold to a number above 0", list);
    }
    if (at) {
        snprintf(name, sizeof name, "%.*s%d%s", (int)(at - list), list, o->fold, at + strlen(mark));
    } else {
        snprintf(name, sizeof name, "%s", list);
    }
    return s4d_path_join(path, o->root, name, err);
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

s4d_status s4d_manifest_read(const s4d_set_opts *opts, s4d_list_role role, s4d_bad_sample on_bad,
                             s4d_manifest *out, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    const char *list = role == S4D_LIST_TRAIN ? opts->train : role == S4D_LIST_TEST ? opts->test : opts->val;
    parse p = {.path = path, .opts = opts, .role = role, .on_bad = on_bad, .manifest = out};
    p.finds = role == S4D_LIST_VAL && !list[0];
    *out = (s4d_manifest){0};
    if (p.finds) {
        list = opts->train[0] ? opts->train : opts->test;
        if (opts->format != S4D_LIST_MANIFEST || !list[0]) {
            return S4D_OK;
        }
    }
    s4d_status status = copy_classes(opts, out, err);
    if (status == S4D_OK) {
        status = list_path(opts, list, path, err);
    }
    if (status == S4D_OK) {
        status = s4d_store_open(opts->root, &out->store, err);
    }
    if (status == S4D_OK) {
        status = opts->format == S4D_LIST_MANIFEST ? read_manifest(&p, err) : read_list(&p, err);
    }
    if (status == S4D_OK) {
        status = tell_faults(&p, err);
    }
    if (status != S4D_OK) {
        s4d_manifest_release(out);
    }
    s4d_str_release(&p.built);
    return status;
}

void s4d_manifest_release(s4d_manifest *m)
{
    for (size_t i = 0; i < m->count; i++) {
        s4d_mem_free(m->sample[i].id);
        s4d_mem_free(m->sample[i].path);
        s4d_mem_free(m->sample[i].subject);
    }
    s4d_mem_free(m->sample);
    s4d_store_close(&m->store);
    *m = (s4d_manifest){0};
}
