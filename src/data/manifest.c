/* Reading and checking a set's list of samples. */
#include "s4d/data/manifest.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/data/content.h"
#include "s4d/data/hint.h"
#include "s4d/data/list.h"
#include "s4d/data/pack.h"
#include "s4d/data/table.h"

enum { FAULTS_NAMED = 20 };

/* The faulty lines: the first in words with its remedy, some more for warnings, all counted. */
typedef struct faults {
    long count;
    char text[640], remedy[S4D_HINT_MAX];
    s4d_strlist more;
    long lines;   /* that were read */
    long missing; /* whose file is not there */
} faults;

typedef struct parse {
    const char *path; /* of the list */
    const s4d_set_opts *opts;
    s4d_list_role role;
    s4d_bad_sample on_bad;
    bool finds; /* rows of split val in a list that is not named for them: only those that say so, and there may be none */
    s4d_manifest *manifest;
    faults faults;
    s4d_str built; /* a path in the making */
} parse;

static const char CORRECT_LIST[] = "correct the list";

__attribute__((format(printf, 4, 5))) static void add_fault(parse *p, long line, const char *remedy,
                                                            const char *format, ...)
{
    faults *f = &p->faults;
    char text[sizeof f->text];
    if (f->count++ >= FAULTS_NAMED) {
        return;
    }
    int n = snprintf(text, sizeof text, "line %ld: ", line);
    va_list args;
    va_start(args, format);
    vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    va_end(args);
    if (f->count == 1) {
        memcpy(f->text, text, sizeof text);
        snprintf(f->remedy, sizeof f->remedy, "%s", remedy);
    } else {
        s4d_strlist_add(&f->more, text); /* without memory there is one warning less */
    }
}

/* ---- labels ---- */

static bool numbered_label(parse *p, long line, const char *text, int32_t *label)
{
    long first = p->opts->first_label, number;
    if (!s4d_labels_number(text, &number)) {
        *label = s4d_labels_find(p->opts->classes, p->opts->class_count, text); /* a name tells it as well */
        if (*label < 0) {
            add_fault(p, line, CORRECT_LIST, "label \"%.60s\" is not a whole number%s", text,
                      s4d_labels_numeric(text) ? "" : " and no class");
        }
        return *label >= 0;
    }
    if (number < first || number - first >= p->opts->class_count) {
        add_fault(p, line, "correct the list, or the settings classes and first_label",
                  "label %ld is not in %ld..%ld", number, first, first + p->opts->class_count - 1);
        return false;
    }
    *label = (int32_t)(number - first);
    return true;
}

static void fault_name(parse *p, long line, const char *name)
{
    s4d_str known = {0};
    if (!*name) {
        add_fault(p, line, CORRECT_LIST, "the label is empty");
        return;
    }
    if (s4d_labels_numeric(name)) {
        add_fault(p, line, "write names, as \"s4d data index csv --classes TABLE\" does",
                  "label \"%.60s\" is a number, but a manifest holds names of classes", name);
        return;
    }
    for (int i = 0; i < p->opts->class_count && p->faults.count < FAULTS_NAMED; i++) {
        s4d_str_printf(&known, "%s%s", i ? ", " : "", p->opts->classes[i]);
    }
    add_fault(p, line, "correct the list, or the setting classes", "\"%.60s\" is none of the classes %.400s", name,
              known.text ? known.text : "");
    s4d_str_release(&known);
}

static bool read_label(parse *p, long line, const char *text, int32_t *label)
{
    if (p->opts->class_count == 0) {
        return true;
    }
    if (p->opts->format != S4D_LIST_MANIFEST) {
        return numbered_label(p, line, text, label);
    }
    *label = s4d_labels_find(p->opts->classes, p->opts->class_count, text);
    if (*label < 0) {
        fault_name(p, line, text);
    }
    return *label >= 0;
}

/* ---- paths ---- */

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

static void fault_missing(parse *p, long line, const char *path)
{
    char hint[S4D_HINT_MAX] = "";
    if (p->faults.count == 0) { /* what is wrong with the first is wrong with most of them */
        s4d_path_hint(p->manifest->store, p->opts->root, p->built.text, hint);
    }
    p->faults.missing++;
    add_fault(p, line,
              hint[0] ? hint : "correct the list, or the settings root, zero_pad and suffix, or set on_bad_sample to \"skip\"",
              p->manifest->store ? "%.400s is not in the pack" : "%.400s does not exist", path);
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
        fault_missing(p, line, path);
        return false;
    }
    return true;
}

/* A copy of a text, or of the one before where they are equal. */
static const char *keep_text(s4d_manifest *m, const char *text, const char *before)
{
    return before && strcmp(text, before) == 0 ? before : s4d_texts_add(&m->texts, text);
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
    s4d_sample *s = &m->sample[m->count];
    *s = *sample;
    s->path = s4d_texts_add(&m->texts, sample->path);
    size_t path = strlen(sample->path), id = strlen(sample->id);
    if (s->path) { /* most often one is the end of the other */
        s->id = keep_text(m, sample->id, id <= path ? s->path + path - id : NULL);
    }
    if (sample->subject) {
        s->subject = keep_text(m, sample->subject, m->count > 0 ? s[-1].subject : NULL);
    }
    if (!s->path || !s->id || (sample->subject && !s->subject)) {
        return s4d_err_memory(err, path + id, "a list of samples");
    }
    m->count++;
    return S4D_OK;
}

static s4d_status no_room_for_path(const parse *p, s4d_err *err)
{
    return p->built.failed ? s4d_err_memory(err, S4D_PATH_MAX, "a path") : S4D_OK;
}

/* ---- plain lines ---- */

static s4d_status take_record(parse *p, const s4d_record *record, s4d_err *err)
{
    bool labelled = p->opts->format != S4D_LIST_PATHS;
    p->faults.lines++;
    const char *fault = labelled && !record->fault ? s4d_list_misfit(record) : NULL;
    char path[S4D_PATH_MAX];
    s4d_sample sample = {.id = record->field[0], .path = path, .label = -1, .end = INFINITY};
    if (record->fault) {
        add_fault(p, record->line, CORRECT_LIST, "%s", record->fault);
    } else if (fault) {
        add_fault(p, record->line, CORRECT_LIST, "%s \"%.200s\"", fault, sample.id);
    } else if ((!labelled || read_label(p, record->line, record->field[1], &sample.label)) &&
               build_path(p, record->line, sample.id, path)) {
        return append(p, &sample, err);
    }
    return no_room_for_path(p, err);
}

/* Whether the first line of "path label" names the two. */
static bool is_header(const s4d_record *r)
{
    s4d_column first, second;
    return r->columns == 2 && s4d_list_head(r->field[0], &first) != S4D_HEAD_NONE && first == S4D_COLUMN_PATH &&
           s4d_list_head(r->field[1], &second) != S4D_HEAD_NONE && second == S4D_COLUMN_LABEL;
}

/* *headed: the list has named columns, and nothing was taken. */
static s4d_status read_list(parse *p, bool *headed, s4d_err *err)
{
    s4d_list list;
    s4d_record record;
    s4d_status status = s4d_list_open(p->path, &list, err);
    *headed = status == S4D_OK && s4d_list_headed(&list);
    if (status == S4D_OK && !*headed) {
        s4d_list_begin(&list, p->opts->format == S4D_LIST_PATHS ? S4D_CUT_NONE : S4D_CUT_LAST);
    }
    for (bool first = true; status == S4D_OK && !*headed && !p->finds && s4d_list_next(&list, &record); first = false) {
        status = first && is_header(&record) ? S4D_OK : take_record(p, &record, err);
    }
    s4d_list_release(&list);
    return status;
}

/* ---- named columns ---- */

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

static s4d_status check_columns(const parse *p, const s4d_rows *rows, s4d_err *err)
{
    bool folds = s4d_rows_have(rows, S4D_COLUMN_FOLD);
    if (p->opts->class_count > 0 && !s4d_rows_have(rows, S4D_COLUMN_LABEL)) {
        return s4d_err_set(err, S4D_FAILED, "%s: line 1: the header has no column \"label\"; add it", p->path);
    }
    if (folds && p->opts->class_count > 0 && p->opts->fold == 0) {
        return s4d_err_set(err, S4D_USAGE,
                           "%s: the manifest has folds; set the set's fold to the one to test on", p->path);
    }
    if (p->opts->fold > 0 && !folds && p->opts->format == S4D_LIST_MANIFEST) {
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
    s4d_content_parse(row->content, sample.content); /* what is no hash has been refused */
    p->faults.lines++;
    snprintf(id, sizeof id, "%.*s", S4D_PATH_MAX - 1, row->path);
    if (row->start > 0 || isfinite(row->end)) {
        size_t n = strlen(id);
        snprintf(id + n, sizeof id - n, isfinite(row->end) ? "@%.9g-%.9g" : "@%.9g-", row->start, row->end);
    }
    if (!read_label(p, row->line, row->label, &sample.label) || !build_path(p, row->line, row->path, path)) {
        return no_room_for_path(p, err);
    }
    return append(p, &sample, err);
}

static s4d_status nothing_chosen(const parse *p, s4d_err *err)
{
    static const char *const use[] = {[S4D_LIST_TRAIN] = "training", [S4D_LIST_VAL] = "validation", [S4D_LIST_TEST] = "testing"};
    return s4d_err_set(err, S4D_FAILED, "%s: no line of the manifest is for %s%s; correct split and fold", p->path,
                       use[p->role], p->opts->fold > 0 ? " in this fold" : "");
}

static s4d_status read_rows(parse *p, s4d_err *err)
{
    s4d_rows *rows;
    s4d_row row;
    bool any = false;
    s4d_status status = s4d_rows_open(p->path, p->opts->format == S4D_LIST_CSV, &rows, err);
    if (status == S4D_OK) {
        status = check_columns(p, rows, err);
    }
    while (status == S4D_OK && s4d_rows_next(rows, &row)) {
        any = true;
        status = chosen(p, &row) ? take_row(p, &row, err) : S4D_OK;
    }
    if (status == S4D_OK) {
        status = s4d_rows_check(rows, err);
    }
    if (status == S4D_OK && any && p->manifest->count == 0 && p->faults.count == 0 && !p->finds) {
        status = nothing_chosen(p, err);
    }
    s4d_rows_close(&rows);
    return status;
}

/* ---- either ---- */

static s4d_status tell_faults(const parse *p, s4d_err *err)
{
    const faults *f = &p->faults;
    if (f->count > 1 && f->missing == f->lines) {
        return s4d_err_set(err, S4D_FAILED, "%s: none of the %ld files is below %.200s (%.300s); %s", p->path, f->missing,
                           p->opts->root, f->text, f->remedy);
    }
    for (size_t i = 0; i < f->more.count && f->count < f->lines; i++) { /* else one cause has all of them */
        s4d_log(S4D_LOG_WARN, "%s: %s", p->path, f->more.item[i]);
    }
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

static s4d_status read_any(parse *p, s4d_err *err)
{
    bool headed = p->opts->format == S4D_LIST_MANIFEST || p->opts->format == S4D_LIST_CSV;
    s4d_status status = headed ? S4D_OK : read_list(p, &headed, err);
    if (status == S4D_OK && headed) {
        status = read_rows(p, err);
    }
    return status == S4D_OK ? tell_faults(p, err) : status;
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
        if (!list[0]) {
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
        status = read_any(&p, err);
    }
    if (status != S4D_OK) {
        s4d_manifest_release(out);
    }
    s4d_strlist_release(&p.faults.more);
    s4d_str_release(&p.built);
    return status;
}

void s4d_manifest_release(s4d_manifest *m)
{
    s4d_texts_release(&m->texts);
    s4d_mem_free(m->sample);
    s4d_store_close(&m->store);
    *m = (s4d_manifest){0};
}
