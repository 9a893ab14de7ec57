/* Element types, shapes, rows. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "s4d/tensor/tensor.h"

static void types(void **state)
{
    (void)state;
    static const struct {
        s4d_dtype dtype;
        const char *name;
        size_t size;
    } known[] = {{S4D_F32, "F32", 4},   {S4D_F64, "F64", 8},  {S4D_F16, "F16", 2},
                 {S4D_BF16, "BF16", 2}, {S4D_U8, "U8", 1},    {S4D_I32, "I32", 4},
                 {S4D_I64, "I64", 8},   {S4D_BOOL, "BOOL", 1}};
    assert_int_equal(sizeof known / sizeof *known, S4D_DTYPE_COUNT);
    for (size_t i = 0; i < S4D_DTYPE_COUNT; i++) {
        assert_string_equal(s4d_dtype_name(known[i].dtype), known[i].name);
        assert_int_equal(s4d_dtype_size(known[i].dtype), known[i].size);
    }
}

static void shapes(void **state)
{
    (void)state;
    double value[24];
    s4d_tensor t = S4D_TENSOR(S4D_F64, value, 2, 3, 4);
    assert_int_equal(t.rank, 3);
    assert_int_equal(s4d_tensor_count(&t), 24);
    assert_int_equal(s4d_tensor_bytes(&t), sizeof value);
    assert_true(s4d_tensor_given(&t));
    char text[128];
    s4d_tensor_shape_text(&t, text);
    assert_string_equal(text, "[2,3,4]");

    s4d_tensor flat = S4D_RESHAPE(t, 6, 4);
    assert_ptr_equal(flat.data, value);
    assert_int_equal(flat.rank, 2);
    assert_int_equal(flat.dim[0], 6);
    assert_int_equal(flat.dim[2], 0);

    s4d_tensor rows = s4d_tensor_rows(flat, 2, 3);
    assert_ptr_equal(rows.data, value + 8);
    s4d_tensor_shape_text(&rows, text);
    assert_string_equal(text, "[3,4]");
    rows = s4d_tensor_rows(t, 1, 1);
    assert_ptr_equal(rows.data, value + 12);
    rows = s4d_tensor_rows(flat, 6, 0);
    assert_int_equal(s4d_tensor_count(&rows), 0);
}

static void absent_empty_and_planned(void **state)
{
    (void)state;
    s4d_tensor none = {0};
    assert_false(s4d_tensor_given(&none));
    assert_int_equal(s4d_tensor_count(&none), 0);
    assert_int_equal(s4d_tensor_bytes(&none), 0);
    s4d_tensor empty = S4D_TENSOR(S4D_F32, NULL, 0, 5);
    assert_true(s4d_tensor_given(&empty));
    assert_int_equal(s4d_tensor_count(&empty), 0);
    s4d_tensor planned = s4d_tensor_rows(S4D_TENSOR(S4D_F32, NULL, 4, 5), 2, 2);
    assert_null(planned.data);
    assert_int_equal(s4d_tensor_count(&planned), 10);
    const int64_t large[6] = {INT64_MAX / 8, 1, 1, 1, 1, 1};
    s4d_tensor most = s4d_tensor_of(S4D_F64, NULL, 6, large);
    char text[128];
    s4d_tensor_shape_text(&most, text);
    assert_string_equal(text, "[1152921504606846975,1,1,1,1,1]");
}

static void reshape_wrongly(void)
{
    S4D_RESHAPE(S4D_TENSOR(S4D_F32, NULL, 2, 3), 5);
}

static void overflow(void)
{
    S4D_TENSOR(S4D_F32, NULL, INT64_MAX / 2, 3);
}

static void too_many_rows(void)
{
    s4d_tensor_rows(S4D_TENSOR(S4D_F32, NULL, 2, 3), 1, 2);
}

static void too_many_dimensions(void)
{
    S4D_TENSOR(S4D_F32, NULL, 1, 1, 1, 1, 1, 1, 1);
}

static void wrong_shapes_are_bugs(void **state)
{
    (void)state;
    void (*const wrong[])(void) = {reshape_wrongly, overflow, too_many_rows, too_many_dimensions};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fflush(NULL);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            fclose(stderr);
            signal(SIGABRT, SIG_DFL);
            wrong[i]();
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),
        cmocka_unit_test(shapes),
        cmocka_unit_test(absent_empty_and_planned),
        cmocka_unit_test(wrong_shapes_are_bugs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
