/* Taking tensors from the arena, and the two layers everything is made of: linear and LayerNorm. */
#include "model/pass.h"

#include <stdio.h>

static const double norm_eps = 1e-6;

s4d_tensor s4d_pass_take(const s4d_pass *p, s4d_dtype dtype, int rank, const int64_t *dim)
{
    s4d_tensor t = s4d_tensor_of(dtype, NULL, rank, dim);
    t.data = s4d_arena_take(p->arena, s4d_tensor_bytes(&t));
    return t;
}

s4d_tensor s4d_pass_like(const s4d_pass *p, s4d_tensor t)
{
    return s4d_pass_take(p, t.dtype, t.rank, t.dim);
}

static void param_name(s4d_param *param, const char *prefix, const char *tail)
{
    int n = snprintf(param->name, sizeof param->name, "%s.%s", prefix, tail);
    S4D_BUG_IF(n < 0 || (size_t)n >= sizeof param->name);
}

s4d_dense s4d_dense_add(s4d_params *params, const s4d_dense_spec *spec)
{
    s4d_param w = {.rank = 2, .dim = {spec->n, spec->k}, .init = spec->init, .init_cut = spec->init_cut,
                   .fan_in = spec->k, .layer = spec->layer, .modality = -1};
    param_name(&w, spec->prefix, "weight");
    s4d_dense d = {.w = s4d_params_add(params, &w, false), .b = -1};
    if (!spec->no_bias) {
        s4d_param b = {.rank = 1, .dim = {spec->n}, .init = S4D_INIT_ZERO, .layer = spec->layer, .modality = -1};
        param_name(&b, spec->prefix, "bias");
        d.b = s4d_params_add(params, &b, false);
    }
    return d;
}

s4d_norm s4d_norm_add(s4d_params *params, const char *prefix, int64_t dim, int layer)
{
    s4d_param w = {.rank = 1, .dim = {dim}, .init = S4D_INIT_ONE, .layer = layer, .norm = true, .modality = -1};
    s4d_param b = w;
    b.init = S4D_INIT_ZERO;
    param_name(&w, prefix, "weight");
    param_name(&b, prefix, "bias");
    s4d_norm n;
    n.w = s4d_params_add(params, &w, false);
    n.b = s4d_params_add(params, &b, false);
    return n;
}

static s4d_tensor flat_weight(s4d_tensor w)
{
    return S4D_RESHAPE(w, w.dim[0], s4d_tensor_count(&w) / w.dim[0]);
}

s4d_tensor s4d_dense_fwd(const s4d_pass *p, s4d_dense d, s4d_tensor x)
{
    s4d_linear_fwd_args args = {.x = x, .w = flat_weight(s4d_params_low(p->params, d.w))};
    if (d.b >= 0) args.b = d.real ? s4d_params_w(p->params, d.b) : s4d_params_low(p->params, d.b);
    int64_t dim[S4D_MAX_RANK];
    for (int i = 0; i < x.rank - 1; ++i) dim[i] = x.dim[i];
    dim[x.rank - 1] = args.w.dim[0];
    args.y = s4d_pass_take(p, d.real ? s4d_backend_real(p->be) : x.dtype, x.rank, dim);
    s4d_linear_fwd(p->be, &args);
    return args.y;
}

void s4d_dense_bwd(const s4d_pass *p, s4d_dense d, s4d_tensor x, s4d_tensor dy, s4d_tensor dx, bool add_dx)
{
    s4d_linear_bwd_args args = {.x = x,
                                .w = flat_weight(s4d_params_low(p->params, d.w)),
                                .dy = dy,
                                .dx = dx,
                                .dw = flat_weight(s4d_params_g(p->params, d.w)),
                                .add_dx = add_dx};
    if (d.b >= 0) args.db = s4d_params_g(p->params, d.b);
    s4d_linear_bwd(p->be, &args);
}

static void norm_acts_of(const s4d_pass *p, s4d_tensor x, s4d_norm_acts *acts)
{
    int64_t rows = s4d_tensor_count(&x) / x.dim[x.rank - 1];
    acts->x = x;
    acts->mean = PASS_REAL(p, rows);
    acts->rstd = PASS_REAL(p, rows);
}

void s4d_residual_norm(const s4d_pass *p, const s4d_join *j)
{
    norm_acts_of(p, j->y, j->acts);
    s4d_residual_norm_fwd(p->be, &(s4d_residual_norm_fwd_args){.x = j->x,
                                                               .r = j->r,
                                                               .keep = j->keep,
                                                               .y = j->y,
                                                               .w = s4d_params_w(p->params, j->norm.w),
                                                               .b = s4d_params_w(p->params, j->norm.b),
                                                               .eps = norm_eps,
                                                               .mean = j->acts->mean,
                                                               .rstd = j->acts->rstd,
                                                               .normed = j->normed});
}

s4d_tensor s4d_norm_fwd(const s4d_pass *p, s4d_norm n, s4d_tensor x, s4d_norm_acts *acts)
{
    norm_acts_of(p, x, acts);
    s4d_tensor y = s4d_pass_like(p, x);
    s4d_layer_norm_fwd(p->be, &(s4d_layer_norm_fwd_args){.x = x,
                                                         .w = s4d_params_w(p->params, n.w),
                                                         .b = s4d_params_w(p->params, n.b),
                                                         .eps = norm_eps,
                                                         .mean = acts->mean,
                                                         .rstd = acts->rstd,
                                                         .y = y});
    return y;
}

void s4d_norm_bwd(const s4d_pass *p, s4d_norm n, const s4d_norm_acts *acts, s4d_tensor dy, s4d_tensor dx,
                  bool add_dx)
{
    s4d_layer_norm_bwd(p->be, &(s4d_layer_norm_bwd_args){.x = acts->x,
                                                         .w = s4d_params_w(p->params, n.w),
                                                         .mean = acts->mean,
                                                         .rstd = acts->rstd,
                                                         .dy = dy,
                                                         .dx = dx,
                                                         .dw = s4d_params_g(p->params, n.w),
                                                         .db = s4d_params_g(p->params, n.b),
                                                         .add_dx = add_dx});
}
