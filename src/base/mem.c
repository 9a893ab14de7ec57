/* The one allocator of s4d, and bump allocation over a planned block. */
#include "s4d/base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/err.h"
#include "s4d/base/fault.h"

enum { ALIGNMENT = 64 };

static _Atomic uint64_t call_count;

/* The first `kept` bytes are left unset, for the caller to fill; the rest is zeroed. */
static void *allocate(size_t count, size_t size, size_t kept)
{
    atomic_fetch_add_explicit(&call_count, 1, memory_order_relaxed);
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX ||
        s4d_fault_hit(S4D_FAULT_ALLOC)) {
        return NULL;
    }
    void *block = NULL;
    if (posix_memalign(&block, ALIGNMENT, bytes ? bytes : 1) != 0) {
        return NULL;
    }
    memset((char *)block + kept, 0, bytes - kept);
    return block;
}

void *s4d_mem_alloc(size_t count, size_t size)
{
    return allocate(count, size, 0);
}

bool s4d_mem_grow(void *block, size_t old_count, size_t new_count, size_t size)
{
    S4D_BUG_IF(new_count < old_count);
    void *old;
    memcpy(&old, block, sizeof old); /* block is some T **: read it without naming T */
    size_t kept = old ? old_count * size : 0;
    void *grown = allocate(new_count, size, kept);
    if (!grown) {
        return false;
    }
    if (kept) {
        memcpy(grown, old, kept);
    }
    free(old);
    memcpy(block, &grown, sizeof grown);
    return true;
}

void s4d_mem_free(void *block)
{
    free(block);
}

char *s4d_mem_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = s4d_mem_alloc(bytes, 1);
    if (copy) {
        memcpy(copy, text, bytes);
    }
    return copy;
}

#ifdef S4D_TEST_HOOKS
void s4d_mem_poison(void *block, size_t bytes)
{
    static _Atomic unsigned turn;
    if (bytes == 0) {
        return; /* block may be NULL */
    }
    memset(block, (int)(0x5Bu + 0x35u * atomic_fetch_add(&turn, 1)) & 0xFF, bytes);
}
#endif

uint64_t s4d_mem_calls(void)
{
    return atomic_load_explicit(&call_count, memory_order_relaxed);
}

void *s4d_arena_take(s4d_arena *arena, size_t bytes)
{
    size_t start, end;
    S4D_BUG_IF(__builtin_add_overflow(arena->used, (size_t)ALIGNMENT - 1, &start));
    start -= start % ALIGNMENT;
    S4D_BUG_IF(__builtin_add_overflow(start, bytes, &end));
    S4D_BUG_IF(arena->base && end > arena->size);
    S4D_BUG_IF((uintptr_t)arena->base % ALIGNMENT != 0);
    arena->used = end;
    if (arena->peak < end) {
        arena->peak = end;
    }
    return arena->base ? arena->base + start : NULL;
}

void s4d_arena_reset(s4d_arena *arena, size_t used)
{
    S4D_BUG_IF(used > arena->used);
    arena->used = used;
}
