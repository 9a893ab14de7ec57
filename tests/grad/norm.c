/* Gradients of LayerNorm, attention and the losses. */
#include <math.h>
#include <string.h>

#include "grad.h"

/* ---- LayerNorm ---- */

typedef struct norm {
    s4d_backend *be;
    s4d_layer_norm_fwd_args fwd;
    s4d_tensor dy;
} norm;

static double norm_value(void *context)
{
    norm *c = context;
    s4d_layer_norm_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

GRADIENT(layer_norm_bwd)
{
    for (int add = 0; add < 2; add++) {
        norm c = {g->be,
                  {.x = NORMAL(4, 9),
                   .w = NORMAL(9),
                   .b = NORMAL(9),
                   .eps = 1e-6,
                   .mean = ZEROS(4),
                   .rstd = ZEROS(4),
                   .y = ZEROS(4, 9)},
                  NORMAL(4, 9)};
        norm_value(&c);
        s4d_layer_norm_bwd_args bwd = {.x = c.fwd.x,
                                       .w = c.fwd.w,
                                       .mean = c.fwd.mean,
                                       .rstd = c.fwd.rstd,
                                       .dy = c.dy,
                                       .dx = STARTED(4, 9),
                                       .dw = STARTED(9),
                                       .db = STARTED(9),
                                       .add_dx = add};
        s4d_layer_norm_bwd(g->be, &bwd);
        compare_gradients(g, &(function){"layer_norm",
                                         norm_value,
                                         &c,
                                         {{"x", c.fwd.x, bwd.dx, add ? START : 0},
                                          {"w", c.fwd.w, bwd.dw, START},
                                          {"b", c.fwd.b, bwd.db, START}},
                                         3});
    }
}

typedef struct residual_norm {
    s4d_backend *be;
    s4d_residual_norm_fwd_args fwd;
    s4d_tensor dy, dnormed;
} residual_norm;

static double residual_norm_value(void *context)
{
    residual_norm *c = context;
    s4d_residual_norm_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy) + weighted_sum(&c->fwd.normed, &c->dnormed);
}

/* Its backward is that of the norm, added to the gradient of y, and that of the residual behind it. */
GRADIENT(residual_norm_fwd)
{
    for (int keep = 0; keep < 2; keep++) {
        residual_norm c = {g->be,
                           {.x = NORMAL(3, 2, 5),
                            .r = NORMAL(3, 2, 5),
                            .y = ZEROS(3, 2, 5),
                            .w = NORMAL(5),
                            .b = NORMAL(5),
                            .eps = 1e-6,
                            .mean = ZEROS(6),
                            .rstd = ZEROS(6),
                            .normed = ZEROS(3, 2, 5)},
                           NORMAL(3, 2, 5),
                           NORMAL(3, 2, 5)};
        if (keep) {
            c.fwd.keep = NORMAL(3);
            ((double *)c.fwd.keep.data)[1] = 0;
        }
        residual_norm_value(&c);
        s4d_layer_norm_bwd_args norm_bwd = {.x = c.fwd.y,
                                            .dy = c.dnormed,
                                            .w = c.fwd.w,
                                            .mean = c.fwd.mean,
                                            .rstd = c.fwd.rstd,
                                            .dx = ZEROS(3, 2, 5),
                                            .dw = STARTED(5),
                                            .db = STARTED(5),
                                            .add_dx = true};
        memcpy(norm_bwd.dx.data, c.dy.data, s4d_tensor_bytes(&c.dy));
        s4d_layer_norm_bwd(g->be, &norm_bwd);
        s4d_residual_bwd_args bwd = {
            .dy = norm_bwd.dx, .keep = c.fwd.keep, .dr = STARTED(3, 2, 5)};
        s4d_residual_bwd(g->be, &bwd);
        compare_gradients(g, &(function){"residual_norm",
                                         residual_norm_value,
                                         &c,
                                         {{"x", c.fwd.x, norm_bwd.dx, 0},
                                          {"r", c.fwd.r, bwd.dr, 0},
                                          {"w", c.fwd.w, norm_bwd.dw, START},
                                          {"b", c.fwd.b, norm_bwd.db, START}},
                                         4});
    }
}

/* ---- attention ---- */

typedef struct attention {
    s4d_backend *be;
    s4d_attention_fwd_args fwd;
    s4d_tensor dy;
} attention;

static double attention_value(void *context)
{
    attention *c = context;
    s4d_attention_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

GRADIENT(attention_bwd)
{
    static const int tokens[] = {1, 2, 7};
    for (int i = 0; i < 3; i++) {
        int N = tokens[i], B = 2, H = 2, d = 4;
        attention c = {g->be,
                       {.qkv = NORMAL(B, N, 3, H, d),
                        .scale = 0.5,
                        .stats = ZEROS(B, H, N),
                        .y = ZEROS(B, N, H, d)},
                       NORMAL(B, N, H, d)};
        attention_value(&c);
        s4d_attention_bwd_args bwd = {.qkv = c.fwd.qkv,
                                      .stats = c.fwd.stats,
                                      .y = c.fwd.y,
                                      .dy = c.dy,
                                      .scale = c.fwd.scale,
                                      .dqkv = STARTED(B, N, 3, H, d)};
        s4d_attention_bwd(g->be, &bwd);
        compare_gradients(
            g, &(function){"attention", attention_value, &c, {{"qkv", c.fwd.qkv, bwd.dqkv, 0}}, 1});
    }
}

/* ---- losses ---- */

static const double loss_scale = 0.37;

typedef struct mae {
    s4d_backend *be;
    s4d_mae_loss_fwd_args fwd;
} mae;

static double mae_value(void *context)
{
    mae *c = context;
    s4d_mae_loss_fwd(c->be, &c->fwd);
    return loss_scale * *(double *)c->fwd.value.data;
}

GRADIENT(mae_loss_bwd)
{
    mae c = {g->be, {.x = NORMAL(4, 6), .target = NORMAL(4, 6), .value = ZEROS(1)}};
    s4d_mae_loss_bwd_args bwd = {
        .x = c.fwd.x, .target = c.fwd.target, .scale = loss_scale, .dx = STARTED(4, 6)};
    s4d_mae_loss_bwd(g->be, &bwd);
    compare_gradients(g, &(function){"mae_loss", mae_value, &c, {{"x", c.fwd.x, bwd.dx, 0}}, 1});
}

typedef struct entropy {
    s4d_backend *be;
    s4d_cross_entropy_fwd_args fwd;
} entropy;

static double entropy_value(void *context)
{
    entropy *c = context;
    s4d_cross_entropy_fwd(c->be, &c->fwd);
    return loss_scale * *(double *)c->fwd.value.data;
}

/* Targets need not sum to 1. */
GRADIENT(cross_entropy_bwd)
{
    for (int given = 0; given < 4; given++) {
        entropy c = {g->be,
                     {.logits = NORMAL(3, 5),
                      .target = NORMAL(3, 5),
                      .prob = ZEROS(3, 5),
                      .value = ZEROS(1)}};
        if (given & 1) {
            c.fwd.weight = NORMAL(5);
        }
        if (given & 2) {
            c.fwd.adjust = NORMAL(5);
        }
        entropy_value(&c);
        s4d_cross_entropy_bwd_args bwd = {.prob = c.fwd.prob,
                                          .target = c.fwd.target,
                                          .weight = c.fwd.weight,
                                          .scale = loss_scale,
                                          .dlogits = STARTED(3, 5)};
        s4d_cross_entropy_bwd(g->be, &bwd);
        compare_gradients(
            g,
            &(function){
                "cross_entropy", entropy_value, &c, {{"logits", c.fwd.logits, bwd.dlogits, 0}}, 1});
    }
}
