/* An open file of tensors, as file.c and file_torch.c share it. Private to src/ckpt. */
#ifndef S4D_CKPT_FILE_PRIVATE_H
#define S4D_CKPT_FILE_PRIVATE_H

#include "ckpt/torch.h"
#include "s4d/base/str.h"
#include "s4d/ckpt/file.h"
#include "s4d/ckpt/safetensors.h"

struct s4d_ckpt {
    char *path;
    char *beside; /* config.json, or NULL */
    s4d_ckpt_kind kind;
    s4d_safetensors *st;
    s4d_torch torch;
    const char *top;
    s4d_strlist names; /* PyTorch's: copies with an end */
    s4d_ckpt_tensor *tensor;
    size_t *source; /* of each tensor: its place in st, or its view in torch.pickle */
    size_t count, room;
    s4d_ckpt_tensor **by_name;
    s4d_ckpt_note *note;
    size_t notes, note_room;
    size_t looked; /* entries of PyTorch's dicts that were looked at */
};

s4d_status s4d_ckpt_add(s4d_ckpt *f, const s4d_ckpt_tensor *t, size_t source, s4d_err *err);
s4d_status s4d_ckpt_add_note(s4d_ckpt *f, const char *key, const char *value,
                             s4d_err *err); /* copied */
/* The tensors and notes of f->torch. */
s4d_status s4d_ckpt_take_torch(s4d_ckpt *f, s4d_err *err);

#endif
