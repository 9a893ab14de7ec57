/* Failures on demand in files, folders and JSON: every n-th call fails in turn. Nothing may crash,
 * leak (the sanitizers look), stay half-written or go unreported. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/base/json.h"
#include "s4d/base/mem.h"

#ifdef S4D_TEST_HOOKS

static char root[64], path[S4D_PATH_MAX], temporary[S4D_PATH_MAX + 4];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/s4d-fault-XXXXXX");
    if (!mkdtemp(root)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/file", root);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    return s4d_dir_remove(root, NULL) == S4D_OK ? 0 : -1;
}

/* Runs `work` with the first call failing, then the second, ... until none is left to fail. `fails`
 * is what must hold after each failure. */
static void sweep(s4d_fault kind, int failures, s4d_status (*work)(s4d_err *err),
                  void (*fails)(void))
{
    for (long n = 1;; n++) {
        s4d_err err = {0};
        s4d_fault_set(kind, n);
        s4d_status status = work(&err);
        s4d_fault_set(kind, 0);
        if (status == S4D_OK) {
            assert_in_range(n - 1, failures, 1000000);
            return;
        }
        assert_int_equal(status, S4D_FAILED);
        assert_int_equal(err.status, S4D_FAILED);
        assert_true(strlen(err.text) > 10);
        fails();
    }
}

static void nothing_more(void)
{
}

static void counts_calls(void **state)
{
    (void)state;
    s4d_fault_set(S4D_FAULT_READ, 2);
    assert_false(s4d_fault_hit(S4D_FAULT_READ));
    assert_false(s4d_fault_hit(S4D_FAULT_WRITE));
    assert_true(s4d_fault_hit(S4D_FAULT_READ));
    assert_false(s4d_fault_hit(S4D_FAULT_READ)); /* once */
    s4d_fault_set(S4D_FAULT_READ, 1);
    s4d_fault_set(S4D_FAULT_READ, 0);
    assert_false(s4d_fault_hit(S4D_FAULT_READ));
}

/* This program again, as a child that reports which of three allocations failed, as bits. */
static int failed_allocations(const char *variable)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("S4D_FAULT", variable, 1);
        fclose(stderr);
        execl("/proc/self/exe", "fault", "allocate", (char *)NULL);
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int allocate_thrice(void)
{
    int failed = 0;
    for (int i = 0; i < 3; i++) {
        void *block = s4d_mem_alloc(1, 1);
        failed |= (block == NULL) << i;
        s4d_mem_free(block);
    }
    return failed;
}

static void reads_the_environment(void **state)
{
    (void)state;
    assert_int_equal(failed_allocations("alloc:2"), 2);
    assert_int_equal(failed_allocations("alloc:1"), 1);
    assert_int_equal(failed_allocations("read:1"), 0);
    assert_int_equal(failed_allocations("alloc:"), 0);
    assert_int_equal(failed_allocations("alloc:-1"), 0);
    assert_int_equal(failed_allocations("alloc:1x"), 0);
    assert_int_equal(failed_allocations("allocs:1"), 0);
}

static s4d_status write_new(s4d_err *err)
{
    static char data[200000];
    memset(data, 'n', sizeof data);
    return s4d_file_write(path, data, sizeof data, err);
}

static void old_file_stands(void)
{
    s4d_bytes b;
    assert_int_equal(s4d_file_read(path, 0, &b, NULL), S4D_OK);
    assert_int_equal(b.size, 3);
    assert_memory_equal(b.data, "old", 3);
    s4d_bytes_release(&b);
    assert_false(s4d_path_exists(temporary));
}

static void writing_replaces_all_or_nothing(void **state)
{
    (void)state;
    static const s4d_fault kind[] = {S4D_FAULT_ALLOC, S4D_FAULT_WRITE, S4D_FAULT_FSYNC,
                                     S4D_FAULT_RENAME};
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        assert_int_equal(s4d_file_write(path, "old", 3, NULL), S4D_OK);
        sweep(kind[i], 1, write_new, old_file_stands);
        s4d_bytes b;
        assert_int_equal(s4d_file_read(path, 0, &b, NULL), S4D_OK);
        assert_int_equal(b.size, 200000);
        s4d_bytes_release(&b);
    }
}

/* Many small pieces: the failure shows while writing or at the close, never later. */
static s4d_status write_pieces(s4d_err *err)
{
    s4d_writer *w;
    char piece[1000];
    memset(piece, 'p', sizeof piece);
    s4d_status status = s4d_writer_create(path, &w, err);
    for (int i = 0; i < 150 && status == S4D_OK; i++) {
        status = s4d_writer_write(w, piece, sizeof piece, err);
    }
    if (status == S4D_OK) {
        status = s4d_writer_close(&w, err);
        assert_null(w);
    }
    s4d_writer_abort(&w);
    return status;
}

static void pieces_replace_all_or_nothing(void **state)
{
    (void)state;
    assert_int_equal(s4d_file_write(path, "old", 3, NULL), S4D_OK);
    sweep(S4D_FAULT_WRITE, 3, write_pieces, old_file_stands);
}

static s4d_status read_file(s4d_err *err)
{
    s4d_bytes b;
    s4d_status status = s4d_file_read(path, 0, &b, err);
    assert_true((b.data != NULL) == (status == S4D_OK));
    s4d_bytes_release(&b);
    return status;
}

static void reading_fails_cleanly(void **state)
{
    (void)state;
    assert_int_equal(s4d_file_write(path, "old", 3, NULL), S4D_OK);
    sweep(S4D_FAULT_READ, 1, read_file, nothing_more);
    sweep(S4D_FAULT_ALLOC, 1, read_file, nothing_more);
}

static s4d_appender *open_log;

static s4d_status append(s4d_err *err)
{
    return s4d_appender_line(open_log, "line", err);
}

static void appending_leaves_whole_lines(void **state)
{
    (void)state;
    assert_int_equal(s4d_file_write(path, "old", 3, NULL), S4D_OK);
    assert_int_equal(s4d_appender_create(path, &open_log, NULL), S4D_OK);
    sweep(S4D_FAULT_ALLOC, 1, append, old_file_stands);
    assert_int_equal(s4d_file_write(path, "old", 3, NULL), S4D_OK);
    s4d_appender_destroy(&open_log);
    assert_int_equal(s4d_appender_create(path, &open_log, NULL), S4D_OK);
    sweep(S4D_FAULT_WRITE, 1, append, old_file_stands);
    s4d_appender_destroy(&open_log);
}

static s4d_status list_folder(s4d_err *err)
{
    s4d_strlist list;
    s4d_status status = s4d_dir_list(root, &list, err);
    s4d_strlist_release(&list);
    return status;
}

static s4d_status remove_folder(s4d_err *err)
{
    char dir[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(dir, root, "folder", NULL), S4D_OK);
    return s4d_dir_remove(dir, err);
}

static void folders_fail_cleanly(void **state)
{
    (void)state;
    char dir[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(dir, root, "folder/a/b", NULL), S4D_OK);
    assert_int_equal(s4d_dir_make(dir, NULL), S4D_OK);
    sweep(S4D_FAULT_READ, 2, list_folder, nothing_more);
    sweep(S4D_FAULT_ALLOC, 2, list_folder, nothing_more);
    sweep(S4D_FAULT_READ, 1, remove_folder, nothing_more);
}

static s4d_status parse(s4d_err *err)
{
    static const char text[] =
        "{\"a\": [1, \"x\", {\"b\": null, \"c\": {}}], \"d\": {\"e\": \"\\n\"}}";
    s4d_json *doc;
    s4d_status status = s4d_json_parse(text, sizeof text - 1, "t", &doc, err);
    assert_true((doc != NULL) == (status == S4D_OK));
    s4d_json_destroy(&doc);
    return status;
}

static s4d_json *kept;
static const char kept_text[] = "{\"a\": {\"b\": [1, \"x\"]}}";

static s4d_status assign(s4d_err *err)
{
    return s4d_json_set(kept, "a.c.d.e", "{\"x\": [1, \"y\"]}", err);
}

static s4d_status assign_string(s4d_err *err)
{
    return s4d_json_set(kept, "a.b", "not JSON", err);
}

static void kept_is_unchanged(void)
{
    s4d_json_writer w = {0};
    s4d_json_put_node(&w, kept);
    assert_string_equal(w.out.text, kept_text);
    s4d_str_release(&w.out);
}

static void json_fails_cleanly(void **state)
{
    (void)state;
    sweep(S4D_FAULT_ALLOC, 12, parse, nothing_more);
    s4d_status (*const work[])(s4d_err *) = {assign, assign_string};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s4d_json_parse(kept_text, sizeof kept_text - 1, "t", &kept, NULL), S4D_OK);
        sweep(S4D_FAULT_ALLOC, 3, work[i], kept_is_unchanged);
        s4d_json_destroy(&kept);
    }
}

static s4d_status write_json(s4d_err *err)
{
    s4d_json_writer w = {0};
    s4d_json_open(&w, '[');
    for (int i = 0; i < 100; i++) {
        s4d_json_put_number(&w, i + 0.5);
    }
    s4d_json_close(&w, ']');
    s4d_status status = w.out.failed ? s4d_err_memory(err, w.out.size, "a text") : S4D_OK;
    s4d_str_release(&w.out);
    return status;
}

static void json_writer_reports_at_the_end(void **state)
{
    (void)state;
    sweep(S4D_FAULT_ALLOC, 2, write_json, nothing_more);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return allocate_thrice();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_calls),
        cmocka_unit_test(reads_the_environment),
        cmocka_unit_test(writing_replaces_all_or_nothing),
        cmocka_unit_test(pieces_replace_all_or_nothing),
        cmocka_unit_test(reading_fails_cleanly),
        cmocka_unit_test(appending_leaves_whole_lines),
        cmocka_unit_test(folders_fail_cleanly),
        cmocka_unit_test(json_fails_cleanly),
        cmocka_unit_test(json_writer_reports_at_the_end),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}

#else

int main(void)
{
    puts("skipped: needs S4D_TEST_HOOKS");
    return 77;
}

#endif
