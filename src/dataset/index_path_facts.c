/* What a path tells by its pattern: the label, by itself or out of the label's file, subject, split and fold. */
#include <stdio.h>
#include <string.h>

#include "dataset/index_paths.h"
#include "s4d/data/manifest.h"

enum { FOLDS_MAX = 1000, LABEL_FILE_MAX = 1 << 16 };

s4d_status path_no_memory(path_reader *r)
{
    return s4d_err_memory(r->err, S4D_PATH_MAX, "the names of samples");
}

/* ---- patterns ---- */

static s4d_status check_groups(path_reader *r, const char *pattern)
{
    static const char *const groups[] = {"label", "subject", "split", "fold", NULL};
    const char *other = index_regex_other_group(r->pattern[0], groups);
    if (other) {
        return s4d_err_set(r->err, S4D_USAGE, "--pattern: \"%.40s\" is no group that is known; name groups label, subject, split and "
                           "fold", other);
    }
    if (!index_regex_has(r->pattern[0], "label") && !r->job->opts->unlabelled) {
        return s4d_err_set(r->err, S4D_USAGE, "--pattern: \"%.60s\" has no group (?<label>...); write one around what stands for the "
                           "class, or add --unlabelled", pattern);
    }
    return S4D_OK;
}

s4d_status path_compile(path_reader *r)
{
    s4d_status status = S4D_OK;
    for (int i = 0; i < INDEX_PATTERNS && r->how->pattern[i] && status == S4D_OK; i++) {
        status = index_regex_create(r->how->pattern[i], &r->pattern[i], r->err);
    }
    if (status == S4D_OK && r->how->label_file) {
        status = index_regex_create(r->how->label_file, &r->label_file, r->err);
    }
    if (r->job->opts->pattern) {
        if (status != S4D_OK) {
            s4d_err_prefix(r->err, "--pattern");
        }
        return status == S4D_OK ? check_groups(r, r->how->pattern[0]) : status;
    }
    S4D_BUG_IF(status == S4D_USAGE);
    return status;
}

s4d_status path_match(path_reader *r, const char *path)
{
    r->fits = NULL;
    for (int i = 0; i < INDEX_PATTERNS && r->pattern[i] && !r->fits; i++) {
        index_fit fit = index_regex_match(r->pattern[i], path);
        if (fit == INDEX_GIVEN_UP) {
            return s4d_err_set(r->err, S4D_FAILED, "%.300s: the pattern takes too many steps on this path; write it so that it can be "
                               "fitted in one way only, with [^/]* for .*", path);
        }
        r->fits = fit == INDEX_FITS ? r->pattern[i] : NULL;
    }
    return S4D_OK;
}

s4d_status path_group(path_reader *r, const char *name, char **out)
{
    const char *at;
    size_t size;
    *out = NULL;
    if (!index_regex_group(r->fits, name, &at, &size)) {
        return S4D_OK;
    }
    *out = index_text(r->job, at, size);
    return *out ? S4D_OK : path_no_memory(r);
}

/* What a sample and the file of its label share. */
static bool add_key(path_reader *r, const index_regex *from)
{
    static const char *const names[] = {"key", "id"};
    const char *at;
    size_t size;
    s4d_str_clear(&r->text);
    for (int i = 0; i < 2; i++) {
        if (index_regex_group(from, names[i], &at, &size)) {
            s4d_str_add_bytes(&r->text, at, size);
        }
        s4d_str_add(&r->text, "\n");
    }
    return !r->text.failed;
}

/* ---- labels ---- */

s4d_status path_find_labels(path_reader *r)
{
    index_tree *t = &r->job->tree;
    for (size_t i = 0; i < t->count && r->label_file; i++) {
        if (t->unit[i].kind != INDEX_LABEL || index_regex_match(r->label_file, t->unit[i].path) != INDEX_FITS) {
            continue;
        }
        long other = add_key(r, r->label_file) ? index_map_get(&r->labels, r->text.text) : -1;
        if (other >= 0) {
            index_fault(r->job, -1, 0, "%.300s and %.300s are labels of one sample", t->unit[other].path, t->unit[i].path);
        } else if (r->text.failed || !index_map_put(&r->labels, r->text.text, (long)i)) {
            return path_no_memory(r);
        }
    }
    return index_faults_end(r->job, "move one of the two away", r->err);
}

/* The label out of its file; NULL: there is no such file, or a fault was gathered. */
static s4d_status read_label_file(path_reader *r, const index_unit *u, char **label)
{
    char path[S4D_PATH_MAX], text[INDEX_LABEL_MAX];
    s4d_bytes file = {0};
    long at = add_key(r, r->fits) ? index_map_get(&r->labels, r->text.text) : -1;
    *label = NULL;
    if (at < 0) {
        r->unlabelled++;
        return r->text.failed ? path_no_memory(r) : S4D_OK;
    }
    index_unit *from = &r->job->tree.unit[at];
    if (from->taken) {
        index_fault(r->job, -1, 0, "%.300s: its label %.300s is that of another copy, too", u->path, from->path);
        return S4D_OK;
    }
    from->taken = true;
    s4d_status status = s4d_path_join(path, r->job->opts->root, from->path, r->err);
    status = status == S4D_OK ? s4d_file_read(path, LABEL_FILE_MAX, &file, r->err) : status;
    if (status == S4D_OK) {
        const char *fault = r->how->read_label(&file, text);
        if (fault) {
            index_fault(r->job, -1, 0, "%.400s: %s", from->path, fault);
        } else {
            *label = index_text(r->job, text, strlen(text));
            status = *label ? S4D_OK : path_no_memory(r);
        }
    }
    s4d_bytes_release(&file);
    return status;
}

s4d_status path_take_label(path_reader *r, const index_unit *u, char **label, bool *skip)
{
    const char *table = r->job->layout->tables[0], *class;
    s4d_status status = S4D_OK;
    *label = NULL;
    *skip = false;
    if (r->job->opts->unlabelled) {
        return S4D_OK;
    }
    if (r->label_file && !index_regex_has(r->fits, "label")) {
        status = read_label_file(r, u, label);
        *skip = !*label;
    } else if (index_regex_has(r->fits, "label")) {
        status = path_group(r, "label", label);
        *label = *label ? *label : (char *)"";
    }
    class = status == S4D_OK && *label && table ? s4d_labels_code(table, *label) : NULL;
    long number;
    if (!class && *label && table && r->job->layout->paths->codes && s4d_labels_number(*label, &number)) {
        index_fault(r->job, -1, 0, "%.300s: its code \"%.40s\" stands for no class of the table %s", u->path, *label, table);
    }
    *label = class ? (char *)class : *label;
    return status;
}

/* ---- what else a path says ---- */

/* By the set's words for splits ("dev=train"), or as folders are called. */
static index_role role_of(const path_reader *r, const char *text)
{
    const char *own = r->how->splits ? strstr(r->how->splits, text) : NULL;
    size_t size = strlen(text);
    if (own && own[size] == '=') {
        return index_folder_role(own + size + 1, strcspn(own + size + 1, ","));
    }
    return index_usage_role(text);
}

s4d_status path_take_fact(path_reader *r, const index_unit *u, path_fact *f)
{
    char *split = NULL, *fold = NULL, *copy = NULL;
    long number = 0;
    *f = (path_fact){0};
    s4d_status status = path_group(r, "subject", &f->subject);
    status = status == S4D_OK ? path_group(r, "split", &split) : status;
    status = status == S4D_OK ? path_group(r, "fold", &fold) : status;
    status = status == S4D_OK ? path_group(r, "copy", &copy) : status;
    if (status != S4D_OK) {
        return status;
    }
    f->copy = copy;
    f->role = split ? role_of(r, split) : INDEX_ANY;
    if (split && *split && f->role == INDEX_ANY) {
        index_fault(r->job, -1, 0, "%.300s: the split \"%.60s\" is none of train, val and test", u->path, split);
    }
    if (fold && (!s4d_labels_number(fold, &number) || number < 1 || number > FOLDS_MAX)) {
        index_fault(r->job, -1, 0, "%.300s: the fold \"%.60s\" is no number of 1 to %d", u->path, fold, FOLDS_MAX);
    }
    f->fold = (int)number;
    return S4D_OK;
}
