/* The experts' linear layers. With a stride all groups have one shape: one batched product. By offset (evaluation without
 * capacity) the host must know them: it waits for the card, and a step in which that happens is not recorded.
 * Bound by the products: 2 K N operations a row. */
#include "backend/cuda/grouped.h"

static s4d_cuda_product product_of(const s4d_tensor *w, s4d_dtype c_type)
{
    return (s4d_cuda_product){.alpha = 1, .type = w->dtype, .c_type = c_type};
}

/* ---- by stride ---- */

static void forward_by_stride(s4d_backend *be, const s4d_grouped_linear_fwd_args *args, int64_t N, int64_t K)
{
    s4d_cuda_product p = product_of(&args->w, args->y.dtype);
    p.batch = args->w.dim[0];
    p.tb = true;
    p.m = args->stride, p.n = N, p.k = K;
    p.a = args->x.data, p.lda = K, p.stride_a = args->stride * K;
    p.b = args->w.data, p.ldb = K, p.stride_b = N * K;
    p.c = args->y.data, p.ldc = N, p.stride_c = args->stride * N;
    p.has_bias = true, p.bias = args->b.data, p.stride_bias = N;
    s4d_cuda_gemm(be, &p);
}

static void dx_by_stride(s4d_backend *be, const s4d_grouped_linear_bwd_args *args, int64_t N, int64_t K)
{
    s4d_cuda_product p = product_of(&args->w, args->dx.dtype);
    p.batch = args->w.dim[0];
    p.m = args->stride, p.n = K, p.k = N;
    p.a = args->dy.data, p.lda = N, p.stride_a = args->stride * N;
    p.b = args->w.data, p.ldb = K, p.stride_b = N * K;
    p.c = args->dx.data, p.ldc = K, p.stride_c = args->stride * K;
    s4d_cuda_gemm(be, &p);
}

static void dw_by_stride(s4d_backend *be, const s4d_grouped_linear_bwd_args *args, int64_t N, int64_t K)
{
    s4d_cuda_product p = product_of(&args->w, args->dw.dtype);
    p.batch = args->w.dim[0];
    p.ta = true;
    p.beta = 1;
    p.m = N, p.n = K, p.k = args->stride;
    p.a = args->dy.data, p.lda = N, p.stride_a = args->stride * N;
    p.b = args->x.data, p.ldb = K, p.stride_b = args->stride * K;
    p.c = args->dw.data, p.ldc = K, p.stride_c = N * K;
    s4d_cuda_gemm(be, &p);
}

/* ---- by offset ---- */

/* A way of computing is chosen for every shape that is met, which takes time and room, and here the sizes are as the data
 * will have them. So groups are taken in pieces of few sizes: numbers of four bits, shifted. */
static int64_t step_at(int64_t n)
{
    int64_t step = 1;
    while (n / step >= 16) step *= 2;
    return step;
}

static int64_t size_below(int64_t n)
{
    return n / step_at(n) * step_at(n);
}

static int64_t size_above(int64_t n)
{
    int64_t below = size_below(n);
    return below == n ? n : below + step_at(n);
}

/* Rows first.. of group e. */
typedef struct piece {
    int64_t e, first, rows;
} piece;

typedef void piece_product(s4d_backend *be, const void *args, const piece *own);

/* The offsets [E+1], checked against the buffer of R rows; NULL where they cannot be read now. */
static const int32_t *read_offsets(s4d_backend *be, const s4d_tensor *offset, int64_t E, int64_t R)
{
    if (!s4d_cuda_may_read(be)) return NULL;
    int32_t *o = s4d_backend_scratch(be, (size_t)(E + 1) * sizeof *o);
    if (!o) return NULL;
    s4d_backend_download(be, o, offset->data, (size_t)(E + 1) * sizeof *o);
    for (int64_t e = 0; e < E; ++e) S4D_BUG_IF(o[e] < 0 || o[e + 1] < o[e] || o[e + 1] > R);
    return o;
}

/* Every row at least once: the second piece of a group may begin within the first. */
static void cover_group(s4d_backend *be, const void *args, int64_t e, int64_t first, int64_t end, piece_product *product)
{
    int64_t n = end - first, rows = size_below(n), rest = size_above(n - rows);
    if (rows > 0) product(be, args, &(piece){e, first, rows});
    if (rest > 0) product(be, args, &(piece){e, end - rest, rest});
}

/* Every row once. */
static void split_group(s4d_backend *be, const void *args, int64_t e, int64_t first, int64_t end, piece_product *product)
{
    for (int64_t rows; first < end; first += rows) {
        rows = size_below(end - first);
        product(be, args, &(piece){e, first, rows});
    }
}

static const void *row_of(const s4d_tensor *t, int64_t row, int64_t width)
{
    return (const char *)t->data + row * width * (int64_t)s4d_dtype_size(t->dtype);
}

static void forward_piece(s4d_backend *be, const void *any, const piece *own)
{
    const s4d_grouped_linear_fwd_args *args = any;
    int64_t N = args->w.dim[1], K = args->w.dim[2];
    s4d_cuda_product p = product_of(&args->w, args->y.dtype);
    p.tb = true;
    p.m = own->rows, p.n = N, p.k = K;
    p.a = row_of(&args->x, own->first, K), p.lda = K;
    p.b = row_of(&args->w, own->e, N * K), p.ldb = K;
    p.c = (void *)row_of(&args->y, own->first, N), p.ldc = N;
    p.has_bias = true, p.bias = row_of(&args->b, own->e, N);
    s4d_cuda_gemm(be, &p);
}

static void dx_piece(s4d_backend *be, const void *any, const piece *own)
{
    const s4d_grouped_linear_bwd_args *args = any;
    int64_t N = args->w.dim[1], K = args->w.dim[2];
    s4d_cuda_product p = product_of(&args->w, args->dx.dtype);
    p.m = own->rows, p.n = K, p.k = N;
    p.a = row_of(&args->dy, own->first, N), p.lda = N;
    p.b = row_of(&args->w, own->e, N * K), p.ldb = K;
    p.c = (void *)row_of(&args->dx, own->first, K), p.ldc = K;
    s4d_cuda_gemm(be, &p);
}

static void dw_piece(s4d_backend *be, const void *any, const piece *own)
{
    const s4d_grouped_linear_bwd_args *args = any;
    int64_t N = args->w.dim[1], K = args->w.dim[2];
    s4d_cuda_product p = product_of(&args->w, args->dw.dtype);
    p.ta = true;
    p.beta = 1;
    p.m = N, p.n = K, p.k = own->rows;
    p.a = row_of(&args->dy, own->first, N), p.lda = N;
    p.b = row_of(&args->x, own->first, K), p.ldb = K;
    p.c = (void *)row_of(&args->dw, own->e, N * K), p.ldc = K;
    s4d_cuda_gemm(be, &p);
}

/* ---- operations ---- */

CUDA_OP(grouped_linear_fwd)
{
    int64_t E = args->w.dim[0], N = args->w.dim[1], K = args->w.dim[2];
    if (args->stride) {
        forward_by_stride(be, args, N, K);
        return;
    }
    const int32_t *o = read_offsets(be, &args->offset, E, s4d_tensor_count(&args->y) / N);
    for (int64_t e = 0; o && e < E; ++e) cover_group(be, args, e, o[e], o[e + 1], forward_piece);
}

CUDA_OP(grouped_linear_bwd)
{
    int64_t E = args->w.dim[0], N = args->w.dim[1], K = args->w.dim[2], R = s4d_tensor_count(&args->dy) / N;
    bool dx = s4d_tensor_given(&args->dx);
    s4d_cuda_groups groups = {E, R, args->stride, args->offset.data};
    s4d_cuda_add_group_columns(be, &groups, args->dy.dtype, args->dy.data, N, args->db.data);
    if (args->stride) {
        if (dx) dx_by_stride(be, args, N, K);
        dw_by_stride(be, args, N, K);
        return;
    }
    const int32_t *o = read_offsets(be, &args->offset, E, R);
    for (int64_t e = 0; o && e < E; ++e) {
        if (dx) cover_group(be, args, e, o[e], o[e + 1], dx_piece);
        split_group(be, args, e, o[e], o[e + 1], dw_piece);
    }
}
