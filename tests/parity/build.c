/* Host tensors for cases. Everything random comes from the suite's stream, so a case is the same in
 * every run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parity.h"
#include "s4d/base/mem.h"

void *make_block(suite *s, size_t count, size_t size)
{
    if (s->blocks == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        if (!s4d_mem_grow(&s->block, s->room, room, sizeof *s->block)) {
            fprintf(stderr, "parity: not enough memory\n");
            exit(1);
        }
        s->room = room;
    }
    void *block = s4d_mem_alloc(count, size);
    if (!block) {
        fprintf(stderr, "parity: not enough memory\n");
        exit(1);
    }
    s->block[s->blocks++] = block;
    return block;
}

void release_blocks(suite *s)
{
    while (s->blocks > 0) {
        s4d_mem_free(s->block[--s->blocks]);
    }
    s4d_mem_free(s->block);
    s->block = NULL;
    s->room = 0;
}

void round_to_act(suite *s, s4d_tensor t)
{
    for (int64_t i = 0; i < s4d_tensor_count(&t); i++) {
        set_element(t.data, t.dtype, i, round_to(s4d_backend_act(s->tested), get_element(t.data, t.dtype, i)));
    }
}

static s4d_tensor make(suite *s, s4d_dtype dtype, int rank, const int64_t *dim)
{
    s4d_tensor t = s4d_tensor_of(dtype, NULL, rank, dim);
    t.data = make_block(s, s4d_tensor_bytes(&t), 1);
    return t;
}

s4d_tensor make_normal(suite *s, double scale, int rank, const int64_t *dim)
{
    s4d_tensor t = make(s, S4D_F32, rank, dim);
    float *x = t.data;
    for (int64_t i = 0; i < s4d_tensor_count(&t); i++) {
        x[i] = (float)(scale * s4d_rng_normal(&s->rng));
    }
    return t;
}

s4d_tensor make_ints(suite *s, int below, int rank, const int64_t *dim)
{
    s4d_tensor t = make(s, S4D_I32, rank, dim);
    int32_t *x = t.data;
    for (int64_t i = 0; i < s4d_tensor_count(&t); i++) {
        x[i] = (int32_t)s4d_rng_below(&s->rng, (uint32_t)below);
    }
    return t;
}

s4d_tensor make_wide(suite *s, int rank, const int64_t *dim)
{
    s4d_tensor t = make(s, S4D_F64, rank, dim);
    double *x = t.data;
    for (int64_t i = 0; i < s4d_tensor_count(&t); i++) {
        x[i] = s4d_rng_normal(&s->rng);
    }
    return t;
}

s4d_tensor make_half(suite *s, int rank, const int64_t *dim)
{
    s4d_tensor t = make(s, S4D_BF16, rank, dim);
    for (int64_t i = 0; i < s4d_tensor_count(&t); i++) {
        set_element(t.data, S4D_BF16, i, s4d_rng_normal(&s->rng));
    }
    return t;
}

s4d_tensor make_bytes(suite *s, int64_t count)
{
    s4d_tensor t = make(s, S4D_U8, 1, &count);
    uint8_t *x = t.data;
    for (int64_t i = 0; i < count; i++) {
        x[i] = (uint8_t)s4d_rng_below(&s->rng, 256);
    }
    return t;
}

s4d_tensor make_distinct(suite *s, int64_t n, int64_t B, int64_t V)
{
    s4d_tensor t = make(s, S4D_I32, 2, (int64_t[]){B, V});
    int32_t *x = t.data;
    for (int64_t b = 0; b < B; b++) {
        int64_t taken = 0;
        for (int64_t i = 0; i < n; i++) {
            if ((int64_t)s4d_rng_below(&s->rng, (uint32_t)(n - i)) < V - taken) {
                x[b * V + taken++] = (int32_t)i;
            }
        }
    }
    return t;
}

s4d_tensor make_others(suite *s, int64_t n, s4d_tensor index)
{
    int64_t B = index.dim[0], V = index.dim[1];
    s4d_tensor t = make(s, S4D_I32, 2, (int64_t[]){B, n - V});
    const int32_t *taken = index.data;
    int32_t *x = t.data;
    for (int64_t b = 0; b < B; b++) {
        int64_t v = 0, m = 0;
        for (int64_t i = 0; i < n; i++) {
            if (v < V && taken[b * V + v] == i) {
                v++;
            } else {
                x[b * (n - V) + m++] = (int32_t)i;
            }
        }
    }
    return t;
}

s4d_tensor make_choices(suite *s, int64_t E, int64_t M, int64_t K)
{
    s4d_tensor t = make(s, S4D_I32, 2, (int64_t[]){M, K});
    uint32_t expert[64];
    for (int64_t e = 0; e < E; e++) {
        expert[e] = (uint32_t)e;
    }
    for (int64_t m = 0; m < M; m++) {
        s4d_rng_shuffle(&s->rng, expert, (size_t)E);
        memcpy((int32_t *)t.data + m * K, expert, (size_t)K * sizeof(int32_t));
    }
    return t;
}
