/* CutMix and Mixup of a batch (METHOD: sections 6 of the method and 5 of the pixel recipes): the
 * draw and the soft targets. The pixels are mixed on the device. */
#include <math.h>

#include "s4d/base/err.h"
#include "s4d/data/draw.h"

static s4d_mix_mode draw_mode(const s4d_mixing_opts *o, s4d_rng *rng)
{
    bool mixup = o->mixup > 0.0, cutmix = o->cutmix > 0.0;
    if (mixup && cutmix) {
        return s4d_rng_uniform(rng) < o->switch_prob ? S4D_MIX_CUTMIX : S4D_MIX_MIXUP;
    }
    return cutmix ? S4D_MIX_CUTMIX : mixup ? S4D_MIX_MIXUP : S4D_MIX_NONE;
}

void s4d_draw_mix(const s4d_mixing_opts *o, int img_size, s4d_rng *rng, s4d_mix_draw *out)
{
    *out = (s4d_mix_draw){.mode = draw_mode(o, rng), .lam = 1.0};
    if (out->mode == S4D_MIX_MIXUP) {
        out->lam = s4d_rng_beta(rng, o->mixup, o->mixup);
    } else if (out->mode == S4D_MIX_CUTMIX) {
        double lam = s4d_rng_beta(rng, o->cutmix, o->cutmix);
        int centre_y = (int)s4d_rng_below(rng, (uint32_t)img_size);
        int centre_x = (int)s4d_rng_below(rng, (uint32_t)img_size);
        s4d_cutmix_box(lam, centre_y, centre_x, img_size, img_size, out);
    }
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

void s4d_cutmix_box(double lam, int centre_y, int centre_x, int height, int width,
                    s4d_mix_draw *out)
{
    double side = sqrt(1.0 - lam);
    int half_height = (int)(height * side) / 2;
    int half_width = (int)(width * side) / 2;
    out->mode = S4D_MIX_CUTMIX;
    out->yl = clamp(centre_y - half_height, 0, height);
    out->yh = clamp(centre_y + half_height, 0, height);
    out->xl = clamp(centre_x - half_width, 0, width);
    out->xh = clamp(centre_x + half_width, 0, width);
    double area = (double)(out->yh - out->yl) * (out->xh - out->xl);
    out->lam = 1.0 - area / ((double)height * width);
}

void s4d_mix_targets(const s4d_mix_draw *mix, double smoothing, const int32_t *label, int count,
                     int classes, float *target)
{
    float off = (float)(smoothing / classes);
    float on = (float)(1.0 - smoothing + smoothing / classes);
    bool mixed = mix->mode != S4D_MIX_NONE;
    float own = mixed ? (float)mix->lam : 1.0f;
    float other = mixed ? (float)(1.0 - mix->lam) : 0.0f;
    for (int i = 0; i < count; i++) {
        int32_t a = label[i], b = label[count - 1 - i];
        S4D_BUG_IF(a < 0 || a >= classes);
        for (int c = 0; c < classes; c++) {
            target[(size_t)i * (size_t)classes + (size_t)c] =
                (c == a ? on : off) * own + (c == b ? on : off) * other;
        }
    }
}
