/* bfloat16: the upper half of a float. Conversions round to the nearest, ties to even; not-a-number becomes 0x7fff. Arithmetic
 * is done in float and rounded. */
#ifndef S4D_EMULATOR_CUDA_BF16_H
#define S4D_EMULATOR_CUDA_BF16_H

#include "cuda_runtime.h"

typedef struct __nv_bfloat16_raw {
    unsigned short x;
} __nv_bfloat16_raw;

#ifdef __cplusplus

static inline unsigned short s4d_emulated_narrow(float x)
{
    unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    return (unsigned short)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}
/* A double by way of a float that is rounded to odd, so that it is rounded once only. */
static inline unsigned short s4d_emulated_narrow(double x)
{
    float near = (float)x;
    unsigned bits = __float_as_uint(near);
    if (isnan(x) || isinf(near) || (double)near == x) return s4d_emulated_narrow(near);
    if (fabs((double)near) > fabs(x)) --bits;
    return s4d_emulated_narrow(__uint_as_float(bits | 1));
}

struct __nv_bfloat16 {
    unsigned short __x;
    __nv_bfloat16() = default;
    __nv_bfloat16(const __nv_bfloat16_raw &raw) : __x(raw.x) {}
    __nv_bfloat16(float x) : __x(s4d_emulated_narrow(x)) {}
    __nv_bfloat16(double x) : __x(s4d_emulated_narrow(x)) {}
    operator float() const
    {
        return __uint_as_float((unsigned)__x << 16);
    }
    operator __nv_bfloat16_raw() const
    {
        return __nv_bfloat16_raw{__x};
    }
};
struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
    __nv_bfloat162() = default;
    __nv_bfloat162(const __nv_bfloat16 &low, const __nv_bfloat16 &high) : x(low), y(high) {}
};
typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;

/* ---- conversions ---- */

static inline __nv_bfloat16 __float2bfloat16_rn(float x)
{
    return __nv_bfloat16(x);
}
static inline __nv_bfloat16 __float2bfloat16(float x)
{
    return __nv_bfloat16(x);
}
static inline __nv_bfloat16 __double2bfloat16(double x)
{
    return __nv_bfloat16(x);
}
static inline float __bfloat162float(__nv_bfloat16 x)
{
    return (float)x;
}
static inline __nv_bfloat162 __floats2bfloat162_rn(float low, float high)
{
    return __nv_bfloat162(__nv_bfloat16(low), __nv_bfloat16(high));
}
static inline __nv_bfloat162 __float22bfloat162_rn(float2 v)
{
    return __floats2bfloat162_rn(v.x, v.y);
}
static inline __nv_bfloat162 __float2bfloat162_rn(float x)
{
    return __floats2bfloat162_rn(x, x);
}
static inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 low, __nv_bfloat16 high)
{
    return __nv_bfloat162(low, high);
}
static inline __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 x)
{
    return __nv_bfloat162(x, x);
}
static inline float2 __bfloat1622float2(__nv_bfloat162 v)
{
    return make_float2((float)v.x, (float)v.y);
}
static inline float __low2float(__nv_bfloat162 v)
{
    return (float)v.x;
}
static inline float __high2float(__nv_bfloat162 v)
{
    return (float)v.y;
}
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x)
{
    return x.__x;
}
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits)
{
    return __nv_bfloat16(__nv_bfloat16_raw{bits});
}

/* ---- arithmetic ---- */

#define S4D_EMULATED_BF16_OPERATION(operation)                                                     \
    static inline __nv_bfloat16 operator operation(const __nv_bfloat16 &a, const __nv_bfloat16 &b) \
    {                                                                                              \
        return __nv_bfloat16((float)a operation(float) b);                                         \
    }                                                                                              \
    static inline __nv_bfloat16 &operator operation##=(__nv_bfloat16 &a, const __nv_bfloat16 &b)   \
    {                                                                                              \
        return a = a operation b;                                                                  \
    }
#define S4D_EMULATED_BF16_COMPARISON(operation)                                                    \
    static inline bool operator operation(const __nv_bfloat16 &a, const __nv_bfloat16 &b)          \
    {                                                                                              \
        return (float)a operation(float) b;                                                        \
    }
S4D_EMULATED_BF16_OPERATION(+)
S4D_EMULATED_BF16_OPERATION(-)
S4D_EMULATED_BF16_OPERATION(*)
S4D_EMULATED_BF16_OPERATION(/)
S4D_EMULATED_BF16_COMPARISON(==)
S4D_EMULATED_BF16_COMPARISON(!=)
S4D_EMULATED_BF16_COMPARISON(<)
S4D_EMULATED_BF16_COMPARISON(>)
S4D_EMULATED_BF16_COMPARISON(<=)
S4D_EMULATED_BF16_COMPARISON(>=)
static inline __nv_bfloat16 operator-(const __nv_bfloat16 &a)
{
    return __nv_bfloat16(__nv_bfloat16_raw{(unsigned short)(a.__x ^ 0x8000)});
}
static inline bool __hisnan(__nv_bfloat16 x)
{
    return (x.__x & 0x7fff) > 0x7f80;
}

S4D_EMULATED_SHUFFLES(__nv_bfloat16)
S4D_EMULATED_SHUFFLES(__nv_bfloat162)

#endif
#endif
