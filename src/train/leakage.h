/* Lists held against each other before the first step: what is tested must not be trained on. Private to src/train. */
#ifndef S4D_TRAIN_LEAKAGE_H
#define S4D_TRAIN_LEAKAGE_H

#include "s4d/data/manifest.h"
#include "s4d/train/options.h"

/* Samples of a list that another list has too; each counts once, under the first that fits. */
typedef struct s4d_shared {
    int64_t files;    /* the same part of the same file or folder, by whatever name; -1: not held against it */
    int64_t contents; /* the same bytes under another name; -1: not compared, as neither data.check asks for it nor both lists name
                       * their contents */
    int64_t people;   /* people who are in it; -1: one of the lists names none */
} s4d_shared;

/* What was found out about a list that is evaluated. */
typedef struct s4d_leakage {
    int64_t samples;
    char list[24];           /* its fingerprint, in hexadecimal; "": there is no such list */
    s4d_shared train, val;   /* shared with the training list, with the validation list */
    int64_t untrained[S4D_MAX_CLASSES]; /* its samples of a class, where no training sample is of it */
    int trained;             /* classes with a training sample */
} s4d_leakage;

/* The three lists of a set; val and test may be empty. out: of val, of test. Warns of what is found. S4D_USAGE where every sample of
 * a list is in another one, unless data.same_list allows that. Files that cannot be read are passed over. */
s4d_status s4d_leakage_find(const s4d_run_opts *o, s4d_modality modality, const s4d_manifest *train, const s4d_manifest *val,
                            const s4d_manifest *test, s4d_leakage out[2], s4d_err *err);
/* As metrics.json and a model's metadata have it: one JSON object. Adds nothing where there is no such list. */
void s4d_leakage_json(const s4d_leakage *l, const s4d_manifest *list, s4d_str *out);

#endif
