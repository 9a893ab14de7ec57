/* Signals that end a run in good order, and those whose write or read says it better. */
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "s4d/base/thread.h"

static atomic_int first_signal;

static int exit_status(int number)
{
    return number == SIGINT ? S4D_INTERRUPTED : S4D_TERMINATED;
}

/* Those that are sent by hand. The others come by twos (a terminal that is closed), with a SIGTERM behind them, or once a second
 * (SIGXCPU), so that they must not cut short what the first of them began. */
static bool insists(int number)
{
    return number == SIGINT || number == SIGTERM;
}

static void *wait_for_signals(void *set)
{
    bool insisted = false;
    for (int number; sigwait(set, &number) == 0;) {
        int none = 0;
        atomic_compare_exchange_strong(&first_signal, &none, number);
        if (insists(number) && insisted) {
            _exit(exit_status(number));
        }
        insisted = insisted || insists(number);
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
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
    static sigset_t set; /* outlives this call: the waiter reads it */
    pthread_t waiter;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        add_unless_ignored(&set, ends[i]);
    }
    signal(SIGPIPE, SIG_IGN); /* writing says EPIPE */
    signal(SIGXFSZ, SIG_IGN); /* writing says EFBIG */
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
