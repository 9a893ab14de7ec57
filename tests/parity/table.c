/* The operations by number, from ops.def: an operation without cases or bounds does not link. */
#include "parity.h"

typedef struct entry {
    size_t size;
    void (*run)(s4d_backend *be, const void *args);
    void (*bound)(suite *s, const void *in, const void *out, void *mag);
} entry;

#define S4D_OP(name)                                                                               \
    static void run_##name(s4d_backend *be, const void *args)                                      \
    {                                                                                              \
        s4d_##name(be, args);                                                                      \
    }                                                                                              \
    static void call_bound_##name(suite *s, const void *in, const void *out, void *mag)            \
    {                                                                                              \
        bound_##name(s, in, out, mag);                                                             \
    }                                                                                              \
    _Static_assert(sizeof(s4d_##name##_args) <= MAX_ARGS, "raise MAX_ARGS");
#include "s4d/backend/ops.def"
#undef S4D_OP

static const entry entries[S4D_OP_COUNT] = {
#define S4D_OP(name) [S4D_OP_##name] = {sizeof(s4d_##name##_args), run_##name, call_bound_##name},
#include "s4d/backend/ops.def"
#undef S4D_OP
};

void run_op(s4d_backend *be, s4d_op_id op, const void *args)
{
    entries[op].run(be, args);
}

void bound_op(suite *s, s4d_op_id op, const void *in, const void *out, void *mag)
{
    entries[op].bound(s, in, out, mag);
}

size_t args_size(s4d_op_id op)
{
    return entries[op].size;
}
