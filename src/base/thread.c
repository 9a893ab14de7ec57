/* Threads, the clock, processors, and the two signals that end a run in good order. */
#include "s4d/base/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
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

static volatile sig_atomic_t first_signal;

static int exit_status(int number)
{
    return number == SIGINT ? S4D_INTERRUPTED : S4D_TERMINATED;
}

static void on_signal(int number)
{
    if (first_signal != 0) {
        _exit(exit_status(number));
    }
    first_signal = number;
}

void s4d_interrupt_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

s4d_status s4d_interrupt_status(void)
{
    int number = first_signal;
    return number == 0 ? S4D_OK : (s4d_status)exit_status(number);
}
