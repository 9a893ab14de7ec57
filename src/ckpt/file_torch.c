/* From the object in a PyTorch file to named tensors, and their elements through strides and
 * offsets. */
#include <string.h>

#include "ckpt/file_private.h"
#include "s4d/base/mem.h"

enum { NEST_MAX = 8, NAME_MAX_BYTES = 512, TENSORS_MAX = 1 << 16, NOTES_MAX = 4096 };
/* One dict may stand in many places, and is looked at in each. */
enum { LOOKS_MAX = 1 << 22 };

/* A file cannot say more than a few times what it holds: views that share storages are few. */
enum { REPEAT_MAX = 4, SMALL = 1 << 20 };

static bool has_tensor(const s4d_pickle_node *dict)
{
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        if (dict->item[i]->kind == S4D_PICKLE_TEXT &&
            dict->item[i + 1]->kind == S4D_PICKLE_TENSOR) {
            return true;
        }
    }
    return false;
}

static const s4d_pickle_node *choose(const s4d_pickle_node *root, const char **top)
{
    static const char *const known[] = {"model", "module", "state_dict"};
    for (int i = 0; i < 3; i++) {
        const s4d_pickle_node *below = s4d_pickle_find(root, known[i]);
        if (below && below->kind == S4D_PICKLE_DICT && has_tensor(below)) {
            *top = known[i];
            return below;
        }
    }
    return root;
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

static s4d_status add_note(s4d_ckpt *f, const char *key, const char *text, s4d_err *err)
{
    if (f->notes == NOTES_MAX) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: has more than %d entries that are no tensors s4d reads; save the "
                           "model's state_dict() alone",
                           f->path, NOTES_MAX);
    }
    return s4d_ckpt_add_note(f, key, text, err);
}

static s4d_status note(s4d_ckpt *f, const char *key, const s4d_pickle_node *value, s4d_err *err)
{
    char text[256];
    s4d_pickle_describe(value, text, sizeof text);
    if (!s4d_str_utf8(text)) {
        strcpy(text, "bytes");
    }
    return add_note(f, key, text, err);
}

static s4d_status add_tensor(s4d_ckpt *f, const char *name, const s4d_pickle_node *node,
                             s4d_err *err)
{
    const s4d_storage_view *v = &f->torch.pickle.view[node->index];
    const s4d_storage *s = &f->torch.pickle.storage[v->storage];
    if (s->dtype == S4D_DTYPE_COUNT) {
        return add_note(f, name, "a tensor of a type that is not read", err);
    }
    if (f->count == TENSORS_MAX) {
        return s4d_err_set(err, S4D_FAILED, "%s: has more than %d tensors; no model here has",
                           f->path, TENSORS_MAX);
    }
    s4d_ckpt_tensor t = {.dtype = s->dtype,
                         .rank = v->rank,
                         .count = v->count,
                         .bytes = (size_t)v->count * s4d_dtype_size(s->dtype)};
    memcpy(t.dim, v->dim, sizeof t.dim);
    if (!s4d_strlist_add(&f->names, name)) {
        return s4d_err_memory(err, strlen(name) + 1, f->path);
    }
    t.name = f->names.item[f->names.count - 1];
    return s4d_ckpt_add(f, &t, node->index, err);
}

/* What stands in a dict, and in dicts within it, under names joined by dots. */
static s4d_status flatten(s4d_ckpt *f, const s4d_pickle_node *dict, const char *prefix, int depth,
                          s4d_err *err)
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
            status = add_tensor(f, name, value, err);
        } else if (value->kind == S4D_PICKLE_DICT && has_tensor(value)) {
            if (depth == NEST_MAX) {
                return s4d_err_set(err, S4D_FAILED,
                                   "%s: its dicts nest more than %d deep; save the model alone",
                                   f->path, NEST_MAX);
            }
            strcat(name, ".");
            status = flatten(f, value, name, depth + 1, err);
        } else {
            status = note(f, name, value, err);
        }
    }
    return status;
}

/* What stands beside the model: "epoch", "optimizer", ... */
static s4d_status note_others(s4d_ckpt *f, const s4d_pickle_node *root, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i + 1 < root->count && status == S4D_OK; i += 2) {
        char name[NAME_MAX_BYTES];
        if (join_name(name, "", root->item[i]) && strcmp(name, f->top) != 0) {
            status = note(f, name, root->item[i + 1], err);
        }
    }
    return status;
}

s4d_status s4d_ckpt_take_torch(s4d_ckpt *f, s4d_err *err)
{
    const s4d_pickle_node *root = f->torch.root;
    char what[160];
    if (root->kind != S4D_PICKLE_DICT) {
        s4d_pickle_describe(root, what, sizeof what);
        return s4d_err_set(
            err, S4D_FAILED,
            "%s: holds %s, not tensors by their names; save the model's state_dict() instead",
            f->path, what);
    }
    const s4d_pickle_node *model = choose(root, &f->top);
    s4d_status status = flatten(f, model, "", 0, err);
    if (status == S4D_OK && model != root) {
        status = note_others(f, root, err);
    }
    if (status == S4D_OK && f->count == 0) {
        status = s4d_err_set(
            err, S4D_FAILED,
            "%s: holds no tensors by their names; save the model's state_dict() instead", f->path);
    }
    size_t sum = 0;
    for (size_t i = 0; i < f->count && status == S4D_OK; i++) {
        if (__builtin_add_overflow(sum, f->tensor[i].bytes, &sum) ||
            sum / REPEAT_MAX > f->torch.map.size + SMALL) {
            status = s4d_err_set(
                err, S4D_FAILED,
                "%s: its tensors claim many times the bytes of the file; load it with PyTorch and "
                "save it anew",
                f->path);
        }
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

s4d_status s4d_ckpt_read(s4d_ckpt *f, const s4d_ckpt_tensor *t, void *out, s4d_err *err)
{
    size_t source = f->source[t - f->tensor], size = s4d_dtype_size(t->dtype);
    if (t->bytes == 0) {
        return S4D_OK;
    }
    if (f->st) {
        memcpy(out, s4d_safetensors_at(f->st, source)->data, t->bytes);
        return S4D_OK;
    }
    const s4d_storage_view *v = &f->torch.pickle.view[source];
    const unsigned char *data;
    s4d_status status = s4d_torch_storage(&f->torch, v->storage, &data, err);
    if (status) {
        return status;
    }
    if (is_contiguous(v)) {
        memcpy(out, data + (size_t)v->offset * size, t->bytes);
    } else {
        gather(v, data, size, out);
    }
    return S4D_OK;
}

s4d_status s4d_ckpt_read_floats(s4d_ckpt *f, const s4d_ckpt_tensor *t, float *out, s4d_err *err)
{
    s4d_status status = S4D_OK;
    unsigned char *raw = NULL;
    if (t->dtype == S4D_F32) {
        return s4d_ckpt_read(f, t, out, err);
    }
    if (t->dtype > S4D_BF16) {
        return s4d_err_set(
            err, S4D_FAILED,
            "%s: %s holds %s, not floating-point numbers; this is no weight of a model", f->path,
            t->name, s4d_dtype_name(t->dtype));
    }
    raw = s4d_mem_alloc(t->bytes + 1, 1);
    status = raw ? s4d_ckpt_read(f, t, raw, err) : s4d_err_memory(err, t->bytes, f->path);
    if (status == S4D_OK) {
        s4d_safetensors_info info = {
            .dtype = t->dtype, .count = t->count, .data = raw, .bytes = t->bytes};
        s4d_safetensors_read_floats(&info, out, (size_t)t->count);
    }
    s4d_mem_free(raw);
    return status;
}
