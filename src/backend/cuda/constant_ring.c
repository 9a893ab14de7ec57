/* The bookkeeping of constants' memory. */
#include "backend/cuda/constant_ring.h"

enum { GRAIN = 16 };

static size_t block_for(size_t bytes)
{
    size_t size = S4D_RING_BLOCK;
    while (size < bytes) size *= 2;
    return size;
}

/* The next block that no operation at hand uses. */
static int next_free(const s4d_cuda_ring *ring)
{
    for (int i = 1; i < S4D_RING_BLOCKS; ++i) {
        int b = (ring->current + i) % S4D_RING_BLOCKS;
        if (!ring->block[b].left) return b;
    }
    return -1;
}

s4d_cuda_ring_place s4d_cuda_ring_take(s4d_cuda_ring *ring, size_t bytes)
{
    bytes = (bytes + GRAIN - 1) / GRAIN * GRAIN;
    s4d_cuda_ring_block *b = &ring->block[ring->current];
    s4d_cuda_ring_place place = {ring->current, b->used, false, 0};
    if (b->size - b->used >= bytes) {
        b->used += bytes;
        return place;
    }
    if (b->used > 0) {
        b->left = true;
        int next = next_free(ring);
        if (next < 0) return (s4d_cuda_ring_place){-1, 0, false, 0};
        ring->current = next;
        b = &ring->block[next];
    }
    place = (s4d_cuda_ring_place){ring->current, 0, b->pending, 0};
    b->pending = false;
    b->used = bytes;
    if (b->size < bytes) place.grow = b->size = block_for(bytes);
    return place;
}

int s4d_cuda_ring_settle(s4d_cuda_ring *ring)
{
    for (int i = 0; i < S4D_RING_BLOCKS; ++i) {
        s4d_cuda_ring_block *b = &ring->block[i];
        if (b->left) {
            b->left = false;
            b->pending = true;
            return i;
        }
    }
    return -1;
}
