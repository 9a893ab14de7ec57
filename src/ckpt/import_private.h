/* An import under way, as import*.c and export*.c share it. Private to src/ckpt. */
#ifndef S4D_CKPT_IMPORT_PRIVATE_H
#define S4D_CKPT_IMPORT_PRIVATE_H

#include "ckpt/names.h"
#include "s4d/ckpt/import.h"

/* What stands where the file has nothing. */
typedef enum s4d_import_fill {
    S4D_FILL_NONE,
    S4D_FILL_ZERO,
    S4D_FILL_ONE,
    S4D_FILL_DRAWN /* as training begins: normal, truncated */
} s4d_import_fill;

/* How a tensor is made: of a file's tensors, by a recipe; a 2-D kernel is spread over the frames of
 * a tubelet. */
typedef struct s4d_import_source {
    s4d_import_fill fill; /* or of nothing */
    s4d_recipe_kind kind;
    int part, sources;
    bool inflate;
    const s4d_ckpt_tensor *from[3];
} s4d_import_source;

enum { S4D_IMPORT_META_MAX = 24 };

struct s4d_import {
    s4d_ckpt *file;
    s4d_unwrap unwrap;
    s4d_names names;
    s4d_geometry geometry;
    bool no_bias[2];    /* attention of the encoder, the decoder: q and v have none in any block */
    int64_t classes[2]; /* rows of the heads; 0: none */
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
    const char *start_only;
    const s4d_json *foreign;                        /* only while foreign.c looks at it */
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
    S4D_ORIGIN_BESIDE, /* config.json of transformers or timm */
    S4D_ORIGIN_OWN,    /* the metadata of a file of ours */
    S4D_ORIGIN_GIVEN,  /* opts->config */
    S4D_ORIGINS
} s4d_import_origin;
/* That config, parsed, and its name; *doc NULL: there is none. */
s4d_status s4d_import_config(const s4d_import *im, s4d_import_origin which, s4d_json **doc,
                             const char **origin, s4d_err *err);
/* Whether that config is of a model that computes what this one does; S4D_FAILED names the setting
 * (foreign.c). */
s4d_status s4d_foreign_check(s4d_import *im, const s4d_json *config, const char *origin,
                             s4d_err *err);
/* Before sizes are measured: a decoder that was trained on other targets is left out. */
s4d_status s4d_foreign_adapt(s4d_import *im, s4d_err *err);
/* ", but NAME is an object of CLASS", where the file has that in the place of a tensor; else "". */
void s4d_import_absent_text(const s4d_import *im, const char *published, char text[320]);
/* Warns of pixels that are normalised in another way, by the processor's config beside the file. */
void s4d_foreign_tell_processor(const s4d_import *im);
/* What training here wrote has all of its tensors and no others. */
bool s4d_import_trained_here(const s4d_import *im);
/* A line about a tensor of the file that was not taken (import_left.c). */
s4d_status s4d_import_report_leftover(s4d_import *im, const s4d_ckpt_tensor *t, s4d_err *err);
/* A line about the middle third of each bias that q_bias and v_bias were cut from. */
s4d_status s4d_import_report_fused(s4d_import *im, s4d_err *err);
/* Whether a fault about this name is allowed. */
bool s4d_import_allowed(const s4d_import *im, const char *name);
s4d_status s4d_import_report(s4d_import *im, s4d_import_verdict verdict, bool fault,
                             const char *name, s4d_err *err, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
