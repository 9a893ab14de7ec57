/* The mouth: lips, teeth, tongue, and the shape that the muscles around it give. */
#include <math.h>

#include "synth/face.h"

/* Curves of the mouth over t = -1 (viewer's left corner) .. 1: y = edge(t) * t^2 + middle * (1 -
 * t^2). */
typedef struct mouth {
    float x[2], y[2];   /* corners */
    float upper, lower; /* y of the middle of the inner edges */
    float above, below; /* thickness of the lips */
    float lift;         /* how far the lips stand out */
} mouth;

static mouth mouth_of(const s4d_face *f)
{
    const s4d_identity *id = f->id;
    const s4d_pull *p = &f->pull;
    float jaw = s4d_pull_mean(p, S4D_JAW_DROP), part = s4d_pull_mean(p, S4D_LIP_PART);
    float raise = s4d_pull_mean(p, S4D_UPPER_LIP_UP), press = s4d_pull_mean(p, S4D_LIP_PRESS);
    float chin = s4d_pull_mean(p, S4D_CHIN_UP), pucker = s4d_pull_mean(p, S4D_LIP_PUCKER);
    float smile = s4d_pull_mean(p, S4D_CORNER_UP), stretch = s4d_pull_mean(p, S4D_LIP_STRETCH);
    float wrinkle = s4d_pull_mean(p, S4D_NOSE_WRINKLE);
    mouth m = {.lift = 0.05f + 0.06f * pucker};
    for (int side = 0; side < 2; side++) {
        const float *q = p->side[side];
        float half = id->mouth_width + 0.10f * q[S4D_CORNER_UP] + 0.11f * q[S4D_LIP_STRETCH] +
                     0.03f * q[S4D_DIMPLE];
        half -= 0.055f * jaw + 0.10f * pucker + 0.02f * press;
        m.x[side] = (side ? 1.0f : -1.0f) * half;
        m.y[side] = id->mouth_y - id->mouth_curve - 0.165f * q[S4D_CORNER_UP] -
                    0.035f * q[S4D_DIMPLE] + 0.155f * q[S4D_CORNER_DOWN] +
                    0.035f * q[S4D_LIP_STRETCH] + 0.07f * jaw;
    }
    float open = 0.075f * part + 0.30f * jaw;
    float middle = id->mouth_y + 0.02f * smile - 0.065f * chin - 0.03f * wrinkle;
    m.upper = middle - 0.25f * 0.075f * part - 0.075f * raise - 0.02f * jaw;
    m.lower = fmaxf(m.upper, middle + 0.75f * open + 0.10f * jaw - 0.05f * chin * jaw);
    float thin = fmaxf(0.25f, 1 - 0.62f * press - 0.18f * stretch - 0.18f * smile - 0.10f * jaw);
    m.above = id->lip_upper * fmaxf(0.25f, thin - 0.15f * raise) * (1 + 0.4f * pucker);
    m.below = id->lip_lower * (thin + 0.2f * chin) * (1 + 0.3f * pucker);
    return m;
}

static float edge_y(const mouth *m, float t, float middle)
{
    return m->y[t > 0] * t * t + middle * (1 - t * t);
}

static s4d_point mouth_at(const s4d_sitting *s, const mouth *m, float t, float y)
{
    float x = t > 0 ? t * m->x[1] : -t * m->x[0];
    return s4d_head_on(&s->head, x, y, m->lift * (1 - 0.6f * t * t));
}

/* The band between two edges; `bow` gives the upper one its dip in the middle. */
typedef struct band {
    float top, bottom; /* y of the middle */
    float over, under; /* added height: the lip's thickness outward */
    float bow;
} band;

static void band_outline(s4d_sitting *s, const mouth *m, const band *b)
{
    enum { STEPS = 16 };
    s->work.count = 0;
    for (int i = 0; i <= STEPS; i++) {
        float t = -1 + 2.0f * (float)i / STEPS, arch = 1 - t * t, dip = expf(-t * t * 20) * b->bow;
        s4d_outline_add(
            &s->work, mouth_at(s, m, t, edge_y(m, t, b->top) - b->over * sqrtf(arch) * (1 - dip)));
    }
    for (int i = STEPS; i >= 0; i--) {
        float t = -1 + 2.0f * (float)i / STEPS, arch = 1 - t * t;
        s4d_outline_add(&s->work,
                        mouth_at(s, m, t, edge_y(m, t, b->bottom) + b->under * sqrtf(arch)));
    }
}

static void draw_inside(s4d_sitting *s, const mouth *m)
{
    float unit = s->head.unit, bright = 0.65f + 0.35f * s->face->ambient, gap = m->lower - m->upper;
    s4d_paint dark = {{0.16f, 0.045f, 0.05f}, 1, NULL};
    s4d_paint teeth = {s4d_rgb_scale((s4d_rgb){0.95f, 0.93f, 0.86f}, bright), 0.95f, NULL};
    s4d_paint tongue = {{0.66f, 0.27f, 0.28f}, 0.85f, NULL};
    band inner = {m->upper, m->lower, 0, 0, 0};
    band_outline(s, m, &inner);
    s4d_canvas_clip(s->canvas, &s->work);
    s4d_canvas_fill(s->canvas, &s->work, &dark);
    float roll = s->face->pose.roll;
    float axes[3] = {0.17f * unit, (0.05f + 0.25f * gap) * unit, roll};
    s4d_canvas_blob(s->canvas,
                    mouth_at(s, m, 0, m->lower + 0.02f - 0.10f * gap * s->face->pose.tongue), axes,
                    &tongue);
    band row = {m->upper - 0.02f, m->upper + fminf(0.072f, 0.65f * gap + 0.01f), 0, 0, 0};
    band_outline(s, m, &row);
    s4d_canvas_fill(s->canvas, &s->work, &teeth);
    if (s4d_pull_mean(&s->face->pull, S4D_LIP_STRETCH) > 0.3f && gap > 0.06f) {
        band low = {m->lower - 0.035f, m->lower + 0.03f, 0, 0, 0};
        teeth.alpha = 0.75f;
        band_outline(s, m, &low);
        s4d_canvas_fill(s->canvas, &s->work, &teeth);
    }
    s4d_canvas_unclip(s->canvas);
}

/* The line between closed lips, and the corners. */
static void draw_seam(s4d_sitting *s, const mouth *m)
{
    const s4d_identity *id = s->face->id;
    float unit = s->head.unit, press = s4d_pull_mean(&s->face->pull, S4D_LIP_PRESS);
    s4d_paint seam = {s4d_rgb_scale(id->lips, 0.32f), 0.9f, NULL};
    s4d_point line[9];
    for (int i = 0; i < 9; i++) {
        float t = -1 + (float)i / 4;
        line[i] = mouth_at(s, m, t, edge_y(m, t, m->upper));
    }
    float wide = (0.020f + 0.008f * press) * unit;
    s4d_outline_stroke(&s->work, line, 9, (s4d_brush){0.7f * wide, wide, 0.7f * wide});
    s4d_canvas_fill(s->canvas, &s->work, &seam);
    for (int side = 0; side < 2; side++) {
        const float *p = s->face->pull.side[side];
        float deep = fminf(1, 0.35f + 0.6f * p[S4D_DIMPLE] + 0.3f * p[S4D_CORNER_UP] +
                                  0.3f * p[S4D_CORNER_DOWN]);
        s4d_paint corner = {s4d_rgb_scale(id->skin, 0.35f), deep, NULL};
        float axes[3] = {0.045f * unit, 0.045f * unit, 0};
        s4d_canvas_blob(s->canvas, s4d_head_on(&s->head, 1.04f * m->x[side], m->y[side], 0), axes,
                        &corner);
    }
}

void s4d_draw_mouth(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    mouth m = mouth_of(s->face);
    float unit = s->head.unit, roll = s->face->pose.roll;
    s4d_paint upper = {s4d_rgb_scale(id->lips, 0.86f), 0.92f, &s->shade},
              lower = {id->lips, 0.92f, &s->shade};
    band above = {m.upper, m.upper, m.above, 0.004f, 0.28f},
         below = {m.lower, m.lower, 0.004f, m.below, 0};
    if (m.lower - m.upper > 0.012f) {
        draw_inside(s, &m);
    }
    band_outline(s, &m, &above);
    s4d_canvas_fill(s->canvas, &s->work, &upper);
    band_outline(s, &m, &below);
    s4d_canvas_fill(s->canvas, &s->work, &lower);
    draw_seam(s, &m);
    s4d_paint wet = {{1, 0.95f, 0.92f}, 0.22f, NULL},
              shadow = {s4d_rgb_scale(id->skin, 0.40f), 0.45f, NULL};
    float shine[3] = {0.10f * unit, 0.4f * m.below * unit, roll},
          under[3] = {0.16f * unit, 0.055f * unit, roll};
    s4d_canvas_blob(s->canvas, mouth_at(s, &m, 0, m.lower + 0.45f * m.below), shine, &wet);
    s4d_canvas_blob(s->canvas, mouth_at(s, &m, 0, m.lower + m.below + 0.045f), under, &shadow);
}
