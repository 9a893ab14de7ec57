/* Any file of named tensors, as it is: safetensors, PyTorch's zip form and its older form. Of
 * PyTorch's files the tensors under the top key "model", "module" or "state_dict" are taken, else
 * those of the whole; nothing in them is executed. */
#ifndef S4D_CKPT_FILE_H
#define S4D_CKPT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/tensor/tensor.h"

typedef enum s4d_ckpt_kind {
    S4D_CKPT_SAFETENSORS,
    S4D_CKPT_TORCH_ZIP,
    S4D_CKPT_TORCH_LEGACY
} s4d_ckpt_kind;
const char *s4d_ckpt_kind_name(s4d_ckpt_kind kind);

typedef struct s4d_ckpt s4d_ckpt;

typedef struct s4d_ckpt_tensor {
    const char *name; /* UTF-8 */
    s4d_dtype dtype;
    int rank; /* 1..6; a shape () is [1] */
    int64_t dim[S4D_MAX_RANK];
    int64_t count; /* elements */
    size_t bytes;
} s4d_ckpt_tensor;

/* What stands beside the tensors: metadata, other top keys ("epoch"), things that are no tensors.
 */
typedef struct s4d_ckpt_note {
    const char *key, *value;
} s4d_ckpt_note;

/* Everything but the numbers is checked here. The file must not be cut short while it is open. A
 * folder stands for its model.safetensors or pytorch_model.bin, with config.json beside. Errors are
 * S4D_FAILED. */
s4d_status s4d_ckpt_open(const char *path, s4d_ckpt **out, s4d_err *err);
void s4d_ckpt_close(s4d_ckpt **file); /* NULL accepted */

const char *s4d_ckpt_path(const s4d_ckpt *file); /* of the file itself, where a folder was given */
s4d_ckpt_kind s4d_ckpt_kind_of(const s4d_ckpt *file);
const char *
s4d_ckpt_top(const s4d_ckpt *file); /* the top key the tensors stand under, "" for none */
const char *s4d_ckpt_beside(
    const s4d_ckpt *file); /* the text of config.json where a folder was given, or NULL */

size_t s4d_ckpt_count(const s4d_ckpt *file);
const s4d_ckpt_tensor *s4d_ckpt_at(const s4d_ckpt *file, size_t i); /* in the file's order */
const s4d_ckpt_tensor *s4d_ckpt_find(const s4d_ckpt *file, const char *name); /* NULL: absent */

size_t s4d_ckpt_notes(const s4d_ckpt *file);
const s4d_ckpt_note *s4d_ckpt_note_at(const s4d_ckpt *file, size_t i);
const char *s4d_ckpt_note_find(const s4d_ckpt *file, const char *key); /* NULL: absent */

/* All elements in row-major order, in the tensor's own type; `out` has room for t->bytes. PyTorch's
 * zip form is read and its checksums are checked here. t is of this file. */
s4d_status s4d_ckpt_read(s4d_ckpt *file, const s4d_ckpt_tensor *t, void *out, s4d_err *err);
/* The same as floats, from F32, F64, F16, BF16. Other types are an error. */
s4d_status s4d_ckpt_read_floats(s4d_ckpt *file, const s4d_ckpt_tensor *t, float *out, s4d_err *err);

#endif
