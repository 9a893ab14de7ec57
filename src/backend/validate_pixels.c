/* Shape rules of the picture operations. */
#include "backend/validate_private.h"

static bool recipe_fits(const s4d_recipe *r, const s4d_pixels_args *args)
{
    int64_t T = args->y.dim[2], S = args->y.dim[3], bytes = s4d_tensor_count(&args->frames);
    if (r->height < 1 || r->width < 1 || r->mid_height < 1 || r->mid_width < 1 ||
        r->box_height < 1 || r->box_width < 1 || r->top < 0 || r->left < 0 || r->offset < 0 ||
        r->offset > bytes) {
        return false;
    }
    if (r->box_height > r->mid_height - r->top || r->box_width > r->mid_width - r->left) {
        return false;
    }
    int64_t frames;
    if (__builtin_mul_overflow((int64_t)r->height * r->width, 3 * T, &frames) ||
        frames > bytes - r->offset) {
        return false;
    }
    if (r->erase == S4D_ERASE_NONE) {
        return true;
    }
    return (r->erase == S4D_ERASE_BLACK || r->erase == S4D_ERASE_NOISE) && r->erase_top >= 0 &&
           r->erase_left >= 0 && r->erase_height >= 0 && r->erase_width >= 0 &&
           r->erase_height <= S - r->erase_top && r->erase_width <= S - r->erase_left;
}

void s4d_validate_pixels(const s4d_backend *be, const s4d_pixels_args *args)
{
    int64_t B = args->y.dim[0], T = args->y.dim[2], S = args->y.dim[3];
    SHAPE(y, REAL, B, 3, T, S, S);
    SHAPE(frames, S4D_U8, args->frames.dim[0]);
    APART(y, frames);
    for (int c = 0; c < 3; c++) {
        S4D_BUG_IF(!(args->std[c] > 0.0f));
    }
    if (be->planning) {
        return;
    }
    for (int64_t b = 0; b < B; b++) {
        S4D_BUG_IF(!recipe_fits(&args->recipe[b], args));
    }
}

void s4d_validate_mix(const s4d_backend *be, const s4d_mix_args *args)
{
    int64_t B = args->x.dim[0], T = args->x.dim[2], S = args->x.dim[3];
    const s4d_mix_draw *d = &args->draw;
    SHAPE(x, REAL, B, 3, T, S, S);
    S4D_BUG_IF(d->mode != S4D_MIX_NONE && d->mode != S4D_MIX_MIXUP && d->mode != S4D_MIX_CUTMIX);
    S4D_BUG_IF(d->mode == S4D_MIX_MIXUP && !(d->lam >= 0.0 && d->lam <= 1.0));
    S4D_BUG_IF(d->mode == S4D_MIX_CUTMIX && !(0 <= d->yl && d->yl <= d->yh && d->yh <= S &&
                                              0 <= d->xl && d->xl <= d->xh && d->xh <= S));
}

/* Tokens of a sample; the tubelet divides T (an image is repeated to one tubelet), the patch
 * divides S. */
static int64_t token_count(const s4d_tensor *x, int tubelet, int patch)
{
    int64_t T = x->dim[2], S = x->dim[3];
    S4D_BUG_IF(tubelet < 1 || patch < 1);
    S4D_BUG_IF(T != 1 && T % tubelet != 0);
    S4D_BUG_IF(S % patch != 0);
    return (T == 1 ? 1 : T / tubelet) * (S / patch) * (S / patch);
}

void s4d_validate_patchify(const s4d_backend *be, const s4d_patchify_args *args)
{
    int64_t B = args->x.dim[0], T = args->x.dim[2], S = args->x.dim[3], V = args->y.dim[1];
    SHAPE(x, REAL, B, 3, T, S, S);
    int64_t tokens = token_count(&args->x, args->tubelet, args->patch);
    SHAPE(y, ACT, B, V, (int64_t)3 * args->tubelet * args->patch * args->patch);
    if (GIVEN(index)) {
        SHAPE(index, S4D_I32, B, V);
    }
    S4D_BUG_IF(!GIVEN(index) && V != tokens);
    APART(y, x);
    APART(y, index);
}

void s4d_validate_mae_target(const s4d_backend *be, const s4d_mae_target_args *args)
{
    int64_t B = args->x.dim[0], T = args->x.dim[2], S = args->x.dim[3], V = args->y.dim[1];
    SHAPE(x, REAL, B, 3, T, S, S);
    int64_t tokens = token_count(&args->x, args->tubelet, args->patch);
    SHAPE(y, REAL, B, V, (int64_t)args->tubelet * args->patch * args->patch * 3);
    S4D_BUG_IF((int64_t)args->tubelet * args->patch * args->patch <
               2); /* one value has no variance */
    if (GIVEN(index)) {
        SHAPE(index, S4D_I32, B, V);
    }
    S4D_BUG_IF(!GIVEN(index) && V != tokens);
    APART(y, x);
    APART(y, index);
}
