/* Packs: the pictures, videos and frames of a set in a few large files, and the store, which looks a set's paths up in
 * a pack or in a plain folder. s4d/dataset/pack.h makes packs; data/README.md tells users of them.
 *
 * A pack is a folder: shard-00000.s4dpack, shard-00001.s4dpack, ... with the bytes of the members, index.s4dpack that
 * tells where each lies, and manifest.csv, the set's manifest as it was. All numbers are little-endian.
 *
 * shard:  "S4DPACKS", u32 version, u32 number of the shard, 48 zero bytes; then members, each at a multiple of 64, zeros
 *         between them. The file ends with the last member.
 * index:  "S4DPACKI", u32 version, u32 shards S, u64 members M, u64 bytes of the settings J, u64 bytes of the names N,
 *         24 zero bytes;
 *         settings: strict JSON, filled up with zeros to a multiple of 8 (J does not count them):
 *           {"encoding": "original"}, {"encoding": "jpeg", "side": 128, "filter": "bilinear", "quality": 90} or
 *           {"encoding": "png", "side": 128, "filter": "bilinear"};
 *         S x u64: bytes of each shard;
 *         M x {u64 place of its name, u32 bytes of its name, u32 shard, u64 offset, u64 size, u64 XXH3-64 of its bytes},
 *         rising by name, which is compared byte by byte;
 *         N bytes: the names, each with a zero behind it;
 *         u64: XXH3-64 of all before.
 *
 * A member's name is its path in the manifest in s4d_pack_name's form; the frames of a folder stand below "path/". */
#ifndef S4D_DATA_PACK_H
#define S4D_DATA_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/file.h"

#define S4D_PACK_INDEX "index.s4dpack"
#define S4D_PACK_SHARD "shard-%05u.s4dpack"
#define S4D_PACK_MANIFEST "manifest.csv"
#define S4D_PACK_INDEX_MAGIC "S4DPACKI"
#define S4D_PACK_SHARD_MAGIC "S4DPACKS"

enum {
    S4D_PACK_VERSION = 1,
    S4D_PACK_HEAD = 64,   /* bytes before the first member of a shard, and before the settings of an index */
    S4D_PACK_ALIGN = 64,
    S4D_PACK_RECORD = 40, /* bytes of the index for a member, its name aside */
    S4D_PACK_SHARDS_MAX = 100000
};

typedef enum s4d_pack_encoding {
    S4D_PACK_ORIGINAL, /* every file's bytes as they were */
    S4D_PACK_JPEG,     /* brought to side x side by Pillow's bilinear and encoded anew */
    S4D_PACK_PNG
} s4d_pack_encoding;

typedef struct s4d_pack_settings {
    s4d_pack_encoding encoding;
    int side;    /* of JPEG and PNG */
    int quality; /* of JPEG, 1..100 */
} s4d_pack_settings;

const char *s4d_pack_encoding_name(s4d_pack_encoding encoding); /* "original", "jpeg", "png" */

/* The name that a path of a manifest has in a pack: without "." parts, doubled slashes and one at the end. */
s4d_status s4d_pack_name(char out[S4D_PATH_MAX], const char *path, s4d_err *err);

/* ---- the store ---- */

/* Where the paths of a set are looked up. NULL is a store too: the plain files of the file system. Paths are those that
 * s4d_path_join makes of the root and a path of the list. Reading is safe from several threads. */
typedef struct s4d_store s4d_store;

/* A root that holds index.s4dpack is a pack: its index and the sizes of its shards are checked in full. Any other root
 * gives NULL. S4D_FAILED names the file, what is wrong with it and, where one is lost, a member. */
s4d_status s4d_store_open(const char *root, s4d_store **out, s4d_err *err);
void s4d_store_close(s4d_store **store); /* NULL accepted */
/* NULL for plain files. */
const s4d_pack_settings *s4d_store_settings(const s4d_store *store);

typedef enum s4d_store_kind { S4D_STORE_NOTHING, S4D_STORE_FILE, S4D_STORE_FOLDER } s4d_store_kind;
/* What stands at a path. size, where not NULL: a file's bytes, else 0. */
s4d_store_kind s4d_store_look(const s4d_store *store, const char *path, uint64_t *size);
/* Names in a folder as s4d_dir_list gives them. */
s4d_status s4d_store_list(const s4d_store *store, const char *path, s4d_strlist *out, s4d_err *err);

/* A file's bytes, its own copy: what happens to the file meanwhile cannot reach them. */
typedef struct s4d_store_view {
    const uint8_t *data;
    size_t size;
    s4d_bytes own;
} s4d_store_view;
/* Sentences begin with the path. More than `limit` bytes (0: any number) are an error. A member's checksum is checked
 * each time. */
s4d_status s4d_store_read(const s4d_store *store, const char *path, size_t limit, s4d_store_view *out, s4d_err *err);
void s4d_store_view_release(s4d_store_view *view);

/* A file that is read piece by piece, such as a video: zeroed = closed. */
typedef struct s4d_store_file {
    const s4d_store *store;
    size_t member;  /* of a pack */
    int fd;
    bool own;       /* fd is closed with it */
    uint64_t base;  /* where it begins in fd */
    uint64_t size;
} s4d_store_file;
/* A regular file that is not empty. A member's checksum is checked when it is first opened. Sentences come without the path. */
s4d_status s4d_store_file_open(const s4d_store *store, const char *path, s4d_store_file *out, s4d_err *err);
/* Bytes at..at+n-1, all of which lie inside. That they are gone, or cannot be read, is a sentence. */
s4d_status s4d_store_file_read(const s4d_store_file *file, uint64_t at, void *to, size_t n, s4d_err *err);
void s4d_store_file_close(s4d_store_file *file);

/* ---- numbers in files ---- */

static inline uint64_t s4d_pack_get(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
        value = value << 8 | at[i];
    }
    return value;
}

static inline void s4d_pack_put(uint8_t *at, int bytes, uint64_t value)
{
    for (int i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

#endif
