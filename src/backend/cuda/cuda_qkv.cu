/* The bias of packed queries, keys and values, in one piece and in the products' type. 3D values: bound by the launch. */
#include "backend/cuda/grouped.h"
#include "backend/cuda/kernel.cuh"

enum { THREADS = 256 };

template <class T> static __global__ void join_bias(int64_t D, const float *q, const float *v, T *bias)
{
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i < 3 * D) bias[i] = from_float<T>(i < D ? q[i] : i < 2 * D ? 0.0f : v[i - 2 * D]);
}

extern "C" void s4d_cuda_join_qkv_bias(s4d_backend *be, int64_t D, const float *q, const float *v, s4d_dtype type,
                                       void *bias)
{
    dim3 grid = s4d_dim(s4d_blocks(3 * D, THREADS));
    S4D_BY_TYPE(type, T, s4d_launch(be, join_bias<T>, grid, s4d_dim(THREADS), 0, D, q, v, (T *)bias));
}
