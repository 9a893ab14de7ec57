/* The lines of a list file as fields, whatever program wrote it: UTF-8 with or without a mark, or UTF-16; lines that end in LF,
 * CRLF or CR; fields between commas, semicolons, tabs or bars, by RFC 4180, or plain lines. What is read here is a form only;
 * s4d/data/table.h and the lists of s4d/data/manifest.h say what the fields mean. */
#ifndef S4D_DATA_LIST_H
#define S4D_DATA_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "s4d/base/err.h"
#include "s4d/base/file.h"
#include "s4d/data/table.h"

enum { S4D_LIST_FIELDS = 64 }; /* of a line that are kept */

/* How lines become fields. */
typedef enum s4d_list_cut {
    S4D_CUT_LAST,   /* at the last blank: a name, which may hold blanks, and a label */
    S4D_CUT_FIRST,  /* at the first blanks: a name, a label, the rest */
    S4D_CUT_FIELDS, /* at separators, by RFC 4180 */
    S4D_CUT_NONE    /* a line is one field */
} s4d_list_cut;

typedef struct s4d_list {
    s4d_bytes text; /* as UTF-8; fields are cut in place */
    char *at;       /* what is not read yet */
    long line;      /* of `at`, from 1 */
    s4d_list_cut cut;
    char separator, quote; /* of S4D_CUT_FIELDS */
} s4d_list;

typedef struct s4d_record {
    long line;                    /* where it begins */
    int columns;                  /* may exceed those that are kept */
    char *field[S4D_LIST_FIELDS]; /* good as long as the list; "" where there is none */
    const char *fault;            /* what is wrong with its form, or NULL */
} s4d_record;

/* Reads a file of at most 1 GiB. S4D_FAILED: also what is no text, said by its kind. A zeroed list is releasable. */
s4d_status s4d_list_open(const char *path, s4d_list *out, s4d_err *err);
/* The same of bytes in memory, which the list takes over; sentences come without a path. */
s4d_status s4d_list_take(s4d_bytes *text, s4d_list *out, s4d_err *err);
/* Before the first record: sets how lines are cut. The first line tells separator and quote: those by which the most names of
 * columns are seen that s4d_list_head knows, or an Excel line such as "sep=;". Plain lines (S4D_CUT_LAST, S4D_CUT_FIRST) become
 * S4D_CUT_FIELDS where their first line is separated rather than cut by blanks. */
void s4d_list_begin(s4d_list *l, s4d_list_cut cut);
/* Before the first record: whether the first line is a header, by two names of columns or by the path's alone. */
bool s4d_list_headed(const s4d_list *l);
/* The next record; blank lines are passed over, and what s4d_str_trim takes around a field that is not quoted. False after the
 * last. The time is linear in the bytes that are read. */
bool s4d_list_next(s4d_list *l, s4d_record *out);
/* Why a record of S4D_CUT_LAST is not a path and a label, to be followed by its first field; NULL: it is. */
const char *s4d_list_misfit(const s4d_record *r);
void s4d_list_release(s4d_list *l);

/* ---- names of columns: one table for every list ---- */

typedef enum s4d_head_rank {
    S4D_HEAD_NONE, /* no column of that name is known */
    S4D_HEAD_WEAK, /* taken where nothing better names its column, such as "id" for the label */
    S4D_HEAD_OTHER, /* another name in use, such as "video_name" or "emotion" */
    S4D_HEAD_OWN   /* the manifest's own */
} s4d_head_rank;

/* The column that a header's field names, in any case, with blanks, - or _ between words. */
s4d_head_rank s4d_list_head(const char *field, s4d_column *column);
/* Whether the text looks like a path: a slash or an ending such as .jpg is in it. */
bool s4d_list_is_path(const char *field);

typedef struct s4d_heads {
    int at[S4D_COLUMNS]; /* the field of each column, -1: absent */
    int columns;         /* of the header */
    char unread[200];    /* the names of columns that are passed over, in quotes, "" for none */
    bool unnamed;        /* none of these has a name */
} s4d_heads;

/* Reads a header: the manifest's own names before others; a column without a name (the index that pandas writes) and unknown
 * ones are passed over. Of two columns one of which is the label, the other is the path; with `two`, two columns of any names
 * are path and label. S4D_FAILED, with the line: no path, a column twice, a name that is nearly one of a manifest, a sample
 * in place of a header. */
s4d_status s4d_heads_read(const s4d_record *r, bool two, s4d_heads *out, s4d_err *err);

#endif
