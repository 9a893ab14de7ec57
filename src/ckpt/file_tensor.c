/* One tensor of a file: words for it, and its numbers. */
#include <stdio.h>

#include "ckpt/file_private.h"
#include "s4d/base/mem.h"

bool s4d_ckpt_is_real(const s4d_ckpt_tensor *t)
{
    return !t->unread && t->element && t->element->kind == S4D_ELEMENT_REAL;
}

void s4d_ckpt_shape_text(const s4d_ckpt_tensor *t, char text[128])
{
    size_t n = 0;
    for (int i = 0; i < t->rank && i < S4D_MAX_RANK; i++) {
        n += (size_t)snprintf(text + n, 128 - n, "%s%lld", i ? "," : "[", (long long)t->dim[i]);
        n = n < 120 ? n : 120;
    }
    snprintf(text + n, 128 - n, "%s]", t->rank > S4D_MAX_RANK ? ",..." : "");
}

void s4d_ckpt_unread_text(const s4d_ckpt_tensor *t, char text[128])
{
    switch (t->unread) {
    case S4D_CKPT_READABLE: text[0] = '\0'; break;
    case S4D_CKPT_OTHER_TYPE:
        snprintf(text, 128, "is of the type %.60s, which is not read", t->type);
        break;
    case S4D_CKPT_MANY_DIMENSIONS:
        snprintf(text, 128, "has %d dimensions, and at most %d are read", t->rank, S4D_MAX_RANK);
        break;
    case S4D_CKPT_WITHOUT_NUMBERS:
        snprintf(text, 128, "has a shape but no numbers (it was saved from the meta device)");
        break;
    case S4D_CKPT_NEGATED:
        snprintf(text, 128, "is kept with the other sign, which is not read");
        break;
    case S4D_CKPT_TOO_MANY:
        snprintf(text, 128, "claims many times the numbers that the file holds");
        break;
    }
    s4d_str_printable(text, 128);
}

s4d_status s4d_ckpt_read(s4d_ckpt *f, const s4d_ckpt_tensor *t, void *out, s4d_err *err)
{
    const s4d_ckpt_source *source = &f->source[t - f->tensor];
    s4d_ckpt_part *part = &f->part[source->part];
    S4D_BUG_IF(t->unread);
    if (t->bytes == 0) {
        return S4D_OK;
    }
    return part->st ? s4d_safetensors_read(part->st, s4d_safetensors_at(part->st, source->index),
                                           out, err)
                    : s4d_ckpt_read_torch(&part->torch, source->index, out, err);
}

static s4d_status not_real(const s4d_ckpt *f, const s4d_ckpt_tensor *t, s4d_err *err)
{
    char why[128];
    s4d_ckpt_unread_text(t, why);
    if (t->unread) {
        return s4d_err_set(err, S4D_FAILED, "%s: %s %s; save it as float32", f->path, t->name, why);
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s: %s holds %s, not floating-point numbers; this is no weight of a model",
                       f->path, t->name, t->type);
}

s4d_status s4d_ckpt_read_floats(s4d_ckpt *f, const s4d_ckpt_tensor *t, float *out, s4d_err *err)
{
    if (!s4d_ckpt_is_real(t)) {
        return not_real(f, t, err);
    }
    if (t->element->dtype == S4D_F32) {
        return s4d_ckpt_read(f, t, out, err);
    }
    unsigned char *raw = s4d_mem_alloc(t->bytes + 1, 1);
    s4d_status status =
        raw ? s4d_ckpt_read(f, t, raw, err) : s4d_err_memory(err, t->bytes, f->path);
    if (status == S4D_OK) {
        s4d_element_floats(t->element, raw, out, (size_t)t->count);
    }
    s4d_mem_free(raw);
    return status;
}

s4d_status s4d_ckpt_read_doubles(s4d_ckpt *f, const s4d_ckpt_tensor *t, double **out, s4d_err *err)
{
    size_t n = (size_t)t->count;
    double *value = s4d_mem_alloc(n + 1, sizeof *value);
    unsigned char *raw = s4d_mem_alloc(t->bytes + 1, 1);
    s4d_status status = value && raw ? s4d_ckpt_read(f, t, raw, err)
                                     : s4d_err_memory(err, n * sizeof *value, f->path);
    if (status == S4D_OK) {
        s4d_element_doubles(t->element, raw, value, n);
    }
    s4d_mem_free(raw);
    if (status) {
        s4d_mem_free(value);
        value = NULL;
    }
    *out = value;
    return status;
}
