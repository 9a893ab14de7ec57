/* Calling operations: sticky failure, planning, memory and conversions, broken shape rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "s4d/backend/backend.h"
#include "s4d/base/fault.h"
#include "s4d/base/mem.h"

static s4d_backend *make(const char *device)
{
    s4d_backend *be;
    s4d_err err = {0};
    assert_int_equal(s4d_backend_create(&(s4d_backend_opts){.device = device}, &be, &err), S4D_OK);
    return be;
}

static s4d_tensor take(s4d_backend *be, int64_t n)
{
    s4d_tensor t = S4D_TENSOR(s4d_backend_real(be), NULL, n);
    assert_int_equal(s4d_backend_alloc(be, s4d_tensor_bytes(&t), &t.data, NULL), S4D_OK);
    return t;
}

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    s4d_backend *be = make("ref");
    unsigned char *block;
    assert_int_equal(s4d_backend_alloc(be, 100, (void **)&block, NULL), S4D_OK);
    assert_int_equal((uintptr_t)block % 64, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(block[i], 0);
    }
    s4d_backend_free(be, block);
    s4d_backend_free(be, NULL);
    s4d_err err = {0};
    assert_int_equal(s4d_backend_alloc(be, SIZE_MAX, (void **)&block, &err), S4D_FAILED);
    assert_null(block);
    assert_non_null(strstr(err.text, "for device ref"));
    assert_int_equal(s4d_backend_check(be, &err), S4D_OK);
    s4d_backend_destroy(&be);
}

static void floats_go_up_and_come_back(void **state)
{
    (void)state;
    static const char *const device[] = {"ref", "ref64"};
    const float x[5] = {1.5f, -0.0f, 3e38f, 1e-40f, 0.1f};
    for (int i = 0; i < 2; i++) {
        s4d_backend *be = make(device[i]);
        s4d_tensor t = take(be, 5);
        float back[5];
        s4d_backend_upload_floats(be, t, x);
        s4d_backend_download_floats(be, back, t);
        assert_memory_equal(back, x, sizeof x);
        if (i == 1) {
            double wide[5];
            s4d_backend_download(be, wide, t.data, sizeof wide);
            assert_true(wide[4] == (double)0.1f);
        }
        s4d_backend_free(be, t.data);
        s4d_backend_destroy(&be);
    }
}

static void failure_sticks(void **state)
{
    (void)state;
    s4d_backend *be = make("ref");
    s4d_tensor x = take(be, 4), y = take(be, 4);
    s4d_tensor half = S4D_TENSOR(S4D_BF16, y.data, 4);
    const float ones[4] = {1, 1, 1, 1};
    s4d_backend_upload_floats(be, x, ones);
    s4d_scale(be, &(s4d_scale_args){.factor = 2, .x = x});
    s4d_cast(be, &(s4d_cast_args){.x = x, .y = half});
    s4d_err err = {0};
    assert_int_equal(s4d_backend_check(be, &err), S4D_FAILED);
    static const char sentence[] =
        "device ref: no cast from F32 to BF16; this device casts between F32 and F64";
    assert_string_equal(err.text, sentence);

    /* Nothing more is done, and the first sentence stays. */
    s4d_scale(be, &(s4d_scale_args){.factor = 2, .x = x});
    s4d_cast(be, &(s4d_cast_args){.x = half, .y = x});
    float back[4];
    s4d_backend_download_floats(be, back, x);
    assert_true(back[0] == 2.0f && back[3] == 2.0f);
    err = (s4d_err){0};
    assert_int_equal(s4d_backend_check(be, &err), S4D_FAILED);
    assert_string_equal(err.text, sentence);
    assert_int_equal(s4d_backend_check(be, NULL), S4D_FAILED);
    s4d_backend_free(be, x.data);
    s4d_backend_free(be, y.data);
    s4d_backend_destroy(&be);
}

/* Planning runs over tensors without memory, and touches none. */
static void planning_checks_shapes_only(void **state)
{
    (void)state;
    s4d_backend *be = make("ref");
    s4d_backend_set_planning(be, true);
    assert_true(s4d_backend_planning(be));
    s4d_linear_fwd(be, &(s4d_linear_fwd_args){.x = S4D_TENSOR(S4D_F32, NULL, 2, 5, 3),
                                              .w = S4D_TENSOR(S4D_F32, NULL, 4, 3),
                                              .y = S4D_TENSOR(S4D_F32, NULL, 10, 4)});
    s4d_adamw(be, &(s4d_adamw_args){.w = S4D_TENSOR(S4D_F32, NULL, 9),
                                    .g = S4D_TENSOR(S4D_F32, NULL, 9),
                                    .m = S4D_TENSOR(S4D_F32, NULL, 9),
                                    .v = S4D_TENSOR(S4D_F32, NULL, 9),
                                    .segments = 1});
    float kept = 7;
    s4d_backend_upload(be, NULL, &kept, sizeof kept);
    s4d_backend_download(be, &kept, NULL, sizeof kept);
    s4d_backend_upload_floats(be, S4D_TENSOR(S4D_F32, NULL, 1), &kept);
    s4d_backend_download_floats(be, &kept, S4D_TENSOR(S4D_F32, NULL, 1));
    assert_true(kept == 7);
    s4d_tensor x = take(be, 3);
    const float ones[3] = {1, 1, 1};
    memcpy(x.data, ones, sizeof ones);
    s4d_zero(be, &(s4d_zero_args){.x = x});
    assert_memory_equal(x.data, ones, sizeof ones);
    s4d_backend_set_planning(be, false);
    s4d_zero(be, &(s4d_zero_args){.x = x});
    assert_true(((float *)x.data)[2] == 0);
    assert_int_equal(s4d_backend_check(be, NULL), S4D_OK);
    s4d_backend_free(be, x.data);
    s4d_backend_destroy(&be);
}

/* ---- slots and recorded steps ---- */

static void slots_hold_what_was_sent(void **state)
{
    (void)state;
    static const char *const device[] = {"ref", "ref64", "cpu"};
    for (int i = 0; i < 3; i++) {
        s4d_backend *be = make(device[i]);
        s4d_err err = {0};
        void *place[2], *again;
        unsigned char bytes[300];
        for (int k = 0; k < 300; k++) {
            bytes[k] = (unsigned char)k;
        }
        assert_int_equal(s4d_backend_send(be, 0, bytes, 100, &place[0], &err), S4D_OK);
        assert_int_equal(s4d_backend_send(be, 1, bytes + 100, 50, &place[1], &err), S4D_OK);
        assert_ptr_not_equal(place[0], place[1]);
        assert_int_equal((uintptr_t)place[0] % 64, 0);
        assert_memory_equal(place[0], bytes, 100);
        assert_memory_equal(place[1], bytes + 100, 50);
        /* Less fits where more was; more is made room for; the other slot stays. */
        assert_int_equal(s4d_backend_send(be, 0, bytes + 7, 20, &again, &err), S4D_OK);
        assert_ptr_equal(again, place[0]);
        assert_memory_equal(again, bytes + 7, 20);
        assert_int_equal(s4d_backend_send(be, 0, bytes, 300, &again, &err), S4D_OK);
        assert_memory_equal(again, bytes, 300);
        assert_memory_equal(place[1], bytes + 100, 50);
        s4d_backend_destroy(&be);
    }
}

static bool is_zero(const void *block, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (((const unsigned char *)block)[i]) {
            return false;
        }
    }
    return true;
}

static void results_are_fetched_by_slot(void **state)
{
    (void)state;
    s4d_backend *be = make("cpu");
    s4d_tensor x = take(be, 4);
    const float first[4] = {1, 2, 3, 4}, second[4] = {5, 6, 7, 8};
    assert_true(is_zero(s4d_backend_fetched(be, 0), S4D_FETCH_BYTES));
    s4d_backend_upload_floats(be, x, first);
    s4d_backend_fetch(be, 0, 0, x.data, sizeof first);
    s4d_backend_fetch(be, 0, S4D_FETCH_BYTES - 8, (float *)x.data + 2, 8);
    s4d_backend_upload_floats(be, x, second);
    s4d_backend_fetch(be, 1, 64, x.data, sizeof second);
    s4d_backend_fetch(be, 1, S4D_FETCH_BYTES, x.data, 0);
    const unsigned char *got = s4d_backend_fetched(be, 0);
    assert_memory_equal(got, first, sizeof first);
    assert_true(is_zero(got + sizeof first, S4D_FETCH_BYTES - sizeof first - 8));
    assert_memory_equal(got + S4D_FETCH_BYTES - 8, first + 2, 8);
    got = s4d_backend_fetched(be, 1);
    assert_true(is_zero(got, 64));
    assert_memory_equal(got + 64, second, sizeof second);
    /* Planning fetches nothing. */
    s4d_backend_set_planning(be, true);
    s4d_backend_fetch(be, 0, 0, NULL, sizeof first);
    s4d_backend_set_planning(be, false);
    assert_memory_equal(s4d_backend_fetched(be, 0), first, sizeof first);
    assert_int_equal(s4d_backend_check(be, NULL), S4D_OK);
    s4d_backend_free(be, x.data);
    s4d_backend_destroy(&be);
}

/* Host devices record nothing: every operation is done when it is called, as often as it is. */
static void recorded_steps_are_done_at_once(void **state)
{
    (void)state;
    s4d_backend *be = make("cpu");
    s4d_tensor x = take(be, 3);
    const float ones[3] = {1, 1, 1};
    float back[3];
    s4d_backend_upload_floats(be, x, ones);
    for (int i = 0; i < 3; i++) {
        s4d_backend_graph_begin(be, 7);
        s4d_scale(be, &(s4d_scale_args){.factor = i + 2, .x = x});
        s4d_backend_graph_end(be);
    }
    s4d_backend_download_floats(be, back, x);
    assert_true(back[0] == 24.0f && back[2] == 24.0f);
    assert_int_equal(s4d_backend_check(be, NULL), S4D_OK);
    s4d_backend_free(be, x.data);
    s4d_backend_destroy(&be);
}

/* ---- broken rules ---- */

/* Runs the call in a child; what it wrote before it was ended. */
static void ends_with(void (*call)(s4d_backend *be), bool planning, const char *part)
{
    int channel[2];
    assert_int_equal(pipe(channel), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(channel[1], STDERR_FILENO);
        s4d_backend *be = make("ref");
        s4d_backend_set_planning(be, planning);
        call(be);
        _exit(0);
    }
    close(channel[1]);
    char text[1024] = "";
    size_t used = 0;
    ssize_t n;
    while ((n = read(channel[0], text + used, sizeof text - 1 - used)) > 0) {
        used += (size_t)n;
    }
    close(channel[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (!strstr(text, part)) {
        fail_msg("\"%s\" does not hold \"%s\"", text, part);
    }
}

static void wrong_width(s4d_backend *be)
{
    s4d_linear_fwd(be, &(s4d_linear_fwd_args){.x = S4D_TENSOR(S4D_F32, NULL, 2, 3),
                                              .w = S4D_TENSOR(S4D_F32, NULL, 4, 5),
                                              .y = S4D_TENSOR(S4D_F32, NULL, 2, 4)});
}

static void wrong_dtype(s4d_backend *be)
{
    s4d_gelu_fwd(be, &(s4d_gelu_fwd_args){.x = S4D_TENSOR(S4D_F64, NULL, 2),
                                          .y = S4D_TENSOR(S4D_F32, NULL, 2)});
}

static void missing_tensor(s4d_backend *be)
{
    s4d_add(be, &(s4d_add_args){.y = S4D_TENSOR(S4D_F32, NULL, 2)});
}

static void missing_memory(s4d_backend *be)
{
    s4d_zero(be, &(s4d_zero_args){.x = S4D_TENSOR(S4D_F32, NULL, 2)});
}

static void shared_memory(s4d_backend *be)
{
    s4d_tensor x = take(be, 8);
    s4d_gelu_fwd(
        be, &(s4d_gelu_fwd_args){.x = s4d_tensor_rows(x, 0, 4), .y = s4d_tensor_rows(x, 3, 4)});
}

static void index_out_of_range(s4d_backend *be)
{
    s4d_tensor x = take(be, 8), y = take(be, 2);
    int32_t index[1] = {4};
    s4d_gather_rows(be, &(s4d_gather_rows_args){.x = S4D_RESHAPE(x, 1, 4, 2),
                                                .index = S4D_TENSOR(S4D_I32, index, 1, 1),
                                                .y = S4D_RESHAPE(y, 1, 1, 2)});
}

static void floats_as_bf16(s4d_backend *be)
{
    static uint16_t half[2];
    s4d_backend_upload_floats(be, S4D_TENSOR(S4D_BF16, half, 2), (const float[]){1, 2});
}

static void floats_from_bf16(s4d_backend *be)
{
    static uint16_t half[2];
    float x[2];
    s4d_backend_download_floats(be, x, S4D_TENSOR(S4D_BF16, half, 2));
}

static void fetch_beyond_the_slot(s4d_backend *be)
{
    s4d_backend_fetch(be, 0, S4D_FETCH_BYTES - 4, "12345678", 8);
}

static void products_in_bf16(s4d_backend *be)
{
    s4d_linear_fwd(be, &(s4d_linear_fwd_args){.x = S4D_TENSOR(S4D_BF16, NULL, 2, 3),
                                              .w = S4D_TENSOR(S4D_BF16, NULL, 4, 3),
                                              .y = S4D_TENSOR(S4D_F32, NULL, 2, 4)});
}

static s4d_grouped_linear_fwd_args grouped(int64_t rows, int64_t stride)
{
    return (s4d_grouped_linear_fwd_args){.x = S4D_TENSOR(S4D_F32, NULL, rows, 3),
                                         .w = S4D_TENSOR(S4D_F32, NULL, 2, 5, 3),
                                         .b = S4D_TENSOR(S4D_F32, NULL, 2, 5),
                                         .stride = stride,
                                         .y = S4D_TENSOR(S4D_F32, NULL, rows, 5)};
}

static void groups_without_offset(s4d_backend *be)
{
    s4d_grouped_linear_fwd_args args = grouped(8, 0);
    s4d_grouped_linear_fwd(be, &args);
}

static void groups_with_offset_and_stride(s4d_backend *be)
{
    s4d_grouped_linear_fwd_args args = grouped(8, 4);
    args.offset = S4D_TENSOR(S4D_I32, NULL, 3);
    s4d_grouped_linear_fwd(be, &args);
}

static void groups_beside_the_buffer(s4d_backend *be)
{
    s4d_grouped_linear_fwd_args args = grouped(9, 4);
    s4d_grouped_linear_fwd(be, &args);
}

static void plan(s4d_backend *be, int64_t capacity, int64_t stride, int64_t rows)
{
    s4d_moe_plan(be, &(s4d_moe_plan_args){.index = S4D_TENSOR(S4D_I32, NULL, 5, 2),
                                          .capacity = capacity,
                                          .stride = stride,
                                          .offset = S4D_TENSOR(S4D_I32, NULL, 4),
                                          .slot = S4D_TENSOR(S4D_I32, NULL, 5, 2),
                                          .token = S4D_TENSOR(S4D_I32, NULL, rows),
                                          .load = S4D_TENSOR(S4D_I32, NULL, 3),
                                          .dropped = S4D_TENSOR(S4D_I32, NULL, 1)});
}

static void plan_over_its_stride(s4d_backend *be)
{
    plan(be, 5, 4, 12);
}

static void plan_without_capacity(s4d_backend *be)
{
    plan(be, -1, 4, 12);
}

static void plan_of_other_rows(s4d_backend *be)
{
    plan(be, 4, 4, 10);
}

static void broken_rules_end_the_program(void **state)
{
    (void)state;
    ends_with(wrong_width, true, "\"w: ACT [N, K]\" = [4,3]: it is of the shape [4,5]");
    for (int planning = 0; planning < 2; planning++) {
        ends_with(wrong_dtype, planning,
                  "\"x: ACT [n]\" = [2] (rows under any leading shape): it is F64 [2]");
        ends_with(missing_tensor, planning, "it is not given []");
    }
    ends_with(products_in_bf16, true,
              "\"x: ACT [M, K]\" = [2,3] (rows under any leading shape): it is BF16 [2,3]");
    ends_with(groups_without_offset, true, "(args->stride > 0) == GIVEN(offset)");
    ends_with(groups_with_offset_and_stride, true,
              "(args->stride > 0) == GIVEN(offset)");
    ends_with(groups_beside_the_buffer, true, "(R) != (E) * args->stride");
    ends_with(plan_over_its_stride, true, "args->stride < args->capacity");
    ends_with(plan_without_capacity, true, "args->capacity < 0");
    ends_with(plan_of_other_rows, true, "= [12] (rows under any leading shape): it is of the shape [10]");
    ends_with(floats_as_bf16, false, "t->dtype != be->act");
    ends_with(floats_from_bf16, false, "t->dtype != be->act");
    ends_with(fetch_beyond_the_slot, false, "bytes > S4D_FETCH_BYTES - offset");
    ends_with(missing_memory, false, "it is without memory [2]");
    ends_with(shared_memory, false, "!s4d_apart");
    ends_with(index_out_of_range, false, "index < 0 || index >= n");
}

#ifdef S4D_TEST_HOOKS
/* The scratch that attention needs cannot be had: the operation fails, the device sticks. */
static void lack_of_scratch_sticks(void **state)
{
    (void)state;
    s4d_backend *be = make("ref");
    s4d_tensor qkv = take(be, 12), stats = take(be, 2), y = take(be, 4);
    s4d_attention_fwd_args args = {.qkv = S4D_RESHAPE(qkv, 1, 2, 3, 1, 2),
                                   .scale = 1,
                                   .stats = S4D_RESHAPE(stats, 1, 1, 2),
                                   .y = S4D_RESHAPE(y, 1, 2, 1, 2)};
    s4d_fault_set(S4D_FAULT_ALLOC, 1);
    s4d_attention_fwd(be, &args);
    s4d_fault_set(S4D_FAULT_ALLOC, 0);
    s4d_err err = {0};
    assert_int_equal(s4d_backend_check(be, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "for scratch of an operation"));
    s4d_backend_free(be, qkv.data);
    s4d_backend_free(be, stats.data);
    s4d_backend_free(be, y.data);
    s4d_backend_destroy(&be);
}
#endif

#ifdef S4D_TEST_HOOKS
static void lack_of_memory_for_slots_is_told(void **state)
{
    (void)state;
    s4d_backend *be = make("ref");
    s4d_err err = {0};
    void *place;
    s4d_fault_set(S4D_FAULT_ALLOC, 1);
    assert_int_equal(s4d_backend_send(be, 0, "abc", 3, &place, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "for a batch's frames"));
    assert_int_equal(s4d_backend_check(be, NULL), S4D_OK);
    s4d_fault_set(S4D_FAULT_ALLOC, 0);
    assert_int_equal(s4d_backend_send(be, 0, "abc", 3, &place, &err), S4D_OK);
    assert_memory_equal(place, "abc", 3);
    s4d_fault_set(S4D_FAULT_ALLOC, 1);
    s4d_backend_fetch(be, 1, 0, place, 3);
    s4d_fault_set(S4D_FAULT_ALLOC, 0);
    assert_int_equal(s4d_backend_check(be, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "for the results of a step"));
    assert_true(is_zero(s4d_backend_fetched(be, 1), S4D_FETCH_BYTES));
    s4d_backend_destroy(&be);
}
#endif

/* Scratch is kept: the same call again asks for no memory. */
static void scratch_is_kept(void **state)
{
    (void)state;
    s4d_backend *be = make("ref");
    s4d_tensor qkv = take(be, 12), stats = take(be, 2), y = take(be, 4);
    s4d_attention_fwd_args args = {.qkv = S4D_RESHAPE(qkv, 1, 2, 3, 1, 2),
                                   .scale = 1,
                                   .stats = S4D_RESHAPE(stats, 1, 1, 2),
                                   .y = S4D_RESHAPE(y, 1, 2, 1, 2)};
    s4d_attention_fwd(be, &args);
    uint64_t calls = s4d_mem_calls();
    s4d_attention_fwd(be, &args);
    assert_int_equal(s4d_mem_calls(), calls);
    assert_int_equal(s4d_backend_check(be, NULL), S4D_OK);
    s4d_backend_free(be, qkv.data);
    s4d_backend_free(be, stats.data);
    s4d_backend_free(be, y.data);
    s4d_backend_destroy(&be);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(floats_go_up_and_come_back),
        cmocka_unit_test(failure_sticks),
        cmocka_unit_test(planning_checks_shapes_only),
        cmocka_unit_test(slots_hold_what_was_sent),
        cmocka_unit_test(results_are_fetched_by_slot),
        cmocka_unit_test(recorded_steps_are_done_at_once),
        cmocka_unit_test(broken_rules_end_the_program),
        cmocka_unit_test(scratch_is_kept),
#ifdef S4D_TEST_HOOKS
        cmocka_unit_test(lack_of_scratch_sticks),
        cmocka_unit_test(lack_of_memory_for_slots_is_told),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
