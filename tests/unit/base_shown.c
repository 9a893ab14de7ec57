/* Text as it is shown: nothing in a name acts on a terminal, and nothing in a cell on a spreadsheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "s4d/base/err.h"
#include "s4d/base/json.h"
#include "s4d/base/log.h"
#include "s4d/base/str.h"

static const char *const SHOWN[][2] = {
    {"", ""},
    {"plain name.png", "plain name.png"},
    {"a\\x1B", "a\\x1B"}, /* what looks escaped already stays */
    {"\x1B]0;title\x07", "\\x1B]0;title\\x07"},
    {"\x01\x1F\x7F\t\r\n", "\\x01\\x1F\\x7F\\x09\\x0D\\x0A"},
    {"\xC2\x9B\x33\x31m", "\\u009B31m"}, /* a C1 control is CSI in one character */
    {"\xC2\x80\xC2\x9F\xC2\xA0", "\\u0080\\u009F\xC2\xA0"},
    {"photo\xE2\x80\xAEgnp.exe", "photo\\u202Egnp.exe"},
    {"\xE2\x80\x8B\xE2\x80\x8F\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA", "\\u200B\\u200F\\u2028\\u2029\\u202A"},
    {"\xE2\x81\xA0\xE2\x81\xA6\xE2\x81\xA9\xEF\xBB\xBF", "\\u2060\\u2066\\u2069\\uFEFF"},
    {"\xD8\x9C\xC2\xAD", "\\u061C\\u00AD"},
    {"\xF3\xA0\x81\x81", "\\U000E0041"}, /* a tag character */
    {"\xFF\xC3(\xE2\x82", "\\xFF\\xC3(\\xE2\\x82"},
    {"\xD6\xD0.png", "\\xD6\\xD0.png"}, /* GBK */
    {"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80", "\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"},
};
enum { CASES = sizeof SHOWN / sizeof *SHOWN };

static void grows(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        s4d_str s = {0};
        char text[128];
        s4d_str_add_printable(&s, SHOWN[i][0]);
        assert_string_equal(s.text ? s.text : "", SHOWN[i][1]);
        s4d_str_release(&s);
        strcpy(text, SHOWN[i][0]);
        s4d_str_printable(text, sizeof text);
        assert_string_equal(text, SHOWN[i][1]);
        s4d_str_printable(text, sizeof text); /* shown twice, the same */
        assert_string_equal(text, SHOWN[i][1]);
    }
}

/* In any room: a beginning of what is shown, cut between what stands for characters. */
static void fits_in_any_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        for (size_t room = strlen(SHOWN[i][0]) + 1; room < 100; room++) {
            char text[101];
            memset(text, 'x', sizeof text);
            strcpy(text, SHOWN[i][0]);
            s4d_str_printable(text, room);
            size_t n = strlen(text);
            assert_true(n < room && strncmp(text, SHOWN[i][1], n) == 0 && s4d_str_utf8(text));
            assert_true(n == strlen(SHOWN[i][1]) || n + 10 >= room);
            for (size_t k = room; k < sizeof text; k++) {
                assert_int_equal(text[k], 'x');
            }
        }
    }
}

static void sentences_and_lines(void **state)
{
    (void)state;
    s4d_err err = {0};
    char got[512] = {0};
    int pipes[2], kept = dup(STDOUT_FILENO);
    s4d_err_set(&err, S4D_FAILED, "%s: no", "a\xC2\x9Bz");
    s4d_err_prefix(&err, "%s", "b\xE2\x80\xAE");
    assert_string_equal(err.text, "b\\u202E: a\\u009Bz: no");
    assert_int_equal(pipe(pipes), 0);
    fflush(stdout);
    dup2(pipes[1], STDOUT_FILENO);
    s4d_line("%s %d", "one\nline\x1B", 7);
    s4d_line("%s", "");
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    assert_true(read(pipes[0], got, sizeof got - 1) > 0);
    assert_string_equal(got, "one\\x0Aline\\x1B 7\n\n");
    close(pipes[0]);
    close(pipes[1]);
    close(kept);
}

/* A document is exact, and can be looked at. */
static void json_is_exact(void **state)
{
    (void)state;
    s4d_json_writer w = {0};
    s4d_json *doc = NULL;
    const char *name = "\xC2\x9B\xE2\x80\xAE\xF3\xA0\x81\x81\x7F\xC3\xA9";
    s4d_json_put_string(&w, name);
    assert_string_equal(w.out.text, "\"\\u009B\\u202E\\uDB40\\uDC41\\u007F\xC3\xA9\"");
    assert_int_equal(s4d_json_parse(w.out.text, w.out.size, "x", &doc, NULL), S4D_OK);
    assert_string_equal(s4d_json_string(doc), name);
    s4d_json_destroy(&doc);
    s4d_str_release(&w.out);
}

static void cells(void **state)
{
    (void)state;
    static const char *const cell[][2] = {
        {"anger", "anger"},   {"", ""},           {"=cmd()", "'=cmd()"}, {"+1", "'+1"},       {"-", "'-"},
        {"@SUM(A1)", "'@SUM(A1)"}, {"\tx", "'\tx"}, {"\rx", "\"'\rx\""},  {"=a,b", "\"'=a,b\""}, {"'=a", "''=a"},
        {"''=a", "'''=a"},    {"'a", "'a"},       {"a=b", "a=b"},        {"'", "'"},          {"\xEF\xBC\x9D" "1", "'\xEF\xBC\x9D" "1"},
    };
    for (size_t i = 0; i < sizeof cell / sizeof *cell; i++) {
        s4d_str s = {0};
        s4d_str_csv_cell(&s, cell[i][0]);
        const char *text = s.text ? s.text : "";
        assert_string_equal(text, cell[i][1]);
        if (!strchr(text, '"')) { /* else csv's own quotes stand around it */
            assert_string_equal(s4d_str_csv_uncell(text), cell[i][0]);
        }
        s4d_str_release(&s);
    }
    static const char *const path[][2] = {{"a/=b.png", "a/=b.png"}, {"=b.png", "./=b.png"}, {"-1,2.png", "\"./-1,2.png\""}, {"/=", "/="}};
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        s4d_str s = {0};
        s4d_str_csv_path(&s, path[i][0]);
        assert_string_equal(s.text, path[i][1]);
        s4d_str_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),         cmocka_unit_test(fits_in_any_room), cmocka_unit_test(sentences_and_lines),
        cmocka_unit_test(json_is_exact), cmocka_unit_test(cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
