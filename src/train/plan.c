/* What a run takes, before it starts: parameters, memory, arithmetic. */
#include "s4d/data/draw.h"
#include "s4d/train/run.h"
#include "train/session.h"
#include "train/work.h"

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

void s4d_step_tokens(const s4d_run_opts *o, s4d_modality modality, int *tokens, int *visible)
{
    const s4d_model_opts *m = &o->model;
    const s4d_mask_opts *mask = &o->data.mask;
    bool video = modality == S4D_VIDEO;
    int masked, per_frame = (m->img_size / m->patch_size) * (m->img_size / m->patch_size);
    *tokens = *visible = video ? m->num_frames / m->tubelet_size * per_frame : per_frame;
    if (o->stage == S4D_PRETRAIN)
        s4d_mask_counts(video ? mask->video_ratio : mask->image_ratio, video ? mask->video_kind : S4D_MASK_RANDOM, *tokens, per_frame,
                        visible, &masked);
}

double s4d_step_gflop(const s4d_run_opts *o, s4d_modality modality, int classes)
{
    int tokens, visible;
    s4d_step_tokens(o, modality, &tokens, &visible);
    return step_gflop(sample_macs(o, tokens, visible, classes));
}

static void plan_modality(s4d_engine *e, s4d_modality modality, int classes, s4d_run_plan *plan)
{
    const s4d_run_opts *o = e->o;
    const s4d_set_opts *set = s4d_run_set(o, modality);
    int tokens, visible;
    bool video = modality == S4D_VIDEO, present = set->train[0] && (o->stage == S4D_PRETRAIN || classes);
    s4d_engine_load load = {0};
    s4d_step_tokens(o, modality, &tokens, &visible);
    *(video ? &plan->tokens_video : &plan->tokens_image) = tokens;
    *(video ? &plan->visible_video : &plan->visible_image) = visible;
    if (!present) return;
    load.train[modality] = set->batch;
    *(video ? &plan->step_bytes_video : &plan->step_bytes_image) = s4d_engine_step_bytes(e, &load);
    *(video ? &plan->gflop_video : &plan->gflop_image) = s4d_step_gflop(o, modality, classes);
}

s4d_status s4d_run_plan_make(const s4d_run_opts *o, s4d_run_plan *plan, s4d_err *err)
{
    int classes[2] = {0};
    s4d_engine e;
    for (int i = 0; i < 2 && o->stage == S4D_FINETUNE; ++i) classes[i] = s4d_run_set(o, (s4d_modality)i)->class_count;
    s4d_status status = s4d_engine_create(o, classes, &e, err);
    if (status != S4D_OK) return status;
    *plan = (s4d_run_plan){.parameters = s4d_params_elements(e.params), .weight_bytes = s4d_params_bytes(e.params, true)};
    for (int i = 0; i < 2; ++i) plan_modality(&e, (s4d_modality)i, classes[i], plan);
    s4d_engine_release(&e);
    return S4D_OK;
}
