/* Dividing a manifest: k folds, or train and test, stratified by class, and disjoint by subject. */
#ifndef S4D_DATASET_SPLIT_H
#define S4D_DATASET_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/data/table.h"
#include "s4d/dataset/check.h"

typedef enum s4d_split_by {
    S4D_SPLIT_AUTO, /* by subject where the manifest has any, else by sample */
    S4D_SPLIT_SUBJECT,
    S4D_SPLIT_SAMPLE
} s4d_split_by;

typedef struct s4d_split_opts {
    int folds;         /* 2..1000: the column fold; 0: train and test, the column split */
    double test_share; /* of the samples, within (0, 1); only with folds = 0 */
    s4d_split_by by;
    uint64_t seed;
    bool replace; /* a split or folds that are there already give way; else they are refused */
    /* Rows whose files hold the same bytes stay together, where root is not NULL: paths are below it. Only files of one size are
     * read. */
    const char *root, *manifest; /* the latter for sentences */
    int threads;                 /* 0: as many as processors */
    void (*progress)(void *arg, const s4d_check_progress *now); /* as in s4d_check_opts */
    void *arg;
} s4d_split_opts;

typedef struct s4d_split_result {
    bool by_subject;
    size_t groups;         /* what is never divided: people, or files (a path that stands in several rows is one) */
    size_t without_subject; /* rows that count as a person each, when by subject */
    size_t equal, contents; /* rows whose content others have too, and how many contents that is */
    size_t files, unread;   /* different paths, and those that are missing or cannot be read */
} s4d_split_result;

/* Sets the column fold or split of every row. The result depends on the seed and on what the rows say, not on their order.
 * Where every group is one row, the counts of a class differ by at most 1 between folds, and so do the folds' sizes; a test
 * share is met within one row of each class. Else groups go, the largest first, where they disturb the shares of the
 * classes least. Of a test share a class with one row or group is trained on, one with more is on both sides where groups
 * allow. S4D_FAILED: more folds than groups, or than groups that hold some class; a share that leaves one side empty;
 * nothing to test without taking a class out of training; no subject where by subject is asked for. An interruption: its
 * status. */
s4d_status s4d_split_table(s4d_table *t, const s4d_split_opts *opts, s4d_split_result *out, s4d_err *err);

#endif
