/* Packs written by hand, after the description in s4d/data/pack.h alone. */
#ifndef S4D_TESTS_DATA_PACK_FIXTURE_H
#define S4D_TESTS_DATA_PACK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/data/pack.h"

typedef struct hand_member {
    const char *name;
    unsigned shard;
    const void *data;
    size_t size;
} hand_member;

/* The index is kept, so that tests can spoil it. */
typedef struct hand_pack {
    char root[64];
    s4d_str index, shard[2];
} hand_pack;

static inline void hand_number(s4d_str *to, int bytes, uint64_t value)
{
    for (int i = 0; i < bytes; i++) {
        s4d_str_add_bytes(to, &(unsigned char){(unsigned char)(value >> 8 * i)}, 1);
    }
}

static inline void hand_zeros(s4d_str *to, size_t multiple)
{
    while (to->size % multiple != 0) {
        s4d_str_add_bytes(to, "", 1);
    }
}

static inline const char *hand_path(const hand_pack *p, const char *name)
{
    static char path[4][S4D_PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", p->root, name);
    return path[turn];
}

/* Not by s4d_file_write: thousands of times waiting for the disk would take long. */
static inline void hand_write(const hand_pack *p, const char *name, const s4d_str *bytes)
{
    FILE *file = fopen(hand_path(p, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->text, 1, bytes->size, file), bytes->size);
    assert_int_equal(fclose(file), 0);
}

/* The checksum behind all else, made to agree. */
static inline void hand_sign(s4d_str *index)
{
    uint64_t sum = XXH3_64bits(index->text, index->size - 8);
    for (int i = 0; i < 8; i++) {
        index->text[index->size - 8 + (size_t)i] = (char)(sum >> 8 * i);
    }
}

/* Members stand in the order of their names, in shards 0 and 1. */
static inline void hand_make(hand_pack *p, const hand_member *member, size_t n, const char *settings)
{
    s4d_str records = {0}, names = {0};
    strcpy(p->root, "/tmp/s4d-pack-XXXXXX");
    assert_non_null(mkdtemp(p->root));
    for (unsigned k = 0; k < 2; k++) {
        s4d_str_add(&p->shard[k], "S4DPACKS");
        hand_number(&p->shard[k], 4, 1);
        hand_number(&p->shard[k], 4, k);
        hand_zeros(&p->shard[k], 64);
    }
    for (size_t i = 0; i < n; i++) {
        s4d_str *shard = &p->shard[member[i].shard];
        hand_zeros(shard, 64);
        hand_number(&records, 8, names.size);
        hand_number(&records, 4, strlen(member[i].name));
        hand_number(&records, 4, member[i].shard);
        hand_number(&records, 8, shard->size);
        hand_number(&records, 8, member[i].size);
        hand_number(&records, 8, XXH3_64bits(member[i].data, member[i].size));
        s4d_str_add_bytes(&names, member[i].name, strlen(member[i].name) + 1);
        s4d_str_add_bytes(shard, member[i].data, member[i].size);
    }
    s4d_str_add(&p->index, "S4DPACKI");
    hand_number(&p->index, 4, 1);
    hand_number(&p->index, 4, 2);
    hand_number(&p->index, 8, n);
    hand_number(&p->index, 8, strlen(settings));
    hand_number(&p->index, 8, names.size);
    hand_zeros(&p->index, 64);
    s4d_str_add(&p->index, settings);
    hand_zeros(&p->index, 8);
    hand_number(&p->index, 8, p->shard[0].size);
    hand_number(&p->index, 8, p->shard[1].size);
    s4d_str_add_bytes(&p->index, records.text, records.size);
    s4d_str_add_bytes(&p->index, names.text, names.size);
    hand_number(&p->index, 8, 0);
    hand_sign(&p->index);
    hand_write(p, "index.s4dpack", &p->index);
    hand_write(p, "shard-00000.s4dpack", &p->shard[0]);
    hand_write(p, "shard-00001.s4dpack", &p->shard[1]);
    s4d_str_release(&records);
    s4d_str_release(&names);
}

static inline void hand_remove(hand_pack *p)
{
    s4d_str_release(&p->index);
    s4d_str_release(&p->shard[0]);
    s4d_str_release(&p->shard[1]);
    assert_int_equal(s4d_dir_remove(p->root, NULL), S4D_OK);
}

#endif
