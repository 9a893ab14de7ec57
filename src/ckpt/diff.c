/* How two files of tensors differ. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/ckpt/check.h"

static void describe(const s4d_ckpt_tensor *t, char text[128])
{
    char shape[128];
    s4d_ckpt_shape_text(t, shape);
    snprintf(text, 128, "%.40s %.80s", t->type, shape);
}

static s4d_status add(s4d_ckpt_diff *d, s4d_ckpt_change change, const s4d_ckpt_tensor *a,
                      const s4d_ckpt_tensor *b, s4d_err *err)
{
    if (d->count == d->room) {
        size_t room = d->room ? 2 * d->room : 64;
        if (!s4d_mem_grow(&d->item, d->room, room, sizeof *d->item)) {
            return s4d_err_memory(err, room * sizeof *d->item, "the list of differences");
        }
        d->room = room;
    }
    s4d_ckpt_difference *item = &d->item[d->count++];
    *item = (s4d_ckpt_difference){.change = change, .name = s4d_mem_strdup((a ? a : b)->name)};
    if (a) {
        describe(a, item->a);
    }
    if (b) {
        describe(b, item->b);
    }
    return item->name
               ? S4D_OK
               : s4d_err_memory(err, strlen((a ? a : b)->name) + 1, "the list of differences");
}

static double distance(double a, double b)
{
    if (a == b || (isnan(a) && isnan(b))) {
        return 0;
    }
    double d = fabs(a - b);
    return isnan(d) ? INFINITY : d;
}

static s4d_status compare_values(s4d_ckpt *file[2], const s4d_ckpt_tensor *const t[2],
                                 s4d_ckpt_diff *d, s4d_err *err)
{
    double *value[2] = {NULL, NULL}, most = 0, top = 0;
    s4d_status status = s4d_ckpt_read_doubles(file[0], t[0], &value[0], err);
    if (status == S4D_OK) {
        status = s4d_ckpt_read_doubles(file[1], t[1], &value[1], err);
    }
    for (int64_t i = 0; i < t[0]->count && status == S4D_OK; i++) {
        most = fmax(most, distance(value[0][i], value[1][i]));
        top = fmax(top, fmax(fabs(value[0][i]), fabs(value[1][i])));
    }
    if (status == S4D_OK && most > 0) {
        status = add(d, S4D_CKPT_OTHER_VALUES, t[0], t[1], err);
    } else if (status == S4D_OK) {
        d->same++;
    }
    if (status == S4D_OK && most > 0) {
        d->item[d->count - 1].absolute = most;
        d->item[d->count - 1].relative = isinf(most) ? INFINITY : most / top;
    }
    s4d_mem_free(value[0]);
    s4d_mem_free(value[1]);
    return status;
}

static s4d_status compare(s4d_ckpt *file[2], s4d_ckpt_diff *d, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < s4d_ckpt_count(file[0]) && status == S4D_OK; i++) {
        const s4d_ckpt_tensor *a = s4d_ckpt_at(file[0], i), *b = s4d_ckpt_find(file[1], a->name);
        if (!b) {
            status = add(d, S4D_CKPT_ONLY_A, a, NULL, err);
        } else if (a->unread || b->unread) {
            d->unread++;
        } else if (a->rank != b->rank || memcmp(a->dim, b->dim, sizeof a->dim) != 0) {
            status = add(d, S4D_CKPT_OTHER_SHAPE, a, b, err);
        } else {
            status = compare_values(file, (const s4d_ckpt_tensor *const[2]){a, b}, d, err);
        }
    }
    for (size_t i = 0; i < s4d_ckpt_count(file[1]) && status == S4D_OK; i++) {
        const s4d_ckpt_tensor *b = s4d_ckpt_at(file[1], i);
        status = s4d_ckpt_find(file[0], b->name) ? S4D_OK : add(d, S4D_CKPT_ONLY_B, NULL, b, err);
    }
    return status;
}

s4d_status s4d_ckpt_compare(const char *a, const char *b, s4d_ckpt_diff *out, s4d_err *err)
{
    s4d_ckpt *file[2] = {NULL, NULL};
    *out = (s4d_ckpt_diff){0};
    s4d_status status = s4d_ckpt_open(a, NULL, &file[0], err);
    if (status == S4D_OK) {
        status = s4d_ckpt_open(b, NULL, &file[1], err);
    }
    if (status == S4D_OK) {
        status = compare(file, out, err);
    }
    s4d_ckpt_close(&file[0]);
    s4d_ckpt_close(&file[1]);
    if (status) {
        s4d_ckpt_diff_release(out);
    }
    return status;
}

void s4d_ckpt_diff_release(s4d_ckpt_diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        s4d_mem_free(diff->item[i].name);
    }
    s4d_mem_free(diff->item);
    *diff = (s4d_ckpt_diff){0};
}
