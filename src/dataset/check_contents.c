/* Which files hold the same bytes. Only those of one size can: the others are not read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "dataset/check_private.h"
#include "s4d/base/fault.h"
#include "s4d/base/mem.h"

enum { PIECE = 1 << 18 };

typedef struct scratch {
    const s4d_store *store;
    XXH3_state_t *state;
    unsigned char piece[PIECE];
} scratch;

static s4d_status hash_member(const scratch *s, const char *path, s4d_err *err)
{
    s4d_store_view view;
    s4d_status status = s4d_store_read(s->store, path, 0, &view, err);
    if (status == S4D_OK) {
        XXH3_128bits_update(s->state, view.data, view.size);
    }
    s4d_store_view_release(&view);
    return status;
}

static s4d_status hash_file(scratch *s, const char *path, s4d_err *err)
{
    if (s->store) {
        return hash_member(s, path, err);
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? -1 : 1;
    while (n > 0) {
        n = s4d_fault_hit(S4D_FAULT_READ) ? (errno = EIO, -1) : read(file, s->piece, PIECE);
        if (n > 0) {
            XXH3_128bits_update(s->state, s->piece, (size_t)n);
        } else if (n < 0 && errno == EINTR) {
            n = 1;
        }
    }
    int reason = errno;
    if (file >= 0) {
        close(file);
    }
    return n == 0 ? S4D_OK : s4d_err_set(err, S4D_FAILED, "%s: cannot be read: %s", path, strerror(reason));
}

/* The frames in their order, each with a mark behind it; their names do not count. */
static s4d_status hash_folder(scratch *s, const char *path, s4d_err *err)
{
    static const unsigned char mark[8] = {'f', 'r', 'a', 'm', 'e', 0xFF, 0, 0xFF};
    s4d_strlist name = {0};
    s4d_status status = check_pictures(s->store, path, &name, err);
    for (size_t i = 0; i < name.count && status == S4D_OK; i++) {
        char frame[S4D_PATH_MAX];
        status = s4d_path_join(frame, path, name.item[i], err);
        if (status == S4D_OK) {
            status = hash_file(s, frame, err);
        }
        XXH3_128bits_update(s->state, mark, sizeof mark);
    }
    s4d_strlist_release(&name);
    return status;
}

static s4d_status hash_entry(check *c, size_t item, void *arg, s4d_err *err)
{
    scratch *s = arg;
    check_entry *e = &c->entry[c->candidate[item]];
    char path[S4D_PATH_MAX];
    s4d_err why = {0};
    s4d_status status = s4d_path_join(path, c->report->root, check_row(c, e)->path, &why);
    XXH3_128bits_reset(s->state);
    s->store = c->store;
    if (status == S4D_OK) {
        status = e->kind == ENTRY_FOLDER ? hash_folder(s, path, &why) : hash_file(s, path, &why);
    }
    if (status != S4D_OK) {
        return check_trouble(e, why.text, err);
    }
    XXH128_hash_t sum = XXH3_128bits_digest(s->state);
    e->hash[0] = sum.high64;
    e->hash[1] = sum.low64;
    e->hashed = true;
    return S4D_OK;
}

static void free_scratch(void *arg)
{
    scratch *s = arg;
    XXH3_freeState(s->state);
    s4d_mem_free(s);
}

static void *make_scratch(void)
{
    scratch *s = s4d_mem_alloc(1, sizeof *s);
    if (s && !(s->state = XXH3_createState())) {
        s4d_mem_free(s);
        s = NULL;
    }
    return s;
}

/* ---- which may be equal ---- */

static int by_size(const void *a, const void *b, void *entries)
{
    const check_entry *x = (const check_entry *)entries + *(const uint32_t *)a;
    const check_entry *y = (const check_entry *)entries + *(const uint32_t *)b;
    int folder = (x->kind == ENTRY_FOLDER) - (y->kind == ENTRY_FOLDER);
    if (folder != 0) {
        return folder;
    }
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? -1 : 1;
    }
    return x->kind == ENTRY_FOLDER ? (x->frames > y->frames) - (x->frames < y->frames) : 0;
}

s4d_status check_contents(check *c, s4d_err *err)
{
    static const check_task task = {"contents", hash_entry, make_scratch, free_scratch};
    size_t n = 0, kept = 0;
    uint32_t *sized = s4d_mem_alloc(c->entries, sizeof *sized);
    c->candidate = s4d_mem_alloc(c->entries, sizeof *c->candidate);
    if (!sized || !c->candidate) {
        s4d_mem_free(sized);
        return s4d_err_memory(err, c->entries * sizeof *sized, "a list of files");
    }
    for (size_t i = 0; i < c->entries; i++) {
        const check_entry *e = &c->entry[i];
        if (e->leader == i && e->kind != ENTRY_MISSING && !check_why(e)) {
            sized[n++] = (uint32_t)i;
        }
    }
    qsort_r(sized, n, sizeof *sized, by_size, c->entry);
    for (size_t i = 0; i < n; i++) {
        bool twin = (i > 0 && by_size(&sized[i - 1], &sized[i], c->entry) == 0) ||
                    (i + 1 < n && by_size(&sized[i + 1], &sized[i], c->entry) == 0);
        if (twin) {
            c->candidate[kept++] = sized[i];
        }
    }
    c->candidates = kept;
    s4d_mem_free(sized);
    return kept > 0 ? check_parallel(c, &task, kept, err) : S4D_OK;
}

/* ---- which are ---- */

static int by_hash(const void *a, const void *b, void *entries)
{
    const check_entry *x = (const check_entry *)entries + *(const uint32_t *)a;
    const check_entry *y = (const check_entry *)entries + *(const uint32_t *)b;
    int kind = (x->kind == ENTRY_FOLDER) - (y->kind == ENTRY_FOLDER);
    if (kind != 0 || (x->hash[0] == y->hash[0] && x->hash[1] == y->hash[1] && x->bytes == y->bytes)) {
        return kind;
    }
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? -1 : 1;
    }
    return x->hash[0] != y->hash[0] ? (x->hash[0] < y->hash[0] ? -1 : 1) : x->hash[1] < y->hash[1] ? -1 : 1;
}

void check_sort_contents(check *c)
{
    size_t hashed = 0;
    for (size_t i = 0; i < c->candidates; i++) {
        if (c->entry[c->candidate[i]].hashed) {
            c->candidate[hashed++] = c->candidate[i];
        }
    }
    c->candidates = hashed;
    if (hashed > 1) {
        qsort_r(c->candidate, hashed, sizeof *c->candidate, by_hash, c->entry);
    }
}

bool check_equal(const check *c, size_t candidate, size_t other)
{
    return by_hash(&c->candidate[candidate], &c->candidate[other], c->entry) == 0;
}
