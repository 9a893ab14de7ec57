/* Tubelets out of pictures: the patch embedding's input and the masked autoencoder's target. A block has a token. Bound by
 * memory: each pixel of the wanted tokens is read once (4 bytes) and written once (of y's type). */
#include "backend/cuda/kernel.cuh"

/* What both kernels know of x [B,3,T,S,S] and of tokens, whose order is time, row, column. */
typedef struct pictures {
    const float *x;
    const int32_t *index; /* [B,V], or NULL: all tokens in order */
    int64_t V;
    int T, S, t, P;
} pictures;

/* One token: its first pixel, and how far frames and channels lie apart. A single frame stands for all of its tubelet. */
typedef struct tubelet {
    const float *x;
    int64_t frame, channel;
} tubelet;

static __device__ inline tubelet tubelet_at(const pictures &p, int64_t b, int64_t v)
{
    int G = p.S / p.P, token = p.index ? p.index[b * p.V + v] : (int)v;
    int time = token / (G * G), row = token / G % G * p.P, column = token % G * p.P;
    int64_t plane = (int64_t)p.S * p.S, channel = p.T * plane;
    return {p.x + b * 3 * channel + time * p.t * plane + (int64_t)row * p.S + column, p.T == 1 ? 0 : plane, channel};
}

/* Pixel k of a channel of the token; k counts frames, rows, columns. */
static __device__ inline int64_t place_of(const pictures &p, const tubelet &u, int k)
{
    int line = k / p.P, column = k % p.P;
    return line / p.P * u.frame + (int64_t)(line % p.P) * p.S + column;
}

static pictures pictures_of(const s4d_tensor *x, const s4d_tensor *index, int64_t V, int tubelet, int patch)
{
    return {(const float *)x->data, (const int32_t *)index->data, V, (int)x->dim[2], (int)x->dim[3], tubelet, patch};
}

/* ---- the embedding's input: channel, frame, row, column ---- */

template <class T, bool EIGHTS> static __global__ void patchify_kernel(pictures p, int cell, T *y)
{
    tubelet u = tubelet_at(p, blockIdx.x, blockIdx.y);
    y += (blockIdx.x * p.V + blockIdx.y) * 3 * cell;
    enum { EACH = EIGHTS ? 8 : 1 };
    for (int64_t k = (int64_t)threadIdx.x * EACH; k < 3 * (int64_t)cell; k += blockDim.x * EACH) {
        int c = (int)k / cell;
        const float *from = u.x + c * u.channel + place_of(p, u, (int)k % cell);
        if (EIGHTS) store_eight(y + k, load_eight(from));
        else y[k] = from_float<T>(*from);
    }
}

template <class T> static void patchify(s4d_backend *be, const s4d_patchify_args *args)
{
    int64_t B = args->y.dim[0], V = args->y.dim[1];
    pictures p = pictures_of(&args->x, &args->index, V, args->tubelet, args->patch);
    bool wide = p.P % 8 == 0 && p.S % 4 == 0 && aligned_for_eight(p.x) && aligned_for_eight(args->y.data);
    int64_t cell = args->y.dim[2] / 3, turns = s4d_blocks(3 * cell, wide ? 8 : 1);
    int64_t threads = turns < 256 ? s4d_blocks(turns, 32) * 32 : 256;
    s4d_launch(be, wide ? patchify_kernel<T, true> : patchify_kernel<T, false>, s4d_dim(B, V), s4d_dim(threads), 0, p, cell,
               (T *)args->y.data);
}

extern "C" CUDA_OP(patchify)
{
    S4D_BY_TYPE(args->y.dtype, T, patchify<T>(be, args));
}

/* ---- the target: frame, row, column, channel ---- */

enum { THREADS = 192, FEW = 4, MOST_SHARED = 32 * 1024 };

typedef struct channels {
    float at[3];
} channels;

/* The three sums of a block, times `share`. A warp adds up a channel, so that doubles are few: many cards are slow at them. */
static __device__ inline void sum_channels(double sum[3], double share)
{
    __shared__ double part[3][THREADS], total[3];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    for (int c = 0; c < 3; ++c) part[c][threadIdx.x] = sum[c];
    __syncthreads();
    if (warp < 3) {
        double all = 0;
        for (int i = lane; i < THREADS; i += 32) all += part[warp][i];
        all = warp_sum(all);
        if (lane == 0) total[warp] = all * share;
    }
    __syncthreads();
    for (int c = 0; c < 3; ++c) sum[c] = total[c];
}

/* A double in two floats: x - high - low is then as good as the difference in double, but for its rounding. */
typedef struct halves {
    float high, low;
} halves;

static __device__ inline halves halves_of(double x)
{
    float high = (float)x;
    return {high, (float)(x - (double)high)};
}

static __device__ inline float off_by(float x, halves middle)
{
    return x - middle.high - middle.low;
}

/* With x = (pixel - mean) / std, the mean falls out: pixels lie std * (x - mean of x) off their mean. The token's values
 * wait in shared memory, or in y where they do not fit. share, rest: 1 over the pixels of a channel, and over one less. */
static __global__ void mae_target_kernel(pictures p, int cell, int shared, double share, double rest, channels std, float *y)
{
    S4D_DYNAMIC_SHARED(float, held);
    tubelet u = tubelet_at(p, blockIdx.x, blockIdx.y);
    y += (blockIdx.x * p.V + blockIdx.y) * 3 * cell;
    float *kept = shared ? held : y;
    double middle[3] = {0, 0, 0}, square[3] = {0, 0, 0};
    for (int k = threadIdx.x; k < cell; k += THREADS) {
        int64_t at = place_of(p, u, k);
        for (int c = 0; c < 3; ++c) {
            float x = u.x[c * u.channel + at];
            middle[c] += (double)x;
            kept[3 * (int64_t)k + c] = x;
        }
    }
    sum_channels(middle, share);
    const halves mean[3] = {halves_of(middle[0]), halves_of(middle[1]), halves_of(middle[2])};
    for (int k = threadIdx.x; k < cell;) {
        float few[3] = {0, 0, 0};
        for (int i = 0; i < FEW && k < cell; ++i, k += THREADS)
            for (int c = 0; c < 3; ++c) {
                float off = off_by(kept[3 * (int64_t)k + c], mean[c]);
                few[c] += off * off;
            }
        for (int c = 0; c < 3; ++c) square[c] += (double)few[c];
    }
    sum_channels(square, rest); /* and everyone's values are there */
    int c = threadIdx.x % 3; /* of all values that the thread writes: THREADS is a multiple of 3 */
    halves own = c == 0 ? mean[0] : c == 1 ? mean[1] : mean[2];
    double variance = c == 0 ? square[0] : c == 1 ? square[1] : square[2];
    float scale = c == 0 ? std.at[0] : c == 1 ? std.at[1] : std.at[2];
    float factor = scale / sqrtf((float)((double)scale * (double)scale * variance + 1e-6));
    for (int64_t i = threadIdx.x; i < 3 * (int64_t)cell; i += THREADS) y[i] = off_by(kept[i], own) * factor;
}

extern "C" CUDA_OP(mae_target)
{
    int64_t B = args->y.dim[0], V = args->y.dim[1], cell = args->y.dim[2] / 3;
    pictures p = pictures_of(&args->x, &args->index, V, args->tubelet, args->patch);
    channels std = {{args->std[0], args->std[1], args->std[2]}};
    size_t bytes = (size_t)(3 * cell) * sizeof(float);
    bool shared = bytes <= MOST_SHARED;
    s4d_launch(be, mae_target_kernel, s4d_dim(B, V), s4d_dim(THREADS), shared ? bytes : 0, p, cell, shared, 1 / (double)cell,
               1 / (double)(cell - 1), std, (float *)args->y.data);
}
