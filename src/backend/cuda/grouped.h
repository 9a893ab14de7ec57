/* Kernels that the products' operations ask for. Private to src/backend/cuda. */
#ifndef S4D_BACKEND_CUDA_GROUPED_H
#define S4D_BACKEND_CUDA_GROUPED_H

#include "backend/cuda/cuda_private.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cuda_qkv.cu: bias [3D] of type `type` = q [D], 0, v [D]. */
void s4d_cuda_join_qkv_bias(s4d_backend *be, int64_t D, const float *q, const float *v, s4d_dtype type, void *bias);

/* The rows of E groups: `stride` each, or (stride 0) from offset[e] to offset[e+1], on the device. R rows in all. */
typedef struct s4d_cuda_groups {
    int64_t E, R, stride;
    const int32_t *offset;
} s4d_cuda_groups;

/* cuda_group_sums.cu: sum [E,n] += the column sums of each group's rows of x [R,n]; in an order that depends on the shapes
 * and the groups' sizes only. */
void s4d_cuda_add_group_columns(s4d_backend *be, const s4d_cuda_groups *g, s4d_dtype type, const void *x, int64_t n,
                                float *sum);

#ifdef __cplusplus
}
#endif

#endif
