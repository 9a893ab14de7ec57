/* Which files are the lists: told by the words in their names, then by those of the folders above. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dataset/index_job.h"

enum { FOLD_MAX = 1000 };

static const char *purpose(index_role role)
{
    static const char *const names[INDEX_ROLES] = {"all samples", "training", "testing", "validation"};
    return names[role];
}

/* ---- words of names ---- */

typedef struct word {
    const char *at;
    size_t size;
} word;

/* The next run of letters or of digits up to `end`. */
static bool next_word(const char **at, const char *end, word *out)
{
    while (*at < end && !isalnum((unsigned char)**at)) {
        ++*at;
    }
    out->at = *at;
    if (*at == end) {
        return false;
    }
    bool digits = isdigit((unsigned char)**at) != 0;
    while (*at < end && isalnum((unsigned char)**at) && (isdigit((unsigned char)**at) != 0) == digits) {
        ++*at;
    }
    out->size = (size_t)(*at - out->at);
    return true;
}

static bool is_word(const word *w, const char *text)
{
    return w->size == strlen(text) && strncasecmp(w->at, text, w->size) == 0;
}

static index_role role_of_word(const word *w)
{
    static const struct {
        const char *text;
        index_role role;
    } roles[] = {{"train", INDEX_TRAIN}, {"training", INDEX_TRAIN}, {"test", INDEX_TEST}, {"testing", INDEX_TEST},
                 {"val", INDEX_VAL},     {"valid", INDEX_VAL},      {"validation", INDEX_VAL}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (is_word(w, roles[i].text)) {
            return roles[i].role;
        }
    }
    return INDEX_ANY;
}

/* What one part of a path says; two roles at once say nothing, as in "Train & Test Set". */
static void read_part(const char *at, const char *end, index_role *role, int *fold)
{
    word w;
    bool numbered = false;
    int roles = 0;
    index_role found = INDEX_ANY;
    *fold = 0;
    while (next_word(&at, end, &w)) {
        index_role r = role_of_word(&w);
        roles += r != INDEX_ANY && r != found;
        found = r != INDEX_ANY ? r : found;
        if (numbered && isdigit((unsigned char)*w.at) && w.size <= 4) {
            *fold = atoi(w.at);
        }
        numbered = is_word(&w, "set") || is_word(&w, "fold") || is_word(&w, "split");
    }
    *role = roles == 1 ? found : INDEX_ANY;
}

void index_read_name(const char *path, index_role *role, int *fold)
{
    const char *end = strrchr(path, '.');
    *role = INDEX_ANY;
    *fold = 0;
    while (end) {
        const char *begin = end;
        while (begin > path && begin[-1] != '/') {
            begin--;
        }
        index_role r;
        int f;
        read_part(begin, end, &r, &f);
        *role = *role == INDEX_ANY ? r : *role;
        *fold = *fold == 0 ? f : *fold;
        end = begin > path ? begin - 1 : NULL;
    }
}

index_role index_folder_role(const char *name, size_t size)
{
    index_role role;
    int fold;
    read_part(name, name + size, &role, &fold);
    return role;
}

index_role index_usage_role(const char *usage)
{
    return strcasecmp(usage, "PublicTest") == 0    ? INDEX_VAL
           : strcasecmp(usage, "PrivateTest") == 0 ? INDEX_TEST
                                                   : index_folder_role(usage, strlen(usage));
}

bool index_has_role_lists(const index_job *job)
{
    for (size_t i = 0; i < job->tree.texts.count; i++) {
        index_role role;
        int fold;
        index_read_name(job->tree.texts.item[i], &role, &fold);
        if (role != INDEX_ANY) {
            return true;
        }
    }
    return false;
}

int index_list_of_role(index_job *job, int list, index_role role, s4d_err *err)
{
    const char *path = job->list[list].path;
    if (job->list[list].role == INDEX_ANY) {
        job->list[list].role = role;
    }
    for (size_t i = 0; i < job->lists; i++) {
        if (job->list[i].role == role && strcmp(job->list[i].path, path) == 0) {
            return (int)i;
        }
    }
    if (index_add_list(job, path, role, job->list[list].fold, err) != S4D_OK) {
        return -1;
    }
    job->list[job->lists - 1].shared = true;
    return (int)job->lists - 1;
}

/* ---- choosing ---- */

typedef struct found {
    const char *path;
    index_role role;
    int fold;
    bool dropped;
} found;

static bool holds(const char *path, const char *part)
{
    return strcasestr(path, part) != NULL;
}

static bool same_purpose(const found *a, const found *b)
{
    return a->role == b->role && a->fold == b->fold && !a->dropped && !b->dropped;
}

/* Where several lists serve one purpose and some have the word in their path, the others go. */
static bool prefer(found *f, size_t n, const char *part)
{
    bool used = false;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            if (i != k && same_purpose(&f[i], &f[k]) && holds(f[i].path, part) && !holds(f[k].path, part)) {
                f[k].dropped = used = true;
            }
        }
    }
    return used;
}

/* Lists by fold are what the set is known by; others beside them are of another use. */
static bool drop_foldless(found *f, size_t n)
{
    bool any = false, used = false;
    for (size_t i = 0; i < n; i++) {
        any = any || f[i].fold > 0;
    }
    for (size_t i = 0; i < n && any; i++) {
        if (f[i].fold == 0 && !f[i].dropped) {
            f[i].dropped = used = true;
        }
    }
    return used;
}

static s4d_status narrow(index_job *job, found *f, size_t n, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (int p = 0; p < 2 && job->layout->prefer[p] && status == S4D_OK; p++) {
        if (prefer(f, n, job->layout->prefer[p])) {
            status = index_decide(job, err, "of several lists for one purpose, those with \"%s\" in their path are read",
                                  job->layout->prefer[p]);
        }
    }
    if (status == S4D_OK && job->layout->folds && drop_foldless(f, n)) {
        status = index_decide(job, err, "lists without a fold's number are not read, as others have one");
    }
    return status;
}

static s4d_status check_single(index_job *job, const found *f, size_t n, s4d_err *err)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            if (same_purpose(&f[i], &f[k])) {
                char fold[32] = "";
                if (f[i].fold) {
                    snprintf(fold, sizeof fold, " in fold %d", f[i].fold);
                }
                return s4d_err_set(err, S4D_FAILED,
                                   "%s: two lists are for %s%s: %.200s and %.200s; name those to read with --train and --test",
                                   job->opts->root, purpose(f[i].role), fold, f[i].path, f[k].path);
            }
        }
    }
    return S4D_OK;
}

static int by_purpose(const void *a, const void *b)
{
    const found *x = a, *y = b;
    return x->fold != y->fold ? x->fold - y->fold : x->role != y->role ? (int)x->role - (int)y->role : strcmp(x->path, y->path);
}

/* The lists below the root, in the order of folds. */
static s4d_status look(index_job *job, s4d_err *err)
{
    found f[512];
    size_t n = 0;
    bool whole = false;
    for (size_t i = 0; i < job->tree.texts.count; i++) {
        const char *path = job->tree.texts.item[i], *name = s4d_path_name(path);
        index_role role;
        int fold;
        index_read_name(path, &role, &fold);
        bool both = job->layout->whole && strncasecmp(name, job->layout->whole, strlen(job->layout->whole)) == 0;
        fold = job->layout->folds ? fold : 0;
        bool other = role == INDEX_ANY || (job->opts->fold > 0 && fold != job->opts->fold);
        if (other && !both) {
            continue;
        }
        if (n == sizeof f / sizeof *f) {
            return s4d_err_set(err, S4D_FAILED,
                               "%s: more than %zu files could be lists, %.200s among them; name those to read with --train and "
                               "--test", job->opts->root, n, path);
        }
        whole = whole || both;
        f[n++] = (found){.path = path, .role = both ? INDEX_ANY : role, .fold = both ? 0 : fold};
    }
    for (size_t i = 0; i < n && whole; i++) {
        f[i].dropped = f[i].role != INDEX_ANY;
    }
    qsort(f, n, sizeof *f, by_purpose);
    s4d_status status = narrow(job, f, n, err);
    if (status == S4D_OK) {
        status = check_single(job, f, n, err);
    }
    for (size_t i = 0; i < n && status == S4D_OK; i++) {
        if (!f[i].dropped) {
            status = index_add_list(job, f[i].path, f[i].role, f[i].fold, err);
        }
    }
    return status;
}

/* ---- lists that are named ---- */

static s4d_status take_fold(index_job *job, const char *name, index_role role, int fold, s4d_err *err)
{
    static const char mark[] = "{fold}";
    const char *at = strstr(name, mark);
    char path[2 * S4D_PATH_MAX], full[S4D_PATH_MAX];
    if (snprintf(path, sizeof path, "%.*s%d%s", (int)(at - name), name, fold, at + strlen(mark)) >= (int)sizeof path) {
        return s4d_err_set(err, S4D_USAGE, "%.80s...: the path is too long; use shorter folder names", name);
    }
    s4d_status status = s4d_path_join(full, job->opts->root, path, err);
    return status != S4D_OK || !s4d_path_exists(full) ? status : index_add_list(job, path, role, fold, err);
}

static s4d_status take_named(index_job *job, const char *name, index_role role, s4d_err *err)
{
    if (!name) {
        return S4D_OK;
    }
    if (!strstr(name, "{fold}")) {
        return index_add_list(job, name, role, 0, err);
    }
    size_t before = job->lists;
    s4d_status status = S4D_OK;
    if (!job->layout->folds) {
        return s4d_err_set(err, S4D_USAGE, "%s: the set %s has no folds; name one list", name, job->layout->set.name);
    }
    for (int k = 1; k <= FOLD_MAX && status == S4D_OK; k++) {
        if (job->opts->fold == 0 || job->opts->fold == k) {
            status = take_fold(job, name, role, k, err);
        }
    }
    if (status == S4D_OK && job->lists == before) {
        status = s4d_err_set(err, S4D_FAILED, "%s: no such list for any fold is below %s; correct the name", name,
                             job->opts->root);
    }
    return status;
}

s4d_status index_find_lists(index_job *job, s4d_err *err)
{
    const s4d_index_opts *o = job->opts;
    if (o->train || o->test || o->val) {
        s4d_status status = take_named(job, o->train, INDEX_TRAIN, err);
        status = status == S4D_OK ? take_named(job, o->test, INDEX_TEST, err) : status;
        return status == S4D_OK ? take_named(job, o->val, INDEX_VAL, err) : status;
    }
    s4d_status status = look(job, err);
    for (size_t i = 0; i < job->tree.texts.count && job->layout->last && status == S4D_OK && job->lists == 0; i++) {
        const char *path = job->tree.texts.item[i];
        if (strncasecmp(s4d_path_name(path), job->layout->last, strlen(job->layout->last)) == 0) {
            status = index_add_list(job, path, INDEX_ANY, 0, err);
        }
    }
    if (status == S4D_OK && job->lists == 0) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: no list of the set %s%s is there, such as %s; name the lists with --train and --test", o->root,
                             o->set, o->fold ? " for this fold" : "", job->layout->names);
    }
    return status;
}
