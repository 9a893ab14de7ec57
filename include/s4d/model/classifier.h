/* Stage 2: the encoder with Mixture of Adapter Experts and one head per modality (METHOD.md section 5). */
#ifndef S4D_MODEL_CLASSIFIER_H
#define S4D_MODEL_CLASSIFIER_H

#include "s4d/base/mem.h"
#include "s4d/model/options.h"
#include "s4d/model/params.h"

typedef struct s4d_classifier s4d_classifier;

/* classes[modality]: width of that head, 0 = no such head. */
s4d_status s4d_classifier_create(s4d_backend *be, const s4d_model_opts *opts, const int classes[2],
                                 s4d_classifier **out, s4d_err *err);
void s4d_classifier_destroy(s4d_classifier **c);
s4d_params *s4d_classifier_params(s4d_classifier *c);

typedef struct s4d_classifier_input {
    s4d_modality modality;
    s4d_tensor pixels;  /* real [B,3,T,S,S], T = 1 for images */
    s4d_tensor target;  /* real [B,C], soft; not given: no loss */
    s4d_tensor weight, adjust; /* optional real [C]: class weights of the loss, added to the logits in it */
    s4d_tensor keep;    /* optional real [2*depth,B], see s4d_mae_input */
    const s4d_tensor *noise; /* optional: router noise [B,N,E] of each MoAE layer */
    uint64_t noise_key; /* else: noise of layer i is s4d_random normal of noise_key + i */
    bool training;      /* router noise and capacity on; else as moae.eval_noise and moae.eval_capacity say */
} s4d_classifier_input;

/* The routing of one MoAE layer, before capacity. */
typedef struct s4d_routing {
    s4d_tensor gate, index;   /* real and i32 [B*N,K], by falling noisy logit */
    s4d_tensor load, dropped; /* i32 [E], [1] */
} s4d_routing;

typedef struct s4d_classifier_output {
    s4d_tensor feature; /* [B,D] after fc_norm */
    s4d_tensor logits;  /* [B,C] */
    s4d_tensor prob;    /* [B,C]; with a target */
    s4d_tensor loss;    /* F64 [1]: cross-entropy; with a target */
    s4d_tensor balance; /* F64 [1]: summed over layers, not scaled; 0 without MoAE; with a target */
    int layers;         /* MoAE layers */
    s4d_tensor load, dropped; /* i32 [layers,E], [layers,1]: of each layer's s4d_moe_plan */
    const s4d_routing *routing; /* [layers]; only with keep_activations */
} s4d_classifier_output;

void s4d_classifier_forward(s4d_classifier *c, s4d_arena *arena, const s4d_classifier_input *in,
                            bool keep_activations, s4d_classifier_output *out);
/* Adds the gradients of scale * (loss + balance_coef * balance) of the last forward (keep_activations, with target). */
void s4d_classifier_backward(s4d_classifier *c, s4d_arena *arena, double scale);

#endif
