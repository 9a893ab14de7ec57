/* Reading what paths tell: the set's patterns, or the user's, and the files of labels. Private to dataset. */
#ifndef S4D_DATASET_INDEX_PATHS_H
#define S4D_DATASET_INDEX_PATHS_H

#include "dataset/index_job.h"
#include "dataset/index_regex.h"

enum { PATH_PARTS_MAX = 16 };

/* What the path says beside the label. */
typedef struct path_fact {
    char *subject; /* NULL: nothing */
    index_role role;
    int fold; /* 0: none */
    char *copy;
} path_fact;

typedef struct path_part {
    const char *text;
    long count;
} path_part;

typedef struct path_reader {
    index_job *job;
    const index_paths *how;
    index_regex *pattern[INDEX_PATTERNS], *label_file;
    const index_regex *fits; /* the one that fits the path at hand */
    path_fact *fact;         /* by entry */
    size_t facts;
    index_map seen;            /* ids, to entries */
    index_map labels;          /* keys, to units that hold labels */
    index_map folders;         /* paths of units that are folders of frames, to units */
    const index_unit *other;   /* the first that fits no pattern */
    const index_unit *kind[2]; /* an image, a clip */
    long others, copies, unlabelled;
    path_part part[PATH_PARTS_MAX];
    int parts;
    s4d_str text;
    s4d_err *err;
} path_reader;

s4d_status path_no_memory(path_reader *r);
/* The patterns as they are matched; S4D_USAGE: --pattern is none, or has other groups. */
s4d_status path_compile(path_reader *r);
/* Finds the pattern that fits; r->fits is NULL where none does. S4D_FAILED: it takes too long. */
s4d_status path_match(path_reader *r, const char *path);
/* A group's text of the last match, which lives as long as the job; NULL: it has none. S4D_FAILED: no memory. */
s4d_status path_group(path_reader *r, const char *name, char **out);
/* The files of labels by their keys. */
s4d_status path_find_labels(path_reader *r);
/* The label of a path that fits, a class's name where the set has codes. *skip: it has none and is left out. */
s4d_status path_take_label(path_reader *r, const index_unit *u, char **label, bool *skip);
s4d_status path_take_fact(path_reader *r, const index_unit *u, path_fact *out);

#endif
