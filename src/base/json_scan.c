/* The grammar of JSON (RFC 8259), checked before cJSON sees a text: cJSON lets much else pass. */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_private.h"
#include "s4d/base/str.h"

enum { NUMBER_MAX = 63 }; /* longer ones are cut by cJSON */

typedef struct scan {
    const char *at, *end;
    const char *origin;
    int line, depth;
    s4d_err *err;
} scan;

static s4d_status refuse(const scan *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static s4d_status refuse(const scan *s, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return s4d_err_set(s->err, S4D_USAGE, "%s: line %d: %s", s->origin, s->line, text);
}

/* What stands at the place where something else was expected. */
static s4d_status refuse_next(const scan *s, const char *expected)
{
    if (s->at == s->end) {
        return refuse(s, "expected %s, but the text ends here", expected);
    }
    char c = *s->at;
    if (c == '/' || c == '#') {
        return refuse(s, "expected %s, got '%c'; JSON has no comments, remove it", expected, c);
    }
    if (c == '\'') {
        return refuse(s, "expected %s, got '; write strings in double quotes", expected);
    }
    if (c > ' ' && c <= '~') {
        return refuse(s, "expected %s, got '%c'", expected, c);
    }
    return refuse(s, "expected %s, got the byte 0x%02X", expected, (unsigned char)c);
}

static void skip_space(scan *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->line += *s->at == '\n';
        s->at++;
    }
}

static bool next_is(const scan *s, char c)
{
    return s->at < s->end && *s->at == c;
}

static bool digit_next(const scan *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

/* The four digits after \u. */
static bool scan_unit(scan *s, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        if (s->at == s->end) {
            return false;
        }
        char c = *s->at;
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            digit = (unsigned)((c | 0x20) - 'a') + 10;
        } else {
            return false;
        }
        *unit = *unit * 16 + digit;
    }
    return true;
}

/* At the character after a backslash. */
static s4d_status scan_escape(scan *s)
{
    if (s->at == s->end) {
        return refuse(s, "a string is not closed; add \" at its end");
    }
    char c = *s->at++;
    if (c != 'u') {
        return c && strchr("\"\\/bfnrt", c)
                   ? S4D_OK
                   : refuse(s, "a string holds an unknown escape; write \\\\ for a backslash");
    }
    unsigned unit, second;
    if (!scan_unit(s, &unit)) {
        return refuse(s, "four hexadecimal digits are expected after \\u");
    }
    if (unit == 0) {
        return refuse(s, "a string holds \\u0000, which s4d cannot keep; remove it");
    }
    if (unit < 0xD800 || unit > 0xDFFF) {
        return S4D_OK;
    }
    bool pair = unit <= 0xDBFF && s->end - s->at >= 2 && s->at[0] == '\\' && s->at[1] == 'u';
    if (pair) {
        s->at += 2;
        pair = scan_unit(s, &second) && second >= 0xDC00 && second <= 0xDFFF;
    }
    return pair ? S4D_OK : refuse(s, "\\u%04X is half of a pair; write both halves", unit);
}

static s4d_status scan_string(scan *s)
{
    s->at++;
    while (s->at < s->end) {
        unsigned char c = (unsigned char)*s->at;
        if (c == '"') {
            s->at++;
            return S4D_OK;
        }
        if (c == '\n' || c == '\r') {
            return refuse(
                s, "a string is not closed on this line; add \" or write \\n for a line end");
        }
        if (c < 0x20) {
            return refuse(s, "a string holds the control character 0x%02X; write it as \\u%04X", c,
                          c);
        }
        if (c == '\\') {
            s->at++;
            s4d_status status = scan_escape(s);
            if (status) {
                return status;
            }
            continue;
        }
        size_t n = s4d_utf8_length(s->at, s->end);
        if (n == 0) {
            return refuse(
                s, "a string holds the byte 0x%02X, which is not UTF-8; save the text as UTF-8", c);
        }
        s->at += n;
    }
    return refuse(s, "a string is not closed; add \" at its end");
}

static void skip_digits(scan *s)
{
    while (digit_next(s)) {
        s->at++;
    }
}

static s4d_status scan_number(scan *s)
{
    const char *start = s->at;
    s->at += next_is(s, '-');
    if (!digit_next(s)) {
        return refuse_next(s, "a digit after '-'");
    }
    if (next_is(s, '0')) {
        s->at++;
        if (digit_next(s)) {
            return refuse(s, "a number begins with 0; remove the leading zeros");
        }
    }
    skip_digits(s);
    if (next_is(s, '.')) {
        s->at++;
        if (!digit_next(s)) {
            return refuse_next(s, "a digit after '.'");
        }
        skip_digits(s);
    }
    if (next_is(s, 'e') || next_is(s, 'E')) {
        s->at++;
        s->at += next_is(s, '+') || next_is(s, '-');
        if (!digit_next(s)) {
            return refuse_next(s, "a digit in the exponent");
        }
        skip_digits(s);
    }
    size_t n = (size_t)(s->at - start);
    if (n > NUMBER_MAX) {
        return refuse(s, "a number has more than %d characters; write fewer digits", NUMBER_MAX);
    }
    char text[NUMBER_MAX + 1];
    memcpy(text, start, n);
    text[n] = '\0';
    if (!isfinite(strtod(text, NULL))) {
        return refuse(s, "the number %s is too large; the largest is 1.79e308", text);
    }
    return S4D_OK;
}

/* true, false or null, and an answer to the usual other words. */
static s4d_status scan_word(scan *s)
{
    const char *start = s->at;
    while (s->at < s->end &&
           ((*s->at >= 'a' && *s->at <= 'z') || (*s->at >= 'A' && *s->at <= 'Z'))) {
        s->at++;
    }
    int n = (int)(s->at - start < 40 ? s->at - start : 40);
    static const char *const word[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        if ((size_t)n == strlen(word[i]) && memcmp(start, word[i], (size_t)n) == 0) {
            return S4D_OK;
        }
    }
    return refuse(s,
                  "%.*s is not a JSON value; write true, false, null, a finite number or a string "
                  "in double quotes",
                  n, start);
}

static s4d_status scan_value(scan *s);

/* After an element: true at the closing bracket, which is passed; false at the next element. */
static s4d_status scan_separator(scan *s, char close, bool *closed)
{
    skip_space(s);
    *closed = next_is(s, close);
    if (*closed) {
        s->at++;
        return S4D_OK;
    }
    if (!next_is(s, ',')) {
        return refuse_next(s, close == '}' ? "',' or '}'" : "',' or ']'");
    }
    s->at++;
    skip_space(s);
    if (next_is(s, close)) {
        return refuse(s, "a comma stands before '%c'; remove the comma", close);
    }
    return S4D_OK;
}

static s4d_status scan_member(scan *s)
{
    if (!next_is(s, '"')) {
        return refuse_next(s, "a name in double quotes");
    }
    s4d_status status = scan_string(s);
    if (status) {
        return status;
    }
    skip_space(s);
    if (!next_is(s, ':')) {
        return refuse_next(s, "':' after a name");
    }
    s->at++;
    skip_space(s);
    return scan_value(s);
}

static s4d_status scan_container(scan *s, char close)
{
    if (s->depth == JSON_DEPTH) {
        return refuse(s, "more than %d objects and arrays stand inside one another", JSON_DEPTH);
    }
    s->depth++;
    s->at++;
    skip_space(s);
    bool closed = next_is(s, close);
    s->at += closed;
    while (!closed) {
        s4d_status status = close == '}' ? scan_member(s) : scan_value(s);
        if (status == S4D_OK) {
            status = scan_separator(s, close, &closed);
        }
        if (status) {
            return status;
        }
    }
    s->depth--;
    return S4D_OK;
}

static s4d_status scan_value(scan *s)
{
    char c = s->at < s->end ? *s->at : '\0';
    if (c == '{' || c == '[') {
        return scan_container(s, c == '{' ? '}' : ']');
    }
    if (c == '"') {
        return scan_string(s);
    }
    if (c == '-' || digit_next(s)) {
        return scan_number(s);
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        return scan_word(s);
    }
    return refuse_next(s, "a value");
}

s4d_status s4d_json_scan(const char *text, size_t size, const char *origin, s4d_err *err)
{
    scan s = {.at = text, .end = text + size, .origin = origin, .line = 1, .err = err};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        return refuse(&s,
                      "a byte order mark stands at the start; save the text as UTF-8 without one");
    }
    skip_space(&s);
    if (s.at == s.end) {
        return refuse(&s, "expected a value, but there is only empty text");
    }
    s4d_status status = scan_value(&s);
    if (status) {
        return status;
    }
    skip_space(&s);
    return s.at == s.end ? S4D_OK : refuse_next(&s, "the end of the text");
}
