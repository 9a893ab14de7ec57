/* Types of numbers in files: known bit patterns, at odd addresses. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "s4d/ckpt/element.h"

static float one(const char *type, uint64_t bits)
{
    unsigned char data[9];
    float value = 77;
    memcpy(data + 1, &bits, 8); /* little-endian, at an odd address */
    s4d_element_floats(s4d_element_named(type), data + 1, &value, 1);
    double wide = 77;
    s4d_element_doubles(s4d_element_named(type), data + 1, &wide, 1);
    assert_true((float)wide == value || (isnan(wide) && isnan(value)));
    return value;
}

static void real_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        uint64_t bits;
        float value;
    } known[] = {
        {"F32", 0x3F800001, 1.00000012f},
        {"F64", 0x3FB999999999999A, 0.1f},
        {"F16", 0x0000, 0},
        {"F16", 0x3C00, 1},
        {"F16", 0xC000, -2},
        {"F16", 0x7BFF, 65504},
        {"F16", 0x0400, 0x1p-14f},
        {"F16", 0x0001, 0x1p-24f},
        {"F16", 0x83FF, -1023 * 0x1p-24f},
        {"F16", 0x3555, 0.333251953125f},
        {"F16", 0x7C00, INFINITY},
        {"F16", 0xFC00, -INFINITY},
        {"BF16", 0x3F80, 1},
        {"BF16", 0xC000, -2},
        {"BF16", 0x7F80, INFINITY},
        {"BF16", 0x0001, 0x1p-133f},
        {"BF16", 0x4049, 3.140625f},
        /* the largest, the least normal, the least, one */
        {"F8_E4M3", 0x7E, 448},
        {"F8_E4M3", 0x08, 0x1p-6f},
        {"F8_E4M3", 0x81, -0x1p-9f},
        {"F8_E4M3", 0x38, 1},
        {"F8_E4M3", 0x78, 256}, /* no infinity in that place */
        {"F8_E5M2", 0x7B, 57344},
        {"F8_E5M2", 0x04, 0x1p-14f},
        {"F8_E5M2", 0x81, -0x1p-16f},
        {"F8_E5M2", 0x3C, 1},
        {"F8_E5M2", 0xFC, -INFINITY},
        {"F8_E4M3FNUZ", 0x7F, 240},
        {"F8_E4M3FNUZ", 0x01, 0x1p-10f},
        {"F8_E4M3FNUZ", 0xC0, -1},
        {"F8_E5M2FNUZ", 0x7F, 57344},
        {"F8_E5M2FNUZ", 0x01, 0x1p-17f},
        {"F8_E5M2FNUZ", 0xC0, -1},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        float got = one(known[i].type, known[i].bits);
        if (got != known[i].value) {
            fail_msg("%s %#llx is %a, not %a", known[i].type, (unsigned long long)known[i].bits,
                     (double)got, (double)known[i].value);
        }
    }
    assert_true(signbit(one("F16", 0x8000)) && signbit(one("F8_E5M2", 0x80)));
    assert_true(signbit(one("F8_E4M3", 0x80)) && one("F8_E4M3", 0x80) == 0);
}

static void not_numbers(void **state)
{
    (void)state;
    assert_true(isnan(one("F16", 0x7E01)) && isnan(one("F16", 0xFE01)));
    assert_true(isnan(one("F8_E4M3", 0x7F)) && isnan(one("F8_E4M3", 0xFF)));
    assert_true(isnan(one("F8_E5M2", 0x7D)) && isnan(one("F8_E5M2", 0xFF)));
    assert_true(isnan(one("F8_E4M3FNUZ", 0x80)) && isnan(one("F8_E5M2FNUZ", 0x80)));
    int nans = 0, infinite = 0;
    for (unsigned bits = 0; bits < 256; bits++) {
        nans += isnan(one("F8_E4M3", bits)) + isnan(one("F8_E5M2", bits));
        infinite += (isinf(one("F8_E4M3", bits)) != 0) + (isinf(one("F8_E5M2", bits)) != 0);
        if (bits < 0x7F) { /* larger patterns are larger numbers */
            assert_true(one("F8_E4M3", bits) < one("F8_E4M3", bits + 1) || bits + 1 == 0x7F);
        }
    }
    assert_int_equal(nans, 2 + 6);
    assert_int_equal(infinite, 2);
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        uint64_t bits;
        double value;
    } known[] = {
        {"U8", 200, 200},
        {"BOOL", 1, 1},
        {"I8", 0x80, -128},
        {"I16", 0xFFFE, -2},
        {"U16", 0xFFFE, 65534},
        {"I32", 0x80000000, -2147483648.0},
        {"U32", 0x80000000, 2147483648.0},
        {"I64", UINT64_MAX, -1},
        {"U64", UINT64_C(1) << 63, 0x1p63},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        unsigned char data[17];
        double got[2];
        int size = s4d_element_named(known[i].type)->bits / 8;
        memcpy(data + 1, &known[i].bits, 8);
        memcpy(data + 1 + size, &known[i].bits, 8);
        s4d_element_doubles(s4d_element_named(known[i].type), data + 1, got, 2);
        assert_true(got[0] == known[i].value && got[1] == known[i].value);
    }
}

static void names(void **state)
{
    (void)state;
    assert_null(s4d_element_named("F9"));
    assert_string_equal(s4d_element_of_torch("float8_e5m2,", 11)->name, "F8_E5M2");
    assert_string_equal(s4d_element_of_torch("uint16", 6)->name, "U16");
    assert_null(s4d_element_of_torch("", 0));
    assert_null(s4d_element_of_torch("float", 5));
    for (int d = 0; d < S4D_DTYPE_COUNT; d++) {
        const s4d_element *e = s4d_element_of((s4d_dtype)d);
        assert_string_equal(e->name, s4d_dtype_name((s4d_dtype)d));
        assert_int_equal(e->bits, 8 * s4d_dtype_size((s4d_dtype)d));
    }
}

static void the_other_byte_order(void **state)
{
    (void)state;
    unsigned char data[] = {1, 2, 3, 4, 5, 6, 7, 8};
    s4d_element_swap(data, 4, 2);
    assert_memory_equal(data, ((unsigned char[]){4, 3, 2, 1, 8, 7, 6, 5}), 8);
    s4d_element_swap(data, 1, 8);
    assert_memory_equal(data, ((unsigned char[]){4, 3, 2, 1, 8, 7, 6, 5}), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_numbers),         cmocka_unit_test(not_numbers),
        cmocka_unit_test(whole_numbers),        cmocka_unit_test(names),
        cmocka_unit_test(the_other_byte_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
