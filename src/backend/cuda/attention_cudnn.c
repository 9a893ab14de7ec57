/* The attention operations by cuDNN's fused kernels, bf16 only. The first plan of a shape is made while planning, since the
 * scratch it needs is part of what a step needs; those of other batches when they are first run. */
#include <stdio.h>
#include <string.h>

#include "backend/cuda/attention.h"
#include "backend/cuda/cuda_state.h"
#include "backend/cuda/cudnn_attention.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"

struct s4d_cuda_cudnn {
    s4d_cudnn c;
    s4d_cudnn_device device;
    s4d_cudnn_ground ground;
    s4d_cudnn_plans plans;
    char version[64];
};

static s4d_cuda_cudnn *state(const s4d_backend *be)
{
    const s4d_cuda_attention *a = s4d_cuda_of(be)->attention;
    return a ? a->cudnn : NULL;
}

/* ---- opening ---- */

static s4d_status open_card(s4d_backend *be, s4d_cuda_cudnn *s, s4d_err *err)
{
    int64_t v = (int64_t)s->c.version();
    s->ground = (s4d_cudnn_ground){s4d_cuda_capability(be), v};
    snprintf(s->version, sizeof s->version, "%lld.%lld.%lld", (long long)(v / 10000), (long long)(v / 100 % 100),
             (long long)(v % 100));
    if (v < S4D_CUDNN_OLDEST) {
        return s4d_err_set(err, S4D_FAILED,
                           "cuDNN %s is older than 9.15.1, whose attention is the first that can be trusted; install a newer "
                           "one, or set S4D_CUDNN to its folder",
                           s->version);
    }
    s->device.c = &s->c;
    int status = s->c.create(&s->device.handle);
    if (status != 0) {
        s->device.handle = NULL;
        return s4d_cudnn_refused(&s->c, status, "open the card", err);
    }
    status = s->c.set_stream(s->device.handle, s4d_cuda_stream(be));
    return status == 0 ? S4D_OK : s4d_cudnn_refused(&s->c, status, "take the stream", err);
}

s4d_status s4d_cuda_attention_cudnn_open(s4d_backend *be, s4d_err *err)
{
    s4d_cuda_attention *a = *s4d_cuda_attention_state(be);
    a->cudnn = s4d_mem_alloc(1, sizeof *a->cudnn);
    if (!a->cudnn) return s4d_err_memory(err, sizeof *a->cudnn, "cuDNN");
    s4d_status status = s4d_cudnn_open(&a->cudnn->c, err);
    if (status == S4D_OK) status = open_card(be, a->cudnn, err);
    if (status != S4D_OK) s4d_cuda_attention_cudnn_close(be);
    return status;
}

void s4d_cuda_attention_cudnn_close(s4d_backend *be)
{
    s4d_cuda_attention *a = *s4d_cuda_attention_state(be);
    if (!a || !a->cudnn) return;
    s4d_cudnn_plans_release(&a->cudnn->plans);
    s4d_cudnn_device_release(&a->cudnn->device);
    s4d_cudnn_close(&a->cudnn->c);
    s4d_mem_free(a->cudnn);
    a->cudnn = NULL;
}

const char *s4d_cuda_attention_cudnn_version(const s4d_backend *be)
{
    const s4d_cuda_cudnn *s = state(be);
    return s ? s->version : "";
}

/* ---- plans ---- */

static const s4d_cudnn_entry *find(s4d_cuda_cudnn *s, const s4d_cudnn_geometry *u)
{
    size_t known = s->plans.count;
    const s4d_cudnn_entry *e = s4d_cudnn_plans_find(&s->plans, &s->device, &s->ground, u);
    if (!e || known == s->plans.count) return e;
    if (e->usable) {
        s4d_log(S4D_LOG_DEBUG, "cuda: attention_%s of [%lld,%lld,3,%lld,%lld] by cuDNN's engine %lld, %lld bytes of scratch",
                u->backward ? "bwd" : "fwd", (long long)u->B, (long long)u->N, (long long)u->H, (long long)u->d,
                (long long)e->plan.engine, (long long)e->plan.workspace);
    } else {
        s4d_log(S4D_LOG_INFO, "attention_%s of %lld tokens, %lld heads of width %lld is not computed by cuDNN, but by products: %s",
                u->backward ? "bwd" : "fwd", (long long)u->N, (long long)u->H, (long long)u->d, e->why);
    }
    return e;
}

/* The deterministic backward keeps the scores: too many samples are computed some at a time, in multiples of 4, so that the
 * statistics of each time begin at whole 16 bytes. */
#ifdef S4D_CUDA_EMULATED
enum { MOST_WORKSPACE = 1 << 20 }; /* so that small tests come to it */
#else
enum { MOST_WORKSPACE = 1 << 30 };
#endif
enum { SAMPLE_GRAIN = 4 };

static int64_t at_once(const s4d_cudnn_geometry *u, int64_t workspace)
{
    if (workspace <= MOST_WORKSPACE || u->B <= SAMPLE_GRAIN) return u->B;
    int64_t n = (int64_t)((double)u->B * MOST_WORKSPACE / (double)workspace) / SAMPLE_GRAIN * SAMPLE_GRAIN;
    return n > SAMPLE_GRAIN ? n : SAMPLE_GRAIN;
}

/* The plan for most of the samples, and that for the rest. */
typedef struct turns {
    int64_t samples; /* of all turns but perhaps the last */
    const s4d_cudnn_entry *most, *rest;
    int64_t workspace; /* of the larger */
} turns;

/* A plan like that of u but for the number of samples; NULL: there is none. */
static const s4d_cudnn_entry *sibling(const s4d_cuda_cudnn *s, s4d_cudnn_geometry u)
{
    for (size_t i = 0; i < s->plans.count; ++i) {
        u.B = s->plans.item[i]->key.B;
        if (memcmp(&s->plans.item[i]->key, &u, sizeof u) == 0) return s->plans.item[i];
    }
    return NULL;
}

/* cuDNN's workspace is so much a sample, and a little beside. */
static int64_t workspace_like(const s4d_cudnn_entry *e, int64_t samples)
{
    enum { BESIDES = 4096 };
    return (e->plan.workspace * samples + e->key.B - 1) / e->key.B + BESIDES;
}

/* A plan takes most of a second to make, and batches that are only weighed need none of their own. */
static bool foresee(const s4d_cudnn_entry *like, const s4d_cudnn_geometry *u, turns *t)
{
    t->most = t->rest = like;
    t->samples = at_once(u, workspace_like(like, u->B));
    t->workspace = workspace_like(like, t->samples);
    return like->usable;
}

/* False: cuDNN does not take them. */
static bool find_turns(const s4d_backend *be, s4d_cudnn_geometry u, turns *t)
{
    s4d_cuda_cudnn *s = state(be);
    int64_t B = u.B;
    const s4d_cudnn_entry *like = be->planning ? sibling(s, u) : NULL;
    if (like) return foresee(like, &u, t);
    t->most = t->rest = find(s, &u);
    if (!t->most || !t->most->usable) return false;
    t->samples = at_once(&u, t->most->plan.workspace);
    if (t->samples < B) {
        u.B = t->samples;
        t->most = t->rest = find(s, &u);
        u.B = B % t->samples;
        if (u.B) t->rest = find(s, &u);
        if (!t->most || !t->most->usable || !t->rest || !t->rest->usable) return false;
    }
    int64_t most = t->most->plan.workspace, rest = t->rest->plan.workspace;
    t->workspace = most > rest ? most : rest;
    return true;
}

static s4d_cudnn_geometry geometry_of(const s4d_backend *be, const s4d_tensor *qkv, bool backward)
{
    return (s4d_cudnn_geometry){.B = qkv->dim[0], .N = qkv->dim[1], .H = qkv->dim[3], .d = qkv->dim[4], .backward = backward,
                                .deterministic = backward && !s4d_cuda_any_order(be)};
}

/* ---- running ---- */

/* What is deferred; no padding. Addresses by id - 1. */
typedef struct work {
    const s4d_cudnn_entry *entry;
    void *pointer[S4D_CUDNN_IDS - 1], *workspace;
    double scale;
} work;

static void run(s4d_backend *be, const void *what)
{
    int64_t id[S4D_CUDNN_IDS - 1];
    work w;
    for (int i = 0; i < S4D_CUDNN_IDS - 1; ++i) id[i] = i + 1;
    s4d_err err = {0};
    memcpy(&w, what, sizeof w);
    const s4d_cudnn_geometry *u = &w.entry->key;
    float scale = (float)w.scale, one = 1;
    w.pointer[S4D_CUDNN_SCALE - 1] = &scale;
    w.pointer[S4D_CUDNN_ONE - 1] = &one;
    int64_t ids = !u->backward ? S4D_CUDNN_SCALE : u->deterministic ? S4D_CUDNN_ROW_SUMS : S4D_CUDNN_DQ_SUMS;
    s4d_cudnn_pointers p = {id, w.pointer, ids, w.workspace};
    if (s4d_cudnn_plan_run(&state(be)->device, &w.entry->plan, &p, &err) != S4D_OK)
        s4d_backend_fail(be, "device cuda: operation attention_%s: %s; cuda.attention \"unfused\" does without cuDNN",
                         u->backward ? "bwd" : "fwd", err.text);
}

/* Sample b of a tensor, or what lies `skip` elements behind its beginning. */
static void *at(const s4d_tensor *t, int64_t b, int64_t skip)
{
    int64_t element = b * (s4d_tensor_count(t) / t->dim[0]) + skip;
    return t->data ? (char *)t->data + element * (int64_t)s4d_dtype_size(t->dtype) : NULL; /* NULL while planning */
}

static void put_qkv(work *w, s4d_cudnn_id first, const s4d_tensor *qkv, int64_t b)
{
    int64_t part = qkv->dim[3] * qkv->dim[4];
    for (int i = 0; i < 3; ++i) w->pointer[(int)first - 1 + i] = at(qkv, b, i * part);
}

/* Plans were promised it; NULL, while planning, is. */
static bool aligned(const s4d_tensor *t)
{
    return (uintptr_t)t->data % S4D_CUDNN_ALIGNMENT == 0;
}

static bool fit(const s4d_backend *be, const s4d_tensor *qkv, const s4d_tensor *y, const s4d_tensor *stats)
{
    return state(be) && qkv->dtype == S4D_BF16 && aligned(qkv) && aligned(y) && aligned(stats);
}

bool s4d_cuda_attention_cudnn_fwd(s4d_backend *be, const s4d_attention_fwd_args *args)
{
    turns t;
    int64_t B = args->qkv.dim[0];
    if (!fit(be, &args->qkv, &args->y, &args->stats)) return false;
    if (!find_turns(be, geometry_of(be, &args->qkv, false), &t)) return false;
    void *workspace = s4d_cuda_scratch(be, (size_t)t.workspace);
    for (int64_t b = 0; b < B; b += t.samples) {
        work w = {.entry = B - b < t.samples ? t.rest : t.most, .workspace = workspace, .scale = args->scale};
        put_qkv(&w, S4D_CUDNN_Q, &args->qkv, b);
        w.pointer[S4D_CUDNN_Y - 1] = at(&args->y, b, 0);
        w.pointer[S4D_CUDNN_STATS - 1] = at(&args->stats, b, 0);
        s4d_cuda_defer(be, run, &w, sizeof w);
    }
    return true;
}

bool s4d_cuda_attention_cudnn_bwd(s4d_backend *be, const s4d_attention_bwd_args *args)
{
    turns t;
    int64_t B = args->qkv.dim[0];
    if (!fit(be, &args->qkv, &args->y, &args->stats)) return false;
    if (!aligned(&args->dy) || !aligned(&args->dqkv) || !find_turns(be, geometry_of(be, &args->qkv, true), &t)) return false;
    size_t rows = (size_t)(t.samples * args->qkv.dim[1] * args->qkv.dim[3]), width = (size_t)args->qkv.dim[4];
    void *workspace = s4d_cuda_scratch(be, (size_t)t.workspace);
    void *row_sums = s4d_cuda_scratch(be, rows * sizeof(float));
    size_t sums = s4d_cuda_any_order(be) ? rows * width * sizeof(float) : 0;
    void *dq_sums = sums ? s4d_cuda_scratch(be, sums) : NULL;
    for (int64_t b = 0; b < B; b += t.samples) {
        work w = {.entry = B - b < t.samples ? t.rest : t.most, .workspace = workspace, .scale = args->scale};
        put_qkv(&w, S4D_CUDNN_Q, &args->qkv, b);
        put_qkv(&w, S4D_CUDNN_DQ, &args->dqkv, b);
        w.pointer[S4D_CUDNN_Y - 1] = at(&args->y, b, 0);
        w.pointer[S4D_CUDNN_DY - 1] = at(&args->dy, b, 0);
        w.pointer[S4D_CUDNN_STATS - 1] = at(&args->stats, b, 0);
        w.pointer[S4D_CUDNN_ROW_SUMS - 1] = row_sums;
        w.pointer[S4D_CUDNN_DQ_SUMS - 1] = dq_sums;
        s4d_cuda_clear(be, dq_sums, sums); /* cuDNN adds to them */
        s4d_cuda_defer(be, run, &w, sizeof w);
    }
    return true;
}
