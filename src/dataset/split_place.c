/* Which part each group of rows goes to. */
#include <math.h>
#include <stdlib.h>

#include "dataset/split_private.h"

/* ---- groups of one row: dealt out class by class ---- */

static bool all_single(const division *d)
{
    return d->groups == d->t->count;
}

/* How many of the n groups of one class are for testing; the rounding of all classes so far is evened out. */
static size_t test_count(const division *d, size_t n, bool labelled, double *owed)
{
    double wanted = d->opts->test_share * (double)n;
    *owed += wanted;
    double take = fmax(floor(wanted + 1e-9), fmin(ceil(wanted - 1e-9), round(*owed)));
    if (n > 1) {
        take = fmax(1, fmin((double)n - 1, take));
    } else if (labelled) {
        take = 0; /* the only one is trained on */
    }
    *owed -= take;
    return (size_t)take;
}

static void deal(division *d)
{
    size_t next = 0;
    double owed = 0;
    for (int c = 0; c < d->strata; c++) {
        size_t n = 0;
        for (size_t i = 0; i < d->groups; i++) {
            if (split_held(d, d->turn[i])[c] > 0) {
                n++;
            }
        }
        size_t test = d->opts->folds > 0 ? 0 : test_count(d, n, c < d->classes.count, &owed), seen = 0;
        for (size_t i = 0; i < d->groups; i++) {
            size_t g = d->turn[i];
            if (split_held(d, g)[c] == 0) {
                continue;
            }
            d->part_of[g] = d->opts->folds > 0 ? (int)(next++ % (size_t)d->parts) : seen++ < test;
        }
    }
}

/* ---- larger groups: the largest first ---- */

/* How much further from its shares the part would be: the sum over classes of squared distances, by class size. */
static double cost(const division *d, int part, const uint32_t *held, uint32_t size)
{
    const double *placed = d->placed + (size_t)part * ((size_t)d->strata + 1);
    double sum = 0;
    for (int c = 0; c <= d->strata; c++) {
        double more = c < d->strata ? held[c] : size, wanted = d->share[part] * d->total[c];
        if (more > 0) {
            sum += more * (more + 2 * (placed[c] - wanted)) / wanted;
        }
    }
    return sum;
}

static void place(division *d, size_t group, int part, double sign)
{
    double *placed = d->placed + (size_t)part * ((size_t)d->strata + 1);
    for (int c = 0; c < d->strata; c++) {
        placed[c] += sign * split_held(d, group)[c];
    }
    placed[d->strata] += sign * d->size[group];
    d->part_of[group] = part;
}

static int largest_first(const void *a, const void *b, void *from)
{
    const division *d = from;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (d->size[x] != d->size[y]) {
        return d->size[x] < d->size[y] ? 1 : -1;
    }
    return (d->rank[x] > d->rank[y]) - (d->rank[x] < d->rank[y]);
}

/* A part that nothing came to takes the last placed, and so smallest, group of a part that has several. */
static void fill_empty(division *d)
{
    for (int part = 0; part < d->parts; part++) {
        bool empty = true;
        for (size_t g = 0; g < d->groups && empty; g++) {
            empty = d->part_of[g] != part;
        }
        for (size_t i = d->groups; empty && i-- > 0;) {
            size_t group = d->turn[i], others = 0;
            for (size_t g = 0; g < d->groups; g++) {
                others += d->part_of[g] == d->part_of[group];
            }
            if (others > 1) {
                place(d, group, d->part_of[group], -1);
                place(d, group, part, 1);
                empty = false;
            }
        }
    }
}

static void place_largest_first(division *d)
{
    for (size_t i = 0; i < d->groups; i++) {
        d->rank[d->turn[i]] = (uint32_t)i;
    }
    qsort_r(d->turn, d->groups, sizeof *d->turn, largest_first, d);
    for (size_t i = 0; i < d->groups; i++) {
        size_t g = d->turn[i];
        int best = 0;
        double least = INFINITY;
        for (int part = 0; part < d->parts; part++) {
            double c = cost(d, part, split_held(d, g), d->size[g]);
            if (c < least) {
                least = c;
                best = part;
            }
        }
        place(d, g, best, 1);
    }
    fill_empty(d);
}

void split_place(division *d)
{
    if (all_single(d)) {
        deal(d);
    } else {
        place_largest_first(d);
    }
}

/* ---- both sides of a test share ---- */

enum { TRAIN, TEST };

typedef struct sides {
    size_t on[S4D_MAX_CLASSES][2]; /* groups that hold a class, by side */
    size_t tested;                 /* groups */
} sides;

static sides count_sides(const division *d)
{
    sides s = {.tested = 0};
    for (size_t g = 0; g < d->groups; g++) {
        s.tested += d->part_of[g] == TEST;
        for (int c = 0; c < d->classes.count; c++) {
            s.on[c][d->part_of[g]] += split_held(d, g)[c] > 0;
        }
    }
    return s;
}

static void move(division *d, sides *s, size_t group)
{
    int from = d->part_of[group];
    place(d, group, from, -1);
    place(d, group, !from, 1);
    s->tested = from == TRAIN ? s->tested + 1 : s->tested - 1;
    for (int c = 0; c < d->classes.count; c++) {
        s->on[c][from] -= split_held(d, group)[c] > 0;
        s->on[c][!from] += split_held(d, group)[c] > 0;
    }
}

/* Whether each class of a group stays on the side that it leaves; where it alone holds one, that may only be tested no more. */
static bool may_leave(const division *d, const sides *s, size_t group)
{
    int from = d->part_of[group];
    for (int c = 0; c < d->classes.count; c++) {
        bool alone = s->on[c][TRAIN] + s->on[c][TEST] == 1;
        if (split_held(d, group)[c] > 0 && s->on[c][from] < 2 && (from == TRAIN || !alone)) {
            return false;
        }
    }
    return true;
}

/* Moves the smallest group that may leave a side and holds the class, -1: any; false: there is none. */
static bool move_one(division *d, sides *s, int class, int from)
{
    size_t best = d->groups;
    for (size_t i = 0; i < d->groups; i++) {
        size_t g = d->turn[i];
        bool fits = d->part_of[g] == from && (class < 0 || split_held(d, g)[class] > 0);
        if (fits && (best == d->groups || d->size[g] < d->size[best]) && may_leave(d, s, g)) {
            best = g;
        }
    }
    if (best < d->groups) {
        move(d, s, best);
    }
    return best < d->groups;
}

s4d_status split_keep_sides(division *d, bool subjects, s4d_err *err)
{
    sides s = count_sides(d);
    for (int c = 0; c < d->classes.count; c++) { /* the only one of its class must go, whatever else it holds */
        for (size_t g = 0; g < d->groups && s.on[c][TEST] == 1 && s.on[c][TRAIN] == 0; g++) {
            if (split_held(d, g)[c] > 0) {
                move(d, &s, g);
            }
        }
    }
    for (int c = 0; c < d->classes.count; c++) {
        for (int side = TRAIN; side <= TEST; side++) {
            if (s.on[c][!side] > 1 && s.on[c][side] == 0) {
                move_one(d, &s, c, !side);
            }
        }
    }
    if (s.tested > 0 || move_one(d, &s, -1, TRAIN)) {
        return S4D_OK;
    }
    return s4d_err_set(err, S4D_FAILED,
                       "each of the %zu %s is the only one of some class, and must be trained on, so that nothing is left for "
                       "testing; give more samples of the classes%s", d->groups, subjects ? "people" : "files",
                       subjects ? ", or divide by sample" : "");
}
