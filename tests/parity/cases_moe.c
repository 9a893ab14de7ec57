/* Experts: ragged products, the ways into the dispatch buffer and out of it. */
#include <math.h>
#include <stdio.h>

#include "parity.h"

/* ---- ragged products ---- */

static const struct {
    const char *text;
    int E, K, N;
    int size[8]; /* rows of each group */
    int unused;  /* rows beyond the last group */
} groups[] = {
    {"one", 1, 1, 1, {1}, 0},
    {"plain", 4, 5, 3, {2, 7, 1, 4}, 0},
    {"empty groups", 5, 12, 48, {0, 3, 0, 0, 9}, 4},
    {"all empty", 3, 7, 8, {0, 0, 0}, 6},
    {"one takes all", 4, 33, 17, {0, 0, 40, 0}, 1},
    {"wide", 8, 48, 12, {16, 16, 16, 16, 16, 16, 16, 16}, 0},
    {"ragged", 8, 65, 31, {1, 0, 33, 8, 64, 17, 2, 5}, 30},
};
enum { GROUPS = sizeof groups / sizeof groups[0] };

static int rows_of(int i)
{
    int rows = 0;
    for (int e = 0; e < groups[i].E; e++) {
        rows += groups[i].size[e];
    }
    return rows;
}

static s4d_tensor offsets_of(suite *s, int i)
{
    s4d_tensor t = INTS(1, groups[i].E + 1);
    int32_t *offset = t.data;
    for (int e = 0; e < groups[i].E; e++) {
        offset[e + 1] = offset[e] + groups[i].size[e];
    }
    return t;
}

/* Rows that no group owns hold NaN: whoever reads them shows it. */
static s4d_tensor with_unused(suite *s, int used, int unused, int width)
{
    s4d_tensor t = NORMAL(1, used + unused, width);
    for (int64_t i = (int64_t)used * width; i < s4d_tensor_count(&t); i++) {
        ((float *)t.data)[i] = NAN;
    }
    return t;
}

/* Groups of equal size, all rows computed. */
static const struct {
    int E, K, N, stride;
} strides[] = {{1, 1, 1, 1}, {4, 5, 3, 7}, {3, 33, 17, 1}, {8, 48, 12, 16}, {5, 64, 65, 33}};
enum { STRIDES = sizeof strides / sizeof strides[0] };

CASES(grouped_linear_fwd)
{
    for (int i = 0; i < GROUPS; i++) {
        int R = rows_of(i), U = groups[i].unused, E = groups[i].E, K = groups[i].K, N = groups[i].N;
        s4d_grouped_linear_fwd_args a = {.x = with_unused(s, R, U, K),
                                         .w = NORMAL(1, E, N, K),
                                         .b = NORMAL(1, E, N),
                                         .offset = offsets_of(s, i),
                                         .y = NOISE(R + U, N)};
        check(s, &a, "%s E=%d K=%d N=%d", groups[i].text, E, K, N);
    }
    for (int i = 0; i < STRIDES; i++) {
        int E = strides[i].E, K = strides[i].K, N = strides[i].N, R = E * strides[i].stride;
        s4d_grouped_linear_fwd_args a = {.x = NORMAL(1, R, K),
                                         .w = NORMAL(1, E, N, K),
                                         .b = NORMAL(1, E, N),
                                         .stride = strides[i].stride,
                                         .y = NOISE(R, N)};
        check(s, &a, "stride %d E=%d K=%d N=%d", strides[i].stride, E, K, N);
    }
}

/* Rows that no group owns have magnitude 0: they stay as they are. */
BOUND(grouped_linear_fwd)
{
    s4d_grouped_linear_fwd(s->exact, mag);
    enlarge(mag->y, 1 + s->product);
}

CASES(grouped_linear_bwd)
{
    for (int i = 0; i < 2 * GROUPS; i++) {
        int g = i / 2, R = rows_of(g), U = groups[g].unused, E = groups[g].E, K = groups[g].K,
            N = groups[g].N;
        s4d_grouped_linear_bwd_args a = {.x = with_unused(s, R, U, K),
                                         .w = NORMAL(1, E, N, K),
                                         .dy = with_unused(s, R, U, N),
                                         .offset = offsets_of(s, g),
                                         .dw = NOISE(E, N, K),
                                         .db = NOISE(E, N)};
        if (i & 1) {
            a.dx = NOISE(R + U, K);
        }
        check(s, &a, "%s E=%d K=%d N=%d%s", groups[g].text, E, K, N, i & 1 ? " dx" : "");
    }
    for (int i = 0; i < 2 * STRIDES; i++) {
        int stride = strides[i / 2].stride, E = strides[i / 2].E, K = strides[i / 2].K,
            N = strides[i / 2].N, R = E * stride;
        s4d_grouped_linear_bwd_args a = {.x = NORMAL(1, R, K),
                                         .w = NORMAL(1, E, N, K),
                                         .dy = NORMAL(1, R, N),
                                         .stride = stride,
                                         .dw = NOISE(E, N, K),
                                         .db = NOISE(E, N)};
        if (i & 1) {
            a.dx = NOISE(R, K);
        }
        check(s, &a, "stride %d E=%d K=%d N=%d%s", stride, E, K, N, i & 1 ? " dx" : "");
    }
}

BOUND(grouped_linear_bwd)
{
    s4d_grouped_linear_bwd(s->exact, mag);
    enlarge(mag->dx, 1 + s->product);
    enlarge(mag->dw, 1 + s->product);
}

/* ---- dispatch and combine ---- */

static const struct {
    int M, E, K, D, capacity, stride;
} trips[] = {{1, 1, 1, 1, -1, 0},   {5, 4, 2, 3, -1, 0},   {7, 8, 2, 17, 1, 0},
             {40, 5, 2, 48, 8, 0},  {33, 6, 3, 31, -1, 0}, {64, 8, 2, 16, 16, 0},
             {9, 2, 2, 8, 2, 0},    {6, 3, 2, 5, 0, 0},    {1, 1, 1, 1, 1, 1},
             {7, 5, 2, 17, 2, 3},   {40, 5, 2, 48, 8, 8},  {33, 6, 3, 31, 33, 40},
             {64, 8, 2, 16, 20, 24}, {6, 3, 2, 5, 0, 4}};
enum { TRIPS = sizeof trips / sizeof trips[0] };

typedef struct trip {
    int M, E, K, D, R;
    s4d_tensor slot, token;
    char text[96];
} trip;

static trip make_trip(suite *s, int i)
{
    trip t = {.M = trips[i].M, .E = trips[i].E, .K = trips[i].K, .D = trips[i].D};
    t.R = trips[i].stride ? t.E * trips[i].stride : t.M * t.K;
    t.slot = INTS(1, t.M, t.K);
    t.token = INTS(1, t.R);
    s4d_moe_plan_args plan = {.index = make_choices(s, t.E, t.M, t.K),
                              .capacity = trips[i].capacity,
                              .stride = trips[i].stride,
                              .offset = INTS(1, t.E + 1),
                              .slot = t.slot,
                              .token = t.token,
                              .load = INTS(1, t.E),
                              .dropped = INTS(1, 1)};
    s4d_moe_plan(s->exact, &plan);
    snprintf(t.text, sizeof t.text, "M=%d E=%d K=%d D=%d capacity %d stride %d", t.M, t.E, t.K, t.D,
             trips[i].capacity, trips[i].stride);
    return t;
}

/* The dispatch buffer, NaN in rows not in use. */
static s4d_tensor buffer_of(suite *s, const trip *t)
{
    s4d_tensor x = NORMAL(1, t->R, t->D);
    for (int64_t i = 0; i < (int64_t)t->R * t->D; i++) {
        if (((const int32_t *)t->token.data)[i / t->D] < 0) {
            ((float *)x.data)[i] = NAN;
        }
    }
    return x;
}

CASES(moe_dispatch_fwd)
{
    for (int i = 0; i < TRIPS; i++) {
        trip t = make_trip(s, i);
        s4d_moe_dispatch_fwd_args a = {
            .x = NORMAL(1, t.M, t.D), .token = t.token, .y = NOISE(t.R, t.D)};
        check(s, &a, "%s", t.text);
    }
}
BOUND_EQUAL(moe_dispatch_fwd)

CASES(moe_dispatch_bwd)
{
    for (int i = 0; i < TRIPS; i++) {
        trip t = make_trip(s, i);
        s4d_moe_dispatch_bwd_args a = {
            .dy = buffer_of(s, &t), .slot = t.slot, .dx = NOISE(t.M, t.D)};
        check(s, &a, "%s", t.text);
    }
}
BOUND_BY_ABSOLUTE_VALUES(moe_dispatch_bwd)

CASES(moe_combine_fwd)
{
    for (int i = 0; i < 2 * TRIPS; i++) {
        trip t = make_trip(s, i / 2);
        s4d_moe_combine_fwd_args a = {.x = buffer_of(s, &t),
                                      .gate = NORMAL(1, t.M, t.K),
                                      .slot = t.slot,
                                      .y = NOISE(t.M, t.D),
                                      .add_y = i & 1};
        check(s, &a, "%s%s", t.text, i & 1 ? " add_y" : "");
    }
}
BOUND_BY_ABSOLUTE_VALUES(moe_combine_fwd)

CASES(moe_combine_bwd)
{
    for (int i = 0; i < TRIPS; i++) {
        trip t = make_trip(s, i);
        s4d_moe_combine_bwd_args a = {.x = buffer_of(s, &t),
                                      .gate = NORMAL(1, t.M, t.K),
                                      .slot = t.slot,
                                      .dy = NORMAL(1, t.M, t.D),
                                      .token = t.token,
                                      .dx = NOISE(t.R, t.D),
                                      .dgate = NOISE(t.M, t.K)};
        check(s, &a, "%s", t.text);
    }
}
BOUND_BY_ABSOLUTE_VALUES(moe_combine_bwd)
