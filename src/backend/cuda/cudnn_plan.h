/* From a graph of operations to something that runs: cuDNN's heuristics name engines, best first, and the first that takes
 * the graph becomes the plan. Private to src/backend/cuda. */
#ifndef S4D_BACKEND_CUDA_CUDNN_PLAN_H
#define S4D_BACKEND_CUDA_CUDNN_PLAN_H

#include "backend/cuda/cudnn_graph.h"

/* What plans are made for: a card, by a handle; or, where there is none, the properties of one, so that plans are tested
 * without it. */
typedef struct s4d_cudnn_device {
    const s4d_cudnn *c;
    void *handle, *properties; /* one of them */
} s4d_cudnn_device;

/* `json` is what cuDNN itself writes for CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION. */
s4d_status s4d_cudnn_device_describe(s4d_cudnn_device *d, const s4d_cudnn *c, const char *json, s4d_err *err);
void s4d_cudnn_device_release(s4d_cudnn_device *d); /* destroys handle or properties */

/* An engine asked for by number, where the heuristics do not name it. */
enum { S4D_CUDNN_MOST_KNOBS = 2 };
typedef struct s4d_cudnn_choice {
    int64_t engine;
    int knobs;
    int32_t knob[S4D_CUDNN_MOST_KNOBS];
    int64_t value[S4D_CUDNN_MOST_KNOBS];
} s4d_cudnn_choice;

typedef struct s4d_cudnn_wish {
    bool deterministic;            /* engines that say they are not are passed over */
    const s4d_cudnn_choice *choice; /* optional: this one, and no other */
} s4d_cudnn_wish;

typedef struct s4d_cudnn_plan {
    s4d_cudnn_graph graph; /* kept as long as the plan */
    void *config, *plan;
    int64_t workspace; /* bytes */
    int64_t engine;
    int named, tried;  /* engines the heuristics named; of these, those that were asked */
    int last_status;   /* cuDNN's, of the last engine that was asked */
} s4d_cudnn_plan;

/* The operations in plan->graph become a plan. Where it fails, plan is only good for release. */
s4d_status s4d_cudnn_plan_build(const s4d_cudnn_device *d, s4d_cudnn_plan *plan, const s4d_cudnn_wish *wish, s4d_err *err);
void s4d_cudnn_plan_release(s4d_cudnn_plan *plan);

/* Addresses by id: of device memory, and of host floats for values. */
typedef struct s4d_cudnn_pointers {
    const int64_t *id;
    void *const *pointer;
    int64_t count;
    void *workspace;
} s4d_cudnn_pointers;
s4d_status s4d_cudnn_plan_run(const s4d_cudnn_device *d, const s4d_cudnn_plan *plan, const s4d_cudnn_pointers *p, s4d_err *err);

#endif
