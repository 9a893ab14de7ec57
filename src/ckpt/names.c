/* Name maps, written once and read in both directions: from a published name to where it stands in
 * another program's file. */
#include "ckpt/names.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    s4d_names_kind kind;
} known[] = {{"s4d", S4D_NAMES_S4D},           {"videomae", S4D_NAMES_VIDEOMAE},
             {"mae-dfer", S4D_NAMES_VIDEOMAE}, {"mae", S4D_NAMES_MAE},
             {"timm", S4D_NAMES_MAE},          {"transformers", S4D_NAMES_TRANSFORMERS}};
enum { KNOWN = sizeof known / sizeof *known };

const char *s4d_names_of(s4d_names_kind kind)
{
    static const char *const name[] = {"s4d", "videomae", "mae", "transformers"};
    return name[kind];
}

static bool begins(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

/* ---- which map ---- */

static const s4d_ckpt_tensor *find(const s4d_ckpt *file, const char *strip, const char *name)
{
    char full[S4D_FOREIGN_MAX];
    snprintf(full, sizeof full, "%s%s", strip, name);
    return s4d_ckpt_find(file, full);
}

static bool any_begins(const s4d_ckpt *file, const char *strip, const char *head)
{
    char full[S4D_FOREIGN_MAX];
    snprintf(full, sizeof full, "%s%s", strip, head);
    for (size_t i = 0; i < s4d_ckpt_count(file); i++) {
        if (begins(s4d_ckpt_at(file, i)->name, full)) {
            return true;
        }
    }
    return false;
}

/* Wrappers of PyTorch put a word before every name. */
static const char *find_strip(const s4d_ckpt *file)
{
    static const char *const wrapper[] = {"module.", "_orig_mod."};
    for (int w = 0; w < 2; w++) {
        bool all = s4d_ckpt_count(file) > 0;
        for (size_t i = 0; i < s4d_ckpt_count(file) && all; i++) {
            all = begins(s4d_ckpt_at(file, i)->name, wrapper[w]);
        }
        if (all) {
            return wrapper[w];
        }
    }
    return "";
}

/* MAE-DFER's local-global attention shares no tensors with the attention computed here. */
static s4d_status refuse_local_global(const s4d_ckpt *file, s4d_err *err)
{
    for (size_t i = 0; i < s4d_ckpt_count(file); i++) {
        const char *name = s4d_ckpt_at(file, i)->name;
        if (strstr(name, "lg_region_tokens") || strstr(name, ".first_attn.")) {
            return s4d_err_set(
                err, S4D_FAILED,
                "%s: is MAE-DFER's local-global attention (%s), which is another model than this "
                "one; use weights of joint attention",
                s4d_ckpt_path(file), name);
        }
    }
    return S4D_OK;
}

static bool looks_transformers(const s4d_ckpt *file, s4d_names *n)
{
    static const char patch[] = "embeddings.patch_embeddings.projection.weight";
    n->bare = find(file, n->strip, patch) != NULL;
    return n->bare ||
           find(file, n->strip, "videomae.embeddings.patch_embeddings.projection.weight");
}

static bool looks_mae(const s4d_ckpt *file, const s4d_names *n)
{
    const s4d_ckpt_tensor *patch = find(file, n->strip, "patch_embed.proj.weight");
    return patch && (patch->rank == 4 || find(file, n->strip, "cls_token") ||
                     find(file, n->strip, "blocks.0.attn.qkv.bias"));
}

static bool looks_published(const s4d_ckpt *file, const s4d_names *n)
{
    return find(file, n->strip, "encoder.patch_embed.proj.weight") ||
           find(file, n->strip, "patch_embed.proj.weight");
}

static s4d_layout_kind find_layout(const s4d_ckpt *file, const s4d_names *n)
{
    bool decoder = any_begins(file, n->strip, "decoder.") || find(file, n->strip, "mask_token");
    bool finetune =
        n->kind == S4D_NAMES_TRANSFORMERS
            ? find(file, n->strip, "fc_norm.weight") || find(file, n->strip, "classifier.weight")
            : !find(file, n->strip, "encoder.patch_embed.proj.weight");
    return n->kind == S4D_NAMES_MAE || finetune ? S4D_LAYOUT_FINETUNE
           : decoder                            ? S4D_LAYOUT_PRETRAIN
                                                : S4D_LAYOUT_ENCODER;
}

static s4d_status find_named(const char *from, s4d_names_kind *out, s4d_err *err)
{
    for (int i = 0; i < KNOWN; i++) {
        if (strcmp(known[i].name, from) == 0) {
            *out = known[i].kind;
            return S4D_OK;
        }
    }
    return s4d_err_set(
        err, S4D_USAGE,
        "--from: expected s4d, videomae, mae-dfer, mae, timm or transformers, got \"%.60s\"", from);
}

s4d_status s4d_names_detect(const s4d_ckpt *file, const char *from, s4d_names *out, s4d_err *err)
{
    *out = (s4d_names){.strip = find_strip(file)};
    s4d_status status = refuse_local_global(file, err);
    bool transformers = looks_transformers(file, out);
    if (status == S4D_OK && from) {
        status = find_named(from, &out->kind, err);
    } else if (transformers) {
        out->kind = S4D_NAMES_TRANSFORMERS;
    } else if (looks_mae(file, out)) {
        out->kind = S4D_NAMES_MAE;
    } else if (looks_published(file, out)) {
        out->kind = find(file, out->strip, "head.weight") ? S4D_NAMES_VIDEOMAE : S4D_NAMES_S4D;
    } else if (status == S4D_OK) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: has no patch embedding under a name that is known (its first "
                             "tensor is %s); tell whose names "
                             "they are by --from, or rename them",
                             s4d_ckpt_path(file),
                             s4d_ckpt_count(file) ? s4d_ckpt_at(file, 0)->name : "absent");
    }
    out->layout = find_layout(file, out);
    return status;
}

/* ---- recipes ---- */

static bool copy(s4d_recipe *out, const char *strip, const char *a, const char *b)
{
    out->kind = S4D_RECIPE_COPY;
    out->sources = 1;
    return snprintf(out->source[0], S4D_FOREIGN_MAX, "%s%s%s", strip, a, b) < S4D_FOREIGN_MAX;
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

static bool videomae_recipe(const s4d_names *n, const char *published, s4d_recipe *out)
{
    if (begins(published, "head.image.")) {
        return false;
    }
    return begins(published, "head.video.")
               ? copy(out, n->strip, "head.", published + strlen("head.video."))
               : copy(out, n->strip, published, "");
}

/* timm has one head, which is of pictures, and one bias for q, k and v. */
static bool mae_recipe(const s4d_names *n, const char *published, int choice, s4d_recipe *out)
{
    char head[S4D_FOREIGN_MAX];
    bool q = cut_tail(published, "attn.q_bias", head),
         v = !q && cut_tail(published, "attn.v_bias", head);
    if (begins(published, "head.video.")) {
        return false;
    }
    if (begins(published, "head.image.")) {
        return choice == 0 && copy(out, n->strip, "head.", published + strlen("head.image."));
    }
    if ((q || v) && choice == 0) {
        bool fits = copy(out, n->strip, head, "attn.qkv.bias");
        out->kind = S4D_RECIPE_PART;
        out->part = q ? 0 : 2;
        return fits;
    }
    return choice <= (q || v) && copy(out, n->strip, published, "");
}

/* Within a block. */
static const char *const block_part[][2] = {
    {"norm1.", "layernorm_before."},
    {"norm2.", "layernorm_after."},
    {"attn.q_bias", "attention.attention.q_bias"},
    {"attn.v_bias", "attention.attention.v_bias"},
    {"attn.proj.", "attention.output.dense."},
    {"mlp.fc1.", "intermediate.dense."},
    {"mlp.fc2.", "output.dense."},
};
enum { BLOCK_PARTS = sizeof block_part / sizeof *block_part };

/* tail: what follows the block's number and dot. */
static bool block_recipe(const char *block, const char *tail, int choice, s4d_recipe *out)
{
    static const char *const three[] = {"query", "key", "value"};
    if (strcmp(tail, "attn.qkv.weight") == 0 && choice == 0) {
        out->kind = S4D_RECIPE_JOIN;
        out->sources = 3;
        for (int i = 0; i < 3; i++) {
            snprintf(out->source[i], S4D_FOREIGN_MAX, "%.100s.attention.attention.%s.weight", block,
                     three[i]);
        }
        return true;
    }
    bool bias = strcmp(tail, "attn.q_bias") == 0 || strcmp(tail, "attn.v_bias") == 0;
    if (bias && choice == 1) { /* later versions */
        out->kind = S4D_RECIPE_COPY;
        out->sources = 1;
        snprintf(out->source[0], S4D_FOREIGN_MAX, "%.100s.attention.attention.%s.bias", block,
                 three[tail[5] == 'q' ? 0 : 2]);
        return true;
    }
    for (int i = 0; i < BLOCK_PARTS && choice == 0; i++) {
        if (begins(tail, block_part[i][0])) {
            out->kind = S4D_RECIPE_COPY;
            out->sources = 1;
            snprintf(out->source[0], S4D_FOREIGN_MAX, "%.100s.%s%.20s", block, block_part[i][1],
                     tail + strlen(block_part[i][0]));
            return true;
        }
    }
    return false;
}

static bool transformers_recipe(const s4d_names *n, const char *published, int choice,
                                s4d_recipe *out)
{
    const char *videomae = n->bare ? "" : "videomae.", *name = published;
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
        return block_recipe(block, dot + 1, choice, out);
    }
    if (choice > 0) {
        return false;
    }
    if (begins(name, "patch_embed.proj.")) {
        snprintf(block, sizeof block, "%sembeddings.patch_embeddings.projection.", videomae);
        return copy(out, n->strip, block, name + strlen("patch_embed.proj."));
    }
    if (begins(name, "encoder.norm.")) {
        snprintf(block, sizeof block, "%slayernorm.", videomae);
        return copy(out, n->strip, block, name + strlen("encoder.norm."));
    }
    if (begins(name, "head.image.")) {
        return false;
    }
    return begins(name, "head.video.")
               ? copy(out, n->strip, "classifier.", name + strlen("head.video."))
               : copy(out, n->strip, name, "");
}

bool s4d_names_recipe(const s4d_names *n, const char *published, int choice, s4d_recipe *out)
{
    *out = (s4d_recipe){0};
    switch (n->kind) {
    case S4D_NAMES_S4D: return choice == 0 && copy(out, n->strip, published, "");
    case S4D_NAMES_VIDEOMAE: return choice == 0 && videomae_recipe(n, published, out);
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
    if (n->kind == S4D_NAMES_TRANSFORMERS) {
        name = decoder   ? "decoder.decoder_layers."
               : n->bare ? "encoder.layer."
                         : "videomae.encoder.layer.";
    }
    snprintf(out, S4D_FOREIGN_MAX, "%s%s", n->strip, name);
}

/* ---- what is left out ---- */

static const char zero_key_bias[] = "the key's bias, which this model does not have; it is zero";

const char *s4d_names_left_out(const s4d_names *n, const char *source)
{
    static const char *const mae[][2] = {
        {"cls_token", "the class token; this model takes the mean over tokens"},
        {"pos_embed", "positions of pictures; here a fixed table over space and time"},
        {"mask_token", "of the decoder of pictures"},
        {"decoder_", "the decoder of pictures"},
    };
    const char *name = source + strlen(n->strip);
    char head[S4D_FOREIGN_MAX];
    if (n->kind == S4D_NAMES_TRANSFORMERS &&
        cut_tail(name, ".attention.attention.key.bias", head)) {
        return zero_key_bias;
    }
    const char *norm = n->kind != S4D_NAMES_TRANSFORMERS ? "norm."
                       : n->bare                         ? "layernorm."
                                                         : "videomae.layernorm.";
    if (n->layout == S4D_LAYOUT_FINETUNE && begins(name, norm)) {
        return "its last norm, which is not of the mean over tokens; fc_norm is";
    }
    for (int i = 0; i < 4 && n->kind == S4D_NAMES_MAE; i++) {
        if (begins(name, mae[i][0])) {
            return mae[i][1];
        }
    }
    return NULL;
}
