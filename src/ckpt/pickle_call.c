/* What a pickle calls: the few functions that make tensors and dicts are known by name, everything
 * else becomes a placeholder. Nothing is looked up, imported or run. */
#include <stdint.h>
#include <string.h>

#include "ckpt/pickle.h"
#include "s4d/base/mem.h"

enum { STORAGES_MAX = 1 << 16, VIEWS_MAX = 1 << 17 };

static bool is_global(const s4d_pickle_node *node, const char *module, const char *name)
{
    return node->kind == S4D_PICKLE_GLOBAL && s4d_slice_is(node->text, module) &&
           s4d_slice_is(node->name, name);
}

/* ---- storages ---- */

static const struct {
    const char *name;
    int size;
    s4d_dtype dtype;
} storage_types[] = {
    {"FloatStorage", 4, S4D_F32},
    {"DoubleStorage", 8, S4D_F64},
    {"HalfStorage", 2, S4D_F16},
    {"BFloat16Storage", 2, S4D_BF16},
    {"ByteStorage", 1, S4D_U8},
    {"IntStorage", 4, S4D_I32},
    {"LongStorage", 8, S4D_I64},
    {"BoolStorage", 1, S4D_BOOL},
    {"CharStorage", 1, S4D_DTYPE_COUNT},
    {"ShortStorage", 2, S4D_DTYPE_COUNT},
    {"QInt8Storage", 1, S4D_DTYPE_COUNT},
    {"QUInt8Storage", 1, S4D_DTYPE_COUNT},
    {"QInt32Storage", 4, S4D_DTYPE_COUNT},
    {"ComplexFloatStorage", 8, S4D_DTYPE_COUNT},
    {"UntypedStorage", 1, S4D_DTYPE_COUNT},
    {"ComplexDoubleStorage", 16, S4D_DTYPE_COUNT},
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
            spec.size = storage_types[i].size;
            spec.dtype = storage_types[i].dtype;
        }
    }
    int64_t bytes;
    if (!spec.size || __builtin_mul_overflow(spec.count, spec.size, &bytes)) {
        return s4d_pickle_broken(
            p, err, "has a storage of the unknown type %.*s, or one too large for any machine",
            spec.type.size < 60 ? (int)spec.type.size : 60, spec.type.at);
    }
    s4d_storage *known = s4d_pickle_find_storage(p, spec.key);
    if (known &&
        (known->dtype != spec.dtype || known->size != spec.size || known->count != spec.count)) {
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

static s4d_status read_sizes(s4d_pickle *p, const s4d_pickle_node *node, int64_t *out, s4d_err *err)
{
    for (size_t i = 0; i < node->count; i++) {
        if (node->item[i]->kind != S4D_PICKLE_INT || node->item[i]->integer < 0) {
            return s4d_pickle_broken(
                p, err, "has a tensor whose shape or strides are not whole numbers from 0");
        }
        out[i] = node->item[i]->integer;
    }
    return S4D_OK;
}

/* The last element a view touches lies within its storage, and the view has no more elements than
 * that. */
static bool fits(const s4d_storage_view *v, int64_t elements)
{
    int64_t last = v->offset, step;
    if (v->count == 0) {
        return v->offset <= elements;
    }
    for (int i = 0; i < v->rank; i++) {
        if (__builtin_mul_overflow(v->dim[i] - 1, v->stride[i], &step) ||
            __builtin_add_overflow(last, step, &last)) {
            return false;
        }
    }
    return last < elements && v->count <= elements;
}

/* (storage, offset, shape, strides, ...). */
static s4d_status make_tensor(s4d_pickle *p, const s4d_pickle_node *args, s4d_pickle_node **out,
                              s4d_err *err)
{
    s4d_pickle_node *const *item = args->item;
    if (args->count < 4 || item[0]->kind != S4D_PICKLE_STORAGE || item[1]->kind != S4D_PICKLE_INT ||
        item[1]->integer < 0 || item[2]->kind != S4D_PICKLE_TUPLE ||
        item[3]->kind != S4D_PICKLE_TUPLE || item[2]->count != item[3]->count) {
        return s4d_pickle_broken(
            p, err, "has a tensor that is not described by storage, offset, shape and strides");
    }
    if (item[2]->count > S4D_MAX_RANK) {
        return s4d_pickle_broken(p, err, "has a tensor of %zu dimensions, and at most %d are read",
                                 item[2]->count, S4D_MAX_RANK);
    }
    s4d_storage_view v = {.storage = item[0]->index,
                          .offset = item[1]->integer,
                          .count = 1,
                          .rank = 1,
                          .dim = {1},
                          .stride = {1}};
    s4d_status status = read_sizes(p, item[2], v.dim, err);
    if (status == S4D_OK) {
        status = read_sizes(p, item[3], v.stride, err);
    }
    if (status) {
        return status;
    }
    v.rank = item[2]->count ? (int)item[2]->count : 1;
    for (int i = 0; i < v.rank; i++) {
        if (__builtin_mul_overflow(v.count, v.dim[i], &v.count)) {
            return s4d_pickle_broken(p, err, "has a tensor too large for any machine");
        }
    }
    if (!fits(&v, p->storage[v.storage].count)) {
        return s4d_pickle_broken(p, err, "has a tensor that is larger than its storage");
    }
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
    p->view[p->views++] = v;
    return S4D_OK;
}

/* ---- calls ---- */

static s4d_status make_opaque(s4d_pickle *p, const s4d_pickle_node *of, s4d_pickle_node **out,
                              s4d_err *err)
{
    static const s4d_slice unknown = {"something", 9}, unnamed = {"unnamed", 7};
    bool named = of->kind == S4D_PICKLE_GLOBAL || of->kind == S4D_PICKLE_OPAQUE;
    s4d_pickle_node *node = s4d_pickle_node_new(p, S4D_PICKLE_OPAQUE, err);
    if (!node) {
        return S4D_FAILED;
    }
    node->text = named ? of->text : unknown;
    node->name = named ? of->name : unnamed;
    *out = node;
    return S4D_OK;
}

/* OrderedDict([(key, value), ...]) */
static s4d_status make_dict(s4d_pickle *p, const s4d_pickle_node *args, s4d_pickle_node **out,
                            s4d_err *err)
{
    const s4d_pickle_node *pairs = args->count ? args->item[0] : NULL;
    s4d_pickle_node *dict = s4d_pickle_node_new(p, S4D_PICKLE_DICT, err);
    s4d_status status = dict ? S4D_OK : S4D_FAILED;
    bool listed = pairs && (pairs->kind == S4D_PICKLE_LIST || pairs->kind == S4D_PICKLE_TUPLE);
    for (size_t i = 0; listed && i < pairs->count && status == S4D_OK; i++) {
        const s4d_pickle_node *pair = pairs->item[i];
        if ((pair->kind != S4D_PICKLE_LIST && pair->kind != S4D_PICKLE_TUPLE) || pair->count != 2) {
            return s4d_pickle_broken(p, err, "makes a dict of things that are no pairs");
        }
        for (int k = 0; k < 2 && status == S4D_OK; k++) {
            status = s4d_pickle_append(p, dict, pair->item[k], err);
        }
    }
    *out = dict;
    return status;
}

s4d_status s4d_pickle_call(s4d_pickle *p, s4d_pickle_node *callable, s4d_pickle_node *args,
                           s4d_pickle_node **out, s4d_err *err)
{
    if (args->kind != S4D_PICKLE_TUPLE) {
        return s4d_pickle_broken(p, err, "calls something without a tuple of arguments");
    }
    if (is_global(callable, "torch._utils", "_rebuild_tensor_v2") ||
        is_global(callable, "torch._utils", "_rebuild_tensor")) {
        return make_tensor(p, args, out, err);
    }
    bool parameter = is_global(callable, "torch._utils", "_rebuild_parameter") ||
                     is_global(callable, "torch._utils", "_rebuild_parameter_with_state");
    if (parameter && args->count > 0 && args->item[0]->kind == S4D_PICKLE_TENSOR) {
        *out = args->item[0];
        return S4D_OK;
    }
    bool dict = is_global(callable, "collections", "OrderedDict") ||
                is_global(callable, "collections", "defaultdict");
    if (dict && is_global(callable, "collections", "OrderedDict")) {
        return make_dict(p, args, out, err);
    }
    if (dict) { /* its argument is a factory, which is never called */
        *out = s4d_pickle_node_new(p, S4D_PICKLE_DICT, err);
        return *out ? S4D_OK : S4D_FAILED;
    }
    return make_opaque(p, callable, out, err);
}
