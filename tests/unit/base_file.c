/* Files and folders, in a temporary folder of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "s4d/base/file.h"
#include "s4d/base/mem.h"

static char root[64];

static const char *in(const char *name)
{
    static char path[4][S4D_PATH_MAX];
    static int next;
    char *out = path[next++ % 4];
    assert_int_equal(s4d_path_join(out, root, name, NULL), S4D_OK);
    return out;
}

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/s4d-file-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return s4d_dir_remove(root, NULL) == S4D_OK && !s4d_path_exists(root) ? 0 : -1;
}

static void assert_says(const s4d_err *err, const char *path, const char *part)
{
    assert_int_equal(err->status, S4D_FAILED);
    assert_non_null(strstr(err->text, path));
    assert_non_null(strstr(err->text, part));
}

static void assert_holds(const char *path, const char *text)
{
    s4d_bytes b;
    s4d_err err = {0};
    assert_int_equal(s4d_file_read(path, 0, &b, &err), S4D_OK);
    assert_int_equal(b.size, strlen(text));
    assert_string_equal((char *)b.data, text); /* the NUL is there */
    s4d_bytes_release(&b);
    assert_null(b.data);
}

static void write_and_read(void **state)
{
    (void)state;
    s4d_err err = {0};
    assert_int_equal(s4d_file_write(in("a"), "one", 3, &err), S4D_OK);
    assert_holds(in("a"), "one");
    assert_int_equal(s4d_file_write(in("a"), "", 0, &err), S4D_OK);
    assert_holds(in("a"), "");
    assert_false(s4d_path_exists(in("a.tmp")));
    struct stat about;
    assert_int_equal(stat(in("a"), &about), 0);
    assert_true((about.st_mode & 0600) == 0600);
}

static void bad_reads(void **state)
{
    (void)state;
    s4d_bytes b;
    s4d_err err = {0};
    assert_int_equal(s4d_file_read(in("none"), 0, &b, &err), S4D_FAILED);
    assert_says(&err, in("none"), "No such file");
    assert_int_equal(s4d_file_read(root, 0, &b, &err), S4D_FAILED);
    assert_says(&err, root, "is a folder");
    assert_int_equal(s4d_file_write(in("five"), "12345", 5, &err), S4D_OK);
    assert_int_equal(s4d_file_read(in("five"), 4, &b, &err), S4D_FAILED);
    assert_says(&err, in("five"), "too large (5 bytes, at most 4");
    assert_int_equal(s4d_file_read(in("five"), 5, &b, &err), S4D_OK);
    s4d_bytes_release(&b);
    assert_int_equal(mkfifo(in("pipe"), 0600), 0);
    assert_int_equal(s4d_file_read(in("pipe"), 0, &b, &err), S4D_FAILED); /* and does not wait */
    assert_says(&err, in("pipe"), "not a regular file");
}

static void bad_writes(void **state)
{
    (void)state;
    s4d_err err = {0};
    assert_int_equal(s4d_file_write(in("none/a"), "x", 1, &err), S4D_FAILED);
    assert_says(&err, in("none/a"), "No such file");
    assert_int_equal(s4d_file_write(root, "x", 1, &err), S4D_FAILED);
    assert_says(&err, root, "is a folder");
    char endless[S4D_PATH_MAX + 1];
    memset(endless, 'x', S4D_PATH_MAX);
    endless[S4D_PATH_MAX] = '\0';
    assert_int_equal(s4d_file_write(endless, "x", 1, &err), S4D_FAILED);
    assert_says(&err, "xxx", "longer than 1023 bytes");
    s4d_appender *a;
    assert_int_equal(s4d_appender_create(in("none/a"), &a, &err), S4D_FAILED);
    assert_null(a);
}

/* Pieces smaller and larger than the writer's buffer, and at its edge. */
static void writer_keeps_pieces_in_order(void **state)
{
    (void)state;
    static const size_t piece[] = {1, 65535, 1, 65536, 0, 3, 200000, 65535, 2, 7};
    size_t total = 0, n = sizeof piece / sizeof *piece;
    for (size_t i = 0; i < n; i++) {
        total += piece[i];
    }
    unsigned char *data = s4d_mem_alloc(total, 1);
    for (size_t i = 0; i < total; i++) {
        data[i] = (unsigned char)(i * 31 + i / 251);
    }
    s4d_writer *w;
    s4d_err err = {0};
    assert_int_equal(s4d_writer_create(in("pieces"), &w, &err), S4D_OK);
    assert_false(s4d_path_exists(in("pieces")));
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(s4d_writer_write(w, data + at, piece[i], &err), S4D_OK);
        at += piece[i];
    }
    assert_int_equal(s4d_writer_close(&w, &err), S4D_OK);
    assert_null(w);
    s4d_bytes b;
    assert_int_equal(s4d_file_read(in("pieces"), 0, &b, &err), S4D_OK);
    assert_int_equal(b.size, total);
    assert_memory_equal(b.data, data, total);
    s4d_bytes_release(&b);
    s4d_mem_free(data);
}

static void abort_leaves_the_old_file(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_writer *w;
    assert_int_equal(s4d_file_write(in("old"), "old", 3, &err), S4D_OK);
    assert_int_equal(s4d_writer_create(in("old"), &w, &err), S4D_OK);
    assert_int_equal(s4d_writer_write(w, "new", 3, &err), S4D_OK);
    assert_true(s4d_path_exists(in("old.tmp")));
    s4d_writer_abort(&w);
    s4d_writer_abort(&w);
    assert_holds(in("old"), "old");
    assert_false(s4d_path_exists(in("old.tmp")));
}

static void appender_adds_lines(void **state)
{
    (void)state;
    s4d_err err = {0};
    for (int i = 0; i < 2; i++) {
        s4d_appender *a;
        assert_int_equal(s4d_appender_create(in("log"), &a, &err), S4D_OK);
        assert_int_equal(s4d_appender_line(a, "{}", &err), S4D_OK);
        assert_holds(in("log"), i ? "{}\n\n{}\n" : "{}\n"); /* while it is open */
        assert_int_equal(s4d_appender_line(a, "", &err), S4D_OK);
        assert_int_equal(s4d_appender_lines(a), 2 * i + 2); /* with those that were there */
        assert_int_equal(s4d_appender_sync(a, &err), S4D_OK);
        s4d_appender_destroy(&a);
        s4d_appender_destroy(&a);
    }
    assert_holds(in("log"), "{}\n\n{}\n\n");
}

/* A limit on the file's size cuts the write short, as a full disk does. */
static void appender_takes_half_a_line_back(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_appender *a;
    struct rlimit before, tight;
    assert_int_equal(s4d_appender_create(in("cut"), &a, &err), S4D_OK);
    assert_int_equal(s4d_appender_line(a, "whole", &err), S4D_OK);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 8; /* "whole\n" and two bytes more */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    s4d_status status = s4d_appender_line(a, "half", &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, S4D_FAILED);
    assert_says(&err, in("cut"), "File too large");
    assert_says(&err, in("cut"), "ulimit -f");
    assert_int_equal(s4d_appender_lines(a), 1);
    assert_holds(in("cut"), "whole\n");
    assert_int_equal(s4d_appender_line(a, "half", &err), S4D_OK);
    assert_holds(in("cut"), "whole\nhalf\n");
    s4d_appender_destroy(&a);
}

static void paths(void **state)
{
    (void)state;
    char out[S4D_PATH_MAX];
    static const char *const joined[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"},       {"a", "/b", "/b"},
        {"/", "b", "/b"},  {"a", "", "a/"},    {".", "b/c", "./b/c"}};
    for (size_t i = 0; i < sizeof joined / sizeof *joined; i++) {
        assert_int_equal(s4d_path_join(out, joined[i][0], joined[i][1], NULL), S4D_OK);
        assert_string_equal(out, joined[i][2]);
    }
    strcpy(out, "a");
    assert_int_equal(s4d_path_join(out, out, "b", NULL), S4D_OK);
    assert_string_equal(out, "a/b");
    assert_int_equal(s4d_path_join(out, "z", out, NULL), S4D_OK);
    assert_string_equal(out, "z/a/b");

    char name[S4D_PATH_MAX];
    memset(name, 'x', sizeof name);
    name[S4D_PATH_MAX - 3] = '\0';
    s4d_err err = {0};
    assert_int_equal(s4d_path_join(out, "a", name, &err), S4D_OK); /* exactly 1023 */
    assert_int_equal(s4d_path_join(out, "ab", name, &err), S4D_FAILED);
    assert_says(&err, "ab", "longer than 1023");

    static const char *const folder[][3] = {
        {"a/b/c", "a/b", "c"}, {"c", ".", "c"}, {"/c", "/", "c"}, {"a/", "a", ""}};
    for (size_t i = 0; i < sizeof folder / sizeof *folder; i++) {
        s4d_path_dir(out, folder[i][0]);
        assert_string_equal(out, folder[i][1]);
        assert_string_equal(s4d_path_name(folder[i][0]), folder[i][2]);
    }
}

/* In a process of its own, which gives root's rights up where it has them. */
static void no_permission(void **state)
{
    (void)state;
    s4d_err err = {0};
    assert_int_equal(s4d_dir_make(in("closed"), &err), S4D_OK);
    assert_int_equal(chmod(in("closed"), 0555), 0);
    assert_int_equal(chmod(root, 0755), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bool user = geteuid() != 0 || setuid(65534) == 0;
        bool said = s4d_dir_make(in("closed/new"), &err) == S4D_FAILED && strstr(err.text, "closed/new: ") &&
                    strstr(err.text, "Permission denied");
        _exit(user && said ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void folders(void **state)
{
    (void)state;
    s4d_err err = {0};
    assert_int_equal(s4d_dir_make(in("d/e/f"), &err), S4D_OK);
    assert_int_equal(s4d_dir_make(in("d/e/f/"), &err), S4D_OK);
    assert_true(s4d_path_is_dir(in("d/e/f")));
    static const char *const name[] = {"d/10.png", "d/9.png", "d/.hidden", "d/1.png"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(s4d_file_write(in(name[i]), "x", 1, &err), S4D_OK);
    }
    assert_false(s4d_path_is_dir(in("d/9.png")));
    s4d_strlist list;
    assert_int_equal(s4d_dir_list(in("d"), &list, &err), S4D_OK);
    static const char *const sorted[] = {"1.png", "9.png", "10.png", "e"};
    assert_int_equal(list.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(list.item[i], sorted[i]);
    }
    s4d_strlist_release(&list);

    assert_int_equal(s4d_dir_make(in("d/9.png/x"), &err), S4D_FAILED);
    assert_says(&err, in("d/9.png"), "in the way");
    assert_int_equal(s4d_dir_list(in("none"), &list, &err), S4D_FAILED);
    assert_says(&err, in("none"), "No such file");
    assert_int_equal(s4d_dir_list(in("d/9.png"), &list, &err), S4D_FAILED);
    assert_int_equal(s4d_dir_remove(in("d/9.png"), &err), S4D_FAILED);
    assert_says(&err, in("d/9.png"), "not a folder");
    assert_true(s4d_path_exists(in("d/9.png")));
}

static void folders_move_in_one_step(void **state)
{
    (void)state;
    s4d_err err = {0};
    assert_int_equal(s4d_dir_make(in("m/new.tmp"), &err), S4D_OK);
    assert_int_equal(s4d_file_write(in("m/new.tmp/a"), "x", 1, &err), S4D_OK);
    assert_int_equal(s4d_dir_rename(in("m/new.tmp"), in("m/new"), &err), S4D_OK);
    assert_holds(in("m/new/a"), "x");
    assert_false(s4d_path_exists(in("m/new.tmp")));
    assert_int_equal(s4d_dir_rename(in("m/none"), in("m/other"), &err), S4D_FAILED);
    assert_says(&err, in("m/other"), "No such file");
}

static void removal_does_not_follow_links(void **state)
{
    (void)state;
    s4d_err err = {0};
    assert_int_equal(s4d_dir_make(in("kept/inside"), &err), S4D_OK);
    assert_int_equal(s4d_file_write(in("kept/a"), "kept", 4, &err), S4D_OK);
    assert_int_equal(s4d_dir_make(in("gone/deep/er"), &err), S4D_OK);
    assert_int_equal(s4d_file_write(in("gone/deep/.hidden"), "x", 1, &err), S4D_OK);
    assert_int_equal(symlink(in("kept"), in("gone/link")), 0);
    assert_int_equal(symlink(in("kept"), in("link")), 0);
    assert_int_equal(s4d_dir_remove(in("gone"), &err), S4D_OK);
    assert_false(s4d_path_exists(in("gone")));
    assert_int_equal(s4d_dir_remove(in("link"), &err), S4D_OK);
    assert_false(s4d_path_exists(in("link")));
    assert_holds(in("kept/a"), "kept");
    assert_int_equal(s4d_dir_remove(in("gone"), &err), S4D_OK);
}

static void emptying_keeps_what_is_named(void **state)
{
    (void)state;
    const char *keep[] = {".kept", "also"};
    s4d_strlist left;
    struct stat about;
    assert_int_equal(s4d_dir_make(in("full/below/deep"), NULL), S4D_OK);
    assert_int_equal(s4d_dir_make(in("elsewhere"), NULL), S4D_OK);
    assert_int_equal(s4d_file_write(in("elsewhere/mine"), "x", 1, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(in("full/.kept"), "x", 1, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(in("full/.hidden"), "x", 1, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(in("full/also"), "x", 1, NULL), S4D_OK);
    assert_int_equal(symlink(in("elsewhere"), in("full/link")), 0);
    assert_int_equal(symlink(in("full"), in("to_full")), 0);
    assert_int_equal(s4d_dir_empty(in("to_full"), keep, 2, NULL), S4D_OK);
    assert_int_equal(s4d_dir_list(in("full"), &left, NULL), S4D_OK);
    assert_int_equal(left.count, 1);
    assert_string_equal(left.item[0], "also");
    s4d_strlist_release(&left);
    assert_true(s4d_path_exists(in("full/.kept")) && !s4d_path_exists(in("full/.hidden")) && s4d_path_exists(in("elsewhere/mine")));
    assert_true(lstat(in("to_full"), &about) == 0 && S_ISLNK(about.st_mode));
    s4d_err err = {0};
    assert_int_equal(s4d_dir_empty(in("none"), keep, 2, &err), S4D_FAILED);
    assert_says(&err, "none", "cannot be opened");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_and_read),
        cmocka_unit_test(bad_reads),
        cmocka_unit_test(bad_writes),
        cmocka_unit_test(writer_keeps_pieces_in_order),
        cmocka_unit_test(abort_leaves_the_old_file),
        cmocka_unit_test(appender_adds_lines),
        cmocka_unit_test(appender_takes_half_a_line_back),
        cmocka_unit_test(paths),
        cmocka_unit_test(no_permission),
        cmocka_unit_test(folders),
        cmocka_unit_test(folders_move_in_one_step),
        cmocka_unit_test(removal_does_not_follow_links),
        cmocka_unit_test(emptying_keeps_what_is_named),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
