/* Making of a whole set: checks, a folder beside the final one, threads that draw, lists, and the
 * move into place. */
#include "s4d/synth/synth.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s4d/base/lock.h"
#include "s4d/base/log.h"
#include "s4d/base/thread.h"
#include "s4d/data/clip.h"
#include "synth/render.h"

enum { COUNT_MAX = 99999, THREADS_MAX = 8 };

static s4d_status check_counts(const s4d_synth_opts *o, s4d_err *err)
{
    const struct {
        const char *name;
        int value;
    } count[] = {{"train_images", o->train_images},
                 {"test_images", o->test_images},
                 {"train_clips", o->train_clips},
                 {"test_clips", o->test_clips},
                 {"unlabelled_images", o->unlabelled_images},
                 {"unlabelled_clips", o->unlabelled_clips}};
    long total = 0;
    for (size_t i = 0; i < sizeof count / sizeof count[0]; i++) {
        if (count[i].value < 0 || count[i].value > COUNT_MAX) {
            return s4d_err_set(err, S4D_USAGE, "synth: %s: expected a number from 0 to %d, got %d",
                               count[i].name, COUNT_MAX, count[i].value);
        }
        total += count[i].value;
    }
    if (total == 0) {
        return s4d_err_set(
            err, S4D_USAGE,
            "synth: a set without any sample was asked for; give at least one count above 0");
    }
    if (o->folds < 1 || o->folds > S4D_FOLDS_MAX) {
        return s4d_err_set(err, S4D_USAGE, "synth: folds: expected a number from 1 to %d, got %d",
                           S4D_FOLDS_MAX, o->folds);
    }
    if (o->train_clips < (o->folds - 1) * o->test_clips) {
        return s4d_err_set(err, S4D_USAGE,
                           "synth: %d folds with %d test clips each train on at least %d clips, "
                           "but train_clips is %d; raise it, "
                           "or ask for fewer folds or test clips",
                           o->folds, o->test_clips, (o->folds - 1) * o->test_clips, o->train_clips);
    }
    return S4D_OK;
}

static s4d_status check_opts(const s4d_synth_opts *o, s4d_err *err)
{
    if (o->size < 32 || o->size > 512 || o->size % 2 != 0) {
        return s4d_err_set(err, S4D_USAGE,
                           "synth: size: expected an even number from 32 to 512, got %d", o->size);
    }
    if (o->classes != 7 && o->classes != 11) {
        return s4d_err_set(err, S4D_USAGE, "synth: classes: expected 7 or 11, got %d", o->classes);
    }
    return check_counts(o, err);
}

/* Where the set goes (no '/' at the end) and where it grows. */
typedef struct places {
    char final[S4D_PATH_MAX], growing[S4D_PATH_MAX + 4];
} places;

static s4d_status name_places(const char *output, places *out, s4d_err *err)
{
    size_t n = output ? strlen(output) : 0;
    while (n > 1 && output[n - 1] == '/') {
        n--;
    }
    if (n == 0) {
        return s4d_err_set(err, S4D_USAGE, "synth: output: name the folder to make");
    }
    if (n + sizeof ".tmp" > S4D_PATH_MAX) {
        return s4d_err_set(
            err, S4D_USAGE,
            "synth: output: the name of the folder is longer than %d bytes; choose a shorter one",
            S4D_PATH_MAX - (int)sizeof ".tmp");
    }
    char named[S4D_PATH_MAX];
    snprintf(named, sizeof named, "%.*s", (int)n, output);
    s4d_status status = s4d_path_follow(out->final, named, err); /* a link stands for the folder it leads to */
    if (status) {
        return status;
    }
    snprintf(out->growing, sizeof out->growing, "%s.tmp", out->final);
    const char *name = s4d_path_name(out->final);
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return s4d_err_set(
            err, S4D_USAGE,
            "synth: output: \"%s\" cannot be replaced by a new folder; name one to make below it",
            output);
    }
    return S4D_OK;
}

/* Nothing may stand where the set goes but an empty folder, which is taken away. */
static s4d_status clear_places(const places *at, s4d_err *err)
{
    if (rmdir(at->final) == 0 || errno == ENOENT) {
        return S4D_OK;
    }
    if (errno == ENOTDIR) {
        return s4d_err_set(err, S4D_FAILED, "%s: is not a folder; name another or remove it",
                           at->final);
    }
    if (errno == ENOTEMPTY || errno == EEXIST) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: exists and is not empty; name another folder or remove this one",
                           at->final);
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s: cannot be replaced by a new folder: %s; name one to make below it",
                       at->final, strerror(errno));
}

static s4d_status make_folders(const s4d_synth_opts *o, const char *folder, s4d_err *err)
{
    const struct {
        const char *name;
        bool wanted;
    } sub[] = {{"images/train", o->train_images > 0},
               {"images/test", o->test_images > 0},
               {"clips", o->train_clips + o->test_clips > 0},
               {"unlabelled/images", o->unlabelled_images > 0},
               {"unlabelled/clips", o->unlabelled_clips > 0}};
    for (size_t i = 0; i < sizeof sub / sizeof sub[0]; i++) {
        char path[S4D_PATH_MAX];
        s4d_status status = S4D_OK;
        if (sub[i].wanted) {
            status = s4d_path_join(path, folder, sub[i].name, err);
            status = status ? status : s4d_dir_make(path, err);
        }
        if (status) {
            return status;
        }
    }
    return S4D_OK;
}

/* Threads that take items one after another. */
typedef struct crew {
    const s4d_plan *plan;
    const char *folder;
    atomic_size_t next;
    atomic_bool failed;
    pthread_mutex_t lock; /* of error */
    s4d_status status;
    s4d_err error; /* the first */
} crew;

static void fail(crew *c, s4d_status status, const s4d_err *error)
{
    pthread_mutex_lock(&c->lock);
    if (!c->status) {
        c->status = status;
        c->error = *error;
    }
    pthread_mutex_unlock(&c->lock);
    atomic_store(&c->failed, true);
}

static void *draw_items(void *arg)
{
    crew *c = arg;
    s4d_studio studio;
    s4d_err err = {0};
    s4d_status status = s4d_studio_init(&studio, c->plan->opts->size, &err);
    if (status) {
        fail(c, status, &err);
        return NULL;
    }
    while (!status && !atomic_load(&c->failed)) {
        size_t i = atomic_fetch_add(&c->next, 1);
        if (i >= c->plan->count) {
            break;
        }
        status = s4d_interrupt_status();
        if (status) {
            s4d_err_set(&err, status, "interrupted; nothing of the set is left");
        } else {
            status = s4d_render_item(&studio, c->plan, &c->plan->item[i], c->folder, &err);
        }
    }
    if (status) {
        fail(c, status, &err);
    }
    s4d_studio_release(&studio);
    return NULL;
}

static s4d_status draw_all(const s4d_plan *plan, const char *folder, s4d_err *err)
{
    s4d_thread helper[THREADS_MAX] = {0};
    s4d_err why = {0};
    crew c = {.plan = plan, .folder = folder};
    int threads = s4d_cpu_count() < THREADS_MAX ? s4d_cpu_count() : THREADS_MAX;
    pthread_mutex_init(&c.lock, NULL);
    for (int i = 1; i < threads; i++) {
        s4d_status status = s4d_thread_start(&helper[i], draw_items, &c, &why);
        if (status) {
            fail(&c, status, &why);
        }
    }
    draw_items(&c);
    for (int i = 1; i < threads; i++) {
        s4d_thread_join(&helper[i]);
    }
    pthread_mutex_destroy(&c.lock);
    if (c.status && err) {
        *err = c.error;
    }
    return c.status;
}

s4d_status s4d_synth_make(const s4d_synth_opts *opts, s4d_err *err)
{
    places at;
    s4d_lock *lock = NULL;
    s4d_plan plan = {0};
    s4d_synth_opts o = *opts;
    s4d_status status = check_opts(&o, err);
    if (status || (status = name_places(o.output, &at, err)) ||
        (status = s4d_lock_make_folder(at.growing, &lock, err))) {
        return status;
    }
    status = clear_places(&at, err);
    if (status == S4D_OK) {
        status = make_folders(&o, at.growing, err);
    }
    if (status) {
        goto done;
    }
    if (!o.frame_folders && !s4d_video_library()) {
        s4d_log(S4D_LOG_WARN, "clips are written as folders of frames: this build has no video");
        o.frame_folders = true;
    }
    status = s4d_plan_make(&o, &plan, err);
    if (!status) {
        status = draw_all(&plan, at.growing, err);
    }
    if (!status) {
        status = s4d_lists_write(&plan, at.growing, err);
    }
    if (!status) {
        s4d_lock_release(&lock);
        status = s4d_dir_rename(at.growing, at.final, err);
    }
done:
    s4d_lock_release(&lock);
    s4d_plan_release(&plan);
    if (status) {
        s4d_err ignored = {0};
        s4d_dir_remove(at.growing, &ignored);
    }
    return status;
}
