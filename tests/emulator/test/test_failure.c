/* Failure on demand, and machines without a card. */
#include <string.h>

#include "kernels.h"
#include "s4d_emulator.h"
#include "test.h"

/* The third kernel fails, when it is waited for; from then on everything does. */
static void sticky(void)
{
    float *x, back = 0;
    cudaStream_t s;
    GOOD(cudaMalloc((void **)&x, 400));
    GOOD(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
    setenv("S4D_EMULATOR_FAIL_LAUNCH", "3", 1);
    for (int i = 1; i <= 4; ++i) GOOD(launch_fill(x, (float)i, 100, s));
    GOOD(cudaPeekAtLastError());
    GIVES(cudaErrorIllegalAddress, cudaStreamSynchronize(s));
    GIVES(cudaErrorIllegalAddress, cudaPeekAtLastError());
    GIVES(cudaErrorIllegalAddress, cudaGetLastError());
    GIVES(cudaErrorIllegalAddress, cudaGetLastError());
    GIVES(cudaErrorIllegalAddress, launch_fill(x, 1, 100, s));
    GIVES(cudaErrorIllegalAddress, cudaMemcpy(&back, x, 4, cudaMemcpyDeviceToHost));
    GIVES(cudaErrorIllegalAddress, cudaDeviceSynchronize());
    void *p;
    GIVES(cudaErrorIllegalAddress, cudaMalloc(&p, 10));
    s4d_emulator_forgive();
    unsetenv("S4D_EMULATOR_FAIL_LAUNCH");
    GOOD(cudaMemcpy(&back, x, 4, cudaMemcpyDeviceToHost));
    CHECK(back == 2);
    CHECK(strcmp(cudaGetErrorString(cudaErrorIllegalAddress), "an illegal memory access was encountered") == 0);
    CHECK(strcmp(cudaGetErrorName(cudaErrorIllegalAddress), "cudaErrorIllegalAddress") == 0);
}

static void sticky_frees(void)
{
    float *x;
    cudaStream_t s;
    GOOD(cudaMalloc((void **)&x, 400));
    GOOD(cudaStreamCreate(&s));
    setenv("S4D_EMULATOR_FAIL_LAUNCH", "1", 1);
    GOOD(launch_fill(x, 1, 100, s));
    GIVES(cudaErrorIllegalAddress, cudaFree(x));
    GIVES(cudaErrorIllegalAddress, cudaStreamDestroy(s));
    CHECK(s4d_emulator_allocations() == 0);
}

static void none(void)
{
    int count = 5;
    void *p;
    struct cudaDeviceProp prop;
    static const struct {
        const char *name, *value;
    } ways[] = {{"CUDA_VISIBLE_DEVICES", ""}, {"CUDA_VISIBLE_DEVICES", "-1"}, {"S4D_EMULATOR_DEVICES", "0"}};
    for (int i = 0; i < 3; ++i) {
        setenv(ways[i].name, ways[i].value, 1);
        GIVES(cudaErrorNoDevice, cudaGetDeviceCount(&count));
        CHECK(count == 0);
        GIVES(cudaErrorNoDevice, cudaGetDeviceProperties(&prop, 0));
        GIVES(cudaErrorNoDevice, cudaMalloc(&p, 10));
        unsetenv(ways[i].name);
    }
    cudaGetLastError();
    setenv("CUDA_VISIBLE_DEVICES", "0", 1);
    GOOD(cudaGetDeviceCount(&count));
    CHECK(count == 1);
    GIVES(cudaErrorInvalidDevice, cudaSetDevice(1));
    GOOD(cudaSetDevice(0));
}

const test failure_tests[] = {
    {"failure_sticky", sticky, NULL},
    {"failure_sticky_frees", sticky_frees, NULL},
    {"failure_no_card", none, NULL},
    {0},
};
