/* Reading a data set as it is distributed, official or as in the S4D release, into one manifest. */
#ifndef S4D_DATASET_INDEX_H
#define S4D_DATASET_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "s4d/base/err.h"
#include "s4d/base/str.h"
#include "s4d/data/options.h"
#include "s4d/data/table.h"

/* A known set or a general layout. */
typedef struct s4d_index_set {
    const char *name;
    const char *summary;
} s4d_index_set;

typedef struct s4d_index_opts {
    const char *set;                /* one of s4d_index_sets */
    const char *root;               /* the folder it was unpacked to */
    const char *train, *test, *val; /* lists, below root unless absolute, "{fold}" for a fold's number; NULL: looked for */
    const char *media;              /* folder of the clips or pictures, below root; NULL: looked for */
    const char *classes;            /* a table of data/labels or names with commas, for numbered labels; NULL: the set's */
    int first_label;                /* 0 or 1: the number of the first class; -1: by what the lists say */
    int fold;                       /* only the lists of this fold, as split train and test; 0: all of them */
    bool unlabelled;                /* labels are not read */
    bool keep_missing;              /* rows stay whose clip is not on disk */
    const char *pattern;            /* a regular expression (PCRE2) over paths, with groups label, subject, split, fold; NULL: the set's */
    const char *accept;             /* what is meant although it looks wrong: words of s4d_index_doubts with commas; NULL: nothing */
} s4d_index_opts;

typedef struct s4d_index_list {
    char *path; /* below root unless absolute */
    const char *split; /* "train", "test", "val" or "" */
    int fold;   /* 0: none */
    long samples;
} s4d_index_list;

typedef struct s4d_index {
    s4d_table table; /* paths below root, in natural order */
    char classes[S4D_MAX_CLASSES][S4D_CLASS_NAME_MAX]; /* canonical, in the set's order */
    int class_count;
    s4d_index_list *list; /* what was read; none where folders tell all */
    size_t lists;
    s4d_strlist decided; /* a line for each thing that could be read in more than one way, with the evidence */
} s4d_index;

/* In the order of the help. */
const s4d_index_set *s4d_index_sets(size_t *count);
/* What the manifest of a set is called unless the user says so: NAME.csv, or else where that is a file of the set. */
void s4d_index_manifest(const char *set, char out[80]);
/* What a set is refused for although it could be read, each with the word that accepts it. */
typedef struct s4d_index_doubt {
    const char *word, *summary;
} s4d_index_doubt;
const s4d_index_doubt *s4d_index_doubts(size_t *count);
/* Reads, checks and joins the lists, finds every sample on disk. The manifest is not written: s4d_table_write does; of a csv
 * with the images in it these are, into a folder beside it, when all else is good. S4D_FAILED: the first fault with its file,
 * line, the number of such faults and the remedy, or why what was read can be no set. S4D_USAGE: an unknown set or an option
 * the set does not take. The index is released after a failure; a zeroed one is releasable. */
s4d_status s4d_index_make(const s4d_index_opts *opts, s4d_index *out, s4d_err *err);
void s4d_index_release(s4d_index *index);

#endif
