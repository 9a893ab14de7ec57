/* The epoch: which samples in which order, from (seed, epoch) alone. */
#include <math.h>
#include <string.h>

#include "s4d/base/err.h"
#include "s4d/base/mem.h"
#include "s4d/data/draw.h"

/* The stream that mixes the sets' batches, beside those of the sets, which are numbered from 0. */
static const uint32_t ORDER_OF_BATCHES = UINT32_MAX;

int64_t s4d_epoch_batches(const s4d_draw_set *set)
{
    S4D_BUG_IF(set->per_batch < 1 || !(set->rate >= 0.0));
    double batches = floor(set->rate * (double)(set->count / (uint32_t)set->per_batch));
    return (int64_t)fmin(batches, 0x1p53);
}

/* Room for the three lists; first[0] is 0 as all fresh memory. */
static s4d_status allocate(int64_t batches, int64_t items, s4d_epoch *out, s4d_err *err)
{
    out->batches = batches;
    out->set = s4d_mem_alloc((size_t)batches, sizeof *out->set);
    out->first = s4d_mem_alloc((size_t)batches + 1, sizeof *out->first);
    out->item = s4d_mem_alloc((size_t)items, sizeof *out->item);
    if (!out->set || !out->first || !out->item) {
        s4d_epoch_release(out);
        return s4d_err_memory(err,
                              8ull * (unsigned long long)batches + 4ull * (unsigned long long)items,
                              "the order of an epoch");
    }
    return S4D_OK;
}

/* Round after round through all samples, each in a new order. Samples that fill no whole batch are
 * left to the other rounds, so that no batch holds a sample twice. */
static s4d_status draw_rounds(const s4d_draw_set *set, s4d_rng *rng, size_t need, uint32_t *item,
                              s4d_err *err)
{
    uint32_t whole = set->count - set->count % (uint32_t)set->per_batch;
    uint32_t *order = s4d_mem_alloc(set->count, sizeof *order);
    if (!order) {
        return s4d_err_memory(err, 4ull * set->count, "the order of an epoch");
    }
    for (uint32_t i = 0; i < set->count; i++) {
        order[i] = i;
    }
    for (size_t done = 0; done < need; done += whole) {
        s4d_rng_shuffle(rng, order, set->count);
        size_t taken = need - done < whole ? need - done : whole;
        memcpy(item + done, order, taken * sizeof *order);
    }
    s4d_mem_free(order);
    return S4D_OK;
}

/* Samples by class: member[start[c]..start[c+1]-1] are those of the c-th class that has any. */
typedef struct class_index {
    uint32_t *start, *member;
    uint32_t classes;
} class_index;

static s4d_status index_classes(const s4d_draw_set *set, class_index *index, s4d_err *err)
{
    size_t starts = (size_t)set->classes + 2;
    index->start = s4d_mem_alloc(starts, sizeof *index->start);
    index->member = s4d_mem_alloc(set->count, sizeof *index->member);
    if (!index->start || !index->member) {
        return s4d_err_memory(err, 4ull * (starts + set->count), "the samples of each class");
    }
    uint32_t *start = index->start;
    for (uint32_t i = 0; i < set->count; i++) {
        S4D_BUG_IF(set->label[i] < 0 || set->label[i] >= set->classes);
        start[set->label[i] + 2]++;
    }
    for (int c = 0; c < set->classes; c++) {
        start[c + 2] += start[c + 1];
    }
    /* start[c + 1] is where class c begins; after its samples are placed, where it ends. */
    for (uint32_t i = 0; i < set->count; i++) {
        index->member[start[set->label[i] + 1]++] = i;
    }
    for (int c = 1; c <= set->classes; c++) {
        if (start[c] > start[index->classes]) {
            start[++index->classes] = start[c];
        }
    }
    return S4D_OK;
}

/* A class, then one of its samples: each sample's chance is proportional to 1 / (size of its
 * class). */
static s4d_status draw_balanced(const s4d_draw_set *set, s4d_rng *rng, size_t need, uint32_t *item,
                                s4d_err *err)
{
    class_index index = {0};
    s4d_status status = index_classes(set, &index, err);
    for (size_t i = 0; status == S4D_OK && i < need; i++) {
        uint32_t c = s4d_rng_below(rng, index.classes);
        uint32_t size = index.start[c + 1] - index.start[c];
        item[i] = index.member[index.start[c] + s4d_rng_below(rng, size)];
    }
    s4d_mem_free(index.start);
    s4d_mem_free(index.member);
    return status;
}

/* Draws set s and deals its samples out to its batches, in order. */
static s4d_status fill_set(const s4d_draw_set *set, int s, s4d_rng *rng, s4d_epoch *out,
                           s4d_err *err)
{
    size_t need = 0;
    for (int64_t b = 0; b < out->batches; b++) {
        need += out->set[b] == s ? (size_t)set->per_batch : 0;
    }
    uint32_t *drawn = s4d_mem_alloc(need, sizeof *drawn);
    if (!drawn) {
        return s4d_err_memory(err, 4ull * need, "the order of an epoch");
    }
    s4d_status status = set->balanced ? draw_balanced(set, rng, need, drawn, err)
                                      : draw_rounds(set, rng, need, drawn, err);
    const uint32_t *next = drawn;
    for (int64_t b = 0; status == S4D_OK && b < out->batches; b++) {
        if (out->set[b] == s) {
            memcpy(out->item + out->first[b], next, (size_t)set->per_batch * sizeof *next);
            next += set->per_batch;
        }
    }
    s4d_mem_free(drawn);
    return status;
}

/* Mixes the sets' batches; all orders of them are as likely. */
static void order_batches(const s4d_draw_set *set, int sets, s4d_rng *rng, s4d_epoch *out)
{
    int64_t b = 0;
    for (int s = 0; s < sets; s++) {
        for (int64_t n = s4d_epoch_batches(&set[s]); n > 0; n--) {
            out->set[b++] = s;
        }
    }
    s4d_rng_shuffle(rng, (uint32_t *)out->set, (size_t)out->batches);
    for (b = 0; b < out->batches; b++) {
        out->first[b + 1] = out->first[b] + (uint32_t)set[out->set[b]].per_batch;
    }
}

s4d_status s4d_epoch_draw(const s4d_draw_set *set, int sets, uint64_t seed, uint32_t epoch,
                          s4d_epoch *out, s4d_err *err)
{
    *out = (s4d_epoch){0};
    int64_t batches = 0, items = 0;
    for (int s = 0; s < sets; s++) {
        int64_t n = s4d_epoch_batches(&set[s]), drawn;
        if (__builtin_mul_overflow(n, (int64_t)set[s].per_batch, &drawn) ||
            drawn > UINT32_MAX - items) {
            return s4d_err_set(err, S4D_USAGE,
                               "an epoch of more than %u samples is too long; lower the rate of "
                               "the image or the video set",
                               UINT32_MAX);
        }
        batches += n;
        items += drawn;
    }
    s4d_status status = allocate(batches, items, out, err);
    if (status == S4D_OK) {
        s4d_rng rng = s4d_rng_make(seed, S4D_RNG_SHUFFLE, epoch, ORDER_OF_BATCHES);
        order_batches(set, sets, &rng, out);
    }
    for (int s = 0; s < sets && status == S4D_OK; s++) {
        s4d_rng rng = s4d_rng_make(seed, S4D_RNG_SHUFFLE, epoch, (uint32_t)s);
        status = fill_set(&set[s], s, &rng, out, err);
    }
    if (status != S4D_OK) {
        s4d_epoch_release(out);
    }
    return status;
}

s4d_status s4d_epoch_sequential(uint32_t count, int per_batch, s4d_epoch *out, s4d_err *err)
{
    S4D_BUG_IF(per_batch < 1);
    *out = (s4d_epoch){0};
    int64_t batches = ((int64_t)count + per_batch - 1) / per_batch;
    s4d_status status = allocate(batches, count, out, err);
    for (int64_t b = 0; status == S4D_OK && b < batches; b++) {
        int64_t end = (b + 1) * per_batch;
        out->first[b + 1] = end < count ? (uint32_t)end : count;
    }
    for (uint32_t i = 0; status == S4D_OK && i < count; i++) {
        out->item[i] = i;
    }
    return status;
}

void s4d_epoch_release(s4d_epoch *epoch)
{
    s4d_mem_free(epoch->set);
    s4d_mem_free(epoch->first);
    s4d_mem_free(epoch->item);
    *epoch = (s4d_epoch){0};
}
