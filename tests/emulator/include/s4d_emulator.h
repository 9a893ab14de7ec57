/* What the emulated headers, the emulated cuBLASLt and tests ask of the emulator itself. */
#ifndef S4D_EMULATOR_H
#define S4D_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- for tests ---- */

size_t s4d_emulator_allocations(void); /* blocks of device, managed and pinned memory that are alive */
long s4d_emulator_executed(void);      /* kernels and products run so far */
void s4d_emulator_forgive(void);       /* ends the sticky error; S4D_EMULATOR_FAIL_LAUNCH counts from here */

/* ---- kernels ---- */

/* Where in the source a thread waits. */
typedef struct s4d_emulated_site {
    const char *file;
    int line;
} s4d_emulated_site;

typedef void (*s4d_emulated_invoke)(const void *function, void **arg);
/* Makes a kernel known: how it is called, and the sizes of its arguments. `signature` names it where symbols are missing. */
void s4d_emulator_know(const void *function, s4d_emulated_invoke invoke, const size_t *size, int args, const char *signature);

void *s4d_emulator_shared(void); /* dynamic shared memory of the running block */
int s4d_emulator_lane(void);
void s4d_emulator_trap(const char *why);

typedef enum s4d_emulated_reduction {
    S4D_EMULATED_NOTHING,
    S4D_EMULATED_COUNT,
    S4D_EMULATED_AND,
    S4D_EMULATED_OR
} s4d_emulated_reduction;
int s4d_emulator_barrier(s4d_emulated_reduction kind, int predicate, s4d_emulated_site site);

/* What the lanes of a mask do together, each giving a value; the result is the caller's. */
typedef enum s4d_emulated_collective {
    S4D_EMULATED_SHUFFLE, /* the value of lane `from` */
    S4D_EMULATED_BALLOT,
    S4D_EMULATED_MATCH,
    S4D_EMULATED_ADD,
    S4D_EMULATED_MIN,
    S4D_EMULATED_MAX,
    S4D_EMULATED_MIN_SIGNED,
    S4D_EMULATED_MAX_SIGNED,
    S4D_EMULATED_BIT_AND,
    S4D_EMULATED_BIT_OR,
    S4D_EMULATED_BIT_XOR,
    S4D_EMULATED_MEET /* nothing but wait for each other */
} s4d_emulated_collective;
uint64_t s4d_emulator_together(s4d_emulated_collective kind, unsigned mask, uint64_t value, int from, s4d_emulated_site site);

/* ---- other work ---- */

/* Queues run(copy of `what`) on the stream, or keeps it in the graph being captured. */
cudaError_t s4d_emulator_enqueue(cudaStream_t stream, void (*run)(const void *what), const void *what, size_t bytes);
typedef __typeof__(&s4d_emulator_enqueue) s4d_emulator_enqueue_fn;
/* Whether [pointer, pointer + bytes) lies in one block that the card can use. */
bool s4d_emulator_on_card(const void *pointer, size_t bytes);
typedef __typeof__(&s4d_emulator_on_card) s4d_emulator_on_card_fn;

#ifdef __cplusplus
}
#endif

#endif
