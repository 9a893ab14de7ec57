/* Cutting a list into records, in place: every field ends with a NUL where its separator stood. */
#include "s4d/data/list.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "s4d/data/manifest.h"

/* The text ends with a NUL and holds none. */
static bool is_end(char c)
{
    return c == '\n' || c == '\r' || c == '\0';
}

static const char *end_of(const s4d_list *l)
{
    return (const char *)l->text.data + l->text.size;
}

/* Past the end of a line: LF, CR, CRLF, or the CRCRLF of texts that were converted twice. */
static void pass_end(s4d_list *l)
{
    static const char *const ends[] = {"\r\n", "\r\r\n"};
    size_t size = *l->at != '\0';
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size = strncmp(l->at, ends[i], strlen(ends[i])) == 0 ? strlen(ends[i]) : size;
    }
    l->at += size;
    l->line++;
}

/* Whether all of a line is blank; *end is its end. */
static bool is_blank_line(const s4d_list *l, char **end)
{
    const char *from = l->at, *to;
    *end = l->at + strcspn(l->at, "\r\n");
    to = *end;
    s4d_str_trim(&from, &to);
    return from == to;
}

static void keep(s4d_record *out, char *field)
{
    if (out->columns < S4D_LIST_FIELDS) {
        out->field[out->columns] = field;
    }
    out->columns++;
}

/* ---- separated fields ---- */

static bool ends_field(const s4d_list *l, char c)
{
    return is_end(c) || c == l->separator;
}

/* A field that begins with a quote, made plain in place; its end. The reader stands on what ends the field. */
static char *quoted(s4d_list *l, s4d_record *out)
{
    const char *end = end_of(l);
    char *to = l->at++;
    while (*l->at && (*l->at != l->quote || l->at[1] == l->quote)) {
        l->at += *l->at == l->quote;
        l->line += *l->at == '\n';
        *to++ = *l->at++;
    }
    if (!*l->at) {
        out->fault = out->fault ? out->fault : "a quote is not closed before the end of the file";
        return to;
    }
    for (l->at++; !ends_field(l, *l->at);) {
        size_t blank = s4d_utf8_blank(l->at, end), unseen = blank ? 0 : s4d_utf8_unseen(l->at, end);
        if (blank + unseen == 0 && !out->fault) {
            out->fault = "text follows the quote that ends a field";
        }
        l->at += blank + unseen > 0 ? blank + unseen : 1;
    }
    return to;
}

static void pass_blanks(s4d_list *l)
{
    const char *end = end_of(l);
    for (size_t n = 1; n > 0 && !ends_field(l, *l->at); l->at += n) {
        n = s4d_utf8_blank(l->at, end);
        n = n > 0 ? n : s4d_utf8_unseen(l->at, end);
    }
}

/* One field of the line; whether another follows. */
static bool take_field(s4d_list *l, s4d_record *out)
{
    pass_blanks(l);
    char *from = l->at, *to;
    if (*from == l->quote) {
        to = quoted(l, out);
    } else {
        while (!ends_field(l, *l->at)) {
            l->at++;
        }
        const char *begin = from, *end = l->at;
        s4d_str_trim(&begin, &end);
        to = from + (end - begin); /* blanks in front are passed already */
    }
    bool more = *l->at == l->separator;
    if (more) {
        l->at++;
    } else {
        pass_end(l);
    }
    *to = '\0';
    keep(out, from);
    return more;
}

/* ---- plain lines ---- */

/* Name, label and the rest. */
static void cut_first(char *from, s4d_record *out)
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

/* Where the last word begins; `from` where there is only one. */
static const char *last_word(const char *from, const char *to)
{
    for (const char *p = to; p > from; p--) {
        if (p < to && s4d_utf8_blank(p - 1, to) == 1) {
            return p;
        }
        for (size_t n = 2; n <= 3 && (size_t)(p - from) >= n && (p[-1] & 0x80); n++) {
            if (s4d_utf8_blank(p - n, to) == n) {
                return p;
            }
        }
    }
    return from;
}

static void cut_last(char *from, char *to, s4d_record *out)
{
    char *cut = from + (last_word(from, to) - from);
    keep(out, from);
    if (cut > from) {
        const char *begin = from, *end = cut;
        keep(out, cut);
        s4d_str_trim(&begin, &end);
        from[end - from] = '\0';
    }
}

static void take_line(s4d_list *l, char *end, s4d_record *out)
{
    const char *from = l->at, *to = end;
    s4d_str_trim(&from, &to);
    char *begin = l->at + (from - l->at), *last = begin + (to - from);
    l->at = end;
    pass_end(l);
    *last = '\0';
    if (l->cut == S4D_CUT_FIRST) {
        cut_first(begin, out);
    } else if (l->cut == S4D_CUT_LAST) {
        cut_last(begin, last, out);
    } else {
        keep(out, begin);
    }
}

bool s4d_list_next(s4d_list *l, s4d_record *out)
{
    static char none[] = "";
    char *end;
    while (is_blank_line(l, &end)) {
        l->at = end;
        if (!*end) {
            return false;
        }
        pass_end(l);
    }
    out->line = l->line;
    out->columns = 0;
    out->fault = NULL;
    if (l->cut == S4D_CUT_FIELDS) {
        while (take_field(l, out)) {
        }
    } else {
        take_line(l, end, out);
    }
    for (int i = out->columns; i < S4D_LIST_FIELDS; i++) {
        out->field[i] = none;
    }
    return true;
}

/* Whether the text is the name of a file and a number behind it. */
static bool has_number(const char *text)
{
    char name[S4D_PATH_MAX];
    const char *blank = strpbrk(text, " \t") ? text + strlen(text) : NULL;
    while (blank && blank > text && blank[-1] != ' ' && blank[-1] != '\t') {
        blank--;
    }
    if (!blank || !s4d_labels_number(blank, NULL) || (size_t)(blank - text) >= sizeof name) {
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)(blank - text) - 1, text);
    return s4d_list_is_path(s4d_path_name(name));
}

const char *s4d_list_misfit(const s4d_record *r)
{
    if (r->columns == 1) {
        return "no label follows the path, in the line with";
    }
    if (r->columns > 2 || has_number(r->field[0])) {
        return "3 columns or more, where a path and a label are expected, in the line with";
    }
    if (s4d_list_is_path(r->field[1]) && !s4d_list_is_path(r->field[0])) {
        return "the label stands in front, where the path is expected, in the line with";
    }
    return NULL;
}

/* ---- how the list is written ---- */

/* How many of the first fields of a line name columns, were it cut at `separator`; *fields: how many there are. */
static int count_heads(const char *line, char separator, char quote, int *fields)
{
    int known = 0;
    const char *end = line + strcspn(line, "\r\n");
    *fields = 0;
    for (const char *at = line; at <= end && *fields < S4D_LIST_FIELDS; ++*fields) {
        char name[64];
        s4d_column column;
        const char *stop = memchr(at, separator, (size_t)(end - at)), *from = at, *to = stop ? stop : end;
        at = to + 1;
        s4d_str_trim(&from, &to);
        bool in_quotes = to - from > 1 && *from == quote && to[-1] == quote;
        from += in_quotes;
        to -= in_quotes;
        if ((size_t)(to - from) < sizeof name) {
            memcpy(name, from, (size_t)(to - from));
            name[to - from] = '\0';
            known += s4d_list_head(name, &column) != S4D_HEAD_NONE;
        }
    }
    return known;
}

static const char SEPARATORS[] = {',', ';', '\t', '|'}, QUOTES[] = {'"', '\'', '`'};

/* The separator by which the most columns are known; '\0': by none are there two fields of which one is. *most: how many. */
static char separator_of_header(const char *line, char *quote, int *most)
{
    char best = '\0';
    *most = 0;
    for (size_t q = 0; q < sizeof QUOTES; q++) {
        for (size_t i = 0; i < sizeof SEPARATORS; i++) {
            int fields, known = count_heads(line, SEPARATORS[i], QUOTES[q], &fields);
            if (fields > 1 && known > *most) {
                *most = known;
                best = SEPARATORS[i];
                *quote = QUOTES[q];
            }
        }
    }
    return best;
}

/* The quote that every field of the line behind a header stands in. */
static char quote_of_sample(const char *line, char separator)
{
    const char *from = line + strspn(line, "\r\n"), *end = from + strcspn(from, "\r\n");
    char quote = *from && memchr(QUOTES, *from, sizeof QUOTES) ? *from : QUOTES[0];
    for (const char *at = from; at <= end;) {
        const char *stop = memchr(at, separator, (size_t)(end - at)), *begin = at, *to = stop ? stop : end;
        at = to + 1;
        s4d_str_trim(&begin, &to);
        if (to - begin < 2 || *begin != quote || to[-1] != quote) {
            return QUOTES[0];
        }
    }
    return quote;
}

/* The separator of a first line that is a sample, '\0': it is cut by blanks. */
static char separator_of_sample(const char *line, s4d_list_cut cut)
{
    const char *from = line, *end = line + strcspn(line, "\r\n"), *to = end;
    s4d_str_trim(&from, &to);
    const char *word = last_word(from, to), *before = word;
    s4d_str_trim(&from, &before);
    size_t digits = strspn(word, "0123456789");
    for (size_t i = 0; i < sizeof SEPARATORS; i++) {
        char s = SEPARATORS[i];
        const char *at = memchr(from, s, (size_t)(to - from));
        bool rare = s != ',' && word > from; /* more likely part of a name than a comma is */
        if (!at || (rare && cut != S4D_CUT_FIELDS)) {
            continue;
        }
        bool blank_first = (size_t)(at - from) > strcspn(from, " \t");
        bool number_last = word > from && digits > 0 && digits >= (size_t)(to - word) && before[-1] != s;
        if (cut == S4D_CUT_FIELDS || (cut == S4D_CUT_FIRST ? !blank_first : !number_last)) {
            return s;
        }
    }
    return cut == S4D_CUT_FIELDS ? ',' : '\0';
}

/* Excel's first line "sep=;", passed over; '\0': there is none. */
static char take_excel_line(s4d_list *l)
{
    const char *at = l->at;
    bool quoted = *at == '"';
    at += quoted;
    if (strncasecmp(at, "sep=", 4) != 0 || is_end(at[4]) || (quoted && at[5] != '"') || !is_end(at[5 + quoted])) {
        return '\0';
    }
    char separator = at[4];
    l->at += 5 + 2 * quoted;
    pass_end(l);
    return separator;
}

void s4d_list_begin(s4d_list *l, s4d_list_cut cut)
{
    char *end, given;
    l->cut = cut;
    l->quote = '"';
    while (is_blank_line(l, &end) && *end) {
        l->at = end;
        pass_end(l);
    }
    if (cut == S4D_CUT_NONE || !*l->at) {
        return;
    }
    given = take_excel_line(l);
    int known;
    char quote = '"', header = separator_of_header(l->at, &quote, &known);
    l->separator = given    ? given
                   : header ? header
                            : separator_of_sample(l->at, cut);
    l->cut = l->separator ? S4D_CUT_FIELDS : cut;
    if (header && (!given || given == header)) {
        l->quote = quote != QUOTES[0] ? quote : quote_of_sample(l->at + strcspn(l->at, "\r\n"), header);
    }
}

bool s4d_list_headed(const s4d_list *l)
{
    char quote;
    int known;
    char name[64];
    s4d_column column;
    const char *from = l->at + strspn(l->at, " \t\r\n"), *to = from + strcspn(from, "\r\n");
    separator_of_header(from, &quote, &known);
    s4d_str_trim(&from, &to);
    snprintf(name, sizeof name, "%.*s", (int)(to - from < (ptrdiff_t)sizeof name ? to - from : 0), from);
    return known > 1 || (s4d_list_head(name, &column) >= S4D_HEAD_OTHER && column == S4D_COLUMN_PATH);
}

void s4d_list_release(s4d_list *l)
{
    s4d_bytes_release(&l->text);
    *l = (s4d_list){0};
}
