/* Making packs: what comes out of one is what went in, and a run that fails leaves nothing behind. */
#include <sys/stat.h>
#include <unistd.h>

#include "dataset_pack_fixture.h"
#include "s4d/base/fault.h"

enum { MIB = 1 << 20 };

static const char *const SMALL[] = {"a.jpg", "b.png", "clip/1.jpg", "clip/2.jpg", "clip/10.jpg", "clip x/0.png", "v/empty.mp4", "v/m.mp4"};
enum { SMALL_FILES = sizeof SMALL / sizeof *SMALL };

/* Eight files that a manifest of many lines names, and three that it does not. */
static void small_set(const place *p)
{
    for (int i = 0; i < SMALL_FILES; i++) {
        write_noise(join(p->root, SMALL[i]), strstr(SMALL[i], "empty") ? 0 : 700000 + 1000 * (size_t)i, (unsigned)i);
    }
    write_text(join(p->root, "clip/notes.txt"), "not a picture");
    write_text(join(p->root, "clip/.3.jpg"), "hidden");
    write_text(join(p->root, "other.jpg"), "not in the list");
    write_text(p->manifest, "path,label,split,start,end\nv/m.mp4,x,train,0,1\nclip,x,test,,\n./b.png,y,train,,\nv/m.mp4,y,train,1,2\n"
                            "a.jpg,,,,\nclip/2.jpg,,,,\n\"clip x/\",y,test,,\nv/empty.mp4,,,,\nclip//,x,test,,\n");
}

static void test_original_bytes(void **state)
{
    const place *p = *state;
    s4d_pack_opts o = opts_of(p);
    s4d_strlist list;
    s4d_bytes a, b;
    small_set(p);
    s4d_pack_report r = packed(&o);
    assert_int_equal(r.files, SMALL_FILES);
    assert_int_equal(r.members, SMALL_FILES);
    assert_int_equal(r.shards, 7); /* each but the empty one has more than half a MiB */
    s4d_store *store = opened(p->pack);
    assert_int_equal(s4d_store_settings(store)->encoding, S4D_PACK_ORIGINAL);
    for (int i = 0; i < SMALL_FILES; i++) {
        same_bytes(store, p->pack, p->root, SMALL[i]);
    }
    assert_int_equal(s4d_store_look(store, join(p->pack, "other.jpg"), NULL), S4D_STORE_NOTHING);
    assert_int_equal(s4d_store_list(store, join(p->pack, "clip"), &list, NULL), S4D_OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.item[2], "10.jpg");
    s4d_strlist_release(&list);
    s4d_store_close(&store);
    assert_int_equal(s4d_file_read(p->manifest, 0, &a, NULL), S4D_OK);
    assert_int_equal(s4d_file_read(join(p->pack, "manifest.csv"), 0, &b, NULL), S4D_OK);
    assert_string_equal((const char *)a.data, (const char *)b.data);
    s4d_bytes_release(&a);
    s4d_bytes_release(&b);
    assert_int_equal(s4d_dir_list(p->pack, &list, NULL), S4D_OK);
    assert_int_equal(list.count, r.shards + 2);
    s4d_strlist_release(&list);
}

static void test_size_of_shards(void **state)
{
    const place *p = *state;
    s4d_pack_opts o = opts_of(p);
    struct stat about;
    uint64_t total = 0;
    small_set(p);
    o.shard_mib = 3;
    s4d_pack_report r = packed(&o);
    assert_int_equal(r.shards, 2);
    for (unsigned i = 0; i < r.shards; i++) {
        char name[32];
        snprintf(name, sizeof name, "shard-%05u.s4dpack", i);
        assert_int_equal(stat(join(p->pack, name), &about), 0);
        assert_true(about.st_size <= 3 * MIB);
        total += (uint64_t)about.st_size;
    }
    assert_int_equal(total, r.bytes);
    o.output = join(p->dir, "one");
    o.shard_mib = 256;
    assert_int_equal(packed(&o).shards, 1);
}

static void same_files(const char *a, const char *b)
{
    s4d_strlist list, other;
    assert_int_equal(s4d_dir_list(a, &list, NULL), S4D_OK);
    assert_int_equal(s4d_dir_list(b, &other, NULL), S4D_OK);
    assert_int_equal(list.count, other.count);
    for (size_t i = 0; i < list.count; i++) {
        same_bytes(NULL, a, b, list.item[i]);
    }
    s4d_strlist_release(&list);
    s4d_strlist_release(&other);
}

static void test_same_pack_whatever_the_threads_and_from_a_pack(void **state)
{
    const place *p = *state;
    s4d_pack_opts o = opts_of(p);
    char other[96], again[96], manifest[112];
    small_set(p);
    packed(&o);
    for (int threads = 1; threads < 30; threads += 14) {
        snprintf(other, sizeof other, "%s/other%d", p->dir, threads);
        o.output = other;
        o.threads = threads;
        packed(&o);
        same_files(p->pack, other);
    }
    snprintf(again, sizeof again, "%s/again", p->dir);
    o.output = again;
    o.root = p->pack;
    snprintf(manifest, sizeof manifest, "%s/manifest.csv", p->pack);
    o.manifest = manifest;
    packed(&o);
    same_files(p->pack, again);
    assert_int_equal(s4d_dir_remove(again, NULL), S4D_OK);
    o.root = NULL; /* the manifest's folder */
    packed(&o);
    same_files(p->pack, again);
}

/* Copied piece by piece rather than read whole, and larger than a shard. */
static void test_a_large_file(void **state)
{
    const place *p = *state;
    s4d_pack_opts o = opts_of(p);
    write_text(join(p->root, "a.jpg"), "before");
    write_noise(join(p->root, "large.mp4"), 17 * MIB + 5, 3);
    write_text(join(p->root, "z.jpg"), "behind");
    write_text(p->manifest, "path\na.jpg\nlarge.mp4\nz.jpg\n");
    assert_int_equal(packed(&o).shards, 3);
    s4d_store *store = opened(p->pack);
    same_bytes(store, p->pack, p->root, "a.jpg");
    same_bytes(store, p->pack, p->root, "large.mp4");
    same_bytes(store, p->pack, p->root, "z.jpg");
    s4d_store_close(&store);
}

static void test_absolute_paths(void **state)
{
    const place *p = *state;
    s4d_pack_opts o = opts_of(p);
    char text[256];
    s4d_store_view view;
    write_text(join(p->root, "a.jpg"), "inside");
    write_text(join(p->dir, "x.jpg"), "outside");
    snprintf(text, sizeof text, "path\na.jpg\n%s/x.jpg\n", p->dir);
    write_text(p->manifest, text);
    packed(&o);
    assert_int_equal(remove(join(p->dir, "x.jpg")), 0);
    s4d_store *store = opened(p->pack);
    assert_int_equal(s4d_store_read(store, join(p->dir, "x.jpg"), 0, &view, NULL), S4D_OK);
    assert_memory_equal(view.data, "outside", 7);
    s4d_store_view_release(&view);
    s4d_store_close(&store);
}

/* ---- refusals ---- */

static void test_faulty_manifests(void **state)
{
    const place *p = *state;
    s4d_pack_opts o = opts_of(p);
    small_set(p);
    write_text(p->manifest, "path\na.jpg\nnowhere.jpg\nv/nothing.mp4\n");
    refused(&o, S4D_FAILED, "list.csv: line 3: ");
    refused(&o, S4D_FAILED, "set/nowhere.jpg does not exist (and 1 more faulty path)");
    write_text(p->manifest, "path\nv\n");
    refused(&o, S4D_FAILED, "line 2: ");
    refused(&o, S4D_FAILED, "set/v is a folder without a picture");
    write_text(p->manifest, "path\n");
    refused(&o, S4D_FAILED, "the manifest is empty");
    write_text(p->manifest, "age\n7\n");
    refused(&o, S4D_FAILED, "list.csv: ");
    assert_int_equal(remove(p->manifest), 0);
    refused(&o, S4D_FAILED, "list.csv: ");
    assert_false(s4d_path_exists(p->pack));
    write_text(p->manifest, "path\nsub\n");
    assert_int_equal(s4d_dir_make(join(p->root, "sub/x.jpg"), NULL), S4D_OK);
    refused(&o, S4D_FAILED, "is a folder where a picture is expected");
}

static void test_what_stands_in_the_way(void **state)
{
    const place *p = *state;
    s4d_pack_opts o = opts_of(p);
    char growing[96];
    small_set(p);
    snprintf(growing, sizeof growing, "%s.tmp", p->pack);
    assert_int_equal(s4d_dir_make(growing, NULL), S4D_OK);
    refused(&o, S4D_FAILED, "pack.tmp: is left from a run that was cut off");
    assert_int_equal(rmdir(growing), 0);
    write_text(p->pack, "a file");
    refused(&o, S4D_FAILED, "pack: is not a folder");
    assert_int_equal(remove(p->pack), 0);
    write_text(join(p->pack, "thesis.tex"), "years of work");
    o.overwrite = true;
    refused(&o, S4D_FAILED, "holds files but no index.s4dpack");
    assert_int_equal(remove(join(p->pack, "thesis.tex")), 0);
    o.overwrite = false;
    packed(&o); /* an empty folder is no hindrance */
    refused(&o, S4D_FAILED, "the pack is there already; give --overwrite");
    o.overwrite = true;
    write_text(join(p->root, "a.jpg"), "new");
    packed(&o);
    s4d_store *store = opened(p->pack);
    same_bytes(store, p->pack, p->root, "a.jpg");
    s4d_store_close(&store);
    assert_false(s4d_path_exists(join(p->dir, "pack.old")));
    assert_int_equal(s4d_dir_make(join(p->dir, "pack.old"), NULL), S4D_OK);
    refused(&o, S4D_FAILED, "pack.old: is left from a run that was cut off");
    o.root = p->pack;
    refused(&o, S4D_USAGE, "--overwrite would remove what is to be packed");
    o.output = "";
    refused(&o, S4D_USAGE, "name the folder to make");
    o.output = "/";
    refused(&o, S4D_USAGE, "name one to make below it");
    o.output = p->pack;
    o.shard_mib = 0;
    refused(&o, S4D_USAGE, "shard_mib: expected a number");
    o = opts_of(p);
    o.settings = (s4d_pack_settings){S4D_PACK_JPEG, 32, 0};
    refused(&o, S4D_USAGE, "quality: expected a number");
    o.settings = (s4d_pack_settings){S4D_PACK_PNG, 0, 0};
    refused(&o, S4D_USAGE, "resize: expected a side");
}

/* ---- failures on demand ---- */

#ifdef S4D_TEST_HOOKS
/* The n-th call of a kind fails, n = 1, 2, ...: a sentence, nothing half made, and what stood there stands. */
static void sweep(const place *p, s4d_pack_opts *o, s4d_fault kind)
{
    for (long n = 1;; n++) {
        s4d_pack_report report;
        s4d_err err = {0};
        s4d_fault_set(kind, n);
        s4d_status status = s4d_pack_make(o, &report, &err);
        s4d_fault_set(kind, 0);
        if (status == S4D_OK) {
            assert_true(n > 1);
            break;
        }
        assert_int_equal(status, S4D_FAILED);
        assert_true(strlen(err.text) > 10);
        /* A failure while a whole new pack is in place, or the old one is removed, loses neither. */
        assert_false(s4d_path_exists(join(p->dir, "pack.tmp")));
        if (o->overwrite) {
            s4d_store *store = opened(p->pack);
            s4d_store_close(&store);
            assert_int_equal(s4d_dir_remove(join(p->dir, "pack.old"), NULL), S4D_OK);
        } else {
            assert_false(s4d_path_exists(p->pack));
        }
    }
    s4d_store *store = opened(p->pack);
    for (int i = 0; i < 2; i++) {
        static const char *const name[] = {"a.png", "c/2.jpg"};
        assert_int_equal(s4d_store_look(store, join(p->pack, name[i]), NULL), S4D_STORE_FILE);
    }
    s4d_store_close(&store);
}

static void test_failures(void **state)
{
    const place *p = *state;
    static const s4d_fault kind[] = {S4D_FAULT_ALLOC, S4D_FAULT_READ,   S4D_FAULT_WRITE,
                                     S4D_FAULT_FSYNC, S4D_FAULT_RENAME, S4D_FAULT_THREAD};
    s4d_pack_opts o = opts_of(p);
    copy_fixture("golden/images/decode/rgba.png", join(p->root, "a.png"));
    copy_fixture("golden/images/decode/gray.jpg", join(p->root, "c/1.jpg"));
    copy_fixture("golden/images/decode/prog.jpg", join(p->root, "c/2.jpg"));
    write_text(p->manifest, "path\na.png\nc\n");
    for (int encoding = 0; encoding < 2; encoding++) {
        o.settings = encoding ? (s4d_pack_settings){S4D_PACK_JPEG, 24, 90} : (s4d_pack_settings){0};
        for (size_t k = 0; k < sizeof kind / sizeof *kind; k++) {
            o.overwrite = false;
            sweep(p, &o, kind[k]);
            o.overwrite = true;
            sweep(p, &o, kind[k]);
            assert_int_equal(s4d_dir_remove(p->pack, NULL), S4D_OK);
        }
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_original_bytes, make, unmake),
        cmocka_unit_test_setup_teardown(test_size_of_shards, make, unmake),
        cmocka_unit_test_setup_teardown(test_same_pack_whatever_the_threads_and_from_a_pack, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_large_file, make, unmake),
        cmocka_unit_test_setup_teardown(test_absolute_paths, make, unmake),
        cmocka_unit_test_setup_teardown(test_faulty_manifests, make, unmake),
        cmocka_unit_test_setup_teardown(test_what_stands_in_the_way, make, unmake),
#ifdef S4D_TEST_HOOKS
        cmocka_unit_test_setup_teardown(test_failures, make, unmake),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
