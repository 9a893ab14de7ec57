/* Rules between settings: what has to divide, what needs what. */
#include <stdio.h>
#include <string.h>

#include "config/fields.h"
#include "s4d/base/str.h"
#include "s4d/data/draw.h"

#define REFUSE(...) return s4d_err_set(err, S4D_USAGE, __VA_ARGS__)

static s4d_status check_tower(const s4d_tower_opts *t, const char *name, const char *origin, s4d_err *err)
{
    if (t->dim % t->heads)
        REFUSE("%s: model.%s.heads: %d does not divide model.%s.dim %d; choose a divisor", origin, name, t->heads, name, t->dim);
    return S4D_OK;
}

static s4d_status check_moae(const s4d_model_opts *m, const char *origin, s4d_err *err)
{
    const s4d_moae_opts *o = &m->moae;
    if (!o->layer_count) return S4D_OK;
    if (o->layers[o->layer_count - 1] >= m->encoder.depth)
        REFUSE("%s: model.moae.layers: there is no block %d in an encoder of depth %d; the last is %d", origin,
               o->layers[o->layer_count - 1], m->encoder.depth, m->encoder.depth - 1);
    if (o->top_k > o->experts)
        REFUSE("%s: model.moae.top_k: %d is more than the %d experts; lower it", origin, o->top_k, o->experts);
    if (m->encoder.dim % o->reduction)
        REFUSE("%s: model.moae.reduction: %d does not divide model.encoder.dim %d; choose a divisor", origin, o->reduction,
               m->encoder.dim);
    return S4D_OK;
}

/* Token numbers are 32 bits wide on every device, those of a whole batch times the choices of routing too. */
enum { TOKENS_MAX = 1 << 20 };

static int64_t tokens_of(const s4d_model_opts *m, s4d_modality modality)
{
    int64_t side = m->img_size / m->patch_size, times = modality == S4D_VIDEO ? m->num_frames / m->tubelet_size : 1;
    return side * side * times;
}

static s4d_status check_tokens(const s4d_model_opts *m, const char *origin, s4d_err *err)
{
    int64_t tokens = tokens_of(m, S4D_VIDEO);
    if (tokens > TOKENS_MAX)
        REFUSE("%s: model.patch_size: a clip has %lld tokens, more than %d; choose larger patches or tubelets, or smaller frames",
               origin, (long long)tokens, TOKENS_MAX);
    return S4D_OK;
}

static s4d_status check_batch(const s4d_run_opts *o, const s4d_set_opts *set, s4d_modality modality, const char *origin,
                              s4d_err *err)
{
    const char *name = s4d_modality_name(modality);
    int64_t choices = o->model.moae.layer_count ? o->model.moae.top_k : 1;
    int64_t most = INT32_MAX / (tokens_of(&o->model, modality) * choices);
    if (set->batch > most)
        REFUSE("%s: data.%s.batch: %d is more than the %lld samples that 32-bit token numbers reach; lower it and raise "
               "train.accumulate", origin, name, set->batch, (long long)most);
    int64_t views = s4d_eval_views_together(o, modality);
    if ((set->test[0] || set->val[0]) && o->eval.batch * views > most)
        REFUSE("%s: eval.batch: %d samples of %lld views are more than the %lld that 32-bit token numbers reach; lower it", origin,
               o->eval.batch, (long long)views, (long long)most);
    return S4D_OK;
}

static s4d_status check_model(const s4d_run_opts *o, const char *origin, s4d_err *err)
{
    const s4d_model_opts *m = &o->model;
    if (m->img_size % m->patch_size)
        REFUSE("%s: model.patch_size: %d does not divide model.img_size %d; choose a divisor", origin, m->patch_size,
               m->img_size);
    if (m->num_frames % m->tubelet_size)
        REFUSE("%s: model.tubelet_size: %d does not divide model.num_frames %d; choose a divisor", origin, m->tubelet_size,
               m->num_frames);
    s4d_status status = check_tokens(m, origin, err);
    if (status == S4D_OK) status = check_tower(&m->encoder, "encoder", origin, err);
    if (status == S4D_OK && o->stage == S4D_PRETRAIN) status = check_tower(&m->decoder, "decoder", origin, err);
    if (status == S4D_OK && o->stage == S4D_FINETUNE) status = check_moae(m, origin, err);
    if (status == S4D_OK && o->stage == S4D_PRETRAIN && m->moae.layer_count)
        REFUSE("%s: model.moae.layers: pre-training has no experts; remove the key", origin);
    return status;
}

static bool present(const s4d_set_opts *set)
{
    return set->train[0] || set->val[0] || set->test[0];
}

/* A folder of its own beside the files that a run folder holds. */
static bool names_results(const char *name)
{
    static const char *const taken[] = {"checkpoints", "config.resolved.json", "metrics.jsonl", "model.safetensors"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; ++i)
        if (strcmp(name, taken[i]) == 0) return false;
    for (const char *c = name; *c; ++c)
        if ((unsigned char)*c < ' ' || *c == '/' || *c == 0x7F) return false;
    bool beside = s4d_str_ends(name, S4D_PLACE_VAL) || s4d_str_ends(name, S4D_PLACE_LAST); /* folders that stand beside a set's */
    return name[0] && name[0] != '.' && !beside && s4d_str_utf8(name);
}

static s4d_status check_set(const s4d_run_opts *o, s4d_modality modality, const char *origin, s4d_err *err)
{
    const s4d_set_opts *set = s4d_run_set(o, modality);
    const char *name = s4d_modality_name(modality);
    if (!present(set)) return S4D_OK;
    if (!names_results(set->name))
        REFUSE("%s: data.%s.name: \"%s\" cannot name a folder of results; use letters, digits, - and _", origin, name, set->name);
    if (o->stage == S4D_FINETUNE && set->class_count < 2)
        REFUSE("%s: data.%s.classes: fine-tuning and evaluation need two classes or more; list their names in index order",
               origin, name);
    if (o->stage == S4D_FINETUNE && set->format == S4D_LIST_PATHS)
        REFUSE("%s: data.%s.format: \"paths\" has no labels; use manifest, csv or text", origin, name);
    if (set->batch % set->repeat)
        REFUSE("%s: data.%s.repeat: %d does not divide data.%s.batch %d; choose a divisor", origin, name, set->repeat, name,
               set->batch);
    if (set->balanced && set->class_count == 0)
        REFUSE("%s: data.%s.balanced: drawing classes equally needs data.%s.classes; list them, or set it to false", origin, name,
               name);
    if (set->balanced && (o->train.class_weights != S4D_WEIGHTS_NONE || o->train.logit_adjustment > 0))
        REFUSE("%s: data.%s.balanced: classes drawn equally need no train.%s; set one of them back", origin, name,
               o->train.class_weights != S4D_WEIGHTS_NONE ? "class_weights" : "logit_adjustment");
    if (set->balanced && set->format == S4D_LIST_PATHS)
        REFUSE("%s: data.%s.balanced: lists of format \"paths\" have no labels to balance; set it to false", origin, name);
    return check_batch(o, set, modality, origin, err);
}

static s4d_status check_masks(const s4d_run_opts *o, const char *origin, s4d_err *err)
{
    int tokens[2] = {(int)tokens_of(&o->model, S4D_IMAGE), (int)tokens_of(&o->model, S4D_VIDEO)};
    int per_frame = tokens[0];
    s4d_mask_kind kind[2] = {S4D_MASK_RANDOM, o->data.mask.video_kind};
    double ratio[2] = {o->data.mask.image_ratio, o->data.mask.video_ratio};
    bool used[2] = {o->data.image.train[0] != 0, o->data.video.train[0] != 0};
    static const char *const key[2] = {"data.mask.image_ratio", "data.mask.video_ratio"};
    for (int i = 0; i < 2; ++i) {
        int visible, masked;
        s4d_mask_counts(ratio[i], kind[i], tokens[i], per_frame, &visible, &masked);
        if (used[i] && (masked < 1 || visible < 1))
            REFUSE("%s: %s: %g masks %d of %d tokens; some must be masked and some seen", origin, key[i], ratio[i], masked,
                   tokens[i]);
    }
    return S4D_OK;
}

s4d_status s4d_config_check(const s4d_run_opts *o, const char *origin, s4d_err *err)
{
    s4d_status status = check_model(o, origin, err);
    if (status == S4D_OK) status = check_set(o, S4D_IMAGE, origin, err);
    if (status == S4D_OK) status = check_set(o, S4D_VIDEO, origin, err);
    if (status != S4D_OK) return status;
    if (!present(&o->data.image) && !present(&o->data.video))
        REFUSE("%s: data: names no list; set data.image.train or data.video.train (or test, for evaluation)", origin);
    if (present(&o->data.image) && present(&o->data.video) && strcmp(o->data.image.name, o->data.video.name) == 0)
        REFUSE("%s: data.video.name: \"%s\" is the image set's name too; results need two folders", origin, o->data.video.name);
    if (o->stage == S4D_PRETRAIN && o->train.select != S4D_SELECT_LAST)
        REFUSE("%s: train.select: pre-training has no classes to select by; remove the key", origin);
    if (o->train.ema_eval && o->train.ema == 0)
        REFUSE("%s: train.ema_eval: there is no average to evaluate; set train.ema, such as 0.9999", origin);
    bool video = o->data.video.train[0] != 0;
    if (o->train.select == S4D_SELECT_TEST && o->stage == S4D_FINETUNE && !(video ? o->data.video.test : o->data.image.test)[0])
        REFUSE("%s: train.select: \"test\" needs data.%s.test", origin, s4d_modality_name(video ? S4D_VIDEO : S4D_IMAGE));
    if (o->stage == S4D_PRETRAIN) status = check_masks(o, origin, err);
    if (status == S4D_OK && o->stage == S4D_FINETUNE && o->train.warmup_epochs >= o->train.epochs && o->train.warmup_epochs > 0)
        REFUSE("%s: train.warmup_epochs: %g is not below train.epochs %d; lower it", origin, o->train.warmup_epochs,
               o->train.epochs);
    return status;
}
