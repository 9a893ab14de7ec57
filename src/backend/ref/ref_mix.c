/* Mixup and CutMix of sample i with sample B-1-i, in place. */
#include "backend/ref/ref_private.h"

/* Both shares are rounded to float on their own; products are rounded before the sum. */
static void mixup(real *x, real *other, int64_t n, double lam)
{
    real share = (real)(float)lam, rest = (real)(float)(1 - lam);
    for (int64_t i = 0; i < n; i++) {
        real own = x[i], from = other[i];
        x[i] = own * share + from * rest;
        other[i] = from * share + own * rest;
    }
}

static void cutmix(real *x, real *other, int64_t planes, int64_t S, const s4d_mix_draw *d)
{
    for (int64_t p = 0; p < planes; p++) {
        for (int64_t i = d->yl; i < d->yh; i++) {
            for (int64_t j = d->xl; j < d->xh; j++) {
                int64_t at = (p * S + i) * S + j;
                real kept = x[at];
                x[at] = other[at];
                other[at] = kept;
            }
        }
    }
}

REF_OP(mix)
{
    int64_t B = args->x.dim[0], planes = 3 * args->x.dim[2], S = args->x.dim[3];
    int64_t n = planes * S * S;
    real *x = args->x.data;
    for (int64_t b = 0; b < (B + 1) / 2; b++) {
        real *own = x + b * n, *other = x + (B - 1 - b) * n;
        if (args->draw.mode == S4D_MIX_MIXUP) {
            mixup(own, other, n, args->draw.lam);
        } else if (args->draw.mode == S4D_MIX_CUTMIX) {
            cutmix(own, other, planes, S, &args->draw);
        }
    }
}
