/* Atomics: one thread runs at a time, so they need not be atomic. Each returns what was there before. */
#ifndef S4D_EMULATOR_ATOMICS_H
#define S4D_EMULATOR_ATOMICS_H

#define S4D_EMULATED_ATOMIC(T, name, then)                                                         \
    static inline T name(T *at, T value)                                                           \
    {                                                                                              \
        T before = *at;                                                                            \
        *at = (then);                                                                              \
        return before;                                                                             \
    }
#define S4D_EMULATED_ATOMICS(T)                                                                    \
    S4D_EMULATED_ATOMIC(T, atomicExch, value)                                                      \
    S4D_EMULATED_ATOMIC(T, atomicMin, value < before ? value : before)                             \
    S4D_EMULATED_ATOMIC(T, atomicMax, value > before ? value : before)                             \
    S4D_EMULATED_ATOMIC(T, atomicAnd, before &value)                                               \
    S4D_EMULATED_ATOMIC(T, atomicOr, before | value)                                               \
    S4D_EMULATED_ATOMIC(T, atomicXor, before ^ value)                                              \
    static inline T atomicCAS(T *at, T expected, T value)                                          \
    {                                                                                              \
        T before = *at;                                                                            \
        if (before == expected) *at = value;                                                       \
        return before;                                                                             \
    }

S4D_EMULATED_ATOMICS(int)
S4D_EMULATED_ATOMICS(unsigned int)
S4D_EMULATED_ATOMICS(unsigned long long)
S4D_EMULATED_ATOMIC(long long, atomicMin, value < before ? value : before)
S4D_EMULATED_ATOMIC(long long, atomicMax, value > before ? value : before)
S4D_EMULATED_ATOMIC(int, atomicAdd, (int)((unsigned)before + (unsigned)value))
S4D_EMULATED_ATOMIC(unsigned int, atomicAdd, before + value)
S4D_EMULATED_ATOMIC(unsigned long long, atomicAdd, before + value)
S4D_EMULATED_ATOMIC(float, atomicAdd, before + value)
S4D_EMULATED_ATOMIC(double, atomicAdd, before + value)
S4D_EMULATED_ATOMIC(int, atomicSub, (int)((unsigned)before - (unsigned)value))
S4D_EMULATED_ATOMIC(unsigned int, atomicSub, before - value)
S4D_EMULATED_ATOMIC(float, atomicExch, value)

#endif
