/* Import: which tensor of the file makes which of the model, and what is wrong with them. */
#include "s4d/ckpt/import.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ckpt/import_private.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"

const char *s4d_import_verdict_name(s4d_import_verdict verdict)
{
    static const char *const name[] = {"used", "reshaped", "ignored", "missing"};
    return name[verdict];
}

bool s4d_import_allowed(const s4d_import *im, const char *name)
{
    for (int i = 0; i < im->opts->allowed; i++) {
        if (fnmatch(im->opts->allow[i], name, 0) == 0) {
            return true;
        }
    }
    return false;
}

s4d_status s4d_import_report(s4d_import *im, s4d_import_verdict verdict, bool fault,
                             const char *name, s4d_err *err, const char *format, ...)
{
    char detail[512];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    if (im->lines == im->line_room) {
        size_t room = im->line_room ? 2 * im->line_room : 128;
        if (!s4d_mem_grow(&im->line, im->line_room, room, sizeof *im->line)) {
            return s4d_err_memory(err, room * sizeof *im->line, "the report");
        }
        im->line_room = room;
    }
    s4d_import_line *line = &im->line[im->lines++];
    *line = (s4d_import_line){.verdict = verdict,
                              .fault = fault,
                              .name = s4d_mem_strdup(name),
                              .detail = s4d_mem_strdup(detail)};
    im->faults += fault;
    return line->name && line->detail ? S4D_OK : s4d_err_memory(err, sizeof detail, "the report");
}

/* ---- one tensor of the model ---- */

/* Numbers of a tensor that begins anew: sizes may come from a tensor without any. */
static const int64_t NEW_MAX = INT64_C(1) << 33;

static void item_text(const s4d_layout_item *item, char text[128])
{
    s4d_tensor t = s4d_tensor_of(S4D_F32, NULL, item->rank, item->dim);
    s4d_tensor_shape_text(&t, text);
}

static bool same_dims(int rank, const int64_t *dim, const s4d_ckpt_tensor *t)
{
    return t->rank == rank && memcmp(t->dim, dim, (size_t)rank * sizeof *dim) == 0;
}

/* The shape each source must have for the item; a 2-D kernel may stand for a 3-D one. */
static bool fits(const s4d_layout_item *item, s4d_import_source *s)
{
    s4d_layout_item want = *item;
    if (s->kind == S4D_RECIPE_PART) {
        want.dim[0] *= 3;
    } else if (s->kind == S4D_RECIPE_JOIN) {
        want.dim[0] /= 3;
    }
    const int64_t flat[4] = {item->dim[0], item->dim[1], item->dim[3], item->dim[4]};
    if (item->rank == 5 && s->from[0]->rank == 4) {
        s->inflate = true;
        return same_dims(4, flat, s->from[0]);
    }
    for (int i = 0; i < s->sources; i++) {
        if (!same_dims(want.rank, want.dim, s->from[i])) {
            return false;
        }
    }
    return true;
}

static s4d_status report_made(s4d_import *im, const s4d_layout_item *item,
                              const s4d_import_source *s, s4d_err *err)
{
    if (s->fill) {
        return s4d_import_report(im, S4D_IMPORT_RESHAPED, false, item->name, err,
                                 "zeros: no block of the file has this bias, which is the same");
    }
    const char *name = s->from[0]->name;
    if (s->inflate) {
        return s4d_import_report(im, S4D_IMPORT_RESHAPED, false, item->name, err,
                                 "from %s, spread evenly over %lld frames", name,
                                 (long long)item->dim[2]);
    }
    if (s->kind == S4D_RECIPE_PART) {
        return s4d_import_report(im, S4D_IMPORT_RESHAPED, false, item->name, err,
                                 "part %d of 3 of %s", s->part + 1, name);
    }
    if (s->kind == S4D_RECIPE_JOIN) {
        return s4d_import_report(im, S4D_IMPORT_RESHAPED, false, item->name, err,
                                 "%s, %s and %s joined", name, s->from[1]->name, s->from[2]->name);
    }
    return s4d_import_report(im, S4D_IMPORT_USED, false, item->name, err, "%s",
                             strcmp(name, item->name) ? name : "");
}

static int64_t count_of(const s4d_layout_item *item)
{
    int64_t count = 1;
    for (int i = 0; i < item->rank; i++) {
        if (__builtin_mul_overflow(count, item->dim[i], &count)) {
            return INT64_MAX;
        }
    }
    return count;
}

static void take(s4d_import *im, const s4d_layout_item *item, const s4d_import_source *s)
{
    s4d_import_tensor *t = &im->tensor[im->count];
    *t = (s4d_import_tensor){.name = item->name, .rank = item->rank, .count = count_of(item)};
    memcpy(t->dim, item->dim, sizeof t->dim);
    im->source[im->count++] = *s;
}

/* A tensor that the file does not have, or not so; where that is allowed it begins anew, so that
 * what is written is whole. */
static s4d_status miss(s4d_import *im, const s4d_layout_item *item, const char *why, s4d_err *err)
{
    char want[128];
    bool allowed = s4d_import_allowed(im, item->name) && count_of(item) < NEW_MAX;
    bool weight = s4d_str_ends(item->name, ".weight");
    s4d_import_source s = {.fill = item->rank > 1 ? S4D_FILL_DRAWN
                                   : weight       ? S4D_FILL_ONE
                                                  : S4D_FILL_ZERO};
    static const char *const anew[] = {[S4D_FILL_ZERO] = "zeros",
                                       [S4D_FILL_ONE] = "ones",
                                       [S4D_FILL_DRAWN] = "normal numbers of deviation 0.02"};
    item_text(item, want);
    if (allowed) {
        take(im, item, &s);
    }
    return s4d_import_report(im, S4D_IMPORT_MISSING, !allowed, item->name, err,
                             "%s is expected%s%s%s", want, why, allowed ? "; it begins anew: " : "",
                             allowed ? anew[s.fill] : "");
}

void s4d_import_absent_text(const s4d_import *im, const char *published, char text[320])
{
    char name[S4D_FOREIGN_MAX + S4D_PATH_MAX];
    s4d_recipe recipe;
    text[0] = '\0';
    if (s4d_names_recipe(&im->names, published, 0, &recipe)) {
        snprintf(name, sizeof name, "%s%s", im->unwrap.prefix, recipe.source[0]);
        const char *note = s4d_ckpt_note_find(im->file, name);
        if (note) {
            snprintf(text, 320, ", but %.150s is %.120s", name, note);
        }
    }
}

static s4d_status miss_absent(s4d_import *im, const s4d_layout_item *item, s4d_err *err)
{
    char why[320];
    s4d_import_absent_text(im, item->name, why);
    return miss(im, item, why, err);
}

static s4d_status take_item(s4d_import *im, const s4d_layout_item *item, s4d_err *err)
{
    s4d_import_source s;
    char got[128], unread[128], why[480];
    if (!s4d_import_resolve(im, item->name, &s)) {
        return miss_absent(im, item, err);
    }
    const s4d_ckpt_tensor *odd = NULL;
    for (int i = 0; i < s.sources; i++) {
        im->taken[s.from[i] - s4d_ckpt_at(im->file, 0)] = true;
        odd = odd || s4d_ckpt_is_real(s.from[i]) ? odd : s.from[i];
    }
    if (odd && odd->unread) {
        s4d_ckpt_unread_text(odd, unread);
        snprintf(why, sizeof why, ", but %.200s %s", odd->name, unread);
        return miss(im, item, why, err);
    }
    if (odd || !fits(item, &s)) {
        const s4d_ckpt_tensor *t = odd ? odd : s.from[0];
        s4d_ckpt_shape_text(t, got);
        snprintf(why, sizeof why, ", but %.200s is %s of %.60s", t->name, got, t->type);
        return miss(im, item, why, err);
    }
    take(im, item, &s);
    return report_made(im, item, &s, err);
}

/* ---- what it can be used for ---- */

/* Others normalise before the head by a "norm" of another place, or have neither; a bare encoder
 * of theirs may have no last norm. Then it begins anew where training begins. */
static bool has_norm(const s4d_import *im)
{
    char name[64];
    const char *norm = s4d_layout_norm(im->names.layout);
    s4d_import_source s;
    bool weight, bias;
    snprintf(name, sizeof name, "%s.weight", norm);
    weight = s4d_import_resolve(im, name, &s);
    snprintf(name, sizeof name, "%s.bias", norm);
    bias = s4d_import_resolve(im, name, &s);
    return s4d_import_trained_here(im) || weight || bias;
}

static s4d_status report_norm(s4d_import *im, s4d_err *err)
{
    if (has_norm(im)) {
        return S4D_OK;
    }
    bool finetune = im->names.layout == S4D_LAYOUT_FINETUNE;
    return s4d_import_report(im, S4D_IMPORT_MISSING, false, s4d_layout_norm(im->names.layout), err,
                             finetune ? "it begins anew where fine-tuning begins with this file"
                                      : "fine-tuning does not use it; it begins anew where "
                                        "pre-training begins with this file");
}

/* A head that was trained on other features than this model's gives other outputs here. */
static void find_use(s4d_import *im)
{
    const char *told = s4d_ckpt_note_find(im->file, "s4d.start_only");
    if (im->names.layout != S4D_LAYOUT_FINETUNE || s4d_import_trained_here(im)) {
        return;
    }
    if (s4d_ckpt_kind_of(im->file) == S4D_CKPT_SAFETENSORS && told) {
        im->start_only = told;
    } else if (im->names.images && im->names.kind != S4D_NAMES_S4D) {
        im->start_only = "it is a model of images, with positions and a class token of its own";
    } else if (!has_norm(im)) {
        im->start_only = "it has no fc_norm: its head reads the first token, or the mean without a "
                         "norm, and here the head reads the norm of the mean over all tokens";
    }
}

static s4d_status take_all(s4d_import *im, s4d_err *err)
{
    size_t n = im->layout.count, m = s4d_ckpt_count(im->file);
    s4d_status status = S4D_OK;
    im->tensor = s4d_mem_alloc(n + 1, sizeof *im->tensor);
    im->source = s4d_mem_alloc(n + 1, sizeof *im->source);
    im->taken = s4d_mem_alloc(m + 1, sizeof *im->taken);
    if (!im->tensor || !im->source || !im->taken) {
        return s4d_err_memory(err, n * sizeof *im->source, "the list of tensors");
    }
    for (size_t i = 0; i < n && status == S4D_OK; i++) {
        status = take_item(im, &im->layout.item[i], err);
    }
    if (status == S4D_OK) {
        status = report_norm(im, err);
    }
    if (status == S4D_OK) {
        status = s4d_import_report_fused(im, err);
    }
    for (size_t i = 0; i < m && status == S4D_OK; i++) {
        if (!im->taken[i]) {
            status = s4d_import_report_leftover(im, s4d_ckpt_at(im->file, i), err);
        }
    }
    return status;
}

s4d_status s4d_import_open(const char *path, const s4d_import_opts *opts, s4d_import **out,
                           s4d_err *err)
{
    *out = NULL;
    s4d_import *im = s4d_mem_alloc(1, sizeof *im);
    if (!im) {
        return s4d_err_memory(err, sizeof *im, path);
    }
    im->opts = opts;
    s4d_status status = s4d_ckpt_open(path, &opts->file, &im->file, err);
    if (status == S4D_OK) {
        status = s4d_unwrap_make(&im->unwrap, im->file, opts->strip, err);
    }
    if (status == S4D_OK) {
        status = s4d_names_detect(&im->unwrap, im->file, opts->from, &im->names, err);
    }
    if (status == S4D_OK) {
        status = s4d_import_measure(im, err);
    }
    if (status == S4D_OK) {
        const s4d_layout_opts layout = {.kind = im->names.layout,
                                        .geometry = &im->geometry,
                                        .norm = has_norm(im),
                                        .classes = {im->classes[0], im->classes[1]}};
        find_use(im);
        status = s4d_layout_make(&im->layout, &layout, err);
    }
    if (status == S4D_OK) {
        status = take_all(im, err);
    }
    if (status == S4D_OK) {
        status = s4d_import_describe(im, err);
    }
    if (status == S4D_OK && im->key_biases) {
        s4d_log(S4D_LOG_INFO,
                "%s: the key's bias is dropped in %zu tensor%s; attention is the same without it",
                s4d_ckpt_path(im->file), im->key_biases, im->key_biases == 1 ? "" : "s");
    }
    im->opts = NULL;
    if (status) {
        s4d_import_close(&im);
    }
    *out = im;
    return status;
}

void s4d_import_close(s4d_import **import)
{
    s4d_import *im = *import;
    if (!im) {
        return;
    }
    for (size_t i = 0; i < im->lines; i++) {
        s4d_mem_free(im->line[i].name);
        s4d_mem_free(im->line[i].detail);
    }
    for (size_t i = 0; i < im->metas; i++) {
        s4d_mem_free((char *)im->meta[i].key);
        s4d_mem_free((char *)im->meta[i].value);
    }
    s4d_mem_free(im->line);
    s4d_mem_free(im->taken);
    s4d_mem_free(im->source);
    s4d_mem_free(im->tensor);
    s4d_layout_release(&im->layout);
    s4d_unwrap_release(&im->unwrap);
    s4d_ckpt_close(&im->file);
    s4d_mem_free(im);
    *import = NULL;
}

s4d_status s4d_import_check(const s4d_import *im, s4d_err *err)
{
    for (size_t i = 0; i < im->lines; i++) {
        const s4d_import_line *line = &im->line[i];
        if (line->fault) {
            return s4d_err_set(err, S4D_FAILED,
                               "%s: %s is %s: %s; in all %zu tensors do not fit the names of %s, "
                               "and \"s4d ckpt import\" lists "
                               "them (--allow-missing GLOB lets them pass)",
                               s4d_ckpt_path(im->file), line->name,
                               s4d_import_verdict_name(line->verdict), line->detail, im->faults,
                               s4d_names_of(im->names.kind));
        }
    }
    return S4D_OK;
}

void s4d_import_tell_choice(const s4d_import *im)
{
    const s4d_strlist *others = s4d_ckpt_others(im->file);
    const char *top = s4d_ckpt_top(im->file), *path = s4d_ckpt_path(im->file);
    if (others->count) {
        s4d_log(S4D_LOG_INFO,
                "%s: the tensors %s%s are taken; there is also %s%s: --key NAME takes it", path,
                *top ? "under " : "of the object itself", top, others->item[0],
                others->count > 1 ? " and more" : "");
    }
    if (im->unwrap.prefix[0]) {
        s4d_log(S4D_LOG_INFO, "%s: %s is taken off the names", path, im->unwrap.prefix);
    }
    s4d_foreign_tell_processor(im);
}
