/* Failures on demand: counters that tests set and the wrappers of system calls ask. */
#include "s4d/base/fault.h"

#ifdef S4D_TEST_HOOKS

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/err.h"
#include "s4d/base/log.h"

static _Atomic long calls_left[S4D_FAULT_COUNT]; /* 0: no failure is due */
static pthread_once_t environment_read = PTHREAD_ONCE_INIT;

static void read_environment(void)
{
    static const char *const name[S4D_FAULT_COUNT] = {"alloc", "read",   "write",
                                                      "fsync", "rename", "thread"};
    const char *text = getenv("S4D_FAULT");
    if (!text) {
        return;
    }
    const char *colon = strchr(text, ':');
    for (int kind = 0; colon && kind < S4D_FAULT_COUNT; kind++) {
        size_t n = strlen(name[kind]);
        char *end;
        long count = strtol(colon + 1, &end, 10);
        if ((size_t)(colon - text) == n && memcmp(text, name[kind], n) == 0 && end != colon + 1 &&
            *end == '\0' && count > 0) {
            atomic_store(&calls_left[kind], count);
            return;
        }
    }
    s4d_log(S4D_LOG_WARN, "S4D_FAULT=%s is ignored; write KIND:N, such as alloc:7", text);
}

void s4d_fault_set(s4d_fault kind, long n)
{
    S4D_BUG_IF(kind < 0 || kind >= S4D_FAULT_COUNT || n < 0);
    pthread_once(&environment_read, read_environment);
    atomic_store(&calls_left[kind], n);
}

bool s4d_fault_hit(s4d_fault kind)
{
    pthread_once(&environment_read, read_environment);
    long left = atomic_load(&calls_left[kind]);
    while (left > 0 && !atomic_compare_exchange_weak(&calls_left[kind], &left, left - 1)) {
    }
    return left == 1;
}

#endif
