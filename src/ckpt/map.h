/* A file mapped into memory, read-only. Private to src/ckpt. */
#ifndef S4D_CKPT_MAP_H
#define S4D_CKPT_MAP_H

#include <stddef.h>

#include "s4d/base/err.h"

typedef struct s4d_map {
    unsigned char *data; /* NULL: the file is empty */
    size_t size;
} s4d_map;

/* A regular file, which must not be cut short while it is mapped. what: "a safetensors file", for
 * the sentence. */
s4d_status s4d_map_open(s4d_map *map, const char *path, const char *what, s4d_err *err);
void s4d_map_close(s4d_map *map); /* zeroed accepted */

#endif
