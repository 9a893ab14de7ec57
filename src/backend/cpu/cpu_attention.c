/* Fused attention: a block of queries against all keys at a time, so that only a tile of BLOCK x N scores exists per
 * thread. Backward makes the tile again from the saved log-sum-exp. */
#include <math.h>
#include <omp.h>

#include "backend/cpu/cpu_math.h"
#include "backend/cpu/cpu_private.h"

enum { BLOCK = 64 };

/* One head of one sample within packed qkv [B,N,3,H,d] and y [B,N,H,d]. */
typedef struct head {
    int64_t N, H, d, row, out_row; /* row: floats from one token to the next in qkv, out_row: in y */
    const float *q, *k, *v;
    int64_t out;                   /* where the head begins in y and dy */
    int64_t in;                    /* where its queries begin in dqkv; keys and values H*d and 2*H*d later */
    int64_t stats;
} head;

static head head_of(const s4d_tensor *qkv, int64_t index)
{
    int64_t N = qkv->dim[1], H = qkv->dim[3], d = qkv->dim[4], b = index / H, h = index % H;
    head s = {.N = N, .H = H, .d = d, .row = 3 * H * d, .out_row = H * d};
    s.in = b * N * s.row + h * d;
    s.out = b * N * s.out_row + h * d;
    s.stats = index * N;
    s.q = (const float *)qkv->data + s.in;
    s.k = s.q + H * d;
    s.v = s.k + H * d;
    return s;
}

/* tile [n,N] = scale * q k^T for queries first..first+n-1. */
static void scores(s4d_backend *be, const head *s, int64_t first, int64_t n, double scale, float *tile)
{
    s4d_cpu_gemm(be, &(s4d_gemm){.tb = true, .m = n, .n = s->N, .k = s->d, .alpha = (float)scale,
                                 .a = s->q + first * s->row, .lda = s->row, .b = s->k, .ldb = s->row, .c = tile,
                                 .ldc = s->N});
}

/* The largest of a row, in lanes: compilers do not turn a maximum over all into vector code without fast-math. */
static float largest(const float *row, int64_t n)
{
    enum { LANES = 16 };
    float lane[LANES], top = row[0];
    int64_t whole = n / LANES * LANES;
    for (int k = 0; k < LANES; ++k) lane[k] = top;
    for (int64_t j = 0; j < whole; j += LANES)
        for (int k = 0; k < LANES; ++k) lane[k] = row[j + k] > lane[k] ? row[j + k] : lane[k];
    for (int k = 0; k < LANES; ++k) top = lane[k] > top ? lane[k] : top;
    for (int64_t j = whole; j < n; ++j) top = row[j] > top ? row[j] : top;
    return top;
}

/* A row of scores to probabilities; returns its log-sum-exp. */
static float softmax_row(float *row, int64_t n)
{
    float top = largest(row, n);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; ++j) {
        row[j] = exp_float(row[j] - top);
        sum += (double)row[j];
    }
    float inverse = (float)(1 / sum);
#pragma omp simd
    for (int64_t j = 0; j < n; ++j) row[j] *= inverse;
    return (float)((double)top + log(sum));
}

CPU_OP(attention_fwd)
{
    int64_t N = args->qkv.dim[1], heads = args->qkv.dim[0] * args->qkv.dim[3], blocks = (N + BLOCK - 1) / BLOCK;
    float *tiles = s4d_backend_scratch(be, (size_t)be->threads * BLOCK * (size_t)N * sizeof *tiles);
    float *y = args->y.data, *stats = args->stats.data;
    if (!tiles) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, heads * N * N * 16))
    for (int64_t i = 0; i < heads * blocks; ++i) {
        head s = head_of(&args->qkv, i / blocks);
        int64_t first = i % blocks * BLOCK, n = first + BLOCK < N ? BLOCK : N - first;
        float *tile = tiles + (int64_t)omp_get_thread_num() * BLOCK * N;
        scores(be, &s, first, n, args->scale, tile);
        for (int64_t r = 0; r < n; ++r) stats[s.stats + first + r] = softmax_row(tile + r * N, N);
        s4d_cpu_gemm(be, &(s4d_gemm){.m = n, .n = s.d, .k = N, .alpha = 1, .a = tile, .lda = N, .b = s.v, .ldb = s.row,
                                     .c = y + s.out + first * s.out_row, .ldc = s.out_row});
    }
}

/* Probabilities again, from scores and log-sum-exp. */
static void probabilities(float *row, int64_t n, float lse)
{
#pragma omp simd
    for (int64_t j = 0; j < n; ++j) row[j] = exp_float(row[j] - lse);
}

/* The score gradient of a row: p * (dp - sum(dy * y)) * scale, in dp's place. */
static void score_grad(const s4d_attention_bwd_args *args, const head *s, int64_t at, const float *p, float *dp)
{
    const float *y = (const float *)args->y.data + s->out + at * s->out_row;
    const float *dy = (const float *)args->dy.data + s->out + at * s->out_row;
    double sum = 0;
    for (int64_t c = 0; c < s->d; ++c) sum += (double)y[c] * (double)dy[c];
    float shared = (float)sum, scale = (float)args->scale;
#pragma omp simd
    for (int64_t j = 0; j < s->N; ++j) dp[j] = p[j] * (dp[j] - shared) * scale;
}

static void block_bwd(s4d_backend *be, const s4d_attention_bwd_args *args, const head *s, int64_t first, float *p)
{
    int64_t N = s->N, n = first + BLOCK < N ? BLOCK : N - first;
    float *dp = p + BLOCK * N, *dq = (float *)args->dqkv.data + s->in, *dk = dq + s->H * s->d, *dv = dk + s->H * s->d;
    const float *dy = (const float *)args->dy.data + s->out + first * s->out_row;
    const float *stats = (const float *)args->stats.data + s->stats;
    float later = first ? 1.0f : 0.0f; /* the first block writes dk and dv, the others add */
    scores(be, s, first, n, args->scale, p);
    for (int64_t r = 0; r < n; ++r) probabilities(p + r * N, N, stats[first + r]);
    s4d_cpu_gemm(be, &(s4d_gemm){.ta = true, .m = N, .n = s->d, .k = n, .alpha = 1, .beta = later, .a = p, .lda = N,
                                 .b = dy, .ldb = s->out_row, .c = dv, .ldc = s->row});
    s4d_cpu_gemm(be, &(s4d_gemm){.tb = true, .m = n, .n = N, .k = s->d, .alpha = 1, .a = dy, .lda = s->out_row,
                                 .b = s->v, .ldb = s->row, .c = dp, .ldc = N});
    for (int64_t r = 0; r < n; ++r) score_grad(args, s, first + r, p + r * N, dp + r * N);
    s4d_cpu_gemm(be, &(s4d_gemm){.m = n, .n = s->d, .k = N, .alpha = 1, .a = dp, .lda = N, .b = s->k, .ldb = s->row,
                                 .c = dq + first * s->row, .ldc = s->row});
    s4d_cpu_gemm(be, &(s4d_gemm){.ta = true, .m = N, .n = s->d, .k = n, .alpha = 1, .beta = later, .a = dp, .lda = N,
                                 .b = s->q + first * s->row, .ldb = s->row, .c = dk, .ldc = s->row});
}

CPU_OP(attention_bwd)
{
    int64_t N = args->qkv.dim[1], heads = args->qkv.dim[0] * args->qkv.dim[3];
    float *tiles = s4d_backend_scratch(be, (size_t)be->threads * 2 * BLOCK * (size_t)N * sizeof *tiles);
    if (!tiles) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, heads * N * N * 16))
    for (int64_t i = 0; i < heads; ++i) {
        head s = head_of(&args->qkv, i);
        float *tile = tiles + (int64_t)omp_get_thread_num() * 2 * BLOCK * N;
        for (int64_t first = 0; first < N; first += BLOCK) block_bwd(be, args, &s, first, tile);
    }
}
