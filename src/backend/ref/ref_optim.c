/* The optimiser, norms and moving averages over whole blocks. */
#include <math.h>

#include "backend/ref/ref_private.h"

static void adamw_segment(const s4d_adamw_args *args, const s4d_adamw_segment *s)
{
    real *w = args->w.data, *m = args->m.data, *v = args->v.data;
    const real *g = args->g.data;
    double bias1 = 1 - pow(args->beta1, (double)s->step),
           bias2 = 1 - pow(args->beta2, (double)s->step);
    for (int64_t i = s->offset; i < s->offset + s->count; i++) {
        double grad = (double)g[i];
        m[i] = (real)(args->beta1 * (double)m[i] + (1 - args->beta1) * grad);
        v[i] = (real)(args->beta2 * (double)v[i] + (1 - args->beta2) * grad * grad);
        double update = (double)m[i] / bias1 / (sqrt((double)v[i] / bias2) + args->eps);
        w[i] = (real)((double)w[i] - s->lr * s->decay * (double)w[i] - s->lr * update);
    }
}

REF_OP(adamw)
{
    for (int i = 0; i < args->segments; i++) {
        adamw_segment(args, &args->segment[i]);
    }
}

REF_OP(square_norm)
{
    int64_t n = s4d_tensor_count(&args->x);
    *(double *)args->value.data = dot(args->x.data, args->x.data, n);
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
    for (int64_t i = 0; i < n; i++) {
        x[i] = (real)((double)x[i] + args->t * ((double)y[i] - (double)x[i]));
    }
}

REF_OP(add)
{
    int64_t n = s4d_tensor_count(&args->x);
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
