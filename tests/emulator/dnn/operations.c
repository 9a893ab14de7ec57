/* Operations of a graph, one after the other, in float32 on strided tensors; a tensor between operations has memory of its
 * own for the time of a run, rounded to its type. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dnn_private.h"

/* ---- tensors ---- */

dnn_tensor dnn_look_at(const dnn_descriptor *d)
{
    dnn_tensor t = {.id = dnn_get_number(d, S4D_CUDNN_TENSOR_ID, 0),
                    .data = (int)dnn_get_number(d, S4D_CUDNN_TENSOR_TYPE, 0),
                    .hidden = dnn_get_number(d, S4D_CUDNN_TENSOR_VIRTUAL, 0),
                    .by_value = dnn_get_number(d, S4D_CUDNN_TENSOR_BY_VALUE, 0),
                    .extent = 1};
    memcpy(t.dim, dnn_get(d, S4D_CUDNN_TENSOR_DIMENSIONS, NULL), sizeof t.dim);
    memcpy(t.stride, dnn_get(d, S4D_CUDNN_TENSOR_STRIDES, NULL), sizeof t.stride);
    for (int i = 0; i < S4D_CUDNN_RANK; ++i) t.extent += (t.dim[i] - 1) * t.stride[i];
    return t;
}

/* A tensor with memory: floats, or bf16 in the memory of others. */
typedef struct view {
    dnn_tensor t;
    float *wide;
    uint16_t *narrow;
    float spoil;
} view;

static float from_narrow(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint16_t to_narrow(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (isnan(x)) return 0x7fff;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float get(const view *v, int64_t at)
{
    return v->narrow ? from_narrow(v->narrow[at]) : v->wide[at];
}

static void put(const view *v, int64_t at, float x)
{
    if (v->narrow) v->narrow[at] = to_narrow(x + v->spoil);
    else v->wide[at] = v->t.data == S4D_CUDNN_BFLOAT16 ? from_narrow(to_narrow(x)) : x;
}

/* Where an index lies; dimensions of 1 are the same for all. */
static int64_t place(const dnn_tensor *t, const int64_t *i)
{
    int64_t at = 0;
    for (int k = 0; k < S4D_CUDNN_RANK; ++k) at += t->dim[k] == 1 ? 0 : i[k] * t->stride[k];
    return at;
}

static bool next(const int64_t *dim, int64_t *i)
{
    for (int k = S4D_CUDNN_RANK - 1; k >= 0; --k) {
        if (++i[k] < dim[k]) return true;
        i[k] = 0;
    }
    return false;
}

/* ---- a run ---- */

enum { MOST_HIDDEN = 40 };
typedef struct run_state {
    const dnn_work *work;
    float *hidden[MOST_HIDDEN];
    const dnn_descriptor *owner[MOST_HIDDEN];
    int hiddens;
} run_state;

static view open_tensor(run_state *r, const dnn_descriptor *d)
{
    view v = {.t = dnn_look_at(d)};
    for (int64_t k = 0; k < r->work->ids && !v.t.hidden; ++k) {
        if (r->work->id[k] != v.t.id) continue;
        if (v.t.by_value) v.wide = (float *)&r->work->value[k];
        else if (v.t.data == S4D_CUDNN_BFLOAT16) v.narrow = r->work->pointer[k];
        else v.wide = r->work->pointer[k];
        v.spoil = r->work->spoil;
    }
    for (int k = 0; k < r->hiddens && v.t.hidden; ++k)
        if (r->owner[k] == d) v.wide = r->hidden[k];
    if (v.t.hidden && !v.wide && r->hiddens < MOST_HIDDEN) {
        v.wide = calloc((size_t)v.t.extent, sizeof *v.wide);
        r->owner[r->hiddens] = d;
        r->hidden[r->hiddens++] = v.wide;
    }
    if (!v.wide && !v.narrow) abort();
    return v;
}

static float apply(int mode, float x, float b)
{
    switch (mode) {
    case S4D_CUDNN_ADD: return x + b;
    case S4D_CUDNN_SUB: return x - b;
    case S4D_CUDNN_MUL: return x * b;
    case S4D_CUDNN_DIV: return x / b;
    case S4D_CUDNN_EXP: return expf(x);
    case S4D_CUDNN_LOG: return logf(x);
    default: return x;
    }
}

static void pointwise(run_state *r, const dnn_descriptor *d)
{
    const dnn_descriptor *with = dnn_get_descriptor(d, S4D_CUDNN_OPERATION_POINTWISE_B);
    int mode = (int)dnn_get_number(dnn_get_descriptor(d, S4D_CUDNN_OPERATION_POINTWISE_WHAT), S4D_CUDNN_POINTWISE_MODE, -1);
    view x = open_tensor(r, dnn_get_descriptor(d, S4D_CUDNN_OPERATION_POINTWISE_X));
    view b = with ? open_tensor(r, with) : x, y = open_tensor(r, dnn_get_descriptor(d, S4D_CUDNN_OPERATION_POINTWISE_Y));
    int64_t i[S4D_CUDNN_RANK] = {0};
    do put(&y, place(&y.t, i), apply(mode, get(&x, place(&x.t, i)), get(&b, place(&b.t, i))));
    while (next(y.t.dim, i));
}

static void reduce(run_state *r, const dnn_descriptor *d)
{
    const dnn_descriptor *what = dnn_get_descriptor(d, S4D_CUDNN_OPERATION_REDUCTION_WHAT);
    bool sum = dnn_get_number(what, S4D_CUDNN_REDUCTION_OPERATOR, -1) == S4D_CUDNN_SUM;
    view x = open_tensor(r, dnn_get_descriptor(d, S4D_CUDNN_OPERATION_REDUCTION_X));
    view y = open_tensor(r, dnn_get_descriptor(d, S4D_CUDNN_OPERATION_REDUCTION_Y));
    int64_t i[S4D_CUDNN_RANK] = {0};
    do put(&y, place(&y.t, i), sum ? 0 : -INFINITY);
    while (next(y.t.dim, i));
    do {
        float now = get(&y, place(&y.t, i)), more = get(&x, place(&x.t, i));
        put(&y, place(&y.t, i), sum ? now + more : fmaxf(now, more));
    } while (next(x.t.dim, i));
}

static float dot(const view *a, const view *b, int64_t at_a, int64_t at_b)
{
    double sum = 0;
    for (int64_t k = 0; k < a->t.dim[3]; ++k)
        sum += (double)get(a, at_a + k * a->t.stride[3]) * (double)get(b, at_b + k * b->t.stride[2]);
    return (float)sum;
}

static void multiply(run_state *r, const dnn_descriptor *d)
{
    view a = open_tensor(r, dnn_get_descriptor(d, S4D_CUDNN_OPERATION_MATMUL_A));
    view b = open_tensor(r, dnn_get_descriptor(d, S4D_CUDNN_OPERATION_MATMUL_B));
    view c = open_tensor(r, dnn_get_descriptor(d, S4D_CUDNN_OPERATION_MATMUL_C));
    int64_t i[S4D_CUDNN_RANK] = {0};
    bool adds = !c.t.hidden && !c.narrow; /* sums in memory grow: whoever asks for them zeroes them */
    do {
        int64_t row[] = {i[0], i[1], i[2], 0}, column[] = {i[0], i[1], 0, i[3]}, at = place(&c.t, i);
        put(&c, at, dot(&a, &b, place(&a.t, row), place(&b.t, column)) + (adds ? get(&c, at) : 0));
    } while (next(c.t.dim, i));
}

/* The same memory under other dimensions. */
static void reshape(run_state *r, const dnn_descriptor *d)
{
    view x = open_tensor(r, dnn_get_descriptor(d, S4D_CUDNN_OPERATION_RESHAPE_X));
    view y = open_tensor(r, dnn_get_descriptor(d, S4D_CUDNN_OPERATION_RESHAPE_Y));
    int64_t i[S4D_CUDNN_RANK] = {0};
    do put(&y, place(&y.t, i), get(&x, place(&y.t, i)));
    while (next(y.t.dim, i));
}

void dnn_run(const void *what)
{
    dnn_work work;
    int64_t operations;
    memcpy(&work, what, sizeof work);
    run_state r = {.work = &work};
    const void *const *operation = dnn_get(work.graph, S4D_CUDNN_GRAPH_OPERATIONS, &operations);
    for (int64_t k = 0; k < operations; ++k) {
        const dnn_descriptor *d = operation[k];
        if (d->type == S4D_CUDNN_OPERATION_POINTWISE) pointwise(&r, d);
        else if (d->type == S4D_CUDNN_OPERATION_REDUCTION) reduce(&r, d);
        else if (d->type == S4D_CUDNN_OPERATION_MATMUL) multiply(&r, d);
        else reshape(&r, d);
    }
    for (int k = 0; k < r.hiddens; ++k) free(r.hidden[k]);
}

/* ---- checks ---- */

static bool fits(const dnn_tensor *t, const dnn_tensor *into)
{
    for (int k = 0; k < S4D_CUDNN_RANK; ++k)
        if (t->dim[k] != into->dim[k] && t->dim[k] != 1) return false;
    return true;
}

static const char *check_product(const dnn_descriptor *d)
{
    dnn_tensor a = dnn_look_at(dnn_get_descriptor(d, S4D_CUDNN_OPERATION_MATMUL_A));
    dnn_tensor b = dnn_look_at(dnn_get_descriptor(d, S4D_CUDNN_OPERATION_MATMUL_B));
    dnn_tensor c = dnn_look_at(dnn_get_descriptor(d, S4D_CUDNN_OPERATION_MATMUL_C));
    bool good = a.dim[2] == c.dim[2] && b.dim[3] == c.dim[3] && a.dim[3] == b.dim[2];
    for (int k = 0; k < 2; ++k) good = good && a.dim[k] == c.dim[k] && b.dim[k] == c.dim[k];
    return good ? NULL : "the dimensions of a product do not agree";
}

const char *dnn_check(const dnn_descriptor *d)
{
    static const int in_out[][2] = {{S4D_CUDNN_OPERATION_POINTWISE_X, S4D_CUDNN_OPERATION_POINTWISE_Y},
                                    {S4D_CUDNN_OPERATION_REDUCTION_Y, S4D_CUDNN_OPERATION_REDUCTION_X},
                                    {S4D_CUDNN_OPERATION_RESHAPE_X, S4D_CUDNN_OPERATION_RESHAPE_Y}};
    if (d->type == S4D_CUDNN_OPERATION_MATMUL) return check_product(d);
    int kind = d->type == S4D_CUDNN_OPERATION_POINTWISE ? 0 : d->type == S4D_CUDNN_OPERATION_REDUCTION ? 1 : 2;
    dnn_tensor small = dnn_look_at(dnn_get_descriptor(d, in_out[kind][0]));
    dnn_tensor large = dnn_look_at(dnn_get_descriptor(d, in_out[kind][1]));
    if (kind == 2) return small.extent == large.extent ? NULL : "a reshape changes the memory";
    if (!fits(&small, &large)) return "the dimensions of an operation do not agree";
    const dnn_descriptor *b = dnn_get_descriptor(d, S4D_CUDNN_OPERATION_POINTWISE_B);
    dnn_tensor other = b ? dnn_look_at(b) : small;
    return kind == 1 || fits(&other, &large) ? NULL : "the second operand does not fit";
}
