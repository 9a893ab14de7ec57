/* Schedules and AdamW's parameter groups of both stages (METHOD.md sections 4 and 5). */
#ifndef S4D_TRAIN_OPTIM_H
#define S4D_TRAIN_OPTIM_H

#include "s4d/model/params.h"
#include "s4d/train/options.h"

/* A run's schedule with everything resolved to steps and rates. */
typedef struct s4d_schedule {
    s4d_stage stage;
    int64_t steps, warmup_steps; /* warmup_steps: fine-tuning */
    double warmup_fraction;      /* pre-training */
    double start, peak, min;     /* start: pre-training; min: fine-tuning */
} s4d_schedule;

/* Scales the rates by total_batch where the settings ask for it and counts steps. */
void s4d_schedule_make(s4d_stage stage, const s4d_train_opts *o, int total_batch, int64_t steps_per_epoch,
                       s4d_schedule *out);
/* The rate of a step (from 0), before layer-wise scaling. */
double s4d_schedule_rate(const s4d_schedule *s, int64_t step);

/* AdamW over the blocks of params. A parameter's own step count starts with its first gradient. */
typedef struct s4d_optim {
    double decay, beta1, beta2, eps;
    double *scale;            /* [count] layer-wise decay */
    bool *decayed;            /* [count] */
    int64_t *step;            /* [count] updates so far */
    bool *moved;              /* [count] by the last update */
    s4d_adamw_segment *segment; /* [count] */
} s4d_optim;

/* depth: blocks of the encoder, for layer-wise decay. */
s4d_status s4d_optim_create(s4d_optim *o, s4d_stage stage, const s4d_train_opts *opts, const s4d_params *params,
                            int depth, s4d_err *err);
void s4d_optim_release(s4d_optim *o);
typedef struct s4d_optim_update {
    double rate;           /* of the schedule */
    s4d_modality modality; /* of the batches that the gradients come from */
    s4d_tensor factor, go; /* optional, as in s4d_adamw */
} s4d_optim_update;
void s4d_optim_step(s4d_optim *o, s4d_backend *be, s4d_params *params, const s4d_optim_update *u);
/* Takes the last update's counting back: `go` did not let it happen. */
void s4d_optim_undo(s4d_optim *o, const s4d_params *params);

#endif
