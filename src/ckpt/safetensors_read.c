/* Reads safetensors files. The format: a little-endian uint64 n, n bytes of JSON
 * {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...}, then the data,
 * which the tensors share out without overlap or hole. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/map.h"
#include "s4d/base/json.h"
#include "s4d/base/mem.h"
#include "s4d/ckpt/safetensors.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors data are little-endian");

enum { HEADER_MAX = 100 << 20 }; /* as in other readers of the format */

struct s4d_safetensors {
    char *path;
    s4d_map map;
    const unsigned char *data;
    size_t data_size;
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

static s4d_status parse_header(s4d_safetensors *st, s4d_err *err)
{
    uint64_t size;
    if (st->map.size < sizeof size) {
        return broken(st, err, "has %zu bytes, too few for a header", st->map.size);
    }
    memcpy(&size, st->map.data, sizeof size);
    if (size > HEADER_MAX) {
        return broken(st, err, "gives its header %llu bytes, and at most %d are read",
                      (unsigned long long)size, HEADER_MAX);
    }
    if (size > st->map.size - 8) {
        return broken(st, err, "ends within its header (%llu bytes needed, %zu there)",
                      (unsigned long long)size, st->map.size - 8);
    }
    s4d_err why = {0};
    s4d_status status = s4d_json_parse((const char *)st->map.data + 8, (size_t)size,
                                       "in the header", &st->header, &why);
    if (status == S4D_USAGE) {
        return broken(st, err, "%s", why.text);
    }
    if (status) {
        s4d_err_set(err, status, "%s: %s", st->path, why.text);
        return status;
    }
    if (s4d_json_kind_of(st->header) != S4D_JSON_OBJECT) {
        return broken(st, err, "its header is not a JSON object");
    }
    st->data = st->map.data + 8 + size;
    st->data_size = st->map.size - 8 - (size_t)size;
    return S4D_OK;
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
    const char *text = s4d_json_string(node);
    for (int i = 0; i < S4D_DTYPE_COUNT; i++) {
        if (strcmp(text, s4d_dtype_name((s4d_dtype)i)) == 0) {
            info->dtype = (s4d_dtype)i;
            return S4D_OK;
        }
    }
    return s4d_err_set(
        err, S4D_FAILED,
        "%s: tensor %s has the element type %s, which s4d does not read; save it as F32", st->path,
        info->name, text);
}

/* Shape, element count and bytes. */
static s4d_status read_shape(const s4d_safetensors *st, const s4d_json *node,
                             s4d_safetensors_info *info, s4d_err *err)
{
    if (!node || s4d_json_kind_of(node) != S4D_JSON_ARRAY) {
        return broken(st, err, "tensor %s has no shape", info->name);
    }
    size_t rank = s4d_json_count(node);
    if (rank > S4D_MAX_RANK) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: tensor %s has %zu dimensions, and s4d reads at most %d; reshape it",
                           st->path, info->name, rank, S4D_MAX_RANK);
    }
    info->rank = rank ? (int)rank : 1;
    info->dim[0] = 1;
    info->count = 1;
    int64_t bytes;
    int i = 0;
    for (const s4d_json *item = s4d_json_at(node, 0); item; item = s4d_json_next(item), i++) {
        if (!s4d_json_integer(item, &info->dim[i]) || info->dim[i] < 0) {
            return broken(st, err, "tensor %s has a dimension that is not a whole number from 0",
                          info->name);
        }
        if (__builtin_mul_overflow(info->count, info->dim[i], &info->count)) {
            return broken(st, err, "tensor %s has a shape too large for any machine", info->name);
        }
    }
    if (__builtin_mul_overflow(info->count, (int64_t)s4d_dtype_size(info->dtype), &bytes)) {
        return broken(st, err, "tensor %s has a shape too large for any machine", info->name);
    }
    info->bytes = (size_t)bytes;
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
        return broken(st, err, "tensor %s ends at byte %lld of the data, which are %zu bytes",
                      info->name, (long long)end, st->data_size);
    }
    if ((size_t)(end - begin) != info->bytes) {
        return broken(st, err, "tensor %s has %lld bytes of data, and its shape and dtype need %zu",
                      info->name, (long long)(end - begin), info->bytes);
    }
    info->data = st->data + begin;
    return S4D_OK;
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
    if (x->data != y->data) {
        return x->data < y->data ? -1 : 1;
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
    const unsigned char *next = st->data;
    for (size_t i = 0; i < st->count; i++) {
        const s4d_safetensors_info *info = st->by_name[i];
        if (info->data < next) {
            return broken(st, err, "tensor %s overlaps tensor %s", info->name,
                          st->by_name[i - 1]->name);
        }
        if (info->data > next) {
            return broken(st, err, "%td bytes before tensor %s belong to no tensor",
                          info->data - next, info->name);
        }
        next += info->bytes;
    }
    if (next != st->data + st->data_size) {
        return broken(st, err, "%td bytes at the end belong to no tensor",
                      st->data + st->data_size - next);
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
    status = st->path ? s4d_map_open(&st->map, path, "a safetensors file", err)
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
    s4d_map_close(&st->map);
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
