/* s4d bench ops: each operation alone at the sizes of the published ViT-Base, held against the floor: what its bytes take at the
 * memory rate, or its arithmetic at the product rate, that were measured on the same device just before. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/cmd_bench.h"
#include "s4d/backend/backend.h"
#include "s4d/base/json.h"
#include "s4d/base/mem.h"
#include "s4d/base/rng.h"
#include "s4d/base/thread.h"

enum { D = 768, H = 12, HEAD = 64, N = 800, HIDDEN = 3072, E = 8, K = 2, ADAPTER = 192, SIDE = 160, FRAMES = 16, PATCH = 1536 };

typedef struct bench {
    s4d_backend *be;
    s4d_arena arena;
    const char *only;
    int64_t B, M; /* clips, tokens */
    double seconds, bytes_per_ms, flop_per_ms; /* the rates; 0: not measured yet */
    bool json;
    s4d_rng rng;
    s4d_status status;
    s4d_err *err;
} bench;

/* ---- tensors ---- */

static s4d_tensor take(bench *b, s4d_dtype dtype, int rank, const int64_t *dim)
{
    s4d_tensor t = s4d_tensor_of(dtype, NULL, rank, dim);
    t.data = s4d_arena_take(&b->arena, s4d_tensor_bytes(&t));
    return t;
}

#define DIMS(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}
#define ACT(...) noise(b, s4d_backend_act(b->be), DIMS(__VA_ARGS__))
#define REAL(...) noise(b, s4d_backend_real(b->be), DIMS(__VA_ARGS__))
#define WIDE(...) take(b, S4D_F64, DIMS(__VA_ARGS__))
#define INTS(...) take(b, S4D_I32, DIMS(__VA_ARGS__))

/* Filled on the device, by way of real where the type is another. */
static s4d_tensor noise(bench *b, s4d_dtype dtype, int rank, const int64_t *dim)
{
    s4d_tensor t = take(b, dtype, rank, dim);
    s4d_dtype real = s4d_backend_real(b->be);
    size_t used = b->arena.used;
    s4d_tensor wide = dtype == real ? t : take(b, real, rank, dim);
    s4d_random(b->be, &(s4d_random_args){.kind = S4D_NORMAL, .key = s4d_rng_u32(&b->rng), .y = wide});
    if (dtype != real) s4d_cast(b->be, &(s4d_cast_args){.x = wide, .y = t});
    s4d_arena_reset(&b->arena, used);
    return t;
}

/* i32 [rows,width] with value(i) in place i. */
static s4d_tensor ints(bench *b, int64_t rows, int64_t width, int32_t (*value)(int64_t i, int64_t width))
{
    s4d_tensor t = INTS(rows, width);
    int32_t *host = s4d_mem_alloc((size_t)(rows * width), sizeof *host);
    for (int64_t i = 0; host && i < rows * width; ++i) host[i] = value(i, width);
    if (host) s4d_backend_upload(b->be, t.data, host, s4d_tensor_bytes(&t));
    else b->status = s4d_err_memory(b->err, s4d_tensor_bytes(&t), "indices");
    s4d_mem_free(host);
    return t;
}
static int32_t spread_visible(int64_t i, int64_t width)
{
    return (int32_t)(i % width * (N / 40));
}
static int32_t spread_masked(int64_t i, int64_t width)
{
    int64_t place = i % width;
    return (int32_t)(place + place / (N / 40 - 1) + 1);
}
static int32_t two_experts(int64_t i, int64_t width)
{
    int64_t row = i / width;
    return (int32_t)((row * 5 + i % width * (1 + row % 7)) % E);
}

/* ---- timing ---- */

static double bytes_of(const s4d_tensor *t)
{
    return (double)s4d_tensor_bytes(t);
}

/* The device has done everything that was issued. */
static void wait(bench *b)
{
    s4d_backend_fetch(b->be, 0, 0, b->arena.base, 8);
    s4d_backend_fetched(b->be, 0);
}

typedef void (*op_function)(s4d_backend *be, const void *args);
#define S4D_OP(name)                                                                               \
    static void run_##name(s4d_backend *be, const void *args)                                      \
    {                                                                                              \
        s4d_##name(be, args);                                                                      \
    }
#include "s4d/backend/ops.def"
#undef S4D_OP
static const op_function functions[S4D_OP_COUNT] = {
#define S4D_OP(name) [S4D_OP_##name] = run_##name,
#include "s4d/backend/ops.def"
#undef S4D_OP
};

/* Milliseconds of a call: rounds of more and more calls until one round is long enough. */
static double time_calls(bench *b, op_function run, const void *args)
{
    run(b->be, args);
    wait(b);
    for (int64_t calls = 1;; calls *= 4) {
        double begin = s4d_clock_ms();
        for (int64_t i = 0; i < calls; ++i) run(b->be, args);
        wait(b);
        double took = s4d_clock_ms() - begin;
        if (took > 1e3 * b->seconds || calls > 1 << 20) return took / (double)calls;
    }
}

static void print_line(const bench *b, const char *op, const char *shape, const double v[5])
{
    static const char *const key[] = {"ms", "gbytes_per_s", "tflops", "floor_ms", "share_of_floor"};
    if (!b->json) {
        printf("%-20s %-24s %9.4f ms %8.1f GB/s %7.2f TFLOP/s   floor %9.4f ms, %5.1f%% of it\n", op, shape, v[0], v[1], v[2], v[3],
               100 * v[4]);
        return;
    }
    s4d_json_writer w = {0};
    s4d_json_open(&w, '{');
    s4d_json_put_key(&w, "op");
    s4d_json_put_string(&w, op);
    s4d_json_put_key(&w, "shape");
    s4d_json_put_string(&w, shape);
    for (int i = 0; i < 5; ++i) {
        s4d_json_put_key(&w, key[i]);
        s4d_json_put_number(&w, v[i]);
    }
    s4d_json_close(&w, '}');
    if (!w.out.failed) puts(w.out.text);
    s4d_str_release(&w.out);
}

/* One operation; `bytes` it must read and write at least, `flop` it must do. */
static double time_op(bench *b, s4d_op_id op, const void *args, double bytes, double flop, const char *shape)
{
    if (b->status != S4D_OK || (b->only && strcmp(b->only, s4d_op_name(op)) != 0 && b->flop_per_ms > 0)) return 0;
    double ms = time_calls(b, functions[op], args);
    b->status = s4d_backend_check(b->be, b->err);
    if (b->status == S4D_OK) b->status = s4d_interrupt_status();
    double floor = fmax(b->bytes_per_ms > 0 ? bytes / b->bytes_per_ms : 0, b->flop_per_ms > 0 ? flop / b->flop_per_ms : 0);
    double figures[5] = {ms, bytes / ms / 1e6, flop / ms / 1e9, floor, floor / ms};
    if (b->status == S4D_OK) print_line(b, s4d_op_name(op), shape, figures);
    fflush(stdout);
    return ms;
}

/* ---- the rates everything is held against ---- */

static void measure_rates(bench *b)
{
    size_t used = b->arena.used;
    int64_t n = b->M * D * 4;
    s4d_tensor x = REAL(n), y = REAL(n);
    double bytes = 3 * bytes_of(&x), flop = 2.0 * (double)b->M * D * HIDDEN;
    double ms = time_op(b, S4D_OP_add, &(s4d_add_args){.x = x, .y = y}, bytes, 0, "rate of memory");
    if (ms > 0) b->bytes_per_ms = bytes / ms;
    s4d_arena_reset(&b->arena, used);
    s4d_linear_fwd_args product = {.x = ACT(b->M, D), .w = ACT(HIDDEN, D), .y = ACT(b->M, HIDDEN)};
    ms = time_op(b, S4D_OP_linear_fwd, &product, 0, flop, "rate of products");
    if (ms > 0) b->flop_per_ms = flop / ms;
    s4d_arena_reset(&b->arena, used);
}

/* ---- cases ---- */

static void linear(bench *b, int64_t in, int64_t out, const char *shape)
{
    int64_t M = b->M;
    s4d_tensor x = ACT(M, in), w = ACT(out, in), bias = ACT(out), y = ACT(M, out), dw = REAL(out, in), db = REAL(out);
    double flop = 2.0 * (double)M * (double)in * (double)out, bytes = bytes_of(&x) + bytes_of(&w) + bytes_of(&y);
    time_op(b, S4D_OP_linear_fwd, &(s4d_linear_fwd_args){.x = x, .w = w, .b = bias, .y = y}, bytes, flop, shape);
    s4d_tensor dx = ACT(M, in);
    time_op(b, S4D_OP_linear_bwd, &(s4d_linear_bwd_args){.x = x, .w = w, .dy = y, .dx = dx, .dw = dw, .db = db},
            bytes + bytes_of(&dx) + 2 * bytes_of(&dw), 2 * flop, shape);
}

static void attention(bench *b)
{
    int64_t B = b->B;
    s4d_tensor qkv = ACT(B, N, 3, H, HEAD), stats = REAL(B, H, N), y = ACT(B, N, H, HEAD), dy = ACT(B, N, H, HEAD),
               dqkv = ACT(B, N, 3, H, HEAD);
    double flop = 4.0 * (double)B * H * N * N * HEAD, scale = 1 / sqrt(HEAD);
    s4d_tensor bias = REAL(D), more = REAL(D);
    time_op(b, S4D_OP_attention_fwd, &(s4d_attention_fwd_args){.qkv = qkv, .scale = scale, .stats = stats, .y = y},
            bytes_of(&qkv) + bytes_of(&y), flop, "12 heads of 64, N 800");
    time_op(b, S4D_OP_attention_bwd,
            &(s4d_attention_bwd_args){.qkv = qkv, .stats = stats, .y = y, .dy = dy, .scale = scale, .dqkv = dqkv},
            2 * bytes_of(&qkv) + 2 * bytes_of(&y), 2.5 * flop, "12 heads of 64, N 800");
    s4d_tensor rows = s4d_tensor_of(dqkv.dtype, dqkv.data, DIMS(b->M, 3 * D));
    time_op(b, S4D_OP_qkv_bias_bwd, &(s4d_qkv_bias_bwd_args){.dy = rows, .dq_bias = bias, .dv_bias = more}, 2 * bytes_of(&rows) / 3, 0,
            "M x 2304");
}

static void norms(bench *b)
{
    int64_t B = b->B;
    s4d_tensor x = ACT(B, N, D), r = ACT(B, N, D), y = ACT(B, N, D), normed = ACT(B, N, D), w = REAL(D), bias = REAL(D),
               mean = REAL(b->M), rstd = REAL(b->M), dw = REAL(D), db = REAL(D);
    double one = bytes_of(&x);
    time_op(b, S4D_OP_layer_norm_fwd,
            &(s4d_layer_norm_fwd_args){.x = x, .w = w, .b = bias, .eps = 1e-6, .mean = mean, .rstd = rstd, .y = y},
            2 * one, 0, "M x 768");
    time_op(b, S4D_OP_layer_norm_bwd,
            &(s4d_layer_norm_bwd_args){.x = x, .w = w, .mean = mean, .rstd = rstd, .dy = r, .dx = y, .dw = dw, .db = db,
                                       .add_dx = true},
            4 * one, 0, "M x 768, added");
    time_op(b, S4D_OP_residual_norm_fwd,
            &(s4d_residual_norm_fwd_args){.x = x, .r = r, .y = y, .w = w, .b = bias, .eps = 1e-6, .mean = mean, .rstd = rstd,
                                          .normed = normed}, 4 * one, 0, "M x 768");
    time_op(b, S4D_OP_residual_fwd, &(s4d_residual_fwd_args){.x = x, .r = r, .y = y}, 3 * one, 0, "M x 768");
    s4d_tensor pooled = ACT(B, D);
    time_op(b, S4D_OP_mean_pool_fwd, &(s4d_mean_pool_fwd_args){.x = x, .y = pooled}, one, 0, "B x 800 x 768");
    time_op(b, S4D_OP_mean_pool_bwd, &(s4d_mean_pool_bwd_args){.dy = pooled, .dx = x}, one, 0, "B x 800 x 768");
}

static void gelu(bench *b)
{
    s4d_tensor x = ACT(b->M, HIDDEN), y = ACT(b->M, HIDDEN), db = REAL(HIDDEN);
    time_op(b, S4D_OP_gelu_fwd, &(s4d_gelu_fwd_args){.x = x, .y = y}, 2 * bytes_of(&x), 0, "M x 3072");
    time_op(b, S4D_OP_gelu_bwd, &(s4d_gelu_bwd_args){.x = x, .dy = y, .dx = y, .db = db}, 3 * bytes_of(&x), 0, "M x 3072, bias");
}

static void routing(bench *b, s4d_tensor index, const s4d_moe_plan_args *plan)
{
    int64_t M = b->M;
    s4d_tensor logits = REAL(M, E), more = REAL(M, E), draw = REAL(M, E), noisy = REAL(M, E), gate = REAL(M, K), chosen = INTS(M, K);
    double one = bytes_of(&logits);
    time_op(b, S4D_OP_random, &(s4d_random_args){.kind = S4D_NORMAL, .key = 1, .y = draw}, one, 0, "M x 8, normal");
    time_op(b, S4D_OP_route_fwd,
            &(s4d_route_fwd_args){.logits = logits, .noise_logits = more, .noise = draw, .noisy = noisy, .index = chosen,
                                  .gate = gate},
            4 * one + 2 * bytes_of(&gate), 0, "M x 8, top 2");
    time_op(b, S4D_OP_moe_plan, plan, bytes_of(&index) * 3, 0, "M x 2 choices");
    s4d_tensor f = REAL(b->B, E), value = WIDE(1), noisy3 = s4d_tensor_of(noisy.dtype, noisy.data, DIMS(b->B, N, E)),
               index3 = s4d_tensor_of(S4D_I32, index.data, DIMS(b->B, N, K));
    time_op(b, S4D_OP_balance_loss_fwd,
            &(s4d_balance_loss_fwd_args){.kind = S4D_BALANCE_SOFTMAX, .noisy = noisy3, .index = index3, .f = f, .value = value},
            one + bytes_of(&index), 0, "M x 8, softmax");
}

static void experts(bench *b)
{
    int64_t M = b->M, stride = M * K / E, R = E * stride;
    s4d_tensor index = ints(b, M, K, two_experts), slot = INTS(M, K), token = INTS(R);
    s4d_moe_plan_args plan = {.index = index, .capacity = stride, .stride = stride, .offset = INTS(E + 1), .slot = slot,
                              .token = token, .load = INTS(E), .dropped = INTS(1)};
    s4d_moe_plan(b->be, &plan);
    routing(b, index, &plan);
    s4d_tensor x = ACT(M, D), rows = ACT(R, D), hidden = ACT(R, ADAPTER), w = ACT(E, ADAPTER, D), bias = ACT(E, ADAPTER),
               gate = REAL(M, K), dgate = REAL(M, K), drows = ACT(R, D), dw = REAL(E, ADAPTER, D), db = REAL(E, ADAPTER);
    double flop = 2.0 * (double)R * D * ADAPTER, one = bytes_of(&rows), half = bytes_of(&x);
    time_op(b, S4D_OP_moe_dispatch_fwd, &(s4d_moe_dispatch_fwd_args){.x = x, .token = token, .y = rows}, half + one, 0, "M to R x 768");
    time_op(b, S4D_OP_grouped_linear_fwd, &(s4d_grouped_linear_fwd_args){.x = rows, .w = w, .b = bias, .stride = stride, .y = hidden},
            one + bytes_of(&hidden), flop, "8 of 768 to 192");
    time_op(b, S4D_OP_grouped_linear_bwd,
            &(s4d_grouped_linear_bwd_args){.x = rows, .w = w, .dy = hidden, .stride = stride, .dx = drows, .dw = dw, .db = db},
            2 * one + bytes_of(&hidden), 2 * flop, "8 of 768 to 192");
    time_op(b, S4D_OP_moe_combine_fwd, &(s4d_moe_combine_fwd_args){.x = rows, .gate = gate, .slot = slot, .y = x, .add_y = true},
            one + 2 * half, 0, "R to M x 768");
    time_op(b, S4D_OP_moe_combine_bwd,
            &(s4d_moe_combine_bwd_args){.x = rows, .gate = gate, .slot = slot, .token = token, .dy = x, .dx = drows, .dgate = dgate},
            2 * one + half, 0, "M to R x 768");
    time_op(b, S4D_OP_moe_dispatch_bwd, &(s4d_moe_dispatch_bwd_args){.dy = drows, .slot = slot, .dx = x}, one + 2 * half, 0,
            "R to M x 768");
}

static void pictures(bench *b)
{
    int64_t B = b->B, V = 40, masked = N - V;
    size_t each = (size_t)FRAMES * SIDE * SIDE * 3;
    s4d_tensor frames = take(b, S4D_U8, DIMS(B * (int64_t)each)), x = REAL(B, 3, FRAMES, SIDE, SIDE);
    s4d_recipe *recipe = s4d_mem_alloc((size_t)B, sizeof *recipe);
    if (!recipe) {
        b->status = s4d_err_memory(b->err, (size_t)B * sizeof *recipe, "recipes");
        return;
    }
    for (int64_t i = 0; i < B; ++i)
        recipe[i] = (s4d_recipe){.offset = i * (int64_t)each, .height = SIDE, .width = SIDE, .mid_height = SIDE, .mid_width = SIDE,
                                 .top = 10, .left = 20, .box_height = 120, .box_width = 130, .flip = (int)(i & 1)};
    s4d_pixels_args pixels = {.frames = frames, .recipe = recipe, .y = x, .mean = {0.485f, 0.456f, 0.406f},
                              .std = {0.229f, 0.224f, 0.225f}};
    time_op(b, S4D_OP_pixels, &pixels, bytes_of(&frames) * 0.6 + bytes_of(&x), 0, "B x 16 x 160 x 160");
    for (int64_t i = 0; i < B; ++i) recipe[i].mid_height = recipe[i].mid_width = SIDE * 6 / 5;
    time_op(b, S4D_OP_pixels, &pixels, bytes_of(&frames) * 0.4 + bytes_of(&x), 0, "the same, resized before");
    s4d_tensor visible = ints(b, B, V, spread_visible), hidden = ints(b, B, masked, spread_masked), cells = ACT(B, V, PATCH),
               target = REAL(B, masked, PATCH), prediction = ACT(B, masked, PATCH), value = WIDE(1);
    time_op(b, S4D_OP_mix, &(s4d_mix_args){.draw = {.mode = S4D_MIX_MIXUP, .lam = 0.3}, .x = x}, 2 * bytes_of(&x), 0, "mixup");
    time_op(b, S4D_OP_patchify, &(s4d_patchify_args){.x = x, .index = visible, .tubelet = 2, .patch = 16, .y = cells},
            3 * bytes_of(&cells), 0, "40 of 800 tokens");
    s4d_mae_target_args aim = {.x = x, .index = hidden, .tubelet = 2, .patch = 16, .y = target};
    memcpy(aim.mean, pixels.mean, sizeof aim.mean);
    memcpy(aim.std, pixels.std, sizeof aim.std);
    time_op(b, S4D_OP_mae_target, &aim, 2 * bytes_of(&target), 0, "760 of 800 tokens");
    s4d_tensor flat = s4d_tensor_of(prediction.dtype, prediction.data, DIMS(B * masked, PATCH)),
               flat_target = s4d_tensor_of(target.dtype, target.data, DIMS(B * masked, PATCH));
    time_op(b, S4D_OP_mae_loss_fwd, &(s4d_mae_loss_fwd_args){.x = flat, .target = flat_target, .value = value},
            bytes_of(&prediction) + bytes_of(&target), 0, "760 x 1536");
    s4d_mem_free(recipe);
}

static void updates(bench *b)
{
    int64_t P = 94210944;
    s4d_tensor w = REAL(P), g = REAL(P), m = REAL(P), v = REAL(P), value = WIDE(1), low = {0};
    if (s4d_backend_act(b->be) != s4d_backend_real(b->be)) low = ACT(P);
    s4d_zero(b->be, &(s4d_zero_args){.x = v});
    s4d_adamw_segment all = {.count = P, .lr = 1e-4, .decay = 0.05, .step = 1};
    time_op(b, S4D_OP_adamw,
            &(s4d_adamw_args){.w = w, .g = g, .m = m, .v = v, .low = low, .segment = &all, .segments = 1, .beta1 = 0.9, .beta2 = 0.95,
                              .eps = 1e-8},
            7 * bytes_of(&w) + bytes_of(&low), 0, "94,210,944");
    time_op(b, S4D_OP_square_norm, &(s4d_square_norm_args){.x = g, .value = value}, bytes_of(&g), 0, "94,210,944");
    time_op(b, S4D_OP_zero, &(s4d_zero_args){.x = g}, bytes_of(&g), 0, "94,210,944");
}

static void linears(bench *b)
{
    linear(b, D, 3 * D, "768 to 2304");
    linear(b, D, D, "768 to 768");
    linear(b, D, HIDDEN, "768 to 3072");
    linear(b, HIDDEN, D, "3072 to 768");
}

/* The largest group, so that every one fits into the same memory. */
static size_t arena_bytes(const bench *b)
{
    size_t tokens = (size_t)b->M * 4 * (size_t)(HIDDEN * 3 + D * 8), update = (size_t)94210944 * 4 * 6;
    return (tokens > update ? tokens : update) + ((size_t)64 << 20);
}

static void run_all(bench *b)
{
    static void (*const group[])(bench *b) = {linears, attention, norms, gelu, experts, pictures, updates};
    measure_rates(b);
    for (size_t i = 0; i < sizeof group / sizeof *group && b->status == S4D_OK; ++i) {
        s4d_arena_reset(&b->arena, 0);
        group[i](b);
    }
}

/* What the user asks for. */
typedef struct options {
    const char *device, *precision, *only;
    int64_t clips, ms;
    bool json;
} options;

static s4d_status check_options(const options *o, s4d_precision *precision, s4d_err *err)
{
    int found = 0;
    while (found < S4D_PRECISIONS && strcmp(o->precision, s4d_precision_name((s4d_precision)found)) != 0) ++found;
    if (found == S4D_PRECISIONS)
        return s4d_err_set(err, S4D_USAGE, "--precision: \"%.40s\" is none; take float32, tf32 or bf16", o->precision);
    *precision = (s4d_precision)found;
    bool known = !o->only;
    for (int i = 0; i < S4D_OP_COUNT && !known; ++i) known = strcmp(o->only, s4d_op_name((s4d_op_id)i)) == 0;
    if (known) return S4D_OK;
    return s4d_err_set(err, S4D_USAGE, "--op: there is no operation \"%.40s\"; without --op all are timed", o->only);
}

static s4d_status time_all(const options *o, s4d_precision precision, s4d_err *err)
{
    bench b = {.only = o->only, .B = o->clips, .M = o->clips * N, .seconds = (double)o->ms / 1e3, .json = o->json, .err = err,
               .rng = s4d_rng_make(1, S4D_RNG_TEST, 0, 0)};
    s4d_backend_opts opts = {.device = o->device, .precision = precision, .override = ""};
    void *block = NULL;
    s4d_status status = s4d_backend_create(&opts, &b.be, err);
    if (status == S4D_OK) status = s4d_backend_alloc(b.be, arena_bytes(&b), &block, err);
    if (status == S4D_OK) {
        b.arena = (s4d_arena){.base = block, .size = arena_bytes(&b)};
        if (!o->json)
            printf("%s\n%lld clips, M = %lld tokens\n", s4d_backend_description(b.be), (long long)b.B, (long long)b.M);
        run_all(&b);
        status = b.status;
    }
    if (b.be) s4d_backend_free(b.be, block);
    s4d_backend_destroy(&b.be);
    return status;
}

s4d_status cmd_bench_ops(int argc, char **argv, s4d_err *err)
{
    options o = {.device = "auto", .precision = "float32", .clips = 16, .ms = 200};
    const arg_option option[] = {
        {"device", ARG_TEXT, &o.device, "NAME", "auto (the default), cuda, cpu or ref", 0, 0},
        {"precision", ARG_TEXT, &o.precision, "NAME", "float32 (the default); on cuda also tf32 or bf16", 0, 0},
        {"op", ARG_TEXT, &o.only, "NAME", "only this operation, and the two rates", 0, 0},
        {"clips", ARG_NUMBER, &o.clips, "N", "clips of 800 tokens (16)", 1, 4096},
        {"ms", ARG_NUMBER, &o.ms, "N", "for each operation, at least (200)", 1, 100000},
        {"json", ARG_FLAG, &o.json, NULL, "a JSON object a line", 0, 0},
    };
    const arg_command c = {.name = "bench ops", .summary = "each operation at ViT-Base's sizes, against its floor", .option = option,
                           .options = sizeof option / sizeof *option};
    bool done;
    s4d_precision precision = S4D_FLOAT32;
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    status = check_options(&o, &precision, err);
    return status == S4D_OK ? time_all(&o, precision, err) : status;
}
