/* Memory: a register of all blocks of the card and of pinned memory, each poisoned when new and fenced on both sides. The card's
 * own memory is out of the host's reach, but for the time in which the card works. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emulator_private.h"
#include "sanitizer.h"

enum { FENCE = 256, GRAIN = 512, NEW = 0xFF, FENCE_BYTE = 0xC5, OLD = 0xFF };

typedef struct block block;
struct block {
    block *next;
    unsigned char *at;
    size_t bytes;
    emu_place place;
    size_t mapped; /* whole pages from FENCE before `at`; 0: of malloc */
};

static block *blocks;
static size_t used;
static bool opened;

size_t emu_memory_size(void)
{
    const char *text = getenv("S4D_EMULATOR_MEMORY");
    unsigned long long bytes = text && text[0] ? strtoull(text, NULL, 10) : 4ull << 30;
    return (size_t)bytes;
}

static size_t whole(size_t bytes)
{
    return (bytes + GRAIN - 1) / GRAIN * GRAIN;
}

static bool on_card(emu_place place)
{
    return place == EMU_DEVICE || place == EMU_MANAGED;
}

/* ---- the register ---- */

/* The block that holds the address. */
static block *find(const void *pointer)
{
    const unsigned char *p = pointer;
    for (block *b = blocks; b; b = b->next)
        if (p >= b->at && p < b->at + b->bytes) return b;
    return NULL;
}

emu_place emu_where(const void *pointer, size_t bytes, bool *fits)
{
    const block *b = find(pointer);
    *fits = !b || bytes <= b->bytes - (size_t)((const unsigned char *)pointer - b->at);
    return b ? b->place : EMU_PAGEABLE;
}

bool s4d_emulator_on_card(const void *pointer, size_t bytes)
{
    bool fits;
    emu_enter();
    emu_place place = emu_where(pointer, bytes, &fits);
    emu_leave(cudaSuccess);
    return place != EMU_PAGEABLE && fits;
}

size_t s4d_emulator_allocations(void)
{
    size_t n = 0;
    emu_enter();
    for (const block *b = blocks; b; b = b->next) ++n;
    emu_leave(cudaSuccess);
    return n;
}

/* ---- reach ---- */

static bool guards(void)
{
    const char *off = getenv("S4D_EMULATOR_REACH");
    return !off || strcmp(off, "all") != 0;
}

static void set_reach(const block *b, int protection)
{
    if (b->mapped && mprotect(b->at - FENCE, b->mapped, protection) != 0) emu_die("memory cannot be put out of reach");
}

void emu_open_memory(void)
{
    if (opened) return;
    for (const block *b = blocks; b; b = b->next) set_reach(b, PROT_READ | PROT_WRITE);
    opened = true;
}

void emu_close_memory(void)
{
    if (!opened) return;
    for (const block *b = blocks; b; b = b->next) set_reach(b, PROT_NONE);
    opened = false;
}

/* Says so where the host touched the card's memory; then the signal takes its course. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    static const char words[] = "emulator: the host touched memory of the card\n";
    (void)context;
    for (const block *b = blocks; b; b = b->next) {
        const unsigned char *p = info->si_addr, *base = b->at - FENCE;
        if (opened || !b->mapped || p < base || p >= base + b->mapped) continue;
        if (write(2, words, sizeof words - 1) < 0) break;
    }
    signal(number, SIG_DFL);
}

static void watch_faults(void)
{
    static bool watched;
    struct sigaction now, own = {.sa_flags = SA_SIGINFO};
    if (watched) return;
    watched = true;
    own.sa_sigaction = on_fault;
    if (sigaction(SIGSEGV, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
        sigaction(SIGSEGV, &own, NULL);
}

/* ---- blocks ---- */

/* Whole pages. Large blocks get huge pages, whose reach is changed quickly. */
static unsigned char *map(size_t bytes, size_t *mapped)
{
    enum { HUGE = 2 << 20 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE), grain = bytes >= HUGE ? HUGE : page, more = grain - page;
    *mapped = (bytes + grain - 1) / grain * grain;
    unsigned char *base = mmap(NULL, *mapped + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return NULL;
    size_t before = (grain - (uintptr_t)base % grain) % grain;
    if (before > 0) munmap(base, before);
    if (more > before) munmap(base + before + *mapped, more - before);
    if (grain == HUGE) madvise(base + before, *mapped, MADV_HUGEPAGE);
    return base + before;
}

/* Memory for a block and its fences. */
static unsigned char *get(size_t bytes, emu_place place, size_t *mapped)
{
    void *base = NULL;
    *mapped = 0;
    if (place != EMU_DEVICE || !guards()) return posix_memalign(&base, FENCE, bytes) == 0 ? base : NULL;
    watch_faults();
    return map(bytes, mapped);
}

static cudaError_t make(void **out, size_t bytes, emu_place place)
{
    size_t mapped;
    if (!out) return cudaErrorInvalidValue;
    *out = NULL;
    if (bytes == 0) return cudaSuccess;
    if (on_card(place) && (bytes > emu_memory_size() || used + whole(bytes) > emu_memory_size())) return cudaErrorMemoryAllocation;
    unsigned char *base = get(FENCE + bytes + FENCE, place, &mapped);
    if (!base) return cudaErrorMemoryAllocation;
    block *b = emu_alloc(sizeof *b);
    *b = (block){blocks, base + FENCE, bytes, place, mapped};
    blocks = b;
    if (on_card(place)) used += whole(bytes);
    memset(base, FENCE_BYTE, FENCE);
    memset(b->at, NEW, bytes);
    memset(b->at + bytes, FENCE_BYTE, FENCE);
    EMU_POISON(base, FENCE);
    EMU_POISON(b->at + bytes, FENCE);
    if (!opened) set_reach(b, PROT_NONE);
    *out = b->at;
    return cudaSuccess;
}

static void check_fence(const block *b, const unsigned char *fence, const char *where)
{
    for (int i = 0; i < FENCE; ++i)
        if (fence[i] != FENCE_BYTE)
            emu_die("something wrote %s a block of %zu bytes: byte %td from its start", where, b->bytes, fence + i - b->at);
}

static cudaError_t end(void *pointer, bool pinned)
{
    block **link = &blocks;
    if (!pointer) return cudaSuccess;
    while (*link && (*link)->at != pointer) link = &(*link)->next;
    block *b = *link;
    if (!b || (b->place == EMU_PINNED) != pinned) return cudaErrorInvalidValue;
    unsigned char *base = b->at - FENCE;
    set_reach(b, PROT_READ | PROT_WRITE);
    EMU_UNPOISON(base, FENCE);
    EMU_UNPOISON(b->at + b->bytes, FENCE);
    check_fence(b, base, "before");
    check_fence(b, b->at + b->bytes, "behind");
    memset(b->at, OLD, b->bytes);
    if (on_card(b->place)) used -= whole(b->bytes);
    *link = b->next;
    if (b->mapped) munmap(base, b->mapped);
    else free(base);
    free(b);
    return cudaSuccess;
}

static cudaError_t make_for_program(void **out, size_t bytes, emu_place place)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) status = emu_forbid_unsafe();
    if (status == cudaSuccess) status = make(out, bytes, place);
    return emu_leave(status);
}

/* Waits for all work first. After a sticky error the block is given back as well, so that a test leaks nothing. */
static cudaError_t end_for_program(void *pointer, bool pinned)
{
    cudaError_t status = emu_enter();
    cudaError_t capture = pointer ? emu_forbid_unsafe() : cudaSuccess;
    if (capture != cudaSuccess) return emu_leave(capture);
    if (pointer) emu_drain_all();
    cudaError_t own = end(pointer, pinned);
    if (status == cudaSuccess) status = emu_sticky();
    return emu_leave(status == cudaSuccess ? own : status);
}

cudaError_t cudaMalloc(void **pointer, size_t size)
{
    return make_for_program(pointer, size, EMU_DEVICE);
}

cudaError_t cudaMallocManaged(void **pointer, size_t size, unsigned int flags)
{
    if (flags != cudaMemAttachGlobal && flags != cudaMemAttachHost) {
        emu_enter();
        return emu_leave(cudaErrorInvalidValue);
    }
    return make_for_program(pointer, size, EMU_MANAGED);
}

cudaError_t cudaHostAlloc(void **pointer, size_t size, unsigned int flags)
{
    (void)flags;
    return make_for_program(pointer, size, EMU_PINNED);
}

cudaError_t cudaMallocHost(void **pointer, size_t size)
{
    return make_for_program(pointer, size, EMU_PINNED);
}

cudaError_t cudaFree(void *pointer)
{
    return end_for_program(pointer, false);
}

cudaError_t cudaFreeHost(void *pointer)
{
    return end_for_program(pointer, true);
}

/* ---- questions ---- */

cudaError_t cudaMemGetInfo(size_t *left, size_t *total)
{
    cudaError_t status = emu_enter();
    if (status == cudaSuccess) {
        *total = emu_memory_size();
        *left = *total > used ? *total - used : 0;
    }
    return emu_leave(status);
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *attributes, const void *pointer)
{
    static const enum cudaMemoryType type[] = {[EMU_PAGEABLE] = cudaMemoryTypeUnregistered, [EMU_PINNED] = cudaMemoryTypeHost,
                                               [EMU_DEVICE] = cudaMemoryTypeDevice, [EMU_MANAGED] = cudaMemoryTypeManaged};
    cudaError_t status = emu_enter();
    bool fits;
    emu_place place = emu_where(pointer, 0, &fits);
    if (status == cudaSuccess)
        *attributes = (struct cudaPointerAttributes){type[place], 0, place == EMU_PAGEABLE ? NULL : (void *)pointer,
                                                     place == EMU_DEVICE ? NULL : (void *)pointer};
    return emu_leave(status);
}
