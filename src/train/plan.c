/* What a run takes, before it starts: parameters, memory, arithmetic. */
#include "s4d/data/draw.h"
#include "s4d/train/run.h"
#include "train/session.h"

/* Multiply-adds of a tower over `tokens` tokens of one sample (products only). */
static double tower_macs(const s4d_tower_opts *t, const s4d_model_opts *m, double tokens, bool moae)
{
    double D = t->dim, block = tokens * D * D * (4 + 2 * m->mlp_ratio) + 2 * tokens * tokens * D;
    double macs = block * t->depth;
    if (moae) {
        const s4d_moae_opts *o = &m->moae;
        double layer = tokens * D * 2 * o->experts + tokens * o->top_k * 2 * D * (D / o->reduction);
        macs += layer * o->layer_count;
    }
    return macs;
}

/* Forward multiply-adds of one sample of `tokens` tokens, `visible` of which the encoder sees. */
static double sample_macs(const s4d_run_opts *o, double tokens, double visible, double classes)
{
    const s4d_model_opts *m = &o->model;
    double D = m->encoder.dim, Dd = m->decoder.dim, Q = 3.0 * m->tubelet_size * m->patch_size * m->patch_size;
    if (o->stage == S4D_FINETUNE)
        return tokens * Q * D + tower_macs(&m->encoder, m, tokens, true) + D * classes;
    return visible * Q * D + tower_macs(&m->encoder, m, visible, false) + visible * D * Dd +
           tower_macs(&m->decoder, m, tokens, false) + (tokens - visible) * Dd * Q;
}

/* Backward takes two products for every one of forward; a multiply-add counts as two operations. */
static double step_gflop(double macs)
{
    return 3 * 2 * macs / 1e9;
}

s4d_status s4d_run_plan_make(const s4d_run_opts *o, s4d_run_plan *plan, s4d_err *err)
{
    const s4d_model_opts *m = &o->model;
    const s4d_set_opts *set[2] = {s4d_run_set(o, S4D_IMAGE), s4d_run_set(o, S4D_VIDEO)};
    int classes[2] = {0}, per_frame = (m->img_size / m->patch_size) * (m->img_size / m->patch_size);
    for (int i = 0; i < 2 && o->stage == S4D_FINETUNE; ++i) classes[i] = set[i]->class_count;
    s4d_engine e;
    s4d_status status = s4d_engine_create(o, classes, &e, err);
    if (status != S4D_OK) return status;
    *plan = (s4d_run_plan){.parameters = s4d_params_elements(e.params),
                           .tokens_image = per_frame,
                           .tokens_video = (int64_t)m->num_frames / m->tubelet_size * per_frame};
    plan->visible_image = plan->tokens_image;
    plan->visible_video = plan->tokens_video;
    if (o->stage == S4D_PRETRAIN) {
        const s4d_mask_opts *mask = &o->data.mask;
        int visible, masked;
        s4d_mask_counts(mask->image_ratio, S4D_MASK_RANDOM, per_frame, per_frame, &visible, &masked);
        plan->visible_image = visible;
        s4d_mask_counts(mask->video_ratio, mask->video_kind, (int)plan->tokens_video, per_frame, &visible, &masked);
        plan->visible_video = visible;
    }
    plan->weight_bytes = s4d_params_bytes(e.params, s4d_backend_real(e.be), true);
    bool present[2];
    for (int i = 0; i < 2; ++i) present[i] = set[i]->train[0] && (o->stage == S4D_PRETRAIN || classes[i]);
    if (present[S4D_IMAGE]) {
        s4d_engine_load load = {.train = {[S4D_IMAGE] = set[S4D_IMAGE]->batch}};
        plan->step_bytes_image = s4d_engine_step_bytes(&e, &load);
        plan->gflop_image = step_gflop(sample_macs(o, (double)plan->tokens_image, (double)plan->visible_image,
                                                   classes[S4D_IMAGE]));
    }
    if (present[S4D_VIDEO]) {
        s4d_engine_load load = {.train = {[S4D_VIDEO] = set[S4D_VIDEO]->batch}};
        plan->step_bytes_video = s4d_engine_step_bytes(&e, &load);
        plan->gflop_video = step_gflop(sample_macs(o, (double)plan->tokens_video, (double)plan->visible_video,
                                                   classes[S4D_VIDEO]));
    }
    s4d_engine_release(&e);
    return S4D_OK;
}
