/* An opened pack: its index in memory, its shards mapped. store.c stands above it. Private to data. */
#ifndef S4D_DATA_PACK_READ_H
#define S4D_DATA_PACK_READ_H

#include <stdatomic.h>

#include "s4d/data/pack.h"

typedef struct s4d_pack_shard {
    const uint8_t *data; /* [size] mapped */
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
    _Atomic unsigned char *sound; /* [members] whether the checksum was found right */
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
/* The bytes of member i. Sentences begin with the shard. */
s4d_status s4d_pack_bytes(const s4d_pack *p, size_t i, const uint8_t **data, s4d_err *err);

#endif
