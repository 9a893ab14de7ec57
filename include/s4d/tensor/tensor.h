/* Tensors: a typed, shaped view of memory that someone else owns. Row-major, no strides, no arithmetic. */
#ifndef S4D_TENSOR_TENSOR_H
#define S4D_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum s4d_dtype {
    S4D_F32,
    S4D_F64,
    S4D_F16,
    S4D_BF16,
    S4D_U8,
    S4D_I32,
    S4D_I64,
    S4D_BOOL,
    S4D_DTYPE_COUNT
} s4d_dtype;

size_t s4d_dtype_size(s4d_dtype dtype);
const char *s4d_dtype_name(s4d_dtype dtype); /* safetensors' names: "F32", "U8", ... */

enum { S4D_MAX_RANK = 6 };

/* rank 0 means "not given"; a scalar is [1]. data may be NULL while a step is planned. */
typedef struct s4d_tensor {
    void *data;
    s4d_dtype dtype;
    int rank;
    int64_t dim[S4D_MAX_RANK];
} s4d_tensor;

/* dim has `rank` sizes; the macro S4D_TENSOR(S4D_F32, p, 2, 3, 4) counts and casts them. */
s4d_tensor s4d_tensor_of(s4d_dtype dtype, void *data, int rank, const int64_t *dim);
#define S4D_TENSOR(dtype, data, ...)                                                               \
    s4d_tensor_of(dtype, data, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),          \
                  (int64_t[]){__VA_ARGS__})

bool s4d_tensor_given(const s4d_tensor *t);
int64_t s4d_tensor_count(const s4d_tensor *t); /* elements; 0 when not given */
size_t s4d_tensor_bytes(const s4d_tensor *t);
/* The same memory under another shape; the element count must be the same (checked). */
s4d_tensor s4d_tensor_reshape(s4d_tensor t, int rank, const int64_t *dim);
#define S4D_RESHAPE(t, ...)                                                                        \
    s4d_tensor_reshape(t, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),               \
                       (int64_t[]){__VA_ARGS__})
/* Rows first..first+count-1 of the outermost dimension. */
s4d_tensor s4d_tensor_rows(s4d_tensor t, int64_t first, int64_t count);
/* "[2,3,4]" into text, for messages. */
void s4d_tensor_shape_text(const s4d_tensor *t, char text[128]);

#endif
