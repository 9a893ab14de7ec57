/* A pack as a whole: where it goes, what goes in, and the move into place. */
#include "s4d/dataset/pack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset/pack_private.h"
#include "s4d/base/lock.h"
#include "s4d/base/thread.h"
#include "s4d/data/image.h"

enum { SHARD_MIB_MAX = 1 << 20, TAIL = 5 }; /* TAIL: of ".tmp" and its zero */

/* Where the pack goes (no '/' at the end), where it grows, and where one that it replaces waits to be removed. */
typedef struct places {
    char final[S4D_PATH_MAX], growing[S4D_PATH_MAX + TAIL], old[S4D_PATH_MAX + TAIL];
    bool replace;
} places;

static s4d_status check_opts(const s4d_pack_opts *o, s4d_err *err)
{
    const s4d_pack_settings *s = &o->settings;
    if (o->shard_mib < 1 || o->shard_mib > SHARD_MIB_MAX) {
        return s4d_err_set(err, S4D_USAGE, "shard_mib: expected a number from 1 to %d, got %lld", SHARD_MIB_MAX,
                           (long long)o->shard_mib);
    }
    if (s->encoding != S4D_PACK_ORIGINAL && (s->side < 1 || s->side > S4D_IMAGE_SIDE_MAX)) {
        return s4d_err_set(err, S4D_USAGE, "resize: expected a side from 1 to %d, got %d", S4D_IMAGE_SIDE_MAX, s->side);
    }
    if (s->encoding == S4D_PACK_JPEG && (s->quality < 1 || s->quality > 100)) {
        return s4d_err_set(err, S4D_USAGE, "quality: expected a number from 1 to 100, got %d", s->quality);
    }
    return S4D_OK;
}

static s4d_status name_places(const char *output, places *at, s4d_err *err)
{
    size_t n = strlen(output);
    while (n > 1 && output[n - 1] == '/') {
        n--;
    }
    if (n == 0) {
        return s4d_err_set(err, S4D_USAGE, "output: name the folder to make");
    }
    if (n + TAIL > S4D_PATH_MAX) {
        return s4d_err_set(err, S4D_USAGE, "output: the name of the folder is longer than %d bytes; choose a shorter one",
                           S4D_PATH_MAX - TAIL);
    }
    char named[S4D_PATH_MAX];
    snprintf(named, sizeof named, "%.*s", (int)n, output);
    s4d_status status = s4d_path_follow(at->final, named, err); /* a link stands for the folder it leads to */
    if (status != S4D_OK) {
        return status;
    }
    snprintf(at->growing, sizeof at->growing, "%s.tmp", at->final);
    snprintf(at->old, sizeof at->old, "%s.old", at->final);
    const char *name = s4d_path_name(at->final);
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return s4d_err_set(err, S4D_USAGE, "%s: cannot be replaced by a new folder; name one to make below it", output);
    }
    return S4D_OK;
}

/* Whether `path` is the folder or lies in it, by their real places. */
static bool lies_in(const char *folder, const char *path)
{
    char *outer = realpath(folder, NULL), *inner = realpath(path, NULL);
    size_t n = outer ? strlen(outer) : 0;
    bool inside = outer && inner && strncmp(outer, inner, n) == 0 && (inner[n] == '\0' || inner[n] == '/');
    free(outer); /* both are realpath's own */
    free(inner);
    return inside;
}

/* What stands where the pack goes: nothing, an empty folder, or a pack that may be replaced. */
static s4d_status check_final(const s4d_pack_opts *o, places *at, s4d_err *err)
{
    struct stat about;
    char index[S4D_PATH_MAX];
    s4d_strlist names = {0};
    if (lstat(at->final, &about) != 0) {
        return errno == ENOENT ? S4D_OK
                               : s4d_err_system(err, errno, "%s: cannot be examined", at->final);
    }
    if (!S_ISDIR(about.st_mode)) {
        return s4d_err_set(err, S4D_FAILED, "%s: is not a folder; name another or remove it", at->final);
    }
    s4d_status status = s4d_dir_list(at->final, &names, err);
    at->replace = names.count > 0;
    s4d_strlist_release(&names);
    if (status == S4D_OK && at->replace) {
        status = s4d_path_join(index, at->final, S4D_PACK_INDEX, err);
    }
    if (status != S4D_OK || !at->replace) {
        return status;
    }
    if (!s4d_path_exists(index)) {
        return s4d_err_set(err, S4D_FAILED, "%s: holds files but no %s, so it is no pack and is left alone; name another folder",
                           at->final, S4D_PACK_INDEX);
    }
    if (!o->overwrite) {
        return s4d_err_set(err, S4D_FAILED, "%s: the pack is there already; give --overwrite to replace it, or another --output",
                           at->final);
    }
    if (lies_in(at->final, o->root) || lies_in(at->final, o->manifest)) {
        return s4d_err_set(err, S4D_USAGE, "%s: --overwrite would remove what is to be packed; give another --output", at->final);
    }
    return !s4d_path_exists(at->old) ? S4D_OK
                                     : s4d_err_set(err, S4D_FAILED, "%s: is left from a run that was cut off while it replaced a "
                                                                    "pack; remove it and try again", at->old);
}

static s4d_status copy_manifest(const s4d_pack_opts *o, const char *folder, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_bytes text = {0};
    s4d_status status = s4d_path_join(path, folder, S4D_PACK_MANIFEST, err);
    if (status == S4D_OK) {
        status = s4d_file_read(o->manifest, 0, &text, err);
    }
    if (status == S4D_OK) {
        status = s4d_file_write(path, text.data, text.size, err);
    }
    s4d_bytes_release(&text);
    return status;
}

static s4d_status fill(const s4d_pack_opts *o, const char *folder, s4d_pack_report *out, s4d_err *err)
{
    s4d_store *store = NULL;
    pack_list list = {0};
    pack_writer *writer = NULL;
    s4d_status status = s4d_store_open(o->root, &store, err);
    if (status == S4D_OK) {
        status = pack_list_read(o, store, &list, err);
    }
    if (status == S4D_OK) {
        status = pack_writer_create(folder, (uint64_t)o->shard_mib << 20, &writer, err);
    }
    if (status == S4D_OK) {
        status = pack_copy(o, store, &list, writer, err);
    }
    if (status == S4D_OK) {
        status = pack_writer_finish(writer, &o->settings, err);
    }
    if (status == S4D_OK) {
        status = copy_manifest(o, folder, err);
    }
    if (status == S4D_OK) {
        *out = (s4d_pack_report){.files = list.count,
                                 .members = pack_writer_members(writer),
                                 .shards = pack_writer_shards(writer),
                                 .bytes = pack_writer_bytes(writer)};
    }
    pack_writer_destroy(&writer);
    pack_list_release(&list);
    s4d_store_close(&store);
    return status;
}

/* A pack that is replaced steps aside first and comes back where the new one cannot be put in place. */
static s4d_status move_into_place(const places *at, s4d_err *err)
{
    s4d_status status = at->replace ? s4d_dir_rename(at->final, at->old, err) : S4D_OK;
    if (status != S4D_OK) {
        return status;
    }
    status = s4d_dir_rename(at->growing, at->final, err);
    if (status != S4D_OK && at->replace) {
        s4d_dir_rename(at->old, at->final, NULL);
    }
    return status == S4D_OK && at->replace ? s4d_dir_remove(at->old, err) : status;
}

s4d_status s4d_pack_make(const s4d_pack_opts *opts, s4d_pack_report *out, s4d_err *err)
{
    places at = {0};
    char root[S4D_PATH_MAX];
    s4d_pack_opts o = *opts;
    s4d_lock *lock = NULL;
    double begin = s4d_clock_ms();
    *out = (s4d_pack_report){0};
    if (!o.root) {
        s4d_path_dir(root, o.manifest);
        o.root = root;
    }
    s4d_status status = check_opts(&o, err);
    if (status != S4D_OK || (status = name_places(o.output, &at, err)) != S4D_OK ||
        (status = check_final(&o, &at, err)) != S4D_OK ||
        (status = s4d_lock_make_folder(at.growing, &lock, err)) != S4D_OK) {
        return status;
    }
    status = fill(&o, at.growing, out, err);
    s4d_lock_release(&lock);
    if (status == S4D_OK) {
        status = move_into_place(&at, err);
    }
    if (status != S4D_OK) {
        s4d_dir_remove(at.growing, NULL);
    }
    out->seconds = (s4d_clock_ms() - begin) / 1000;
    return status;
}
