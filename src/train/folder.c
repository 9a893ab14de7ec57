/* The run folder: refused, resumed or overwritten, never by accident, and by one run at a time. */
#include <stdlib.h>
#include <string.h>

#include "train/session.h"

static const char config_name[] = "config.resolved.json", checkpoints_name[] = "checkpoints";

static s4d_status is_empty(const char *path, bool *empty, s4d_err *err)
{
    *empty = true;
    if (!s4d_path_exists(path)) return S4D_OK;
    s4d_strlist names = {0};
    s4d_status status = s4d_dir_list(path, &names, err);
    /* A run that was cut off while it wrote its first file leaves only that. */
    *empty = names.count == 0 || (names.count == 1 && strcmp(names.item[0], "config.resolved.json.tmp") == 0);
    s4d_strlist_release(&names);
    return status;
}

/* Whether `path` is the folder or lies in it, by their real places; a path that is not there lies nowhere. */
static bool lies_in(const char *folder, const char *path)
{
    char *outer = realpath(folder, NULL), *inner = path[0] ? realpath(path, NULL) : NULL;
    size_t n = outer ? strlen(outer) : 0;
    bool inside = outer && inner && strncmp(outer, inner, n) == 0 && (inner[n] == '\0' || inner[n] == '/');
    free(outer); /* both are realpath's own */
    free(inner);
    return inside;
}

/* What this run reads must not be removed with the folder. */
static s4d_status check_overwrite(const s4d_run_opts *o, s4d_err *err)
{
    const s4d_set_opts *image = &o->data.image, *video = &o->data.video;
    const struct {
        const char *folder, *name;
    } reads[] = {{"", o->init}, {"", o->checkpoint}, {"", image->root}, {"", video->root}, {image->root, image->train},
                 {image->root, image->test}, {video->root, video->train}, {video->root, video->test}};
    for (size_t i = 0; i < sizeof reads / sizeof *reads; ++i) {
        char path[S4D_PATH_MAX];
        if (!reads[i].name[0] || s4d_path_join(path, reads[i].folder, reads[i].name, NULL) != S4D_OK) continue;
        if (lies_in(o->output, path))
            return s4d_err_set(err, S4D_USAGE, "%s: --overwrite would remove %s, which this run reads; give another --output",
                               o->output, path);
    }
    return S4D_OK;
}

/* A link stands for the folder it leads to; one that leads nowhere would be found out only when that folder is needed. */
static s4d_status check_link(const char *path, s4d_err *err)
{
    char target[S4D_PATH_MAX];
    if (!s4d_path_is_link(path) || s4d_path_is_dir(path)) return S4D_OK;
    s4d_status status = s4d_path_follow(target, path, err);
    if (status != S4D_OK) return status;
    return s4d_err_set(err, S4D_USAGE, "%s: is a link to %s, which is no folder; make that folder, or remove the link", path, target);
}

static s4d_status check_contents(const s4d_run_opts *o, bool may_resume, s4d_err *err)
{
    bool empty;
    char config[S4D_PATH_MAX], checkpoints[S4D_PATH_MAX];
    s4d_status status = is_empty(o->output, &empty, err);
    if (status == S4D_OK) status = s4d_path_join(config, o->output, config_name, err);
    if (status == S4D_OK) status = s4d_path_join(checkpoints, o->output, checkpoints_name, err);
    if (status == S4D_OK) status = check_link(checkpoints, err);
    if (status != S4D_OK || empty) return status;
    if (!o->resume && !o->overwrite)
        return s4d_err_set(err, S4D_USAGE, "%s: the run folder is there already; give %s--overwrite to replace it, or another "
                                           "--output", o->output, may_resume ? "--resume to go on, " : "");
    if (!s4d_path_exists(config))
        return s4d_err_set(err, S4D_USAGE, "%s: holds files but no %s, so it is no run folder and is left alone; give "
                                           "another --output", o->output, config_name);
    return o->overwrite ? check_overwrite(o, err) : S4D_OK;
}

/* Before the lock too, so that no file is made in a folder that is left alone. */
s4d_status s4d_folder_take(const s4d_run_opts *o, bool may_resume, s4d_lock **lock, s4d_err *err)
{
    *lock = NULL;
    if (!o->output[0])
        return s4d_err_set(err, S4D_USAGE, "output: no run folder is named; set \"output\" or give --output DIR");
    s4d_status status = check_link(o->output, err);
    if (status == S4D_OK) status = check_contents(o, may_resume, err);
    if (status != S4D_OK || !s4d_path_is_dir(o->output)) return status;
    status = s4d_lock_take(o->output, lock, err);
    if (status == S4D_OK) status = check_contents(o, may_resume, err);
    if (status != S4D_OK) s4d_lock_release(lock);
    return status;
}

/* Another run may have begun, and even ended, since the folder was found absent. */
static s4d_status make(const s4d_run_opts *o, s4d_lock **lock, s4d_err *err)
{
    bool empty = true;
    s4d_status status = s4d_dir_make(o->output, err);
    if (status == S4D_OK) status = s4d_lock_take(o->output, lock, err);
    if (status == S4D_OK) status = is_empty(o->output, &empty, err);
    if (status == S4D_OK && !empty)
        status = s4d_err_set(err, S4D_FAILED, "%s: another run has begun there meanwhile; give another --output", o->output);
    return status;
}

/* Checkpoints that are kept elsewhere go there, and the link to the place stays. */
static s4d_status clear(const s4d_run_opts *o, s4d_err *err)
{
    const char *keep[3] = {S4D_LOCK_NAME, config_name, checkpoints_name}; /* the config marks a run, until it is replaced */
    char path[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(path, o->output, checkpoints_name, err);
    bool elsewhere = status == S4D_OK && s4d_path_is_link(path);
    if (elsewhere) status = s4d_checkpoint_clear(o->output, err);
    return status == S4D_OK ? s4d_dir_empty(o->output, keep, elsewhere ? 3 : 2, err) : status;
}

s4d_status s4d_folder_create(const s4d_run_opts *o, s4d_lock **lock, s4d_err *err)
{
    char config[S4D_PATH_MAX];
    s4d_status status = *lock ? S4D_OK : make(o, lock, err);
    if (status == S4D_OK && o->overwrite) status = clear(o, err);
    if (status == S4D_OK) status = s4d_path_join(config, o->output, config_name, err);
    if (status == S4D_OK) status = s4d_file_write(config, o->resolved, strlen(o->resolved), err);
    return status;
}
