/* Between the files of export. Private to src/ckpt. */
#ifndef S4D_CKPT_EXPORT_PRIVATE_H
#define S4D_CKPT_EXPORT_PRIVATE_H

#include "ckpt/import_private.h"

/* transformers' config.json. */
s4d_status s4d_export_config(const s4d_import *im, const char *path, s4d_err *err);
/* Its preprocessor_config.json: frames as evaluation here has them (METHOD, sections 1 and 7). */
s4d_status s4d_export_processor(const s4d_import *im, const char *path, s4d_err *err);

#endif
