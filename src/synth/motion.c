/* A clip's course in time: neutral, onset, apex and offset of the expression, and what goes on
 * besides: idle motion, blinks, talk, gaze. Some of a class's meaning lies here alone: how fast it
 * comes, whether it trembles, what moves from the face's own look at rest. */
#include <math.h>

#include "synth/plan.h"

static const float PI2 = 6.2831853f;

static float between(s4d_rng *rng, double low, double high)
{
    return (float)s4d_rng_range(rng, low, high);
}

static bool chance(s4d_rng *rng, double p)
{
    return s4d_rng_uniform(rng) < p;
}

static float bell(s4d_rng *rng, double deviation, double most)
{
    double v = deviation * s4d_rng_normal(rng);
    return (float)(v < -most ? -most : v > most ? most : v);
}

/* How a class moves: onset, its end, and the head at full expression. */
typedef struct habit {
    float rise[2];          /* frames from neutral to apex */
    float stay[2];          /* share that stays after the apex */
    float yaw, pitch, roll; /* radians; yaw and roll to either side */
    float approach;         /* growth of the head's size */
    float shake, rate;      /* radians and radians a frame */
    float tremble, dart;
} habit;

static const habit HABIT[S4D_EMOTIONS] = {
    [S4D_HAPPINESS] = {{5, 10}, {0.1f, 0.5f}, 0, -0.06f, 0.08f, 0.02f, 0.03f, 0.7f, 0, 0},
    [S4D_SADNESS] = {{9, 18}, {0.6f, 1}, 0, 0.16f, 0.06f, -0.01f, 0, 0, 0, 0},
    [S4D_NEUTRAL] = {{6, 12}, {0, 1}, 0.05f, 0, 0.03f, 0, 0, 0, 0, 0.1f},
    [S4D_ANGER] = {{3, 8}, {0.3f, 0.8f}, 0, 0.08f, 0, 0.07f, 0.02f, 1.1f, 0, 0},
    [S4D_SURPRISE] = {{1.5f, 3}, {0, 0.3f}, 0, -0.09f, 0, -0.02f, 0, 0, 0, 0},
    [S4D_DISGUST] = {{4, 9}, {0.1f, 0.5f}, 0.20f, -0.06f, 0.05f, -0.05f, 0, 0, 0, 0},
    [S4D_FEAR] = {{6, 12}, {0.7f, 1}, 0.06f, -0.03f, 0, -0.08f, 0, 0, 0.10f, 0.2f},
    [S4D_CONTEMPT] = {{6, 14}, {0.3f, 0.8f}, 0.06f, -0.10f, 0.08f, 0, 0, 0, 0, 0},
    [S4D_ANXIETY] = {{6, 14}, {0.7f, 1}, 0.04f, 0.03f, 0, -0.02f, 0.05f, 0.9f, 0.02f, 0.8f},
    [S4D_HELPLESSNESS] = {{8, 16}, {0.5f, 1}, 0, 0.05f, 0.14f, 0, 0.09f, 0.45f, 0, 0},
    [S4D_DISAPPOINTMENT] = {{9, 18}, {0.6f, 1}, 0.06f, 0.20f, 0.03f, -0.03f, 0, 0, 0, 0},
};

static void draw_pose(s4d_rng *rng, s4d_pose *out)
{
    *out = (s4d_pose){0};
    out->yaw = bell(rng, 0.11, 0.36); /* one after the other: the parts of an initializer have no order */
    out->pitch = bell(rng, 0.06, 0.16);
    out->roll = bell(rng, 0.03, 0.12);
    out->scale = between(rng, 0.515, 0.555);
    out->x = 0.5f + bell(rng, 0.010, 0.03);
    out->y = 0.44f + bell(rng, 0.010, 0.03);
    out->gaze_x = bell(rng, 0.25, 0.7);
    out->gaze_y = bell(rng, 0.15, 0.4);
    out->tongue = between(rng, 0, 1);
}

static void draw_pulses(const habit *h, s4d_rng *rng, s4d_course *c)
{
    float frames = (float)c->frames;
    c->pulses = c->frames > 32 && chance(rng, 0.6) ? 2 : 1;
    float part = frames / (float)c->pulses;
    for (int i = 0; i < c->pulses; i++) {
        s4d_pulse *p = &c->pulse[i];
        float room = 0.6f * part;
        p->begin = part * (float)i + part * between(rng, 0.08, 0.30);
        p->rise = fminf(between(rng, h->rise[0], h->rise[1]), 0.7f * room);
        p->hold = part * between(rng, 0.25, 0.45);
        p->fall = part * between(rng, 0.12, 0.25);
        p->left = between(rng, h->stay[0], h->stay[1]);
    }
    if (chance(rng, 0.15)) { /* the clip was cut after the onset */
        c->pulse[0].begin = -0.5f * c->pulse[0].rise;
    }
}

static void draw_asides(s4d_rng *rng, s4d_course *c)
{
    float frames = (float)c->frames;
    c->blinks = (int)s4d_rng_below(rng, c->emotion == S4D_ANXIETY ? 6 : 3);
    c->blink_length = between(rng, 2.5, 4.5);
    for (int i = 0; i < c->blinks; i++) {
        c->blink[i] = between(rng, 0, frames);
    }
    bool talks = chance(rng, c->emotion == S4D_NEUTRAL ? 0.5 : 0.3);
    float first = between(rng, 0, 0.7) * frames, length = between(rng, 8, 30);
    c->talk_begin = first;
    c->talk_end = talks ? first + length : first;
    c->talk_rate = between(rng, 0.9, 1.5);
    c->talk_pull = between(rng, 0.2, 0.5);
    for (int i = 0; i < 8; i++) {
        c->phase[i] = between(rng, 0, PI2);
    }
    for (int i = 0; i < 3; i++) {
        c->sway[i] = between(rng, 0.005, i == 0 ? 0.09 : 0.04);
    }
    c->sway_rate = between(rng, 0.08, 0.22);
}

void s4d_course_draw(s4d_emotion e, s4d_rng *rng, s4d_course *c)
{
    const habit *h = &HABIT[e];
    double spread = s4d_rng_uniform(rng);
    *c = (s4d_course){.emotion = e};
    c->frames =
        S4D_FRAMES_MIN + (int)(spread * sqrt(spread) * (S4D_FRAMES_MAX - S4D_FRAMES_MIN + 1));
    s4d_expression_draw(e, chance(rng, 0.5), rng, &c->drawn);
    c->strength = between(rng, 0.5, 1);
    draw_pulses(h, rng, c);
    for (int m = 0; m < S4D_MUSCLES; m++) {
        c->lag[m] = between(rng, 0, 0.3) * c->pulse[0].rise;
    }
    draw_pose(rng, &c->base);
    draw_asides(rng, c);
    float lively = between(rng, 0.1, 1);
    float side = chance(rng, 0.5) ? -lively : lively;
    c->turn_yaw = side * h->yaw;
    c->turn_pitch = lively * h->pitch;
    c->turn_roll = side * h->roll;
    c->approach = lively * h->approach;
    c->shake = lively * h->shake;
    c->shake_rate = h->rate * between(rng, 0.8, 1.2);
    c->tremble = h->tremble * between(rng, 0.6, 1.3);
    c->tremble_rate = between(rng, 1.6, 2.6);
    c->dart = h->dart;
}

static float smooth(float t)
{
    t = fminf(1, fmaxf(0, t));
    return t * t * (3 - 2 * t);
}

float s4d_course_level(const s4d_course *c, float frame)
{
    float level = 0;
    for (int i = 0; i < c->pulses; i++) {
        const s4d_pulse *p = &c->pulse[i];
        float end = p->begin + p->rise + p->hold;
        float up = smooth((frame - p->begin) / p->rise), down = smooth((frame - end) / p->fall);
        level = fmaxf(level, up * (1 - down * (1 - p->left)));
    }
    return level;
}

/* Opening and closing of the mouth in speech, not an expression. */
static void add_talk(const s4d_course *c, float frame, s4d_pull *pull)
{
    float inside = fminf(smooth((frame - c->talk_begin) / 2), smooth((c->talk_end - frame) / 2));
    if (inside <= 0) {
        return;
    }
    float a = sinf(c->talk_rate * frame + c->phase[0]),
          b = sinf(0.61f * c->talk_rate * frame + c->phase[1]);
    float open = fmaxf(0, 0.45f + 0.55f * a * (0.6f + 0.4f * b)), round = fmaxf(0, b - 0.3f);
    s4d_pull talk = {0};
    for (int side = 0; side < 2; side++) {
        talk.side[side][S4D_JAW_DROP] = open;
        talk.side[side][S4D_LIP_PART] = 0.8f * open;
        talk.side[side][S4D_LIP_PUCKER] = 0.9f * round;
    }
    s4d_pull_add(pull, &talk, inside * c->talk_pull);
}

static void add_blinks(const s4d_course *c, float frame, s4d_pull *pull)
{
    for (int i = 0; i < c->blinks; i++) {
        float near = 1 - fabsf(frame - c->blink[i]) / (0.5f * c->blink_length);
        if (near > 0) {
            float shut = fminf(1, 1.6f * near);
            for (int side = 0; side < 2; side++) {
                pull->side[side][S4D_EYE_CLOSE] = fmaxf(pull->side[side][S4D_EYE_CLOSE], shut);
            }
        }
    }
}

static void set_pose(const s4d_course *c, float frame, float level, s4d_pose *pose)
{
    const float *ph = c->phase;
    float idle[3], shiver = c->tremble * level * sinf(c->tremble_rate * 1.31f * frame + ph[7]);
    for (int i = 0; i < 3; i++) {
        idle[i] = c->sway[i] * (sinf(c->sway_rate * frame + ph[i]) +
                                0.5f * sinf(2.3f * c->sway_rate * frame + ph[i + 3]));
    }
    float shake = c->shake * level * sinf(c->shake_rate * frame + ph[6]);
    bool nods = c->emotion == S4D_HAPPINESS;
    *pose = c->base;
    pose->yaw += idle[0] + level * c->turn_yaw + (nods ? 0 : shake) + 0.2f * shiver;
    pose->pitch += idle[1] + level * c->turn_pitch + (nods ? shake : 0);
    pose->roll += idle[2] + level * c->turn_roll + 0.15f * shiver;
    pose->scale *= 1 + level * c->approach;
    pose->x += 0.04f * shiver + 0.25f * idle[0];
    pose->y += 0.3f * level * c->turn_pitch;
    float look = sinf(0.8f * frame + ph[5]) + sinf(0.37f * frame + ph[6]);
    pose->gaze_x += c->dart * (look > 0.3f    ? 0.8f
                               : look < -0.3f ? -0.8f
                                              : 0) +
                    0.3f * sinf(0.07f * frame + ph[4]);
    pose->gaze_y +=
        c->emotion == S4D_DISAPPOINTMENT || c->emotion == S4D_SADNESS ? 0.8f * level : 0;
}

void s4d_course_at(const s4d_course *c, int frame, s4d_face *face)
{
    float t = (float)frame, level = s4d_course_level(c, t);
    s4d_pull now = c->drawn;
    for (int m = 0; m < S4D_MUSCLES; m++) {
        float share = s4d_course_level(c, t - c->lag[m]);
        float shiver = 1 + 2 * c->tremble * sinf(c->tremble_rate * t + (float)m);
        now.side[0][m] *= share * shiver;
        now.side[1][m] *= share * shiver;
    }
    s4d_expression_at(face->id, &now, c->strength, &face->pull);
    add_talk(c, t, &face->pull);
    add_blinks(c, t, &face->pull);
    set_pose(c, t, level, &face->pose);
}

void s4d_still_draw(s4d_emotion e, s4d_rng *rng, s4d_face *face)
{
    s4d_pull drawn;
    s4d_expression_draw(e, false, rng, &drawn);
    s4d_expression_at(face->id, &drawn, between(rng, 0.45, 1), &face->pull);
    draw_pose(rng, &face->pose);
    face->pose.pitch += between(rng, 0, 1) * HABIT[e].pitch;
}
