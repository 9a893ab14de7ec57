/* The run folder: refused, resumed or overwritten, and never by accident. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "train/runlog.h"

static const char config_name[] = "config.resolved.json";

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
    const char *read[] = {o->init, o->checkpoint, o->data.image.root, o->data.video.root};
    struct stat about;
    if (lstat(o->output, &about) == 0 && S_ISLNK(about.st_mode))
        return s4d_err_set(err, S4D_USAGE, "%s: is a link, and --overwrite would replace it, not the folder it leads to; give "
                                           "that folder as --output", o->output);
    for (size_t i = 0; i < sizeof read / sizeof *read; ++i)
        if (lies_in(o->output, read[i]))
            return s4d_err_set(err, S4D_USAGE, "%s: --overwrite would remove %s, which this run reads; give another --output",
                               o->output, read[i]);
    return S4D_OK;
}

s4d_status s4d_folder_check(const s4d_run_opts *o, bool may_resume, s4d_err *err)
{
    bool empty;
    char config[S4D_PATH_MAX];
    if (!o->output[0])
        return s4d_err_set(err, S4D_USAGE, "output: no run folder is named; set \"output\" or give --output DIR");
    s4d_status status = is_empty(o->output, &empty, err);
    if (status == S4D_OK) status = s4d_path_join(config, o->output, config_name, err);
    if (status != S4D_OK || empty) return status;
    if (!o->resume && !o->overwrite)
        return s4d_err_set(err, S4D_USAGE, "%s: the run folder is there already; give %s--overwrite to replace it, or another "
                                           "--output", o->output, may_resume ? "--resume to go on, " : "");
    if (!s4d_path_exists(config))
        return s4d_err_set(err, S4D_USAGE, "%s: holds files but no %s, so it is no run folder and is left alone; give "
                                           "another --output", o->output, config_name);
    return o->overwrite ? check_overwrite(o, err) : S4D_OK;
}

s4d_status s4d_folder_create(const s4d_run_opts *o, s4d_err *err)
{
    char config[S4D_PATH_MAX];
    s4d_status status = S4D_OK;
    if (o->overwrite) status = s4d_dir_remove(o->output, err);
    if (status == S4D_OK) status = s4d_dir_make(o->output, err);
    if (status == S4D_OK) status = s4d_path_join(config, o->output, config_name, err);
    if (status == S4D_OK) status = s4d_file_write(config, o->resolved, strlen(o->resolved), err);
    return status;
}
