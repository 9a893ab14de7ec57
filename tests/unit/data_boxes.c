/* The boxes of MP4 files: a missing end, encryption, and tables that promise what no file of that size holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/boxes.h"
#include "s4d/base/str.h"

static void put(s4d_str *to, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        s4d_str_add_bytes(to, &(char){(char)(value >> 8 * i)}, 1);
    }
}

/* A box around what `inside` holds, which is released. */
static s4d_str box(const char *type, s4d_str inside)
{
    s4d_str out = {0};
    put(&out, 8 + inside.size, 4);
    s4d_str_add_bytes(&out, type, 4);
    s4d_str_add_bytes(&out, inside.text, inside.size);
    s4d_str_release(&inside);
    return out;
}

/* n numbers of four bytes behind a version and flags. */
static s4d_str table(const char *type, int n, const uint32_t *value)
{
    s4d_str inside = {0};
    put(&inside, 0, 4);
    for (int i = 0; i < n; i++) {
        put(&inside, value[i], 4);
    }
    return box(type, inside);
}

static s4d_str in_track(s4d_str inside)
{
    return box("moov", box("trak", box("mdia", box("minf", box("stbl", inside)))));
}

static s4d_str whole(s4d_str moov)
{
    s4d_str file = {0};
    s4d_str_add_bytes(&file, "\0\0\0\x10" "ftypisomxxxx", 16);
    s4d_str_add_bytes(&file, moov.text, moov.size);
    s4d_str_release(&moov);
    return file;
}

static s4d_status look(const void *bytes, size_t n, bool *cut, s4d_err *err)
{
    uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees a byte too far */
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    s4d_input in = {.bytes = copy, .size = n};
    s4d_status status = s4d_boxes_look(&in, cut, err);
    free(copy);
    return status;
}

static void refused(s4d_str file, const char *words)
{
    bool cut;
    s4d_err err = {0};
    if (look(file.text, file.size, &cut, &err) != S4D_FAILED || !strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
    s4d_str_release(&file);
}

static void taken(s4d_str file)
{
    bool cut = true;
    s4d_err err = {0};
    if (look(file.text, file.size, &cut, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_false(cut);
    s4d_str_release(&file);
}

static void test_a_missing_end(void **state)
{
    (void)state;
    static const char file[] = "\0\0\0\x10"
                               "ftypisomxxxx"
                               "\0\0\0\x01moof\0\0\0\0\0\0\0\x14yyyy"
                               "\0\0\0\x12mdat0123456789";
    size_t n = sizeof file - 1;
    bool cut;
    assert_int_equal(n, 16 + 20 + 18);
    for (size_t k = 1; k <= n; k++) {
        /* A piece of fewer than 16 bytes is not looked at: it may be a short box. */
        bool told = (k >= 16 + 16 && k < 16 + 20) || (k >= 36 + 16 && k < n);
        assert_int_equal(look(file, k, &cut, NULL), S4D_OK);
        assert_int_equal(cut, told);
    }
    assert_int_equal(look("\0\0\0\x10" "ftypisomxxxx\0\0\0\0mdat00000000", 32, &cut, NULL), S4D_OK); /* up to the end */
    assert_false(cut);
    assert_int_equal(look("\xFF\xFF\xFF\xFFnonsense of 16 bytes", 24, &cut, NULL), S4D_OK);
    assert_false(cut);
}

/* 70,000 samples are beyond what any file of a kilobyte may promise; 60,000 are not. */
static void test_tables_hold_what_a_file_can(void **state)
{
    (void)state;
    enum { GOOD = 60000, BAD = 1 << 17 };
    static const char *const sized[] = {"stsz", "stz2"}, *const summed[] = {"stts", "ctts"}, *const places[] = {"stco", "co64"};
    for (int bad = 0; bad < 2; bad++) {
        uint32_t n = bad ? BAD : GOOD;
        void (*check)(s4d_str) = taken;
        for (int i = 0; i < 2; i++) {
            s4d_str file[] = {
                whole(in_track(table(sized[i], 2, (uint32_t[]){1, n}))),
                whole(in_track(table(summed[i], 5, (uint32_t[]){2, n / 2, 1, n / 2, 1}))),
                whole(in_track(table(places[i], 1, (uint32_t[]){n}))),
            };
            for (int k = 0; k < 3; k++) {
                bad ? refused(file[k], "samples, more than a file of") : check(file[k]);
            }
        }
        s4d_str chunks = table("stsc", 7, (uint32_t[]){2, 1, n / 10, 1, 11, 1, 1}), last = table("stsc", 4, (uint32_t[]){1, 1, n, 1});
        s4d_str place = table("stco", 1, (uint32_t[]){1});
        s4d_str_add_bytes(&last, place.text, place.size);
        s4d_str_release(&place);
        bad ? refused(whole(in_track(chunks)), "more than a file") : check(whole(in_track(chunks)));
        bad ? refused(whole(in_track(last)), "more than a file") : check(whole(in_track(last)));
        s4d_str first = table("trun", 1, (uint32_t[]){n / 2}), second = table("trun", 1, (uint32_t[]){n / 2});
        s4d_str_add_bytes(&first, second.text, second.size);
        s4d_str_release(&second);
        s4d_str runs = box("moof", box("traf", first));
        bad ? refused(whole(runs), "more than a file") : check(whole(runs));
    }
    /* Numbers whose sums and products pass 64 bits. */
    refused(whole(in_track(table("stsc", 7, (uint32_t[]){2, 1, UINT32_MAX, 1, UINT32_MAX, UINT32_MAX, 1}))), "more than a file");
    refused(whole(in_track(table("stsz", 2, (uint32_t[]){1, UINT32_MAX}))), "4294967295 samples");
}

/* A count that stands anywhere FFmpeg would look for it counts. */
static void test_hidden_tables(void **state)
{
    (void)state;
    const uint32_t many[] = {1, 1 << 30};
    static const char *const outer[] = {"udta", "meta", "edts", "dinf", "mvex"};
    for (int i = 0; i < 5; i++) {
        refused(whole(box("moov", box("trak", box(outer[i], table("stsz", 2, many))))), "more than a file");
    }
    s4d_str hidden = table("mvhd", 1, many), track = box("trak", table("stsz", 2, many)), meta = {0};
    s4d_str_add_bytes(&hidden, track.text, track.size);
    s4d_str_release(&track);
    refused(whole(box("free", hidden)), "more than a file"); /* a moov in a free box */
    put(&meta, 0, 4);
    s4d_str inner = table("stsz", 2, many);
    s4d_str_add_bytes(&meta, inner.text, inner.size);
    s4d_str_release(&inner);
    refused(whole(box("moov", box("trak", box("meta", meta)))), "more than a file");
    taken(whole(box("free", table("stsz", 2, many)))); /* free space is free */
    s4d_str deep = table("stsz", 2, many);
    for (int i = 0; i < 1000; i++) { /* deeper than anyone looks */
        deep = box("udta", deep);
    }
    taken(whole(deep));
}

static void test_edits(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        s4d_str edits = box("edts", table("elst", 1, (uint32_t[]){k ? 4000 : 16})), track = {0};
        s4d_str size = table("stsz", 2, (uint32_t[]){1, 60000});
        s4d_str_add_bytes(&track, edits.text, edits.size);
        s4d_str_add_bytes(&track, size.text, size.size);
        s4d_str_release(&edits);
        s4d_str_release(&size);
        s4d_str file = whole(box("moov", box("trak", track)));
        k ? refused(file, "4000 edits of 60000 samples") : taken(file);
    }
}

static void test_encrypted(void **state)
{
    (void)state;
    static const char *const scheme[] = {"cenc", "cbcs"};
    for (int i = 0; i < 2; i++) {
        s4d_str frma = {0}, schm = {0}, entry = {0}, all = {0};
        s4d_str_add(&frma, "avc1");
        put(&schm, 0, 4);
        s4d_str_add(&schm, scheme[i]);
        put(&schm, 0x10000, 4);
        s4d_str inner = box("frma", frma), kind = box("schm", schm);
        s4d_str_add_bytes(&inner, kind.text, kind.size);
        s4d_str_release(&kind);
        s4d_str sinf = box("sinf", inner);
        for (int k = 0; k < 78; k++) {
            put(&entry, 0, 1);
        }
        s4d_str_add_bytes(&entry, sinf.text, sinf.size);
        s4d_str_release(&sinf);
        put(&all, 0, 4);
        put(&all, 1, 4);
        s4d_str encv = box("encv", entry);
        s4d_str_add_bytes(&all, encv.text, encv.size);
        s4d_str_release(&encv);
        char words[32];
        snprintf(words, sizeof words, "encrypted (%s)", scheme[i]);
        refused(whole(in_track(box("stsd", all))), words);
    }
    s4d_str plain = {0}, nothing = {0};
    put(&plain, 0, 4);
    put(&plain, 1, 4);
    s4d_str entry = box("avc1", nothing);
    s4d_str_add_bytes(&plain, entry.text, entry.size);
    s4d_str_release(&entry);
    taken(whole(in_track(box("stsd", plain))));
    refused(whole(box("moov", box("cmov", nothing))), "its header is compressed");
}

/* Any byte, anywhere, of a file with all tables: an answer each time. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char *const type[] = {"stsz", "stts", "stsc", "stco", "elst", "trun", "stsd", "meta"};
    s4d_str all = {0};
    for (int i = 0; i < 8; i++) {
        s4d_str one = table(type[i], 7, (uint32_t[]){1, 2, 3, 4, 5, 6, 7});
        s4d_str_add_bytes(&all, one.text, one.size);
        s4d_str_release(&one);
    }
    s4d_str file = whole(in_track(all));
    for (size_t i = 0; i < file.size; i++) {
        static const char value[] = {0x00, 0x01, 0x07, 0x7F, (char)0xFF};
        for (size_t k = 0; k < sizeof value; k++) {
            bool cut;
            s4d_err err = {0};
            char kept = file.text[i];
            file.text[i] = value[k];
            s4d_status status = look(file.text, file.size, &cut, &err);
            assert_true((status == S4D_OK) == (err.text[0] == '\0'));
            file.text[i] = kept;
        }
    }
    s4d_str_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_missing_end), cmocka_unit_test(test_tables_hold_what_a_file_can),
        cmocka_unit_test(test_hidden_tables), cmocka_unit_test(test_edits),
        cmocka_unit_test(test_encrypted),     cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
