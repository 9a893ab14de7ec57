/* The attention operations, and which of the two ways computes them. */
#include <stdio.h>

#include "backend/cuda/attention.h"
#include "backend/cuda/cuda_state.h"
#include "s4d/base/mem.h"

CUDA_OP(attention_fwd)
{
    if (!s4d_cuda_attention_cudnn_fwd(be, args)) s4d_cuda_attention_unfused_fwd(be, args);
}

CUDA_OP(attention_bwd)
{
    if (!s4d_cuda_attention_cudnn_bwd(be, args)) s4d_cuda_attention_unfused_bwd(be, args);
}

/* ---- the choice ---- */

static void describe_unfused(s4d_cuda_attention *a, const char *why)
{
    snprintf(a->description, sizeof a->description, "attention: products and a softmax, %s", why);
}

/* By the test's outcome; without cuDNN where it differs. */
static s4d_status settle(s4d_backend *be, s4d_cuda_attention *a, s4d_err *err)
{
    s4d_err why = {0};
    double worst = 0;
    s4d_status status = s4d_cuda_attention_self_test(be, &worst, &why);
    if (status == S4D_OK) {
        snprintf(a->description, sizeof a->description,
                 "attention: cuDNN %s (self-test passed, worst difference %.1e of the largest value)",
                 s4d_cuda_attention_cudnn_version(be), worst);
        return S4D_OK;
    }
    char text[400];
    snprintf(text, sizeof text, "because cuDNN %s failed its self-test: %.300s", s4d_cuda_attention_cudnn_version(be), why.text);
    s4d_cuda_attention_cudnn_close(be);
    describe_unfused(a, text);
    cudaError_t broken = cudaStreamSynchronize(s4d_cuda_stream(be));
    if (broken == cudaSuccess) return S4D_OK;
    return s4d_err_set(err, S4D_FAILED,
                       "device cuda: the card stopped (%s) when cuDNN's attention was tested; set cuda.attention to \"unfused\" "
                       "to do without",
                       cudaGetErrorString(broken));
}

static s4d_status choose(s4d_backend *be, s4d_cuda_attention *a, s4d_err *err)
{
    s4d_err why = {0};
    s4d_attention_path wanted = s4d_cuda_attention_wanted(be);
    char text[400];
    if (wanted == S4D_ATTENTION_UNFUSED) {
        describe_unfused(a, "as cuda.attention says");
        return S4D_OK;
    }
    if (be->act == S4D_BF16) {
        s4d_cuda_attention_cudnn_open(be, &why);
    } else {
        s4d_err_set(&why, S4D_FAILED, "cuDNN's attention is for bf16 only; set precision to \"bf16\" to use it");
    }
    if (wanted == S4D_ATTENTION_CUDNN && why.status != S4D_OK)
        return s4d_err_set(err, S4D_FAILED, "device cuda: cuda.attention is \"cudnn\", but %s; \"auto\" does without", why.text);
    if (wanted == S4D_ATTENTION_AUTO && why.status == S4D_OK) return settle(be, a, err);
    snprintf(text, sizeof text, "because %.380s", why.text);
    if (why.status != S4D_OK) describe_unfused(a, text);
    else snprintf(a->description, sizeof a->description, "attention: cuDNN %s, as cuda.attention says (not tested)",
                  s4d_cuda_attention_cudnn_version(be));
    return S4D_OK;
}

s4d_status s4d_cuda_attention_open(s4d_backend *be, s4d_err *err)
{
    s4d_cuda_attention *a = s4d_mem_alloc(1, sizeof *a);
    if (!a) return s4d_err_memory(err, sizeof *a, "attention");
    *s4d_cuda_attention_state(be) = a;
    return choose(be, a, err);
}

void s4d_cuda_attention_close(s4d_backend *be)
{
    void **state = s4d_cuda_attention_state(be);
    s4d_cuda_attention_cudnn_close(be);
    s4d_mem_free(*state);
    *state = NULL;
}

const char *s4d_cuda_attention_description(const s4d_backend *be)
{
    const s4d_cuda_attention *a = s4d_cuda_of(be)->attention;
    return a ? a->description : "";
}
