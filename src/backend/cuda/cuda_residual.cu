/* Residual connection with a factor per sample (drop path), by itself and with the LayerNorm that follows it. Bytes an
 * element in BF16: 6 forward, 8 with the norm, 4 backward; 2, 10 and 1 FLOP. */
#include <math.h>

#include "backend/cuda/norm_row.cuh"

/* Samples of `count` values each, `blocks` blocks for one. Without factors all values are one sample. */
typedef struct samples {
    int64_t B, count, blocks;
    const float *keep;
} samples;

static samples samples_of(const s4d_tensor *x, const s4d_tensor *keep)
{
    int64_t n = s4d_tensor_count(x), B = s4d_tensor_given(keep) && n > 0 ? x->dim[0] : 1;
    return {B, n / B, s4d_blocks(n / B, SPAN_BLOCK), (const float *)keep->data};
}

/* f(span, keep) for the thread's span, which ends with its sample. */
template <class F> static __device__ inline void on_sample_span(const samples &g, bool aligned, const F &f)
{
    int64_t sample = blockIdx.x / g.blocks, at = (blockIdx.x % g.blocks * SPAN_THREADS + threadIdx.x) * SPAN;
    float keep = g.keep ? g.keep[sample] : 1;
    on_span(at, g.count, aligned, [&](auto s) {
        s.at += sample * g.count;
        f(s, keep);
    });
}

/* Where each sample's spans are aligned. */
static bool samples_aligned(const samples &g, const void *a, const void *b, const void *c)
{
    return all_aligned(a, b, c) && (g.B == 1 || g.count % SPAN == 0);
}

template <class T> static __global__ void residual_kernel(samples g, bool aligned, const T *x, const T *r, T *y)
{
    on_sample_span(g, aligned, [&](auto s, float keep) {
        eight v = load_span(x, s), u = load_span(r, s);
        for (int i = 0; i < SPAN; ++i) v.at[i] += keep * u.at[i];
        store_span(y, s, v);
    });
}

template <class T> static __global__ void gradient_kernel(samples g, bool aligned, const T *dy, T *dr)
{
    on_sample_span(g, aligned, [&](auto s, float keep) {
        eight v = load_span(dy, s);
        for (int i = 0; i < SPAN; ++i) v.at[i] *= keep;
        store_span(dr, s, v);
    });
}

template <class T> static void forward(s4d_backend *be, const s4d_residual_fwd_args *args)
{
    samples g = samples_of(&args->x, &args->keep);
    s4d_launch(be, residual_kernel<T>, s4d_dim(g.B * g.blocks), s4d_dim(SPAN_THREADS), 0, g,
               samples_aligned(g, args->x.data, args->r.data, args->y.data), (const T *)args->x.data,
               (const T *)args->r.data, (T *)args->y.data);
}

template <class T> static void backward(s4d_backend *be, const s4d_residual_bwd_args *args)
{
    samples g = samples_of(&args->dy, &args->keep);
    s4d_launch(be, gradient_kernel<T>, s4d_dim(g.B * g.blocks), s4d_dim(SPAN_THREADS), 0, g,
               samples_aligned(g, args->dy.data, args->dr.data, NULL), (const T *)args->dy.data, (T *)args->dr.data);
}

extern "C" CUDA_OP(residual_fwd)
{
    S4D_BY_TYPE(args->x.dtype, T, forward<T>(be, args));
}

extern "C" CUDA_OP(residual_bwd)
{
    S4D_BY_TYPE(args->dy.dtype, T, backward<T>(be, args));
}

/* ---- with the norm ---- */

/* No padding. */
template <class T> struct joined {
    const T *x, *r;
    T *y;
    const float *keep;
    int64_t tokens; /* rows of a sample */
};

template <class T, int S, class P>
static __global__ void __launch_bounds__(MOST_LANES) residual_norm_kernel(row_norm n, joined<T> a, T *normed)
{
    __shared__ float part[32];
    int64_t m = own_row(), first = m * n.D;
    if (m >= n.M) return; /* a whole warp */
    float keep = a.keep ? a.keep[m / a.tokens] : 1;
    eight row[S];
    for (int i = 0; i < S; ++i) {
        P s = row_span<P>(i, n.D);
        eight u = load_span(a.r + first, s);
        row[i] = load_span(a.x + first, s);
        for (int k = 0; k < SPAN; ++k) row[i].at[k] += keep * u.at[k];
        row[i] = as_stored<T>(row[i]);
        store_span(a.y + first, s, row[i]);
    }
    norm_row<T, S, P>(n, m, row, normed, part);
}

template <class T> static void forward_norm(s4d_backend *be, const s4d_residual_norm_fwd_args *args)
{
    int64_t D = args->w.dim[0], M = s4d_tensor_count(&args->mean);
    const float *w = (const float *)args->w.data, *b = (const float *)args->b.data;
    joined<T> a = {(const T *)args->x.data, (const T *)args->r.data, (T *)args->y.data, (const float *)args->keep.data,
                args->x.dim[1]};
    T *normed = (T *)args->normed.data;
    row_norm n = {M, D, w, b, (float *)args->mean.data, (float *)args->rstd.data, args->eps};
    row_shape shape = warp_or_block_row(D, D % SPAN == 0 && all_aligned(a.x, a.r, a.y, normed, w, b));
    if (!row_fits(be, D)) return;
    S4D_BY_ROW(shape, S, P, (s4d_launch(be, residual_norm_kernel<T, S, P>, s4d_dim(s4d_blocks(M, shape.rows)),
                                             s4d_dim(shape.lanes, shape.rows), 0, n, a, normed)));
}

extern "C" CUDA_OP(residual_norm_fwd)
{
    S4D_BY_TYPE(args->x.dtype, T, forward_norm<T>(be, args));
}
