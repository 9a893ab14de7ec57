/* An opened pack: its index in memory, its shards as files that are read from. Nothing is mapped, as a mapped file that
 * becomes shorter, or whose disk fails, ends the process that reads it. store.c stands above it. Private to data. */
#ifndef S4D_DATA_PACK_READ_H
#define S4D_DATA_PACK_READ_H

#include <stdatomic.h>

#include "s4d/data/pack.h"

typedef struct s4d_pack_shard {
    int fd; /* -1: opened anew each time, as a process may not hold any number of files */
    uint64_t size;
} s4d_pack_shard;

typedef struct s4d_pack {
    char root[S4D_PATH_MAX];
    s4d_bytes index;
    const uint8_t *record; /* [members] of S4D_PACK_RECORD bytes, in index */
    const char *names;     /* [name_bytes] */
    uint64_t name_bytes;
    size_t members, shards;
    s4d_pack_shard *shard; /* [shards] */
    _Atomic unsigned char *sound; /* [members] whether s4d_pack_open_member found the checksum right */
    s4d_pack_settings settings;
} s4d_pack;

typedef struct s4d_pack_member {
    const char *name;
    uint32_t shard;
    uint64_t offset, size, sum;
} s4d_pack_member;

/* Zeroed = closed. */
s4d_status s4d_pack_open(s4d_pack *p, const char *root, s4d_err *err);
void s4d_pack_close(s4d_pack *p);

s4d_pack_member s4d_pack_at(const s4d_pack *p, size_t i);
/* The first member whose name is not below `name`; members where there is none. */
size_t s4d_pack_from(const s4d_pack *p, const char *name);
/* Sentences of these begin with the shard. */
/* A copy of the bytes of member i, its checksum found right. */
s4d_status s4d_pack_bytes(const s4d_pack *p, size_t i, s4d_bytes *out, s4d_err *err);
/* The file that member i is in; *own: the caller closes it. The member's checksum is found right the first time. */
s4d_status s4d_pack_open_member(const s4d_pack *p, size_t i, int *fd, bool *own, s4d_err *err);
/* n bytes from `at` of the shard of member i on. */
s4d_status s4d_pack_read_at(const s4d_pack *p, size_t i, int fd, uint64_t at, void *to, size_t n, s4d_err *err);

#endif
