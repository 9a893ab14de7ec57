/* Wrappers' words before names, taken off as long as there are any. Where the model begins is told
 * by its patch embedding, which every model read here has. */
#include "ckpt/unwrap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/mem.h"

enum { PREFIXES_MAX = 16, PREFIX_MAX = 256 };

/* PyTorch's own wrappers stand anywhere in a name. */
static const char *const anywhere[] = {"_orig_mod.", "_fsdp_wrapped_module.",
                                       "_checkpoint_wrapped_module."};

/* Words before a model; those of an average or a copy come after the model itself. */
static const struct {
    const char *word;
    int rank;
} wrappers[] = {
    {"module.", 0},       {"_forward_module.", 0},
    {"model.", 0},        {"backbone.", 0},
    {"net.", 0},          {"network.", 0},
    {"encoder.", 0},      {"base_model.", 0},
    {"base_encoder.", 0}, {"vit.", 0},
    {"videomae.", 0},     {"visual.", 0},
    {"trunk.", 0},        {"feature_extractor.", 0},
    {"teacher.", 1},      {"student.", 2},
    {"model_ema.", 3},    {"ema_model.", 3},
    {"module_ema.", 3},   {"ema.", 3},
};
enum { WRAPPERS = sizeof wrappers / sizeof *wrappers, NOT_KNOWN = 100 };

/* ---- names ---- */

static bool begins(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

/* Without PyTorch's own wrappers, in place. */
static void clean(char *name)
{
    for (size_t k = 0; k < sizeof anywhere / sizeof *anywhere; k++) {
        size_t n = strlen(anywhere[k]);
        for (char *at = strstr(name, anywhere[k]); at; at = strstr(at, anywhere[k])) {
            if (at == name || at[-1] == '.') {
                memmove(at, at + n, strlen(at + n) + 1);
            } else {
                at += n;
            }
        }
    }
}

static s4d_status copy_names(s4d_unwrap *u, const s4d_ckpt *file, s4d_err *err)
{
    size_t n = s4d_ckpt_count(file);
    u->name = s4d_mem_alloc(n + 1, sizeof *u->name);
    u->item = s4d_mem_alloc(n + 1, sizeof *u->item);
    if (!u->name || !u->item) {
        return s4d_err_memory(err, n * sizeof *u->item, s4d_ckpt_path(file));
    }
    for (u->names = 0; u->names < n; u->names++) {
        u->name[u->names] = s4d_mem_strdup(s4d_ckpt_at(file, u->names)->name);
        if (!u->name[u->names]) {
            return s4d_err_memory(err, n, s4d_ckpt_path(file));
        }
        clean(u->name[u->names]);
    }
    return S4D_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const s4d_unwrapped *)a)->name, ((const s4d_unwrapped *)b)->name);
}

/* The names that are left, in order, each once. */
static s4d_status sort(s4d_unwrap *u, const s4d_ckpt *file, s4d_err *err)
{
    u->count = 0;
    for (size_t i = 0; i < u->names; i++) {
        if (u->name[i]) {
            u->item[u->count++] = (s4d_unwrapped){u->name[i], s4d_ckpt_at(file, i)};
        }
    }
    qsort(u->item, u->count, sizeof *u->item, compare);
    for (size_t i = 1; i < u->count; i++) {
        if (strcmp(u->item[i - 1].name, u->item[i].name) == 0) {
            return s4d_err_set(err, S4D_FAILED,
                               "%s: %s and %s are one tensor but for their wrappers; save it anew",
                               s4d_ckpt_path(file), u->item[i - 1].tensor->name,
                               u->item[i].tensor->name);
        }
    }
    return S4D_OK;
}

/* The first place whose name is not before `name`. */
static size_t place(const s4d_unwrap *u, const char *name)
{
    size_t low = 0, high = u->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(u->item[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const s4d_ckpt_tensor *s4d_unwrap_find(const s4d_unwrap *u, const char *name)
{
    size_t i = place(u, name);
    return i < u->count && strcmp(u->item[i].name, name) == 0 ? u->item[i].tensor : NULL;
}

bool s4d_unwrap_any(const s4d_unwrap *u, const char *head)
{
    size_t i = place(u, head);
    return i < u->count && begins(u->item[i].name, head);
}

/* Names that do not begin with the prefix are no longer ours. */
static s4d_status take_off(s4d_unwrap *u, const s4d_ckpt *file, const char *prefix, s4d_err *err)
{
    size_t size = strlen(prefix), n = strlen(u->prefix);
    for (size_t i = 0; i < u->names; i++) {
        char *name = u->name[i];
        if (name && begins(name, prefix) && name[size]) {
            memmove(name, name + size, strlen(name + size) + 1);
        } else {
            s4d_mem_free(name);
            u->name[i] = NULL;
        }
    }
    snprintf(u->prefix + n, sizeof u->prefix - n, "%s", prefix);
    return sort(u, file, err);
}

/* ---- where the model begins ---- */

/* What stands before the model in names, and how well it is known. */
typedef struct prefix {
    char text[PREFIX_MAX];
    int rank;
} prefix;

/* Length of the last word of the first n bytes, its dot included. */
static size_t last_word(const char *text, size_t n)
{
    size_t at = n;
    while (at > 0 && (at == n || text[at - 1] != '.')) {
        at--;
    }
    return n - at;
}

/* "encoder." is a word of the published names of stage 1; it wraps where such names do not go on
 * so. */
static bool encoder_wraps(const s4d_unwrap *u, const char *name, size_t size)
{
    static const char *const tell[] = {
        "cls_token",         "pos_embed",         "fc_norm.weight",        "head.weight",
        "head.image.weight", "head.video.weight", "blocks.0.attn.qkv.bias"};
    bool any = false;
    for (size_t i = 0; i < sizeof tell / sizeof *tell; i++) {
        char full[PREFIX_MAX + 64];
        snprintf(full, sizeof full, "%.*s%s", (int)size, name, tell[i]);
        any = any || s4d_unwrap_find(u, full);
    }
    return any;
}

static int rank_of(const char *text, size_t size)
{
    int rank = size > 0 ? 0 : -1;
    while (size > 0) {
        size_t n = last_word(text, size);
        int found = NOT_KNOWN;
        for (int i = 0; i < WRAPPERS; i++) {
            if (strlen(wrappers[i].word) == n &&
                strncmp(wrappers[i].word, text + size - n, n) == 0) {
                found = wrappers[i].rank;
            }
        }
        rank = found > rank ? found : rank;
        size -= n;
    }
    return rank;
}

/* Whether the name is that of a patch embedding, and what stands before the model then. */
static bool find_prefix(const s4d_unwrap *u, const char *name, prefix *out)
{
    static const char *const patch[] = {"patch_embed.proj.weight",
                                        "embeddings.patch_embeddings.projection.weight"};
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(name), m = strlen(patch[i]);
        if (n < m || strcmp(name + n - m, patch[i]) != 0 || (n > m && name[n - m - 1] != '.')) {
            continue;
        }
        n -= m;
        if (n >= PREFIX_MAX) {
            return false;
        }
        size_t word = last_word(name, n);
        const char *at = name + n - word, *why;
        bool of_model =
            i ? s4d_family_of(at, word, &why) != NULL
              : word == strlen("encoder.") && begins(at, "encoder.") && !encoder_wraps(u, name, n);
        n -= of_model ? word : 0;
        snprintf(out->text, sizeof out->text, "%.*s", (int)n, name);
        out->rank = rank_of(name, n);
        return true;
    }
    return false;
}

/* The prefixes in the file, each once; how many. */
static int list_prefixes(const s4d_unwrap *u, prefix list[PREFIXES_MAX])
{
    int n = 0;
    for (size_t i = 0; i < u->names && n < PREFIXES_MAX; i++) {
        bool is_new = u->name[i] && find_prefix(u, u->name[i], &list[n]);
        for (int k = 0; k < n && is_new; k++) {
            is_new = strcmp(list[k].text, list[n].text) != 0;
        }
        n += is_new;
    }
    return n;
}

static s4d_status say_choose(const s4d_ckpt *file, const prefix *list, int n, s4d_err *err)
{
    char text[300] = "", shown[80];
    size_t size = 0;
    for (int i = 0; i < n && size < sizeof text - 90; i++) {
        snprintf(shown, sizeof shown, "%.70s", list[i].text);
        size +=
            (size_t)snprintf(text + size, sizeof text - size, "%s\"%s\"", i ? " and " : "", shown);
    }
    return s4d_err_set(err, S4D_FAILED,
                       n == 1
                           ? "%s: the names of its model begin with %s; take that off by "
                             "--strip PREFIX"
                           : "%s: holds several models, whose names begin with %s; choose one by "
                             "--strip PREFIX",
                       s4d_ckpt_path(file), text);
}

static s4d_status find_model(s4d_unwrap *u, const s4d_ckpt *file, s4d_err *err)
{
    prefix list[PREFIXES_MAX];
    int n = list_prefixes(u, list), best = 0, same = 0;
    for (int i = 0; i < n; i++) {
        best = list[i].rank < list[best].rank ? i : best;
    }
    for (int i = 0; i < n; i++) {
        same += list[i].rank == list[best].rank;
    }
    if (n > 0 && (list[best].rank == NOT_KNOWN || same > 1)) {
        return say_choose(file, list, n, err);
    }
    return n > 0 && list[best].text[0] ? take_off(u, file, list[best].text, err) : S4D_OK;
}

/* ---- all ---- */

static s4d_status strip_given(s4d_unwrap *u, const s4d_ckpt *file, const char *strip, s4d_err *err)
{
    char head[PREFIX_MAX];
    bool dotted = s4d_str_ends(strip, ".");
    snprintf(head, sizeof head, "%.250s%s", strip, dotted ? "" : ".");
    for (size_t i = 0; i < u->names; i++) {
        if (begins(u->name[i], head)) {
            return take_off(u, file, head, err);
        }
    }
    return s4d_err_set(err, S4D_USAGE,
                       "--strip %.100s: no name in %s begins with it (the first is %.160s)", strip,
                       s4d_ckpt_path(file), u->names ? s4d_ckpt_at(file, 0)->name : "absent");
}

s4d_status s4d_unwrap_make(s4d_unwrap *u, const s4d_ckpt *file, const char *strip, s4d_err *err)
{
    *u = (s4d_unwrap){0};
    s4d_status status = copy_names(u, file, err);
    if (status == S4D_OK) {
        status = sort(u, file, err);
    }
    if (status == S4D_OK && strip && *strip) {
        status = strip_given(u, file, strip, err);
    }
    return status == S4D_OK ? find_model(u, file, err) : status;
}

void s4d_unwrap_release(s4d_unwrap *u)
{
    for (size_t i = 0; i < u->names; i++) {
        s4d_mem_free(u->name[i]);
    }
    s4d_mem_free(u->name);
    s4d_mem_free(u->item);
    *u = (s4d_unwrap){0};
}

const char *s4d_unwrap_name(const s4d_unwrap *u, const s4d_ckpt *file, const s4d_ckpt_tensor *t)
{
    return u->name[t - s4d_ckpt_at(file, 0)];
}
