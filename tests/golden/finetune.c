/* Stage 2 against finetune.safetensors: routing, outputs, gradients of both balance losses, evaluation, trajectory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "s4d/base/mem.h"
#include "s4d/model/classifier.h"
#include "s4d/train/optim.h"

typedef struct input {
    s4d_classifier_input in;
    s4d_tensor noise[S4D_MAX_LAYERS];
} input;

typedef struct state {
    golden *g;
    s4d_model_opts opts;
    int classes[2];
    s4d_classifier *model;
    s4d_arena arena;
    input input[2];
} state;

static s4d_tensor upload(golden *g, const char *name, int rank, const int64_t *dim)
{
    s4d_err err = {0};
    s4d_tensor t = s4d_tensor_of(s4d_backend_real(g->be), NULL, rank, dim);
    int64_t n;
    float *value = golden_floats(g, name, &n);
    if (n != s4d_tensor_count(&t)) golden_die("%s: unexpected size", name);
    if (s4d_backend_alloc(g->be, s4d_tensor_bytes(&t), &t.data, &err) != S4D_OK) golden_die("%s", err.text);
    s4d_backend_upload_floats(g->be, t, value);
    s4d_mem_free(value);
    return t;
}

static s4d_tensor upload_as_is(golden *g, const char *name)
{
    s4d_tensor shape = golden_shape(g, name);
    return upload(g, name, shape.rank, shape.dim);
}

static void load_input(state *s, int modality)
{
    char name[96];
    golden *g = s->g;
    input *in = &s->input[modality];
    snprintf(name, sizeof name, "%s/input/pixels", s4d_modality_name((s4d_modality)modality));
    s4d_tensor shape = golden_shape(g, name);
    int64_t T = modality == S4D_IMAGE ? 1 : shape.dim[2], S = shape.dim[shape.rank - 1];
    in->in.modality = (s4d_modality)modality;
    in->in.pixels = upload(g, name, 5, (int64_t[]){shape.dim[0], 3, T, S, S});
    snprintf(name, sizeof name, "%s/input/targets", s4d_modality_name((s4d_modality)modality));
    in->in.target = upload_as_is(g, name);
    for (int i = 0; i < s->opts.moae.layer_count; ++i) {
        snprintf(name, sizeof name, "%s/input/router_noise/%d", s4d_modality_name((s4d_modality)modality), s->opts.moae.layers[i]);
        in->noise[i] = upload_as_is(g, name);
    }
    in->in.noise = in->noise;
    in->in.training = true;
}

static void free_input(state *s, input *in)
{
    s4d_backend_free(s->g->be, in->in.pixels.data);
    s4d_backend_free(s->g->be, in->in.target.data);
    for (int i = 0; i < s->opts.moae.layer_count; ++i) s4d_backend_free(s->g->be, in->noise[i].data);
}

static void step(state *s, int modality, s4d_classifier_output *out)
{
    s4d_arena_reset(&s->arena, 0);
    s4d_classifier_forward(s->model, &s->arena, &s->input[modality].in, true, out);
    s4d_classifier_backward(s->model, &s->arena, 1);
}

static void open_model(state *s)
{
    s4d_err err = {0};
    s4d_classifier_output out;
    golden *g = s->g;
    if (s4d_classifier_create(g->be, &s->opts, s->classes, &s->model, &err) != S4D_OK ||
        s4d_params_alloc(s4d_classifier_params(s->model), g->be, true, &err) != S4D_OK)
        golden_die("%s", err.text);
    golden_load_weights(g, s4d_classifier_params(s->model));
    s4d_backend_set_planning(g->be, true);
    s->arena = (s4d_arena){0};
    for (int i = 0; i < 2; ++i) step(s, i, &out);
    s4d_backend_set_planning(g->be, false);
    size_t size = s->arena.peak;
    void *block = NULL;
    if (s4d_backend_alloc(g->be, size, &block, &err) != S4D_OK) golden_die("%s", err.text);
    s->arena = (s4d_arena){.base = block, .size = size};
}

static void close_model(state *s)
{
    s4d_err err = {0};
    if (s4d_backend_check(s->g->be, &err) != S4D_OK) golden_die("%s", err.text);
    s4d_backend_free(s->g->be, s->arena.base);
    s4d_classifier_destroy(&s->model);
}

/* Gates [B,N,E] with zeros for experts not chosen, and the chosen indices, of every MoAE layer. */
static void check_routing(state *s, const char *kind, const char *mode, const s4d_classifier_output *out)
{
    golden *g = s->g;
    for (int i = 0; i < out->layers; ++i) {
        char name[96];
        const s4d_routing *r = &out->routing[i];
        int64_t M = r->index.dim[0], K = r->index.dim[1], E = s->opts.moae.experts, n;
        int32_t *index = s4d_mem_alloc((size_t)(M * K), sizeof *index);
        float *gate = s4d_mem_alloc((size_t)(M * K), sizeof *gate), *dense = s4d_mem_alloc((size_t)(M * E), sizeof *dense);
        s4d_backend_download(g->be, index, r->index.data, (size_t)(M * K) * sizeof *index);
        s4d_backend_download_floats(g->be, gate, r->gate);
        for (int64_t m = 0; m < M * K; ++m) dense[m / K * E + index[m]] = gate[m];
        snprintf(name, sizeof name, "%s/output/%s/gate/%d", kind, mode, s->opts.moae.layers[i]);
        golden_compare(g, name, dense, M * E, TOL_FORWARD);
        snprintf(name, sizeof name, "%s/output/%s/expert_index/%d", kind, mode, s->opts.moae.layers[i]);
        int32_t *want = golden_ints(g, name, &n), wrong = n == M * K ? 0 : 1;
        for (int64_t m = 0; m < n && n == M * K; ++m) wrong += want[m] != index[m];
        golden_line(g, name, wrong, 0);
        s4d_mem_free(index);
        s4d_mem_free(gate);
        s4d_mem_free(dense);
        s4d_mem_free(want);
    }
}

static void check_scalar(golden *g, const char *kind, const char *quantity, double got)
{
    char name[96];
    snprintf(name, sizeof name, "%s/output/%s", kind, quantity);
    double want = golden_scalar(g, name);
    golden_line(g, name, fabs(got - want) / fabs(want), TOL_LOSS);
}

static double scalar(golden *g, s4d_tensor t)
{
    double value;
    s4d_backend_download(g->be, &value, t.data, sizeof value);
    return value;
}

static void check_dropped(golden *g, const char *kind, const s4d_classifier_output *out)
{
    char name[96];
    int32_t sum = 0;
    for (int i = 0; i < out->layers; ++i) {
        int32_t dropped;
        s4d_backend_download(g->be, &dropped, out->routing[i].dropped.data, sizeof dropped);
        sum += dropped;
    }
    snprintf(name, sizeof name, "%s/output/dropped", kind);
    int32_t *want = golden_ints(g, name, NULL);
    golden_line(g, name, abs(want[0] - sum), 0);
    s4d_mem_free(want);
}

static void check_training(state *s, int modality)
{
    golden *g = s->g;
    const char *kind = s4d_modality_name((s4d_modality)modality);
    s4d_classifier_output out;
    char name[96];
    s4d_zero(g->be, &(s4d_zero_args){.x = s4d_classifier_params(s->model)->g});
    step(s, modality, &out);
    snprintf(name, sizeof name, "%s/output/train/feature", kind);
    golden_compare_tensor(g, name, out.feature, TOL_FORWARD);
    snprintf(name, sizeof name, "%s/output/train/logits", kind);
    golden_compare_tensor(g, name, out.logits, TOL_FORWARD);
    check_routing(s, kind, "train", &out);
    double ce = scalar(g, out.loss), balance = scalar(g, out.balance);
    check_scalar(g, kind, "ce", ce);
    check_scalar(g, kind, "balance", balance);
    check_scalar(g, kind, "loss", ce + s->opts.moae.balance_coef * balance);
    check_dropped(g, kind, &out);
    snprintf(name, sizeof name, "%s/grad/", kind);
    golden_compare_params(g, name, s4d_classifier_params(s->model), true, TOL_GRAD);
}

static void check_softmax_balance(state *s, int modality)
{
    golden *g = s->g;
    s4d_classifier_output out;
    char name[96];
    s4d_zero(g->be, &(s4d_zero_args){.x = s4d_classifier_params(s->model)->g});
    step(s, modality, &out);
    check_scalar(g, s4d_modality_name((s4d_modality)modality), "balance_softmax", scalar(g, out.balance));
    snprintf(name, sizeof name, "%s/grad_softmax/", s4d_modality_name((s4d_modality)modality));
    golden_compare_params(g, name, s4d_classifier_params(s->model), true, TOL_GRAD);
}

/* mode "eval": capacity on, as published; "eval_free": no limit, the default here. */
static void check_evaluation(state *s, int modality, const char *mode)
{
    golden *g = s->g;
    const char *kind = s4d_modality_name((s4d_modality)modality);
    s4d_classifier_input in = {.modality = (s4d_modality)modality, .pixels = s->input[modality].in.pixels};
    s4d_classifier_output out;
    char name[96];
    s4d_arena_reset(&s->arena, 0);
    s4d_classifier_forward(s->model, &s->arena, &in, true, &out);
    snprintf(name, sizeof name, "%s/output/%s/logits", kind, mode);
    golden_compare_tensor(g, name, out.logits, TOL_FORWARD);
    snprintf(name, sizeof name, "%s/output/%s/feature", kind, mode);
    if (golden_has(g, name)) {
        golden_compare_tensor(g, name, out.feature, TOL_FORWARD);
        check_routing(s, kind, mode, &out);
    }
}

static void check_trajectory(state *s)
{
    golden *g = s->g;
    s4d_err err = {0};
    s4d_params *params = s4d_classifier_params(s->model);
    int64_t steps = (int64_t)golden_number(g, "trajectory.steps"), n;
    s4d_train_opts o = {.weight_decay = 0.05, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,
                        .layer_decay = golden_number(g, "trajectory.layer_decay")};
    s4d_schedule schedule = {.stage = S4D_FINETUNE, .steps = steps,
                             .warmup_steps = (int64_t)golden_number(g, "trajectory.warmup_steps"),
                             .peak = golden_number(g, "trajectory.lr"), .min = golden_number(g, "trajectory.min_lr")};
    s4d_optim optim;
    if (s4d_optim_create(&optim, S4D_FINETUNE, &o, params, s->opts.encoder.depth, &err) != S4D_OK)
        golden_die("%s", err.text);
    const s4d_safetensors_info *loss = s4d_safetensors_find(g->file, "trajectory/loss");
    const s4d_safetensors_info *lr = s4d_safetensors_find(g->file, "trajectory/lr");
    n = steps * 8;
    if (!loss || !lr || loss->bytes != (size_t)n || lr->bytes != (size_t)n) golden_die("trajectory: incomplete");
    double worst_loss = 0, worst_lr = 0, *losses = golden_raw(g, loss), *rates = golden_raw(g, lr);
    for (int64_t i = 0; i < steps; ++i) {
        s4d_classifier_output out;
        int modality = i % 2 ? S4D_IMAGE : S4D_VIDEO;
        double want, want_rate, rate = s4d_schedule_rate(&schedule, i);
        want = losses[i];
        want_rate = rates[i];
        s4d_zero(g->be, &(s4d_zero_args){.x = params->g});
        step(s, modality, &out);
        double e = fabs(scalar(g, out.loss) + s->opts.moae.balance_coef * scalar(g, out.balance) - want) / fabs(want);
        worst_loss = golden_worse(worst_loss, e);
        worst_lr = golden_worse(worst_lr, fabs(rate - want_rate));
        s4d_optim_step(&optim, g->be, params, &(s4d_optim_update){.rate = rate, .modality = modality});
    }
    golden_line(g, "trajectory/lr (absolute)", worst_lr, 1e-18);
    golden_line(g, "trajectory/loss", worst_loss, TOL_LOSS);
    s4d_mem_free(losses);
    s4d_mem_free(rates);
    golden_compare_params(g, "trajectory/weight/", params, false, TOL_WEIGHT);
    s4d_optim_release(&optim);
}

static void load_opts(state *s)
{
    golden *g = s->g;
    s4d_moae_opts *m = &s->opts.moae;
    golden_model_opts(g, &s->opts);
    s->classes[S4D_IMAGE] = (int)golden_number(g, "classes.image");
    s->classes[S4D_VIDEO] = (int)golden_number(g, "classes.video");
    m->experts = (int)golden_number(g, "moae.experts");
    m->top_k = (int)golden_number(g, "moae.top_k");
    m->capacity_factor = golden_number(g, "moae.capacity_factor");
    m->balance_coef = golden_number(g, "moae.balance_coef");
    m->reduction = 4;
    const s4d_json *layers = s4d_json_find(s4d_json_find(g->config, "moae"), "layers");
    m->layer_count = layers ? (int)s4d_json_count(layers) : 0;
    if (m->layer_count > S4D_MAX_LAYERS) golden_die("config: too many MoAE layers");
    for (int i = 0; i < m->layer_count; ++i) m->layers[i] = (int)s4d_json_number(s4d_json_at(layers, (size_t)i));
}

void golden_finetune(golden *g)
{
    g->part = "finetune";
    if (!golden_open(g, "finetune.safetensors")) {
        golden_skip(g, "finetune.safetensors", "not in this folder");
        return;
    }
    state s = {.g = g};
    load_opts(&s);
    for (int i = 0; i < 2; ++i) load_input(&s, i);
    s.opts.moae.balance_loss = S4D_BALANCE_LOGITS;
    s.opts.moae.eval_capacity = true;
    open_model(&s);
    for (int i = 0; i < 2; ++i) check_training(&s, i);
    for (int i = 0; i < 2; ++i) check_evaluation(&s, i, "eval");
    check_trajectory(&s);
    close_model(&s);
    s.opts.moae.balance_loss = S4D_BALANCE_SOFTMAX;
    s.opts.moae.eval_capacity = false;
    open_model(&s);
    for (int i = 0; i < 2; ++i) check_softmax_balance(&s, i);
    for (int i = 0; i < 2; ++i) check_evaluation(&s, i, "eval_free");
    close_model(&s);
    for (int i = 0; i < 2; ++i) free_input(&s, &s.input[i]);
    golden_close(g);
}
