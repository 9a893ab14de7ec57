/* What a device fills in. Private to src/backend. */
#ifndef S4D_BACKEND_PRIVATE_H
#define S4D_BACKEND_PRIVATE_H

#include "s4d/backend/backend.h"

typedef struct s4d_op_table {
#define S4D_OP(name) void (*name)(s4d_backend *be, const s4d_##name##_args *args);
#include "s4d/backend/ops.def"
#undef S4D_OP
} s4d_op_table;

struct s4d_backend {
    const char *name;
    char description[256];
    s4d_dtype real;
    int threads;
    bool planning, failed;
    int own_ops;
    s4d_err error;    /* the first failure */
    s4d_op_table ops;
    void *scratch;    /* grown on demand by s4d_backend_scratch, kept for the next call */
    size_t scratch_size;
    int spoil;            /* S4D_TEST_HOOKS: the s4d_op_id whose result is spoiled, -1 for none */
    size_t spoil_tensor;  /* where in its arguments the spoiled tensor stands */
};

void s4d_backend_fail(s4d_backend *be, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Host scratch of at least `bytes`, contents undefined, good until the next request; NULL after a failure. */
void *s4d_backend_scratch(s4d_backend *be, size_t bytes);

/* Fill the table; ref fills all of it, others override. */
void s4d_ref_fill_f32(s4d_op_table *table);
void s4d_ref_fill_f64(s4d_op_table *table);
void s4d_cpu_fill(s4d_op_table *table);
/* "oneDNN 2.6.3" or the CBLAS behind the products. */
const char *s4d_cpu_library(void);

/* Shape rules of every operation, once: a wrong shape is a bug in the caller (S4D_BUG_IF). Pointers are
 * checked too, unless planning. */
#define S4D_OP(name) void s4d_validate_##name(const s4d_backend *be, const s4d_##name##_args *args);
#include "s4d/backend/ops.def"
#undef S4D_OP

#ifdef S4D_TEST_HOOKS
/* From now on every call of `op` is followed by damage to the last element of one of its results:
 * the tensor that stands `tensor` bytes into the operation's arguments. op -1 ends it. For the test
 * of the tests. */
void s4d_backend_spoil(s4d_backend *be, int op, size_t tensor);
/* Does the damage; called by the wrappers. */
void s4d_backend_spoil_result(s4d_backend *be, const void *args);
#endif

#endif
