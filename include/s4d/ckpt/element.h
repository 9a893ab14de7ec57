/* The types of numbers that files of weights hold. */
#ifndef S4D_CKPT_ELEMENT_H
#define S4D_CKPT_ELEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "s4d/tensor/tensor.h"

typedef enum s4d_element_kind {
    S4D_ELEMENT_REAL,  /* floating-point numbers, which weights are made of */
    S4D_ELEMENT_WHOLE, /* integers and truth values */
    S4D_ELEMENT_OTHER  /* complex numbers, less than a byte: not read */
} s4d_element_kind;

typedef struct s4d_element {
    const char *name;  /* safetensors': "F32", "F8_E4M3" */
    const char *torch; /* PyTorch's dtype: "float32", ... */
    int bits;          /* of one number */
    s4d_element_kind kind;
    s4d_dtype dtype; /* of tensors here; S4D_DTYPE_COUNT: none */
} s4d_element;

/* NULL: no type that is known. */
const s4d_element *s4d_element_named(const char *safetensors_name);
const s4d_element *s4d_element_of_torch(const char *dtype, size_t size); /* not ended by a NUL */
const s4d_element *s4d_element_of(s4d_dtype dtype);

/* n little-endian numbers at any address. floats: of REAL; doubles: also of WHOLE, where those
 * beyond 2^53 are rounded. Float64 is rounded to float. */
void s4d_element_floats(const s4d_element *e, const void *from, float *out, size_t n);
void s4d_element_doubles(const s4d_element *e, const void *from, double *out, size_t n);
/* n numbers of `size` bytes each from the other byte order, in place. */
void s4d_element_swap(void *data, size_t size, size_t n);

#endif
