/* Philox4x32-10 itself (Salmon et al., SC 2011): one piece of code for the host and for kernels, so that both draw the same
 * bits. What is drawn with it: rng.h. */
#ifndef S4D_BASE_PHILOX_H
#define S4D_BASE_PHILOX_H

#include <stdint.h>

#ifdef __CUDACC__
#define S4D_HOST_AND_DEVICE __host__ __device__
#else
#define S4D_HOST_AND_DEVICE
#endif

/* out = Philox4x32-10 of counter c under key k. */
static inline S4D_HOST_AND_DEVICE void s4d_philox(const uint32_t c[4], const uint32_t k[2], uint32_t out[4])
{
    uint32_t c0 = c[0], c1 = c[1], c2 = c[2], c3 = c[3], k0 = k[0], k1 = k[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

#endif
