/* The cuda device: its table, creation and end, and what it says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/attention.h"
#include "backend/cuda/cuda_state.h"
#include "s4d/base/mem.h"

#define S4D_OP(name) void s4d_cuda_##name(s4d_backend *be, const s4d_##name##_args *args);
#include "s4d/backend/ops.def"
#undef S4D_OP

void s4d_cuda_fill(s4d_op_table *table)
{
#define S4D_OP(name) table->name = s4d_cuda_##name;
#include "s4d/backend/ops.def"
#undef S4D_OP
}

/* ---- creation ---- */

s4d_status s4d_cuda_probe(s4d_err *err)
{
    s4d_cuda_card card;
    s4d_status status = s4d_cuda_find_card(&card, err);
    return status == S4D_OK ? s4d_cuda_lt_probe(err) : status;
}

static void destroy(s4d_backend *be)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    if (!cu) return;
    if (cu->compute) cudaStreamSynchronize(cu->compute);
    if (cu->upload) cudaStreamSynchronize(cu->upload);
    s4d_cuda_attention_close(be);
    s4d_cuda_graphs_release(cu);
    s4d_cuda_lt_close(cu);
    s4d_cuda_slots_release(cu);
    s4d_cuda_ring_release(cu);
    s4d_cuda_scratch_release(cu);
    if (cu->upload) cudaStreamDestroy(cu->upload);
    if (cu->compute) cudaStreamDestroy(cu->compute);
    s4d_mem_free(cu);
    be->device_state = NULL;
}

static const char *attention(const s4d_backend *be)
{
    return s4d_cuda_attention_description(be);
}

static const s4d_device_table device = {
    .destroy = destroy,
    .alloc = s4d_cuda_alloc,
    .free = s4d_cuda_free,
    .upload = s4d_cuda_upload,
    .download = s4d_cuda_download,
    .memory = s4d_cuda_memory,
    .send = s4d_cuda_send,
    .fetch = s4d_cuda_fetch,
    .fetched = s4d_cuda_fetched,
    .graph_begin = s4d_cuda_graph_begin,
    .graph_end = s4d_cuda_graph_end,
    .tuning = s4d_cuda_tuning,
    .tune = s4d_cuda_tune,
    .attention = attention,
    .set_planning = s4d_cuda_set_planning,
    .check = s4d_cuda_check,
    .before = s4d_cuda_before,
    .after = s4d_cuda_after,
};

static bool any_on_host(const s4d_backend *be)
{
    for (int op = 0; op < S4D_OP_COUNT; ++op)
        if (be->on_host[op]) return true;
    return false;
}

static void take_opts(s4d_cuda *cu, const s4d_backend *be, const s4d_backend_opts *opts)
{
    const char *sync = getenv("S4D_SYNC");
    cu->op = -1;
    cu->sync = sync && sync[0] && strcmp(sync, "0") != 0;
    cu->managed = any_on_host(be);
    cu->use_graphs = !opts->no_graphs && !cu->sync && !cu->managed;
    cu->any_order = opts->any_order;
    cu->tf32 = opts->precision == S4D_TF32;
    cu->attention_wanted = opts->attention;
}

static s4d_status make_streams(s4d_cuda *cu, s4d_err *err)
{
    cudaError_t status = cudaSetDevice(0);
    if (status == cudaSuccess) status = cudaStreamCreateWithFlags(&cu->compute, cudaStreamNonBlocking);
    if (status == cudaSuccess) status = cudaStreamCreateWithFlags(&cu->upload, cudaStreamNonBlocking);
    if (status == cudaSuccess) return S4D_OK;
    return s4d_err_set(err, S4D_FAILED, "%s could not be opened: %s", cu->card.name, cudaGetErrorString(status));
}

static void describe(s4d_backend *be, const s4d_backend_opts *opts)
{
    const s4d_cuda *cu = s4d_cuda_of(be);
    char version[32];
    s4d_cuda_lt_version(cu, version);
    snprintf(be->description, sizeof be->description,
             "cuda: %s, %s (sm_%d, %d multiprocessors, %.1f GiB), products by cuBLASLt %s", s4d_precision_name(opts->precision),
             cu->card.name, cu->card.capability, cu->card.processors, cu->card.bytes / (1024.0 * 1024.0 * 1024.0), version);
}

s4d_status s4d_cuda_create(s4d_backend *be, const s4d_backend_opts *opts, s4d_err *err)
{
    s4d_err why = {0};
    s4d_cuda *cu = s4d_mem_alloc(1, sizeof *cu);
    if (!cu) return s4d_err_memory(err, sizeof *cu, "the device");
    be->device_state = cu;
    be->device = &device;
    take_opts(cu, be, opts);
    s4d_status status = s4d_cuda_find_card(&cu->card, &why);
    if (status == S4D_OK) status = make_streams(cu, &why);
    if (status == S4D_OK) status = s4d_cuda_slots_create(cu, &why);
    if (status == S4D_OK) status = s4d_cuda_lt_open(be, &why);
    if (status != S4D_OK) {
        cudaGetLastError(); /* or the next device would find it */
        return s4d_err_set(err, status, "device cuda: %s; use --device cpu to do without", why.text);
    }
    describe(be, opts);
    return s4d_cuda_attention_open(be, err);
}

/* ---- what operations ask ---- */

cudaStream_t s4d_cuda_stream(const s4d_backend *be)
{
    return s4d_cuda_of(be)->compute;
}

int s4d_cuda_capability(const s4d_backend *be)
{
    return s4d_cuda_of(be)->card.capability;
}

s4d_attention_path s4d_cuda_attention_wanted(const s4d_backend *be)
{
    return s4d_cuda_of(be)->attention_wanted;
}

bool s4d_cuda_any_order(const s4d_backend *be)
{
    return s4d_cuda_of(be)->any_order;
}

void **s4d_cuda_attention_state(s4d_backend *be)
{
    return &s4d_cuda_of(be)->attention;
}
