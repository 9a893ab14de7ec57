/* The picture around the face: background, light, things in front of it, and the camera's faults.
 */
#include <math.h>

#include "synth/face.h"

static float between(s4d_rng *rng, double low, double high)
{
    return (float)s4d_rng_range(rng, low, high);
}

static s4d_rgb any_colour(s4d_rng *rng, float low, float high)
{
    float level = between(rng, low, high), vivid = between(rng, 0, 0.22);
    s4d_rgb c;
    c.r = level + vivid * between(rng, -1, 1); /* one after the other: the parts of an initializer have no order */
    c.g = level + vivid * between(rng, -1, 1);
    c.b = level + vivid * between(rng, -1, 1);
    return c;
}

static void draw_light(s4d_rng *rng, s4d_scene *out)
{
    float side = between(rng, -0.85, 0.85), up = between(rng, -0.75, 0.15),
          front = between(rng, 0.6, 1);
    float length = sqrtf(side * side + up * up + front * front);
    out->light[0] = side / length;
    out->light[1] = up / length;
    out->light[2] = front / length;
    out->ambient = between(rng, 0.55, 0.85);
    out->gloss = between(rng, 0, 0.14);
}

static void draw_cover(s4d_rng *rng, s4d_scene *out)
{
    double which = s4d_rng_uniform(rng);
    out->cover = which < 0.90   ? S4D_COVER_NONE
                 : which < 0.93 ? S4D_COVER_HAND
                 : which < 0.95 ? S4D_COVER_BAR
                 : which < 0.97 ? S4D_COVER_SCARF
                                : S4D_COVER_TEXT;
    out->cover_colour = any_colour(rng, 0.15f, 0.8f);
    out->cover_at[0] = between(rng, 0.1, 0.9);
    out->cover_at[1] = between(rng, 0.55, 0.9);
    out->cover_at[2] = between(rng, -0.7, 0.7);
    out->cover_at[3] = between(rng, 0.09, 0.16);
}

void s4d_scene_draw(s4d_rng *rng, s4d_scene *out)
{
    *out = (s4d_scene){.pattern = (int)s4d_rng_below(rng, 4)};
    for (int i = 0; i < 3; i++) {
        out->back[i] = any_colour(rng, 0.2f, 0.75f);
    }
    for (int i = 0; i < 6; i++) {
        out->pattern_at[i] = between(rng, 0, 1);
    }
    draw_light(rng, out);
    draw_cover(rng, out);
    bool blurred = s4d_rng_uniform(rng) < 0.2;
    out->blur = blurred ? between(rng, 0.3, 0.6) : 0;
    float much = between(rng, 0, 1);
    out->noise = much * between(rng, 0, 0.03);
    out->brightness = between(rng, -0.03, 0.07);
    out->contrast = between(rng, 0.88, 1.2);
    out->vignette = between(rng, 0, 0.35);
    out->cast.r = between(rng, 0.95, 1.05);
    out->cast.g = 1;
    out->cast.b = between(rng, 0.94, 1.06);
}

static void rectangle(s4d_outline *o, float x, float y, float wide, float high)
{
    o->count = 0;
    s4d_outline_add(o, (s4d_point){x, y});
    s4d_outline_add(o, (s4d_point){x + wide, y});
    s4d_outline_add(o, (s4d_point){x + wide, y + high});
    s4d_outline_add(o, (s4d_point){x, y + high});
}

static void paint_back(s4d_canvas *c, const s4d_scene *s)
{
    int n = c->size;
    float size = (float)n, lean = s->pattern_at[0] - 0.5f;
    const float *at = s->pattern_at;
    for (int y = 0; y < n; y++) {
        for (int x = 0; x < n; x++) {
            float t = (float)y / size + lean * ((float)x / size - 0.5f);
            s4d_rgb v = s4d_rgb_mix(s->back[0], s->back[1], fminf(1, fmaxf(0, t)));
            float *px = c->rgb + 3 * ((size_t)y * (size_t)n + (size_t)x);
            px[0] = v.r;
            px[1] = v.g;
            px[2] = v.b;
        }
    }
    s4d_outline o;
    s4d_paint second = {s->back[2], 0.5f, NULL};
    if (s->pattern == 1) {
        for (int i = 0; i < 3; i++) {
            float axes[3] = {(0.2f + 0.3f * at[i]) * size, (0.2f + 0.3f * at[i + 1]) * size, 0};
            s4d_canvas_blob(c, (s4d_point){at[i + 2] * size, at[i + 3] * 0.6f * size}, axes,
                            &second);
        }
    } else if (s->pattern == 2) {
        float step = (0.14f + 0.2f * at[1]) * size;
        for (float x = -at[2] * step; x < size; x += step) {
            rectangle(&o, x, 0, 0.45f * step, size);
            s4d_canvas_fill(c, &o, &second);
        }
    } else if (s->pattern == 3) {
        second.colour = s4d_rgb_mix(s->back[2], (s4d_rgb){1, 1, 1}, 0.4f);
        rectangle(&o, (0.8f * at[1] - 0.2f) * size, -0.1f * size, (0.2f + 0.3f * at[2]) * size,
                  (0.3f + 0.5f * at[3]) * size);
        s4d_canvas_fill(c, &o, &second);
    }
}

static void paint_hand(s4d_canvas *c, const s4d_scene *s, const s4d_face *face)
{
    float size = (float)c->size, turn = s->cover_at[2], finger = 0.6f * s->cover_at[3] * size;
    s4d_point at = {s->cover_at[0] * size, (s->cover_at[1] + 0.12f) * size};
    s4d_paint skin = {s4d_rgb_scale(face->id->skin, 0.88f), 1, NULL},
              gap = {s4d_rgb_scale(face->id->skin, 0.5f), 0.8f, NULL};
    s4d_outline o;
    s4d_outline_ellipse(&o, (s4d_point){at.x, at.y + 0.22f * size}, 2.1f * finger, 0.22f * size, 0);
    s4d_canvas_fill(c, &o, &skin);
    for (int i = 0; i < 4; i++) {
        float lean = turn + 0.16f * ((float)i - 1.5f),
              reach = (i == 0 || i == 3 ? 0.20f : 0.25f) * size;
        s4d_point root = {at.x + finger * ((float)i - 1.5f), at.y + 0.10f * size};
        s4d_point line[3] = {
            root,
            {root.x + 0.5f * reach * sinf(lean), root.y - 0.5f * reach * cosf(lean)},
            {root.x + reach * sinf(lean), root.y - reach * cosf(lean)}};
        s4d_outline_stroke(&o, line, 3, (s4d_brush){1.25f * finger, 1.25f * finger, 0.9f * finger});
        s4d_canvas_fill(c, &o, &gap);
        s4d_outline_stroke(&o, line, 3, (s4d_brush){finger, finger, 0.7f * finger});
        s4d_canvas_fill(c, &o, &skin);
    }
}

static void paint_text(s4d_canvas *c, const s4d_scene *s)
{
    float size = (float)c->size, x = 0.15f * size, end = (0.6f + 0.3f * s->pattern_at[4]) * size;
    s4d_paint white = {{0.96f, 0.96f, 0.92f}, 0.95f, NULL},
              dark = {{0.05f, 0.05f, 0.05f}, 0.8f, NULL};
    s4d_outline o;
    for (int i = 0; x < end; i++) {
        float wide = (0.02f + 0.025f * s->pattern_at[i % 6]) * size,
              high = (i % 3 ? 0.035f : 0.055f) * size;
        rectangle(&o, x + 0.008f * size, 0.958f * size - high, wide, high);
        s4d_canvas_fill(c, &o, &dark);
        rectangle(&o, x, 0.95f * size - high, wide, high);
        s4d_canvas_fill(c, &o, &white);
        x += wide + 0.014f * size;
    }
}

static void paint_cover(s4d_canvas *c, const s4d_scene *s, const s4d_face *face)
{
    float size = (float)c->size;
    const float *at = s->cover_at;
    s4d_outline o;
    s4d_paint paint = {s->cover_colour, 1, NULL};
    if (s->cover == S4D_COVER_HAND) {
        paint_hand(c, s, face);
    } else if (s->cover == S4D_COVER_BAR) {
        s4d_point centre = {at[0] * size, 0.5f * size};
        s4d_point line[2] = {{centre.x - size * sinf(at[2]), centre.y + size * cosf(at[2])},
                             {centre.x + size * sinf(at[2]), centre.y - size * cosf(at[2])}};
        s4d_outline_stroke(&o, line, 2, (s4d_brush){at[3] * size, at[3] * size, at[3] * size});
        s4d_canvas_fill(c, &o, &paint);
    } else if (s->cover == S4D_COVER_SCARF) {
        s4d_head h = s4d_head_make(face->id, &face->pose, c->size);
        s4d_point top[6] = {s4d_head_on(&h, -0.72f, 0.42f + 0.3f * at[3], 0),
                            s4d_head_on(&h, 0, 0.68f + 0.5f * at[3], 0.08f),
                            s4d_head_on(&h, 0.72f, 0.42f + 0.3f * at[3], 0),
                            {h.cx + 1.1f * h.unit, h.cy + 1.2f * h.unit},
                            {h.cx, h.cy + 1.6f * h.unit},
                            {h.cx - 1.1f * h.unit, h.cy + 1.2f * h.unit}};
        s4d_outline_smooth(&o, top, 6, 6);
        s4d_canvas_fill(c, &o, &paint);
    } else if (s->cover == S4D_COVER_TEXT) {
        paint_text(c, s);
    }
}

static void darken_rim(s4d_canvas *c, float by)
{
    if (by < 0.02f) {
        return;
    }
    float half = 0.5f * (float)c->size;
    for (int y = 0; y < c->size; y++) {
        for (int x = 0; x < c->size; x++) {
            float u = ((float)x + 0.5f - half) / half, v = ((float)y + 0.5f - half) / half;
            float factor = 1 - 0.5f * by * (u * u + v * v);
            float *px = c->rgb + 3 * ((size_t)y * (size_t)c->size + (size_t)x);
            px[0] *= factor;
            px[1] *= factor;
            px[2] *= factor;
        }
    }
}

void s4d_scene_paint(s4d_canvas *c, const s4d_scene *s, s4d_face *face, s4d_rng *rng,
                     s4d_image *out)
{
    paint_back(c, s);
    for (int i = 0; i < 3; i++) {
        face->light[i] = s->light[i];
    }
    face->ambient = s->ambient;
    face->gloss = s->gloss;
    s4d_face_draw(c, face);
    paint_cover(c, s, face);
    darken_rim(c, s->vignette);
    s4d_canvas_blur(c, s->blur * (float)c->size / 64);
    float lift = 0.5f * (1 - s->contrast) + s->brightness;
    s4d_finish finish = {
        .gain = s4d_rgb_scale(s->cast, s->contrast), .lift = {lift, lift, lift}, .noise = s->noise};
    s4d_canvas_finish(c, &finish, rng, out);
}
