/* Linear layers and packed queries, keys and values: products, whose bias joins them, and column sums for bias gradients.
 * Bound by the products: 2 M N K operations each. */
#include "backend/cuda/grouped.h"

CUDA_OP(linear_fwd)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->y);
    s4d_cuda_gemm(be, &(s4d_cuda_product){.tb = true, .m = M, .n = N, .k = K, .alpha = 1, .type = args->x.dtype,
                                          .a = args->x.data, .lda = K, .b = args->w.data, .ldb = K,
                                          .has_bias = s4d_tensor_given(&args->b), .bias = args->b.data,
                                          .c = args->y.data, .ldc = N, .c_type = args->y.dtype});
}

/* dy in the type of the products' other factor. */
static const void *dy_as_factor(s4d_backend *be, const s4d_linear_bwd_args *args)
{
    const s4d_tensor *dy = &args->dy;
    int64_t n = s4d_tensor_count(dy);
    if (dy->dtype == args->x.dtype) return dy->data;
    void *to = s4d_cuda_scratch(be, (size_t)n * s4d_dtype_size(args->x.dtype));
    s4d_cuda_convert(be, dy->dtype, dy->data, args->x.dtype, to, n);
    return to;
}

CUDA_OP(linear_bwd)
{
    int64_t M = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->dy);
    bool dx = s4d_tensor_given(&args->dx), dw = s4d_tensor_given(&args->dw);
    const void *dy = dx || dw ? dy_as_factor(be, args) : NULL;
    if (dx)
        s4d_cuda_gemm(be, &(s4d_cuda_product){.m = M, .n = K, .k = N, .alpha = 1, .beta = args->add_dx,
                                              .type = args->x.dtype, .a = dy, .lda = N, .b = args->w.data, .ldb = K,
                                              .c = args->dx.data, .ldc = K, .c_type = args->dx.dtype});
    if (dw)
        s4d_cuda_gemm(be, &(s4d_cuda_product){.ta = true, .m = N, .n = K, .k = M, .alpha = 1, .beta = 1,
                                              .type = args->x.dtype, .a = dy, .lda = N, .b = args->x.data, .ldb = K,
                                              .c = args->dw.data, .ldc = K, .c_type = args->dw.dtype});
    if (s4d_tensor_given(&args->db)) s4d_cuda_add_columns(be, args->dy.dtype, args->dy.data, M, N, N, args->db.data);
}

CUDA_OP(qkv_fwd)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x);
    s4d_dtype type = args->y.dtype;
    void *bias = s4d_cuda_scratch(be, (size_t)(3 * D) * s4d_dtype_size(type));
    s4d_cuda_join_qkv_bias(be, D, args->q_bias.data, args->v_bias.data, type, bias);
    s4d_cuda_gemm(be, &(s4d_cuda_product){.tb = true, .m = M, .n = 3 * D, .k = D, .alpha = 1, .type = args->x.dtype,
                                          .a = args->x.data, .lda = D, .b = args->w.data, .ldb = D, .has_bias = true, .bias = bias,
                                          .c = args->y.data, .ldc = 3 * D, .c_type = type});
}

/* dy [M,3D] from part 0, 1, 2 on. NULL while planning. */
static const void *part_of(const s4d_tensor *dy, int64_t D, int part)
{
    return dy->data ? (const char *)dy->data + part * D * (int64_t)s4d_dtype_size(dy->dtype) : NULL;
}

CUDA_OP(qkv_bias_bwd)
{
    int64_t M = s4d_rows(&args->dy), D = s4d_width(&args->dq_bias);
    s4d_dtype type = args->dy.dtype;
    s4d_cuda_add_columns(be, type, part_of(&args->dy, D, 0), M, D, 3 * D, args->dq_bias.data);
    s4d_cuda_add_columns(be, type, part_of(&args->dy, D, 2), M, D, 3 * D, args->dv_bias.data);
}
