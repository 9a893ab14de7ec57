/* Outlines: the closed polygons that the rasteriser fills. */
#include <math.h>

#include "synth/raster.h"

static const float TURN = 6.2831853f;

void s4d_outline_add(s4d_outline *o, s4d_point p)
{
    S4D_BUG_IF(o->count >= S4D_OUTLINE_MAX);
    o->at[o->count++] = p;
}

void s4d_outline_ellipse(s4d_outline *o, s4d_point centre, float rx, float ry, float turn)
{
    enum { PIECES = 32 };
    float co = cosf(turn), si = sinf(turn);
    o->count = 0;
    for (int i = 0; i < PIECES; i++) {
        float x = rx * cosf(TURN * (float)i / PIECES), y = ry * sinf(TURN * (float)i / PIECES);
        s4d_outline_add(o, (s4d_point){centre.x + co * x - si * y, centre.y + si * x + co * y});
    }
}

/* The Catmull-Rom curve between p[1] and p[2]. */
static s4d_point between(const s4d_point p[4], float t)
{
    float w[4] = {((2 - t) * t - 1) * t, (3 * t - 5) * t * t + 2, ((4 - 3 * t) * t + 1) * t,
                  (t - 1) * t * t};
    s4d_point out = {0, 0};
    for (int i = 0; i < 4; i++) {
        out.x += 0.5f * w[i] * p[i].x;
        out.y += 0.5f * w[i] * p[i].y;
    }
    return out;
}

void s4d_outline_smooth(s4d_outline *o, const s4d_point *through, int n, int steps)
{
    o->count = 0;
    for (int i = 0; i < n; i++) {
        s4d_point p[4] = {through[(i + n - 1) % n], through[i], through[(i + 1) % n],
                          through[(i + 2) % n]};
        for (int k = 0; k < steps; k++) {
            s4d_outline_add(o, between(p, (float)k / (float)steps));
        }
    }
}

static float brush_at(s4d_brush b, float t)
{
    float u = 1 - t;
    return u * (1 - 2 * t) * b.start + 4 * t * u * b.middle + t * (2 * t - 1) * b.end;
}

void s4d_outline_stroke(s4d_outline *o, const s4d_point *through, int n, s4d_brush brush)
{
    enum { STEPS = 6, MOST = 16 };
    s4d_point line[(MOST - 1) * STEPS + 1];
    S4D_BUG_IF(n < 2 || n > MOST);
    int count = 0;
    for (int i = 0; i + 1 < n; i++) {
        s4d_point p[4] = {through[i > 0 ? i - 1 : 0], through[i], through[i + 1],
                          through[i + 2 < n ? i + 2 : n - 1]};
        for (int k = 0; k < STEPS; k++) {
            line[count++] = between(p, (float)k / STEPS);
        }
    }
    line[count++] = through[n - 1];
    o->count = 2 * count;
    S4D_BUG_IF(o->count > S4D_OUTLINE_MAX);
    for (int i = 0; i < count; i++) {
        s4d_point a = line[i > 0 ? i - 1 : 0], b = line[i + 1 < count ? i + 1 : i];
        float dx = b.x - a.x, dy = b.y - a.y, length = sqrtf(dx * dx + dy * dy) + 1e-6f;
        float half = 0.5f * fmaxf(0, brush_at(brush, (float)i / (float)(count - 1)));
        s4d_point side = {-dy / length * half, dx / length * half};
        o->at[i] = (s4d_point){line[i].x + side.x, line[i].y + side.y};
        o->at[2 * count - 1 - i] = (s4d_point){line[i].x - side.x, line[i].y - side.y};
    }
}
