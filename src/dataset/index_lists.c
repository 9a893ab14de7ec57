/* Sets with lists: from lists to rows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/index_job.h"
#include "s4d/base/mem.h"
#include "s4d/data/manifest.h"

static s4d_status add_rows(index_job *job, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->samples && status == S4D_OK; i++) {
        index_sample *s = &job->sample[i];
        s4d_row row = {.path = s->path, .label = s->class >= 0 ? job->out->classes[s->class] : NULL, .split = s->split,
                       .fold = s->fold, .end = INFINITY};
        status = index_add_row(job, &row, err);
    }
    return status;
}

s4d_status index_add_entries(index_job *job, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->entries && status == S4D_OK; i++) {
        const index_entry *e = &job->entry[i];
        s4d_row row = {.path = e->name, .label = e->class >= 0 ? job->out->classes[e->class] : NULL,
                       .split = index_split(job->list[e->list].role), .end = INFINITY};
        status = e->left_out ? S4D_OK : index_add_row(job, &row, err);
    }
    return status;
}

static bool has_label_files(const index_job *job)
{
    for (size_t i = 0; i < job->tree.count; i++) {
        if (job->tree.unit[i].kind == INDEX_LABEL) {
            return true;
        }
    }
    return false;
}

/* Whether lists come before a csv with the images in it: where they have other images than those written out of it. */
static bool has_own_lists(const index_job *job)
{
    bool images = false;
    for (size_t i = 0; i < job->tree.count && !images; i++) {
        images = !strstr(job->tree.unit[i].path, "_images/");
    }
    return job->layout->names && images && index_has_role_lists(job);
}

/* By what is there: files of labels, a csv with the images in it, paths that tell all, or lists. */
s4d_status index_run_set(index_job *job, s4d_err *err)
{
    static s4d_status (*const steps[])(index_job *, s4d_err *) = {index_find_lists, index_read_lists, index_read_labels,
                                                                   index_merge,      index_find_media, add_rows};
    const s4d_index_opts *o = job->opts;
    bool named = o->train || o->test || o->val;
    s4d_status status = index_tree_walk(job, err);
    status = status == S4D_OK ? index_find_pixels(job, err) : status;
    if (status != S4D_OK) {
        return status;
    }
    if (o->pattern || (!named && has_label_files(job))) {
        return index_run_paths(job, err);
    }
    if (job->pixel_lists.count > 0 && !named && !has_own_lists(job)) {
        return index_run_pixels(job, err);
    }
    if (!job->layout->names) {
        return index_run_paths(job, err);
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == S4D_OK; i++) {
        status = steps[i](job, err);
    }
    return status;
}

/* ---- paths as they stand ---- */

/* Where a listed path is, without `strip` bytes in front of it. */
static s4d_status place_of(const index_job *job, const char *name, size_t strip, char path[S4D_PATH_MAX], s4d_err *err)
{
    char base[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(base, job->opts->root, job->opts->media ? job->opts->media : "", err);
    return status == S4D_OK ? s4d_path_join(path, base, name + strip, err) : status;
}

static bool is_there(const index_job *job, const char *name, size_t strip)
{
    char path[S4D_PATH_MAX];
    return place_of(job, name, strip, path, NULL) == S4D_OK && s4d_path_exists(path);
}

/* "folder total label": the cut left the total at the end of the name. */
static s4d_status drop_totals(index_job *job, s4d_err *err)
{
    long number;
    for (size_t i = 0; i < job->entries; i++) {
        const char *blank = strpbrk(job->entry[i].name, " \t") ? strrchr(job->entry[i].name, ' ') : NULL;
        blank = blank ? blank : strrchr(job->entry[i].name, '\t');
        if (!blank || !s4d_labels_number(blank + 1, &number) || is_there(job, job->entry[i].name, 0)) {
            return S4D_OK; /* not all of them have one, or it belongs to the name */
        }
    }
    for (size_t i = 0; i < job->entries; i++) {
        char *name = job->entry[i].name, *end = name + strlen(name);
        while (end > name && end[-1] != ' ' && end[-1] != '\t') {
            end--;
        }
        while (end > name && (end[-1] == ' ' || end[-1] == '\t')) {
            *--end = '\0';
        }
    }
    return index_decide(job, err, "the number in front of each label is the count of frames, as no file is named with it");
}

/* Bytes in front of the path that are no folder below the root: those of the root itself, or of another machine's folders;
 * -1: there is no such file. */
static long front_of(const index_job *job, const char *name)
{
    char *real = realpath(job->opts->root, NULL);
    size_t root = real && strncmp(name, real, strlen(real)) == 0 && name[strlen(real)] == '/' ? strlen(real) + 1 : 0;
    free(real);
    if (is_there(job, name, root)) {
        return (long)root;
    }
    for (const char *slash = name; (slash = strchr(slash, '/'));) {
        slash++;
        if (*slash && *slash != '/' && is_there(job, name, (size_t)(slash - name))) {
            return slash - name;
        }
    }
    return -1;
}

static s4d_status choose_front(index_job *job, size_t *strip, s4d_err *err)
{
    *strip = 0;
    for (size_t i = 0; i < job->samples && i < 8; i++) { /* the first ones, as some may be missing */
        const char *name = job->sample[i].name;
        long front = front_of(job, name);
        if (front >= 0) {
            *strip = (size_t)front;
            return front == 0 ? S4D_OK
                              : index_decide(job, err, "\"%.*s\" in front of the listed paths is left out: the files are below %s",
                                             (int)front, name, job->opts->root);
        }
    }
    return S4D_OK;
}

s4d_status index_find_direct(index_job *job, s4d_err *err)
{
    size_t strip;
    long missing = 0;
    s4d_str path = {0};
    s4d_status status = choose_front(job, &strip, err);
    const char *front = job->samples ? job->sample[0].name : "";
    for (size_t i = 0; i < job->samples && status == S4D_OK; i++) {
        index_sample *s = &job->sample[i];
        size_t cut = strncmp(s->name, front, strip) == 0 ? strip : 0;
        if (!is_there(job, s->name, cut) && !job->opts->keep_missing) {
            index_fault_missing(job, s->list, s->line, s->name);
        } else {
            missing += job->opts->keep_missing && !is_there(job, s->name, cut);
        }
        s4d_str_clear(&path);
        if (job->opts->media && s->name[cut] != '/') {
            s4d_str_printf(&path, "%s/", job->opts->media);
        }
        s4d_str_add(&path, s->name + cut);
        s->path = path.failed ? NULL : s4d_texts_add(&job->missing, path.text);
        status = s->path ? S4D_OK : s4d_err_memory(err, S4D_PATH_MAX, "the paths of samples");
    }
    s4d_str_release(&path);
    if (status == S4D_OK && missing > 0) {
        status = index_decide(job, err, "samples not on disk: %ld; their lines are kept, as --keep-missing says", missing);
    }
    return status == S4D_OK ? index_faults_end(job, "complete the set, name its folder with --media, or keep such lines with "
                                                    "--keep-missing", err)
                            : status;
}

s4d_status index_run_direct(index_job *job, s4d_err *err)
{
    static s4d_status (*const steps[])(index_job *, s4d_err *) = {index_tree_top,    index_find_lists, index_read_lists, drop_totals,
                                                                   index_read_labels, index_merge,      index_find_direct, add_rows};
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == S4D_OK; i++) {
        status = steps[i](job, err);
    }
    return status;
}
