/* The run folder: refused, resumed or overwritten, and never by accident. */
#include <string.h>

#include "train/runlog.h"

static const char config_name[] = "config.resolved.json";

static s4d_status is_empty(const char *path, bool *empty, s4d_err *err)
{
    *empty = true;
    if (!s4d_path_exists(path)) return S4D_OK;
    s4d_strlist names = {0};
    s4d_status status = s4d_dir_list(path, &names, err);
    *empty = names.count == 0;
    s4d_strlist_release(&names);
    return status;
}

s4d_status s4d_folder_check(const s4d_run_opts *o, s4d_err *err)
{
    bool empty;
    char config[S4D_PATH_MAX];
    if (!o->output[0])
        return s4d_err_set(err, S4D_USAGE, "output: no run folder is named; set \"output\" or give --output DIR");
    s4d_status status = is_empty(o->output, &empty, err);
    if (status == S4D_OK) status = s4d_path_join(config, o->output, config_name, err);
    if (status != S4D_OK || empty) return status;
    if (!o->resume && !o->overwrite)
        return s4d_err_set(err, S4D_USAGE, "%s: the run folder is there already; give --resume to go on, --overwrite to "
                                           "replace it, or another --output", o->output);
    if (!s4d_path_exists(config))
        return s4d_err_set(err, S4D_USAGE, "%s: holds files but no %s, so it is no run folder and is left alone; give "
                                           "another --output", o->output, config_name);
    return S4D_OK;
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
