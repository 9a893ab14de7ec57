/* Checking a manifest against what is on disk, and against itself. */
#ifndef S4D_DATASET_CHECK_H
#define S4D_DATASET_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/file.h"
#include "s4d/data/table.h"
#include "s4d/dataset/stats.h"

enum { S4D_CHECK_ALL = -1 };

typedef struct s4d_check_progress {
    const char *what; /* "files", "contents" */
    size_t done, total;
    double seconds; /* since this stage began */
} s4d_check_progress;

typedef struct s4d_check_opts {
    const char *manifest;
    const char *root; /* paths are below it; NULL: the manifest's folder */
    int64_t decode;   /* S4D_CHECK_ALL, or a sample of so many files, drawn with a fixed seed; 0: none */
    int threads;      /* 0: as many as processors */
    const char *hashes; /* the manifest is written here again with the column "content" filled; NULL: not */
    const char *set;  /* "dfew", "ferv39k", "mafw": its sizes must be met; NULL: guessed, and only noted */
    void (*progress)(void *arg, const s4d_check_progress *now); /* some ten times a second, by the caller's thread; or NULL */
    void *arg;
} s4d_check_opts;

typedef enum s4d_check_kind {
    /* faults */
    S4D_CHECK_MISSING,        /* no such file or folder; one finding for all where nothing is there */
    S4D_CHECK_UNREADABLE,     /* empty, damaged, not what it should be */
    S4D_CHECK_MIXED_SIZES,    /* frames of one clip differ in size */
    S4D_CHECK_ALTERED,        /* a content other than the manifest's */
    S4D_CHECK_DUPLICATE,      /* one path, and the same part of it, in several rows that train together */
    S4D_CHECK_SAME_CONTENT,   /* two paths, the same bytes */
    S4D_CHECK_OVERLAP,        /* one path trains and tests */
    S4D_CHECK_CONTENT_OVERLAP, /* the same bytes train and test */
    S4D_CHECK_SUBJECT_OVERLAP, /* a person trains and tests */
    S4D_CHECK_UNDIVIDED,      /* neither split nor fold where other rows have one: trains and tests */
    S4D_CHECK_NUMBER,         /* labels are numbers; one finding for all */
    S4D_CHECK_CLASS,          /* a class that the named set does not have */
    S4D_CHECK_SIZE,           /* a count that differs from the named set's */
    /* notes */
    S4D_CHECK_SIZE_GUESSED, /* the same, of a set that was guessed */
    S4D_CHECK_ORDER,        /* frames have another order by number than by letter */
    S4D_CHECK_UNLABELLED,   /* no label where other rows have one */
    S4D_CHECK_SPELLING,     /* synonyms for one class */
    S4D_CHECK_KINDS
} s4d_check_kind;
enum { S4D_CHECK_FAULTS = S4D_CHECK_SIZE_GUESSED }; /* kinds below are faults */

typedef struct s4d_check_finding {
    s4d_check_kind kind;
    long row, other; /* places in the table, -1: none */
    const char *text; /* a sentence with its lines and paths */
} s4d_check_finding;

/* Least, middle and largest of n values; all 0 where n is 0. */
typedef struct s4d_check_range {
    size_t n;
    double min, median, max;
} s4d_check_range;

/* A count of a known set beside what is there. */
typedef struct s4d_check_size {
    char what[96];
    size_t expected, tolerance, found;
} s4d_check_size;

enum { S4D_CHECK_SIZES_MAX = 16 };

typedef struct s4d_check_report {
    char root[S4D_PATH_MAX];
    s4d_table table;
    s4d_stats stats;
    bool nothing_there;                /* no path is: the first finding tells */
    size_t pictures, videos, folders;  /* different paths that are there */
    size_t decoded, frames, hashed;    /* clips and pictures decoded, their frames, files whose content was compared */
    s4d_check_range height, width, length; /* of first frames, and frames of clips, as far as they are known */
    const char *set;                   /* NULL: none known */
    bool set_guessed;
    s4d_check_size size[S4D_CHECK_SIZES_MAX]; /* those that the manifest's columns allow to compare */
    int sizes;
    s4d_check_finding *finding; /* by kind, then by row */
    size_t findings, room, count[S4D_CHECK_KINDS];
    s4d_texts texts; /* of the findings */
    double seconds;
} s4d_check_report;

/* S4D_OK whatever is found. An interruption: its status, nothing is reported. A zeroed report is releasable. */
s4d_status s4d_check_run(const s4d_check_opts *opts, s4d_check_report *out, s4d_err *err);
void s4d_check_release(s4d_check_report *r);
size_t s4d_check_faults(const s4d_check_report *r);
/* Writes the report as strict JSON; data/README.md tells its keys. */
s4d_status s4d_check_write(const char *path, const s4d_check_report *r, s4d_err *err);

/* "missing", as in JSON, and "no such file or folder", for tables. */
const char *s4d_check_key(s4d_check_kind kind);
const char *s4d_check_title(s4d_check_kind kind);
/* Whether a set's sizes are known. */
bool s4d_check_knows(const char *set);

#endif
