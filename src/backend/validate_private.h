/* The vocabulary of the shape rules. Each macro speaks of a member of `args` and needs `be` in
 * scope; a broken rule ends the program with the place, the member, its shape and the rule. Private
 * to src/backend/validate*.c. */
#ifndef S4D_BACKEND_VALIDATE_PRIVATE_H
#define S4D_BACKEND_VALIDATE_PRIVATE_H

#include "backend/backend_private.h"

/* The backend's float type; its type of activations; either of them. */
enum { REAL = S4D_DTYPE_COUNT, ACT, ACT_OR_REAL };

typedef struct s4d_rule {
    const char *file;
    int line;
    const char *text; /* "y: REAL [M, N]" */
    int dtype;        /* an s4d_dtype, or one of the above */
    bool rows;        /* dim[0] counts rows under any leading shape */
    int rank;
    int64_t dim[S4D_MAX_RANK];
} s4d_rule;

void s4d_require(const s4d_backend *be, const s4d_tensor *t, const s4d_rule *rule);
/* b may not share memory with a, unless `same` is allowed and they are the very same. */
bool s4d_apart(const s4d_backend *be, const s4d_tensor *a, const s4d_tensor *b, bool same);

#define RULE(member, type, by_rows, ...)                                                           \
    s4d_require(be, &args->member,                                                                 \
                &(s4d_rule){.file = __FILE__,                                                      \
                            .line = __LINE__,                                                      \
                            .text = #member ": " #type " [" #__VA_ARGS__ "]",                      \
                            .dtype = (int)(type),                                                  \
                            .rows = by_rows,                                                       \
                            .rank = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),     \
                            .dim = {__VA_ARGS__}})
/* Exactly this type and shape. */
#define SHAPE(member, type, ...) RULE(member, type, false, __VA_ARGS__)
/* This many rows of this width, under any leading shape. [M] alone: M elements under any shape. */
#define ROWS(member, type, ...) RULE(member, type, true, __VA_ARGS__)
#define GIVEN(member) s4d_tensor_given(&args->member)
#define APART(a, b) S4D_BUG_IF(!s4d_apart(be, &args->a, &args->b, false))
#define APART_OR_SAME(a, b) S4D_BUG_IF(!s4d_apart(be, &args->a, &args->b, true))

#endif
