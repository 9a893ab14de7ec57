/* The cpu device: ref's float table with what matters overridden by oneDNN or CBLAS and vector loops. Results depend on
 * the inputs and the number of threads only: work is cut in fixed pieces and partial sums are added in a fixed order. */
#ifndef S4D_BACKEND_CPU_PRIVATE_H
#define S4D_BACKEND_CPU_PRIVATE_H

#include "backend/backend_private.h"

#define CPU_OP(name)                                                                               \
    void s4d_cpu_##name(s4d_backend *be __attribute__((unused)), const s4d_##name##_args *args);   \
    void s4d_cpu_##name(s4d_backend *be __attribute__((unused)), const s4d_##name##_args *args)

/* Parts of other operations. */
void s4d_cpu_residual_fwd(s4d_backend *be, const s4d_residual_fwd_args *args);
void s4d_cpu_layer_norm_fwd(s4d_backend *be, const s4d_layer_norm_fwd_args *args);

/* c [m,n] = alpha * op(a) op(b) + beta * c, row-major; op transposes where asked. On all threads of the backend, or on
 * the calling one inside a parallel region. */
typedef struct s4d_gemm {
    bool ta, tb;
    int64_t m, n, k;
    float alpha, beta;
    const float *a;
    int64_t lda;
    const float *b;
    int64_t ldb;
    float *c;
    int64_t ldc;
} s4d_gemm;
void s4d_cpu_gemm(s4d_backend *be, const s4d_gemm *g);
/* Before the first product. */
s4d_status s4d_cpu_start_products(s4d_err *err);

/* Work below this many float copies stays on one thread: waking the others costs more, above all where they wait for a
 * processor behind a loader's thread. In the test library all work is shared out, so that small cases try it. */
#ifdef S4D_TEST_HOOKS
enum { S4D_WORTH_SHARING = 0 };
#else
enum { S4D_WORTH_SHARING = 1 << 15 };
#endif
static inline int s4d_threads_for(const s4d_backend *be, int64_t floats)
{
    return floats < S4D_WORTH_SHARING ? 1 : be->threads;
}

/* Piece `i` of `pieces` of a range of n: [first, end). */
typedef struct s4d_piece {
    int64_t first, end;
} s4d_piece;
static inline s4d_piece s4d_piece_of(int64_t n, int i, int pieces)
{
    return (s4d_piece){n * i / pieces, n * (i + 1) / pieces};
}

/* sum [n] += the column sums of x [m,n], in pieces of rows, one a thread. */
void s4d_cpu_add_columns(s4d_backend *be, const float *x, int64_t m, int64_t n, int64_t stride, float *sum);

#endif
