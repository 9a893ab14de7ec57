/* The JSON writer: separators, escapes, and numbers that read back the same. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/json.h"
#include "s4d/base/rng.h"

static void fill(s4d_json_writer *w)
{
    s4d_json_open(w, '{');
    s4d_json_put_key(w, "a");
    s4d_json_open(w, '[');
    s4d_json_put_integer(w, INT64_MIN);
    s4d_json_put_bool(w, false);
    s4d_json_open(w, '{');
    s4d_json_close(w, '}');
    s4d_json_close(w, ']');
    s4d_json_put_key(w, "b");
    s4d_json_put_string(w, "x");
    s4d_json_close(w, '}');
}

static void one_line_and_indented(void **state)
{
    (void)state;
    s4d_json_writer w = {0};
    fill(&w);
    assert_string_equal(w.out.text, "{\"a\": [-9223372036854775808, false, {}], \"b\": \"x\"}");
    assert_int_equal(w.depth, 0);
    s4d_str_release(&w.out);
    s4d_json_writer v = {.indent = 2};
    fill(&v);
    assert_string_equal(v.out.text,
                        "{\n  \"a\": [\n    -9223372036854775808,\n    false,\n    {}\n  ],\n"
                        "  \"b\": \"x\"\n}");
    s4d_str_release(&v.out);
}

static void escapes(void **state)
{
    (void)state;
    s4d_json_writer w = {0};
    s4d_json_put_string(&w, "\"\\/\b\f\n\r\t\x01\x1F\x7F\xC3\xA4\xFFz\xE2\x82");
    assert_string_equal(w.out.text,
                        "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\\u007F\xC3\xA4\xEF\xBF\xBDz"
                        "\xEF\xBF\xBD\xEF\xBF\xBD\"");
    s4d_json *doc;
    s4d_err err = {0};
    assert_int_equal(s4d_json_parse(w.out.text, w.out.size, "t", &doc, &err), S4D_OK);
    s4d_json_destroy(&doc);
    s4d_str_release(&w.out);
}

static void assert_number(double value, const char *text)
{
    s4d_json_writer w = {0};
    s4d_json_put_number(&w, value);
    assert_string_equal(w.out.text, text);
    s4d_str_release(&w.out);
}

static void short_numbers(void **state)
{
    (void)state;
    assert_number(0, "0");
    assert_number(-0.0, "-0");
    assert_number(0.1, "0.1");
    assert_number(1.0 / 3.0, "0.3333333333333333");
    assert_number(0.1 + 0.2, "0.30000000000000004");
    assert_number(300, "300");
    assert_number(-1234567, "-1234567");
    assert_number(9007199254740991.0, "9007199254740991");
    assert_number(1e23, "1e+23");
    assert_number(1.5e-4, "0.00015");
    assert_number(5e-324, "5e-324");
    assert_number(DBL_MAX, "1.7976931348623157e+308");
}

/* Random bit patterns, written, parsed and compared. */
static void numbers_read_back_equal(void **state)
{
    (void)state;
    s4d_rng rng = s4d_rng_make(1, S4D_RNG_TEST, 0, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)s4d_rng_u32(&rng) << 32 | s4d_rng_u32(&rng);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        value = i % 2 ? value : (float)fmod(value, 1e4);
        s4d_json_writer w = {0};
        s4d_json_put_number(&w, value);
        s4d_json *doc;
        s4d_err err = {0};
        assert_int_equal(s4d_json_parse(w.out.text, w.out.size, "t", &doc, &err), S4D_OK);
        back = s4d_json_number(doc);
        assert_memory_equal(&back, &value, sizeof back);
        s4d_json_destroy(&doc);
        s4d_str_release(&w.out);
    }
}

static void nodes_come_out_as_they_went_in(void **state)
{
    (void)state;
    const char *text = "{\"a\": [1, 2.5, \"\\n\", null, true], \"b\": {\"c\": {}, \"d\": []}}";
    s4d_json *doc;
    s4d_err err = {0};
    assert_int_equal(s4d_json_parse(text, strlen(text), "t", &doc, &err), S4D_OK);
    s4d_json_writer w = {0};
    s4d_json_put_node(&w, doc);
    assert_string_equal(w.out.text, text);
    s4d_str_clear(&w.out);
    s4d_json_open(&w, '[');
    s4d_json_put_node(&w, s4d_json_find(doc, "b")); /* its own key is left out */
    s4d_json_close(&w, ']');
    assert_string_equal(w.out.text, "[{\"c\": {}, \"d\": []}]");
    s4d_str_release(&w.out);
    s4d_json_destroy(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_and_indented),
        cmocka_unit_test(escapes),
        cmocka_unit_test(short_numbers),
        cmocka_unit_test(numbers_read_back_equal),
        cmocka_unit_test(nodes_come_out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
