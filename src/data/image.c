/* Pictures in memory, and the choice of a decoder by a file's first bytes. */
#include "s4d/data/image.h"

#include <string.h>

#include "data/image_private.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/data/pack.h"

enum {
    SLACK = 64, /* bytes after the last row: vector code of libswscale may write past it */
    FILE_SIZE_MAX = 1 << 30 /* no picture within S4D_IMAGE_SIDE_MAX needs more */
};

void s4d_image_release(s4d_image *image)
{
    s4d_mem_free(image->rgb);
    *image = (s4d_image){0};
}

s4d_status s4d_image_size(s4d_image *image, int height, int width, s4d_err *err)
{
    if (height < 1 || width < 1 || height > S4D_IMAGE_SIDE_MAX || width > S4D_IMAGE_SIDE_MAX) {
        return s4d_err_set(
            err, S4D_FAILED,
            "a picture %d pixels high and %d wide cannot be used: each side must be 1..%d", height,
            width, S4D_IMAGE_SIDE_MAX);
    }
    size_t room = (size_t)height * (size_t)width * 3 + SLACK;
    if (room > image->room) {
        s4d_image_release(image);
        image->rgb = s4d_mem_alloc(room, 1);
        if (!image->rgb) {
            return s4d_err_memory(err, room, "a picture");
        }
        image->room = room;
    }
    image->height = height;
    image->width = width;
    s4d_mem_poison(image->rgb, room);
    return S4D_OK;
}

s4d_status s4d_image_orient(const s4d_pixel_rows *in, int orientation, s4d_image *out, s4d_err *err)
{
    S4D_BUG_IF(orientation < 1 || orientation > 8);
    bool swaps = orientation >= 5, from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    ptrdiff_t right = from_right ? -3 : 3, down = from_below ? -(ptrdiff_t)in->stride : (ptrdiff_t)in->stride;
    const uint8_t *row = in->rgb + (from_right ? (size_t)(in->width - 1) * 3 : 0) +
                         (from_below ? (size_t)(in->height - 1) * in->stride : 0);
    s4d_status status = s4d_image_size(out, swaps ? in->width : in->height, swaps ? in->height : in->width, err);
    if (status != S4D_OK) {
        return status;
    }
    ptrdiff_t next_row = swaps ? right : down, next_pixel = swaps ? down : right;
    uint8_t *to = out->rgb;
    for (int y = 0; y < out->height; y++, row += next_row) {
        if (next_pixel == 3) {
            memcpy(to, row, (size_t)out->width * 3);
            to += (size_t)out->width * 3;
            continue;
        }
        const uint8_t *pixel = row;
        for (int x = 0; x < out->width; x++, pixel += next_pixel, to += 3) {
            memcpy(to, pixel, 3);
        }
    }
    return S4D_OK;
}

bool s4d_image_named(const char *name)
{
    static const char *const tails[] = {".jpg", ".jpeg", ".png", ".bmp", ".webp",
                                        ".tif", ".tiff", ".ppm", ".pgm"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        if (s4d_str_ends_nocase(name, tails[i])) {
            return true;
        }
    }
    return false;
}

void s4d_image_mirror(s4d_image *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *left = image->rgb + (size_t)y * (size_t)image->width * 3;
        uint8_t *right = left + (size_t)(image->width - 1) * 3;
        for (; left < right; left += 3, right -= 3) {
            uint8_t pixel[3];
            memcpy(pixel, left, 3);
            memcpy(left, right, 3);
            memcpy(right, pixel, 3);
        }
    }
}

static bool is_png(const uint8_t *bytes, size_t size)
{
    static const uint8_t mark[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    return size >= sizeof mark && memcmp(bytes, mark, sizeof mark) == 0;
}

static bool is_jpeg(const uint8_t *bytes, size_t size)
{
    return size >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

s4d_status s4d_image_read(const char *path, s4d_image *out, s4d_err *err)
{
    return s4d_image_read_from(&(s4d_image_source){.path = path}, out, err);
}

s4d_status s4d_image_read_from(const s4d_image_source *source, s4d_image *out, s4d_err *err)
{
    s4d_store_view file;
    s4d_status status = s4d_store_read(source->store, source->path, FILE_SIZE_MAX, &file, err);
    if (status != S4D_OK) {
        goto done;
    }
    if (file.size == 0) {
        status = s4d_err_set(err, S4D_FAILED,
                             "the file is empty; copy it again or take it out of the list");
    } else if (is_png(file.data, file.size)) {
        status = s4d_image_decode_png(file.data, file.size, out, err);
    } else if (is_jpeg(file.data, file.size)) {
        status = s4d_image_decode_jpeg(file.data, file.size, out, err);
    } else if (file.size >= 2 && memcmp(file.data, "BM", 2) == 0) {
        status = s4d_image_decode_bmp(file.data, file.size, out, err);
    } else {
        status = s4d_image_decode_other(file.data, file.size, out, err);
    }
    if (status == S4D_OK && source->upright) {
        status = s4d_exif_apply(s4d_exif_orientation(file.data, file.size), out, err);
    }
    status = s4d_err_blame_memory(err, status, "decoding");
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", source->path);
    }
done:
    s4d_store_view_release(&file);
    return status;
}

static s4d_status store(const char *path, s4d_status encoded, s4d_str *file, s4d_err *err)
{
    s4d_status status = encoded;
    if (status == S4D_OK && file->failed) {
        status = s4d_err_memory(err, file->size, "a picture file");
    }
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", path);
    } else {
        status = s4d_file_write(path, file->text, file->size, err);
    }
    s4d_str_release(file);
    return status;
}

s4d_status s4d_image_write_png(const char *path, const s4d_image *image, s4d_err *err)
{
    s4d_str file = {0};
    s4d_status status = s4d_image_encode_png(image, &file, err);
    return store(path, status, &file, err);
}

s4d_status s4d_image_write_jpeg(const char *path, const s4d_image *image, int quality, s4d_err *err)
{
    s4d_str file = {0};
    s4d_status status = s4d_image_encode_jpeg(image, quality, &file, err);
    return store(path, status, &file, err);
}
