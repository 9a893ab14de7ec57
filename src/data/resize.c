/* Resizing as Pillow does it, byte for byte (PIXELS.md section 1): an antialiasing filter along
 * rows, rounded to bytes, then along columns; weights are integers with 22 fraction bits. */
#include <math.h>
#include <string.h>

#include "s4d/base/err.h"
#include "s4d/base/mem.h"
#include "s4d/data/image.h"

enum { FRACTION_BITS = 22, HALF = 1 << (FRACTION_BITS - 1), BLOCK = 96 };

/* Output i of an axis is the sum over t < taps[i] of weight[i*room + t] * input[first[i] + t]. */
typedef struct axis {
    int32_t *weight, *first, *taps;
    int room;
} axis;

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    }
    return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

static double filter_reach(s4d_filter filter, double factor)
{
    return factor * (filter == S4D_BICUBIC ? 2.0 : 1.0);
}

/* Entries an axis needs, so that one block can hold both axes. */
static size_t axis_count(s4d_filter filter, int in, int out, int *room)
{
    double scale = (double)in / out;
    *room = (int)ceil(filter_reach(filter, scale > 1.0 ? scale : 1.0)) * 2 + 1;
    return (size_t)out * ((size_t)*room + 2);
}

/* `real` has room for the weights of one output. */
static void axis_fill(axis *a, s4d_filter filter, int in, int out, double *real)
{
    double scale = (double)in / out;
    double factor = scale > 1.0 ? scale : 1.0;
    double reach = filter_reach(filter, factor);
    double inverse = 1.0 / factor;
    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * scale;
        int low = (int)(centre - reach + 0.5);
        int high = (int)(centre + reach + 0.5);
        low = low < 0 ? 0 : low;
        high = high > in ? in : high;
        double sum = 0.0;
        for (int t = 0; t < high - low; t++) {
            double x = (t + low - centre + 0.5) * inverse;
            real[t] = filter == S4D_BICUBIC ? bicubic(x) : bilinear(x);
            sum += real[t];
        }
        for (int t = 0; t < high - low; t++) {
            double k = real[t] * (1.0 / sum) * (1 << FRACTION_BITS);
            a->weight[(size_t)i * (size_t)a->room + (size_t)t] =
                (int32_t)(k < 0.0 ? k - 0.5 : k + 0.5);
        }
        a->first[i] = low;
        a->taps[i] = high - low;
    }
}

static uint8_t to_byte(int32_t sum)
{
    int32_t value = sum >> FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One row: in [W,3] -> out [width,3] */
static void row_pass(const uint8_t *in, const axis *a, int width, uint8_t *out)
{
    for (int x = 0; x < width; x++) {
        const int32_t *k = a->weight + (size_t)x * (size_t)a->room;
        const uint8_t *p = in + (size_t)a->first[x] * 3;
        int32_t red = HALF, green = HALF, blue = HALF;
        for (int t = 0; t < a->taps[x]; t++) {
            red += k[t] * p[3 * t];
            green += k[t] * p[3 * t + 1];
            blue += k[t] * p[3 * t + 2];
        }
        out[3 * x] = to_byte(red);
        out[3 * x + 1] = to_byte(green);
        out[3 * x + 2] = to_byte(blue);
    }
}

/* One output row from rows in + t*stride, n bytes wide; in blocks of fixed length, which compilers
 * vectorise. */
static void column_pass(const uint8_t *in, size_t stride, const int32_t *k, int taps, uint8_t *out,
                        size_t n)
{
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        int32_t sum[BLOCK];
        for (int j = 0; j < BLOCK; j++) {
            sum[j] = HALF;
        }
        for (int t = 0; t < taps; t++) {
            const uint8_t *p = in + (size_t)t * stride + i;
            for (int j = 0; j < BLOCK; j++) {
                sum[j] += k[t] * p[j];
            }
        }
        for (int j = 0; j < BLOCK; j++) {
            out[i + (size_t)j] = to_byte(sum[j]);
        }
    }
    for (; i < n; i++) {
        int32_t sum = HALF;
        for (int t = 0; t < taps; t++) {
            sum += k[t] * in[(size_t)t * stride + i];
        }
        out[i] = to_byte(sum);
    }
}

/* The scratch of one resize, in one block. */
typedef struct plan {
    void *block;
    axis x, y;
    double *real;
    uint8_t *rows; /* [box height, width, 3] after the row pass */
} plan;

static s4d_status plan_make(plan *p, const int box[4], s4d_filter filter, const s4d_image *out,
                            s4d_err *err)
{
    size_t nx = axis_count(filter, box[3], out->width, &p->x.room);
    size_t ny = axis_count(filter, box[2], out->height, &p->y.room);
    size_t reals = (size_t)(p->x.room > p->y.room ? p->x.room : p->y.room);
    size_t rows = (size_t)box[2] * (size_t)out->width * 3;
    size_t bytes = reals * sizeof(double) + (nx + ny) * sizeof(int32_t) + rows;
    p->block = s4d_mem_alloc(bytes, 1);
    if (!p->block) {
        return s4d_err_memory(err, bytes, "resizing a picture");
    }
    p->real = p->block;
    p->x.first = (int32_t *)(p->real + reals);
    p->x.taps = p->x.first + out->width;
    p->x.weight = p->x.taps + out->width;
    p->y.first = p->x.first + nx;
    p->y.taps = p->y.first + out->height;
    p->y.weight = p->y.taps + out->height;
    p->rows = (uint8_t *)(p->x.first + nx + ny);
    axis_fill(&p->x, filter, box[3], out->width, p->real);
    axis_fill(&p->y, filter, box[2], out->height, p->real);
    return S4D_OK;
}

s4d_status s4d_image_resize(const s4d_image *in, const int box[4], s4d_filter filter, int height,
                            int width, s4d_image *out, s4d_err *err)
{
    const int whole[4] = {0, 0, in->height, in->width};
    const int *cut = box ? box : whole;
    S4D_BUG_IF(in == out || !in->rgb);
    S4D_BUG_IF(cut[0] < 0 || cut[2] < 1 || cut[0] > in->height - cut[2]);
    S4D_BUG_IF(cut[1] < 0 || cut[3] < 1 || cut[1] > in->width - cut[3]);
    plan p = {0};
    s4d_status status = s4d_image_size(out, height, width, err);
    if (status == S4D_OK && (cut[2] != height || cut[3] != width)) {
        status = plan_make(&p, cut, filter, out, err);
    }
    if (status != S4D_OK) {
        goto done;
    }
    size_t in_stride = (size_t)in->width * 3, stride = (size_t)width * 3;
    const uint8_t *from = in->rgb + (size_t)cut[0] * in_stride + (size_t)cut[1] * 3;
    if (cut[3] != width) {
        uint8_t *to = cut[2] != height ? p.rows : out->rgb;
        for (int y = 0; y < cut[2]; y++) {
            row_pass(from + (size_t)y * in_stride, &p.x, width, to + (size_t)y * stride);
        }
        from = to;
        in_stride = stride;
    }
    for (int y = 0; y < height && from != out->rgb; y++) {
        uint8_t *to = out->rgb + (size_t)y * stride;
        if (cut[2] == height) {
            memcpy(to, from + (size_t)y * in_stride, stride);
        } else {
            column_pass(from + (size_t)p.y.first[y] * in_stride, in_stride,
                        p.y.weight + (size_t)y * (size_t)p.y.room, p.y.taps[y], to, stride);
        }
    }
done:
    s4d_mem_free(p.block);
    return status;
}
