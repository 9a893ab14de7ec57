/* Mixup and CutMix of sample i with sample B-1-i, in place. One kernel for every draw, which reads it from the device: draws
 * change from step to step, and steps share a graph. Bound by memory: Mixup reads and writes 4 bytes of each element, CutMix
 * those of the box. */
#include "backend/cuda/kernel.cuh"

enum { THREADS = 256 };

typedef struct draw {
    int32_t mode; /* s4d_mix_mode */
    float share, rest;
    int32_t yl, yh, xl, xh;
} draw;

/* A bit for each of `each` neighbouring pixels from `at` on that the draw changes. */
static __device__ inline unsigned changed(const draw *d, uint32_t at, int S, int each)
{
    if (d->mode != S4D_MIX_CUTMIX) return d->mode == S4D_MIX_MIXUP ? ~0u : 0;
    unsigned bits = 0;
    int y = (int)(at / (uint32_t)S), x = (int)(at % (uint32_t)S);
    for (int k = 0; k < each; ++k, ++x) {
        if (x == S) x = 0, ++y;
        bits |= (unsigned)(d->yl <= y && y < d->yh && d->xl <= x && x < d->xh) << k;
    }
    return bits;
}

/* What becomes of the pair; the sample in the middle is its own other one. */
static __device__ inline void mix_pair(const draw *d, float *own, float *other)
{
    float a = *own, b = *other;
    bool box = d->mode == S4D_MIX_CUTMIX;
    *own = box ? b : a * d->share + b * d->rest;
    *other = box ? a : b * d->share + a * d->rest;
}

static __device__ inline void load(const float *p, float (&v)[1])
{
    v[0] = *p;
}
static __device__ inline void load(const float *p, float (&v)[4])
{
    float4 all = *(const float4 *)p;
    v[0] = all.x, v[1] = all.y, v[2] = all.z, v[3] = all.w;
}
static __device__ inline void store(float *p, const float (&v)[1])
{
    *p = v[0];
}
static __device__ inline void store(float *p, const float (&v)[4])
{
    *(float4 *)p = make_float4(v[0], v[1], v[2], v[3]);
}

/* EACH neighbouring pixels of a plane and of its partner a thread. A block has a part of one plane of one pair. */
template <int EACH> static __global__ void mix_kernel(const draw *d, int64_t B, int64_t planes, int S, float *x)
{
    int64_t plane = blockIdx.x % planes, b = blockIdx.x / planes, size = (int64_t)S * S;
    int64_t at = ((int64_t)blockIdx.y * THREADS + threadIdx.x) * EACH;
    unsigned bits = at < size ? changed(d, (uint32_t)at, S, EACH) : 0;
    if (!bits) return;
    float *own = x + (b * planes + plane) * size + at, *other = x + ((B - 1 - b) * planes + plane) * size + at;
    float a[EACH], c[EACH];
    load(own, a);
    load(other, c);
    for (int k = 0; k < EACH; ++k)
        if (bits >> k & 1) mix_pair(d, &a[k], &c[k]);
    store(own, a);
    store(other, c);
}

extern "C" CUDA_OP(mix)
{
    int64_t B = args->x.dim[0], planes = 3 * args->x.dim[2], S = args->x.dim[3], pairs = (B + 1) / 2;
    const s4d_mix_draw *m = &args->draw;
    draw host = {(int32_t)m->mode, (float)m->lam, (float)(1 - m->lam), m->yl, m->yh, m->xl, m->xh};
    const draw *d = (const draw *)s4d_cuda_constant(be, &host, sizeof host);
    bool wide = S * S % 4 == 0 && aligned_for_eight(args->x.data);
    int64_t each = wide ? 4 : 1;
    s4d_launch(be, wide ? mix_kernel<4> : mix_kernel<1>, s4d_dim(pairs * planes, s4d_blocks(S * S, THREADS * each)),
               s4d_dim(THREADS), 0, d, B, planes, S, (float *)args->x.data);
}
