/* The operations' arguments. Every tensor has its shape in the comment. "act" is the type of activations, their gradients
 * and the weights that products take: the backend's real type, or BF16. "real" is F32 (F64 on ref built as double): master
 * weights, gradients of weights, moments, statistics, routing and losses. A tensor without a type is act. Tensors live in
 * the backend's memory; plain structs and arrays of structs live in host memory and are read before the call returns.
 *
 * Backward: `d*` of inputs is written, unless the comment says "added"; gradients of weights and biases
 * are always added, so that they sum over micro-batches. Optional tensors are left zeroed.
 * Nothing aliases unless the comment allows it. Where M rows are asked for, any leading shape with M
 * rows in all will do ([B,N,D] for [M,D]). */
#ifndef S4D_BACKEND_OPS_H
#define S4D_BACKEND_OPS_H

#include "s4d/tensor/batch.h"
#include "s4d/tensor/tensor.h"

/* ---- pictures (METHOD.md 2, 4, 6) ---- */

/* Frames to normalised floats, as s4d_recipe says. */
struct s4d_pixels {
    s4d_tensor frames;        /* u8 [bytes], frames [T,height,width,3] of each sample at its recipe's offset */
    const s4d_recipe *recipe; /* [B], host */
    float mean[3], std[3];
    s4d_tensor y;             /* real [B,3,T,S,S] */
};

/* CutMix or Mixup of sample i with B-1-i, in place: x_i = lam*x_i + (1-lam)*x_{B-1-i} with lam cast to
 * float, or the box [yl,yh) x [xl,xh) of x_{B-1-i} in all frames. */
struct s4d_mix {
    s4d_mix_draw draw;
    s4d_tensor x; /* real [B,3,T,S,S] */
};

/* Gathers tubelets for the patch embedding: y[b,v] holds x at token index[b,v] (all tokens in order
 * without index), channel, frame, row, column (column fastest). T = 1 is repeated t times along time. */
struct s4d_patchify {
    s4d_tensor x;     /* real [B,3,T,S,S] */
    s4d_tensor index; /* optional i32 [B,V] */
    int tubelet, patch;
    s4d_tensor y;     /* [B,V,3*t*P*P] */
};

/* Masked-autoencoder targets (METHOD.md 4): pixels brought back to [0,1], per token and channel made zero
 * mean and unit variance, (x-mean)/sqrt(var+1e-6) with the unbiased variance; frame, row, column, channel. */
struct s4d_mae_target {
    s4d_tensor x;     /* real [B,3,T,S,S] */
    s4d_tensor index; /* optional i32 [B,V] */
    int tubelet, patch;
    float mean[3], std[3]; /* the normalisation x carries */
    s4d_tensor y;     /* real [B,V,t*P*P*3] */
};

/* ---- dense ---- */

struct s4d_linear_fwd {
    s4d_tensor x; /* [M,K] */
    s4d_tensor w; /* [N,K] */
    s4d_tensor b; /* optional [N], of y's type */
    s4d_tensor y; /* act or real [M,N] = x w^T + b */
};
struct s4d_linear_bwd {
    s4d_tensor x, w;     /* [M,K], [N,K] */
    s4d_tensor dy;       /* act or real [M,N] */
    s4d_tensor dx;       /* optional [M,K] = dy w; added when add_dx */
    s4d_tensor dw;       /* optional real [N,K] += dy^T x */
    s4d_tensor db;       /* optional real [N] += column sums of dy */
    bool add_dx;
};

/* Packed queries, keys and values: y = x w^T, then q += q_bias, v += v_bias; the key has no bias. */
struct s4d_qkv_fwd {
    s4d_tensor x;              /* [M,D] */
    s4d_tensor w;              /* [3D,D] */
    s4d_tensor q_bias, v_bias; /* real [D] */
    s4d_tensor y;              /* [M,3D] */
};
/* The gradients of the biases; those of x and w are linear_bwd's. */
struct s4d_qkv_bias_bwd {
    s4d_tensor dy;               /* [M,3D] */
    s4d_tensor dq_bias, dv_bias; /* real [D], added */
};

/* y[b,i] = x[b,i] + table[index[b,i]], or table[i] without index. y may be x. */
struct s4d_add_rows {
    s4d_tensor x;     /* [B,V,D] */
    s4d_tensor table; /* real [N,D], N >= V */
    s4d_tensor index; /* optional i32 [B,V] */
    s4d_tensor y;     /* [B,V,D] */
};
/* y[b,i] = x[b,index[b,i]]. */
struct s4d_gather_rows {
    s4d_tensor x;     /* [B,N,D] */
    s4d_tensor index; /* i32 [B,V] */
    s4d_tensor y;     /* [B,V,D] */
};
/* y = 0, then y[b,index[b,i]] = x[b,i]: the gradient of gather_rows with distinct indices. */
struct s4d_scatter_rows {
    s4d_tensor x;     /* [B,V,D] */
    s4d_tensor index; /* i32 [B,V], distinct within a sample */
    s4d_tensor y;     /* [B,N,D] */
};
/* The decoder's input: y[b,visible[b,i]] = x[b,i], y[b,masked[b,j]] = token. V + M = N. */
struct s4d_token_fill_fwd {
    s4d_tensor x;               /* [B,V,D] */
    s4d_tensor token;           /* real [D] */
    s4d_tensor visible, masked; /* i32 [B,V], [B,M] */
    s4d_tensor y;               /* [B,N,D] */
};
struct s4d_token_fill_bwd {
    s4d_tensor dy;              /* [B,N,D] */
    s4d_tensor visible, masked; /* i32 [B,V], [B,M] */
    s4d_tensor dx;              /* [B,V,D] */
    s4d_tensor dtoken;          /* real [D], added */
};

/* LayerNorm over the last dimension, biased variance. Saves mean and 1/sqrt(var+eps). */
struct s4d_layer_norm_fwd {
    s4d_tensor x;          /* [M,D] */
    s4d_tensor w, b;       /* real [D] */
    double eps;
    s4d_tensor mean, rstd; /* real [M], saved */
    s4d_tensor y;          /* [M,D] */
};
struct s4d_layer_norm_bwd {
    s4d_tensor x, dy;         /* [M,D] */
    s4d_tensor w, mean, rstd; /* real [D], [M], [M] */
    s4d_tensor dx;            /* [M,D]; added when add_dx */
    s4d_tensor dw, db;        /* real [D], added */
    bool add_dx;
};

/* Softmax attention of H heads of width d over packed qkv: y = softmax(scale * q k^T) v. Saves the log of the
 * row's sum of exponentials. The N x N matrix is not stored by cpu and cuda. */
struct s4d_attention_fwd {
    s4d_tensor qkv;   /* [B,N,3,H,d] */
    double scale;
    s4d_tensor stats; /* real [B,H,N], saved */
    s4d_tensor y;     /* [B,N,H,d] */
};
struct s4d_attention_bwd {
    s4d_tensor qkv, stats, y, dy; /* [B,N,3,H,d], real [B,H,N], [B,N,H,d], [B,N,H,d] */
    double scale;
    s4d_tensor dqkv;              /* [B,N,3,H,d] */
};

/* Exact GELU: x * Phi(x). */
struct s4d_gelu_fwd {
    s4d_tensor x, y; /* same shape */
};
struct s4d_gelu_bwd {
    s4d_tensor x, dy, dx; /* same shape [M,N]; dx may be dy */
    s4d_tensor db;        /* optional real [N] += column sums of dx: the bias of the linear layer that made x */
};

/* y = x + keep[b] * r (drop path; keep NULL: 1). y may be x. */
struct s4d_residual_fwd {
    s4d_tensor x, r;    /* [B,N,D] */
    s4d_tensor keep;    /* optional real [B] */
    s4d_tensor y;       /* [B,N,D] */
};
/* residual_fwd, and the LayerNorm of its result. y may be x. */
struct s4d_residual_norm_fwd {
    s4d_tensor x, r;       /* [B,N,D] */
    s4d_tensor keep;       /* optional real [B] */
    s4d_tensor y;          /* [B,N,D] */
    s4d_tensor w, b;       /* real [D] */
    double eps;
    s4d_tensor mean, rstd; /* real [B*N], saved */
    s4d_tensor normed;     /* [B,N,D], of y as it is stored */
};
/* dr = keep[b] * dy; dx is dy itself, so nothing is written for it. dr may be dy. */
struct s4d_residual_bwd {
    s4d_tensor dy;   /* [B,N,D] */
    s4d_tensor keep; /* optional real [B] */
    s4d_tensor dr;   /* [B,N,D] */
};

/* ---- mixture of adapter experts (METHOD.md 5) ---- */

/* All floats real. noisy = logits + softplus(noise_logits) * noise; the K largest of E per token (ties: lower index), in
 * falling order; gate = softmax over those. Without noise, noisy = logits. K <= E <= 64. */
struct s4d_route_fwd {
    s4d_tensor logits;              /* [M,E] */
    s4d_tensor noise_logits, noise; /* optional [M,E], given together */
    s4d_tensor noisy;               /* [M,E], saved */
    s4d_tensor index;               /* i32 [M,K], saved */
    s4d_tensor gate;                /* [M,K], saved */
};
struct s4d_route_bwd {
    s4d_tensor gate, index, dgate;  /* [M,K], i32 [M,K], [M,K] */
    s4d_tensor dnoisy;              /* optional [M,E]: the balance loss's gradient, joins that of the gates */
    s4d_tensor noise_logits, noise; /* optional [M,E] */
    s4d_tensor dlogits;             /* [M,E] */
    s4d_tensor dnoise_logits;       /* [M,E], given when noise is */
};

/* Integers, equal bit for bit on every backend. The kept choices of an expert stand in the dispatch buffer of R rows one
 * behind the other, in rising order of tokens; beyond `capacity` (-1: no limit) an expert drops the rest. The experts' rows
 * follow each other without gaps (stride 0), or those of expert e begin at row e*stride: shapes known beforehand, for
 * devices that gain by them. Then 0 <= capacity <= stride. */
struct s4d_moe_plan {
    s4d_tensor index;   /* i32 [M,K], experts 0..E-1, distinct in a row */
    int64_t capacity, stride;
    s4d_tensor offset;  /* i32 [E+1]: sums of kept choices; without stride expert e owns rows offset[e]..offset[e+1]-1 */
    s4d_tensor slot;    /* i32 [M,K]: dispatch row of the token's k-th choice, -1 when dropped */
    s4d_tensor token;   /* i32 [R]: the token in each row, -1 in rows not in use; R = M*K, or E*stride */
    s4d_tensor load;    /* i32 [E]: choices before capacity */
    s4d_tensor dropped; /* i32 [1] */
};

/* Row r of group e: y[r] = x[r] w[e]^T + b[e]. Group e is rows offset[e]..offset[e+1]-1, and rows from offset[E] on are left
 * alone; or, with stride, rows e*stride..(e+1)*stride-1, all of them. Groups may be empty. */
struct s4d_grouped_linear_fwd {
    s4d_tensor x;      /* [R,K] */
    s4d_tensor w, b;   /* [E,N,K], [E,N] */
    int64_t stride;    /* 0: by offset; else R = E*stride */
    s4d_tensor offset; /* i32 [E+1]; not given with stride */
    s4d_tensor y;      /* [R,N] */
};
struct s4d_grouped_linear_bwd {
    s4d_tensor x, w, dy;  /* [R,K], [E,N,K], [R,N] */
    int64_t stride;
    s4d_tensor offset;    /* as in forward */
    s4d_tensor dx;        /* optional [R,K] */
    s4d_tensor dw, db;    /* real [E,N,K], [E,N], added */
};

/* y[r] = x[token[r]]; 0 in rows not in use. */
struct s4d_moe_dispatch_fwd {
    s4d_tensor x;      /* [M,D] */
    s4d_tensor token;  /* i32 [R] */
    s4d_tensor y;      /* [R,D] */
};
/* Each token gathers its K rows in order of k: dx[m] += sum over k of dy[slot[m,k]], dropped ones left out. */
struct s4d_moe_dispatch_bwd {
    s4d_tensor dy;   /* [R,D] */
    s4d_tensor slot; /* i32 [M,K] */
    s4d_tensor dx;   /* [M,D], added */
};
/* y[m] = sum over k of gate[m,k] * x[slot[m,k]], dropped ones left out. add_y: y[m] += instead. */
struct s4d_moe_combine_fwd {
    s4d_tensor x;    /* [R,D] */
    s4d_tensor gate; /* real [M,K] */
    s4d_tensor slot; /* i32 [M,K] */
    s4d_tensor y;    /* [M,D] */
    bool add_y;
};
struct s4d_moe_combine_bwd {
    s4d_tensor x, gate, slot, dy; /* [R,D], real [M,K], i32 [M,K], [M,D] */
    s4d_tensor token;             /* i32 [R] */
    s4d_tensor dx;                /* [R,D]; 0 in rows not in use */
    s4d_tensor dgate;             /* real [M,K]; 0 for a dropped choice */
};

typedef enum s4d_balance { S4D_BALANCE_LOGITS, S4D_BALANCE_SOFTMAX } s4d_balance;

/* Floats real. Balance loss of one layer, added to value: E^2 * mean over b, e of f[b,e] * p[b,e] (METHOD.md 5). */
struct s4d_balance_loss_fwd {
    s4d_balance kind;
    s4d_tensor noisy; /* [B,N,E] */
    s4d_tensor index; /* i32 [B,N,K] */
    s4d_tensor f;     /* [B,E], saved: share of a sample's tokens whose choices hold e */
    s4d_tensor value; /* F64 [1], added */
};
struct s4d_balance_loss_bwd {
    s4d_balance kind;
    double scale;         /* the loss's weight in the total */
    s4d_tensor noisy, f;  /* [B,N,E], [B,E] */
    s4d_tensor dnoisy;    /* [B,N,E] */
};

/* ---- heads and losses ---- */

struct s4d_mean_pool_fwd {
    s4d_tensor x, y; /* [B,N,D], [B,D] */
};
struct s4d_mean_pool_bwd {
    s4d_tensor dy, dx; /* [B,D], [B,N,D] */
};

/* value = mean over R*Q of (x - target)^2. */
struct s4d_mae_loss_fwd {
    s4d_tensor x, target; /* [R,Q], real [R,Q] */
    s4d_tensor value;     /* F64 [1] */
};
struct s4d_mae_loss_bwd {
    s4d_tensor x, target; /* [R,Q], real [R,Q] */
    double scale;
    s4d_tensor dx;        /* [R,Q] = scale * 2 (x - target) / (R*Q) */
};

/* All real. Soft-target cross-entropy: z = logits + adjust; value = mean over b of -sum_c weight_c target_c log softmax(z)_c. */
struct s4d_cross_entropy_fwd {
    s4d_tensor logits, target; /* [B,C] */
    s4d_tensor weight, adjust; /* optional [C] */
    s4d_tensor prob;           /* [B,C] = softmax(z), saved */
    s4d_tensor value;          /* F64 [1] */
};
struct s4d_cross_entropy_bwd {
    s4d_tensor prob, target; /* [B,C] */
    s4d_tensor weight;       /* optional [C] */
    double scale;
    s4d_tensor dlogits;      /* [B,C] */
};

/* ---- training ---- */

/* A run of parameters that share a rate: w -= lr*decay*w, then the Adam update with bias correction for
 * `step` (1 at the first update of this segment). Segments may come in any order and do not overlap. */
typedef struct s4d_adamw_segment {
    int64_t offset, count; /* elements within the blocks */
    double lr, decay;
    int64_t step;
} s4d_adamw_segment;

struct s4d_adamw {
    s4d_tensor w, g, m, v; /* real [P] */
    s4d_tensor low;        /* optional act [P]: w as products take it, written with w */
    s4d_tensor factor;     /* optional F64 [1]: the gradient is g * factor, rounded to real */
    s4d_tensor go;         /* optional i32 [1]: nothing is updated where it is 0 */
    const s4d_adamw_segment *segment; /* host */
    int segments;
    double beta1, beta2, eps;
};
struct s4d_square_norm {
    s4d_tensor x;     /* real, any shape */
    s4d_tensor value; /* F64 [1] = sum of squares, in double, in an order that does not depend on timing */
};
/* What clipping asks for, and whether an update is sound: norm = sqrt(square); factor = clip / (norm + 1e-6) where clip > 0
 * and norm > clip, else 1; go = 1 where norm and every loss are finite, else 0. */
struct s4d_clip_norm {
    double clip;
    s4d_tensor square;       /* F64 [1] */
    s4d_tensor loss;         /* optional F64 [L] */
    s4d_tensor norm, factor; /* F64 [1] */
    s4d_tensor go;           /* i32 [1] */
};
struct s4d_scale {
    double factor;
    s4d_tensor x; /* real, in place */
};
struct s4d_lerp {
    double t;
    s4d_tensor x, y; /* x += t * (y - x), in place: moving averages; real */
    s4d_tensor go;   /* optional i32 [1]: nothing is done where it is 0 */
};
struct s4d_zero {
    s4d_tensor x; /* any dtype */
};
struct s4d_add {
    s4d_tensor x, y; /* y += x; both real, or both F64 */
};
struct s4d_all_finite {
    s4d_tensor x;
    s4d_tensor flag; /* i32 [1]: 1 when every element is finite, else 0 */
};

typedef enum s4d_random_kind { S4D_UNIFORM, S4D_NORMAL } s4d_random_kind;
/* y[i] = s4d_rng_fill_uniform/normal(key, first + i) of s4d/base/rng.h: uniforms bit-equal everywhere. */
struct s4d_random {
    s4d_random_kind kind;
    uint64_t key, first;
    s4d_tensor y; /* real, any shape */
};
/* Between F32, F64 and BF16; round to nearest even. */
struct s4d_cast {
    s4d_tensor x, y; /* same shape */
};

#define S4D_OP(name) typedef struct s4d_##name s4d_##name##_args;
#include "s4d/backend/ops.def"
#undef S4D_OP

#endif
