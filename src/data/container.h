/* Whether a file is shorter than its own header says. Private to the data layer. */
#ifndef S4D_DATA_CONTAINER_H
#define S4D_DATA_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { S4D_CONTAINER_HEAD = 128 }; /* bytes of a file's beginning that suffice */

/* From the first n bytes of a file of `size` bytes: true for a BMP, RIFF (AVI, WebP) or Matroska
 * (MKV, WebM) file whose header promises more. False for all else: PNG, JPEG and most others show a
 * missing end when they are read; of FLV, ASF, GIF and MPEG-TS, and of an MP4 in fragments cut
 * between two of them, nothing tells it. */
bool s4d_container_is_cut(const uint8_t *head, size_t n, uint64_t size);

/* Whether the last box of a file that begins with an ftyp box (MP4, QuickTime, ISO 14496-12 section
 * 4.2) reaches beyond its end; false for files of other kinds. */
bool s4d_boxes_are_cut(int file, uint64_t size);
/* The same of a file that lies in memory. */
bool s4d_boxes_are_cut_in(const uint8_t *bytes, uint64_t size);

#endif
