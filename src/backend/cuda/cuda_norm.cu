/* LayerNorm over the last dimension. Every row is read once: 4 bytes an element in BF16 forward, 6 backward (8 where dx is
 * added to); some 8 and 16 FLOP. */
#include <math.h>

#include "backend/cuda/columns.cuh"
#include "backend/cuda/norm_row.cuh"

/* ---- forward ---- */

template <class T, int S, class P>
static __global__ void __launch_bounds__(MOST_LANES) norm_kernel(row_norm n, const T *x, T *y)
{
    __shared__ float part[32];
    int64_t m = own_row();
    if (m >= n.M) return; /* a whole warp */
    eight row[S];
    for (int i = 0; i < S; ++i) row[i] = load_span(x + m * n.D, row_span<P>(i, n.D));
    norm_row<T, S, P>(n, m, row, y, part);
}

template <class T> static void forward(s4d_backend *be, const s4d_layer_norm_fwd_args *args)
{
    int64_t D = args->w.dim[0], M = s4d_tensor_count(&args->mean);
    const T *x = (const T *)args->x.data;
    T *y = (T *)args->y.data;
    const float *w = (const float *)args->w.data, *b = (const float *)args->b.data;
    row_norm n = {M, D, w, b, (float *)args->mean.data, (float *)args->rstd.data, args->eps};
    row_shape shape = warp_or_block_row(D, D % SPAN == 0 && all_aligned(x, y, w, b));
    if (!row_fits(be, D)) return;
    S4D_BY_ROW(shape, S, P, (s4d_launch(be, norm_kernel<T, S, P>, s4d_dim(s4d_blocks(M, shape.rows)),
                                             s4d_dim(shape.lanes, shape.rows), 0, n, x, y)));
}

extern "C" CUDA_OP(layer_norm_fwd)
{
    S4D_BY_TYPE(args->x.dtype, T, forward<T>(be, args));
}

/* ---- backward: a block takes a strip of rows and keeps the sums of its columns in registers ---- */

enum { STRIPS = 1056, STRIP_ROWS = 16 }; /* at most; rows that a block is worth */

/* No padding. */
template <class T> struct gradient {
    int64_t M, D;
    const T *x, *dy;
    const float *w, *mean, *rstd;
    T *dx;
    float *partial; /* [blocks, 2, D] */
    int64_t add;
};

/* Both sums over the block, in one go; part [64] is shared. */
static __device__ inline void sum_both(float *a, float *b, float *part)
{
    int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    *a = warp_sum(*a);
    *b = warp_sum(*b);
    if (warps == 1) return;
    __syncthreads();
    if (lane == 0) {
        part[threadIdx.x / 32] = *a;
        part[32 + threadIdx.x / 32] = *b;
    }
    __syncthreads();
    *a = warp_sum(lane < warps ? part[lane] : 0.0f);
    *b = warp_sum(lane < warps ? part[32 + lane] : 0.0f);
}

/* dx = rstd * (g - mean(g) - xhat * mean(g * xhat)) with g = dy * w and xhat = (x - mean) * rstd. */
template <class T, int S, class P>
static __device__ inline void row_gradient(const gradient<T> &a, int64_t m, eight *dw, eight *db, float *part)
{
    float mean = a.mean[m], rstd = a.rstd[m], sum = 0, with_x = 0;
    eight g[S], xhat[S], before[S];
    for (int i = 0; i < S; ++i) {
        P s = row_span<P>(i, a.D);
        g[i] = load_span(a.dy + m * a.D, s);
        xhat[i] = load_span(a.x + m * a.D, s);
        before[i] = a.add ? load_span(a.dx + m * a.D, s) : eight{};
        eight w = load_span(a.w, s);
        for (int k = 0; k < SPAN; ++k) {
            xhat[i].at[k] = (xhat[i].at[k] - mean) * rstd;
            db[i].at[k] += g[i].at[k];
            dw[i].at[k] += g[i].at[k] * xhat[i].at[k];
            g[i].at[k] *= w.at[k]; /* 0 beyond the row's end */
            sum += g[i].at[k];
            with_x += g[i].at[k] * xhat[i].at[k];
        }
    }
    sum_both(&sum, &with_x, part);
    sum /= (float)a.D;
    with_x /= (float)a.D;
    for (int i = 0; i < S; ++i) {
        for (int k = 0; k < SPAN; ++k) before[i].at[k] += rstd * (g[i].at[k] - sum - xhat[i].at[k] * with_x);
        store_span(a.dx + m * a.D, row_span<P>(i, a.D), before[i]);
    }
}

template <class T, int S, class P>
static __global__ void __launch_bounds__(MOST_LANES) gradient_kernel(gradient<T> a)
{
    __shared__ float part[64];
    eight dw[S] = {}, db[S] = {};
    for (int64_t m = blockIdx.x; m < a.M; m += gridDim.x) row_gradient<T, S, P>(a, m, dw, db, part);
    float *own = a.partial + (int64_t)blockIdx.x * 2 * a.D;
    for (int i = 0; i < S; ++i) {
        P s = row_span<P>(i, a.D);
        store_span(own, s, dw[i]);
        store_span(own + a.D, s, db[i]);
    }
}

template <class T> static void backward(s4d_backend *be, const s4d_layer_norm_bwd_args *args)
{
    int64_t D = args->w.dim[0], M = s4d_tensor_count(&args->mean), strips = s4d_blocks(M, STRIP_ROWS);
    if (strips > STRIPS) strips = STRIPS;
    if (M == 0 || !row_fits(be, D)) return;
    gradient<T> a = {M, D, (const T *)args->x.data, (const T *)args->dy.data, (const float *)args->w.data,
                     (const float *)args->mean.data, (const float *)args->rstd.data, (T *)args->dx.data,
                     (float *)s4d_cuda_scratch(be, (size_t)(strips * 2 * D) * sizeof(float)), args->add_dx};
    row_shape shape = block_row(D, D % SPAN == 0 && all_aligned(a.x, a.dy, a.w, a.dx));
    S4D_BY_ROW(shape, S, P, (s4d_launch(be, gradient_kernel<T, S, P>, s4d_dim(strips), s4d_dim(shape.lanes), 0, a)));
    fold_columns(be, {a.partial, strips, 2, D, {(float *)args->dw.data, (float *)args->db.data}});
}

extern "C" CUDA_OP(layer_norm_bwd)
{
    S4D_BY_TYPE(args->x.dtype, T, backward<T>(be, args));
}
