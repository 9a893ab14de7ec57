/* Export of small models and the way back, what is refused, and failures on demand of both. */
#include "ckpt_model.h"

static void exports(void **state)
{
    (void)state;
    s4d_err err = {0};
    char below[S4D_PATH_MAX];
    write_model(video, VIDEO, NULL, 0, NULL);
    s4d_import *im = open_good(&(s4d_import_opts){0});
    assert_int_equal(s4d_export_write(im, S4D_EXPORT_TRANSFORMERS, out, &err), S4D_USAGE);
    assert_non_null(strstr(err.text, "give the config it was made with by --config"));
    assert_false(s4d_path_exists(out));
    assert_int_equal(s4d_export_write(im, S4D_EXPORT_VIDEOMAE, out, &err), S4D_OK);
    s4d_ckpt *file;
    assert_int_equal(s4d_ckpt_open(out, NULL, &file, NULL), S4D_OK);
    assert_non_null(s4d_ckpt_find(file, "head.weight"));
    assert_null(s4d_ckpt_find(file, "head.video.weight"));
    s4d_ckpt_close(&file);
    s4d_import_close(&im);
    assert_int_equal(remove_out(NULL), 0);
    im = open_good(&(s4d_import_opts){.config = config, .config_name = "c.json"});
    assert_int_equal(s4d_export_write(im, S4D_EXPORT_TRANSFORMERS, out, &err), S4D_OK);
    assert_int_equal(s4d_export_write(im, S4D_EXPORT_TRANSFORMERS, out, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "is there already"));
    s4d_import_close(&im);
    /* and back */
    s4d_import *back;
    assert_int_equal(s4d_import_open(out, &(s4d_import_opts){0}, &back, &err), S4D_OK);
    assert_string_equal(s4d_import_from(back), "transformers");
    assert_int_equal(s4d_import_faults(back), 0);
    assert_non_null(strstr(s4d_import_metadata(back, "config"), "\"heads\": 2"));
    assert_string_equal(s4d_import_metadata(back, "classes.video"),
                        "[\"anger\", \"fear\", \"happiness\"]");
    assert_int_equal(s4d_path_join(below, out, "back", NULL), S4D_OK);
    assert_int_equal(s4d_import_write(back, below, &err), S4D_OK);
    s4d_import_close(&back);
    s4d_ckpt_diff diff;
    assert_int_equal(s4d_ckpt_compare(path, below, &diff, &err), S4D_OK);
    assert_int_equal(diff.count, 0);
    assert_int_equal(diff.same, VIDEO);
    s4d_ckpt_diff_release(&diff);
}

static void experts_are_not_exported(void **state)
{
    (void)state;
    static const shape experts[] = {{"blocks.0.moe_layer.router.topkroute_linear.weight", {1, D}},
                                    {"blocks.0.moe_layer.router.topkroute_linear.bias", {1}},
                                    {"blocks.0.moe_layer.router.noise_linear.weight", {1, D}},
                                    {"blocks.0.moe_layer.router.noise_linear.bias", {1}},
                                    {"blocks.0.moe_layer.experts.0.fc1.weight", {2, D}},
                                    {"blocks.0.moe_layer.experts.0.fc1.bias", {2}},
                                    {"blocks.0.moe_layer.experts.0.fc2.weight", {D, 2}},
                                    {"blocks.0.moe_layer.experts.0.fc2.bias", {D}}};
    shape list[MOST];
    s4d_err err = {0};
    memcpy(list, video, sizeof video);
    memcpy(list + VIDEO, experts, sizeof experts);
    write_model(list, VIDEO + 8, NULL, 0, NULL);
    s4d_import *im = open_good(&(s4d_import_opts){0});
    assert_int_equal(s4d_import_faults(im), 0);
    for (int to = S4D_EXPORT_VIDEOMAE; to <= S4D_EXPORT_TRANSFORMERS; to++) {
        assert_int_equal(s4d_export_write(im, (s4d_export_to)to, out, &err), S4D_FAILED);
        assert_non_null(strstr(err.text, "adapter experts (MoAE) in 1 of 1 blocks"));
        assert_false(s4d_path_exists(out));
    }
    assert_int_equal(s4d_export_write(im, S4D_EXPORT_S4D, out, &err), S4D_OK);
    s4d_import_close(&im);
}

#ifdef S4D_TEST_HOOKS
/* The n-th call of a kind fails, n = 1, 2, ...: an error, and nothing new in the folder. */
static void sweep(s4d_fault kind, bool folder)
{
    for (long n = 1;; n++) {
        s4d_import *im = NULL;
        s4d_err err = {0};
        s4d_fault_set(kind, n);
        s4d_status status = s4d_import_open(
            path, &(s4d_import_opts){.config = config, .config_name = "c.json"}, &im, &err);
        if (status == S4D_OK) {
            status =
                s4d_export_write(im, folder ? S4D_EXPORT_TRANSFORMERS : S4D_EXPORT_S4D, out, &err);
        }
        s4d_fault_set(kind, 0);
        s4d_import_close(&im);
        if (status == S4D_OK) {
            assert_true(n > 1);
            return;
        }
        assert_int_not_equal(err.text[0], '\0');
        s4d_strlist list;
        assert_int_equal(s4d_dir_list(root, &list, NULL), S4D_OK);
        assert_int_equal(list.count, 1);
        s4d_strlist_release(&list);
    }
}
#endif

static void failures_on_demand(void **state)
{
    (void)state;
#ifdef S4D_TEST_HOOKS
    static const s4d_fault kind[] = {S4D_FAULT_ALLOC, S4D_FAULT_READ, S4D_FAULT_WRITE,
                                     S4D_FAULT_FSYNC, S4D_FAULT_RENAME};
    write_model(video, VIDEO, NULL, 0, NULL);
    for (int i = 0; i < 10; i++) {
        sweep(kind[i / 2], i % 2);
        assert_int_equal(remove_out(NULL), 0);
    }
#else
    print_message("skipped: needs S4D_TEST_HOOKS\n");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(exports, remove_out),
        cmocka_unit_test_teardown(experts_are_not_exported, remove_out),
        cmocka_unit_test_teardown(failures_on_demand, remove_out),
    };
    return cmocka_run_group_tests(tests, make_folders, remove_root);
}
