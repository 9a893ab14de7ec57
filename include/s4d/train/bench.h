/* How fast a training step is, without data. */
#ifndef S4D_TRAIN_BENCH_H
#define S4D_TRAIN_BENCH_H

#include "s4d/train/options.h"

typedef struct s4d_bench_result {
    int64_t steps;                       /* that were timed */
    double ms, ms_min, ms_max;           /* of a step: median, least, most */
    double samples_per_s;                /* by the median */
    double gflop;                        /* of a sample, forward and backward */
    double device_gib;                   /* weights, optimiser and the step's memory, as planned */
    double first_loss, last_loss;
    char device[256];                    /* the backend's description */
} s4d_bench_result;

/* Trains for `seconds`, after some steps that do not count, on batches of made-up frames of that modality: upload, augmentation,
 * masks or mixing, forward, backward, update. o's sets give batch size and number of classes; no file is read or written.
 * S4D_DIVERGED where the loss is not finite. */
s4d_status s4d_bench_step(const s4d_run_opts *o, s4d_modality modality, double seconds, s4d_bench_result *out, s4d_err *err);

#endif
