/* parity [--device NAME] [--op OP] [--require NAME] [--threads N] [--precision float32|tf32|bf16]
 *        [--self-test] [--list]
 * Compares every operation of the devices with the reference device in double. Without --device that
 * is all devices, but in tf32 and bf16 cuda alone, as the others have no such thing. Exit status: 0
 * all within bounds, 1 not, 2 wrong usage, 77 the device is not there (1 under --require). */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend_private.h"
#include "parity.h"

enum { SKIPPED = 77 };

typedef struct options {
    const char *device, *op, *require;
    int threads;
    s4d_precision precision;
    bool self_test, list;
} options;

static void (*const cases[S4D_OP_COUNT])(suite *s) = {
#define S4D_OP(name) [S4D_OP_##name] = cases_##name,
#include "s4d/backend/ops.def"
#undef S4D_OP
};

static bool parse_precision(const char *name, s4d_precision *precision)
{
    for (int i = 0; i < S4D_PRECISIONS; i++) {
        if (strcmp(name, s4d_precision_name((s4d_precision)i)) == 0) {
            *precision = (s4d_precision)i;
            return true;
        }
    }
    return false;
}

static bool parse(int argc, char **argv, options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--self-test") == 0) {
            o->self_test = true;
            continue;
        }
        if (strcmp(argv[i], "--list") == 0) {
            o->list = true;
            continue;
        }
        if (!value) {
            return false;
        }
        if (strcmp(argv[i], "--device") == 0) {
            o->device = value;
        } else if (strcmp(argv[i], "--op") == 0) {
            o->op = value;
        } else if (strcmp(argv[i], "--require") == 0) {
            o->require = value;
        } else if (strcmp(argv[i], "--threads") == 0) {
            o->threads = atoi(value);
        } else if (strcmp(argv[i], "--precision") == 0) {
            if (!parse_precision(value, &o->precision)) {
                return false;
            }
        } else {
            return false;
        }
        i++;
    }
    return true;
}

static bool chosen(const options *o, s4d_op_id op)
{
    return !o->op || strcmp(o->op, s4d_op_name(op)) == 0;
}

/* All cases of one operation; the same numbers whatever ran before. */
static void run_cases(suite *s, s4d_op_id op)
{
    s->op = op;
    s->cases = s->failures = 0;
    s->worst = 0;
    s->rng = s4d_rng_make(1, S4D_RNG_TEST, (uint32_t)op, 0);
    cases[op](s);
}

static bool compare_op(suite *s, s4d_op_id op)
{
    run_cases(s, op);
    bool good = s->failures == 0 && s->cases > 0;
    printf("%-6s %-20s %4d cases  worst %5.1f%% of the bound%s\n", s4d_backend_name(s->tested),
           s4d_op_name(op), s->cases, 100 * s->worst,
           s->cases == 0 ? "  NO CASE"
           : good        ? ""
                         : "  FAILED");
    return good;
}

/* Every result of the operation, damaged in turn, must be noticed. */
static bool self_test_op(suite *s, s4d_op_id op)
{
#ifdef S4D_TEST_HOOKS
    bool good = true;
    s->quiet = s->hasty = true;
    run_cases(s, op);
    if (s->failures || s->cases == 0) {
        printf("%-6s %-20s fails unspoiled\n", s4d_backend_name(s->tested), s4d_op_name(op));
        return false;
    }
    int count, spoiled = 0;
    const field *f = fields_of(op, &count);
    for (int i = 0; i < count; i++) {
        if (f[i].role == IN) {
            continue;
        }
        s4d_backend_spoil(s->tested, (int)op, f[i].offset);
        run_cases(s, op);
        s4d_backend_spoil(s->tested, -1, 0);
        spoiled++;
        if (s->failures == 0) {
            printf("%-6s %-20s damage to %s went unnoticed\n", s4d_backend_name(s->tested),
                   s4d_op_name(op), f[i].name);
            good = false;
        }
    }
    if (good && spoiled > 0) {
        printf("%-6s %-20s damage to %d result%s noticed\n", s4d_backend_name(s->tested),
               s4d_op_name(op), spoiled, spoiled == 1 ? "" : "s");
    }
    return good && spoiled > 0;
#else
    (void)s;
    (void)op;
    return false;
#endif
}

/* What the precision of the tested device means for the bounds. */
static void set_bounds(suite *s, const options *o)
{
    s->eps = s4d_backend_real(s->tested) == S4D_F64 ? DBL_EPSILON : (double)FLT_EPSILON;
    s->narrow = s4d_backend_act(s->tested) == S4D_BF16;
    s->rounded = s->narrow ? BF16_ROUNDING / (ALLOWED * s->eps) : 0;
    s->product = o->precision == S4D_TF32 ? 2 * TF32_ROUNDING / (ALLOWED * s->eps) : 0;
    s->casts_bf16 = strcmp(s4d_backend_name(s->tested), "cuda") == 0;
}

/* 0, 1, S4D_USAGE, or SKIPPED when the device is not there. */
static int run_device(const options *o, const char *device)
{
    suite s = {0};
    s4d_err err = {0};
    int status = 0;
    s4d_backend_opts opts = {.device = device, .threads = o->threads, .precision = o->precision};
    status = s4d_backend_create(&opts, &s.tested, &err);
    if (status != S4D_OK) {
        printf("parity: %s%s\n", status == S4D_USAGE ? "" : "skipped: ", err.text);
        return status == S4D_USAGE ? S4D_USAGE : SKIPPED;
    }
    if (s4d_backend_create(&(s4d_backend_opts){.device = "ref64"}, &s.exact, &err) != S4D_OK) {
        printf("parity: %s\n", err.text);
        status = 1;
        goto done;
    }
    set_bounds(&s, o);
    printf("%s\n", s4d_backend_description(s.tested));
    int wrong = 0, ran = 0;
    for (int op = 0; op < S4D_OP_COUNT; op++) {
        if (chosen(o, (s4d_op_id)op)) {
            ran++;
            wrong +=
                !(o->self_test ? self_test_op(&s, (s4d_op_id)op) : compare_op(&s, (s4d_op_id)op));
        }
    }
    printf("%s%s%s: %d operations, %d wrong\n", device, o->precision ? " " : "",
           o->precision ? s4d_precision_name(o->precision) : "", ran, wrong);
    status = wrong > 0;
done:
    release_blocks(&s);
    s4d_backend_destroy(&s.tested);
    s4d_backend_destroy(&s.exact);
    return status;
}

/* Every device but the exact one. */
static int run_all(const options *o)
{
    char names[256];
    snprintf(names, sizeof names, "%s", s4d_backend_devices());
    int status = SKIPPED;
    char *rest = names, *name;
    while ((name = strsep(&rest, ", "))) {
        if (name[0] == '\0' || strcmp(name, "ref64") == 0) {
            continue;
        }
        int one = run_device(o, name);
        bool required = o->require && strcmp(o->require, name) == 0;
        if ((one != 0 && one != SKIPPED) || (one == SKIPPED && required)) {
            status = 1;
        } else if (one == 0 && status == SKIPPED) {
            status = 0;
        }
    }
    return status;
}

static bool known_device(const char *name)
{
    char names[256], want[256];
    snprintf(names, sizeof names, ", %s,", s4d_backend_devices());
    snprintf(want, sizeof want, " %s,", name);
    return strstr(names, want) != NULL;
}

static bool known_op(const char *name)
{
    for (int op = 0; op < S4D_OP_COUNT; op++) {
        if (strcmp(name, s4d_op_name((s4d_op_id)op)) == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    options o = {0};
    if (!parse(argc, argv, &o)) {
        fprintf(stderr, "usage: parity [--device NAME] [--op OP] [--require NAME] [--threads N] "
                        "[--precision float32|tf32|bf16] [--self-test] [--list]\n");
        return S4D_USAGE;
    }
    if (o.op && !known_op(o.op)) {
        fprintf(stderr, "parity: there is no operation \"%s\"; --list shows them\n", o.op);
        return S4D_USAGE;
    }
    for (int op = 0; o.list && op < S4D_OP_COUNT; op++) {
        printf("%s\n", s4d_op_name((s4d_op_id)op));
    }
    if (o.list) {
        return 0;
    }
    if (o.self_test && o.precision == S4D_TF32) {
        fprintf(stderr, "parity: --self-test needs float32 or bf16: damage is smaller than the roundings of tf32\n");
        return S4D_USAGE;
    }
#ifndef S4D_TEST_HOOKS
    if (o.self_test) {
        printf("parity: skipped: the library was built without S4D_TEST_HOOKS, so no result can be "
               "damaged\n");
        return SKIPPED;
    }
#endif
    if (o.require && !known_device(o.require)) {
        printf("parity: the required device %s is not in this build; it has %s\n", o.require,
               s4d_backend_devices());
        return 1;
    }
    if (!o.device && o.precision != S4D_FLOAT32) {
        o.device = "cuda";
    }
    int status = o.device ? run_device(&o, o.device) : run_all(&o);
    return status == SKIPPED && o.require && (!o.device || strcmp(o.device, o.require) == 0)
               ? 1
               : status;
}
