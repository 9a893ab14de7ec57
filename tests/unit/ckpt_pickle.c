/* The pickle stream: what it builds, and what it refuses. Files of the older form are put around
 * each stream. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "ckpt/pickle.h"
#include "ckpt_fixture.h"
#include "s4d/base/fault.h"

static s4d_pickle reader;

static s4d_pickle_node *read_good(const s4d_str *s)
{
    const unsigned char *at = (const unsigned char *)s->text;
    s4d_pickle_node *root = NULL;
    s4d_err err = {0};
    reader = (s4d_pickle){.path = "p"};
    if (s4d_pickle_read(&reader, &at, at + s->size, &root, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    assert_ptr_equal(at, s->text + s->size);
    return root;
}

static void assert_refused(const char *bytes, size_t size, const char *sentence)
{
    unsigned char *copy = malloc(size + 1); /* exact, so that a sanitizer sees reads beyond it */
    memcpy(copy, bytes, size);
    const unsigned char *at = copy;
    s4d_pickle_node *root = NULL;
    s4d_err err = {0};
    reader = (s4d_pickle){.path = "p"};
    assert_int_equal(s4d_pickle_read(&reader, &at, copy + size, &root, &err), S4D_FAILED);
    if (!strstr(err.text, sentence)) {
        fail_msg("\"%s\" is not in \"%s\"", sentence, err.text);
    }
    assert_int_equal(strncmp(err.text, "p: ", 3), 0);
    s4d_pickle_release(&reader);
    free(copy);
}
#define REFUSED(bytes, sentence) assert_refused(bytes, sizeof bytes - 1, sentence)

static void values(void **state)
{
    (void)state;
    static const char bytes[] = "\x80\2(NK\xFFM\1\2J\xFE\xFF\xFF\xFF\x8A\1\x80\x8A\0G?"
                                "\xF8\0\0\0\0\0\0\x88\x89X\2\0\0\0hit.";
    s4d_str s = {0};
    s4d_str_add_bytes(&s, bytes, sizeof bytes - 1);
    s4d_pickle_node *root = read_good(&s);
    assert_int_equal(root->kind, S4D_PICKLE_TUPLE);
    assert_int_equal(root->count, 10);
    assert_int_equal(root->item[0]->kind, S4D_PICKLE_NONE);
    const int64_t want[] = {255, 0x201, -2, -128, 0};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(root->item[1 + i]->kind, S4D_PICKLE_INT);
        assert_int_equal(root->item[1 + i]->integer, want[i]);
    }
    assert_int_equal(root->item[6]->kind, S4D_PICKLE_FLOAT);
    assert_true(root->item[6]->number == 1.5);
    assert_int_equal(root->item[7]->integer, 1);
    assert_int_equal(root->item[8]->kind, S4D_PICKLE_BOOL);
    assert_true(s4d_slice_is(root->item[9]->text, "hi"));
    s4d_pickle_release(&reader);
    s4d_str_release(&s);
}

static void containers_and_memo(void **state)
{
    (void)state;
    s4d_str s = {0};
    pickle_begin(&s);
    s4d_str_add_bytes(&s, "}q\0(", 4);
    pickle_text(&s, "a");
    s4d_str_add_bytes(&s, "]q\1(K\1K\2e", 9);
    pickle_text(&s, "b");
    s4d_str_add_bytes(&s, "h\1u.", 4);
    s4d_pickle_node *root = read_good(&s);
    assert_int_equal(root->kind, S4D_PICKLE_DICT);
    const s4d_pickle_node *a = s4d_pickle_find(root, "a");
    assert_non_null(a);
    assert_int_equal(a->kind, S4D_PICKLE_LIST);
    assert_int_equal(a->count, 2);
    assert_ptr_equal(a, s4d_pickle_find(root, "b"));
    assert_null(s4d_pickle_find(root, "c"));
    s4d_pickle_release(&reader);
    s4d_str_release(&s);
}

/* os.system("touch FILE"), the classic, and friends: placeholders, and no file. */
static void nothing_is_executed(void **state)
{
    (void)state;
    static const char *const callable[][2] = {{"os", "system"},
                                              {"posix", "system"},
                                              {"subprocess", "Popen"},
                                              {"builtins", "eval"},
                                              {"builtins", "__import__"}};
    char command[128], mark[] = "/tmp/s4d-pickle-XXXXXX", text[128];
    int fd = mkstemp(mark);
    assert_true(fd >= 0);
    close(fd);
    unlink(mark);
    for (int i = 0; i < 5; i++) {
        s4d_str s = {0};
        pickle_begin(&s);
        pickle_global(&s, callable[i][0], callable[i][1]);
        snprintf(command, sizeof command, "touch %s", mark);
        pickle_text(&s, command);
        s4d_str_add(&s, "\x85R.");
        s4d_pickle_node *root = read_good(&s);
        assert_int_equal(root->kind, S4D_PICKLE_OPAQUE);
        s4d_pickle_describe(root, text, sizeof text);
        snprintf(command, sizeof command, "an object of %s.%s", callable[i][0], callable[i][1]);
        assert_string_equal(text, command);
        s4d_pickle_release(&reader);
        s4d_str_release(&s);
    }
    assert_int_not_equal(access(mark, F_OK), 0);
}

/* argparse.Namespace: NEWOBJ, then BUILD with its state, which is forgotten. */
static void placeholders(void **state)
{
    (void)state;
    s4d_str s = {0};
    char text[64];
    pickle_begin(&s);
    s4d_str_add(&s, "(");
    pickle_global(&s, "argparse", "Namespace");
    s4d_str_add(&s, ")\x81}");
    pickle_text(&s, "lr");
    s4d_str_add(&s, "K\1sb");
    pickle_global(&s, "collections", "OrderedDict");
    s4d_str_add(&s, ")R");
    pickle_text(&s, "k");
    s4d_str_add(&s, "K\5st.");
    s4d_pickle_node *root = read_good(&s);
    s4d_pickle_describe(root->item[0], text, sizeof text);
    assert_string_equal(text, "an object of argparse.Namespace");
    assert_int_equal(s4d_pickle_find(root->item[1], "k")->integer, 5);
    s4d_pickle_release(&reader);
    s4d_str_release(&s);
}

static void tensors_are_views(void **state)
{
    (void)state;
    s4d_str s = {0};
    pickle_begin(&s);
    s4d_str_add(&s, "(");
    pickle_tensor(&s, &(pickle_tensor_spec){"FloatStorage", "0", 12, 0, 2, {3, 4}, {1, 3}, 0});
    pickle_tensor(&s, &(pickle_tensor_spec){"FloatStorage", "0", 12, 11, 0, {0}, {0}, 0});
    pickle_tensor(&s, &(pickle_tensor_spec){"BFloat16Storage", "k", 4, 1, 1, {3}, {1}, 1});
    pickle_tensor(&s, &(pickle_tensor_spec){"FloatStorage", "0", 12, 12, 2, {0, 7}, {7, 1}, 0});
    s4d_str_add(&s, "t.");
    s4d_pickle_node *root = read_good(&s);
    assert_int_equal(reader.storages, 2);
    assert_int_equal(reader.views, 4);
    const s4d_storage_view *v = &reader.view[root->item[0]->index];
    assert_int_equal(v->rank, 2);
    assert_int_equal(v->stride[1], 3);
    assert_int_equal(v->count, 12);
    v = &reader.view[root->item[1]->index];
    assert_int_equal(v->rank, 1); /* a scalar is [1] */
    assert_int_equal(v->count, 1);
    assert_int_equal(v->offset, 11);
    v = &reader.view[root->item[2]->index];
    assert_string_equal(v->element->name, "BF16");
    assert_int_equal(reader.view[root->item[3]->index].count, 0);
    s4d_pickle_release(&reader);
    s4d_str_release(&s);
}

/* More dimensions than are held, and numbers that stand several times: told as they are. */
static void unusual_views(void **state)
{
    (void)state;
    s4d_str s = {0};
    pickle_begin(&s);
    s4d_str_add(&s, "(");
    pickle_tensor(
        &s,
        &(pickle_tensor_spec){
            "FloatStorage", "0", 12, 0, 8, {1, 1, 1, 1, 1, 1, 3, 4}, {1, 1, 1, 1, 1, 1, 4, 1}, 0});
    pickle_tensor(
        &s, &(pickle_tensor_spec){"FloatStorage", "0", 12, 11, 2, {1 << 30, 1 << 30}, {0, 0}, 0});
    pickle_tensor(&s, &(pickle_tensor_spec){"LaterStorage", "1", 2, 0, 1, {2}, {1}, 0});
    s4d_str_add(&s, "t.");
    s4d_pickle_node *root = read_good(&s);
    const s4d_storage_view *v = &reader.view[root->item[0]->index];
    assert_int_equal(v->rank, 8);
    assert_int_equal(v->count, 12);
    assert_int_equal(v->dim[5], 1);
    v = &reader.view[root->item[1]->index];
    assert_int_equal(v->stride[1], 0);
    assert_true(v->count == INT64_C(1) << 60);
    v = &reader.view[root->item[2]->index];
    assert_null(v->element);
    assert_true(s4d_slice_is(v->type, "LaterStorage"));
    s4d_pickle_release(&reader);
    s4d_str_release(&s);
}

/* torch._tensor._rebuild_from_type_v2(FUNCTION, Tensor, ARGUMENTS, state): nothing but known
 * functions is looked into. */
static void functions_within_functions(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        s4d_str s = {0};
        pickle_begin(&s);
        pickle_global(&s, "torch._tensor", "_rebuild_from_type_v2");
        s4d_str_add(&s, "(");
        pickle_global(&s, known ? "torch._utils" : "os", known ? "_rebuild_parameter" : "system");
        pickle_global(&s, "torch", "Tensor");
        s4d_str_add(&s, "(");
        pickle_tensor(&s, &(pickle_tensor_spec){"FloatStorage", "0", 4, 0, 1, {4}, {1}, 0});
        s4d_str_add(&s, "\x88t}tR.");
        s4d_pickle_node *root = read_good(&s);
        assert_int_equal(root->kind, known ? S4D_PICKLE_TENSOR : S4D_PICKLE_OPAQUE);
        s4d_pickle_release(&reader);
        s4d_str_release(&s);
    }
}

static void tensors_beyond_their_storage(void **state)
{
    (void)state;
    static const struct {
        pickle_tensor_spec spec;
        const char *sentence;
    } known[] = {
        {{"FloatStorage", "0", 11, 0, 2, {3, 4}, {4, 1}, 0}, "larger than its storage"},
        {{"FloatStorage", "0", 12, 1, 2, {3, 4}, {4, 1}, 0}, "larger than its storage"},
        {{"FloatStorage", "0", 12, -1, 1, {1}, {1}, 0}, "not described by storage, offset"},
        {{"FloatStorage", "0", 12, 0, 1, {-1}, {1}, 0}, "not whole numbers from 0"},
        {{"FloatStorage", "0", 12, 0, 1, {2}, {-1}, 0}, "not whole numbers from 0"},
        {{"FloatStorage", "0", -1, 0, 1, {2}, {1}, 0}, "no storage of a tensor"},
        /* size bombs: shapes whose product or reach overflows */
        {{"FloatStorage", "0", 1, 0, 3, {1 << 30, 1 << 30, 1 << 30}, {0, 0, 0}, 0},
         "too large for any machine"},
        {{"FloatStorage", "0", 12, 0, 2, {3, 2}, {1 << 30, 1}, 0}, "larger than its storage"},
        {{"FloatStorage", "0", 12, 0, 7, {1, 1, 1, 1, 1, 1, 13}, {1, 1, 1, 1, 1, 1, 1}, 0},
         "larger than its storage"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        s4d_str s = {0};
        pickle_begin(&s);
        pickle_tensor(&s, &known[i].spec);
        s4d_str_add(&s, ".");
        assert_refused(s.text, s.size, known[i].sentence);
        s4d_str_release(&s);
    }
}

static void one_storage_in_two_ways(void **state)
{
    (void)state;
    s4d_str s = {0};
    pickle_begin(&s);
    s4d_str_add(&s, "(");
    pickle_tensor(&s, &(pickle_tensor_spec){"FloatStorage", "0", 4, 0, 1, {4}, {1}, 0});
    pickle_tensor(&s, &(pickle_tensor_spec){"HalfStorage", "0", 4, 0, 1, {4}, {1}, 0});
    s4d_str_add(&s, "t.");
    assert_refused(s.text, s.size, "one storage in two ways");
    s4d_str_release(&s);
}

static void streams_that_are_wrong(void **state)
{
    (void)state;
    REFUSED("", "does not end");
    REFUSED("\x80\2", "does not end");
    REFUSED("\x80\6N.", "has the protocol 6");
    REFUSED("\x80\2.", "leaves 0 things");
    REFUSED("\x80\2NN.", "leaves 2 things");
    REFUSED("\x80\2(N.", "and 1 marks behind");
    REFUSED("\x80\2M\1", "ends within a number");
    REFUSED("\x80\2X\xFF\xFF\xFF\xFF"
            "a",
            "gives a string 4294967295 bytes");
    REFUSED("\x80\5\x8D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
            "a",
            "gives a string 18446744073709551615 bytes");
    REFUSED("\x80\2\x8B\xFF\xFF\xFF\x7F", "gives a string 2147483647 bytes");
    REFUSED("\x80\2cos", "ends within a name");
    REFUSED("\x80\2t.", "misses a mark");
    REFUSED("\x80\2K\1\x87.", "takes more than there is");
    REFUSED("\x80\2(K\1a.", "takes more than there is");
    REFUSED("\x80\2K\1(K\1\x86.", "takes more than there is"); /* not across a mark */
    REFUSED("\x80\2K\1K\1a.", "fills something that is no list");
    REFUSED("\x80\2}(K\1u.", "fills something that is no dict");
    REFUSED("\x80\2]K\1K\2s.", "fills something that is no dict");
    REFUSED("\x80\2h\0.", "does not remember");
    REFUSED("\x80\2Nr\xFF\xFF\xFF\x7F.", "numbers what it remembers with gaps"); /* a memo bomb */
    REFUSED("\x80\2K\1Q.", "no storage of a tensor");
    REFUSED("\x80\2K\1K\2R.", "without a tuple of arguments");
    REFUSED("\x80\2I1\n.", "the opcode 0x49");
    REFUSED("\x80\2\x82\1.", "the opcode 0x82"); /* EXT1 */
    REFUSED("\x80\2P1\n.", "the opcode 0x50");
    REFUSED("\x80\4K\1K\2\x93.", "names a class by things that are no strings");
}

static void bombs(void **state)
{
    (void)state;
    s4d_str s = {0};
    pickle_begin(&s);
    for (int i = 0; i < 100000; i++) {
        s4d_str_add(&s, "(");
    }
    assert_refused(s.text, s.size, "nests more than 64 deep");
    s4d_str_clear(&s);
    pickle_begin(&s);
    s4d_str_add(&s, ")");
    for (int i = 0; i < 100000; i++) {
        s4d_str_add(&s, "\x85");
    }
    s4d_str_add(&s, ".");
    assert_refused(s.text, s.size, "nests more than 100 deep");
    s4d_str_clear(&s);
    pickle_begin(&s);
    s4d_str_add(&s, "]");
    for (int i = 0; i < 101; i++) {
        s4d_str_add(&s, "2a"); /* a list within itself */
    }
    s4d_str_add(&s, ".");
    assert_refused(s.text, s.size, "nests more than 100 deep");
    s4d_str_release(&s);
}

/* One list in many dicts: a few bytes each. */
static void copies_of_a_list_are_limited(void **state)
{
    (void)state;
    s4d_str s = {0};
    pickle_begin(&s);
    s4d_str_add_bytes(&s, "](K\1K\2\x86q\0", 9);
    for (int i = 1; i < 1000; i++) {
        s4d_str_add_bytes(&s, "h\0", 2);
    }
    s4d_str_add_bytes(&s, "eq\1(", 4);
    pickle_global(&s, "collections", "OrderedDict");
    s4d_str_add_bytes(&s, "q\2h\1\x85R", 6);
    for (int i = 0; i < 2000; i++) {
        s4d_str_add_bytes(&s, "h\2h\1\x85R", 6);
    }
    s4d_str_add(&s, "t\x86."); /* the list, and the tuple of dicts */
    s4d_pickle_node *root = read_good(&s);
    assert_int_equal(root->item[1]->item[2000]->count, 2000);
    assert_true(reader.items > 4000000);
    s4d_pickle_release(&reader);
    s.size -= 3;
    for (int i = 0; i < 200; i++) {
        s4d_str_add_bytes(&s, "h\2h\1\x85R", 6);
    }
    s4d_str_add(&s, "t\x86.");
    assert_refused(s.text, s.size, "puts more than 4194304 things into lists and dicts");
    s4d_str_release(&s);
}

static void cuts_and_damage_never_crash(void **state)
{
    (void)state;
    s4d_str s = {0};
    pickle_begin(&s);
    s4d_str_add(&s, "(");
    pickle_tensor(&s, &(pickle_tensor_spec){"FloatStorage", "0", 12, 0, 2, {3, 4}, {1, 3}, 0});
    pickle_global(&s, "argparse", "Namespace");
    s4d_str_add(&s, ")\x81}b]q\2K\1at.");
    for (size_t n = 0; n < s.size; n++) {
        assert_refused(s.text, n, "p: its pickle");
    }
    for (size_t n = 0; n < s.size; n++) {
        for (int bit = 0; bit < 8; bit++) {
            unsigned char *copy = malloc(s.size);
            const unsigned char *at = copy;
            s4d_pickle_node *root;
            memcpy(copy, s.text, s.size);
            copy[n] ^= (unsigned char)(1 << bit);
            reader = (s4d_pickle){.path = "p"};
            s4d_pickle_read(&reader, &at, copy + s.size, &root, NULL);
            s4d_pickle_release(&reader);
            free(copy);
        }
    }
    s4d_str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(containers_and_memo),
        cmocka_unit_test(nothing_is_executed),
        cmocka_unit_test(placeholders),
        cmocka_unit_test(tensors_are_views),
        cmocka_unit_test(unusual_views),
        cmocka_unit_test(functions_within_functions),
        cmocka_unit_test(tensors_beyond_their_storage),
        cmocka_unit_test(one_storage_in_two_ways),
        cmocka_unit_test(streams_that_are_wrong),
        cmocka_unit_test(bombs),
        cmocka_unit_test(copies_of_a_list_are_limited),
        cmocka_unit_test(cuts_and_damage_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
