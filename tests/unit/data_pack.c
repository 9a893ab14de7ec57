/* Reading packs: what is found in them, and that a pack damaged anywhere is refused in words. */
#include <pthread.h>
#include <unistd.h>

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

static int by_name(const void *a, const void *b)
{
    return strcmp(((const hand_member *)a)->name, ((const hand_member *)b)->name);
}

static int make(void **state)
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

static int unmake(void **state)
{
    hand_remove(*state);
    free(*state);
    return 0;
}

static s4d_store *open_root(const char *root)
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
static void refused(const hand_pack *p, const char *first, const char *second)
{
    s4d_store *store = NULL;
    s4d_err err = {0};
    assert_int_equal(s4d_store_open(p->root, &store, &err), S4D_FAILED);
    assert_null(store);
    if (!strstr(err.text, first) || !strstr(err.text, second)) {
        fail_msg("expected \"%s\" and \"%s\": %s", first, second, err.text);
    }
}

static void reads(const s4d_store *store, const char *path, const char *bytes)
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

static void unreadable(const s4d_store *store, const char *path, const char *first, const char *second)
{
    s4d_store_view view;
    s4d_err err = {0};
    assert_int_equal(s4d_store_read(store, path, 0, &view, &err), S4D_FAILED);
    assert_null(view.data);
    if (strncmp(err.text, path, strlen(path)) != 0 || !strstr(err.text, first) || !strstr(err.text, second)) {
        fail_msg("expected \"%s\" and \"%s\": %s", first, second, err.text);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const char *const pair[][2] = {
        {"a/b.jpg", "a/b.jpg"}, {"./a//b.jpg", "a/b.jpg"}, {"a/./b/", "a/b"}, {"/x/./y", "/x/y"},
        {"../a", "../a"},       {".", ""},                 {"", ""},          {"//", "/"},
        {".a/..b", ".a/..b"},
    };
    char name[S4D_PATH_MAX], path[S4D_PATH_MAX + 2];
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        assert_int_equal(s4d_pack_name(name, pair[i][0], NULL), S4D_OK);
        assert_string_equal(name, pair[i][1]);
    }
    memset(path, 'a', sizeof path);
    path[S4D_PATH_MAX - 1] = '\0';
    assert_int_equal(s4d_pack_name(name, path, NULL), S4D_OK);
    assert_int_equal(strlen(name), S4D_PATH_MAX - 1);
    path[S4D_PATH_MAX - 1] = 'a';
    path[S4D_PATH_MAX] = '\0';
    assert_int_equal(s4d_pack_name(name, path, NULL), S4D_FAILED);
}

static void test_looks_and_reads(void **state)
{
    const hand_pack *p = *state;
    s4d_store *store = open_root(p->root);
    uint64_t size = 1;
    assert_int_equal(s4d_store_settings(store)->encoding, S4D_PACK_ORIGINAL);
    for (int turn = 0; turn < 2; turn++) { /* the second time the checksum is known to be right */
        reads(store, hand_path(p, "a.jpg"), "first");
        reads(store, hand_path(p, "./clip//10.png"), "ten");
        reads(store, hand_path(p, "z/last.png"), "last");
        reads(store, "/elsewhere/x.jpg", "absolute");
    }
    assert_int_equal(s4d_store_look(store, hand_path(p, "empty.mp4"), &size), S4D_STORE_FILE);
    assert_int_equal(size, 0);
    reads(store, hand_path(p, "empty.mp4"), "");
    assert_int_equal(s4d_store_look(store, hand_path(p, "clip-2/1.png"), &size), S4D_STORE_FILE);
    assert_int_equal(size, 10);
    assert_int_equal(s4d_store_look(store, hand_path(p, "clip"), &size), S4D_STORE_FOLDER);
    assert_int_equal(size, 0);
    assert_int_equal(s4d_store_look(store, hand_path(p, "clip/deep/"), NULL), S4D_STORE_FOLDER);
    assert_int_equal(s4d_store_look(store, p->root, NULL), S4D_STORE_FOLDER);
    static const char *const absent[] = {"b.jpg", "cli", "clip-", "clip/1.png", "clip/deep/3", "a.jpg/x", "~", "z/last.pn"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        assert_int_equal(s4d_store_look(store, hand_path(p, absent[i]), NULL), S4D_STORE_NOTHING);
        unreadable(store, hand_path(p, absent[i]), "is not in the pack", "correct the path");
    }
    unreadable(store, hand_path(p, "clip"), "is a folder", "name a file");
    /* The pack's own files are none of the set's. */
    assert_int_equal(s4d_store_look(store, hand_path(p, "index.s4dpack"), NULL), S4D_STORE_NOTHING);
    s4d_store_view view;
    assert_int_equal(s4d_store_read(store, hand_path(p, "a.jpg"), 4, &view, NULL), S4D_FAILED);
    assert_int_equal(s4d_store_read(store, hand_path(p, "a.jpg"), 5, &view, NULL), S4D_OK);
    s4d_store_close(&store);
    assert_null(store);
}

static void test_root_with_slash(void **state)
{
    const hand_pack *p = *state;
    char root[80], path[S4D_PATH_MAX];
    snprintf(root, sizeof root, "%s/", p->root);
    s4d_store *store = open_root(root);
    assert_int_equal(s4d_path_join(path, root, "clip/2.png", NULL), S4D_OK);
    reads(store, path, "two");
    /* Another folder whose name begins as the root's is not below it. */
    snprintf(path, sizeof path, "%sx/a.jpg", p->root);
    assert_int_equal(s4d_store_look(store, path, NULL), S4D_STORE_NOTHING);
    s4d_store_close(&store);
}

static void test_lists(void **state)
{
    const hand_pack *p = *state;
    s4d_store *store = open_root(p->root);
    s4d_strlist list;
    s4d_err err = {0};
    assert_int_equal(s4d_store_list(store, hand_path(p, "clip/"), &list, &err), S4D_OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.item[0], "2.png"); /* by number, and ".hidden.png" is */
    assert_string_equal(list.item[1], "10.png");
    assert_string_equal(list.item[2], "deep");
    s4d_strlist_release(&list);
    assert_int_equal(s4d_store_list(store, hand_path(p, "clip/deep"), &list, &err), S4D_OK);
    assert_int_equal(list.count, 2);
    s4d_strlist_release(&list);
    assert_int_equal(s4d_store_list(store, p->root, &list, &err), S4D_OK);
    assert_int_equal(list.count, 5);
    assert_string_equal(list.item[0], "a.jpg");
    s4d_strlist_release(&list);
    assert_int_equal(s4d_store_list(store, hand_path(p, "nowhere"), &list, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "nowhere: there is no such folder in the pack"));
    assert_int_equal(s4d_store_list(store, hand_path(p, "a.jpg"), &list, &err), S4D_FAILED);
    s4d_store_close(&store);
}

static void test_plain_folder_is_no_pack(void **state)
{
    const hand_pack *p = *state;
    s4d_store *store = (s4d_store *)&store;
    s4d_store_view view;
    uint64_t size;
    s4d_strlist list;
    assert_int_equal(s4d_store_open("/tmp", &store, NULL), S4D_OK);
    assert_null(store);
    assert_null(s4d_store_settings(NULL));
    assert_int_equal(s4d_store_look(NULL, hand_path(p, "index.s4dpack"), &size), S4D_STORE_FILE);
    assert_int_equal(size, p->index.size);
    assert_int_equal(s4d_store_look(NULL, p->root, &size), S4D_STORE_FOLDER);
    assert_int_equal(s4d_store_look(NULL, hand_path(p, "a.jpg"), NULL), S4D_STORE_NOTHING);
    assert_int_equal(s4d_store_read(NULL, hand_path(p, "index.s4dpack"), 0, &view, NULL), S4D_OK);
    assert_int_equal(view.size, p->index.size);
    assert_memory_equal(view.data, p->index.text, view.size);
    s4d_store_view_release(&view);
    assert_int_equal(s4d_store_list(NULL, p->root, &list, NULL), S4D_OK);
    assert_int_equal(list.count, 3);
    s4d_strlist_release(&list);
    s4d_store_close(&store);
}

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        s4d_pack_settings is;
    } c[] = {
        {"{\"encoding\": \"jpeg\", \"side\": 128, \"filter\": \"bilinear\", \"quality\": 90}", true, {S4D_PACK_JPEG, 128, 90}},
        {"{\"encoding\": \"png\", \"side\": 64, \"filter\": \"bilinear\"}", true, {S4D_PACK_PNG, 64, 0}},
        {"{\"encoding\": \"png\", \"side\": 64, \"filter\": \"bicubic\"}", false, {0}},
        {"{\"encoding\": \"png\", \"side\": 0, \"filter\": \"bilinear\"}", false, {0}},
        {"{\"encoding\": \"png\", \"side\": 64.5, \"filter\": \"bilinear\"}", false, {0}},
        {"{\"encoding\": \"jpeg\", \"side\": 128, \"filter\": \"bilinear\", \"quality\": 101}", false, {0}},
        {"{\"encoding\": \"jpeg\", \"side\": 128, \"filter\": \"bilinear\"}", false, {0}},
        {"{\"encoding\": \"original\", \"side\": 128}", false, {0}},
        {"{\"encoding\": \"webp\"}", false, {0}},
        {"{\"encoding\": 1}", false, {0}},
        {"{}", false, {0}},
        {"[]", false, {0}},
        {"", false, {0}},
        {"{\"encoding\": \"original\"", false, {0}},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        hand_pack p = {0};
        s4d_store *store = NULL;
        hand_make(&p, &MEMBER[1], 1, c[i].text);
        if (c[i].good) {
            store = open_root(p.root);
            assert_memory_equal(s4d_store_settings(store), &c[i].is, sizeof c[i].is);
            reads(store, hand_path(&p, "a.jpg"), "first");
        } else {
            refused(&p, "index.s4dpack: the index is damaged", "its settings are none that are known");
        }
        s4d_store_close(&store);
        hand_remove(&p);
    }
}

/* ---- damage ---- */

static void test_every_altered_byte_of_the_index_is_found(void **state)
{
    hand_pack *p = *state;
    for (size_t i = 0; i < p->index.size; i++) {
        p->index.text[i] ^= 0x10;
        hand_write(p, "index.s4dpack", &p->index);
        refused(p, "index.s4dpack: ", ";");
        p->index.text[i] ^= 0x10;
    }
    hand_write(p, "index.s4dpack", &p->index);
}

static void test_an_index_cut_off_anywhere_is_found(void **state)
{
    hand_pack *p = *state;
    size_t whole = p->index.size;
    for (size_t n = 0; n < whole; n++) {
        p->index.size = n;
        hand_write(p, "index.s4dpack", &p->index);
        refused(p, "index.s4dpack: the index is damaged", "make it anew");
    }
    p->index.size = whole;
    s4d_str_add_bytes(&p->index, "", 1);
    hand_write(p, "index.s4dpack", &p->index);
    refused(p, "it is longer than it says", "make it anew");
    p->index.size = whole;
    hand_write(p, "index.s4dpack", &p->index);
}

/* What looks right from outside may say anything inside. All of it is asked for: nothing may crash, and an index that
 * is taken gives back what it says. */
static void exhaust(const hand_pack *p)
{
    s4d_store *store = NULL;
    s4d_strlist list = {0};
    s4d_err err = {0};
    s4d_status status = s4d_store_open(p->root, &store, &err);
    if (status != S4D_OK) {
        assert_int_equal(status, S4D_FAILED);
        assert_true(strncmp(err.text, p->root, strlen(p->root)) == 0 && strchr(err.text, ';'));
        return;
    }
    assert_int_equal(s4d_store_list(store, p->root, &list, NULL), S4D_OK);
    s4d_strlist_release(&list);
    for (size_t i = 0; i < MEMBERS; i++) {
        s4d_store_view view;
        s4d_store_read(store, MEMBER[i].name[0] == '/' ? MEMBER[i].name : hand_path(p, MEMBER[i].name), 0, &view, NULL);
    }
    s4d_store_close(&store);
}

static void test_a_signed_index_may_say_anything(void **state)
{
    hand_pack *p = *state;
    static const unsigned char value[] = {0x00, 0x01, 0x2F, 0x7F, 0xFF};
    for (size_t i = 0; i + 8 < p->index.size; i++) {
        char kept = p->index.text[i];
        for (size_t k = 0; k < sizeof value; k++) {
            p->index.text[i] = (char)value[k];
            hand_sign(&p->index);
            hand_write(p, "index.s4dpack", &p->index);
            exhaust(p);
        }
        p->index.text[i] = kept;
    }
    hand_sign(&p->index);
    hand_write(p, "index.s4dpack", &p->index);
}

static void put_number(s4d_str *index, size_t at, int bytes, uint64_t value)
{
    for (int i = 0; i < bytes; i++) {
        index->text[at + (size_t)i] = (char)(value >> 8 * i);
    }
}

/* Each rule of the index, broken alone. The records stand behind head, settings (24 bytes) and two sizes. */
static void test_rules_of_the_index(void **state)
{
    hand_pack *p = *state;
    enum { SIZES = 64 + 24, RECORD = SIZES + 16 };
    static const struct {
        size_t at;
        int bytes;
        uint64_t value;
        const char *words;
    } c[] = {
        {0, 1, 'X', "its beginning is not that of an index"},
        {8, 4, 2, "is of version 2, and this s4d reads version 1"},
        {12, 4, 0xFFFFFFFF, "shorter than it says"},
        {16, 8, UINT64_MAX, "shorter than it says"},
        {16, 8, UINT64_MAX / 40 + 1, "shorter than it says"},
        {24, 8, UINT64_MAX, "shorter than it says"},
        {24, 8, UINT64_MAX - 6, "shorter than it says"},
        {32, 8, UINT64_MAX, "shorter than it says"},
        {16, 8, 1, "longer than it says"},
        {SIZES, 8, 63, "a shard has no size"},
        {SIZES, 8, UINT64_MAX, "a shard has no size"},
        {SIZES + 8, 8, 64, "lies outside of its shard"},
        {RECORD, 8, UINT64_MAX, "a member has no name"},
        {RECORD, 8, 1, "a member has no name"},
        {RECORD + 8, 4, 0, "a member has no name"},
        {RECORD + 8, 4, 15, "a member has no name"},
        {RECORD + 8, 4, 0xFFFFFFFF, "a member has no name"},
        {RECORD + 12, 4, 2, "\"/elsewhere/x.jpg\" lies outside of its shard"},
        {RECORD + 16, 8, 0, "lies outside of its shard"},
        {RECORD + 16, 8, 65, "lies outside of its shard"},
        {RECORD + 16, 8, UINT64_MAX - 63, "lies outside of its shard"},
        {RECORD + 24, 8, UINT64_MAX, "lies outside of its shard"},
        {RECORD + 40, 8, 0, "a member has no name"}, /* the next one's name begins where this one's does */
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char kept[8];
        memcpy(kept, p->index.text + c[i].at, sizeof kept);
        put_number(&p->index, c[i].at, c[i].bytes, c[i].value);
        hand_sign(&p->index);
        hand_write(p, "index.s4dpack", &p->index);
        refused(p, "index.s4dpack: ", c[i].words);
        memcpy(p->index.text + c[i].at, kept, sizeof kept);
    }
    /* Two records change places. */
    char first[40];
    memcpy(first, p->index.text + RECORD, 40);
    memcpy(p->index.text + RECORD, p->index.text + RECORD + 40, 40);
    memcpy(p->index.text + RECORD + 40, first, 40);
    hand_sign(&p->index);
    hand_write(p, "index.s4dpack", &p->index);
    refused(p, "index.s4dpack: ", "its members are not in order");
    memcpy(p->index.text + RECORD + 40, p->index.text + RECORD, 40);
    hand_sign(&p->index);
    hand_write(p, "index.s4dpack", &p->index);
    refused(p, "index.s4dpack: ", "its members are not in order"); /* one stands twice */
}

static void test_damaged_shards(void **state)
{
    hand_pack *p = *state;
    size_t whole = p->shard[1].size;
    for (size_t n = 0; n < whole; n++) {
        p->shard[1].size = n;
        hand_write(p, "shard-00001.s4dpack", &p->shard[1]);
        refused(p, "shard-00001.s4dpack: the shard is cut off", n + 4 > whole ? "\"z/last.png\" is not among" : "are there");
    }
    p->shard[1].size = whole;
    s4d_str_add_bytes(&p->shard[1], "more", 4);
    hand_write(p, "shard-00001.s4dpack", &p->shard[1]);
    refused(p, "shard-00001.s4dpack: the shard has", "but the index says");
    p->shard[1].size = whole;
    for (size_t i = 0; i < 16; i++) {
        p->shard[1].text[i] ^= 4;
        hand_write(p, "shard-00001.s4dpack", &p->shard[1]);
        refused(p, "shard-00001.s4dpack: its beginning is not that of shard 1", "make it anew");
        p->shard[1].text[i] ^= 4;
    }
    assert_int_equal(remove(hand_path(p, "shard-00001.s4dpack")), 0);
    refused(p, "shard-00001.s4dpack: the shard is missing", "\"clip-2/1.png\" with it");
    assert_int_equal(s4d_dir_make(hand_path(p, "shard-00001.s4dpack"), NULL), S4D_OK);
    refused(p, "shard-00001.s4dpack: is not a regular file", "make it anew");
    assert_int_equal(rmdir(hand_path(p, "shard-00001.s4dpack")), 0);
    assert_int_equal(remove(hand_path(p, "index.s4dpack")), 0);
    assert_int_equal(s4d_dir_make(hand_path(p, "index.s4dpack"), NULL), S4D_OK);
    refused(p, "index.s4dpack: ", "is a folder");
}

/* Where the bytes of a member begin in a shard. */
static size_t place_of(const s4d_str *shard, const char *bytes)
{
    const char *at = memmem(shard->text, shard->size, bytes, strlen(bytes));
    assert_non_null(at);
    return (size_t)(at - shard->text);
}

static void test_altered_members_are_found_when_read(void **state)
{
    hand_pack *p = *state;
    size_t at = place_of(&p->shard[1], "other clip");
    for (size_t i = 0; i < strlen("other clip"); i++) {
        p->shard[1].text[at + i] ^= 1;
        hand_write(p, "shard-00001.s4dpack", &p->shard[1]);
        s4d_store *store = open_root(p->root);
        for (int turn = 0; turn < 2; turn++) {
            unreadable(store, hand_path(p, "clip-2/1.png"), "shard-00001.s4dpack: the bytes of \"clip-2/1.png\" were altered",
                       "copy the pack again");
        }
        reads(store, hand_path(p, "clip/10.png"), "ten");
        reads(store, hand_path(p, "a.jpg"), "first");
        s4d_store_close(&store);
        p->shard[1].text[at + i] ^= 1;
    }
}

/* A mapped file that becomes shorter must not end the process. */
static void test_a_shard_cut_off_while_open_is_found(void **state)
{
    hand_pack *p = *state;
    s4d_store *store = open_root(p->root);
    reads(store, hand_path(p, "z/last.png"), "last");
    assert_int_equal(truncate(hand_path(p, "shard-00001.s4dpack"), 0), 0);
    unreadable(store, hand_path(p, "z/last.png"), "shard-00001.s4dpack: the shard is cut off", "copy the pack again");
    reads(store, hand_path(p, "a.jpg"), "first");
    assert_int_equal(remove(hand_path(p, "shard-00001.s4dpack")), 0);
    unreadable(store, hand_path(p, "z/last.png"), "shard-00001.s4dpack: cannot be read any more", "copy the pack again");
    s4d_store_close(&store);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 500 };

typedef struct reader {
    const hand_pack *pack;
    const s4d_store *store;
    int good;
} reader;

static void *read_all(void *arg)
{
    reader *r = arg;
    for (int i = 0; i < ROUNDS * MEMBERS; i++) {
        const hand_member *m = &MEMBER[i % MEMBERS];
        char path[S4D_PATH_MAX];
        s4d_store_view view;
        snprintf(path, sizeof path, "%s%s%s", m->name[0] == '/' ? "" : r->pack->root, m->name[0] == '/' ? "" : "/", m->name);
        r->good += s4d_store_read(r->store, path, 0, &view, NULL) == S4D_OK && view.size == m->size &&
                   memcmp(view.data, m->data, m->size) == 0;
    }
    return NULL;
}

static void test_several_threads_read(void **state)
{
    const hand_pack *p = *state;
    s4d_store *store = open_root(p->root);
    pthread_t thread[THREADS];
    reader r[THREADS];
    for (int i = 0; i < THREADS; i++) {
        r[i] = (reader){.pack = p, .store = store};
        assert_int_equal(pthread_create(&thread[i], NULL, read_all, &r[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(r[i].good, ROUNDS * MEMBERS);
    }
    s4d_store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_looks_and_reads, make, unmake),
        cmocka_unit_test_setup_teardown(test_root_with_slash, make, unmake),
        cmocka_unit_test_setup_teardown(test_lists, make, unmake),
        cmocka_unit_test_setup_teardown(test_plain_folder_is_no_pack, make, unmake),
        cmocka_unit_test(test_settings),
        cmocka_unit_test_setup_teardown(test_every_altered_byte_of_the_index_is_found, make, unmake),
        cmocka_unit_test_setup_teardown(test_an_index_cut_off_anywhere_is_found, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_signed_index_may_say_anything, make, unmake),
        cmocka_unit_test_setup_teardown(test_rules_of_the_index, make, unmake),
        cmocka_unit_test_setup_teardown(test_damaged_shards, make, unmake),
        cmocka_unit_test_setup_teardown(test_altered_members_are_found_when_read, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_shard_cut_off_while_open_is_found, make, unmake),
        cmocka_unit_test_setup_teardown(test_several_threads_read, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
