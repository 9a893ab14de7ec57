/* An open file of tensors, as file*.c, folder.c and shards.c share it. Private to src/ckpt. */
#ifndef S4D_CKPT_FILE_PRIVATE_H
#define S4D_CKPT_FILE_PRIVATE_H

#include "ckpt/top.h"
#include "ckpt/torch.h"
#include "s4d/base/json.h"
#include "s4d/ckpt/file.h"
#include "s4d/ckpt/safetensors.h"

/* One file: the whole, or a shard. */
typedef struct s4d_ckpt_part {
    char *path;
    s4d_ckpt_kind kind;
    s4d_safetensors *st;
    s4d_torch torch;
    uint64_t size; /* bytes */
} s4d_ckpt_part;

/* Where a tensor's numbers are: its place in the part's st, or its view in torch.pickle. */
typedef struct s4d_ckpt_source {
    size_t part, index;
} s4d_ckpt_source;

struct s4d_ckpt {
    char *path; /* of the file, or of the list of shards */
    s4d_ckpt_part *part;
    size_t parts;
    s4d_json *map; /* of shards: weight_map's document; NULL: one file */
    s4d_top top;
    s4d_strlist names; /* PyTorch's: copies with an end */
    s4d_ckpt_tensor *tensor;
    s4d_ckpt_source *source; /* of each tensor */
    size_t count, room;
    s4d_ckpt_tensor **by_name;
    s4d_ckpt_note *note;
    size_t notes, note_room;
    size_t looked; /* entries of PyTorch's dicts that were looked at */
};

s4d_status s4d_ckpt_add(s4d_ckpt *f, const s4d_ckpt_tensor *t, s4d_ckpt_source source,
                        s4d_err *err);
s4d_status s4d_ckpt_add_note(s4d_ckpt *f, const char *key, const char *value,
                             s4d_err *err); /* copied */
/* The tensors and notes of part `number`, which is PyTorch's and open. */
s4d_status s4d_ckpt_take_torch(s4d_ckpt *f, size_t number, const s4d_ckpt_opts *opts, s4d_err *err);
s4d_status s4d_ckpt_read_torch(s4d_torch *torch, size_t view, unsigned char *out, s4d_err *err);

/* The weights that a path stands for, which may be a folder: a file, or the list of shards
 * (folder.c). */
s4d_status s4d_ckpt_find_weights(const char *path, char out[S4D_PATH_MAX], s4d_err *err);

/* ---- shards.c ---- */

enum { S4D_SHARDS_MAX = 256 };

/* Of a file whose name says that it is one of several: the list of all beside it; "" otherwise.
 * S4D_FAILED: it is one, and there is no list. */
s4d_status s4d_shards_list_of(const char *path, char out[S4D_PATH_MAX], s4d_err *err);
/* The list: f->map, and a part with its path for each file that it names. f->path is its path. */
s4d_status s4d_shards_read(s4d_ckpt *f, s4d_err *err);
/* After all parts are taken: each tensor once, by weight_map where two shards have it, and none
 * missing. */
s4d_status s4d_shards_check(s4d_ckpt *f, s4d_err *err);

#endif
