/* Cutting a list file into records. Lines end in LF or CRLF. */
#include "data/list.h"

#include <string.h>

s4d_status s4d_list_text(const s4d_bytes *text, s4d_err *err)
{
    if (memchr(text->data, '\0', text->size)) {
        return s4d_err_set(err, S4D_FAILED, "the list is not plain text; save it as UTF-8");
    }
    if (memchr(text->data, '\r', text->size) && !memchr(text->data, '\n', text->size)) {
        return s4d_err_set(err, S4D_FAILED,
                           "the lines end in a carriage return alone; save the list with line feeds");
    }
    return S4D_OK;
}

void s4d_list_init(s4d_list_reader *r, const char *text, size_t size, s4d_list_format format)
{
    *r = (s4d_list_reader){.at = text,
                           .end = text + size,
                           .line = 1,
                           .comma = format == S4D_LIST_MANIFEST || format == S4D_LIST_CSV,
                           .two = format == S4D_LIST_TEXT};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        r->at += 3;
    }
}

void s4d_list_release(s4d_list_reader *r)
{
    for (int i = 0; i < S4D_LIST_COLUMNS; i++) {
        s4d_str_release(&r->field[i]);
    }
}

bool s4d_list_failed(const s4d_list_reader *r)
{
    bool failed = false;
    for (int i = 0; i < S4D_LIST_COLUMNS; i++) {
        failed = failed || r->field[i].failed;
    }
    return failed;
}

/* Where a byte stands between two places, or NULL. */
static const char *find_byte(const char *from, const char *to, char byte)
{
    return to > from ? memchr(from, byte, (size_t)(to - from)) : NULL;
}

/* The end of the line at r->at, without its CR; *next is where the following line begins. */
static const char *line_end(const s4d_list_reader *r, const char **next)
{
    const char *feed = find_byte(r->at, r->end, '\n');
    const char *end = feed ? feed : r->end;
    *next = feed ? feed + 1 : r->end;
    return end > r->at && end[-1] == '\r' ? end - 1 : end;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Without the blanks at either end. */
static void trim(const char **from, const char **to)
{
    while (*from < *to && is_blank(**from)) {
        ++*from;
    }
    while (*to > *from && is_blank((*to)[-1])) {
        --*to;
    }
}

static bool is_empty(const char *from, const char *to)
{
    trim(&from, &to);
    return from == to;
}

static void skip_blank_lines(s4d_list_reader *r)
{
    const char *next;
    while (r->at < r->end && is_empty(r->at, line_end(r, &next))) {
        r->at = next;
        r->line++;
    }
}

static void keep(s4d_list_reader *r, int column, const char *from, const char *to)
{
    if (column < S4D_LIST_COLUMNS) {
        s4d_str_add_bytes(&r->field[column], from, (size_t)(to - from));
    }
}

static void plain_record(s4d_list_reader *r, s4d_record *out)
{
    const char *next, *begin = r->at, *end = line_end(r, &next);
    out->columns = 1;
    trim(&begin, &end);
    const char *cut = end;
    while (r->two && cut > begin && !is_blank(cut[-1])) {
        cut--;
    }
    if (r->two && cut > begin) {
        keep(r, 1, cut, end);
        end = cut;
        trim(&begin, &end);
        out->columns = 2;
    }
    keep(r, 0, begin, end);
    r->at = next;
    r->line++;
}

/* A field that begins with a quote, up to the quote that ends it; a doubled one stands for one. */
static const char *quoted_field(s4d_list_reader *r, int column)
{
    r->at++;
    for (;;) {
        const char *quote = memchr(r->at, '"', (size_t)(r->end - r->at));
        const char *stop = quote ? quote : r->end;
        for (const char *p = r->at; p < stop; p++) {
            r->line += *p == '\n';
        }
        keep(r, column, r->at, stop);
        r->at = quote ? quote + 1 : r->end;
        if (!quote) {
            return "a quote is not closed before the end of the file";
        }
        if (r->at == r->end || *r->at != '"') {
            return NULL;
        }
        keep(r, column, r->at, r->at + 1);
        r->at++;
    }
}

/* One field of the current line and the comma after it; *more tells whether there was one. */
static const char *comma_field(s4d_list_reader *r, int column, bool *more)
{
    const char *fault = NULL, *next;
    bool quoted = r->at < r->end && *r->at == '"';
    if (quoted) {
        fault = quoted_field(r, column);
    }
    const char *end = line_end(r, &next);
    const char *comma = find_byte(r->at, end, ',');
    const char *stop = comma ? comma : end;
    if (quoted && r->at < stop) {
        fault = "text follows the quote that ends a field";
    } else if (!quoted && find_byte(r->at, stop, '"')) {
        fault = "a quote stands inside a field that does not begin with one";
    }
    const char *begin = r->at, *last = stop;
    trim(&begin, &last);
    keep(r, column, begin, last);
    *more = comma != NULL;
    r->at = *more ? comma + 1 : next;
    r->line += !*more;
    return fault;
}

bool s4d_list_next(s4d_list_reader *r, s4d_record *out)
{
    for (int i = 0; i < S4D_LIST_COLUMNS; i++) {
        s4d_str_clear(&r->field[i]);
    }
    skip_blank_lines(r);
    if (r->at == r->end) {
        return false;
    }
    *out = (s4d_record){.line = r->line};
    if (!r->comma) {
        plain_record(r, out);
    }
    for (bool more = r->comma; more; out->columns++) {
        const char *fault = comma_field(r, out->columns, &more);
        out->fault = out->fault ? out->fault : fault;
    }
    for (int i = 0; i < S4D_LIST_COLUMNS; i++) {
        out->field[i] = r->field[i].text ? r->field[i].text : "";
    }
    return !s4d_list_failed(r);
}
