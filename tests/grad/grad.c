/* grad: finite differences and the list of what is compared, then whole models (model.c). Every
 * operation of ops.def is either compared, the forward of one that is, or named below with the
 * reason why not. Exit status 0 or 1. */
#include "grad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/base/str.h"

static const double tolerance = 1e-6;

typedef struct compared {
    s4d_op_id op;
    void (*run)(grad *g);
} compared;

static const compared comparisons[] = {
    {S4D_OP_linear_bwd, gradient_linear_bwd},
    {S4D_OP_qkv_bias_bwd, gradient_qkv_bias_bwd},
    {S4D_OP_scatter_rows, gradient_scatter_rows},
    {S4D_OP_token_fill_bwd, gradient_token_fill_bwd},
    {S4D_OP_layer_norm_bwd, gradient_layer_norm_bwd},
    {S4D_OP_attention_bwd, gradient_attention_bwd},
    {S4D_OP_gelu_bwd, gradient_gelu_bwd},
    {S4D_OP_residual_bwd, gradient_residual_bwd},
    {S4D_OP_residual_norm_fwd, gradient_residual_norm_fwd},
    {S4D_OP_route_bwd, gradient_route_bwd},
    {S4D_OP_grouped_linear_bwd, gradient_grouped_linear_bwd},
    {S4D_OP_moe_dispatch_bwd, gradient_moe_dispatch_bwd},
    {S4D_OP_moe_combine_bwd, gradient_moe_combine_bwd},
    {S4D_OP_balance_loss_bwd, gradient_balance_loss_bwd},
    {S4D_OP_mean_pool_bwd, gradient_mean_pool_bwd},
    {S4D_OP_mae_loss_bwd, gradient_mae_loss_bwd},
    {S4D_OP_cross_entropy_bwd, gradient_cross_entropy_bwd},
};
enum { COMPARISONS = sizeof comparisons / sizeof comparisons[0] };

typedef struct excluded {
    s4d_op_id op;
    const char *reason;
} excluded;

static const excluded exclusions[] = {
    {S4D_OP_pixels, "pictures are given"},
    {S4D_OP_mix, "pictures are given"},
    {S4D_OP_patchify, "pictures are given"},
    {S4D_OP_mae_target, "targets are given"},
    {S4D_OP_qkv_fwd, "its backward is linear_bwd and qkv_bias_bwd, compared here"},
    {S4D_OP_add_rows, "the table is not trained; the gradient of x is that of y"},
    {S4D_OP_gather_rows, "its backward is scatter_rows, compared here"},
    {S4D_OP_moe_plan, "integers"},
    {S4D_OP_adamw, "update of the weights"},
    {S4D_OP_square_norm, "measures gradients"},
    {S4D_OP_clip_norm, "measures gradients"},
    {S4D_OP_scale, "scales gradients"},
    {S4D_OP_lerp, "moving averages"},
    {S4D_OP_zero, "a constant"},
    {S4D_OP_add, "its gradient is that of the sum, for both"},
    {S4D_OP_all_finite, "an integer"},
    {S4D_OP_random, "a constant"},
    {S4D_OP_cast, "its gradient is that of the result"},
};
enum { EXCLUSIONS = sizeof exclusions / sizeof exclusions[0] };

/* ---- tensors ---- */

s4d_tensor zeros_of(grad *g, s4d_dtype dtype, int rank, const int64_t *dim)
{
    s4d_tensor t = s4d_tensor_of(dtype, NULL, rank, dim);
    if (g->blocks == g->room && s4d_mem_grow(&g->block, g->room, g->room + 64, sizeof *g->block)) {
        g->room += 64;
    }
    if (g->blocks == g->room ||
        s4d_backend_alloc(g->be, s4d_tensor_bytes(&t), &t.data, NULL) != S4D_OK) {
        fprintf(stderr, "grad: not enough memory\n");
        exit(1);
    }
    g->block[g->blocks++] = t.data;
    return t;
}

static void release_blocks(grad *g)
{
    while (g->blocks > 0) {
        s4d_backend_free(g->be, g->block[--g->blocks]);
    }
}

s4d_tensor normal_of(grad *g, int rank, const int64_t *dim)
{
    s4d_tensor t = zeros_of(g, S4D_F64, rank, dim);
    for (int64_t i = 0; i < s4d_tensor_count(&t); i++) {
        ((double *)t.data)[i] = s4d_rng_normal(&g->rng);
    }
    return t;
}

s4d_tensor start_of(grad *g, int rank, const int64_t *dim)
{
    s4d_tensor t = zeros_of(g, S4D_F64, rank, dim);
    for (int64_t i = 0; i < s4d_tensor_count(&t); i++) {
        ((double *)t.data)[i] = START;
    }
    return t;
}

s4d_tensor choices_of(grad *g, int64_t n, int64_t M, int64_t K)
{
    s4d_tensor t = INTS(M, K);
    uint32_t item[64];
    for (int64_t i = 0; i < n; i++) {
        item[i] = (uint32_t)i;
    }
    for (int64_t m = 0; m < M; m++) {
        s4d_rng_shuffle(&g->rng, item, (size_t)n);
        memcpy((int32_t *)t.data + m * K, item, (size_t)K * sizeof(int32_t));
    }
    return t;
}

/* ---- comparison ---- */

double weighted_sum(const s4d_tensor *y, const s4d_tensor *weight)
{
    double sum = 0;
    for (int64_t i = 0; i < s4d_tensor_count(y); i++) {
        sum += ((const double *)y->data)[i] * ((const double *)weight->data)[i];
    }
    return sum;
}

/* Central, of fourth order: the step can be wide enough to keep roundings away. */
static double difference(const function *f, double *x)
{
    double kept = *x, step = 1e-3, value[5] = {0};
    for (int k = -2; k <= 2; k++) {
        *x = kept + k * step;
        value[k + 2] = k ? f->value(f->context) : 0;
    }
    *x = kept;
    return (8 * (value[3] - value[1]) - (value[4] - value[0])) / (12 * step);
}

static void compare_input(grad *g, const function *f, const input *in)
{
    double *x = in->x.data, largest = 0;
    const double *dx = in->dx.data;
    int64_t n = s4d_tensor_count(&in->x);
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(dx[i] - in->start));
    }
    for (int64_t i = 0; i < n; i++) {
        double want = difference(f, &x[i]), got = dx[i] - in->start;
        double size = fmax(fmax(fabs(want), fabs(got)), 1e-3 * largest);
        double off = isfinite(want) && isfinite(got) ? size > 0 ? fabs(want - got) / size : 0 : INFINITY;
        g->compared++;
        g->worst = off > g->worst ? off : g->worst;
        if (!(off <= tolerance)) {
            if (g->wrong++ == 0) {
                printf("  %s: gradient of %s[%lld] is %.12g, finite differences say %.12g\n",
                       f->text, in->name, (long long)i, got, want);
            }
        }
    }
}

void compare_gradients(grad *g, const function *f)
{
    s4d_err err = {0};
    for (int i = 0; i < f->inputs; i++) {
        S4D_BUG_IF(s4d_tensor_count(&f->input[i].x) != s4d_tensor_count(&f->input[i].dx));
        compare_input(g, f, &f->input[i]);
    }
    if (s4d_backend_check(g->be, &err) != S4D_OK) {
        printf("  %s: %s\n", f->text, err.text);
        g->wrong++;
    }
}

/* ---- the list ---- */

static bool is_compared(int op)
{
    for (int i = 0; i < COMPARISONS; i++) {
        if ((int)comparisons[i].op == op) {
            return true;
        }
    }
    return false;
}

static const char *reason_for(int op)
{
    for (int i = 0; i < EXCLUSIONS; i++) {
        if ((int)exclusions[i].op == op) {
            return exclusions[i].reason;
        }
    }
    return NULL;
}

/* NAME_fwd with a NAME_bwd that is compared. */
static bool is_forward_of_compared(int op)
{
    const char *name = s4d_op_name((s4d_op_id)op);
    size_t stem = strlen(name) - strlen("_fwd");
    for (int i = 0; i < COMPARISONS && s4d_str_ends(name, "_fwd"); i++) {
        const char *other = s4d_op_name(comparisons[i].op);
        if (strncmp(name, other, stem) == 0 && strcmp(other + stem, "_bwd") == 0) {
            return true;
        }
    }
    return false;
}

/* Operations that nobody accounts for. */
static int uncovered(void)
{
    int missing = 0;
    for (int op = 0; op < S4D_OP_COUNT; op++) {
        const char *name = s4d_op_name((s4d_op_id)op), *reason = reason_for(op);
        if (reason) {
            printf("%-20s not compared: %s\n", name, reason);
        } else if (!is_compared(op) && !is_forward_of_compared(op)) {
            printf("%-20s has no gradient check and no reason for that\n", name);
            missing++;
        }
    }
    return missing;
}

static int compare_all(void)
{
    grad g = {0};
    s4d_err err = {0};
    if (s4d_backend_create(&(s4d_backend_opts){.device = "ref64"}, &g.be, &err) != S4D_OK) {
        printf("grad: %s\n", err.text);
        return 1;
    }
    int wrong = 0;
    for (int i = 0; i < COMPARISONS; i++) {
        g.compared = g.wrong = 0;
        g.worst = 0;
        g.rng = s4d_rng_make(2, S4D_RNG_TEST, (uint32_t)comparisons[i].op, 0);
        comparisons[i].run(&g);
        release_blocks(&g);
        bool good = g.wrong == 0 && g.compared > 0;
        printf("%-20s %5d values  worst relative error %.1e%s\n", s4d_op_name(comparisons[i].op),
               g.compared, g.worst, good ? "" : "  FAILED");
        wrong += !good;
    }
    s4d_mem_free(g.block);
    s4d_backend_destroy(&g.be);
    return wrong;
}

int main(void)
{
    int wrong = compare_all();
    wrong += uncovered();
    wrong += grad_model();
    printf("grad: %d wrong\n", wrong);
    return wrong > 0;
}
