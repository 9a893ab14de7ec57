/* The folder of a set: all of it repeats, its pages are right, and it is there as a whole or not at
 * all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/base/json.h"
#include "s4d/base/log.h"
#include "s4d/synth/synth.h"

static char folder[] = "/tmp/s4d-synth-XXXXXX";

typedef struct place {
    char path[S4D_PATH_MAX];
} place;

static place in_folder(const char *name)
{
    place p;
    snprintf(p.path, sizeof p.path, "%s/%s", folder, name);
    return p;
}

static s4d_synth_opts small(const place *output)
{
    return (s4d_synth_opts){.output = output->path,
                            .seed = 11,
                            .size = 32,
                            .classes = 7,
                            .train_images = 14,
                            .test_images = 7,
                            .train_clips = 8,
                            .test_clips = 7,
                            .unlabelled_images = 3,
                            .folds = 2};
}

static void make(const s4d_synth_opts *o)
{
    s4d_err err = {0};
    if (s4d_synth_make(o, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
}

static bool same_file(const char *a, const char *b)
{
    s4d_bytes x = {0}, y = {0};
    assert_int_equal(s4d_file_read(a, 0, &x, NULL), S4D_OK);
    bool same = s4d_file_read(b, 0, &y, NULL) == S4D_OK && x.size == y.size &&
                memcmp(x.data, y.data, x.size) == 0;
    s4d_bytes_release(&x);
    s4d_bytes_release(&y);
    return same;
}

/* How many files of tree a have the same bytes in tree b, and how many have not. */
static void compare(const char *a, const char *b, int *same, int *other)
{
    s4d_strlist names = {0};
    assert_int_equal(s4d_dir_list(a, &names, NULL), S4D_OK);
    for (size_t i = 0; i < names.count; i++) {
        char pa[S4D_PATH_MAX], pb[S4D_PATH_MAX];
        assert_int_equal(s4d_path_join(pa, a, names.item[i], NULL), S4D_OK);
        assert_int_equal(s4d_path_join(pb, b, names.item[i], NULL), S4D_OK);
        if (s4d_path_is_dir(pa)) {
            compare(pa, pb, same, other);
        } else if (same_file(pa, pb)) {
            ++*same;
        } else {
            ++*other;
        }
    }
    s4d_strlist_release(&names);
}

static void every_file_repeats(void **state)
{
    (void)state;
    for (int frames = 0; frames < 2; frames++) {
        place a = in_folder(frames ? "frames-a" : "a"), b = in_folder(frames ? "frames-b" : "b");
        s4d_synth_opts o = small(&a);
        int same = 0, other = 0;
        o.frame_folders = frames;
        make(&o);
        o.output = b.path;
        make(&o);
        compare(a.path, b.path, &same, &other);
        assert_int_equal(other, 0);
        assert_true(same >= 14 + 7 + 3 + 15 * (frames ? 12 : 1));
    }
}

/* One column of a line of subjects.csv: path,subject,part,class. */
static void column(const char *line, int which, char out[64])
{
    for (; which > 0; which--) {
        line = strchr(line, ',') + 1;
    }
    size_t n = strcspn(line, ",\n");
    assert_true(n < 64);
    memcpy(out, line, n);
    out[n] = '\0';
}

static const char *next_line(const char *line)
{
    return strchr(line, '\n') + 1;
}

static void nobody_crosses_parts(void **state)
{
    (void)state;
    place a = in_folder("a"), page = in_folder("a/subjects.csv");
    s4d_bytes text = {0};
    int lines = 0, shared = 0;
    assert_int_equal(s4d_file_read(page.path, 0, &text, NULL), S4D_OK);
    const char *first = next_line((const char *)text.data);
    for (const char *x = first; *x; x = next_line(x), lines++) {
        char path[64], subject[64], part[64], whole[S4D_PATH_MAX];
        column(x, 0, path);
        column(x, 1, subject);
        column(x, 2, part);
        assert_int_equal(s4d_path_join(whole, a.path, path, NULL), S4D_OK);
        assert_true(s4d_path_exists(whole));
        for (const char *y = first; *y; y = next_line(y)) {
            char other[64], other_part[64];
            column(y, 1, other);
            column(y, 2, other_part);
            if (x != y && strcmp(subject, other) == 0) {
                assert_string_equal(part, other_part);
                shared++;
            }
        }
    }
    assert_int_equal(lines, 14 + 7 + 15 + 3);
    assert_true(shared > 0);
    s4d_bytes_release(&text);
}

static void the_index_tells_the_counts(void **state)
{
    (void)state;
    place page = in_folder("a/index.json"), empty = in_folder("a/unlabelled/clips.txt");
    s4d_bytes text = {0};
    s4d_json *index = NULL;
    assert_int_equal(s4d_file_read(page.path, 0, &text, NULL), S4D_OK);
    assert_int_equal(s4d_json_parse((const char *)text.data, text.size, "index.json", &index, NULL),
                     S4D_OK);
    assert_string_equal(s4d_json_string(s4d_json_find(index, "seed")), "11");
    const s4d_json *lists = s4d_json_find(index, "lists");
    assert_int_equal(s4d_json_count(lists), 7); /* two of stills, four of clips, one unlabelled */
    for (size_t i = 0; i < 6; i++) {
        const s4d_json *classes = s4d_json_find(s4d_json_at(lists, i), "classes");
        double sum = 0;
        for (size_t k = 0; k < s4d_json_count(classes); k++) {
            sum += s4d_json_number(s4d_json_at(classes, k));
        }
        assert_true(sum == s4d_json_number(s4d_json_find(s4d_json_at(lists, i), "count")));
    }
    assert_false(s4d_path_exists(empty.path));
    s4d_json_destroy(&index);
    s4d_bytes_release(&text);
}

static void refused(const s4d_synth_opts *o, s4d_status status, const char *words)
{
    s4d_err err = {0};
    assert_int_equal(s4d_synth_make(o, &err), status);
    if (!strstr(err.text, words)) {
        fail_msg("expected \"%s\": %s", words, err.text);
    }
}

static void refuses_options_that_cannot_work(void **state)
{
    (void)state;
    place at = in_folder("refused");
    const s4d_synth_opts good = small(&at);
    s4d_synth_opts o = good;
    o.size = 31;
    refused(&o, S4D_USAGE, "size: expected an even number from 32 to 512, got 31");
    o.size = 33;
    refused(&o, S4D_USAGE, "got 33");
    o.size = 514;
    refused(&o, S4D_USAGE, "got 514");
    o = good;
    o.train_images = -1;
    refused(&o, S4D_USAGE, "train_images: expected a number from 0 to 99999, got -1");
    o = good;
    o.unlabelled_clips = 100000;
    refused(&o, S4D_USAGE, "unlabelled_clips");
    o = good;
    o.folds = 3;
    refused(&o, S4D_USAGE, "at least 14 clips, but train_clips is 8");
    o.folds = 0;
    refused(&o, S4D_USAGE, "folds: expected a number from 1 to 20, got 0");
    o = good;
    o.output = NULL;
    refused(&o, S4D_USAGE, "name the folder");
    o.output = "..";
    refused(&o, S4D_USAGE, "\"..\" cannot be replaced");
    s4d_synth_opts none = {.output = at.path, .size = 32, .classes = 7, .folds = 1};
    refused(&none, S4D_USAGE, "without any sample");
    assert_false(s4d_path_exists(at.path));
}

static void leaves_what_others_made(void **state)
{
    (void)state;
    place full = in_folder("full"), mine = in_folder("full/.mine"), with_slash = in_folder("full/");
    s4d_synth_opts o = small(&with_slash);
    assert_int_equal(s4d_dir_make(full.path, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(mine.path, "x", 1, NULL), S4D_OK);
    refused(&o, S4D_FAILED, "is not empty");
    assert_true(s4d_path_exists(mine.path));
    o.output = mine.path;
    refused(&o, S4D_FAILED, "is not a folder");

    place cut = in_folder("cut"), left = in_folder("cut.tmp");
    o = small(&cut);
    assert_int_equal(s4d_dir_make(left.path, NULL), S4D_OK);
    refused(&o, S4D_FAILED, "cut off");
    assert_true(s4d_path_is_dir(left.path));
}

static void fills_an_empty_folder(void **state)
{
    (void)state;
    place at = in_folder("empty/"), page = in_folder("empty/README.md");
    s4d_synth_opts o = {.output = at.path, .size = 32, .classes = 7, .test_images = 1, .folds = 1};
    assert_int_equal(s4d_dir_make(at.path, NULL), S4D_OK);
    make(&o);
    assert_true(s4d_path_exists(page.path));
}

#ifdef S4D_TEST_HOOKS
/* Every n-th call of a kind fails, until a run needs fewer calls than that. Returns the failures.
 */
static int sweep(s4d_fault fault, long step)
{
    place at = in_folder("fault"), growing = in_folder("fault.tmp");
    s4d_synth_opts o = {.output = at.path,
                        .size = 32,
                        .classes = 7,
                        .train_images = 7,
                        .train_clips = 1,
                        .folds = 1,
                        .frame_folders = true};
    int failures = 0;
    for (long n = 1;; n += step) {
        s4d_err err = {0};
        s4d_fault_set(fault, n);
        s4d_status status = s4d_synth_make(&o, &err);
        s4d_fault_set(fault, 0);
        assert_false(s4d_path_exists(growing.path));
        assert_int_equal(s4d_path_exists(at.path), status == S4D_OK);
        if (status == S4D_OK) {
            break;
        }
        assert_int_equal(status, S4D_FAILED);
        assert_true(err.text[0] != '\0');
        failures++;
    }
    assert_int_equal(s4d_dir_remove(at.path, NULL), S4D_OK);
    return failures;
}
#endif

static void a_failure_leaves_nothing(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    assert_true(sweep(S4D_FAULT_WRITE, 5) > 3);
    assert_true(sweep(S4D_FAULT_RENAME, 5) > 3);
    assert_true(sweep(S4D_FAULT_ALLOC, 23) > 3);
    sweep(S4D_FAULT_THREAD, 1); /* on one processor no thread is started */
#else
    skip();
#endif
}

static int begin(void **state)
{
    (void)state;
    s4d_log_set_level(S4D_LOG_SILENT);
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return s4d_dir_remove(folder, NULL) == S4D_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_repeats),
        cmocka_unit_test(nobody_crosses_parts),
        cmocka_unit_test(the_index_tells_the_counts),
        cmocka_unit_test(refuses_options_that_cannot_work),
        cmocka_unit_test(leaves_what_others_made),
        cmocka_unit_test(fills_an_empty_folder),
        cmocka_unit_test(a_failure_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
