/* A folder with a set, a manifest and the pack that is made of them. */
#ifndef S4D_TESTS_DATASET_PACK_FIXTURE_H
#define S4D_TESTS_DATASET_PACK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/dataset/pack.h"

typedef struct place {
    char dir[64], root[80], manifest[80], pack[80];
} place;

static const char *join(const char *dir, const char *name)
{
    static char path[4][S4D_PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static inline void write_bytes(const char *path, const void *data, size_t size)
{
    char parent[S4D_PATH_MAX];
    s4d_path_dir(parent, path);
    assert_int_equal(s4d_dir_make(parent, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(path, data, size, NULL), S4D_OK);
}

static inline void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

/* Bytes that are no file of any kind: nothing looks into what goes in as it is. */
static inline void write_noise(const char *path, size_t size, unsigned seed)
{
    unsigned char *data = malloc(size + 1);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (unsigned char)(seed >> 24);
    }
    write_bytes(path, data, size);
    free(data);
}

static inline int make(void **state)
{
    place *p = calloc(1, sizeof *p);
    s4d_log_set_level(S4D_LOG_SILENT);
    strcpy(p->dir, "/tmp/s4d-packmake-XXXXXX");
    if (!p || !mkdtemp(p->dir)) {
        return -1;
    }
    snprintf(p->root, sizeof p->root, "%s/set", p->dir);
    snprintf(p->manifest, sizeof p->manifest, "%s/list.csv", p->dir);
    snprintf(p->pack, sizeof p->pack, "%s/pack", p->dir);
    *state = p;
    return 0;
}

static inline int unmake(void **state)
{
    place *p = *state;
    int failed = s4d_dir_remove(p->dir, NULL) != S4D_OK;
    free(p);
    return failed;
}

static inline s4d_pack_opts opts_of(const place *p)
{
    return (s4d_pack_opts){.manifest = p->manifest, .root = p->root, .output = p->pack, .shard_mib = 1, .threads = 2};
}

static inline s4d_pack_report packed(const s4d_pack_opts *o)
{
    s4d_pack_report report;
    s4d_err err = {0};
    if (s4d_pack_make(o, &report, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_false(s4d_path_exists(join(o->output, "../pack.tmp")));
    return report;
}

static inline void refused(const s4d_pack_opts *o, s4d_status status, const char *words)
{
    s4d_pack_report report;
    s4d_err err = {0};
    char growing[S4D_PATH_MAX];
    snprintf(growing, sizeof growing, "%s.tmp", o->output);
    bool before = s4d_path_exists(growing);
    assert_int_equal(s4d_pack_make(o, &report, &err), status);
    if (!strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
    assert_int_equal(s4d_path_exists(growing), before);
}

static inline s4d_store *opened(const char *root)
{
    s4d_store *store = NULL;
    s4d_err err = {0};
    if (s4d_store_open(root, &store, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_non_null(store);
    return store;
}

/* A member has the bytes of the file of that name. */
static inline void same_bytes(const s4d_store *store, const char *pack, const char *root, const char *name)
{
    s4d_store_view a, b;
    s4d_err err = {0};
    if (s4d_store_read(store, join(pack, name), 0, &a, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(s4d_store_read(NULL, join(root, name), 0, &b, NULL), S4D_OK);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, b.size);
    s4d_store_view_release(&a);
    s4d_store_view_release(&b);
}

static inline void copy_fixture(const char *from, const char *to)
{
    s4d_bytes file;
    assert_int_equal(s4d_file_read(join(S4D_TESTS_DIR, from), 0, &file, NULL), S4D_OK);
    write_bytes(to, file.data, file.size);
    s4d_bytes_release(&file);
}

#endif
