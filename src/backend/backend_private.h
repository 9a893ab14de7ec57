/* What a device fills in. Private to src/backend. */
#ifndef S4D_BACKEND_PRIVATE_H
#define S4D_BACKEND_PRIVATE_H

#include "s4d/backend/backend.h"

typedef struct s4d_op_table {
#define S4D_OP(name) void (*name)(s4d_backend *be, const s4d_##name##_args *args);
#include "s4d/backend/ops.def"
#undef S4D_OP
} s4d_op_table;

/* What a device with memory of its own does in place of backend.c and memory.c. NULL table: host memory. */
typedef struct s4d_device_table {
    void (*destroy)(s4d_backend *be);
    s4d_status (*alloc)(s4d_backend *be, size_t bytes, void **out, s4d_err *err);
    void (*free)(s4d_backend *be, void *block);
    void (*upload)(s4d_backend *be, void *device, const void *host, size_t bytes);
    void (*download)(s4d_backend *be, void *host, const void *device, size_t bytes);
    double (*memory)(s4d_backend *be);
    s4d_status (*send)(s4d_backend *be, int slot, const void *host, size_t bytes, void **device, s4d_err *err);
    void (*fetch)(s4d_backend *be, int slot, size_t offset, const void *device, size_t bytes);
    const void *(*fetched)(s4d_backend *be, int slot);
    void (*graph_begin)(s4d_backend *be, uint64_t key);
    void (*graph_end)(s4d_backend *be);
    s4d_status (*tuning)(s4d_backend *be, s4d_str *out, s4d_err *err);
    bool (*tune)(s4d_backend *be, const char *text);
    const char *(*attention)(const s4d_backend *be);
    void (*set_planning)(s4d_backend *be, bool planning);
    void (*check)(s4d_backend *be); /* errors the device found behind our back */
    void (*before)(s4d_backend *be, int op); /* around every operation, also while planning */
    void (*after)(s4d_backend *be, int op);
} s4d_device_table;

/* A slot of host memory's devices. */
typedef struct s4d_host_slot {
    void *block;
    size_t size;
    unsigned char *fetched;
} s4d_host_slot;

struct s4d_backend {
    const char *name;
    char description[768];
    s4d_dtype real, act;
    const s4d_device_table *device;
    void *device_state; /* owned by the device */
    s4d_host_slot slot[S4D_SLOTS];
    int threads, asked; /* asked: at least `threads` */
    bool planning, failed;
    int own_ops;
    int64_t replays;  /* steps that ran as a recorded whole */
    bool on_host[S4D_OP_COUNT]; /* overridden: ref's function runs on the host */
    s4d_err error;    /* the first failure */
    s4d_op_table ops;
    void *scratch;    /* grown on demand by s4d_backend_scratch, kept for the next call */
    size_t scratch_size;
    int spoil;            /* S4D_TEST_HOOKS: the s4d_op_id whose result is spoiled, -1 for none */
    size_t spoil_tensor;  /* where in its arguments the spoiled tensor stands */
};

extern const char *const s4d_op_names[S4D_OP_COUNT];

static inline int64_t s4d_width(const s4d_tensor *t)
{
    return t->rank > 0 ? t->dim[t->rank - 1] : 0;
}

/* Rows of a tensor seen as [M,D]. */
static inline int64_t s4d_rows(const s4d_tensor *t)
{
    int64_t rows = 1;
    for (int i = 0; i + 1 < t->rank; i++) {
        rows *= t->dim[i];
    }
    return rows;
}

void s4d_backend_fail(s4d_backend *be, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Host scratch of at least `bytes`, contents undefined, good until the next request; NULL after a failure. */
void *s4d_backend_scratch(s4d_backend *be, size_t bytes);

/* Fill the table; ref fills all of it, others override. */
void s4d_ref_fill_f32(s4d_op_table *table);
void s4d_ref_fill_f64(s4d_op_table *table);
void s4d_cpu_fill(s4d_op_table *table);
/* Sets threads and asked (0: the usual number), and has the library of products make what it needs, while memory can still be
 * refused in words. */
s4d_status s4d_cpu_start(s4d_backend *be, int asked, s4d_err *err);
#ifdef S4D_WITH_CUDA
void s4d_cuda_fill(s4d_op_table *table);
/* Opens the card and its libraries; sets device, device_state and description. opts are checked. */
s4d_status s4d_cuda_create(s4d_backend *be, const s4d_backend_opts *opts, s4d_err *err);
/* S4D_OK where a card and the libraries are there; else err says what is missing. */
s4d_status s4d_cuda_probe(s4d_err *err);
#endif
/* "oneDNN 2.6.3" or the CBLAS behind the products. */
const char *s4d_cpu_library(void);

/* Shape rules of every operation, once: a wrong shape is a bug in the caller (S4D_BUG_IF). Pointers are
 * checked too, unless planning. */
#define S4D_OP(name) void s4d_validate_##name(const s4d_backend *be, const s4d_##name##_args *args);
#include "s4d/backend/ops.def"
#undef S4D_OP

#ifdef S4D_TEST_HOOKS
/* From now on every call of `op` is followed by damage to the last element of one of its results:
 * the tensor that stands `tensor` bytes into the operation's arguments. op -1 ends it. For the test
 * of the tests. */
void s4d_backend_spoil(s4d_backend *be, int op, size_t tensor);
/* Does the damage; called by the wrappers. */
void s4d_backend_spoil_result(s4d_backend *be, const void *args);
#endif

#endif
