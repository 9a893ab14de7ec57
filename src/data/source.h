/* Where a video's bytes come from: a file, or a block of memory that outlives what reads it. Private to data. */
#ifndef S4D_DATA_SOURCE_H
#define S4D_DATA_SOURCE_H

#include <stddef.h>
#include <stdint.h>

typedef struct s4d_source {
    const char *path;     /* a file, where bytes is NULL */
    const uint8_t *bytes; /* [size] */
    size_t size;
} s4d_source;

#endif
