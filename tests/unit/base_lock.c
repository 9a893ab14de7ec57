/* One writer a folder: who has it is told, and what is left of one that is gone is taken over. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "s4d/base/file.h"
#include "s4d/base/lock.h"
#include "s4d/base/log.h"

static char root[64];

static const char *lock_file(void)
{
    static char path[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(path, root, S4D_LOCK_NAME, NULL), S4D_OK);
    return path;
}

static int make_root(void **state)
{
    (void)state;
    s4d_log_set_level(S4D_LOG_SILENT);
    strcpy(root, "/tmp/s4d-lock-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return s4d_dir_remove(root, NULL) == S4D_OK ? 0 : -1;
}

/* A process that has the lock until it is killed. */
static pid_t start_holder(void)
{
    int ready[2];
    char byte;
    fflush(NULL);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        s4d_lock *lock;
        char answer = s4d_lock_take(root, &lock, NULL) == S4D_OK ? 'y' : 'n';
        if (write(ready[1], &answer, 1) == 1) {
            pause();
        }
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end_holder(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void taken_and_given_back(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_lock *lock, *second;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s4d_lock_take(root, &lock, &err), S4D_OK);
        assert_true(s4d_path_exists(lock_file()));
        assert_int_equal(s4d_lock_take(root, &second, &err), S4D_FAILED);
        assert_null(second);
        s4d_lock_release(&lock);
        assert_null(lock);
        s4d_lock_release(&lock);
        assert_false(s4d_path_exists(lock_file()));
    }
}

static void the_holder_is_named(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_lock *lock;
    char host[64] = "", who[160];
    gethostname(host, sizeof host - 1);
    pid_t pid = start_holder();
    snprintf(who, sizeof who, "is in use by process %ld on %s, since 2", (long)pid, host);
    assert_int_equal(s4d_lock_take(root, &lock, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, root));
    assert_non_null(strstr(err.text, who));
    end_holder(pid);
    assert_true(s4d_path_exists(lock_file())); /* it was killed */
    assert_int_equal(s4d_lock_take(root, &lock, &err), S4D_OK);
    s4d_lock_release(&lock);
    assert_false(s4d_path_exists(lock_file()));
}

/* Whatever the file holds, it is the system's lock that counts. */
static void what_is_left_is_taken_over(void **state)
{
    (void)state;
    static const char *const left[] = {"", "\n", "1 other-host 2020-01-01T00:00:00+0000 boot 5\n", "nonsense", "-1 a b c 0\n",
                                       "99999999999999999999999 a b c 1\n"};
    s4d_err err = {0};
    s4d_lock *lock;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        assert_int_equal(s4d_file_write(lock_file(), left[i], strlen(left[i]), NULL), S4D_OK);
        assert_int_equal(s4d_lock_take(root, &lock, &err), S4D_OK);
        s4d_lock_release(&lock);
        assert_false(s4d_path_exists(lock_file()));
    }
}

static void no_folder_and_no_permission(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_lock *lock;
    assert_int_equal(s4d_lock_take("/none/at/all", &lock, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "/none/at/all/" S4D_LOCK_NAME ": cannot be written: No such file or directory"));
    assert_int_equal(symlink("/dev/null", lock_file()), 0); /* nobody's file is written through a link of that name */
    assert_int_equal(s4d_lock_take(root, &lock, &err), S4D_FAILED);
    unlink(lock_file());
}

/* Many take and give back at once: never two at a time. */
static void never_two(void **state)
{
    (void)state;
    enum { PROCESSES = 6, TURNS = 300 };
    char inside[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(inside, root, "inside", NULL), S4D_OK);
    fflush(NULL);
    for (int p = 0; p < PROCESSES; p++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid > 0) {
            continue;
        }
        for (int i = 0; i < TURNS; i++) {
            s4d_lock *lock;
            if (s4d_lock_take(root, &lock, NULL) != S4D_OK) {
                continue;
            }
            if (mkdir(inside, 0777) != 0 || rmdir(inside) != 0) {
                _exit(1);
            }
            s4d_lock_release(&lock);
        }
        _exit(0);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

static void a_folder_that_grows(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_lock *lock, *second;
    char folder[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(folder, root, "a/b/pack.tmp", NULL), S4D_OK);
    assert_int_equal(s4d_lock_make_folder(folder, &lock, &err), S4D_OK);
    assert_int_equal(s4d_lock_make_folder(folder, &second, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "is in use by process"));
    s4d_lock_release(&lock);
    assert_int_equal(s4d_lock_make_folder(folder, &lock, &err), S4D_FAILED);
    assert_null(lock);
    assert_non_null(strstr(err.text, "is left from a run that was cut off; remove it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_and_given_back),      cmocka_unit_test(the_holder_is_named),
        cmocka_unit_test(what_is_left_is_taken_over), cmocka_unit_test(no_folder_and_no_permission),
        cmocka_unit_test(never_two),                 cmocka_unit_test(a_folder_that_grows),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
