/* Copies of many short texts, without a block of memory for each. */
#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/base/str.h"

enum { ROOM = 1 << 18 };

typedef struct s4d_texts_block {
    struct s4d_texts_block *before;
    size_t used, room;
    char text[];
} s4d_texts_block;

const char *s4d_texts_add(s4d_texts *t, const char *text)
{
    size_t size = strlen(text) + 1;
    s4d_texts_block *b = t->block;
    if (!b || b->room - b->used < size) {
        size_t room = size > ROOM ? size : ROOM;
        b = s4d_mem_alloc(sizeof *b + room, 1);
        if (!b) {
            return NULL;
        }
        *b = (s4d_texts_block){.before = t->block, .room = room};
        t->block = b;
    }
    char *copy = b->text + b->used;
    b->used += size;
    return memcpy(copy, text, size);
}

void s4d_texts_release(s4d_texts *t)
{
    while (t->block) {
        s4d_texts_block *before = t->block->before;
        s4d_mem_free(t->block);
        t->block = before;
    }
}
