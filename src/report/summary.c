/* Rows: one for each fold or run, and the mean of a RUN's folds with its deviation. */
#include "report/summary.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/mem.h"

s4d_value s4d_value_of(const double *x, size_t n)
{
    s4d_value out = {0, 0, (int64_t)n};
    for (size_t i = 0; i < n; ++i) out.mean += x[i] / (double)n;
    for (size_t i = 0; i < n; ++i) out.deviation += (x[i] - out.mean) * (x[i] - out.mean);
    out.deviation = n > 1 ? sqrt(out.deviation / (double)(n - 1)) : 0;
    return out;
}

/* value [outcomes] is scratch. Classes go by name: folds may order them differently. */
static void recall_of(s4d_row *row, size_t c, const char *name, const s4d_outcome *o, size_t n, double *value)
{
    size_t with = 0;
    row->support[c] = 0;
    for (size_t k = 0; k < n; ++k) {
        long at = s4d_strlist_find(&o[k].classes, name);
        S4D_BUG_IF(at < 0);
        row->support[c] += o[k].support[at];
        if (o[k].support[at]) value[with++] = (double)o[k].hit[at] / (double)o[k].support[at];
    }
    row->recall[c] = s4d_value_of(value, with);
}

/* The row of n outcomes of an entry. */
static s4d_status row_make(const s4d_outcome *o, size_t n, const s4d_strlist *classes, s4d_row *row, s4d_err *err)
{
    double *value = s4d_mem_alloc(n, sizeof *value);
    s4d_status status = S4D_OK;
    row->recall = s4d_mem_alloc(classes->count, sizeof *row->recall);
    row->support = s4d_mem_alloc(classes->count, sizeof *row->support);
    if (!value || !row->recall || !row->support) {
        status = s4d_err_memory(err, classes->count * sizeof *row->recall, "a table");
        goto done;
    }
    for (size_t k = 0; k < n; ++k) value[k] = o[k].shares.uar;
    row->uar = s4d_value_of(value, n);
    for (size_t k = 0; k < n; ++k) value[k] = o[k].shares.war;
    row->war = s4d_value_of(value, n);
    for (size_t k = 0; k < n; ++k) {
        row->samples += (int64_t)o[k].samples;
        row->missing += o[k].missing;
    }
    for (size_t c = 0; c < classes->count; ++c) recall_of(row, c, classes->item[c], o, n, value);
    status = s4d_intervals_of(o, n, row->interval, err);
done:
    s4d_mem_free(value);
    return status;
}

bool s4d_outcomes_alike(const s4d_outcome *a, const s4d_outcome *b)
{
    return a->image == b->image && a->val == b->val && strcmp(a->set, b->set) == 0 && s4d_classes_same(&a->classes, &b->classes);
}

static size_t rows_of(const s4d_entry *e)
{
    return e->outcomes + (e->outcomes > 1);
}

static bool one_protocol(const s4d_entry *e)
{
    bool one = true;
    for (size_t k = 1; k < e->outcomes; ++k) one &= strcmp(e->outcome[k].protocol, e->outcome[0].protocol) == 0;
    return one;
}

static s4d_status add_entry(s4d_sheet *t, const s4d_entry *e, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t k = 0; k < rows_of(e) && status == S4D_OK; ++k) {
        bool mean = k == e->outcomes;
        s4d_row *row = &t->row[t->rows++];
        row->entry = e;
        if (!mean && e->outcome[k].fold) snprintf(row->number, sizeof row->number, "%lld", (long long)e->outcome[k].fold);
        row->mean = mean;
        row->alike = !mean || one_protocol(e);
        row->protocol = row->alike ? e->outcome[mean ? 0 : k].protocol : "the folds were not evaluated alike; see theirs";
        status = mean ? row_make(e->outcome, e->outcomes, &t->like->classes, row, err)
                      : row_make(&e->outcome[k], 1, &t->like->classes, row, err);
    }
    return status;
}

s4d_status s4d_sheet_make(const s4d_results *r, size_t first, s4d_sheet *out, s4d_err *err)
{
    size_t rows = 0;
    *out = (s4d_sheet){.like = &r->entry[first].outcome[0]};
    for (size_t i = first; i < r->entries; ++i)
        if (s4d_outcomes_alike(out->like, &r->entry[i].outcome[0])) rows += rows_of(&r->entry[i]);
    out->row = s4d_mem_alloc(rows, sizeof *out->row);
    s4d_status status = out->row ? S4D_OK : s4d_err_memory(err, rows * sizeof *out->row, "a table");
    for (size_t i = first; i < r->entries && status == S4D_OK; ++i)
        if (s4d_outcomes_alike(out->like, &r->entry[i].outcome[0])) status = add_entry(out, &r->entry[i], err);
    if (status != S4D_OK) s4d_sheet_release(out);
    return status;
}

void s4d_sheet_release(s4d_sheet *t)
{
    for (size_t i = 0; i < t->rows; ++i) {
        s4d_mem_free(t->row[i].recall);
        s4d_mem_free(t->row[i].support);
    }
    s4d_mem_free(t->row);
    *t = (s4d_sheet){0};
}
