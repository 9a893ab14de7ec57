/* The parameters of a model: one table of names and shapes over one block each for weights, gradients and moments. */
#ifndef S4D_MODEL_PARAMS_H
#define S4D_MODEL_PARAMS_H

#include "s4d/backend/backend.h"
#include "s4d/base/err.h"

enum { S4D_PARAM_NAME_MAX = 96 };

/* How a parameter starts (METHOD.md, end of section 4 and "New weights" of section 5). */
typedef enum s4d_init_kind {
    S4D_INIT_ZERO,
    S4D_INIT_ONE,
    S4D_INIT_XAVIER, /* uniform in +-sqrt(6 / (rows + columns)) */
    S4D_INIT_NORMAL, /* normal(0, 0.02), drawn again outside +-init_cut */
    S4D_INIT_FAN_IN  /* uniform in +-1/sqrt(fan_in) */
} s4d_init_kind;

typedef struct s4d_param {
    char name[S4D_PARAM_NAME_MAX]; /* the published name */
    int rank;
    int64_t dim[S4D_MAX_RANK];
    int64_t offset, count;         /* elements within the blocks */
    s4d_init_kind init;
    double init_cut;
    int64_t fan_in;
    int layer;    /* for layer-wise decay: 0 patch embedding, i+1 block i, depth+1 what follows */
    bool norm;    /* weight or bias of a LayerNorm */
    int modality; /* -1: every batch gives it a gradient; else only batches of that s4d_modality */
} s4d_param;

typedef struct s4d_params {
    s4d_param *item;
    int count, room;
    int64_t total;      /* elements of a block, padding included */
    s4d_tensor w, g;    /* real [total]; data NULL until allocated */
    s4d_tensor low;     /* act [total], w as products take it; a block of its own only where act is not real */
    s4d_tensor m, v;    /* AdamW's moments */
    bool failed;        /* no memory while the table was built */
} s4d_params;

/* Appends `spec` (name, shape, init, layer, ...; offset and count are set here) and returns its index.
 * packed: directly behind the one before, so that the experts of a layer form one [E,...] tensor. */
int s4d_params_add(s4d_params *p, const s4d_param *spec, bool packed);
void s4d_params_release(s4d_params *p);

/* Elements that count (without padding). */
int64_t s4d_params_elements(const s4d_params *p);
/* The types of the blocks, before they are allocated. */
void s4d_params_type(s4d_params *p, const s4d_backend *be);
/* Bytes of all blocks. */
size_t s4d_params_bytes(const s4d_params *p, bool train);
int s4d_params_find(const s4d_params *p, const char *name); /* index or -1 */

/* Allocates weights (zeroed) and, when train, gradients and moments. */
s4d_status s4d_params_alloc(s4d_params *p, s4d_backend *be, bool train, s4d_err *err);
void s4d_params_free(s4d_params *p, s4d_backend *be);

/* Views of one parameter, in its own shape: of any of the blocks, of the weights, of the gradients. */
s4d_tensor s4d_params_view(const s4d_params *p, s4d_tensor block, int index);
s4d_tensor s4d_params_w(const s4d_params *p, int index);
s4d_tensor s4d_params_low(const s4d_params *p, int index);
s4d_tensor s4d_params_g(const s4d_params *p, int index);

/* To be called after w was written other than by s4d_adamw with `low`. */
void s4d_params_refresh(const s4d_params *p, s4d_backend *be);
bool s4d_params_has_low(const s4d_params *p);

/* Draws every weight from its own stream (seed, S4D_RNG_INIT, index). */
s4d_status s4d_params_init(s4d_params *p, s4d_backend *be, uint64_t seed, s4d_err *err);

#endif
