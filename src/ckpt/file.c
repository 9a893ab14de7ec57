/* Files of named tensors, whatever their form. */
#include "s4d/ckpt/file.h"

#include <stdlib.h>
#include <string.h>

#include "ckpt/file_private.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/ckpt/safetensors.h"

enum { BESIDE_MAX = 1 << 20 };

const char *s4d_ckpt_kind_name(s4d_ckpt_kind kind)
{
    static const char *const name[] = {"safetensors", "PyTorch (zip)", "PyTorch (before 1.6)"};
    return name[kind];
}

/* ---- safetensors ---- */

static s4d_status take_safetensors(s4d_ckpt *f, s4d_err *err)
{
    s4d_status status = s4d_safetensors_open(f->path, &f->st, err);
    size_t n = status == S4D_OK ? s4d_safetensors_count(f->st) : 0;
    for (size_t i = 0; i < n && status == S4D_OK; i++) {
        const s4d_safetensors_info *info = s4d_safetensors_at(f->st, i);
        s4d_ckpt_tensor t = {.name = info->name,
                             .dtype = info->dtype,
                             .rank = info->rank,
                             .count = info->count,
                             .bytes = info->bytes};
        memcpy(t.dim, info->dim, sizeof t.dim);
        status = s4d_ckpt_add(f, &t, i, err);
    }
    size_t m = status == S4D_OK ? s4d_safetensors_metadata_count(f->st) : 0;
    for (size_t i = 0; i < m && status == S4D_OK; i++) {
        status = s4d_ckpt_add_note(f, s4d_safetensors_metadata_key(f->st, i),
                                   s4d_safetensors_metadata_value(f->st, i), err);
    }
    return status;
}

/* ---- any ---- */

s4d_status s4d_ckpt_add(s4d_ckpt *f, const s4d_ckpt_tensor *t, size_t source, s4d_err *err)
{
    if (f->count == f->room) {
        size_t room = f->room ? 2 * f->room : 64;
        if (!s4d_mem_grow(&f->tensor, f->room, room, sizeof *f->tensor) ||
            !s4d_mem_grow(&f->source, f->room, room, sizeof *f->source)) {
            return s4d_err_memory(err, room * sizeof *f->tensor, f->path);
        }
        f->room = room;
    }
    f->source[f->count] = source;
    f->tensor[f->count++] = *t;
    return S4D_OK;
}

s4d_status s4d_ckpt_add_note(s4d_ckpt *f, const char *key, const char *value, s4d_err *err)
{
    if (f->notes == f->note_room) {
        size_t room = f->note_room ? 2 * f->note_room : 16;
        if (!s4d_mem_grow(&f->note, f->note_room, room, sizeof *f->note)) {
            return s4d_err_memory(err, room * sizeof *f->note, f->path);
        }
        f->note_room = room;
    }
    s4d_ckpt_note note = {.key = s4d_mem_strdup(key), .value = s4d_mem_strdup(value)};
    f->note[f->notes++] = note;
    return note.key && note.value ? S4D_OK
                                  : s4d_err_memory(err, strlen(key) + strlen(value), f->path);
}

static int compare_names(const void *a, const void *b)
{
    const s4d_ckpt_tensor *x = *(const s4d_ckpt_tensor *const *)a,
                          *y = *(const s4d_ckpt_tensor *const *)b;
    return strcmp(x->name, y->name);
}

static s4d_status sort_names(s4d_ckpt *f, s4d_err *err)
{
    f->by_name = s4d_mem_alloc(f->count + 1, sizeof *f->by_name);
    if (!f->by_name) {
        return s4d_err_memory(err, f->count * sizeof *f->by_name, f->path);
    }
    for (size_t i = 0; i < f->count; i++) {
        f->by_name[i] = &f->tensor[i];
    }
    qsort(f->by_name, f->count, sizeof *f->by_name, compare_names);
    for (size_t i = 1; i < f->count; i++) {
        if (strcmp(f->by_name[i - 1]->name, f->by_name[i]->name) == 0) {
            return s4d_err_set(err, S4D_FAILED, "%s: has two tensors named %s; save it anew",
                               f->path, f->by_name[i]->name);
        }
    }
    return S4D_OK;
}

/* A folder as transformers leaves it: the path becomes that of the weights. */
static s4d_status enter_folder(s4d_ckpt *f, s4d_err *err)
{
    static const char *const weights[] = {"model.safetensors", "pytorch_model.bin"};
    char path[S4D_PATH_MAX], found[S4D_PATH_MAX] = "";
    s4d_bytes text = {0};
    s4d_status status = S4D_OK;
    for (int i = 0; i < 2 && status == S4D_OK && !found[0]; i++) {
        status = s4d_path_join(path, f->path, weights[i], err);
        if (status == S4D_OK && s4d_path_exists(path)) {
            strcpy(found, path);
        }
    }
    if (status == S4D_OK && !found[0]) {
        status = s4d_err_set(
            err, S4D_FAILED,
            "%s: is a folder without model.safetensors or pytorch_model.bin; name a checkpoint",
            f->path);
    }
    if (status == S4D_OK) {
        status = s4d_path_join(path, f->path, "config.json", err);
    }
    if (status == S4D_OK && s4d_path_exists(path)) {
        status = s4d_file_read(path, BESIDE_MAX, &text, err);
        f->beside = (char *)text.data; /* ends with a NUL */
    }
    if (status == S4D_OK && f->beside && strlen(f->beside) != text.size) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: a zero byte stands in it, so it is no JSON; restore it", path);
    }
    if (status == S4D_OK) {
        s4d_mem_free(f->path);
        f->path = s4d_mem_strdup(found);
        status = f->path ? S4D_OK : s4d_err_memory(err, sizeof found, "a path");
    }
    return status;
}

static s4d_status take_contents(s4d_ckpt *f, s4d_err *err)
{
    s4d_map map;
    s4d_status status = s4d_map_open(&map, f->path, "a checkpoint", err);
    if (status) {
        return status;
    }
    bool zip = s4d_torch_is_zip(&map), legacy = !zip && s4d_torch_is_legacy(&map);
    if (!zip && !legacy) {
        s4d_map_close(&map);
        f->kind = S4D_CKPT_SAFETENSORS;
        return take_safetensors(f, err);
    }
    f->kind = zip ? S4D_CKPT_TORCH_ZIP : S4D_CKPT_TORCH_LEGACY;
    f->torch = (s4d_torch){.path = f->path, .map = map, .pickle = {.path = f->path}};
    status = zip ? s4d_torch_open_zip(&f->torch, err) : s4d_torch_open_legacy(&f->torch, err);
    return status == S4D_OK ? s4d_ckpt_take_torch(f, err) : status;
}

s4d_status s4d_ckpt_open(const char *path, s4d_ckpt **out, s4d_err *err)
{
    *out = NULL;
    s4d_ckpt *f = s4d_mem_alloc(1, sizeof *f);
    if (!f) {
        return s4d_err_memory(err, sizeof *f, path);
    }
    f->path = s4d_mem_strdup(path);
    s4d_status status = f->path ? S4D_OK : s4d_err_memory(err, strlen(path) + 1, path);
    if (status == S4D_OK && s4d_path_is_dir(path)) {
        status = enter_folder(f, err);
    }
    if (status == S4D_OK) {
        status = take_contents(f, err);
    }
    if (status == S4D_OK) {
        status = sort_names(f, err);
    }
    if (status) {
        s4d_ckpt_close(&f);
    }
    *out = f;
    return status;
}

void s4d_ckpt_close(s4d_ckpt **file)
{
    s4d_ckpt *f = *file;
    if (!f) {
        return;
    }
    for (size_t i = 0; i < f->notes; i++) {
        s4d_mem_free((char *)f->note[i].key);
        s4d_mem_free((char *)f->note[i].value);
    }
    s4d_mem_free(f->note);
    s4d_mem_free(f->by_name);
    s4d_mem_free(f->source);
    s4d_mem_free(f->tensor);
    s4d_strlist_release(&f->names);
    s4d_torch_close(&f->torch);
    s4d_safetensors_close(&f->st);
    s4d_mem_free(f->beside);
    s4d_mem_free(f->path);
    s4d_mem_free(f);
    *file = NULL;
}

const char *s4d_ckpt_path(const s4d_ckpt *f)
{
    return f->path;
}

s4d_ckpt_kind s4d_ckpt_kind_of(const s4d_ckpt *f)
{
    return f->kind;
}

const char *s4d_ckpt_top(const s4d_ckpt *f)
{
    return f->top ? f->top : "";
}

const char *s4d_ckpt_beside(const s4d_ckpt *f)
{
    return f->beside;
}

size_t s4d_ckpt_count(const s4d_ckpt *f)
{
    return f->count;
}

const s4d_ckpt_tensor *s4d_ckpt_at(const s4d_ckpt *f, size_t i)
{
    S4D_BUG_IF(i >= f->count);
    return &f->tensor[i];
}

const s4d_ckpt_tensor *s4d_ckpt_find(const s4d_ckpt *f, const char *name)
{
    s4d_ckpt_tensor wanted = {.name = name}, *key = &wanted, **found;
    found = bsearch(&key, f->by_name, f->count, sizeof *f->by_name, compare_names);
    return found ? *found : NULL;
}

size_t s4d_ckpt_notes(const s4d_ckpt *f)
{
    return f->notes;
}

const s4d_ckpt_note *s4d_ckpt_note_at(const s4d_ckpt *f, size_t i)
{
    S4D_BUG_IF(i >= f->notes);
    return &f->note[i];
}

const char *s4d_ckpt_note_find(const s4d_ckpt *f, const char *key)
{
    for (size_t i = 0; i < f->notes; i++) {
        if (strcmp(f->note[i].key, key) == 0) {
            return f->note[i].value;
        }
    }
    return NULL;
}
