/* RandAugment's operators that move pixels, as Pillow's affine transform computes them (PIXELS.md
 * section 2). Its results are truncated to bytes, so that the last bit of every double shows:
 * operations stand in Pillow's order, and this file must not be compiled to fused multiply-adds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment_private.h"
#include "s4d/base/err.h"

/* From the output to the input: x = a*x' + b*y' + c, y = d*x' + e*y' + f, of pixel centres. */
typedef struct matrix {
    double a, b, c, d, e, f;
} matrix;

/* ---- reading between pixels ---- */

/* Where a point lies: the pixel up and left of it and the rest of the way, and the taps from one
 * pixel before it on, held inside the picture. */
typedef struct spot {
    double dx, dy;
    size_t column[4]; /* byte offsets in a row */
    const uint8_t *row[4];
} spot;

static int hold(int i, int size)
{
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

/* For x > -2^31; cheaper than the library's where the processor has no instruction for it. */
static int floor_int(double x)
{
    int i = (int)x;
    return i - (x < i);
}

static void find_spot(const s4d_image *in, double x, double y, spot *s)
{
    size_t stride = (size_t)in->width * 3;
    int left = floor_int(x), top = floor_int(y);
    s->dx = x - left;
    s->dy = y - top;
    for (int i = 0; i < 4; i++) {
        s->column[i] = (size_t)hold(left - 1 + i, in->width) * 3;
        s->row[i] = in->rgb + (size_t)hold(top - 1 + i, in->height) * stride;
    }
}

static double line(double p, double q, double d)
{
    return p + (q - p) * d;
}

static void read_bilinear(const spot *s, uint8_t out[3])
{
    const uint8_t *top = s->row[1], *bottom = s->row[2];
    for (size_t c = 0; c < 3; c++) {
        size_t left = s->column[1] + c, right = s->column[2] + c;
        double above = line(top[left], top[right], s->dx);
        double below = line(bottom[left], bottom[right], s->dx);
        out[c] = (uint8_t)line(above, below, s->dy);
    }
}

/* Cubic convolution with a = -1, unlike resizing; v[1] itself for d = 0. */
static double cubic(const double v[4], double d)
{
    double p2 = -v[0] + v[2];
    double p3 = 2.0 * (v[0] - v[1]) + v[2] - v[3];
    double p4 = -v[0] + v[1] - v[2] + v[3];
    return v[1] + d * (p2 + d * (p3 + d * p4));
}

static double cubic_of_row(const uint8_t *row, const size_t column[4], double d)
{
    double v[4] = {row[column[0]], row[column[1]], row[column[2]], row[column[3]]};
    return cubic(v, d);
}

/* Shears and translations go along one axis, where most of the taps count nothing. */
static void read_bicubic(const spot *s, uint8_t out[3])
{
    int first = s->dy == 0.0 ? 1 : 0, end = s->dy == 0.0 ? 2 : 4;
    for (size_t c = 0; c < 3; c++) {
        double v[4];
        for (int i = first; i < end; i++) {
            v[i] = s->dx == 0.0 ? s->row[i][s->column[1] + c]
                                : cubic_of_row(s->row[i] + c, s->column, s->dx);
        }
        double value = s->dy == 0.0 ? v[1] : cubic(v, s->dy);
        out[c] = (uint8_t)(value <= 0.0 ? 0.0 : value >= 255.0 ? 255.0 : value);
    }
}

/* A point outside the picture, by half a pixel beyond the outer centres, is `fill` as a whole. */
static void transform(const matrix *m, s4d_filter filter, const uint8_t fill[3],
                      const s4d_image *in, s4d_image *out)
{
    uint8_t *to = out->rgb;
    for (int row = 0; row < in->height; row++) {
        double y_out = row + 0.5;
        for (int column = 0; column < in->width; column++, to += 3) {
            double x_out = column + 0.5;
            double x = m->a * x_out + m->b * y_out + m->c;
            double y = m->d * x_out + m->e * y_out + m->f;
            if (!(x >= 0.0 && x < in->width && y >= 0.0 && y < in->height)) {
                memcpy(to, fill, 3);
                continue;
            }
            spot s;
            find_spot(in, x - 0.5, y - 0.5, &s);
            if (filter == S4D_BICUBIC) {
                read_bicubic(&s, to);
            } else {
                read_bilinear(&s, to);
            }
        }
    }
}

/* ---- rotation ---- */

/* Through text, as the only way that rounds the decimal value itself correctly. */
static double round_to_15_decimals(double x)
{
    char text[32];
    snprintf(text, sizeof text, "%.15f", x);
    return strtod(text, NULL);
}

static matrix rotation(double degrees, const s4d_image *in)
{
    const double pi = 3.141592653589793;
    double angle = -(degrees * (pi / 180.0));
    double x = in->width / 2.0, y = in->height / 2.0;
    matrix m = {.a = round_to_15_decimals(cos(angle)),
                .b = round_to_15_decimals(sin(angle)),
                .d = round_to_15_decimals(-sin(angle)),
                .e = round_to_15_decimals(cos(angle))};
    m.c = m.a * -x + m.b * -y + x;
    m.f = m.d * -x + m.e * -y + y;
    return m;
}

/* Quarter turns counter-clockwise, pixel by pixel; one or three need a square. */
static void turn(int quarters, const s4d_image *in, s4d_image *out)
{
    ptrdiff_t height = in->height, width = in->width;
    const ptrdiff_t first[4] = {0, width - 1, height * width - 1, (height - 1) * width};
    const ptrdiff_t along[4] = {1, width, -1, -width}, down[4] = {width, -1, -width, 1};
    uint8_t *to = out->rgb;
    for (ptrdiff_t y = 0; y < height; y++) {
        for (ptrdiff_t x = 0; x < width; x++, to += 3) {
            ptrdiff_t from = first[quarters] + y * down[quarters] + x * along[quarters];
            memcpy(to, in->rgb + from * 3, 3);
        }
    }
}

static void rotate(const s4d_augment_step *step, const uint8_t fill[3], const s4d_image *in,
                   s4d_image *out)
{
    double degrees = fmod(step->argument, 360.0);
    degrees += degrees < 0.0 ? 360.0 : 0.0;
    bool square = in->height == in->width;
    if (degrees == 0.0 || degrees == 180.0 || (square && fmod(degrees, 90.0) == 0.0)) {
        turn((int)(degrees / 90.0) % 4, in, out);
        return;
    }
    matrix m = rotation(degrees, in);
    transform(&m, step->resample, fill, in, out);
}

void s4d_augment_move(const s4d_augment_step *step, const uint8_t fill[3], const s4d_image *in,
                      s4d_image *out)
{
    double argument = step->argument;
    matrix m = {.a = 1.0, .e = 1.0};
    switch (step->op) {
    case S4D_AUGMENT_ROTATE:
        rotate(step, fill, in, out);
        return;
    case S4D_AUGMENT_SHEAR_X:
        m.b = argument;
        break;
    case S4D_AUGMENT_SHEAR_Y:
        m.d = argument;
        break;
    case S4D_AUGMENT_TRANSLATE_X:
        m.c = argument * in->width;
        break;
    case S4D_AUGMENT_TRANSLATE_Y:
        m.f = argument * in->height;
        break;
    default:
        s4d_bug(__FILE__, __LINE__, "an operator of this file");
    }
    transform(&m, step->resample, fill, in, out);
}
