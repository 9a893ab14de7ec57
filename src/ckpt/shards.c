/* Weights in several files: a list beside them, {"weight_map": {"NAME": "FILE", ...}, "metadata":
 * {...}}, tells which file has which tensor. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/file_private.h"
#include "s4d/base/mem.h"

enum { LIST_MAX = 64 << 20, DIGITS = 5 };

/* ---- one of several ---- */

/* "NAME-00002-of-00005.safetensors": the length of NAME, the numbers and the ending; false: another
 * name. */
static bool split_name(const char *name, size_t *stem, int number[2], const char **tail)
{
    static const char *const tails[] = {".safetensors", ".bin"};
    for (int i = 0; i < 2; i++) {
        const size_t middle = 2 * DIGITS + strlen("--of-");
        size_t n = strlen(name), m = strlen(tails[i]);
        int used = 0;
        if (n < m + middle || strcmp(name + n - m, tails[i]) != 0) {
            continue;
        }
        *stem = n - m - middle;
        *tail = tails[i];
        return sscanf(name + *stem, "-%5d-of-%5d%n", &number[0], &number[1], &used) == 2 &&
               (size_t)used == middle;
    }
    return false;
}

s4d_status s4d_shards_list_of(const char *path, char out[S4D_PATH_MAX], s4d_err *err)
{
    char folder[S4D_PATH_MAX], list[S4D_PATH_MAX];
    const char *name = s4d_path_name(path), *tail;
    size_t stem;
    int number[2];
    out[0] = '\0';
    if (!split_name(name, &stem, number, &tail) || number[1] == 1) {
        return S4D_OK;
    }
    s4d_path_dir(folder, path);
    if (snprintf(list, sizeof list, "%.*s%s.index.json", (int)stem, name, tail) >= S4D_PATH_MAX) {
        return S4D_OK;
    }
    s4d_status status = s4d_path_join(out, folder, list, err);
    if (status == S4D_OK && !s4d_path_exists(out)) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: is shard %d of %d, and the list of them, %s, is not beside it; "
                             "copy the whole folder",
                             path, number[0], number[1], list);
    }
    return status;
}

/* ---- the list ---- */

static s4d_status say_no_list(const s4d_ckpt *f, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED,
                       "%s: is JSON text without \"weight_map\", so neither weights nor a list of "
                       "shards; name the file or folder "
                       "of the weights",
                       f->path);
}

static s4d_status parse(s4d_ckpt *f, s4d_err *err)
{
    s4d_bytes text = {0};
    s4d_status status = s4d_file_read(f->path, LIST_MAX, &text, err);
    if (status == S4D_OK) {
        status = s4d_json_parse((const char *)text.data, text.size, f->path, &f->map, err);
    }
    s4d_bytes_release(&text);
    if (status == S4D_USAGE) { /* a bad file, not a bad config */
        err->status = S4D_FAILED;
        return S4D_FAILED;
    }
    if (status) {
        return status;
    }
    const s4d_json *map =
        s4d_json_kind_of(f->map) == S4D_JSON_OBJECT ? s4d_json_find(f->map, "weight_map") : NULL;
    return map && s4d_json_kind_of(map) == S4D_JSON_OBJECT && s4d_json_count(map) > 0
               ? S4D_OK
               : say_no_list(f, err);
}

/* The file of an entry: a plain name in the folder of the list. */
static s4d_status check_entry(const s4d_ckpt *f, const s4d_json *entry, s4d_err *err)
{
    char name[160], shown[160];
    snprintf(name, sizeof name, "%.150s", s4d_json_key(entry));
    if (s4d_json_kind_of(entry) != S4D_JSON_STRING) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: weight_map gives %s no name of a file; restore the list", f->path,
                           name);
    }
    const char *file = s4d_json_string(entry);
    if (!*file || *file == '.' || strchr(file, '/') || strlen(file) > 255) {
        snprintf(shown, sizeof shown, "%.150s", file);
        return s4d_err_set(err, S4D_FAILED,
                           "%s: weight_map places %s in \"%s\", which is no file of this folder; "
                           "put the shards beside the list, by "
                           "their names alone",
                           f->path, name, shown);
    }
    return S4D_OK;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The files that the map names, each once, in order of their names; *file is of the caller. */
static s4d_status list_files(const s4d_ckpt *f, const s4d_json *map, const char ***file,
                             size_t *files, s4d_err *err)
{
    size_t n = 0;
    s4d_status status = S4D_OK;
    *files = 0;
    *file = s4d_mem_alloc(s4d_json_count(map), sizeof **file);
    if (!*file) {
        return s4d_err_memory(err, s4d_json_count(map) * sizeof **file, f->path);
    }
    for (const s4d_json *entry = s4d_json_at(map, 0); entry && status == S4D_OK;
         entry = s4d_json_next(entry)) {
        status = check_entry(f, entry, err);
        if (status == S4D_OK) {
            (*file)[n++] = s4d_json_string(entry);
        }
    }
    qsort(*file, n, sizeof **file, compare_text);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp((*file)[i], (*file)[*files - 1]) != 0) {
            (*file)[(*files)++] = (*file)[i];
        }
    }
    if (status == S4D_OK && *files > S4D_SHARDS_MAX) {
        status =
            s4d_err_set(err, S4D_FAILED,
                        "%s: names %zu files, and at most %d are read; save the model in fewer",
                        f->path, *files, S4D_SHARDS_MAX);
    }
    return status;
}

static s4d_status add_parts(s4d_ckpt *f, const char *const *file, size_t files, s4d_err *err)
{
    char folder[S4D_PATH_MAX], path[S4D_PATH_MAX];
    s4d_path_dir(folder, f->path);
    f->part = s4d_mem_alloc(files, sizeof *f->part);
    if (!f->part) {
        return s4d_err_memory(err, files * sizeof *f->part, f->path);
    }
    for (size_t i = 0; i < files; i++) {
        s4d_status status = s4d_path_join(path, folder, file[i], err);
        if (status) {
            return status;
        }
        if (!s4d_path_exists(path)) {
            char shown[160];
            snprintf(shown, sizeof shown, "%.150s", file[i]);
            return s4d_err_set(
                err, S4D_FAILED,
                "%s: the shard %s that it names is missing; copy it beside the others", f->path,
                shown);
        }
        f->part[f->parts].path = s4d_mem_strdup(path);
        if (!f->part[f->parts++].path) {
            return s4d_err_memory(err, strlen(path) + 1, f->path);
        }
    }
    return S4D_OK;
}

/* "total_size" and what else stands beside the map, as notes. */
static s4d_status add_notes(s4d_ckpt *f, s4d_err *err)
{
    const s4d_json *about = s4d_json_find(f->map, "metadata");
    s4d_status status = S4D_OK;
    const s4d_json *item =
        about && s4d_json_kind_of(about) == S4D_JSON_OBJECT ? s4d_json_at(about, 0) : NULL;
    for (int n = 0; item && n < 64 && status == S4D_OK; item = s4d_json_next(item), n++) {
        s4d_json_writer w = {0};
        s4d_json_put_node(&w, item);
        status = w.out.failed ? s4d_err_memory(err, w.out.size, f->path)
                              : s4d_ckpt_add_note(f, s4d_json_key(item), w.out.text, err);
        s4d_str_release(&w.out);
    }
    return status;
}

s4d_status s4d_shards_read(s4d_ckpt *f, s4d_err *err)
{
    const char **file = NULL;
    size_t files = 0;
    s4d_status status = parse(f, err);
    const s4d_json *map = status == S4D_OK ? s4d_json_find(f->map, "weight_map") : NULL;
    if (map) {
        status = list_files(f, map, &file, &files, err);
    }
    if (status == S4D_OK) {
        status = add_parts(f, file, files, err);
    }
    if (status == S4D_OK) {
        status = add_notes(f, err);
    }
    s4d_mem_free(file);
    return status;
}

/* ---- tensors of all shards ---- */

static int compare_keys(const void *a, const void *b)
{
    return strcmp(s4d_json_key(*(const s4d_json *const *)a),
                  s4d_json_key(*(const s4d_json *const *)b));
}

static const char *file_of(const s4d_json **entry, size_t n, const char *name)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, s4d_json_key(entry[middle]));
        if (order == 0) {
            return s4d_json_string(entry[middle]);
        }
        *(order < 0 ? &high : &low) = order < 0 ? middle : middle + 1;
    }
    return NULL;
}

/* Takes away the copy of a tensor that stands in another shard than the map says. */
static s4d_status drop_copies(s4d_ckpt *f, const s4d_json **entry, size_t n, s4d_err *err)
{
    size_t kept = 0;
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < f->count && status == S4D_OK; i++) {
        const char *here = s4d_path_name(f->part[f->source[i].part].path),
                   *there = file_of(entry, n, f->tensor[i].name);
        if (there && strcmp(here, there) != 0) {
            char text[320];
            snprintf(text, sizeof text,
                     "a copy in %.255s, which the list places elsewhere; not read", here);
            status = s4d_ckpt_add_note(f, f->tensor[i].name, text, err);
            continue;
        }
        f->tensor[kept] = f->tensor[i];
        f->source[kept++] = f->source[i];
    }
    f->count = kept;
    return status;
}

static bool is_there(const s4d_ckpt *f, const char **name, const char *wanted)
{
    return bsearch(&wanted, name, f->count, sizeof *name, compare_text) != NULL;
}

static s4d_status check_all_there(s4d_ckpt *f, const s4d_json **entry, size_t n, s4d_err *err)
{
    const char **name = s4d_mem_alloc(f->count + 1, sizeof *name);
    s4d_status status = name ? S4D_OK : s4d_err_memory(err, f->count * sizeof *name, f->path);
    for (size_t i = 0; i < f->count && name; i++) {
        name[i] = f->tensor[i].name;
    }
    if (name) {
        qsort(name, f->count, sizeof *name, compare_text);
    }
    for (size_t i = 0; i < n && status == S4D_OK; i++) {
        if (!is_there(f, name, s4d_json_key(entry[i]))) {
            char shown[160];
            snprintf(shown, sizeof shown, "%.150s", s4d_json_key(entry[i]));
            status = s4d_err_set(err, S4D_FAILED,
                                 "%s: weight_map places %s in %s, which does not have it; copy the "
                                 "shards and their list again from one "
                                 "place",
                                 f->path, shown, s4d_json_string(entry[i]));
        }
    }
    s4d_mem_free(name);
    return status;
}

s4d_status s4d_shards_check(s4d_ckpt *f, s4d_err *err)
{
    const s4d_json *map = s4d_json_find(f->map, "weight_map");
    size_t n = 0;
    const s4d_json **entry = s4d_mem_alloc(s4d_json_count(map), sizeof *entry);
    if (!entry) {
        return s4d_err_memory(err, s4d_json_count(map) * sizeof *entry, f->path);
    }
    for (const s4d_json *item = s4d_json_at(map, 0); item; item = s4d_json_next(item)) {
        entry[n++] = item;
    }
    qsort(entry, n, sizeof *entry, compare_keys);
    s4d_status status = drop_copies(f, entry, n, err);
    if (status == S4D_OK) {
        status = check_all_there(f, entry, n, err);
    }
    s4d_mem_free(entry);
    return status;
}
