/* Steps that overlap: a batch goes to the card on a stream of its own while the step before computes, and a step's results
 * come back without anybody waiting for them at once.
 *
 * Operations are taken to read the slot that was sent last: when the other one is sent, a mark is set behind those issued so
 * far, and the slot's next copy waits for it. So the copy for step n waits for step n-2, and runs beside step n-1. */
#include <string.h>

#include "backend/cuda/cuda_state.h"

enum { PIECE = 8 << 20 }; /* copied to pinned memory while the piece before travels */

s4d_status s4d_cuda_slots_create(s4d_cuda *cu, s4d_err *err)
{
    for (int i = 0; i < S4D_SLOTS; ++i) {
        s4d_cuda_slot *s = &cu->slot[i];
        cudaError_t status = cudaEventCreateWithFlags(&s->uploaded, cudaEventDisableTiming);
        if (status == cudaSuccess) status = cudaEventCreateWithFlags(&s->consumed, cudaEventDisableTiming);
        /* A whole step is waited for: the processor is left to those who prepare the next batches. */
        if (status == cudaSuccess) status = cudaEventCreateWithFlags(&s->done, cudaEventDisableTiming | cudaEventBlockingSync);
        if (status == cudaSuccess) status = cudaHostAlloc((void **)&s->fetched, S4D_FETCH_BYTES, cudaHostAllocDefault);
        if (status != cudaSuccess)
            return s4d_err_set(err, S4D_FAILED, "no memory for results: %s", cudaGetErrorString(status));
        memset(s->fetched, 0, S4D_FETCH_BYTES);
    }
    return S4D_OK;
}

void s4d_cuda_slots_release(s4d_cuda *cu)
{
    for (int i = 0; i < S4D_SLOTS; ++i) {
        s4d_cuda_slot *s = &cu->slot[i];
        if (s->uploaded) cudaEventDestroy(s->uploaded);
        if (s->consumed) cudaEventDestroy(s->consumed);
        if (s->done) cudaEventDestroy(s->done);
        if (s->fetched) cudaFreeHost(s->fetched);
        if (s->pinned) cudaFreeHost(s->pinned);
        if (s->device) cudaFree(s->device);
        *s = (s4d_cuda_slot){0};
    }
}

/* ---- to the card ---- */

/* Memory for `bytes` and an eighth more, so that batches of slowly growing size do not ask each time. */
static s4d_status make_room(s4d_backend *be, s4d_cuda_slot *s, size_t bytes, s4d_err *err)
{
    if (bytes <= s->size) return S4D_OK;
    size_t room = bytes + bytes / 8;
    if (!s4d_cuda_good(be, cudaStreamSynchronize(s4d_cuda_of(be)->compute), "waiting for the card"))
        return s4d_backend_check(be, err);
    if (s->pinned) cudaFreeHost(s->pinned);
    if (s->device) cudaFree(s->device);
    s->pinned = s->device = NULL;
    s->size = 0;
    cudaError_t status = s4d_cuda_get(s4d_cuda_of(be), &s->device, room);
    if (status != cudaSuccess) return s4d_cuda_refused(err, status, room, "a batch's frames");
    status = cudaHostAlloc(&s->pinned, room, cudaHostAllocDefault);
    if (status != cudaSuccess) {
        cudaGetLastError();
        return s4d_err_set(err, S4D_FAILED, "device cuda: the host has no %zu bytes of page-locked memory for a batch's frames: %s", room,
                           cudaGetErrorString(status));
    }
    s->size = room;
    return S4D_OK;
}

static cudaError_t copy_in_pieces(const s4d_cuda *cu, const s4d_cuda_slot *s, const void *host, size_t bytes)
{
    cudaError_t status = cudaSuccess;
    for (size_t at = 0; at < bytes && status == cudaSuccess; at += PIECE) {
        size_t n = bytes - at < PIECE ? bytes - at : PIECE;
        unsigned char *pinned = (unsigned char *)s->pinned + at;
        memcpy(pinned, (const unsigned char *)host + at, n);
        status = cudaMemcpyAsync((unsigned char *)s->device + at, pinned, n, cudaMemcpyHostToDevice, cu->upload);
    }
    return status;
}

/* The slot was sent before, and perhaps the other one since. */
static cudaError_t mark_readers(s4d_cuda *cu)
{
    cudaError_t status = cudaSuccess;
    for (int i = 0; i < S4D_SLOTS && status == cudaSuccess; ++i) {
        if (!cu->slot[i].current) continue;
        cu->slot[i].current = false;
        status = cudaEventRecord(cu->slot[i].consumed, cu->compute);
    }
    return status;
}

s4d_status s4d_cuda_send(s4d_backend *be, int slot, const void *host, size_t bytes, void **device, s4d_err *err)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    s4d_cuda_slot *s = &cu->slot[slot];
    *device = NULL;
    s4d_cuda_graph_give_up(be, true);
    if (be->failed) return s4d_backend_check(be, err);
    cudaError_t status = mark_readers(cu);
    if (status == cudaSuccess && s->sent) status = cudaEventSynchronize(s->uploaded); /* pinned memory is free again */
    if (!s4d_cuda_good(be, status, "sending a batch")) return s4d_backend_check(be, err);
    s4d_status room = make_room(be, s, bytes ? bytes : 1, err);
    if (room != S4D_OK) return room;
    if (s->sent) status = cudaStreamWaitEvent(cu->upload, s->consumed, 0);
    if (status == cudaSuccess) status = copy_in_pieces(cu, s, host, bytes);
    if (status == cudaSuccess) status = cudaEventRecord(s->uploaded, cu->upload);
    if (status == cudaSuccess) status = cudaStreamWaitEvent(cu->compute, s->uploaded, 0);
    if (!s4d_cuda_good(be, status, "sending a batch")) return s4d_backend_check(be, err);
    s->sent = s->current = true;
    *device = s->device;
    return S4D_OK;
}

/* ---- from the card ---- */

static void mark_fetched(s4d_backend *be, s4d_cuda_slot *s)
{
    s4d_cuda_good(be, cudaEventRecord(s->done, s4d_cuda_stream(be)), "fetching results");
}

void s4d_cuda_fetch(s4d_backend *be, int slot, size_t offset, const void *device, size_t bytes)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    s4d_cuda_slot *s = &cu->slot[slot];
    s4d_cuda_copy_out(be, s->fetched + offset, device, bytes);
    if (cu->graphs.recording) s->fetching = true;
    else mark_fetched(be, s);
}

void s4d_cuda_slots_mark(s4d_backend *be)
{
    for (int i = 0; i < S4D_SLOTS; ++i) {
        s4d_cuda_slot *s = &s4d_cuda_of(be)->slot[i];
        if (s->fetching) mark_fetched(be, s);
        s->fetching = false;
    }
}

const void *s4d_cuda_fetched(s4d_backend *be, int slot)
{
    s4d_cuda_slot *s = &s4d_cuda_of(be)->slot[slot];
    if (s->fetching) s4d_cuda_graph_give_up(be, true);
    return s4d_cuda_good(be, cudaEventSynchronize(s->done), "fetching results") ? s->fetched : NULL;
}
