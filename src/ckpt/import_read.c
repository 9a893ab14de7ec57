/* Import: the numbers, and the file they are written to. */
#include <math.h>
#include <string.h>

#include "ckpt/import_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/rng.h"

/* [D,3,P,P] at the end of out into [D,3,t,P,P]: each frame takes its share, so that a still gives
 * what it gave. */
static void inflate(const s4d_import_tensor *t, float *out)
{
    int64_t frames = t->dim[2], area = t->dim[3] * t->dim[4], rows = t->dim[0] * t->dim[1];
    const float *flat = out + (frames - 1) * rows * area;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t k = 0; k < area; k++) {
            float share = flat[r * area + k] / (float)frames;
            for (int64_t f = 0; f < frames; f++) {
                out[(r * frames + f) * area + k] = share;
            }
        }
    }
}

static s4d_status read_part(s4d_import *im, const s4d_import_source *s, int64_t count, float *out,
                            s4d_err *err)
{
    float *whole = s4d_mem_alloc((size_t)s->from[0]->count + 1, sizeof *whole);
    s4d_status status =
        whole ? s4d_ckpt_read_floats(im->file, s->from[0], whole, err)
              : s4d_err_memory(err, (size_t)s->from[0]->count * sizeof *whole, "a bias");
    if (status == S4D_OK) {
        memcpy(out, whole + s->part * count, (size_t)count * sizeof *out);
    }
    s4d_mem_free(whole);
    return status;
}

/* Normal, of deviation 0.02, within two of them; the stream is told by the tensor's name. */
static void draw(const s4d_import_tensor *t, float *out)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *p = t->name; *p; p++) {
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    }
    s4d_rng rng = s4d_rng_make(0, S4D_RNG_INIT, hash, 0);
    for (int64_t i = 0; i < t->count; i++) {
        double z;
        do {
            z = s4d_rng_normal(&rng);
        } while (fabs(z) > 2);
        out[i] = (float)(0.02 * z);
    }
}

static void fill(const s4d_import_tensor *t, s4d_import_fill with, float *out)
{
    if (with == S4D_FILL_DRAWN) {
        draw(t, out);
        return;
    }
    for (int64_t i = 0; i < t->count; i++) {
        out[i] = with == S4D_FILL_ONE ? 1 : 0;
    }
}

s4d_status s4d_import_read(s4d_import *im, const s4d_import_tensor *t, float *out, s4d_err *err)
{
    const s4d_import_source *s = &im->source[t - im->tensor];
    s4d_status status = S4D_OK;
    if (s->fill) {
        fill(t, s->fill, out);
        return S4D_OK;
    }
    if (s->kind == S4D_RECIPE_PART) {
        status = read_part(im, s, t->count, out, err);
    } else if (s->inflate) {
        status =
            s4d_ckpt_read_floats(im->file, s->from[0], out + t->count - s->from[0]->count, err);
    } else {
        float *next = out;
        for (int i = 0; i < s->sources && status == S4D_OK; i++) {
            status = s4d_ckpt_read_floats(im->file, s->from[i], next, err);
            next += s->from[i]->count;
        }
    }
    if (status == S4D_OK && s->inflate) {
        inflate(t, out);
    }
    for (int64_t i = 0; i < t->count && status == S4D_OK; i++) {
        if (!isfinite(out[i])) {
            status = s4d_err_set(
                err, S4D_FAILED,
                "%s: %s holds numbers that are not finite; these weights are ruined, use others",
                s4d_ckpt_path(im->file), s->from[0]->name);
        }
    }
    return status;
}

s4d_status s4d_import_write(s4d_import *im, const char *path, s4d_err *err)
{
    s4d_safetensors_entry *entry = NULL;
    float *value = NULL;
    size_t total = 0;
    s4d_status status = s4d_import_check(im, err);
    for (size_t i = 0; i < im->count; i++) {
        total += (size_t)im->tensor[i].count;
    }
    if (status == S4D_OK) {
        entry = s4d_mem_alloc(im->count + 1, sizeof *entry);
        value = s4d_mem_alloc(total + 1, sizeof *value);
        status = entry && value ? S4D_OK : s4d_err_memory(err, total * sizeof *value, path);
    }
    float *next = value;
    for (size_t i = 0; i < im->count && status == S4D_OK; i++) {
        const s4d_import_tensor *t = &im->tensor[i];
        entry[i] = (s4d_safetensors_entry){t->name, s4d_tensor_of(S4D_F32, next, t->rank, t->dim)};
        status = s4d_import_read(im, t, next, err);
        next += t->count;
    }
    if (status == S4D_OK) {
        status = s4d_safetensors_write(
            path, &(s4d_safetensors_contents){entry, im->count, im->meta, im->metas}, err);
    }
    s4d_mem_free(entry);
    s4d_mem_free(value);
    return status;
}

const char *s4d_import_from(const s4d_import *im)
{
    return s4d_names_of(im->names.kind);
}

const char *s4d_import_start_only(const s4d_import *im)
{
    return im->start_only;
}

const s4d_ckpt *s4d_import_file(const s4d_import *im)
{
    return im->file;
}

const char *s4d_import_prefix(const s4d_import *im)
{
    return im->unwrap.prefix;
}

size_t s4d_import_count(const s4d_import *im)
{
    return im->count;
}

const s4d_import_tensor *s4d_import_at(const s4d_import *im, size_t i)
{
    S4D_BUG_IF(i >= im->count);
    return &im->tensor[i];
}

const s4d_import_tensor *s4d_import_find(const s4d_import *im, const char *name)
{
    for (size_t i = 0; i < im->count; i++) {
        if (strcmp(im->tensor[i].name, name) == 0) {
            return &im->tensor[i];
        }
    }
    return NULL;
}

size_t s4d_import_lines(const s4d_import *im)
{
    return im->lines;
}

const s4d_import_line *s4d_import_line_at(const s4d_import *im, size_t i)
{
    S4D_BUG_IF(i >= im->lines);
    return &im->line[i];
}

size_t s4d_import_faults(const s4d_import *im)
{
    return im->faults;
}

size_t s4d_import_metadata_count(const s4d_import *im)
{
    return im->metas;
}

const s4d_safetensors_pair *s4d_import_metadata_at(const s4d_import *im, size_t i)
{
    S4D_BUG_IF(i >= im->metas);
    return &im->meta[i];
}

const char *s4d_import_metadata(const s4d_import *im, const char *key)
{
    for (size_t i = 0; i < im->metas; i++) {
        if (strcmp(im->meta[i].key, key) == 0) {
            return im->meta[i].value;
        }
    }
    return NULL;
}
