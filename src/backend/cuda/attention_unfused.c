/* Attention by products and a softmax of the stored scores, for every shape and type: chunks of samples and heads, so that
 * the scores take a bounded part of the card's memory. */
#include "backend/cuda/attention.h"

#ifdef S4D_CUDA_EMULATED
enum { MOST_BYTES = 1 << 20 }; /* so that small tests come to all kinds of chunks */
#else
enum { MOST_BYTES = 256 << 20 };
#endif
enum { LD_GRAIN = 8 }; /* rows of scores begin at whole 16 bytes, for the products' sake */

/* What is the same for all chunks. */
typedef struct plan {
    int64_t B, N, H, d, ld;
    int64_t samples, heads; /* of a chunk; heads < H only where samples is 1 */
    s4d_dtype type;
    float scale;
} plan;

/* Samples b.. and heads h.. */
typedef struct chunk {
    int64_t b, h, samples, heads;
} chunk;

/* The matrices of a chunk: elements from row to row, head to head, sample to sample. */
typedef struct matrices {
    const void *base;
    s4d_dtype type;
    int64_t row, head, sample;
} matrices;

static plan plan_of(const s4d_tensor *qkv, double scale, size_t bytes_per_score)
{
    plan p = {.B = qkv->dim[0], .N = qkv->dim[1], .H = qkv->dim[3], .d = qkv->dim[4], .type = qkv->dtype, .scale = (float)scale};
    p.ld = (p.N + LD_GRAIN - 1) / LD_GRAIN * LD_GRAIN;
    int64_t room = MOST_BYTES / ((int64_t)bytes_per_score * p.N * p.ld); /* heads that fit */
    p.heads = room >= p.H ? p.H : room > 1 ? room : 1;
    p.samples = room >= p.H ? room / p.H : 1;
    if (p.samples > p.B) p.samples = p.B;
    return p;
}

static bool next_chunk(const plan *p, chunk *c)
{
    c->h += c->heads;
    if (c->heads == 0 || c->h >= p->H) {
        c->h = 0;
        c->b += c->samples;
    }
    c->samples = p->B - c->b < p->samples ? p->B - c->b : p->samples;
    c->heads = p->H - c->h < p->heads ? p->H - c->h : p->heads;
    return c->b < p->B;
}

static const void *offset(const void *base, s4d_dtype type, int64_t elements)
{
    return base ? (const char *)base + elements * (int64_t)s4d_dtype_size(type) : NULL; /* NULL while planning */
}

/* Part 0, 1, 2 (q, k, v) of packed [B,N,3,H,d]. */
static matrices part_of(const plan *p, const chunk *c, const s4d_tensor *qkv, int part)
{
    int64_t row = 3 * p->H * p->d;
    return (matrices){offset(qkv->data, p->type, c->b * p->N * row + (part * p->H + c->h) * p->d), p->type, row, p->d, p->N * row};
}

/* Of y, dy [B,N,H,d]. */
static matrices out_of(const plan *p, const chunk *c, const s4d_tensor *y)
{
    int64_t row = p->H * p->d;
    return (matrices){offset(y->data, p->type, c->b * p->N * row + c->h * p->d), p->type, row, p->d, p->N * row};
}

/* Of scratch [samples,heads,N,ld]. */
static matrices scores_of(const plan *p, const chunk *c, const void *s, s4d_dtype type)
{
    return (matrices){s, type, p->ld, p->N * p->ld, c->heads * p->N * p->ld};
}

/* stats [B,H,N]; a chunk's rows stand together. */
static float *stats_of(const plan *p, const chunk *c, const s4d_tensor *stats)
{
    return (float *)offset(stats->data, S4D_F32, (c->b * p->H + c->h) * p->N);
}

/* c = alpha op(a) op(b) for every matrix of the chunk. A batch has one stride: it runs over the samples or over the heads,
 * whichever are more, and the others are looped over. p says the transposes, m, n, k and alpha. */
static void multiply(s4d_backend *be, const chunk *u, s4d_cuda_product p, const matrices *a, const matrices *b, const matrices *c)
{
    bool over_samples = u->samples > u->heads;
    int64_t turns = over_samples ? u->heads : u->samples;
    p.batch = over_samples ? u->samples : u->heads;
    p.type = a->type;
    p.c_type = c->type;
    p.lda = a->row;
    p.ldb = b->row;
    p.ldc = c->row;
    p.stride_a = over_samples ? a->sample : a->head;
    p.stride_b = over_samples ? b->sample : b->head;
    p.stride_c = over_samples ? c->sample : c->head;
    for (int64_t i = 0; i < turns; ++i) {
        p.a = offset(a->base, a->type, i * (over_samples ? a->head : a->sample));
        p.b = offset(b->base, b->type, i * (over_samples ? b->head : b->sample));
        p.c = (void *)offset(c->base, c->type, i * (over_samples ? c->head : c->sample));
        s4d_cuda_gemm(be, &p);
    }
}

static s4d_cuda_heads heads_of(const plan *p, const chunk *c)
{
    return (s4d_cuda_heads){.C = c->samples, .G = c->heads, .N = p->N, .d = p->d, .ld = p->ld,
                            .sample = p->N * p->H * p->d, .token = p->H * p->d};
}

static void *scores_scratch(s4d_backend *be, const plan *p, s4d_dtype type)
{
    return s4d_cuda_scratch(be, (size_t)(p->samples * p->heads * p->N * p->ld) * s4d_dtype_size(type));
}

void s4d_cuda_attention_unfused_fwd(s4d_backend *be, const s4d_attention_fwd_args *args)
{
    bool wide = args->qkv.dtype == S4D_F32; /* then the softmax takes the place of the scores */
    plan p = plan_of(&args->qkv, args->scale, wide ? 4 : 4 + 2);
    float *s = scores_scratch(be, &p, S4D_F32);
    void *soft = wide ? (void *)s : scores_scratch(be, &p, p.type);
    for (chunk c = {0}; next_chunk(&p, &c);) {
        matrices q = part_of(&p, &c, &args->qkv, 0), k = part_of(&p, &c, &args->qkv, 1), v = part_of(&p, &c, &args->qkv, 2),
                 y = out_of(&p, &c, &args->y), score = scores_of(&p, &c, s, S4D_F32), weight = scores_of(&p, &c, soft, p.type);
        s4d_cuda_heads heads = heads_of(&p, &c);
        multiply(be, &c, (s4d_cuda_product){.tb = true, .m = p.N, .n = p.N, .k = p.d, .alpha = p.scale}, &q, &k, &score);
        s4d_cuda_softmax_rows(be, &heads, p.type, s, soft, stats_of(&p, &c, &args->stats));
        multiply(be, &c, (s4d_cuda_product){.m = p.N, .n = p.d, .k = p.N, .alpha = 1}, &weight, &v, &y);
    }
}

/* p and ds of a chunk into scratch. */
static void score_gradients(s4d_backend *be, const plan *p, const chunk *c, const s4d_attention_bwd_args *args,
                            const s4d_cuda_score_gradient *scratch)
{
    matrices q = part_of(p, c, &args->qkv, 0), k = part_of(p, c, &args->qkv, 1), v = part_of(p, c, &args->qkv, 2),
             y = out_of(p, c, &args->y), dy = out_of(p, c, &args->dy), s = scores_of(p, c, scratch->s, S4D_F32),
             dp = scores_of(p, c, scratch->dp, S4D_F32);
    s4d_cuda_heads heads = heads_of(p, c);
    s4d_cuda_score_gradient g = *scratch;
    g.stats = stats_of(p, c, &args->stats);
    g.y = y.base;
    g.dy = dy.base;
    multiply(be, c, (s4d_cuda_product){.tb = true, .m = p->N, .n = p->N, .k = p->d, .alpha = p->scale}, &q, &k, &s);
    multiply(be, c, (s4d_cuda_product){.tb = true, .m = p->N, .n = p->N, .k = p->d, .alpha = 1}, &dy, &v, &dp);
    s4d_cuda_score_gradient_rows(be, &heads, &g);
}

void s4d_cuda_attention_unfused_bwd(s4d_backend *be, const s4d_attention_bwd_args *args)
{
    bool wide = args->qkv.dtype == S4D_F32;
    plan p = plan_of(&args->qkv, args->scale, wide ? 4 + 4 : 4 + 4 + 2 + 2);
    float *s = scores_scratch(be, &p, S4D_F32), *dp = scores_scratch(be, &p, S4D_F32);
    s4d_cuda_score_gradient scratch = {.s = s, .dp = dp, .p = s, .ds = dp, .type = p.type};
    if (!wide) {
        scratch.p = scores_scratch(be, &p, p.type);
        scratch.ds = scores_scratch(be, &p, p.type);
    }
    for (chunk c = {0}; next_chunk(&p, &c);) {
        score_gradients(be, &p, &c, args, &scratch);
        matrices q = part_of(&p, &c, &args->qkv, 0), k = part_of(&p, &c, &args->qkv, 1), dy = out_of(&p, &c, &args->dy),
                 weight = scores_of(&p, &c, scratch.p, p.type), ds = scores_of(&p, &c, scratch.ds, p.type),
                 dq = part_of(&p, &c, &args->dqkv, 0), dk = part_of(&p, &c, &args->dqkv, 1), dv = part_of(&p, &c, &args->dqkv, 2);
        s4d_cuda_product plain = {.m = p.N, .n = p.d, .k = p.N, .alpha = 1}, turned = plain;
        turned.ta = true;
        multiply(be, &c, turned, &weight, &dy, &dv);
        plain.alpha = turned.alpha = p.scale;
        multiply(be, &c, plain, &ds, &k, &dq);
        multiply(be, &c, turned, &ds, &q, &dk);
    }
}
