/* Sums of columns in two stages: blocks gather strips of rows, then their sums are added one behind the other. The order
 * depends on the shape only. */
#ifndef S4D_BACKEND_CUDA_COLUMNS_CUH
#define S4D_BACKEND_CUDA_COLUMNS_CUH

#include "backend/cuda/spans.cuh"

enum {
    COLUMN_LANES = 32,
    COLUMN_ROWS = 8,                   /* of threads in a block */
    COLUMN_TILE = COLUMN_LANES * SPAN, /* columns of a block */
    COLUMN_STRIP = 8 * COLUMN_ROWS,    /* rows that a block is worth */
    COLUMN_BLOCKS = 2048,              /* more than about so many are not asked for */
    FOLD_COLUMNS = 32,
    FOLD_PIECES = 32
};

/* ---- the second stage ---- */

/* partial [pieces, sums, n]: the sums over its pieces are added to sum[0] [n] and, where sums is 2, sum[1] [n]. */
typedef struct column_parts {
    const float *partial;
    int64_t pieces, sums, n;
    float *sum[2];
} column_parts;

template <class P> static __global__ void __launch_bounds__(FOLD_COLUMNS * FOLD_PIECES) fold_columns_kernel(P c)
{
    __shared__ double part[FOLD_PIECES][FOLD_COLUMNS];
    int64_t column = (int64_t)blockIdx.x * FOLD_COLUMNS + threadIdx.x;
    double sum = 0;
    for (int64_t p = threadIdx.y; column < c.n && p < c.pieces; p += FOLD_PIECES)
        sum += (double)c.partial[(p * c.sums + blockIdx.y) * c.n + column];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || column >= c.n) return;
    for (int i = 1; i < FOLD_PIECES; ++i) sum += part[i][threadIdx.x];
    float *to = blockIdx.y ? c.sum[1] : c.sum[0];
    to[column] = (float)((double)to[column] + sum);
}

static inline void fold_columns(s4d_backend *be, column_parts c)
{
    s4d_launch(be, fold_columns_kernel<column_parts>, s4d_dim(s4d_blocks(c.n, FOLD_COLUMNS), c.sums),
               s4d_dim(FOLD_COLUMNS, FOLD_PIECES), 0, c);
}

/* ---- the first, where rows do not depend on each other ---- */

template <class F>
static __global__ void gather_columns_kernel(int64_t m, int64_t n, bool aligned, F f, float *partial)
{
    __shared__ float part[COLUMN_ROWS][COLUMN_TILE];
    eight sum = {};
    on_span((int64_t)blockIdx.x * COLUMN_TILE + threadIdx.x * SPAN, n, aligned, [&](auto s) {
        int64_t step = (int64_t)gridDim.y * COLUMN_ROWS;
        for (int64_t row = (int64_t)blockIdx.y * COLUMN_ROWS + threadIdx.y; row < m; row += step) {
            eight v = f(row, s);
            for (int i = 0; i < SPAN; ++i) sum.at[i] += v.at[i];
        }
    });
    for (int i = 0; i < SPAN; ++i) part[threadIdx.y][threadIdx.x * SPAN + i] = sum.at[i];
    __syncthreads();
    int own = threadIdx.y * COLUMN_LANES + threadIdx.x;
    int64_t column = (int64_t)blockIdx.x * COLUMN_TILE + own;
    if (column >= n) return;
    float total = 0;
    for (int i = 0; i < COLUMN_ROWS; ++i) total += part[i][own];
    partial[blockIdx.y * n + column] = total;
}

/* sum [n] += the column sums of f(row, span), the values of rows 0..m-1 at the columns of the span. `aligned`:
 * spans of all rows are. */
template <class F>
static inline void gather_columns(s4d_backend *be, int64_t m, int64_t n, bool aligned, F f, float *sum)
{
    if (m == 0 || n == 0) return;
    int64_t tiles = s4d_blocks(n, COLUMN_TILE), pieces = s4d_blocks(m, COLUMN_STRIP);
    int64_t most = s4d_blocks(COLUMN_BLOCKS, tiles);
    if (pieces > most) pieces = most;
    float *partial = (float *)s4d_cuda_scratch(be, (size_t)(pieces * n) * sizeof(float));
    s4d_launch(be, gather_columns_kernel<F>, s4d_dim(tiles, pieces), s4d_dim(COLUMN_LANES, COLUMN_ROWS), 0, m, n, aligned, f,
               partial);
    fold_columns(be, {partial, pieces, 1, n, {sum, NULL}});
}

#endif
