/* Many texts, what is not seen in a text, texts that look alike. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/base/str.h"

static void texts_stay_where_they_are(void **state)
{
    (void)state;
    enum { N = 50000 };
    s4d_texts t = {0};
    static const char *kept[N];
    char text[64];
    uint64_t calls = s4d_mem_calls();
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "%d of many", i);
        kept[i] = s4d_texts_add(&t, text);
        assert_non_null(kept[i]);
    }
    assert_in_range(s4d_mem_calls() - calls, 1, 10); /* not one for each */
    char *large = s4d_mem_alloc(1 << 20, 1);
    memset(large, 'x', (1 << 20) - 1);
    const char *copy = s4d_texts_add(&t, large);
    assert_string_equal(copy, large);
    assert_string_equal(s4d_texts_add(&t, ""), "");
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "%d of many", i);
        assert_string_equal(kept[i], text);
    }
    s4d_mem_free(large);
    s4d_texts_release(&t);
    assert_null(t.block);
}

static void assert_trimmed(const char *text, const char *want)
{
    const char *from = text, *to = text + strlen(text);
    s4d_str_trim(&from, &to);
    assert_int_equal(to - from, strlen(want));
    assert_memory_equal(from, want, strlen(want));
}

static void what_is_not_seen_is_trimmed(void **state)
{
    (void)state;
    assert_trimmed("", "");
    assert_trimmed(" \t a b \v\f", "a b");
    assert_trimmed("\xC2\xA0" "a\xC2\xA0\xC2\xA0", "a");                     /* no-break spaces */
    assert_trimmed("\xEF\xBB\xBF\xE2\x80\x8B" "a\xE2\x80\x8B" "b\xE2\x80\x8D", "a\xE2\x80\x8B" "b"); /* zero width */
    assert_trimmed("\xE3\x80\x80\xE9\xAB\x98\xE3\x80\x80", "\xE9\xAB\x98"); /* wide space */
    assert_trimmed("\xE2\x80\xAA" "C:\xE2\x80\xAC", "C:");                  /* marks of direction */
    assert_trimmed("\xC2", "\xC2");                                         /* half a character */
    assert_trimmed("\xA0" "a\xA0", "\xA0" "a\xA0");                         /* no UTF-8 */
    assert_trimmed("\xC3\xA9", "\xC3\xA9");
    assert_trimmed("a\n", "a\n"); /* ends of lines are no blanks */
    assert_trimmed("\xC2\xA0 \xE2\x80\x83\xC2\xAD", "");
}

static void csv_keeps_what_readers_trim(void **state)
{
    (void)state;
    static const char *const pair[][2] = {{"a b", "a b"}, {"a\xC2\xA0", "\"a\xC2\xA0\""}, {"\xE2\x80\x8B" "a", "\"\xE2\x80\x8B" "a\""},
                                          {"a\xC2\xA0" "b", "a\xC2\xA0" "b"}};
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        s4d_str s = {0};
        s4d_str_csv(&s, pair[i][0]);
        assert_string_equal(s.text, pair[i][1]);
        s4d_str_release(&s);
    }
}

static void texts_are_compared_as_they_look(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        s4d_likeness like;
    } c[] = {
        {"", "", S4D_SAME_FORM},
        {"a", "a", S4D_SAME_FORM},
        {"a", "A", S4D_SAME_LETTERS},
        {"a", "b", S4D_DIFFERENT},
        {"a", "ab", S4D_DIFFERENT},
        {"\xC3\xA9", "e\xCC\x81", S4D_SAME_FORM},                               /* e with acute */
        {"\xC3\x89", "e\xCC\x81", S4D_SAME_LETTERS},                            /* capital */
        {"\xC3\xA9", "e", S4D_DIFFERENT},
        {"\xE1\xBB\x87", "e\xCC\xA3\xCC\x82", S4D_SAME_FORM},                   /* e with dot below and circumflex */
        {"\xE1\xBB\x87", "\xE1\xBA\xB9\xCC\x82", S4D_SAME_FORM},                /* half of it in one piece */
        {"\xED\x95\x9C", "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", S4D_SAME_FORM}, /* Hangul han */
        {"\xEA\xB0\x80", "\xE1\x84\x80\xE1\x85\xA1", S4D_SAME_FORM},            /* ga */
        {"\xE3\x81\x8C", "\xE3\x81\x8B\xE3\x82\x99", S4D_SAME_FORM},            /* kana ga */
        {"\xD0\xB9", "\xD0\xB8\xCC\x86", S4D_SAME_FORM},                        /* Cyrillic short i */
        {"\xE9\xAB\x98", "\xE9\xAB\x98", S4D_SAME_FORM},
        {"\xFF", "\xFF", S4D_SAME_FORM}, /* no UTF-8: byte by byte */
        {"\xFF", "\xFE", S4D_DIFFERENT},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        assert_int_equal(s4d_str_alike(c[i].a, strlen(c[i].a), c[i].b, strlen(c[i].b)), c[i].like);
        assert_int_equal(s4d_str_alike(c[i].b, strlen(c[i].b), c[i].a, strlen(c[i].a)), c[i].like);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_stay_where_they_are),
        cmocka_unit_test(what_is_not_seen_is_trimmed),
        cmocka_unit_test(csv_keeps_what_readers_trim),
        cmocka_unit_test(texts_are_compared_as_they_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
