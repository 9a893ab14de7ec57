/* A set's list of samples, read and checked before anything else happens. */
#ifndef S4D_DATA_MANIFEST_H
#define S4D_DATA_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/data/options.h"

typedef struct s4d_sample {
    const char *id;      /* as in the list; of a part of a video with its seconds, "a.mp4@0.5-2" */
    const char *subject; /* who is seen; NULL where not known */
    const char *path;    /* root, padding and suffix applied */
    uint64_t content[2]; /* its file's hash as the manifest has it (s4d/data/content.h); 0, 0: it has none */
    int32_t label; /* class index, -1 for none */
    double start, end; /* seconds of a video: what counts of it (s4d_clip_source) */
} s4d_sample;

typedef struct s4d_manifest {
    s4d_sample *sample;
    size_t count, room;
    s4d_texts texts; /* of the samples */
    struct s4d_store *store; /* where the samples' paths are looked up (s4d/data/pack.h); NULL: plain files */
    int class_count;
    char classes[S4D_MAX_CLASSES][S4D_CLASS_NAME_MAX];
} s4d_manifest;

typedef enum s4d_list_role { S4D_LIST_TRAIN, S4D_LIST_VAL, S4D_LIST_TEST } s4d_list_role;

/* Reads opts->train, val or test by opts->format; "{fold}" in its name stands for opts->fold. Of a manifest (s4d/data/table.h)
 * the rows of that split count (those of split val in no other role), and with opts->fold those of that fold: it is tested, the
 * others train. So are the rows of any list with a header that has these columns. Every line is checked: columns, label in range
 * or a known class name (synonyms are one class), the path on disk, or in the pack where root is one (s4d/data/pack.h). Faults are
 * gathered: the sentence names the file, the first faulty line, how many there are, and of a path that is not there where it may
 * be; where no path is, it is about the root. An empty list is an error. on_bad decides only about paths that are absent: with SKIP
 * they stay in the list, to be counted when they are asked for. The label column may be absent only with S4D_LIST_PATHS. Without opts->val the
 * validation list is the rows of split val of the training manifest, or of the test manifest where there is none; that may be
 * empty, which is no error then. Without classes in opts no label is read: all are -1. An extension that a path and the suffix
 * share is not doubled: "train_00001.jpg" with the suffix "_aligned.jpg" is "train_00001_aligned.jpg". Classes are kept in canonical spelling. */
s4d_status s4d_manifest_read(const s4d_set_opts *opts, s4d_list_role role, s4d_bad_sample on_bad,
                             s4d_manifest *out, s4d_err *err);
void s4d_manifest_release(s4d_manifest *m);
/* Of the classes and of every sample's id, label and times, in order (XXH3-64); the same on machines of one byte order. */
uint64_t s4d_manifest_fingerprint(const s4d_manifest *m);

/* Class names and orders of the known sets, one table for each file in data/labels: "dfew", "ferv39k",
 * "ferv39k_maedfer", ... The count is 0 for an unknown table. */
int s4d_labels_table(const char *table, const char *const **names);
const char *s4d_labels_known(void); /* the tables' names, as "affectnet7, affectnet8, ..." */
/* The class that a code stands for in the names of a set's files, such as "03" in those of RAVDESS (case ignored); NULL:
 * the table has no such code. */
const char *s4d_labels_code(const char *table, const char *code);
/* The one spelling of a class name: "Angry" -> "anger", "happy" -> "happiness"; unknown names in small letters as they are.
 * What is not seen does not count, nor does how many blanks stand between words. */
void s4d_labels_canonical(const char *name, char out[S4D_CLASS_NAME_MAX]);
/* Index of a name among classes by canonical spelling, or -1. */
int s4d_labels_find(const char classes[][S4D_CLASS_NAME_MAX], int count, const char *name);
/* Whether a label is the number of a class, in any of the forms that are written: "3", "03", "3.0", "-1". out may be NULL. */
bool s4d_labels_number(const char *text, long *out);
/* Whether it is a number of any kind, and so no name. */
bool s4d_labels_numeric(const char *text);

#endif
