/* Frames to normalised floats: scale and normalise, resize, cut, resize, flip, erase, in one pass. A thread has a
 * column of a few rows and all three channels: coordinates are double and are found once a row and once a column. Both
 * resizes work on the bytes' levels and the result is normalised, which is the same but for rounding. Bound by memory: 12
 * bytes written a pixel of the result and 3 read a pixel of the box. */
#include "backend/cuda/kernel.cuh"
#include "backend/cuda/philox.cuh"

enum { ROWS = 8 };

/* Two neighbouring samples and the share of the second. */
typedef struct pair {
    int low, high;
    float share;
} pair;

/* Where output i of `out` reads among `in` samples: a float scale, the coordinate in double. */
static __device__ inline pair pair_at(int i, int in, int out)
{
    float scale = (float)in / (float)out;
    double source = (double)scale * ((double)i + 0.5) - 0.5;
    if (source < 0) source = 0;
    int low = (int)source;
    if (low > in - 1) low = in - 1;
    return {low, low + 1 < in ? low + 1 : low, (float)(source - (double)low)};
}

/* A row or a column of the result, followed back through both resizes to the stored frame. */
typedef struct trace {
    pair from[2]; /* of the lower and the higher neighbour */
    float share;  /* of the higher one */
} trace;

/* One direction of the resizes: `in` to `mid`, of which `box` from `first` on, to the result's size. */
typedef struct sizes {
    int in, mid, first, box;
} sizes;

static __device__ inline trace trace_at(int i, sizes s, int out)
{
    pair last = pair_at(i, s.box, out);
    return {{pair_at(s.first + last.low, s.in, s.mid), pair_at(s.first + last.high, s.in, s.mid)}, last.share};
}

static __device__ inline float blend(float low, float high, float share)
{
    return fmaf(share, high - low, low);
}

/* Of the three channels. */
typedef struct levels {
    float at[3];
} levels;

static __device__ inline levels blend_levels(levels low, levels high, float share)
{
    for (int c = 0; c < 3; ++c) low.at[c] = blend(low.at[c], high.at[c], share);
    return low;
}

/* One frame as it is stored, [height,width,3]. */
typedef struct picture {
    const uint8_t *x;
    int width;
    bool once; /* there is no first resize: of a pair, only the lower one counts */
} picture;

static __device__ inline levels levels_at(const picture &p, int row, int column)
{
    const uint8_t *x = p.x + ((int64_t)row * p.width + column) * 3;
    return {{(float)x[0], (float)x[1], (float)x[2]}};
}

/* After the first resize. */
static __device__ inline levels mid_levels(const picture &p, pair row, pair column)
{
    levels x = levels_at(p, row.low, column.low);
    if (p.once) return x;
    levels top = blend_levels(x, levels_at(p, row.low, column.high), column.share);
    levels bottom = blend_levels(levels_at(p, row.high, column.low), levels_at(p, row.high, column.high), column.share);
    return blend_levels(top, bottom, row.share);
}

/* After the cut and the second one. */
static __device__ inline levels box_levels(const picture &p, const trace &row, const trace &column)
{
    levels top = blend_levels(mid_levels(p, row.from[0], column.from[0]), mid_levels(p, row.from[0], column.from[1]),
                              column.share);
    levels bottom = blend_levels(mid_levels(p, row.from[1], column.from[0]), mid_levels(p, row.from[1], column.from[1]),
                                 column.share);
    return blend_levels(top, bottom, row.share);
}

/* level * times + plus is the normalised level; plus is that of black. */
typedef struct normalisation {
    float times[3], plus[3];
} normalisation;

/* What a block of pixels_kernel writes: rows first..last-1 of frame t of a sample. */
typedef struct strip {
    float *y; /* frame t of the first channel */
    int64_t plane, channel; /* elements of a plane, and from channel to channel */
    int t, S, first, last;
} strip;

static __device__ void resize(const strip &s, const s4d_recipe &r, const picture &p, const normalisation &n)
{
    __shared__ trace rows[ROWS];
    if (s.first + (int)threadIdx.x < s.last)
        rows[threadIdx.x] = trace_at(s.first + threadIdx.x, {r.height, r.mid_height, r.top, r.box_height}, s.S);
    __syncthreads();
    for (int j = threadIdx.x; j < s.S; j += blockDim.x) {
        trace column = trace_at(r.flip ? s.S - 1 - j : j, {r.width, r.mid_width, r.left, r.box_width}, s.S);
        for (int i = s.first; i < s.last; ++i) {
            levels v = box_levels(p, rows[i - s.first], column);
            float *y = s.y + (int64_t)i * s.S + j;
            for (int c = 0; c < 3; ++c) y[c * s.channel] = fmaf(v.at[c], n.times[c], n.plus[c]);
        }
    }
}

/* Over what the same threads have written. */
static __device__ void erase(const strip &s, const s4d_recipe &r, const normalisation &n)
{
    int top = max(s.first, r.erase_top), bottom = min(s.last, r.erase_top + r.erase_height);
    for (int i = top; i < bottom; ++i)
        for (int j = threadIdx.x; j < r.erase_left + r.erase_width; j += blockDim.x) {
            if (j < r.erase_left) continue;
            int64_t at = (int64_t)i * s.S + j;
            for (int c = 0; c < 3; ++c)
                s.y[c * s.channel + at] = r.erase == S4D_ERASE_BLACK
                                              ? n.plus[c]
                                              : fill_normal(r.noise_key, (uint64_t)((s.t * 3 + c) * s.plane + at));
        }
}

static __global__ void pixels_kernel(const uint8_t *frames, const s4d_recipe *recipe, normalisation n, int T, int S,
                                     float *y)
{
    int64_t b = blockIdx.x / T, t = blockIdx.x % T, plane = (int64_t)S * S;
    int first = blockIdx.y * ROWS, last = min(first + ROWS, S);
    const s4d_recipe r = recipe[b];
    strip s = {y + (b * 3 * T + t) * plane, plane, T * plane, (int)t, S, first, last};
    picture p = {frames + r.offset + t * r.height * r.width * 3, r.width,
                 r.mid_height == r.height && r.mid_width == r.width};
    resize(s, r, p, n);
    if (r.erase != S4D_ERASE_NONE) erase(s, r, n);
}

extern "C" CUDA_OP(pixels)
{
    int64_t B = args->y.dim[0], T = args->y.dim[2], S = args->y.dim[3], threads = S < 256 ? s4d_blocks(S, 32) * 32 : 256;
    const s4d_recipe *recipe = (const s4d_recipe *)s4d_cuda_constant(be, args->recipe, (size_t)B * sizeof *args->recipe);
    normalisation n;
    for (int c = 0; c < 3; ++c) {
        double std = (double)args->std[c];
        n.times[c] = (float)(1 / (255 * std));
        n.plus[c] = (float)(-(double)args->mean[c] / std);
    }
    s4d_launch(be, pixels_kernel, s4d_dim(B * T, s4d_blocks(S, ROWS)), s4d_dim(threads), 0,
               (const uint8_t *)args->frames.data, recipe, n, T, S, (float *)args->y.data);
}
