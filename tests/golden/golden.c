/* golden DIR [--device NAME]: every quantity of a golden folder that s4d computes, with its error. */
#include "golden.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/file.h"
#include "s4d/base/mem.h"

void golden_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("golden: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void golden_line(golden *g, const char *quantity, double error, double tolerance)
{
    bool ok = error <= tolerance; /* false for NaN */
    printf("%-10s %-6s %-46s %9.2e  within %7.1e  %s\n", g->part, g->device ? g->device : "-", quantity, error,
           tolerance, ok ? "ok" : "FAILED");
    if (ok) g->passed++;
    else g->failed++;
}

void golden_skip(golden *g, const char *what, const char *why)
{
    printf("%-10s %-6s %-46s skipped: %s\n", g->part, "-", what, why);
    g->skipped++;
}

bool golden_open(golden *g, const char *name)
{
    char path[S4D_PATH_MAX];
    s4d_err err = {0};
    if (s4d_path_join(path, g->dir, name, &err) != S4D_OK) golden_die("%s", err.text);
    if (!s4d_path_exists(path)) return false;
    if (s4d_safetensors_open(path, &g->file, &err) != S4D_OK) golden_die("%s", err.text);
    const char *config = s4d_safetensors_metadata(g->file, "config");
    if (config && s4d_json_parse(config, strlen(config), path, &g->config, &err) != S4D_OK) golden_die("%s", err.text);
    return true;
}

void golden_close(golden *g)
{
    s4d_safetensors_close(&g->file);
    s4d_json_destroy(&g->config);
}

static const s4d_safetensors_info *find(const golden *g, const char *name)
{
    const s4d_safetensors_info *info = s4d_safetensors_find(g->file, name);
    if (!info) golden_die("%s: %s is not in the file", g->dir, name);
    return info;
}

bool golden_has(const golden *g, const char *name)
{
    return s4d_safetensors_find(g->file, name) != NULL;
}

s4d_tensor golden_shape(const golden *g, const char *name)
{
    const s4d_safetensors_info *info = find(g, name);
    if (!info->element || info->element->dtype == S4D_DTYPE_COUNT) golden_die("%s: holds %s", name, info->type);
    return s4d_tensor_of(info->element->dtype, NULL, info->rank, info->dim);
}

float *golden_floats(const golden *g, const char *name, int64_t *count)
{
    const s4d_safetensors_info *info = find(g, name);
    s4d_tensor shape = golden_shape(g, name);
    int64_t n = s4d_tensor_count(&shape);
    float *out = s4d_mem_alloc((size_t)n, sizeof *out);
    if (!out || s4d_safetensors_read_floats(g->file, info, out, (size_t)n, NULL) != S4D_OK)
        golden_die("%s: cannot be read as floats", name);
    if (count) *count = n;
    return out;
}

int32_t *golden_ints(const golden *g, const char *name, int64_t *count)
{
    const s4d_safetensors_info *info = find(g, name);
    s4d_tensor shape = golden_shape(g, name);
    int64_t n = s4d_tensor_count(&shape);
    int32_t *out = s4d_mem_alloc((size_t)n, sizeof *out);
    if (!out) golden_die("%s: no memory", name);
    double *wide = s4d_mem_alloc((size_t)n, sizeof *wide);
    if (!wide || info->element->kind != S4D_ELEMENT_WHOLE) golden_die("%s: cannot be read as integers", name);
    void *raw = golden_raw(g, info);
    s4d_element_doubles(info->element, raw, wide, (size_t)n);
    s4d_mem_free(raw);
    for (int64_t i = 0; i < n; ++i) out[i] = (int32_t)wide[i];
    s4d_mem_free(wide);
    if (count) *count = n;
    return out;
}

void *golden_raw(const golden *g, const s4d_safetensors_info *info)
{
    void *raw = s4d_mem_alloc(info->bytes + 1, 1);
    if (!raw || s4d_safetensors_read(g->file, info, raw, NULL) != S4D_OK) golden_die("%s: cannot be read", info->name);
    return raw;
}

double golden_scalar(const golden *g, const char *name)
{
    const s4d_safetensors_info *info = find(g, name);
    double value = 0;
    if (strcmp(info->type, "F64") != 0 || info->bytes != sizeof value) golden_die("%s: expected one F64", name);
    if (s4d_safetensors_read(g->file, info, &value, NULL) != S4D_OK) golden_die("%s: cannot be read", name);
    return value;
}

double golden_worse(double so_far, double error)
{
    return error <= so_far ? so_far : isnan(error) ? INFINITY : error;
}

double golden_error(const float *got, const float *want, int64_t n)
{
    double error = 0, top = 0;
    for (int64_t i = 0; i < n; ++i) {
        double d = fabs((double)got[i] - want[i]);
        error = golden_worse(error, d);
        top = fmax(top, fabs((double)want[i]));
    }
    return top > 0 ? error / top : error;
}

void golden_compare(golden *g, const char *name, const float *got, int64_t n, double tolerance)
{
    int64_t count;
    float *want = golden_floats(g, name, &count);
    if (count != n) golden_die("%s: %lld values, expected %lld", name, (long long)count, (long long)n);
    golden_line(g, name, golden_error(got, want, n), tolerance);
    s4d_mem_free(want);
}

static float *download(golden *g, s4d_tensor t)
{
    float *host = s4d_mem_alloc((size_t)s4d_tensor_count(&t), sizeof *host);
    if (!host) golden_die("no memory");
    s4d_backend_download_floats(g->be, host, t);
    return host;
}

void golden_compare_tensor(golden *g, const char *name, s4d_tensor got, double tolerance)
{
    float *host = download(g, got);
    golden_compare(g, name, host, s4d_tensor_count(&got), tolerance);
    s4d_mem_free(host);
}

void golden_compare_params(golden *g, const char *prefix, const s4d_params *params, bool gradients, double tolerance)
{
    double worst = 0;
    const char *where = "";
    int compared = 0;
    for (int i = 0; i < params->count; ++i) {
        char name[192];
        snprintf(name, sizeof name, "%s%s", prefix, params->item[i].name);
        if (!golden_has(g, name)) continue; /* grad_softmax holds the routers only; the count below is checked */
        int64_t n;
        float *want = golden_floats(g, name, &n);
        float *got = download(g, gradients ? s4d_params_g(params, i) : s4d_params_w(params, i));
        double e = golden_error(got, want, n);
        if (golden_worse(worst, e) > worst) {
            worst = golden_worse(worst, e);
            where = params->item[i].name;
        }
        compared++;
        s4d_mem_free(want);
        s4d_mem_free(got);
    }
    int listed = 0;
    for (size_t i = 0; i < s4d_safetensors_count(g->file); ++i)
        listed += strncmp(s4d_safetensors_at(g->file, i)->name, prefix, strlen(prefix)) == 0;
    if (compared != listed || !compared)
        golden_die("%s: %d tensors in the file, %d parameters of those names", prefix, listed, compared);
    char line[200];
    snprintf(line, sizeof line, "%s* (%d, worst %.60s)", prefix, compared, where);
    golden_line(g, line, worst, tolerance);
}

void golden_load_weights(golden *g, s4d_params *params)
{
    for (int i = 0; i < params->count; ++i) {
        char name[192];
        snprintf(name, sizeof name, "weight/%s", params->item[i].name);
        s4d_tensor shape = golden_shape(g, name), w = s4d_params_w(params, i);
        bool same = shape.rank == w.rank;
        for (int d = 0; same && d < w.rank; ++d) same = shape.dim[d] == w.dim[d];
        if (!same) golden_die("%s: the shape differs from the model's", name);
        float *value = golden_floats(g, name, NULL);
        s4d_backend_upload_floats(g->be, w, value);
        s4d_mem_free(value);
    }
    s4d_params_refresh(params, g->be);
}

double golden_number(const golden *g, const char *dotted)
{
    const s4d_json *node = g->config;
    char key[64];
    for (const char *p = dotted; node && *p;) {
        size_t n = strcspn(p, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, p);
        node = s4d_json_find(node, key);
        p += n + (p[n] == '.');
    }
    if (!node || s4d_json_kind_of(node) != S4D_JSON_NUMBER) golden_die("config: %s is not a number", dotted);
    return s4d_json_number(node);
}

void golden_model_opts(const golden *g, s4d_model_opts *o)
{
    *o = (s4d_model_opts){.img_size = (int)golden_number(g, "img_size"),
                          .patch_size = (int)golden_number(g, "patch_size"),
                          .num_frames = (int)golden_number(g, "num_frames"),
                          .tubelet_size = (int)golden_number(g, "tubelet_size"),
                          .mlp_ratio = (int)golden_number(g, "mlp_ratio")};
    o->encoder = (s4d_tower_opts){(int)golden_number(g, "encoder.dim"), (int)golden_number(g, "encoder.depth"),
                                  (int)golden_number(g, "encoder.heads")};
}

enum { SKIPPED = 77 };

/* Both models on one device. Of a device that was asked for but is not there nothing is compared, which is no success. */
static void run_models(golden *g, const char *device)
{
    s4d_err err = {0};
    s4d_backend_opts opts = {.device = device, .override = ""};
    g->device = device;
    s4d_status status = s4d_backend_create(&opts, &g->be, &err);
    if (status == S4D_FAILED) {
        printf("golden: skipped: %s\n", err.text);
        exit(SKIPPED);
    }
    if (status != S4D_OK) golden_die("%s", err.text);
    golden_pretrain(g);
    golden_finetune(g);
    golden_mix(g);
    golden_resized_crop(g);
    s4d_backend_destroy(&g->be);
    g->device = NULL;
}

int main(int argc, char **argv)
{
    golden g = {0};
    const char *only = NULL;
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "--device") == 0 && i + 1 < argc) only = argv[++i];
        else if (argv[i][0] != '-' && !g.dir) g.dir = argv[i];
        else golden_die("usage: golden DIR [--device ref|cpu|cuda]");
    }
    if (!g.dir) golden_die("usage: golden DIR [--device ref|cpu|cuda]");
    if (!only || strcmp(only, "ref") == 0) run_models(&g, "ref");
    if (!only || strcmp(only, "ref") != 0) run_models(&g, only ? only : "cpu");
    golden_resize(&g);
    golden_decode(&g);
    golden_augment(&g);
    golden_sampling(&g);
    golden_schedules(&g);
    golden_metrics(&g);
    golden_pth(&g);
    printf("%d passed, %d failed, %d skipped\n", g.passed, g.failed, g.skipped);
    if (!g.passed && !g.failed) golden_die("%s: nothing in this folder was compared", g.dir);
    return g.failed ? 1 : 0;
}
