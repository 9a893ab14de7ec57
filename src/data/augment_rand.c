/* RandAugment: the string that describes it, the draw of a plan, and a plan applied to a picture.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment_private.h"
#include "s4d/base/err.h"
#include "s4d/base/str.h"

/* The operation's name, and its weight under w0, in 200ths. */
static const struct {
    const char *name;
    uint32_t weight;
} operation[S4D_AUGMENT_OPS] = {
    [S4D_AUGMENT_AUTOCONTRAST] = {"autocontrast", 5},
    [S4D_AUGMENT_EQUALIZE] = {"equalize", 1},
    [S4D_AUGMENT_INVERT] = {"invert", 0},
    [S4D_AUGMENT_ROTATE] = {"rotate", 60},
    [S4D_AUGMENT_POSTERIZE] = {"posterize", 0},
    [S4D_AUGMENT_SOLARIZE] = {"solarize", 1},
    [S4D_AUGMENT_SOLARIZE_ADD] = {"solarize_add", 1},
    [S4D_AUGMENT_COLOR] = {"color", 5},
    [S4D_AUGMENT_CONTRAST] = {"contrast", 1},
    [S4D_AUGMENT_BRIGHTNESS] = {"brightness", 1},
    [S4D_AUGMENT_SHARPNESS] = {"sharpness", 5},
    [S4D_AUGMENT_SHEAR_X] = {"shear_x", 40},
    [S4D_AUGMENT_SHEAR_Y] = {"shear_y", 40},
    [S4D_AUGMENT_TRANSLATE_X] = {"translate_x_rel", 20},
    [S4D_AUGMENT_TRANSLATE_Y] = {"translate_y_rel", 20},
};

static uint32_t weight_of(const s4d_augment_policy *policy, int op)
{
    return policy->weighted ? operation[op].weight : 1;
}

/* Operations that w0 can draw, each once. */
static int weighted_count(void)
{
    int n = 0;
    for (int op = 0; op < S4D_AUGMENT_OPS; op++) {
        n += operation[op].weight > 0;
    }
    return n;
}

const char *s4d_augment_op_name(s4d_augment_op op)
{
    S4D_BUG_IF((unsigned)op >= S4D_AUGMENT_OPS);
    return operation[op].name;
}

bool s4d_augment_op_find(const char *name, s4d_augment_op *op)
{
    for (int i = 0; i < S4D_AUGMENT_OPS; i++) {
        if (strcmp(operation[i].name, name) == 0) {
            *op = (s4d_augment_op)i;
            return true;
        }
    }
    return false;
}

bool s4d_augment_op_moves(s4d_augment_op op)
{
    return op == S4D_AUGMENT_ROTATE || op >= S4D_AUGMENT_SHEAR_X;
}

/* ---- the string ---- */

enum { TEXT_MAX = 63 };

typedef enum section_key {
    KEY_M,
    KEY_N,
    KEY_MSTD,
    KEY_MMAX,
    KEY_INC,
    KEY_P,
    KEY_W,
    KEYS
} section_key;

static const char *const key_name[KEYS] = {"m", "n", "mstd", "mmax", "inc", "p", "w"};

typedef struct range {
    bool whole;
    double low, high;
    const char *words;
} range;

static const range key_range[KEYS] = {
    [KEY_M] = {true, 0, 100, "a whole number 0..100"},
    [KEY_N] = {true, 1, S4D_AUGMENT_STEPS_MAX, "a whole number 1..16"},
    [KEY_MSTD] = {false, 0, INFINITY, "a number that is not negative"},
    [KEY_MMAX] = {true, 1, 100, "a whole number 1..100"},
    [KEY_INC] = {true, 0, 1, "0 or 1"},
    [KEY_P] = {false, 0, 1, "a number 0..1"},
    [KEY_W] = {true, 0, 0, "0, the only set of weights"},
};
_Static_assert(S4D_AUGMENT_STEPS_MAX == 16, "key_range says so in words");

/* The text being read, and which sections it had. */
typedef struct parse {
    const char *text; /* as it may be shown */
    double value[KEYS];
    bool given[KEYS];
    s4d_err *err;
} parse;

static s4d_status unknown_section(const parse *p, const char *key)
{
    const char *near = s4d_str_nearest(key, key_name, KEYS);
    if (near) {
        return s4d_err_set(p->err, S4D_USAGE,
                           "\"%s\": there is no section \"%s\"; did you mean \"%s\"?", p->text, key,
                           near);
    }
    return s4d_err_set(
        p->err, S4D_USAGE,
        "\"%s\": there is no section \"%s\"; the sections are m, n, mstd, mmax, inc, p "
        "and w",
        p->text, key);
}

/* Digits with at most one point in a decimal: no sign, exponent or name of a number. */
static bool read_value(const char *text, const range *r, double *value)
{
    const char *allowed = r->whole ? "0123456789" : "0123456789.";
    char *end;
    if (!*text || text[strspn(text, allowed)]) {
        return false;
    }
    *value = strtod(text, &end);
    return !*end && *value >= r->low && *value <= r->high;
}

/* A key, then a value, which begins with a digit. */
static s4d_status read_section(parse *p, const char *section)
{
    char key[TEXT_MAX + 1] = "";
    size_t n = strcspn(section, "0123456789");
    memcpy(key, section, n);
    if (!*section) {
        return s4d_err_set(p->err, S4D_USAGE,
                           "\"%s\": a section is empty; take out the \"-\" before it", p->text);
    }
    int k = 0;
    while (k < KEYS && strcmp(key, key_name[k]) != 0) {
        k++;
    }
    if (k == KEYS) {
        return unknown_section(p, key);
    }
    if (p->given[k]) {
        return s4d_err_set(p->err, S4D_USAGE, "\"%s\": section \"%s\" is given twice; keep one",
                           p->text, key);
    }
    if (!read_value(section + n, &key_range[k], &p->value[k])) {
        return s4d_err_set(p->err, S4D_USAGE, "\"%s\": section \"%s\": expected \"%s\" and %s",
                           p->text, section, key, key_range[k].words);
    }
    p->given[k] = true;
    return S4D_OK;
}

static double value_or(const parse *p, section_key key, double otherwise)
{
    return p->given[key] ? p->value[key] : otherwise;
}

static s4d_status make_policy(const parse *p, s4d_augment_policy *out)
{
    double std = value_or(p, KEY_MSTD, 0.0);
    s4d_augment_policy policy = {.steps = (int)value_or(p, KEY_N, 2.0),
                                 .prob = value_or(p, KEY_P, 0.5),
                                 .magnitude = value_or(p, KEY_M, 10.0),
                                 .magnitude_std = std > 100.0 ? INFINITY : std,
                                 .magnitude_max = value_or(p, KEY_MMAX, 10.0),
                                 .increasing = value_or(p, KEY_INC, 0.0) != 0.0,
                                 .weighted = p->given[KEY_W]};
    if (policy.weighted && policy.steps > weighted_count()) {
        return s4d_err_set(
            p->err, S4D_USAGE,
            "\"%s\": w0 draws each of its %d operations at most once; set n to 1..%d", p->text,
            weighted_count(), weighted_count());
    }
    *out = policy;
    return S4D_OK;
}

s4d_status s4d_augment_parse(const char *text, s4d_augment_policy *out, s4d_err *err)
{
    char rest[TEXT_MAX + 1];
    size_t size = strlen(text);
    if (size > TEXT_MAX) {
        return s4d_err_set(
            err, S4D_USAGE,
            "a RandAugment string of %zu characters cannot be right; write one such as "
            "\"rand-m7-n4-mstd0.5-inc1\"",
            size);
    }
    memcpy(rest, text, size + 1);
    char *next = rest;
    parse p = {.text = text, .err = err};
    if (strcmp(strsep(&next, "-"), "rand") != 0) {
        return s4d_err_set(err, S4D_USAGE,
                           "\"%s\": a RandAugment string begins with \"rand\" and goes on as in "
                           "\"rand-m7-n4-mstd0.5-inc1\"",
                           text);
    }
    while (next) {
        s4d_status status = read_section(&p, strsep(&next, "-"));
        if (status != S4D_OK) {
            return status;
        }
    }
    return make_policy(&p, out);
}

/* ---- the draw ---- */

static void check_policy(const s4d_augment_policy *policy)
{
    S4D_BUG_IF(policy->steps < 1 || policy->steps > S4D_AUGMENT_STEPS_MAX);
    S4D_BUG_IF(policy->weighted && policy->steps > weighted_count());
    S4D_BUG_IF(!(policy->prob >= 0.0 && policy->prob <= 1.0));
    S4D_BUG_IF(!(policy->magnitude >= 0.0) || !(policy->magnitude_std >= 0.0));
    S4D_BUG_IF(!(policy->magnitude_max > 0.0 && policy->magnitude_max <= 100.0));
}

/* With equal chances an operation may come again; under weights each comes at most once. */
static void draw_operations(const s4d_augment_policy *policy, s4d_rng *rng, s4d_augment_op *op)
{
    uint32_t left[S4D_AUGMENT_OPS], total = 0;
    for (int i = 0; i < S4D_AUGMENT_OPS; i++) {
        left[i] = weight_of(policy, i);
        total += left[i];
    }
    for (int k = 0; k < policy->steps; k++) {
        uint32_t place = s4d_rng_below(rng, total);
        int i = 0;
        while (place >= left[i]) {
            place -= left[i++];
        }
        op[k] = (s4d_augment_op)i;
        if (policy->weighted) {
            total -= left[i];
            left[i] = 0;
        }
    }
}

static double draw_magnitude(const s4d_augment_policy *policy, s4d_rng *rng)
{
    double m = policy->magnitude;
    if (isinf(policy->magnitude_std)) {
        m = s4d_rng_range(rng, 0.0, m);
    } else if (policy->magnitude_std > 0.0) {
        m += policy->magnitude_std * s4d_rng_normal(rng);
    }
    return fmin(fmax(m, 0.0), policy->magnitude_max);
}

static double either_sign(double x, s4d_rng *rng)
{
    return s4d_rng_below(rng, 2) == 1 ? -x : x;
}

/* `level` is the magnitude over 10. */
static double draw_argument(s4d_augment_op op, double level, bool increasing, s4d_rng *rng)
{
    switch (op) {
    case S4D_AUGMENT_ROTATE:
        return either_sign(level * 30.0, rng);
    case S4D_AUGMENT_POSTERIZE:
        return increasing ? 4.0 - trunc(level * 4.0) : trunc(level * 4.0);
    case S4D_AUGMENT_SOLARIZE:
        return increasing ? 256.0 - trunc(level * 256.0) : trunc(level * 256.0);
    case S4D_AUGMENT_SOLARIZE_ADD:
        return trunc(level * 110.0);
    case S4D_AUGMENT_COLOR:
    case S4D_AUGMENT_CONTRAST:
    case S4D_AUGMENT_BRIGHTNESS:
    case S4D_AUGMENT_SHARPNESS:
        /* Below 0.1 only with an mmax above 10. */
        return increasing ? fmax(0.1, 1.0 + either_sign(level * 0.9, rng)) : level * 1.8 + 0.1;
    case S4D_AUGMENT_SHEAR_X:
    case S4D_AUGMENT_SHEAR_Y:
        return either_sign(level * 0.3, rng);
    case S4D_AUGMENT_TRANSLATE_X:
    case S4D_AUGMENT_TRANSLATE_Y:
        return either_sign(level * 0.45, rng);
    default: /* the three that take none */
        return 0.0;
    }
}

static s4d_filter draw_filter(s4d_augment_op op, s4d_augment_interpolation interpolation,
                              s4d_rng *rng)
{
    if (!s4d_augment_op_moves(op) || interpolation == S4D_AUGMENT_BILINEAR) {
        return S4D_BILINEAR;
    }
    bool bicubic = interpolation == S4D_AUGMENT_BICUBIC || s4d_rng_below(rng, 2) == 1;
    return bicubic ? S4D_BICUBIC : S4D_BILINEAR;
}

void s4d_augment_draw(const s4d_augment_policy *policy, s4d_augment_interpolation interpolation,
                      s4d_rng *rng, s4d_augment_plan *plan)
{
    check_policy(policy);
    s4d_augment_op op[S4D_AUGMENT_STEPS_MAX];
    draw_operations(policy, rng, op);
    *plan = (s4d_augment_plan){0};
    for (int k = 0; k < policy->steps; k++) {
        if (!(s4d_rng_uniform(rng) < policy->prob)) {
            continue;
        }
        s4d_augment_step *step = &plan->step[plan->count++];
        double level = draw_magnitude(policy, rng) / 10.0;
        step->op = op[k];
        step->argument = draw_argument(op[k], level, policy->increasing, rng);
        step->resample = draw_filter(op[k], interpolation, rng);
    }
}

/* ---- applying ---- */

static bool needs_spare(const s4d_augment_plan *plan)
{
    for (int k = 0; k < plan->count; k++) {
        s4d_augment_op op = plan->step[k].op;
        if (s4d_augment_op_moves(op) || op == S4D_AUGMENT_SHARPNESS) {
            return true;
        }
    }
    return false;
}

s4d_status s4d_augment_apply(const s4d_augment_plan *plan, const uint8_t fill[3], s4d_image *image,
                             s4d_image *spare, s4d_err *err)
{
    S4D_BUG_IF(image == spare || !image->rgb || image->height < 1 || image->width < 1);
    S4D_BUG_IF(plan->count < 0 || plan->count > S4D_AUGMENT_STEPS_MAX);
    if (needs_spare(plan)) {
        s4d_status status = s4d_image_size(spare, image->height, image->width, err);
        if (status != S4D_OK) {
            return status;
        }
    }
    for (int k = 0; k < plan->count; k++) {
        const s4d_augment_step *step = &plan->step[k];
        S4D_BUG_IF(!isfinite(step->argument));
        if (s4d_augment_op_moves(step->op)) {
            memcpy(spare->rgb, image->rgb, (size_t)image->height * (size_t)image->width * 3);
            s4d_augment_move(step, fill, spare, image);
        } else {
            s4d_augment_recolour(step, image, spare);
        }
    }
    return S4D_OK;
}
