/* The first directory of a TIFF file (TIFF 6.0 section 2): which kind of image it is of. */
#include "data/tiff.h"

#include <stdio.h>
#include <string.h>

typedef struct tiff {
    const s4d_input *in;
    bool big; /* byte order */
    s4d_status status;
    s4d_err *err;
    uint32_t bits, compression, photometric, format;
    bool raw, tiled;
} tiff;

static uint32_t number(const tiff *t, const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint32_t)at[i] << 8 * (t->big ? bytes - 1 - i : i);
    }
    return value;
}

static bool look(tiff *t, uint64_t at, uint8_t *to, size_t n)
{
    size_t got = 0;
    t->status = t->status == S4D_OK ? s4d_input_read(t->in, at, to, n, &got, t->err) : t->status;
    return t->status == S4D_OK && got == n;
}

/* The first number of an entry, which stands in it or, of several, where it says. */
static uint32_t first_number(tiff *t, const uint8_t entry[12])
{
    size_t size = number(t, entry + 2, 2) == 3 ? 2 : 4;
    uint8_t at[4];
    if (number(t, entry + 4, 4) * size <= 4) {
        return number(t, entry + 8, size);
    }
    return look(t, number(t, entry + 8, 4), at, size) ? number(t, at, size) : 0;
}

static void take_entry(tiff *t, const uint8_t entry[12])
{
    switch (number(t, entry, 2)) {
    case 254: t->raw = t->raw || (first_number(t, entry) & 1); break; /* NewSubfileType: a smaller copy of another image */
    case 258: t->bits = first_number(t, entry); break;
    case 259: t->compression = first_number(t, entry); break;
    case 262: t->photometric = first_number(t, entry); break;
    case 322: t->tiled = true; break;
    case 339: t->format = first_number(t, entry); break;
    case 50706: t->raw = true; break; /* DNGVersion */
    default: break;
    }
}

/* True for a TIFF file whose first directory is there. */
static bool read_directory(tiff *t)
{
    uint8_t head[12], entry[12];
    if (!look(t, 0, head, 10) || (memcmp(head, "II*\0", 4) != 0 && memcmp(head, "MM\0*", 4) != 0)) {
        return false;
    }
    t->big = head[0] == 'M';
    t->raw = memcmp(head + 8, "CR", 2) == 0;
    uint64_t at = number(t, head + 4, 4);
    if (!look(t, at, head, 2)) {
        return false;
    }
    at += 2;
    for (uint32_t left = number(t, head, 2); left > 0 && look(t, at, entry, sizeof entry); left--, at += sizeof entry) {
        take_entry(t, entry);
    }
    return t->status == S4D_OK;
}

/* What each kind is called; NULL: it is read. */
static const char *compression_name(uint32_t c, char number_text[32])
{
    static const struct {
        uint32_t code;
        const char *name;
    } names[] = {{6, "JPEG inside, old style"}, {7, "JPEG inside"}, {34712, "JPEG 2000 inside"}, {50000, "Zstandard"}, {50001, "WebP inside"},
                 {50002, "JPEG XL inside"}};
    static const uint32_t read[] = {0, 1, 2, 3, 4, 5, 8, 32773, 32946, 34925};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
        if (read[i] == c) {
            return NULL;
        }
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].code == c) {
            return names[i].name;
        }
    }
    snprintf(number_text, 32, "compression %u", c);
    return number_text;
}

static const char *kind_name(const tiff *t, char text[32])
{
    const char *compression = compression_name(t->compression, text);
    if (compression) {
        return compression;
    }
    if (t->photometric > 3 && t->photometric != 5) {
        return t->photometric == 6 ? "YCbCr" : t->photometric == 8 ? "CIE L*a*b*" : "of colours that are not grey, RGB, palette or CMYK";
    }
    if (t->format > 1) {
        return t->format == 3 ? "floating point" : "signed or complex samples";
    }
    if (t->bits != 1 && t->bits != 4 && t->bits != 8 && t->bits != 16) {
        snprintf(text, 32, "%u bits a sample", t->bits);
        return text;
    }
    return t->tiled ? "in tiles" : NULL;
}

s4d_status s4d_tiff_check(const s4d_input *in, s4d_err *err)
{
    char text[32];
    tiff t = {.in = in, .err = err, .bits = 1};
    const char *kind = read_directory(&t) ? kind_name(&t, text) : NULL;
    if (t.status == S4D_OK && t.raw) {
        return s4d_err_set(err, S4D_FAILED, "this is a camera's raw image (DNG, NEF, ARW, CR2, ...), which is not read; convert it to PNG "
                                            "or JPEG");
    }
    return kind ? s4d_err_set(err, S4D_FAILED, "this is a TIFF image of a kind that is not read (%s); convert it to PNG or JPEG", kind)
                : t.status;
}
