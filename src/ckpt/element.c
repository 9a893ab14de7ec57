/* Types of numbers in files, and the numbers themselves, read byte by byte: they may lie at any
 * address. */
#include "s4d/ckpt/element.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "s4d/base/err.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers in files are little-endian");

#define NONE S4D_DTYPE_COUNT

/* The first S4D_DTYPE_COUNT rows are those of s4d_dtype, in its order. */
static const s4d_element elements[] = {
    {"F32", "float32", 32, S4D_ELEMENT_REAL, S4D_F32},
    {"F64", "float64", 64, S4D_ELEMENT_REAL, S4D_F64},
    {"F16", "float16", 16, S4D_ELEMENT_REAL, S4D_F16},
    {"BF16", "bfloat16", 16, S4D_ELEMENT_REAL, S4D_BF16},
    {"U8", "uint8", 8, S4D_ELEMENT_WHOLE, S4D_U8},
    {"I32", "int32", 32, S4D_ELEMENT_WHOLE, S4D_I32},
    {"I64", "int64", 64, S4D_ELEMENT_WHOLE, S4D_I64},
    {"BOOL", "bool", 8, S4D_ELEMENT_WHOLE, S4D_BOOL},
    {"F8_E4M3", "float8_e4m3fn", 8, S4D_ELEMENT_REAL, NONE},
    {"F8_E5M2", "float8_e5m2", 8, S4D_ELEMENT_REAL, NONE},
    {"F8_E4M3FNUZ", "float8_e4m3fnuz", 8, S4D_ELEMENT_REAL, NONE},
    {"F8_E5M2FNUZ", "float8_e5m2fnuz", 8, S4D_ELEMENT_REAL, NONE},
    {"I8", "int8", 8, S4D_ELEMENT_WHOLE, NONE},
    {"I16", "int16", 16, S4D_ELEMENT_WHOLE, NONE},
    {"U16", "uint16", 16, S4D_ELEMENT_WHOLE, NONE},
    {"U32", "uint32", 32, S4D_ELEMENT_WHOLE, NONE},
    {"U64", "uint64", 64, S4D_ELEMENT_WHOLE, NONE},
    {"F8_E8M0", "float8_e8m0fnu", 8, S4D_ELEMENT_OTHER, NONE}, /* scales, powers of two */
    {"F6_E2M3", "", 6, S4D_ELEMENT_OTHER, NONE},
    {"F6_E3M2", "", 6, S4D_ELEMENT_OTHER, NONE},
    {"F4", "", 4, S4D_ELEMENT_OTHER, NONE},
    {"C32", "complex32", 32, S4D_ELEMENT_OTHER, NONE},
    {"C64", "complex64", 64, S4D_ELEMENT_OTHER, NONE},
    {"C128", "complex128", 128, S4D_ELEMENT_OTHER, NONE},
};
enum { ELEMENTS = sizeof elements / sizeof *elements };

const s4d_element *s4d_element_named(const char *name)
{
    for (int i = 0; i < ELEMENTS; i++) {
        if (strcmp(elements[i].name, name) == 0) {
            return &elements[i];
        }
    }
    return NULL;
}

const s4d_element *s4d_element_of_torch(const char *dtype, size_t size)
{
    for (int i = 0; i < ELEMENTS; i++) {
        if (size > 0 && strlen(elements[i].torch) == size &&
            memcmp(elements[i].torch, dtype, size) == 0) {
            return &elements[i];
        }
    }
    return NULL;
}

const s4d_element *s4d_element_of(s4d_dtype dtype)
{
    S4D_BUG_IF(dtype >= S4D_DTYPE_COUNT || elements[dtype].dtype != dtype);
    return &elements[dtype];
}

/* ---- small floats ---- */

/* A number of 1 sign, `exponent` and `fraction` bits. */
typedef struct format {
    int exponent, fraction, bias;
    enum {
        IEEE,
        FINITE,
        UNSIGNED_ZERO
    } special; /* infinities; one NaN and none; NaN in the place of -0 */
} format;

static const format half = {5, 10, 15, IEEE};

/* The formats of 8 bits: "FP8 formats for deep learning" (Micikevicius and others, 2022), and those
 * of Graphcore and AMD without a negative zero ("UZ"), whose bias is one more. */
static format format_of(const s4d_element *e)
{
    bool wide = strncmp(e->name, "F8_E5M2", 7) == 0, uz = strlen(e->name) > 7;
    if (wide) {
        return (format){5, 2, 15 + uz, uz ? UNSIGNED_ZERO : IEEE};
    }
    return (format){4, 3, 7 + uz, uz ? UNSIGNED_ZERO : FINITE};
}

static float decode(unsigned bits, format f)
{
    unsigned most = (1u << f.exponent) - 1, one = 1u << f.fraction;
    unsigned exponent = bits >> f.fraction & most, fraction = bits & (one - 1);
    float sign = bits >> (f.exponent + f.fraction) & 1 ? -1.0f : 1.0f;
    if (f.special == UNSIGNED_ZERO && sign < 0 && exponent == 0 && fraction == 0) {
        return NAN;
    }
    if (f.special == IEEE && exponent == most) {
        return copysignf(fraction ? NAN : INFINITY, sign);
    }
    if (f.special == FINITE && exponent == most && fraction == one - 1) {
        return copysignf(NAN, sign);
    }
    if (exponent == 0) { /* zero and subnormal numbers, exact */
        return sign * ldexpf((float)fraction, 1 - f.bias - f.fraction);
    }
    uint32_t wide = (exponent - (unsigned)f.bias + 127) << 23 | fraction << (23 - f.fraction);
    float value;
    memcpy(&value, &wide, sizeof value);
    return sign * value;
}

static float from_brain(const unsigned char *from)
{
    const unsigned char wide[4] = {0, 0, from[0], from[1]};
    float value;
    memcpy(&value, wide, sizeof value);
    return value;
}

static void floats_of_8(const s4d_element *e, const unsigned char *from, float *out, size_t n)
{
    float table[256];
    const format f = format_of(e);
    for (unsigned i = 0; i < 256; i++) {
        table[i] = decode(i, f);
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = table[from[i]];
    }
}

void s4d_element_floats(const s4d_element *e, const void *data, float *out, size_t n)
{
    const unsigned char *from = data;
    S4D_BUG_IF(e->kind != S4D_ELEMENT_REAL);
    if (e->bits == 8) {
        floats_of_8(e, from, out, n);
        return;
    }
    if (e->dtype == S4D_F32 && n > 0) {
        memcpy(out, from, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double wide;
        uint16_t bits;
        switch (e->dtype) {
        case S4D_F64:
            memcpy(&wide, from + 8 * i, sizeof wide);
            out[i] = (float)wide;
            break;
        case S4D_F16:
            memcpy(&bits, from + 2 * i, sizeof bits);
            out[i] = decode(bits, half);
            break;
        default: out[i] = from_brain(from + 2 * i); break;
        }
    }
}

/* Two's complement or unsigned, 1 to 8 bytes. */
static double whole(const unsigned char *from, int size, bool is_signed)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++) {
        value |= (uint64_t)from[i] << 8 * i;
    }
    if (!is_signed) {
        return (double)value;
    }
    if (size < 8 && value >> (8 * size - 1)) {
        value |= ~UINT64_C(0) << 8 * size;
    }
    return (double)(int64_t)value;
}

void s4d_element_doubles(const s4d_element *e, const void *data, double *out, size_t n)
{
    const unsigned char *from = data;
    size_t size = (size_t)e->bits / 8;
    S4D_BUG_IF(e->kind == S4D_ELEMENT_OTHER);
    if (e->dtype == S4D_F64 && n > 0) {
        memcpy(out, from, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n && e->kind == S4D_ELEMENT_WHOLE; i++) {
        out[i] = whole(from + i * size, (int)size, e->name[0] == 'I');
    }
    for (size_t i = 0; i < n && e->kind == S4D_ELEMENT_REAL;) {
        float some[512];
        size_t m = n - i < 512 ? n - i : 512;
        s4d_element_floats(e, from + i * size, some, m);
        for (size_t k = 0; k < m; k++) {
            out[i++] = (double)some[k];
        }
    }
}

void s4d_element_swap(void *data, size_t size, size_t n)
{
    unsigned char *at = data;
    for (size_t i = 0; i < n; i++, at += size) {
        for (size_t k = 0; k < size / 2; k++) {
            unsigned char keep = at[k];
            at[k] = at[size - 1 - k];
            at[size - 1 - k] = keep;
        }
    }
}
