/* A pack of ten members in two shards, and what tests ask of it. */
#ifndef S4D_TESTS_DATA_PACK_MEMBERS_H
#define S4D_TESTS_DATA_PACK_MEMBERS_H

#include "data_pack_fixture.h"

static const char ORIGINAL[] = "{\"encoding\": \"original\"}";

static const hand_member MEMBER[] = {
    {"/elsewhere/x.jpg", 0, "absolute", 8}, {"a.jpg", 0, "first", 5},
    {"clip/.hidden.png", 1, "dot", 3},      {"clip/10.png", 1, "ten", 3},
    {"clip/2.png", 0, "two", 3},            {"clip/deep/1.png", 1, "deep one", 8},
    {"clip/deep/2.png", 1, "deep two", 8},  {"clip-2/1.png", 1, "other clip", 10},
    {"empty.mp4", 1, "", 0},                {"z/last.png", 1, "last", 4},
};
enum { MEMBERS = sizeof MEMBER / sizeof *MEMBER };

static inline int by_name(const void *a, const void *b)
{
    return strcmp(((const hand_member *)a)->name, ((const hand_member *)b)->name);
}

static inline int make(void **state)
{
    hand_member member[MEMBERS];
    hand_pack *p = calloc(1, sizeof *p);
    memcpy(member, MEMBER, sizeof MEMBER);
    qsort(member, MEMBERS, sizeof *member, by_name);
    s4d_log_set_level(S4D_LOG_SILENT);
    hand_make(p, member, MEMBERS, ORIGINAL);
    *state = p;
    return 0;
}

static inline int unmake(void **state)
{
    hand_remove(*state);
    free(*state);
    return 0;
}

static inline s4d_store *open_root(const char *root)
{
    s4d_store *store = NULL;
    s4d_err err = {0};
    if (s4d_store_open(root, &store, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_non_null(store);
    return store;
}

/* The pack is refused, and the sentence holds the words. */
static inline void refused(const hand_pack *p, const char *first, const char *second)
{
    s4d_store *store = NULL;
    s4d_err err = {0};
    assert_int_equal(s4d_store_open(p->root, &store, &err), S4D_FAILED);
    assert_null(store);
    if (!strstr(err.text, first) || !strstr(err.text, second)) {
        fail_msg("expected \"%s\" and \"%s\": %s", first, second, err.text);
    }
}

static inline void reads(const s4d_store *store, const char *path, const char *bytes)
{
    s4d_store_view view;
    s4d_err err = {0};
    if (s4d_store_read(store, path, 0, &view, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(view.size, strlen(bytes));
    assert_memory_equal(view.data, bytes, view.size);
    assert_int_equal((uintptr_t)view.data % S4D_PACK_ALIGN, 0);
    s4d_store_view_release(&view);
}

static inline void unreadable(const s4d_store *store, const char *path, const char *first, const char *second)
{
    s4d_store_view view;
    s4d_err err = {0};
    assert_int_equal(s4d_store_read(store, path, 0, &view, &err), S4D_FAILED);
    assert_null(view.data);
    if (strncmp(err.text, path, strlen(path)) != 0 || !strstr(err.text, first) || !strstr(err.text, second)) {
        fail_msg("expected \"%s\" and \"%s\": %s", first, second, err.text);
    }
}

#endif
