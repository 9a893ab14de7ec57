/* Draws made from Philox4x32-10. */
#include "s4d/base/rng.h"

#include <math.h>

#include "s4d/base/err.h"

static const double TWO_PI = 6.283185307179586476925286766559;

/* Counter words: {block low, purpose in the top byte over 24 bits of block, a, b}. A stream would
 * need 2^58 numbers to run into the block that s4d_rng_key takes for itself. */
s4d_rng s4d_rng_make(uint64_t seed, s4d_purpose purpose, uint32_t a, uint32_t b)
{
    S4D_BUG_IF(purpose < S4D_RNG_INIT || purpose > S4D_RNG_HOLD_OUT);
    return (s4d_rng){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                     .counter = {0, (uint32_t)purpose << 24, a, b}};
}

uint64_t s4d_rng_key(uint64_t seed, s4d_purpose purpose, uint32_t a, uint32_t b)
{
    s4d_rng rng = s4d_rng_make(seed, purpose, a, b);
    rng.counter[0] = UINT32_MAX;
    rng.counter[1] |= 0xFFFFFFu;
    uint32_t word[4];
    s4d_philox(rng.counter, rng.key, word);
    return (uint64_t)word[1] << 32 | word[0];
}

uint32_t s4d_rng_u32(s4d_rng *rng)
{
    if (rng->left == 0) {
        s4d_philox(rng->counter, rng->key, rng->word);
        rng->left = 4;
        rng->counter[0]++;
        if (rng->counter[0] == 0) {
            rng->counter[1]++;
        }
    }
    return rng->word[4 - rng->left--];
}

uint32_t s4d_rng_below(s4d_rng *rng, uint32_t n)
{
    S4D_BUG_IF(n == 0);
    /* The lowest 2^32 mod n values are refused, so that every remainder is as likely. */
    uint32_t refused = (0u - n) % n;
    uint32_t word;
    do {
        word = s4d_rng_u32(rng);
    } while (word < refused);
    return word % n;
}

double s4d_rng_uniform(s4d_rng *rng)
{
    uint32_t high = s4d_rng_u32(rng) >> 5;
    uint32_t low = s4d_rng_u32(rng) >> 6;
    return (high * 67108864.0 + low) * 0x1p-53;
}

double s4d_rng_range(s4d_rng *rng, double low, double high)
{
    S4D_BUG_IF(!(low <= high));
    double x = low + (high - low) * s4d_rng_uniform(rng);
    /* The sum may round up to the bound, which is outside. */
    return x < high || low == high ? x : nextafter(high, low);
}

double s4d_rng_normal(s4d_rng *rng)
{
    double u = 1.0 - s4d_rng_uniform(rng); /* (0, 1] */
    double angle = TWO_PI * s4d_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(angle);
}

/* Logarithm of a gamma draw of shape a: Marsaglia and Tsang, "A simple method for generating gamma
 * variables", 2000. In logarithms, since draws of small shapes underflow. */
static double log_gamma_draw(s4d_rng *rng, double a)
{
    double boost = 0.0;
    if (a < 1.0) {
        boost = log(1.0 - s4d_rng_uniform(rng)) / a;
        a += 1.0;
    }
    double d = a - 1.0 / 3.0;
    double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = s4d_rng_normal(rng);
        double v = 1.0 + c * x;
        if (v <= 0.0) {
            continue;
        }
        v = v * v * v;
        double u = 1.0 - s4d_rng_uniform(rng);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) {
            return log(d) + log(v) + boost;
        }
    }
}

double s4d_rng_beta(s4d_rng *rng, double a, double b)
{
    S4D_BUG_IF(!(a > 0.0) || !(b > 0.0));
    double log_x = log_gamma_draw(rng, a);
    double log_y = log_gamma_draw(rng, b);
    return 1.0 / (1.0 + exp(log_y - log_x)); /* x / (x + y) */
}

void s4d_rng_shuffle(s4d_rng *rng, uint32_t *item, size_t n)
{
    S4D_BUG_IF(n > UINT32_MAX);
    for (size_t i = n; i > 1; i--) {
        uint32_t j = s4d_rng_below(rng, (uint32_t)i);
        uint32_t kept = item[i - 1];
        item[i - 1] = item[j];
        item[j] = kept;
    }
}

static void fill_block(uint64_t key, uint64_t i, uint32_t word[4])
{
    uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    uint32_t c[4] = {(uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), 0, 0};
    s4d_philox(c, k, word);
}

double s4d_rng_fill_uniform(uint64_t key, uint64_t i)
{
    uint32_t word[4];
    fill_block(key, i, word);
    return (word[i % 4] >> 8) * 0x1p-24;
}

double s4d_rng_fill_normal(uint64_t key, uint64_t i)
{
    uint32_t word[4];
    fill_block(key, i, word);
    const uint32_t *pair = word + (i % 4 & 2);
    double r = sqrt(-2.0 * log((pair[0] + 0.5) * 0x1p-32));
    double angle = TWO_PI * (pair[1] + 0.5) * 0x1p-32;
    return i % 2 == 0 ? r * cos(angle) : r * sin(angle);
}
