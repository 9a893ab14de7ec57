/* A reader of pickle streams that executes nothing: it builds numbers, strings, lists, dicts and
 * tensors, and a placeholder for everything else. Private to src/ckpt. */
#ifndef S4D_CKPT_PICKLE_H
#define S4D_CKPT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/ckpt/element.h"

typedef enum s4d_pickle_kind {
    S4D_PICKLE_NONE,
    S4D_PICKLE_BOOL,
    S4D_PICKLE_INT,
    S4D_PICKLE_FLOAT,
    S4D_PICKLE_TEXT, /* strings, bytes: where they stand in the stream */
    S4D_PICKLE_LIST, /* lists, sets */
    S4D_PICKLE_TUPLE,
    S4D_PICKLE_DICT,   /* item: key, value, key, value, ... */
    S4D_PICKLE_GLOBAL, /* a class or function by name; never looked up */
    S4D_PICKLE_STORAGE,
    S4D_PICKLE_TENSOR,
    S4D_PICKLE_OPAQUE /* what a class that is not known would have made; text and name: of which */
} s4d_pickle_kind;

/* Bytes of the stream, which must outlive the reader; no NUL follows. */
typedef struct s4d_slice {
    const char *at;
    size_t size;
} s4d_slice;
bool s4d_slice_is(s4d_slice s, const char *text);

typedef struct s4d_pickle_node s4d_pickle_node;
struct s4d_pickle_node {
    s4d_pickle_kind kind;
    int depth; /* of nesting below a list, tuple or dict */
    union {
        int64_t integer; /* INT, BOOL */
        double number;
        struct {
            s4d_slice text, name; /* TEXT: text; GLOBAL, OPAQUE: module and name */
        };
        struct {
            s4d_pickle_node **item;
            size_t count, room;
        };
        size_t index; /* STORAGE, TENSOR: among the reader's */
    };
};

/* Elements in the file, told apart by key. */
typedef struct s4d_storage {
    s4d_slice key, type;        /* type: "FloatStorage" */
    const s4d_element *element; /* NULL: bytes of any type, or one that is not known */
    int size;                   /* bytes of an element; 0: not known */
    int64_t count;
} s4d_storage;

enum { S4D_NO_STORAGE = -1 };

/* A view of a storage; offset and strides in elements, and within it. */
typedef struct s4d_storage_view {
    int64_t storage;            /* S4D_NO_STORAGE: a tensor without numbers */
    const s4d_element *element; /* NULL: a type that is not known */
    s4d_slice type;             /* as the file calls it */
    bool negated;               /* its numbers stand with the other sign */
    int rank;                   /* from 1; a shape () is [1] */
    int64_t offset, count, dim[S4D_MAX_RANK], stride[S4D_MAX_RANK]; /* the first of them */
} s4d_storage_view;

enum { S4D_PICKLE_CHUNK = 512 };
typedef struct s4d_pickle_chunk s4d_pickle_chunk;

/* What the pickles of one file make together. Zeroed but for path = ready. */
typedef struct s4d_pickle {
    const char *path; /* begins every sentence */
    s4d_pickle_chunk *chunk;
    size_t nodes, items; /* made so far: things; places in lists, tuples and dicts */
    s4d_storage *storage;
    size_t storages, storage_room;
    uint32_t *slot; /* a hash of the keys: index + 1 */
    size_t slots;
    s4d_storage_view *view;
    size_t views, view_room;
    /* of the pickle that is being read: */
    const unsigned char *begin, *at, *end;
    s4d_pickle_node **stack, **memo;
    size_t depth, stack_room, memo_count, memo_room;
    size_t mark[64];
    int marks;
} s4d_pickle;

/* Reads one pickle from *at; *at is behind it then. *root stays with the reader. Errors are
 * S4D_FAILED. */
s4d_status s4d_pickle_read(s4d_pickle *p, const unsigned char **at, const unsigned char *end,
                           s4d_pickle_node **root, s4d_err *err);
void s4d_pickle_release(s4d_pickle *p);

/* The value of a text key in a DICT; NULL: absent. */
const s4d_pickle_node *s4d_pickle_find(const s4d_pickle_node *dict, const char *key);
/* The storage with that key; NULL: there is none. */
s4d_storage *s4d_pickle_find_storage(const s4d_pickle *p, s4d_slice key);
/* "a list of 3", "an object of argparse.Namespace", "37"; always ended and printable. */
void s4d_pickle_describe(const s4d_pickle_node *node, char *text, size_t size);

/* "PATH: its pickle WHAT, at byte N; REMEDY". */
s4d_status s4d_pickle_broken(const s4d_pickle *p, s4d_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- between pickle.c, pickle_node.c, pickle_call.c and pickle_tensor.c ---- */

s4d_pickle_node *s4d_pickle_node_new(s4d_pickle *p, s4d_pickle_kind kind, s4d_err *err);
s4d_status s4d_pickle_append(s4d_pickle *p, s4d_pickle_node *to, s4d_pickle_node *item,
                             s4d_err *err);
/* callable(args): the tensors and containers that are known by name, else a placeholder. */
s4d_status s4d_pickle_call(s4d_pickle *p, const s4d_pickle_node *callable,
                           const s4d_pickle_node *args, s4d_pickle_node **out, s4d_err *err);
/* The storage of a persistent id. */
s4d_status s4d_pickle_storage(s4d_pickle *p, const s4d_pickle_node *id, s4d_pickle_node **out,
                              s4d_err *err);
/* (storage, offset, shape, strides, requires_grad, hooks[, dtype][, marks]); dtype: whether it is
 * among them. */
s4d_status s4d_pickle_tensor(s4d_pickle *p, const s4d_pickle_node *args, bool dtype,
                             s4d_pickle_node **out, s4d_err *err);
/* (dtype, shape, ...): no numbers. */
s4d_status s4d_pickle_hollow_tensor(s4d_pickle *p, const s4d_pickle_node *args,
                                    s4d_pickle_node **out, s4d_err *err);

#endif
