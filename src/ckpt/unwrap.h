/* The tensors of a file by what their names say of the model, without what wrappers put before
 * them: "module.", "_orig_mod.", "model.", ... Private to src/ckpt. */
#ifndef S4D_CKPT_UNWRAP_H
#define S4D_CKPT_UNWRAP_H

#include "s4d/ckpt/file.h"

typedef struct s4d_unwrapped {
    const char *name; /* within the wrapper */
    const s4d_ckpt_tensor *tensor;
} s4d_unwrapped;

typedef struct s4d_unwrap {
    char prefix[S4D_PATH_MAX]; /* what was taken off, "" for nothing */
    s4d_unwrapped *item;       /* in order of their names */
    size_t count;
    char **name; /* of each tensor of the file: within the wrapper, or NULL: outside */
    size_t names;
} s4d_unwrap;

/* strip: what is taken off first, or NULL. S4D_FAILED: several models, or one under words that are
 * no known wrapper's; S4D_USAGE: no name begins with strip. */
s4d_status s4d_unwrap_make(s4d_unwrap *out, const s4d_ckpt *file, const char *strip, s4d_err *err);
void s4d_unwrap_release(s4d_unwrap *u);

const s4d_ckpt_tensor *s4d_unwrap_find(const s4d_unwrap *u, const char *name); /* NULL: absent */
bool s4d_unwrap_any(const s4d_unwrap *u, const char *head); /* whether a name begins so */
/* The name within, of a tensor of the file; NULL: it is outside of the wrapper. */
const char *s4d_unwrap_name(const s4d_unwrap *u, const s4d_ckpt *file, const s4d_ckpt_tensor *t);

/* A family of transformers' models by the word that its names begin with; *why NULL: one that is
 * read. NULL: no such word. */
const char *s4d_family_of(const char *word, size_t size, const char **why);

#endif
