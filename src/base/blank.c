/* What is not seen in a text: blanks of every width, and characters that show nothing. */
#include <stdint.h>

#include "s4d/base/str.h"

typedef struct range {
    uint16_t first, last;
} range;

/* The code of a character of two or three bytes; *size: its bytes, 0 where none is there. */
static uint32_t decode(const char *at, const char *end, size_t *size)
{
    bool here = end - at > 1 && (unsigned char)*at >= 0xC2 && (unsigned char)*at < 0xF0;
    *size = here ? s4d_utf8_length(at, end) : 0;
    return *size > 0 ? s4d_utf8_code(at, *size) : 0;
}

static size_t size_in(const range *r, size_t ranges, const char *at, const char *end)
{
    size_t size;
    uint32_t code = decode(at, end, &size);
    for (size_t i = 0; i < ranges && size > 0; i++) {
        if (code >= r[i].first && code <= r[i].last) {
            return size;
        }
    }
    return 0;
}

size_t s4d_utf8_blank(const char *at, const char *end)
{
    static const range wide[] = {{0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},
                                 {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
    if (at < end && (*at == ' ' || *at == '\t' || *at == '\v' || *at == '\f')) {
        return 1;
    }
    return size_in(wide, sizeof wide / sizeof *wide, at, end);
}

size_t s4d_utf8_unseen(const char *at, const char *end)
{
    /* The soft hyphen, marks of direction, zero-width spaces and joiners, the byte-order mark. */
    static const range unseen[] = {{0xAD, 0xAD},     {0x61C, 0x61C},   {0x180E, 0x180E}, {0x200B, 0x200F},
                                   {0x202A, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}};
    return size_in(unseen, sizeof unseen / sizeof *unseen, at, end);
}

static size_t size_of(const char *at, const char *end)
{
    size_t size = s4d_utf8_blank(at, end);
    return size > 0 ? size : s4d_utf8_unseen(at, end);
}

void s4d_str_trim(const char **from, const char **to)
{
    for (size_t n; (n = size_of(*from, *to)) > 0;) {
        *from += n;
    }
    for (bool more = true; more;) {
        more = false;
        for (ptrdiff_t n = 1; n <= 3 && n <= *to - *from && !more; n++) {
            more = size_of(*to - n, *to) == (size_t)n;
            *to -= more ? n : 0;
        }
    }
}
