/* Pictures: pixels, mixing, patches, masked-autoencoder targets. */
#include <math.h>
#include <string.h>

#include "parity.h"

static const float mean[3] = {0.485f, 0.456f, 0.406f}, std[3] = {0.229f, 0.224f, 0.225f};

/* ---- pixels ---- */

typedef struct picture {
    const char *text;
    int T, S;
    s4d_recipe recipe;
} picture;

static const picture pictures[] = {
    {"as it is",
     1,
     9,
     {.height = 9, .width = 9, .mid_height = 9, .mid_width = 9, .box_height = 9, .box_width = 9}},
    {"flipped",
     2,
     8,
     {.height = 8,
      .width = 8,
      .mid_height = 8,
      .mid_width = 8,
      .box_height = 8,
      .box_width = 8,
      .flip = 1}},
    {"cut",
     1,
     5,
     {.height = 11,
      .width = 13,
      .mid_height = 11,
      .mid_width = 13,
      .top = 6,
      .left = 8,
      .box_height = 5,
      .box_width = 5}},
    {"enlarged",
     2,
     33,
     {.height = 80,
      .width = 72,
      .mid_height = 80,
      .mid_width = 72,
      .top = 3,
      .left = 5,
      .box_height = 20,
      .box_width = 17}},
    {"reduced",
     1,
     17,
     {.height = 80,
      .width = 72,
      .mid_height = 80,
      .mid_width = 72,
      .top = 10,
      .box_height = 33,
      .box_width = 72,
      .flip = 1}},
    {"both resizes",
     3,
     16,
     {.height = 45,
      .width = 80,
      .mid_height = 19,
      .mid_width = 34,
      .top = 2,
      .left = 7,
      .box_height = 15,
      .box_width = 21}},
    {"from one pixel",
     1,
     7,
     {.height = 1, .width = 1, .mid_height = 1, .mid_width = 1, .box_height = 1, .box_width = 1}},
    {"to one pixel",
     1,
     1,
     {.height = 6, .width = 5, .mid_height = 6, .mid_width = 5, .box_height = 6, .box_width = 5}},
    {"black box",
     2,
     10,
     {.height = 12,
      .width = 10,
      .mid_height = 12,
      .mid_width = 10,
      .box_height = 12,
      .box_width = 10,
      .flip = 1,
      .erase = S4D_ERASE_BLACK,
      .erase_top = 7,
      .erase_left = 2,
      .erase_height = 3,
      .erase_width = 8}},
    {"noise box",
     2,
     12,
     {.height = 12,
      .width = 12,
      .mid_height = 12,
      .mid_width = 12,
      .box_height = 12,
      .box_width = 12,
      .erase = S4D_ERASE_NOISE,
      .erase_top = 0,
      .erase_left = 3,
      .erase_height = 11,
      .erase_width = 9,
      .noise_key = 0x1234567890ABCDEFu}},
    {"all noise",
     1,
     21,
     {.height = 21,
      .width = 21,
      .mid_height = 21,
      .mid_width = 21,
      .box_height = 21,
      .box_width = 21,
      .erase = S4D_ERASE_NOISE,
      .erase_height = 21,
      .erase_width = 21,
      .noise_key = 5}},
    {"far coordinates",
     1,
     13,
     {.height = 3,
      .width = 400,
      .mid_height = 3,
      .mid_width = 400,
      .left = 1,
      .box_height = 3,
      .box_width = 399}},
};

/* Samples of different recipes in one call, with bytes before, between and after them that must not
 * be read. */
CASES(pixels)
{
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        const picture *p = &pictures[i];
        int64_t frame = (int64_t)p->recipe.height * p->recipe.width * 3;
        s4d_recipe recipe[2] = {p->recipe, p->recipe};
        recipe[0].offset = 3;
        recipe[1].offset = 3 + p->T * frame + 5;
        recipe[1].flip = !p->recipe.flip;
        s4d_pixels_args a = {.frames = make_bytes(s, 2 * p->T * frame + 10),
                             .recipe = recipe,
                             .y = NOISE(2, 3, p->T, p->S, p->S)};
        memcpy(a.mean, mean, sizeof mean);
        memcpy(a.std, std, sizeof std);
        check(s, &a, "%s", p->text);
    }
}

/* How far roundings carry element i of a normal fill: of the radius and of the angle, which is
 * below 2 pi. */
static double normal_magnitude(uint64_t key, uint64_t i)
{
    return 8 * hypot(s4d_rng_fill_normal(key, i / 2 * 2), s4d_rng_fill_normal(key, i / 2 * 2 + 1));
}

/* With the mean's sign turned, every term of the interpolation is positive. */
BOUND(pixels)
{
    for (int c = 0; c < 3; c++) {
        mag->mean[c] = -in->mean[c];
    }
    s4d_pixels(s->exact, mag);
    int64_t B = in->y.dim[0], T = in->y.dim[2], S = in->y.dim[3], n = 3 * T * S * S;
    double *m = mag->y.data;
    for (int64_t i = 0; i < B * n; i++) {
        const s4d_recipe *r = &in->recipe[i / n];
        int64_t x = i % S, y = i / S % S, t = i / (S * S) % T, c = i / (T * S * S) % 3;
        if (r->erase == S4D_ERASE_NOISE && y >= r->erase_top &&
            y < r->erase_top + r->erase_height && x >= r->erase_left &&
            x < r->erase_left + r->erase_width) {
            m[i] = normal_magnitude(r->noise_key, (uint64_t)(((t * 3 + c) * S + y) * S + x));
        }
    }
}

/* ---- mix ---- */

CASES(mix)
{
    static const struct {
        int B, T, S;
        s4d_mix_draw draw;
    } m[] = {
        {2, 1, 5, {.mode = S4D_MIX_NONE}},
        {4, 2, 9, {.mode = S4D_MIX_MIXUP, .lam = 0.3183098861837907}},
        {3, 1, 8, {.mode = S4D_MIX_MIXUP, .lam = 0.9999999}},
        {1, 2, 3, {.mode = S4D_MIX_MIXUP, .lam = 0.6}},
        {2, 1, 4, {.mode = S4D_MIX_MIXUP, .lam = 1}},
        {2, 1, 4, {.mode = S4D_MIX_MIXUP, .lam = 0}},
        {4, 3, 11, {.mode = S4D_MIX_CUTMIX, .lam = 0.5, .yl = 2, .yh = 9, .xl = 0, .xh = 11}},
        {3, 1, 8, {.mode = S4D_MIX_CUTMIX, .lam = 0.5, .yl = 7, .yh = 8, .xl = 7, .xh = 8}},
        {2, 1, 6, {.mode = S4D_MIX_CUTMIX, .lam = 1, .yl = 3, .yh = 3, .xl = 1, .xh = 4}},
        {2, 2, 6, {.mode = S4D_MIX_CUTMIX, .lam = 0, .yl = 0, .yh = 6, .xl = 0, .xh = 6}},
    };
    for (size_t i = 0; i < sizeof m / sizeof m[0]; i++) {
        s4d_mix_args a = {.draw = m[i].draw, .x = NORMAL(1, m[i].B, 3, m[i].T, m[i].S, m[i].S)};
        check(s, &a, "mode %d B=%d lam=%g", (int)m[i].draw.mode, m[i].B, m[i].draw.lam);
    }
}

BOUND(mix)
{
    if (in->draw.mode == S4D_MIX_MIXUP) {
        s4d_mix(s->exact, mag);
    } else {
        memset(mag->x.data, 0, s4d_tensor_bytes(&mag->x));
    }
}

/* ---- patches ---- */

typedef struct patches {
    int B, T, S, t, P, V; /* V 0: all tokens, in order */
} patches;

static const patches patch_case[] = {
    {2, 4, 8, 2, 4, 0}, {2, 4, 8, 2, 4, 3},   {3, 1, 6, 2, 3, 0},  {1, 1, 9, 2, 3, 1},
    {2, 1, 8, 2, 8, 1}, {1, 3, 5, 1, 5, 2},   {1, 6, 10, 3, 2, 7}, {1, 2, 16, 2, 16, 0},
    {2, 2, 7, 2, 1, 5}, {3, 4, 32, 2, 16, 4},
};
enum { PATCH_CASES = sizeof patch_case / sizeof patch_case[0] };

static int64_t tokens_of(const patches *p)
{
    return (int64_t)(p->T == 1 ? 1 : p->T / p->t) * (p->S / p->P) * (p->S / p->P);
}

CASES(patchify)
{
    for (int i = 0; i < PATCH_CASES; i++) {
        const patches *p = &patch_case[i];
        s4d_patchify_args a = {.x = NORMAL(1, p->B, 3, p->T, p->S, p->S),
                               .tubelet = p->t,
                               .patch = p->P,
                               .y =
                                   NOISE(p->B, p->V ? p->V : tokens_of(p), 3 * p->t * p->P * p->P)};
        if (p->V) {
            a.index = make_distinct(s, tokens_of(p), p->B, p->V);
        }
        check(s, &a, "B=%d T=%d S=%d t=%d P=%d V=%d", p->B, p->T, p->S, p->t, p->P, p->V);
    }
}
BOUND_EQUAL(patchify)

CASES(mae_target)
{
    for (int i = 0; i < PATCH_CASES; i++) {
        const patches *p = &patch_case[i];
        for (int flat = 0; flat < 2; flat++) {
            s4d_mae_target_args a = {
                .x = NORMAL(flat ? 1e-4 : 1, p->B, 3, p->T, p->S, p->S),
                .tubelet = p->t,
                .patch = p->P,
                .y = NOISE(p->B, p->V ? p->V : tokens_of(p), 3 * p->t * p->P * p->P)};
            if (p->V) {
                a.index = make_distinct(s, tokens_of(p), p->B, p->V);
            }
            memcpy(a.mean, mean, sizeof mean);
            memcpy(a.std, std, sizeof std);
            check(s, &a, "B=%d T=%d S=%d t=%d P=%d V=%d%s", p->B, p->T, p->S, p->t, p->P, p->V,
                  flat ? ", nearly flat" : "");
        }
    }
}

/* Of one channel of one token: x [n] pixels, m [n] with stride 3. */
static void target_magnitude(const double *x, int64_t n, const double scale[2], double *m)
{
    double middle = 0, terms = 0, square = 0, spread = 0;
    for (int64_t k = 0; k < n; k++) {
        middle += (x[k] * scale[1] + scale[0]) / (double)n;
        terms += (fabs(x[k]) * scale[1] + scale[0]) / (double)n;
    }
    for (int64_t k = 0; k < n; k++) {
        double off = x[k] * scale[1] + scale[0] - middle;
        double size = fabs(x[k]) * scale[1] + scale[0] + terms;
        square += off * off / (double)(n - 1);
        spread += (fabs(off) * size + off * off) / (double)(n - 1);
    }
    double inverse = 1 / sqrt(square + 1e-6);
    for (int64_t k = 0; k < n; k++) {
        double off = x[k] * scale[1] + scale[0] - middle;
        double size = fabs(x[k]) * scale[1] + scale[0] + terms;
        m[3 * k] = inverse * size + fabs(off) * inverse * (1 + spread * inverse * inverse);
    }
}

BOUND(mae_target)
{
    int64_t count = s4d_tensor_count(&in->y), Q = in->y.dim[2];
    s4d_tensor cells = in->y;
    cells.data = make_block(s, (size_t)count, sizeof(double));
    s4d_patchify(s->exact, &(s4d_patchify_args){.x = in->x,
                                                .index = in->index,
                                                .tubelet = in->tubelet,
                                                .patch = in->patch,
                                                .y = cells});
    for (int64_t token = 0; token < count / Q; token++) {
        for (int64_t c = 0; c < 3; c++) {
            const double scale[2] = {(double)in->mean[c], (double)in->std[c]};
            target_magnitude((double *)cells.data + token * Q + c * (Q / 3), Q / 3, scale,
                             (double *)mag->y.data + token * Q + c);
        }
    }
}
