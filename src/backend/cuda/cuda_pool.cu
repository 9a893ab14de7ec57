/* Mean over the tokens. Bound by memory: forward reads a value of each token and column, backward writes one. */
#include "backend/cuda/kernel.cuh"

enum { ROWS = 8 }; /* warps of a block */

/* A block has 32 columns of a sample, a warp every ROWS-th token. Sums are double, in an order that depends on N only. */
template <class T> static __global__ void mean_pool_kernel(const T *x, int64_t N, int64_t D, T *y)
{
    __shared__ double part[ROWS][32];
    int64_t d = (int64_t)blockIdx.y * 32 + threadIdx.x;
    double sum = 0;
    x += blockIdx.x * N * D + d;
    if (d < D)
        for (int64_t n = threadIdx.y; n < N; n += ROWS) sum += (double)to_float(x[n * D]);
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || d >= D) return;
    for (int k = 1; k < ROWS; ++k) sum += part[k][threadIdx.x];
    y[blockIdx.x * D + d] = from_float<T>((float)(sum / (double)N));
}

template <class T> static void mean_pool(s4d_backend *be, const s4d_mean_pool_fwd_args *args)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2];
    s4d_launch(be, mean_pool_kernel<T>, s4d_dim(B, s4d_blocks(D, 32)), s4d_dim(32, ROWS), 0, (const T *)args->x.data, N, D,
               (T *)args->y.data);
}

extern "C" CUDA_OP(mean_pool_fwd)
{
    S4D_BY_TYPE(args->x.dtype, T, mean_pool<T>(be, args));
}

/* A warp writes a token's row. */
template <class T, bool EIGHTS>
static __global__ void mean_pool_bwd_kernel(const T *dy, int64_t N, int64_t D, float share, T *dx)
{
    int64_t n = (int64_t)blockIdx.y * ROWS + threadIdx.y;
    if (n >= N) return;
    dy += blockIdx.x * D;
    dx += (blockIdx.x * N + n) * D;
    enum { EACH = EIGHTS ? 8 : 1 };
    for (int64_t d = (int64_t)threadIdx.x * EACH; d < D; d += 32 * EACH) {
        if (EIGHTS) {
            eight v = load_eight(dy + d);
            for (int k = 0; k < 8; ++k) v.at[k] *= share;
            store_eight(dx + d, v);
        } else {
            dx[d] = from_float<T>(to_float(dy[d]) * share);
        }
    }
}

template <class T> static void mean_pool_bwd(s4d_backend *be, const s4d_mean_pool_bwd_args *args)
{
    int64_t B = args->dx.dim[0], N = args->dx.dim[1], D = args->dx.dim[2];
    bool wide = D % 8 == 0 && aligned_for_eight(args->dy.data) && aligned_for_eight(args->dx.data);
    s4d_launch(be, wide ? mean_pool_bwd_kernel<T, true> : mean_pool_bwd_kernel<T, false>, s4d_dim(B, s4d_blocks(N, ROWS)),
               s4d_dim(32, ROWS), 0, (const T *)args->dy.data, N, D, (float)(1 / (double)N), (T *)args->dx.data);
}

extern "C" CUDA_OP(mean_pool_bwd)
{
    S4D_BY_TYPE(args->dx.dtype, T, mean_pool_bwd<T>(be, args));
}
