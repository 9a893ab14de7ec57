/* Heuristics, engines and plans. */
#include <string.h>

#include "backend/cuda/cudnn_plan.h"

enum { MOST_CONFIGS = 16, MOST_NOTES = 16 };

/* ---- descriptors by themselves ---- */

typedef struct setting {
    s4d_cudnn_attribute name;
    s4d_cudnn_type type;
    int64_t count;
    const void *values;
} setting;

static s4d_status make(const s4d_cudnn *c, s4d_cudnn_descriptor type, const char *what, void **out, s4d_err *err)
{
    int status = c->create_descriptor((int)type, out);
    if (status == 0) return S4D_OK;
    *out = NULL;
    return s4d_cudnn_refused(c, status, what, err);
}

static void destroy(const s4d_cudnn *c, void **d)
{
    if (*d) c->destroy_descriptor(*d);
    *d = NULL;
}

/* Sets everything and finalizes; cuDNN's status, and 0 where all went well. */
static int fill(const s4d_cudnn *c, void *d, const setting *s, int n)
{
    int status = 0;
    for (int i = 0; i < n && status == 0; ++i) status = c->set(d, (int)s[i].name, (int)s[i].type, s[i].count, s[i].values);
    return status == 0 ? c->finalize(d) : status;
}

/* The device as an attribute: by handle or by properties, under the names they go by in this descriptor. */
static setting device_setting(const s4d_cudnn_device *d, s4d_cudnn_attribute handle, s4d_cudnn_attribute properties)
{
    if (d->handle) return (setting){handle, S4D_CUDNN_TYPE_HANDLE, 1, &d->handle};
    return (setting){properties, S4D_CUDNN_TYPE_DESCRIPTOR, 1, &d->properties};
}

s4d_status s4d_cudnn_device_describe(s4d_cudnn_device *d, const s4d_cudnn *c, const char *json, s4d_err *err)
{
    *d = (s4d_cudnn_device){.c = c};
    s4d_status status = make(c, S4D_CUDNN_DEVICE_PROPERTIES, "describe a card", &d->properties, err);
    if (status != S4D_OK) return status;
    const setting s[] = {{S4D_CUDNN_DEVICE_JSON, S4D_CUDNN_TYPE_CHAR, (int64_t)strlen(json), json}};
    int refused = fill(c, d->properties, s, 1);
    if (refused == 0) return S4D_OK;
    status = s4d_cudnn_refused(c, refused, "take the description of a card", err);
    destroy(c, &d->properties);
    return status;
}

void s4d_cudnn_device_release(s4d_cudnn_device *d)
{
    if (!d->c) return;
    destroy(d->c, &d->properties);
    if (d->handle) d->c->destroy(d->handle);
    d->handle = NULL;
}

/* ---- engines ---- */

/* Number of the engine in a configuration, and whether it says that it is not deterministic. */
static bool look_at(const s4d_cudnn *c, void *config, int64_t *number, bool *any_order)
{
    void *engine = NULL;
    int32_t note[MOST_NOTES];
    int64_t given = 0, notes = 0;
    if (c->create_descriptor(S4D_CUDNN_ENGINE, &engine) != 0) return false;
    bool good = c->get(config, S4D_CUDNN_CONFIG_ENGINE, S4D_CUDNN_TYPE_DESCRIPTOR, 1, &given, &engine) == 0 &&
                c->get(engine, S4D_CUDNN_ENGINE_INDEX, S4D_CUDNN_TYPE_INT64, 1, &given, number) == 0 &&
                c->get(engine, S4D_CUDNN_ENGINE_NUMERICAL_NOTES, S4D_CUDNN_TYPE_NUMERICAL_NOTE, MOST_NOTES, &notes, note) == 0;
    *any_order = false;
    for (int64_t i = 0; good && i < notes && i < MOST_NOTES; ++i) *any_order |= note[i] == S4D_CUDNN_NOTE_NONDETERMINISTIC;
    destroy(c, &engine);
    return good;
}

/* Makes the plan of a configuration, which becomes the plan's where that works. */
static int try_config(const s4d_cudnn_device *d, s4d_cudnn_plan *plan, void **config)
{
    const s4d_cudnn *c = d->c;
    int64_t given = 0;
    const setting s[] = {{S4D_CUDNN_PLAN_CONFIG, S4D_CUDNN_TYPE_DESCRIPTOR, 1, config},
                         device_setting(d, S4D_CUDNN_PLAN_HANDLE, S4D_CUDNN_PLAN_DEVICE)};
    int status = c->create_descriptor(S4D_CUDNN_PLAN, &plan->plan);
    if (status == 0) status = fill(c, plan->plan, s, 2);
    if (status == 0) status = c->get(plan->plan, S4D_CUDNN_PLAN_WORKSPACE, S4D_CUDNN_TYPE_INT64, 1, &given, &plan->workspace);
    ++plan->tried;
    plan->last_status = status;
    if (status != 0) {
        destroy(c, &plan->plan);
        return status;
    }
    plan->config = *config;
    *config = NULL;
    return 0;
}

/* The configurations that the heuristics name in a mode. */
typedef struct configs {
    void *config[MOST_CONFIGS];
    int64_t count;
} configs;

static int ask(const s4d_cudnn_device *d, void *graph, int32_t mode, configs *out)
{
    const s4d_cudnn *c = d->c;
    void *heuristics = NULL;
    const setting s[] = {{S4D_CUDNN_HEURISTICS_GRAPH, S4D_CUDNN_TYPE_DESCRIPTOR, 1, &graph},
                         {S4D_CUDNN_HEURISTICS_MODE, S4D_CUDNN_TYPE_HEURISTICS_MODE, 1, &mode},
                         {S4D_CUDNN_HEURISTICS_DEVICE, S4D_CUDNN_TYPE_DESCRIPTOR, 1, &d->properties}};
    int status = c->create_descriptor(S4D_CUDNN_HEURISTICS, &heuristics);
    if (status == 0) status = fill(c, heuristics, s, d->handle ? 2 : 3);
    for (int i = 0; i < MOST_CONFIGS && status == 0; ++i)
        status = c->create_descriptor(S4D_CUDNN_ENGINE_CONFIG, &out->config[i]);
    if (status == 0)
        status = c->get(heuristics, S4D_CUDNN_HEURISTICS_RESULTS, S4D_CUDNN_TYPE_DESCRIPTOR, MOST_CONFIGS, &out->count,
                        out->config);
    if (status != 0) out->count = 0;
    if (out->count > MOST_CONFIGS) out->count = MOST_CONFIGS;
    destroy(c, &heuristics);
    return status;
}

static int plan_by_heuristics(const s4d_cudnn_device *d, s4d_cudnn_plan *plan, void *graph, bool deterministic)
{
    static const int32_t mode[] = {S4D_CUDNN_MODE_A, S4D_CUDNN_MODE_FALLBACK};
    for (size_t m = 0; m < sizeof mode / sizeof mode[0] && !plan->plan; ++m) {
        configs found = {0};
        int status = ask(d, graph, mode[m], &found);
        if (status != 0) plan->last_status = status;
        plan->named += (int)found.count;
        for (int64_t i = 0; i < found.count && !plan->plan; ++i) {
            int64_t engine = -1;
            bool any_order = false;
            if (!look_at(d->c, found.config[i], &engine, &any_order) || (deterministic && any_order)) continue;
            plan->engine = engine;
            try_config(d, plan, &found.config[i]);
        }
        for (int i = 0; i < MOST_CONFIGS; ++i) destroy(d->c, &found.config[i]);
    }
    return plan->plan ? 0 : plan->last_status;
}

/* ---- the engine that was chosen ---- */

static int make_engine(const s4d_cudnn_device *d, void *graph, int64_t number, void **engine)
{
    const setting s[] = {{S4D_CUDNN_ENGINE_GRAPH, S4D_CUDNN_TYPE_DESCRIPTOR, 1, &graph},
                         {S4D_CUDNN_ENGINE_INDEX, S4D_CUDNN_TYPE_INT64, 1, &number},
                         {S4D_CUDNN_ENGINE_DEVICE, S4D_CUDNN_TYPE_DESCRIPTOR, 1, &d->properties}};
    int status = d->c->create_descriptor(S4D_CUDNN_ENGINE, engine);
    return status == 0 ? fill(d->c, *engine, s, d->handle ? 2 : 3) : status;
}

static int plan_by_choice(const s4d_cudnn_device *d, s4d_cudnn_plan *plan, void *graph, const s4d_cudnn_choice *choice)
{
    const s4d_cudnn *c = d->c;
    void *engine = NULL, *config = NULL, *knob[S4D_CUDNN_MOST_KNOBS] = {NULL};
    int status = make_engine(d, graph, choice->engine, &engine);
    for (int i = 0; i < choice->knobs && status == 0; ++i) {
        const setting s[] = {{S4D_CUDNN_KNOB_TYPE, S4D_CUDNN_TYPE_KNOB_TYPE, 1, &choice->knob[i]},
                             {S4D_CUDNN_KNOB_VALUE, S4D_CUDNN_TYPE_INT64, 1, &choice->value[i]}};
        status = c->create_descriptor(S4D_CUDNN_KNOB_CHOICE, &knob[i]);
        if (status == 0) status = fill(c, knob[i], s, 2);
    }
    const setting s[] = {{S4D_CUDNN_CONFIG_ENGINE, S4D_CUDNN_TYPE_DESCRIPTOR, 1, &engine},
                         {S4D_CUDNN_CONFIG_KNOBS, S4D_CUDNN_TYPE_DESCRIPTOR, choice->knobs, knob}};
    if (status == 0) status = c->create_descriptor(S4D_CUDNN_ENGINE_CONFIG, &config);
    if (status == 0) status = fill(c, config, s, choice->knobs > 0 ? 2 : 1);
    plan->engine = choice->engine;
    plan->last_status = status;
    if (status == 0) status = try_config(d, plan, &config);
    for (int i = 0; i < S4D_CUDNN_MOST_KNOBS; ++i) destroy(c, &knob[i]);
    destroy(c, &config);
    destroy(c, &engine);
    return status;
}

/* ---- plans ---- */

s4d_status s4d_cudnn_plan_build(const s4d_cudnn_device *d, s4d_cudnn_plan *plan, const s4d_cudnn_wish *wish, s4d_err *err)
{
    void *graph = NULL;
    s4d_status status = s4d_cudnn_graph_finish(&plan->graph, &graph, err);
    if (status != S4D_OK) return status;
    int refused = wish->choice ? plan_by_choice(d, plan, graph, wish->choice)
                               : plan_by_heuristics(d, plan, graph, wish->deterministic);
    if (plan->plan) return S4D_OK;
    if (refused == 0) return s4d_err_set(err, S4D_FAILED, "cuDNN has no engine for this graph of operations");
    return s4d_cudnn_refused(d->c, refused, "make a plan", err);
}

void s4d_cudnn_plan_release(s4d_cudnn_plan *plan)
{
    if (!plan->graph.c) return;
    destroy(plan->graph.c, &plan->plan);
    destroy(plan->graph.c, &plan->config);
    s4d_cudnn_graph_release(&plan->graph);
}

s4d_status s4d_cudnn_plan_run(const s4d_cudnn_device *d, const s4d_cudnn_plan *plan, const s4d_cudnn_pointers *p, s4d_err *err)
{
    void *pack = NULL;
    s4d_status status = make(d->c, S4D_CUDNN_VARIANT_PACK, "take addresses", &pack, err);
    if (status != S4D_OK) return status;
    const setting s[] = {{S4D_CUDNN_PACK_IDS, S4D_CUDNN_TYPE_INT64, p->count, p->id},
                         {S4D_CUDNN_PACK_POINTERS, S4D_CUDNN_TYPE_POINTER, p->count, p->pointer},
                         {S4D_CUDNN_PACK_WORKSPACE, S4D_CUDNN_TYPE_POINTER, 1, &p->workspace}};
    int refused = fill(d->c, pack, s, 3);
    if (refused == 0) refused = d->c->execute(d->handle, plan->plan, pack);
    if (refused != 0) status = s4d_cudnn_refused(d->c, refused, "compute attention", err);
    destroy(d->c, &pack);
    return status;
}
