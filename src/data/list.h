/* The records of a list file: comma-separated (RFC 4180) or plain lines. Private to data. */
#ifndef S4D_DATA_LIST_H
#define S4D_DATA_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "s4d/base/err.h"
#include "s4d/base/file.h"
#include "s4d/base/str.h"
#include "s4d/data/options.h"

enum { S4D_LIST_COLUMNS = 8 }; /* of a record that are kept */

typedef struct s4d_list_reader {
    const char *at, *end;
    long line;  /* of `at`, from 1 */
    bool comma; /* comma-separated */
    bool two;   /* plain lines are cut at their last blank */
    s4d_str field[S4D_LIST_COLUMNS];
} s4d_list_reader;

typedef struct s4d_record {
    long line;            /* where it begins */
    int columns;          /* may exceed those that are kept */
    const char *field[S4D_LIST_COLUMNS]; /* good until the next record; "" where there is none */
    const char *fault;    /* what is wrong with its form, or NULL */
} s4d_record;

/* Refuses what is no text: NUL bytes, lines that end in CR alone. */
s4d_status s4d_list_text(const s4d_bytes *text, s4d_err *err);
/* A byte-order mark is passed over. The text must outlive the reader. */
void s4d_list_init(s4d_list_reader *r, const char *text, size_t size, s4d_list_format format);
void s4d_list_release(s4d_list_reader *r);
/* The next record; blank lines are passed over, and blanks around a field that is not quoted. False after the last, or when memory ran out
 * (s4d_list_failed). */
bool s4d_list_next(s4d_list_reader *r, s4d_record *out);
bool s4d_list_failed(const s4d_list_reader *r);

#endif
