/* A regular file that is read in pieces, at any place. Nothing of it is mapped, so a file that
 * another program cuts short meanwhile is an error with a sentence, not a signal. */
#ifndef S4D_BASE_READER_H
#define S4D_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "s4d/base/err.h"

/* n bytes of an open file from `at` on, fewer only where it ends before; -1 with errno. Several
 * threads may read at a time. */
ssize_t s4d_read_at(int fd, uint64_t at, void *to, size_t n);

/* Zeroed: closed. Several threads may read one at a time. */
typedef struct s4d_reader {
    const char *path; /* not owned */
    uint64_t size;    /* when it was opened */
    int fd;
    bool is_open;
} s4d_reader;

/* what: "a file", "a checkpoint", for the sentence. path must outlive the reader. A named pipe does
 * not make it wait. */
s4d_status s4d_reader_open(s4d_reader *r, const char *path, const char *what, s4d_err *err);
/* Exactly these bytes; S4D_FAILED where the file ends before, or cannot be read. */
s4d_status s4d_reader_read(const s4d_reader *r, uint64_t offset, void *out, size_t size,
                           s4d_err *err);
void s4d_reader_close(s4d_reader *r);

#endif
