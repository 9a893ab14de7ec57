/* Indexing small sets from C: what comes out, which readings are taken or asked for, and failing memory and folders. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/dataset/index.h"

static char root[64];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/s4d-index-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return s4d_dir_remove(root, NULL) == S4D_OK ? 0 : -1;
}

static void put(const char *name, const char *text)
{
    char path[S4D_PATH_MAX], folder[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(path, root, name, NULL), S4D_OK);
    s4d_path_dir(folder, path);
    assert_int_equal(s4d_dir_make(folder, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(path, text, strlen(text), NULL), S4D_OK);
}

/* Clips 1 to 4 in two folds. */
static void put_dfew(void)
{
    put("clips/00001/1.jpg", "x");
    put("clips/00002.mp4", "x");
    put("clips/00003.avi", "x");
    put("clips/part/4/1.png", "x");
    put("train_set_1.csv", "video_name,label\n3,1\n4,7\n");
    put("test_set_1.csv", "video_name,label\n1,2\n2,3\n");
    put("train_set_2.csv", "video_name,label\n1,2\n2,3\n");
    put("test_set_2.csv", "video_name,label\n3,1\n4,7\n");
}

static s4d_index_opts opts_of(const char *set)
{
    return (s4d_index_opts){.set = set, .root = root, .first_label = -1};
}

/* The sentence of a failure, "" where there is none. */
static const char *sentence(const s4d_index_opts *o)
{
    static s4d_err err;
    s4d_index index;
    err = (s4d_err){0};
    if (s4d_index_make(o, &index, &err) == S4D_OK) {
        s4d_index_release(&index);
        return "";
    }
    assert_true(index.table.row == NULL && index.list == NULL && index.decided.item == NULL);
    return err.text;
}

static void a_set_by_folds(void **state)
{
    (void)state;
    static const char *const want[][2] = {{"clips/00001", "sadness"}, {"clips/00002.mp4", "neutral"},
                                          {"clips/00003.avi", "happiness"}, {"clips/part/4", "fear"}};
    s4d_index x;
    s4d_err err = {0};
    put_dfew();
    s4d_index_opts o = opts_of("dfew");
    if (s4d_index_make(&o, &x, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(x.table.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(x.table.row[i].path, want[i][0]);
        assert_string_equal(x.table.row[i].label, want[i][1]);
        assert_int_equal(x.table.row[i].fold, i < 2 ? 1 : 2);
        assert_string_equal(x.table.row[i].split, "");
    }
    assert_true(x.table.has[S4D_COLUMN_FOLD] && !x.table.has[S4D_COLUMN_SPLIT] && !x.table.has[S4D_COLUMN_SUBJECT]);
    assert_int_equal(x.class_count, 7);
    assert_string_equal(x.classes[6], "fear");
    assert_int_equal(x.lists, 4);
    assert_string_equal(x.list[0].path, "train_set_1.csv");
    assert_string_equal(x.list[0].split, "train");
    assert_int_equal(x.list[3].fold, 2);
    assert_int_equal(x.list[3].samples, 2);
    assert_true(s4d_strlist_find(&x.decided, "labels are numbers counted from 1: 7 is seen and 0 is not") >= 0);
    s4d_index_release(&x);
    s4d_index_release(&x); /* as a zeroed one */
}

static void the_sets_are_listed(void **state)
{
    (void)state;
    size_t n;
    const s4d_index_set *set = s4d_index_sets(&n);
    assert_int_equal(n, 21);
    assert_string_equal(set[0].name, "dfew");
    for (size_t i = 0; i < n; i++) {
        s4d_index_opts o = opts_of(set[i].name);
        o.root = "/nowhere/at/all";
        assert_string_equal(sentence(&o), "/nowhere/at/all: is no folder; name the one the set was unpacked to");
    }
}

static void labels_in_two_ranges(void **state)
{
    (void)state;
    s4d_index_opts o = opts_of("ferplus");
    for (int i = 1; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.png", i);
        put(name, "x");
    }
    put("test.txt", "1.png 1\n2.png 7\n");
    assert_string_equal(sentence(&o), "test.txt: its labels may be counted from 0 or from 1, as neither 0 nor 8 is seen; choose with "
                                      "--first-label");
    o.first_label = 0;
    assert_string_equal(sentence(&o), "");
    o.first_label = -1;
    put("test.txt", "1.png 0\n2.png 8\n3.png 8\n");
    assert_string_equal(sentence(&o), "test.txt: line 1: label 0 is not in 1..8, the numbers of ferplus; correct the list, or choose "
                                      "with --classes and --first-label");
    put("test.txt", "1.png 0\n2.png 8\n3.png 0\n");
    assert_string_equal(sentence(&o), "test.txt: line 2: label 8 is not in 0..7, the numbers of ferplus; correct the list, or choose "
                                      "with --classes and --first-label");
    put("test.txt", "1.png -1\n2.png 99\n3.png 0\n");
    assert_string_equal(sentence(&o), "test.txt: line 1: label -1 is not in 0..7, the numbers of ferplus (and 1 more such fault); "
                                      "correct the list, or choose with --classes and --first-label");
}

static void a_list_may_be_damaged(void **state)
{
    (void)state;
    static const char text[] = "video_name,label\n1,2\n\"2\",3\n";
    s4d_index_opts o = opts_of("dfew");
    put_dfew();
    for (size_t n = 0; n < strlen(text); n++) {
        char copy[sizeof text];
        strcpy(copy, text);
        copy[n] = "\"\xB2\n,"[n % 4];
        put("test_set_1.csv", copy);
        sentence(&o); /* whatever it says, it ends well */
        copy[n] = '\0';
        put("test_set_1.csv", copy);
        assert_true(n + 1 == strlen(text) || *sentence(&o)); /* but for its last line's end, all of it is needed */
    }
}

#ifdef S4D_TEST_HOOKS
/* A NumPy file of one number, as AffectNet's labels are. */
static void put_npy(const char *name, char digit)
{
    char path[S4D_PATH_MAX], folder[S4D_PATH_MAX];
    unsigned char file[132] = "\x93NUMPY\x01";
    snprintf((char *)file + 10, sizeof file - 10, "%-117s\n", "{'descr': '<U1', 'fortran_order': False, 'shape': (), }");
    file[8] = 118;
    file[128] = (unsigned char)digit;
    assert_int_equal(s4d_path_join(path, root, name, NULL), S4D_OK);
    s4d_path_dir(folder, path);
    assert_int_equal(s4d_dir_make(folder, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(path, file, sizeof file, NULL), S4D_OK);
}

/* A small set of every way of reading, each in a folder of the set's name. */
static void put_all(void)
{
    put_dfew();
    put("csv/a.csv", "path,label\nx.jpg,fear\ny.jpg,sad\n");
    put("csv/x.jpg", "x");
    put("csv/y.jpg", "x");
    put("folders/sad/x.jpg", "x");
    put("folders/fear/x.jpg", "x");
    put("voxceleb2/dev/mp4/id00001/v/1.mp4", "x");
    put("ravdess/Actor_01/01-01-03-01-01-01-01.mp4", "x");
    put("ravdess/Actor_01/02-01-03-01-01-01-01.mp4", "x");
    put("ravdess/Actor_01/01-02-05-01-01-01-01.mp4", "x");
    put("affectnet8/images/0.jpg", "x");
    put("affectnet8/images/1.jpg", "x");
    put_npy("affectnet8/annotations/0_exp.npy", '0');
    put_npy("affectnet8/annotations/1_exp.npy", '7');
    put("rafdb/list_patition_label.txt", "1 train_1.jpg\n7 test_1.jpg\n");
    put("rafdb/train_1.jpg", "x");
    put("rafdb/test_1.jpg", "x");
    put("fer2013/fer2013.csv", "emotion,pixels,Usage\n0,1 2 3 4,Training\n6,255,PublicTest\n");
    put("ferplus/fer2013.csv", "emotion,pixels,Usage\n0,1 2 3 4,Training\n6,255,PublicTest\n");
    put("ferplus/fer2013new.csv", "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
                                  "Training,a.png,9,0,0,1,0,0,0,0,0,0\nPublicTest,b.png,0,9,0,1,0,0,0,0,0,0\n");
}

#endif

/* Each allocation, each read of a folder, each write fails once: a sentence and a clean end, never half an index. */
static void what_fails_is_told(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    static const char *const sets[] = {"dfew", "folders", "csv", "voxceleb2", "ravdess", "affectnet8", "rafdb", "fer2013", "ferplus"};
    static const s4d_fault kinds[] = {S4D_FAULT_ALLOC, S4D_FAULT_READ, S4D_FAULT_WRITE, S4D_FAULT_RENAME};
    put_all();
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            s4d_index_opts o = opts_of(sets[i]);
            char below[S4D_PATH_MAX], images[S4D_PATH_MAX], partial[S4D_PATH_MAX];
            o.media = i == 0 ? "clips" : NULL; /* as the other sets are beside it */
            if (i > 0) {
                assert_int_equal(s4d_path_join(below, root, sets[i], NULL), S4D_OK);
                o.root = below;
            }
            assert_int_equal(s4d_path_join(images, o.root, "fer2013_images", NULL), S4D_OK);
            assert_int_equal(s4d_path_join(partial, o.root, "fer2013_images.tmp", NULL), S4D_OK);
            long n = 0;
            bool told;
            do {
                assert_int_equal(s4d_dir_remove(images, NULL), S4D_OK);
                s4d_fault_set(kinds[k], ++n);
                told = *sentence(&o) != '\0';
                s4d_fault_set(kinds[k], 0);
                assert_true(!told || !s4d_path_exists(images));
                assert_false(s4d_path_exists(partial));
                assert_in_range(n, 1, 5000);
            } while (told);
            assert_true(n > 1 || kinds[k] == S4D_FAULT_WRITE || kinds[k] == S4D_FAULT_RENAME);
            assert_true(n > 1 || !strstr(sets[i], "fer")); /* there images are written */
        }
    }
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_set_by_folds, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_sets_are_listed, make_root, remove_root),
        cmocka_unit_test_setup_teardown(labels_in_two_ranges, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_list_may_be_damaged, make_root, remove_root),
        cmocka_unit_test_setup_teardown(what_fails_is_told, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
