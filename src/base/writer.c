/* Files written piece by piece: replaced as a whole at the end, or grown a line at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"

enum { BUFFER = 1 << 16, TEMPORARY_MAX = S4D_PATH_MAX + 4, OPENINGS_MAX = 20 };

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
    int64_t lines;
    s4d_str line;
};

static s4d_status cannot_write(const char *path, int reason, s4d_err *err)
{
    bool about_folder = reason == EACCES || reason == EPERM || reason == ENOENT || reason == ENOTDIR;
    if (about_folder) {
        return s4d_err_set(err, S4D_FAILED, "%s: cannot be written: %s; check the folder and its permissions", path,
                           strerror(reason));
    }
    return s4d_err_system(err, reason, "%s: cannot be written", path);
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

/* Devices and pipes cannot be replaced by a file. */
static s4d_status check_place(const char *path, s4d_err *err)
{
    struct stat about;
    if (stat(path, &about) != 0 || S_ISREG(about.st_mode)) {
        return S4D_OK;
    }
    return s4d_err_set(err, S4D_FAILED, "%s: is %s; name a file to write", path, S_ISDIR(about.st_mode) ? "a folder" : "no regular file");
}

static s4d_status written_by_another(const s4d_writer *w, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "%s: another process is writing it; wait until it has ended, or name another file", w->path);
}

/* The temporary file is locked until it is renamed, where the file system has locks. *again: it was renamed or removed between
 * opening and locking. */
static s4d_status open_temporary(s4d_writer *w, bool *again, s4d_err *err)
{
    struct stat opened, named;
    *again = false;
    w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (w->fd < 0) {
        return cannot_write(w->temporary, errno, err);
    }
    s4d_status status = S4D_OK;
    if (flock(w->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        status = written_by_another(w, err);
    } else if (fstat(w->fd, &opened) != 0 || stat(w->temporary, &named) != 0 || opened.st_ino != named.st_ino ||
               opened.st_dev != named.st_dev) {
        *again = true;
    } else if (ftruncate(w->fd, 0) != 0) {
        status = cannot_write(w->temporary, errno, err);
    }
    if (status != S4D_OK || *again) {
        close(w->fd);
    }
    return status;
}

s4d_status s4d_writer_create(const char *path, s4d_writer **out, s4d_err *err)
{
    *out = NULL;
    s4d_writer *w = s4d_mem_alloc(1, sizeof *w);
    if (!w) {
        return s4d_err_memory(err, sizeof *w, path);
    }
    s4d_status status = s4d_path_follow(w->path, path, err);
    if (status == S4D_OK) {
        snprintf(w->temporary, sizeof w->temporary, "%s.tmp", w->path);
        status = check_place(w->path, err);
    }
    bool again = true;
    for (int i = 0; status == S4D_OK && again; i++) {
        status = i < OPENINGS_MAX ? open_temporary(w, &again, err) : written_by_another(w, err);
    }
    if (status != S4D_OK) {
        s4d_mem_free(w);
        return status;
    }
    *out = w;
    return S4D_OK;
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

static int sync_file(int fd)
{
    if (s4d_fault_hit(S4D_FAULT_FSYNC)) {
        return EIO;
    }
    bool done = fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS; /* a file system without it */
    return done ? 0 : errno;
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
    if (reason == 0) {
        reason = move(w->temporary, w->path); /* before its lock ends: another would empty it under its new name */
    }
    if (reason != 0) {
        status = cannot_write(w->path, reason, err);
        goto fail;
    }
    close(w->fd);
    s4d_dir_sync(w->path); /* the file is whole either way */
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
    unlink(w->temporary); /* before its lock ends, or another's would be removed */
    close(w->fd);
    s4d_mem_free(w);
    *writer = NULL;
}

/* 0 or errno. */
static int count_lines(int fd, int64_t *lines)
{
    unsigned char piece[4096];
    ssize_t n;
    for (off_t at = 0; (n = pread(fd, piece, sizeof piece, at)) > 0; at += n) {
        for (ssize_t i = 0; i < n; i++) {
            *lines += piece[i] == '\n';
        }
    }
    return n < 0 ? errno : 0;
}

s4d_status s4d_appender_create(const char *path, s4d_appender **out, s4d_err *err)
{
    *out = NULL;
    s4d_appender *a = s4d_mem_alloc(1, sizeof *a);
    if (!a) {
        return s4d_err_memory(err, sizeof *a, path);
    }
    s4d_status status = s4d_path_join(a->path, "", path, err);
    if (status == S4D_OK) {
        a->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        status = a->fd < 0 ? cannot_write(path, errno, err) : S4D_OK;
    }
    int reason = status == S4D_OK ? count_lines(a->fd, &a->lines) : 0;
    if (reason != 0) {
        close(a->fd);
        status = s4d_err_system(err, reason, "%s: cannot be read", path);
    }
    if (status != S4D_OK) {
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
        a->lines++;
        return S4D_OK;
    }
    /* Half a line would spoil the log for its readers. */
    if (known && ftruncate(a->fd, before.st_size) != 0) {
        reason = errno;
    }
    return cannot_write(a->path, reason, err);
}

int64_t s4d_appender_lines(const s4d_appender *a)
{
    return a->lines;
}

s4d_status s4d_appender_sync(s4d_appender *a, s4d_err *err)
{
    int reason = sync_file(a->fd);
    return reason == 0 ? S4D_OK : cannot_write(a->path, reason, err);
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
