/* Threads and the waiting between them: a thin cover over pthreads that can be made to fail in tests. */
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
int s4d_cpu_count(void);   /* processors this process may use, at least 1 */
double s4d_memory_bytes(void); /* of the machine, free or not */

/* SIGINT and SIGTERM: the first sets a flag, a second ends the process at once with 130 or 143. A thread of its own waits
 * for them; the calling thread and those it starts later never take them, so call this before any other thread is made. */
void s4d_interrupt_install(void);
s4d_status s4d_interrupt_status(void); /* S4D_OK, S4D_INTERRUPTED or S4D_TERMINATED */

#endif
