/* The older form, before PyTorch 1.6: five pickles (a magic number, the version, the machine, the
 * object, the keys of the storages), then each storage in the order of the keys, its count of
 * elements before it. */
#include <string.h>

#include "ckpt/torch.h"
#include "s4d/base/mem.h"

enum { VERSION = 1001, PICKLES_MAX = 64 << 20 };

static s4d_status damaged(const s4d_torch *t, const char *what, s4d_err *err)
{
    return s4d_err_set(
        err, S4D_FAILED,
        "%s: %s; the file is damaged or no checkpoint of PyTorch, copy it again or save it anew",
        t->path, what);
}

/* Where the storage of a key begins, `at` being where the list goes on. */
static s4d_status place_storage(s4d_torch *t, const s4d_pickle_node *key, uint64_t *at,
                                s4d_err *err)
{
    s4d_pickle *p = &t->pickle;
    s4d_storage *s = key->kind == S4D_PICKLE_TEXT ? s4d_pickle_find_storage(p, key->text) : NULL;
    int64_t count;
    if (!s || t->at[s - p->storage]) {
        return damaged(t, "its list of storages is not that of its tensors", err);
    }
    if (!s->size) {
        return damaged(t, "has a storage of a type that is not known", err);
    }
    if (t->reader.size - *at < sizeof count) {
        return damaged(t, "ends within its tensors", err);
    }
    s4d_status status = s4d_reader_read(&t->reader, *at, &count, sizeof count, err);
    *at += sizeof count;
    if (status == S4D_OK && count != s->count) {
        return damaged(t, "has a storage of another size than its tensors say", err);
    }
    if (status == S4D_OK && (t->reader.size - *at) / (uint64_t)s->size < (uint64_t)count) {
        return damaged(t, "ends within its tensors", err);
    }
    t->at[s - p->storage] = *at;
    *at += status == S4D_OK ? (uint64_t)(count * s->size) : 0;
    return status;
}

static s4d_status place_storages(s4d_torch *t, const s4d_pickle_node *keys, uint64_t at,
                                 s4d_err *err)
{
    size_t n = t->pickle.storages;
    t->at = s4d_mem_alloc(n + 1, sizeof *t->at);
    if (!t->at) {
        return s4d_err_memory(err, n * sizeof *t->at, t->path);
    }
    if (keys->kind != S4D_PICKLE_LIST || keys->count != n) {
        return damaged(t, "its list of storages is not that of its tensors", err);
    }
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < n && status == S4D_OK; i++) {
        status = place_storage(t, keys->item[i], &at, err);
    }
    return status || at == t->reader.size ? status : damaged(t, "goes on behind its tensors", err);
}

/* The pickles stand at the begin of the file, and their numbers behind are not read with them. */
static s4d_status read_pickles(s4d_torch *t, s4d_pickle_node **part, int parts, uint64_t *end,
                               s4d_err *err)
{
    size_t size = t->reader.size < PICKLES_MAX ? (size_t)t->reader.size : PICKLES_MAX;
    t->text = s4d_mem_alloc(size + 1, 1);
    s4d_status status = t->text ? s4d_reader_read(&t->reader, 0, t->text, size, err)
                                : s4d_err_memory(err, size + 1, t->path);
    const unsigned char *at = t->text;
    for (int i = 0; i < parts && status == S4D_OK; i++) {
        status = s4d_pickle_read(&t->pickle, &at, t->text + size, &part[i], err);
    }
    *end = (uint64_t)(at - t->text);
    return status;
}

s4d_status s4d_torch_open_legacy(s4d_torch *t, s4d_err *err)
{
    enum { MAGIC, VERSION_NUMBER, MACHINE, OBJECT, KEYS, PICKLES };
    s4d_pickle_node *part[PICKLES];
    uint64_t end;
    s4d_status status = read_pickles(t, part, PICKLES, &end, err);
    if (status) {
        return status;
    }
    if (part[VERSION_NUMBER]->kind != S4D_PICKLE_INT || part[VERSION_NUMBER]->integer != VERSION) {
        return damaged(t, "has another version than 1001", err);
    }
    /* what the machine was does not matter: numbers are little-endian whatever wrote them */
    t->root = part[OBJECT];
    return place_storages(t, part[KEYS], end, err);
}

static s4d_status read_legacy_storage(s4d_torch *t, size_t index, s4d_err *err)
{
    const s4d_storage *s = &t->pickle.storage[index];
    size_t bytes = (size_t)(s->count * s->size); /* no more than the file has */
    t->cache = s4d_mem_alloc(bytes + 1, 1);
    return t->cache ? s4d_reader_read(&t->reader, t->at[index], t->cache, bytes, err)
                    : s4d_err_memory(err, bytes + 1, t->path);
}

s4d_status s4d_torch_storage(s4d_torch *t, size_t index, const unsigned char **data, s4d_err *err)
{
    s4d_status status = S4D_OK;
    if (t->cached != index + 1) {
        s4d_mem_free(t->cache);
        t->cache = NULL;
        t->cached = 0;
        status = t->at ? read_legacy_storage(t, index, err) : s4d_torch_zip_storage(t, index, err);
        t->cached = status == S4D_OK ? index + 1 : 0;
    }
    *data = t->cache;
    return status;
}

void s4d_torch_close(s4d_torch *t)
{
    s4d_torch_zip_close(t);
    s4d_mem_free(t->at);
    s4d_mem_free(t->text);
    s4d_mem_free(t->cache);
    s4d_pickle_release(&t->pickle);
    s4d_reader_close(&t->reader);
    *t = (s4d_torch){0};
}
