/* Constants: host data for kernels, carried through pinned memory so that the host need not wait. */
#include <string.h>

#include "backend/cuda/cuda_state.h"

/* ---- the ring's memory ---- */

static void give_back(s4d_cuda *cu, int i)
{
    if (cu->ring_pinned[i]) cudaFreeHost(cu->ring_pinned[i]);
    if (cu->ring_device[i]) cudaFree(cu->ring_device[i]);
    cu->ring_pinned[i] = cu->ring_device[i] = NULL;
}

static bool get_memory(s4d_backend *be, int i, size_t bytes)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    give_back(cu, i);
    cudaError_t status = cudaSuccess;
    if (!cu->ring_event[i]) status = cudaEventCreateWithFlags(&cu->ring_event[i], cudaEventDisableTiming);
    if (status == cudaSuccess) status = cudaHostAlloc((void **)&cu->ring_pinned[i], bytes, cudaHostAllocDefault);
    if (status == cudaSuccess) status = cudaMalloc((void **)&cu->ring_device[i], bytes);
    if (status == cudaSuccess) return true;
    s4d_err err = {0};
    s4d_cuda_refused(&err, status, bytes, "the constants of operations");
    s4d_backend_fail(be, "%s", err.text);
    return false;
}

bool s4d_cuda_ring_get(s4d_backend *be, size_t bytes, s4d_cuda_twin *twin)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    s4d_cuda_ring_place at = s4d_cuda_ring_take(&cu->ring, bytes);
    if (at.block < 0) {
        s4d_backend_fail(be, "device cuda: an operation takes more constants than are kept");
        return false;
    }
    if (at.wait && !s4d_cuda_good(be, cudaEventSynchronize(cu->ring_event[at.block]), "waiting for constants")) return false;
    if (at.grow && !get_memory(be, at.block, at.grow)) return false;
    *twin = (s4d_cuda_twin){cu->ring_pinned[at.block] + at.offset, cu->ring_device[at.block] + at.offset};
    return true;
}

void s4d_cuda_ring_begin(s4d_backend *be)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    for (int i; (i = s4d_cuda_ring_settle(&cu->ring)) >= 0;)
        s4d_cuda_good(be, cudaEventRecord(cu->ring_event[i], cu->compute), "marking constants");
}

void s4d_cuda_ring_release(s4d_cuda *cu)
{
    for (int i = 0; i < S4D_RING_BLOCKS; ++i) {
        give_back(cu, i);
        if (cu->ring_event[i]) cudaEventDestroy(cu->ring_event[i]);
    }
}

/* ---- one constant ---- */

const void *s4d_cuda_constant(s4d_backend *be, const void *host, size_t bytes)
{
    static const char nothing[1];
    s4d_cuda *cu = s4d_cuda_of(be);
    if (be->planning || be->failed) return NULL;
    if (bytes == 0) host = nothing, bytes = 1; /* an address all the same */
    if (cu->graphs.recording) {
        const void *there = s4d_cuda_graph_constant(be, host, bytes);
        if (there || be->failed) return there;
    } else {
        s4d_cuda_graph_count(cu, bytes);
    }
    s4d_cuda_twin twin;
    if (!s4d_cuda_ring_get(be, bytes, &twin)) return NULL;
    memcpy(twin.pinned, host, bytes);
    return s4d_cuda_good(be, cudaMemcpyAsync(twin.device, twin.pinned, bytes, cudaMemcpyHostToDevice, cu->compute),
                         "copying constants") ? twin.device : NULL;
}
