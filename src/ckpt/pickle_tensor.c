/* The tensors of a pickle: storages by their keys, and views of them. */
#include <stdint.h>
#include <string.h>

#include "ckpt/pickle.h"
#include "s4d/base/mem.h"

enum { STORAGES_MAX = 1 << 16, VIEWS_MAX = 1 << 17 };

/* ---- storages ---- */

static const struct {
    const char *name, *element; /* element: safetensors' name; NULL: none */
    int size;                   /* bytes */
} storage_types[] = {
    {"FloatStorage", "F32", 4},        {"DoubleStorage", "F64", 8},
    {"HalfStorage", "F16", 2},         {"BFloat16Storage", "BF16", 2},
    {"ByteStorage", "U8", 1},          {"CharStorage", "I8", 1},
    {"ShortStorage", "I16", 2},        {"IntStorage", "I32", 4},
    {"LongStorage", "I64", 8},         {"BoolStorage", "BOOL", 1},
    {"ComplexFloatStorage", "C64", 8}, {"ComplexDoubleStorage", "C128", 16},
    {"UntypedStorage", NULL, 1},       {"QInt8Storage", NULL, 1},
    {"QUInt8Storage", NULL, 1},        {"QInt32Storage", NULL, 4},
    {"QUInt4x2Storage", NULL, 1},      {"QUInt2x4Storage", NULL, 1},
};
enum { STORAGE_TYPES = sizeof storage_types / sizeof *storage_types };

static uint64_t hash(s4d_slice s)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325); /* FNV-1a */
    for (size_t i = 0; i < s.size; i++) {
        h = (h ^ (unsigned char)s.at[i]) * UINT64_C(0x100000001B3);
    }
    return h ^ h >> 29;
}

static void put_slot(s4d_pickle *p, size_t index)
{
    size_t i = hash(p->storage[index].key) % p->slots;
    while (p->slot[i]) {
        i = (i + 1) % p->slots;
    }
    p->slot[i] = (uint32_t)index + 1;
}

s4d_storage *s4d_pickle_find_storage(const s4d_pickle *p, s4d_slice key)
{
    for (size_t i = p->slots ? hash(key) % p->slots : 0; p->slots && p->slot[i];
         i = (i + 1) % p->slots) {
        s4d_storage *s = &p->storage[p->slot[i] - 1];
        if (s->key.size == key.size && memcmp(s->key.at, key.at, key.size) == 0) {
            return s;
        }
    }
    return NULL;
}

static s4d_status add_storage(s4d_pickle *p, const s4d_storage *spec, s4d_storage **out,
                              s4d_err *err)
{
    if (p->storages == STORAGES_MAX) {
        return s4d_pickle_broken(p, err, "names more than %d storages", STORAGES_MAX);
    }
    if (p->storages == p->storage_room) {
        size_t room = p->storage_room ? 2 * p->storage_room : 64;
        uint32_t *slot = s4d_mem_alloc(2 * room, sizeof *slot);
        if (!slot || !s4d_mem_grow(&p->storage, p->storages, room, sizeof *p->storage)) {
            s4d_mem_free(slot);
            return s4d_err_memory(err, room * sizeof *p->storage, p->path);
        }
        s4d_mem_free(p->slot);
        p->slot = slot;
        p->slots = 2 * room;
        p->storage_room = room;
        for (size_t i = 0; i < p->storages; i++) {
            put_slot(p, i);
        }
    }
    p->storage[p->storages] = *spec;
    *out = &p->storage[p->storages];
    put_slot(p, p->storages++);
    return S4D_OK;
}

/* ("storage", torch.XStorage, key, device, elements[, None]). */
s4d_status s4d_pickle_storage(s4d_pickle *p, const s4d_pickle_node *id, s4d_pickle_node **out,
                              s4d_err *err)
{
    s4d_pickle_node *const *item = id->kind == S4D_PICKLE_TUPLE ? id->item : NULL;
    if (!item || (id->count != 5 && id->count != 6) || item[0]->kind != S4D_PICKLE_TEXT ||
        !s4d_slice_is(item[0]->text, "storage") || item[1]->kind != S4D_PICKLE_GLOBAL ||
        item[2]->kind != S4D_PICKLE_TEXT || item[4]->kind != S4D_PICKLE_INT ||
        item[4]->integer < 0) {
        return s4d_pickle_broken(p, err, "refers to something that is no storage of a tensor");
    }
    if (id->count == 6 && item[5]->kind != S4D_PICKLE_NONE) {
        return s4d_err_set(
            err, S4D_FAILED,
            "%s: holds views of storages as PyTorch wrote them before 0.4, which are not read; "
            "load and save it with a later PyTorch",
            p->path);
    }
    s4d_storage spec = {.key = item[2]->text, .type = item[1]->name, .count = item[4]->integer};
    for (int i = 0; i < STORAGE_TYPES && !spec.size; i++) {
        if (s4d_slice_is(spec.type, storage_types[i].name)) {
            const char *element = storage_types[i].element;
            spec.size = storage_types[i].size;
            spec.element = element ? s4d_element_named(element) : NULL;
        }
    }
    int64_t bytes;
    if (__builtin_mul_overflow(spec.count, spec.size, &bytes)) {
        return s4d_pickle_broken(p, err, "has a storage too large for any machine");
    }
    s4d_storage *known = s4d_pickle_find_storage(p, spec.key);
    if (known && (known->element != spec.element || known->size != spec.size ||
                  known->count != spec.count)) {
        return s4d_pickle_broken(p, err, "describes one storage in two ways");
    }
    s4d_status status = known ? S4D_OK : add_storage(p, &spec, &known, err);
    if (status == S4D_OK && !(*out = s4d_pickle_node_new(p, S4D_PICKLE_STORAGE, err))) {
        status = S4D_FAILED;
    }
    if (status == S4D_OK) {
        (*out)->index = (size_t)(known - p->storage);
    }
    return status;
}

/* ---- tensors ---- */

/* The first dimensions; those beyond what is held are checked alike. */
static s4d_status read_sizes(s4d_pickle *p, const s4d_pickle_node *node, int64_t *out, s4d_err *err)
{
    for (size_t i = 0; i < node->count; i++) {
        if (node->item[i]->kind != S4D_PICKLE_INT || node->item[i]->integer < 0) {
            return s4d_pickle_broken(
                p, err, "has a tensor whose shape or strides are not whole numbers from 0");
        }
        if (i < S4D_MAX_RANK) {
            out[i] = node->item[i]->integer;
        }
    }
    return S4D_OK;
}

static s4d_status count_elements(s4d_pickle *p, const s4d_pickle_node *shape, int64_t *count,
                                 s4d_err *err)
{
    *count = 1;
    for (size_t i = 0; i < shape->count; i++) {
        if (__builtin_mul_overflow(*count, shape->item[i]->integer, count)) {
            return s4d_pickle_broken(p, err, "has a tensor too large for any machine");
        }
    }
    return S4D_OK;
}

/* Whether the last element that a view touches lies within its storage of `elements`. */
static bool fits(const s4d_pickle_node *shape, const s4d_pickle_node *strides, int64_t offset,
                 int64_t elements)
{
    int64_t last = offset, step;
    bool none = false;
    for (size_t i = 0; i < shape->count; i++) {
        none = none || shape->item[i]->integer == 0;
    }
    if (none) {
        return offset <= elements;
    }
    for (size_t i = 0; i < shape->count; i++) {
        if (__builtin_mul_overflow(shape->item[i]->integer - 1, strides->item[i]->integer, &step) ||
            __builtin_add_overflow(last, step, &last)) {
            return false;
        }
    }
    return last < elements;
}

static s4d_status add_view(s4d_pickle *p, const s4d_storage_view *v, s4d_pickle_node **out,
                           s4d_err *err)
{
    if (p->views == VIEWS_MAX) {
        return s4d_pickle_broken(p, err, "makes more than %d tensors", VIEWS_MAX);
    }
    if (p->views == p->view_room) {
        size_t room = p->view_room ? 2 * p->view_room : 64;
        if (!s4d_mem_grow(&p->view, p->view_room, room, sizeof *p->view)) {
            return s4d_err_memory(err, room * sizeof *p->view, p->path);
        }
        p->view_room = room;
    }
    *out = s4d_pickle_node_new(p, S4D_PICKLE_TENSOR, err);
    if (!*out) {
        return S4D_FAILED;
    }
    (*out)->index = p->views;
    p->view[p->views++] = *v;
    return S4D_OK;
}

/* torch.float8_e4m3fn and the like, as a name that is never looked up. */
static void read_dtype(const s4d_pickle_node *node, s4d_storage_view *v)
{
    if (node->kind == S4D_PICKLE_GLOBAL) {
        v->type = node->name;
        v->element = s4d_element_of_torch(node->name.at, node->name.size);
    }
}

/* Marks of a tensor, {"neg": True}: its numbers are to be turned when they are read. */
static bool is_negated(const s4d_pickle_node *marks)
{
    bool any = false;
    for (size_t i = 0; marks->kind == S4D_PICKLE_DICT && i + 1 < marks->count; i += 2) {
        any = any || (marks->item[i + 1]->kind == S4D_PICKLE_BOOL && marks->item[i + 1]->integer);
    }
    return any;
}

static bool is_described(const s4d_pickle_node *args, size_t least)
{
    s4d_pickle_node *const *item = args->item;
    return args->count >= least && item[0]->kind == S4D_PICKLE_STORAGE &&
           item[1]->kind == S4D_PICKLE_INT && item[1]->integer >= 0 &&
           item[2]->kind == S4D_PICKLE_TUPLE && item[3]->kind == S4D_PICKLE_TUPLE &&
           item[2]->count == item[3]->count;
}

s4d_status s4d_pickle_tensor(s4d_pickle *p, const s4d_pickle_node *args, bool dtype,
                             s4d_pickle_node **out, s4d_err *err)
{
    s4d_pickle_node *const *item = args->item;
    size_t marks = dtype ? 7 : 6; /* where they stand */
    if (!is_described(args, dtype ? 7 : 4)) {
        return s4d_pickle_broken(
            p, err, "has a tensor that is not described by storage, offset, shape and strides");
    }
    const s4d_pickle_node *shape = item[2], *strides = item[3];
    const s4d_storage *s = &p->storage[item[0]->index];
    s4d_storage_view v = {.storage = (int64_t)item[0]->index,
                          .element = s->element,
                          .type = s->type,
                          .negated = args->count > marks && is_negated(item[marks]),
                          .offset = item[1]->integer,
                          .rank = shape->count ? (int)shape->count : 1,
                          .dim = {1},
                          .stride = {1}};
    s4d_status status = read_sizes(p, shape, v.dim, err);
    if (status == S4D_OK) {
        status = read_sizes(p, strides, v.stride, err);
    }
    if (status == S4D_OK) {
        status = count_elements(p, shape, &v.count, err);
    }
    if (status) {
        return status;
    }
    int64_t elements = s->count;
    if (dtype) {
        read_dtype(item[6], &v);
        v.element = s->size ? v.element : NULL;
        elements = v.element ? s->count * s->size / (v.element->bits / 8) : INT64_MAX;
    }
    if (!fits(shape, strides, v.offset, elements)) {
        return s4d_pickle_broken(p, err, "has a tensor that is larger than its storage");
    }
    return add_view(p, &v, out, err);
}

s4d_status s4d_pickle_hollow_tensor(s4d_pickle *p, const s4d_pickle_node *args,
                                    s4d_pickle_node **out, s4d_err *err)
{
    if (args->count < 2 || args->item[1]->kind != S4D_PICKLE_TUPLE) {
        return s4d_pickle_broken(p, err, "has a tensor that is not described by type and shape");
    }
    const s4d_pickle_node *shape = args->item[1];
    s4d_storage_view v = {.storage = S4D_NO_STORAGE,
                          .type = {"unknown", 7},
                          .rank = shape->count ? (int)shape->count : 1,
                          .dim = {1}};
    read_dtype(args->item[0], &v);
    s4d_status status = read_sizes(p, shape, v.dim, err);
    if (status == S4D_OK) {
        status = count_elements(p, shape, &v.count, err);
    }
    return status == S4D_OK ? add_view(p, &v, out, err) : status;
}
