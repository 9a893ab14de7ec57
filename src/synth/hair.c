/* Hair and head scarves: what lies behind the head, and what frames the face. */
#include <math.h>
#include <string.h>

#include "synth/face.h"

/* How far hair hangs at the side (y), how thick it stands off, and how deep a fringe covers the
 * forehead. */
typedef struct cut {
    float side, back, thick, fringe;
} cut;

static cut cut_of(const s4d_identity *id)
{
    static const cut table[S4D_HAIR_STYLES] = {
        [S4D_HAIR_NONE] = {0, 0, 0, 0},
        [S4D_HAIR_SHORT] = {-0.08f, 0.1f, 0.08f, 0.02f},
        [S4D_HAIR_FRINGE] = {0.0f, 0.2f, 0.12f, 0.13f},
        [S4D_HAIR_PARTED] = {-0.05f, 0.15f, 0.14f, 0.04f},
        [S4D_HAIR_RECEDING] = {-0.10f, 0.1f, 0.03f, -0.16f},
        [S4D_HAIR_BOB] = {0.55f, 0.75f, 0.16f, 0.06f},
        [S4D_HAIR_LONG] = {0.95f, 1.7f, 0.16f, 0.02f},
        [S4D_HAIR_CURLY] = {0.25f, 0.55f, 0.30f, 0.06f},
        [S4D_HAIR_TIED] = {-0.10f, 0.2f, 0.05f, 0.0f},
        [S4D_HAIR_SCARF] = {0.80f, 1.6f, 0.10f, 0.05f},
    };
    cut c = table[id->hair_style];
    c.thick *= id->volume;
    return c;
}

static s4d_rgb hair_colour(const s4d_identity *id)
{
    return id->hair_style == S4D_HAIR_SCARF ? id->clothes : id->hair;
}

static void draw_curls(s4d_sitting *s, const cut *c, float depth)
{
    enum { CURLS = 15 };
    const s4d_identity *id = s->face->id;
    s4d_paint lock = {hair_colour(id), 1, &s->shade};
    for (int i = 0; i < CURLS; i++) {
        float a = -3.5f + 3.85f * (float)i / (CURLS - 1);
        float x = (0.72f + 0.5f * c->thick) * id->width * cosf(a),
              y = -0.35f + (0.68f + 0.5f * c->thick) * sinf(a);
        float r = (0.15f + 0.4f * c->thick) * s->head.unit * (i % 2 ? 1.0f : 0.86f);
        lock.colour = s4d_rgb_scale(hair_colour(id), i % 3 ? 1.0f : 0.85f);
        s4d_outline_ellipse(&s->work, s4d_head_at(&s->head, x, y, depth), r, r, 0);
        s4d_canvas_fill(s->canvas, &s->work, &lock);
    }
}

void s4d_draw_hair_behind(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    if (id->hair_style == S4D_HAIR_NONE) {
        return;
    }
    cut c = cut_of(id);
    float w = id->width, thick = c.thick, low = c.back, hang = low > 1 ? h->unit * (low - 1) : 0;
    s4d_shade shade = s->shade;
    shade.ry *= 1.3f;
    s4d_paint hair = {s4d_rgb_scale(hair_colour(id), 0.72f), 1, &shade};
    low = fminf(low, 1);
    s4d_point through[9] = {
        s4d_head_at(h, 0, -1.08f - thick, -0.2f),
        s4d_head_at(h, (0.56f + 0.5f * thick) * w, -0.92f - 0.7f * thick, -0.25f),
        s4d_head_at(h, (0.80f + thick) * w, -0.35f, -0.3f),
        s4d_head_at(h, (0.80f + 0.9f * thick) * w, 0.5f * low, -0.35f),
        s4d_head_at(h, 0.70f * w + thick, low, -0.35f),
        s4d_head_at(h, -0.70f * w - thick, low, -0.35f),
        s4d_head_at(h, (-0.80f - 0.9f * thick) * w, 0.5f * low, -0.35f),
        s4d_head_at(h, (-0.80f - thick) * w, -0.35f, -0.3f),
        s4d_head_at(h, (-0.56f - 0.5f * thick) * w, -0.92f - 0.7f * thick, -0.25f)};
    through[4].y += hang; /* long hair falls straight down, however the head is held */
    through[5].y += hang;
    s4d_outline_smooth(&s->work, through, 9, 8);
    s4d_canvas_fill(s->canvas, &s->work, &hair);
    if (id->hair_style == S4D_HAIR_CURLY) {
        draw_curls(s, &c, -0.25f);
    }
    if (id->hair_style == S4D_HAIR_TIED) {
        float r = 0.30f * id->volume * h->unit;
        s4d_outline_ellipse(&s->work, s4d_head_at(h, 0.1f * id->parting, -1.18f, -0.3f), r, r, 0);
        s4d_canvas_fill(s->canvas, &s->work, &hair);
    }
}

/* A few lighter and darker locks from the parting outward. */
static void draw_locks(s4d_sitting *s, const cut *c, float line)
{
    enum { LOCKS = 10 };
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    float w = id->width, part = 0.35f * id->parting, thick = c->thick;
    for (int i = 0; i < LOCKS; i++) {
        float t = -1 + 2 * ((float)i + 0.5f) / LOCKS,
              reach = fabsf(t) > 0.6f ? fmaxf(c->side, -0.3f) : line;
        s4d_point lock[3] = {
            s4d_head_at(h, part + 0.25f * t, -1.04f - 0.8f * thick, 0.05f),
            s4d_head_at(h, (0.35f * part + 0.62f * t) * w, -0.88f - 0.3f * thick, 0.20f),
            s4d_head_on(h, 0.80f * t * w, reach - 0.06f, 0.03f)};
        s4d_paint paint = {i % 2 ? s4d_rgb_scale(id->hair, 0.70f)
                                 : s4d_rgb_mix(id->hair, (s4d_rgb){1, 0.95f, 0.85f}, 0.22f),
                           0.45f, NULL};
        float wide = 0.03f * h->unit;
        s4d_outline_stroke(&s->work, lock, 3, (s4d_brush){0.3f * wide, wide, 0.2f * wide});
        s4d_canvas_fill(s->canvas, &s->work, &paint);
    }
}

enum { FRONT = 15 };

/* The rim of the hair in front: over the skull from the viewer's left to right, then back along the
 * hairline, whose lowest part is at y = line. */
static void front_rim(const s4d_sitting *s, const cut *c, float line, s4d_point out[FRONT])
{
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    float w = id->width, thick = c->thick, side = c->side;
    float part = 0.35f * id->parting, lift = c->fringe > 0.1f ? 0 : 0.07f;
    float inner = c->side > 0.5f ? 0.60f : 0.69f; /* long hair covers the cheeks' edge */
    s4d_point through[FRONT] = {
        s4d_head_at(h, -(0.77f + 0.6f * thick) * w, side, -0.02f),
        s4d_head_at(h, -(0.82f + thick) * w, -0.30f, -0.08f),
        s4d_head_at(h, -(0.60f + 0.7f * thick) * w, -0.86f - 0.7f * thick, -0.05f),
        s4d_head_at(h, 0.3f * part, -1.07f - thick, 0.0f),
        s4d_head_at(h, (0.60f + 0.7f * thick) * w, -0.86f - 0.7f * thick, -0.05f),
        s4d_head_at(h, (0.82f + thick) * w, -0.30f, -0.08f),
        s4d_head_at(h, (0.77f + 0.6f * thick) * w, side, -0.02f),
        s4d_head_on(h, (inner + 0.02f) * w, side - 0.04f, -0.25f),
        s4d_head_on(h, (inner - 0.01f) * w, 0.5f * side - 0.25f, -0.02f),
        s4d_head_on(h, 0.52f * w, line + 0.10f, 0.02f),
        s4d_head_on(h, part + 0.12f, line, 0.03f),
        s4d_head_on(h, part - 0.10f, line - lift, 0.03f),
        s4d_head_on(h, -0.52f * w, line + 0.10f, 0.02f),
        s4d_head_on(h, -(inner - 0.01f) * w, 0.5f * side - 0.25f, -0.02f),
        s4d_head_on(h, -(inner + 0.02f) * w, side - 0.04f, -0.25f),
    };
    memcpy(out, through, sizeof through);
}

void s4d_draw_hair_front(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    if (id->hair_style == S4D_HAIR_NONE) {
        return;
    }
    cut c = cut_of(id);
    float line = id->hairline + c.fringe;
    s4d_point rim[FRONT];
    front_rim(s, &c, line, rim);
    s4d_shade shade = s->shade;
    shade.ry *= 1.12f;
    shade.rx *= 1.1f;
    shade.gloss *= 1.6f;
    s4d_paint shadow = {s4d_rgb_scale(id->skin, 0.4f), 0.35f, NULL},
              hair = {hair_colour(id), 1, &shade};
    float axes[3] = {0.60f * h->unit, 0.12f * h->unit, s->face->pose.roll};
    if (id->hair_style != S4D_HAIR_RECEDING) {
        s4d_canvas_blob(s->canvas, s4d_head_on(h, 0, line + 0.03f, 0), axes, &shadow);
    }
    s4d_outline_smooth(&s->work, rim, FRONT, 6);
    s4d_canvas_fill(s->canvas, &s->work, &hair);
    if (id->hair_style == S4D_HAIR_SCARF) {
        s4d_paint crease = {s4d_rgb_scale(id->clothes, 0.6f), 0.6f, NULL};
        s4d_outline_stroke(&s->work, rim + 7, 8,
                           (s4d_brush){0.02f * h->unit, 0.03f * h->unit, 0.02f * h->unit});
        s4d_canvas_fill(s->canvas, &s->work, &crease);
    } else if (id->hair_style == S4D_HAIR_CURLY) {
        cut tight = {c.side, c.back, 0.75f * c.thick, c.fringe};
        draw_curls(s, &tight, 0);
    } else if (id->hair_style != S4D_HAIR_RECEDING) {
        draw_locks(s, &c, line);
    }
}
