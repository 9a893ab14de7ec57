/* Attention by cuDNN and by products, which must agree; how the choice between them is made and told. On a card, or over
 * the emulator, whose cuDNN takes the same graphs of operations and can be told to misbehave. */
#include "backend_cuda_fixture.h"

#include <math.h>

#include "s4d/base/log.h"
#include "s4d/base/rng.h"

/* ---- devices ---- */

static s4d_backend *open_device(s4d_attention_path path, bool graphs, bool any_order)
{
    s4d_backend *be;
    s4d_err err = {0};
    s4d_backend_opts opts = {.device = "cuda", .override = "", .precision = S4D_BFLOAT16, .attention = path, .no_graphs = !graphs,
                             .any_order = any_order};
    if (s4d_backend_create(&opts, &be, &err) != S4D_OK) fail_msg("%s", err.text);
    return be;
}

static bool has_cudnn(const s4d_backend *be)
{
    return strncmp(s4d_backend_attention(be), "attention: cuDNN ", 17) == 0;
}

/* Whether the device is the emulator, of which more is known. */
static bool emulated(void)
{
    s4d_backend *be = open_device(S4D_ATTENTION_UNFUSED, false, false);
    bool is = strstr(s4d_backend_description(be), "emulation") != NULL;
    s4d_backend_destroy(&be);
    return is;
}

/* ---- an example ---- */

typedef struct shape {
    int64_t B, N, H, d;
} shape;

/* Tensors on the device, and their values on the host after a run. */
typedef struct example {
    s4d_backend *be;
    shape u;
    s4d_tensor qkv, y, dy, dqkv, stats;
    float *host_y, *host_dqkv, *host_stats;
} example;

static s4d_tensor tensor(s4d_backend *be, s4d_dtype type, int rank, const int64_t *dim)
{
    s4d_err err = {0};
    s4d_tensor t = s4d_tensor_of(type, NULL, rank, dim);
    if (s4d_backend_alloc(be, s4d_tensor_bytes(&t), &t.data, &err) != S4D_OK) fail_msg("%s", err.text);
    return t;
}

static float *floats(const s4d_tensor *t)
{
    return malloc((size_t)s4d_tensor_count(t) * sizeof(float));
}

static example make(s4d_backend *be, shape u)
{
    example e = {.be = be, .u = u};
    e.qkv = tensor(be, S4D_BF16, 5, (int64_t[]){u.B, u.N, 3, u.H, u.d});
    e.dqkv = tensor(be, S4D_BF16, 5, (int64_t[]){u.B, u.N, 3, u.H, u.d});
    e.y = tensor(be, S4D_BF16, 4, (int64_t[]){u.B, u.N, u.H, u.d});
    e.dy = tensor(be, S4D_BF16, 4, (int64_t[]){u.B, u.N, u.H, u.d});
    e.stats = tensor(be, S4D_F32, 3, (int64_t[]){u.B, u.H, u.N});
    e.host_y = floats(&e.y);
    e.host_dqkv = floats(&e.dqkv);
    e.host_stats = floats(&e.stats);
    return e;
}

static void release(example *e)
{
    s4d_tensor *all[] = {&e->qkv, &e->dqkv, &e->y, &e->dy, &e->stats};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) s4d_backend_free(e->be, all[i]->data);
    free(e->host_y);
    free(e->host_dqkv);
    free(e->host_stats);
}

static void fill(example *e, uint64_t key)
{
    s4d_tensor *in[] = {&e->qkv, &e->dy};
    for (uint64_t k = 0; k < 2; k++) {
        float *x = floats(in[k]);
        for (int64_t i = 0; i < s4d_tensor_count(in[k]); i++) x[i] = (float)s4d_rng_fill_normal(2 * key + k, (uint64_t)i);
        s4d_backend_upload_floats(e->be, *in[k], x);
        free(x);
    }
}

static void compute(example *e)
{
    double scale = 1 / sqrt((double)e->u.d);
    s4d_attention_fwd(e->be, &(s4d_attention_fwd_args){.qkv = e->qkv, .scale = scale, .stats = e->stats, .y = e->y});
    s4d_attention_bwd(e->be, &(s4d_attention_bwd_args){.qkv = e->qkv, .stats = e->stats, .y = e->y, .dy = e->dy, .scale = scale,
                                                       .dqkv = e->dqkv});
}

static void fetch(example *e)
{
    s4d_backend_download_floats(e->be, e->host_y, e->y);
    s4d_backend_download_floats(e->be, e->host_dqkv, e->dqkv);
    s4d_backend_download_floats(e->be, e->host_stats, e->stats);
    sound(e->be);
}

/* bf16 keeps 8 bits: two ways of rounding, and of summing, differ by some of the last of them. */
static void close_to(const float *a, const float *b, int64_t n, double most)
{
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < n; i++) {
        assert_true(isfinite(a[i]) && isfinite(b[i]));
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)b[i]));
    }
    if (worst > most * largest) fail_msg("differs by %g of %g", worst, largest);
}

static void same_results(const example *a, const example *b)
{
    close_to(a->host_y, b->host_y, s4d_tensor_count(&a->y), 0.02);
    close_to(a->host_dqkv, b->host_dqkv, s4d_tensor_count(&a->dqkv), 0.02);
    close_to(a->host_stats, b->host_stats, s4d_tensor_count(&a->stats), 1e-4);
}

/* ---- both ways agree ---- */

/* Whole tiles and rests, one token, widths that cuDNN does not take; and, over the emulator, so many scores that both take
 * some samples or heads at a time. */
static const shape shapes[] = {{2, 128, 2, 64}, {3, 100, 3, 16}, {1, 197, 5, 32}, {2, 64, 2, 64}, {4, 10, 6, 32}, {2, 1, 2, 16},
                               {2, 9, 2, 12},   {9, 150, 3, 8},  {2, 2, 1, 128}};

static void compare_with_products(bool any_order)
{
    s4d_backend *plain = open_device(S4D_ATTENTION_UNFUSED, false, false);
    s4d_backend *chosen = open_device(S4D_ATTENTION_AUTO, false, any_order);
    printf("%s\n", s4d_backend_attention(chosen));
    if (emulated()) assert_true(has_cudnn(chosen));
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        example a = make(plain, shapes[i]), b = make(chosen, shapes[i]);
        fill(&a, i);
        fill(&b, i);
        compute(&a);
        compute(&b);
        fetch(&a);
        fetch(&b);
        same_results(&b, &a);
        release(&a);
        release(&b);
    }
    s4d_backend_destroy(&plain);
    s4d_backend_destroy(&chosen);
}

static void both_ways_agree(void **state)
{
    (void)state;
    compare_with_products(false);
}

static void they_agree_in_any_order(void **state)
{
    (void)state;
    compare_with_products(true);
}

/* ---- steps ---- */

static void a_planned_step_runs_as_a_graph_with_equal_bits(void **state)
{
    (void)state;
    enum { STEPS = 5 };
    s4d_backend *be[] = {open_device(S4D_ATTENTION_AUTO, true, false), open_device(S4D_ATTENTION_AUTO, false, false)};
    example e[2];
    for (int k = 0; k < 2; k++) {
        e[k] = make(be[k], (shape){9, 150, 3, 32});
        example other = make(be[k], (shape){k ? 13 : 4, 150, 3, 32}); /* weighed before: its plan tells the scratch of e[k] */
        for (int i = 0; i < 2; i++) {
            s4d_backend_set_planning(be[k], true);
            compute(i ? &e[k] : &other);
            s4d_backend_set_planning(be[k], false);
        }
        release(&other);
    }
    for (uint64_t step = 0; step < STEPS; step++) {
        for (int k = 0; k < 2; k++) {
            fill(&e[k], 100 + step);
            s4d_backend_graph_begin(be[k], 7);
            compute(&e[k]);
            s4d_backend_graph_end(be[k]);
            fetch(&e[k]);
        }
        assert_memory_equal(e[0].host_y, e[1].host_y, (size_t)s4d_tensor_count(&e[0].y) * sizeof(float));
        assert_memory_equal(e[0].host_dqkv, e[1].host_dqkv, (size_t)s4d_tensor_count(&e[0].dqkv) * sizeof(float));
    }
    for (int k = 0; k < 2; k++) {
        release(&e[k]);
        s4d_backend_destroy(&be[k]);
    }
}

/* ---- the choice ---- */

static void expect_description(const char *text)
{
    s4d_backend *be = open_device(S4D_ATTENTION_AUTO, false, false);
    if (!strstr(s4d_backend_attention(be), text)) fail_msg("%s", s4d_backend_attention(be));
    example e = make(be, (shape){1, 20, 1, 16});
    fill(&e, 1);
    compute(&e);
    fetch(&e); /* is sound */
    release(&e);
    s4d_backend_destroy(&be);
}

static void what_does_not_work_is_not_used_and_told(void **state)
{
    (void)state;
    if (!emulated()) skip();
    static const struct {
        const char *variable, *value, *text;
    } cases[] = {
        {"S4D_EMULATED_CUDNN_SPOIL", "0.5", "failed its self-test: the result differs by "},
        {"S4D_EMULATED_CUDNN_SPOIL", "nan", "failed its self-test: the result differs by "},
        {"S4D_EMULATED_CUDNN_FAIL", "1",
         "failed its self-test: device cuda: operation attention_fwd: cuDNN could not compute attention: status 5000, as it was told"},
        {"S4D_EMULATED_CUDNN_VERSION", "91002", "products and a softmax, because cuDNN 9.10.2 is older than 9.15.1"},
        {"S4D_CUDNN", "/dev/null", "products and a softmax, because S4D_CUDNN=/dev/null: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv(cases[i].variable, cases[i].value, 1);
        expect_description(cases[i].text);
        unsetenv(cases[i].variable);
    }
    expect_description("attention: cuDNN 9.19.0 (self-test passed, worst difference ");
}

static void expect_refusal(const s4d_backend_opts *opts, const char *text)
{
    s4d_backend *be;
    s4d_err err = {0};
    assert_int_equal(s4d_backend_create(opts, &be, &err), S4D_FAILED);
    if (!strstr(err.text, text)) fail_msg("%s", err.text);
}

static void cudnn_asked_for_by_name_must_work(void **state)
{
    (void)state;
    s4d_backend_opts wide = {.device = "cuda", .override = "", .attention = S4D_ATTENTION_CUDNN}, narrow = wide;
    narrow.precision = S4D_BFLOAT16;
    expect_refusal(&wide, "cuda.attention is \"cudnn\", but cuDNN's attention is for bf16 only; set precision to \"bf16\"");
    setenv("S4D_CUDNN", "/nowhere", 1);
    expect_refusal(&narrow, "cuda.attention is \"cudnn\", but S4D_CUDNN=/nowhere: ");
    unsetenv("S4D_CUDNN");
    if (!emulated()) return;
    s4d_backend *be = open_device(S4D_ATTENTION_CUDNN, false, false);
    assert_string_equal(s4d_backend_attention(be), "attention: cuDNN 9.19.0, as cuda.attention says (not tested)");
    assert_true(has_cudnn(be));
    s4d_backend_destroy(&be);
}

static void products_are_told_with_their_reason(void **state)
{
    (void)state;
    s4d_backend *be = open_device(S4D_ATTENTION_UNFUSED, false, false);
    assert_string_equal(s4d_backend_attention(be), "attention: products and a softmax, as cuda.attention says");
    s4d_backend_destroy(&be);
    be = create(false, "");
    assert_string_equal(s4d_backend_attention(be), "attention: products and a softmax, because cuDNN's attention is for bf16 only; "
                                                   "set precision to \"bf16\" to use it");
    s4d_backend_destroy(&be);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_agree),
        cmocka_unit_test(they_agree_in_any_order),
        cmocka_unit_test(a_planned_step_runs_as_a_graph_with_equal_bits),
        cmocka_unit_test(what_does_not_work_is_not_used_and_told),
        cmocka_unit_test(cudnn_asked_for_by_name_must_work),
        cmocka_unit_test(products_are_told_with_their_reason),
    };
    int absent = look_for_card();
    s4d_log_set_level(S4D_LOG_SILENT);
    return absent ? absent : cmocka_run_group_tests(tests, NULL, NULL);
}
