/* A device: its memory and its table of operations. Knows nothing of a ViT.
 *
 * Operations return nothing. A failing one makes the backend sticky-failed: later calls do nothing, and
 * s4d_backend_check tells the first sentence. While `planning`, operations check shapes only, so that the same
 * model code run over a counting arena sizes the step. */
#ifndef S4D_BACKEND_BACKEND_H
#define S4D_BACKEND_BACKEND_H

#include "s4d/backend/ops.h"
#include "s4d/base/err.h"
#include "s4d/base/str.h"

typedef struct s4d_backend s4d_backend;

typedef enum s4d_op_id {
#define S4D_OP(name) S4D_OP_##name,
#include "s4d/backend/ops.def"
#undef S4D_OP
    S4D_OP_COUNT
} s4d_op_id;

/* How products are computed. What is not float32 is for cuda only. */
typedef enum s4d_precision {
    S4D_FLOAT32,
    S4D_TF32,    /* float32 everywhere but in the factors of products */
    S4D_BFLOAT16 /* activations and the weights of products in bf16; master weights, gradients, moments, sums in float32 */
} s4d_precision;
enum { S4D_PRECISIONS = S4D_BFLOAT16 + 1 };
const char *s4d_precision_name(s4d_precision precision); /* "float32", "tf32", "bf16", as in config keys and results */
typedef enum s4d_attention_path { S4D_ATTENTION_AUTO, S4D_ATTENTION_CUDNN, S4D_ATTENTION_UNFUSED } s4d_attention_path;

typedef struct s4d_backend_opts {
    const char *device;   /* "ref", "ref64" (ref built as double), "cpu", "cuda" or "auto" */
    int threads;          /* 0: OMP_NUM_THREADS, or all processors that this process may use */
    const char *override; /* "" or "NAME=ref,...": operations taken from ref, to find a wrong one */
    s4d_precision precision;
    /* cuda: */
    s4d_attention_path attention; /* auto: cuDNN where it works and its self-test passes */
    bool any_order;       /* faster sums whose last bits may differ from run to run */
    bool no_graphs;       /* every operation is launched by itself */
} s4d_backend_opts;

/* The devices this build knows, for messages: "ref, ref64, cpu". */
const char *s4d_backend_devices(void);
/* "auto" as the device it stands for: "cuda" where it works, else "cpu", and then `why` tells why not. Others unchanged. */
const char *s4d_backend_choose(const char *device, s4d_err *why);
/* S4D_USAGE for an unknown device or override, S4D_FAILED where the device does not work; says why. */
/* Gives the calling thread back the processors that OpenMP took from it when it was loaded. */
void s4d_backend_unbind(void);
s4d_status s4d_backend_create(const s4d_backend_opts *opts, s4d_backend **out, s4d_err *err);
void s4d_backend_destroy(s4d_backend **be);

const char *s4d_backend_name(const s4d_backend *be);
/* One line for people: device, threads, the library behind the products, variables of the environment that reach bits. */
const char *s4d_backend_description(const s4d_backend *be);
s4d_dtype s4d_backend_real(const s4d_backend *be);
s4d_dtype s4d_backend_act(const s4d_backend *be); /* of activations: real, or BF16 */
int s4d_backend_threads(const s4d_backend *be);
/* Whether shapes known beforehand, with some rows unused, beat exact ones. */
bool s4d_backend_fixed_shapes(const s4d_backend *be);
/* One line on how attention is computed, for doctor; "" where there is only one way. */
const char *s4d_backend_attention(const s4d_backend *be);

/* Device memory, 64-byte aligned, zeroed; NULL and an error when there is none. */
s4d_status s4d_backend_alloc(s4d_backend *be, size_t bytes, void **out, s4d_err *err);
void s4d_backend_free(s4d_backend *be, void *block);
/* Copies between host and device memory; both are done when the call returns. */
void s4d_backend_upload(s4d_backend *be, void *device, const void *host, size_t bytes);
void s4d_backend_download(s4d_backend *be, void *host, const void *device, size_t bytes);
/* Uploads host floats as a tensor's own type (real or act), and back. */
void s4d_backend_upload_floats(s4d_backend *be, s4d_tensor to, const float *from);
void s4d_backend_download_floats(s4d_backend *be, float *to, s4d_tensor from);
/* Bytes of memory the device can still give; infinity where nobody knows. */
double s4d_backend_memory(s4d_backend *be);

/* ---- steps that overlap ----
 * A device may work behind the caller's back: copies to it and from it go through two slots, used in turn, so that the next
 * step is prepared and the last one's results are read while it computes. */
enum { S4D_SLOTS = 2, S4D_FETCH_BYTES = 32768 };
/* How many steps behind results should be read: 0 where operations are done when they return, else 1. */
int s4d_backend_lateness(const s4d_backend *be);
/* Copies host bytes to the slot's device memory, grown on demand. Operations issued later see them; those issued since the
 * slot's last turn may still be reading the former contents. The host's memory is free again on return. */
s4d_status s4d_backend_send(s4d_backend *be, int slot, const void *host, size_t bytes, void **device, s4d_err *err);
/* Copies device bytes to `offset` of the slot's S4D_FETCH_BYTES, once everything issued before is done. */
void s4d_backend_fetch(s4d_backend *be, int slot, size_t offset, const void *device, size_t bytes);
/* Waits for the slot's fetches; the memory is good until its next turn. */
const void *s4d_backend_fetched(s4d_backend *be, int slot);
/* Between these the same operations on the same tensors are issued whenever `key` is the same; a device may record them the
 * first time and replay them as a whole. What differs none the less is recorded anew. No allocation, download or
 * s4d_backend_send in between. */
void s4d_backend_graph_begin(s4d_backend *be, uint64_t key);
void s4d_backend_graph_end(s4d_backend *be);
/* How the device tuned itself, as text that s4d_backend_tune takes: equal bits need equal choices. */
s4d_status s4d_backend_tuning(s4d_backend *be, s4d_str *out, s4d_err *err);
/* Takes choices of an earlier run; false: they are of another card, library or number of threads, and are made anew. */
bool s4d_backend_tune(s4d_backend *be, const char *text);

void s4d_backend_set_planning(s4d_backend *be, bool planning);
bool s4d_backend_planning(const s4d_backend *be);
/* The first failure since creation, or S4D_OK. Read once a step. */
s4d_status s4d_backend_check(s4d_backend *be, s4d_err *err);

const char *s4d_op_name(s4d_op_id op);
/* How many operations this build has for a device, whether the device is there or not; -1: it knows no such device. */
int s4d_backend_built_ops(const char *device);
/* How many operations this device runs itself rather than from ref; for doctor. */
int s4d_backend_own_ops(const s4d_backend *be);

/* s4d_linear_fwd(be, &(s4d_linear_fwd_args){.x = ...}): checks, traces, runs. */
#define S4D_OP(name) void s4d_##name(s4d_backend *be, const s4d_##name##_args *args);
#include "s4d/backend/ops.def"
#undef S4D_OP

#endif
