/* Files of named tensors, whatever their form. */
#include "s4d/ckpt/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/file_private.h"
#include "ckpt/kind.h"
#include "s4d/base/mem.h"

enum { BESIDE_MAX = 1 << 20 };

/* A file cannot say more than a few times what it holds: views that share storages are few. */
enum { REPEAT_MAX = 4, SMALL = 1 << 20 };

const char *s4d_ckpt_kind_name(s4d_ckpt_kind kind)
{
    static const char *const name[] = {"safetensors", "PyTorch (zip)", "PyTorch (before 1.6)"};
    return name[kind];
}

/* ---- one file ---- */

/* Notes of a file of ours stand as they are; where several shards say something, the first counts.
 */
static s4d_status take_metadata(s4d_ckpt *f, const s4d_safetensors *st, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < s4d_safetensors_metadata_count(st) && status == S4D_OK; i++) {
        const char *key = s4d_safetensors_metadata_key(st, i);
        if (f->parts == 1 || !s4d_ckpt_note_find(f, key)) {
            status = s4d_ckpt_add_note(f, key, s4d_safetensors_metadata_value(st, i), err);
        }
    }
    return status;
}

static s4d_status take_safetensors(s4d_ckpt *f, size_t number, s4d_err *err)
{
    s4d_ckpt_part *part = &f->part[number];
    s4d_status status = s4d_safetensors_open(part->path, &part->st, err);
    size_t n = status == S4D_OK ? s4d_safetensors_count(part->st) : 0;
    for (size_t i = 0; i < n && status == S4D_OK; i++) {
        const s4d_safetensors_info *info = s4d_safetensors_at(part->st, i);
        s4d_ckpt_tensor t = {.name = info->name,
                             .type = info->type,
                             .element = info->element,
                             .rank = info->rank,
                             .count = info->count,
                             .bytes = info->bytes};
        memcpy(t.dim, info->dim, sizeof t.dim);
        status = s4d_ckpt_add(f, &t, (s4d_ckpt_source){number, i}, err);
    }
    return status == S4D_OK ? take_metadata(f, part->st, err) : status;
}

static s4d_status no_keys(const s4d_ckpt_part *part, s4d_err *err)
{
    return s4d_err_set(err, S4D_USAGE,
                       "--key: %s is a safetensors file, which has no keys one below the other; "
                       "--strip PREFIX takes the tensors whose names begin with it",
                       part->path);
}

static s4d_status take_torch(s4d_ckpt *f, size_t number, s4d_reader *reader,
                             const s4d_ckpt_opts *opts, s4d_err *err)
{
    s4d_ckpt_part *part = &f->part[number];
    part->torch =
        (s4d_torch){.path = part->path, .reader = *reader, .pickle = {.path = part->path}};
    *reader = (s4d_reader){0};
    s4d_status status = part->kind == S4D_CKPT_TORCH_ZIP ? s4d_torch_open_zip(&part->torch, err)
                                                         : s4d_torch_open_legacy(&part->torch, err);
    return status == S4D_OK ? s4d_ckpt_take_torch(f, number, opts, err) : status;
}

/* *list: it is no weights but JSON, which may be the list of shards. */
static s4d_status take_part(s4d_ckpt *f, size_t number, const s4d_ckpt_opts *opts, bool *list,
                            s4d_err *err)
{
    s4d_ckpt_part *part = &f->part[number];
    s4d_reader reader;
    s4d_kind kind;
    s4d_status status = s4d_reader_open(&reader, part->path, "a checkpoint", err);
    if (status == S4D_OK) {
        part->size = reader.size;
        status = s4d_kind_of(&reader, &kind, err);
    }
    *list = status == S4D_OK && kind == S4D_KIND_JSON;
    if (status == S4D_OK && kind == S4D_KIND_SAFETENSORS) {
        part->kind = S4D_CKPT_SAFETENSORS;
        status = opts && opts->keys ? no_keys(part, err) : take_safetensors(f, number, err);
    } else if (status == S4D_OK && !*list) {
        part->kind = kind == S4D_KIND_ZIP ? S4D_CKPT_TORCH_ZIP : S4D_CKPT_TORCH_LEGACY;
        status = take_torch(f, number, &reader, opts, err);
    }
    s4d_reader_close(&reader);
    return status;
}

/* ---- any ---- */

s4d_status s4d_ckpt_add(s4d_ckpt *f, const s4d_ckpt_tensor *t, s4d_ckpt_source source, s4d_err *err)
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

/* What no model here can use is listed all the same. */
static void mark_unread(s4d_ckpt *f)
{
    size_t sum = 0, most = SMALL;
    for (size_t i = 0; i < f->parts; i++) {
        most += REPEAT_MAX * (size_t)f->part[i].size;
    }
    for (size_t i = 0; i < f->count; i++) {
        s4d_ckpt_tensor *t = &f->tensor[i];
        if (t->unread) {
            continue;
        }
        if (!t->element || t->element->kind == S4D_ELEMENT_OTHER) {
            t->unread = S4D_CKPT_OTHER_TYPE;
        } else if (t->rank > S4D_MAX_RANK) {
            t->unread = S4D_CKPT_MANY_DIMENSIONS;
        } else if (t->bytes > most - sum) {
            t->unread = S4D_CKPT_TOO_MANY;
        } else {
            sum += t->bytes;
        }
    }
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

static s4d_status take_shards(s4d_ckpt *f, const s4d_ckpt_opts *opts, s4d_err *err)
{
    s4d_status status = s4d_shards_read(f, err);
    for (size_t i = 0; i < f->parts && status == S4D_OK; i++) {
        bool list;
        status = take_part(f, i, opts, &list, err);
        if (status == S4D_OK && list) {
            status = s4d_err_set(err, S4D_FAILED,
                                 "%s: is JSON text, and %s names it as a shard; restore it",
                                 f->part[i].path, f->path);
        }
    }
    return status == S4D_OK ? s4d_shards_check(f, err) : status;
}

static s4d_status take_one(s4d_ckpt *f, const s4d_ckpt_opts *opts, bool *list, s4d_err *err)
{
    f->part = s4d_mem_alloc(1, sizeof *f->part);
    if (!f->part || !(f->part->path = s4d_mem_strdup(f->path))) {
        return s4d_err_memory(err, sizeof *f->part, f->path);
    }
    f->parts = 1;
    return take_part(f, 0, opts, list, err);
}

static void part_release(s4d_ckpt_part *part)
{
    s4d_torch_close(&part->torch);
    s4d_safetensors_close(&part->st);
    s4d_mem_free(part->path);
}

static void parts_release(s4d_ckpt *f)
{
    for (size_t i = 0; i < f->parts; i++) {
        part_release(&f->part[i]);
    }
    s4d_mem_free(f->part);
    f->part = NULL;
    f->parts = 0;
}

static s4d_status take_all(s4d_ckpt *f, const s4d_ckpt_opts *opts, s4d_err *err)
{
    char list[S4D_PATH_MAX];
    bool is_list = false;
    s4d_status status = s4d_shards_list_of(f->path, list, err);
    if (status == S4D_OK && list[0]) {
        s4d_mem_free(f->path);
        f->path = s4d_mem_strdup(list);
        return f->path ? take_shards(f, opts, err) : s4d_err_memory(err, sizeof list, "a path");
    }
    if (status == S4D_OK) {
        status = take_one(f, opts, &is_list, err);
    }
    if (status == S4D_OK && is_list) {
        parts_release(f);
        status = take_shards(f, opts, err);
    }
    return status;
}

s4d_status s4d_ckpt_open(const char *path, const s4d_ckpt_opts *opts, s4d_ckpt **out, s4d_err *err)
{
    char found[S4D_PATH_MAX];
    *out = NULL;
    s4d_ckpt *f = s4d_mem_alloc(1, sizeof *f);
    if (!f) {
        return s4d_err_memory(err, sizeof *f, path);
    }
    s4d_status status = s4d_ckpt_find_weights(path, found, err);
    if (status == S4D_OK && !(f->path = s4d_mem_strdup(found))) {
        status = s4d_err_memory(err, sizeof found, path);
    }
    if (status == S4D_OK) {
        status = take_all(f, opts, err);
    }
    if (status == S4D_OK) {
        mark_unread(f);
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
    s4d_top_release(&f->top);
    s4d_json_destroy(&f->map);
    parts_release(f);
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
    return f->part[0].kind;
}

size_t s4d_ckpt_shards(const s4d_ckpt *f)
{
    return f->parts;
}

const char *s4d_ckpt_top(const s4d_ckpt *f)
{
    return f->top.path;
}

const s4d_strlist *s4d_ckpt_others(const s4d_ckpt *f)
{
    return &f->top.others;
}

s4d_status s4d_ckpt_read_beside(const s4d_ckpt *f, const char *name, s4d_bytes *text, s4d_err *err)
{
    char folder[S4D_PATH_MAX], path[S4D_PATH_MAX];
    *text = (s4d_bytes){0};
    s4d_path_dir(folder, f->path);
    s4d_status status = s4d_path_join(path, folder, name, err);
    if (status || !s4d_path_exists(path) || s4d_path_is_dir(path)) {
        return status;
    }
    status = s4d_file_read(path, BESIDE_MAX, text, err);
    if (status == S4D_OK && strlen((char *)text->data) != text->size) {
        s4d_bytes_release(text);
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: a zero byte stands in it, so it is no JSON; restore it", path);
    }
    return status;
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
