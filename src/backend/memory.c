/* Device memory: blocks, copies, conversions, slots. Devices of host memory do it here, others by their table. */
#include <stdio.h>
#include <string.h>

#include "backend/backend_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"

s4d_status s4d_backend_alloc(s4d_backend *be, size_t bytes, void **out, s4d_err *err)
{
    if (be->device) {
        return be->device->alloc(be, bytes, out, err);
    }
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
    if (be->device && block) {
        be->device->free(be, block);
    } else {
        s4d_mem_free(block);
    }
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
    if (be->planning || bytes == 0) {
        return;
    }
    if (be->device) {
        be->device->upload(be, device, host, bytes);
    } else {
        memcpy(device, host, bytes);
    }
}

void s4d_backend_download(s4d_backend *be, void *host, const void *device, size_t bytes)
{
    if (be->planning || bytes == 0) {
        return;
    }
    if (be->device) {
        be->device->download(be, host, device, bytes);
    } else {
        memcpy(host, device, bytes);
    }
}

/* ---- conversions ---- */

static uint16_t bf16_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x) {
        return (uint16_t)(bits >> 16 | 0x40); /* a NaN stays one */
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float of_bf16(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* count values between float and F64 or BF16. */
static void widen(float *to, const void *from, s4d_dtype type, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        to[i] = type == S4D_F64 ? (float)((const double *)from)[i] : of_bf16(((const uint16_t *)from)[i]);
    }
}

static void narrow(void *to, s4d_dtype type, const float *from, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (type == S4D_F64) {
            ((double *)to)[i] = from[i];
        } else {
            ((uint16_t *)to)[i] = bf16_of(from[i]);
        }
    }
}

/* Memory for a tensor in its own type; NULL after a failure. */
static void *converted(s4d_backend *be, const s4d_tensor *t)
{
    S4D_BUG_IF(t->dtype != be->real && t->dtype != be->act);
    void *block = s4d_mem_alloc(s4d_tensor_bytes(t), 1);
    if (!block) {
        s4d_backend_fail(be, "not enough memory: %zu bytes for the conversion of a tensor", s4d_tensor_bytes(t));
    }
    return block;
}

void s4d_backend_upload_floats(s4d_backend *be, s4d_tensor to, const float *from)
{
    if (to.dtype == S4D_F32) {
        s4d_backend_upload(be, to.data, from, s4d_tensor_bytes(&to));
        return;
    }
    void *own = be->planning || be->failed ? NULL : converted(be, &to);
    if (own) {
        narrow(own, to.dtype, from, s4d_tensor_count(&to));
        s4d_backend_upload(be, to.data, own, s4d_tensor_bytes(&to));
    }
    s4d_mem_free(own);
}

void s4d_backend_download_floats(s4d_backend *be, float *to, s4d_tensor from)
{
    if (from.dtype == S4D_F32) {
        s4d_backend_download(be, to, from.data, s4d_tensor_bytes(&from));
        return;
    }
    void *own = be->planning || be->failed ? NULL : converted(be, &from);
    if (own) {
        s4d_backend_download(be, own, from.data, s4d_tensor_bytes(&from));
        widen(to, own, from.dtype, s4d_tensor_count(&from));
    }
    s4d_mem_free(own);
}

double s4d_backend_memory(s4d_backend *be)
{
    return be->device ? be->device->memory(be) : s4d_memory_bytes();
}

/* ---- slots ---- */

s4d_status s4d_backend_send(s4d_backend *be, int slot, const void *host, size_t bytes, void **device, s4d_err *err)
{
    if (be->device) {
        return be->device->send(be, slot, host, bytes, device, err);
    }
    s4d_host_slot *s = &be->slot[slot];
    if (bytes > s->size) {
        s4d_mem_free(s->block);
        s->size = 0;
        s->block = s4d_mem_alloc(bytes, 1);
        if (!s->block) {
            return s4d_err_memory(err, bytes, "a batch's frames");
        }
        s->size = bytes;
    }
    memcpy(s->block, host, bytes);
    *device = s->block;
    return S4D_OK;
}

void s4d_backend_fetch(s4d_backend *be, int slot, size_t offset, const void *device, size_t bytes)
{
    S4D_BUG_IF(offset > S4D_FETCH_BYTES || bytes > S4D_FETCH_BYTES - offset);
    if (be->planning || be->failed) {
        return;
    }
    if (be->device) {
        be->device->fetch(be, slot, offset, device, bytes);
        return;
    }
    s4d_host_slot *s = &be->slot[slot];
    if (!s->fetched && !(s->fetched = s4d_mem_alloc(S4D_FETCH_BYTES, 1))) {
        s4d_backend_fail(be, "not enough memory: %d bytes for the results of a step", S4D_FETCH_BYTES);
        return;
    }
    memcpy(s->fetched + offset, device, bytes);
}

const void *s4d_backend_fetched(s4d_backend *be, int slot)
{
    static const unsigned char nothing[S4D_FETCH_BYTES];
    if (be->device && !be->failed) {
        const void *there = be->device->fetched(be, slot);
        return there ? there : nothing;
    }
    return be->slot[slot].fetched ? be->slot[slot].fetched : nothing;
}

/* ---- recorded steps, tuning ---- */

void s4d_backend_graph_begin(s4d_backend *be, uint64_t key)
{
    if (be->device && !be->planning && !be->failed) {
        be->device->graph_begin(be, key);
    }
}

void s4d_backend_graph_end(s4d_backend *be)
{
    if (be->device && !be->planning) {
        be->device->graph_end(be);
    }
}

s4d_status s4d_backend_tuning(s4d_backend *be, s4d_str *out, s4d_err *err)
{
    if (be->device) {
        return be->device->tuning(be, out, err);
    }
    s4d_str_add(out, be->description); /* threads, library and environment: what its bits depend on */
    return out->failed ? s4d_err_memory(err, sizeof be->description, "the description of a device") : S4D_OK;
}

bool s4d_backend_tune(s4d_backend *be, const char *text)
{
    return be->device ? be->device->tune(be, text) : strcmp(text, be->description) == 0;
}
