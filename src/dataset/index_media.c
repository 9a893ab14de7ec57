/* Where each sample is on disk, for lists that name samples more loosely than paths do: without folder or ending, with
 * other zeros in front of a number, without "_aligned". */
#include <stdio.h>
#include <string.h>

#include "dataset/index_job.h"
#include "s4d/base/mem.h"

/* A listed path is that of every unit whose path ends with it, in whole parts. So units are kept by the last part of their
 * paths, by the last two and so on, for every number of parts that a name has. */
enum { PARTS_MAX = 64 };

typedef struct finder {
    index_job *job;
    index_map first;             /* last parts to unit */
    long *next[PARTS_MAX + 1];   /* by number of parts: the unit with the same last parts, -1: none; NULL: no name has so many */
    bool failed;                 /* no memory */
    size_t strip;                /* bytes in front of every name that are not below the root */
    s4d_str key;
    s4d_err *err;
} finder;

static void release(finder *f)
{
    index_map_release(&f->first);
    for (int n = 0; n <= PARTS_MAX; n++) {
        s4d_mem_free(f->next[n]);
    }
    s4d_str_release(&f->key);
}

static s4d_status no_memory(finder *f)
{
    return s4d_err_memory(f->err, f->job->tree.count * sizeof **f->next, "the names of samples");
}

static int parts_of(const char *path)
{
    int n = 1;
    for (; (path = strchr(path, '/')); path++) {
        n++;
    }
    return n;
}

/* Where the last n parts of a path begin; NULL: it has fewer. */
static const char *last_parts(const char *path, int n)
{
    const char *at = path + strlen(path);
    for (; n > 0 && at > path; n--) {
        for (at -= at > path && at[0] == '/'; at > path && at[-1] != '/';) {
            at--;
        }
        at -= n > 1 && at > path;
    }
    return n == 0 ? at : NULL;
}

/* Units by their last n parts. */
static s4d_status fill_by(finder *f, int n)
{
    const index_tree *t = &f->job->tree;
    f->next[n] = s4d_mem_alloc(t->count + 1, sizeof *f->next[n]);
    if (!f->next[n]) {
        return no_memory(f);
    }
    for (size_t i = t->count; i-- > 0;) { /* so that a chain is in the tree's order */
        const char *tail = last_parts(t->unit[i].path, n);
        if (!tail) {
            continue;
        }
        if (!index_key(tail, true, &f->key)) {
            return no_memory(f);
        }
        f->next[n][i] = index_map_get(&f->first, f->key.text);
        if (!index_map_put(&f->first, f->key.text, (long)i)) {
            return no_memory(f);
        }
    }
    return S4D_OK;
}

static s4d_status fill(finder *f)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < f->job->samples && status == S4D_OK; i++) {
        int n = parts_of(f->job->sample[i].name + f->strip);
        if (n <= PARTS_MAX && !f->next[n]) {
            status = fill_by(f, n);
        }
    }
    return status;
}

/* Bytes of the path in front of its last part. */
static size_t parents(const char *path)
{
    return (size_t)(s4d_path_name(path) - path);
}

/* The first unit of the name, -1: none. */
static long first_fit(finder *f, const index_sample *s)
{
    if (!index_key(s->name + f->strip, true, &f->key)) {
        f->failed = true;
        return -1;
    }
    return index_map_get(&f->first, f->key.text);
}

/* The next one. */
static long other_fit(const finder *f, const index_sample *s, long unit)
{
    return f->next[parts_of(s->name + f->strip)][unit];
}

/* Takes the first unit of each sample; how many have one. */
static size_t look(finder *f)
{
    size_t found = 0;
    for (size_t i = 0; i < f->job->samples; i++) {
        index_sample *s = &f->job->sample[i];
        s->unit = first_fit(f, s);
        found += s->unit >= 0;
    }
    return found;
}

/* Whether all names begin as the first does. */
static bool shared(const index_job *job, size_t size)
{
    for (size_t i = 1; i < job->samples; i++) {
        if (strncmp(job->sample[i].name, job->sample[0].name, size) != 0) {
            return false;
        }
    }
    return true;
}

/* Where no name is found as it stands, folders that all of them share may be those of another machine. */
static s4d_status look_without_front(finder *f)
{
    const char *name = f->job->sample[0].name, *slash = name;
    size_t found = 0;
    while (found == 0 && (slash = strchr(slash, '/')) && shared(f->job, (size_t)(slash + 1 - name))) {
        slash++;
        release(f);
        *f = (finder){.job = f->job, .err = f->err, .strip = (size_t)(slash - name)};
        s4d_status status = fill(f);
        if (status != S4D_OK) {
            return status;
        }
        found = look(f);
    }
    f->strip = found == 0 ? 0 : f->strip;
    return found == 0 ? S4D_OK
                      : index_decide(f->job, f->err, "\"%.*s\" in front of the listed paths is not below %s and is left out",
                                     (int)f->strip, name, f->job->opts->root);
}

/* ---- several copies ---- */

/* The unit of the sample whose path holds the word, where exactly one does; else -1. */
static long only_with(const finder *f, const index_sample *s, const char *word)
{
    long only = -1;
    for (long u = s->unit; u >= 0; u = other_fit(f, s, u)) {
        if (strstr(f->job->tree.unit[u].path, word)) {
            if (only >= 0) {
                return -1;
            }
            only = u;
        }
    }
    return only;
}

/* The folder that the listed path is below, with its slash; "" is the root. */
static int base_size(const finder *f, const index_sample *s, long unit)
{
    return (int)(parents(f->job->tree.unit[unit].path) - parents(s->name + f->strip));
}

static bool base_text(finder *f, const index_sample *s, long unit)
{
    s4d_str_clear(&f->key);
    s4d_str_add_bytes(&f->key, f->job->tree.unit[unit].path, (size_t)base_size(f, s, unit));
    return !f->key.failed;
}

/* Counts, for each folder, the samples that are there exactly once. */
static s4d_status count_bases(finder *f, index_map *count)
{
    index_map seen = {0}; /* folders, to the sample that was last there; below 0: more than once */
    bool good = true;
    for (size_t i = 0; i < f->job->samples && good; i++) {
        const index_sample *s = &f->job->sample[i];
        long mark = (long)i + 2;
        for (long u = s->unit; u >= 0 && good; u = other_fit(f, s, u)) {
            good = base_text(f, s, u);
            long last = good ? index_map_get(&seen, f->key.text) : 0;
            good = good && (last == -mark || index_map_put(&seen, f->key.text, last == mark ? -mark : mark));
        }
        for (long u = s->unit; u >= 0 && good; u = other_fit(f, s, u)) {
            good = base_text(f, s, u);
            if (good && index_map_get(&seen, f->key.text) == mark) {
                long before = index_map_get(count, f->key.text);
                good = index_map_put(count, f->key.text, before > 0 ? before + 1 : 1);
            }
        }
    }
    index_map_release(&seen);
    return good ? S4D_OK : no_memory(f);
}

/* The unit of the sample below the one folder that has all of them; -1: none or several such folders. */
static long only_complete(finder *f, const index_sample *s, const index_map *count)
{
    long only = -1;
    for (long u = s->unit; u >= 0; u = other_fit(f, s, u)) {
        if (base_text(f, s, u) && index_map_get(count, f->key.text) == (long)f->job->samples) {
            if (only >= 0) {
                return -1;
            }
            only = u;
        }
    }
    return only;
}

static s4d_status choose(finder *f, const index_map *count)
{
    index_job *job = f->job;
    const char *word = job->layout->copy;
    long by_word = 0, by_folder = 0, shown = -1;
    for (size_t i = 0; i < job->samples; i++) {
        index_sample *s = &job->sample[i];
        long other = s->unit >= 0 ? other_fit(f, s, s->unit) : -1, unit = -1;
        if (other < 0) {
            continue;
        }
        unit = word ? only_with(f, s, word) : -1;
        by_word += unit >= 0;
        if (unit < 0) {
            unit = only_complete(f, s, count);
            by_folder += unit >= 0;
            shown = unit >= 0 ? (long)i : shown;
        }
        if (unit < 0) {
            index_fault(job, s->list, s->line, "\"%.150s\" is there more than once, as %.200s and as %.200s", s->name,
                        job->tree.unit[s->unit].path, job->tree.unit[other].path);
        } else {
            s->unit = unit;
        }
    }
    s4d_status status = index_faults_end(job, "name the folder to take with --media, or move one of the two away", f->err);
    if (status == S4D_OK && by_word > 0) {
        status = index_decide(job, f->err, "samples with several copies: %ld; those with \"%s\" in their path are taken", by_word,
                              word);
    }
    if (status == S4D_OK && by_folder > 0) {
        const index_sample *s = &job->sample[shown];
        int size = base_size(f, s, s->unit);
        status = index_decide(job, f->err, "samples with several copies: %ld; those in %.*s are taken, the one folder with all",
                              by_folder, size ? size : (int)strlen(job->opts->root),
                              size ? job->tree.unit[s->unit].path : job->opts->root);
    }
    return status;
}

static s4d_status choose_copies(finder *f)
{
    index_map count = {0};
    bool several = false;
    for (size_t i = 0; i < f->job->samples && !several; i++) {
        const index_sample *s = &f->job->sample[i];
        several = s->unit >= 0 && other_fit(f, s, s->unit) >= 0;
    }
    s4d_status status = several ? count_bases(f, &count) : S4D_OK;
    if (status == S4D_OK && several) {
        status = choose(f, &count);
    }
    index_map_release(&count);
    return status;
}

/* ---- what was found ---- */

/* The folder that all found samples are listed below, to complete the paths of those that are missing. */
static bool common_base(const finder *f, const index_sample **shown)
{
    const index_tree *t = &f->job->tree;
    *shown = NULL;
    for (size_t i = 0; i < f->job->samples; i++) {
        const index_sample *s = &f->job->sample[i];
        if (s->unit < 0) {
            continue;
        }
        if (*shown && (base_size(f, s, s->unit) != base_size(f, *shown, (*shown)->unit) ||
                       memcmp(t->unit[s->unit].path, t->unit[(*shown)->unit].path, (size_t)base_size(f, s, s->unit)) != 0)) {
            return false;
        }
        *shown = s;
    }
    return *shown != NULL;
}

static s4d_status set_paths(finder *f)
{
    index_job *job = f->job;
    const index_sample *shown;
    bool base = common_base(f, &shown);
    for (size_t i = 0; i < job->samples; i++) {
        index_sample *s = &job->sample[i];
        if (s->unit >= 0) {
            index_unit *u = &job->tree.unit[s->unit];
            if (u->taken) {
                index_fault(job, s->list, s->line, "\"%.200s\" is %.300s, as another listed name is", s->name, u->path);
            }
            u->taken = true;
            s->path = u->path;
        } else {
            s4d_str_clear(&f->key);
            s4d_str_add_bytes(&f->key, base ? job->tree.unit[shown->unit].path : "", base ? (size_t)base_size(f, shown, shown->unit) : 0);
            s4d_str_add(&f->key, s->name + f->strip);
            s->path = f->key.failed ? NULL : s4d_texts_add(&job->missing, f->key.text);
        }
        if (!s->path) {
            return no_memory(f);
        }
    }
    return index_faults_end(job, "correct the list", f->err);
}

static s4d_status check_missing(finder *f)
{
    index_job *job = f->job;
    long missing = 0;
    for (size_t i = 0; i < job->samples; i++) {
        const index_sample *s = &job->sample[i];
        if (s->unit < 0 && job->opts->keep_missing) {
            missing++;
        } else if (s->unit < 0) {
            index_fault_missing(job, s->list, s->line, s->name);
        }
    }
    if (missing > 0) {
        return index_decide(job, f->err, "samples not on disk: %ld; their lines are kept, as --keep-missing says", missing);
    }
    return index_faults_end(job, "complete the set, name its folder with --media, or keep such lines with --keep-missing", f->err);
}

static s4d_status tell_media(finder *f)
{
    index_job *job = f->job;
    long frames = 0, videos = 0, zeros = 0, aligned = 0;
    const index_sample *shown = NULL;
    for (size_t i = 0; i < job->samples; i++) {
        const index_sample *s = &job->sample[i];
        if (s->unit < 0) {
            continue;
        }
        const index_unit *u = &job->tree.unit[s->unit];
        const char *listed = s4d_path_name(s->name), *there = s4d_path_name(u->path);
        bool other = listed[0] != there[0] || strspn(listed, "0") != strspn(there, "0");
        frames += u->kind == INDEX_FRAMES;
        videos += u->kind == INDEX_VIDEO;
        aligned += strstr(there, "_aligned.") && !strstr(listed, "_aligned");
        zeros += other;
        shown = other ? s : shown;
    }
    s4d_status status = S4D_OK;
    if (frames > 0 && videos > 0) {
        status = index_decide(job, f->err, "clips that are folders of frames: %ld, video files: %ld", frames, videos);
    } else if (frames + videos > 0) {
        status = index_decide(job, f->err, "the clips are %s", frames > 0 ? "folders of frames" : "video files");
    }
    if (status == S4D_OK && zeros > 0) {
        status = index_decide(job, f->err, "names with other zeros in front on disk: %ld; %.100s is %.100s", zeros,
                              s4d_path_name(shown->name), s4d_path_name(job->tree.unit[shown->unit].path));
    }
    return status == S4D_OK && aligned > 0
               ? index_decide(job, f->err, "names of aligned pictures, NAME_aligned on disk: %ld", aligned)
               : status;
}

s4d_status index_find_media(index_job *job, s4d_err *err)
{
    finder f = {.job = job, .err = err};
    s4d_status status = fill(&f);
    if (status == S4D_OK && look(&f) == 0) {
        status = look_without_front(&f);
    }
    if (status == S4D_OK && f.failed) {
        status = no_memory(&f);
    }
    if (status == S4D_OK) {
        status = choose_copies(&f);
    }
    if (status == S4D_OK) {
        status = check_missing(&f);
    }
    if (status == S4D_OK) {
        status = set_paths(&f);
    }
    if (status == S4D_OK) {
        status = tell_media(&f);
    }
    release(&f);
    return status;
}
