/* What the config.json of another program says of a model's arithmetic. Shapes do not show it, so
 * that a setting which this model does not compute is refused by its name.
 *
 * The list is what transformers' modeling_videomae.py, modeling_vit.py and modeling_vit_mae.py read
 * of their configs (versions 4 and 5). Left alone are settings of training (dropout, drop path,
 * initializer_range, mask_ratio), of sizes, which geometry.c holds against the tensors, and of
 * parts that are not taken over (pooler, the decoder of images). Settings of related models stand
 * here too, for configs that carry them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ckpt/import_private.h"
#include "s4d/base/log.h"

static const double EPS_MAX = 1e-5; /* this model's is 1e-6 */

/* A setting's value as text, for sentences. */
static void value_text(const s4d_json *node, char text[80])
{
    s4d_json_writer w = {0};
    s4d_json_put_node(&w, node);
    snprintf(text, 80, "%.76s", w.out.text ? w.out.text : "");
    s4d_str_release(&w.out);
}

static s4d_status refuse(const s4d_import *im, const s4d_json *node, const char *origin,
                         const char *here, s4d_err *err)
{
    char text[80];
    value_text(node, text);
    return s4d_err_set(
        err, S4D_FAILED,
        "%s: %s is %s in %s, and %s, so that it is another model than this one; take "
        "weights of VideoMAE, MAE or a plain ViT with the usual settings",
        s4d_ckpt_path(im->file), s4d_json_key(node), text, origin, here);
}

static bool is_text(const s4d_json *node, const char *text)
{
    return s4d_json_kind_of(node) == S4D_JSON_STRING && strcmp(s4d_json_string(node), text) == 0;
}

static bool is_true(const s4d_json *node)
{
    return s4d_json_kind_of(node) == S4D_JSON_BOOL && s4d_json_bool(node);
}

static bool is_false(const s4d_json *node)
{
    return s4d_json_kind_of(node) == S4D_JSON_BOOL && !s4d_json_bool(node);
}

/* ---- the usual values ---- */

static bool exact_gelu(const s4d_import *im, const s4d_json *node)
{
    (void)im;
    return is_text(node, "gelu") || is_text(node, "gelu_python");
}

static bool small_eps(const s4d_import *im, const s4d_json *node)
{
    (void)im;
    double eps = s4d_json_kind_of(node) == S4D_JSON_NUMBER ? s4d_json_number(node) : -1;
    return eps >= 0 && eps <= EPS_MAX;
}

static bool three(const s4d_import *im, const s4d_json *node)
{
    (void)im;
    return s4d_json_kind_of(node) == S4D_JSON_NUMBER && s4d_json_number(node) == 3;
}

static bool square(const s4d_import *im, const s4d_json *node)
{
    (void)im;
    if (s4d_json_kind_of(node) != S4D_JSON_ARRAY) {
        return true; /* the sizes' reader looks at it */
    }
    const s4d_json *a = s4d_json_at(node, 0), *b = a ? s4d_json_next(a) : NULL;
    return s4d_json_count(node) == 2 && s4d_json_kind_of(a) == S4D_JSON_NUMBER &&
           s4d_json_kind_of(b) == S4D_JSON_NUMBER && s4d_json_number(a) == s4d_json_number(b);
}

/* There a model with false does not look at biases that stand in the file. */
static bool bias_agrees(const s4d_import *im, const s4d_json *node)
{
    return !is_false(node) || im->no_bias[0];
}

static bool one_class_each(const s4d_import *im, const s4d_json *node)
{
    bool head = im->names.layout == S4D_LAYOUT_FINETUNE;
    return !head || is_text(node, "single_label_classification");
}

static bool heads_fill_width(const s4d_import *im, const s4d_json *node)
{
    const s4d_json *heads = s4d_json_find(im->foreign, "num_attention_heads"),
                   *width = s4d_json_find(im->foreign, "hidden_size");
    return heads && width && s4d_json_kind_of(node) == S4D_JSON_NUMBER &&
           s4d_json_kind_of(heads) == S4D_JSON_NUMBER &&
           s4d_json_kind_of(width) == S4D_JSON_NUMBER &&
           s4d_json_number(heads) * s4d_json_number(node) == s4d_json_number(width);
}

static bool not_true(const s4d_import *im, const s4d_json *node)
{
    (void)im;
    return !is_true(node);
}

static bool not_false(const s4d_import *im, const s4d_json *node)
{
    (void)im;
    return !is_false(node);
}

static bool zero(const s4d_import *im, const s4d_json *node)
{
    (void)im;
    return s4d_json_kind_of(node) == S4D_JSON_NUMBER && s4d_json_number(node) == 0;
}

static bool empty(const s4d_import *im, const s4d_json *node)
{
    (void)im;
    s4d_json_kind kind = s4d_json_kind_of(node);
    return (kind == S4D_JSON_OBJECT || kind == S4D_JSON_ARRAY) && s4d_json_count(node) == 0;
}

static bool known_model(const s4d_import *im, const s4d_json *node)
{
    static const char *const type[] = {"videomae", "vit", "vit_mae", "deit", "vit_msn", "ijepa"};
    bool any = false;
    (void)im;
    for (size_t i = 0; i < sizeof type / sizeof *type; i++) {
        any = any || is_text(node, type[i]);
    }
    return any;
}

/* A setting, what it must be where it is given and not null, and what is said of it. */
static const struct {
    const char *key;
    bool (*usual)(const s4d_import *im, const s4d_json *node);
    const char *here;
} settings[] = {
    {"model_type", known_model, "VideoMAE and plain ViTs are read"},
    {"hidden_act", exact_gelu, "gelu (exact) is computed here"},
    {"layer_norm_eps", small_eps, "1e-6 is used here, and at most 1e-5 is near it"},
    {"num_channels", three, "3 are read here"},
    {"image_size", square, "images are square here"},
    {"patch_size", square, "patches are square here"},
    {"qkv_bias", bias_agrees, "its tensors have these biases"},
    {"qv_bias", bias_agrees, "its tensors have these biases"},
    {"problem_type", one_class_each, "a head here gives one class of several"},
    {"head_dim", heads_fill_width, "heads share out the width here"},
    {"auto_map", empty, "code beside it, which is not run here, computes it"},
    {"quantization_config", empty, "weights in a smaller type with scales are not read"},
    {"pruned_heads", empty, "every block has all heads here"},
    {"use_swiglu_ffn", not_true, "the MLP is not gated here"},
    {"use_gated_mlp", not_true, "the MLP is not gated here"},
    {"use_relative_position_bias", not_true, "positions are a fixed table here"},
    {"use_shared_relative_position_bias", not_true, "positions are a fixed table here"},
    {"use_absolute_position_embeddings", not_false, "positions are added here"},
    {"use_absolute_embeddings", not_false, "positions are added here"},
    {"use_qk_norm", not_true, "queries and keys have no norm here"},
    {"qk_layernorm", not_true, "queries and keys have no norm here"},
    {"qk_norm", not_true, "queries and keys have no norm here"},
    {"cos_attn", not_true, "attention is of products here"},
    {"rope_theta", empty, "positions are a fixed table here"},
    {"rope_parameters", empty, "positions are a fixed table here"},
    {"layer_scale_init_value", zero, "layers are not scaled here"},
    {"layerscale_value", zero, "layers are not scaled here"},
    {"num_register_tokens", zero, "there are no register tokens here"},
};

/* timm's: the name of the model, and arguments beside its usual ones. */
static s4d_status check_timm(const s4d_import *im, const s4d_json *config, const char *origin,
                             s4d_err *err)
{
    static const char *const shows_not[] = {"act_layer", "norm_layer", "num_heads",
                                            "scale_attn_norm"};
    const s4d_json *name = s4d_json_find(config, "architecture"),
                   *args = s4d_json_find(config, "model_args");
    if (name && s4d_json_kind_of(name) == S4D_JSON_STRING &&
        strstr(s4d_json_string(name), "quickgelu")) {
        return refuse(im, name, origin, "gelu (exact) is computed here", err);
    }
    for (size_t i = 0; i < sizeof shows_not / sizeof *shows_not; i++) {
        const s4d_json *arg = args && s4d_json_kind_of(args) == S4D_JSON_OBJECT
                                  ? s4d_json_find(args, shows_not[i])
                                  : NULL;
        bool usual = !arg || s4d_json_kind_of(arg) == S4D_JSON_NULL || is_text(arg, "gelu") ||
                     is_text(arg, "layernorm") || is_false(arg);
        if (!usual) {
            return refuse(im, arg, origin, "the usual one is computed here", err);
        }
    }
    return S4D_OK;
}

s4d_status s4d_foreign_check(s4d_import *im, const s4d_json *config, const char *origin,
                             s4d_err *err)
{
    s4d_status status = S4D_OK;
    if (im->names.kind != S4D_NAMES_TRANSFORMERS) {
        return check_timm(im, config, origin, err);
    }
    im->foreign = config;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && status == S4D_OK; i++) {
        const s4d_json *node = s4d_json_find(config, settings[i].key);
        if (node && s4d_json_kind_of(node) != S4D_JSON_NULL && !settings[i].usual(im, node)) {
            status = refuse(im, node, origin, settings[i].here, err);
        }
    }
    im->foreign = NULL;
    return status;
}

s4d_status s4d_foreign_adapt(s4d_import *im, s4d_err *err)
{
    s4d_json *config = NULL;
    const char *origin;
    if (im->names.kind != S4D_NAMES_TRANSFORMERS || im->names.layout != S4D_LAYOUT_PRETRAIN) {
        return S4D_OK;
    }
    s4d_status status = s4d_import_config(im, S4D_ORIGIN_BESIDE, &config, &origin, err);
    const s4d_json *normalised = config ? s4d_json_find(config, "norm_pix_loss") : NULL;
    if (normalised && is_false(normalised)) {
        im->names.layout = S4D_LAYOUT_ENCODER;
    }
    s4d_json_destroy(&config);
    return status;
}

/* ---- the processor ---- */

/* Whether a list of three numbers is that one, or is not there. */
static bool is_three(const s4d_json *node, const double want[3])
{
    bool same = !node || (s4d_json_kind_of(node) == S4D_JSON_ARRAY && s4d_json_count(node) == 3);
    const s4d_json *item = node && same ? s4d_json_at(node, 0) : NULL;
    for (int i = 0; item && same; item = s4d_json_next(item), i++) {
        same = s4d_json_kind_of(item) == S4D_JSON_NUMBER &&
               fabs(s4d_json_number(item) - want[i]) < 1e-3;
    }
    return same;
}

void s4d_foreign_tell_processor(const s4d_import *im)
{
    static const char name[] = "preprocessor_config.json";
    static const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    s4d_bytes text = {0};
    s4d_json *doc = NULL;
    if (im->names.kind != S4D_NAMES_TRANSFORMERS ||
        s4d_ckpt_read_beside(im->file, name, &text, NULL) != S4D_OK || !text.data) {
        return;
    }
    bool read = s4d_json_parse((const char *)text.data, text.size, name, &doc, NULL) == S4D_OK &&
                s4d_json_kind_of(doc) == S4D_JSON_OBJECT;
    const s4d_json *normalise = read ? s4d_json_find(doc, "do_normalize") : NULL;
    if (read &&
        ((normalise && is_false(normalise)) || !is_three(s4d_json_find(doc, "image_mean"), mean) ||
         !is_three(s4d_json_find(doc, "image_std"), std))) {
        s4d_log(S4D_LOG_WARN,
                "%s: by %s beside it this model has seen pixels of another mean and deviation than "
                "0.485, 0.456, 0.406 and 0.229, 0.224, 0.225, which it is given here; fine-tune it",
                s4d_ckpt_path(im->file), name);
    }
    s4d_json_destroy(&doc);
    s4d_bytes_release(&text);
}
