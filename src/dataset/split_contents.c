/* Rows whose files hold the same bytes, which no division may part. */
#include <string.h>

#include "dataset/check_private.h"
#include "dataset/split_private.h"

static size_t row_of(const check *c, size_t candidate)
{
    return c->order[c->entry[c->candidate[candidate]].first];
}

/* Rows of all entries with the candidate's path. */
static size_t rows_of(const check *c, size_t candidate)
{
    size_t leader = c->candidate[candidate], rows = 0;
    for (size_t e = leader; e < c->entries && c->entry[e].leader == leader; e++) {
        rows += c->entry[e].rows;
    }
    return rows;
}

static void count_unread(const check *c, s4d_split_result *out)
{
    for (size_t i = 0; i < c->entries; i++) {
        bool leads = c->entry[i].leader == i;
        out->files += leads;
        out->unread += leads && (c->entry[i].kind == ENTRY_MISSING || check_why(&c->entry[i]));
    }
}

/* The rows of one path are joined by that. */
static void join(division *d, check *c)
{
    check_sort_contents(c);
    for (size_t i = 1; i < c->candidates; i++) {
        if (!check_equal(c, i - 1, i)) {
            continue;
        }
        bool begins = i == 1 || !check_equal(c, i - 2, i - 1);
        d->result->contents += begins;
        d->result->equal += rows_of(c, i) + (begins ? rows_of(c, i - 1) : 0);
        split_join(d, row_of(c, i - 1), row_of(c, i));
    }
}

s4d_status split_join_contents(division *d, s4d_err *err)
{
    const s4d_split_opts *o = d->opts;
    s4d_check_opts opts = {.manifest = o->manifest, .threads = o->threads, .progress = o->progress, .arg = o->arg};
    s4d_check_report report = {.table = *d->t}; /* the rows stay the division's */
    check c = {.opts = &opts, .report = &report};
    s4d_status (*const step[])(check *, s4d_err *) = {check_make_entries, check_files, check_contents};
    s4d_status status = s4d_path_join(report.root, "", o->root, err);
    if (status == S4D_OK) {
        status = s4d_store_open(report.root, &c.store, err);
    }
    for (size_t i = 0; i < sizeof step / sizeof *step && status == S4D_OK; i++) {
        status = step[i](&c, err);
    }
    if (status == S4D_OK) {
        count_unread(&c, d->result);
        join(d, &c);
    }
    s4d_store_close(&c.store);
    check_release_entries(&c);
    return status;
}
