/* Lists of calls, packed: a head, then a body of whole 16 bytes, all padding 0. */
#include "backend/cuda/graph_record.h"

#include <string.h>

#include "s4d/base/err.h"
#include "s4d/base/mem.h"

enum { GRAIN = 16 };

typedef struct head {
    int32_t kind, op;
    uint64_t body; /* bytes behind the head */
} head;

typedef struct kernel_body {
    const void *function;
    uint64_t shared;
    uint32_t grid[3], block[3];
    uint32_t args, zero;
} kernel_body; /* then the arguments, each its size and its bytes */

typedef struct deferred_body {
    s4d_cuda_run run;
    uint64_t bytes;
} deferred_body;

_Static_assert(sizeof(head) == GRAIN && sizeof(deferred_body) == GRAIN, "bodies must keep their alignment");
_Static_assert(sizeof(kernel_body) % GRAIN == 0, "arguments must keep their alignment");

static size_t whole(size_t bytes)
{
    return (bytes + GRAIN - 1) / GRAIN * GRAIN;
}

void s4d_cuda_record_release(s4d_cuda_record *r)
{
    s4d_mem_free(r->bytes);
    *r = (s4d_cuda_record){0};
}

void s4d_cuda_record_clear(s4d_cuda_record *r)
{
    r->used = 0;
    r->calls = 0;
}

/* Room for a call, its head written, its body zeroed; NULL: no memory. */
static unsigned char *add(s4d_cuda_record *r, s4d_cuda_call_kind kind, int op, size_t body)
{
    size_t need = r->used + sizeof(head) + whole(body);
    if (need > r->room) {
        size_t room = r->room ? r->room : 1 << 16;
        while (room < need) room *= 2;
        if (!s4d_mem_grow(&r->bytes, r->room, room, 1)) return NULL;
        r->room = room;
    }
    unsigned char *at = r->bytes + r->used;
    memset(at, 0, need - r->used);
    memcpy(at, &(head){(int32_t)kind, op, whole(body)}, sizeof(head));
    r->used = need;
    r->calls++;
    return at + sizeof(head);
}

bool s4d_cuda_record_kernel(s4d_cuda_record *r, int op, const s4d_cuda_kernel *k)
{
    S4D_BUG_IF(k->args > S4D_CUDA_MOST_ARGS);
    size_t body = sizeof(kernel_body);
    for (int i = 0; i < k->args; ++i) body += GRAIN + whole(k->size[i]);
    unsigned char *at = add(r, S4D_CALL_KERNEL, op, body);
    if (!at) return false;
    kernel_body *b = (kernel_body *)at;
    b->function = k->function;
    b->shared = k->shared;
    b->args = (uint32_t)k->args;
    memcpy(b->grid, k->grid, sizeof b->grid);
    memcpy(b->block, k->block, sizeof b->block);
    at += sizeof *b;
    for (int i = 0; i < k->args; ++i) {
        memcpy(at, &(uint64_t){k->size[i]}, sizeof(uint64_t));
        memcpy(at + GRAIN, k->arg[i], k->size[i]);
        at += GRAIN + whole(k->size[i]);
    }
    return true;
}

static void read_kernel(const unsigned char *at, s4d_cuda_call *call)
{
    const kernel_body *b = (const kernel_body *)at;
    s4d_cuda_kernel *k = &call->kernel;
    k->function = b->function;
    k->shared = b->shared;
    k->args = (int)b->args;
    k->arg = call->arg;
    k->size = call->size;
    memcpy(k->grid, b->grid, sizeof k->grid);
    memcpy(k->block, b->block, sizeof k->block);
    at += sizeof *b;
    for (int i = 0; i < k->args; ++i) {
        uint64_t size;
        memcpy(&size, at, sizeof size);
        call->size[i] = size;
        call->arg[i] = (void *)(at + GRAIN);
        at += GRAIN + whole(size);
    }
}

/* Field by field, so that padding stays 0. */
bool s4d_cuda_record_product(s4d_cuda_record *r, int op, const s4d_cuda_product *p)
{
    s4d_cuda_product *to = (s4d_cuda_product *)add(r, S4D_CALL_PRODUCT, op, sizeof *p);
    if (!to) return false;
    to->ta = p->ta, to->tb = p->tb;
    to->m = p->m, to->n = p->n, to->k = p->k;
    to->alpha = p->alpha, to->beta = p->beta;
    to->a = p->a, to->b = p->b, to->c = p->c;
    to->lda = p->lda, to->ldb = p->ldb, to->ldc = p->ldc;
    to->type = p->type, to->c_type = p->c_type;
    to->has_bias = p->has_bias;
    to->bias = p->bias;
    to->batch = p->batch;
    to->stride_a = p->stride_a, to->stride_b = p->stride_b;
    to->stride_c = p->stride_c, to->stride_bias = p->stride_bias;
    return true;
}

bool s4d_cuda_record_transfer(s4d_cuda_record *r, int op, s4d_cuda_call_kind kind, s4d_cuda_transfer t)
{
    unsigned char *at = add(r, kind, op, sizeof t);
    if (at) memcpy(at, &t, sizeof t);
    return at != NULL;
}

bool s4d_cuda_record_deferred(s4d_cuda_record *r, int op, s4d_cuda_deferred d)
{
    unsigned char *at = add(r, S4D_CALL_DEFERRED, op, sizeof(deferred_body) + d.bytes);
    if (!at) return false;
    memcpy(at, &(deferred_body){d.run, d.bytes}, sizeof(deferred_body));
    if (d.bytes) memcpy(at + sizeof(deferred_body), d.what, d.bytes);
    return true;
}

static void read_deferred(const unsigned char *at, s4d_cuda_deferred *d)
{
    deferred_body b;
    memcpy(&b, at, sizeof b);
    *d = (s4d_cuda_deferred){b.run, at + sizeof b, b.bytes};
}

bool s4d_cuda_record_next(const s4d_cuda_record *r, size_t *at, s4d_cuda_call *call)
{
    if (*at >= r->used) return false;
    head h;
    memcpy(&h, r->bytes + *at, sizeof h);
    const unsigned char *body = r->bytes + *at + sizeof h;
    call->kind = (s4d_cuda_call_kind)h.kind;
    call->op = h.op;
    if (call->kind == S4D_CALL_KERNEL) read_kernel(body, call);
    else if (call->kind == S4D_CALL_PRODUCT) memcpy(&call->product, body, sizeof call->product);
    else if (call->kind == S4D_CALL_DEFERRED) read_deferred(body, &call->deferred);
    else memcpy(&call->transfer, body, sizeof call->transfer);
    *at += sizeof h + h.body;
    return true;
}

bool s4d_cuda_record_same(const s4d_cuda_record *a, const s4d_cuda_record *b)
{
    return a->used == b->used && (a->used == 0 || memcmp(a->bytes, b->bytes, a->used) == 0);
}

/* ---- what becomes of a key ---- */

bool s4d_cuda_key_records(const s4d_cuda_key *k)
{
    return k->stage == S4D_STAGE_WARM || k->stage == S4D_STAGE_READY;
}

void s4d_cuda_key_ran(s4d_cuda_key *k, size_t constants, bool forever)
{
    k->constants = constants;
    if (forever) k->stage = S4D_STAGE_NEVER;
    if (k->stage != S4D_STAGE_NEVER) k->stage = S4D_STAGE_WARM;
}

s4d_cuda_verdict s4d_cuda_key_judge(s4d_cuda_key *k, s4d_cuda_record *now)
{
    if (k->stage == S4D_STAGE_READY && s4d_cuda_record_same(&k->held, now)) {
        k->misses = 0;
        return S4D_LAUNCH;
    }
    if (k->stage == S4D_STAGE_READY) { /* what is new to the graph may be new to the libraries: call by call, once */
        k->stage = ++k->misses > S4D_CUDA_MOST_MISSES ? S4D_STAGE_NEVER : S4D_STAGE_WARM;
        return S4D_ISSUE;
    }
    s4d_cuda_record held = k->held;
    k->held = *now;
    *now = held;
    k->stage = S4D_STAGE_READY;
    return S4D_CAPTURE;
}

void s4d_cuda_key_refuse(s4d_cuda_key *k)
{
    k->stage = S4D_STAGE_NEVER;
}
