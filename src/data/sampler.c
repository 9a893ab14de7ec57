/* The epoch: which samples in which order, from (seed, epoch) alone. */
#include <math.h>
#include <string.h>

#include "s4d/base/err.h"
#include "s4d/base/mem.h"
#include "s4d/data/draw.h"

/* The stream that mixes the sets' updates, beside those of the sets, which are numbered from 0. */
static const uint32_t ORDER_OF_UPDATES = UINT32_MAX;

/* Samples of a whole update. */
static int64_t whole_update(const s4d_draw_set *set)
{
    S4D_BUG_IF(set->per_batch < 1 || set->accumulate < 1);
    return (int64_t)set->per_batch * set->accumulate;
}

static int64_t batches_of(const s4d_draw_set *set, int64_t items)
{
    return (items + set->per_batch - 1) / set->per_batch;
}

/* Samples that one round goes through. */
static int64_t round_items(const s4d_draw_set *set)
{
    return set->keep_last ? set->count : set->count - set->count % whole_update(set);
}

/* Samples of the set's n-th update: the last of a round has what is left. */
static int64_t update_items(const s4d_draw_set *set, int64_t n)
{
    int64_t whole = whole_update(set), in_round = round_items(set), at = n % ((in_round + whole - 1) / whole) * whole;
    return in_round - at < whole ? in_round - at : whole;
}

s4d_epoch_share s4d_epoch_share_of(const s4d_draw_set *set)
{
    S4D_BUG_IF(!(set->rate >= 0.0));
    int64_t whole = whole_update(set), in_round = round_items(set), updates = (in_round + whole - 1) / whole;
    double wanted = floor(set->rate * (double)updates);
    if (wanted > UINT32_MAX) { /* each has a sample */
        return (s4d_epoch_share){UINT32_MAX, UINT32_MAX, INT64_MAX};
    }
    s4d_epoch_share share = {.updates = (int64_t)wanted};
    if (updates > 0) {
        int64_t rounds = share.updates / updates, rest = share.updates % updates; /* of the rest all are whole */
        share.items = rounds * in_round + rest * whole;
        share.batches = rounds * batches_of(set, in_round) + rest * set->accumulate;
    }
    return share;
}

uint32_t s4d_epoch_update_items(const s4d_epoch *epoch, int64_t batch)
{
    int64_t begin = batch, end = batch;
    while (begin > 0 && !epoch->ends[begin - 1]) {
        begin--;
    }
    while (!epoch->ends[end]) {
        end++;
    }
    return epoch->first[end + 1] - epoch->first[begin];
}

/* Room for the lists; first[0] is 0 as all fresh memory. */
static s4d_status allocate(int64_t batches, int64_t items, s4d_epoch *out, s4d_err *err)
{
    out->batches = batches;
    out->set = s4d_mem_alloc((size_t)batches, sizeof *out->set);
    out->first = s4d_mem_alloc((size_t)batches + 1, sizeof *out->first);
    out->ends = s4d_mem_alloc((size_t)batches, sizeof *out->ends);
    out->item = s4d_mem_alloc((size_t)items, sizeof *out->item);
    if (!out->set || !out->first || !out->ends || !out->item) {
        s4d_epoch_release(out);
        return s4d_err_memory(err,
                              9ull * (unsigned long long)batches + 4ull * (unsigned long long)items,
                              "the order of an epoch");
    }
    return S4D_OK;
}

/* Round after round through all samples, each in a new order. Samples that a round leaves out are left to the other rounds, so
 * that no update holds a sample twice. */
static s4d_status draw_rounds(const s4d_draw_set *set, s4d_rng *rng, size_t need, uint32_t *item,
                              s4d_err *err)
{
    size_t whole = (size_t)round_items(set);
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
    size_t need = (size_t)s4d_epoch_share_of(set).items;
    uint32_t *drawn = s4d_mem_alloc(need, sizeof *drawn);
    if (!drawn) {
        return s4d_err_memory(err, 4ull * need, "the order of an epoch");
    }
    s4d_status status = set->balanced ? draw_balanced(set, rng, need, drawn, err)
                                      : draw_rounds(set, rng, need, drawn, err);
    const uint32_t *next = drawn;
    for (int64_t b = 0; status == S4D_OK && b < out->batches; b++) {
        if (out->set[b] == s) {
            size_t n = out->first[b + 1] - out->first[b];
            memcpy(out->item + out->first[b], next, n * sizeof *next);
            next += n;
        }
    }
    s4d_mem_free(drawn);
    return status;
}

/* The batches of an update of set s, the n-th of that set, behind those before batch *b. */
static void add_update(const s4d_draw_set *set, int s, int64_t n, int64_t *b, s4d_epoch *out)
{
    for (int64_t left = update_items(set, n); left > 0; left -= set->per_batch, ++*b) {
        out->set[*b] = s;
        out->first[*b + 1] = out->first[*b] + (uint32_t)(left < set->per_batch ? left : set->per_batch);
        out->ends[*b] = left <= set->per_batch;
    }
}

/* Mixes the sets' updates; all orders of them are as likely. */
static s4d_status order_updates(const s4d_draw_set *set, int sets, s4d_rng *rng, s4d_epoch *out, s4d_err *err)
{
    int64_t updates = 0, u = 0, b = 0, done[2] = {0};
    S4D_BUG_IF(sets > 2);
    for (int s = 0; s < sets; s++) {
        updates += s4d_epoch_share_of(&set[s]).updates;
    }
    uint32_t *order = s4d_mem_alloc((size_t)updates, sizeof *order);
    s4d_status status = order ? S4D_OK : s4d_err_memory(err, 4ull * (unsigned long long)updates, "the order of an epoch");
    for (int s = 0; status == S4D_OK && s < sets; s++) {
        for (int64_t n = s4d_epoch_share_of(&set[s]).updates; n > 0; n--) {
            order[u++] = (uint32_t)s;
        }
    }
    if (status == S4D_OK) {
        s4d_rng_shuffle(rng, order, (size_t)updates);
        for (u = 0; u < updates; u++) {
            add_update(&set[order[u]], (int)order[u], done[order[u]]++, &b, out);
        }
        S4D_BUG_IF(b != out->batches);
    }
    s4d_mem_free(order);
    return status;
}

s4d_status s4d_epoch_draw(const s4d_draw_set *set, int sets, uint64_t seed, uint32_t epoch,
                          s4d_epoch *out, s4d_err *err)
{
    *out = (s4d_epoch){0};
    int64_t batches = 0, items = 0;
    for (int s = 0; s < sets; s++) {
        s4d_epoch_share share = s4d_epoch_share_of(&set[s]);
        if (share.items > UINT32_MAX - items) {
            return s4d_err_set(err, S4D_USAGE,
                               "an epoch of more than %u samples is too long; lower the rate of "
                               "the image or the video set",
                               UINT32_MAX);
        }
        batches += share.batches;
        items += share.items;
    }
    s4d_status status = allocate(batches, items, out, err);
    if (status == S4D_OK) {
        s4d_rng rng = s4d_rng_make(seed, S4D_RNG_SHUFFLE, epoch, ORDER_OF_UPDATES);
        status = order_updates(set, sets, &rng, out, err);
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
        out->ends[b] = true;
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
    s4d_mem_free(epoch->ends);
    s4d_mem_free(epoch->item);
    *epoch = (s4d_epoch){0};
}
