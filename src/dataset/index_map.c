/* A map from text to a number, by open addressing. */
#include "dataset/index_job.h"

#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "s4d/base/mem.h"

typedef struct index_pair {
    const char *key; /* in the map's texts; NULL: free */
    uint64_t hash;
    long value;
} index_pair;

/* With a seed of this process, so that no list can be made whose names all meet in one place. */
static uint64_t hash_of(const char *key)
{
    static uint64_t seed;
    if (seed == 0 && getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
        seed = (uint64_t)(uintptr_t)&seed | 1;
    }
    return XXH3_64bits_withSeed(key, strlen(key), seed);
}

/* Where the key is or would be; the room is a power of two and never full. */
static index_pair *place_of(const index_map *m, const char *key, uint64_t hash)
{
    size_t i = (size_t)hash & (m->room - 1);
    while (m->pair[i].key && (m->pair[i].hash != hash || strcmp(m->pair[i].key, key) != 0)) {
        i = (i + 1) & (m->room - 1);
    }
    return &m->pair[i];
}

static bool grow(index_map *m)
{
    index_map larger = {.room = m->room ? 2 * m->room : 1024, .count = m->count, .texts = m->texts};
    larger.pair = s4d_mem_alloc(larger.room, sizeof *larger.pair);
    if (!larger.pair) {
        return false;
    }
    for (size_t i = 0; i < m->room; i++) {
        if (m->pair[i].key) {
            *place_of(&larger, m->pair[i].key, m->pair[i].hash) = m->pair[i];
        }
    }
    s4d_mem_free(m->pair);
    *m = larger;
    return true;
}

long index_map_get(const index_map *m, const char *key)
{
    if (m->count == 0) {
        return -1;
    }
    const index_pair *p = place_of(m, key, hash_of(key));
    return p->key ? p->value : -1;
}

const char *index_map_key(const index_map *m, const char *key)
{
    return m->count == 0 ? NULL : place_of(m, key, hash_of(key))->key;
}

bool index_map_put(index_map *m, const char *key, long value)
{
    if (2 * (m->count + 1) > m->room && !grow(m)) {
        return false;
    }
    uint64_t hash = hash_of(key);
    index_pair *p = place_of(m, key, hash);
    if (!p->key) {
        p->key = s4d_texts_add(&m->texts, key);
        if (!p->key) {
            return false;
        }
        p->hash = hash;
        m->count++;
    }
    p->value = value;
    return true;
}

void index_map_release(index_map *m)
{
    s4d_texts_release(&m->texts);
    s4d_mem_free(m->pair);
    *m = (index_map){0};
}
