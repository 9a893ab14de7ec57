/* Cutting a list into records, in place. More forgiving than a manifest's reader: foreign lists have columns that nobody
 * needs, in encodings that nobody told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/index_job.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_end(char c)
{
    return c == '\n' || c == '\r' || c == '\0';
}

bool index_number(const char *text, long *out)
{
    char *end;
    if (!(*text >= '0' && *text <= '9') && !(*text == '-' && text[1] >= '0' && text[1] <= '9')) {
        return false;
    }
    errno = 0;
    *out = strtol(text, &end, 10);
    return *end == '\0' && errno == 0;
}

/* Commas cut the list if its first line has one; where text may follow the label, only if no blank comes before. */
void index_reader_init(index_reader *r, s4d_bytes *text, index_cut cut)
{
    *r = (index_reader){.at = (char *)text->data, .end = (char *)text->data + text->size, .line = 1, .cut = cut};
    if (text->size >= 3 && memcmp(text->data, "\xEF\xBB\xBF", 3) == 0) {
        r->at += 3;
    }
    const char *first = r->at;
    while (first < r->end && (is_blank(*first) || is_end(*first))) {
        first++;
    }
    size_t line = strcspn(first, "\r\n"), comma = strcspn(first, ",");
    r->comma = comma < line && (cut == INDEX_CUT_LAST || comma < strcspn(first, " \t"));
}

/* Past the end of a line: "\n", "\r\n" or "\r". */
static void pass_end(index_reader *r)
{
    if (r->at < r->end) {
        r->at += *r->at == '\r' && r->at[1] == '\n' ? 2 : 1;
        r->line++;
    }
}

static void keep(index_record *out, char *field)
{
    if (out->columns < INDEX_FIELDS) {
        out->field[out->columns] = field;
    }
    out->columns++;
}

/* A field that begins with a quote, made plain in place; its end. The reader stands on what follows it in the line. */
static char *quoted(index_reader *r, index_record *out)
{
    char *to = r->at++;
    while (r->at < r->end && (*r->at != '"' || r->at[1] == '"')) {
        r->at += *r->at == '"';
        r->line += *r->at == '\n';
        *to++ = *r->at++;
    }
    if (r->at == r->end) {
        out->fault = "a quote is not closed before the end of the file";
        return to;
    }
    for (r->at++; !is_end(*r->at) && *r->at != ','; r->at++) {
        out->fault = is_blank(*r->at) ? out->fault : "text follows the quote that ends a field";
    }
    return to;
}

/* One field of the line; whether another follows. */
static bool comma_field(index_reader *r, index_record *out)
{
    while (is_blank(*r->at)) {
        r->at++;
    }
    char *from = r->at, *to;
    if (*from == '"') {
        to = quoted(r, out);
    } else {
        while (!is_end(*r->at) && *r->at != ',') {
            r->at++;
        }
        for (to = r->at; to > from && is_blank(to[-1]);) {
            to--;
        }
    }
    bool more = *r->at == ',';
    if (more) {
        r->at++;
    } else {
        pass_end(r);
    }
    *to = '\0';
    keep(out, from);
    return more;
}

/* Name, label and the rest. */
static void cut_first(char *from, index_record *out)
{
    for (int i = 0; i < 2; i++) {
        char *to = from + strcspn(from, " \t");
        keep(out, from);
        if (!*to) {
            return;
        }
        *to = '\0';
        from = to + 1 + strspn(to + 1, " \t");
    }
    keep(out, from);
}

static void cut_last(char *from, char *to, index_record *out)
{
    char *cut = to;
    while (cut > from && !is_blank(cut[-1])) {
        cut--;
    }
    keep(out, from);
    if (cut > from) {
        keep(out, cut);
        for (to = cut; is_blank(to[-1]); to--) {
            to[-1] = '\0';
        }
    }
}

static void plain_record(index_reader *r, index_record *out)
{
    while (is_blank(*r->at)) {
        r->at++;
    }
    char *from = r->at;
    while (!is_end(*r->at)) {
        r->at++;
    }
    char *to = r->at;
    pass_end(r);
    while (to > from && is_blank(to[-1])) {
        to--;
    }
    *to = '\0';
    if (r->cut == INDEX_CUT_FIRST) {
        cut_first(from, out);
    } else {
        cut_last(from, to, out);
    }
}

bool index_reader_next(index_reader *r, index_record *out)
{
    for (const char *p = r->at;; p++) { /* past blank lines */
        if (!is_blank(*p) && !is_end(*p)) {
            break;
        }
        if (p >= r->end) {
            return false;
        }
        if (is_end(*p)) {
            r->at += p - r->at;
            pass_end(r);
            p = r->at - 1;
        }
    }
    *out = (index_record){.line = r->line};
    for (int i = 0; i < INDEX_FIELDS; i++) {
        out->field[i] = (char *)"";
    }
    if (!r->comma) {
        plain_record(r, out);
        return true;
    }
    while (comma_field(r, out)) {
    }
    return true;
}
