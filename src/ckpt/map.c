/* Files mapped into memory. */
#include "ckpt/map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s4d/base/fault.h"

s4d_status s4d_map_open(s4d_map *map, const char *path, const char *what, s4d_err *err)
{
    s4d_status status = S4D_OK;
    struct stat about;
    void *data = MAP_FAILED;
    *map = (s4d_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &about) != 0) {
        status = s4d_err_set(err, S4D_FAILED, "%s: cannot be opened: %s; check the path", path,
                             strerror(errno));
        goto done;
    }
    if (!S_ISREG(about.st_mode)) {
        status = s4d_err_set(err, S4D_FAILED, "%s: is not a regular file; name %s", path, what);
        goto done;
    }
    if (about.st_size == 0) {
        goto done;
    }
    if (s4d_fault_hit(S4D_FAULT_READ)) {
        errno = EIO;
    } else {
        data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (data == MAP_FAILED) {
        status = s4d_err_set(err, S4D_FAILED, "%s: cannot be read: %s; check the disk", path,
                             strerror(errno));
        goto done;
    }
    *map = (s4d_map){.data = data, .size = (size_t)about.st_size};
done:
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

void s4d_map_close(s4d_map *map)
{
    if (map->data) {
        munmap(map->data, map->size);
    }
    *map = (s4d_map){0};
}
