/* RandAugment's operators that leave pixels where they are, as Pillow's ImageOps and ImageEnhance
 * compute them (PIXELS.md section 3): tables of 256 values, and blends with a duller picture. */
#include <math.h>
#include <string.h>

#include "data/augment_private.h"
#include "s4d/base/err.h"

enum { LEVELS = 256 };

typedef uint8_t table[LEVELS];

static size_t pixel_count(const s4d_image *image)
{
    return (size_t)image->height * (size_t)image->width;
}

/* ---- tables ---- */

static void look_up(s4d_image *image, const table red, const table green, const table blue)
{
    uint8_t *p = image->rgb, *end = p + pixel_count(image) * 3;
    for (; p < end; p += 3) {
        p[0] = red[p[0]];
        p[1] = green[p[1]];
        p[2] = blue[p[2]];
    }
}

static void look_up_all(s4d_image *image, const table t)
{
    look_up(image, t, t, t);
}

static void fill_identity(table t)
{
    for (int i = 0; i < LEVELS; i++) {
        t[i] = (uint8_t)i;
    }
}

static uint8_t clamp_to_byte(double value)
{
    return (uint8_t)(value <= 0.0 ? 0.0 : value >= 255.0 ? 255.0 : value);
}

/* ---- tables made from a channel's counts ---- */

static int lowest_used(const uint32_t count[LEVELS])
{
    int i = 0;
    while (i < LEVELS - 1 && count[i] == 0) {
        i++;
    }
    return i;
}

static int highest_used(const uint32_t count[LEVELS])
{
    int i = LEVELS - 1;
    while (i > 0 && count[i] == 0) {
        i--;
    }
    return i;
}

/* The used range is stretched to 0..255. */
static void fill_autocontrast(const uint32_t count[LEVELS], table t)
{
    int low = lowest_used(count), high = highest_used(count);
    if (high <= low) {
        fill_identity(t);
        return;
    }
    double scale = 255.0 / (high - low);
    double offset = -low * scale;
    for (int i = 0; i < LEVELS; i++) {
        t[i] = clamp_to_byte(i * scale + offset);
    }
}

/* Every 255th part of the pixels but the brightest gets a level of its own. */
static void fill_equalize(const uint32_t count[LEVELS], table t)
{
    int low = lowest_used(count), high = highest_used(count);
    uint32_t others = 0;
    for (int i = low; i < high; i++) {
        others += count[i];
    }
    uint32_t step = others / 255;
    if (step == 0) {
        fill_identity(t);
        return;
    }
    uint32_t n = step / 2;
    for (int i = 0; i < LEVELS; i++) {
        t[i] = (uint8_t)(n / step < 255 ? n / step : 255);
        n += count[i];
    }
}

static void apply_by_counts(s4d_image *image, void (*fill)(const uint32_t count[LEVELS], table t))
{
    uint32_t count[3][LEVELS] = {{0}};
    table t[3];
    const uint8_t *p = image->rgb, *end = p + pixel_count(image) * 3;
    for (; p < end; p += 3) {
        count[0][p[0]]++;
        count[1][p[1]]++;
        count[2][p[2]]++;
    }
    for (int c = 0; c < 3; c++) {
        fill(count[c], t[c]);
    }
    look_up(image, t[0], t[1], t[2]);
}

/* ---- tables made from the argument ---- */

static void fill_invert(table t)
{
    for (int i = 0; i < LEVELS; i++) {
        t[i] = (uint8_t)(255 - i);
    }
}

static void fill_posterize(double argument, table t)
{
    int bits = (int)fmin(fmax(argument, 0.0), 8.0);
    for (int i = 0; i < LEVELS; i++) {
        t[i] = (uint8_t)(i & ~((1 << (8 - bits)) - 1));
    }
}

static void fill_solarize(double threshold, table t)
{
    for (int i = 0; i < LEVELS; i++) {
        t[i] = (uint8_t)(i < threshold ? i : 255 - i);
    }
}

static void fill_solarize_add(double added, table t)
{
    for (int i = 0; i < LEVELS; i++) {
        t[i] = i < 128 ? clamp_to_byte(i + added) : (uint8_t)i;
    }
}

/* ---- blends ---- */

/* From a dull value (factor 0) over the picture's own (1) and beyond; in float, cut, not rounded.
 */
static uint8_t blend(int dull, int own, float factor)
{
    float value = (float)dull + factor * (float)(own - dull);
    return (uint8_t)(value <= 0.0f ? 0.0f : value >= 255.0f ? 255.0f : value);
}

/* The gray value of a pixel, with Pillow's 16-bit weights. */
static int luma(const uint8_t *p)
{
    return (19595 * p[0] + 38470 * p[1] + 7471 * p[2] + 32768) >> 16;
}

static void fill_blend(int dull, float factor, table t)
{
    for (int i = 0; i < LEVELS; i++) {
        t[i] = blend(dull, i, factor);
    }
}

static int mean_luma(const s4d_image *image)
{
    uint64_t sum = 0;
    const uint8_t *p = image->rgb, *end = p + pixel_count(image) * 3;
    for (; p < end; p += 3) {
        sum += (uint64_t)luma(p);
    }
    return (int)((double)sum / (double)pixel_count(image) + 0.5);
}

static void colour(s4d_image *image, float factor)
{
    uint8_t *p = image->rgb, *end = p + pixel_count(image) * 3;
    for (; p < end; p += 3) {
        int gray = luma(p);
        for (int c = 0; c < 3; c++) {
            p[c] = blend(gray, p[c], factor);
        }
    }
}

/* Blends with a 3x3 mean in which the middle counts five times; the border has none and stays. */
static void sharpness(s4d_image *image, s4d_image *spare, float factor)
{
    size_t stride = (size_t)image->width * 3;
    memcpy(spare->rgb, image->rgb, (size_t)image->height * stride);
    for (int y = 1; y < image->height - 1; y++) {
        const uint8_t *middle = spare->rgb + (size_t)y * stride;
        const uint8_t *above = middle - stride, *below = middle + stride;
        uint8_t *to = image->rgb + (size_t)y * stride;
        for (size_t i = 3; i + 3 < stride; i++) {
            int sum = above[i - 3] + above[i] + above[i + 3] + middle[i - 3] + 5 * middle[i] +
                      middle[i + 3] + below[i - 3] + below[i] + below[i + 3];
            to[i] = blend((2 * sum + 13) / 26, middle[i], factor);
        }
    }
}

void s4d_augment_recolour(const s4d_augment_step *step, s4d_image *image, s4d_image *spare)
{
    table t;
    double argument = step->argument;
    switch (step->op) {
    case S4D_AUGMENT_AUTOCONTRAST:
        apply_by_counts(image, fill_autocontrast);
        return;
    case S4D_AUGMENT_EQUALIZE:
        apply_by_counts(image, fill_equalize);
        return;
    case S4D_AUGMENT_COLOR:
        colour(image, (float)argument);
        return;
    case S4D_AUGMENT_SHARPNESS:
        sharpness(image, spare, (float)argument);
        return;
    case S4D_AUGMENT_INVERT:
        fill_invert(t);
        break;
    case S4D_AUGMENT_POSTERIZE:
        fill_posterize(argument, t);
        break;
    case S4D_AUGMENT_SOLARIZE:
        fill_solarize(argument, t);
        break;
    case S4D_AUGMENT_SOLARIZE_ADD:
        fill_solarize_add(argument, t);
        break;
    case S4D_AUGMENT_CONTRAST:
        fill_blend(mean_luma(image), (float)argument, t);
        break;
    case S4D_AUGMENT_BRIGHTNESS:
        fill_blend(0, (float)argument, t);
        break;
    default:
        s4d_bug(__FILE__, __LINE__, "an operator of this file");
    }
    look_up_all(image, t);
}
