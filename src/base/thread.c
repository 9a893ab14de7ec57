/* Threads, the clock, processors, and the two signals that end a run in good order. */
#include "s4d/base/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "s4d/base/fault.h"

s4d_status s4d_thread_start(s4d_thread *t, void *(*body)(void *), void *arg, s4d_err *err)
{
    S4D_BUG_IF(t->started);
    int code = s4d_fault_hit(S4D_FAULT_THREAD) ? EAGAIN : pthread_create(&t->id, NULL, body, arg);
    if (code != 0) {
        return s4d_err_set(
            err, S4D_FAILED,
            "cannot start a thread: %s; use fewer workers or raise the process limit",
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

int s4d_cpu_count(void)
{
    cpu_set_t set;
    long count;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        count = CPU_COUNT(&set);
    } else {
        count = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than a cpu_set_t holds */
    }
    return count < 1 ? 1 : (int)count;
}

double s4d_memory_bytes(void)
{
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

static atomic_int first_signal;

static int exit_status(int number)
{
    return number == SIGINT ? S4D_INTERRUPTED : S4D_TERMINATED;
}

static void *wait_for_signals(void *set)
{
    for (int number; sigwait(set, &number) == 0;) {
        int none = 0;
        if (!atomic_compare_exchange_strong(&first_signal, &none, number)) {
            _exit(exit_status(number));
        }
    }
    return NULL;
}

/* A signal that the parent process had this one ignore stays ignored. */
static void add_unless_ignored(sigset_t *set, int number)
{
    struct sigaction now;
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN) {
        sigaddset(set, number);
    }
}

/* Not by a handler: oneDNN's products run with the stack pointer in a block of the heap, where the
 * frame of a handler would overwrite what lies below that block. */
void s4d_interrupt_install(void)
{
    static sigset_t set; /* outlives this call: the waiter reads it */
    pthread_t waiter;
    sigemptyset(&set);
    add_unless_ignored(&set, SIGINT);
    add_unless_ignored(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&waiter, NULL, wait_for_signals, &set) == 0) {
        pthread_detach(waiter);
    } else {
        pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* the first one ends the process, then */
    }
}

s4d_status s4d_interrupt_status(void)
{
    int number = atomic_load(&first_signal);
    return number == 0 ? S4D_OK : (s4d_status)exit_status(number);
}
