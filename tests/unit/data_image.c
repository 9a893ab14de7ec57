/* Pictures: what the golden files do not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "s4d/base/file.h"
#include "s4d/data/image.h"

static char folder[] = "/tmp/s4d-image-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[S4D_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static s4d_image gradient(int height, int width)
{
    s4d_image image = {0};
    assert_int_equal(s4d_image_size(&image, height, width, NULL), S4D_OK);
    for (int i = 0; i < height * width * 3; ++i) image.rgb[i] = (uint8_t)(i * 7 + i / 50);
    return image;
}

static void refused(const void *bytes, size_t size, const char *words)
{
    s4d_image image = {0};
    s4d_err err = {0};
    const char *path = in_folder("broken");
    assert_int_equal(s4d_file_write(path, bytes, size, &err), S4D_OK);
    assert_int_equal(s4d_image_read(path, &image, &err), S4D_FAILED);
    if (!strstr(err.text, path) || !strstr(err.text, words)) fail_msg("expected \"%s\": %s", words, err.text);
    s4d_image_release(&image);
}

static void test_png_comes_back_the_same(void **state)
{
    (void)state;
    s4d_image image = gradient(31, 17), again = {0};
    s4d_err err = {0};
    assert_int_equal(s4d_image_write_png(in_folder("a.png"), &image, &err), S4D_OK);
    assert_int_equal(s4d_image_read(in_folder("a.png"), &again, &err), S4D_OK);
    assert_true(again.height == 31 && again.width == 17);
    assert_memory_equal(image.rgb, again.rgb, 31 * 17 * 3);
    s4d_image_release(&image);
    s4d_image_release(&again);
}

static void test_every_cut_is_noticed(void **state)
{
    (void)state;
    s4d_image image = gradient(24, 24);
    s4d_err err = {0};
    s4d_bytes whole = {0};
    assert_int_equal(s4d_image_write_png(in_folder("a.png"), &image, &err), S4D_OK);
    assert_int_equal(s4d_file_read(in_folder("a.png"), 0, &whole, &err), S4D_OK);
    for (size_t size = 0; size + 13 < whole.size; size += 1 + size / 16) refused(whole.data, size, "");
    s4d_bytes_release(&whole);
    assert_int_equal(s4d_image_write_jpeg(in_folder("a.jpg"), &image, 90, &err), S4D_OK);
    assert_int_equal(s4d_file_read(in_folder("a.jpg"), 0, &whole, &err), S4D_OK);
    for (size_t size = 0; size + 3 < whole.size; size += 1 + size / 16) refused(whole.data, size, "");
    s4d_bytes_release(&whole);
    s4d_image_release(&image);
}

static void test_flipped_bytes_never_crash(void **state)
{
    (void)state;
    s4d_image image = gradient(16, 16), out = {0};
    s4d_err err = {0};
    static const char *const name[] = {"a.png", "a.jpg"};
    assert_int_equal(s4d_image_write_png(in_folder("a.png"), &image, &err), S4D_OK);
    assert_int_equal(s4d_image_write_jpeg(in_folder("a.jpg"), &image, 90, &err), S4D_OK);
    for (int f = 0; f < 2; ++f) {
        s4d_bytes whole = {0};
        assert_int_equal(s4d_file_read(in_folder(name[f]), 0, &whole, &err), S4D_OK);
        for (size_t i = 0; i < whole.size; i += 3) {
            whole.data[i] ^= 0x5a;
            assert_int_equal(s4d_file_write(in_folder("b"), whole.data, whole.size, &err), S4D_OK);
            s4d_status status = s4d_image_read(in_folder("b"), &out, &err);
            assert_true(status == S4D_OK || status == S4D_FAILED);
            whole.data[i] ^= 0x5a;
        }
        s4d_bytes_release(&whole);
    }
    s4d_image_release(&out);
    s4d_image_release(&image);
}

static void test_sizes_are_limited(void **state)
{
    (void)state;
    s4d_image image = {0};
    s4d_err err = {0};
    assert_int_equal(s4d_image_size(&image, S4D_IMAGE_SIDE_MAX + 1, 1, &err), S4D_FAILED);
    assert_int_equal(s4d_image_size(&image, 1, 0, &err), S4D_FAILED);
    assert_int_equal(s4d_image_size(&image, -5, 5, &err), S4D_FAILED);
    assert_null(image.rgb);
    /* A PNG header that claims 2^31-1 x 2^31-1. */
    static const unsigned char huge[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0x7f, 0xff,
                                         0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 8, 2, 0, 0, 0, 0xe0, 0x5c, 0xf5, 0x34};
    refused(huge, sizeof huge, "");
}

static void test_what_is_no_picture_is_named(void **state)
{
    (void)state;
    refused("", 0, "");
    refused("hello, this is no picture at all", 32, "");
    s4d_image image = {0};
    s4d_err err = {0};
    assert_int_equal(s4d_image_read(folder, &image, &err), S4D_FAILED);
    assert_int_equal(s4d_image_read(in_folder("nowhere.png"), &image, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "nowhere.png"));
}

static void test_resize_of_a_box_is_cut_first(void **state)
{
    (void)state;
    s4d_image image = gradient(20, 30), cut = {0}, boxed = {0}, whole = {0};
    s4d_err err = {0};
    const int box[4] = {3, 5, 12, 14};
    assert_int_equal(s4d_image_resize(&image, box, S4D_BICUBIC, 9, 9, &boxed, &err), S4D_OK);
    assert_int_equal(s4d_image_size(&cut, 12, 14, &err), S4D_OK);
    for (int y = 0; y < 12; ++y) memcpy(cut.rgb + y * 14 * 3, image.rgb + ((y + 3) * 30 + 5) * 3, 14 * 3);
    assert_int_equal(s4d_image_resize(&cut, NULL, S4D_BICUBIC, 9, 9, &whole, &err), S4D_OK);
    assert_memory_equal(boxed.rgb, whole.rgb, 9 * 9 * 3);
    assert_int_equal(s4d_image_resize(&cut, NULL, S4D_BILINEAR, 12, 14, &whole, &err), S4D_OK);
    assert_memory_equal(cut.rgb, whole.rgb, 12 * 14 * 3); /* the same size: the same bytes */
    s4d_image_release(&image);
    s4d_image_release(&cut);
    s4d_image_release(&boxed);
    s4d_image_release(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_comes_back_the_same),     cmocka_unit_test(test_every_cut_is_noticed),
        cmocka_unit_test(test_flipped_bytes_never_crash),   cmocka_unit_test(test_sizes_are_limited),
        cmocka_unit_test(test_what_is_no_picture_is_named), cmocka_unit_test(test_resize_of_a_box_is_cut_first),
    };
    if (!mkdtemp(folder)) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return s4d_dir_remove(folder, NULL) == S4D_OK ? failed : 1;
}
