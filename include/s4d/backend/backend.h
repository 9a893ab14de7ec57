/* A device: its memory and its table of operations. Knows nothing of a ViT.
 *
 * Operations return nothing. A failing one makes the backend sticky-failed: later calls do nothing, and
 * s4d_backend_check tells the first sentence. While `planning`, operations check shapes only, so that the same
 * model code run over a counting arena sizes the step. */
#ifndef S4D_BACKEND_BACKEND_H
#define S4D_BACKEND_BACKEND_H

#include "s4d/backend/ops.h"
#include "s4d/base/err.h"

typedef struct s4d_backend s4d_backend;

typedef enum s4d_op_id {
#define S4D_OP(name) S4D_OP_##name,
#include "s4d/backend/ops.def"
#undef S4D_OP
    S4D_OP_COUNT
} s4d_op_id;

typedef struct s4d_backend_opts {
    const char *device;   /* "ref", "ref64" (ref built as double) or "cpu" */
    int threads;          /* 0: all this process may use */
    const char *override; /* "" or "NAME=ref,...": operations taken from ref, to find a wrong one */
} s4d_backend_opts;

/* The devices this build knows, for messages: "ref, ref64, cpu". */
const char *s4d_backend_devices(void);
/* S4D_USAGE for an unknown device or override, S4D_FAILED where the device does not work; says why. */
s4d_status s4d_backend_create(const s4d_backend_opts *opts, s4d_backend **out, s4d_err *err);
void s4d_backend_destroy(s4d_backend **be);

const char *s4d_backend_name(const s4d_backend *be);
/* One line for people: device, threads, the library behind the products. */
const char *s4d_backend_description(const s4d_backend *be);
s4d_dtype s4d_backend_real(const s4d_backend *be);
int s4d_backend_threads(const s4d_backend *be);

/* Device memory, 64-byte aligned, zeroed; NULL and an error when there is none. */
s4d_status s4d_backend_alloc(s4d_backend *be, size_t bytes, void **out, s4d_err *err);
void s4d_backend_free(s4d_backend *be, void *block);
/* Copies between host and device memory; both are done when the call returns. */
void s4d_backend_upload(s4d_backend *be, void *device, const void *host, size_t bytes);
void s4d_backend_download(s4d_backend *be, void *host, const void *device, size_t bytes);
/* Uploads host floats as the backend's real type, and back. */
void s4d_backend_upload_floats(s4d_backend *be, s4d_tensor to, const float *from);
void s4d_backend_download_floats(s4d_backend *be, float *to, s4d_tensor from);

void s4d_backend_set_planning(s4d_backend *be, bool planning);
bool s4d_backend_planning(const s4d_backend *be);
/* The first failure since creation, or S4D_OK. Read once a step. */
s4d_status s4d_backend_check(s4d_backend *be, s4d_err *err);

const char *s4d_op_name(s4d_op_id op);
/* How many operations this device runs itself rather than from ref; for doctor. */
int s4d_backend_own_ops(const s4d_backend *be);

/* s4d_linear_fwd(be, &(s4d_linear_fwd_args){.x = ...}): checks, traces, runs. */
#define S4D_OP(name) void s4d_##name(s4d_backend *be, const s4d_##name##_args *args);
#include "s4d/backend/ops.def"
#undef S4D_OP

#endif
