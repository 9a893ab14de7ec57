/* Which way of computing a product was chosen for which shape, and that as text: equal bits need equal choices. Knows
 * nothing of cuBLASLt but that a choice is 64 bytes, so that it is tested on any machine. */
#ifndef S4D_BACKEND_CUDA_GEMM_PLAN_H
#define S4D_BACKEND_CUDA_GEMM_PLAN_H

#include "backend/cuda/calls.h"
#include "s4d/base/str.h"

enum { S4D_CUDA_CHOICE_WORDS = 8, S4D_CUDA_CANDIDATES = 8 };

/* What a choice depends on. All int64_t: no padding, compared and written as they are. */
typedef struct s4d_cuda_plan_key {
    int64_t m, n, k, lda, ldb, ldc, batch, stride_a, stride_b, stride_c, stride_bias;
    int64_t ta, tb, type, c_type, bias, adds; /* bias given; beta not 0 */
    int64_t align_a, align_b, align_c, align_bias; /* bytes, 16 at most */
} s4d_cuda_plan_key;

typedef struct s4d_cuda_choice {
    uint64_t algo[S4D_CUDA_CHOICE_WORDS];
    uint64_t workspace; /* bytes it needs */
} s4d_cuda_choice;

typedef struct s4d_cuda_plan {
    s4d_cuda_plan_key key;
    s4d_cuda_choice candidate[S4D_CUDA_CANDIDATES]; /* [0] is used */
    int candidates; /* 0: the library has none */
    bool asked;     /* candidates are filled in, the library's first guess in front, or the choice came from text */
    bool planned;   /* met while planning: steps will ask for it again and again */
    bool settled;   /* [0] was found by timing, or came from text; told as text, as guesses need not be */
    bool foreign;   /* from text, and not yet looked at by the library */
    void *library;  /* gemm_lt.c's descriptors */
} s4d_cuda_plan;

/* Plans found by key. Zeroed = empty. */
typedef struct s4d_cuda_plans {
    s4d_cuda_plan **item;
    size_t count, room;
    int32_t *table; /* open addressing: place in item + 1 */
    size_t slots;
} s4d_cuda_plans;

s4d_cuda_plan_key s4d_cuda_plan_key_of(const s4d_cuda_product *p);
/* The plan of the key, made empty where there is none; NULL: no memory. It stays where it is until plans are dropped. */
s4d_cuda_plan *s4d_cuda_plans_find(s4d_cuda_plans *plans, const s4d_cuda_plan_key *key);
/* Drops all, or those that are neither settled nor planned: shapes that may never come again. */
typedef void (*s4d_cuda_plan_end)(void *owner, s4d_cuda_plan *plan); /* releases `library` */
void s4d_cuda_plans_drop(s4d_cuda_plans *plans, bool all, s4d_cuda_plan_end end, void *owner);

/* First a line `title` (card and library), then a line for every settled choice, in the order they were made. */
void s4d_cuda_plans_write(const s4d_cuda_plans *plans, const char *title, s4d_str *out);
/* Takes such text, all of it or nothing. False: another title, a line that is not one, or no memory. */
bool s4d_cuda_plans_read(s4d_cuda_plans *plans, const char *title, const char *text);

#endif
