/* An import under way, as import*.c and export*.c share it. Private to src/ckpt. */
#ifndef S4D_CKPT_IMPORT_PRIVATE_H
#define S4D_CKPT_IMPORT_PRIVATE_H

#include "ckpt/names.h"
#include "s4d/ckpt/import.h"

/* How a tensor is made: of a file's tensors, by a recipe; a 2-D kernel is spread over the frames of
 * a tubelet. */
typedef struct s4d_import_source {
    s4d_recipe_kind kind;
    int part, sources;
    bool inflate;
    const s4d_ckpt_tensor *from[3];
} s4d_import_source;

enum { S4D_IMPORT_META_MAX = 24 };

struct s4d_import {
    s4d_ckpt *file;
    s4d_names names;
    s4d_geometry geometry;
    int64_t classes[2];          /* rows of the heads; 0: none */
    const s4d_import_opts *opts; /* only while it is opened */
    s4d_layout layout;
    s4d_import_tensor *tensor; /* of the layout, those that are there */
    s4d_import_source *source;
    size_t count;
    bool *taken; /* of the file's tensors */
    s4d_import_line *line;
    size_t lines, line_room, faults;
    bool config_whole; /* its own metadata tells all sizes */
    size_t key_biases; /* tensors with one that is not zero */
    s4d_safetensors_pair meta[S4D_IMPORT_META_MAX]; /* owned */
    size_t metas;
};

/* Sizes from shapes and configs (import_size.c). */
s4d_status s4d_import_measure(s4d_import *im, s4d_err *err);
/* The tensors of the file that make a published one; false: they are not all there. */
bool s4d_import_resolve(const s4d_import *im, const char *published, s4d_import_source *out);
/* Metadata from the file, the configs and the shapes (import_meta.c). */
s4d_status s4d_import_describe(s4d_import *im, s4d_err *err);
/* Where sizes and class names stand, beside the tensors. */
typedef enum s4d_import_origin {
    S4D_ORIGIN_BESIDE, /* transformers' config.json */
    S4D_ORIGIN_OWN,    /* the metadata of a file of ours */
    S4D_ORIGIN_GIVEN,  /* opts->config */
    S4D_ORIGINS
} s4d_import_origin;
/* That config, parsed, and its name; *doc NULL: there is none. */
s4d_status s4d_import_config(const s4d_import *im, s4d_import_origin which, s4d_json **doc,
                             const char **origin, s4d_err *err);
/* Whether a fault about this name is allowed. */
bool s4d_import_allowed(const s4d_import *im, const char *name);
s4d_status s4d_import_report(s4d_import *im, s4d_import_verdict verdict, bool fault,
                             const char *name, s4d_err *err, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
