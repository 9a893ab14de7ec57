/* Epochs: lengths, orders, balance, and what they depend on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/base/fault.h"
#include "s4d/data/draw.h"

static s4d_epoch draw(const s4d_draw_set *set, int sets, uint64_t seed, uint32_t number)
{
    s4d_epoch epoch;
    s4d_err err = {0};
    assert_int_equal(s4d_epoch_draw(set, sets, seed, number, &epoch, &err), S4D_OK);
    return epoch;
}

static bool same(const s4d_epoch *a, const s4d_epoch *b)
{
    size_t batches = (size_t)a->batches;
    return a->batches == b->batches && memcmp(a->set, b->set, batches * sizeof *a->set) == 0 &&
           memcmp(a->first, b->first, (batches + 1) * sizeof *a->first) == 0 &&
           memcmp(a->ends, b->ends, batches * sizeof *a->ends) == 0 &&
           memcmp(a->item, b->item, a->first[batches] * sizeof *a->item) == 0;
}

static void lengths_round_down(void **state)
{
    (void)state;
    s4d_draw_set set = {.count = 103, .per_batch = 10, .accumulate = 1, .rate = 1.0};
    assert_int_equal(s4d_epoch_share_of(&set).batches, 10);
    set.rate = 0.55;
    assert_int_equal(s4d_epoch_share_of(&set).batches, 5);
    set.rate = 2.5;
    assert_int_equal(s4d_epoch_share_of(&set).batches, 25);
    set.rate = 0.0;
    assert_int_equal(s4d_epoch_share_of(&set).batches, 0);
    set = (s4d_draw_set){.count = 9, .per_batch = 10, .accumulate = 1, .rate = 5.0};
    assert_int_equal(s4d_epoch_share_of(&set).batches, 0);
}

static void two_sets_are_dealt_out_whole(void **state)
{
    (void)state;
    s4d_draw_set set[2] = {{.count = 103, .per_batch = 10, .accumulate = 1, .rate = 1.0},
                           {.count = 41, .per_batch = 4, .accumulate = 1, .rate = 0.5}};
    s4d_epoch epoch = draw(set, 2, 1, 0);
    int batches[2] = {0}, seen[2][103] = {{0}};
    assert_int_equal(epoch.batches, 15);
    assert_int_equal(epoch.first[0], 0);
    for (int64_t b = 0; b < epoch.batches; b++) {
        int s = epoch.set[b];
        assert_true(s == 0 || s == 1);
        batches[s]++;
        assert_int_equal(epoch.first[b + 1] - epoch.first[b], set[s].per_batch);
        for (uint32_t i = epoch.first[b]; i < epoch.first[b + 1]; i++) {
            assert_true(epoch.item[i] < set[s].count);
            seen[s][epoch.item[i]]++;
        }
    }
    assert_int_equal(batches[0], 10);
    assert_int_equal(batches[1], 5);
    for (int i = 0; i < 103; i++) {
        assert_true(seen[0][i] <= 1 && seen[1][i] <= 1);
    }
    s4d_epoch_release(&epoch);
}

static void rates_above_one_go_round_in_new_orders(void **state)
{
    (void)state;
    s4d_draw_set set = {.count = 20, .per_batch = 5, .accumulate = 1, .rate = 2.5};
    s4d_epoch epoch = draw(&set, 1, 1, 0);
    int seen[20] = {0};
    assert_int_equal(epoch.batches, 10);
    for (uint32_t i = 0; i < 50; i++) {
        seen[epoch.item[i]]++;
        if (i == 19 || i == 39) {
            for (int k = 0; k < 20; k++) {
                assert_int_equal(seen[k], i == 19 ? 1 : 2);
            }
        }
    }
    assert_memory_not_equal(epoch.item, epoch.item + 20, 20 * sizeof *epoch.item);
    s4d_epoch_release(&epoch);
}

/* Of 7 samples in batches of 3 one is left over in each round. */
static void no_batch_holds_a_sample_twice(void **state)
{
    (void)state;
    s4d_draw_set set = {.count = 7, .per_batch = 3, .accumulate = 1, .rate = 10.0};
    for (uint32_t n = 0; n < 20; n++) {
        s4d_epoch epoch = draw(&set, 1, 1, n);
        assert_int_equal(epoch.batches, 20);
        for (uint32_t i = 0; i < 60; i += 3) {
            const uint32_t *batch = epoch.item + i;
            assert_true(batch[0] != batch[1] && batch[0] != batch[2] && batch[1] != batch[2]);
        }
        s4d_epoch_release(&epoch);
    }
}

/* 47 samples in updates of 3 batches of 5, and of the other set 2 of 4: an update's batches follow each other, are of one set, and
 * with keep_last the round's last one has what is left. */
static void updates_hold_batches_of_one_set(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        s4d_draw_set set[2] = {{.count = 47, .per_batch = 5, .accumulate = 3, .keep_last = keep, .rate = 2.0},
                               {.count = 16, .per_batch = 4, .accumulate = 2, .keep_last = keep, .rate = 1.0}};
        s4d_epoch_share share = s4d_epoch_share_of(&set[0]);
        assert_int_equal(share.updates, keep ? 8 : 6);
        assert_int_equal(share.batches, keep ? 20 : 18);
        assert_int_equal(share.items, keep ? 94 : 90);
        s4d_epoch epoch = draw(set, 2, 1, 0);
        int seen[47] = {0}, updates[2] = {0};
        assert_int_equal(epoch.batches, share.batches + 4);
        for (int64_t b = 0, begin = 0; b < epoch.batches; b++) {
            int s = epoch.set[b];
            assert_int_equal(s, epoch.set[begin]);
            for (uint32_t i = epoch.first[b]; s == 0 && i < epoch.first[b + 1]; i++) {
                seen[epoch.item[i]]++;
            }
            if (!epoch.ends[b]) {
                assert_int_equal(epoch.first[b + 1] - epoch.first[b], set[s].per_batch);
                continue;
            }
            bool last = keep && s == 0 && updates[0] % 4 == 3;
            assert_int_equal(epoch.first[b + 1] - epoch.first[begin], last ? 2 : set[s].per_batch * set[s].accumulate);
            assert_int_equal(s4d_epoch_update_items(&epoch, begin), epoch.first[b + 1] - epoch.first[begin]);
            updates[s]++;
            begin = b + 1;
        }
        assert_true(epoch.ends[epoch.batches - 1] && updates[0] == share.updates && updates[1] == 2);
        for (int i = 0; i < 47; i++) {
            assert_true(keep ? seen[i] == 2 : seen[i] <= 2);
        }
        s4d_epoch_release(&epoch);
    }
}

static void a_set_smaller_than_an_update_is_one_where_the_last_is_kept(void **state)
{
    (void)state;
    s4d_draw_set set = {.count = 7, .per_batch = 3, .accumulate = 4, .keep_last = true, .rate = 1.5};
    s4d_epoch epoch = draw(&set, 1, 1, 0);
    assert_int_equal(epoch.batches, 3);
    assert_int_equal(epoch.first[3] - epoch.first[2], 1);
    assert_true(!epoch.ends[0] && !epoch.ends[1] && epoch.ends[2]);
    s4d_epoch_release(&epoch);
}

static void an_epoch_depends_on_seed_and_number_alone(void **state)
{
    (void)state;
    s4d_draw_set set[2] = {{.count = 60, .per_batch = 6, .accumulate = 1, .rate = 1.0},
                           {.count = 60, .per_batch = 6, .accumulate = 1, .rate = 1.0}};
    s4d_epoch a = draw(set, 2, 7, 3), b = draw(set, 2, 7, 3), c = draw(set, 2, 7, 4),
              d = draw(set, 2, 8, 3);
    assert_true(same(&a, &b));
    assert_false(same(&a, &c));
    assert_false(same(&a, &d));
    s4d_epoch_release(&a);
    s4d_epoch_release(&b);
    s4d_epoch_release(&c);
    s4d_epoch_release(&d);
}

/* The first set's samples come in the same order whether or not there is a second set. */
static void sets_have_streams_of_their_own(void **state)
{
    (void)state;
    s4d_draw_set set[2] = {{.count = 60, .per_batch = 6, .accumulate = 1, .rate = 1.0},
                           {.count = 30, .per_batch = 3, .accumulate = 1, .rate = 1.0}};
    s4d_epoch both = draw(set, 2, 7, 3), one = draw(set, 1, 7, 3);
    uint32_t next = 0;
    for (int64_t b = 0; b < both.batches; b++) {
        if (both.set[b] == 0) {
            assert_memory_equal(both.item + both.first[b], one.item + next, 6 * sizeof *one.item);
            next += 6;
        }
    }
    assert_int_equal(next, 60);
    s4d_epoch_release(&both);
    s4d_epoch_release(&one);
}

/* Two batches of each set: 6 orders. */
static void all_orders_of_the_sets_are_as_likely(void **state)
{
    (void)state;
    enum { N = 6000 };
    s4d_draw_set set[2] = {{.count = 2, .per_batch = 1, .accumulate = 1, .rate = 1.0},
                           {.count = 2, .per_batch = 1, .accumulate = 1, .rate = 1.0}};
    int seen[16] = {0};
    double chi_square = 0.0;
    for (uint32_t n = 0; n < N; n++) {
        s4d_epoch epoch = draw(set, 2, 1, n);
        seen[epoch.set[0] * 8 + epoch.set[1] * 4 + epoch.set[2] * 2 + epoch.set[3]]++;
        s4d_epoch_release(&epoch);
    }
    static const int order[6] = {3, 5, 6, 9, 10, 12};
    for (int i = 0; i < 6; i++) {
        double off = seen[order[i]] - N / 6.0;
        chi_square += off * off / (N / 6.0);
    }
    assert_true(chi_square < 20.5); /* 0.999 quantile, 5 degrees of freedom */
}

/* Classes of 1, 0, 9 and 90 samples. */
static void balance_draws_each_class_equally_often(void **state)
{
    (void)state;
    int32_t label[100];
    for (int i = 0; i < 100; i++) {
        label[i] = i == 50 ? 0 : i % 11 == 0 && i / 11 < 9 ? 2 : 3;
    }
    s4d_draw_set set = {.count = 100,
                        .label = label,
                        .classes = 4,
                        .balanced = true,
                        .per_batch = 10, .accumulate = 1,
                        .rate = 300.0};
    s4d_epoch epoch = draw(&set, 1, 1, 0);
    int by_class[4] = {0}, by_sample[100] = {0}, n = (int)epoch.first[epoch.batches];
    assert_int_equal(n, 30000);
    for (int i = 0; i < n; i++) {
        by_class[label[epoch.item[i]]]++;
        by_sample[epoch.item[i]]++;
    }
    assert_int_equal(by_class[1], 0);
    for (int c = 0; c < 4; c++) {
        assert_true(c == 1 || abs(by_class[c] - n / 3) < 4 * 82);
    }
    double chi_square = 0.0;
    for (int i = 0; i < 100; i++) {
        double expected = by_class[3] / 90.0;
        chi_square +=
            label[i] == 3 ? (by_sample[i] - expected) * (by_sample[i] - expected) / expected : 0.0;
    }
    assert_true(chi_square < 136.0); /* 0.999 quantile, 89 degrees of freedom */
    s4d_epoch_release(&epoch);
}

static void a_sequence_ends_with_what_is_left(void **state)
{
    (void)state;
    s4d_epoch epoch;
    s4d_err err = {0};
    assert_int_equal(s4d_epoch_sequential(10, 4, &epoch, &err), S4D_OK);
    assert_int_equal(epoch.batches, 3);
    assert_memory_equal(epoch.first, ((uint32_t[]){0, 4, 8, 10}), 4 * sizeof(uint32_t));
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(epoch.item[i], i);
    }
    for (int b = 0; b < 3; b++) {
        assert_int_equal(epoch.set[b], 0);
        assert_true(epoch.ends[b]);
    }
    s4d_epoch_release(&epoch);
    assert_int_equal(s4d_epoch_sequential(8, 4, &epoch, &err), S4D_OK);
    assert_int_equal(epoch.batches, 2);
    s4d_epoch_release(&epoch);
    assert_int_equal(s4d_epoch_sequential(0, 4, &epoch, &err), S4D_OK);
    assert_int_equal(epoch.batches, 0);
    s4d_epoch_release(&epoch);
}

static void an_endless_epoch_is_refused(void **state)
{
    (void)state;
    s4d_draw_set set = {.count = 4000000000u, .per_batch = 1, .accumulate = 1, .rate = 2.0};
    s4d_epoch epoch;
    s4d_err err = {0};
    assert_int_equal(s4d_epoch_draw(&set, 1, 1, 0, &epoch, &err), S4D_USAGE);
    assert_non_null(strstr(err.text, "lower the rate"));
    set.rate = 1e300;
    assert_int_equal(s4d_epoch_draw(&set, 1, 1, 0, &epoch, &err), S4D_USAGE);
    assert_null(epoch.item);
}

#ifdef S4D_TEST_HOOKS
static void no_memory_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    int32_t label[12] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
    s4d_draw_set set[2] = {
        {.count = 12, .label = label, .classes = 3, .balanced = true, .per_batch = 3, .accumulate = 1, .rate = 1.0},
        {.count = 12, .per_batch = 4, .accumulate = 1, .rate = 1.0}};
    long n = 0;
    s4d_status status;
    do {
        s4d_epoch epoch;
        s4d_err err = {0};
        s4d_fault_set(S4D_FAULT_ALLOC, ++n);
        status = s4d_epoch_draw(set, 2, 1, 0, &epoch, &err);
        s4d_fault_set(S4D_FAULT_ALLOC, 0);
        if (status == S4D_OK) {
            s4d_epoch_release(&epoch);
        } else {
            assert_int_equal(status, S4D_FAILED);
            assert_null(epoch.item);
            assert_non_null(strstr(err.text, "not enough memory"));
        }
    } while (status != S4D_OK);
    assert_int_equal(n, 11); /* ten allocations, then none fails */
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_round_down),
        cmocka_unit_test(two_sets_are_dealt_out_whole),
        cmocka_unit_test(rates_above_one_go_round_in_new_orders),
        cmocka_unit_test(no_batch_holds_a_sample_twice),
        cmocka_unit_test(updates_hold_batches_of_one_set),
        cmocka_unit_test(a_set_smaller_than_an_update_is_one_where_the_last_is_kept),
        cmocka_unit_test(an_epoch_depends_on_seed_and_number_alone),
        cmocka_unit_test(sets_have_streams_of_their_own),
        cmocka_unit_test(all_orders_of_the_sets_are_as_likely),
        cmocka_unit_test(balance_draws_each_class_equally_often),
        cmocka_unit_test(a_sequence_ends_with_what_is_left),
        cmocka_unit_test(an_endless_epoch_is_refused),
#ifdef S4D_TEST_HOOKS
        cmocka_unit_test(no_memory_is_an_error_and_leaves_nothing),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
