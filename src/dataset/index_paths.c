/* Sets whose paths tell what a sample is, by the patterns of the set or by --pattern, and sets with a file of its label
 * beside each sample: from units on disk to rows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/index_paths.h"
#include "s4d/base/mem.h"

/* ---- samples ---- */

static s4d_status count_part(path_reader *r)
{
    char *text;
    s4d_status status = path_group(r, "part", &text);
    if (status != S4D_OK || !text) {
        return status;
    }
    int i = 0;
    while (i < r->parts && strcmp(r->part[i].text, text) != 0) {
        i++;
    }
    if (i < PATH_PARTS_MAX) {
        r->part[i].text = text;
        r->part[i].count++;
        r->parts = i == r->parts ? i + 1 : r->parts;
    }
    return S4D_OK;
}

/* The entry that this sample is already, by its id; -1: there is none, or ids tell nothing. */
static s4d_status find_twin(path_reader *r, const char *label, const path_fact *f, long *twin)
{
    char *id, *part_text;
    *twin = -1;
    s4d_status status = path_group(r, "id", &id);
    status = status == S4D_OK ? path_group(r, "part", &part_text) : status;
    if (status != S4D_OK || !id || !index_regex_has(r->fits, "label")) {
        return status;
    }
    s4d_str_clear(&r->text);
    s4d_str_printf(&r->text, "%d\n%d\n%s\n%s\n%s\n%s", (int)f->role, f->fold, label ? label : "", f->subject ? f->subject : "", id,
                   part_text ? part_text : "");
    *twin = r->text.failed ? -1 : index_map_get(&r->seen, r->text.text);
    bool good = !r->text.failed && (*twin >= 0 || index_map_put(&r->seen, r->text.text, (long)r->job->entries));
    return good ? S4D_OK : path_no_memory(r);
}

/* Of two copies the lower is kept: the entry takes this path, or stays as it is. */
static void take_copy(path_reader *r, index_unit *u, long twin, const path_fact *f)
{
    index_entry *e = &r->job->entry[twin];
    path_fact *other = &r->fact[twin];
    if (!f->copy || !other->copy || strcmp(f->copy, other->copy) == 0) {
        index_fault(r->job, -1, 0, "%.300s and %.300s are the same sample twice", e->name, u->path);
        return;
    }
    r->copies++;
    if (strcmp(f->copy, other->copy) < 0) {
        e->name = u->path;
        *other = *f;
    }
}

static s4d_status add_sample(path_reader *r, index_unit *u, char *label, const path_fact *f)
{
    long twin;
    s4d_status status = find_twin(r, label, f, &twin);
    if (status != S4D_OK || twin >= 0) {
        if (status == S4D_OK) {
            take_copy(r, u, twin, f);
        }
        return status;
    }
    if (r->job->entries == r->facts) {
        size_t room = r->facts ? 2 * r->facts : 1024;
        if (!s4d_mem_grow(&r->fact, r->facts, room, sizeof *r->fact)) {
            return path_no_memory(r);
        }
        r->facts = room;
    }
    r->fact[r->job->entries] = *f;
    r->kind[u->kind != INDEX_PICTURE] = u;
    index_entry e = {.name = u->path, .label = label, .list = 0, .class = -1};
    status = index_add_entry(r->job, &e, r->err);
    return status == S4D_OK ? count_part(r) : status;
}

/* The folder of frames that an image lies in, if that fitted; else NULL. */
static s4d_status clip_around(path_reader *r, const index_unit *u, const index_unit **clip)
{
    *clip = NULL;
    if (u->kind != INDEX_PICTURE || r->folders.count == 0) {
        return S4D_OK;
    }
    s4d_str_clear(&r->text);
    const char *name = s4d_path_name(u->path);
    s4d_str_add_bytes(&r->text, u->path, name > u->path ? (size_t)(name - u->path) - 1 : 0);
    long at = r->text.failed ? -1 : index_map_get(&r->folders, r->text.text);
    *clip = at >= 0 && r->job->tree.unit[at].taken ? &r->job->tree.unit[at] : NULL;
    return r->text.failed ? path_no_memory(r) : S4D_OK;
}

static s4d_status take_unit(path_reader *r, index_unit *u)
{
    const index_unit *clip;
    char *label;
    bool skip, frames_too = (r->job->layout->media & INDEX_PICTURE) != 0;
    path_fact f;
    s4d_status status = clip_around(r, u, &clip);
    status = status == S4D_OK ? path_match(r, u->path) : status;
    if (status != S4D_OK || (!r->fits && clip)) {
        return status;
    }
    if (!r->fits) {
        if (u->kind != INDEX_FRAMES || !frames_too) { /* else its images are counted */
            r->others++;
            r->other = r->other ? r->other : u;
        }
        return S4D_OK;
    }
    if (clip) {
        index_fault(r->job, -1, 0, "the pattern fits the folder %.300s and the image %.300s in it, of which it may fit one; end it "
                    "with what only that has, as with \\.jpg$", clip->path, u->path);
        return S4D_OK;
    }
    u->taken = true;
    status = path_take_label(r, u, &label, &skip);
    status = status == S4D_OK && !skip ? path_take_fact(r, u, &f) : status;
    return status == S4D_OK && !skip ? add_sample(r, u, label, &f) : status;
}

static s4d_status take_units(path_reader *r)
{
    index_tree *t = &r->job->tree;
    s4d_status status = S4D_OK;
    bool both = (r->job->layout->media & INDEX_FRAMES) && (r->job->layout->media & INDEX_PICTURE);
    for (size_t i = 0; i < t->count && both; i++) {
        if (t->unit[i].kind == INDEX_FRAMES && !index_map_put(&r->folders, t->unit[i].path, (long)i)) {
            return path_no_memory(r);
        }
    }
    for (size_t i = 0; i < t->count && status == S4D_OK; i++) { /* a folder comes before what it holds */
        if (t->unit[i].kind != INDEX_LABEL) {
            status = take_unit(r, &t->unit[i]);
        }
    }
    if (status == S4D_OK) {
        const char *remedy = r->job->opts->pattern ? "correct the pattern, or rename what it fits"
                             : r->label_file       ? "put the right file there, or name the folder to take with --media"
                                                   : "move what does not belong there away, or name the folder to take with --media";
        status = index_faults_end(r->job, remedy, r->err);
    }
    return status;
}

/* ---- what is told ---- */

static s4d_status check_something(path_reader *r)
{
    const s4d_index_opts *o = r->job->opts;
    if (r->job->entries == 0 && r->unlabelled > 0) {
        return s4d_err_set(r->err, S4D_FAILED, "%s: of %ld samples none has a file of its label (*%s); put these files there, too",
                           o->root, r->unlabelled, r->how->label_tail);
    }
    if (r->job->entries == 0 && r->other) {
        return s4d_err_set(r->err, S4D_FAILED, "%s: %ld images or clips are there and none is taken, as they are %s; the first is "
                           "%.300s", o->root, r->others, r->how->form, r->other->path);
    }
    if (r->kind[0] && r->kind[1]) {
        return s4d_err_set(r->err, S4D_FAILED, "%s: %.200s is an image and %.200s is a clip, which are two sets; %s", o->root,
                           r->kind[0]->path, r->kind[1]->path,
                           o->pattern ? "write a pattern that fits one of the two" : "name the folder of one with --media");
    }
    return S4D_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const path_part *)a)->text, ((const path_part *)b)->text);
}

static s4d_status tell_parts(path_reader *r)
{
    s4d_str line = {0};
    qsort(r->part, (size_t)r->parts, sizeof *r->part, by_text);
    for (int i = 0; i < r->parts; i++) {
        s4d_str_printf(&line, "%s%s: %ld", i ? ", " : "", r->part[i].text, r->part[i].count);
    }
    s4d_status status = line.failed ? path_no_memory(r) : S4D_OK;
    if (status == S4D_OK && r->parts > 0) {
        status = index_decide(r->job, r->err, "%s: %s", r->how->parts, line.text);
    }
    s4d_str_release(&line);
    return status;
}

static s4d_status tell(path_reader *r)
{
    s4d_status status = tell_parts(r);
    bool images = (r->job->layout->media & INDEX_PICTURE) != 0, videos = r->job->layout->media == INDEX_VIDEO;
    if (status == S4D_OK && r->others > 0) {
        status = index_decide(r->job, r->err, "%s left out: %ld %s%s%.200s",
                              videos ? "videos" : images ? "images or clips" : "clips", r->others, r->how->form, ", the first is ",
                              r->other->path);
    }
    if (status == S4D_OK && r->copies > 0) {
        status = index_decide(r->job, r->err, "left out: %ld %s", r->copies, r->how->copies);
    }
    if (status == S4D_OK && r->unlabelled > 0) {
        status = index_decide(r->job, r->err, "left out as they have no file of a label (*%s): %ld", r->how->label_tail,
                              r->unlabelled);
    }
    if (status == S4D_OK && r->how->splits && r->job->out->table.has[S4D_COLUMN_SPLIT]) {
        status = index_decide(r->job, r->err, "what the folders say of splits is read as %s", r->how->splits);
    }
    return status;
}

/* Label files whose samples are not there. */
static s4d_status tell_lonely_labels(path_reader *r)
{
    const index_tree *t = &r->job->tree;
    const index_unit *first = NULL;
    long n = 0;
    for (size_t i = 0; i < t->count; i++) {
        bool lonely = t->unit[i].kind == INDEX_LABEL && !t->unit[i].taken;
        first = lonely && !first ? &t->unit[i] : first;
        n += lonely;
    }
    return n == 0 || !r->label_file || r->job->opts->unlabelled
               ? S4D_OK
               : index_decide(r->job, r->err, "files of labels without their samples: %ld, the first is %.300s", n, first->path);
}

/* ---- rows ---- */

static s4d_status add_rows(path_reader *r)
{
    index_job *job = r->job;
    bool validation = false, test = false;
    for (size_t i = 0; i < job->entries; i++) {
        validation = validation || (!job->entry[i].left_out && r->fact[i].role == INDEX_VAL);
        test = test || (!job->entry[i].left_out && (r->fact[i].role == INDEX_TEST || r->fact[i].fold > 0));
    }
    bool moved = validation && !test && job->layout->tables[0];
    s4d_status status = moved ? index_tell_validation(job, r->err) : S4D_OK;
    for (size_t i = 0; i < job->entries && status == S4D_OK; i++) {
        const index_entry *e = &job->entry[i];
        const path_fact *f = &r->fact[i];
        s4d_row row = {.path = e->name, .label = e->class >= 0 ? job->out->classes[e->class] : NULL, .subject = f->subject,
                       .split = index_split(moved && f->role == INDEX_VAL ? INDEX_TEST : f->role), .fold = f->fold,
                       .end = INFINITY};
        status = e->left_out ? S4D_OK : index_add_row(job, &row, r->err);
    }
    return status;
}

static void release(path_reader *r)
{
    for (int i = 0; i < INDEX_PATTERNS; i++) {
        index_regex_destroy(&r->pattern[i]);
    }
    index_regex_destroy(&r->label_file);
    index_map_release(&r->seen);
    index_map_release(&r->labels);
    index_map_release(&r->folders);
    s4d_mem_free(r->fact);
    s4d_str_release(&r->text);
}

s4d_status index_run_paths(index_job *job, s4d_err *err)
{
    const index_paths own = {.pattern = {job->opts->pattern}, .form = "not named as the pattern says"};
    path_reader r = {.job = job, .how = job->opts->pattern ? &own : job->layout->paths, .err = err};
    s4d_status status = path_compile(&r);
    if (status == S4D_OK) {
        status = index_add_list(job, r.label_file ? "the files of labels" : "the paths", INDEX_ANY, 0, err);
    }
    if (status == S4D_OK) {
        job->list[0].expressions = r.how->read_label == index_label_npy;
        status = path_find_labels(&r);
    }
    status = status == S4D_OK ? take_units(&r) : status;
    status = status == S4D_OK ? check_something(&r) : status;
    if (status == S4D_OK && job->entries > 0 && (job->entry[0].label || job->opts->unlabelled)) {
        status = index_read_labels(job, err);
    }
    status = status == S4D_OK ? add_rows(&r) : status;
    status = status == S4D_OK ? tell(&r) : status;
    status = status == S4D_OK ? tell_lonely_labels(&r) : status;
    release(&r);
    return status;
}
