/* Capture and graphs: the tasks of a captured sequence are kept in the order in which they were issued, which satisfies every
 * dependency among its streams. A graph and what is instantiated from it share that list. */
#include <pthread.h>
#include <stdlib.h>

#include "emulator_private.h"

struct CUgraph_st {
    int users; /* itself as a graph, each instance, each launch that waits */
    emu_task *first, *last;
    size_t count;
};
struct CUgraphExec_st {
    int users;
    cudaGraph_t graph;
};

static void release_graph(cudaGraph_t graph)
{
    if (!graph || --graph->users > 0) return;
    while (graph->first) {
        emu_task *task = graph->first;
        graph->first = task->next;
        emu_task_free(task);
    }
    free(graph);
}

/* ---- what a capture forbids ---- */

cudaError_t emu_invalidate(emu_capture *capture, cudaError_t status)
{
    capture->invalid = true;
    return status;
}

cudaError_t emu_forbid_unsafe(void)
{
    for (cudaStream_t s = emu_streams(); s; s = s->next) {
        emu_capture *c = s->capture;
        if (!c || c->mode == cudaStreamCaptureModeRelaxed) continue;
        if (c->mode == cudaStreamCaptureModeGlobal || c->thread == (unsigned long)pthread_self())
            return emu_invalidate(c, cudaErrorStreamCaptureUnsupported);
    }
    return cudaSuccess;
}

cudaError_t emu_forbid_all(void)
{
    for (cudaStream_t s = emu_streams(); s; s = s->next)
        if (s->capture) return emu_invalidate(s->capture, cudaErrorStreamCaptureUnsupported);
    return cudaSuccess;
}

cudaError_t emu_forbid_legacy(void)
{
    for (cudaStream_t s = emu_streams(); s; s = s->next)
        if (s->capture && s->blocking) return emu_invalidate(s->capture, cudaErrorStreamCaptureImplicit);
    return cudaSuccess;
}

cudaError_t emu_forbid_on(cudaStream_t stream)
{
    return stream->capture ? emu_invalidate(stream->capture, cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}

/* ---- capturing ---- */

cudaError_t emu_capture_task(cudaStream_t stream, emu_task *task)
{
    emu_capture *c = stream->capture;
    if (c->invalid || task->kind == EMU_GRAPH) { /* a graph within a graph is not emulated */
        emu_task_free(task);
        return c->invalid ? cudaErrorStreamCaptureInvalidated : emu_invalidate(c, cudaErrorStreamCaptureUnsupported);
    }
    cudaGraph_t graph = c->graph;
    if (graph->last) graph->last->next = task;
    else graph->first = task;
    graph->last = task;
    graph->count++;
    stream->captured++;
    if (stream != c->origin) stream->unjoined = true;
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, enum cudaStreamCaptureMode mode)
{
    cudaError_t status = emu_enter();
    cudaStream_t stream = emu_stream(handle);
    if (status == cudaSuccess && !stream) status = cudaErrorInvalidResourceHandle;
    if (status == cudaSuccess && stream == emu_null_stream()) status = cudaErrorStreamCaptureUnsupported;
    if (status == cudaSuccess && stream->capture) status = cudaErrorIllegalState;
    if (status != cudaSuccess) return emu_leave(status);
    static long captures;
    emu_capture *c = emu_alloc(sizeof *c);
    cudaGraph_t graph = emu_alloc(sizeof *graph);
    graph->users = 1;
    *c = (emu_capture){++captures, graph, stream, mode, (unsigned long)pthread_self(), false};
    stream->capture = c;
    stream->captured = 0;
    stream->unjoined = false;
    return emu_leave(cudaSuccess);
}

/* All streams leave the capture; whether one had work that nobody waited for. */
static bool disband(emu_capture *c)
{
    bool unjoined = false;
    for (cudaStream_t s = emu_streams(); s; s = s->next) {
        if (s->capture != c) continue;
        unjoined |= s->unjoined;
        s->capture = NULL;
        s->unjoined = false;
    }
    return unjoined;
}

static cudaError_t end(cudaStream_t stream, cudaGraph_t *graph)
{
    emu_capture *c = stream->capture;
    if (!c) return cudaErrorIllegalState;
    if (c->origin != stream) return emu_invalidate(c, cudaErrorStreamCaptureUnmatched);
    if (c->mode != cudaStreamCaptureModeRelaxed && c->thread != (unsigned long)pthread_self())
        return cudaErrorStreamCaptureWrongThread;
    bool unjoined = disband(c);
    cudaError_t status = c->invalid ? cudaErrorStreamCaptureInvalidated : unjoined ? cudaErrorStreamCaptureUnjoined : cudaSuccess;
    if (status == cudaSuccess) *graph = c->graph;
    else release_graph(c->graph);
    free(c);
    return status;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t *graph)
{
    cudaError_t status = emu_enter();
    cudaStream_t stream = emu_stream(handle);
    if (graph) *graph = NULL;
    cudaError_t own = stream && graph ? end(stream, graph) : cudaErrorInvalidValue;
    return emu_leave(status == cudaSuccess ? own : status);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, enum cudaStreamCaptureStatus *out)
{
    cudaError_t status = emu_enter();
    cudaStream_t stream = emu_stream(handle);
    if (status == cudaSuccess && !stream) status = cudaErrorInvalidResourceHandle;
    if (status == cudaSuccess)
        *out = !stream->capture          ? cudaStreamCaptureStatusNone
               : stream->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                          : cudaStreamCaptureStatusActive;
    return emu_leave(status);
}

void emu_capture_leave(cudaStream_t stream)
{
    emu_capture *c = stream->capture;
    c->invalid = true;
    if (c->origin != stream) {
        stream->capture = NULL;
        return;
    }
    disband(c);
    release_graph(c->graph);
    free(c);
}

/* ---- graphs ---- */

void emu_graph_run(cudaGraphExec_t exec)
{
    for (const emu_task *task = exec->graph->first; task; task = task->next) emu_run_task(task);
}

void emu_graph_release(cudaGraphExec_t exec)
{
    if (--exec->users > 0) return;
    release_graph(exec->graph);
    free(exec);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags)
{
    cudaError_t status = emu_enter();
    (void)flags;
    if (status == cudaSuccess && (!graph || !exec)) status = cudaErrorInvalidValue;
    if (status == cudaSuccess) {
        *exec = emu_alloc(sizeof **exec);
        (*exec)->users = 1;
        (*exec)->graph = graph;
        graph->users++;
    }
    return emu_leave(status);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess && !exec) status = cudaErrorInvalidValue;
    if (status == cudaSuccess) {
        emu_task *task = emu_task_new(EMU_GRAPH, 0);
        task->graph = exec;
        exec->users++;
        status = emu_push(stream, task);
    }
    return emu_leave(status);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    cudaError_t status = emu_enter();
    if (!exec) return emu_leave(cudaErrorInvalidValue);
    emu_graph_release(exec);
    return emu_leave(status);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    cudaError_t status = emu_enter();
    if (!graph) return emu_leave(cudaErrorInvalidValue);
    release_graph(graph);
    return emu_leave(status);
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess && (!graph || !count)) status = cudaErrorInvalidValue;
    if (status == cudaSuccess && nodes) {
        size_t i = 0;
        for (emu_task *task = graph->first; task && i < *count; task = task->next) nodes[i++] = (cudaGraphNode_t)task;
    }
    if (status == cudaSuccess) *count = graph->count;
    return emu_leave(status);
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, enum cudaGraphNodeType *type)
{
    cudaError_t status = emu_enter();
    const emu_task *task = (const emu_task *)node;
    if (status == cudaSuccess && (!task || !type)) status = cudaErrorInvalidValue;
    if (status == cudaSuccess)
        *type = task->kind == EMU_COPY ? cudaGraphNodeTypeMemcpy : task->kind == EMU_SET ? cudaGraphNodeTypeMemset
                                                                                        : cudaGraphNodeTypeKernel;
    return emu_leave(status);
}
