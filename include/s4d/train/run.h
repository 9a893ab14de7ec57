/* The commands of the library: both stages, evaluation, and the plan of a run. */
#ifndef S4D_TRAIN_RUN_H
#define S4D_TRAIN_RUN_H

#include "s4d/train/metrics.h"
#include "s4d/train/options.h"

/* Each checks everything it can (settings that only fit together, lists, shapes, memory) before it creates the run
 * folder. S4D_USAGE for settings, S4D_FAILED for data and files, S4D_DIVERGED for a loss or gradient that is not finite,
 * S4D_INTERRUPTED / S4D_TERMINATED after a signal. Results: see README, "What a run folder holds". */
s4d_status s4d_pretrain(const s4d_run_opts *opts, s4d_err *err);
s4d_status s4d_finetune(const s4d_run_opts *opts, s4d_err *err);

/* The settings, lists and folder that s4d_finetune or s4d_evaluate would begin with; creates nothing. */
s4d_status s4d_finetune_check(const s4d_run_opts *opts, s4d_err *err);
s4d_status s4d_evaluate_check(const s4d_run_opts *opts, s4d_err *err);

/* How a model did on one set. */
typedef struct s4d_set_result {
    char set[64];
    s4d_modality modality;
    const char *split; /* "test" or "val" */
    int64_t missing; /* samples that could not be read and do not count */
    char classes[S4D_MAX_CLASSES][S4D_CLASS_NAME_MAX];
    s4d_metrics metrics;
} s4d_set_result;
/* result: one for each set with a test list, *results of them. */
s4d_status s4d_evaluate(const s4d_run_opts *opts, s4d_set_result result[2], int *results, s4d_err *err);

/* What a run would take, without reading data or creating anything. */
typedef struct s4d_run_plan {
    int64_t parameters;
    int64_t tokens_image, tokens_video;    /* per sample, before masking */
    int64_t visible_image, visible_video;  /* pre-training: what the encoder sees */
    size_t weight_bytes;                   /* parameters, gradients, two moments */
    size_t step_bytes_image, step_bytes_video; /* activations and scratch of the largest batch */
    double gflop_image, gflop_video;       /* one sample, forward and backward, in 1e9 operations; a multiply-add is two */
} s4d_run_plan;

s4d_status s4d_run_plan_make(const s4d_run_opts *opts, s4d_run_plan *plan, s4d_err *err);

#endif
