/* Filling and converting. */
#include <string.h>

#include "backend/ref/ref_private.h"
#include "s4d/base/rng.h"

REF_OP(zero)
{
    size_t bytes = s4d_tensor_bytes(&args->x);
    if (bytes) {
        memset(args->x.data, 0, bytes);
    }
}

REF_OP(random)
{
    int64_t n = s4d_tensor_count(&args->y);
    real *y = args->y.data;
    for (int64_t i = 0; i < n; i++) {
        uint64_t element = args->first + (uint64_t)i;
        y[i] = (real)(args->kind == S4D_UNIFORM ? s4d_rng_fill_uniform(args->key, element)
                                                : s4d_rng_fill_normal(args->key, element));
    }
}

static bool is_float(s4d_dtype dtype)
{
    return dtype == S4D_F32 || dtype == S4D_F64;
}

REF_OP(cast)
{
    int64_t n = s4d_tensor_count(&args->x);
    if (!is_float(args->x.dtype) || !is_float(args->y.dtype)) {
        s4d_backend_fail(be,
                         "device %s: no cast from %s to %s; this device casts between F32 and F64",
                         be->name, s4d_dtype_name(args->x.dtype), s4d_dtype_name(args->y.dtype));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        double value = args->x.dtype == S4D_F64 ? ((const double *)args->x.data)[i]
                                                : (double)((const float *)args->x.data)[i];
        if (args->y.dtype == S4D_F64) {
            ((double *)args->y.data)[i] = value;
        } else {
            ((float *)args->y.data)[i] = (float)value;
        }
    }
}
