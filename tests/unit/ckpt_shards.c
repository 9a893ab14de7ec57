/* Several files as one, and files that become shorter between two reads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <unistd.h>

#define CKPT_FILE "model.safetensors.index.json"
#include "ckpt_fixture.h"
#include "ckpt_folder.h"
#include "s4d/base/fault.h"
#include "s4d/base/mem.h"
#include "s4d/ckpt/file.h"
#include "s4d/ckpt/safetensors.h"

static float number[2][4096];
static char beside[S4D_PATH_MAX];

static const char *in_root(const char *name)
{
    assert_int_equal(s4d_path_join(beside, root, name, NULL), S4D_OK);
    return beside;
}

/* A storage of 4096 floats as PyTorch's file, in either form. */
static void put_torch(const char *name, bool legacy)
{
    s4d_str text = {0}, file = {0};
    const char *key = "0";
    if (legacy) {
        legacy_begin(&file);
    }
    pickle_begin(&text);
    s4d_str_add(&text, "}");
    pickle_text(&text, "b");
    pickle_tensor(&text,
                  &(pickle_tensor_spec){"FloatStorage", "0", 4096, 0, 1, {4096}, {1}, legacy});
    s4d_str_add(&text, "s.");
    if (legacy) {
        s4d_str_add_bytes(&file, text.text, text.size);
        legacy_keys(&file, &key, 1);
        legacy_storage(&file, number[1], 4096, sizeof number[1]);
    } else {
        const zip_member member[] = {
            {.name = "x/data.pkl", .data = text.text, .size = text.size},
            {.name = "x/data/0", .data = number[1], .size = sizeof number[1]}};
        zip_write(&file, member, 2, 0);
    }
    assert_int_equal(s4d_file_write(in_root(name), file.text, file.size, NULL), S4D_OK);
    s4d_str_release(&file);
    s4d_str_release(&text);
}

static int put_all(void **state)
{
    static const char list[] =
        "{\"metadata\": {\"total_size\": 32768}, \"weight_map\": {\"a\": \"one\", \"b\": \"two\"}}";
    const s4d_safetensors_entry entry[] = {{"a", S4D_TENSOR(S4D_F32, number[0], 64, 64)}};
    if (make_root(state)) {
        return -1;
    }
    for (int i = 0; i < 4096; i++) {
        number[0][i] = (float)i;
        number[1][i] = (float)-i;
    }
    assert_int_equal(s4d_safetensors_write(in_root("one"),
                                           &(s4d_safetensors_contents){.entry = entry, .count = 1},
                                           NULL),
                     S4D_OK);
    put_torch("two", false);
    return s4d_file_write(path, list, strlen(list), NULL) == S4D_OK ? 0 : -1;
}

static s4d_status read_both(s4d_err *err)
{
    s4d_ckpt *file;
    static float got[4096];
    s4d_status status = s4d_ckpt_open(path, NULL, &file, err);
    if (status == S4D_OK) {
        assert_int_equal(s4d_ckpt_shards(file), 2);
        assert_int_equal(s4d_ckpt_count(file), 2);
        assert_string_equal(s4d_ckpt_path(file), path);
        assert_string_equal(s4d_ckpt_note_find(file, "total_size"), "32768");
    }
    static const char *const name[] = {"a", "b"};
    for (int i = 0; i < 2 && status == S4D_OK; i++) {
        status = s4d_ckpt_read_floats(file, s4d_ckpt_find(file, name[i]), got, err);
        if (status == S4D_OK) {
            assert_memory_equal(got, number[i], sizeof got);
        }
    }
    s4d_ckpt_close(&file);
    assert_int_equal(status == S4D_OK, !err || err->text[0] == '\0');
    return status;
}

static void two_kinds_of_shards(void **state)
{
    (void)state;
    s4d_err err = {0};
    if (read_both(&err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
}

static void failures_on_demand(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    static const s4d_fault kind[] = {S4D_FAULT_ALLOC, S4D_FAULT_READ};
    for (int k = 0; k < 2; k++) {
        long n = 1;
        for (s4d_status status = S4D_FAILED; status != S4D_OK; n++) {
            s4d_err err = {0};
            s4d_fault_set(kind[k], n);
            status = read_both(&err);
            s4d_fault_set(kind[k], 0);
        }
        assert_true(n > (k ? 10 : 30));
    }
#else
    print_message("skipped: needs S4D_TEST_HOOKS\n");
    skip();
#endif
}

/* Cut when it is open already, at every place; what is left of it may be read, and never more. */
static void shorter_meanwhile(void **state)
{
    (void)state;
    static const char *const name[] = {"one", "zip", "old"};
    put_torch("zip", false);
    put_torch("old", true);
    for (int i = 0; i < 3; i++) {
        s4d_bytes whole;
        static float got[4096];
        assert_int_equal(s4d_file_read(in_root(name[i]), 0, &whole, NULL), S4D_OK);
        for (size_t size = 0; size < whole.size; size += whole.size / 23) {
            s4d_ckpt *file;
            s4d_err err = {0};
            assert_int_equal(s4d_ckpt_open(in_root(name[i]), NULL, &file, &err), S4D_OK);
            assert_int_equal(truncate(beside, (off_t)size), 0);
            s4d_status status = s4d_ckpt_read_floats(file, s4d_ckpt_at(file, 0), got, &err);
            if (status == S4D_OK) { /* only what stands behind the numbers is gone */
                assert_true(size > whole.size / 2);
                assert_memory_equal(got, number[i > 0], sizeof got);
            } else {
                assert_non_null(strstr(err.text, beside));
                assert_non_null(strstr(err.text, "became shorter while it was read"));
            }
            s4d_ckpt_close(&file);
            assert_int_equal(s4d_file_write(beside, whole.data, whole.size, NULL), S4D_OK);
        }
        s4d_bytes_release(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_kinds_of_shards),
        cmocka_unit_test(failures_on_demand),
        cmocka_unit_test(shorter_meanwhile),
    };
    return cmocka_run_group_tests(tests, put_all, remove_root);
}
