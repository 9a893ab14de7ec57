/* The images of a csv, written as PNG files into a folder that appears when it is whole. What is there from an earlier time is
 * read and compared, never replaced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataset/index_job.h"
#include "s4d/base/fault.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"
#include "s4d/data/image.h"

typedef struct writer {
    index_job *job;
    const index_pixels *p;
    s4d_image image;
    s4d_str file;
    s4d_err *err;
} writer;

static s4d_status place(const writer *w, const char *tail, size_t row, char out[S4D_PATH_MAX])
{
    char folder[S4D_PATH_MAX], name[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(folder, w->job->opts->root, w->p->folder, w->err);
    if (status == S4D_OK && snprintf(name, sizeof name, "%s%s/%05zu.png", folder, tail, row) >= (int)sizeof name) {
        status = s4d_err_set(w->err, S4D_FAILED, "%.300s...: the path is too long; use shorter folder names", folder);
    }
    return status == S4D_OK ? s4d_path_join(out, "", name, w->err) : status;
}

static bool is_gray(const s4d_image *image, const uint8_t *gray, int side)
{
    bool same = image->height == side && image->width == side;
    for (size_t i = 0; same && i < (size_t)side * (size_t)side; i++) {
        const uint8_t *rgb = image->rgb + 3 * i;
        same = rgb[0] == gray[i] && rgb[1] == gray[i] && rgb[2] == gray[i];
    }
    return same;
}

/* Whether what is there is what the csv says. */
static s4d_status compare(writer *w)
{
    char path[S4D_PATH_MAX];
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < w->p->rows && status == S4D_OK; i++) {
        s4d_err why = {0};
        status = s4d_interrupt_status();
        if (status != S4D_OK) {
            return s4d_err_set(w->err, status, "interrupted; nothing was written");
        }
        status = place(w, "", i, path);
        if (status == S4D_OK &&
            (s4d_image_read(path, &w->image, &why) != S4D_OK || !is_gray(&w->image, w->p->row[i], w->p->side[i]))) {
            status = s4d_err_set(w->err, S4D_FAILED, "%s: is not the image of line %zu behind the header of %s; move the folder away, "
                                 "so that it is written anew", path, i + 1, w->job->list[w->p->list].path);
        }
    }
    return status;
}

/* ---- writing ---- */

static s4d_status failed(const writer *w, const char *path)
{
    return s4d_err_set(w->err, S4D_FAILED, "%s: cannot be written: %s%s", path, strerror(errno),
                       errno == ENOSPC ? "; free some space, or take a root elsewhere" : "");
}

/* Not synchronized by itself: the folder is, as a whole, before it appears. */
static s4d_status write_file(const writer *w, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    size_t done = 0;
    while (fd >= 0 && done < w->file.size) {
        ssize_t n = s4d_fault_hit(S4D_FAULT_WRITE) ? (errno = ENOSPC, -1) : write(fd, w->file.text + done, w->file.size - done);
        if (n < 0 && errno != EINTR) {
            s4d_status status = failed(w, path);
            close(fd);
            return status;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return fd < 0 || close(fd) != 0 ? failed(w, path) : S4D_OK;
}

static s4d_status write_image(writer *w, size_t row)
{
    char path[S4D_PATH_MAX];
    int side = w->p->side[row];
    s4d_status status = place(w, ".tmp", row, path);
    if (status == S4D_OK) {
        status = s4d_image_size(&w->image, side, side, w->err);
    }
    if (status != S4D_OK) {
        return status;
    }
    for (size_t i = 0; i < (size_t)side * (size_t)side; i++) {
        memset(w->image.rgb + 3 * i, w->p->row[row][i], 3);
    }
    s4d_str_clear(&w->file);
    status = s4d_image_encode_png(&w->image, &w->file, w->err);
    if (status == S4D_OK && w->file.failed) {
        status = s4d_err_memory(w->err, w->file.size, "an image");
    }
    return status == S4D_OK ? write_file(w, path) : status;
}

static s4d_status sync_folder(const writer *w, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && syncfs(fd) == 0;
    s4d_status status = good ? S4D_OK : failed(w, path);
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

static s4d_status write_all(writer *w, const char *folder)
{
    char partial[S4D_PATH_MAX];
    s4d_status status = S4D_OK;
    if (snprintf(partial, sizeof partial, "%s.tmp", folder) >= (int)sizeof partial) {
        return s4d_err_set(w->err, S4D_FAILED, "%.300s...: the path is too long; use shorter folder names", folder);
    }
    status = s4d_dir_remove(partial, w->err); /* of an earlier time that was cut short */
    status = status == S4D_OK ? s4d_dir_make(partial, w->err) : status;
    for (size_t i = 0; i < w->p->rows && status == S4D_OK; i++) {
        status = s4d_interrupt_status();
        status = status == S4D_OK ? write_image(w, i) : s4d_err_set(w->err, status, "interrupted; nothing was written");
    }
    status = status == S4D_OK ? sync_folder(w, partial) : status;
    status = status == S4D_OK ? s4d_dir_rename(partial, folder, w->err) : status;
    if (status != S4D_OK) {
        s4d_dir_remove(partial, NULL);
    }
    return status;
}

static s4d_status write_images(index_job *job, const index_pixels *p, s4d_err *err)
{
    writer w = {.job = job, .p = p, .err = err};
    char folder[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(folder, job->opts->root, p->folder, err);
    bool there = status == S4D_OK && s4d_path_exists(folder);
    if (status == S4D_OK) {
        status = there ? compare(&w) : write_all(&w, folder);
    }
    if (status == S4D_OK) {
        status = index_decide(job, err, "%s: %zu images %s %s", job->list[p->list].path, p->rows,
                              there ? "are as they were written before, in" : "are written as PNG files into", folder);
    }
    s4d_image_release(&w.image);
    s4d_str_release(&w.file);
    return status;
}

s4d_status index_write_images(index_job *job, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->pixel_count && status == S4D_OK; i++) {
        status = write_images(job, &job->pixels[i], err);
    }
    return status;
}
