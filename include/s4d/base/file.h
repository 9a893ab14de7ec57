/* Files and folders. Every failure names the path and the system's reason. */
#ifndef S4D_BASE_FILE_H
#define S4D_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/base/str.h"

enum { S4D_PATH_MAX = 1024 };

typedef struct s4d_bytes {
    unsigned char *data; /* one NUL follows the last byte */
    size_t size;
} s4d_bytes;

void s4d_bytes_release(s4d_bytes *b);
/* A whole regular file; a folder, a missing file or one over `limit` bytes (0: 1 TiB) is an error. */
s4d_status s4d_file_read(const char *path, size_t limit, s4d_bytes *out, s4d_err *err);
/* Replaces a file as a whole: PATH.tmp, write, fsync, rename. After a failure the old file stands and no .tmp is left. */
s4d_status s4d_file_write(const char *path, const void *data, size_t size, s4d_err *err);

/* A file written piece by piece, then moved into place by s4d_writer_close; s4d_writer_abort removes it. */
typedef struct s4d_writer s4d_writer;
s4d_status s4d_writer_create(const char *path, s4d_writer **out, s4d_err *err);
s4d_status s4d_writer_write(s4d_writer *w, const void *data, size_t size, s4d_err *err);
s4d_status s4d_writer_close(s4d_writer **w, s4d_err *err); /* flush, fsync, rename; frees in every case */
void s4d_writer_abort(s4d_writer **w);                     /* NULL accepted */

/* Appends one line and flushes it, for logs that are read while they grow. Opened by path, created if absent. */
typedef struct s4d_appender s4d_appender;
s4d_status s4d_appender_create(const char *path, s4d_appender **out, s4d_err *err);
s4d_status s4d_appender_line(s4d_appender *a, const char *text, s4d_err *err); /* '\n' is added */
void s4d_appender_destroy(s4d_appender **a);

bool s4d_path_exists(const char *path);
bool s4d_path_is_dir(const char *path);
/* "dir/name", or name alone when it is absolute or dir is empty; error when over S4D_PATH_MAX-1 bytes. */
s4d_status s4d_path_join(char out[S4D_PATH_MAX], const char *dir, const char *name, s4d_err *err);
/* The folder part of a path, "." when there is none. */
void s4d_path_dir(char out[S4D_PATH_MAX], const char *path);
const char *s4d_path_name(const char *path); /* after the last '/' */

s4d_status s4d_dir_make(const char *path, s4d_err *err); /* with parents; existing is fine */
/* Names (not paths) in a folder without "." and ".." and hidden ones, in s4d_str_natural order. */
s4d_status s4d_dir_list(const char *path, s4d_strlist *out, s4d_err *err);
/* Moves a folder to a place where nothing is, in one step, and makes that durable. */
s4d_status s4d_dir_rename(const char *from, const char *to, s4d_err *err);
/* Removes the folders in it whose names begin with prefix; an absent folder is fine. */
s4d_status s4d_dir_sweep(const char *path, const char *prefix, s4d_err *err);
s4d_status s4d_dir_remove(const char *path, s4d_err *err); /* with its contents; absent is fine; links are not followed */

#endif
