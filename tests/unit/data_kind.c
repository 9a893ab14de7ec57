/* Files that are sound and not read: each is called what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/image_private.h"
#include "data/kind.h"

static s4d_status check(const void *bytes, size_t n, s4d_err *err)
{
    uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees a byte too far */
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    s4d_input in = {.bytes = copy, .size = n};
    s4d_status status = s4d_kind_check(&in, err);
    free(copy);
    return status;
}

static void called(const void *bytes, size_t n, const char *words)
{
    s4d_err err = {0};
    if (check(bytes, n, &err) != S4D_FAILED || !strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
}

static void passed(const void *bytes, size_t n)
{
    s4d_err err = {0};
    if (check(bytes, n, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
}

#define BYTES(text) text, sizeof text - 1

static void test_first_bytes(void **state)
{
    (void)state;
    called(BYTES("\0\0\0\x1C" "ftypavif\0\0\0\0avifmif1"), "this is an AVIF image, which is not read; convert it to PNG or JPEG");
    called(BYTES("\0\0\0\x1C" "ftypheic\0\0\0\0mif1heic"), "an HEIC image");
    called(BYTES("\0\0\0\x1C" "ftypmif1\0\0\0\0mif1heic"), "an HEIF image");
    called(BYTES("\0\0\0\x0CJXL \r\n\x87\n"), "a JPEG XL image");
    called(BYTES("\xFF\x0A\xFA\x7F"), "a JPEG XL image");
    called(BYTES("\0\0\0\x0CjP  \r\n\x87\n"), "a JPEG 2000 image");
    called(BYTES("\xFF\x4F\xFF\x51\0\x2F"), "a JPEG 2000 image");
    called(BYTES("\xFF\xD8\xFF\xF7\0\x0B"), "a JPEG-LS image");
    called(BYTES("8BPS\0\1"), "a Photoshop document (PSD)");
    called(BYTES("FUJIFILMCCD-RAW 0201"), "a camera's raw image (RAF)");
    called(BYTES("%PDF-1.7\n"), "a PDF document");
    called(BYTES("PK\3\4\x14\0"), "a zip archive, or an office document, which is one, which is not read; unpack it");
    called(BYTES("\x1F\x8B\x08\0"), "compressed with gzip");
    called(BYTES("ID3\4\0\0"), "a sound file (MP3), which is not read; it has sound and no frames");
    called(BYTES("RIFF\x24\0\0\0WAVEfmt "), "a sound file (WAV)");
    called(BYTES("RIFF\x24\0\0\0WEBPVP8X\x0A\0\0\0\x02\0\0\0"), "an animated WebP image");
    called(BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:"), "a Git LFS pointer");
    passed(BYTES("RIFF\x24\0\0\0WEBPVP8X\x0A\0\0\0\x10\0\0\0"));
    passed(BYTES("\0\0\0\x1C" "ftypisom\0\0\0\0isomavc1"));
    passed(BYTES("GIF89a"));
    passed("", 0);
    uint8_t tar[512] = {'a'}, dicom[140] = {0}, targa[64] = {0};
    memcpy(tar + 257, "ustar", 5);
    memcpy(dicom + 128, "DICM", 4);
    memcpy(targa + sizeof targa - 18, "TRUEVISION-XFILE.", 18);
    called(tar, sizeof tar, "a tar archive");
    called(dicom, sizeof dicom, "a DICOM image");
    called(targa, sizeof targa, "a Targa image");
}

static void test_texts(void **state)
{
    (void)state;
    called(BYTES("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), "an SVG drawing");
    called(BYTES("\xEF\xBB\xBF\n <?xml version=\"1.0\"?>\n<!-- x -->\n<svg>"), "an SVG drawing");
    called(BYTES("<!DOCTYPE html><html>"), "a web page, as a failed download leaves it, which is not read; download the file again");
    called(BYTES("\n<HTML><body>404"), "a web page");
    called(BYTES("<?xml version=\"1.0\"?><a/>"), "an XML document");
    passed(BYTES("path,label\na.png,anger\n"));
    passed(BYTES("<svg\0>"));
}

/* ---- TIFF ---- */

static void number(s4d_str *to, uint64_t value, int bytes, bool big)
{
    for (int i = 0; i < bytes; i++) {
        s4d_str_add_bytes(to, &(char){(char)(value >> 8 * (big ? bytes - 1 - i : i))}, 1);
    }
}

/* A directory of short numbers; samples of three values stand behind it. */
static s4d_str tiff(bool big, int n, const uint16_t pair[][2])
{
    s4d_str f = {0};
    s4d_str_add_bytes(&f, big ? "MM\0*" : "II*\0", 4);
    number(&f, 10, 4, big);
    number(&f, 0, 2, big);
    number(&f, (uint64_t)n, 2, big);
    for (int i = 0; i < n; i++) {
        bool three = pair[i][0] == 258;
        number(&f, pair[i][0], 2, big);
        number(&f, 3, 2, big);
        number(&f, three ? 3 : 1, 4, big);
        number(&f, three ? (uint64_t)(12 + 12 * n + 4) : pair[i][1], three ? 4 : 2, big);
        number(&f, 0, three ? 0 : 2, big);
    }
    number(&f, 0, 4, big);
    for (int i = 0; i < n; i++) {
        number(&f, pair[i][1], pair[i][0] == 258 ? 6 : 0, big);
        if (pair[i][0] == 258) {
            for (size_t k = 0; k < 3; k++) {
                memcpy(f.text + f.size - 6 + 2 * k, big ? (char[2]){0, (char)pair[i][1]} : (char[2]){(char)pair[i][1], 0}, 2);
            }
        }
    }
    return f;
}

static void test_tiff(void **state)
{
    (void)state;
    static const struct {
        uint16_t pair[4][2];
        const char *words; /* NULL: read */
    } c[] = {
        {{{258, 8}, {259, 1}, {262, 2}}, NULL},
        {{{258, 16}, {259, 5}, {262, 1}}, NULL},
        {{{258, 4}, {259, 32773}, {262, 3}}, NULL},
        {{{258, 8}, {259, 8}, {262, 5}, {339, 1}}, NULL},
        {{{258, 8}, {259, 7}, {262, 6}}, "a TIFF image of a kind that is not read (JPEG inside)"},
        {{{258, 8}, {259, 1}, {262, 6}}, "(YCbCr)"},
        {{{258, 8}, {259, 1}, {262, 8}}, "(CIE L*a*b*)"},
        {{{258, 32}, {259, 1}, {262, 1}, {339, 3}}, "(floating point)"},
        {{{258, 8}, {259, 1}, {262, 1}, {339, 2}}, "(signed or complex samples)"},
        {{{258, 12}, {259, 1}, {262, 1}}, "(12 bits a sample)"},
        {{{258, 8}, {259, 50000}, {262, 1}}, "(Zstandard)"},
        {{{258, 8}, {259, 1234}, {262, 1}}, "(compression 1234)"},
        {{{258, 8}, {259, 1}, {262, 2}, {322, 64}}, "(in tiles)"},
        {{{254, 1}, {258, 8}, {259, 1}, {262, 2}}, "a camera's raw image"},
        {{{258, 8}, {259, 1}, {262, 2}, {50706, 1}}, "a camera's raw image"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        for (int big = 0; big < 2; big++) {
            s4d_str f = tiff(big, c[i].pair[3][0] ? 4 : 3, c[i].pair);
            if (c[i].words) {
                called(f.text, f.size, c[i].words);
            } else {
                passed(f.text, f.size);
            }
            for (size_t n = 0; n < f.size; n++) { /* cut anywhere: an answer */
                check(f.text, n, NULL);
            }
            s4d_str_release(&f);
        }
    }
    called(BYTES("II+\0\x08\0\0\0"), "a BigTIFF image");
}

/* ---- encrypted ---- */

static void test_encrypted(void **state)
{
    (void)state;
    uint8_t ts[4 * 192] = {0};
    for (size_t front = 0; front <= 4; front += 4) {
        for (int scrambled = 0; scrambled < 2; scrambled++) {
            size_t size = 188 + front;
            memset(ts, 0, sizeof ts);
            for (size_t i = 0; i < 4; i++) {
                ts[i * size + front] = 0x47;
                ts[i * size + front + 3] = (uint8_t)(0x10 | (scrambled && i > 0 ? 0xC0 : 0));
            }
            scrambled ? called(ts, 4 * size, "its video is encrypted (scrambled MPEG-TS), and s4d has no key; decrypt it") : passed(ts, 4 * size);
        }
    }
    called(BYTES("\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\0\xAA\0\x62\xCE\x6C...."
                 "\xFB\xB3\x11\x22\x23\xBD\xD2\x11\xB4\xB7\0\xA0\xC9\x55\xFC\x6E"), "encrypted (ASF with DRM)");
    passed(BYTES("\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\0\xAA\0\x62\xCE\x6C...."));
    static const char flv[] = "FLV\1\1\0\0\0\x09\0\0\0\0" "\x12\0\0\1\0\0\0\0\0\0\0x\0\0\0\x0C" "\x29\0\0\1\0\0\0\0\0\0\0x\0\0\0\x0C";
    char clear[sizeof flv];
    memcpy(clear, flv, sizeof flv);
    clear[13 + 16] = 9;
    called(flv, sizeof flv - 1, "encrypted (FLV with DRM)");
    passed(clear, sizeof flv - 1);
}

/* ---- JPEG ---- */

/* A frame header of 16 x 16 grey samples, and as many scans as asked for that hold nothing. */
static s4d_str jpeg(int marker, int bits, int scans, int side)
{
    s4d_str f = {0};
    s4d_str_add_bytes(&f, "\xFF\xD8\xFF\xE1\0\x0A\xFF\xDA\xFF\xDA\xFF\xDA\0\0", 14); /* no scans: within a segment */
    s4d_str_add_bytes(&f, "\xFF", 1);
    number(&f, (uint64_t)marker, 1, true);
    number(&f, 11, 2, true);
    number(&f, (uint64_t)bits, 1, true);
    number(&f, (uint64_t)side, 2, true);
    number(&f, (uint64_t)side, 2, true);
    s4d_str_add_bytes(&f, "\1\1\x11\0", 4);
    for (int i = 0; i < scans; i++) {
        s4d_str_add_bytes(&f, "\xFF\xDA\0\x08\1\1\0\0\0\0\x55\xFF\0\xFF\xD0\x55", 16);
    }
    s4d_str_add_bytes(&f, "\xFF\xD9\xFF\xDA\0\2", 6);
    return f;
}

static void jpeg_called(int marker, int bits, int scans, int side, const char *words)
{
    s4d_image image = {0};
    s4d_err err = {0};
    s4d_str f = jpeg(marker, bits, scans, side);
    assert_int_equal(s4d_image_decode_jpeg((const uint8_t *)f.text, f.size, &image, &err), S4D_FAILED);
    if (!strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
    for (size_t n = 3; n < f.size && n < 100; n++) {
        s4d_image_decode_jpeg((const uint8_t *)f.text, n, &image, NULL);
    }
    s4d_image_release(&image);
    s4d_str_release(&f);
}

static void test_jpeg(void **state)
{
    (void)state;
    jpeg_called(0xC3, 8, 1, 16, "a JPEG image of a kind that is not read (lossless); convert it");
    jpeg_called(0xCB, 16, 1, 16, "(lossless)");
    jpeg_called(0xC5, 8, 1, 16, "(hierarchical)");
    jpeg_called(0xCE, 8, 1, 16, "(hierarchical)");
    jpeg_called(0xC1, 12, 1, 16, "(12 bits a sample)");
    jpeg_called(0xC2, 12, 1, 16, "(12 bits a sample)");
    jpeg_called(0xC2, 8, 480, 16384, "480 scans of 16384 x 16384 pixels are out of all proportion");
    jpeg_called(0xC0, 8, 3, 16, "the JPEG file is damaged (");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_bytes), cmocka_unit_test(test_texts), cmocka_unit_test(test_tiff),
        cmocka_unit_test(test_encrypted),   cmocka_unit_test(test_jpeg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
