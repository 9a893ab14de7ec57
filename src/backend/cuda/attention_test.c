/* cuDNN's attention against the products, at start: a small example, large enough for more than one tile and a rest. */
#include <math.h>
#include <string.h>

#include "backend/cuda/attention.h"
#include "backend/cuda/cuda_state.h"
#include "s4d/base/mem.h"
#include "s4d/base/rng.h"

enum { SAMPLES = 2, TOKENS = 200, HEADS = 3, WIDTH = 64, IN = SAMPLES * TOKENS * HEADS * WIDTH, ROWS = SAMPLES * HEADS * TOKENS };
static const double SCALE = 0.125, INPUT = 1.5; /* of normal q, k, v: scores up to about 10 */

/* bf16 keeps 8 bits, and the two ways round at different places. */
static const double MOST_VALUE = 0.03, MOST_STATS = 1e-3;

/* Tensors on the card: what both read, and what each writes. */
typedef struct example {
    void *block;
    s4d_tensor qkv, dy;
    struct {
        s4d_tensor y, stats, dqkv;
    } fused, plain;
} example;

static s4d_tensor part(example *e, size_t *used, s4d_tensor t)
{
    t.data = e->block ? (char *)e->block + *used : NULL;
    *used += (s4d_tensor_bytes(&t) + 255) / 256 * 256;
    return t;
}

/* Lays the tensors out in the block, if there is one; bytes. */
static size_t lay_out(example *e)
{
    size_t used = 0;
    s4d_tensor y = S4D_TENSOR(S4D_BF16, NULL, SAMPLES, TOKENS, HEADS, WIDTH);
    s4d_tensor qkv = S4D_TENSOR(S4D_BF16, NULL, SAMPLES, TOKENS, 3, HEADS, WIDTH);
    s4d_tensor stats = S4D_TENSOR(S4D_F32, NULL, SAMPLES, HEADS, TOKENS);
    e->qkv = part(e, &used, qkv);
    e->dy = part(e, &used, y);
    e->fused.y = part(e, &used, y);
    e->plain.y = part(e, &used, y);
    e->fused.stats = part(e, &used, stats);
    e->plain.stats = part(e, &used, stats);
    e->fused.dqkv = part(e, &used, qkv);
    e->plain.dqkv = part(e, &used, qkv);
    return used;
}

static void fill(s4d_backend *be, const s4d_tensor *t, float *host, uint64_t key, double size)
{
    int64_t n = s4d_tensor_count(t);
    for (int64_t i = 0; i < n; ++i) host[i] = (float)(size * s4d_rng_fill_normal(key, (uint64_t)i));
    s4d_backend_upload_floats(be, *t, host);
}

/* ---- both ways ---- */

/* Backward of both reads what the products wrote. False: cuDNN does not take it. */
static bool compute(s4d_backend *be, example *e)
{
    s4d_attention_fwd_args fwd = {.qkv = e->qkv, .scale = SCALE, .stats = e->plain.stats, .y = e->plain.y};
    s4d_attention_bwd_args bwd = {.qkv = e->qkv, .stats = e->plain.stats, .y = e->plain.y, .dy = e->dy, .scale = SCALE,
                                  .dqkv = e->plain.dqkv};
    s4d_cuda_before(be, S4D_OP_attention_fwd);
    s4d_cuda_attention_unfused_fwd(be, &fwd);
    fwd.y = e->fused.y;
    fwd.stats = e->fused.stats;
    bool taken = s4d_cuda_attention_cudnn_fwd(be, &fwd);
    s4d_cuda_after(be, S4D_OP_attention_fwd);
    s4d_cuda_before(be, S4D_OP_attention_bwd);
    s4d_cuda_attention_unfused_bwd(be, &bwd);
    bwd.dqkv = e->fused.dqkv;
    taken = s4d_cuda_attention_cudnn_bwd(be, &bwd) && taken;
    s4d_cuda_after(be, S4D_OP_attention_bwd);
    return taken;
}

/* ---- comparing ---- */

typedef struct comparison {
    const char *what;
    const s4d_tensor *fused, *plain;
    int64_t first, count, stride; /* runs of `count` of every `stride` elements, from `first` */
    double most;
} comparison;

/* The largest difference over the largest value; NaN where there is one. */
static double difference(const comparison *c, const float *fused, const float *plain)
{
    double most = 0, largest = 0;
    for (int64_t at = c->first; at < s4d_tensor_count(c->fused); at += c->stride) {
        for (int64_t i = at; i < at + c->count; ++i) {
            double d = fabs((double)fused[i] - (double)plain[i]);
            if (!(d <= most)) most = d;
            if (isnan(most)) return most;
            largest = fmax(largest, fabs((double)plain[i]));
        }
    }
    return largest > 0 ? most / largest : NAN;
}

static s4d_status compare(s4d_backend *be, const example *e, float *host, double *worst, s4d_err *err)
{
    enum { PART = HEADS * WIDTH };
    const comparison all[] = {
        {"the result", &e->fused.y, &e->plain.y, 0, PART, PART, MOST_VALUE},
        {"the log of the sums", &e->fused.stats, &e->plain.stats, 0, TOKENS, TOKENS, MOST_STATS},
        {"the gradient of the queries", &e->fused.dqkv, &e->plain.dqkv, 0, PART, 3 * PART, MOST_VALUE},
        {"the gradient of the keys", &e->fused.dqkv, &e->plain.dqkv, PART, PART, 3 * PART, MOST_VALUE},
        {"the gradient of the values", &e->fused.dqkv, &e->plain.dqkv, 2 * PART, PART, 3 * PART, MOST_VALUE},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i) {
        s4d_backend_download_floats(be, host, *all[i].fused);
        s4d_backend_download_floats(be, host + 3 * IN, *all[i].plain);
        if (be->failed) return s4d_err_set(err, S4D_FAILED, "%s", be->error.text);
        double d = difference(&all[i], host, host + 3 * IN);
        if (!(d <= all[i].most))
            return s4d_err_set(err, S4D_FAILED, "%s differs by %.2g of its largest value", all[i].what, d);
        *worst = fmax(*worst, d);
    }
    return S4D_OK;
}

s4d_status s4d_cuda_attention_self_test(s4d_backend *be, double *worst, s4d_err *err)
{
    example e = {0};
    *worst = 0;
    float *host = s4d_mem_alloc(2 * 3 * IN, sizeof *host);
    s4d_status status = host ? S4D_OK : s4d_err_memory(err, 2 * 3 * IN * sizeof *host, "a test of attention");
    if (status == S4D_OK) status = s4d_cuda_alloc(be, lay_out(&e), &e.block, err);
    if (status != S4D_OK) goto done;
    lay_out(&e);
    fill(be, &e.qkv, host, 1, INPUT);
    fill(be, &e.dy, host, 2, 1);
    if (!compute(be, &e))
        status = s4d_err_set(err, S4D_FAILED, "it does not take %d tokens of %d heads of width %d", TOKENS, HEADS, WIDTH);
    if (be->failed) status = s4d_err_set(err, S4D_FAILED, "%s", be->error.text);
    if (status == S4D_OK) status = compare(be, &e, host, worst, err);
done:
    be->failed = false; /* a failed test is an answer, not a failure of the device */
    be->error = (s4d_err){0};
    if (e.block) s4d_cuda_free(be, e.block);
    s4d_mem_free(host);
    return status;
}
