/* Runs of values taken eight at a time, a span for each thread: 16-byte accesses where memory is aligned and all eight are
 * there, value by value elsewhere. And sums over whole runs: double, in two stages, in an order that depends on the number
 * of values only. */
#ifndef S4D_BACKEND_CUDA_SPANS_CUH
#define S4D_BACKEND_CUDA_SPANS_CUH

#include "backend/cuda/kernel.cuh"

enum { SPAN = 8, SPAN_THREADS = 256, SPAN_BLOCK = SPAN * SPAN_THREADS, SUM_BLOCKS = 1024 };

/* Eight values of a run from `at` on, at an aligned place; or none of them. */
typedef struct whole_span {
    int64_t at;
    bool there;
} whole_span;
/* Values at..at+count-1 of a run, wherever they are. */
typedef struct part_span {
    int64_t at;
    int count;
} part_span;

static __device__ inline bool holds(const whole_span &s, int)
{
    return s.there;
}
static __device__ inline bool holds(const part_span &s, int i)
{
    return i < s.count;
}

/* Where the thread's span of a run begins that blocks of SPAN_THREADS share, SPAN_BLOCK values each. */
static __device__ inline int64_t own_place(void)
{
    return ((int64_t)blockIdx.x * SPAN_THREADS + threadIdx.x) * SPAN;
}

template <class S> static __device__ inline S span_at(int64_t at, int64_t n);
template <> __device__ inline whole_span span_at<whole_span>(int64_t at, int64_t n)
{
    return {at, at < n};
}
template <> __device__ inline part_span span_at<part_span>(int64_t at, int64_t n)
{
    return {at, at + SPAN <= n ? (int)SPAN : at < n ? (int)(n - at) : 0};
}

/* Calls f(span) for the span of a run of n at `at`, where there is one. `aligned`: the run's memory is, and `at`. The code
 * is there twice, so that loads of whole spans stand together, with no branches between them. */
template <class F> static __device__ inline void on_span(int64_t at, int64_t n, bool aligned, const F &f)
{
    if (aligned && at + SPAN <= n) f(whole_span{at, true});
    else if (at < n) f(span_at<part_span>(at, n));
}

/* Values that are not there are 0. Memory is read before anything is asked of the values, for the same reason. */
static __device__ inline eight load_span(const float *p, const whole_span &s)
{
    float4 low = make_float4(0, 0, 0, 0), high = low;
    if (s.there) {
        low = *(const float4 *)(p + s.at);
        high = *(const float4 *)(p + s.at + 4);
    }
    return {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
}
static __device__ inline eight load_span(const bf16 *p, const whole_span &s)
{
    union {
        uint4 whole;
        bf16 part[SPAN];
    } raw = {make_uint4(0, 0, 0, 0)};
    if (s.there) raw.whole = *(const uint4 *)(p + s.at);
    eight v;
    for (int i = 0; i < SPAN; ++i) v.at[i] = to_float(raw.part[i]);
    return v;
}
template <class T> static __device__ inline eight load_span(const T *p, const part_span &s)
{
    eight v;
    for (int i = 0; i < SPAN; ++i) v.at[i] = i < s.count ? to_float(p[s.at + i]) : 0;
    return v;
}
template <class T> static __device__ inline void store_span(T *p, const whole_span &s, const eight &v)
{
    if (s.there) store_eight(p + s.at, v);
}
template <class T> static __device__ inline void store_span(T *p, const part_span &s, const eight &v)
{
    for (int i = 0; i < SPAN; ++i)
        if (i < s.count) p[s.at + i] = from_float<T>(v.at[i]);
}

/* All of them good for load_eight; NULL is. */
static inline bool all_aligned(const void *a, const void *b = NULL, const void *c = NULL, const void *d = NULL,
                               const void *e = NULL, const void *f = NULL)
{
    return aligned_for_eight(a) && aligned_for_eight(b) && aligned_for_eight(c) && aligned_for_eight(d) &&
           aligned_for_eight(e) && aligned_for_eight(f);
}

/* ---- sums ---- */

template <class F> static __global__ void sum_spans_kernel(int64_t n, bool aligned, F f, double *partial)
{
    __shared__ double part[32];
    double sum = 0;
    for (int64_t at = own_place(); at < n; at += (int64_t)gridDim.x * SPAN_BLOCK)
        on_span(at, n, aligned, [&](auto s) { sum += f(s); });
    sum = block_sum(sum, part);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <class T> static __global__ void sum_values_kernel(int64_t n, const T *x, double divisor, double *value)
{
    __shared__ double part[32];
    double sum = 0;
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += (double)x[i];
    sum = block_sum(sum, part);
    if (threadIdx.x == 0) *value = sum / divisor;
}

/* value = the sum of x [n], over `divisor`; for few values, by one block. */
static inline void sum_values(s4d_backend *be, int64_t n, const double *x, double divisor, double *value)
{
    s4d_launch(be, sum_values_kernel<double>, s4d_dim(1), s4d_dim(SPAN_THREADS), 0, n, x, divisor, value);
}

/* value = the sum of f(span) over all spans of a run of n, over `divisor`. */
template <class F>
static inline void sum_spans(s4d_backend *be, int64_t n, bool aligned, F f, double divisor, double *value)
{
    int64_t blocks = s4d_blocks(n, SPAN_BLOCK);
    if (blocks > SUM_BLOCKS) blocks = SUM_BLOCKS;
    double *partial = (double *)s4d_cuda_scratch(be, (size_t)blocks * sizeof(double));
    s4d_launch(be, sum_spans_kernel<F>, s4d_dim(blocks), s4d_dim(SPAN_THREADS), 0, n, aligned, f, partial);
    sum_values(be, blocks, partial, divisor, value);
}

#endif
