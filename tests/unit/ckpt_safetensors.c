/* safetensors files: round trip, every element type, unaligned data, metadata, failures on demand.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <unistd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CKPT_FILE "file.safetensors"
#include "ckpt_folder.h"
#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/ckpt/safetensors.h"

static s4d_safetensors *open_file(void)
{
    s4d_safetensors *st;
    s4d_err err = {0};
    if (s4d_safetensors_open(path, &st, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return st;
}

/* A file of one header and some data, as another program might have written it. */
static void write_raw(const char *header, const void *data, size_t size)
{
    s4d_str text = {0};
    uint64_t n = strlen(header);
    s4d_str_add_bytes(&text, &n, sizeof n);
    s4d_str_add(&text, header);
    s4d_str_add_bytes(&text, data, size);
    assert_int_equal(s4d_file_write(path, text.text, text.size, NULL), S4D_OK);
    s4d_str_release(&text);
}

static void round_trip(void **state)
{
    (void)state;
    float f[6] = {0.1f, -2, 3e30f, -0.0f, INFINITY, 1e-40f};
    unsigned char u[5] = {0, 1, 127, 128, 255};
    double d[2] = {1.0 / 3, -1e300};
    int64_t l[2] = {INT64_MIN, INT64_MAX};
    int32_t i[1] = {-7};
    const s4d_safetensors_entry entry[] = {
        {"block.0.weight", S4D_TENSOR(S4D_F32, f, 1, 2, 3)},
        {"bytes", S4D_TENSOR(S4D_U8, u, 5)}, /* what follows it is not aligned */
        {"double", S4D_TENSOR(S4D_F64, d, 2)},
        {"a \"quoted\"\n\xC3\xA4 name", S4D_TENSOR(S4D_I64, l, 2)},
        {"empty", S4D_TENSOR(S4D_F32, NULL, 0, 4)},
        {"six", S4D_TENSOR(S4D_I32, i, 1, 1, 1, 1, 1, 1)},
    };
    enum { N = sizeof entry / sizeof *entry };
    const s4d_safetensors_pair metadata[] = {{"config", "{\"a\": \"\\n\"}"}, {"step", "12"}};
    s4d_err err = {0};
    s4d_safetensors_contents contents = {entry, N, metadata, 2};
    assert_int_equal(s4d_safetensors_write(path, &contents, &err), S4D_OK);

    s4d_safetensors *st = open_file();
    assert_string_equal(s4d_safetensors_path(st), path);
    assert_int_equal(s4d_safetensors_count(st), N);
    for (size_t k = 0; k < N; k++) {
        const s4d_safetensors_info *info = s4d_safetensors_at(st, k);
        const s4d_tensor *t = &entry[k].tensor;
        assert_string_equal(info->name, entry[k].name);
        assert_ptr_equal(s4d_safetensors_find(st, entry[k].name), info);
        assert_string_equal(info->type, s4d_dtype_name(t->dtype));
        assert_int_equal(info->element->dtype, t->dtype);
        assert_int_equal(info->rank, t->rank);
        assert_memory_equal(info->dim, t->dim, sizeof t->dim);
        assert_int_equal(info->count, s4d_tensor_count(t));
        assert_int_equal(info->bytes, s4d_tensor_bytes(t));
        unsigned char data[64];
        assert_int_equal(s4d_safetensors_read(st, info, data, &err), S4D_OK);
        if (info->bytes > 0) {
            assert_memory_equal(data, t->data, info->bytes);
        }
    }
    assert_int_equal(s4d_safetensors_at(st, 0)->offset % 8, 0);
    assert_int_not_equal(s4d_safetensors_at(st, 2)->offset % 8, 0);
    assert_null(s4d_safetensors_find(st, "absent"));
    assert_null(s4d_safetensors_find(st, "__metadata__"));
    assert_int_equal(s4d_safetensors_metadata_count(st), 2);
    assert_string_equal(s4d_safetensors_metadata_key(st, 1), "step");
    assert_string_equal(s4d_safetensors_metadata_value(st, 0), "{\"a\": \"\\n\"}");
    assert_string_equal(s4d_safetensors_metadata(st, "step"), "12");
    assert_null(s4d_safetensors_metadata(st, "Step"));
    s4d_safetensors_close(&st);
    assert_null(st);
    s4d_safetensors_close(&st);
}

static void data_begin_aligned(void **state)
{
    (void)state;
    double value = 0.25;
    char key[10] = "";
    for (int i = 0; i < 9; i++) {
        key[i] = 'k';
        s4d_safetensors_entry entry = {key, S4D_TENSOR(S4D_F64, &value, 1)};
        s4d_safetensors_contents contents = {.entry = &entry, .count = 1};
        assert_int_equal(s4d_safetensors_write(path, &contents, NULL), S4D_OK);
        s4d_safetensors *st = open_file();
        assert_int_equal(s4d_safetensors_at(st, 0)->offset % 8, 0);
        s4d_safetensors_close(&st);
    }
}

/* Whether this process has the file open. */
static bool is_open(void)
{
    bool found = false;
    for (int fd = 0; fd < 64; fd++) {
        char link[64], to[S4D_PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, to, sizeof to - 1);
        to[n > 0 ? n : 0] = '\0';
        found = found || strcmp(to, path) == 0;
    }
    return found;
}

static void closing_lets_go(void **state)
{
    (void)state;
    s4d_safetensors_contents nothing = {0};
    assert_int_equal(s4d_safetensors_write(path, &nothing, NULL), S4D_OK);
    s4d_safetensors *st = open_file();
    assert_true(is_open());
    s4d_safetensors_close(&st);
    assert_false(is_open());
    write_raw("[]", NULL, 0);
    assert_int_equal(s4d_safetensors_open(path, &st, NULL), S4D_FAILED);
    assert_false(is_open());
}

/* What another program cuts off meanwhile is said, and what is left is read. */
static void shorter_meanwhile(void **state)
{
    (void)state;
    static float f[3][4096] = {{1}, {2}, {3}};
    const s4d_safetensors_entry entry[] = {{"a", S4D_TENSOR(S4D_F32, f[0], 4096)},
                                           {"b", S4D_TENSOR(S4D_F32, f[1], 4096)},
                                           {"c", S4D_TENSOR(S4D_F32, f[2], 4096)}};
    s4d_safetensors_contents contents = {.entry = entry, .count = 3};
    assert_int_equal(s4d_safetensors_write(path, &contents, NULL), S4D_OK);
    s4d_safetensors *st = open_file();
    const s4d_safetensors_info *b = s4d_safetensors_find(st, "b");
    assert_int_equal(truncate(path, (off_t)(b->offset + 100)), 0);
    float value[4096];
    s4d_err err = {0};
    assert_int_equal(
        s4d_safetensors_read_floats(st, s4d_safetensors_find(st, "a"), value, 4096, &err), S4D_OK);
    assert_true(value[0] == 1);
    assert_int_equal(s4d_safetensors_read_floats(st, b, value, 4096, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "became shorter while it was read"));
    s4d_safetensors_close(&st);
}

static void no_tensors_and_no_metadata(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_safetensors_contents nothing = {0};
    assert_int_equal(s4d_safetensors_write(path, &nothing, &err), S4D_OK);
    s4d_safetensors *st = open_file();
    assert_int_equal(s4d_safetensors_count(st), 0);
    assert_int_equal(s4d_safetensors_metadata_count(st), 0);
    assert_null(s4d_safetensors_metadata(st, "a"));
    assert_null(s4d_safetensors_find(st, "a"));
    s4d_safetensors_close(&st);
}

/* Types in a file, one of them not known; what is asked for must be there. */
static void types_and_counts(void **state)
{
    (void)state;
    const unsigned char data[14] = {9, 0x00, 0x3C, 0x00, 0xC0, 0x80, 0x3F, 0x7E, 1, 2, 3, 4, 5, 6};
    write_raw("{\"odd\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[0,1]},"
              "\"half\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[1,5]},"
              "\"brain\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[5,7]},"
              "\"eighth\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[7,8]},"
              "\"later\":{\"dtype\":\"Q4_9\",\"shape\":[77],\"data_offsets\":[8,11]},"
              "\"nibble\":{\"dtype\":\"F4\",\"shape\":[2,1],\"data_offsets\":[11,12]},"
              "\"deep\":{\"dtype\":\"U8\",\"shape\":[1,1,2,1,1,1,1,1],\"data_offsets\":[12,14]}}",
              data, sizeof data);
    s4d_safetensors *st = open_file();
    float out[2];
    s4d_err err = {0};
    assert_int_equal(
        s4d_safetensors_read_floats(st, s4d_safetensors_find(st, "half"), out, 2, &err), S4D_OK);
    assert_true(out[0] == 1 && out[1] == -2);
    assert_int_equal(
        s4d_safetensors_read_floats(st, s4d_safetensors_find(st, "brain"), out, 1, &err), S4D_OK);
    assert_true(out[0] == 1);
    assert_int_equal(
        s4d_safetensors_read_floats(st, s4d_safetensors_find(st, "eighth"), out, 1, &err), S4D_OK);
    assert_true(out[0] == 448);
    assert_int_equal(
        s4d_safetensors_read_floats(st, s4d_safetensors_find(st, "half"), out, 1, &err),
        S4D_FAILED);
    assert_non_null(strstr(err.text, "half holds 2 numbers, and 1 are expected"));
    assert_int_equal(s4d_safetensors_read_floats(st, s4d_safetensors_find(st, "odd"), out, 1, &err),
                     S4D_FAILED);
    assert_non_null(strstr(err.text, "odd holds BOOL, not floating-point numbers"));
    const s4d_safetensors_info *odd = s4d_safetensors_find(st, "odd");
    assert_int_equal(odd->rank, 1); /* a scalar is [1] */
    assert_int_equal(odd->dim[0], 1);
    const s4d_safetensors_info *later = s4d_safetensors_find(st, "later");
    assert_null(later->element);
    assert_string_equal(later->type, "Q4_9");
    assert_int_equal(later->bytes, 3);
    assert_int_equal(s4d_safetensors_find(st, "nibble")->count, 2);
    const s4d_safetensors_info *deep = s4d_safetensors_find(st, "deep");
    assert_int_equal(deep->rank, 8);
    assert_int_equal(deep->dim[2], 2);
    assert_int_equal(deep->count, 2);
    s4d_safetensors_close(&st);
}

/* A file of another program: its names, and numbers that its own reader gives. */
static void foreign_file(void **state)
{
    (void)state;
    s4d_safetensors *st;
    s4d_err err = {0};
    const char *file = S4D_TESTS_DIR "/golden/images/mix.safetensors";
    assert_int_equal(s4d_safetensors_open(file, &st, &err), S4D_OK);
    assert_int_equal(s4d_safetensors_count(st), 11);
    assert_string_equal(s4d_safetensors_metadata(st, "s4d_fixture"), "mix");
    const s4d_safetensors_info *targets = s4d_safetensors_find(st, "cutmix/targets");
    assert_int_equal(targets->rank, 2);
    assert_int_equal(targets->dim[0], 4);
    assert_int_equal(targets->dim[1], 7);
    float value[28];
    assert_int_equal(s4d_safetensors_read_floats(st, targets, value, 28, &err), S4D_OK);
    assert_true(value[2] == 0.23703570663928986f);
    const s4d_safetensors_info *lam = s4d_safetensors_find(st, "cutmix/lam_used");
    assert_int_equal(lam->element->dtype, S4D_F64);
    assert_int_equal(s4d_safetensors_read_floats(st, lam, value, 1, &err), S4D_OK);
    assert_true(value[0] == 0.7525f);
    const s4d_safetensors_info *labels = s4d_safetensors_find(st, "input/labels");
    int32_t label[4];
    assert_string_equal(labels->type, "I32");
    assert_int_equal(labels->bytes, sizeof label);
    assert_int_equal(s4d_safetensors_read(st, labels, label, &err), S4D_OK);
    assert_int_equal(label[0], 6);
    s4d_safetensors_close(&st);
}

static void names_are_checked_before_writing(void **state)
{
    (void)state;
    float f = 1;
    s4d_tensor t = S4D_TENSOR(S4D_F32, &f, 1);
    static const struct {
        const char *first, *second, *sentence;
    } known[] = {{"a", "a", ": a is to be written twice; rename one"},
                 {"a", "__metadata__", ": __metadata__ is to be written twice; rename one"},
                 {"a", "\xFF", "is not UTF-8; rename it"}};
    assert_int_equal(s4d_file_write(path, "old", 3, NULL), S4D_OK);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        s4d_err err = {0};
        s4d_safetensors_entry entry[] = {{known[i].first, t}, {known[i].second, t}};
        s4d_safetensors_contents contents = {.entry = entry, .count = 2};
        assert_int_equal(s4d_safetensors_write(path, &contents, &err), S4D_FAILED);
        assert_non_null(strstr(err.text, known[i].sentence));
        assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    }
    s4d_err err = {0};
    s4d_safetensors_pair twice[] = {{"k", "1"}, {"k", "2"}};
    s4d_safetensors_contents contents = {.metadata = twice, .metadata_count = 2};
    assert_int_equal(s4d_safetensors_write(path, &contents, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, ": k is to be written twice"));
    s4d_bytes b;
    assert_int_equal(s4d_file_read(path, 0, &b, NULL), S4D_OK);
    assert_string_equal((char *)b.data, "old");
    s4d_bytes_release(&b);
}

#ifdef S4D_TEST_HOOKS
static s4d_status write_some(s4d_err *err)
{
    static float f[50000];
    const s4d_safetensors_entry entry[] = {{"a", S4D_TENSOR(S4D_F32, f, 50000)},
                                           {"b", S4D_TENSOR(S4D_F32, f, 50, 2)}};
    const s4d_safetensors_pair metadata[] = {{"k", "v"}};
    s4d_safetensors_contents contents = {entry, 2, metadata, 1};
    return s4d_safetensors_write(path, &contents, err);
}

static s4d_status read_some(s4d_err *err)
{
    s4d_safetensors *st;
    s4d_status status = s4d_safetensors_open(path, &st, err);
    assert_true((st != NULL) == (status == S4D_OK));
    s4d_safetensors_close(&st);
    return status;
}

/* Every n-th call fails in turn; returns how many there were. The file before must outlive each
 * failure. */
static long sweep(s4d_fault kind, s4d_status (*work)(s4d_err *err), const char *before)
{
    for (long n = 1;; n++) {
        s4d_err err = {0};
        s4d_fault_set(kind, n);
        s4d_status status = work(&err);
        s4d_fault_set(kind, 0);
        if (status == S4D_OK) {
            return n - 1;
        }
        assert_int_equal(status, S4D_FAILED);
        assert_non_null(strstr(err.text, path));
        if (before) {
            s4d_bytes b;
            assert_int_equal(s4d_file_read(path, 0, &b, NULL), S4D_OK);
            assert_string_equal((char *)b.data, before);
            s4d_bytes_release(&b);
        }
        s4d_strlist list;
        assert_int_equal(s4d_dir_list(root, &list, NULL), S4D_OK);
        assert_int_equal(list.count, 1); /* no temporary file */
        s4d_strlist_release(&list);
    }
}
#endif

static void failures_on_demand(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    static const struct {
        s4d_fault kind;
        long least;
    } writing[] = {
        {S4D_FAULT_ALLOC, 3}, {S4D_FAULT_WRITE, 2}, {S4D_FAULT_FSYNC, 1}, {S4D_FAULT_RENAME, 1}};
    for (size_t i = 0; i < sizeof writing / sizeof *writing; i++) {
        assert_int_equal(s4d_file_write(path, "old", 3, NULL), S4D_OK);
        assert_true(sweep(writing[i].kind, write_some, "old") >= writing[i].least);
    }
    assert_true(sweep(S4D_FAULT_ALLOC, read_some, NULL) > 20);
    assert_int_equal(sweep(S4D_FAULT_READ, read_some, NULL),
                     2); /* the size of the header, and it */
#else
    print_message("skipped: needs S4D_TEST_HOOKS\n");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(data_begin_aligned),
        cmocka_unit_test(closing_lets_go),
        cmocka_unit_test(shorter_meanwhile),
        cmocka_unit_test(no_tensors_and_no_metadata),
        cmocka_unit_test(types_and_counts),
        cmocka_unit_test(foreign_file),
        cmocka_unit_test(names_are_checked_before_writing),
        cmocka_unit_test(failures_on_demand),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
