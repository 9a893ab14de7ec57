/* The manifest as a table: reading with its form checked, and writing. */
#include "s4d/data/table.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/list.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"

enum { TABLE_SIZE_MAX = 1 << 30, FOLD_MAX = 1000 };

static const char *const names[S4D_COLUMNS] = {"path", "label", "split", "fold", "subject", "start", "end"};

const char *s4d_column_name(s4d_column column)
{
    return names[column];
}

void s4d_table_release(s4d_table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        s4d_mem_free(t->row[i].path);
        s4d_mem_free(t->row[i].label);
        s4d_mem_free(t->row[i].split);
        s4d_mem_free(t->row[i].subject);
    }
    s4d_mem_free(t->row);
    *t = (s4d_table){0};
}

s4d_status s4d_table_add(s4d_table *t, const s4d_row *row, s4d_err *err)
{
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 256;
        if (!s4d_mem_grow(&t->row, t->room, room, sizeof *t->row)) {
            return s4d_err_memory(err, room * sizeof *t->row, "a manifest");
        }
        t->room = room;
    }
    s4d_row *to = &t->row[t->count++];
    *to = *row;
    to->path = s4d_mem_strdup(row->path);
    to->label = s4d_mem_strdup(row->label ? row->label : "");
    to->split = s4d_mem_strdup(row->split ? row->split : "");
    to->subject = s4d_mem_strdup(row->subject ? row->subject : "");
    return to->path && to->label && to->split && to->subject
               ? S4D_OK
               : s4d_err_memory(err, strlen(row->path), "a manifest");
}

/* ---- reading ---- */

/* Where the columns of a file stand, and its faulty lines: the first in words, the others counted. */
typedef struct parse {
    int at[S4D_COLUMNS]; /* field of each column, -1: absent */
    int columns;
    long faults;
    char text[400];
} parse;

__attribute__((format(printf, 3, 4))) static bool fault(parse *p, long line, const char *format, ...)
{
    if (p->faults++ == 0) {
        int n = snprintf(p->text, sizeof p->text, "line %ld: ", line);
        va_list args;
        va_start(args, format);
        vsnprintf(p->text + n, sizeof p->text - (size_t)n, format, args);
        va_end(args);
    }
    return false;
}

static int column_of(const char *name)
{
    for (int c = 0; c < S4D_COLUMNS; c++) {
        if (strcmp(names[c], name) == 0) {
            return c;
        }
    }
    return -1;
}

static s4d_status read_header(parse *p, const s4d_record *r, s4d_err *err)
{
    static const char remedy[] = "a manifest's columns are path, label, split, fold, subject, start and end";
    for (int c = 0; c < S4D_COLUMNS; c++) {
        p->at[c] = -1;
    }
    p->columns = r->columns;
    for (int i = 0; i < r->columns && i < S4D_LIST_COLUMNS; i++) {
        int c = column_of(r->field[i]);
        if (c < 0 || r->fault) {
            const char *near = s4d_str_nearest(r->field[i], names, S4D_COLUMNS);
            return s4d_err_set(err, S4D_FAILED, "line %ld: \"%.60s\" is no column; %s%s%s%s", r->line,
                               r->field[i], near ? "did you mean " : "", near ? near : "", near ? "? " : "",
                               remedy);
        }
        if (p->at[c] >= 0) {
            return s4d_err_set(err, S4D_FAILED, "line %ld: the column \"%s\" stands there twice; keep one",
                               r->line, names[c]);
        }
        p->at[c] = i;
    }
    if (r->columns > S4D_COLUMNS) {
        return s4d_err_set(err, S4D_FAILED, "line %ld: %d columns; %s", r->line, r->columns, remedy);
    }
    if (p->at[S4D_COLUMN_PATH] < 0) {
        return s4d_err_set(err, S4D_FAILED, "line %ld: the column \"path\" is missing from the header; %s",
                           r->line, remedy);
    }
    return S4D_OK;
}

static const char *field(const parse *p, const s4d_record *r, s4d_column c)
{
    return p->at[c] >= 0 ? r->field[p->at[c]] : "";
}

static bool read_fold(parse *p, const s4d_record *r, int *fold)
{
    const char *text = field(p, r, S4D_COLUMN_FOLD);
    char *end;
    if (!*text) {
        return true;
    }
    errno = 0;
    long value = strtol(text, &end, 10);
    if (*end || errno || value < 1 || value > FOLD_MAX) {
        return fault(p, r->line, "fold \"%.40s\" is not a whole number from 1 to %d", text, FOLD_MAX);
    }
    *fold = (int)value;
    return true;
}

static bool read_time(parse *p, const s4d_record *r, s4d_column c, double *seconds)
{
    const char *text = field(p, r, c);
    char *end;
    if (!*text) {
        return true;
    }
    double value = strtod(text, &end);
    bool plain = text[strspn(text, "0123456789.+-eE")] == '\0'; /* neither hexadecimal nor a word */
    if (!plain || *end || !isfinite(value) || value < 0) {
        return fault(p, r->line, "%s \"%.40s\" is not a number of seconds", names[c], text);
    }
    *seconds = value;
    return true;
}

static bool read_row(parse *p, const s4d_record *r, s4d_row *row)
{
    *row = (s4d_row){.path = (char *)field(p, r, S4D_COLUMN_PATH),
                     .label = (char *)field(p, r, S4D_COLUMN_LABEL),
                     .split = (char *)field(p, r, S4D_COLUMN_SPLIT),
                     .subject = (char *)field(p, r, S4D_COLUMN_SUBJECT),
                     .end = INFINITY,
                     .line = r->line};
    if (r->fault) {
        return fault(p, r->line, "%s", r->fault);
    }
    if (r->columns != p->columns) {
        return fault(p, r->line, "%d columns where the header has %d", r->columns, p->columns);
    }
    if (!*row->path) {
        return fault(p, r->line, "the path is empty");
    }
    if (*row->split && strcmp(row->split, "train") != 0 && strcmp(row->split, "test") != 0 &&
        strcmp(row->split, "val") != 0) {
        return fault(p, r->line, "split \"%.40s\" is none of train, test and val", row->split);
    }
    if (!read_fold(p, r, &row->fold) || !read_time(p, r, S4D_COLUMN_START, &row->start) ||
        !read_time(p, r, S4D_COLUMN_END, &row->end)) {
        return false;
    }
    if (!(row->start < row->end)) {
        return fault(p, r->line, "start %g is not before end %g", row->start, row->end);
    }
    return true;
}

static s4d_status read_rows(s4d_list_reader *reader, s4d_table *t, s4d_err *err)
{
    parse p = {0};
    s4d_record record;
    s4d_row row;
    if (!s4d_list_next(reader, &record)) {
        return s4d_err_set(err, S4D_FAILED, "the list is empty; a manifest begins with a header such as path,label");
    }
    s4d_status status = read_header(&p, &record, err);
    for (int c = 0; c < S4D_COLUMNS; c++) {
        t->has[c] = p.at[c] >= 0;
    }
    while (status == S4D_OK && s4d_list_next(reader, &record)) {
        if (read_row(&p, &record, &row)) {
            status = s4d_table_add(t, &row, err);
        }
    }
    if (status == S4D_OK && s4d_list_failed(reader)) {
        status = s4d_err_memory(err, S4D_PATH_MAX, "a line");
    }
    if (status == S4D_OK && p.faults > 0) {
        char more[60] = "";
        if (p.faults > 1) {
            snprintf(more, sizeof more, " (and %ld more faulty line%s)", p.faults - 1, p.faults > 2 ? "s" : "");
        }
        status = s4d_err_set(err, S4D_FAILED, "%s%s; correct the manifest", p.text, more);
    }
    return status;
}

s4d_status s4d_table_read(const char *path, s4d_table *out, s4d_err *err)
{
    s4d_bytes text = {0};
    s4d_list_reader reader = {0};
    *out = (s4d_table){0};
    s4d_status status = s4d_file_read(path, TABLE_SIZE_MAX, &text, err);
    if (status != S4D_OK) {
        return status;
    }
    status = s4d_list_text(&text, err);
    if (status == S4D_OK) {
        s4d_list_init(&reader, (const char *)text.data, text.size, S4D_LIST_MANIFEST);
        status = read_rows(&reader, out, err);
    }
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", path);
        s4d_table_release(out);
    }
    s4d_list_release(&reader);
    s4d_bytes_release(&text);
    return status;
}

/* ---- writing ---- */

/* The shortest of a few forms that reads back the same. */
static void put_time(s4d_str *out, double seconds)
{
    static const int digits[] = {9, 12, 15, 17};
    char text[40];
    for (size_t i = 0; i < sizeof digits / sizeof *digits; i++) {
        snprintf(text, sizeof text, "%.*g", digits[i], seconds);
        if (strtod(text, NULL) == seconds) {
            break;
        }
    }
    s4d_str_add(out, text);
}

static void put_cell(s4d_str *out, const s4d_row *row, s4d_column c)
{
    switch (c) {
    case S4D_COLUMN_PATH: s4d_str_csv(out, row->path); break;
    case S4D_COLUMN_LABEL: s4d_str_csv(out, row->label); break;
    case S4D_COLUMN_SPLIT: s4d_str_csv(out, row->split); break;
    case S4D_COLUMN_SUBJECT: s4d_str_csv(out, row->subject); break;
    case S4D_COLUMN_FOLD:
        if (row->fold > 0) {
            s4d_str_printf(out, "%d", row->fold);
        }
        break;
    case S4D_COLUMN_START:
        if (row->start > 0) {
            put_time(out, row->start);
        }
        break;
    case S4D_COLUMN_END:
        if (isfinite(row->end) && row->end > 0) {
            put_time(out, row->end);
        }
        break;
    case S4D_COLUMNS: break;
    }
}

s4d_status s4d_table_write(const char *path, const s4d_table *t, s4d_err *err)
{
    s4d_str out = {0};
    for (size_t i = 0; i <= t->count; i++) {
        for (int c = 0; c < S4D_COLUMNS; c++) {
            if (c != S4D_COLUMN_PATH && !t->has[c]) {
                continue;
            }
            if (c != S4D_COLUMN_PATH) {
                s4d_str_add(&out, ",");
            }
            if (i == 0) {
                s4d_str_add(&out, names[c]);
            } else {
                put_cell(&out, &t->row[i - 1], (s4d_column)c);
            }
        }
        s4d_str_add(&out, "\n");
    }
    s4d_status status = out.failed ? s4d_err_memory(err, out.size, "a manifest")
                                   : s4d_file_write(path, out.text, out.size, err);
    s4d_str_release(&out);
    return status;
}
