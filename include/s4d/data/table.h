/* The manifest: one csv that says everything about a set's samples. data/README.md describes it to users.
 *
 * Written: UTF-8, comma-separated (RFC 4180), a header that names the columns: path, and where known label, split, fold,
 * subject, start, end, content. Class NAMES, never numbers. Read: columns in any order, in every form that s4d/data/list.h knows. */
#ifndef S4D_DATA_TABLE_H
#define S4D_DATA_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "s4d/base/err.h"
#include "s4d/base/file.h"
#include "s4d/base/str.h"

typedef enum s4d_column {
    S4D_COLUMN_PATH,    /* a picture, a video or a folder of frames, below the set's root unless absolute */
    S4D_COLUMN_LABEL,   /* a class name; "" where there is none */
    S4D_COLUMN_SPLIT,   /* "train", "test", "val" or "" */
    S4D_COLUMN_FOLD,    /* 1..1000: the one fold that tests this sample, all others train on it; 0 (""): none */
    S4D_COLUMN_SUBJECT, /* who is seen; "" where not known */
    S4D_COLUMN_START,   /* seconds into a video where the sample begins; absent: its beginning */
    S4D_COLUMN_END,     /* and ends (this moment left out); absent: its end */
    S4D_COLUMN_CONTENT, /* its file's hash in hexadecimal (s4d/data/content.h); "" where not known */
    S4D_COLUMNS
} s4d_column;

typedef struct s4d_row {
    const char *path, *label, *split, *subject, *content; /* as long as the table; never NULL in one */
    int fold;
    double start, end; /* 0 and INFINITY where absent */
    long line;         /* of the file, from 1; 0: made here */
} s4d_row;

typedef struct s4d_table {
    s4d_row *row;
    size_t count, room;
    bool has[S4D_COLUMNS];
    s4d_bytes text;  /* the file that was read; its rows point into it */
    s4d_texts texts; /* of rows that were added, and what replaces a row's text */
} s4d_table;

/* Reads and checks the form: header, columns, split, fold and times of every line; S4D_FAILED with the file, the first
 * faulty line and how many there are. Labels and paths are taken as they are. A zeroed table is releasable. Columns that are
 * passed over are told in a line of the log. */
s4d_status s4d_table_read(const char *path, s4d_table *out, s4d_err *err);
/* Appends a row with copies of the texts (NULL counts as ""); S4D_FAILED: no memory. */
s4d_status s4d_table_add(s4d_table *t, const s4d_row *row, s4d_err *err);
/* Writes the columns that `has` marks, path always; replaces the file as a whole. */
s4d_status s4d_table_write(const char *path, const s4d_table *t, s4d_err *err);
void s4d_table_release(s4d_table *t);

/* ---- row by row, where no table is needed ---- */

typedef struct s4d_rows s4d_rows;

/* Opens a file and reads its header. `two`: two columns of any names are path and label. */
s4d_status s4d_rows_open(const char *path, bool two, s4d_rows **out, s4d_err *err);
bool s4d_rows_have(const s4d_rows *r, s4d_column column);
size_t s4d_rows_count(const s4d_rows *r); /* about how many follow the header, before the first: for room */
/* The next row whose form is good; its texts are good until the close. */
bool s4d_rows_next(s4d_rows *r, s4d_row *row);
/* After the last row: the sentence about those with faults, as s4d_table_read gives it. */
s4d_status s4d_rows_check(const s4d_rows *r, s4d_err *err);
void s4d_rows_close(s4d_rows **r); /* NULL accepted */

/* "path", "label", ... */
const char *s4d_column_name(s4d_column column);

#endif
