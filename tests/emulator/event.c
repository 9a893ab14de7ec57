/* Events: marks in streams. Recorded while its stream is captured, an event stands for a place in the capture instead. */
#include <stdlib.h>

#include "emulator_private.h"

struct CUevent_st {
    cudaEvent_t next;
    emu_mark *mark; /* of the last record; NULL: none */
    bool timing;
    long capture; /* in which it was recorded last, behind how many calls of which stream; 0: none */
    cudaStream_t stream;
    long place;
};

static cudaEvent_t events;

static bool known(cudaEvent_t event)
{
    cudaEvent_t e = events;
    while (e && e != event) e = e->next;
    return e != NULL;
}

/* The capture that the event belongs to, while it goes on. */
static emu_capture *captured(cudaEvent_t event)
{
    for (cudaStream_t s = emu_streams(); s && event->capture; s = s->next)
        if (s->capture && s->capture->id == event->capture) return s->capture;
    event->capture = 0;
    return NULL;
}

static cudaError_t enter_with(cudaEvent_t event)
{
    cudaError_t status = emu_enter();
    return status == cudaSuccess && !known(event) ? cudaErrorInvalidResourceHandle : status;
}

/* ---- making ---- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess && flags > (cudaEventBlockingSync | cudaEventDisableTiming)) status = cudaErrorInvalidValue;
    if (status == cudaSuccess) {
        *event = emu_alloc(sizeof **event);
        (*event)->timing = !(flags & cudaEventDisableTiming);
        (*event)->next = events;
        events = *event;
    }
    return emu_leave(status);
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    cudaError_t status = emu_enter();
    cudaEvent_t *link = &events;
    if (!known(event)) return emu_leave(cudaErrorInvalidResourceHandle);
    while (*link != event) link = &(*link)->next;
    *link = event->next;
    emu_mark_release(event->mark);
    free(event);
    return emu_leave(status);
}

/* ---- recording and waiting ---- */

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle)
{
    cudaError_t status = enter_with(event);
    cudaStream_t stream = emu_stream(handle);
    if (status == cudaSuccess && !stream) status = cudaErrorInvalidResourceHandle;
    if (status == cudaSuccess && stream == emu_null_stream()) status = emu_forbid_legacy();
    if (status != cudaSuccess) return emu_leave(status);
    if (stream->capture) {
        if (stream->capture->invalid) return emu_leave(cudaErrorStreamCaptureInvalidated);
        event->capture = stream->capture->id;
        event->stream = stream;
        event->place = stream->captured;
    } else {
        event->capture = 0;
        emu_mark_release(event->mark);
        event->mark = emu_push_mark(stream);
    }
    return emu_leave(status);
}

/* A stream that waits for a captured event belongs to the capture from then on. */
static cudaError_t join_capture(cudaStream_t stream, cudaEvent_t event, emu_capture *c)
{
    if (stream->capture && stream->capture != c) return emu_invalidate(stream->capture, cudaErrorStreamCaptureMerge);
    if (c->invalid) return cudaErrorStreamCaptureInvalidated;
    if (stream == emu_null_stream()) return emu_invalidate(c, cudaErrorStreamCaptureImplicit);
    if (!stream->capture) {
        stream->capture = c;
        stream->captured = 0;
        stream->unjoined = true;
    }
    if (event->stream != stream && event->stream->captured == event->place) event->stream->unjoined = false;
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned int flags)
{
    cudaError_t status = enter_with(event);
    cudaStream_t stream = emu_stream(handle);
    (void)flags;
    if (status == cudaSuccess && !stream) status = cudaErrorInvalidResourceHandle;
    if (status != cudaSuccess) return emu_leave(status);
    emu_capture *c = captured(event);
    if (c) status = join_capture(stream, event, c);
    else if (stream->capture) status = event->mark ? emu_invalidate(stream->capture, cudaErrorStreamCaptureIsolation) : cudaSuccess;
    else if (event->mark && !event->mark->done) emu_push_wait(stream, event->mark);
    return emu_leave(status);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    cudaError_t status = enter_with(event);
    if (status == cudaSuccess && captured(event)) status = emu_invalidate(captured(event), cudaErrorCapturedEvent);
    if (status == cudaSuccess && event->mark) emu_run_until(event->mark);
    return emu_leave(status == cudaSuccess ? emu_sticky() : status);
}

/* Runs what is before the event call by call, so that polling comes to an end. */
cudaError_t cudaEventQuery(cudaEvent_t event)
{
    cudaError_t status = enter_with(event);
    if (status == cudaSuccess && captured(event)) status = emu_invalidate(captured(event), cudaErrorCapturedEvent);
    if (status == cudaSuccess && event->mark && !event->mark->done) {
        emu_run_one(event->mark->stream);
        status = cudaErrorNotReady;
    }
    return emu_leave(emu_sticky() != cudaSuccess ? emu_sticky() : status);
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t begin, cudaEvent_t end)
{
    cudaError_t status = enter_with(begin);
    if (status == cudaSuccess && !known(end)) status = cudaErrorInvalidResourceHandle;
    if (status == cudaSuccess && (!begin->timing || !end->timing || !begin->mark || !end->mark))
        status = cudaErrorInvalidResourceHandle;
    if (status == cudaSuccess && (!begin->mark->done || !end->mark->done)) status = cudaErrorNotReady;
    if (status == cudaSuccess) *ms = (float)(1e3 * (end->mark->time - begin->mark->time));
    return emu_leave(status);
}
