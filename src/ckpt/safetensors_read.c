/* Reads safetensors files. The format: a little-endian uint64 n, n bytes of JSON
 * {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...}, then the data,
 * which the tensors share out without overlap or hole. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/kind.h"
#include "s4d/base/json.h"
#include "s4d/base/mem.h"
#include "s4d/base/reader.h"
#include "s4d/ckpt/safetensors.h"

enum { HEADER_MAX = 100 << 20 }; /* as in other readers of the format */

struct s4d_safetensors {
    char *path;
    s4d_reader reader;
    uint64_t data, data_size; /* where the numbers begin in the file, and their bytes */
    s4d_json *header;         /* owns the names and the metadata */
    const s4d_json *metadata; /* NULL: none */
    s4d_safetensors_info *info;
    size_t count;
    const s4d_safetensors_info **by_name; /* sorted */
};

/* "PATH: WHAT; REMEDY". */
static s4d_status broken(const s4d_safetensors *st, s4d_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static s4d_status broken(const s4d_safetensors *st, s4d_err *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return s4d_err_set(
        err, S4D_FAILED,
        "%s: %s; the file is damaged or not a safetensors file, copy it again or write "
        "it anew",
        st->path, text);
}

/* A size beyond any header is rather the begin of another kind of file. */
static s4d_status say_kind(const s4d_safetensors *st, s4d_err *err)
{
    unsigned char first = 0;
    s4d_kind kind;
    if (st->reader.size > 8 && s4d_reader_read(&st->reader, 8, &first, 1, NULL) == S4D_OK &&
        first == '{') {
        return S4D_OK;
    }
    s4d_status status = s4d_kind_of(&st->reader, &kind, err);
    return status ? status
                  : s4d_err_set(err, S4D_FAILED,
                                "%s: is %s, not safetensors; \"s4d ckpt import\" brings it under "
                                "the names used here",
                                st->path,
                                kind == S4D_KIND_JSON ? "JSON text, perhaps a list of shards"
                                                      : "a checkpoint of PyTorch");
}

/* Where the header ends is checked before it is read. */
static s4d_status read_header(s4d_safetensors *st, char **text, size_t *size, s4d_err *err)
{
    unsigned char begin[8];
    uint64_t n = 0;
    if (st->reader.size < sizeof begin) {
        return broken(st, err, "has %llu bytes, too few for a header",
                      (unsigned long long)st->reader.size);
    }
    s4d_status status = s4d_reader_read(&st->reader, 0, begin, sizeof begin, err);
    if (status) {
        return status;
    }
    memcpy(&n, begin, sizeof n);
    if (n > HEADER_MAX && (status = say_kind(st, err)) != S4D_OK) {
        return status;
    }
    if (n > HEADER_MAX) {
        return broken(st, err, "gives its header %llu bytes, and at most %d are read",
                      (unsigned long long)n, HEADER_MAX);
    }
    if (n > st->reader.size - sizeof begin) {
        return broken(st, err, "ends within its header (%llu bytes needed, %llu there)",
                      (unsigned long long)n, (unsigned long long)(st->reader.size - sizeof begin));
    }
    *size = (size_t)n;
    *text = s4d_mem_alloc(*size + 1, 1);
    if (!*text) {
        return s4d_err_memory(err, *size + 1, st->path);
    }
    st->data = sizeof begin + n;
    st->data_size = st->reader.size - st->data;
    return s4d_reader_read(&st->reader, sizeof begin, *text, *size, err);
}

static s4d_status parse_header(s4d_safetensors *st, s4d_err *err)
{
    char *text = NULL;
    size_t size = 0;
    s4d_err why = {0};
    s4d_status status = read_header(st, &text, &size, err), parsed = S4D_OK;
    if (status == S4D_OK) {
        parsed = s4d_json_parse(text, size, "in the header", &st->header, &why);
    }
    s4d_mem_free(text);
    if (parsed == S4D_USAGE) {
        return broken(st, err, "%s", why.text);
    }
    if (parsed) {
        return s4d_err_set(err, parsed, "%s: %s", st->path, why.text);
    }
    if (status == S4D_OK && s4d_json_kind_of(st->header) != S4D_JSON_OBJECT) {
        return broken(st, err, "its header is not a JSON object");
    }
    return status;
}

static s4d_status check_metadata(s4d_safetensors *st, s4d_err *err)
{
    st->metadata = s4d_json_find(st->header, "__metadata__");
    if (!st->metadata) {
        return S4D_OK;
    }
    if (s4d_json_kind_of(st->metadata) != S4D_JSON_OBJECT) {
        return broken(st, err, "__metadata__ is not an object");
    }
    for (const s4d_json *item = s4d_json_at(st->metadata, 0); item; item = s4d_json_next(item)) {
        if (s4d_json_kind_of(item) != S4D_JSON_STRING) {
            return broken(st, err, "__metadata__.%s is not a string", s4d_json_key(item));
        }
    }
    return S4D_OK;
}

static s4d_status read_dtype(const s4d_safetensors *st, const s4d_json *node,
                             s4d_safetensors_info *info, s4d_err *err)
{
    if (!node || s4d_json_kind_of(node) != S4D_JSON_STRING) {
        return broken(st, err, "tensor %s has no dtype", info->name);
    }
    info->type = s4d_json_string(node);
    info->element = s4d_element_named(info->type);
    return S4D_OK;
}

/* Shape and element count. */
static s4d_status read_shape(const s4d_safetensors *st, const s4d_json *node,
                             s4d_safetensors_info *info, s4d_err *err)
{
    if (!node || s4d_json_kind_of(node) != S4D_JSON_ARRAY) {
        return broken(st, err, "tensor %s has no shape", info->name);
    }
    size_t rank = s4d_json_count(node);
    info->rank = rank ? (int)rank : 1;
    info->dim[0] = 1;
    info->count = 1;
    int i = 0;
    for (const s4d_json *item = s4d_json_at(node, 0); item; item = s4d_json_next(item), i++) {
        int64_t dim;
        if (!s4d_json_integer(item, &dim) || dim < 0) {
            return broken(st, err, "tensor %s has a dimension that is not a whole number from 0",
                          info->name);
        }
        if (i < S4D_MAX_RANK) {
            info->dim[i] = dim;
        }
        if (__builtin_mul_overflow(info->count, dim, &info->count)) {
            return broken(st, err, "tensor %s has a shape too large for any machine", info->name);
        }
    }
    return S4D_OK;
}

/* Whether that many bytes hold the elements; of a type that is not known nobody can tell. */
static s4d_status check_bytes(const s4d_safetensors *st, const s4d_safetensors_info *info,
                              s4d_err *err)
{
    int64_t bits;
    if (!info->element) {
        return S4D_OK;
    }
    if (__builtin_mul_overflow(info->count, (int64_t)info->element->bits, &bits)) {
        return broken(st, err, "tensor %s has a shape too large for any machine", info->name);
    }
    if (bits % 8 != 0 || (uint64_t)bits / 8 != info->bytes) {
        return broken(st, err, "tensor %s has %zu bytes of data, and its shape and dtype need %lld",
                      info->name, info->bytes, (long long)(bits / 8 + (bits % 8 != 0)));
    }
    return S4D_OK;
}

static s4d_status read_offsets(const s4d_safetensors *st, const s4d_json *node,
                               s4d_safetensors_info *info, s4d_err *err)
{
    int64_t begin, end;
    if (!node || s4d_json_kind_of(node) != S4D_JSON_ARRAY || s4d_json_count(node) != 2 ||
        !s4d_json_integer(s4d_json_at(node, 0), &begin) ||
        !s4d_json_integer(s4d_json_at(node, 1), &end) || begin < 0 || end < begin) {
        return broken(st, err, "tensor %s has no two rising data_offsets", info->name);
    }
    if ((uint64_t)end > st->data_size) {
        return broken(st, err, "tensor %s ends at byte %lld of the data, which are %llu bytes",
                      info->name, (long long)end, (unsigned long long)st->data_size);
    }
    info->offset = st->data + (uint64_t)begin;
    info->bytes = (size_t)(end - begin);
    return check_bytes(st, info, err);
}

static s4d_status read_entry(const s4d_safetensors *st, const s4d_json *node,
                             s4d_safetensors_info *info, s4d_err *err)
{
    info->name = s4d_json_key(node);
    if (s4d_json_kind_of(node) != S4D_JSON_OBJECT || s4d_json_count(node) != 3) {
        return broken(st, err, "tensor %s is not described by dtype, shape and data_offsets",
                      info->name);
    }
    s4d_status status = read_dtype(st, s4d_json_find(node, "dtype"), info, err);
    if (status == S4D_OK) {
        status = read_shape(st, s4d_json_find(node, "shape"), info, err);
    }
    if (status == S4D_OK) {
        status = read_offsets(st, s4d_json_find(node, "data_offsets"), info, err);
    }
    return status;
}

static int compare_places(const void *a, const void *b)
{
    const s4d_safetensors_info *x = *(const s4d_safetensors_info *const *)a;
    const s4d_safetensors_info *y = *(const s4d_safetensors_info *const *)b;
    if (x->offset != y->offset) {
        return x->offset < y->offset ? -1 : 1;
    }
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes; /* empty ones first */
}

static int compare_names(const void *a, const void *b)
{
    const s4d_safetensors_info *x = *(const s4d_safetensors_info *const *)a;
    const s4d_safetensors_info *y = *(const s4d_safetensors_info *const *)b;
    return strcmp(x->name, y->name);
}

/* Every byte of the data belongs to one tensor. by_name is in order of place here. */
static s4d_status check_cover(const s4d_safetensors *st, s4d_err *err)
{
    uint64_t next = st->data, end = st->data + st->data_size;
    for (size_t i = 0; i < st->count; i++) {
        const s4d_safetensors_info *info = st->by_name[i];
        if (info->offset < next) {
            return broken(st, err, "tensor %s overlaps tensor %s", info->name,
                          st->by_name[i - 1]->name);
        }
        if (info->offset > next) {
            return broken(st, err, "%llu bytes before tensor %s belong to no tensor",
                          (unsigned long long)(info->offset - next), info->name);
        }
        next += info->bytes;
    }
    if (next != end) {
        return broken(st, err, "%llu bytes at the end belong to no tensor",
                      (unsigned long long)(end - next));
    }
    return S4D_OK;
}

static s4d_status read_entries(s4d_safetensors *st, s4d_err *err)
{
    size_t n = s4d_json_count(st->header);
    st->info = s4d_mem_alloc(n, sizeof *st->info);
    st->by_name = s4d_mem_alloc(n, sizeof *st->by_name);
    if (!st->info || !st->by_name) {
        return s4d_err_memory(err, n * (sizeof *st->info + sizeof *st->by_name), st->path);
    }
    for (const s4d_json *node = s4d_json_at(st->header, 0); node; node = s4d_json_next(node)) {
        if (node == st->metadata) {
            continue;
        }
        s4d_status status = read_entry(st, node, &st->info[st->count], err);
        if (status) {
            return status;
        }
        st->by_name[st->count] = &st->info[st->count];
        st->count++;
    }
    qsort(st->by_name, st->count, sizeof *st->by_name, compare_places);
    s4d_status status = check_cover(st, err);
    qsort(st->by_name, st->count, sizeof *st->by_name, compare_names);
    return status;
}

s4d_status s4d_safetensors_open(const char *path, s4d_safetensors **out, s4d_err *err)
{
    s4d_status status;
    *out = NULL;
    s4d_safetensors *st = s4d_mem_alloc(1, sizeof *st);
    if (!st) {
        return s4d_err_memory(err, sizeof *st, path);
    }
    st->path = s4d_mem_strdup(path);
    status = st->path ? s4d_reader_open(&st->reader, st->path, "a safetensors file", err)
                      : s4d_err_memory(err, strlen(path) + 1, path);
    if (status == S4D_OK) {
        status = parse_header(st, err);
    }
    if (status == S4D_OK) {
        status = check_metadata(st, err);
    }
    if (status == S4D_OK) {
        status = read_entries(st, err);
    }
    if (status) {
        s4d_safetensors_close(&st);
    }
    *out = st;
    return status;
}

void s4d_safetensors_close(s4d_safetensors **out)
{
    s4d_safetensors *st = *out;
    if (!st) {
        return;
    }
    s4d_reader_close(&st->reader);
    s4d_json_destroy(&st->header);
    s4d_mem_free(st->by_name);
    s4d_mem_free(st->info);
    s4d_mem_free(st->path);
    s4d_mem_free(st);
    *out = NULL;
}

const char *s4d_safetensors_path(const s4d_safetensors *st)
{
    return st->path;
}

size_t s4d_safetensors_count(const s4d_safetensors *st)
{
    return st->count;
}

const s4d_safetensors_info *s4d_safetensors_at(const s4d_safetensors *st, size_t i)
{
    S4D_BUG_IF(i >= st->count);
    return &st->info[i];
}

const s4d_safetensors_info *s4d_safetensors_find(const s4d_safetensors *st, const char *name)
{
    s4d_safetensors_info wanted = {.name = name};
    const s4d_safetensors_info *key = &wanted;
    const s4d_safetensors_info **found =
        bsearch(&key, st->by_name, st->count, sizeof *st->by_name, compare_names);
    return found ? *found : NULL;
}

size_t s4d_safetensors_metadata_count(const s4d_safetensors *st)
{
    return st->metadata ? s4d_json_count(st->metadata) : 0;
}

const char *s4d_safetensors_metadata_key(const s4d_safetensors *st, size_t i)
{
    S4D_BUG_IF(i >= s4d_safetensors_metadata_count(st));
    return s4d_json_key(s4d_json_at(st->metadata, i));
}

const char *s4d_safetensors_metadata_value(const s4d_safetensors *st, size_t i)
{
    S4D_BUG_IF(i >= s4d_safetensors_metadata_count(st));
    return s4d_json_string(s4d_json_at(st->metadata, i));
}

const char *s4d_safetensors_metadata(const s4d_safetensors *st, const char *key)
{
    const s4d_json *item = st->metadata ? s4d_json_find(st->metadata, key) : NULL;
    return item ? s4d_json_string(item) : NULL;
}

/* ---- numbers ---- */

s4d_status s4d_safetensors_read(const s4d_safetensors *st, const s4d_safetensors_info *info,
                                void *out, s4d_err *err)
{
    return s4d_reader_read(&st->reader, info->offset, out, info->bytes, err);
}

s4d_status s4d_safetensors_read_floats(const s4d_safetensors *st, const s4d_safetensors_info *info,
                                       float *out, size_t count, s4d_err *err)
{
    unsigned char some[1 << 14];
    const s4d_element *e = info->element;
    if (!e || e->kind != S4D_ELEMENT_REAL) {
        return s4d_err_set(
            err, S4D_FAILED,
            "%s: %s holds %s, not floating-point numbers; this is no weight of a model", st->path,
            info->name, info->type);
    }
    if ((uint64_t)info->count != count) {
        return s4d_err_set(err, S4D_FAILED, "%s: %s holds %lld numbers, and %zu are expected",
                           st->path, info->name, (long long)info->count, count);
    }
    if (e->dtype == S4D_F32) {
        return s4d_safetensors_read(st, info, out, err);
    }
    size_t size = (size_t)e->bits / 8, most = sizeof some / size;
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < count && status == S4D_OK; i += most) {
        size_t n = count - i < most ? count - i : most;
        status = s4d_reader_read(&st->reader, info->offset + i * size, some, n * size, err);
        if (status == S4D_OK) {
            s4d_element_floats(e, some, out + i, n);
        }
    }
    return status;
}
