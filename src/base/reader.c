/* Files read in pieces. */
#include "s4d/base/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s4d/base/fault.h"

static s4d_status examine(s4d_reader *r, const char *what, s4d_err *err)
{
    struct stat about;
    if (fstat(r->fd, &about) != 0) {
        return s4d_err_system(err, errno, "%s: cannot be examined", r->path);
    }
    if (S_ISDIR(about.st_mode)) {
        return s4d_err_set(err, S4D_FAILED, "%s: is a folder; name %s", r->path, what);
    }
    if (!S_ISREG(about.st_mode)) {
        return s4d_err_set(err, S4D_FAILED, "%s: is not a regular file; name %s", r->path, what);
    }
    r->size = (uint64_t)about.st_size;
    return S4D_OK;
}

s4d_status s4d_reader_open(s4d_reader *r, const char *path, const char *what, s4d_err *err)
{
    /* Not blocking: opening a named pipe without a writer would wait for ever. */
    *r = (s4d_reader){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (r->fd < 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? s4d_err_set(err, S4D_FAILED, "%s: cannot be opened: %s; check the path", path, strerror(errno))
                   : s4d_err_system(err, errno, "%s: cannot be opened", path);
    }
    r->is_open = true;
    s4d_status status = examine(r, what, err);
    if (status) {
        s4d_reader_close(r);
    }
    return status;
}

ssize_t s4d_read_at(int fd, uint64_t at, void *to, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = s4d_fault_hit(S4D_FAULT_READ) ? (errno = EIO, -1)
                                                    : pread(fd, (char *)to + done, n - done, (off_t)(at + done));
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

s4d_status s4d_reader_read(const s4d_reader *r, uint64_t offset, void *out, size_t size,
                           s4d_err *err)
{
    ssize_t n = s4d_read_at(r->fd, offset, out, size);
    if (n < 0) {
        return s4d_err_system(err, errno, "%s: cannot be read", r->path);
    }
    return (size_t)n == size
               ? S4D_OK
               : s4d_err_set(err, S4D_FAILED,
                             "%s: became shorter while it was read; try again when nothing writes to it",
                             r->path);
}

void s4d_reader_close(s4d_reader *r)
{
    if (r->is_open) {
        close(r->fd);
    }
    *r = (s4d_reader){0};
}
