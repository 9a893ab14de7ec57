/* Kernels about blocks: barriers, shared memory, indices, and what must not be done. */
#include "launch.cuh"

static __global__ void fill(float *y, float value, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = value;
}

static __global__ void add(float *y, const float *x, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] += x[i];
}

extern "C" cudaError_t launch_fill(float *y, float value, int n, cudaStream_t stream)
{
    return launch(fill, dim3((n + 127) / 128), dim3(128), 0, stream, y, value, n);
}

extern "C" cudaError_t launch_add(float *y, const float *x, int n, cudaStream_t stream)
{
    return launch(add, dim3((n + 127) / 128), dim3(128), 0, stream, y, x, n);
}

/* ---- sums ---- */

template <class T> static __device__ inline T sum_of_warp(T x)
{
    for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(0xffffffffu, x, lane);
    return x;
}

template <class T> static __global__ void sums(const T *x, int n, T *sum)
{
    __shared__ T part[32];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    T mine = sum_of_warp(i < n ? x[i] : T(0));
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = mine;
    __syncthreads();
    if (threadIdx.x >= 32) return;
    mine = sum_of_warp(threadIdx.x < blockDim.x / 32 ? part[threadIdx.x] : T(0));
    if (threadIdx.x == 0) sum[blockIdx.x] = mine;
}

extern "C" cudaError_t launch_sums(const float *x, int n, int threads, int blocks, float *sum)
{
    return launch(sums<float>, dim3(blocks), dim3(threads), 0, (cudaStream_t)0, x, n, sum);
}

static __global__ void reverse(const int *x, int *y, int n)
{
    __shared__ int all[1024];
    int i = threadIdx.x;
    if (i >= n) return;
    all[i] = x[i];
    __syncthreads();
    y[i] = all[n - 1 - i];
    __syncthreads();
    all[n - 1 - i] = 2 * y[i];
    __syncthreads();
    y[i] = all[i];
}

extern "C" cudaError_t launch_reverse(const int *x, int *y, int n, int threads)
{
    return launch(reverse, dim3(1), dim3(threads), 0, (cudaStream_t)0, x, y, n);
}

/* A barrier is missing. */
static __global__ void careless(const int *x, int *y, int n)
{
    __shared__ int all[1024];
    int i = threadIdx.x;
    all[i] = x[i];
    y[i] = all[n - 1 - i];
}

extern "C" cudaError_t launch_careless(const int *x, int *y, int n)
{
    return launch(careless, dim3(1), dim3(n), 0, (cudaStream_t)0, x, y, n);
}

/* ---- indices and limits ---- */

static __global__ void indices(unsigned *count, unsigned *order, unsigned *turn)
{
    unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    unsigned size = blockDim.x * blockDim.y * blockDim.z;
    atomicAdd(&count[block * size + thread], 1u);
    if (thread == 0) order[atomicAdd(turn, 1u)] = block;
}

extern "C" cudaError_t launch_indices(dim3 grid, dim3 block, unsigned *count, unsigned *order, unsigned *turn)
{
    return launch(indices, grid, block, 0, (cudaStream_t)0, count, order, turn);
}

static __global__ void nothing(void) {}

extern "C" cudaError_t launch_with(dim3 grid, dim3 block, size_t shared)
{
    return launch(nothing, grid, block, shared, (cudaStream_t)0);
}

static __global__ void not_known(void) {}

extern "C" cudaError_t launch_not_known(void)
{
    return cudaLaunchKernel((const void *)(void (*)(void))not_known, dim3(1), dim3(1), (void **)0, 0, (cudaStream_t)0);
}

/* ---- shared memory ---- */

/* The second block reads what the first wrote, and what nobody wrote. */
template <class T> static __global__ void unwritten(T *y)
{
    __shared__ T kept[4];
    S4D_DYNAMIC_SHARED(T, own);
    if (blockIdx.x < 2) y[blockIdx.x] = kept[1];
    else y[blockIdx.x] = own[1];
    __syncthreads();
    kept[1] = own[1] = 7;
}

extern "C" cudaError_t launch_unwritten(float *y)
{
    return launch(unwritten<float>, dim3(4), dim3(1), 4 * sizeof(float), (cudaStream_t)0, y);
}

static __global__ void write_shared(size_t at)
{
    S4D_DYNAMIC_SHARED(unsigned char, own);
    own[at] = 1;
}

extern "C" cudaError_t launch_shared_at(size_t bytes, size_t write_at)
{
    return launch(write_shared, dim3(1), dim3(1), bytes, (cudaStream_t)0, write_at);
}

extern "C" cudaError_t launch_allow_shared(int bytes)
{
    S4D_EMULATED_KERNEL(write_shared);
    return cudaFuncSetAttribute((const void *)(void (*)(size_t))write_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}

/* ---- errors ---- */

static __global__ void do_wrong(int what)
{
    int lane = threadIdx.x % 32;
    unsigned all = 0xffffffffu;
    if (what == WRONG_TWO_BARRIERS) {
        if (threadIdx.x < 20) __syncthreads();
        else __syncthreads();
    } else if (what == WRONG_BARRIER_AND_SHUFFLE) {
        if (lane < 3) __syncthreads();
        else __shfl_xor_sync(all, lane, 1);
    } else if (what == WRONG_ENDED_LANE) {
        if (lane == 7) return;
        __shfl_sync(all, lane, 7);
    } else if (what == WRONG_LANE_NOT_IN_MASK) {
        if (lane < 16) __shfl_sync(0xffffu, lane, 20);
    } else if (what == WRONG_MASK) {
        __shfl_sync(0xffffu, lane, 0);
    } else if (what == WRONG_SITES) {
        if (lane < 16) __shfl_sync(all, lane, 0);
        else __shfl_sync(all, lane, 0);
    } else {
        __shfl_sync(all, lane, 0, 12);
    }
}

extern "C" cudaError_t launch_wrong(wrong what)
{
    return launch(do_wrong, dim3(1), dim3(64), 0, (cudaStream_t)0, (int)what);
}
