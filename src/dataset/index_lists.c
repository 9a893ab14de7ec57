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
        s4d_row row = {.path = s->path, .label = s->class >= 0 ? job->out->classes[s->class] : NULL, .split = (char *)s->split,
                       .fold = s->fold, .end = INFINITY};
        status = index_add_row(job, &row, err);
    }
    return status;
}

s4d_status index_run_lists(index_job *job, s4d_err *err)
{
    static s4d_status (*const steps[])(index_job *, s4d_err *) = {index_tree_walk,   index_find_lists, index_read_lists,
                                                                   index_read_labels, index_merge,      index_find_media, add_rows};
    s4d_status status = S4D_OK;
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
        s->path = path.failed ? NULL : s4d_mem_strdup(path.text);
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

/* ---- VoxCeleb2 ---- */

/* "idNNNNN" as a folder of the path. */
static bool find_subject(const char *path, char subject[8], const char **at)
{
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        if (strncmp(part, "id", 2) == 0 && strspn(part + 2, "0123456789") == 5 && part[7] == '/') {
            memcpy(subject, part, 7);
            subject[7] = '\0';
            *at = part;
            return true;
        }
    }
    return false;
}

static const char *voxceleb_split(const char *path, const char *subject)
{
    index_role role = strncmp(path, "dev/", 4) == 0 ? INDEX_TRAIN : strncmp(path, "test/", 5) == 0 ? INDEX_TEST : INDEX_ANY;
    for (const char *p = path; p < subject && role == INDEX_ANY; p++) {
        role = strncmp(p, "/dev/", 5) == 0 ? INDEX_TRAIN : strncmp(p, "/test/", 6) == 0 ? INDEX_TEST : INDEX_ANY;
    }
    return index_split(role);
}

s4d_status index_run_voxceleb(index_job *job, s4d_err *err)
{
    long others = 0;
    s4d_status status = index_tree_walk(job, err);
    for (size_t i = 0; i < job->tree.count && status == S4D_OK; i++) {
        char subject[8];
        const char *at, *path = job->tree.unit[i].path;
        if (!find_subject(path, subject, &at)) {
            others++;
            continue;
        }
        s4d_row row = {.path = job->tree.unit[i].path, .split = (char *)voxceleb_split(path, at), .subject = subject, .end = INFINITY};
        status = index_add_row(job, &row, err);
    }
    if (status == S4D_OK && others > 0) {
        status = index_decide(job, err, "videos left out: %ld in no folder named as a person, such as id00012", others);
    }
    if (status == S4D_OK && job->out->table.has[S4D_COLUMN_SPLIT]) {
        status = index_decide(job, err, "the folders dev and test are the splits train and test");
    }
    return status;
}
