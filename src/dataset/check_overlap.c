/* Samples that stand in a manifest twice, and samples and people that train and test. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/check_private.h"
#include "s4d/base/mem.h"
#include "s4d/data/manifest.h"

/* Rows met so far, by split and fold: of each pair those that reach farthest, one of another path behind the first. No more are
 * needed, as rows come in the order of their starts. */
typedef struct reach {
    size_t row[2]; /* NO_ROW: none */
} reach;

typedef struct pool {
    reach *group;
    size_t count, room;
} pool;

#define NO_ROW SIZE_MAX

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

static bool same_path(const s4d_row *a, const s4d_row *b)
{
    return strcmp(a->path, b->path) == 0;
}

static s4d_status keep(const check *c, pool *p, size_t at, s4d_err *err)
{
    const s4d_row *rows = c->report->table.row, *now = &rows[at];
    size_t i = 0;
    while (i < p->count && !same_group(&rows[p->group[i].row[0]], now)) {
        i++;
    }
    if (i == p->room) {
        size_t room = p->room ? 2 * p->room : 16;
        if (!s4d_mem_grow(&p->group, p->room, room, sizeof *p->group)) {
            return s4d_err_memory(err, room * sizeof *p->group, "a list of rows");
        }
        p->room = room;
    }
    reach *g = &p->group[i];
    if (i == p->count) {
        *g = (reach){{at, NO_ROW}};
        p->count++;
        return S4D_OK;
    }
    bool same = same_path(&rows[g->row[0]], now);
    if (now->end > rows[g->row[0]].end) {
        g->row[1] = same ? g->row[1] : g->row[0];
        g->row[0] = at;
    } else if (!same && (g->row[1] == NO_ROW || now->end > rows[g->row[1]].end)) {
        g->row[1] = at;
    }
    return S4D_OK;
}

/* A row of the pool, of another path where `other` asks for it, that a rule holds for; NO_ROW: none. */
static size_t find(const check *c, const pool *p, const s4d_row *now, bool other, bool (*rule)(const s4d_row *, const s4d_row *))
{
    const s4d_row *rows = c->report->table.row;
    for (size_t i = 0; i < p->count; i++) {
        for (int k = 0; k < 2; k++) {
            size_t at = p->group[i].row[k];
            if (at != NO_ROW && rows[at].end > now->start && !(other && same_path(&rows[at], now)) && rule(&rows[at], now)) {
                return at;
            }
        }
    }
    return NO_ROW;
}

static bool no_conflict(const s4d_row *a, const s4d_row *b)
{
    return !conflict(a, b);
}

/* Rows in the order of start and end, of one path or of equal contents: those met so far, and those of the last time. */
typedef struct meeting {
    pool met, same;
    bool by_content;
    const s4d_row *last;
} meeting;

static s4d_status meet(check *c, meeting *m, size_t at, s4d_err *err)
{
    const s4d_row *now = &c->report->table.row[at];
    m->same.count = m->last && same_time(m->last, now) ? m->same.count : 0;
    m->last = now;
    size_t against = find(c, &m->met, now, m->by_content, conflict);
    size_t twin = against == NO_ROW ? find(c, &m->same, now, m->by_content, no_conflict) : NO_ROW;
    s4d_status status = keep(c, &m->met, at, err);
    if (status == S4D_OK) {
        status = keep(c, &m->same, at, err);
    }
    if (status == S4D_OK && against != NO_ROW) {
        status = tell_pair(c, m->by_content ? S4D_CHECK_CONTENT_OVERLAP : S4D_CHECK_OVERLAP, against, at, err);
    } else if (status == S4D_OK && twin != NO_ROW) {
        status = tell_pair(c, m->by_content ? S4D_CHECK_SAME_CONTENT : S4D_CHECK_DUPLICATE, twin, at, err);
    }
    return status;
}

static void begin(meeting *m)
{
    m->met.count = m->same.count = 0;
    m->last = NULL;
}

static void release(meeting *m)
{
    s4d_mem_free(m->met.group);
    s4d_mem_free(m->same.group);
}

static s4d_status compare_paths(check *c, s4d_err *err)
{
    meeting m = {.by_content = false};
    s4d_status status = S4D_OK;
    const s4d_row *rows = c->report->table.row;
    for (size_t i = 0; i < c->report->table.count && status == S4D_OK; i++) {
        if (i > 0 && !same_path(&rows[c->order[i]], &rows[c->order[i - 1]])) {
            begin(&m);
        }
        status = meet(c, &m, c->order[i], err);
    }
    release(&m);
    return status;
}

static int by_time(const void *a, const void *b, void *rows)
{
    const s4d_row *x = (const s4d_row *)rows + *(const uint32_t *)a, *y = (const s4d_row *)rows + *(const uint32_t *)b;
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    if (x->end != y->end) {
        return x->end < y->end ? -1 : 1;
    }
    return (x > y) - (x < y);
}

/* All rows of the entries candidate[from..to-1], which hold the same bytes; `row` has room for every row. */
static s4d_status compare_twins(check *c, size_t from, size_t to, uint32_t *row, s4d_err *err)
{
    meeting m = {.by_content = true};
    s4d_status status = S4D_OK;
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        size_t leader = c->candidate[i];
        for (size_t e = leader; e < c->entries && c->entry[e].leader == leader; e++) {
            for (size_t r = 0; r < c->entry[e].rows; r++) {
                row[n++] = c->order[c->entry[e].first + r];
            }
        }
    }
    qsort_r(row, n, sizeof *row, by_time, c->report->table.row);
    for (size_t i = 0; i < n && status == S4D_OK; i++) {
        status = meet(c, &m, row[i], err);
    }
    release(&m);
    return status;
}

static s4d_status compare_contents(check *c, s4d_err *err)
{
    s4d_status status = S4D_OK;
    check_sort_contents(c);
    size_t hashed = c->report->hashed = c->candidates;
    uint32_t *row = s4d_mem_alloc(c->report->table.count, sizeof *row);
    if (!row) {
        return s4d_err_memory(err, c->report->table.count * sizeof *row, "a list of rows");
    }
    for (size_t from = 0, to; from < hashed && status == S4D_OK; from = to) {
        for (to = from + 1; to < hashed && check_equal(c, from, to); to++) {
        }
        if (to - from > 1) {
            status = compare_twins(c, from, to, row, err);
        }
    }
    s4d_mem_free(row);
    return status;
}

/* ---- people ---- */

static int by_subject(const void *a, const void *b, void *rows)
{
    const s4d_row *x = (const s4d_row *)rows + *(const uint32_t *)a, *y = (const s4d_row *)rows + *(const uint32_t *)b;
    int difference = strcmp(x->subject, y->subject);
    return difference != 0 ? difference : (x > y) - (x < y);
}

/* The first row of a person that is held out where another trains. */
static s4d_status compare_person(check *c, const uint32_t *row, size_t n, pool *p, s4d_err *err)
{
    const s4d_row *rows = c->report->table.row;
    s4d_status status = S4D_OK;
    p->count = 0;
    for (size_t i = 0; i < n && status == S4D_OK; i++) {
        for (size_t k = 0; k < p->count; k++) { /* times do not matter */
            if (conflict(&rows[p->group[k].row[0]], &rows[row[i]])) {
                return tell_pair(c, S4D_CHECK_SUBJECT_OVERLAP, p->group[k].row[0], row[i], err);
            }
        }
        status = keep(c, p, row[i], err);
    }
    return status;
}

static s4d_status compare_people(check *c, s4d_err *err)
{
    size_t n = c->report->table.count;
    const s4d_row *rows = c->report->table.row;
    pool p = {0};
    s4d_status status = S4D_OK;
    uint32_t *order = s4d_mem_alloc(n, sizeof *order);
    if (!order) {
        return s4d_err_memory(err, n * sizeof *order, "a list of people");
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
    }
    qsort_r(order, n, sizeof *order, by_subject, c->report->table.row);
    for (size_t from = 0, to; from < n && status == S4D_OK; from = to) {
        for (to = from + 1; to < n && strcmp(rows[order[from]].subject, rows[order[to]].subject) == 0; to++) {
        }
        if (rows[order[from]].subject[0]) {
            status = compare_person(c, order + from, to - from, &p, err);
        }
    }
    s4d_mem_free(p.group);
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
