/* Making packs: what comes out of one is what went in, training does not see a difference, and a run that fails leaves
 * nothing behind. */
#include "data_loader_fixture.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s4d/base/fault.h"
#include "s4d/data/clip.h"
#include "s4d/dataset/check.h"
#include "s4d/dataset/pack.h"

enum { MIB = 1 << 20 };

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

static void write_bytes(const char *path, const void *data, size_t size)
{
    char parent[S4D_PATH_MAX];
    s4d_path_dir(parent, path);
    assert_int_equal(s4d_dir_make(parent, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(path, data, size, NULL), S4D_OK);
}

static void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

/* Bytes that are no file of any kind: nothing looks into what goes in as it is. */
static void write_noise(const char *path, size_t size, unsigned seed)
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

static int make(void **state)
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

static int unmake(void **state)
{
    place *p = *state;
    int failed = s4d_dir_remove(p->dir, NULL) != S4D_OK;
    free(p);
    return failed;
}

static s4d_pack_opts opts_of(const place *p)
{
    return (s4d_pack_opts){.manifest = p->manifest, .root = p->root, .output = p->pack, .shard_mib = 1, .threads = 2};
}

static s4d_pack_report packed(const s4d_pack_opts *o)
{
    s4d_pack_report report;
    s4d_err err = {0};
    if (s4d_pack_make(o, &report, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_false(s4d_path_exists(join(o->output, "../pack.tmp")));
    return report;
}

static void refused(const s4d_pack_opts *o, s4d_status status, const char *words)
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

static s4d_store *opened(const char *root)
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
static void same_bytes(const s4d_store *store, const char *pack, const char *root, const char *name)
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
    s4d_store_close(&store);
}

/* ---- encoded anew ---- */

static void read_picture(const s4d_store *store, const char *path, s4d_image *out)
{
    s4d_err err = {0};
    if (s4d_image_read_from(&(s4d_image_source){.path = path, .store = store}, out, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
}

static void same_picture(const s4d_image *a, const s4d_image *b)
{
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->width, b->width);
    assert_memory_equal(a->rgb, b->rgb, (size_t)a->height * (size_t)a->width * 3);
}

/* Brought to size and through a JPEG file, or not where quality is 0. */
static void expect(s4d_image *image, int side, int quality, const char *spare)
{
    s4d_image small = {0};
    assert_int_equal(s4d_image_resize(image, NULL, S4D_BILINEAR, side, side, &small, NULL), S4D_OK);
    if (quality > 0) {
        assert_int_equal(s4d_image_write_jpeg(spare, &small, quality, NULL), S4D_OK);
        read_picture(NULL, spare, &small);
    }
    s4d_image_release(image);
    *image = small;
}

static void copy_fixture(const char *from, const char *to)
{
    s4d_bytes file;
    assert_int_equal(s4d_file_read(join(S4D_TESTS_DIR, from), 0, &file, NULL), S4D_OK);
    write_bytes(to, file.data, file.size);
    s4d_bytes_release(&file);
}

static void check_frames(const place *p, const s4d_store *store, const s4d_pack_settings *s)
{
    s4d_clip *plain, *packed_clip;
    s4d_image a = {0}, b = {0};
    assert_int_equal(s4d_clip_open(&(s4d_clip_source){.path = join(p->root, "v.mp4")}, &plain, NULL), S4D_OK);
    for (int order = 0; order < 2; order++) {
        s4d_clip_source source = {.path = join(p->pack, "v.mp4"),
                                  .store = store,
                                  .order = order ? S4D_ORDER_NATURAL : S4D_ORDER_LEXICOGRAPHIC};
        assert_int_equal(s4d_clip_open(&source, &packed_clip, NULL), S4D_OK);
        assert_int_equal(s4d_clip_frames(plain), s4d_clip_frames(packed_clip));
        for (int i = 0; i < s4d_clip_frames(plain); i++) {
            assert_int_equal(s4d_clip_read(plain, &i, 1, &a, NULL), S4D_OK);
            assert_int_equal(s4d_clip_read(packed_clip, &i, 1, &b, NULL), S4D_OK);
            expect(&a, s->side, s->quality, join(p->dir, "spare.jpg"));
            same_picture(&a, &b);
        }
        s4d_clip_close(&packed_clip);
    }
    s4d_clip_close(&plain);
    s4d_image_release(&a);
    s4d_image_release(&b);
}

static void test_encoded_anew(void **state)
{
    const place *p = *state;
    static const char *const name[] = {"a.png", "c/1.jpg", "c/2.jpg", "plain"};
    static const s4d_pack_settings settings[] = {{S4D_PACK_JPEG, 40, 85}, {S4D_PACK_PNG, 33, 0}};
    s4d_pack_opts o = opts_of(p);
    s4d_image a = {0}, b = {0};
    bool video = s4d_video_library() != NULL;
    copy_fixture("golden/images/decode/rgba.png", join(p->root, "a.png"));
    copy_fixture("golden/images/decode/q75_444.jpg", join(p->root, "c/1.jpg"));
    copy_fixture("golden/images/decode/gray.jpg", join(p->root, "c/2.jpg"));
    copy_fixture("golden/images/decode/rgb.png", join(p->root, "plain"));
    copy_fixture("data/bframes.mp4", join(p->root, "v.mp4"));
    write_text(p->manifest, video ? "path\na.png\nc\nplain\nv.mp4\n" : "path\na.png\nc\nplain\n");
    for (int k = 0; k < 2; k++) {
        o.settings = settings[k];
        o.overwrite = k > 0;
        s4d_pack_report r = packed(&o);
        assert_int_equal(r.files, video ? 5 : 4);
        assert_int_equal(r.members, video ? 24 : 4);
        s4d_store *store = opened(p->pack);
        assert_memory_equal(s4d_store_settings(store), &settings[k], sizeof *settings);
        for (int i = 0; i < 4; i++) {
            read_picture(NULL, join(p->root, name[i]), &a);
            read_picture(store, join(p->pack, name[i]), &b);
            expect(&a, settings[k].side, settings[k].quality, join(p->dir, "spare.jpg"));
            same_picture(&a, &b);
        }
        if (video) {
            check_frames(p, store, &settings[k]);
        }
        s4d_store_close(&store);
    }
    o.overwrite = true;
    write_text(p->manifest, "path\na.png\nc\nplain\nc/1.jpg\n");
    write_text(join(p->root, "c/1.jpg"), "no picture");
    refused(&o, S4D_FAILED, "set/c/1.jpg: ");
    if (video) {
        write_text(p->manifest, "path,start\na.png,\nv.mp4,\nv.mp4,0.2\n");
        refused(&o, S4D_FAILED, "line 3 of the manifest: ");
    }
    s4d_image_release(&a);
    s4d_image_release(&b);
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
    write_text(p->manifest, "file\na.jpg\n");
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

/* ---- training ---- */

/* The fixture's samples and a video as a set with two lists, below any root. */
static void read_lists(fixture *f, const char *root)
{
    s4d_set_opts *set[2] = {&f->data.image, &f->data.video};
    s4d_manifest *m[2] = {&f->pictures, &f->clips};
    s4d_err err = {0};
    for (int i = 0; i < 2; i++) {
        snprintf(set[i]->root, sizeof set[i]->root, "%s", root);
        snprintf(set[i]->train, sizeof set[i]->train, "%s/%s.csv", f->dir, i ? "clips" : "pictures");
        set[i]->format = S4D_LIST_MANIFEST;
        strcpy(set[i]->classes[0], "anger");
        strcpy(set[i]->classes[1], "fear");
        strcpy(set[i]->classes[2], "disgust");
        if (s4d_manifest_read(set[i], S4D_LIST_TRAIN, S4D_BAD_FAIL, m[i], &err) != S4D_OK) {
            fail_msg("%s", err.text);
        }
    }
}

static void write_lists(const fixture *f)
{
    static const char *const name[] = {"anger", "fear", "disgust"};
    s4d_str text[3] = {0};
    for (int i = 0; i < 3; i++) {
        s4d_str_add(&text[i], "path,label\n");
    }
    for (int i = 0; i < PICTURES; i++) {
        s4d_str_printf(&text[0], "picture%d.png,%s\n", i, name[i % CLASSES]);
    }
    for (int i = 0; i < CLIPS; i++) {
        s4d_str_printf(&text[1], "clip%d,%s\n", i, name[i % CLASSES]);
    }
    if (s4d_video_library()) {
        copy_fixture("data/bframes.mp4", join(f->dir, "v.mp4"));
        copy_fixture("data/plain.webm", join(f->dir, "v.webm"));
        s4d_str_printf(&text[1], "v.mp4,fear\nv.webm,anger\n");
    }
    s4d_str_add(&text[2], strchr(text[0].text, '\n') + 1);
    s4d_str_add(&text[2], strchr(text[1].text, '\n') + 1);
    for (int i = 0; i < 3; i++) {
        static const char *const file[] = {"pictures.csv", "clips.csv", "all.csv"};
        write_bytes(join(f->dir, file[i]), text[i].text, text[i].size);
        s4d_str_release(&text[i]);
    }
}

static void same_block(const void *a, const void *b, size_t size)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a) {
        assert_memory_equal(a, b, size);
    }
}

static void same_batch(const s4d_batch *a, const s4d_batch *b)
{
    size_t n = (size_t)a->count;
    assert_int_equal(a->modality, b->modality);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->pixel_bytes, b->pixel_bytes);
    assert_int_equal(a->skipped, 0);
    assert_int_equal(b->skipped, 0);
    same_block(a->pixels, b->pixels, a->pixel_bytes);
    same_block(a->recipe, b->recipe, n * sizeof *a->recipe);
    same_block(a->sample, b->sample, n * sizeof *a->sample);
    same_block(a->label, b->label, n * sizeof *a->label);
    same_block(a->target, b->target, n * (size_t)a->classes * sizeof *a->target);
    same_block(a->visible, b->visible, n * (size_t)a->visible_count * sizeof *a->visible);
    same_block(a->masked, b->masked, n * (size_t)a->masked_count * sizeof *a->masked);
}

/* Two epochs of both modes, with decoding threads, from the folder and from a pack of it. */
static void test_an_epoch_is_the_same(void **state)
{
    fixture *f = *state;
    s4d_pack_report report;
    s4d_err err = {0};
    fixture other = *f;
    char pack[96];
    snprintf(pack, sizeof pack, "%s/pack", f->dir);
    write_lists(f);
    s4d_pack_opts o = {.manifest = join(f->dir, "all.csv"), .root = f->dir, .output = pack, .shard_mib = 1};
    if (s4d_pack_make(&o, &report, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    release_list(&f->pictures);
    release_list(&f->clips);
    read_lists(f, f->dir);
    read_lists(&other, pack);
    assert_null(f->clips.store);
    assert_non_null(other.clips.store);
    other.set[0].manifest = &other.pictures;
    other.set[1].manifest = &other.clips;
    other.opts.set = other.set;
    f->data.workers = other.data.workers = 3;
    other.opts.data = &other.data;
    for (int mode = S4D_LOAD_PRETRAIN; mode <= S4D_LOAD_FINETUNE; mode++) {
        f->opts.mode = other.opts.mode = (s4d_loader_mode)mode;
        s4d_loader *a = create(f), *b = create(&other);
        for (uint32_t epoch = 0; epoch < 2; epoch++) {
            const s4d_batch *x, *y;
            int64_t batches = 0;
            start(a, epoch, 0);
            start(b, epoch, 0);
            do {
                assert_int_equal(s4d_loader_next(a, &x, &err), S4D_OK);
                assert_int_equal(s4d_loader_next(b, &y, &err), S4D_OK);
                assert_int_equal(x == NULL, y == NULL);
                if (x) {
                    same_batch(x, y);
                    batches++;
                }
            } while (x);
            assert_int_equal(batches, s4d_loader_batches(a));
        }
        s4d_loader_destroy(&a);
        s4d_loader_destroy(&b);
    }
    s4d_manifest_release(&other.pictures);
    s4d_manifest_release(&other.clips);
}

/* ---- the check of a pack ---- */

static s4d_check_report checked(const char *manifest)
{
    s4d_check_report r;
    s4d_err err = {0};
    if (s4d_check_run(&(s4d_check_opts){.manifest = manifest, .decode = S4D_CHECK_ALL, .threads = 2}, &r, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return r;
}

static void test_a_pack_is_checked(void **state)
{
    const place *p = *state;
    char manifest[112], shard[112];
    s4d_pack_opts o = opts_of(p);
    s4d_bytes bytes;
    s4d_check_report r;
    copy_fixture("golden/images/decode/rgba.png", join(p->root, "a.png"));
    copy_fixture("golden/images/decode/gray.jpg", join(p->root, "c/1.jpg"));
    copy_fixture("golden/images/decode/gray.png", join(p->root, "c/2.png"));
    copy_fixture("golden/images/decode/gray.png", join(p->root, "twin"));
    copy_fixture("golden/images/decode/gray.png", join(p->root, "twin.png"));
    write_text(p->manifest, "path\na.png\nc\ntwin\ntwin.png\n");
    packed(&o);
    snprintf(manifest, sizeof manifest, "%s/manifest.csv", p->pack);
    r = checked(manifest);
    assert_int_equal(r.pictures, 3);
    assert_int_equal(r.folders, 1);
    assert_int_equal(r.decoded, 4);
    assert_int_equal(r.frames, 5);
    assert_int_equal(r.count[S4D_CHECK_SAME_CONTENT], 1);
    assert_int_equal(s4d_check_faults(&r), 1);
    s4d_check_release(&r);
    /* One byte of the last picture, behind its last IDAT. */
    snprintf(shard, sizeof shard, "%s/shard-00000.s4dpack", p->pack);
    assert_int_equal(s4d_file_read(shard, 0, &bytes, NULL), S4D_OK);
    unsigned char *last = NULL, *end = bytes.data + bytes.size;
    for (unsigned char *at = bytes.data; (at = memmem(at, (size_t)(end - at), "IDAT", 4)); at += 4) {
        last = at;
    }
    assert_non_null(last);
    last[100] ^= 1;
    assert_int_equal(s4d_file_write(shard, bytes.data, bytes.size, NULL), S4D_OK);
    s4d_bytes_release(&bytes);
    write_text(manifest, "path\na.png\nc\ntwin.png\nnowhere.png\n");
    r = checked(manifest);
    assert_int_equal(r.count[S4D_CHECK_UNREADABLE], 1);
    assert_int_equal(r.count[S4D_CHECK_MISSING], 1);
    for (size_t i = 0; i < r.findings; i++) {
        if (r.finding[i].kind == S4D_CHECK_UNREADABLE) {
            assert_non_null(strstr(r.finding[i].text, "shard-00000.s4dpack: the bytes of \"twin.png\" were altered"));
        }
    }
    s4d_check_release(&r);
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
        cmocka_unit_test_setup_teardown(test_encoded_anew, make, unmake),
        cmocka_unit_test_setup_teardown(test_faulty_manifests, make, unmake),
        cmocka_unit_test_setup_teardown(test_what_stands_in_the_way, make, unmake),
        cmocka_unit_test_setup_teardown(test_an_epoch_is_the_same, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_a_pack_is_checked, make, unmake),
#ifdef S4D_TEST_HOOKS
        cmocka_unit_test_setup_teardown(test_failures, make, unmake),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
