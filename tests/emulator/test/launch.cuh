/* Launches a kernel with arguments of exactly its types. */
#ifndef S4D_EMULATOR_TEST_LAUNCH_CUH
#define S4D_EMULATOR_TEST_LAUNCH_CUH

#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <stdint.h>

#include "kernels.h"

#ifndef S4D_EMULATED_KERNEL
#define S4D_EMULATED_KERNEL(kernel) ((void)0)
#define S4D_DYNAMIC_SHARED(type, name)                                                             \
    extern __shared__ __align__(16) unsigned char dynamic_shared[];                                \
    type *name = (type *)dynamic_shared
#endif

template <class... P>
static inline cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, P... p)
{
    void *arg[] = {(void *)&p..., nullptr};
    S4D_EMULATED_KERNEL(kernel);
    return cudaLaunchKernel((const void *)kernel, grid, block, arg, shared, stream);
}

#endif
