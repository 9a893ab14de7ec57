/* Export: the published tensors under another program's names, by the same map that import reads.
 */
#include "s4d/ckpt/export.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ckpt/export_private.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"

s4d_status s4d_export_named(const char *name, s4d_export_to *out, s4d_err *err)
{
    static const char *const known[] = {"s4d", "videomae", "transformers"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, known[i]) == 0) {
            *out = (s4d_export_to)i;
            return S4D_OK;
        }
    }
    return s4d_err_set(err, S4D_USAGE,
                       "--to: expected s4d, videomae or transformers, got \"%.60s\"", name);
}

/* Those programs have one head: that of clips, else that of pictures. */
static const char *kept_head(const s4d_import *im)
{
    return im->classes[1] ? "head.video." : "head.image.";
}

const char *s4d_export_left_out(const s4d_import *im, s4d_export_to to)
{
    return to != S4D_EXPORT_S4D && im->classes[0] && im->classes[1] ? "head.image" : NULL;
}

bool s4d_export_forgets_pictures(const s4d_import *im, s4d_export_to to)
{
    return to != S4D_EXPORT_S4D && im->classes[0] && !im->classes[1];
}

/* ---- tensors ---- */

/* A growing list of what is written; names are owned. */
typedef struct outgoing {
    s4d_safetensors_entry *entry;
    char (*name)[S4D_FOREIGN_MAX];
    size_t count;
    float *value;
} outgoing;

static void outgoing_release(outgoing *o)
{
    s4d_mem_free(o->entry);
    s4d_mem_free(o->name);
    s4d_mem_free(o->value);
}

static s4d_status outgoing_make(const s4d_import *im, outgoing *o, s4d_err *err)
{
    size_t total = 1, most = 3 * im->count + 1;
    for (size_t i = 0; i < im->count; i++) {
        total += (size_t)im->tensor[i].count;
    }
    *o = (outgoing){.entry = s4d_mem_alloc(most, sizeof *o->entry),
                    .name = s4d_mem_alloc(most, sizeof *o->name),
                    .value = s4d_mem_alloc(total, sizeof *o->value)};
    return o->entry && o->name && o->value
               ? S4D_OK
               : s4d_err_memory(err, total * sizeof *o->value, "the model");
}

static void put(outgoing *o, const char *name, float *value, int rank, const int64_t *dim)
{
    snprintf(o->name[o->count], S4D_FOREIGN_MAX, "%s", name);
    o->entry[o->count] =
        (s4d_safetensors_entry){o->name[o->count], s4d_tensor_of(S4D_F32, value, rank, dim)};
    o->count++;
}

static void put_recipe(outgoing *o, const s4d_recipe *recipe, float *value,
                       const s4d_import_tensor *t)
{
    int64_t dim[S4D_MAX_RANK];
    memcpy(dim, t->dim, sizeof dim);
    dim[0] /= recipe->sources;
    for (int i = 0; i < recipe->sources; i++) {
        put(o, recipe->source[i], value + i * (t->count / recipe->sources), t->rank, dim);
    }
}

static s4d_status gather(s4d_import *im, const s4d_names *names, outgoing *o, s4d_err *err)
{
    float *next = o->value;
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < im->count && status == S4D_OK; i++) {
        const s4d_import_tensor *t = &im->tensor[i];
        char name[S4D_FOREIGN_MAX];
        s4d_recipe recipe;
        if (strncmp(t->name, "head.", 5) == 0 &&
            strncmp(t->name, kept_head(im), strlen(kept_head(im))) != 0) {
            continue;
        }
        /* either head stands where the map has that of clips */
        bool head = strncmp(t->name, "head.", 5) == 0;
        snprintf(name, sizeof name, "%s%s", head ? "head.video." : "",
                 head ? t->name + strlen(kept_head(im)) : t->name);
        if (!s4d_names_recipe(names, name, 0, &recipe)) {
            return s4d_err_set(err, S4D_FAILED, "%s: %s has no name there; export it with --to s4d",
                               s4d_ckpt_path(im->file), t->name);
        }
        status = s4d_import_read(im, t, next, err);
        put_recipe(o, &recipe, next, t);
        next += t->count;
    }
    return status;
}

/* ---- what can be exported ---- */

static s4d_status check(const s4d_import *im, s4d_export_to to, s4d_err *err)
{
    s4d_status status = s4d_import_check(im, err);
    if (status == S4D_OK && to != S4D_EXPORT_S4D && im->geometry.moae) {
        status = s4d_err_set(
            err, S4D_FAILED,
            "%s: has adapter experts (MoAE) in %d of %d blocks, which %s has no place for and "
            "would "
            "leave out, so that it would be another model; export it with --to s4d",
            s4d_ckpt_path(im->file), __builtin_popcountll(im->geometry.moae), im->geometry.depth,
            to == S4D_EXPORT_VIDEOMAE ? "VideoMAE" : "transformers");
    }
    if (status == S4D_OK && to == S4D_EXPORT_TRANSFORMERS &&
        !s4d_geometry_whole(&im->geometry, im->names.layout == S4D_LAYOUT_PRETRAIN)) {
        status = s4d_err_set(err, S4D_USAGE,
                             "%s: does not say how many heads its attention has or the size of its "
                             "input, which config.json needs; "
                             "give the config it was made with by --config",
                             s4d_ckpt_path(im->file));
    }
    if (status == S4D_OK && to == S4D_EXPORT_TRANSFORMERS &&
        im->names.layout == S4D_LAYOUT_FINETUNE && !s4d_import_find(im, "fc_norm.weight")) {
        status = s4d_err_set(
            err, S4D_FAILED,
            "%s: has no fc_norm, and transformers' model needs one; fine-tune it, or export it "
            "with --to s4d",
            s4d_ckpt_path(im->file));
    }
    if (status == S4D_OK && to == S4D_EXPORT_TRANSFORMERS &&
        im->names.layout == S4D_LAYOUT_FINETUNE && !im->classes[0] && !im->classes[1]) {
        status = s4d_err_set(
            err, S4D_FAILED,
            "%s: has no head, and transformers' classifier needs one; export it with --to videomae",
            s4d_ckpt_path(im->file));
    }
    return status;
}

/* transformers reads only files that say "pt". */
static s4d_status write_file(s4d_import *im, s4d_names names, const char *path, s4d_err *err)
{
    static const s4d_safetensors_pair meta[] = {{"format", "pt"}};
    outgoing o;
    s4d_status status = outgoing_make(im, &o, err);
    if (status == S4D_OK) {
        status = gather(im, &names, &o, err);
    }
    if (status == S4D_OK) {
        status = s4d_safetensors_write(path, &(s4d_safetensors_contents){o.entry, o.count, meta, 1},
                                       err);
    }
    outgoing_release(&o);
    return status;
}

static s4d_status fill_folder(s4d_import *im, s4d_names names, const char *folder, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(path, folder, "model.safetensors", err);
    if (status == S4D_OK) {
        status = write_file(im, names, path, err);
    }
    if (status == S4D_OK) {
        status = s4d_path_join(path, folder, "config.json", err);
    }
    if (status == S4D_OK) {
        status = s4d_export_config(im, path, err);
    }
    if (status == S4D_OK) {
        status = s4d_path_join(path, folder, "preprocessor_config.json", err);
    }
    return status == S4D_OK ? s4d_export_processor(im, path, err) : status;
}

/* A new folder beside OUT; one that is there is not ours to touch. */
static s4d_status make_temporary(char folder[S4D_PATH_MAX], const char *out, s4d_err *err)
{
    char above[S4D_PATH_MAX];
    if (snprintf(folder, S4D_PATH_MAX, "%s.s4d-%ld.tmp", out, (long)getpid()) >= S4D_PATH_MAX) {
        return s4d_err_set(err, S4D_FAILED, "%s: the path is too long; name a shorter one", out);
    }
    s4d_path_dir(above, folder);
    s4d_status status = s4d_dir_make(above, err);
    if (status == S4D_OK && mkdir(folder, 0777) != 0) {
        int reason = errno;
        status =
            s4d_err_set(err, S4D_FAILED, "%s: the folder cannot be made: %s", folder,
                        reason == EEXIST ? "it is there already; move it away" : strerror(reason));
    }
    return status;
}

static s4d_status write_folder(s4d_import *im, s4d_names names, const char *to, s4d_err *err)
{
    char temporary[S4D_PATH_MAX], out[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(out, "", to, err);
    for (size_t n = strlen(out); status == S4D_OK && n > 1 && out[n - 1] == '/'; n--) {
        out[n - 1] = '\0';
    }
    if (status == S4D_OK && s4d_path_exists(out)) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: is there already; name a new folder, or remove it", out);
    }
    if (status == S4D_OK) {
        status = make_temporary(temporary, out, err);
    }
    if (status) {
        return status;
    }
    status = fill_folder(im, names, temporary, err);
    if (status == S4D_OK) {
        status = s4d_dir_rename(temporary, out, err);
    }
    if (status) {
        s4d_dir_remove(temporary, NULL);
    }
    return status;
}

s4d_status s4d_export_write(s4d_import *im, s4d_export_to to, const char *out, s4d_err *err)
{
    s4d_names names = {.kind =
                           to == S4D_EXPORT_VIDEOMAE ? S4D_NAMES_VIDEOMAE : S4D_NAMES_TRANSFORMERS,
                       .base = im->names.layout == S4D_LAYOUT_ENCODER ? "" : "videomae.",
                       .layout = im->names.layout};
    s4d_status status = check(im, to, err);
    if (status) {
        return status;
    }
    switch (to) {
    case S4D_EXPORT_S4D: return s4d_import_write(im, out, err);
    case S4D_EXPORT_VIDEOMAE: return write_file(im, names, out, err);
    case S4D_EXPORT_TRANSFORMERS: return write_folder(im, names, out, err);
    }
    return S4D_FAILED;
}
