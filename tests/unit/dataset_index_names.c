/* What names say: classes that are none, paths by patterns, and files of labels, byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/index_job.h"
#include "dataset/index_regex.h"

static void names_of_classes(void **state)
{
    (void)state;
    static const char *const good[] = {"anger", "happily surprised", "au12", "pain 3", "neutral face", "level2", "a-b", "none", "",
                                       "attested", "detrained", "interval", "imagesque", "actress", "\xE4\xB8\x8D", "valence high"};
    static const char *const splits[] = {"train", "test", "val", "dev", "fer2013train", "train_afew", "trainset", "testimages",
                                         "my validation set", "publictest", "unlabelled"};
    static const char *const persons[] = {"actor_01", "s001", "id00012", "p001", "subject 1", "sub-3", "m003", "person_b",
                                          "video_speech_actor_01", "woman 2"};
    static const char *const files[] = {"images", "frames", "jpg", "mp4", "videoflash", "audiowav", "clip_224x224", "clip001",
                                        "manually_annotated_images", "originalimg", "raw data 2", "part1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_null(index_no_class(good[i]));
    }
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        assert_string_equal(index_no_class(splits[i]), "which is the name of a split");
    }
    for (size_t i = 0; i < sizeof persons / sizeof *persons; i++) {
        assert_string_equal(index_no_class(persons[i]), "which is the name of a person");
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        assert_string_equal(index_no_class(files[i]), "which is the name of files or of what holds them");
    }
}

static void patterns(void **state)
{
    (void)state;
    static const char *const known[] = {"label", "subject", NULL};
    index_regex *r;
    s4d_err err = {0};
    const char *at;
    size_t size;
    assert_int_equal(index_regex_create("(?<label>[a-z]+)_(?P<subject>\\d+)(?<more>x)?\\.jpg$", &r, &err), S4D_OK);
    assert_true(index_regex_has(r, "label") && index_regex_has(r, "more") && !index_regex_has(r, "split"));
    assert_string_equal(index_regex_other_group(r, known), "more");
    assert_int_equal(index_regex_match(r, "a/sad_12.jpg"), INDEX_FITS);
    assert_true(index_regex_group(r, "label", &at, &size) && size == 3 && memcmp(at, "sad", 3) == 0);
    assert_true(index_regex_group(r, "subject", &at, &size) && size == 2 && memcmp(at, "12", 2) == 0);
    assert_false(index_regex_group(r, "more", &at, &size) || index_regex_group(r, "split", &at, &size));
    assert_int_equal(index_regex_match(r, "a/sad_12.png"), INDEX_FITS_NOT);
    assert_int_equal(index_regex_match(r, "\xFF/sad_12.jpg"), INDEX_FITS); /* bytes that are no UTF-8 stand in no one's way */
    index_regex_destroy(&r);
    assert_int_equal(index_regex_create("(", &r, &err), S4D_USAGE);
    assert_null(r);
    assert_int_equal(index_regex_create("(?<label>(a|aa)+)\\d$", &r, &err), S4D_OK);
    char text[200];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(index_regex_match(r, text), INDEX_GIVEN_UP);
    index_regex_destroy(&r);
}

/* ---- files of labels ---- */

/* On the heap, so that a step outside is seen. */
static const char *label(const char *(*read)(const s4d_bytes *, char *), const void *data, size_t size, char out[INDEX_LABEL_MAX])
{
    s4d_bytes file = {.data = malloc(size + 1), .size = size};
    assert_non_null(file.data);
    memcpy(file.data, data, size);
    file.data[size] = '\0';
    const char *fault = read(&file, out);
    free(file.data);
    return fault;
}

static size_t npy(unsigned char out[256], const char *header, const void *element, size_t size)
{
    size_t n = strlen(header);
    memcpy(out, "\x93NUMPY\x01", 8);
    out[8] = (unsigned char)n;
    out[9] = 0;
    memcpy(out + 10, header, n);
    memcpy(out + 10 + n, element, size);
    return 10 + n + size;
}

static void numpy_labels(void **state)
{
    (void)state;
    static const struct {
        const char *header, *element;
        size_t size;
        const char *want; /* NULL: refused */
    } c[] = {
        {"{'descr': '<U1', 'fortran_order': False, 'shape': (), }\n", "7\0\0", 4, "7"},
        {"{'descr': '>U2', 'fortran_order': False, 'shape': (), }\n", "\0\0\0001\0\0\0000", 8, "10"},
        {"{'descr': '|S1', 'fortran_order': False, 'shape': (1,), }\n", "3", 1, "3"},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1), }\n", "\2\0\0\0\0\0\0", 8, "2"},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (), }\n", "\xFE\xFF\xFF\xFF", 4, "-2"},
        {"{'descr': '|i1', 'fortran_order': False, 'shape': (), }\n", "\xFF", 1, "-1"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n", "\xFF", 1, "255"},
        {"{'descr': '>f8', 'fortran_order': False, 'shape': (), }\n", "\x40\x14\0\0\0\0\0\0", 8, "5"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", "\0\0\xE0\x40", 4, "7"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", "\0\0\0\x80", 4, "0"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", "\0\0\xC0\x7F", 4, NULL},  /* not a number */
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n", "\0\0\0\0\0\0\x1E\x40", 8, NULL}, /* 7.5 */
        {"{'descr': '<U1', 'fortran_order': False, 'shape': (2,), }\n", "7\0\0\0008\0\0", 8, NULL},
        {"{'descr': '<U1', 'fortran_order': False, 'shape': (1, 2), }\n", "7\0\0\0008\0\0", 8, NULL},
        {"{'descr': '<U1', 'fortran_order': False, 'shape': (), }\n", "x\0\0", 4, NULL},
        {"{'descr': '<U1', 'fortran_order': False, 'shape': (), }\n", "7\0\0", 3, NULL},
        {"{'descr': '<U0', 'fortran_order': False, 'shape': (), }\n", "", 0, NULL},
        {"{'descr': '<U99', 'fortran_order': False, 'shape': (), }\n", "", 0, NULL},
        {"{'descr': '<i3', 'fortran_order': False, 'shape': (), }\n", "\1\0", 3, NULL},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (), }\n", "\0\x40", 2, NULL},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n", "x", 1, NULL},
        {"{'descr': '<U1'}\n", "7\0\0", 4, NULL},
    };
    unsigned char file[256];
    char out[INDEX_LABEL_MAX];
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        size_t size = npy(file, c[i].header, c[i].element, c[i].size);
        const char *fault = label(index_label_npy, file, size, out);
        assert_true((fault == NULL) == (c[i].want != NULL));
        if (c[i].want) {
            assert_string_equal(out, c[i].want);
        }
        for (size_t n = 0; n < size; n++) { /* cut off, and with a byte changed */
            assert_true(label(index_label_npy, file, n, out) != NULL);
            unsigned char kept = file[n];
            file[n] = (unsigned char)(kept ^ 0xA5);
            label(index_label_npy, file, size, out);
            file[n] = kept;
        }
    }
}

static void text_labels(void **state)
{
    (void)state;
    static const char *const c[][2] = {{"   3.0000000e+00\n", "3"}, {"7", "7"}, {" 1\r\n", "1"}, {"0.0", "0"}, {"-0", "0"},
                                       {"3.5", NULL}, {"", NULL}, {" ", NULL}, {"3 4", NULL}, {"happy", NULL}, {"nan", NULL}, {"1e9", NULL}};
    char out[INDEX_LABEL_MAX];
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const char *fault = label(index_label_text, c[i][0], strlen(c[i][0]), out);
        assert_true((fault == NULL) == (c[i][1] != NULL));
        if (c[i][1]) {
            assert_string_equal(out, c[i][1]);
        }
    }
    assert_non_null(label(index_label_text, "3\0", 2, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_classes),
        cmocka_unit_test(patterns),
        cmocka_unit_test(numpy_labels),
        cmocka_unit_test(text_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
