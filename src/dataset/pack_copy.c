/* From the list into the writer: threads read and encode ahead, the caller's thread writes in the order of the list, so
 * that the pack is the same whatever the number of threads. */

#include "dataset/pack_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"

enum { AHEAD = 2, PIECE = 1 << 20 }; /* slots for each thread; bytes of a large file at a time */

typedef struct slot {
    pack_load load;
    s4d_status status;
    s4d_err err;
    bool ready;
} slot;

typedef struct crew {
    const s4d_pack_opts *opts;
    const s4d_store *store;
    const pack_list *list;
    slot *slot; /* [slots] file i is loaded into slot i % slots */
    size_t slots, threads;
    s4d_thread *thread;
    pthread_mutex_t lock; /* of what follows and of slot[].ready */
    pthread_cond_t freed, loaded;
    size_t next, written;
    bool stop;
} crew;

/* ---- the threads that load ---- */

static void load(const crew *w, size_t i, slot *s)
{
    s->err = (s4d_err){0};
    s->status = s4d_interrupt_status();
    if (s->status == S4D_OK) {
        s->status = pack_load_file(&s->load, w->store, &w->list->file[i], &w->opts->settings, &s->err);
    }
}

static void *work(void *arg)
{
    crew *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->stop && w->next < w->list->count && w->next >= w->written + w->slots) {
            pthread_cond_wait(&w->freed, &w->lock);
        }
        if (w->stop || w->next >= w->list->count) {
            break;
        }
        size_t i = w->next++;
        pthread_mutex_unlock(&w->lock);
        load(w, i, &w->slot[i % w->slots]);
        pthread_mutex_lock(&w->lock);
        w->slot[i % w->slots].ready = true;
        pthread_cond_signal(&w->loaded);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static s4d_status start(crew *w, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < w->threads && status == S4D_OK; i++) {
        status = s4d_thread_start(&w->thread[i], work, w, err);
    }
    return status;
}

static void stop(crew *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->freed);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->threads; i++) {
        s4d_thread_join(&w->thread[i]);
    }
}

/* ---- writing ---- */

static s4d_status copy_pieces(const s4d_store_file *file, uint8_t *piece, pack_writer *out, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (uint64_t at = 0; at < file->size && status == S4D_OK; at += PIECE) {
        size_t n = file->size - at < PIECE ? (size_t)(file->size - at) : PIECE;
        status = s4d_store_file_read(file, at, piece, n, err);
        if (status == S4D_OK) {
            status = pack_writer_put(out, piece, n, err);
        }
        if (status == S4D_OK) {
            status = s4d_interrupt_status();
        }
    }
    return status == S4D_OK ? pack_writer_end(out, err) : status;
}

static s4d_status copy_large(const s4d_store *store, const pack_file *f, pack_writer *out, s4d_err *err)
{
    s4d_store_file file = {0};
    uint8_t *piece = s4d_mem_alloc(PIECE, 1);
    s4d_status status = piece ? s4d_store_file_open(store, f->path, &file, err) : s4d_err_memory(err, PIECE, "copying a file");
    if (status == S4D_OK) {
        status = pack_writer_begin(out, f->name, f->size, err);
    }
    if (status == S4D_OK) {
        status = copy_pieces(&file, piece, out, err);
    }
    if (status != S4D_OK) {
        s4d_err_prefix(err, "%s", f->path);
    }
    s4d_store_file_close(&file);
    s4d_mem_free(piece);
    return status;
}

static s4d_status write_slot(const crew *w, size_t i, const slot *s, pack_writer *out, s4d_err *err)
{
    const pack_file *file = &w->list->file[i];
    s4d_status status = s->status;
    if (status != S4D_OK) {
        if (err) {
            *err = s->err;
        }
        return status;
    }
    if (pack_load_is_large(file, &w->opts->settings)) {
        return copy_large(w->store, file, out, err);
    }
    for (size_t k = 0; k < s->load.count && status == S4D_OK; k++) {
        const pack_member *m = &s->load.member[k];
        status = m->encoded.size > 0 ? pack_writer_add(out, m->name, m->encoded.text, m->encoded.size, err)
                                     : pack_writer_add(out, m->name, m->view.data, m->view.size, err);
    }
    return status;
}

static void tell(const crew *w, const pack_writer *out, double begin, double *last)
{
    double now = s4d_clock_ms();
    bool due = now - *last >= 100 || w->written == w->list->count;
    if (w->opts->progress && due) {
        s4d_pack_progress p = {.done = w->written,
                               .total = w->list->count,
                               .bytes = pack_writer_bytes(out),
                               .seconds = (now - begin) / 1000};
        w->opts->progress(w->opts->arg, &p);
        *last = now;
    }
}

static s4d_status write_all(crew *w, pack_writer *out, s4d_err *err)
{
    double begin = s4d_clock_ms(), last = begin;
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < w->list->count && status == S4D_OK; i++) {
        slot *s = &w->slot[i % w->slots];
        pthread_mutex_lock(&w->lock);
        while (!s->ready) {
            pthread_cond_wait(&w->loaded, &w->lock);
        }
        pthread_mutex_unlock(&w->lock);
        status = write_slot(w, i, s, out, err);
        pack_load_clear(&s->load);
        pthread_mutex_lock(&w->lock);
        s->ready = false;
        w->written = i + 1;
        pthread_cond_broadcast(&w->freed);
        pthread_mutex_unlock(&w->lock);
        tell(w, out, begin, &last);
    }
    if (status == S4D_INTERRUPTED || status == S4D_TERMINATED) {
        s4d_err_set(err, status, "%s: interrupted after %zu of %zu files; nothing of the pack is left", w->opts->output,
                    w->written, w->list->count);
    }
    return status;
}

s4d_status pack_copy(const s4d_pack_opts *o, const s4d_store *store, const pack_list *list, pack_writer *out, s4d_err *err)
{
    size_t threads = (size_t)(o->threads > 0 ? o->threads : s4d_cpu_count());
    crew w = {.opts = o, .store = store, .list = list};
    w.threads = threads < list->count ? threads : list->count;
    w.slots = AHEAD * w.threads;
    w.thread = s4d_mem_alloc(w.threads, sizeof *w.thread);
    w.slot = s4d_mem_alloc(w.slots, sizeof *w.slot);
    s4d_status status;
    if (!w.thread || !w.slot) {
        status = s4d_err_memory(err, w.slots * sizeof *w.slot, "the threads that pack");
        goto done;
    }
    S4D_BUG_IF(pthread_mutex_init(&w.lock, NULL) != 0 || pthread_cond_init(&w.freed, NULL) != 0 ||
               pthread_cond_init(&w.loaded, NULL) != 0);
    status = start(&w, err);
    if (status == S4D_OK) {
        status = write_all(&w, out, err);
    }
    stop(&w);
    for (size_t i = 0; i < w.slots; i++) {
        pack_load_release(&w.slot[i].load);
    }
    pthread_cond_destroy(&w.loaded);
    pthread_cond_destroy(&w.freed);
    pthread_mutex_destroy(&w.lock);
done:
    s4d_mem_free(w.slot);
    s4d_mem_free(w.thread);
    return status;
}
