/* What kernels share: launching, the two float types, sums over warps and blocks in a fixed order. */
#ifndef S4D_BACKEND_CUDA_KERNEL_CUH
#define S4D_BACKEND_CUDA_KERNEL_CUH

#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <stdint.h>

#include "backend/cuda/cuda_private.h"

typedef __nv_bfloat16 bf16;

/* tests/emulator runs kernels on the processor; it must know their types. */
#ifndef S4D_EMULATED_KERNEL
#define S4D_EMULATED_KERNEL(kernel) ((void)0)
#define S4D_DYNAMIC_SHARED(type, name)                                                             \
    extern __shared__ __align__(16) unsigned char s4d_dynamic_shared[];                            \
    type *name = (type *)s4d_dynamic_shared
#endif

static inline dim3 s4d_dim(int64_t x, int64_t y = 1, int64_t z = 1)
{
    return dim3((unsigned)x, (unsigned)y, (unsigned)z);
}

template <class... P>
static inline void s4d_launch_exactly(s4d_backend *be, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, P... p)
{
    void *arg[] = {(void *)&p...};
    const size_t size[] = {sizeof(P)...};
    S4D_EMULATED_KERNEL(kernel);
    s4d_cuda_kernel k = {(const void *)kernel, {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared, arg, size,
                         (int)sizeof...(P)};
    s4d_cuda_launch(be, &k);
}

/* s4d_launch(be, kernel, grid, block, dynamic shared bytes, arguments...): arguments are converted to the kernel's types.
 * A grid without blocks launches nothing. Struct arguments must have no padding (a graph compares their bytes). */
template <class... P, class... A>
static inline void s4d_launch(s4d_backend *be, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A... a)
{
    if (grid.x && grid.y && grid.z) s4d_launch_exactly<P...>(be, kernel, grid, block, shared, static_cast<P>(a)...);
}

/* Calls body<float>(...) or body<bf16>(...) by the type of a tensor: S4D_BY_TYPE(args->x.dtype, T, run<T>(be, args)). */
#define S4D_BY_TYPE(dtype, T, call)                                                                \
    do {                                                                                           \
        if ((dtype) == S4D_BF16) {                                                                 \
            typedef bf16 T;                                                                        \
            call;                                                                                  \
        } else {                                                                                   \
            typedef float T;                                                                       \
            call;                                                                                  \
        }                                                                                          \
    } while (0)

static __device__ inline float to_float(float x)
{
    return x;
}
static __device__ inline float to_float(bf16 x)
{
    return __bfloat162float(x);
}
template <class T> static __device__ inline T from_float(float x);
template <> __device__ inline float from_float<float>(float x)
{
    return x;
}
template <> __device__ inline bf16 from_float<bf16>(float x)
{
    return __float2bfloat16_rn(x);
}

/* Eight neighbouring values: 16 bytes of bf16, 32 of float. Only where p is aligned so (aligned_for_eight). */
typedef struct eight {
    float at[8];
} eight;
static __device__ inline eight load_eight(const float *p)
{
    float4 low = ((const float4 *)p)[0], high = ((const float4 *)p)[1];
    return {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
}
static __device__ inline eight load_eight(const bf16 *p)
{
    union {
        uint4 whole;
        bf16 part[8];
    } u = {*(const uint4 *)p};
    eight v;
    for (int i = 0; i < 8; ++i) v.at[i] = __bfloat162float(u.part[i]);
    return v;
}
/* Two values in the bits of a pair of bf16, the first in the lower half. */
static __device__ inline unsigned pack(float low, float high)
{
    union {
        __nv_bfloat162 pair;
        unsigned bits;
    } u = {__floats2bfloat162_rn(low, high)};
    return u.bits;
}
static __device__ inline uint4 pack_eight(const eight &v)
{
    const float *f = v.at;
    return make_uint4(pack(f[0], f[1]), pack(f[2], f[3]), pack(f[4], f[5]), pack(f[6], f[7]));
}
/* __stwb is a plain store, but one instruction for certain: the compiler has been seen to cut stores of 16 bytes in four. */
static __device__ inline void store_eight(float *p, const eight &v)
{
    const float *f = v.at;
    __stwb((float4 *)p, make_float4(f[0], f[1], f[2], f[3]));
    __stwb((float4 *)p + 1, make_float4(f[4], f[5], f[6], f[7]));
}
static __device__ inline void store_eight(bf16 *p, const eight &v)
{
    __stwb((uint4 *)p, pack_eight(v));
}
/* What a T would hold of them. By pairs: rounding one at a time is slow. */
template <class T> static __device__ inline eight as_stored(const eight &v);
template <> __device__ inline eight as_stored<float>(const eight &v)
{
    return v;
}
template <> __device__ inline eight as_stored<bf16>(const eight &v)
{
    union {
        uint4 whole;
        bf16 part[8];
    } u = {pack_eight(v)};
    eight held;
    for (int i = 0; i < 8; ++i) held.at[i] = __bfloat162float(u.part[i]);
    return held;
}
static inline bool aligned_for_eight(const void *p)
{
    return (uintptr_t)p % 16 == 0;
}

/* Sums over the 32 lanes of a warp, over the whole block; every thread gets the sum. The order depends on the block's size
 * only. block_sum wants `part` [32] in shared memory and all threads of the block, a whole number of warps. */
template <class T> static __device__ inline T warp_sum(T x)
{
    for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(0xffffffffu, x, lane);
    return x;
}
template <class T> static __device__ inline T block_sum(T x, T *part)
{
    int warp = threadIdx.x / 32, warps = (blockDim.x + 31) / 32;
    x = warp_sum(x);
    __syncthreads(); /* part may still be read from the sum before */
    if (threadIdx.x % 32 == 0) part[warp] = x;
    __syncthreads();
    x = (int)(threadIdx.x % 32) < warps ? part[threadIdx.x % 32] : T(0);
    return warp_sum(x);
}

static inline int64_t s4d_blocks(int64_t n, int64_t per_block)
{
    return (n + per_block - 1) / per_block;
}

#endif
