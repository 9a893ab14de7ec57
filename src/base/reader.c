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

static ssize_t read_some(int fd, void *data, size_t size, uint64_t offset)
{
    if (s4d_fault_hit(S4D_FAULT_READ)) {
        errno = EIO;
        return -1;
    }
    ssize_t n;
    do {
        n = pread(fd, data, size, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    return n;
}

s4d_status s4d_reader_read(const s4d_reader *r, uint64_t offset, void *out, size_t size,
                           s4d_err *err)
{
    unsigned char *to = out;
    for (size_t done = 0; done < size;) {
        ssize_t n = read_some(r->fd, to + done, size - done, offset + done);
        if (n < 0) {
            return s4d_err_system(err, errno, "%s: cannot be read", r->path);
        }
        if (n == 0) {
            return s4d_err_set(
                err, S4D_FAILED,
                "%s: became shorter while it was read; try again when nothing writes to it",
                r->path);
        }
        done += (size_t)n;
    }
    return S4D_OK;
}

void s4d_reader_close(s4d_reader *r)
{
    if (r->is_open) {
        close(r->fd);
    }
    *r = (s4d_reader){0};
}
