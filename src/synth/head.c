/* The head: its place in the picture, and the parts without expression: neck, ears, outline. */
#include <math.h>

#include "synth/face.h"

s4d_head s4d_head_make(const s4d_identity *id, const s4d_pose *pose, int size)
{
    float cy = cosf(pose->yaw), sy = sinf(pose->yaw), cp = cosf(pose->pitch),
          sp = sinf(pose->pitch);
    float cr = cosf(pose->roll), sr = sinf(pose->roll);
    /* roll * pitch * yaw */
    float tilted[3][3] = {{cy, 0, sy}, {-sp * sy, cp, sp * cy}, {-cp * sy, -sp, cp * cy}};
    s4d_head h = {.cx = pose->x * (float)size,
                  .cy = pose->y * (float)size,
                  .unit = pose->scale * (float)size,
                  .rx = 0.80f * id->width,
                  .ry = 1.15f * id->length,
                  .rz = 0.75f};
    for (int k = 0; k < 3; k++) {
        h.turn[0][k] = cr * tilted[0][k] - sr * tilted[1][k];
        h.turn[1][k] = sr * tilted[0][k] + cr * tilted[1][k];
        h.turn[2][k] = tilted[2][k];
    }
    return h;
}

s4d_point s4d_head_at(const s4d_head *h, float x, float y, float z)
{
    float px = h->turn[0][0] * x + h->turn[0][1] * y + h->turn[0][2] * z;
    float py = h->turn[1][0] * x + h->turn[1][1] * y + h->turn[1][2] * z;
    float pz = h->turn[2][0] * x + h->turn[2][1] * y + h->turn[2][2] * z;
    float near = h->unit / (1.06f - 0.12f * pz); /* nearer is larger */
    return (s4d_point){h->cx + near * px, h->cy + near * py};
}

s4d_point s4d_head_on(const s4d_head *h, float x, float y, float lift)
{
    float u = x / h->rx, v = y / h->ry;
    float z = h->rz * sqrtf(fmaxf(0.02f, 1 - u * u - v * v));
    return s4d_head_at(h, x, y, z + lift);
}

float s4d_jaw_shift(const s4d_pull *p)
{
    return 0.24f * s4d_pull_mean(p, S4D_JAW_DROP) - 0.03f * s4d_pull_mean(p, S4D_CHIN_UP);
}

static void draw_neck(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    float wide = 0.40f + 0.12f * (id->jaw - 0.9f), down = h->unit;
    s4d_point left = s4d_head_at(h, -wide, 0.45f, -0.25f),
              right = s4d_head_at(h, wide, 0.45f, -0.25f);
    s4d_paint neck = {s4d_rgb_scale(id->skin, 0.62f + 0.2f * s->face->ambient), 1, NULL};
    s4d_point column[6] = {left,
                           {left.x, left.y + 0.55f * down},
                           {left.x - 0.30f * down, left.y + 1.4f * down},
                           {right.x + 0.30f * down, right.y + 1.4f * down},
                           {right.x, right.y + 0.55f * down},
                           right};
    s->work.count = 0;
    for (int i = 0; i < 6; i++) {
        s4d_outline_add(&s->work, column[i]);
    }
    s4d_canvas_fill(s->canvas, &s->work, &neck);
    s4d_point mid = {0.5f * (left.x + right.x), 0.5f * (left.y + right.y)};
    s4d_point cloth[8] = {
        {mid.x - 0.50f * down, mid.y + 0.62f * down}, {mid.x, mid.y + 0.95f * down},
        {mid.x + 0.50f * down, mid.y + 0.62f * down}, {mid.x + 1.1f * down, mid.y + 0.80f * down},
        {mid.x + 1.5f * down, mid.y + 1.3f * down},   {mid.x + 1.5f * down, mid.y + 3 * down},
        {mid.x - 1.5f * down, mid.y + 3 * down},      {mid.x - 1.2f * down, mid.y + 0.82f * down}};
    s4d_paint clothes = {s4d_rgb_scale(id->clothes, 0.6f + 0.4f * s->face->ambient), 1, NULL};
    s4d_outline_smooth(&s->work, cloth, 8, 6);
    s4d_canvas_fill(s->canvas, &s->work, &clothes);
}

static void draw_ear(s4d_sitting *s, int side)
{
    const s4d_identity *id = s->face->id;
    const s4d_head *h = &s->head;
    float sign = side ? 1.0f : -1.0f, size = id->ear;
    s4d_point centre = s4d_head_at(h, sign * 0.79f * id->width, 0.02f, -0.10f);
    s4d_paint skin = {s4d_rgb_scale(id->skin, 0.92f), 1, &s->shade};
    s4d_outline_ellipse(&s->work, centre, 0.10f * size * h->unit, 0.19f * size * h->unit,
                        s->face->pose.roll + sign * 0.18f);
    s4d_canvas_fill(s->canvas, &s->work, &skin);
    s4d_paint hollow = {s4d_rgb_scale(id->skin, 0.55f), 0.7f, NULL};
    float axes[3] = {0.055f * size * h->unit, 0.13f * size * h->unit, s->face->pose.roll};
    s4d_canvas_blob(s->canvas, centre, axes, &hollow);
}

/* The outline of the face in head units, viewer's right half from the crown down: x, y, z. */
static int face_outline(const s4d_face *f, s4d_point *out, const s4d_head *h)
{
    enum { HALF = 8 };
    const s4d_identity *id = f->id;
    float jaw = s4d_jaw_shift(&f->pull), w = id->width, length = id->length;
    float puff =
        0.02f * (s4d_pull_mean(&f->pull, S4D_CORNER_UP) + s4d_pull_mean(&f->pull, S4D_CHEEK_UP));
    const float half[HALF][3] = {
        {0, -1.02f, 0.25f},
        {0.42f * w, -0.93f, 0.15f},
        {0.69f * w, -0.55f, 0.0f},
        {0.745f * w, -0.05f, -0.02f},
        {(0.715f + puff) * w, 0.30f, 0.02f},
        {0.60f * w * id->jaw, 0.60f * length + 0.4f * jaw, 0.08f},
        {0.32f * id->chin, 0.90f * length + 0.9f * jaw, 0.30f},
        {0, 0.985f * length + jaw, 0.40f},
    };
    int n = 0;
    for (int i = 0; i < HALF; i++) {
        out[n++] = s4d_head_at(h, half[i][0], half[i][1], half[i][2]);
    }
    for (int i = HALF - 2; i > 0; i--) {
        out[n++] = s4d_head_at(h, -half[i][0], half[i][1], half[i][2]);
    }
    return n;
}

void s4d_draw_skull(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    s4d_point through[16];
    draw_neck(s);
    draw_ear(s, 0);
    draw_ear(s, 1);
    if (id->hair_style == S4D_HAIR_NONE || id->hair_style == S4D_HAIR_RECEDING) {
        s4d_paint scalp = {id->skin, 1, &s->shade};
        s4d_outline_ellipse(&s->work, s4d_head_at(&s->head, 0, -0.30f, -0.10f),
                            0.76f * id->width * s->head.unit, 0.88f * s->head.unit,
                            s->face->pose.roll);
        s4d_canvas_fill(s->canvas, &s->work, &scalp);
    }
    /* The shadow that the chin throws on the neck. */
    s4d_paint shadow = {s4d_rgb_scale(id->skin, 0.25f), 0.55f, NULL};
    float axes[3] = {0.62f * s->head.unit, 0.42f * s->head.unit, s->face->pose.roll};
    s4d_canvas_blob(s->canvas,
                    s4d_head_at(&s->head, 0, 0.92f + s4d_jaw_shift(&s->face->pull), 0.1f), axes,
                    &shadow);
    int n = face_outline(s->face, through, &s->head);
    s4d_paint skin = {id->skin, 1, &s->shade};
    s4d_outline_smooth(&s->work, through, n, 6);
    s4d_canvas_fill(s->canvas, &s->work, &skin);
}

void s4d_face_draw(s4d_canvas *c, const s4d_face *face)
{
    s4d_sitting s = {
        .canvas = c, .face = face, .head = s4d_head_make(face->id, &face->pose, c->size)};
    s.shade = (s4d_shade){.centre = s4d_head_at(&s.head, 0, 0, 0.1f),
                          .rx = 0.86f * face->id->width * s.head.unit,
                          .ry = 1.22f * s.head.unit,
                          .turn = face->pose.roll,
                          .light = {face->light[0], face->light[1], face->light[2]},
                          .ambient = face->ambient,
                          .gloss = face->gloss};
    s4d_draw_hair_behind(&s);
    s4d_draw_skull(&s);
    s4d_draw_skin(&s);
    s4d_draw_eye(&s, 0);
    s4d_draw_eye(&s, 1);
    s4d_draw_nose(&s);
    s4d_draw_beard(&s);
    s4d_draw_mouth(&s);
    s4d_draw_brow(&s, 0);
    s4d_draw_brow(&s, 1);
    s4d_draw_hair_front(&s);
    s4d_draw_glasses(&s);
}
