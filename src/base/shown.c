/* Text as it is shown: characters that are not seen, or that act on a terminal, by their numbers. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/str.h"

/* Unicode 15: Cc, Cf, Zl, Zp, and others that are not seen: fillers, joiners, variation selectors. Rising. */
static const uint32_t hidden[][2] = {
    {0x0, 0x1F},         {0x7F, 0x9F},       {0xAD, 0xAD},         {0x34F, 0x34F},     {0x600, 0x605},
    {0x61C, 0x61C},      {0x6DD, 0x6DD},     {0x70F, 0x70F},       {0x890, 0x891},     {0x8E2, 0x8E2},
    {0x115F, 0x1160},    {0x17B4, 0x17B5},   {0x180B, 0x180F},     {0x200B, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x206F},    {0x3164, 0x3164},   {0xFE00, 0xFE0F},     {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFFB},    {0xFFFE, 0xFFFF},   {0x110BD, 0x110BD},   {0x110CD, 0x110CD}, {0x13430, 0x1343F},
    {0x1BCA0, 0x1BCA3},  {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

uint32_t s4d_utf8_code(const char *at, size_t n)
{
    const unsigned char *p = (const unsigned char *)at;
    uint32_t code = n == 1 ? p[0] : p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        code = code << 6 | (p[i] & 0x3F);
    }
    return code;
}

bool s4d_str_is_hidden(const char *at, size_t n)
{
    uint32_t code = s4d_utf8_code(at, n);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden && hidden[i][0] <= code; i++) {
        if (code <= hidden[i][1]) {
            return true;
        }
    }
    return false;
}

/* The bytes of the character at `at` that are shown as `out`, at most 10 and ended, or as they are: "". */
static size_t next_shown(const char *at, const char *end, char out[16])
{
    size_t n = s4d_utf8_length(at, end);
    out[0] = '\0';
    if (n == 0 || (n == 1 && s4d_str_is_hidden(at, 1))) {
        snprintf(out, 16, "\\x%02X", (unsigned char)*at);
        return 1;
    }
    if (n > 1 && s4d_str_is_hidden(at, n)) {
        uint32_t code = s4d_utf8_code(at, n);
        snprintf(out, 16, code > 0xFFFF ? "\\U%08X" : "\\u%04X", code);
    }
    return n;
}

void s4d_str_add_printable(s4d_str *s, const char *text)
{
    const char *end = text + strlen(text);
    char shown[16];
    for (size_t n; text < end; text += n) {
        n = next_shown(text, end, shown);
        if (shown[0]) {
            s4d_str_add(s, shown);
        } else {
            s4d_str_add_bytes(s, text, n);
        }
    }
}

void s4d_str_printable(char *text, size_t room)
{
    char shown[16];
    size_t size = strlen(text);
    for (size_t at = 0, n, m; at < size; at += m) {
        n = next_shown(text + at, text + size, shown);
        m = shown[0] ? strlen(shown) : n;
        if (at + m >= room) { /* cut between characters */
            size = at;
            break;
        }
        if (shown[0]) {
            size_t rest = size - at - n, fits = room - 1 - at - m;
            rest = rest < fits ? rest : fits;
            memmove(text + at + m, text + at + n, rest);
            memcpy(text + at, shown, m);
            size = at + m + rest;
        }
    }
    text[size] = '\0';
}
