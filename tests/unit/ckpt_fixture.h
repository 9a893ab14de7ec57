/* Pickles put together opcode by opcode, and PyTorch's two kinds of file around them. */
#ifndef S4D_TESTS_CKPT_FIXTURE_H
#define S4D_TESTS_CKPT_FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/str.h"

/* ---- pickles ---- */

static inline void put_byte(s4d_str *s, int byte)
{
    unsigned char b = (unsigned char)byte;
    s4d_str_add_bytes(s, &b, 1);
}

static inline void put_number(s4d_str *s, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        put_byte(s, i < 8 ? (int)(value >> 8 * i & 0xFF) : 0);
    }
}

static inline void pickle_begin(s4d_str *s)
{
    s4d_str_add_bytes(s, "\x80\2", 2);
}

static inline void pickle_text(s4d_str *s, const char *text)
{
    put_byte(s, 'X');
    put_number(s, strlen(text), 4);
    s4d_str_add(s, text);
}

static inline void pickle_int(s4d_str *s, int32_t value)
{
    put_byte(s, 'J');
    put_number(s, (uint32_t)value, 4);
}

static inline void pickle_global(s4d_str *s, const char *module, const char *name)
{
    s4d_str_printf(s, "c%s\n%s\n", module, name);
}

static inline void pickle_tuple(s4d_str *s, const int *value, int n)
{
    put_byte(s, '(');
    for (int i = 0; i < n; i++) {
        pickle_int(s, value[i]);
    }
    put_byte(s, 't');
}

typedef struct pickle_tensor_spec {
    const char *type, *key; /* "FloatStorage", "0" */
    int elements, offset, rank;
    int dim[8], stride[8];
    int legacy; /* six elements in its persistent id */
} pickle_tensor_spec;

/* One tensor on the stack. */
static inline void pickle_tensor(s4d_str *s, const pickle_tensor_spec *t)
{
    pickle_global(s, "torch._utils", "_rebuild_tensor_v2");
    s4d_str_add(s, "((");
    pickle_text(s, "storage");
    pickle_global(s, "torch", t->type);
    pickle_text(s, t->key);
    pickle_text(s, "cpu");
    pickle_int(s, t->elements);
    if (t->legacy) {
        put_byte(s, 'N');
    }
    s4d_str_add(s, "tQ");
    pickle_int(s, t->offset);
    pickle_tuple(s, t->dim, t->rank);
    pickle_tuple(s, t->stride, t->rank);
    put_byte(s, 0x89);
    pickle_global(s, "collections", "OrderedDict");
    s4d_str_add(s, ")RtR");
}

/* ---- zip ---- */

static inline uint32_t crc32_of(const void *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= ((const unsigned char *)data)[i];
        for (int k = 0; k < 8; k++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        }
    }
    return ~crc;
}

typedef struct zip_member {
    const char *name;
    const void *data;
    size_t size;
    int method;     /* 0: stored */
    size_t claimed; /* uncompressed size it claims; 0: its own */
    int spoil_checksum;
} zip_member;

/* As PyTorch writes it: sizes and checksum behind the data as well as in the central directory;
 * zip64: with the records for large archives. */
static inline void zip_write(s4d_str *out, const zip_member *member, int n, int zip64)
{
    s4d_str central = {0};
    for (int i = 0; i < n; i++) {
        const zip_member *m = &member[i];
        uint32_t crc = crc32_of(m->data, m->size) ^ (m->spoil_checksum ? 1 : 0);
        size_t at = out->size, length = strlen(m->name), full = m->claimed ? m->claimed : m->size;
        s4d_str_add_bytes(out, "PK\3\4", 4);
        put_number(out, 0x08080014, 4); /* version 20, sizes behind the data, UTF-8 */
        put_number(out, (uint64_t)m->method, 2);
        put_number(out, 0, 4 + 4 + 4 + 4);
        put_number(out, length, 2);
        put_number(out, 4, 2);
        s4d_str_add(out, m->name);
        s4d_str_add_bytes(out, "FB\0\0", 4); /* padding, as there */
        s4d_str_add_bytes(out, m->data, m->size);
        s4d_str_add_bytes(out, "PK\7\10", 4);
        put_number(out, crc, 4);
        put_number(out, m->size, 4);
        put_number(out, full, 4);
        s4d_str_add_bytes(&central, "PK\1\2", 4);
        put_number(&central, 0x00140014, 4);
        put_number(&central, 0x0808, 2);
        put_number(&central, (uint64_t)m->method, 2);
        put_number(&central, 0, 4);
        put_number(&central, crc, 4);
        put_number(&central, zip64 ? UINT32_MAX : m->size, 4);
        put_number(&central, zip64 ? UINT32_MAX : full, 4);
        put_number(&central, length, 2);
        put_number(&central, zip64 ? 28 : 0, 2);
        put_number(&central, 0, 2 + 2 + 2 + 4);
        put_number(&central, zip64 ? UINT32_MAX : at, 4);
        s4d_str_add(&central, m->name);
        if (zip64) {
            put_number(&central, 0x00180001, 4); /* field 1, 24 bytes */
            put_number(&central, full, 8);
            put_number(&central, m->size, 8);
            put_number(&central, at, 8);
        }
    }
    size_t start = out->size;
    s4d_str_add_bytes(out, central.text, central.size);
    if (zip64) {
        size_t record = out->size;
        s4d_str_add_bytes(out, "PK\6\6", 4);
        put_number(out, 44, 8);
        put_number(out, 0x002D002D, 4);
        put_number(out, 0, 8);
        put_number(out, (uint64_t)n, 8);
        put_number(out, (uint64_t)n, 8);
        put_number(out, central.size, 8);
        put_number(out, start, 8);
        s4d_str_add_bytes(out, "PK\6\7", 4);
        put_number(out, 0, 4);
        put_number(out, record, 8);
        put_number(out, 1, 4);
    }
    s4d_str_add_bytes(out, "PK\5\6", 4);
    put_number(out, 0, 4);
    put_number(out, zip64 ? UINT16_MAX : (uint64_t)n, 2);
    put_number(out, zip64 ? UINT16_MAX : (uint64_t)n, 2);
    put_number(out, zip64 ? UINT32_MAX : central.size, 4);
    put_number(out, zip64 ? UINT32_MAX : start, 4);
    put_number(out, 0, 2);
    s4d_str_release(&central);
}

/* ---- the older form ---- */

/* The three pickles before the object. */
static inline void legacy_begin(s4d_str *s)
{
    s4d_str_add_bytes(s,
                      "\x80\2\x8A\nl\xFC\x9C"
                      "F\xF9 j\xA8P\x19.",
                      15);
    s4d_str_add_bytes(s, "\x80\2M\xE9\3.", 6);
    s4d_str_add_bytes(s, "\x80\2}", 3);
    pickle_text(s, "little_endian");
    s4d_str_add_bytes(s, "\x88s.", 3);
}

static inline void legacy_keys(s4d_str *s, const char *const *key, int n)
{
    pickle_begin(s);
    s4d_str_add(s, "](");
    for (int i = 0; i < n; i++) {
        pickle_text(s, key[i]);
    }
    s4d_str_add(s, "e.");
}

static inline void legacy_storage(s4d_str *s, const void *data, int64_t elements, size_t bytes)
{
    s4d_str_add_bytes(s, &elements, sizeof elements);
    s4d_str_add_bytes(s, data, bytes);
}

#endif
