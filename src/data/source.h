/* Where a video's bytes come from: a file of a store, or a block of memory that outlives what reads it. Private to data. */
#ifndef S4D_DATA_SOURCE_H
#define S4D_DATA_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "s4d/data/pack.h"

typedef struct s4d_source {
    const char *path;       /* a file, where bytes is NULL */
    const s4d_store *store; /* where it is looked up; NULL: plain files */
    const uint8_t *bytes;   /* [size] */
    size_t size;
} s4d_source;

/* An open source. Nothing but its first `size` bytes is ever read, whatever becomes of the file. Zeroed = closed. */
typedef struct s4d_input {
    const uint8_t *bytes;
    s4d_store_file file; /* where bytes is NULL */
    uint64_t size;       /* at least 1 */
} s4d_input;

/* Sentences come without the path. */
s4d_status s4d_input_open(const s4d_source *from, s4d_input *out, s4d_err *err);
/* *got bytes from `at` on: n, or those up to the end. */
s4d_status s4d_input_read(const s4d_input *in, uint64_t at, void *to, size_t n, size_t *got, s4d_err *err);
void s4d_input_close(s4d_input *in);

#endif
