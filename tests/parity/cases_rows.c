/* Rows moved by index, and the mean over tokens. */
#include <string.h>

#include "parity.h"

static const struct {
    int B, V, N, D;
} rows[] = {{1, 1, 1, 1},    {2, 3, 7, 5},     {1, 1, 100, 48},
            {3, 10, 10, 17}, {2, 40, 130, 33}, {4, 9, 16, 64}};
enum { ROW_CASES = sizeof rows / sizeof rows[0] };

CASES(add_rows)
{
    for (int i = 0; i < ROW_CASES * 4; i++) {
        int B = rows[i / 4].B, V = rows[i / 4].V, N = rows[i / 4].N, D = rows[i / 4].D;
        s4d_add_rows_args a = {
            .x = NORMAL(1, B, V, D), .table = NORMAL(1, N, D), .y = NOISE(B, V, D)};
        if (i & 1) {
            a.index = INTS(N, B, V);
        }
        if (i & 2) {
            a.y = a.x;
        }
        check(s, &a, "B=%d V=%d N=%d D=%d%s%s", B, V, N, D, i & 1 ? " index" : "",
              i & 2 ? " in place" : "");
    }
}
BOUND_BY_ABSOLUTE_VALUES(add_rows)

CASES(gather_rows)
{
    for (int i = 0; i < ROW_CASES; i++) {
        int B = rows[i].B, V = rows[i].V, N = rows[i].N, D = rows[i].D;
        s4d_gather_rows_args a = {
            .x = NORMAL(1, B, N, D), .index = make_distinct(s, N, B, V), .y = NOISE(B, V, D)};
        check(s, &a, "B=%d V=%d N=%d D=%d", B, V, N, D);
        a = (s4d_gather_rows_args){
            .x = NORMAL(1, B, N, D), .index = INTS(N, B, V), .y = NOISE(B, V, D)};
        check(s, &a, "B=%d V=%d N=%d D=%d, in no order", B, V, N, D);
    }
}
BOUND_EQUAL(gather_rows)

CASES(scatter_rows)
{
    for (int i = 0; i < ROW_CASES; i++) {
        int B = rows[i].B, V = rows[i].V, N = rows[i].N, D = rows[i].D;
        s4d_scatter_rows_args a = {
            .x = NORMAL(1, B, V, D), .index = make_distinct(s, N, B, V), .y = NOISE(B, N, D)};
        check(s, &a, "B=%d V=%d N=%d D=%d", B, V, N, D);
        a = (s4d_scatter_rows_args){.x = NORMAL(1, B, V, D),
                                    .index = make_choices(s, N < 64 ? N : 64, B, V),
                                    .y = NOISE(B, N, D)};
        check(s, &a, "B=%d V=%d N=%d D=%d, in no order", B, V, N, D);
    }
}
BOUND_EQUAL(scatter_rows)

CASES(token_fill_fwd)
{
    for (int i = 0; i < ROW_CASES; i++) {
        int B = rows[i].B, V = rows[i].V, N = rows[i].N, D = rows[i].D;
        s4d_tensor visible = make_distinct(s, N, B, V);
        s4d_token_fill_fwd_args a = {.x = NORMAL(1, B, V, D),
                                     .token = NORMAL(1, D),
                                     .visible = visible,
                                     .masked = make_others(s, N, visible),
                                     .y = NOISE(B, N, D)};
        check(s, &a, "B=%d V=%d N=%d D=%d", B, V, N, D);
    }
}
BOUND_EQUAL(token_fill_fwd)

CASES(token_fill_bwd)
{
    for (int i = 0; i < ROW_CASES; i++) {
        int B = rows[i].B, V = rows[i].V, N = rows[i].N, D = rows[i].D;
        s4d_tensor visible = make_distinct(s, N, B, V);
        s4d_token_fill_bwd_args a = {.dy = NORMAL(1, B, N, D),
                                     .visible = visible,
                                     .masked = make_others(s, N, visible),
                                     .dx = NOISE(B, V, D),
                                     .dtoken = NOISE(D)};
        check(s, &a, "B=%d V=%d N=%d D=%d", B, V, N, D);
    }
}

/* dx is moved only. */
BOUND(token_fill_bwd)
{
    s4d_token_fill_bwd(s->exact, mag);
    memset(mag->dx.data, 0, s4d_tensor_bytes(&mag->dx));
}

CASES(mean_pool_fwd)
{
    for (int i = 0; i < ROW_CASES; i++) {
        int B = rows[i].B, N = rows[i].N, D = rows[i].D;
        check(s, &(s4d_mean_pool_fwd_args){.x = NORMAL(1, B, N, D), .y = NOISE(B, D)},
              "B=%d N=%d D=%d", B, N, D);
        check(s, &(s4d_mean_pool_fwd_args){.x = NORMAL(1e30, B, N, D), .y = NOISE(B, D)},
              "B=%d N=%d D=%d large", B, N, D);
    }
}
BOUND_BY_ABSOLUTE_VALUES(mean_pool_fwd)

CASES(mean_pool_bwd)
{
    for (int i = 0; i < ROW_CASES; i++) {
        int B = rows[i].B, N = rows[i].N, D = rows[i].D;
        check(s, &(s4d_mean_pool_bwd_args){.dy = NORMAL(1, B, D), .dx = NOISE(B, N, D)},
              "B=%d N=%d D=%d", B, N, D);
    }
}
BOUND_BY_ABSOLUTE_VALUES(mean_pool_bwd)
