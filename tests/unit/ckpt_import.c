/* Import of small models: the report, what is refused, and that nothing is written then. The
 * numbers of every map are held against another implementation in tests/e2e/test_ckpt.py. */
#include "ckpt_model.h"

/* `list` with one entry changed, or left out where by is NULL. */
static int change(shape *to, const char *name, const shape *by)
{
    int n = 0;
    for (int i = 0; i < VIDEO; i++) {
        if (strcmp(video[i].name, name) == 0) {
            if (by) {
                to[n++] = *by;
            }
        } else {
            to[n++] = video[i];
        }
    }
    return n;
}

static const s4d_import_line *find_line(const s4d_import *im, const char *name)
{
    for (size_t i = 0; i < s4d_import_lines(im); i++) {
        if (strcmp(s4d_import_line_at(im, i)->name, name) == 0) {
            return s4d_import_line_at(im, i);
        }
    }
    fail_msg("no line about %s", name);
    return NULL;
}

static void a_whole_model(void **state)
{
    (void)state;
    s4d_err err = {0};
    write_model(video, VIDEO, NULL, 0, NULL);
    s4d_import *im = open_good(&(s4d_import_opts){0});
    assert_string_equal(s4d_import_from(im), "s4d");
    assert_int_equal(s4d_import_count(im), VIDEO);
    assert_int_equal(s4d_import_faults(im), 0);
    assert_string_equal(s4d_import_metadata(im, "format"), "s4d");
    assert_string_equal(s4d_import_metadata(im, "s4d.stage"), "finetune");
    assert_null(s4d_import_metadata(im, "config")); /* heads of attention are not known */
    assert_int_equal(s4d_import_write(im, out, &err), S4D_OK);
    s4d_import_close(&im);
    assert_null(im);
    s4d_ckpt_diff diff;
    assert_int_equal(s4d_ckpt_compare(path, out, &diff, &err), S4D_OK);
    assert_int_equal(diff.count, 0);
    assert_int_equal(diff.same, VIDEO);
    s4d_ckpt_diff_release(&diff);
}

static void faults_and_what_allows_them(void **state)
{
    (void)state;
    static const shape extra = {"blocks.0.gamma_1", {D}}, wide = {"head.video.bias", {4}},
                       table = {"pos_embed", {1, 8, D}};
    static const struct {
        const char *name;
        const shape *by;
        const char *about, *detail;
        s4d_import_verdict verdict;
    } known[] = {
        {"fc_norm.bias", NULL, "fc_norm.bias", "[4] is expected", S4D_IMPORT_MISSING},
        {"blocks.0.attn.v_bias", &extra, "blocks.0.gamma_1", "a scale of layers (LayerScale)",
         S4D_IMPORT_IGNORED},
        {"head.video.bias", &wide, "head.video.bias",
         "[3] is expected, but head.video.bias is [4] of F32", S4D_IMPORT_MISSING},
        {"fc_norm.weight", &table, "pos_embed", "a table of positions that was trained",
         S4D_IMPORT_IGNORED},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        shape list[MOST];
        s4d_err err = {0};
        int n = change(list, known[i].name, known[i].by);
        write_model(list, n, NULL, 0, NULL);
        s4d_import *im = open_good(&(s4d_import_opts){0});
        const s4d_import_line *line = find_line(im, known[i].about);
        assert_int_equal(line->verdict, known[i].verdict);
        assert_true(line->fault);
        assert_non_null(strstr(line->detail, known[i].detail));
        assert_int_equal(s4d_import_write(im, out, &err), S4D_FAILED);
        assert_non_null(strstr(err.text, "do not fit the names of s4d"));
        assert_false(s4d_path_exists(out));
        s4d_import_close(&im);
        const char *allow[] = {known[i].name, known[i].about};
        im = open_good(&(s4d_import_opts){.allow = allow, .allowed = 2});
        assert_int_equal(s4d_import_faults(im), 0);
        assert_int_equal(find_line(im, known[i].about)->verdict, known[i].verdict);
        assert_int_equal(s4d_import_write(im, out, &err), S4D_OK);
        s4d_import_close(&im);
        const char *glob[] = {"*"};
        im = open_good(&(s4d_import_opts){.allow = glob, .allowed = 1});
        assert_int_equal(s4d_import_faults(im), 0);
        s4d_import_close(&im);
        assert_int_equal(remove_out(NULL), 0);
    }
}

static void pictures(void **state)
{
    (void)state;
    static const char fused[] = "blocks.0.attn.qkv.bias";
    for (int zero = 0; zero < 2; zero++) {
        shape list[MOST];
        int n = change(list, "patch_embed.proj.weight",
                       &(shape){"patch_embed.proj.weight", {D, 3, 2, 2}});
        for (int i = 0; i < n; i++) {
            if (strcmp(list[i].name, "blocks.0.attn.q_bias") == 0) {
                list[i] = (shape){fused, {3 * D}};
            } else if (strcmp(list[i].name, "blocks.0.attn.v_bias") == 0) {
                list[i] = (shape){"cls_token", {1, 1, D}};
            } else if (strncmp(list[i].name, "head.video.", 11) == 0) {
                list[i].name = list[i].dim[1] ? "head.weight" : "head.bias";
            }
        }
        write_model(list, n, NULL, 0, zero ? fused : NULL);
        s4d_import *im = open_good(&(s4d_import_opts){.tubelet_size = 4});
        assert_string_equal(s4d_import_from(im), "mae");
        const s4d_import_line *key = find_line(im, fused);
        assert_false(key->fault);
        assert_non_null(strstr(key->detail, zero ? "which is zero" : "is not zero; it is dropped"));
        const s4d_import_tensor *patch = s4d_import_find(im, "patch_embed.proj.weight");
        float value[D * 3 * 4 * 4], bias[D], first;
        assert_int_equal(patch->count, D * 3 * 4 * 4);
        assert_int_equal(s4d_import_read(im, patch, value, NULL), S4D_OK);
        for (int r = 0; r < D * 3;
             r++) { /* element k is k / 64 in the file; a quarter of it in each frame */
            for (int f = 0; f < 4; f++) {
                for (int a = 0; a < 4; a++) {
                    assert_true(value[(r * 4 + f) * 4 + a] == (float)(4 * r + a) / 64 / 4);
                }
            }
        }
        assert_int_equal(
            s4d_import_read(im, s4d_import_find(im, "blocks.0.attn.v_bias"), bias, NULL), S4D_OK);
        first = bias[0];
        assert_int_equal(
            s4d_import_read(im, s4d_import_find(im, "blocks.0.attn.q_bias"), bias, NULL), S4D_OK);
        assert_true(first - bias[0] == (float)(2 * D) / 64);
        assert_non_null(s4d_import_find(im, "head.image.weight"));
        assert_null(s4d_import_find(im, "head.video.weight"));
        s4d_import_close(&im);
    }
}

static void configs(void **state)
{
    (void)state;
    write_model(video, VIDEO, NULL, 0, NULL);
    s4d_import *im = open_good(&(s4d_import_opts){.config = config, .config_name = "c.json"});
    assert_non_null(strstr(s4d_import_metadata(im, "config"), "\"heads\": 2"));
    assert_null(
        strstr(s4d_import_metadata(im, "config"), "stage")); /* only what is known of the model */
    assert_string_equal(s4d_import_metadata(im, "classes.video"),
                        "[\"anger\", \"fear\", \"happiness\"]");
    s4d_import_close(&im);
    static const struct {
        const char *from, *to, *sentence;
    } known[] = {
        {"\"dim\": 4", "\"dim\": 8", "model.encoder.dim is 4 by its tensors, but 8 in c.json"},
        {"\"depth\": 1", "\"depth\": 2", "model.encoder.depth is 1"},
        {"\"tubelet_size\": 2", "\"tubelet_size\": 1", "model.tubelet_size is 2"},
        {"[]", "[0]", "experts in other blocks than model.moae.layers in c.json"},
        {"\"fear\", ", "", "its head has 3 classes, but c.json names 2"},
        {"\"heads\": 2", "\"heads\": 0", "encoder.heads is not a whole number from 1"},
        {"[]", "[64]", "moae.layers is not a list of block numbers"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char text[sizeof config + 16];
        const char *at = strstr(config, known[i].from);
        s4d_err err = {0};
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - config), config, known[i].to,
                 at + strlen(known[i].from));
        assert_int_equal(
            s4d_import_open(path, &(s4d_import_opts){.config = text, .config_name = "c.json"}, &im,
                            &err),
            S4D_FAILED);
        assert_null(im);
        if (!strstr(err.text, known[i].sentence)) {
            fail_msg("\"%s\" is not in \"%s\"", known[i].sentence, err.text);
        }
    }
}

static void models_that_are_not_known(void **state)
{
    (void)state;
    static const shape other[] = {{"conv1.weight", {4, 3, 2, 2}}};
    static const shape lost[] = {{"patch_embed.proj.weight", {D, 3, 2, 2, 2}}};
    static const shape regions[] = {{"encoder.lg_region_tokens", {4, D}}};
    static const shape deep[] = {{"patch_embed.proj.weight", {D, 3, 2, 2, 2}},
                                 {"blocks.64.norm1.weight", {D}}};
    static const struct {
        const shape *list;
        int n;
        const char *from, *sentence;
        s4d_status status;
    } known[] = {
        {other, 1, NULL,
         "has no patch embedding under a name that is known (its first tensor is conv1.weight)",
         S4D_FAILED},
        {other, 1, "videomae", "has no patch embedding under the names of videomae", S4D_FAILED},
        {other, 1, "beit",
         "--from: expected s4d, videomae, mae-dfer, mae, timm or transformers, got \"beit\"",
         S4D_USAGE},
        {lost, 1, NULL, "has no blocks under the names of s4d", S4D_FAILED},
        {regions, 1, NULL, "MAE-DFER's local-global attention", S4D_FAILED},
        {regions, 1, "mae-dfer", "MAE-DFER's local-global attention", S4D_FAILED},
        {deep, 2, NULL, "is of a block beyond 63", S4D_FAILED},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        s4d_import *im;
        s4d_err err = {0};
        write_model(known[i].list, known[i].n, NULL, 0, NULL);
        assert_int_equal(
            s4d_import_open(path, &(s4d_import_opts){.from = known[i].from}, &im, &err),
            known[i].status);
        if (!strstr(err.text, known[i].sentence)) {
            fail_msg("\"%s\" is not in \"%s\"", known[i].sentence, err.text);
        }
    }
}

static void numbers_that_are_not_finite(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_strlist faults;
    write_model(video, VIDEO, NULL, 0, NULL);
    s4d_bytes b;
    assert_int_equal(s4d_file_read(path, 0, &b, NULL), S4D_OK);
    memcpy(b.data + b.size - 4, &(float){NAN}, 4);
    assert_int_equal(s4d_file_write(path, b.data, b.size, NULL), S4D_OK);
    s4d_bytes_release(&b);
    s4d_import *im = open_good(&(s4d_import_opts){0});
    assert_int_equal(s4d_import_write(im, out, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "head.video.bias holds numbers that are not finite"));
    assert_false(s4d_path_exists(out));
    s4d_import_close(&im);
    assert_int_equal(s4d_ckpt_verify(path, &(s4d_import_opts){0}, &faults, &err), S4D_OK);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.item[0], "head.video.bias: 1 of 3 numbers are not finite");
    s4d_strlist_release(&faults);
}

static void verify_holds_a_file_against_itself(void **state)
{
    (void)state;
    const s4d_safetensors_pair meta[] = {
        {"format", "s4d"}, {"config", config}, {"classes.video", "[\"a\", \"b\"]"}};
    s4d_strlist faults;
    write_model(video, VIDEO, meta, 3, NULL);
    assert_int_equal(s4d_ckpt_verify(path, &(s4d_import_opts){0}, &faults, NULL), S4D_OK);
    assert_int_equal(faults.count, 1);
    assert_string_equal(
        faults.item[0],
        "its metadata's \"classes.video\" names 2 classes, but head.video.weight has 3 rows");
    s4d_strlist_release(&faults);
    write_model(video, VIDEO - 1, meta, 2, NULL);
    assert_int_equal(s4d_ckpt_verify(path, &(s4d_import_opts){0}, &faults, NULL), S4D_OK);
    assert_string_equal(faults.item[0], "head.video.bias is missing: [3] is expected");
    s4d_strlist_release(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_whole_model, remove_out),
        cmocka_unit_test_teardown(faults_and_what_allows_them, remove_out),
        cmocka_unit_test_teardown(pictures, remove_out),
        cmocka_unit_test_teardown(configs, remove_out),
        cmocka_unit_test_teardown(models_that_are_not_known, remove_out),
        cmocka_unit_test_teardown(numbers_that_are_not_finite, remove_out),
        cmocka_unit_test_teardown(verify_holds_a_file_against_itself, remove_out),
    };
    return cmocka_run_group_tests(tests, make_folders, remove_root);
}
