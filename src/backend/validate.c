/* How a shape rule is checked and how a broken one is told. */
#include <stdio.h>

#include "backend/validate_private.h"

static bool shape_fits(const s4d_tensor *t, const s4d_rule *rule)
{
    if (!rule->rows) {
        bool fits = t->rank == rule->rank;
        for (int i = 0; fits && i < rule->rank; i++) {
            fits = t->dim[i] == rule->dim[i];
        }
        return fits;
    }
    if (rule->rank == 1) {
        return t->rank > 0 && s4d_tensor_count(t) == rule->dim[0];
    }
    return t->rank > 0 && s4d_rows(t) == rule->dim[0] && s4d_width(t) == rule->dim[1];
}

static bool type_fits(const s4d_backend *be, s4d_dtype dtype, int rule)
{
    switch (rule) {
    case REAL:
        return dtype == be->real;
    case ACT:
        return dtype == be->act;
    case ACT_OR_REAL:
        return dtype == be->act || dtype == be->real;
    default:
        return (int)dtype == rule;
    }
}

void s4d_require(const s4d_backend *be, const s4d_tensor *t, const s4d_rule *rule)
{
    const char *wrong = NULL;
    if (!s4d_tensor_given(t)) {
        wrong = "not given";
    } else if (!type_fits(be, t->dtype, rule->dtype)) {
        wrong = s4d_dtype_name(t->dtype);
    } else if (!shape_fits(t, rule)) {
        wrong = "of the shape";
    } else if (!be->planning && !t->data && s4d_tensor_count(t) > 0) {
        wrong = "without memory";
    }
    if (!wrong) {
        return;
    }
    char shape[128], want[128], text[512];
    s4d_tensor_shape_text(t, shape);
    s4d_tensor as_ruled = {.rank = rule->rank};
    for (int i = 0; i < rule->rank; i++) {
        as_ruled.dim[i] = rule->dim[i];
    }
    s4d_tensor_shape_text(&as_ruled, want);
    snprintf(text, sizeof text, "tensor breaks \"%s\" = %s%s: it is %s %s", rule->text, want,
             rule->rows ? " (rows under any leading shape)" : "", wrong, shape);
    s4d_bug(rule->file, rule->line, text);
}

bool s4d_apart(const s4d_backend *be, const s4d_tensor *a, const s4d_tensor *b, bool same)
{
    uintptr_t start_a = (uintptr_t)a->data, start_b = (uintptr_t)b->data;
    size_t bytes_a = s4d_tensor_bytes(a), bytes_b = s4d_tensor_bytes(b);
    if (be->planning || bytes_a == 0 || bytes_b == 0) {
        return true;
    }
    if (same && start_a == start_b && bytes_a == bytes_b) {
        return true;
    }
    return start_a + bytes_a <= start_b || start_b + bytes_b <= start_a;
}
