/* The optimiser, norms and moving averages over whole blocks of parameters. All are bound by memory; bytes an element: AdamW
 * 28, 30 with the BF16 copy, at some 20 FLOP; square_norm and all_finite 4, scale 8, lerp and add 12, at 1 to 3. */
#include <float.h>
#include <math.h>

#include "backend/cuda/spans.cuh"

/* ---- AdamW: one launch for all segments ---- */

enum { ADAM_ROUNDS = 2, ADAM_BLOCK = ADAM_ROUNDS * SPAN_BLOCK }; /* values of a block of threads */

/* A segment as kernels want it; these change from step to step. */
typedef struct run {
    int64_t offset, count, first; /* of the blocks of threads, the first one that is its own */
    float decay, lr, fix1, fix2;  /* decay: of the weight at this rate */
} run;

/* No padding, both. */
template <class L> struct parameters {
    float *w;
    const float *g;
    float *m, *v;
    L *low;
    const double *factor;
    const int32_t *go;
};
typedef struct moments {
    float beta1, beta2, rest1, rest2, eps;
    int aligned;
} moments;

/* The segment that this block works on: the last one that does not begin behind it. */
static __device__ inline run own_run(const run *runs, int count, int *part)
{
    int begun = 0;
    for (int i = threadIdx.x; i < count; i += SPAN_THREADS) begun += runs[i].first <= (int64_t)blockIdx.x;
    return runs[block_sum(begun, part) - 1];
}

template <class L, class S>
static __device__ inline void update(const parameters<L> &p, const run &r, const moments &k, const S &s)
{
    eight w = load_span(p.w + r.offset, s), g = load_span(p.g + r.offset, s), m = load_span(p.m + r.offset, s),
          v = load_span(p.v + r.offset, s);
    if (p.factor) {
        double factor = *p.factor;
        for (int i = 0; i < SPAN; ++i) g.at[i] = (float)((double)g.at[i] * factor);
    }
    for (int i = 0; i < SPAN; ++i) {
        m.at[i] = k.beta1 * m.at[i] + k.rest1 * g.at[i];
        v.at[i] = k.beta2 * v.at[i] + k.rest2 * g.at[i] * g.at[i];
        w.at[i] -= r.decay * w.at[i] + r.lr * (m.at[i] * r.fix1) / (sqrtf(v.at[i]) * r.fix2 + k.eps);
    }
    store_span(p.w + r.offset, s, w);
    store_span(p.m + r.offset, s, m);
    store_span(p.v + r.offset, s, v);
    if (p.low) store_span(p.low + r.offset, s, w);
}

template <class L>
static __global__ void __launch_bounds__(SPAN_THREADS, 3)
adamw_kernel(parameters<L> p, const run *runs, int count, moments k)
{
    __shared__ int part[32];
    if (p.go && *p.go == 0) return;
    run own = own_run(runs, count, part);
    int64_t at = ((int64_t)blockIdx.x - own.first) * ADAM_BLOCK + threadIdx.x * SPAN;
    for (int i = 0; i < ADAM_ROUNDS; ++i, at += SPAN_BLOCK)
        on_span(at, own.count, k.aligned && own.offset % SPAN == 0, [&](auto s) { update(p, own, k, s); });
}

/* The segments as runs, on the device. */
static const run *runs_of(s4d_backend *be, const s4d_adamw_args *args)
{
    size_t bytes = (size_t)args->segments * sizeof(run);
    run *runs = be->planning || be->failed ? NULL : (run *)s4d_backend_scratch(be, bytes);
    if (!runs) return NULL;
    int64_t first = 0;
    for (int i = 0; i < args->segments; ++i) {
        const s4d_adamw_segment *s = &args->segment[i];
        double bias1 = 1 - pow(args->beta1, (double)s->step), bias2 = 1 - pow(args->beta2, (double)s->step);
        runs[i] = {s->offset, s->count, first, (float)(s->lr * s->decay), (float)s->lr, (float)(1 / bias1),
                   (float)(1 / sqrt(bias2))};
        first += s4d_blocks(s->count, ADAM_BLOCK);
    }
    return (const run *)s4d_cuda_constant(be, runs, bytes);
}

template <class L> static void adamw(s4d_backend *be, const s4d_adamw_args *args)
{
    parameters<L> p = {(float *)args->w.data, (const float *)args->g.data, (float *)args->m.data, (float *)args->v.data,
                       (L *)args->low.data, (const double *)args->factor.data, (const int32_t *)args->go.data};
    double beta1 = args->beta1, beta2 = args->beta2;
    moments k = {(float)beta1, (float)beta2, (float)(1 - beta1), (float)(1 - beta2), (float)args->eps,
                 all_aligned(p.w, p.g, p.m, p.v, p.low)};
    /* As many blocks as any segments of that number could need: those too many find nothing to do. */
    int64_t blocks = s4d_blocks(s4d_tensor_count(&args->w), ADAM_BLOCK) + args->segments;
    if (args->segments == 0) return;
    s4d_launch(be, adamw_kernel<L>, s4d_dim(blocks), s4d_dim(SPAN_THREADS), 0, p, runs_of(be, args), args->segments, k);
}

extern "C" CUDA_OP(adamw)
{
    S4D_BY_TYPE(args->low.dtype, L, adamw<L>(be, args));
}

/* ---- norms ---- */

typedef struct square {
    const float *x;
    template <class S> __device__ double operator()(const S &s) const
    {
        eight v = load_span(x, s);
        double sum = 0;
        for (int i = 0; i < SPAN; ++i) sum += (double)v.at[i] * (double)v.at[i];
        return sum;
    }
} square;

extern "C" CUDA_OP(square_norm)
{
    square f = {(const float *)args->x.data};
    sum_spans(be, s4d_tensor_count(&args->x), all_aligned(f.x), f, 1, (double *)args->value.data);
}

static __global__ void clip_kernel(double clip, const double *square, const double *loss, int64_t losses, double *norm,
                                   double *factor, int32_t *go)
{
    __shared__ int part[32];
    double size = sqrt(*square);
    int bad = !(size <= DBL_MAX);
    for (int64_t i = threadIdx.x; i < losses; i += SPAN_THREADS) bad += !(fabs(loss[i]) <= DBL_MAX);
    bad = block_sum(bad, part);
    if (threadIdx.x > 0) return;
    *norm = size;
    *factor = clip > 0 && size > clip ? clip / (size + 1e-6) : 1;
    *go = !bad;
}

extern "C" CUDA_OP(clip_norm)
{
    s4d_launch(be, clip_kernel, s4d_dim(1), s4d_dim(SPAN_THREADS), 0, args->clip, (const double *)args->square.data,
               (const double *)args->loss.data, s4d_tensor_count(&args->loss), (double *)args->norm.data,
               (double *)args->factor.data, (int32_t *)args->go.data);
}

static __global__ void set_kernel(int32_t *x, int value)
{
    *x = value;
}

/* Whoever finds a value that is not finite writes the same 0. */
static __global__ void all_finite_kernel(int64_t n, bool aligned, const float *x, int32_t *flag)
{
    on_span(own_place(), n, aligned, [&](auto s) {
        eight v = load_span(x, s);
        bool finite = true;
        for (int i = 0; i < SPAN; ++i) finite = finite && fabsf(v.at[i]) <= FLT_MAX;
        if (!finite) *flag = 0;
    });
}

extern "C" CUDA_OP(all_finite)
{
    int64_t n = s4d_tensor_count(&args->x);
    int32_t *flag = (int32_t *)args->flag.data;
    s4d_launch(be, set_kernel, s4d_dim(1), s4d_dim(1), 0, flag, 1);
    s4d_launch(be, all_finite_kernel, s4d_dim(s4d_blocks(n, SPAN_BLOCK)), s4d_dim(SPAN_THREADS), 0, n,
               all_aligned(args->x.data), (const float *)args->x.data, flag);
}

/* ---- value by value ---- */

static __global__ void scale_kernel(int64_t n, bool aligned, float factor, float *x)
{
    on_span(own_place(), n, aligned, [&](auto s) {
        eight v = load_span(x, s);
        for (int i = 0; i < SPAN; ++i) v.at[i] *= factor;
        store_span(x, s, v);
    });
}

static __global__ void lerp_kernel(int64_t n, bool aligned, float t, float *x, const float *y, const int32_t *go)
{
    if (go && *go == 0) return;
    on_span(own_place(), n, aligned, [&](auto s) {
        eight v = load_span(x, s), u = load_span(y, s);
        for (int i = 0; i < SPAN; ++i) v.at[i] += t * (u.at[i] - v.at[i]);
        store_span(x, s, v);
    });
}

static __global__ void add_kernel(int64_t n, bool aligned, const float *x, float *y)
{
    on_span(own_place(), n, aligned, [&](auto s) {
        eight v = load_span(y, s), u = load_span(x, s);
        for (int i = 0; i < SPAN; ++i) v.at[i] += u.at[i];
        store_span(y, s, v);
    });
}

static __global__ void add_wide_kernel(int64_t n, const double *x, double *y)
{
    int64_t i = (int64_t)blockIdx.x * SPAN_THREADS + threadIdx.x;
    if (i < n) y[i] += x[i];
}

extern "C" CUDA_OP(scale)
{
    int64_t n = s4d_tensor_count(&args->x);
    s4d_launch(be, scale_kernel, s4d_dim(s4d_blocks(n, SPAN_BLOCK)), s4d_dim(SPAN_THREADS), 0, n, all_aligned(args->x.data),
               (float)args->factor, (float *)args->x.data);
}

extern "C" CUDA_OP(lerp)
{
    int64_t n = s4d_tensor_count(&args->x);
    float *x = (float *)args->x.data;
    const float *y = (const float *)args->y.data;
    s4d_launch(be, lerp_kernel, s4d_dim(s4d_blocks(n, SPAN_BLOCK)), s4d_dim(SPAN_THREADS), 0, n, all_aligned(x, y),
               (float)args->t, x, y, (const int32_t *)args->go.data);
}

extern "C" CUDA_OP(add)
{
    int64_t n = s4d_tensor_count(&args->x);
    const void *x = args->x.data;
    void *y = args->y.data;
    if (args->x.dtype == S4D_F64)
        s4d_launch(be, add_wide_kernel, s4d_dim(s4d_blocks(n, SPAN_THREADS)), s4d_dim(SPAN_THREADS), 0, n, (const double *)x,
                   (double *)y);
    else
        s4d_launch(be, add_kernel, s4d_dim(s4d_blocks(n, SPAN_BLOCK)), s4d_dim(SPAN_THREADS), 0, n, all_aligned(x, y),
                   (const float *)x, (float *)y);
}
