/* Shared by the files that divide a manifest. Private to dataset. */
#ifndef S4D_DATASET_SPLIT_PRIVATE_H
#define S4D_DATASET_SPLIT_PRIVATE_H

#include "s4d/dataset/split.h"
#include "s4d/dataset/stats.h"

/* A division in the making. Unlabelled rows count as one class more. */
typedef struct division {
    const s4d_table *t;
    const s4d_split_opts *opts;
    s4d_split_result *result;
    s4d_class_list classes;
    int strata, parts;
    size_t groups;
    const char **name;  /* [rows] the path in one spelling */
    s4d_texts names;    /* those that differ from the row's */
    size_t *order;      /* [rows] by path, start and line */
    size_t *root;       /* [rows] a row of the same group, itself at the group's root */
    uint32_t *group_of; /* [rows] */
    int32_t *class_of;  /* [rows] */
    uint32_t *held;     /* [groups,strata] rows of a class */
    uint32_t *size;     /* [groups] rows */
    uint32_t *turn;     /* [groups] in the order they are placed */
    uint32_t *rank;     /* [groups] place in a random order */
    int *part_of;       /* [groups] */
    double *share;      /* [parts] */
    double *placed;     /* [parts,strata + 1] rows; the last: of any class */
    double *total;      /* [strata + 1] */
} division;

/* Makes one group of those of two rows. */
void split_join(division *d, size_t row, size_t other);
/* Joins rows whose files hold the same bytes. */
s4d_status split_join_contents(division *d, s4d_err *err);

/* Rows of each class in a group. */
static inline const uint32_t *split_held(const division *d, size_t group)
{
    return d->held + group * (size_t)d->strata;
}

/* Gives every group a part. */
void split_place(division *d);
/* Of a test share: a class that one group alone holds is trained on; one that several hold is on both sides where groups
 * can be moved so. S4D_FAILED: nothing can be tested without taking a class out of training. */
s4d_status split_keep_sides(division *d, bool subjects, s4d_err *err);

#endif
