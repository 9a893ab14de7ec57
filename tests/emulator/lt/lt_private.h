/* The emulated cuBLASLt: what lies behind its opaque structures, and the product itself. */
#ifndef S4D_EMULATOR_LT_PRIVATE_H
#define S4D_EMULATOR_LT_PRIVATE_H

#include <stdbool.h>

#include "cublasLt.h"
#include "s4d_emulator.h"

struct cublasLtContext {
    s4d_emulator_enqueue_fn enqueue;
    s4d_emulator_on_card_fn on_card;
};

typedef struct lt_layout {
    int32_t type, order, batch;
    uint64_t rows, cols;
    int64_t ld, stride;
} lt_layout;

typedef struct lt_desc {
    int32_t compute, scale, pointer_mode, op_a, op_b, bias_type;
    uint32_t epilogue;
    int64_t bias_stride;
    const void *bias;
} lt_desc;

typedef struct lt_preference {
    uint64_t workspace;
    uint32_t reduction, align_a, align_b, align_c, align_d;
} lt_preference;

/* A product as it is queued. */
typedef struct lt_product {
    lt_desc desc;
    lt_layout layout_a, layout_b, layout_c, layout_d;
    const void *a, *b, *c;
    void *d, *workspace;
    size_t workspace_bytes; /* that it uses */
    float alpha, beta;
    bool halves; /* k in two halves, whose sums are rounded before they are added */
} lt_product;

void lt_run(const void *product); /* product.c */

#endif
