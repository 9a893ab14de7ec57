/* Whether a file is sound: every number, every name, every shape. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/file.h"
#include "s4d/base/json.h"
#include "s4d/base/mem.h"
#include "s4d/ckpt/check.h"
#include "s4d/ckpt/import.h"

static s4d_status fault(s4d_strlist *faults, s4d_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static s4d_status fault(s4d_strlist *faults, s4d_err *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return s4d_strlist_add(faults, text) ? S4D_OK
                                         : s4d_err_memory(err, sizeof text, "the list of faults");
}

/* Where the reason is not the file's, the check ends. */
static s4d_status unreadable(const char *name, const s4d_err *why, s4d_strlist *faults, s4d_err *err)
{
    if (why->shortage) {
        return s4d_err_set(err, S4D_FAILED, "%s: %s", name, why->text);
    }
    return fault(faults, err, "%s cannot be read: %s", name, why->text);
}

/* Every number is read, which checks PyTorch's checksums too. */
static s4d_status check_numbers(s4d_ckpt *file, s4d_strlist *faults, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < s4d_ckpt_count(file) && status == S4D_OK; i++) {
        const s4d_ckpt_tensor *t = s4d_ckpt_at(file, i);
        double *value = NULL;
        s4d_err why = {0};
        int64_t bad = 0;
        if (t->unread) {
            continue; /* of no use to a model; one that is to use it says so below */
        }
        if (s4d_ckpt_read_doubles(file, t, &value, &why) != S4D_OK) {
            status = unreadable(t->name, &why, faults, err);
            continue;
        }
        for (int64_t k = 0; k < t->count; k++) {
            bad += !isfinite(value[k]);
        }
        if (bad) {
            status = fault(faults, err, "%s: %lld of %lld numbers are not finite", t->name,
                           (long long)bad, (long long)t->count);
        }
        s4d_mem_free(value);
    }
    return status;
}

/* ---- models ---- */

static s4d_status check_classes(const s4d_import *im, s4d_strlist *faults, s4d_err *err)
{
    static const char *const name[2][2] = {{"classes.image", "head.image.weight"},
                                           {"classes.video", "head.video.weight"}};
    s4d_status status = S4D_OK;
    for (int i = 0; i < 2 && status == S4D_OK; i++) {
        const char *text = s4d_import_metadata(im, name[i][0]);
        const s4d_import_tensor *head = s4d_import_find(im, name[i][1]);
        s4d_json *doc = NULL;
        bool good = text && s4d_json_parse(text, strlen(text), name[i][0], &doc, NULL) == S4D_OK &&
                    s4d_json_kind_of(doc) == S4D_JSON_ARRAY;
        size_t n = good ? s4d_json_count(doc) : 0;
        if (text && !good) {
            status = fault(faults, err, "its metadata's \"%s\" is not a list of class names",
                           name[i][0]);
        } else if (text && (!head || (size_t)head->dim[0] != n)) {
            status =
                fault(faults, err, "its metadata's \"%s\" names %zu classes, but %s has %lld rows",
                      name[i][0], n, name[i][1], head ? (long long)head->dim[0] : 0LL);
        }
        s4d_json_destroy(&doc);
    }
    return status;
}

static s4d_status check_model(const char *path, const s4d_import_opts *opts, s4d_strlist *faults,
                              s4d_err *err)
{
    s4d_import *im = NULL;
    s4d_err why = {0};
    s4d_status status = s4d_import_open(path, opts, &im, &why);
    if (status) {
        return fault(faults, err, "%s", why.text);
    }
    for (size_t i = 0; i < s4d_import_lines(im) && status == S4D_OK; i++) {
        const s4d_import_line *line = s4d_import_line_at(im, i);
        if (line->fault) {
            status = fault(faults, err, "%s is %s: %s", line->name,
                           s4d_import_verdict_name(line->verdict), line->detail);
        }
    }
    if (status == S4D_OK) {
        status = check_classes(im, faults, err);
    }
    s4d_import_close(&im);
    return status;
}

/* ---- states of the optimiser ---- */

static bool same_shape(const s4d_ckpt_tensor *a, const s4d_ckpt_tensor *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}

static s4d_status check_state(const s4d_ckpt *file, const s4d_ckpt_tensor *updates,
                              s4d_strlist *faults, s4d_err *err)
{
    s4d_status status = S4D_OK;
    int64_t pairs = 0;
    for (size_t i = 0; i < s4d_ckpt_count(file) && status == S4D_OK; i++) {
        const s4d_ckpt_tensor *t = s4d_ckpt_at(file, i);
        char other[512];
        bool m = strncmp(t->name, "m/", 2) == 0, v = strncmp(t->name, "v/", 2) == 0;
        snprintf(other, sizeof other, "%c%s", m ? 'v' : 'm', t->name + 1);
        const s4d_ckpt_tensor *twin = m || v ? s4d_ckpt_find(file, other) : NULL;
        pairs += m && twin;
        if (t != updates && !m && !v) {
            status = fault(faults, err, "%s has no place in a state of the optimiser", t->name);
        } else if (t != updates && (!twin || !same_shape(t, twin))) {
            status = fault(faults, err, "%s has no %s of its shape beside it", t->name, other);
        }
    }
    if (status == S4D_OK && (strcmp(updates->type, "I64") != 0 || updates->count != pairs)) {
        status = fault(faults, err, "\"updates\" holds %lld numbers for %lld tensors",
                       (long long)updates->count, (long long)pairs);
    }
    return status;
}

static s4d_status verify_file(const char *path, const s4d_import_opts *opts, s4d_strlist *faults,
                              s4d_err *err)
{
    s4d_ckpt *file = NULL;
    s4d_status status = s4d_ckpt_open(path, &opts->file, &file, err);
    if (status == S4D_OK) {
        status = check_numbers(file, faults, err);
    }
    if (status == S4D_OK) {
        const s4d_ckpt_tensor *updates = s4d_ckpt_find(file, "updates");
        status = updates ? check_state(file, updates, faults, err)
                         : check_model(path, opts, faults, err);
    }
    s4d_ckpt_close(&file);
    return status;
}

/* What a checkpoint of a run has beside its model; a fault begins with the file's name. */
static s4d_status verify_beside(const char *folder, const char *name, s4d_strlist *faults,
                                s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_strlist found = {0};
    s4d_err why = {0};
    s4d_status status = s4d_path_join(path, folder, name, err);
    if (status || !s4d_path_exists(path)) {
        return status;
    }
    if (verify_file(path, &(s4d_import_opts){0}, &found, &why) != S4D_OK) {
        status = unreadable(name, &why, faults, err);
    }
    for (size_t i = 0; i < found.count && status == S4D_OK; i++) {
        status = fault(faults, err, "%s: %s", name, found.item[i]);
    }
    s4d_strlist_release(&found);
    return status;
}

s4d_status s4d_ckpt_verify(const char *path, const s4d_import_opts *opts, s4d_strlist *faults,
                           s4d_err *err)
{
    static const char *const beside[] = {"state.safetensors", "average.safetensors"};
    *faults = (s4d_strlist){0};
    s4d_status status = verify_file(path, opts, faults, err);
    for (int i = 0; i < 2 && status == S4D_OK && s4d_path_is_dir(path); i++) {
        status = verify_beside(path, beside[i], faults, err);
    }
    if (status) {
        s4d_strlist_release(faults);
    }
    return status;
}
