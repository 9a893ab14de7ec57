/* Whole files: reading, replacing, appending lines. */
#include "s4d/base/file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s4d/base/mem.h"
#include "s4d/base/reader.h"

void s4d_bytes_release(s4d_bytes *b)
{
    s4d_mem_free(b->data);
    *b = (s4d_bytes){0};
}

s4d_status s4d_file_read(const char *path, size_t limit, s4d_bytes *out, s4d_err *err)
{
    s4d_reader reader;
    s4d_bytes bytes = {0};
    *out = bytes;
    s4d_status status = s4d_reader_open(&reader, path, "a file", err);
    if (status) {
        return status;
    }
    if (reader.size > (limit ? limit : (size_t)1 << 40)) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: is too large (%llu bytes, at most %zu are read); check that it is "
                             "the right file",
                             path, (unsigned long long)reader.size, limit ? limit : (size_t)1 << 40);
        goto done;
    }
    bytes.size = (size_t)reader.size;
    bytes.data = s4d_mem_alloc(bytes.size + 1, 1);
    status = bytes.data ? s4d_reader_read(&reader, 0, bytes.data, bytes.size, err)
                        : s4d_err_memory(err, bytes.size + 1ull, path);
    if (status == S4D_OK) {
        *out = bytes;
        bytes = (s4d_bytes){0};
    }
done:
    s4d_bytes_release(&bytes);
    s4d_reader_close(&reader);
    return status;
}

s4d_status s4d_file_write(const char *path, const void *data, size_t size, s4d_err *err)
{
    s4d_writer *w = NULL;
    s4d_status status = s4d_writer_create(path, &w, err);
    if (status == S4D_OK) {
        status = s4d_writer_write(w, data, size, err);
    }
    if (status == S4D_OK) {
        return s4d_writer_close(&w, err);
    }
    s4d_writer_abort(&w);
    return status;
}

bool s4d_path_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

bool s4d_path_is_dir(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

bool s4d_path_is_link(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0 && S_ISLNK(about.st_mode);
}

s4d_status s4d_path_follow(char out[S4D_PATH_MAX], const char *path, s4d_err *err)
{
    enum { LINKS_MAX = 40 }; /* as many as the system follows */
    char dir[S4D_PATH_MAX], target[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(out, "", path, err);
    for (int links = 0; status == S4D_OK && s4d_path_is_link(out); links++) {
        ssize_t n = readlink(out, target, sizeof target - 1);
        if (n < 0 || links == LINKS_MAX) {
            return s4d_err_system(err, n < 0 ? errno : ELOOP, "%s: the link cannot be followed", path);
        }
        target[n] = '\0';
        s4d_path_dir(dir, out);
        status = s4d_path_join(out, dir, target, err);
    }
    return status;
}

s4d_status s4d_path_join(char out[S4D_PATH_MAX], const char *dir, const char *name, s4d_err *err)
{
    size_t n = name[0] == '/' ? 0 : strlen(dir);
    size_t m = strlen(name);
    size_t slash = n > 0 && dir[n - 1] != '/';
    if (n + slash + m >= S4D_PATH_MAX) {
        return s4d_err_set(err, S4D_FAILED,
                           "%.80s...: the path is longer than %d bytes; use shorter folder names",
                           n ? dir : name, S4D_PATH_MAX - 1);
    }
    /* dir or name may be out itself. */
    memmove(out + n + slash, name, m + 1);
    memmove(out, dir, n);
    if (slash) {
        out[n] = '/';
    }
    return S4D_OK;
}

void s4d_path_dir(char out[S4D_PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        memcpy(out, ".", 2);
        return;
    }
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    if (n >= S4D_PATH_MAX) {
        n = S4D_PATH_MAX - 1;
    }
    memmove(out, path, n);
    out[n] = '\0';
}

const char *s4d_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
