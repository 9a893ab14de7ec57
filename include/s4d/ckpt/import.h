/* A file of any kind and any program as float tensors under the published names, with a report of
 * every tensor. */
#ifndef S4D_CKPT_IMPORT_H
#define S4D_CKPT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/ckpt/file.h"
#include "s4d/ckpt/safetensors.h"
#include "s4d/tensor/tensor.h"

typedef struct s4d_import s4d_import;

typedef struct s4d_import_opts {
    s4d_ckpt_opts file; /* where the model is in the file */
    const char
        *strip; /* taken off names before they are looked at, besides known wrappers; NULL: none */
    const char *from;   /* whose names they are: s4d, videomae, mae-dfer, mae, timm, transformers;
                           NULL: told by the names */
    const char *config; /* a resolved config of ours as JSON text, for what shapes do not show;
                           NULL: none */
    const char *config_name; /* for sentences */
    int tubelet_size; /* frames that a 2-D patch kernel is inflated to, without a config; 0: 2 */
    const char *const *allow; /* globs of names that may be missing, left out or of another shape;
                                 what is missing begins anew */
    int allowed;
} s4d_import_opts;

typedef enum s4d_import_verdict {
    S4D_IMPORT_USED,
    S4D_IMPORT_RESHAPED, /* split, joined, inflated */
    S4D_IMPORT_IGNORED,
    S4D_IMPORT_MISSING
} s4d_import_verdict;
const char *s4d_import_verdict_name(s4d_import_verdict verdict);

typedef struct s4d_import_line {
    s4d_import_verdict verdict;
    bool fault; /* nothing allows it */
    char *name; /* ignored: in the file; else the published one */
    char *detail;
} s4d_import_line;

typedef struct s4d_import_tensor {
    const char *name;
    int rank;
    int64_t dim[S4D_MAX_RANK];
    int64_t count;
} s4d_import_tensor;

/* Faults (s4d_import_faults) are no error here: the caller looks at the report. S4D_FAILED: the
 * file cannot be read or is of no model that is known, or the config is of another one; S4D_USAGE:
 * from. */
s4d_status s4d_import_open(const char *path, const s4d_import_opts *opts, s4d_import **out,
                           s4d_err *err);
void s4d_import_close(s4d_import **im); /* NULL accepted */

const char *s4d_import_from(const s4d_import *im); /* the map in use */
/* Why it can only be what fine-tuning begins with, or NULL: its outputs would not be what they
 * were. */
const char *s4d_import_start_only(const s4d_import *im);
/* The file as it is, for what stands beside the model in it. */
const s4d_ckpt *s4d_import_file(const s4d_import *im);
/* Tells by the log where the model was found, what else there is to choose, and of pixels that it
 * has seen normalised in another way. */
void s4d_import_tell_choice(const s4d_import *im);
const char *s4d_import_prefix(const s4d_import *im); /* taken off names, "" for none */
size_t s4d_import_count(const s4d_import *im);
const s4d_import_tensor *s4d_import_at(const s4d_import *im, size_t i);
const s4d_import_tensor *s4d_import_find(const s4d_import *im, const char *name); /* NULL: absent */
/* t is of this file; `out` has room for t->count. Numbers that are not finite are an error. */
s4d_status s4d_import_read(s4d_import *im, const s4d_import_tensor *t, float *out, s4d_err *err);

size_t s4d_import_lines(const s4d_import *im);
const s4d_import_line *s4d_import_line_at(const s4d_import *im, size_t i);
size_t s4d_import_faults(const s4d_import *im);
/* S4D_FAILED with a sentence about the first fault, unless there is none. */
s4d_status s4d_import_check(const s4d_import *im, s4d_err *err);

/* What is known of the model: "format", "s4d.stage", "config", "classes.image", ... */
size_t s4d_import_metadata_count(const s4d_import *im);
const s4d_safetensors_pair *s4d_import_metadata_at(const s4d_import *im, size_t i);
const char *s4d_import_metadata(const s4d_import *im, const char *key); /* NULL: absent */

/* All of it as a safetensors file, replaced as a whole; S4D_FAILED where s4d_import_check fails,
 * with nothing written. */
s4d_status s4d_import_write(s4d_import *im, const char *path, s4d_err *err);

#endif
