/* Softmax attention over packed qkv, with the whole N x N matrix of one head at a time. */
#include <math.h>

#include "backend/ref/ref_private.h"

/* The head h of sample b: token i of part 0, 1, 2 (q, k, v) starts at at(head, part, i). */
typedef struct head {
    int64_t N, H, d, b, h;
    double scale;
} head;

static int64_t at(const head *u, int part, int64_t i)
{
    return (((u->b * u->N + i) * 3 + part) * u->H + u->h) * u->d;
}

/* The same token in y and dy, [B,N,H,d]. */
static int64_t at_y(const head *u, int64_t i)
{
    return ((u->b * u->N + i) * u->H + u->h) * u->d;
}

static void scores(const head *u, const real *qkv, int64_t i, double *s)
{
    for (int64_t j = 0; j < u->N; j++) {
        s[j] = u->scale * dot(qkv + at(u, 0, i), qkv + at(u, 1, j), u->d);
    }
}

/* The log of the sum of exponentials; s becomes the softmax. */
static double softmax(double *s, int64_t N)
{
    double max = s[0], sum = 0;
    for (int64_t j = 1; j < N; j++) {
        max = s[j] > max ? s[j] : max;
    }
    for (int64_t j = 0; j < N; j++) {
        sum += exp(s[j] - max);
    }
    double log_sum = max + log(sum);
    for (int64_t j = 0; j < N; j++) {
        s[j] = exp(s[j] - max) / sum;
    }
    return log_sum;
}

static void head_fwd(const head *u, const s4d_attention_fwd_args *args, double *p)
{
    const real *qkv = args->qkv.data;
    real *y = args->y.data, *stats = args->stats.data;
    for (int64_t i = 0; i < u->N; i++) {
        scores(u, qkv, i, p);
        stats[(u->b * u->H + u->h) * u->N + i] = (real)softmax(p, u->N);
        for (int64_t c = 0; c < u->d; c++) {
            double sum = 0;
            for (int64_t j = 0; j < u->N; j++) {
                sum += p[j] * (double)qkv[at(u, 2, j) + c];
            }
            y[at_y(u, i) + c] = (real)sum;
        }
    }
}

REF_OP(attention_fwd)
{
    int64_t B = args->qkv.dim[0], N = args->qkv.dim[1], H = args->qkv.dim[3], d = args->qkv.dim[4];
    double *p = s4d_backend_scratch(be, (size_t)N * sizeof *p);
    for (int64_t b = 0; p && b < B; b++) {
        for (int64_t h = 0; h < H; h++) {
            head u = {N, H, d, b, h, args->scale};
            head_fwd(&u, args, p);
        }
    }
}

/* p[i,j] = exp(s[i,j] - stats[i]); ds[i,j] = p[i,j] * (dy_i v_j - dy_i y_i), the gradient of the
 * scores. */
static void matrices(const head *u, const s4d_attention_bwd_args *args, double *p, double *ds)
{
    const real *qkv = args->qkv.data, *y = args->y.data, *dy = args->dy.data,
               *stats = args->stats.data;
    for (int64_t i = 0; i < u->N; i++) {
        double *p_i = p + i * u->N, *ds_i = ds + i * u->N;
        double log_sum = (double)stats[(u->b * u->H + u->h) * u->N + i];
        double own = dot(dy + at_y(u, i), y + at_y(u, i), u->d);
        scores(u, qkv, i, p_i);
        for (int64_t j = 0; j < u->N; j++) {
            p_i[j] = exp(p_i[j] - log_sum);
            ds_i[j] = p_i[j] * (dot(dy + at_y(u, i), qkv + at(u, 2, j), u->d) - own);
        }
    }
}

static void head_bwd(const head *u, const s4d_attention_bwd_args *args, const double *p,
                     const double *ds)
{
    const real *qkv = args->qkv.data, *dy = args->dy.data;
    real *dqkv = args->dqkv.data;
    for (int64_t i = 0; i < u->N; i++) {
        for (int64_t c = 0; c < u->d; c++) {
            double dq = 0, dk = 0, dv = 0;
            for (int64_t j = 0; j < u->N; j++) {
                dq += ds[i * u->N + j] * (double)qkv[at(u, 1, j) + c];
                dk += ds[j * u->N + i] * (double)qkv[at(u, 0, j) + c];
                dv += p[j * u->N + i] * (double)dy[at_y(u, j) + c];
            }
            dqkv[at(u, 0, i) + c] = (real)(u->scale * dq);
            dqkv[at(u, 1, i) + c] = (real)(u->scale * dk);
            dqkv[at(u, 2, i) + c] = (real)dv;
        }
    }
}

REF_OP(attention_bwd)
{
    int64_t B = args->qkv.dim[0], N = args->qkv.dim[1], H = args->qkv.dim[3], d = args->qkv.dim[4];
    size_t bytes;
    if (__builtin_mul_overflow((size_t)N * 2 * sizeof(double), (size_t)N, &bytes)) {
        s4d_backend_fail(
            be, "device %s: attention over %lld tokens needs more memory than can be addressed",
            be->name, (long long)N);
        return;
    }
    double *p = s4d_backend_scratch(be, bytes);
    for (int64_t b = 0; p && b < B; b++) {
        for (int64_t h = 0; h < H; h++) {
            head u = {N, H, d, b, h, args->scale};
            matrices(&u, args, p, p + N * N);
            head_bwd(&u, args, p, p + N * N);
        }
    }
}
