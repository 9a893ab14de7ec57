/* Threads, the clock, and interruption by signals. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "s4d/base/fault.h"
#include "s4d/base/thread.h"

static void *add_one(void *arg)
{
    ++*(int *)arg;
    return NULL;
}

static void threads_start_and_join(void **state)
{
    (void)state;
    s4d_thread t[4] = {{0}};
    int count[4] = {0};
    s4d_err err = {0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s4d_thread_start(&t[i], add_one, &count[i], &err), S4D_OK);
    }
    for (int i = 0; i < 4; i++) {
        s4d_thread_join(&t[i]);
        s4d_thread_join(&t[i]);
        assert_int_equal(count[i], i < 3);
    }
}

static void a_thread_may_fail_to_start(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    s4d_thread t = {0};
    s4d_err err = {0};
    int count = 0;
    s4d_fault_set(S4D_FAULT_THREAD, 1);
    assert_int_equal(s4d_thread_start(&t, add_one, &count, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "fewer threads or workers"));
    s4d_thread_join(&t);
    assert_int_equal(count, 0);
#else
    print_message("skipped: needs S4D_TEST_HOOKS\n");
    skip();
#endif
}

static void the_clock_moves_forward(void **state)
{
    (void)state;
    double before = s4d_clock_ms();
    nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    double waited = s4d_clock_ms() - before;
    assert_true(waited >= 3.0 && waited < 60000.0);
    assert_true(s4d_cpu_count() >= 1);
}

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
enum { ENDS = sizeof ends / sizeof *ends };

/* A second of 0 is none. */
static int interrupted_by(int first, int second)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (int i = 0; i < ENDS; i++) {
            signal(ends[i], SIG_DFL); /* may be ignored here: tests run in the background, too */
        }
        s4d_interrupt_install();
        if (s4d_interrupt_status() != S4D_OK) {
            _exit(1);
        }
        kill(getpid(), first);
        while (s4d_interrupt_status() == S4D_OK) {
            usleep(100);
        }
        if (second) {
            kill(getpid(), second);
            bool last = (first == SIGINT || first == SIGTERM) && (second == SIGINT || second == SIGTERM);
            usleep(last ? 60000000 : 50000);
        }
        _exit(s4d_interrupt_status() + 50); /* told apart from the end by a second signal */
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void signals_set_a_flag_then_end(void **state)
{
    (void)state;
    assert_int_equal(interrupted_by(SIGINT, 0), 130 + 50);
    assert_int_equal(interrupted_by(SIGTERM, 0), 143 + 50);
    assert_int_equal(interrupted_by(SIGINT, SIGINT), 130);
    assert_int_equal(interrupted_by(SIGINT, SIGTERM), 143);
}

/* A terminal that is closed says so twice, a batch system sends SIGTERM behind its warning: what the first of them began goes on. */
static void signals_of_systems_end_as_sigterm_does(void **state)
{
    (void)state;
    for (int i = 2; i < ENDS; i++) {
        assert_int_equal(interrupted_by(ends[i], 0), 143 + 50);
        assert_int_equal(interrupted_by(ends[i], ends[i]), 143 + 50);
        assert_int_equal(interrupted_by(ends[i], SIGTERM), 143 + 50);
        assert_int_equal(interrupted_by(SIGINT, ends[i]), 130 + 50);
    }
}

/* Writing tells of them. */
static void a_closed_pipe_and_a_full_file_are_no_signals(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int pipes[2];
        s4d_interrupt_install();
        bool told = pipe(pipes) == 0 && close(pipes[0]) == 0 && write(pipes[1], "x", 1) < 0 && errno == EPIPE;
        raise(SIGXFSZ);
        _exit(told && s4d_interrupt_status() == S4D_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* As under nohup or in a shell's background: what was ignored stays so. */
static void an_ignored_signal_stays_ignored(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        signal(SIGTERM, SIG_DFL);
        s4d_interrupt_install();
        kill(getpid(), SIGINT);
        kill(getpid(), SIGHUP);
        usleep(20000);
        bool ignored = s4d_interrupt_status() == S4D_OK;
        kill(getpid(), SIGTERM);
        while (s4d_interrupt_status() == S4D_OK) {
            usleep(100);
        }
        _exit(ignored && s4d_interrupt_status() == S4D_TERMINATED ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *blocked_here(void *answer)
{
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    *(bool *)answer = sigismember(&set, SIGINT) && sigismember(&set, SIGTERM);
    return NULL;
}

/* A frame of a signal handler on the stack of a thread that computes has spoiled the heap. */
static void threads_that_compute_take_no_signal(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bool here = false, there = false;
        s4d_thread t = {0};
        s4d_err err = {0};
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        s4d_interrupt_install();
        blocked_here(&here);
        s4d_status status = s4d_thread_start(&t, blocked_here, &there, &err);
        s4d_thread_join(&t);
        _exit(status == S4D_OK && here && there ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_start_and_join),
        cmocka_unit_test(a_thread_may_fail_to_start),
        cmocka_unit_test(the_clock_moves_forward),
        cmocka_unit_test(signals_set_a_flag_then_end),
        cmocka_unit_test(signals_of_systems_end_as_sigterm_does),
        cmocka_unit_test(a_closed_pipe_and_a_full_file_are_no_signals),
        cmocka_unit_test(an_ignored_signal_stays_ignored),
        cmocka_unit_test(threads_that_compute_take_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
