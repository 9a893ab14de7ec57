/* Streams: nothing runs before it is waited for, and in no other order than was asked for. */
#include <string.h>

#include "kernels.h"
#include "s4d_emulator.h"
#include "test.h"

enum { N = 256, BYTES = N * 4 };

static float *card(void)
{
    float *p;
    GOOD(cudaMalloc((void **)&p, BYTES));
    return p;
}

static float *pinned(float value)
{
    float *p;
    GOOD(cudaHostAlloc((void **)&p, BYTES, cudaHostAllocDefault));
    for (int i = 0; i < N; ++i) p[i] = value;
    return p;
}

static cudaStream_t stream_of(unsigned flags)
{
    cudaStream_t s;
    GOOD(cudaStreamCreateWithFlags(&s, flags));
    return s;
}

static bool all(const float *x, float value)
{
    for (int i = 0; i < N; ++i)
        if (x[i] != value) return false;
    return true;
}

static float at(const float *device)
{
    float x;
    GOOD(cudaDeviceSynchronize());
    GOOD(cudaMemcpy(&x, device, 4, cudaMemcpyDeviceToHost));
    return x;
}

static void lazy(void)
{
    cudaStream_t s = stream_of(cudaStreamNonBlocking);
    float *x = card(), *host = pinned(1);
    long before = s4d_emulator_executed();
    GOOD(launch_fill(x, 5, N, s));
    GOOD(cudaMemcpyAsync(host, x, BYTES, cudaMemcpyDeviceToHost, s));
    CHECK(all(host, 1) && s4d_emulator_executed() == before); /* whoever reads now reads what was there */
    GOOD(cudaStreamSynchronize(s));
    CHECK(all(host, 5) && s4d_emulator_executed() == before + 1);
    float pageable[N];
    GOOD(launch_fill(x, 6, N, s));
    GOOD(cudaMemcpyAsync(pageable, x, BYTES, cudaMemcpyDeviceToHost, s));
    CHECK(all(pageable, 6)); /* to pageable memory, CUDA waits */
    GOOD(cudaStreamDestroy(s));
}

static void early_reuse(void)
{
    cudaStream_t s = stream_of(cudaStreamNonBlocking);
    float *x = card(), *host = pinned(1), pageable[N];
    GOOD(cudaMemcpyAsync(x, host, BYTES, cudaMemcpyHostToDevice, s));
    for (int i = 0; i < N; ++i) host[i] = 2;
    CHECK(at(x) == 2); /* the pinned buffer was overwritten before the copy */
    for (int i = 0; i < N; ++i) pageable[i] = 3;
    GOOD(cudaMemcpyAsync(x, pageable, BYTES, cudaMemcpyHostToDevice, s));
    for (int i = 0; i < N; ++i) pageable[i] = 4;
    CHECK(at(x) == 3);
}

static void two_streams(void)
{
    cudaStream_t up = stream_of(cudaStreamNonBlocking), work = stream_of(cudaStreamNonBlocking);
    cudaEvent_t sent;
    float *x = card(), *y = card(), *host = pinned(7);
    GOOD(cudaEventCreateWithFlags(&sent, cudaEventDisableTiming));
    GOOD(cudaMemset(x, 0, BYTES));
    GOOD(cudaMemset(y, 0, BYTES));
    GOOD(cudaDeviceSynchronize());
    GOOD(cudaMemcpyAsync(x, host, BYTES, cudaMemcpyHostToDevice, up)); /* without a wait the work does not see it */
    GOOD(launch_add(y, x, N, work));
    GOOD(cudaStreamSynchronize(work));
    CHECK(at(y) == 0);
    for (int i = 0; i < N; ++i) host[i] = 9;
    GOOD(cudaMemcpyAsync(x, host, BYTES, cudaMemcpyHostToDevice, up));
    GOOD(cudaEventRecord(sent, up));
    GOOD(cudaStreamWaitEvent(work, sent, 0));
    GOOD(launch_add(y, x, N, work));
    GOOD(cudaStreamSynchronize(work));
    CHECK(at(y) == 9);
    GOOD(cudaEventQuery(sent));
}

/* An event stands for its last record only, and only for what was before it. */
static void events(void)
{
    cudaStream_t s = stream_of(cudaStreamNonBlocking);
    cudaEvent_t first, last;
    float *host = pinned(0), *x = card(), ms = -1;
    GOOD(cudaEventCreate(&first));
    GOOD(cudaEventCreate(&last));
    GOOD(cudaEventSynchronize(first)); /* never recorded: done */
    GOOD(cudaStreamWaitEvent(s, first, 0));
    GOOD(launch_fill(x, 1, N, s));
    GOOD(cudaMemcpyAsync(host, x, BYTES, cudaMemcpyDeviceToHost, s));
    GOOD(cudaEventRecord(first, s));
    GOOD(launch_fill(x, 2, N, s));
    GOOD(cudaMemcpyAsync(host, x, BYTES, cudaMemcpyDeviceToHost, s));
    GOOD(cudaEventRecord(last, s));
    GIVES(cudaErrorNotReady, cudaEventElapsedTime(&ms, first, last));
    GOOD(cudaEventSynchronize(first));
    CHECK(all(host, 1));
    GIVES(cudaErrorNotReady, cudaEventQuery(last));
    int polls = 0;
    while (cudaEventQuery(last) == cudaErrorNotReady) CHECK(++polls < 10);
    CHECK(all(host, 2));
    GOOD(cudaEventElapsedTime(&ms, first, last));
    CHECK(ms >= 0 && ms < 1e4f);
    GOOD(cudaGetLastError());
    cudaEvent_t quiet;
    GOOD(cudaEventCreateWithFlags(&quiet, cudaEventDisableTiming));
    GOOD(cudaEventRecord(quiet, s));
    GIVES(cudaErrorInvalidResourceHandle, cudaEventElapsedTime(&ms, first, quiet));
    GOOD(cudaStreamDestroy(s));
    GOOD(cudaEventDestroy(first));
    GIVES(cudaErrorInvalidResourceHandle, cudaEventDestroy(first));
    GIVES(cudaErrorInvalidResourceHandle, cudaStreamSynchronize(s));
}

static void null_stream(void)
{
    cudaStream_t blocking = stream_of(cudaStreamDefault), apart = stream_of(cudaStreamNonBlocking);
    float *x = card(), *y = card(), back;
    GOOD(launch_fill(x, 1, N, 0));
    GOOD(launch_fill(y, 1, N, 0));
    GOOD(cudaDeviceSynchronize());
    GOOD(launch_fill(x, 2, N, blocking));
    GOOD(launch_fill(y, 2, N, apart));
    GOOD(cudaMemcpy(&back, x, 4, cudaMemcpyDeviceToHost));
    CHECK(back == 2);
    GOOD(cudaMemcpy(&back, y, 4, cudaMemcpyDeviceToHost));
    CHECK(back == 1); /* nobody waited for it */
    GOOD(launch_fill(x, 3, N, 0));
    GOOD(launch_add(x, x, N, blocking));
    GOOD(cudaStreamSynchronize(blocking));
    GOOD(cudaMemcpy(&back, x, 4, cudaMemcpyDeviceToHost));
    CHECK(back == 6);
    CHECK(at(y) == 2);
    int polls = 0;
    GOOD(launch_fill(x, 3, N, apart));
    while (cudaStreamQuery(apart) == cudaErrorNotReady) CHECK(++polls < 10);
}

/* Giving memory back waits for all work. */
static void frees(void)
{
    cudaStream_t s = stream_of(cudaStreamNonBlocking);
    float *x = card(), *host = pinned(0), *other = card();
    GOOD(launch_fill(x, 4, N, s));
    GOOD(cudaMemcpyAsync(host, x, BYTES, cudaMemcpyDeviceToHost, s));
    GOOD(cudaFree(other));
    CHECK(all(host, 4));
}

const test stream_tests[] = {
    {"stream_lazy", lazy, NULL},
    {"stream_early_reuse", early_reuse, NULL},
    {"stream_two", two_streams, NULL},
    {"stream_events", events, NULL},
    {"stream_null", null_stream, NULL},
    {"stream_frees", frees, NULL},
    {0},
};
