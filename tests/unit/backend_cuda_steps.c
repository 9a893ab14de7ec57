/* Steps that the cuda device records, and products that it times, on a card or over the emulator: they must compute what
 * steps that run call by call compute, bit for bit. */
#include "backend_cuda_fixture.h"

/* ---- recorded steps ---- */

enum { WIDTH = 96, ROWS = 40 };

typedef struct model {
    s4d_backend *be;
    float *x, *w, *y, *sum, *dw;
    float half[8]; /* read half way */
} model;

static model model_of(bool graphs)
{
    s4d_backend *be = create(graphs, "");
    return (model){be, block(be, ROWS * WIDTH), block(be, WIDTH * WIDTH), block(be, ROWS * WIDTH), block(be, ROWS * WIDTH),
                   block(be, WIDTH * WIDTH), {0}};
}

static void model_release(model *m)
{
    sound(m->be);
    float *all[] = {m->x, m->w, m->y, m->sum, m->dw};
    for (int i = 0; i < 5; i++) s4d_backend_free(m->be, all[i]);
    s4d_backend_destroy(&m->be);
}

/* How a step differs from others. */
typedef enum habit { PLAIN, DOWNLOADS, UPLOADS, FETCHES, DRAWS } habit;

static void half_way(model *m, habit how, uint64_t draw, s4d_tensor x)
{
    int slot = (int)(draw % S4D_SLOTS);
    float some[4] = {(float)draw};
    if (how == DOWNLOADS) s4d_backend_download(m->be, m->half, m->y, 4 * sizeof(float));
    if (how == UPLOADS) s4d_backend_upload(m->be, m->x, some, sizeof some);
    if (how == FETCHES) {
        s4d_backend_fetch(m->be, slot, 4 * WIDTH, m->y, 4 * sizeof(float));
        memcpy(&m->half[4], (const char *)s4d_backend_fetched(m->be, slot) + 4 * WIDTH, 4 * sizeof(float));
    }
    for (uint64_t i = 0; how == DRAWS && i < 300; i++) { /* more constants than ever before */
        s4d_random(m->be, &(s4d_random_args){.kind = S4D_UNIFORM, .key = draw + i, .y = s4d_tensor_rows(x, 0, 1)});
    }
}

/* Random numbers by another key each time, a product forward and backward, sums; results of `rows` rows. */
static void step(model *m, uint64_t key, uint64_t draw, int64_t rows, habit how)
{
    s4d_backend *be = m->be;
    s4d_tensor x = S4D_TENSOR(S4D_F32, m->x, rows, WIDTH), y = S4D_TENSOR(S4D_F32, m->y, rows, WIDTH);
    s4d_tensor w = S4D_TENSOR(S4D_F32, m->w, WIDTH, WIDTH), dw = S4D_TENSOR(S4D_F32, m->dw, WIDTH, WIDTH);
    s4d_backend_graph_begin(be, key);
    s4d_random(be, &(s4d_random_args){.kind = S4D_UNIFORM, .key = draw, .y = x});
    s4d_random(be, &(s4d_random_args){.kind = S4D_UNIFORM, .key = ~draw, .first = 5, .y = w});
    s4d_linear_fwd(be, &(s4d_linear_fwd_args){.x = x, .w = w, .y = y});
    half_way(m, how, draw, x);
    s4d_linear_bwd(be, &(s4d_linear_bwd_args){.x = x, .w = w, .dy = y, .dw = dw});
    s4d_add(be, &(s4d_add_args){y, S4D_TENSOR(S4D_F32, m->sum, rows, WIDTH)});
    s4d_backend_fetch(be, (int)(draw % S4D_SLOTS), 0, m->sum, 4 * WIDTH);
    s4d_backend_graph_end(be);
}

static void same(model *a, model *b, uint64_t draw)
{
    static float x[2][WIDTH * WIDTH];
    int slot = (int)(draw % S4D_SLOTS);
    assert_memory_equal(s4d_backend_fetched(a->be, slot), s4d_backend_fetched(b->be, slot), 4 * WIDTH);
    s4d_backend_download(a->be, x[0], a->sum, ROWS * WIDTH * sizeof(float));
    s4d_backend_download(b->be, x[1], b->sum, ROWS * WIDTH * sizeof(float));
    assert_memory_equal(x[0], x[1], ROWS * WIDTH * sizeof(float));
    s4d_backend_download(a->be, x[0], a->dw, sizeof x[0]);
    s4d_backend_download(b->be, x[1], b->dw, sizeof x[1]);
    assert_memory_equal(x[0], x[1], sizeof x[0]);
    assert_memory_equal(a->half, b->half, sizeof a->half);
}

static void recorded_steps_equal_others(void **state)
{
    (void)state;
    model graphs = model_of(true), plain = model_of(false);
    for (uint64_t n = 1; n <= 12; n++) { /* two kinds of steps, each warmed, captured, launched */
        int64_t rows = n % 2 ? ROWS : ROWS / 2;
        step(&graphs, n % 2, n, rows, PLAIN);
        step(&plain, n % 2, n, rows, PLAIN);
        same(&graphs, &plain, n);
    }
    uint64_t calls = s4d_mem_calls();
    for (uint64_t n = 13; n <= 20; n++) step(&graphs, n % 2, n, n % 2 ? ROWS : ROWS / 2, PLAIN);
    assert_int_equal(s4d_mem_calls(), calls); /* a repeated step allocates nothing */
    model_release(&graphs);
    model_release(&plain);
}

static void steps_that_change_are_computed_all_the_same(void **state)
{
    (void)state;
    model graphs = model_of(true), plain = model_of(false);
    for (uint64_t n = 1; n <= 40; n++) { /* one key for all of them */
        int64_t rows = n < 20 ? ROWS - (int64_t)(n / 5) : ROWS - (int64_t)n % 3;
        step(&graphs, 7, n, rows, PLAIN);
        step(&plain, 7, n, rows, PLAIN);
        same(&graphs, &plain, n);
    }
    model_release(&graphs);
    model_release(&plain);
}

static void steps_that_do_what_no_graph_can_are_computed_all_the_same(void **state)
{
    (void)state;
    static const habit all[] = {DOWNLOADS, UPLOADS, FETCHES, DRAWS};
    for (int i = 0; i < 4; i++) {
        model graphs = model_of(true), plain = model_of(false);
        for (uint64_t n = 1; n <= 16; n++) {
            habit how = n == 5 || n > 9 ? all[i] : PLAIN; /* in a step that was a graph before; then always */
            step(&graphs, 7, n, ROWS, how);
            step(&plain, 7, n, ROWS, how);
            same(&graphs, &plain, n);
        }
        model_release(&graphs);
        model_release(&plain);
    }
}

static void more_keys_than_are_kept(void **state)
{
    (void)state;
    model graphs = model_of(true), plain = model_of(false);
    for (uint64_t n = 1; n <= 240; n++) {
        step(&graphs, n % 80, n, ROWS / 4, PLAIN);
        step(&plain, n % 80, n, ROWS / 4, PLAIN);
    }
    same(&graphs, &plain, 240);
    model_release(&graphs);
    model_release(&plain);
}

/* While planning nothing is touched; what is planned is what the steps then find. */
static void planning_runs_nothing(void **state)
{
    (void)state;
    s4d_backend *be = create(true, "");
    model none = {.be = be};
    s4d_backend_set_planning(be, true);
    step(&none, 1, 1, ROWS, PLAIN);
    s4d_backend_set_planning(be, false);
    sound(be);
    s4d_backend_destroy(&be);
}

static void operations_of_ref_stand_in(void **state)
{
    (void)state;
    enum { N = 1000 };
    s4d_backend *be = create(true, "add=ref,random=ref"), *plain = create(true, "");
    float got[2][N];
    for (int i = 0; i < 2; i++) {
        s4d_backend *b = i ? plain : be;
        float *x = block(b, N), *y = block(b, N);
        for (uint64_t n = 0; n < 5; n++) {
            s4d_backend_graph_begin(b, 1);
            s4d_random(b, &(s4d_random_args){.kind = S4D_UNIFORM, .key = n, .y = vector(x, N)});
            s4d_scale(b, &(s4d_scale_args){2, vector(x, N)});
            s4d_add(b, &(s4d_add_args){vector(x, N), vector(y, N)});
            s4d_backend_graph_end(b);
        }
        s4d_backend_download(b, got[i], y, sizeof got[i]);
        sound(b);
        s4d_backend_free(b, x);
        s4d_backend_free(b, y);
    }
    assert_memory_equal(got[0], got[1], sizeof got[0]);
    s4d_backend_destroy(&be);
    s4d_backend_destroy(&plain);
}

/* ---- tuning ---- */

static void choices_are_told_and_taken(void **state)
{
    (void)state;
    model a = model_of(true), b = model_of(true);
    s4d_str text = {0}, again = {0};
    s4d_err err = {0};
    step(&a, 1, 1, ROWS, PLAIN);
    assert_int_equal(s4d_backend_tuning(a.be, &text, &err), S4D_OK);
    assert_true(text.size > 0);
    assert_true(s4d_backend_tune(b.be, text.text));
    step(&b, 1, 1, ROWS, PLAIN);
    same(&a, &b, 1);
    assert_int_equal(s4d_backend_tuning(b.be, &again, &err), S4D_OK);
    assert_string_equal(text.text, again.text);
    assert_false(s4d_backend_tune(b.be, "another card, cuBLASLt 1.0.0\n"));
    s4d_str_release(&text);
    s4d_str_release(&again);
    model_release(&a);
    model_release(&b);
}

/* A product large enough to be timed is computed once all the same, where it adds to what is there. */
static void timing_leaves_no_trace(void **state)
{
    (void)state;
    enum { N = 256 };
    s4d_backend *be = create(true, "");
    float *x = block(be, N * N), *dw = block(be, N * N), *host = malloc(N * N * sizeof *host);
    for (int i = 0; i < N * N; i++) host[i] = 1;
    s4d_backend_upload(be, x, host, N * N * sizeof *host);
    s4d_backend_upload(be, dw, host, N * N * sizeof *host);
    s4d_tensor all = S4D_TENSOR(S4D_F32, x, N, N);
    for (int i = 0; i < 3; i++) {
        s4d_backend_graph_begin(be, 1);
        s4d_linear_bwd(be, &(s4d_linear_bwd_args){.x = all, .w = all, .dy = all, .dw = S4D_TENSOR(S4D_F32, dw, N, N)});
        s4d_backend_graph_end(be);
    }
    s4d_backend_download(be, host, dw, N * N * sizeof *host);
    for (int i = 0; i < N * N; i++) assert_true(host[i] == 1 + 3 * N);
    sound(be);
    free(host);
    s4d_backend_free(be, x);
    s4d_backend_free(be, dw);
    s4d_backend_destroy(&be);
}

/* Groups of one shape, whether the library takes them as one batch or must be asked for each of them. */
static void batches_that_are_refused_are_computed_one_by_one(void **state)
{
    (void)state;
    enum { E = 3, STRIDE = 5, N = 8, K = 16 };
    float y[2][E * STRIDE * N], dx[2][E * STRIDE * K], dw[2][E * N * K];
    for (int i = 0; i < 2; i++) {
        s4d_backend *be = create(true, "");
        float *x = block(be, E * STRIDE * K), *w = block(be, E * N * K), *bias = block(be, E * N), *result = block(be, E * STRIDE * N),
              *gradient = block(be, E * STRIDE * K), *sum = block(be, E * N * K), *bias_sum = block(be, E * N);
        s4d_tensor xt = S4D_TENSOR(S4D_F32, x, E * STRIDE, K), wt = S4D_TENSOR(S4D_F32, w, E, N, K), bt = S4D_TENSOR(S4D_F32, bias, E, N),
                   yt = S4D_TENSOR(S4D_F32, result, E * STRIDE, N);
        if (i) setenv("S4D_EMULATOR_NO_BATCHES", "1", 1);
        for (uint64_t n = 0; n < 4; n++) {
            s4d_backend_graph_begin(be, 1);
            s4d_random(be, &(s4d_random_args){.kind = S4D_UNIFORM, .key = n, .y = vector(x, E * STRIDE * K)});
            s4d_random(be, &(s4d_random_args){.kind = S4D_UNIFORM, .key = n + 100, .y = vector(w, E * N * K)});
            s4d_random(be, &(s4d_random_args){.kind = S4D_UNIFORM, .key = n + 200, .y = vector(bias, E * N)});
            s4d_grouped_linear_fwd(be, &(s4d_grouped_linear_fwd_args){.x = xt, .w = wt, .b = bt, .stride = STRIDE, .y = yt});
            s4d_grouped_linear_bwd(be, &(s4d_grouped_linear_bwd_args){.x = xt, .w = wt, .dy = yt, .stride = STRIDE,
                                       .dx = S4D_TENSOR(S4D_F32, gradient, E * STRIDE, K), .dw = S4D_TENSOR(S4D_F32, sum, E, N, K),
                                       .db = S4D_TENSOR(S4D_F32, bias_sum, E, N)});
            s4d_backend_graph_end(be);
        }
        s4d_backend_download(be, y[i], result, sizeof y[i]);
        s4d_backend_download(be, dx[i], gradient, sizeof dx[i]);
        s4d_backend_download(be, dw[i], sum, sizeof dw[i]);
        unsetenv("S4D_EMULATOR_NO_BATCHES");
        sound(be);
        float *all[] = {x, w, bias, result, gradient, sum, bias_sum};
        for (int j = 0; j < 7; j++) s4d_backend_free(be, all[j]);
        s4d_backend_destroy(&be);
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    assert_memory_equal(dx[0], dx[1], sizeof dx[0]);
    assert_memory_equal(dw[0], dw[1], sizeof dw[0]);
}

int main(void)
{
    int status = look_for_card();
    if (status != 0) return status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_steps_equal_others),
        cmocka_unit_test(steps_that_change_are_computed_all_the_same),
        cmocka_unit_test(steps_that_do_what_no_graph_can_are_computed_all_the_same),
        cmocka_unit_test(more_keys_than_are_kept),
        cmocka_unit_test(planning_runs_nothing),
        cmocka_unit_test(operations_of_ref_stand_in),
        cmocka_unit_test(choices_are_told_and_taken),
        cmocka_unit_test(timing_leaves_no_trace),
        cmocka_unit_test(batches_that_are_refused_are_computed_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
