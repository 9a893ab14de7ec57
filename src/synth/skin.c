/* Skin: cheeks, the folds that muscles make, the nose and beards. */
#include <math.h>

#include "synth/face.h"

static void fold(s4d_sitting *s, const s4d_point *line, int n,
                 const float look[2] /* width, alpha */)
{
    if (look[1] < 0.03f) {
        return;
    }
    float wide = look[0] * s->head.unit;
    s4d_paint dark = {s4d_rgb_scale(s->face->id->skin, 0.48f), fminf(0.9f, look[1]), NULL};
    s4d_outline_stroke(&s->work, line, n, (s4d_brush){0.3f * wide, wide, 0.2f * wide});
    s4d_canvas_fill(s->canvas, &s->work, &dark);
}

static void draw_forehead(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    const s4d_pull *p = &s->face->pull;
    const s4d_head *h = &s->head;
    float inner = s4d_pull_mean(p, S4D_BROW_INNER_UP), outer = s4d_pull_mean(p, S4D_BROW_OUTER_UP);
    float down = s4d_pull_mean(p, S4D_BROW_DOWN), wide = 0.14f + 0.24f * outer;
    float strength = fmaxf(0, inner + 0.6f * outer - 0.25f) * (0.25f + 0.5f * id->age) +
                     0.2f * fmaxf(0, id->age - 0.6f);
    for (int i = 0; i < 3; i++) {
        float y = -0.56f - 0.09f * (float)i, sag = 0.03f * inner * (outer < inner ? 1.0f : -0.5f);
        s4d_point line[3] = {s4d_head_on(h, -wide, y + sag, 0), s4d_head_on(h, 0, y - sag, 0),
                             s4d_head_on(h, wide, y + sag, 0)};
        fold(s, line, 3, (float[2]){0.018f, strength});
    }
    /* Upright lines between the brows. */
    float frown =
        fmaxf(0, down + 0.3f * s4d_pull_mean(p, S4D_NOSE_WRINKLE) - 0.1f) * (0.5f + 0.4f * id->age);
    for (int side = -1; side <= 1; side += 2) {
        float x = 0.045f * (float)side;
        s4d_point line[3] = {s4d_head_on(h, 1.2f * x, -0.47f, 0),
                             s4d_head_on(h, 0.8f * x, -0.38f, 0.02f),
                             s4d_head_on(h, 1.1f * x, -0.28f, 0.03f)};
        fold(s, line, 3, (float[2]){0.024f, frown});
    }
}

static void draw_cheek(s4d_sitting *s, int side)
{
    const s4d_identity *id = s->face->id;
    const float *p = s->face->pull.side[side];
    const s4d_head *h = &s->head;
    float out = side ? 1.0f : -1.0f, unit = h->unit, roll = s->face->pose.roll;
    float cheek = fminf(1, p[S4D_CHEEK_UP] + 0.4f * p[S4D_CORNER_UP]), smile = p[S4D_CORNER_UP];
    s4d_paint red = {s4d_rgb_mix(id->skin, (s4d_rgb){0.85f, 0.25f, 0.22f}, 0.55f),
                     0.15f + 0.4f * id->blush, NULL};
    float round[3] = {0.20f * unit, 0.15f * unit, roll};
    s4d_point apple = s4d_head_on(h, out * (0.40f + 0.03f * smile), 0.24f - 0.07f * cheek, 0.02f);
    s4d_canvas_blob(s->canvas, apple, round, &red);
    s4d_paint light = {s4d_rgb_mix(id->skin, (s4d_rgb){1, 1, 1}, 0.35f), 0.10f + 0.30f * cheek,
                       NULL};
    float high[3] = {0.12f * unit, 0.085f * unit, roll};
    s4d_canvas_blob(s->canvas, s4d_head_on(h, out * 0.40f, 0.17f - 0.07f * cheek, 0.02f), high,
                    &light);
    /* From the nostril past the corner of the mouth. */
    float deep = fminf(1, 0.8f * smile + 0.7f * p[S4D_NOSE_WRINKLE] + 0.6f * p[S4D_UPPER_LIP_UP] +
                              0.2f * p[S4D_LIP_STRETCH] + 0.25f * id->age);
    float wing = id->nose_width + 0.04f, corner = id->mouth_width + 0.10f + 0.07f * smile;
    float top = id->nose_y - 0.05f * p[S4D_NOSE_WRINKLE],
          end = id->mouth_y + 0.03f - 0.12f * smile + 0.10f * p[S4D_CORNER_DOWN];
    s4d_point line[3] = {
        s4d_head_on(h, out * wing, top - 0.04f, 0.03f),
        s4d_head_on(h, out * (0.35f * wing + 0.65f * corner), 0.5f * (top + end) - 0.03f, 0.02f),
        s4d_head_on(h, out * corner, end, 0)};
    fold(s, line, 3, (float[2]){0.026f, 0.65f * deep});
}

/* Under the eye, and at its outer corner. */
static void draw_eye_folds(s4d_sitting *s, int side)
{
    const s4d_identity *id = s->face->id;
    const float *p = s->face->pull.side[side];
    const s4d_head *h = &s->head;
    float out = side ? 1.0f : -1.0f;
    s4d_point bag[3] = {
        s4d_head_on(h, out * (id->eye_x - 0.12f), id->eye_y + 0.09f, 0),
        s4d_head_on(h, out * id->eye_x, id->eye_y + 0.135f - 0.03f * p[S4D_CHEEK_UP], 0),
        s4d_head_on(h, out * (id->eye_x + 0.13f), id->eye_y + 0.08f, 0)};
    fold(s, bag, 3,
         (float[2]){0.018f, 0.18f * id->age + 0.35f * p[S4D_CHEEK_UP] + 0.2f * p[S4D_LID_TIGHT]});
    for (int i = -1; i <= 1; i++) {
        float y = id->eye_y + 0.05f * (float)i, x = id->eye_x + id->eye_width;
        s4d_point crow[2] = {s4d_head_on(h, out * (x + 0.035f), y, 0),
                             s4d_head_on(h, out * (x + 0.11f), y + 0.03f * (float)i, 0)};
        fold(s, crow, 2, (float[2]){0.014f, p[S4D_CHEEK_UP] * (0.25f + 0.5f * id->age)});
    }
}

static void draw_chin(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    float shift = s4d_jaw_shift(&s->face->pull), unit = s->head.unit,
          chin = s4d_pull_mean(&s->face->pull, S4D_CHIN_UP);
    s4d_paint light = {s4d_rgb_mix(id->skin, (s4d_rgb){1, 1, 1}, 0.25f), 0.25f, NULL};
    float axes[3] = {0.13f * unit, 0.09f * unit, s->face->pose.roll};
    s4d_canvas_blob(s->canvas, s4d_head_on(&s->head, 0, 0.82f * id->length + 0.9f * shift, 0.05f),
                    axes, &light);
    s4d_paint knot = {s4d_rgb_scale(id->skin, 0.5f), 0.5f * chin, NULL};
    for (int i = 0; i < 4; i++) {
        float spot[3] = {0.035f * unit, 0.03f * unit, 0}, x = 0.07f * (float)(i % 2 * 2 - 1),
              y = 0.78f + 0.06f * (float)(i / 2);
        s4d_canvas_blob(s->canvas, s4d_head_on(&s->head, x, y * id->length + shift, 0.05f), spot,
                        &knot);
    }
}

void s4d_draw_skin(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    draw_forehead(s);
    for (int side = 0; side < 2; side++) {
        draw_cheek(s, side);
        draw_eye_folds(s, side);
    }
    draw_chin(s);
    if (id->mole) {
        s4d_paint mole = {s4d_rgb_scale(id->skin, 0.35f), 0.9f, NULL};
        float r = 0.018f * s->head.unit;
        s4d_outline_ellipse(&s->work, s4d_head_on(&s->head, id->mole_x, id->mole_y, 0), r, r, 0);
        s4d_canvas_fill(s->canvas, &s->work, &mole);
    }
}

/* The wing, the nostril and the wrinkles beside the bridge, of one side (sign). */
static void draw_nostril(s4d_sitting *s, float sign, float tip, float wide)
{
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    float wrinkle = s4d_pull_mean(&s->face->pull, S4D_NOSE_WRINKLE), unit = h->unit;
    s4d_paint hole = {s4d_rgb_scale(id->skin, 0.18f), 0.8f, NULL};
    s4d_point wing[3] = {s4d_head_on(h, sign * wide, tip - 0.07f, 0.06f),
                         s4d_head_on(h, sign * (wide + 0.022f), tip, 0.06f),
                         s4d_head_on(h, sign * 0.75f * wide, tip + 0.035f, 0.09f)};
    fold(s, wing, 3, (float[2]){0.026f, 0.75f});
    s4d_outline_ellipse(&s->work, s4d_head_on(h, sign * 0.48f * wide, tip + 0.028f, 0.13f),
                        0.036f * unit, 0.017f * unit, s->face->pose.roll - 0.3f * sign);
    s4d_canvas_fill(s->canvas, &s->work, &hole);
    for (int i = 0; i < 2; i++) {
        float y = -0.16f + 0.07f * (float)i;
        s4d_point line[2] = {s4d_head_on(h, sign * 0.015f, y - 0.02f, 0.06f),
                             s4d_head_on(h, sign * 0.085f, y + 0.03f, 0.03f)};
        fold(s, line, 2, (float[2]){0.020f, 0.85f * wrinkle});
    }
}

void s4d_draw_nose(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    float wrinkle = s4d_pull_mean(&s->face->pull, S4D_NOSE_WRINKLE), unit = h->unit,
          roll = s->face->pose.roll;
    float tip =
        id->nose_y - 0.035f * wrinkle - 0.015f * s4d_pull_mean(&s->face->pull, S4D_UPPER_LIP_UP);
    float wide = id->nose_width * (1 + 0.14f * wrinkle), ridge = id->nose_ridge;
    float away = s->face->light[0] > 0 ? -1.0f : 1.0f;
    s4d_paint dark = {s4d_rgb_scale(id->skin, 0.42f), 0.40f, NULL};
    s4d_paint light = {s4d_rgb_mix(id->skin, (s4d_rgb){1, 1, 1}, 0.45f), 0.42f, NULL};
    s4d_point side[4] = {s4d_head_on(h, away * 0.09f, -0.24f, 0.02f),
                         s4d_head_on(h, away * 0.065f, -0.05f, 0.07f),
                         s4d_head_on(h, away * 0.085f, 0.12f, 0.11f),
                         s4d_head_on(h, away * wide, tip - 0.01f, 0.08f)};
    s4d_outline_stroke(&s->work, side, 4, (s4d_brush){0.01f * unit, 0.045f * unit, 0.07f * unit});
    s4d_canvas_fill(s->canvas, &s->work, &dark);
    s4d_point bridge[3] = {s4d_head_on(h, 0, -0.20f, 0.05f), s4d_head_on(h, 0, 0.02f, ridge * 0.6f),
                           s4d_head_on(h, 0, tip - 0.05f, ridge)};
    s4d_outline_stroke(&s->work, bridge, 3, (s4d_brush){0.02f * unit, 0.045f * unit, 0.08f * unit});
    s4d_canvas_fill(s->canvas, &s->work, &light);
    float under[3] = {1.3f * wide * unit, 0.075f * unit, roll},
          ball[3] = {0.09f * unit, 0.08f * unit, roll};
    dark.alpha = 0.5f;
    s4d_canvas_blob(s->canvas, s4d_head_on(h, 0, tip + 0.055f, 0.08f), under, &dark);
    s4d_canvas_blob(s->canvas, s4d_head_on(h, 0, tip - 0.035f, ridge), ball, &light);
    draw_nostril(s, -1, tip, wide);
    draw_nostril(s, 1, tip, wide);
}

/* Hair around the mouth: an outer line along the jaw and an inner one above the lip or below it. */
static void draw_jaw_hair(s4d_sitting *s, float alpha, float top)
{
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    float jaw = s4d_jaw_shift(&s->face->pull), w = id->width,
          smile = s4d_pull_mean(&s->face->pull, S4D_CORNER_UP);
    float lip = id->mouth_y - 0.15f - 0.02f * smile, low = 1.0f * id->length + 1.05f * jaw;
    const float half[9][2] = {{0, lip + 0.02f},
                              {0.16f, lip - 0.015f},
                              {0.36f, id->mouth_y - 0.06f},
                              {0.52f * w, top + 0.10f},
                              {0.66f * w, top - 0.12f},
                              {0.70f * w, top + 0.05f},
                              {0.60f * w * id->jaw, 0.62f * id->length + 0.4f * jaw},
                              {0.32f * id->chin, 0.92f * id->length + 0.9f * jaw},
                              {0, low}};
    const float deep[9] = {0.03f, 0.03f, 0.02f, 0, -0.1f, -0.3f, -0.3f, -0.1f, 0};
    s4d_point through[16];
    int n = 0;
    for (int i = 0; i < 9; i++) {
        through[n++] = s4d_head_on(h, half[i][0], half[i][1], deep[i]);
    }
    for (int i = 7; i > 0; i--) {
        through[n++] = s4d_head_on(h, -half[i][0], half[i][1], deep[i]);
    }
    s4d_paint hair = {s4d_rgb_scale(id->hair, 0.9f), alpha, &s->shade};
    s4d_outline_smooth(&s->work, through, n, 5);
    s4d_canvas_fill(s->canvas, &s->work, &hair);
}

void s4d_draw_beard(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    float jaw = s4d_jaw_shift(&s->face->pull), unit = h->unit;
    float smile = s4d_pull_mean(&s->face->pull, S4D_CORNER_UP),
          raise = s4d_pull_mean(&s->face->pull, S4D_UPPER_LIP_UP);
    s4d_paint hair = {s4d_rgb_scale(id->hair, 0.9f), 0.85f, &s->shade};
    if (id->beard == S4D_BEARD_STUBBLE) {
        draw_jaw_hair(s, 0.28f, 0.35f);
    } else if (id->beard == S4D_BEARD_FULL) {
        draw_jaw_hair(s, 0.82f, 0.30f);
    } else if (id->beard == S4D_BEARD_MOUSTACHE || id->beard == S4D_BEARD_CHIN) {
        float lip = id->mouth_y - id->lip_upper - 0.055f - 0.04f * raise;
        s4d_point line[5] = {
            s4d_head_on(h, -0.25f - 0.05f * smile, lip + 0.07f - 0.06f * smile, 0.02f),
            s4d_head_on(h, -0.13f, lip, 0.06f), s4d_head_on(h, 0, lip - 0.005f, 0.07f),
            s4d_head_on(h, 0.13f, lip, 0.06f),
            s4d_head_on(h, 0.25f + 0.05f * smile, lip + 0.07f - 0.06f * smile, 0.02f)};
        s4d_outline_stroke(&s->work, line, 5,
                           (s4d_brush){0.03f * unit, 0.10f * unit, 0.03f * unit});
        s4d_canvas_fill(s->canvas, &s->work, &hair);
    }
    if (id->beard == S4D_BEARD_CHIN) {
        float y = 0.80f * id->length + jaw;
        s4d_outline_ellipse(&s->work, s4d_head_on(h, 0, y + 0.03f, 0.04f), 0.17f * unit,
                            0.15f * unit, s->face->pose.roll);
        s4d_canvas_fill(s->canvas, &s->work, &hair);
    }
}
