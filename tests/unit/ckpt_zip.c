/* PyTorch's files in both forms: storages, strides, types, zip64, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#define CKPT_FILE "model.pth"
#include "ckpt_folder.h"
#include "ckpt_fixture.h"
#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/ckpt/file.h"

static void write_file(s4d_str *s)
{
    assert_false(s->failed);
    assert_int_equal(s4d_file_write(path, s->text, s->size, NULL), S4D_OK);
    s4d_str_release(s);
}

static s4d_ckpt *open_good(void)
{
    s4d_ckpt *file;
    s4d_err err = {0};
    if (s4d_ckpt_open(path, NULL, &file, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return file;
}

static void assert_refused(const char *sentence)
{
    s4d_ckpt *file;
    s4d_err err = {0};
    assert_int_equal(s4d_ckpt_open(path, NULL, &file, &err), S4D_FAILED);
    assert_null(file);
    if (!strstr(err.text, sentence) || strncmp(err.text, path, strlen(path)) != 0) {
        fail_msg("\"%s\" is not in \"%s\"", sentence, err.text);
    }
}

static float storage0[12];
static const uint16_t halves[] = {0x3C00, 0xC000, 0x3555}, brains[] = {0x3F80, 0x4049};
static const int64_t number = -7;

/* {"epoch": 3, TOP: {"w": [3,4] transposed, "b": offset 8, "h": half, "f": bfloat16, "n": int64
 * scalar}} */
static void describe(s4d_str *s, const char *top, int legacy)
{
    static const char *const name[] = {"w", "b", "h", "f", "n"};
    const pickle_tensor_spec spec[] = {{"FloatStorage", "0", 12, 0, 2, {3, 4}, {1, 3}, legacy},
                                       {"FloatStorage", "0", 12, 8, 1, {4}, {1}, legacy},
                                       {"HalfStorage", "1", 3, 0, 1, {3}, {1}, legacy},
                                       {"BFloat16Storage", "2", 2, 0, 1, {2}, {1}, legacy},
                                       {"LongStorage", "3", 1, 0, 0, {0}, {0}, legacy}};
    pickle_begin(s);
    s4d_str_add(s, "}(");
    pickle_text(s, "epoch");
    pickle_int(s, 3);
    if (*top) {
        pickle_text(s, top);
        s4d_str_add(s, "}(");
    }
    for (int i = 0; i < 5; i++) {
        pickle_text(s, name[i]);
        pickle_tensor(s, &spec[i]);
    }
    s4d_str_add(s, *top ? "uu." : "u.");
}

enum { MEMBERS = 6 };

static void list_members(zip_member out[MEMBERS], const s4d_str *pickle)
{
    const zip_member member[MEMBERS] = {
        {.name = "x/data.pkl", .data = pickle->text, .size = pickle->size},
        {.name = "x/data/0", .data = storage0, .size = sizeof storage0},
        {.name = "x/data/1", .data = halves, .size = sizeof halves},
        {.name = "x/data/2", .data = brains, .size = sizeof brains},
        {.name = "x/data/3", .data = &number, .size = sizeof number},
        {.name = "x/version", .data = "3\n", .size = 2}};
    memcpy(out, member, sizeof member);
    for (int i = 0; i < 12; i++) {
        storage0[i] = (float)i;
    }
}

static void check_contents(s4d_ckpt_kind kind, const char *top)
{
    s4d_ckpt *file = open_good();
    float value[12];
    int64_t whole;
    assert_int_equal(s4d_ckpt_kind_of(file), kind);
    assert_string_equal(s4d_ckpt_top(file), top);
    assert_int_equal(s4d_ckpt_count(file), 5);
    assert_string_equal(s4d_ckpt_note_find(file, "epoch"), "3");
    const s4d_ckpt_tensor *w = s4d_ckpt_find(file, "w");
    assert_int_equal(w->rank, 2);
    assert_int_equal(s4d_ckpt_read_floats(file, w, value, NULL), S4D_OK);
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 4; c++) {
            assert_true(value[4 * r + c] == (float)(r + 3 * c));
        }
    }
    assert_int_equal(s4d_ckpt_read_floats(file, s4d_ckpt_find(file, "b"), value, NULL), S4D_OK);
    assert_true(value[0] == 8 && value[3] == 11);
    assert_int_equal(s4d_ckpt_read_floats(file, s4d_ckpt_find(file, "h"), value, NULL), S4D_OK);
    assert_true(value[0] == 1 && value[1] == -2 && value[2] == 0.333251953125f);
    assert_int_equal(s4d_ckpt_read_floats(file, s4d_ckpt_find(file, "f"), value, NULL), S4D_OK);
    assert_true(value[0] == 1 && value[1] == 3.140625f);
    const s4d_ckpt_tensor *n = s4d_ckpt_find(file, "n");
    assert_int_equal(n->rank, 1);
    assert_int_equal(s4d_ckpt_read(file, n, &whole, NULL), S4D_OK);
    assert_int_equal(whole, -7);
    s4d_err err = {0};
    assert_int_equal(s4d_ckpt_read_floats(file, n, value, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "n holds I64, not floating-point numbers"));
    s4d_ckpt_close(&file);
    assert_null(file);
    s4d_ckpt_close(&file);
}

static void zip_form(void **state)
{
    (void)state;
    static const char *const top[] = {"model", "module", "state_dict", ""};
    for (int i = 0; i < 8; i++) {
        s4d_str pickle = {0}, archive = {0};
        zip_member member[MEMBERS];
        describe(&pickle, top[i / 2], 0);
        list_members(member, &pickle);
        zip_write(&archive, member, MEMBERS, i % 2);
        write_file(&archive);
        s4d_str_release(&pickle);
        check_contents(S4D_CKPT_TORCH_ZIP, top[i / 2]);
    }
}

/* keys: the order the storages stand in. */
static void write_legacy(const char *const *key, int keys, const char *trail)
{
    s4d_str s = {0};
    zip_member member[MEMBERS];
    static const int size[] = {4, 2, 2, 8};
    list_members(member, &(s4d_str){.text = ""});
    legacy_begin(&s);
    describe(&s, "model", 1);
    legacy_keys(&s, key, keys);
    for (int i = 0; i < keys; i++) {
        int k = key[i][0] - '0';
        legacy_storage(&s, member[1 + k].data, (int64_t)member[1 + k].size / size[k],
                       member[1 + k].size);
    }
    s4d_str_add(&s, trail);
    write_file(&s);
}

static void older_form(void **state)
{
    (void)state;
    static const char *const orders[][4] = {{"0", "1", "2", "3"}, {"3", "1", "0", "2"}};
    static const char *const twice[] = {"0", "1", "2", "2"};
    for (int i = 0; i < 2; i++) {
        write_legacy(orders[i], 4, "");
        check_contents(S4D_CKPT_TORCH_LEGACY, "model");
    }
    write_legacy(orders[0], 4, "x");
    assert_refused("goes on behind its tensors");
    write_legacy(orders[0], 3, "");
    assert_refused("list of storages is not that of its tensors");
    write_legacy(twice, 4, "");
    assert_refused("list of storages is not that of its tensors");
}

/* Each change to a good archive, and what is said. */
static void archives_that_are_wrong(void **state)
{
    (void)state;
    for (int kind = 0; kind < 8; kind++) {
        static const char *const sentence[] = {
            "x/data.pkl cannot be read, or its checksum is wrong",
            "x/data.pkl is larger than the file that holds it",
            "a member is compressed or encrypted",
            "is a zip archive without data.pkl",
            "is not the only pickle",
            "x/data/1 is there twice",
            "is neither \"little\" nor \"big\"",
            "goes on behind its end",
        };
        s4d_str pickle = {0}, archive = {0};
        zip_member member[MEMBERS];
        describe(&pickle, "model", 0);
        if (kind == 7) {
            s4d_str_add(&pickle, "N.");
        }
        list_members(member, &pickle);
        member[0].spoil_checksum = kind == 0;
        member[0].claimed = kind == 1 ? 1 << 30 : 0;
        member[0].method = kind == 2 ? 8 : 0;
        if (kind == 3) {
            member[0].name = "data.pkl";
        } else if (kind == 4) {
            member[5].name = "y/data.pkl";
        } else if (kind == 5) {
            member[3].name = "x/data/1";
        } else if (kind == 6) {
            member[5] = (zip_member){.name = "x/byteorder", .data = "middle", .size = 6};
        }
        zip_write(&archive, member, MEMBERS, 0);
        write_file(&archive);
        s4d_str_release(&pickle);
        assert_refused(sentence[kind]);
    }
}

/* Storages are looked at when they are read. */
static void storages_that_are_wrong(void **state)
{
    (void)state;
    static const char *const sentence[] = {
        "x/data/0 is not in the archive", "x/data/0 has not the size that data.pkl gives it",
        "x/data/0 cannot be read, or its checksum is wrong", "a member is compressed or encrypted",
        "x/data/0 is larger than the file"};
    for (int kind = 0; kind < 5; kind++) {
        s4d_str pickle = {0}, archive = {0};
        zip_member member[MEMBERS];
        float value[12];
        s4d_err err = {0};
        describe(&pickle, "model", 0);
        list_members(member, &pickle);
        member[1].name = kind == 0 ? "x/data/9" : "x/data/0";
        member[1].size -= kind == 1 ? 4 : 0;
        member[1].spoil_checksum = kind == 2;
        member[1].method = kind == 3 ? 8 : 0;
        member[1].claimed = kind == 4 ? 1 << 30 : 0;
        zip_write(&archive, member, MEMBERS, 0);
        write_file(&archive);
        s4d_str_release(&pickle);
        s4d_ckpt *file = open_good();
        assert_int_equal(s4d_ckpt_read_floats(file, s4d_ckpt_find(file, "h"), value, &err), S4D_OK);
        assert_int_equal(s4d_ckpt_read_floats(file, s4d_ckpt_find(file, "w"), value, &err),
                         S4D_FAILED);
        if (!strstr(err.text, sentence[kind])) {
            fail_msg("\"%s\" is not in \"%s\"", sentence[kind], err.text);
        }
        s4d_ckpt_close(&file);
    }
}

/* A pickle of few bytes whose tensors all look at one storage. */
static void many_views_of_little(void **state)
{
    (void)state;
    static float block[1 << 16];
    s4d_str pickle = {0}, archive = {0};
    char name[16];
    pickle_begin(&pickle);
    s4d_str_add(&pickle, "}(");
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "t%d", i);
        pickle_text(&pickle, name);
        pickle_tensor(&pickle,
                      &(pickle_tensor_spec){"FloatStorage", "0", 1 << 16, 0, 1, {1 << 16}, {1}, 0});
    }
    s4d_str_add(&pickle, "u.");
    const zip_member member[] = {{.name = "a/data.pkl", .data = pickle.text, .size = pickle.size},
                                 {.name = "a/data/0", .data = block, .size = sizeof block}};
    zip_write(&archive, member, 2, 0);
    write_file(&archive);
    s4d_str_release(&pickle);
    s4d_ckpt *file = open_good();
    char why[128];
    const s4d_ckpt_tensor *first = s4d_ckpt_find(file, "t0"), *last = s4d_ckpt_find(file, "t99");
    assert_int_equal(s4d_ckpt_count(file), 100);
    assert_int_equal(first->unread, S4D_CKPT_READABLE);
    assert_int_equal(last->unread, S4D_CKPT_TOO_MANY);
    s4d_ckpt_unread_text(last, why);
    assert_string_equal(why, "claims many times the numbers that the file holds");
    float value;
    s4d_err err = {0};
    assert_int_equal(s4d_ckpt_read_floats(file, last, &value, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "t99 claims many times"));
    s4d_ckpt_close(&file);
}

/* Dicts that hold one dict ten times, eight deep: ten million names out of 2 KB. */
static void nested_copies_are_limited(void **state)
{
    (void)state;
    static const char *const type[] = {"CharStorage", "FloatStorage"};
    for (int k = 0; k < 2; k++) {
        const char *key = "0";
        float one = 1;
        char name[8];
        s4d_str s = {0};
        legacy_begin(&s);
        pickle_begin(&s);
        pickle_tensor(&s, &(pickle_tensor_spec){type[k], "0", 1, 0, 1, {1}, {1}, 1});
        s4d_str_add_bytes(&s, "q\0000", 3);
        for (int level = 0; level < 8; level++) {
            s4d_str_add(&s, "}(");
            pickle_text(&s, "t");
            s4d_str_add_bytes(&s, "h\0", 2);
            for (int i = 0; i < 24 && level == 7; i++) { /* of a model, those below being its parts */
                snprintf(name, sizeof name, "w%d", i);
                pickle_text(&s, name);
                s4d_str_add_bytes(&s, "h\0", 2);
            }
            for (int i = 0; i < 10; i++) {
                snprintf(name, sizeof name, "%d", i);
                pickle_text(&s, name);
                put_byte(&s, 'h');
                put_byte(&s, level);
            }
            s4d_str_add(&s, "uq");
            put_byte(&s, level + 1);
            if (level < 7) {
                put_byte(&s, '0');
            }
        }
        put_byte(&s, '.');
        legacy_keys(&s, &key, 1);
        legacy_storage(&s, &one, 1, k ? 4 : 1);
        assert_true(s.size < 2048);
        write_file(&s);
        assert_refused("more than 65536 tensors");
    }
}

static void objects_without_names(void **state)
{
    (void)state;
    static const char *const text[] = {"\x80\2N.", "\x80\2}.", "\x80\2cmodels\nNet\n)\x81}b."};
    static const char *const sentence[] = {"holds None, not tensors by their names",
                                           "holds no tensors by their names",
                                           "holds an object of models.Net, not tensors"};
    for (int i = 0; i < 3; i++) {
        s4d_str archive = {0};
        const zip_member member[] = {
            {.name = "a/data.pkl", .data = text[i], .size = strlen(text[i])}};
        zip_write(&archive, member, 1, 0);
        write_file(&archive);
        assert_refused(sentence[i]);
    }
}

static void cuts_are_refused(void **state)
{
    (void)state;
    s4d_str pickle = {0}, archive = {0};
    zip_member member[MEMBERS];
    describe(&pickle, "model", 0);
    list_members(member, &pickle);
    zip_write(&archive, member, MEMBERS, 0);
    for (size_t n = 0; n < archive.size; n += 7) {
        s4d_ckpt *file;
        s4d_err err = {0};
        assert_int_equal(s4d_file_write(path, archive.text, n, NULL), S4D_OK);
        assert_int_equal(s4d_ckpt_open(path, NULL, &file, &err), S4D_FAILED);
        assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    }
    s4d_str_release(&archive);
    s4d_str_release(&pickle);
}

static void failures_on_demand(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    static const char *const keys[] = {"0", "1", "2", "3"};
    for (int legacy = 0; legacy < 2; legacy++) {
        s4d_str pickle = {0}, archive = {0};
        zip_member member[MEMBERS];
        describe(&pickle, "model", 0);
        list_members(member, &pickle);
        zip_write(&archive, member, MEMBERS, 0);
        write_file(&archive);
        s4d_str_release(&pickle);
        if (legacy) {
            write_legacy(keys, 4, "");
        }
        long n = 1;
        for (s4d_status status = S4D_FAILED; status != S4D_OK; n++) {
            s4d_ckpt *file;
            s4d_err err = {0};
            float value[12];
            s4d_fault_set(S4D_FAULT_ALLOC, n);
            status = s4d_ckpt_open(path, NULL, &file, &err);
            if (status == S4D_OK) {
                status = s4d_ckpt_read_floats(file, s4d_ckpt_find(file, "h"), value, &err);
            }
            s4d_fault_set(S4D_FAULT_ALLOC, 0);
            s4d_ckpt_close(&file);
            assert_int_equal(status == S4D_OK, err.text[0] == '\0');
        }
        assert_true(n > 20);
    }
#else
    print_message("skipped: needs S4D_TEST_HOOKS\n");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zip_form),
        cmocka_unit_test(older_form),
        cmocka_unit_test(archives_that_are_wrong),
        cmocka_unit_test(storages_that_are_wrong),
        cmocka_unit_test(many_views_of_little),
        cmocka_unit_test(nested_copies_are_limited),
        cmocka_unit_test(objects_without_names),
        cmocka_unit_test(cuts_are_refused),
        cmocka_unit_test(failures_on_demand),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
