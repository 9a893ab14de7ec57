/* Reading packs: what is found in them, by one thread or several. */
#include <pthread.h>

#include "data_pack_members.h"

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
    s4d_store_view_release(&view);
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
        s4d_store_view_release(&view);
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
        cmocka_unit_test_setup_teardown(test_several_threads_read, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
