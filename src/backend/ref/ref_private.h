/* The reference device: plain loops in the order of the formulas, built once as float and once as
 * double. Sums are double in both builds; what is stored is rounded once. Private to
 * src/backend/ref. */
#ifndef S4D_BACKEND_REF_PRIVATE_H
#define S4D_BACKEND_REF_PRIVATE_H

#include "backend/backend_private.h"

#ifdef S4D_REF_f64
typedef double real;
#define REF(name) s4d_ref_##name##_f64
#else
typedef float real;
#define REF(name) s4d_ref_##name##_f32
#endif

/* The head of an operation: REF_OP(add) { ... args->x ... } */
#define REF_OP(name)                                                                               \
    void REF(name)(s4d_backend *be __attribute__((unused)), const s4d_##name##_args *args)

#define S4D_OP(name) REF_OP(name);
#include "s4d/backend/ops.def"
#undef S4D_OP

/* An index into n places, as the caller promised. */
static inline int64_t place(int32_t index, int64_t n)
{
    S4D_BUG_IF(index < 0 || index >= n);
    return index;
}

/* sum of a[i] * b[i] */
static inline double dot(const real *a, const real *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

/* sum[n] += the sum of column n of x [M,N], whose rows lie `stride` values apart. */
static inline void ref_add_columns(const real *x, int64_t M, int64_t stride, int64_t N, real *sum)
{
    for (int64_t n = 0; n < N; n++) {
        double total = (double)sum[n];
        for (int64_t m = 0; m < M; m++) {
            total += (double)x[m * stride + n];
        }
        sum[n] = (real)total;
    }
}

#endif
