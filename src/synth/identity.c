/* People: every number is someone, drawn from a stream of its own. */
#include <math.h>

#include "synth/face.h"
#include "synth/plan.h"

static float between(s4d_rng *rng, double low, double high)
{
    return (float)s4d_rng_range(rng, low, high);
}

static bool chance(s4d_rng *rng, double p)
{
    return s4d_rng_uniform(rng) < p;
}

static s4d_rgb along(const s4d_rgb *table, int n, float t)
{
    float at = t * (float)(n - 1);
    int i = (int)at < n - 1 ? (int)at : n - 2;
    return s4d_rgb_mix(table[i], table[i + 1], at - (float)i);
}

static s4d_rgb shifted(s4d_rng *rng, s4d_rgb c, double by)
{
    c.r += between(rng, -by, by); /* one after the other: the parts of an initializer have no order */
    c.g += between(rng, -by, by);
    c.b += between(rng, -by, by);
    return c;
}

static void draw_colours(s4d_rng *rng, s4d_identity *id)
{
    static const s4d_rgb skins[] = {{0.97f, 0.83f, 0.74f}, {0.92f, 0.74f, 0.62f},
                                    {0.82f, 0.62f, 0.48f}, {0.66f, 0.46f, 0.33f},
                                    {0.52f, 0.35f, 0.25f}, {0.42f, 0.28f, 0.21f}};
    static const s4d_rgb hairs[] = {{0.06f, 0.05f, 0.05f}, {0.15f, 0.10f, 0.07f},
                                    {0.30f, 0.19f, 0.11f}, {0.48f, 0.33f, 0.19f},
                                    {0.74f, 0.59f, 0.36f}, {0.55f, 0.25f, 0.12f}};
    static const s4d_rgb irises[] = {{0.17f, 0.10f, 0.06f},
                                     {0.30f, 0.19f, 0.10f},
                                     {0.35f, 0.36f, 0.18f},
                                     {0.28f, 0.42f, 0.50f},
                                     {0.38f, 0.45f, 0.48f}};
    float tone = between(rng, 0, 1), light = tone < 0.5f ? 1.0f : 0.4f;
    id->skin = shifted(rng, along(skins, 6, tone), 0.025);
    float shade = between(rng, 0, 1);
    id->hair = shifted(rng, along(hairs, 6, shade * shade * light), 0.02);
    float grey = fmaxf(0, id->age - 0.55f) * 2 * between(rng, 0, 1);
    id->hair = s4d_rgb_mix(id->hair, (s4d_rgb){0.72f, 0.71f, 0.70f}, fminf(1, grey));
    id->brow = s4d_rgb_mix(s4d_rgb_scale(id->hair, 0.6f), s4d_rgb_scale(id->skin, 0.25f),
                           between(rng, 0.1, 0.5));
    id->iris = shifted(rng, along(irises, 5, between(rng, 0, 1) * light), 0.03);
    s4d_rgb red = {0.72f, 0.28f, 0.29f};
    id->lips = s4d_rgb_mix(s4d_rgb_scale(id->skin, 0.86f), red, between(rng, 0.28, 0.5));
    id->clothes.r = between(rng, 0.05, 0.85);
    id->clothes.g = between(rng, 0.05, 0.85);
    id->clothes.b = between(rng, 0.05, 0.85);
    id->frame = chance(rng, 0.7) ? (s4d_rgb){0.08f, 0.07f, 0.07f} : (s4d_rgb){0.45f, 0.30f, 0.18f};
}

static void draw_shape(s4d_rng *rng, s4d_identity *id)
{
    id->width = between(rng, 0.90, 1.06);
    id->jaw = between(rng, 0.82, 1.06);
    id->chin = between(rng, 0.75, 1.20);
    id->length = between(rng, 0.94, 1.05);
    id->eye_x = between(rng, 0.32, 0.36);
    id->eye_y = between(rng, -0.135, -0.10);
    id->eye_width = between(rng, 0.130, 0.160);
    id->eye_open = between(rng, 0.85, 1.15);
    id->eye_tilt = between(rng, -0.02, 0.03);
    id->iris_size = between(rng, 0.92, 1.12);
    id->brow_y = id->eye_y - between(rng, 0.225, 0.265);
    id->brow_thick = between(rng, 0.065, 0.115);
    id->brow_length = between(rng, 0.38, 0.46);
    id->brow_arch = between(rng, 0.01, 0.045);
    id->brow_slope = between(rng, -0.015, 0.015);
    id->nose_y = between(rng, 0.22, 0.27);
    id->nose_width = between(rng, 0.10, 0.165);
    id->nose_ridge = between(rng, 0.16, 0.27);
    id->mouth_y = id->nose_y + between(rng, 0.27, 0.30);
    id->mouth_width = between(rng, 0.235, 0.285);
    id->lip_upper = between(rng, 0.035, 0.075);
    id->lip_lower = between(rng, 0.05, 0.10);
    id->mouth_curve = between(rng, -0.015, 0.015);
    id->ear = between(rng, 0.85, 1.15);
    id->uneven = between(rng, -0.12, 0.12);
}

static void draw_style(s4d_rng *rng, s4d_identity *id)
{
    bool woman = chance(rng, 0.5);
    static const s4d_hair mens[] = {S4D_HAIR_NONE,   S4D_HAIR_SHORT,  S4D_HAIR_SHORT,
                                    S4D_HAIR_FRINGE, S4D_HAIR_PARTED, S4D_HAIR_RECEDING,
                                    S4D_HAIR_CURLY,  S4D_HAIR_PARTED};
    static const s4d_hair womens[] = {S4D_HAIR_BOB,   S4D_HAIR_LONG,  S4D_HAIR_LONG,
                                      S4D_HAIR_TIED,  S4D_HAIR_CURLY, S4D_HAIR_FRINGE,
                                      S4D_HAIR_SCARF, S4D_HAIR_BOB};
    uint32_t style = s4d_rng_below(rng, 8);
    id->hair_style = woman ? womens[style] : mens[style];
    bool bearded = chance(rng, 0.5);
    s4d_beard beard = (s4d_beard)(1 + s4d_rng_below(rng, S4D_BEARD_STYLES - 1));
    id->beard = !woman && bearded ? beard : S4D_BEARD_NONE;
    id->glasses = chance(rng, 0.18);
    id->dark_glasses_rim = chance(rng, 0.5);
    id->hairline = between(rng, -0.76, -0.62);
    id->parting = between(rng, -1, 1);
    id->volume = between(rng, 0.7, 1.3);
    id->lashes = woman ? between(rng, 0.4, 1) : between(rng, 0, 0.5);
    id->blush = woman ? between(rng, 0.1, 0.7) : between(rng, 0, 0.4);
    if (woman) {
        id->brow_thick *= 0.8f;
        id->jaw *= 0.95f;
        id->lips = s4d_rgb_mix(id->lips, (s4d_rgb){0.72f, 0.12f, 0.20f}, between(rng, 0, 0.6));
    }
    id->mole = chance(rng, 0.2);
    id->mole_x = between(rng, -0.5, 0.5);
    id->mole_y = between(rng, 0.15, 0.65);
}

/* The face at rest of most people leans somewhere: up to half an expression. */
static void draw_rest(s4d_rng *rng, s4d_identity *id)
{
    static const s4d_emotion leanings[] = {S4D_SADNESS, S4D_ANGER,    S4D_HAPPINESS,
                                           S4D_DISGUST, S4D_SURPRISE, S4D_FEAR};
    s4d_pull lean;
    s4d_expression_draw(leanings[s4d_rng_below(rng, 6)], false, rng, &lean);
    float share = chance(rng, 0.7) ? between(rng, 0.1, 0.35) : between(rng, 0, 0.1);
    id->rest = (s4d_pull){0};
    s4d_pull_add(&id->rest, &lean, share);
    for (int side = 0; side < 2; side++) { /* a resting mouth is closed, and eyes are open */
        id->rest.side[side][S4D_JAW_DROP] = 0;
        id->rest.side[side][S4D_LIP_PART] *= 0.3f;
        id->rest.side[side][S4D_EYE_CLOSE] *= 0.5f;
    }
    for (int m = 0; m < S4D_MUSCLES; m++) {
        id->gain[m] = between(rng, 0.85, 1.2);
    }
}

void s4d_identity_draw(uint64_t seed, uint32_t subject, s4d_identity *out)
{
    s4d_rng rng = s4d_rng_make(seed, S4D_RNG_SYNTH, S4D_STREAM_SUBJECT, subject);
    *out = (s4d_identity){.age = between(&rng, 0, 1)};
    draw_colours(&rng, out);
    draw_shape(&rng, out);
    draw_style(&rng, out);
    draw_rest(&rng, out);
}
