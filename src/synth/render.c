/* One sample: a still as PNG or JPEG, a clip as .mp4 or as a folder of frames. */
#include "synth/render.h"

#include <stdio.h>

#include "s4d/data/clip.h"

enum { FRAMES_A_SECOND = 25, FRAME_QUALITY = 92 };

s4d_status s4d_studio_init(s4d_studio *s, int size, s4d_err *err)
{
    *s = (s4d_studio){0};
    s4d_status status = s4d_canvas_init(&s->canvas, size, err);
    if (!status) {
        status = s4d_image_size(&s->picture, size, size, err);
    }
    if (status) {
        s4d_studio_release(s);
    }
    return status;
}

void s4d_studio_release(s4d_studio *s)
{
    s4d_canvas_release(&s->canvas);
    s4d_image_release(&s->picture);
}

static s4d_status render_still(s4d_studio *s, const s4d_plan *plan, const s4d_item *item,
                               const char *path, s4d_err *err)
{
    s4d_identity id;
    s4d_scene scene;
    s4d_face face = {.id = &id};
    s4d_rng rng = s4d_item_rng(plan, item);
    s4d_identity_draw(plan->opts->seed, item->subject, &id);
    s4d_scene_draw(&rng, &scene);
    s4d_still_draw(item->emotion, &rng, &face);
    int quality = 82 + (int)s4d_rng_below(&rng, 15);
    s4d_scene_paint(&s->canvas, &scene, &face, &rng, &s->picture);
    return item->png ? s4d_image_write_png(path, &s->picture, err)
                     : s4d_image_write_jpeg(path, &s->picture, quality, err);
}

/* MAFW's frames are PNG files, DFEW's JPEG. */
static s4d_status write_frame(const s4d_studio *s, bool png, const char *folder, int number,
                              s4d_err *err)
{
    char path[S4D_PATH_MAX], name[16];
    snprintf(name, sizeof name, "%05d.%s", number, png ? "png" : "jpg");
    s4d_status status = s4d_path_join(path, folder, name, err);
    if (status) {
        return status;
    }
    return png ? s4d_image_write_png(path, &s->picture, err)
               : s4d_image_write_jpeg(path, &s->picture, FRAME_QUALITY, err);
}

static s4d_status render_clip(s4d_studio *s, const s4d_plan *plan, const s4d_item *item,
                              const char *path, s4d_err *err)
{
    s4d_identity id;
    s4d_scene scene;
    s4d_course course;
    s4d_face face = {.id = &id};
    s4d_video_writer *video = NULL;
    s4d_rng rng = s4d_item_rng(plan, item);
    bool folders = plan->opts->frame_folders;
    int size = plan->opts->size;
    s4d_identity_draw(plan->opts->seed, item->subject, &id);
    s4d_scene_draw(&rng, &scene);
    s4d_course_draw(item->emotion, &rng, &course);
    s4d_status status =
        folders ? s4d_dir_make(path, err)
                : s4d_video_writer_create(path, size, size, FRAMES_A_SECOND, &video, err);
    for (int i = 0; i < course.frames && !status; i++) {
        s4d_course_at(&course, i, &face);
        s4d_scene_paint(&s->canvas, &scene, &face, &rng, &s->picture);
        status = folders ? write_frame(s, plan->opts->classes == 11, path, i + 1, err)
                         : s4d_video_writer_add(video, &s->picture, err);
    }
    if (video) {
        s4d_err ignored = {0};
        s4d_status closed = s4d_video_writer_close(&video, status ? &ignored : err);
        status = status ? status : closed;
    }
    return status;
}

s4d_status s4d_render_item(s4d_studio *s, const s4d_plan *plan, const s4d_item *item,
                           const char *folder, s4d_err *err)
{
    char name[64], path[S4D_PATH_MAX];
    s4d_item_path(plan, item, true, name);
    s4d_status status = s4d_path_join(path, folder, name, err);
    if (status) {
        return status;
    }
    return item->clip ? render_clip(s, plan, item, path, err)
                      : render_still(s, plan, item, path, err);
}
