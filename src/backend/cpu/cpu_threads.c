/* How many threads compute: as many as a region of OpenMP gives, because the library of products cuts its work for the number it
 * is told of and leaves pieces undone where fewer come. */
#include <errno.h>
#include <limits.h>
#include <omp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "backend/cpu/cpu_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"

enum { THREADS_MAX = 4096 };

/* Where none are asked for: OMP_NUM_THREADS, of whose list the first is meant, or all processors. */
static int usual_threads(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : 0;
    bool whole = n > 0 && n <= THREADS_MAX && (*end == '\0' || *end == ',' || *end == ' ');
    return whole ? (int)n : s4d_cpu_count();
}

/* Threads of this process, as the system counts them. */
static long threads_there(void)
{
    struct stat tasks;
    return stat("/proc/self/task", &tasks) == 0 ? (long)tasks.st_nlink : 0;
}

static void *wait_for_end(void *end)
{
    while (!atomic_load((atomic_bool *)end)) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    return NULL;
}

/* OpenMP ends the process where it cannot start a thread, so as many are started before, all at once. A thread that was joined
 * counts for a moment still. */
static s4d_status try_threads(int count, s4d_err *err)
{
    atomic_bool end = false;
    long before = threads_there();
    s4d_thread *thread = s4d_mem_alloc((size_t)count, sizeof *thread);
    s4d_status status = thread ? S4D_OK : s4d_err_memory(err, (size_t)count * sizeof *thread, "the table of threads");
    int started = 0;
    while (started < count && status == S4D_OK) {
        status = s4d_thread_start(&thread[started], wait_for_end, &end, err);
        started += status == S4D_OK;
    }
    atomic_store(&end, true);
    for (int i = 0; i < started; ++i) s4d_thread_join(&thread[i]);
    for (int i = 0; i < 200 && threads_there() > before; ++i) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    s4d_mem_free(thread);
    if (status != S4D_OK) s4d_err_prefix(err, "threads: thread %d of %d", started + 2, count + 1);
    return status;
}

s4d_status s4d_cpu_start(s4d_backend *be, int asked, s4d_err *err)
{
    int given = 1;
    be->asked = asked ? asked : usual_threads();
    s4d_status status = be->asked > 1 ? try_threads(be->asked - 1, err) : S4D_OK;
    if (status != S4D_OK) return status;
    omp_set_dynamic(0);
    omp_set_max_active_levels(1);
#pragma omp parallel num_threads(be->asked)
    {
#pragma omp single
        given = omp_get_num_threads();
    }
    be->threads = given;
    return s4d_cpu_start_products(err);
}

/* The runtime binds the first thread to one place while it is loaded, if OMP_PROC_BIND or OMP_PLACES ask for it, and all that are
 * started from it stay there; the places together are what it had before. */
void s4d_backend_unbind(void)
{
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int place = 0; place < omp_get_num_places(); ++place) {
        int count = omp_get_place_num_procs(place), *processor = s4d_mem_alloc((size_t)count, sizeof *processor);
        if (!processor) return;
        omp_get_place_proc_ids(place, processor);
        for (int i = 0; i < count; ++i)
            if (processor[i] >= 0 && processor[i] < CPU_SETSIZE) CPU_SET((size_t)processor[i], &all);
        s4d_mem_free(processor);
    }
    if (CPU_COUNT(&all)) sched_setaffinity(0, sizeof all, &all); /* where it fails, one processor it is */
}
