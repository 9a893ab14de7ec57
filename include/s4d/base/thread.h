/* Threads, the clock, the machine and signals: a thin cover over the system that can be made to fail in tests. */
#ifndef S4D_BASE_THREAD_H
#define S4D_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "s4d/base/err.h"

typedef struct s4d_thread {
    pthread_t id;
    bool started;
} s4d_thread;

s4d_status s4d_thread_start(s4d_thread *t, void *(*body)(void *), void *arg, s4d_err *err);
void s4d_thread_join(s4d_thread *t); /* a thread not started is accepted */

double s4d_clock_ms(void); /* monotonic */
/* Processors this process may use, at least 1: by its affinity and the quota of its control group. */
int s4d_cpu_count(void);
/* Memory it may come to have, free or not: the machine's, that of its control group, what is left of its address space. */
double s4d_memory_bytes(void);

/* SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGXCPU: the first sets a flag; a second SIGINT or SIGTERM ends the process at
 * once with 130 or 143. A thread of its own waits for them; the calling thread and those it starts later never take them, so
 * call this before any other thread is made. SIGPIPE and SIGXFSZ are ignored: what is written then fails. */
void s4d_interrupt_install(void);
s4d_status s4d_interrupt_status(void); /* S4D_OK, S4D_INTERRUPTED (SIGINT) or S4D_TERMINATED (the others) */

#endif
