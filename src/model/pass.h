/* What every sub-layer of a forward or backward pass is given. Private to src/model. */
#ifndef S4D_MODEL_PASS_H
#define S4D_MODEL_PASS_H

#include "s4d/base/mem.h"
#include "s4d/model/params.h"

typedef struct s4d_pass {
    s4d_backend *be;
    const s4d_params *params;
    s4d_arena *arena;
    bool keep;     /* what backward needs stays in the arena */
    bool training; /* router noise and capacity as in training */
} s4d_pass;

s4d_tensor s4d_pass_take(const s4d_pass *p, s4d_dtype dtype, int rank, const int64_t *dim);
#define PASS_DIMS(...)                                                                             \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { __VA_ARGS__ }
#define PASS_ACT(p, ...) s4d_pass_take(p, s4d_backend_act((p)->be), PASS_DIMS(__VA_ARGS__))
#define PASS_REAL(p, ...) s4d_pass_take(p, s4d_backend_real((p)->be), PASS_DIMS(__VA_ARGS__))
#define PASS_I32(p, ...) s4d_pass_take(p, S4D_I32, PASS_DIMS(__VA_ARGS__))
#define PASS_F64(p, ...) s4d_pass_take(p, S4D_F64, PASS_DIMS(__VA_ARGS__))
/* A tensor of another's shape and type. */
s4d_tensor s4d_pass_like(const s4d_pass *p, s4d_tensor t);

/* Parameter indices of a linear layer (b -1: no bias) and of a LayerNorm. */
typedef struct s4d_dense {
    int w, b;
    bool real; /* its result is real, not act: routers and heads */
} s4d_dense;
typedef struct s4d_norm {
    int w, b;
} s4d_norm;
typedef struct s4d_norm_acts {
    s4d_tensor x, mean, rstd;
} s4d_norm_acts;

/* Weight [n,k] and, unless no_bias, bias [n], under PREFIX.weight and PREFIX.bias. */
typedef struct s4d_dense_spec {
    const char *prefix;
    int64_t n, k;
    s4d_init_kind init;
    double init_cut;
    int layer;
    bool no_bias;
} s4d_dense_spec;
s4d_dense s4d_dense_add(s4d_params *params, const s4d_dense_spec *spec);
s4d_norm s4d_norm_add(s4d_params *params, const char *prefix, int64_t dim, int layer);

/* y [..,n] of x [..,k]; the weight's trailing dimensions are flattened to k. */
s4d_tensor s4d_dense_fwd(const s4d_pass *p, s4d_dense d, s4d_tensor x);
/* dx may be not given. */
void s4d_dense_bwd(const s4d_pass *p, s4d_dense d, s4d_tensor x, s4d_tensor dy, s4d_tensor dx, bool add_dx);
/* x + keep * r (keep may be not given) with its LayerNorm in *normed. y and *normed are memory of the caller. */
typedef struct s4d_join {
    s4d_tensor x, r, keep, y;
    s4d_norm norm;
    s4d_norm_acts *acts;
    s4d_tensor normed;
} s4d_join;
void s4d_residual_norm(const s4d_pass *p, const s4d_join *j);
s4d_tensor s4d_norm_fwd(const s4d_pass *p, s4d_norm n, s4d_tensor x, s4d_norm_acts *acts);
void s4d_norm_bwd(const s4d_pass *p, s4d_norm n, const s4d_norm_acts *acts, s4d_tensor dy, s4d_tensor dx,
                  bool add_dx);

#endif
