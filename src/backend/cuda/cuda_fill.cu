/* Filling and converting. All of it is bound by memory: random writes 4 bytes an element (normals also take some 100
 * double operations a pair), cast reads and writes each element once, zero writes once. */
#include "backend/cuda/kernel.cuh"
#include "backend/cuda/philox.cuh"

enum { THREADS = 256 };

extern "C" CUDA_OP(zero)
{
    s4d_cuda_clear(be, args->x.data, s4d_tensor_bytes(&args->x));
}

/* ---- random ---- */

typedef struct draw {
    uint64_t key, first;
} draw;

/* A thread has the four elements of one counter; those before `first` and behind the end are left out. */
template <bool NORMAL> static __global__ void random_kernel(const draw *d, int64_t n, float *y)
{
    int64_t thread = (int64_t)blockIdx.x * THREADS + threadIdx.x, i = 4 * thread - (int64_t)(d->first % 4);
    if (i >= n) return;
    four_words w = fill_words(d->key, d->first + (uint64_t)i);
    float value[4];
    if (NORMAL) {
        normal_pair low = normals_of(w.at[0], w.at[1]), high = normals_of(w.at[2], w.at[3]);
        value[0] = low.even, value[1] = low.odd, value[2] = high.even, value[3] = high.odd;
    } else {
        for (int k = 0; k < 4; ++k) value[k] = uniform_of(w.at[k]);
    }
    for (int k = 0; k < 4; ++k)
        if (i + k >= 0 && i + k < n) y[i + k] = value[k];
}

extern "C" CUDA_OP(random)
{
    int64_t n = s4d_tensor_count(&args->y), counters = (n + 6) / 4; /* most there can be, wherever the first falls */
    if (n == 0) return;
    draw host = {args->key, args->first};
    const draw *d = (const draw *)s4d_cuda_constant(be, &host, sizeof host);
    s4d_launch(be, args->kind == S4D_NORMAL ? random_kernel<true> : random_kernel<false>,
               s4d_dim(s4d_blocks(counters, THREADS)), s4d_dim(THREADS), 0, d, n, (float *)args->y.data);
}

/* ---- cast ---- */

template <class Y> static __device__ inline Y converted(float x)
{
    return from_float<Y>(x);
}
template <> __device__ inline double converted<double>(float x)
{
    return (double)x;
}
template <class Y> static __device__ inline Y converted(bf16 x)
{
    return converted<Y>(__bfloat162float(x));
}

template <class Y> static __device__ inline Y converted(double x);
template <> __device__ inline float converted<float>(double x)
{
    return (float)x;
}
/* To float with the last bit set where something was cut off, so that the second rounding is as good as one. */
template <> __device__ inline bf16 converted<bf16>(double x)
{
    float cut = (float)x;
    uint32_t bits = __float_as_uint(cut);
    if (fabs((double)cut) > fabs(x)) --bits;
    if ((double)__uint_as_float(bits) != x) bits |= 1;
    return __float2bfloat16_rn(__uint_as_float(bits));
}

template <class X, class Y> static __global__ void convert_kernel(const X *x, int64_t n, Y *y)
{
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i < n) y[i] = converted<Y>(x[i]);
}

/* Eight elements a thread; behind the last eight, one. */
template <class X, class Y> static __global__ void convert_eight_kernel(const X *x, int64_t n, Y *y)
{
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, eights = n / 8, single = eights * 8 + (i - eights);
    if (i < eights) store_eight(y + 8 * i, load_eight(x + 8 * i));
    else if (single < n) y[single] = converted<Y>(x[single]);
}

template <class X, class Y> static void convert_plainly(s4d_backend *be, const void *x, void *y, int64_t n)
{
    s4d_launch(be, convert_kernel<X, Y>, s4d_dim(s4d_blocks(n, THREADS)), s4d_dim(THREADS), 0, (const X *)x, n, (Y *)y);
}

/* float and bf16. */
template <class X, class Y> static void convert(s4d_backend *be, const void *x, void *y, int64_t n)
{
    if (aligned_for_eight(x) && aligned_for_eight(y))
        s4d_launch(be, convert_eight_kernel<X, Y>, s4d_dim(s4d_blocks(n / 8 + n % 8, THREADS)), s4d_dim(THREADS), 0,
                   (const X *)x, n, (Y *)y);
    else convert_plainly<X, Y>(be, x, y, n);
}

static bool is_float(s4d_dtype dtype)
{
    return dtype == S4D_F32 || dtype == S4D_F64 || dtype == S4D_BF16;
}

extern "C" void s4d_cuda_convert(s4d_backend *be, s4d_dtype x_type, const void *x, s4d_dtype y_type, void *y, int64_t n)
{
    if (!is_float(x_type) || !is_float(y_type))
        s4d_backend_fail(be, "device %s: no cast from %s to %s; this device casts between F32, F64 and BF16", be->name,
                         s4d_dtype_name(x_type), s4d_dtype_name(y_type));
    else if (x_type == y_type) s4d_cuda_copy(be, y, x, (size_t)n * s4d_dtype_size(x_type));
    else if (x_type == S4D_F64) S4D_BY_TYPE(y_type, Y, (convert_plainly<double, Y>(be, x, y, n)));
    else if (y_type == S4D_F64) S4D_BY_TYPE(x_type, X, (convert_plainly<X, double>(be, x, y, n)));
    else if (x_type == S4D_F32) convert<float, bf16>(be, x, y, n);
    else convert<bf16, float>(be, x, y, n);
}

extern "C" CUDA_OP(cast)
{
    s4d_cuda_convert(be, args->x.dtype, args->x.data, args->y.dtype, args->y.data, s4d_tensor_count(&args->x));
}

/* Whether the build has code for this card. */
extern "C" cudaError_t s4d_cuda_try_code(void)
{
    cudaFuncAttributes unused;
    S4D_EMULATED_KERNEL((random_kernel<true>));
    return cudaFuncGetAttributes(&unused, (const void *)random_kernel<true>);
}
