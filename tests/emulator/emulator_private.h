/* What the emulator's files share. One lock is held by every call that the program makes (emu_enter, emu_leave), so that
 * nothing below it needs one. */
#ifndef S4D_EMULATOR_PRIVATE_H
#define S4D_EMULATOR_PRIVATE_H

#include "s4d_emulator.h"

/* ---- device.c: the lock, errors, failure on demand ---- */

/* Takes the lock. The result is the error that every call gets now: no card, or the sticky one. */
cudaError_t emu_enter(void);
/* Gives the lock back and remembers an error for cudaGetLastError. */
cudaError_t emu_leave(cudaError_t status);
cudaError_t emu_sticky(void);
/* Counts a kernel that is about to run; false: it fails, and everything after it. */
bool emu_may_run(void);
_Noreturn void emu_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void emu_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *emu_alloc(size_t bytes); /* zeroed; never NULL */

/* ---- memory.c ---- */

typedef enum emu_place { EMU_PAGEABLE, EMU_PINNED, EMU_DEVICE, EMU_MANAGED } emu_place;
/* Where the memory is; EMU_PAGEABLE for what the emulator does not know. `fits` is false where the range leaves its block. */
emu_place emu_where(const void *pointer, size_t bytes, bool *fits);
size_t emu_memory_size(void);
/* The host reaches the card's memory from here on, until the call at hand is left. */
void emu_open_memory(void);
void emu_close_memory(void);

/* ---- symbols.c ---- */

/* The name of a function or NULL. Shared variables of a kernel are its static variables. */
typedef struct emu_range {
    void *at;
    size_t bytes;
} emu_range;
const char *emu_symbol(const void *function);
int emu_statics(const void *function, emu_range *range, int most);

/* ---- kernel.c ---- */

typedef struct emu_kernel emu_kernel;
struct emu_kernel {
    const void *function;
    s4d_emulated_invoke invoke;
    const size_t *size; /* of arguments */
    int args;
    const char *name;
    size_t most_shared;
    emu_range *statics;
    int static_count;
    emu_kernel *next;
};
typedef struct emu_launch {
    const emu_kernel *kernel;
    unsigned grid[3], block[3];
    size_t shared;
} emu_launch;
void emu_run_kernel(const emu_launch *launch, void **arg);

/* ---- block.c: the threads of one block ---- */

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

void emu_run_block(const emu_launch *launch, void **arg, unsigned number);
/* Called by fibers: runs threads until none is left to start, and goes to others that can go on. */
void emu_run_threads(void);

/* ---- fiber.c ---- */

typedef struct emu_fiber emu_fiber;
emu_fiber *emu_fiber_get(void);            /* one that will call emu_run_threads */
void emu_fiber_give_back(emu_fiber *fiber); /* it may still be running until it switches */
emu_fiber *emu_fiber_current(void);
void emu_fiber_switch(emu_fiber *to);      /* NULL: back to where the first fiber was entered from */

/* ---- stream.c: queues of work ---- */

typedef enum emu_kind { EMU_KERNEL, EMU_COPY, EMU_SET, EMU_MARK, EMU_WAIT, EMU_CALL, EMU_GRAPH } emu_kind;

/* A point in a stream that events and other streams wait for. */
typedef struct emu_mark {
    int users;
    bool done;
    cudaStream_t stream; /* that it is queued in */
    double time;         /* seconds */
} emu_mark;

typedef struct emu_task emu_task;
struct emu_task {
    emu_task *next;
    emu_kind kind;
    emu_launch launch;
    void *to;
    const void *from; /* what is copied; data in front of which NULL stands is kept in the task */
    int value;
    emu_mark *mark;
    cudaGraphExec_t graph;
    void (*run)(const void *what);
    size_t bytes;
    _Alignas(16) unsigned char data[];
};
emu_task *emu_task_new(emu_kind kind, size_t data);
void emu_task_free(emu_task *task);
/* Queues the task or adds it to the graph being captured; takes it in any case. */
cudaError_t emu_push(cudaStream_t stream, emu_task *task);
void emu_run_task(const emu_task *task);
cudaError_t emu_drain(cudaStream_t stream); /* the stream is valid and not being captured */
cudaError_t emu_drain_all(void);
bool emu_run_one(cudaStream_t stream); /* false: the stream is empty */
void emu_run_until(emu_mark *mark);
emu_mark *emu_mark_new(cudaStream_t stream);
void emu_mark_release(emu_mark *mark);
/* Marks the end of what the stream holds now. */
emu_mark *emu_push_mark(cudaStream_t stream);
void emu_push_wait(cudaStream_t stream, emu_mark *mark);
double emu_now(void);

/* A captured sequence of calls. */
typedef struct emu_capture {
    long id;
    cudaGraph_t graph;
    cudaStream_t origin;
    enum cudaStreamCaptureMode mode;
    unsigned long thread;
    bool invalid;
} emu_capture;

struct CUstream_st {
    cudaStream_t next;
    bool blocking;
    emu_task *first, *last;
    long pending;
    emu_capture *capture;
    long captured;  /* calls captured from this stream */
    bool unjoined;  /* they have not been waited for by another stream of the capture */
};
/* The stream behind a handle; NULL where there is none. */
cudaStream_t emu_stream(cudaStream_t handle);
cudaStream_t emu_streams(void); /* the first of all */
cudaStream_t emu_null_stream(void);

/* ---- capture.c ---- */

/* Errors for calls that a capture forbids; they end it. */
cudaError_t emu_forbid_unsafe(void);                       /* where a global capture, or one of this thread, goes on */
cudaError_t emu_forbid_all(void);                          /* where any goes on */
cudaError_t emu_forbid_legacy(void);                       /* where a blocking stream is captured */
cudaError_t emu_forbid_on(cudaStream_t stream);            /* where this stream is captured */
cudaError_t emu_capture_task(cudaStream_t stream, emu_task *task);
cudaError_t emu_invalidate(emu_capture *capture, cudaError_t status);
void emu_capture_leave(cudaStream_t stream);               /* the stream is about to go */
void emu_graph_run(cudaGraphExec_t exec);
void emu_graph_release(cudaGraphExec_t exec);

#endif
