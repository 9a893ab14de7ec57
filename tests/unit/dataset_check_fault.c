/* The n-th allocation, read, write or thread start fails, n = 1, 2, ...: a sentence or a finding each time, no crash,
 * no leak (the sanitizers look), no half-written file. */
#ifdef S4D_TEST_HOOKS

#include "dataset_check_fixture.h"

#include "s4d/base/fault.h"
#include "s4d/dataset/split.h"

static bool done(s4d_fault kind, long n, s4d_status status, const s4d_err *err, size_t findings)
{
    s4d_fault_set(kind, 0);
    if (status != S4D_OK) {
        assert_int_equal(status, S4D_FAILED);
        assert_true(strlen(err->text) > 10);
        assert_false(s4d_path_exists(in_folder("r.json.tmp")));
    } else if (findings == 0) {
        assert_true(n > 1 || kind == S4D_FAULT_FSYNC);
        return true;
    }
    return false;
}

static long sweep_check(s4d_fault kind)
{
    for (long n = 1;; n++) {
        s4d_check_opts o = {.manifest = in_folder("m.csv"), .decode = S4D_CHECK_ALL, .threads = 2};
        s4d_check_report r;
        s4d_err err = {0};
        s4d_fault_set(kind, n);
        s4d_status status = s4d_check_run(&o, &r, &err);
        if (status == S4D_OK) {
            status = s4d_check_write(in_folder("r.json"), &r, &err);
        }
        size_t unreadable = r.count[S4D_CHECK_UNREADABLE];
        s4d_check_release(&r);
        if (done(kind, n, status, &err, unreadable)) {
            return n - 1;
        }
    }
}

static void the_check_fails_in_good_order(void **state)
{
    (void)state;
    put_png("a.png", 6, 8, 1);
    put_png("b.png", 6, 8, 1);
    put_png("clip/1.png", 5, 5, 3);
    put_png("clip/10.png", 5, 5, 4);
    put_png("clip/2.png", 5, 6, 4);
    put_png("same/1.png", 5, 5, 3);
    put_png("same/2.png", 5, 6, 4);
    put_png("same/3.png", 5, 5, 4);
    put_text("m.csv", "path,label,split,subject\na.png,fear,train,p\nb.png,sad,test,p\nclip,fear,train,q\nsame,,test,"
                      "r\na.png,fear,val,\n"
                      "gone,fear,,\n");
    assert_in_range(sweep_check(S4D_FAULT_ALLOC), 60, 100000);
    assert_in_range(sweep_check(S4D_FAULT_READ), 8, 100000);
    assert_in_range(sweep_check(S4D_FAULT_WRITE), 1, 100000);
    assert_in_range(sweep_check(S4D_FAULT_THREAD), 3, 4);
}

static void a_division_fails_in_good_order(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        s4d_table t = {0};
        s4d_err err = {0};
        for (int i = 0; i < 12; i++) {
            char path[16], subject[16];
            snprintf(path, sizeof path, "%d", i);
            snprintf(subject, sizeof subject, "%d", i / 2);
            s4d_row row = {
                .path = path, .label = i % 4 < 2 ? "fear" : "anger", .subject = subject, .line = i + 2, .end = 1};
            assert_int_equal(s4d_table_add(&t, &row, NULL), S4D_OK);
        }
        s4d_split_opts o = {.folds = 2, .root = folder, .manifest = "m.csv", .threads = 1};
        s4d_split_result result;
        s4d_stats stats = {0};
        s4d_fault_set(S4D_FAULT_ALLOC, n);
        s4d_status status = s4d_split_table(&t, &o, &result, &err);
        for (size_t i = 0; i < t.count && status != S4D_OK; i++) {
            assert_int_equal(t.row[i].fold, 0); /* all or nothing */
        }
        if (status == S4D_OK) {
            status = s4d_stats_make(&t, &stats, &err);
        }
        s4d_stats_release(&stats);
        s4d_table_release(&t);
        if (done(S4D_FAULT_ALLOC, n, status, &err, 0)) {
            assert_in_range(n, 20, 1000);
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_check_fails_in_good_order),
        cmocka_unit_test(a_division_fails_in_good_order),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

#else

#include <stdio.h>

int main(void)
{
    puts("skipped: built without S4D_TEST_HOOKS");
    return 77;
}

#endif
