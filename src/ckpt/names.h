/* How other programs call the tensors of the same model. Private to src/ckpt. */
#ifndef S4D_CKPT_NAMES_H
#define S4D_CKPT_NAMES_H

#include "ckpt/layout.h"
#include "ckpt/unwrap.h"

typedef enum s4d_names_kind {
    S4D_NAMES_S4D,         /* the published names */
    S4D_NAMES_VIDEOMAE,    /* the same, but for one "head" */
    S4D_NAMES_MAE,         /* timm, MAE: a class token, biases of q, k and v in one */
    S4D_NAMES_TRANSFORMERS /* VideoMAE there, and its ViTs of images */
} s4d_names_kind;

typedef struct s4d_names {
    s4d_names_kind kind;
    const char *base; /* transformers: "videomae.", "vit.", ... or "" */
    bool newer;       /* transformers: with "layers." and "q_proj" */
    bool images;      /* a model of images: a 2-D kernel, its head is of images */
    s4d_layout_kind layout;
} s4d_names;

const char *s4d_names_of(s4d_names_kind kind);

/* Told by the names in the file, or by `from` unless NULL. S4D_FAILED: names of no model that is
 * known, or of one that s4d does not compute; S4D_USAGE: `from` is no map's name. */
s4d_status s4d_names_detect(const s4d_unwrap *u, const s4d_ckpt *file, const char *from,
                            s4d_names *out, s4d_err *err);

enum { S4D_FOREIGN_MAX = 160 };

typedef enum s4d_recipe_kind {
    S4D_RECIPE_COPY,
    S4D_RECIPE_JOIN, /* three sources, one below the other */
    S4D_RECIPE_PART  /* a third of the source's rows */
} s4d_recipe_kind;

/* How a published tensor is made of a file's. */
typedef struct s4d_recipe {
    s4d_recipe_kind kind;
    int part; /* 0, 1, 2 */
    int sources;
    char source[3][S4D_FOREIGN_MAX];
} s4d_recipe;

/* The way number `choice` (from 0) that the map knows; false: there is none (any more). */
bool s4d_names_recipe(const s4d_names *names, const char *published, int choice, s4d_recipe *out);

/* What the names of blocks begin with: "encoder.blocks.". */
void s4d_names_blocks(const s4d_names *names, bool decoder, char out[S4D_FOREIGN_MAX]);

/* Why a tensor of the file is left out by this map, or NULL: it has no place in the model. */
const char *s4d_names_left_out(const s4d_names *names, const char *source);
/* Whether it is a key's bias, which this model does not have. */
bool s4d_names_key_bias(const s4d_names *names, const char *source);
/* What a tensor without a place belongs to. */
const char *s4d_names_meaning(const char *source);

#endif
