/* Files written through links, and by two at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "s4d/base/file.h"

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
    strcpy(root, "/tmp/s4d-links-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return s4d_dir_remove(root, NULL) == S4D_OK ? 0 : -1;
}

static void assert_holds(const char *path, const char *text)
{
    s4d_bytes b;
    assert_int_equal(s4d_file_read(path, 0, &b, NULL), S4D_OK);
    assert_string_equal((char *)b.data, text);
    s4d_bytes_release(&b);
}

static void a_link_is_followed_and_kept(void **state)
{
    (void)state;
    assert_int_equal(s4d_dir_make(in("far"), NULL), S4D_OK);
    assert_int_equal(s4d_file_write(in("far/file"), "old", 3, NULL), S4D_OK);
    assert_int_equal(symlink("far/file", in("near")), 0);
    assert_int_equal(symlink("near", in("nearer")), 0);
    assert_int_equal(s4d_file_write(in("nearer"), "new", 3, NULL), S4D_OK);
    assert_holds(in("far/file"), "new");
    assert_true(s4d_path_is_link(in("near")) && s4d_path_is_link(in("nearer")));
    assert_false(s4d_path_exists(in("nearer.tmp")) || s4d_path_exists(in("far/file.tmp")));
    /* One that leads to nothing yet. */
    assert_int_equal(symlink(in("far/later"), in("dangling")), 0);
    assert_int_equal(s4d_file_write(in("dangling"), "made", 4, NULL), S4D_OK);
    assert_holds(in("far/later"), "made");
    assert_true(s4d_path_is_link(in("dangling")));
}

static void links_that_lead_nowhere_are_refused(void **state)
{
    (void)state;
    s4d_err err = {0};
    assert_int_equal(symlink("round", in("around")), 0);
    assert_int_equal(symlink("around", in("round")), 0);
    assert_int_equal(s4d_file_write(in("round"), "x", 1, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "the link cannot be followed"));
    assert_int_equal(symlink(in("no/such/folder"), in("astray")), 0);
    assert_int_equal(s4d_file_write(in("astray"), "x", 1, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "no/such/folder"));
    char out[S4D_PATH_MAX];
    assert_int_equal(s4d_path_follow(out, in("plain"), NULL), S4D_OK);
    assert_string_equal(out, in("plain"));
}

/* A rename would put a file in their place. */
static void devices_and_pipes_are_left_alone(void **state)
{
    (void)state;
    struct stat about;
    s4d_err err = {0};
    assert_int_equal(mkfifo(in("pipe"), 0600), 0);
    assert_int_equal(symlink("/dev/null", in("null")), 0);
    static const char *const name[] = {"pipe", "null"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s4d_file_write(in(name[i]), "x", 1, &err), S4D_FAILED);
        assert_non_null(strstr(err.text, "is no regular file"));
    }
    assert_true(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode));
    assert_true(stat(in("pipe"), &about) == 0 && S_ISFIFO(about.st_mode));
}

static void of_two_writers_the_second_is_refused(void **state)
{
    (void)state;
    s4d_writer *first, *second;
    s4d_err err = {0};
    assert_int_equal(s4d_writer_create(in("shared"), &first, NULL), S4D_OK);
    assert_int_equal(s4d_writer_write(first, "first", 5, NULL), S4D_OK);
    assert_int_equal(s4d_writer_create(in("shared"), &second, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "another process is writing it"));
    assert_int_equal(s4d_writer_close(&first, NULL), S4D_OK);
    assert_holds(in("shared"), "first");
    /* What one that was killed has left is taken over, and emptied. */
    FILE *left = fopen(in("shared.tmp"), "w");
    assert_non_null(left);
    fputs("longer than what comes", left);
    fclose(left);
    assert_int_equal(s4d_file_write(in("shared"), "then", 4, NULL), S4D_OK);
    assert_holds(in("shared"), "then");
    assert_false(s4d_path_exists(in("shared.tmp")));
}

/* Many processes write one file as fast as they can: each is refused or done, and what stands there is always whole. */
static void the_file_is_always_whole(void **state)
{
    (void)state;
    enum { PROCESSES = 6, TURNS = 60, SIZE = 200000 };
    fflush(NULL);
    for (int p = 0; p < PROCESSES; p++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid > 0) {
            continue;
        }
        static char text[SIZE];
        memset(text, 'a' + p, sizeof text);
        int done = 0;
        for (int i = 0; i < TURNS; i++) {
            s4d_bytes b;
            done += s4d_file_write(in("contended"), text, SIZE - (size_t)p, NULL) == S4D_OK;
            if (s4d_file_read(in("contended"), 0, &b, NULL) == S4D_OK) {
                bool whole = b.size == SIZE - (size_t)(b.data[0] - 'a');
                for (size_t k = 1; k < b.size; k++) {
                    whole = whole && b.data[k] == b.data[0];
                }
                s4d_bytes_release(&b);
                if (!whole) {
                    _exit(2);
                }
            }
        }
        _exit(done ? 0 : 1);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_is_followed_and_kept),
        cmocka_unit_test(links_that_lead_nowhere_are_refused),
        cmocka_unit_test(devices_and_pipes_are_left_alone),
        cmocka_unit_test(of_two_writers_the_second_is_refused),
        cmocka_unit_test(the_file_is_always_whole),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
