/* What can be asked of the card, as plain data: a kernel, a product. Knows nothing of CUDA, so that what is kept of them
 * (graph_record.h, gemm_plan.h) can be tested on any machine. Private to src/backend/cuda. */
#ifndef S4D_BACKEND_CUDA_CALLS_H
#define S4D_BACKEND_CUDA_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/tensor/tensor.h"

/* One kernel. arg[i] points to size[i] bytes. Kernels are launched by s4d_launch of kernel.cuh. */
typedef struct s4d_cuda_kernel {
    const void *function;
    unsigned grid[3], block[3];
    size_t shared; /* dynamic shared memory, bytes */
    void **arg;
    const size_t *size;
    int args;
} s4d_cuda_kernel;

/* c [m,n] = alpha * op(a) op(b) + beta * c, row-major; op transposes where asked (a is then stored [k,m], b [n,k]). Sums
 * are float32 (TF32 products only where precision is tf32). batch > 1: the same for matrices that lie stride_* elements
 * apart. */
typedef struct s4d_cuda_product {
    bool ta, tb;
    int64_t m, n, k;
    float alpha, beta;
    const void *a, *b;
    void *c;
    int64_t lda, ldb, ldc;           /* elements from row to row */
    s4d_dtype type, c_type;          /* of a and b; of c: F32 or BF16 */
    bool has_bias;                   /* said apart, as bias is NULL while planning */
    const void *bias;                /* [n], of c's type, added to every row */
    int64_t batch;                   /* 0 is 1 */
    int64_t stride_a, stride_b, stride_c, stride_bias;
} s4d_cuda_product;

#endif
