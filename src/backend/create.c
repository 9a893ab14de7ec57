/* Making a device: which there are, whether the settings fit it, its table of operations. */
#include <stdio.h>
#include <string.h>

#include "backend/backend_private.h"
#include "s4d/base/environment.h"
#include "s4d/base/mem.h"
#include "s4d/base/str.h"

typedef enum kind { REF, CPU, CUDA } kind;

typedef struct device {
    const char *name;
    s4d_dtype real;
    kind kind;
} device;

static const device devices[] = {
    {"ref", S4D_F32, REF},
    {"ref64", S4D_F64, REF},
    {"cpu", S4D_F32, CPU},
#ifdef S4D_WITH_CUDA
    {"cuda", S4D_F32, CUDA},
#endif
};
enum { DEVICE_COUNT = sizeof devices / sizeof devices[0] };

const char *s4d_backend_devices(void)
{
#ifdef S4D_WITH_CUDA
    return "ref, ref64, cpu, cuda";
#else
    return "ref, ref64, cpu";
#endif
}

static s4d_status probe_cuda(s4d_err *err)
{
#ifdef S4D_WITH_CUDA
    return s4d_cuda_probe(err);
#else
    return s4d_err_set(err, S4D_FAILED, "this build has no cuda device, which needs nvcc where it is configured");
#endif
}

const char *s4d_backend_choose(const char *name, s4d_err *why)
{
    if (strcmp(name, "auto") != 0) {
        return name;
    }
    return probe_cuda(why) == S4D_OK ? "cuda" : "cpu";
}

static const device *find_device(const char *name)
{
    for (int i = 0; i < DEVICE_COUNT; i++) {
        if (strcmp(devices[i].name, name) == 0) {
            return &devices[i];
        }
    }
    return NULL;
}

static int find_op(const char *name)
{
    for (int i = 0; i < S4D_OP_COUNT; i++) {
        if (strcmp(s4d_op_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static void take_from_ref(s4d_op_table *table, const s4d_op_table *ref, int op)
{
    switch (op) {
#define S4D_OP(name)                                                                               \
    case S4D_OP_##name:                                                                            \
        table->name = ref->name;                                                                   \
        break;
#include "s4d/backend/ops.def"
#undef S4D_OP
    default:
        break;
    }
}

/* One "NAME=ref" of the override. */
static s4d_status override_one(s4d_backend *be, const s4d_op_table *ref, char *item, s4d_err *err)
{
    char *value = strchr(item, '=');
    if (!value || strcmp(value + 1, "ref") != 0) {
        return s4d_err_set(err, S4D_USAGE,
                           "op: \"%s\" does not say where an operation comes from; write NAME=ref, "
                           "as in linear_fwd=ref",
                           item);
    }
    *value = '\0';
    int op = find_op(item);
    if (op < 0) {
        const char *nearest = s4d_str_nearest(item, s4d_op_names, S4D_OP_COUNT);
        if (nearest) {
            return s4d_err_set(err, S4D_USAGE,
                               "op: there is no operation \"%s\"; did you mean \"%s\"?", item,
                               nearest);
        }
        return s4d_err_set(
            err, S4D_USAGE,
            "op: there is no operation \"%s\"; include/s4d/backend/ops.def lists them", item);
    }
    take_from_ref(&be->ops, ref, op);
    be->on_host[op] = true;
    return S4D_OK;
}

static s4d_status apply_override(s4d_backend *be, const s4d_op_table *ref, const char *text, s4d_err *err)
{
    if (!text || text[0] == '\0') {
        return S4D_OK;
    }
    char *copy = s4d_mem_strdup(text);
    if (!copy) {
        return s4d_err_memory(err, strlen(text) + 1, "the list of overridden operations");
    }
    s4d_status status = S4D_OK;
    char *rest = copy, *item;
    while (status == S4D_OK && (item = strsep(&rest, ","))) {
        status = override_one(be, ref, item, err);
    }
    s4d_mem_free(copy);
    return status;
}

static s4d_status check_complete(const s4d_backend *be, s4d_err *err)
{
#define S4D_OP(op)                                                                                 \
    if (!be->ops.op) {                                                                             \
        return s4d_err_set(err, S4D_FAILED,                                                        \
                           "device %s: this build lacks the operation %s; use --device ref",       \
                           be->name, #op);                                                         \
    }
#include "s4d/backend/ops.def"
#undef S4D_OP
    return S4D_OK;
}

static int count_own(const s4d_op_table *table, const s4d_op_table *ref)
{
    int own = 0;
#define S4D_OP(name) own += table->name != ref->name;
#include "s4d/backend/ops.def"
#undef S4D_OP
    return own;
}

static void describe(s4d_backend *be, const device *d)
{
    size_t room = sizeof be->description;
    char fewer[64] = "";
    if (be->threads < be->asked) {
        snprintf(fewer, sizeof fewer, " of the %d asked for, as OpenMP gives no more", be->asked);
    }
    if (d->kind == CPU) {
        snprintf(be->description, room, "%s: float32, %d thread%s%s, products by %s", be->name,
                 be->threads, be->threads == 1 ? "" : "s", fewer, s4d_cpu_library());
    } else if (d->kind == REF) {
        snprintf(be->description, room,
                 "%s: plain C in %s, 1 thread, for checking the other devices", be->name,
                 be->real == S4D_F64 ? "float64" : "float32");
    }
}

static void add_environment(s4d_backend *be)
{
    const char *variables = s4d_environment_text();
    size_t used = strlen(be->description);
    if (variables[0]) {
        snprintf(be->description + used, sizeof be->description - used, "; environment: %s", variables);
    }
}

static s4d_status check_opts(const s4d_backend_opts *opts, const char *name, const device *d, s4d_err *err)
{
    if (!d && strcmp(name, "cuda") == 0) {
        s4d_err why = {0};
        probe_cuda(&why);
        return s4d_err_set(err, S4D_FAILED, "device cuda: %s; use --device cpu", why.text);
    }
    if (!d) {
        return s4d_err_set(err, S4D_USAGE,
                           "device: \"%s\" is none; use auto, cuda, cpu or ref", name);
    }
    if (opts->threads < 0) {
        return s4d_err_set(err, S4D_USAGE,
                           "threads: %d is below 0; give a number of threads, or 0 for all",
                           opts->threads);
    }
    if (opts->precision != S4D_FLOAT32 && d->kind != CUDA) {
        return s4d_err_set(err, S4D_USAGE, "precision: %s computes in float32 only; set it to float32, or use --device cuda",
                           d->name);
    }
    if (opts->precision == S4D_BFLOAT16 && opts->override && opts->override[0]) {
        return s4d_err_set(err, S4D_USAGE, "op: ref has no bf16, so its operations cannot stand in for others; set precision "
                                           "to float32 to look for a wrong one");
    }
    return S4D_OK;
}

static s4d_status fill_table(s4d_backend *be, const device *d, const s4d_backend_opts *opts, s4d_err *err)
{
    s4d_op_table ref;
    if (d->real == S4D_F64) {
        s4d_ref_fill_f64(&ref);
    } else {
        s4d_ref_fill_f32(&ref);
    }
    be->ops = ref;
    if (d->kind == CPU) {
        s4d_cpu_fill(&be->ops);
    }
#ifdef S4D_WITH_CUDA
    if (d->kind == CUDA) {
        memset(&be->ops, 0, sizeof be->ops); /* no operation falls back to the host by itself */
        s4d_cuda_fill(&be->ops);
    }
#endif
    s4d_status status = check_complete(be, err);
    if (status == S4D_OK) {
        status = apply_override(be, &ref, opts->override, err);
    }
    be->own_ops = d->kind == REF ? (int)S4D_OP_COUNT : count_own(&be->ops, &ref);
    return status;
}

int s4d_backend_built_ops(const char *name)
{
    const device *d = find_device(name);
    s4d_backend be = {0};
    if (!d) {
        return -1;
    }
    if (d->kind != CUDA) {
        return S4D_OP_COUNT;
    }
#ifdef S4D_WITH_CUDA
    s4d_cuda_fill(&be.ops);
#endif
    int built = 0;
#define S4D_OP(op) built += be.ops.op != NULL;
#include "s4d/backend/ops.def"
#undef S4D_OP
    return built;
}

s4d_status s4d_backend_create(const s4d_backend_opts *opts, s4d_backend **out, s4d_err *err)
{
    *out = NULL;
    s4d_err ignored = {0};
    const char *name = s4d_backend_choose(opts->device ? opts->device : "", &ignored);
    const device *d = find_device(name);
    s4d_status status = check_opts(opts, name, d, err);
    if (status != S4D_OK) {
        return status;
    }
    s4d_backend *be = s4d_mem_alloc(1, sizeof *be);
    if (!be) {
        return s4d_err_memory(err, sizeof *be, "the device");
    }
    be->name = d->name;
    be->real = d->real;
    be->act = opts->precision == S4D_BFLOAT16 ? S4D_BF16 : d->real;
    be->spoil = -1;
    be->threads = be->asked = 1;
    status = fill_table(be, d, opts, err);
    if (status == S4D_OK && d->kind == CPU) {
        status = s4d_cpu_start(be, opts->threads, err);
    }
    describe(be, d);
#ifdef S4D_WITH_CUDA
    if (status == S4D_OK && d->kind == CUDA) {
        status = s4d_cuda_create(be, opts, err);
    }
#endif
    if (status != S4D_OK) {
        s4d_backend_destroy(&be);
    } else {
        add_environment(be);
    }
    *out = be;
    return status;
}

void s4d_backend_destroy(s4d_backend **be)
{
    if (be && *be) {
        if ((*be)->device) {
            (*be)->device->destroy(*be);
        }
        for (int i = 0; i < S4D_SLOTS; i++) {
            s4d_mem_free((*be)->slot[i].block);
            s4d_mem_free((*be)->slot[i].fetched);
        }
        s4d_mem_free((*be)->scratch);
        s4d_mem_free(*be);
        *be = NULL;
    }
}
