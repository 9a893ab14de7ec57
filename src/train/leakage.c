/* Lists held against each other: by files, by contents where asked for, by people, by classes. */
#include "train/leakage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/json.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"
#include "s4d/data/content.h"

/* A part of something, told by a key of two numbers: a file, a content, a person. */
typedef struct part {
    uint64_t key[2];
    double start, end, reach; /* reach: the farthest end of the parts of this key up to here */
    size_t sample;
} part;

static int by_key(const void *a, const void *b)
{
    const part *x = a, *y = b;
    for (int i = 0; i < 2; ++i)
        if (x->key[i] != y->key[i]) return x->key[i] < y->key[i] ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start);
}

/* Sorted, with reaches. */
static void order_parts(part *list, size_t n)
{
    qsort(list, n, sizeof *list, by_key);
    for (size_t i = 0; i < n; ++i) {
        bool goes_on = i > 0 && memcmp(list[i].key, list[i - 1].key, sizeof list[i].key) == 0;
        list[i].reach = goes_on ? fmax(list[i - 1].reach, list[i].end) : list[i].end;
    }
}

/* Whether an ordered list has a part of that key which overlaps. */
static bool has_part(const part *list, size_t n, const part *wanted)
{
    size_t low = 0, high = n;
    const part last = {.key = {wanted->key[0], wanted->key[1]}, .start = wanted->end};
    while (low < high) { /* behind those that begin before its end */
        size_t middle = low + (high - low) / 2;
        if (by_key(&list[middle], &last) < 0) low = middle + 1;
        else high = middle;
    }
    return low > 0 && memcmp(list[low - 1].key, wanted->key, sizeof wanted->key) == 0 && list[low - 1].reach > wanted->start;
}

static double end_of(const s4d_sample *s)
{
    return s->end > 0 ? s->end : INFINITY;
}

/* ---- files ---- */

static part *parts_of_files(const s4d_manifest *m)
{
    part *list = s4d_mem_alloc(m->count, sizeof *list);
    for (size_t i = 0; list && i < m->count; ++i) {
        const s4d_sample *s = &m->sample[i];
        list[i] = (part){.start = s->start, .end = end_of(s), .sample = i};
        s4d_content_mark(m->store, s->path, list[i].key);
    }
    return list;
}

/* found[i]: sample i of the list is in `other`. */
static int64_t count_files(const s4d_manifest *list, const part *part_of, const part *other, size_t others, bool *found)
{
    int64_t n = 0;
    for (size_t i = 0; i < list->count; ++i) {
        found[i] = has_part(other, others, &part_of[i]);
        n += found[i];
    }
    return n;
}

/* ---- contents ---- */

/* Whether every sample's content is named, so that none need be read. */
static bool names_contents(const s4d_manifest *m)
{
    for (size_t i = 0; i < m->count; ++i)
        if (!m->sample[i].content[0] && !m->sample[i].content[1]) return false;
    return m->count > 0;
}

static size_t parts_of_named_contents(const s4d_manifest *m, const bool *found, part *list)
{
    size_t n = 0;
    for (size_t i = 0; i < m->count; ++i) {
        const s4d_sample *s = &m->sample[i];
        if (!found || !found[i])
            list[n++] = (part){.key = {s->content[0], s->content[1]}, .start = s->start, .end = end_of(s), .sample = i};
    }
    return n;
}

/* Sizes, as keys; a sample that was found already or cannot be measured is left out. */
static size_t parts_of_sizes(const s4d_manifest *m, const bool *found, part *list)
{
    size_t n = 0;
    for (size_t i = 0; i < m->count; ++i) {
        s4d_content_size size;
        const s4d_sample *s = &m->sample[i];
        if ((found && found[i]) || s4d_content_measure(m->store, s->path, &size, NULL) != S4D_OK || size.bytes == 0) continue;
        list[n++] = (part){.key = {size.bytes, size.images}, .start = s->start, .end = end_of(s), .sample = i};
    }
    order_parts(list, n);
    return n;
}

/* Keeps of a list the parts whose size the other has, with their contents as keys. */
static s4d_status keep_contents(const s4d_manifest *m, part *list, size_t *n, const part *other, size_t others, s4d_err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < *n; ++i) {
        s4d_status stop = s4d_interrupt_status();
        part p = list[i];
        if (stop != S4D_OK) return s4d_err_set(err, stop, "interrupted while contents were compared");
        if (!has_part(other, others, &(part){.key = {p.key[0], p.key[1]}, .start = -1, .end = INFINITY})) continue;
        if (s4d_content_hash(m->store, m->sample[p.sample].path, p.key, NULL) == S4D_OK) list[kept++] = p;
    }
    *n = kept;
    return S4D_OK;
}

/* Contents of both lists as keys: of files of one size, which are read. */
static s4d_status read_contents(const s4d_manifest *const lists[2], const bool *found, part *const parts[2], size_t n[2], s4d_err *err)
{
    part *sizes = s4d_mem_alloc(lists[1]->count, sizeof *sizes);
    if (!sizes) return s4d_err_memory(err, lists[1]->count * sizeof *sizes, "comparing contents");
    for (int i = 0; i < 2; ++i) n[i] = parts_of_sizes(lists[i], i ? NULL : found, parts[i]);
    size_t sized = n[1];
    memcpy(sizes, parts[1], sized * sizeof *sizes);
    s4d_status status = keep_contents(lists[1], parts[1], &n[1], parts[0], n[0], err);
    if (status == S4D_OK) status = keep_contents(lists[0], parts[0], &n[0], sizes, sized, err);
    s4d_mem_free(sizes);
    return status;
}

static s4d_status count_contents(const s4d_manifest *list, const s4d_manifest *other, bool *found, int64_t *count, s4d_err *err)
{
    part *own = s4d_mem_alloc(list->count, sizeof *own), *there = s4d_mem_alloc(other->count, sizeof *there);
    s4d_status status = own && there ? S4D_OK : s4d_err_memory(err, (list->count + other->count) * sizeof *own, "comparing contents");
    size_t n[2] = {0};
    *count = 0;
    if (status == S4D_OK && names_contents(list) && names_contents(other)) {
        n[0] = parts_of_named_contents(list, found, own);
        n[1] = parts_of_named_contents(other, NULL, there);
    } else if (status == S4D_OK) {
        status = read_contents((const s4d_manifest *[]){list, other}, found, (part *[]){own, there}, n, err);
    }
    if (status == S4D_OK) order_parts(there, n[1]);
    for (size_t i = 0; i < n[0] && status == S4D_OK; ++i) {
        if (!has_part(there, n[1], &own[i])) continue;
        found[own[i].sample] = true;
        ++*count;
    }
    s4d_mem_free(own);
    s4d_mem_free(there);
    return status;
}

/* ---- people ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **people_of(const s4d_manifest *m, size_t *n)
{
    const char **name = s4d_mem_alloc(m->count, sizeof *name);
    *n = 0;
    for (size_t i = 0; name && i < m->count; ++i)
        if (m->sample[i].subject) name[(*n)++] = m->sample[i].subject;
    if (name) qsort(name, *n, sizeof *name, by_name);
    return name;
}

static s4d_status count_people(const s4d_manifest *list, const s4d_manifest *other, const bool *found, int64_t *count, s4d_err *err)
{
    size_t n, named = 0;
    const char **people = people_of(other, &n);
    if (!people) return s4d_err_memory(err, other->count * sizeof *people, "comparing people");
    *count = 0;
    for (size_t i = 0; i < list->count; ++i) {
        const char *who = list->sample[i].subject;
        named += who != NULL;
        *count += who && n && !found[i] && bsearch(&who, people, n, sizeof *people, by_name);
    }
    if (!n || !named) *count = -1;
    s4d_mem_free(people);
    return S4D_OK;
}

/* ---- the whole ---- */

static s4d_status find_shared(const s4d_manifest *list, const s4d_manifest *other, bool contents, s4d_shared *out, s4d_err *err)
{
    *out = (s4d_shared){-1, -1, -1};
    if (!list->count || !other->count) return S4D_OK;
    part *own = parts_of_files(list), *there = parts_of_files(other);
    bool *found = s4d_mem_alloc(list->count, sizeof *found), named = names_contents(list) && names_contents(other);
    s4d_status status = own && there && found ? S4D_OK
                                              : s4d_err_memory(err, (list->count + other->count) * sizeof *own, "comparing lists");
    if (status == S4D_OK) {
        order_parts(there, other->count);
        out->files = count_files(list, own, there, other->count, found);
    }
    if (status == S4D_OK && (contents || named)) status = count_contents(list, other, found, &out->contents, err);
    if (status == S4D_OK) status = count_people(list, other, found, &out->people, err);
    s4d_mem_free(own);
    s4d_mem_free(there);
    s4d_mem_free(found);
    return status;
}

static void warn_shared(const char *set, const char *list, const char *other, const s4d_leakage *l, const s4d_shared *s)
{
    s4d_str w = {0};
    if (s->files > 0) s4d_str_printf(&w, ", %lld by their files", (long long)s->files);
    if (s->contents > 0) s4d_str_printf(&w, ", %lld by their content", (long long)s->contents);
    if (s->people > 0) s4d_str_printf(&w, ", %lld by the people they show", (long long)s->people);
    if (w.text) s4d_log(S4D_LOG_WARN, "%s: of %lld %s samples some are in the %s list too%s; results on them flatter the model", set,
                        (long long)l->samples, list, other, w.text);
    s4d_str_release(&w);
}

static s4d_status check_shared(const s4d_run_opts *o, s4d_modality modality, const char *list, const char *other,
                               const s4d_leakage *l, s4d_err *err)
{
    const s4d_shared *s = strcmp(other, "training") == 0 ? &l->train : &l->val;
    int64_t same = s->files + (s->contents > 0 ? s->contents : 0);
    if (s->files >= 0 && same == l->samples && !o->data.same_list)
        return s4d_err_set(err, S4D_USAGE, "data.%s: all %lld samples of the %s list are in the %s list too, so a result on it says "
                                           "nothing; name another list, divide the manifest (\"s4d data split\"), or set "
                                           "data.same_list to true", s4d_modality_name(modality), (long long)l->samples, list, other);
    warn_shared(s4d_run_set(o, modality)->name, list, other, l, s);
    return S4D_OK;
}

static void count_classes(const s4d_manifest *m, int64_t count[S4D_MAX_CLASSES])
{
    memset(count, 0, S4D_MAX_CLASSES * sizeof *count);
    for (size_t i = 0; i < m->count; ++i)
        if (m->sample[i].label >= 0) ++count[m->sample[i].label];
}

/* Classes that are only evaluated, and training with nothing to tell apart. */
static void compare_classes(const char *set, const char *list, const s4d_manifest *train, const s4d_manifest *m, s4d_leakage *l)
{
    int64_t trained[S4D_MAX_CLASSES], here[S4D_MAX_CLASSES];
    count_classes(train, trained);
    count_classes(m, here);
    for (int c = 0; c < train->class_count; ++c) {
        l->trained += trained[c] > 0;
        l->untrained[c] = trained[c] ? 0 : here[c];
        if (l->untrained[c])
            s4d_log(S4D_LOG_WARN, "%s: %lld %s samples are of class %s, but no training sample is", set, (long long)here[c], list,
                    train->classes[c]);
    }
}

static s4d_status find_list(const s4d_run_opts *o, s4d_modality modality, const char *name, const s4d_manifest *const lists[3],
                            s4d_leakage *out, s4d_err *err)
{
    const s4d_manifest *train = lists[0], *val = lists[1], *list = lists[2];
    bool contents = o->data.check == S4D_LISTS_BY_CONTENT;
    *out = (s4d_leakage){.samples = (int64_t)list->count, .val = {-1, -1, -1}};
    if (!list->count) return S4D_OK;
    snprintf(out->list, sizeof out->list, "%016llx", (unsigned long long)s4d_manifest_fingerprint(list));
    s4d_status status = find_shared(list, train, contents, &out->train, err);
    if (status == S4D_OK && val) status = find_shared(list, val, contents, &out->val, err);
    if (status == S4D_OK) status = check_shared(o, modality, name, "training", out, err);
    if (status == S4D_OK && val) status = check_shared(o, modality, name, "validation", out, err);
    if (status == S4D_OK) compare_classes(s4d_run_set(o, modality)->name, name, train, list, out);
    return status;
}

static void warn_of_one_class(const char *set, const s4d_manifest *train)
{
    int64_t count[S4D_MAX_CLASSES];
    count_classes(train, count);
    for (int c = 0; c < train->class_count; ++c)
        if (train->class_count > 1 && count[c] == (int64_t)train->count)
            s4d_log(S4D_LOG_WARN, "%s: all %zu training samples are of class %s, so there is nothing to tell apart", set, train->count,
                    train->classes[c]);
}

s4d_status s4d_leakage_find(const s4d_run_opts *o, s4d_modality modality, const s4d_manifest *train, const s4d_manifest *val,
                            const s4d_manifest *test, s4d_leakage out[2], s4d_err *err)
{
    if (train->count) warn_of_one_class(s4d_run_set(o, modality)->name, train);
    s4d_status status = find_list(o, modality, "validation", (const s4d_manifest *[]){train, NULL, val}, &out[0], err);
    return status == S4D_OK ? find_list(o, modality, "test", (const s4d_manifest *[]){train, val, test}, &out[1], err) : status;
}

/* ---- as JSON ---- */

static void put_count(s4d_json_writer *w, const char *key, int64_t value)
{
    if (value < 0) return;
    s4d_json_put_key(w, key);
    s4d_json_put_integer(w, value);
}

static void put_shared(s4d_json_writer *w, const char *key, const s4d_shared *s)
{
    if (s->files < 0) return;
    s4d_json_put_key(w, key);
    s4d_json_open(w, '{');
    put_count(w, "files", s->files);
    put_count(w, "contents", s->contents);
    put_count(w, "people", s->people);
    s4d_json_close(w, '}');
}

void s4d_leakage_json(const s4d_leakage *l, const s4d_manifest *list, s4d_str *out)
{
    s4d_json_writer w = {0};
    if (!l->list[0]) return;
    s4d_json_open(&w, '{');
    s4d_json_put_key(&w, "list");
    s4d_json_put_string(&w, l->list);
    put_shared(&w, "in_training", &l->train);
    put_shared(&w, "in_validation", &l->val);
    put_count(&w, "trained_classes", l->trained);
    s4d_json_put_key(&w, "never_trained");
    s4d_json_open(&w, '{');
    for (int c = 0; c < list->class_count; ++c)
        if (l->untrained[c]) put_count(&w, list->classes[c], l->untrained[c]);
    s4d_json_close(&w, '}');
    s4d_json_close(&w, '}');
    s4d_str_add(out, w.out.text ? w.out.text : "");
    out->failed |= w.out.failed;
    s4d_str_release(&w.out);
}
