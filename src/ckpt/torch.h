/* PyTorch's checkpoint files, both forms: the pickle that describes the tensors, and their
 * storages. Private to src/ckpt. */
#ifndef S4D_CKPT_TORCH_H
#define S4D_CKPT_TORCH_H

#include "ckpt/pickle.h"
#include "s4d/base/reader.h"

typedef struct s4d_zip_view s4d_zip_view;

typedef struct s4d_torch {
    const char *path;  /* the caller's */
    s4d_reader reader; /* this file's; closed with it */
    s4d_pickle pickle;
    s4d_pickle_node *root;
    unsigned char *text;  /* the pickles' bytes */
    unsigned char *cache; /* the storage read last */
    size_t cached;        /* its index + 1; 0: none */
    bool big_endian;      /* its numbers */
    /* zip: */
    struct zip *zip;
    s4d_zip_view *view; /* the file, as libzip reads it */
    char *prefix;       /* the folder within the archive, with its slash */
    /* older form: */
    uint64_t *at; /* where each storage begins in the file */
} s4d_torch;

/* t has path and an open reader. After a failure s4d_torch_close is due as well. */
s4d_status s4d_torch_open_zip(s4d_torch *t, s4d_err *err);
s4d_status s4d_torch_open_legacy(s4d_torch *t, s4d_err *err);
void s4d_torch_close(s4d_torch *t);

/* The elements of a storage as they stand in the file, aligned to nothing; good until the next
 * call. The size of its elements is known. */
s4d_status s4d_torch_storage(s4d_torch *t, size_t index, const unsigned char **data, s4d_err *err);

/* ---- between torch_zip.c and torch_legacy.c ---- */

s4d_status s4d_torch_zip_storage(s4d_torch *t, size_t index, s4d_err *err); /* into the cache */
void s4d_torch_zip_close(s4d_torch *t);

#endif
