/* Texts that look alike and differ in bytes: letters with marks are one character (as most systems write names of files) or
 * two (as macOS does), and letters may be large or small. */
#include <stdint.h>
#include <stdlib.h>

#include "s4d/base/str.h"

enum { HANGUL = 0xAC00, HANGUL_COUNT = 11172, LEAD = 0x1100, VOWEL = 0x1161, TAIL = 0x11A7, VOWELS = 21, TAILS = 28 };

typedef struct pair {
    uint16_t whole, letter, mark;
} pair;

#define FORM(whole, letter, mark) {whole, letter, mark},
static const pair PAIRS[] = {
#include "base/form.def"
};
#undef FORM

/* A text as letters and marks. */
typedef struct parts {
    const char *at, *end;
    uint32_t next[4]; /* taken apart already, the last first */
    int ready;
} parts;

static int by_whole(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = ((const pair *)b)->whole;
    return (x > y) - (x < y);
}

static void push(parts *p, uint32_t code)
{
    const pair *found = bsearch(&code, PAIRS, sizeof PAIRS / sizeof *PAIRS, sizeof *PAIRS, by_whole);
    uint32_t syllable = code - HANGUL;
    if (found) { /* the letter may have a mark itself: two marks are the most that there are */
        p->next[p->ready++] = found->mark;
        push(p, found->letter);
    } else if (syllable < HANGUL_COUNT) {
        if (syllable % TAILS) {
            p->next[p->ready++] = TAIL + syllable % TAILS;
        }
        p->next[p->ready++] = VOWEL + syllable / TAILS % VOWELS;
        p->next[p->ready++] = LEAD + syllable / TAILS / VOWELS;
    } else {
        p->next[p->ready++] = code;
    }
}

/* The next letter or mark, 0 at the end. A byte that is no UTF-8 stands for itself, above all characters. */
static uint32_t pull(parts *p)
{
    if (p->ready == 0 && p->at < p->end) {
        const unsigned char *c = (const unsigned char *)p->at;
        size_t n = s4d_utf8_length(p->at, p->end);
        uint32_t code = n > 1 ? c[0] & (0x7Fu >> n) : n == 1 ? c[0] : 0x110000u + c[0];
        for (size_t i = 1; i < n; i++) {
            code = code << 6 | (c[i] & 0x3Fu);
        }
        p->at += n > 0 ? n : 1;
        push(p, code);
    }
    return p->ready > 0 ? p->next[--p->ready] : 0;
}

static uint32_t small(uint32_t code)
{
    return code >= 'A' && code <= 'Z' ? code - 'A' + 'a' : code;
}

s4d_likeness s4d_str_alike(const char *a, size_t n, const char *b, size_t m)
{
    parts x = {.at = a, .end = a + n}, y = {.at = b, .end = b + m};
    s4d_likeness like = S4D_SAME_FORM;
    for (uint32_t c = 1; c != 0;) {
        uint32_t d = pull(&y);
        c = pull(&x);
        if (c != d) {
            like = S4D_SAME_LETTERS;
            if (small(c) != small(d)) {
                return S4D_DIFFERENT;
            }
        }
    }
    return like;
}
