/* AdamW's parameter groups: who is decayed, layer-wise rates, and since when each parameter is updated. */
#include "s4d/train/optim.h"

#include <math.h>
#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/base/str.h"

/* Pre-training decays all but LayerNorm and parameters named exactly "bias"; fine-tuning all but 1-D ones. */
static bool is_decayed(s4d_stage stage, const s4d_param *p)
{
    if (stage == S4D_FINETUNE) return p->rank > 1;
    return !p->norm && !s4d_str_ends(p->name, ".bias");
}

s4d_status s4d_optim_create(s4d_optim *o, s4d_stage stage, const s4d_train_opts *opts, const s4d_params *params,
                            int depth, s4d_err *err)
{
    size_t n = (size_t)params->count;
    *o = (s4d_optim){.decay = opts->weight_decay, .beta1 = opts->beta1, .beta2 = opts->beta2, .eps = opts->eps};
    o->scale = s4d_mem_alloc(n, sizeof *o->scale);
    o->decayed = s4d_mem_alloc(n, sizeof *o->decayed);
    o->step = s4d_mem_alloc(n, sizeof *o->step);
    o->segment = s4d_mem_alloc(n, sizeof *o->segment);
    o->moved = s4d_mem_alloc(n, sizeof *o->moved);
    if (!o->scale || !o->decayed || !o->step || !o->segment || !o->moved) {
        s4d_optim_release(o);
        return s4d_err_memory(err, n * 64, "the optimiser's table");
    }
    double base = stage == S4D_FINETUNE ? opts->layer_decay : 1;
    for (int i = 0; i < params->count; ++i) {
        o->scale[i] = pow(base, depth + 1 - params->item[i].layer);
        o->decayed[i] = is_decayed(stage, &params->item[i]);
    }
    return S4D_OK;
}

void s4d_optim_release(s4d_optim *o)
{
    s4d_mem_free(o->scale);
    s4d_mem_free(o->decayed);
    s4d_mem_free(o->step);
    s4d_mem_free(o->moved);
    s4d_mem_free(o->segment);
    memset(o, 0, sizeof *o);
}

static bool joins(const s4d_adamw_segment *a, const s4d_adamw_segment *b)
{
    return a->lr == b->lr && a->decay == b->decay && a->step == b->step;
}

void s4d_optim_undo(s4d_optim *o, const s4d_params *params)
{
    for (int i = 0; i < params->count; ++i) o->step[i] -= o->moved[i];
}

void s4d_optim_step(s4d_optim *o, s4d_backend *be, s4d_params *params, const s4d_optim_update *u)
{
    int n = 0, before = -1;
    for (int i = 0; i < params->count; ++i) {
        const s4d_param *p = &params->item[i];
        o->moved[i] = o->step[i] > 0 || p->modality < 0 || p->modality == (int)u->modality;
        if (!o->moved[i]) continue;
        o->step[i]++;
        s4d_adamw_segment s = {.offset = p->offset,
                               .count = p->count,
                               .lr = u->rate * o->scale[i],
                               .decay = o->decayed[i] ? o->decay : 0,
                               .step = o->step[i]};
        /* Neighbours of the same group become one run; the padding between them holds zeros and stays so. */
        if (n > 0 && before == i - 1 && joins(&o->segment[n - 1], &s))
            o->segment[n - 1].count = s.offset + s.count - o->segment[n - 1].offset;
        else
            o->segment[n++] = s;
        before = i;
    }
    s4d_adamw(be, &(s4d_adamw_args){.w = params->w,
                                    .g = params->g,
                                    .m = params->m,
                                    .v = params->v,
                                    .low = s4d_params_has_low(params) ? params->low : (s4d_tensor){0},
                                    .factor = u->factor,
                                    .go = u->go,
                                    .segment = o->segment,
                                    .segments = n,
                                    .beta1 = o->beta1,
                                    .beta2 = o->beta2,
                                    .eps = o->eps});
}
