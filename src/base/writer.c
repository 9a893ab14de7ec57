/* Files written piece by piece: replaced as a whole at the end, or grown a line at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"

enum { BUFFER = 1 << 16, TEMPORARY_MAX = S4D_PATH_MAX + 4 };

struct s4d_writer {
    char path[S4D_PATH_MAX], temporary[TEMPORARY_MAX];
    int fd;
    bool failed;
    size_t used;
    unsigned char buffer[BUFFER];
};

struct s4d_appender {
    char path[S4D_PATH_MAX];
    int fd;
    s4d_str line;
};

static s4d_status copy_path(char out[S4D_PATH_MAX], const char *path, s4d_err *err)
{
    return s4d_path_join(out, "", path, err);
}

static s4d_status cannot_write(const char *path, int reason, s4d_err *err)
{
    const char *remedy = reason == ENOSPC || reason == EDQUOT
                             ? "; free some space or write elsewhere"
                             : "; check the folder and its permissions";
    return s4d_err_set(err, S4D_FAILED, "%s: cannot be written: %s%s", path, strerror(reason),
                       remedy);
}

/* 0 or errno. */
static int write_all(int fd, const void *data, size_t size)
{
    const unsigned char *next = data;
    while (size > 0) {
        if (s4d_fault_hit(S4D_FAULT_WRITE)) {
            return ENOSPC;
        }
        ssize_t n = write(fd, next, size);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n > 0) {
            next += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

s4d_status s4d_writer_create(const char *path, s4d_writer **out, s4d_err *err)
{
    *out = NULL;
    s4d_writer *w = s4d_mem_alloc(1, sizeof *w);
    if (!w) {
        return s4d_err_memory(err, sizeof *w, path);
    }
    s4d_status status = copy_path(w->path, path, err);
    if (status) {
        goto fail;
    }
    if (s4d_path_is_dir(path)) {
        status = s4d_err_set(err, S4D_FAILED, "%s: is a folder; name a file to write", path);
        goto fail;
    }
    snprintf(w->temporary, sizeof w->temporary, "%s.tmp", path);
    w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (w->fd < 0) {
        status = cannot_write(w->temporary, errno, err);
        goto fail;
    }
    *out = w;
    return S4D_OK;
fail:
    s4d_mem_free(w);
    return status;
}

static s4d_status put(s4d_writer *w, const void *data, size_t size, s4d_err *err)
{
    int reason = write_all(w->fd, data, size);
    if (reason != 0) {
        w->failed = true;
        return cannot_write(w->path, reason, err);
    }
    return S4D_OK;
}

static s4d_status flush(s4d_writer *w, s4d_err *err)
{
    size_t used = w->used;
    w->used = 0;
    return put(w, w->buffer, used, err);
}

s4d_status s4d_writer_write(s4d_writer *w, const void *data, size_t size, s4d_err *err)
{
    S4D_BUG_IF(w->failed);
    if (size > BUFFER - w->used) {
        s4d_status status = flush(w, err);
        if (status) {
            return status;
        }
        if (size >= BUFFER) {
            return put(w, data, size, err);
        }
    }
    if (size > 0) {
        memcpy(w->buffer + w->used, data, size);
        w->used += size;
    }
    return S4D_OK;
}

/* Makes the new name last through a power cut. Some file systems cannot, and the file is whole
 * either way, so there is nothing to report. */
static void sync_folder(const char *path)
{
    char dir[S4D_PATH_MAX];
    s4d_path_dir(dir, path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static int sync_file(int fd)
{
    if (s4d_fault_hit(S4D_FAULT_FSYNC)) {
        return EIO;
    }
    /* EINVAL: a file system without it. */
    return fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

static int move(const char *from, const char *to)
{
    if (s4d_fault_hit(S4D_FAULT_RENAME)) {
        return EACCES;
    }
    return rename(from, to) == 0 ? 0 : errno;
}

s4d_status s4d_writer_close(s4d_writer **writer, s4d_err *err)
{
    s4d_writer *w = *writer;
    S4D_BUG_IF(!w || w->failed);
    s4d_status status = flush(w, err);
    if (status) {
        goto fail;
    }
    int reason = sync_file(w->fd);
    if (close(w->fd) != 0 && reason == 0) {
        reason = errno;
    }
    w->fd = -1;
    if (reason == 0) {
        reason = move(w->temporary, w->path);
    }
    if (reason != 0) {
        status = cannot_write(w->path, reason, err);
        goto fail;
    }
    sync_folder(w->path);
    s4d_mem_free(w);
    *writer = NULL;
    return S4D_OK;
fail:
    s4d_writer_abort(writer);
    return status;
}

void s4d_writer_abort(s4d_writer **writer)
{
    s4d_writer *w = *writer;
    if (!w) {
        return;
    }
    if (w->fd >= 0) {
        close(w->fd);
    }
    unlink(w->temporary);
    s4d_mem_free(w);
    *writer = NULL;
}

s4d_status s4d_appender_create(const char *path, s4d_appender **out, s4d_err *err)
{
    *out = NULL;
    s4d_appender *a = s4d_mem_alloc(1, sizeof *a);
    if (!a) {
        return s4d_err_memory(err, sizeof *a, path);
    }
    s4d_status status = copy_path(a->path, path, err);
    if (status == S4D_OK) {
        a->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        status = a->fd < 0 ? cannot_write(path, errno, err) : S4D_OK;
    }
    if (status) {
        s4d_mem_free(a);
        return status;
    }
    *out = a;
    return S4D_OK;
}

s4d_status s4d_appender_line(s4d_appender *a, const char *text, s4d_err *err)
{
    s4d_str_clear(&a->line);
    s4d_str_add(&a->line, text);
    s4d_str_add(&a->line, "\n");
    if (a->line.failed) {
        return s4d_err_memory(err, strlen(text) + 2ull, a->path);
    }
    struct stat before;
    bool known = fstat(a->fd, &before) == 0 && S_ISREG(before.st_mode);
    int reason = write_all(a->fd, a->line.text, a->line.size);
    if (reason == 0) {
        return S4D_OK;
    }
    /* Half a line would spoil the log for its readers. */
    if (known && ftruncate(a->fd, before.st_size) != 0) {
        reason = errno;
    }
    return cannot_write(a->path, reason, err);
}

void s4d_appender_destroy(s4d_appender **appender)
{
    s4d_appender *a = *appender;
    if (!a) {
        return;
    }
    close(a->fd);
    s4d_str_release(&a->line);
    s4d_mem_free(a);
    *appender = NULL;
}
