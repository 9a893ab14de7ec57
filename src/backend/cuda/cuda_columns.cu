/* Sums of columns, for the gradients of biases. Bound by reading x once: 2 bytes an element in BF16, 1 FLOP. */
#include "backend/cuda/columns.cuh"

template <class T> struct given {
    const T *x;
    int64_t stride;
    template <class S> __device__ eight operator()(int64_t row, const S &s) const
    {
        return load_span(x + row * stride, s);
    }
};

template <class T>
static void add(s4d_backend *be, const void *x, int64_t m, int64_t n, int64_t stride, float *sum)
{
    given<T> f = {(const T *)x, stride};
    gather_columns(be, m, n, all_aligned(x) && stride % SPAN == 0, f, sum);
}

extern "C" void s4d_cuda_add_columns(s4d_backend *be, s4d_dtype type, const void *x, int64_t m, int64_t n, int64_t stride,
                                     float *sum)
{
    S4D_BY_TYPE(type, T, (add<T>(be, x, m, n, stride, sum)));
}
