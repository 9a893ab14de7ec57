/* How an operation's calls are taken (run, noted while planning, recorded), and the errors the card finds. */
#include <stdio.h>

#include "backend/cuda/cuda_state.h"
#include "s4d/base/log.h"

/* ---- errors ---- */

/* Errors of work issued earlier, which any call may report. */
static bool is_late(cudaError_t status)
{
    switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorIllegalInstruction:
    case cudaErrorInvalidPc:
    case cudaErrorHardwareStackError:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
        return true;
    default:
        return false;
    }
}

static void fail_late(s4d_backend *be, cudaError_t status)
{
    s4d_backend_fail(be, "device cuda: %s in an operation issued before this one; run again with S4D_SYNC=1 to learn which",
                     cudaGetErrorString(status));
}

bool s4d_cuda_good(s4d_backend *be, cudaError_t status, const char *what)
{
    if (status == cudaSuccess) return true;
    cudaGetLastError();
    if (is_late(status)) fail_late(be, status);
    else s4d_backend_fail(be, "device cuda: %s: %s", what, cudaGetErrorString(status));
    return false;
}

void s4d_cuda_check(s4d_backend *be)
{
    cudaError_t status = cudaPeekAtLastError();
    if (status != cudaSuccess) fail_late(be, status);
}

static bool good_in(s4d_backend *be, cudaError_t status, int op)
{
    char what[64] = "outside of operations";
    if (status == cudaSuccess) return true;
    if (op >= 0) snprintf(what, sizeof what, "operation %s", s4d_op_name((s4d_op_id)op));
    return s4d_cuda_good(be, status, what);
}

/* ---- around an operation ---- */

void s4d_cuda_before(s4d_backend *be, int op)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    cu->op = op;
    s4d_cuda_scratch_begin(be);
    if (be->planning) return;
    s4d_log(S4D_LOG_DEBUG, "%s %s", be->name, s4d_op_name((s4d_op_id)op));
    s4d_cuda_ring_begin(be);
    if (be->on_host[op]) good_in(be, cudaStreamSynchronize(cu->compute), op);
}

void s4d_cuda_after(s4d_backend *be, int op)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    cu->op = -1;
    if (!cu->sync || be->planning) return;
    cudaError_t status = cudaStreamSynchronize(cu->compute);
    if (status == cudaSuccess) return;
    cudaGetLastError();
    s4d_backend_fail(be, "device cuda: operation %s: %s", s4d_op_name((s4d_op_id)op), cudaGetErrorString(status));
}

/* ---- doing it ---- */

enum { SHARED_WITHOUT_ASKING = 48 * 1024 };

static cudaError_t launch(const s4d_cuda *cu, const s4d_cuda_kernel *k)
{
    cudaError_t status = cudaSuccess;
    if (k->shared > SHARED_WITHOUT_ASKING)
        status = cudaFuncSetAttribute(k->function, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)k->shared);
    if (status != cudaSuccess) return status;
    return cudaLaunchKernel(k->function, (dim3){k->grid[0], k->grid[1], k->grid[2]},
                            (dim3){k->block[0], k->block[1], k->block[2]}, k->arg, k->shared, cu->compute);
}

static cudaError_t transfer(const s4d_cuda *cu, s4d_cuda_call_kind kind, const s4d_cuda_transfer *t)
{
    if (kind == S4D_CALL_CLEAR) return cudaMemsetAsync(t->to, 0, t->bytes, cu->compute);
    enum cudaMemcpyKind way = kind == S4D_CALL_COPY ? cudaMemcpyDeviceToDevice : cudaMemcpyDeviceToHost;
    return cudaMemcpyAsync(t->to, t->from, t->bytes, way, cu->compute);
}

void s4d_cuda_issue(s4d_backend *be, const s4d_cuda_call *call)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    int op = cu->op;
    cu->op = call->op;
    if (call->kind == S4D_CALL_KERNEL) good_in(be, launch(cu, &call->kernel), call->op);
    else if (call->kind == S4D_CALL_PRODUCT) s4d_cuda_gemm_issue(be, &call->product);
    else if (call->kind == S4D_CALL_DEFERRED) call->deferred.run(be, call->deferred.what);
    else good_in(be, transfer(cu, call->kind, &call->transfer), call->op);
    cu->op = op;
}

/* ---- the ways of being called ---- */

bool s4d_cuda_running(const s4d_backend *be)
{
    return !be->planning && !be->failed && !s4d_cuda_of(be)->graphs.recording;
}

/* Whether the call is to be recorded; false where it has been noted, too. */
static bool recording(const s4d_backend *be)
{
    return !be->planning && !be->failed && s4d_cuda_of(be)->graphs.recording;
}

static void no_memory(s4d_backend *be)
{
    s4d_backend_fail(be, "device cuda: not enough memory to record the operations of a step");
}

void s4d_cuda_launch(s4d_backend *be, const s4d_cuda_kernel *k)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    if (s4d_cuda_running(be)) good_in(be, launch(cu, k), cu->op);
    else if (recording(be) && !s4d_cuda_record_kernel(&cu->graphs.record, cu->op, k)) no_memory(be);
}

void s4d_cuda_gemm(s4d_backend *be, const s4d_cuda_product *p)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    if (p->m == 0 || p->n == 0) return;
    if (be->planning) s4d_cuda_gemm_plan(be, p);
    else if (s4d_cuda_running(be)) s4d_cuda_gemm_issue(be, p);
    else if (recording(be) && !s4d_cuda_record_product(&cu->graphs.record, cu->op, p)) no_memory(be);
}

static void move(s4d_backend *be, s4d_cuda_call_kind kind, s4d_cuda_transfer t)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    if (t.bytes == 0) return;
    if (s4d_cuda_running(be)) good_in(be, transfer(cu, kind, &t), cu->op);
    else if (recording(be) && !s4d_cuda_record_transfer(&cu->graphs.record, cu->op, kind, t)) no_memory(be);
}

void s4d_cuda_clear(s4d_backend *be, void *x, size_t bytes)
{
    move(be, S4D_CALL_CLEAR, (s4d_cuda_transfer){x, NULL, bytes});
}

void s4d_cuda_copy(s4d_backend *be, void *to, const void *from, size_t bytes)
{
    move(be, S4D_CALL_COPY, (s4d_cuda_transfer){to, from, bytes});
}

void s4d_cuda_copy_out(s4d_backend *be, void *pinned, const void *from, size_t bytes)
{
    move(be, S4D_CALL_FETCH, (s4d_cuda_transfer){pinned, from, bytes});
}

void s4d_cuda_defer(s4d_backend *be, void (*run)(s4d_backend *be, const void *what), const void *what, size_t bytes)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    if (s4d_cuda_running(be)) run(be, what);
    else if (recording(be) && !s4d_cuda_record_deferred(&cu->graphs.record, cu->op, (s4d_cuda_deferred){run, what, bytes}))
        no_memory(be);
}

bool s4d_cuda_may_read(s4d_backend *be)
{
    if (be->planning || be->failed) return false;
    s4d_cuda_graph_give_up(be, true);
    return s4d_cuda_good(be, cudaStreamSynchronize(s4d_cuda_of(be)->compute), "waiting for the card");
}
