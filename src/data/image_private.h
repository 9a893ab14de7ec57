/* One decoder per kind of picture file; image.c chooses. Sentences come without the path. */
#ifndef S4D_DATA_IMAGE_PRIVATE_H
#define S4D_DATA_IMAGE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "s4d/base/str.h"
#include "s4d/data/image.h"

s4d_status s4d_image_decode_png(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err);
s4d_status s4d_image_decode_jpeg(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err);
s4d_status s4d_image_decode_bmp(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err);
/* Any other still image, through libavcodec. */
s4d_status s4d_image_decode_other(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err);

/* height rows of width RGB pixels, each `stride` bytes behind the one before it. */
typedef struct s4d_pixel_rows {
    const uint8_t *rgb;
    size_t stride;
    int height, width;
} s4d_pixel_rows;

/* `in` as it is to be shown by EXIF's orientation, 1..8: 1 as it is, 2 mirrored left-right, 3 turned by 180 degrees, 4 mirrored
 * top-bottom, 5 transposed, 6 turned clockwise, 7 transposed about the other diagonal, 8 turned counter-clockwise. `out` is
 * another block of memory. */
s4d_status s4d_image_orient(const s4d_pixel_rows *in, int orientation, s4d_image *out, s4d_err *err);

/* Left and right change places. */
void s4d_image_mirror(s4d_image *image);

/* 1..8 of a JPEG or PNG file; 1, upright, where none is written. */
int s4d_exif_orientation(const uint8_t *bytes, size_t size);
/* Brings a picture of that orientation upright, as Pillow's exif_transpose does. */
s4d_status s4d_exif_apply(int orientation, s4d_image *image, s4d_err *err);

#endif
