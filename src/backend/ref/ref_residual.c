/* Residual connection with a factor per sample (drop path). */
#include "backend/ref/ref_private.h"

REF_OP(residual_fwd)
{
    int64_t B = args->x.dim[0], n = args->x.dim[1] * args->x.dim[2];
    const real *x = args->x.data, *r = args->r.data, *keep = args->keep.data;
    real *y = args->y.data;
    for (int64_t i = 0; i < B * n; i++) {
        double factor = s4d_tensor_given(&args->keep) ? (double)keep[i / n] : 1;
        y[i] = (real)((double)x[i] + factor * (double)r[i]);
    }
}

REF_OP(residual_bwd)
{
    int64_t B = args->dy.dim[0], n = args->dy.dim[1] * args->dy.dim[2];
    const real *dy = args->dy.data, *keep = args->keep.data;
    real *dr = args->dr.data;
    for (int64_t i = 0; i < B * n; i++) {
        dr[i] = s4d_tensor_given(&args->keep) ? keep[i / n] * dy[i] : dy[i];
    }
}

REF_OP(residual_norm_fwd)
{
    REF(residual_fwd)(be, &(s4d_residual_fwd_args){.x = args->x, .r = args->r, .keep = args->keep, .y = args->y});
    REF(layer_norm_fwd)(be, &(s4d_layer_norm_fwd_args){.x = args->y,
                                                       .w = args->w,
                                                       .b = args->b,
                                                       .eps = args->eps,
                                                       .mean = args->mean,
                                                       .rstd = args->rstd,
                                                       .y = args->normed});
}
