/* The cuda device. C files hold memory, streams, products and plans; .cu files hold kernels and their extern "C" launchers
 * only, so that the program links without the C++ library. Private to src/backend/cuda.
 *
 * Everything an operation does goes through a few calls: s4d_cuda_scratch, s4d_cuda_constant, s4d_cuda_launch,
 * s4d_cuda_gemm, clear, copy and defer. Each of them knows three ways of being called, so that operations need not:
 *   running    it is done, on the compute stream
 *   planning   nothing is done; the most scratch a step needs is noted. Tensors and host arrays may be NULL
 *   recording  it is kept in a list, and the step's end decides: a graph that holds the same list is launched in one go,
 *              or the list is captured into one, or issued as it stands (graph.c)
 * So an operation may look at shapes and plain scalars, but never through a pointer, and issues the same calls for the same
 * shapes. One that must read device memory on the host asks s4d_cuda_may_read first. */
#ifndef S4D_BACKEND_CUDA_PRIVATE_H
#define S4D_BACKEND_CUDA_PRIVATE_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "backend/backend_private.h"
#include "backend/cuda/calls.h"

typedef struct s4d_cuda s4d_cuda; /* be->device_state: streams, libraries, slots; cuda_state.h */

/* The head of an operation, in C or in .cu: CUDA_OP(add) { ... args->x ... } */
#define CUDA_OP(name)                                                                              \
    void s4d_cuda_##name(s4d_backend *be, const s4d_##name##_args *args);                          \
    void s4d_cuda_##name(s4d_backend *be, const s4d_##name##_args *args)

/* Device memory for the operation at hand, 256-byte aligned, contents undefined; several calls give several pieces, all good
 * until the operation ends. NULL while planning and after a failure. */
void *s4d_cuda_scratch(s4d_backend *be, size_t bytes);

/* Host data for kernels of this operation: its device address, 16-byte aligned. The host's copy is free again on return.
 * Values that change from step to step (keys, rates, draws) go this way and not as kernel arguments, which a graph keeps. */
const void *s4d_cuda_constant(s4d_backend *be, const void *host, size_t bytes);

/* Kernels and products: calls.h. */
void s4d_cuda_launch(s4d_backend *be, const s4d_cuda_kernel *k);
void s4d_cuda_gemm(s4d_backend *be, const s4d_cuda_product *p);
/* The same by a kernel of ours, slowly: for what the library does not take, and for k = 0. */
void s4d_cuda_plain_product(s4d_backend *be, const s4d_cuda_product *p);

/* sum [n] += the column sums of x [m,n], rows `stride` elements apart, x F32 or BF16, sum F32; in an order that depends on m
 * and n only. */
void s4d_cuda_add_columns(s4d_backend *be, s4d_dtype type, const void *x, int64_t m, int64_t n, int64_t stride, float *sum);
/* y [n] = x [n] converted; F32, BF16, F64. */
void s4d_cuda_convert(s4d_backend *be, s4d_dtype x_type, const void *x, s4d_dtype y_type, void *y, int64_t n);
/* Whether this build has code for the card; cudaErrorNoKernelImageForDevice where it has not. */
cudaError_t s4d_cuda_try_code(void);
/* bytes zeroed / copied within the device. */
void s4d_cuda_clear(s4d_backend *be, void *x, size_t bytes);
void s4d_cuda_copy(s4d_backend *be, void *to, const void *from, size_t bytes);

/* For work that is neither a kernel nor a product of ours (cuDNN): calls run(be, copy of `what`), which issues it on
 * s4d_cuda_stream: now, or while a graph is captured, or later in its turn; not while planning. `what` must say all that the
 * work depends on, device addresses too, and have no padding: a graph is used again where its bytes are the same. */
void s4d_cuda_defer(s4d_backend *be, void (*run)(s4d_backend *be, const void *what), const void *what, size_t bytes);

/* True where device memory may be read now: everything issued so far is done then, and s4d_backend_download works. False
 * while planning and after a failure. A step in which this was asked is not recorded again. */
bool s4d_cuda_may_read(s4d_backend *be);

/* Makes the backend sticky-failed where `status` is an error: "<what>: <CUDA's words>". */
bool s4d_cuda_good(s4d_backend *be, cudaError_t status, const char *what);
cudaStream_t s4d_cuda_stream(const s4d_backend *be);
/* Whether launches and products happen now; else they are noted or kept for later. */
bool s4d_cuda_running(const s4d_backend *be);
int s4d_cuda_capability(const s4d_backend *be); /* 90 for compute capability 9.0 */
s4d_attention_path s4d_cuda_attention_wanted(const s4d_backend *be);
bool s4d_cuda_any_order(const s4d_backend *be); /* not deterministic, by choice */
void **s4d_cuda_attention_state(s4d_backend *be); /* where attention.c keeps what it has opened */

#ifdef __cplusplus
}
#endif

#endif
