/* The lines of lists as entries: which columns hold the name and the label, by the header where there is one. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dataset/clip_name.h"
#include "dataset/index_job.h"
#include "s4d/data/hint.h"
#include "s4d/data/manifest.h"

enum { AFFECTNET_COLUMNS = 9, AFFECTNET_LABEL = 6 };

typedef struct columns {
    int name, label; /* label -1: none */
} columns;

/* Whether the record names columns, and which. S4D_FAILED: it does, and something is wrong with them. */
static s4d_status read_header(const s4d_record *r, columns *c, bool *header, s4d_err *err)
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
        *c = (columns){heads.at[S4D_COLUMN_PATH], heads.at[S4D_COLUMN_LABEL]};
        *header = true;
    }
    return S4D_OK;
}

/* Where the first record is a sample: what its number of columns allows. */
static s4d_status guess_columns(index_job *job, index_list *l, const s4d_record *first, columns *c, s4d_err *err)
{
    bool affectnet = first->columns == AFFECTNET_COLUMNS && job->layout->media == INDEX_PICTURE;
    bool captions = job->layout->cut == S4D_CUT_FIRST && first->columns > 2;
    if (first->columns == 1 && (job->opts->unlabelled || !job->layout->tables[0])) {
        *c = (columns){0, -1};
    } else if (first->columns == 2 || captions) {
        *c = (columns){0, 1};
    } else if (affectnet) {
        *c = (columns){0, AFFECTNET_LABEL};
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

static s4d_status take_record(index_job *job, int list, const columns *c, const s4d_record *r, s4d_err *err)
{
    index_entry e = {.name = r->field[c->name], .line = r->line, .list = list, .class = -1};
    bool labelled = c->label >= 0 && !job->opts->unlabelled;
    const char *misfit = job->list[list].text.cut == S4D_CUT_LAST && job->layout->media != 0 ? s4d_list_misfit(r) : NULL;
    if (r->fault) {
        index_fault(job, list, r->line, "%s", r->fault);
    } else if (r->columns <= c->name || (labelled && r->columns <= c->label)) {
        index_fault(job, list, r->line, "no label follows \"%.200s\"", r->field[0]);
    } else if (labelled && misfit) {
        index_fault(job, list, r->line, "%s \"%.200s\"", misfit, r->field[0]);
    } else if (!*e.name) {
        index_fault(job, list, r->line, "the path is empty");
    } else if (!s4d_str_utf8(e.name)) {
        fault_encoding(job, list, r->line, e.name);
    } else {
        bool windows = !strchr(e.name, '/'); /* then a backslash parts folders */
        for (char *p = e.name; windows && (p = strchr(p, '\\'));) {
            *p = '/';
        }
        e.label = labelled ? r->field[c->label] : NULL;
        bool good;
        s4d_status status = spell_entry(job, &e, &good, err);
        return good ? index_add_entry(job, &e, err) : status;
    }
    return S4D_OK;
}

static s4d_status read_records(index_job *job, int list, s4d_err *err)
{
    index_list *l = &job->list[list];
    s4d_record record;
    columns c = {0, 0};
    size_t before = job->entries;
    s4d_list_begin(&l->text, job->layout->cut);
    if (!s4d_list_next(&l->text, &record)) {
        return s4d_err_set(err, S4D_FAILED, "%s: the list is empty; take the whole one, or name others with --train and --test",
                           l->path);
    }
    s4d_status status = read_header(&record, &c, &l->header, err);
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", l->path);
    } else if (!l->header) {
        status = guess_columns(job, l, &record, &c, err);
    }
    const char *head = l->header && c.label >= 0 ? record.field[c.label] : "";
    l->expressions = strcasecmp(head, "expression") == 0 || (!l->header && c.label == AFFECTNET_LABEL);
    if (status == S4D_OK && !l->header) {
        status = take_record(job, list, &c, &record, err);
    }
    while (status == S4D_OK && s4d_list_next(&l->text, &record)) {
        status = take_record(job, list, &c, &record, err);
    }
    if (status == S4D_OK && job->entries == before && job->faults.count == 0) {
        status = s4d_err_set(err, S4D_FAILED, "%s: the list holds a header and no sample; take the whole one", l->path);
    }
    return status;
}

static s4d_status read_list(index_job *job, int list, s4d_err *err)
{
    index_list *l = &job->list[list];
    char path[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(path, job->opts->root, l->path, err);
    if (status == S4D_OK) {
        status = s4d_list_open(path, &l->text, err);
    }
    return status == S4D_OK ? read_records(job, list, err) : status;
}

s4d_status index_read_lists(index_job *job, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->lists && status == S4D_OK; i++) {
        status = read_list(job, (int)i, err);
    }
    return status == S4D_OK ? index_faults_end(job, "correct the list", err) : status;
}
