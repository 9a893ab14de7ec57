/* Folders: making, listing, removing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"

s4d_status s4d_dir_make(const char *path, s4d_err *err)
{
    char part[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(part, "", path, err);
    if (status) {
        return status;
    }
    size_t n = strlen(part);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        char kept = part[i];
        part[i] = '\0';
        int reason = mkdir(part, 0777) != 0 ? errno : 0;
        if (reason != 0 && !s4d_path_is_dir(part)) { /* a link to a folder is one */
            return reason == EEXIST
                       ? s4d_err_set(err, S4D_FAILED, "%s: the folder cannot be made: %s of that name is in the way", part,
                                     s4d_path_exists(part) ? "a file" : "a link to nothing")
                       : s4d_err_system(err, reason, "%s: the folder cannot be made", part);
        }
        part[i] = kept;
    }
    return S4D_OK;
}

/* The next entry but "." and ".."; NULL at the end with errno 0, or after a failure. */
static struct dirent *next_entry(DIR *dir)
{
    if (s4d_fault_hit(S4D_FAULT_READ)) {
        errno = EIO;
        return NULL;
    }
    struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    return entry;
}

s4d_status s4d_dir_list(const char *path, s4d_strlist *out, s4d_err *err)
{
    s4d_status status = S4D_OK;
    s4d_strlist list = {0};
    *out = list;
    DIR *dir = opendir(path);
    if (!dir) {
        return s4d_err_system(err, errno, "%s: the folder cannot be opened", path);
    }
    struct dirent *entry;
    while ((entry = next_entry(dir))) {
        if (entry->d_name[0] != '.' && !s4d_strlist_add(&list, entry->d_name)) {
            status = s4d_err_memory(err, strlen(entry->d_name) + 1ull, path);
            goto done;
        }
    }
    if (errno != 0) {
        status = s4d_err_system(err, errno, "%s: the folder cannot be read", path);
        goto done;
    }
    s4d_strlist_sort(&list, s4d_str_natural);
    *out = list;
    list = (s4d_strlist){0};
done:
    closedir(dir);
    s4d_strlist_release(&list);
    return status;
}

static s4d_status cannot_remove(const char *path, const char *name, s4d_err *err)
{
    int reason = errno;
    if (reason == EACCES || reason == EPERM) {
        return s4d_err_set(err, S4D_FAILED, "%s: cannot be removed: %s%s%s; check the permissions of its folder", path,
                           strerror(reason), name[0] ? ", at " : "", name);
    }
    return s4d_err_system(err, reason, "%s: cannot be removed%s%s", path, name[0] ? ", at " : "", name);
}

/* Removes what `name` in the open folder is, contents first.
 * `path` is the whole removal, for errors. */
static s4d_status remove_entry(int parent, const char *name, const char *path, s4d_err *err)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
        return S4D_OK;
    }
    if (errno != EISDIR && errno != EPERM) {
        return cannot_remove(path, name, err);
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        s4d_status failed = cannot_remove(path, name, err);
        if (fd >= 0) {
            close(fd);
        }
        return failed;
    }
    s4d_status status = S4D_OK;
    struct dirent *entry;
    while (status == S4D_OK && (entry = next_entry(dir))) {
        status = remove_entry(fd, entry->d_name, path, err);
    }
    if (status == S4D_OK && (errno != 0 || unlinkat(parent, name, AT_REMOVEDIR) != 0)) {
        status = cannot_remove(path, name, err);
    }
    closedir(dir);
    return status;
}

s4d_status s4d_dir_remove(const char *path, s4d_err *err)
{
    struct stat about;
    if (lstat(path, &about) != 0) {
        return errno == ENOENT ? S4D_OK : cannot_remove(path, "", err);
    }
    if (!S_ISDIR(about.st_mode) && !S_ISLNK(about.st_mode)) {
        return s4d_err_set(err, S4D_FAILED, "%s: is not a folder; nothing was removed", path);
    }
    return remove_entry(AT_FDCWD, path, path, err);
}

s4d_status s4d_dir_empty(const char *path, const char *const *keep, size_t keeps, s4d_err *err)
{
    DIR *dir = opendir(path);
    if (!dir) {
        return s4d_err_system(err, errno, "%s: the folder cannot be opened", path);
    }
    s4d_status status = S4D_OK;
    struct dirent *entry;
    while (status == S4D_OK && (entry = next_entry(dir))) {
        bool kept = false;
        for (size_t i = 0; i < keeps; i++) {
            kept = kept || strcmp(entry->d_name, keep[i]) == 0;
        }
        status = kept ? S4D_OK : remove_entry(dirfd(dir), entry->d_name, path, err);
    }
    if (status == S4D_OK && errno != 0) {
        status = s4d_err_system(err, errno, "%s: the folder cannot be read", path);
    }
    closedir(dir);
    return status;
}

s4d_status s4d_dir_sweep(const char *path, const char *prefix, s4d_err *err)
{
    char below[S4D_PATH_MAX];
    DIR *dir = opendir(path);
    if (!dir) {
        return errno == ENOENT ? S4D_OK
                               : s4d_err_system(err, errno, "%s: the folder cannot be opened", path);
    }
    s4d_status status = S4D_OK;
    struct dirent *entry;
    while (status == S4D_OK && (entry = next_entry(dir))) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            status = s4d_path_join(below, path, entry->d_name, err);
            status = status == S4D_OK ? s4d_dir_remove(below, err) : status;
        }
    }
    closedir(dir);
    return status;
}

s4d_status s4d_dir_rename(const char *from, const char *to, s4d_err *err)
{
    int reason = s4d_fault_hit(S4D_FAULT_RENAME) ? EIO : rename(from, to) == 0 ? s4d_dir_sync(to) : errno;
    return reason == 0 ? S4D_OK : s4d_err_system(err, reason, "%s: cannot be put in place", to);
}

int s4d_dir_sync(const char *path)
{
    char parent[S4D_PATH_MAX];
    s4d_path_dir(parent, path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int reason = fd >= 0 && fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    /* All others say that folders cannot be synced there, as on CIFS and FUSE, or not by this user. */
    return reason == EIO || reason == ENOSPC || reason == EDQUOT ? reason : 0;
}
