/* Growable strings, string lists, and the orders files are read in. */
#ifndef S4D_BASE_STR_H
#define S4D_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Growable text, always NUL-terminated once something was added; zeroed = empty. After a failed
 * allocation `failed` is set, further adds do nothing, and one check at the end suffices. */
typedef struct s4d_str {
    char *text;
    size_t size, room;
    bool failed;
} s4d_str;

void s4d_str_release(s4d_str *s);
void s4d_str_clear(s4d_str *s); /* empty, room kept */
void s4d_str_add(s4d_str *s, const char *text);
void s4d_str_add_bytes(s4d_str *s, const void *bytes, size_t n);
void s4d_str_printf(s4d_str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void s4d_str_vprintf(s4d_str *s, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* An owned list of strings; zeroed = empty. */
typedef struct s4d_strlist {
    char **item;
    size_t count, room;
} s4d_strlist;

void s4d_strlist_release(s4d_strlist *list);
bool s4d_strlist_add(s4d_strlist *list, const char *text); /* copies; false: no memory */
void s4d_strlist_sort(s4d_strlist *list, int (*order)(const char *, const char *));
long s4d_strlist_find(const s4d_strlist *list, const char *text); /* index or -1 */

/* "2" before "10": runs of digits compare as numbers, all else as bytes; ties by strcmp. */
int s4d_str_natural(const char *a, const char *b);
bool s4d_str_ends(const char *text, const char *tail);       /* exact */
bool s4d_str_ends_nocase(const char *text, const char *tail); /* ASCII case ignored */
/* The candidate nearest to `word` by edit distance, or NULL when none is within 3 and within half its length; for "did
 * you mean". */
const char *s4d_str_nearest(const char *word, const char *const *candidate, size_t n);

/* Adds text as a field of a csv line (RFC 4180): in quotes where a comma, a quote, a line end or something that s4d_str_trim
 * takes is in it. */
void s4d_str_csv(s4d_str *s, const char *text);

/* The same of a cell that a spreadsheet may open: a text that it would run as a formula (one that begins with = + - @, their wide
 * forms, a tab or a line end) gets an apostrophe in front, and so does such a text behind apostrophes. */
void s4d_str_csv_cell(s4d_str *s, const char *text);
/* The same of a path: "./" stands in front in place of the apostrophe, and it is a path to the same file. */
void s4d_str_csv_path(s4d_str *s, const char *path);
/* What was given to s4d_str_csv_cell, from the cell's text. */
const char *s4d_str_csv_uncell(const char *text);

/* Names out of files and arguments may hold what moves a terminal's cursor, turns the direction of a line or is not seen at all:
 * control and format characters, line and paragraph separators, bytes that are no UTF-8. All that is shown goes through one
 * of these, most of it in s4d_err_set, s4d_log and s4d_line; they stand there as \x1B or \u202E. What is stored keeps them. */
void s4d_str_printable(char *text, size_t room); /* in place; where it grows beyond the room, its end is lost */
void s4d_str_add_printable(s4d_str *s, const char *text);
bool s4d_str_is_hidden(const char *at, size_t n); /* of one character, by its n bytes of UTF-8 */

/* Many short texts that are given back together; zeroed = empty. */
typedef struct s4d_texts {
    struct s4d_texts_block *block;
} s4d_texts;

/* A copy that is good until the release; NULL: no memory. */
const char *s4d_texts_add(s4d_texts *t, const char *text);
void s4d_texts_release(s4d_texts *t);

/* Bytes of the UTF-8 character at `at`, 0 when the bytes up to `end` do not begin with one. */
size_t s4d_utf8_length(const char *at, const char *end);
uint32_t s4d_utf8_code(const char *at, size_t n); /* the number of a character of n bytes */
bool s4d_str_utf8(const char *text); /* whether all of it is UTF-8 */

typedef enum s4d_likeness {
    S4D_DIFFERENT,
    S4D_SAME_LETTERS, /* but some are large in one and small in the other (ASCII), and their form may differ */
    S4D_SAME_FORM     /* the same but for Unicode's form: letters with their marks in one piece (NFC) or in two (NFD) */
} s4d_likeness;
/* Compares n bytes with m bytes. Latin, Greek, Cyrillic, kana and Hangul are known. */
s4d_likeness s4d_str_alike(const char *a, size_t n, const char *b, size_t m);

/* Bytes of the blank at `at`, 0: none is there. Blank are the space, the tab and Unicode's other spaces, such as the no-break
 * space; ends of lines are not. */
size_t s4d_utf8_blank(const char *at, const char *end);
/* Bytes of the character at `at` that shows nothing and takes no room, such as the zero-width space and a byte-order mark. */
size_t s4d_utf8_unseen(const char *at, const char *end);
/* Takes both from the two ends of a text. */
void s4d_str_trim(const char **from, const char **to);

#endif
