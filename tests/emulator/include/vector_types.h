/* Short vectors and grid sizes, with the alignment that they have on a card. */
#ifndef S4D_EMULATOR_VECTOR_TYPES_H
#define S4D_EMULATOR_VECTOR_TYPES_H

#define S4D_EMULATED_VECTORS(type, name, align2, align4)                                           \
    typedef struct name##1 {                                                                       \
        type x;                                                                                    \
    } name##1;                                                                                     \
    typedef struct name##2 {                                                                       \
        type x, y;                                                                                 \
    } __attribute__((aligned(align2))) name##2;                                                    \
    typedef struct name##3 {                                                                       \
        type x, y, z;                                                                              \
    } name##3;                                                                                     \
    typedef struct name##4 {                                                                       \
        type x, y, z, w;                                                                           \
    } __attribute__((aligned(align4))) name##4;                                                    \
    static inline name##1 make_##name##1(type x)                                                   \
    {                                                                                              \
        name##1 v = {x};                                                                           \
        return v;                                                                                  \
    }                                                                                              \
    static inline name##2 make_##name##2(type x, type y)                                           \
    {                                                                                              \
        name##2 v = {x, y};                                                                        \
        return v;                                                                                  \
    }                                                                                              \
    static inline name##3 make_##name##3(type x, type y, type z)                                   \
    {                                                                                              \
        name##3 v = {x, y, z};                                                                     \
        return v;                                                                                  \
    }                                                                                              \
    static inline name##4 make_##name##4(type x, type y, type z, type w)                           \
    {                                                                                              \
        name##4 v = {x, y, z, w};                                                                  \
        return v;                                                                                  \
    }

S4D_EMULATED_VECTORS(signed char, char, 2, 4)
S4D_EMULATED_VECTORS(unsigned char, uchar, 2, 4)
S4D_EMULATED_VECTORS(short, short, 4, 8)
S4D_EMULATED_VECTORS(unsigned short, ushort, 4, 8)
S4D_EMULATED_VECTORS(int, int, 8, 16)
S4D_EMULATED_VECTORS(unsigned int, uint, 8, 16)
S4D_EMULATED_VECTORS(long long, longlong, 16, 16)
S4D_EMULATED_VECTORS(unsigned long long, ulonglong, 16, 16)
S4D_EMULATED_VECTORS(float, float, 8, 16)
S4D_EMULATED_VECTORS(double, double, 16, 16)
#undef S4D_EMULATED_VECTORS

typedef struct dim3 {
    unsigned int x, y, z;
#ifdef __cplusplus
    constexpr dim3(unsigned int vx = 1, unsigned int vy = 1, unsigned int vz = 1) : x(vx), y(vy), z(vz) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
    constexpr operator uint3(void) const
    {
        return uint3{x, y, z};
    }
#endif
} dim3;

#endif
