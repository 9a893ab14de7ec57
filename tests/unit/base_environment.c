/* Variables of the environment: which are told, which are taken out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/environment.h"

static void nothing_is_told_of_others(void **state)
{
    (void)state;
    setenv("ONEDNN_VERBOSE", "1", 1);
    setenv("GLIBC_TUNABLES", "glibc.malloc.check=1", 1);
    s4d_environment_settle();
    assert_string_equal(s4d_environment_text(), "");
    assert_string_equal(getenv("ONEDNN_VERBOSE"), "1");
}

static void bits_are_told(void **state)
{
    (void)state;
    setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
    setenv("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA", 1);
    s4d_environment_settle();
    assert_string_equal(s4d_environment_text(), "ONEDNN_MAX_CPU_ISA=AVX2, GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA");
    assert_string_equal(getenv("ONEDNN_MAX_CPU_ISA"), "AVX2");
    unsetenv("ONEDNN_MAX_CPU_ISA");
    unsetenv("GLIBC_TUNABLES");
}

static void what_loosens_is_taken_out(void **state)
{
    (void)state;
    static const char *const name[] = {"ONEDNN_DEFAULT_FPMATH_MODE", "NVIDIA_TF32_OVERRIDE", "CUBLAS_EMULATE_SINGLE_PRECISION", "JPEGMEM"};
    for (int i = 0; i < 4; i++) {
        setenv(name[i], "1\n2", 1);
    }
    s4d_environment_settle();
    for (int i = 0; i < 4; i++) {
        char text[64] = "";
        assert_null(getenv(name[i]));
        strcat(strcat(text, name[i]), "=1\\x0A2 (ignored)");
        assert_non_null(strstr(s4d_environment_text(), text));
    }
    s4d_environment_settle();
    assert_string_equal(s4d_environment_text(), "");
}

static void long_values_are_cut(void **state)
{
    (void)state;
    char *value = malloc(100000);
    assert_non_null(value);
    memset(value, 'x', 99999);
    value[99999] = '\0';
    setenv("MKL_CBWR", value, 1);
    s4d_environment_settle();
    assert_true(strlen(s4d_environment_text()) < 200);
    unsetenv("MKL_CBWR");
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_told_of_others),
        cmocka_unit_test(bits_are_told),
        cmocka_unit_test(what_loosens_is_taken_out),
        cmocka_unit_test(long_values_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
