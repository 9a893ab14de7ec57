/* Column sums of groups of rows: the gradients of the experts' biases. Each group is cut into a fixed number of parts, whose
 * sums are added in order. Bound by the bytes of x, read once. */
#include "backend/cuda/experts.cuh"
#include "backend/cuda/grouped.h"

enum { WARPS = 8, THREADS = 32 * WARPS, FEW = 4, PART_ROWS = 128, MOST_PARTS = 32 };

template <class T> struct group_sums {
    s4d_cuda_groups g;
    int64_t n;
    const T *x;
    double *part; /* [parts,E,n] */
};

/* Part number `part` of `parts` of group e, as near to equal as may be. */
static __device__ void part_rows(const s4d_cuda_groups &g, int64_t e, int64_t part, int64_t parts, int64_t *first,
                                 int64_t *end)
{
    int64_t start = g.stride ? e * g.stride : g.offset[e], n = (g.stride ? start + g.stride : g.offset[e + 1]) - start;
    *first = start + part * n / parts;
    *end = start + (part + 1) * n / parts;
}

/* FEW rows at a time in float, those in double. Rows `WARPS` apart are this warp's. */
template <class T, int V>
static __device__ void sum_rows(const group_sums<T> &s, int64_t column, int64_t r, int64_t end, double (&sum)[V])
{
    while (r < end) {
        float few[V] = {}, x[V];
        for (int i = 0; i < FEW && r < end; ++i, r += WARPS) {
            load_piece(s.x + r * s.n + column, x);
            for (int j = 0; j < V; ++j) few[j] += x[j];
        }
        for (int j = 0; j < V; ++j) sum[j] += (double)few[j];
    }
}

/* Block (tile of columns, part, group). */
template <class T, int V> static __global__ void part_kernel(group_sums<T> s)
{
    __shared__ double all[WARPS][32][V];
    int64_t tile = (int64_t)blockIdx.x * 32 * V, column = tile + own_lane() * V, e = blockIdx.z, first, end;
    double sum[V] = {};
    part_rows(s.g, e, blockIdx.y, gridDim.y, &first, &end);
    if (column < s.n) sum_rows<T, V>(s, column, first + own_warp(), end, sum);
    for (int j = 0; j < V; ++j) all[own_warp()][own_lane()][j] = sum[j];
    __syncthreads();
    for (int i = (int)threadIdx.x; i < 32 * V && tile + i < s.n; i += THREADS) {
        double total = 0;
        for (int w = 0; w < WARPS; ++w) total += all[w][i / V][i % V];
        s.part[(blockIdx.y * s.g.E + e) * s.n + tile + i] = total;
    }
}

static __global__ void join_kernel(int64_t parts, int64_t n, const double *part, float *sum)
{
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n) return;
    double total = (double)sum[i];
    for (int64_t p = 0; p < parts; ++p) total += part[p * n + i];
    sum[i] = (float)total;
}

template <class T>
static void add(s4d_backend *be, const s4d_cuda_groups *g, const void *x, int64_t n, float *sum)
{
    int64_t parts = s4d_blocks(g->R, g->E * PART_ROWS);
    parts = parts < 1 ? 1 : parts > MOST_PARTS ? (int64_t)MOST_PARTS : parts;
    group_sums<T> s = {*g, n, (const T *)x, (double *)s4d_cuda_scratch(be, (size_t)(parts * g->E * n) * sizeof(double))};
    bool wide = n % 8 == 0 && aligned_for_eight(x);
    s4d_launch(be, wide ? part_kernel<T, 8> : part_kernel<T, 1>, s4d_dim(s4d_blocks(n, wide ? 256 : 32), parts, g->E),
               s4d_dim(THREADS), 0, s);
    s4d_launch(be, join_kernel, s4d_dim(s4d_blocks(g->E * n, THREADS)), s4d_dim(THREADS), 0, parts, g->E * n, s.part, sum);
}

extern "C" void s4d_cuda_add_group_columns(s4d_backend *be, const s4d_cuda_groups *g, s4d_dtype type, const void *x,
                                           int64_t n, float *sum)
{
    S4D_BY_TYPE(type, T, add<T>(be, g, x, n, sum));
}
