/* Gradients of single operations, each backward of the reference device in double against finite
 * differences of its forward, and of whole models. */
#ifndef S4D_TESTS_GRAD_H
#define S4D_TESTS_GRAD_H

#include "s4d/backend/backend.h"
#include "s4d/base/rng.h"

enum { MAX_INPUTS = 4 };

/* What an accumulated gradient starts with, so that writing over it is noticed. */
#define START 0.25

/* One input of the forward operation and what backward said its gradient is. */
typedef struct input {
    const char *name;
    s4d_tensor x, dx;
    double start; /* what dx held before */
} input;

/* A scalar function of the inputs, usually sum(dy * y) of one forward call, and their gradients. */
typedef struct function {
    const char *text;
    double (*value)(void *context);
    void *context;
    input input[MAX_INPUTS];
    int inputs;
} function;

typedef struct grad {
    s4d_backend *be;
    s4d_rng rng;
    void **block; /* tensors of the operation at hand */
    size_t blocks, room;
    int compared, wrong;
    double worst;
} grad;

/* Normal values; all START; integers below n. Released after the operation. */
s4d_tensor normal_of(grad *g, int rank, const int64_t *dim);
s4d_tensor start_of(grad *g, int rank, const int64_t *dim);
s4d_tensor zeros_of(grad *g, s4d_dtype dtype, int rank, const int64_t *dim);
#define RANK(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define DIMS(...) RANK(__VA_ARGS__), (int64_t[]){__VA_ARGS__}
#define NORMAL(...) normal_of(g, DIMS(__VA_ARGS__))
#define STARTED(...) start_of(g, DIMS(__VA_ARGS__))
#define ZEROS(...) zeros_of(g, S4D_F64, DIMS(__VA_ARGS__))
#define INTS(...) zeros_of(g, S4D_I32, DIMS(__VA_ARGS__))
/* index [M,K]: K distinct numbers below n in each row. */
s4d_tensor choices_of(grad *g, int64_t n, int64_t M, int64_t K);

double weighted_sum(const s4d_tensor *y, const s4d_tensor *weight);
/* Compares every element of every gradient; says what is off. */
void compare_gradients(grad *g, const function *f);

/* One function for each operation that is compared, found by its name. */
#define GRADIENT(name) void gradient_##name(grad *g)
GRADIENT(linear_bwd);
GRADIENT(qkv_bias_bwd);
GRADIENT(scatter_rows);
GRADIENT(token_fill_bwd);
GRADIENT(layer_norm_bwd);
GRADIENT(attention_bwd);
GRADIENT(gelu_bwd);
GRADIENT(residual_bwd);
GRADIENT(residual_norm_fwd);
GRADIENT(route_bwd);
GRADIENT(grouped_linear_bwd);
GRADIENT(moe_dispatch_bwd);
GRADIENT(moe_combine_bwd);
GRADIENT(balance_loss_bwd);
GRADIENT(mean_pool_bwd);
GRADIENT(mae_loss_bwd);
GRADIENT(cross_entropy_bwd);

/* model.c: whole models of both stages; how many tensors are off. */
int grad_model(void);

#endif
