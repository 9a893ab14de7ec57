/* Pictures, frame folders and videos decode from a pack as they do from files, and lists find them there. */
#include "data_pack_fixture.h"

#include "s4d/data/clip.h"
#include "s4d/data/manifest.h"

static const char ORIGINAL[] = "{\"encoding\": \"original\"}";
enum { FILES_MAX = 16 };

/* Where the repository's test files are, and the name each has in the pack, rising. */
static const struct {
    const char *file, *name;
} FILES[FILES_MAX] = {
    {"golden/images/decode/rgb.png", "clip/1.png"},  {"golden/images/decode/rgba.png", "clip/10.png"},
    {"golden/images/decode/rgb.png", "clip/2.png"},  {"golden/images/decode/gray.jpg", "gray.jpg"},
    {"data/cmyk.jpg", "inks.jpg"},                   {"golden/images/decode/palette.png", "palette.png"},
    {"golden/images/decode/rgb.bmp", "rgb.bmp"},     {"data/bframes.avi", "v/bframes.avi"},
    {"data/bframes.mp4", "v/bframes.mp4"},           {"data/edited.mp4", "v/edited.mp4"},
    {"data/plain.webm", "v/plain.webm"},             {"data/sound.avi", "v/sound.avi"},
};
enum { FIRST_VIDEO = 7, COUNT = 12 };

typedef struct setup {
    hand_pack pack;
    char plain[64]; /* the same files in a folder */
    s4d_bytes file[COUNT];
    s4d_store *store;
} setup;

static const char *plain_path(const setup *s, const char *name)
{
    static char path[S4D_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", s->plain, name);
    return path;
}

/* The files, some spoiled by `spoil`, as a folder and as a pack. */
static setup *make_with(void (*spoil)(s4d_bytes *file, int i))
{
    hand_member member[COUNT];
    setup *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s4d_log_set_level(S4D_LOG_SILENT);
    strcpy(s->plain, "/tmp/s4d-plain-XXXXXX");
    assert_non_null(mkdtemp(s->plain));
    for (int i = 0; i < COUNT; i++) {
        char path[S4D_PATH_MAX], parent[S4D_PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", S4D_TESTS_DIR, FILES[i].file);
        assert_int_equal(s4d_file_read(path, 0, &s->file[i], NULL), S4D_OK);
        if (spoil) {
            spoil(&s->file[i], i);
        }
        s4d_path_dir(parent, plain_path(s, FILES[i].name));
        assert_int_equal(s4d_dir_make(parent, NULL), S4D_OK);
        assert_int_equal(s4d_file_write(plain_path(s, FILES[i].name), s->file[i].data, s->file[i].size, NULL), S4D_OK);
        member[i] = (hand_member){FILES[i].name, (unsigned)i % 2, s->file[i].data, s->file[i].size};
    }
    hand_make(&s->pack, member, COUNT, ORIGINAL);
    assert_int_equal(s4d_store_open(s->pack.root, &s->store, NULL), S4D_OK);
    assert_non_null(s->store);
    return s;
}

static void unmake(setup *s)
{
    s4d_store_close(&s->store);
    hand_remove(&s->pack);
    for (int i = 0; i < COUNT; i++) {
        s4d_bytes_release(&s->file[i]);
    }
    assert_int_equal(s4d_dir_remove(s->plain, NULL), S4D_OK);
    free(s);
}

static void same_picture(const s4d_image *a, const s4d_image *b)
{
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->width, b->width);
    assert_memory_equal(a->rgb, b->rgb, (size_t)a->height * (size_t)a->width * 3);
}

/* A sentence with the root taken away. */
static const char *without(const char *text, const char *root)
{
    assert_int_equal(strncmp(text, root, strlen(root)), 0);
    return text + strlen(root);
}

/* Both give the same picture or the same sentence; the number that succeeded is returned. */
static int compare_pictures(const setup *s)
{
    int good = 0;
    for (int i = 0; i < COUNT; i++) {
        s4d_image plain = {0}, packed = {0};
        s4d_err first = {0}, second = {0};
        s4d_status status = s4d_image_read(plain_path(s, FILES[i].name), &plain, &first);
        assert_int_equal(s4d_image_read_from(&(s4d_image_source){.path = hand_path(&s->pack, FILES[i].name), .store = s->store}, &packed, &second), status);
        if (status == S4D_OK) {
            same_picture(&plain, &packed);
            good++;
        } else {
            assert_string_equal(without(first.text, s->plain), without(second.text, s->pack.root));
        }
        s4d_image_release(&plain);
        s4d_image_release(&packed);
    }
    return good;
}

static s4d_status read_all(const s4d_clip_source *source, s4d_image *frame, int *frames, s4d_err *err)
{
    s4d_clip *clip = NULL;
    s4d_status status = s4d_clip_open(source, &clip, err);
    *frames = status == S4D_OK ? s4d_clip_frames(clip) : 0;
    assert_in_range(*frames, 0, 63);
    /* Backwards, so that videos are looked for by their key frames or read anew. */
    for (int i = *frames - 1; i >= 0 && status == S4D_OK; i--) {
        status = s4d_clip_read(clip, &i, 1, &frame[i], err);
    }
    s4d_clip_close(&clip);
    return status;
}

static int compare_clip(const setup *s, const char *name, s4d_frame_order order, double start, double end)
{
    s4d_image plain[64] = {0}, packed[64] = {0};
    s4d_err first = {0}, second = {0};
    int frames, others;
    s4d_clip_source source = {.path = plain_path(s, name), .order = order, .start = start, .end = end};
    s4d_status status = read_all(&source, plain, &frames, &first);
    source.path = hand_path(&s->pack, name);
    source.store = s->store;
    assert_int_equal(read_all(&source, packed, &others, &second), status);
    assert_int_equal(frames, others);
    for (int i = 0; i < 64; i++) {
        if (status == S4D_OK && i < frames) {
            same_picture(&plain[i], &packed[i]);
        }
        s4d_image_release(&plain[i]);
        s4d_image_release(&packed[i]);
    }
    if (status != S4D_OK) {
        assert_string_equal(without(first.text, s->plain), without(second.text, s->pack.root));
    }
    return status == S4D_OK ? frames : 0;
}

static void test_pictures(void **state)
{
    (void)state;
    setup *s = make_with(NULL);
    assert_int_equal(compare_pictures(s), FIRST_VIDEO);
    unmake(s);
}

static void test_clips(void **state)
{
    (void)state;
    setup *s = make_with(NULL);
    s4d_err err = {0};
    s4d_clip *clip;
    assert_int_equal(compare_clip(s, "clip", S4D_ORDER_LEXICOGRAPHIC, 0, 0), 3);
    assert_int_equal(compare_clip(s, "clip", S4D_ORDER_NATURAL, 0, 0), 3);
    compare_clip(s, "clip", S4D_ORDER_NATURAL, 1, 2); /* a folder has no seconds */
    compare_clip(s, "v", S4D_ORDER_NATURAL, 0, 0);    /* a folder without pictures */
    compare_clip(s, "nowhere", S4D_ORDER_NATURAL, 0, 0);
    compare_clip(s, "rgb.bmp", S4D_ORDER_NATURAL, 0, 0);
    assert_int_equal(s4d_clip_open(&(s4d_clip_source){.path = hand_path(&s->pack, "v"), .store = s->store}, &clip, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "no picture"));
    if (s4d_video_library()) {
        for (int i = FIRST_VIDEO; i < COUNT; i++) {
            int whole = compare_clip(s, FILES[i].name, S4D_ORDER_NATURAL, 0, 0);
            bool sound = i == COUNT - 1; /* has no picture */
            assert_int_equal(whole, sound ? 0 : strstr(FILES[i].name, "edited") ? 13 : 20);
            int part = compare_clip(s, FILES[i].name, S4D_ORDER_NATURAL, 0.05, 0.35);
            assert_true(strstr(FILES[i].name, ".mp4") ? part > 0 && part < whole : part <= whole); /* times may be missing */
        }
    }
    unmake(s);
}

static void halve(s4d_bytes *file, int i)
{
    (void)i;
    file->size /= 2;
}

static void empty(s4d_bytes *file, int i)
{
    (void)i;
    file->size = 0;
}

static void spoil_middle(s4d_bytes *file, int i)
{
    (void)i;
    for (size_t k = file->size / 3; k < file->size / 3 + 40 && k < file->size; k++) {
        file->data[k] ^= 0xA5;
    }
}

/* What was damaged before it was packed is told of as it is in a folder. */
static void test_damaged_before(void **state)
{
    (void)state;
    static void (*const spoil[])(s4d_bytes *, int) = {halve, empty, spoil_middle};
    for (size_t k = 0; k < sizeof spoil / sizeof *spoil; k++) {
        setup *s = make_with(spoil[k]);
        int good = compare_pictures(s);
        assert_true(good < FIRST_VIDEO);
        compare_clip(s, "clip", S4D_ORDER_NATURAL, 0, 0);
        for (int i = FIRST_VIDEO; i < COUNT; i++) {
            compare_clip(s, FILES[i].name, S4D_ORDER_NATURAL, 0, 0);
        }
        unmake(s);
    }
}

static void test_lists(void **state)
{
    (void)state;
    setup *s = make_with(NULL);
    s4d_set_opts o = {.format = S4D_LIST_PATHS};
    s4d_manifest m;
    s4d_err err = {0};
    static const char good[] = "rgb.bmp\nclip\nv/edited.mp4\n", bad[] = "rgb.bmp\nv/rgb.bmp\nclip/3.png\n";
    snprintf(o.root, sizeof o.root, "%s", s->pack.root);
    strcpy(o.train, "list.txt");
    assert_int_equal(s4d_file_write(hand_path(&s->pack, "list.txt"), good, strlen(good), NULL), S4D_OK);
    if (s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_FAIL, &m, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(m.count, 3);
    assert_non_null(m.store);
    s4d_manifest_release(&m);
    assert_null(m.store);
    assert_int_equal(s4d_file_write(hand_path(&s->pack, "list.txt"), bad, strlen(bad), NULL), S4D_OK);
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_FAIL, &m, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "/v/rgb.bmp is not in the pack (and 1 more faulty line)"));
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_SKIP, &m, &err), S4D_OK);
    assert_int_equal(m.count, 3);
    s4d_manifest_release(&m);
    /* A pack that cannot be used is no set, whatever may be skipped. */
    assert_int_equal(remove(hand_path(&s->pack, "shard-00001.s4dpack")), 0);
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_SKIP, &m, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "shard-00001.s4dpack: the shard is missing"));
    /* Without a pack nothing is open. */
    snprintf(o.root, sizeof o.root, "%s", s->plain);
    assert_int_equal(s4d_file_write(plain_path(s, "list.txt"), good, strlen(good), NULL), S4D_OK);
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_FAIL, &m, &err), S4D_OK);
    assert_null(m.store);
    s4d_manifest_release(&m);
    unmake(s);
}

#ifdef S4D_TEST_HOOKS
#include "s4d/base/fault.h"

static s4d_status use(const setup *s, s4d_err *err)
{
    static const char *const name[] = {"rgb.bmp", "gray.jpg"};
    s4d_store *store = NULL;
    s4d_strlist list = {0};
    s4d_image image = {0};
    s4d_clip *clip = NULL;
    s4d_status status = s4d_store_open(s->pack.root, &store, err);
    if (status == S4D_OK) {
        status = s4d_store_list(store, hand_path(&s->pack, "clip"), &list, err);
    }
    for (size_t i = 0; i < 2 && status == S4D_OK; i++) {
        status = s4d_image_read_from(&(s4d_image_source){.path = hand_path(&s->pack, name[i]), .store = store}, &image, err);
    }
    if (status == S4D_OK) {
        status = s4d_clip_open(&(s4d_clip_source){.path = hand_path(&s->pack, "v/bframes.mp4"), .store = store}, &clip, err);
    }
    if (status == S4D_OK) {
        status = s4d_clip_read(clip, (int[]){1}, 1, &image, err);
    }
    s4d_clip_close(&clip);
    s4d_image_release(&image);
    s4d_strlist_release(&list);
    s4d_store_close(&store);
    return status;
}

static void test_failures(void **state)
{
    (void)state;
    setup *s = make_with(NULL);
    static const s4d_fault kind[] = {S4D_FAULT_ALLOC, S4D_FAULT_READ};
    for (size_t k = 0; s4d_video_library() && k < 2; k++) {
        for (long n = 1;; n++) {
            s4d_err err = {0};
            s4d_fault_set(kind[k], n);
            s4d_status status = use(s, &err);
            s4d_fault_set(kind[k], 0);
            if (status == S4D_OK) {
                assert_in_range(n, 8, 1000);
                break;
            }
            assert_int_equal(status, S4D_FAILED);
            assert_true(strlen(err.text) > 10);
        }
    }
    unmake(s);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures), cmocka_unit_test(test_clips), cmocka_unit_test(test_damaged_before),
        cmocka_unit_test(test_lists),
#ifdef S4D_TEST_HOOKS
        cmocka_unit_test(test_failures),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
