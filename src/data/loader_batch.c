/* Finished items into the batch that the caller sees, and the account of what was left out. */
#include <string.h>

#include "data/loader_private.h"
#include "s4d/base/err.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"

enum { SENTENCES_KEPT = 8 };

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

s4d_status s4d_loader_output_init(const s4d_loader_plan *plan, s4d_loader_output *out, s4d_err *err)
{
    size_t samples = 0, targets = 0, visible = 0, masked = 0;
    bool room = true;
    *out = (s4d_loader_output){0};
    for (int k = 0; k < plan->kinds; k++) {
        const s4d_loader_kind *kind = &plan->kind[k];
        size_t n = (size_t)kind->decodes * (size_t)kind->samples;
        samples = larger(samples, n);
        targets = larger(targets, plan->mode == S4D_LOAD_FINETUNE ? n * (size_t)kind->classes : 0);
        visible = larger(visible, n * (size_t)kind->visible);
        masked = larger(masked, n * (size_t)kind->masked);
        out->warned[k] = s4d_mem_alloc(kind->manifest->count, sizeof *out->warned[k]);
        room = room && out->warned[k];
    }
    out->recipe = s4d_mem_alloc(samples, sizeof *out->recipe);
    out->sample = s4d_mem_alloc(samples, sizeof *out->sample);
    out->view = s4d_mem_alloc(samples, sizeof *out->view);
    out->label = s4d_mem_alloc(samples, sizeof *out->label);
    out->target = s4d_mem_alloc(targets, sizeof *out->target);
    out->visible = s4d_mem_alloc(visible, sizeof *out->visible);
    out->masked = s4d_mem_alloc(masked, sizeof *out->masked);
    if (!room || !out->recipe || !out->sample || !out->view || !out->label || !out->target ||
        !out->visible || !out->masked) {
        s4d_loader_output_release(out);
        return s4d_err_memory(
            err, samples * (sizeof *out->recipe + 12ull) + 4ull * (targets + visible + masked),
            "a batch");
    }
    return S4D_OK;
}

void s4d_loader_output_release(s4d_loader_output *out)
{
    s4d_mem_free(out->pixels);
    s4d_mem_free(out->recipe);
    s4d_mem_free(out->sample);
    s4d_mem_free(out->view);
    s4d_mem_free(out->label);
    s4d_mem_free(out->target);
    s4d_mem_free(out->visible);
    s4d_mem_free(out->masked);
    s4d_mem_free(out->warned[0]);
    s4d_mem_free(out->warned[1]);
    s4d_str_release(&out->skipped_text);
    *out = (s4d_loader_output){0};
}

static bool skipped(const s4d_loader_plan *plan, const s4d_loader_item *item)
{
    return item->status != S4D_OK && !item->fatal && plan->on_bad == S4D_BAD_SKIP;
}

/* Nothing is changed while a batch may still fail, so that asking again gives the same error. */
static s4d_status check_items(const s4d_loader_plan *plan, const s4d_loader_item *item, int items,
                              s4d_loader_output *out, s4d_err *err)
{
    size_t bytes = 0;
    s4d_status status = S4D_OK;
    for (int i = 0; i < items; i++) {
        bool bad = item[i].status != S4D_OK && !skipped(plan, &item[i]);
        if (bad && status == S4D_OK) {
            status = s4d_err_set(err, item[i].status, "%s", item[i].err.text);
        } else if (bad) { /* so that one run names all that its batch shows */
            s4d_log(S4D_LOG_WARN, "%s", item[i].err.text);
        }
        bytes += item[i].bytes;
    }
    if (status != S4D_OK) {
        return status;
    }
    if (bytes > out->room) {
        s4d_mem_free(out->pixels);
        out->room = 0;
        out->pixels = s4d_mem_alloc(bytes, 1);
        if (!out->pixels) {
            return s4d_err_memory(err, bytes, "the frames of a batch");
        }
        out->room = bytes;
    }
    s4d_mem_poison(out->pixels, bytes);
    return S4D_OK;
}

/* Counted each time; spoken of once. */
static void count_skipped(const s4d_loader_item *item, int kind, s4d_loader_output *out)
{
    out->skipped++;
    out->batch.skipped++;
    bool *warned = &out->warned[kind][item->entry];
    if (*warned) {
        return;
    }
    *warned = true;
    s4d_log(S4D_LOG_WARN, "left out: %s", item->err.text);
    if (out->sentences < SENTENCES_KEPT) {
        s4d_str_printf(&out->skipped_text, "%s%s", out->sentences > 0 ? "\n" : "", item->err.text);
        out->sentences++;
    }
}

static void add_item(const s4d_loader_kind *kind, const s4d_loader_item *item,
                     s4d_loader_output *out)
{
    s4d_batch *batch = &out->batch;
    size_t at = (size_t)batch->count, samples = (size_t)kind->samples;
    size_t visible = (size_t)kind->visible, masked = (size_t)kind->masked;
    memcpy(out->pixels + batch->pixel_bytes, item->pixels, item->bytes);
    memcpy(out->recipe + at, item->recipe, samples * sizeof *item->recipe);
    memcpy(out->visible + at * visible, item->visible, samples * visible * sizeof *item->visible);
    memcpy(out->masked + at * masked, item->masked, samples * masked * sizeof *item->masked);
    for (size_t i = 0; i < samples; i++) {
        out->recipe[at + i].offset += (int64_t)batch->pixel_bytes;
        out->sample[at + i] = item->entry;
        out->view[at + i] = kind->segments * kind->crops > 1 ? item->view + (int32_t)i : 0;
        out->label[at + i] = kind->manifest->sample[item->entry].label;
    }
    batch->count += kind->samples;
    batch->pixel_bytes += item->bytes;
}

static void draw_targets(const s4d_loader_plan *plan, const s4d_loader_place *place,
                         s4d_loader_output *out)
{
    s4d_batch *batch = &out->batch;
    s4d_rng rng = s4d_rng_make(plan->seed, S4D_RNG_MIX, place->epoch, (uint32_t)place->batch);
    s4d_draw_mix(&plan->mixing, plan->img_size, &rng, &batch->mix);
    s4d_mix_targets(&batch->mix, plan->mixing.smoothing, out->label, batch->count, batch->classes,
                    out->target);
    batch->target = out->target;
}

s4d_status s4d_loader_assemble(const s4d_loader_plan *plan, const s4d_loader_place *place,
                               const s4d_loader_item *item, s4d_loader_output *out, s4d_err *err)
{
    const s4d_loader_kind *kind = &plan->kind[place->kind];
    s4d_batch *batch = &out->batch;
    s4d_status status = check_items(plan, item, place->items, out, err);
    if (status != S4D_OK) {
        return status;
    }
    *batch = (s4d_batch){.modality = kind->modality,
                         .index = place->batch,
                         .frames = kind->frames,
                         .pixels = out->pixels,
                         .recipe = out->recipe,
                         .sample = out->sample,
                         .view = out->view,
                         .label = out->label,
                         .classes = kind->classes,
                         .mix = {.mode = S4D_MIX_NONE, .lam = 1.0},
                         .visible = kind->tokens > 0 ? out->visible : NULL,
                         .masked = kind->tokens > 0 ? out->masked : NULL,
                         .visible_count = kind->visible,
                         .masked_count = kind->masked,
                         .ends_update = place->ends_update,
                         .update_samples = (int64_t)place->update_items * kind->samples};
    for (int i = 0; i < place->items; i++) {
        batch->decode_ms += item[i].ms;
        if (item[i].status == S4D_OK) {
            add_item(kind, &item[i], out);
        } else {
            count_skipped(&item[i], place->kind, out);
        }
    }
    if (plan->mode == S4D_LOAD_FINETUNE) {
        draw_targets(plan, place, out);
    }
    return S4D_OK;
}
