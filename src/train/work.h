/* How much arithmetic a step is. Private to src/train. */
#ifndef S4D_TRAIN_WORK_H
#define S4D_TRAIN_WORK_H

#include "s4d/train/options.h"

/* Tokens of one sample, and how many of them the encoder sees. */
void s4d_step_tokens(const s4d_run_opts *o, s4d_modality modality, int *tokens, int *visible);
/* 1e9 operations of one sample, forward and backward, products only; a multiply-add is two. */
double s4d_step_gflop(const s4d_run_opts *o, s4d_modality modality, int classes);

#endif
