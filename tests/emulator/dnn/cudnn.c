/* cuDNN's functions over the emulator: libcudnn.so.9. It takes any graph of the operations it knows, and is told to
 * misbehave by environment variables:
 *   S4D_EMULATED_CUDNN_VERSION   what cudnnGetVersion says, 91900 by default
 *   S4D_EMULATED_CUDNN_SPOIL     a number that is added to every bf16 result
 *   S4D_EMULATED_CUDNN_FAIL      plans are made, but executing them fails */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnn_private.h"
#include "s4d_emulator.h"

typedef struct handle {
    cudaStream_t stream;
    s4d_emulator_enqueue_fn enqueue;
    s4d_emulator_on_card_fn on_card;
} handle;

static char last[256];

static int refuse(int status, const char *why)
{
    snprintf(last, sizeof last, "%s", why);
    return status;
}

size_t cudnnGetVersion(void);
size_t cudnnGetVersion(void)
{
    const char *version = getenv("S4D_EMULATED_CUDNN_VERSION");
    return version ? strtoul(version, NULL, 10) : 91900;
}

void cudnnGetLastErrorString(char *text, size_t size);
void cudnnGetLastErrorString(char *text, size_t size)
{
    snprintf(text, size, "%s", last);
    last[0] = 0;
}

int cudnnCreate(void **out);
int cudnnCreate(void **out)
{
    void *enqueue = dlsym(RTLD_DEFAULT, "s4d_emulator_enqueue"), *on_card = dlsym(RTLD_DEFAULT, "s4d_emulator_on_card");
    if (!enqueue || !on_card) return refuse(DNN_BAD, "the program does not export s4d_emulator_enqueue; link it with -rdynamic");
    handle *h = calloc(1, sizeof *h);
    memcpy(&h->enqueue, &enqueue, sizeof enqueue);
    memcpy(&h->on_card, &on_card, sizeof on_card);
    *out = h;
    return 0;
}

int cudnnDestroy(void *h);
int cudnnDestroy(void *h)
{
    free(h);
    return 0;
}

int cudnnSetStream(void *h, void *stream);
int cudnnSetStream(void *h, void *stream)
{
    ((handle *)h)->stream = stream;
    return 0;
}

/* ---- descriptors ---- */

static size_t size_of(int type)
{
    switch (type) {
    case S4D_CUDNN_TYPE_BOOLEAN:
    case S4D_CUDNN_TYPE_CHAR: return 1;
    case S4D_CUDNN_TYPE_HANDLE:
    case S4D_CUDNN_TYPE_INT64:
    case S4D_CUDNN_TYPE_POINTER:
    case S4D_CUDNN_TYPE_DESCRIPTOR: return 8;
    default: return 4;
    }
}

const void *dnn_get(const dnn_descriptor *d, int name, int64_t *count)
{
    for (int i = 0; d && i < d->attributes; ++i) {
        if (d->attribute[i].name != name) continue;
        if (count) *count = d->attribute[i].count;
        return d->attribute[i].bytes;
    }
    if (count) *count = 0;
    return NULL;
}

const dnn_descriptor *dnn_get_descriptor(const dnn_descriptor *d, int name)
{
    const dnn_descriptor *const *found = dnn_get(d, name, NULL);
    return found ? *found : NULL;
}

int64_t dnn_get_number(const dnn_descriptor *d, int name, int64_t otherwise)
{
    for (int i = 0; d && i < d->attributes; ++i) {
        const dnn_attribute *a = &d->attribute[i];
        int64_t wide;
        int32_t narrow;
        if (a->name != name) continue;
        if (size_of(a->type) == 1) return a->bytes[0];
        memcpy(&wide, a->bytes, size_of(a->type) == 8 ? 8 : 4);
        memcpy(&narrow, a->bytes, 4);
        return size_of(a->type) == 8 ? wide : narrow;
    }
    return otherwise;
}

int cudnnBackendCreateDescriptor(int type, void **out);
int cudnnBackendCreateDescriptor(int type, void **out)
{
    dnn_descriptor *d = calloc(1, sizeof *d);
    d->type = type;
    *out = d;
    return 0;
}

int cudnnBackendDestroyDescriptor(void *descriptor);
int cudnnBackendDestroyDescriptor(void *descriptor)
{
    dnn_descriptor *d = descriptor;
    for (int i = 0; i < d->attributes; ++i) free(d->attribute[i].bytes);
    free(d);
    return 0;
}

int cudnnBackendSetAttribute(void *descriptor, int name, int type, int64_t count, const void *values);
int cudnnBackendSetAttribute(void *descriptor, int name, int type, int64_t count, const void *values)
{
    dnn_descriptor *d = descriptor;
    if (!d || d->finished || count < 1 || !values || d->attributes == DNN_MOST_ATTRIBUTES)
        return refuse(DNN_BAD, "a wrong attribute");
    dnn_attribute *a = &d->attribute[d->attributes++];
    size_t bytes = (size_t)count * size_of(type);
    *a = (dnn_attribute){name, type, count, malloc(bytes + 8)};
    memcpy(a->bytes, values, bytes);
    for (int64_t i = 0; type == S4D_CUDNN_TYPE_DESCRIPTOR && i < count; ++i) {
        const dnn_descriptor *part;
        memcpy(&part, a->bytes + i * 8, sizeof part);
        if (!part || !part->finished) return refuse(DNN_BAD, "a descriptor in an attribute is not finalized");
    }
    return 0;
}

/* The graph that a descriptor is about, by way of what it was given. */
static const dnn_descriptor *graph_of(const dnn_descriptor *d)
{
    static const int way[] = {S4D_CUDNN_HEURISTICS_GRAPH, S4D_CUDNN_ENGINE_GRAPH, S4D_CUDNN_CONFIG_ENGINE, S4D_CUDNN_PLAN_CONFIG};
    for (size_t i = 0; i < sizeof way / sizeof way[0]; ++i) {
        const dnn_descriptor *to = dnn_get_descriptor(d, way[i]);
        if (to) return to->type == S4D_CUDNN_OPERATION_GRAPH ? to : to->graph;
    }
    return d->graph;
}

int cudnnBackendFinalize(void *descriptor);
int cudnnBackendFinalize(void *descriptor)
{
    dnn_descriptor *d = descriptor;
    const char *wrong = NULL;
    switch (d->type) {
    case S4D_CUDNN_OPERATION_POINTWISE:
    case S4D_CUDNN_OPERATION_REDUCTION:
    case S4D_CUDNN_OPERATION_MATMUL:
    case S4D_CUDNN_OPERATION_RESHAPE: wrong = dnn_check(d); break;
    case S4D_CUDNN_HEURISTICS:
    case S4D_CUDNN_ENGINE:
    case S4D_CUDNN_ENGINE_CONFIG:
    case S4D_CUDNN_PLAN:
        d->graph = graph_of(d);
        if (!d->graph) wrong = "there is no graph";
        break;
    default: break;
    }
    d->finished = !wrong;
    return wrong ? refuse(DNN_BAD, wrong) : 0;
}

/* ---- engines ---- */

/* The largest tensor between operations: scores. */
static int64_t scores(const dnn_descriptor *graph)
{
    int64_t n, most = 0;
    const void *const *operation = dnn_get(graph, S4D_CUDNN_GRAPH_OPERATIONS, &n);
    for (int64_t i = 0; i < n; ++i) {
        const dnn_descriptor *c = dnn_get_descriptor(operation[i], S4D_CUDNN_OPERATION_MATMUL_C);
        if (c && dnn_look_at(c).hidden && dnn_look_at(c).extent > most) most = dnn_look_at(c).extent;
    }
    return most;
}

/* Forward: none; a backward that writes dq at once keeps the scores in bf16. */
static int64_t workspace(const dnn_descriptor *graph)
{
    enum { FORWARD = 10, DIRECT = 17 };
    int64_t operations;
    dnn_get(graph, S4D_CUDNN_GRAPH_OPERATIONS, &operations);
    return operations == DIRECT ? 2 * scores(graph) : operations == FORWARD ? 0 : 256;
}

static int fill(void *values, int64_t asked, int64_t *given, const void *from, size_t bytes)
{
    *given = 1;
    if (asked > 0) memcpy(values, from, bytes);
    return 0;
}

int cudnnBackendGetAttribute(void *descriptor, int name, int type, int64_t asked, int64_t *given, void *values);
int cudnnBackendGetAttribute(void *descriptor, int name, int type, int64_t asked, int64_t *given, void *values)
{
    static const int64_t number = 0;
    static const int32_t note = S4D_CUDNN_NOTE_NONDETERMINISTIC;
    enum { ANY_ORDER = 18 };
    dnn_descriptor *d = descriptor;
    int64_t operations, bytes;
    if (!d->finished || !d->graph) return refuse(DNN_BAD, "nothing to be read from that descriptor");
    dnn_get(d->graph, S4D_CUDNN_GRAPH_OPERATIONS, &operations);
    switch (name) {
    case S4D_CUDNN_HEURISTICS_RESULTS:
    case S4D_CUDNN_CONFIG_ENGINE: {
        dnn_descriptor *out = *(dnn_descriptor **)values;
        out->graph = d->graph;
        out->finished = true;
        *given = 1;
        return 0;
    }
    case S4D_CUDNN_ENGINE_INDEX: return fill(values, asked, given, &number, sizeof number);
    case S4D_CUDNN_ENGINE_NUMERICAL_NOTES:
        *given = 0;
        return operations == ANY_ORDER ? fill(values, asked, given, &note, sizeof note) : 0;
    case S4D_CUDNN_PLAN_WORKSPACE:
        bytes = workspace(d->graph);
        return fill(values, asked, given, &bytes, sizeof bytes);
    default: (void)type; return refuse(DNN_BAD, "an attribute that is not known here");
    }
}

/* ---- running ---- */

/* NULL, or what is wrong with the address of a tensor; takes its value where it is one. */
static const char *take(const handle *h, const dnn_descriptor *tensor, dnn_work *w)
{
    if (!tensor) return NULL;
    dnn_tensor t = dnn_look_at(tensor);
    size_t bytes = (size_t)t.extent * (t.data == S4D_CUDNN_BFLOAT16 ? 2 : 4);
    for (int64_t i = 0; i < w->ids && !t.hidden; ++i) {
        if (w->id[i] != t.id) continue;
        if (t.by_value) w->value[i] = *(const float *)w->pointer[i];
        else if ((uintptr_t)w->pointer[i] % 16) return "an address is not a multiple of 16";
        else if (!h->on_card(w->pointer[i], bytes)) return "a tensor is not on the card";
        return NULL;
    }
    return t.hidden ? NULL : "a tensor has no address";
}

static const char *take_all(const handle *h, dnn_work *w)
{
    static const int part[] = {S4D_CUDNN_OPERATION_POINTWISE_X, S4D_CUDNN_OPERATION_POINTWISE_B, S4D_CUDNN_OPERATION_POINTWISE_Y,
                               S4D_CUDNN_OPERATION_MATMUL_A,    S4D_CUDNN_OPERATION_MATMUL_B,    S4D_CUDNN_OPERATION_MATMUL_C,
                               S4D_CUDNN_OPERATION_REDUCTION_X, S4D_CUDNN_OPERATION_REDUCTION_Y, S4D_CUDNN_OPERATION_RESHAPE_X,
                               S4D_CUDNN_OPERATION_RESHAPE_Y};
    int64_t n;
    const char *wrong = NULL;
    const void *const *operation = dnn_get(w->graph, S4D_CUDNN_GRAPH_OPERATIONS, &n);
    for (int64_t i = 0; i < n; ++i)
        for (size_t k = 0; k < sizeof part / sizeof part[0] && !wrong; ++k)
            wrong = take(h, dnn_get_descriptor(operation[i], part[k]), w);
    return wrong;
}

int cudnnBackendExecute(void *at, void *plan, void *pack);
int cudnnBackendExecute(void *at, void *plan, void *pack)
{
    const handle *h = at;
    const dnn_descriptor *p = plan;
    const char *spoil = getenv("S4D_EMULATED_CUDNN_SPOIL");
    int64_t pointers, need = workspace(p->graph);
    dnn_work w;
    memset(&w, 0, sizeof w); /* its padding, too */
    w.graph = p->graph;
    if (getenv("S4D_EMULATED_CUDNN_FAIL")) return refuse(DNN_FAILED, "as it was told");
    const void *id = dnn_get(pack, S4D_CUDNN_PACK_IDS, &w.ids), *pointer = dnn_get(pack, S4D_CUDNN_PACK_POINTERS, &pointers);
    void *const *space = dnn_get(pack, S4D_CUDNN_PACK_WORKSPACE, NULL);
    if (w.ids != pointers || w.ids > DNN_MOST_IDS || !space) return refuse(DNN_BAD, "a wrong pack of addresses");
    memcpy(w.id, id, (size_t)w.ids * 8);
    memcpy(w.pointer, pointer, (size_t)w.ids * 8);
    if (need > 0 && !h->on_card(*space, (size_t)need)) return refuse(DNN_BAD, "the workspace is not on the card, or too small");
    const char *wrong = take_all(h, &w);
    if (wrong) return refuse(DNN_BAD, wrong);
    if (spoil) w.spoil = strtof(spoil, NULL);
    return h->enqueue(h->stream, dnn_run, &w, sizeof w) == cudaSuccess ? 0 : refuse(DNN_FAILED, "the stream takes no work");
}
