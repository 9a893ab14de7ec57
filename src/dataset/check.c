/* The check as a whole: from the manifest to the report. */
#include "s4d/dataset/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/check_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/rng.h"
#include "s4d/base/thread.h"

enum { SAMPLE_SEED = 1 };

/* ---- findings ---- */

static const struct {
    const char *key, *title;
} KINDS[S4D_CHECK_KINDS] = {
    [S4D_CHECK_MISSING] = {"missing", "no such file or folder"},
    [S4D_CHECK_UNREADABLE] = {"unreadable", "cannot be read"},
    [S4D_CHECK_MIXED_SIZES] = {"mixed_sizes", "frames of different sizes in one clip"},
    [S4D_CHECK_ALTERED] = {"altered", "another content than the manifest names"},
    [S4D_CHECK_DUPLICATE] = {"duplicate", "listed twice"},
    [S4D_CHECK_SAME_CONTENT] = {"same_content", "same content under two names"},
    [S4D_CHECK_OVERLAP] = {"overlap", "same path in training and testing"},
    [S4D_CHECK_CONTENT_OVERLAP] = {"content_overlap", "same content in training and testing"},
    [S4D_CHECK_SUBJECT_OVERLAP] = {"subject_overlap", "same subject in training and testing"},
    [S4D_CHECK_UNDIVIDED] = {"undivided", "neither split nor fold"},
    [S4D_CHECK_NUMBER] = {"number", "numbers in place of names of classes"},
    [S4D_CHECK_CLASS] = {"unknown_class", "a class the set does not have"},
    [S4D_CHECK_SIZE] = {"size", "another count than the set has"},
    [S4D_CHECK_SIZE_GUESSED] = {"size_guessed", "another count than the set it looks like"},
    [S4D_CHECK_ORDER] = {"frame_order", "order of frames differs by number and by letter"},
    [S4D_CHECK_UNLABELLED] = {"unlabelled", "no label"},
    [S4D_CHECK_SPELLING] = {"spelling", "one class by several names"},
};

const char *s4d_check_key(s4d_check_kind kind)
{
    return KINDS[kind].key;
}

const char *s4d_check_title(s4d_check_kind kind)
{
    return KINDS[kind].title;
}

size_t s4d_check_faults(const s4d_check_report *r)
{
    size_t n = 0;
    for (int kind = 0; kind < S4D_CHECK_FAULTS; kind++) {
        n += r->count[kind];
    }
    return n;
}

s4d_status check_find(check *c, s4d_check_finding finding, s4d_err *err, const char *format, ...)
{
    s4d_check_report *r = c->report;
    va_list args;
    va_start(args, format);
    s4d_str_clear(&c->text);
    s4d_str_vprintf(&c->text, format, args);
    va_end(args);
    finding.text = c->text.failed ? NULL : s4d_texts_add(&r->texts, c->text.text);
    size_t room = r->room ? 2 * r->room : 64;
    if (!finding.text || (r->findings == r->room && !s4d_mem_grow(&r->finding, r->room, room, sizeof *r->finding))) {
        return s4d_err_memory(err, room * sizeof *r->finding, "what is found");
    }
    r->room = r->findings == r->room ? room : r->room;
    r->finding[r->findings++] = finding;
    r->count[finding.kind]++;
    return S4D_OK;
}

static int by_kind(const void *a, const void *b)
{
    const s4d_check_finding *x = a, *y = b;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    if (x->row != y->row) {
        return x->row < y->row ? -1 : 1;
    }
    return x->other != y->other ? (x->other < y->other ? -1 : 1) : strcmp(x->text, y->text);
}

static s4d_status draw_sample(check *c, s4d_err *err)
{
    size_t n = c->entries;
    int64_t wanted = c->opts->decode;
    if (wanted == S4D_CHECK_ALL || (uint64_t)wanted >= n || n >= UINT32_MAX) {
        for (size_t i = 0; i < n; i++) {
            c->entry[i].wanted = wanted != 0;
        }
        return S4D_OK;
    }
    uint32_t *turn = s4d_mem_alloc(n, sizeof *turn);
    if (!turn) {
        return s4d_err_memory(err, n * sizeof *turn, "a list of files");
    }
    for (size_t i = 0; i < n; i++) {
        turn[i] = (uint32_t)i;
    }
    s4d_rng rng = s4d_rng_make(SAMPLE_SEED, S4D_RNG_SHUFFLE, UINT32_MAX, 1);
    s4d_rng_shuffle(&rng, turn, n);
    for (int64_t i = 0; i < wanted; i++) {
        c->entry[turn[i]].wanted = true;
    }
    s4d_mem_free(turn);
    return S4D_OK;
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static s4d_check_range range_of(int *value, size_t n)
{
    if (n == 0) {
        return (s4d_check_range){0};
    }
    qsort(value, n, sizeof *value, by_value);
    return (s4d_check_range){n, value[0], (value[(n - 1) / 2] + (double)value[n / 2]) / 2, value[n - 1]};
}

static s4d_status count_up(check *c, s4d_err *err)
{
    s4d_check_report *r = c->report;
    size_t n[3] = {0};
    int *value = s4d_mem_alloc(3 * c->entries, sizeof *value);
    if (!value) {
        return s4d_err_memory(err, 3 * c->entries * sizeof *value, "figures of files");
    }
    for (size_t i = 0; i < c->entries; i++) {
        const check_entry *e = &c->entry[i];
        bool first = e->leader == i;
        r->pictures += first && e->kind == ENTRY_PICTURE;
        r->videos += first && e->kind == ENTRY_VIDEO;
        r->folders += first && e->kind == ENTRY_FOLDER;
        r->decoded += e->decoded;
        r->frames += (size_t)e->read;
        if (e->height > 0) {
            value[n[0]++] = e->height;
            value[c->entries + n[1]++] = e->width;
        }
        if (e->frames > 0) {
            value[2 * c->entries + n[2]++] = e->frames;
        }
    }
    r->height = range_of(value, n[0]);
    r->width = range_of(value + c->entries, n[1]);
    r->length = range_of(value + 2 * c->entries, n[2]);
    s4d_mem_free(value);
    return S4D_OK;
}

/* ---- the whole ---- */

static s4d_status run(check *c, s4d_err *err)
{
    s4d_check_report *r = c->report;
    s4d_status (*const step[])(check *, s4d_err *) = {check_make_entries, draw_sample,  check_files,  check_contents,
                                                      check_tell,         check_labels, check_known,  check_overlap, count_up};
    s4d_status status = s4d_table_read(c->opts->manifest, &r->table, err);
    if (status == S4D_OK && r->table.count == 0) {
        status = s4d_err_set(err, S4D_FAILED, "%s: the manifest has no sample; add lines", c->opts->manifest);
    }
    if (status == S4D_OK) {
        status = s4d_stats_make(&r->table, &r->stats, err);
        if (status != S4D_OK) {
            s4d_err_prefix(err, "%s", c->opts->manifest);
        }
    }
    for (size_t i = 0; i < sizeof step / sizeof *step && status == S4D_OK; i++) {
        status = step[i](c, err);
    }
    if (status == S4D_OK && c->opts->hashes) {
        status = s4d_table_write(c->opts->hashes, &r->table, err);
    }
    if (status == S4D_OK && r->findings > 1) {
        qsort(r->finding, r->findings, sizeof *r->finding, by_kind);
    }
    return status;
}

s4d_status s4d_check_run(const s4d_check_opts *opts, s4d_check_report *out, s4d_err *err)
{
    check c = {.opts = opts, .report = out};
    double begin = s4d_clock_ms();
    *out = (s4d_check_report){0};
    s4d_status status = S4D_OK;
    if (opts->root) {
        status = s4d_path_join(out->root, "", opts->root, err);
    } else {
        s4d_path_dir(out->root, opts->manifest);
    }
    if (status == S4D_OK) {
        status = s4d_store_open(out->root, &c.store, err);
    }
    if (status == S4D_OK) {
        status = run(&c, err);
    }
    s4d_store_close(&c.store);
    out->seconds = (s4d_clock_ms() - begin) / 1000;
    check_release_entries(&c);
    s4d_str_release(&c.text);
    if (status != S4D_OK) {
        s4d_check_release(out);
    }
    return status;
}

void s4d_check_release(s4d_check_report *r)
{
    s4d_mem_free(r->finding);
    s4d_texts_release(&r->texts);
    s4d_stats_release(&r->stats);
    s4d_table_release(&r->table);
    *r = (s4d_check_report){0};
}
