/* Lengths that file headers promise, against the file's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/container.h"

static void test_riff(void **state)
{
    (void)state;
    const uint8_t riff[12] = {'R', 'I', 'F', 'F', 0, 1, 0, 0};
    assert_false(s4d_container_is_cut(riff, 12, 0x108));
    assert_true(s4d_container_is_cut(riff, 12, 0x107));
}

static void test_matroska(void **state)
{
    (void)state;
    /* A header element of 3 bytes, then a segment of 0x0100 bytes that begins at byte 14. */
    uint8_t head[16] = {0x1A, 0x45, 0xDF, 0xA3, 0x83, 1, 2, 3, 0x18, 0x53, 0x80, 0x67, 0x41, 0x00};
    assert_false(s4d_container_is_cut(head, sizeof head, 14 + 0x100));
    assert_true(s4d_container_is_cut(head, sizeof head, 14 + 0xFF));
    memcpy(head + 12, "\x7F\xFF", 2); /* a length that is not known */
    assert_false(s4d_container_is_cut(head, sizeof head, 16));
    memcpy(head + 12, "\x01\xFF", 2); /* a length of eight bytes, six of them beyond the head */
    assert_false(s4d_container_is_cut(head, sizeof head, 16));
}

static void test_a_length_of_eight_bytes(void **state)
{
    (void)state;
    uint8_t head[24] = {0x1A, 0x45, 0xDF, 0xA3, 0x80, 0x18, 0x53, 0x80, 0x67,
                        1,    0,    0,    0,    0,    0,    0x10, 0};
    assert_false(s4d_container_is_cut(head, sizeof head, 17 + 0x1000));
    assert_true(s4d_container_is_cut(head, sizeof head, 17 + 0xFFF));
    memset(head + 10, 0xFF, 7);
    assert_false(s4d_container_is_cut(head, sizeof head, 24)); /* not known */
}

/* Any bytes and any length: no answer matters, only that nothing outside the head is read. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char *const mark[] = {"RIFF", "\x1A\x45\xDF\xA3"};
    for (int k = 0; k < 2; k++) {
        for (size_t n = 0; n <= 32; n++) {
            for (int byte = 0; byte < 256; byte++) {
                uint8_t *head = malloc(n + 1);
                assert_non_null(head);
                memset(head, byte, n);
                memcpy(head, mark[k], n < strlen(mark[k]) ? n : strlen(mark[k]));
                s4d_container_is_cut(head, n, n);
                free(head);
            }
        }
    }
    assert_false(s4d_container_is_cut((const uint8_t *)"RIFF", 4, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_riff),
        cmocka_unit_test(test_matroska),
        cmocka_unit_test(test_a_length_of_eight_bytes),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
