/* Strings, lists, orders, nearest words, UTF-8. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "s4d/base/fault.h"
#include "s4d/base/str.h"

static void text_grows(void **state)
{
    (void)state;
    s4d_str s = {0};
    s4d_str_add(&s, "");
    assert_string_equal(s.text, "");
    for (int i = 0; i < 1000; i++) {
        s4d_str_printf(&s, "%d,", i);
    }
    s4d_str_add_bytes(&s, "a\0b", 3);
    assert_int_equal(s.size, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    assert_memory_equal(s.text, "0,1,2,", 6);
    assert_memory_equal(s.text + s.size - 7, "999,a\0b", 8);
    size_t room = s.room;
    s4d_str_clear(&s);
    assert_int_equal(s.size, 0);
    assert_int_equal(s.room, room);
    assert_string_equal(s.text, "");
    assert_false(s.failed);
    s4d_str_release(&s);
    assert_null(s.text);
}

static void failed_text_takes_nothing_more(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    s4d_str s = {0};
    s4d_str_add(&s, "kept");
    char long_text[300];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    s4d_fault_set(S4D_FAULT_ALLOC, 1);
    s4d_str_add(&s, long_text);
    assert_true(s.failed);
    s4d_str_add(&s, "more");
    s4d_str_printf(&s, "%d", 1);
    assert_string_equal(s.text, "kept");
    s4d_str_release(&s);
#else
    print_message("skipped: needs S4D_TEST_HOOKS\n");
    skip();
#endif
}

static void list_owns_copies(void **state)
{
    (void)state;
    s4d_strlist list = {0};
    char text[16] = "first";
    assert_true(s4d_strlist_add(&list, text));
    strcpy(text, "second");
    assert_true(s4d_strlist_add(&list, text));
    assert_int_equal(s4d_strlist_find(&list, "first"), 0);
    assert_int_equal(s4d_strlist_find(&list, "second"), 1);
    assert_int_equal(s4d_strlist_find(&list, "third"), -1);
    for (int i = 0; i < 100; i++) {
        assert_true(s4d_strlist_add(&list, "more"));
    }
    assert_int_equal(list.count, 102);
    s4d_strlist_release(&list);
    assert_int_equal(list.count, 0);
    s4d_strlist_sort(&list, s4d_str_natural);
}

/* Given in order; every pair must compare so, both ways round. */
static void natural_order(void **state)
{
    (void)state;
    static const char *const ordered[] = {"",
                                          "0",
                                          "00",
                                          "01",
                                          "1",
                                          "2",
                                          "10",
                                          "10a",
                                          "a",
                                          "a0b",
                                          "a01",
                                          "a1",
                                          "a1b2",
                                          "a1b10",
                                          "a2",
                                          "a10",
                                          "a99999999999999999999",
                                          "a100000000000000000000",
                                          "ab",
                                          "b",
                                          "\xC3\xA4"};
    size_t n = sizeof ordered / sizeof *ordered;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            int got = s4d_str_natural(ordered[i], ordered[j]);
            if ((got > 0) - (got < 0) != (i > j) - (i < j)) {
                fail_msg("\"%s\" against \"%s\" gives %d", ordered[i], ordered[j], got);
            }
        }
    }
    s4d_strlist list = {0};
    for (size_t i = 0; i < n; i++) {
        assert_true(s4d_strlist_add(&list, ordered[(i * 8 + 3) % n])); /* 8 and 21: all of them */
    }
    s4d_strlist_sort(&list, s4d_str_natural);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(list.item[i], ordered[i]);
    }
    s4d_strlist_release(&list);
}

static void endings(void **state)
{
    (void)state;
    assert_true(s4d_str_ends("a.png", ".png"));
    assert_false(s4d_str_ends("a.PNG", ".png"));
    assert_true(s4d_str_ends_nocase("a.PNG", ".png"));
    assert_true(s4d_str_ends_nocase("a.png", ".PNG"));
    assert_false(s4d_str_ends_nocase("a@", "a`"));
    assert_false(s4d_str_ends("png", ".png"));
    assert_false(s4d_str_ends_nocase("png", ".png"));
    assert_true(s4d_str_ends("x", ""));
}

static void nearest_word(void **state)
{
    (void)state;
    static const char *const word[] = {"learning_rate", "weight_decay", "epochs"};
    assert_string_equal(s4d_str_nearest("epoch", word, 3), "epochs");
    assert_string_equal(s4d_str_nearest("weigth_decay", word, 3), "weight_decay");
    assert_string_equal(s4d_str_nearest("epochs", word, 3), "epochs");
    assert_string_equal(s4d_str_nearest("epo", word, 3), "epochs");
    assert_null(s4d_str_nearest("ep", word, 3));
    assert_null(s4d_str_nearest("batch_size", word, 3));
    assert_null(s4d_str_nearest("x", word, 0));
    static const char *const small[] = {"lr", "eval", "seed"};
    assert_string_equal(s4d_str_nearest("evla", small, 3), "eval");
    assert_null(s4d_str_nearest("foo", small, 3));
    assert_null(s4d_str_nearest("size", small, 3));
    char endless[4000];
    memset(endless, 'e', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_null(s4d_str_nearest(endless, word, 3));
}

static void csv_fields(void **state)
{
    (void)state;
    static const char *const field[][2] = {{"plain words", "plain words"}, {"", ""}, {"a,b", "\"a,b\""},
                                           {"say \"hi\"", "\"say \"\"hi\"\"\""}, {"two\nlines", "\"two\nlines\""},
                                           {" before", "\" before\""}, {"behind\t", "\"behind\t\""}};
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        s4d_str s = {0};
        s4d_str_csv(&s, field[i][0]);
        assert_string_equal(s.text ? s.text : "", field[i][1]);
        s4d_str_release(&s);
    }
}

static void utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF",
                                       "xyz\xC3\xA4\xE2\x82\xAC"};
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC3",
                                      "\xC3(",
                                      "\xE0\x9F\xBF",
                                      "\xE2\x82",
                                      "\xED\xA0\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "a\xE2(\xA1",
                                      "\xE2\x82("};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(s4d_str_utf8(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(s4d_str_utf8(bad[i]));
    }
    const char euro[] = "\xE2\x82\xAC";
    assert_int_equal(s4d_utf8_length(euro, euro + 3), 3);
    assert_int_equal(s4d_utf8_length(euro, euro + 2), 0);
    assert_int_equal(s4d_utf8_length(euro, euro), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows),
        cmocka_unit_test(failed_text_takes_nothing_more),
        cmocka_unit_test(list_owns_copies),
        cmocka_unit_test(natural_order),
        cmocka_unit_test(endings),
        cmocka_unit_test(nearest_word),
        cmocka_unit_test(csv_fields),
        cmocka_unit_test(utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
