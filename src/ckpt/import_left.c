/* Import: what no tensor of the model is made of, and why. */
#include <stdio.h>
#include <string.h>

#include "ckpt/import_private.h"
#include "s4d/base/mem.h"

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
s4d_status s4d_import_report_fused(s4d_import *im, s4d_err *err)
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

bool s4d_import_trained_here(const s4d_import *im)
{
    return s4d_ckpt_kind_of(im->file) == S4D_CKPT_SAFETENSORS &&
           s4d_ckpt_note_find(im->file, "s4d.step");
}

/* Why a tensor that cannot be a weight is left alone, or NULL. */
static const char *no_weight(const s4d_ckpt_tensor *t, char text[160])
{
    if (t->unread) {
        char why[128];
        s4d_ckpt_unread_text(t, why);
        snprintf(text, 160, "not used; it %s", why);
        return text;
    }
    if (!s4d_ckpt_is_real(t)) {
        snprintf(text, 160, "not used; it holds %.60s, so it is no weight", t->type);
        return text;
    }
    return t->expanded ? "not used; a view that repeats numbers, so it is no weight" : NULL;
}

s4d_status s4d_import_report_leftover(s4d_import *im, const s4d_ckpt_tensor *t, s4d_err *err)
{
    char text[160];
    bool ours = s4d_import_trained_here(im);
    const char *name = s4d_unwrap_name(&im->unwrap, im->file, t), *why = NULL;
    if (!name) {
        return s4d_import_report(im, S4D_IMPORT_IGNORED, false, t->name, err,
                                 "outside of the model, whose names begin with %s",
                                 im->unwrap.prefix);
    }
    if (!ours && s4d_ckpt_is_real(t) && s4d_names_key_bias(&im->names, name)) {
        return report_key_bias(im, t, 0, t->count, err);
    }
    if (!ours) {
        why = s4d_names_left_out(&im->names, name);
        why = why ? why : no_weight(t, text);
    }
    bool fault = !why && !s4d_import_allowed(im, t->name);
    return s4d_import_report(im, S4D_IMPORT_IGNORED, fault, t->name, err, "%s",
                             why ? why : s4d_names_meaning(name));
}
