/* Shared by the files that make a pack. Private to dataset. */
#ifndef S4D_DATASET_PACK_PRIVATE_H
#define S4D_DATASET_PACK_PRIVATE_H

#include "s4d/data/image.h"
#include "s4d/dataset/pack.h"

/* ---- pack_list.c: which files go in ---- */

typedef struct pack_file {
    char *path; /* below the root, as it is opened */
    char *name; /* s4d_pack_name */
    long line;  /* of the manifest, the first that names it */
    bool cut;   /* some line names a part of it */
    uint64_t size;
} pack_file;

typedef struct pack_list {
    pack_file *file;
    size_t count, room;
} pack_list;

/* The files that a manifest names and the pictures in its folders, in the manifest's order, each once. */
s4d_status pack_list_read(const s4d_pack_opts *o, const s4d_store *store, pack_list *out, s4d_err *err);
void pack_list_release(pack_list *list);

/* ---- pack_load.c: a file into members ---- */

typedef struct pack_member {
    char *name;
    s4d_store_view view; /* the file's own bytes, or */
    s4d_str encoded;     /* new ones */
} pack_member;

/* A file too large to be held in memory has no members here: it is copied piece by piece. */
typedef struct pack_load {
    pack_member *member;
    size_t count, room;
    s4d_image image, resized; /* kept from file to file */
} pack_load;

bool pack_load_is_large(const pack_file *file, const s4d_pack_settings *settings);
s4d_status pack_load_file(pack_load *l, const s4d_store *store, const pack_file *file, const s4d_pack_settings *settings,
                          s4d_err *err);
void pack_load_clear(pack_load *l); /* forgets the members */
void pack_load_release(pack_load *l);

/* ---- pack_write.c: members into shards and index ---- */

typedef struct pack_writer pack_writer;

s4d_status pack_writer_create(const char *folder, uint64_t shard_bytes, pack_writer **out, s4d_err *err);
/* A member whole, or begun, put piece by piece and ended. */
s4d_status pack_writer_add(pack_writer *w, const char *name, const void *data, size_t size, s4d_err *err);
s4d_status pack_writer_begin(pack_writer *w, const char *name, uint64_t size, s4d_err *err);
s4d_status pack_writer_put(pack_writer *w, const void *data, size_t size, s4d_err *err);
s4d_status pack_writer_end(pack_writer *w, s4d_err *err); /* the sizes put must add up */
/* Writes the index. */
s4d_status pack_writer_finish(pack_writer *w, const s4d_pack_settings *settings, s4d_err *err);
void pack_writer_destroy(pack_writer **w); /* NULL accepted; a shard that is not whole is removed */
uint64_t pack_writer_bytes(const pack_writer *w);
size_t pack_writer_members(const pack_writer *w);
size_t pack_writer_shards(const pack_writer *w);

/* ---- pack_copy.c: the list into the writer ---- */

s4d_status pack_copy(const s4d_pack_opts *o, const s4d_store *store, const pack_list *list, pack_writer *w, s4d_err *err);

#endif
