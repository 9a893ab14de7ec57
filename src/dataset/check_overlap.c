/* Samples that stand in a manifest twice, and samples and people that train and test. */
#include <stdlib.h>
#include <string.h>

#include "dataset/check_private.h"
#include "s4d/base/mem.h"
#include "s4d/data/manifest.h"

/* Rows met so far that differ in split, fold or time. */
typedef struct pool {
    size_t *row;
    size_t count, room;
} pool;

static bool undivided(const s4d_row *row)
{
    return !row->split[0] && row->fold == 0;
}

/* Whether there is a fold in which `a` trains while `b` is held out. */
static bool trains_against(const s4d_row *a, const s4d_row *b)
{
    if ((a->split[0] && strcmp(a->split, "train") != 0) || strcmp(b->split, "train") == 0) {
        return false;
    }
    return a->fold == 0 || b->fold == 0 || a->fold != b->fold;
}

/* Whether what is in both rows would spoil a result. Undivided rows are faults of their own. */
static bool conflict(const s4d_row *a, const s4d_row *b)
{
    if (undivided(a) || undivided(b)) {
        return false;
    }
    bool held_out = a->split[0] && b->split[0] && strcmp(a->split, "train") != 0 && strcmp(b->split, "train") != 0;
    if (held_out) {
        return strcmp(a->split, b->split) != 0 && (a->fold == b->fold || a->fold == 0 || b->fold == 0);
    }
    return trains_against(a, b) || trains_against(b, a);
}

static bool same_group(const s4d_row *a, const s4d_row *b)
{
    return a->fold == b->fold && strcmp(a->split, b->split) == 0;
}

static bool same_time(const s4d_row *a, const s4d_row *b)
{
    return a->start == b->start && a->end == b->end;
}

/* ---- telling ---- */

static void add_labels(const s4d_row *a, const s4d_row *b, s4d_str *text)
{
    char x[S4D_CLASS_NAME_MAX], y[S4D_CLASS_NAME_MAX];
    s4d_labels_canonical(a->label, x);
    s4d_labels_canonical(b->label, y);
    if (x[0] && y[0] && strcmp(x, y) != 0) {
        s4d_str_printf(text, ", with the labels %s and %s", x, y);
    }
}

static s4d_status tell_pair(check *c, s4d_check_kind kind, size_t first, size_t second, s4d_err *err)
{
    const s4d_row *a = &c->report->table.row[first], *b = &c->report->table.row[second];
    char in[2][32];
    s4d_str text = {0};
    s4d_group_name(a->split, a->fold, in[0]);
    s4d_group_name(b->split, b->fold, in[1]);
    s4d_str_printf(&text, "lines %ld and %ld: ", a->line, b->line);
    switch (kind) {
    case S4D_CHECK_DUPLICATE: s4d_str_printf(&text, "%s stands in both", a->path); break;
    case S4D_CHECK_SAME_CONTENT: s4d_str_printf(&text, "%s and %s hold the same bytes", a->path, b->path); break;
    case S4D_CHECK_OVERLAP: s4d_str_printf(&text, "%s is in %s and in %s", a->path, in[0], in[1]); break;
    case S4D_CHECK_CONTENT_OVERLAP:
        s4d_str_printf(&text, "%s (%s) and %s (%s) hold the same bytes", a->path, in[0], b->path, in[1]);
        break;
    default: s4d_str_printf(&text, "subject %s is in %s and in %s", a->subject, in[0], in[1]); break;
    }
    if (kind != S4D_CHECK_SUBJECT_OVERLAP) {
        add_labels(a, b, &text);
    }
    s4d_status status =
        text.failed ? s4d_err_memory(err, text.size, "what is found")
                    : check_find(c, (s4d_check_finding){kind, (long)first, (long)second, NULL}, err, "%s", text.text);
    s4d_str_release(&text);
    return status;
}

/* ---- one path or one content ---- */

static s4d_status keep(pool *p, size_t row, s4d_err *err)
{
    if (p->count == p->room) {
        size_t room = p->room ? 2 * p->room : 16;
        if (!s4d_mem_grow(&p->row, p->room, room, sizeof *p->row)) {
            return s4d_err_memory(err, room * sizeof *p->row, "a list of rows");
        }
        p->room = room;
    }
    p->row[p->count++] = row;
    return S4D_OK;
}

/* One row against those before it in order of their start: those that end before it begins leave the pool. */
static s4d_status meet(check *c, pool *p, size_t at, bool by_content, s4d_err *err)
{
    const s4d_row *rows = c->report->table.row, *now = &rows[at];
    size_t kept = 0, against = SIZE_MAX, twin = SIZE_MAX;
    bool known = false;
    for (size_t i = 0; i < p->count; i++) {
        const s4d_row *old = &rows[p->row[i]];
        if (old->end <= now->start) {
            continue;
        }
        p->row[kept++] = p->row[i];
        known = known || (same_group(old, now) && same_time(old, now));
        if (by_content && strcmp(old->path, now->path) == 0) {
            continue;
        }
        if (against == SIZE_MAX && conflict(old, now)) {
            against = p->row[i];
        } else if (twin == SIZE_MAX && same_time(old, now)) {
            twin = p->row[i];
        }
    }
    p->count = kept;
    s4d_status status = known ? S4D_OK : keep(p, at, err);
    if (status == S4D_OK && against != SIZE_MAX) {
        status = tell_pair(c, by_content ? S4D_CHECK_CONTENT_OVERLAP : S4D_CHECK_OVERLAP, against, at, err);
    } else if (status == S4D_OK && twin != SIZE_MAX) {
        status = tell_pair(c, by_content ? S4D_CHECK_SAME_CONTENT : S4D_CHECK_DUPLICATE, twin, at, err);
    }
    return status;
}

static s4d_status compare_paths(check *c, s4d_err *err)
{
    pool p = {0};
    s4d_status status = S4D_OK;
    const s4d_row *rows = c->report->table.row;
    for (size_t i = 0; i < c->report->table.count && status == S4D_OK; i++) {
        if (i > 0 && strcmp(rows[c->order[i]].path, rows[c->order[i - 1]].path) != 0) {
            p.count = 0;
        }
        status = meet(c, &p, c->order[i], false, err);
    }
    s4d_mem_free(p.row);
    return status;
}

static int by_hash(const void *a, const void *b, void *entries)
{
    const check_entry *x = (const check_entry *)entries + *(const size_t *)a;
    const check_entry *y = (const check_entry *)entries + *(const size_t *)b;
    int kind = (x->kind == ENTRY_FOLDER) - (y->kind == ENTRY_FOLDER);
    if (kind != 0 || (x->hash[0] == y->hash[0] && x->hash[1] == y->hash[1] && x->bytes == y->bytes)) {
        return kind;
    }
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? -1 : 1;
    }
    return x->hash[0] != y->hash[0] ? (x->hash[0] < y->hash[0] ? -1 : 1) : x->hash[1] < y->hash[1] ? -1 : 1;
}

static int by_time(const void *a, const void *b, void *rows)
{
    const s4d_row *x = (const s4d_row *)rows + *(const size_t *)a, *y = (const s4d_row *)rows + *(const size_t *)b;
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return (x > y) - (x < y);
}

/* All rows of the entries candidate[from..to-1], which hold the same bytes. */
static s4d_status compare_twins(check *c, size_t from, size_t to, pool *rows, s4d_err *err)
{
    pool p = {0};
    s4d_status status = S4D_OK;
    rows->count = 0;
    for (size_t i = from; i < to; i++) {
        size_t leader = c->candidate[i];
        for (size_t e = leader; e < c->entries && c->entry[e].leader == leader; e++) {
            for (size_t r = 0; r < c->entry[e].rows && status == S4D_OK; r++) {
                status = keep(rows, c->order[c->entry[e].first + r], err);
            }
        }
    }
    if (rows->count > 1) {
        qsort_r(rows->row, rows->count, sizeof *rows->row, by_time, c->report->table.row);
    }
    for (size_t i = 0; i < rows->count && status == S4D_OK; i++) {
        status = meet(c, &p, rows->row[i], true, err);
    }
    s4d_mem_free(p.row);
    return status;
}

static s4d_status compare_contents(check *c, s4d_err *err)
{
    size_t hashed = 0;
    pool rows = {0};
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < c->candidates; i++) {
        if (c->entry[c->candidate[i]].hashed) {
            c->candidate[hashed++] = c->candidate[i];
        }
    }
    c->candidates = c->report->hashed = hashed;
    if (hashed > 1) {
        qsort_r(c->candidate, hashed, sizeof *c->candidate, by_hash, c->entry);
    }
    for (size_t from = 0, to; from < hashed && status == S4D_OK; from = to) {
        for (to = from + 1; to < hashed && by_hash(&c->candidate[from], &c->candidate[to], c->entry) == 0; to++) {
        }
        if (to - from > 1) {
            status = compare_twins(c, from, to, &rows, err);
        }
    }
    s4d_mem_free(rows.row);
    return status;
}

/* ---- people ---- */

static int by_subject(const void *a, const void *b, void *rows)
{
    const s4d_row *x = (const s4d_row *)rows + *(const size_t *)a, *y = (const s4d_row *)rows + *(const size_t *)b;
    int difference = strcmp(x->subject, y->subject);
    return difference != 0 ? difference : (x > y) - (x < y);
}

/* The first row of a person that is held out where another trains. */
static s4d_status compare_person(check *c, const size_t *row, size_t n, pool *p, s4d_err *err)
{
    const s4d_row *rows = c->report->table.row;
    p->count = 0;
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        for (size_t k = 0; k < p->count; k++) {
            if (conflict(&rows[p->row[k]], &rows[row[i]])) {
                return tell_pair(c, S4D_CHECK_SUBJECT_OVERLAP, p->row[k], row[i], err);
            }
            known = known || same_group(&rows[p->row[k]], &rows[row[i]]);
        }
        s4d_status status = known ? S4D_OK : keep(p, row[i], err);
        if (status != S4D_OK) {
            return status;
        }
    }
    return S4D_OK;
}

static s4d_status compare_people(check *c, s4d_err *err)
{
    size_t n = c->report->table.count;
    const s4d_row *rows = c->report->table.row;
    pool p = {0};
    s4d_status status = S4D_OK;
    size_t *order = s4d_mem_alloc(n, sizeof *order);
    if (!order) {
        return s4d_err_memory(err, n * sizeof *order, "a list of people");
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
    }
    qsort_r(order, n, sizeof *order, by_subject, c->report->table.row);
    for (size_t from = 0, to; from < n && status == S4D_OK; from = to) {
        for (to = from + 1; to < n && strcmp(rows[order[from]].subject, rows[order[to]].subject) == 0; to++) {
        }
        if (rows[order[from]].subject[0]) {
            status = compare_person(c, order + from, to - from, &p, err);
        }
    }
    s4d_mem_free(p.row);
    s4d_mem_free(order);
    return status;
}

static s4d_status find_undivided(check *c, s4d_err *err)
{
    const s4d_table *t = &c->report->table;
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++) {
        n += undivided(&t->row[i]);
    }
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < t->count && n < t->count && status == S4D_OK; i++) {
        if (undivided(&t->row[i])) {
            status = check_find(c, (s4d_check_finding){S4D_CHECK_UNDIVIDED, (long)i, -1, NULL}, err,
                                "line %ld: %s has neither split nor fold, so it trains and tests", t->row[i].line,
                                t->row[i].path);
        }
    }
    return status;
}

s4d_status check_overlap(check *c, s4d_err *err)
{
    s4d_status status = find_undivided(c, err);
    if (status == S4D_OK) {
        status = compare_paths(c, err);
    }
    if (status == S4D_OK) {
        status = compare_contents(c, err);
    }
    return status == S4D_OK ? compare_people(c, err) : status;
}
