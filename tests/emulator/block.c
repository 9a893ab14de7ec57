/* The threads of one block. Each runs until it must wait, for the block or for lanes of its warp; then another goes on. The one
 * that comes last lets the others go. When nobody can go on before all have ended, the program is stopped with a report. */
#include <stdlib.h>
#include <string.h>

#include "emulator_private.h"

enum { MOST = 1024, WARP = 32 };

typedef enum state { NEW, RUNNING, READY, AT_BARRIER, IN_WARP, ENDED } state;

typedef struct thread {
    state state;
    emu_fiber *fiber;
    s4d_emulated_site site; /* where it waits */
    s4d_emulated_collective kind;
    unsigned mask;
    int from;
    uint64_t value; /* given, then received */
} thread;

static struct {
    const emu_launch *launch;
    void **arg;
    int count, started, ended;
    bool backward;         /* threads start with the last */
    thread thread[MOST];
    int current;
    int ready[MOST], first, readies;
    int at_barrier;
    s4d_emulated_site barrier;
    s4d_emulated_reduction reduction;
    int reduced;           /* of those that wait; then the result */
    int in_warp;           /* threads that wait for others of their warp */
    unsigned size[3];      /* for which `index` holds */
    uint3 index[MOST];
} block;

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

/* ---- reports ---- */

static const char *file_of(s4d_emulated_site site)
{
    const char *slash = site.file ? strrchr(site.file, '/') : NULL;
    return slash ? slash + 1 : site.file ? site.file : "?";
}

static _Noreturn void die_here(const char *why, s4d_emulated_site site)
{
    emu_die("kernel %s: %s (%s:%d, block %u,%u,%u, thread %u,%u,%u)", block.launch->kernel->name, why, file_of(site), site.line,
            blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
}

static _Noreturn void die_apart(s4d_emulated_site one, s4d_emulated_site other, const char *what)
{
    emu_die("kernel %s: threads of a block wait at different places: some at %s:%d, some at %s:%d (%s; block %u,%u,%u)",
            block.launch->kernel->name, file_of(one), one.line, file_of(other), other.line, what, blockIdx.x, blockIdx.y,
            blockIdx.z);
}

/* Nobody can go on: tells who waits where. */
static _Noreturn void die_stuck(void)
{
    const thread *one = NULL, *other = NULL;
    for (int i = 0; i < block.count; ++i) {
        const thread *t = &block.thread[i];
        if (t->state != AT_BARRIER && t->state != IN_WARP) continue;
        if (!one) one = t;
        else if (t->site.line != one->site.line || t->state != one->state || t->mask != one->mask) other = t;
    }
    if (one && other) die_apart(one->site, other->site, "none can go on");
    emu_die("kernel %s: threads of a block wait for threads that do not come, at %s:%d (%d threads, %d have ended; block %u,%u,%u)",
            block.launch->kernel->name, one ? file_of(one->site) : "?", one ? one->site.line : 0, block.count, block.ended,
            blockIdx.x, blockIdx.y, blockIdx.z);
}

void s4d_emulator_trap(const char *why)
{
    die_here(why, (s4d_emulated_site){0});
}

static bool same_site(s4d_emulated_site a, s4d_emulated_site b)
{
    return a.line == b.line && (a.file == b.file || strcmp(a.file, b.file) == 0);
}

/* ---- turns ---- */

static int started_as(int turn)
{
    return block.backward ? block.count - 1 - turn : turn;
}

static void become(int i)
{
    block.current = i;
    block.thread[i].state = RUNNING;
    threadIdx = block.index[i];
}

static void make_ready(int i)
{
    block.thread[i].state = READY;
    block.ready[(block.first + block.readies++) % MOST] = i;
}

static int take_ready(void)
{
    int i = block.ready[block.first];
    block.first = (block.first + 1) % MOST;
    --block.readies;
    return i;
}

/* Leaves the running fiber for a thread that can go on, one that has not begun, or the block's end. */
static void go_on(void)
{
    if (block.readies > 0) {
        int i = take_ready();
        become(i);
        emu_fiber_switch(block.thread[i].fiber);
    } else if (block.started < block.count) {
        emu_fiber_switch(emu_fiber_get());
    } else {
        emu_fiber_switch(NULL);
    }
}

/* ---- barriers ---- */

static void release_barrier(void)
{
    int reduced = block.reduced;
    for (int turn = 0; turn < block.started; ++turn) {
        int i = started_as(turn);
        if (block.thread[i].state != AT_BARRIER) continue;
        block.thread[i].value = (uint64_t)reduced;
        make_ready(i);
    }
    block.at_barrier = 0;
}

static void join_barrier(s4d_emulated_reduction kind, int predicate, s4d_emulated_site site)
{
    if (block.at_barrier == 0) {
        block.barrier = site;
        block.reduction = kind;
        block.reduced = kind == S4D_EMULATED_AND;
    } else if (!same_site(site, block.barrier) || kind != block.reduction) {
        die_apart(block.barrier, site, "__syncthreads");
    }
    if (kind == S4D_EMULATED_COUNT) block.reduced += predicate != 0;
    else if (kind == S4D_EMULATED_AND) block.reduced &= predicate != 0;
    else if (kind == S4D_EMULATED_OR) block.reduced |= predicate != 0;
    block.at_barrier++;
}

int s4d_emulator_barrier(s4d_emulated_reduction kind, int predicate, s4d_emulated_site site)
{
    int self = block.current;
    join_barrier(kind, predicate, site);
    block.thread[self].site = site;
    block.thread[self].mask = 0;
    block.thread[self].state = AT_BARRIER;
    if (block.at_barrier == block.count - block.ended) release_barrier();
    /* The last to come queues up behind the others, so that nobody is always ahead. */
    block.thread[self].fiber = emu_fiber_current();
    go_on();
    return (int)block.thread[self].value;
}

/* ---- warps ---- */

int s4d_emulator_lane(void)
{
    return block.current % WARP;
}

static uint64_t sum_up(s4d_emulated_collective kind, uint64_t a, uint64_t b)
{
    switch (kind) {
    case S4D_EMULATED_ADD:
        return (uint32_t)a + (uint32_t)b;
    case S4D_EMULATED_MIN:
        return a < b ? a : b;
    case S4D_EMULATED_MAX:
        return a > b ? a : b;
    case S4D_EMULATED_MIN_SIGNED:
        return (int64_t)a < (int64_t)b ? a : b;
    case S4D_EMULATED_MAX_SIGNED:
        return (int64_t)a > (int64_t)b ? a : b;
    case S4D_EMULATED_BIT_AND:
        return a & b;
    case S4D_EMULATED_BIT_OR:
        return a | b;
    case S4D_EMULATED_BIT_XOR:
        return a ^ b;
    default:
        return 0;
    }
}

/* The results of the lanes in `present`, from their values. */
static void exchange(thread *warp, unsigned present, s4d_emulated_collective kind)
{
    uint64_t value[WARP] = {0}, all = 0;
    bool first = true;
    for (int i = 0; i < WARP; ++i) {
        if (!(present >> i & 1)) continue;
        value[i] = warp[i].value;
        if (kind == S4D_EMULATED_BALLOT) all |= (value[i] & 1) << i;
        else all = first ? value[i] : sum_up(kind, all, value[i]);
        first = false;
    }
    for (int i = 0; i < WARP; ++i) {
        if (!(present >> i & 1)) continue;
        warp[i].value = all;
        if (kind == S4D_EMULATED_SHUFFLE) {
            if (!(present >> warp[i].from & 1))
                die_here("a shuffle reads a lane that has ended, does not exist or is not in the mask", warp[i].site);
            warp[i].value = value[warp[i].from];
        } else if (kind == S4D_EMULATED_MATCH) {
            warp[i].value = 0;
            for (int j = 0; j < WARP; ++j)
                if (present >> j & 1 && value[j] == value[i]) warp[i].value |= 1ull << j;
        }
    }
}

/* Lets the lanes of a mask go on if all that have not ended are there. `self` is a lane of the mask that waits. */
static void complete(int self)
{
    int base = self / WARP * WARP, lanes = block.count - base < WARP ? block.count - base : WARP;
    thread *warp = &block.thread[base], *one = &block.thread[self];
    unsigned present = 0;
    int next = self - base + (block.backward ? -1 : 1); /* most often the one that comes next */
    if (next >= 0 && next < lanes && one->mask >> next & 1 && warp[next].state != IN_WARP && warp[next].state != ENDED) return;
    for (int i = 0; i < lanes; ++i) {
        if (!(one->mask >> i & 1) || warp[i].state == ENDED) continue;
        if (warp[i].state != IN_WARP || warp[i].mask != one->mask) return;
        if (warp[i].kind != one->kind || !same_site(warp[i].site, one->site)) die_apart(warp[i].site, one->site, "in one warp");
        present |= 1u << i;
    }
    exchange(warp, present, one->kind);
    for (int i = 0; i < lanes; ++i) {
        int lane = block.backward ? lanes - 1 - i : i;
        if (!(present >> lane & 1)) continue;
        make_ready(base + lane);
        block.in_warp--;
    }
}

uint64_t s4d_emulator_together(s4d_emulated_collective kind, unsigned mask, uint64_t value, int from, s4d_emulated_site site)
{
    int self = block.current;
    thread *t = &block.thread[self];
    if (!(mask >> self % WARP & 1)) die_here("the mask of a warp's function lacks the lane that calls it", site);
    t->kind = kind;
    t->mask = mask;
    t->value = value;
    t->from = from;
    t->site = site;
    t->state = IN_WARP;
    block.in_warp++;
    complete(self);
    t->fiber = emu_fiber_current();
    go_on();
    return t->value;
}

/* ---- a thread's life ---- */

/* Whoever waited for this thread alone goes on. */
static void end_thread(int self)
{
    int base = self / WARP * WARP;
    block.thread[self].state = ENDED;
    block.ended++;
    if (block.at_barrier > 0 && block.at_barrier == block.count - block.ended) release_barrier();
    for (int i = base; i < base + WARP && i < block.count && block.in_warp > 0; ++i)
        if (block.thread[i].state == IN_WARP && block.thread[i].mask >> self % WARP & 1) complete(i);
}

void emu_run_threads(void)
{
    while (block.started < block.count) {
        int self = started_as(block.started++);
        become(self);
        block.launch->kernel->invoke(block.launch->kernel->function, block.arg);
        end_thread(block.current);
        if (block.readies > 0) break;
    }
    emu_fiber_give_back(emu_fiber_current());
    go_on();
}

static void set_size(const unsigned size[3])
{
    if (memcmp(size, block.size, sizeof block.size) == 0) return;
    memcpy(block.size, size, sizeof block.size);
    for (unsigned i = 0; i < size[0] * size[1] * size[2]; ++i)
        block.index[i] = (uint3){i % size[0], i / size[0] % size[1], i / size[0] / size[1]};
}

void emu_run_block(const emu_launch *launch, void **arg, unsigned number)
{
    static const char *order;
    if (!order) order = getenv("S4D_EMULATOR_ORDER");
    block.launch = launch;
    block.arg = arg;
    block.count = (int)(launch->block[0] * launch->block[1] * launch->block[2]);
    block.started = block.ended = block.readies = block.at_barrier = block.in_warp = 0;
    set_size(launch->block);
    block.backward = number % 3 == 1;
    if (order && strcmp(order, "forward") == 0) block.backward = false;
    if (order && strcmp(order, "backward") == 0) block.backward = true;
    for (int i = 0; i < block.count; ++i) block.thread[i].state = NEW;
    emu_fiber_switch(emu_fiber_get());
    if (block.ended < block.count) die_stuck();
}
