/* Errors, memory, arenas, logging. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "s4d/base/err.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"

static void error_sentences(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_err_prefix(&err, "nothing");
    assert_string_equal(err.text, "");
    assert_int_equal(s4d_err_set(&err, S4D_USAGE, "line %d: bad", 3), S4D_USAGE);
    assert_int_equal(err.status, S4D_USAGE);
    s4d_err_prefix(&err, "%s.json", "a");
    assert_string_equal(err.text, "a.json: line 3: bad");
    s4d_err_set(&err, S4D_FAILED, "again %s", err.text); /* its own text as an argument */
    assert_string_equal(err.text, "again a.json: line 3: bad");
    assert_int_equal(err.status, S4D_FAILED);
    assert_int_equal(s4d_err_set(NULL, S4D_DIVERGED, "x"), S4D_DIVERGED);
    s4d_err_prefix(NULL, "x");
    assert_int_equal(s4d_err_memory(&err, 12345, "a table"), S4D_FAILED);
    assert_non_null(strstr(err.text, "12345 bytes for a table"));
    s4d_err_set(&err, S4D_FAILED, "%s", "a\x1B[31m\r\nb\x7F\xC3\xA9"); /* a name out of a list */
    assert_string_equal(err.text, "a\\x1B[31m\\x0D\\x0Ab\\x7F\xC3\xA9");
}

static void long_sentences_are_cut_between_characters(void **state)
{
    (void)state;
    char text[3000];
    for (int shift = 0; shift < 3; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = (size_t)shift; i + 3 <= sizeof text - 1; i += 3) {
            memcpy(text + i, "\xE2\x82\xAC", 3);
        }
        text[sizeof text - 1] = '\0';
        s4d_err err = {0};
        s4d_err_set(&err, S4D_FAILED, "%s", text);
        size_t n = strlen(err.text);
        assert_in_range(n, sizeof err.text - 3, sizeof err.text - 1);
        assert_int_equal((n - (size_t)shift) % 3, 0);
        s4d_err_prefix(&err, "p");
        n = strlen(err.text);
        assert_in_range(n, sizeof err.text - 3, sizeof err.text - 1);
        assert_int_equal((n - 3 - (size_t)shift) % 3, 0);
    }
}

static void blocks_are_zeroed_and_aligned(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n += 7) {
        unsigned char *p = s4d_mem_alloc(n, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(p[i], 0);
            p[i] = 0xAA;
        }
        s4d_mem_free(p);
    }
    assert_null(s4d_mem_alloc(SIZE_MAX / 2, 3));
    assert_null(s4d_mem_alloc(SIZE_MAX, 1));
    s4d_mem_free(NULL);
}

static void blocks_grow(void **state)
{
    (void)state;
    int32_t *item = NULL;
    uint64_t calls = s4d_mem_calls();
    assert_true(s4d_mem_grow(&item, 0, 3, sizeof *item));
    assert_int_equal(s4d_mem_calls(), calls + 1);
    item[0] = 1;
    item[2] = 3;
    assert_true(s4d_mem_grow(&item, 3, 100, sizeof *item));
    assert_int_equal((uintptr_t)item % 64, 0);
    assert_int_equal(item[0], 1);
    assert_int_equal(item[2], 3);
    for (int i = 3; i < 100; i++) {
        assert_int_equal(item[i], 0);
    }
    int32_t *before = item;
    assert_false(s4d_mem_grow(&item, 100, SIZE_MAX / 2, sizeof *item));
    assert_ptr_equal(item, before);
    assert_int_equal(item[2], 3);
    s4d_mem_free(item);
    char *copy = s4d_mem_strdup("text");
    assert_string_equal(copy, "text");
    s4d_mem_free(copy);
}

/* What a counting arena plans is exactly what a real one needs. */
static void arena_plans_and_takes(void **state)
{
    (void)state;
    s4d_arena plan = {0}, real = {0};
    for (int pass = 0; pass < 2; pass++) {
        s4d_arena *a = pass ? &real : &plan;
        if (pass) {
            real.size = plan.peak;
            real.base = s4d_mem_alloc(real.size, 1);
        }
        unsigned char *x = s4d_arena_take(a, 100);
        size_t mark = a->used;
        unsigned char *y = s4d_arena_take(a, 1000);
        s4d_arena_reset(a, mark);
        unsigned char *z = s4d_arena_take(a, 1);
        if (pass) {
            assert_ptr_equal(x, real.base);
            assert_ptr_equal(y, real.base + 128);
            assert_ptr_equal(z, y);
        } else {
            assert_null(x);
            assert_null(y);
        }
        assert_int_equal(a->peak, 1128);
        assert_int_equal(a->used, 129);
    }
    s4d_mem_free(real.base);
}

/* Runs body in a child whose standard error goes to a pipe; returns its wait status and first
 * bytes. */
static int in_child(void (*body)(void), char *said, size_t size)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(pipes[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        body();
        _exit(0);
    }
    close(pipes[1]);
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = read(pipes[0], said + used, size - 1 - used)) > 0) {
        used += (size_t)n;
    }
    said[used] = '\0';
    close(pipes[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void take_too_much(void)
{
    static _Alignas(64) unsigned char block[64];
    s4d_arena arena = {.base = block, .size = sizeof block};
    s4d_arena_take(&arena, 65);
}

static void say(void)
{
    s4d_log(S4D_LOG_DEBUG, "not shown");
    s4d_log(S4D_LOG_INFO, "%d steps", 3);
    s4d_log(S4D_LOG_WARN, "slow");
    s4d_log_set_level(S4D_LOG_SILENT);
    s4d_log(S4D_LOG_WARN, "not shown");
    s4d_log(S4D_LOG_SILENT, "not shown");
    s4d_log_set_level(S4D_LOG_DEBUG);
    s4d_log(S4D_LOG_DEBUG, "all");
}

static void bugs_abort_and_say_where(void **state)
{
    (void)state;
    char said[512];
    int status = in_child(take_too_much, said, sizeof said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "mem.c"));
}

static void log_levels(void **state)
{
    (void)state;
    char said[512];
    assert_int_equal(in_child(say, said, sizeof said), 0);
    assert_string_equal(said, "3 steps\nwarning: slow\nall\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_sentences),
        cmocka_unit_test(long_sentences_are_cut_between_characters),
        cmocka_unit_test(blocks_are_zeroed_and_aligned),
        cmocka_unit_test(blocks_grow),
        cmocka_unit_test(arena_plans_and_takes),
        cmocka_unit_test(bugs_abort_and_say_where),
        cmocka_unit_test(log_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
