/* Creating a device: names, threads, overrides, failures, and what it says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/backend/backend.h"
#include "s4d/base/fault.h"

static s4d_status create(const char *device, int threads, const char *override, s4d_backend **be,
                         s4d_err *err)
{
    *err = (s4d_err){0};
    return s4d_backend_create(
        &(s4d_backend_opts){.device = device, .threads = threads, .override = override}, be, err);
}

static void refused(const char *device, int threads, const char *override, const char *sentence)
{
    s4d_backend *be;
    s4d_err err;
    assert_int_equal(create(device, threads, override, &be, &err), S4D_USAGE);
    assert_null(be);
    assert_int_equal(err.status, S4D_USAGE);
    assert_string_equal(err.text, sentence);
}

static void devices_say_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        s4d_dtype real;
    } want[] = {{"ref", S4D_F32}, {"ref64", S4D_F64}, {"cpu", S4D_F32}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        s4d_backend *be;
        s4d_err err;
        assert_int_equal(create(want[i].name, 0, "", &be, &err), S4D_OK);
        assert_string_equal(s4d_backend_name(be), want[i].name);
        assert_int_equal(s4d_backend_real(be), want[i].real);
        assert_int_equal(s4d_backend_act(be), want[i].real);
        assert_false(s4d_backend_fixed_shapes(be));
        assert_int_equal(s4d_backend_lateness(be), 0);
        assert_string_equal(s4d_backend_attention(be), "");
        assert_true(s4d_backend_memory(be) > 0);
        assert_true(s4d_backend_threads(be) >= 1);
        size_t n = strlen(want[i].name);
        assert_memory_equal(s4d_backend_description(be), want[i].name, n);
        assert_int_equal(s4d_backend_description(be)[n], ':');
        assert_non_null(strstr(s4d_backend_devices(), want[i].name));
        assert_int_equal(s4d_backend_check(be, &err), S4D_OK);
        s4d_backend_destroy(&be);
        assert_null(be);
    }
    s4d_backend *none = NULL;
    s4d_backend_destroy(&none);
    s4d_backend_destroy(NULL);
}

static bool built_with_cuda(void)
{
    return strstr(s4d_backend_devices(), "cuda") != NULL;
}

static void unknown_device_is_refused(void **state)
{
    (void)state;
    static const char *const name[] = {"cpuu", "quantum", ""};
    for (int i = 0; i < 3; i++) {
        char sentence[256];
        snprintf(sentence, sizeof sentence, "device: \"%s\" is none; use auto, cuda, cpu or ref", name[i]);
        refused(name[i], 0, "", sentence);
    }
    assert_string_equal(s4d_backend_devices(),
                        built_with_cuda() ? "ref, ref64, cpu, cuda" : "ref, ref64, cpu");
}

/* A device that is known but not there is another matter than a wrong name. */
static void absent_cuda_is_a_failure(void **state)
{
    (void)state;
    s4d_backend *be;
    s4d_err err;
    if (built_with_cuda()) {
        skip();
    }
    assert_int_equal(create("cuda", 0, "", &be, &err), S4D_FAILED);
    assert_null(be);
    assert_string_equal(err.text, "device cuda: this build has no cuda device, which needs nvcc where it is "
                                  "configured; use --device cpu");
}

static void auto_is_what_works(void **state)
{
    (void)state;
    s4d_err why = {0};
    static const char *const kept[] = {"ref", "ref64", "cpu", "cuda", "quantum", ""};
    for (int i = 0; i < 6; i++) {
        assert_ptr_equal(s4d_backend_choose(kept[i], &why), kept[i]);
        assert_string_equal(why.text, "");
    }
    const char *chosen = s4d_backend_choose("auto", &why);
    if (strcmp(chosen, "cuda") == 0) {
        assert_true(built_with_cuda());
        return;
    }
    assert_string_equal(chosen, "cpu");
    assert_string_not_equal(why.text, "");
    if (!built_with_cuda()) {
        assert_string_equal(why.text,
                            "this build has no cuda device, which needs nvcc where it is configured");
    }
}

static void refused_precision(const char *device, s4d_precision precision, const char *override,
                              const char *sentence)
{
    s4d_backend *be;
    s4d_err err = {0};
    s4d_backend_opts opts = {.device = device, .precision = precision, .override = override};
    assert_int_equal(s4d_backend_create(&opts, &be, &err), S4D_USAGE);
    assert_null(be);
    assert_string_equal(err.text, sentence);
}

static void precision_of_host_devices_is_float32(void **state)
{
    (void)state;
    static const char *const device[] = {"ref", "ref64", "cpu"};
    for (int i = 0; i < 3; i++) {
        char sentence[256];
        snprintf(sentence, sizeof sentence,
                 "precision: %s computes in float32 only; set it to float32, or use --device cuda",
                 device[i]);
        refused_precision(device[i], S4D_TF32, "", sentence);
        refused_precision(device[i], S4D_BFLOAT16, NULL, sentence);
        refused_precision(device[i], S4D_BFLOAT16, "gelu_fwd=ref", sentence);
    }
    if (built_with_cuda()) {
        refused_precision("cuda", S4D_BFLOAT16, "gelu_fwd=ref",
                          "op: ref has no bf16, so its operations cannot stand in for others; set precision "
                          "to float32 to look for a wrong one");
    }
}

/* Wishes that are cuda's alone change nothing. */
static void wishes_for_cuda_are_ignored(void **state)
{
    (void)state;
    s4d_backend *be;
    s4d_err err = {0};
    s4d_backend_opts opts = {
        .device = "cpu", .attention = S4D_ATTENTION_CUDNN, .any_order = true, .no_graphs = true};
    assert_int_equal(s4d_backend_create(&opts, &be, &err), S4D_OK);
    assert_string_equal(s4d_backend_name(be), "cpu");
    s4d_backend_destroy(&be);
}

/* What the bits of a host device depend on, which a run that goes on elsewhere is told of. */
static void host_devices_tell_what_bits_depend_on(void **state)
{
    (void)state;
    s4d_backend *be[2];
    s4d_err err;
    s4d_str text = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(create("cpu", i + 1, "", &be[i], &err), S4D_OK);
    }
    assert_int_equal(s4d_backend_tuning(be[0], &text, &err), S4D_OK);
    assert_true(s4d_backend_tune(be[0], text.text));
    assert_false(s4d_backend_tune(be[1], text.text));
    assert_false(s4d_backend_tune(be[0], "choices of another device"));
    s4d_str_release(&text);
    for (int i = 0; i < 2; i++) {
        s4d_backend_destroy(&be[i]);
    }
}

/* Thread starts that fail: OpenMP would end the process at the first. */
static void too_few_threads_are_a_failure(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    s4d_backend *be;
    s4d_err err;
    s4d_fault_set(S4D_FAULT_THREAD, 2);
    assert_int_equal(create("cpu", 4, "", &be, &err), S4D_FAILED);
    assert_null(be);
    assert_non_null(strstr(err.text, "threads: thread 3 of 4: cannot start a thread"));
    s4d_fault_set(S4D_FAULT_THREAD, 0);
#else
    skip();
#endif
}

static void negative_threads_are_refused(void **state)
{
    (void)state;
    refused("cpu", -1, "", "threads: -1 is below 0; give a number of threads, or 0 for all");
}

static void threads_are_kept(void **state)
{
    (void)state;
    s4d_backend *be;
    s4d_err err;
    assert_int_equal(create("cpu", 3, "", &be, &err), S4D_OK);
    assert_int_equal(s4d_backend_threads(be), 3);
    s4d_backend_destroy(&be);
    assert_int_equal(create("ref", 3, "", &be, &err), S4D_OK);
    assert_int_equal(s4d_backend_threads(be), 1);
    s4d_backend_destroy(&be);
}

static void wrong_override_is_refused(void **state)
{
    (void)state;
    refused("cpu", 0, "linear_fw=ref",
            "op: there is no operation \"linear_fw\"; did you mean \"linear_fwd\"?");
    refused("cpu", 0, "gelu_fwd=ref,linear_bwdd=ref",
            "op: there is no operation \"linear_bwdd\"; did you mean \"linear_bwd\"?");
    refused("cpu", 0, "convolution=ref",
            "op: there is no operation \"convolution\"; include/s4d/backend/ops.def lists them");
    refused("cpu", 0, "gelu_fwd=cpu",
            "op: \"gelu_fwd=cpu\" does not say where an operation comes from; write NAME=ref, as "
            "in linear_fwd=ref");
    refused("cpu", 0, "gelu_fwd",
            "op: \"gelu_fwd\" does not say where an operation comes from; write NAME=ref, as in "
            "linear_fwd=ref");
    refused("cpu", 0, "gelu_fwd=ref,",
            "op: \"\" does not say where an operation comes from; write NAME=ref, as in "
            "linear_fwd=ref");
}

/* Every operation of cpu put back leaves none of its own. */
static void override_takes_operations_from_ref(void **state)
{
    (void)state;
    s4d_backend *be;
    s4d_err err;
    assert_int_equal(create("cpu", 1, "", &be, &err), S4D_OK);
    int own = s4d_backend_own_ops(be);
    s4d_backend_destroy(&be);
    int kept = own;
    char all[S4D_OP_COUNT * 32] = "";
    for (int op = 0; op < S4D_OP_COUNT; op++) {
        char one[64];
        snprintf(one, sizeof one, "%s=ref", s4d_op_name((s4d_op_id)op));
        assert_int_equal(create("cpu", 1, one, &be, &err), S4D_OK);
        assert_in_range(own - s4d_backend_own_ops(be), 0, 1);
        kept -= own - s4d_backend_own_ops(be);
        s4d_backend_destroy(&be);
        strcat(strcat(all, op ? "," : ""), one);
    }
    assert_int_equal(kept, 0);
    assert_int_equal(create("cpu", 1, all, &be, &err), S4D_OK);
    assert_int_equal(s4d_backend_own_ops(be), 0);
    s4d_backend_destroy(&be);
    assert_int_equal(create("ref", 1, all, &be, &err), S4D_OK);
    assert_int_equal(s4d_backend_own_ops(be), S4D_OP_COUNT);
    s4d_backend_destroy(&be);
}

#ifdef S4D_TEST_HOOKS
static void lack_of_memory_is_told(void **state)
{
    (void)state;
    s4d_backend *be;
    s4d_err err;
    for (long n = 1; n <= 2; n++) {
        s4d_fault_set(S4D_FAULT_ALLOC, n);
        assert_int_equal(create("ref", 0, "gelu_fwd=ref", &be, &err), S4D_FAILED);
        assert_null(be);
        assert_non_null(strstr(err.text, "not enough memory"));
    }
    s4d_fault_set(S4D_FAULT_ALLOC, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_say_what_they_are),
        cmocka_unit_test(unknown_device_is_refused),
        cmocka_unit_test(absent_cuda_is_a_failure),
        cmocka_unit_test(auto_is_what_works),
        cmocka_unit_test(precision_of_host_devices_is_float32),
        cmocka_unit_test(wishes_for_cuda_are_ignored),
        cmocka_unit_test(host_devices_tell_what_bits_depend_on),
        cmocka_unit_test(too_few_threads_are_a_failure),
        cmocka_unit_test(negative_threads_are_refused),
        cmocka_unit_test(threads_are_kept),
        cmocka_unit_test(wrong_override_is_refused),
        cmocka_unit_test(override_takes_operations_from_ref),
#ifdef S4D_TEST_HOOKS
        cmocka_unit_test(lack_of_memory_is_told),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
