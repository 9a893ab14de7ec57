/* Named tensors in a file, in the safetensors format: 8 bytes of header size, a JSON header, the
 * data. A reader has checked the whole header before it hands anything out. */
#ifndef S4D_CKPT_SAFETENSORS_H
#define S4D_CKPT_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/ckpt/element.h"

typedef struct s4d_safetensors s4d_safetensors;

/* A tensor in an open file. All pointers end with s4d_safetensors_close. */
typedef struct s4d_safetensors_info {
    const char *name, *type;    /* type: as the file calls it, "F32" */
    const s4d_element *element; /* NULL: a type that is not known */
    int rank;                   /* from 1; a shape [] is read as [1] */
    int64_t dim[S4D_MAX_RANK];  /* the first of them */
    int64_t count;              /* elements */
    uint64_t offset;            /* of its numbers in the file */
    size_t bytes;               /* of them: little-endian, row-major */
} s4d_safetensors_info;

/* The header is checked as a whole; numbers are read when they are asked for. Errors carry
 * S4D_FAILED. */
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

/* The elements as they stand in the file; `out` has room for info->bytes. */
s4d_status s4d_safetensors_read(const s4d_safetensors *st, const s4d_safetensors_info *info,
                                void *out, s4d_err *err);
/* The same as floats. S4D_FAILED as well: no floating-point numbers, or not `count` of them. */
s4d_status s4d_safetensors_read_floats(const s4d_safetensors *st, const s4d_safetensors_info *info,
                                       float *out, size_t count, s4d_err *err);

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
