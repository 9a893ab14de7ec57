/* Opening cuDNN, and describing graphs of operations to it. */
#include <stdio.h>
#include <string.h>

#include "backend/cuda/cudnn_graph.h"
#include "backend/cuda/library.h"

/* ---- the library ---- */

static const char STEM[] = "libcudnn.so.9";

s4d_status s4d_cudnn_open(s4d_cudnn *c, s4d_err *err)
{
    s4d_cudnn found = {0};
    const s4d_cuda_symbol symbol[] = {
        {"cudnnGetVersion", &found.version},
        {"cudnnGetLastErrorString", &found.last_error},
        {"cudnnCreate", &found.create},
        {"cudnnDestroy", &found.destroy},
        {"cudnnSetStream", &found.set_stream},
        {"cudnnBackendCreateDescriptor", &found.create_descriptor},
        {"cudnnBackendDestroyDescriptor", &found.destroy_descriptor},
        {"cudnnBackendFinalize", &found.finalize},
        {"cudnnBackendSetAttribute", &found.set},
        {"cudnnBackendGetAttribute", &found.get},
        {"cudnnBackendExecute", &found.execute},
    };
    s4d_status status = s4d_cuda_library_open(STEM, "S4D_CUDNN", &found.library, err);
    if (status == S4D_OK) status = s4d_cuda_library_take(found.library, STEM, symbol, sizeof symbol / sizeof symbol[0], err);
    if (status != S4D_OK) s4d_cuda_library_close(&found.library);
    else *c = found;
    return status;
}

/* The library stays in the process: it is not made to leave, and takes its time to come. */
void s4d_cudnn_close(s4d_cudnn *c)
{
    *c = (s4d_cudnn){0};
}

s4d_status s4d_cudnn_refused(const s4d_cudnn *c, int status, const char *what, s4d_err *err)
{
    char words[512] = "";
    c->last_error(words, sizeof words);
    for (char *at = words; *at; ++at)
        if (*at == '\n' || *at == '\r') *at = ' ';
    return s4d_err_set(err, S4D_FAILED, "cuDNN could not %s: status %d%s%.400s", what, status, words[0] ? ", " : "", words);
}

/* ---- shapes ---- */

s4d_cudnn_shape s4d_cudnn_packed(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (s4d_cudnn_shape){{a, b, c, d}, {b * c * d, c * d, d, 1}};
}

s4d_cudnn_shape s4d_cudnn_turned(s4d_cudnn_shape s)
{
    s4d_cudnn_shape t = s;
    t.dim[2] = s.dim[3], t.dim[3] = s.dim[2];
    t.stride[2] = s.stride[3], t.stride[3] = s.stride[2];
    return t;
}

/* ---- descriptors ---- */

static bool good(s4d_cudnn_graph *g, int status, const char *what)
{
    if (status != 0 && g->status == S4D_OK) g->status = s4d_cudnn_refused(g->c, status, what, &g->why);
    return status == 0;
}

void s4d_cudnn_graph_begin(s4d_cudnn_graph *g, const s4d_cudnn *c, void *handle)
{
    *g = (s4d_cudnn_graph){.c = c, .handle = handle, .hidden = 1000};
}

static void *make(s4d_cudnn_graph *g, s4d_cudnn_descriptor type)
{
    void *made = NULL;
    if (g->status != S4D_OK) return NULL;
    S4D_BUG_IF(g->keeps == S4D_CUDNN_MOST_DESCRIPTORS);
    if (!good(g, g->c->create_descriptor((int)type, &made), "make a descriptor")) return NULL;
    return g->kept[g->keeps++] = made;
}

static void set(s4d_cudnn_graph *g, void *d, s4d_cudnn_attribute name, s4d_cudnn_type type, int64_t count, const void *values)
{
    char what[64];
    if (g->status != S4D_OK) return;
    int status = g->c->set(d, (int)name, (int)type, count, values);
    if (status == 0) return;
    snprintf(what, sizeof what, "set attribute %d", (int)name);
    good(g, status, what);
}

static void set_number(s4d_cudnn_graph *g, void *d, s4d_cudnn_attribute name, s4d_cudnn_type type, int value)
{
    set(g, d, name, type, 1, &value); /* cuDNN's enumerations are ints */
}

static void set_flag(s4d_cudnn_graph *g, void *d, s4d_cudnn_attribute name, bool value)
{
    set(g, d, name, S4D_CUDNN_TYPE_BOOLEAN, 1, &value);
}

static void set_descriptor(s4d_cudnn_graph *g, void *d, s4d_cudnn_attribute name, void *value)
{
    set(g, d, name, S4D_CUDNN_TYPE_DESCRIPTOR, 1, &value);
}

static void *finish(s4d_cudnn_graph *g, void *d, const char *what)
{
    return g->status == S4D_OK && good(g, g->c->finalize(d), what) ? d : NULL;
}

/* ---- tensors ---- */

typedef struct tensor {
    int64_t id;
    s4d_cudnn_data type;
    s4d_cudnn_shape shape;
    bool hidden, by_value;
} tensor;

static void *make_tensor(s4d_cudnn_graph *g, const tensor *t)
{
    static const int64_t alignment = S4D_CUDNN_ALIGNMENT;
    char what[64];
    void *d = make(g, S4D_CUDNN_TENSOR);
    set_number(g, d, S4D_CUDNN_TENSOR_TYPE, S4D_CUDNN_TYPE_DATA_TYPE, (int)t->type);
    set(g, d, S4D_CUDNN_TENSOR_DIMENSIONS, S4D_CUDNN_TYPE_INT64, S4D_CUDNN_RANK, t->shape.dim);
    set(g, d, S4D_CUDNN_TENSOR_STRIDES, S4D_CUDNN_TYPE_INT64, S4D_CUDNN_RANK, t->shape.stride);
    set(g, d, S4D_CUDNN_TENSOR_ID, S4D_CUDNN_TYPE_INT64, 1, &t->id);
    set(g, d, S4D_CUDNN_TENSOR_ALIGNMENT, S4D_CUDNN_TYPE_INT64, 1, &alignment);
    set_flag(g, d, S4D_CUDNN_TENSOR_VIRTUAL, t->hidden);
    set_flag(g, d, S4D_CUDNN_TENSOR_BY_VALUE, t->by_value);
    snprintf(what, sizeof what, "take tensor %lld", (long long)t->id);
    return finish(g, d, what);
}

void *s4d_cudnn_stored(s4d_cudnn_graph *g, int64_t id, s4d_cudnn_data type, s4d_cudnn_shape shape)
{
    return make_tensor(g, &(tensor){.id = id, .type = type, .shape = shape});
}

void *s4d_cudnn_between(s4d_cudnn_graph *g, s4d_cudnn_data type, s4d_cudnn_shape shape)
{
    return make_tensor(g, &(tensor){.id = ++g->hidden, .type = type, .shape = shape, .hidden = true});
}

void *s4d_cudnn_value(s4d_cudnn_graph *g, int64_t id)
{
    return make_tensor(g, &(tensor){.id = id, .type = S4D_CUDNN_FLOAT, .shape = s4d_cudnn_packed(1, 1, 1, 1), .by_value = true});
}

/* ---- operations ---- */

static void add_operation(s4d_cudnn_graph *g, void *d)
{
    char what[64];
    snprintf(what, sizeof what, "take operation %d", g->operations + 1);
    if (!finish(g, d, what)) return;
    S4D_BUG_IF(g->operations == S4D_CUDNN_MOST_OPERATIONS);
    g->operation[g->operations++] = d;
}

void s4d_cudnn_pointwise(s4d_cudnn_graph *g, s4d_cudnn_mode mode, void *x, void *b, void *y)
{
    void *what = make(g, S4D_CUDNN_POINTWISE);
    set_number(g, what, S4D_CUDNN_POINTWISE_MODE, S4D_CUDNN_TYPE_POINTWISE_MODE, (int)mode);
    set_number(g, what, S4D_CUDNN_POINTWISE_PRECISION, S4D_CUDNN_TYPE_DATA_TYPE, S4D_CUDNN_FLOAT);
    finish(g, what, "take a pointwise operation");
    void *d = make(g, S4D_CUDNN_OPERATION_POINTWISE);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_POINTWISE_WHAT, what);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_POINTWISE_X, x);
    if (b) set_descriptor(g, d, S4D_CUDNN_OPERATION_POINTWISE_B, b);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_POINTWISE_Y, y);
    add_operation(g, d);
}

void s4d_cudnn_reduce(s4d_cudnn_graph *g, s4d_cudnn_reduction reduction, void *x, void *y)
{
    void *what = make(g, S4D_CUDNN_REDUCTION);
    set_number(g, what, S4D_CUDNN_REDUCTION_OPERATOR, S4D_CUDNN_TYPE_REDUCTION_OPERATOR, (int)reduction);
    set_number(g, what, S4D_CUDNN_REDUCTION_PRECISION, S4D_CUDNN_TYPE_DATA_TYPE, S4D_CUDNN_FLOAT);
    finish(g, what, "take a reduction");
    void *d = make(g, S4D_CUDNN_OPERATION_REDUCTION);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_REDUCTION_WHAT, what);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_REDUCTION_X, x);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_REDUCTION_Y, y);
    add_operation(g, d);
}

void s4d_cudnn_multiply(s4d_cudnn_graph *g, void *a, void *b, void *c)
{
    void *what = make(g, S4D_CUDNN_MATMUL);
    set_number(g, what, S4D_CUDNN_MATMUL_PRECISION, S4D_CUDNN_TYPE_DATA_TYPE, S4D_CUDNN_FLOAT);
    finish(g, what, "take a product");
    void *d = make(g, S4D_CUDNN_OPERATION_MATMUL);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_MATMUL_WHAT, what);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_MATMUL_A, a);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_MATMUL_B, b);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_MATMUL_C, c);
    add_operation(g, d);
}

void s4d_cudnn_reshape(s4d_cudnn_graph *g, void *x, void *y)
{
    void *d = make(g, S4D_CUDNN_OPERATION_RESHAPE);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_RESHAPE_X, x);
    set_descriptor(g, d, S4D_CUDNN_OPERATION_RESHAPE_Y, y);
    add_operation(g, d);
}

s4d_status s4d_cudnn_graph_finish(s4d_cudnn_graph *g, void **graph, s4d_err *err)
{
    void *d = make(g, S4D_CUDNN_OPERATION_GRAPH);
    set(g, d, S4D_CUDNN_GRAPH_OPERATIONS, S4D_CUDNN_TYPE_DESCRIPTOR, g->operations, g->operation);
    if (g->handle) set(g, d, S4D_CUDNN_GRAPH_HANDLE, S4D_CUDNN_TYPE_HANDLE, 1, &g->handle);
    *graph = finish(g, d, "take the operations as a graph");
    if (g->status != S4D_OK) s4d_err_set(err, g->status, "%s", g->why.text);
    return g->status;
}

void s4d_cudnn_graph_release(s4d_cudnn_graph *g)
{
    while (g->keeps > 0) g->c->destroy_descriptor(g->kept[--g->keeps]);
    g->operations = 0;
}
