/* What was found about single rows, in words. */
#include <string.h>
#include <strings.h>

#include "dataset/check_private.h"
#include "s4d/data/hint.h"
#include "s4d/data/manifest.h"

enum { HINTS_MAX = 20 }; /* files that are looked for elsewhere: what is wrong with these is wrong with the others */

/* ---- files ---- */

static s4d_status tell_missing(check *c, size_t row, s4d_err *err)
{
    const s4d_row *at = &c->report->table.row[row];
    char hint[S4D_HINT_MAX] = "";
    if (c->report->count[S4D_CHECK_MISSING] < HINTS_MAX) {
        s4d_path_hint(c->store, c->report->root, at->path, hint);
    }
    return check_find(c, (s4d_check_finding){S4D_CHECK_MISSING, (long)row, -1, NULL}, err,
                      "line %ld: %s: there is no such file or folder%s%s", at->line, at->path, hint[0] ? "; " : "", hint);
}

static s4d_status tell_entry(check *c, const check_entry *e, size_t row, s4d_err *err)
{
    const s4d_row *at = &c->report->table.row[row];
    const check_oddity *odd = e->odd;
    s4d_status status = S4D_OK;
    s4d_check_finding finding = {.row = (long)row, .other = -1};
    if (odd && odd->trouble) {
        finding.kind = S4D_CHECK_UNREADABLE;
        status = check_find(c, finding, err, "line %ld: %s", at->line, odd->trouble);
    } else if (e->kind == ENTRY_MISSING) {
        status = tell_missing(c, row, err);
    }
    if (status == S4D_OK && e->mixed > 0) {
        finding.kind = S4D_CHECK_MIXED_SIZES;
        status = check_find(c, finding, err, "line %ld: %s: frame %d is %d x %d, the first is %d x %d", at->line,
                            at->path, e->mixed, e->mixed_width, e->mixed_height, e->width, e->height);
    }
    if (status == S4D_OK && odd && odd->order[1]) {
        finding.kind = S4D_CHECK_ORDER;
        status = check_find(c, finding, err, "line %ld: %s: %s stands before %s by number, behind it by letter",
                            at->line, at->path, odd->order[0], odd->order[1]);
    }
    return status;
}

/* Different paths; 0 where one is there. */
static size_t count_all_missing(const check *c)
{
    size_t paths = 0;
    for (size_t i = 0; i < c->entries; i++) {
        if (c->entry[i].kind != ENTRY_MISSING || check_why(&c->entry[i])) {
            return 0;
        }
        paths += c->entry[i].leader == i;
    }
    return paths;
}

/* A wrong root is one fault, however long the list. */
static s4d_status tell_nothing_there(check *c, size_t paths, s4d_err *err)
{
    const s4d_row *first = &c->report->table.row[0];
    char hint[S4D_HINT_MAX];
    s4d_path_hint(c->store, c->report->root, first->path, hint);
    c->report->nothing_there = true;
    return check_find(c, (s4d_check_finding){S4D_CHECK_MISSING, 0, -1, NULL}, err,
                      "none of the %zu files is below %s (first: line %ld, %s); %s", paths, c->report->root, first->line, first->path,
                      hint[0] ? hint : "name the folder that the paths are below with --root");
}

s4d_status check_tell(check *c, s4d_err *err)
{
    size_t missing = count_all_missing(c);
    s4d_status status = S4D_OK;
    if (missing > 1) {
        return tell_nothing_there(c, missing, err);
    }
    for (size_t i = 0; i < c->entries; i++) {
        for (size_t k = 0; k < c->entry[i].rows && status == S4D_OK; k++) {
            status = tell_entry(c, &c->entry[i], c->order[c->entry[i].first + k], err);
        }
    }
    return status;
}

/* ---- labels ---- */

static s4d_status tell_numbers(check *c, s4d_err *err)
{
    const s4d_table *t = &c->report->table;
    size_t numbers = 0, first = 0;
    for (size_t i = t->count; i-- > 0;) {
        bool number = s4d_labels_numeric(t->row[i].label);
        numbers += number;
        first = number ? i : first;
    }
    return numbers == 0 ? S4D_OK
                        : check_find(c, (s4d_check_finding){S4D_CHECK_NUMBER, (long)first, -1, NULL}, err,
                                     "line %ld: the label \"%.60s\" is a number, as in %zu of %zu lines; a manifest holds names of "
                                     "classes, so write them with \"s4d data index csv --classes TABLE\"",
                                     t->row[first].line, t->row[first].label, numbers, t->count);
}

/* The first row of a class, and whether another name of it was told. */
typedef struct spelling {
    const s4d_row *first;
    bool told;
} spelling;

static s4d_status tell_spellings(check *c, s4d_err *err)
{
    const s4d_table *t = &c->report->table;
    const s4d_class_list *classes = &c->report->stats.classes;
    spelling of[S4D_MAX_CLASSES] = {{NULL, false}};
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < t->count && status == S4D_OK; i++) {
        const s4d_row *row = &t->row[i];
        int class = row->label[0] ? s4d_labels_find(classes->name, classes->count, row->label) : -1;
        spelling *s = class >= 0 ? &of[class] : NULL;
        if (s && s->first && !s->told && strcasecmp(s->first->label, row->label) != 0) {
            s->told = true;
            status = check_find(c, (s4d_check_finding){S4D_CHECK_SPELLING, (long)(s->first - t->row), (long)i, NULL}, err,
                                "lines %ld and %ld: \"%.60s\" and \"%.60s\" are one class, %s", s->first->line, row->line,
                                s->first->label, row->label, classes->name[class]);
        } else if (s && !s->first) {
            s->first = row;
        }
    }
    return status;
}

s4d_status check_labels(check *c, s4d_err *err)
{
    const s4d_check_report *r = c->report;
    s4d_status status = tell_numbers(c, err);
    for (size_t i = 0; i < r->table.count && r->stats.labelled > 0 && status == S4D_OK; i++) {
        if (!r->table.row[i].label[0]) {
            status = check_find(c, (s4d_check_finding){S4D_CHECK_UNLABELLED, (long)i, -1, NULL}, err,
                                "line %ld: %s has no label", r->table.row[i].line, r->table.row[i].path);
        }
    }
    return status == S4D_OK ? tell_spellings(c, err) : status;
}
