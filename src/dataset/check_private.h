/* Shared by the files of the check. Private to dataset. */
#ifndef S4D_DATASET_CHECK_PRIVATE_H
#define S4D_DATASET_CHECK_PRIVATE_H

#include <math.h>

#include "s4d/data/pack.h"
#include "s4d/dataset/check.h"

typedef enum entry_kind { ENTRY_MISSING, ENTRY_PICTURE, ENTRY_VIDEO, ENTRY_FOLDER } entry_kind;

/* What few entries have. */
typedef struct check_oddity {
    char *trouble;  /* why it cannot be read */
    char *order[2]; /* neighbours by number that letters put the other way round */
} check_oddity;

/* Rows with the same path, start and end. */
typedef struct check_entry {
    uint64_t bytes, hash[2];
    uint32_t first, rows; /* in the check's order */
    uint32_t leader;      /* the first entry with this path; only leaders are hashed */
    int frames;           /* pictures of a folder, or frames of a decoded clip; 0: not known */
    int read;             /* frames decoded */
    int height, width;    /* of the first frame; 0: not known */
    int mixed, mixed_height, mixed_width; /* the first frame of another size and that size; 0: none */
    uint8_t kind;         /* entry_kind */
    bool wanted, decoded, hashed; /* wanted: to be decoded */
    check_oddity *odd;    /* NULL: nothing is */
} check_entry;

typedef struct check {
    const s4d_check_opts *opts;
    s4d_check_report *report;
    s4d_store *store; /* where paths are looked up; NULL: plain files */
    uint32_t *order; /* rows by path, start, end and line */
    check_entry *entry;
    size_t entries;
    uint32_t *candidate; /* entries whose content may equal another's */
    size_t candidates;
    s4d_str text; /* a sentence in the making */
} check;

static inline const s4d_row *check_row(const check *c, const check_entry *e)
{
    return &c->report->table.row[c->order[e->first]];
}

static inline bool check_cut(const s4d_row *row)
{
    return row->start > 0 || isfinite(row->end);
}

/* Rows with one path and time as one entry. */
s4d_status check_make_entries(check *c, s4d_err *err);
void check_release_entries(check *c);
/* Notes why an entry cannot be read; the first reason stays. A lack of memory is no fault of the entry: S4D_FAILED. */
s4d_status check_trouble(check_entry *e, const s4d_err *why, s4d_err *err);
/* The entry's, made where it has none; NULL: no memory. */
check_oddity *check_odd(check_entry *e);
static inline const char *check_why(const check_entry *e)
{
    return e->odd ? e->odd->trouble : NULL;
}
/* What is on disk: kinds, sizes, order of frames, decoding. Then the contents of files that may be equal. */
s4d_status check_files(check *c, s4d_err *err);
s4d_status check_contents(check *c, s4d_err *err);
/* Afterwards: brings the candidates that were read into an order in which equal contents are neighbours; whether two are equal. */
void check_sort_contents(check *c);
bool check_equal(const check *c, size_t candidate, size_t other);
/* Tells what was found about each entry, for each of its rows. */
s4d_status check_tell(check *c, s4d_err *err);
/* Labels that are missing, that are numbers, and that are synonyms. */
s4d_status check_labels(check *c, s4d_err *err);
/* Duplicates, and what trains and tests. */
s4d_status check_overlap(check *c, s4d_err *err);
/* Counts and classes of a known set. */
s4d_status check_known(check *c, s4d_err *err);

/* Runs body(check, item, scratch) for 0..n-1 on the check's threads. */
typedef struct check_task {
    const char *what;
    s4d_status (*body)(check *c, size_t item, void *scratch, s4d_err *err);
    void *(*scratch)(void); /* one a thread; NULL result: no memory; NULL: none is needed */
    void (*release)(void *scratch);
} check_task;
s4d_status check_parallel(check *c, const check_task *task, size_t n, s4d_err *err);

/* Adds a finding with the sentence that follows; finding.text is not looked at. */
s4d_status check_find(check *c, s4d_check_finding finding, s4d_err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
