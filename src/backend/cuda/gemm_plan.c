/* The cache of choices and its text. */
#include "backend/cuda/gemm_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/err.h"
#include "s4d/base/mem.h"

enum { KEY_NUMBERS = sizeof(s4d_cuda_plan_key) / sizeof(int64_t) };

static int64_t alignment(const void *p)
{
    uintptr_t low = (uintptr_t)p & (~(uintptr_t)p + 1); /* its lowest bit; 0 for NULL, as while planning */
    return low == 0 || low > 16 ? 16 : (int64_t)low;
}

s4d_cuda_plan_key s4d_cuda_plan_key_of(const s4d_cuda_product *p)
{
    bool many = p->batch > 1;
    return (s4d_cuda_plan_key){
        .m = p->m, .n = p->n, .k = p->k,
        .lda = p->lda, .ldb = p->ldb, .ldc = p->ldc,
        .batch = many ? p->batch : 1,
        .stride_a = many ? p->stride_a : 0, .stride_b = many ? p->stride_b : 0, .stride_c = many ? p->stride_c : 0,
        .stride_bias = many && p->has_bias ? p->stride_bias : 0,
        .ta = p->ta, .tb = p->tb, .type = p->type, .c_type = p->c_type, .bias = p->has_bias, .adds = p->beta != 0,
        .align_a = alignment(p->a), .align_b = alignment(p->b), .align_c = alignment(p->c),
        .align_bias = alignment(p->bias),
    };
}

/* ---- the cache ---- */

static uint64_t hash(const s4d_cuda_plan_key *key)
{
    int64_t number[KEY_NUMBERS];
    memcpy(number, key, sizeof number);
    uint64_t h = 14695981039346656037u;
    for (int i = 0; i < KEY_NUMBERS; ++i) {
        h = (h ^ (uint64_t)number[i]) * 1099511628211u;
        h ^= h >> 29;
    }
    return h;
}

static int32_t *slot_of(const s4d_cuda_plans *plans, const s4d_cuda_plan_key *key)
{
    size_t at = hash(key) % plans->slots;
    while (plans->table[at] && memcmp(&plans->item[plans->table[at] - 1]->key, key, sizeof *key) != 0)
        at = (at + 1) % plans->slots;
    return &plans->table[at];
}

static void place_all(s4d_cuda_plans *plans)
{
    memset(plans->table, 0, plans->slots * sizeof *plans->table);
    for (size_t i = 0; i < plans->count; ++i) *slot_of(plans, &plans->item[i]->key) = (int32_t)i + 1;
}

static bool make_room(s4d_cuda_plans *plans)
{
    if (plans->count < plans->room) return true;
    size_t room = plans->room ? 2 * plans->room : 128, slots = 2 * room;
    int32_t *table = s4d_mem_alloc(slots, sizeof *table);
    if (!table || !s4d_mem_grow(&plans->item, plans->room, room, sizeof(s4d_cuda_plan *))) {
        s4d_mem_free(table);
        return false;
    }
    s4d_mem_free(plans->table);
    plans->table = table;
    plans->slots = slots;
    plans->room = room;
    place_all(plans);
    return true;
}

s4d_cuda_plan *s4d_cuda_plans_find(s4d_cuda_plans *plans, const s4d_cuda_plan_key *key)
{
    if (!make_room(plans)) return NULL;
    int32_t *slot = slot_of(plans, key);
    if (*slot) return plans->item[*slot - 1];
    s4d_cuda_plan *plan = s4d_mem_alloc(1, sizeof *plan);
    if (!plan) return NULL;
    plan->key = *key;
    plans->item[plans->count++] = plan;
    *slot = (int32_t)plans->count;
    return plan;
}

void s4d_cuda_plans_drop(s4d_cuda_plans *plans, bool all, s4d_cuda_plan_end end, void *owner)
{
    size_t kept = 0;
    for (size_t i = 0; i < plans->count; ++i) {
        s4d_cuda_plan *plan = plans->item[i];
        if (!all && (plan->settled || plan->planned)) {
            plans->item[kept++] = plan;
            continue;
        }
        if (end) end(owner, plan);
        s4d_mem_free(plan);
    }
    plans->count = kept;
    if (!all) {
        place_all(plans);
        return;
    }
    s4d_mem_free(plans->item);
    s4d_mem_free(plans->table);
    *plans = (s4d_cuda_plans){0};
}

/* ---- as text ---- */

void s4d_cuda_plans_write(const s4d_cuda_plans *plans, const char *title, s4d_str *out)
{
    s4d_str_printf(out, "%s\n", title);
    for (size_t i = 0; i < plans->count; ++i) {
        const s4d_cuda_plan *plan = plans->item[i];
        if (!plan->settled || plan->candidates == 0) continue;
        int64_t number[KEY_NUMBERS];
        memcpy(number, &plan->key, sizeof number);
        for (int j = 0; j < KEY_NUMBERS; ++j) s4d_str_printf(out, "%" PRId64 " ", number[j]);
        for (int j = 0; j < S4D_CUDA_CHOICE_WORDS; ++j) s4d_str_printf(out, "%016" PRIx64, plan->candidate[0].algo[j]);
        s4d_str_printf(out, " %" PRIu64 "\n", plan->candidate[0].workspace);
    }
}

/* Sixteen hexadecimal digits. */
static bool read_word(const char *at, uint64_t *out)
{
    uint64_t word = 0;
    for (int i = 0; i < 16; ++i) {
        const char *digits = "0123456789abcdef", *digit = at[i] ? strchr(digits, at[i]) : NULL;
        if (!digit) return false;
        word = word << 4 | (uint64_t)(digit - digits);
    }
    *out = word;
    return true;
}

static bool read_line(const char **text, s4d_cuda_plan_key *key, s4d_cuda_choice *choice)
{
    const char *at = *text;
    char *end;
    int64_t number[KEY_NUMBERS];
    for (int i = 0; i < KEY_NUMBERS; ++i, at = end + 1) {
        number[i] = strtoll(at, &end, 10);
        if (end == at || *end != ' ') return false;
    }
    memcpy(key, number, sizeof number);
    for (int i = 0; i < S4D_CUDA_CHOICE_WORDS; ++i, at += 16)
        if (!read_word(at, &choice->algo[i])) return false;
    if (*at++ != ' ') return false;
    choice->workspace = strtoull(at, &end, 10);
    if (end == at || *end != '\n') return false;
    *text = end + 1;
    return true;
}

static bool read_lines(s4d_cuda_plans *plans, const char *text)
{
    while (*text) {
        s4d_cuda_plan_key key;
        s4d_cuda_choice choice;
        if (!read_line(&text, &key, &choice)) return false;
        s4d_cuda_plan *plan = plans ? s4d_cuda_plans_find(plans, &key) : NULL;
        if (!plan && plans) return false;
        if (plan) {
            plan->candidate[0] = choice;
            plan->candidates = 1;
            plan->asked = plan->settled = plan->foreign = true;
        }
    }
    return true;
}

bool s4d_cuda_plans_read(s4d_cuda_plans *plans, const char *title, const char *text)
{
    size_t n = strlen(title);
    if (strncmp(text, title, n) != 0 || text[n] != '\n') return false;
    text += n + 1;
    return read_lines(NULL, text) && read_lines(plans, text); /* looked through before anything is taken */
}
