/* What a pickle calls: the few functions that make tensors and dicts are known by name, everything
 * else becomes a placeholder. Nothing is looked up, imported or run. */
#include "ckpt/pickle.h"

static bool is_global(const s4d_pickle_node *node, const char *module, const char *name)
{
    return node->kind == S4D_PICKLE_GLOBAL && s4d_slice_is(node->text, module) &&
           s4d_slice_is(node->name, name);
}

static s4d_status make_opaque(s4d_pickle *p, const s4d_pickle_node *of, s4d_pickle_node **out,
                              s4d_err *err)
{
    static const s4d_slice unknown = {"something", 9}, unnamed = {"unnamed", 7};
    bool named = of->kind == S4D_PICKLE_GLOBAL || of->kind == S4D_PICKLE_OPAQUE;
    s4d_pickle_node *node = s4d_pickle_node_new(p, S4D_PICKLE_OPAQUE, err);
    if (!node) {
        return S4D_FAILED;
    }
    node->text = named ? of->text : unknown;
    node->name = named ? of->name : unnamed;
    *out = node;
    return S4D_OK;
}

/* OrderedDict([(key, value), ...]) */
static s4d_status make_dict(s4d_pickle *p, const s4d_pickle_node *args, s4d_pickle_node **out,
                            s4d_err *err)
{
    const s4d_pickle_node *pairs = args->count ? args->item[0] : NULL;
    s4d_pickle_node *dict = s4d_pickle_node_new(p, S4D_PICKLE_DICT, err);
    s4d_status status = dict ? S4D_OK : S4D_FAILED;
    bool listed = pairs && (pairs->kind == S4D_PICKLE_LIST || pairs->kind == S4D_PICKLE_TUPLE);
    for (size_t i = 0; listed && i < pairs->count && status == S4D_OK; i++) {
        const s4d_pickle_node *pair = pairs->item[i];
        if ((pair->kind != S4D_PICKLE_LIST && pair->kind != S4D_PICKLE_TUPLE) || pair->count != 2) {
            return s4d_pickle_broken(p, err, "makes a dict of things that are no pairs");
        }
        for (int k = 0; k < 2 && status == S4D_OK; k++) {
            status = s4d_pickle_append(p, dict, pair->item[k], err);
        }
    }
    *out = dict;
    return status;
}

/* The first argument where it is a tensor, or a placeholder. */
static s4d_status same_tensor(s4d_pickle *p, const s4d_pickle_node *callable,
                              const s4d_pickle_node *args, s4d_pickle_node **out, s4d_err *err)
{
    if (args->count > 0 && args->item[0]->kind == S4D_PICKLE_TENSOR) {
        *out = args->item[0];
        return S4D_OK;
    }
    return make_opaque(p, callable, out, err);
}

/* (function, type, arguments, attributes): a tensor of a class of its own, or with attributes,
 * which nobody reads. */
static s4d_status make_from_type(s4d_pickle *p, const s4d_pickle_node *callable,
                                 const s4d_pickle_node *args, s4d_pickle_node **out, s4d_err *err)
{
    if (args->count < 3 || args->item[2]->kind != S4D_PICKLE_TUPLE) {
        return make_opaque(p, callable, out, err);
    }
    return s4d_pickle_call(p, args->item[0], args->item[2], out, err);
}

static s4d_status call_torch(s4d_pickle *p, const s4d_pickle_node *callable,
                             const s4d_pickle_node *args, s4d_pickle_node **out, s4d_err *err)
{
    s4d_slice name = callable->name;
    if (s4d_slice_is(name, "_rebuild_tensor_v2") || s4d_slice_is(name, "_rebuild_tensor")) {
        return s4d_pickle_tensor(p, args, false, out, err);
    }
    if (s4d_slice_is(name, "_rebuild_tensor_v3")) {
        return s4d_pickle_tensor(p, args, true, out, err);
    }
    if (s4d_slice_is(name, "_rebuild_parameter") ||
        s4d_slice_is(name, "_rebuild_parameter_with_state") ||
        s4d_slice_is(name, "_rebuild_device_tensor_from_cpu_tensor") ||
        s4d_slice_is(name, "_rebuild_xla_tensor")) {
        return same_tensor(p, callable, args, out, err);
    }
    if (s4d_slice_is(name, "_rebuild_meta_tensor_no_storage")) {
        return s4d_pickle_hollow_tensor(p, args, out, err);
    }
    if (s4d_slice_is(name, "_rebuild_from_type_v2") || s4d_slice_is(name, "_rebuild_from_type")) {
        return make_from_type(p, callable, args, out, err);
    }
    return make_opaque(p, callable, out, err);
}

s4d_status s4d_pickle_call(s4d_pickle *p, const s4d_pickle_node *callable,
                           const s4d_pickle_node *args, s4d_pickle_node **out, s4d_err *err)
{
    if (args->kind != S4D_PICKLE_TUPLE) {
        return s4d_pickle_broken(p, err, "calls something without a tuple of arguments");
    }
    if (callable->kind == S4D_PICKLE_GLOBAL && (s4d_slice_is(callable->text, "torch._utils") ||
                                                s4d_slice_is(callable->text, "torch._tensor"))) {
        return call_torch(p, callable, args, out, err);
    }
    if (is_global(callable, "collections", "OrderedDict")) {
        return make_dict(p, args, out, err);
    }
    if (is_global(callable, "collections", "defaultdict")) {
        /* its argument is a factory, which is never called */
        *out = s4d_pickle_node_new(p, S4D_PICKLE_DICT, err);
        return *out ? S4D_OK : S4D_FAILED;
    }
    return make_opaque(p, callable, out, err);
}
