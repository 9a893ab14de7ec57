/* The pre-norm block and a tower of blocks (METHOD.md section 3). */
#include "model/block.h"

#include <stdio.h>

enum { NAME_MAX_BYTES = S4D_PARAM_NAME_MAX };

static int moae_place(const s4d_moae_opts *o, int block)
{
    for (int i = 0; i < o->layer_count; ++i)
        if (o->layers[i] == block) return i;
    return -1;
}

static int add_vector(s4d_params *params, const char *prefix, const char *tail, int64_t dim, int layer)
{
    s4d_param v = {.rank = 1, .dim = {dim}, .layer = layer, .modality = -1};
    snprintf(v.name, sizeof v.name, "%s.%s", prefix, tail);
    return s4d_params_add(params, &v, false);
}

static s4d_dense add_dense(s4d_params *params, const s4d_tower_spec *spec, const char *prefix, const char *tail,
                           s4d_dense_spec size)
{
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%s.%s", prefix, tail);
    size.prefix = name;
    size.init = spec->init;
    size.init_cut = spec->init_cut;
    return s4d_dense_add(params, &size);
}

static void block_add(s4d_block *b, s4d_params *params, const s4d_tower_spec *spec, int index)
{
    int64_t D = spec->size->dim, hidden = D * spec->opts->mlp_ratio;
    int layer = index + 1;
    char prefix[48], name[NAME_MAX_BYTES];
    snprintf(prefix, sizeof prefix, "%sblocks.%d", spec->prefix, index);
    snprintf(name, sizeof name, "%s.norm1", prefix);
    b->attn.norm = s4d_norm_add(params, name, D, layer);
    b->attn.heads = spec->size->heads;
    b->attn.q_bias = add_vector(params, prefix, "attn.q_bias", D, layer);
    b->attn.v_bias = add_vector(params, prefix, "attn.v_bias", D, layer);
    b->attn.qkv = add_dense(params, spec, prefix, "attn.qkv",
                            (s4d_dense_spec){.n = 3 * D, .k = D, .layer = layer, .no_bias = true});
    b->attn.proj = add_dense(params, spec, prefix, "attn.proj", (s4d_dense_spec){.n = D, .k = D, .layer = layer});
    snprintf(name, sizeof name, "%s.norm2", prefix);
    b->norm2 = s4d_norm_add(params, name, D, layer);
    b->moae_layer = spec->moae ? moae_place(&spec->opts->moae, index) : -1;
    if (b->moae_layer >= 0) {
        snprintf(name, sizeof name, "%s.moe_layer", prefix);
        s4d_moae_add(&b->moae, params, spec->opts, name, layer);
    }
    b->mlp.fc1 = add_dense(params, spec, prefix, "mlp.fc1", (s4d_dense_spec){.n = hidden, .k = D, .layer = layer});
    b->mlp.fc2 = add_dense(params, spec, prefix, "mlp.fc2", (s4d_dense_spec){.n = D, .k = hidden, .layer = layer});
}

void s4d_tower_add(s4d_tower *t, s4d_params *params, const s4d_tower_spec *spec)
{
    t->depth = spec->size->depth;
    for (int i = 0; i < t->depth; ++i) block_add(&t->block[i], params, spec, i);
}

static s4d_tensor keep_row(s4d_tensor keep, int row)
{
    if (!s4d_tensor_given(&keep)) return keep;
    s4d_tensor r = s4d_tensor_rows(keep, row, 1);
    return S4D_RESHAPE(r, keep.dim[1]);
}

/* What goes from one sub-layer to the next: the residual stream, and its LayerNorm. Without p->keep both stay in the same
 * memory all the way. */
typedef struct stream {
    s4d_tensor x, normed;
} stream;

/* x += keep * r, and the LayerNorm that comes next. */
static void join(const s4d_pass *p, stream *s, s4d_tensor r, s4d_tensor keep, s4d_norm norm, s4d_norm_acts *acts)
{
    s4d_join j = {.x = s->x, .r = r, .keep = keep, .norm = norm, .acts = acts};
    j.y = s->x = p->keep ? s4d_pass_like(p, s->x) : s->x;
    j.normed = s->normed = p->keep ? s4d_pass_like(p, s->x) : s->normed;
    s4d_residual_norm(p, &j);
}

/* The last residual: whoever called the tower has the next LayerNorm, if any. */
static void join_last(const s4d_pass *p, stream *s, s4d_tensor r, s4d_tensor keep)
{
    s4d_tensor y = p->keep ? s4d_pass_like(p, s->x) : s->x;
    s4d_residual_fwd(p->be, &(s4d_residual_fwd_args){.x = s->x, .r = r, .keep = keep, .y = y});
    s->x = y;
}

/* From the block's first LayerNorm to the next block's. */
static void block_fwd(const s4d_pass *p, s4d_tower *t, int i, stream *s, s4d_tensor keep, const s4d_moae_run *run)
{
    const s4d_block *b = &t->block[i];
    s4d_block_acts *acts = &t->acts[i];
    s4d_tensor r = s4d_attn_fwd(p, &b->attn, s->normed, &acts->attn);
    join(p, s, r, keep_row(keep, 2 * i), b->norm2, &acts->norm2);
    acts->normed = s->normed;
    r = s4d_mlp_fwd(p, &b->mlp, acts->normed, &acts->mlp);
    if (b->moae_layer >= 0) s4d_moae_fwd(p, &b->moae, b->moae_layer, run, acts->normed, r, &acts->moae);
    if (i + 1 < t->depth)
        join(p, s, r, keep_row(keep, 2 * i + 1), t->block[i + 1].attn.norm, &t->acts[i + 1].attn.norm);
    else
        join_last(p, s, r, keep_row(keep, 2 * i + 1));
}

s4d_tensor s4d_tower_fwd(const s4d_pass *p, s4d_tower *t, s4d_tensor x, s4d_tensor keep, const s4d_moae_run *run)
{
    stream s = {.x = x, .normed = s4d_norm_fwd(p, t->block[0].attn.norm, x, &t->acts[0].attn.norm)};
    for (int i = 0; i < t->depth; ++i) {
        size_t used = p->arena->used;
        block_fwd(p, t, i, &s, keep, run);
        if (!p->keep) s4d_arena_reset(p->arena, used);
    }
    return s.x;
}

/* The gradient that enters a branch: dy itself, or keep * dy in memory of its own. */
static s4d_tensor branch_grad(const s4d_pass *p, s4d_tensor dy, s4d_tensor keep)
{
    if (!s4d_tensor_given(&keep)) return dy;
    s4d_tensor dr = s4d_pass_like(p, dy);
    s4d_residual_bwd(p->be, &(s4d_residual_bwd_args){.dy = dy, .keep = keep, .dr = dr});
    return dr;
}

static void block_bwd(const s4d_pass *p, const s4d_block *b, const s4d_block_acts *acts, s4d_tensor dx,
                      s4d_tensor keep[2], const s4d_moae_run *run)
{
    s4d_tensor dr = branch_grad(p, dx, keep[1]), dnormed = s4d_pass_like(p, dx);
    s4d_mlp_bwd(p, &b->mlp, acts->normed, &acts->mlp, dr, dnormed);
    if (b->moae_layer >= 0) s4d_moae_bwd(p, &b->moae, run, acts->normed, &acts->moae, dr, dnormed);
    s4d_norm_bwd(p, b->norm2, &acts->norm2, dnormed, dx, true);
    s4d_attn_bwd(p, &b->attn, &acts->attn, branch_grad(p, dx, keep[0]), dx);
}

void s4d_tower_bwd(const s4d_pass *p, const s4d_tower *t, s4d_tensor dx, s4d_tensor keep, const s4d_moae_run *run)
{
    for (int i = t->depth - 1; i >= 0; --i) {
        size_t used = p->arena->used;
        s4d_tensor rows[2] = {keep_row(keep, 2 * i), keep_row(keep, 2 * i + 1)};
        block_bwd(p, &t->block[i], &t->acts[i], dx, rows, run);
        s4d_arena_reset(p->arena, used);
    }
}
