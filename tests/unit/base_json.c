/* The strict JSON reader: what it takes, what it refuses and in which words, and assignments. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/json.h"

static s4d_json *parse(const char *text)
{
    s4d_json *doc;
    s4d_err err = {0};
    if (s4d_json_parse(text, strlen(text), "t", &doc, &err) != S4D_OK) {
        fail_msg("%s gives: %s", text, err.text);
    }
    return doc;
}

static void reads_values(void **state)
{
    (void)state;
    s4d_json *doc =
        parse(" {\"a\": [1, -2.5e3, true, false, null, \"x\"], \"A\": {},\n\t\"b\": []}\r\n ");
    assert_int_equal(s4d_json_kind_of(doc), S4D_JSON_OBJECT);
    assert_int_equal(s4d_json_count(doc), 3);
    const s4d_json *a = s4d_json_find(doc, "a");
    assert_string_equal(s4d_json_key(a), "a");
    assert_int_equal(s4d_json_count(a), 6);
    assert_true(s4d_json_number(s4d_json_at(a, 0)) == 1.0);
    assert_true(s4d_json_number(s4d_json_at(a, 1)) == -2500.0);
    assert_true(s4d_json_bool(s4d_json_at(a, 2)));
    assert_false(s4d_json_bool(s4d_json_at(a, 3)));
    assert_int_equal(s4d_json_kind_of(s4d_json_at(a, 4)), S4D_JSON_NULL);
    assert_string_equal(s4d_json_string(s4d_json_at(a, 5)), "x");
    assert_null(s4d_json_at(a, 6));
    assert_null(s4d_json_key(s4d_json_at(a, 0)));
    assert_ptr_equal(s4d_json_next(s4d_json_at(a, 4)), s4d_json_at(a, 5));
    assert_null(s4d_json_next(s4d_json_at(a, 5)));
    assert_int_equal(s4d_json_kind_of(s4d_json_find(doc, "A")), S4D_JSON_OBJECT); /* case matters */
    assert_null(s4d_json_find(doc, "B"));
    assert_null(s4d_json_find(a, "x"));
    assert_null(s4d_json_at(s4d_json_find(doc, "b"), 0));
    assert_string_equal(s4d_json_kind_name(s4d_json_kind_of(a)), "an array");
    s4d_json_destroy(&doc);
    assert_null(doc);
    s4d_json_destroy(&doc);
}

static void reads_strings(void **state)
{
    (void)state;
    s4d_json *doc = parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\uDE00\xC3\xA4\x7F\"");
    assert_string_equal(s4d_json_string(doc),
                        "\"\\/\b\f\n\r\t\xC3\xA9\xF0\x9F\x98\x80\xC3\xA4\x7F");
    s4d_json_destroy(&doc);
}

/* Only the given bytes are read: the rest of the buffer does not matter. */
static void stops_at_the_size(void **state)
{
    (void)state;
    char *text = malloc(2);
    memcpy(text, "12", 2);
    s4d_json *doc;
    s4d_err err = {0};
    assert_int_equal(s4d_json_parse(text, 2, "t", &doc, &err), S4D_OK);
    assert_true(s4d_json_number(doc) == 12);
    s4d_json_destroy(&doc);
    assert_int_equal(s4d_json_parse(text, 1, "t", &doc, &err), S4D_OK);
    assert_true(s4d_json_number(doc) == 1);
    s4d_json_destroy(&doc);
    assert_int_equal(s4d_json_parse("1\0", 2, "t", &doc, &err), S4D_USAGE);
    assert_string_equal(err.text, "t: line 1: expected the end of the text, got the byte 0x00");
    free(text);
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool whole;
        int64_t value;
    } known[] = {{"1", true, 1},
                 {"-0", true, 0},
                 {"1.0", true, 1},
                 {"1e3", true, 1000},
                 {"1.7", false, 0},
                 {"-3", true, -3},
                 {"1e-3", false, 0},
                 {"1e300", false, 0},
                 {"\"1\"", false, 0},
                 {"true", false, 0},
                 {"3000000000", true, 3000000000},
                 {"9007199254740991", true, 9007199254740991},
                 {"-9007199254740991", true, -9007199254740991},
                 {"9007199254740993", false, 0},
                 {"-9007199254740993", false, 0}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        s4d_json *doc = parse(known[i].text);
        int64_t value = 0;
        if (s4d_json_integer(doc, &value) != known[i].whole || value != known[i].value) {
            fail_msg("%s", known[i].text);
        }
        s4d_json_destroy(&doc);
    }
}

/* cJSON reads 63 characters of a number and no more. */
static void long_numbers(void **state)
{
    (void)state;
    char text[65] = "0.5";
    memset(text + 3, '0', 61);
    s4d_json *doc;
    s4d_err err = {0};
    assert_int_equal(s4d_json_parse(text, 64, "t", &doc, &err), S4D_USAGE);
    text[62] = '7';
    assert_int_equal(s4d_json_parse(text, 63, "t", &doc, &err), S4D_OK);
    assert_true(s4d_json_number(doc) == 0.5);
    s4d_json_destroy(&doc);
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } known[] = {
        {"", "t: line 1: expected a value, but there is only empty text"},
        {" \n", "t: line 2: expected a value, but there is only empty text"},
        {"{} x", "t: line 1: expected the end of the text, got 'x'"},
        {"{}\n\n{}", "t: line 3: expected the end of the text, got '{'"},
        {"[1,]", "t: line 1: a comma stands before ']'; remove the comma"},
        {"{\"a\":1,\n}", "t: line 2: a comma stands before '}'; remove the comma"},
        {"[1 2]", "t: line 1: expected ',' or ']', got '2'"},
        {"[1", "t: line 1: expected ',' or ']', but the text ends here"},
        {"[", "t: line 1: expected a value, but the text ends here"},
        {"[,1]", "t: line 1: expected a value, got ','"},
        {"{\"a\" 1}", "t: line 1: expected ':' after a name, got '1'"},
        {"{a: 1}", "t: line 1: expected a name in double quotes, got 'a'"},
        {"{\"a\":}", "t: line 1: expected a value, got '}'"},
        {"{\"a\":1", "t: line 1: expected ',' or '}', but the text ends here"},
        {"{'a': 1}",
         "t: line 1: expected a name in double quotes, got '; write strings in double quotes"},
        {"{\n// c\n}",
         "t: line 2: expected a name in double quotes, got '/'; JSON has no comments, remove it"},
        {"[1] # c",
         "t: line 1: expected the end of the text, got '#'; JSON has no comments, remove it"},
        {"[NaN]",
         "t: line 1: NaN is not a JSON value; write true, false, null, a finite number or a "
         "string in double quotes"},
        {"Infinity",
         "t: line 1: Infinity is not a JSON value; write true, false, null, a finite number "
         "or a string in double quotes"},
        {"True",
         "t: line 1: True is not a JSON value; write true, false, null, a finite number or a "
         "string in double quotes"},
        {"-Infinity", "t: line 1: expected a digit after '-', got 'I'"},
        {"1e400", "t: line 1: the number 1e400 is too large; the largest is 1.79e308"},
        {"-1e400", "t: line 1: the number -1e400 is too large; the largest is 1.79e308"},
        {"01", "t: line 1: a number begins with 0; remove the leading zeros"},
        {"+1", "t: line 1: expected a value, got '+'"},
        {".5", "t: line 1: expected a value, got '.'"},
        {"1.", "t: line 1: expected a digit after '.', but the text ends here"},
        {"1e", "t: line 1: expected a digit in the exponent, but the text ends here"},
        {"0x10", "t: line 1: expected the end of the text, got 'x'"},
        {"0.1000000000000000000000000000000000000000000000000000000000000001",
         "t: line 1: a number has more than 63 characters; write fewer digits"},
        {"\"a", "t: line 1: a string is not closed; add \" at its end"},
        {"\"a\\", "t: line 1: a string is not closed; add \" at its end"},
        {"[\"a\n\"]",
         "t: line 1: a string is not closed on this line; add \" or write \\n for a line end"},
        {"\"\t\"", "t: line 1: a string holds the control character 0x09; write it as \\u0009"},
        {"\"\\x\"", "t: line 1: a string holds an unknown escape; write \\\\ for a backslash"},
        {"\"\\u12g4\"", "t: line 1: four hexadecimal digits are expected after \\u"},
        {"\"\\u12", "t: line 1: four hexadecimal digits are expected after \\u"},
        {"\"a\\u0000b\"", "t: line 1: a string holds \\u0000, which s4d cannot keep; remove it"},
        {"\"\\ud800\"", "t: line 1: \\uD800 is half of a pair; write both halves"},
        {"\"\\ud800\\u0041\"", "t: line 1: \\uD800 is half of a pair; write both halves"},
        {"\"\\udc00\\ud800\"", "t: line 1: \\uDC00 is half of a pair; write both halves"},
        {"\"\xE4\"",
         "t: line 1: a string holds the byte 0xE4, which is not UTF-8; save the text as UTF-8"},
        {"\xEF\xBB\xBF{}",
         "t: line 1: a byte order mark stands at the start; save the text as UTF-8 without one"},
        {"\xC2\xA0", "t: line 1: expected a value, got the byte 0xC2"},
        {"{\"a\": 1, \"b\": 2, \"a\": 3}", "t: a is given twice; remove one of the two"},
        {"{\"x\": {\"y\": [0, {\"z\": 1, \"z\": 1}]}}",
         "t: x.y[1].z is given twice; remove one of the two"},
        {"[{\"a\": 1, \"\\u0061\": 1}]", "t: [0].a is given twice; remove one of the two"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        s4d_json *doc;
        s4d_err err = {0};
        assert_int_equal(s4d_json_parse(known[i].text, strlen(known[i].text), "t", &doc, &err),
                         S4D_USAGE);
        assert_null(doc);
        assert_string_equal(err.text, known[i].sentence);
    }
}

static void *parse_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        s4d_json *doc;
        if (s4d_json_parse("{\"a\": [1, 2]}", 13, "t", &doc, NULL) != S4D_OK) {
            return arg;
        }
        s4d_json_destroy(&doc);
    }
    return NULL;
}

static void threads_parse_side_by_side(void **state)
{
    (void)state;
    pthread_t id[4];
    int failed;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&id[i], NULL, parse_often, &failed), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *result;
        assert_int_equal(pthread_join(id[i], &result), 0);
        assert_null(result);
    }
}

static void depth_is_limited(void **state)
{
    (void)state;
    char text[131];
    for (int depth = 64; depth <= 65; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        s4d_json *doc;
        s4d_err err = {0};
        s4d_status status = s4d_json_parse(text, 2 * (size_t)depth, "t", &doc, &err);
        assert_int_equal(status, depth == 64 ? S4D_OK : S4D_USAGE);
        s4d_json_destroy(&doc);
    }
    s4d_str flat = {0}; /* many side by side are not deep */
    s4d_str_add(&flat, "[{}");
    for (int i = 0; i < 100; i++) {
        s4d_str_add(&flat, ",[{}]");
    }
    s4d_str_add(&flat, "]");
    s4d_json *wide = parse(flat.text);
    assert_int_equal(s4d_json_count(wide), 101);
    s4d_json_destroy(&wide);
    s4d_str_release(&flat);
    char *deep = malloc(1000000);
    memset(deep, '[', 1000000);
    s4d_json *doc;
    assert_int_equal(s4d_json_parse(deep, 1000000, "t", &doc, NULL), S4D_USAGE);
    free(deep);
}

static void assert_text(const s4d_json *doc, const char *text)
{
    s4d_json_writer w = {0};
    s4d_json_put_node(&w, doc);
    assert_false(w.out.failed);
    assert_string_equal(w.out.text, text);
    s4d_str_release(&w.out);
}

static void sets_values(void **state)
{
    (void)state;
    static const char *const step[][3] = {
        {"a", "1", "{\"a\": 1}"},
        {"a", "2.5", "{\"a\": 2.5}"},
        {"b.c.d", "true", "{\"a\": 2.5, \"b\": {\"c\": {\"d\": true}}}"},
        {"b.c.e", "text", "{\"a\": 2.5, \"b\": {\"c\": {\"d\": true, \"e\": \"text\"}}}"},
        {"a", "{\"x\": []}",
         "{\"a\": {\"x\": []}, \"b\": {\"c\": {\"d\": true, \"e\": \"text\"}}}"},
        {"b", "null", "{\"a\": {\"x\": []}, \"b\": null}"},
        {"a.x", "1e400", "{\"a\": {\"x\": \"1e400\"}, \"b\": null}"},
        {"a", "\"7\"", "{\"a\": \"7\", \"b\": null}"},
        {"b", "", "{\"a\": \"7\", \"b\": \"\"}"},
        {"A", "[1, 2]", "{\"a\": \"7\", \"b\": \"\", \"A\": [1, 2]}"},
        {"b", "1 2", "{\"a\": \"7\", \"b\": \"1 2\", \"A\": [1, 2]}"},
    };
    s4d_json *doc = parse("{}");
    for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
        s4d_err err = {0};
        assert_int_equal(s4d_json_set(doc, step[i][0], step[i][1], &err), S4D_OK);
        assert_string_equal(err.text, "");
        assert_text(doc, step[i][2]);
    }
    s4d_json_destroy(&doc);
}

static void refuses_assignments(void **state)
{
    (void)state;
    static const char *const known[][3] = {
        {"", "1", "\"\": expected at most 63 names with dots between them"},
        {"a..b", "1", "\"a..b\": expected at most 63 names with dots between them"},
        {".a", "1", "\".a\": expected at most 63 names with dots between them"},
        {"a.", "1", "\"a.\": expected at most 63 names with dots between them"},
        {"n.x", "1", "n.x: n is a number, not an object; set it as a whole"},
        {"o.l.x.y", "1", "o.l.x.y: l is an array, not an object; set it as a whole"},
        {"n", "\xFF", "n: the value is not UTF-8; write it as UTF-8"},
    };
    s4d_json *doc = parse("{\"n\": 1, \"o\": {\"l\": []}}");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        s4d_err err = {0};
        assert_int_equal(s4d_json_set(doc, known[i][0], known[i][1], &err), S4D_USAGE);
        assert_string_equal(err.text, known[i][2]);
        assert_text(doc, "{\"n\": 1, \"o\": {\"l\": []}}");
    }
    char deep[200] = "a";
    for (int i = 1; i < 63; i++) {
        strcat(deep, ".a");
    }
    s4d_err err = {0};
    assert_int_equal(s4d_json_set(doc, deep, "[]", &err), S4D_OK); /* 64 levels */
    assert_int_equal(s4d_json_set(doc, deep, "[[]]", &err), S4D_USAGE);
    assert_non_null(strstr(err.text, "nested too deep"));
    strcat(deep, ".a");
    assert_int_equal(s4d_json_set(doc, deep, "1", &err), S4D_USAGE);
    s4d_json_destroy(&doc);
    doc = parse("[]");
    assert_int_equal(s4d_json_set(doc, "a", "1", &err), S4D_USAGE);
    assert_string_equal(err.text, "a: the document is an array, not an object; set it as a whole");
    s4d_json_destroy(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values),
        cmocka_unit_test(reads_strings),
        cmocka_unit_test(stops_at_the_size),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(long_numbers),
        cmocka_unit_test(refuses),
        cmocka_unit_test(threads_parse_side_by_side),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(sets_values),
        cmocka_unit_test(refuses_assignments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
