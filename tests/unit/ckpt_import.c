/* Import and export of small models: the report, what is refused, and that nothing is written then. The numbers of every
 * map are held against another implementation in tests/e2e/test_ckpt.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/ckpt/check.h"
#include "s4d/ckpt/export.h"

static char root[64], path[S4D_PATH_MAX], out[S4D_PATH_MAX];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/s4d-import-XXXXXX");
    if (!mkdtemp(root)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/in", root);
    snprintf(out, sizeof out, "%s/out", root);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    return s4d_dir_remove(root, NULL) == S4D_OK ? 0 : -1;
}

static int remove_out(void **state)
{
    (void)state;
    if (s4d_path_is_dir(out)) {
        return s4d_dir_remove(out, NULL) == S4D_OK ? 0 : -1;
    }
    return unlink(out) == 0 || errno == ENOENT ? 0 : -1;
}

typedef struct shape {
    const char *name;
    int64_t dim[S4D_MAX_RANK]; /* ends with 0 */
} shape;

enum { D = 4, MOST = 64 };

/* A fine-tuned model of one block: width 4, patches of 2 x 2 pixels and 2 frames, 3 classes. */
static const shape video[] = {
    {"patch_embed.proj.weight", {D, 3, 2, 2, 2}}, {"patch_embed.proj.bias", {D}},
    {"blocks.0.norm1.weight", {D}}, {"blocks.0.norm1.bias", {D}},
    {"blocks.0.attn.q_bias", {D}}, {"blocks.0.attn.v_bias", {D}}, {"blocks.0.attn.qkv.weight", {3 * D, D}},
    {"blocks.0.attn.proj.weight", {D, D}}, {"blocks.0.attn.proj.bias", {D}},
    {"blocks.0.norm2.weight", {D}}, {"blocks.0.norm2.bias", {D}},
    {"blocks.0.mlp.fc1.weight", {2 * D, D}}, {"blocks.0.mlp.fc1.bias", {2 * D}},
    {"blocks.0.mlp.fc2.weight", {D, 2 * D}}, {"blocks.0.mlp.fc2.bias", {D}},
    {"fc_norm.weight", {D}}, {"fc_norm.bias", {D}},
    {"head.video.weight", {3, D}}, {"head.video.bias", {3}},
};
enum { VIDEO = sizeof video / sizeof *video };

static float pool[4096];

/* The shapes as a file, element k of tensor i being i + k / 64; `zero` names a tensor of which the middle third is 0. */
static void write_model(const shape *list, int n, const s4d_safetensors_pair *meta, size_t metas, const char *zero)
{
    s4d_safetensors_entry entry[MOST];
    float *next = pool;
    for (int i = 0; i < n; i++) {
        int rank = 0;
        while (rank < S4D_MAX_RANK && list[i].dim[rank]) {
            rank++;
        }
        entry[i] = (s4d_safetensors_entry){list[i].name, s4d_tensor_of(S4D_F32, next, rank, list[i].dim)};
        int64_t count = s4d_tensor_count(&entry[i].tensor);
        for (int64_t k = 0; k < count; k++) {
            bool middle = zero && strcmp(zero, list[i].name) == 0 && k >= count / 3 && k < 2 * count / 3;
            next[k] = middle ? 0 : (float)i + (float)k / 64;
        }
        next += count;
    }
    assert_true(next <= pool + sizeof pool / sizeof *pool);
    assert_int_equal(s4d_safetensors_write(path, &(s4d_safetensors_contents){entry, (size_t)n, meta, metas}, NULL), S4D_OK);
}

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

static s4d_import *open_good(const s4d_import_opts *opts)
{
    s4d_import *im;
    s4d_err err = {0};
    if (s4d_import_open(path, opts, &im, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return im;
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
    static const shape extra = {"blocks.0.gamma_1", {D}}, wide = {"head.video.bias", {4}}, table = {"pos_embed", {1, 8, D}};
    static const struct {
        const char *name;
        const shape *by;
        const char *about, *detail;
        s4d_import_verdict verdict;
    } known[] = {
        {"fc_norm.bias", NULL, "fc_norm.bias", "[4] is expected", S4D_IMPORT_MISSING},
        {"blocks.0.attn.v_bias", &extra, "blocks.0.gamma_1", "has no place in this model", S4D_IMPORT_IGNORED},
        {"head.video.bias", &wide, "head.video.bias", "[3] is expected, but head.video.bias is [4] of F32", S4D_IMPORT_MISSING},
        {"fc_norm.weight", &table, "pos_embed", "a table of positions that was trained", S4D_IMPORT_IGNORED},
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
        int n = change(list, "patch_embed.proj.weight", &(shape){"patch_embed.proj.weight", {D, 3, 2, 2}});
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
        assert_int_equal(key->fault, !zero);
        assert_non_null(strstr(key->detail, zero ? "which is zero" : "is not zero"));
        const s4d_import_tensor *patch = s4d_import_find(im, "patch_embed.proj.weight");
        float value[D * 3 * 4 * 4], bias[D], first;
        assert_int_equal(patch->count, D * 3 * 4 * 4);
        assert_int_equal(s4d_import_read(im, patch, value, NULL), S4D_OK);
        for (int r = 0; r < D * 3; r++) { /* element k is k / 64 in the file; a quarter of it in each frame */
            for (int f = 0; f < 4; f++) {
                for (int a = 0; a < 4; a++) {
                    assert_true(value[(r * 4 + f) * 4 + a] == (float)(4 * r + a) / 64 / 4);
                }
            }
        }
        assert_int_equal(s4d_import_read(im, s4d_import_find(im, "blocks.0.attn.v_bias"), bias, NULL), S4D_OK);
        first = bias[0];
        assert_int_equal(s4d_import_read(im, s4d_import_find(im, "blocks.0.attn.q_bias"), bias, NULL), S4D_OK);
        assert_true(first - bias[0] == (float)(2 * D) / 64);
        assert_non_null(s4d_import_find(im, "head.image.weight"));
        assert_null(s4d_import_find(im, "head.video.weight"));
        s4d_import_close(&im);
    }
}

static const char config[] =
    "{\"stage\": \"finetune\", \"model\": {\"img_size\": 8, \"patch_size\": 2, \"num_frames\": 4, \"tubelet_size\": 2, "
    "\"mlp_ratio\": 2, \"encoder\": {\"dim\": 4, \"depth\": 1, \"heads\": 2}, \"moae\": {\"layers\": []}}, "
    "\"data\": {\"video\": {\"classes\": [\"anger\", \"fear\", \"happiness\"]}}}";

static void configs(void **state)
{
    (void)state;
    write_model(video, VIDEO, NULL, 0, NULL);
    s4d_import *im = open_good(&(s4d_import_opts){.config = config, .config_name = "c.json"});
    assert_non_null(strstr(s4d_import_metadata(im, "config"), "\"heads\": 2"));
    assert_null(strstr(s4d_import_metadata(im, "config"), "stage")); /* only what is known of the model */
    assert_string_equal(s4d_import_metadata(im, "classes.video"), "[\"anger\", \"fear\", \"happiness\"]");
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
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - config), config, known[i].to, at + strlen(known[i].from));
        assert_int_equal(s4d_import_open(path, &(s4d_import_opts){.config = text, .config_name = "c.json"}, &im, &err), S4D_FAILED);
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
    static const shape deep[] = {{"patch_embed.proj.weight", {D, 3, 2, 2, 2}}, {"blocks.64.norm1.weight", {D}}};
    static const struct {
        const shape *list;
        int n;
        const char *from, *sentence;
        s4d_status status;
    } known[] = {
        {other, 1, NULL, "has no patch embedding under a name that is known (its first tensor is conv1.weight)", S4D_FAILED},
        {other, 1, "videomae", "has no patch embedding under the names of videomae", S4D_FAILED},
        {other, 1, "beit", "--from: expected s4d, videomae, mae-dfer, mae, timm or transformers, got \"beit\"", S4D_USAGE},
        {lost, 1, NULL, "its depth cannot be told", S4D_FAILED},
        {regions, 1, NULL, "MAE-DFER's local-global attention", S4D_FAILED},
        {regions, 1, "mae-dfer", "MAE-DFER's local-global attention", S4D_FAILED},
        {deep, 2, NULL, "is of a block beyond 63", S4D_FAILED},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        s4d_import *im;
        s4d_err err = {0};
        write_model(known[i].list, known[i].n, NULL, 0, NULL);
        assert_int_equal(s4d_import_open(path, &(s4d_import_opts){.from = known[i].from}, &im, &err), known[i].status);
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
    assert_int_equal(s4d_ckpt_verify(path, &faults, &err), S4D_OK);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.item[0], "head.video.bias: 1 of 3 numbers are not finite");
    s4d_strlist_release(&faults);
}

static void verify_holds_a_file_against_itself(void **state)
{
    (void)state;
    const s4d_safetensors_pair meta[] = {{"format", "s4d"}, {"config", config}, {"classes.video", "[\"a\", \"b\"]"}};
    s4d_strlist faults;
    write_model(video, VIDEO, meta, 3, NULL);
    assert_int_equal(s4d_ckpt_verify(path, &faults, NULL), S4D_OK);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.item[0], "its metadata's \"classes.video\" names 2 classes, but head.video.weight has 3 rows");
    s4d_strlist_release(&faults);
    write_model(video, VIDEO - 1, meta, 2, NULL);
    assert_int_equal(s4d_ckpt_verify(path, &faults, NULL), S4D_OK);
    assert_string_equal(faults.item[0], "head.video.bias is missing: [3] is expected");
    s4d_strlist_release(&faults);
}

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
    assert_int_equal(s4d_ckpt_open(out, &file, NULL), S4D_OK);
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
    assert_string_equal(s4d_import_metadata(back, "classes.video"), "[\"anger\", \"fear\", \"happiness\"]");
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
        s4d_status status = s4d_import_open(path, &(s4d_import_opts){.config = config, .config_name = "c.json"}, &im, &err);
        if (status == S4D_OK) {
            status = s4d_export_write(im, folder ? S4D_EXPORT_TRANSFORMERS : S4D_EXPORT_S4D, out, &err);
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
    static const s4d_fault kind[] = {S4D_FAULT_ALLOC, S4D_FAULT_READ, S4D_FAULT_WRITE, S4D_FAULT_FSYNC, S4D_FAULT_RENAME};
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
        cmocka_unit_test_teardown(a_whole_model, remove_out),
        cmocka_unit_test_teardown(faults_and_what_allows_them, remove_out),
        cmocka_unit_test_teardown(pictures, remove_out),
        cmocka_unit_test_teardown(configs, remove_out),
        cmocka_unit_test_teardown(models_that_are_not_known, remove_out),
        cmocka_unit_test_teardown(numbers_that_are_not_finite, remove_out),
        cmocka_unit_test_teardown(verify_holds_a_file_against_itself, remove_out),
        cmocka_unit_test_teardown(exports, remove_out),
        cmocka_unit_test_teardown(experts_are_not_exported, remove_out),
        cmocka_unit_test_teardown(failures_on_demand, remove_out),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
