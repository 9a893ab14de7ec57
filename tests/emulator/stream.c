/* Streams. A stream is a queue, and nothing in it runs before somebody waits for it: what depends on a wait that was
 * forgotten goes wrong every time. The null stream and blocking streams wait for each other, as CUDA says. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "emulator_private.h"

enum { MOST_PENDING = 100000 };

static struct CUstream_st null_stream = {.blocking = true};
static cudaStream_t streams;

double emu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

cudaStream_t emu_stream(cudaStream_t handle)
{
    if (!handle || handle == cudaStreamLegacy) return &null_stream;
    for (cudaStream_t s = streams; s; s = s->next)
        if (s == handle) return s;
    return NULL;
}

cudaStream_t emu_streams(void)
{
    return streams;
}

cudaStream_t emu_null_stream(void)
{
    return &null_stream;
}

/* ---- tasks and marks ---- */

emu_task *emu_task_new(emu_kind kind, size_t data)
{
    emu_task *task = aligned_alloc(16, (sizeof *task + data + 15) / 16 * 16);
    if (!task) emu_die("the host has no memory for what a stream holds");
    memset(task, 0, sizeof *task);
    task->kind = kind;
    return task;
}

emu_mark *emu_mark_new(cudaStream_t stream)
{
    emu_mark *mark = emu_alloc(sizeof *mark);
    mark->users = 1;
    mark->stream = stream;
    return mark;
}

void emu_mark_release(emu_mark *mark)
{
    if (mark && --mark->users == 0) free(mark);
}

void emu_task_free(emu_task *task)
{
    emu_mark_release(task->mark);
    if (task->graph) emu_graph_release(task->graph);
    free(task);
}

/* ---- running ---- */

static void run_kernel(const emu_task *task)
{
    void *arg[256] = {0};
    const unsigned char *at = task->data;
    for (int i = 0; i < task->launch.kernel->args; ++i) {
        arg[i] = (void *)at;
        at += (task->launch.kernel->size[i] + 15) / 16 * 16;
    }
    emu_run_kernel(&task->launch, arg);
}

void emu_run_task(const emu_task *task)
{
    bool dead = emu_sticky() != cudaSuccess;
    switch (task->kind) {
    case EMU_KERNEL:
        if (emu_may_run()) run_kernel(task);
        break;
    case EMU_CALL:
        if (emu_may_run()) task->run(task->data);
        break;
    case EMU_COPY:
        if (!dead) memmove(task->to, task->from ? task->from : task->data, task->bytes);
        break;
    case EMU_SET:
        if (!dead) memset(task->to, task->value, task->bytes);
        break;
    case EMU_GRAPH:
        if (!dead) emu_graph_run(task->graph);
        break;
    case EMU_WAIT:
        emu_run_until(task->mark);
        break;
    case EMU_MARK:
        task->mark->time = emu_now();
        task->mark->done = true;
        break;
    }
}

bool emu_run_one(cudaStream_t stream)
{
    emu_task *task = stream->first;
    if (!task) return false;
    stream->first = task->next;
    if (!stream->first) stream->last = NULL;
    stream->pending--;
    emu_open_memory();
    emu_run_task(task);
    emu_task_free(task);
    return true;
}

void emu_run_until(emu_mark *mark)
{
    while (!mark->done && emu_run_one(mark->stream)) {}
}

cudaError_t emu_drain(cudaStream_t stream)
{
    while (emu_run_one(stream)) {}
    return emu_sticky();
}

cudaError_t emu_drain_all(void)
{
    emu_drain(&null_stream);
    for (cudaStream_t s = streams; s; s = s->next) emu_drain(s);
    return emu_sticky();
}

/* ---- queueing ---- */

static void append(cudaStream_t stream, emu_task *task)
{
    if (stream->last) stream->last->next = task;
    else stream->first = task;
    stream->last = task;
    if (++stream->pending > MOST_PENDING) emu_run_one(stream);
}

emu_mark *emu_push_mark(cudaStream_t stream)
{
    emu_task *task = emu_task_new(EMU_MARK, 0);
    task->mark = emu_mark_new(stream);
    task->mark->users++;
    emu_mark *mark = task->mark;
    append(stream, task);
    return mark;
}

void emu_push_wait(cudaStream_t stream, emu_mark *mark)
{
    emu_task *task = emu_task_new(EMU_WAIT, 0);
    task->mark = mark;
    mark->users++;
    append(stream, task);
}

static void wait_for_all_of(cudaStream_t stream, cudaStream_t other)
{
    if (!other->first) return;
    emu_mark *mark = emu_push_mark(other);
    emu_push_wait(stream, mark);
    emu_mark_release(mark);
}

/* The null stream waits for blocking ones, and they for it. */
static void keep_legacy_order(cudaStream_t stream)
{
    if (stream != &null_stream) {
        if (stream->blocking) wait_for_all_of(stream, &null_stream);
        return;
    }
    for (cudaStream_t s = streams; s; s = s->next)
        if (s->blocking && !s->capture) wait_for_all_of(stream, s);
}

cudaError_t emu_push(cudaStream_t handle, emu_task *task)
{
    cudaStream_t stream = emu_stream(handle);
    cudaError_t status = stream ? cudaSuccess : cudaErrorInvalidResourceHandle;
    if (stream && stream->capture) return emu_capture_task(stream, task);
    if (stream == &null_stream) status = emu_forbid_legacy();
    if (status == cudaSuccess) {
        keep_legacy_order(stream);
        append(stream, task);
    } else {
        emu_task_free(task);
    }
    return status;
}

cudaError_t s4d_emulator_enqueue(cudaStream_t stream, void (*run)(const void *what), const void *what, size_t bytes)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) {
        emu_task *task = emu_task_new(EMU_CALL, bytes);
        task->run = run;
        memcpy(task->data, what, bytes);
        status = emu_push(stream, task);
    }
    return emu_leave(status);
}

/* ---- streams ---- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess && flags > cudaStreamNonBlocking) status = cudaErrorInvalidValue;
    if (status == cudaSuccess) {
        *stream = emu_alloc(sizeof **stream);
        (*stream)->blocking = flags == cudaStreamDefault;
        (*stream)->next = streams;
        streams = *stream;
    }
    return emu_leave(status);
}

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle)
{
    cudaError_t status = emu_enter();
    cudaStream_t stream = handle ? emu_stream(handle) : NULL, *link = &streams;
    if (!stream || stream == &null_stream) return emu_leave(cudaErrorInvalidResourceHandle);
    if (stream->capture) emu_capture_leave(stream);
    emu_drain(stream);
    while (*link != stream) link = &(*link)->next;
    *link = stream->next;
    free(stream);
    return emu_leave(status == cudaSuccess ? emu_sticky() : status);
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle)
{
    cudaError_t status = emu_enter();
    cudaStream_t stream = emu_stream(handle);
    if (status == cudaSuccess && !stream) status = cudaErrorInvalidResourceHandle;
    if (status == cudaSuccess) status = emu_forbid_on(stream);
    if (status == cudaSuccess && stream == &null_stream) status = emu_forbid_legacy();
    if (status == cudaSuccess && stream == &null_stream) keep_legacy_order(stream);
    if (status == cudaSuccess) status = emu_drain(stream);
    return emu_leave(status);
}

/* One task at a time, so that polling comes to an end. */
cudaError_t cudaStreamQuery(cudaStream_t handle)
{
    cudaError_t status = emu_enter();
    cudaStream_t stream = emu_stream(handle);
    if (status == cudaSuccess && !stream) status = cudaErrorInvalidResourceHandle;
    if (status == cudaSuccess) status = emu_forbid_on(stream);
    if (status == cudaSuccess && emu_run_one(stream)) status = cudaErrorNotReady;
    return emu_leave(emu_sticky() != cudaSuccess ? emu_sticky() : status);
}

cudaError_t cudaDeviceSynchronize(void)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = emu_forbid_all();
    if (status == cudaSuccess) status = emu_drain_all();
    return emu_leave(status);
}
