/* The keyed fills of s4d/base/rng.h on the card: uniforms equal bit for bit, normals computed in double as there. */
#ifndef S4D_BACKEND_CUDA_PHILOX_CUH
#define S4D_BACKEND_CUDA_PHILOX_CUH

#include <cuda_runtime.h>
#include <stdint.h>

#include "s4d/base/philox.h"

/* The words of elements 4 * (i / 4) .. 4 * (i / 4) + 3. */
typedef struct four_words {
    uint32_t at[4];
} four_words;

/* Philox4x32-10 of the counter {i/4 low, i/4 high, 0, 0}. */
static __device__ inline four_words fill_words(uint64_t key, uint64_t i)
{
    const uint32_t counter[4] = {(uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), 0, 0};
    const uint32_t halves[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    four_words out;
    s4d_philox(counter, halves, out.at);
    return out;
}

static __device__ inline float uniform_of(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

/* Two words make two normals: the even element and the odd one. */
typedef struct normal_pair {
    float even, odd;
} normal_pair;

static __device__ inline normal_pair normals_of(uint32_t a, uint32_t b)
{
    double r = sqrt(-2.0 * log((a + 0.5) * 0x1p-32)), angle = 6.283185307179586476925286766559 * (b + 0.5) * 0x1p-32;
    return {(float)(r * cos(angle)), (float)(r * sin(angle))};
}

/* Element i alone. */
static __device__ inline float fill_normal(uint64_t key, uint64_t i)
{
    four_words w = fill_words(key, i);
    normal_pair p = i & 2 ? normals_of(w.at[2], w.at[3]) : normals_of(w.at[0], w.at[1]);
    return i & 1 ? p.odd : p.even;
}

#endif
