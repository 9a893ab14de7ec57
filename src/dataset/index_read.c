/* The lines of lists as entries: which columns hold the name and the label, by the header where there is one. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dataset/clip_name.h"
#include "dataset/index_job.h"
#include "s4d/data/manifest.h"

enum { LIST_SIZE_MAX = 1 << 30, AFFECTNET_COLUMNS = 9, AFFECTNET_LABEL = 6 };

typedef struct columns {
    int name, label; /* label -1: none */
} columns;

static bool one_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(word, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_name_head(const char *word)
{
    static const char *const words[] = {"path",      "video_name", "video",      "video_path", "name",  "file",
                                        "file_name", "filename",   "image_path", "image_name", "image", "subDirectory_filePath"};
    return one_of(word, words, sizeof words / sizeof *words);
}

static bool is_label_head(const char *word)
{
    static const char *const words[] = {"label", "labels", "id", "expression", "emotion", "class"};
    return one_of(word, words, sizeof words / sizeof *words);
}

/* Whether the record names columns, and which. */
static bool read_header(const index_record *r, columns *c)
{
    int name = -1, label = -1;
    for (int i = 0; i < r->columns && i < INDEX_FIELDS; i++) {
        if (is_name_head(r->field[i]) && name < 0) {
            name = i;
        } else if (is_label_head(r->field[i]) && label < 0) {
            label = i;
        }
    }
    if (name < 0 || (label < 0 && r->columns > 1)) {
        return false;
    }
    *c = (columns){name, label};
    return true;
}

/* Where the first record is a sample: what its number of columns allows. */
static s4d_status guess_columns(index_job *job, index_list *l, const index_reader *r, const index_record *first, columns *c,
                                s4d_err *err)
{
    bool affectnet = first->columns == AFFECTNET_COLUMNS && job->layout->media == INDEX_PICTURE;
    bool captions = job->layout->cut == INDEX_CUT_FIRST && first->columns > 2;
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
    return r->comma ? index_decide(job, err, "%s: no header, its first line is a sample", l->path) : S4D_OK;
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

static s4d_status take_record(index_job *job, int list, const columns *c, const index_record *r, s4d_err *err)
{
    index_entry e = {.name = r->field[c->name], .line = r->line, .list = list, .class = -1};
    bool labelled = c->label >= 0 && !job->opts->unlabelled;
    if (r->fault) {
        index_fault(job, list, r->line, "%s", r->fault);
    } else if (r->columns <= c->name || (labelled && r->columns <= c->label)) {
        index_fault(job, list, r->line, "no label follows \"%.200s\"", r->field[0]);
    } else if (!*e.name) {
        index_fault(job, list, r->line, "the path is empty");
    } else if (!s4d_str_utf8(e.name)) {
        index_fault(job, list, r->line, "the path \"%.200s\" is not UTF-8", e.name);
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
    index_reader reader;
    index_record record;
    columns c = {0, 0};
    size_t before = job->entries;
    index_reader_init(&reader, &l->text, job->layout->cut);
    if (!index_reader_next(&reader, &record)) {
        return s4d_err_set(err, S4D_FAILED, "%s: the list is empty; take the whole one, or name others with --train and --test",
                           l->path);
    }
    l->header = read_header(&record, &c);
    s4d_status status = l->header ? S4D_OK : guess_columns(job, l, &reader, &record, &c, err);
    const char *head = l->header && c.label >= 0 ? record.field[c.label] : "";
    l->expressions = strcasecmp(head, "expression") == 0 || (!l->header && c.label == AFFECTNET_LABEL);
    if (status == S4D_OK && !l->header) {
        status = take_record(job, list, &c, &record, err);
    }
    while (status == S4D_OK && index_reader_next(&reader, &record)) {
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
        status = s4d_file_read(path, LIST_SIZE_MAX, &l->text, err);
    }
    if (status == S4D_OK && memchr(l->text.data, '\0', l->text.size)) {
        status = s4d_err_set(err, S4D_FAILED, "%s: the list is not plain text; save it as UTF-8", path);
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
