/* Capture and graphs. */
#include <string.h>

#include "kernels.h"
#include "s4d_emulator.h"
#include "test.h"

enum { N = 64, BYTES = N * 4 };

typedef struct setting {
    cudaStream_t main, side;
    cudaEvent_t one, two;
    float *x, *y, *host;
} setting;

static setting make(unsigned flags)
{
    setting s;
    GOOD(cudaStreamCreateWithFlags(&s.main, flags));
    GOOD(cudaStreamCreateWithFlags(&s.side, cudaStreamNonBlocking));
    GOOD(cudaEventCreateWithFlags(&s.one, cudaEventDisableTiming));
    GOOD(cudaEventCreateWithFlags(&s.two, cudaEventDisableTiming));
    GOOD(cudaMalloc((void **)&s.x, BYTES));
    GOOD(cudaMalloc((void **)&s.y, BYTES));
    GOOD(cudaHostAlloc((void **)&s.host, BYTES, 0));
    GOOD(cudaMemset(s.x, 0, BYTES));
    GOOD(cudaMemset(s.y, 0, BYTES));
    GOOD(cudaDeviceSynchronize());
    return s;
}

static float first_of(const float *device)
{
    float x;
    GOOD(cudaDeviceSynchronize());
    GOOD(cudaMemcpy(&x, device, 4, cudaMemcpyDeviceToHost));
    return x;
}

static void begin(setting *s)
{
    GOOD(cudaStreamBeginCapture(s->main, cudaStreamCaptureModeRelaxed));
}

static void replay(void)
{
    setting s = make(cudaStreamNonBlocking);
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    size_t nodes = 0;
    float value = 3;
    enum cudaStreamCaptureStatus status;
    begin(&s);
    GOOD(launch_fill(s.x, value, N, s.main));
    value = 100; /* arguments are kept as they were */
    GOOD(cudaMemcpyAsync(s.x, s.host, BYTES / 2, cudaMemcpyHostToDevice, s.main));
    GOOD(launch_add(s.y, s.x, N, s.main));
    GOOD(cudaMemsetAsync(s.x, 0, BYTES, s.main));
    GOOD(cudaStreamIsCapturing(s.main, &status));
    CHECK(status == cudaStreamCaptureStatusActive);
    GOOD(cudaStreamEndCapture(s.main, &graph));
    CHECK(first_of(s.y) == 0); /* nothing has run */
    GOOD(cudaGraphGetNodes(graph, NULL, &nodes));
    CHECK(nodes == 4);
    GOOD(cudaGraphInstantiate(&exec, graph, 0));
    GOOD(cudaGraphDestroy(graph));
    for (int turn = 1; turn <= 3; ++turn) {
        s.host[0] = (float)turn;
        GOOD(cudaGraphLaunch(exec, s.main));
        GOOD(cudaStreamSynchronize(s.main));
    }
    float y[N];
    GOOD(cudaMemcpy(y, s.y, BYTES, cudaMemcpyDeviceToHost));
    CHECK(y[0] == 1 + 2 + 3 && y[N - 1] == 9);
    GOOD(cudaGraphLaunch(exec, s.main));
    GOOD(cudaGraphExecDestroy(exec)); /* a launch that waits keeps it */
    CHECK(first_of(s.y) == 9);
    CHECK(first_of(s.x) == 0);
}

/* Begins a capture and ends it, invalid. */
#define SPOILED_BY(status, call)                                                                   \
    do {                                                                                           \
        cudaGraph_t none;                                                                          \
        begin(&s);                                                                                 \
        GIVES(status, call);                                                                       \
        GIVES(cudaErrorStreamCaptureInvalidated, launch_fill(s.x, 1, N, s.main));                  \
        GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(s.main, &none));             \
        CHECK(!none);                                                                              \
    } while (0)

static void forbidden(void)
{
    setting s = make(cudaStreamNonBlocking);
    GOOD(launch_fill(s.x, 5, N, s.side));
    GOOD(cudaEventRecord(s.one, s.side));
    SPOILED_BY(cudaErrorStreamCaptureUnsupported, cudaStreamSynchronize(s.main));
    SPOILED_BY(cudaErrorStreamCaptureUnsupported, cudaStreamQuery(s.main));
    SPOILED_BY(cudaErrorStreamCaptureUnsupported, cudaDeviceSynchronize());
    SPOILED_BY(cudaErrorStreamCaptureIsolation, cudaStreamWaitEvent(s.main, s.one, 0));
    cudaGraph_t graph;
    begin(&s);
    GIVES(cudaErrorIllegalState, cudaStreamBeginCapture(s.main, cudaStreamCaptureModeRelaxed));
    GOOD(cudaEventRecord(s.two, s.main));
    GIVES(cudaErrorCapturedEvent, cudaEventSynchronize(s.two));
    GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(s.main, &graph));
    GIVES(cudaErrorIllegalState, cudaStreamEndCapture(s.main, &graph));
    GIVES(cudaErrorStreamCaptureUnsupported, cudaStreamBeginCapture(0, cudaStreamCaptureModeRelaxed));
    begin(&s); /* others go on working */
    GOOD(cudaStreamSynchronize(s.side));
    GOOD(cudaMemcpy(s.x, s.y, BYTES, cudaMemcpyDeviceToDevice));
    void *p;
    GOOD(cudaMalloc(&p, 10));
    GOOD(cudaFree(p));
    GOOD(cudaStreamEndCapture(s.main, &graph));
    GOOD(cudaGraphDestroy(graph));
}

static void forbidden_globally(void)
{
    setting s = make(cudaStreamNonBlocking);
    cudaGraph_t graph;
    void *p;
    for (int mode = cudaStreamCaptureModeGlobal; mode <= cudaStreamCaptureModeThreadLocal; ++mode) {
        GOOD(cudaStreamBeginCapture(s.main, (enum cudaStreamCaptureMode)mode));
        GIVES(cudaErrorStreamCaptureUnsupported, cudaMalloc(&p, 10));
        GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(s.main, &graph));
        GOOD(cudaStreamBeginCapture(s.main, (enum cudaStreamCaptureMode)mode));
        GIVES(cudaErrorStreamCaptureUnsupported, cudaFree(s.y));
        GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(s.main, &graph));
    }
    setting b = make(cudaStreamDefault);
    begin(&b);
    GIVES(cudaErrorStreamCaptureImplicit, cudaMemcpy(s.x, s.y, BYTES, cudaMemcpyDeviceToDevice));
    GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(b.main, &graph));
    begin(&b);
    GIVES(cudaErrorStreamCaptureImplicit, launch_fill(s.x, 1, N, 0));
    GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(b.main, &graph));
    GOOD(launch_fill(s.x, 1, N, 0));
}

/* A second stream joins, works, and is waited for. */
static void fork_and_join(void)
{
    setting s = make(cudaStreamNonBlocking);
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    begin(&s);
    GOOD(launch_fill(s.x, 2, N, s.main));
    GOOD(cudaEventRecord(s.one, s.main));
    GOOD(cudaStreamWaitEvent(s.side, s.one, 0));
    GOOD(launch_add(s.x, s.x, N, s.side));
    GIVES(cudaErrorStreamCaptureUnmatched, cudaStreamEndCapture(s.side, &graph));
    GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(s.main, &graph));
    begin(&s);
    GOOD(launch_fill(s.x, 2, N, s.main));
    GOOD(cudaEventRecord(s.one, s.main));
    GOOD(cudaStreamWaitEvent(s.side, s.one, 0));
    GOOD(launch_add(s.x, s.x, N, s.side));
    GIVES(cudaErrorStreamCaptureUnjoined, cudaStreamEndCapture(s.main, &graph));
    begin(&s);
    GOOD(launch_fill(s.x, 2, N, s.main));
    GOOD(cudaEventRecord(s.one, s.main));
    GOOD(cudaStreamWaitEvent(s.side, s.one, 0));
    GOOD(launch_add(s.x, s.x, N, s.side));
    GOOD(cudaEventRecord(s.two, s.side));
    GOOD(cudaStreamWaitEvent(s.main, s.two, 0));
    GOOD(launch_add(s.y, s.x, N, s.main));
    GOOD(cudaStreamEndCapture(s.main, &graph));
    GOOD(cudaGraphInstantiate(&exec, graph, 0));
    GOOD(cudaGraphLaunch(exec, s.main));
    CHECK(first_of(s.y) == 4);
    GOOD(cudaStreamSynchronize(s.side)); /* it is free again */
    GOOD(cudaGraphExecDestroy(exec));
    GOOD(cudaGraphDestroy(graph));
}

const test capture_tests[] = {
    {"capture_replay", replay, NULL},
    {"capture_forbidden", forbidden, NULL},
    {"capture_forbidden_globally", forbidden_globally, NULL},
    {"capture_fork_and_join", fork_and_join, NULL},
    {0},
};
