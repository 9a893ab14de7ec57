/* Opening a pack, every byte of its index distrusted, and giving out the bytes of its members. */
#include "data/pack_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "s4d/base/fault.h"
#include "s4d/base/json.h"
#include "s4d/base/mem.h"
#include "s4d/base/reader.h"

enum {
    KEPT_MAX = 128, /* shards of a pack that stay open; four packs stay below half of the usual limit of 1024 files */
    PIECE = 1 << 18
};

static const char AGAIN[] = "copy the pack again or make it anew with \"s4d data pack\"";

/* Where the parts of an index lie. */
typedef struct layout {
    uint64_t settings, settings_size, shards, shard_size, records, names;
} layout;

/* ---- the index ---- */

static s4d_status index_is_damaged(s4d_err *err, const char *what)
{
    return s4d_err_set(err, S4D_FAILED, "the index is damaged: %s; %s", what, AGAIN);
}

/* Checks all that can be known without looking into the parts: magic, version, lengths, checksum. */
static s4d_status lay_out(s4d_pack *p, layout *l, s4d_err *err)
{
    const uint8_t *at = p->index.data;
    uint64_t size = p->index.size, end;
    if (size < S4D_PACK_HEAD + 8 || memcmp(at, S4D_PACK_INDEX_MAGIC, 8) != 0) {
        return index_is_damaged(err, "its beginning is not that of an index");
    }
    if (s4d_pack_get(at + 8, 4) != S4D_PACK_VERSION) {
        return s4d_err_set(err, S4D_FAILED, "is of version %llu, and this s4d reads version %d; use the s4d that made it, or make it anew",
                           (unsigned long long)s4d_pack_get(at + 8, 4), S4D_PACK_VERSION);
    }
    uint64_t shards = s4d_pack_get(at + 12, 4), members = s4d_pack_get(at + 16, 8);
    l->settings = S4D_PACK_HEAD;
    l->settings_size = s4d_pack_get(at + 24, 8);
    p->name_bytes = s4d_pack_get(at + 32, 8);
    /* Each below the file's size, so that no sum below can pass 2^64. */
    if (shards > S4D_PACK_SHARDS_MAX || members > size / S4D_PACK_RECORD || l->settings_size > size || p->name_bytes > size) {
        return index_is_damaged(err, "it is shorter than it says");
    }
    l->shards = l->settings + (l->settings_size + 7) / 8 * 8;
    l->records = l->shards + 8 * shards;
    l->names = l->records + S4D_PACK_RECORD * members;
    end = l->names + p->name_bytes;
    if (end + 8 != size) {
        return index_is_damaged(err, end + 8 > size ? "it is shorter than it says" : "it is longer than it says");
    }
    if (XXH3_64bits(at, end) != s4d_pack_get(at + end, 8)) {
        return index_is_damaged(err, "its checksum is not that of its bytes");
    }
    p->shards = (size_t)shards;
    p->members = (size_t)members;
    p->record = at + l->records;
    p->names = (const char *)at + l->names;
    return S4D_OK;
}

static bool whole_number(const s4d_json *node, int low, int high, int *out)
{
    int64_t value;
    bool good = node && s4d_json_integer(node, &value) && value >= low && value <= high;
    *out = good ? (int)value : 0;
    return good;
}

static bool is_text(const s4d_json *node, const char *text)
{
    return node && s4d_json_kind_of(node) == S4D_JSON_STRING && strcmp(s4d_json_string(node), text) == 0;
}

static bool settings_known(const s4d_json *doc, s4d_pack_settings *s)
{
    static const size_t keys[] = {[S4D_PACK_ORIGINAL] = 1, [S4D_PACK_JPEG] = 4, [S4D_PACK_PNG] = 3};
    const s4d_json *encoding = s4d_json_find(doc, "encoding");
    for (int e = S4D_PACK_ORIGINAL; e <= S4D_PACK_PNG; e++) {
        if (!is_text(encoding, s4d_pack_encoding_name((s4d_pack_encoding)e)) || s4d_json_count(doc) != keys[e]) {
            continue;
        }
        s->encoding = (s4d_pack_encoding)e;
        return e == S4D_PACK_ORIGINAL ||
               (whole_number(s4d_json_find(doc, "side"), 1, 1 << 14, &s->side) &&
                is_text(s4d_json_find(doc, "filter"), "bilinear") &&
                (e == S4D_PACK_PNG || whole_number(s4d_json_find(doc, "quality"), 1, 100, &s->quality)));
    }
    return false;
}

static s4d_status read_settings(s4d_pack *p, const layout *l, s4d_err *err)
{
    s4d_json *doc = NULL;
    s4d_status status = s4d_json_parse((const char *)p->index.data + l->settings, l->settings_size, "settings", &doc, NULL);
    if (status != S4D_OK || s4d_json_kind_of(doc) != S4D_JSON_OBJECT || !settings_known(doc, &p->settings)) {
        status = index_is_damaged(err, "its settings are none that are known");
    }
    s4d_json_destroy(&doc);
    return status;
}

s4d_pack_member s4d_pack_at(const s4d_pack *p, size_t i)
{
    const uint8_t *at = p->record + i * S4D_PACK_RECORD;
    return (s4d_pack_member){.name = p->names + s4d_pack_get(at, 8),
                             .shard = (uint32_t)s4d_pack_get(at + 12, 4),
                             .offset = s4d_pack_get(at + 16, 8),
                             .size = s4d_pack_get(at + 24, 8),
                             .sum = s4d_pack_get(at + 32, 8)};
}

/* Whether a record's name lies in the index and is one text up to its end. */
static bool name_is_whole(const s4d_pack *p, size_t i)
{
    const uint8_t *at = p->record + i * S4D_PACK_RECORD;
    uint64_t place = s4d_pack_get(at, 8), n = s4d_pack_get(at + 8, 4);
    return n > 0 && n < S4D_PATH_MAX && place < p->name_bytes && n < p->name_bytes - place &&
           memchr(p->names + place, '\0', n + 1) == p->names + place + n;
}

static s4d_status check_members(const s4d_pack *p, s4d_err *err)
{
    const char *last = "";
    for (size_t i = 0; i < p->members; i++) {
        if (!name_is_whole(p, i)) {
            return index_is_damaged(err, "a member has no name");
        }
        s4d_pack_member m = s4d_pack_at(p, i);
        if (strcmp(last, m.name) >= 0) {
            return index_is_damaged(err, "its members are not in order");
        }
        if (m.shard >= p->shards || m.offset < S4D_PACK_HEAD || m.offset % S4D_PACK_ALIGN != 0 ||
            m.offset > p->shard[m.shard].size || m.size > p->shard[m.shard].size - m.offset) {
            return s4d_err_set(err, S4D_FAILED, "the index is damaged: \"%.400s\" lies outside of its shard; %s", m.name, AGAIN);
        }
        last = m.name;
    }
    return S4D_OK;
}

static s4d_status read_index(s4d_pack *p, s4d_err *err)
{
    layout l = {0};
    s4d_status status = lay_out(p, &l, err);
    if (status == S4D_OK) {
        status = read_settings(p, &l, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    p->shard = s4d_mem_alloc(p->shards + 1, sizeof *p->shard);
    p->sound = s4d_mem_alloc(p->members + 1, sizeof *p->sound);
    if (!p->shard || !p->sound) {
        return s4d_err_memory(err, p->members + p->shards * sizeof *p->shard, "the index of a pack");
    }
    for (size_t i = 0; i < p->shards; i++) {
        p->shard[i].fd = -1;
    }
    for (size_t i = 0; i < p->shards; i++) {
        p->shard[i].size = s4d_pack_get(p->index.data + l.shards + 8 * i, 8);
        if (p->shard[i].size < S4D_PACK_HEAD || p->shard[i].size > INT64_MAX) {
            return index_is_damaged(err, "a shard has no size");
        }
    }
    return check_members(p, err);
}

/* ---- the shards ---- */

static s4d_status shard_path(const s4d_pack *p, size_t shard, char path[S4D_PATH_MAX], s4d_err *err)
{
    char name[32];
    snprintf(name, sizeof name, S4D_PACK_SHARD, (unsigned)shard);
    return s4d_path_join(path, p->root, name, err);
}

/* Magic, version, number, and zeros up to the first member. */
static bool head_is_whole(const uint8_t head[S4D_PACK_HEAD], size_t shard)
{
    bool good = memcmp(head, S4D_PACK_SHARD_MAGIC, 8) == 0 && s4d_pack_get(head + 8, 4) == S4D_PACK_VERSION &&
                s4d_pack_get(head + 12, 4) == shard;
    for (size_t i = 16; i < S4D_PACK_HEAD && good; i++) {
        good = head[i] == 0;
    }
    return good;
}

/* A member that does not lie within the first `there` bytes of a shard. */
static const char *lost_member(const s4d_pack *p, size_t shard, uint64_t there)
{
    s4d_pack_member first = {.name = "no member", .offset = UINT64_MAX};
    for (size_t i = 0; i < p->members; i++) {
        s4d_pack_member m = s4d_pack_at(p, i);
        if (m.shard == shard && m.offset + m.size > there && m.offset < first.offset) {
            first = m;
        }
    }
    return first.name;
}

static s4d_status check_size(const s4d_pack *p, size_t shard, const char *path, const struct stat *about, s4d_err *err)
{
    uint64_t size = p->shard[shard].size;
    if (!S_ISREG(about->st_mode)) {
        return s4d_err_set(err, S4D_FAILED, "%s: is not a regular file; %s", path, AGAIN);
    }
    if ((uint64_t)about->st_size < size) {
        return s4d_err_set(err, S4D_FAILED, "%s: the shard is cut off: %lld of %llu bytes are there, and \"%.300s\" is not among them; %s",
                           path, (long long)about->st_size, (unsigned long long)size,
                           lost_member(p, shard, (uint64_t)about->st_size), AGAIN);
    }
    if ((uint64_t)about->st_size > size) {
        return s4d_err_set(err, S4D_FAILED, "%s: the shard has %lld bytes, but the index says %llu; %s", path,
                           (long long)about->st_size, (unsigned long long)size, AGAIN);
    }
    return S4D_OK;
}

static s4d_status check_shard(const s4d_pack *p, size_t shard, const char *path, int file, s4d_err *err)
{
    struct stat about;
    if (fstat(file, &about) != 0) {
        return s4d_err_system(err, errno, "%s: cannot be examined", path);
    }
    s4d_status status = check_size(p, shard, path, &about, err);
    if (status != S4D_OK) {
        return status;
    }
    uint8_t head[S4D_PACK_HEAD];
    ssize_t n = s4d_read_at(file, 0, head, sizeof head);
    if (n < 0) {
        return s4d_err_system(err, errno, "%s: cannot be read", path);
    }
    if (n < (ssize_t)sizeof head || !head_is_whole(head, shard)) {
        return s4d_err_set(err, S4D_FAILED, "%s: its beginning is not that of shard %zu; %s", path, shard, AGAIN);
    }
    return S4D_OK;
}

/* Opens and checks a shard; *out is -1 after a failure. */
static s4d_status open_shard(const s4d_pack *p, size_t shard, int *out, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    *out = -1;
    s4d_status status = shard_path(p, shard, path, err);
    if (status != S4D_OK) {
        return status;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* opening a pipe would wait */
    if (file < 0) {
        return errno == ENOENT
                   ? s4d_err_set(err, S4D_FAILED, "%s: the shard is missing, and \"%.300s\" with it; %s", path,
                                 lost_member(p, shard, 0), AGAIN)
                   : s4d_err_system(err, errno, "%s: cannot be opened", path);
    }
    status = check_shard(p, shard, path, file, err);
    if (status == S4D_OK) {
        *out = file;
    } else {
        close(file);
    }
    return status;
}

/* The shard's file: the one that is held open, or one that the caller closes. */
static s4d_status take_shard(const s4d_pack *p, size_t shard, int *fd, bool *own, s4d_err *err)
{
    *fd = p->shard[shard].fd;
    *own = *fd < 0;
    return *own ? open_shard(p, shard, fd, err) : S4D_OK;
}

/* ---- the pack ---- */

s4d_status s4d_pack_open(s4d_pack *p, const char *root, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    *p = (s4d_pack){0};
    s4d_status status = s4d_path_join(p->root, "", root, err);
    if (status == S4D_OK) {
        status = s4d_path_join(path, root, S4D_PACK_INDEX, err);
    }
    if (status == S4D_OK) {
        status = s4d_file_read(path, 0, &p->index, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    status = read_index(p, err);
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", path);
    }
    for (size_t i = 0; i < p->shards && status == S4D_OK; i++) {
        int fd;
        status = open_shard(p, i, &fd, err);
        if (status == S4D_OK && i < KEPT_MAX) {
            p->shard[i].fd = fd;
        } else if (status == S4D_OK) {
            close(fd);
        }
    }
    if (status != S4D_OK) {
        s4d_pack_close(p);
    }
    return status;
}

void s4d_pack_close(s4d_pack *p)
{
    for (size_t i = 0; p->shard && i < p->shards; i++) {
        if (p->shard[i].fd >= 0) {
            close(p->shard[i].fd);
        }
    }
    s4d_mem_free(p->shard);
    s4d_mem_free((void *)p->sound);
    s4d_bytes_release(&p->index);
    *p = (s4d_pack){0};
}

size_t s4d_pack_from(const s4d_pack *p, const char *name)
{
    size_t low = 0, high = p->members;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(s4d_pack_at(p, middle).name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- members ---- */

s4d_status s4d_pack_read_at(const s4d_pack *p, size_t i, int fd, uint64_t at, void *to, size_t n, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    struct stat about;
    s4d_pack_member m = s4d_pack_at(p, i);
    ssize_t got = s4d_read_at(fd, at, to, n);
    if (got == (ssize_t)n) {
        return S4D_OK;
    }
    int reason = errno;
    s4d_status status = shard_path(p, m.shard, path, err);
    if (status == S4D_OK && got < 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: \"%.300s\" cannot be read from it: %s; %s", path, m.name, strerror(reason), AGAIN);
    }
    if (status == S4D_OK && fstat(fd, &about) == 0) {
        status = check_size(p, m.shard, path, &about, err);
    }
    return status == S4D_OK ? s4d_err_set(err, S4D_FAILED, "%s: the end of \"%.300s\" could not be read; %s", path, m.name, AGAIN)
                            : status;
}

static s4d_status is_altered(const s4d_pack *p, const s4d_pack_member *m, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_status status = shard_path(p, m->shard, path, err);
    return status == S4D_OK
               ? s4d_err_set(err, S4D_FAILED, "%s: the bytes of \"%.300s\" were altered since they were packed (checksum); %s",
                             path, m->name, AGAIN)
               : status;
}

s4d_status s4d_pack_bytes(const s4d_pack *p, size_t i, s4d_bytes *out, s4d_err *err)
{
    s4d_pack_member m = s4d_pack_at(p, i);
    int fd;
    bool own;
    *out = (s4d_bytes){.size = (size_t)m.size};
    out->data = s4d_mem_alloc(out->size + 1, 1);
    if (!out->data) {
        *out = (s4d_bytes){0};
        return s4d_err_memory(err, m.size + 1, m.name);
    }
    s4d_status status = take_shard(p, m.shard, &fd, &own, err);
    if (status == S4D_OK) {
        status = s4d_pack_read_at(p, i, fd, m.offset, out->data, out->size, err);
    }
    if (status == S4D_OK && XXH3_64bits(out->data, out->size) != m.sum) {
        status = is_altered(p, &m, err);
    }
    if (own && fd >= 0) {
        close(fd);
    }
    if (status != S4D_OK) {
        s4d_bytes_release(out);
    }
    return status;
}

static s4d_status check_sum(const s4d_pack *p, size_t i, int fd, s4d_err *err)
{
    s4d_pack_member m = s4d_pack_at(p, i);
    XXH3_state_t *state = XXH3_createState();
    uint8_t *piece = s4d_mem_alloc(PIECE, 1);
    s4d_status status = state && piece ? S4D_OK : s4d_err_memory(err, PIECE, "checking a member of a pack");
    if (status == S4D_OK) {
        XXH3_64bits_reset(state);
    }
    for (uint64_t done = 0; status == S4D_OK && done < m.size; done += PIECE) {
        size_t n = m.size - done < PIECE ? (size_t)(m.size - done) : PIECE;
        status = s4d_pack_read_at(p, i, fd, m.offset + done, piece, n, err);
        if (status == S4D_OK) {
            XXH3_64bits_update(state, piece, n);
        }
    }
    if (status == S4D_OK && XXH3_64bits_digest(state) != m.sum) {
        status = is_altered(p, &m, err);
    }
    XXH3_freeState(state);
    s4d_mem_free(piece);
    return status;
}

s4d_status s4d_pack_open_member(const s4d_pack *p, size_t i, int *fd, bool *own, s4d_err *err)
{
    s4d_status status = take_shard(p, s4d_pack_at(p, i).shard, fd, own, err);
    if (status == S4D_OK && !atomic_load_explicit(&p->sound[i], memory_order_relaxed)) {
        status = check_sum(p, i, *fd, err);
        if (status == S4D_OK) {
            atomic_store_explicit(&p->sound[i], 1, memory_order_relaxed);
        } else if (*own) {
            close(*fd);
        }
    }
    return status;
}
