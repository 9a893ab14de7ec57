/* The one card that there is, the lock, errors, and kernels that fail on demand. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator_private.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cudaError_t sticky;
static _Thread_local cudaError_t last;
static long executed, counted;

/* ---- words ---- */

void emu_die(const char *format, ...)
{
    va_list list;
    fflush(stdout);
    fputs("emulator: ", stderr);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    fflush(stderr);
    abort();
}

void emu_warn(const char *format, ...)
{
    va_list list;
    fputs("emulator: ", stderr);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

void *emu_alloc(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p) emu_die("the host has no memory for %zu bytes", bytes);
    return p;
}

/* ---- entering and leaving ---- */

static int device_count(void)
{
    const char *visible = getenv("CUDA_VISIBLE_DEVICES"), *count = getenv("S4D_EMULATOR_DEVICES");
    if (visible && (!visible[0] || strcmp(visible, "-1") == 0)) return 0;
    return count && count[0] ? atoi(count) : 1;
}

cudaError_t emu_enter(void)
{
    pthread_mutex_lock(&lock);
    if (device_count() < 1) return cudaErrorNoDevice;
    return sticky;
}

cudaError_t emu_leave(cudaError_t status)
{
    emu_close_memory();
    if (status != cudaSuccess && status != cudaErrorNotReady) last = status;
    pthread_mutex_unlock(&lock);
    return status;
}

cudaError_t emu_sticky(void)
{
    return sticky;
}

bool emu_may_run(void)
{
    const char *fail = getenv("S4D_EMULATOR_FAIL_LAUNCH");
    if (sticky != cudaSuccess) return false;
    ++executed;
    ++counted;
    if (!fail || !fail[0] || counted != atol(fail)) return true;
    sticky = cudaErrorIllegalAddress;
    return false;
}

long s4d_emulator_executed(void)
{
    pthread_mutex_lock(&lock);
    long n = executed;
    pthread_mutex_unlock(&lock);
    return n;
}

void s4d_emulator_forgive(void)
{
    pthread_mutex_lock(&lock);
    sticky = last = cudaSuccess;
    counted = 0;
    pthread_mutex_unlock(&lock);
}

/* ---- errors ---- */

cudaError_t cudaPeekAtLastError(void)
{
    pthread_mutex_lock(&lock);
    cudaError_t status = sticky != cudaSuccess ? sticky : last;
    pthread_mutex_unlock(&lock);
    return status;
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t status = cudaPeekAtLastError();
    last = cudaSuccess;
    return status;
}

const char *cudaGetErrorName(cudaError_t error)
{
    switch (error) {
#define S4D_EMULATED_ERROR(name, number, text)                                                     \
    case name:                                                                                     \
        return #name;
        S4D_EMULATED_ERRORS(S4D_EMULATED_ERROR)
#undef S4D_EMULATED_ERROR
    }
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
#define S4D_EMULATED_ERROR(name, number, text)                                                     \
    case name:                                                                                     \
        return text;
        S4D_EMULATED_ERRORS(S4D_EMULATED_ERROR)
#undef S4D_EMULATED_ERROR
    }
    return "unrecognized error code";
}

/* ---- the card ---- */

cudaError_t cudaGetDeviceCount(int *count)
{
    cudaError_t status = emu_enter();
    if (status == cudaErrorNoDevice) *count = 0;
    else *count = device_count();
    return emu_leave(status);
}

static cudaError_t check_device(int device)
{
    return device >= 0 && device < device_count() ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaSetDevice(int device)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = check_device(device);
    if (status == cudaSuccess && device != 0) emu_die("only device 0 is emulated");
    return emu_leave(status);
}

cudaError_t cudaGetDevice(int *device)
{
    cudaError_t status = emu_enter();
    *device = 0;
    return emu_leave(status);
}

static const struct cudaDeviceProp card = {
    .name = "CPU emulation (for tests)",
    .sharedMemPerBlock = 48 << 10,
    .regsPerBlock = 65536,
    .warpSize = 32,
    .maxThreadsPerBlock = 1024,
    .maxThreadsDim = {1024, 1024, 64},
    .maxGridSize = {2147483647, 65535, 65535},
    .totalConstMem = 65536,
    .major = 9,
    .minor = 0,
    .multiProcessorCount = 132,
    .concurrentKernels = 1,
    .asyncEngineCount = 3,
    .unifiedAddressing = 1,
    .memoryBusWidth = 5120,
    .l2CacheSize = 50 << 20,
    .maxThreadsPerMultiProcessor = 2048,
    .sharedMemPerMultiprocessor = 228 << 10,
    .regsPerMultiprocessor = 65536,
    .managedMemory = 1,
    .concurrentManagedAccess = 1,
    .cooperativeLaunch = 1,
    .sharedMemPerBlockOptin = 227 << 10,
    .maxBlocksPerMultiProcessor = 32,
    .reservedSharedMemPerBlock = 1024,
};

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int device)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = check_device(device);
    if (status == cudaSuccess) {
        *prop = card;
        prop->totalGlobalMem = emu_memory_size();
    }
    return emu_leave(status);
}

static int attribute(enum cudaDeviceAttr attr)
{
    switch (attr) {
    case cudaDevAttrMaxThreadsPerBlock:
        return card.maxThreadsPerBlock;
    case cudaDevAttrMaxSharedMemoryPerBlock:
        return (int)card.sharedMemPerBlock;
    case cudaDevAttrWarpSize:
        return card.warpSize;
    case cudaDevAttrMultiProcessorCount:
        return card.multiProcessorCount;
    case cudaDevAttrL2CacheSize:
        return card.l2CacheSize;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
        return card.maxThreadsPerMultiProcessor;
    case cudaDevAttrComputeCapabilityMajor:
        return card.major;
    case cudaDevAttrComputeCapabilityMinor:
        return card.minor;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        return (int)card.sharedMemPerMultiprocessor;
    case cudaDevAttrMaxRegistersPerMultiprocessor:
        return card.regsPerMultiprocessor;
    case cudaDevAttrManagedMemory:
    case cudaDevAttrConcurrentManagedAccess:
    case cudaDevAttrCooperativeLaunch:
        return 1;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        return (int)card.sharedMemPerBlockOptin;
    }
    return -1;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = check_device(device);
    if (status == cudaSuccess) *value = attribute(attr);
    if (status == cudaSuccess && *value < 0) status = cudaErrorInvalidValue;
    return emu_leave(status);
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}
