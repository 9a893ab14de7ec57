/* Learning rates (METHOD.md sections 4 and 5; the order of operations of PIXELS.md section 5). */
#include <math.h>

#include "s4d/train/optim.h"

static const double pi = 3.14159265358979323846;

void s4d_schedule_make(s4d_stage stage, const s4d_train_opts *o, int total_batch, int64_t steps_per_epoch,
                       s4d_schedule *out)
{
    s4d_train_opts scaled = *o;
    s4d_train_scale_rates(&scaled, total_batch);
    *out = (s4d_schedule){.stage = stage,
                          .steps = o->epochs * steps_per_epoch,
                          .warmup_steps = (int64_t)(o->warmup_epochs * (double)steps_per_epoch),
                          .warmup_fraction = o->warmup_fraction,
                          .start = o->warmup_start_lr,
                          .peak = scaled.lr,
                          .min = scaled.min_lr};
}

static double pretrain_rate(const s4d_schedule *s, int64_t step)
{
    double done = (double)step / (double)s->steps;
    if (done + 1e-6 <= s->warmup_fraction) return s->start + (s->peak - s->start) * (done / s->warmup_fraction);
    return 0.5 * s->peak * (1 + cos(pi * done));
}

static double finetune_rate(const s4d_schedule *s, int64_t step)
{
    int64_t warm = s->warmup_steps;
    if (step < warm) {
        if (step == warm - 1 && warm > 1) return s->peak;
        return warm > 1 ? (double)step * (s->peak / (double)(warm - 1)) : 0;
    }
    double i = (double)(step - warm), n = (double)(s->steps - warm);
    return s->min + 0.5 * (s->peak - s->min) * (1 + cos(pi * i / n));
}

double s4d_schedule_rate(const s4d_schedule *s, int64_t step)
{
    return s->stage == S4D_PRETRAIN ? pretrain_rate(s, step) : finetune_rate(s, step);
}
