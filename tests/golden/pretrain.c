/* Stage 1 against pretrain.safetensors: outputs, gradients, and a trajectory of updates. */
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "s4d/base/mem.h"
#include "s4d/model/mae.h"
#include "s4d/train/optim.h"

static const float mean[3] = {0.485f, 0.456f, 0.406f}, std_dev[3] = {0.229f, 0.224f, 0.225f};

typedef struct state {
    golden *g;
    s4d_mae *mae;
    s4d_arena arena;
    s4d_mae_input in[2]; /* by modality */
} state;

static void *device_copy(golden *g, s4d_tensor *t, const void *host)
{
    s4d_err err = {0};
    if (s4d_backend_alloc(g->be, s4d_tensor_bytes(t), &t->data, &err) != S4D_OK) golden_die("%s", err.text);
    if (t->dtype == S4D_I32) s4d_backend_upload(g->be, t->data, host, s4d_tensor_bytes(t));
    else s4d_backend_upload_floats(g->be, *t, host);
    return t->data;
}

/* Lists of the tokens whose mask is `want`, in order. */
static s4d_tensor token_list(golden *g, const int32_t *mask, int64_t B, int64_t N, int32_t want)
{
    int32_t *list = s4d_mem_alloc((size_t)(B * N), sizeof *list);
    int64_t n = 0;
    for (int64_t i = 0; i < B * N; ++i)
        if (mask[i] == want) list[n++] = (int32_t)(i % N);
    s4d_tensor t = S4D_TENSOR(S4D_I32, NULL, B, n / B);
    device_copy(g, &t, list);
    s4d_mem_free(list);
    return t;
}

static void load_input(state *s, int modality)
{
    char name[64];
    golden *g = s->g;
    s4d_mae_input *in = &s->in[modality];
    snprintf(name, sizeof name, "%s/input/pixels", s4d_modality_name((s4d_modality)modality));
    s4d_tensor shape = golden_shape(g, name);
    float *pixels = golden_floats(g, name, NULL);
    int64_t T = modality == S4D_IMAGE ? 1 : shape.dim[2];
    in->pixels = S4D_TENSOR(s4d_backend_real(g->be), NULL, shape.dim[0], 3, T, shape.dim[shape.rank - 2],
                            shape.dim[shape.rank - 1]);
    device_copy(g, &in->pixels, pixels);
    snprintf(name, sizeof name, "%s/input/mask", s4d_modality_name((s4d_modality)modality));
    shape = golden_shape(g, name);
    int32_t *mask = golden_ints(g, name, NULL);
    in->visible = token_list(g, mask, shape.dim[0], shape.dim[1], 0);
    in->masked = token_list(g, mask, shape.dim[0], shape.dim[1], 1);
    memcpy(in->mean, mean, sizeof mean);
    memcpy(in->std, std_dev, sizeof std_dev);
    s4d_mem_free(pixels);
    s4d_mem_free(mask);
}

static void step(state *s, int modality, s4d_mae_output *out)
{
    s4d_arena_reset(&s->arena, 0);
    s4d_mae_forward(s->mae, &s->arena, &s->in[modality], true, out);
    s4d_mae_backward(s->mae, &s->arena, 1);
}

static void plan_memory(state *s)
{
    s4d_err err = {0};
    s4d_mae_output out;
    s4d_backend_set_planning(s->g->be, true);
    for (int i = 0; i < 2; ++i) {
        step(s, i, &out);
        s4d_arena_reset(&s->arena, 0);
        s4d_mae_predict_all(s->mae, &s->arena, &s->in[i], &out);
    }
    s4d_backend_set_planning(s->g->be, false);
    s->arena.size = s->arena.peak;
    void *block = NULL;
    if (s4d_backend_alloc(s->g->be, s->arena.size, &block, &err) != S4D_OK) golden_die("%s", err.text);
    s->arena = (s4d_arena){.base = block, .size = s->arena.size};
}

static double loss_error(golden *g, const char *name, s4d_tensor loss, double *got)
{
    s4d_backend_download(g->be, got, loss.data, sizeof *got);
    double want = golden_scalar(g, name), d = *got - want;
    return (d < 0 ? -d : d) / (want < 0 ? -want : want);
}

static void check_outputs(state *s, int modality)
{
    golden *g = s->g;
    s4d_mae_output out;
    char name[64];
    double loss;
    s4d_params *params = s4d_mae_params(s->mae);
    s4d_arena_reset(&s->arena, 0);
    s4d_mae_predict_all(s->mae, &s->arena, &s->in[modality], &out);
    snprintf(name, sizeof name, "%s/output/encoder", s4d_modality_name((s4d_modality)modality));
    golden_compare_tensor(g, name, out.encoder, TOL_FORWARD);
    snprintf(name, sizeof name, "%s/output/prediction", s4d_modality_name((s4d_modality)modality));
    golden_compare_tensor(g, name, out.prediction, TOL_FORWARD);
    snprintf(name, sizeof name, "%s/output/target", s4d_modality_name((s4d_modality)modality));
    golden_compare_tensor(g, name, out.target, TOL_TARGET);
    s4d_zero(g->be, &(s4d_zero_args){.x = params->g});
    step(s, modality, &out);
    snprintf(name, sizeof name, "%s/output/loss", s4d_modality_name((s4d_modality)modality));
    golden_line(g, name, loss_error(g, name, out.loss, &loss), TOL_LOSS);
    snprintf(name, sizeof name, "%s/grad/", s4d_modality_name((s4d_modality)modality));
    golden_compare_params(g, name, params, true, TOL_GRAD);
}

static void check_trajectory(state *s)
{
    golden *g = s->g;
    s4d_err err = {0};
    s4d_params *params = s4d_mae_params(s->mae);
    int64_t steps = (int64_t)golden_number(g, "trajectory.steps");
    const s4d_safetensors_info *want_loss = s4d_safetensors_find(g->file, "trajectory/loss");
    const s4d_safetensors_info *want_lr = s4d_safetensors_find(g->file, "trajectory/lr");
    if (!want_loss || !want_lr || want_loss->bytes != (size_t)steps * 8 || want_lr->bytes != (size_t)steps * 8)
        golden_die("trajectory: losses and rates of every step are needed");
    s4d_train_opts o = {.epochs = 1, .lr = golden_number(g, "trajectory.lr"), .warmup_fraction = 0.05,
                        .warmup_start_lr = 1e-6, .weight_decay = 0.05, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8};
    s4d_schedule schedule;
    s4d_optim optim;
    s4d_schedule_make(S4D_PRETRAIN, &o, 1, steps, &schedule);
    if (s4d_optim_create(&optim, S4D_PRETRAIN, &o, params, 0, &err) != S4D_OK) golden_die("%s", err.text);
    double worst_loss = 0, worst_lr = 0, *losses = golden_raw(g, want_loss), *rates = golden_raw(g, want_lr);
    for (int64_t i = 0; i < steps; ++i) {
        s4d_mae_output out;
        double got, want, want_rate, rate = s4d_schedule_rate(&schedule, i);
        int modality = i % 2 ? S4D_IMAGE : S4D_VIDEO;
        want = losses[i];
        want_rate = rates[i];
        s4d_zero(g->be, &(s4d_zero_args){.x = params->g});
        step(s, modality, &out);
        s4d_backend_download(g->be, &got, out.loss.data, sizeof got);
        double e = (got > want ? got - want : want - got) / want, r = (rate > want_rate ? rate - want_rate : want_rate - rate);
        worst_loss = golden_worse(worst_loss, e);
        worst_lr = golden_worse(worst_lr, r);
        s4d_optim_step(&optim, g->be, params, &(s4d_optim_update){.rate = rate, .modality = modality});
    }
    golden_line(g, "trajectory/lr (absolute)", worst_lr, 1e-18);
    golden_line(g, "trajectory/loss", worst_loss, TOL_LOSS);
    s4d_mem_free(losses);
    s4d_mem_free(rates);
    golden_compare_params(g, "trajectory/weight/", params, false, TOL_WEIGHT);
    s4d_optim_release(&optim);
}

void golden_pretrain(golden *g)
{
    g->part = "pretrain";
    if (!golden_open(g, "pretrain.safetensors")) {
        golden_skip(g, "pretrain.safetensors", "not in this folder");
        return;
    }
    s4d_err err = {0};
    s4d_model_opts o;
    state s = {.g = g};
    golden_model_opts(g, &o);
    o.decoder = (s4d_tower_opts){(int)golden_number(g, "decoder.dim"), (int)golden_number(g, "decoder.depth"),
                                 (int)golden_number(g, "decoder.heads")};
    if (s4d_mae_create(g->be, &o, &s.mae, &err) != S4D_OK ||
        s4d_params_alloc(s4d_mae_params(s.mae), g->be, true, &err) != S4D_OK)
        golden_die("%s", err.text);
    golden_load_weights(g, s4d_mae_params(s.mae));
    for (int i = 0; i < 2; ++i) load_input(&s, i);
    plan_memory(&s);
    for (int i = 0; i < 2; ++i) check_outputs(&s, i);
    check_trajectory(&s);
    if (s4d_backend_check(g->be, &err) != S4D_OK) golden_die("%s", err.text);
    for (int i = 0; i < 2; ++i) {
        s4d_backend_free(g->be, s.in[i].pixels.data);
        s4d_backend_free(g->be, s.in[i].visible.data);
        s4d_backend_free(g->be, s.in[i].masked.data);
    }
    s4d_backend_free(g->be, s.arena.base);
    s4d_mae_destroy(&s.mae);
    golden_close(g);
}
