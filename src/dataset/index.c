/* What every layout's reading shares, and the run as a whole. */
#include "s4d/dataset/index.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/index_job.h"
#include "s4d/base/mem.h"
#include "s4d/data/manifest.h"

enum { SETS_MAX = 32 };

const s4d_index_set *s4d_index_sets(size_t *count)
{
    static s4d_index_set sets[SETS_MAX];
    for (size_t i = 0; i < index_layout_count; i++) {
        sets[i] = index_layouts[i].set;
    }
    *count = index_layout_count;
    return sets;
}

/* ---- what all parts use ---- */

s4d_status index_decide(index_job *job, s4d_err *err, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
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

char *index_text(index_job *job, const char *at, size_t size)
{
    char small[256], *text = size < sizeof small ? small : s4d_mem_alloc(size + 1, 1);
    if (!text) {
        return NULL;
    }
    memcpy(text, at, size);
    text[size] = '\0';
    const char *kept = index_map_key(&job->text, text);
    kept = kept || !index_map_put(&job->text, text, 0) ? kept : index_map_key(&job->text, text);
    if (text != small) {
        s4d_mem_free(text);
    }
    return (char *)kept;
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
    for (size_t i = 0; i < index_layout_count; i++) {
        if (strcmp(index_layouts[i].set.name, name) == 0) {
            return &index_layouts[i];
        }
    }
    return NULL;
}

void s4d_index_manifest(const char *set, char out[80])
{
    const index_layout *l = layout_of(set);
    if (l && l->manifest) {
        snprintf(out, 80, "%s", l->manifest);
    } else {
        snprintf(out, 80, "%.60s.csv", set);
    }
}

static s4d_status unknown_set(const char *name, s4d_err *err)
{
    const char *names[SETS_MAX];
    s4d_str all = {0};
    for (size_t i = 0; i < index_layout_count; i++) {
        names[i] = index_layouts[i].set.name;
        s4d_str_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = s4d_str_nearest(name, names, index_layout_count);
    s4d_status status = s4d_err_set(err, S4D_USAGE, "%.60s: unknown set; %s%s%sthere are %s", name, near ? "did you mean " : "",
                                    near ? near : "", near ? "? " : "", all.text ? all.text : "");
    s4d_str_release(&all);
    return status;
}

/* Options that the layout has no use for. */
static s4d_status check_options(const index_layout *l, const s4d_index_opts *o, s4d_err *err)
{
    bool folders = l->run == index_run_folders, walks = folders || !l->names;
    const char *wrong = walks && o->train      ? "train"
                        : walks && o->test     ? "test"
                        : walks && o->val      ? "val"
                        : folders && o->media && !o->pattern ? "media"
                        : walks && o->keep_missing ? "keep-missing"
                        : walks && !folders && o->first_label >= 0 ? "first-label"
                        : folders && !o->pattern && o->first_label >= 0 ? "first-label"
                        : walks && !folders && !l->tables[0] && o->classes ? "classes"
                        : !l->paths && !folders && o->pattern ? "pattern"
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

static s4d_status check_rows(index_job *job, s4d_err *err)
{
    s4d_index *out = job->out;
    if (out->table.count == 0 && job->entries > 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: every sample is left out, as none is of a class of the set %s; take the whole set",
                           job->opts->root, job->opts->set);
    }
    if (out->table.count == 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: no sample of the set %s is there; name the folder it was unpacked to",
                           job->opts->root, job->opts->set);
    }
    qsort(out->table.row, out->table.count, sizeof *out->table.row, by_path);
    return index_check_plausible(job, err);
}

/* The lists that were read, out of the job. */
static s4d_status take_lists(index_job *job, s4d_err *err)
{
    s4d_index *out = job->out;
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

/* What was passed over on disk. */
static s4d_status tell_stray(index_job *job, s4d_err *err)
{
    const s4d_strlist *stray = &job->tree.stray;
    s4d_str names = {0};
    for (size_t i = 0; i < stray->count; i++) {
        s4d_str_printf(&names, "%s%s", i ? ", " : "", stray->item[i]);
    }
    s4d_status status = names.failed ? s4d_err_memory(err, names.size, "a decision") : S4D_OK;
    if (status == S4D_OK && stray->count > 0) {
        status = index_decide(job, err, "left out, as systems and tools make them and they are no part of a set: %s", names.text);
    }
    s4d_str_release(&names);
    return status;
}

void index_release_job(index_job *job)
{
    for (size_t i = 0; i < job->lists; i++) {
        s4d_mem_free(job->list[i].path);
        s4d_list_release(&job->list[i].text);
    }
    for (size_t i = 0; i < job->pixel_count; i++) {
        s4d_mem_free(job->pixels[i].folder);
        s4d_mem_free(job->pixels[i].row);
        s4d_mem_free(job->pixels[i].side);
    }
    s4d_mem_free(job->pixels);
    s4d_strlist_release(&job->pixel_lists);
    index_map_release(&job->text);
    s4d_texts_release(&job->missing);
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
    if (status == S4D_OK) {
        status = index_check_accept(&job, err);
    }
    if (status == S4D_OK && !s4d_path_is_dir(opts->root)) {
        status = s4d_err_set(err, S4D_FAILED, "%s: is no folder; name the one the set was unpacked to", opts->root);
    }
    if (status == S4D_OK && opts->classes) {
        status = index_take_classes(&job, err);
    }
    if (status == S4D_OK) {
        status = layout->run(&job, err);
    }
    static s4d_status (*const ends[])(index_job *, s4d_err *) = {check_rows, tell_stray, index_write_images, take_lists};
    for (size_t i = 0; i < sizeof ends / sizeof *ends && status == S4D_OK; i++) {
        status = ends[i](&job, err);
    }
    index_release_job(&job);
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
