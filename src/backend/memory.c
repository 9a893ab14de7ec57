/* Device memory of the devices that live in host memory: blocks, copies, conversions, scratch. */
#include <stdio.h>
#include <string.h>

#include "backend/backend_private.h"
#include "s4d/base/mem.h"

s4d_status s4d_backend_alloc(s4d_backend *be, size_t bytes, void **out, s4d_err *err)
{
    *out = s4d_mem_alloc(bytes, 1);
    if (!*out) {
        char what[64];
        snprintf(what, sizeof what, "device %s", be->name);
        return s4d_err_memory(err, bytes, what);
    }
    return S4D_OK;
}

void s4d_backend_free(s4d_backend *be, void *block)
{
    (void)be; /* a device with memory of its own needs it */
    s4d_mem_free(block);
}

void *s4d_backend_scratch(s4d_backend *be, size_t bytes)
{
    if (bytes <= be->scratch_size && be->scratch) {
        return be->scratch;
    }
    s4d_mem_free(be->scratch);
    be->scratch_size = 0;
    be->scratch = s4d_mem_alloc(bytes, 1);
    if (!be->scratch) {
        s4d_err err = {0};
        s4d_err_memory(&err, bytes, "scratch of an operation");
        s4d_backend_fail(be, "%s", err.text);
        return NULL;
    }
    be->scratch_size = bytes;
    return be->scratch;
}

void s4d_backend_upload(s4d_backend *be, void *device, const void *host, size_t bytes)
{
    if (!be->planning && bytes) {
        memcpy(device, host, bytes);
    }
}

void s4d_backend_download(s4d_backend *be, void *host, const void *device, size_t bytes)
{
    if (!be->planning && bytes) {
        memcpy(host, device, bytes);
    }
}

void s4d_backend_upload_floats(s4d_backend *be, s4d_tensor to, const float *from)
{
    S4D_BUG_IF(to.dtype != be->real);
    if (be->real == S4D_F32) {
        s4d_backend_upload(be, to.data, from, s4d_tensor_bytes(&to));
        return;
    }
    double *wide = to.data;
    int64_t count = be->planning ? 0 : s4d_tensor_count(&to);
    for (int64_t i = 0; i < count; i++) {
        wide[i] = from[i];
    }
}

void s4d_backend_download_floats(s4d_backend *be, float *to, s4d_tensor from)
{
    S4D_BUG_IF(from.dtype != be->real);
    if (be->real == S4D_F32) {
        s4d_backend_download(be, to, from.data, s4d_tensor_bytes(&from));
        return;
    }
    const double *wide = from.data;
    int64_t count = be->planning ? 0 : s4d_tensor_count(&from);
    for (int64_t i = 0; i < count; i++) {
        to[i] = (float)wide[i];
    }
}
