/* A small software rasteriser: outlines filled with exact edge coverage, soft blobs, and finishing
 * of a whole picture. Private to src/synth. Places are in pixels, x to the right, y down; colours
 * are 0..1. */
#ifndef S4D_SYNTH_RASTER_H
#define S4D_SYNTH_RASTER_H

#include <stdbool.h>

#include "s4d/base/rng.h"
#include "s4d/data/image.h"

typedef struct s4d_rgb {
    float r, g, b;
} s4d_rgb;

typedef struct s4d_point {
    float x, y;
} s4d_point;

typedef struct s4d_canvas {
    int size;     /* side */
    float *rgb;   /* [size,size,3] */
    float *edge;  /* [size,size+2] coverage under construction; zero between fills */
    float *clip;  /* [size,size] share that drawing lets through */
    float *spare; /* [size,size,3] for the blur */
    bool clipped;
} s4d_canvas;

s4d_status s4d_canvas_init(s4d_canvas *c, int size, s4d_err *err);
void s4d_canvas_release(s4d_canvas *c);

/* ---- outlines ---- */

enum { S4D_OUTLINE_MAX = 256 };

/* A closed polygon; building more points than fit is a bug. */
typedef struct s4d_outline {
    s4d_point at[S4D_OUTLINE_MAX];
    int count;
} s4d_outline;

void s4d_outline_add(s4d_outline *o, s4d_point p);
void s4d_outline_ellipse(s4d_outline *o, s4d_point centre, float rx, float ry, float turn);
/* A smooth closed curve through n points (Catmull-Rom), `steps` pieces between neighbours. */
void s4d_outline_smooth(s4d_outline *o, const s4d_point *through, int n, int steps);

/* Width of a brush at the start, the middle and the end of its path. */
typedef struct s4d_brush {
    float start, middle, end;
} s4d_brush;

/* The area under a brush led smoothly through n points (2..16). */
void s4d_outline_stroke(s4d_outline *o, const s4d_point *through, int n, s4d_brush brush);

/* ---- drawing ---- */

/* Light on an ellipsoid seen from the front: colours are multiplied by
 * ambient + (1 - ambient) * max(0, normal . light), and gloss is added where the light is mirrored.
 */
typedef struct s4d_shade {
    s4d_point centre;
    float rx, ry, turn;
    float light[3]; /* towards the light, length 1; z to the viewer */
    float ambient, gloss;
} s4d_shade;

typedef struct s4d_paint {
    s4d_rgb colour;
    float alpha;
    const s4d_shade *shade; /* NULL: flat */
} s4d_paint;

void s4d_canvas_fill(s4d_canvas *c, const s4d_outline *o, const s4d_paint *paint);
/* A patch of colour, alpha at its centre and nothing at its rim. */
void s4d_canvas_blob(s4d_canvas *c, s4d_point centre, const float axes[3] /* rx, ry, turn */,
                     const s4d_paint *paint);
/* Until unclip, drawing shows inside the outline only. */
void s4d_canvas_clip(s4d_canvas *c, const s4d_outline *o);
void s4d_canvas_unclip(s4d_canvas *c);

/* ---- finishing ---- */

/* Gaussian blur of about `sigma` pixels; below 0.2 nothing happens. */
void s4d_canvas_blur(s4d_canvas *c, float sigma);

/* out = (rgb * gain + lift), then noise of deviation `noise`, to bytes. */
typedef struct s4d_finish {
    s4d_rgb gain, lift;
    float noise;
} s4d_finish;
void s4d_canvas_finish(const s4d_canvas *c, const s4d_finish *f, s4d_rng *rng, s4d_image *out);

s4d_rgb s4d_rgb_mix(s4d_rgb a, s4d_rgb b, float share_of_b);
s4d_rgb s4d_rgb_scale(s4d_rgb a, float factor);

#endif
