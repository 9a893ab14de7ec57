/* exp and the normal distribution's tail as branch-free code that compilers turn into vector instructions. */
#ifndef S4D_BACKEND_CPU_MATH_H
#define S4D_BACKEND_CPU_MATH_H

#include <stdint.h>
#include <string.h>

static inline float bits_to_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t float_to_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* e^x within 2 ulp; 0 below -104, infinity above 88.73. 2^n is applied in two halves, so that results may be denormal.
 * A NaN stays one; unsigned arithmetic, because its bits make no sense as n. */
static inline float exp_float(float x)
{
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    /* Adding and taking away 1.5 * 2^23 rounds to a whole number, which then stands in the low bits. */
    const float magic = 12582912.0f;
    float shifted = x * 1.44269504f + magic, n = shifted - magic;
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    uint32_t whole = float_to_bits(shifted) - float_to_bits(magic), half = (uint32_t)((int32_t)whole >> 1);
    return p * bits_to_float((half + 127) << 23) * bits_to_float((whole - half + 127) << 23);
}

/* The standard normal distribution at -a, a >= 0, and its density there. The tail is e^(-a*a/2) times a rational function
 * fitted to e^(a*a/2) * erfc(a/sqrt(2)) / 2 on [0, 14.5] with a relative error of 6.1e-9. */
typedef struct normal_tail {
    float below, density;
} normal_tail;

static inline normal_tail normal_tail_at(float a)
{
    a = a > 14.5f ? 14.5f : a;
    float e = exp_float(-0.5f * a * a);
    float p = 0.0041172105482824729f;
    p = p * a + 0.040639606663628342f;
    p = p * a + 0.18325436354564254f;
    p = p * a + 0.43832123883650649f;
    p = p * a + 0.50000000291775912f;
    float q = 0.010320196809288969f;
    q = q * a + 0.10187482613742972f;
    q = q * a + 0.46952122913768741f;
    q = q * a + 1.2025835593275636f;
    q = q * a + 1.6745274555179723f;
    q = q * a + 1.0f;
    return (normal_tail){e * p / q, e * 0.398942280401432678f};
}

#endif
