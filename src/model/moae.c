/* Mixture of Adapter Experts: a noisy top-k router and small MLPs beside the block's own (METHOD.md section 5). */
#include <math.h>
#include <stdio.h>

#include "model/block.h"

enum { NAME_MAX_BYTES = S4D_PARAM_NAME_MAX };
static const double cut = 2.0; /* "truncated at +-2 (absolute)" */

/* One kind of tensor of all experts, packed, named PREFIX.experts.e.TAIL. Returns expert 0's index. */
static int add_experts(s4d_params *params, const s4d_moae *m, const char *prefix, const char *tail, s4d_param spec)
{
    int first = -1;
    for (int e = 0; e < m->opts->experts; ++e) {
        snprintf(spec.name, sizeof spec.name, "%s.experts.%d.%s", prefix, e, tail);
        int index = s4d_params_add(params, &spec, e > 0);
        if (e == 0) first = index;
    }
    return first;
}

void s4d_moae_add(s4d_moae *m, s4d_params *params, const s4d_model_opts *opts, const char *prefix, int layer)
{
    int64_t D = opts->encoder.dim, E = opts->moae.experts;
    char name[NAME_MAX_BYTES];
    m->opts = &opts->moae;
    m->hidden = D / opts->moae.reduction;
    snprintf(name, sizeof name, "%s.router.topkroute_linear", prefix);
    s4d_dense_spec linear = {.prefix = name, .n = E, .k = D, .init = S4D_INIT_NORMAL, .init_cut = cut, .layer = layer};
    m->route = s4d_dense_add(params, &linear);
    m->route.real = true;
    snprintf(name, sizeof name, "%s.router.noise_linear", prefix);
    m->noise = s4d_dense_add(params, &linear);
    m->noise.real = true;
    s4d_param w1 = {.rank = 2, .dim = {m->hidden, D}, .init = S4D_INIT_NORMAL, .init_cut = cut, .fan_in = D,
                    .layer = layer, .modality = -1};
    s4d_param w2 = w1, b1 = {.rank = 1, .dim = {m->hidden}, .layer = layer, .modality = -1}, b2 = b1;
    w2.dim[0] = D;
    w2.dim[1] = w2.fan_in = m->hidden;
    b2.dim[0] = D;
    m->fc1_w = add_experts(params, m, prefix, "fc1.weight", w1);
    m->fc1_b = add_experts(params, m, prefix, "fc1.bias", b1);
    m->fc2_w = add_experts(params, m, prefix, "fc2.weight", w2);
    m->fc2_b = add_experts(params, m, prefix, "fc2.bias", b2);
}

/* All experts' tensor [E,...] from expert 0's. */
static s4d_tensor all_experts(s4d_tensor first, int64_t E)
{
    int64_t dim[S4D_MAX_RANK] = {E};
    for (int i = 0; i < first.rank; ++i) dim[i + 1] = first.dim[i];
    return s4d_tensor_of(first.dtype, first.data, first.rank + 1, dim);
}

/* Which rows are whose: offsets, or a stride. */
static s4d_tensor offset_of(const s4d_moae_acts *acts)
{
    return acts->stride ? (s4d_tensor){0} : acts->offset;
}

static s4d_tensor experts_fwd(const s4d_pass *p, const s4d_moae *m, int w, int b, s4d_tensor x, const s4d_moae_acts *acts)
{
    int64_t E = m->opts->experts;
    s4d_grouped_linear_fwd_args args = {.x = x,
                                        .w = all_experts(s4d_params_low(p->params, w), E),
                                        .b = all_experts(s4d_params_low(p->params, b), E),
                                        .stride = acts->stride,
                                        .offset = offset_of(acts)};
    args.y = PASS_ACT(p, x.dim[0], args.w.dim[1]);
    s4d_grouped_linear_fwd(p->be, &args);
    return args.y;
}

/* The product of a linear layer's backward for all experts at once. */
typedef struct experts_grad {
    int w, b;
    s4d_tensor x, dy, dx;
} experts_grad;

static void experts_bwd(const s4d_pass *p, const s4d_moae *m, const experts_grad *g, const s4d_moae_acts *acts)
{
    int64_t E = m->opts->experts;
    s4d_grouped_linear_bwd(p->be,
                           &(s4d_grouped_linear_bwd_args){.x = g->x,
                                                          .w = all_experts(s4d_params_low(p->params, g->w), E),
                                                          .dy = g->dy,
                                                          .stride = acts->stride,
                                                          .offset = offset_of(acts),
                                                          .dx = g->dx,
                                                          .dw = all_experts(s4d_params_g(p->params, g->w), E),
                                                          .db = all_experts(s4d_params_g(p->params, g->b), E)});
}

static void route(const s4d_pass *p, const s4d_moae *m, int layer, const s4d_moae_run *run, s4d_tensor y,
                  s4d_moae_acts *acts)
{
    int64_t E = m->opts->experts, K = m->opts->top_k, M = s4d_tensor_count(&y) / y.dim[y.rank - 1];
    s4d_route_fwd_args args = {.logits = S4D_RESHAPE(s4d_dense_fwd(p, m->route, y), M, E)};
    acts->noise_logits = acts->noise = (s4d_tensor){0};
    if (p->training || m->opts->eval_noise) {
        acts->noise_logits = S4D_RESHAPE(s4d_dense_fwd(p, m->noise, y), M, E);
        if (run->noise) {
            acts->noise = S4D_RESHAPE(run->noise[layer], M, E);
        } else {
            acts->noise = PASS_REAL(p, M, E);
            s4d_random(p->be, &(s4d_random_args){.kind = S4D_NORMAL,
                                                 .key = run->noise_key + (uint64_t)layer,
                                                 .y = acts->noise});
        }
    }
    args.noise_logits = acts->noise_logits;
    args.noise = acts->noise;
    args.noisy = acts->noisy = PASS_REAL(p, M, E);
    args.index = acts->index = PASS_I32(p, M, K);
    args.gate = acts->gate = PASS_REAL(p, M, K);
    s4d_route_fwd(p->be, &args);
}

/* Fixed places for every expert where the device gains by them and little is left empty. */
static int64_t stride_for(const s4d_pass *p, int64_t capacity, int64_t experts, int64_t choices)
{
    bool worth = s4d_backend_fixed_shapes(p->be) && capacity > 0 && experts * capacity <= 2 * choices;
    return worth ? capacity : 0;
}

static void plan(const s4d_pass *p, const s4d_moae *m, int layer, const s4d_moae_run *run, s4d_moae_acts *acts)
{
    int64_t E = m->opts->experts, M = acts->index.dim[0], K = acts->index.dim[1];
    bool limited = p->training || m->opts->eval_capacity;
    int64_t capacity = limited ? (int64_t)floor((double)(M * K) / (double)E * m->opts->capacity_factor) : -1;
    acts->stride = stride_for(p, capacity, E, M * K);
    acts->offset = PASS_I32(p, E + 1);
    acts->slot = PASS_I32(p, M, K);
    acts->token = PASS_I32(p, acts->stride ? E * acts->stride : M * K);
    acts->load = s4d_tensor_rows(run->load, layer, 1);
    acts->load = S4D_RESHAPE(acts->load, E);
    acts->dropped = s4d_tensor_rows(run->dropped, layer, 1);
    acts->dropped = S4D_RESHAPE(acts->dropped, 1);
    s4d_moe_plan(p->be, &(s4d_moe_plan_args){.index = acts->index,
                                             .capacity = capacity,
                                             .stride = acts->stride,
                                             .offset = acts->offset,
                                             .slot = acts->slot,
                                             .token = acts->token,
                                             .load = acts->load,
                                             .dropped = acts->dropped});
}

void s4d_moae_fwd(const s4d_pass *p, const s4d_moae *m, int layer, const s4d_moae_run *run, s4d_tensor y,
                  s4d_tensor r, s4d_moae_acts *acts)
{
    int64_t B = y.dim[0], N = y.dim[1], D = y.dim[2], E = m->opts->experts, K = m->opts->top_k, M = B * N;
    route(p, m, layer, run, y, acts);
    plan(p, m, layer, run, acts);
    acts->rows = PASS_ACT(p, acts->token.dim[0], D);
    s4d_moe_dispatch_fwd(p->be, &(s4d_moe_dispatch_fwd_args){.x = S4D_RESHAPE(y, M, D), .token = acts->token, .y = acts->rows});
    acts->hidden = experts_fwd(p, m, m->fc1_w, m->fc1_b, acts->rows, acts);
    acts->gelu = s4d_pass_like(p, acts->hidden);
    s4d_gelu_fwd(p->be, &(s4d_gelu_fwd_args){.x = acts->hidden, .y = acts->gelu});
    acts->out = experts_fwd(p, m, m->fc2_w, m->fc2_b, acts->gelu, acts);
    s4d_moe_combine_fwd(p->be, &(s4d_moe_combine_fwd_args){.x = acts->out,
                                                           .gate = acts->gate,
                                                           .slot = acts->slot,
                                                           .y = S4D_RESHAPE(r, M, D),
                                                           .add_y = true});
    acts->f = (s4d_tensor){0};
    if (s4d_tensor_given(&run->balance)) {
        acts->f = PASS_REAL(p, B, E);
        s4d_balance_loss_fwd(p->be, &(s4d_balance_loss_fwd_args){.kind = m->opts->balance_loss,
                                                                 .noisy = S4D_RESHAPE(acts->noisy, B, N, E),
                                                                 .index = S4D_RESHAPE(acts->index, B, N, K),
                                                                 .f = acts->f,
                                                                 .value = run->balance});
    }
}

/* From the gradient of the gates (and of the balance loss) to the router's inputs and weights. */
static void route_bwd(const s4d_pass *p, const s4d_moae *m, const s4d_moae_run *run, s4d_tensor y,
                      const s4d_moae_acts *acts, s4d_tensor dgate, s4d_tensor dy)
{
    int64_t B = y.dim[0], N = y.dim[1], E = m->opts->experts;
    s4d_route_bwd_args args = {.gate = acts->gate,
                               .index = acts->index,
                               .dgate = dgate,
                               .noise_logits = acts->noise_logits,
                               .noise = acts->noise,
                               .dlogits = s4d_pass_like(p, acts->noisy)};
    if (s4d_tensor_given(&acts->f)) {
        args.dnoisy = s4d_pass_like(p, acts->noisy);
        s4d_balance_loss_bwd(p->be, &(s4d_balance_loss_bwd_args){.kind = m->opts->balance_loss,
                                                                 .scale = run->balance_scale,
                                                                 .noisy = S4D_RESHAPE(acts->noisy, B, N, E),
                                                                 .f = acts->f,
                                                                 .dnoisy = S4D_RESHAPE(args.dnoisy, B, N, E)});
    }
    if (s4d_tensor_given(&acts->noise)) args.dnoise_logits = s4d_pass_like(p, acts->noisy);
    s4d_route_bwd(p->be, &args);
    s4d_dense_bwd(p, m->route, y, S4D_RESHAPE(args.dlogits, B, N, E), dy, true);
    if (s4d_tensor_given(&acts->noise))
        s4d_dense_bwd(p, m->noise, y, S4D_RESHAPE(args.dnoise_logits, B, N, E), dy, true);
}

void s4d_moae_bwd(const s4d_pass *p, const s4d_moae *m, const s4d_moae_run *run, s4d_tensor y,
                  const s4d_moae_acts *acts, s4d_tensor dr, s4d_tensor dy)
{
    int64_t D = y.dim[2], M = y.dim[0] * y.dim[1];
    s4d_tensor dout = s4d_pass_like(p, acts->out), dgate = s4d_pass_like(p, acts->gate);
    s4d_tensor dhidden = s4d_pass_like(p, acts->hidden), drows = s4d_pass_like(p, acts->rows);
    s4d_moe_combine_bwd(p->be, &(s4d_moe_combine_bwd_args){.x = acts->out,
                                                           .gate = acts->gate,
                                                           .slot = acts->slot,
                                                           .token = acts->token,
                                                           .dy = S4D_RESHAPE(dr, M, D),
                                                           .dx = dout,
                                                           .dgate = dgate});
    experts_bwd(p, m, &(experts_grad){m->fc2_w, m->fc2_b, acts->gelu, dout, dhidden}, acts);
    s4d_gelu_bwd(p->be, &(s4d_gelu_bwd_args){.x = acts->hidden, .dy = dhidden, .dx = dhidden});
    experts_bwd(p, m, &(experts_grad){m->fc1_w, m->fc1_b, acts->rows, dhidden, drows}, acts);
    s4d_moe_dispatch_bwd(p->be, &(s4d_moe_dispatch_bwd_args){
                                    .dy = drows, .slot = acts->slot, .dx = S4D_RESHAPE(dy, M, D)});
    route_bwd(p, m, run, y, acts, dgate, dy);
}
