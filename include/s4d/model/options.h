/* Sizes of the model. Field names are the config's keys; defaults are the published ViT-Base. */
#ifndef S4D_MODEL_OPTIONS_H
#define S4D_MODEL_OPTIONS_H

#include <stdbool.h>

#include "s4d/backend/backend.h"

enum { S4D_MAX_LAYERS = 64 };

typedef struct s4d_tower_opts {
    int dim, depth, heads; /* heads divides dim */
} s4d_tower_opts;

/* Mixture of Adapter Experts (METHOD.md section 5); no layers: a plain ViT. */
typedef struct s4d_moae_opts {
    int layers[S4D_MAX_LAYERS]; /* block indices, rising */
    int layer_count;
    int experts, top_k;
    int reduction;              /* an expert is dim / reduction wide */
    double capacity_factor;
    double balance_coef;
    s4d_balance balance_loss;
    bool eval_noise, eval_capacity; /* published: true; default false */
} s4d_moae_opts;

typedef struct s4d_model_opts {
    int img_size, patch_size;      /* S, P: P divides S */
    int num_frames, tubelet_size;  /* T, t: t divides T */
    s4d_tower_opts encoder, decoder;
    int mlp_ratio;
    double drop_path;              /* of the last block; rises linearly from 0 */
    s4d_moae_opts moae;
} s4d_model_opts;

#endif
