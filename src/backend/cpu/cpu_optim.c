/* Updates and sums over whole blocks of parameters. */
#include <math.h>
#include <string.h>

#include "backend/cpu/cpu_private.h"

enum { CHUNK = 1 << 16 }; /* elements: sums are made per chunk and added in order, whatever the thread count */

typedef struct rates {
    float shrink, lr, beta1, beta2, rest1, rest2, fix1, fix2, eps, factor;
} rates;

static void update(float *restrict w, const float *restrict grad, float *restrict m, float *restrict v, int64_t n,
                   const rates *r)
{
    rates k = *r;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
        float g = grad[i] * k.factor;
        m[i] = k.beta1 * m[i] + k.rest1 * g;
        v[i] = k.beta2 * v[i] + k.rest2 * g * g;
        w[i] = w[i] * k.shrink - k.lr * (m[i] * k.fix1) / (sqrtf(v[i]) * k.fix2 + k.eps);
    }
}

CPU_OP(adamw)
{
    float *w = args->w.data, *m = args->m.data, *v = args->v.data, *low = args->low.data;
    const float *g = args->g.data;
    if (s4d_tensor_given(&args->go) && !*(const int32_t *)args->go.data) return;
    float factor = s4d_tensor_given(&args->factor) ? (float)*(const double *)args->factor.data : 1;
    for (int s = 0; s < args->segments; ++s) {
        const s4d_adamw_segment *seg = &args->segment[s];
        rates r = {.shrink = (float)(1 - seg->lr * seg->decay), .lr = (float)seg->lr, .beta1 = (float)args->beta1,
                   .beta2 = (float)args->beta2, .rest1 = (float)(1 - args->beta1), .rest2 = (float)(1 - args->beta2),
                   .fix1 = (float)(1 / (1 - pow(args->beta1, (double)seg->step))),
                   .fix2 = (float)(1 / sqrt(1 - pow(args->beta2, (double)seg->step))), .eps = (float)args->eps, .factor = factor};
        int64_t chunks = (seg->count + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, seg->count))
        for (int64_t c = 0; c < chunks; ++c) {
            int64_t first = c * CHUNK, n = first + CHUNK < seg->count ? CHUNK : seg->count - first, at = seg->offset + first;
            update(w + at, g + at, m + at, v + at, n, &r);
            if (low) memcpy(low + at, w + at, (size_t)n * sizeof *low);
        }
    }
}

CPU_OP(square_norm)
{
    int64_t n = s4d_tensor_count(&args->x), chunks = (n + CHUNK - 1) / CHUNK;
    const float *x = args->x.data;
    double *partial = s4d_backend_scratch(be, (size_t)chunks * sizeof *partial), total = 0;
    if (!partial) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, n))
    for (int64_t c = 0; c < chunks; ++c) {
        int64_t end = (c + 1) * CHUNK < n ? (c + 1) * CHUNK : n;
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = c * CHUNK; i < end; ++i) sum += (double)x[i] * (double)x[i];
        partial[c] = sum;
    }
    for (int64_t c = 0; c < chunks; ++c) total += partial[c];
    memcpy(args->value.data, &total, sizeof total);
}

CPU_OP(scale)
{
    int64_t n = s4d_tensor_count(&args->x);
    float *x = args->x.data, factor = (float)args->factor;
#pragma omp parallel for simd schedule(static) num_threads(s4d_threads_for(be, n))
    for (int64_t i = 0; i < n; ++i) x[i] *= factor;
}

CPU_OP(lerp)
{
    int64_t n = s4d_tensor_count(&args->x);
    float *x = args->x.data, t = (float)args->t;
    const float *y = args->y.data;
    if (s4d_tensor_given(&args->go) && !*(const int32_t *)args->go.data) return;
#pragma omp parallel for simd schedule(static) num_threads(s4d_threads_for(be, n))
    for (int64_t i = 0; i < n; ++i) x[i] += t * (y[i] - x[i]);
}

CPU_OP(add)
{
    int64_t n = s4d_tensor_count(&args->x);
    if (args->x.dtype == S4D_F64) {
        for (int64_t i = 0; i < n; ++i) ((double *)args->y.data)[i] += ((const double *)args->x.data)[i];
        return;
    }
    const float *x = args->x.data;
    float *y = args->y.data;
#pragma omp parallel for simd schedule(static) num_threads(s4d_threads_for(be, n))
    for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

CPU_OP(zero)
{
    int pieces = be->threads;
    int64_t bytes = (int64_t)s4d_tensor_bytes(&args->x);
    char *x = args->x.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, bytes / 4))
    for (int i = 0; i < pieces; ++i) {
        s4d_piece piece = s4d_piece_of(bytes, i, pieces);
        memset(x + piece.first, 0, (size_t)(piece.end - piece.first));
    }
}
