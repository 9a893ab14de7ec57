/* Class weights and logit adjustment from how often each class stands in the training list. */
#include <math.h>

#include "train/engine.h"

void s4d_imbalance_make(const s4d_train_opts *o, const int64_t *count, int classes, s4d_imbalance *out)
{
    int64_t total = 0;
    double mean = 0;
    *out = (s4d_imbalance){.weighted = o->class_weights != S4D_WEIGHTS_NONE, .adjusted = o->logit_adjustment > 0};
    for (int c = 0; c < classes; ++c) total += count[c];
    for (int c = 0; c < classes; ++c) {
        double n = (double)count[c], weight = o->class_weights == S4D_WEIGHTS_INVERSE ? 1 / n : 1 / sqrt(n);
        out->weight[c] = count[c] ? (float)weight : 0;
        mean += count[c] ? n * weight / (double)total : 0;
        out->adjust[c] = (float)(o->logit_adjustment * log(fmax(n, 0.5) / (double)total));
    }
    for (int c = 0; c < classes; ++c) out->weight[c] = (float)((double)out->weight[c] / mean);
}
