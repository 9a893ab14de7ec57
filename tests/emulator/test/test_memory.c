/* Memory, copies, and numbers on the card. */
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "s4d_emulator.h"
#include "test.h"

static void blocks(void)
{
    unsigned char *p = NULL, host[1000];
    size_t left, total, before;
    GOOD(cudaMemGetInfo(&before, &total));
    CHECK(total == 4ull << 30 && before == total);
    GOOD(cudaMalloc((void **)&p, 1000));
    CHECK((uintptr_t)p % 256 == 0 && s4d_emulator_allocations() == 1);
    GOOD(cudaMemGetInfo(&left, &total));
    CHECK(before - left == 1024);
    GOOD(cudaMemcpy(host, p, 1000, cudaMemcpyDeviceToHost));
    for (int i = 0; i < 1000; ++i) CHECK(host[i] == 0xFF);
    GIVES(cudaErrorInvalidValue, cudaMemcpy(host, p + 1, 1000, cudaMemcpyDeviceToHost));
    GIVES(cudaErrorInvalidValue, cudaMemcpy(p + 999, host, 2, cudaMemcpyHostToDevice));
    GIVES(cudaErrorInvalidValue, cudaMemset(p, 0, 1001));
    GIVES(cudaErrorInvalidValue, cudaMemset(host, 0, 10));
    GIVES(cudaErrorInvalidValue, cudaFree(p + 8));
    GIVES(cudaErrorInvalidValue, cudaFree(host));
    GIVES(cudaErrorInvalidValue, cudaFreeHost(p));
    GOOD(cudaFree(p));
    GIVES(cudaErrorInvalidValue, cudaFree(p));
    GOOD(cudaFree(NULL));
    GOOD(cudaFreeHost(NULL));
    GOOD(cudaMalloc((void **)&p, 0));
    CHECK(!p);
    GIVES(cudaErrorInvalidValue, cudaGetLastError());
    CHECK(s4d_emulator_allocations() == 0);
}

static void directions(void)
{
    char host[64] = {1, 2, 3}, back[64] = {0};
    char *card, *pinned, *managed;
    GOOD(cudaMalloc((void **)&card, 64));
    GOOD(cudaHostAlloc((void **)&pinned, 64, cudaHostAllocDefault));
    GOOD(cudaMallocManaged((void **)&managed, 64, cudaMemAttachGlobal));
    GIVES(cudaErrorInvalidValue, cudaMemcpy(host, card, 64, cudaMemcpyHostToDevice));
    GIVES(cudaErrorInvalidValue, cudaMemcpy(card, host, 64, cudaMemcpyDeviceToHost));
    GIVES(cudaErrorInvalidValue, cudaMemcpy(card, host, 64, cudaMemcpyDeviceToDevice));
    GIVES(cudaErrorInvalidValue, cudaMemcpy(pinned, card, 64, cudaMemcpyDeviceToDevice));
    GIVES(cudaErrorInvalidMemcpyDirection, cudaMemcpy(host, card, 64, (enum cudaMemcpyKind)9));
    GOOD(cudaMemcpy(managed, host, 64, cudaMemcpyHostToDevice));
    GOOD(cudaMemcpy(card, managed, 64, cudaMemcpyDefault));
    GOOD(cudaMemcpy(pinned, card, 64, cudaMemcpyDeviceToHost));
    GOOD(cudaMemcpy(back, pinned, 64, cudaMemcpyHostToHost));
    CHECK(memcmp(host, back, 64) == 0);
    struct cudaPointerAttributes a;
    GOOD(cudaPointerGetAttributes(&a, card + 5));
    CHECK(a.type == cudaMemoryTypeDevice);
    GOOD(cudaPointerGetAttributes(&a, host));
    CHECK(a.type == cudaMemoryTypeUnregistered);
    GOOD(cudaFree(managed));
    GIVES(cudaErrorInvalidValue, cudaFree(pinned));
    GOOD(cudaFreeHost(pinned));
    GOOD(cudaFree(card));
}

static void limit(void)
{
    void *p, *q;
    setenv("S4D_EMULATOR_MEMORY", "1000000", 1);
    GIVES(cudaErrorMemoryAllocation, cudaMalloc(&p, 1000001));
    CHECK(!p);
    GOOD(cudaMalloc(&p, 600000));
    GIVES(cudaErrorMemoryAllocation, cudaMalloc(&q, 500000));
    GOOD(cudaHostAlloc(&q, 500000, 0));
    GOOD(cudaFree(p));
    GOOD(cudaMalloc(&p, 900000));
    struct cudaDeviceProp prop;
    GOOD(cudaGetDeviceProperties(&prop, 0));
    CHECK(prop.totalGlobalMem == 1000000 && prop.major == 9 && prop.multiProcessorCount == 132);
    CHECK(strcmp(prop.name, "CPU emulation (for tests)") == 0);
}

/* Written by a kernel, one element beyond the block's end. */
static void beyond(void)
{
    float *p;
    GOOD(cudaMalloc((void **)&p, 400));
    GOOD(launch_fill(p, 1, 101, 0));
    cudaFree(p);
}

static void before(void)
{
    float *p;
    GOOD(cudaMalloc((void **)&p, 400));
    GOOD(launch_fill(p - 1, 1, 1, 0));
    cudaFree(p);
}

#ifndef __SANITIZE_ADDRESS__ /* which takes the signal */
static void out_of_reach(void)
{
    volatile float *p;
    GOOD(cudaMalloc((void **)&p, 400));
    GOOD(launch_fill((float *)p, 1, 100, 0));
    GOOD(cudaDeviceSynchronize());
    if (p[3] == 1) exit(3);
}
#endif

static void managed_in_reach(void)
{
    volatile float *p, *pinned;
    GOOD(cudaMallocManaged((void **)&p, 400, cudaMemAttachGlobal));
    GOOD(cudaHostAlloc((void **)&pinned, 400, 0));
    GOOD(launch_fill((float *)p, 1, 100, 0));
    GOOD(launch_fill((float *)pinned, 2, 100, 0));
    GOOD(cudaDeviceSynchronize());
    CHECK(p[3] == 1 && pinned[99] == 2);
}

/* ---- numbers ---- */

static uint16_t narrow(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (isnan(x)) return 0x7fff;
    uint32_t down = bits >> 16, rest = bits & 0xffff;
    return (uint16_t)(down + (rest > 0x8000 || (rest == 0x8000 && down % 2)));
}

static void bf16(void)
{
    enum { N = 65536, M = 200000 };
    static uint16_t all[N], y[M];
    static float wide[M];
    static double fine[M];
    uint16_t *dy;
    float *dwide;
    double *dfine;
    GOOD(cudaMalloc((void **)&dy, sizeof y));
    GOOD(cudaMalloc((void **)&dwide, sizeof wide));
    GOOD(cudaMalloc((void **)&dfine, sizeof fine));
    for (int i = 0; i < N; ++i) all[i] = (uint16_t)i;
    GOOD(cudaMemcpy(dy, all, sizeof all, cudaMemcpyHostToDevice));
    GOOD(launch_widen(dy, dwide, N));
    GOOD(launch_narrow(dwide, dy, N));
    GOOD(cudaMemcpy(y, dy, sizeof all, cudaMemcpyDeviceToHost));
    for (int i = 0; i < N; ++i) CHECK(y[i] == all[i] || ((i & 0x7fff) > 0x7f80 && y[i] == 0x7fff));
    uint32_t state = 1;
    for (int i = 0; i < M; ++i) {
        state = state * 1664525u + 1013904223u;
        uint32_t bits = i % 4 == 0 ? (state & 0xffff0000u) | 0x8000u : i % 4 == 1 ? (state & 0xffff0000u) | 0x7fffu : state;
        memcpy(&wide[i], &bits, sizeof bits);
        fine[i] = (double)wide[i] * (1 + 0x1p-40 * (i % 3 - 1));
    }
    GOOD(cudaMemcpy(dwide, wide, sizeof wide, cudaMemcpyHostToDevice));
    GOOD(launch_narrow(dwide, dy, M));
    GOOD(cudaMemcpy(y, dy, sizeof y, cudaMemcpyDeviceToHost));
    for (int i = 0; i < M; ++i) CHECK(y[i] == narrow(wide[i]));
    GOOD(cudaMemcpy(dfine, fine, sizeof fine, cudaMemcpyHostToDevice));
    GOOD(launch_narrow_double(dfine, dy, M));
    GOOD(cudaMemcpy(y, dy, sizeof y, cudaMemcpyDeviceToHost));
    for (int i = 0; i < M; i += 4) { /* a tie that a double tips */
        uint32_t bits;
        memcpy(&bits, &wide[i], sizeof bits);
        if (isnan(wide[i]) || fabsf(wide[i]) < 0x1p-100f || (bits & 0x7fff8000u) >= 0x7f7f8000u) continue;
        uint16_t up = (uint16_t)((bits >> 16) + 1), down = (uint16_t)(bits >> 16);
        CHECK(y[i] == (i % 3 == 2 ? up : i % 3 == 0 ? down : narrow(wide[i])));
    }
}

static void arguments(void)
{
    double y, *dy;
    bundle u = {0.5, 1ll << 40, {3, -4}};
    GOOD(cudaMalloc((void **)&dy, sizeof y));
    GOOD(launch_bundle(dy, u, -5, 1000));
    GOOD(cudaMemcpy(&y, dy, sizeof y, cudaMemcpyDeviceToHost));
    CHECK(y == 0.5 + 0x1p40 + 3 - 4 - 5 + 1000);
}

static void numbers(void)
{
    static const double want[NUMBERS] = {8, 16, 5, 0, 31, 32, 63, 2147483648.0, 2834118724.0, -1, 3, 0x3f800000, 3.1415927410125732,
                                         -2, 2, -3, 2147483647.0, 0, 0, 4, 4611686018427387904.0, 1, 6.5, 8, 0.25, 2, 0.5, 0, -1, 0,
                                         (double)(3.0f * 0.1f), 1, 10, 6, 8, 3, 1, -4, 32, 0x1p40};
    double y[NUMBERS], *dy;
    GOOD(cudaMalloc((void **)&dy, sizeof y));
    GOOD(launch_numbers(dy));
    GOOD(cudaMemcpy(y, dy, sizeof y, cudaMemcpyDeviceToHost));
    for (int i = 0; i < NUMBERS; ++i) {
        if (fabs(y[i] - want[i]) > 1e-15) fprintf(stderr, "number %d is %.17g\n", i, y[i]);
        CHECK(fabs(y[i] - want[i]) <= 1e-15);
    }
}

const test memory_tests[] = {
    {"memory_blocks", blocks, NULL},
    {"memory_directions", directions, NULL},
    {"memory_limit", limit, NULL},
    {"memory_managed_in_reach", managed_in_reach, NULL},
#ifndef __SANITIZE_ADDRESS__
    {"memory_out_of_reach", out_of_reach, "the host touched memory of the card"},
    {"memory_beyond", beyond, "something wrote behind a block of 400 bytes: byte 400"},
    {"memory_before", before, "something wrote before a block of 400 bytes: byte -4"},
#else
    {"memory_beyond", beyond, "use-after-poison"},
    {"memory_before", before, "use-after-poison"},
#endif
    {"number_bf16", bf16, NULL},
    {"number_arguments", arguments, NULL},
    {"number_all", numbers, NULL},
    {0},
};
