/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). A draw depends on its key and place only, never on thread or history. */
#ifndef S4D_BASE_RNG_H
#define S4D_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "s4d/base/philox.h"

/* What a stream is for: streams of different purposes never share a number. */
typedef enum s4d_purpose {
    S4D_RNG_INIT = 1,  /* weights */
    S4D_RNG_SHUFFLE,   /* order and draw of an epoch */
    S4D_RNG_SAMPLE,    /* clip, augmentation and mask of one sample */
    S4D_RNG_MIX,       /* CutMix or Mixup of one batch */
    S4D_RNG_ROUTER,    /* router noise */
    S4D_RNG_DROP_PATH,
    S4D_RNG_ERASE,     /* noise inside an erased box */
    S4D_RNG_SYNTH,     /* the sample set */
    S4D_RNG_TEST,
    S4D_RNG_HOLD_OUT   /* samples held out of training */
} s4d_purpose;

/* A sequential reader of one stream; copying it copies the position. */
typedef struct s4d_rng {
    uint32_t key[2], counter[4], word[4];
    int left; /* unread words */
} s4d_rng;

/* The stream of (seed, purpose, a, b), such as a = epoch and b = sample. */
s4d_rng s4d_rng_make(uint64_t seed, s4d_purpose purpose, uint32_t a, uint32_t b);
/* A 64-bit key derived from the same four, for s4d_random (backend) and other keyed uses. */
uint64_t s4d_rng_key(uint64_t seed, s4d_purpose purpose, uint32_t a, uint32_t b);

uint32_t s4d_rng_u32(s4d_rng *rng);
uint32_t s4d_rng_below(s4d_rng *rng, uint32_t n);             /* 0..n-1 without bias; n > 0 */
double s4d_rng_uniform(s4d_rng *rng);                         /* [0, 1), 53 bits */
double s4d_rng_range(s4d_rng *rng, double low, double high);  /* [low, high) */
double s4d_rng_normal(s4d_rng *rng);                          /* mean 0, variance 1 (Box-Muller) */
double s4d_rng_beta(s4d_rng *rng, double a, double b);        /* a, b > 0 (Marsaglia-Tsang gammas) */
void s4d_rng_shuffle(s4d_rng *rng, uint32_t *item, size_t n); /* Fisher-Yates */

/* Element i of the keyed fills every backend must reproduce. The key's low word is k[0]; the counter is
 * {i/4 low, i/4 high, 0, 0}, the word i%4. Uniform: (word >> 8) * 2^-24. Normal: words (0,1) and
 * (2,3) are pairs (a, b); u = (a + 0.5) * 2^-32, r = sqrt(-2 ln u), angle = 2 pi (b + 0.5) * 2^-32; the even element
 * is r cos(angle), the odd one r sin(angle). Computed in double here. */
double s4d_rng_fill_uniform(uint64_t key, uint64_t i);
double s4d_rng_fill_normal(uint64_t key, uint64_t i);

#endif
