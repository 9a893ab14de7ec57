/* The zip form, PyTorch 1.6 and later: PREFIX/data.pkl, PREFIX/data/KEY for each storage, all
 * stored as they are. By libzip, over the mapped file. A member that is compressed could be a bomb,
 * and PyTorch writes none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "ckpt/torch.h"
#include "s4d/base/mem.h"
#include "s4d/base/str.h"

enum { PICKLE_MAX = 64 << 20, PREFIX_MAX = 512, MEMBERS_MAX = 1 << 17 };

static s4d_status broken(const s4d_torch *t, const char *what, const char *why, s4d_err *err)
{
    char name[128];
    snprintf(name, sizeof name, "%.120s", what);
    s4d_str_printable(name);
    return s4d_err_set(
        err, S4D_FAILED,
        "%s: %s %s; the file is damaged or no checkpoint of PyTorch, copy it again or save it anew",
        t->path, name, why);
}

bool s4d_torch_is_zip(const s4d_map *map)
{
    return map->size >= 4 &&
           (memcmp(map->data, "PK\3\4", 4) == 0 || memcmp(map->data, "PK\5\6", 4) == 0);
}

/* Where and how large a member is; its size is checked against the file's. */
static s4d_status find_member(const s4d_torch *t, const char *name, zip_stat_t *about, s4d_err *err)
{
    if (zip_stat(t->zip, name, ZIP_FL_ENC_RAW, about) != 0) {
        return broken(t, name, "is not in the archive", err);
    }
    zip_uint64_t wanted =
        ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((about->valid & wanted) != wanted || about->size > t->map.size) {
        return broken(t, name, "is larger than the file that holds it", err);
    }
    if (about->comp_method != ZIP_CM_STORE || about->comp_size != about->size ||
        (about->valid & ZIP_STAT_ENCRYPTION_METHOD && about->encryption_method != ZIP_EM_NONE)) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: a member is compressed or encrypted, which PyTorch never does; "
                           "load it with PyTorch "
                           "and save it anew",
                           t->path);
    }
    return S4D_OK;
}

/* The whole member; reading to its end checks its CRC too. */
static s4d_status read_member(const s4d_torch *t, const zip_stat_t *about, unsigned char **out,
                              s4d_err *err)
{
    unsigned char *data = s4d_mem_alloc((size_t)about->size + 1, 1), more;
    if (!data) {
        return s4d_err_memory(err, about->size + 1, t->path);
    }
    s4d_status status = S4D_OK;
    zip_file_t *file = zip_fopen_index(t->zip, about->index, 0);
    size_t done = 0;
    while (file && done < about->size) {
        zip_int64_t n = zip_fread(file, data + done, about->size - done);
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
    }
    if (!file || done != about->size || zip_fread(file, &more, 1) != 0) {
        status = broken(t, about->name, "cannot be read, or its checksum is wrong", err);
    }
    if (file) {
        zip_fclose(file);
    }
    if (status) {
        s4d_mem_free(data);
        data = NULL;
    }
    *out = data;
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The one PREFIX/data.pkl; a name that stands twice could mean two things. */
static s4d_status find_prefix(s4d_torch *t, s4d_err *err)
{
    static const char tail[] = "/data.pkl";
    zip_int64_t n = zip_get_num_entries(t->zip, 0);
    if (n > MEMBERS_MAX) {
        return broken(t, "it", "has too many members", err);
    }
    const char **name = s4d_mem_alloc((size_t)n + 1, sizeof *name), *found = NULL;
    s4d_status status = name ? S4D_OK : s4d_err_memory(err, (size_t)n * sizeof *name, t->path);
    for (zip_int64_t i = 0; i < n && status == S4D_OK; i++) {
        name[i] = zip_get_name(t->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (!name[i]) {
            status = broken(t, "it", "has a member without a name", err);
        } else if (s4d_str_ends(name[i], tail) &&
                   strchr(name[i], '/') == name[i] + strlen(name[i]) - strlen(tail)) {
            status = found ? broken(t, name[i], "is not the only pickle", err) : S4D_OK;
            found = name[i];
        }
    }
    if (status == S4D_OK) {
        qsort(name, (size_t)n, sizeof *name, compare_names);
    }
    for (zip_int64_t i = 1; i < n && status == S4D_OK; i++) {
        if (strcmp(name[i - 1], name[i]) == 0) {
            status = broken(t, name[i], "is there twice", err);
        }
    }
    if (status == S4D_OK && (!found || strlen(found) > PREFIX_MAX)) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: is a zip archive without data.pkl, so no checkpoint of PyTorch; "
                             "name the checkpoint",
                             t->path);
    }
    if (status == S4D_OK && !(t->prefix = s4d_mem_strdup(found))) {
        status = s4d_err_memory(err, strlen(found) + 1, t->path);
    }
    if (status == S4D_OK) {
        t->prefix[strlen(found) - strlen(tail) + 1] = '\0';
    }
    s4d_mem_free(name);
    return status;
}

static s4d_status check_byte_order(s4d_torch *t, s4d_err *err)
{
    char name[PREFIX_MAX + 16];
    zip_stat_t about;
    unsigned char *text = NULL;
    snprintf(name, sizeof name, "%sbyteorder", t->prefix);
    if (zip_name_locate(t->zip, name, ZIP_FL_ENC_RAW) < 0) {
        return S4D_OK; /* before PyTorch 2.1 */
    }
    s4d_status status = find_member(t, name, &about, err);
    if (status == S4D_OK) {
        status = read_member(t, &about, &text, err);
    }
    if (status == S4D_OK && strcmp((const char *)text, "little") != 0) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: its numbers are not little-endian; save it on a machine that is",
                             t->path);
    }
    s4d_mem_free(text);
    return status;
}

static s4d_status open_archive(s4d_torch *t, s4d_err *err)
{
    zip_error_t why;
    zip_error_init(&why);
    zip_source_t *source = zip_source_buffer_create(t->map.data, t->map.size, 0, &why);
    t->zip = source ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
    s4d_status status = t->zip ? S4D_OK : broken(t, "its list of members", "cannot be read", err);
    if (source && !t->zip) {
        zip_source_free(source);
    }
    zip_error_fini(&why);
    return status;
}

s4d_status s4d_torch_open_zip(s4d_torch *t, s4d_err *err)
{
    char name[PREFIX_MAX + 16];
    zip_stat_t about;
    s4d_status status = open_archive(t, err);
    if (status == S4D_OK) {
        status = find_prefix(t, err);
    }
    if (status == S4D_OK) {
        status = check_byte_order(t, err);
    }
    if (status) {
        return status;
    }
    snprintf(name, sizeof name, "%sdata.pkl", t->prefix);
    status = find_member(t, name, &about, err);
    if (status == S4D_OK && about.size > PICKLE_MAX) {
        status = broken(t, name, "is larger than any description of tensors", err);
    }
    if (status == S4D_OK) {
        status = read_member(t, &about, &t->text, err);
    }
    if (status) {
        return status;
    }
    const unsigned char *at = t->text, *end = t->text + about.size;
    status = s4d_pickle_read(&t->pickle, &at, end, &t->root, err);
    if (status == S4D_OK && at != end) {
        status = broken(t, name, "goes on behind its end", err);
    }
    return status;
}

s4d_status s4d_torch_zip_storage(s4d_torch *t, size_t index, s4d_err *err)
{
    char name[PREFIX_MAX + 80];
    zip_stat_t about;
    const s4d_storage *s = &t->pickle.storage[index];
    if (t->cached == index + 1) {
        return S4D_OK;
    }
    s4d_mem_free(t->cache);
    t->cache = NULL;
    t->cached = 0;
    if (s->key.size > 64 || memchr(s->key.at, '\0', s->key.size)) {
        return broken(t, "a storage", "has no proper name", err);
    }
    snprintf(name, sizeof name, "%sdata/%.*s", t->prefix, (int)s->key.size, s->key.at);
    s4d_status status = find_member(t, name, &about, err);
    if (status == S4D_OK && about.size != (zip_uint64_t)s->count * (zip_uint64_t)s->size) {
        status = broken(t, name, "has not the size that data.pkl gives it", err);
    }
    if (status == S4D_OK) {
        status = read_member(t, &about, &t->cache, err);
    }
    if (status == S4D_OK) {
        t->cached = index + 1;
    }
    return status;
}

void s4d_torch_zip_close(s4d_torch *t)
{
    if (t->zip) {
        zip_discard(t->zip);
    }
    t->zip = NULL;
    s4d_mem_free(t->prefix);
    s4d_mem_free(t->text);
    s4d_mem_free(t->cache);
}
