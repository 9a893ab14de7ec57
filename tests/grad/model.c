/* Whole tiny models on ref64 against central differences: every parameter tensor of both stages. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/base/rng.h"
#include "s4d/model/classifier.h"
#include "s4d/model/mae.h"

int grad_model(void);

enum { PROBES = 6 }; /* elements tried of each tensor */
static const double tolerance = 1e-6, width = 1e-5;

typedef struct model {
    const char *name;
    s4d_backend *be;
    s4d_params *params;
    s4d_arena arena;
    s4d_mae *mae;
    s4d_classifier *classifier;
    s4d_mae_input mae_in;
    s4d_classifier_input in;
    double balance_coef;
} model;

static void must(s4d_status status, const s4d_err *err)
{
    if (status != S4D_OK) {
        fprintf(stderr, "grad: %s\n", err->text);
        exit(1);
    }
}

static s4d_tensor filled(s4d_backend *be, s4d_dtype dtype, int rank, const int64_t *dim)
{
    s4d_err err = {0};
    s4d_tensor t = s4d_tensor_of(dtype, NULL, rank, dim);
    must(s4d_backend_alloc(be, s4d_tensor_bytes(&t), &t.data, &err), &err);
    return t;
}

#define FILLED(be, dtype, ...)                                                                     \
    filled(be, dtype, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static s4d_tensor random_tensor(s4d_backend *be, uint64_t key, s4d_random_kind kind, s4d_tensor t)
{
    s4d_random(be, &(s4d_random_args){.kind = kind, .key = key, .y = t});
    return t;
}

static double scalar(s4d_tensor t)
{
    double value;
    memcpy(&value, t.data, sizeof value);
    return value;
}

/* The loss; with `backward` its gradients are added too. 0 while planning. */
static double step(model *m, bool backward)
{
    double loss = 0;
    s4d_arena_reset(&m->arena, 0);
    if (m->mae) {
        s4d_mae_output out;
        s4d_mae_forward(m->mae, &m->arena, &m->mae_in, true, &out);
        if (backward) s4d_mae_backward(m->mae, &m->arena, 1);
        if (out.loss.data) loss = scalar(out.loss);
    } else {
        s4d_classifier_output out;
        s4d_classifier_forward(m->classifier, &m->arena, &m->in, true, &out);
        if (backward) s4d_classifier_backward(m->classifier, &m->arena, 1);
        if (out.loss.data) loss = scalar(out.loss) + m->balance_coef * scalar(out.balance);
    }
    return loss;
}

static void ready(model *m)
{
    s4d_err err = {0};
    must(s4d_params_alloc(m->params, m->be, true, &err), &err);
    random_tensor(m->be, 11, S4D_NORMAL, m->params->w);
    s4d_scale(m->be, &(s4d_scale_args){.factor = 0.3, .x = m->params->w});
    s4d_backend_set_planning(m->be, true);
    step(m, true);
    s4d_backend_set_planning(m->be, false);
    m->arena.size = m->arena.peak;
    void *block;
    must(s4d_backend_alloc(m->be, m->arena.size, &block, &err), &err);
    m->arena.base = block;
}

/* Largest difference over the tensor's probes, relative to the largest gradient among them (at least 1e-3 of the loss). */
static double probe(model *m, int index, double loss)
{
    s4d_tensor w = s4d_params_w(m->params, index), g = s4d_params_g(m->params, index);
    double *weight = w.data, *grad = g.data, worst = 0, top = 1e-3 * fabs(loss);
    int64_t n = m->params->item[index].count;
    for (int i = 0; i < PROBES && i < n; ++i) {
        int64_t at = n <= PROBES ? i : (int64_t)(i * n / PROBES + index) % n;
        double kept = weight[at];
        weight[at] = kept + width;
        double above = step(m, false);
        weight[at] = kept - width;
        double below = step(m, false);
        weight[at] = kept;
        double off = fabs((above - below) / (2 * width) - grad[at]);
        worst = isnan(off) ? INFINITY : fmax(worst, off);
        top = fmax(top, fabs(grad[at]));
    }
    return worst / top;
}

static int compare(model *m)
{
    s4d_err err = {0};
    double worst = 0, loss;
    int at = 0;
    s4d_zero(m->be, &(s4d_zero_args){.x = m->params->g});
    loss = step(m, true);
    for (int i = 0; i < m->params->count; ++i) {
        double e = probe(m, i, loss);
        if (!(e <= worst)) {
            worst = e;
            at = i;
        }
    }
    must(s4d_backend_check(m->be, &err), &err);
    bool ok = worst <= tolerance && loss > 0;
    printf("%-28s %3d tensors, worst %.2e (%s)  %s\n", m->name, m->params->count, worst, m->params->item[at].name,
           ok ? "ok" : "FAILED");
    return ok ? 0 : 1;
}

static const s4d_model_opts tiny = {.img_size = 8, .patch_size = 4, .num_frames = 4, .tubelet_size = 2,
                                    .encoder = {12, 2, 3}, .decoder = {8, 1, 2}, .mlp_ratio = 2,
                                    .moae = {.layers = {1}, .layer_count = 1, .experts = 4, .top_k = 2, .reduction = 2,
                                             .capacity_factor = 1.0, .balance_coef = 0.05}};

static s4d_tensor keep_tensor(s4d_backend *be, int64_t branches, int64_t B)
{
    s4d_tensor keep = FILLED(be, S4D_F64, branches, B);
    double *k = keep.data;
    for (int64_t i = 0; i < branches * B; ++i) k[i] = i % 3 == 1 ? 0 : 1.5;
    return keep;
}

static int check_mae(s4d_backend *be, s4d_modality modality)
{
    s4d_err err = {0};
    int64_t B = 2, T = modality == S4D_VIDEO ? 4 : 1, N = modality == S4D_VIDEO ? 8 : 4, V = N / 4;
    model m = {.name = modality == S4D_VIDEO ? "mae, video, drop path" : "mae, image", .be = be};
    must(s4d_mae_create(be, &tiny, &m.mae, &err), &err);
    m.params = s4d_mae_params(m.mae);
    m.mae_in = (s4d_mae_input){.std = {1, 1, 1}};
    m.mae_in.pixels = random_tensor(be, 5, S4D_NORMAL, FILLED(be, S4D_F64, B, 3, T, 8, 8));
    m.mae_in.visible = FILLED(be, S4D_I32, B, V);
    m.mae_in.masked = FILLED(be, S4D_I32, B, N - V);
    if (modality == S4D_VIDEO) m.mae_in.keep = keep_tensor(be, 6, B);
    int32_t *visible = m.mae_in.visible.data, *masked = m.mae_in.masked.data;
    for (int64_t b = 0; b < B; ++b) /* every fourth token is seen, another one in each sample */
        for (int64_t i = 0, v = 0, k = 0; i < N; ++i) {
            if (i % 4 == b + 1) visible[b * V + v++] = (int32_t)i;
            else masked[b * (N - V) + k++] = (int32_t)i;
        }
    ready(&m);
    int failed = compare(&m);
    s4d_tensor owned[] = {m.mae_in.pixels, m.mae_in.visible, m.mae_in.masked, m.mae_in.keep};
    for (int i = 0; i < 4; ++i) s4d_backend_free(be, owned[i].data);
    s4d_backend_free(be, m.arena.base);
    s4d_mae_destroy(&m.mae);
    return failed;
}

static int check_classifier(s4d_backend *be, s4d_modality modality, s4d_balance balance)
{
    s4d_err err = {0};
    s4d_model_opts opts = tiny;
    int64_t B = 3, T = modality == S4D_VIDEO ? 4 : 1, N = modality == S4D_VIDEO ? 8 : 4;
    model m = {.name = balance == S4D_BALANCE_LOGITS ? "classifier, logits balance" : "classifier, softmax balance",
               .be = be, .balance_coef = opts.moae.balance_coef};
    opts.moae.balance_loss = balance;
    must(s4d_classifier_create(be, &opts, (int[2]){modality == S4D_IMAGE ? 5 : 0, modality == S4D_VIDEO ? 5 : 0},
                               &m.classifier, &err), &err);
    m.params = s4d_classifier_params(m.classifier);
    s4d_tensor noise = random_tensor(be, 7, S4D_NORMAL, FILLED(be, S4D_F64, B, N, 4));
    m.in = (s4d_classifier_input){.modality = modality, .noise = &noise, .training = true};
    m.in.pixels = random_tensor(be, 6, S4D_NORMAL, FILLED(be, S4D_F64, B, 3, T, 8, 8));
    m.in.target = random_tensor(be, 8, S4D_UNIFORM, FILLED(be, S4D_F64, B, 5));
    m.in.keep = keep_tensor(be, 4, B);
    ready(&m);
    int failed = compare(&m);
    s4d_tensor owned[] = {noise, m.in.pixels, m.in.target, m.in.keep};
    for (int i = 0; i < 4; ++i) s4d_backend_free(be, owned[i].data);
    s4d_backend_free(be, m.arena.base);
    s4d_classifier_destroy(&m.classifier);
    return failed;
}

int grad_model(void)
{
    s4d_backend *be = NULL;
    s4d_err err = {0};
    must(s4d_backend_create(&(s4d_backend_opts){.device = "ref64", .threads = 1, .override = ""}, &be, &err), &err);
    int failed = check_mae(be, S4D_VIDEO) + check_mae(be, S4D_IMAGE);
    failed += check_classifier(be, S4D_VIDEO, S4D_BALANCE_LOGITS) + check_classifier(be, S4D_IMAGE, S4D_BALANCE_SOFTMAX);
    s4d_backend_destroy(&be);
    return failed;
}
