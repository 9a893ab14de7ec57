/* What the cuda device keeps, and what its C files share beyond cuda_private.h. Private to src/backend/cuda. */
#ifndef S4D_BACKEND_CUDA_STATE_H
#define S4D_BACKEND_CUDA_STATE_H

#include "backend/cuda/constant_ring.h"
#include "backend/cuda/cuda_private.h"
#include "backend/cuda/gemm_plan.h"
#include "backend/cuda/graph_record.h"

/* card.c: the card that CUDA shows first. */
typedef struct s4d_cuda_card {
    char name[128];
    int capability, processors;
    double bytes;
} s4d_cuda_card;
/* S4D_FAILED and one sentence, without a remedy, where there is none that will do. */
s4d_status s4d_cuda_find_card(s4d_cuda_card *card, s4d_err *err);

/* memory.c: a block for the operation at hand. What does not fit is got besides it, until the block has grown. */
enum { S4D_CUDA_SPILLS = 8 };
typedef struct s4d_cuda_scratch_block {
    unsigned char *base;
    size_t size, used, peak; /* used: by the operation at hand, in base or not; peak: of all since planning began */
    void *spill[S4D_CUDA_SPILLS];
    int spills;
} s4d_cuda_scratch_block;

/* slots.c */
typedef struct s4d_cuda_slot {
    void *device, *pinned; /* of `size` bytes each */
    size_t size;
    cudaEvent_t uploaded, consumed, done; /* done: of the fetches */
    bool sent;
    bool current;  /* operations issued now read this slot */
    bool fetching; /* in the step that is being recorded */
    unsigned char *fetched; /* [S4D_FETCH_BYTES], pinned */
} s4d_cuda_slot;

/* graph.c */
/* Two modalities, mixed or not, in two slots, as many batches as an update sums, and the updates: keys come in turn, so that
 * one too many would leave none of them a graph. */
enum { S4D_CUDA_GRAPHS = 64 };
typedef struct s4d_cuda_graph {
    s4d_cuda_key key;
    cudaGraphExec_t exec;
    unsigned char *constants; /* on the card, read by the graph's kernels */
    size_t room;
} s4d_cuda_graph;

typedef struct s4d_cuda_graphs {
    s4d_cuda_graph graph[S4D_CUDA_GRAPHS];
    int count;
    uint64_t turn;
    s4d_cuda_graph *open; /* inside, where there are graphs */
    bool inside; /* between begin and end, whether or not there are graphs */
    bool recording, capturing;
    bool forever; /* something happened that no graph can hold */
    s4d_cuda_record record;
    unsigned char *staging; /* pinned: the constants of the step being recorded */
    size_t constants;       /* bytes taken since begin */
} s4d_cuda_graphs;

/* gemm_lt.c: cuBLASLt and what it needs. */
typedef struct s4d_cuda_lt s4d_cuda_lt;

struct s4d_cuda {
    s4d_cuda_card card;
    cudaStream_t compute, upload;
    int op; /* at hand; -1: none */
    bool managed;    /* memory that the host reads too, for operations taken from ref */
    bool sync;       /* S4D_SYNC: every operation is waited for */
    bool use_graphs, any_order, tf32;
    s4d_attention_path attention_wanted;
    void *attention;
    s4d_cuda_scratch_block scratch;
    s4d_cuda_ring ring;
    unsigned char *ring_pinned[S4D_RING_BLOCKS], *ring_device[S4D_RING_BLOCKS];
    cudaEvent_t ring_event[S4D_RING_BLOCKS];
    s4d_cuda_slot slot[S4D_SLOTS];
    s4d_cuda_graphs graphs;
    s4d_cuda_lt *lt;
    s4d_cuda_plans plans;
};

static inline s4d_cuda *s4d_cuda_of(const s4d_backend *be)
{
    return be->device_state;
}

/* issue.c */
/* Issues a call on the compute stream. */
void s4d_cuda_issue(s4d_backend *be, const s4d_cuda_call *call);
/* As s4d_cuda_copy, to pinned host memory. */
void s4d_cuda_copy_out(s4d_backend *be, void *pinned, const void *from, size_t bytes);
void s4d_cuda_before(s4d_backend *be, int op);
void s4d_cuda_after(s4d_backend *be, int op);
void s4d_cuda_check(s4d_backend *be);

/* memory.c */
s4d_status s4d_cuda_alloc(s4d_backend *be, size_t bytes, void **out, s4d_err *err);
void s4d_cuda_free(s4d_backend *be, void *block);
void s4d_cuda_upload(s4d_backend *be, void *device, const void *host, size_t bytes);
void s4d_cuda_download(s4d_backend *be, void *host, const void *device, size_t bytes);
double s4d_cuda_memory(s4d_backend *be);
void s4d_cuda_set_planning(s4d_backend *be, bool planning);
void s4d_cuda_scratch_begin(s4d_backend *be); /* of an operation */
void s4d_cuda_scratch_release(s4d_cuda *cu);
/* The card's memory, or the host's too where operations run there. */
cudaError_t s4d_cuda_get(const s4d_cuda *cu, void **out, size_t bytes);
/* The error of an allocation as a sentence. */
s4d_status s4d_cuda_refused(s4d_err *err, cudaError_t status, size_t bytes, const char *what);

/* constants.c */
/* `bytes` of pinned memory that stay untouched until what is issued on the compute stream before the next operation is
 * done, and their twin on the card; false after a failure. */
typedef struct s4d_cuda_twin {
    unsigned char *pinned, *device;
} s4d_cuda_twin;
bool s4d_cuda_ring_get(s4d_backend *be, size_t bytes, s4d_cuda_twin *twin);
void s4d_cuda_ring_begin(s4d_backend *be); /* of an operation */
void s4d_cuda_ring_release(s4d_cuda *cu);

/* slots.c */
s4d_status s4d_cuda_slots_create(s4d_cuda *cu, s4d_err *err);
void s4d_cuda_slots_release(s4d_cuda *cu);
s4d_status s4d_cuda_send(s4d_backend *be, int slot, const void *host, size_t bytes, void **device, s4d_err *err);
void s4d_cuda_fetch(s4d_backend *be, int slot, size_t offset, const void *device, size_t bytes);
const void *s4d_cuda_fetched(s4d_backend *be, int slot);
void s4d_cuda_slots_mark(s4d_backend *be); /* after a recorded step was issued: its fetches are under way */

/* graph.c */
void s4d_cuda_graph_begin(s4d_backend *be, uint64_t key);
void s4d_cuda_graph_end(s4d_backend *be);
/* Issues what is recorded so far; the rest of the step runs call by call. */
void s4d_cuda_graph_give_up(s4d_backend *be, bool forever);
/* A constant of the step being recorded: its place on the card. NULL: it does not fit, and the recording was given up. */
const void *s4d_cuda_graph_constant(s4d_backend *be, const void *host, size_t bytes);
void s4d_cuda_graph_count(s4d_cuda *cu, size_t bytes); /* constants of a step that is not recorded */
void s4d_cuda_graphs_drop(s4d_cuda *cu); /* all of them, to be made anew */
void s4d_cuda_graphs_release(s4d_cuda *cu);

/* gemm.c, gemm_lt.c */
s4d_status s4d_cuda_lt_open(s4d_backend *be, s4d_err *err);
void s4d_cuda_lt_close(s4d_cuda *cu);
void s4d_cuda_lt_forget(void *lt, s4d_cuda_plan *plan); /* its descriptors */
void s4d_cuda_lt_version(const s4d_cuda *cu, char text[32]);
/* Whether the library can be opened. */
s4d_status s4d_cuda_lt_probe(s4d_err *err);
/* Fills in the plan's candidates, best guess first; none where the library knows no way. */
void s4d_cuda_lt_ask(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p);
/* Whether the library takes a choice that came from text. */
bool s4d_cuda_lt_takes(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p);
/* Issues p the way of candidate[i]; NULL, or the library's words. */
const char *s4d_cuda_lt_run(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p, int i);
void s4d_cuda_gemm_issue(s4d_backend *be, const s4d_cuda_product *p);
void s4d_cuda_gemm_plan(s4d_backend *be, const s4d_cuda_product *p); /* while planning */
s4d_status s4d_cuda_tuning(s4d_backend *be, s4d_str *out, s4d_err *err);
bool s4d_cuda_tune(s4d_backend *be, const char *text);

#endif
