/* Sizes of a model, read from configs and written into metadata. */
#include "ckpt/geometry.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A size: its key in our configs, its key in transformers' (NULL: none), its place. */
typedef struct field {
    const char *key, *foreign;
    size_t at;
} field;

#define AT(member) offsetof(s4d_geometry, member)
static const field fields[] = {
    {"img_size", "image_size", AT(img_size)},
    {"patch_size", "patch_size", AT(patch_size)},
    {"num_frames", "num_frames", AT(num_frames)},
    {"tubelet_size", "tubelet_size", AT(tubelet_size)},
    {"mlp_ratio", NULL, AT(mlp_ratio)},
    {"encoder.dim", "hidden_size", AT(dim)},
    {"encoder.depth", "num_hidden_layers", AT(depth)},
    {"encoder.heads", "num_attention_heads", AT(heads)},
    {"decoder.dim", "decoder_hidden_size", AT(decoder_dim)},
    {"decoder.depth", "decoder_num_hidden_layers", AT(decoder_depth)},
    {"decoder.heads", "decoder_num_attention_heads", AT(decoder_heads)},
    {"moae.experts", NULL, AT(experts)},
    {"moae.top_k", NULL, AT(top_k)},
    {"moae.reduction", NULL, AT(reduction)},
};
enum { FIELDS = sizeof fields / sizeof *fields, SIZE_MAX_VALUE = 1 << 20 };
_Static_assert((int)FIELDS == (int)S4D_GEOMETRY_FIELDS, "an origin for each");

static int *place(s4d_geometry *g, const field *f)
{
    return (int *)((char *)g + f->at);
}

static int value(const s4d_geometry *g, const field *f)
{
    return *(const int *)((const char *)g + f->at);
}

/* The node at a path of one or two keys; NULL: absent. */
static const s4d_json *find(const s4d_json *from, const char *dotted)
{
    char first[32];
    const char *dot = strchr(dotted, '.');
    if (!from || s4d_json_kind_of(from) != S4D_JSON_OBJECT) {
        return NULL;
    }
    if (!dot) {
        return s4d_json_find(from, dotted);
    }
    snprintf(first, sizeof first, "%.*s", (int)(dot - dotted), dotted);
    return find(s4d_json_find(from, first), dot + 1);
}

/* [224, 224], as transformers may write the size of a square, is 224. */
static const s4d_json *square(const s4d_json *node)
{
    int64_t a, b;
    bool pair = node && s4d_json_kind_of(node) == S4D_JSON_ARRAY && s4d_json_count(node) == 2 &&
                s4d_json_kind_of(s4d_json_at(node, 0)) == S4D_JSON_NUMBER &&
                s4d_json_kind_of(s4d_json_at(node, 1)) == S4D_JSON_NUMBER &&
                s4d_json_integer(s4d_json_at(node, 0), &a) &&
                s4d_json_integer(s4d_json_at(node, 1), &b) && a == b;
    return pair ? s4d_json_at(node, 0) : node;
}

static s4d_status read_size(const s4d_json *from, const char *key, const char *origin, int *out,
                            s4d_err *err)
{
    int64_t number;
    const s4d_json *node = square(find(from, key));
    if (!node || s4d_json_kind_of(node) == S4D_JSON_NULL) {
        return S4D_OK;
    }
    if (s4d_json_kind_of(node) != S4D_JSON_NUMBER || !s4d_json_integer(node, &number) ||
        number < 1 || number > SIZE_MAX_VALUE) {
        return s4d_err_set(
            err, S4D_FAILED,
            "%s: %s is not a whole number from 1 to %d; restore the config it was made with",
            origin, key, SIZE_MAX_VALUE);
    }
    *out = (int)number;
    return S4D_OK;
}

static s4d_status read_layers(const s4d_json *model, const char *origin, s4d_geometry *out,
                              s4d_err *err)
{
    const s4d_json *list = find(model, "moae.layers");
    if (!list) {
        return S4D_OK;
    }
    out->moae_known = s4d_json_kind_of(list) == S4D_JSON_ARRAY;
    bool good = out->moae_known;
    for (const s4d_json *item = good ? s4d_json_at(list, 0) : NULL; item && good;
         item = s4d_json_next(item)) {
        int64_t layer;
        good = s4d_json_kind_of(item) == S4D_JSON_NUMBER && s4d_json_integer(item, &layer) &&
               layer >= 0 && layer < S4D_CKPT_BLOCKS_MAX;
        out->moae |= good ? UINT64_C(1) << layer : 0;
    }
    return good ? S4D_OK
                : s4d_err_set(err, S4D_FAILED,
                              "%s: moae.layers is not a list of block numbers; restore the config",
                              origin);
}

s4d_status s4d_geometry_of_config(const s4d_json *config, const char *origin, s4d_geometry *out,
                                  s4d_err *err)
{
    const s4d_json *model = find(config, "model");
    s4d_status status = S4D_OK;
    *out = (s4d_geometry){0};
    for (int i = 0; i < FIELDS && status == S4D_OK; i++) {
        status = read_size(model, fields[i].key, origin, place(out, &fields[i]), err);
    }
    return status == S4D_OK ? read_layers(model, origin, out, err) : status;
}

s4d_status s4d_geometry_of_transformers(const s4d_json *config, const char *origin,
                                        s4d_geometry *out, s4d_err *err)
{
    int hidden = 0;
    s4d_status status = S4D_OK;
    *out = (s4d_geometry){0};
    for (int i = 0; i < FIELDS && status == S4D_OK; i++) {
        if (fields[i].foreign) {
            status = read_size(config, fields[i].foreign, origin, place(out, &fields[i]), err);
        }
    }
    if (status == S4D_OK) {
        status = read_size(config, "intermediate_size", origin, &hidden, err);
    }
    if (status == S4D_OK && hidden && out->dim) {
        out->mlp_ratio = hidden % out->dim == 0 ? hidden / out->dim : 0;
    }
    return status;
}

s4d_status s4d_geometry_merge(s4d_geometry *g, const s4d_geometry *more, const char *path,
                              const char *origin, s4d_err *err)
{
    for (int i = 0; i < FIELDS; i++) {
        int here = value(g, &fields[i]), there = value(more, &fields[i]);
        if (here && there && here != there) {
            return s4d_err_set(
                err, S4D_FAILED,
                "%s: model.%s is %d %s %s, but %d in %s; give the config it was made with", path,
                fields[i].key, here, g->origin[i] ? "in" : "by",
                g->origin[i] ? g->origin[i] : "its tensors", there, origin);
        }
        if (!here && there) {
            *place(g, &fields[i]) = there;
            g->origin[i] = origin;
        }
    }
    if (g->moae_known && more->moae_known && g->moae != more->moae) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: its tensors have experts in other blocks than model.moae.layers in "
                           "%s; give the config "
                           "it was made with",
                           path, origin);
    }
    return S4D_OK;
}

static void put_group(s4d_json_writer *w, const s4d_geometry *g, const char *name)
{
    size_t n = strlen(name);
    bool open = false;
    for (int i = 0; i < FIELDS; i++) {
        if (strncmp(fields[i].key, name, n) != 0 || fields[i].key[n] != '.' ||
            !value(g, &fields[i])) {
            continue;
        }
        if (!open) {
            s4d_json_put_key(w, name);
            s4d_json_open(w, '{');
            open = true;
        }
        s4d_json_put_key(w, fields[i].key + n + 1);
        s4d_json_put_integer(w, value(g, &fields[i]));
    }
    if (open) {
        s4d_json_close(w, '}');
    }
}

static void put_moae(s4d_json_writer *w, const s4d_geometry *g)
{
    static const char *const key[] = {"experts", "top_k", "reduction"};
    const int size[] = {g->experts, g->top_k, g->reduction};
    s4d_json_put_key(w, "moae");
    s4d_json_open(w, '{');
    s4d_json_put_key(w, "layers");
    s4d_json_open(w, '[');
    for (int i = 0; i < S4D_CKPT_BLOCKS_MAX; i++) {
        if (g->moae >> i & 1) {
            s4d_json_put_integer(w, i);
        }
    }
    s4d_json_close(w, ']');
    for (int i = 0; i < 3 && g->moae; i++) {
        if (size[i]) {
            s4d_json_put_key(w, key[i]);
            s4d_json_put_integer(w, size[i]);
        }
    }
    s4d_json_close(w, '}');
}

void s4d_geometry_write(const s4d_geometry *g, s4d_json_writer *w)
{
    s4d_json_open(w, '{');
    s4d_json_put_key(w, "model");
    s4d_json_open(w, '{');
    for (int i = 0; i < FIELDS; i++) {
        if (!strchr(fields[i].key, '.') && value(g, &fields[i])) {
            s4d_json_put_key(w, fields[i].key);
            s4d_json_put_integer(w, value(g, &fields[i]));
        }
    }
    put_group(w, g, "encoder");
    put_group(w, g, "decoder");
    if (g->moae_known) {
        put_moae(w, g);
    }
    s4d_json_close(w, '}');
    s4d_json_close(w, '}');
}

bool s4d_geometry_whole(const s4d_geometry *g, bool decoder)
{
    return g->img_size && g->patch_size && g->num_frames && g->tubelet_size && g->mlp_ratio &&
           g->dim && g->depth && g->heads &&
           (!decoder || (g->decoder_dim && g->decoder_depth && g->decoder_heads));
}
