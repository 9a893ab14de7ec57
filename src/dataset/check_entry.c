/* The rows of a manifest by what they name: each part of each file once. */
#include <stdlib.h>
#include <string.h>

#include "dataset/check_private.h"
#include "s4d/base/mem.h"

static int by_path(const void *a, const void *b, void *rows)
{
    const s4d_row *x = (const s4d_row *)rows + *(const uint32_t *)a, *y = (const s4d_row *)rows + *(const uint32_t *)b;
    int difference = strcmp(x->path, y->path);
    if (difference == 0) {
        difference = (x->start > y->start) - (x->start < y->start);
    }
    if (difference == 0) {
        difference = (x->end > y->end) - (x->end < y->end);
    }
    return difference != 0 ? difference : (x > y) - (x < y);
}

static bool same_entry(const s4d_row *a, const s4d_row *b)
{
    return strcmp(a->path, b->path) == 0 && a->start == b->start && a->end == b->end;
}

s4d_status check_make_entries(check *c, s4d_err *err)
{
    const s4d_table *t = &c->report->table;
    S4D_BUG_IF(t->count >= UINT32_MAX); /* more lines than a list may have bytes */
    c->order = s4d_mem_alloc(t->count, sizeof *c->order);
    c->entry = s4d_mem_alloc(t->count, sizeof *c->entry);
    if (!c->order || !c->entry) {
        return s4d_err_memory(err, t->count * sizeof *c->entry, "a list of files");
    }
    for (size_t i = 0; i < t->count; i++) {
        c->order[i] = (uint32_t)i;
    }
    qsort_r(c->order, t->count, sizeof *c->order, by_path, t->row);
    for (size_t i = 0; i < t->count; i++) {
        const s4d_row *row = &t->row[c->order[i]], *before = i ? &t->row[c->order[i - 1]] : row;
        if (i == 0 || !same_entry(row, before)) {
            check_entry *e = &c->entry[c->entries++];
            e->first = (uint32_t)i;
            e->leader = i > 0 && strcmp(row->path, before->path) == 0 ? e[-1].leader : (uint32_t)(c->entries - 1);
        }
        c->entry[c->entries - 1].rows++;
    }
    return S4D_OK;
}

check_oddity *check_odd(check_entry *e)
{
    e->odd = e->odd ? e->odd : s4d_mem_alloc(1, sizeof *e->odd);
    return e->odd;
}

s4d_status check_trouble(check_entry *e, const s4d_err *why, s4d_err *err)
{
    if (why->shortage) {
        if (err) {
            *err = *why;
        }
        return S4D_FAILED;
    }
    check_oddity *odd = check_odd(e);
    if (!odd || (!odd->trouble && !(odd->trouble = s4d_mem_strdup(why->text)))) {
        return s4d_err_memory(err, 1024, "what is found in a file");
    }
    return S4D_OK;
}

void check_release_entries(check *c)
{
    for (size_t i = 0; i < c->entries; i++) {
        check_oddity *odd = c->entry[i].odd;
        if (odd) {
            s4d_mem_free(odd->trouble);
            s4d_mem_free(odd->order[0]);
            s4d_mem_free(odd->order[1]);
            s4d_mem_free(odd);
        }
    }
    s4d_mem_free(c->entry);
    s4d_mem_free(c->order);
    s4d_mem_free(c->candidate);
    c->entry = NULL;
    c->order = c->candidate = NULL;
    c->entries = c->candidates = 0;
}
