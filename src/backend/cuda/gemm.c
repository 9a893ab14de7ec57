/* Matrix products: the first of the ways that cuBLASLt proposes for a shape, so that every run rounds alike; or, where any
 * order will do, the fastest of them, found once by timing, kept, and told as text, so that a resumed run rounds alike. */
#include <stdio.h>

#include "backend/cuda/cuda_state.h"
#include "s4d/base/log.h"

/* Multiply-adds below which the first guess is good enough. */
static const double WORTH_TIMING = 1 << 24;

static double multiply_adds(const s4d_cuda_plan_key *k)
{
    return (double)k->m * (double)k->n * (double)k->k * (double)k->batch;
}

/* ---- timing ---- */

enum { RUNS = 3 };

typedef struct watch {
    cudaEvent_t begin, end;
} watch;

/* Milliseconds of one run of candidate i after a first one that is not counted; negative: it does not run. */
static double time_one(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p, int i, watch w)
{
    cudaStream_t stream = s4d_cuda_stream(be);
    float ms = 0;
    if (s4d_cuda_lt_run(be, plan, p, i) || cudaEventRecord(w.begin, stream) != cudaSuccess) return -1;
    for (int run = 0; run < RUNS; ++run)
        if (s4d_cuda_lt_run(be, plan, p, i)) return -1;
    if (cudaEventRecord(w.end, stream) != cudaSuccess || cudaEventSynchronize(w.end) != cudaSuccess ||
        cudaEventElapsedTime(&ms, w.begin, w.end) != cudaSuccess)
        return -1;
    return ms / RUNS;
}

static void use(s4d_cuda_plan *plan, int i)
{
    s4d_cuda_choice first = plan->candidate[0];
    plan->candidate[0] = plan->candidate[i];
    plan->candidate[i] = first;
}

static void log_choice(const s4d_cuda_plan *plan, int best, double best_ms, double first_ms)
{
    const s4d_cuda_plan_key *k = &plan->key;
    s4d_log(S4D_LOG_DEBUG,
            "cuda: product [%lld,%lld] by %lld, %lld of them, %s%s: way %d of %d, %.3f ms, %.1f TFLOP/s (first guess %.3f ms)",
            (long long)k->m, (long long)k->n, (long long)k->k, (long long)k->batch, k->ta ? "T" : "N", k->tb ? "T" : "N",
            best + 1, plan->candidates, best_ms, 2e-9 * multiply_adds(k) / best_ms, first_ms);
}

static void time_all(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p, watch w)
{
    int best = -1;
    double best_ms = 0, first_ms = 0;
    for (int i = 0; i < plan->candidates; ++i) {
        double ms = time_one(be, plan, p, i, w);
        if (i == 0) first_ms = ms;
        if (ms < 0 || (best >= 0 && ms >= best_ms)) continue;
        best = i;
        best_ms = ms;
    }
    cudaGetLastError(); /* of a candidate that does not run */
    if (best < 0) return;
    log_choice(plan, best, best_ms, first_ms);
    use(plan, best);
    plan->settled = true;
}

/* Bytes from the first to the last element of c. */
static size_t span(const s4d_cuda_product *p)
{
    int64_t batch = p->batch > 1 ? p->batch : 1;
    return (size_t)((batch - 1) * p->stride_c + (p->m - 1) * p->ldc + p->n) * s4d_dtype_size(p->c_type);
}

/* Shapes of steps come again and are worth it; others (groups of rows as they happen to fall) are not. */
static bool worth_timing(const s4d_cuda *cu, const s4d_cuda_plan *plan)
{
    return cu->any_order && !plan->settled && !cu->graphs.capturing && (plan->planned || cu->graphs.inside) && plan->candidates > 1 &&
           multiply_adds(&plan->key) >= WORTH_TIMING;
}

/* Where c is only written, each run writes it anew. Where it is added to, the runs get another c; without memory for that
 * the first guess stays. */
static void settle(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p)
{
    s4d_cuda_product trial = *p;
    watch w = {NULL, NULL};
    if (p->beta != 0 && cudaMalloc(&trial.c, span(p)) != cudaSuccess) {
        cudaGetLastError();
        return;
    }
    if (cudaEventCreate(&w.begin) == cudaSuccess && cudaEventCreate(&w.end) == cudaSuccess) time_all(be, plan, &trial, w);
    if (w.begin) cudaEventDestroy(w.begin);
    if (w.end) cudaEventDestroy(w.end);
    if (trial.c != p->c) cudaFree(trial.c);
}

/* ---- products ---- */

enum { MOST_PLANS = 8192 };

static void ask(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p)
{
    const s4d_cuda_plan_key *k = &plan->key;
    s4d_cuda_lt_ask(be, plan, p);
    if (plan->candidates == 0 && multiply_adds(k) >= WORTH_TIMING)
        s4d_log(S4D_LOG_WARN, "cuda: cuBLASLt has no way of computing %lld products [%lld,%lld] by %lld, %s%s%s; they are slow",
                (long long)k->batch, (long long)k->m, (long long)k->n, (long long)k->k, k->ta ? "T" : "N", k->tb ? "T" : "N",
                k->bias ? ", with bias" : "");
}

/* The plan for p, its candidates filled in; NULL after a failure. */
static s4d_cuda_plan *plan_of(s4d_backend *be, const s4d_cuda_product *p)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    s4d_cuda_plan_key key = s4d_cuda_plan_key_of(p);
    if (cu->plans.count >= MOST_PLANS) s4d_cuda_plans_drop(&cu->plans, false, s4d_cuda_lt_forget, cu->lt);
    s4d_cuda_plan *plan = s4d_cuda_plans_find(&cu->plans, &key);
    if (!plan) {
        s4d_backend_fail(be, "device cuda: not enough memory for the plan of a matrix product");
        return NULL;
    }
    if (plan->foreign && !s4d_cuda_lt_takes(be, plan, p)) {
        s4d_log(S4D_LOG_DEBUG, "cuda: cuBLASLt refuses a way of computing a product that an earlier run chose");
        plan->asked = plan->settled = false;
    }
    plan->foreign = false;
    if (!plan->asked) ask(be, plan, p);
    return plan;
}

void s4d_cuda_gemm_plan(s4d_backend *be, const s4d_cuda_product *p)
{
    s4d_cuda_plan *plan = p->k > 0 ? plan_of(be, p) : NULL;
    if (plan) plan->planned = true;
}

static void fail(s4d_backend *be, const s4d_cuda_product *p, const char *words)
{
    const s4d_cuda *cu = s4d_cuda_of(be);
    if (!cu->graphs.capturing && !s4d_cuda_good(be, cudaStreamSynchronize(cu->compute), "matrix product")) return;
    s4d_backend_fail(be, "device cuda: operation %s: cuBLASLt refuses a product of [%lld,%lld] by [%lld,%lld]: %s",
                     cu->op >= 0 ? s4d_op_name((s4d_op_id)cu->op) : "none", (long long)p->m, (long long)p->k,
                     (long long)p->k, (long long)p->n, words);
}

static const void *later(const void *p, s4d_dtype type, int64_t elements)
{
    return p ? (const char *)p + elements * (int64_t)s4d_dtype_size(type) : NULL;
}

/* A batch that the library does not take as one. */
static void one_by_one(s4d_backend *be, const s4d_cuda_product *p)
{
    for (int64_t i = 0; i < p->batch && !be->failed; ++i) {
        s4d_cuda_product one = *p;
        one.batch = 1;
        one.a = later(p->a, p->type, i * p->stride_a);
        one.b = later(p->b, p->type, i * p->stride_b);
        one.c = (void *)later(p->c, p->c_type, i * p->stride_c);
        one.bias = later(p->bias, p->c_type, i * p->stride_bias);
        s4d_cuda_gemm_issue(be, &one);
    }
}

void s4d_cuda_gemm_issue(s4d_backend *be, const s4d_cuda_product *p)
{
    enum { FEW = 64 };
    s4d_cuda_plan *plan = p->k > 0 ? plan_of(be, p) : NULL;
    if (be->failed) return;
    if (plan && plan->candidates == 0 && p->batch > 1 && p->batch <= FEW) {
        one_by_one(be, p);
        return;
    }
    if (!plan || plan->candidates == 0) {
        s4d_cuda_plain_product(be, p);
        return;
    }
    if (worth_timing(s4d_cuda_of(be), plan)) settle(be, plan, p);
    const char *words = be->failed ? NULL : s4d_cuda_lt_run(be, plan, p, 0);
    if (words) fail(be, p, words);
}

/* ---- as text ---- */

static void title(const s4d_cuda *cu, char text[256])
{
    char version[32];
    s4d_cuda_lt_version(cu, version);
    snprintf(text, 256, "%s (sm_%d, %d multiprocessors), cuBLASLt %s, %s%s", cu->card.name, cu->card.capability,
             cu->card.processors, version, cu->tf32 ? "tf32" : "float32", cu->any_order ? ", any order" : "");
}

s4d_status s4d_cuda_tuning(s4d_backend *be, s4d_str *out, s4d_err *err)
{
    char head[256];
    title(s4d_cuda_of(be), head);
    s4d_cuda_plans_write(&s4d_cuda_of(be)->plans, head, out);
    return out->failed ? s4d_err_memory(err, out->size, "the choices for matrix products") : S4D_OK;
}

bool s4d_cuda_tune(s4d_backend *be, const char *text)
{
    char head[256];
    title(s4d_cuda_of(be), head);
    s4d_cuda_graph_give_up(be, false);
    s4d_cuda_graphs_drop(s4d_cuda_of(be)); /* they hold the choices made so far */
    return s4d_cuda_plans_read(&s4d_cuda_of(be)->plans, head, text);
}
