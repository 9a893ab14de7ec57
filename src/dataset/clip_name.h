/* Paths of samples brought to one spelling. Private to dataset. */
#ifndef S4D_DATASET_CLIP_NAME_H
#define S4D_DATASET_CLIP_NAME_H

#include <stdbool.h>

#include "s4d/base/file.h"

/* s4d_pack_name's form, in which moreover a folder and a ".." behind it cancel each other; those in front stay. *up tells
 * whether that happened: where the folder is a link, the two may be different files. up may be NULL. */
s4d_status clip_name(char out[S4D_PATH_MAX], const char *path, bool *up, s4d_err *err);

#endif
