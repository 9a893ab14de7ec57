/* Attention as graphs of operations that cuDNN's fused engines recognise, the rules of what they take, and the plans that
 * were made so far. Knows no backend. Private to src/backend/cuda. */
#ifndef S4D_BACKEND_CUDA_CUDNN_ATTENTION_H
#define S4D_BACKEND_CUDA_CUDNN_ATTENTION_H

#include "backend/cuda/cudnn_plan.h"

/* What a plan depends on. All int64_t: no padding, compared as it is. */
typedef struct s4d_cudnn_geometry {
    int64_t B, N, H, d;
    int64_t backward, deterministic;
} s4d_cudnn_geometry;

/* The card and the library, as far as the rules ask. */
typedef struct s4d_cudnn_ground {
    int capability; /* 90 for 9.0 */
    int64_t version;
} s4d_cudnn_ground;

/* NULL where cuDNN may be asked; else why not, as the end of a sentence: "the head width is not a multiple of 8". */
const char *s4d_cudnn_attention_rule(const s4d_cudnn_ground *ground, const s4d_cudnn_geometry *u);

/* Ids of the tensors of both graphs, in the order of s4d_cudnn_attention_pointers. */
typedef enum s4d_cudnn_id {
    S4D_CUDNN_Q = 1,
    S4D_CUDNN_K,
    S4D_CUDNN_V,
    S4D_CUDNN_Y,
    S4D_CUDNN_STATS,
    S4D_CUDNN_SCALE,
    S4D_CUDNN_ONE,     /* backward only, from here on */
    S4D_CUDNN_DY,
    S4D_CUDNN_DQ,
    S4D_CUDNN_DK,
    S4D_CUDNN_DV,
    S4D_CUDNN_ROW_SUMS, /* [B,H,N] float32 */
    S4D_CUDNN_DQ_SUMS,  /* [B,H,N,d] float32; not deterministic only */
    S4D_CUDNN_IDS
} s4d_cudnn_id;

/* Describes the operations: 10 of forward, 17 of backward, 18 where dq is summed in any order. */
void s4d_cudnn_attention_graph(s4d_cudnn_graph *g, const s4d_cudnn_geometry *u);
/* Graph and plan. */
s4d_status s4d_cudnn_attention_build(const s4d_cudnn_device *d, const s4d_cudnn_ground *ground, const s4d_cudnn_geometry *u,
                                     s4d_cudnn_plan *plan, s4d_err *err);

/* ---- plans by geometry ---- */

typedef struct s4d_cudnn_entry {
    s4d_cudnn_geometry key;
    s4d_cudnn_plan plan;
    bool usable; /* else `why` */
    char why[256];
} s4d_cudnn_entry;

/* Zeroed = empty. Entries stay where they are. */
typedef struct s4d_cudnn_plans {
    s4d_cudnn_entry **item;
    size_t count;
} s4d_cudnn_plans;

/* The entry of the geometry, made where there is none; NULL: no memory. */
s4d_cudnn_entry *s4d_cudnn_plans_find(s4d_cudnn_plans *plans, const s4d_cudnn_device *d, const s4d_cudnn_ground *ground,
                                      const s4d_cudnn_geometry *u);
void s4d_cudnn_plans_release(s4d_cudnn_plans *plans);

#endif
