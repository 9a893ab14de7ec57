/* One file into the members it becomes: its own bytes, a picture encoded anew, or the frames of a video. */
#include <stdio.h>
#include <string.h>

#include "dataset/pack_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"
#include "s4d/data/clip.h"

enum { LARGE = 1 << 24 }; /* bytes of a file that is copied piece by piece */

bool pack_load_is_large(const pack_file *file, const s4d_pack_settings *settings)
{
    return settings->encoding == S4D_PACK_ORIGINAL && file->size > LARGE;
}

void pack_load_clear(pack_load *l)
{
    for (size_t i = 0; i < l->count; i++) {
        s4d_mem_free(l->member[i].name);
        s4d_store_view_release(&l->member[i].view);
        s4d_str_release(&l->member[i].encoded);
    }
    l->count = 0;
}

void pack_load_release(pack_load *l)
{
    pack_load_clear(l);
    s4d_mem_free(l->member);
    s4d_image_release(&l->image);
    s4d_image_release(&l->resized);
    *l = (pack_load){0};
}

/* A new empty member; NULL: no memory. */
static pack_member *add_member(pack_load *l, const char *name)
{
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 16;
        if (!s4d_mem_grow(&l->member, l->room, room, sizeof *l->member)) {
            return NULL;
        }
        l->room = room;
    }
    pack_member *m = &l->member[l->count];
    *m = (pack_member){.name = s4d_mem_strdup(name)};
    l->count += m->name != NULL;
    return m->name ? m : NULL;
}

static s4d_status no_memory(const char *path, s4d_err *err)
{
    return s4d_err_memory(err, LARGE, path);
}

static s4d_status load_original(pack_load *l, const s4d_store *store, const pack_file *file, s4d_err *err)
{
    pack_member *m = add_member(l, file->name);
    return m ? s4d_store_read(store, file->path, 0, &m->view, err) : no_memory(file->path, err);
}

/* l->image, brought to size and encoded. */
static s4d_status encode(pack_load *l, const char *path, const char *name, const s4d_pack_settings *settings, s4d_err *err)
{
    pack_member *m = add_member(l, name);
    if (!m) {
        return no_memory(path, err);
    }
    s4d_status status =
        s4d_image_resize(&l->image, NULL, S4D_BILINEAR, settings->side, settings->side, &l->resized, err);
    if (status == S4D_OK) {
        status = settings->encoding == S4D_PACK_PNG
                     ? s4d_image_encode_png(&l->resized, &m->encoded, err)
                     : s4d_image_encode_jpeg(&l->resized, settings->quality, &m->encoded, err);
    }
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", path);
    } else if (m->encoded.failed) {
        status = no_memory(path, err);
    }
    return status;
}

/* Names that rise in the order of frames, by number and by letter. */
static s4d_status load_frames(pack_load *l, const s4d_store *store, const pack_file *file, const s4d_pack_settings *settings,
                              s4d_err *err)
{
    const s4d_clip_source source = {.path = file->path, .store = store};
    s4d_clip *clip = NULL;
    s4d_status status = s4d_clip_open(&source, &clip, err);
    int frames = status == S4D_OK ? s4d_clip_frames(clip) : 0;
    for (int i = 0; i < frames && status == S4D_OK; i++) {
        char frame[32], name[S4D_PATH_MAX];
        snprintf(frame, sizeof frame, "%08d.%s", i, settings->encoding == S4D_PACK_PNG ? "png" : "jpg");
        status = s4d_path_join(name, file->name, frame, err);
        if (status == S4D_OK) {
            status = s4d_clip_read(clip, &i, 1, &l->image, err);
        }
        if (status == S4D_OK) {
            status = encode(l, file->path, name, settings, err);
        }
        if (status == S4D_OK && (status = s4d_interrupt_status()) != S4D_OK) {
            s4d_err_set(err, status, "%s: interrupted", file->path);
        }
    }
    s4d_clip_close(&clip);
    return status;
}

/* By its name, else by its first bytes; what is no picture is taken for a video. */
static s4d_status is_picture(const s4d_store *store, const char *path, bool *picture, s4d_err *err)
{
    s4d_store_view view = {0};
    s4d_status status = S4D_OK;
    *picture = s4d_image_named(path);
    if (!*picture && !strchr(s4d_path_name(path), '.')) {
        status = s4d_store_read(store, path, 0, &view, err);
        *picture = view.size > 3 && (memcmp(view.data, "\xFF\xD8\xFF", 3) == 0 || memcmp(view.data, "\x89PNG", 4) == 0 ||
                                     memcmp(view.data, "BM", 2) == 0);
    }
    s4d_store_view_release(&view);
    return status;
}

s4d_status pack_load_file(pack_load *l, const s4d_store *store, const pack_file *file, const s4d_pack_settings *settings,
                          s4d_err *err)
{
    bool picture;
    pack_load_clear(l);
    if (settings->encoding == S4D_PACK_ORIGINAL) {
        return pack_load_is_large(file, settings) ? S4D_OK : load_original(l, store, file, err);
    }
    s4d_status status = is_picture(store, file->path, &picture, err);
    if (status != S4D_OK) {
        return status;
    }
    if (file->cut && !picture) {
        return s4d_err_set(err, S4D_FAILED,
                           "line %ld of the manifest: %s has start or end, which a video that is packed as pictures loses; "
                           "pack it without --resize",
                           file->line, file->path);
    }
    if (!picture) {
        return load_frames(l, store, file, settings, err);
    }
    status = s4d_image_read_from(&(s4d_image_source){.path = file->path, .store = store}, &l->image, err);
    return status == S4D_OK ? encode(l, file->path, file->name, settings, err) : status;
}
