/* Long lists and long lines: the time grows with the bytes and no faster, and a sample takes little memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/data/list.h"
#include "s4d/data/manifest.h"
#include "s4d/data/table.h"

static char folder[] = "/tmp/s4d-long-XXXXXX";

/* Processor seconds for a list of n times the text behind a header. */
static double seconds_of(const char *head, const char *text, size_t n, s4d_list_cut cut)
{
    size_t front = strlen(head), size = strlen(text);
    s4d_bytes bytes = {.data = s4d_mem_alloc(front + n * size + 1, 1), .size = front + n * size};
    s4d_list list;
    s4d_record r;
    assert_non_null(bytes.data);
    memcpy(bytes.data, head, front);
    for (size_t i = 0; i < n; i++) {
        memcpy(bytes.data + front + i * size, text, size);
    }
    clock_t begin = clock();
    assert_int_equal(s4d_list_take(&bytes, &list, NULL), S4D_OK);
    s4d_list_headed(&list);
    s4d_list_begin(&list, cut);
    for (bool first = true; s4d_list_next(&list, &r); first = false) {
        s4d_heads heads;
        if (first) {
            s4d_heads_read(&r, true, &heads, NULL);
        }
        s4d_list_misfit(&r);
    }
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    s4d_list_release(&list);
    return seconds;
}

/* Eight times the bytes take no more than 24 times as long; a square would take 64 times. */
static void time_is_linear(void **state)
{
    (void)state;
    enum { BYTES = 1 << 18 };
    static const char *const head[] = {"", "path,label\n", "\"", "path\tlabel\n", "sep=;\n"};
    static const char *const text[] = {",", ";",   "\t",     "|",     "\"",       "\"\"",     "a,",           "\",\"",  "'",          "\n",
                                       "\r", "\r\n", " ",      "a b ",  "a,b\n",    "a\xC2\xA0", "\xE2\x80\x8B", ",\n",    "\"a\"x,",    "\xC2\xA0\n",
                                       ".",  "/",    "a.b 1\n", "=,;\t|", "\"a\nb\",", "1",        "\xEF\xBB\xBF",  "'a','b'\n", "sep=,\n"};
    for (size_t h = 0; h < sizeof head / sizeof *head; h++) {
        for (size_t t = 0; t < sizeof text / sizeof *text; t++) {
            for (int cut = S4D_CUT_LAST; cut <= S4D_CUT_NONE; cut++) {
                size_t n = BYTES / 8 / strlen(text[t]);
                double once = seconds_of(head[h], text[t], n, (s4d_list_cut)cut);
                double eight = seconds_of(head[h], text[t], 8 * n, (s4d_list_cut)cut);
                if (eight > 24 * once + 0.25) {
                    fail_msg("\"%s\" and many of \"%s\", cut %d: %.3f s, then %.3f s", head[h], text[t], cut, once, eight);
                }
            }
        }
    }
}

enum { LINES = 20000 };

static const char *write_long(void)
{
    static char path[S4D_PATH_MAX];
    s4d_str text = {0};
    s4d_str_add(&text, "path,label,split,subject\n");
    for (int i = 0; i < LINES; i++) {
        s4d_str_printf(&text, "clips/part_%04d/session_%04d/of_a_person_%08d_frame.jpg,%s,train,p%d\n", i % 97, i % 89, i,
                       i % 2 ? "fear" : "anger", i / 100);
    }
    snprintf(path, sizeof path, "%s/long.csv", folder);
    assert_int_equal(s4d_file_write(path, text.text, text.size, NULL), S4D_OK);
    s4d_str_release(&text);
    return path;
}

/* No block of memory for each line: the lines' text, a row each, and that is all. */
static void rows_point_into_the_text(void **state)
{
    (void)state;
    s4d_table t;
    const char *path = write_long();
    uint64_t calls = s4d_mem_calls();
    assert_int_equal(s4d_table_read(path, &t, NULL), S4D_OK);
    assert_in_range(s4d_mem_calls() - calls, 1, 20);
    assert_int_equal(t.count, LINES);
    assert_in_range(t.room, LINES, LINES + LINES / 10);
    assert_in_range(sizeof *t.row, 1, 72);
    assert_string_equal(t.row[LINES - 1].subject, "p199");
    s4d_table_release(&t);
}

static void samples_share_their_texts(void **state)
{
    (void)state;
    s4d_set_opts o = {.format = S4D_LIST_MANIFEST, .class_count = 2, .classes = {"anger", "fear"}};
    s4d_manifest m;
    write_long();
    snprintf(o.root, sizeof o.root, "%s", folder);
    strcpy(o.train, "long.csv");
    uint64_t calls = s4d_mem_calls();
    assert_int_equal(s4d_manifest_read(&o, S4D_LIST_TRAIN, S4D_BAD_SKIP, &m, NULL), S4D_OK);
    assert_in_range(s4d_mem_calls() - calls, 1, 60);
    assert_int_equal(m.count, LINES);
    const s4d_sample *last = &m.sample[LINES - 1];
    assert_ptr_equal(last->id, last->path + strlen(folder) + 1);
    assert_ptr_equal(last->subject, last[-1].subject);
    assert_in_range(sizeof *last, 1, 64);
    s4d_manifest_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_linear),
        cmocka_unit_test(rows_point_into_the_text),
        cmocka_unit_test(samples_share_their_texts),
    };
    if (!mkdtemp(folder)) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return s4d_dir_remove(folder, NULL) == S4D_OK ? failed : 1;
}
