/* Steps as graphs. Between begin and end the operations' calls are kept in a list and nothing runs. The end holds the list
 * against what the key's graph was made of: the same is launched in one go; else the list is issued as it stands, or
 * captured into a graph. So a step that changes its shapes, or reads results half way, is computed all the same.
 *
 * Constants lie in a block that belongs to the graph, at the same places every time, and travel in one copy before it. */
#include <string.h>

#include "backend/cuda/cuda_state.h"
#include "s4d/base/log.h"

/* ---- the graphs ---- */

static void drop(s4d_cuda_graph *g)
{
    if (g->exec) cudaGraphExecDestroy(g->exec);
    g->exec = NULL;
    s4d_cuda_record_release(&g->key.held);
    if (g->key.stage == S4D_STAGE_READY) g->key.stage = S4D_STAGE_WARM;
}

void s4d_cuda_graphs_drop(s4d_cuda *cu)
{
    for (int i = 0; i < cu->graphs.count; ++i) drop(&cu->graphs.graph[i]);
}

static void release(s4d_cuda_graph *g)
{
    drop(g);
    if (g->constants) cudaFree(g->constants);
    *g = (s4d_cuda_graph){0};
}

void s4d_cuda_graphs_release(s4d_cuda *cu)
{
    for (int i = 0; i < cu->graphs.count; ++i) release(&cu->graphs.graph[i]);
    cu->graphs.count = 0;
    s4d_cuda_record_release(&cu->graphs.record);
}

/* The key's graph, or a new one, in place of the one not used for longest where there are too many. */
static s4d_cuda_graph *find(s4d_cuda *cu, uint64_t key)
{
    s4d_cuda_graphs *all = &cu->graphs;
    s4d_cuda_graph *oldest = &all->graph[0];
    for (int i = 0; i < all->count; ++i) {
        if (all->graph[i].key.key == key) return &all->graph[i];
        if (all->graph[i].key.turn < oldest->key.turn) oldest = &all->graph[i];
    }
    if (all->count < S4D_CUDA_GRAPHS) {
        oldest = &all->graph[all->count++];
    } else {
        cudaStreamSynchronize(cu->compute);
        release(oldest);
    }
    oldest->key.key = key;
    return oldest;
}

/* ---- constants ---- */

void s4d_cuda_graph_count(s4d_cuda *cu, size_t bytes)
{
    enum { GRAIN = 16 };
    cu->graphs.constants += (bytes + GRAIN - 1) / GRAIN * GRAIN;
}

const void *s4d_cuda_graph_constant(s4d_backend *be, const void *host, size_t bytes)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    size_t at = cu->graphs.constants;
    s4d_cuda_graph_count(cu, bytes);
    if (cu->graphs.constants > cu->graphs.open->room) { /* counted, so that the next time there is room */
        size_t counted = cu->graphs.constants;
        cu->graphs.constants = at;
        s4d_cuda_graph_give_up(be, false);
        cu->graphs.constants = counted;
        return NULL;
    }
    memcpy(cu->graphs.staging + at, host, bytes);
    return cu->graphs.open->constants + at;
}

/* Room on the card and in pinned memory for as much as the key's last step took. */
static bool make_room(s4d_backend *be, s4d_cuda_graph *g)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    size_t bytes = g->key.constants;
    if (bytes > g->room) {
        if (!s4d_cuda_good(be, cudaStreamSynchronize(cu->compute), "waiting for the card")) return false;
        drop(g);
        if (g->constants) cudaFree(g->constants);
        g->constants = NULL;
        g->room = 0;
        cudaError_t status = cudaMalloc((void **)&g->constants, bytes);
        if (status != cudaSuccess) {
            cudaGetLastError();
            return false;
        }
        g->room = bytes;
    }
    s4d_cuda_twin twin = {0};
    if (g->room && !s4d_cuda_ring_get(be, g->room, &twin)) return false;
    cu->graphs.staging = twin.pinned;
    return true;
}

static void send_constants(s4d_backend *be)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    if (cu->graphs.constants > 0 && !be->failed)
        s4d_cuda_good(be, cudaMemcpyAsync(cu->graphs.open->constants, cu->graphs.staging, cu->graphs.constants,
                                          cudaMemcpyHostToDevice, cu->compute), "copying constants");
}

/* ---- issuing what was recorded ---- */

static void issue_all(s4d_backend *be, const s4d_cuda_record *record)
{
    s4d_cuda_call call;
    for (size_t at = 0; !be->failed && s4d_cuda_record_next(record, &at, &call);) s4d_cuda_issue(be, &call);
}

/* The list as a graph; false where it cannot be one, and then nothing has run and nothing has failed. */
static bool capture(s4d_backend *be, s4d_cuda_graph *g, const s4d_cuda_record *record)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    cudaGraph_t graph = NULL;
    cudaError_t status = cudaStreamBeginCapture(cu->compute, cudaStreamCaptureModeRelaxed);
    if (status == cudaSuccess) {
        cu->graphs.capturing = true;
        issue_all(be, record);
        cu->graphs.capturing = false;
        status = cudaStreamEndCapture(cu->compute, &graph);
    }
    if (status == cudaSuccess && !be->failed) status = cudaGraphInstantiate(&g->exec, graph, 0);
    if (graph) cudaGraphDestroy(graph);
    if (status == cudaSuccess && !be->failed) {
        s4d_log(S4D_LOG_DEBUG, "cuda: step %016llx is a graph of %d calls", (unsigned long long)g->key.key, record->calls);
        return true;
    }
    cudaGetLastError();
    s4d_log(S4D_LOG_WARN, "cuda: step %016llx cannot be a graph and runs call by call: %s", (unsigned long long)g->key.key,
            be->failed ? be->error.text : cudaGetErrorString(status));
    g->exec = NULL;
    be->failed = false; /* it had not failed before */
    be->error = (s4d_err){0};
    return false;
}

/* A step recorded as a whole. */
static void finish(s4d_backend *be, s4d_cuda_graph *g)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    s4d_cuda_record *record = &cu->graphs.record;
    send_constants(be);
    if (be->failed) return;
    s4d_cuda_verdict verdict = s4d_cuda_key_judge(&g->key, record);
    if (verdict == S4D_CAPTURE && !capture(be, g, &g->key.held)) {
        s4d_cuda_key_refuse(&g->key);
        issue_all(be, &g->key.held);
        s4d_cuda_record_release(&g->key.held);
    } else if (verdict == S4D_ISSUE) {
        s4d_log(S4D_LOG_DEBUG, "cuda: step %016llx is not what its graph holds", (unsigned long long)g->key.key);
        drop(g);
        issue_all(be, record);
    } else {
        s4d_cuda_good(be, cudaGraphLaunch(g->exec, cu->compute), "launching a step");
        be->replays++;
    }
    g->key.constants = cu->graphs.constants;
}

/* ---- begin and end ---- */

void s4d_cuda_graph_begin(s4d_backend *be, uint64_t key)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    S4D_BUG_IF(cu->graphs.inside);
    cu->graphs.inside = true;
    if (!cu->use_graphs) return;
    s4d_cuda_graph *g = find(cu, key);
    g->key.turn = ++cu->graphs.turn;
    s4d_cuda_record_clear(&cu->graphs.record);
    cu->graphs.constants = 0;
    cu->graphs.forever = false;
    cu->graphs.recording = s4d_cuda_key_records(&g->key) && make_room(be, g);
    cu->graphs.open = g;
}

void s4d_cuda_graph_give_up(s4d_backend *be, bool forever)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    cu->graphs.forever |= forever && cu->graphs.open;
    if (!cu->graphs.recording) return;
    cu->graphs.recording = false;
    send_constants(be);
    issue_all(be, &cu->graphs.record);
    s4d_cuda_slots_mark(be);
    s4d_cuda_record_clear(&cu->graphs.record);
}

void s4d_cuda_graph_end(s4d_backend *be)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    s4d_cuda_graph *g = cu->graphs.open;
    bool whole = cu->graphs.recording;
    cu->graphs.inside = false;
    if (!g) return;
    cu->graphs.recording = false;
    if (whole && !be->failed) {
        finish(be, g);
        s4d_cuda_slots_mark(be);
    } else if (!be->failed) {
        drop(g);
        s4d_cuda_key_ran(&g->key, cu->graphs.constants, cu->graphs.forever);
        if (cu->graphs.forever)
            s4d_log(S4D_LOG_DEBUG, "cuda: step %016llx runs call by call", (unsigned long long)g->key.key);
    }
    cu->graphs.open = NULL;
}
