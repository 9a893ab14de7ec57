/* What a step asks of the card, kept as a list of bytes: to be issued later, and to be held against what a graph was made
 * of. No CUDA here, so that the bookkeeping is tested on any machine; graph.c does what it decides. */
#ifndef S4D_BACKEND_CUDA_GRAPH_RECORD_H
#define S4D_BACKEND_CUDA_GRAPH_RECORD_H

#include "backend/cuda/calls.h"

enum { S4D_CUDA_MOST_ARGS = 48 };

typedef enum s4d_cuda_call_kind {
    S4D_CALL_KERNEL,
    S4D_CALL_PRODUCT,
    S4D_CALL_COPY,  /* within the device */
    S4D_CALL_FETCH, /* to pinned host memory */
    S4D_CALL_CLEAR,
    S4D_CALL_DEFERRED
} s4d_cuda_call_kind;

/* Calls in order. Zeroed = empty. Equal calls have equal bytes. */
typedef struct s4d_cuda_record {
    unsigned char *bytes;
    size_t used, room;
    int calls;
} s4d_cuda_record;

typedef struct s4d_cuda_transfer {
    void *to;
    const void *from; /* NULL in CLEAR */
    size_t bytes;
} s4d_cuda_transfer;

typedef struct s4d_backend s4d_backend;
typedef void (*s4d_cuda_run)(s4d_backend *be, const void *what);
typedef struct s4d_cuda_deferred {
    s4d_cuda_run run;
    const void *what;
    size_t bytes;
} s4d_cuda_deferred;

/* A call read back; pointers lead into the record. */
typedef struct s4d_cuda_call {
    s4d_cuda_call_kind kind;
    int op; /* the operation that made it */
    s4d_cuda_kernel kernel;
    s4d_cuda_product product;
    s4d_cuda_transfer transfer;
    s4d_cuda_deferred deferred;
    void *arg[S4D_CUDA_MOST_ARGS];
    size_t size[S4D_CUDA_MOST_ARGS];
} s4d_cuda_call;

void s4d_cuda_record_release(s4d_cuda_record *r);
void s4d_cuda_record_clear(s4d_cuda_record *r); /* empty, room kept */
/* They copy what they are given; false: no memory, and the record is as it was. */
bool s4d_cuda_record_kernel(s4d_cuda_record *r, int op, const s4d_cuda_kernel *k);
bool s4d_cuda_record_product(s4d_cuda_record *r, int op, const s4d_cuda_product *p);
bool s4d_cuda_record_transfer(s4d_cuda_record *r, int op, s4d_cuda_call_kind kind, s4d_cuda_transfer t);
bool s4d_cuda_record_deferred(s4d_cuda_record *r, int op, s4d_cuda_deferred d);
/* The call at *at, which starts at 0 and moves on; false at the end. */
bool s4d_cuda_record_next(const s4d_cuda_record *r, size_t *at, s4d_cuda_call *call);
bool s4d_cuda_record_same(const s4d_cuda_record *a, const s4d_cuda_record *b);

/* ---- what becomes of a key ---- */

typedef enum s4d_cuda_stage {
    S4D_STAGE_NEW,   /* its first step runs call by call: libraries allocate, kernels are loaded, products are timed */
    S4D_STAGE_WARM,  /* the next step is recorded and captured */
    S4D_STAGE_READY, /* steps are recorded, and launched as a graph where they are what it holds */
    S4D_STAGE_NEVER  /* runs call by call for good */
} s4d_cuda_stage;

typedef enum s4d_cuda_verdict { S4D_ISSUE, S4D_CAPTURE, S4D_LAUNCH } s4d_cuda_verdict;

enum { S4D_CUDA_MOST_MISSES = 4 };

typedef struct s4d_cuda_key {
    uint64_t key, turn; /* turn: when it was last used */
    s4d_cuda_stage stage;
    int misses;         /* in a row */
    size_t constants;   /* bytes the last step took */
    s4d_cuda_record held; /* what the graph was made of */
} s4d_cuda_key;

/* Whether the step that begins is recorded. */
bool s4d_cuda_key_records(const s4d_cuda_key *k);
/* After a step that ran call by call, perhaps from its middle on: `forever` where it could not be a graph. */
void s4d_cuda_key_ran(s4d_cuda_key *k, size_t constants, bool forever);
/* After a step that was recorded as a whole. CAPTURE: `now` moves into `held`, and what was held lies in `now`. */
s4d_cuda_verdict s4d_cuda_key_judge(s4d_cuda_key *k, s4d_cuda_record *now);
/* Where the capture that was asked for failed. */
void s4d_cuda_key_refuse(s4d_cuda_key *k);

#endif
