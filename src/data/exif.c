/* The orientation that a camera wrote into a picture (Exif 2.3, tag 0x0112), in JPEG's APP1 and PNG's eXIf. */
#include <string.h>

#include "data/image_private.h"

/* A block of memory that is read within its bounds only. */
typedef struct span {
    const uint8_t *at;
    size_t size;
    bool big; /* byte order */
} span;

static uint32_t number(const span *s, size_t at, size_t bytes)
{
    uint32_t value = 0;
    if (at > s->size || s->size - at < bytes) {
        return 0;
    }
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint32_t)s->at[at + i] << 8 * (s->big ? bytes - 1 - i : i);
    }
    return value;
}

/* "II" or "MM", 42, the place of the first directory: a count and entries of 12 bytes. */
static int of_tiff(const uint8_t *at, size_t size)
{
    span s = {at, size, size > 0 && at[0] == 'M'};
    if (size < 8 || (memcmp(at, "II", 2) != 0 && memcmp(at, "MM", 2) != 0) || number(&s, 2, 2) != 42) {
        return 1;
    }
    size_t first = number(&s, 4, 4), count = number(&s, first, 2);
    for (size_t i = 0; i < count; i++) {
        size_t entry = first + 2 + 12 * i;
        uint32_t value = number(&s, entry + 8, 2);
        if (number(&s, entry, 2) == 0x0112) {
            return number(&s, entry + 2, 2) == 3 && value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}

/* Markers up to the first scan. */
static int of_jpeg(const uint8_t *bytes, size_t size)
{
    static const uint8_t exif[6] = "Exif\0";
    span s = {bytes, size, true};
    for (size_t at = 2; size - at >= 4 && bytes[at] == 0xFF && bytes[at + 1] != 0xDA;) {
        size_t length = number(&s, at + 2, 2);
        if (length < 2 || length > size - at - 2) {
            return 1;
        }
        if (bytes[at + 1] == 0xE1 && length >= 8 && memcmp(bytes + at + 4, exif, sizeof exif) == 0) {
            return of_tiff(bytes + at + 10, length - 8);
        }
        at += 2 + length;
        if (at > size) {
            return 1;
        }
    }
    return 1;
}

static int of_png(const uint8_t *bytes, size_t size)
{
    span s = {bytes, size, true};
    for (size_t at = 8; at < size && size - at >= 12;) {
        size_t length = number(&s, at, 4);
        if (length > size - at - 12) {
            return 1;
        }
        if (memcmp(bytes + at + 4, "eXIf", 4) == 0) {
            return of_tiff(bytes + at + 8, length);
        }
        at += 12 + length;
    }
    return 1;
}

int s4d_exif_orientation(const uint8_t *bytes, size_t size)
{
    if (size >= 4 && bytes[0] == 0xFF && bytes[1] == 0xD8) {
        return of_jpeg(bytes, size);
    }
    return size >= 8 && memcmp(bytes, "\x89PNG", 4) == 0 ? of_png(bytes, size) : 1;
}

s4d_status s4d_exif_apply(int orientation, s4d_image *image, s4d_err *err)
{
    s4d_image shown = {0};
    if (orientation == 1) {
        return S4D_OK;
    }
    const s4d_pixel_rows rows = {image->rgb, (size_t)image->width * 3, image->height, image->width};
    s4d_status status = s4d_image_orient(&rows, orientation, &shown, err);
    if (status == S4D_OK) {
        s4d_image_release(image);
        *image = shown;
    }
    return status;
}
