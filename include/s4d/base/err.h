/* Statuses, error sentences and the check for programmer errors. */
#ifndef S4D_BASE_ERR_H
#define S4D_BASE_ERR_H

#include <stdbool.h>

/* Values are the process's exit statuses. */
typedef enum s4d_status {
    S4D_OK = 0,
    S4D_FAILED = 1,   /* data, files, memory, devices */
    S4D_USAGE = 2,    /* command line or config */
    S4D_DIVERGED = 3, /* loss or gradient not finite */
    S4D_INTERRUPTED = 130,
    S4D_TERMINATED = 143
} s4d_status;

/* One full sentence with the place and the remedy, without a final newline.
 * A zeroed struct is valid and holds no error. */
typedef struct s4d_err {
    s4d_status status;
    bool memory; /* there was not enough of it, which is not the fault of what was read */
    char text[1024];
} s4d_err;

/* Writes the sentence (cut at the buffer's end) and returns status, so that
 * `return s4d_err_set(...)` works. err may be NULL: then only the status counts. */
s4d_status s4d_err_set(s4d_err *err, s4d_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " before a sentence that is already there. */
void s4d_err_prefix(s4d_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The sentence for a failed allocation of `bytes` for `what`. */
s4d_status s4d_err_memory(s4d_err *err, unsigned long long bytes, const char *what);

/* A broken promise between s4d's own functions; aborts in every build, never used for input. */
#define S4D_BUG_IF(condition)                                                                      \
    do {                                                                                           \
        if (condition) s4d_bug(__FILE__, __LINE__, #condition);                                    \
    } while (0)
void s4d_bug(const char *file, int line, const char *condition) __attribute__((noreturn));

#endif
