/* Fine-tuning's model (METHOD.md section 5): encoder with MoAE, mean over tokens, fc_norm, a head per modality. */
#include "s4d/model/classifier.h"

#include "model/block.h"

struct s4d_classifier {
    s4d_backend *be;
    s4d_model_opts opts;
    s4d_params params;
    s4d_patch patch;
    s4d_tower tower;
    s4d_norm fc_norm;
    s4d_dense head[2];
    s4d_tensor pos;
    s4d_routing routing[S4D_MAX_LAYERS];

    /* Of the last forward: */
    s4d_classifier_input in;
    s4d_patch_acts patch_acts;
    s4d_norm_acts norm_acts;
    s4d_moae_run run;
    s4d_tensor tokens; /* [B,N,D] after the last block */
    s4d_classifier_output out;
};

static void build(s4d_classifier *c, const int classes[2])
{
    const s4d_model_opts *o = &c->opts;
    static const char *const name[2] = {[S4D_IMAGE] = "head.image", [S4D_VIDEO] = "head.video"};
    s4d_patch_add(&c->patch, &c->params, o, "");
    s4d_tower_add(&c->tower, &c->params, &(s4d_tower_spec){.prefix = "", .size = &o->encoder, .opts = o, .moae = true,
                                                           .init = S4D_INIT_NORMAL, .init_cut = 2.0});
    c->fc_norm = s4d_norm_add(&c->params, "fc_norm", o->encoder.dim, o->encoder.depth + 1);
    for (int i = 0; i < 2; ++i) {
        if (!classes[i]) continue;
        c->head[i] = s4d_dense_add(&c->params, &(s4d_dense_spec){.prefix = name[i], .n = classes[i],
                                                                 .k = o->encoder.dim, .init = S4D_INIT_NORMAL,
                                                                 .init_cut = 2.0, .layer = o->encoder.depth + 1});
        c->head[i].real = true;
        if (!c->params.failed) c->params.item[c->head[i].w].modality = c->params.item[c->head[i].b].modality = i;
    }
}

s4d_status s4d_classifier_create(s4d_backend *be, const s4d_model_opts *opts, const int classes[2],
                                 s4d_classifier **out, s4d_err *err)
{
    *out = NULL;
    s4d_classifier *c = s4d_mem_alloc(1, sizeof *c);
    if (!c) return s4d_err_memory(err, sizeof *c, "the model");
    c->be = be;
    c->opts = *opts;
    s4d_params_type(&c->params, be);
    build(c, classes);
    int64_t G = opts->img_size / opts->patch_size, N = opts->num_frames / opts->tubelet_size * G * G;
    s4d_status status = c->params.failed ? s4d_err_memory(err, sizeof(s4d_param), "the parameter table") : S4D_OK;
    if (status == S4D_OK) status = s4d_posembed_make(be, N, opts->encoder.dim, &c->pos, err);
    *out = c;
    if (status != S4D_OK) s4d_classifier_destroy(out);
    return status;
}

void s4d_classifier_destroy(s4d_classifier **classifier)
{
    s4d_classifier *c = *classifier;
    if (!c) return;
    s4d_params_free(&c->params, c->be);
    s4d_params_release(&c->params);
    s4d_backend_free(c->be, c->pos.data);
    s4d_mem_free(c);
    *classifier = NULL;
}

s4d_params *s4d_classifier_params(s4d_classifier *c)
{
    return &c->params;
}

static s4d_pass make_pass(const s4d_classifier *c, s4d_arena *arena, bool keep)
{
    return (s4d_pass){
        .be = c->be, .params = &c->params, .arena = arena, .keep = keep, .training = c->in.training};
}

static void note_routing(s4d_classifier *c)
{
    for (int i = 0; i < c->tower.depth; ++i) {
        int layer = c->tower.block[i].moae_layer;
        const s4d_moae_acts *a = &c->tower.acts[i].moae;
        if (layer >= 0) c->routing[layer] = (s4d_routing){a->gate, a->index, a->load, a->dropped};
    }
    c->out.routing = c->routing;
}

static void losses(s4d_classifier *c, const s4d_pass *p)
{
    c->out.prob = s4d_pass_like(p, c->out.logits);
    c->out.loss = PASS_F64(p, 1);
    s4d_cross_entropy_fwd(p->be, &(s4d_cross_entropy_fwd_args){.logits = c->out.logits,
                                                               .target = c->in.target,
                                                               .weight = c->in.weight,
                                                               .adjust = c->in.adjust,
                                                               .prob = c->out.prob,
                                                               .value = c->out.loss});
}

void s4d_classifier_forward(s4d_classifier *c, s4d_arena *arena, const s4d_classifier_input *in,
                            bool keep_activations, s4d_classifier_output *out)
{
    c->in = *in;
    c->out = (s4d_classifier_output){.layers = c->opts.moae.layer_count};
    s4d_pass p = make_pass(c, arena, keep_activations);
    c->run = (s4d_moae_run){.noise = in->noise, .noise_key = in->noise_key};
    if (c->out.layers) {
        c->out.load = c->run.load = PASS_I32(&p, c->out.layers, c->opts.moae.experts);
        c->out.dropped = c->run.dropped = PASS_I32(&p, c->out.layers, 1);
    }
    if (s4d_tensor_given(&in->target)) {
        c->out.balance = c->run.balance = PASS_F64(&p, 1);
        s4d_zero(p.be, &(s4d_zero_args){.x = c->out.balance});
    }
    s4d_tensor x = s4d_patch_fwd(&p, &c->patch, in->pixels, (s4d_tensor){0}, c->pos, &c->patch_acts);
    c->tokens = s4d_tower_fwd(&p, &c->tower, x, in->keep, &c->run);
    s4d_tensor pooled = PASS_ACT(&p, c->tokens.dim[0], c->tokens.dim[2]);
    s4d_mean_pool_fwd(p.be, &(s4d_mean_pool_fwd_args){.x = c->tokens, .y = pooled});
    c->out.feature = s4d_norm_fwd(&p, c->fc_norm, pooled, &c->norm_acts);
    c->out.logits = s4d_dense_fwd(&p, c->head[in->modality], c->out.feature);
    if (s4d_tensor_given(&in->target)) losses(c, &p);
    if (keep_activations) note_routing(c);
    *out = c->out;
}

void s4d_classifier_backward(s4d_classifier *c, s4d_arena *arena, double scale)
{
    s4d_pass p = make_pass(c, arena, true);
    c->run.balance_scale = scale * c->opts.moae.balance_coef;
    s4d_tensor dlogits = s4d_pass_like(&p, c->out.logits);
    s4d_cross_entropy_bwd(p.be, &(s4d_cross_entropy_bwd_args){.prob = c->out.prob,
                                                              .target = c->in.target,
                                                              .weight = c->in.weight,
                                                              .scale = scale,
                                                              .dlogits = dlogits});
    s4d_tensor dfeature = s4d_pass_like(&p, c->out.feature), dpooled = s4d_pass_like(&p, c->out.feature);
    s4d_dense_bwd(&p, c->head[c->in.modality], c->out.feature, dlogits, dfeature, false);
    s4d_norm_bwd(&p, c->fc_norm, &c->norm_acts, dfeature, dpooled, false);
    s4d_tensor dx = s4d_pass_like(&p, c->tokens);
    s4d_mean_pool_bwd(p.be, &(s4d_mean_pool_bwd_args){.dy = dpooled, .dx = dx});
    s4d_tower_bwd(&p, &c->tower, dx, c->in.keep, &c->run);
    s4d_patch_bwd(&p, &c->patch, &c->patch_acts, dx);
}
