/* A task over many items on several threads, with its progress told and interruptions heard. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "dataset/check_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"

typedef struct crew {
    check *check;
    const check_task *task;
    size_t n;
    atomic_size_t next, done;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int working;       /* under the lock, as what follows */
    s4d_status status; /* the first failure */
    s4d_err err;
} crew;

static void fail(crew *w, s4d_status status, const s4d_err *err)
{
    pthread_mutex_lock(&w->lock);
    if (w->status == S4D_OK) {
        w->status = status;
        w->err = *err;
    }
    pthread_mutex_unlock(&w->lock);
    atomic_store(&w->stop, true);
}

static void *work(void *arg)
{
    crew *w = arg;
    s4d_err err = {0};
    void *scratch = w->task->scratch ? w->task->scratch() : NULL;
    if (w->task->scratch && !scratch) {
        fail(w, s4d_err_memory(&err, 1, "a thread of the check"), &err);
    }
    while (!atomic_load(&w->stop)) {
        size_t item = atomic_fetch_add(&w->next, 1);
        if (item >= w->n) {
            break;
        }
        s4d_status status = w->task->body(w->check, item, scratch, &err);
        if (status == S4D_OK) {
            status = s4d_interrupt_status();
        }
        if (status != S4D_OK) {
            fail(w, status, &err);
        }
        atomic_fetch_add(&w->done, 1);
    }
    if (scratch) {
        w->task->release(scratch);
    }
    pthread_mutex_lock(&w->lock);
    w->working--;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void tell(const crew *w, double begin)
{
    const s4d_check_opts *o = w->check->opts;
    if (o->progress) {
        s4d_check_progress now = {.what = w->task->what,
                                  .done = atomic_load(&w->done),
                                  .total = w->n,
                                  .seconds = (s4d_clock_ms() - begin) / 1000};
        o->progress(o->arg, &now);
    }
}

static void wait_for_end(crew *w, double begin)
{
    enum { TENTH = 100000000, SECOND = 1000000000 };
    pthread_mutex_lock(&w->lock);
    while (w->working > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TENTH;
        until.tv_sec += until.tv_nsec / SECOND;
        until.tv_nsec %= SECOND;
        if (pthread_cond_timedwait(&w->ended, &w->lock, &until) == ETIMEDOUT) {
            pthread_mutex_unlock(&w->lock);
            tell(w, begin);
            pthread_mutex_lock(&w->lock);
        }
    }
    pthread_mutex_unlock(&w->lock);
}

s4d_status check_parallel(check *c, const check_task *task, size_t n, s4d_err *err)
{
    crew w = {.check = c, .task = task, .n = n};
    double begin = s4d_clock_ms();
    size_t threads = (size_t)(c->opts->threads > 0 ? c->opts->threads : s4d_cpu_count());
    threads = threads > n ? n : threads;
    s4d_thread *thread = s4d_mem_alloc(threads, sizeof *thread);
    if (!thread) {
        return s4d_err_memory(err, threads * sizeof *thread, "threads");
    }
    S4D_BUG_IF(pthread_mutex_init(&w.lock, NULL) != 0 || pthread_cond_init(&w.ended, NULL) != 0);
    for (size_t i = 0; i < threads && !atomic_load(&w.stop); i++) {
        s4d_err failed = {0};
        pthread_mutex_lock(&w.lock);
        w.working++;
        pthread_mutex_unlock(&w.lock);
        s4d_status status = s4d_thread_start(&thread[i], work, &w, &failed);
        if (status != S4D_OK) {
            pthread_mutex_lock(&w.lock);
            w.working--;
            pthread_mutex_unlock(&w.lock);
            fail(&w, status, &failed);
        }
    }
    wait_for_end(&w, begin);
    for (size_t i = 0; i < threads; i++) {
        s4d_thread_join(&thread[i]);
    }
    tell(&w, begin);
    if (w.status == S4D_INTERRUPTED || w.status == S4D_TERMINATED) {
        s4d_err_set(err, w.status, "%s: interrupted after %zu of %zu %s; nothing is reported", c->opts->manifest,
                    atomic_load(&w.done), n, task->what);
    } else if (w.status != S4D_OK && err) {
        *err = w.err;
    }
    pthread_cond_destroy(&w.ended);
    pthread_mutex_destroy(&w.lock);
    s4d_mem_free(thread);
    return w.status;
}
