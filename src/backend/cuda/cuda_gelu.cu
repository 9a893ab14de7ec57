/* Exact GELU, x * Phi(x), and its derivative Phi(x) + x * phi(x). Bytes an element in BF16: 4 forward, 6 backward, with the
 * bias gradient or without; some 30 and 45 instructions, near what the processors give at that rate. */
#include <math.h>

#include "backend/cuda/columns.cuh"

static __device__ inline float normal_cdf(float x)
{
    return 0.5f * (1 + erff(x * 0.70710678118654752f));
}

template <class T> static __global__ void gelu_kernel(int64_t n, bool aligned, const T *x, T *y)
{
    on_span(own_place(), n, aligned, [&](auto s) {
        eight v = load_span(x, s);
        for (int i = 0; i < SPAN; ++i) v.at[i] *= normal_cdf(v.at[i]);
        store_span(y, s, v);
    });
}

/* Writes dx, and gives what was written before it was rounded. dx may be dy. */
template <class T> struct gradient {
    const T *x, *dy;
    T *dx;
    int64_t width;
    template <class S> __device__ eight operator()(int64_t row, const S &s) const
    {
        int64_t first = row * width;
        eight v = load_span(x + first, s), g = load_span(dy + first, s);
        for (int i = 0; i < SPAN; ++i) {
            float density = 0.39894228040143268f * expf(-0.5f * v.at[i] * v.at[i]);
            g.at[i] *= normal_cdf(v.at[i]) + v.at[i] * density;
        }
        store_span(dx + first, s, g);
        return g;
    }
};

template <class T> static __global__ void gradient_kernel(int64_t n, bool aligned, gradient<T> f)
{
    on_span(own_place(), n, aligned, [&](auto s) { f(0, s); });
}

template <class T> static void forward(s4d_backend *be, const s4d_gelu_fwd_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    s4d_launch(be, gelu_kernel<T>, s4d_dim(s4d_blocks(n, SPAN_BLOCK)), s4d_dim(SPAN_THREADS), 0, n,
               all_aligned(args->x.data, args->y.data), (const T *)args->x.data, (T *)args->y.data);
}

template <class T> static void backward(s4d_backend *be, const s4d_gelu_bwd_args *args)
{
    int64_t n = s4d_tensor_count(&args->x), N = args->x.dim[args->x.rank - 1];
    bool aligned = all_aligned(args->x.data, args->dy.data, args->dx.data);
    gradient<T> f = {(const T *)args->x.data, (const T *)args->dy.data, (T *)args->dx.data, N};
    if (s4d_tensor_given(&args->db))
        gather_columns(be, n ? n / N : 0, N, aligned && N % SPAN == 0, f, (float *)args->db.data);
    else
        s4d_launch(be, gradient_kernel<T>, s4d_dim(s4d_blocks(n, SPAN_BLOCK)), s4d_dim(SPAN_THREADS), 0, n, aligned, f);
}

extern "C" CUDA_OP(gelu_fwd)
{
    S4D_BY_TYPE(args->x.dtype, T, forward<T>(be, args));
}

extern "C" CUDA_OP(gelu_bwd)
{
    S4D_BY_TYPE(args->x.dtype, T, backward<T>(be, args));
}
