/* Classification metrics (METHOD.md section 7). All shares are fractions of 1. */
#ifndef S4D_TRAIN_METRICS_H
#define S4D_TRAIN_METRICS_H

#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/data/options.h"

typedef struct s4d_metrics {
    int classes;
    int64_t samples;
    int64_t confusion[S4D_MAX_CLASSES][S4D_MAX_CLASSES]; /* [truth][prediction] */
    int64_t support[S4D_MAX_CLASSES];                    /* samples of each true class */
    double recall[S4D_MAX_CLASSES];                      /* 0 where support is 0 */
    double uar;      /* mean recall over classes with support */
    double war;      /* accuracy */
    double macro_f1; /* mean F1 over classes in the truth or the predictions, as scikit-learn has it */
    double weighted_f1, micro_f1;
    double top5;
} s4d_metrics;

/* Mean over views of the softmax of each view's logits [views,C] -> prob [C]. */
void s4d_metrics_mean_views(const double *logits, int views, int classes, double *prob);
/* The class of the largest probability; ties go to the lower index. */
int s4d_metrics_argmax(const double *prob, int classes);
/* prob [samples,C], label [samples] in 0..C-1. samples may be 0: all figures are 0 then. */
void s4d_metrics_compute(const double *prob, const int32_t *label, int64_t samples, int classes, s4d_metrics *out);

#endif
