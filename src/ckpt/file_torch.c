/* From the object in a PyTorch file to named tensors, and their elements through strides and
 * offsets. */
#include <stdio.h>
#include <string.h>

#include "ckpt/file_private.h"
#include "s4d/base/mem.h"

enum { NEST_MAX = 8, NAME_MAX_BYTES = 512, TENSORS_MAX = 1 << 16, NOTES_MAX = 4096 };
/* One dict may stand in many places, and is looked at in each. */
enum { LOOKS_MAX = 1 << 22 };

/* A dict within the model that belongs to it. One with as many tensors is rather a copy or an
 * average of the whole. */
static bool is_part(const s4d_pickle_node *dict, size_t tensors_of_model)
{
    size_t n = dict->kind == S4D_PICKLE_DICT ? s4d_top_tensors(dict) : 0;
    return n > 0 && 2 * n < tensors_of_model;
}

/* PREFIX + the key, or false: no text, too long, not UTF-8, a zero byte. */
static bool join_name(char out[NAME_MAX_BYTES], const char *prefix, const s4d_pickle_node *key)
{
    size_t n = strlen(prefix);
    if (key->kind != S4D_PICKLE_TEXT || key->text.size >= NAME_MAX_BYTES - 1 - n ||
        memchr(key->text.at, '\0', key->text.size)) {
        return false;
    }
    memcpy(out, prefix, n);
    memcpy(out + n, key->text.at, key->text.size);
    out[n + key->text.size] = '\0';
    return s4d_str_utf8(out);
}

static s4d_status note(s4d_ckpt *f, const char *key, const s4d_pickle_node *value, s4d_err *err)
{
    char text[256];
    s4d_pickle_describe(value, text, sizeof text);
    if (!s4d_str_utf8(text)) {
        strcpy(text, "bytes");
    }
    return f->notes < NOTES_MAX ? s4d_ckpt_add_note(f, key, text, err) : S4D_OK;
}

/* A copy that lives as long as the file. */
static s4d_status keep_text(s4d_ckpt *f, const char *text, const char **out, s4d_err *err)
{
    if (!s4d_strlist_add(&f->names, text)) {
        return s4d_err_memory(err, strlen(text) + 1, f->path);
    }
    *out = f->names.item[f->names.count - 1];
    return S4D_OK;
}

/* Of a type that is not known, the name that the file gives it. */
static s4d_status name_type(s4d_ckpt *f, const s4d_storage_view *v, const char **out, s4d_err *err)
{
    char text[64];
    if (v->element) {
        *out = v->element->name;
        return S4D_OK;
    }
    snprintf(text, sizeof text, "%.*s", v->type.size < 60 ? (int)v->type.size : 60, v->type.at);
    s4d_str_printable(text, sizeof text);
    return keep_text(f, s4d_str_utf8(text) ? text : "unknown", out, err);
}

/* Elements that are in the storage, less than the view has: an expanded one, of stride 0. */
static bool is_expanded(const s4d_storage_view *v)
{
    bool any = false;
    for (int i = 0; i < v->rank && i < S4D_MAX_RANK; i++) {
        any = any || (v->dim[i] > 1 && v->stride[i] == 0);
    }
    return any;
}

static s4d_status add_tensor(s4d_ckpt *f, const char *name, const s4d_pickle_node *node,
                             s4d_ckpt_source source, s4d_err *err)
{
    const s4d_storage_view *v = &f->part[source.part].torch.pickle.view[node->index];
    if (f->count == TENSORS_MAX) {
        return s4d_err_set(err, S4D_FAILED, "%s: has more than %d tensors; no model here has",
                           f->path, TENSORS_MAX);
    }
    s4d_ckpt_tensor t = {.element = v->element,
                         .rank = v->rank,
                         .count = v->count,
                         .expanded = is_expanded(v),
                         .unread = v->storage == S4D_NO_STORAGE ? S4D_CKPT_WITHOUT_NUMBERS
                                   : v->negated                 ? S4D_CKPT_NEGATED
                                                                : S4D_CKPT_READABLE};
    memcpy(t.dim, v->dim, sizeof t.dim);
    if (v->element &&
        __builtin_mul_overflow((size_t)v->count, (size_t)v->element->bits / 8, &t.bytes)) {
        t.bytes = SIZE_MAX;
    }
    s4d_status status = keep_text(f, name, &t.name, err);
    if (status == S4D_OK) {
        status = name_type(f, v, &t.type, err);
    }
    source.index = node->index;
    return status == S4D_OK ? s4d_ckpt_add(f, &t, source, err) : status;
}

/* What stands in a dict, and in dicts within it, under names joined by dots. at: the part, and how
 * deep the dict stands. */
static s4d_status flatten(s4d_ckpt *f, const s4d_pickle_node *dict, const char *prefix,
                          s4d_ckpt_source at, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i + 1 < dict->count && status == S4D_OK; i += 2) {
        char name[NAME_MAX_BYTES];
        const s4d_pickle_node *value = dict->item[i + 1];
        f->looked += 1 + (value->kind == S4D_PICKLE_DICT ? value->count / 2 : 0);
        if (f->looked > LOOKS_MAX) {
            return s4d_err_set(err, S4D_FAILED,
                               "%s: its dicts have more than %d entries; save the model alone",
                               f->path, LOOKS_MAX);
        }
        if (!join_name(name, prefix, dict->item[i])) {
            status = note(f, "(a key that is no name)", value, err);
        } else if (value->kind == S4D_PICKLE_TENSOR) {
            status = add_tensor(f, name, value, (s4d_ckpt_source){at.part, 0}, err);
        } else if (is_part(value, f->top.tensors)) {
            if (at.index == NEST_MAX) {
                return s4d_err_set(err, S4D_FAILED,
                                   "%s: its dicts nest more than %d deep; save the model alone",
                                   f->path, NEST_MAX);
            }
            strcat(name, ".");
            status = flatten(f, value, name, (s4d_ckpt_source){at.part, at.index + 1}, err);
        } else {
            status = note(f, name, value, err);
        }
    }
    return status;
}

/* What stands beside the model: "epoch", "optimizer", ..., in the containers on the way to it. */
static s4d_status note_others(s4d_ckpt *f, const s4d_pickle_node *node, const char *way,
                              s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; node->kind == S4D_PICKLE_DICT && i + 1 < node->count && status == S4D_OK;
         i += 2) {
        char name[NAME_MAX_BYTES];
        const s4d_pickle_node *value = node->item[i + 1];
        if (!join_name(name, "", node->item[i])) {
            continue;
        }
        size_t n = strlen(name);
        bool on_the_way = strncmp(way, name, n) == 0 && (way[n] == '.' || way[n] == '\0');
        if (!on_the_way) {
            status = note(f, name, value, err);
        } else if (way[n] == '.') {
            status = note_others(f, value, way + n + 1, err);
        }
    }
    return status;
}

s4d_status s4d_ckpt_take_torch(s4d_ckpt *f, size_t number, const s4d_ckpt_opts *opts, s4d_err *err)
{
    s4d_ckpt_part *part = &f->part[number];
    const s4d_pickle_node *root = part->torch.root;
    s4d_top_release(&f->top);
    s4d_status status = s4d_top_choose(root, opts ? opts->key : NULL, opts ? opts->keys : 0,
                                       part->path, &f->top, err);
    if (status == S4D_OK) {
        status = flatten(f, f->top.model, "", (s4d_ckpt_source){number, 0}, err);
    }
    if (status == S4D_OK && f->top.model != root) {
        status = note_others(f, root, f->top.path, err);
    }
    return status;
}

/* ---- elements ---- */

/* Row-major order is the order of the storage. */
static bool is_contiguous(const s4d_storage_view *v)
{
    int64_t step = 1;
    for (int i = v->rank - 1; i >= 0; i--) {
        if (v->dim[i] != 1 && v->stride[i] != step) {
            return false;
        }
        step *= v->dim[i];
    }
    return true;
}

static void gather(const s4d_storage_view *v, const unsigned char *from, size_t size,
                   unsigned char *out)
{
    int64_t place[S4D_MAX_RANK] = {0}, at = v->offset;
    for (int64_t n = 0; n < v->count; n++) {
        memcpy(out, from + (size_t)at * size, size);
        out += size;
        for (int i = v->rank - 1; i >= 0; i--) {
            at += v->stride[i];
            if (++place[i] < v->dim[i]) {
                break;
            }
            at -= v->stride[i] * v->dim[i];
            place[i] = 0;
        }
    }
}

s4d_status s4d_ckpt_read_torch(s4d_torch *torch, size_t view, unsigned char *out, s4d_err *err)
{
    const s4d_storage_view *v = &torch->pickle.view[view];
    size_t size = (size_t)v->element->bits / 8;
    const unsigned char *data;
    s4d_status status = s4d_torch_storage(torch, (size_t)v->storage, &data, err);
    if (status) {
        return status;
    }
    if (is_contiguous(v)) {
        memcpy(out, data + (size_t)v->offset * size, (size_t)v->count * size);
    } else {
        gather(v, data, size, out);
    }
    if (torch->big_endian) {
        s4d_element_swap(out, size, (size_t)v->count);
    }
    return S4D_OK;
}
