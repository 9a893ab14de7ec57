/* The zip form, PyTorch 1.6 and later: PREFIX/data.pkl, PREFIX/data/KEY for each storage, all
 * stored as they are. By libzip, which reads through our reader. A member that is compressed could
 * be a bomb, and PyTorch writes none. */
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
    s4d_err_set(err, S4D_FAILED,
                "%s: %s %s; the file is damaged or no checkpoint of PyTorch, copy it again or save it anew", t->path, name, why);
    return s4d_err_blame_memory(err, S4D_FAILED, t->path);
}

/* ---- the file, as libzip reads it ---- */

struct s4d_zip_view {
    const s4d_reader *reader;
    uint64_t at;
    zip_error_t error;
    s4d_err why; /* of a read that failed */
};

static zip_int64_t view_read(s4d_zip_view *v, void *data, zip_uint64_t size)
{
    uint64_t left = v->at < v->reader->size ? v->reader->size - v->at : 0;
    size_t n = (size_t)(size < left ? size : left);
    if (s4d_reader_read(v->reader, v->at, data, n, &v->why) != S4D_OK) {
        zip_error_set(&v->error, ZIP_ER_READ, 0);
        return -1;
    }
    v->at += n;
    return (zip_int64_t)n;
}

static zip_int64_t view_seek(s4d_zip_view *v, void *data, zip_uint64_t size)
{
    zip_int64_t to = zip_source_seek_compute_offset(v->at, v->reader->size, data, size, &v->error);
    if (to < 0) {
        return -1;
    }
    v->at = (uint64_t)to;
    return 0;
}

static zip_int64_t view_stat(const s4d_zip_view *v, zip_stat_t *about)
{
    zip_stat_init(about);
    about->size = v->reader->size;
    about->valid |= ZIP_STAT_SIZE;
    return sizeof *about;
}

static zip_int64_t view_call(void *self, void *data, zip_uint64_t size, zip_source_cmd_t command)
{
    s4d_zip_view *v = self;
    switch (command) {
    case ZIP_SOURCE_OPEN: v->at = 0; return 0;
    case ZIP_SOURCE_READ: return view_read(v, data, size);
    case ZIP_SOURCE_SEEK: return view_seek(v, data, size);
    case ZIP_SOURCE_TELL: return (zip_int64_t)v->at;
    case ZIP_SOURCE_STAT: return view_stat(v, data);
    case ZIP_SOURCE_ERROR: return zip_error_to_data(&v->error, data, size);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE: return 0;
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_SEEK,
                                              ZIP_SOURCE_TELL, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
                                              ZIP_SOURCE_CLOSE, ZIP_SOURCE_FREE, -1);
    default: zip_error_set(&v->error, ZIP_ER_OPNOTSUPP, 0); return -1;
    }
}

/* What went wrong below libzip, or else that the file is broken. */
static s4d_status unreadable(const s4d_torch *t, const char *what, const char *why, s4d_err *err)
{
    const s4d_err *below = &t->view->why;
    return below->text[0] ? s4d_err_set(err, S4D_FAILED, "%s", below->text)
                          : broken(t, what, why, err);
}

/* ---- members ---- */

/* Where and how large a member is; its size is checked against the file's. */
static s4d_status find_member(const s4d_torch *t, const char *name, zip_stat_t *about, s4d_err *err)
{
    if (zip_stat(t->zip, name, ZIP_FL_ENC_RAW, about) != 0) {
        return broken(t, name, "is not in the archive", err);
    }
    zip_uint64_t wanted =
        ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((about->valid & wanted) != wanted || about->size > t->reader.size) {
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

/* The whole member. libzip checks its CRC when it is asked for more than there is, which is not
 * done where the CRC is 0: then torch.save was told to compute none. */
static s4d_status read_member(const s4d_torch *t, const zip_stat_t *about, unsigned char **out,
                              s4d_err *err)
{
    unsigned char *data = s4d_mem_alloc((size_t)about->size + 1, 1), more;
    if (!data) {
        return s4d_err_memory(err, about->size + 1, t->path);
    }
    s4d_status status = S4D_OK;
    bool unchecked = about->valid & ZIP_STAT_CRC && about->crc == 0;
    zip_file_t *file = zip_fopen_index(t->zip, about->index, 0);
    size_t done = 0;
    while (file && done < about->size) {
        zip_int64_t n = zip_fread(file, data + done, about->size - done);
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
    }
    if (!file || done != about->size || (!unchecked && zip_fread(file, &more, 1) != 0)) {
        status = unreadable(t, about->name, "cannot be read, or its checksum is wrong", err);
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

/* Archives that are not PyTorch's, told by what is in them. */
static s4d_status say_other_archive(const s4d_torch *t, const char *const *name, zip_int64_t n,
                                    s4d_err *err)
{
    static const struct {
        const char *tail, *what;
    } known[] = {
        {".npy", "an archive of NumPy arrays (.npz); load it in Python and save its arrays with "
                 "torch.save or safetensors"},
        {".h5", "a model of Keras; take PyTorch's file of the same model"},
        {".safetensors", "a zip archive of other files; unpack it and name the checkpoint in it"},
        {".bin", "a zip archive of other files; unpack it and name the checkpoint in it"},
        {".pth", "a zip archive of other files; unpack it and name the checkpoint in it"},
        {".pt", "a zip archive of other files; unpack it and name the checkpoint in it"},
        {"/data.pkl", "a checkpoint of PyTorch within another folder; unpack it and save it anew"},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        for (zip_int64_t i = 0; i < n; i++) {
            if (s4d_str_ends_nocase(name[i], known[k].tail)) {
                return s4d_err_set(err, S4D_FAILED, "%s: is %s", t->path, known[k].what);
            }
        }
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s: is a zip archive without data.pkl, so no checkpoint of PyTorch; name "
                       "the checkpoint",
                       t->path);
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
        status = say_other_archive(t, name, n, err);
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
    t->big_endian = status == S4D_OK && strcmp((const char *)text, "big") == 0;
    if (status == S4D_OK && !t->big_endian && strcmp((const char *)text, "little") != 0) {
        status = broken(t, name, "is neither \"little\" nor \"big\"", err);
    }
    s4d_mem_free(text);
    return status;
}

static s4d_status open_archive(s4d_torch *t, s4d_err *err)
{
    zip_error_t why;
    t->view = s4d_mem_alloc(1, sizeof *t->view);
    if (!t->view) {
        return s4d_err_memory(err, sizeof *t->view, t->path);
    }
    t->view->reader = &t->reader;
    zip_error_init(&t->view->error);
    zip_error_init(&why);
    zip_source_t *source = zip_source_function_create(view_call, t->view, &why);
    t->zip = source ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
    if (source && !t->zip) {
        zip_source_free(source);
    }
    zip_error_fini(&why);
    return t->zip ? S4D_OK
                  : unreadable(t, "its list of members, which stands at its end,",
                               "cannot be read, so it was cut short or damaged", err);
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
    if (s->key.size > 64 || memchr(s->key.at, '\0', s->key.size)) {
        return broken(t, "a storage", "has no proper name", err);
    }
    snprintf(name, sizeof name, "%sdata/%.*s", t->prefix, (int)s->key.size, s->key.at);
    s4d_status status = find_member(t, name, &about, err);
    if (status == S4D_OK && about.size != (zip_uint64_t)s->count * (zip_uint64_t)s->size) {
        status = broken(t, name, "has not the size that data.pkl gives it", err);
    }
    return status == S4D_OK ? read_member(t, &about, &t->cache, err) : status;
}

void s4d_torch_zip_close(s4d_torch *t)
{
    if (t->zip) {
        zip_discard(t->zip);
    }
    t->zip = NULL;
    s4d_mem_free(t->view);
    s4d_mem_free(t->prefix);
}
