/* Memory: the one allocator of s4d, and arenas for what is planned ahead. */
#ifndef S4D_BASE_MEM_H
#define S4D_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed, 64-byte aligned; NULL when there is none or count*size overflows. Free with s4d_mem_free. */
void *s4d_mem_alloc(size_t count, size_t size);
/* Grows *block from old to new elements of `size` bytes, the added part zeroed; false leaves all as it was. */
bool s4d_mem_grow(void *block /* T ** */, size_t old_count, size_t new_count, size_t size);
void s4d_mem_free(void *block); /* NULL accepted */
char *s4d_mem_strdup(const char *text);
/* Built with S4D_TEST_HOOKS: fills the block, another value at each call, so that what a writer then leaves out is different in
 * every run and tests notice it; otherwise nothing. */
#ifdef S4D_TEST_HOOKS
void s4d_mem_poison(void *block, size_t bytes);
#else
static inline void s4d_mem_poison(void *block, size_t bytes)
{
    (void)block;
    (void)bytes;
}
#endif
/* Calls of alloc and grow since the program began; a test holds it still during a training step. */
uint64_t s4d_mem_calls(void);

/* A bump allocator over a block owned by someone else. With base NULL it only counts: takes return
 * NULL and `peak` tells how large a block the same sequence needs. */
typedef struct s4d_arena {
    unsigned char *base;
    size_t size; /* bytes at base; ignored when counting */
    size_t used, peak;
} s4d_arena;

/* 64-byte aligned, not zeroed. Taking more than was planned is a bug (S4D_BUG_IF). */
void *s4d_arena_take(s4d_arena *arena, size_t bytes);
/* Everything taken since `used` was read is given back. */
void s4d_arena_reset(s4d_arena *arena, size_t used);

#endif
