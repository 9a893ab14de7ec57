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

static void shape_text(int rank, const int64_t *dim, char text[128])
{
    s4d_tensor t = s4d_tensor_of(S4D_F32, NULL, rank, dim);
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

static s4d_status take_item(s4d_import *im, const s4d_layout_item *item, s4d_err *err)
{
    s4d_import_source s;
    char want[128], got[128];
    shape_text(item->rank, item->dim, want);
    if (!s4d_import_resolve(im, item->name, &s)) {
        return s4d_import_report(im, S4D_IMPORT_MISSING, !s4d_import_allowed(im, item->name),
                                 item->name, err, "%s is expected", want);
    }
    bool real = true;
    for (int i = 0; i < s.sources; i++) {
        im->taken[s.from[i] - s4d_ckpt_at(im->file, 0)] = true;
        real = real && s.from[i]->dtype <= S4D_BF16;
    }
    if (!fits(item, &s) || !real) {
        shape_text(s.from[0]->rank, s.from[0]->dim, got);
        return s4d_import_report(im, S4D_IMPORT_MISSING, !s4d_import_allowed(im, item->name),
                                 item->name, err, "%s is expected, but %s is %s of %s", want,
                                 s.from[0]->name, got, s4d_dtype_name(s.from[0]->dtype));
    }
    s4d_import_tensor *t = &im->tensor[im->count];
    *t = (s4d_import_tensor){.name = item->name, .rank = item->rank, .count = 1};
    memcpy(t->dim, item->dim, sizeof t->dim);
    for (int i = 0; i < t->rank; i++) {
        t->count *= t->dim[i]; /* no more than the file's own, which fit */
    }
    im->source[im->count++] = s;
    return report_made(im, item, &s, err);
}

/* ---- what no tensor of the model is made of ---- */

/* Whether elements first..first+n-1 are all zero. */
static s4d_status all_zero(s4d_import *im, const s4d_ckpt_tensor *t, int64_t first, int64_t n,
                           bool *zero, s4d_err *err)
{
    float *value = s4d_mem_alloc((size_t)t->count + 1, sizeof *value);
    s4d_status status = value ? s4d_ckpt_read_floats(im->file, t, value, err)
                              : s4d_err_memory(err, (size_t)t->count * sizeof *value, "a bias");
    *zero = true;
    for (int64_t i = first; i < first + n && status == S4D_OK; i++) {
        *zero = *zero && value[i] == 0;
    }
    s4d_mem_free(value);
    return status;
}

/* A key's bias adds the same to all scores of a query, and softmax takes it away again: without it
 * attention is the same. */
static s4d_status report_key_bias(s4d_import *im, const s4d_ckpt_tensor *t, int64_t first,
                                  int64_t n, s4d_err *err)
{
    bool zero;
    s4d_status status = all_zero(im, t, first, n, &zero, err);
    if (status) {
        return status;
    }
    im->key_biases += !zero;
    return s4d_import_report(im, S4D_IMPORT_IGNORED, false, t->name, err,
                             zero ? "the key's part, which is zero"
                                  : "the key's part is not zero; it is dropped, and attention is "
                                    "the same without it");
}

/* The middle third of each bias that q_bias and v_bias were cut from. */
static s4d_status check_fused(s4d_import *im, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < im->count && status == S4D_OK; i++) {
        const s4d_import_source *s = &im->source[i];
        if (s->kind == S4D_RECIPE_PART && s->part == 0) {
            status =
                report_key_bias(im, s->from[0], s->from[0]->count / 3, s->from[0]->count / 3, err);
        }
    }
    return status;
}

/* What training here wrote has all of its tensors and no others. */
static bool trained_here(const s4d_import *im)
{
    return s4d_ckpt_kind_of(im->file) == S4D_CKPT_SAFETENSORS &&
           s4d_ckpt_note_find(im->file, "s4d.step");
}

static s4d_status report_leftover(s4d_import *im, const s4d_ckpt_tensor *t, s4d_err *err)
{
    const char *why = trained_here(im) ? NULL : s4d_names_left_out(&im->names, t->name);
    if (why && strstr(t->name, "key.bias") && t->dtype <= S4D_BF16) {
        return report_key_bias(im, t, 0, t->count, err);
    }
    bool fault = !why && !s4d_import_allowed(im, t->name);
    if (!why) {
        why = strstr(t->name, "pos_embed")
                  ? "a table of positions that was trained; this model's is fixed"
                  : "has no place in this model";
    }
    return s4d_import_report(im, S4D_IMPORT_IGNORED, fault, t->name, err, "%s", why);
}

/* Others normalise before the head by a "norm" of another place, or have neither: then fc_norm
 * begins anew where fine-tuning begins. */
static bool has_fc_norm(const s4d_import *im)
{
    s4d_import_source s;
    return trained_here(im) || s4d_import_resolve(im, "fc_norm.weight", &s) ||
           s4d_import_resolve(im, "fc_norm.bias", &s);
}

static s4d_status report_fc_norm(s4d_import *im, s4d_err *err)
{
    if (im->names.layout != S4D_LAYOUT_FINETUNE || has_fc_norm(im)) {
        return S4D_OK;
    }
    return s4d_import_report(im, S4D_IMPORT_MISSING, false, "fc_norm", err,
                             "it begins anew where fine-tuning begins with this file");
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
        status = report_fc_norm(im, err);
    }
    if (status == S4D_OK) {
        status = check_fused(im, err);
    }
    for (size_t i = 0; i < m && status == S4D_OK; i++) {
        if (!im->taken[i]) {
            status = report_leftover(im, s4d_ckpt_at(im->file, i), err);
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
    s4d_status status = s4d_ckpt_open(path, &im->file, err);
    if (status == S4D_OK) {
        status = s4d_names_detect(im->file, opts->from, &im->names, err);
    }
    if (status == S4D_OK) {
        status = s4d_import_measure(im, err);
    }
    if (status == S4D_OK) {
        const s4d_layout_opts layout = {.kind = im->names.layout,
                                        .geometry = &im->geometry,
                                        .fc_norm = has_fc_norm(im),
                                        .classes = {im->classes[0], im->classes[1]}};
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
