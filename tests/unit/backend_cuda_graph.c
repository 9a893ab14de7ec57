/* What the cuda device keeps of a step: the list of calls, what becomes of a key, the ring of constants. Needs no card. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cuda/constant_ring.h"
#include "backend/cuda/graph_record.h"

/* ---- the list of calls ---- */

typedef struct three {
    int32_t a, b, c;
} three;

static const char code; /* its address is a kernel's */

static bool add_kernel(s4d_cuda_record *r, int op, double x, three y)
{
    void *arg[] = {&x, &y};
    const size_t size[] = {sizeof x, sizeof y};
    s4d_cuda_kernel k = {&code, {7, 2, 1}, {128, 1, 1}, 512, arg, size, 2};
    return s4d_cuda_record_kernel(r, op, &k);
}

static void ran(s4d_backend *be, const void *what)
{
    (void)be, (void)what;
}

static s4d_cuda_product some_product(void)
{
    s4d_cuda_product p;
    memset(&p, 0xAA, sizeof p); /* its padding, too */
    p.ta = true, p.tb = false;
    p.m = 3, p.n = 4, p.k = 5;
    p.alpha = 0.5f, p.beta = 1;
    p.a = &code, p.b = &code + 1, p.c = NULL;
    p.lda = 3, p.ldb = 4, p.ldc = 4;
    p.type = S4D_BF16, p.c_type = S4D_F32;
    p.has_bias = false, p.bias = NULL;
    p.batch = 2;
    p.stride_a = 15, p.stride_b = 20, p.stride_c = 12, p.stride_bias = 0;
    return p;
}

static void record_all(s4d_cuda_record *r)
{
    s4d_cuda_product p = some_product();
    assert_true(add_kernel(r, 5, 2.5, (three){1, 2, 3}));
    assert_true(s4d_cuda_record_product(r, 6, &p));
    assert_true(s4d_cuda_record_transfer(r, 7, S4D_CALL_CLEAR, (s4d_cuda_transfer){(void *)64, NULL, 100}));
    assert_true(s4d_cuda_record_transfer(r, -1, S4D_CALL_FETCH, (s4d_cuda_transfer){(void *)64, (void *)128, 8}));
    assert_true(s4d_cuda_record_deferred(r, 8, (s4d_cuda_deferred){ran, "what it says", 13}));
    assert_true(s4d_cuda_record_deferred(r, 9, (s4d_cuda_deferred){ran, NULL, 0}));
}

static void calls_come_back_as_they_were(void **state)
{
    (void)state;
    s4d_cuda_record r = {0};
    s4d_cuda_call c;
    size_t at = 0;
    record_all(&r);
    assert_int_equal(r.calls, 6);

    assert_true(s4d_cuda_record_next(&r, &at, &c));
    assert_int_equal(c.kind, S4D_CALL_KERNEL);
    assert_int_equal(c.op, 5);
    assert_ptr_equal(c.kernel.function, &code);
    assert_int_equal(c.kernel.grid[0], 7);
    assert_int_equal(c.kernel.grid[1], 2);
    assert_int_equal(c.kernel.block[0], 128);
    assert_int_equal(c.kernel.shared, 512);
    assert_int_equal(c.kernel.args, 2);
    assert_int_equal(c.kernel.size[1], sizeof(three));
    assert_int_equal((uintptr_t)c.kernel.arg[0] % 16, 0);
    assert_int_equal((uintptr_t)c.kernel.arg[1] % 16, 0);
    assert_true(*(double *)c.kernel.arg[0] == 2.5);
    assert_int_equal(((three *)c.kernel.arg[1])->c, 3);

    assert_true(s4d_cuda_record_next(&r, &at, &c));
    assert_int_equal(c.kind, S4D_CALL_PRODUCT);
    s4d_cuda_product p = some_product(), *q = &c.product;
    assert_true(q->ta && !q->tb && q->m == 3 && q->n == 4 && q->k == 5 && q->alpha == p.alpha && q->beta == p.beta);
    assert_true(q->a == p.a && q->b == p.b && q->c == p.c && q->lda == 3 && q->ldb == 4 && q->ldc == 4 && q->bias == NULL);
    assert_true(q->type == S4D_BF16 && q->c_type == S4D_F32 && q->batch == 2 && q->stride_a == 15 && q->stride_b == 20);
    assert_true(q->stride_c == 12 && q->stride_bias == 0);

    assert_true(s4d_cuda_record_next(&r, &at, &c));
    assert_int_equal(c.kind, S4D_CALL_CLEAR);
    assert_int_equal(c.transfer.bytes, 100);
    assert_true(s4d_cuda_record_next(&r, &at, &c));
    assert_int_equal(c.kind, S4D_CALL_FETCH);
    assert_int_equal(c.op, -1);
    assert_ptr_equal(c.transfer.from, (void *)128);

    assert_true(s4d_cuda_record_next(&r, &at, &c));
    assert_int_equal(c.kind, S4D_CALL_DEFERRED);
    assert_true(c.deferred.run == ran);
    assert_string_equal(c.deferred.what, "what it says");
    assert_true(s4d_cuda_record_next(&r, &at, &c));
    assert_int_equal(c.op, 9);
    assert_int_equal(c.deferred.bytes, 0);
    assert_false(s4d_cuda_record_next(&r, &at, &c));
    s4d_cuda_record_release(&r);
}

static void equal_calls_have_equal_bytes(void **state)
{
    (void)state;
    s4d_cuda_record a = {0}, b = {0};
    assert_true(s4d_cuda_record_same(&a, &b));
    record_all(&a);
    for (int i = 0; i < 5000; i++) { /* grows, and leaves old bytes behind */
        assert_true(add_kernel(&b, i, i, (three){i, i, i}));
    }
    assert_int_equal(b.calls, 5000);
    s4d_cuda_record_clear(&b);
    assert_int_equal(b.calls, 0);
    record_all(&b);
    assert_true(s4d_cuda_record_same(&a, &b));
    assert_true(add_kernel(&a, 1, 1, (three){1, 1, 1}));
    assert_false(s4d_cuda_record_same(&a, &b));
    assert_true(add_kernel(&b, 1, 1, (three){1, 1, 2})); /* one argument differs */
    assert_false(s4d_cuda_record_same(&a, &b));
    s4d_cuda_record_release(&a);
    s4d_cuda_record_release(&b);
}

/* ---- what becomes of a key ---- */

static void record_of(s4d_cuda_record *r, double x)
{
    s4d_cuda_record_clear(r);
    assert_true(add_kernel(r, 1, x, (three){0}));
}

static void a_key_is_warmed_captured_and_launched(void **state)
{
    (void)state;
    s4d_cuda_key k = {.key = 1};
    s4d_cuda_record now = {0};
    assert_false(s4d_cuda_key_records(&k));
    s4d_cuda_key_ran(&k, 96, false);
    assert_int_equal(k.constants, 96);
    assert_true(s4d_cuda_key_records(&k));
    record_of(&now, 1);
    assert_int_equal(s4d_cuda_key_judge(&k, &now), S4D_CAPTURE);
    assert_int_equal(k.held.calls, 1);
    for (int i = 0; i < 3; i++) {
        assert_true(s4d_cuda_key_records(&k));
        record_of(&now, 1);
        assert_int_equal(s4d_cuda_key_judge(&k, &now), S4D_LAUNCH);
    }
    s4d_cuda_record_release(&now);
    s4d_cuda_record_release(&k.held);
}

static void another_step_is_issued_and_captured_anew(void **state)
{
    (void)state;
    s4d_cuda_key k = {.key = 1};
    s4d_cuda_record now = {0};
    s4d_cuda_key_ran(&k, 0, false);
    record_of(&now, 1);
    assert_int_equal(s4d_cuda_key_judge(&k, &now), S4D_CAPTURE);
    record_of(&now, 2);
    assert_int_equal(s4d_cuda_key_judge(&k, &now), S4D_ISSUE);
    assert_int_equal(now.calls, 1); /* still there to be issued */
    record_of(&now, 2);
    assert_int_equal(s4d_cuda_key_judge(&k, &now), S4D_CAPTURE);
    record_of(&now, 2);
    assert_int_equal(s4d_cuda_key_judge(&k, &now), S4D_LAUNCH);
    s4d_cuda_record_release(&now);
    s4d_cuda_record_release(&k.held);
}

static void a_key_that_never_repeats_is_left_alone(void **state)
{
    (void)state;
    s4d_cuda_key k = {.key = 1};
    s4d_cuda_record now = {0};
    s4d_cuda_key_ran(&k, 0, false);
    int steps = 0;
    for (; s4d_cuda_key_records(&k); steps++) {
        record_of(&now, steps);
        assert_int_not_equal(s4d_cuda_key_judge(&k, &now), S4D_LAUNCH);
    }
    assert_int_equal(steps, 2 * (S4D_CUDA_MOST_MISSES + 1));
    s4d_cuda_key_ran(&k, 0, false);
    assert_false(s4d_cuda_key_records(&k));
    s4d_cuda_record_release(&now);
    s4d_cuda_record_release(&k.held);
}

static void a_step_that_cannot_be_a_graph_is_never_one(void **state)
{
    (void)state;
    s4d_cuda_key k = {.key = 1};
    s4d_cuda_key_ran(&k, 0, true);
    assert_false(s4d_cuda_key_records(&k));
    s4d_cuda_key_ran(&k, 0, false);
    assert_false(s4d_cuda_key_records(&k));
    k = (s4d_cuda_key){.key = 2};
    s4d_cuda_key_ran(&k, 0, false);
    s4d_cuda_key_refuse(&k);
    assert_false(s4d_cuda_key_records(&k));
}

/* ---- the ring of constants ---- */

static void constants_stand_behind_each_other(void **state)
{
    (void)state;
    s4d_cuda_ring ring = {0};
    s4d_cuda_ring_place p = s4d_cuda_ring_take(&ring, 40);
    assert_int_equal(p.block, 0);
    assert_int_equal(p.offset, 0);
    assert_false(p.wait);
    assert_int_equal(p.grow, S4D_RING_BLOCK);
    p = s4d_cuda_ring_take(&ring, 1);
    assert_int_equal(p.block, 0);
    assert_int_equal(p.offset, 48);
    assert_int_equal(p.grow, 0);
    p = s4d_cuda_ring_take(&ring, 16);
    assert_int_equal(p.offset, 64);
    assert_int_equal(s4d_cuda_ring_settle(&ring), -1);
}

static void a_block_is_reused_behind_its_event_only(void **state)
{
    (void)state;
    s4d_cuda_ring ring = {0};
    bool pending[S4D_RING_BLOCKS] = {false};
    for (int i = 0; i < 100; i++) {
        for (int b; (b = s4d_cuda_ring_settle(&ring)) >= 0;) {
            assert_false(pending[b]);
            pending[b] = true;
        }
        s4d_cuda_ring_place p = s4d_cuda_ring_take(&ring, S4D_RING_BLOCK);
        assert_int_equal(p.block, i % S4D_RING_BLOCKS);
        assert_int_equal(p.wait, pending[p.block]);
        assert_int_equal(p.wait, i >= S4D_RING_BLOCKS);
        assert_int_equal(p.grow, i < S4D_RING_BLOCKS ? S4D_RING_BLOCK : 0);
        pending[p.block] = false;
    }
}

/* One operation's blocks are all its own: they are not given away before their events are recorded. */
static void one_operation_cannot_overtake_itself(void **state)
{
    (void)state;
    s4d_cuda_ring ring = {0};
    for (int i = 0; i < S4D_RING_BLOCKS; i++) {
        assert_int_equal(s4d_cuda_ring_take(&ring, S4D_RING_BLOCK).block, i);
    }
    assert_int_equal(s4d_cuda_ring_take(&ring, 16).block, -1);
    assert_int_equal(s4d_cuda_ring_settle(&ring), 0);
}

static void large_constants_get_a_large_block(void **state)
{
    (void)state;
    s4d_cuda_ring ring = {0};
    assert_int_equal(s4d_cuda_ring_take(&ring, 100).block, 0);
    s4d_cuda_ring_place p = s4d_cuda_ring_take(&ring, 3 * (size_t)S4D_RING_BLOCK);
    assert_int_equal(p.block, 1);
    assert_int_equal(p.grow, 4 * (size_t)S4D_RING_BLOCK);
    assert_int_equal(s4d_cuda_ring_take(&ring, S4D_RING_BLOCK).block, 1);
    assert_int_equal(s4d_cuda_ring_settle(&ring), 0);
    assert_int_equal(s4d_cuda_ring_settle(&ring), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_come_back_as_they_were),
        cmocka_unit_test(equal_calls_have_equal_bytes),
        cmocka_unit_test(a_key_is_warmed_captured_and_launched),
        cmocka_unit_test(another_step_is_issued_and_captured_anew),
        cmocka_unit_test(a_key_that_never_repeats_is_left_alone),
        cmocka_unit_test(a_step_that_cannot_be_a_graph_is_never_one),
        cmocka_unit_test(constants_stand_behind_each_other),
        cmocka_unit_test(a_block_is_reused_behind_its_event_only),
        cmocka_unit_test(one_operation_cannot_overtake_itself),
        cmocka_unit_test(large_constants_get_a_large_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
