/* The ways in which lists spell paths, undone. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/hint_private.h"

static void drop_quotes(hint *h)
{
    static const char *const marks[] = {"\"", "'", "`", "\xE2\x80\x9C", "\xE2\x80\x9D", "\xE2\x80\x98", "\xE2\x80\x99"};
    size_t before = 0, after = 0, size = strlen(h->path);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        before = n < size && strncmp(h->path, marks[i], n) == 0 ? n : before;
        after = n < size && strcmp(h->path + size - n, marks[i]) == 0 ? n : after;
    }
    if (before > 0 && after > 0 && before + after < size) {
        size -= before + after;
        memmove(h->path, h->path + before, size);
        h->path[size] = '\0';
        hint_note(h, "without its quotes");
    }
}

static void drop_unseen(hint *h)
{
    const char *at = h->path, *end = at + strlen(at);
    char *to = h->path;
    s4d_str_trim(&at, &end);
    bool changed = at > h->path || *end;
    while (at < end) {
        size_t unseen = s4d_utf8_unseen(at, end), blank = unseen > 0 ? 0 : s4d_utf8_blank(at, end);
        changed = changed || unseen > 0 || blank > 1;
        if (unseen == 0) {
            *to++ = blank > 1 ? ' ' : *at;
        }
        at += unseen + blank > 0 ? unseen + blank : 1;
    }
    *to = '\0';
    if (changed) {
        hint_note(h, "without characters that are not seen");
    }
}

/* ---- addresses ---- */

/* Letters, digits and "+-." in front of "://"; 0: the path has no scheme. */
static size_t scheme_of(const char *path)
{
    size_t n = 0;
    while (isalnum((unsigned char)path[n]) || (n > 0 && path[n] && strchr("+-.", path[n]))) {
        n++;
    }
    return n > 1 && strncmp(path + n, "://", 3) == 0 ? n : 0;
}

/* "file:///data/a.png" becomes "/data/a.png", and "https://host/data/a.png" "data/a.png". */
static void drop_scheme(hint *h, bool *remote)
{
    size_t scheme = scheme_of(h->path);
    if (scheme == 0) {
        return;
    }
    const char *host = h->path + scheme + 3, *slash = strchr(host, '/');
    *remote = scheme != 4 || strncasecmp(h->path, "file", 4) != 0;
    const char *from = !slash ? host : *remote ? slash + 1 : slash;
    if (!*remote) {
        hint_note(h, "without \"file://\"");
    } else {
        hint_note(h, "without \"%.*s\" in front", from - h->path < 60 ? (int)(from - h->path) : 60, h->path);
    }
    memmove(h->path, from, strlen(from) + 1);
}

static int hex_digit(char c)
{
    char lower = (char)tolower((unsigned char)c);
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* "%20" becomes a blank. */
static void decode_percents(hint *h)
{
    char *to = h->path;
    bool any = false;
    for (const char *at = h->path; *at; at++) {
        int high = *at == '%' ? hex_digit(at[1]) : -1, low = high >= 0 ? hex_digit(at[2]) : -1;
        bool code = low >= 0 && 16 * high + low > 0;
        *to++ = code ? (char)(16 * high + low) : *at;
        at += code ? 2 : 0;
        any = any || code;
    }
    *to = '\0';
    if (any) {
        hint_note(h, "with characters for codes such as %%20");
    }
}

static void turn_slashes(hint *h)
{
    bool any = false;
    for (char *p = h->path; (p = strchr(p, '\\'));) {
        *p = '/';
        any = true;
    }
    if (any) {
        hint_note(h, "with slashes");
    }
}

void hint_spell(hint *h, bool *remote)
{
    *remote = false;
    drop_quotes(h);
    if (s4d_str_utf8(h->path)) {
        drop_unseen(h);
    }
    drop_scheme(h, remote);
    decode_percents(h);
    turn_slashes(h);
}
