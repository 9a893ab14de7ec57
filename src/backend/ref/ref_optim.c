/* The optimiser, norms and moving averages over whole blocks. */
#include <math.h>

#include "backend/ref/ref_private.h"

static void adamw_segment(const s4d_adamw_args *args, const s4d_adamw_segment *s)
{
    real *w = args->w.data, *m = args->m.data, *v = args->v.data, *low = args->low.data;
    const real *g = args->g.data;
    double factor = s4d_tensor_given(&args->factor) ? *(const double *)args->factor.data : 1;
    double bias1 = 1 - pow(args->beta1, (double)s->step),
           bias2 = 1 - pow(args->beta2, (double)s->step);
    for (int64_t i = s->offset; i < s->offset + s->count; i++) {
        double grad = (double)(real)((double)g[i] * factor);
        m[i] = (real)(args->beta1 * (double)m[i] + (1 - args->beta1) * grad);
        v[i] = (real)(args->beta2 * (double)v[i] + (1 - args->beta2) * grad * grad);
        double update = (double)m[i] / bias1 / (sqrt((double)v[i] / bias2) + args->eps);
        w[i] = (real)((double)w[i] - s->lr * s->decay * (double)w[i] - s->lr * update);
        if (low) {
            low[i] = w[i];
        }
    }
}

/* Whether an update may be made. */
static bool goes(const s4d_tensor *go)
{
    return !s4d_tensor_given(go) || *(const int32_t *)go->data;
}

REF_OP(adamw)
{
    for (int i = 0; i < args->segments && goes(&args->go); i++) {
        adamw_segment(args, &args->segment[i]);
    }
}

REF_OP(square_norm)
{
    int64_t n = s4d_tensor_count(&args->x);
    *(double *)args->value.data = dot(args->x.data, args->x.data, n);
}

REF_OP(clip_norm)
{
    double norm = sqrt(*(const double *)args->square.data);
    const double *loss = args->loss.data;
    int32_t finite = isfinite(norm) ? 1 : 0;
    for (int64_t i = 0; i < s4d_tensor_count(&args->loss); i++) {
        finite = finite && isfinite(loss[i]);
    }
    *(double *)args->norm.data = norm;
    *(double *)args->factor.data = args->clip > 0 && norm > args->clip ? args->clip / (norm + 1e-6) : 1;
    *(int32_t *)args->go.data = finite;
}

REF_OP(scale)
{
    int64_t n = s4d_tensor_count(&args->x);
    real *x = args->x.data;
    for (int64_t i = 0; i < n; i++) {
        x[i] = (real)((double)x[i] * args->factor);
    }
}

REF_OP(lerp)
{
    int64_t n = s4d_tensor_count(&args->x);
    real *x = args->x.data;
    const real *y = args->y.data;
    for (int64_t i = 0; i < n && goes(&args->go); i++) {
        x[i] = (real)((double)x[i] + args->t * ((double)y[i] - (double)x[i]));
    }
}

REF_OP(add)
{
    int64_t n = s4d_tensor_count(&args->x);
    if (args->x.dtype == S4D_F64) {
        for (int64_t i = 0; i < n; i++) {
            ((double *)args->y.data)[i] += ((const double *)args->x.data)[i];
        }
        return;
    }
    const real *x = args->x.data;
    real *y = args->y.data;
    for (int64_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

REF_OP(all_finite)
{
    int64_t n = s4d_tensor_count(&args->x);
    const real *x = args->x.data;
    int32_t finite = 1;
    for (int64_t i = 0; i < n; i++) {
        finite = finite && isfinite(x[i]);
    }
    *(int32_t *)args->flag.data = finite;
}
