/* What nvcc gives to a .cu file, for an ordinary C++ compiler: qualifiers, indices, the launch of kernels, and under emulator/
 * the functions of the card. */
#ifndef S4D_EMULATOR_CUDA_RUNTIME_H
#define S4D_EMULATOR_CUDA_RUNTIME_H

#include "cuda_runtime_api.h"

#ifdef __cplusplus
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "s4d_emulator.h"

/* ---- qualifiers ---- */

/* Blocks run one after another, so that a static variable is as good as shared memory. It is poisoned before each block where
 * the program has symbols. */
#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__

#define S4D_DYNAMIC_SHARED(type, name) type *name = (type *)s4d_emulator_shared()
#define S4D_EMULATED_KERNEL(kernel) s4d_emulate_kernel(kernel)

/* ---- indices ---- */

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
static const int warpSize __attribute__((unused)) = 32;

/* ---- kernels ---- */

/* Takes arguments from void ** one by one, in their own types, and calls the kernel with them all. */
template <class... P> struct s4d_emulated_call;
template <> struct s4d_emulated_call<> {
    template <class F, class... D> static void with(F kernel, void **, D &...done)
    {
        kernel(done...);
    }
};
template <class P, class... Rest> struct s4d_emulated_call<P, Rest...> {
    template <class F, class... D> static void with(F kernel, void **arg, D &...done)
    {
        s4d_emulated_call<Rest...>::with(kernel, arg + 1, done..., *(P *)*arg);
    }
};

template <class... P> static inline void s4d_emulated_invoke_as(const void *kernel, void **arg)
{
    s4d_emulated_call<P...>::with((void (*)(P...))kernel, arg);
}

template <class... P> static inline void s4d_emulate_kernel(void (*kernel)(P...))
{
    static const size_t size[] = {sizeof(P)..., 0};
    s4d_emulator_know((const void *)kernel, s4d_emulated_invoke_as<P...>, size, (int)sizeof...(P), __PRETTY_FUNCTION__);
}

/* ---- the typed forms of runtime calls ---- */

template <class T> static inline cudaError_t cudaMalloc(T **pointer, size_t size)
{
    return cudaMalloc((void **)(void *)pointer, size);
}
template <class T> static inline cudaError_t cudaMallocManaged(T **pointer, size_t size, unsigned int flags = cudaMemAttachGlobal)
{
    return cudaMallocManaged((void **)(void *)pointer, size, flags);
}
template <class T> static inline cudaError_t cudaMallocHost(T **pointer, size_t size)
{
    return cudaMallocHost((void **)(void *)pointer, size);
}
template <class T> static inline cudaError_t cudaHostAlloc(T **pointer, size_t size, unsigned int flags)
{
    return cudaHostAlloc((void **)(void *)pointer, size, flags);
}
template <class... P>
static inline cudaError_t cudaLaunchKernel(void (*kernel)(P...), dim3 grid, dim3 block, void **args, size_t shared = 0,
                                           cudaStream_t stream = 0)
{
    s4d_emulate_kernel(kernel);
    return cudaLaunchKernel((const void *)kernel, grid, block, args, shared, stream);
}
template <class... P>
static inline cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), enum cudaFuncAttribute attribute, int value)
{
    s4d_emulate_kernel(kernel);
    return cudaFuncSetAttribute((const void *)kernel, attribute, value);
}
template <class... P>
static inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void (*kernel)(P...), int block_size,
                                                                        size_t shared)
{
    s4d_emulate_kernel(kernel);
    return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, (const void *)kernel, block_size, shared);
}

#include "emulator/atomics.h"
#include "emulator/numbers.h"
#include "emulator/warp.h"

#endif
#endif
