/* Whose names the tensors of a file have, and what is said of models that are not this one. */
#include <stdio.h>
#include <string.h>

#include "ckpt/names.h"
#include "s4d/base/json.h"

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

/* ---- models of transformers ---- */

/* The word before the names of a model there, and what it computes that this model does not. */
static const struct {
    const char *word, *why;
} families[] = {
    {"videomae.", NULL},
    {"vit.", NULL},
    {"deit.", NULL},
    {"ijepa.", NULL},
    {"beit.", "BEiT, with relative positions and scaled layers"},
    {"data2vec_vision.", "data2vec, with relative positions and scaled layers"},
    {"dinov2.", "DINOv2, with scaled layers"},
    {"dinov2_with_registers.", "DINOv2, with scaled layers and register tokens"},
    {"dinov3_vit.", "DINOv3, with rotary positions"},
    {"vivit.", "ViViT, with another activation"},
    {"timesformer.", "TimeSformer, with attention over time of its own"},
    {"swin.", "Swin, with windows"},
    {"swinv2.", "Swin v2, with windows"},
    {"dpt.", "DPT"},
    {"levit.", "LeViT"},
};

const char *s4d_family_of(const char *word, size_t size, const char **why)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strlen(families[i].word) == size && strncmp(families[i].word, word, size) == 0) {
            *why = families[i].why;
            return families[i].word;
        }
    }
    return NULL;
}

static const char instead[] = "take weights of VideoMAE, MAE or a plain ViT";

/* The word in use; "" for none. */
static s4d_status find_base(const s4d_unwrap *u, const s4d_ckpt *file, s4d_names *out, s4d_err *err)
{
    char name[S4D_FOREIGN_MAX];
    out->base = "";
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        snprintf(name, sizeof name, "%sembeddings.patch_embeddings.projection.weight",
                 families[i].word);
        if (!s4d_unwrap_find(u, name)) {
            continue;
        }
        if (families[i].why) {
            return s4d_err_set(
                err, S4D_FAILED,
                "%s: is %s by its names (%s), which is another model than this one; %s",
                s4d_ckpt_path(file), families[i].why, families[i].word, instead);
        }
        out->base = families[i].word;
    }
    return S4D_OK;
}

static const s4d_ckpt_tensor *find_below(const s4d_unwrap *u, const s4d_names *n, const char *name)
{
    char full[S4D_FOREIGN_MAX];
    snprintf(full, sizeof full, "%s%s", n->base, name);
    return s4d_unwrap_find(u, full);
}

/* Without a word before them the names of all families look alike, but for these. */
static s4d_status check_bare(const s4d_unwrap *u, const s4d_ckpt *file, const s4d_names *n,
                             const s4d_ckpt_tensor *patch, s4d_err *err)
{
    static const char *const mark[][2] = {
        {"encoder.layer.0.lambda_1", "BEiT, with scaled layers"},
        {"encoder.layer.0.layer_scale1.lambda1", "DINOv2, with scaled layers"},
        {"encoder.layer.0.attention.attention.relative_position_bias.relative_position_bias_table",
         "BEiT, with relative positions"},
        {"encoder.layer.0.temporal_layernorm.weight", "TimeSformer"},
    };
    for (size_t i = 0; i < sizeof mark / sizeof *mark; i++) {
        if (find_below(u, n, mark[i][0])) {
            return s4d_err_set(err, S4D_FAILED,
                               "%s: is %s by its names, which is another model than this one; %s",
                               s4d_ckpt_path(file), mark[i][1], instead);
        }
    }
    if (patch->rank == 5 && find_below(u, n, "embeddings.cls_token")) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: is ViViT by its class token over tubelets, which is another model "
                           "than this one; %s",
                           s4d_ckpt_path(file), instead);
    }
    return S4D_OK;
}

/* *found: names of transformers. */
static s4d_status look_transformers(const s4d_unwrap *u, const s4d_ckpt *file, s4d_names *out,
                                    bool *found, s4d_err *err)
{
    s4d_status status = find_base(u, file, out, err);
    const s4d_ckpt_tensor *patch =
        status == S4D_OK ? find_below(u, out, "embeddings.patch_embeddings.projection.weight")
                         : NULL;
    *found = patch != NULL;
    if (!patch) {
        return status;
    }
    out->newer = find_below(u, out, "layers.0.layernorm_before.weight") != NULL;
    out->images = patch->rank == 4;
    return check_bare(u, file, out, patch, err);
}

/* ---- other models ---- */

/* Names that hold such a piece are of another model, or of a part of one. */
static s4d_status refuse_others(const s4d_unwrap *u, const s4d_ckpt *file, s4d_err *err)
{
    static const char *const mark[][2] = {
        {"lg_region_tokens", "MAE-DFER's local-global attention, which is another model than this "
                             "one; use weights of joint attention"},
        {".first_attn.", "MAE-DFER's local-global attention, which is another model than this one; "
                         "use weights of joint attention"},
        {".lora_A.", "an adapter of PEFT beside its model; merge them (merge_and_unload), save the "
                     "whole and name it"},
        {".base_layer.weight",
         "an adapter of PEFT around its model; merge them (merge_and_unload), "
         "save the whole and name it"},
        {"_flat_param", "FSDP's flat parameters; save the full state dict "
                        "(StateDictType.FULL_STATE_DICT) and name it"},
    };
    for (size_t i = 0; i < u->count; i++) {
        for (size_t k = 0; k < sizeof mark / sizeof *mark; k++) {
            if (strstr(u->item[i].name, mark[k][0])) {
                return s4d_err_set(err, S4D_FAILED, "%s: is %s (its names hold %s)",
                                   s4d_ckpt_path(file), mark[k][1], mark[k][0]);
            }
        }
    }
    return S4D_OK;
}

/* ZeRO-3 leaves shapes of 0 in the place of weights. */
static s4d_status refuse_hollow(const s4d_ckpt *file, s4d_err *err)
{
    size_t n = s4d_ckpt_count(file), empty = 0;
    for (size_t i = 0; i < n; i++) {
        empty += s4d_ckpt_at(file, i)->count == 0;
    }
    if (n == 0 || 2 * empty <= n) {
        return S4D_OK;
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s: its tensors are empty, as DeepSpeed's ZeRO-3 leaves them; run \"python "
                       "zero_to_fp32.py . OUT\" in the folder of the checkpoint and name OUT",
                       s4d_ckpt_path(file));
}

/* Models without a patch embedding under a known name, told by pieces of names. */
static const char *const strangers[][2] = {
    {"embeddings.patch_embedding.", "CLIP or SigLIP"}, {"visual.conv1.weight", "CLIP"},
    {"embeddings.patch_embeddings.weight", "DINOv3"},  {"stages.0.", "a network in stages"},
    {"running_mean", "a network of convolutions"},     {"word_embeddings.", "a model of text"},
};

/* "model_type" of a config.json beside it, or "". */
static s4d_status read_model_type(const s4d_ckpt *file, char out[48], s4d_err *err)
{
    s4d_bytes text = {0};
    s4d_json *doc = NULL;
    out[0] = '\0';
    s4d_status status = s4d_ckpt_read_beside(file, "config.json", &text, err);
    bool parsed = status == S4D_OK && text.data &&
                  s4d_json_parse((const char *)text.data, text.size, "", &doc, NULL) == S4D_OK &&
                  s4d_json_kind_of(doc) == S4D_JSON_OBJECT;
    const s4d_json *type = parsed ? s4d_json_find(doc, "model_type") : NULL;
    if (type && s4d_json_kind_of(type) == S4D_JSON_STRING) {
        snprintf(out, 48, "%.40s", s4d_json_string(type));
        s4d_str_printable(out, 48);
    }
    s4d_json_destroy(&doc);
    s4d_bytes_release(&text);
    return status;
}

static s4d_status say_unknown(const s4d_unwrap *u, const s4d_ckpt *file, s4d_err *err)
{
    char first[120], type[48];
    for (size_t k = 0; k < sizeof strangers / sizeof *strangers; k++) {
        for (size_t i = 0; i < u->count; i++) {
            if (strstr(u->item[i].name, strangers[k][0])) {
                return s4d_err_set(err, S4D_FAILED,
                                   "%s: is %s by its names (they hold %s), which is another model "
                                   "than this one; %s",
                                   s4d_ckpt_path(file), strangers[k][1], strangers[k][0], instead);
            }
        }
    }
    snprintf(first, sizeof first, "%.110s",
             u->count               ? u->item[0].name
             : s4d_ckpt_count(file) ? s4d_ckpt_at(file, 0)->name
                                    : "absent");
    s4d_status status = read_model_type(file, type, err);
    return status ? status
                  : s4d_err_set(err, S4D_FAILED,
                                "%s: has no patch embedding under a name that is known (its first "
                                "tensor is %s%s%s); tell whose names they are by --from, what "
                                "stands before them by --strip, or rename them",
                                s4d_ckpt_path(file), first,
                                *type ? ", and config.json beside it says " : "", type);
}

/* ---- which map ---- */

static bool looks_mae(const s4d_unwrap *u)
{
    const s4d_ckpt_tensor *patch = s4d_unwrap_find(u, "patch_embed.proj.weight");
    return patch && (patch->rank == 4 || s4d_unwrap_find(u, "cls_token") ||
                     s4d_unwrap_find(u, "blocks.0.attn.qkv.bias"));
}

static bool looks_published(const s4d_unwrap *u)
{
    return s4d_unwrap_find(u, "encoder.patch_embed.proj.weight") ||
           s4d_unwrap_find(u, "patch_embed.proj.weight");
}

static s4d_layout_kind find_layout(const s4d_unwrap *u, const s4d_names *n)
{
    bool decoder = s4d_unwrap_any(u, "decoder.") || s4d_unwrap_find(u, "mask_token");
    bool finetune = n->kind == S4D_NAMES_TRANSFORMERS
                        ? n->images || s4d_unwrap_find(u, "fc_norm.weight") ||
                              s4d_unwrap_find(u, "classifier.weight")
                        : !s4d_unwrap_find(u, "encoder.patch_embed.proj.weight");
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

static s4d_status choose_kind(const s4d_unwrap *u, const s4d_ckpt *file, s4d_names *out,
                              s4d_err *err)
{
    bool transformers;
    s4d_status status = look_transformers(u, file, out, &transformers, err);
    const s4d_ckpt_tensor *patch = s4d_unwrap_find(u, "patch_embed.proj.weight");
    if (status || transformers) {
        out->kind = S4D_NAMES_TRANSFORMERS;
    } else if (looks_mae(u)) {
        out->kind = S4D_NAMES_MAE;
        out->images = patch->rank == 4;
    } else if (looks_published(u)) {
        out->kind = s4d_unwrap_find(u, "head.weight") ? S4D_NAMES_VIDEOMAE : S4D_NAMES_S4D;
    } else {
        status = say_unknown(u, file, err);
    }
    return status;
}

s4d_status s4d_names_detect(const s4d_unwrap *u, const s4d_ckpt *file, const char *from,
                            s4d_names *out, s4d_err *err)
{
    s4d_names told = {.base = ""};
    s4d_err why = {0};
    *out = told;
    s4d_status status = refuse_others(u, file, err);
    if (status == S4D_OK) {
        status = refuse_hollow(file, err);
    }
    s4d_status found = status == S4D_OK ? choose_kind(u, file, out, &why) : status;
    if (status == S4D_OK && from) {
        status = find_named(from, &out->kind, err);
    } else if (status == S4D_OK && found) {
        status = s4d_err_set(err, found, "%s", why.text);
    }
    out->layout = find_layout(u, out);
    return status;
}
