/* A device as its callers see it: what it is, its sticky error, and the wrappers every operation is called through. */
#include <stdarg.h>
#include <stdio.h>

#include "backend/backend_private.h"
#include "s4d/base/log.h"

const char *const s4d_op_names[S4D_OP_COUNT] = {
#define S4D_OP(name) [S4D_OP_##name] = #name,
#include "s4d/backend/ops.def"
#undef S4D_OP
};

const char *s4d_op_name(s4d_op_id op)
{
    S4D_BUG_IF((unsigned)op >= S4D_OP_COUNT);
    return s4d_op_names[op];
}

const char *s4d_precision_name(s4d_precision precision)
{
    static const char *const name[S4D_PRECISIONS] = {
        [S4D_FLOAT32] = "float32", [S4D_TF32] = "tf32", [S4D_BFLOAT16] = "bf16"};
    S4D_BUG_IF((unsigned)precision >= S4D_PRECISIONS);
    return name[precision];
}

/* ---- what it is ---- */

const char *s4d_backend_name(const s4d_backend *be)
{
    return be->name;
}

const char *s4d_backend_description(const s4d_backend *be)
{
    return be->description;
}

s4d_dtype s4d_backend_real(const s4d_backend *be)
{
    return be->real;
}

s4d_dtype s4d_backend_act(const s4d_backend *be)
{
    return be->act;
}

bool s4d_backend_fixed_shapes(const s4d_backend *be)
{
    return be->device != NULL;
}

int s4d_backend_lateness(const s4d_backend *be)
{
    return be->device ? 1 : 0;
}

const char *s4d_backend_attention(const s4d_backend *be)
{
    return be->device ? be->device->attention(be) : "";
}

int s4d_backend_threads(const s4d_backend *be)
{
    return be->threads;
}

int s4d_backend_own_ops(const s4d_backend *be)
{
    return be->own_ops;
}

/* ---- failure and planning ---- */

void s4d_backend_fail(s4d_backend *be, const char *format, ...)
{
    if (be->failed) {
        return;
    }
    char text[sizeof be->error.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    be->failed = true;
    s4d_err_set(&be->error, S4D_FAILED, "%s", text);
}

s4d_status s4d_backend_check(s4d_backend *be, s4d_err *err)
{
    if (be->device && !be->failed) {
        be->device->check(be);
    }
    if (!be->failed) {
        return S4D_OK;
    }
    return s4d_err_set(err, be->error.status, "%s", be->error.text);
}

void s4d_backend_set_planning(s4d_backend *be, bool planning)
{
    be->planning = planning;
    if (be->device) {
        be->device->set_planning(be, planning);
    }
}

bool s4d_backend_planning(const s4d_backend *be)
{
    return be->planning;
}

/* ---- the operations ---- */

/* Whether the device's function is called: host devices need nothing planned but the arena. */
static bool before(s4d_backend *be, int op)
{
    if (be->planning && (!be->device || be->on_host[op])) {
        return false;
    }
    if (be->device) {
        be->device->before(be, op);
        return true;
    }
    s4d_log(S4D_LOG_DEBUG, "%s %s", be->name, s4d_op_names[op]);
    return true;
}

static void after(s4d_backend *be, int op, const void *args)
{
    if (be->device) {
        be->device->after(be, op);
    }
#ifdef S4D_TEST_HOOKS
    if (be->spoil == op && !be->failed && !be->planning) {
        s4d_backend_spoil_result(be, args);
    }
#else
    (void)args;
#endif
}

#define S4D_OP(name)                                                                               \
    void s4d_##name(s4d_backend *be, const s4d_##name##_args *args)                                \
    {                                                                                              \
        if (be->failed) {                                                                          \
            return;                                                                                \
        }                                                                                          \
        s4d_validate_##name(be, args);                                                             \
        if (before(be, S4D_OP_##name)) {                                                           \
            be->ops.name(be, args);                                                                \
            after(be, S4D_OP_##name, args);                                                        \
        }                                                                                          \
    }
#include "s4d/backend/ops.def"
#undef S4D_OP
