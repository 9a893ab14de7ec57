/* The config.json and preprocessor_config.json that transformers reads VideoMAE models by. */
#include <stdio.h>
#include <string.h>

#include "ckpt/export_private.h"
#include "s4d/base/file.h"

static void put_integer(s4d_json_writer *w, const char *key, int64_t value)
{
    s4d_json_put_key(w, key);
    s4d_json_put_integer(w, value);
}

static void put_number(s4d_json_writer *w, const char *key, double value)
{
    s4d_json_put_key(w, key);
    s4d_json_put_number(w, value);
}

static void put_text(s4d_json_writer *w, const char *key, const char *value)
{
    s4d_json_put_key(w, key);
    s4d_json_put_string(w, value);
}

static void put_bool(s4d_json_writer *w, const char *key, bool value)
{
    s4d_json_put_key(w, key);
    s4d_json_put_bool(w, value);
}

static void put_sizes(s4d_json_writer *w, const s4d_geometry *g, bool decoder)
{
    put_integer(w, "image_size", g->img_size);
    put_integer(w, "patch_size", g->patch_size);
    put_integer(w, "num_channels", 3);
    put_integer(w, "num_frames", g->num_frames);
    put_integer(w, "tubelet_size", g->tubelet_size);
    put_integer(w, "hidden_size", g->dim);
    put_integer(w, "num_hidden_layers", g->depth);
    put_integer(w, "num_attention_heads", g->heads);
    put_integer(w, "intermediate_size", (int64_t)g->dim * g->mlp_ratio);
    if (decoder) {
        put_integer(w, "decoder_hidden_size", g->decoder_dim);
        put_integer(w, "decoder_num_hidden_layers", g->decoder_depth);
        put_integer(w, "decoder_num_attention_heads", g->decoder_heads);
        put_integer(w, "decoder_intermediate_size", (int64_t)g->decoder_dim * g->mlp_ratio);
        put_bool(w, "norm_pix_loss", true);
    }
}

/* Name of class i: from the list, or "LABEL_i" as transformers has it. */
static const char *class_name(const s4d_json *list, int64_t i, char buffer[32])
{
    const s4d_json *node =
        list && s4d_json_kind_of(list) == S4D_JSON_ARRAY && (size_t)i < s4d_json_count(list)
            ? s4d_json_at(list, (size_t)i)
            : NULL;
    snprintf(buffer, 32, "LABEL_%lld", (long long)i);
    return node && s4d_json_kind_of(node) == S4D_JSON_STRING ? s4d_json_string(node) : buffer;
}

static void put_labels(s4d_json_writer *w, const s4d_json *list, int64_t n)
{
    char label[32], key[24];
    s4d_json_put_key(w, "id2label");
    s4d_json_open(w, '{');
    for (int64_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%lld", (long long)i);
        put_text(w, key, class_name(list, i, label));
    }
    s4d_json_close(w, '}');
    s4d_json_put_key(w, "label2id");
    s4d_json_open(w, '{');
    for (int64_t i = 0; i < n; i++) {
        put_integer(w, class_name(list, i, label), i);
    }
    s4d_json_close(w, '}');
}

/* What the writer holds, as a file. */
static s4d_status write_text(s4d_json_writer *w, const char *path, s4d_err *err)
{
    s4d_str_add(&w->out, "\n");
    s4d_status status = w->out.failed ? s4d_err_memory(err, w->out.size, path)
                                      : s4d_file_write(path, w->out.text, w->out.size, err);
    s4d_str_release(&w->out);
    return status;
}

s4d_status s4d_export_config(const s4d_import *im, const char *path, s4d_err *err)
{
    static const char *const architecture[] = {[S4D_LAYOUT_PRETRAIN] = "VideoMAEForPreTraining",
                                               [S4D_LAYOUT_ENCODER] = "VideoMAEModel",
                                               [S4D_LAYOUT_FINETUNE] =
                                                   "VideoMAEForVideoClassification"};
    bool finetune = im->names.layout == S4D_LAYOUT_FINETUNE, video = im->classes[1] > 0;
    const char *names =
        finetune ? s4d_import_metadata(im, video ? "classes.video" : "classes.image") : NULL;
    s4d_json *list = NULL;
    s4d_json_writer w = {.indent = 2};
    s4d_status status =
        names ? s4d_json_parse(names, strlen(names), "the class names in its metadata", &list, err)
              : S4D_OK;
    if (status) {
        s4d_err_prefix(err, "%s", s4d_ckpt_path(im->file));
        return status;
    }
    s4d_json_open(&w, '{');
    s4d_json_put_key(&w, "architectures");
    s4d_json_open(&w, '[');
    s4d_json_put_string(&w, architecture[im->names.layout]);
    s4d_json_close(&w, ']');
    put_text(&w, "model_type", "videomae");
    put_sizes(&w, &im->geometry, im->names.layout == S4D_LAYOUT_PRETRAIN);
    put_text(&w, "hidden_act", "gelu");
    put_number(&w, "hidden_dropout_prob", 0);
    put_number(&w, "attention_probs_dropout_prob", 0);
    put_number(&w, "initializer_range", 0.02);
    put_number(&w, "layer_norm_eps", 1e-6); /* not the 1e-12 that it takes unless told */
    put_bool(&w, "qkv_bias", true);
    put_bool(&w, "use_mean_pooling", finetune);
    put_text(&w, "torch_dtype", "float32");
    if (finetune) {
        put_labels(&w, list, im->classes[video ? 1 : 0]);
    }
    s4d_json_close(&w, '}');
    s4d_json_destroy(&list);
    return write_text(&w, path, err);
}

/* ---- the processor ---- */

static void put_three(s4d_json_writer *w, const char *key, const double value[3])
{
    s4d_json_put_key(w, key);
    s4d_json_open(w, '[');
    for (int i = 0; i < 3; i++) {
        s4d_json_put_number(w, value[i]);
    }
    s4d_json_close(w, ']');
}

static void put_square(s4d_json_writer *w, const char *key, int side)
{
    s4d_json_put_key(w, key);
    s4d_json_open(w, '{');
    put_integer(w, "height", side);
    put_integer(w, "width", side);
    s4d_json_close(w, '}');
}

s4d_status s4d_export_processor(const s4d_import *im, const char *path, s4d_err *err)
{
    enum { BILINEAR = 2 }; /* as Pillow numbers it */
    static const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    s4d_json_writer w = {.indent = 2};
    s4d_json_open(&w, '{');
    put_text(&w, "image_processor_type", "VideoMAEImageProcessor");
    put_bool(&w, "do_resize", true);
    put_square(&w, "size", im->geometry.img_size); /* the aspect is not kept */
    put_integer(&w, "resample", BILINEAR);
    put_bool(&w, "do_center_crop", false);
    put_square(&w, "crop_size", im->geometry.img_size);
    put_bool(&w, "do_rescale", true);
    put_number(&w, "rescale_factor", 1.0 / 255);
    put_bool(&w, "do_normalize", true);
    put_three(&w, "image_mean", mean);
    put_three(&w, "image_std", std);
    s4d_json_close(&w, '}');
    return write_text(&w, path, err);
}
