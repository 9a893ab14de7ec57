/* What the parts of the indexer share: the layouts, lists, lines, samples and the tree below the root. Private to dataset.
 * A job goes through: tree (what is on disk), find (which lists), read (their lines), labels (what they mean), merge (one
 * sample for all its lines), media (where it is on disk), rows. */
#ifndef S4D_DATASET_INDEX_JOB_H
#define S4D_DATASET_INDEX_JOB_H

#include <stdint.h>

#include "s4d/base/file.h"
#include "s4d/data/list.h"
#include "s4d/dataset/index.h"

typedef struct index_job index_job;

/* ---- a map from text to a number ---- */

typedef struct index_map {
    struct index_pair *pair;
    size_t count, room;
    s4d_texts texts; /* the keys */
} index_map;

/* The value of a key, or -1. */
long index_map_get(const index_map *m, const char *key);
/* Keys are copied; false: no memory. */
bool index_map_put(index_map *m, const char *key, long value);
void index_map_release(index_map *m);

/* ---- layouts ---- */

typedef enum index_role { INDEX_ANY, INDEX_TRAIN, INDEX_TEST, INDEX_VAL } index_role;
enum { INDEX_ROLES = 4, INDEX_FRAMES = 1, INDEX_VIDEO = 2, INDEX_PICTURE = 4 }; /* kinds of samples, as bits */

typedef struct index_layout {
    s4d_index_set set;
    const char *names; /* of its lists, for sentences */
    s4d_status (*run)(index_job *job, s4d_err *err);
    const char *tables[3];  /* what its numbers may mean; the first is that of the S4D release */
    unsigned media;         /* kinds of samples */
    s4d_list_cut cut;       /* of a list without separators */
    bool folds;             /* has lists by fold */
    const char *whole;      /* name of a list that holds training and test samples, by the beginning of the file's name */
    const char *prefer[2];  /* of several lists for one purpose, those with this in their path */
    const char *copy;       /* of several copies of a sample, the one with this in its path */
} index_layout;

s4d_status index_run_lists(index_job *job, s4d_err *err);
s4d_status index_run_direct(index_job *job, s4d_err *err); /* VideoMAE's lists: paths as they stand */
s4d_status index_run_csv(index_job *job, s4d_err *err);
s4d_status index_run_folders(index_job *job, s4d_err *err);
s4d_status index_run_voxceleb(index_job *job, s4d_err *err);

/* ---- lists and their lines ---- */

typedef struct index_list {
    char *path; /* below the root unless absolute; owned */
    index_role role;
    int fold; /* 0: none */
    s4d_list text; /* entries point into it */
    bool header;
    bool expressions; /* AffectNet's official csv: 8 and above are no classes */
} index_list;

typedef struct index_entry {
    char *name; /* of the sample, as listed */
    char *label; /* as listed; NULL where the line has none */
    long line;
    int list;
    int class; /* -1: none */
    bool left_out;
} index_entry;

/* ---- the tree ---- */

typedef struct index_unit {
    char *path; /* below the root */
    unsigned kind;
    bool taken;
} index_unit;

typedef struct index_tree {
    index_unit *unit;
    size_t count, room;
    s4d_strlist texts; /* .csv and .txt, below the root */
} index_tree;

/* Lists below the root, unless they are given, and units of the layout's kinds below the root or its media folder. */
s4d_status index_tree_walk(index_job *job, s4d_err *err);
/* Lists in the root itself alone. */
s4d_status index_tree_top(index_job *job, s4d_err *err);
void index_tree_release(index_tree *tree);
/* The kind by a file's ending, 0: neither video nor picture. */
unsigned index_kind_of(const char *name);

/* ---- samples ---- */

typedef struct index_sample {
    const char *name; /* as first listed */
    int list;
    long line;
    int class;
    uint32_t member[INDEX_ROLES]; /* by role, a bit for each slot */
    long unit; /* in the tree, -1: not found */
    char *path; /* owned */
    int fold;
    const char *split;
} index_sample;

enum { INDEX_SLOTS = 32 };

typedef struct index_faults {
    long count;
    char text[700];
} index_faults;

struct index_job {
    const s4d_index_opts *opts;
    const index_layout *layout;
    s4d_index *out;
    index_tree tree;
    index_list *list;
    size_t lists, list_room;
    index_entry *entry;
    size_t entries, entry_room;
    index_sample *sample;
    size_t samples, sample_room;
    index_faults faults;
    const char *table; /* of the classes, NULL: names only */
};

/* Adds a line about a decision; false: no memory. */
s4d_status index_decide(index_job *job, s4d_err *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Gathers a fault at a line of a list (line 0: of the whole list; list -1: of the set). */
void index_fault(index_job *job, int list, long line, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Gathers that a listed path is not on disk below the root, or its media folder; the first such fault tells where it may be. */
void index_fault_missing(index_job *job, int list, long line, const char *path);
/* S4D_FAILED with the first of the gathered faults, their number and the remedy; S4D_OK where there are none. */
s4d_status index_faults_end(index_job *job, const char *remedy, s4d_err *err);
s4d_status index_add_list(index_job *job, const char *path, index_role role, int fold, s4d_err *err);
s4d_status index_add_entry(index_job *job, const index_entry *entry, s4d_err *err);
/* The last part of a path brought to one form: without ending, zeros before a number, "_aligned". */
bool index_key(const char *path, bool with_parents, s4d_str *out);
/* A listed path in one spelling, which is never longer; *fault: why it cannot be taken, to follow the path, or NULL.
 * S4D_FAILED: it is too long. */
s4d_status index_spell(char out[S4D_PATH_MAX], const char *path, const char **fault, s4d_err *err);

/* What a list is for, by its name and the folders above. */
void index_read_name(const char *path, index_role *role, int *fold);
s4d_status index_find_lists(index_job *job, s4d_err *err);
s4d_status index_read_lists(index_job *job, s4d_err *err);
s4d_status index_read_labels(index_job *job, s4d_err *err);
s4d_status index_merge(index_job *job, s4d_err *err);
s4d_status index_find_media(index_job *job, s4d_err *err);
s4d_status index_find_direct(index_job *job, s4d_err *err);
/* opts->classes as the job's classes. */
s4d_status index_take_classes(index_job *job, s4d_err *err);
/* The class's place, added where the set has no table; -1: unknown or one too many. */
int index_class_of(index_job *job, const char *name);
s4d_status index_add_row(index_job *job, const s4d_row *row, s4d_err *err);
/* The role as a manifest's split. */
const char *index_split(index_role role);

#endif
