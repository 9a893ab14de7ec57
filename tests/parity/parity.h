/* Parity of the devices: every operation of the tested device against the reference device in
 * double, on the same inputs, element by element.
 *
 * A case is an operation's argument struct over host tensors: F32 tensors become the device's float
 * type, the others are taken as they are. Two members that share host memory share device memory.
 * Whatever is not an input of the operation starts as noise, the same on both devices.
 *
 * An element may be off by ALLOWED * eps * magnitude, where the magnitude is the sum of the
 * absolute values of all terms that make up the element, a first-order bound of how far roundings
 * can carry it. Magnitude 0 asks for equal bits, as for integers. */
#ifndef S4D_TESTS_PARITY_H
#define S4D_TESTS_PARITY_H

#include "s4d/backend/backend.h"
#include "s4d/base/rng.h"

#define ALLOWED 4.0

typedef enum role { IN, OUT, INOUT } role;

typedef struct field {
    s4d_op_id op;
    const char *name;
    size_t offset; /* of the tensor within the operation's arguments */
    role role;
    bool as_is; /* F32 stays F32 on every device */
} field;

enum { MAX_FIELDS = 8, MAX_ARGS = 1024, CANARY = 64 };

typedef struct suite {
    s4d_backend *tested, *exact;
    double eps;        /* of the tested device's float type */
    bool quiet, hasty; /* print no failures; skip what comes after the first failure */
    s4d_op_id op;
    s4d_rng rng;
    void **block; /* host tensors of the case at hand */
    size_t blocks, room;
    /* what came out, for the operation at hand */
    int cases, failures;
    double worst; /* the largest share of what was allowed */
} suite;

/* fields.c: the tensors of `op`, `count` of them. */
const field *fields_of(s4d_op_id op, int *count);

/* build.c: host tensors, released when the case is done. */
s4d_tensor make_normal(suite *s, double scale, int rank, const int64_t *dim);
s4d_tensor make_ints(suite *s, int below, int rank, const int64_t *dim);
s4d_tensor make_wide(suite *s, int rank, const int64_t *dim); /* F64 */
s4d_tensor make_bytes(suite *s, int64_t count);
/* index [B,V]: V distinct numbers below n for each sample, in rising order. */
s4d_tensor make_distinct(suite *s, int64_t n, int64_t B, int64_t V);
/* The numbers below n that `index` [B,V] leaves out, [B,n-V]. */
s4d_tensor make_others(suite *s, int64_t n, s4d_tensor index);
/* index [M,K]: K distinct numbers below E for each row, in any order. */
s4d_tensor make_choices(suite *s, int64_t E, int64_t M, int64_t K);
void *make_block(suite *s, size_t count, size_t size);
void release_blocks(suite *s);
#define RANK(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define DIMS(...) RANK(__VA_ARGS__), (int64_t[]){__VA_ARGS__}
#define NORMAL(scale, ...) make_normal(s, scale, DIMS(__VA_ARGS__))
#define NOISE(...) make_normal(s, 3, DIMS(__VA_ARGS__)) /* for what the operation writes */
#define INTS(below, ...) make_ints(s, below, DIMS(__VA_ARGS__))
#define INT_NOISE(...) make_ints(s, 1000, DIMS(__VA_ARGS__))
#define WIDE(...) make_wide(s, DIMS(__VA_ARGS__))

/* run.c: one case, on aligned and on unaligned memory. */
void check(suite *s, const void *args, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs an operation by number. */
void run_op(s4d_backend *be, s4d_op_id op, const void *args);
void bound_op(suite *s, s4d_op_id op, const void *in, const void *out, void *mag);
size_t args_size(s4d_op_id op);

/* Of each operation: its cases, and the magnitudes of its results. `in` holds what went into the
 * exact device, `out` what came out, all real tensors as F64. `mag` starts with the absolute values
 * of what went in and with 0 in OUT members; it ends with the magnitudes in the OUT and INOUT
 * members. */
#define CASES(name) void cases_##name(suite *s)
#define BOUND(name)                                                                                \
    void bound_##name(suite *s __attribute__((unused)),                                            \
                      const s4d_##name##_args *in __attribute__((unused)),                         \
                      const s4d_##name##_args *out __attribute__((unused)),                        \
                      s4d_##name##_args *mag __attribute__((unused)))
#define S4D_OP(name)                                                                               \
    CASES(name);                                                                                   \
    BOUND(name);
#include "s4d/backend/ops.def"
#undef S4D_OP

/* The operation on absolute values: right where it only adds products. */
#define BOUND_BY_ABSOLUTE_VALUES(name)                                                             \
    BOUND(name)                                                                                    \
    {                                                                                              \
        s4d_##name(s->exact, mag);                                                                 \
    }
/* Nothing is computed, only moved: equal bits. */
#define BOUND_EQUAL(name)                                                                          \
    BOUND(name)                                                                                    \
    {                                                                                              \
    }

static inline int64_t tensor_rows(const s4d_tensor *t)
{
    return s4d_tensor_count(t) / t->dim[t->rank - 1];
}

#endif
