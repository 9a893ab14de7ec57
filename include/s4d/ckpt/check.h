/* Whether a file of tensors is sound, and how two of them differ. */
#ifndef S4D_CKPT_CHECK_H
#define S4D_CKPT_CHECK_H

#include "s4d/base/err.h"
#include "s4d/base/str.h"
#include "s4d/ckpt/import.h"

/* What is wrong with a file: one sentence for each fault. Every number is read and must be finite;
 * names and shapes must be those of a model that is known, and of the file's own config where it
 * has one; class names must be as many as the rows of their head. A state file must hold both
 * moments of every tensor. A folder stands for its model, and state.safetensors and
 * average.safetensors where they are. opts: where in the file the model is. S4D_FAILED: it cannot be opened; *faults is empty then. */
s4d_status s4d_ckpt_verify(const char *path, const s4d_import_opts *opts, s4d_strlist *faults,
                           s4d_err *err);

typedef enum s4d_ckpt_change {
    S4D_CKPT_ONLY_A,
    S4D_CKPT_ONLY_B,
    S4D_CKPT_OTHER_SHAPE,
    S4D_CKPT_OTHER_VALUES
} s4d_ckpt_change;

typedef struct s4d_ckpt_difference {
    s4d_ckpt_change change;
    char *name;
    char a[128], b[128]; /* types and shapes */
    double absolute;     /* largest |a-b|; infinite where one of them is not a number */
    double relative;     /* that over the largest |a| or |b| of the tensor */
} s4d_ckpt_difference;

typedef struct s4d_ckpt_diff {
    s4d_ckpt_difference *item;
    size_t count, room;
    size_t same;   /* tensors that are equal, whatever their types */
    size_t unread; /* in both, but of types or with dimensions that are not read */
} s4d_ckpt_diff;

/* Tensors by their names as they stand in the files. */
s4d_status s4d_ckpt_compare(const char *a, const char *b, s4d_ckpt_diff *out, s4d_err *err);
void s4d_ckpt_diff_release(s4d_ckpt_diff *diff);

#endif
