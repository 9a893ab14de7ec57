/* The sets that are known, and what every layout's reading shares. */
#include "s4d/dataset/index.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/index_job.h"
#include "s4d/base/mem.h"
#include "s4d/data/manifest.h"

static const index_layout layouts[] = {
    {.set = {"dfew", "DFEW"},
     .names = "set_K.csv of the official split, or train_set_K.csv and test_set_K.csv",
     .run = index_run_lists, .tables = {"dfew"}, .media = INDEX_FRAMES | INDEX_VIDEO, .folds = true, .prefer = {"single"}},
    {.set = {"ferv39k", "FERV39K"},
     .names = "train_All.csv and test_All.csv, or train.csv and test.csv",
     .run = index_run_lists, .tables = {"ferv39k", "ferv39k_maedfer"}, .media = INDEX_FRAMES | INDEX_VIDEO,
     .prefer = {"_all."}, .copy = "ClipsforFaceCrop"},
    {.set = {"mafw", "MAFW, single expressions"},
     .names = "set_K/train.txt and test.txt, or train_set_K.csv and test_set_K.csv",
     .run = index_run_lists, .tables = {"mafw", "mafw_maedfer", "mafw_dferclip"}, .media = INDEX_FRAMES | INDEX_VIDEO,
     .cut = S4D_CUT_FIRST, .folds = true, .prefer = {"single", "no_caption"}},
    {.set = {"affectnet7", "AffectNet without contempt"},
     .names = "training.csv and validation.csv, or train.txt and test.txt",
     .run = index_run_lists, .tables = {"affectnet7"}, .media = INDEX_PICTURE, .prefer = {"manual"}},
    {.set = {"affectnet8", "AffectNet"},
     .names = "training.csv and validation.csv, or train.txt and test.txt",
     .run = index_run_lists, .tables = {"affectnet8"}, .media = INDEX_PICTURE, .prefer = {"manual"}},
    {.set = {"rafdb", "RAF-DB, basic expressions"},
     .names = "list_patition_label.txt, or train.txt and test.txt",
     .run = index_run_lists, .tables = {"rafdb"}, .media = INDEX_PICTURE, .whole = "list_pa", .copy = "_aligned."},
    {.set = {"ferplus", "FER+"},
     .names = "train.txt and test.txt",
     .run = index_run_lists, .tables = {"ferplus"}, .media = INDEX_PICTURE},
    {.set = {"voxceleb2", "VoxCeleb2: idNNNNN/VIDEO/NNNNN.mp4, without lists"},
     .run = index_run_voxceleb, .media = INDEX_VIDEO},
    {.set = {"videomae", "lists of \"path label\" or \"folder total label\", as VideoMAE takes them"},
     .names = "train.csv, val.csv and test.csv",
     .run = index_run_direct},
    {.set = {"folders", "own data: a folder for each class, and above them train, test and val where they are apart"},
     .run = index_run_folders, .media = INDEX_FRAMES | INDEX_VIDEO | INDEX_PICTURE},
    {.set = {"csv", "own data: csv with the header path,label, and a manifest's other columns"},
     .names = "a single .csv, or train.csv and test.csv",
     .run = index_run_csv},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

const s4d_index_set *s4d_index_sets(size_t *count)
{
    static s4d_index_set sets[LAYOUTS];
    for (size_t i = 0; i < LAYOUTS; i++) {
        sets[i] = layouts[i].set;
    }
    *count = LAYOUTS;
    return sets;
}

/* ---- what all parts use ---- */

/* Bytes that are no UTF-8, and control bytes, become '?'. */
static void make_printable(char *text)
{
    const char *end = text + strlen(text);
    for (char *p = text; p < end;) {
        size_t n = s4d_utf8_length(p, end);
        *p = n ? *p : '?';
        p += n ? n : 1;
    }
    s4d_str_printable(text);
}

s4d_status index_decide(index_job *job, s4d_err *err, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    make_printable(line);
    return s4d_strlist_add(&job->out->decided, line) ? S4D_OK : s4d_err_memory(err, sizeof line, "a decision");
}

void index_fault(index_job *job, int list, long line, const char *format, ...)
{
    index_faults *f = &job->faults;
    if (f->count++ > 0) {
        return;
    }
    char place[400] = "";
    if (list >= 0 && line > 0) {
        snprintf(place, sizeof place, "%.330s: line %ld: ", job->list[list].path, line);
    } else if (list >= 0) {
        snprintf(place, sizeof place, "%.330s: ", job->list[list].path);
    }
    int n = snprintf(f->text, sizeof f->text, "%s", place);
    va_list args;
    va_start(args, format);
    vsnprintf(f->text + n, sizeof f->text - (size_t)n, format, args);
    va_end(args);
    make_printable(f->text);
}

s4d_status index_faults_end(index_job *job, const char *remedy, s4d_err *err)
{
    const index_faults *f = &job->faults;
    if (f->count == 0) {
        return S4D_OK;
    }
    if (f->count == 1) {
        return s4d_err_set(err, S4D_FAILED, "%s; %s", f->text, remedy);
    }
    return s4d_err_set(err, S4D_FAILED, "%s (and %ld more such fault%s); %s", f->text, f->count - 1, f->count > 2 ? "s" : "",
                       remedy);
}

s4d_status index_add_list(index_job *job, const char *path, index_role role, int fold, s4d_err *err)
{
    if (job->lists == job->list_room) {
        size_t room = job->list_room ? 2 * job->list_room : 16;
        if (!s4d_mem_grow(&job->list, job->list_room, room, sizeof *job->list)) {
            return s4d_err_memory(err, room * sizeof *job->list, "lists");
        }
        job->list_room = room;
    }
    index_list *l = &job->list[job->lists++];
    *l = (index_list){.path = s4d_mem_strdup(path), .role = role, .fold = fold};
    return l->path ? S4D_OK : s4d_err_memory(err, strlen(path), "lists");
}

s4d_status index_add_entry(index_job *job, const index_entry *entry, s4d_err *err)
{
    if (job->entries == job->entry_room) {
        size_t room = job->entry_room ? 2 * job->entry_room : 1024;
        if (!s4d_mem_grow(&job->entry, job->entry_room, room, sizeof *job->entry)) {
            return s4d_err_memory(err, room * sizeof *job->entry, "the lines of lists");
        }
        job->entry_room = room;
    }
    job->entry[job->entries++] = *entry;
    return S4D_OK;
}

const char *index_split(index_role role)
{
    static const char *const names[INDEX_ROLES] = {"", "train", "test", "val"};
    return names[role];
}

s4d_status index_add_row(index_job *job, const s4d_row *row, s4d_err *err)
{
    if (!s4d_str_utf8(row->path)) {
        return s4d_err_set(err, S4D_FAILED, "%.300s: the name is not UTF-8; rename it, as a manifest is UTF-8", row->path);
    }
    s4d_table *t = &job->out->table;
    t->has[S4D_COLUMN_PATH] = true;
    t->has[S4D_COLUMN_LABEL] |= row->label && *row->label;
    t->has[S4D_COLUMN_SPLIT] |= row->split && *row->split;
    t->has[S4D_COLUMN_SUBJECT] |= row->subject && *row->subject;
    t->has[S4D_COLUMN_FOLD] |= row->fold > 0;
    t->has[S4D_COLUMN_START] |= row->start > 0;
    t->has[S4D_COLUMN_END] |= isfinite(row->end) != 0;
    return s4d_table_add(t, row, err);
}

/* ---- the run ---- */

static const index_layout *layout_of(const char *name)
{
    for (size_t i = 0; i < LAYOUTS; i++) {
        if (strcmp(layouts[i].set.name, name) == 0) {
            return &layouts[i];
        }
    }
    return NULL;
}

static s4d_status unknown_set(const char *name, s4d_err *err)
{
    const char *names[LAYOUTS];
    s4d_str all = {0};
    for (size_t i = 0; i < LAYOUTS; i++) {
        names[i] = layouts[i].set.name;
        s4d_str_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = s4d_str_nearest(name, names, LAYOUTS);
    s4d_status status = s4d_err_set(err, S4D_USAGE, "%.60s: unknown set; %s%s%sthere are %s", name, near ? "did you mean " : "",
                                    near ? near : "", near ? "? " : "", all.text ? all.text : "");
    s4d_str_release(&all);
    return status;
}

/* Options that the layout has no use for. */
static s4d_status check_options(const index_layout *l, const s4d_index_opts *o, s4d_err *err)
{
    bool walks = l->run == index_run_folders || l->run == index_run_voxceleb;
    const char *wrong = walks && o->train      ? "train"
                        : walks && o->test     ? "test"
                        : walks && o->val      ? "val"
                        : walks && o->media    ? "media"
                        : walks && o->keep_missing ? "keep-missing"
                        : walks && o->first_label >= 0 ? "first-label"
                        : l->run == index_run_voxceleb && o->classes ? "classes"
                        : !l->folds && o->fold > 0 ? "fold"
                                                   : NULL;
    if (wrong) {
        return s4d_err_set(err, S4D_USAGE, "--%s: the set %s does not take this option; leave it out", wrong, l->set.name);
    }
    return S4D_OK;
}

static int by_path(const void *a, const void *b)
{
    return s4d_str_natural(((const s4d_row *)a)->path, ((const s4d_row *)b)->path);
}

/* Sorted rows and the lists that were read. */
static s4d_status finish(index_job *job, s4d_err *err)
{
    s4d_index *out = job->out;
    if (out->table.count == 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: no sample of the set %s is there; name the folder it was unpacked to",
                           job->opts->root, job->opts->set);
    }
    qsort(out->table.row, out->table.count, sizeof *out->table.row, by_path);
    if (job->lists > 0) {
        out->list = s4d_mem_alloc(job->lists, sizeof *out->list);
        if (!out->list) {
            return s4d_err_memory(err, job->lists * sizeof *out->list, "lists");
        }
    }
    for (; out->lists < job->lists; out->lists++) {
        index_list *from = &job->list[out->lists];
        out->list[out->lists] = (s4d_index_list){.path = from->path, .split = index_split(from->role), .fold = from->fold};
        from->path = NULL;
    }
    for (size_t i = 0; i < job->entries; i++) {
        out->list[job->entry[i].list].samples += !job->entry[i].left_out;
    }
    return S4D_OK;
}

static void release_job(index_job *job)
{
    for (size_t i = 0; i < job->lists; i++) {
        s4d_mem_free(job->list[i].path);
        s4d_list_release(&job->list[i].text);
    }
    for (size_t i = 0; i < job->samples; i++) {
        s4d_mem_free(job->sample[i].path);
    }
    s4d_mem_free(job->list);
    s4d_mem_free(job->entry);
    s4d_mem_free(job->sample);
    index_tree_release(&job->tree);
}

s4d_status s4d_index_make(const s4d_index_opts *opts, s4d_index *out, s4d_err *err)
{
    *out = (s4d_index){0};
    const index_layout *layout = layout_of(opts->set);
    if (!layout) {
        return unknown_set(opts->set, err);
    }
    index_job job = {.opts = opts, .layout = layout, .out = out};
    s4d_status status = check_options(layout, opts, err);
    if (status == S4D_OK && !s4d_path_is_dir(opts->root)) {
        status = s4d_err_set(err, S4D_FAILED, "%s: is no folder; name the one the set was unpacked to", opts->root);
    }
    if (status == S4D_OK && opts->classes) {
        status = index_take_classes(&job, err);
    }
    if (status == S4D_OK) {
        status = layout->run(&job, err);
    }
    if (status == S4D_OK) {
        status = finish(&job, err);
    }
    release_job(&job);
    if (status != S4D_OK) {
        s4d_index_release(out);
    }
    return status;
}

void s4d_index_release(s4d_index *index)
{
    for (size_t i = 0; i < index->lists; i++) {
        s4d_mem_free(index->list[i].path);
    }
    s4d_mem_free(index->list);
    s4d_table_release(&index->table);
    s4d_strlist_release(&index->decided);
    *index = (s4d_index){0};
}
