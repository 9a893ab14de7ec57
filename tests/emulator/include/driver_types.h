/* Errors, flags and handles of the CUDA runtime: those that s4d may meet, under their real names and numbers. */
#ifndef S4D_EMULATOR_DRIVER_TYPES_H
#define S4D_EMULATOR_DRIVER_TYPES_H

#include <stddef.h>

#define S4D_EMULATED_ERRORS(E)                                                                     \
    E(cudaSuccess, 0, "no error")                                                                  \
    E(cudaErrorInvalidValue, 1, "invalid argument")                                                \
    E(cudaErrorMemoryAllocation, 2, "out of memory")                                               \
    E(cudaErrorInitializationError, 3, "initialization error")                                     \
    E(cudaErrorCudartUnloading, 4, "driver shutting down")                                         \
    E(cudaErrorInvalidConfiguration, 9, "invalid configuration argument")                          \
    E(cudaErrorInvalidPitchValue, 12, "invalid pitch argument")                                    \
    E(cudaErrorInvalidSymbol, 13, "invalid device symbol")                                         \
    E(cudaErrorInvalidHostPointer, 16, "invalid host pointer")                                     \
    E(cudaErrorInvalidDevicePointer, 17, "invalid device pointer")                                 \
    E(cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy")                    \
    E(cudaErrorInsufficientDriver, 35, "CUDA driver version is insufficient for CUDA runtime version") \
    E(cudaErrorDevicesUnavailable, 46, "CUDA-capable device(s) is/are busy or unavailable")        \
    E(cudaErrorMissingConfiguration, 52, "__global__ function call is not configured")             \
    E(cudaErrorInvalidDeviceFunction, 98, "invalid device function")                               \
    E(cudaErrorNoDevice, 100, "no CUDA-capable device is detected")                                \
    E(cudaErrorInvalidDevice, 101, "invalid device ordinal")                                       \
    E(cudaErrorInvalidKernelImage, 200, "device kernel image is invalid")                          \
    E(cudaErrorDeviceUninitialized, 201, "invalid device context")                                 \
    E(cudaErrorNoKernelImageForDevice, 209, "no kernel image is available for execution on the device") \
    E(cudaErrorECCUncorrectable, 214, "uncorrectable ECC error encountered")                       \
    E(cudaErrorInvalidPtx, 218, "a PTX JIT compilation failed")                                    \
    E(cudaErrorInvalidResourceHandle, 400, "invalid resource handle")                              \
    E(cudaErrorIllegalState, 401, "the operation cannot be performed in the present state")        \
    E(cudaErrorSymbolNotFound, 500, "named symbol not found")                                      \
    E(cudaErrorNotReady, 600, "device not ready")                                                  \
    E(cudaErrorIllegalAddress, 700, "an illegal memory access was encountered")                    \
    E(cudaErrorLaunchOutOfResources, 701, "too many resources requested for launch")               \
    E(cudaErrorLaunchTimeout, 702, "the launch timed out and was terminated")                      \
    E(cudaErrorContextIsDestroyed, 709, "context is destroyed")                                    \
    E(cudaErrorAssert, 710, "device-side assert triggered")                                        \
    E(cudaErrorHostMemoryAlreadyRegistered, 712, "part or all of the requested memory range is already mapped") \
    E(cudaErrorHostMemoryNotRegistered, 713, "pointer does not correspond to a registered memory region") \
    E(cudaErrorHardwareStackError, 714, "hardware stack error")                                    \
    E(cudaErrorIllegalInstruction, 715, "an illegal instruction was encountered")                  \
    E(cudaErrorMisalignedAddress, 716, "misaligned address")                                       \
    E(cudaErrorInvalidAddressSpace, 717, "operation not supported on global/shared address space") \
    E(cudaErrorInvalidPc, 718, "invalid program counter")                                          \
    E(cudaErrorLaunchFailure, 719, "unspecified launch failure")                                   \
    E(cudaErrorNotPermitted, 800, "operation not permitted")                                       \
    E(cudaErrorNotSupported, 801, "operation not supported")                                       \
    E(cudaErrorSystemNotReady, 802, "system not yet initialized")                                  \
    E(cudaErrorSystemDriverMismatch, 803, "system has unsupported display driver / cuda driver combination") \
    E(cudaErrorStreamCaptureUnsupported, 900, "operation not permitted when stream is capturing")  \
    E(cudaErrorStreamCaptureInvalidated, 901, "operation failed due to a previous error during capture") \
    E(cudaErrorStreamCaptureMerge, 902, "operation would result in a merge of separate capture sequences") \
    E(cudaErrorStreamCaptureUnmatched, 903, "capture was not ended in the same stream as it began") \
    E(cudaErrorStreamCaptureUnjoined, 904, "capturing stream has unjoined work")                   \
    E(cudaErrorStreamCaptureIsolation, 905, "dependency created on uncaptured work in another stream") \
    E(cudaErrorStreamCaptureImplicit, 906, "operation would make the legacy stream depend on a capturing blocking stream") \
    E(cudaErrorCapturedEvent, 907, "operation not permitted on an event last recorded in a capturing stream") \
    E(cudaErrorStreamCaptureWrongThread, 908, "attempt to terminate a thread-local capture sequence from another thread") \
    E(cudaErrorGraphExecUpdateFailure, 910, "the graph update was not performed") \
    E(cudaErrorUnknown, 999, "unknown error")

enum cudaError {
#define S4D_EMULATED_ERROR(name, number, text) name = number,
    S4D_EMULATED_ERRORS(S4D_EMULATED_ERROR)
#undef S4D_EMULATED_ERROR
};
typedef enum cudaError cudaError_t;

enum cudaMemcpyKind {
    cudaMemcpyHostToHost = 0,
    cudaMemcpyHostToDevice = 1,
    cudaMemcpyDeviceToHost = 2,
    cudaMemcpyDeviceToDevice = 3,
    cudaMemcpyDefault = 4
};
enum cudaMemoryType {
    cudaMemoryTypeUnregistered = 0,
    cudaMemoryTypeHost = 1,
    cudaMemoryTypeDevice = 2,
    cudaMemoryTypeManaged = 3
};
enum cudaFuncAttribute {
    cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
    cudaFuncAttributePreferredSharedMemoryCarveout = 9
};
enum cudaStreamCaptureStatus {
    cudaStreamCaptureStatusNone = 0,
    cudaStreamCaptureStatusActive = 1,
    cudaStreamCaptureStatusInvalidated = 2
};
enum cudaStreamCaptureMode {
    cudaStreamCaptureModeGlobal = 0,
    cudaStreamCaptureModeThreadLocal = 1,
    cudaStreamCaptureModeRelaxed = 2
};
enum cudaGraphNodeType {
    cudaGraphNodeTypeKernel = 0,
    cudaGraphNodeTypeMemcpy = 1,
    cudaGraphNodeTypeMemset = 2,
    cudaGraphNodeTypeHost = 3
};
enum cudaDeviceAttr {
    cudaDevAttrMaxThreadsPerBlock = 1,
    cudaDevAttrMaxSharedMemoryPerBlock = 8,
    cudaDevAttrWarpSize = 10,
    cudaDevAttrMultiProcessorCount = 16,
    cudaDevAttrL2CacheSize = 38,
    cudaDevAttrMaxThreadsPerMultiProcessor = 39,
    cudaDevAttrComputeCapabilityMajor = 75,
    cudaDevAttrComputeCapabilityMinor = 76,
    cudaDevAttrMaxSharedMemoryPerMultiprocessor = 81,
    cudaDevAttrMaxRegistersPerMultiprocessor = 82,
    cudaDevAttrManagedMemory = 83,
    cudaDevAttrConcurrentManagedAccess = 89,
    cudaDevAttrCooperativeLaunch = 95,
    cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};

#define cudaHostAllocDefault 0x00
#define cudaHostAllocPortable 0x01
#define cudaHostAllocMapped 0x02
#define cudaHostAllocWriteCombined 0x04
#define cudaEventDefault 0x00
#define cudaEventBlockingSync 0x01
#define cudaEventDisableTiming 0x02
#define cudaStreamDefault 0x00
#define cudaStreamNonBlocking 0x01
#define cudaMemAttachGlobal 0x01
#define cudaMemAttachHost 0x02

typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;
typedef struct CUgraphNode_st *cudaGraphNode_t;
#define cudaStreamLegacy ((cudaStream_t)0x1)
#define cudaStreamPerThread ((cudaStream_t)0x2)

struct cudaPointerAttributes {
    enum cudaMemoryType type;
    int device;
    void *devicePointer;
    void *hostPointer;
};
struct cudaFuncAttributes {
    size_t sharedSizeBytes, constSizeBytes, localSizeBytes;
    int maxThreadsPerBlock, numRegs, ptxVersion, binaryVersion, cacheModeCA, maxDynamicSharedSizeBytes;
};
struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem, sharedMemPerBlock;
    int regsPerBlock, warpSize;
    int maxThreadsPerBlock, maxThreadsDim[3], maxGridSize[3];
    size_t totalConstMem;
    int major, minor, multiProcessorCount, integrated, concurrentKernels, ECCEnabled;
    int pciBusID, pciDeviceID, pciDomainID, asyncEngineCount, unifiedAddressing, memoryBusWidth, l2CacheSize;
    int maxThreadsPerMultiProcessor;
    size_t sharedMemPerMultiprocessor;
    int regsPerMultiprocessor, managedMemory, pageableMemoryAccess, concurrentManagedAccess, cooperativeLaunch;
    size_t sharedMemPerBlockOptin;
    int maxBlocksPerMultiProcessor;
    size_t reservedSharedMemPerBlock;
};

#endif
