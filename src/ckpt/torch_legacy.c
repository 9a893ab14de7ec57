/* The older form, before PyTorch 1.6: five pickles (a magic number, the version, the machine, the
 * object, the keys of the storages), then each storage in the order of the keys, its count of
 * elements before it. */
#include <string.h>

#include "ckpt/torch.h"
#include "s4d/base/mem.h"

enum { VERSION = 1001 };

/* PROTO 2, LONG1 of 10 bytes, STOP. */
static const unsigned char magic[] = {0x80, 2,    0x8A, 10,   0x6C, 0xFC, 0x9C, 0x46,
                                      0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, '.'};

bool s4d_torch_is_legacy(const s4d_map *map)
{
    return map->size >= sizeof magic && memcmp(map->data, magic, sizeof magic) == 0;
}

static s4d_status damaged(const s4d_torch *t, const char *what, s4d_err *err)
{
    return s4d_err_set(
        err, S4D_FAILED,
        "%s: %s; the file is damaged or no checkpoint of PyTorch, copy it again or save it anew",
        t->path, what);
}

static s4d_status read_storages(s4d_torch *t, const s4d_pickle_node *keys, const unsigned char *at,
                                s4d_err *err)
{
    const unsigned char *end = t->map.data + t->map.size;
    s4d_pickle *p = &t->pickle;
    t->data = s4d_mem_alloc(p->storages + 1, sizeof *t->data);
    if (!t->data) {
        return s4d_err_memory(err, p->storages * sizeof *t->data, t->path);
    }
    if (keys->kind != S4D_PICKLE_LIST || keys->count != p->storages) {
        return damaged(t, "its list of storages is not that of its tensors", err);
    }
    for (size_t i = 0; i < keys->count; i++) {
        const s4d_pickle_node *key = keys->item[i];
        s4d_storage *s =
            key->kind == S4D_PICKLE_TEXT ? s4d_pickle_find_storage(p, key->text) : NULL;
        int64_t count;
        if (!s || t->data[s - p->storage]) {
            return damaged(t, "its list of storages is not that of its tensors", err);
        }
        if (end - at < (ptrdiff_t)sizeof count) {
            return damaged(t, "ends within its tensors", err);
        }
        memcpy(&count, at, sizeof count);
        at += sizeof count;
        if (count != s->count) {
            return damaged(t, "has a storage of another size than its tensors say", err);
        }
        if ((end - at) / s->size < count) {
            return damaged(t, "ends within its tensors", err);
        }
        t->data[s - p->storage] = at;
        at += count * s->size;
    }
    return at == end ? S4D_OK : damaged(t, "goes on behind its tensors", err);
}

s4d_status s4d_torch_open_legacy(s4d_torch *t, s4d_err *err)
{
    enum { MAGIC, VERSION_NUMBER, MACHINE, OBJECT, KEYS, PICKLES };
    const unsigned char *at = t->map.data, *end = at + t->map.size;
    s4d_pickle_node *part[PICKLES];
    for (int i = 0; i < PICKLES; i++) {
        s4d_status status = s4d_pickle_read(&t->pickle, &at, end, &part[i], err);
        if (status) {
            return status;
        }
    }
    if (part[VERSION_NUMBER]->kind != S4D_PICKLE_INT || part[VERSION_NUMBER]->integer != VERSION) {
        return damaged(t, "has another version than 1001", err);
    }
    const s4d_pickle_node *little = part[MACHINE]->kind == S4D_PICKLE_DICT
                                        ? s4d_pickle_find(part[MACHINE], "little_endian")
                                        : NULL;
    if (!little || little->kind != S4D_PICKLE_BOOL || !little->integer) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: its numbers are not little-endian; save it on a machine that is",
                           t->path);
    }
    t->root = part[OBJECT];
    return read_storages(t, part[KEYS], at, err);
}

s4d_status s4d_torch_storage(s4d_torch *t, size_t index, const unsigned char **data, s4d_err *err)
{
    if (t->data) {
        *data = t->data[index];
        return S4D_OK;
    }
    s4d_status status = s4d_torch_zip_storage(t, index, err);
    *data = t->cache;
    return status;
}

void s4d_torch_close(s4d_torch *t)
{
    s4d_torch_zip_close(t);
    s4d_mem_free(t->data);
    s4d_pickle_release(&t->pickle);
    s4d_map_close(&t->map);
    *t = (s4d_torch){0};
}
