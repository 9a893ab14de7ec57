/* The graphs. cuDNN's fused engines recognise attention by its operations, one by one, so their order and the types between
 * them are theirs and not ours to choose. Dimensions are [B,H,N,d]; the memory is packed [B,N,3,H,d] and [B,N,H,d], which
 * strides say. */
#include <stdio.h>
#include <string.h>

#include "backend/cuda/cudnn_attention.h"
#include "s4d/base/mem.h"

static const s4d_cudnn_data NARROW = S4D_CUDNN_BFLOAT16, WIDE = S4D_CUDNN_FLOAT;

/* ---- rules ---- */

enum { WIDTH_GRAIN = 8, MOST_WIDTH = 128, HOPPER_NAN_TILE = 128, HOPPER_NAN_REST = 64, HOPPER_NAN_UNTIL = 92100 };

const char *s4d_cudnn_attention_rule(const s4d_cudnn_ground *ground, const s4d_cudnn_geometry *u)
{
    if (ground->version < S4D_CUDNN_OLDEST) return "cuDNN is older than 9.15.1";
    if (ground->capability < 80) return "the card is older than Ampere";
    if (u->d % WIDTH_GRAIN != 0) return "the head width is not a multiple of 8";
    if (u->d > MOST_WIDTH) return "the head width is over 128";
    if (u->N < 2) return "there is one token only";
    /* NaN where a row's log-sum-exp is below -88.7; seen up to 9.20. */
    bool hopper = ground->capability / 10 == 9 && ground->version < HOPPER_NAN_UNTIL;
    if (u->backward && hopper && u->N % HOPPER_NAN_TILE == HOPPER_NAN_REST)
        return "this cuDNN's backward is wrong for this number of tokens on Hopper";
    if (u->backward && u->deterministic && ground->capability / 10 == 10 && ground->version < 91800)
        return "this cuDNN has no deterministic backward for Blackwell";
    return NULL;
}

/* ---- tensors ---- */

/* Part 0, 1 or 2 of packed qkv begins at its own address; all have these strides. */
static s4d_cudnn_shape in_qkv(const s4d_cudnn_geometry *u)
{
    int64_t row = 3 * u->H * u->d;
    return (s4d_cudnn_shape){{u->B, u->H, u->N, u->d}, {u->N * row, u->d, row, 1}};
}

static s4d_cudnn_shape in_y(const s4d_cudnn_geometry *u)
{
    int64_t row = u->H * u->d;
    return (s4d_cudnn_shape){{u->B, u->H, u->N, u->d}, {u->N * row, u->d, row, 1}};
}

static s4d_cudnn_shape scores(const s4d_cudnn_geometry *u)
{
    return s4d_cudnn_packed(u->B, u->H, u->N, u->N);
}

static s4d_cudnn_shape rows(const s4d_cudnn_geometry *u)
{
    return s4d_cudnn_packed(u->B, u->H, u->N, 1);
}

/* A new tensor between operations: mode of x and b, or of x alone. */
static void *apply(s4d_cudnn_graph *g, s4d_cudnn_mode mode, void *x, void *b, s4d_cudnn_shape shape)
{
    void *y = s4d_cudnn_between(g, WIDE, shape);
    s4d_cudnn_pointwise(g, mode, x, b, y);
    return y;
}

static void *reduce(s4d_cudnn_graph *g, s4d_cudnn_reduction what, void *x, s4d_cudnn_shape shape)
{
    void *y = s4d_cudnn_between(g, WIDE, shape);
    s4d_cudnn_reduce(g, what, x, y);
    return y;
}

static void *multiply(s4d_cudnn_graph *g, void *a, void *b, s4d_cudnn_shape shape)
{
    void *c = s4d_cudnn_between(g, WIDE, shape);
    s4d_cudnn_multiply(g, a, b, c);
    return c;
}

static void *turn(s4d_cudnn_graph *g, void *x, s4d_cudnn_shape shape)
{
    void *y = s4d_cudnn_between(g, NARROW, shape);
    s4d_cudnn_reshape(g, x, y);
    return y;
}

/* ---- forward ---- */

/* The softmax of rows of s, as it meets v; its log-sum-exp goes to memory. */
static void *softmax(s4d_cudnn_graph *g, const s4d_cudnn_geometry *u, void *s)
{
    void *stats = s4d_cudnn_stored(g, S4D_CUDNN_STATS, WIDE, rows(u));
    void *top = reduce(g, S4D_CUDNN_MAX, s, rows(u));
    void *power = apply(g, S4D_CUDNN_EXP, apply(g, S4D_CUDNN_SUB, s, top, scores(u)), NULL, scores(u));
    void *sum = reduce(g, S4D_CUDNN_SUM, power, rows(u));
    s4d_cudnn_pointwise(g, S4D_CUDNN_ADD, top, apply(g, S4D_CUDNN_LOG, sum, NULL, rows(u)), stats);
    void *p = s4d_cudnn_between(g, NARROW, scores(u));
    s4d_cudnn_pointwise(g, S4D_CUDNN_DIV, power, sum, p);
    return p;
}

static void forward(s4d_cudnn_graph *g, const s4d_cudnn_geometry *u)
{
    void *q = s4d_cudnn_stored(g, S4D_CUDNN_Q, NARROW, in_qkv(u));
    void *k_turned = s4d_cudnn_stored(g, S4D_CUDNN_K, NARROW, s4d_cudnn_turned(in_qkv(u)));
    void *v = s4d_cudnn_stored(g, S4D_CUDNN_V, NARROW, in_qkv(u));
    void *y = s4d_cudnn_stored(g, S4D_CUDNN_Y, NARROW, in_y(u));
    void *scale = s4d_cudnn_value(g, S4D_CUDNN_SCALE);
    void *s = apply(g, S4D_CUDNN_MUL, multiply(g, q, k_turned, scores(u)), scale, scores(u));
    s4d_cudnn_multiply(g, softmax(g, u, s), v, y);
}

/* ---- backward ---- */

/* What the parts of backward share. */
typedef struct inputs {
    void *q, *k_turned, *v_turned, *y, *stats, *scale, *dy;
} inputs;

static inputs take_inputs(s4d_cudnn_graph *g, const s4d_cudnn_geometry *u)
{
    return (inputs){
        .q = s4d_cudnn_stored(g, S4D_CUDNN_Q, NARROW, in_qkv(u)),
        .k_turned = s4d_cudnn_stored(g, S4D_CUDNN_K, NARROW, s4d_cudnn_turned(in_qkv(u))),
        .v_turned = s4d_cudnn_stored(g, S4D_CUDNN_V, NARROW, s4d_cudnn_turned(in_qkv(u))),
        .y = s4d_cudnn_stored(g, S4D_CUDNN_Y, NARROW, in_y(u)),
        .stats = s4d_cudnn_stored(g, S4D_CUDNN_STATS, WIDE, rows(u)),
        .scale = s4d_cudnn_value(g, S4D_CUDNN_SCALE),
        .dy = s4d_cudnn_stored(g, S4D_CUDNN_DY, NARROW, in_y(u)),
    };
}

/* The row sums of dy * y, in memory; the product with 1 stands where dropout's scale would. */
static void *row_sums(s4d_cudnn_graph *g, const s4d_cudnn_geometry *u, const inputs *in)
{
    void *one = s4d_cudnn_value(g, S4D_CUDNN_ONE);
    void *stored = s4d_cudnn_stored(g, S4D_CUDNN_ROW_SUMS, WIDE, rows(u));
    void *product = apply(g, S4D_CUDNN_MUL, in->dy, in->y, in_y(u));
    s4d_cudnn_pointwise(g, S4D_CUDNN_MUL, reduce(g, S4D_CUDNN_SUM, product, rows(u)), one, stored);
    return stored;
}

/* p = exp(scale q k^T - stats), and dv = p^T dy. */
static void *probabilities(s4d_cudnn_graph *g, const s4d_cudnn_geometry *u, const inputs *in)
{
    void *dv = s4d_cudnn_stored(g, S4D_CUDNN_DV, NARROW, in_qkv(u));
    void *s = apply(g, S4D_CUDNN_MUL, multiply(g, in->q, in->k_turned, scores(u)), in->scale, scores(u));
    void *p = apply(g, S4D_CUDNN_EXP, apply(g, S4D_CUDNN_SUB, s, in->stats, scores(u)), NULL, scores(u));
    s4d_cudnn_multiply(g, turn(g, p, s4d_cudnn_turned(scores(u))), in->dy, dv);
    return p;
}

/* dq = ds k: at once, or through sums in float32 that grow in any order. */
static void dq(s4d_cudnn_graph *g, const s4d_cudnn_geometry *u, const inputs *in, void *ds)
{
    void *out = s4d_cudnn_stored(g, S4D_CUDNN_DQ, NARROW, in_qkv(u));
    void *k = turn(g, in->k_turned, in_qkv(u));
    if (u->deterministic) {
        s4d_cudnn_multiply(g, ds, k, out);
        return;
    }
    void *sums = s4d_cudnn_stored(g, S4D_CUDNN_DQ_SUMS, WIDE, s4d_cudnn_packed(u->B, u->H, u->N, u->d));
    s4d_cudnn_multiply(g, ds, k, sums);
    s4d_cudnn_pointwise(g, S4D_CUDNN_IDENTITY, sums, NULL, out);
}

static void backward(s4d_cudnn_graph *g, const s4d_cudnn_geometry *u)
{
    inputs in = take_inputs(g, u);
    void *dk = s4d_cudnn_stored(g, S4D_CUDNN_DK, NARROW, in_qkv(u));
    void *sums = row_sums(g, u, &in);
    void *p = probabilities(g, u, &in);
    void *dp = multiply(g, in.dy, in.v_turned, scores(u));
    void *change = apply(g, S4D_CUDNN_MUL, apply(g, S4D_CUDNN_SUB, dp, sums, scores(u)), p, scores(u));
    void *ds = apply(g, S4D_CUDNN_MUL, change, in.scale, scores(u));
    s4d_cudnn_multiply(g, turn(g, ds, s4d_cudnn_turned(scores(u))), in.q, dk);
    dq(g, u, &in, ds);
}

void s4d_cudnn_attention_graph(s4d_cudnn_graph *g, const s4d_cudnn_geometry *u)
{
    if (u->backward) backward(g, u);
    else forward(g, u);
}

/* ---- plans ---- */

/* Blackwell's deterministic backward is an option of its engine that the heuristics do not name. */
static const s4d_cudnn_choice blackwell = {
    .engine = 5, .knobs = 2, .knob = {S4D_CUDNN_KNOB_KERNEL, S4D_CUDNN_KNOB_STAGES}, .value = {31, 2}};

s4d_status s4d_cudnn_attention_build(const s4d_cudnn_device *d, const s4d_cudnn_ground *ground, const s4d_cudnn_geometry *u,
                                     s4d_cudnn_plan *plan, s4d_err *err)
{
    bool pinned = u->backward && u->deterministic && ground->capability / 10 == 10;
    *plan = (s4d_cudnn_plan){0};
    s4d_cudnn_graph_begin(&plan->graph, d->c, d->handle);
    s4d_cudnn_attention_graph(&plan->graph, u);
    return s4d_cudnn_plan_build(d, plan, &(s4d_cudnn_wish){u->deterministic, pinned ? &blackwell : NULL}, err);
}

static void fill_entry(s4d_cudnn_entry *e, const s4d_cudnn_device *d, const s4d_cudnn_ground *ground)
{
    s4d_err err = {0};
    const char *rule = s4d_cudnn_attention_rule(ground, &e->key);
    e->usable = !rule && s4d_cudnn_attention_build(d, ground, &e->key, &e->plan, &err) == S4D_OK;
    if (!e->usable) snprintf(e->why, sizeof e->why, "%.255s", rule ? rule : err.text);
}

s4d_cudnn_entry *s4d_cudnn_plans_find(s4d_cudnn_plans *plans, const s4d_cudnn_device *d, const s4d_cudnn_ground *ground,
                                      const s4d_cudnn_geometry *u)
{
    for (size_t i = 0; i < plans->count; ++i)
        if (memcmp(&plans->item[i]->key, u, sizeof *u) == 0) return plans->item[i];
    s4d_cudnn_entry *e = s4d_mem_alloc(1, sizeof *e);
    if (!e || !s4d_mem_grow(&plans->item, plans->count, plans->count + 1, sizeof(s4d_cudnn_entry *))) {
        s4d_mem_free(e);
        return NULL;
    }
    plans->item[plans->count++] = e;
    e->key = *u;
    fill_entry(e, d, ground);
    return e;
}

void s4d_cudnn_plans_release(s4d_cudnn_plans *plans)
{
    for (size_t i = 0; i < plans->count; ++i) {
        s4d_cudnn_plan_release(&plans->item[i]->plan);
        s4d_mem_free(plans->item[i]);
    }
    s4d_mem_free(plans->item);
    *plans = (s4d_cudnn_plans){0};
}
