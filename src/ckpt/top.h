/* Which part of a PyTorch object is the model. Private to src/ckpt. */
#ifndef S4D_CKPT_TOP_H
#define S4D_CKPT_TOP_H

#include "ckpt/pickle.h"
#include "s4d/base/str.h"

enum { S4D_TOP_DEPTH = 6, S4D_TOP_MAX = 512 };

/* The dict of tensors that was chosen, and the containers on the way to it. */
typedef struct s4d_top {
    const s4d_pickle_node *model;
    size_t tensors;         /* in it */
    char path[S4D_TOP_MAX]; /* keys joined by dots; "": the object itself */
    s4d_strlist others;     /* "state_dict_ema (45 tensors)": what else it could have been */
} s4d_top;

/* keys 0: by the keys that are in use; else the way to it, each key exact or several joined by
 * dots. file: for sentences. S4D_FAILED: no tensors, or several models; S4D_USAGE: the keys lead to
 * no tensors. */
s4d_status s4d_top_choose(const s4d_pickle_node *root, const char *const *key, int keys,
                          const char *file, s4d_top *out, s4d_err *err);
size_t s4d_top_tensors(const s4d_pickle_node *dict); /* of its own, by text keys */
void s4d_top_release(s4d_top *top);

#endif
