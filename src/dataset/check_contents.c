/* Which files hold the same bytes. Only those of one size can: the others are read where all hashes are wanted. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dataset/check_private.h"
#include "s4d/base/mem.h"
#include "s4d/data/content.h"

static s4d_status hash_entry(check *c, size_t item, void *scratch, s4d_err *err)
{
    check_entry *e = &c->entry[c->candidate[item]];
    char path[S4D_PATH_MAX];
    s4d_err why = {0};
    (void)scratch;
    s4d_status status = s4d_path_join(path, c->report->root, check_row(c, e)->path, &why);
    if (status == S4D_OK) {
        status = s4d_content_hash(c->store, path, e->hash, &why);
    }
    e->hashed = status == S4D_OK;
    return status == S4D_OK ? S4D_OK : check_trouble(e, &why, err);
}

/* ---- which may be equal ---- */

static int by_size(const void *a, const void *b, void *entries)
{
    const check_entry *x = (const check_entry *)entries + *(const uint32_t *)a;
    const check_entry *y = (const check_entry *)entries + *(const uint32_t *)b;
    int folder = (x->kind == ENTRY_FOLDER) - (y->kind == ENTRY_FOLDER);
    if (folder != 0) {
        return folder;
    }
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? -1 : 1;
    }
    return x->kind == ENTRY_FOLDER ? (x->frames > y->frames) - (x->frames < y->frames) : 0;
}

/* Rows that name a content against what was read; where hashes are wanted, all get theirs. */
static s4d_status hold_against(check *c, s4d_err *err)
{
    s4d_table *t = &c->report->table;
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < c->entries && status == S4D_OK; i++) {
        const check_entry *e = &c->entry[i], *read = &c->entry[e->leader];
        char text[S4D_CONTENT_DIGITS + 1];
        s4d_content_print(read->hash, text);
        for (size_t k = 0; k < e->rows && read->hashed && status == S4D_OK; k++) {
            size_t at = c->order[e->first + k];
            s4d_row *row = &t->row[at];
            if (*row->content && strcasecmp(row->content, text) != 0) {
                status = check_find(c, (s4d_check_finding){S4D_CHECK_ALTERED, (long)at, -1, NULL}, err,
                                    "line %ld: %s: its content is not the one that the manifest names; copy it again, or write the "
                                    "hashes anew with --hashes", row->line, row->path);
            }
            if (c->opts->hashes && status == S4D_OK && !(row->content = s4d_texts_add(&t->texts, text))) {
                status = s4d_err_memory(err, sizeof text, "the hashes of a manifest");
            }
        }
    }
    t->has[S4D_COLUMN_CONTENT] |= c->opts->hashes != NULL;
    return status;
}

s4d_status check_contents(check *c, s4d_err *err)
{
    static const check_task task = {"contents", hash_entry, NULL, NULL};
    size_t n = 0, kept = 0;
    uint32_t *sized = s4d_mem_alloc(c->entries, sizeof *sized);
    c->candidate = s4d_mem_alloc(c->entries, sizeof *c->candidate);
    if (!sized || !c->candidate) {
        s4d_mem_free(sized);
        return s4d_err_memory(err, c->entries * sizeof *sized, "a list of files");
    }
    for (size_t i = 0; i < c->entries; i++) {
        const check_entry *e = &c->entry[i];
        if (e->leader == i && e->kind != ENTRY_MISSING && !check_why(e)) {
            sized[n++] = (uint32_t)i;
        }
    }
    bool every = c->opts->hashes || c->report->table.has[S4D_COLUMN_CONTENT];
    qsort_r(sized, n, sizeof *sized, by_size, c->entry);
    for (size_t i = 0; i < n; i++) {
        bool twin = every || (i > 0 && by_size(&sized[i - 1], &sized[i], c->entry) == 0) ||
                    (i + 1 < n && by_size(&sized[i + 1], &sized[i], c->entry) == 0);
        if (twin) {
            c->candidate[kept++] = sized[i];
        }
    }
    c->candidates = kept;
    s4d_mem_free(sized);
    s4d_status status = kept > 0 ? check_parallel(c, &task, kept, err) : S4D_OK;
    return status == S4D_OK && every ? hold_against(c, err) : status;
}

/* ---- which are ---- */

static int by_hash(const void *a, const void *b, void *entries)
{
    const check_entry *x = (const check_entry *)entries + *(const uint32_t *)a;
    const check_entry *y = (const check_entry *)entries + *(const uint32_t *)b;
    int kind = (x->kind == ENTRY_FOLDER) - (y->kind == ENTRY_FOLDER);
    if (kind != 0 || (x->hash[0] == y->hash[0] && x->hash[1] == y->hash[1] && x->bytes == y->bytes)) {
        return kind;
    }
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? -1 : 1;
    }
    return x->hash[0] != y->hash[0] ? (x->hash[0] < y->hash[0] ? -1 : 1) : x->hash[1] < y->hash[1] ? -1 : 1;
}

void check_sort_contents(check *c)
{
    size_t hashed = 0;
    for (size_t i = 0; i < c->candidates; i++) {
        if (c->entry[c->candidate[i]].hashed) {
            c->candidate[hashed++] = c->candidate[i];
        }
    }
    c->candidates = hashed;
    if (hashed > 1) {
        qsort_r(c->candidate, hashed, sizeof *c->candidate, by_hash, c->entry);
    }
}

bool check_equal(const check *c, size_t candidate, size_t other)
{
    return by_hash(&c->candidate[candidate], &c->candidate[other], c->entry) == 0;
}
