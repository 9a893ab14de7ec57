/* Frames to normalised floats: scale and normalise, resize, cut, resize, flip, erase. */
#include "backend/ref/ref_private.h"
#include "s4d/base/rng.h"

/* Two neighbouring samples and the share of the second. */
typedef struct pair {
    int64_t low, high;
    double lambda;
} pair;

/* One channel of one frame. */
typedef struct plane {
    const uint8_t *frame; /* [height,width,3] */
    const s4d_recipe *recipe;
    real mean, std;
    int channel;
} plane;

/* Where output i of `out` reads among `in` samples: a float scale, the coordinate in double. */
static pair pair_at(int64_t i, int64_t in, int64_t out)
{
    float scale = (float)in / (float)out;
    double source = (double)scale * ((double)i + 0.5) - 0.5;
    if (source < 0) {
        source = 0;
    }
    int64_t low = (int64_t)source;
    if (low > in - 1) {
        low = in - 1;
    }
    return (pair){low, low + 1 < in ? low + 1 : low, source - (double)low};
}

static real blend(const real corner[2][2], double down, double right)
{
    double top = (1 - right) * (double)corner[0][0] + right * (double)corner[0][1];
    double bottom = (1 - right) * (double)corner[1][0] + right * (double)corner[1][1];
    return (real)((1 - down) * top + down * bottom);
}

static real normal_pixel(const plane *p, int64_t y, int64_t x)
{
    real level = (real)p->frame[(y * p->recipe->width + x) * 3 + p->channel];
    return (level / 255 - p->mean) / p->std;
}

/* After the first resize. */
static real mid_pixel(const plane *p, int64_t y, int64_t x)
{
    const s4d_recipe *r = p->recipe;
    pair v = pair_at(y, r->height, r->mid_height), h = pair_at(x, r->width, r->mid_width);
    const real corner[2][2] = {{normal_pixel(p, v.low, h.low), normal_pixel(p, v.low, h.high)},
                               {normal_pixel(p, v.high, h.low), normal_pixel(p, v.high, h.high)}};
    return blend(corner, v.lambda, h.lambda);
}

/* After the cut and the second resize, S x S. */
static real box_pixel(const plane *p, int64_t y, int64_t x, int64_t S)
{
    const s4d_recipe *r = p->recipe;
    pair v = pair_at(y, r->box_height, S), h = pair_at(x, r->box_width, S);
    int64_t top = r->top + v.low, bottom = r->top + v.high, left = r->left + h.low,
            right = r->left + h.high;
    const real corner[2][2] = {{mid_pixel(p, top, left), mid_pixel(p, top, right)},
                               {mid_pixel(p, bottom, left), mid_pixel(p, bottom, right)}};
    return blend(corner, v.lambda, h.lambda);
}

static bool in_erased_box(const s4d_recipe *r, int64_t y, int64_t x)
{
    return r->erase != S4D_ERASE_NONE && y >= r->erase_top && y < r->erase_top + r->erase_height &&
           x >= r->erase_left && x < r->erase_left + r->erase_width;
}

static void one_plane(const plane *p, int64_t t, int64_t S, real *y)
{
    const s4d_recipe *r = p->recipe;
    for (int64_t i = 0; i < S; i++) {
        for (int64_t j = 0; j < S; j++) {
            if (!in_erased_box(r, i, j)) {
                y[i * S + j] = box_pixel(p, i, r->flip ? S - 1 - j : j, S);
            } else if (r->erase == S4D_ERASE_BLACK) {
                y[i * S + j] = (0 - p->mean) / p->std;
            } else {
                uint64_t element = (uint64_t)(((t * 3 + p->channel) * S + i) * S + j);
                y[i * S + j] = (real)s4d_rng_fill_normal(r->noise_key, element);
            }
        }
    }
}

REF_OP(pixels)
{
    int64_t B = args->y.dim[0], T = args->y.dim[2], S = args->y.dim[3];
    const uint8_t *frames = args->frames.data;
    real *y = args->y.data;
    for (int64_t b = 0; b < B; b++) {
        const s4d_recipe *r = &args->recipe[b];
        for (int c = 0; c < 3; c++) {
            for (int64_t t = 0; t < T; t++) {
                plane p = {.frame = frames + r->offset + t * r->height * r->width * 3,
                           .recipe = r,
                           .mean = (real)args->mean[c],
                           .std = (real)args->std[c],
                           .channel = c};
                one_plane(&p, t, S, y + ((b * 3 + c) * T + t) * S * S);
            }
        }
    }
}
