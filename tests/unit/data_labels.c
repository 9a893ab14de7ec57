/* Class names: every known set's orders, one spelling of a name, finding by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/data/manifest.h"

static void assert_table(const char *table, int count, const char *joined)
{
    const char *const *name = NULL;
    char text[256] = "", canonical[S4D_CLASS_NAME_MAX];
    assert_int_equal(s4d_labels_table(table, &name), count);
    for (int i = 0; i < count; i++) {
        strcat(text, i ? "," : "");
        strcat(text, name[i]);
        s4d_labels_canonical(name[i], canonical);
        assert_string_equal(canonical, name[i]);
    }
    assert_string_equal(text, joined);
}

static void test_tables(void **state)
{
    (void)state;
    assert_table("dfew", 7, "happiness,sadness,neutral,anger,surprise,disgust,fear");
    assert_table("ferv39k", 7, "anger,disgust,fear,happiness,neutral,sadness,surprise");
    assert_table("ferv39k_maedfer", 7, "happiness,sadness,neutral,anger,surprise,disgust,fear");
    assert_table("mafw", 11,
                 "anger,anxiety,contempt,disappointment,disgust,fear,happiness,helplessness,"
                 "neutral,sadness,surprise");
    assert_table("mafw_maedfer", 11,
                 "anger,disgust,fear,happiness,neutral,sadness,surprise,contempt,anxiety,helplessness,"
                 "disappointment");
    assert_table("mafw_dferclip", 11,
                 "happiness,sadness,neutral,anger,surprise,disgust,fear,contempt,anxiety,helplessness,"
                 "disappointment");
    assert_table("affectnet7", 7, "neutral,happiness,sadness,surprise,fear,disgust,anger");
    assert_table("affectnet8", 8, "neutral,happiness,sadness,surprise,fear,disgust,anger,contempt");
    assert_table("rafdb", 7, "surprise,fear,disgust,happiness,sadness,anger,neutral");
    assert_table("ferplus", 8, "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt");
    assert_table("fer2013", 7, "anger,disgust,fear,happiness,sadness,surprise,neutral");
    assert_table("ravdess", 8, "neutral,calm,happiness,sadness,anger,fear,disgust,surprise");
    assert_table("ckplus", 7, "anger,contempt,disgust,fear,happiness,sadness,surprise");
}

static void test_codes(void **state)
{
    (void)state;
    static const char *const known[][3] = {
        {"ravdess", "01", "neutral"}, {"ravdess", "02", "calm"},      {"ravdess", "08", "surprise"}, {"cremad", "ANG", "anger"},
        {"cremad", "neu", "neutral"}, {"cremad", "SAD", "sadness"},   {"enterface", "fe", "fear"},   {"enterface", "su", "surprise"},
        {"ckplus", "1", "anger"},     {"ckplus", "3", "disgust"},     {"ckplus", "7", "surprise"},   {"ckextended", "6", "neutral"},
        {"fer2013", "0", "anger"},    {"fer2013", "6", "neutral"},    {"ckextended", "7", "contempt"}};
    static const char *const none[][2] = {{"ravdess", "1"}, {"ravdess", "09"}, {"ravdess", ""}, {"cremad", "SUR"}, {"ckplus", "0"},
                                          {"dfew", "1"},    {"nothing", "01"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_string_equal(s4d_labels_code(known[i][0], known[i][1]), known[i][2]);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_null(s4d_labels_code(none[i][0], none[i][1]));
    }
}

/* Every table that is told to be known is one, and a set's tables hold the same classes. */
static void test_known_tables(void **state)
{
    (void)state;
    static const char *const alike[][2] = {{"ferv39k", "ferv39k_maedfer"}, {"mafw", "mafw_maedfer"}, {"mafw", "mafw_dferclip"}};
    char known[400], *rest = known, *table;
    int count = 0;
    assert_in_range(strlen(s4d_labels_known()), 1, sizeof known - 1);
    strcpy(known, s4d_labels_known());
    while ((table = strtok_r(rest, ", ", &rest))) {
        const char *const *name;
        assert_in_range(s4d_labels_table(table, &name), 6, 11);
        count++;
    }
    assert_int_equal(count, 22);
    for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++) {
        const char *const *one, *const *other;
        char classes[S4D_MAX_CLASSES][S4D_CLASS_NAME_MAX];
        int n = s4d_labels_table(alike[i][0], &one);
        assert_int_equal(s4d_labels_table(alike[i][1], &other), n);
        for (int k = 0; k < n; k++) {
            strcpy(classes[k], one[k]);
        }
        for (int k = 0; k < n; k++) {
            assert_true(s4d_labels_find((const char(*)[S4D_CLASS_NAME_MAX])classes, n, other[k]) >= 0);
        }
    }
}

static void test_unknown_table(void **state)
{
    (void)state;
    const char *const *name = (const char *const *)state;
    assert_int_equal(s4d_labels_table("DFEW", &name), 0);
    assert_null(name);
}

static void test_one_spelling(void **state)
{
    (void)state;
    static const char *const pair[][2] = {{"angry", "anger"},
                                          {"Anger", "anger"},
                                          {"HAPPY", "happiness"},
                                          {"sad", "sadness"},
                                          {"Sadness", "sadness"},
                                          {"Pain 2", "pain 2"},
                                          {"", ""}};
    for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++) {
        char out[S4D_CLASS_NAME_MAX];
        s4d_labels_canonical(pair[i][0], out);
        assert_string_equal(out, pair[i][1]);
    }
}

/* Spellings of public sets (FER2013, AFEW, CAER, RAVDESS, CREMA-D, RaFD, KDEF, JAFFE, IEMOCAP, MAFW, EmoBox) and of models'
 * id2label, in every case, with what is not seen around them. */
static void test_spellings_in_use(void **state)
{
    (void)state;
    static const struct {
        const char *name, *others;
    } c[] = {
        {"anger", "angry Angry ANGRY ANG an angray"},
        {"contempt", "contemptuous Contemptuous comtempt"},
        {"disgust", "disgusted Disgusted disgusting DIS di digust"},
        {"fear", "fearful Fearful FEA fe afraid AF scared fearfulness frightened"},
        {"happiness", "happy Happy HAP ha joy Joy joyful hapiness"},
        {"neutral", "NEU ne neutrality natural no_emotion no-expression noemotion"},
        {"sadness", "sad Sad SA sorrow"},
        {"surprise", "surprised Surprised SUR su suprise Suprised surprising superise"},
        {"anxiety", "anxious"},
        {"disappointment", "disappointed"},
        {"helplessness", "helpless"},
        {"calm", "calm Calm"}, /* a class of RAVDESS beside neutral */
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char words[200], *rest = words, *word, out[S4D_CLASS_NAME_MAX], around[80];
        strcpy(words, c[i].others);
        while ((word = strtok_r(rest, " ", &rest))) {
            s4d_labels_canonical(word, out);
            assert_string_equal(out, c[i].name);
            snprintf(around, sizeof around, "\xC2\xA0 %s\xE2\x80\x8B ", word);
            s4d_labels_canonical(around, out);
            assert_string_equal(out, c[i].name);
        }
    }
    char out[S4D_CLASS_NAME_MAX];
    s4d_labels_canonical("No\xC2\xA0  Expression", out); /* blanks of any kind and number */
    assert_string_equal(out, "neutral");
    s4d_labels_canonical("s\xE2\x80\x8B" "ad", out);
    assert_string_equal(out, "sadness");
    s4d_labels_canonical("My_Own-Class", out); /* not a synonym's: as it is */
    assert_string_equal(out, "my_own-class");
    s4d_labels_canonical("my  own", out);
    assert_string_equal(out, "my own");
}

/* No two classes of one table are one by a synonym. */
static void test_tables_keep_their_classes_apart(void **state)
{
    (void)state;
    char known[400], *rest = known, *table;
    strcpy(known, s4d_labels_known());
    while ((table = strtok_r(rest, ", ", &rest))) {
        const char *const *name;
        char one[S4D_CLASS_NAME_MAX], other[S4D_CLASS_NAME_MAX];
        int n = s4d_labels_table(table, &name);
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < i; k++) {
                s4d_labels_canonical(name[i], one);
                s4d_labels_canonical(name[k], other);
                assert_string_not_equal(one, other);
            }
        }
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long number;
    } whole[] = {{"0", 0}, {"7", 7}, {"03", 3}, {"-1", -1}, {"2.0", 2}, {"2.", 2}, {"10.000", 10}};
    static const char *const none[] = {"", " 1", "1 ", "+1", "1.5", "2.01", "-", "x", "1x", ".0", "99999999999999999999", "0x1"};
    static const char *const numeric[] = {"0", "03", "2.0", "1.5", "-1", "+1", "1e3", ".5"}, *const names[] = {"", "a", "inf", "nan", "0x1", "1-2", "e", "1 "};
    long n;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        assert_true(s4d_labels_number(whole[i].text, &n));
        assert_int_equal(n, whole[i].number);
        assert_true(s4d_labels_number(whole[i].text, NULL));
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_false(s4d_labels_number(none[i], &n));
    }
    for (size_t i = 0; i < sizeof numeric / sizeof *numeric; i++) {
        assert_true(s4d_labels_numeric(numeric[i]));
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_false(s4d_labels_numeric(names[i]));
    }
}

static void test_names_are_cut_at_their_room(void **state)
{
    (void)state;
    char name[S4D_CLASS_NAME_MAX + 20], out[S4D_CLASS_NAME_MAX];
    memset(name, 'A', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    s4d_labels_canonical(name, out);
    assert_int_equal(strlen(out), S4D_CLASS_NAME_MAX - 1);
}

static void test_finding(void **state)
{
    (void)state;
    static const char classes[3][S4D_CLASS_NAME_MAX] = {"Happy", "sadness", "anger"};
    char name[S4D_CLASS_NAME_MAX + 2], longest[1][S4D_CLASS_NAME_MAX];
    assert_int_equal(s4d_labels_find(classes, 3, "happiness"), 0);
    assert_int_equal(s4d_labels_find(classes, 3, "SAD"), 1);
    assert_int_equal(s4d_labels_find(classes, 3, "angry"), 2);
    assert_int_equal(s4d_labels_find(classes, 2, "angry"), -1);
    assert_int_equal(s4d_labels_find(classes, 3, "ange"), -1);
    assert_int_equal(s4d_labels_find(classes, 3, ""), -1);
    /* A name too long to be a class is none, though its beginning is. */
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memset(longest[0], 'a', S4D_CLASS_NAME_MAX - 1);
    longest[0][S4D_CLASS_NAME_MAX - 1] = '\0';
    assert_int_equal(s4d_labels_find(longest, 1, longest[0]), 0);
    assert_int_equal(s4d_labels_find(longest, 1, name), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_codes),       cmocka_unit_test(test_unknown_table),
        cmocka_unit_test(test_known_tables),
        cmocka_unit_test(test_one_spelling), cmocka_unit_test(test_names_are_cut_at_their_room),
        cmocka_unit_test(test_finding),
        cmocka_unit_test(test_spellings_in_use),
        cmocka_unit_test(test_tables_keep_their_classes_apart),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
