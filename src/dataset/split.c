/* Dividing a manifest by groups of rows that stay together. */
#include <stdlib.h>
#include <string.h>

#include "dataset/clip_name.h"
#include "dataset/split_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/rng.h"

/* ---- groups ---- */

static int by_path(const void *a, const void *b, void *from)
{
    const division *d = from;
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    const s4d_row *x = &d->t->row[i], *y = &d->t->row[k];
    int difference = strcmp(d->name[i], d->name[k]);
    if (difference == 0) {
        difference = (x->start > y->start) - (x->start < y->start);
    }
    return difference != 0 ? difference : (x->line > y->line) - (x->line < y->line);
}

static int by_subject(const void *a, const void *b, void *from)
{
    const s4d_row *row = ((const division *)from)->t->row;
    return strcmp(row[*(const size_t *)a].subject, row[*(const size_t *)b].subject);
}

static size_t find_root(size_t *root, size_t i)
{
    while (root[i] != i) {
        root[i] = root[root[i]];
        i = root[i];
    }
    return i;
}

void split_join(division *d, size_t row, size_t other)
{
    d->root[find_root(d->root, row)] = find_root(d->root, other);
}

static void join_equal(division *d, bool subjects)
{
    for (size_t k = 1; k < d->t->count; k++) {
        size_t i = d->order[k], before = d->order[k - 1];
        const s4d_row *row = d->t->row;
        bool same = subjects ? row[i].subject[0] && strcmp(row[i].subject, row[before].subject) == 0
                             : strcmp(d->name[i], d->name[before]) == 0;
        if (same) {
            split_join(d, i, before);
        }
    }
}

/* The file is one however its path is spelled. */
static s4d_status spell_paths(division *d, s4d_err *err)
{
    char name[S4D_PATH_MAX];
    for (size_t i = 0; i < d->t->count; i++) {
        if (clip_name(name, d->t->row[i].path, NULL, err) != S4D_OK) {
            s4d_err_prefix(err, "line %ld", d->t->row[i].line);
            return S4D_FAILED;
        }
        bool same = strcmp(name, d->t->row[i].path) == 0;
        d->name[i] = same ? d->t->row[i].path : s4d_texts_add(&d->names, name);
        if (!d->name[i]) {
            return s4d_err_memory(err, sizeof name, "dividing a manifest");
        }
    }
    return S4D_OK;
}

/* Rows of one path, with by_subject of one person, and those that are joined already are one group; groups are numbered by
 * their first path. */
static void find_groups(division *d, bool subjects)
{
    size_t n = d->t->count;
    for (size_t i = 0; i < n; i++) {
        d->order[i] = i;
        d->group_of[i] = UINT32_MAX;
    }
    if (subjects) {
        qsort_r(d->order, n, sizeof *d->order, by_subject, d);
        join_equal(d, true);
    }
    qsort_r(d->order, n, sizeof *d->order, by_path, d);
    join_equal(d, false);
    for (size_t i = 0; i < n; i++) {
        size_t root = find_root(d->root, d->order[i]);
        if (d->group_of[root] == UINT32_MAX) {
            d->group_of[root] = (uint32_t)d->groups++;
        }
        d->group_of[d->order[i]] = d->group_of[root];
    }
}

static s4d_status count_groups(division *d, s4d_err *err)
{
    size_t cells = d->groups * (size_t)d->strata, wide = (size_t)d->strata + 1;
    d->held = s4d_mem_alloc(cells, sizeof *d->held);
    d->size = s4d_mem_alloc(d->groups, sizeof *d->size);
    d->turn = s4d_mem_alloc(d->groups, sizeof *d->turn);
    d->rank = s4d_mem_alloc(d->groups, sizeof *d->rank);
    d->part_of = s4d_mem_alloc(d->groups, sizeof *d->part_of);
    d->share = s4d_mem_alloc((size_t)d->parts, sizeof *d->share);
    d->placed = s4d_mem_alloc((size_t)d->parts * wide, sizeof *d->placed);
    d->total = s4d_mem_alloc(wide, sizeof *d->total);
    if (!d->held || !d->size || !d->turn || !d->rank || !d->part_of || !d->share || !d->placed || !d->total) {
        return s4d_err_memory(err, cells * sizeof *d->held, "dividing a manifest");
    }
    for (size_t i = 0; i < d->t->count; i++) {
        int c = d->class_of[i] >= 0 ? d->class_of[i] : d->classes.count;
        d->held[d->group_of[i] * (size_t)d->strata + (size_t)c]++;
        d->size[d->group_of[i]]++;
        d->total[c]++;
        d->total[d->strata]++;
    }
    return S4D_OK;
}

/* ---- what is possible ---- */

static s4d_status check_folds(const division *d, bool subjects, s4d_err *err)
{
    const char *what = subjects ? "people" : "files";
    if ((size_t)d->parts > d->groups) {
        return s4d_err_set(err, S4D_FAILED, "%d folds are more than the %zu %s of the manifest; give at most as many",
                           d->parts, d->groups, what);
    }
    for (int c = 0; c < d->classes.count; c++) {
        size_t have = 0;
        for (size_t g = 0; g < d->groups; g++) {
            have += split_held(d, g)[c] > 0;
        }
        if (have < (size_t)d->parts) {
            return s4d_err_set(
                err, S4D_FAILED,
                "%d folds are too many: the class \"%s\" has only %zu %s, and every fold needs one; give %s", d->parts,
                d->classes.name[c], have,
                have > 1   ? what
                : subjects ? "person"
                           : "file",
                have > 1 ? "fewer folds" : "more samples of it");
        }
    }
    return S4D_OK;
}

static s4d_status check_share(const division *d, bool subjects, s4d_err *err)
{
    double rows = d->total[d->strata], test = d->opts->test_share * rows;
    if (d->groups < 2 || test < 0.5 || rows - test < 0.5) {
        return s4d_err_set(
            err, S4D_FAILED,
            "a test share of %g leaves one side empty: the manifest has %.0f samples of %zu %s; choose another share",
            d->opts->test_share, rows, d->groups, subjects ? "people" : "files");
    }
    return S4D_OK;
}

/* ---- the whole ---- */

static s4d_status check_asked(const s4d_table *t, const s4d_split_opts *o, bool any_subject, s4d_err *err)
{
    if (t->count == 0 || t->count >= UINT32_MAX) {
        return s4d_err_set(err, S4D_FAILED, "the manifest has %zu samples; there is nothing to divide", t->count);
    }
    if (o->by == S4D_SPLIT_SUBJECT && !any_subject) {
        return s4d_err_set(err, S4D_FAILED,
                           "the manifest names no subject; add a column \"subject\", or divide by sample");
    }
    for (size_t i = 0; i < t->count && !o->replace; i++) {
        if (t->row[i].split[0] || t->row[i].fold > 0) {
            return s4d_err_set(
                err, S4D_FAILED,
                "line %ld: the manifest is divided already (%s); keep that, or let a new division replace it",
                t->row[i].line, t->row[i].split[0] ? t->row[i].split : "column fold");
        }
    }
    return S4D_OK;
}

/* Equal contents first, as comparing them takes the most memory. */
static s4d_status join_contents(division *d, s4d_err *err)
{
    size_t n = d->t->count;
    d->root = s4d_mem_alloc(n, sizeof *d->root);
    if (!d->root) {
        return s4d_err_memory(err, n * sizeof *d->root, "dividing a manifest");
    }
    for (size_t i = 0; i < n; i++) {
        d->root[i] = i;
    }
    return d->opts->root ? split_join_contents(d, err) : S4D_OK;
}

static s4d_status begin(division *d, bool subjects, s4d_err *err)
{
    size_t n = d->t->count;
    s4d_status status = join_contents(d, err);
    if (status != S4D_OK) {
        return status;
    }
    d->name = s4d_mem_alloc(n, sizeof *d->name);
    d->order = s4d_mem_alloc(n, sizeof *d->order);
    d->group_of = s4d_mem_alloc(n, sizeof *d->group_of);
    d->class_of = s4d_mem_alloc(n, sizeof *d->class_of);
    if (!d->name || !d->order || !d->group_of || !d->class_of) {
        return s4d_err_memory(err, n * sizeof *d->order, "dividing a manifest");
    }
    status = spell_paths(d, err);
    if (status == S4D_OK) {
        status = s4d_class_list_make(d->t, &d->classes, d->class_of, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    d->strata = d->classes.count + 1;
    d->parts = d->opts->folds > 0 ? d->opts->folds : 2;
    find_groups(d, subjects);
    status = count_groups(d, err);
    if (status == S4D_OK) {
        status = d->opts->folds > 0 ? check_folds(d, subjects, err) : check_share(d, subjects, err);
    }
    return status;
}

static void divide(division *d)
{
    s4d_rng rng = s4d_rng_make(d->opts->seed, S4D_RNG_SHUFFLE, UINT32_MAX, 0);
    for (size_t g = 0; g < d->groups; g++) {
        d->turn[g] = (uint32_t)g;
    }
    s4d_rng_shuffle(&rng, d->turn, d->groups);
    for (int part = 0; part < d->parts; part++) {
        bool test = part == 1;
        d->share[part] = d->opts->folds > 0 ? 1.0 / d->parts : test ? d->opts->test_share : 1 - d->opts->test_share;
    }
    split_place(d);
}

static void write_rows(const division *d, s4d_table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        int part = d->part_of[d->group_of[i]];
        t->row[i].split = d->opts->folds > 0 ? "" : part == 1 ? "test" : "train";
        t->row[i].fold = d->opts->folds > 0 ? part + 1 : 0;
    }
    t->has[S4D_COLUMN_SPLIT] = d->opts->folds == 0;
    t->has[S4D_COLUMN_FOLD] = d->opts->folds > 0;
}

static void release(division *d)
{
    s4d_texts_release(&d->names);
    void *const block[] = {d->name, d->order, d->root, d->group_of, d->class_of, d->held,   d->size,
                           d->turn,  d->rank, d->part_of,  d->share,    d->placed, d->total};
    for (size_t i = 0; i < sizeof block / sizeof *block; i++) {
        s4d_mem_free(block[i]);
    }
}

s4d_status s4d_split_table(s4d_table *t, const s4d_split_opts *opts, s4d_split_result *out, s4d_err *err)
{
    S4D_BUG_IF(opts->folds == 1 || opts->folds < 0 || opts->folds > 1000);
    S4D_BUG_IF(opts->folds == 0 && !(opts->test_share > 0 && opts->test_share < 1));
    division d = {.t = t, .opts = opts, .result = out};
    size_t with = 0;
    *out = (s4d_split_result){0};
    for (size_t i = 0; i < t->count; i++) {
        with += t->row[i].subject[0] != '\0';
    }
    bool subjects = with > 0 && opts->by != S4D_SPLIT_SAMPLE;
    s4d_status status = check_asked(t, opts, with > 0, err);
    if (status == S4D_OK) {
        status = begin(&d, subjects, err);
    }
    if (status == S4D_OK) {
        divide(&d);
        status = opts->folds > 0 ? S4D_OK : split_keep_sides(&d, subjects, err);
    }
    if (status == S4D_OK) {
        write_rows(&d, t);
    }
    out->by_subject = subjects;
    out->groups = d.groups;
    out->without_subject = subjects ? t->count - with : 0;
    release(&d);
    return status;
}
