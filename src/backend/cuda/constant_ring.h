/* Where the next constants go: blocks used in turn, each twice over, in pinned memory and on the card. A block is written
 * again only when its event has come; the event is recorded when the operation that left it is over, since that operation's
 * kernels read it too. Only the bookkeeping, without CUDA; constants.c does what it says. */
#ifndef S4D_BACKEND_CUDA_CONSTANT_RING_H
#define S4D_BACKEND_CUDA_CONSTANT_RING_H

#include <stdbool.h>
#include <stddef.h>

enum { S4D_RING_BLOCKS = 4, S4D_RING_BLOCK = 1 << 20 };

typedef struct s4d_cuda_ring_block {
    size_t size, used;
    bool left;    /* full, its event not yet recorded */
    bool pending; /* its event is recorded */
} s4d_cuda_ring_block;

typedef struct s4d_cuda_ring {
    s4d_cuda_ring_block block[S4D_RING_BLOCKS];
    int current;
} s4d_cuda_ring;

typedef struct s4d_cuda_ring_place {
    int block;     /* -1: one operation asks for more than the ring can hold */
    size_t offset;
    bool wait;     /* for the block's event, before anything else */
    size_t grow;   /* not 0: give the block memory of this many bytes in place of what it has */
} s4d_cuda_ring_place;

s4d_cuda_ring_place s4d_cuda_ring_take(s4d_cuda_ring *ring, size_t bytes);
/* At the start of an operation: a block whose event must be recorded now, or -1; ask until it is -1. */
int s4d_cuda_ring_settle(s4d_cuda_ring *ring);

#endif
