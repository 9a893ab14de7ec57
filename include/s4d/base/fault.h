/* Failures on demand, for tests. Built only with S4D_TEST_HOOKS; otherwise s4d_fault_hit is constant false. */
#ifndef S4D_BASE_FAULT_H
#define S4D_BASE_FAULT_H

#include <stdbool.h>

typedef enum s4d_fault {
    S4D_FAULT_ALLOC,
    S4D_FAULT_READ,
    S4D_FAULT_WRITE,
    S4D_FAULT_FSYNC,
    S4D_FAULT_RENAME,
    S4D_FAULT_THREAD,
    S4D_FAULT_COUNT
} s4d_fault;

#ifdef S4D_TEST_HOOKS
/* The n-th call from now (1 = the next) of that kind fails, once; n = 0 clears. The environment
 * variable S4D_FAULT="alloc:7" (or read, write, fsync, rename, thread) sets the same at start. */
void s4d_fault_set(s4d_fault kind, long n);
bool s4d_fault_hit(s4d_fault kind);
#else
static inline bool s4d_fault_hit(s4d_fault kind)
{
    (void)kind;
    return false;
}
#endif

#endif
