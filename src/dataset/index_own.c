/* Own data: a folder for each class, or csv with the header path,label. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/clip_name.h"
#include "dataset/index_job.h"
#include "s4d/base/mem.h"

/* ---- a folder for each class ---- */

/* How the folders in the root are to be read. */
typedef struct tops {
    const char *split[INDEX_ROLES]; /* a sample below a folder of that role */
    const char *other;              /* a sample below a folder of none */
    int roles;                      /* that are there */
    bool splits;                    /* the folders are splits, and those inside them classes */
} tops;

/* Parts of a path: "a/b/c" has 3. */
static int depth_of(const char *path)
{
    int n = 1;
    for (; (path = strchr(path, '/')); path++) {
        n++;
    }
    return n;
}

static index_role role_of_top(const char *path)
{
    return index_folder_role(path, strcspn(path, "/"));
}

/* Train and test beside each other are splits, as is every folder of a split where there is no other. */
static tops find_tops(const index_tree *t)
{
    tops found = {0};
    for (size_t i = 0; i < t->count; i++) {
        const char *path = t->unit[i].path;
        index_role role = role_of_top(path);
        if (role == INDEX_ANY) {
            found.other = found.other ? found.other : path;
        } else if (!found.split[role]) {
            found.split[role] = path;
            found.roles++;
        }
    }
    found.splits = found.roles > 1 || (found.roles == 1 && !found.other);
    return found;
}

/* What stands beside folders of splits is left out where that is meant. */
static s4d_status check_tops(index_job *job, const tops *found, s4d_err *err)
{
    if (!found->splits || !found->other) {
        return S4D_OK;
    }
    int size = (int)strcspn(found->other, "/");
    const char *split = found->split[INDEX_TRAIN] ? found->split[INDEX_TRAIN] : found->split[INDEX_TEST];
    split = split ? split : found->split[INDEX_VAL];
    if (!index_accepts(job, "beside")) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: %.*s and others are splits, but %.*s beside them is none and holds %.200s; move it away, or leave it out "
                           "with --accept beside", job->opts->root, (int)strcspn(split, "/"), split, size, found->other,
                           found->other[size] ? found->other : "images");
    }
    return index_decide(job, err, "%.*s and whatever else is beside the folders of splits is left out, as --accept says", size,
                        found->other);
}

/* Whether a unit is a sample: a file in a class's folder, or a folder of frames. Pictures deeper than that are frames; a clip
 * deeper than that is doubtful. */
static bool is_sample(index_job *job, const index_unit *u, int base, const index_unit **deep)
{
    int depth = depth_of(u->path) - base; /* 1: the class's folder, 2: what is in it */
    if (depth < 2 && u->kind != INDEX_FRAMES) {
        index_fault(job, 0, 0, "%.300s lies in no class's folder", u->path);
        return false;
    }
    *deep = u->kind != INDEX_PICTURE && depth > 2 && !*deep ? u : *deep;
    return u->kind == INDEX_PICTURE ? depth == 2 : depth >= 2;
}

static s4d_status check_kinds(index_job *job, const index_unit *const kind[2], const index_unit *deep, s4d_err *err)
{
    if (kind[0] && kind[1]) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: %.200s is a picture and %.200s is a clip; put pictures and clips under two folders, as they are two "
                           "sets", job->opts->root, kind[0]->path, kind[1]->path);
    }
    if (deep && !index_accepts(job, "deep")) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: %.300s lies deeper than CLASS/SAMPLE, so that its class is not told by its folders; say with --pattern "
                           "what they are, or add --accept deep where the class is the first", job->opts->root, deep->path);
    }
    return S4D_OK;
}

static s4d_status take_units(index_job *job, const tops *found, s4d_err *err)
{
    const index_unit *kind[2] = {NULL, NULL}, *deep = NULL; /* a picture, a clip; one too far down */
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->tree.count && status == S4D_OK; i++) {
        index_unit *u = &job->tree.unit[i];
        bool beside = found->splits && role_of_top(u->path) == INDEX_ANY;
        if (beside || !is_sample(job, u, found->splits, &deep)) {
            continue;
        }
        kind[u->kind != INDEX_PICTURE] = u;
        const char *class = found->splits ? strchr(u->path, '/') + 1 : u->path;
        index_entry e = {.name = u->path, .label = index_text(job, class, strcspn(class, "/")), .list = 0, .class = -1};
        status = e.label ? index_add_entry(job, &e, err) : s4d_err_memory(err, S4D_PATH_MAX, "the names of classes");
    }
    if (status == S4D_OK) {
        status = index_faults_end(job, "put it into one, or elsewhere", err);
    }
    return status == S4D_OK ? check_kinds(job, kind, deep, err) : status;
}

static s4d_status add_folder_rows(index_job *job, bool splits, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->entries && status == S4D_OK; i++) {
        const index_entry *e = &job->entry[i];
        s4d_row row = {.path = e->name, .label = e->class >= 0 ? job->out->classes[e->class] : NULL,
                       .split = (splits ? index_split(role_of_top(e->name)) : ""), .end = INFINITY};
        status = index_add_row(job, &row, err);
    }
    return status;
}

s4d_status index_run_folders(index_job *job, s4d_err *err)
{
    s4d_status status = index_tree_walk(job, err);
    if (status != S4D_OK || job->opts->pattern) {
        return status == S4D_OK ? index_run_paths(job, err) : status;
    }
    const tops found = find_tops(&job->tree);
    status = check_tops(job, &found, err);
    if (status == S4D_OK) {
        status = index_add_list(job, "the folders", INDEX_ANY, 0, err); /* what sentences name as the source */
    }
    if (status == S4D_OK) {
        status = take_units(job, &found, err);
    }
    if (status == S4D_OK && job->entries > 0) {
        status = index_decide(job, err, found.splits ? "the folders are splits, and those inside them classes"
                                                     : "the folders are classes; there is no split");
    }
    if (status == S4D_OK && job->entries > 0) {
        status = index_read_labels(job, err);
    }
    return status == S4D_OK ? add_folder_rows(job, found.splits, err) : status;
}

/* ---- csv ---- */

/* The lists below the root: those for training, testing and validation, or else the only one there is. */
static s4d_status find_csv(index_job *job, s4d_err *err)
{
    const char *only = NULL, *other = NULL;
    s4d_status status = index_tree_top(job, err);
    for (size_t i = 0; i < job->tree.texts.count && status == S4D_OK; i++) {
        const char *name = job->tree.texts.item[i];
        index_role role;
        int fold;
        index_read_name(name, &role, &fold);
        if (!s4d_str_ends_nocase(name, ".csv") || strcmp(name, "csv.csv") == 0) {
            continue; /* the latter is what this set is written to */
        }
        if (role != INDEX_ANY) {
            status = index_add_list(job, name, role, 0, err);
        } else {
            other = only ? name : other;
            only = only ? only : name;
        }
    }
    if (status != S4D_OK || job->lists > 0) {
        return status;
    }
    if (other || !only) {
        return s4d_err_set(err, S4D_FAILED, "%s: %s%.200s%s%.200s; name the list with --train, --test or --val", job->opts->root,
                           only ? "which of several lists to read is open: " : "no .csv is there", only ? only : "",
                           other ? ", " : "", other ? other : "");
    }
    return index_add_list(job, only, INDEX_ANY, 0, err);
}

/* A list that is being read. */
typedef struct csv {
    index_job *job;
    int list;
    s4d_table *table;
    long missing;    /* rows of which nothing is there */
} csv;

/* A row's path below the root, in one spelling, and whether it is there. */
static s4d_status check_path(csv *c, s4d_row *row, s4d_err *err)
{
    char path[S4D_PATH_MAX], below[S4D_PATH_MAX], name[S4D_PATH_MAX];
    const s4d_index_opts *o = c->job->opts;
    const char *fault;
    s4d_status status = index_spell(name, row->path, &fault, err);
    if (status == S4D_OK && fault) {
        index_fault(c->job, c->list, row->line, "the path \"%.300s\" %s", row->path, fault);
        return S4D_OK;
    }
    if (status == S4D_OK) {
        status = s4d_path_join(below, o->media ? o->media : "", name, err);
    }
    if (status == S4D_OK) {
        status = s4d_path_join(path, o->root, below, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    bool there = s4d_path_exists(path);
    c->missing += !there;
    if (!there && !o->keep_missing) {
        index_fault_missing(c->job, c->list, row->line, row->path);
    }
    if (strcmp(row->path, below) != 0) {
        row->path = s4d_texts_add(&c->table->texts, below);
    }
    return row->path ? S4D_OK : s4d_err_memory(err, sizeof below, "a path");
}

/* Reads a list as a manifest; its rows' labels become entries. */
static s4d_status take_csv(csv *c, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    const char *list = c->job->list[c->list].path;
    if (index_has_pixels(c->job, list)) {
        return s4d_err_set(err, S4D_FAILED, "%s: has the images in it, as FER2013 has; take \"s4d data index fer2013\", which writes "
                           "them as files", list);
    }
    s4d_status status = s4d_path_join(path, c->job->opts->root, list, err);
    if (status == S4D_OK) {
        status = s4d_table_read(path, c->table, err);
    }
    if (status == S4D_OK && c->table->count == 0) {
        status = s4d_err_set(err, S4D_FAILED, "%s: the list holds a header and no sample; take the whole one", list);
    }
    for (size_t i = 0; i < c->table->count && status == S4D_OK; i++) {
        s4d_row *row = &c->table->row[i];
        status = check_path(c, row, err);
        if (status == S4D_OK) {
            index_entry e = {.name = (char *)row->path, .label = (char *)row->label, .line = row->line, .list = c->list, .class = -1};
            status = index_add_entry(c->job, &e, err);
        }
    }
    if (status == S4D_OK && c->missing > 0 && c->job->opts->keep_missing) {
        status = index_decide(c->job, err, "%s: samples not on disk: %ld; their lines are kept, as --keep-missing says", list, c->missing);
    }
    return status;
}

/* A row and the list that it stands in. */
typedef struct place {
    const s4d_row *row;
    int list;
} place;

static int by_part(const void *a, const void *b)
{
    const place *x = a, *y = b;
    int difference = strcmp(x->row->path, y->row->path);
    if (difference == 0) {
        difference = (x->row->start > y->row->start) - (x->row->start < y->row->start);
    }
    if (difference == 0) {
        difference = (x->row->end > y->row->end) - (x->row->end < y->row->end);
    }
    if (difference == 0) {
        difference = x->list - y->list;
    }
    return difference != 0 ? difference : (x->row->line > y->row->line) - (x->row->line < y->row->line);
}

/* The same part of one file twice is told, whichever lists it stands in. */
static s4d_status check_twice(index_job *job, const s4d_table *t, s4d_err *err)
{
    place *order = s4d_mem_alloc(job->entries, sizeof *order);
    size_t n = 0;
    if (!order) {
        return s4d_err_memory(err, job->entries * sizeof *order, "the names of samples");
    }
    for (size_t l = 0; l < job->lists; l++) {
        for (size_t i = 0; i < t[l].count; i++) {
            order[n++] = (place){&t[l].row[i], (int)l};
        }
    }
    qsort(order, n, sizeof *order, by_part);
    for (size_t i = 1; i < n; i++) {
        const s4d_row *row = order[i].row, *before = order[i - 1].row;
        if (strcmp(row->path, before->path) == 0 && row->start == before->start && row->end == before->end) {
            index_fault(job, order[i].list, row->line, "\"%.300s\" stands there twice", row->path);
        }
    }
    s4d_mem_free(order);
    return S4D_OK;
}

static s4d_status add_csv_rows(index_job *job, const s4d_table *t, s4d_err *err)
{
    s4d_status status = S4D_OK;
    size_t k = 0;
    for (size_t l = 0; l < job->lists; l++) {
        for (size_t i = 0; i < t[l].count && status == S4D_OK; i++, k++) {
            s4d_row row = t[l].row[i];
            const index_entry *e = &job->entry[k];
            row.label = e->class >= 0 ? job->out->classes[e->class] : NULL;
            row.split = *row.split ? row.split : index_split(job->list[l].role);
            status = index_add_row(job, &row, err);
        }
    }
    return status;
}

s4d_status index_run_csv(index_job *job, s4d_err *err)
{
    const s4d_index_opts *o = job->opts;
    s4d_table *t = NULL;
    s4d_status status = o->train || o->test || o->val ? index_find_lists(job, err) : find_csv(job, err);
    if (status == S4D_OK) {
        t = s4d_mem_alloc(job->lists, sizeof *t);
        status = t ? S4D_OK : s4d_err_memory(err, job->lists * sizeof *t, "lists");
    }
    for (size_t l = 0; l < job->lists && status == S4D_OK; l++) {
        csv c = {.job = job, .list = (int)l, .table = &t[l]};
        status = take_csv(&c, err);
    }
    if (status == S4D_OK) {
        status = check_twice(job, t, err);
    }
    if (status == S4D_OK) {
        status = index_faults_end(job, "correct the list, or keep such lines with --keep-missing", err);
    }
    for (size_t i = 0; i < job->entries && status == S4D_OK; i++) { /* a manifest may leave a label empty */
        index_entry *e = &job->entry[i];
        e->left_out = !*e->label;
    }
    if (status == S4D_OK) {
        status = index_read_labels(job, err);
    }
    for (size_t i = 0; i < job->entries; i++) {
        job->entry[i].left_out = false;
    }
    if (status == S4D_OK) {
        status = add_csv_rows(job, t, err);
    }
    for (size_t l = 0; t && l < job->lists; l++) {
        s4d_table_release(&t[l]);
    }
    s4d_mem_free(t);
    return status;
}
