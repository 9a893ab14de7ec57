/* Runs one case on both devices and compares: results within their bounds, inputs untouched,
 * nothing written beside the tensors. */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parity.h"
#include "s4d/base/mem.h"

enum { CANARY_BYTE = 0xA5, FAILURES_SHOWN = 4 };

/* A tensor of a case on one device, with canaries around it. */
typedef struct copy {
    s4d_tensor t;          /* on the device; rank 0: not given */
    unsigned char *block;  /* on the device */
    unsigned char *image;  /* the block in host memory, as it was before, then as it is after */
    size_t bytes, data_at; /* of the block; where the tensor starts in it */
    int shares;            /* the earlier field whose memory this is, or -1 */
} copy;

/* A whole case on one device. */
typedef struct setting {
    const suite *s;
    s4d_backend *be;
    union {
        unsigned char bytes[MAX_ARGS];
        max_align_t align;
    } args;
    copy copy[MAX_FIELDS];
} setting;

static void out_of_memory(void)
{
    fprintf(stderr, "parity: not enough memory\n");
    exit(1);
}

static s4d_tensor tensor_in(const void *args, const field *f)
{
    s4d_tensor t;
    memcpy(&t, (const unsigned char *)args + f->offset, sizeof t);
    return t;
}

/* The exact device has no BF16, but holds its values. */
static s4d_dtype dtype_on(const suite *s, const s4d_backend *be, const field *f, s4d_dtype dtype)
{
    if (dtype == S4D_BF16 && be == s->exact) {
        return S4D_F64;
    }
    if (dtype != S4D_F32 || f->type == AS_IS) {
        return dtype;
    }
    bool act = f->type == ACT || (f->type == EITHER && !s->either_real);
    return act ? s4d_backend_act(be) : s4d_backend_real(be);
}

/* `held` is the type of the tested device, whose values every device gets. */
static void convert(void *to, s4d_dtype to_dtype, const s4d_tensor *from, s4d_dtype held)
{
    if (from->dtype == to_dtype && from->dtype == held) {
        memcpy(to, from->data, s4d_tensor_bytes(from));
        return;
    }
    for (int64_t i = 0; i < s4d_tensor_count(from); i++) {
        set_element(to, to_dtype, i, round_to(held, get_element(from->data, from->dtype, i)));
    }
}

static void copy_make(copy *c, const setting *set, const field *f, const s4d_tensor *host, int shift)
{
    s4d_backend *be = set->be;
    c->t = s4d_tensor_of(dtype_on(set->s, be, f, host->dtype), NULL, host->rank, host->dim);
    size_t n = s4d_tensor_bytes(&c->t);
    c->data_at = CANARY + (size_t)shift * s4d_dtype_size(c->t.dtype);
    c->bytes = c->data_at + n + CANARY;
    c->image = s4d_mem_alloc(c->bytes, 1);
    if (!c->image || s4d_backend_alloc(be, c->bytes, (void **)&c->block, NULL) != S4D_OK) {
        out_of_memory();
    }
    memset(c->image, CANARY_BYTE, c->bytes);
    convert(c->image + c->data_at, c->t.dtype, host, dtype_on(set->s, set->s->tested, f, host->dtype));
    s4d_backend_upload(be, c->block, c->image, c->bytes);
    c->t.data = c->block + c->data_at;
}

static void setting_make(setting *set, const suite *s, s4d_backend *be, int shift)
{
    memset(set, 0, sizeof *set);
    set->s = s;
    set->be = be;
    memcpy(set->args.bytes, s->args, args_size(s->op));
    int count;
    const field *f = fields_of(s->op, &count);
    for (int i = 0; i < count; i++) {
        copy *c = &set->copy[i];
        s4d_tensor host = tensor_in(s->args, &f[i]);
        c->shares = -1;
        if (!s4d_tensor_given(&host)) {
            continue;
        }
        for (int j = 0; j < i; j++) {
            s4d_tensor other = tensor_in(s->args, &f[j]);
            if (s4d_tensor_given(&other) && other.data == host.data) {
                c->shares = j;
            }
        }
        if (c->shares >= 0) {
            c->t = host;
            c->t.dtype = set->copy[c->shares].t.dtype;
            c->t.data = set->copy[c->shares].t.data;
        } else {
            copy_make(c, set, &f[i], &host, shift);
        }
        memcpy(set->args.bytes + f[i].offset, &c->t, sizeof c->t);
    }
}

static void setting_release(setting *set)
{
    for (int i = 0; i < MAX_FIELDS; i++) {
        s4d_mem_free(set->copy[i].image);
        s4d_backend_free(set->be, set->copy[i].block);
    }
}

/* The start of `mag`: absolute values, 0 in OUT members. Only for a device whose memory is host
 * memory. */
static void make_absolute(setting *mag, s4d_op_id op)
{
    int count;
    const field *f = fields_of(op, &count);
    for (int i = 0; i < count; i++) {
        s4d_tensor *t = &mag->copy[i].t;
        if (f[i].role == OUT && mag->copy[i].shares < 0 && s4d_tensor_given(t)) {
            memset(t->data, 0, s4d_tensor_bytes(t));
        }
        for (int64_t j = 0; t->dtype == S4D_F64 && j < s4d_tensor_count(t); j++) {
            ((double *)t->data)[j] = fabs(((double *)t->data)[j]);
        }
    }
}

typedef struct comparison {
    suite *s;
    const char *text; /* of the case */
    int shift;
} comparison;

static void report(const comparison *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void report(const comparison *c, const char *format, ...)
{
    c->s->failures++;
    if (c->s->quiet || c->s->failures > FAILURES_SHOWN) {
        return;
    }
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    printf("  %s %s (%s%s): %s\n", s4d_backend_name(c->s->tested), s4d_op_name(c->s->op), c->text,
           c->shift ? ", unaligned" : "", text);
}

/* One result, element by element; the first wrong one is shown. */
static void compare(const comparison *c, const char *name, const s4d_tensor *got,
                    const s4d_tensor *want, const s4d_tensor *mag)
{
    for (int64_t i = 0; i < s4d_tensor_count(got); i++) {
        double g = get_element(got->data, got->dtype, i), w = get_element(want->data, want->dtype, i);
        double size = want->dtype == S4D_F64 ? get_element(mag->data, S4D_F64, i) : 0;
        if (size == 0) {
            w = round_to(got->dtype, w);
        }
        double own = got->dtype == S4D_BF16 ? BF16_ROUNDING * fabs(w) : 0;
        double allowed = size == 0 ? 0 : ALLOWED * c->s->eps * size + own + (double)FLT_MIN;
        double off = fabs(g - w);
        bool same = g == w || (isnan(g) && isnan(w));
        if (size != 0 && off / allowed > c->s->worst) {
            c->s->worst = off / allowed;
        }
        if (size == 0 || !isfinite(allowed) ? !same : !(off <= allowed)) {
            report(c, "%s[%lld] is %.9g, should be %.9g within %.3g", name, (long long)i, g, w,
                   allowed);
            return;
        }
    }
}

static bool is_canary(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != CANARY_BYTE) {
            return false;
        }
    }
    return true;
}

/* Whether the memory of field i is written through another field. */
static bool written_through(const setting *set, const field *f, int count, int i)
{
    for (int j = i + 1; j < count; j++) {
        if (set->copy[j].shares == i && f[j].role != IN) {
            return true;
        }
    }
    return false;
}

static void compare_field(const comparison *c, const field *f, int i, const setting *tested,
                          const setting *exact, const setting *mag)
{
    int count;
    fields_of(c->s->op, &count);
    const copy *own = &tested->copy[i];
    if (!s4d_tensor_given(&own->t)) {
        return;
    }
    const copy *held = own->shares >= 0 ? &tested->copy[own->shares] : own;
    unsigned char *after = s4d_mem_alloc(held->bytes, 1);
    if (!after) {
        out_of_memory();
    }
    s4d_backend_download(tested->be, after, held->block, held->bytes);
    size_t end = held->bytes - CANARY;
    if (!is_canary(after, held->data_at) || !is_canary(after + end, CANARY)) {
        report(c, "memory beside %s was written", f[i].name);
    }
    if (f[i].role != IN) {
        s4d_tensor got = own->t;
        got.data = after + held->data_at;
        compare(c, f[i].name, &got, &exact->copy[i].t, &mag->copy[i].t);
    } else if (!written_through(tested, f, count, i) &&
               memcmp(after, held->image, held->bytes) != 0) {
        report(c, "the input %s was changed", f[i].name);
    }
    s4d_mem_free(after);
}

/* The result that the operation goes on from, as the tested device stored it. */
static void keep_stored(suite *s, const setting *tested)
{
    int count;
    const field *f = fields_of(s->op, &count);
    for (int i = 0; i < count; i++) {
        if (!f[i].stored) {
            continue;
        }
        s4d_tensor t = tested->copy[i].t;
        void *there = make_block(s, s4d_tensor_bytes(&t), 1);
        s4d_backend_download(tested->be, there, t.data, s4d_tensor_bytes(&t));
        s->stored = s4d_tensor_of(S4D_F64, NULL, t.rank, t.dim);
        s->stored.data = make_block(s, s4d_tensor_bytes(&s->stored), 1);
        for (int64_t k = 0; k < s4d_tensor_count(&t); k++) {
            set_element(s->stored.data, S4D_F64, k, get_element(there, t.dtype, k));
        }
    }
}

static void check_at(suite *s, const char *text, int shift)
{
    comparison c = {s, text, shift};
    setting tested, exact, before, mag;
    setting_make(&tested, s, s->tested, shift);
    setting_make(&exact, s, s->exact, 0);
    setting_make(&before, s, s->exact, 0);
    setting_make(&mag, s, s->exact, 0);
    run_op(s->tested, s->op, tested.args.bytes);
    run_op(s->exact, s->op, exact.args.bytes);
    keep_stored(s, &tested);
    make_absolute(&mag, s->op);
    bound_op(s, s->op, before.args.bytes, exact.args.bytes, mag.args.bytes);
    s4d_err err = {0};
    if (s4d_backend_check(s->tested, &err) != S4D_OK ||
        s4d_backend_check(s->exact, &err) != S4D_OK) {
        report(&c, "%s", err.text);
    }
    int count;
    const field *f = fields_of(s->op, &count);
    for (int i = 0; i < count; i++) {
        compare_field(&c, f, i, &tested, &exact, &mag);
    }
    setting_release(&tested);
    setting_release(&exact);
    setting_release(&before);
    setting_release(&mag);
}

void check(suite *s, const void *args, const char *format, ...)
{
    char text[256];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    s->args = args;
    for (int shift = 0; shift < 2 && !(s->hasty && s->failures); shift++) {
        check_at(s, text, shift);
        s->cases++;
    }
    s->args = NULL;
    s->either_real = false;
    release_blocks(s);
}
