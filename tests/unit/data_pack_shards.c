/* A pack of more shards than may be open at once, and files that become shorter while they are read in pieces. */
#include <dirent.h>
#include <unistd.h>

#include "data_pack_fixture.h"
#include "s4d/data/clip.h"

enum { SHARDS = 140 };

static void shard_path(char path[S4D_PATH_MAX], const char *root, unsigned k)
{
    snprintf(path, S4D_PATH_MAX, "%s/" S4D_PACK_SHARD, root, k);
}

static void store_text(const char *path, const s4d_str *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text->text, 1, text->size, file), text->size);
    assert_int_equal(fclose(file), 0);
}

/* Member "NNN" is alone in shard NNN, and its bytes are its name. */
static void make(const char *root)
{
    static const char settings[] = "{\"encoding\": \"original\"}";
    s4d_str index = {0}, records = {0}, names = {0};
    char path[S4D_PATH_MAX], name[8];
    for (unsigned k = 0; k < SHARDS; k++) {
        s4d_str shard = {0};
        snprintf(name, sizeof name, "%03u", k);
        s4d_str_add(&shard, S4D_PACK_SHARD_MAGIC);
        hand_number(&shard, 4, 1);
        hand_number(&shard, 4, k);
        hand_zeros(&shard, 64);
        s4d_str_add(&shard, name);
        hand_number(&records, 8, names.size);
        hand_number(&records, 4, 3);
        hand_number(&records, 4, k);
        hand_number(&records, 8, 64);
        hand_number(&records, 8, 3);
        hand_number(&records, 8, XXH3_64bits(name, 3));
        s4d_str_add_bytes(&names, name, 4);
        shard_path(path, root, k);
        store_text(path, &shard);
        s4d_str_release(&shard);
    }
    s4d_str_add(&index, S4D_PACK_INDEX_MAGIC);
    hand_number(&index, 4, 1);
    hand_number(&index, 4, SHARDS);
    hand_number(&index, 8, SHARDS);
    hand_number(&index, 8, strlen(settings));
    hand_number(&index, 8, names.size);
    hand_zeros(&index, 64);
    s4d_str_add(&index, settings);
    hand_zeros(&index, 8);
    for (unsigned k = 0; k < SHARDS; k++) {
        hand_number(&index, 8, 67);
    }
    s4d_str_add_bytes(&index, records.text, records.size);
    s4d_str_add_bytes(&index, names.text, names.size);
    hand_number(&index, 8, 0);
    hand_sign(&index);
    assert_int_equal(s4d_path_join(path, root, S4D_PACK_INDEX, NULL), S4D_OK);
    store_text(path, &index);
    s4d_str_release(&index);
    s4d_str_release(&records);
    s4d_str_release(&names);
}

static int open_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

static void reads(const s4d_store *store, const char *root, unsigned k)
{
    char path[S4D_PATH_MAX], name[8], got[3];
    s4d_store_view view;
    s4d_store_file file;
    s4d_err err = {0};
    snprintf(name, sizeof name, "%03u", k);
    snprintf(path, sizeof path, "%s/%s", root, name);
    if (s4d_store_read(store, path, 0, &view, &err) != S4D_OK || s4d_store_file_open(store, path, &file, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(view.size == 3 && file.size == 3);
    assert_memory_equal(view.data, name, 3);
    assert_int_equal(s4d_store_file_read(&file, 1, got, 2, &err), S4D_OK);
    assert_memory_equal(got, name + 1, 2);
    s4d_store_file_close(&file);
    s4d_store_view_release(&view);
}

static void fails(const s4d_store *store, const char *root, unsigned k, const char *words)
{
    char path[S4D_PATH_MAX], place[S4D_PATH_MAX];
    s4d_store_view view;
    s4d_err err = {0};
    snprintf(path, sizeof path, "%s/%03u", root, k);
    shard_path(place, root, k);
    assert_int_equal(s4d_store_read(store, path, 0, &view, &err), S4D_FAILED);
    if (strncmp(err.text, path, strlen(path)) != 0 || !strstr(err.text, place) || !strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
}

/* In pieces: when it is opened, or where the shard is held open, when it is read. */
static void fails_in_pieces(const s4d_store *store, const char *root, unsigned k, const char *words)
{
    char path[S4D_PATH_MAX], place[S4D_PATH_MAX], got[3];
    s4d_store_file file;
    s4d_err err = {0};
    snprintf(path, sizeof path, "%s/%03u", root, k);
    shard_path(place, root, k);
    s4d_status status = s4d_store_file_open(store, path, &file, &err);
    if (status == S4D_OK) {
        status = s4d_store_file_read(&file, 0, got, 3, &err);
    }
    assert_int_equal(status, S4D_FAILED);
    if (strncmp(err.text, place, strlen(place)) != 0 || !strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
    s4d_store_file_close(&file);
}

static void test_many_shards(void **state)
{
    (void)state;
    char root[] = "/tmp/s4d-shards-XXXXXX", path[S4D_PATH_MAX];
    s4d_store *store = NULL;
    assert_non_null(mkdtemp(root));
    make(root);
    int before = open_files();
    assert_int_equal(s4d_store_open(root, &store, NULL), S4D_OK);
    assert_in_range(open_files() - before, 64, 128);
    for (int turn = 0; turn < 2; turn++) {
        for (unsigned k = 0; k < SHARDS; k++) {
            reads(store, root, k);
        }
    }
    for (unsigned k = 10; k < SHARDS; k += 125) { /* one that is held open and one that is not */
        shard_path(path, root, k);
        assert_int_equal(truncate(path, 65), 0);
        fails(store, root, k, "the shard is cut off: 65 of 67 bytes are there");
        fails_in_pieces(store, root, k, "the shard is cut off: 65 of 67 bytes are there");
        assert_int_equal(truncate(path, 67), 0); /* its length back, zeros where the member was */
        fails(store, root, k, "were altered since they were packed");
        reads(store, root, k - 1);
    }
    s4d_store_close(&store);
    assert_int_equal(open_files(), before);
    assert_int_equal(s4d_dir_remove(root, NULL), S4D_OK);
}

/* ---- a video that loses its end between two frames ---- */

static void make_video(const char *path, int frames)
{
    s4d_video_writer *w = NULL;
    s4d_image image = {0};
    uint32_t x = 1;
    assert_int_equal(s4d_image_size(&image, 160, 160, NULL), S4D_OK);
    assert_int_equal(s4d_video_writer_create(path, 160, 160, 5, &w, NULL), S4D_OK);
    for (int t = 0; t < frames; t++) {
        for (int i = 0; i < 160 * 160 * 3; i++) { /* noise, so that it is long */
            x = x * 1664525u + 1013904223u;
            image.rgb[i] = (uint8_t)(x >> 24);
        }
        assert_int_equal(s4d_video_writer_add(w, &image, NULL), S4D_OK);
    }
    assert_int_equal(s4d_video_writer_close(&w, NULL), S4D_OK);
    s4d_image_release(&image);
}

/* Frame by frame, and by way of a key frame: the sentence says that it became shorter, or that it is. */
static void test_a_video_that_becomes_shorter(void **state)
{
    (void)state;
    enum { FRAMES = 30 };
    static const char *const words[] = {"became shorter while it was read", "the file ends early"};
    char root[] = "/tmp/s4d-shorter-XXXXXX", path[S4D_PATH_MAX];
    if (!s4d_video_library()) {
        skip();
    }
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/v.mp4", root);
    for (int step = 1; step < FRAMES; step += FRAMES - 2) {
        s4d_clip *clip = NULL;
        s4d_image frame = {0};
        s4d_err err = {0};
        make_video(path, FRAMES);
        assert_int_equal(s4d_clip_open(&(s4d_clip_source){.path = path}, &clip, &err), S4D_OK);
        s4d_status status = S4D_OK;
        for (int i = 0; i < FRAMES && status == S4D_OK; i += step) {
            status = s4d_clip_read(clip, &i, 1, &frame, &err);
            assert_int_equal(truncate(path, 150000), 0);
        }
        assert_int_equal(status, S4D_FAILED);
        if (strncmp(err.text, path, strlen(path)) != 0 || !strstr(err.text, words[step > 1])) {
            fail_msg("expected \"%s\": %s", words[step > 1], err.text);
        }
        s4d_clip_close(&clip);
        s4d_image_release(&frame);
    }
    assert_int_equal(s4d_dir_remove(root, NULL), S4D_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_shards),
        cmocka_unit_test(test_a_video_that_becomes_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
