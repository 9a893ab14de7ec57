/* Barriers, shuffles and votes, under CUDA's names. Each call tells where in the source it stands. */
#ifndef S4D_EMULATOR_WARP_H
#define S4D_EMULATOR_WARP_H

#define S4D_EMULATED_HERE                                                                          \
    s4d_emulated_site                                                                              \
    {                                                                                              \
        file, line                                                                                 \
    }
#define S4D_EMULATED_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()

/* ---- barriers ---- */

static inline void __syncthreads(S4D_EMULATED_CALLER)
{
    s4d_emulator_barrier(S4D_EMULATED_NOTHING, 0, S4D_EMULATED_HERE);
}
static inline int __syncthreads_count(int predicate, S4D_EMULATED_CALLER)
{
    return s4d_emulator_barrier(S4D_EMULATED_COUNT, predicate, S4D_EMULATED_HERE);
}
static inline int __syncthreads_and(int predicate, S4D_EMULATED_CALLER)
{
    return s4d_emulator_barrier(S4D_EMULATED_AND, predicate, S4D_EMULATED_HERE);
}
static inline int __syncthreads_or(int predicate, S4D_EMULATED_CALLER)
{
    return s4d_emulator_barrier(S4D_EMULATED_OR, predicate, S4D_EMULATED_HERE);
}
static inline void __syncwarp(unsigned mask = 0xffffffffu, S4D_EMULATED_CALLER)
{
    s4d_emulator_together(S4D_EMULATED_MEET, mask, 0, 0, S4D_EMULATED_HERE);
}
static inline void __threadfence(void)
{
    __sync_synchronize();
}
static inline void __threadfence_block(void)
{
    __sync_synchronize();
}
static inline void __threadfence_system(void)
{
    __sync_synchronize();
}
static inline void __trap(void)
{
    s4d_emulator_trap("__trap was called");
}

/* ---- shuffles ---- */

/* First and last lane of the part of the warp that `lane` belongs to. */
static inline int s4d_emulated_first(int lane, int width)
{
    if (width <= 0 || width > 32 || (width & (width - 1))) s4d_emulator_trap("the width of a shuffle is no power of two up to 32");
    return lane & ~(width - 1);
}
static inline int s4d_emulated_from(int lane, int source, int width)
{
    return s4d_emulated_first(lane, width) | (source & (width - 1));
}
static inline int s4d_emulated_from_up(int lane, unsigned delta, int width)
{
    int first = s4d_emulated_first(lane, width);
    return (unsigned)(lane - first) >= delta ? lane - (int)delta : lane;
}
static inline int s4d_emulated_from_down(int lane, unsigned delta, int width)
{
    int last = s4d_emulated_first(lane, width) + width - 1;
    return (unsigned)(last - lane) >= delta ? lane + (int)delta : lane;
}
static inline int s4d_emulated_from_xor(int lane, int other, int width)
{
    int last = s4d_emulated_first(lane, width) + width - 1, from = lane ^ other;
    return from < 0 || from > last ? lane : from;
}

#define S4D_EMULATED_SHUFFLE_OF(T, name, Lane, source)                                             \
    static inline T name(unsigned mask, T value, Lane how, int width = 32, S4D_EMULATED_CALLER)    \
    {                                                                                              \
        uint64_t bits = 0;                                                                         \
        memcpy(&bits, &value, sizeof value);                                                       \
        bits = s4d_emulator_together(S4D_EMULATED_SHUFFLE, mask, bits, source(s4d_emulator_lane(), how, width), \
                                     S4D_EMULATED_HERE);                                           \
        memcpy(&value, &bits, sizeof value);                                                       \
        return value;                                                                              \
    }
#define S4D_EMULATED_SHUFFLES(T)                                                                   \
    S4D_EMULATED_SHUFFLE_OF(T, __shfl_sync, int, s4d_emulated_from)                                \
    S4D_EMULATED_SHUFFLE_OF(T, __shfl_up_sync, unsigned, s4d_emulated_from_up)                     \
    S4D_EMULATED_SHUFFLE_OF(T, __shfl_down_sync, unsigned, s4d_emulated_from_down)                 \
    S4D_EMULATED_SHUFFLE_OF(T, __shfl_xor_sync, int, s4d_emulated_from_xor)

S4D_EMULATED_SHUFFLES(int)
S4D_EMULATED_SHUFFLES(unsigned)
S4D_EMULATED_SHUFFLES(long)
S4D_EMULATED_SHUFFLES(unsigned long)
S4D_EMULATED_SHUFFLES(long long)
S4D_EMULATED_SHUFFLES(unsigned long long)
S4D_EMULATED_SHUFFLES(float)
S4D_EMULATED_SHUFFLES(double)

/* ---- votes and sums of whole numbers ---- */

static inline unsigned __ballot_sync(unsigned mask, int predicate, S4D_EMULATED_CALLER)
{
    return (unsigned)s4d_emulator_together(S4D_EMULATED_BALLOT, mask, predicate != 0, 0, S4D_EMULATED_HERE);
}
static inline int __any_sync(unsigned mask, int predicate, S4D_EMULATED_CALLER)
{
    return (int)s4d_emulator_together(S4D_EMULATED_BIT_OR, mask, predicate != 0, 0, S4D_EMULATED_HERE);
}
static inline int __all_sync(unsigned mask, int predicate, S4D_EMULATED_CALLER)
{
    return (int)s4d_emulator_together(S4D_EMULATED_BIT_AND, mask, predicate != 0, 0, S4D_EMULATED_HERE);
}

#define S4D_EMULATED_TOGETHER(T, name, kind)                                                       \
    static inline T name(unsigned mask, T value, S4D_EMULATED_CALLER)                              \
    {                                                                                              \
        return (T)s4d_emulator_together(kind, mask, (uint64_t)value, 0, S4D_EMULATED_HERE);        \
    }
#define S4D_EMULATED_MATCH_OF(T)                                                                   \
    static inline unsigned __match_any_sync(unsigned mask, T value, S4D_EMULATED_CALLER)           \
    {                                                                                              \
        return (unsigned)s4d_emulator_together(S4D_EMULATED_MATCH, mask, (uint64_t)value, 0, S4D_EMULATED_HERE); \
    }
S4D_EMULATED_TOGETHER(unsigned, __reduce_add_sync, S4D_EMULATED_ADD)
S4D_EMULATED_TOGETHER(int, __reduce_add_sync, S4D_EMULATED_ADD)
S4D_EMULATED_TOGETHER(unsigned, __reduce_min_sync, S4D_EMULATED_MIN)
S4D_EMULATED_TOGETHER(int, __reduce_min_sync, S4D_EMULATED_MIN_SIGNED)
S4D_EMULATED_TOGETHER(unsigned, __reduce_max_sync, S4D_EMULATED_MAX)
S4D_EMULATED_TOGETHER(int, __reduce_max_sync, S4D_EMULATED_MAX_SIGNED)
S4D_EMULATED_TOGETHER(unsigned, __reduce_and_sync, S4D_EMULATED_BIT_AND)
S4D_EMULATED_TOGETHER(unsigned, __reduce_or_sync, S4D_EMULATED_BIT_OR)
S4D_EMULATED_TOGETHER(unsigned, __reduce_xor_sync, S4D_EMULATED_BIT_XOR)
S4D_EMULATED_MATCH_OF(int)
S4D_EMULATED_MATCH_OF(unsigned)
S4D_EMULATED_MATCH_OF(long long)
S4D_EMULATED_MATCH_OF(unsigned long long)

#endif
