/* Percentile bootstrap over the samples of a list (Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/summary.h"
#include "s4d/base/mem.h"
#include "s4d/base/rng.h"
#include "s4d/base/thread.h"

enum { CHECK_EVERY = 1 << 20 }; /* draws between two looks for a signal */

/* cell[i] = 2 * label + (prediction is right); tally [2C] of n draws. */
static void draw(const s4d_outcome *o, const int32_t *cell, s4d_rng *rng, int64_t *tally)
{
    memset(tally, 0, 2 * o->classes.count * sizeof *tally);
    for (size_t i = 0; i < o->samples; ++i) ++tally[cell[s4d_rng_below(rng, (uint32_t)o->samples)]];
}

static s4d_shares shares_of_tally(const int64_t *tally, int64_t *support, int64_t *hit, size_t classes)
{
    for (size_t c = 0; c < classes; ++c) {
        support[c] = tally[2 * c] + tally[2 * c + 1];
        hit[c] = tally[2 * c + 1];
    }
    return s4d_shares_of(support, hit, classes);
}

s4d_status s4d_resample(s4d_outcome *o, s4d_err *err)
{
    size_t C = o->classes.count;
    int32_t *cell = s4d_mem_alloc(o->samples, sizeof *cell);
    int64_t *tally = s4d_mem_alloc(4 * C, sizeof *tally);
    s4d_status status = S4D_OK;
    o->resampled = s4d_mem_alloc(S4D_RESAMPLES, sizeof *o->resampled);
    if (!cell || !tally || !o->resampled) {
        status = s4d_err_memory(err, o->samples * sizeof *cell, "the bootstrap");
        goto done;
    }
    if (o->samples > UINT32_MAX) {
        status = s4d_err_set(err, S4D_FAILED, "%s: %zu samples are more than can be drawn from; evaluate on fewer", o->set,
                             o->samples);
        goto done;
    }
    for (size_t i = 0; i < o->samples; ++i) cell[i] = 2 * o->label[i] + (o->label[i] == o->pred[i]);
    for (size_t r = 0, draws = 0; r < S4D_RESAMPLES; ++r) {
        s4d_rng rng = s4d_rng_make(S4D_RESAMPLE_SEED, S4D_RNG_SAMPLE, (uint32_t)r, (uint32_t)o->fold);
        draw(o, cell, &rng, tally);
        o->resampled[r] = shares_of_tally(tally, tally + 2 * C, tally + 3 * C, C);
        draws += o->samples;
        if (draws < CHECK_EVERY) continue;
        draws = 0;
        s4d_status stop = s4d_interrupt_status();
        if (stop != S4D_OK) {
            status = s4d_err_set(err, stop, "interrupted; nothing was written");
            goto done;
        }
    }
done:
    s4d_mem_free(cell);
    s4d_mem_free(tally);
    return status;
}

static int rising(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double quantile(const double *sorted, double share)
{
    double place = share * (S4D_RESAMPLES - 1), below = floor(place);
    size_t i = (size_t)below;
    if (i + 1 == S4D_RESAMPLES) return sorted[i];
    return sorted[i] + (place - below) * (sorted[i + 1] - sorted[i]);
}

s4d_status s4d_intervals_of(const s4d_outcome *o, size_t n, s4d_interval out[2], s4d_err *err)
{
    double *mean = s4d_mem_alloc(S4D_RESAMPLES, sizeof *mean);
    if (!mean) return s4d_err_memory(err, S4D_RESAMPLES * sizeof *mean, "the bootstrap");
    for (int which = 0; which < 2; ++which) {
        for (size_t r = 0; r < S4D_RESAMPLES; ++r) {
            mean[r] = 0;
            for (size_t k = 0; k < n; ++k)
                mean[r] += (which == 0 ? o[k].resampled[r].uar : o[k].resampled[r].war) / (double)n;
        }
        qsort(mean, S4D_RESAMPLES, sizeof *mean, rising);
        out[which] = (s4d_interval){quantile(mean, 0.025), quantile(mean, 0.975)};
    }
    s4d_mem_free(mean);
    return S4D_OK;
}
