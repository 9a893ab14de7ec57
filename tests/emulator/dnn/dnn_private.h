/* The emulated cuDNN: what lies behind descriptors, and the work of a plan. Numbers are those of src/backend/cuda. */
#ifndef S4D_EMULATOR_DNN_PRIVATE_H
#define S4D_EMULATOR_DNN_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/cuda/cudnn_graph.h"

enum { DNN_MOST_ATTRIBUTES = 12, DNN_MOST_IDS = 16, DNN_BAD = 2000, DNN_NOT_SUPPORTED = 3000, DNN_FAILED = 5000 };

typedef struct dnn_attribute {
    int name, type;
    int64_t count;
    unsigned char *bytes;
} dnn_attribute;

typedef struct dnn_descriptor dnn_descriptor;
struct dnn_descriptor {
    int type;
    bool finished;
    dnn_attribute attribute[DNN_MOST_ATTRIBUTES];
    int attributes;
    const dnn_descriptor *graph; /* of an engine and what is made of it */
};

/* What was set, or NULL; `count` may be NULL. */
const void *dnn_get(const dnn_descriptor *d, int name, int64_t *count);
const dnn_descriptor *dnn_get_descriptor(const dnn_descriptor *d, int name);
int64_t dnn_get_number(const dnn_descriptor *d, int name, int64_t otherwise); /* of any size */

/* A plan with its addresses, as it is queued. Values were read when it was. */
typedef struct dnn_work {
    const dnn_descriptor *graph;
    int64_t ids, id[DNN_MOST_IDS];
    void *pointer[DNN_MOST_IDS];
    float value[DNN_MOST_IDS];
    float spoil; /* added to what is stored in bf16 */
} dnn_work;

typedef struct dnn_tensor {
    int64_t id, dim[S4D_CUDNN_RANK], stride[S4D_CUDNN_RANK], extent; /* elements from the first to behind the last */
    int data;
    bool hidden, by_value;
} dnn_tensor;
dnn_tensor dnn_look_at(const dnn_descriptor *tensor);

/* operations.c. NULL, or what is wrong with an operation; everything but what needs the addresses. */
const char *dnn_check(const dnn_descriptor *operation);
void dnn_run(const void *work);

#endif
