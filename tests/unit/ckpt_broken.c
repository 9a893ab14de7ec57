/* Broken safetensors files: each is refused with one sentence that names the file and the remedy.
 * Also cuts and random damage. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CKPT_FILE "file.safetensors"
#include "ckpt_folder.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/base/rng.h"
#include "s4d/ckpt/safetensors.h"

#define DAMAGED "; the file is damaged or not a safetensors file, copy it again or write it anew"
#define T(name, dtype, shape, offsets)                                                             \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void put_file(uint64_t header_size, const char *header, size_t data_size)
{
    s4d_str text = {0};
    s4d_str_add_bytes(&text, &header_size, sizeof header_size);
    s4d_str_add(&text, header);
    for (size_t i = 0; i < data_size; i++) {
        s4d_str_add_bytes(&text, "\0", 1);
    }
    assert_int_equal(s4d_file_write(path, text.text, text.size, NULL), S4D_OK);
    s4d_str_release(&text);
}

static void assert_refused(const char *sentence)
{
    s4d_safetensors *st;
    s4d_err err = {0};
    assert_int_equal(s4d_safetensors_open(path, &st, &err), S4D_FAILED);
    assert_int_equal(err.status, S4D_FAILED);
    assert_null(st);
    size_t n = strlen(path);
    assert_memory_equal(err.text, path, n);
    assert_string_equal(err.text + n, sentence);
}

static void broken_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *sentence;
    } known[] = {
        {"", 0, ": in the header: line 1: expected a value, but there is only empty text" DAMAGED},
        {"[]", 0, ": its header is not a JSON object" DAMAGED},
        {"{\"a\":", 0, ": in the header: line 1: expected a value, but the text ends here" DAMAGED},
        {"{} {}", 0, ": in the header: line 1: expected the end of the text, got '{'" DAMAGED},
        {"{\"\xFF\":1}", 0,
         ": in the header: line 1: a string holds the byte 0xFF, which is not UTF-8; save the text "
         "as "
         "UTF-8" DAMAGED},
        {"{" T("a.b", "U8", "[1]", "[0,1]") "," T("a.b", "U8", "[1]", "[1,2]") "}", 2,
         ": in the header: a.b is given twice; remove one of the two" DAMAGED},
        {"{\"a\":1}", 0, ": tensor a is not described by dtype, shape and data_offsets" DAMAGED},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1,
         ": tensor a is not described by dtype, shape and data_offsets" DAMAGED},
        {"{\"a\":{\"Dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
         ": tensor a has no dtype" DAMAGED},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]}}", 1,
         ": tensor a has no shape" DAMAGED},
        {"{" T("a", "F4", "[3]", "[0,2]") "}", 2,
         ": tensor a has 2 bytes of data, and its shape and dtype need 2" DAMAGED},
        {"{" T("a", "U8", "[1,1,1,1,1,1,2]", "[0,1]") "}", 1,
         ": tensor a has 1 bytes of data, and its shape and dtype need 2" DAMAGED},
        {"{" T("a", "Q4", "[1]", "[0,2]") "}", 1,
         ": tensor a ends at byte 2 of the data, which are 1 bytes" DAMAGED},
        {"{" T("a", "U8", "[-1]", "[0,1]") "}", 1,
         ": tensor a has a dimension that is not a whole number from 0" DAMAGED},
        {"{" T("a", "U8", "[1.5]", "[0,1]") "}", 1,
         ": tensor a has a dimension that is not a whole number from 0" DAMAGED},
        {"{" T("a", "U8", "[\"1\"]", "[0,1]") "}", 1,
         ": tensor a has a dimension that is not a whole number from 0" DAMAGED},
        {"{" T("a", "U8", "[4294967296,4294967296]", "[0,1]") "}", 1,
         ": tensor a has a shape too large for any machine" DAMAGED},
        {"{" T("a", "F64", "[2147483648,2147483648]", "[0,1]") "}", 1,
         ": tensor a has a shape too large for any machine" DAMAGED},
        {"{" T("a", "F32", "[1000000000]", "[0,4000000000]") "}", 4,
         ": tensor a ends at byte 4000000000 of the data, which are 4 bytes" DAMAGED},
        {"{" T("a", "F32", "[2]", "[0,4]") "}", 4,
         ": tensor a has 4 bytes of data, and its shape and dtype need 8" DAMAGED},
        {"{" T("a", "F32", "[]", "[0,8]") "}", 8,
         ": tensor a has 8 bytes of data, and its shape and dtype need 4" DAMAGED},
        {"{" T("a", "U8", "[1]", "[1,0]") "}", 1,
         ": tensor a has no two rising data_offsets" DAMAGED},
        {"{" T("a", "U8", "[1]", "[0,1,2]") "}", 1,
         ": tensor a has no two rising data_offsets" DAMAGED},
        {"{" T("a", "U8", "[1]", "[-1,0]") "}", 1,
         ": tensor a has no two rising data_offsets" DAMAGED},
        {"{" T("a", "U8", "[1]", "[0,1e300]") "}", 1,
         ": tensor a has no two rising data_offsets" DAMAGED},
        {"{" T("b", "U8", "[3]", "[1,4]") "," T("a", "U8", "[2]", "[0,2]") "}", 4,
         ": tensor b overlaps tensor a" DAMAGED},
        {"{" T("a", "U8", "[2]", "[0,2]") "," T("b", "U8", "[2]", "[0,2]") "}", 2,
         ": tensor b overlaps tensor a" DAMAGED},
        {"{" T("a", "U8", "[1]", "[0,1]") "," T("b", "U8", "[1]", "[3,4]") "}", 4,
         ": 2 bytes before tensor b belong to no tensor" DAMAGED},
        {"{" T("a", "U8", "[1]", "[0,1]") "}", 4,
         ": 3 bytes at the end belong to no tensor" DAMAGED},
        {"{}", 1, ": 1 bytes at the end belong to no tensor" DAMAGED},
        {"{\"__metadata__\":[]}", 0, ": __metadata__ is not an object" DAMAGED},
        {"{\"__metadata__\":{\"k\":1}}", 0, ": __metadata__.k is not a string" DAMAGED},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        put_file(strlen(known[i].header), known[i].header, known[i].data);
        assert_refused(known[i].sentence);
    }
}

static void broken_sizes(void **state)
{
    (void)state;
    assert_int_equal(s4d_file_write(path, "", 0, NULL), S4D_OK);
    assert_refused(": has 0 bytes, too few for a header" DAMAGED);
    assert_int_equal(s4d_file_write(path, "\2\0\0\0\0\0\0", 7, NULL), S4D_OK);
    assert_refused(": has 7 bytes, too few for a header" DAMAGED);
    put_file(3, "{}", 0);
    assert_refused(": ends within its header (3 bytes needed, 2 there)" DAMAGED);
    put_file(UINT64_MAX, "{}", 0);
    assert_refused(
        ": gives its header 18446744073709551615 bytes, and at most 104857600 are read" DAMAGED);
    put_file(104857601, "{}", 0);
    assert_refused(": gives its header 104857601 bytes, and at most 104857600 are read" DAMAGED);
}

static void not_files(void **state)
{
    (void)state;
    s4d_safetensors *st;
    s4d_err err = {0};
    assert_int_equal(s4d_safetensors_open(root, &st, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "is a folder; name a safetensors file"));
    char none[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(none, root, "none", NULL), S4D_OK);
    assert_int_equal(s4d_safetensors_open(none, &st, &err), S4D_FAILED);
    assert_non_null(
        strstr(err.text, "none: cannot be opened: No such file or directory; check the path"));
}

/* Allowed though unusual: padding, empty tensors at any place, tensors in another order than the
 * data. */
static void unusual_files(void **state)
{
    (void)state;
    const char *header = "{" T("b", "U8", "[2]", "[1,3]") "," T("e", "F32", "[0,7]", "[1,1]") "," T(
        "f", "F32", "[3,0]", "[3,3]") "," T("a", "U8", "[]", "[0,1]") ","
                                                                      "\"__metadata__\":{}}  \n ";
    put_file(strlen(header), header, 3);
    s4d_safetensors *st;
    s4d_err err = {0};
    assert_int_equal(s4d_safetensors_open(path, &st, &err), S4D_OK);
    assert_int_equal(s4d_safetensors_count(st), 4);
    assert_string_equal(s4d_safetensors_at(st, 0)->name, "b");
    assert_int_equal(s4d_safetensors_at(st, 1)->count, 0);
    float none;
    assert_int_equal(s4d_safetensors_read_floats(st, s4d_safetensors_at(st, 1), &none, 0, &err),
                     S4D_OK);
    s4d_safetensors_close(&st);
}

/* A good file, for cutting and damaging. */
static s4d_bytes good_file(void)
{
    float f[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    int64_t l[3] = {1, 2, 3};
    s4d_safetensors_entry entry[] = {{"layer.weight", S4D_TENSOR(S4D_F32, f, 2, 4)},
                                     {"steps", S4D_TENSOR(S4D_I64, l, 3)}};
    s4d_safetensors_pair pair[] = {{"format", "s4d"}};
    s4d_safetensors_contents contents = {entry, 2, pair, 1};
    assert_int_equal(s4d_safetensors_write(path, &contents, NULL), S4D_OK);
    s4d_bytes b;
    assert_int_equal(s4d_file_read(path, 0, &b, NULL), S4D_OK);
    return b;
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    s4d_bytes b = good_file();
    for (size_t n = 0; n < b.size; n++) {
        assert_int_equal(s4d_file_write(path, b.data, n, NULL), S4D_OK);
        s4d_safetensors *st;
        s4d_err err = {0};
        assert_int_equal(s4d_safetensors_open(path, &st, &err), S4D_FAILED);
        assert_non_null(strstr(err.text, path));
    }
    s4d_bytes_release(&b);
}

/* Whatever still opens must be readable to the last byte; the sanitizers watch. */
static void damage_never_crashes(void **state)
{
    (void)state;
    s4d_bytes b = good_file();
    unsigned char *copy = s4d_mem_alloc(b.size, 1);
    s4d_rng rng = s4d_rng_make(11, S4D_RNG_TEST, 0, 0);
    int opened = 0, refused = 0;
    for (int i = 0; i < 1000; i++) {
        memcpy(copy, b.data, b.size);
        for (uint32_t k = s4d_rng_below(&rng, 3) + 1; k > 0; k--) {
            copy[s4d_rng_below(&rng, (uint32_t)b.size)] = (unsigned char)s4d_rng_u32(&rng);
        }
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(copy, 1, b.size, file), b.size);
        assert_int_equal(fclose(file), 0);
        s4d_safetensors *st;
        s4d_err err = {0};
        if (s4d_safetensors_open(path, &st, &err) != S4D_OK) {
            assert_non_null(strstr(err.text, path));
            refused++;
            continue;
        }
        opened++;
        size_t sum = 0, bytes = 0;
        for (size_t j = 0; j < s4d_safetensors_count(st); j++) {
            const s4d_safetensors_info *info = s4d_safetensors_at(st, j);
            bytes += info->bytes;
            unsigned char data[64];
            assert_true(info->bytes <= sizeof data);
            assert_int_equal(s4d_safetensors_read(st, info, data, &err), S4D_OK);
            for (size_t at = 0; at < info->bytes; at++) {
                sum += data[at];
            }
        }
        assert_int_equal(bytes, 8 * 4 + 3 * 8);
        assert_true(sum <= 255 * bytes);
        s4d_safetensors_close(&st);
    }
    assert_true(opened > 50 && refused > 50);
    s4d_mem_free(copy);
    s4d_bytes_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_headers),
        cmocka_unit_test(broken_sizes),
        cmocka_unit_test(not_files),
        cmocka_unit_test(unusual_files),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(damage_never_crashes),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
