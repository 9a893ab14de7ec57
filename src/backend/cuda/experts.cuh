/* What the kernels of routing and experts share: a warp's choices counted, rows taken in pieces. */
#ifndef S4D_BACKEND_CUDA_EXPERTS_CUH
#define S4D_BACKEND_CUDA_EXPERTS_CUH

#include "backend/cuda/kernel.cuh"

enum { MOST_EXPERTS = 64 };

/* ---- counting ---- */

static __device__ inline int own_lane(void)
{
    return (int)threadIdx.x % 32;
}

static __device__ inline int own_warp(void)
{
    return (int)threadIdx.x / 32;
}

/* The lanes of the warp that hold the same expert, this lane among them. */
static __device__ inline unsigned lanes_like(int expert)
{
    return __match_any_sync(0xffffffffu, expert);
}

/* How many of `like` stand before this lane. */
static __device__ inline int lanes_before(unsigned like)
{
    return __popc(like & ((1u << own_lane()) - 1));
}

/* count[e] of this warp += how many of index[first..end) are e. All lanes take part. */
static __device__ inline void count_choices(const int32_t *index, int64_t first, int64_t end, int32_t *count)
{
    for (; first < end; first += 32) {
        int64_t i = first + own_lane();
        int e = i < end ? index[i] : -1;
        unsigned like = lanes_like(e);
        if (e >= 0 && lanes_before(like) == 0) count[e] += __popc(like);
        __syncwarp();
    }
}

/* ---- rows in pieces of V = 8 or 1 values ---- */

template <class T> static __device__ inline void load_piece(const T *p, float (&x)[8])
{
    eight v = load_eight(p);
    for (int i = 0; i < 8; ++i) x[i] = v.at[i];
}
template <class T> static __device__ inline void load_piece(const T *p, float (&x)[1])
{
    x[0] = to_float(*p);
}
template <class T> static __device__ inline void store_piece(T *p, const float (&x)[8])
{
    eight v;
    for (int i = 0; i < 8; ++i) v.at[i] = x[i];
    store_eight(p, v);
}
template <class T> static __device__ inline void store_piece(T *p, const float (&x)[1])
{
    *p = from_float<T>(x[0]);
}

#endif
