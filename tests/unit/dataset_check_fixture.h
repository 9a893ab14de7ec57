/* A folder of small pictures, clips and manifests for the tests of the check. */
#ifndef DATASET_CHECK_FIXTURE_H
#define DATASET_CHECK_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/data/clip.h"
#include "s4d/data/image.h"
#include "s4d/dataset/check.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/s4d-check-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return s4d_dir_remove(folder, NULL) == S4D_OK ? 0 : -1;
}

static const char *in_folder(const char *name)
{
    static char path[4][S4D_PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* A picture whose content depends on `seed` alone. */
static s4d_image drawn(int height, int width, int seed)
{
    s4d_image image = {0};
    assert_int_equal(s4d_image_size(&image, height, width, NULL), S4D_OK);
    for (int i = 0; i < height * width * 3; i++) {
        image.rgb[i] = (uint8_t)(i * (seed + 3) + seed * 31);
    }
    return image;
}

__attribute__((unused)) static void put_png(const char *name, int height, int width, int seed)
{
    char dir[S4D_PATH_MAX];
    s4d_image image = drawn(height, width, seed);
    s4d_path_dir(dir, in_folder(name));
    assert_int_equal(s4d_dir_make(dir, NULL), S4D_OK);
    assert_int_equal(s4d_image_write_png(in_folder(name), &image, NULL), S4D_OK);
    s4d_image_release(&image);
}

__attribute__((unused)) static void put_text(const char *name, const char *text)
{
    assert_int_equal(s4d_file_write(in_folder(name), text, strlen(text), NULL), S4D_OK);
}

/* A file's first bytes under another name. */
__attribute__((unused)) static void put_part(const char *from, const char *to, size_t cut_off)
{
    s4d_bytes bytes;
    assert_int_equal(s4d_file_read(in_folder(from), 0, &bytes, NULL), S4D_OK);
    assert_true(bytes.size > cut_off);
    assert_int_equal(s4d_file_write(in_folder(to), bytes.data, bytes.size - cut_off, NULL), S4D_OK);
    s4d_bytes_release(&bytes);
}

#endif
