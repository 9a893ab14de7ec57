/* The loader's public face: a ring of batches that worker threads decode ahead of the caller.
 *
 * Batch b of an epoch uses slot b % depth. Threads claim items in order, batch after batch, as long
 * as the batch is less than `depth` ahead of the one the caller waits for. A slot belongs to the
 * threads until all its items are done, then to s4d_loader_next until it has copied them. The lock
 * guards the counters only; nothing is decoded or copied under it. */
#include "s4d/data/loader.h"

#include "data/loader_private.h"
#include "s4d/base/err.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"

enum { DEPTH_MIN = 3 };

typedef struct slot {
    s4d_loader_item *item; /* [items] */
    int done;
} slot;

typedef struct worker {
    s4d_loader *loader;
    s4d_thread thread;
    s4d_loader_scratch scratch;
} worker;

struct s4d_loader {
    s4d_loader_plan plan;
    s4d_epoch epoch;
    uint32_t number; /* the epoch's */
    s4d_loader_output output;
    slot *ring; /* [depth] */
    int depth, items;
    worker *worker; /* [workers], or one without a thread */
    int workers;

    bool locks; /* the three below are made */
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    /* Under the lock: */
    int64_t next;  /* batch that s4d_loader_next gives next */
    int64_t claim; /* batch and item to be decoded next */
    int claim_item;
    int busy; /* items being decoded */
    bool paused, quit;
};

/* ---- items ---- */

static int items_of(const s4d_loader *loader, int64_t batch)
{
    return (int)(loader->epoch.first[batch + 1] - loader->epoch.first[batch]);
}

/* The next item in order, if the ring has room for its batch. */
static s4d_loader_item *claim(s4d_loader *loader, s4d_loader_job *job, slot **from)
{
    const s4d_epoch *epoch = &loader->epoch;
    int64_t batch = loader->claim;
    if (loader->paused || batch >= epoch->batches || batch - loader->next >= loader->depth) {
        return NULL;
    }
    *from = &loader->ring[batch % loader->depth];
    if (loader->claim_item == 0) {
        (*from)->done = 0;
    }
    s4d_loader_item *item = &(*from)->item[loader->claim_item];
    uint32_t at = epoch->first[batch] + (uint32_t)loader->claim_item;
    uint32_t count = (uint32_t)loader->plan.kind[epoch->set[batch]].manifest->count; /* by view, items go on behind it */
    *job = (s4d_loader_job){.kind = epoch->set[batch],
                            .entry = epoch->item[at] % count,
                            .view = (int)(epoch->item[at] / count),
                            .epoch = loader->number,
                            .place = at * (uint32_t)loader->plan.stride};
    loader->claim_item++;
    if (loader->claim_item == items_of(loader, batch)) {
        loader->claim_item = 0;
        loader->claim++;
    }
    loader->busy++;
    return item;
}

/* Decodes one item with the lock given back meanwhile; false: there is none to decode. */
static bool decode_one(s4d_loader *loader, s4d_loader_scratch *scratch)
{
    s4d_loader_job job;
    slot *from;
    s4d_loader_item *item = claim(loader, &job, &from);
    if (!item) {
        return false;
    }
    pthread_mutex_unlock(&loader->lock);
    s4d_loader_fill(&loader->plan, &job, scratch, item);
    pthread_mutex_lock(&loader->lock);
    loader->busy--;
    from->done++;
    pthread_cond_signal(&loader->done);
    return true;
}

static void *work(void *argument)
{
    worker *self = argument;
    s4d_loader *loader = self->loader;
    pthread_mutex_lock(&loader->lock);
    while (!loader->quit) {
        if (!decode_one(loader, &self->scratch)) {
            pthread_cond_wait(&loader->work, &loader->lock);
        }
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* ---- creation ---- */

/* Enough batches ahead that every thread has an item and one more to go on with. */
static int ring_depth(const s4d_loader_plan *plan)
{
    int least = plan->kind[0].decodes;
    for (int k = 1; k < plan->kinds; k++) {
        least = plan->kind[k].decodes < least ? plan->kind[k].decodes : least;
    }
    int depth = 1 + (2 * plan->workers + least - 1) / least;
    return plan->workers == 0 ? 1 : depth > DEPTH_MIN ? depth : DEPTH_MIN;
}

static s4d_status make_ring(s4d_loader *loader, s4d_err *err)
{
    for (int k = 0; k < loader->plan.kinds; k++) {
        int decodes = loader->plan.kind[k].decodes;
        loader->items = decodes > loader->items ? decodes : loader->items;
    }
    loader->depth = ring_depth(&loader->plan);
    loader->ring = s4d_mem_alloc((size_t)loader->depth, sizeof *loader->ring);
    s4d_status status = loader->ring
                            ? S4D_OK
                            : s4d_err_memory(err, (size_t)loader->depth * sizeof *loader->ring,
                                             "the ring of batches");
    for (int b = 0; b < loader->depth && status == S4D_OK; b++) {
        s4d_loader_item *item = s4d_mem_alloc((size_t)loader->items, sizeof *item);
        loader->ring[b].item = item;
        if (!item) {
            return s4d_err_memory(err, (size_t)loader->items * sizeof *item,
                                  "the items of a batch");
        }
        for (int i = 0; i < loader->items && status == S4D_OK; i++) {
            status = s4d_loader_item_init(&loader->plan, &item[i], err);
        }
    }
    return status;
}

static void release_ring(s4d_loader *loader)
{
    for (int b = 0; loader->ring && b < loader->depth; b++) {
        for (int i = 0; loader->ring[b].item && i < loader->items; i++) {
            s4d_loader_item_release(&loader->ring[b].item[i]);
        }
        s4d_mem_free(loader->ring[b].item);
    }
    s4d_mem_free(loader->ring);
}

static s4d_status make_workers(s4d_loader *loader, s4d_err *err)
{
    int threads = loader->plan.workers;
    int count = threads > 0 ? threads : 1;
    loader->worker = s4d_mem_alloc((size_t)count, sizeof *loader->worker);
    if (!loader->worker) {
        return s4d_err_memory(err, (size_t)count * sizeof *loader->worker, "the decoding threads");
    }
    loader->workers = count;
    s4d_status status = S4D_OK;
    for (int i = 0; i < count && status == S4D_OK; i++) {
        loader->worker[i].loader = loader;
        status = s4d_loader_scratch_init(&loader->plan, &loader->worker[i].scratch, err);
    }
    for (int i = 0; i < threads && status == S4D_OK; i++) {
        status = s4d_thread_start(&loader->worker[i].thread, work, &loader->worker[i], err);
        if (status != S4D_OK) {
            s4d_err_prefix(err, "data.workers: thread %d of %d", i + 1, threads);
        }
    }
    return status;
}

static void make_locks(s4d_loader *loader)
{
    S4D_BUG_IF(pthread_mutex_init(&loader->lock, NULL) != 0);
    S4D_BUG_IF(pthread_cond_init(&loader->work, NULL) != 0);
    S4D_BUG_IF(pthread_cond_init(&loader->done, NULL) != 0);
    loader->locks = true;
}

s4d_status s4d_loader_create(const s4d_loader_opts *opts, s4d_loader **out, s4d_err *err)
{
    *out = NULL;
    s4d_loader *loader = s4d_mem_alloc(1, sizeof *loader);
    if (!loader) {
        return s4d_err_memory(err, sizeof *loader, "the loader");
    }
    s4d_status status = s4d_loader_plan_make(opts, &loader->plan, err);
    if (status == S4D_OK) {
        status = s4d_loader_output_init(&loader->plan, &loader->output, err);
    }
    if (status == S4D_OK) {
        status = make_ring(loader, err);
    }
    if (status == S4D_OK) {
        make_locks(loader);
        status = make_workers(loader, err);
    }
    if (status != S4D_OK) {
        s4d_loader_destroy(&loader);
        return status;
    }
    *out = loader;
    return S4D_OK;
}

static void stop_workers(s4d_loader *loader)
{
    if (loader->locks) {
        pthread_mutex_lock(&loader->lock);
        loader->quit = true;
        pthread_cond_broadcast(&loader->work);
        pthread_mutex_unlock(&loader->lock);
    }
    for (int i = 0; i < loader->workers; i++) {
        s4d_thread_join(&loader->worker[i].thread);
    }
    for (int i = 0; i < loader->workers; i++) {
        s4d_loader_scratch_release(&loader->worker[i].scratch);
    }
    s4d_mem_free(loader->worker);
    if (loader->locks) {
        pthread_cond_destroy(&loader->done);
        pthread_cond_destroy(&loader->work);
        pthread_mutex_destroy(&loader->lock);
    }
}

void s4d_loader_destroy(s4d_loader **out)
{
    s4d_loader *loader = *out;
    if (!loader) {
        return;
    }
    stop_workers(loader);
    release_ring(loader);
    s4d_loader_output_release(&loader->output);
    s4d_epoch_release(&loader->epoch);
    s4d_loader_plan_release(&loader->plan);
    s4d_mem_free(loader);
    *out = NULL;
}

/* ---- epochs and batches ---- */

int64_t s4d_loader_batches(const s4d_loader *loader)
{
    return loader->plan.batches;
}

int64_t s4d_loader_updates(const s4d_loader *loader)
{
    return loader->plan.updates;
}

s4d_status s4d_loader_start(s4d_loader *loader, uint32_t epoch, int64_t from, s4d_err *err)
{
    if (from < 0 || from > loader->plan.batches) {
        return s4d_err_set(err, S4D_FAILED,
                           "an epoch has %lld batches, so it cannot go on at batch %lld; the lists "
                           "or the batch sizes have changed since: start anew, or bring them back",
                           (long long)loader->plan.batches, (long long)from);
    }
    s4d_epoch drawn;
    s4d_status status = s4d_loader_plan_epoch(&loader->plan, epoch, &drawn, err);
    if (status != S4D_OK) {
        return status;
    }
    pthread_mutex_lock(&loader->lock);
    loader->paused = true;
    while (loader->busy > 0) {
        pthread_cond_wait(&loader->done, &loader->lock);
    }
    s4d_epoch_release(&loader->epoch);
    loader->epoch = drawn;
    loader->number = epoch;
    loader->next = loader->claim = from;
    loader->claim_item = 0;
    loader->paused = false;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    return S4D_OK;
}

/* Waits, or decodes in this thread where there is no other, until the batch's items are all done.
 */
static void finish_batch(s4d_loader *loader, int64_t batch)
{
    const slot *from = &loader->ring[batch % loader->depth];
    pthread_mutex_lock(&loader->lock);
    while (loader->claim <= batch || from->done < items_of(loader, batch)) {
        if (loader->plan.workers > 0) {
            pthread_cond_wait(&loader->done, &loader->lock);
        } else {
            decode_one(loader, &loader->worker[0].scratch);
        }
    }
    pthread_mutex_unlock(&loader->lock);
}

s4d_status s4d_loader_next(s4d_loader *loader, const s4d_batch **out, s4d_err *err)
{
    *out = NULL;
    int64_t batch = loader->next; /* only this thread changes it */
    if (batch >= loader->epoch.batches) {
        return S4D_OK;
    }
    finish_batch(loader, batch);
    s4d_loader_place place = {.kind = loader->epoch.set[batch],
                              .items = items_of(loader, batch),
                              .epoch = loader->number,
                              .batch = batch,
                              .ends_update = loader->epoch.ends[batch],
                              .update_items = s4d_epoch_update_items(&loader->epoch, batch)};
    s4d_status status = s4d_loader_assemble(
        &loader->plan, &place, loader->ring[batch % loader->depth].item, &loader->output, err);
    if (status != S4D_OK) {
        return status;
    }
    pthread_mutex_lock(&loader->lock);
    loader->next = batch + 1;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    *out = &loader->output.batch;
    return S4D_OK;
}

int64_t s4d_loader_skipped(const s4d_loader *loader)
{
    return loader->output.skipped;
}

const char *s4d_loader_skipped_text(const s4d_loader *loader)
{
    return loader->output.skipped_text.text ? loader->output.skipped_text.text : "";
}
