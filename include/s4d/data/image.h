/* Pictures in memory: 8-bit RGB, from and to files. */
#ifndef S4D_DATA_IMAGE_H
#define S4D_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/base/str.h"

struct s4d_store;

enum { S4D_IMAGE_SIDE_MAX = 16384 };

/* rgb [height,width,3]; owned, its room may exceed the picture and is kept by the next decode. */
typedef struct s4d_image {
    uint8_t *rgb;
    int height, width;
    size_t room;
} s4d_image;

void s4d_image_release(s4d_image *image);
/* Makes room; contents undefined. S4D_FAILED on sides outside 1..S4D_IMAGE_SIDE_MAX or no memory. */
s4d_status s4d_image_size(s4d_image *image, int height, int width, s4d_err *err);

/* Decodes by the file's first bytes, not its name: PNG by libpng, JPEG by libjpeg-turbo, BMP by itself, the rest
 * (TIFF, WebP, ...) by libavcodec. Alpha is dropped, palette and gray expand to RGB, of a PNG's 16-bit samples the high byte is kept,
 * EXIF rotation is ignored (PIXELS.md section 7). A truncated or corrupt file is an error with path and reason. */
s4d_status s4d_image_read(const char *path, s4d_image *out, s4d_err *err);
typedef struct s4d_image_source {
    const char *path;
    const struct s4d_store *store; /* where it is looked up (s4d/data/pack.h); NULL: plain files */
    bool upright;                  /* turned and mirrored as its EXIF orientation says */
} s4d_image_source;
s4d_status s4d_image_read_from(const s4d_image_source *source, s4d_image *out, s4d_err *err);
/* Whether a name ends as a picture's does: .jpg, .png, .bmp, ... */
bool s4d_image_named(const char *name);

/* Add a file's bytes to `out`; out->failed: no memory. Sentences come without a path. */
s4d_status s4d_image_encode_png(const s4d_image *image, s4d_str *out, s4d_err *err);
s4d_status s4d_image_encode_jpeg(const s4d_image *image, int quality, s4d_str *out, s4d_err *err); /* 1..100, 4:2:0 */
s4d_status s4d_image_write_png(const char *path, const s4d_image *image, s4d_err *err);
s4d_status s4d_image_write_jpeg(const char *path, const s4d_image *image, int quality, s4d_err *err);

/* "libpng 1.6.39" and the like; text lives as long as the program. */
const char *s4d_image_png_library(void);
const char *s4d_image_jpeg_library(void);

typedef enum s4d_filter { S4D_BILINEAR, S4D_BICUBIC } s4d_filter;
/* Pillow's antialiased resize, byte for byte (PIXELS.md section 1), of a box inside the picture:
 * box = {top, left, height, width}, NULL for the whole. Cuts first, then resizes, as torchvision's resized_crop does. */
s4d_status s4d_image_resize(const s4d_image *in, const int box[4], s4d_filter filter, int height, int width,
                            s4d_image *out, s4d_err *err);

#endif
