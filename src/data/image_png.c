/* PNG files, by libpng: alpha dropped, palette and gray expanded to RGB, the high byte of 16-bit
 * samples kept. */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "data/image_private.h"
#include "s4d/base/err.h"

/* What libpng's callbacks reach. libpng leaves by longjmp, so nothing that must be freed lives
 * elsewhere. */
typedef struct png_job {
    const uint8_t *at;
    size_t left;
    s4d_str *file;
    char reason[160];
} png_job;

static void on_error(png_structp png, png_const_charp text)
{
    png_job *job = png_get_error_ptr(png);
    size_t n = strlen(text);
    if (n >= sizeof job->reason) {
        n = sizeof job->reason - 1;
    }
    memcpy(job->reason, text, n);
    job->reason[n] = '\0';
    png_longjmp(png, 1);
}

const char *s4d_image_png_library(void)
{
    return "libpng " PNG_LIBPNG_VER_STRING;
}

/* Warnings concern chunks that do not change the pixels. */
static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void take_bytes(png_structp png, png_bytep to, size_t n)
{
    png_job *job = png_get_io_ptr(png);
    if (n > job->left) {
        png_error(png, "the file ends early");
    }
    memcpy(to, job->at, n);
    job->at += n;
    job->left -= n;
}

static void put_bytes(png_structp png, png_bytep from, size_t n)
{
    png_job *job = png_get_io_ptr(png);
    s4d_str_add_bytes(job->file, from, n);
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static void ask_for_rgb(png_structp png, png_infop info)
{
    int kind = png_get_color_type(png, info);
    if (kind == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(png);
    } else if (kind == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8) {
        png_set_expand_gray_1_2_4_to_8(png);
    }
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
}

/* Chunks that say nothing of the pixels are stepped over: texts and profiles may be megabytes, and compressed a thousandfold. */
static void ask_for_pixels_alone(png_structp png)
{
    static const png_byte names[] = "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0tEXt\0tIME\0zTXt";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names, sizeof names / 5);
}

/* Everything that libpng may leave by longjmp. */
static s4d_status decode(png_structp png, png_infop info, s4d_image *out, s4d_err *err)
{
    png_job *job = png_get_error_ptr(png);
    if (setjmp(png_jmpbuf(png))) {
        return strcasestr(job->reason, "memory")
                   ? s4d_err_memory(err, 3ull * png_get_image_height(png, info) * png_get_image_width(png, info), "decoding a PNG file")
                   : s4d_err_set(err, S4D_FAILED, "the PNG file is damaged (%s); copy it again or make it anew", job->reason);
    }
    png_set_read_fn(png, job, take_bytes);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* sizes are checked below */
    ask_for_pixels_alone(png);
    png_read_info(png, info);
    s4d_status status = s4d_image_size(out, (int)png_get_image_height(png, info),
                                       (int)png_get_image_width(png, info), err);
    if (status != S4D_OK) {
        return status;
    }
    ask_for_rgb(png, info);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t stride = (size_t)out->width * 3;
    S4D_BUG_IF(png_get_rowbytes(png, info) != stride);
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < out->height; y++) {
            png_read_row(png, out->rgb + (size_t)y * stride, NULL);
        }
    }
    png_read_end(png, NULL);
    return S4D_OK;
}

s4d_status s4d_image_decode_png(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err)
{
    png_job job = {.at = bytes, .left = size};
    png_infop info = NULL;
    if (size > 16 && memcmp(bytes + 12, "CgBI", 4) == 0) {
        return s4d_err_set(err, S4D_FAILED, "this is a PNG image as iPhone apps hold them (CgBI), which is not read; convert it to PNG or JPEG");
    }
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    if (png) {
        info = png_create_info_struct(png);
    }
    s4d_status status =
        info ? decode(png, info, out, err) : s4d_err_memory(err, size, "reading a PNG file");
    png_destroy_read_struct(&png, &info, NULL);
    return status;
}

static s4d_status encode(png_structp png, png_infop info, const s4d_image *image, s4d_err *err)
{
    png_job *job = png_get_error_ptr(png);
    if (setjmp(png_jmpbuf(png))) {
        return s4d_err_set(err, S4D_FAILED, "the PNG file could not be made (%s)", job->reason);
    }
    png_set_write_fn(png, job, put_bytes, flush_nothing);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(png, info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < image->height; y++) {
        png_write_row(png, image->rgb + (size_t)y * (size_t)image->width * 3);
    }
    png_write_end(png, NULL);
    return S4D_OK;
}

s4d_status s4d_image_encode_png(const s4d_image *image, s4d_str *out, s4d_err *err)
{
    png_job job = {.file = out};
    png_infop info = NULL;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    if (png) {
        info = png_create_info_struct(png);
    }
    s4d_status status =
        info ? encode(png, info, image, err) : s4d_err_memory(err, 0, "writing a PNG file");
    png_destroy_write_struct(&png, &info);
    return status;
}
