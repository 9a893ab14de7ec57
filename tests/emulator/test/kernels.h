/* Launchers of the kernels by which the emulator is tested; plain CUDA, so that nvcc takes them too. */
#ifndef S4D_EMULATOR_TEST_KERNELS_H
#define S4D_EMULATOR_TEST_KERNELS_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- kernels_block.cu ---- */

cudaError_t launch_fill(float *y, float value, int n, cudaStream_t stream);
cudaError_t launch_add(float *y, const float *x, int n, cudaStream_t stream);
/* sum[block] of its `threads` values of x, by shuffles and shared memory; threads of 32 or more. */
cudaError_t launch_sums(const float *x, int n, int threads, int blocks, float *sum);
/* Threads beyond n end at once; the others meet and reverse x. */
cudaError_t launch_reverse(const int *x, int *y, int n, int threads);
cudaError_t launch_careless(const int *x, int *y, int n); /* the same without a barrier */
/* count[linear number of the thread in the grid] += 1, and the order in which blocks came. */
cudaError_t launch_indices(dim3 grid, dim3 block, unsigned *count, unsigned *order, unsigned *turn);
cudaError_t launch_with(dim3 grid, dim3 block, size_t shared);
/* y[0] = a value of shared memory that nobody wrote: static, then dynamic. */
cudaError_t launch_unwritten(float *y);
cudaError_t launch_shared_at(size_t bytes, size_t write_at);
cudaError_t launch_allow_shared(int bytes);
cudaError_t launch_not_known(void);

/* Programming errors, which must end the program. */
typedef enum wrong {
    WRONG_TWO_BARRIERS,
    WRONG_BARRIER_AND_SHUFFLE,
    WRONG_ENDED_LANE,
    WRONG_LANE_NOT_IN_MASK,
    WRONG_MASK,
    WRONG_SITES,
    WRONG_WIDTH
} wrong;
cudaError_t launch_wrong(wrong what);

/* ---- kernels_warp.cu ---- */

/* Row r of y [SHUFFLES,32]: what lane i got. */
enum { SHUFFLES = 16 };
cudaError_t launch_shuffles(int *y);
cudaError_t launch_shuffled_types(double *y);
/* A warp of `threads` lanes votes; lanes from `ended` on have ended before. */
cudaError_t launch_votes(unsigned *y, int threads, int ended);
/* The two halves of each warp do different things, with masks of their own. */
cudaError_t launch_halves(int *y);

/* ---- kernels_numbers.cu ---- */

cudaError_t launch_narrow(const float *x, uint16_t *y, int n);
cudaError_t launch_narrow_double(const double *x, uint16_t *y, int n);
cudaError_t launch_widen(const uint16_t *x, float *y, int n);
typedef struct bundle {
    double a;
    int64_t b;
    int32_t c[2];
} bundle;
/* y = a + b + c[0] + c[1] + d + e, arguments of every size. */
cudaError_t launch_bundle(double *y, bundle u, signed char d, short e);
enum { NUMBERS = 40 };
cudaError_t launch_numbers(double *y);

#ifdef __cplusplus
}
#endif

#endif
