/* Whether a file is shorter than its own header says. Private to the data layer. */
#ifndef S4D_DATA_CONTAINER_H
#define S4D_DATA_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { S4D_CONTAINER_HEAD = 128 }; /* bytes of a file's beginning that suffice */

/* From the first n bytes of a file of `size` bytes: true for a RIFF (AVI, WebP) or Matroska (MKV,
 * WebM) file whose header promises more. False for all else: PNG, JPEG, BMP and most others show a
 * missing end when they are read, MP4 by its boxes (boxes.h); of FLV, ASF, GIF and MPEG-TS nothing
 * tells it. */
bool s4d_container_is_cut(const uint8_t *head, size_t n, uint64_t size);

#endif
