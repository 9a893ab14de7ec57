/* Kernels about warps: shuffles of every kind and type, votes, parts of warps. */
#include "launch.cuh"

static __global__ void shuffles(int *y)
{
    const unsigned all = 0xffffffffu;
    int lane = threadIdx.x, x = 100 + lane, row = 0;
    y[32 * row++ + lane] = __shfl_sync(all, x, 5);
    y[32 * row++ + lane] = __shfl_sync(all, x, lane + 1);
    y[32 * row++ + lane] = __shfl_sync(all, x, 3, 8);
    y[32 * row++ + lane] = __shfl_sync(all, x, -1, 16);
    y[32 * row++ + lane] = __shfl_up_sync(all, x, 1);
    y[32 * row++ + lane] = __shfl_up_sync(all, x, 3, 8);
    y[32 * row++ + lane] = __shfl_up_sync(all, x, 0);
    y[32 * row++ + lane] = __shfl_down_sync(all, x, 1);
    y[32 * row++ + lane] = __shfl_down_sync(all, x, 5, 16);
    y[32 * row++ + lane] = __shfl_down_sync(all, x, 31);
    y[32 * row++ + lane] = __shfl_xor_sync(all, x, 1);
    y[32 * row++ + lane] = __shfl_xor_sync(all, x, 31);
    y[32 * row++ + lane] = __shfl_xor_sync(all, x, 9, 8);
    y[32 * row++ + lane] = __shfl_xor_sync(all, x, 16, 16);
    y[32 * row++ + lane] = __shfl_xor_sync(all, x, 2, 4);
    y[32 * row++ + lane] = __shfl_sync(all, x, lane, 1);
}

extern "C" cudaError_t launch_shuffles(int *y)
{
    return launch(shuffles, dim3(1), dim3(32), 0, (cudaStream_t)0, y);
}

template <class T> static __device__ inline double next(T x)
{
    return (double)__shfl_down_sync(0xffffffffu, x, 1);
}

static __global__ void types(double *y)
{
    int lane = threadIdx.x;
    double value = lane;
    __nv_bfloat16 narrow = __float2bfloat16_rn(lane * 0.5f);
    y[lane] = next(-lane);
    y[32 + lane] = next(4000000000u + lane);
    y[64 + lane] = next(-(1ll << 40) - lane);
    y[96 + lane] = next((1ull << 63) + 4096 * (unsigned long long)lane);
    y[128 + lane] = next(0.25f * lane);
    y[160 + lane] = next(value / 3);
    y[192 + lane] = (double)__bfloat162float(__shfl_down_sync(0xffffffffu, narrow, 1));
}

extern "C" cudaError_t launch_shuffled_types(double *y)
{
    return launch(types, dim3(1), dim3(32), 0, (cudaStream_t)0, y);
}

static __global__ void votes(unsigned *y, int ended)
{
    const unsigned all = 0xffffffffu;
    int lane = threadIdx.x;
    if (lane >= ended) return;
    y[lane] = __ballot_sync(all, lane % 3 == 0);
    y[32 + lane] = (unsigned)__any_sync(all, lane == 4);
    y[64 + lane] = (unsigned)__any_sync(all, lane == 40);
    y[96 + lane] = (unsigned)__all_sync(all, lane < 40);
    y[128 + lane] = (unsigned)__all_sync(all, lane < 4);
    y[160 + lane] = __ballot_sync(all, 4);
    __syncwarp();
    y[192 + lane] = (unsigned)__syncthreads_count(lane % 2);
    y[224 + lane] = (unsigned)__syncthreads_and(lane < 3);
    y[256 + lane] = (unsigned)__syncthreads_or(lane == 2);
    y[288 + lane] = __match_any_sync(all, lane % 4);
#if defined(S4D_CUDA_EMULATED) || __CUDA_ARCH__ >= 800
    y[320 + lane] = __reduce_add_sync(all, (unsigned)lane);
    y[352 + lane] = (unsigned)__reduce_min_sync(all, 5 - lane);
    y[384 + lane] = __reduce_max_sync(all, (unsigned)lane);
#endif
}

extern "C" cudaError_t launch_votes(unsigned *y, int threads, int ended)
{
    return launch(votes, dim3(1), dim3(threads), 0, (cudaStream_t)0, y, ended);
}

static __global__ void halves(int *y)
{
    int lane = threadIdx.x % 32, x = threadIdx.x;
    if (lane < 16) {
        for (int step = 8; step > 0; step /= 2) x += __shfl_xor_sync(0xffffu, x, step);
    } else {
        x = __shfl_sync(0xffff0000u, x, 31);
        __syncwarp(0xffff0000u);
    }
    __syncthreads();
    y[threadIdx.x] = x + __shfl_xor_sync(0xffffffffu, x, 16);
}

extern "C" cudaError_t launch_halves(int *y)
{
    return launch(halves, dim3(1), dim3(96), 0, (cudaStream_t)0, y);
}
