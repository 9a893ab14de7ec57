/* What a decoding thread and an item own: made once, kept from batch to batch. */
#include "data/loader_private.h"
#include "s4d/base/err.h"
#include "s4d/base/mem.h"

s4d_status s4d_loader_scratch_init(const s4d_loader_plan *plan, s4d_loader_scratch *scratch,
                                   s4d_err *err)
{
    *scratch = (s4d_loader_scratch){0};
    int64_t room = 0;
    for (int k = 0; k < plan->kinds; k++) {
        int64_t frames = (int64_t)plan->kind[k].segments * plan->kind[k].frames;
        room = frames > room ? frames : room;
    }
    S4D_BUG_IF(room < 1 || room > INT32_MAX);
    scratch->room = (int)room;
    scratch->frame = s4d_mem_alloc((size_t)room, sizeof *scratch->frame);
    scratch->index = s4d_mem_alloc((size_t)room, sizeof *scratch->index);
    scratch->unique = s4d_mem_alloc((size_t)room, sizeof *scratch->unique);
    scratch->at = s4d_mem_alloc((size_t)room, sizeof *scratch->at);
    if (!scratch->frame || !scratch->index || !scratch->unique || !scratch->at) {
        s4d_loader_scratch_release(scratch);
        return s4d_err_memory(err,
                              (unsigned long long)room * (sizeof *scratch->frame + 3 * sizeof(int)),
                              "the frames of a decoding thread");
    }
    return S4D_OK;
}

void s4d_loader_scratch_release(s4d_loader_scratch *scratch)
{
    for (int i = 0; scratch->frame && i < scratch->room; i++) {
        s4d_image_release(&scratch->frame[i]);
    }
    s4d_image_release(&scratch->spare);
    s4d_image_release(&scratch->work);
    s4d_mem_free(scratch->frame);
    s4d_mem_free(scratch->index);
    s4d_mem_free(scratch->unique);
    s4d_mem_free(scratch->at);
    *scratch = (s4d_loader_scratch){0};
}

s4d_status s4d_loader_item_init(const s4d_loader_plan *plan, s4d_loader_item *item, s4d_err *err)
{
    size_t samples = 0, visible = 0, masked = 0;
    for (int k = 0; k < plan->kinds; k++) {
        const s4d_loader_kind *kind = &plan->kind[k];
        size_t n = (size_t)kind->samples, seen = n * (size_t)kind->visible,
               hidden = n * (size_t)kind->masked;
        samples = n > samples ? n : samples;
        visible = seen > visible ? seen : visible;
        masked = hidden > masked ? hidden : masked;
    }
    *item = (s4d_loader_item){0};
    item->recipe = s4d_mem_alloc(samples, sizeof *item->recipe);
    item->visible = s4d_mem_alloc(visible, sizeof *item->visible);
    item->masked = s4d_mem_alloc(masked, sizeof *item->masked);
    if (!item->recipe || !item->visible || !item->masked) {
        s4d_loader_item_release(item);
        return s4d_err_memory(err, samples * sizeof *item->recipe + 4ull * (visible + masked),
                              "a sample of a batch");
    }
    return S4D_OK;
}

void s4d_loader_item_release(s4d_loader_item *item)
{
    s4d_mem_free(item->pixels);
    s4d_mem_free(item->recipe);
    s4d_mem_free(item->visible);
    s4d_mem_free(item->masked);
    *item = (s4d_loader_item){0};
}
