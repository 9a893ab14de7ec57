/* Growable strings, string lists, natural order, nearest word, csv, UTF-8. */
#include "s4d/base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/mem.h"

void s4d_str_release(s4d_str *s)
{
    s4d_mem_free(s->text);
    *s = (s4d_str){0};
}

void s4d_str_clear(s4d_str *s)
{
    s->size = 0;
    s->failed = false;
    if (s->text) {
        s->text[0] = '\0';
    }
}

/* Room for n more bytes and the final NUL. */
static bool reserve(s4d_str *s, size_t n)
{
    if (s->failed) {
        return false;
    }
    size_t needed;
    if (__builtin_add_overflow(s->size, n, &needed) || needed > SIZE_MAX / 2) {
        s->failed = true;
        return false;
    }
    if (needed < s->room) {
        return true;
    }
    size_t room = needed + 1 > 2 * s->room ? needed + 1 : 2 * s->room;
    room = room < 64 ? 64 : room;
    if (!s4d_mem_grow(&s->text, s->room, room, 1)) {
        s->failed = true;
        return false;
    }
    s->room = room;
    return true;
}

void s4d_str_add(s4d_str *s, const char *text)
{
    s4d_str_add_bytes(s, text, strlen(text));
}

void s4d_str_add_bytes(s4d_str *s, const void *bytes, size_t n)
{
    if (!reserve(s, n)) {
        return;
    }
    if (n > 0) {
        memcpy(s->text + s->size, bytes, n);
    }
    s->size += n;
    s->text[s->size] = '\0';
}

void s4d_str_vprintf(s4d_str *s, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0) {
        s->failed = true;
    } else if (reserve(s, (size_t)n)) {
        vsnprintf(s->text + s->size, (size_t)n + 1, format, again);
        s->size += (size_t)n;
    }
    va_end(again);
}

void s4d_str_printf(s4d_str *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    s4d_str_vprintf(s, format, args);
    va_end(args);
}

void s4d_strlist_release(s4d_strlist *list)
{
    for (size_t i = 0; i < list->count; i++) {
        s4d_mem_free(list->item[i]);
    }
    s4d_mem_free(list->item);
    *list = (s4d_strlist){0};
}

bool s4d_strlist_add(s4d_strlist *list, const char *text)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        if (!s4d_mem_grow(&list->item, list->room, room, sizeof *list->item)) {
            return false;
        }
        list->room = room;
    }
    char *copy = s4d_mem_strdup(text);
    if (!copy) {
        return false;
    }
    list->item[list->count++] = copy;
    return true;
}

typedef struct ordering {
    int (*order)(const char *, const char *);
} ordering;

static int compare_items(const void *a, const void *b, void *arg)
{
    const ordering *by = arg;
    return by->order(*(char *const *)a, *(char *const *)b);
}

void s4d_strlist_sort(s4d_strlist *list, int (*order)(const char *, const char *))
{
    ordering by = {order};
    if (list->count > 1) {
        qsort_r(list->item, list->count, sizeof *list->item, compare_items, &by);
    }
}

long s4d_strlist_find(const s4d_strlist *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->item[i], text) == 0) {
            return (long)i;
        }
    }
    return -1;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compares the runs of digits at *a and *b as numbers of any length and moves past both. */
static int compare_numbers(const char **a, const char **b)
{
    while (**a == '0') {
        ++*a;
    }
    while (**b == '0') {
        ++*b;
    }
    int first = 0;
    while (is_digit(**a) && is_digit(**b)) {
        if (first == 0) {
            first = **a - **b;
        }
        ++*a;
        ++*b;
    }
    if (is_digit(**a)) {
        return 1;
    }
    return is_digit(**b) ? -1 : first;
}

int s4d_str_natural(const char *a, const char *b)
{
    const char *x = a, *y = b;
    while (*x && *y) {
        if (is_digit(*x) && is_digit(*y)) {
            int numbers = compare_numbers(&x, &y);
            if (numbers != 0) {
                return numbers;
            }
        } else if (*x != *y) {
            return (unsigned char)*x - (unsigned char)*y;
        } else {
            x++;
            y++;
        }
    }
    if (*x || *y) {
        return *x ? 1 : -1;
    }
    return strcmp(a, b);
}

bool s4d_str_ends(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    return n >= m && memcmp(text + n - m, tail, m) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool s4d_str_ends_nocase(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    if (n < m) {
        return false;
    }
    for (size_t i = 0; i < m; i++) {
        if (lower(text[n - m + i]) != lower(tail[i])) {
            return false;
        }
    }
    return true;
}

enum { LONGEST_WORD = 127, FARTHEST = 3 };

/* Levenshtein's distance, by rows; n, m <= LONGEST_WORD. */
static int edit_distance(const char *a, size_t n, const char *b, size_t m)
{
    int row[LONGEST_WORD + 1];
    for (size_t j = 0; j <= m; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int replace = diagonal + (a[i - 1] != b[j - 1]);
            int shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < shift ? replace : shift;
        }
    }
    return row[m];
}

const char *s4d_str_nearest(const char *word, const char *const *candidate, size_t n)
{
    const char *best = NULL;
    int best_distance = FARTHEST + 1;
    size_t size = strlen(word);
    for (size_t i = 0; i < n && size <= LONGEST_WORD; i++) {
        size_t other = strlen(candidate[i]);
        if (other > LONGEST_WORD) {
            continue;
        }
        int distance = edit_distance(word, size, candidate[i], other);
        bool alike = 2 * (size_t)distance <= (size > other ? size : other);
        if (alike && distance < best_distance) {
            best_distance = distance;
            best = candidate[i];
        }
    }
    return best;
}

void s4d_str_csv(s4d_str *s, const char *text)
{
    const char *from = text, *end = text + strlen(text), *to = end;
    s4d_str_trim(&from, &to);
    if (!strpbrk(text, ",\"\r\n") && from == text && to == end) {
        s4d_str_add(s, text);
        return;
    }
    s4d_str_add(s, "\"");
    for (; *text; text++) {
        s4d_str_add_bytes(s, "\"", *text == '"' ? 1 : 0);
        s4d_str_add_bytes(s, text, 1);
    }
    s4d_str_add(s, "\"");
}

/* Whether a spreadsheet takes a text that begins so for a formula. */
static bool is_formula(const char *text)
{
    static const char *const marks[] = {"=", "+", "-", "@", "\t", "\r", "\n", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (strncmp(text, marks[i], strlen(marks[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void add_guarded(s4d_str *s, const char *guard, const char *text)
{
    s4d_str guarded = {0};
    s4d_str_add(&guarded, guard);
    s4d_str_add(&guarded, text);
    if (guarded.failed) {
        s->failed = true;
    } else {
        s4d_str_csv(s, guarded.text);
    }
    s4d_str_release(&guarded);
}

void s4d_str_csv_cell(s4d_str *s, const char *text)
{
    add_guarded(s, is_formula(text + strspn(text, "'")) ? "'" : "", text);
}

void s4d_str_csv_path(s4d_str *s, const char *path)
{
    add_guarded(s, is_formula(path) ? "./" : "", path);
}

const char *s4d_str_csv_uncell(const char *text)
{
    return text[0] == '\'' && is_formula(text + strspn(text, "'")) ? text + 1 : text;
}

size_t s4d_utf8_length(const char *at, const char *end)
{
    const unsigned char *p = (const unsigned char *)at;
    size_t room = (size_t)(end - at);
    if (room == 0) {
        return 0;
    }
    if (p[0] < 0x80) {
        return 1;
    }
    size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || n > room) {
        return 0;
    }
    /* The second byte is bounded so that no character is written too long, is half of a pair of
     * 16-bit units, or lies above U+10FFFF. */
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF) {
            return 0;
        }
    }
    return n;
}

bool s4d_str_utf8(const char *text)
{
    const char *end = text + strlen(text);
    for (size_t n; text < end; text += n) {
        n = s4d_utf8_length(text, end);
        if (n == 0) {
            return false;
        }
    }
    return true;
}
