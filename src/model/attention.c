/* Multi-head self-attention: proj(attention(LN1(x))), the LayerNorm being the block's (METHOD.md section 3). */
#include <math.h>

#include "model/block.h"

static double attention_scale(const s4d_tensor *qkv)
{
    return 1.0 / sqrt((double)qkv->dim[4]);
}

s4d_tensor s4d_attn_fwd(const s4d_pass *p, const s4d_attn *a, s4d_tensor normed, s4d_attn_acts *acts)
{
    int64_t B = normed.dim[0], N = normed.dim[1], D = normed.dim[2], H = a->heads;
    acts->normed = normed;
    s4d_tensor qkv = PASS_ACT(p, B, N, 3 * D);
    s4d_qkv_fwd(p->be, &(s4d_qkv_fwd_args){.x = normed,
                                           .w = s4d_params_low(p->params, a->qkv.w),
                                           .q_bias = s4d_params_w(p->params, a->q_bias),
                                           .v_bias = s4d_params_w(p->params, a->v_bias),
                                           .y = qkv});
    acts->qkv = S4D_RESHAPE(qkv, B, N, 3, H, D / H);
    acts->stats = PASS_REAL(p, B, H, N);
    acts->heads = PASS_ACT(p, B, N, H, D / H);
    s4d_attention_fwd(p->be, &(s4d_attention_fwd_args){.qkv = acts->qkv,
                                                       .scale = attention_scale(&acts->qkv),
                                                       .stats = acts->stats,
                                                       .y = acts->heads});
    return s4d_dense_fwd(p, a->proj, S4D_RESHAPE(acts->heads, B, N, D));
}

void s4d_attn_bwd(const s4d_pass *p, const s4d_attn *a, const s4d_attn_acts *acts, s4d_tensor dr, s4d_tensor dx)
{
    int64_t B = dr.dim[0], N = dr.dim[1], D = dr.dim[2];
    s4d_tensor dheads = s4d_pass_like(p, dr), dqkv = s4d_pass_like(p, acts->qkv);
    s4d_dense_bwd(p, a->proj, S4D_RESHAPE(acts->heads, B, N, D), dr, dheads, false);
    s4d_attention_bwd(p->be, &(s4d_attention_bwd_args){.qkv = acts->qkv,
                                                       .stats = acts->stats,
                                                       .y = acts->heads,
                                                       .dy = s4d_tensor_reshape(dheads, 4, acts->heads.dim),
                                                       .scale = attention_scale(&acts->qkv),
                                                       .dqkv = dqkv});
    dqkv = S4D_RESHAPE(dqkv, B, N, 3 * D);
    s4d_qkv_bias_bwd(p->be, &(s4d_qkv_bias_bwd_args){.dy = dqkv,
                                                     .dq_bias = s4d_params_g(p->params, a->q_bias),
                                                     .dv_bias = s4d_params_g(p->params, a->v_bias)});
    s4d_tensor dnormed = dheads; /* free again, of the same size */
    s4d_dense_bwd(p, a->qkv, acts->normed, dqkv, dnormed, false);
    s4d_norm_bwd(p, a->norm, &acts->norm, dnormed, dx, true);
}
