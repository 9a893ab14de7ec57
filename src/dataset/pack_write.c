/* Members one behind the other into shards, then the index of where each lies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "dataset/pack_private.h"
#include "s4d/base/json.h"
#include "s4d/base/mem.h"

typedef struct record {
    char *name;
    uint32_t shard;
    uint64_t offset, size, sum;
} record;

struct pack_writer {
    char folder[S4D_PATH_MAX];
    uint64_t limit;     /* bytes of a shard */
    s4d_writer *file;   /* the shard that grows, or the index */
    XXH3_state_t *sum;  /* of the member that grows, or of the index */
    uint64_t used;      /* bytes of the shard that grows */
    uint64_t left;      /* bytes that the member still lacks */
    uint64_t total;     /* bytes of all shards */
    uint64_t *shard;    /* [shards] their bytes */
    size_t shards, shard_room;
    record *record;
    size_t records, record_room;
};

static s4d_status no_memory(const pack_writer *w, s4d_err *err)
{
    return s4d_err_memory(err, w->record_room * 2 * sizeof *w->record, "the index of a pack");
}

s4d_status pack_writer_create(const char *folder, uint64_t shard_bytes, pack_writer **out, s4d_err *err)
{
    s4d_status status = S4D_OK;
    pack_writer *w = s4d_mem_alloc(1, sizeof *w);
    *out = w;
    if (!w || !(w->sum = XXH3_createState())) {
        status = s4d_err_memory(err, sizeof *w, "writing a pack");
    } else {
        w->limit = shard_bytes;
        status = s4d_path_join(w->folder, "", folder, err);
    }
    if (status != S4D_OK) {
        pack_writer_destroy(out);
    }
    return status;
}

void pack_writer_destroy(pack_writer **writer)
{
    pack_writer *w = *writer;
    if (w) {
        s4d_writer_abort(&w->file);
        for (size_t i = 0; i < w->records; i++) {
            s4d_mem_free(w->record[i].name);
        }
        s4d_mem_free(w->record);
        s4d_mem_free(w->shard);
        XXH3_freeState(w->sum);
        s4d_mem_free(w);
    }
    *writer = NULL;
}

uint64_t pack_writer_bytes(const pack_writer *w)
{
    return w->total;
}

size_t pack_writer_members(const pack_writer *w)
{
    return w->records;
}

size_t pack_writer_shards(const pack_writer *w)
{
    return w->shards;
}

/* ---- shards ---- */

static s4d_status write_shard(pack_writer *w, const void *data, size_t size, s4d_err *err)
{
    w->used += size;
    w->total += size;
    return s4d_writer_write(w->file, data, size, err);
}

static s4d_status close_shard(pack_writer *w, s4d_err *err)
{
    if (!w->file) {
        return S4D_OK;
    }
    w->shard[w->shards - 1] = w->used;
    return s4d_writer_close(&w->file, err);
}

static s4d_status open_shard(pack_writer *w, s4d_err *err)
{
    char path[S4D_PATH_MAX], name[32];
    uint8_t head[S4D_PACK_HEAD] = S4D_PACK_SHARD_MAGIC;
    if (w->shards == S4D_PACK_SHARDS_MAX) {
        return s4d_err_set(err, S4D_FAILED, "%s: a pack has at most %d shards; make them larger with --shard-mib", w->folder,
                           S4D_PACK_SHARDS_MAX);
    }
    if (w->shards == w->shard_room) {
        size_t room = w->shard_room ? 2 * w->shard_room : 64;
        if (!s4d_mem_grow(&w->shard, w->shard_room, room, sizeof *w->shard)) {
            return no_memory(w, err);
        }
        w->shard_room = room;
    }
    snprintf(name, sizeof name, S4D_PACK_SHARD, (unsigned)w->shards);
    s4d_status status = s4d_path_join(path, w->folder, name, err);
    if (status == S4D_OK) {
        status = s4d_writer_create(path, &w->file, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    s4d_pack_put(head + 8, 4, S4D_PACK_VERSION);
    s4d_pack_put(head + 12, 4, w->shards++);
    w->used = 0;
    return write_shard(w, head, sizeof head, err);
}

static s4d_status add_record(pack_writer *w, const char *name, uint64_t size, s4d_err *err)
{
    if (w->records == w->record_room) {
        size_t room = w->record_room ? 2 * w->record_room : 1024;
        if (!s4d_mem_grow(&w->record, w->record_room, room, sizeof *w->record)) {
            return no_memory(w, err);
        }
        w->record_room = room;
    }
    char *copy = s4d_mem_strdup(name);
    if (!copy) {
        return no_memory(w, err);
    }
    w->record[w->records++] = (record){.name = copy, .shard = (uint32_t)(w->shards - 1), .offset = w->used, .size = size};
    return S4D_OK;
}

s4d_status pack_writer_begin(pack_writer *w, const char *name, uint64_t size, s4d_err *err)
{
    static const uint8_t zero[S4D_PACK_ALIGN];
    s4d_status status = S4D_OK;
    size_t fill = (S4D_PACK_ALIGN - w->used % S4D_PACK_ALIGN) % S4D_PACK_ALIGN;
    S4D_BUG_IF(w->left > 0);
    if (w->file && w->used > S4D_PACK_HEAD && (size > w->limit || w->used + fill > w->limit - size)) {
        status = close_shard(w, err);
    }
    if (status == S4D_OK && !w->file) {
        status = open_shard(w, err);
        fill = 0;
    }
    if (status == S4D_OK) {
        status = write_shard(w, zero, fill, err);
    }
    if (status == S4D_OK) {
        status = add_record(w, name, size, err);
    }
    w->left = status == S4D_OK ? size : 0;
    XXH3_64bits_reset(w->sum);
    return status;
}

s4d_status pack_writer_put(pack_writer *w, const void *data, size_t size, s4d_err *err)
{
    if (size > w->left) {
        return s4d_err_set(err, S4D_FAILED, "became longer while it was read; try again when nothing writes to it");
    }
    w->left -= size;
    XXH3_64bits_update(w->sum, data, size);
    return write_shard(w, data, size, err);
}

s4d_status pack_writer_end(pack_writer *w, s4d_err *err)
{
    if (w->left > 0) {
        return s4d_err_set(err, S4D_FAILED, "became shorter while it was read; try again when nothing writes to it");
    }
    w->record[w->records - 1].sum = XXH3_64bits_digest(w->sum);
    return S4D_OK;
}

s4d_status pack_writer_add(pack_writer *w, const char *name, const void *data, size_t size, s4d_err *err)
{
    s4d_status status = pack_writer_begin(w, name, size, err);
    if (status == S4D_OK) {
        status = pack_writer_put(w, data, size, err);
    }
    return status == S4D_OK ? pack_writer_end(w, err) : status;
}

/* ---- the index ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const record *)a)->name, ((const record *)b)->name);
}

static s4d_status write_index(pack_writer *w, const void *data, size_t size, s4d_err *err)
{
    XXH3_64bits_update(w->sum, data, size);
    return s4d_writer_write(w->file, data, size, err);
}

static void put_settings(const s4d_pack_settings *s, s4d_json_writer *json)
{
    s4d_json_open(json, '{');
    s4d_json_put_key(json, "encoding");
    s4d_json_put_string(json, s4d_pack_encoding_name(s->encoding));
    if (s->encoding != S4D_PACK_ORIGINAL) {
        s4d_json_put_key(json, "side");
        s4d_json_put_integer(json, s->side);
        s4d_json_put_key(json, "filter");
        s4d_json_put_string(json, "bilinear");
    }
    if (s->encoding == S4D_PACK_JPEG) {
        s4d_json_put_key(json, "quality");
        s4d_json_put_integer(json, s->quality);
    }
    s4d_json_close(json, '}');
}

/* Head and settings. */
static s4d_status write_head(pack_writer *w, const s4d_pack_settings *settings, s4d_err *err)
{
    static const uint8_t zero[8];
    uint8_t head[S4D_PACK_HEAD] = S4D_PACK_INDEX_MAGIC;
    uint64_t names = 0;
    s4d_json_writer json = {0};
    put_settings(settings, &json);
    for (size_t i = 0; i < w->records; i++) {
        names += strlen(w->record[i].name) + 1;
    }
    s4d_pack_put(head + 8, 4, S4D_PACK_VERSION);
    s4d_pack_put(head + 12, 4, w->shards);
    s4d_pack_put(head + 16, 8, w->records);
    s4d_pack_put(head + 24, 8, json.out.size);
    s4d_pack_put(head + 32, 8, names);
    s4d_status status = json.out.failed ? no_memory(w, err) : write_index(w, head, sizeof head, err);
    if (status == S4D_OK) {
        status = write_index(w, json.out.text, json.out.size, err);
    }
    if (status == S4D_OK) {
        status = write_index(w, zero, (8 - json.out.size % 8) % 8, err);
    }
    s4d_str_release(&json.out);
    return status;
}

/* Sizes of shards, records and names. */
static s4d_status write_tables(pack_writer *w, s4d_err *err)
{
    s4d_status status = S4D_OK;
    uint8_t bytes[S4D_PACK_RECORD];
    uint64_t place = 0;
    for (size_t i = 0; i < w->shards && status == S4D_OK; i++) {
        s4d_pack_put(bytes, 8, w->shard[i]);
        status = write_index(w, bytes, 8, err);
    }
    for (size_t i = 0; i < w->records && status == S4D_OK; i++) {
        const record *r = &w->record[i];
        size_t n = strlen(r->name);
        s4d_pack_put(bytes, 8, place);
        s4d_pack_put(bytes + 8, 4, n);
        s4d_pack_put(bytes + 12, 4, r->shard);
        s4d_pack_put(bytes + 16, 8, r->offset);
        s4d_pack_put(bytes + 24, 8, r->size);
        s4d_pack_put(bytes + 32, 8, r->sum);
        place += n + 1;
        status = write_index(w, bytes, sizeof bytes, err);
    }
    for (size_t i = 0; i < w->records && status == S4D_OK; i++) {
        status = write_index(w, w->record[i].name, strlen(w->record[i].name) + 1, err);
    }
    return status;
}

s4d_status pack_writer_finish(pack_writer *w, const s4d_pack_settings *settings, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    uint8_t sum[8];
    s4d_status status = close_shard(w, err);
    if (w->records > 0) {
        qsort(w->record, w->records, sizeof *w->record, by_name);
    }
    for (size_t i = 1; i < w->records && status == S4D_OK; i++) {
        if (strcmp(w->record[i - 1].name, w->record[i].name) == 0) {
            status = s4d_err_set(err, S4D_FAILED, "%s: \"%.400s\" is both a file and a frame of a video; rename one", w->folder,
                                 w->record[i].name);
        }
    }
    if (status == S4D_OK) {
        status = s4d_path_join(path, w->folder, S4D_PACK_INDEX, err);
    }
    if (status == S4D_OK) {
        status = s4d_writer_create(path, &w->file, err);
    }
    XXH3_64bits_reset(w->sum);
    if (status == S4D_OK) {
        status = write_head(w, settings, err);
    }
    if (status == S4D_OK) {
        status = write_tables(w, err);
    }
    if (status == S4D_OK) {
        s4d_pack_put(sum, 8, XXH3_64bits_digest(w->sum));
        status = s4d_writer_write(w->file, sum, sizeof sum, err);
    }
    return status == S4D_OK ? s4d_writer_close(&w->file, err) : status;
}
