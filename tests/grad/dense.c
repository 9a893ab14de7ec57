/* Gradients of products, biases, rows, GELU and residuals. */
#include <string.h>

#include "grad.h"

/* ---- linear ---- */

typedef struct linear {
    s4d_backend *be;
    s4d_linear_fwd_args fwd;
    s4d_tensor dy;
} linear;

static double linear_value(void *context)
{
    linear *c = context;
    s4d_linear_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

GRADIENT(linear_bwd)
{
    for (int add = 0; add < 2; add++) {
        linear c = {g->be,
                    {.x = NORMAL(5, 7), .w = NORMAL(4, 7), .b = NORMAL(4), .y = ZEROS(5, 4)},
                    NORMAL(5, 4)};
        s4d_linear_bwd_args bwd = {.x = c.fwd.x,
                                   .w = c.fwd.w,
                                   .dy = c.dy,
                                   .dx = STARTED(5, 7),
                                   .dw = STARTED(4, 7),
                                   .db = STARTED(4),
                                   .add_dx = add};
        s4d_linear_bwd(g->be, &bwd);
        compare_gradients(g, &(function){"linear",
                                         linear_value,
                                         &c,
                                         {{"x", c.fwd.x, bwd.dx, add ? START : 0},
                                          {"w", c.fwd.w, bwd.dw, START},
                                          {"b", c.fwd.b, bwd.db, START}},
                                         3});
    }
}

/* ---- queries, keys and values ---- */

typedef struct qkv {
    s4d_backend *be;
    s4d_qkv_fwd_args fwd;
    s4d_tensor dy;
} qkv;

static double qkv_value(void *context)
{
    qkv *c = context;
    s4d_qkv_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

/* The gradients of x and w are linear_bwd's. */
GRADIENT(qkv_bias_bwd)
{
    qkv c = {g->be,
             {.x = NORMAL(4, 3),
              .w = NORMAL(9, 3),
              .q_bias = NORMAL(3),
              .v_bias = NORMAL(3),
              .y = ZEROS(4, 9)},
             NORMAL(4, 9)};
    s4d_qkv_bias_bwd_args bias = {.dy = c.dy, .dq_bias = STARTED(3), .dv_bias = STARTED(3)};
    s4d_qkv_bias_bwd(g->be, &bias);
    s4d_linear_bwd_args bwd = {
        .x = c.fwd.x, .w = c.fwd.w, .dy = c.dy, .dx = STARTED(4, 3), .dw = STARTED(9, 3)};
    s4d_linear_bwd(g->be, &bwd);
    compare_gradients(g, &(function){"qkv",
                                     qkv_value,
                                     &c,
                                     {{"q_bias", c.fwd.q_bias, bias.dq_bias, START},
                                      {"v_bias", c.fwd.v_bias, bias.dv_bias, START},
                                      {"x", c.fwd.x, bwd.dx, 0},
                                      {"w", c.fwd.w, bwd.dw, START}},
                                     4});
}

/* ---- rows ---- */

typedef struct gather {
    s4d_backend *be;
    s4d_gather_rows_args fwd;
    s4d_tensor dy;
} gather;

static double gather_value(void *context)
{
    gather *c = context;
    s4d_gather_rows(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

/* As the backward of gather_rows. */
GRADIENT(scatter_rows)
{
    gather c = {g->be,
                {.x = NORMAL(2, 6, 3), .index = choices_of(g, 6, 2, 4), .y = ZEROS(2, 4, 3)},
                NORMAL(2, 4, 3)};
    s4d_scatter_rows_args bwd = {.x = c.dy, .index = c.fwd.index, .y = STARTED(2, 6, 3)};
    s4d_scatter_rows(g->be, &bwd);
    compare_gradients(g,
                      &(function){"gather_rows", gather_value, &c, {{"x", c.fwd.x, bwd.y, 0}}, 1});
}

typedef struct token_fill {
    s4d_backend *be;
    s4d_token_fill_fwd_args fwd;
    s4d_tensor dy;
} token_fill;

static double token_fill_value(void *context)
{
    token_fill *c = context;
    s4d_token_fill_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

GRADIENT(token_fill_bwd)
{
    s4d_tensor order = choices_of(g, 7, 2, 7), visible = INTS(2, 3), masked = INTS(2, 4);
    for (int b = 0; b < 2; b++) {
        const int32_t *from = (int32_t *)order.data + b * 7;
        memcpy((int32_t *)visible.data + b * 3, from, 3 * sizeof *from);
        memcpy((int32_t *)masked.data + b * 4, from + 3, 4 * sizeof *from);
    }
    token_fill c = {g->be,
                    {.x = NORMAL(2, 3, 5),
                     .token = NORMAL(5),
                     .visible = visible,
                     .masked = masked,
                     .y = ZEROS(2, 7, 5)},
                    NORMAL(2, 7, 5)};
    s4d_token_fill_bwd_args bwd = {.dy = c.dy,
                                   .visible = visible,
                                   .masked = masked,
                                   .dx = STARTED(2, 3, 5),
                                   .dtoken = STARTED(5)};
    s4d_token_fill_bwd(g->be, &bwd);
    compare_gradients(
        g, &(function){"token_fill",
                       token_fill_value,
                       &c,
                       {{"x", c.fwd.x, bwd.dx, 0}, {"token", c.fwd.token, bwd.dtoken, START}},
                       2});
}

typedef struct mean_pool {
    s4d_backend *be;
    s4d_mean_pool_fwd_args fwd;
    s4d_tensor dy;
} mean_pool;

static double mean_pool_value(void *context)
{
    mean_pool *c = context;
    s4d_mean_pool_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

GRADIENT(mean_pool_bwd)
{
    mean_pool c = {g->be, {.x = NORMAL(3, 5, 4), .y = ZEROS(3, 4)}, NORMAL(3, 4)};
    s4d_mean_pool_bwd_args bwd = {.dy = c.dy, .dx = STARTED(3, 5, 4)};
    s4d_mean_pool_bwd(g->be, &bwd);
    compare_gradients(
        g, &(function){"mean_pool", mean_pool_value, &c, {{"x", c.fwd.x, bwd.dx, 0}}, 1});
}

/* ---- GELU and residual ---- */

/* Of z + b: the bias of the layer before it. */
typedef struct gelu {
    s4d_backend *be;
    s4d_gelu_fwd_args fwd;
    s4d_tensor z, b, dy;
} gelu;

static double gelu_value(void *context)
{
    gelu *c = context;
    int64_t N = c->b.dim[0];
    for (int64_t i = 0; i < s4d_tensor_count(&c->z); i++) {
        ((double *)c->fwd.x.data)[i] = ((double *)c->z.data)[i] + ((double *)c->b.data)[i % N];
    }
    s4d_gelu_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

GRADIENT(gelu_bwd)
{
    for (int bias = 0; bias < 2; bias++) {
        gelu c = {g->be,
                  {.x = ZEROS(12, 5), .y = ZEROS(12, 5)},
                  NORMAL(12, 5),
                  NORMAL(5),
                  NORMAL(12, 5)};
        for (int i = 0; i < 60; i++) {
            ((double *)c.z.data)[i] *= 2;
        }
        gelu_value(&c);
        s4d_gelu_bwd_args bwd = {.x = c.fwd.x, .dy = c.dy, .dx = STARTED(12, 5)};
        if (bias) {
            bwd.db = STARTED(5);
        }
        s4d_gelu_bwd(g->be, &bwd);
        compare_gradients(
            g, &(function){"gelu", gelu_value, &c, {{"x", c.z, bwd.dx, 0}, {"b", c.b, bwd.db, START}}, 1 + bias});
    }
}

typedef struct residual {
    s4d_backend *be;
    s4d_residual_fwd_args fwd;
    s4d_tensor dy;
} residual;

static double residual_value(void *context)
{
    residual *c = context;
    s4d_residual_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

/* The gradient of x is dy itself. */
GRADIENT(residual_bwd)
{
    for (int keep = 0; keep < 2; keep++) {
        residual c = {g->be,
                      {.x = NORMAL(3, 2, 4), .r = NORMAL(3, 2, 4), .y = ZEROS(3, 2, 4)},
                      NORMAL(3, 2, 4)};
        if (keep) {
            c.fwd.keep = NORMAL(3);
            ((double *)c.fwd.keep.data)[1] = 0;
        }
        s4d_residual_bwd_args bwd = {.dy = c.dy, .keep = c.fwd.keep, .dr = STARTED(3, 2, 4)};
        s4d_residual_bwd(g->be, &bwd);
        compare_gradients(g, &(function){"residual",
                                         residual_value,
                                         &c,
                                         {{"r", c.fwd.r, bwd.dr, 0}, {"x", c.fwd.x, c.dy, 0}},
                                         2});
    }
}
