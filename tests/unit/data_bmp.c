/* BMP files of every kind, made here byte by byte: the pixels that are in them, or what kind it is that is not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/image_private.h"

enum { H = 5, W = 7 };

static void put(s4d_str *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        s4d_str_add_bytes(to, &(char){(char)(value >> 8 * i)}, 1);
    }
}

typedef struct kind {
    unsigned head, bits, compression;
    uint32_t mask[3]; /* of 16 and 32 bits */
    bool top_down;
} kind;

static void pixel_at(int y, int x, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(y * 61 + x * 7);
    rgb[1] = (uint8_t)(255 - y * 40 - x * 3);
    rgb[2] = (uint8_t)(x * 41 + y);
}

static unsigned bits_of(uint32_t mask)
{
    return (unsigned)__builtin_popcount(mask);
}

/* Both headers, masks, `colours` (those of a palette) and what follows. */
static s4d_str make(kind k, const s4d_str *colours, const s4d_str *pixels)
{
    s4d_str f = {0};
    bool core = k.head == 12, behind = k.compression == 3 && k.head == 40;
    size_t palette = colours ? colours->size : 0, at = 14 + k.head + (behind ? 12 : 0) + palette;
    s4d_str_add(&f, "BM");
    put(&f, at + pixels->size, 4);
    put(&f, 0, 4);
    put(&f, at, 4);
    put(&f, k.head, 4);
    put(&f, W, core ? 2 : 4);
    put(&f, k.top_down ? (uint32_t)-H : (uint32_t)H, core ? 2 : 4);
    put(&f, 1, 2);
    put(&f, k.bits, 2);
    if (!core) {
        put(&f, k.compression, 4);
        put(&f, pixels->size, 4);
        put(&f, 0, 8);
        put(&f, colours && k.bits < 8 ? palette / 4 : 0, 4);
        put(&f, 0, 4);
        for (int c = 0; c < 3 && (behind || k.head >= 52); c++) {
            put(&f, k.mask[c], 4);
        }
        while (f.size < 14 + k.head + (behind ? 12 : 0)) {
            put(&f, 0, 1);
        }
    }
    if (colours) {
        s4d_str_add_bytes(&f, colours->text, colours->size);
    }
    s4d_str_add_bytes(&f, pixels->text, pixels->size);
    return f;
}

static s4d_status decode(const s4d_str *f, size_t n, s4d_image *out, s4d_err *err)
{
    uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees a byte too far */
    assert_non_null(copy);
    memcpy(copy, f->text, n);
    s4d_status status = s4d_image_decode_bmp(copy, n, out, err);
    free(copy);
    return status;
}

/* The file has these pixels, and no shorter one has any. */
static void holds(s4d_str f, const uint8_t *rgb)
{
    s4d_image image = {0};
    s4d_err err = {0};
    if (decode(&f, f.size, &image, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(image.height == H && image.width == W);
    assert_memory_equal(image.rgb, rgb, H * W * 3);
    for (size_t n = 2; n < f.size; n++) {
        assert_int_equal(decode(&f, n, &image, &err), S4D_FAILED);
        assert_non_null(strstr(err.text, "the BMP file is damaged ("));
    }
    s4d_image_release(&image);
    s4d_str_release(&f);
}

static uint32_t encode(const kind *k, const uint8_t rgb[3])
{
    uint32_t v = 0;
    for (int c = 0; c < 3; c++) {
        unsigned n = bits_of(k->mask[c]);
        uint32_t sample = n <= 8 ? (uint32_t)rgb[c] >> (8 - n) : (uint32_t)rgb[c] << (n - 8);
        v |= k->mask[c] ? sample << __builtin_ctz(k->mask[c]) : 0;
    }
    return v;
}

static uint8_t decoded(uint32_t mask, uint8_t v)
{
    unsigned n = bits_of(mask);
    return n == 0 ? 0 : n >= 8 ? v : (uint8_t)((v >> (8 - n)) * 255 / ((1 << n) - 1));
}

static void test_masks(void **state)
{
    (void)state;
    static const kind kinds[] = {
        {40, 16, 3, {0xF800, 0x7E0, 0x1F}, false},         {52, 16, 3, {0xF800, 0x7E0, 0x1F}, false},
        {56, 16, 3, {0xF800, 0x7E0, 0x1F}, false},         {108, 16, 3, {0xF800, 0x7E0, 0x1F}, false},
        {124, 16, 3, {0xF800, 0x7E0, 0x1F}, false},        {40, 16, 3, {0xF800, 0x7E0, 0x1F}, true},
        {40, 16, 0, {0x7C00, 0x3E0, 0x1F}, false},         {40, 16, 3, {0x7C00, 0x3E0, 0x1F}, false},
        {108, 16, 3, {0xF00, 0xF0, 0xF}, false},           {40, 16, 3, {0xE0, 0x1C, 0x3}, false},
        {40, 16, 3, {0xFF00, 0xFF, 0}, false},             {40, 32, 0, {0xFF0000, 0xFF00, 0xFF}, false},
        {124, 32, 3, {0xFF, 0xFF00, 0xFF0000}, true},      {40, 32, 3, {0xFF000000, 0xFF0000, 0xFF00}, false},
        {40, 32, 3, {0x3FF00000, 0xFFC00, 0x3FF}, false},  {12, 24, 0, {0xFF0000, 0xFF00, 0xFF}, false},
        {16, 24, 0, {0xFF0000, 0xFF00, 0xFF}, false},      {40, 24, 0, {0xFF0000, 0xFF00, 0xFF}, false},
        {64, 24, 0, {0xFF0000, 0xFF00, 0xFF}, false},      {124, 24, 0, {0xFF0000, 0xFF00, 0xFF}, true},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        uint8_t want[H * W * 3], rgb[3];
        s4d_str pixels = {0};
        for (int row = 0; row < H; row++) {
            int y = k->top_down ? row : H - 1 - row;
            for (int x = 0; x < W; x++) {
                pixel_at(y, x, rgb);
                put(&pixels, encode(k, rgb), (int)k->bits / 8);
                for (int c = 0; c < 3; c++) {
                    want[(y * W + x) * 3 + c] = decoded(k->mask[c], rgb[c]);
                }
            }
            while (pixels.size % 4 != 0) {
                put(&pixels, 0xEE, 1);
            }
        }
        s4d_str f = make(*k, NULL, &pixels);
        if (k->head == 16) { /* it ends before the compression */
            memmove(f.text + 30, f.text + 54, f.size - 54);
            f.size -= 24;
        }
        holds(f, want);
        s4d_str_release(&pixels);
    }
}

static s4d_str palette(int n, int each)
{
    s4d_str colours = {0};
    for (int i = 0; i < n; i++) {
        put(&colours, (uint64_t)(i * 3 + 2) << 16 | (uint64_t)(255 - i) << 8 | (uint64_t)(i * 5 & 255), each);
    }
    return colours;
}

static void colour_of(int i, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(i * 3 + 2);
    rgb[1] = (uint8_t)(255 - i);
    rgb[2] = (uint8_t)(i * 5);
}

static void test_palettes(void **state)
{
    (void)state;
    for (unsigned bits = 1; bits <= 8; bits *= 2) {
        for (int core = 0; core < 2; core++) {
            int n = bits == 8 && !core ? 256 : 1 << bits;
            s4d_str colours = palette(n, core ? 3 : 4), pixels = {0};
            uint8_t want[H * W * 3];
            for (int y = H - 1; y >= 0; y--) {
                uint8_t row[8] = {0};
                for (int x = 0; x < W; x++) {
                    unsigned index = (unsigned)(y * 5 + x * 3) % (unsigned)n, at = (unsigned)x * bits;
                    row[at / 8] |= (uint8_t)(index << (8 - bits - at % 8));
                    colour_of((int)index, want + (y * W + x) * 3);
                }
                s4d_str_add_bytes(&pixels, row, ((unsigned)W * bits + 31) / 32 * 4);
            }
            holds(make((kind){.head = core ? 12 : 40, .bits = bits}, &colours, &pixels), want);
            s4d_str_release(&colours);
            s4d_str_release(&pixels);
        }
    }
}

/* A palette of two colours where four bits could name sixteen: the others are black. */
static void test_colours_that_are_not_there(void **state)
{
    (void)state;
    s4d_str colours = palette(2, 4), pixels = {0};
    uint8_t want[H * W * 3] = {0};
    for (int y = 0; y < H; y++) {
        put(&pixels, 0x32103210, 4);
        for (int x = 0; x < 7; x++) {
            int index = "\1\0\3\2\1\0\3"[x];
            if (index < 2) {
                colour_of(index, want + (y * W + x) * 3);
            }
        }
    }
    holds(make((kind){.head = 40, .bits = 4}, &colours, &pixels), want);
    s4d_str_release(&colours);
    s4d_str_release(&pixels);
}

static void runs(unsigned bits, const char *bytes, size_t n, const char *index)
{
    s4d_str colours = palette(16, 4), pixels = {0};
    uint8_t want[H * W * 3];
    if (bits == 8) { /* as many as eight bits name */
        s4d_str_release(&colours);
        colours = palette(256, 4);
    }
    for (int i = 0; i < H * W; i++) {
        int y = H - 1 - i / W;
        colour_of(index[i] - 'a', want + (y * W + i % W) * 3);
    }
    s4d_str_add_bytes(&pixels, bytes, n);
    holds(make((kind){.head = 40, .bits = bits, .compression = bits == 8 ? 1 : 2}, &colours, &pixels), want);
    s4d_str_release(&colours);
    s4d_str_release(&pixels);
}

static void test_run_lengths(void **state)
{
    (void)state;
    /* Runs; indices as they are, filled up to two bytes; a step; a row and a picture that end before their time. */
    static const char eight[] = "\7\1\0\0" "\0\3\1\2\3\0\4\4\0\0" "\0\2\2\1\3\5\0\0" "\2\6\0\1";
    runs(8, eight, sizeof eight - 1, "bbbbbbb" "bcdeeee" "aaaaaaa" "aafffaa" "ggaaaaa");
    static const char four[] = "\7\x12\0\0" "\0\5\x12\x34\x50\0\2\x66\0\0" "\0\2\1\1\3\x78\0\0" "\0\1";
    runs(4, four, sizeof four - 1, "bcbcbcb" "bcdefgg" "aaaaaaa" "ahihaaa" "aaaaaaa");
    /* Runs beyond the last column are cut. */
    static const char wide[] = "\xFF\1\0\0" "\xFF\2\0\0" "\xFF\3\0\0" "\xFF\4\0\0" "\3\5\0\1";
    runs(8, wide, sizeof wide - 1, "bbbbbbb" "ccccccc" "ddddddd" "eeeeeee" "fffaaaa");
}

static void refused(kind k, const char *words)
{
    s4d_str pixels = {0};
    s4d_image image = {0};
    s4d_err err = {0};
    for (int i = 0; i < H * W * 8; i++) {
        put(&pixels, 0, 1);
    }
    s4d_str f = make(k, NULL, &pixels);
    assert_int_equal(decode(&f, f.size, &image, &err), S4D_FAILED);
    if (!strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
    s4d_image_release(&image);
    s4d_str_release(&f);
    s4d_str_release(&pixels);
}

static void test_what_is_not_read_is_named(void **state)
{
    (void)state;
    refused((kind){.head = 40, .bits = 0, .compression = 4}, "of a kind that is not read (a JPEG file inside, for printers); convert it");
    refused((kind){.head = 40, .bits = 0, .compression = 5}, "(a PNG file inside, for printers)");
    refused((kind){.head = 40, .bits = 64}, "(64 bits a pixel)");
    refused((kind){.head = 64, .bits = 1, .compression = 3}, "(OS/2, Huffman 1D)");
    refused((kind){.head = 64, .bits = 24, .compression = 4}, "(OS/2, RLE24)");
    refused((kind){.head = 108, .bits = 32, .compression = 11}, "(four inks or another compression)");
    refused((kind){.head = 40, .bits = 16, .compression = 3, .mask = {0xF00F, 0xF0, 0}}, "(masks with holes)");
    refused((kind){.head = 40, .bits = 5}, "is damaged (its bits a pixel are none that there are)");
    refused((kind){.head = 40, .bits = 4, .compression = 1}, "is damaged (RLE8 without 8 bits a pixel)");
    refused((kind){.head = 40, .bits = 24, .compression = 3}, "is damaged (masks without 16 or 32 bits a pixel)");
    refused((kind){.head = 2000, .bits = 24}, "is damaged (its header has no length that there is)");
}

/* Steps and runs at the edges, and sizes that are none. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char pixels_of[] = "\7\1\0\2\xFF\0\0\2\xFF\1\0\5\1\2\3\4\5\0\0\2\0\xFF\0\1";
    s4d_str colours = palette(256, 4), pixels = {0};
    s4d_image image = {0};
    s4d_str_add_bytes(&pixels, pixels_of, sizeof pixels_of - 1);
    s4d_str f = make((kind){.head = 40, .bits = 8, .compression = 1}, &colours, &pixels);
    for (size_t i = 0; i < f.size; i++) {
        static const char value[] = {0x00, 0x01, 0x0C, 0x7F, (char)0xFF};
        for (size_t k = 0; k < sizeof value && !(i >= 18 && i < 26); k++) { /* not the size: gigabytes would be made */
            char kept = f.text[i];
            s4d_err err = {0};
            f.text[i] = value[k];
            assert_true((decode(&f, f.size, &image, &err) == S4D_OK) == (err.text[0] == '\0'));
            f.text[i] = kept;
        }
    }
    s4d_image_release(&image);
    s4d_str_release(&f);
    s4d_str_release(&colours);
    s4d_str_release(&pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks),       cmocka_unit_test(test_palettes),
        cmocka_unit_test(test_run_lengths), cmocka_unit_test(test_colours_that_are_not_there),
        cmocka_unit_test(test_any_bytes),   cmocka_unit_test(test_what_is_not_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
