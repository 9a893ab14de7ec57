/* A model on a device with its memory: takes host batches, runs steps and predictions. Private to src/train. */
#ifndef S4D_TRAIN_ENGINE_H
#define S4D_TRAIN_ENGINE_H

#include "s4d/base/mem.h"
#include "s4d/model/classifier.h"
#include "s4d/model/mae.h"
#include "s4d/train/optim.h"
#include "s4d/train/options.h"

/* How the loss answers classes of unequal size; the arrays have an entry for each class. */
typedef struct s4d_imbalance {
    bool weighted, adjusted;
    float weight[S4D_MAX_CLASSES], adjust[S4D_MAX_CLASSES];
} s4d_imbalance;
/* count [classes]: training samples of each; not all 0. A class without samples weighs 0 and is adjusted as if it had half
 * of one. */
void s4d_imbalance_make(const s4d_train_opts *o, const int64_t *count, int classes, s4d_imbalance *out);

typedef struct s4d_engine {
    const s4d_run_opts *o;
    s4d_backend *be;
    s4d_mae *mae;               /* stage pretrain, else NULL */
    s4d_classifier *classifier; /* stage finetune, else NULL */
    s4d_params *params;
    int classes[2];
    s4d_imbalance imbalance[2]; /* by modality; set before s4d_engine_alloc, which plans for it */
    s4d_tensor average;         /* real [params->total], the moving average of the weights; data NULL without train.ema */
    s4d_arena arena;
    float *host;                /* host scratch of host_count floats */
    size_t host_count;
    int predict_slot;           /* the backend's slot of the last prediction */
    /* Of an update, on the device: */
    s4d_tensor losses;          /* F64 [accumulate, 1 or 2]: loss and balance of each batch */
    s4d_tensor square, norm, factor; /* F64 [1] */
    s4d_tensor go;              /* i32 [1] */
} s4d_engine;

/* The largest batch of each modality an engine must take; 0: none. Views count as samples. */
typedef struct s4d_engine_load {
    int train[2], predict[2];
} s4d_engine_load;

/* Creates backend, model and position tables; no weights or step memory yet. */
s4d_status s4d_engine_create(const s4d_run_opts *o, const int classes[2], s4d_engine *out, s4d_err *err);
void s4d_engine_release(s4d_engine *e);

/* Bytes of the step arena for that load, by running the step over a counting arena. */
size_t s4d_engine_step_bytes(s4d_engine *e, const s4d_engine_load *load);
/* Allocates weights (gradients and moments when load asks for training) and the step arena. */
s4d_status s4d_engine_alloc(s4d_engine *e, const s4d_engine_load *load, s4d_err *err);

/* A training batch and the update after it share a turn: their results lie in one of the backend's two slots until the slot's
 * next turn. On a device that works behind the caller's back, reading them waits; so a turn is best read after the next
 * one was issued. */

typedef struct s4d_step_result {
    double loss;    /* pre-training loss, or cross-entropy */
    double balance; /* summed over layers, not scaled */
    int64_t load[64], dropped; /* expert choices before capacity, over all MoAE layers; choices lost to capacity */
} s4d_step_result;

typedef struct s4d_engine_turn {
    int slot;       /* 0 or 1, in turn */
    int place;      /* of this batch among those of its update, from 0 */
    uint32_t epoch; /* draws are told apart by (epoch, batch->index) */
    double scale;   /* gradients of scale * total loss are added */
} s4d_engine_turn;
/* Issues forward and backward of one batch, which is not needed any more on return. */
s4d_status s4d_engine_train(s4d_engine *e, const s4d_batch *batch, const s4d_engine_turn *turn, s4d_err *err);
/* What it came to. */
void s4d_engine_result(s4d_engine *e, int slot, s4d_step_result *out);

typedef struct s4d_engine_step {
    int slot;       /* of the update's last batch */
    int batches;    /* places it sums */
    double rate;
    s4d_modality modality; /* of all of them */
} s4d_engine_step;
/* Issues an update: the gradients' norm, clipping by train.clip_grad, AdamW, the average, gradients back to 0. The device
 * itself leaves weights and average alone where the norm or a loss is not finite. */
s4d_status s4d_engine_update(s4d_engine *e, s4d_optim *optim, const s4d_engine_step *step, s4d_err *err);
/* The norm before clipping; false: the update was left alone. */
bool s4d_engine_updated(s4d_engine *e, int slot, double *norm);

/* Logits [count, classes] of a test batch. */
s4d_status s4d_engine_predict(s4d_engine *e, const s4d_batch *batch, double *logits, s4d_err *err);
void s4d_engine_zero_grad(s4d_engine *e);
/* What was added to the gradients so far, times factor. */
void s4d_engine_scale_grad(s4d_engine *e, double factor);

/* The average begins at the weights. Nothing without train.ema. */
void s4d_engine_begin_average(s4d_engine *e);
/* Weights and average change places. */
void s4d_engine_swap_average(s4d_engine *e);

/* Pixels are normalised with ImageNet's statistics (METHOD.md section 1). */
extern const float s4d_pixel_mean[3], s4d_pixel_std[3];

#endif
