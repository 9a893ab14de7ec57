/* What a file may cost: real ones stay far below, made ones pass it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/effort.h"

static s4d_status frames(double n, int height, int width, double bytes, s4d_err *err)
{
    s4d_effort e;
    s4d_effort_begin(&e, (uint64_t)bytes);
    return s4d_effort_add_pictures(&e, n, height, width, err);
}

static void test_real_videos(void **state)
{
    (void)state;
    enum { HOUR = 3600 };
    static const struct {
        double seconds, rate;
        int height, width;
        double bits; /* a second, sound included */
    } real[] = {
        {2 * HOUR, 60, 2160, 3840, 15e6},  /* a film in 4K */
        {2 * HOUR, 60, 2160, 3840, 600e3}, /* the same, starved: 30 times fewer bits */
        {8 * HOUR, 30, 1080, 1920, 150e3}, /* a slide with a voice */
        {24 * HOUR, 25, 288, 352, 64e3},   /* a camera at night */
        {4, 30, 224, 224, 200e3},          /* a clip of DFEW */
        {60, 60, 4320, 7680, 40e6},        /* 8K */
    };
    for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
        double bytes = real[i].seconds * real[i].bits / 8;
        assert_int_equal(frames(real[i].seconds * real[i].rate, real[i].height, real[i].width, bytes, NULL), S4D_OK);
    }
    assert_int_equal(frames(500, 2160, 3840, 1000, NULL), S4D_OK); /* short ones may be as empty as they like */
}

static void test_made_videos(void **state)
{
    (void)state;
    s4d_err err = {0};
    assert_int_equal(frames(60000, 4096, 4096, 1 << 20, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "out of all proportion to its 1048576 bytes"));
    assert_int_equal(frames(4000, 16000, 16000, 1 << 20, &err), S4D_FAILED);
}

static void test_packets(void **state)
{
    (void)state;
    s4d_effort e;
    s4d_effort_begin(&e, 1 << 20);
    for (int i = 0; i < 1 << 20; i++) { /* a packet for each byte of the file */
        assert_int_equal(s4d_effort_add_packet(&e, 1, NULL), S4D_OK);
    }
    s4d_status status = S4D_OK;
    for (int i = 0; i < 1 << 20 && status == S4D_OK; i++) {
        status = s4d_effort_add_packet(&e, 1, NULL);
    }
    assert_int_equal(status, S4D_FAILED);
    s4d_effort_begin(&e, 1000);
    assert_int_equal(s4d_effort_add_packet(&e, 60 << 20, NULL), S4D_OK);
    assert_int_equal(s4d_effort_add_packet(&e, 60 << 20, NULL), S4D_FAILED);
}

static void test_scans(void **state)
{
    (void)state;
    assert_int_equal(s4d_effort_check_scans(4 << 20, 12, 4000, 6000, NULL), S4D_OK);       /* a camera's, saved progressive */
    assert_int_equal(s4d_effort_check_scans(100000, 64, 1080, 1920, NULL), S4D_OK);        /* as many scans as there are bands */
    assert_int_equal(s4d_effort_check_scans(30 << 20, 10, 16384, 16384, NULL), S4D_OK);    /* a panorama */
    assert_int_equal(s4d_effort_check_scans(1224628, 480, 16384, 16384, NULL), S4D_FAILED);
    assert_int_equal(s4d_effort_check_scans(190746, 481, 8192, 8192, NULL), S4D_FAILED);
    assert_int_equal(s4d_effort_check_scans(100, UINT64_MAX, 16384, 16384, NULL), S4D_FAILED);
}

static void work(void)
{
    volatile double x = 1;
    for (int i = 0; i < 5000000; i++) {
        x = x * 1.0000001;
    }
}

/* Time is told apart by what it was spent on, and not counted between two reads, nor in a file's first second. */
static void test_time(void **state)
{
    (void)state;
    s4d_effort e;
    s4d_err err = {0};
    s4d_effort_begin(&e, 5 << 20);
    work();
    assert_true(s4d_effort_turn(&e, S4D_EFFORT_READING));
    work();
    assert_true(s4d_effort_turn(&e, S4D_EFFORT_DECODING));
    assert_true(e.passed > 0 && e.spent[S4D_EFFORT_READING] == 0);
    e.passed = 1001;
    assert_true(s4d_effort_turn(&e, S4D_EFFORT_READING));
    work();
    assert_true(s4d_effort_turn(&e, S4D_EFFORT_IDLE));
    assert_true(e.spent[S4D_EFFORT_READING] > 0 && e.spent[S4D_EFFORT_DECODING] == 0 && e.spent[S4D_EFFORT_IDLE] == 0);
    double passed = e.passed;
    work();
    assert_true(s4d_effort_turn(&e, S4D_EFFORT_IDLE));
    assert_true(e.passed == passed && e.spent[S4D_EFFORT_IDLE] == 0);
    e.spent[S4D_EFFORT_READING] = 29e3; /* six megabytes are begun: 5 s each */
    assert_true(s4d_effort_turn(&e, S4D_EFFORT_IDLE));
    e.spent[S4D_EFFORT_READING] = 31e3;
    assert_false(s4d_effort_turn(&e, S4D_EFFORT_IDLE));
    assert_int_equal(s4d_effort_too_slow(&e, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "reading its 5242880 bytes has taken 31 s and is given up"));
    e.spent[S4D_EFFORT_READING] = 0;
    e.spent[S4D_EFFORT_DECODING] = 361e3; /* and 60 s */
    assert_false(s4d_effort_turn(&e, S4D_EFFORT_IDLE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_videos), cmocka_unit_test(test_made_videos), cmocka_unit_test(test_packets),
        cmocka_unit_test(test_scans),       cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
