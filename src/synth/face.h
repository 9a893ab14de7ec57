/* What a drawn face is made of: who (identity), what the muscles do, how the head is held, and the
 * picture around it. Private to src/synth. Lengths are in head units: 1 is half the height of a
 * face; x to the viewer's right, y down, z to the viewer; the origin lies between the ears. */
#ifndef S4D_SYNTH_FACE_H
#define S4D_SYNTH_FACE_H

#include "synth/raster.h"

/* ---- muscles ---- */

/* After the action units (AU) of the Facial Action Coding System (Ekman and Friesen 1978). */
typedef enum s4d_muscle {
    S4D_BROW_INNER_UP, /* AU1 */
    S4D_BROW_OUTER_UP, /* AU2 */
    S4D_BROW_DOWN,     /* AU4 */
    S4D_LID_UP,        /* AU5 */
    S4D_CHEEK_UP,      /* AU6 */
    S4D_LID_TIGHT,     /* AU7 */
    S4D_NOSE_WRINKLE,  /* AU9 */
    S4D_UPPER_LIP_UP,  /* AU10 */
    S4D_CORNER_UP,     /* AU12 */
    S4D_DIMPLE,        /* AU14 */
    S4D_CORNER_DOWN,   /* AU15 */
    S4D_CHIN_UP,       /* AU17 */
    S4D_LIP_PUCKER,    /* AU18 */
    S4D_LIP_STRETCH,   /* AU20 */
    S4D_LIP_PRESS,     /* AU23, AU24 */
    S4D_LIP_PART,      /* AU25 */
    S4D_JAW_DROP,      /* AU26 */
    S4D_EYE_CLOSE,     /* AU43, AU45 */
    S4D_MUSCLES
} s4d_muscle;

/* Pull of each muscle, 0 (rest) to 1, of the side on the viewer's left [0] and right [1]. */
typedef struct s4d_pull {
    float side[2][S4D_MUSCLES];
} s4d_pull;

float s4d_pull_mean(const s4d_pull *p, s4d_muscle m);
/* Adds share * b to a; the sum stays within 0..1.2. */
void s4d_pull_add(s4d_pull *a, const s4d_pull *b, float share);

/* ---- who ---- */

typedef enum s4d_hair {
    S4D_HAIR_NONE,
    S4D_HAIR_SHORT,
    S4D_HAIR_FRINGE,
    S4D_HAIR_PARTED,
    S4D_HAIR_RECEDING,
    S4D_HAIR_BOB,
    S4D_HAIR_LONG,
    S4D_HAIR_CURLY,
    S4D_HAIR_TIED,
    S4D_HAIR_SCARF,
    S4D_HAIR_STYLES
} s4d_hair;

typedef enum s4d_beard {
    S4D_BEARD_NONE,
    S4D_BEARD_STUBBLE,
    S4D_BEARD_MOUSTACHE,
    S4D_BEARD_CHIN,
    S4D_BEARD_FULL,
    S4D_BEARD_STYLES
} s4d_beard;

typedef struct s4d_identity {
    s4d_rgb skin, hair, brow, iris, lips, clothes, frame;
    s4d_hair hair_style;
    s4d_beard beard;
    bool glasses, dark_glasses_rim, mole;
    float width, jaw, chin, length; /* of the face's outline */
    float eye_x, eye_y, eye_width, eye_open, eye_tilt, iris_size;
    float brow_y, brow_thick, brow_length, brow_arch, brow_slope;
    float nose_y, nose_width, nose_ridge;
    float mouth_y, mouth_width, lip_upper, lip_lower, mouth_curve;
    float hairline, parting, volume, ear;
    float age, blush, lashes, mole_x, mole_y;
    s4d_pull
        rest; /* the look of this face at rest: a neutral face that seems sad, cross, amused, ... */
    float gain[S4D_MUSCLES]; /* how strongly this person uses a muscle, about 1 */
    float uneven;            /* -0.2..0.2: the right side pulls more, or the left */
} s4d_identity;

/* The person of a number: the same for every call with the same seed. */
void s4d_identity_draw(uint64_t seed, uint32_t subject, s4d_identity *out);

/* ---- where and in what light ---- */

typedef struct s4d_pose {
    float yaw, pitch, roll; /* radians; to the viewer's right, down, clockwise */
    float scale, x, y;      /* of the head unit and the centre, in parts of the picture's side */
    float gaze_x, gaze_y;   /* -1..1 */
    float tongue;           /* 0..1, seen when the mouth is open */
} s4d_pose;

/* Head to picture. */
typedef struct s4d_head {
    float turn[3][3];
    float cx, cy, unit;
    float rx, ry, rz; /* the ellipsoid that features lie on */
} s4d_head;

s4d_head s4d_head_make(const s4d_identity *id, const s4d_pose *pose, int size);
/* A place on the ellipsoid, raised by `lift`. */
s4d_point s4d_head_on(const s4d_head *h, float x, float y, float lift);
/* A free place. */
s4d_point s4d_head_at(const s4d_head *h, float x, float y, float z);

/* One picture's worth of face. */
typedef struct s4d_face {
    const s4d_identity *id;
    s4d_pull pull; /* with the resting look in it */
    s4d_pose pose;
    float light[3];
    float ambient, gloss;
} s4d_face;

/* What the parts of the drawing share. */
typedef struct s4d_sitting {
    s4d_canvas *canvas;
    const s4d_face *face;
    s4d_head head;
    s4d_shade shade;
    s4d_outline work; /* scratch */
} s4d_sitting;

void s4d_face_draw(s4d_canvas *c, const s4d_face *face);

/* The parts, from back to front. */
void s4d_draw_hair_behind(s4d_sitting *s);
void s4d_draw_skull(s4d_sitting *s); /* neck, ears, face */
void s4d_draw_skin(s4d_sitting *s);  /* folds and wrinkles */
void s4d_draw_nose(s4d_sitting *s);
void s4d_draw_beard(s4d_sitting *s);
void s4d_draw_mouth(s4d_sitting *s);
void s4d_draw_eye(s4d_sitting *s, int side);
void s4d_draw_brow(s4d_sitting *s, int side);
void s4d_draw_glasses(s4d_sitting *s);
void s4d_draw_hair_front(s4d_sitting *s);

/* How far the chin has moved down, in head units. */
float s4d_jaw_shift(const s4d_pull *p);

/* ---- expressions ---- */

/* Names are s4d_labels_canonical's; the order is of no meaning outside src/synth. */
typedef enum s4d_emotion {
    S4D_HAPPINESS,
    S4D_SADNESS,
    S4D_NEUTRAL,
    S4D_ANGER,
    S4D_SURPRISE,
    S4D_DISGUST,
    S4D_FEAR,
    S4D_CONTEMPT,
    S4D_ANXIETY,
    S4D_HELPLESSNESS,
    S4D_DISAPPOINTMENT,
    S4D_EMOTIONS
} s4d_emotion;

const char *s4d_emotion_name(s4d_emotion e);

/* Draws one way to show an emotion at full strength: `drawn` holds the pull before the person's own
 * gains. With `alike`, surprise and fear come from one common mixture, so that only their course in
 * time tells them apart. */
void s4d_expression_draw(s4d_emotion e, bool alike, s4d_rng *rng, s4d_pull *drawn);
/* The face at `strength` (0..1) of a drawn expression: rest + strength * gain * drawn. Never falls
 * with strength. */
void s4d_expression_at(const s4d_identity *id, const s4d_pull *drawn, float strength,
                       s4d_pull *out);

/* ---- the picture around the face ---- */

typedef enum s4d_cover {
    S4D_COVER_NONE,
    S4D_COVER_HAND,
    S4D_COVER_BAR,
    S4D_COVER_SCARF,
    S4D_COVER_TEXT
} s4d_cover;

typedef struct s4d_scene {
    s4d_rgb back[3];
    int pattern; /* 0 plain gradient, 1 soft spots, 2 upright stripes, 3 a window */
    float pattern_at[6];
    float light[3], ambient, gloss;
    s4d_cover cover;
    s4d_rgb cover_colour;
    float cover_at[4]; /* x, y, turn, size in parts of the side */
    float blur, noise, brightness, contrast, vignette;
    s4d_rgb cast;
} s4d_scene;

void s4d_scene_draw(s4d_rng *rng, s4d_scene *out);
/* Background, face, cover and finish. Noise is taken from rng. */
void s4d_scene_paint(s4d_canvas *c, const s4d_scene *scene, s4d_face *face, s4d_rng *rng,
                     s4d_image *out);

#endif
