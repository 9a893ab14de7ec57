/* Eyes, brows and glasses. */
#include <math.h>

#include "synth/face.h"

static float sign_of(int side)
{
    return side ? 1.0f : -1.0f;
}

/* The lids of one eye. */
typedef struct lids {
    float x, y, width; /* centre and half width */
    float upper,
        lower;  /* heights above and below the centre at the middle; closed: upper = -lower */
    float tilt; /* rise of the outer corner */
} lids;

static lids lids_of(const s4d_face *f, int side)
{
    const s4d_identity *id = f->id;
    const float *p = f->pull.side[side];
    float squeeze =
        fminf(1, 0.75f * p[S4D_LID_TIGHT] + 0.55f * p[S4D_CHEEK_UP] + 0.35f * p[S4D_NOSE_WRINKLE]);
    float upper = 0.080f * id->eye_open + 0.085f * p[S4D_LID_UP] - 0.034f * squeeze -
                  0.026f * p[S4D_BROW_DOWN];
    float lower = 0.050f * id->eye_open + 0.020f * p[S4D_LID_UP] - 0.055f * squeeze;
    float close = fminf(1, p[S4D_EYE_CLOSE]);
    upper += close * (-lower - upper);
    return (lids){.x = sign_of(side) * id->eye_x,
                  .y = id->eye_y,
                  .width = id->eye_width,
                  .upper = upper,
                  .lower = lower,
                  .tilt = id->eye_tilt};
}

/* A place on a lid: t from -1 (inner corner) to 1 (outer), height above the centre at the middle.
 */
static s4d_point lid_at(const s4d_head *h, const lids *l, float t, float height)
{
    float out = l->x < 0 ? -1.0f : 1.0f, arch = 1 - t * t;
    float bow =
        arch *
        (1 + 0.25f * t *
                 (height > 0 ? -1.0f : 1.0f)); /* upper lid highest inside, lower lowest outside */
    return s4d_head_on(h, l->x + out * t * l->width, l->y - height * bow - l->tilt * t, 0);
}

static void lid_line(const s4d_head *h, const lids *l, float height, s4d_point out[7])
{
    for (int i = 0; i < 7; i++) {
        out[i] = lid_at(h, l, -1 + (float)i / 3, height);
    }
}

static void opening(s4d_sitting *s, const lids *l)
{
    enum { STEPS = 12 };
    s->work.count = 0;
    for (int i = 0; i <= STEPS; i++) {
        s4d_outline_add(&s->work, lid_at(&s->head, l, -1 + 2.0f * (float)i / STEPS, l->upper));
    }
    for (int i = STEPS - 1; i > 0; i--) {
        s4d_outline_add(&s->work, lid_at(&s->head, l, -1 + 2.0f * (float)i / STEPS, -l->lower));
    }
}

static void draw_ball(s4d_sitting *s, const lids *l)
{
    const s4d_identity *id = s->face->id;
    const s4d_pose *pose = &s->face->pose;
    float unit = s->head.unit, bright = 0.70f + 0.30f * s->face->ambient;
    s4d_paint white = {s4d_rgb_scale((s4d_rgb){0.93f, 0.92f, 0.90f}, bright), 1, NULL};
    opening(s, l);
    s4d_canvas_clip(s->canvas, &s->work);
    s4d_canvas_fill(s->canvas, &s->work, &white);
    float radius = 0.062f * id->iris_size, reach = l->width - 0.6f * radius;
    s4d_point centre = s4d_head_on(&s->head, l->x + pose->gaze_x * 0.6f * reach,
                                   l->y - 0.012f + pose->gaze_y * 0.035f, 0);
    s4d_paint iris = {id->iris, 1, NULL}, pupil = {{0.03f, 0.03f, 0.04f}, 1, NULL};
    s4d_paint glint = {{1, 1, 1}, 0.9f, NULL}, shade = {{0.1f, 0.07f, 0.07f}, 0.55f, NULL};
    s4d_outline_ellipse(&s->work, centre, radius * unit, radius * unit, 0);
    s4d_canvas_fill(s->canvas, &s->work, &iris);
    s4d_outline_ellipse(&s->work, centre, 0.5f * radius * unit, 0.5f * radius * unit, 0);
    s4d_canvas_fill(s->canvas, &s->work, &pupil);
    float spot[3] = {0.35f * radius * unit, 0.35f * radius * unit, 0};
    s4d_canvas_blob(s->canvas,
                    (s4d_point){centre.x + 0.4f * radius * unit * s->face->light[0],
                                centre.y - 0.4f * radius * unit},
                    spot, &glint);
    float lid[3] = {1.3f * l->width * unit, 0.045f * unit, pose->roll};
    s4d_canvas_blob(s->canvas, lid_at(&s->head, l, 0, l->upper), lid, &shade);
    s4d_canvas_unclip(s->canvas);
}

static void draw_lid_lines(s4d_sitting *s, const lids *l, int side)
{
    const s4d_identity *id = s->face->id;
    const float *p = s->face->pull.side[side];
    float unit = s->head.unit, heavy = (0.020f + 0.022f * id->lashes) * unit;
    s4d_point line[7];
    s4d_paint lash = {
        s4d_rgb_mix(s4d_rgb_scale(id->skin, 0.25f), (s4d_rgb){0.05f, 0.04f, 0.04f}, 0.6f), 0.95f,
        NULL};
    lid_line(&s->head, l, l->upper, line);
    s4d_outline_stroke(&s->work, line, 7, (s4d_brush){0.4f * heavy, heavy, 1.1f * heavy});
    s4d_canvas_fill(s->canvas, &s->work, &lash);
    s4d_paint soft = {s4d_rgb_scale(id->skin, 0.45f), 0.55f + 0.25f * p[S4D_LID_TIGHT], NULL};
    lid_line(&s->head, l, -l->lower, line);
    s4d_outline_stroke(&s->work, line, 7, (s4d_brush){0.006f * unit, 0.013f * unit, 0.014f * unit});
    s4d_canvas_fill(s->canvas, &s->work, &soft);
    /* The fold above the lid: hidden when the lid is pulled up or the brow is down. */
    float fold = 0.75f - 0.6f * p[S4D_LID_UP] - 0.5f * p[S4D_BROW_DOWN];
    if (fold > 0.05f) {
        s4d_paint crease = {s4d_rgb_scale(id->skin, 0.50f), fold, NULL};
        lid_line(&s->head, l,
                 fmaxf(l->upper, 0.3f * l->upper + 0.05f) + 0.035f + 0.02f * p[S4D_BROW_OUTER_UP],
                 line);
        s4d_outline_stroke(&s->work, line + 1, 5, (s4d_brush){0, 0.013f * unit, 0.006f * unit});
        s4d_canvas_fill(s->canvas, &s->work, &crease);
    }
}

void s4d_draw_eye(s4d_sitting *s, int side)
{
    const s4d_identity *id = s->face->id;
    lids l = lids_of(s->face, side);
    float unit = s->head.unit,
          hollow = 0.30f + 0.25f * s->face->pull.side[side][S4D_BROW_DOWN] + 0.1f * id->age;
    s4d_paint socket = {s4d_rgb_scale(id->skin, 0.45f), hollow, NULL};
    float axes[3] = {0.26f * unit, 0.17f * unit, s->face->pose.roll};
    s4d_canvas_blob(s->canvas, s4d_head_on(&s->head, 0.94f * l.x, l.y - 0.05f, 0), axes, &socket);
    /* Skin of the lid, lighter than the socket. */
    s4d_paint lid = {id->skin, 0.45f, &s->shade};
    s4d_outline_ellipse(&s->work, s4d_head_on(&s->head, l.x, l.y - 0.03f, 0),
                        1.05f * l.width * unit, 0.10f * unit, s->face->pose.roll);
    s4d_canvas_fill(s->canvas, &s->work, &lid);
    if (l.upper + l.lower > 0.012f) {
        draw_ball(s, &l);
    }
    draw_lid_lines(s, &l, side);
}

void s4d_draw_brow(s4d_sitting *s, int side)
{
    const s4d_identity *id = s->face->id;
    const float *p = s->face->pull.side[side];
    float out = sign_of(side), unit = s->head.unit, y = id->brow_y, slope = id->brow_slope;
    float inner = p[S4D_BROW_INNER_UP], outer = p[S4D_BROW_OUTER_UP], down = p[S4D_BROW_DOWN];
    float frown = down + 0.5f * p[S4D_NOSE_WRINKLE], start = 0.12f - 0.06f * down - 0.01f * inner;
    float length = id->brow_length;
    const float at[5][2] = {
        {start, y + slope - 0.175f * inner + 0.150f * frown},
        {start + 0.25f * length,
         y + 0.5f * slope - 0.6f * id->brow_arch - 0.13f * inner - 0.075f * outer + 0.11f * frown},
        {start + 0.52f * length, y - id->brow_arch - 0.05f * inner - 0.15f * outer + 0.07f * frown},
        {start + 0.80f * length,
         y - 0.5f * id->brow_arch - 0.4f * slope - 0.15f * outer + 0.03f * frown + 0.02f * inner},
        {start + length, y + 0.025f - slope - 0.11f * outer + 0.01f * frown + 0.035f * inner},
    };
    s4d_point line[5];
    for (int i = 0; i < 5; i++) {
        line[i] = s4d_head_on(&s->head, out * at[i][0], at[i][1], 0.03f);
    }
    float thick = id->brow_thick * unit;
    s4d_paint hair = {id->brow, 0.9f, NULL};
    s4d_outline_stroke(&s->work, line, 5, (s4d_brush){0.75f * thick, 1.15f * thick, 0.15f * thick});
    s4d_canvas_fill(s->canvas, &s->work, &hair);
}

void s4d_draw_glasses(s4d_sitting *s)
{
    const s4d_identity *id = s->face->id;
    if (!id->glasses) {
        return;
    }
    const s4d_head *h = &s->head;
    float unit = h->unit, rim = (id->dark_glasses_rim ? 0.045f : 0.024f) * unit;
    s4d_paint frame = {id->frame, 0.92f, NULL};
    for (int side = 0; side < 2; side++) {
        float out = sign_of(side);
        s4d_point centre = s4d_head_on(h, out * (id->eye_x + 0.01f), id->eye_y + 0.02f, 0.06f);
        s4d_paint glass = {{0.85f, 0.92f, 1.0f}, 0.10f, NULL};
        float facing = 0.20f * (0.82f + 0.18f * h->turn[0][0]);
        s4d_outline_ellipse(&s->work, centre, facing * unit, 0.165f * unit, s->face->pose.roll);
        s4d_canvas_fill(s->canvas, &s->work, &glass);
        s4d_point ring[15];
        for (int i = 0; i < 15; i++) {
            float a = 6.2831853f * (float)i / 14;
            ring[i] =
                (s4d_point){centre.x + facing * unit * cosf(a), centre.y + 0.165f * unit * sinf(a)};
        }
        s4d_outline_stroke(&s->work, ring, 15, (s4d_brush){rim, rim, rim});
        s4d_canvas_fill(s->canvas, &s->work, &frame);
        s4d_point arm[2] = {s4d_head_on(h, out * (id->eye_x + 0.20f), id->eye_y, 0.06f),
                            s4d_head_at(h, out * 0.78f * id->width, id->eye_y - 0.02f, 0)};
        s4d_outline_stroke(&s->work, arm, 2, (s4d_brush){rim, rim, rim});
        s4d_canvas_fill(s->canvas, &s->work, &frame);
    }
    s4d_point bridge[3] = {s4d_head_on(h, -id->eye_x + 0.19f, id->eye_y, 0.08f),
                           s4d_head_on(h, 0, id->eye_y - 0.03f, 0.12f),
                           s4d_head_on(h, id->eye_x - 0.19f, id->eye_y, 0.08f)};
    s4d_outline_stroke(&s->work, bridge, 3, (s4d_brush){rim, rim, rim});
    s4d_canvas_fill(s->canvas, &s->work, &frame);
}
