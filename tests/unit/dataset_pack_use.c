/* Using packs: pictures encoded anew are what was asked for, training from a pack sees what it sees from the folder, and
 * the check looks into packs. */
#include "data_loader_fixture.h"
#include "dataset_pack_fixture.h"

#include "s4d/data/clip.h"
#include "s4d/dataset/check.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_encoded_anew, make, unmake),
        cmocka_unit_test_setup_teardown(test_an_epoch_is_the_same, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(test_a_pack_is_checked, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
