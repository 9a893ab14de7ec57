/* Element types and shapes. */
#include "s4d/tensor/tensor.h"

#include <stdio.h>

#include "s4d/base/err.h"
#include "s4d/tensor/batch.h"

static const struct {
    const char *name;
    size_t size;
} dtypes[S4D_DTYPE_COUNT] = {
    [S4D_F32] = {"F32", 4},   [S4D_F64] = {"F64", 8},   [S4D_F16] = {"F16", 2},
    [S4D_BF16] = {"BF16", 2}, [S4D_U8] = {"U8", 1},     [S4D_I32] = {"I32", 4},
    [S4D_I64] = {"I64", 8},   [S4D_BOOL] = {"BOOL", 1},
};

size_t s4d_dtype_size(s4d_dtype dtype)
{
    S4D_BUG_IF(dtype >= S4D_DTYPE_COUNT);
    return dtypes[dtype].size;
}

const char *s4d_dtype_name(s4d_dtype dtype)
{
    S4D_BUG_IF(dtype >= S4D_DTYPE_COUNT);
    return dtypes[dtype].name;
}

s4d_tensor s4d_tensor_of(s4d_dtype dtype, void *data, int rank, const int64_t *dim)
{
    S4D_BUG_IF(rank < 1 || rank > S4D_MAX_RANK);
    s4d_tensor t = {.data = data, .dtype = dtype, .rank = rank};
    int64_t bytes = (int64_t)s4d_dtype_size(dtype);
    for (int i = 0; i < rank; i++) {
        S4D_BUG_IF(dim[i] < 0);
        S4D_BUG_IF(__builtin_mul_overflow(bytes, dim[i], &bytes));
        t.dim[i] = dim[i];
    }
    return t;
}

bool s4d_tensor_given(const s4d_tensor *t)
{
    return t->rank > 0;
}

int64_t s4d_tensor_count(const s4d_tensor *t)
{
    int64_t count = t->rank > 0;
    for (int i = 0; i < t->rank; i++) {
        count *= t->dim[i];
    }
    return count;
}

size_t s4d_tensor_bytes(const s4d_tensor *t)
{
    return (size_t)s4d_tensor_count(t) * s4d_dtype_size(t->dtype);
}

s4d_tensor s4d_tensor_reshape(s4d_tensor t, int rank, const int64_t *dim)
{
    s4d_tensor shaped = s4d_tensor_of(t.dtype, t.data, rank, dim);
    S4D_BUG_IF(s4d_tensor_count(&shaped) != s4d_tensor_count(&t));
    return shaped;
}

s4d_tensor s4d_tensor_rows(s4d_tensor t, int64_t first, int64_t count)
{
    S4D_BUG_IF(t.rank < 1 || first < 0 || count < 0 || count > t.dim[0] - first);
    size_t row_bytes = t.dim[0] > 0 ? s4d_tensor_bytes(&t) / (size_t)t.dim[0] : 0;
    if (t.data) {
        t.data = (unsigned char *)t.data + (size_t)first * row_bytes;
    }
    t.dim[0] = count;
    return t;
}

void s4d_tensor_shape_text(const s4d_tensor *t, char text[128])
{
    size_t used = (size_t)snprintf(text, 128, "[");
    for (int i = 0; i < t->rank && used < 128; i++) {
        used +=
            (size_t)snprintf(text + used, 128 - used, "%s%lld", i ? "," : "", (long long)t->dim[i]);
    }
    if (used < 128) {
        snprintf(text + used, 128 - used, "]");
    }
}

const char *s4d_modality_name(s4d_modality modality)
{
    return modality == S4D_IMAGE ? "image" : "video";
}
