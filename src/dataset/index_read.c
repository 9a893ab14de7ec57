/* The lines of lists as entries: which columns hold the name and the label, by the header where there is one. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dataset/clip_name.h"
#include "dataset/index_job.h"
#include "s4d/base/mem.h"
#include "s4d/data/hint.h"
#include "s4d/data/manifest.h"

enum { AFFECTNET_COLUMNS = 9, AFFECTNET_LABEL = 6 };

index_columns index_read_header(const s4d_record *r)
{
    index_columns c = {-1, -1, -1, -1};
    for (int i = 0; i < r->columns && i < S4D_LIST_FIELDS; i++) {
        const char *word = r->field[i];
        s4d_column column;
        bool known = s4d_list_head(word, &column) != S4D_HEAD_NONE;
        int *to = strcasecmp(word, "usage") == 0                        ? &c.usage
                  : strcasecmp(word, "pixels") == 0                     ? &c.pixels
                  : known && column == S4D_COLUMN_PATH                  ? &c.name
                  : known && column == S4D_COLUMN_LABEL                 ? &c.label
                                                                        : NULL;
        if (to && *to < 0) {
            *to = i;
        }
    }
    return c;
}

/* Whether the record names columns, and which. S4D_FAILED: it does, and something is wrong with them. */
static s4d_status read_header(const s4d_record *r, index_columns *c, bool *header, s4d_err *err)
{
    s4d_heads heads;
    s4d_column column;
    s4d_err why = {0};
    int known = 0;
    *header = false;
    for (int i = 0; i < r->columns && i < S4D_LIST_FIELDS; i++) {
        known += s4d_list_head(r->field[i], &column) != S4D_HEAD_NONE;
    }
    if (s4d_heads_read(r, false, &heads, &why) != S4D_OK) {
        if (known > 1 && err) {
            *err = why;
        }
        return known > 1 ? S4D_FAILED : S4D_OK;
    }
    if (heads.at[S4D_COLUMN_LABEL] >= 0 || r->columns == 1) {
        *c = (index_columns){heads.at[S4D_COLUMN_PATH], heads.at[S4D_COLUMN_LABEL], -1, -1};
        *header = true;
    }
    return S4D_OK;
}

/* Where the first record is a sample: what its number of columns allows. */
static s4d_status guess_columns(index_job *job, index_list *l, const s4d_record *first, index_columns *c, s4d_err *err)
{
    bool affectnet = first->columns == AFFECTNET_COLUMNS && job->layout->media == INDEX_PICTURE;
    bool captions = job->layout->cut == S4D_CUT_FIRST && first->columns > 2;
    if (first->columns == 1 && (job->opts->unlabelled || !job->layout->tables[0])) {
        *c = (index_columns){0, -1, -1, -1};
    } else if (first->columns == 2 || captions) {
        *c = (index_columns){0, 1, -1, -1};
    } else if (affectnet) {
        *c = (index_columns){0, AFFECTNET_LABEL, -1, -1};
    } else {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: line %ld: %d column%s and no header that names one for the path and one for the label; write a "
                           "header such as path,label", l->path, first->line, first->columns, first->columns == 1 ? "" : "s");
    }
    return l->text.cut == S4D_CUT_FIELDS ? index_decide(job, err, "%s: no header, its first line is a sample", l->path) : S4D_OK;
}

s4d_status index_spell(char out[S4D_PATH_MAX], const char *path, const char **fault, s4d_err *err)
{
    bool up = false;
    s4d_status status = clip_name(out, path, &up, err);
    *fault = up                            ? "goes into a folder and out again by \"..\"; write it without"
             : status == S4D_OK && !*out   ? "names no file"
                                           : NULL;
    return status;
}

/* Takes the spelling of an entry's name in place. */
static s4d_status spell_entry(index_job *job, index_entry *e, bool *good, s4d_err *err)
{
    char name[S4D_PATH_MAX];
    const char *fault;
    s4d_status status = index_spell(name, e->name, &fault, err);
    *good = status == S4D_OK && !fault;
    if (*good) {
        memcpy(e->name, name, strlen(name) + 1);
    } else if (status == S4D_OK) {
        index_fault(job, e->list, e->line, "the path \"%.200s\" %s", e->name, fault);
    } else {
        s4d_err_prefix(err, "%s: line %ld", job->list[e->list].path, e->line);
    }
    return status;
}

void index_fault_missing(index_job *job, int list, long line, const char *path)
{
    const s4d_index_opts *o = job->opts;
    char hint[S4D_HINT_MAX] = "", base[S4D_PATH_MAX];
    if (job->faults.count == 0 && s4d_path_join(base, o->root, o->media ? o->media : "", NULL) == S4D_OK) {
        s4d_path_hint(NULL, base, path, hint);
    }
    index_fault(job, list, line, "\"%.300s\" is not on disk below %.200s%s%s", path, o->media ? o->media : o->root,
                hint[0] ? "; " : "", hint);
}

static void fault_encoding(index_job *job, int list, long line, const char *name)
{
    char hint[S4D_HINT_MAX] = "";
    bool found = job->faults.count == 0 && s4d_path_hint(NULL, job->opts->root, name, hint); /* only the first is told */
    index_fault(job, list, line, "the path \"%.200s\" is not UTF-8%s%s", name, found ? "; " : "", found ? hint : "");
}

/* Adds the entry of a name and a label as they are listed. */
static s4d_status add_entry(index_job *job, index_entry e, s4d_err *err)
{
    if (!*e.name) {
        index_fault(job, e.list, e.line, "the path is empty");
    } else if (!s4d_str_utf8(e.name)) {
        fault_encoding(job, e.list, e.line, e.name);
    } else {
        bool windows = !strchr(e.name, '/'); /* then a backslash parts folders */
        for (char *p = e.name; windows && (p = strchr(p, '\\'));) {
            *p = '/';
        }
        bool good;
        s4d_status status = spell_entry(job, &e, &good, err);
        return good ? index_add_entry(job, &e, err) : status;
    }
    return S4D_OK;
}

static s4d_status take_record(index_job *job, int list, const index_columns *c, const s4d_record *r, s4d_err *err)
{
    index_entry e = {.name = r->field[c->name], .line = r->line, .list = list, .class = -1};
    bool labelled = c->label >= 0 && !job->opts->unlabelled;
    const char *misfit = job->list[list].text.cut == S4D_CUT_LAST && job->layout->media != 0 && c->name == 0 ? s4d_list_misfit(r) : NULL;
    if (r->fault) {
        index_fault(job, list, r->line, "%s", r->fault);
    } else if (r->columns <= c->name || (labelled && r->columns <= c->label)) {
        index_fault(job, list, r->line, "no label follows \"%.200s\"", r->field[0]);
    } else if (labelled && misfit && r->columns == 2) {
        index_fault(job, list, r->line, "%s \"%.200s\"", misfit, r->field[0]);
    } else {
        e.label = labelled ? r->field[c->label] : NULL;
        return add_entry(job, e, err);
    }
    return S4D_OK;
}

/* ---- the forms of a list ---- */

/* Path and label, by a header or by the number of columns. */
static s4d_status read_plain(index_job *job, int list, s4d_record *record, s4d_err *err)
{
    index_list *l = &job->list[list];
    index_columns c = {0, 0, -1, -1};
    s4d_status status = read_header(record, &c, &l->header, err);
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", l->path);
    } else if (!l->header) {
        status = guess_columns(job, l, record, &c, err);
    }
    const char *head = l->header && c.label >= 0 ? record->field[c.label] : "";
    l->expressions = strcasecmp(head, "expression") == 0 || (!l->header && c.label == AFFECTNET_LABEL);
    if (status == S4D_OK && !l->header) {
        status = take_record(job, list, &c, record, err);
    }
    while (status == S4D_OK && s4d_list_next(&l->text, record)) {
        status = take_record(job, list, &c, record, err);
    }
    return status;
}

/* A list with its columns in another order, or with a third one. */
static s4d_status read_shaped(index_job *job, int list, s4d_record *r, const index_shape *s, s4d_err *err)
{
    char **third = NULL;
    size_t before = job->entries, room = 0;
    index_columns c = {s->name, s->label, -1, -1};
    s4d_status status = S4D_OK;
    bool more = true;
    for (; more && status == S4D_OK; more = s4d_list_next(&job->list[list].text, r)) {
        int want = s->third < 0 ? 2 : 3;
        if (!r->fault && ((s->words && !index_shape_words(r)) || r->columns != want)) {
            index_fault(job, list, r->line, "%d columns, where the first line has %d", r->columns, want);
            continue;
        }
        size_t n = job->entries - before;
        if (n == room && !s4d_mem_grow(&third, room, 2 * room + 1024, sizeof *third)) {
            status = s4d_err_memory(err, room * sizeof *third, "the lines of lists");
            break;
        }
        room = n == room ? 2 * room + 1024 : room;
        third[n] = r->field[s->third < 0 ? 0 : s->third];
        status = take_record(job, list, &c, r, err);
    }
    if (status == S4D_OK && job->entries > before && job->entry[before].label) {
        status = index_shape_choose(job, list, s, before, third, err);
    }
    s4d_mem_free(third);
    return status;
}

/* The names of label.csv are below its folder where the first of them is there. */
static bool is_beside(const index_job *job, int list, const char *name)
{
    char folder[S4D_PATH_MAX], below[S4D_PATH_MAX], path[S4D_PATH_MAX];
    s4d_path_dir(folder, job->list[list].path);
    return strchr(job->list[list].path, '/') && s4d_path_join(below, folder, name, NULL) == S4D_OK &&
           s4d_path_join(path, job->opts->root, below, NULL) == S4D_OK && s4d_path_exists(path);
}

/* A name below the list's folder; NULL: no memory. */
static char *name_beside(index_job *job, int list, const char *name)
{
    const char *path = job->list[list].path;
    s4d_str text = {0};
    s4d_str_add_bytes(&text, path, (size_t)(s4d_path_name(path) - path));
    s4d_str_add(&text, name);
    char *kept = text.failed ? NULL : index_text(job, text.text, text.size);
    s4d_str_release(&text);
    return kept;
}

static s4d_status take_votes(index_job *job, int list, const index_votes *v, const s4d_record *r, s4d_err *err)
{
    const char *class = index_votes_class(job, v, list, r);
    if (!class) {
        return S4D_OK;
    }
    index_entry e = {.name = r->field[v->name], .label = (char *)class, .line = r->line, .list = list, .class = -1};
    if (v->usage >= 0) {
        index_role role = index_usage_role(r->field[v->usage]);
        if (role == INDEX_ANY) {
            index_fault(job, list, r->line, "the usage \"%.40s\" is none of Training, PublicTest and PrivateTest", r->field[v->usage]);
            return S4D_OK;
        }
        e.list = index_list_of_role(job, list, role, err);
    } else if (!v->header && is_beside(job, list, e.name)) {
        e.name = name_beside(job, list, e.name);
    }
    if (e.list < 0 || !e.name) {
        return e.list < 0 ? S4D_FAILED : s4d_err_memory(err, S4D_PATH_MAX, "the names of images");
    }
    return add_entry(job, e, err);
}

static s4d_status read_votes(index_job *job, int list, s4d_record *r, const index_votes *v, s4d_err *err)
{
    s4d_status status = v->header ? S4D_OK : take_votes(job, list, v, r, err);
    while (status == S4D_OK && s4d_list_next(&job->list[list].text, r)) { /* job->list may have moved */
        status = take_votes(job, list, v, r, err);
    }
    return status;
}

static s4d_status read_records(index_job *job, int list, s4d_err *err)
{
    s4d_record record;
    index_votes votes;
    index_columns c;
    index_shape shape;
    size_t before = job->entries;
    s4d_list *text = &job->list[list].text;
    bool header;
    s4d_status status;
    s4d_list_begin(text, job->layout->cut);
    if (!s4d_list_next(text, &record)) {
        return s4d_err_set(err, S4D_FAILED, "%s: the list is empty; take the whole one, or name others with --train and --test",
                           job->list[list].path);
    }
    if (job->layout->votes && index_votes_form(&record, &votes)) {
        status = read_votes(job, list, &record, &votes, err);
    } else if (read_header(&record, &c, &header, NULL) == S4D_OK && !header && index_shape_odd(job, &record, text, &shape)) {
        status = read_shaped(job, list, &record, &shape, err);
    } else {
        status = read_plain(job, list, &record, err);
    }
    if (status == S4D_OK && job->entries == before && job->faults.count == 0 && job->votes.rows == 0) {
        status = s4d_err_set(err, S4D_FAILED, "%s: the list holds a header and no sample; take the whole one", job->list[list].path);
    }
    return status;
}

s4d_status index_read_text(index_job *job, int list, s4d_err *err)
{
    index_list *l = &job->list[list];
    char path[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(path, job->opts->root, l->path, err);
    return status == S4D_OK ? s4d_list_open(path, &l->text, err) : status;
}

s4d_status index_read_lists(index_job *job, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->lists && status == S4D_OK; i++) {
        if (!job->list[i].shared) {
            status = index_read_text(job, (int)i, err);
            status = status == S4D_OK ? read_records(job, (int)i, err) : status;
        }
    }
    if (status == S4D_OK) {
        status = index_faults_end(job, "correct the list", err);
    }
    return status == S4D_OK ? index_votes_end(job, err) : status;
}
