/* JSON text, piece by piece. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_private.h"
#include "s4d/base/json.h"

static void new_line(s4d_json_writer *w)
{
    if (w->indent > 0) {
        s4d_str_printf(&w->out, "\n%*s", w->depth * w->indent, "");
    }
}

/* The comma and the line end before an element, or before a key. */
static void separate(s4d_json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0) {
        return;
    }
    bool *item = &w->item[w->depth - 1];
    if (*item) {
        s4d_str_add(&w->out, w->indent > 0 ? "," : ", ");
    }
    *item = true;
    new_line(w);
}

void s4d_json_open(s4d_json_writer *w, char bracket)
{
    S4D_BUG_IF(bracket != '{' && bracket != '[');
    S4D_BUG_IF(w->depth == JSON_DEPTH);
    separate(w);
    s4d_str_add_bytes(&w->out, &bracket, 1);
    w->item[w->depth++] = false;
}

void s4d_json_close(s4d_json_writer *w, char bracket)
{
    S4D_BUG_IF(bracket != '}' && bracket != ']');
    S4D_BUG_IF(w->depth == 0 || w->after_key);
    w->depth--;
    if (w->item[w->depth]) {
        new_line(w);
    }
    s4d_str_add_bytes(&w->out, &bracket, 1);
}

static void add_escaped(s4d_str *out, unsigned char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *known = c ? strchr(plain, c) : NULL;
    if (known) {
        s4d_str_printf(out, "\\%c", letter[known - plain]);
    } else {
        s4d_str_printf(out, "\\u%04X", c);
    }
}

/* A character that is not seen, so that a document can be looked at anywhere and still reads back the same. */
static void add_by_number(s4d_str *out, const char *text, size_t n)
{
    uint32_t code = s4d_utf8_code(text, n);
    if (code > 0xFFFF) {
        code -= 0x10000;
        s4d_str_printf(out, "\\u%04X", 0xD800 | code >> 10);
        code = 0xDC00 | (code & 0x3FF);
    }
    s4d_str_printf(out, "\\u%04X", code);
}

/* A byte that is not UTF-8, as file names may hold, becomes the replacement character U+FFFD. */
static void add_quoted(s4d_str *out, const char *text)
{
    const char *end = text + strlen(text);
    s4d_str_add(out, "\"");
    while (text < end) {
        unsigned char c = (unsigned char)*text;
        size_t n = s4d_utf8_length(text, end);
        if (n == 0) {
            s4d_str_add(out, "\xEF\xBF\xBD");
            n = 1;
        } else if (c < 0x20 || c == '"' || c == '\\') {
            add_escaped(out, c);
        } else if (s4d_str_is_hidden(text, n)) {
            add_by_number(out, text, n);
        } else {
            s4d_str_add_bytes(out, text, n);
        }
        text += n;
    }
    s4d_str_add(out, "\"");
}

void s4d_json_put_key(s4d_json_writer *w, const char *key)
{
    S4D_BUG_IF(w->depth == 0 || w->after_key);
    separate(w);
    add_quoted(&w->out, key);
    s4d_str_add(&w->out, ": ");
    w->after_key = true;
}

void s4d_json_put_string(s4d_json_writer *w, const char *text)
{
    separate(w);
    add_quoted(&w->out, text);
}

void s4d_json_put_number(s4d_json_writer *w, double value)
{
    S4D_BUG_IF(!isfinite(value));
    separate(w);
    char text[32];
    if (fabs(value) < 0x1p53 && value == floor(value)) {
        /* In full: 300 rather than 3e+02. */
        snprintf(text, sizeof text, "%.0f", value);
    } else {
        int digits = 0;
        do {
            snprintf(text, sizeof text, "%.*g", ++digits, value);
        } while (digits < 17 && strtod(text, NULL) != value);
    }
    s4d_str_add(&w->out, text);
}

void s4d_json_put_integer(s4d_json_writer *w, int64_t value)
{
    separate(w);
    s4d_str_printf(&w->out, "%lld", (long long)value);
}

void s4d_json_put_bool(s4d_json_writer *w, bool value)
{
    separate(w);
    s4d_str_add(&w->out, value ? "true" : "false");
}

static void put_children(s4d_json_writer *w, const s4d_json *node)
{
    for (const s4d_json *item = s4d_json_at(node, 0); item; item = s4d_json_next(item)) {
        if (s4d_json_key(item)) {
            s4d_json_put_key(w, s4d_json_key(item));
        }
        s4d_json_put_node(w, item);
    }
}

void s4d_json_put_node(s4d_json_writer *w, const s4d_json *node)
{
    switch (s4d_json_kind_of(node)) {
    case S4D_JSON_NULL:
        separate(w);
        s4d_str_add(&w->out, "null");
        break;
    case S4D_JSON_BOOL:
        s4d_json_put_bool(w, s4d_json_bool(node));
        break;
    case S4D_JSON_NUMBER:
        s4d_json_put_number(w, s4d_json_number(node));
        break;
    case S4D_JSON_STRING:
        s4d_json_put_string(w, s4d_json_string(node));
        break;
    case S4D_JSON_ARRAY:
        s4d_json_open(w, '[');
        put_children(w, node);
        s4d_json_close(w, ']');
        break;
    case S4D_JSON_OBJECT:
        s4d_json_open(w, '{');
        put_children(w, node);
        s4d_json_close(w, '}');
        break;
    }
}
