/* Arithmetic: bits, conversions, rounded operations, and what CUDA adds to math.h. Rounding is that of the processor. */
#ifndef S4D_EMULATOR_NUMBERS_H
#define S4D_EMULATOR_NUMBERS_H

/* ---- whole numbers ---- */

static inline int __popc(unsigned x)
{
    return __builtin_popcount(x);
}
static inline int __popcll(unsigned long long x)
{
    return __builtin_popcountll(x);
}
static inline int __ffs(int x)
{
    return __builtin_ffs(x);
}
static inline int __ffsll(long long x)
{
    return __builtin_ffsll(x);
}
static inline int __clz(int x)
{
    return x ? __builtin_clz((unsigned)x) : 32;
}
static inline int __clzll(long long x)
{
    return x ? __builtin_clzll((unsigned long long)x) : 64;
}
static inline unsigned __brev(unsigned x)
{
    unsigned y = 0;
    for (int i = 0; i < 32; ++i) y |= (x >> i & 1) << (31 - i);
    return y;
}
static inline int __mulhi(int a, int b)
{
    return (int)((long long)a * b >> 32);
}
static inline unsigned __umulhi(unsigned a, unsigned b)
{
    return (unsigned)((unsigned long long)a * b >> 32);
}
static inline long long __mul64hi(long long a, long long b)
{
    return (long long)((__int128)a * b >> 64);
}
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift)
{
    return (unsigned)((((unsigned long long)high << 32 | low) << (shift & 31)) >> 32);
}
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift)
{
    return (unsigned)(((unsigned long long)high << 32 | low) >> (shift & 31));
}

/* ---- the lesser and the greater ---- */

#define S4D_EMULATED_CHOICES(R, A, B)                                                              \
    static inline R min(A a, B b)                                                                  \
    {                                                                                              \
        return (R)a < (R)b ? (R)a : (R)b;                                                          \
    }                                                                                              \
    static inline R max(A a, B b)                                                                  \
    {                                                                                              \
        return (R)a > (R)b ? (R)a : (R)b;                                                          \
    }
#define S4D_EMULATED_CHOICES_OF(T)                                                                 \
    S4D_EMULATED_CHOICES(T, T, T)                                                                  \
    S4D_EMULATED_CHOICES(unsigned T, unsigned T, unsigned T)                                       \
    S4D_EMULATED_CHOICES(unsigned T, T, unsigned T)                                                \
    S4D_EMULATED_CHOICES(unsigned T, unsigned T, T)
S4D_EMULATED_CHOICES_OF(int)
S4D_EMULATED_CHOICES_OF(long)
S4D_EMULATED_CHOICES_OF(long long)

static inline float min(float a, float b)
{
    return fminf(a, b);
}
static inline float max(float a, float b)
{
    return fmaxf(a, b);
}
static inline double min(double a, double b)
{
    return fmin(a, b);
}
static inline double max(double a, double b)
{
    return fmax(a, b);
}
static inline double min(float a, double b)
{
    return fmin((double)a, b);
}
static inline double min(double a, float b)
{
    return fmin(a, (double)b);
}
static inline double max(float a, double b)
{
    return fmax((double)a, b);
}
static inline double max(double a, float b)
{
    return fmax(a, (double)b);
}

/* ---- bits ---- */

template <class To, class From> static inline To s4d_emulated_bits(From from)
{
    To to;
    static_assert(sizeof to == sizeof from, "the same bits in another type");
    memcpy(&to, &from, sizeof to);
    return to;
}
#define S4D_EMULATED_BITS(name, To, From)                                                          \
    static inline To name(From x)                                                                  \
    {                                                                                              \
        return s4d_emulated_bits<To>(x);                                                           \
    }
S4D_EMULATED_BITS(__float_as_uint, unsigned, float)
S4D_EMULATED_BITS(__float_as_int, int, float)
S4D_EMULATED_BITS(__uint_as_float, float, unsigned)
S4D_EMULATED_BITS(__int_as_float, float, int)
S4D_EMULATED_BITS(__double_as_longlong, long long, double)
S4D_EMULATED_BITS(__longlong_as_double, double, long long)

/* ---- conversions: beyond the range the nearest that there is, not-a-number to 0 (64 bits: to the lowest) ---- */

static inline long long s4d_emulated_clamp(double x, double low, double high)
{
    return isnan(x) ? 0 : x <= low ? (long long)low : x >= high ? (long long)high : (long long)x;
}
static inline long long s4d_emulated_whole(double x)
{
    if (isnan(x) || x <= -0x1p63) return (long long)(1ull << 63);
    return x >= 0x1p63 ? 0x7fffffffffffffffll : (long long)x;
}
#define S4D_EMULATED_ROUNDINGS(From, name)                                                         \
    S4D_EMULATED_ROUNDING(From, name, rz, trunc)                                                   \
    S4D_EMULATED_ROUNDING(From, name, rn, nearbyint)                                               \
    S4D_EMULATED_ROUNDING(From, name, rd, floor)                                                   \
    S4D_EMULATED_ROUNDING(From, name, ru, ceil)
#define S4D_EMULATED_ROUNDING(From, name, how, function)                                           \
    static inline int __##name##2int_##how(From x)                                                 \
    {                                                                                              \
        return (int)s4d_emulated_clamp(function((double)x), -0x1p31, 0x1p31 - 1);                  \
    }                                                                                              \
    static inline unsigned __##name##2uint_##how(From x)                                           \
    {                                                                                              \
        return (unsigned)s4d_emulated_clamp(function((double)x), 0, 0x1p32 - 1);                   \
    }                                                                                              \
    static inline long long __##name##2ll_##how(From x)                                            \
    {                                                                                              \
        return s4d_emulated_whole(function((double)x));                                            \
    }
S4D_EMULATED_ROUNDINGS(float, float)
S4D_EMULATED_ROUNDINGS(double, double)

#define S4D_EMULATED_NEAREST(name, To, From)                                                       \
    static inline To name(From x)                                                                  \
    {                                                                                              \
        return (To)x;                                                                              \
    }
S4D_EMULATED_NEAREST(__int2float_rn, float, int)
S4D_EMULATED_NEAREST(__uint2float_rn, float, unsigned)
S4D_EMULATED_NEAREST(__ll2float_rn, float, long long)
S4D_EMULATED_NEAREST(__ull2float_rn, float, unsigned long long)
S4D_EMULATED_NEAREST(__ll2double_rn, double, long long)
S4D_EMULATED_NEAREST(__ull2double_rn, double, unsigned long long)
S4D_EMULATED_NEAREST(__int2double_rn, double, int)
S4D_EMULATED_NEAREST(__uint2double_rn, double, unsigned)
S4D_EMULATED_NEAREST(__double2float_rn, float, double)

/* ---- operations that are never contracted ---- */

#define S4D_EMULATED_OPERATION(name, T, operation)                                                 \
    static inline T name(T a, T b)                                                                 \
    {                                                                                              \
        return a operation b;                                                                      \
    }
S4D_EMULATED_OPERATION(__fadd_rn, float, +)
S4D_EMULATED_OPERATION(__fsub_rn, float, -)
S4D_EMULATED_OPERATION(__fmul_rn, float, *)
S4D_EMULATED_OPERATION(__fdiv_rn, float, /)
S4D_EMULATED_OPERATION(__dadd_rn, double, +)
S4D_EMULATED_OPERATION(__dsub_rn, double, -)
S4D_EMULATED_OPERATION(__dmul_rn, double, *)
S4D_EMULATED_OPERATION(__ddiv_rn, double, /)
S4D_EMULATED_OPERATION(__fdividef, float, /)

static inline float __fmaf_rn(float a, float b, float c)
{
    return fmaf(a, b, c);
}
static inline double __fma_rn(double a, double b, double c)
{
    return fma(a, b, c);
}
static inline float __fsqrt_rn(float x)
{
    return sqrtf(x);
}
static inline double __dsqrt_rn(double x)
{
    return sqrt(x);
}
static inline float __frcp_rn(float x)
{
    return 1 / x;
}
static inline float __frsqrt_rn(float x)
{
    return (float)(1 / sqrt((double)x));
}
static inline float __saturatef(float x)
{
    return x > 0 ? (x < 1 ? x : 1) : 0;
}

/* ---- functions ---- */

static inline float rsqrtf(float x)
{
    return (float)(1 / sqrt((double)x));
}
static inline double rsqrt(double x)
{
    return 1 / sqrt(x);
}
static inline float rsqrt(float x)
{
    return rsqrtf(x);
}
static inline double normcdf(double x)
{
    return 0.5 * erfc(-x * 0.70710678118654752440);
}
static inline float normcdff(float x)
{
    return (float)normcdf((double)x);
}
/* The argument is brought below 2 first, which is exact, and the quarter turns are taken out. */
static inline void sincospi(double x, double *sine, double *cosine)
{
    double part = fmod(x, 2), quarter = nearbyint(2 * part), angle = (part - quarter / 2) * 3.14159265358979323846;
    double s = sin(angle), c = cos(angle);
    int turn = (int)quarter & 3;
    *sine = turn == 0 ? s : turn == 1 ? c : turn == 2 ? -s : -c;
    *cosine = turn == 0 ? c : turn == 1 ? -s : turn == 2 ? -c : s;
}
static inline void sincospif(float x, float *sine, float *cosine)
{
    double s, c;
    sincospi((double)x, &s, &c);
    *sine = (float)s;
    *cosine = (float)c;
}
static inline double sinpi(double x)
{
    double s, c;
    sincospi(x, &s, &c);
    return s;
}
static inline double cospi(double x)
{
    double s, c;
    sincospi(x, &s, &c);
    return c;
}
static inline float sinpif(float x)
{
    return (float)sinpi((double)x);
}
static inline float cospif(float x)
{
    return (float)cospi((double)x);
}

/* ---- loads and stores with a hint ---- */

#define S4D_EMULATED_LOAD(name)                                                                    \
    template <class T> static inline T name(const T *p)                                            \
    {                                                                                              \
        return *p;                                                                                 \
    }
#define S4D_EMULATED_STORE(name)                                                                   \
    template <class T> static inline void name(T *p, T value)                                      \
    {                                                                                              \
        *p = value;                                                                                \
    }
S4D_EMULATED_LOAD(__ldg)
S4D_EMULATED_LOAD(__ldcg)
S4D_EMULATED_LOAD(__ldca)
S4D_EMULATED_LOAD(__ldcs)
S4D_EMULATED_STORE(__stcg)
S4D_EMULATED_STORE(__stcs)
S4D_EMULATED_STORE(__stwb)

#endif
