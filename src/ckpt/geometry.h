/* Sizes of a model as configs and files tell them; shapes of weights do not show all. Private to
 * src/ckpt. */
#ifndef S4D_CKPT_GEOMETRY_H
#define S4D_CKPT_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/base/json.h"

enum { S4D_CKPT_BLOCKS_MAX = 64, S4D_GEOMETRY_FIELDS = 14 };

/* 0: not known. */
typedef struct s4d_geometry {
    int img_size, patch_size, num_frames, tubelet_size, mlp_ratio;
    int dim, depth, heads, decoder_dim, decoder_depth, decoder_heads;
    int experts, top_k, reduction;
    bool moae_known;
    uint64_t moae; /* bit i: block i has experts */
    /* Which config told each size, as geometry.c lists them; NULL: the tensors. Not owned. */
    const char *origin[S4D_GEOMETRY_FIELDS];
} s4d_geometry;

/* Of the object "model" in a config of ours; what it does not say stays 0. */
s4d_status s4d_geometry_of_config(const s4d_json *config, const char *origin, s4d_geometry *out,
                                  s4d_err *err);
/* Of transformers' config.json. */
s4d_status s4d_geometry_of_transformers(const s4d_json *config, const char *origin,
                                        s4d_geometry *out, s4d_err *err);
/* Takes from `more` what *g does not know. Where both know and differ: S4D_FAILED, in a sentence
 * about both origins. */
s4d_status s4d_geometry_merge(s4d_geometry *g, const s4d_geometry *more, const char *path,
                              const char *origin, s4d_err *err);
/* {"model": {...}} with what is known. */
void s4d_geometry_write(const s4d_geometry *g, s4d_json_writer *w);
/* Head counts and input sizes, which no shape shows. */
bool s4d_geometry_whole(const s4d_geometry *g, bool decoder);

#endif
