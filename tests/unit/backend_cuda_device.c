/* The cuda device's memory, slots and errors, on a card or over the emulator; without one, what is said then. Whether
 * operations compute what they should is parity's to find out. */
#include "backend_cuda_fixture.h"

/* ---- memory ---- */

static void memory_comes_zeroed_and_keeps_what_it_is_given(void **state)
{
    (void)state;
    s4d_backend *be = create(true, "");
    static const int64_t sizes[] = {1, 3, 16384, 16385, 1000003}; /* below and above what goes by the ring */
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int64_t n = sizes[i];
        size_t bytes = (size_t)n * sizeof(float);
        float *device = block(be, n), *host = malloc(bytes), *back = malloc(bytes);
        assert_int_equal((uintptr_t)device % 64, 0);
        s4d_backend_download(be, back, device, bytes);
        for (int64_t j = 0; j < n; j++) {
            assert_true(back[j] == 0);
            host[j] = (float)j + 0.5f;
        }
        s4d_backend_upload(be, device, host, bytes);
        s4d_backend_download(be, back, device, bytes);
        assert_memory_equal(host, back, bytes);
        s4d_backend_free(be, device);
        free(host);
        free(back);
    }
    assert_true(s4d_backend_memory(be) > 0);
    sound(be);
    s4d_backend_destroy(&be);
}

static void many_small_uploads_do_not_overtake_each_other(void **state)
{
    (void)state;
    enum { N = 4096, TIMES = 2000 };
    s4d_backend *be = create(true, "");
    float *x = block(be, N), *sum = block(be, N), host[N];
    for (int i = 0; i < TIMES; i++) { /* 32 MB: several turns of the ring */
        for (int j = 0; j < N; j++) host[j] = (float)(i % 7);
        s4d_backend_upload(be, x, host, sizeof host);
        memset(host, 0xff, sizeof host);
        s4d_add(be, &(s4d_add_args){vector(x, N), vector(sum, N)});
    }
    float want = 0;
    for (int i = 0; i < TIMES; i++) want += (float)(i % 7);
    s4d_backend_download(be, host, sum, sizeof host);
    for (int j = 0; j < N; j++) assert_true(host[j] == want);
    sound(be);
    s4d_backend_free(be, x);
    s4d_backend_free(be, sum);
    s4d_backend_destroy(&be);
}

static void lack_of_memory_is_told(void **state)
{
    (void)state;
    s4d_backend *be = create(true, "");
    s4d_err err = {0};
    void *p;
    assert_int_equal(s4d_backend_alloc(be, (size_t)1 << 50, &p, &err), S4D_FAILED);
    assert_null(p);
    assert_non_null(strstr(err.text, "device cuda: not enough memory for "));
    assert_non_null(strstr(err.text, "1125899906842624 bytes (1048576.00 GiB) were asked for, but "));
    sound(be); /* the device goes on */
    s4d_backend_free(be, block(be, 1));
    s4d_backend_destroy(&be);
}

/* ---- slots ---- */

/* Step n sends numbers, adds them up and reads the sums of step n - 1. */
static void steps_overlap_without_mixing(void **state)
{
    (void)state;
    enum { N = 3000, STEPS = 40 };
    s4d_backend *be = create(true, "");
    float *sum = block(be, N), *host = malloc(N * sizeof *host);
    float want[STEPS + 1] = {0};
    for (int n = 0; n <= STEPS; n++) {
        int slot = n % S4D_SLOTS;
        if (n < STEPS) {
            void *there;
            s4d_err err = {0};
            int64_t count = N - n % 3; /* sizes differ */
            for (int i = 0; i < N; i++) host[i] = (float)n;
            assert_int_equal(s4d_backend_send(be, slot, host, (size_t)count * sizeof *host, &there, &err), S4D_OK);
            memset(host, 0xff, N * sizeof *host);
            want[n + 1] = want[n] + (float)n;
            for (int i = 0; i < 3; i++) s4d_zero(be, &(s4d_zero_args){vector(sum + N - 2, 2)});
            s4d_add(be, &(s4d_add_args){vector(there, N - 2), vector(sum, N - 2)});
            s4d_backend_fetch(be, slot, 0, sum, 4);
            s4d_backend_fetch(be, slot, 100, sum + N - 3, 4);
        }
        if (n > 0) {
            const unsigned char *got = s4d_backend_fetched(be, (n - 1) % S4D_SLOTS);
            float first, last;
            memcpy(&first, got, 4);
            memcpy(&last, got + 100, 4);
            assert_true(first == want[n] && last == want[n]);
        }
    }
    sound(be);
    free(host);
    s4d_backend_free(be, sum);
    s4d_backend_destroy(&be);
}

/* Nobody reads, so the card may be many steps behind when a slot is sent again. */
static void slots_wait_for_their_readers(void **state)
{
    (void)state;
    enum { N = 200000, STEPS = 30 };
    s4d_backend *be = create(true, "");
    float *sum = block(be, N), *host = malloc(N * sizeof *host), want = 0;
    for (int n = 0; n < STEPS; n++) {
        void *there;
        s4d_err err = {0};
        for (int i = 0; i < N; i++) host[i] = (float)n;
        want += (float)n;
        assert_int_equal(s4d_backend_send(be, n % S4D_SLOTS, host, N * sizeof *host, &there, &err), S4D_OK);
        s4d_add(be, &(s4d_add_args){vector(there, N), vector(sum, N)});
    }
    s4d_backend_download(be, host, sum, N * sizeof *host);
    for (int i = 0; i < N; i++) assert_true(host[i] == want);
    sound(be);
    free(host);
    s4d_backend_free(be, sum);
    s4d_backend_destroy(&be);
}

/* ---- errors ---- */

static const char *program;

#ifdef S4D_CUDA_EMULATED
void s4d_emulator_forgive(void);
static float *break_next(float *right)
{
    s4d_emulator_forgive(); /* counts launches from here */
    setenv("S4D_EMULATOR_FAIL_LAUNCH", "1", 1);
    return right;
}
#else
static float *break_next(float *right)
{
    (void)right;
    return (float *)(uintptr_t)4096;
}
#endif

/* What the process started below does: an operation on memory that is not there. */
static int access_wrong_address(void)
{
    s4d_err err = {0};
    s4d_backend *be = NULL;
    void *x = NULL;
    if (s4d_backend_create(&(s4d_backend_opts){.device = "cuda"}, &be, &err) == S4D_OK &&
        s4d_backend_alloc(be, 64, &x, &err) == S4D_OK) {
        float *wrong = break_next(x), y[4];
        s4d_add(be, &(s4d_add_args){vector(wrong, 4), vector(wrong + 8, 4)});
        s4d_backend_download(be, y, x, 16);
        s4d_backend_check(be, &err);
        s4d_backend_free(be, x);
    }
    s4d_backend_destroy(&be);
    puts(err.text);
    return 0;
}

/* A card is of no use to a process after an illegal access, so another process makes it. */
static void refused_with(const char *environment, const char *words)
{
    char command[4096], text[2048] = "";
    snprintf(command, sizeof command, "%s '%s' wrong-address", environment, program);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    pclose(f);
    if (!strstr(text, words)) fail_msg("%s", text);
}

static void a_wrong_address_is_told(void **state)
{
    (void)state;
    refused_with("S4D_SYNC=1", "device cuda: operation add: ");
    refused_with("", "in an operation issued before this one; run again with S4D_SYNC=1 to learn which");
}

static void the_device_says_what_it_is(void **state)
{
    (void)state;
    s4d_backend *be = create(true, "");
    const char *text = s4d_backend_description(be);
    assert_int_equal(strncmp(text, "cuda: float32, ", 15), 0);
    assert_non_null(strstr(text, " multiprocessors, "));
    assert_non_null(strstr(text, "products by cuBLASLt "));
    assert_int_equal(s4d_backend_lateness(be), 1);
    assert_int_equal(s4d_backend_own_ops(be), S4D_OP_COUNT);
    s4d_backend_destroy(&be);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc > 1) return access_wrong_address();
    int status = look_for_card();
    if (status != 0) return status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_address_is_told),
        cmocka_unit_test(the_device_says_what_it_is),
        cmocka_unit_test(memory_comes_zeroed_and_keeps_what_it_is_given),
        cmocka_unit_test(many_small_uploads_do_not_overtake_each_other),
        cmocka_unit_test(lack_of_memory_is_told),
        cmocka_unit_test(steps_overlap_without_mixing),
        cmocka_unit_test(slots_wait_for_their_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
