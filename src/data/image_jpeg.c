/* JPEG files, by libjpeg-turbo: integer DCT, triangle-filtered chroma (PIXELS.md section 7). */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "data/effort.h"
#include "data/image_private.h"
#include "s4d/base/err.h"
#include "s4d/base/mem.h"

/* libjpeg hands its own struct to the callbacks; being first, it has the address of this one. */
typedef struct jpeg_job {
    struct jpeg_error_mgr manager;
    jmp_buf leave;
    char reason[JMSG_LENGTH_MAX];
} jpeg_job;

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *s4d_image_jpeg_library(void)
{
#ifdef LIBJPEG_TURBO_VERSION
    return "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION);
#else
    return "libjpeg " TEXT(JPEG_LIB_VERSION);
#endif
}

static void on_error(j_common_ptr codec)
{
    jpeg_job *job = (jpeg_job *)codec->err;
    codec->err->format_message(codec, job->reason);
    longjmp(job->leave, 1);
}

/* libjpeg goes on after a warning and makes pixels up. Where they would be made up, that is an
 * error; the other warnings are about markers (stray bytes between them, versions) and change
 * nothing. */
static void on_message(j_common_ptr codec, int level)
{
    if (level >= 0) {
        return;
    }
    switch (codec->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL:
        on_error(codec);
        break;
    default:
        break;
    }
}

static void print_nothing(j_common_ptr codec)
{
    (void)codec;
}

static struct jpeg_error_mgr *prepare(jpeg_job *job)
{
    struct jpeg_error_mgr *manager = jpeg_std_error(&job->manager);
    manager->error_exit = on_error;
    manager->emit_message = on_message;
    manager->output_message = print_nothing;
    return manager;
}

/* Four inks, stored inverted as Adobe does, to RGB as Pillow does: nk - round(ink*nk/255). */
static void inks_to_rgb(const uint8_t *ink, int width, uint8_t *rgb)
{
    for (int x = 0; x < width; x++, ink += 4, rgb += 3) {
        int nk = ink[3];
        for (int c = 0; c < 3; c++) {
            int product = (255 - ink[c]) * nk + 128;
            rgb[c] = (uint8_t)(nk - ((product + (product >> 8)) >> 8));
        }
    }
}

static s4d_status not_read(s4d_err *err, const char *kind)
{
    return s4d_err_set(err, S4D_FAILED, "this is a JPEG image of a kind that is not read (%s); convert it to PNG or another JPEG", kind);
}

/* What libjpeg's last error means. */
static s4d_status failure(const struct jpeg_decompress_struct *jpeg, s4d_err *err)
{
    const jpeg_job *job = (const jpeg_job *)jpeg->err;
    switch (job->manager.msg_code) {
    case JERR_OUT_OF_MEMORY: return s4d_err_memory(err, 3ull * jpeg->image_height * jpeg->image_width, "decoding a JPEG file");
    case JERR_ARITH_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED: return not_read(err, job->reason);
    default: return s4d_err_set(err, S4D_FAILED, "the JPEG file is damaged (%s); copy it again or make it anew", job->reason);
    }
}

/* Everything that libjpeg may leave by longjmp. *inks, a row of four-ink pixels, is freed by the
 * caller. */
static s4d_status decode(struct jpeg_decompress_struct *jpeg, s4d_image *out, uint8_t **inks,
                         s4d_err *err)
{
    jpeg_job *job = (jpeg_job *)jpeg->err;
    if (setjmp(job->leave)) {
        return failure(jpeg, err);
    }
    jpeg_read_header(jpeg, TRUE);
    s4d_status status = s4d_image_size(out, (int)jpeg->image_height, (int)jpeg->image_width, err);
    if (status != S4D_OK) {
        return status;
    }
    if (jpeg->num_components == 4) {
        jpeg->out_color_space = JCS_CMYK;
        *inks = s4d_mem_alloc((size_t)out->width, 4);
        if (!*inks) {
            return s4d_err_memory(err, (size_t)out->width * 4, "a row of a JPEG file");
        }
    } else {
        jpeg->out_color_space = JCS_RGB;
    }
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *rgb = out->rgb + (size_t)jpeg->output_scanline * (size_t)out->width * 3;
        JSAMPROW row = *inks ? *inks : rgb;
        if (jpeg_read_scanlines(jpeg, &row, 1) == 1 && *inks) {
            inks_to_rgb(*inks, out->width, rgb);
        }
    }
    jpeg_finish_decompress(jpeg);
    return S4D_OK;
}

/* jpeg_create_decompress may itself leave. */
static bool create_reader(struct jpeg_decompress_struct *jpeg, jpeg_job *job, const uint8_t *bytes,
                          size_t size)
{
    jpeg->err = prepare(job);
    if (setjmp(job->leave)) {
        return false;
    }
    jpeg_create_decompress(jpeg);
    jpeg->mem->max_memory_to_use = 0; /* whatever the environment's JPEGMEM says */
    jpeg_mem_src(jpeg, bytes, size);
    return true;
}

/* What markers tell before anything is decoded. */
typedef struct frame_head {
    int kind; /* the SOF marker, 0xC0..0xCF */
    int bits, height, width;
    uint64_t scans;
} frame_head;

/* Bytes of entropy-coded data from `at` on: up to the next marker that is not one of theirs (stuffed 0, restarts). */
static size_t skip_scan(const uint8_t *bytes, size_t size, size_t at)
{
    while (at + 1 < size) {
        const uint8_t *found = memchr(bytes + at, 0xFF, size - 1 - at);
        if (!found) {
            return size;
        }
        at = (size_t)(found - bytes);
        if (found[1] != 0 && found[1] != 0xFF && (found[1] < 0xD0 || found[1] > 0xD7)) {
            return at;
        }
        at += found[1] == 0xFF ? 1 : 2;
    }
    return size;
}

static frame_head look_at_markers(const uint8_t *bytes, size_t size)
{
    frame_head f = {0};
    for (size_t at = skip_scan(bytes, size, 2); at + 4 <= size; at = skip_scan(bytes, size, at)) {
        int marker = bytes[at + 1];
        size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (marker == 0xD9 || marker == 0xD8 || length < 2) { /* the end, or nothing that libjpeg goes on from */
            break;
        }
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC && f.kind == 0 &&
            at + 9 <= size) {
            f.kind = marker;
            f.bits = bytes[at + 4];
            f.height = bytes[at + 5] << 8 | bytes[at + 6];
            f.width = bytes[at + 7] << 8 | bytes[at + 8];
        }
        f.scans += marker == 0xDA;
        at += 2 + length;
    }
    return f;
}

/* Kinds of the standard that libjpeg does not read, and scans that would take minutes. */
static s4d_status check_markers(const uint8_t *bytes, size_t size, s4d_err *err)
{
    frame_head f = look_at_markers(bytes, size);
    bool lossless = f.kind == 0xC3 || f.kind == 0xC7 || f.kind == 0xCB || f.kind == 0xCF;
    bool layered = f.kind >= 0xC5 && f.kind != 0xC9 && f.kind != 0xCA && !lossless;
    if (lossless || layered) {
        return not_read(err, lossless ? "lossless" : "hierarchical");
    }
    if (f.kind != 0 && f.bits != 8) {
        return not_read(err, f.bits == 12 ? "12 bits a sample" : "not 8 bits a sample");
    }
    return s4d_effort_check_scans(size, f.scans, f.height, f.width, err);
}

s4d_status s4d_image_decode_jpeg(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err)
{
    jpeg_job job = {0};
    struct jpeg_decompress_struct jpeg = {0};
    uint8_t *inks = NULL;
    s4d_status status = check_markers(bytes, size, err);
    if (status != S4D_OK) {
        return status;
    }
    status = create_reader(&jpeg, &job, bytes, size) ? decode(&jpeg, out, &inks, err)
                                                     : s4d_err_memory(err, size, "reading a JPEG file");
    jpeg_destroy_decompress(&jpeg);
    s4d_mem_free(inks);
    return status;
}

/* Where compressed bytes go. (jpeg_mem_dest leaves a freed pointer behind when it fails while
 * growing.) */
typedef struct jpeg_sink {
    struct jpeg_destination_mgr manager;
    s4d_str *file;
    JOCTET block[4096];
} jpeg_sink;

static void begin_block(j_compress_ptr jpeg)
{
    jpeg_sink *sink = (jpeg_sink *)jpeg->dest;
    sink->manager.next_output_byte = sink->block;
    sink->manager.free_in_buffer = sizeof sink->block;
}

/* libjpeg calls this on a full block, whatever free_in_buffer says. */
static boolean put_block(j_compress_ptr jpeg)
{
    jpeg_sink *sink = (jpeg_sink *)jpeg->dest;
    s4d_str_add_bytes(sink->file, sink->block, sizeof sink->block);
    begin_block(jpeg);
    return TRUE;
}

static void put_last_block(j_compress_ptr jpeg)
{
    jpeg_sink *sink = (jpeg_sink *)jpeg->dest;
    s4d_str_add_bytes(sink->file, sink->block, sizeof sink->block - sink->manager.free_in_buffer);
}

static s4d_status encode(struct jpeg_compress_struct *jpeg, jpeg_sink *sink, const s4d_image *image,
                         int quality, s4d_err *err)
{
    jpeg_job *job = (jpeg_job *)jpeg->err;
    if (setjmp(job->leave)) {
        return s4d_err_set(err, S4D_FAILED, "the JPEG file could not be made (%s)", job->reason);
    }
    jpeg_create_compress(jpeg);
    jpeg->dest = &sink->manager;
    jpeg->image_width = (JDIMENSION)image->width;
    jpeg->image_height = (JDIMENSION)image->height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg); /* YCbCr, chroma halved both ways */
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = image->rgb + (size_t)jpeg->next_scanline * (size_t)image->width * 3;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return S4D_OK;
}

s4d_status s4d_image_encode_jpeg(const s4d_image *image, int quality, s4d_str *out, s4d_err *err)
{
    S4D_BUG_IF(quality < 1 || quality > 100);
    jpeg_job job = {0};
    jpeg_sink sink = {.manager = {.init_destination = begin_block,
                                  .empty_output_buffer = put_block,
                                  .term_destination = put_last_block},
                      .file = out};
    struct jpeg_compress_struct jpeg = {.err = prepare(&job)};
    s4d_status status = encode(&jpeg, &sink, image, quality, err);
    jpeg_destroy_compress(&jpeg);
    return status;
}
