/* A row of a LayerNorm in registers: who holds which of its values, and what is made of them. Rows up to 1024 wide have a
 * warp each, eight rows a block; wider ones a block each. */
#ifndef S4D_BACKEND_CUDA_NORM_ROW_CUH
#define S4D_BACKEND_CUDA_NORM_ROW_CUH

#include "backend/cuda/spans.cuh"

enum { MOST_SPANS = 4, MOST_LANES = 512, ROW_WARPS = 8, WIDEST_ROW = MOST_LANES * MOST_SPANS * SPAN };

/* blockDim.x lanes share a row and hold `spans` spans each; blockDim.y rows to a block. whole: all rows are whole spans. */
typedef struct row_shape {
    int lanes, rows, spans;
    bool whole;
} row_shape;

static inline row_shape block_row(int64_t D, bool whole)
{
    int64_t spans = whole ? s4d_blocks(D, MOST_LANES * SPAN) : (int64_t)MOST_SPANS;
    int64_t lanes = s4d_blocks(s4d_blocks(D, SPAN), spans);
    return {(int)(s4d_blocks(lanes, 32) * 32), 1, (int)spans, whole};
}

static inline row_shape warp_or_block_row(int64_t D, bool whole)
{
    if (D > 32 * MOST_SPANS * SPAN) return block_row(D, whole);
    return {32, ROW_WARPS, whole ? (int)s4d_blocks(D, 32 * SPAN) : (int)MOST_SPANS, whole};
}

static inline bool row_fits(s4d_backend *be, int64_t D)
{
    if (D <= WIDEST_ROW) return true;
    s4d_backend_fail(be, "device cuda: LayerNorm takes rows of up to %d values, not %lld", (int)WIDEST_ROW, (long long)D);
    return false;
}

/* Calls what uses the constant S, the spans of a lane, and their type P. */
#define S4D_BY_ROW(shape, S, P, call)                                                              \
    do {                                                                                           \
        if (!(shape).whole) S4D_ROW(MOST_SPANS, S, part_span, P, call);                            \
        else if ((shape).spans == 1) S4D_ROW(1, S, whole_span, P, call);                           \
        else if ((shape).spans == 2) S4D_ROW(2, S, whole_span, P, call);                           \
        else if ((shape).spans == 3) S4D_ROW(3, S, whole_span, P, call);                           \
        else S4D_ROW(MOST_SPANS, S, whole_span, P, call);                                          \
    } while (0)
#define S4D_ROW(spans, S, type, P, call)                                                           \
    do {                                                                                           \
        enum { S = spans };                                                                        \
        typedef type P;                                                                            \
        call;                                                                                      \
    } while (0)

static __device__ inline int64_t own_row(void)
{
    return (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
}

/* The lane's i-th span of a row. */
template <class P> static __device__ inline P row_span(int i, int64_t D)
{
    return span_at<P>(((int64_t)threadIdx.x + i * blockDim.x) * SPAN, D);
}

static __device__ inline float row_sum(float x, float *part)
{
    return blockDim.x == 32 ? warp_sum(x) : block_sum(x, part);
}

/* What a norm of rows needs. */
typedef struct row_norm {
    int64_t M, D;
    const float *w, *b;
    float *mean, *rstd;
    double eps;
} row_norm;

/* The norm of row m, which the lanes hold, to y; `part` [32] is shared. */
template <class T, int S, class P>
static __device__ inline void norm_row(const row_norm &n, int64_t m, const eight *row, T *y, float *part)
{
    float sum = 0, square = 0;
    for (int i = 0; i < S; ++i)
        for (int k = 0; k < SPAN; ++k) sum += row[i].at[k];
    float mean = row_sum(sum, part) / (float)n.D;
    for (int i = 0; i < S; ++i) {
        P s = row_span<P>(i, n.D);
        for (int k = 0; k < SPAN; ++k) {
            float off = holds(s, k) ? row[i].at[k] - mean : 0;
            square += off * off;
        }
    }
    float rstd = 1 / sqrtf(row_sum(square, part) / (float)n.D + (float)n.eps);
    for (int i = 0; i < S; ++i) {
        P s = row_span<P>(i, n.D);
        eight w = load_span(n.w, s), b = load_span(n.b, s), v;
        for (int k = 0; k < SPAN; ++k) v.at[k] = (row[i].at[k] - mean) * rstd * w.at[k] + b.at[k];
        store_span(y + m * n.D, s, v);
    }
    if (threadIdx.x == 0) {
        n.mean[m] = mean;
        n.rstd[m] = rstd;
    }
}

#endif
