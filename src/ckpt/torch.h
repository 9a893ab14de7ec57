/* PyTorch's checkpoint files, both forms: the pickle that describes the tensors, and their
 * storages. Private to src/ckpt. */
#ifndef S4D_CKPT_TORCH_H
#define S4D_CKPT_TORCH_H

#include "ckpt/map.h"
#include "ckpt/pickle.h"

typedef struct s4d_torch {
    const char *path; /* the caller's */
    s4d_map map;      /* this file's; closed with it */
    s4d_pickle pickle;
    s4d_pickle_node *root;
    /* zip: */
    struct zip *zip;
    char *prefix;         /* the folder within the archive, with its slash */
    unsigned char *text;  /* data.pkl */
    unsigned char *cache; /* the storage read last */
    size_t cached;        /* its index + 1; 0: none */
    /* older form: */
    const unsigned char **data; /* of each storage, within the map */
} s4d_torch;

/* t has path and map. After a failure s4d_torch_close is due as well. */
s4d_status s4d_torch_open_zip(s4d_torch *t, s4d_err *err);
s4d_status s4d_torch_open_legacy(s4d_torch *t, s4d_err *err);
void s4d_torch_close(s4d_torch *t);

/* Whether a file's first bytes are those of that form. */
bool s4d_torch_is_zip(const s4d_map *map);
bool s4d_torch_is_legacy(const s4d_map *map);

/* The elements of a storage, little-endian, aligned to nothing; good until the next call. */
s4d_status s4d_torch_storage(s4d_torch *t, size_t index, const unsigned char **data, s4d_err *err);
s4d_status s4d_torch_zip_storage(s4d_torch *t, size_t index, s4d_err *err); /* into the cache */
void s4d_torch_zip_close(s4d_torch *t);

#endif
