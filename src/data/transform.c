/* Boxes, flips and erasures of training: what is drawn about one sample, as a recipe for the
 * device. */
#include <math.h>

#include "s4d/base/err.h"
#include "s4d/data/draw.h"

enum { CROP_ATTEMPTS = 10 };

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Uniform in the logarithm, so that a shape and its transpose are as likely. */
static double draw_log_uniform(const double range[2], s4d_rng *rng)
{
    return exp(s4d_rng_range(rng, log(range[0]), log(range[1])));
}

/* Halves go to the even number, as in the published code's language. */
static int round_side(double side)
{
    return (int)nearbyint(fmin(side, 1e9));
}

/* Every place where a box of that size lies inside height x width is as likely. */
static void draw_place(int height, int width, s4d_rng *rng, int box[4])
{
    box[0] = (int)s4d_rng_below(rng, (uint32_t)(height - box[2]) + 1);
    box[1] = (int)s4d_rng_below(rng, (uint32_t)(width - box[3]) + 1);
}

static void centred_crop(int height, int width, const double ratio[2], int box[4])
{
    double shape = (double)width / height;
    box[2] = height;
    box[3] = width;
    if (shape < ratio[0]) {
        box[2] = smaller(height, (int)fmax(1.0, round_side(width / ratio[0])));
    } else if (shape > ratio[1]) {
        box[3] = smaller(width, (int)fmax(1.0, round_side(height * ratio[1])));
    }
    box[0] = (height - box[2]) / 2;
    box[1] = (width - box[3]) / 2;
}

void s4d_draw_resized_crop(int height, int width, const double area[2], const double ratio[2],
                           s4d_rng *rng, int box[4])
{
    S4D_BUG_IF(height < 1 || width < 1 || !(area[0] > 0.0) || !(ratio[0] > 0.0));
    double whole = (double)height * width;
    for (int i = 0; i < CROP_ATTEMPTS; i++) {
        double target = whole * s4d_rng_range(rng, area[0], area[1]);
        double shape = draw_log_uniform(ratio, rng);
        box[2] = round_side(sqrt(target / shape));
        box[3] = round_side(sqrt(target * shape));
        if (box[2] >= 1 && box[2] <= height && box[3] >= 1 && box[3] <= width) {
            draw_place(height, width, rng, box);
            return;
        }
    }
    centred_crop(height, width, ratio, box);
}

bool s4d_draw_erase(const s4d_augment_opts *o, int img_size, s4d_rng *rng, int box[4])
{
    if (o->erase_fill == S4D_ERASE_NONE || !(s4d_rng_uniform(rng) < o->erase_prob)) {
        return false;
    }
    double whole = (double)img_size * img_size;
    for (int i = 0; i < o->erase_attempts; i++) {
        double target = whole * s4d_rng_range(rng, o->erase_area[0], o->erase_area[1]);
        double shape = draw_log_uniform(o->erase_aspect, rng);
        box[2] = round_side(sqrt(target * shape));
        box[3] = round_side(sqrt(target / shape));
        if (box[2] >= 1 && box[2] < img_size && box[3] >= 1 && box[3] < img_size) {
            draw_place(img_size, img_size, rng, box);
            return true;
        }
    }
    return false;
}

/* The short side becomes `side`, the long one keeps the shape and loses its fraction. */
static void set_mid_size(int side, s4d_recipe *recipe)
{
    int32_t height = recipe->height, width = recipe->width;
    recipe->mid_height = height <= width ? side : (int32_t)((int64_t)side * height / width);
    recipe->mid_width = width <= height ? side : (int32_t)((int64_t)side * width / height);
}

static void draw_crop(const s4d_augment_opts *o, int img_size, s4d_rng *rng, s4d_recipe *recipe)
{
    int box[4] = {0, 0, recipe->mid_height, recipe->mid_width};
    switch (o->crop) {
    case S4D_CROP_RESIZED:
        s4d_draw_resized_crop(recipe->mid_height, recipe->mid_width, o->area, o->ratio, rng, box);
        break;
    case S4D_CROP_RANDOM:
        S4D_BUG_IF(recipe->mid_height < img_size || recipe->mid_width < img_size);
        box[2] = box[3] = img_size;
        draw_place(recipe->mid_height, recipe->mid_width, rng, box);
        break;
    case S4D_CROP_RESIZED_BICUBIC: /* was cut and resized on bytes */
    case S4D_CROP_NONE:
        break;
    }
    recipe->top = box[0];
    recipe->left = box[1];
    recipe->box_height = box[2];
    recipe->box_width = box[3];
}

void s4d_draw_recipe(const s4d_augment_opts *o, int height, int width, int img_size, s4d_rng *rng,
                     s4d_recipe *recipe)
{
    *recipe =
        (s4d_recipe){.height = height, .width = width, .mid_height = height, .mid_width = width};
    if (o->short_side > 0) {
        set_mid_size(o->short_side, recipe);
    }
    draw_crop(o, img_size, rng, recipe);
    recipe->flip = s4d_rng_uniform(rng) < o->flip;
    int box[4];
    if (s4d_draw_erase(o, img_size, rng, box)) {
        recipe->erase = (int32_t)o->erase_fill;
        recipe->erase_top = box[0];
        recipe->erase_left = box[1];
        recipe->erase_height = box[2];
        recipe->erase_width = box[3];
        uint64_t high = s4d_rng_u32(rng);
        recipe->noise_key = high << 32 | s4d_rng_u32(rng);
    }
}

void s4d_plain_recipe(int img_size, s4d_recipe *recipe)
{
    *recipe = (s4d_recipe){.height = img_size,
                           .width = img_size,
                           .mid_height = img_size,
                           .mid_width = img_size,
                           .box_height = img_size,
                           .box_width = img_size};
}
