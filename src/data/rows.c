/* The rows of a csv with named columns, one after the other, each checked. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/rows.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/data/content.h"
#include "s4d/data/manifest.h"

enum { FOLD_MAX = 1000 };

__attribute__((format(printf, 3, 4))) static bool fault(s4d_rows *r, long line, const char *format, ...)
{
    if (r->faults++ == 0) {
        int n = snprintf(r->text, sizeof r->text, "line %ld: ", line);
        va_list args;
        va_start(args, format);
        vsnprintf(r->text + n, sizeof r->text - (size_t)n, format, args);
        va_end(args);
    }
    return false;
}

static const char *field(const s4d_rows *r, s4d_column c)
{
    return r->heads.at[c] >= 0 ? r->record.field[r->heads.at[c]] : "";
}

/* ---- opening ---- */

static s4d_status read_header(s4d_rows *r, bool two, s4d_err *err)
{
    if (!s4d_list_next(&r->list, &r->record)) {
        return s4d_err_set(err, S4D_FAILED, "the list is empty; a manifest begins with a header such as path,label");
    }
    s4d_status status = s4d_heads_read(&r->record, two, &r->heads, err);
    if (status == S4D_OK && r->heads.unnamed) {
        s4d_log(S4D_LOG_INFO, "%s: a column without a name, such as the index that pandas writes, is not read", r->path);
    } else if (status == S4D_OK && r->heads.unread[0]) {
        s4d_log(S4D_LOG_INFO, "%s: not read are the columns %s", r->path, r->heads.unread);
    }
    return status;
}

s4d_status s4d_rows_open(const char *path, bool two, s4d_rows **out, s4d_err *err)
{
    s4d_rows *r = *out = s4d_mem_alloc(1, sizeof *r);
    if (!r) {
        return s4d_err_memory(err, sizeof *r, path);
    }
    snprintf(r->path, sizeof r->path, "%s", path);
    s4d_status status = s4d_list_open(path, &r->list, err);
    if (status == S4D_OK) {
        s4d_list_begin(&r->list, S4D_CUT_FIELDS);
        status = read_header(r, two, err);
        if (status != S4D_OK) {
            s4d_err_prefix(err, "%s", path);
        }
    }
    if (status != S4D_OK) {
        s4d_rows_close(out);
    }
    return status;
}

bool s4d_rows_have(const s4d_rows *r, s4d_column column)
{
    return r->heads.at[column] >= 0;
}

size_t s4d_rows_count(const s4d_rows *r)
{
    size_t n = 1, most = r->list.text.size / 8 + 1; /* blank lines are no rows */
    const char *end = (const char *)r->list.text.data + r->list.text.size;
    for (const char *at = r->list.at; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        n++;
    }
    return n < most ? n : most;
}

void s4d_rows_close(s4d_rows **r)
{
    if (*r) {
        s4d_list_release(&(*r)->list);
        s4d_mem_free(*r);
    }
    *r = NULL;
}

/* ---- a row ---- */

/* A split in the manifest's words, NULL: none of them. */
static const char *split_of(const char *text)
{
    static const char *const words[][2] = {{"", ""},           {"train", "train"},   {"training", "train"},   {"test", "test"},
                                           {"testing", "test"}, {"val", "val"},       {"valid", "val"},        {"validation", "val"},
                                           {"PublicTest", "val"}, {"PrivateTest", "test"}}; /* of FER2013 */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i][0]) == 0) {
            return words[i][1];
        }
    }
    return NULL;
}

static bool read_fold(s4d_rows *r, int *fold)
{
    const char *text = field(r, S4D_COLUMN_FOLD);
    long value;
    if (!*text) {
        return true;
    }
    if (!s4d_labels_number(text, &value) || value < 1 || value > FOLD_MAX) {
        return fault(r, r->record.line, "fold \"%.40s\" is not a whole number from 1 to %d", text, FOLD_MAX);
    }
    *fold = (int)value;
    return true;
}

static bool read_time(s4d_rows *r, s4d_column c, double *seconds)
{
    const char *text = field(r, c), *comma = strchr(text, ',');
    char *end;
    if (!*text) {
        return true;
    }
    double value = strtod(text, &end);
    bool plain = text[strspn(text, "0123456789.+-eE")] == '\0'; /* neither hexadecimal nor a word */
    if (!plain || *end || !isfinite(value) || value < 0) {
        bool decimal = comma && strspn(text, "0123456789,") == strlen(text) && !strchr(comma + 1, ',') && comma > text && comma[1];
        return fault(r, r->record.line, "%s \"%.40s\" is not a number of seconds%s", s4d_column_name(c), text,
                     decimal ? ", which are written with a point" : "");
    }
    *seconds = value;
    return true;
}

/* Whether fields from `from` on are empty. */
static bool are_empty(const s4d_record *r, int from)
{
    for (int i = from; i < r->columns && i < S4D_LIST_FIELDS; i++) {
        if (r->field[i][0]) {
            return false;
        }
    }
    return r->columns <= S4D_LIST_FIELDS;
}

static bool check_columns(s4d_rows *r)
{
    const s4d_record *record = &r->record;
    const char *why = "";
    if (record->columns == r->heads.columns || (record->columns > r->heads.columns && are_empty(record, r->heads.columns))) {
        return true;
    }
    const char *other = record->columns == 1 ? strpbrk(record->field[0], ",;|\t") : NULL;
    if (other) {
        return fault(r, record->line, "the fields are separated by \"%c\", those of the header by \"%c\"", *other, r->list.separator);
    }
    if (record->columns == r->heads.columns + 1 && s4d_labels_number(record->field[0], NULL)) {
        why = "; the number in front needs a name in the header, or may be left out";
    } else if (record->columns > r->heads.columns) {
        why = "; a field that holds the separator stands in quotes";
    }
    return fault(r, record->line, "%d columns where the header has %d%s", record->columns, r->heads.columns, why);
}

static bool read_row(s4d_rows *r, s4d_row *row)
{
    const s4d_record *record = &r->record;
    *row = (s4d_row){.path = field(r, S4D_COLUMN_PATH),
                     .label = field(r, S4D_COLUMN_LABEL),
                     .split = split_of(field(r, S4D_COLUMN_SPLIT)),
                     .subject = field(r, S4D_COLUMN_SUBJECT),
                     .content = field(r, S4D_COLUMN_CONTENT),
                     .end = INFINITY,
                     .line = record->line};
    if (record->fault) {
        return fault(r, record->line, "%s", record->fault);
    }
    if (!check_columns(r)) {
        return false;
    }
    if (!*row->path) {
        return fault(r, record->line, "the path is empty");
    }
    if (!row->split) {
        return fault(r, record->line, "split \"%.40s\" is none of train, test and val", field(r, S4D_COLUMN_SPLIT));
    }
    uint64_t hash[2];
    if (*row->content && !s4d_content_parse(row->content, hash)) {
        return fault(r, record->line, "content \"%.40s\" is not a hash of %d hexadecimal digits", row->content, S4D_CONTENT_DIGITS);
    }
    if (!read_fold(r, &row->fold) || !read_time(r, S4D_COLUMN_START, &row->start) || !read_time(r, S4D_COLUMN_END, &row->end)) {
        return false;
    }
    return row->start < row->end || fault(r, record->line, "start %g is not before end %g", row->start, row->end);
}

bool s4d_rows_next(s4d_rows *r, s4d_row *row)
{
    while (s4d_list_next(&r->list, &r->record)) {
        if (are_empty(&r->record, 0) && r->record.columns > 1 && !r->record.fault) {
            continue; /* nothing but separators, as spreadsheets leave below a table */
        }
        if (read_row(r, row)) {
            bool swapped = s4d_list_is_path(row->label) && !s4d_list_is_path(row->path);
            if (r->rows++ == r->swapped && swapped) {
                r->swapped++;
                r->first = r->swapped == 1 ? *row : r->first;
            }
            return true;
        }
    }
    return false;
}

s4d_status s4d_rows_check(const s4d_rows *r, s4d_err *err)
{
    s4d_status status = S4D_OK;
    if (r->faults > 0) {
        char more[60] = "";
        if (r->faults > 1) {
            snprintf(more, sizeof more, " (and %ld more faulty line%s)", r->faults - 1, r->faults > 2 ? "s" : "");
        }
        status = s4d_err_set(err, S4D_FAILED, "%s%s; correct the manifest", r->text, more);
    } else if (r->rows > 0 && r->swapped == r->rows) {
        status = s4d_err_set(err, S4D_FAILED,
                             "line %ld: \"%.200s\" stands under label and \"%.60s\" under path; the two are swapped, so name them the "
                             "other way round", r->first.line, r->first.label, r->first.path);
    }
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", r->path);
    }
    return status;
}
