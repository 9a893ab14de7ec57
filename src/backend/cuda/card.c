/* Finding the card, and saying in one sentence why there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/cuda_state.h"

enum { LEAST_CAPABILITY = 80 };

static s4d_status check_driver(s4d_err *err)
{
    int driver = 0, need = CUDART_VERSION;
    cudaError_t status = cudaDriverGetVersion(&driver);
    if (status == cudaSuccess && driver == 0)
        return s4d_err_set(err, S4D_FAILED, "no NVIDIA driver is loaded (libcuda.so.1 was not found)");
    if (status == cudaSuccess && driver / 1000 < need / 1000)
        return s4d_err_set(err, S4D_FAILED,
                           "the NVIDIA driver is for CUDA %d.%d at most, but this build needs %d.%d; update the driver",
                           driver / 1000, driver % 1000 / 10, need / 1000, need % 1000 / 10);
    return S4D_OK;
}

static s4d_status no_card(s4d_err *err, cudaError_t status)
{
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    cudaGetLastError();
    if (status == cudaErrorSystemNotReady)
        return s4d_err_set(err, S4D_FAILED, "no card can be used: %s; on machines with NVSwitch the service nvidia-fabricmanager "
                                            "must run, in the driver's version", cudaGetErrorString(status));
    if (status != cudaSuccess && status != cudaErrorNoDevice)
        return s4d_err_set(err, S4D_FAILED, "no card can be used: %s", cudaGetErrorString(status));
    if (visible)
        return s4d_err_set(err, S4D_FAILED, "no NVIDIA card is visible, as CUDA_VISIBLE_DEVICES is \"%.100s\"", visible);
    return s4d_err_set(err, S4D_FAILED, "no NVIDIA card was found");
}

s4d_status s4d_cuda_find_card(s4d_cuda_card *card, s4d_err *err)
{
    s4d_status status = check_driver(err);
    if (status != S4D_OK) return status;
    int count = 0;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess || count == 0) return no_card(err, error);
    struct cudaDeviceProp p;
    error = cudaGetDeviceProperties(&p, 0);
    if (error != cudaSuccess) return no_card(err, error);
    snprintf(card->name, sizeof card->name, "%.100s", p.name);
    card->capability = p.major * 10 + p.minor;
    card->processors = p.multiProcessorCount;
    card->bytes = (double)p.totalGlobalMem;
    if (card->capability < LEAST_CAPABILITY)
        return s4d_err_set(err, S4D_FAILED,
                           "the first card, %s, has compute capability %d.%d, but %d.%d (Ampere) or later is needed; "
                           "CUDA_VISIBLE_DEVICES chooses another card",
                           card->name, p.major, p.minor, LEAST_CAPABILITY / 10, LEAST_CAPABILITY % 10);
    error = s4d_cuda_try_code();
    cudaGetLastError();
    if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorInvalidDeviceFunction)
        return s4d_err_set(err, S4D_FAILED, "this build has no code for %s (compute capability %d.%d); build it with "
                                            "-DS4D_CUDA_ARCHITECTURES=%d, or without that setting", card->name, p.major, p.minor,
                           card->capability);
    return error == cudaSuccess ? S4D_OK : no_card(err, error);
}
