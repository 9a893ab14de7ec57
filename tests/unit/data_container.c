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

static void test_bmp_and_riff(void **state)
{
    (void)state;
    const uint8_t bmp[12] = {'B', 'M', 0xEE, 0x74, 0, 0},
                  riff[12] = {'R', 'I', 'F', 'F', 0, 1, 0, 0};
    assert_false(s4d_container_is_cut(bmp, 12, 0x74EE));
    assert_true(s4d_container_is_cut(bmp, 12, 0x74ED));
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

static bool cut_boxes(const char *bytes, size_t n)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fflush(file), 0);
    bool cut = s4d_boxes_are_cut(fileno(file), n);
    fclose(file);
    return cut;
}

static void test_boxes(void **state)
{
    (void)state;
    static const char file[] = "\0\0\0\x10"
                               "ftypisomxxxx"
                               "\0\0\0\x01moof\0\0\0\0\0\0\0\x14yyyy"
                               "\0\0\0\x12mdat0123456789";
    size_t whole = sizeof file - 1;
    assert_int_equal(whole, 16 + 20 + 18);
    for (size_t n = 0; n <= whole; n++) {
        /* A piece of fewer than 16 bytes is not looked at: it may be a short box. */
        bool told = (n >= 16 + 16 && n < 16 + 20) || (n >= 36 + 16 && n < whole);
        assert_int_equal(cut_boxes(file, n), told);
    }
    assert_false(cut_boxes("\0\0\0\x10"
                           "ftypisomxxxx\0\0\0\0mdat00000000",
                           32)); /* up to the end */
    assert_false(cut_boxes("\xFF\xFF\xFF\xFFnonsense of 16 bytes", 24));
}

/* Any bytes and any length: no answer matters, only that nothing outside the head is read. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char *const mark[] = {"BM", "RIFF", "\x1A\x45\xDF\xA3"};
    for (int k = 0; k < 3; k++) {
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
        cmocka_unit_test(test_bmp_and_riff),
        cmocka_unit_test(test_matroska),
        cmocka_unit_test(test_a_length_of_eight_bytes),
        cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
