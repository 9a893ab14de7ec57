/* Which dict of a PyTorch object holds the model: programs put it under keys of their own, one
 * inside another, beside the state of the optimiser and an average of the weights. */
#include "ckpt/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANDIDATES_MAX = 32, LOOKS_MAX = 1 << 20 };

/* In the order in which they are preferred. */
static const char *const in_use[] = {"state_dict",
                                     "model_state_dict",
                                     "model_state",
                                     "model",
                                     "module",
                                     "net",
                                     "network",
                                     "weights",
                                     "params",
                                     "backbone",
                                     "encoder",
                                     "generator",
                                     "model_ema",
                                     "state_dict_ema",
                                     "ema_state_dict",
                                     "params_ema",
                                     "ema_model",
                                     "module_ema",
                                     "model_ema_state_dict",
                                     "ema",
                                     "teacher",
                                     "student"};
enum { IN_USE = sizeof in_use / sizeof *in_use, UNKNOWN = IN_USE };

/* A dict that holds tensors by their names. */
typedef struct candidate {
    const s4d_pickle_node *node;
    char path[S4D_TOP_MAX];
    int rank[S4D_TOP_DEPTH]; /* of each key on the way, from the outermost: place in in_use, or
                                UNKNOWN */
    int depth;
    size_t tensors;
} candidate;

typedef struct search {
    candidate found[CANDIDATES_MAX];
    int count;
    size_t looked;
} search;

size_t s4d_top_tensors(const s4d_pickle_node *dict)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        n += dict->item[i]->kind == S4D_PICKLE_TEXT && dict->item[i + 1]->kind == S4D_PICKLE_TENSOR;
    }
    return n;
}

static bool is_list(const s4d_pickle_node *node)
{
    return node->kind == S4D_PICKLE_LIST || node->kind == S4D_PICKLE_TUPLE;
}

static int rank_of(s4d_slice key)
{
    for (int i = 0; i < IN_USE; i++) {
        if (s4d_slice_is(key, in_use[i])) {
            return i;
        }
    }
    return UNKNOWN;
}

/* The state of an optimiser has tensors by the same names. */
static bool is_no_model(s4d_slice key)
{
    return key.size >= 5 && memcmp(key.at, "optim", 5) == 0;
}

static void look(search *s, const s4d_pickle_node *node, const candidate *at);

/* What stands in a container under one key. */
static void look_below(search *s, const candidate *above, s4d_slice key, int rank,
                       const s4d_pickle_node *node)
{
    candidate below = *above;
    if (node->kind != S4D_PICKLE_DICT && !is_list(node)) {
        return;
    }
    if (above->depth == S4D_TOP_DEPTH || key.size > S4D_TOP_MAX / 4 ||
        memchr(key.at, '\0', key.size)) {
        return;
    }
    size_t n = strlen(above->path);
    if (n + key.size + 2 > sizeof below.path) {
        return;
    }
    snprintf(below.path + n, sizeof below.path - n, "%s%.*s", n ? "." : "", (int)key.size, key.at);
    below.rank[below.depth++] = rank;
    look(s, node, &below);
}

static void look(search *s, const s4d_pickle_node *node, const candidate *at)
{
    if ((s->looked += node->count + 1) > LOOKS_MAX) {
        return;
    }
    size_t tensors = node->kind == S4D_PICKLE_DICT ? s4d_top_tensors(node) : 0;
    if (tensors && s->count < CANDIDATES_MAX) {
        candidate *c = &s->found[s->count++];
        *c = *at;
        c->node = node;
        c->tensors = tensors;
    }
    for (size_t i = 0; node->kind == S4D_PICKLE_DICT && i + 1 < node->count; i += 2) {
        const s4d_pickle_node *key = node->item[i];
        if (key->kind == S4D_PICKLE_TEXT && !is_no_model(key->text)) {
            look_below(s, at, key->text, rank_of(key->text), node->item[i + 1]);
        }
    }
    for (size_t i = 0; is_list(node) && i < node->count && i < 16; i++) {
        char number[8];
        int n = snprintf(number, sizeof number, "%zu", i);
        look_below(s, at, (s4d_slice){number, (size_t)n}, (int)i, node->item[i]);
    }
}

/* ---- the best of them ---- */

static bool is_known(const candidate *c)
{
    for (int i = 0; i < c->depth; i++) {
        if (c->rank[i] == UNKNOWN) {
            return false;
        }
    }
    return true;
}

/* The one whose keys come first in the order of preference; fewer keys before more. */
static int compare(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    for (int i = 0; i < x->depth && i < y->depth; i++) {
        if (x->rank[i] != y->rank[i]) {
            return x->rank[i] - y->rank[i];
        }
    }
    return x->depth - y->depth;
}

/* Only those that have as many tensors as a model, in order of preference, and each once. */
static void keep_large(search *s)
{
    size_t most = 0;
    int n = 0;
    for (int i = 0; i < s->count; i++) {
        most = s->found[i].tensors > most ? s->found[i].tensors : most;
    }
    qsort(s->found, (size_t)s->count, sizeof *s->found, compare);
    for (int i = 0; i < s->count; i++) {
        bool keep = 2 * s->found[i].tensors >= most;
        for (int k = 0; k < n && keep; k++) {
            keep = s->found[k].node != s->found[i].node;
        }
        if (keep) {
            s->found[n++] = s->found[i];
        }
    }
    s->count = n;
}

static s4d_status describe(const char *file, const search *s, int from, s4d_strlist *out,
                           s4d_err *err)
{
    for (int i = from; i < s->count; i++) {
        char text[S4D_TOP_MAX + 64];
        snprintf(text, sizeof text, "%s (%zu tensors)",
                 s->found[i].path[0] ? s->found[i].path : "the object itself", s->found[i].tensors);
        s4d_str_printable(text, sizeof text);
        if (!s4d_strlist_add(out, text)) {
            return s4d_err_memory(err, sizeof text, file);
        }
    }
    return S4D_OK;
}

/* "a (45 tensors), b (45 tensors)" */
static void join(const s4d_strlist *list, char text[400])
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count && n < 390; i++) {
        n += (size_t)snprintf(text + n, 400 - n, "%s%s", i ? ", " : "", list->item[i]);
    }
}

static s4d_status say_several(const char *file, s4d_top *out, s4d_err *err)
{
    char text[400];
    join(&out->others, text);
    return s4d_err_set(err, S4D_FAILED,
                       "%s: holds several dicts of tensors, %s; choose one by --key NAME", file,
                       text);
}

/* The best dict of tensors below `from`, which stands at `at`. */
static s4d_status choose_below(const s4d_pickle_node *from, const candidate *at, const char *file,
                               s4d_top *out, s4d_err *err)
{
    search s = {0};
    look(&s, from, at);
    keep_large(&s);
    if (s.count == 0) {
        return S4D_OK;
    }
    bool clear = s.count == 1 || is_known(&s.found[0]);
    s4d_status status = describe(file, &s, clear ? 1 : 0, &out->others, err);
    if (status == S4D_OK && !clear) {
        status = say_several(file, out, err);
    }
    if (status == S4D_OK) {
        out->model = s.found[0].node;
        out->tensors = s.found[0].tensors;
        memcpy(out->path, s.found[0].path, sizeof out->path);
    }
    return status;
}

/* ---- keys that are given ---- */

/* What stands under a key of a dict, or a number in a list; NULL: nothing. */
static const s4d_pickle_node *under(const s4d_pickle_node *node, const char *key, size_t size)
{
    char text[S4D_TOP_MAX], *end;
    if (size >= sizeof text) {
        return NULL;
    }
    snprintf(text, sizeof text, "%.*s", (int)size, key);
    if (node->kind == S4D_PICKLE_DICT) {
        return s4d_pickle_find(node, text);
    }
    unsigned long i = strtoul(text, &end, 10);
    bool number = is_list(node) && end != text && !*end;
    return number && i < node->count ? node->item[i] : NULL;
}

/* Down by one given key: as it stands, else split at its dots. */
static const s4d_pickle_node *follow(const s4d_pickle_node *node, const char *key, int depth)
{
    const s4d_pickle_node *below = under(node, key, strlen(key));
    for (const char *dot = strchr(key, '.'); !below && dot && depth < S4D_TOP_DEPTH;
         dot = strchr(dot + 1, '.')) {
        const s4d_pickle_node *first = under(node, key, (size_t)(dot - key));
        below = first ? follow(first, dot + 1, depth + 1) : NULL;
    }
    return below;
}

static s4d_status say_no_key(const s4d_pickle_node *root, const char *key, const char *file,
                             s4d_err *err)
{
    static const candidate top = {0};
    search s = {0};
    s4d_strlist list = {0};
    char text[400];
    look(&s, root, &top);
    keep_large(&s);
    s4d_status status = describe(file, &s, 0, &list, err);
    join(&list, text);
    s4d_strlist_release(&list);
    return status ? status
                  : s4d_err_set(err, S4D_USAGE,
                                "--key %.100s: leads to no tensors in %s, which holds %s", key,
                                file, *text ? text : "none by their names");
}

/* A dict is described by the first object in it, which may be the model itself. */
static s4d_status say_no_tensors(const s4d_pickle_node *root, const char *file, s4d_err *err)
{
    char what[160], key[64] = "", object[160] = "";
    s4d_pickle_describe(root, what, sizeof what);
    if (root->kind != S4D_PICKLE_DICT && !is_list(root)) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: holds %s, not tensors by their names; save the model's "
                           "state_dict() instead",
                           file, what);
    }
    for (size_t i = 0; root->kind == S4D_PICKLE_DICT && i + 1 < root->count && !*object; i += 2) {
        if (root->item[i + 1]->kind == S4D_PICKLE_OPAQUE) {
            s4d_pickle_describe(root->item[i], key, sizeof key);
            s4d_pickle_describe(root->item[i + 1], object, sizeof object);
        }
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s: holds no tensors by their names: %s%s%s%s%s; save the model's "
                       "state_dict() instead",
                       file, what, *object ? ", of which " : "", key, *object ? " is " : "",
                       object);
}

s4d_status s4d_top_choose(const s4d_pickle_node *root, const char *const *key, int keys,
                          const char *file, s4d_top *out, s4d_err *err)
{
    const s4d_pickle_node *from = root;
    candidate at = {0};
    *out = (s4d_top){0};
    for (int i = 0; i < keys && from; i++) {
        size_t n = strlen(at.path);
        snprintf(at.path + n, sizeof at.path - n, "%s%.*s", n ? "." : "", S4D_TOP_MAX / 8, key[i]);
        from = follow(from, key[i], 0);
        if (!from) {
            return say_no_key(root, key[i], file, err);
        }
    }
    s4d_status status = choose_below(from, &at, file, out, err);
    if (status == S4D_OK && !out->model && keys) {
        return say_no_key(root, key[keys - 1], file, err);
    }
    return status == S4D_OK && !out->model ? say_no_tensors(root, file, err) : status;
}

void s4d_top_release(s4d_top *top)
{
    s4d_strlist_release(&top->others);
    *top = (s4d_top){0};
}
