/* RandAugment (Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space", 2020)
 * on bytes: Pillow's operators, byte for byte (PIXELS.md sections 2 and 3), and timm's strings and ranges (METHOD.md
 * section 6). A policy is parsed from a string, a plan is drawn from it once per clip, and the plan is applied to
 * every frame. */
#ifndef S4D_DATA_AUGMENT_H
#define S4D_DATA_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "s4d/base/rng.h"
#include "s4d/data/image.h"

/* In the order of timm's list, which the draw relies on. */
typedef enum s4d_augment_op {
    S4D_AUGMENT_AUTOCONTRAST,
    S4D_AUGMENT_EQUALIZE,
    S4D_AUGMENT_INVERT,
    S4D_AUGMENT_ROTATE,       /* argument: degrees, counter-clockwise */
    S4D_AUGMENT_POSTERIZE,    /* bits kept; 8 and more: all */
    S4D_AUGMENT_SOLARIZE,     /* values from this one on are inverted */
    S4D_AUGMENT_SOLARIZE_ADD, /* added to values below 128 */
    S4D_AUGMENT_COLOR,        /* this and the next three: 1 changes nothing */
    S4D_AUGMENT_CONTRAST,
    S4D_AUGMENT_BRIGHTNESS,
    S4D_AUGMENT_SHARPNESS,
    S4D_AUGMENT_SHEAR_X,      /* pixels left per row */
    S4D_AUGMENT_SHEAR_Y,      /* pixels up per column */
    S4D_AUGMENT_TRANSLATE_X,  /* share of the width, to the left */
    S4D_AUGMENT_TRANSLATE_Y,  /* share of the height, upwards */
    S4D_AUGMENT_OPS
} s4d_augment_op;

/* "autocontrast", ..., "translate_x_rel", "translate_y_rel". */
const char *s4d_augment_op_name(s4d_augment_op op);
/* False: there is no such operation. */
bool s4d_augment_op_find(const char *name, s4d_augment_op *op);
/* Whether it moves pixels, that is: uses the resampling filter and the fill colour. */
bool s4d_augment_op_moves(s4d_augment_op op);

/* ---- policy ---- */

enum { S4D_AUGMENT_STEPS_MAX = 16 };

typedef struct s4d_augment_policy {
    int steps;            /* n: operations drawn for a clip, 1..S4D_AUGMENT_STEPS_MAX */
    double prob;          /* p: of each to be applied */
    double magnitude;     /* m */
    double magnitude_std; /* mstd: of the normal draw around m; infinite: uniform in 0..m */
    double magnitude_max; /* mmax: every magnitude is clipped to 0..mmax */
    bool increasing;      /* inc: larger magnitudes always change more */
    bool weighted;        /* w0: drawn without replacement by timm's weights, which favour moving pixels */
} s4d_augment_policy;

/* "rand", then sections in any order, each once, with "-" between: m (whole, 0..100; default 10), n (1..16; 2), mstd
 * (decimal; 0, above 100 uniform), mmax (1..100; 10), inc (0 or 1; 0), p (0..1; 0.5), w (0; equal chances). As in
 * timm, save that it takes inc0 for inc1 and passes over sections without a number. S4D_USAGE, with a sentence that
 * quotes the text, for anything else. */
s4d_status s4d_augment_parse(const char *text, s4d_augment_policy *out, s4d_err *err);

/* ---- plan ---- */

typedef struct s4d_augment_step {
    s4d_augment_op op;
    double argument;     /* finite; 0 where the operation takes none */
    s4d_filter resample; /* of operations that move pixels */
} s4d_augment_step;

/* What happens to all frames of a clip, in this order. A zeroed plan changes nothing. */
typedef struct s4d_augment_plan {
    s4d_augment_step step[S4D_AUGMENT_STEPS_MAX];
    int count;
} s4d_augment_plan;

typedef enum s4d_augment_interpolation {
    S4D_AUGMENT_BICUBIC,
    S4D_AUGMENT_BILINEAR,
    S4D_AUGMENT_EITHER /* one of the two, drawn for each step */
} s4d_augment_interpolation;

/* Draws which operations, then for each its chance, magnitude, sign and filter. Cannot fail: a policy that
 * s4d_augment_parse could not have made is a bug. */
void s4d_augment_draw(const s4d_augment_policy *policy, s4d_augment_interpolation interpolation, s4d_rng *rng,
                      s4d_augment_plan *plan);

/* Applies a plan in place: image->rgb stays the same block, its size does not change. `fill` is the colour of what
 * comes from outside the picture. `spare`, another picture, is scratch: it is brought to the picture's size when the
 * plan needs it, which allocates only where its room is too small. S4D_FAILED without memory, the picture untouched. */
s4d_status s4d_augment_apply(const s4d_augment_plan *plan, const uint8_t fill[3], s4d_image *image, s4d_image *spare,
                             s4d_err *err);

#endif
