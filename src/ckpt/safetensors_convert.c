/* Elements of a safetensors file as floats and integers, read byte by byte: they may lie at any
 * address. */
#include <string.h>

#include "s4d/ckpt/safetensors.h"

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
static float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = half >> 10 & 0x1F, fraction = half & 0x3FF;
    if (exponent == 0) {
        float size = (float)fraction * 0x1p-24f; /* zero and subnormal numbers, exact */
        return sign ? -size : size;
    }
    if (exponent == 0x1F) {
        return from_bits(sign | 0x7F800000u | fraction << 13);
    }
    return from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

bool s4d_safetensors_read_floats(const s4d_safetensors_info *info, float *out, size_t count)
{
    if ((uint64_t)info->count != count || info->dtype > S4D_BF16) {
        return false;
    }
    const unsigned char *from = info->data;
    if (info->dtype == S4D_F32) {
        if (count > 0) {
            memcpy(out, from, info->bytes);
        }
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (info->dtype == S4D_F64) {
            double value;
            memcpy(&value, from + i * sizeof value, sizeof value);
            out[i] = (float)value;
        } else {
            uint16_t half;
            memcpy(&half, from + i * sizeof half, sizeof half);
            out[i] = info->dtype == S4D_F16 ? from_half(half) : from_bits((uint32_t)half << 16);
        }
    }
    return true;
}

bool s4d_safetensors_read_integers(const s4d_safetensors_info *info, int64_t *out, size_t count)
{
    if ((uint64_t)info->count != count || info->dtype < S4D_U8 || info->dtype > S4D_BOOL) {
        return false;
    }
    const unsigned char *from = info->data;
    for (size_t i = 0; i < count; i++) {
        if (info->dtype == S4D_I64) {
            memcpy(&out[i], from + i * sizeof out[i], sizeof out[i]);
        } else if (info->dtype == S4D_I32) {
            int32_t value;
            memcpy(&value, from + i * sizeof value, sizeof value);
            out[i] = value;
        } else {
            out[i] = from[i];
        }
    }
    return true;
}
