/* A matrix product the plain way: for what cuBLASLt does not take, and for k = 0. Bound by shared memory, far from the speed
 * of tensor cores; nothing that a model spends time on comes here. */
#include "backend/cuda/kernel.cuh"

enum { TILE = 16 };

/* One matrix of a batch: element (row, column) of op(x). */
template <class T> struct matrix {
    const T *x;
    int64_t ld, stride;
    int64_t transposed;
};

typedef struct sizes {
    int64_t m, n, k, ldc, stride_c, stride_bias;
    float alpha, beta;
} sizes;

template <class T>
static __device__ float at(const matrix<T> &a, int64_t batch, int64_t row, int64_t column, int64_t rows, int64_t columns)
{
    if (row >= rows || column >= columns) return 0;
    int64_t place = a.transposed ? column * a.ld + row : row * a.ld + column;
    return to_float(a.x[batch * a.stride + place]);
}

template <class T, class C>
static __global__ void product(matrix<T> a, matrix<T> b, sizes s, const C *bias, C *c)
{
    __shared__ float left[TILE][TILE], right[TILE][TILE];
    int64_t batch = blockIdx.z;
    int64_t row = (int64_t)blockIdx.x * TILE + threadIdx.y, column = (int64_t)blockIdx.y * TILE + threadIdx.x;
    float sum = 0;
    for (int64_t first = 0; first < s.k; first += TILE) {
        left[threadIdx.y][threadIdx.x] = at(a, batch, row, first + threadIdx.x, s.m, s.k);
        right[threadIdx.y][threadIdx.x] = at(b, batch, first + threadIdx.y, column, s.k, s.n);
        __syncthreads();
        for (int i = 0; i < TILE; ++i) sum = fmaf(left[threadIdx.y][i], right[i][threadIdx.x], sum);
        __syncthreads();
    }
    if (row >= s.m || column >= s.n) return;
    C *to = &c[batch * s.stride_c + row * s.ldc + column];
    sum *= s.alpha;
    if (s.beta != 0) sum += s.beta * to_float(*to);
    if (bias) sum += to_float(bias[batch * s.stride_bias + column]);
    *to = from_float<C>(sum);
}

template <class T, class C> static void run(s4d_backend *be, const s4d_cuda_product *p)
{
    int64_t batch = p->batch > 1 ? p->batch : 1;
    matrix<T> a = {(const T *)p->a, p->lda, p->stride_a, p->ta}, b = {(const T *)p->b, p->ldb, p->stride_b, p->tb};
    sizes s = {p->m, p->n, p->k, p->ldc, p->stride_c, p->stride_bias, p->alpha, p->beta};
    dim3 grid = s4d_dim(s4d_blocks(p->m, TILE), s4d_blocks(p->n, TILE), batch);
    s4d_launch(be, product<T, C>, grid, s4d_dim(TILE, TILE), 0, a, b, s, (const C *)p->bias, (C *)p->c);
}

extern "C" void s4d_cuda_plain_product(s4d_backend *be, const s4d_cuda_product *p)
{
    S4D_BY_TYPE(p->type, T, S4D_BY_TYPE(p->c_type, C, (run<T, C>(be, p))));
}
