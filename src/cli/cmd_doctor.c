/* s4d doctor: what was built in, and whether each device computes here. */
#include <stdio.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "s4d/backend/backend.h"
#include "s4d/base/thread.h"
#include "s4d/data/clip.h"

enum { M = 33, K = 48, N = 20 };

/* A product of small whole numbers, which every device must get exactly. */
static s4d_status try_product(s4d_backend *be, bool *right, s4d_err *err)
{
    float x[M * K], w[N * K], y[M * N];
    s4d_dtype act = s4d_backend_act(be), real = s4d_backend_real(be);
    s4d_tensor t[3] = {S4D_TENSOR(act, NULL, M, K), S4D_TENSOR(act, NULL, N, K), S4D_TENSOR(real, NULL, M, N)};
    s4d_status status = S4D_OK;
    for (int i = 0; i < M * K; ++i) x[i] = (float)(i % 7 - 3);
    for (int i = 0; i < N * K; ++i) w[i] = (float)(i % 5 - 2);
    for (int i = 0; i < 3 && status == S4D_OK; ++i) status = s4d_backend_alloc(be, s4d_tensor_bytes(&t[i]), &t[i].data, err);
    if (status == S4D_OK) {
        s4d_backend_upload_floats(be, t[0], x);
        s4d_backend_upload_floats(be, t[1], w);
        s4d_linear_fwd(be, &(s4d_linear_fwd_args){.x = t[0], .w = t[1], .y = t[2]});
        s4d_backend_download_floats(be, y, t[2]);
        status = s4d_backend_check(be, err);
    }
    *right = status == S4D_OK;
    for (int i = 0; i < M * N && *right; ++i) {
        float sum = 0;
        for (int k = 0; k < K; ++k) sum += x[i / N * K + k] * w[i % N * K + k];
        *right = y[i] == sum;
    }
    for (int i = 0; i < 3; ++i) s4d_backend_free(be, t[i].data);
    return status;
}

/* One line about the device; says what is wrong where it does not work. */
static s4d_status try_device(const char *device, s4d_precision precision, s4d_err *err)
{
    s4d_backend *be = NULL;
    bool right = false;
    s4d_status status = s4d_backend_create(&(s4d_backend_opts){.device = device, .precision = precision, .override = ""}, &be, err);
    if (status == S4D_OK) status = try_product(be, &right, err);
    if (status == S4D_OK && !right)
        status = s4d_err_set(err, S4D_FAILED, "device %s: a product of small whole numbers came out wrong; do not trust it "
                                              "here, use --device ref", device);
    if (status == S4D_OK) {
        printf("%-8s works: %s; %d of %d operations its own\n", device, s4d_backend_description(be), s4d_backend_own_ops(be),
               (int)S4D_OP_COUNT);
        if (s4d_backend_attention(be)[0]) printf("         %s\n", s4d_backend_attention(be));
    } else {
        printf("%-8s does not work: %s\n", device, err->text);
    }
    s4d_backend_destroy(&be);
    return status;
}

static void print_build(void)
{
#ifdef __clang__
    const char *compiler = "clang";
    const int version[3] = {__clang_major__, __clang_minor__, __clang_patchlevel__};
#else
    const char *compiler = "gcc";
    const int version[3] = {__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__};
#endif
#ifdef __OPTIMIZE__
    const char *speed = "optimised";
#else
    const char *speed = "not optimised, so slow (build with -DCMAKE_BUILD_TYPE=Release)";
#endif
    printf("build    %s %d.%d.%d, %s\n", compiler, version[0], version[1], version[2], speed);
}

static void print_machine(void)
{
    double gib = (double)sysconf(_SC_PAGESIZE) / (1024.0 * 1024.0 * 1024.0);
    printf("machine  %d processors, %.1f GiB of memory, %.1f GiB of it free\n", s4d_cpu_count(),
           gib * (double)sysconf(_SC_PHYS_PAGES), gib * (double)sysconf(_SC_AVPHYS_PAGES));
}

s4d_status cmd_doctor(int argc, char **argv, s4d_err *err)
{
    bool done;
    s4d_err other = {0};
    const arg_command c = {.name = "doctor", .summary = "what was built in, and whether it works here"};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    puts("s4d " S4D_VERSION);
    print_build();
    print_machine();
    printf("images   %s, %s\n", s4d_image_png_library(), s4d_image_jpeg_library());
    const char *ffmpeg = s4d_video_library();
    printf("video    %s%s\n", ffmpeg ? "FFmpeg " : "not in this build; frame folders only (build with -DS4D_VIDEO=ON)",
           ffmpeg ? ffmpeg : "");
    try_device("ref", S4D_FLOAT32, &other); /* printed; the exit status says whether the cpu, which every build has, works */
    status = try_device("cpu", S4D_FLOAT32, err);
    int built = s4d_backend_built_ops("cuda");
    if (built >= 0) printf("cuda: %d of %d operations\n", built, (int)S4D_OP_COUNT);
    if (try_device("cuda", S4D_FLOAT32, &other) == S4D_OK) try_device("cuda", S4D_BFLOAT16, &other);
    return status;
}
