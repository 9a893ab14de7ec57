/* Threads and the clock. */
#include "s4d/base/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "s4d/base/fault.h"

/* Whether there is memory for a stack: too little of it comes back as EAGAIN, too. */
static bool stack_fits(size_t *size)
{
    pthread_attr_t attr;
    *size = 0;
    if (pthread_attr_init(&attr) != 0) {
        return false;
    }
    pthread_attr_getstacksize(&attr, size);
    pthread_attr_destroy(&attr);
    void *stack = mmap(NULL, *size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    return stack != MAP_FAILED && munmap(stack, *size) == 0;
}

s4d_status s4d_thread_start(s4d_thread *t, void *(*body)(void *), void *arg, s4d_err *err)
{
    S4D_BUG_IF(t->started);
    size_t stack;
    int code = s4d_fault_hit(S4D_FAULT_THREAD) ? EAGAIN : pthread_create(&t->id, NULL, body, arg);
    if (code != 0 && !stack_fits(&stack)) {
        return s4d_err_memory(err, stack, "the stack of a thread");
    }
    if (code != 0) {
        return s4d_err_set(
            err, S4D_FAILED,
            "cannot start a thread: %s; use fewer threads or workers, or raise the process limit",
            strerror(code));
    }
    t->started = true;
    return S4D_OK;
}

void s4d_thread_join(s4d_thread *t)
{
    if (t->started) {
        S4D_BUG_IF(pthread_join(t->id, NULL) != 0);
        t->started = false;
    }
}

double s4d_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}
