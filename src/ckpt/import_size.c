/* The sizes of the model in a file: from names and shapes, then from configs for what those do not
 * show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/import_private.h"

/* Of the bias of queries or values that no block of that tower has. */
static bool is_zero_bias(const s4d_import *im, const char *published)
{
    bool decoder = strncmp(published, "decoder.", 8) == 0;
    return im->no_bias[decoder] &&
           (s4d_str_ends(published, ".attn.q_bias") || s4d_str_ends(published, ".attn.v_bias"));
}

bool s4d_import_resolve(const s4d_import *im, const char *published, s4d_import_source *out)
{
    s4d_recipe recipe;
    for (int choice = 0; s4d_names_recipe(&im->names, published, choice, &recipe); choice++) {
        *out = (s4d_import_source){
            .kind = recipe.kind, .part = recipe.part, .sources = recipe.sources};
        bool all = true;
        for (int i = 0; i < recipe.sources; i++) {
            out->from[i] = s4d_unwrap_find(&im->unwrap, recipe.source[i]);
            all = all && out->from[i];
        }
        if (all) {
            return true;
        }
    }
    *out = (s4d_import_source){.fill = S4D_FILL_ZERO};
    return is_zero_bias(im, published);
}

/* Attention without these biases is attention with zeros in their place. */
static bool has_no_bias(const s4d_import *im, const char *prefix, int depth)
{
    static const char *const bias[] = {"q", "v"};
    bool any = s4d_import_trained_here(im);
    for (int i = 0; i < 2 * depth && !any; i++) {
        char name[S4D_LAYOUT_NAME_MAX];
        s4d_import_source s;
        snprintf(name, sizeof name, "%sblocks.%d.attn.%s_bias", prefix, i / 2, bias[i % 2]);
        any = s4d_import_resolve(im, name, &s);
    }
    return !any;
}

/* One dimension of a tensor under its published name; 0: it is not there, or has fewer. */
static int64_t dimension(const s4d_import *im, const char *published, int d)
{
    s4d_import_source source;
    bool found = s4d_import_resolve(im, published, &source) && source.sources == 1;
    return found && d < source.from[0]->rank ? source.from[0]->dim[d] : 0;
}

/* Block numbers up to the largest in the file, with everything behind the number told to `see`. */
static s4d_status count_blocks(s4d_import *im, bool decoder,
                               void (*see)(s4d_import *, int, const char *), int *depth,
                               s4d_err *err)
{
    char head[S4D_FOREIGN_MAX];
    s4d_names_blocks(&im->names, decoder, head);
    size_t n = strlen(head);
    *depth = 0;
    for (size_t i = 0; i < im->unwrap.count; i++) {
        const char *name = im->unwrap.item[i].name;
        char *end;
        if (strncmp(name, head, n) != 0 || name[n] < '0' || name[n] > '9') {
            continue;
        }
        long number = strtol(name + n, &end, 10);
        if (*end != '.') {
            continue;
        }
        if (number < 0 || number >= S4D_CKPT_BLOCKS_MAX) {
            return s4d_err_set(err, S4D_FAILED,
                               "%s: %s is of a block beyond %d, and no model here is that deep",
                               s4d_ckpt_path(im->file), name, S4D_CKPT_BLOCKS_MAX - 1);
        }
        *depth = number + 1 > *depth ? (int)number + 1 : *depth;
        if (see) {
            see(im, (int)number, end + 1);
        }
    }
    return S4D_OK;
}

/* moe_layer.experts.E.fc1.weight */
static void see_experts(s4d_import *im, int block, const char *tail)
{
    static const char head[] = "moe_layer.";
    char *end;
    if (strncmp(tail, head, sizeof head - 1) != 0) {
        return;
    }
    im->geometry.moae |= UINT64_C(1) << block;
    tail += sizeof head - 1;
    if (strncmp(tail, "experts.", 8) == 0) {
        long e = strtol(tail + 8, &end, 10);
        if (*end == '.' && e >= im->geometry.experts && e < S4D_CKPT_BLOCKS_MAX) {
            im->geometry.experts = (int)e + 1;
        }
    }
}

/* Whether a size is one a model can have; it is put into *out. */
static s4d_status take_size(const s4d_import *im, const char *what, int64_t size, int *out,
                            s4d_err *err)
{
    enum { MOST = 1 << 20 };
    if (size < 1 || size > MOST) {
        return s4d_err_set(
            err, S4D_FAILED,
            "%s: its %s cannot be told from its tensors, so it is of no model that is known",
            s4d_ckpt_path(im->file), what);
    }
    *out = (int)size;
    return S4D_OK;
}

/* b of a * b = c; 0: c is no multiple of a. */
static int64_t ratio(int64_t c, int64_t a)
{
    return a > 0 && c % a == 0 ? c / a : 0;
}

static s4d_status measure_experts(s4d_import *im, s4d_err *err)
{
    char name[S4D_LAYOUT_NAME_MAX];
    s4d_geometry *g = &im->geometry;
    int first = 0;
    while (!(g->moae >> first & 1)) {
        first++;
    }
    snprintf(name, sizeof name, "blocks.%d.moe_layer.experts.0.fc1.weight", first);
    s4d_status status = take_size(im, "number of experts", g->experts, &g->experts, err);
    if (status == S4D_OK) {
        status = take_size(im, "width of experts", ratio(g->dim, dimension(im, name, 0)),
                           &g->reduction, err);
    }
    return status;
}

static s4d_status measure_decoder(s4d_import *im, s4d_err *err)
{
    s4d_geometry *g = &im->geometry;
    s4d_status status = count_blocks(im, true, NULL, &g->decoder_depth, err);
    if (status == S4D_OK) {
        status = take_size(im, "decoder's depth", g->decoder_depth, &g->decoder_depth, err);
    }
    if (status == S4D_OK) {
        status = take_size(im, "decoder's width", dimension(im, "encoder_to_decoder.weight", 0),
                           &g->decoder_dim, err);
    }
    im->no_bias[1] = status == S4D_OK && has_no_bias(im, "decoder.", g->decoder_depth);
    return status;
}

static s4d_status say_no_blocks(const s4d_import *im, s4d_err *err)
{
    char head[S4D_FOREIGN_MAX];
    s4d_names_blocks(&im->names, false, head);
    return s4d_err_set(err, S4D_FAILED,
                       "%s: has no blocks under the names of %s (%s0, %s1, ...), so it is of no "
                       "model that is known",
                       s4d_ckpt_path(im->file), s4d_names_of(im->names.kind), head, head);
}

/* What the file has in its place, if anything, may be an object that is no tensor. */
static s4d_status say_no_width(const s4d_import *im, const char *published, s4d_err *err)
{
    char what[320];
    s4d_import_absent_text(im, published, what);
    return s4d_err_set(err, S4D_FAILED,
                       "%s: %s is missing, by which the width of its MLPs is told%s; it is of no "
                       "model that is known",
                       s4d_ckpt_path(im->file), published, what);
}

static s4d_status measure_encoder(s4d_import *im, s4d_err *err)
{
    s4d_geometry *g = &im->geometry;
    bool finetune = im->names.layout == S4D_LAYOUT_FINETUNE;
    const char *prefix = finetune ? "" : "encoder.";
    char patch[64], hidden[64];
    s4d_import_source kernel;
    snprintf(patch, sizeof patch, "%spatch_embed.proj.weight", prefix);
    snprintf(hidden, sizeof hidden, "%sblocks.0.mlp.fc1.weight", prefix);
    if (!s4d_import_resolve(im, patch, &kernel) ||
        (kernel.from[0]->rank != 4 && kernel.from[0]->rank != 5)) {
        return s4d_err_set(
            err, S4D_FAILED,
            "%s: has no patch embedding under the names of %s; tell whose names they are by --from",
            s4d_ckpt_path(im->file), s4d_names_of(im->names.kind));
    }
    const s4d_ckpt_tensor *t = kernel.from[0];
    s4d_status status = take_size(im, "width", t->dim[0], &g->dim, err);
    if (status == S4D_OK) {
        status = take_size(im, "patch side", t->dim[t->rank - 1], &g->patch_size, err);
    }
    if (status == S4D_OK && t->rank == 5) {
        status = take_size(im, "tubelet", t->dim[2], &g->tubelet_size, err);
    }
    if (status == S4D_OK) {
        status = count_blocks(im, false, finetune ? see_experts : NULL, &g->depth, err);
    }
    if (status == S4D_OK && g->depth == 0) {
        status = say_no_blocks(im, err);
    }
    if (status == S4D_OK && !s4d_import_resolve(im, hidden, &kernel)) {
        status = say_no_width(im, hidden, err);
    }
    if (status == S4D_OK) {
        status =
            take_size(im, "MLP width", ratio(dimension(im, hidden, 0), g->dim), &g->mlp_ratio, err);
    }
    g->moae_known = finetune;
    im->no_bias[0] = status == S4D_OK && has_no_bias(im, prefix, g->depth);
    return status;
}

/* What the configs add; of the decoder and of experts only where the file has them. */
static s4d_status merge_config(s4d_import *im, s4d_import_origin which, s4d_err *err)
{
    bool foreign = which == S4D_ORIGIN_BESIDE;
    s4d_json *doc = NULL;
    const char *origin;
    s4d_geometry more;
    s4d_status status = s4d_import_config(im, which, &doc, &origin, err);
    if (status == S4D_OK && doc && foreign) {
        status = s4d_foreign_check(im, doc, origin, err);
    }
    if (status == S4D_OK && doc) {
        status = (foreign ? s4d_geometry_of_transformers : s4d_geometry_of_config)(doc, origin,
                                                                                   &more, err);
    }
    if (status == S4D_OK && doc) {
        const s4d_json *stage = foreign ? NULL : s4d_json_find(doc, "stage");
        bool finetune = stage && s4d_json_kind_of(stage) == S4D_JSON_STRING &&
                        strcmp(s4d_json_string(stage), "finetune") == 0;
        im->config_whole =
            im->config_whole || (which == S4D_ORIGIN_OWN && s4d_geometry_whole(&more, false));
        if (im->names.layout != S4D_LAYOUT_PRETRAIN || finetune) {
            more.decoder_dim = more.decoder_depth = more.decoder_heads = 0;
        }
        more.moae_known = more.moae_known && im->names.kind == S4D_NAMES_S4D;
        if (!im->geometry.moae) {
            more.experts = more.top_k = more.reduction = 0;
        }
        status = s4d_geometry_merge(&im->geometry, &more, s4d_ckpt_path(im->file), origin, err);
    }
    s4d_json_destroy(&doc);
    return status;
}

s4d_status s4d_import_measure(s4d_import *im, s4d_err *err)
{
    s4d_status status = s4d_foreign_adapt(im, err);
    if (status == S4D_OK) {
        status = measure_encoder(im, err);
    }
    if (status == S4D_OK && im->names.layout == S4D_LAYOUT_PRETRAIN) {
        status = measure_decoder(im, err);
    }
    if (status == S4D_OK && im->geometry.moae) {
        status = measure_experts(im, err);
    }
    for (int which = 0; which < S4D_ORIGINS && status == S4D_OK; which++) {
        status = merge_config(im, (s4d_import_origin)which, err);
    }
    if (status == S4D_OK && !im->geometry.tubelet_size) {
        im->geometry.tubelet_size = im->opts->tubelet_size ? im->opts->tubelet_size : 2;
    }
    if (status == S4D_OK && im->names.layout == S4D_LAYOUT_FINETUNE) {
        im->classes[0] = dimension(im, "head.image.weight", 0);
        im->classes[1] = dimension(im, "head.video.weight", 0);
    }
    return status;
}
