/* The ways into the dispatch buffer and out of it. A warp has a row; rows go in pieces of 16 bytes where they can. Bound by
 * the bytes of rows: dispatch reads and writes D a row of the buffer, backward reads (K + 1) D and writes D a token; combine
 * reads K D (K + 1 where it adds) and writes D a token, backward reads 2 D and writes D a row of the buffer. */
#include "backend/cuda/experts.cuh"

enum { WARPS = 8, THREADS = 32 * WARPS };

static __device__ inline int64_t own_row(void)
{
    return (int64_t)blockIdx.x * WARPS + own_warp();
}

static inline dim3 grid_of(int64_t rows)
{
    return s4d_dim(s4d_blocks(rows, WARPS));
}

/* ---- dispatch ---- */

/* Rows of `units` of type U, moved as they are. */
template <class U> static __global__ void dispatch_kernel(int64_t R, int64_t units, const int32_t *token, const U *x, U *y)
{
    int64_t r = own_row();
    if (r >= R) return;
    int64_t m = token[r];
    for (int64_t i = own_lane(); i < units; i += 32) y[r * units + i] = m < 0 ? U() : x[m * units + i];
}

template <class U> static void dispatch(s4d_backend *be, const s4d_moe_dispatch_fwd_args *args, size_t row_bytes)
{
    int64_t R = s4d_tensor_count(&args->token), units = (int64_t)(row_bytes / sizeof(U));
    s4d_launch(be, dispatch_kernel<U>, grid_of(R), s4d_dim(THREADS), 0, R, units, (const int32_t *)args->token.data,
               (const U *)args->x.data, (U *)args->y.data);
}

extern "C" CUDA_OP(moe_dispatch_fwd)
{
    size_t bytes = (size_t)s4d_width(&args->x) * s4d_dtype_size(args->x.dtype);
    if (bytes % sizeof(uint4) == 0 && aligned_for_eight(args->x.data) && aligned_for_eight(args->y.data))
        dispatch<uint4>(be, args, bytes);
    else if (args->x.dtype == S4D_BF16)
        dispatch<uint16_t>(be, args, bytes);
    else
        dispatch<uint32_t>(be, args, bytes);
}

/* ---- each token gathers its rows ---- */

/* y[m] = (add: y[m]) + sum over k, in order, of gate[m,k] * x[slot[m,k]]; without gate, 1. */
template <class T> struct gathering {
    int64_t M, K, D, add;
    const T *x;
    const float *gate;
    const int32_t *slot;
    T *y;
};

template <class T, int V> static __global__ void gather_kernel(gathering<T> g)
{
    int64_t m = own_row();
    if (m >= g.M) return;
    for (int64_t c = own_lane() * V; c < g.D; c += 32 * V) {
        float sum[V] = {}, x[V];
        if (g.add) load_piece(g.y + m * g.D + c, sum);
        for (int64_t k = m * g.K; k < (m + 1) * g.K; ++k) {
            int64_t row = g.slot[k];
            if (row < 0) continue;
            float gate = g.gate ? g.gate[k] : 1;
            load_piece(g.x + row * g.D + c, x);
            for (int i = 0; i < V; ++i) sum[i] += gate * x[i];
        }
        store_piece(g.y + m * g.D + c, sum);
    }
}

template <class T>
static void gather(s4d_backend *be, const s4d_tensor *x, const s4d_tensor *gate, const s4d_tensor *slot, const s4d_tensor *y,
                   bool add)
{
    int64_t M = s4d_rows(slot), D = s4d_width(y);
    gathering<T> g = {M, s4d_width(slot), D, add, (const T *)x->data, gate ? (const float *)gate->data : NULL,
                      (const int32_t *)slot->data, (T *)y->data};
    bool wide = D % 8 == 0 && aligned_for_eight(x->data) && aligned_for_eight(y->data);
    s4d_launch(be, wide ? gather_kernel<T, 8> : gather_kernel<T, 1>, grid_of(M), s4d_dim(THREADS), 0, g);
}

extern "C" CUDA_OP(moe_dispatch_bwd)
{
    S4D_BY_TYPE(args->dx.dtype, T, gather<T>(be, &args->dy, NULL, &args->slot, &args->dx, true));
}

extern "C" CUDA_OP(moe_combine_fwd)
{
    S4D_BY_TYPE(args->y.dtype, T, gather<T>(be, &args->x, &args->gate, &args->slot, &args->y, args->add_y));
}

/* ---- combine, backward ---- */

template <class T> struct combine_bwd {
    int64_t R, M, K, D;
    const T *x, *dy;
    const float *gate;
    const int32_t *slot, *token;
    T *dx;
    float *dgate;
};

/* The choice, of all choices, that row r of token m is; -1 for none. The whole warp searches. */
static __device__ int64_t choice_of(const int32_t *slot, int64_t K, int64_t m, int64_t r)
{
    for (int64_t first = 0; first < K; first += 32) {
        int64_t k = first + own_lane();
        unsigned hit = __ballot_sync(0xffffffffu, k < K && slot[m * K + k] == r);
        if (hit) return m * K + first + __ffs((int)hit) - 1;
    }
    return -1;
}

template <class T, int V> static __device__ void row_bwd(const combine_bwd<T> &g, int64_t r)
{
    int64_t m = g.token[r], choice = m < 0 ? -1 : choice_of(g.slot, g.K, m, r);
    float gate = choice < 0 ? 0 : g.gate[choice], dot = 0;
    for (int64_t c = own_lane() * V; c < g.D; c += 32 * V) {
        float x[V], dy[V], dx[V] = {};
        if (choice >= 0) {
            load_piece(g.dy + m * g.D + c, dy);
            load_piece(g.x + r * g.D + c, x);
            for (int i = 0; i < V; ++i) {
                dx[i] = gate * dy[i];
                dot += dy[i] * x[i];
            }
        }
        store_piece(g.dx + r * g.D + c, dx);
    }
    dot = warp_sum(dot);
    if (choice >= 0 && own_lane() == 0) g.dgate[choice] = dot;
}

/* The first blocks have the buffer's rows, the others the choices, whose gradient is 0 where they were dropped. */
template <class T, int V> static __global__ void combine_bwd_kernel(combine_bwd<T> g, int64_t row_blocks)
{
    if (blockIdx.x < row_blocks) {
        if (own_row() < g.R) row_bwd<T, V>(g, own_row());
        return;
    }
    int64_t choice = ((int64_t)blockIdx.x - row_blocks) * THREADS + threadIdx.x;
    if (choice < g.M * g.K && g.slot[choice] < 0) g.dgate[choice] = 0;
}

template <class T> static void backward(s4d_backend *be, const s4d_moe_combine_bwd_args *args)
{
    int64_t R = s4d_tensor_count(&args->token), M = s4d_rows(&args->slot), K = s4d_width(&args->slot), D = s4d_width(&args->dx);
    combine_bwd<T> g = {R, M, K, D, (const T *)args->x.data, (const T *)args->dy.data, (const float *)args->gate.data,
                        (const int32_t *)args->slot.data, (const int32_t *)args->token.data, (T *)args->dx.data,
                        (float *)args->dgate.data};
    bool wide = D % 8 == 0 && aligned_for_eight(g.x) && aligned_for_eight(g.dy) && aligned_for_eight(g.dx);
    int64_t row_blocks = s4d_blocks(R, WARPS);
    dim3 grid = s4d_dim(row_blocks + s4d_blocks(M * K, THREADS));
    s4d_launch(be, wide ? combine_bwd_kernel<T, 8> : combine_bwd_kernel<T, 1>, grid, s4d_dim(THREADS), 0, g, row_blocks);
}

extern "C" CUDA_OP(moe_combine_bwd)
{
    S4D_BY_TYPE(args->dx.dtype, T, backward<T>(be, args));
}
