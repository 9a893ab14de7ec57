/* Lengths written at the beginning of files, for formats whose readers take a missing end for the
 * end. */
#include "data/container.h"

#include <string.h>

static uint64_t little_endian_32(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
}

/* A Matroska length (RFC 8794 section 4): the zeros before its first one-bit count the bytes that
 * follow. All ones mean "not known". Returns the bytes taken, 0 where there is no whole length. */
static size_t matroska_length(const uint8_t *at, size_t n, uint64_t *value, bool *known)
{
    if (n == 0 || at[0] == 0) {
        return 0;
    }
    size_t bytes = 1;
    while (!(at[0] & 0x80 >> (bytes - 1))) {
        bytes++;
    }
    if (bytes > n) {
        return 0;
    }
    *value = at[0] & (0xFFu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        *value = *value << 8 | at[i];
    }
    *known = *value != (UINT64_C(1) << 7 * bytes) - 1;
    return bytes;
}

/* A header element, then the segment that holds everything else. */
static bool matroska_is_cut(const uint8_t *head, size_t n, uint64_t size)
{
    static const uint8_t segment[4] = {0x18, 0x53, 0x80, 0x67};
    uint64_t length;
    bool known;
    size_t bytes = matroska_length(head + 4, n - 4, &length, &known);
    size_t at = 4 + bytes;
    if (bytes == 0 || !known || length > n || n - at < length + sizeof segment) {
        return false;
    }
    at += (size_t)length;
    if (memcmp(head + at, segment, sizeof segment) != 0) {
        return false;
    }
    at += sizeof segment;
    bytes = matroska_length(head + at, n - at, &length, &known);
    return bytes > 0 && known && length > size - at - bytes;
}

bool s4d_container_is_cut(const uint8_t *head, size_t n, uint64_t size)
{
    static const uint8_t matroska[4] = {0x1A, 0x45, 0xDF, 0xA3};
    if (n < 12 || size < n) {
        return false;
    }
    if (memcmp(head, "RIFF", 4) == 0) {
        return little_endian_32(head + 4) > size - 8;
    }
    return memcmp(head, matroska, sizeof matroska) == 0 && matroska_is_cut(head, n, size);
}
