/* From the folders a user names to entries: which are runs, which are folds of one, which sets they hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/results.h"
#include "s4d/base/mem.h"

bool s4d_classes_same(const s4d_strlist *a, const s4d_strlist *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; ++i) same = s4d_strlist_find(b, a->item[i]) >= 0;
    return same;
}

void s4d_results_release(s4d_results *r)
{
    for (size_t i = 0; i < r->entries; ++i) {
        for (size_t k = 0; k < r->entry[i].outcomes; ++k) s4d_outcome_release(&r->entry[i].outcome[k]);
        s4d_mem_free(r->entry[i].outcome);
    }
    s4d_mem_free(r->entry);
    *r = (s4d_results){0};
}

static bool holds(const char *folder, const char *name)
{
    char path[S4D_PATH_MAX];
    return s4d_path_join(path, folder, name, NULL) == S4D_OK && s4d_path_exists(path);
}

/* FOLDER/NAME is a folder of results. */
static bool is_set(const char *folder, const char *name)
{
    char path[S4D_PATH_MAX];
    return s4d_path_join(path, folder, name, NULL) == S4D_OK && s4d_path_is_dir(path) &&
           (holds(path, "metrics.json") || holds(path, "pred.csv"));
}

/* N of "fold-N", else 0. */
static int64_t fold_of(const char *name)
{
    if (strncmp(name, "fold-", 5) != 0 || name[5] < '1' || name[5] > '9' || strlen(name) > 9) return 0;
    char *end;
    long n = strtol(name + 5, &end, 10);
    return *end ? 0 : n;
}

/* ---- results ---- */

/* A folder named after a fold holds a run of that fold: of a video set, or of an image set where there is no video set. */
static s4d_status check_fold(s4d_doc *config, const char *folder, int64_t fold, s4d_err *err)
{
    const char *key = s4d_doc_find(config, "data.video.fold") ? "data.video.fold" : "data.image.fold";
    if (!fold || !s4d_doc_find(config, key)) return S4D_OK;
    int64_t told = s4d_doc_count(config, key);
    if (config->status != S4D_OK || told == fold) return config->status;
    return s4d_err_set(err, S4D_FAILED, "%s: its config.resolved.json says %s %lld, so it is not the run of fold %lld; give the "
                                        "folder the name of its fold, or such runs apart", folder, key, (long long)told,
                       (long long)fold);
}

static s4d_status read_outcome(s4d_doc *config, const char *folder, const char *set, int64_t fold, s4d_outcome *o, s4d_err *err)
{
    s4d_doc metrics;
    s4d_status status = s4d_outcome_read(folder, set, o, &metrics, err);
    if (status == S4D_OK) {
        const char *key = o->image ? "data.image.fold" : "data.video.fold";
        o->fold = fold || !s4d_doc_find(config, key) ? fold : s4d_doc_count(config, key);
        status = s4d_protocol_tell(config, &metrics, o, err);
    }
    s4d_doc_close(&metrics);
    return status;
}

static bool of_one_entry(const s4d_outcome *a, const s4d_outcome *b)
{
    return strcmp(a->set, b->set) == 0 && a->val == b->val && a->last == b->last;
}

/* The entry from `first` on that o belongs to; a new one where there is none, NULL where there is no memory for it. */
static s4d_entry *entry_of(s4d_results *r, size_t first, const char *run, bool folds, const s4d_outcome *o)
{
    size_t i = first;
    while (i < r->entries && !of_one_entry(&r->entry[i].outcome[0], o)) ++i;
    if (i < r->entries) return &r->entry[i];
    if (!s4d_mem_grow(&r->entry, i, i + 1, sizeof *r->entry)) return NULL;
    r->entry[r->entries++] = (s4d_entry){.run = run, .folds = folds};
    return &r->entry[i];
}

/* Takes *o when it succeeds. */
static s4d_status put_outcome(s4d_entry *e, s4d_outcome *o, s4d_err *err)
{
    if (!e || !s4d_mem_grow(&e->outcome, e->outcomes, e->outcomes + 1, sizeof *e->outcome))
        return s4d_err_memory(err, sizeof *o, "the results");
    const s4d_outcome *first = &e->outcome[0];
    if (e->outcomes && (first->image != o->image || !s4d_classes_same(&first->classes, &o->classes)))
        return s4d_err_set(err, S4D_FAILED, "%s/fold-%lld/%s/metrics.json: its classes are not those of fold-%lld, so they "
                                            "have no mean; give such runs apart", e->run, (long long)o->fold, o->set,
                           (long long)first->fold);
    e->outcome[e->outcomes++] = *o;
    *o = (s4d_outcome){0};
    return S4D_OK;
}

static s4d_status add_run(s4d_results *r, size_t first, const char *run, const char *folder, int64_t fold, s4d_err *err)
{
    s4d_strlist names = {0};
    s4d_doc config = {0};
    int sets = 0;
    s4d_status status = s4d_dir_list(folder, &names, err);
    for (size_t i = 0; i < names.count; ++i) sets += is_set(folder, names.item[i]);
    if (status == S4D_OK && !sets)
        status = s4d_err_set(err, S4D_FAILED, "%s: no results are there (SET/metrics.json and SET/pred.csv); give a run folder "
                                              "of \"s4d finetune\" or \"s4d eval\", or a folder of such, named fold-1, "
                                              "fold-2, ...", folder);
    if (status == S4D_OK) status = s4d_doc_open(&config, folder, "config.resolved.json", err);
    if (status == S4D_OK) status = check_fold(&config, folder, fold, err);
    for (size_t i = 0; i < names.count && status == S4D_OK; ++i) {
        s4d_outcome outcome = {0};
        if (!is_set(folder, names.item[i])) continue;
        status = read_outcome(&config, folder, names.item[i], fold, &outcome, err);
        if (status == S4D_OK) status = put_outcome(entry_of(r, first, run, fold > 0, &outcome), &outcome, err);
        s4d_outcome_release(&outcome);
    }
    s4d_doc_close(&config);
    s4d_strlist_release(&names);
    return status;
}

/* Every fold must hold every set. */
static s4d_status check_folds(const s4d_results *r, size_t first, const char *run, const s4d_strlist *folds, s4d_err *err)
{
    for (size_t i = first; i < r->entries; ++i) {
        const s4d_entry *e = &r->entry[i];
        for (size_t k = 0; k < folds->count; ++k) {
            if (k < e->outcomes && e->outcome[k].fold == fold_of(folds->item[k])) continue;
            return s4d_err_set(err, S4D_FAILED, "%s/%s/%s: there are no results of this fold, though others have them; "
                                                "evaluate it, or move the folder away", run, folds->item[k], e->outcome[0].set);
        }
    }
    return S4D_OK;
}

static s4d_status add_folds(s4d_results *r, const char *run, const s4d_strlist *folds, s4d_err *err)
{
    size_t first = r->entries;
    s4d_status status = S4D_OK;
    for (size_t k = 0; k < folds->count && status == S4D_OK; ++k) {
        char folder[S4D_PATH_MAX];
        status = s4d_path_join(folder, run, folds->item[k], err);
        if (status == S4D_OK) status = add_run(r, first, run, folder, fold_of(folds->item[k]), err);
    }
    return status == S4D_OK ? check_folds(r, first, run, folds, err) : status;
}

s4d_status s4d_results_add(s4d_results *r, const char *run, s4d_err *err)
{
    s4d_strlist names = {0}, folds = {0};
    const char *own = NULL; /* a set that the folder itself holds */
    s4d_status status = S4D_OK;
    if (!s4d_path_is_dir(run))
        return s4d_err_set(err, S4D_FAILED, "%s: there is no such folder; give a run folder of \"s4d finetune\" or "
                                            "\"s4d eval\"", run);
    status = s4d_dir_list(run, &names, err);
    for (size_t i = 0; i < names.count && status == S4D_OK; ++i) {
        char path[S4D_PATH_MAX];
        if (is_set(run, names.item[i]))
            own = names.item[i];
        else if (fold_of(names.item[i]) && s4d_path_join(path, run, names.item[i], NULL) == S4D_OK &&
                 s4d_path_is_dir(path) && !s4d_strlist_add(&folds, names.item[i]))
            status = s4d_err_memory(err, strlen(path), "the folds");
    }
    if (status == S4D_OK && own && folds.count)
        status = s4d_err_set(err, S4D_FAILED, "%s: it holds results of its own (%s) and of folds (%s); give the one that is "
                                              "meant", run, own, folds.item[0]);
    if (status == S4D_OK) status = folds.count ? add_folds(r, run, &folds, err) : add_run(r, r->entries, run, run, 0, err);
    s4d_strlist_release(&names);
    s4d_strlist_release(&folds);
    return status;
}
