/* What is on disk: whether it is there, what it is, the order of its frames, and every frame decoded. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset/check_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"
#include "s4d/data/clip.h"

/* A thread's own. */
typedef struct scratch {
    const s4d_store *store;
    s4d_image image;
} scratch;

/* As stat does; what a pack holds are regular files and folders. */
static int examine(const s4d_store *store, const char *path, struct stat *about)
{
    uint64_t size;
    if (!store) {
        return stat(path, about);
    }
    s4d_store_kind kind = s4d_store_look(store, path, &size);
    *about = (struct stat){.st_mode = kind == S4D_STORE_FOLDER ? S_IFDIR : S_IFREG, .st_size = (off_t)size};
    errno = ENOENT;
    return kind == S4D_STORE_NOTHING ? -1 : 0;
}

/* The first n bytes of a file, or as many as there are. */
static size_t read_head(const s4d_store *store, const char *path, unsigned char *head, size_t n)
{
    s4d_store_view view;
    FILE *file = store ? NULL : fopen(path, "rb");
    if (file) {
        n = fread(head, 1, n, file);
        fclose(file);
    } else if (store && s4d_store_read(store, path, 0, &view, NULL) == S4D_OK) {
        n = view.size < n ? view.size : n;
        memcpy(head, view.data, n);
        s4d_store_view_release(&view);
    } else {
        n = 0;
    }
    return n;
}

/* By its name, else by its first bytes; what is no picture is taken for a video. */
static bool is_picture(const s4d_store *store, const char *path)
{
    unsigned char head[4] = {0};
    if (s4d_image_named(path) || strchr(s4d_path_name(path), '.')) {
        return s4d_image_named(path);
    }
    size_t n = read_head(store, path, head, sizeof head);
    return n == sizeof head &&
           (memcmp(head, "\xFF\xD8\xFF", 3) == 0 || memcmp(head, "\x89PNG", 4) == 0 || memcmp(head, "BM", 2) == 0);
}

/* The pictures in a folder, by number. */
static s4d_status list_pictures(const s4d_store *store, const char *path, s4d_strlist *out, s4d_err *err)
{
    s4d_status status = s4d_store_list(store, path, out, err);
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (s4d_image_named(out->item[i])) {
            char *name = out->item[i];
            out->item[i] = out->item[kept];
            out->item[kept++] = name;
        }
    }
    while (out->count > kept) {
        s4d_mem_free(out->item[--out->count]);
    }
    return status;
}

/* ---- decoding ---- */

static void take_frame(check_entry *e, const s4d_image *image, int index)
{
    e->read++;
    if (e->height == 0) {
        e->height = image->height;
        e->width = image->width;
    } else if (e->mixed == 0 && (image->height != e->height || image->width != e->width)) {
        e->mixed = index;
        e->mixed_height = image->height;
        e->mixed_width = image->width;
    }
}

static s4d_status decode_picture(check_entry *e, const char *path, scratch *s, s4d_err *err)
{
    s4d_err why = {0};
    if (s4d_image_read_from(&(s4d_image_source){.path = path, .store = s->store}, &s->image, &why) != S4D_OK) {
        return check_trouble(e, &why, err);
    }
    take_frame(e, &s->image, 0);
    return S4D_OK;
}

static s4d_status decode_video(check_entry *e, const s4d_clip_source *source, scratch *s, s4d_err *err)
{
    s4d_err why = {0};
    s4d_clip *clip = NULL;
    s4d_status status = S4D_OK;
    if (s4d_clip_open(source, &clip, &why) != S4D_OK) {
        return check_trouble(e, &why, err);
    }
    e->frames = s4d_clip_frames(clip);
    for (int i = 0; i < e->frames && status == S4D_OK && !check_why(e); i++) {
        if (s4d_clip_read(clip, &i, 1, &s->image, &why) == S4D_OK) {
            take_frame(e, &s->image, i);
            status = s4d_interrupt_status();
        } else {
            status = check_trouble(e, &why, err);
        }
    }
    s4d_clip_close(&clip);
    return status;
}

/* ---- folders ---- */

static s4d_status note_order(check_entry *e, const s4d_strlist *natural, s4d_err *err)
{
    for (size_t i = 1; i < natural->count; i++) {
        if (strcmp(natural->item[i - 1], natural->item[i]) > 0) {
            check_oddity *odd = check_odd(e);
            if (odd) {
                odd->order[0] = s4d_mem_strdup(natural->item[i - 1]);
                odd->order[1] = s4d_mem_strdup(natural->item[i]);
            }
            return odd && odd->order[0] && odd->order[1] ? S4D_OK : s4d_err_memory(err, 1024, "what is found in a file");
        }
    }
    return S4D_OK;
}

/* One frame of a folder; why.text is filled where something is wrong with it. */
static void look_at_frame(check_entry *e, const char *path, int index, scratch *s, s4d_err *why)
{
    struct stat about;
    if (examine(s->store, path, &about) != 0) {
        s4d_err_system(why, errno, "%s: cannot be read", path);
    } else if (!S_ISREG(about.st_mode) || about.st_size == 0) {
        s4d_err_set(why, S4D_FAILED, "%s: %s", path,
                    about.st_size == 0 ? "the file is empty; copy it again" : "is not a regular file; name a file");
    } else {
        e->bytes += (uint64_t)about.st_size;
        if (e->wanted && s4d_image_read_from(&(s4d_image_source){.path = path, .store = s->store}, &s->image, why) == S4D_OK) {
            take_frame(e, &s->image, index);
        }
    }
}

static s4d_status look_at_frames(check_entry *e, const char *path, const s4d_strlist *name, scratch *s, s4d_err *err)
{
    s4d_err first = {0};
    size_t bad = 0;
    for (size_t i = 0; i < name->count; i++) {
        char frame[S4D_PATH_MAX];
        s4d_err why = {0};
        if (s4d_path_join(frame, path, name->item[i], &why) == S4D_OK) {
            look_at_frame(e, frame, (int)i, s, &why);
        }
        if (why.text[0] && (bad++ == 0 || why.shortage)) {
            first = why;
        }
        s4d_status status = s4d_interrupt_status();
        if (status != S4D_OK) {
            return status;
        }
    }
    if (bad == 0) {
        return S4D_OK;
    }
    if (!first.shortage) {
        s4d_err_set(&first, S4D_FAILED, "%s (%zu of %zu frames cannot be read)", first.text, bad, name->count);
    }
    return check_trouble(e, &first, err);
}

static s4d_status look_at_folder(check_entry *e, const char *path, scratch *s, s4d_err *err)
{
    s4d_err why = {0};
    s4d_strlist name = {0};
    s4d_status status;
    if (list_pictures(s->store, path, &name, &why) != S4D_OK) {
        status = check_trouble(e, &why, err);
        goto done;
    }
    if (name.count == 0 || name.count > INT_MAX) {
        s4d_err_set(&why, S4D_FAILED, "%s: no picture (.jpg, .png, .bmp, ...) is in this folder", path);
        status = check_trouble(e, &why, err);
        goto done;
    }
    e->frames = (int)name.count;
    status = note_order(e, &name, err);
    if (status == S4D_OK) {
        status = look_at_frames(e, path, &name, s, err);
    }
done:
    s4d_strlist_release(&name);
    return status;
}

/* ---- entries ---- */

static s4d_status look_at_file(check_entry *e, const char *path, const s4d_row *row, scratch *s, s4d_err *err)
{
    s4d_err why = {0};
    e->kind = is_picture(s->store, path) ? ENTRY_PICTURE : ENTRY_VIDEO;
    if (e->bytes == 0) {
        s4d_err_set(&why, S4D_FAILED, "%s: the file is empty; copy it again or take it out of the list", path);
        return check_trouble(e, &why, err);
    }
    if (!e->wanted) {
        return S4D_OK;
    }
    if (e->kind == ENTRY_PICTURE) {
        return decode_picture(e, path, s, err);
    }
    s4d_clip_source source = {.path = path, .store = s->store, .order = S4D_ORDER_NATURAL, .start = row->start, .end = row->end};
    return decode_video(e, &source, s, err);
}

static s4d_status look(check *c, size_t item, void *arg, s4d_err *err)
{
    check_entry *e = &c->entry[item];
    scratch *s = arg;
    const s4d_row *row = check_row(c, e);
    char path[S4D_PATH_MAX];
    s4d_err why = {0};
    struct stat about;
    s4d_status status;
    s->store = c->store;
    if (s4d_path_join(path, c->report->root, row->path, &why) != S4D_OK) {
        return check_trouble(e, &why, err);
    }
    if (examine(c->store, path, &about) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return S4D_OK; /* stays ENTRY_MISSING */
        }
        e->kind = ENTRY_VIDEO;
        s4d_err_system(&why, errno, "%s: cannot be read", path);
        return check_trouble(e, &why, err);
    }
    if (S_ISDIR(about.st_mode) && check_cut(row)) {
        e->kind = ENTRY_FOLDER;
        s4d_err_set(&why, S4D_FAILED, "%s: start and end are seconds of a video, but this is a folder; leave them out",
                    path);
        status = check_trouble(e, &why, err);
    } else if (S_ISDIR(about.st_mode)) {
        e->kind = ENTRY_FOLDER;
        status = look_at_folder(e, path, s, err);
    } else if (S_ISREG(about.st_mode)) {
        e->bytes = (uint64_t)about.st_size;
        status = look_at_file(e, path, row, s, err);
    } else {
        e->kind = ENTRY_VIDEO;
        s4d_err_set(&why, S4D_FAILED, "%s: is neither a file nor a folder; correct the path", path);
        status = check_trouble(e, &why, err);
    }
    e->decoded = e->wanted && e->read > 0;
    return status;
}

static void *make_scratch(void)
{
    return s4d_mem_alloc(1, sizeof(scratch));
}

static void free_scratch(void *arg)
{
    scratch *s = arg;
    s4d_image_release(&s->image);
    s4d_mem_free(s);
}

s4d_status check_files(check *c, s4d_err *err)
{
    static const check_task task = {"files", look, make_scratch, free_scratch};
    return check_parallel(c, &task, c->entries, err);
}
