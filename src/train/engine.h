/* A model on a device with its memory: takes host batches, runs steps and predictions. Private to src/train. */
#ifndef S4D_TRAIN_ENGINE_H
#define S4D_TRAIN_ENGINE_H

#include "s4d/base/mem.h"
#include "s4d/model/classifier.h"
#include "s4d/model/mae.h"
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
    void *frames;               /* device copy of a batch's pixel block, grown on demand */
    size_t frames_size;
    float *host;                /* host scratch of host_count floats */
    size_t host_count;
    s4d_tensor norm;            /* F64 [1] */
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

typedef struct s4d_step_result {
    double loss;    /* pre-training loss, or cross-entropy */
    double balance; /* summed over layers, not scaled */
    int64_t load[64], dropped; /* expert choices before capacity, over all MoAE layers; choices lost to capacity */
} s4d_step_result;

/* Forward and backward of one batch; gradients of scale * total loss are added. Batches are told apart by (epoch, index). */
s4d_status s4d_engine_train(s4d_engine *e, const s4d_batch *batch, uint32_t epoch, double scale, s4d_step_result *out,
                            s4d_err *err);
/* Logits [count, classes] of a test batch. */
s4d_status s4d_engine_predict(s4d_engine *e, const s4d_batch *batch, double *logits, s4d_err *err);
/* The norm of all gradients; scales them to `clip` where it is above (0: never). */
s4d_status s4d_engine_grad_norm(s4d_engine *e, double clip, double *norm, s4d_err *err);
void s4d_engine_zero_grad(s4d_engine *e);

/* After an update; from_now: the average begins at the weights. Nothing without train.ema. */
void s4d_engine_average(s4d_engine *e, bool from_now);
/* Weights and average change places. */
void s4d_engine_swap_average(s4d_engine *e);

/* Pixels are normalised with ImageNet's statistics (METHOD.md section 1). */
extern const float s4d_pixel_mean[3], s4d_pixel_std[3];

#endif
