/* A set's paths, looked up in a pack or in the file system. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/pack_read.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/base/reader.h"

struct s4d_store {
    s4d_pack pack;
};

static const char *const ENCODING[] = {
    [S4D_PACK_ORIGINAL] = "original", [S4D_PACK_JPEG] = "jpeg", [S4D_PACK_PNG] = "png"};

const char *s4d_pack_encoding_name(s4d_pack_encoding encoding)
{
    return ENCODING[encoding];
}

s4d_status s4d_pack_name(char out[S4D_PATH_MAX], const char *path, s4d_err *err)
{
    size_t n = 0;
    const char *at = path;
    if (path[0] == '/') {
        out[n++] = '/';
    }
    while (*at) {
        at += strspn(at, "/");
        size_t part = strcspn(at, "/");
        if (part > 0 && !(part == 1 && at[0] == '.')) {
            size_t slash = n > 0 && out[n - 1] != '/';
            if (n + slash + part >= S4D_PATH_MAX) {
                return s4d_err_set(err, S4D_FAILED, "%.80s...: the path is longer than %d bytes; use shorter folder names",
                                   path, S4D_PATH_MAX - 1);
            }
            if (slash) {
                out[n++] = '/';
            }
            memcpy(out + n, at, part);
            n += part;
        }
        at += part;
    }
    out[n] = '\0';
    return S4D_OK;
}

/* ---- opening ---- */

static void tell_settings(const s4d_pack *p)
{
    const s4d_pack_settings *s = &p->settings;
    if (s->encoding != S4D_PACK_ORIGINAL) {
        char quality[32] = "";
        if (s->encoding == S4D_PACK_JPEG) {
            snprintf(quality, sizeof quality, " of quality %d", s->quality);
        }
        s4d_log(S4D_LOG_INFO, "%s: a pack of pictures brought to %d x %d, stored as %s%s", p->root, s->side, s->side,
                s->encoding == S4D_PACK_JPEG ? "JPEG" : "PNG", quality);
    }
}

s4d_status s4d_store_open(const char *root, s4d_store **out, s4d_err *err)
{
    char index[S4D_PATH_MAX];
    *out = NULL;
    s4d_status status = s4d_path_join(index, root, S4D_PACK_INDEX, err);
    if (status != S4D_OK || !s4d_path_exists(index)) {
        return status;
    }
    s4d_store *store = s4d_mem_alloc(1, sizeof *store);
    if (!store) {
        return s4d_err_memory(err, sizeof *store, "a pack");
    }
    status = s4d_pack_open(&store->pack, root, err);
    if (status != S4D_OK) {
        s4d_store_close(&store);
        return status;
    }
    tell_settings(&store->pack);
    *out = store;
    return S4D_OK;
}

void s4d_store_close(s4d_store **store)
{
    if (*store) {
        s4d_pack_close(&(*store)->pack);
        s4d_mem_free(*store);
    }
    *store = NULL;
}

const s4d_pack_settings *s4d_store_settings(const s4d_store *store)
{
    return store ? &store->pack.settings : NULL;
}

/* ---- looking up ---- */

/* The member that a path means: what stands below the root, or the whole of an absolute path. */
static s4d_status member_name(const s4d_pack *p, const char *path, char name[S4D_PATH_MAX], s4d_err *err)
{
    size_t n = strlen(p->root);
    bool below = strncmp(path, p->root, n) == 0 && (n == 0 || p->root[n - 1] == '/' || path[n] == '/' || path[n] == '\0');
    path += below ? n : 0;
    path += below && n > 0 ? strspn(path, "/") : 0;
    return s4d_pack_name(name, path, err);
}

static bool is_member(const s4d_pack *p, size_t i, const char *name)
{
    return i < p->members && strcmp(s4d_pack_at(p, i).name, name) == 0;
}

/* The first member below a folder, where there is one. */
static bool first_below(const s4d_pack *p, char name[S4D_PATH_MAX], size_t *first)
{
    size_t n = strlen(name);
    if (n == 0) {
        *first = 0;
        return p->members > 0;
    }
    if (n + 1 >= S4D_PATH_MAX) {
        return false;
    }
    memcpy(name + n, "/", 2);
    *first = s4d_pack_from(p, name);
    bool found = *first < p->members && strncmp(s4d_pack_at(p, *first).name, name, n + 1) == 0;
    name[n] = '\0';
    return found;
}

static s4d_store_kind look_in_pack(const s4d_pack *p, const char *path, uint64_t *size)
{
    char name[S4D_PATH_MAX];
    size_t i;
    if (member_name(p, path, name, NULL) != S4D_OK) {
        return S4D_STORE_NOTHING;
    }
    i = s4d_pack_from(p, name);
    if (is_member(p, i, name)) {
        *size = s4d_pack_at(p, i).size;
        return S4D_STORE_FILE;
    }
    return first_below(p, name, &i) ? S4D_STORE_FOLDER : S4D_STORE_NOTHING;
}

static s4d_store_kind look_at_file(const char *path, uint64_t *size)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        return S4D_STORE_NOTHING;
    }
    if (S_ISDIR(about.st_mode)) {
        return S4D_STORE_FOLDER;
    }
    *size = S_ISREG(about.st_mode) ? (uint64_t)about.st_size : 0;
    return S4D_STORE_FILE;
}

s4d_store_kind s4d_store_look(const s4d_store *store, const char *path, uint64_t *size)
{
    uint64_t unused;
    size = size ? size : &unused;
    *size = 0;
    return store ? look_in_pack(&store->pack, path, size) : look_at_file(path, size);
}

/* Members below one folder are neighbours, so a folder in the folder is named once. */
static s4d_status list_members(const s4d_pack *p, size_t first, const char *folder, s4d_strlist *out, s4d_err *err)
{
    size_t n = strlen(folder), skip = n > 0 ? n + 1 : 0;
    char last[S4D_PATH_MAX] = "";
    for (size_t i = first; i < p->members; i++) {
        const char *name = s4d_pack_at(p, i).name;
        if (skip > 0 && (strncmp(name, folder, n) != 0 || name[n] != '/')) {
            break;
        }
        size_t part = strcspn(name + skip, "/");
        if (part == 0 || name[skip] == '.' || (strncmp(last, name + skip, part) == 0 && last[part] == '\0')) {
            continue;
        }
        memcpy(last, name + skip, part);
        last[part] = '\0';
        if (!s4d_strlist_add(out, last)) {
            return s4d_err_memory(err, part + 1ull, "a list of frames");
        }
    }
    s4d_strlist_sort(out, s4d_str_natural);
    return S4D_OK;
}

s4d_status s4d_store_list(const s4d_store *store, const char *path, s4d_strlist *out, s4d_err *err)
{
    char name[S4D_PATH_MAX];
    size_t first;
    if (!store) {
        return s4d_dir_list(path, out, err);
    }
    *out = (s4d_strlist){0};
    s4d_status status = member_name(&store->pack, path, name, err);
    if (status == S4D_OK && !first_below(&store->pack, name, &first)) {
        status = s4d_err_set(err, S4D_FAILED, "%s: there is no such folder in the pack; correct the path", path);
    }
    if (status == S4D_OK) {
        status = list_members(&store->pack, first, name, out, err);
    }
    if (status != S4D_OK) {
        s4d_strlist_release(out);
    }
    return status;
}

/* ---- reading ---- */

static s4d_status find_member(const s4d_pack *p, const char *path, size_t *i, s4d_err *err)
{
    char name[S4D_PATH_MAX];
    s4d_status status = member_name(p, path, name, err);
    if (status != S4D_OK) {
        return status;
    }
    *i = s4d_pack_from(p, name);
    if (!is_member(p, *i, name)) {
        bool folder = first_below(p, name, i);
        return s4d_err_set(err, S4D_FAILED, folder ? "is a folder; name a file" : "is not in the pack; correct the path");
    }
    return S4D_OK;
}

static s4d_status read_member(const s4d_pack *p, const char *path, size_t limit, s4d_bytes *out, s4d_err *err)
{
    size_t i;
    s4d_status status = find_member(p, path, &i, err);
    uint64_t size = status == S4D_OK ? s4d_pack_at(p, i).size : 0;
    if (status == S4D_OK && limit > 0 && size > limit) {
        status = s4d_err_set(err, S4D_FAILED, "is too large (%llu bytes, at most %zu are read); check that it is the right file",
                             (unsigned long long)size, limit);
    }
    if (status == S4D_OK) {
        status = s4d_pack_bytes(p, i, out, err);
    }
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", path);
    }
    return status;
}

s4d_status s4d_store_read(const s4d_store *store, const char *path, size_t limit, s4d_store_view *out, s4d_err *err)
{
    *out = (s4d_store_view){0};
    s4d_status status = store ? read_member(&store->pack, path, limit, &out->own, err)
                              : s4d_file_read(path, limit, &out->own, err);
    out->data = out->own.data;
    out->size = out->own.size;
    return status;
}

void s4d_store_view_release(s4d_store_view *view)
{
    s4d_bytes_release(&view->own);
    *view = (s4d_store_view){0};
}

/* ---- reading in pieces ---- */

static s4d_status is_empty(s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "the file is empty; copy it again or take it out of the list");
}

static s4d_status open_member(const s4d_store *store, const char *path, s4d_store_file *out, s4d_err *err)
{
    s4d_status status = find_member(&store->pack, path, &out->member, err);
    if (status != S4D_OK) {
        return status;
    }
    s4d_pack_member m = s4d_pack_at(&store->pack, out->member);
    out->store = store;
    out->base = m.offset;
    out->size = m.size;
    return m.size == 0 ? is_empty(err) : s4d_pack_open_member(&store->pack, out->member, &out->fd, &out->own, err);
}

static s4d_status open_plain(const char *path, s4d_store_file *out, s4d_err *err)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* opening a pipe would wait */
    if (fd < 0) {
        return s4d_err_set(err, S4D_FAILED, "cannot be opened: %s", strerror(errno));
    }
    bool regular = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    if (!regular || about.st_size == 0) {
        close(fd);
        return regular ? is_empty(err) : s4d_err_set(err, S4D_FAILED, "is not a regular file; name a file");
    }
    out->fd = fd;
    out->own = true;
    out->size = (uint64_t)about.st_size;
    return S4D_OK;
}

s4d_status s4d_store_file_open(const s4d_store *store, const char *path, s4d_store_file *out, s4d_err *err)
{
    *out = (s4d_store_file){0};
    s4d_status status = store ? open_member(store, path, out, err) : open_plain(path, out, err);
    if (status != S4D_OK) {
        *out = (s4d_store_file){0};
    }
    return status;
}

s4d_status s4d_store_file_read(const s4d_store_file *file, uint64_t at, void *to, size_t n, s4d_err *err)
{
    S4D_BUG_IF(at > file->size || n > file->size - at);
    if (file->store) {
        return s4d_pack_read_at(&file->store->pack, file->member, file->fd, file->base + at, to, n, err);
    }
    ssize_t got = s4d_read_at(file->fd, at, to, n);
    if (got < 0) {
        return s4d_err_set(err, S4D_FAILED, "cannot be read: %s", strerror(errno));
    }
    return got == (ssize_t)n ? S4D_OK
                             : s4d_err_set(err, S4D_FAILED, "became shorter while it was read; try again when nothing writes to it");
}

void s4d_store_file_close(s4d_store_file *file)
{
    if (file->own) {
        close(file->fd);
    }
    *file = (s4d_store_file){0};
}
