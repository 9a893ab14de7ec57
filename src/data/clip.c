/* A source of frames: a folder of pictures in order of their names, or a video file. */
#include "s4d/data/clip.h"

#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "data/video.h"
#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/data/pack.h"

struct s4d_clip {
    char *path;
    const s4d_store *store;
    bool upright;
    s4d_video *video;    /* NULL: a folder */
    s4d_strlist picture; /* names in the folder, in the order asked for */
};

static void warn_of_order(const char *path, const s4d_strlist *natural, s4d_frame_order order)
{
    static atomic_flag warned = ATOMIC_FLAG_INIT;
    for (size_t i = 1; i < natural->count; i++) {
        if (strcmp(natural->item[i - 1], natural->item[i]) > 0) {
            if (!atomic_flag_test_and_set(&warned)) {
                s4d_log(S4D_LOG_WARN,
                        "%s: the order of frames by number and by letter differs (%s, %s); going "
                        "by %s; data.frame_order decides, and other folders are not named any more",
                        path, natural->item[i - 1], natural->item[i],
                        order == S4D_ORDER_NATURAL ? "number" : "letter");
            }
            return;
        }
    }
}

static s4d_status list_pictures(s4d_clip *c, s4d_frame_order order, s4d_err *err)
{
    s4d_strlist all = {0};
    s4d_status status = s4d_store_list(c->store, c->path, &all, err);
    if (status != S4D_OK) {
        goto done;
    }
    for (size_t i = 0; i < all.count; i++) {
        if (s4d_image_named(all.item[i]) && !s4d_strlist_add(&c->picture, all.item[i])) {
            status = s4d_err_memory(err, strlen(all.item[i]), "a list of frames");
            goto done;
        }
    }
    if (c->picture.count == 0 || c->picture.count > INT_MAX) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: no picture (.jpg, .png, .bmp, ...) is in this folder; fill it or "
                             "take it out of the list",
                             c->path);
        goto done;
    }
    warn_of_order(c->path, &c->picture, order);
    if (order == S4D_ORDER_LEXICOGRAPHIC) {
        s4d_strlist_sort(&c->picture, strcmp);
    }
done:
    s4d_strlist_release(&all);
    return status;
}

static s4d_status open_video(s4d_clip *c, double start, double end, s4d_err *err)
{
    const s4d_source from = {.path = c->path, .store = c->store};
    s4d_status status = s4d_err_blame_memory(err, s4d_video_open(&from, start, end, &c->video, err), "decoding");
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", c->path);
    }
    return status;
}

s4d_status s4d_clip_open(const s4d_clip_source *source, s4d_clip **out, s4d_err *err)
{
    const char *path = source->path;
    double end = source->end > 0 ? source->end : INFINITY;
    bool cut = source->start > 0 || isfinite(end);
    s4d_status status = S4D_OK;
    s4d_store_kind kind = s4d_store_look(source->store, path, NULL);
    s4d_clip *c = s4d_mem_alloc(1, sizeof *c);
    if (!c || !(c->path = s4d_mem_strdup(path))) {
        status = s4d_err_memory(err, sizeof *c + strlen(path), "a clip");
        goto done;
    }
    c->store = source->store;
    c->upright = source->upright;
    if (kind == S4D_STORE_FOLDER && cut) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: start and end are seconds of a video, but this is a folder of frames; leave them out", path);
    } else if (kind == S4D_STORE_FOLDER) {
        status = list_pictures(c, source->order, err);
    } else if (kind == S4D_STORE_NOTHING) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: there is no such file or folder; correct the path", path);
    } else {
        status = open_video(c, source->start, end, err);
    }
done:
    if (status != S4D_OK) {
        s4d_clip_close(&c);
    }
    *out = c;
    return status;
}

void s4d_clip_close(s4d_clip **clip)
{
    s4d_clip *c = *clip;
    if (c) {
        s4d_video_close(&c->video);
        s4d_strlist_release(&c->picture);
        s4d_mem_free(c->path);
        s4d_mem_free(c);
    }
    *clip = NULL;
}

int s4d_clip_frames(const s4d_clip *clip)
{
    return clip->video ? s4d_video_frames(clip->video) : (int)clip->picture.count;
}

static s4d_status read_frame(s4d_clip *c, int index, s4d_image *out, s4d_err *err)
{
    if (!c->video) {
        char path[S4D_PATH_MAX];
        s4d_status status = s4d_path_join(path, c->path, c->picture.item[index], err);
        s4d_image_source source = {.path = path, .store = c->store, .upright = c->upright};
        return status == S4D_OK ? s4d_image_read_from(&source, out, err) : status;
    }
    s4d_status status = s4d_err_blame_memory(err, s4d_video_read(c->video, index, out, err), "decoding");
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", c->path);
    }
    return status;
}

static s4d_status copy_frame(const s4d_image *from, s4d_image *to, s4d_err *err)
{
    s4d_status status = s4d_image_size(to, from->height, from->width, err);
    if (status == S4D_OK) {
        memcpy(to->rgb, from->rgb, (size_t)from->height * (size_t)from->width * 3);
    }
    return status;
}

s4d_status s4d_clip_read(s4d_clip *clip, const int *index, int n, s4d_image *frame, s4d_err *err)
{
    int frames = s4d_clip_frames(clip);
    for (int i = 0; i < n; i++) {
        S4D_BUG_IF(index[i] < 0 || index[i] >= frames || (i > 0 && index[i] < index[i - 1]));
        bool repeated = i > 0 && index[i] == index[i - 1];
        s4d_status status = repeated ? copy_frame(&frame[i - 1], &frame[i], err)
                                     : read_frame(clip, index[i], &frame[i], err);
        if (status != S4D_OK) {
            return status;
        }
    }
    return S4D_OK;
}
