/* Frames to floats, and tubelets to rows. */
#include <omp.h>
#include <string.h>

#include "backend/cpu/cpu_private.h"
#include "s4d/base/rng.h"

/* Two neighbours and the share of the second (PIXELS.md section 4: float scale, then double). */
typedef struct pair {
    int64_t low, high;
    float share;
} pair;

static pair pair_at(int64_t i, int64_t in, int64_t out)
{
    float scale = (float)in / (float)out;
    double source = (double)scale * ((double)i + 0.5) - 0.5;
    if (source < 0) source = 0;
    int64_t low = (int64_t)source;
    if (low > in - 1) low = in - 1;
    return (pair){low, low + 1 < in ? low + 1 : low, (float)(source - (double)low)};
}

/* One channel of one frame on its way: `box` holds the cut region of the first resize's result. */
typedef struct plane {
    const s4d_recipe *r;
    const uint8_t *frame; /* channel c of the first pixel */
    float level[256];     /* normalised */
    float *box;           /* [box_height,box_width] */
} plane;

static void fill_box(const plane *p)
{
    const s4d_recipe *r = p->r;
    bool same = r->mid_height == r->height && r->mid_width == r->width;
    for (int64_t i = 0; i < r->box_height; ++i) {
        float *out = p->box + i * r->box_width;
        pair v = same ? (pair){r->top + i, r->top + i, 0} : pair_at(r->top + i, r->height, r->mid_height);
        const uint8_t *above = p->frame + v.low * r->width * 3, *below = p->frame + v.high * r->width * 3;
        for (int64_t j = 0; j < r->box_width; ++j) {
            if (same) {
                out[j] = p->level[above[(r->left + j) * 3]];
                continue;
            }
            pair h = pair_at(r->left + j, r->width, r->mid_width);
            float top = (1 - h.share) * p->level[above[h.low * 3]] + h.share * p->level[above[h.high * 3]];
            float bottom = (1 - h.share) * p->level[below[h.low * 3]] + h.share * p->level[below[h.high * 3]];
            out[j] = (1 - v.share) * top + v.share * bottom;
        }
    }
}

static void box_to_square(const plane *p, int64_t S, const pair *column, float *y)
{
    const s4d_recipe *r = p->r;
    for (int64_t i = 0; i < S; ++i) {
        pair v = pair_at(i, r->box_height, S);
        const float *above = p->box + v.low * r->box_width, *below = p->box + v.high * r->box_width;
        for (int64_t j = 0; j < S; ++j) {
            pair h = column[r->flip ? S - 1 - j : j];
            float top = (1 - h.share) * above[h.low] + h.share * above[h.high];
            float bottom = (1 - h.share) * below[h.low] + h.share * below[h.high];
            y[i * S + j] = (1 - v.share) * top + v.share * bottom;
        }
    }
}

static void erase(const plane *p, int64_t element, int64_t S, float *y)
{
    const s4d_recipe *r = p->r;
    for (int64_t i = r->erase_top; i < r->erase_top + r->erase_height; ++i)
        for (int64_t j = r->erase_left; j < r->erase_left + r->erase_width; ++j)
            y[i * S + j] = r->erase == S4D_ERASE_BLACK
                               ? p->level[0]
                               : (float)s4d_rng_fill_normal(r->noise_key, (uint64_t)(element + i * S + j));
}

static void one_plane(const s4d_pixels_args *args, int64_t index, float *box, pair *column)
{
    int64_t T = args->y.dim[2], S = args->y.dim[3], b = index / (3 * T), c = index / T % 3, t = index % T;
    plane p = {.r = &args->recipe[b], .box = box};
    p.frame = (const uint8_t *)args->frames.data + p.r->offset + t * p.r->height * p.r->width * 3 + c;
    for (int i = 0; i < 256; ++i) p.level[i] = ((float)i / 255 - args->mean[c]) / args->std[c];
    for (int64_t j = 0; j < S; ++j) column[j] = pair_at(j, p.r->box_width, S);
    float *y = (float *)args->y.data + index * S * S;
    fill_box(&p);
    box_to_square(&p, S, column, y);
    if (p.r->erase != S4D_ERASE_NONE) erase(&p, (t * 3 + c) * S * S, S, y);
}

CPU_OP(pixels)
{
    int64_t B = args->y.dim[0], T = args->y.dim[2], S = args->y.dim[3], most = 0;
    for (int64_t b = 0; b < B; ++b) {
        int64_t size = (int64_t)args->recipe[b].box_height * args->recipe[b].box_width;
        if (size > most) most = size;
    }
    size_t box = ((size_t)most * sizeof(float) + 63) / 64 * 64, column = (size_t)S * sizeof(pair);
    char *scratch = s4d_backend_scratch(be, (size_t)be->threads * (box + column));
    if (!scratch) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, B * 3 * T * S * S * 16))
    for (int64_t i = 0; i < B * 3 * T; ++i) {
        char *mine = scratch + (size_t)omp_get_thread_num() * (box + column);
        one_plane(args, i, (float *)(void *)mine, (pair *)(void *)(mine + box));
    }
}

CPU_OP(mix)
{
    int64_t B = args->x.dim[0], T = args->x.dim[2], S = args->x.dim[3], planes = 3 * T;
    const s4d_mix_draw *d = &args->draw;
    float *x = args->x.data, lam = (float)d->lam, rest = (float)(1 - d->lam);
    bool box = d->mode == S4D_MIX_CUTMIX;
    int64_t yl = box ? d->yl : 0, yh = box ? d->yh : S, xl = box ? d->xl : 0, xh = box ? d->xh : S;
    if (d->mode == S4D_MIX_NONE) return;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, B * planes * (yh - yl) * (xh - xl)))
    for (int64_t p = 0; p < planes; ++p)
        for (int64_t b = 0; b < (B + 1) / 2; ++b) {
            float *one = x + (b * planes + p) * S * S, *two = x + ((B - 1 - b) * planes + p) * S * S;
            for (int64_t i = yl; i < yh; ++i)
                for (int64_t j = i * S + xl; j < i * S + xh; ++j) {
                    float a = one[j], c = two[j];
                    one[j] = box ? c : lam * a + rest * c;
                    two[j] = box ? a : lam * c + rest * a;
                }
        }
}

CPU_OP(patchify)
{
    int64_t T = args->x.dim[2], S = args->x.dim[3], V = args->y.dim[1], Q = args->y.dim[2], M = s4d_rows(&args->y);
    int64_t P = args->patch, G = S / P, t = args->tubelet;
    const float *x = args->x.data;
    const int32_t *index = args->index.data;
    float *y = args->y.data;
#pragma omp parallel for schedule(static) num_threads(s4d_threads_for(be, M * Q))
    for (int64_t m = 0; m < M; ++m) {
        int64_t token = index ? index[m] : m % V, time = token / (G * G), row = token / G % G * P, column = token % G * P;
        float *out = y + m * Q;
        for (int64_t c = 0; c < 3; ++c)
            for (int64_t f = 0; f < t; ++f) {
                int64_t frame = T == 1 ? 0 : time * t + f;
                const float *in = x + (((m / V * 3 + c) * T + frame) * S + row) * S + column;
                for (int64_t r = 0; r < P; ++r, out += P) memcpy(out, in + r * S, (size_t)P * sizeof *out);
            }
    }
}
