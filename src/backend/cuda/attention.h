/* Attention on the card, two ways: by cuDNN's fused kernels, and by products around a softmax ("unfused"), which takes every
 * shape and type. attention.c chooses. Private to src/backend/cuda. */
#ifndef S4D_BACKEND_CUDA_ATTENTION_H
#define S4D_BACKEND_CUDA_ATTENTION_H

#include "backend/cuda/cuda_private.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- attention.c ---- */

/* Opens cuDNN where it is wanted and tests it against the products. Fails only where cuDNN was asked for by name and does
 * not work. */
s4d_status s4d_cuda_attention_open(s4d_backend *be, s4d_err *err);
void s4d_cuda_attention_close(s4d_backend *be);
/* "cuDNN 9.19.0 (self-test passed, ...)" or "unfused products, because ..."; for doctor. */
const char *s4d_cuda_attention_description(const s4d_backend *be);

/* What attention.c keeps in s4d_cuda_attention_state. */
typedef struct s4d_cuda_cudnn s4d_cuda_cudnn; /* attention_cudnn.c */
typedef struct s4d_cuda_attention {
    s4d_cuda_cudnn *cudnn; /* NULL: not open */
    char description[512];
} s4d_cuda_attention;

/* ---- attention_cudnn.c ---- */

/* Opens the library and the card; err says why not. */
s4d_status s4d_cuda_attention_cudnn_open(s4d_backend *be, s4d_err *err);
void s4d_cuda_attention_cudnn_close(s4d_backend *be);
const char *s4d_cuda_attention_cudnn_version(const s4d_backend *be); /* "9.19.0"; "" where it is not open */
/* False: cuDNN is not open or does not take this shape or type, and nothing was done. */
bool s4d_cuda_attention_cudnn_fwd(s4d_backend *be, const s4d_attention_fwd_args *args);
bool s4d_cuda_attention_cudnn_bwd(s4d_backend *be, const s4d_attention_bwd_args *args);

/* ---- attention_test.c ---- */

/* Whether cuDNN computes what the products do, on a small example; else says how it differs. In both cases the worst
 * difference, as a part of the largest value. */
s4d_status s4d_cuda_attention_self_test(s4d_backend *be, double *worst, s4d_err *err);

/* ---- attention_unfused.c ---- */

void s4d_cuda_attention_unfused_fwd(s4d_backend *be, const s4d_attention_fwd_args *args);
void s4d_cuda_attention_unfused_bwd(s4d_backend *be, const s4d_attention_bwd_args *args);

/* ---- cuda_attention.cu: rows of scores ---- */

/* Scores [C,G,N,N] of C samples and G heads, rows `ld` elements apart; rows of y and dy [N,d] begin at sample, head, token. */
typedef struct s4d_cuda_heads {
    int64_t C, G, N, d, ld;
    int64_t sample, token; /* elements of y from one sample, one token to the next; heads lie d apart */
} s4d_cuda_heads;

/* p = softmax(s), of `type`, stats [C,G,N] = the log of the row's sum of exponentials. p may be s. */
void s4d_cuda_softmax_rows(s4d_backend *be, const s4d_cuda_heads *u, s4d_dtype type, const float *s, void *p, float *stats);

typedef struct s4d_cuda_score_gradient {
    const float *s, *dp, *stats; /* [C,G,N,N] twice, [C,G,N] */
    const void *y, *dy;          /* of `type` */
    void *p, *ds;                /* of `type`; p may be s, ds may be dp */
    s4d_dtype type;
} s4d_cuda_score_gradient;
/* p = exp(s - stats), ds = p * (dp - dy y). */
void s4d_cuda_score_gradient_rows(s4d_backend *be, const s4d_cuda_heads *u, const s4d_cuda_score_gradient *g);

#ifdef __cplusplus
}
#endif

#endif
