/* Any file of named tensors, as it is: safetensors, PyTorch's zip form and its older form, whole or
 * in shards. Of PyTorch's objects the dict that holds the model is taken; nothing in them is
 * executed. */
#ifndef S4D_CKPT_FILE_H
#define S4D_CKPT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/base/file.h"
#include "s4d/base/str.h"
#include "s4d/ckpt/element.h"

typedef enum s4d_ckpt_kind {
    S4D_CKPT_SAFETENSORS,
    S4D_CKPT_TORCH_ZIP,
    S4D_CKPT_TORCH_LEGACY
} s4d_ckpt_kind;
const char *s4d_ckpt_kind_name(s4d_ckpt_kind kind);

typedef struct s4d_ckpt s4d_ckpt;

/* Why a tensor is listed but cannot be read. */
typedef enum s4d_ckpt_unread {
    S4D_CKPT_READABLE,
    S4D_CKPT_OTHER_TYPE,
    S4D_CKPT_MANY_DIMENSIONS, /* more than S4D_MAX_RANK */
    S4D_CKPT_WITHOUT_NUMBERS, /* saved from the meta device */
    S4D_CKPT_NEGATED,         /* kept with the other sign */
    S4D_CKPT_TOO_MANY         /* views that claim many times the bytes of the file */
} s4d_ckpt_unread;

typedef struct s4d_ckpt_tensor {
    const char *name, *type;    /* UTF-8; type: "F32", or as the file calls it */
    const s4d_element *element; /* NULL: a type that is not known */
    int rank;                   /* from 1; a shape () is [1] */
    int64_t dim[S4D_MAX_RANK];  /* the first of them */
    int64_t count;              /* elements */
    size_t bytes;
    bool expanded; /* a view that repeats numbers, as no parameter of a model does */
    s4d_ckpt_unread unread;
} s4d_ckpt_tensor;

/* Whether it can be read as floating-point numbers. */
bool s4d_ckpt_is_real(const s4d_ckpt_tensor *t);
/* "[2,3,4]", with "..." for dimensions beyond those held. */
void s4d_ckpt_shape_text(const s4d_ckpt_tensor *t, char text[128]);
/* What follows the name in a sentence: "is of the type C64, which is not read"; "" where it can be
 * read. */
void s4d_ckpt_unread_text(const s4d_ckpt_tensor *t, char text[128]);

/* What stands beside the tensors: metadata, other top keys ("epoch"), things that are no tensors.
 */
typedef struct s4d_ckpt_note {
    const char *key, *value;
} s4d_ckpt_note;

typedef struct s4d_ckpt_opts {
    const char *const
        *key; /* the way to the model in PyTorch's object: keys one below the other, or dotted */
    int keys; /* 0: found by the keys in use */
} s4d_ckpt_opts;

/* Everything but the numbers is checked here. A folder stands for the weights in it, a list of
 * shards (*.index.json) or one of the shards for all of them. opts NULL: as zeroed. Errors are
 * S4D_FAILED; S4D_USAGE: opts->key leads to no tensors. */
s4d_status s4d_ckpt_open(const char *path, const s4d_ckpt_opts *opts, s4d_ckpt **out, s4d_err *err);
void s4d_ckpt_close(s4d_ckpt **file); /* NULL accepted */

const char *s4d_ckpt_path(const s4d_ckpt *file); /* of the file itself, where a folder was given */
s4d_ckpt_kind s4d_ckpt_kind_of(const s4d_ckpt *file); /* of the first shard */
size_t s4d_ckpt_shards(const s4d_ckpt *file);         /* 1: one file */
/* The keys the tensors stand under, joined by dots; "" for none. */
const char *s4d_ckpt_top(const s4d_ckpt *file);
/* What else may be a model: "state_dict_ema (45 tensors)". */
const s4d_strlist *s4d_ckpt_others(const s4d_ckpt *file);
/* A small text file in the same folder; text->data NULL: there is none. Ends with a NUL and holds
 * no other.
 */
s4d_status s4d_ckpt_read_beside(const s4d_ckpt *file, const char *name, s4d_bytes *text,
                                s4d_err *err);

size_t s4d_ckpt_count(const s4d_ckpt *file);
const s4d_ckpt_tensor *s4d_ckpt_at(const s4d_ckpt *file, size_t i); /* in the file's order */
const s4d_ckpt_tensor *s4d_ckpt_find(const s4d_ckpt *file, const char *name); /* NULL: absent */

size_t s4d_ckpt_notes(const s4d_ckpt *file);
const s4d_ckpt_note *s4d_ckpt_note_at(const s4d_ckpt *file, size_t i);
const char *s4d_ckpt_note_find(const s4d_ckpt *file, const char *key); /* NULL: absent */

/* All elements in row-major order, in the tensor's own type; `out` has room for t->bytes. PyTorch's
 * zip form is read and its checksums are checked here. t is of this file and readable. */
s4d_status s4d_ckpt_read(s4d_ckpt *file, const s4d_ckpt_tensor *t, void *out, s4d_err *err);
/* The same as floats; of another tensor than s4d_ckpt_is_real it is an error. */
s4d_status s4d_ckpt_read_floats(s4d_ckpt *file, const s4d_ckpt_tensor *t, float *out, s4d_err *err);
/* All elements of a readable tensor as doubles, in memory of their own (s4d_mem_free); whole
 * numbers beyond 2^53 are rounded. */
s4d_status s4d_ckpt_read_doubles(s4d_ckpt *file, const s4d_ckpt_tensor *t, double **out,
                                 s4d_err *err);

#endif
