/* The tensors a model has under its published names, with their shapes, from its sizes. Private to
 * src/ckpt. */
#ifndef S4D_CKPT_LAYOUT_H
#define S4D_CKPT_LAYOUT_H

#include "ckpt/geometry.h"
#include "s4d/tensor/tensor.h"

typedef enum s4d_layout_kind {
    S4D_LAYOUT_PRETRAIN, /* encoder.*, decoder.*, encoder_to_decoder, mask_token */
    S4D_LAYOUT_ENCODER,  /* encoder.* alone */
    S4D_LAYOUT_FINETUNE  /* blocks.*, fc_norm, heads, experts */
} s4d_layout_kind;

typedef struct s4d_layout_opts {
    s4d_layout_kind kind;
    const s4d_geometry *geometry; /* tubelet, patch, dims, depths and mlp_ratio are known */
    bool norm;                    /* whether it has its last one: encoder.norm, fc_norm */
    int64_t classes[2];           /* heads: image, video; 0: none */
} s4d_layout_opts;

enum { S4D_LAYOUT_NAME_MAX = 96 };

typedef struct s4d_layout_item {
    char name[S4D_LAYOUT_NAME_MAX];
    int rank;
    int64_t dim[S4D_MAX_RANK];
} s4d_layout_item;

typedef struct s4d_layout {
    s4d_layout_item *item;
    size_t count, room;
    bool failed; /* no memory */
} s4d_layout;

s4d_status s4d_layout_make(s4d_layout *out, const s4d_layout_opts *opts, s4d_err *err);
const char *s4d_layout_norm(s4d_layout_kind kind); /* the last norm's name */
void s4d_layout_release(s4d_layout *layout);

#endif
