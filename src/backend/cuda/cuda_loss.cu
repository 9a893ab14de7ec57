/* The masked autoencoder's loss and soft-target cross-entropy. The first is bound by reading prediction and target once: 6
 * bytes an element with a BF16 prediction, 3 FLOP, and 8 bytes backward. The second is small, and done in double. */
#include <math.h>

#include "backend/cuda/spans.cuh"

/* ---- the masked autoencoder ---- */

template <class T> struct square_error {
    const T *x;
    const float *target;
    template <class S> __device__ double operator()(const S &s) const
    {
        eight v = load_span(x, s), t = load_span(target, s);
        double sum = 0;
        for (int i = 0; i < SPAN; ++i) {
            double off = (double)(v.at[i] - t.at[i]);
            sum += off * off;
        }
        return sum;
    }
};

template <class T> static void mae_forward(s4d_backend *be, const s4d_mae_loss_fwd_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    square_error<T> f = {(const T *)args->x.data, (const float *)args->target.data};
    sum_spans(be, n, all_aligned(f.x, f.target), f, (double)n, (double *)args->value.data);
}

template <class T>
static __global__ void mae_gradient_kernel(int64_t n, bool aligned, float factor, const T *x, const float *target, T *dx)
{
    on_span(own_place(), n, aligned, [&](auto s) {
        eight v = load_span(x, s), t = load_span(target, s);
        for (int i = 0; i < SPAN; ++i) v.at[i] = factor * (v.at[i] - t.at[i]);
        store_span(dx, s, v);
    });
}

template <class T> static void mae_backward(s4d_backend *be, const s4d_mae_loss_bwd_args *args)
{
    int64_t n = s4d_tensor_count(&args->x);
    const T *x = (const T *)args->x.data;
    const float *target = (const float *)args->target.data;
    T *dx = (T *)args->dx.data;
    s4d_launch(be, mae_gradient_kernel<T>, s4d_dim(s4d_blocks(n, SPAN_BLOCK)), s4d_dim(SPAN_THREADS), 0, n,
               all_aligned(x, target, dx), (float)(2 * args->scale / (double)n), x, target, dx);
}

extern "C" CUDA_OP(mae_loss_fwd)
{
    S4D_BY_TYPE(args->x.dtype, T, mae_forward<T>(be, args));
}

extern "C" CUDA_OP(mae_loss_bwd)
{
    S4D_BY_TYPE(args->x.dtype, T, mae_backward<T>(be, args));
}

/* ---- cross-entropy: a block for each sample ---- */

enum { CLASS_THREADS = 128 };

/* Of one sample; weight and adjust may be NULL. */
typedef struct classes {
    int64_t C;
    const float *logits, *target, *weight, *adjust;
    float *prob;
} classes;

static __device__ inline double adjusted(const classes &a, int64_t sample, int64_t c)
{
    double logit = (double)a.logits[sample * a.C + c];
    return a.adjust ? logit + (double)a.adjust[c] : logit;
}

static __device__ inline double weighted_target(const float *weight, const float *target, int64_t c)
{
    return (weight ? (double)weight[c] : 1) * (double)target[c];
}

static __device__ inline double block_max(double x, double *part)
{
    for (int lane = 16; lane > 0; lane /= 2) x = fmax(x, __shfl_xor_sync(0xffffffffu, x, lane));
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = x;
    __syncthreads();
    for (int i = 0; i < CLASS_THREADS / 32; ++i) x = fmax(x, part[i]);
    return x;
}

/* prob, and -sum_c weight_c * target_c * log softmax(z)_c to loss[sample]. */
template <class A> static __global__ void class_loss_kernel(A a, double *loss)
{
    __shared__ double part[32];
    int64_t b = blockIdx.x;
    double max = adjusted(a, b, 0), sum = 0, own = 0;
    for (int64_t c = threadIdx.x; c < a.C; c += CLASS_THREADS) max = fmax(max, adjusted(a, b, c));
    max = block_max(max, part);
    for (int64_t c = threadIdx.x; c < a.C; c += CLASS_THREADS) sum += exp(adjusted(a, b, c) - max);
    double log_sum = log(block_sum(sum, part));
    for (int64_t c = threadIdx.x; c < a.C; c += CLASS_THREADS) {
        double log_prob = adjusted(a, b, c) - max - log_sum;
        a.prob[b * a.C + c] = (float)exp(log_prob);
        own -= weighted_target(a.weight, a.target + b * a.C, c) * log_prob;
    }
    own = block_sum(own, part);
    if (threadIdx.x == 0) loss[b] = own;
}

/* scale / B * (prob_c * sum_j weight_j target_j - weight_c target_c) */
template <class A> static __global__ void class_gradient_kernel(A a, double share, float *dlogits)
{
    __shared__ double part[32];
    int64_t first = (int64_t)blockIdx.x * a.C;
    double all = 0;
    for (int64_t c = threadIdx.x; c < a.C; c += CLASS_THREADS) all += weighted_target(a.weight, a.target + first, c);
    all = block_sum(all, part);
    for (int64_t c = threadIdx.x; c < a.C; c += CLASS_THREADS)
        dlogits[first + c] =
            (float)(share * ((double)a.prob[first + c] * all - weighted_target(a.weight, a.target + first, c)));
}

extern "C" CUDA_OP(cross_entropy_fwd)
{
    int64_t C = args->logits.dim[args->logits.rank - 1], B = s4d_tensor_count(&args->logits) / C;
    classes a = {C, (const float *)args->logits.data, (const float *)args->target.data, (const float *)args->weight.data,
                 (const float *)args->adjust.data, (float *)args->prob.data};
    double *loss = (double *)s4d_cuda_scratch(be, (size_t)B * sizeof(double));
    s4d_launch(be, class_loss_kernel<classes>, s4d_dim(B), s4d_dim(CLASS_THREADS), 0, a, loss);
    sum_values(be, B, loss, (double)B, (double *)args->value.data);
}

extern "C" CUDA_OP(cross_entropy_bwd)
{
    int64_t C = args->prob.dim[args->prob.rank - 1], B = s4d_tensor_count(&args->prob) / C;
    const float *target = (const float *)args->target.data, *weight = (const float *)args->weight.data;
    classes a = {C, NULL, target, weight, NULL, (float *)args->prob.data};
    s4d_launch(be, class_gradient_kernel<classes>, s4d_dim(B), s4d_dim(CLASS_THREADS), 0, a, args->scale / (double)B,
               (float *)args->dlogits.data);
}
