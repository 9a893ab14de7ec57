/* Named tensors in a file, in the safetensors format: 8 bytes of header size, a JSON header, the
 * data. A reader has checked the whole header before it hands anything out. */
#ifndef S4D_CKPT_SAFETENSORS_H
#define S4D_CKPT_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/tensor/tensor.h"

typedef struct s4d_safetensors s4d_safetensors;

/* A tensor in an open file. All pointers end with s4d_safetensors_close. */
typedef struct s4d_safetensors_info {
    const char *name;
    s4d_dtype dtype;
    int rank; /* 1..6; a shape [] is read as [1] */
    int64_t dim[S4D_MAX_RANK];
    int64_t count;             /* elements */
    const unsigned char *data; /* little-endian, row-major, aligned to nothing: copy, do not cast */
    size_t bytes;
} s4d_safetensors_info;

/* Maps the file, which must not be cut short while it is open; errors carry S4D_FAILED. */
s4d_status s4d_safetensors_open(const char *path, s4d_safetensors **out, s4d_err *err);
void s4d_safetensors_close(s4d_safetensors **st); /* NULL accepted */

const char *s4d_safetensors_path(const s4d_safetensors *st);
size_t s4d_safetensors_count(const s4d_safetensors *st);
const s4d_safetensors_info *s4d_safetensors_at(const s4d_safetensors *st,
                                               size_t i); /* in the header's order */
const s4d_safetensors_info *s4d_safetensors_find(const s4d_safetensors *st,
                                                 const char *name); /* NULL: absent */

/* Text that goes with the tensors ("__metadata__"). */
size_t s4d_safetensors_metadata_count(const s4d_safetensors *st);
const char *s4d_safetensors_metadata_key(const s4d_safetensors *st, size_t i);
const char *s4d_safetensors_metadata_value(const s4d_safetensors *st, size_t i);
const char *s4d_safetensors_metadata(const s4d_safetensors *st, const char *key); /* NULL: absent */

/* The elements as float, from F32, F64, F16 or BF16. False, with nothing written: another type, or
 * not `count` elements. */
bool s4d_safetensors_read_floats(const s4d_safetensors_info *info, float *out, size_t count);
/* The same for U8, I32, I64 and BOOL. */
bool s4d_safetensors_read_integers(const s4d_safetensors_info *info, int64_t *out, size_t count);

typedef struct s4d_safetensors_entry {
    const char *name;
    s4d_tensor tensor; /* in host memory */
} s4d_safetensors_entry;

typedef struct s4d_safetensors_pair {
    const char *key, *value;
} s4d_safetensors_pair;

typedef struct s4d_safetensors_contents {
    const s4d_safetensors_entry *entry;
    size_t count;
    const s4d_safetensors_pair *metadata;
    size_t metadata_count;
} s4d_safetensors_contents;

/* Replaces the file as a whole (s4d_writer). Data stand in the given order, as they are. Names and
 * keys are UTF-8 and each is given once, else S4D_FAILED. */
s4d_status s4d_safetensors_write(const char *path, const s4d_safetensors_contents *contents,
                                 s4d_err *err);

#endif
