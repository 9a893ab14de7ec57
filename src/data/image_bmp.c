/* BMP files of Windows and OS/2: 1 to 32 bits a pixel, with a palette or masks, RLE4 and RLE8, either way up. Samples of fewer
 * than eight bits are v * 255 / largest, rounded down, as Pillow has them; of more the high byte is kept; alpha is dropped. */
#include <string.h>

#include "data/image_private.h"
#include "s4d/base/err.h"

enum { FILE_HEAD = 14, CORE = 12, INFO = 40, OS2_MAX = 64, V3_MASKS = 52, COLOURS = 256 };
enum { PLAIN = 0, RLE8 = 1, RLE4 = 2, MASKS = 3, JPEG_INSIDE = 4, PNG_INSIDE = 5, MASKS_AND_ALPHA = 6 };

typedef struct bmp {
    const uint8_t *bytes;
    size_t size;
    uint32_t head, pixels; /* bytes of the second header; where the pixels begin */
    int height, width, bits;
    bool top_down;
    uint32_t compression;
    uint32_t mask[3];
    uint8_t colour[COLOURS][3];
    s4d_image *out;
} bmp;

static uint32_t number(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint32_t)at[i] << 8 * i;
    }
    return value;
}

static s4d_status damaged(s4d_err *err, const char *what)
{
    return s4d_err_set(err, S4D_FAILED, "the BMP file is damaged (%s); copy it again or make it anew", what);
}

static s4d_status ends_early(s4d_err *err)
{
    return damaged(err, "it ends early");
}

static s4d_status is_rare(s4d_err *err, const char *kind)
{
    return s4d_err_set(err, S4D_FAILED, "this is a BMP image of a kind that is not read (%s); convert it to PNG or JPEG", kind);
}

/* ---- headers ---- */

static s4d_status read_size(bmp *b, s4d_err *err)
{
    const uint8_t *at = b->bytes + FILE_HEAD;
    int64_t width, height;
    if (b->head == CORE) {
        width = number(at + 4, 2);
        height = number(at + 6, 2);
        b->bits = (int)number(at + 10, 2);
    } else {
        width = (int32_t)number(at + 4, 4);
        height = (int32_t)number(at + 8, 4);
        b->bits = (int)number(at + 14, 2);
        b->compression = b->head >= 20 ? number(at + 16, 4) : PLAIN;
    }
    b->top_down = height < 0;
    height = height < 0 ? -height : height;
    if (width < 0 || height > INT32_MAX) {
        return damaged(err, "its size is negative");
    }
    b->height = (int)height;
    b->width = (int)width;
    return S4D_OK;
}

/* Which kinds there are, and what those are called that are not read. */
static s4d_status check_kind(const bmp *b, s4d_err *err)
{
    bool os2 = b->head == OS2_MAX;
    bool indexed = b->bits == 1 || b->bits == 2 || b->bits == 4 || b->bits == 8;
    switch (b->compression) {
    case PLAIN:
        if (indexed || b->bits == 16 || b->bits == 24 || b->bits == 32) {
            return S4D_OK;
        }
        return b->bits == 64 ? is_rare(err, "64 bits a pixel") : damaged(err, "its bits a pixel are none that there are");
    case RLE8: return b->bits == 8 ? S4D_OK : damaged(err, "RLE8 without 8 bits a pixel");
    case RLE4: return b->bits == 4 ? S4D_OK : damaged(err, "RLE4 without 4 bits a pixel");
    case MASKS:
    case MASKS_AND_ALPHA:
        if (os2) {
            return is_rare(err, "OS/2, Huffman 1D");
        }
        return b->bits == 16 || b->bits == 32 ? S4D_OK : damaged(err, "masks without 16 or 32 bits a pixel");
    case JPEG_INSIDE: return is_rare(err, os2 ? "OS/2, RLE24" : "a JPEG file inside, for printers");
    case PNG_INSIDE: return is_rare(err, "a PNG file inside, for printers");
    default: return is_rare(err, "four inks or another compression");
    }
}

/* Masks stand in headers of 52 bytes and more, and behind shorter ones. */
static s4d_status read_masks(bmp *b, size_t *end, s4d_err *err)
{
    static const uint32_t plain[2][3] = {{0x7C00, 0x3E0, 0x1F}, {0xFF0000, 0xFF00, 0xFF}};
    bool given = b->compression == MASKS || b->compression == MASKS_AND_ALPHA;
    size_t at = FILE_HEAD + INFO;
    memcpy(b->mask, plain[b->bits == 32], sizeof b->mask);
    if (!given) {
        return S4D_OK;
    }
    if (b->head < V3_MASKS) {
        at = FILE_HEAD + b->head;
        *end = at + (b->compression == MASKS ? 12 : 16);
    }
    if (at + 12 > b->size) {
        return ends_early(err);
    }
    for (int c = 0; c < 3; c++) {
        uint32_t m = b->mask[c] = number(b->bytes + at + 4 * (size_t)c, 4);
        uint32_t run = m ? m >> __builtin_ctz(m) : 0;
        if (run & (run + 1) || (b->bits == 16 && m > 0xFFFF)) {
            return is_rare(err, "masks with holes");
        }
    }
    return S4D_OK;
}

/* The palette stands behind header and masks; colours that it lacks are black. */
static s4d_status read_palette(bmp *b, size_t at, s4d_err *err)
{
    size_t each = b->head == CORE ? 3 : 4, count = (size_t)1 << b->bits;
    uint32_t used = b->head >= INFO ? number(b->bytes + FILE_HEAD + 32, 4) : 0;
    count = used > 0 && used < count ? used : count;
    if (b->pixels > at && (b->pixels - at) / each < count) {
        count = (b->pixels - at) / each;
    }
    if (at + each * count > b->size) {
        return ends_early(err);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < 3; c++) {
            b->colour[i][c] = b->bytes[at + each * i + 2 - c];
        }
    }
    return S4D_OK;
}

static s4d_status read_headers(bmp *b, s4d_err *err)
{
    if (b->size < FILE_HEAD + CORE) {
        return ends_early(err);
    }
    b->pixels = number(b->bytes + 10, 4);
    b->head = number(b->bytes + FILE_HEAD, 4);
    if (b->head != CORE && (b->head < 16 || b->head > 1024)) {
        return damaged(err, "its header has no length that there is");
    }
    size_t end = FILE_HEAD + (size_t)b->head;
    if (end > b->size) {
        return ends_early(err);
    }
    s4d_status status = read_size(b, err);
    if (status == S4D_OK) {
        status = check_kind(b, err);
    }
    if (status == S4D_OK) {
        status = read_masks(b, &end, err);
    }
    if (status == S4D_OK && b->bits <= 8) {
        status = read_palette(b, end, err);
    }
    if (status == S4D_OK && (b->pixels < end || b->pixels > b->size)) {
        status = b->pixels < end ? damaged(err, "its pixels begin in its header") : ends_early(err);
    }
    return status;
}

/* ---- rows ---- */

static uint8_t sample(uint32_t pixel, uint32_t mask)
{
    if (mask == 0) {
        return 0;
    }
    int shift = __builtin_ctz(mask), bits = __builtin_popcount(mask);
    uint32_t v = (pixel & mask) >> shift;
    return (uint8_t)(bits > 8 ? v >> (bits - 8) : v * 255 / ((1u << bits) - 1));
}

static void read_row(const bmp *b, const uint8_t *from, uint8_t *to)
{
    size_t bytes = (size_t)b->bits / 8;
    for (int x = 0; x < b->width; x++, to += 3) {
        if (b->bits <= 8) {
            size_t bit = (size_t)x * (size_t)b->bits;
            uint8_t index = (uint8_t)(from[bit / 8] << bit % 8) >> (8 - b->bits);
            memcpy(to, b->colour[index], 3);
        } else if (b->bits == 24) {
            to[0] = from[3 * x + 2];
            to[1] = from[3 * x + 1];
            to[2] = from[3 * x];
        } else {
            uint32_t pixel = number(from + (size_t)x * bytes, bytes);
            for (int c = 0; c < 3; c++) {
                to[c] = sample(pixel, b->mask[c]);
            }
        }
    }
}

static uint8_t *row_of(const bmp *b, int y)
{
    return b->out->rgb + 3 * (size_t)b->width * (size_t)(b->top_down ? y : b->height - 1 - y);
}

/* Rows are filled up to multiples of four bytes. */
static s4d_status read_rows(const bmp *b, s4d_err *err)
{
    size_t stride = ((size_t)b->width * (size_t)b->bits + 31) / 32 * 4;
    if ((b->size - b->pixels) / stride < (size_t)b->height) {
        return ends_early(err);
    }
    for (int y = 0; y < b->height; y++) {
        read_row(b, b->bytes + b->pixels + stride * (size_t)y, row_of(b, y));
    }
    return S4D_OK;
}

/* ---- run lengths ---- */

typedef struct runs {
    const bmp *b;
    const uint8_t *at, *end;
    int y, x;
} runs;

static void put(runs *r, uint8_t index)
{
    if (r->x < r->b->width) {
        memcpy(row_of(r->b, r->y) + 3 * r->x, r->b->colour[index], 3);
        r->x++;
    }
}

/* Index i of those that stand in one byte (RLE8) or half of one (RLE4). */
static uint8_t index_at(const runs *r, const uint8_t *from, int i)
{
    return r->b->bits == 8 ? from[i] : i % 2 ? from[i / 2] & 15 : from[i / 2] >> 4;
}

/* What follows a zero: 0 the next row, 1 the end, 2 a step, others as many indices as they are. */
static s4d_status escape(runs *r, int code, bool *done, s4d_err *err)
{
    if (code == 0) {
        r->y++;
        r->x = 0;
    } else if (code == 1) {
        *done = true;
    } else if (code == 2) {
        if (r->end - r->at < 2) {
            return ends_early(err);
        }
        r->x = r->x + r->at[0] < r->b->width ? r->x + r->at[0] : r->b->width;
        r->y += r->at[1];
        r->at += 2;
    } else {
        int bytes = r->b->bits == 8 ? code : (code + 1) / 2;
        if (r->end - r->at < bytes) {
            return ends_early(err);
        }
        for (int i = 0; i < code && r->y < r->b->height; i++) {
            put(r, index_at(r, r->at, i));
        }
        bytes += bytes % 2; /* up to a multiple of two, which the last may lack */
        r->at = r->end - r->at < bytes ? r->end : r->at + bytes;
    }
    return S4D_OK;
}

static s4d_status read_runs(const bmp *b, s4d_err *err)
{
    runs r = {.b = b, .at = b->bytes + b->pixels, .end = b->bytes + b->size};
    bool done = false;
    s4d_status status = S4D_OK;
    for (int i = 0; i < b->width; i++) { /* what no run reaches has the first colour */
        memcpy(b->out->rgb + 3 * i, b->colour[0], 3);
    }
    for (int y = 1; y < b->height; y++) {
        memcpy(b->out->rgb + 3 * (size_t)b->width * (size_t)y, b->out->rgb, 3 * (size_t)b->width);
    }
    while (status == S4D_OK && !done && r.y < b->height) {
        if (r.end - r.at < 2) {
            return r.y == b->height - 1 && r.x == b->width ? S4D_OK : ends_early(err);
        }
        int count = r.at[0], value = r.at[1];
        r.at += 2;
        if (count == 0) {
            status = escape(&r, value, &done, err);
        }
        for (int i = 0; i < count; i++) {
            put(&r, b->bits == 8 ? (uint8_t)value : i % 2 ? value & 15 : value >> 4);
        }
    }
    return status;
}

s4d_status s4d_image_decode_bmp(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err)
{
    bmp b = {.bytes = bytes, .size = size, .out = out};
    s4d_status status = read_headers(&b, err);
    if (status == S4D_OK) {
        status = s4d_image_size(out, b.height, b.width, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    return b.compression == RLE8 || b.compression == RLE4 ? read_runs(&b, err) : read_rows(&b, err);
}
