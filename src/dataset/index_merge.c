/* One sample out of all its lines: the lists must agree on its class, and on who tests it. */
#include <stdio.h>
#include <string.h>

#include "dataset/index_job.h"
#include "s4d/base/mem.h"

/* The distinct folds of the lists; a single 0 where they have none. */
typedef struct slots {
    int fold[INDEX_SLOTS];
    int count;
    uint32_t with[INDEX_ROLES]; /* a bit for each slot that has a list of that role */
} slots;

static int slot_of(const slots *s, int fold)
{
    for (int i = 0; i < s->count; i++) {
        if (s->fold[i] == fold) {
            return i;
        }
    }
    return -1;
}

static s4d_status take_slots(const index_job *job, slots *s, s4d_err *err)
{
    for (size_t i = 0; i < job->lists; i++) {
        int fold = job->opts->fold > 0 ? 0 : job->list[i].fold;
        if (slot_of(s, fold) < 0 && s->count == INDEX_SLOTS) {
            return s4d_err_set(err, S4D_FAILED, "%s: more than %d folds; name the lists with --train and --test", job->opts->root,
                               INDEX_SLOTS);
        }
        if (slot_of(s, fold) < 0) {
            s->fold[s->count++] = fold;
        }
        s->with[job->list[i].role] |= UINT32_C(1) << slot_of(s, fold);
    }
    if (s->count > 1 && slot_of(s, 0) >= 0) {
        return s4d_err_set(err, S4D_USAGE, "--train, --test, --val: some lists are of one fold and some of all; write {fold} in each "
                           "name or in none");
    }
    return S4D_OK;
}

/* ---- joining ---- */

static bool is_number_name(const char *name, size_t size)
{
    return size > 0 && strspn(name, "0123456789") >= size;
}

bool index_key(const char *path, bool with_parents, s4d_str *out)
{
    const char *name = s4d_path_name(path), *dot = strrchr(name, '.');
    size_t size = dot && index_kind_of(name) ? (size_t)(dot - name) : strlen(name);
    static const char aligned[] = "_aligned";
    s4d_str_clear(out);
    if (with_parents) {
        s4d_str_add_bytes(out, path, (size_t)(name - path));
    }
    if (size > strlen(aligned) && memcmp(name + size - strlen(aligned), aligned, strlen(aligned)) == 0) {
        size -= strlen(aligned);
    }
    while (size > 1 && *name == '0' && is_number_name(name, size)) {
        name++;
        size--;
    }
    s4d_str_add_bytes(out, name, size);
    return !out->failed;
}

static bool same_text(const char *path, s4d_str *out)
{
    s4d_str_clear(out);
    s4d_str_add(out, path);
    return !out->failed;
}

static s4d_status new_sample(index_job *job, const index_entry *e, s4d_err *err)
{
    if (job->samples == job->sample_room) {
        size_t room = job->sample_room ? 2 * job->sample_room : 1024;
        if (!s4d_mem_grow(&job->sample, job->sample_room, room, sizeof *job->sample)) {
            return s4d_err_memory(err, room * sizeof *job->sample, "samples");
        }
        job->sample_room = room;
    }
    job->sample[job->samples++] =
        (index_sample){.name = e->name, .list = e->list, .line = e->line, .class = e->class, .unit = -1, .split = ""};
    return S4D_OK;
}

static void join(index_job *job, const slots *s, const index_entry *e, index_sample *to)
{
    const index_list *l = &job->list[e->list];
    uint32_t bit = UINT32_C(1) << slot_of(s, job->opts->fold > 0 ? 0 : l->fold);
    if (to->member[l->role] & bit) {
        index_fault(job, e->list, e->line, "\"%.200s\" stands in the list twice%s%.200s", e->name,
                    strcmp(e->name, to->name) ? ", also as " : "", strcmp(e->name, to->name) ? to->name : "");
    } else if (e->class != to->class) {
        index_fault(job, e->list, e->line, "\"%.200s\" is %s here and %s in %.200s, line %ld", e->name,
                    job->out->classes[e->class], job->out->classes[to->class], job->list[to->list].path, to->line);
    }
    to->member[l->role] |= bit;
}

static s4d_status join_all(index_job *job, const slots *s, s4d_err *err)
{
    index_map map = {0};
    s4d_str key = {0};
    s4d_status status = S4D_OK;
    bool exact = job->layout->media == 0; /* paths are taken as they stand */
    for (size_t i = 0; i < job->entries && status == S4D_OK; i++) {
        const index_entry *e = &job->entry[i];
        if (e->left_out) {
            continue;
        }
        bool good = exact ? same_text(e->name, &key) : index_key(e->name, true, &key);
        long at = good ? index_map_get(&map, key.text) : -1;
        if (good && at < 0) {
            at = (long)job->samples;
            status = new_sample(job, e, err);
            good = index_map_put(&map, key.text, at);
        }
        if (status == S4D_OK && !good) {
            status = s4d_err_memory(err, S4D_PATH_MAX, "the names of samples");
        }
        if (status == S4D_OK) {
            join(job, s, e, &job->sample[at]);
        }
    }
    index_map_release(&map);
    s4d_str_release(&key);
    if (status == S4D_OK && job->samples == 0) {
        status = s4d_err_set(err, S4D_FAILED, "%s: every line of the lists is left out, as none is of a class of the set %s; take the "
                             "whole lists", job->list[0].path, job->opts->set);
    }
    return status == S4D_OK ? index_faults_end(job, "correct the lists", err) : status;
}

/* ---- split and fold ---- */

/* A validation list that repeats the test list, as the S4D release's do, says nothing new. */
static s4d_status drop_validation(index_job *job, slots *s, s4d_err *err)
{
    uint32_t same = s->with[INDEX_VAL] & s->with[INDEX_TEST];
    for (size_t i = 0; i < job->samples; i++) {
        same &= ~(job->sample[i].member[INDEX_VAL] ^ job->sample[i].member[INDEX_TEST]);
    }
    for (size_t i = 0; i < job->samples && same; i++) {
        job->sample[i].member[INDEX_VAL] &= ~same;
    }
    s->with[INDEX_VAL] &= ~same;
    if (s->with[INDEX_VAL] && s->fold[0] > 0) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: there are validation lists by fold, which a manifest with folds cannot hold; write one fold with "
                           "--fold, or name the lists with --train and --test", job->opts->root);
    }
    return same ? index_decide(job, err, "the validation list repeats the test list and is not kept apart") : S4D_OK;
}

/* Where validation is all that is held back, as in AffectNet, it is what results are reported on. */
static s4d_status take_validation_as_test(index_job *job, slots *s, s4d_err *err)
{
    if (!s->with[INDEX_VAL] || s->with[INDEX_TEST] || !job->layout->tables[0]) {
        return S4D_OK;
    }
    for (size_t i = 0; i < job->samples; i++) {
        job->sample[i].member[INDEX_TEST] = job->sample[i].member[INDEX_VAL];
        job->sample[i].member[INDEX_VAL] = 0;
    }
    for (size_t i = 0; i < job->lists; i++) {
        job->list[i].role = job->list[i].role == INDEX_VAL ? INDEX_TEST : job->list[i].role;
    }
    s->with[INDEX_TEST] = s->with[INDEX_VAL];
    s->with[INDEX_VAL] = 0;
    return index_tell_validation(job, err);
}

s4d_status index_tell_validation(index_job *job, s4d_err *err)
{
    return index_decide(job, err, "the validation list is the split test: there is no other, and results are reported on it");
}

static index_role role_by_name(const index_sample *s)
{
    const char *name = s4d_path_name(s->name);
    return strncmp(name, "train", 5) == 0 ? INDEX_TRAIN : strncmp(name, "test", 4) == 0 ? INDEX_TEST : INDEX_ANY;
}

static void set_split(index_job *job, index_sample *s)
{
    index_role role = INDEX_ANY;
    for (int r = INDEX_TRAIN; r < INDEX_ROLES; r++) {
        if (s->member[r] && role != INDEX_ANY) {
            index_fault(job, s->list, s->line, "\"%.200s\" stands in the lists for %s and for %s", s->name, index_split(role),
                        index_split((index_role)r));
            return;
        }
        role = s->member[r] ? (index_role)r : role;
    }
    if (s->member[INDEX_ANY]) { /* RAF-DB */
        role = role_by_name(s);
        if (role == INDEX_ANY) {
            index_fault(job, s->list, s->line, "\"%.200s\" begins neither with train nor with test", s->name);
        }
    }
    s->split = index_split(role);
}

static void set_fold(index_job *job, const slots *k, index_sample *s)
{
    uint32_t tested = s->member[INDEX_TEST];
    for (int i = 0; i < k->count; i++) {
        uint32_t bit = UINT32_C(1) << i;
        if ((tested & bit) && s->fold > 0) {
            index_fault(job, s->list, s->line, "\"%.200s\" stands in the test lists of folds %d and %d", s->name, s->fold,
                        k->fold[i]);
            return;
        }
        s->fold = tested & bit ? k->fold[i] : s->fold;
        if ((tested & bit) && (s->member[INDEX_TRAIN] & bit)) {
            index_fault(job, s->list, s->line, "\"%.200s\" stands in the training and in the test list of fold %d", s->name,
                        k->fold[i]);
            return;
        }
        if ((k->with[INDEX_TRAIN] & bit) && !((tested | s->member[INDEX_TRAIN]) & bit)) {
            index_fault(job, s->list, s->line, "\"%.200s\" stands in no list of fold %d", s->name, k->fold[i]);
            return;
        }
    }
    s->split = s->fold > 0 ? "" : "train";
}

static s4d_status check_folds(const index_job *job, const slots *s, s4d_err *err)
{
    uint32_t alone = s->with[INDEX_TRAIN] & ~s->with[INDEX_TEST];
    for (int i = 0; i < s->count; i++) {
        if (alone & UINT32_C(1) << i) {
            return s4d_err_set(err, S4D_FAILED, "%s: fold %d has a training list and no test list; put the list there, or choose a "
                               "fold with --fold", job->opts->root, s->fold[i]);
        }
    }
    return S4D_OK;
}

s4d_status index_merge(index_job *job, s4d_err *err)
{
    slots s = {.count = 0};
    s4d_status status = take_slots(job, &s, err);
    if (status == S4D_OK) {
        status = join_all(job, &s, err);
    }
    if (status == S4D_OK) {
        status = take_validation_as_test(job, &s, err);
    }
    if (status == S4D_OK) {
        status = drop_validation(job, &s, err);
    }
    bool folds = s.count > 0 && s.fold[0] > 0;
    if (status == S4D_OK && folds) {
        status = check_folds(job, &s, err);
    }
    for (size_t i = 0; i < job->samples && status == S4D_OK; i++) {
        if (folds) {
            set_fold(job, &s, &job->sample[i]);
        } else {
            set_split(job, &job->sample[i]);
        }
    }
    return status == S4D_OK ? index_faults_end(job, folds ? "correct the lists, or write one fold's with --fold"
                                                          : "correct the lists", err)
                            : status;
}
