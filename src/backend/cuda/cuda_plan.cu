/* The plan of the dispatch buffer. Choices are taken in flat order: blocks count theirs, one block turns the counts into
 * each block's first place with every expert, and then each choice finds its own by its rank in its block. Integers only,
 * so the result is the same on every device. Bound by latency: 8 bytes a choice read and 8 written. */
#include "backend/cuda/experts.cuh"

enum { WARPS = 8, THREADS = 32 * WARPS, SPAN = 128, CHUNK = WARPS * SPAN, SCAN_WARPS = 32 };

/* In pieces of 8 bytes: no padding. */
typedef struct plan {
    int64_t choices, K, E, R, capacity, stride, chunks;
    const int32_t *index;
    int32_t *count; /* [E,chunks]: of each chunk's choices; then, of those in the chunks before it */
    int32_t *offset, *slot, *token, *load, *dropped;
} plan;

/* The counts of each warp's own choices. */
static __device__ void count_own(const plan &p, int64_t *first, int64_t *end, int32_t (*count)[MOST_EXPERTS])
{
    *first = (int64_t)blockIdx.x * CHUNK + own_warp() * SPAN;
    *end = *first + SPAN < p.choices ? *first + SPAN : p.choices;
    for (int e = own_lane(); e < MOST_EXPERTS; e += 32) count[own_warp()][e] = 0;
    __syncwarp();
    count_choices(p.index, *first, *end, count[own_warp()]);
    __syncthreads();
}

static __global__ void count_kernel(plan p)
{
    __shared__ int32_t count[WARPS][MOST_EXPERTS];
    int64_t first, end;
    count_own(p, &first, &end, count);
    int e = (int)threadIdx.x;
    if (e >= p.E) return;
    int32_t sum = 0;
    for (int w = 0; w < WARPS; ++w) sum += count[w][e];
    p.count[e * p.chunks + blockIdx.x] = sum;
}

/* Sum over this lane and those before it. */
static __device__ inline int32_t running_sum(int32_t x)
{
    for (int d = 1; d < 32; d *= 2) {
        int32_t before = __shfl_up_sync(0xffffffffu, x, d);
        if (own_lane() >= d) x += before;
    }
    return x;
}

/* One expert's counts become sums of those before, by one warp. Returns the sum of all. */
static __device__ int32_t scan_counts(int32_t *count, int64_t chunks)
{
    int32_t before = 0;
    for (int64_t first = 0; first < chunks; first += 32) {
        int64_t i = first + own_lane();
        int32_t own = i < chunks ? count[i] : 0, sum = running_sum(own);
        if (i < chunks) count[i] = before + sum - own;
        before += __shfl_sync(0xffffffffu, sum, 31);
    }
    return before;
}

static __global__ void __launch_bounds__(32 * SCAN_WARPS) scan_kernel(plan p)
{
    __shared__ int32_t load[MOST_EXPERTS];
    for (int64_t e = own_warp(); e < p.E; e += SCAN_WARPS) {
        int32_t all = scan_counts(p.count + e * p.chunks, p.chunks);
        if (own_lane() == 0) load[e] = p.load[e] = all;
    }
    __syncthreads();
    if (threadIdx.x > 0) return;
    int32_t kept = 0, dropped = 0;
    for (int64_t e = 0; e < p.E; ++e) {
        int32_t own = p.capacity >= 0 && load[e] > p.capacity ? (int32_t)p.capacity : load[e];
        p.offset[e] = kept;
        kept += own;
        dropped += load[e] - own;
    }
    p.offset[p.E] = kept;
    *p.dropped = dropped;
}

/* Choice i is the rank-th of expert e's. */
static __device__ inline void place_choice(const plan &p, int64_t i, int e, int32_t rank)
{
    if (p.capacity >= 0 && rank >= p.capacity) {
        p.slot[i] = -1;
        return;
    }
    int64_t row = (p.stride ? e * p.stride : p.offset[e]) + rank;
    p.slot[i] = (int32_t)row;
    p.token[row] = (int32_t)(i / p.K);
}

/* The blocks share the rows of the buffer that no choice has. */
static __device__ void mark_unused(const plan &p)
{
    for (int64_t r = (int64_t)blockIdx.x * THREADS + threadIdx.x; r < p.R; r += (int64_t)gridDim.x * THREADS) {
        int64_t e = p.stride ? r / p.stride : 0, end = p.offset[p.E];
        if (p.stride) end = e * p.stride + p.offset[e + 1] - p.offset[e];
        if (r >= end) p.token[r] = -1;
    }
}

static __global__ void place_kernel(plan p)
{
    __shared__ int32_t next[WARPS][MOST_EXPERTS]; /* each warp's next place with every expert */
    int64_t first, end;
    count_own(p, &first, &end, next);
    if ((int)threadIdx.x < p.E) {
        int32_t at = p.count[threadIdx.x * p.chunks + blockIdx.x];
        for (int w = 0; w < WARPS; ++w) {
            int32_t own = next[w][threadIdx.x];
            next[w][threadIdx.x] = at;
            at += own;
        }
    }
    __syncthreads();
    for (; first < end; first += 32) {
        int64_t i = first + own_lane();
        int e = i < end ? p.index[i] : -1;
        unsigned like = lanes_like(e);
        if (e >= 0) place_choice(p, i, e, next[own_warp()][e] + lanes_before(like));
        __syncwarp();
        if (e >= 0 && lanes_before(like) == 0) next[own_warp()][e] += __popc(like);
        __syncwarp();
    }
    mark_unused(p);
}

extern "C" CUDA_OP(moe_plan)
{
    int64_t K = s4d_width(&args->index), choices = s4d_tensor_count(&args->index), E = s4d_width(&args->load);
    int64_t chunks = choices > 0 ? s4d_blocks(choices, CHUNK) : 1;
    plan p = {choices, K, E, s4d_tensor_count(&args->token), args->capacity, args->stride, chunks,
              (const int32_t *)args->index.data, (int32_t *)s4d_cuda_scratch(be, (size_t)(E * chunks) * sizeof(int32_t)),
              (int32_t *)args->offset.data, (int32_t *)args->slot.data, (int32_t *)args->token.data,
              (int32_t *)args->load.data, (int32_t *)args->dropped.data};
    s4d_launch(be, count_kernel, s4d_dim(chunks), s4d_dim(THREADS), 0, p);
    s4d_launch(be, scan_kernel, s4d_dim(1), s4d_dim(32 * SCAN_WARPS), 0, p);
    s4d_launch(be, place_kernel, s4d_dim(chunks), s4d_dim(THREADS), 0, p);
}
