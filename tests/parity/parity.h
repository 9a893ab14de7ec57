/* Parity of the devices: every operation of the tested device against the reference device in
 * double, on the same inputs, element by element.
 *
 * A case is an operation's argument struct over host tensors: F32 tensors become the device's type
 * of reals or of activations, as fields.c says, the others are taken as they are. Where activations
 * are BF16 the exact device gets the values that BF16 can hold, so that only the operation's own
 * error is measured. Two members that share host memory share device memory. Whatever is not an
 * input of the operation starts as noise, the same on both devices.
 *
 * An element may be off by ALLOWED * eps * magnitude, where eps is that of the reals and the
 * magnitude is the sum of the absolute values of all terms that make up the element, a first-order
 * bound of how far roundings can carry it; a result in BF16 by a rounding of its own as well.
 * Magnitude 0 asks for equal bits, as for integers. What is rounded to BF16 or TF32 on its way
 * weighs more in the magnitude: suite.rounded, suite.product. */
#ifndef S4D_TESTS_PARITY_H
#define S4D_TESTS_PARITY_H

#include "s4d/backend/backend.h"
#include "s4d/base/rng.h"

#define ALLOWED 4.0
/* How far one rounding carries a value, relative to it. */
#define BF16_ROUNDING 0x1p-8
#define TF32_ROUNDING 0x1p-10 /* cut off rather than rounded */

typedef enum role { IN, OUT, INOUT } role;

/* What an F32 tensor of a case becomes on a device. */
typedef enum type {
    REAL,
    ACT,
    EITHER, /* ACT, but REAL in cases with suite.either_real */
    AS_IS   /* F32 on every device */
} type;

typedef struct field {
    s4d_op_id op;
    const char *name;
    size_t offset; /* of the tensor within the operation's arguments */
    role role;
    type type;
    bool stored; /* the operation goes on from this result as it is stored; suite.stored */
} field;

enum { MAX_FIELDS = 12, MAX_ARGS = 1024, CANARY = 64 };

typedef struct suite {
    s4d_backend *tested, *exact;
    double eps;        /* of the tested device's real type */
    double rounded;    /* how much more a term weighs that is rounded to the type of activations on its way */
    double product;    /* and a term that is a product, for the roundings of its factors */
    bool narrow;       /* activations are BF16 */
    bool casts_bf16;   /* the tested device casts from and to BF16 */
    bool quiet, hasty; /* print no failures; skip what comes after the first failure */
    s4d_op_id op;
    /* the case at hand */
    const void *args;  /* over host tensors */
    bool either_real;  /* its EITHER tensors are REAL; for this case only */
    s4d_tensor stored; /* F64, host: the tested device's result that the operation goes on from */
    s4d_rng rng;
    void **block; /* host tensors of the case at hand */
    size_t blocks, room;
    /* what came out, for the operation at hand */
    int cases, failures;
    double worst; /* the largest share of what was allowed */
} suite;

/* fields.c: the tensors of `op`, `count` of them. */
const field *fields_of(s4d_op_id op, int *count);

/* element.c: elements of any type as doubles, rounded once to nearest even when written. */
double get_element(const void *data, s4d_dtype dtype, int64_t i);
void set_element(void *data, s4d_dtype dtype, int64_t i, double value);
double round_to(s4d_dtype dtype, double value);

/* build.c: host tensors, released when the case is done. */
s4d_tensor make_normal(suite *s, double scale, int rank, const int64_t *dim);
s4d_tensor make_ints(suite *s, int below, int rank, const int64_t *dim);
s4d_tensor make_wide(suite *s, int rank, const int64_t *dim); /* F64 */
s4d_tensor make_half(suite *s, int rank, const int64_t *dim); /* BF16; F64 on the exact device */
s4d_tensor make_bytes(suite *s, int64_t count);
/* index [B,V]: V distinct numbers below n for each sample, in rising order. */
s4d_tensor make_distinct(suite *s, int64_t n, int64_t B, int64_t V);
/* The numbers below n that `index` [B,V] leaves out, [B,n-V]. */
s4d_tensor make_others(suite *s, int64_t n, s4d_tensor index);
/* index [M,K]: K distinct numbers below E for each row, in any order. */
s4d_tensor make_choices(suite *s, int64_t E, int64_t M, int64_t K);
/* Rounds to the activations of the tested device, for what is computed from them beforehand. */
void round_to_act(suite *s, s4d_tensor t);
void *make_block(suite *s, size_t count, size_t size);
void release_blocks(suite *s);
#define RANK(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define DIMS(...) RANK(__VA_ARGS__), (int64_t[]){__VA_ARGS__}
#define NORMAL(scale, ...) make_normal(s, scale, DIMS(__VA_ARGS__))
#define NOISE(...) make_normal(s, 3, DIMS(__VA_ARGS__)) /* for what the operation writes */
#define INTS(below, ...) make_ints(s, below, DIMS(__VA_ARGS__))
#define INT_NOISE(...) make_ints(s, 1000, DIMS(__VA_ARGS__))
#define WIDE(...) make_wide(s, DIMS(__VA_ARGS__))
#define HALF(...) make_half(s, DIMS(__VA_ARGS__))

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

/* x *= factor, of a magnitude; nothing where the tensor is not given. */
static inline void enlarge(s4d_tensor x, double factor)
{
    for (int64_t i = 0; i < s4d_tensor_count(&x); i++) {
        ((double *)x.data)[i] *= factor;
    }
}

static inline int64_t tensor_rows(const s4d_tensor *t)
{
    return s4d_tensor_count(t) / t->dim[t->rank - 1];
}

#endif
