/* Elements of every type as doubles. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "parity.h"

static double of_bf16(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static uint16_t to_bf16(double value)
{
    float x = (float)round_to(S4D_BF16, value);
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(bits >> 16 | (isnan(value) ? 0x40 : 0));
}

double get_element(const void *data, s4d_dtype dtype, int64_t i)
{
    switch (dtype) {
    case S4D_F32:
        return (double)((const float *)data)[i];
    case S4D_F64:
        return ((const double *)data)[i];
    case S4D_BF16:
        return of_bf16(((const uint16_t *)data)[i]);
    case S4D_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const unsigned char *)data)[i];
    }
}

void set_element(void *data, s4d_dtype dtype, int64_t i, double value)
{
    switch (dtype) {
    case S4D_F32:
        ((float *)data)[i] = (float)value;
        break;
    case S4D_F64:
        ((double *)data)[i] = value;
        break;
    case S4D_BF16:
        ((uint16_t *)data)[i] = to_bf16(value);
        break;
    case S4D_I32:
        ((int32_t *)data)[i] = (int32_t)value;
        break;
    default:
        ((unsigned char *)data)[i] = (unsigned char)value;
    }
}

/* Of BF16: 8 bits of mantissa, the exponents of float. */
double round_to(s4d_dtype dtype, double value)
{
    if (dtype == S4D_F32) {
        return (double)(float)value;
    }
    if (dtype != S4D_BF16 || value == 0 || !isfinite(value)) {
        return value;
    }
    int exponent = ilogb(value);
    double quantum = ldexp(1, (exponent < FLT_MIN_EXP - 1 ? FLT_MIN_EXP - 1 : exponent) - 7);
    double nearest = nearbyint(value / quantum) * quantum;
    return fabs(nearest) < ldexp(1, FLT_MAX_EXP) ? nearest : copysign(INFINITY, value);
}
