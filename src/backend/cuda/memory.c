/* The card's memory: blocks, copies that are done when they return, and scratch. */
#include <string.h>

#include "backend/cuda/cuda_state.h"

enum { ALIGNMENT = 256, SMALL_UPLOAD = 1 << 16, PART_OF_A_STEP = 1 << 24 };

static const double GIB = 1024.0 * 1024.0 * 1024.0;

static size_t whole(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* ---- blocks ---- */

s4d_status s4d_cuda_refused(s4d_err *err, cudaError_t status, size_t bytes, const char *what)
{
    size_t left = 0, all = 0;
    cudaGetLastError();
    if (status != cudaErrorMemoryAllocation)
        return s4d_err_set(err, S4D_FAILED, "device cuda: no memory for %s: %s", what, cudaGetErrorString(status));
    cudaMemGetInfo(&left, &all);
    return s4d_err_set(err, S4D_FAILED,
                       "device cuda: not enough memory for %s: %zu bytes (%.2f GiB) were asked for, but %.2f of the card's "
                       "%.2f GiB are free",
                       what, bytes, (double)bytes / GIB, (double)left / GIB, (double)all / GIB);
}

cudaError_t s4d_cuda_get(const s4d_cuda *cu, void **out, size_t bytes)
{
    if (!cu->managed) return cudaMalloc(out, whole(bytes));
    return cudaMallocManaged(out, whole(bytes), cudaMemAttachGlobal);
}

s4d_status s4d_cuda_alloc(s4d_backend *be, size_t bytes, void **out, s4d_err *err)
{
    const s4d_cuda *cu = s4d_cuda_of(be);
    *out = NULL;
    if (bytes == 0) bytes = 1;
    cudaError_t status = s4d_cuda_get(cu, out, bytes);
    if (status != cudaSuccess) {
        *out = NULL;
        return s4d_cuda_refused(err, status, bytes, "a block of the model");
    }
    status = cudaMemsetAsync(*out, 0, bytes, cu->compute);
    if (status == cudaSuccess) status = cudaStreamSynchronize(cu->compute);
    if (status == cudaSuccess) return S4D_OK;
    cudaFree(*out);
    *out = NULL;
    return s4d_cuda_refused(err, status, bytes, "a block of the model");
}

void s4d_cuda_free(s4d_backend *be, void *block)
{
    s4d_cuda_graph_give_up(be, false); /* what is recorded may read it */
    cudaStreamSynchronize(s4d_cuda_of(be)->compute);
    cudaFree(block);
}

double s4d_cuda_memory(s4d_backend *be)
{
    const s4d_cuda *cu = s4d_cuda_of(be);
    size_t left = 0, all = 0;
    if (!s4d_cuda_good(be, cudaMemGetInfo(&left, &all), "asking for the free memory")) return 0;
    size_t promised = cu->scratch.peak > cu->scratch.size ? cu->scratch.peak - cu->scratch.size : 0;
    return left > promised ? (double)(left - promised) : 0;
}

/* ---- copies ---- */

/* Through pinned memory, so that nobody waits. */
static void upload_small(s4d_backend *be, void *device, const void *host, size_t bytes)
{
    s4d_cuda_twin twin;
    if (!s4d_cuda_ring_get(be, bytes, &twin)) return;
    memcpy(twin.pinned, host, bytes);
    s4d_cuda_good(be, cudaMemcpyAsync(device, twin.pinned, bytes, cudaMemcpyHostToDevice, s4d_cuda_stream(be)), "an upload");
}

void s4d_cuda_upload(s4d_backend *be, void *device, const void *host, size_t bytes)
{
    cudaStream_t stream = s4d_cuda_stream(be);
    if (be->failed) return;
    if (s4d_cuda_of(be)->graphs.inside && bytes <= PART_OF_A_STEP) { /* masks, targets and the like: other values every step */
        const void *there = s4d_cuda_constant(be, host, bytes);
        if (there) s4d_cuda_copy(be, device, there, bytes);
        return;
    }
    s4d_cuda_graph_give_up(be, true);
    if (bytes <= SMALL_UPLOAD) {
        upload_small(be, device, host, bytes);
        return;
    }
    if (s4d_cuda_good(be, cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream), "an upload"))
        s4d_cuda_good(be, cudaStreamSynchronize(stream), "an upload");
}

void s4d_cuda_download(s4d_backend *be, void *host, const void *device, size_t bytes)
{
    cudaStream_t stream = s4d_cuda_stream(be);
    if (!be->failed) s4d_cuda_graph_give_up(be, true);
    cudaError_t status = be->failed ? cudaSuccess : cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream);
    if (status == cudaSuccess && !be->failed) status = cudaStreamSynchronize(stream);
    s4d_cuda_good(be, status, "a download");
    if (be->failed) memset(host, 0, bytes);
}

/* ---- scratch ---- */

void s4d_cuda_set_planning(s4d_backend *be, bool planning)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    if (planning) cu->scratch.peak = 0; /* what is planned now is what will be run */
    cu->scratch.used = 0;
}

static bool get_block(s4d_backend *be, size_t bytes, void **out)
{
    cudaError_t status = s4d_cuda_get(s4d_cuda_of(be), out, bytes);
    if (status == cudaSuccess) return true;
    s4d_err err = {0};
    s4d_cuda_refused(&err, status, bytes, "the scratch of an operation");
    s4d_backend_fail(be, "%s", err.text);
    return false;
}

/* One block of what the operations need at most, in place of the present one, which nothing may be using. */
static void grow(s4d_backend *be)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    s4d_cuda_scratch_block *s = &cu->scratch;
    s4d_cuda_graph_give_up(be, false);
    if (!s4d_cuda_good(be, cudaStreamSynchronize(cu->compute), "waiting for the card")) return;
    s4d_cuda_graphs_drop(cu); /* they have the old address */
    s4d_cuda_scratch_release(cu);
    void *base = NULL;
    if (get_block(be, s->peak, &base)) {
        s->base = base;
        s->size = s->peak;
    }
}

void s4d_cuda_scratch_begin(s4d_backend *be)
{
    s4d_cuda_of(be)->scratch.used = 0;
}

/* What the block cannot give to an operation that already holds a part of it, by itself until a later one makes it grow. */
static void *spill(s4d_backend *be, size_t bytes)
{
    s4d_cuda_scratch_block *s = &s4d_cuda_of(be)->scratch;
    s4d_cuda_graph_give_up(be, false);
    if (be->failed) return NULL;
    if (s->spills == S4D_CUDA_SPILLS) {
        s4d_backend_fail(be, "device cuda: an operation takes more pieces of scratch than are kept");
        return NULL;
    }
    void *piece = NULL;
    if (!get_block(be, bytes, &piece)) return NULL;
    return s->spill[s->spills++] = piece;
}

void *s4d_cuda_scratch(s4d_backend *be, size_t bytes)
{
    s4d_cuda_scratch_block *s = &s4d_cuda_of(be)->scratch;
    size_t at = s->used;
    s->used += whole(bytes ? bytes : 1);
    if (s->used > s->peak) s->peak = s->used;
    if (be->planning || be->failed) return NULL;
    if (at == 0 && s->size < s->peak) grow(be);
    if (be->failed) return NULL;
    return s->used <= s->size ? s->base + at : spill(be, whole(bytes ? bytes : 1));
}

void s4d_cuda_scratch_release(s4d_cuda *cu)
{
    s4d_cuda_scratch_block *s = &cu->scratch;
    if (s->base) cudaFree(s->base);
    for (int i = 0; i < s->spills; ++i) cudaFree(s->spill[i]);
    s->base = NULL;
    s->size = 0;
    s->spills = 0;
}
