/* A model under other programs' names. */
#ifndef S4D_CKPT_EXPORT_H
#define S4D_CKPT_EXPORT_H

#include "s4d/ckpt/import.h"

typedef enum s4d_export_to {
    S4D_EXPORT_S4D,         /* a file, the published names */
    S4D_EXPORT_VIDEOMAE,    /* a file, VideoMAE's names */
    S4D_EXPORT_TRANSFORMERS /* a folder: model.safetensors, config.json, preprocessor_config.json */
} s4d_export_to;

s4d_status s4d_export_named(const char *name, s4d_export_to *out, s4d_err *err); /* S4D_USAGE */

/* Replaces the file as a whole; a folder must not be there yet and appears whole. S4D_FAILED: the
 * import has faults, or that program cannot compute such a model (experts); S4D_USAGE: sizes are
 * not known that its config.json needs. */
s4d_status s4d_export_write(s4d_import *im, s4d_export_to to, const char *out, s4d_err *err);
/* The head that has no place there beside another one, or NULL. */
const char *s4d_export_left_out(const s4d_import *im, s4d_export_to to);
/* Whether the one head that is written is of pictures, which those names cannot tell. */
bool s4d_export_forgets_pictures(const s4d_import *im, s4d_export_to to);

#endif
