/* Gradients of routing and experts, at a fixed choice of experts. */
#include <string.h>

#include "grad.h"

/* ---- routing ---- */

typedef struct route {
    s4d_backend *be;
    s4d_route_fwd_args fwd;
    s4d_tensor chosen, dgate, dnoisy; /* chosen: the experts at the start */
} route;

static double route_value(void *context)
{
    route *c = context;
    s4d_route_fwd(c->be, &c->fwd);
    /* Another choice would be a jump, which no difference can follow. */
    S4D_BUG_IF(memcmp(c->fwd.index.data, c->chosen.data, s4d_tensor_bytes(&c->chosen)) != 0);
    double value = weighted_sum(&c->fwd.gate, &c->dgate);
    return s4d_tensor_given(&c->dnoisy) ? value + weighted_sum(&c->fwd.noisy, &c->dnoisy) : value;
}

/* Logits of one token keep apart: what the noise adds is small beside their distance. */
static s4d_tensor distinct_logits(grad *g, int64_t M, int64_t E)
{
    s4d_tensor t = NORMAL(M, E), order = choices_of(g, E, M, E);
    for (int64_t i = 0; i < M * E; i++) {
        double *x = (double *)t.data + i;
        *x = 0.05 * *x + 0.7 * ((int32_t *)order.data)[i];
    }
    return t;
}

GRADIENT(route_bwd)
{
    int64_t M = 6, E = 5, K = 3;
    for (int given = 0; given < 4; given++) {
        route c = {.be = g->be,
                   .fwd = {.logits = distinct_logits(g, M, E),
                           .noisy = ZEROS(M, E),
                           .index = INTS(M, K),
                           .gate = ZEROS(M, K)},
                   .chosen = INTS(M, K),
                   .dgate = NORMAL(M, K)};
        s4d_route_bwd_args bwd = {.dlogits = STARTED(M, E)};
        if (given & 1) {
            c.fwd.noise_logits = NORMAL(M, E);
            c.fwd.noise = NORMAL(M, E);
            bwd.dnoise_logits = STARTED(M, E);
        }
        if (given & 2) {
            c.dnoisy = NORMAL(M, E);
        }
        s4d_route_fwd(g->be, &c.fwd);
        memcpy(c.chosen.data, c.fwd.index.data, s4d_tensor_bytes(&c.chosen));
        bwd.gate = c.fwd.gate;
        bwd.index = c.chosen;
        bwd.dgate = c.dgate;
        bwd.dnoisy = c.dnoisy;
        bwd.noise_logits = c.fwd.noise_logits;
        bwd.noise = c.fwd.noise;
        s4d_route_bwd(g->be, &bwd);
        compare_gradients(g,
                          &(function){"route",
                                      route_value,
                                      &c,
                                      {{"logits", c.fwd.logits, bwd.dlogits, 0},
                                       {"noise_logits", c.fwd.noise_logits, bwd.dnoise_logits, 0}},
                                      given & 1 ? 2 : 1});
    }
}

/* ---- balance loss ---- */

static const double balance_scale = 0.01;

typedef struct balance {
    s4d_backend *be;
    s4d_balance_loss_fwd_args fwd;
} balance;

static double balance_value(void *context)
{
    balance *c = context;
    *(double *)c->fwd.value.data = 0;
    s4d_balance_loss_fwd(c->be, &c->fwd);
    return balance_scale * *(double *)c->fwd.value.data;
}

GRADIENT(balance_loss_bwd)
{
    int64_t B = 2, N = 4, E = 5, K = 2;
    for (int kind = 0; kind < 2; kind++) {
        balance c = {g->be,
                     {.kind = kind ? S4D_BALANCE_SOFTMAX : S4D_BALANCE_LOGITS,
                      .noisy = NORMAL(B, N, E),
                      .index = S4D_RESHAPE(choices_of(g, E, B * N, K), B, N, K),
                      .f = ZEROS(B, E),
                      .value = ZEROS(1)}};
        balance_value(&c);
        s4d_balance_loss_bwd_args bwd = {.kind = c.fwd.kind,
                                         .scale = balance_scale,
                                         .noisy = c.fwd.noisy,
                                         .f = c.fwd.f,
                                         .dnoisy = STARTED(B, N, E)};
        s4d_balance_loss_bwd(g->be, &bwd);
        compare_gradients(g, &(function){kind ? "balance_loss, softmax" : "balance_loss, logits",
                                         balance_value,
                                         &c,
                                         {{"noisy", c.fwd.noisy, bwd.dnoisy, 0}},
                                         1});
    }
}

/* ---- experts ---- */

typedef struct grouped {
    s4d_backend *be;
    s4d_grouped_linear_fwd_args fwd;
    s4d_tensor dy;
} grouped;

static double grouped_value(void *context)
{
    grouped *c = context;
    s4d_grouped_linear_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

static void compare_grouped(grad *g, grouped *c)
{
    s4d_grouped_linear_bwd_args bwd = {.x = c->fwd.x,
                                       .w = c->fwd.w,
                                       .dy = c->dy,
                                       .stride = c->fwd.stride,
                                       .offset = c->fwd.offset,
                                       .dx = STARTED(8, 3),
                                       .dw = STARTED(4, 5, 3),
                                       .db = STARTED(4, 5)};
    s4d_grouped_linear_bwd(g->be, &bwd);
    compare_gradients(g, &(function){c->fwd.stride ? "grouped_linear, stride" : "grouped_linear",
                                     grouped_value,
                                     c,
                                     {{"x", c->fwd.x, bwd.dx, 0},
                                      {"w", c->fwd.w, bwd.dw, START},
                                      {"b", c->fwd.b, bwd.db, START}},
                                     3});
}

/* Groups of 3, 0, 1 and 4 rows, then of 2 rows each. */
GRADIENT(grouped_linear_bwd)
{
    static const int32_t offset[] = {0, 3, 3, 4, 8};
    for (int stride = 0; stride <= 2; stride += 2) {
        grouped c = {g->be,
                     {.x = NORMAL(8, 3),
                      .w = NORMAL(4, 5, 3),
                      .b = NORMAL(4, 5),
                      .stride = stride,
                      .y = ZEROS(8, 5)},
                     NORMAL(8, 5)};
        if (!stride) {
            c.fwd.offset = INTS(5);
            memcpy(c.fwd.offset.data, offset, sizeof offset);
        }
        compare_grouped(g, &c);
    }
}

/* A plan of 7 tokens that choose 2 of 4 experts, with room for 3 each: some choices are dropped. */
typedef struct plan {
    s4d_tensor slot, token;
    int64_t R;
} plan;

enum { M = 7, E = 4, K = 2, D = 3, CAPACITY = 3, STRIDE = 4 };

static plan plan_of(grad *g, bool strided)
{
    int64_t R = strided ? E * STRIDE : M * K;
    plan p = {.slot = INTS(M, K), .token = INTS(R), .R = R};
    s4d_tensor dropped = INTS(1);
    s4d_moe_plan(g->be, &(s4d_moe_plan_args){.index = choices_of(g, E, M, K),
                                             .capacity = CAPACITY,
                                             .stride = strided ? STRIDE : 0,
                                             .offset = INTS(E + 1),
                                             .slot = p.slot,
                                             .token = p.token,
                                             .load = INTS(E),
                                             .dropped = dropped});
    S4D_BUG_IF(*(int32_t *)dropped.data == 0);
    return p;
}

typedef struct dispatch {
    s4d_backend *be;
    s4d_moe_dispatch_fwd_args fwd;
    s4d_tensor dy;
} dispatch;

static double dispatch_value(void *context)
{
    dispatch *c = context;
    s4d_moe_dispatch_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

GRADIENT(moe_dispatch_bwd)
{
    for (int strided = 0; strided < 2; strided++) {
        plan p = plan_of(g, strided);
        dispatch c = {
            g->be, {.x = NORMAL(M, D), .token = p.token, .y = ZEROS(p.R, D)}, NORMAL(p.R, D)};
        s4d_moe_dispatch_bwd_args bwd = {.dy = c.dy, .slot = p.slot, .dx = STARTED(M, D)};
        s4d_moe_dispatch_bwd(g->be, &bwd);
        compare_gradients(
            g, &(function){"moe_dispatch", dispatch_value, &c, {{"x", c.fwd.x, bwd.dx, START}}, 1});
    }
}

typedef struct combine {
    s4d_backend *be;
    s4d_moe_combine_fwd_args fwd;
    s4d_tensor dy;
} combine;

static double combine_value(void *context)
{
    combine *c = context;
    s4d_moe_combine_fwd(c->be, &c->fwd);
    return weighted_sum(&c->fwd.y, &c->dy);
}

/* Rows not in use have the gradient 0. */
GRADIENT(moe_combine_bwd)
{
    for (int strided = 0; strided < 2; strided++) {
        plan p = plan_of(g, strided);
        combine c = {g->be,
                     {.x = NORMAL(p.R, D), .gate = NORMAL(M, K), .slot = p.slot, .y = ZEROS(M, D)},
                     NORMAL(M, D)};
        s4d_moe_combine_bwd_args bwd = {.x = c.fwd.x,
                                        .gate = c.fwd.gate,
                                        .slot = p.slot,
                                        .dy = c.dy,
                                        .token = p.token,
                                        .dx = STARTED(p.R, D),
                                        .dgate = STARTED(M, K)};
        s4d_moe_combine_bwd(g->be, &bwd);
        compare_gradients(
            g, &(function){"moe_combine",
                           combine_value,
                           &c,
                           {{"x", c.fwd.x, bwd.dx, 0}, {"gate", c.fwd.gate, bwd.dgate, 0}},
                           2});
    }
}
