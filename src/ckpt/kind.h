/* What a file is, told by its first bytes. Private to src/ckpt. */
#ifndef S4D_CKPT_KIND_H
#define S4D_CKPT_KIND_H

#include "s4d/base/reader.h"

typedef enum s4d_kind {
    S4D_KIND_SAFETENSORS,
    S4D_KIND_ZIP,    /* PyTorch's, or another archive */
    S4D_KIND_LEGACY, /* PyTorch before 1.6 */
    S4D_KIND_JSON    /* the list of a sharded file */
} s4d_kind;

/* S4D_FAILED: a file that holds no weights s4d reads; the sentence says what it is and what to do.
 */
s4d_status s4d_kind_of(const s4d_reader *file, s4d_kind *out, s4d_err *err);

#endif
