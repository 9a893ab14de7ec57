/* Paths that are not there: every way in which lists spell what is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/file.h"
#include "s4d/data/hint.h"

#define E_ACUTE "\xC3\xA9"
#define E_AND_ACUTE "e\xCC\x81"
#define GAO "\xE9\xAB\x98"
#define ZHANG "\xE5\xBC\xA0"

static char folder[64], root[80];

static void put(const char *name)
{
    char path[S4D_PATH_MAX], parent[S4D_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    s4d_path_dir(parent, path);
    assert_int_equal(s4d_dir_make(parent, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(path, "x", 1, NULL), S4D_OK);
}

static int make(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/s4d-hint-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(root, sizeof root, "%s/set", folder);
    static const char *const names[] = {"img/a.png",         "img/with space.png", "img/" E_AND_ACUTE ".png", "img/" GAO "/1.png",
                                        "clips/00007.mp4",   "clips/x.mp4",        "img/\xD5\xC5.png",        "sub/inside.png",
                                        "../beside/out.png", "img/na" E_ACUTE ".png"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put(names[i]);
    }
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    return s4d_dir_remove(folder, NULL) == S4D_OK ? 0 : -1;
}

static void every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *path, *hint;
        bool found;
    } c[] = {
        {"img\\a.png", "with slashes it is there: img/a.png", true},
        {"img\\\\a.png", "with slashes it is there: img//a.png", true},
        {"C:\\Users\\me\\img\\a.png", "with slashes and without \"C:/Users/me/\" in front it is there: img/a.png", true},
        {"\\\\server\\share\\img\\a.png", "with slashes and without \"//server/share/\" in front it is there: img/a.png", true},
        {"/home/me/set/img/a.png", "without \"/home/me/set/\" in front it is there: img/a.png", true},
        {"set/img/a.png", "without \"set/\" in front it is there: img/a.png", true},
        {"~/img/a.png", "without \"~/\" in front it is there: img/a.png", true},
        {"file:///home/me/img/a.png", "without \"file://\" and without \"/home/me/\" in front it is there: img/a.png", true},
        {"FILE://localhost/img/a.png", "without \"file://\" and without \"/\" in front it is there: img/a.png", true},
        {"https://host.org/img/a.png", "without \"https://host.org/\" in front it is there: img/a.png", true},
        {"s3://bucket/v1/img/a.png",
         "without \"s3://bucket/\" in front and without \"v1/\" in front it is there: img/a.png", true},
        {"https://host.org/img/none.png",
         "it is an address on the network: download the files, and list them below the root", false},
        {"https://host.org", "it is an address on the network: download the files, and list them below the root", false},
        {"img/with%20space.png", "with characters for codes such as %20 it is there: img/with space.png", true},
        {"'img/a.png'", "without its quotes it is there: img/a.png", true},
        {"\xE2\x80\x9Cimg/a.png\xE2\x80\x9D", "without its quotes it is there: img/a.png", true},
        {"img/a\xE2\x80\x8B.png", "without characters that are not seen it is there: img/a.png", true},
        {"img/with\xC2\xA0space.png", "without characters that are not seen it is there: img/with space.png", true},
        {" img/a.png ", "without characters that are not seen it is there: img/a.png", true},
        {"img/" E_ACUTE ".png", "in the other Unicode form it is there: img/" E_AND_ACUTE ".png", true},
        {"img/na" E_AND_ACUTE ".png", "in the other Unicode form it is there: img/na" E_ACUTE ".png", true},
        {"IMG/A.png", "in other capitals it is there: img/a.png", true},
        {"/data/IMG/a.png", "in other capitals and without \"/data/\" in front it is there: img/a.png", true},
        {"img/a.jpg", "with another ending it is there: img/a.png", true},
        {"clips/x", "with another ending it is there: clips/x.mp4", true},
        {"clips/7.mp4", "with other zeros in front of the number it is there: clips/00007.mp4", true},
        {"clips/000007", "with other zeros in front of the number it is there: clips/00007.mp4", true},
        {"inside.png", "it is there below ROOT/sub", true},
        {"beside/out.png", "it is there below UP", true},
        {"none.png", "", false},
        {"img/b.png", "", false},
        {"", "", false},
        {"/", "", false},
        {"img", "", false},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char got[S4D_HINT_MAX], want[S4D_HINT_MAX];
        snprintf(want, sizeof want, "%s", c[i].hint);
        if (strstr(c[i].hint, "below ROOT")) {
            snprintf(want, sizeof want, "it is there below %s/sub", root);
        } else if (strstr(c[i].hint, "below UP")) {
            char *real = realpath(folder, NULL);
            snprintf(want, sizeof want, "it is there below %s", real);
            free(real);
        }
        bool found = s4d_path_hint(NULL, root, c[i].path, got);
        assert_string_equal(got, want);
        assert_int_equal(found, c[i].found);
    }
}

/* Lists and names in other encodings; systems without their tables tell less. */
static void encodings(void **state)
{
    (void)state;
    char got[S4D_HINT_MAX];
    assert_false(s4d_path_hint(NULL, root, "img/\xFF\xFF", got));
    assert_string_equal(got, "the list is not UTF-8; save it as UTF-8");
    if (!s4d_path_hint(NULL, root, "img/\xB8\xDF/1.png", got)) {
        print_message("skipped: iconv knows no GB18030 here\n");
        skip();
    }
    assert_string_equal(got, "read as GBK, as the list is not UTF-8, it is there: img/" GAO "/1.png");
    assert_true(s4d_path_hint(NULL, root, "img/na\xE9.png", got));
    assert_string_equal(got, "read as Latin-1, as the list is not UTF-8, it is there: img/na" E_ACUTE ".png");
    assert_true(s4d_path_hint(NULL, root, "img/" ZHANG ".png", got));
    assert_string_equal(got, "with its name on disk in GBK it is there: img/" ZHANG ".png");
}

/* Long paths end well. */
static void long_paths(void **state)
{
    (void)state;
    static char path[4 * S4D_PATH_MAX];
    char got[S4D_HINT_MAX];
    static const char marks[] = "/\\%'\"~: \xC3";
    for (size_t i = 0; i + 1 < sizeof marks; i++) {
        for (size_t k = 0; k + 1 < sizeof path; k++) {
            path[k] = k % 2 ? marks[i] : 'a';
        }
        s4d_path_hint(NULL, root, path, got);
        assert_in_range(strlen(got), 0, S4D_HINT_MAX - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling),
        cmocka_unit_test(encodings),
        cmocka_unit_test(long_paths),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
