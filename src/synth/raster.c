/* Filling of outlines and blobs, clipping, blur, and the way to bytes. */
#include "synth/raster.h"

#include <math.h>
#include <string.h>

#include "s4d/base/mem.h"

typedef struct box {
    int left, top, right, bottom; /* right and bottom are outside */
} box;

s4d_status s4d_canvas_init(s4d_canvas *c, int size, s4d_err *err)
{
    size_t area = (size_t)size * (size_t)size;
    size_t edge = (size_t)size * ((size_t)size + 2);
    *c = (s4d_canvas){.size = size};
    c->rgb = s4d_mem_alloc(area * 7 + edge, sizeof(float));
    if (!c->rgb) {
        return s4d_err_memory(err, (area * 7 + edge) * sizeof(float), "drawing");
    }
    c->spare = c->rgb + 3 * area;
    c->clip = c->spare + 3 * area;
    c->edge = c->clip + area;
    return S4D_OK;
}

void s4d_canvas_release(s4d_canvas *c)
{
    s4d_mem_free(c->rgb);
    *c = (s4d_canvas){0};
}

static int bounded(float v, int top)
{
    return v <= 0 ? 0 : v >= (float)top ? top : (int)v;
}

static box box_of(const s4d_outline *o, int size)
{
    float left = 1e9f, top = 1e9f, right = -1e9f, bottom = -1e9f;
    for (int i = 0; i < o->count; i++) {
        left = fminf(left, o->at[i].x);
        right = fmaxf(right, o->at[i].x);
        top = fminf(top, o->at[i].y);
        bottom = fmaxf(bottom, o->at[i].y);
    }
    return (box){bounded(floorf(left), size), bounded(floorf(top), size),
                 bounded(ceilf(right), size), bounded(ceilf(bottom), size)};
}

/* The part of an edge inside one row: height `dy` (signed), from x0 to x1. Each cell gets the area
 * to the right of the edge within it, the next one the rest, so that a running sum along the row is
 * the coverage. */
static void add_row(float *row, int width, float dy, float x0, float x1)
{
    float low = fminf(fmaxf(fminf(x0, x1), 0), (float)width);
    float high = fminf(fmaxf(fmaxf(x0, x1), 0), (float)width);
    int first = (int)low, last = (int)high;
    if (last == first) {
        float mean = 0.5f * (low + high) - (float)first;
        row[first] += dy * (1 - mean);
        row[first + 1] += dy * mean;
        return;
    }
    float per = dy / (high - low);
    for (int x = first; x <= last; x++) {
        float from = fmaxf(low, (float)x), to = fminf(high, (float)(x + 1));
        float share = per * (to - from), mean = 0.5f * (from + to) - (float)x;
        row[x] += share * (1 - mean);
        row[x + 1] += share * mean;
    }
}

static void add_edge(s4d_canvas *c, s4d_point a, s4d_point b)
{
    float sign = 1;
    if (a.y > b.y) {
        s4d_point swap = a;
        a = b;
        b = swap;
        sign = -1;
    }
    if (b.y - a.y < 1e-6f) {
        return;
    }
    float slope = (b.x - a.x) / (b.y - a.y);
    int top = bounded(floorf(a.y), c->size), bottom = bounded(ceilf(b.y), c->size);
    for (int y = top; y < bottom; y++) {
        float from = fmaxf(a.y, (float)y), to = fminf(b.y, (float)(y + 1));
        if (to > from) {
            add_row(c->edge + (size_t)y * (size_t)(c->size + 2), c->size, sign * (to - from),
                    a.x + slope * (from - a.y), a.x + slope * (to - a.y));
        }
    }
}

static void add_outline(s4d_canvas *c, const s4d_outline *o)
{
    for (int i = 0; i < o->count; i++) {
        add_edge(c, o->at[i], o->at[i + 1 < o->count ? i + 1 : 0]);
    }
}

typedef struct turned {
    float cx, cy, xx, xy, yx, yy; /* (x,y) - centre, turned back and divided by the radii */
} turned;

static turned turned_of(s4d_point centre, float rx, float ry, float turn)
{
    float co = cosf(turn), si = sinf(turn);
    return (turned){centre.x, centre.y, co / rx, si / rx, -si / ry, co / ry};
}

static s4d_rgb shaded(s4d_rgb colour, const s4d_shade *s, const turned *t, s4d_point p)
{
    float dx = p.x - t->cx, dy = p.y - t->cy;
    float u = dx * t->xx + dy * t->xy, v = dx * t->yx + dy * t->yy;
    float r2 = u * u + v * v, z;
    if (r2 > 0.96f) {
        float back = sqrtf(0.96f / r2);
        u *= back;
        v *= back;
        r2 = 0.96f;
    }
    z = sqrtf(1 - r2);
    float facing = fmaxf(0, u * s->light[0] + v * s->light[1] + z * s->light[2]);
    float f2 = facing * facing, f4 = f2 * f2;
    float factor = s->ambient + (1 - s->ambient) * facing, shine = s->gloss * f4 * f4 * f4;
    return (s4d_rgb){colour.r * factor + shine, colour.g * factor + shine,
                     colour.b * factor + shine};
}

static void blend(float *px, s4d_rgb colour, float alpha)
{
    px[0] += alpha * (colour.r - px[0]);
    px[1] += alpha * (colour.g - px[1]);
    px[2] += alpha * (colour.b - px[2]);
}

void s4d_canvas_fill(s4d_canvas *c, const s4d_outline *o, const s4d_paint *paint)
{
    box b = box_of(o, c->size);
    turned t = {0};
    if (paint->shade) {
        t = turned_of(paint->shade->centre, paint->shade->rx, paint->shade->ry, paint->shade->turn);
    }
    add_outline(c, o);
    for (int y = b.top; y < b.bottom; y++) {
        float *row = c->edge + (size_t)y * (size_t)(c->size + 2), sum = 0;
        size_t at = (size_t)y * (size_t)c->size;
        for (int x = b.left; x < b.right; x++) {
            sum += row[x];
            float alpha = fminf(1, fabsf(sum)) * paint->alpha;
            if (c->clipped) {
                alpha *= c->clip[at + (size_t)x];
            }
            if (alpha > 0.002f) {
                s4d_point centre = {(float)x + 0.5f, (float)y + 0.5f};
                s4d_rgb colour =
                    paint->shade ? shaded(paint->colour, paint->shade, &t, centre) : paint->colour;
                blend(c->rgb + 3 * (at + (size_t)x), colour, alpha);
            }
        }
        memset(row, 0, sizeof *row * (size_t)(c->size + 2));
    }
}

void s4d_canvas_blob(s4d_canvas *c, s4d_point centre, const float axes[3], const s4d_paint *paint)
{
    float reach = fmaxf(axes[0], axes[1]);
    if (reach < 1e-3f || fminf(axes[0], axes[1]) < 1e-3f) {
        return;
    }
    turned t = turned_of(centre, axes[0], axes[1], axes[2]);
    int left = bounded(floorf(centre.x - reach), c->size),
        right = bounded(ceilf(centre.x + reach), c->size);
    int top = bounded(floorf(centre.y - reach), c->size),
        bottom = bounded(ceilf(centre.y + reach), c->size);
    for (int y = top; y < bottom; y++) {
        for (int x = left; x < right; x++) {
            float dx = (float)x + 0.5f - t.cx, dy = (float)y + 0.5f - t.cy;
            float u = dx * t.xx + dy * t.xy, v = dx * t.yx + dy * t.yy, inside = 1 - u * u - v * v;
            if (inside > 0) {
                size_t at = (size_t)y * (size_t)c->size + (size_t)x;
                float alpha = paint->alpha * inside * inside * (c->clipped ? c->clip[at] : 1);
                blend(c->rgb + 3 * at, paint->colour, alpha);
            }
        }
    }
}

void s4d_canvas_clip(s4d_canvas *c, const s4d_outline *o)
{
    box b = box_of(o, c->size);
    memset(c->clip, 0, sizeof *c->clip * (size_t)c->size * (size_t)c->size);
    add_outline(c, o);
    for (int y = b.top; y < b.bottom; y++) {
        float *row = c->edge + (size_t)y * (size_t)(c->size + 2), sum = 0;
        for (int x = b.left; x < b.right; x++) {
            sum += row[x];
            c->clip[(size_t)y * (size_t)c->size + (size_t)x] = fminf(1, fabsf(sum));
        }
        memset(row, 0, sizeof *row * (size_t)(c->size + 2));
    }
    c->clipped = true;
}

void s4d_canvas_unclip(s4d_canvas *c)
{
    c->clipped = false;
}

/* One line of `count` pixels, `stride` floats apart, through weights [0..reach]; ends are repeated.
 */
static void blur_line(const float *in, float *out, const int line[2], const float *weight,
                      int reach)
{
    int count = line[0], stride = line[1];
    for (int i = 0; i < count; i++) {
        float sum[3] = {0, 0, 0};
        for (int k = -reach; k <= reach; k++) {
            int at = i + k < 0 ? 0 : i + k >= count ? count - 1 : i + k;
            const float *px = in + (ptrdiff_t)at * stride;
            float w = weight[k < 0 ? -k : k];
            sum[0] += w * px[0];
            sum[1] += w * px[1];
            sum[2] += w * px[2];
        }
        memcpy(out + (ptrdiff_t)i * stride, sum, sizeof sum);
    }
}

void s4d_canvas_blur(s4d_canvas *c, float sigma)
{
    enum { REACH_MAX = 24 };
    if (sigma < 0.2f) {
        return;
    }
    float weight[REACH_MAX + 1], total = 0;
    int reach = (int)fminf(REACH_MAX, ceilf(2.2f * sigma));
    for (int k = 0; k <= reach; k++) {
        weight[k] = expf(-0.5f * (float)(k * k) / (sigma * sigma));
        total += k == 0 ? weight[k] : 2 * weight[k];
    }
    for (int k = 0; k <= reach; k++) {
        weight[k] /= total;
    }
    int across[2] = {c->size, 3}, down[2] = {c->size, 3 * c->size};
    for (int i = 0; i < c->size; i++) {
        size_t row = (size_t)i * 3 * (size_t)c->size;
        blur_line(c->rgb + row, c->spare + row, across, weight, reach);
    }
    for (int i = 0; i < c->size; i++) {
        size_t column = 3 * (size_t)i;
        blur_line(c->spare + column, c->rgb + column, down, weight, reach);
    }
}

static uint8_t to_byte(float v)
{
    return (uint8_t)(fminf(1, fmaxf(0, v)) * 255 + 0.5f);
}

void s4d_canvas_finish(const s4d_canvas *c, const s4d_finish *f, s4d_rng *rng, s4d_image *out)
{
    size_t area = (size_t)c->size * (size_t)c->size;
    /* Four bytes of one word sum to a bell of deviation 147.8 around 510. */
    float per_step = f->noise / 147.8f;
    for (size_t i = 0; i < area; i++) {
        float noise = 0;
        if (f->noise > 0) {
            uint32_t word = s4d_rng_u32(rng);
            int sum = (int)((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24));
            noise = (float)(sum - 510) * per_step;
        }
        const float *px = c->rgb + 3 * i;
        out->rgb[3 * i] = to_byte(px[0] * f->gain.r + f->lift.r + noise);
        out->rgb[3 * i + 1] = to_byte(px[1] * f->gain.g + f->lift.g + noise);
        out->rgb[3 * i + 2] = to_byte(px[2] * f->gain.b + f->lift.b + noise);
    }
}

s4d_rgb s4d_rgb_mix(s4d_rgb a, s4d_rgb b, float share_of_b)
{
    return (s4d_rgb){a.r + share_of_b * (b.r - a.r), a.g + share_of_b * (b.g - a.g),
                     a.b + share_of_b * (b.b - a.b)};
}

s4d_rgb s4d_rgb_scale(s4d_rgb a, float factor)
{
    return (s4d_rgb){a.r * factor, a.g * factor, a.b * factor};
}
