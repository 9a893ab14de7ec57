/* The manifest as a table: reading with its form checked, and writing. */
#include "s4d/data/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/rows.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"

static const char *const names[S4D_COLUMNS] = {"path", "label", "split", "fold", "subject", "start", "end", "content"};

const char *s4d_column_name(s4d_column column)
{
    return names[column];
}

void s4d_table_release(s4d_table *t)
{
    s4d_bytes_release(&t->text);
    s4d_texts_release(&t->texts);
    s4d_mem_free(t->row);
    *t = (s4d_table){0};
}

static s4d_status make_room(s4d_table *t, size_t room, s4d_err *err)
{
    if (!s4d_mem_grow(&t->row, t->count, room, sizeof *t->row)) {
        return s4d_err_memory(err, room * sizeof *t->row, "a manifest");
    }
    t->room = room;
    return S4D_OK;
}

s4d_status s4d_table_add(s4d_table *t, const s4d_row *row, s4d_err *err)
{
    s4d_status status = t->count < t->room ? S4D_OK : make_room(t, t->room ? 2 * t->room : 256, err);
    if (status != S4D_OK) {
        return status;
    }
    s4d_row *to = &t->row[t->count];
    *to = *row;
    const char **const text[] = {&to->path, &to->label, &to->split, &to->subject, &to->content};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        *text[i] = *text[i] && **text[i] ? s4d_texts_add(&t->texts, *text[i]) : "";
        if (!*text[i]) {
            return s4d_err_memory(err, S4D_PATH_MAX, "a manifest");
        }
    }
    t->count++;
    return S4D_OK;
}

s4d_status s4d_table_read(const char *path, s4d_table *out, s4d_err *err)
{
    s4d_rows *rows = NULL;
    s4d_row row;
    *out = (s4d_table){0};
    s4d_status status = s4d_rows_open(path, false, &rows, err);
    if (status == S4D_OK) {
        status = make_room(out, s4d_rows_count(rows), err);
    }
    for (int c = 0; c < S4D_COLUMNS && status == S4D_OK; c++) {
        out->has[c] = s4d_rows_have(rows, (s4d_column)c);
    }
    while (status == S4D_OK && s4d_rows_next(rows, &row)) {
        status = out->count < out->room ? S4D_OK : make_room(out, 2 * out->room, err);
        if (status == S4D_OK) {
            out->row[out->count++] = row;
        }
    }
    if (status == S4D_OK) {
        status = s4d_rows_check(rows, err);
    }
    if (status == S4D_OK) {
        out->text = rows->list.text;
        rows->list.text = (s4d_bytes){0};
    } else {
        s4d_table_release(out);
    }
    s4d_rows_close(&rows);
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
    case S4D_COLUMN_CONTENT: s4d_str_add(out, row->content); break;
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

/* A line of the file; i: 0 for the header, else the row's number from 1. */
static void put_line(s4d_str *out, const s4d_table *t, size_t i)
{
    for (int c = 0; c < S4D_COLUMNS; c++) {
        if (c != S4D_COLUMN_PATH && !t->has[c]) {
            continue;
        }
        if (c != S4D_COLUMN_PATH) {
            s4d_str_add(out, ",");
        }
        if (i == 0) {
            s4d_str_add(out, names[c]);
        } else {
            put_cell(out, &t->row[i - 1], (s4d_column)c);
        }
    }
    s4d_str_add(out, "\n");
}

s4d_status s4d_table_write(const char *path, const s4d_table *t, s4d_err *err)
{
    s4d_writer *w = NULL;
    s4d_str out = {0};
    s4d_status status = s4d_writer_create(path, &w, err);
    for (size_t i = 0; i <= t->count && status == S4D_OK; i++) {
        s4d_str_clear(&out);
        put_line(&out, t, i);
        status = out.failed ? s4d_err_memory(err, out.size, "a manifest") : s4d_writer_write(w, out.text, out.size, err);
    }
    s4d_str_release(&out);
    if (status == S4D_OK) {
        return s4d_writer_close(&w, err);
    }
    s4d_writer_abort(&w);
    return status;
}
