/* Copies and fills. What the card copies from pinned memory it reads when the copy runs, so that a buffer that is reused too
 * early shows; pageable memory is read at the call, and written before the call returns, as CUDA does. */
#include <string.h>

#include "emulator_private.h"

static bool card(emu_place place)
{
    return place == EMU_DEVICE || place == EMU_MANAGED;
}

static bool host(emu_place place)
{
    return place != EMU_DEVICE;
}

/* Whether the two places suit the kind of copy. */
static bool suits(enum cudaMemcpyKind kind, emu_place to, emu_place from)
{
    switch (kind) {
    case cudaMemcpyHostToHost:
        return host(to) && host(from);
    case cudaMemcpyHostToDevice:
        return card(to) && host(from);
    case cudaMemcpyDeviceToHost:
        return host(to) && card(from);
    case cudaMemcpyDeviceToDevice:
        return card(to) && card(from);
    case cudaMemcpyDefault:
        return true;
    }
    return false;
}

static bool overlap(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a, *y = b;
    return x < y + bytes && y < x + bytes;
}

/* What stands to be copied, checked. */
static cudaError_t task_of(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, bool capturing, emu_task **task)
{
    bool to_fits, from_fits;
    emu_place there = emu_where(to, bytes, &to_fits), here = emu_where(from, bytes, &from_fits);
    if (!to || !from || !to_fits || !from_fits) return cudaErrorInvalidValue;
    if ((unsigned)kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
    if (!suits(kind, there, here)) return cudaErrorInvalidValue;
    if (overlap(to, from, bytes)) emu_warn("a copy of %zu bytes overlaps itself", bytes);
    bool keep = here == EMU_PAGEABLE && !capturing;
    *task = emu_task_new(EMU_COPY, keep ? bytes : 0);
    if (keep) memcpy((*task)->data, from, bytes);
    (*task)->to = to;
    (*task)->from = keep ? NULL : from;
    (*task)->bytes = bytes;
    return cudaSuccess;
}

/* With `wait` the copy is done on return. */
static cudaError_t copy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t handle, bool wait)
{
    bool fits;
    emu_task *task = NULL;
    cudaStream_t stream = emu_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    cudaError_t status = task_of(to, from, bytes, kind, stream->capture != NULL, &task);
    if (status == cudaSuccess) status = emu_push(handle, task);
    if (status != cudaSuccess || stream->capture) return status;
    return wait || emu_where(to, bytes, &fits) == EMU_PAGEABLE ? emu_drain(stream) : cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = copy(to, from, bytes, kind, stream, false);
    return emu_leave(status);
}

/* Within the card nobody waits. */
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = emu_forbid_legacy();
    if (status == cudaSuccess) status = emu_forbid_unsafe();
    if (status == cudaSuccess) status = copy(to, from, bytes, kind, NULL, kind != cudaMemcpyDeviceToDevice);
    return emu_leave(status);
}

static cudaError_t set(void *to, int value, size_t bytes, cudaStream_t stream)
{
    bool fits;
    if (!emu_stream(stream)) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    if (emu_where(to, bytes, &fits) == EMU_PAGEABLE || !fits) return cudaErrorInvalidValue;
    emu_task *task = emu_task_new(EMU_SET, 0);
    task->to = to;
    task->value = value;
    task->bytes = bytes;
    return emu_push(stream, task);
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = set(to, value, bytes, stream);
    return emu_leave(status);
}

cudaError_t cudaMemset(void *to, int value, size_t bytes)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = emu_forbid_legacy();
    if (status == cudaSuccess) status = emu_forbid_unsafe();
    if (status == cudaSuccess) status = set(to, value, bytes, NULL);
    return emu_leave(status);
}
