/* Kernels: what is known of each, the limits of a launch, and the order of a grid's blocks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emulator_private.h"
#include "sanitizer.h"

enum { BUCKETS = 256, MOST_STATICS = 32, FENCE = 64, FENCE_BYTE = 0xC5, MOST_ARGS = 256 };
enum { SHARED_AT_FIRST = 48 << 10, SHARED_AT_MOST = 227 << 10 };

static emu_kernel *table[BUCKETS];
static _Alignas(1024) unsigned char shared_memory[SHARED_AT_MOST + 16 + FENCE];
static unsigned char *const shared = shared_memory + 16; /* no better aligned than CUDA promises */

/* ---- the kernels that are known ---- */

static emu_kernel **bucket(const void *function)
{
    uintptr_t key = (uintptr_t)function >> 4;
    return &table[(key ^ key >> 8) % BUCKETS];
}

static emu_kernel *find(const void *function)
{
    emu_kernel *k = *bucket(function);
    while (k && k->function != function) k = k->next;
    return k;
}

void s4d_emulator_know(const void *function, s4d_emulated_invoke invoke, const size_t *size, int args, const char *signature)
{
    emu_enter();
    if (!find(function)) {
        emu_kernel *k = emu_alloc(sizeof *k);
        emu_range range[MOST_STATICS];
        const char *name = emu_symbol(function);
        *k = (emu_kernel){.function = function, .invoke = invoke, .size = size, .args = args, .name = name ? name : signature,
                          .most_shared = SHARED_AT_FIRST, .next = *bucket(function)};
        k->static_count = emu_statics(function, range, MOST_STATICS);
        k->statics = emu_alloc((size_t)k->static_count * sizeof *range);
        memcpy(k->statics, range, (size_t)k->static_count * sizeof *range);
        *bucket(function) = k;
        if (args > MOST_ARGS) emu_die("kernel %s has too many arguments", k->name);
    }
    emu_leave(cudaSuccess);
}

void *s4d_emulator_shared(void)
{
    return shared;
}

/* ---- launching ---- */

static size_t whole(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

static size_t statics(const emu_kernel *k)
{
    size_t sum = 0;
    for (int i = 0; i < k->static_count; ++i) sum += k->statics[i].bytes;
    return sum;
}

static cudaError_t check(const emu_launch *l)
{
    const char *name = l->kernel->name;
    const unsigned *g = l->grid, *b = l->block;
    uint64_t threads = (uint64_t)b[0] * b[1] * b[2];
    if (threads == 0 || threads > 1024 || b[0] > 1024 || b[1] > 1024 || b[2] > 64) {
        emu_warn("kernel %s: a block of %u,%u,%u threads is not allowed", name, b[0], b[1], b[2]);
        return cudaErrorInvalidConfiguration;
    }
    if (g[0] == 0 || g[1] == 0 || g[2] == 0 || g[0] > 2147483647u || g[1] > 65535 || g[2] > 65535) {
        emu_warn("kernel %s: a grid of %u,%u,%u blocks is not allowed", name, g[0], g[1], g[2]);
        return cudaErrorInvalidConfiguration;
    }
    if (l->shared > l->kernel->most_shared || statics(l->kernel) + l->shared > SHARED_AT_MOST) {
        emu_warn("kernel %s: %zu bytes of dynamic and %zu of static shared memory are more than the %zu bytes allowed", name,
                 l->shared, statics(l->kernel), l->kernel->most_shared);
        return cudaErrorInvalidValue;
    }
    return cudaSuccess;
}

/* A task with a copy of the arguments. */
static emu_task *task_of(const emu_launch *l, void **args)
{
    size_t bytes = 0;
    for (int i = 0; i < l->kernel->args; ++i) bytes += whole(l->kernel->size[i]);
    emu_task *task = emu_task_new(EMU_KERNEL, bytes);
    unsigned char *at = task->data;
    task->launch = *l;
    for (int i = 0; i < l->kernel->args; ++i) {
        memcpy(at, args[i], l->kernel->size[i]);
        at += whole(l->kernel->size[i]);
    }
    return task;
}

static cudaError_t launch(const void *function, dim3 grid, dim3 block, void **args, size_t bytes, cudaStream_t stream)
{
    const emu_kernel *k = find(function);
    if (!k) {
        const char *name = emu_symbol(function);
        emu_warn("kernel %s was launched without S4D_EMULATED_KERNEL", name ? name : "without a name");
        return cudaErrorInvalidDeviceFunction;
    }
    emu_launch l = {k, {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, bytes};
    cudaError_t status = check(&l);
    return status == cudaSuccess ? emu_push(stream, task_of(&l, args)) : status;
}

cudaError_t cudaLaunchKernel(const void *function, dim3 grid, dim3 block, void **args, size_t bytes, cudaStream_t stream)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = launch(function, grid, block, args, bytes, stream);
    return emu_leave(status);
}

/* ---- running ---- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Blocks run as number (first + i * step) mod count. */
typedef struct order {
    uint64_t count, first, step;
} order;

static order order_of(uint64_t count)
{
    const char *text = getenv("S4D_EMULATOR_ORDER");
    if (count < 2 || (text && strcmp(text, "forward") == 0)) return (order){count, 0, 1};
    if (text && strcmp(text, "backward") == 0) return (order){count, count - 1, count - 1};
    uint64_t step = count * 5 / 8;
    while (common_divisor(++step, count) != 1) {}
    return (order){count, count / 3, step % count};
}

static void poison(const emu_launch *l)
{
    for (int i = 0; i < l->kernel->static_count; ++i) memset(l->kernel->statics[i].at, 0xFF, l->kernel->statics[i].bytes);
    memset(shared, 0xFF, l->shared);
    memset(shared + l->shared, FENCE_BYTE, FENCE);
    EMU_POISON(shared + l->shared, FENCE);
}

static void check_fence(const emu_launch *l)
{
    EMU_UNPOISON(shared + l->shared, FENCE);
    for (int i = 0; i < FENCE; ++i)
        if (shared[l->shared + (size_t)i] != FENCE_BYTE)
            emu_die("kernel %s: block %u,%u,%u wrote behind its %zu bytes of dynamic shared memory", l->kernel->name, blockIdx.x,
                    blockIdx.y, blockIdx.z, l->shared);
}

void emu_run_kernel(const emu_launch *l, void **arg)
{
    const unsigned *g = l->grid;
    order o = order_of((uint64_t)g[0] * g[1] * g[2]);
    uint64_t at = o.first;
    blockDim = (dim3){l->block[0], l->block[1], l->block[2]};
    gridDim = (dim3){g[0], g[1], g[2]};
    for (uint64_t i = 0; i < o.count; ++i) {
        blockIdx = (uint3){(unsigned)(at % g[0]), (unsigned)(at / g[0] % g[1]), (unsigned)(at / g[0] / g[1])};
        poison(l);
        emu_run_block(l, arg, (unsigned)at);
        check_fence(l);
        at = (at + o.step) % o.count;
    }
}

/* ---- attributes ---- */

cudaError_t cudaFuncSetAttribute(const void *function, enum cudaFuncAttribute attribute, int value)
{
    cudaError_t status = emu_enter();
    emu_kernel *k = find(function);
    if (status == cudaSuccess && !k) status = cudaErrorInvalidDeviceFunction;
    if (status == cudaSuccess && attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
        if (value < 0 || (size_t)value + statics(k) > SHARED_AT_MOST) status = cudaErrorInvalidValue;
        else k->most_shared = (size_t)value;
    }
    return emu_leave(status);
}

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attributes, const void *function)
{
    cudaError_t status = emu_enter();
    const emu_kernel *k = find(function);
    if (status == cudaSuccess && !k) status = cudaErrorInvalidDeviceFunction;
    if (status == cudaSuccess)
        *attributes = (struct cudaFuncAttributes){.sharedSizeBytes = statics(k), .maxThreadsPerBlock = 1024, .numRegs = 32,
                                                  .ptxVersion = 90, .binaryVersion = 90,
                                                  .maxDynamicSharedSizeBytes = (int)k->most_shared};
    return emu_leave(status);
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *function, int block_size, size_t bytes)
{
    cudaError_t status = emu_enter();
    const emu_kernel *k = find(function);
    if (status == cudaSuccess && !k) status = cudaErrorInvalidDeviceFunction;
    if (status == cudaSuccess && (block_size <= 0 || block_size > 1024)) status = cudaErrorInvalidValue;
    if (status == cudaSuccess) {
        size_t each = 1024 + bytes + statics(k);
        int by_threads = 2048 / ((block_size + 31) / 32 * 32), by_shared = (int)((228 << 10) / each);
        *blocks = by_threads < by_shared ? by_threads : by_shared;
        if (*blocks > 32) *blocks = 32;
        if (bytes > k->most_shared) *blocks = 0;
    }
    return emu_leave(status);
}
