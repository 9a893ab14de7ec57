/* Published names and shapes (METHOD, sections 2 to 5). */
#include "ckpt/layout.h"

#include <stdio.h>

#include "s4d/base/mem.h"

/* One tensor named PREFIX + tail; dims end with 0. */
static void add(s4d_layout *l, const char *prefix, const char *tail, const int64_t *dims)
{
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 128;
        if (l->failed || !s4d_mem_grow(&l->item, l->room, room, sizeof *l->item)) {
            l->failed = true;
            return;
        }
        l->room = room;
    }
    s4d_layout_item *item = &l->item[l->count++];
    snprintf(item->name, sizeof item->name, "%s%s", prefix, tail);
    for (; dims[item->rank]; item->rank++) {
        item->dim[item->rank] = dims[item->rank];
    }
}
#define ADD(l, prefix, tail, ...) add(l, prefix, tail, (const int64_t[]){__VA_ARGS__, 0})

static void add_dense(s4d_layout *l, const char *prefix, const char *name, int64_t n, int64_t k)
{
    char full[S4D_LAYOUT_NAME_MAX];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    ADD(l, full, ".weight", n, k);
    ADD(l, full, ".bias", n);
}

static void add_norm(s4d_layout *l, const char *prefix, const char *name, int64_t dim)
{
    char full[S4D_LAYOUT_NAME_MAX];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    ADD(l, full, ".weight", dim);
    ADD(l, full, ".bias", dim);
}

static void add_moae(s4d_layout *l, const char *block, const s4d_geometry *g)
{
    char name[S4D_LAYOUT_NAME_MAX];
    int64_t narrow = g->dim / g->reduction;
    add_dense(l, block, "moe_layer.router.topkroute_linear", g->experts, g->dim);
    add_dense(l, block, "moe_layer.router.noise_linear", g->experts, g->dim);
    for (int e = 0; e < g->experts; e++) {
        snprintf(name, sizeof name, "moe_layer.experts.%d.fc1", e);
        add_dense(l, block, name, narrow, g->dim);
        snprintf(name, sizeof name, "moe_layer.experts.%d.fc2", e);
        add_dense(l, block, name, g->dim, narrow);
    }
}

/* moae: of the blocks' numbers. */
static void add_blocks(s4d_layout *l, const char *prefix, int depth, int64_t dim,
                       const s4d_geometry *g, uint64_t moae)
{
    int64_t hidden = dim * g->mlp_ratio;
    for (int i = 0; i < depth; i++) {
        char block[48];
        snprintf(block, sizeof block, "%sblocks.%d.", prefix, i);
        add_norm(l, block, "norm1", dim);
        ADD(l, block, "attn.q_bias", dim);
        ADD(l, block, "attn.v_bias", dim);
        ADD(l, block, "attn.qkv.weight", 3 * dim, dim);
        add_dense(l, block, "attn.proj", dim, dim);
        add_norm(l, block, "norm2", dim);
        if (moae >> i & 1) {
            add_moae(l, block, g);
        }
        add_dense(l, block, "mlp.fc1", hidden, dim);
        add_dense(l, block, "mlp.fc2", dim, hidden);
    }
}

const char *s4d_layout_norm(s4d_layout_kind kind)
{
    return kind == S4D_LAYOUT_FINETUNE ? "fc_norm" : "encoder.norm";
}

s4d_status s4d_layout_make(s4d_layout *out, const s4d_layout_opts *o, s4d_err *err)
{
    static const char *const head[2] = {"head.image", "head.video"};
    const s4d_geometry *g = o->geometry;
    bool finetune = o->kind == S4D_LAYOUT_FINETUNE;
    const char *prefix = finetune ? "" : "encoder.";
    int64_t pixels = (int64_t)3 * g->tubelet_size * g->patch_size * g->patch_size;
    *out = (s4d_layout){0};
    if (o->kind == S4D_LAYOUT_PRETRAIN) {
        ADD(out, "", "mask_token", 1, 1, g->decoder_dim);
    }
    ADD(out, prefix, "patch_embed.proj.weight", g->dim, 3, g->tubelet_size, g->patch_size,
        g->patch_size);
    ADD(out, prefix, "patch_embed.proj.bias", g->dim);
    add_blocks(out, prefix, g->depth, g->dim, g, finetune ? g->moae : 0);
    if (o->norm) {
        add_norm(out, "", s4d_layout_norm(o->kind), g->dim);
    }
    if (o->kind == S4D_LAYOUT_PRETRAIN) {
        add_blocks(out, "decoder.", g->decoder_depth, g->decoder_dim, g, 0);
        add_norm(out, "", "decoder.norm", g->decoder_dim);
        add_dense(out, "", "decoder.head", pixels, g->decoder_dim);
        ADD(out, "", "encoder_to_decoder.weight", g->decoder_dim, g->dim);
    }
    for (int i = 0; i < 2 && finetune; i++) {
        if (o->classes[i]) {
            add_dense(out, "", head[i], o->classes[i], g->dim);
        }
    }
    return out->failed ? s4d_err_memory(err, (out->room + 1) * sizeof *out->item,
                                        "the list of a model's tensors")
                       : S4D_OK;
}

void s4d_layout_release(s4d_layout *layout)
{
    s4d_mem_free(layout->item);
    *layout = (s4d_layout){0};
}
