/* Name maps, written once and read in both directions: from a published name to where it stands in
 * another program's file. */
#include "ckpt/names.h"

#include <stdio.h>
#include <string.h>

static bool begins(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

/* ---- recipes ---- */

static bool copy(s4d_recipe *out, const char *a, const char *b)
{
    out->kind = S4D_RECIPE_COPY;
    out->sources = 1;
    return snprintf(out->source[0], S4D_FOREIGN_MAX, "%s%s", a, b) < S4D_FOREIGN_MAX;
}

/* The name without TAIL at its end, or false. */
static bool cut_tail(const char *name, const char *tail, char out[S4D_FOREIGN_MAX])
{
    size_t n = strlen(name), t = strlen(tail);
    if (n < t || n - t >= S4D_FOREIGN_MAX || strcmp(name + n - t, tail) != 0) {
        return false;
    }
    memcpy(out, name, n - t);
    out[n - t] = '\0';
    return true;
}

/* Programs that know one kind of input have one head. */
static bool head_recipe(const char *ours, const char *theirs, const char *published,
                        s4d_recipe *out)
{
    return begins(published, ours) && copy(out, theirs, published + strlen(ours));
}

static bool videomae_recipe(const char *published, s4d_recipe *out)
{
    return begins(published, "head.") ? head_recipe("head.video.", "head.", published, out)
                                      : copy(out, published, "");
}

/* timm has one bias for q, k and v. */
static bool mae_recipe(const s4d_names *n, const char *published, int choice, s4d_recipe *out)
{
    char head[S4D_FOREIGN_MAX];
    bool q = cut_tail(published, "attn.q_bias", head),
         v = !q && cut_tail(published, "attn.v_bias", head);
    if (begins(published, "head.")) {
        return choice == 0 &&
               head_recipe(n->images ? "head.image." : "head.video.", "head.", published, out);
    }
    if ((q || v) && choice == 0) {
        bool fits = copy(out, head, "attn.qkv.bias");
        out->kind = S4D_RECIPE_PART;
        out->part = q ? 0 : 2;
        return fits;
    }
    return choice <= (q || v) && copy(out, published, "");
}

/* Within a block: here, in transformers, and in its newer models. */
static const char *const block_part[][3] = {
    {"norm1.", "layernorm_before.", "layernorm_before."},
    {"norm2.", "layernorm_after.", "layernorm_after."},
    {"attn.proj.", "attention.output.dense.", "attention.o_proj."},
    {"mlp.fc1.", "intermediate.dense.", "mlp.fc1."},
    {"mlp.fc2.", "output.dense.", "mlp.fc2."},
};
enum { BLOCK_PARTS = sizeof block_part / sizeof *block_part };

/* query, key, value; kind: "weight", "bias". */
static bool attention_part(const s4d_names *n, const char *block, int which, const char *kind,
                           char out[S4D_FOREIGN_MAX])
{
    static const char *const three[2][3] = {
        {"attention.attention.query", "attention.attention.key", "attention.attention.value"},
        {"attention.q_proj", "attention.k_proj", "attention.v_proj"}};
    return snprintf(out, S4D_FOREIGN_MAX, "%s.%s.%s", block, three[n->newer][which], kind) <
           S4D_FOREIGN_MAX;
}

/* tail: what follows the block's number and dot. */
static bool block_recipe(const s4d_names *n, const char *block, const char *tail, int choice,
                         s4d_recipe *out)
{
    bool q = strcmp(tail, "attn.q_bias") == 0, v = strcmp(tail, "attn.v_bias") == 0;
    if (strcmp(tail, "attn.qkv.weight") == 0) {
        bool fits = true;
        out->kind = S4D_RECIPE_JOIN;
        out->sources = 3;
        for (int i = 0; i < 3; i++) {
            fits = fits && attention_part(n, block, i, "weight", out->source[i]);
        }
        return choice == 0 && fits;
    }
    out->kind = S4D_RECIPE_COPY;
    out->sources = 1;
    if ((q || v) && choice == 0) { /* VideoMAE's own, up to version 4 */
        return snprintf(out->source[0], S4D_FOREIGN_MAX, "%s.attention.attention.%c_bias", block,
                        q ? 'q' : 'v') < S4D_FOREIGN_MAX;
    }
    if ((q || v) && choice == 1) {
        return attention_part(n, block, q ? 0 : 2, "bias", out->source[0]);
    }
    for (int i = 0; i < BLOCK_PARTS && choice == 0; i++) {
        if (begins(tail, block_part[i][0])) {
            return snprintf(out->source[0], S4D_FOREIGN_MAX, "%s.%s%s", block,
                            block_part[i][1 + n->newer],
                            tail + strlen(block_part[i][0])) < S4D_FOREIGN_MAX;
        }
    }
    return false;
}

static bool transformers_recipe(const s4d_names *n, const char *published, int choice,
                                s4d_recipe *out)
{
    const char *name = published;
    bool decoder = begins(name, "decoder.blocks.");
    char block[S4D_FOREIGN_MAX];
    if (begins(name, "encoder.") && !begins(name, "encoder.norm.")) {
        name += strlen("encoder.");
    }
    if (decoder || begins(name, "blocks.")) {
        const char *number = name + strlen(decoder ? "decoder.blocks." : "blocks."),
                   *dot = strchr(number, '.');
        if (!dot) {
            return false;
        }
        s4d_names_blocks(n, decoder, block);
        strncat(block, number, (size_t)(dot - number) < 4 ? (size_t)(dot - number) : 4);
        return block_recipe(n, block, dot + 1, choice, out);
    }
    if (choice > 0) {
        return false;
    }
    if (begins(name, "patch_embed.proj.")) {
        snprintf(block, sizeof block, "%sembeddings.patch_embeddings.projection.", n->base);
        return copy(out, block, name + strlen("patch_embed.proj."));
    }
    if (begins(name, "encoder.norm.")) {
        snprintf(block, sizeof block, "%slayernorm.", n->base);
        return copy(out, block, name + strlen("encoder.norm."));
    }
    return begins(name, "head.")
               ? head_recipe(n->images ? "head.image." : "head.video.", "classifier.", name, out)
               : copy(out, name, "");
}

bool s4d_names_recipe(const s4d_names *n, const char *published, int choice, s4d_recipe *out)
{
    *out = (s4d_recipe){0};
    switch (n->kind) {
    case S4D_NAMES_S4D: return choice == 0 && copy(out, published, "");
    case S4D_NAMES_VIDEOMAE: return choice == 0 && videomae_recipe(published, out);
    case S4D_NAMES_MAE: return mae_recipe(n, published, choice, out);
    case S4D_NAMES_TRANSFORMERS: return transformers_recipe(n, published, choice, out);
    }
    return false;
}

void s4d_names_blocks(const s4d_names *n, bool decoder, char out[S4D_FOREIGN_MAX])
{
    const char *name = decoder                            ? "decoder.blocks."
                       : n->layout == S4D_LAYOUT_FINETUNE ? "blocks."
                                                          : "encoder.blocks.";
    bool transformers = n->kind == S4D_NAMES_TRANSFORMERS;
    if (transformers) {
        name = decoder ? "decoder.decoder_layers." : n->newer ? "layers." : "encoder.layer.";
    }
    snprintf(out, S4D_FOREIGN_MAX, "%s%s", transformers && !decoder ? n->base : "", name);
}

/* ---- what is left out ---- */

bool s4d_names_key_bias(const s4d_names *n, const char *source)
{
    return n->kind == S4D_NAMES_TRANSFORMERS &&
           (s4d_str_ends(source, ".attention.attention.key.bias") ||
            s4d_str_ends(source, ".attention.k_proj.bias"));
}

/* Parts of models of images that this model does not have; what their names begin with. */
static const char *const of_images[][2] = {
    {"cls_token", "the class token; this model takes the mean over tokens"},
    {"dist_token", "the class token of a teacher; this model takes the mean over tokens"},
    {"distillation_token", "the class token of a teacher; this model takes the mean over tokens"},
    {"pos_embed", "positions of images; here a fixed table over space and time"},
    {"position_embeddings", "positions of images; here a fixed table over space and time"},
    {"mask_token", "of the decoder of images"},
    {"decoder", "the decoder of images"},
    {"head_dist.", "the head of the class token of a teacher"},
    {"pooler.", "a layer over the class token"},
};

const char *s4d_names_left_out(const s4d_names *n, const char *source)
{
    bool transformers = n->kind == S4D_NAMES_TRANSFORMERS;
    const char *name = source, *norm = transformers ? "layernorm." : "norm.";
    if (transformers && begins(name, n->base)) {
        name += strlen(n->base);
    }
    if (n->layout == S4D_LAYOUT_FINETUNE && begins(name, norm)) {
        return "its last norm, which is not of the mean over tokens; fc_norm is";
    }
    if (transformers && n->layout == S4D_LAYOUT_ENCODER &&
        (begins(name, "decoder.") || begins(name, "encoder_to_decoder.") ||
         begins(name, "mask_token"))) {
        return "of a decoder that was trained on pixels as they are (norm_pix_loss false)";
    }
    if (transformers && begins(name, "embeddings.")) {
        name += strlen("embeddings.");
    }
    bool image = n->kind == S4D_NAMES_MAE || (transformers && n->images);
    for (size_t i = 0; image && i < sizeof of_images / sizeof *of_images; i++) {
        if (begins(name, of_images[i][0])) {
            return of_images[i][1];
        }
    }
    return NULL;
}

const char *s4d_names_meaning(const char *source)
{
    static const char *const part[][2] = {
        {"pos_embed", "a table of positions that was trained; this model's is fixed"},
        {"position_embeddings", "a table of positions that was trained; this model's is fixed"},
        {"gamma_", "a scale of layers (LayerScale), which this model does not compute"},
        {"lambda", "a scale of layers (LayerScale), which this model does not compute"},
        {"layer_scale", "a scale of layers (LayerScale), which this model does not compute"},
        {".ls1.", "a scale of layers (LayerScale), which this model does not compute"},
        {".ls2.", "a scale of layers (LayerScale), which this model does not compute"},
        {"relative_position", "relative positions, which this model does not compute"},
        {"rel_pos", "relative positions, which this model does not compute"},
        {"rope", "rotary positions, which this model does not compute"},
        {"reg_token", "register tokens, which this model does not have"},
        {"register_token", "register tokens, which this model does not have"},
        {"norm_pre.", "a norm before the blocks, which this model does not compute"},
        {"q_norm.", "a norm of queries, which this model does not compute"},
        {"k_norm.", "a norm of keys, which this model does not compute"},
        {"mlp.w12", "a gated MLP (SwiGLU), which this model does not compute"},
        {"weights_in", "a gated MLP (SwiGLU), which this model does not compute"},
        {"gate_proj", "a gated MLP (SwiGLU), which this model does not compute"},
        {"temporal", "attention over time of its own, which this model does not compute"},
        {"logit_scale", "cosine attention, which this model does not compute"},
        {"weight_scale", "a scale of weights in a smaller type; convert them to float32 first"},
        {"scale_weight", "a scale of weights in a smaller type; convert them to float32 first"},
    };
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (strstr(source, part[i][0])) {
            return part[i][1];
        }
    }
    return "has no place in this model";
}
