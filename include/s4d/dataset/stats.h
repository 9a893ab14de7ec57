/* What a manifest holds: samples by class, split and fold, and how many people. */
#ifndef S4D_DATASET_STATS_H
#define S4D_DATASET_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "s4d/base/json.h"
#include "s4d/data/options.h"
#include "s4d/data/table.h"

/* Class names in canonical spelling (synonyms are one class), in alphabetical order. */
typedef struct s4d_class_list {
    int count;
    char name[S4D_MAX_CLASSES][S4D_CLASS_NAME_MAX];
} s4d_class_list;

/* The classes of a manifest; class_of[row] is each row's, -1 without a label. S4D_FAILED: more than S4D_MAX_CLASSES, or a
 * name over S4D_CLASS_NAME_MAX-1 bytes, with the line. */
s4d_status s4d_class_list_make(const s4d_table *t, s4d_class_list *out, int32_t *class_of, s4d_err *err);

/* Rows of one split and fold. */
typedef struct s4d_stats_group {
    char split[8]; /* "train", "val", "test"; "": none */
    int fold;      /* 0: none */
    size_t samples, labelled, subjects;
    size_t per_class[S4D_MAX_CLASSES];
} s4d_stats_group;

typedef struct s4d_stats {
    s4d_class_list classes;
    size_t samples, labelled, paths; /* paths: different ones */
    size_t subjects, with_subject;   /* different subjects; samples that have one */
    size_t per_class[S4D_MAX_CLASSES];
    double imbalance; /* largest class : smallest class; 0 without labels */
    s4d_stats_group *group; /* train, val, test, none; by fold inside */
    size_t groups;
} s4d_stats;

/* A zeroed struct is releasable. */
s4d_status s4d_stats_make(const s4d_table *t, s4d_stats *out, s4d_err *err);
void s4d_stats_release(s4d_stats *s);
/* One object; data/README.md tells its keys. */
void s4d_stats_put_json(const s4d_stats *s, s4d_json_writer *w);
/* "train", "fold 2", "test, fold 1"; "neither" without both. */
void s4d_group_name(const char *split, int fold, char out[32]);

#endif
