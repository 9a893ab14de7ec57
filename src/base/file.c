/* Whole files: reading, replacing, appending lines. */
#include "s4d/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s4d/base/fault.h"
#include "s4d/base/mem.h"

void s4d_bytes_release(s4d_bytes *b)
{
    s4d_mem_free(b->data);
    *b = (s4d_bytes){0};
}

static ssize_t read_some(int fd, void *data, size_t size)
{
    if (s4d_fault_hit(S4D_FAULT_READ)) {
        errno = EIO;
        return -1;
    }
    ssize_t n;
    do {
        n = read(fd, data, size);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Size of an open regular file, checked against the limit. */
static s4d_status check_regular(int fd, const char *path, size_t limit, size_t *size, s4d_err *err)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: cannot be examined: %s", path, strerror(errno));
    }
    if (S_ISDIR(about.st_mode)) {
        return s4d_err_set(err, S4D_FAILED, "%s: is a folder; name a file", path);
    }
    if (!S_ISREG(about.st_mode)) {
        return s4d_err_set(err, S4D_FAILED, "%s: is not a regular file; name a file", path);
    }
    if ((unsigned long long)about.st_size > limit) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: is too large (%lld bytes, at most %zu are read); check that it is "
                           "the right file",
                           path, (long long)about.st_size, limit);
    }
    *size = (size_t)about.st_size;
    return S4D_OK;
}

static s4d_status read_all(int fd, const char *path, const s4d_bytes *out, s4d_err *err)
{
    size_t done = 0;
    while (done < out->size) {
        ssize_t n = read_some(fd, out->data + done, out->size - done);
        if (n < 0) {
            return s4d_err_set(err, S4D_FAILED, "%s: cannot be read: %s", path, strerror(errno));
        }
        if (n == 0) {
            return s4d_err_set(err, S4D_FAILED,
                               "%s: became shorter while it was read; try again when nothing "
                               "writes to it",
                               path);
        }
        done += (size_t)n;
    }
    return S4D_OK;
}

s4d_status s4d_file_read(const char *path, size_t limit, s4d_bytes *out, s4d_err *err)
{
    s4d_status status;
    s4d_bytes bytes = {0};
    *out = bytes;
    /* Not blocking: opening a named pipe without a writer would wait for ever. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: cannot be opened: %s", path, strerror(errno));
    }
    status = check_regular(fd, path, limit ? limit : (size_t)1 << 40, &bytes.size, err);
    if (status) {
        goto done;
    }
    bytes.data = s4d_mem_alloc(bytes.size + 1, 1);
    if (!bytes.data) {
        status = s4d_err_memory(err, bytes.size + 1ull, path);
        goto done;
    }
    status = read_all(fd, path, &bytes, err);
    if (status == S4D_OK) {
        *out = bytes;
        bytes = (s4d_bytes){0};
    }
done:
    s4d_bytes_release(&bytes);
    close(fd);
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
