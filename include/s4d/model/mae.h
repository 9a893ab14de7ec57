/* Stage 1: the dual-modal masked autoencoder (METHOD.md section 4). */
#ifndef S4D_MODEL_MAE_H
#define S4D_MODEL_MAE_H

#include "s4d/base/mem.h"
#include "s4d/model/options.h"
#include "s4d/model/params.h"

typedef struct s4d_mae s4d_mae;

/* Builds the parameter table and the position tables; weights are not allocated yet. */
s4d_status s4d_mae_create(s4d_backend *be, const s4d_model_opts *opts, s4d_mae **out, s4d_err *err);
void s4d_mae_destroy(s4d_mae **mae);
s4d_params *s4d_mae_params(s4d_mae *mae);

typedef struct s4d_mae_input {
    s4d_tensor pixels;          /* real [B,3,T,S,S], T = 1 for images, normalised with mean and std */
    s4d_tensor visible, masked; /* i32 [B,V], [B,M], rising */
    s4d_tensor keep;            /* optional real [2*(depth+decoder depth),B]: drop path, 0 or 1/(1-p), a row for each
                                 * residual branch in order */
    float mean[3], std[3];
} s4d_mae_input;

/* Tensors in the arena, good until it is reset. */
typedef struct s4d_mae_output {
    s4d_tensor encoder;    /* [B,V,D] after encoder.norm */
    s4d_tensor prediction; /* [B,M,3*t*P*P] of the masked tokens */
    s4d_tensor target;     /* the same shape */
    s4d_tensor loss;       /* F64 [1] */
} s4d_mae_output;

/* keep_activations: what backward needs stays in the arena. */
void s4d_mae_forward(s4d_mae *mae, s4d_arena *arena, const s4d_mae_input *in, bool keep_activations,
                     s4d_mae_output *out);
/* Adds the gradients of scale * loss of the last forward, whose arena must not have been reset. */
void s4d_mae_backward(s4d_mae *mae, s4d_arena *arena, double scale);
/* Predictions and targets of ALL tokens, [B,N,3*t*P*P]; for pictures and tests. */
void s4d_mae_predict_all(s4d_mae *mae, s4d_arena *arena, const s4d_mae_input *in, s4d_mae_output *out);

#endif
