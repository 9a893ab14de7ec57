/* The dual-modal masked autoencoder (METHOD.md section 4): encoder over the visible tokens, light decoder over
 * all, squared error on the masked ones. */
#include "s4d/model/mae.h"

#include "model/block.h"

struct s4d_mae {
    s4d_backend *be;
    s4d_model_opts opts;
    s4d_params params;
    s4d_patch patch;
    s4d_tower encoder, decoder;
    s4d_norm encoder_norm, decoder_norm;
    s4d_dense to_decoder, head;
    int mask_token;
    s4d_tensor encoder_pos, decoder_pos;

    /* Of the last forward: */
    s4d_mae_input in;
    s4d_patch_acts patch_acts;
    s4d_norm_acts encoder_norm_acts, decoder_norm_acts;
    s4d_tensor latent, normed;     /* [B,V,D] after encoder.norm; [B,M,Dd] after decoder.norm */
    s4d_mae_output out;
};

static void build(s4d_mae *m)
{
    const s4d_model_opts *o = &m->opts;
    s4d_params *params = &m->params;
    int64_t D = o->encoder.dim, Dd = o->decoder.dim, Q = (int64_t)3 * o->tubelet_size * o->patch_size * o->patch_size;
    int last = o->encoder.depth + 1;
    s4d_param token = {.name = "mask_token", .rank = 3, .dim = {1, 1, Dd}, .init = S4D_INIT_NORMAL, .init_cut = 0.02,
                       .layer = last, .modality = -1};
    m->mask_token = s4d_params_add(params, &token, false);
    s4d_patch_add(&m->patch, params, o, "encoder.");
    s4d_tower_add(&m->encoder, params, &(s4d_tower_spec){.prefix = "encoder.", .size = &o->encoder, .opts = o,
                                                         .init = S4D_INIT_XAVIER});
    m->encoder_norm = s4d_norm_add(params, "encoder.norm", D, last);
    s4d_tower_add(&m->decoder, params, &(s4d_tower_spec){.prefix = "decoder.", .size = &o->decoder, .opts = o,
                                                         .init = S4D_INIT_XAVIER});
    m->decoder_norm = s4d_norm_add(params, "decoder.norm", Dd, last);
    m->head = s4d_dense_add(params, &(s4d_dense_spec){.prefix = "decoder.head", .n = Q, .k = Dd,
                                                      .init = S4D_INIT_XAVIER, .layer = last});
    m->to_decoder = s4d_dense_add(params, &(s4d_dense_spec){.prefix = "encoder_to_decoder", .n = Dd, .k = D,
                                                            .init = S4D_INIT_FAN_IN, .layer = last, .no_bias = true});
}

s4d_status s4d_mae_create(s4d_backend *be, const s4d_model_opts *opts, s4d_mae **out, s4d_err *err)
{
    *out = NULL;
    s4d_mae *m = s4d_mem_alloc(1, sizeof *m);
    if (!m) return s4d_err_memory(err, sizeof *m, "the model");
    m->be = be;
    m->opts = *opts;
    s4d_params_type(&m->params, be);
    build(m);
    int64_t G = opts->img_size / opts->patch_size, N = opts->num_frames / opts->tubelet_size * G * G;
    s4d_status status = m->params.failed ? s4d_err_memory(err, sizeof(s4d_param), "the parameter table") : S4D_OK;
    if (status == S4D_OK) status = s4d_posembed_make(be, N, opts->encoder.dim, &m->encoder_pos, err);
    if (status == S4D_OK) status = s4d_posembed_make(be, N, opts->decoder.dim, &m->decoder_pos, err);
    *out = m;
    if (status != S4D_OK) s4d_mae_destroy(out);
    return status;
}

void s4d_mae_destroy(s4d_mae **mae)
{
    s4d_mae *m = *mae;
    if (!m) return;
    s4d_params_free(&m->params, m->be);
    s4d_params_release(&m->params);
    s4d_backend_free(m->be, m->encoder_pos.data);
    s4d_backend_free(m->be, m->decoder_pos.data);
    s4d_mem_free(m);
    *mae = NULL;
}

s4d_params *s4d_mae_params(s4d_mae *mae)
{
    return &mae->params;
}

static s4d_pass make_pass(const s4d_mae *m, s4d_arena *arena, bool keep)
{
    return (s4d_pass){.be = m->be, .params = &m->params, .arena = arena, .keep = keep, .training = keep};
}

/* Rows of the drop-path draw that belong to the encoder, or to the decoder. */
static s4d_tensor keep_rows(const s4d_mae *m, bool decoder)
{
    if (!s4d_tensor_given(&m->in.keep)) return m->in.keep;
    int64_t encoder = 2 * (int64_t)m->encoder.depth;
    return s4d_tensor_rows(m->in.keep, decoder ? encoder : 0, decoder ? 2 * (int64_t)m->decoder.depth : encoder);
}

/* The decoder's last block for all tokens, [B,N,Dd]. */
static s4d_tensor decode(s4d_mae *m, const s4d_pass *p)
{
    const s4d_mae_input *in = &m->in;
    int64_t B = in->visible.dim[0], N = in->visible.dim[1] + in->masked.dim[1], Dd = m->opts.decoder.dim;
    s4d_tensor x = s4d_patch_fwd(p, &m->patch, in->pixels, in->visible, m->encoder_pos, &m->patch_acts);
    x = s4d_tower_fwd(p, &m->encoder, x, keep_rows(m, false), NULL);
    m->latent = m->out.encoder = s4d_norm_fwd(p, m->encoder_norm, x, &m->encoder_norm_acts);
    x = s4d_dense_fwd(p, m->to_decoder, m->latent);
    s4d_tensor full = PASS_ACT(p, B, N, Dd), token = s4d_params_w(p->params, m->mask_token);
    s4d_token_fill_fwd(p->be, &(s4d_token_fill_fwd_args){.x = x,
                                                         .token = S4D_RESHAPE(token, Dd),
                                                         .visible = in->visible,
                                                         .masked = in->masked,
                                                         .y = full});
    s4d_add_rows(p->be, &(s4d_add_rows_args){.x = full, .table = m->decoder_pos, .y = full});
    return s4d_tower_fwd(p, &m->decoder, full, keep_rows(m, true), NULL);
}

/* Head and targets for the given tokens (index not given: all). */
static void predict(s4d_mae *m, const s4d_pass *p, s4d_tensor x, s4d_tensor index)
{
    m->normed = s4d_norm_fwd(p, m->decoder_norm, x, &m->decoder_norm_acts);
    m->out.prediction = s4d_dense_fwd(p, m->head, m->normed);
    m->out.target = s4d_pass_take(p, s4d_backend_real(p->be), m->out.prediction.rank, m->out.prediction.dim);
    s4d_mae_target_args args = {.x = m->in.pixels,
                                .index = index,
                                .tubelet = m->opts.tubelet_size,
                                .patch = m->opts.patch_size,
                                .y = m->out.target};
    for (int c = 0; c < 3; ++c) {
        args.mean[c] = m->in.mean[c];
        args.std[c] = m->in.std[c];
    }
    s4d_mae_target(p->be, &args);
}

static s4d_tensor rows_of(s4d_tensor t) /* [B,M,Q] as [B*M,Q] */
{
    return S4D_RESHAPE(t, t.dim[0] * t.dim[1], t.dim[2]);
}

void s4d_mae_forward(s4d_mae *m, s4d_arena *arena, const s4d_mae_input *in, bool keep_activations,
                     s4d_mae_output *out)
{
    s4d_pass p = make_pass(m, arena, keep_activations);
    m->in = *in;
    s4d_tensor x = decode(m, &p), picked = PASS_ACT(&p, x.dim[0], in->masked.dim[1], x.dim[2]);
    s4d_gather_rows(p.be, &(s4d_gather_rows_args){.x = x, .index = in->masked, .y = picked});
    predict(m, &p, picked, in->masked);
    m->out.loss = PASS_F64(&p, 1);
    s4d_mae_loss_fwd(p.be, &(s4d_mae_loss_fwd_args){
                               .x = rows_of(m->out.prediction), .target = rows_of(m->out.target), .value = m->out.loss});
    *out = m->out;
}

void s4d_mae_predict_all(s4d_mae *m, s4d_arena *arena, const s4d_mae_input *in, s4d_mae_output *out)
{
    s4d_pass p = make_pass(m, arena, false);
    m->in = *in;
    predict(m, &p, decode(m, &p), (s4d_tensor){0});
    m->out.loss = (s4d_tensor){0};
    *out = m->out;
}

void s4d_mae_backward(s4d_mae *m, s4d_arena *arena, double scale)
{
    s4d_pass p = make_pass(m, arena, true);
    const s4d_mae_input *in = &m->in;
    int64_t B = in->visible.dim[0], N = in->visible.dim[1] + in->masked.dim[1], Dd = m->opts.decoder.dim;
    s4d_tensor dprediction = s4d_pass_like(&p, m->out.prediction);
    s4d_mae_loss_bwd(p.be, &(s4d_mae_loss_bwd_args){.x = rows_of(m->out.prediction),
                                                    .target = rows_of(m->out.target),
                                                    .scale = scale,
                                                    .dx = rows_of(dprediction)});
    s4d_tensor dnormed = s4d_pass_like(&p, m->normed), dpicked = s4d_pass_like(&p, m->normed);
    s4d_dense_bwd(&p, m->head, m->normed, dprediction, dnormed, false);
    s4d_norm_bwd(&p, m->decoder_norm, &m->decoder_norm_acts, dnormed, dpicked, false);
    s4d_tensor dfull = PASS_ACT(&p, B, N, Dd);
    s4d_scatter_rows(p.be, &(s4d_scatter_rows_args){.x = dpicked, .index = in->masked, .y = dfull});
    s4d_tower_bwd(&p, &m->decoder, dfull, keep_rows(m, true), NULL);
    s4d_tensor dshort = PASS_ACT(&p, B, in->visible.dim[1], Dd), dtoken = s4d_params_g(p.params, m->mask_token);
    s4d_token_fill_bwd(p.be, &(s4d_token_fill_bwd_args){.dy = dfull,
                                                        .visible = in->visible,
                                                        .masked = in->masked,
                                                        .dx = dshort,
                                                        .dtoken = S4D_RESHAPE(dtoken, Dd)});
    s4d_tensor dlatent = s4d_pass_like(&p, m->latent), dx = s4d_pass_like(&p, m->latent);
    s4d_dense_bwd(&p, m->to_decoder, m->latent, dshort, dlatent, false);
    s4d_norm_bwd(&p, m->encoder_norm, &m->encoder_norm_acts, dlatent, dx, false);
    s4d_tower_bwd(&p, &m->encoder, dx, keep_rows(m, false), NULL);
    s4d_patch_bwd(&p, &m->patch, &m->patch_acts, dx);
}
