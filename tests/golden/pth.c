/* PyTorch's own checkpoint files, in both forms, against the tensors they were made of: bit for bit. What was stored as
 * half is compared with the values rounded to half. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/ckpt/file.h"

/* To the nearest binary16 number, ties to even. */
static float round_to_half(float x)
{
    int exponent;
    frexpf(x, &exponent); /* |x| in [2^(exponent-1), 2^exponent) */
    double step = ldexp(1, (exponent < -13 ? -13 : exponent) - 11), y = nearbyint(x / step) * step;
    return (float)(fabs(y) > 65504 ? copysign(INFINITY, x) : y);
}

static bool same_shape(s4d_tensor a, const s4d_ckpt_tensor *b)
{
    return a.rank == b->rank && memcmp(a.dim, b->dim, (size_t)a.rank * sizeof *a.dim) == 0;
}

/* Elements that differ. */
static int64_t differing(golden *g, s4d_ckpt *file, const s4d_ckpt_tensor *t, const char *name)
{
    s4d_err err = {0};
    int64_t n, wrong = 0;
    float *want = golden_floats(g, name, &n), *got = s4d_mem_alloc((size_t)n, sizeof *got);
    if (!same_shape(golden_shape(g, name), t)) golden_die("%s: %s has another shape", s4d_ckpt_path(file), t->name);
    if (!got || s4d_ckpt_read_floats(file, t, got, &err) != S4D_OK) golden_die("%s: %s", t->name, err.text);
    for (int64_t i = 0; i < n; ++i) {
        float value = strcmp(t->type, "F16") == 0 ? round_to_half(want[i]) : want[i];
        wrong += memcmp(&value, &got[i], sizeof value) != 0;
    }
    s4d_mem_free(want);
    s4d_mem_free(got);
    return wrong;
}

static void check_file(golden *g, const char *name, s4d_ckpt_kind kind)
{
    char path[S4D_PATH_MAX], line[128];
    s4d_ckpt *file = NULL;
    s4d_err err = {0};
    int64_t wrong = 0;
    size_t weights = 0, halves = 0;
    snprintf(path, sizeof path, "%s/pth/%s", g->dir, name);
    if (!s4d_path_exists(path)) {
        golden_skip(g, path, "not in this folder");
        return;
    }
    if (s4d_ckpt_open(path, NULL, &file, &err) != S4D_OK) golden_die("%s", err.text);
    if (s4d_ckpt_kind_of(file) != kind || strcmp(s4d_ckpt_top(file), "model") != 0)
        golden_die("%s: taken for %s under \"%s\"", path, s4d_ckpt_kind_name(s4d_ckpt_kind_of(file)), s4d_ckpt_top(file));
    for (size_t i = 0; i < s4d_safetensors_count(g->file); ++i) {
        const char *want = s4d_safetensors_at(g->file, i)->name;
        if (strncmp(want, "weight/", 7) != 0) continue;
        const s4d_ckpt_tensor *t = s4d_ckpt_find(file, want + 7);
        if (!t) golden_die("%s: %s is missing", path, want + 7);
        wrong += differing(g, file, t, want);
        weights++;
        halves += strcmp(t->type, "F16") == 0;
    }
    if (!weights || weights != s4d_ckpt_count(file))
        golden_die("%s: %zu tensors, and %zu weights are known", path, s4d_ckpt_count(file), weights);
    snprintf(line, sizeof line, "%s (%zu tensors, %zu as half)", name, weights, halves);
    golden_line(g, line, (double)wrong, 0);
    s4d_ckpt_close(&file);
}

void golden_pth(golden *g)
{
    static const struct {
        const char *weights, *zip, *legacy;
    } made[] = {{"pretrain.safetensors", "pretrain.pt", "legacy_pretrain.pt"},
                {"finetune.safetensors", "finetune.pth", "legacy_finetune.pth"}};
    g->part = "pth";
    for (int i = 0; i < 2; ++i) {
        if (!golden_open(g, made[i].weights)) {
            golden_skip(g, made[i].weights, "not in this folder");
            continue;
        }
        check_file(g, made[i].zip, S4D_CKPT_TORCH_ZIP);
        check_file(g, made[i].legacy, S4D_CKPT_TORCH_LEGACY);
        golden_close(g);
    }
}
