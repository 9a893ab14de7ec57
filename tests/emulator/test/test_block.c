/* Blocks and warps. */
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "test.h"

static void *device(size_t bytes)
{
    void *p = NULL;
    GOOD(cudaMalloc(&p, bytes));
    return p;
}

static void fetch(void *to, const void *from, size_t bytes)
{
    GOOD(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost));
}

/* ---- blocks ---- */

static void sums(void)
{
    enum { N = 5000, MOST = 160 };
    static const int threads[] = {32, 64, 96, 256, 1024};
    static float x[N], sum[MOST];
    float *dx = device(sizeof x), *dsum = device(sizeof sum);
    for (int i = 0; i < N; ++i) x[i] = (float)(i % 97 - 31);
    GOOD(cudaMemcpy(dx, x, sizeof x, cudaMemcpyHostToDevice));
    for (int t = 0; t < 5; ++t) {
        int size = threads[t], blocks = (N + size - 1) / size;
        GOOD(launch_sums(dx, N, size, blocks < MOST ? blocks : MOST, dsum));
        fetch(sum, dsum, sizeof sum);
        for (int b = 0; b < blocks && b < MOST; ++b) {
            float want = 0;
            for (int i = b * size; i < (b + 1) * size && i < N; ++i) want += x[i];
            CHECK(sum[b] == want);
        }
    }
}

static void early_ends(void)
{
    int x[1024], y[1024];
    int *dx = device(sizeof x), *dy = device(sizeof y);
    for (int i = 0; i < 1024; ++i) x[i] = i * i;
    GOOD(cudaMemcpy(dx, x, sizeof x, cudaMemcpyHostToDevice));
    static const int n[] = {1, 31, 33, 500, 1000, 1024}, threads[] = {1, 40, 64, 512, 1024, 1024};
    for (int t = 0; t < 6; ++t) {
        GOOD(launch_reverse(dx, dy, n[t], threads[t]));
        fetch(y, dy, sizeof y);
        for (int i = 0; i < n[t]; ++i) CHECK(y[i] == 2 * x[i]);
    }
}

/* What others have yet to write is poison. */
static void missing_barrier(void)
{
    int x[256], y[256], missed = 0;
    int *dx = device(sizeof x), *dy = device(sizeof y);
    for (int i = 0; i < 256; ++i) x[i] = i + 1;
    GOOD(cudaMemcpy(dx, x, sizeof x, cudaMemcpyHostToDevice));
    GOOD(launch_careless(dx, dy, 256));
    fetch(y, dy, sizeof y);
    for (int i = 0; i < 256; ++i) missed += y[i] != x[255 - i];
    CHECK(missed == 128);
}

static void indices(void)
{
    static const struct {
        dim3 grid, block;
    } shape[] = {{{1, 1, 1}, {1, 1, 1}}, {{7, 1, 1}, {33, 1, 1}}, {{3, 5, 2}, {4, 3, 2}},
                 {{2, 3, 4}, {8, 8, 16}}, {{64, 1, 1}, {1, 1, 64}}};
    unsigned *count = device(1 << 20), *order = device(1 << 12), *turn = device(4);
    static unsigned counted[1 << 18], blocks[1 << 10];
    for (int s = 0; s < 5; ++s) {
        dim3 g = shape[s].grid, b = shape[s].block;
        unsigned all = g.x * g.y * g.z, threads = b.x * b.y * b.z;
        GOOD(cudaMemset(count, 0, 1 << 20));
        GOOD(cudaMemset(turn, 0, 4));
        GOOD(launch_indices(g, b, count, order, turn));
        fetch(counted, count, 1 << 20);
        fetch(blocks, order, 1 << 12);
        for (unsigned i = 0; i < 1 << 18; ++i) CHECK(counted[i] == (i < all * threads));
        const char *how = getenv("S4D_EMULATOR_ORDER");
        bool sorted = true;
        for (unsigned i = 0; i < all; ++i) sorted &= blocks[i] == i;
        if (how && strcmp(how, "forward") == 0) CHECK(sorted);
        else CHECK(!sorted || all == 1);
        if (how && strcmp(how, "backward") == 0) CHECK(blocks[0] == all - 1 && blocks[all - 1] == 0);
    }
}

static void limits(void)
{
    dim3 one = {1, 1, 1};
    GIVES(cudaErrorInvalidConfiguration, launch_with(one, (dim3){0, 1, 1}, 0));
    GIVES(cudaErrorInvalidConfiguration, launch_with(one, (dim3){1025, 1, 1}, 0));
    GIVES(cudaErrorInvalidConfiguration, launch_with(one, (dim3){32, 33, 1}, 0));
    GIVES(cudaErrorInvalidConfiguration, launch_with(one, (dim3){1, 1, 65}, 0));
    GIVES(cudaErrorInvalidConfiguration, launch_with((dim3){0, 1, 1}, one, 0));
    GIVES(cudaErrorInvalidConfiguration, launch_with((dim3){1, 65536, 1}, one, 0));
    GIVES(cudaErrorInvalidConfiguration, launch_with((dim3){1, 1, 65536}, one, 0));
    GIVES(cudaErrorInvalidConfiguration, cudaGetLastError());
    GIVES(cudaSuccess, cudaGetLastError());
    GOOD(launch_with((dim3){70000, 1, 1}, one, 0));
    GOOD(launch_with(one, (dim3){32, 32, 1}, 48 << 10));
    GIVES(cudaErrorInvalidValue, launch_with(one, one, (48 << 10) + 1));
    GIVES(cudaErrorInvalidDeviceFunction, launch_not_known());
    GIVES(cudaErrorInvalidValue, launch_shared_at(100 << 10, 0));
    GIVES(cudaErrorInvalidValue, launch_allow_shared((227 << 10) + 1));
    GOOD(launch_allow_shared(227 << 10));
    GOOD(launch_shared_at(227 << 10, (227 << 10) - 1));
    cudaGetLastError();
    GOOD(cudaDeviceSynchronize());
}

static void unwritten_shared(void)
{
    float y[4], *dy = device(sizeof y);
    GOOD(launch_unwritten(dy));
    fetch(y, dy, sizeof y);
    for (int i = 0; i < 4; ++i) CHECK(isnan(y[i]));
}

static void beyond_shared(void)
{
    GOOD(launch_shared_at(100, 100));
    cudaDeviceSynchronize();
}

/* ---- warps ---- */

static void shuffles(void)
{
    int y[SHUFFLES][32], *dy = device(sizeof y);
    GOOD(launch_shuffles(dy));
    fetch(y, dy, sizeof y);
    for (int i = 0; i < 32; ++i) {
        int want[SHUFFLES] = {5,
                              (i + 1) % 32,
                              i / 8 * 8 + 3,
                              i / 16 * 16 + 15,
                              i > 0 ? i - 1 : 0,
                              i % 8 >= 3 ? i - 3 : i,
                              i,
                              i < 31 ? i + 1 : 31,
                              i % 16 < 11 ? i + 5 : i,
                              i == 0 ? 31 : i,
                              i ^ 1,
                              i ^ 31,
                              i & 8 ? i ^ 9 : i,
                              i & 16 ? i ^ 16 : i,
                              i ^ 2,
                              i};
        for (int row = 0; row < SHUFFLES; ++row) CHECK(y[row][i] == 100 + want[row]);
    }
}

static void shuffled_types(void)
{
    double y[7][32], *dy = device(sizeof y);
    GOOD(launch_shuffled_types(dy));
    fetch(y, dy, sizeof y);
    for (int i = 0; i < 31; ++i) {
        int j = i + 1;
        CHECK(y[0][i] == -j && y[1][i] == 4e9 + j && y[2][i] == -0x1p40 - j && y[3][i] == 0x1p63 + 4096.0 * j);
        CHECK(y[4][i] == 0.25 * j && y[5][i] == j / 3.0 && y[6][i] == 0.5 * j);
    }
}

static void check_votes(int threads, int ended)
{
    unsigned y[13][32], *dy = device(sizeof y), thirds = 0, all = 0, fourths = 0x11111111u;
    int n = threads < ended ? threads : ended;
    for (int i = 0; i < n; ++i) {
        all |= 1u << i;
        if (i % 3 == 0) thirds |= 1u << i;
    }
    GOOD(launch_votes(dy, threads, ended));
    fetch(y, dy, sizeof y);
    for (int i = 0; i < n; ++i) {
        CHECK(y[0][i] == thirds && y[1][i] == (n > 4) && y[2][i] == 0 && y[3][i] == 1 && y[4][i] == (n <= 4) && y[5][i] == all);
        CHECK(y[6][i] == (unsigned)n / 2 && y[7][i] == (n <= 3) && y[8][i] == (n > 2));
        CHECK(y[9][i] == (fourths << i % 4 & all));
        CHECK(y[10][i] == (unsigned)(n * (n - 1) / 2) && y[11][i] == (unsigned)(6 - n) && y[12][i] == (unsigned)n - 1);
    }
    GOOD(cudaFree(dy));
}

static void votes(void)
{
    check_votes(32, 32);
    check_votes(32, 20);
    check_votes(32, 3);
    check_votes(17, 32);
    check_votes(1, 1);
}

static void halves(void)
{
    int y[96], *dy = device(sizeof y);
    GOOD(launch_halves(dy));
    fetch(y, dy, sizeof y);
    for (int i = 0; i < 96; ++i) {
        int base = i / 32 * 32;
        CHECK(y[i] == 16 * base + 120 + base + 31);
    }
}

static void wrong_two_barriers(void)
{
    GOOD(launch_wrong(WRONG_TWO_BARRIERS));
    cudaDeviceSynchronize();
}
static void wrong_barrier_and_shuffle(void)
{
    GOOD(launch_wrong(WRONG_BARRIER_AND_SHUFFLE));
    cudaDeviceSynchronize();
}
static void wrong_ended_lane(void)
{
    GOOD(launch_wrong(WRONG_ENDED_LANE));
    cudaDeviceSynchronize();
}
static void wrong_lane_not_in_mask(void)
{
    GOOD(launch_wrong(WRONG_LANE_NOT_IN_MASK));
    cudaDeviceSynchronize();
}
static void wrong_mask(void)
{
    GOOD(launch_wrong(WRONG_MASK));
    cudaDeviceSynchronize();
}
static void wrong_sites(void)
{
    GOOD(launch_wrong(WRONG_SITES));
    cudaDeviceSynchronize();
}
static void wrong_width(void)
{
    GOOD(launch_wrong(WRONG_WIDTH));
    cudaDeviceSynchronize();
}

const test block_tests[] = {
    {"block_sums", sums, NULL},
    {"block_early_ends", early_ends, NULL},
    {"block_missing_barrier", missing_barrier, NULL},
    {"block_indices", indices, NULL},
    {"block_limits", limits, NULL},
    {"block_unwritten_shared", unwritten_shared, NULL},
#ifndef __SANITIZE_ADDRESS__
    {"block_beyond_shared", beyond_shared, "wrote behind its 100 bytes of dynamic shared memory"},
#else
    {"block_beyond_shared", beyond_shared, "use-after-poison"},
#endif
    {"block_two_barriers", wrong_two_barriers, "do_wrongi: threads of a block wait at different places"},
    {"block_barrier_and_shuffle", wrong_barrier_and_shuffle, "threads of a block wait at different places"},
    {"warp_shuffles", shuffles, NULL},
    {"warp_shuffled_types", shuffled_types, NULL},
    {"warp_votes", votes, NULL},
    {"warp_halves", halves, NULL},
    {"warp_ended_lane", wrong_ended_lane, "reads a lane that has ended"},
    {"warp_lane_not_in_mask", wrong_lane_not_in_mask, "is not in the mask"},
    {"warp_mask", wrong_mask, "lacks the lane that calls it"},
    {"warp_sites", wrong_sites, "threads of a block wait at different places"},
    {"warp_width", wrong_width, "no power of two"},
    {0},
};
