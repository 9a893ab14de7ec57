/* A list file as text: which encoding it has, and what it is where it is none. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "s4d/base/mem.h"
#include "s4d/data/list.h"

enum { LIST_SIZE_MAX = 1 << 30, LOOK = 4096 };

/* ---- what is no list ---- */

static const struct {
    const char *head;
    size_t size;
    const char *what;
} OTHERS[] = {
    {"PK\003\004", 4, "is a zip archive or an Excel workbook, not a text; unpack it, or save the sheet as \"CSV UTF-8\""},
    {"\xD0\xCF\x11\xE0", 4, "is an old Excel workbook, not a text; save the sheet as \"CSV UTF-8\""},
    {"\x1F\x8B", 2, "is compressed by gzip; unpack it"},
    {"PAR1", 4, "is a Parquet file, not a text; write it as csv"},
    {"\x93NUMPY", 6, "is a NumPy array, not a text; write it as csv"},
    {"\x89HDF", 4, "is an HDF5 file, not a text; write it as csv"},
    {"SQLite format 3", 15, "is an SQLite database, not a text; write it as csv"},
    {"version https://git-lfs", 23, "is a Git LFS pointer in place of the list; fetch it with git lfs pull"},
    {"<!DOCTYPE html", 14, "is a web page, not a list; download the file itself"},
    {"<html", 5, "is a web page, not a list; download the file itself"},
};

static s4d_status check_kind(const s4d_bytes *text, s4d_err *err)
{
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        bool page = OTHERS[i].head[0] == '<'; /* in any case */
        const char *head = (const char *)text->data;
        if (text->size >= OTHERS[i].size && (page ? strncasecmp(head, OTHERS[i].head, OTHERS[i].size)
                                                  : memcmp(head, OTHERS[i].head, OTHERS[i].size)) == 0) {
            return s4d_err_set(err, S4D_FAILED, "the file %s", OTHERS[i].what);
        }
    }
    return S4D_OK;
}

static s4d_status no_text(s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "the list is not plain text; save it as UTF-8");
}

/* ---- UTF-16 ---- */

typedef enum units { UNITS_NONE, UNITS_LITTLE, UNITS_BIG } units;

/* By its mark, or by zeros that stand at the odd or at the even places most often. */
static units find_units(const s4d_bytes *t)
{
    static const unsigned char little[] = {0xFF, 0xFE}, big[] = {0xFE, 0xFF};
    size_t zeros[2] = {0}, n = t->size < LOOK ? t->size : LOOK;
    if (t->size % 2 == 1 || t->size == 0) {
        return UNITS_NONE;
    }
    if (memcmp(t->data, little, 2) == 0 || memcmp(t->data, big, 2) == 0) {
        return t->data[0] == little[0] ? UNITS_LITTLE : UNITS_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        zeros[i % 2] += t->data[i] == 0;
    }
    bool half = 4 * (zeros[0] + zeros[1]) >= n && (t->data[0] == 0) != (t->data[1] == 0);
    return half && zeros[1] > 2 * zeros[0] ? UNITS_LITTLE : half && zeros[0] > 2 * zeros[1] ? UNITS_BIG : UNITS_NONE;
}

static unsigned unit_at(const s4d_bytes *t, size_t i, units u)
{
    const unsigned char *p = t->data + i;
    return u == UNITS_LITTLE ? p[0] | (unsigned)p[1] << 8 : p[1] | (unsigned)p[0] << 8;
}

static size_t put_utf8(unsigned char *out, unsigned long c)
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; c >>= 6) {
        out[i] = (unsigned char)(0x80 | (c & 0x3F));
    }
    out[0] = (unsigned char)(lead[n] | c);
    return n;
}

/* *size: bytes of UTF-8; out NULL: only counted. False: it is no UTF-16. */
static bool convert(const s4d_bytes *t, units u, unsigned char *out, size_t *size)
{
    unsigned char one[4];
    size_t n = 0;
    for (size_t i = 0; i + 1 < t->size; i += 2) {
        unsigned long c = unit_at(t, i, u);
        if (c >= 0xD800 && c < 0xE000) { /* half of a pair */
            unsigned long low = i + 3 < t->size && c < 0xDC00 ? unit_at(t, i + 2, u) : 0;
            if (low < 0xDC00 || low >= 0xE000) {
                return false;
            }
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        }
        if (c == 0) {
            return false;
        }
        n += put_utf8(out ? out + n : one, c);
    }
    *size = n;
    return true;
}

static s4d_status from_utf16(s4d_bytes *text, units u, s4d_err *err)
{
    s4d_bytes out = {0};
    if (!convert(text, u, NULL, &out.size)) {
        return no_text(err);
    }
    out.data = s4d_mem_alloc(out.size + 1, 1);
    if (!out.data) {
        return s4d_err_memory(err, out.size, "a list");
    }
    convert(text, u, out.data, &out.size);
    s4d_bytes_release(text);
    *text = out;
    return S4D_OK;
}

/* ---- the whole ---- */

s4d_status s4d_list_take(s4d_bytes *text, s4d_list *out, s4d_err *err)
{
    static const char mark[] = "\xEF\xBB\xBF";
    enum { DOS_END = 0x1A };
    *out = (s4d_list){.text = *text, .line = 1};
    *text = (s4d_bytes){0};
    units u = find_units(&out->text);
    s4d_status status = check_kind(&out->text, err);
    if (status == S4D_OK && u != UNITS_NONE) {
        status = from_utf16(&out->text, u, err);
    }
    if (status == S4D_OK && memchr(out->text.data, '\0', out->text.size)) {
        status = no_text(err);
    }
    if (status != S4D_OK) {
        s4d_list_release(out);
        return status;
    }
    if (out->text.size > 0 && out->text.data[out->text.size - 1] == DOS_END) {
        out->text.data[--out->text.size] = '\0';
    }
    out->at = (char *)out->text.data;
    out->at += strncmp(out->at, mark, strlen(mark)) == 0 ? strlen(mark) : 0;
    return S4D_OK;
}

s4d_status s4d_list_open(const char *path, s4d_list *out, s4d_err *err)
{
    s4d_bytes text = {0};
    *out = (s4d_list){0};
    s4d_status status = s4d_file_read(path, LIST_SIZE_MAX, &text, err);
    if (status == S4D_OK) {
        status = s4d_list_take(&text, out, err);
        if (status != S4D_OK) {
            s4d_err_prefix(err, "%s", path);
        }
    }
    return status;
}
