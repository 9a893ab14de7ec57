/* What run folders say about their test sets, gathered for a table. Private to src/report. */
#ifndef S4D_REPORT_RESULTS_H
#define S4D_REPORT_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "s4d/base/file.h"
#include "s4d/base/json.h"
#include "s4d/base/str.h"

/* ---- a JSON file of a run folder (doc.c) ---- */

/* Getters take dotted keys. The first that finds no value of its kind sets status and err; later ones give 0 or "". */
typedef struct s4d_doc {
    char path[S4D_PATH_MAX];
    s4d_json *root;
    s4d_status status;
    s4d_err *err;
} s4d_doc;
s4d_status s4d_doc_open(s4d_doc *d, const char *folder, const char *name, s4d_err *err);
void s4d_doc_close(s4d_doc *d);
const s4d_json *s4d_doc_find(const s4d_doc *d, const char *key); /* NULL: absent */
const s4d_json *s4d_doc_node(s4d_doc *d, const char *key, s4d_json_kind kind);
int64_t s4d_doc_count(s4d_doc *d, const char *key); /* a whole number from 0 to INT32_MAX */
double s4d_doc_number(s4d_doc *d, const char *key);
bool s4d_doc_bool(s4d_doc *d, const char *key);
const char *s4d_doc_text(s4d_doc *d, const char *key);

/* ---- one evaluation of one set (outcome.c, pred.c) ---- */

typedef struct s4d_shares {
    double uar, war; /* fractions of 1 */
} s4d_shares;

typedef struct s4d_outcome {
    int64_t fold;         /* 0: of no fold */
    char *set, *protocol; /* protocol: in words, one paragraph */
    bool image;
    bool val;             /* of the validation list: never called a test */
    bool last;            /* of the last epoch, where the run keeps another one */
    s4d_strlist classes;  /* C of them, as metrics.json orders them */
    size_t samples;
    int64_t missing;
    int32_t *label, *pred;  /* [samples] */
    int64_t *support, *hit; /* [C] */
    s4d_shares shares;
    s4d_shares *resampled; /* [S4D_RESAMPLES], from s4d_resample */
} s4d_outcome;

/* FOLDER/PLACE/metrics.json and pred.csv, which must agree; PLACE is SET, SET.val or SET.last. The protocol is left to the caller. */
s4d_status s4d_outcome_read(const char *folder, const char *place, s4d_outcome *out, s4d_doc *metrics, s4d_err *err);
/* "test" or "validation" */
const char *s4d_outcome_split(const s4d_outcome *o);
void s4d_outcome_release(s4d_outcome *o);
/* Reads label and pred of FOLDER/pred.csv, whose columns must be o->classes. */
s4d_status s4d_pred_read(const char *folder, s4d_outcome *o, s4d_err *err);
/* support and hit [C] -> UAR over the classes with support, and WAR. At least one sample. */
s4d_shares s4d_shares_of(const int64_t *support, const int64_t *hit, size_t classes);

/* ---- the protocol in words (protocol.c) ---- */

/* config: config.resolved.json of the run. Sets o->protocol. */
s4d_status s4d_protocol_tell(s4d_doc *config, s4d_doc *metrics, s4d_outcome *o, s4d_err *err);

/* ---- the run folders of a command (collect.c) ---- */

/* A set of one RUN. */
typedef struct s4d_entry {
    const char *run; /* as it was given */
    bool folds;      /* outcomes are folds */
    s4d_outcome *outcome;
    size_t outcomes;
} s4d_entry;

typedef struct s4d_results {
    s4d_entry *entry;
    size_t entries;
} s4d_results;

s4d_status s4d_results_add(s4d_results *r, const char *run, s4d_err *err);
void s4d_results_release(s4d_results *r);
/* Whether both name the same classes, in whatever order. */
bool s4d_classes_same(const s4d_strlist *a, const s4d_strlist *b);

#endif
