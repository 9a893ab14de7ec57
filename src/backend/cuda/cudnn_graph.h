/* cuDNN's graph interface: its functions, opened while the program runs, and short ways of saying "this tensor", "that
 * product". Numbers stand here in place of cuDNN's header, so that the build needs none; they are part of its binary
 * interface, and cudnn_numbers.c holds them against cuDNN's header where there is one. Private to src/backend/cuda. */
#ifndef S4D_BACKEND_CUDA_CUDNN_GRAPH_H
#define S4D_BACKEND_CUDA_CUDNN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"

/* ---- the library ---- */

enum { S4D_CUDNN_OLDEST = 91501 }; /* 9.15.1: before it, wrong results and faults under graphs */

/* Descriptors and handles are opaque; statuses are 0 for success. */
typedef struct s4d_cudnn {
    void *library;
    size_t (*version)(void); /* 91900 for 9.19.0 */
    void (*last_error)(char *text, size_t size);
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    int (*set_stream)(void *handle, void *stream);
    int (*create_descriptor)(int type, void **descriptor);
    int (*destroy_descriptor)(void *descriptor);
    int (*finalize)(void *descriptor);
    int (*set)(void *descriptor, int name, int type, int64_t count, const void *values);
    int (*get)(void *descriptor, int name, int type, int64_t asked, int64_t *given, void *values);
    int (*execute)(void *handle, void *plan, void *pack);
} s4d_cudnn;

/* Any version; S4D_CUDNN names the file or its folder. */
s4d_status s4d_cudnn_open(s4d_cudnn *c, s4d_err *err);
void s4d_cudnn_close(s4d_cudnn *c); /* a zeroed one is fine */
/* "cuDNN could not WHAT: its words". */
s4d_status s4d_cudnn_refused(const s4d_cudnn *c, int status, const char *what, s4d_err *err);

/* ---- numbers ---- */

typedef enum s4d_cudnn_descriptor {
    S4D_CUDNN_POINTWISE = 0,
    S4D_CUDNN_ENGINE = 2,
    S4D_CUDNN_ENGINE_CONFIG = 3,
    S4D_CUDNN_HEURISTICS = 4,
    S4D_CUDNN_PLAN = 5,
    S4D_CUDNN_KNOB_CHOICE = 7,
    S4D_CUDNN_OPERATION_POINTWISE = 13,
    S4D_CUDNN_OPERATION_GRAPH = 15,
    S4D_CUDNN_VARIANT_PACK = 16,
    S4D_CUDNN_TENSOR = 17,
    S4D_CUDNN_MATMUL = 18,
    S4D_CUDNN_OPERATION_MATMUL = 19,
    S4D_CUDNN_REDUCTION = 21,
    S4D_CUDNN_OPERATION_REDUCTION = 22,
    S4D_CUDNN_OPERATION_RESHAPE = 31,
    S4D_CUDNN_DEVICE_PROPERTIES = 38
} s4d_cudnn_descriptor;

typedef enum s4d_cudnn_attribute {
    S4D_CUDNN_POINTWISE_MODE = 0,
    S4D_CUDNN_POINTWISE_PRECISION = 1,
    S4D_CUDNN_HEURISTICS_MODE = 200,
    S4D_CUDNN_HEURISTICS_GRAPH = 201,
    S4D_CUDNN_HEURISTICS_RESULTS = 202,
    S4D_CUDNN_HEURISTICS_DEVICE = 204,
    S4D_CUDNN_CONFIG_ENGINE = 300,
    S4D_CUDNN_CONFIG_KNOBS = 302,
    S4D_CUDNN_PLAN_HANDLE = 400,
    S4D_CUDNN_PLAN_CONFIG = 401,
    S4D_CUDNN_PLAN_WORKSPACE = 402,
    S4D_CUDNN_PLAN_DEVICE = 407,
    S4D_CUDNN_KNOB_TYPE = 600,
    S4D_CUDNN_KNOB_VALUE = 601,
    S4D_CUDNN_OPERATION_POINTWISE_WHAT = 750,
    S4D_CUDNN_OPERATION_POINTWISE_X = 751,
    S4D_CUDNN_OPERATION_POINTWISE_B = 752,
    S4D_CUDNN_OPERATION_POINTWISE_Y = 753,
    S4D_CUDNN_GRAPH_HANDLE = 800,
    S4D_CUDNN_GRAPH_OPERATIONS = 801,
    S4D_CUDNN_TENSOR_ALIGNMENT = 900,
    S4D_CUDNN_TENSOR_TYPE = 901,
    S4D_CUDNN_TENSOR_DIMENSIONS = 902,
    S4D_CUDNN_TENSOR_STRIDES = 903,
    S4D_CUDNN_TENSOR_ID = 906,
    S4D_CUDNN_TENSOR_VIRTUAL = 907,
    S4D_CUDNN_TENSOR_BY_VALUE = 908,
    S4D_CUDNN_PACK_IDS = 1000,
    S4D_CUDNN_PACK_POINTERS = 1001,
    S4D_CUDNN_PACK_WORKSPACE = 1003,
    S4D_CUDNN_ENGINE_GRAPH = 1300,
    S4D_CUDNN_ENGINE_INDEX = 1301,
    S4D_CUDNN_ENGINE_NUMERICAL_NOTES = 1303,
    S4D_CUDNN_ENGINE_DEVICE = 1307,
    S4D_CUDNN_MATMUL_PRECISION = 1500,
    S4D_CUDNN_OPERATION_MATMUL_A = 1520,
    S4D_CUDNN_OPERATION_MATMUL_B = 1521,
    S4D_CUDNN_OPERATION_MATMUL_C = 1522,
    S4D_CUDNN_OPERATION_MATMUL_WHAT = 1523,
    S4D_CUDNN_REDUCTION_OPERATOR = 1600,
    S4D_CUDNN_REDUCTION_PRECISION = 1601,
    S4D_CUDNN_OPERATION_REDUCTION_X = 1610,
    S4D_CUDNN_OPERATION_REDUCTION_Y = 1611,
    S4D_CUDNN_OPERATION_REDUCTION_WHAT = 1612,
    S4D_CUDNN_OPERATION_RESHAPE_X = 2200,
    S4D_CUDNN_OPERATION_RESHAPE_Y = 2201,
    S4D_CUDNN_DEVICE_JSON = 2702
} s4d_cudnn_attribute;

typedef enum s4d_cudnn_type {
    S4D_CUDNN_TYPE_HANDLE = 0,
    S4D_CUDNN_TYPE_DATA_TYPE = 1,
    S4D_CUDNN_TYPE_BOOLEAN = 2,
    S4D_CUDNN_TYPE_INT64 = 3,
    S4D_CUDNN_TYPE_POINTER = 6,
    S4D_CUDNN_TYPE_HEURISTICS_MODE = 8,
    S4D_CUDNN_TYPE_KNOB_TYPE = 9,
    S4D_CUDNN_TYPE_NUMERICAL_NOTE = 11,
    S4D_CUDNN_TYPE_POINTWISE_MODE = 14,
    S4D_CUDNN_TYPE_DESCRIPTOR = 15,
    S4D_CUDNN_TYPE_REDUCTION_OPERATOR = 18,
    S4D_CUDNN_TYPE_CHAR = 24
} s4d_cudnn_type;

typedef enum s4d_cudnn_data { S4D_CUDNN_FLOAT = 0, S4D_CUDNN_BFLOAT16 = 9 } s4d_cudnn_data;

typedef enum s4d_cudnn_mode {
    S4D_CUDNN_ADD = 0,
    S4D_CUDNN_MUL = 1,
    S4D_CUDNN_DIV = 6,
    S4D_CUDNN_SUB = 9,
    S4D_CUDNN_EXP = 13,
    S4D_CUDNN_LOG = 15,
    S4D_CUDNN_IDENTITY = 21
} s4d_cudnn_mode;

typedef enum s4d_cudnn_reduction { S4D_CUDNN_SUM = 0, S4D_CUDNN_MAX = 3 } s4d_cudnn_reduction;

enum {
    S4D_CUDNN_MODE_FALLBACK = 2,
    S4D_CUDNN_MODE_A = 3,
    S4D_CUDNN_NOTE_NONDETERMINISTIC = 4,
    S4D_CUDNN_KNOB_STAGES = 14,
    S4D_CUDNN_KNOB_KERNEL = 24
};

/* ---- building a graph ---- */

enum { S4D_CUDNN_RANK = 4, S4D_CUDNN_ALIGNMENT = 16, S4D_CUDNN_MOST_OPERATIONS = 24, S4D_CUDNN_MOST_DESCRIPTORS = 96 };

/* Sticky: after a refusal calls do nothing, tensors are NULL, and s4d_cudnn_graph_finish says which was the first. */
typedef struct s4d_cudnn_graph {
    const s4d_cudnn *c;
    void *handle; /* NULL: without a card */
    void *operation[S4D_CUDNN_MOST_OPERATIONS];
    void *kept[S4D_CUDNN_MOST_DESCRIPTORS]; /* all descriptors, in the order they were made */
    int operations, keeps;
    int64_t hidden; /* ids given to tensors without memory */
    s4d_status status;
    s4d_err why;
} s4d_cudnn_graph;

typedef struct s4d_cudnn_shape {
    int64_t dim[S4D_CUDNN_RANK], stride[S4D_CUDNN_RANK];
} s4d_cudnn_shape;
s4d_cudnn_shape s4d_cudnn_packed(int64_t a, int64_t b, int64_t c, int64_t d);
s4d_cudnn_shape s4d_cudnn_turned(s4d_cudnn_shape s); /* the last two dimensions exchanged */

void s4d_cudnn_graph_begin(s4d_cudnn_graph *g, const s4d_cudnn *c, void *handle);
/* A tensor in memory, by the id (1..) under which its address is given, a multiple of S4D_CUDNN_ALIGNMENT; one between
 * operations only; one float, given by its host address when the plan is run. */
void *s4d_cudnn_stored(s4d_cudnn_graph *g, int64_t id, s4d_cudnn_data type, s4d_cudnn_shape shape);
void *s4d_cudnn_between(s4d_cudnn_graph *g, s4d_cudnn_data type, s4d_cudnn_shape shape);
void *s4d_cudnn_value(s4d_cudnn_graph *g, int64_t id);
/* Operations, in float32. b may be NULL where there is one operand. */
void s4d_cudnn_pointwise(s4d_cudnn_graph *g, s4d_cudnn_mode mode, void *x, void *b, void *y);
void s4d_cudnn_reduce(s4d_cudnn_graph *g, s4d_cudnn_reduction what, void *x, void *y);
void s4d_cudnn_multiply(s4d_cudnn_graph *g, void *a, void *b, void *c);
void s4d_cudnn_reshape(s4d_cudnn_graph *g, void *x, void *y);
/* The whole as a descriptor, which belongs to g. */
s4d_status s4d_cudnn_graph_finish(s4d_cudnn_graph *g, void **graph, s4d_err *err);
void s4d_cudnn_graph_release(s4d_cudnn_graph *g);

#endif
