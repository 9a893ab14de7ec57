/* The masked autoencoder's loss and soft-target cross-entropy. */
#include <math.h>

#include "backend/ref/ref_private.h"

REF_OP(mae_loss_fwd)
{
    int64_t n = s4d_tensor_count(&args->x);
    const real *x = args->x.data, *target = args->target.data;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double off = (double)x[i] - (double)target[i];
        sum += off * off;
    }
    *(double *)args->value.data = sum / (double)n;
}

REF_OP(mae_loss_bwd)
{
    int64_t n = s4d_tensor_count(&args->x);
    const real *x = args->x.data, *target = args->target.data;
    real *dx = args->dx.data;
    for (int64_t i = 0; i < n; i++) {
        dx[i] = (real)(args->scale * 2 * ((double)x[i] - (double)target[i]) / (double)n);
    }
}

static double adjusted(const s4d_cross_entropy_fwd_args *args, int64_t b, int64_t c)
{
    double logit = (double)((const real *)args->logits.data)[b * s4d_width(&args->logits) + c];
    return s4d_tensor_given(&args->adjust) ? logit + (double)((const real *)args->adjust.data)[c]
                                           : logit;
}

static double class_weight(const s4d_tensor *weight, int64_t c)
{
    return s4d_tensor_given(weight) ? (double)((const real *)weight->data)[c] : 1;
}

/* -sum_c weight_c * target_c * log softmax(z)_c of sample b. */
static double sample_loss(const s4d_cross_entropy_fwd_args *args, int64_t b)
{
    int64_t C = s4d_width(&args->logits);
    const real *target = (const real *)args->target.data + b * C;
    real *prob = (real *)args->prob.data + b * C;
    double max = adjusted(args, b, 0), sum = 0, loss = 0;
    for (int64_t c = 1; c < C; c++) {
        max = fmax(max, adjusted(args, b, c));
    }
    for (int64_t c = 0; c < C; c++) {
        sum += exp(adjusted(args, b, c) - max);
    }
    for (int64_t c = 0; c < C; c++) {
        double log_prob = adjusted(args, b, c) - max - log(sum);
        prob[c] = (real)exp(log_prob);
        loss -= class_weight(&args->weight, c) * (double)target[c] * log_prob;
    }
    return loss;
}

REF_OP(cross_entropy_fwd)
{
    int64_t B = s4d_rows(&args->logits);
    double sum = 0;
    for (int64_t b = 0; b < B; b++) {
        sum += sample_loss(args, b);
    }
    *(double *)args->value.data = sum / (double)B;
}

/* scale / B * (prob_c * sum_j weight_j target_j - weight_c target_c) */
REF_OP(cross_entropy_bwd)
{
    int64_t B = s4d_rows(&args->prob), C = s4d_width(&args->prob);
    for (int64_t b = 0; b < B; b++) {
        const real *prob = (const real *)args->prob.data + b * C,
                   *target = (const real *)args->target.data + b * C;
        real *dlogits = (real *)args->dlogits.data + b * C;
        double all = 0;
        for (int64_t c = 0; c < C; c++) {
            all += class_weight(&args->weight, c) * (double)target[c];
        }
        for (int64_t c = 0; c < C; c++) {
            double own = class_weight(&args->weight, c) * (double)target[c];
            dlogits[c] = (real)(args->scale / (double)B * ((double)prob[c] * all - own));
        }
    }
}
