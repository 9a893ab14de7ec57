/* A transformer block, with or without MoAE, and a tower of them (METHOD.md sections 3 and 5). Private to src/model. */
#ifndef S4D_MODEL_BLOCK_H
#define S4D_MODEL_BLOCK_H

#include "model/pass.h"
#include "s4d/model/classifier.h"
#include "s4d/model/options.h"

/* ---- attention ---- */
typedef struct s4d_attn {
    s4d_norm norm;
    int q_bias, v_bias, heads;
    s4d_dense qkv, proj;
} s4d_attn;
typedef struct s4d_attn_acts {
    s4d_norm_acts norm;
    s4d_tensor normed, qkv, stats, heads; /* [B,N,D], [B,N,3,H,d], [B,H,N], [B,N,H,d] */
} s4d_attn_acts;

/* The branch's output [B,N,D] for the LayerNorm of x, whose statistics the caller puts into acts->norm; its gradient dr adds
 * into dx. */
s4d_tensor s4d_attn_fwd(const s4d_pass *p, const s4d_attn *a, s4d_tensor normed, s4d_attn_acts *acts);
void s4d_attn_bwd(const s4d_pass *p, const s4d_attn *a, const s4d_attn_acts *acts, s4d_tensor dr, s4d_tensor dx);

/* ---- MLP ---- */
typedef struct s4d_mlp {
    s4d_dense fc1, fc2;
} s4d_mlp;
typedef struct s4d_mlp_acts {
    s4d_tensor hidden, gelu; /* [B,N,4D] */
} s4d_mlp_acts;

/* y is LN2's output; dy is written. */
s4d_tensor s4d_mlp_fwd(const s4d_pass *p, const s4d_mlp *m, s4d_tensor y, s4d_mlp_acts *acts);
void s4d_mlp_bwd(const s4d_pass *p, const s4d_mlp *m, s4d_tensor y, const s4d_mlp_acts *acts, s4d_tensor dr,
                 s4d_tensor dy);

/* ---- MoAE ---- */
typedef struct s4d_moae {
    const s4d_moae_opts *opts;
    int64_t hidden;         /* width of an expert */
    s4d_dense route, noise; /* W_r, W_n */
    int fc1_w, fc1_b, fc2_w, fc2_b; /* of expert 0; the others follow packed */
} s4d_moae;
typedef struct s4d_moae_acts {
    s4d_tensor noise_logits, noise, noisy, index, gate; /* [M,E] ..., i32 [M,K], [M,K] */
    s4d_tensor offset, slot, token, load, dropped;      /* s4d_moe_plan */
    int64_t stride;                                     /* of s4d_moe_plan */
    s4d_tensor rows, hidden, gelu, out;                 /* [R, D or D/4] */
    s4d_tensor f;                                       /* [B,E], of the balance loss */
} s4d_moae_acts;
/* What a pass gives to its MoAE layers. */
typedef struct s4d_moae_run {
    const s4d_tensor *noise; /* by MoAE layer, or NULL */
    uint64_t noise_key;
    s4d_tensor load, dropped; /* i32 [layers,E], [layers,1] */
    s4d_tensor balance;      /* F64 [1], added; not given: no balance loss */
    double balance_scale;    /* backward: its weight in the total */
} s4d_moae_run;

/* Adds the experts' mixture to r [B,N,D]; backward adds into dy. layer counts MoAE layers. */
void s4d_moae_fwd(const s4d_pass *p, const s4d_moae *m, int layer, const s4d_moae_run *run, s4d_tensor y,
                  s4d_tensor r, s4d_moae_acts *acts);
void s4d_moae_bwd(const s4d_pass *p, const s4d_moae *m, const s4d_moae_run *run, s4d_tensor y,
                  const s4d_moae_acts *acts, s4d_tensor dr, s4d_tensor dy);
void s4d_moae_add(s4d_moae *m, s4d_params *params, const s4d_model_opts *opts, const char *prefix, int layer);

/* ---- block and tower ---- */
typedef struct s4d_block {
    s4d_attn attn;
    s4d_norm norm2;
    s4d_mlp mlp;
    s4d_moae moae;
    int moae_layer; /* its place among the MoAE layers, -1: none */
} s4d_block;
typedef struct s4d_block_acts {
    s4d_attn_acts attn;
    s4d_norm_acts norm2;
    s4d_tensor normed;
    s4d_mlp_acts mlp;
    s4d_moae_acts moae;
} s4d_block_acts;

typedef struct s4d_tower {
    int depth;
    s4d_block block[S4D_MAX_LAYERS];
    s4d_block_acts acts[S4D_MAX_LAYERS];
} s4d_tower;

typedef struct s4d_tower_spec {
    const char *prefix; /* "encoder." or "" */
    const s4d_tower_opts *size;
    const s4d_model_opts *opts;
    bool moae;
    s4d_init_kind init; /* of linear layers */
    double init_cut;
} s4d_tower_spec;

void s4d_tower_add(s4d_tower *t, s4d_params *params, const s4d_tower_spec *spec);
/* keep: rows first_keep.. of [2*depth,B], or not given. run may be NULL without MoAE. x is consumed: without p->keep
 * the result is in its memory. */
s4d_tensor s4d_tower_fwd(const s4d_pass *p, s4d_tower *t, s4d_tensor x, s4d_tensor keep, const s4d_moae_run *run);
/* dx in: gradient of the result; out: of x. */
void s4d_tower_bwd(const s4d_pass *p, const s4d_tower *t, s4d_tensor dx, s4d_tensor keep, const s4d_moae_run *run);

/* ---- patch embedding and positions ---- */
typedef struct s4d_patch {
    s4d_dense proj; /* weight [D,3,t,P,P] */
    int tubelet, patch;
} s4d_patch;
typedef struct s4d_patch_acts {
    s4d_tensor cells; /* [B,V,3*t*P*P] */
} s4d_patch_acts;

void s4d_patch_add(s4d_patch *e, s4d_params *params, const s4d_model_opts *opts, const char *prefix);
/* Tokens [B,V,D] with positions of `table` added; index not given: all tokens. */
s4d_tensor s4d_patch_fwd(const s4d_pass *p, const s4d_patch *e, s4d_tensor pixels, s4d_tensor index, s4d_tensor table,
                         s4d_patch_acts *acts);
void s4d_patch_bwd(const s4d_pass *p, const s4d_patch *e, const s4d_patch_acts *acts, s4d_tensor dx);

/* The sine/cosine table [tokens,dim] of METHOD.md section 2, in device memory; free its data with s4d_backend_free. */
s4d_status s4d_posembed_make(s4d_backend *be, int64_t tokens, int64_t dim, s4d_tensor *out, s4d_err *err);

#endif
