/* Attention by cuDNN, as far as that goes without a card: which shapes are asked for at all; then, with cuDNN itself, the
 * properties of cards as text and a driver that throws kernels away, that plans of forward and backward are made. Where
 * there is no such driver (S4D_TESTS_DRIVER), the toolkit's stub lets cuDNN name engines and compile their kernels, and
 * refuses to load them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <unistd.h>

#include "backend/cuda/cudnn_attention.h"
#include "backend/cuda/library.h"
#include "s4d/base/str.h"

/* ---- rules ---- */

static void shapes_that_cudnn_does_not_take_are_not_asked_for(void **state)
{
    (void)state;
    static const struct {
        int capability;
        int64_t version;
        s4d_cudnn_geometry u;
        const char *why; /* NULL: asked for */
    } cases[] = {
        {90, 91900, {2, 100, 3, 64, 0, 0}, NULL},
        {90, 91900, {2, 100, 3, 64, 1, 1}, NULL},
        {90, 91501, {2, 100, 3, 64, 1, 1}, NULL},
        {90, 91500, {2, 100, 3, 64, 0, 0}, "older than 9.15.1"},
        {75, 91900, {2, 100, 3, 64, 0, 0}, "older than Ampere"},
        {80, 91900, {2, 100, 3, 8, 1, 1}, NULL},
        {80, 91900, {2, 100, 3, 128, 1, 0}, NULL},
        {80, 91900, {2, 100, 3, 12, 0, 0}, "multiple of 8"},
        {80, 91900, {2, 100, 3, 136, 0, 0}, "over 128"},
        {80, 91900, {2, 1, 3, 64, 0, 0}, "one token"},
        {80, 91900, {2, 2, 3, 64, 1, 1}, NULL},
        {90, 91900, {2, 64, 3, 64, 0, 0}, NULL},
        {90, 91900, {2, 64, 3, 64, 1, 1}, "on Hopper"},
        {90, 92000, {2, 192, 3, 64, 1, 0}, "on Hopper"},
        {90, 92100, {2, 192, 3, 64, 1, 0}, NULL},
        {90, 91900, {2, 128, 3, 64, 1, 0}, NULL},
        {80, 91900, {2, 64, 3, 64, 1, 1}, NULL},
        {100, 91701, {2, 100, 3, 64, 1, 1}, "Blackwell"},
        {100, 91701, {2, 100, 3, 64, 1, 0}, NULL},
        {103, 91800, {2, 100, 3, 64, 1, 1}, NULL},
        {120, 91501, {2, 100, 3, 64, 1, 1}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        s4d_cudnn_ground ground = {cases[i].capability, cases[i].version};
        const char *why = s4d_cudnn_attention_rule(&ground, &cases[i].u);
        if (!cases[i].why != !why || (why && !strstr(why, cases[i].why))) fail_msg("case %zu: %s", i, why ? why : "asked for");
    }
}

static void a_refused_shape_is_kept_with_its_reason(void **state)
{
    (void)state;
    s4d_cudnn_plans plans = {0};
    s4d_cudnn_device none = {0}; /* never asked */
    s4d_cudnn_ground ground = {90, 91900};
    s4d_cudnn_geometry odd = {2, 100, 3, 7, 0, 0}, alone = {2, 1, 3, 64, 1, 1};
    const s4d_cudnn_entry *e = s4d_cudnn_plans_find(&plans, &none, &ground, &odd);
    assert_non_null(e);
    assert_false(e->usable);
    assert_string_equal(e->why, "the head width is not a multiple of 8");
    assert_false(s4d_cudnn_plans_find(&plans, &none, &ground, &alone)->usable);
    assert_ptr_equal(s4d_cudnn_plans_find(&plans, &none, &ground, &odd), e);
    assert_int_equal(plans.count, 2);
    s4d_cudnn_plans_release(&plans);
    assert_int_equal(plans.count, 0);
}

static void shapes_are_packed_and_turned(void **state)
{
    (void)state;
    s4d_cudnn_shape s = s4d_cudnn_packed(2, 3, 5, 7), t = s4d_cudnn_turned(s);
    const int64_t stride[] = {105, 35, 7, 1}, turned_dim[] = {2, 3, 7, 5}, turned_stride[] = {105, 35, 1, 7};
    assert_memory_equal(s.stride, stride, sizeof stride);
    assert_memory_equal(t.dim, turned_dim, sizeof turned_dim);
    assert_memory_equal(t.stride, turned_stride, sizeof turned_stride);
}

/* ---- the library ---- */

static void a_library_that_is_missing_is_told_with_the_places(void **state)
{
    (void)state;
    static const struct {
        const char *named, *text[3]; /* named: the environment variable's value */
    } cases[] = {
        {NULL, {"libs4dnone.so.7 was not found: ", "/usr/local/cuda/lib64", "set S4D_NONE to the file or its folder"}},
        {"", {"libs4dnone.so.7 was not found: ", "LD_LIBRARY_PATH", "site-packages"}},
        {"/dev", {"S4D_NONE=/dev: /dev/libs4dnone.so.7: ", "No such file", "or unset S4D_NONE"}},
        {"/dev/null", {"S4D_NONE=/dev/null: /dev/null: ", "name the file libs4dnone.so.7 or its folder there", "unset"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        s4d_err err = {0};
        void *handle = &err;
        if (cases[i].named) setenv("S4D_NONE", cases[i].named, 1);
        assert_int_equal(s4d_cuda_library_open("libs4dnone.so.7", "S4D_NONE", &handle, &err), S4D_FAILED);
        assert_null(handle);
        for (int k = 0; k < 3; k++)
            if (!strstr(err.text, cases[i].text[k])) fail_msg("case %zu: %s", i, err.text);
        unsetenv("S4D_NONE");
    }
}

static void a_library_is_found_by_the_loader_and_asked_for_functions(void **state)
{
    (void)state;
    s4d_err err = {0};
    void *handle;
    double (*lower)(double) = NULL;
    const s4d_cuda_symbol known[] = {{"floor", &lower}}, unknown[] = {{"s4d_no_function", &lower}};
    assert_int_equal(s4d_cuda_library_open("libm.so.6", "S4D_NONE", &handle, &err), S4D_OK);
    assert_int_equal(s4d_cuda_library_take(handle, "libm.so.6", known, 1, &err), S4D_OK);
    assert_true(lower(2.5) == 2);
    assert_int_equal(s4d_cuda_library_take(handle, "libm.so.6", unknown, 1, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "libm.so.6 has no s4d_no_function: "));
    s4d_cuda_library_close(&handle);
    assert_null(handle);
}

/* ---- plans ---- */

static s4d_cudnn cudnn;
static bool to_the_end; /* kernels can be loaded */

/* What public tables say of a card of each kind. */
typedef struct card {
    const char *name;
    int capability, processors, shared, threads, blocks, l2, clock, memory_clock;
} card;

static const card cards[] = {
    {"NVIDIA A100-SXM4-80GB", 80, 108, 166912, 2048, 32, 41943040, 1410000, 1593000},
    {"NVIDIA H100 80GB HBM3", 90, 132, 232448, 2048, 32, 52428800, 1980000, 2619000},
    {"NVIDIA B200", 100, 148, 232448, 2048, 32, 132644864, 1965000, 3996000},
    {"NVIDIA GeForce RTX 5090", 120, 170, 101376, 1536, 24, 100663296, 2407000, 14001000},
};
enum { CARDS = sizeof cards / sizeof cards[0], HOPPER = 1 };

static s4d_cudnn_device describe(const card *c)
{
    char json[1024];
    s4d_cudnn_device d;
    s4d_err err = {0};
    snprintf(json, sizeof json,
             "{\"deviceName\":\"%s\",\"cudaDeviceId\":0,\"pciDeviceId\":0,\"deviceVer\":%d,\"driverVer\":13000,"
             "\"totalGlobalMem\":34359738368,\"multiProcessorCount\":%d,\"warpSize\":32,\"maxGridSize\":[2147483647,65535,65535],"
             "\"maxBlockSize\":[1024,1024,64],\"regsPerBlock\":65536,\"maxRegistersPerSM\":65536,\"maxSharedMemoryPerBlock\":49152,"
             "\"maxSharedMemoryPerBlockOptin\":%d,\"reservedSharedMemoryPerBlock\":1024,\"maxCtasPerSM\":%d,"
             "\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":%d,\"isTccDriver\":0,\"supportCoopLaunch\":1,\"smClockRateKHz\":%d,"
             "\"memClockRateKHz\":%d,\"l2CacheSize\":%d}",
             c->name, c->capability * 10, c->processors, c->shared, c->blocks, c->threads, c->clock, c->memory_clock, c->l2);
    if (s4d_cudnn_device_describe(&d, &cudnn, json, &err) != S4D_OK) fail_msg("%s", err.text);
    return d;
}

/* The deterministic backward keeps scores in bf16 on cards other than the large Blackwells, padded to whole tiles. */
static bool right_workspace(const card *c, const s4d_cudnn_geometry *u, int64_t bytes)
{
    enum { MOST_TILE = 128, BESIDES = 1 << 20 };
    int64_t pad = u->N + MOST_TILE, least = 2 * u->B * u->H * u->N * u->N, most = 2 * u->B * u->H * pad * pad + BESIDES;
    if (u->backward && u->deterministic && c->capability / 10 != 10) return bytes >= least && bytes <= most;
    return bytes >= 0 && bytes <= u->B * u->H * pad * u->d * 4 + BESIDES;
}

static void make_plan(const card *c, const s4d_cudnn_device *d, const s4d_cudnn_geometry *u)
{
    s4d_cudnn_plan plan;
    s4d_err err = {0};
    s4d_cudnn_ground ground = {c->capability, (int64_t)cudnn.version()};
    s4d_status status = s4d_cudnn_attention_build(d, &ground, u, &plan, &err);
    printf("sm_%d [%lld,%lld,3,%lld,%lld] %s: %d operations, ", c->capability, (long long)u->B, (long long)u->N, (long long)u->H,
           (long long)u->d, !u->backward ? "forward" : u->deterministic ? "backward, deterministic" : "backward, any order",
           plan.graph.operations);
    printf("%d engines named, %d asked, ", plan.named, plan.tried);
    if (status == S4D_OK) printf("plan by engine %lld, %lld bytes of scratch\n", (long long)plan.engine, (long long)plan.workspace);
    else printf("no plan: %.120s\n", err.text);
    assert_int_equal(plan.graph.status, S4D_OK); /* every descriptor, up to the graph of all operations */
    assert_int_equal(plan.graph.operations, !u->backward ? 10 : u->deterministic ? 17 : 18);
    assert_true(plan.tried > 0);
    if (to_the_end) {
        assert_int_equal(status, S4D_OK);
        assert_true(right_workspace(c, u, plan.workspace));
    }
    s4d_cudnn_plan_release(&plan);
}

static void make_plans(const card *c, s4d_cudnn_geometry u)
{
    s4d_cudnn_device d = describe(c);
    for (u.backward = 0; u.backward < 2; u.backward++)
        for (u.deterministic = 0; u.deterministic <= u.backward; u.deterministic++) make_plan(c, &d, &u);
    s4d_cudnn_device_release(&d);
}

static void plans_are_made_for_the_shapes_of_the_models(void **state)
{
    (void)state;
    static const s4d_cudnn_geometry shapes[] = {
        {3, 100, 3, 64, 0, 0}, {8, 1568, 12, 64, 0, 0}, {4, 10, 6, 32, 0, 0}, {1, 2, 1, 8, 0, 0}, {2, 197, 2, 128, 0, 0}};
    size_t n = to_the_end ? sizeof shapes / sizeof shapes[0] : 1; /* where loading fails, every engine is tried */
    for (size_t i = 0; i < n; i++) make_plans(&cards[HOPPER], shapes[i]);
}

static void plans_are_made_for_every_kind_of_card(void **state)
{
    (void)state;
    if (!to_the_end) skip();
    for (size_t i = 0; i < CARDS; i++)
        if (i != HOPPER) make_plans(&cards[i], (s4d_cudnn_geometry){8, 800, 6, 64, 0, 0});
}

static void a_plan_is_made_once(void **state)
{
    (void)state;
    if (!to_the_end) skip();
    s4d_cudnn_device d = describe(&cards[HOPPER]);
    s4d_cudnn_ground ground = {90, (int64_t)cudnn.version()};
    s4d_cudnn_plans plans = {0};
    s4d_cudnn_geometry u = {2, 40, 2, 16, 0, 0};
    const s4d_cudnn_entry *e = s4d_cudnn_plans_find(&plans, &d, &ground, &u);
    assert_true(e && e->usable);
    assert_ptr_equal(s4d_cudnn_plans_find(&plans, &d, &ground, &u), e);
    assert_int_equal(plans.count, 1);
    s4d_cudnn_plans_release(&plans);
    s4d_cudnn_device_release(&d);
}

static void what_cudnn_refuses_it_explains(void **state)
{
    (void)state;
    s4d_err err = {0};
    s4d_cudnn_device d;
    assert_int_equal(s4d_cudnn_device_describe(&d, &cudnn, "{}", &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "cuDNN could not take the description of a card: status "));
    assert_null(d.properties);
    d = describe(&cards[HOPPER]);
    s4d_cudnn_plan plan = {0};
    s4d_cudnn_graph_begin(&plan.graph, &cudnn, NULL);
    s4d_cudnn_shape flat = s4d_cudnn_packed(1, 1, 4, 4), wrong = s4d_cudnn_packed(1, 1, 5, 3);
    void *a = s4d_cudnn_stored(&plan.graph, 1, S4D_CUDNN_FLOAT, flat), *b = s4d_cudnn_stored(&plan.graph, 2, S4D_CUDNN_FLOAT, flat);
    s4d_cudnn_multiply(&plan.graph, a, b, s4d_cudnn_stored(&plan.graph, 3, S4D_CUDNN_FLOAT, wrong));
    s4d_cudnn_multiply(&plan.graph, a, b, NULL); /* does nothing: the first failure stands */
    assert_int_equal(s4d_cudnn_plan_build(&d, &plan, &(s4d_cudnn_wish){0}, &err), S4D_FAILED);
    printf("%s\n", err.text);
    assert_non_null(strstr(err.text, "cuDNN could not take operation 1: status "));
    s4d_cudnn_plan_release(&plan);
    s4d_cudnn_device_release(&d);
}

/* ---- the driver ---- */

/* Opens a driver before cuDNN looks for it by the name libcuda.so.1. */
static bool open_driver(void)
{
#ifdef S4D_TESTS_DRIVER
    to_the_end = dlopen(S4D_TESTS_DRIVER, RTLD_NOW | RTLD_GLOBAL) != NULL;
    if (to_the_end) return true;
#endif
    const char *variable[] = {getenv("CUDA_HOME"), getenv("CUDA_PATH"), "/usr/local/cuda"};
    for (size_t i = 0; i < sizeof variable / sizeof variable[0]; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/lib64/stubs/libcuda.so", variable[i] ? variable[i] : "");
        if (variable[i] && dlopen(path, RTLD_NOW | RTLD_GLOBAL)) return true;
    }
    return false;
}

int main(void)
{
    const struct CMUnitTest always[] = {
        cmocka_unit_test(shapes_that_cudnn_does_not_take_are_not_asked_for),
        cmocka_unit_test(a_refused_shape_is_kept_with_its_reason),
        cmocka_unit_test(shapes_are_packed_and_turned),
        cmocka_unit_test(a_library_that_is_missing_is_told_with_the_places),
        cmocka_unit_test(a_library_is_found_by_the_loader_and_asked_for_functions),
    };
    const struct CMUnitTest with_cudnn[] = {
        cmocka_unit_test(plans_are_made_for_the_shapes_of_the_models),
        cmocka_unit_test(plans_are_made_for_every_kind_of_card),
        cmocka_unit_test(a_plan_is_made_once),
        cmocka_unit_test(what_cudnn_refuses_it_explains),
    };
    s4d_err err = {0};
    int failed = cmocka_run_group_tests(always, NULL, NULL);
    if (failed) return failed;
#ifdef S4D_CUDA_EMULATED
    printf("skipped: the emulator's cuDNN has no engines\n");
    return 77;
#endif
    if (s4d_cudnn_open(&cudnn, &err) != S4D_OK) {
        printf("skipped: %s\n", err.text);
        return 77;
    }
    if (cudnn.version() < S4D_CUDNN_OLDEST || !open_driver()) {
        printf("skipped: plans need cuDNN 9.15.1 (this is %zu), and the test's driver or the toolkit's stub libcuda.so\n",
               cudnn.version());
        return 77;
    }
    printf("cuDNN %zu, %s\n", cudnn.version(), to_the_end ? "plans to the end" : "plans up to loading their kernels");
    failed = cmocka_run_group_tests(with_cudnn, NULL, NULL);
    s4d_cudnn_close(&cudnn);
    fflush(NULL);
    _exit(failed); /* cuDNN leaves memory behind in parts of it that it unloads, which a sanitizer would report at exit */
}
