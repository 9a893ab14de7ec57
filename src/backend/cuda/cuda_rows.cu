/* Rows moved by index: positions, visible tokens, the decoder's input. A warp has a row, so that indices are read once; a
 * block has neighbouring rows of one sample. Bound by memory: every row is read and written once. */
#include "backend/cuda/kernel.cuh"

enum { ROWS = 8 }; /* warps of a block */

static dim3 blocks_of_rows(int64_t B, int64_t rows)
{
    return s4d_dim(B, s4d_blocks(rows, ROWS));
}

static __device__ inline int64_t own_row(void)
{
    return (int64_t)blockIdx.y * ROWS + threadIdx.y;
}

static bool eights(int64_t D, const void *x, const void *y, const void *table)
{
    return D % 8 == 0 && aligned_for_eight(x) && aligned_for_eight(y) && aligned_for_eight(table);
}

/* ---- positions ---- */

/* Act in and out, the table float. */
template <class T, bool EIGHTS>
static __global__ void add_rows_kernel(const T *x, const float *table, const int32_t *index, int64_t V, int64_t D, T *y)
{
    int64_t v = own_row(), row = blockIdx.x * V + v;
    if (v >= V) return;
    table += (index ? index[row] : v) * D;
    x += row * D;
    y += row * D;
    enum { EACH = EIGHTS ? 8 : 1 };
    for (int64_t d = (int64_t)threadIdx.x * EACH; d < D; d += 32 * EACH) {
        if (EIGHTS) {
            eight a = load_eight(x + d), b = load_eight(table + d);
            for (int k = 0; k < 8; ++k) a.at[k] += b.at[k];
            store_eight(y + d, a);
        } else {
            y[d] = from_float<T>(to_float(x[d]) + table[d]);
        }
    }
}

template <class T> static void add_rows(s4d_backend *be, const s4d_add_rows_args *args)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2];
    bool wide = eights(D, args->x.data, args->y.data, args->table.data);
    s4d_launch(be, wide ? add_rows_kernel<T, true> : add_rows_kernel<T, false>, blocks_of_rows(B, V), s4d_dim(32, ROWS), 0,
               (const T *)args->x.data, (const float *)args->table.data, (const int32_t *)args->index.data, V, D,
               (T *)args->y.data);
}

extern "C" CUDA_OP(add_rows)
{
    S4D_BY_TYPE(args->x.dtype, T, add_rows<T>(be, args));
}

/* ---- moved bit by bit, in the widest unit that fits ---- */

typedef enum unit { TWO_BYTES = 2, FOUR_BYTES = 4, SIXTEEN_BYTES = 16 } unit;

static unit unit_of(size_t row_bytes, const void *x, const void *y)
{
    uintptr_t all = (uintptr_t)x | (uintptr_t)y | row_bytes;
    return all % 16 == 0 ? SIXTEEN_BYTES : all % 4 == 0 ? FOUR_BYTES : TWO_BYTES;
}

/* Calls the template for units U. */
#define BY_UNIT(u, call)                                                                           \
    do {                                                                                           \
        if ((u) == SIXTEEN_BYTES) {                                                                \
            typedef uint4 U;                                                                       \
            call;                                                                                  \
        } else if ((u) == FOUR_BYTES) {                                                            \
            typedef uint32_t U;                                                                    \
            call;                                                                                  \
        } else {                                                                                   \
            typedef uint16_t U;                                                                    \
            call;                                                                                  \
        }                                                                                          \
    } while (0)

/* y [B,V] = x [B,N] by index [B,V]; `width` units a row. */
template <class U>
static __global__ void gather_kernel(const U *x, const int32_t *index, int64_t N, int64_t V, int64_t width, U *y)
{
    int64_t v = own_row(), row = blockIdx.x * V + v;
    if (v >= V) return;
    x += (blockIdx.x * N + index[row]) * width;
    y += row * width;
    for (int64_t i = threadIdx.x; i < width; i += 32) y[i] = x[i];
}

static size_t row_bytes(const s4d_tensor *x)
{
    return (size_t)x->dim[2] * s4d_dtype_size(x->dtype);
}

static void gather(s4d_backend *be, const s4d_tensor *x, const s4d_tensor *index, const s4d_tensor *y)
{
    int64_t N = x->dim[1], V = y->dim[1];
    size_t bytes = row_bytes(x);
    BY_UNIT(unit_of(bytes, x->data, y->data),
            s4d_launch(be, gather_kernel<U>, blocks_of_rows(x->dim[0], V), s4d_dim(32, ROWS), 0, (const U *)x->data,
                       (const int32_t *)index->data, N, V, bytes / sizeof(U), (U *)y->data));
}

extern "C" CUDA_OP(gather_rows)
{
    gather(be, &args->x, &args->index, &args->y);
}

enum { SPAN = 64 }; /* rows of y that a block of scatter_kernel writes */

/* A block looks through its sample's indices for those of its rows, and writes each row once: found or zero. */
template <class U>
static __global__ void scatter_kernel(const U *x, const int32_t *index, int64_t V, int64_t N, int64_t width, U *y)
{
    __shared__ int from[SPAN];
    int thread = threadIdx.y * 32 + threadIdx.x;
    int64_t first = (int64_t)blockIdx.y * SPAN, last = first + SPAN < N ? first + SPAN : N;
    if (thread < SPAN) from[thread] = -1;
    __syncthreads();
    for (int64_t v = thread; v < V; v += 32 * ROWS) {
        int64_t at = index[blockIdx.x * V + v] - first;
        if (at >= 0 && at < SPAN) from[at] = (int)v;
    }
    __syncthreads();
    for (int64_t n = first + threadIdx.y; n < last; n += ROWS) {
        int found = from[n - first];
        const U *in = x + (blockIdx.x * V + found) * width;
        U *out = y + (blockIdx.x * N + n) * width;
        for (int64_t i = threadIdx.x; i < width; i += 32) out[i] = found < 0 ? U{} : in[i];
    }
}

extern "C" CUDA_OP(scatter_rows)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], N = args->y.dim[1];
    size_t bytes = row_bytes(&args->x);
    BY_UNIT(unit_of(bytes, args->x.data, args->y.data),
            s4d_launch(be, scatter_kernel<U>, s4d_dim(B, s4d_blocks(N, SPAN)), s4d_dim(32, ROWS), 0,
                       (const U *)args->x.data, (const int32_t *)args->index.data, V, N, bytes / sizeof(U), (U *)args->y.data));
}

/* ---- the decoder's input ---- */

typedef struct fill_rows {
    const int32_t *visible, *masked; /* [B,V], [B,M] */
    int64_t V, M, D;
} fill_rows;

static fill_rows rows_of(const s4d_tensor *x, const s4d_tensor *visible, const s4d_tensor *masked)
{
    return {(const int32_t *)visible->data, (const int32_t *)masked->data, x->dim[1], masked->dim[1], x->dim[2]};
}

/* Row i of a sample is its i-th visible token, or the mask token. */
template <class T, bool EIGHTS>
static __global__ void token_fill_kernel(const T *x, const float *token, fill_rows r, T *y)
{
    int64_t i = own_row(), b = blockIdx.x;
    if (i >= r.V + r.M) return;
    bool seen = i < r.V;
    x += (b * r.V + i) * r.D;
    y += (b * (r.V + r.M) + (seen ? r.visible[b * r.V + i] : r.masked[b * r.M + i - r.V])) * r.D;
    enum { EACH = EIGHTS ? 8 : 1 };
    for (int64_t d = (int64_t)threadIdx.x * EACH; d < r.D; d += 32 * EACH) {
        if (EIGHTS) store_eight(y + d, seen ? load_eight(x + d) : load_eight(token + d));
        else y[d] = seen ? x[d] : from_float<T>(token[d]);
    }
}

template <class T> static void token_fill(s4d_backend *be, const s4d_token_fill_fwd_args *args)
{
    fill_rows r = rows_of(&args->x, &args->visible, &args->masked);
    bool wide = eights(r.D, args->x.data, args->y.data, args->token.data);
    s4d_launch(be, wide ? token_fill_kernel<T, true> : token_fill_kernel<T, false>,
               blocks_of_rows(args->x.dim[0], r.V + r.M), s4d_dim(32, ROWS), 0, (const T *)args->x.data,
               (const float *)args->token.data, r, (T *)args->y.data);
}

extern "C" CUDA_OP(token_fill_fwd)
{
    S4D_BY_TYPE(args->x.dtype, T, token_fill<T>(be, args));
}

/* The sum over a block's warps of each lane's column; good in the first warp. */
static __device__ inline double sum_of_warps(double sum)
{
    __shared__ double part[ROWS][32];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    for (int k = 1; k < ROWS && threadIdx.y == 0; ++k) sum += part[k][threadIdx.x];
    return sum;
}

enum { PIECE = 256 }; /* rows that a block adds up */

/* partial [B * pieces,D]: the sum of masked rows of dy [B,N,D], in pieces of each sample's. */
template <class T> static __global__ void masked_sum_kernel(const T *dy, fill_rows r, double *partial)
{
    int64_t d = (int64_t)blockIdx.y * 32 + threadIdx.x, b = blockIdx.x;
    int64_t first = (int64_t)blockIdx.z * PIECE, last = first + PIECE < r.M ? first + PIECE : r.M;
    double sum = 0;
    const int32_t *masked = r.masked + b * r.M;
    dy += b * (r.V + r.M) * r.D + d;
    if (d < r.D)
        for (int64_t m = first + threadIdx.y; m < last; m += ROWS) sum += (double)to_float(dy[masked[m] * r.D]);
    sum = sum_of_warps(sum);
    if (threadIdx.y == 0 && d < r.D) partial[(b * gridDim.z + blockIdx.z) * r.D + d] = sum;
}

static __global__ void add_pieces_kernel(const double *partial, int64_t pieces, int64_t D, float *y)
{
    int64_t d = (int64_t)blockIdx.x * 32 + threadIdx.x;
    double sum = 0;
    for (int64_t k = threadIdx.y; d < D && k < pieces; k += ROWS) sum += partial[k * D + d];
    sum = sum_of_warps(sum);
    if (threadIdx.y == 0 && d < D) y[d] = (float)((double)y[d] + sum);
}

template <class T> static void sum_masked(s4d_backend *be, const s4d_token_fill_bwd_args *args)
{
    fill_rows r = rows_of(&args->dx, &args->visible, &args->masked);
    int64_t B = args->dx.dim[0], pieces = s4d_blocks(r.M, PIECE), columns = s4d_blocks(r.D, 32);
    double *partial = (double *)s4d_cuda_scratch(be, (size_t)(B * pieces * r.D) * sizeof(double));
    s4d_launch(be, masked_sum_kernel<T>, s4d_dim(B, columns, pieces), s4d_dim(32, ROWS), 0, (const T *)args->dy.data, r,
               partial);
    s4d_launch(be, add_pieces_kernel, s4d_dim(columns), s4d_dim(32, ROWS), 0, partial, B * pieces, r.D,
               (float *)args->dtoken.data);
}

extern "C" CUDA_OP(token_fill_bwd)
{
    gather(be, &args->dy, &args->visible, &args->dx);
    S4D_BY_TYPE(args->dy.dtype, T, sum_masked<T>(be, args));
}
