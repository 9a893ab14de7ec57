/* The things a pickle makes: their memory, looking into them, words for them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ckpt/pickle.h"
#include "s4d/base/mem.h"
#include "s4d/base/str.h"

enum { NODES_MAX = 1 << 22, ITEMS_MAX = 1 << 22, DEPTH_MAX = 100 };

struct s4d_pickle_chunk {
    s4d_pickle_chunk *next;
    size_t used;
    s4d_pickle_node node[S4D_PICKLE_CHUNK];
};

s4d_status s4d_pickle_broken(const s4d_pickle *p, s4d_err *err, const char *format, ...)
{
    char text[sizeof err->text / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return s4d_err_set(
        err, S4D_FAILED,
        "%s: its pickle %s, at byte %td; the file is damaged or no checkpoint of PyTorch, "
        "copy it again or save it anew",
        p->path, text, p->at - p->begin);
}

static bool holds_items(const s4d_pickle_node *node)
{
    return node->kind == S4D_PICKLE_LIST || node->kind == S4D_PICKLE_TUPLE ||
           node->kind == S4D_PICKLE_DICT;
}

s4d_pickle_node *s4d_pickle_node_new(s4d_pickle *p, s4d_pickle_kind kind, s4d_err *err)
{
    if (p->nodes == NODES_MAX) {
        s4d_pickle_broken(p, err, "makes more than %d things", NODES_MAX);
        return NULL;
    }
    if (!p->chunk || p->chunk->used == S4D_PICKLE_CHUNK) {
        s4d_pickle_chunk *chunk = s4d_mem_alloc(1, sizeof *chunk);
        if (!chunk) {
            s4d_err_memory(err, sizeof *chunk, p->path);
            return NULL;
        }
        chunk->next = p->chunk;
        p->chunk = chunk;
    }
    p->nodes++;
    s4d_pickle_node *node = &p->chunk->node[p->chunk->used++];
    node->kind = kind;
    return node;
}

s4d_status s4d_pickle_append(s4d_pickle *p, s4d_pickle_node *to, s4d_pickle_node *item,
                             s4d_err *err)
{
    if (holds_items(item) && item->depth >= to->depth) {
        if (item->depth + 1 > DEPTH_MAX) {
            return s4d_pickle_broken(p, err, "nests more than %d deep", DEPTH_MAX);
        }
        to->depth = item->depth + 1;
    }
    if (p->items == ITEMS_MAX) {
        return s4d_pickle_broken(p, err, "puts more than %d things into lists and dicts",
                                 ITEMS_MAX);
    }
    if (to->count == to->room) {
        size_t room = to->room ? 2 * to->room : 4;
        if (!s4d_mem_grow(&to->item, to->room, room, sizeof *to->item)) {
            return s4d_err_memory(err, room * sizeof *to->item, p->path);
        }
        to->room = room;
    }
    to->item[to->count++] = item;
    p->items++;
    return S4D_OK;
}

void s4d_pickle_release(s4d_pickle *p)
{
    while (p->chunk) {
        s4d_pickle_chunk *chunk = p->chunk;
        p->chunk = chunk->next;
        for (size_t i = 0; i < chunk->used; i++) {
            if (holds_items(&chunk->node[i])) {
                s4d_mem_free(chunk->node[i].item);
            }
        }
        s4d_mem_free(chunk);
    }
    s4d_mem_free(p->storage);
    s4d_mem_free(p->slot);
    s4d_mem_free(p->view);
    s4d_mem_free(p->stack);
    s4d_mem_free(p->memo);
    *p = (s4d_pickle){0};
}

bool s4d_slice_is(s4d_slice s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.at, text, s.size) == 0;
}

const s4d_pickle_node *s4d_pickle_find(const s4d_pickle_node *dict, const char *key)
{
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        if (dict->item[i]->kind == S4D_PICKLE_TEXT && s4d_slice_is(dict->item[i]->text, key)) {
            return dict->item[i + 1];
        }
    }
    return NULL;
}

static int shown(s4d_slice s)
{
    return s.size < 60 ? (int)s.size : 60;
}

void s4d_pickle_describe(const s4d_pickle_node *node, char *text, size_t size)
{
    switch (node->kind) {
    case S4D_PICKLE_NONE: snprintf(text, size, "None"); break;
    case S4D_PICKLE_BOOL: snprintf(text, size, "%s", node->integer ? "True" : "False"); break;
    case S4D_PICKLE_INT: snprintf(text, size, "%lld", (long long)node->integer); break;
    case S4D_PICKLE_FLOAT: snprintf(text, size, "%.9g", node->number); break;
    case S4D_PICKLE_TEXT: snprintf(text, size, "\"%.*s\"", shown(node->text), node->text.at); break;
    case S4D_PICKLE_LIST: snprintf(text, size, "a list of %zu", node->count); break;
    case S4D_PICKLE_TUPLE: snprintf(text, size, "a tuple of %zu", node->count); break;
    case S4D_PICKLE_DICT: snprintf(text, size, "a dict of %zu", node->count / 2); break;
    case S4D_PICKLE_STORAGE: snprintf(text, size, "a storage"); break;
    case S4D_PICKLE_TENSOR: snprintf(text, size, "a tensor"); break;
    case S4D_PICKLE_GLOBAL:
        snprintf(text, size, "the name %.*s.%.*s", shown(node->text), node->text.at,
                 shown(node->name), node->name.at);
        break;
    case S4D_PICKLE_OPAQUE:
        snprintf(text, size, "an object of %.*s.%.*s", shown(node->text), node->text.at,
                 shown(node->name), node->name.at);
        break;
    }
    s4d_str_printable(text, size);
}
